// SPDX-License-Identifier: GPL-2.0
/*
 * What the toolstack asks of the guest: to be suspended, for a save or a
 * migration, or to shut down.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/suspend.h>
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

/*
 * Take a command that is known out of the store, which tells that it was heard;
 * one that is not stays there.
 */
static const struct command *shim_take_command(void)
{
	const struct command *known;
	struct xenbus_transaction t;
	char *name;
	int err;

	do {
		if (xenbus_transaction_start(&t))
			return NULL;
		name = xenbus_read(t, "control", "shutdown", NULL);
		if (IS_ERR(name)) {
			xenbus_transaction_end(t, 1);
			return NULL;
		}
		known = shim_known_command(name);
		if (!known && *name)
			pr_info("the toolstack says \"%.20s\", which is not understood\n",
				name);
		kfree(name);
		err = known ? xenbus_write(t, "control", "shutdown", "") : -ENOENT;
		err = xenbus_transaction_end(t, !!err) ?: err;
	} while (err == -EAGAIN);
	return err ? NULL : known;
}

static void shim_command_given(struct xenbus_watch *watch, const char *path,
			       const char *token)
{
	const struct command *command = shim_take_command();

	if (command)
		command->act();
}

static struct xenbus_watch command_watch = {
	.node = "control/shutdown",
	.callback = shim_command_given,
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

/* ---- another kernel in place of this one ---- */

static bool kexec_begins;

/* This is how kexec can be told from a reboot. */
static int shim_reboot_asked(struct notifier_block *nb, unsigned long event,
			     void *command)
{
	kexec_begins = event == SYS_RESTART && command &&
		       !strcmp(command, "kexec reboot");
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = shim_reboot_asked,
};

static int shim_reset(void *unused)
{
	struct sched_shutdown how = { .reason = SHUTDOWN_soft_reset };

	return hypercalls->sched(SCHEDOP_shutdown, &how);
}

/*
 * Before kexec: the toolstack ends all devices, and begins them anew, and Xen
 * forgets all ports and the pages of a FIFO layout, into which it writes.
 */
void suspend_soft_reset(void)
{
	int err = kexec_begins ? stop_machine(shim_reset, NULL, cpumask_of(0)) : 0;

	if (err)
		pr_err("Xen does not begin anew for the next kernel: error %d\n",
		       err);
}

/* A toolstack that does not let us say this does not ask either. */
static void shim_tell_features(const char *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		xenbus_write(XBT_NIL, "control", commands[i].feature, value);
}

int suspend_init(void)
{
	int err;

	err = register_pm_notifier(&sleep_notifier);
	if (err)
		return err;
	err = register_xenbus_watch(&command_watch);
	if (err) {
		unregister_pm_notifier(&sleep_notifier);
		return err;
	}
	kexec_begins = false;
	register_reboot_notifier(&reboot_notifier);
	shim_tell_features("1");
	return 0;
}

void suspend_exit(void)
{
	shim_tell_features("0");
	unregister_reboot_notifier(&reboot_notifier);
	unregister_xenbus_watch(&command_watch);
	unregister_pm_notifier(&sleep_notifier);
}
