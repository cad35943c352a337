/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A backend's queues: requests of a ring become I/O, and responses.
 *
 * For classes of device whose requests are served by a thread: what they do a
 * batch at a time is here, and what a class does in its own way is in its
 * struct pv_back_ops. The steps of the data path are templates: with a table
 * that the compiler knows they become the driver's own code, without an
 * indirect call.
 *
 *   accept()   a slot is taken off the ring                  PARSED or KNOWN
 *   want()     its lists of segments are asked for           FETCHING
 *   fetch()    and copied
 *   fetched()  and checked                                   KNOWN
 *   map()      the segments' pages are asked for             MAPPED
 *   admit()    it gets its pages                             STARTED
 *   start()    the device has it
 *   ended()    data goes to the guest
 *   answer()   a response                                    FREE
 *
 * All of it runs in the queue's thread, so there is no lock; only
 * pv_back_done() comes from anywhere.
 */
#ifndef _PV_BACKQ_H
#define _PV_BACKQ_H

#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/sched.h>
#include <linux/timer.h>

#include "channel.h"
#include "device.h"
#include "map.h"
#include "ring.h"
#include "stats.h"

struct pv_back_queue;
struct pv_back_req;

/** PV_BACK_PLUGFUL - so many bios the block layer plugs before it goes on */
#define PV_BACK_PLUGFUL		32

/** PV_BACK_TAGS - so many tags at once: what also a device with few has in one word */
#define PV_BACK_TAGS		8U

/**
 * enum pv_back_stage - how far a request is
 * @PV_BACK_FREE: unused
 * @PV_BACK_PARSED: its segments are not here yet
 * @PV_BACK_FETCHING: they are on their way
 * @PV_BACK_KNOWN: all segments are known
 * @PV_BACK_MAPPED: and those that can be are mapped
 * @PV_BACK_PLACED: it has its pages
 * @PV_BACK_STARTED: the device has it
 */
enum pv_back_stage {
	PV_BACK_FREE,
	PV_BACK_PARSED,
	PV_BACK_FETCHING,
	PV_BACK_KNOWN,
	PV_BACK_MAPPED,
	PV_BACK_PLACED,
	PV_BACK_STARTED,
};

/**
 * enum pv_back_admitted - what becomes of a request that waits
 * @PV_BACK_START: start it
 * @PV_BACK_PASS: leave it, or it has been answered; look at the next one
 * @PV_BACK_STARVED: it lacks pages, and those behind it would take them
 * @PV_BACK_ORDERED: it, and all behind it, must wait for others to end
 */
enum pv_back_admitted {
	PV_BACK_START,
	PV_BACK_PASS,
	PV_BACK_STARVED,
	PV_BACK_ORDERED,
};

/**
 * struct pv_back_buffer - room for a request with more segments than a slot
 *                         holds; the driver's begins with it
 * @next: next free one
 */
struct pv_back_buffer {
	struct pv_back_buffer *next;
};

/**
 * struct pv_back_req - a request on its way; the driver's begins with it
 * @list: free, waiting, or in the batch being started
 * @done: in the queue's list of ended requests
 * @q: its queue
 * @buffer: room for its segments if they are many
 * @stage: how far it is
 * @failed: grant copies that failed
 */
struct pv_back_req {
	struct list_head list;
	struct llist_node done;
	struct pv_back_queue *q;
	struct pv_back_buffer *buffer;
	enum pv_back_stage stage;
	u32 failed;
};

/**
 * struct pv_back_ops - what a class of device does in its own way
 * @queue_size: bytes of its queue, which begins with a struct pv_back_queue
 * @req_size: bytes of its request, which begins with a struct pv_back_req
 * @answers_held: on hold, all that was taken off the ring is still answered;
 *                otherwise only what was started
 * @passes: a request without a buffer stops none behind it
 * @lacks: what a device that does not come to its end waits for, for the log
 * @init: a new queue, whose @pd and @index are set
 * @buffer_alloc: a buffer, or NULL
 * @buffer_free: the opposite
 * @look: a round begins
 * @accept: take a slot off the ring, once; answer it, or leave it at
 *          PV_BACK_KNOWN, or at PV_BACK_PARSED
 * @spares: may it have a buffer, as far as others want some, too; NULL: any may
 * @want: ask for the pages of its lists to be mapped; it has a buffer
 * @fetch: bring the lists into the buffer
 * @fetched: check them, or answer the request
 * @map: ask for the pages of its segments
 * @keep: look them up once more: they are in use
 * @admit: see enum pv_back_admitted
 * @start: give it to the device; pv_back_done() when it has ended
 * @ended: it has; copy data to the guest
 * @answer: respond, pv_back_put_req()
 * @drop: it will not be answered: give back what it has; NULL if all are
 * @hurry: its end is waited for, and has not come within the patience; NULL
 *         if the device cannot be hurried
 */
struct pv_back_ops {
	size_t queue_size;
	size_t req_size;
	bool answers_held;
	bool passes;
	const char *lacks;
	void (*init)(struct pv_back_queue *q);
	struct pv_back_buffer *(*buffer_alloc)(struct pv_back_queue *q);
	void (*buffer_free)(struct pv_back_queue *q, struct pv_back_buffer *buffer);
	void (*look)(struct pv_back_queue *q, bool hold);
	void (*accept)(struct pv_back_req *req);
	bool (*spares)(struct pv_back_req *req);
	void (*want)(struct pv_back_req *req);
	void (*fetch)(struct pv_back_req *req);
	void (*fetched)(struct pv_back_req *req);
	void (*map)(struct pv_back_req *req);
	void (*keep)(struct pv_back_req *req);
	enum pv_back_admitted (*admit)(struct pv_back_req *req);
	void (*start)(struct pv_back_req *req);
	void (*ended)(struct pv_back_req *req);
	void (*answer)(struct pv_back_req *req);
	void (*drop)(struct pv_back_req *req);
	void (*hurry)(struct pv_back_queue *q);
};

/**
 * struct pv_back_config - how to connect
 * @nr_queues: how many rings the frontend has
 * @nr_pages: pages of each ring
 * @multi: a number follows the key of a ring's reference
 * @stride: bytes of a slot
 * @persistent: the frontend uses its grants again, so they stay mapped
 * @max_staged: most pages of our own, a queue
 * @all_staged: counts those of all queues, of which that is the most then, or NULL
 * @max_maps: most grants that stay mapped, a queue
 * @consume: the thread's round: pv_back_consume() with the driver's table
 * @spin_us: how long to look for requests before the thread sleeps
 * @idle_seconds: memory that was not needed for so long goes back
 * @keep_maps: but for mappings
 */
struct pv_back_config {
	unsigned int nr_queues;
	u32 nr_pages;
	bool multi;
	u32 stride;
	bool persistent;
	unsigned int max_staged;
	atomic_t *all_staged;
	unsigned int max_maps;
	enum pv_consumed (*consume)(struct pv_channel *ch);
	unsigned int spin_us;
	unsigned int idle_seconds;
	bool keep_maps;
};

/**
 * struct pv_back_queue - one ring and what moves its requests
 * @pd: the device
 * @ops: the driver's table
 * @index: number of the queue
 * @persistent: the frontend uses its grants again, so they stay mapped
 * @ages: mappings that are not used go
 * @shared: the ring's pages
 * @ring: this end of the ring
 * @channel: event channel and thread
 * @stats: where to count
 * @reqs: as many requests as the ring has slots
 * @free: unused ones
 * @waiting: taken off the ring, not started; in the ring's order
 * @nr_unfetched: those of @waiting without segments
 * @in_flight: requests that are started and not responded to
 * @done: requests that have ended, from any context
 * @buffers: free buffers
 * @copy: grant copies
 * @map: long-lived mappings
 * @staged: pages of our own
 * @hold: take nothing more
 * @held: nothing that must end is left, while @hold
 * @tidy_at: when to give memory back
 * @tidy_every: how often
 * @again: wakes the thread when what is waited for may be another's
 */
struct pv_back_queue {
	struct pv_device *pd;
	const struct pv_back_ops *ops;
	unsigned int index;
	bool persistent;
	bool ages;
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_channel channel;
	struct pv_stats *stats;
	void *reqs;
	struct list_head free;
	struct list_head waiting;
	unsigned int nr_unfetched;
	unsigned int in_flight;
	struct llist_head done ____cacheline_aligned_in_smp;
	struct pv_back_buffer *buffers ____cacheline_aligned_in_smp;
	struct pv_copy_batch copy;
	struct pv_map_table map;
	struct pv_staged staged;
	bool hold;
	struct completion held;
	unsigned long tidy_at;
	unsigned long tidy_every;
	struct timer_list again;
};

/**
 * struct pv_back_queues - a backend's connection
 * @nr: number of queues
 * @queue: the queues
 */
struct pv_back_queues {
	unsigned int nr;
	struct pv_back_queue *queue[];
};

struct pv_back_queues *pv_back_create(struct pv_device *pd, const struct pv_back_ops *ops,
				      const struct pv_back_config *config);
void pv_back_start(struct pv_back_queues *queues);
void pv_back_wake(struct pv_back_queues *queues);
void pv_back_hold(struct pv_back_queues *queues, unsigned long patience);
void pv_back_release(struct pv_back_queue *q);
void pv_back_destroy(struct pv_back_queues *queues);
void pv_back_show(struct seq_file *m, const struct pv_back_queues *queues);

void pv_back_done(struct pv_back_req *req);
bool pv_back_get_buffer(struct pv_back_req *req);
void pv_back_trim(struct pv_back_queue *q);
enum pv_consumed pv_back_rest(struct pv_back_queue *q, bool hold, bool progress);

/**
 * pv_back_req_at() - a request by its number
 * @q: the queue
 * @i: number, less than the ring's size
 */
static inline struct pv_back_req *pv_back_req_at(const struct pv_back_queue *q, u32 i)
{
	return q->reqs + i * q->ops->req_size;
}

/**
 * pv_back_put_req() - a request has its response on the ring
 * @req: the request
 *
 * Context: the queue's thread.
 */
static inline void pv_back_put_req(struct pv_back_req *req)
{
	struct pv_back_queue *q = req->q;

	if (req->buffer) {
		req->buffer->next = q->buffers;
		q->buffers = req->buffer;
		req->buffer = NULL;
	}
	if (req->stage == PV_BACK_PARSED || req->stage == PV_BACK_FETCHING)
		q->nr_unfetched--;
	if (req->stage != PV_BACK_STARTED)
		list_del(&req->list);
	req->stage = PV_BACK_FREE;
	list_add(&req->list, &q->free);
}

/**
 * pv_back_find_or_want() - the frontend's page, which is mapped if it is not
 * @q: the queue, which is persistent
 * @ref: reference
 *
 * Return: the page, or NULL: it may be there after the batch.
 */
static inline struct page *pv_back_find_or_want(struct pv_back_queue *q, grant_ref_t ref)
{
	struct page *page = pv_map_find(&q->map, ref);

	if (!page)
		pv_map_want(&q->map, ref);
	return page;
}

/* A slot without a response has a request of ours: they cannot run out. */
static __always_inline void pv_back_take(struct pv_back_queue *q, const struct pv_back_ops *ops)
{
	u32 i, nr = pv_ring_pending(&q->ring);

	for (i = 0; i < nr && !list_empty(&q->free); i++) {
		struct pv_back_req *req = list_first_entry(&q->free, struct pv_back_req, list);

		req->failed = 0;
		req->stage = PV_BACK_KNOWN;
		list_move_tail(&req->list, &q->waiting);
		ops->accept(req);
		q->nr_unfetched += req->stage == PV_BACK_PARSED;
	}
	q->stats->requests += i;
}

/* Bring in the segments that stand in pages, all by the same hypercalls. */
static __always_inline void pv_back_fetch(struct pv_back_queue *q, const struct pv_back_ops *ops)
{
	struct pv_back_req *req, *next;

	if (!q->nr_unfetched)
		return;
	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != PV_BACK_PARSED || (ops->spares && !ops->spares(req)))
			continue;
		if (!pv_back_get_buffer(req))
			break;
		req->stage = PV_BACK_FETCHING;
		ops->want(req);
	}
	if (q->persistent)
		pv_map_flush(&q->map);

	list_for_each_entry(req, &q->waiting, list)
		if (req->stage == PV_BACK_FETCHING)
			ops->fetch(req);
	pv_copy_flush(&q->copy);

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		if (req->stage != PV_BACK_FETCHING)
			continue;
		q->nr_unfetched--;
		req->stage = PV_BACK_KNOWN;
		ops->fetched(req);
	}
}

/* Ask for the pages of all that have just come, by one hypercall. */
static __always_inline void pv_back_map(struct pv_back_queue *q, const struct pv_back_ops *ops)
{
	struct pv_back_req *req;

	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != PV_BACK_KNOWN)
			continue;
		req->stage = PV_BACK_MAPPED;
		ops->map(req);
	}
	if (q->persistent)
		pv_map_flush(&q->map);
}

/* Move what can be started to @batch, in the ring's order. Returns how many. */
static __always_inline unsigned int pv_back_admit(struct pv_back_queue *q,
						  const struct pv_back_ops *ops,
						  struct list_head *batch)
{
	struct pv_back_req *req, *next;
	unsigned int before = q->in_flight;

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		enum pv_back_admitted admitted;

		if (likely(req->stage >= PV_BACK_MAPPED))
			admitted = ops->admit(req);
		else
			admitted = ops->passes ? PV_BACK_PASS : PV_BACK_STARVED;

		if (admitted == PV_BACK_PASS)
			continue;
		if (admitted != PV_BACK_START) {
			q->stats->starved += admitted == PV_BACK_STARVED;
			break;
		}
		req->stage = PV_BACK_STARTED;
		q->in_flight++;
		list_move_tail(&req->list, batch);
	}
	pv_copy_flush(&q->copy);
	return q->in_flight - before;
}

/* Respond to all that has ended. Returns whether there was anything. */
static __always_inline bool pv_back_complete(struct pv_back_queue *q, const struct pv_back_ops *ops)
{
	struct llist_node *ended = llist_del_all(&q->done);
	struct pv_back_req *req, *next;

	if (!ended)
		return false;
	ended = llist_reverse_order(ended);
	llist_for_each_entry(req, ended, done)
		ops->ended(req);
	pv_copy_flush(&q->copy);
	llist_for_each_entry_safe(req, next, ended, done)
		ops->answer(req);
	return true;
}

/* The same, and show it to the frontend. */
static __always_inline bool pv_back_answer(struct pv_back_queue *q, const struct pv_back_ops *ops)
{
	bool progress = pv_back_complete(q, ops);

	if (pv_ring_publish(&q->ring))
		pv_channel_kick(&q->channel);
	return progress;
}

/*
 * A device without room for another request lets us sleep, for as long as
 * others have it: what has ended before is answered first, a plugful at a time.
 */
static __always_inline void pv_back_start_batch(struct pv_back_queue *q,
						const struct pv_back_ops *ops,
						struct list_head *batch, unsigned int starts)
{
	unsigned long sleeps = current->nvcsw;
	struct pv_back_req *req, *next;
	struct blk_plug plug;
	unsigned int nr = 0;

	if (list_empty(batch))
		return;
	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, batch, list) {
		if (unlikely(nr++ == PV_BACK_PLUGFUL || current->nvcsw != sleeps)) {
			pv_back_answer(q, ops);
			sleeps = current->nvcsw;
			nr = 1;
		}
		/* What it gets for one, the block layer gets for the next ones, too. */
		plug.nr_ios = min(starts--, PV_BACK_TAGS);
		/* A started request is found through the device alone. */
		list_del(&req->list);
		ops->start(req);
	}
	blk_finish_plug(&plug);
}

/**
 * pv_back_consume() - the thread's round
 * @q: the queue
 * @ops: the driver's table, constant
 *
 * Context: the queue's thread.
 * Return: what the channel is to do next.
 */
static __always_inline enum pv_consumed pv_back_consume(struct pv_back_queue *q,
							const struct pv_back_ops *ops)
{
	/* Pairs with pv_back_release(): what the driver has set before it. */
	bool hold = smp_load_acquire(&q->hold);
	LIST_HEAD(batch);

	pv_back_complete(q, ops);
	ops->look(q, hold);
	if (likely(!hold))
		pv_back_take(q, ops);
	if (likely(!hold) || ops->answers_held) {
		pv_back_fetch(q, ops);
		pv_back_map(q, ops);
		pv_back_start_batch(q, ops, &batch, pv_back_admit(q, ops, &batch));
	}
	/* What has ended meanwhile shares the publication. */
	return pv_back_rest(q, hold, pv_back_answer(q, ops));
}

#endif /* _PV_BACKQ_H */
