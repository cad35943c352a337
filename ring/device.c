// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device: what both ends have of it. See front.c and back.c.
 */
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>
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

void pv_device_switch(struct pv_device *pd, enum xenbus_state state)
{
	trace_pv_state(dev_name(&pd->xb->dev), state, -1);
	xenbus_switch_state(pd->xb, state);
}

void pv_device_down(struct pv_device *pd, enum pv_down why)
{
	if (pd->link == PV_LINK_DOWN && why == PV_DOWN_RETRY)
		return;
	pd->drv->disconnect(pd, why);
	pd->link = PV_LINK_DOWN;
	pd->rebinds = false;
	pd->owed = XenbusStateUnknown;
}

void pv_device_give_up(struct pv_device *pd)
{
	pv_device_down(pd, PV_DOWN_FINAL);
	pv_device_switch(pd, XenbusStateClosing);
}

/* Whether the peer may try once more, or only wastes our time. */
bool pv_device_may_retry(struct pv_device *pd)
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

/* The first message names the cause; a general one must not replace it. */
void pv_device_blame(struct pv_device *pd, int err, const char *what)
{
	if (!pd->explained)
		pv_device_error(pd, err, "%s", what);
}

/*
 * Hooks run with the lock held, and allocate without I/O: the disk that memory
 * would be written to may be the one that the hook is to bring back.
 */
unsigned int pv_device_enter(struct pv_device *pd)
{
	mutex_lock(&pd->lock);
	return memalloc_noio_save();
}

void pv_device_leave(struct pv_device *pd, unsigned int flags)
{
	memalloc_noio_restore(flags);
	mutex_unlock(&pd->lock);
}

static void device_peer_changed(struct xenbus_device *xb,
				enum xenbus_state state)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	bool unregister = false;
	unsigned int flags;

	if (!pd)
		return;
	flags = pv_device_enter(pd);
	trace_pv_state(dev_name(&xb->dev), xb->state, state);
	if (pd->gone)
		;
	else if (pd->drv->end == PV_FRONT)
		pv_front_peer(pd, state);
	else
		unregister = pv_back_peer(pd, state);
	pv_device_leave(pd, flags);
	if (unregister)
		device_unregister(&xb->dev);
}

static void device_work(struct work_struct *work)
{
	struct pv_device *pd = container_of(work, struct pv_device, work);
	unsigned int flags = pv_device_enter(pd);

	if (pd->gone)
		;
	else if (pd->failed && pd->link != PV_LINK_DOWN)
		pv_device_give_up(pd);
	else if (pd->drv->end == PV_FRONT)
		pv_front_work(pd);
	else
		pv_back_work(pd);
	pv_device_leave(pd, flags);
}

static void device_again(struct work_struct *work)
{
	struct pv_device *pd = container_of(to_delayed_work(work),
					    struct pv_device, again);
	unsigned int flags = pv_device_enter(pd);

	if (!pd->gone)
		pv_front_again(pd);
	pv_device_leave(pd, flags);
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
	unsigned int flags, i;
	struct pv_device *pd;
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
	INIT_DELAYED_WORK(&pd->again, device_again);
	INIT_LIST_HEAD(&pd->mapped);
	pd->retry_since = jiffies;
	for (i = 0; i < drv->nr_features; i++)
		pd->feature[i] = drv->features[i].absent;
	dev_set_drvdata(&xb->dev, pd);

	err = drv->probe(pd);
	if (err) {
		pv_device_blame(pd, err, "cannot make the device");
		dev_set_drvdata(&xb->dev, NULL);
		kfree(pd);
		return err;
	}
	pd->debugfs = debugfs_create_file(dev_name(&xb->dev), 0400, pv_debugfs,
					  pd, &device_fops);

	flags = pv_device_enter(pd);
	/* (A watch of its own may have made it connect already.) */
	if (drv->end == PV_BACK && !pd->offered)
		pv_back_offer(pd);
	else if (drv->end == PV_FRONT)
		/* After a reload of the module it may stand at Closed. */
		pv_device_switch(pd, XenbusStateInitialising);
	pv_device_leave(pd, flags);
	return 0;
}

static void device_remove(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	unsigned int flags = pv_device_enter(pd);

	pd->gone = true;
	pv_device_down(pd, PV_DOWN_FINAL);
	pv_device_leave(pd, flags);
	cancel_work_sync(&pd->work);
	cancel_delayed_work_sync(&pd->again);
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
	unsigned int flags = pv_device_enter(pd);

	/* The old backend is in another world: only its memory is left. */
	pv_device_down(pd, PV_DOWN_RETRY);
	pd->closing = false;
	pd->failed = false;
	/* What was missing there may be here. */
	cancel_delayed_work(&pd->again);
	pd->wait = 0;
	pv_device_leave(pd, flags);
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
