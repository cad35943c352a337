/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the block frontend share. */
#ifndef _BLKFRONT_H
#define _BLKFRONT_H

#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/frontq.h"
#include "request.h"
#include "vdev.h"

enum {
	F_MAX_QUEUES,
	F_MAX_ORDER,
	F_SECTORS,
	F_INFO,
	F_SECTOR_SIZE,
	F_PHYSICAL_SIZE,
	F_FLUSH,
	F_BARRIER,
	F_DISCARD,
	F_DISCARD_GRANULARITY,
	F_DISCARD_ALIGNMENT,
	F_DISCARD_SECURE,
	F_BACK_PERSISTENT,
	F_INDIRECT,
	F_NUM_QUEUES,
	F_ORDER,
	F_FRONT_PERSISTENT,
};

struct blkfront;

/**
 * struct blkfront_queue - one ring
 * @base: what every class of device has; its flags are BLKFRONT_STARVED and others
 * @bf: the disk
 */
struct blkfront_queue {
	struct pv_front_queue base;
	struct blkfront *bf;
};

/* Bits of blkfront_queue.base.flags */
enum {
	BLKFRONT_STARVED,	/* requests wait for a response to others */
	BLKFRONT_LATE,		/* it was said that there is none for long */
};

/**
 * struct blkfront_io - what we know of a request, behind struct request
 * @base: what every class of device has
 * @q: the ring it is on; NULL if it is on none. A response is believed only
 *     if this says so
 * @status: from the response
 * @op: operation on the wire
 */
struct blkfront_io {
	struct pv_front_io base;
	struct blkfront_queue *q;
	s16 status;
	u8 op;
};

/**
 * enum blkfront_state - what becomes of a request
 * @BLKFRONT_NONE: there is no disk
 * @BLKFRONT_UP: it is put on a ring
 * @BLKFRONT_AWAY: there is no connection: it waits for the next one
 * @BLKFRONT_DEAD: it ends with an error, for good
 */
enum blkfront_state {
	BLKFRONT_NONE,
	BLKFRONT_UP,
	BLKFRONT_AWAY,
	BLKFRONT_DEAD,
};

/**
 * struct blkfront - one disk
 * @ref: held by the device and by the disk
 * @all: list of all disks, for their minors
 * @pd: the device; NULL when it has gone. Under @lock
 * @lock: guards @pd against the disk's users
 * @vdev: name and numbers
 * @handle: the number that requests carry
 * @disk: the disk, from the first connection on
 * @tags: of the disk's queues; NULL if there is no disk
 * @tags_lock: nobody exchanges @tags' arrays; not for who has a request on a ring
 * @no_tags: they are being exchanged: no request is on a ring
 * @queues: the connection, NULL if there is none
 * @nr_irq_hw: interrupt driven hardware queues that blk-mq knows
 * @state: of the disk; blkfront_set_state() changes it
 * @cdrom: it answers to what CD-ROM drives are asked
 * @settle: what takes I/O or sleeps: announces the disk (that reads the
 *          partition table), takes back what is refused
 * @recut: cuts bios again that are too large for this backend
 * @recut_bios: these bios
 * @recut_lock: guards them
 */
struct blkfront {
	struct kref ref;
	struct list_head all;
	struct pv_device *pd;
	struct mutex lock; /* @pd */
	struct blkfront_vdev vdev;
	u16 handle;
	struct gendisk *disk;
	struct blk_mq_tag_set *tags;
	struct mutex tags_lock; /* the arrays of @tags */
	bool no_tags;
	struct pv_front_queues __rcu *queues;
	unsigned int nr_irq_hw;
	enum blkfront_state state;
	bool cdrom;
	struct work_struct settle;
	struct work_struct recut;
	struct bio_list recut_bios;
	spinlock_t recut_lock; /* @recut_bios */
};

/* In a hook. */
static inline struct pv_front_queues *blkfront_queues(struct blkfront *bf)
{
	return rcu_dereference_protected(bf->queues, lockdep_is_held(&bf->pd->lock));
}

/* The operation that flushes; 0 if there is none, or it has been refused. */
static inline u8 blkfront_flush_op(const struct blkfront *bf)
{
	if (pv_feature(bf->pd, F_FLUSH))
		return BLKIF_OP_FLUSH_DISKCACHE;
	return pv_feature(bf->pd, F_BARRIER) ? BLKIF_OP_WRITE_BARRIER : 0;
}

/* main.c */
extern unsigned int blkfront_poll_queues;
extern unsigned int blkfront_max_ring_page_order;
extern struct workqueue_struct *blkfront_wq;

/* queue.c */
extern const struct blk_mq_ops blkfront_mq_ops;
extern const struct pv_front_ops blkfront_ops;
enum pv_consumed blkfront_consume(struct pv_channel *ch);
void blkfront_drain(struct blkfront *bf, struct pv_front_queues *queues, enum pv_down why);
void blkfront_recut_work(struct work_struct *work);

/* vbd.c */
int blkfront_vbd_number(struct blkfront *bf);
void blkfront_vbd_forget(struct blkfront *bf);
int blkfront_vbd_update(struct blkfront *bf);
void blkfront_vbd_settle_work(struct work_struct *work);
void blkfront_vbd_resize(struct blkfront *bf);
void blkfront_vbd_no_flush(struct blkfront *bf);
void blkfront_vbd_no_discard(struct blkfront *bf);
void blkfront_vbd_delete(struct blkfront *bf);
void blkfront_get(struct blkfront *bf);
void blkfront_put(struct blkfront *bf);

#endif /* _BLKFRONT_H */
