// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device: one state machine for frontends, one for backends.
 */
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "device.h"
#include "internal.h"
#include "trace.h"

/* A peer that lets us down more often than this in a minute is given up. */
#define RECONNECTS_A_MINUTE	10

/* Bits of pv_device.wishes */
enum {
	WISH_RESTART,
	WISH_RECONFIGURE,
};

static void device_switch(struct pv_device *pd, enum xenbus_state state)
{
	trace_pv_state(dev_name(&pd->xb->dev), state, -1);
	xenbus_switch_state(pd->xb, state);
}

static bool peer_online(struct pv_device *pd)
{
	/* The toolstack clears the backend's "online" when it means it. */
	return xenbus_read_unsigned(pd->xb->otherend, "online", 0);
}

static void device_down(struct pv_device *pd, enum pv_down why)
{
	if (pd->link == PV_LINK_DOWN && why == PV_DOWN_RETRY)
		return;
	pd->drv->disconnect(pd, why);
	pd->link = PV_LINK_DOWN;
	pd->rebinds = false;
	pd->owed = XenbusStateUnknown;
}

static void device_give_up(struct pv_device *pd)
{
	device_down(pd, PV_DOWN_FINAL);
	device_switch(pd, XenbusStateClosing);
}

/* Whether the peer may try once more, or only wastes our time. */
static bool device_may_retry(struct pv_device *pd)
{
	if (time_after(jiffies, pd->retry_since + 60 * HZ)) {
		pd->retry_since = jiffies;
		pd->retries = 0;
	}
	if (++pd->retries <= RECONNECTS_A_MINUTE)
		return true;
	if (pd->retries == RECONNECTS_A_MINUTE + 1)
		pv_device_error(pd, -EIO, "gave up: the peer failed %u times in a minute",
				pd->retries);
	return false;
}

/* ---- watches ---- */

/* Peers may write in a loop: one event in the queue is enough. */
static bool watch_will_handle(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	return watch->nr_pending == 0;
}

static void watch_fired(struct xenbus_watch *watch, const char *path,
			const char *token)
{
	struct pv_watch *w = container_of(watch, struct pv_watch, watch);

	mutex_lock(&w->pd->lock);
	if (!w->pd->gone)
		w->changed(w->pd);
	mutex_unlock(&w->pd->lock);
}

static int watch_start(struct pv_device *pd, struct pv_watch *w,
		       const char *dir, const char *key,
		       void (*changed)(struct pv_device *pd))
{
	w->pd = pd;
	w->changed = changed;
	return xenbus_watch_pathfmt(pd->xb, &w->watch, watch_will_handle,
				    watch_fired, "%s/%s", dir, key);
}

/**
 * pv_watch_own() - watch a key in this end's directory
 * @pd: the device
 * @w: the watch
 * @key: its name
 * @changed: called like a hook, also once at the beginning
 *
 * Return: 0 or a negative errno.
 */
int pv_watch_own(struct pv_device *pd, struct pv_watch *w, const char *key,
		 void (*changed)(struct pv_device *pd))
{
	return watch_start(pd, w, pd->xb->nodename, key, changed);
}
EXPORT_SYMBOL_GPL(pv_watch_own);

/**
 * pv_watch_stop() - end a watch; its callback does not run any more
 * @w: the watch, or one that was never started
 *
 * Context: process, in remove(); in xenwatch, where it waits for none.
 */
void pv_watch_stop(struct pv_watch *w)
{
	if (!w->watch.node)
		return;
	unregister_xenbus_watch(&w->watch);
	kfree(w->watch.node);
	w->watch.node = NULL;
}
EXPORT_SYMBOL_GPL(pv_watch_stop);

static void peer_key_changed(struct pv_device *pd)
{
	if (pd->link == PV_LINK_UP && pd->drv->change)
		pd->drv->change(pd);
}

/*
 * Watch the peer's key, which is elsewhere after a migration: that is, in a
 * frontend, which connects in xenwatch. There the end of the old watch waits
 * for no callback (which would take the lock); nowhere else may it be here.
 */
static void device_watch_peer(struct pv_device *pd)
{
	const char *key = pd->drv->peer_key;
	struct pv_watch *w = &pd->peer_watch;
	size_t len = strlen(pd->xb->otherend);

	lockdep_assert_held(&pd->lock);
	if (!key || (w->watch.node && !w->watch.node[len + 1 + strlen(key)] &&
		     !strncmp(w->watch.node, pd->xb->otherend, len)))
		return;
	pv_watch_stop(w);
	watch_start(pd, w, pd->xb->otherend, key, peer_key_changed);
}

/* ---- frontend ---- */

static int front_publish(struct pv_device *pd)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = pv_feature_write(pd, xbt, false);
		if (!err)
			err = pd->drv->publish(pd, xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

/* The first message names the cause; a general one must not replace it. */
static void device_blame(struct pv_device *pd, int err, const char *what)
{
	if (!pd->explained)
		pv_device_error(pd, err, "%s", what);
}

static void front_negotiate(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	/* A restarted backend may not have gone through Closed. */
	device_down(pd, PV_DOWN_RETRY);
	err = pv_feature_read(pd, false);
	if (err)
		goto fail;
	/* From here on disconnect() has something to undo. */
	pd->link = PV_LINK_OFFERED;
	err = pd->drv->negotiate(pd);
	if (err)
		goto fail;
	err = front_publish(pd);
	if (err)
		goto fail;
	device_switch(pd, pd->drv->direct ? XenbusStateConnected :
					    XenbusStateInitialised);
	return;

fail:
	device_blame(pd, err, "cannot set up the rings");
	device_give_up(pd);
}

static void front_connect(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	err = pv_feature_read(pd, true);
	if (!err)
		err = pd->drv->connect(pd);
	if (err) {
		device_blame(pd, err, "cannot connect");
		device_give_up(pd);
		return;
	}
	pd->link = PV_LINK_UP;
	device_switch(pd, XenbusStateConnected);
	device_watch_peer(pd);
}

/* What is under way is done again: the backend's Closed brings us back. */
static void front_leave(struct pv_device *pd)
{
	device_down(pd, PV_DOWN_RETRY);
	device_switch(pd, XenbusStateClosed);
}

static void front_restart(struct pv_device *pd)
{
	if (pd->link == PV_LINK_DOWN)
		return;
	/* Our own wish says nothing about the backend. */
	pd->retries = 0;
	front_leave(pd);
}

/* The toolstack wants the device back: as soon as nobody uses it. */
static void front_close(struct pv_device *pd)
{
	pd->closing = true;
	if (pd->drv->may_close && !pd->drv->may_close(pd)) {
		if (pd->xb->state != XenbusStateClosing)
			pv_device_error(pd, -EBUSY,
					"in use, will close when the last user has gone");
		device_switch(pd, XenbusStateClosing);
		return;
	}
	device_down(pd, PV_DOWN_FINAL);
	xenbus_frontend_closed(pd->xb);
}

/* It may have connected before we could offer it anything but what we had. */
static void front_restarted(struct pv_device *pd)
{
	pd->rebinds = false;
	if (pv_feature_read(pd, false) || pv_feature_read(pd, true))
		device_give_up(pd);
	else
		pd->drv->restarted(pd);
}

/* Answer a reconfiguring backend when what it is about has been done. */
static void front_answer(struct pv_device *pd)
{
	enum xenbus_state state = pd->owed;

	if (state == XenbusStateUnknown ||
	    (pd->drv->settling && pd->drv->settling(pd)))
		return;
	pd->owed = XenbusStateUnknown;
	device_switch(pd, state);
}

/* The backend has taken what this end, or the toolstack, has changed. */
static void front_reconfigured(struct pv_device *pd)
{
	if (pd->xb->state != XenbusStateReconfiguring)
		return;
	if (pd->drv->change)
		pd->drv->change(pd);
	pd->owed = XenbusStateConnected;
	front_answer(pd);
}

/* Early features that this end writes have changed while connected. */
static void front_reconfigure(struct pv_device *pd)
{
	if (pd->link != PV_LINK_UP || pv_feature_write(pd, XBT_NIL, false))
		return;
	device_switch(pd, XenbusStateReconfiguring);
	/*
	 * A backend that stays in that state sends no news of it, and those
	 * of a quick one come when this is over.
	 */
	if (pv_read_driver_state(pd->xb, pd->xb->otherend) ==
	    XenbusStateReconfigured)
		front_reconfigured(pd);
}

static void front_peer(struct pv_device *pd, enum xenbus_state state)
{
	switch (state) {
	case XenbusStateInitWait:
		/* Who is Connected already gets no second look at its keys. */
		if (pd->link == PV_LINK_UP && pd->drv->restarted)
			pd->rebinds = true;
		/* It may be about to go on with the rings: not with new ones. */
		else if (pd->link == PV_LINK_UP)
			front_leave(pd);
		/* While OFFERED it is the state that we have acted on. */
		else if (pd->link != PV_LINK_OFFERED && !pd->failed && !pd->closing)
			front_negotiate(pd);
		break;
	case XenbusStateConnected:
		if (pd->link == PV_LINK_OFFERED)
			front_connect(pd);
		else if (pd->link == PV_LINK_UP && pd->rebinds)
			front_restarted(pd);
		else if (pd->link == PV_LINK_UP && pd->drv->change)
			pd->drv->change(pd);
		break;
	case XenbusStateReconfiguring:
		if (pd->link != PV_LINK_UP || !pd->drv->reconfigure)
			break;
		/* It has not waited for our last word: that comes first. */
		if (pd->owed == XenbusStateConnected)
			device_switch(pd, pd->owed);
		pd->drv->reconfigure(pd);
		pd->owed = XenbusStateReconfiguring;
		front_answer(pd);
		break;
	case XenbusStateReconfigured:
		front_reconfigured(pd);
		break;
	case XenbusStateClosing:
		if (pd->failed || !peer_online(pd))
			front_close(pd);
		else if (pd->link != PV_LINK_DOWN)
			front_leave(pd);
		break;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		if (!pd->failed && peer_online(pd) && device_may_retry(pd)) {
			/* It restarts: InitWait will follow. */
			device_down(pd, PV_DOWN_RETRY);
			device_switch(pd, XenbusStateInitialising);
		} else if (pd->xb->state != XenbusStateClosed) {
			device_down(pd, PV_DOWN_FINAL);
			xenbus_frontend_closed(pd->xb);
		}
		break;
	default:
		break;
	}
}

/* ---- backend ---- */

static void back_offer(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	if (!pd->offered) {
		err = pd->drv->offer(pd);
		if (err) {
			device_blame(pd, err, "cannot offer the device");
			return;
		}
		pd->offered = true;
	}
	if (pv_feature_write(pd, XBT_NIL, false))
		return;
	pd->failed = false;
	device_switch(pd, XenbusStateInitWait);
}

static void back_connect(struct pv_device *pd)
{
	int err;

	if (!pd->offered || pd->failed)
		return;
	pd->explained = false;
	err = pv_feature_read(pd, false);
	if (!err)
		err = pd->drv->connect(pd);
	if (err == -EAGAIN) {
		/* Something is missing yet: pv_device_poke() tries again. */
		pd->drv->disconnect(pd, PV_DOWN_RETRY);
		return;
	}
	if (!err)
		err = pv_feature_write(pd, XBT_NIL, true);
	if (err) {
		device_blame(pd, err, "cannot connect to the frontend");
		device_give_up(pd);
		return;
	}
	pd->link = PV_LINK_UP;
	device_switch(pd, XenbusStateConnected);
	device_watch_peer(pd);
}

static void back_reconfigure(struct pv_device *pd)
{
	int err;

	if (pd->link != PV_LINK_UP || !pd->drv->reconfigure)
		return;
	pd->explained = false;
	err = pv_feature_read(pd, false);
	if (!err)
		err = pd->drv->reconfigure(pd);
	if (err)
		device_blame(pd, err, "cannot reconfigure");
	device_switch(pd, XenbusStateReconfigured);
}

static void back_settled(struct pv_device *pd)
{
	bool reconfigured = pd->xb->state == XenbusStateReconfigured;

	if (pd->drv->settled)
		pd->drv->settled(pd, reconfigured);
	if (reconfigured)
		device_switch(pd, XenbusStateConnected);
}

/* Returns true if the device has to be unregistered, without the lock. */
static bool back_peer(struct pv_device *pd, enum xenbus_state state)
{
	switch (state) {
	case XenbusStateInitialising:
		/* A new life of the frontend: nothing of the old one counts. */
		device_down(pd, PV_DOWN_RETRY);
		if (pd->xb->state != XenbusStateInitWait)
			back_offer(pd);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (pd->link != PV_LINK_UP)
			back_connect(pd);
		else if (state == XenbusStateConnected)
			back_settled(pd);
		break;
	case XenbusStateReconfiguring:
		back_reconfigure(pd);
		break;
	case XenbusStateClosing:
		/* It may still finish what is in flight. */
		device_switch(pd, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		device_down(pd, PV_DOWN_RETRY);
		device_switch(pd, XenbusStateClosed);
		return !xenbus_dev_is_online(pd->xb);
	case XenbusStateUnknown:
		return true;
	default:
		break;
	}
	return false;
}

/* ---- both ---- */

static void device_peer_changed(struct xenbus_device *xb,
				enum xenbus_state state)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	bool unregister = false;

	if (!pd)
		return;
	mutex_lock(&pd->lock);
	trace_pv_state(dev_name(&xb->dev), xb->state, state);
	if (pd->gone)
		;
	else if (pd->drv->end == PV_FRONT)
		front_peer(pd, state);
	else
		unregister = back_peer(pd, state);
	mutex_unlock(&pd->lock);
	if (unregister)
		device_unregister(&xb->dev);
}

static void device_work(struct work_struct *work)
{
	struct pv_device *pd = container_of(work, struct pv_device, work);
	enum xenbus_state peer;

	mutex_lock(&pd->lock);
	if (pd->gone)
		goto out;
	if (pd->failed && pd->link != PV_LINK_DOWN) {
		device_give_up(pd);
		goto out;
	}
	if (pd->drv->end == PV_FRONT) {
		if (pd->closing)
			front_close(pd);
		if (test_and_clear_bit(WISH_RESTART, &pd->wishes))
			front_restart(pd);
		if (test_and_clear_bit(WISH_RECONFIGURE, &pd->wishes))
			front_reconfigure(pd);
		front_answer(pd);
		goto out;
	}
	peer = pv_read_driver_state(pd->xb, pd->xb->otherend);
	if (!pd->offered)
		back_offer(pd);
	if (pd->link != PV_LINK_UP && (peer == XenbusStateInitialised ||
				       peer == XenbusStateConnected))
		back_connect(pd);
out:
	mutex_unlock(&pd->lock);
}

static int device_show(struct seq_file *m, void *v)
{
	static const char * const link[] = { "down", "offered", "up" };
	struct pv_device *pd = m->private;
	unsigned int i;

	mutex_lock(&pd->lock);
	seq_printf(m, "device %s\nlink %s%s\n", dev_name(&pd->xb->dev),
		   link[pd->link], pd->failed ? " broken" : "");
	for (i = 0; i < pd->drv->nr_features; i++)
		seq_printf(m, "%s %s %llu\n",
			   pd->drv->features[i].from_front ? "front" : "back",
			   pd->drv->features[i].key, pd->feature[i]);
	if (pd->drv->show)
		pd->drv->show(pd, m);
	mutex_unlock(&pd->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(device);

/**
 * pv_has_emulator() - has this guest emulated devices, some for good?
 *
 * Return: true in an HVM guest, but for PVH.
 */
bool pv_has_emulator(void)
{
	return xen_hvm_domain() && !xen_pvh_domain();
}
EXPORT_SYMBOL_GPL(pv_has_emulator);

static bool is_still_emulated(const struct pv_driver *drv)
{
	switch (drv->emulated) {
	case PV_EMULATED_DISKS:
		return !xen_has_pv_disk_devices();
	case PV_EMULATED_NICS:
		return !xen_has_pv_nic_devices();
	default:
		return false;
	}
}

static int device_probe(struct xenbus_device *xb,
			const struct xenbus_device_id *id)
{
	struct xenbus_driver *xdrv = to_xenbus_driver(xb->dev.driver);
	struct pv_driver *drv = container_of(xdrv, struct pv_driver, xb);
	struct pv_device *pd;
	unsigned int i;
	int err;

	if (is_still_emulated(drv)) {
		dev_notice(&xb->dev, "left to the emulated device: these were not unplugged (see xen_emul_unplug=)\n");
		return -ENODEV;
	}
	pd = kzalloc(sizeof(*pd), GFP_KERNEL);
	if (!pd)
		return -ENOMEM;
	pd->xb = xb;
	pd->drv = drv;
	mutex_init(&pd->lock);
	INIT_WORK(&pd->work, device_work);
	pd->retry_since = jiffies;
	for (i = 0; i < drv->nr_features; i++)
		pd->feature[i] = drv->features[i].absent;
	dev_set_drvdata(&xb->dev, pd);

	err = drv->probe(pd);
	if (err) {
		device_blame(pd, err, "cannot make the device");
		dev_set_drvdata(&xb->dev, NULL);
		kfree(pd);
		return err;
	}
	pd->debugfs = debugfs_create_file(dev_name(&xb->dev), 0400, pv_debugfs,
					  pd, &device_fops);

	mutex_lock(&pd->lock);
	/* (A watch of its own may have made it connect already.) */
	if (drv->end == PV_BACK && !pd->offered)
		back_offer(pd);
	else if (drv->end == PV_FRONT)
		/* After a reload of the module it may stand at Closed. */
		device_switch(pd, XenbusStateInitialising);
	mutex_unlock(&pd->lock);
	return 0;
}

static void device_remove(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);

	mutex_lock(&pd->lock);
	pd->gone = true;
	device_down(pd, PV_DOWN_FINAL);
	mutex_unlock(&pd->lock);
	cancel_work_sync(&pd->work);
	pv_watch_stop(&pd->peer_watch);
	debugfs_remove(pd->debugfs);
	/* Without the lock: it stops watches whose callbacks take it. */
	pd->drv->remove(pd);
	dev_set_drvdata(&xb->dev, NULL);
	kfree(pd);
}

static int device_resume(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);

	mutex_lock(&pd->lock);
	/* The old backend is in another world: only its memory is left. */
	device_down(pd, PV_DOWN_RETRY);
	pd->closing = false;
	pd->failed = false;
	mutex_unlock(&pd->lock);
	return 0;
}

/**
 * __pv_driver_register() - announce one end of one device class
 * @drv: the driver, filled in
 * @owner: its module
 * @mod_name: its module's name
 *
 * Return: 0 or a negative errno.
 */
int __pv_driver_register(struct pv_driver *drv, struct module *owner,
			 const char *mod_name)
{
	if (WARN_ON(drv->nr_features > PV_FEATURES_MAX))
		return -EINVAL;
	strscpy(drv->ids[0].devicetype, drv->type,
		sizeof(drv->ids[0].devicetype));
	drv->xb.name = drv->name;
	drv->xb.ids = drv->ids;
	drv->xb.probe = device_probe;
	drv->xb.remove = device_remove;
	drv->xb.otherend_changed = device_peer_changed;
	drv->xb.driver.dev_groups = drv->dev_groups;
	drv->xb.allow_rebind = drv->resumable;
	if (drv->end == PV_BACK)
		return __xenbus_register_backend(&drv->xb, owner, mod_name);
	drv->xb.resume = device_resume;
	return __xenbus_register_frontend(&drv->xb, owner, mod_name);
}
EXPORT_SYMBOL_GPL(__pv_driver_register);

/**
 * pv_driver_unregister() - take a driver's devices away, then the driver
 * @drv: the driver
 */
void pv_driver_unregister(struct pv_driver *drv)
{
	xenbus_unregister_driver(&drv->xb);
}
EXPORT_SYMBOL_GPL(pv_driver_unregister);

/**
 * pv_device_fail() - the peer broke the rules: give the device up
 * @pd: the device
 * @fmt: what it did, naming the field and its value
 *
 * Says why, once; whatever is in flight ends with errors; a backend takes the
 * frontend back when that starts anew.
 *
 * Context: any.
 */
void pv_device_fail(struct pv_device *pd, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	if (xchg(&pd->failed, true))
		return;
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	dev_err(&pd->xb->dev, "device disabled, its peer misbehaves: %pV\n",
		&vaf);
	va_end(args);
	schedule_work(&pd->work);
}
EXPORT_SYMBOL_GPL(pv_device_fail);

/**
 * pv_device_error() - say what is wrong, in the log and in xenstore
 * @pd: the device
 * @err: negative errno
 * @fmt: what is wrong, naming the key and its value
 *
 * Context: process, may sleep.
 */
void pv_device_error(struct pv_device *pd, int err, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	xenbus_dev_error(pd->xb, err, "%pV", &vaf);
	pd->explained = true;
	va_end(args);
}
EXPORT_SYMBOL_GPL(pv_device_error);

/**
 * pv_device_poke() - something that a hook waited for has happened
 * @pd: the device
 *
 * Backend: offer() may succeed now. Frontend: the last user has gone.
 *
 * Context: any.
 */
void pv_device_poke(struct pv_device *pd)
{
	schedule_work(&pd->work);
}
EXPORT_SYMBOL_GPL(pv_device_poke);

/**
 * pv_device_reconfigure() - frontend: an early feature of ours has changed
 * @pd: the device, the new value offered (pv_feature_offer())
 *
 * The backend goes on with the old value for a while. A device that is not
 * connected writes the new one when it connects.
 *
 * Context: any.
 */
void pv_device_reconfigure(struct pv_device *pd)
{
	set_bit(WISH_RECONFIGURE, &pd->wishes);
	schedule_work(&pd->work);
}
EXPORT_SYMBOL_GPL(pv_device_reconfigure);

/**
 * pv_device_restart() - frontend: disconnect and negotiate anew
 * @pd: the device
 *
 * For settings that negotiation fixes (the number of queues).
 *
 * Context: any.
 */
void pv_device_restart(struct pv_device *pd)
{
	set_bit(WISH_RESTART, &pd->wishes);
	schedule_work(&pd->work);
}
EXPORT_SYMBOL_GPL(pv_device_restart);

/**
 * pv_device_announce() - backend: tell a connected frontend to look again
 * @pd: the device, its changed late features offered
 *
 * Writes the late features and, once more, the state Connected.
 *
 * Context: process; not in a hook: it takes the hooks' lock.
 */
void pv_device_announce(struct pv_device *pd)
{
	struct xenbus_transaction xbt;
	int err = 0, state;

	mutex_lock(&pd->lock);
	if (pd->gone || pd->link != PV_LINK_UP)
		goto out;
	do {
		if (xenbus_transaction_start(&xbt))
			goto out;
		/* The toolstack may have written Closing meanwhile. */
		if (xenbus_scanf(xbt, pd->xb->nodename, "state", "%d",
				 &state) != 1 ||
		    state != XenbusStateConnected ||
		    pv_feature_write(pd, xbt, true) ||
		    xenbus_printf(xbt, pd->xb->nodename, "state", "%d",
				  state)) {
			xenbus_transaction_end(xbt, 1);
			goto out;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
out:
	mutex_unlock(&pd->lock);
}
EXPORT_SYMBOL_GPL(pv_device_announce);

/**
 * pv_device_of() - the device of a sysfs attribute
 * @dev: the xenbus device's struct device
 *
 * Return: the device.
 */
struct pv_device *pv_device_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}
EXPORT_SYMBOL_GPL(pv_device_of);

static char *device_read(const char *dir, const char *key)
{
	return xenbus_read(XBT_NIL, dir, key, NULL);
}

/**
 * pv_device_read_own() - the text of a key in this end's directory
 * @pd: the device
 * @key: its name
 *
 * Return: the text, to be freed by kfree(), or an ERR_PTR().
 */
char *pv_device_read_own(struct pv_device *pd, const char *key)
{
	return device_read(pd->xb->nodename, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_own);

/**
 * pv_device_read_peer() - the text of a key in the peer's directory
 * @pd: the device
 * @key: its name
 *
 * Return: the text, to be freed by kfree(), or an ERR_PTR().
 */
char *pv_device_read_peer(struct pv_device *pd, const char *key)
{
	return device_read(pd->xb->otherend, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_peer);

/**
 * pv_device_list_own() - the names of what lies below a key of this end
 * @pd: the device
 * @key: its name
 * @nr: result: how many
 *
 * Return: the names, to be freed all at once by kfree(), or an ERR_PTR().
 */
char **pv_device_list_own(struct pv_device *pd, const char *key,
			  unsigned int *nr)
{
	return xenbus_directory(XBT_NIL, pd->xb->nodename, key, nr);
}
EXPORT_SYMBOL_GPL(pv_device_list_own);

/**
 * pv_device_list_peer() - the names of what lies below a key of the peer
 * @pd: the device
 * @key: its name
 * @nr: result: how many
 *
 * Return: the names, to be freed all at once by kfree(), or an ERR_PTR().
 */
char **pv_device_list_peer(struct pv_device *pd, const char *key,
			   unsigned int *nr)
{
	return xenbus_directory(XBT_NIL, pd->xb->otherend, key, nr);
}
EXPORT_SYMBOL_GPL(pv_device_list_peer);

/**
 * pv_device_trusted() - frontend: may the backend see more than the data
 * @pd: the device
 * @trusted: what the administrator says of all backends
 *
 * Return: that, unless this device's key "trusted" denies it.
 */
bool pv_device_trusted(struct pv_device *pd, bool trusted)
{
	char *text = pv_device_read_own(pd, "trusted");

	/* Anything but a clear yes is a no. */
	if (!IS_ERR(text)) {
		trusted &= !strcmp(text, "1");
		kfree(text);
	}
	return trusted;
}
EXPORT_SYMBOL_GPL(pv_device_trusted);

/**
 * pv_device_write() - write a key into this end's directory
 * @pd: the device
 * @xbt: xenstore transaction
 * @key: its name
 * @fmt: its value
 *
 * Return: 0 or a negative errno.
 */
int pv_device_write(struct pv_device *pd, struct xenbus_transaction xbt,
		    const char *key, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;
	int err;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	err = xenbus_printf(xbt, pd->xb->nodename, key, "%pV", &vaf);
	va_end(args);
	return err;
}
EXPORT_SYMBOL_GPL(pv_device_write);

/* ---- ring pages and ports ---- */

/**
 * pv_queue_dir() - where the keys of one queue stand
 * @dir: result: "" for the only queue, "queue-N/" for one of several
 * @nr: number of queues
 * @i: which
 *
 * blkif.h and netif.h: a single queue's keys stay at the top.
 */
void pv_queue_dir(char dir[PV_QUEUE_DIR], unsigned int nr, unsigned int i)
{
	if (nr == 1)
		*dir = '\0';
	else
		snprintf(dir, PV_QUEUE_DIR, "queue-%u/", i);
}
EXPORT_SYMBOL_GPL(pv_queue_dir);

/**
 * pv_shared_create() - frontend: allocate and grant a ring's pages
 * @pd: the device
 * @shared: result
 * @nr_pages: how many
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_create(struct pv_device *pd, struct pv_shared *shared,
		     u32 nr_pages)
{
	int err = xenbus_setup_ring(pd->xb, GFP_NOIO, &shared->mem, nr_pages,
				    shared->gref);

	if (err) {
		shared->mem = NULL;
		/* It says itself that there are no grants. */
		pd->explained |= err != -ENOMEM;
		return err;
	}
	shared->nr_pages = nr_pages;
	return 0;
}
EXPORT_SYMBOL_GPL(pv_shared_create);

/**
 * pv_shared_destroy() - frontend: end the grants and free the pages
 * @shared: the pages, or none
 *
 * A page that the backend still maps is freed when it lets go.
 */
void pv_shared_destroy(struct pv_shared *shared)
{
	if (shared->mem)
		xenbus_teardown_ring(&shared->mem, shared->nr_pages,
				     shared->gref);
	shared->mem = NULL;
}
EXPORT_SYMBOL_GPL(pv_shared_destroy);

static void ring_key(char *buf, size_t size, const char *queue, const char *key,
		     bool multi, u32 page)
{
	if (multi)
		snprintf(buf, size, "%s%s%u", queue, key, page);
	else
		snprintf(buf, size, "%s%s", queue, key);
}

/**
 * pv_shared_publish() - frontend: write a ring's grant references
 * @pd: the device
 * @xbt: xenstore transaction
 * @queue: from pv_queue_dir()
 * @key: "ring-ref", "tx-ring-ref", ...
 * @multi: a number follows the key (the ring has several pages)
 * @shared: the pages
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_publish(struct pv_device *pd, struct xenbus_transaction xbt,
		      const char *queue, const char *key, bool multi,
		      const struct pv_shared *shared)
{
	char path[48];
	int err = 0;
	u32 i;

	for (i = 0; i < shared->nr_pages && !err; i++) {
		ring_key(path, sizeof(path), queue, key, multi, i);
		err = xenbus_printf(xbt, pd->xb->nodename, path, "%u",
				    shared->gref[i]);
	}
	return err;
}
EXPORT_SYMBOL_GPL(pv_shared_publish);

/**
 * pv_device_forget() - frontend: remove a key that an earlier connection wrote
 * @pd: the device
 * @xbt: xenstore transaction
 * @queue: from pv_queue_dir()
 * @key: its name
 *
 * For keys whose mere presence tells the backend something.
 */
void pv_device_forget(struct pv_device *pd, struct xenbus_transaction xbt,
		      const char *queue, const char *key)
{
	char path[48];

	ring_key(path, sizeof(path), queue, key, false, 0);
	xenbus_rm(xbt, pd->xb->nodename, path);
}
EXPORT_SYMBOL_GPL(pv_device_forget);

static int read_u32(struct pv_device *pd, const char *path, u32 *value)
{
	char *text = pv_device_read_peer(pd, path);
	int err;

	if (IS_ERR(text)) {
		pv_device_error(pd, PTR_ERR(text), "%s/%s is missing",
				pd->xb->otherend, path);
		return PTR_ERR(text);
	}
	err = kstrtou32(text, 10, value);
	if (err)
		pv_device_error(pd, err, "%s/%s is \"%*pE\": not a number",
				pd->xb->otherend, path,
				(int)strnlen(text, 40), text);
	kfree(text);
	return err;
}

/**
 * pv_shared_map() - backend: map the pages whose references the frontend wrote
 * @pd: the device
 * @shared: result
 * @queue: from pv_queue_dir()
 * @key: "ring-ref", "tx-ring-ref", ...
 * @multi: a number follows the key
 * @nr_pages: how many
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_map(struct pv_device *pd, struct pv_shared *shared,
		  const char *queue, const char *key, bool multi, u32 nr_pages)
{
	char path[48];
	int err;
	u32 i;

	shared->mem = NULL;
	for (i = 0; i < nr_pages; i++) {
		ring_key(path, sizeof(path), queue, key, multi, i);
		err = read_u32(pd, path, &shared->gref[i]);
		if (err)
			return err;
	}
	err = xenbus_map_ring_valloc(pd->xb, shared->gref, nr_pages,
				     &shared->mem);
	if (err) {
		shared->mem = NULL;
		pv_device_error(pd, err, "cannot map %s%s (%u pages, first reference %u)",
				queue, key, nr_pages, shared->gref[0]);
		return err;
	}
	shared->nr_pages = nr_pages;
	return 0;
}
EXPORT_SYMBOL_GPL(pv_shared_map);

/**
 * pv_shared_unmap() - backend: give a ring's pages back
 * @pd: the device
 * @shared: the pages, or none
 */
void pv_shared_unmap(struct pv_device *pd, struct pv_shared *shared)
{
	if (shared->mem)
		xenbus_unmap_ring_vfree(pd->xb, shared->mem);
	shared->mem = NULL;
}
EXPORT_SYMBOL_GPL(pv_shared_unmap);

/**
 * pv_device_write_port() - frontend: write an event channel's port
 * @pd: the device
 * @xbt: xenstore transaction
 * @queue: from pv_queue_dir()
 * @key: "event-channel", ...
 * @port: the port
 *
 * Return: 0 or a negative errno.
 */
int pv_device_write_port(struct pv_device *pd, struct xenbus_transaction xbt,
			 const char *queue, const char *key, u32 port)
{
	char path[48];

	ring_key(path, sizeof(path), queue, key, false, 0);
	return xenbus_printf(xbt, pd->xb->nodename, path, "%u", port);
}
EXPORT_SYMBOL_GPL(pv_device_write_port);

/**
 * pv_device_read_port() - backend: the frontend's event channel
 * @pd: the device
 * @queue: from pv_queue_dir()
 * @key: "event-channel", ...
 * @port: result
 *
 * Return: 0 or a negative errno.
 */
int pv_device_read_port(struct pv_device *pd, const char *queue,
			const char *key, u32 *port)
{
	char path[48];

	ring_key(path, sizeof(path), queue, key, false, 0);
	return read_u32(pd, path, port);
}
EXPORT_SYMBOL_GPL(pv_device_read_port);
