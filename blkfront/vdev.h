/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual device numbers: which name and which minors a disk gets. */
#ifndef _BLKFRONT_VDEV_H
#define _BLKFRONT_VDEV_H

#include <linux/blkdev.h>
#include <linux/types.h>

/** BLKFRONT_MAJOR - the block major of Xen's virtual disks */
#define BLKFRONT_MAJOR		202

/**
 * struct blkfront_vdev - the identity of a disk
 * @minor: its first minor
 * @nr_minors: minors it owns: 1 if it stands for a partition
 * @name: "xvda", "xvda1", "xvdaa", ...
 */
struct blkfront_vdev {
	unsigned int minor;
	unsigned int nr_minors;
	char name[DISK_NAME_LEN];
};

int blkfront_vdev_parse(u32 number, struct blkfront_vdev *vdev);

#endif /* _BLKFRONT_VDEV_H */
