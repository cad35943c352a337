/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block backend: one device, its disk and its queues.
 */
#ifndef _BLKBACK_H
#define _BLKBACK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../ring/backq.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/features.h"
#include "../ring/stats.h"
#include "request.h"

/* Indices in the feature table. */
enum {
	BLKBACK_MAX_QUEUES,
	BLKBACK_MAX_RING_PAGE_ORDER,
	BLKBACK_MAX_INDIRECT,
	BLKBACK_PERSISTENT,
	BLKBACK_FLUSH,
	BLKBACK_BARRIER,
	BLKBACK_DISCARD,
	BLKBACK_DISCARD_GRANULARITY,
	BLKBACK_DISCARD_ALIGNMENT,
	BLKBACK_DISCARD_SECURE,
	BLKBACK_SECTORS,
	BLKBACK_SECTOR_SIZE,
	BLKBACK_PHYSICAL_SECTOR_SIZE,
	BLKBACK_INFO,
	BLKBACK_FRONT_QUEUES,
	BLKBACK_FRONT_RING_PAGE_ORDER,
	BLKBACK_FRONT_PERSISTENT,
	BLKBACK_NR_FEATURES,
};

/* Module parameters; see README.md. */
extern unsigned int blkback_max_buffer_pages;
extern unsigned int blkback_max_persistent_grants;
extern unsigned int blkback_persistent_grant_unused_seconds;
extern unsigned int blkback_max_indirect_segments;
extern unsigned int blkback_poll_us;

/* Runs discards, which sleep. */
extern struct workqueue_struct *blkback_wq;

/**
 * struct blkback_counters - what a queue has done; outlives the queue
 * @ring: the library's counters
 * @reads: reads
 * @writes: writes
 * @flushes: flushes and barriers
 * @discards: discards
 * @sectors_read: sectors read
 * @sectors_written: sectors written
 *
 * Written by the queue's thread only.
 */
struct blkback_counters {
	struct pv_stats ring;
	u64 reads;
	u64 writes;
	u64 flushes;
	u64 discards;
	u64 sectors_read;
	u64 sectors_written;
} ____cacheline_aligned_in_smp;

/**
 * struct blkback_target - what the toolstack wants to be opened
 * @dev: the block device
 * @empty: no device: a CD-ROM drive without a disc
 * @cdrom: show it as a CD-ROM
 * @writable: mode is "w"
 * @shared: mode is "w!": also if this domain uses the device
 */
struct blkback_target {
	dev_t dev;
	bool empty;
	bool cdrom;
	bool writable;
	bool shared;
};

/**
 * struct blkback_vbd - the disk behind a device
 * @lock: guards the rest against those who are no hook
 * @target: what is open
 * @ready: it is open (or an empty drive)
 * @disk: the open device
 * @readonly: as the frontend sees it
 * @announced: size that the frontend was told
 */
struct blkback_vbd {
	/* Hooks read without it: they are the only ones that write. */
	struct mutex lock;
	struct blkback_target target;
	bool ready;
	struct pv_bdev disk;
	bool readonly;
	u64 announced;
};

/**
 * struct blkback_buffer - segments of a request that has more than a slot holds
 * @vec: as the block layer wants them
 * @seg: as the frontend wrote them; within one page
 * @base: the library's part; last, for @seg's sake
 */
struct blkback_buffer {
	struct bio_vec vec[BLKBACK_MAX_SEGMENTS];
	struct blkback_segment seg[BLKBACK_MAX_SEGMENTS];
	struct pv_back_buffer base;
};

/**
 * struct blkback_req - a request on its way
 * @base: the library's part
 * @io: what it asks for
 * @status: BLKIF_RSP_* of the I/O
 * @missing: segments whose pages are not mapped
 * @nr_staged: segments that go through pages of our own
 * @segs: its segments
 * @vecs: their pages
 * @bio: read, write, flush
 * @work: discard
 * @inline_segs: room for a few
 * @inline_vecs: room for a few
 */
struct blkback_req {
	struct pv_back_req base;
	struct blkback_io io;
	s16 status;
	u32 missing;
	u32 nr_staged;
	struct blkback_segment *segs;
	struct bio_vec *vecs;
	union {
		struct bio bio;
		struct work_struct work;
	};
	struct blkback_segment inline_segs[BLKIF_MAX_SEGMENTS_PER_REQUEST];
	struct bio_vec inline_vecs[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

/**
 * struct blkback_queue - a ring of requests, and the disk
 * @base: the library's part
 * @abi: layout of the slots
 * @barrier: a barrier is in flight: nothing may pass it
 * @counters: where to count
 * @bdev: the disk, NULL if there is none
 * @limits: what a request may ask of it
 */
struct blkback_queue {
	struct pv_back_queue base;
	enum blkback_abi abi;
	bool barrier;
	struct blkback_counters *counters;
	struct block_device *bdev;
	struct blkback_limits limits;
};

/**
 * struct blkback - one device
 * @pd: the library's part
 * @vbd: the disk
 * @watch: on physical-device
 * @poll: looks at the disk's size
 * @up: the rings are connected
 * @abi: layout of the frontend's slots
 * @queues: the connection, or NULL
 */
struct blkback {
	struct pv_device *pd;
	struct blkback_vbd vbd;
	struct pv_watch watch;
	struct delayed_work poll;
	bool up;
	enum blkback_abi abi;
	struct pv_back_queues *queues;
};

/* queue.c */
struct pv_back_queues *blkback_queues_create(struct blkback *b);
void blkback_queues_release(struct blkback *b);

/* vbd.c */
void blkback_vbd_init(struct blkback *b);
int blkback_vbd_refresh(struct pv_device *pd);
void blkback_vbd_offer(struct blkback *b);
void blkback_vbd_limits(struct blkback *b, struct blkback_limits *lim);
int blkback_vbd_sync(struct blkback *b);
void blkback_vbd_poll(struct blkback *b, bool now);
void blkback_vbd_stop(struct blkback *b);
extern const struct attribute_group *blkback_groups[];

static inline struct blkback *to_blkback(const struct pv_device *pd)
{
	return pd->priv;
}

#endif /* _BLKBACK_H */
