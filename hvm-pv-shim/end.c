// SPDX-License-Identifier: GPL-2.0
/*
 * How this kernel ends, as far as Xen is to know: for another kernel, by a
 * panic, or switched off where there is no ACPI.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/stop_machine.h>
#include <xen/interface/sched.h>

#include "shim.h"

static int shim_end_by(unsigned int reason)
{
	struct sched_shutdown how = { .reason = reason };

	return hypercalls->sched(SCHEDOP_shutdown, &how);
}

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
	return shim_end_by(SHUTDOWN_soft_reset);
}

/*
 * Before kexec: the toolstack ends all devices, and begins them anew, and Xen
 * forgets all ports and the pages of a FIFO layout, into which it writes.
 */
void end_soft_reset(void)
{
	int err = kexec_begins ? stop_machine(shim_reset, NULL, cpumask_of(0)) : 0;

	if (err)
		pr_err("Xen does not begin anew for the next kernel: error %d\n",
		       err);
}

/* ---- a panic ---- */

static long shim_tell_crash(int state)
{
	shim_end_by(SHUTDOWN_crash);
	return 0;
}

/*
 * The toolstack is told when the kernel has nothing more to do than to wait, and
 * lets a lamp blink: whoever saves the log has done so, and a crash kernel would
 * have begun.
 */
static int shim_panic_begins(struct notifier_block *nb, unsigned long event,
			     void *text)
{
	panic_blink = shim_tell_crash;
	/* It would reboot without having waited. */
	if (panic_timeout < 0)
		panic_timeout = 1;
	return NOTIFY_DONE;
}

static struct notifier_block panic_notifier = {
	.notifier_call = shim_panic_begins,
};

/* ---- switched off ---- */

static struct sys_off_handler *off_handler;

/* Whatever else switches the machine off, ACPI above all, has been tried. */
static int shim_power_off(struct sys_off_data *data)
{
	shim_end_by(SHUTDOWN_poweroff);
	return NOTIFY_DONE;
}

void end_init(void)
{
	kexec_begins = false;
	register_reboot_notifier(&reboot_notifier);
	atomic_notifier_chain_register(&panic_notifier_list, &panic_notifier);
	off_handler = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF,
					       SYS_OFF_PRIO_LOW, shim_power_off,
					       NULL);
	if (IS_ERR(off_handler))
		pr_warn("a power-off is not told to Xen: error %ld\n",
			PTR_ERR(off_handler));
}

void end_exit(void)
{
	unregister_sys_off_handler(off_handler);
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_notifier);
	unregister_reboot_notifier(&reboot_notifier);
}
