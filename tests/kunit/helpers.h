/* SPDX-License-Identifier: GPL-2.0 */
/* What several suites need. */
#ifndef KUNIT_HELPERS_H
#define KUNIT_HELPERS_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fake-xen.h"

/* KUnit of Linux 6.1 has no KUNIT_EXPECT_MEMEQ. */
#define EXPECT_MEMEQ(test, a, b, len) KUNIT_EXPECT_EQ(test, memcmp(a, b, len), 0)

/* Waits until @condition holds, at most some seconds; says whether it does. */
#define COMES_TRUE(condition) ({				\
	unsigned long until_ = jiffies + 3 * HZ;		\
	bool true_;						\
								\
	while (!(true_ = !!(condition)) && time_before(jiffies, until_)) \
		usleep_range(500, 1000);			\
	true_;							\
})

/* What a suite's init and exit do: every case begins and ends with an empty Xen. */
static inline int fresh_xen(struct kunit *test)
{
	fake_xen_reset();
	return 0;
}

/* For suite->exit: a case that leaves anything behind has failed. */
static inline void expect_nothing_held(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test, fake_xen_holds_nothing(), "something is still granted, mapped or bound");
	fake_xen_reset();
}

static inline bool write_file(const char *path, const char *value)
{
	struct file *file = filp_open(path, O_WRONLY, 0);
	loff_t pos = 0;
	bool ok;

	if (IS_ERR(file))
		return false;
	ok = kernel_write(file, value, strlen(value), &pos) == (ssize_t)strlen(value);
	filp_close(file, NULL);
	return ok;
}

/* A parameter of a module, as somebody would write it in sysfs. */
static inline void set_parameter(struct kunit *test, const char *path, const char *value)
{
	KUNIT_ASSERT_TRUE_MSG(test, write_file(path, value), "%s", path);
}

/* A key in xenstore: write it (NULL: remove it), read it, compare it, wait for it, read it as a number. */
static inline int set_key(const char *dir, const char *key, const char *value)
{
	char path[FAKE_XEN_PATH_LEN + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	return value ? fake_xen_write(path, "%s", value) : fake_xen_rm(path);
}

static inline void set_number(const char *dir, const char *key, s64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	set_key(dir, key, text);
}

static inline const char *key_value(const char *dir, const char *key)
{
	char path[FAKE_XEN_PATH_LEN + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	return fake_xen_value(path);
}

static inline bool key_is(const char *dir, const char *key, const char *value)
{
	return !strcmp(key_value(dir, key), value);
}

static inline bool key_comes(const char *dir, const char *key, const char *value)
{
	return COMES_TRUE(key_is(dir, key, value));
}

static inline u32 key_number(const char *dir, const char *key)
{
	u32 n = 0;

	return kstrtou32(key_value(dir, key), 10, &n) ? 0 : n;
}

/* Nothing but @keys is in @dir: names with a space before and after each. */
static inline void expect_only(struct kunit *test, const char *dir, const char *keys)
{
	unsigned int i, nr;
	char **names = xenbus_directory(XBT_NIL, dir, "", &nr);

	KUNIT_ASSERT_FALSE(test, IS_ERR(names));
	for (i = 0; i < nr; i++) {
		char name[64];

		snprintf(name, sizeof(name), " %s ", names[i]);
		KUNIT_EXPECT_TRUE_MSG(test, strstr(keys, name), "%s/%s is still there", dir, names[i]);
	}
	kfree(names);
}

#ifdef HELPERS_WANT_DEVICE
#include "device.h"

/* Whether the thread of a device's hooks had anything to do. */
static inline bool hooks_waited_for(struct xenbus_device *dev)
{
	struct kthread_worker *worker = ((struct pv_device *)dev_get_drvdata(&dev->dev))->worker;
	bool busy;

	raw_spin_lock_irq(&worker->lock);
	busy = worker->current_work || !list_empty(&worker->work_list);
	raw_spin_unlock_irq(&worker->lock);
	if (busy)
		kthread_flush_worker(worker);
	return busy;
}

/* Whatever was written is acted on. Not from a hook. */
static inline void settle(void)
{
	fake_xen_settle_with(hooks_waited_for);
}

/* What it could not get it tries to get now, and it may fail as often as it does. */
static inline void try_again(struct xenbus_device *dev)
{
	struct pv_device *pd = IS_ERR_OR_NULL(dev) ? NULL : dev_get_drvdata(&dev->dev);

	if (!pd)
		return;
	pd->retries = 0;
	if (delayed_work_pending(&pd->again))
		mod_delayed_work(system_wq, &pd->again, 0);
}

/*
 * Each thing that the thread of a device's hooks asks of Xen, reads, writes or allocates is refused, one after the
 * other, while @anew makes both ends begin another life: whatever comes of it (fewer queues, too), @connected is true
 * within a while, and no more is held than before.
 */
static inline void each_refusal(struct kunit *test, const char *thread, void (*anew)(struct kunit *test),
				bool (*connected)(void))
{
	struct fake_xen_held before, held;
	bool refused = true, good = true;
	unsigned int n;

	fake_xen_held(&before);
	for (n = 1; refused && good; n++) {
		fake_xen_refuse(thread, n);
		anew(test);
		settle();
		good = COMES_TRUE(connected());
		refused = fake_xen_has_refused();
		fake_xen_refuse(thread, 0);
		settle();
		fake_xen_held(&held);
		good = good && held.ports <= before.ports && held.irqs <= before.irqs && held.watches <= before.watches;
		KUNIT_EXPECT_TRUE_MSG(test, good, "%s: %u: %u ports, %u irqs, %u watches, last: %s", thread, n,
				      held.ports, held.irqs, held.watches, fake_xen_last_error());
	}
	kunit_info(test, "%s: %u things refused\n", thread, n - 2);
	KUNIT_EXPECT_GT(test, n, 10);
}

/*
 * A device of the ring library that no driver has probed, for suites that test one of its parts. The end's part of
 * struct pv_device that the parts look at is there.
 */
static inline struct pv_device *lone_device(struct kunit *test, enum pv_end end)
{
	struct pv_device *pd = kunit_kzalloc(test, sizeof(*pd), GFP_KERNEL);
	struct pv_driver *drv = kunit_kzalloc(test, sizeof(*drv), GFP_KERNEL);
	char path[FAKE_XEN_PATH_LEN];

	KUNIT_ASSERT_NOT_NULL(test, pd);
	KUNIT_ASSERT_NOT_NULL(test, drv);
	pd->drv = drv;
	drv->end = end;
	drv->name = "kunit";
	pd->xb = fake_xen_add_device(end == PV_FRONT ? FAKE_XEN_FRONT : FAKE_XEN_BACK, "kunit", 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(pd->xb));
	pd->xb->otherend_id = end == PV_FRONT ? FAKE_XEN_BACK_DOMID : FAKE_XEN_FRONT_DOMID;
	pd->xb->otherend = kstrdup(fake_xen_path(path, end == PV_FRONT ? FAKE_XEN_BACK : FAKE_XEN_FRONT, "kunit", 0),
				   GFP_KERNEL);
	pd->peer = pd->xb->otherend;
	KUNIT_ASSERT_NOT_NULL(test, pd->peer);
	mutex_init(&pd->lock);
	return pd;
}
#endif

#endif /* KUNIT_HELPERS_H */
