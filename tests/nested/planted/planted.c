// SPDX-License-Identifier: GPL-2.0
/*
 * Does, when it is loaded, what a checker of the kernel has to find: fault=leak, use, sleep, shift or
 * order. It shows that the scenarios on such a kernel would fail.
 */
#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *fault = "";
module_param(fault, charp, 0);
static int bits = 40;
module_param(bits, int, 0);

static noinline void planted_leak(void)
{
	char *lost = kmalloc(200, GFP_KERNEL);

	if (lost)
		lost[0] = 1;
}

/* KFENCE watches one allocation in ten milliseconds. */
static void planted_use(void)
{
	int i;

	for (i = 0; i < 500; i++) {
		char *p = kmalloc(64, GFP_KERNEL);
		bool watched = p && is_kfence_address(p);

		kfree(p);
		if (watched) {
			READ_ONCE(p[8]);
			return;
		}
		msleep(20);
	}
}

static void planted_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	usleep_range(1000, 2000);
	spin_unlock(&lock);
}

static void planted_shift(void)
{
	pr_info("planted: %d\n", 1 << bits);
}

static void planted_order(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static const struct {
	const char *name;
	void (*plant)(void);
} planted_faults[] = {
	{ "leak", planted_leak },
	{ "use", planted_use },
	{ "sleep", planted_sleep },
	{ "shift", planted_shift },
	{ "order", planted_order },
};

static int __init planted_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(planted_faults); i++) {
		if (!strcmp(fault, planted_faults[i].name)) {
			planted_faults[i].plant();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
}
module_exit(planted_exit);

MODULE_DESCRIPTION("Faults that the kernel's checkers have to find");
MODULE_LICENSE("GPL");
