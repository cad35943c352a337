// SPDX-License-Identifier: GPL-2.0
/*
 * What the toolstack asks of the guest: to be suspended, for a save or a
 * migration, to shut down, to do what a key would, to use less memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/suspend.h>
#include <linux/sysrq.h>
#include <xen/interface/sched.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "shim.h"

struct outcome {
	bool cancelled;
	int err;
};

/* One CPU, with interrupts off, while all others wait. */
static int shim_sleep_and_wake(void *arg)
{
	struct sched_shutdown how = { .reason = SHUTDOWN_suspend };
	struct outcome *outcome = arg;
	int err;

	/* The kernel's clocks stand still as long as the guest does. */
	err = syscore_suspend();
	if (err)
		return err;
	outcome->cancelled = hypercalls->sched(SCHEDOP_shutdown, &how);
	if (!outcome->cancelled) {
		outcome->err = platform_resume() ?: grants_resume();
		if (!outcome->err)
			outcome->err = evtchn_resume();
	}
	syscore_resume();
	return 0;
}

/*
 * Runs as a watch's callback, so that no other one does before all devices
 * know that their peers have changed.
 */
static void shim_do_suspend(void)
{
	struct outcome outcome = { };
	unsigned int flags;
	int err;

	/* It is not to sleep otherwise meanwhile, nor to be rebooted. */
	flags = lock_system_sleep();
	xenbus_buses_suspend();
	xs_suspend();
	err = stop_machine(shim_sleep_and_wake, &outcome, cpumask_of(0));
	outcome.cancelled |= !!err;
	if (outcome.cancelled) {
		xs_suspend_cancel();
		if (err)
			pr_err("this kernel cannot be suspended: error %d\n",
			       err);
		else
			pr_info("the suspend was cancelled\n");
	} else {
		if (outcome.err)
			pr_err("Xen gives back neither pages nor interrupts: error %d\n",
			       outcome.err);
		unplug_again();
		xenstore_resume_ring();
		xs_resume();
	}
	xenbus_buses_resume(outcome.cancelled);
	unlock_system_sleep(flags);
}

static void shim_do_poweroff(void)
{
	orderly_poweroff(false);
}

struct command {
	const char *name;
	const char *feature;
	void (*act)(void);
};

static const struct command commands[] = {
	{ "suspend", "feature-suspend", shim_do_suspend },
	{ "poweroff", "feature-poweroff", shim_do_poweroff },
	{ "halt", "feature-halt", shim_do_poweroff },
	{ "reboot", "feature-reboot", orderly_reboot },
};

static const struct command *shim_known_command(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static bool shim_knows_command(const char *name)
{
	if (shim_known_command(name))
		return true;
	if (*name)
		pr_info("the toolstack says \"%.20s\", which is not understood\n",
			name);
	return false;
}

static bool shim_is_key(const char *name)
{
	return *name;
}

/*
 * Take a word that is known out of the store, which tells that it was heard;
 * one that is not stays there.
 */
static char *shim_take_word(const char *node, bool (*knows)(const char *word))
{
	struct xenbus_transaction t;
	char *word;
	int err;

	do {
		if (xenbus_transaction_start(&t))
			return NULL;
		word = xenbus_read(t, "control", node, NULL);
		if (IS_ERR(word)) {
			xenbus_transaction_end(t, 1);
			return NULL;
		}
		err = knows(word) ? xenbus_write(t, "control", node, "") : -ENOENT;
		err = xenbus_transaction_end(t, !!err) ?: err;
		if (!err)
			return word;
		kfree(word);
	} while (err == -EAGAIN);
	return NULL;
}

static void shim_command_given(struct xenbus_watch *watch, const char *path,
			       const char *token)
{
	char *name = shim_take_word("shutdown", shim_knows_command);

	if (name)
		shim_known_command(name)->act();
	kfree(name);
}

static struct xenbus_watch command_watch = {
	.node = "control/shutdown",
	.callback = shim_command_given,
};

static void shim_key_pressed(struct xenbus_watch *watch, const char *path,
			     const char *token)
{
	char *key = shim_take_word("sysrq", shim_is_key);

	/* The guest's administration says by kernel.sysrq what may be done. */
	if (key)
		handle_sysrq(*key);
	kfree(key);
}

static struct xenbus_watch key_watch = {
	.node = "control/sysrq",
	.callback = shim_key_pressed,
};

/* How many KiB less than it has the guest is to use */
static unsigned int shim_memory_asked_back(void)
{
	unsigned int all = xenbus_read_unsigned("memory", "static-max", 0);
	unsigned int video = xenbus_read_unsigned("memory", "videoram", 0);
	unsigned int target = xenbus_read_unsigned("memory", "target", all);

	return all > target + video ? all - target - video : 0;
}

static void shim_target_set(struct xenbus_watch *watch, const char *path,
			    const char *token)
{
	unsigned int less = shim_memory_asked_back();

	if (less)
		pr_warn("the toolstack wants %u KiB of memory back: there is no balloon\n",
			less);
}

static struct xenbus_watch target_watch = {
	.node = "memory/target",
	.callback = shim_target_set,
};

/*
 * The image has ports, grants and rings in it, of which the Xen that it wakes
 * up in knows nothing: it would hang with what is not yet on the disks.
 */
static int shim_sleep_asked(struct notifier_block *nb, unsigned long event,
			    void *unused)
{
	if (event != PM_HIBERNATION_PREPARE && event != PM_RESTORE_PREPARE)
		return NOTIFY_DONE;
	pr_err("no hibernation with Xen's devices; the toolstack can save this guest\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block sleep_notifier = {
	.notifier_call = shim_sleep_asked,
};

/* A toolstack that does not let us say this does not ask either. */
static void shim_tell_features(const char *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		xenbus_write(XBT_NIL, "control", commands[i].feature, value);
	if (IS_ENABLED(CONFIG_MAGIC_SYSRQ))
		xenbus_write(XBT_NIL, "control", "feature-sysrq", value);
}

static struct xenbus_watch *const suspend_watches[] = {
	&command_watch,
	&target_watch,
	/* The last one, which not every kernel has */
	&key_watch,
};

#define NR_WATCHES	(ARRAY_SIZE(suspend_watches) - \
			 !IS_ENABLED(CONFIG_MAGIC_SYSRQ))

static void shim_unwatch(unsigned int nr)
{
	while (nr--)
		unregister_xenbus_watch(suspend_watches[nr]);
}

int suspend_init(void)
{
	unsigned int i;
	int err;

	err = register_pm_notifier(&sleep_notifier);
	if (err)
		return err;
	for (i = 0; i < NR_WATCHES; i++) {
		err = register_xenbus_watch(suspend_watches[i]);
		if (err) {
			shim_unwatch(i);
			unregister_pm_notifier(&sleep_notifier);
			return err;
		}
	}
	shim_tell_features("1");
	return 0;
}

void suspend_exit(void)
{
	shim_tell_features("0");
	shim_unwatch(NR_WATCHES);
	unregister_pm_notifier(&sleep_notifier);
}
