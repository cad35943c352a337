/* SPDX-License-Identifier: GPL-2.0 */
/* The disk in memory that init loads for what backends give to guests. */
#ifndef KUNIT_NULL_BLK_H
#define KUNIT_NULL_BLK_H

#include <linux/blkdev.h>

static inline void close_disk(struct block_device **bdev)
{
	if (*bdev)
		blkdev_put(*bdev, FMODE_READ | FMODE_WRITE);
	*bdev = NULL;
}

/* (It can be opened before its partitions are looked for: what is read for that would be one request too many.) */
static inline struct block_device *open_disk(dev_t dev)
{
	struct block_device *bdev = blkdev_get_by_dev(dev, FMODE_READ | FMODE_WRITE, NULL);

	if (IS_ERR(bdev))
		return NULL;
	if (!test_bit(GD_ADDED, &bdev->bd_disk->state))
		close_disk(&bdev);
	return bdev;
}

/* Its number is whatever was free when it was loaded. */
static inline dev_t find_null_blk(void)
{
	dev_t dev = 0;
	unsigned int major;

	for (major = 240; major < 260 && !dev; major++) {
		struct block_device *bdev = blkdev_get_by_dev(MKDEV(major, 0), FMODE_READ, NULL);

		if (IS_ERR(bdev))
			continue;
		if (!strcmp(bdev->bd_disk->disk_name, "nullb0"))
			dev = bdev->bd_dev;
		blkdev_put(bdev, FMODE_READ);
	}
	return dev;
}

#endif /* KUNIT_NULL_BLK_H */
