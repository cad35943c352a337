// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device: both ends' state machines, with peers that close, vanish, come back and lie at each step.
 *
 * The driver under the library is a small one with real rings, grants and event channels, so that whatever a path
 * forgets to release is seen. The case plays the other end through xenstore.
 */
#include <linux/mm.h>
#include <linux/spinlock.h>

#define HELPERS_WANT_DEVICE
#include "channel.h"
#include "device.h"
#include "features.h"
#include "helpers.h"
#include "ring.h"

#define STRIDE 112
#define TYPE "kunit-vdev"

static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];

/* The driver */

enum hook { PROBE, REMOVE, OFFER, NEGOTIATE, PUBLISH, CONNECT, CHANGE, DISCONNECT, RECONFIGURE, RESTARTED, NR_HOOKS };
static const char hook_letter[NR_HOOKS + 1] = "prongcxdfs";

static struct {
	char trace[512];		/* a letter a hook; D for a final disconnect */
	unsigned int len;
	int fail[NR_HOOKS];		/* what the hook returns, once if not sticky */
	bool sticky;
	bool explain;			/* a hook that fails says why itself */
	bool may_close;
	bool inside;
	bool overlapped, out_of_order;
	bool may_do_io;			/* a hook may wait for memory that is written to the disk it is to bring back */
	bool live;			/* between negotiate or connect, and disconnect */
	enum hook told_at;		/* the hook in which the toolstack tells a backend to close */
	struct completion *hang;	/* what a backend's disconnect() waits for: a silent disk; or change() */
	struct completion *slow_end;	/* what a frontend's last disconnect() waits for */
	struct pv_device *pd;
} drv;

static DEFINE_SPINLOCK(trace_lock);

static int enter(enum hook hook, char letter)
{
	int err = drv.fail[hook];
	bool told = false;

	spin_lock(&trace_lock);
	if (drv.inside)
		drv.overlapped = true;
	if (hook != PROBE && hook != REMOVE && !(current->flags & PF_MEMALLOC_NOIO))
		drv.may_do_io = true;
	drv.inside = true;
	if (drv.told_at && hook == drv.told_at)
		told = true;
	if (drv.len < sizeof(drv.trace) - 1) {
		drv.trace[drv.len++] = letter ?: hook_letter[hook];
		drv.trace[drv.len] = 0;
	}
	spin_unlock(&trace_lock);
	if (told)
		set_key(back_path, "state", "5");
	if (!drv.sticky)
		drv.fail[hook] = 0;
	return err;
}

static int leave(int err)
{
	if (err && drv.explain && drv.pd)
		pv_device_error(drv.pd, err, "the very cause");
	drv.inside = false;
	return err;
}

struct end {
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_stats stats;
	struct pv_channel ch;
	struct pv_watch watch;
	unsigned int watched;
};

static enum pv_consumed consume(struct pv_channel *ch)
{
	return PV_DRAINED;
}

static int hook_probe(struct pv_device *pd)
{
	int err = enter(PROBE, 0);
	struct end *end;

	if (err)
		return leave(err);
	end = kzalloc(sizeof(*end), GFP_KERNEL);
	pd->priv = end;
	drv.pd = pd;
	return leave(end ? 0 : -ENOMEM);
}

static void hook_remove(struct pv_device *pd)
{
	struct end *end = pd->priv;

	enter(REMOVE, 0);
	if (drv.live)
		drv.out_of_order = true;
	drv.pd = NULL;
	kfree(end);
	leave(0);
}

static int hook_offer(struct pv_device *pd)
{
	int err = enter(OFFER, 0);

	if (!err)
		pv_feature_offer(pd, 0, 5);
	return leave(err);
}

static int open_channel(struct pv_device *pd, struct end *end, u32 remote)
{
	struct pv_channel_config config = {
		.name = TYPE,
		.ring = &end->ring,
		.stats = &end->stats,
		.context = PV_THREAD,
		.consume = consume,
		.remote_port = remote,
	};

	return pv_channel_open(&end->ch, pd, &config);
}

static int hook_negotiate(struct pv_device *pd)
{
	struct end *end = pd->priv;
	int err = enter(NEGOTIATE, 0);

	if (drv.live)
		drv.out_of_order = true;
	drv.live = true;
	if (err)
		return leave(err);
	err = pv_shared_create(pd, &end->shared, 2);
	if (err)
		return leave(err);
	pv_ring_init_front(&end->ring, end->shared.mem, 2, STRIDE, &end->stats);
	return leave(open_channel(pd, end, 0));
}

static int hook_publish(struct pv_device *pd, struct xenbus_transaction xbt)
{
	struct end *end = pd->priv;
	int err = enter(PUBLISH, 0);

	if (!err)
		err = pv_shared_publish(pd, xbt, "", "ring-ref", true, &end->shared);
	if (!err)
		err = pv_device_write(pd, xbt, "event-channel", "%u", end->ch.port);
	return leave(err);
}

static int hook_front_connect(struct pv_device *pd)
{
	struct end *end = pd->priv;
	int err = enter(CONNECT, 0);

	if (!drv.live)
		drv.out_of_order = true;
	if (!err)
		pv_channel_start(&end->ch);
	return leave(err);
}

static void hook_front_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct end *end = pd->priv;

	enter(DISCONNECT, why == PV_DOWN_FINAL ? 'D' : 'd');
	if (drv.slow_end && why == PV_DOWN_FINAL)
		wait_for_completion(drv.slow_end);
	pv_channel_close(&end->ch);
	pv_shared_destroy(&end->shared);
	drv.live = false;
	leave(0);
}

static int hook_back_connect(struct pv_device *pd)
{
	struct end *end = pd->priv;
	int err = enter(CONNECT, 0);
	u32 port;

	if (drv.live)
		drv.out_of_order = true;
	drv.live = true;
	if (!err)
		err = pv_shared_map(pd, &end->shared, "", "ring-ref", true, 2);
	if (!err)
		err = pv_ring_init_back(&end->ring, end->shared.mem, 2, STRIDE, &end->stats);
	if (!err)
		err = pv_device_read_port(pd, "", "event-channel", &port);
	if (!err)
		err = open_channel(pd, end, port);
	if (!err) {
		pv_channel_start(&end->ch);
		pv_feature_offer(pd, 2, 1000);
	}
	return leave(err);
}

static void hook_back_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct end *end = pd->priv;

	enter(DISCONNECT, why == PV_DOWN_FINAL ? 'D' : 'd');
	if (drv.hang && drv.live)
		wait_for_completion(drv.hang);
	pv_channel_close(&end->ch);
	pv_shared_unmap(pd, &end->shared);
	drv.live = false;
	leave(0);
}

static void hook_change(struct pv_device *pd)
{
	enter(CHANGE, 0);
	if (drv.hang)
		wait_for_completion(drv.hang);
	leave(0);
}

static int hook_reconfigure(struct pv_device *pd)
{
	return leave(enter(RECONFIGURE, 0));
}

static void hook_restarted(struct pv_device *pd)
{
	enter(RESTARTED, 0);
	leave(0);
}

static bool hook_may_close(struct pv_device *pd)
{
	return drv.may_close;
}

static const struct pv_feature table[] = {
	{ .key = "max-things", .min = 1, .max = 100, .absent = 1 },
	{ .key = "things", .from_front = true, .min = 1, .max = 100, .absent = 1 },
	{ .key = "sectors", .flags = PV_FEATURE_LATE | PV_FEATURE_REQUIRED, .min = 1, .max = U64_MAX },
};

static struct pv_driver front_driver = {
	.name = "kunit-front",
	.type = TYPE,
	.end = PV_FRONT,
	.features = table,
	.nr_features = ARRAY_SIZE(table),
	.probe = hook_probe,
	.remove = hook_remove,
	.negotiate = hook_negotiate,
	.publish = hook_publish,
	.connect = hook_front_connect,
	.change = hook_change,
	.disconnect = hook_front_disconnect,
	.may_close = hook_may_close,
};

/* As a network frontend is: Connected as soon as it has published, and a key of the backend changes. */
static struct pv_driver direct_driver = {
	.name = "kunit-direct",
	.type = TYPE,
	.end = PV_FRONT,
	.features = table,
	.nr_features = ARRAY_SIZE(table),
	.probe = hook_probe,
	.remove = hook_remove,
	.negotiate = hook_negotiate,
	.publish = hook_publish,
	.connect = hook_front_connect,
	.change = hook_change,
	.restarted = hook_restarted,
	.disconnect = hook_front_disconnect,
	.peer_key = "news",
	.direct = true,
};

/* As a network backend is: may be reconfigured, and a key of the frontend changes. */
static struct pv_driver flexible_driver = {
	.name = "kunit-flexible",
	.type = TYPE,
	.end = PV_BACK,
	.features = table,
	.nr_features = ARRAY_SIZE(table),
	.probe = hook_probe,
	.remove = hook_remove,
	.offer = hook_offer,
	.connect = hook_back_connect,
	.change = hook_change,
	.reconfigure = hook_reconfigure,
	.disconnect = hook_back_disconnect,
	.peer_key = "news",
};

static struct pv_driver back_driver = {
	.name = "kunit-back",
	.type = TYPE,
	.end = PV_BACK,
	.features = table,
	.nr_features = ARRAY_SIZE(table),
	.probe = hook_probe,
	.remove = hook_remove,
	.offer = hook_offer,
	.connect = hook_back_connect,
	.disconnect = hook_back_disconnect,
	.lingers = true,
};

/* Xenstore, seen from the case */

static int front_key(const char *key, const char *value)
{
	return set_key(front_path, key, value);
}

static int back_key(const char *key, const char *value)
{
	return set_key(back_path, key, value);
}

static enum xenbus_state front_state(void)
{
	return xenbus_read_driver_state(front_path);
}

static enum xenbus_state back_state(void)
{
	return xenbus_read_driver_state(back_path);
}

/* The other end's state, and then whatever comes of it. */
static void set_state(const char *path, enum xenbus_state state)
{
	char key[FAKE_XEN_PATH_LEN + 8];

	snprintf(key, sizeof(key), "%s/state", path);
	fake_xen_write(key, "%d", state);
	settle();
}

static void back_goes(enum xenbus_state state)
{
	set_state(back_path, state);
}

static void front_goes(enum xenbus_state state)
{
	set_state(front_path, state);
}

/* Each case */

static int setup(struct kunit *test, struct pv_driver *driver)
{
	fake_xen_reset();
	memset(&drv, 0, sizeof(drv));
	drv.may_close = true;
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, 3);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, 3);
	/* Suites run before their module is complete: without an owner, or the driver core looks for it. */
	return __pv_driver_register(driver, NULL, NULL, PV_RING_ABI);
}

static int front_init(struct kunit *test)
{
	return setup(test, &front_driver);
}

static int back_init(struct kunit *test)
{
	return setup(test, &back_driver);
}

static void finish(struct kunit *test, struct pv_driver *driver)
{
	pv_driver_unregister(driver);
	settle();
	KUNIT_EXPECT_FALSE_MSG(test, drv.overlapped, "two hooks ran at a time: %s", drv.trace);
	KUNIT_EXPECT_FALSE(test, drv.may_do_io);
	KUNIT_EXPECT_FALSE_MSG(test, drv.out_of_order, "hooks out of order: %s", drv.trace);
	KUNIT_EXPECT_FALSE_MSG(test, drv.live, "not disconnected in the end: %s", drv.trace);
	KUNIT_EXPECT_NULL_MSG(test, drv.pd, "not removed: %s", drv.trace);
	expect_nothing_held(test);
}

static int direct_init(struct kunit *test)
{
	return setup(test, &direct_driver);
}

static int flexible_init(struct kunit *test)
{
	return setup(test, &flexible_driver);
}

static void direct_exit(struct kunit *test)
{
	finish(test, &direct_driver);
}

static void flexible_exit(struct kunit *test)
{
	finish(test, &flexible_driver);
}

static void front_exit(struct kunit *test)
{
	finish(test, &front_driver);
}

static void back_exit(struct kunit *test)
{
	finish(test, &back_driver);
}

static struct xenbus_device *add(struct kunit *test, enum fake_xen_end end)
{
	struct xenbus_device *dev = fake_xen_add_device(end, TYPE, 3);

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	settle();
	return dev;
}

static void expect_trace(struct kunit *test, const char *want)
{
	KUNIT_EXPECT_STREQ(test, drv.trace, want);
}

/* Frontends */

static void front_connects(struct kunit *test)
{
	grant_ref_t ref;

	add(test, FAKE_XEN_FRONT);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
	expect_trace(test, "p");

	back_key("max-things", "50");
	back_goes(XenbusStateInitWait);
	expect_trace(test, "png");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialised);
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 0), 50);
	KUNIT_EXPECT_STREQ(test, key_value(front_path, "things"), "1");
	KUNIT_ASSERT_EQ(test, kstrtou32(key_value(front_path, "ring-ref1"), 10, &ref), 0);
	KUNIT_EXPECT_NOT_NULL(test, fake_xen_granted_page(ref));
	KUNIT_ASSERT_EQ(test, kstrtou32(key_value(front_path, "event-channel"), 10, &ref), 0);
	KUNIT_EXPECT_NE(test, ref, 0);
	/* Said twice, done once. */
	back_goes(XenbusStateInitWait);
	expect_trace(test, "png");

	back_key("sectors", "100");
	back_goes(XenbusStateConnected);
	expect_trace(test, "pngc");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 2), 100);
	/* Once more, with a new size: news. */
	back_goes(XenbusStateConnected);
	expect_trace(test, "pngcx");
}

static void clear_trace(void)
{
	memset(drv.trace, 0, sizeof(drv.trace));
	drv.len = 0;
}

static unsigned int times(char letter)
{
	unsigned int i, nr = 0;

	for (i = 0; i < drv.len; i++)
		nr += drv.trace[i] == letter;
	return nr;
}

static void take_to(struct kunit *test, unsigned int step)
{
	back_key("sectors", "100");
	if (step >= 1)
		back_goes(XenbusStateInitWait);
	if (step >= 2)
		back_goes(XenbusStateConnected);
}

/* Removed at each step: nothing stays, and remove() comes last. */
static void front_is_removed(struct kunit *test)
{
	static const char * const want[] = { "pDr", "pngDr", "pngcDr" };
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		fake_xen_remove_device(dev);
		expect_trace(test, want[step]);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		clear_trace();
		fake_xen_reset();
	}
}

/* The toolstack detaches the device: online goes, then Closing. */
static void front_is_detached(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		clear_trace();
		back_key("online", "0");
		back_goes(XenbusStateClosing);
		expect_trace(test, "D");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing() || step == 0);
		back_goes(XenbusStateClosed);
		expect_trace(test, "D");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/* In use: it closes when the last user has gone, and says why not at once. */
static void front_is_busy(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	drv.may_close = false;
	clear_trace();
	back_key("online", "0");
	back_goes(XenbusStateClosing);
	expect_trace(test, "");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosing);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "in use"));
	/* Nobody has left yet. */
	pv_device_poke(drv.pd);
	msleep(50);
	expect_trace(test, "");
	drv.may_close = true;
	pv_device_poke(drv.pd);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_state() == XenbusStateClosed));
	expect_trace(test, "D");
}

/* The backend's driver goes and comes back: what is in flight is kept. */
static void backend_restarts(struct kunit *test)
{
	unsigned int i;

	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	for (i = 0; i < 3; i++) {
		clear_trace();
		back_goes(XenbusStateClosing);
		expect_trace(test, "d");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		back_goes(XenbusStateClosed);
		expect_trace(test, "d");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
		expect_trace(test, "dngc");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	}
	/*
	 * One that says nothing before it is back, since it crashed, or goes on with the rings as they are: it is not
	 * met with new ones, which it may not look at.
	 */
	clear_trace();
	back_goes(XenbusStateInitialising);
	back_goes(XenbusStateInitWait);
	expect_trace(test, "d");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
	back_goes(XenbusStateClosed);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
	back_goes(XenbusStateInitWait);
	back_goes(XenbusStateConnected);
	expect_trace(test, "dngc");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
}

/* One that an administrator restarts some times in a minute is not given up, however many states it passes. */
static void backend_restarts_in_steps(struct kunit *test)
{
	unsigned int i;

	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	for (i = 0; i < 8; i++) {
		back_goes(XenbusStateClosing);
		back_goes(XenbusStateClosed);
		back_goes(XenbusStateUnknown);
		back_goes(XenbusStateInitialising);
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateConnected, "the %u. time", i + 1);
	}
	KUNIT_EXPECT_NULL_MSG(test, strchr(drv.trace, 'D'), "%s", drv.trace);
}

/* A backend that does nothing but come and go is given up, with a final disconnect. */
static void backend_restarts_for_ever(struct kunit *test)
{
	unsigned int i;

	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	for (i = 0; i < 50 && front_state() != XenbusStateClosed; i++) {
		back_goes(XenbusStateClosed);
		if (front_state() == XenbusStateClosed)
			break;
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
	}
	KUNIT_EXPECT_LT(test, i, 50);
	KUNIT_EXPECT_GT(test, i, 2);
	KUNIT_ASSERT_GT(test, drv.len, 0);
	KUNIT_EXPECT_EQ_MSG(test, drv.trace[drv.len - 1], 'D', "%s", drv.trace);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
}

/* Its whole directory goes, at each step. */
static void backend_vanishes(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		clear_trace();
		fake_xen_rm(back_path);
		settle();
		expect_trace(test, "D");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/*
 * The toolstack has taken the device and gives one at the same place, at each step, before xenbus has seen that the
 * directories had gone: what there is belongs to the former one.
 */
static void front_is_made_anew(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		back_key("max-things", "7");
		KUNIT_ASSERT_EQ(test, fake_xen_make_anew(TYPE, 3), 0);
		settle();
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateInitialising, "step %u: %s", step, drv.trace);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		back_key("max-things", "8");
		take_to(test, 2);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateConnected, "step %u: %s", step, drv.trace);
		KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 0), 8);
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/* Its directories have gone. While it comes to its end the next device's are made: its last word is not for these. */
static void front_ends_late(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);
		struct completion slow_end;

		take_to(test, step);
		clear_trace();
		init_completion(&slow_end);
		drv.slow_end = &slow_end;
		fake_xen_rm(back_path);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(times('D') == 1));
		KUNIT_EXPECT_EQ(test, fake_xen_make_anew(TYPE, 3), 0);
		drv.slow_end = NULL;
		complete(&slow_end);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(times('p') == 1), "step %u: %s", step, drv.trace);
		settle();
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateInitialising, "step %u: %s", step, drv.trace);
		take_to(test, 2);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateConnected, "step %u: %s", step, drv.trace);
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/*
 * xenbus has seen that it went, and takes it away when the next device's directories are there, in which this one may
 * have begun: the next one begins all the same.
 */
static void removed_beside_the_next(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		KUNIT_ASSERT_EQ(test, fake_xen_make_anew(TYPE, 3), 0);
		fake_xen_take_device(dev);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateInitialising, "step %u: %s", step, drv.trace);
		clear_trace();
		fake_xen_reset();
		dev = add(test, FAKE_XEN_FRONT);
		take_to(test, step);
		fake_xen_take_device(dev);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateInitialising, "step %u: %s", step, drv.trace);
		clear_trace();
		fake_xen_reset();
		dev = add(test, FAKE_XEN_BACK);
		fake_xen_take_device(dev);
		KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitialising);
		clear_trace();
		fake_xen_reset();
	}
}

/* Its backend is in another domain, or another directory; nothing had been told to the former one. */
static void front_has_another_backend(struct kunit *test)
{
	struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, 4);
	front_key("backend", back_path);
	back_key("online", "1");
	back_goes(XenbusStateInitWait);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, 3);
	fake_xen_rm(back_path);
	settle();
	KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateInitialised, "%s", drv.trace);
	fake_xen_remove_device(dev);
}

/* A hook fails, at each step: all is released, the reason is in xenstore, and the next try starts afresh. */
static void front_hook_fails(struct kunit *test)
{
	static const struct {
		enum hook hook;
		const char *want;
	} cases[] = {
		{ NEGOTIATE, "pnD" }, { PUBLISH, "pngD" }, { CONNECT, "pngcD" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct xenbus_device *dev;
		unsigned long errors;

		drv.fail[cases[i].hook] = -ENXIO;
		dev = add(test, FAKE_XEN_FRONT);
		errors = fake_xen_counts.errors;
		take_to(test, 2);
		expect_trace(test, cases[i].want);
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosing);
		KUNIT_EXPECT_GT(test, fake_xen_counts.errors, errors);
		KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "6 "));
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		clear_trace();
		back_goes(XenbusStateClosing);
		back_goes(XenbusStateClosed);
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateConnected, "%s", drv.trace);
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
	/* The first of all */
	drv.fail[PROBE] = -ENOMEM;
	add(test, FAKE_XEN_FRONT);
	expect_trace(test, "p");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
}

/*
 * The library's own steps fail: no references, no event channel, no write. Nothing of it is the backend's fault: it
 * is tried again later, with all of it anew.
 */
static void front_means_fail(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 6; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		if (step == 0)
			fake_xen_limit_refs(1);
		else if (step == 1)
			fake_xen_fail_step(FAKE_XEN_SETUP_RING, 0, 1, -ENOMEM);
		else if (step == 2)
			fake_xen_fail_step(FAKE_XEN_EVTCHN, 0, 1, -ENOSPC);
		else if (step == 3)
			fake_xen_fail_step(FAKE_XEN_BIND, 0, 1, -ENOMEM);
		else if (step == 4)
			back_key("max-things", "101");
		else
			/* The case writes two keys, the frontend then its own: fail the ring's. */
			fake_xen_fail_writes(3, 1, -ENOSPC);
		take_to(test, 1);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), step == 4 ? XenbusStateClosing : XenbusStateClosed,
				    "step %u: %s", step, drv.trace);
		KUNIT_EXPECT_TRUE_MSG(test, fake_xen_holds_nothing(), "step %u", step);
		KUNIT_EXPECT_NE(test, fake_xen_last_error()[0], 0);
		if (step != 4) {
			fake_xen_limit_refs(0);
			back_goes(XenbusStateClosed);
			KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
			KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_state() == XenbusStateInitialising));
			back_goes(XenbusStateInitWait);
			back_goes(XenbusStateConnected);
			KUNIT_EXPECT_EQ_MSG(test, front_state(), XenbusStateConnected, "step %u: %s", step, drv.trace);
		}
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/* It waits to try again, and meanwhile the toolstack takes the device; or the device goes. */
static void front_waits_and_is_not_wanted(struct kunit *test)
{
	struct xenbus_device *dev;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		dev = add(test, FAKE_XEN_FRONT);
		fake_xen_fail_step(FAKE_XEN_EVTCHN, 0, 1, -ENOSPC);
		take_to(test, 1);
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		if (i == 0) {
			back_key("online", "0");
			back_goes(XenbusStateClosed);
			msleep(1500);
			KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
		}
		fake_xen_remove_device(dev);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		fake_xen_reset();
	}
}

/* Somebody else's transaction wins, thrice: the same again, until all of it is there at once. */
static void transaction_conflicts(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	fake_xen_conflicts(3);
	take_to(test, 1);
	expect_trace(test, "pngggg");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialised);
	KUNIT_EXPECT_STRNEQ(test, key_value(front_path, "ring-ref0"), "");
	KUNIT_EXPECT_STRNEQ(test, key_value(front_path, "event-channel"), "");
}

/* Nonsense in a late key: refused, not believed. */
static void late_nonsense(struct kunit *test)
{
	static const char * const values[] = { "0", "-1", "many", "" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		back_goes(XenbusStateInitWait);
		back_key("sectors", values[i]);
		back_goes(XenbusStateConnected);
		expect_trace(test, "pngD");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosing);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/* The peer broke the rules: said once, disconnected for good, whatever it says afterwards. */
static void front_fails_for_good(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;

	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	clear_trace();
	spin_lock_irqsave(&lock, flags);
	pv_device_fail(drv.pd, "%s is %u", "rsp_prod", 99);
	pv_device_fail(drv.pd, "%s is %u", "rsp_prod", 100);
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_state() == XenbusStateClosing));
	expect_trace(test, "D");
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	back_goes(XenbusStateInitWait);
	back_goes(XenbusStateConnected);
	expect_trace(test, "D");
	back_goes(XenbusStateClosing);
	back_goes(XenbusStateClosed);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
	back_goes(XenbusStateInitialising);
	back_goes(XenbusStateInitWait);
	KUNIT_EXPECT_NULL_MSG(test, strchr(drv.trace, 'n'), "%s", drv.trace);
}

static void suspend_and_resume(struct kunit *test)
{
	struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);
	unsigned int step;

	for (step = 0; step < 3; step++) {
		take_to(test, step);
		clear_trace();
		KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(dev), 0);
		/* Another host: the backend there has just been made. */
		back_goes(XenbusStateInitialising);
		KUNIT_ASSERT_EQ(test, fake_xen_resume_device(dev), 0);
		settle();
		expect_trace(test, step ? "d" : "");
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing() || step == 0);
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
		expect_trace(test, step ? "dngc" : "ngc");
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
		/* Back to the start for the next round */
		back_goes(XenbusStateClosed);
		KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
	}
	/* A suspend that is called off changes nothing. */
	take_to(test, 2);
	clear_trace();
	fake_xen_cancel_device(dev);
	back_goes(XenbusStateConnected);
	expect_trace(test, "x");
}

/* Resume, then removal before and after the backend is there. */
static void removed_after_resume(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, 2);
		fake_xen_suspend_device(dev);
		back_goes(XenbusStateInitialising);
		fake_xen_resume_device(dev);
		if (step >= 1)
			back_goes(XenbusStateInitWait);
		if (step >= 2)
			back_goes(XenbusStateConnected);
		fake_xen_remove_device(dev);
		KUNIT_EXPECT_EQ(test, drv.trace[drv.len - 1], 'r');
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		clear_trace();
		fake_xen_reset();
	}
}

static u32 next(u32 *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* Any state at any time, faster than the frontend follows. Whatever it is in the end, it can be removed. */
static void backend_says_anything(struct kunit *test)
{
	struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);
	u32 seed = 99;
	unsigned int i;
	char state[4], path[FAKE_XEN_PATH_LEN + 8];

	back_key("sectors", "100");
	snprintf(path, sizeof(path), "%s/state", back_path);
	for (i = 0; i < 2000; i++) {
		u32 what = next(&seed);

		snprintf(state, sizeof(state), "%u", what % 10);
		if (what % 97 == 0)
			fake_xen_rm(path);
		else if (what % 41 == 0)
			back_key("online", what & 64 ? "1" : "0");
		else
			fake_xen_write(path, "%s", state);
		if (what % 5 == 0)
			settle();
		if (what % 29 == 0)
			pv_device_poke(drv.pd);
		if (i == 1500)
			pv_device_fail(drv.pd, "enough");
		clear_trace();
	}
	settle();
	fake_xen_remove_device(dev);
}

/* Backends */

/* The frontend's part: pages granted, a port, and what it writes. */
struct peer {
	struct page *page[2];
	grant_ref_t ref[2];
	evtchn_port_t port;
};

static void peer_offers(struct kunit *test, struct peer *peer)
{
	unsigned int i;
	char text[16], key[16];

	for (i = 0; i < 2; i++) {
		struct pv_ring_shared *shared;
		int ref;

		peer->page[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, peer->page[i]);
		shared = page_address(peer->page[i]);
		shared->req_event = 1;
		shared->rsp_event = 1;
		ref = fake_xen_grant(peer->page[i], false);
		KUNIT_ASSERT_GT(test, ref, 0);
		peer->ref[i] = ref;
		snprintf(key, sizeof(key), "ring-ref%u", i);
		snprintf(text, sizeof(text), "%u", ref);
		front_key(key, text);
	}
	peer->port = fake_xen_peer_port();
	snprintf(text, sizeof(text), "%u", peer->port);
	front_key("event-channel", text);
}

static void peer_withdraws(struct kunit *test, struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		/* Nothing of it is mapped any more. */
		KUNIT_EXPECT_EQ(test, gnttab_end_foreign_access_ref(peer->ref[i]), 1);
		fake_xen_revoke(peer->ref[i]);
		__free_page(peer->page[i]);
	}
	fake_xen_close_port(peer->port);
}

static void back_connects(struct kunit *test)
{
	struct peer peer;

	add(test, FAKE_XEN_BACK);
	expect_trace(test, "po");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "max-things"), "5");
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "sectors"), "");
	peer_offers(test, &peer);
	front_key("things", "9");
	front_goes(XenbusStateInitialised);
	expect_trace(test, "poc");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 1), 9);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "sectors"), "1000");
	/* What the frontend says in return changes nothing. */
	front_goes(XenbusStateConnected);
	expect_trace(test, "poc");

	/* It goes, and comes back. */
	front_goes(XenbusStateClosing);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosing);
	front_goes(XenbusStateClosed);
	expect_trace(test, "pocd");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosed);
	peer_withdraws(test, &peer);
	front_goes(XenbusStateInitialising);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	peer_offers(test, &peer);
	/* Some go straight to Connected. */
	front_goes(XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);

	/* One that crashed says nothing before it is back. */
	clear_trace();
	front_goes(XenbusStateInitialising);
	expect_trace(test, "d");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	front_goes(XenbusStateInitialised);
	expect_trace(test, "dc");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);

	/* The toolstack detaches it: the device goes by itself. */
	clear_trace();
	back_key("online", "0");
	front_goes(XenbusStateClosed);
	KUNIT_EXPECT_NULL(test, drv.pd);
	KUNIT_EXPECT_EQ(test, drv.trace[drv.len - 1], 'r');
	peer_withdraws(test, &peer);
}

/*
 * The frontend goes, and its next life publishes and says Connected, while the backend is busy with the one before: all
 * that it ever sees is that state. The rings are others.
 */
static void frontend_is_replaced_unseen(struct kunit *test)
{
	static const enum xenbus_state states[] = { XenbusStateConnected, XenbusStateInitialised };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_BACK);
		struct peer before, now;

		peer_offers(test, &before);
		front_goes(XenbusStateInitialised);
		clear_trace();
		peer_offers(test, &now);
		front_goes(states[i]);
		expect_trace(test, "dc");
		KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
		/* The old ones can be taken back now, and nothing changes by what is said of the new ones. */
		peer_withdraws(test, &before);
		front_goes(XenbusStateConnected);
		expect_trace(test, "dc");
		fake_xen_remove_device(dev);
		peer_withdraws(test, &now);
		clear_trace();
		KUNIT_EXPECT_EQ(test, fake_xen_reset(), 0);
	}
}

/* Not ready yet (its disk has not been named): quiet, and again when poked. */
static void back_is_not_ready(struct kunit *test)
{
	struct peer peer;
	unsigned long errors;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	errors = fake_xen_counts.errors;
	drv.fail[CONNECT] = -EAGAIN;
	drv.sticky = true;
	front_goes(XenbusStateInitialised);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.errors, errors);
	KUNIT_EXPECT_FALSE(test, drv.live);
	pv_device_poke(drv.pd);
	msleep(50);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	drv.fail[CONNECT] = 0;
	pv_device_poke(drv.pd);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(back_state() == XenbusStateConnected));
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

static void back_cannot_offer(struct kunit *test)
{
	drv.fail[OFFER] = -EIO;
	drv.sticky = true;
	add(test, FAKE_XEN_BACK);
	KUNIT_EXPECT_EQ(test, drv.trace[1], 'o');
	KUNIT_EXPECT_NE(test, back_state(), XenbusStateInitWait);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "5 "));
	/* Whatever the frontend does, there is nothing to connect to. */
	front_goes(XenbusStateInitialised);
	KUNIT_EXPECT_NULL(test, strchr(drv.trace, 'c'));
	front_goes(XenbusStateInitialising);
	drv.fail[OFFER] = 0;
	pv_device_poke(drv.pd);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(back_state() == XenbusStateInitWait));
}

/* Each step of connecting meets nonsense: an error that says what, nothing held; put right, it connects. */
static void connect_meets_nonsense(struct kunit *test)
{
	static const struct {
		const char *key, *value;
	} nonsense[] = {
		{ "things", "0" }, { "things", "101" }, { "things", "x" },
		{ "ring-ref0", "" }, { "ring-ref0", "-1" }, { "ring-ref0", "0" }, { "ring-ref0", "4294967295" },
		{ "ring-ref0", "4294967296" }, { "ring-ref1", "12345" }, { "ring-ref1", NULL }, { "ring-ref0", NULL },
		{ "event-channel", "0" }, { "event-channel", "999" }, { "event-channel", "99999999999" },
		{ "event-channel", NULL }, { "event-channel", "none" },
	};
	struct peer peer;
	char good[32];
	unsigned int i;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	front_key("things", "1");
	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct fake_xen_held held;

		strscpy(good, key_value(front_path, nonsense[i].key), sizeof(good));
		front_key(nonsense[i].key, nonsense[i].value);
		front_goes(XenbusStateInitialised);
		KUNIT_EXPECT_EQ_MSG(test, back_state(), XenbusStateClosing, "%s = %s", nonsense[i].key,
				    nonsense[i].value ?: "nothing");
		fake_xen_held(&held);
		KUNIT_EXPECT_EQ(test, held.mappings, 0);
		KUNIT_EXPECT_EQ(test, held.irqs, 0);
		KUNIT_EXPECT_EQ(test, held.ports, 0);
		/* Put right, and once more from the beginning */
		front_key(nonsense[i].key, good);
		front_goes(XenbusStateClosed);
		front_goes(XenbusStateInitialising);
		KUNIT_ASSERT_EQ(test, back_state(), XenbusStateInitWait);
		front_goes(XenbusStateInitialised);
		KUNIT_ASSERT_EQ_MSG(test, back_state(), XenbusStateConnected, "after %s = %s", nonsense[i].key,
				    nonsense[i].value ?: "nothing");
		front_goes(XenbusStateClosed);
		front_goes(XenbusStateInitialising);
		clear_trace();
	}
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

/* The means of connecting fail at each step: it has them the next time, which nobody must ask for. */
static void back_means_fail(struct kunit *test)
{
	struct peer peer;
	unsigned int step;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	for (step = 0; step < 4; step++) {
		struct fake_xen_held held;

		if (step == 0)
			drv.fail[CONNECT] = -ENOMEM;
		else if (step == 1)
			fake_xen_fail_step(FAKE_XEN_MAP_RING, 0, 1, -ENOMEM);
		else if (step == 2)
			fake_xen_fail_step(FAKE_XEN_BIND, 0, 1, -ENOMEM);
		else
			/* After the case's own write: the late key, what is said of that, the key once more */
			fake_xen_fail_writes(1, 3, -ENOSPC);
		front_goes(XenbusStateInitialised);
		/* (Xen support says Closing itself where it cannot map.) */
		KUNIT_EXPECT_EQ_MSG(test, back_state(), step == 1 ? XenbusStateClosing : XenbusStateInitWait,
				    "step %u: %s", step, drv.trace);
		fake_xen_held(&held);
		KUNIT_EXPECT_EQ(test, held.mappings, step == 3 ? 2 : 0);
		KUNIT_EXPECT_EQ(test, held.irqs, step == 3);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(back_state() == XenbusStateConnected));
		front_goes(XenbusStateClosed);
		front_goes(XenbusStateInitialising);
		clear_trace();
	}
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

/* A ring whose indices cannot be. */
static void ring_is_nonsense(struct kunit *test)
{
	struct pv_ring_shared *shared;
	struct peer peer;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	shared = page_address(peer.page[0]);
	shared->req_prod = 5000;
	front_goes(XenbusStateInitialised);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosing);
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

/* The guest is gone with all its nodes, at each step: so is the device. */
static void frontend_vanishes(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_BACK);
		struct peer peer;

		peer_offers(test, &peer);
		if (step >= 1)
			front_goes(XenbusStateInitialised);
		if (step >= 2)
			front_goes(XenbusStateClosing);
		fake_xen_rm(front_path);
		settle();
		KUNIT_EXPECT_NULL_MSG(test, drv.pd, "step %u: %s", step, drv.trace);
		fake_xen_remove_device(dev);
		peer_withdraws(test, &peer);
		clear_trace();
		KUNIT_EXPECT_EQ(test, fake_xen_reset(), 0);
	}
}

static void back_is_removed(struct kunit *test)
{
	unsigned int step;

	for (step = 0; step < 3; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_BACK);
		struct peer peer;

		peer_offers(test, &peer);
		if (step >= 1)
			front_goes(XenbusStateInitialised);
		if (step >= 2)
			front_goes(XenbusStateClosing);
		fake_xen_remove_device(dev);
		KUNIT_EXPECT_EQ(test, drv.trace[drv.len - 1], 'r');
		peer_withdraws(test, &peer);
		clear_trace();
		KUNIT_EXPECT_EQ(test, fake_xen_reset(), 0);
	}
}

/* The same place is given once more, at each step, before xenbus has seen that it had been taken. */
static void back_is_made_anew(struct kunit *test)
{
	enum { OFFERED, CONNECTED, CLOSED, NOT_OFFERED, NOT_OFFERED_ANEW } step;

	for (step = OFFERED; step <= NOT_OFFERED_ANEW; step++) {
		struct xenbus_device *dev;
		struct peer peer;

		drv.sticky = true;
		/* What it is to be cannot be had. */
		drv.fail[OFFER] = step == NOT_OFFERED ? -ENODEV : 0;
		dev = add(test, FAKE_XEN_BACK);
		peer_offers(test, &peer);
		if (step == CONNECTED || step == CLOSED)
			front_goes(XenbusStateInitialised);
		if (step == CLOSED)
			front_goes(XenbusStateClosed);
		clear_trace();
		drv.fail[OFFER] = step == NOT_OFFERED_ANEW ? -ENODEV : 0;
		KUNIT_ASSERT_EQ(test, fake_xen_make_anew(TYPE, 3), 0);
		settle();
		KUNIT_EXPECT_EQ_MSG(test, times('p'), step == NOT_OFFERED ? 0 : 1, "step %u: %s", step, drv.trace);
		drv.fail[OFFER] = 0;
		pv_device_poke(drv.pd);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(back_state() == XenbusStateInitWait), "step %u: %s", step,
				      drv.trace);
		KUNIT_EXPECT_STREQ(test, key_value(back_path, "max-things"), "5");
		peer_withdraws(test, &peer);
		peer_offers(test, &peer);
		front_goes(XenbusStateInitialised);
		KUNIT_EXPECT_EQ_MSG(test, back_state(), XenbusStateConnected, "step %u: %s", step, drv.trace);
		fake_xen_remove_device(dev);
		peer_withdraws(test, &peer);
		clear_trace();
		KUNIT_EXPECT_EQ(test, fake_xen_reset(), 0);
	}
}

/* The former one has come to its end, and leaves by itself; meanwhile the next one is there. */
static void back_leaves_for_another(struct kunit *test)
{
	struct xenbus_device *dev = add(test, FAKE_XEN_BACK);
	struct completion hang;
	struct peer peer;

	init_completion(&hang);
	peer_offers(test, &peer);
	front_goes(XenbusStateInitialised);
	drv.hang = &hang;
	back_key("online", "0");
	front_key("state", "6");
	msleep(50);
	KUNIT_ASSERT_EQ(test, fake_xen_make_anew(TYPE, 3), 0);
	drv.hang = NULL;
	complete_all(&hang);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(back_state() == XenbusStateInitWait), "%s", drv.trace);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(drv.trace, "rpo"), "%s", drv.trace);
	peer_withdraws(test, &peer);
	fake_xen_remove_device(dev);
}

/* Broken for as long as this frontend's life lasts; its next one may try again. */
static void back_fails(struct kunit *test)
{
	struct peer peer;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	front_goes(XenbusStateInitialised);
	clear_trace();
	pv_device_fail(drv.pd, "req_prod is %u", 5000);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(back_state() == XenbusStateClosing));
	expect_trace(test, "D");
	front_goes(XenbusStateConnected);
	front_goes(XenbusStateInitialised);
	expect_trace(test, "D");
	front_goes(XenbusStateClosed);
	front_goes(XenbusStateInitialising);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	front_goes(XenbusStateInitialised);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

static unsigned int heard;

static void hear(struct xenbus_watch *watch, const char *path, const char *token)
{
	heard++;
}

/* News: the late keys, then Connected once more, in one transaction. */
static void back_announces(struct kunit *test)
{
	struct xenbus_watch watch = { .callback = hear };
	char path[FAKE_XEN_PATH_LEN + 8];
	struct peer peer;

	snprintf(path, sizeof(path), "%s/state", back_path);
	watch.node = path;
	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	/* Not connected: nobody to tell. */
	pv_feature_offer(drv.pd, 2, 2000);
	pv_device_announce(drv.pd);
	settle();
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "sectors"), "");
	front_goes(XenbusStateInitialised);
	KUNIT_ASSERT_EQ(test, register_xenbus_watch(&watch), 0);
	settle();
	heard = 0;
	pv_feature_offer(drv.pd, 2, 2000);
	fake_xen_conflicts(2);
	pv_device_announce(drv.pd);
	settle();
	KUNIT_EXPECT_EQ(test, heard, 1);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "sectors"), "2000");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	/* What cannot be written is tried again. */
	pv_feature_offer(drv.pd, 2, 2500);
	fake_xen_fail_writes(0, 1, -EIO);
	pv_device_announce(drv.pd);
	KUNIT_EXPECT_TRUE(test, key_comes(back_path, "sectors", "2500"));
	/* The toolstack wrote Closing: that stays. */
	set_state(back_path, XenbusStateClosing);
	pv_feature_offer(drv.pd, 2, 3000);
	pv_device_announce(drv.pd);
	settle();
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosing);
	unregister_xenbus_watch(&watch);
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

/* The toolstack writes Closing while the backend offers, or connects: that stays, and it closes. */
static void told_to_close_meanwhile(struct kunit *test)
{
	static const enum hook at[] = { OFFER, CONNECT };
	struct xenbus_device *dev;
	struct peer peer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		drv.told_at = at[i];
		dev = add(test, FAKE_XEN_BACK);
		peer_offers(test, &peer);
		if (at[i] == CONNECT) {
			KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
			front_goes(XenbusStateInitialised);
		}
		KUNIT_EXPECT_EQ_MSG(test, back_state(), XenbusStateClosing, "%s", drv.trace);
		/* The frontend has seen it. */
		front_goes(XenbusStateClosing);
		KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosing);
		front_goes(XenbusStateClosed);
		KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosed);
		drv.told_at = PROBE;
		fake_xen_remove_device(dev);
		peer_withdraws(test, &peer);
		clear_trace();
		fake_xen_reset();
	}
}

/* A backend that is connected, and whose next disconnect() waits for @hang. */
static struct xenbus_device *add_hanging(struct kunit *test, struct peer *peer, struct completion *hang)
{
	struct xenbus_device *dev = add(test, FAKE_XEN_BACK);

	peer_offers(test, peer);
	front_goes(XenbusStateInitialised);
	KUNIT_ASSERT_EQ(test, back_state(), XenbusStateConnected);
	init_completion(hang);
	drv.hang = hang;
	return dev;
}

/* The frontend writes that state (NULL: none any more): the backend waits for its disk, and xenwatch serves others. */
static void hangs_alone(struct kunit *test, const char *state)
{
	struct xenbus_watch watch = { .callback = hear, .node = "/local/domain/1/elsewhere" };

	KUNIT_ASSERT_EQ(test, register_xenbus_watch(&watch), 0);
	settle();
	heard = 0;
	front_key("state", state);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(strchr(drv.trace, 'd')));
	fake_xen_write(watch.node, "1");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(heard));
	unregister_xenbus_watch(&watch);
}

/* A disk that does not answer: the device goes on when it can. */
static void disk_hangs(struct kunit *test)
{
	struct completion hang;
	struct peer peer;

	add_hanging(test, &peer, &hang);
	hangs_alone(test, "6");
	/* What the frontend does meanwhile counts when it is over. */
	front_key("state", "1");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	complete_all(&hang);
	settle();
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	front_goes(XenbusStateInitialised);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

/* The same, and the frontend has vanished. */
static void disk_hangs_and_frontend_vanishes(struct kunit *test)
{
	struct completion hang;
	struct peer peer;

	add_hanging(test, &peer, &hang);
	hangs_alone(test, NULL);
	complete_all(&hang);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!drv.pd));
	peer_withdraws(test, &peer);
}

struct removal {
	struct work_struct work;
	struct xenbus_device *dev;
	struct completion done;
};

static void remove_work(struct work_struct *work)
{
	struct removal *r = container_of(work, struct removal, work);

	fake_xen_remove_device(r->dev);
	complete(&r->done);
}

static void remove_elsewhere(struct removal *r, struct xenbus_device *dev)
{
	r->dev = dev;
	init_completion(&r->done);
	INIT_WORK_ONSTACK(&r->work, remove_work);
	schedule_work(&r->work);
}

/* The toolstack has removed its nodes: nobody waits for it, and it leaves when its disk lets it. */
static void disk_hangs_and_device_goes(struct kunit *test)
{
	struct xenbus_device *dev;
	struct completion hang;
	struct removal removal;
	struct peer peer;

	dev = add_hanging(test, &peer, &hang);
	front_key("state", "6");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(strchr(drv.trace, 'd')));
	fake_xen_rm(back_path);
	remove_elsewhere(&removal, dev);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&removal.done, 3 * HZ));
	KUNIT_EXPECT_NOT_NULL(test, drv.pd);
	complete_all(&hang);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!drv.pd));
	KUNIT_EXPECT_STREQ(test, strchr(drv.trace, 'd'), "dDr");
	flush_work(&removal.work);
	destroy_work_on_stack(&removal.work);
	peer_withdraws(test, &peer);
}

/* Unbound, while its nodes are there: another driver may follow, and must not meet this one's requests. */
static void disk_hangs_and_driver_goes(struct kunit *test)
{
	struct xenbus_device *dev;
	struct completion hang;
	struct removal removal;
	struct peer peer;

	dev = add_hanging(test, &peer, &hang);
	remove_elsewhere(&removal, dev);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(strchr(drv.trace, 'D')));
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&removal.done, HZ / 5));
	complete_all(&hang);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&removal.done, 3 * HZ));
	KUNIT_EXPECT_NULL(test, drv.pd);
	flush_work(&removal.work);
	destroy_work_on_stack(&removal.work);
	peer_withdraws(test, &peer);
}

static void noticed(struct pv_device *pd)
{
	struct end *end = pd->priv;

	if (!mutex_is_locked(&pd->lock))
		drv.overlapped = true;
	end->watched++;
}

static void own_watch(struct kunit *test)
{
	struct end *end;
	unsigned int i, before;

	add(test, FAKE_XEN_BACK);
	end = drv.pd->priv;
	KUNIT_ASSERT_EQ(test, pv_watch_own(drv.pd, &end->watch, "physical-device", noticed), 0);
	settle();
	KUNIT_EXPECT_EQ(test, end->watched, 1);
	back_key("physical-device", "fd:0");
	settle();
	KUNIT_EXPECT_EQ(test, end->watched, 2);
	/* Written in a loop: heard of, but never more than one event waits. */
	mutex_lock(&drv.pd->lock);
	for (i = 0; i < 1000; i++)
		back_key("physical-device", "fd:1");
	before = end->watched;
	mutex_unlock(&drv.pd->lock);
	settle();
	KUNIT_EXPECT_GT(test, end->watched, before);
	KUNIT_EXPECT_LE(test, end->watched, before + 2);
	pv_watch_stop(&end->watch);
	before = end->watched;
	back_key("physical-device", "fd:2");
	settle();
	KUNIT_EXPECT_EQ(test, end->watched, before);
	/* Stopped twice, or never started: nothing */
	pv_watch_stop(&end->watch);
}

/* Any state at any time; keys come and go. The device may go with it, and nothing stays. */
static void frontend_says_anything(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 8];
	unsigned int round, i;
	u32 seed = 7;

	for (round = 0; round < 20; round++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_BACK);
		struct peer peer;

		snprintf(path, sizeof(path), "%s/state", front_path);
		peer_offers(test, &peer);
		for (i = 0; i < 150; i++) {
			u32 what = next(&seed);

			if (what % 211 == 0)
				fake_xen_rm(path);
			else if (what % 53 == 0)
				front_key("ring-ref0", "0");
			else if (what % 37 == 0)
				back_key("online", what & 64 ? "1" : "0");
			else
				fake_xen_write(path, "%u", what & 128 ? 1 + 3 * (what & 1) : what % 8);
			if (what % 6 == 0)
				settle();
			clear_trace();
		}
		settle();
		fake_xen_remove_device(dev);
		peer_withdraws(test, &peer);
		KUNIT_ASSERT_EQ_MSG(test, fake_xen_reset(), 0, "round %u", round);
	}
}

/* Frontends that are direct */

static bool trace_becomes(const char *want)
{
	return COMES_TRUE(!strcmp(drv.trace, want));
}

#define EXPECT_TRACE_BECOMES(test, want) \
	KUNIT_EXPECT_TRUE_MSG(test, trace_becomes(want), "trace is %s", drv.trace)

/* To the end of the look that follows a connection, and then from the start. */
static void direct_takes_to_the_end(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	EXPECT_TRACE_BECOMES(test, "pngcx");
	KUNIT_ASSERT_EQ(test, front_state(), XenbusStateConnected);
	clear_trace();
}

static void direct_connects(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	back_key("sectors", "100");
	back_goes(XenbusStateInitWait);
	expect_trace(test, "png");
	/* Without waiting for anybody. */
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	back_goes(XenbusStateInitWait);
	expect_trace(test, "png");
	back_goes(XenbusStateConnected);
	EXPECT_TRACE_BECOMES(test, "pngcx");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
}

static void direct_is_removed(struct kunit *test)
{
	static const char * const want[] = { "pDr", "pngDr" };
	unsigned int step;

	for (step = 0; step < 2; step++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		take_to(test, step);
		fake_xen_remove_device(dev);
		expect_trace(test, want[step]);
		KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
		clear_trace();
		fake_xen_reset();
	}
}

/* The key is watched while there is a connection, and where the backend is. */
static void direct_hears_news(struct kunit *test)
{
	direct_takes_to_the_end(test);
	back_key("news", "1");
	settle();
	expect_trace(test, "x");
	back_key("news", "0");
	settle();
	expect_trace(test, "xx");
	/* Nobody is to be told of what a backend says that is gone. */
	back_goes(XenbusStateClosing);
	expect_trace(test, "xxd");
	back_key("news", "1");
	settle();
	expect_trace(test, "xxd");
	back_goes(XenbusStateClosed);
	back_goes(XenbusStateInitWait);
	back_goes(XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	clear_trace();
	back_key("news", "0");
	settle();
	KUNIT_EXPECT_NOT_NULL(test, strchr(drv.trace, 'x'));
}

/* A backend that was unbound without a word comes back to rings that are there. */
static void direct_backend_restarts(struct kunit *test)
{
	direct_takes_to_the_end(test);
	back_goes(XenbusStateInitWait);
	expect_trace(test, "");
	back_goes(XenbusStateConnected);
	expect_trace(test, "s");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	/* Said again, it is news and no new life. */
	back_goes(XenbusStateConnected);
	expect_trace(test, "sx");
	/* Its new life has nonsense in it. */
	back_goes(XenbusStateInitWait);
	back_key("max-things", "101");
	back_goes(XenbusStateConnected);
	expect_trace(test, "sxD");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosing);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "max-things"));
}

/* The same while the frontend is busy: when it looks, the backend is Connected, as it was before. */
static void direct_backend_restarts_unseen(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(idle);

	direct_takes_to_the_end(test);
	drv.hang = &idle;
	back_key("news", "1");
	EXPECT_TRACE_BECOMES(test, "x");
	set_key(back_path, "state", "2");
	fake_xen_settle();
	set_key(back_path, "state", "4");
	fake_xen_settle();
	complete_all(&idle);
	settle();
	drv.hang = NULL;
	expect_trace(test, "xs");
}

static void direct_reconfigures(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	back_key("sectors", "100");
	/* Before there is a connection it is written with it. */
	pv_feature_offer(drv.pd, 1, 6);
	pv_device_reconfigure(drv.pd);
	msleep(50);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
	back_goes(XenbusStateInitWait);
	back_goes(XenbusStateConnected);
	EXPECT_TRACE_BECOMES(test, "pngcx");
	KUNIT_EXPECT_STREQ(test, key_value(front_path, "things"), "6");
	clear_trace();

	pv_feature_offer(drv.pd, 1, 7);
	pv_device_reconfigure(drv.pd);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_state() == XenbusStateReconfiguring));
	KUNIT_EXPECT_STREQ(test, key_value(front_path, "things"), "7");
	back_goes(XenbusStateReconfigured);
	expect_trace(test, "x");
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);

	/* One that stays at Reconfigured, or is there at once, is not waited for, and what it says is taken. */
	clear_trace();
	pv_feature_offer(drv.pd, 1, 8);
	pv_device_reconfigure(drv.pd);
	EXPECT_TRACE_BECOMES(test, "x");
	KUNIT_EXPECT_STREQ(test, key_value(front_path, "things"), "8");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_state() == XenbusStateConnected));
	KUNIT_EXPECT_NULL(test, strpbrk(drv.trace, "dD"));
}

/* However often it is asked for: the backend is not to blame. */
static void direct_restarts_itself(struct kunit *test)
{
	unsigned int i;

	add(test, FAKE_XEN_FRONT);
	/* Without a connection there is nothing to leave. */
	pv_device_restart(drv.pd);
	msleep(50);
	expect_trace(test, "p");
	take_to(test, 2);
	for (i = 0; i < 15; i++) {
		clear_trace();
		pv_device_restart(drv.pd);
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(front_state() == XenbusStateClosed), "round %u", i);
		KUNIT_EXPECT_NOT_NULL_MSG(test, strchr(drv.trace, 'd'), "%s", drv.trace);
		KUNIT_EXPECT_FALSE(test, drv.live);
		back_goes(XenbusStateClosed);
		KUNIT_ASSERT_EQ_MSG(test, front_state(), XenbusStateInitialising, "round %u", i);
		back_goes(XenbusStateInitWait);
		back_goes(XenbusStateConnected);
		KUNIT_ASSERT_EQ_MSG(test, front_state(), XenbusStateConnected, "round %u", i);
		KUNIT_EXPECT_TRUE(test, drv.live);
	}
}

/* Backends that may be reconfigured */

static void back_reconfigures(struct kunit *test)
{
	struct peer peer;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	/* Not before it is connected. */
	front_goes(XenbusStateReconfiguring);
	expect_trace(test, "po");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	front_key("things", "9");
	front_goes(XenbusStateConnected);
	EXPECT_TRACE_BECOMES(test, "pocx");
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 1), 9);
	clear_trace();

	front_key("things", "11");
	front_goes(XenbusStateReconfiguring);
	expect_trace(test, "f");
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 1), 11);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateReconfigured);
	front_goes(XenbusStateConnected);
	expect_trace(test, "f");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);

	/* Linux's network frontend asks first, and then writes what for. */
	front_goes(XenbusStateReconfiguring);
	expect_trace(test, "ff");
	front_key("things", "12");
	front_goes(XenbusStateConnected);
	expect_trace(test, "fff");
	KUNIT_EXPECT_EQ(test, pv_feature(drv.pd, 1), 12);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	clear_trace();

	/* What cannot be done is said, and the connection goes on; nonsense does not reach the hook. */
	drv.fail[RECONFIGURE] = -EINVAL;
	front_goes(XenbusStateReconfiguring);
	expect_trace(test, "f");
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "cannot reconfigure"));
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateReconfigured);
	front_goes(XenbusStateConnected);
	front_key("things", "101");
	front_goes(XenbusStateReconfiguring);
	expect_trace(test, "f");
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "things"));
	front_goes(XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);

	front_goes(XenbusStateClosed);
	peer_withdraws(test, &peer);
}

static void back_hears_news(struct kunit *test)
{
	struct peer peer;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	front_key("news", "0");
	settle();
	expect_trace(test, "po");
	front_goes(XenbusStateConnected);
	EXPECT_TRACE_BECOMES(test, "pocx");
	front_key("news", "1");
	settle();
	expect_trace(test, "pocxx");
	front_goes(XenbusStateClosed);
	expect_trace(test, "pocxxd");
	front_key("news", "0");
	settle();
	expect_trace(test, "pocxxd");
	peer_withdraws(test, &peer);
}

/* A hook that has said what is wrong has the last word; one that has not is spoken for, also the next time. */
static void back_cause_is_kept(struct kunit *test)
{
	static const char * const general[] = { "cannot offer", "cannot connect", "cannot reconfigure" };
	static const enum hook hook[] = { OFFER, CONNECT, RECONFIGURE };
	unsigned int i, pass;

	for (i = 0; i < ARRAY_SIZE(hook); i++) {
		for (pass = 0; pass < 4; pass++) {
			struct xenbus_device *dev;
			struct peer peer;

			/* In turn, to see that neither word sticks. */
			drv.explain = pass % 2 == 0;
			if (hook[i] != OFFER)
				dev = add(test, FAKE_XEN_BACK);
			drv.fail[hook[i]] = -ENXIO;
			if (hook[i] == OFFER)
				dev = add(test, FAKE_XEN_BACK);
			peer_offers(test, &peer);
			if (hook[i] != OFFER)
				front_goes(XenbusStateConnected);
			if (hook[i] == RECONFIGURE)
				front_goes(XenbusStateReconfiguring);
			KUNIT_EXPECT_EQ(test, drv.fail[hook[i]], 0);
			KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fake_xen_last_error(),
							       drv.explain ? "the very cause" : general[i]),
						  "pass %u: %s", pass, fake_xen_last_error());
			fake_xen_remove_device(dev);
			peer_withdraws(test, &peer);
			clear_trace();
			fake_xen_reset();
		}
	}
}

/* The same device, twice: what was said of the first failure does not silence the second. */
static void front_cause_is_kept(struct kunit *test)
{
	static const char * const general[] = { "cannot set up", "cannot set up", "cannot connect" };
	static const enum hook hook[] = { NEGOTIATE, PUBLISH, CONNECT };
	unsigned int i, pass;

	for (i = 0; i < ARRAY_SIZE(hook); i++) {
		struct xenbus_device *dev = add(test, FAKE_XEN_FRONT);

		for (pass = 0; pass < 4; pass++) {
			drv.explain = pass % 2 == 0;
			drv.fail[hook[i]] = -ENXIO;
			take_to(test, 2);
			KUNIT_EXPECT_EQ(test, drv.fail[hook[i]], 0);
			KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosing);
			KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fake_xen_last_error(),
							       drv.explain ? "the very cause" : general[i]),
						  "hook %u, pass %u: %s", i, pass, fake_xen_last_error());
			back_goes(XenbusStateClosing);
			back_goes(XenbusStateClosed);
			clear_trace();
		}
		fake_xen_remove_device(dev);
		clear_trace();
		fake_xen_reset();
	}
}

/* The next @count readings of a key fail. */
static void unreadable(const char *dir, const char *key, unsigned int count)
{
	static char path[FAKE_XEN_PATH_LEN + 16];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	fake_xen_fail_reads(path, 0, count, -EIO);
}

/* What cannot be read has not changed: neither a backend's state, nor whether the device is wanted, or trusted. */
static void front_cannot_read(struct kunit *test)
{
	add(test, FAKE_XEN_FRONT);
	take_to(test, 2);
	clear_trace();
	/* By xenbus, and then by the hooks */
	unreadable(back_path, "state", 2);
	back_goes(XenbusStateConnected);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	expect_trace(test, "");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(times('x')));
	unreadable(back_path, "online", 100);
	back_goes(XenbusStateClosing);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
	back_goes(XenbusStateClosed);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateInitialising);
	fake_xen_fail_reads(NULL, 0, 0, 0);
	take_to(test, 2);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateConnected);
	unreadable(front_path, "trusted", 1);
	KUNIT_EXPECT_FALSE(test, pv_device_trusted(drv.pd, true));
	KUNIT_EXPECT_TRUE(test, pv_device_trusted(drv.pd, true));
}

/* States that cannot be written are written later, whatever they are; but not if there is another one by then. */
static void front_cannot_write(struct kunit *test)
{
	static const enum xenbus_state step[] = {
		XenbusStateInitWait, XenbusStateConnected, XenbusStateClosing, XenbusStateClosed,
	};
	static const enum xenbus_state want[] = {
		XenbusStateInitialised, XenbusStateConnected, XenbusStateClosed, XenbusStateInitialising,
	};
	unsigned int i;

	add(test, FAKE_XEN_FRONT);
	back_key("sectors", "100");
	for (i = 0; i < 2 * ARRAY_SIZE(step); i++) {
		enum xenbus_state before = front_state();

		/* After the case's own */
		fake_xen_fail_writes(1, 1000, -ENOMEM);
		back_goes(step[i % 4]);
		KUNIT_EXPECT_EQ_MSG(test, front_state(), before, "step %u: %s", i, drv.trace);
		fake_xen_fail_writes(0, 0, 0);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(front_state() == want[i % 4]), "step %u: %u, %s", i,
				      front_state(), drv.trace);
	}
	/* It is to say Connected, when the backend has gone on already. */
	back_goes(XenbusStateInitWait);
	fake_xen_fail_writes(1, 1000, -ENOMEM);
	back_goes(XenbusStateConnected);
	fake_xen_fail_writes(0, 0, 0);
	back_goes(XenbusStateClosing);
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
	msleep(1500);
	settle();
	KUNIT_EXPECT_EQ(test, front_state(), XenbusStateClosed);
	back_goes(XenbusStateClosed);
}

/* The same for a backend. */
static void back_cannot_read(struct kunit *test)
{
	struct peer peer, next;

	add(test, FAKE_XEN_BACK);
	peer_offers(test, &peer);
	front_goes(XenbusStateInitialised);
	front_goes(XenbusStateConnected);
	clear_trace();
	unreadable(front_path, "state", 2);
	front_goes(XenbusStateConnected);
	expect_trace(test, "");
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateConnected);
	/* Nobody knows whether these are its rings. */
	peer_offers(test, &next);
	unreadable(front_path, "ring-ref0", 1);
	front_goes(XenbusStateConnected);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!strcmp(drv.trace, "dc")));
	peer_withdraws(test, &peer);
	unreadable(back_path, "online", 100);
	front_goes(XenbusStateClosed);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateClosed);
	KUNIT_ASSERT_NOT_NULL(test, drv.pd);
	fake_xen_fail_reads(NULL, 0, 0, 0);
	front_goes(XenbusStateInitialising);
	KUNIT_EXPECT_EQ(test, back_state(), XenbusStateInitWait);
	peer_withdraws(test, &next);
}

/* A driver that was compiled with other headers of ring/ */
static void other_build_is_refused(struct kunit *test)
{
	static struct pv_driver other = { .end = PV_FRONT, .type = "kunit-other", .name = "kunit-other" };
	int err = __pv_driver_register(&other, NULL, "kunit_other", PV_RING_ABI + 1);

	KUNIT_EXPECT_EQ(test, err, -ENOEXEC);
	if (!err)
		pv_driver_unregister(&other);
}

static struct kunit_case front_cases[] = {
	KUNIT_CASE(front_connects),
	KUNIT_CASE(front_is_removed),
	KUNIT_CASE(front_is_detached),
	KUNIT_CASE(front_is_busy),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(backend_restarts_in_steps),
	KUNIT_CASE(backend_restarts_for_ever),
	KUNIT_CASE(backend_vanishes),
	KUNIT_CASE(front_is_made_anew),
	KUNIT_CASE(front_ends_late),
	KUNIT_CASE(removed_beside_the_next),
	KUNIT_CASE(front_has_another_backend),
	KUNIT_CASE(front_hook_fails),
	KUNIT_CASE(front_means_fail),
	KUNIT_CASE(front_waits_and_is_not_wanted),
	KUNIT_CASE(transaction_conflicts),
	KUNIT_CASE(late_nonsense),
	KUNIT_CASE(front_fails_for_good),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(removed_after_resume),
	KUNIT_CASE(backend_says_anything),
	KUNIT_CASE(front_cause_is_kept),
	KUNIT_CASE(front_cannot_read),
	KUNIT_CASE(front_cannot_write),
	KUNIT_CASE(other_build_is_refused),
	{}
};

static struct kunit_suite front_suite = {
	.name = "frontend_life",
	.init = front_init,
	.exit = front_exit,
	.test_cases = front_cases,
};

static struct kunit_case back_cases[] = {
	KUNIT_CASE(back_connects),
	KUNIT_CASE(frontend_is_replaced_unseen),
	KUNIT_CASE(back_is_not_ready),
	KUNIT_CASE(back_cannot_offer),
	KUNIT_CASE(connect_meets_nonsense),
	KUNIT_CASE(back_means_fail),
	KUNIT_CASE(back_cannot_read),
	KUNIT_CASE(ring_is_nonsense),
	KUNIT_CASE(frontend_vanishes),
	KUNIT_CASE(back_is_removed),
	KUNIT_CASE(back_is_made_anew),
	KUNIT_CASE(back_leaves_for_another),
	KUNIT_CASE(back_fails),
	KUNIT_CASE(back_announces),
	KUNIT_CASE(told_to_close_meanwhile),
	KUNIT_CASE(disk_hangs),
	KUNIT_CASE(disk_hangs_and_frontend_vanishes),
	KUNIT_CASE(disk_hangs_and_device_goes),
	KUNIT_CASE(disk_hangs_and_driver_goes),
	KUNIT_CASE(own_watch),
	KUNIT_CASE(frontend_says_anything),
	{}
};

static struct kunit_suite back_suite = {
	.name = "backend_life",
	.init = back_init,
	.exit = back_exit,
	.test_cases = back_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_connects),
	KUNIT_CASE(direct_is_removed),
	KUNIT_CASE(direct_hears_news),
	KUNIT_CASE(direct_backend_restarts),
	KUNIT_CASE(direct_backend_restarts_unseen),
	KUNIT_CASE(direct_reconfigures),
	KUNIT_CASE(direct_restarts_itself),
	{}
};

static struct kunit_suite direct_suite = {
	.name = "direct_frontend_life",
	.init = direct_init,
	.exit = direct_exit,
	.test_cases = direct_cases,
};

static struct kunit_case flexible_cases[] = {
	KUNIT_CASE(back_reconfigures),
	KUNIT_CASE(back_hears_news),
	KUNIT_CASE(back_cause_is_kept),
	{}
};

static struct kunit_suite flexible_suite = {
	.name = "flexible_backend_life",
	.init = flexible_init,
	.exit = flexible_exit,
	.test_cases = flexible_cases,
};

kunit_test_suites(&front_suite, &back_suite, &direct_suite, &flexible_suite);

MODULE_DESCRIPTION("Tests of devices' lives");
MODULE_LICENSE("GPL");
