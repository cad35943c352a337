// SPDX-License-Identifier: GPL-2.0
/*
 * Devices: two buses of the driver core, as the kernel has them, and what xenbus does for a driver: states, errors,
 * shared rings.
 */
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include "internal.h"

struct device_entry {
	struct list_head list;
	struct xenbus_device xdev;
	enum fake_xen_end end;
	char type[32];
	char nodename[FAKE_XEN_PATH_LEN];
	bool watched;
	bool suspended;
};

/* A ring mapped with xenbus_map_ring_valloc(). */
struct mapped_ring {
	struct list_head list;
	void *vaddr;
	unsigned int nr;
	grant_ref_t ref[XENBUS_MAX_RING_GRANTS];
};

struct fault fake_xen_step_faults[FAKE_XEN_NR_STEPS];

static DEFINE_MUTEX(devices_mutex);
static LIST_HEAD(devices);
static DEFINE_SPINLOCK(rings_lock);
static LIST_HEAD(rings);
static char last_error[256];

#define to_entry(dev) container_of(dev, struct device_entry, xdev)

void fake_xen_fail_step(enum fake_xen_step step, unsigned int skip, unsigned int count, int err)
{
	fake_xen_step_faults[step] = (struct fault){ .skip = skip, .count = count, .err = err };
}
FAKE_XEN_SYMBOL(fake_xen_fail_step);

/* States */

enum xenbus_state xenbus_read_driver_state(const char *path)
{
	int state;

	return xenbus_scanf(XBT_NIL, path, "state", "%d", &state) == 1 ? state : XenbusStateUnknown;
}
FAKE_XEN_SYMBOL(xenbus_read_driver_state);

int xenbus_switch_state(struct xenbus_device *dev, enum xenbus_state state)
{
	struct xenbus_transaction t;
	int err, old;

	if (state == dev->state)
		return 0;
	do {
		err = xenbus_transaction_start(&t);
		if (err)
			return 0;
		/* A directory that the toolstack has removed must not come back. */
		if (xenbus_scanf(t, dev->nodename, "state", "%d", &old) != 1) {
			xenbus_transaction_end(t, 1);
			return 0;
		}
		err = xenbus_printf(t, dev->nodename, "state", "%d", state);
		if (err) {
			xenbus_transaction_end(t, 1);
			xenbus_dev_fatal(dev, err, "writing new state");
			return 0;
		}
		err = xenbus_transaction_end(t, 0);
	} while (err == -EAGAIN);
	if (!err)
		dev->state = state;
	return 0;
}
FAKE_XEN_SYMBOL(xenbus_switch_state);

int xenbus_frontend_closed(struct xenbus_device *dev)
{
	xenbus_switch_state(dev, XenbusStateClosed);
	complete(&dev->down);
	return 0;
}
FAKE_XEN_SYMBOL(xenbus_frontend_closed);

int xenbus_dev_is_online(struct xenbus_device *dev)
{
	return !!xenbus_read_unsigned(dev->nodename, "online", 0);
}
FAKE_XEN_SYMBOL(xenbus_dev_is_online);

static __printf(3, 0) void note_error(struct xenbus_device *dev, int err, const char *fmt, va_list ap)
{
	char text[200];
	char *dir = kasprintf(GFP_KERNEL, "error/%s", dev->nodename);

	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(last_error, sizeof(last_error), "%d %s", -err, text);
	dev_info(&dev->dev, "error: %s\n", last_error);
	if (dir)
		xenbus_write(XBT_NIL, dir, "error", last_error);
	kfree(dir);
}

void xenbus_dev_error(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list ap;

	fake_xen_counts.errors++;
	va_start(ap, fmt);
	note_error(dev, err, fmt, ap);
	va_end(ap);
}
FAKE_XEN_SYMBOL(xenbus_dev_error);

void xenbus_dev_fatal(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list ap;

	fake_xen_counts.fatal++;
	va_start(ap, fmt);
	note_error(dev, err, fmt, ap);
	va_end(ap);
	xenbus_switch_state(dev, XenbusStateClosing);
}
FAKE_XEN_SYMBOL(xenbus_dev_fatal);

const char *fake_xen_last_error(void)
{
	return last_error;
}
FAKE_XEN_SYMBOL(fake_xen_last_error);

int xenbus_watch_pathfmt(struct xenbus_device *dev, struct xenbus_watch *watch,
			 bool (*will_handle)(struct xenbus_watch *, const char *, const char *),
			 void (*callback)(struct xenbus_watch *, const char *, const char *),
			 const char *pathfmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, pathfmt);
	watch->node = kvasprintf(GFP_KERNEL, pathfmt, ap);
	va_end(ap);
	if (!watch->node)
		return -ENOMEM;
	watch->will_handle = will_handle;
	watch->callback = callback;
	err = register_xenbus_watch(watch);
	if (err) {
		kfree(watch->node);
		watch->node = NULL;
	}
	return err;
}
FAKE_XEN_SYMBOL(xenbus_watch_pathfmt);

/* Event channels */

int xenbus_alloc_evtchn(struct xenbus_device *dev, evtchn_port_t *port)
{
	int err = fault_hits(&fake_xen_step_faults[FAKE_XEN_EVTCHN], -ENOSPC) ?: fake_evtchn_alloc(port);

	if (err)
		xenbus_dev_fatal(dev, err, "allocating event channel");
	return err;
}
FAKE_XEN_SYMBOL(xenbus_alloc_evtchn);

int xenbus_free_evtchn(struct xenbus_device *dev, evtchn_port_t port)
{
	return fake_evtchn_free(port);
}
FAKE_XEN_SYMBOL(xenbus_free_evtchn);

/* Rings: the frontend's side, then the backend's */

void xenbus_teardown_ring(void **vaddr, unsigned int nr_pages, grant_ref_t *grefs)
{
	unsigned int i;

	for (i = 0; i < nr_pages; i++) {
		struct page *page = *vaddr ? virt_to_page(*vaddr + i * PAGE_SIZE) : NULL;

		if (grefs[i] != INVALID_GRANT_REF) {
			gnttab_end_foreign_access(grefs[i], page);
			grefs[i] = INVALID_GRANT_REF;
		} else if (page) {
			__free_page(page);
		}
	}
	*vaddr = NULL;
}
FAKE_XEN_SYMBOL(xenbus_teardown_ring);

int xenbus_setup_ring(struct xenbus_device *dev, gfp_t gfp, void **vaddr, unsigned int nr_pages, grant_ref_t *grefs)
{
	int err = fault_hits(&fake_xen_step_faults[FAKE_XEN_SETUP_RING], -ENOMEM);
	grant_ref_t head;
	unsigned int i;

	*vaddr = NULL;
	for (i = 0; i < nr_pages; i++)
		grefs[i] = INVALID_GRANT_REF;
	if (!err) {
		*vaddr = alloc_pages_exact(nr_pages * PAGE_SIZE, gfp | __GFP_ZERO);
		err = *vaddr ? gnttab_alloc_grant_references(nr_pages, &head) : -ENOMEM;
	}
	if (err) {
		xenbus_teardown_ring(vaddr, nr_pages, grefs);
		xenbus_dev_fatal(dev, err, "granting access to %u ring pages", nr_pages);
		return err;
	}
	for (i = 0; i < nr_pages; i++) {
		grefs[i] = gnttab_claim_grant_reference(&head);
		gnttab_grant_foreign_access_ref(grefs[i], dev->otherend_id,
						page_to_pfn(virt_to_page(*vaddr + i * PAGE_SIZE)), 0);
	}
	return 0;
}
FAKE_XEN_SYMBOL(xenbus_setup_ring);

int xenbus_map_ring_valloc(struct xenbus_device *dev, grant_ref_t *gnt_refs, unsigned int nr_grefs, void **vaddr)
{
	struct page *pages[XENBUS_MAX_RING_GRANTS];
	struct mapped_ring *ring;
	unsigned int i;
	int err;

	*vaddr = NULL;
	if (nr_grefs > XENBUS_MAX_RING_GRANTS)
		return -EINVAL;
	err = fault_hits(&fake_xen_step_faults[FAKE_XEN_MAP_RING], -ENOMEM);
	if (err) {
		xenbus_dev_fatal(dev, err, "mapping in shared pages from domain %d", dev->otherend_id);
		return err;
	}
	ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	for (i = 0; i < nr_grefs; i++) {
		pages[i] = fake_xen_granted_readonly(gnt_refs[i]) ? NULL : fake_grants_hold(gnt_refs[i]);
		if (!pages[i]) {
			err = -EINVAL;
			xenbus_dev_fatal(dev, err, "mapping in shared page %u from domain %d", gnt_refs[i],
					 dev->otherend_id);
			goto fail;
		}
		ring->ref[i] = gnt_refs[i];
	}
	ring->vaddr = vmap(pages, nr_grefs, VM_MAP, PAGE_KERNEL);
	if (!ring->vaddr) {
		err = -ENOMEM;
		goto fail;
	}
	ring->nr = nr_grefs;
	spin_lock(&rings_lock);
	list_add(&ring->list, &rings);
	spin_unlock(&rings_lock);
	*vaddr = ring->vaddr;
	return 0;

fail:
	while (i--)
		fake_grants_drop(gnt_refs[i]);
	kfree(ring);
	return err;
}
FAKE_XEN_SYMBOL(xenbus_map_ring_valloc);

int xenbus_unmap_ring_vfree(struct xenbus_device *dev, void *vaddr)
{
	struct mapped_ring *ring = NULL, *r;
	unsigned int i;

	spin_lock(&rings_lock);
	list_for_each_entry(r, &rings, list)
		if (r->vaddr == vaddr) {
			ring = r;
			list_del(&ring->list);
			break;
		}
	spin_unlock(&rings_lock);
	if (WARN(!ring, "fake-xen: a ring unmapped that is not mapped\n"))
		return -ENOENT;
	vunmap(vaddr);
	for (i = 0; i < ring->nr; i++)
		fake_grants_drop(ring->ref[i]);
	kfree(ring);
	return 0;
}
FAKE_XEN_SYMBOL(xenbus_unmap_ring_vfree);

unsigned int fake_bus_watches(void)
{
	struct device_entry *entry;
	unsigned int nr = 0;

	mutex_lock(&devices_mutex);
	list_for_each_entry(entry, &devices, list)
		nr += entry->watched;
	mutex_unlock(&devices_mutex);
	return nr;
}

unsigned int fake_bus_rings(void)
{
	struct mapped_ring *r;
	unsigned int nr = 0;

	spin_lock(&rings_lock);
	list_for_each_entry(r, &rings, list)
		nr += r->nr;
	spin_unlock(&rings_lock);
	return nr;
}

/* Buses */

static void otherend_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct xenbus_device *dev = container_of(watch, struct xenbus_device, otherend_watch);
	struct xenbus_driver *drv = to_xenbus_driver(dev->dev.driver);

	/* What happens in xenstore meanwhile a guest does not hear of. */
	if (drv->otherend_changed && !READ_ONCE(to_entry(dev)->suspended))
		drv->otherend_changed(dev, xenbus_read_driver_state(dev->otherend));
}

static int find_otherend(struct xenbus_device *dev)
{
	const char *what = to_entry(dev)->end == FAKE_XEN_FRONT ? "backend" : "frontend";
	char id[16];

	kfree(dev->otherend);
	dev->otherend = NULL;
	snprintf(id, sizeof(id), "%s-id", what);
	return xenbus_gather(XBT_NIL, dev->nodename, id, "%i", &dev->otherend_id, what, NULL, &dev->otherend, NULL);
}

static void unwatch_otherend(struct xenbus_device *dev)
{
	if (!to_entry(dev)->watched)
		return;
	to_entry(dev)->watched = false;
	unregister_xenbus_watch(&dev->otherend_watch);
	kfree(dev->otherend_watch.node);
	dev->otherend_watch.node = NULL;
}

static int watch_otherend(struct xenbus_device *dev)
{
	int err;

	WRITE_ONCE(to_entry(dev)->suspended, false);
	err = xenbus_watch_pathfmt(dev, &dev->otherend_watch, NULL, otherend_changed, "%s/state", dev->otherend);
	to_entry(dev)->watched = !err;
	return err;
}

static const struct xenbus_device_id *match_id(const struct xenbus_driver *drv, const struct xenbus_device *dev)
{
	const struct xenbus_device_id *id;

	for (id = drv->ids; *id->devicetype; id++)
		if (!strcmp(id->devicetype, dev->devicetype))
			return id;
	return NULL;
}

static int bus_match(struct device *dev, struct device_driver *drv)
{
	return !!match_id(to_xenbus_driver(drv), to_xenbus_device(dev));
}

static int bus_probe(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);
	struct xenbus_driver *drv = to_xenbus_driver(device->driver);
	int err;

	err = find_otherend(dev);
	if (err)
		goto fail;
	err = drv->probe(dev, match_id(drv, dev));
	if (err)
		goto fail;
	err = watch_otherend(dev);
	if (err) {
		drv->remove(dev);
		goto fail;
	}
	return 0;

fail:
	xenbus_dev_error(dev, err, "probing");
	xenbus_switch_state(dev, XenbusStateClosed);
	return err;
}

static void bus_remove(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);
	struct xenbus_driver *drv = to_xenbus_driver(device->driver);

	unwatch_otherend(dev);
	if (drv->remove)
		drv->remove(dev);
	if (!drv->allow_rebind || xenbus_read_driver_state(dev->nodename) == XenbusStateClosing)
		xenbus_switch_state(dev, XenbusStateClosed);
}

static struct bus_type front_bus = {
	.name = "xen",
	.match = bus_match,
	.probe = bus_probe,
	.remove = bus_remove,
};

static struct bus_type back_bus = {
	.name = "xen-backend",
	.match = bus_match,
	.probe = bus_probe,
	.remove = bus_remove,
};

static int register_driver(struct bus_type *bus, struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	drv->driver.name = drv->name ?: drv->ids[0].devicetype;
	drv->driver.bus = bus;
	drv->driver.owner = owner;
	drv->driver.mod_name = mod_name;
	return driver_register(&drv->driver);
}

int __xenbus_register_frontend(struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	return register_driver(&front_bus, drv, owner, mod_name);
}
FAKE_XEN_SYMBOL(__xenbus_register_frontend);

int __xenbus_register_backend(struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	return register_driver(&back_bus, drv, owner, mod_name);
}
FAKE_XEN_SYMBOL(__xenbus_register_backend);

void xenbus_unregister_driver(struct xenbus_driver *drv)
{
	driver_unregister(&drv->driver);
}
FAKE_XEN_SYMBOL(xenbus_unregister_driver);

/* For tests */

char *fake_xen_path(char *buf, enum fake_xen_end end, const char *type, unsigned int id)
{
	if (end == FAKE_XEN_FRONT)
		snprintf(buf, FAKE_XEN_PATH_LEN, "/local/domain/%d/device/%s/%u", FAKE_XEN_FRONT_DOMID, type, id);
	else
		snprintf(buf, FAKE_XEN_PATH_LEN, "/local/domain/%d/backend/%s/%d/%u", FAKE_XEN_BACK_DOMID, type,
			 FAKE_XEN_FRONT_DOMID, id);
	return buf;
}
FAKE_XEN_SYMBOL(fake_xen_path);

/* Both directories, unless they are there. */
static int write_skeleton(struct xenbus_transaction t, const char *type, unsigned int id)
{
	char front[FAKE_XEN_PATH_LEN], back[FAKE_XEN_PATH_LEN];
	int err = 0;

	fake_xen_path(front, FAKE_XEN_FRONT, type, id);
	fake_xen_path(back, FAKE_XEN_BACK, type, id);
	if (!xenbus_exists(t, front, "backend")) {
		err |= xenbus_write(t, front, "backend", back);
		err |= xenbus_printf(t, front, "backend-id", "%d", FAKE_XEN_BACK_DOMID);
	}
	if (!xenbus_exists(t, front, "state"))
		err |= xenbus_printf(t, front, "state", "%d", XenbusStateInitialising);
	if (!xenbus_exists(t, back, "frontend")) {
		err |= xenbus_write(t, back, "frontend", front);
		err |= xenbus_printf(t, back, "frontend-id", "%d", FAKE_XEN_FRONT_DOMID);
	}
	if (!xenbus_exists(t, back, "online"))
		err |= xenbus_write(t, back, "online", "1");
	if (!xenbus_exists(t, back, "state"))
		err |= xenbus_printf(t, back, "state", "%d", XenbusStateInitialising);
	return err ? -ENOMEM : 0;
}

int fake_xen_make_anew(const char *type, unsigned int id)
{
	char front[FAKE_XEN_PATH_LEN], back[FAKE_XEN_PATH_LEN];
	struct xenbus_transaction t;
	int err = xenbus_transaction_start(&t);

	if (err)
		return err;
	/* What is left of them */
	xenbus_rm(t, fake_xen_path(front, FAKE_XEN_FRONT, type, id), "");
	xenbus_rm(t, fake_xen_path(back, FAKE_XEN_BACK, type, id), "");
	err = write_skeleton(t, type, id);
	return xenbus_transaction_end(t, 0) || err ? -EIO : 0;
}
FAKE_XEN_SYMBOL(fake_xen_make_anew);

static void release(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);

	kfree(dev->otherend);
	kfree(to_entry(dev));
}

struct xenbus_device *fake_xen_add_device(enum fake_xen_end end, const char *type, unsigned int id)
{
	struct device_entry *entry;
	struct xenbus_device *dev;
	int err;

	err = write_skeleton(XBT_NIL, type, id);
	if (err)
		return ERR_PTR(err);
	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->end = end;
	strscpy(entry->type, type, sizeof(entry->type));
	if (end == FAKE_XEN_FRONT)
		snprintf(entry->nodename, sizeof(entry->nodename), "device/%s/%u", type, id);
	else
		snprintf(entry->nodename, sizeof(entry->nodename), "backend/%s/%d/%u", type, FAKE_XEN_FRONT_DOMID, id);

	dev = &entry->xdev;
	dev->devicetype = entry->type;
	dev->nodename = entry->nodename;
	dev->state = XenbusStateInitialising;
	dev->spurious_threshold = 1;
	init_completion(&dev->down);
	sema_init(&dev->reclaim_sem, 1);
	dev->dev.bus = end == FAKE_XEN_FRONT ? &front_bus : &back_bus;
	dev->dev.release = release;
	if (end == FAKE_XEN_FRONT)
		dev_set_name(&dev->dev, "%s-%u", type, id);
	else
		dev_set_name(&dev->dev, "%s-%d-%u", type, FAKE_XEN_FRONT_DOMID, id);
	err = device_register(&dev->dev);
	if (err) {
		put_device(&dev->dev);
		return ERR_PTR(err);
	}
	/* A backend may unregister itself: the list's own reference keeps the memory. */
	get_device(&dev->dev);
	mutex_lock(&devices_mutex);
	list_add(&entry->list, &devices);
	mutex_unlock(&devices_mutex);
	return dev;
}
FAKE_XEN_SYMBOL(fake_xen_add_device);

struct removal {
	struct xenbus_watch watch;
	struct xenbus_device *dev;
	struct completion done;
};

static void removal_fired(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct removal *r = container_of(watch, struct removal, watch);

	/* A backend may have unregistered itself, here. */
	if (device_is_registered(&r->dev->dev))
		device_unregister(&r->dev->dev);
	complete(&r->done);
}

/* In the thread of the watches, as xenbus does when a directory is gone. */
static void take_down(struct xenbus_device *dev)
{
	struct removal r = {
		.watch = { .node = "/fake-xen/removal", .callback = removal_fired },
		.dev = dev,
		.done = COMPLETION_INITIALIZER_ONSTACK(r.done),
	};

	if (register_xenbus_watch(&r.watch))
		return;
	wait_for_completion(&r.done);
	unregister_xenbus_watch(&r.watch);
	put_device(&dev->dev);
}

void fake_xen_take_device(struct xenbus_device *dev)
{
	mutex_lock(&devices_mutex);
	list_del(&to_entry(dev)->list);
	mutex_unlock(&devices_mutex);
	take_down(dev);
}
FAKE_XEN_SYMBOL(fake_xen_take_device);

void fake_xen_remove_device(struct xenbus_device *dev)
{
	if (xenbus_exists(XBT_NIL, dev->nodename, ""))
		device_release_driver(&dev->dev);
	fake_xen_take_device(dev);
}
FAKE_XEN_SYMBOL(fake_xen_remove_device);

int fake_xen_suspend_device(struct xenbus_device *dev)
{
	struct xenbus_driver *drv = dev->dev.driver ? to_xenbus_driver(dev->dev.driver) : NULL;

	WRITE_ONCE(to_entry(dev)->suspended, true);
	return drv && drv->suspend ? drv->suspend(dev) : 0;
}
FAKE_XEN_SYMBOL(fake_xen_suspend_device);

int fake_xen_resume_device(struct xenbus_device *dev)
{
	struct xenbus_driver *drv = dev->dev.driver ? to_xenbus_driver(dev->dev.driver) : NULL;
	int err;

	/* A new domain: nothing of what was granted or bound exists there. */
	fake_grants_suspend();
	if (!drv)
		return 0;
	unwatch_otherend(dev);
	err = find_otherend(dev);
	if (err)
		return err;
	/* As the toolstack of the new host writes it. */
	xenbus_printf(XBT_NIL, dev->nodename, "state", "%d", XenbusStateInitialising);
	dev->state = XenbusStateInitialising;
	if (drv->resume) {
		err = drv->resume(dev);
		if (err)
			return err;
	}
	return watch_otherend(dev);
}
FAKE_XEN_SYMBOL(fake_xen_resume_device);

void fake_xen_cancel_device(struct xenbus_device *dev)
{
	fake_xen_suspend_device(dev);
	/* The kernel tells a driver nothing of a resume that is none. */
	WRITE_ONCE(to_entry(dev)->suspended, false);
}
FAKE_XEN_SYMBOL(fake_xen_cancel_device);

static bool wait_for_drivers(bool (*wait)(struct xenbus_device *dev))
{
	struct device_entry *entry;
	bool waited = false;

	mutex_lock(&devices_mutex);
	list_for_each_entry(entry, &devices, list) {
		struct device *dev = &entry->xdev.dev;

		device_lock(dev);
		if (dev->driver)
			waited |= wait(&entry->xdev);
		device_unlock(dev);
	}
	mutex_unlock(&devices_mutex);
	return waited;
}

void fake_xen_settle_with(bool (*wait)(struct xenbus_device *dev))
{
	unsigned int before;

	/* A driver may come to its end, and fire a watch, while it is looked at. */
	do {
		before = fake_store_events();
		fake_xen_settle();
	} while (wait_for_drivers(wait) || fake_store_events() != before);
}
FAKE_XEN_SYMBOL(fake_xen_settle_with);

/* For main.c */

void fake_bus_reset(void)
{
	struct device_entry *entry, *next;
	LIST_HEAD(old);

	mutex_lock(&devices_mutex);
	list_splice_init(&devices, &old);
	mutex_unlock(&devices_mutex);
	list_for_each_entry_safe(entry, next, &old, list) {
		list_del(&entry->list);
		take_down(&entry->xdev);
	}
	last_error[0] = 0;
}

int fake_bus_init(void)
{
	int err = bus_register(&front_bus);

	if (err)
		return err;
	err = bus_register(&back_bus);
	if (err)
		bus_unregister(&front_bus);
	return err;
}

void fake_bus_exit(void)
{
	bus_unregister(&back_bus);
	bus_unregister(&front_bus);
}
