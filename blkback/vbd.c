// SPDX-License-Identifier: GPL-2.0
/*
 * The disk behind a device: opened as the toolstack says, watched for its
 * size, shown in sysfs.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <xen/page.h>

#include "blkback.h"

/* How often to look whether an idle guest's disk was resized. */
#define POLL_SECONDS	2

/* Whoever opens a disk for a guest: two devices of ours may share one. */
static const char holder[] = "pv-blkback";

/* ---- what the toolstack wants ---- */

/* The text of a key of the toolstack; NULL if there is none, or an empty one. */
static char *blkback_read_key(struct pv_device *pd, const char *key)
{
	char *text = pv_device_read_own_option(pd, key);

	if (IS_ERR_OR_NULL(text) || *text)
		return text;
	kfree(text);
	return NULL;
}

/* 1 or 0; a negative errno if nobody knows. */
static int blkback_key_is(struct pv_device *pd, const char *key, const char *value)
{
	char *text = blkback_read_key(pd, key);
	int is;

	if (IS_ERR(text))
		return PTR_ERR(text);
	is = text && !strcmp(text, value);
	kfree(text);
	return is;
}

static int blkback_read_mode(struct pv_device *pd, struct blkback_target *target)
{
	char *mode = blkback_read_key(pd, "mode");
	int err = 0;

	if (IS_ERR(mode))
		return PTR_ERR(mode);
	if (!mode || !strchr("rw", *mode)) {
		err = -EINVAL;
		pv_device_error(pd, err, "%s/mode is \"%.10s\": it must be r or w",
				pd->xb->nodename, mode ?: "");
	} else {
		/* "w!" is said of a disk that somebody else may use, too. */
		target->writable = strchr(mode, 'w');
		target->shared = target->writable && strchr(mode, '!');
	}
	kfree(mode);
	return err;
}

/*
 * physical-device: "major:minor" in hexadecimal, from the hotplug script. -EAGAIN:
 * it is not there yet; -EINVAL: it is nonsense; another errno: nobody knows.
 */
static int blkback_read_target(struct pv_device *pd, struct blkback_target *target)
{
	int cdrom = blkback_key_is(pd, "device-type", "cdrom");
	unsigned int major, minor;
	char *text, *params, more;
	int err = 0;

	if (cdrom < 0)
		return cdrom;
	*target = (struct blkback_target) { .cdrom = cdrom };
	text = blkback_read_key(pd, "physical-device");
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!text) {
		params = blkback_read_key(pd, "params");
		if (IS_ERR(params))
			return PTR_ERR(params);
		target->empty = target->cdrom && !params;
		kfree(params);
		if (!target->empty)
			return -EAGAIN;
	} else if (sscanf(text, "%x:%x%c", &major, &minor, &more) == 2 &&
		   major < 1U << (32 - MINORBITS) && minor <= MINORMASK) {
		target->dev = MKDEV(major, minor);
	} else {
		err = -EINVAL;
		pv_device_error(pd, err,
				"%s/physical-device is \"%*pE\": it must be major:minor in hexadecimal",
				pd->xb->nodename, (int)strnlen(text, 40), text);
	}
	kfree(text);
	return err ?: blkback_read_mode(pd, target);
}

static bool blkback_same_target(const struct blkback_target *a,
				const struct blkback_target *b)
{
	return a->dev == b->dev && a->empty == b->empty &&
	       a->cdrom == b->cdrom && a->writable == b->writable &&
	       a->shared == b->shared;
}

/* ---- opening it ---- */

/*
 * A disk that is to be written is claimed, so that this domain cannot mount
 * it meanwhile. Whether guests may share it is for the toolstack to say: both
 * ends of a migration on one host have it open.
 */
static int blkback_open_disk(struct pv_device *pd, const struct blkback_target *target,
			     struct pv_bdev *disk)
{
	bool claim = target->writable && !target->shared;
	unsigned int block;
	int err;

	if (target->empty)
		return 0;
	err = pv_bdev_open(disk, target->dev, target->writable,
			   claim ? (void *)holder : NULL);
	if (err) {
		pv_device_error(pd, err,
				"%s/physical-device is %x:%x: cannot open it for %s",
				pd->xb->nodename, MAJOR(target->dev),
				MINOR(target->dev),
				target->writable ? "writing" : "reading");
		return err;
	}
	block = bdev_logical_block_size(disk->bdev);
	if (block > XEN_PAGE_SIZE) {
		pv_device_error(pd, -EINVAL,
				"%s/physical-device is %x:%x: its blocks of %u bytes are too large for a guest",
				pd->xb->nodename, MAJOR(target->dev),
				MINOR(target->dev), block);
		pv_bdev_close(disk);
		return -EINVAL;
	}
	return 0;
}

static void blkback_install(struct blkback_vbd *vbd,
			    const struct blkback_target *target, struct pv_bdev *disk)
{
	mutex_lock(&vbd->lock);
	swap(vbd->disk, *disk);
	vbd->target = *target;
	vbd->ready = vbd->disk.bdev || target->empty;
	vbd->readonly = !target->writable ||
			(vbd->disk.bdev && bdev_read_only(vbd->disk.bdev));
	/* No disk has this size, so the next look announces it. */
	vbd->announced = U64_MAX;
	mutex_unlock(&vbd->lock);
}

/* What the toolstack wants cannot be had: what it wanted before is no answer. */
static int blkback_forget(struct blkback *b)
{
	const struct blkback_target none = { };
	struct pv_bdev disk = { };

	/* A guest that is connected keeps its disk. */
	if (!b->up && b->vbd.ready) {
		blkback_install(&b->vbd, &none, &disk);
		pv_bdev_close(&disk);
	}
	return 0;
}

/**
 * blkback_vbd_refresh() - open what physical-device names
 * @pd: the device
 *
 * Called when the key may have changed. A CD-ROM changes its disc under a
 * connected frontend; any other disk only while there is none. Without a
 * frontend, what cannot be opened leaves the device without a disk.
 *
 * Context: process, a hook of the device.
 * Return: 1 if another disk is open now, 0 if not; a negative errno if it is not
 * known what is wanted, or memory is short: all is as it was, to be tried later.
 */
int blkback_vbd_refresh(struct pv_device *pd)
{
	struct blkback *b = to_blkback(pd);
	struct blkback_vbd *vbd = &b->vbd;
	struct blkback_target target;
	struct pv_bdev disk = { };
	int err = blkback_read_target(pd, &target);

	if (err == -EAGAIN || err == -EINVAL)
		return blkback_forget(b);
	if (err)
		return err;
	if (vbd->ready && blkback_same_target(&vbd->target, &target))
		return 0;
	if (b->up && !target.cdrom) {
		dev_warn(&pd->xb->dev, "physical-device is now %x:%x, but the guest uses %x:%x: not changed before it reconnects\n",
			 MAJOR(target.dev), MINOR(target.dev),
			 MAJOR(vbd->target.dev), MINOR(vbd->target.dev));
		return 0;
	}
	err = blkback_open_disk(pd, &target, &disk);
	if (err == -ENOMEM)
		return err;
	if (err)
		return blkback_forget(b);
	if (b->up)
		pv_back_hold(b->queues, 0);
	blkback_install(vbd, &target, &disk);
	if (b->up) {
		blkback_vbd_offer(b);
		blkback_queues_release(b);
		blkback_vbd_poll(b, true);
	}
	/* The old one, if there was one. */
	pv_bdev_close(&disk);
	return 1;
}

/**
 * blkback_vbd_sync() - see to it that the guest sees what this domain wrote
 * @b: the device, its disk ready
 *
 * Return: 0 or a negative errno.
 */
int blkback_vbd_sync(struct blkback *b)
{
	struct block_device *bdev = b->vbd.disk.bdev;
	int err;

	if (!bdev)
		return 0;
	err = sync_blockdev(bdev);
	if (err)
		pv_device_error(b->pd, err, "cannot write back the cache of %pg",
				bdev);
	else
		invalidate_bdev(bdev);
	return err;
}

/* ---- what the frontend may ask of it ---- */

static u64 blkback_vbd_sectors(const struct blkback_vbd *vbd)
{
	return vbd->disk.bdev ? bdev_nr_sectors(vbd->disk.bdev) : 0;
}

/* The toolstack may forbid discards, to keep an image's space reserved. */
static bool blkback_vbd_discards(struct blkback *b)
{
	struct block_device *bdev = b->vbd.disk.bdev;

	return bdev && !b->vbd.readonly && bdev_max_discard_sectors(bdev) &&
	       blkback_key_is(b->pd, "discard-enable", "0") == 0;
}

/**
 * blkback_vbd_limits() - what a request may ask of the disk
 * @b: the device
 * @lim: result
 */
void blkback_vbd_limits(struct blkback *b, struct blkback_limits *lim)
{
	struct block_device *bdev = b->vbd.disk.bdev;

	*lim = (struct blkback_limits) {
		.sectors = blkback_vbd_sectors(&b->vbd),
		.block = 1,
		.max_indirect = pv_feature(b->pd, BLKBACK_MAX_INDIRECT),
		.readonly = b->vbd.readonly,
		.flush = bdev,
	};
	if (!bdev)
		return;
	lim->block = bdev_logical_block_size(bdev) >> SECTOR_SHIFT;
	lim->discard = blkback_vbd_discards(b);
	lim->secure = lim->discard && bdev_max_secure_erase_sectors(bdev);
}

/**
 * blkback_vbd_offer() - set the late features
 * @b: the device, its disk ready
 *
 * Context: process, a hook of the device.
 */
void blkback_vbd_offer(struct blkback *b)
{
	struct block_device *bdev = b->vbd.disk.bdev;
	struct pv_device *pd = b->pd;
	bool cache = bdev && bdev_write_cache(bdev);
	bool discard = blkback_vbd_discards(b);
	u32 info = 0;

	if (b->vbd.target.cdrom)
		info |= VDISK_CDROM;
	if (bdev && (bdev->bd_disk->flags & GENHD_FL_REMOVABLE))
		info |= VDISK_REMOVABLE;
	if (b->vbd.readonly)
		info |= VDISK_READONLY;

	pv_feature_offer(pd, BLKBACK_FLUSH, cache);
	pv_feature_offer(pd, BLKBACK_BARRIER, cache);
	pv_feature_offer(pd, BLKBACK_DISCARD, discard);
	pv_feature_offer(pd, BLKBACK_DISCARD_GRANULARITY,
			 discard ? bdev_discard_granularity(bdev) : 0);
	pv_feature_offer(pd, BLKBACK_DISCARD_ALIGNMENT,
			 discard ? bdev_discard_alignment(bdev) : 0);
	pv_feature_offer(pd, BLKBACK_DISCARD_SECURE,
			 discard && bdev_max_secure_erase_sectors(bdev));
	pv_feature_offer(pd, BLKBACK_SECTOR_SIZE,
			 bdev ? bdev_logical_block_size(bdev) : SECTOR_SIZE);
	pv_feature_offer(pd, BLKBACK_PHYSICAL_SECTOR_SIZE,
			 bdev ? bdev_physical_block_size(bdev) : SECTOR_SIZE);
	pv_feature_offer(pd, BLKBACK_INFO, info);
	pv_feature_offer(pd, BLKBACK_SECTORS, blkback_vbd_sectors(&b->vbd));
	if (!b->up) {
		mutex_lock(&b->vbd.lock);
		b->vbd.announced = pv_feature(pd, BLKBACK_SECTORS);
		mutex_unlock(&b->vbd.lock);
	}
}

/* ---- its size ---- */

static void blkback_poll_work(struct work_struct *work)
{
	struct blkback *b = container_of(to_delayed_work(work), struct blkback,
					 poll);
	struct blkback_vbd *vbd = &b->vbd;
	u64 sectors;
	bool news;

	if (!READ_ONCE(b->up))
		return;
	mutex_lock(&vbd->lock);
	sectors = blkback_vbd_sectors(vbd);
	news = sectors != vbd->announced;
	vbd->announced = sectors;
	mutex_unlock(&vbd->lock);
	if (news) {
		dev_info(&b->pd->xb->dev, "the disk has %llu sectors now\n",
			 sectors);
		pv_feature_offer(b->pd, BLKBACK_SECTORS, sectors);
		pv_device_announce(b->pd);
	}
	blkback_vbd_poll(b, false);
}

/**
 * blkback_vbd_poll() - look at the disk's size, and tell the frontend if it
 * has changed
 * @b: the device, connected
 * @now: not in a while, but at once
 *
 * Context: any.
 */
void blkback_vbd_poll(struct blkback *b, bool now)
{
	if (now)
		mod_delayed_work(system_wq, &b->poll, 0);
	else
		schedule_delayed_work(&b->poll,
				      round_jiffies_relative(POLL_SECONDS * HZ));
}

/**
 * blkback_vbd_init() - set up a device without a disk
 * @b: the device
 */
void blkback_vbd_init(struct blkback *b)
{
	mutex_init(&b->vbd.lock);
	/* A host that sleeps is not woken for it. */
	INIT_DEFERRABLE_WORK(&b->poll, blkback_poll_work);
}

/**
 * blkback_vbd_stop() - let go of the disk
 * @b: the device, disconnected
 *
 * Context: process, in remove().
 */
void blkback_vbd_stop(struct blkback *b)
{
	cancel_delayed_work_sync(&b->poll);
	pv_bdev_close(&b->vbd.disk);
}

/* ---- sysfs: what xentop and monitoring read ---- */

static struct attribute *statistics_attrs[] = {
	PV_COUNTER(oo_req, blkback_counters, ring.starved),
	PV_COUNTER(rd_req, blkback_counters, reads),
	PV_COUNTER(wr_req, blkback_counters, writes),
	PV_COUNTER(f_req, blkback_counters, flushes),
	PV_COUNTER(ds_req, blkback_counters, discards),
	PV_COUNTER(rd_sect, blkback_counters, sectors_read),
	PV_COUNTER(wr_sect, blkback_counters, sectors_written),
	NULL
};

static const struct attribute_group statistics_group = {
	.name = "statistics",
	.attrs = statistics_attrs,
};

static ssize_t physical_device_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct blkback_vbd *vbd = &to_blkback(pv_device_of(dev))->vbd;
	dev_t disk;

	mutex_lock(&vbd->lock);
	disk = vbd->target.dev;
	mutex_unlock(&vbd->lock);
	return sysfs_emit(buf, "%x:%x\n", MAJOR(disk), MINOR(disk));
}
static DEVICE_ATTR_RO(physical_device);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct blkback_vbd *vbd = &to_blkback(pv_device_of(dev))->vbd;
	struct blkback_target target;

	mutex_lock(&vbd->lock);
	target = vbd->target;
	mutex_unlock(&vbd->lock);
	return sysfs_emit(buf, "%s%s\n", target.writable ? "w" : "r",
			  target.shared ? "!" : "");
}
static DEVICE_ATTR_RO(mode);

static struct attribute *vbd_attrs[] = {
	&dev_attr_physical_device.attr,
	&dev_attr_mode.attr,
	NULL
};

static const struct attribute_group vbd_group = {
	.attrs = vbd_attrs,
};

const struct attribute_group *blkback_groups[] = {
	&vbd_group,
	&statistics_group,
	NULL
};
