// SPDX-License-Identifier: GPL-2.0
/*
 * The disk: its numbers, limits, size and users.
 */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/hdreg.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "blkfront.h"

/* A request without an answer for so long is worth a line in the log. */
#define LATE	(60 * HZ)

/* Minors are the guest's: two disks must not claim the same ones. */
static LIST_HEAD(vbds);
static DEFINE_MUTEX(vbds_lock);

static void blkfront_free(struct kref *ref)
{
	struct blkfront *bf = container_of(ref, struct blkfront, ref);

	kfree(bf);
}

/**
 * blkfront_get() - somebody else goes on using a disk
 * @bf: the disk
 */
void blkfront_get(struct blkfront *bf)
{
	kref_get(&bf->ref);
}

/**
 * blkfront_put() - and stops
 * @bf: the disk, freed with its last user
 */
void blkfront_put(struct blkfront *bf)
{
	kref_put(&bf->ref, blkfront_free);
}

/**
 * blkfront_vbd_number() - find out which disk this is
 * @bf: the disk
 *
 * Return: 0 or a negative errno; the reason is in the device's error node.
 */
int blkfront_vbd_number(struct blkfront *bf)
{
	struct blkfront_vdev *v = &bf->vdev;
	const char *key = "virtual-device";
	struct blkfront *other;
	char *text;
	u32 number;
	int err;

	text = pv_device_read_own_option(bf->pd, key);
	if (!text) {
		key = "virtual-device-ext";
		text = pv_device_read_own_option(bf->pd, key);
	}
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!text) {
		pv_device_error(bf->pd, -ENOENT, "virtual-device is missing");
		return -ENOENT;
	}
	err = kstrtou32(text, 10, &number);
	if (!err)
		err = blkfront_vdev_parse(number, v);
	if (err)
		pv_device_error(bf->pd, err, "%s is \"%*pE\": not a disk's number",
				key, (int)strnlen(text, 40), text);
	kfree(text);
	if (err)
		return err;
	bf->handle = number;

	mutex_lock(&vbds_lock);
	list_for_each_entry(other, &vbds, all) {
		if (v->minor >= other->vdev.minor + other->vdev.nr_minors ||
		    other->vdev.minor >= v->minor + v->nr_minors)
			continue;
		mutex_unlock(&vbds_lock);
		pv_device_error(bf->pd, -EBUSY, "%s %u: its minors belong to %s",
				key, number, other->vdev.name);
		return -EBUSY;
	}
	list_add(&bf->all, &vbds);
	mutex_unlock(&vbds_lock);
	return 0;
}

/**
 * blkfront_vbd_forget() - give a disk's numbers back
 * @bf: the disk
 */
void blkfront_vbd_forget(struct blkfront *bf)
{
	mutex_lock(&vbds_lock);
	list_del(&bf->all);
	mutex_unlock(&vbds_lock);
}

/**
 * struct vbd_disk - what lives as long as a disk has users
 * @bf: the device, which may have got another disk meanwhile
 * @tags: of the disk's queues
 */
struct vbd_disk {
	struct blkfront *bf;
	struct blk_mq_tag_set tags;
};

static struct vbd_disk *blkfront_disk_of(const struct gendisk *disk)
{
	return disk->private_data;
}

static void blkfront_vbd_disk_free(struct vbd_disk *d)
{
	blk_mq_free_tag_set(&d->tags);
	blkfront_put(d->bf);
	kfree(d);
}

static PV_DISK_RELEASE(blkfront_release)
{
	struct blkfront *bf = blkfront_disk_of(disk)->bf;

	mutex_lock(&bf->lock);
	/* The toolstack may wait for the last user. */
	if (bf->pd && bf->pd->closing && !disk_openers(disk))
		pv_device_poke(bf->pd);
	mutex_unlock(&bf->lock);
}

static PV_DISK_GETGEO(blkfront_getgeo)
{
	sector_t sectors = get_capacity(PV_GETGEO_DISK);

	/* There is no geometry; old tools want one that covers the disk. */
	geo->heads = 255;
	geo->sectors = 63;
	sector_div(sectors, 255 * 63);
	geo->cylinders = min_t(sector_t, sectors, U16_MAX);
	return 0;
}

static int blkfront_ioctl(struct block_device *bdev, pv_blk_mode_t mode,
			  unsigned int cmd, unsigned long arg)
{
	if (!blkfront_disk_of(bdev->bd_disk)->bf->cdrom)
		return -ENOTTY;
	/* Enough for mount and eject to take it for a CD-ROM drive. */
	switch (cmd) {
	case CDROMMULTISESSION:
		return clear_user((void __user *)arg,
				  sizeof(struct cdrom_multisession)) ?
		       -EFAULT : 0;
	case CDROM_GET_CAPABILITY:
		return 0;
	default:
		return -ENOTTY;
	}
}

static void blkfront_free_disk(struct gendisk *disk)
{
	blkfront_vbd_disk_free(blkfront_disk_of(disk));
}

static const struct block_device_operations blkfront_fops = {
	.owner = THIS_MODULE,
	.release = blkfront_release,
	.getgeo = blkfront_getgeo,
	.ioctl = blkfront_ioctl,
	.compat_ioctl = blkdev_compat_ptr_ioctl,
	.free_disk = blkfront_free_disk,
};

static void blkfront_vbd_limits(struct blkfront *bf, const struct pv_front_queues *queues,
				struct pv_blk_limits *lim)
{
	struct pv_device *pd = bf->pd;
	u32 logical = pv_feature(pd, F_SECTOR_SIZE);
	u32 physical = pv_feature(pd, F_PHYSICAL_SIZE);

	*lim = (struct pv_blk_limits) {
		.logical_block_size = logical,
		.physical_block_size = max(physical, logical),
		.max_sectors = queues->max_segs * (XEN_PAGE_SIZE >> 9),
		/* Sectors are of 512 bytes on the wire, inside a page. */
		.dma_alignment = 511,
		.write_cache = blkfront_flush_op(bf),
	};
	if (queues->bounce) {
		/* Staged pages are packed: how the data lies is all the same. */
		lim->max_segments = USHRT_MAX;
		lim->max_segment_size = UINT_MAX;
	} else {
		lim->max_segments = queues->max_segs;
		lim->max_segment_size = XEN_PAGE_SIZE;
		lim->seg_boundary = XEN_PAGE_SIZE - 1;
	}
	if (pv_feature(pd, F_DISCARD)) {
		u32 granularity = pv_feature(pd, F_DISCARD_GRANULARITY);

		lim->max_discard_sectors = UINT_MAX >> 9;
		lim->discard_granularity = max(granularity,
					       lim->physical_block_size);
		lim->discard_alignment = pv_feature(pd, F_DISCARD_ALIGNMENT) %
					 lim->discard_granularity;
		if (pv_feature(pd, F_DISCARD_SECURE))
			lim->max_secure_erase_sectors = UINT_MAX >> 9;
	}
}

static struct vbd_disk *blkfront_vbd_alloc_tags(struct blkfront *bf)
{
	const struct pv_front_queues *queues = blkfront_queues(bf);
	struct vbd_disk *d = kzalloc(sizeof(*d), GFP_KERNEL);
	int err;

	if (!d)
		return ERR_PTR(-ENOMEM);
	bf->nr_irq_hw = queues->nr_irq;
	d->tags = (struct blk_mq_tag_set) {
		.ops = &blkfront_mq_ops,
		.driver_data = bf,
		.nr_hw_queues = queues->nr,
		.nr_maps = blkfront_poll_queues ? HCTX_MAX_TYPES : 1,
		/* Another backend may allow a larger ring than this one. */
		.queue_depth = pv_ring_slots(1U << blkfront_max_ring_page_order,
					     sizeof(struct blkif_request)),
		.cmd_size = sizeof(struct blkfront_io),
		.timeout = LATE,
		.numa_node = NUMA_NO_NODE,
		/* Scheduling is for who owns the disk: the control domain. */
		.flags = PV_MQ_FLAGS,
	};
	err = blk_mq_alloc_tag_set(&d->tags);
	if (err) {
		kfree(d);
		return ERR_PTR(err);
	}
	blkfront_get(bf);
	d->bf = bf;
	return d;
}

static int blkfront_vbd_make_disk(struct blkfront *bf, const struct pv_blk_limits *lim)
{
	struct vbd_disk *d = blkfront_vbd_alloc_tags(bf);
	struct gendisk *disk;

	if (IS_ERR(d))
		return PTR_ERR(d);
	disk = pv_blk_alloc_disk(&d->tags, lim, bf);
	if (IS_ERR(disk)) {
		blkfront_vbd_disk_free(d);
		return PTR_ERR(disk);
	}
	disk->major = BLKFRONT_MAJOR;
	disk->first_minor = bf->vdev.minor;
	disk->minors = bf->vdev.nr_minors;
	disk->fops = &blkfront_fops;
	disk->private_data = d;
	strscpy(disk->disk_name, bf->vdev.name, sizeof(disk->disk_name));
	if (pv_feature(bf->pd, F_INFO) & (VDISK_REMOVABLE | VDISK_CDROM))
		disk->flags |= GENHD_FL_REMOVABLE;
	bf->tags = &d->tags;
	bf->disk = disk;
	return 0;
}

/**
 * blkfront_vbd_update() - make the disk what this backend says it is
 * @bf: the disk; made if there is none yet
 *
 * Return: 0 or a negative errno.
 */
int blkfront_vbd_update(struct blkfront *bf)
{
	u32 logical = pv_feature(bf->pd, F_SECTOR_SIZE);
	struct pv_blk_limits lim;
	int err;

	if (!is_power_of_2(logical)) {
		pv_device_error(bf->pd, -EINVAL, "sector-size %u: not a power of two",
				logical);
		return -EINVAL;
	}
	if (bf->disk && logical != queue_logical_block_size(bf->disk->queue)) {
		pv_device_error(bf->pd, -EINVAL, "sector-size %u: was %u, so this is another disk",
				logical, queue_logical_block_size(bf->disk->queue));
		return -EINVAL;
	}
	blkfront_vbd_limits(bf, blkfront_queues(bf), &lim);
	err = bf->disk ? pv_blk_set_limits(bf->disk->queue, &lim) :
			 blkfront_vbd_make_disk(bf, &lim);
	if (err)
		return err;
	bf->cdrom = pv_feature(bf->pd, F_INFO) & VDISK_CDROM;
	set_disk_ro(bf->disk, pv_feature(bf->pd, F_INFO) & VDISK_READONLY);
	set_capacity_and_notify(bf->disk, pv_feature(bf->pd, F_SECTORS));
	return 0;
}

/*
 * As many hardware queues as the connection has rings. What is under way ends
 * first, over this connection or the next ones; what comes meanwhile waits.
 */
static void blkfront_vbd_set_queues(struct blkfront *bf, unsigned int nr_irq, unsigned int nr)
{
	struct request_queue *q = bf->disk->queue;
	unsigned int memflags = pv_blk_freeze(q);

	mutex_lock(&bf->tags_lock);
	WRITE_ONCE(bf->no_tags, true);
	/* Who has a response in his hands looks into the arrays. */
	synchronize_rcu();
	bf->nr_irq_hw = nr_irq;
	blk_mq_update_nr_hw_queues(bf->tags, nr);
	WRITE_ONCE(bf->no_tags, false);
	mutex_unlock(&bf->tags_lock);
	pv_blk_unfreeze(q, memflags);
}

/* What follows from how the connection is that there is now, if there is one. */
static void blkfront_vbd_follow(struct blkfront *bf)
{
	const struct pv_front_queues *queues;
	unsigned int nr_irq = 0, nr = 0;
	struct pv_blk_limits lim;

	rcu_read_lock();
	queues = rcu_dereference(bf->queues);
	if (queues) {
		blkfront_vbd_limits(bf, queues, &lim);
		nr_irq = queues->nr_irq;
		nr = queues->nr;
	}
	rcu_read_unlock();
	if (!nr)
		return;

	/* Without what has been refused */
	pv_blk_set_limits(bf->disk->queue, &lim);
	if (nr != bf->tags->nr_hw_queues || nr_irq != bf->nr_irq_hw)
		blkfront_vbd_set_queues(bf, nr_irq, nr);
}

/* As the block layer notes it. */
static bool blkfront_vbd_announced(const struct blkfront *bf)
{
	return test_bit(GD_ADDED, &bf->disk->state);
}

/**
 * blkfront_vbd_settle_work() - do what must not be done in a hook
 * @work: of the disk
 */
void blkfront_vbd_settle_work(struct work_struct *work)
{
	struct blkfront *bf = container_of(work, struct blkfront, settle);
	int err;

	if (!blkfront_vbd_announced(bf)) {
		err = device_add_disk(&bf->pd->xb->dev, bf->disk, NULL);
		if (err)
			pv_device_error(bf->pd, err, "cannot announce disk %s",
					bf->vdev.name);
	}
	blkfront_vbd_follow(bf);
}

/**
 * blkfront_vbd_no_flush() - the backend offered to flush and will not
 * @bf: the disk
 *
 * Context: any.
 */
void blkfront_vbd_no_flush(struct blkfront *bf)
{
	if (!(pv_feature_refused(bf->pd, F_FLUSH) | pv_feature_refused(bf->pd, F_BARRIER)))
		return;
	dev_warn(disk_to_dev(bf->disk), "the backend refuses to flush: writes are not durable\n");
	schedule_work(&bf->settle);
}

/**
 * blkfront_vbd_no_discard() - the backend offered to discard and will not
 * @bf: the disk
 *
 * Context: any.
 */
void blkfront_vbd_no_discard(struct blkfront *bf)
{
	if (!pv_feature_refused(bf->pd, F_DISCARD))
		return;
	dev_notice(disk_to_dev(bf->disk), "the backend refuses to discard: it is asked no more\n");
	schedule_work(&bf->settle);
}

/* Whether it is for writing, and the sizes of its sectors, are the medium's. */
static void blkfront_vbd_other_medium(struct blkfront *bf)
{
	static const u8 its_own[] = { F_INFO, F_SECTOR_SIZE, F_PHYSICAL_SIZE };
	struct pv_blk_limits lim;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(its_own); i++)
		pv_feature_reread(bf->pd, its_own[i]);
	if (!is_power_of_2(pv_feature(bf->pd, F_SECTOR_SIZE))) {
		pv_device_fail(bf->pd, "sector-size is %llu", pv_feature(bf->pd, F_SECTOR_SIZE));
		return;
	}
	set_disk_ro(bf->disk, pv_feature(bf->pd, F_INFO) & VDISK_READONLY);
	blkfront_vbd_limits(bf, blkfront_queues(bf), &lim);
	pv_blk_set_limits(bf->disk->queue, &lim);
	pv_disk_media_changed(bf->disk);
}

/**
 * blkfront_vbd_resize() - the backend announced itself again: look at the size
 * @bf: the disk
 *
 * A CD-ROM drive says the same when it gets another disc. Any other disk keeps
 * its medium, also one that could be taken out: it was only resized.
 */
void blkfront_vbd_resize(struct blkfront *bf)
{
	sector_t old = get_capacity(bf->disk), new;

	if (pv_feature_reread(bf->pd, F_SECTORS))
		return;
	new = pv_feature(bf->pd, F_SECTORS);
	if (bf->cdrom)
		blkfront_vbd_other_medium(bf);
	if (new == old)
		return;
	dev_info(&bf->pd->xb->dev, "%s: size changes from %llu to %llu sectors\n",
		 bf->vdev.name, (u64)old, (u64)new);
	set_capacity_and_notify(bf->disk, new);
}

/**
 * blkfront_vbd_delete() - take the disk away from its users
 * @bf: the disk, dead already
 */
void blkfront_vbd_delete(struct blkfront *bf)
{
	struct vbd_disk *d = blkfront_disk_of(bf->disk);
	bool announced;

	/* It may wait for I/O, which fails from now on. */
	cancel_work_sync(&bf->settle);
	announced = blkfront_vbd_announced(bf);
	if (announced)
		del_gendisk(bf->disk);
	put_disk(bf->disk);
	/* One that was never announced has no users, and no free_disk(). */
	if (!announced)
		blkfront_vbd_disk_free(d);
	bf->tags = NULL;
	bf->disk = NULL;
}
