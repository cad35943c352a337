// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual device numbers, as xen-vbd-interface(7) defines them.
 *
 *   1 << 28 | disk << 8 | partition     extended: xvd, any number of disks
 *   202 << 8 | disk << 4 | partition    xvd, the first 16 disks
 *   8 << 8 | ..., 65-71, 128-135        sd, 16 disks a major, 16 minors each
 *   3 << 8 | disk << 6 | partition, 22  hd, two disks a major, 64 minors each
 *
 * All of them become xvd disks on major 202. What was hd or sd keeps its
 * letter, so that a guest finds its root however the toolstack calls it.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <xen/interface/io/blkif.h>

#include "vdev.h"

#define VDEV_EXTENDED		(1U << 28)
#define SHORT_MINORS		16
#define EXTENDED_MINORS		256
#define IDE_MINORS		64

/* Disk and partition of a number with a major of its own. */
static int blkfront_vdev_classic(u32 number, unsigned int *disk, unsigned int *part)
{
	unsigned int major = number >> 8, minor = number & 0xff;

	*disk = minor / SHORT_MINORS;
	*part = minor % SHORT_MINORS;
	switch (major) {
	case BLKFRONT_MAJOR:
	case XEN_SCSI_DISK0_MAJOR:
		return 0;
	case XEN_SCSI_DISK1_MAJOR ... XEN_SCSI_DISK7_MAJOR:
		*disk += (major - XEN_SCSI_DISK1_MAJOR + 1) * SHORT_MINORS;
		return 0;
	case XEN_SCSI_DISK8_MAJOR ... XEN_SCSI_DISK15_MAJOR:
		*disk += (major - XEN_SCSI_DISK8_MAJOR + 8) * SHORT_MINORS;
		return 0;
	case XEN_IDE0_MAJOR:
	case XEN_IDE1_MAJOR:
		/* 64 partitions do not fit: a whole disk, as ever. */
		*disk = minor / IDE_MINORS + (major == XEN_IDE1_MAJOR ? 2 : 0);
		*part = 0;
		return 0;
	default:
		return -ENODEV;
	}
}

/* 0 is "a", 25 "z", 26 "aa". */
static char *blkfront_put_letters(char *end, unsigned int n)
{
	if (n >= 26)
		end = blkfront_put_letters(end, n / 26 - 1);
	*end = 'a' + n % 26;
	return end + 1;
}

/**
 * blkfront_vdev_parse() - name and minors of a virtual device number
 * @number: the number, from the key virtual-device
 * @vdev: result
 *
 * Return: 0; -ENODEV for a major that no virtual disk has; -EINVAL for bits
 * that have no meaning.
 */
int blkfront_vdev_parse(u32 number, struct blkfront_vdev *vdev)
{
	unsigned int disk, part, per_disk;
	char *end;
	int err;

	if (number >> 29)
		return -EINVAL;
	if (number & VDEV_EXTENDED) {
		per_disk = EXTENDED_MINORS;
		vdev->minor = number & ~VDEV_EXTENDED;
		if (vdev->minor >> MINORBITS)
			return -EINVAL;
		disk = vdev->minor / per_disk;
		part = vdev->minor % per_disk;
	} else {
		per_disk = SHORT_MINORS;
		err = blkfront_vdev_classic(number, &disk, &part);
		if (err)
			return err;
		vdev->minor = disk * per_disk + part;
	}
	vdev->nr_minors = part ? 1 : per_disk;

	memcpy(vdev->name, "xvd", 3);
	end = blkfront_put_letters(vdev->name + 3, disk);
	if (part)
		snprintf(end, vdev->name + sizeof(vdev->name) - end, "%u", part);
	else
		*end = '\0';
	return 0;
}
