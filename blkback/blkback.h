/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block backend: one device, its disk and its queues.
 */
#ifndef _BLKBACK_H
#define _BLKBACK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../ring/channel.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/features.h"
#include "../ring/map.h"
#include "../ring/ring.h"
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
 * @reads: reads
 * @writes: writes
 * @flushes: flushes and barriers
 * @discards: discards
 * @sectors_read: sectors read
 * @sectors_written: sectors written
 * @ring: the library's counters
 *
 * Written by the queue's thread only.
 */
struct blkback_counters {
	u64 reads;
	u64 writes;
	u64 flushes;
	u64 discards;
	u64 sectors_read;
	u64 sectors_written;
	struct pv_stats ring;
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
 * enum blkback_stage - how far a waiting request is
 * @BLKBACK_PARSED: indirect: its segments are not here yet
 * @BLKBACK_FETCHING: they are on their way
 * @BLKBACK_KNOWN: all segments are known
 * @BLKBACK_MAPPED: and those that can be are mapped
 */
enum blkback_stage {
	BLKBACK_PARSED,
	BLKBACK_FETCHING,
	BLKBACK_KNOWN,
	BLKBACK_MAPPED,
};

/**
 * struct blkback_buffer - segments of a request that has more than a slot holds
 * @vec: as the block layer wants them
 * @seg: as the frontend wrote them; within one page
 * @next: next free one
 */
struct blkback_buffer {
	struct bio_vec vec[BLKBACK_MAX_SEGMENTS];
	struct blkback_segment seg[BLKBACK_MAX_SEGMENTS];
	struct blkback_buffer *next;
};

/**
 * struct blkback_req - a request on its way
 * @list: free, waiting, or in the batch being started
 * @done: in the queue's list of finished I/O
 * @q: its queue
 * @io: what it asks for
 * @stage: while it waits
 * @status: BLKIF_RSP_* of the I/O
 * @failed: grant copies that failed
 * @missing: segments whose pages are not mapped
 * @nr_staged: segments that go through pages of our own
 * @segs: its segments
 * @vecs: their pages
 * @buffer: where both are if they are many
 * @bio: read, write, flush
 * @work: discard
 * @inline_segs: room for a few
 * @inline_vecs: room for a few
 */
struct blkback_req {
	struct list_head list;
	struct llist_node done;
	struct blkback_queue *q;
	struct blkback_io io;
	enum blkback_stage stage;
	s16 status;
	u32 failed;
	u32 missing;
	u32 nr_staged;
	struct blkback_segment *segs;
	struct bio_vec *vecs;
	struct blkback_buffer *buffer;
	union {
		struct bio bio;
		struct work_struct work;
	};
	struct blkback_segment inline_segs[BLKIF_MAX_SEGMENTS_PER_REQUEST];
	struct bio_vec inline_vecs[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

/**
 * struct blkback_queue - one ring and what moves its requests
 * @b: the device
 * @index: number of the queue
 * @abi: layout of the slots
 * @stride: bytes a slot
 * @persistent: the frontend uses its grants again, so they stay mapped
 * @running: the thread has been started
 * @shared: the ring's pages
 * @ring: this end of the ring
 * @channel: event channel and thread
 * @counters: where to count
 * @reqs: as many requests as the ring has slots
 * @free: unused ones
 * @waiting: taken off the ring, not started; in the ring's order
 * @nr_unfetched: indirect ones of @waiting without segments
 * @in_flight: requests that are started and not responded to
 * @barrier: one of them is a barrier: nothing may pass it
 * @done: requests whose I/O has ended, from any context
 * @buffers: free buffers
 * @copy: grant copies
 * @map: long-lived mappings
 * @staged: pages of our own
 * @bdev: the disk, NULL if there is none
 * @limits: what a request may ask of it
 * @hold: take nothing more
 * @held: all that was taken has been answered, while @hold
 * @tidy_at: when to give memory back
 */
struct blkback_queue {
	struct blkback *b;
	unsigned int index;
	enum blkback_abi abi;
	u32 stride;
	bool persistent;
	bool running;
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_channel channel;
	struct blkback_counters *counters;
	struct blkback_req *reqs;
	struct list_head free;
	struct list_head waiting;
	unsigned int nr_unfetched;
	unsigned int in_flight;
	bool barrier;
	struct llist_head done ____cacheline_aligned_in_smp;
	struct blkback_buffer *buffers ____cacheline_aligned_in_smp;
	struct pv_copy_batch copy;
	struct pv_map_table map;
	struct pv_staged staged;
	struct block_device *bdev;
	struct blkback_limits limits;
	bool hold;
	struct completion held;
	unsigned long tidy_at;
};

/**
 * struct blkback - one device
 * @pd: the library's part
 * @vbd: the disk
 * @watch: on physical-device
 * @poll: looks at the disk's size
 * @up: the rings are connected
 * @queues: as many as the frontend has
 * @nr_queues: how many
 * @counters: by index of queue
 * @max_queues: how many were offered
 */
struct blkback {
	struct pv_device *pd;
	struct blkback_vbd vbd;
	struct pv_watch watch;
	struct delayed_work poll;
	bool up;
	struct blkback_queue **queues;
	unsigned int nr_queues;
	struct blkback_counters *counters;
	unsigned int max_queues;
};

/* queue.c */
struct blkback_queue *blkback_queue_create(struct blkback *b,
					   unsigned int index,
					   enum blkback_abi abi);
void blkback_queue_start(struct blkback_queue *q);
void blkback_queues_hold(struct blkback *b);
void blkback_queues_release(struct blkback *b);
void blkback_queue_destroy(struct blkback_queue *q);

/* vbd.c */
void blkback_vbd_init(struct blkback *b);
bool blkback_vbd_refresh(struct pv_device *pd);
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
