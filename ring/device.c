// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device: what both ends have of it. See front.c and back.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/module.h>
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

/* What is in flight gets so long before the guest is suspended. */
#define SUSPEND_PATIENCE	(2 * HZ)

/* Between two tries to get, read or say what could not be */
#define SHORT_MIN		HZ
#define SHORT_MAX		(30 * HZ)

/* After so long it is said that something is waited for. */
#define PATIENCE		(10 * HZ)

/* Frees devices whose own thread cannot. */
static struct workqueue_struct *reaper;

/* The thread does it when it has come to an end with what it does now. */
void pv_device_ask(struct pv_device *pd, enum pv_ask what)
{
	set_bit(what, &pd->asked);
	kthread_queue_work(pd->worker, &pd->work);
}

bool pv_device_is_asked(struct pv_device *pd, enum pv_ask what)
{
	return test_and_clear_bit(what, &pd->asked);
}

static void device_ask_in(struct pv_device *pd, enum pv_ask what, unsigned long delay)
{
	lockdep_assert_held(&pd->lock);
	set_bit(what, &pd->later);
	schedule_delayed_work(&pd->again, delay);
}

/* xenstore may answer then. */
void pv_device_ask_soon(struct pv_device *pd, enum pv_ask what)
{
	device_ask_in(pd, what, SHORT_MIN);
}

/* What is missing may be there then; if not, it waits longer. */
void pv_device_ask_later(struct pv_device *pd, enum pv_ask what)
{
	pd->wait = clamp_t(unsigned long, 2 * pd->wait, SHORT_MIN, SHORT_MAX);
	device_ask_in(pd, what, pd->wait);
}

/**
 * pv_device_change_again() - what change() looks at cannot be read now
 * @pd: the device
 *
 * It is called once more in a while, if the device is connected then.
 *
 * Context: a hook of the device.
 */
void pv_device_change_again(struct pv_device *pd)
{
	pv_device_ask_soon(pd, PV_ASK_CHANGE);
}
EXPORT_SYMBOL_GPL(pv_device_change_again);

/* Memory, grants, event channels, an answer of xenstore's: the peer has done nothing wrong. */
bool pv_device_is_short(int err)
{
	return err == -ENOMEM || err == -ENOSPC || err == -EAGAIN;
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

/**
 * pv_device_run() - run something as a hook
 * @pd: the device
 * @hook: what; not if the device is being removed
 *
 * For works that a driver queues to @pd->worker itself.
 *
 * Context: the thread of the hooks, outside of one.
 */
void pv_device_run(struct pv_device *pd, void (*hook)(struct pv_device *pd))
{
	unsigned int flags = pv_device_enter(pd);

	if (!READ_ONCE(pd->gone))
		hook(pd);
	pv_device_leave(pd, flags);
}
EXPORT_SYMBOL_GPL(pv_device_run);

static void device_peer_changed(struct xenbus_device *xb,
				enum xenbus_state state)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);

	if (!pd)
		return;
	WRITE_ONCE(pd->peer_state, state);
	if (state == XenbusStateInitWait)
		/* Pairs with device_peer(), which sees that state or a later one. */
		smp_store_release(&pd->peer_began, true);
	pv_device_ask(pd, PV_ASK_PEER);
}

static void device_begin(struct pv_device *pd)
{
	pd->begun = true;
	if (pd->drv->end == PV_BACK)
		pv_back_offer(pd);
	else
		/* After a reload of the module it may stand at Closed. */
		pv_device_switch(pd, XenbusStateInitialising);
}

static bool device_has_another_peer(struct pv_device *pd)
{
	char *peer = pv_device_read_own(pd, pd->drv->end == PV_BACK ? "frontend" : "backend");
	bool another = !IS_ERR(peer) && strcmp(peer, pd->peer);

	if (!IS_ERR(peer))
		kfree(peer);
	return another;
}

static bool device_begins(struct pv_device *pd)
{
	return pv_read_state(pd->xb, pd->xb->nodename) == XenbusStateInitialising;
}

/*
 * The toolstack has removed the directory and made another in its place before
 * xenbus had looked, which then sees nothing. What this end has said is not in it.
 */
bool pv_device_is_former(struct pv_device *pd)
{
	lockdep_assert_held(&pd->lock);
	return device_begins(pd) &&
	       (pd->xb->state != XenbusStateInitialising || pd->link != PV_LINK_DOWN ||
		device_has_another_peer(pd));
}

/* Returns true if the device has left for good. */
static bool device_peer(struct pv_device *pd)
{
	/* Pairs with device_peer_changed(). */
	bool began = xchg(&pd->peer_began, false);
	enum xenbus_state state = READ_ONCE(pd->peer_state);

	if (state == XenbusStateUnknown) {
		/* xenbus says so of what it could not read, too. */
		int now = pv_device_peer_state(pd);

		if (now < 0) {
			pv_device_ask_soon(pd, PV_ASK_PEER);
			return false;
		}
		/* (One that has begun since it was gone has not come further.) */
		if (now > XenbusStateInitWait)
			state = now;
	}
	trace_pv_state(dev_name(&pd->xb->dev), pd->xb->state, state);
	if (pv_device_is_former(pd))
		return true;
	return pd->drv->end == PV_BACK ? pv_back_peer(pd, state) : pv_front_peer(pd, state, began);
}

/*
 * In xenwatch, as whoever else unregisters devices. If the directory is another
 * device's already, nobody will tell xenbus of that one.
 */
static void device_farewell(struct xenbus_watch *watch, const char *path,
			    const char *token)
{
	struct pv_device *pd = container_of(watch, struct pv_watch, watch)->pd;
	struct xenbus_device *xb = pd->xb;

	if (!device_begins(pd)) {
		pd->leaves = true;
		device_unregister(&xb->dev);
		return;
	}
	device_release_driver(&xb->dev);
	xb->state = XenbusStateInitialising;
	if (device_attach(&xb->dev) < 0)
		dev_err(&xb->dev, "the device in place of a former one cannot be probed\n");
}

static void device_leave(struct pv_device *pd)
{
	/* Here, where it may take its time. Its removal is the end. */
	pv_device_down(pd, PV_DOWN_RETRY);
	/* A watch fires when it begins. */
	if (pv_watch_start(pd, &pd->farewell, pd->xb->nodename, "state", device_farewell))
		pv_device_ask_soon(pd, PV_ASK_PEER);
	else
		WRITE_ONCE(pd->gone, true);
}

static void device_work(struct kthread_work *work)
{
	struct pv_device *pd = container_of(work, struct pv_device, work);
	unsigned int flags = pv_device_enter(pd);

	if (READ_ONCE(pd->gone))
		goto out;
	if (pv_device_is_asked(pd, PV_ASK_BEGIN))
		device_begin(pd);
	/* Watches of its own fire before probe() is done. */
	if (!pd->begun)
		goto out;
	if (pd->failed && pd->link != PV_LINK_DOWN)
		pv_device_give_up(pd);
	if (pv_device_is_asked(pd, PV_ASK_PEER) && device_peer(pd)) {
		device_leave(pd);
		goto out;
	}
	if (pv_device_is_asked(pd, PV_ASK_WATCH))
		pv_watches_look(pd);
	if (pv_device_is_asked(pd, PV_ASK_CHANGE) && pd->link == PV_LINK_UP)
		pd->drv->change(pd);
	/* What could not be said; what comes of that is looked at in a while. */
	if (pd->unsaid != XenbusStateUnknown && pv_device_is_asked(pd, PV_ASK_AGAIN)) {
		pv_device_say(pd, pd->unsaid, pd->unsaid_with);
		pv_device_ask_soon(pd, PV_ASK_AGAIN);
	}
	if (pd->drv->end == PV_FRONT)
		pv_front_work(pd);
	else
		pv_back_work(pd);
out:
	pv_device_leave(pd, flags);
}

static void device_again(struct work_struct *work)
{
	struct pv_device *pd = container_of(to_delayed_work(work), struct pv_device, again);
	unsigned int what;

	for_each_set_bit(what, &pd->later, BITS_PER_LONG)
		if (test_and_clear_bit(what, &pd->later))
			set_bit(what, &pd->asked);
	kthread_queue_work(pd->worker, &pd->work);
}

/* The last that runs in the thread. */
static void device_last(struct kthread_work *work)
{
	struct pv_device *pd = container_of(work, struct pv_device, leave);
	unsigned int flags = pv_device_enter(pd);
	int err;

	pv_device_down(pd, PV_DOWN_FINAL);
	err = pv_device_transact(pd, pv_device_take_back);
	if (err)
		pv_device_error(pd, err, "cannot take back the keys of %s", pd->xb->nodename);
	pv_device_leave(pd, flags);
	debugfs_remove(pd->debugfs);
	pd->drv->remove(pd);
	if (pd->lingering)
		queue_work(reaper, &pd->reap);
}

/* Its thread has nothing to do any more. */
static void device_free(struct pv_device *pd)
{
	cancel_delayed_work_sync(&pd->again);
	kthread_destroy_worker(pd->worker);
	kvfree(pd->counters);
	kfree(pd->peer);
	kfree(pd);
}

static void device_reap(struct work_struct *work)
{
	struct pv_device *pd = container_of(work, struct pv_device, reap);
	struct module *owner = pd->drv->xb.driver.owner;
	struct xenbus_device *xb = pd->xb;

	device_free(pd);
	put_device(&xb->dev);
	module_put(owner);
}

/*
 * A hook may wait for a disk that does not answer, with the lock held. Whoever
 * removes the device waits for whoever reads this.
 */
static bool device_may_show(struct pv_device *pd)
{
	unsigned int tries = 50;

	while (!mutex_trylock(&pd->lock)) {
		if (!--tries)
			return false;
		msleep(20);
	}
	return true;
}

static int device_show(struct seq_file *m, void *v)
{
	static const char * const link[] = { "down", "offered", "up" };
	struct pv_device *pd = m->private;
	unsigned int i;

	if (!device_may_show(pd)) {
		seq_printf(m, "device %s\nbusy\n", dev_name(&pd->xb->dev));
		return 0;
	}
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

static struct pv_device *device_alloc(struct xenbus_device *xb,
				      struct pv_driver *drv)
{
	struct pv_device *pd = kzalloc(sizeof(*pd), GFP_KERNEL);
	unsigned int i;

	if (!pd)
		return NULL;
	pd->xb = xb;
	pd->drv = drv;
	mutex_init(&pd->lock);
	mutex_init(&pd->watch_lock);
	kthread_init_work(&pd->work, device_work);
	kthread_init_work(&pd->leave, device_last);
	INIT_WORK(&pd->reap, device_reap);
	INIT_DELAYED_WORK(&pd->again, device_again);
	INIT_LIST_HEAD(&pd->mapped);
	INIT_LIST_HEAD(&pd->watches);
	pd->retry_since = jiffies;
	ratelimit_state_init(&pd->complaints, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	for (i = 0; i < drv->nr_features; i++)
		pd->feature[i] = drv->features[i].absent;
	pd->peer = kstrdup(xb->otherend, GFP_KERNEL);
	/* Its own thread: a disk that is to be brought back has no memory. */
	pd->worker = kthread_run_worker(KTW_FREEZABLE, "pv-%s",
					dev_name(&xb->dev));
	if (!pd->peer || IS_ERR(pd->worker)) {
		if (!IS_ERR(pd->worker))
			kthread_destroy_worker(pd->worker);
		kfree(pd->peer);
		kfree(pd);
		return NULL;
	}
	return pd;
}

static int device_probe(struct xenbus_device *xb,
			const struct xenbus_device_id *id)
{
	struct xenbus_driver *xdrv = to_xenbus_driver(xb->dev.driver);
	struct pv_driver *drv = container_of(xdrv, struct pv_driver, xb);
	struct pv_device *pd;
	int err;

	if (is_still_emulated(drv)) {
		dev_notice(&xb->dev, "left to the emulated device: these were not unplugged (see xen_emul_unplug=)\n");
		return -ENODEV;
	}
	pd = device_alloc(xb, drv);
	if (!pd)
		return -ENOMEM;
	dev_set_drvdata(&xb->dev, pd);
	err = drv->probe(pd);
	if (err) {
		pv_device_blame(pd, err, "cannot make the device");
		dev_set_drvdata(&xb->dev, NULL);
		device_free(pd);
		return err;
	}
	pd->debugfs = debugfs_create_file(dev_name(&xb->dev), 0400, pv_debugfs,
					  pd, &device_fops);
	pv_watch_peer(pd);
	pv_device_ask(pd, PV_ASK_BEGIN);
	return 0;
}

/* Whether it may leave in its own time: nobody follows it in its place. */
static bool device_may_linger(struct pv_device *pd)
{
	char *text;

	if (!pd->drv->lingers)
		return false;
	text = pv_device_read_own(pd, "");
	if (!IS_ERR(text))
		kfree(text);
	return PTR_ERR_OR_ZERO(text) == -ENOENT &&
	       try_module_get(pd->drv->xb.driver.owner);
}

/*
 * xenbus says Closed when a device has been removed; but not in the directory
 * of the next one. If it was @taken since its directory had gone, what this one
 * has said since is in the next one's, which begins by that.
 */
static void device_last_state(struct xenbus_device *xb, bool taken)
{
	int now = pv_read_state(xb, xb->nodename);

	if (taken && now == xb->state && now != XenbusStateUnknown)
		xenbus_printf(XBT_NIL, xb->nodename, "state", "%d", XenbusStateInitialising);
	else if (now != XenbusStateUnknown && now != XenbusStateInitialising)
		return;
	xb->state = XenbusStateClosed;
}

static void device_remove(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	bool taken = pd->taken, lingers;

	WRITE_ONCE(pd->gone, true);
	dev_set_drvdata(&xb->dev, NULL);
	/* Not in the thread: xenwatch may be waiting for that here. */
	pv_watches_stop(pd);
	lingers = device_may_linger(pd);
	if (lingers)
		get_device(&xb->dev);
	pd->lingering = lingers;
	/* One that lingers frees itself. */
	kthread_queue_work(pd->worker, &pd->leave);
	if (!lingers) {
		kthread_flush_work(&pd->leave);
		device_free(pd);
	}
	device_last_state(xb, taken);
}

/* The device is taken away, not only its driver. */
static int device_notified(struct notifier_block *notifier, unsigned long event, void *data)
{
	struct pv_driver *drv = container_of(notifier, struct pv_driver, notifier);
	struct device *dev = data;

	if (event != BUS_NOTIFY_DEL_DEVICE)
		return NOTIFY_DONE;
	device_lock(dev);
	if (dev->driver == &drv->xb.driver) {
		struct pv_device *pd = dev_get_drvdata(dev);

		pd->taken = !pd->leaves;
	}
	device_unlock(dev);
	return NOTIFY_DONE;
}

/*
 * From here to the resume no hook may run. The kernel freezes the thread; the
 * shim cannot, but there, too, no watch fires meanwhile.
 */
static int device_suspend(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	unsigned int flags;

	if (!freezing(pd->worker->task))
		kthread_flush_worker(pd->worker);
	flags = pv_device_enter(pd);
	if (pd->link == PV_LINK_UP && pd->drv->suspend)
		pd->drv->suspend(pd, jiffies + SUSPEND_PATIENCE);
	pv_device_leave(pd, flags);
	return 0;
}

static int device_resume(struct xenbus_device *xb)
{
	struct pv_device *pd = dev_get_drvdata(&xb->dev);
	const char *peer = kstrdup(xb->otherend, GFP_NOIO);
	unsigned int flags;

	if (!peer)
		return -ENOMEM;
	pv_watch_stop(&pd->peer_watch);
	flags = pv_device_enter(pd);
	/* The old backend is in another world: only its memory is left. */
	pv_device_down(pd, PV_DOWN_RETRY);
	swap(pd->peer, peer);
	/* What it said last was said there. */
	clear_bit(PV_ASK_PEER, &pd->asked);
	pd->closing = false;
	pd->failed = false;
	/* What was missing there may be here. */
	cancel_delayed_work(&pd->again);
	pd->later = 0;
	pd->wait = 0;
	pd->waits = false;
	pd->unsaid = XenbusStateUnknown;
	pv_device_leave(pd, flags);
	kfree(peer);
	pv_watch_peer(pd);
	return 0;
}

/**
 * __pv_driver_register() - announce one end of one device class
 * @drv: the driver, filled in
 * @owner: its module
 * @mod_name: its module's name
 * @abi: PV_RING_ABI as it was compiled with: a sum of the headers that it shares
 *	with pv-ring, since not all kernels have CONFIG_MODVERSIONS
 *
 * Return: 0 or a negative errno.
 */
int __pv_driver_register(struct pv_driver *drv, struct module *owner,
			 const char *mod_name, u32 abi)
{
	int err;

	if (abi != PV_RING_ABI) {
		pr_err("%s is of another build than pv-ring: load both of the same one\n",
		       mod_name);
		return -ENOEXEC;
	}
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
	if (drv->end == PV_BACK) {
		err = __xenbus_register_backend(&drv->xb, owner, mod_name);
	} else {
		drv->xb.suspend = device_suspend;
		drv->xb.resume = device_resume;
		err = __xenbus_register_frontend(&drv->xb, owner, mod_name);
	}
	drv->notifier.notifier_call = device_notified;
	return err ?: bus_register_notifier(drv->xb.driver.bus, &drv->notifier);
}
EXPORT_SYMBOL_GPL(__pv_driver_register);

/**
 * pv_driver_unregister() - take a driver's devices away, then the driver
 * @drv: the driver
 */
void pv_driver_unregister(struct pv_driver *drv)
{
	bus_unregister_notifier(drv->xb.driver.bus, &drv->notifier);
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
	kthread_queue_work(pd->worker, &pd->work);
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
	pv_device_ask(pd, PV_ASK_LOOK);
}
EXPORT_SYMBOL_GPL(pv_device_poke);

/**
 * pv_device_await() - wait for something that a disk or a device has to do
 * @pd: the device
 * @done: completed when it has
 * @what: what that is, for the log
 *
 * A device that does not answer cannot be made to: this waits as long as it
 * takes, and after ten seconds says so.
 *
 * Context: process, a hook of the device.
 */
void pv_device_await(struct pv_device *pd, struct completion *done,
		     const char *what)
{
	bool said = false;

	while (!wait_for_completion_timeout(done, PATIENCE)) {
		if (!said)
			dev_warn(&pd->xb->dev, "waits for %s\n", what);
		said = true;
	}
	if (said)
		dev_notice(&pd->xb->dev, "waits no more for %s\n", what);
}
EXPORT_SYMBOL_GPL(pv_device_await);

int pv_device_init(void)
{
	reaper = alloc_workqueue("pv-reaper", WQ_UNBOUND, 0);
	return reaper ? 0 : -ENOMEM;
}

void pv_device_exit(void)
{
	destroy_workqueue(reaper);
}

/**
 * pv_device_alloc_counters() - counters that outlive connections
 * @pd: the device, which frees them when it goes
 * @nr: most queues
 * @stride: bytes of a queue's, which begin with a struct pv_stats
 *
 * Context: process, in probe().
 * Return: 0 or -ENOMEM.
 */
int pv_device_alloc_counters(struct pv_device *pd, unsigned int nr, size_t stride)
{
	pd->counters = kvcalloc(nr, stride, GFP_KERNEL);
	if (!pd->counters)
		return -ENOMEM;
	pd->counters_stride = stride;
	pd->nr_counters = nr;
	return 0;
}
EXPORT_SYMBOL_GPL(pv_device_alloc_counters);

/**
 * pv_counter_show() - what an attribute of PV_COUNTER() says
 * @dev: the xenbus device's struct device
 * @attr: the attribute
 * @buf: where to
 *
 * Return: its length.
 */
ssize_t pv_counter_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	size_t offset = container_of(attr, struct pv_counter_attr, attr)->offset;
	const struct pv_device *pd = pv_device_of(dev);
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < pd->nr_counters; i++)
		sum += READ_ONCE(*(u64 *)(pd->counters + i * pd->counters_stride + offset));
	return sysfs_emit(buf, "%llu\n", sum);
}
EXPORT_SYMBOL_GPL(pv_counter_show);

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
