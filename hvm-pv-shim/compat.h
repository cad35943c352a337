/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernel releases; the only place here that asks for a
 * kernel's version.
 */
#ifndef _SHIM_COMPAT_H
#define _SHIM_COMPAT_H

#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>

/* What the emulator is told of the driver that unplugs. */
#define SHIM_BUILD	LINUX_VERSION_CODE

#if KERNEL_VERSION(6, 11, 0) > LINUX_VERSION_CODE
#define SHIM_MATCH_DRIVER	struct device_driver
#else
#define SHIM_MATCH_DRIVER	const struct device_driver
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
#define SHIM_UEVENT_DEVICE	struct device
#else
#define SHIM_UEVENT_DEVICE	const struct device
#endif

/* A block device that is claimed, whether it has a medium or not */
#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
#define SHIM_CLAIM	struct block_device
#define SHIM_CLAIM_MODE	(FMODE_READ | FMODE_EXCL | FMODE_NDELAY)

static inline SHIM_CLAIM *shim_claim_bdev(dev_t dev, void *holder)
{
	return blkdev_get_by_dev(dev, SHIM_CLAIM_MODE, holder);
}

static inline void shim_unclaim_bdev(SHIM_CLAIM *claim)
{
	blkdev_put(claim, SHIM_CLAIM_MODE);
}
#else
#define SHIM_CLAIM	struct file

static inline SHIM_CLAIM *shim_claim_bdev(dev_t dev, void *holder)
{
	return bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_NDELAY,
				     holder, NULL);
}

static inline void shim_unclaim_bdev(SHIM_CLAIM *claim)
{
	bdev_fput(claim);
}
#endif

#ifndef CONFIG_PM_SLEEP
/* No clock of such a kernel can be stopped: they jump after a suspend. */
static inline int syscore_suspend(void)
{
	return 0;
}

static inline void syscore_resume(void)
{
}
#endif

#endif
