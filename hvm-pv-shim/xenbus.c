// SPDX-License-Identifier: GPL-2.0
/*
 * The buses of frontends and backends: devices come and go with their
 * directories in xenstore.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "shim.h"

/* How long a former kernel's peer may take to let go. */
#define RESET_TIMEOUT	(5 * HZ)
/* And all peers together, when this kernel ends. */
#define CLOSE_TIMEOUT	(5 * HZ)

/**
 * struct side - the frontends or the backends of this guest
 * @bus: their bus
 * @root: their directory
 * @depth: path elements of a device's directory
 * @peer_dir: key with the directory of the other end
 * @peer_id: key with its domain
 * @watch: of the root
 */
struct side {
	struct bus_type bus;
	const char *root;
	unsigned int depth;
	const char *peer_dir;
	const char *peer_id;
	struct xenbus_watch watch;
};

/* A device, and the strings that it points to. */
struct shim_device {
	struct xenbus_device xb;
	char type[32];
	char node[];
};

static atomic_t nr_devices = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(no_devices);
static bool scanning;
/* What a former kernel had connected has been looked after. */
static bool former_reset;
/* This kernel ends: frontends close, which takes until then at most. */
static bool ending;
static unsigned long ending_until;

static struct side *shim_side_of(struct xenbus_device *xb)
{
	return container_of(xb->dev.bus, struct side, bus);
}

static struct side frontends, backends;

/* ---- the other end ---- */

static void shim_peer_changed(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	struct xenbus_device *xb = container_of(watch, struct xenbus_device,
						otherend_watch);
	struct xenbus_driver *drv;
	enum xenbus_state state;

	if (!xb->otherend || !xb->dev.driver)
		return;
	drv = to_xenbus_driver(xb->dev.driver);
	state = xenbus_read_driver_state(xb->otherend);
	if (READ_ONCE(ending) && shim_side_of(xb) == &frontends) {
		if (state == XenbusStateClosing || state == XenbusStateClosed)
			xenbus_frontend_closed(xb);
		return;
	}
	if (drv->otherend_changed)
		drv->otherend_changed(xb, state);
}

/* The state is read when the event is handled: one that waits says it all. */
static bool shim_peer_filter(struct xenbus_watch *watch, const char *path,
			     const char *token)
{
	return !watch->nr_pending;
}

static void shim_forget_peer(struct xenbus_device *xb)
{
	kfree(xb->otherend);
	xb->otherend = NULL;
	xb->otherend_id = 0;
}

static int shim_read_peer(struct xenbus_device *xb)
{
	struct side *side = shim_side_of(xb);
	char *dir = NULL;
	int err, id;

	shim_forget_peer(xb);
	err = xenbus_gather(XBT_NIL, xb->nodename, side->peer_id, "%i", &id,
			    side->peer_dir, NULL, &dir, NULL);
	if (err)
		return err;
	if (!*dir || id < 0 || id >= DOMID_FIRST_RESERVED ||
	    !xenbus_exists(XBT_NIL, dir, "")) {
		kfree(dir);
		return -ENOENT;
	}
	xb->otherend = dir;
	xb->otherend_id = id;
	return 0;
}

static int shim_watch_peer(struct xenbus_device *xb)
{
	return xenbus_watch_pathfmt(xb, &xb->otherend_watch, shim_peer_filter,
				    shim_peer_changed, "%s/%s", xb->otherend,
				    "state");
}

/* Time that is left; at least a little. */
static unsigned long shim_left_until(unsigned long until)
{
	return time_before(jiffies, until) ? until - jiffies : 1;
}

/* Wait for one of these states. */
static bool shim_wait_peer(const char *peer, unsigned int states,
			   unsigned long until)
{
	while (!(states & BIT(xenbus_read_driver_state(peer)))) {
		if (!time_before(jiffies, until))
			return false;
		msleep(50);
	}
	return true;
}

/* One that waits to be initialised has nothing of the old one's. */
static bool shim_peer_lets_go(const char *peer, unsigned long until)
{
	return shim_wait_peer(peer, BIT(XenbusStateClosed) | BIT(XenbusStateInitWait) |
			       BIT(XenbusStateUnknown), until);
}

static void shim_unwatch_peer(struct xenbus_device *xb)
{
	if (!xb->otherend_watch.node)
		return;
	unregister_xenbus_watch(&xb->otherend_watch);
	kfree(xb->otherend_watch.node);
	xb->otherend_watch.node = NULL;
}

/* ---- the bus ---- */

static const struct xenbus_device_id *find_id(const struct xenbus_driver *drv,
					      const struct xenbus_device *xb)
{
	const struct xenbus_device_id *id;

	for (id = drv->ids; id && *id->devicetype; id++)
		if (!strcmp(id->devicetype, xb->devicetype))
			return id;
	return NULL;
}

static int shim_bus_match(struct device *dev, SHIM_MATCH_DRIVER *driver)
{
	const struct xenbus_driver *drv =
		container_of(driver, struct xenbus_driver, driver);

	return !!find_id(drv, to_xenbus_device(dev));
}

static int shim_bus_uevent(SHIM_UEVENT_DEVICE *dev, struct kobj_uevent_env *env)
{
	struct xenbus_device *xb = to_xenbus_device((struct device *)dev);
	const struct device_driver *driver = READ_ONCE(dev->driver);
	const struct xenbus_driver *drv;

	if (add_uevent_var(env, "XENBUS_TYPE=%s", xb->devicetype) ||
	    add_uevent_var(env, "XENBUS_PATH=%s", xb->nodename) ||
	    add_uevent_var(env, "MODALIAS=%s:%s", dev->bus->name,
			   xb->devicetype))
		return -ENOMEM;
	if (shim_side_of(xb) != &backends)
		return 0;
	if (add_uevent_var(env, "XENBUS_BASE_PATH=%s", backends.root))
		return -ENOMEM;
	if (!driver)
		return 0;
	drv = container_of_const(driver, struct xenbus_driver, driver);
	return drv->uevent ? drv->uevent(xb, env) : 0;
}

static int shim_bus_probe(struct device *dev)
{
	struct xenbus_device *xb = to_xenbus_device(dev);
	struct xenbus_driver *drv = to_xenbus_driver(dev->driver);
	int err;

	if (!drv->probe)
		return -ENODEV;
	err = shim_read_peer(xb);
	if (err) {
		dev_warn(dev, "the other end is not in xenstore\n");
		return err;
	}
	if (!try_module_get(drv->driver.owner)) {
		err = -ESRCH;
		goto no_module;
	}
	down(&xb->reclaim_sem);
	err = drv->probe(xb, find_id(drv, xb));
	up(&xb->reclaim_sem);
	if (err)
		goto no_probe;
	err = shim_watch_peer(xb);
	if (err) {
		dev_warn(dev, "cannot watch the other end\n");
		goto no_watch;
	}
	return 0;

no_watch:
	if (drv->remove) {
		down(&xb->reclaim_sem);
		drv->remove(xb);
		up(&xb->reclaim_sem);
	}
no_probe:
	module_put(drv->driver.owner);
no_module:
	shim_forget_peer(xb);
	return err;
}

static void shim_bus_remove(struct device *dev)
{
	struct xenbus_device *xb = to_xenbus_device(dev);
	struct xenbus_driver *drv = to_xenbus_driver(dev->driver);

	shim_unwatch_peer(xb);
	if (drv->remove) {
		down(&xb->reclaim_sem);
		drv->remove(xb);
		up(&xb->reclaim_sem);
	}
	module_put(drv->driver.owner);
	shim_forget_peer(xb);
	/* A driver that wants to come back says so by its state. */
	if (!drv->allow_rebind ||
	    xenbus_read_driver_state(xb->nodename) == XenbusStateClosing)
		xenbus_switch_state(xb, XenbusStateClosed);
}

/*
 * The end of this kernel. Another one may be started in its place, in whose
 * memory no backend must write.
 */
static void shim_frontend_shutdown(struct device *dev)
{
	struct xenbus_device *xb = to_xenbus_device(dev);

	if (!ending) {
		ending_until = jiffies + CLOSE_TIMEOUT;
		WRITE_ONCE(ending, true);
	}
	if (!dev->driver || !xb->otherend)
		return;
	switch (xb->state) {
	case XenbusStateInitialised:
	case XenbusStateConnected:
	case XenbusStateReconfiguring:
	case XenbusStateReconfigured:
		break;
	default:
		return;
	}
	reinit_completion(&xb->down);
	xenbus_switch_state(xb, XenbusStateClosing);
	if (!wait_for_completion_timeout(&xb->down, shim_left_until(ending_until)) ||
	    !shim_peer_lets_go(xb->otherend, ending_until))
		dev_warn(dev, "the backend does not let go\n");
}

static ssize_t nodename_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%s\n", to_xenbus_device(dev)->nodename);
}
static DEVICE_ATTR_RO(nodename);

static ssize_t devtype_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n", to_xenbus_device(dev)->devicetype);
}
static DEVICE_ATTR_RO(devtype);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%s:%s\n", dev->bus->name,
			  to_xenbus_device(dev)->devicetype);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  xenbus_strstate(to_xenbus_device(dev)->state));
}
static DEVICE_ATTR_RO(state);

static ssize_t event_channels_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  atomic_read(&to_xenbus_device(dev)->event_channels));
}
static DEVICE_ATTR_RO(event_channels);

static ssize_t events_show(struct device *dev,
			   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  atomic_read(&to_xenbus_device(dev)->events));
}
static DEVICE_ATTR_RO(events);

static ssize_t spurious_events_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  atomic_read(&to_xenbus_device(dev)->spurious_events));
}
static DEVICE_ATTR_RO(spurious_events);

static ssize_t jiffies_eoi_delayed_show(struct device *dev,
					struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  atomic_read(&to_xenbus_device(dev)->jiffies_eoi_delayed));
}
static DEVICE_ATTR_RO(jiffies_eoi_delayed);

static ssize_t spurious_threshold_show(struct device *dev,
				       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  to_xenbus_device(dev)->spurious_threshold);
}

static ssize_t spurious_threshold_store(struct device *dev,
					struct device_attribute *attr,
					const char *buf, size_t count)
{
	unsigned int value;
	int err = kstrtouint(buf, 0, &value);

	if (err)
		return err;
	to_xenbus_device(dev)->spurious_threshold = value;
	return count;
}
static DEVICE_ATTR_RW(spurious_threshold);

static struct attribute *device_attrs[] = {
	&dev_attr_nodename.attr,
	&dev_attr_devtype.attr,
	&dev_attr_modalias.attr,
	&dev_attr_state.attr,
	NULL
};

static struct attribute *event_attrs[] = {
	&dev_attr_event_channels.attr,
	&dev_attr_events.attr,
	&dev_attr_spurious_events.attr,
	&dev_attr_jiffies_eoi_delayed.attr,
	&dev_attr_spurious_threshold.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs = device_attrs,
};

static const struct attribute_group event_group = {
	.name = "xenbus",
	.attrs = event_attrs,
};

static const struct attribute_group *device_groups[] = {
	&device_group,
	&event_group,
	NULL
};

static void shim_root_changed(struct xenbus_watch *watch, const char *path,
			      const char *token);
static bool shim_root_filter(struct xenbus_watch *watch, const char *path,
			     const char *token);

static struct side frontends = {
	.bus = {
		.name = "xen",
		.match = shim_bus_match,
		.uevent = shim_bus_uevent,
		.probe = shim_bus_probe,
		.remove = shim_bus_remove,
		.shutdown = shim_frontend_shutdown,
		.dev_groups = device_groups,
	},
	.root = "device",
	.depth = 3,
	.peer_dir = "backend",
	.peer_id = "backend-id",
	.watch = {
		.node = "device",
		.will_handle = shim_root_filter,
		.callback = shim_root_changed,
	},
};

static struct side backends = {
	.bus = {
		.name = "xen-backend",
		.match = shim_bus_match,
		.uevent = shim_bus_uevent,
		.probe = shim_bus_probe,
		.remove = shim_bus_remove,
		.dev_groups = device_groups,
	},
	.root = "backend",
	.depth = 4,
	.peer_dir = "frontend",
	.peer_id = "frontend-id",
	.watch = {
		.node = "backend",
		.will_handle = shim_root_filter,
		.callback = shim_root_changed,
	},
};

static struct side *const sides[] = { &frontends, &backends };

/* ---- devices ---- */

static void shim_device_gone(struct device *dev)
{
	kfree(container_of(to_xenbus_device(dev), struct shim_device, xb));
	if (atomic_dec_and_test(&nr_devices))
		wake_up_all(&no_devices);
}

/*
 * A frontend that is not at its beginning was somebody else's: a former
 * kernel's, or this one's before the module was loaded again. Its backend must
 * see it closed before it sees it new. Says whether nothing of it is left.
 */
static bool shim_reset_frontend(const char *node)
{
	bool gone;
	char *peer;
	int state;
	int err;

	err = xenbus_scanf(XBT_NIL, node, "state", "%d", &state);
	if (err != 1)
		return err == -ENOENT;
	if (state == XenbusStateInitialising)
		return true;
	peer = xenbus_read(XBT_NIL, node, "backend", NULL);
	if (IS_ERR(peer))
		return PTR_ERR(peer) == -ENOENT;
	if (state != XenbusStateClosed)
		xenbus_printf(XBT_NIL, node, "state", "%d", XenbusStateClosed);
	gone = shim_peer_lets_go(peer, jiffies + RESET_TIMEOUT);
	if (!gone)
		pr_warn("%s: the backend does not let go of what was before\n",
			node);
	xenbus_printf(XBT_NIL, node, "state", "%d", XenbusStateInitialising);
	shim_wait_peer(peer, BIT(XenbusStateInitWait) | BIT(XenbusStateUnknown),
		       jiffies + RESET_TIMEOUT);
	kfree(peer);
	return gone;
}

/* "device/vbd/768" is vbd-768, "backend/vbd/3/768" is vbd-3-768. */
static int shim_name_device(struct xenbus_device *xb, const char *node)
{
	const char *rest = strchr(node, '/') + 1;
	char *name = kstrdup(rest, GFP_KERNEL);
	int err;

	if (!name)
		return -ENOMEM;
	strreplace(name, '/', '-');
	err = dev_set_name(&xb->dev, "%s", name);
	kfree(name);
	return err;
}

static void shim_add_device(struct side *side, const char *type, const char *node)
{
	struct shim_device *sd;
	int err;

	if (side == &frontends) {
		if (unplug_hides(type, node))
			return;
		shim_reset_frontend(node);
	}
	sd = kzalloc(struct_size(sd, node, strlen(node) + 1), GFP_KERNEL);
	if (!sd)
		return;
	strscpy(sd->type, type, sizeof(sd->type));
	strcpy(sd->node, node);
	sd->xb.devicetype = sd->type;
	sd->xb.nodename = sd->node;
	sd->xb.state = XenbusStateInitialising;
	sd->xb.spurious_threshold = 1;
	init_completion(&sd->xb.down);
	sema_init(&sd->xb.reclaim_sem, 1);
	sd->xb.dev.bus = &side->bus;
	sd->xb.dev.release = shim_device_gone;
	device_initialize(&sd->xb.dev);
	atomic_inc(&nr_devices);
	err = shim_name_device(&sd->xb, node);
	err = err ?: device_add(&sd->xb.dev);
	if (err) {
		pr_err("cannot add %s: error %d\n", node, err);
		put_device(&sd->xb.dev);
	}
}

static int shim_match_node(struct device *dev, const void *node)
{
	return !strcmp(to_xenbus_device(dev)->nodename, node);
}

static int shim_match_gone(struct device *dev, const void *prefix)
{
	const char *node = to_xenbus_device(dev)->nodename;
	unsigned int len = strlen(prefix);

	return !strncmp(node, prefix, len) && (!node[len] || node[len] == '/') &&
	       !xenbus_exists(XBT_NIL, node, "");
}

static void shim_remove_gone(struct side *side, const char *prefix)
{
	struct device *dev;

	while ((dev = bus_find_device(&side->bus, NULL, prefix, shim_match_gone))) {
		device_unregister(dev);
		put_device(dev);
	}
}

/* Is there a device, or only what the toolstack has not yet cleared away? */
static bool shim_is_device(struct side *side, const char *node)
{
	switch (xenbus_read_driver_state(node)) {
	case XenbusStateUnknown:
		return false;
	case XenbusStateInitialising:
		return true;
	default:
		return side == &frontends ||
		       xenbus_read_unsigned(node, "online", 0);
	}
}

static bool shim_check_device(struct side *side, const char *node)
{
	const char *type = strchr(node, '/') + 1;
	unsigned int len = strcspn(type, "/");
	struct device *dev;
	char name[32];

	if (!shim_is_device(side, node))
		return true;
	dev = bus_find_device(&side->bus, NULL, node, shim_match_node);
	if (dev) {
		put_device(dev);
		return true;
	}
	if (len >= sizeof(name))
		return true;
	strscpy(name, type, len + 1);
	shim_add_device(side, name, node);
	return true;
}

/*
 * Add, or reset, all devices below a directory that lies @more levels above
 * them. Says whether it went well for each; what cannot be read did not.
 */
static bool shim_each_below(struct side *side, const char *dir, unsigned int more,
			    bool reset)
{
	unsigned int nr, i;
	bool all = true;
	char **names;

	if (!more)
		return reset ? shim_reset_frontend(dir) : shim_check_device(side, dir);
	names = xenbus_directory(XBT_NIL, dir, "", &nr);
	if (IS_ERR(names))
		return PTR_ERR(names) == -ENOENT;
	for (i = 0; i < nr; i++) {
		char *path = kasprintf(GFP_KERNEL, "%s/%s", dir, names[i]);

		if (!path || !shim_each_below(side, path, more - 1, reset))
			all = false;
		kfree(path);
	}
	kfree(names);
	return all;
}

/*
 * Before any device is there: all backends let go of what a former kernel had
 * granted, those of devices that stay hidden here, too.
 */
static void shim_reset_former(void)
{
	if (former_reset)
		return;
	former_reset = true;
	if (shim_each_below(&frontends, frontends.root, frontends.depth - 1, true))
		grants_reclaim();
	else
		pr_info("what a former kernel has granted stays so\n");
}

static unsigned int shim_elements(const char *path)
{
	unsigned int nr = 1;

	for (; *path; path++)
		nr += *path == '/';
	return nr;
}

/* Of a device's own directory only its state tells that it is there. */
static bool shim_root_filter(struct xenbus_watch *watch, const char *path,
			     const char *token)
{
	struct side *side = container_of(watch, struct side, watch);
	unsigned int nr = shim_elements(path);

	if (nr <= side->depth)
		return true;
	return nr == side->depth + 1 && !strcmp(strrchr(path, '/'), "/state");
}

static void shim_root_changed(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	struct side *side = container_of(watch, struct side, watch);
	unsigned int nr = shim_elements(path);
	char *node;

	if (!scanning)
		return;
	node = kstrdup(path, GFP_KERNEL);
	if (!node)
		return;
	if (nr > side->depth) {
		*strrchr(node, '/') = 0;
		nr = side->depth;
	}
	shim_reset_former();
	shim_remove_gone(side, node);
	shim_each_below(side, node, side->depth - nr, false);
	kfree(node);
}

/* ---- drivers ---- */

static int shim_register_driver(struct xenbus_driver *drv, struct side *side,
				struct module *owner, const char *mod_name)
{
	drv->driver.name = drv->name ?: drv->ids[0].devicetype;
	drv->driver.bus = &side->bus;
	drv->driver.owner = owner;
	drv->driver.mod_name = mod_name;
	return driver_register(&drv->driver);
}

/** __xenbus_register_frontend() - register a frontend's driver */
int __xenbus_register_frontend(struct xenbus_driver *drv, struct module *owner,
			       const char *mod_name)
{
	return shim_register_driver(drv, &frontends, owner, mod_name);
}
EXPORT_SYMBOL_GPL(__xenbus_register_frontend);

/** __xenbus_register_backend() - register a backend's driver */
int __xenbus_register_backend(struct xenbus_driver *drv, struct module *owner,
			      const char *mod_name)
{
	return shim_register_driver(drv, &backends, owner, mod_name);
}
EXPORT_SYMBOL_GPL(__xenbus_register_backend);

/** xenbus_unregister_driver() - and take it away */
void xenbus_unregister_driver(struct xenbus_driver *drv)
{
	driver_unregister(&drv->driver);
}
EXPORT_SYMBOL_GPL(xenbus_unregister_driver);

/* ---- start, end, suspend ---- */

int xenbus_buses_init(void)
{
	int err;

	ending = false;
	err = bus_register(&frontends.bus);
	if (err)
		return err;
	err = bus_register(&backends.bus);
	if (err)
		bus_unregister(&frontends.bus);
	return err;
}

/* From here on devices appear. */
void xenbus_buses_scan(void)
{
	unsigned int i;

	former_reset = false;
	scanning = true;
	for (i = 0; i < ARRAY_SIZE(sides); i++)
		if (register_xenbus_watch(&sides[i]->watch))
			pr_err("cannot watch %s\n", sides[i]->root);
}

static int shim_remove_any(struct device *dev, const void *data)
{
	return 1;
}

void xenbus_buses_exit(void)
{
	struct device *dev;
	unsigned int i;

	if (scanning)
		for (i = 0; i < ARRAY_SIZE(sides); i++)
			unregister_xenbus_watch(&sides[i]->watch);
	scanning = false;
	for (i = 0; i < ARRAY_SIZE(sides); i++) {
		while ((dev = bus_find_device(&sides[i]->bus, NULL, NULL,
					      shim_remove_any))) {
			device_unregister(dev);
			put_device(dev);
		}
		bus_unregister(&sides[i]->bus);
	}
	/* Somebody may still hold one by an open file. */
	wait_event(no_devices, !atomic_read(&nr_devices));
}

/* No driver is bound to it, or leaves it, before it is resumed. */
static int shim_suspend_device(struct device *dev, void *data)
{
	struct xenbus_device *xb = to_xenbus_device(dev);
	struct xenbus_driver *drv;

	device_lock(dev);
	if (dev->driver) {
		drv = to_xenbus_driver(dev->driver);
		if (drv->suspend && drv->suspend(xb))
			dev_warn(dev, "does not want to be suspended\n");
	}
	return 0;
}

void xenbus_buses_suspend(void)
{
	bus_for_each_dev(&frontends.bus, NULL, NULL, shim_suspend_device);
}

static void shim_resume_driver(struct xenbus_device *xb, struct xenbus_driver *drv)
{
	struct device *dev = &xb->dev;
	int err;

	shim_unwatch_peer(xb);
	err = shim_read_peer(xb);
	if (err) {
		dev_warn(dev, "the other end has not come along\n");
		return;
	}
	xb->state = XenbusStateInitialising;
	if (drv->resume) {
		err = drv->resume(xb);
		if (err)
			dev_warn(dev, "does not resume: error %d\n", err);
	}
	if (shim_watch_peer(xb))
		dev_warn(dev, "cannot watch the other end\n");
}

static int shim_resume_device(struct device *dev, void *cancelled)
{
	if (dev->driver && !*(bool *)cancelled)
		shim_resume_driver(to_xenbus_device(dev),
				   to_xenbus_driver(dev->driver));
	device_unlock(dev);
	return 0;
}

void xenbus_buses_resume(bool cancelled)
{
	bus_for_each_dev(&frontends.bus, NULL, &cancelled, shim_resume_device);
}
