/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A frontend's queues: requests of a subsystem go onto a ring, and responses
 * come off it.
 *
 * For classes of device whose requests move data by segments. What is the same
 * for all of them is here, what a class does in its own way is in its struct
 * pv_front_ops. The steps of the data path are templates: with a table that
 * the compiler knows they become the driver's own code, without an indirect
 * call.
 *
 * pv_front_send(): a request goes onto the ring
 *   measure    its segments: staged pages (bounced), or its own (direct)
 *   take       pages and references
 *   fill()     the slot, and the list of segments
 *   own()      it gets its id; from here on a response to it is believed
 *   publish    if it is the last of a batch, or if it has not come so far
 *
 * pv_front_collect_and_complete(): responses come off it
 *   believe()  a response, the only place
 *   complete() data comes back (pv_front_finish()), the request ends
 *
 * The ring is written here only. Whatever becomes of the last request of a
 * batch, what came before it is published.
 */
#ifndef _PV_FRONTQ_H
#define _PV_FRONTQ_H

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <xen/page.h>

#include "channel.h"
#include "device.h"
#include "grant.h"
#include "ring.h"
#include "stats.h"

/* Every page has an address. */
static_assert(IS_ENABLED(CONFIG_64BIT));

struct blk_mq_tag_set;
struct io_comp_batch;
struct pv_front_queue;
struct pv_front_queues;

/** PV_FRONT_A_PASS - responses to one pass of the soft interrupt; then others may run */
#define PV_FRONT_A_PASS		64

/** PV_FRONT_RESPONSE - bytes of the largest response of a class */
#define PV_FRONT_RESPONSE	128

/**
 * struct pv_front_io - what is known of a request; the driver's begins with it
 * @next: list of those that complete together
 * @data: grants of its data
 * @lists: grants of its pages of segments
 * @nr_segs: segments
 * @bounced: data passes through staged pages
 * @held: its own pages have a reference of the driver's, to be dropped with
 *        the grants
 */
struct pv_front_io {
	struct pv_front_io *next;
	struct pv_grant_chain data;
	struct pv_grant_chain lists;
	u16 nr_segs;
	bool bounced;
	bool held;
};

/**
 * struct pv_front_list - where the segments of a request are written
 * @seg: next segment
 * @left: segments that fit at @seg
 * @page: the page of segments to go on with
 */
struct pv_front_list {
	void *seg;
	unsigned int left;
	struct pv_grant *page;
};

/**
 * enum pv_front_what - what a walk over a request's memory is for
 * @PV_FRONT_COUNT: how many segments, and may it be shown to the backend?
 * @PV_FRONT_GRANT: grant it, list it
 * @PV_FRONT_COPY_IN: copy it to staged pages
 * @PV_FRONT_COPY_OUT: and back
 */
enum pv_front_what {
	PV_FRONT_COUNT,
	PV_FRONT_GRANT,
	PV_FRONT_COPY_IN,
	PV_FRONT_COPY_OUT,
};

/**
 * struct pv_front_walk - a walk over a request's memory, piece by piece
 * @what: for
 * @readonly: the backend must not write
 * @q: its queue
 * @list: where segments go
 * @g: the grant at which it is
 * @at: bytes of a staged page that are behind it
 * @left: bytes to go
 * @nr: segments so far
 */
struct pv_front_walk {
	enum pv_front_what what;
	bool readonly;
	struct pv_front_queue *q;
	struct pv_front_list *list;
	struct pv_grant *g;
	unsigned int at;
	unsigned int left;
	unsigned int nr;
};

/**
 * struct pv_front_ops - what a class of device does in its own way
 * @queue_size: bytes of its queue, which begins with a struct pv_front_queue
 * @slot_size: bytes of a slot of the ring
 * @response_size: bytes of a response, at most PV_FRONT_RESPONSE
 * @segment_size: bytes of a segment
 * @reserved: slots that requests leave to pv_front_put() without an io
 * @init: a new queue; its locks, @queues and @index are set
 * @lists: pages of segments that so many segments need
 * @bytes: data of a request
 * @writes: the data goes to the device
 * @clears: staged pages are cleared before the device fills them; may be NULL
 * @each: pv_front_piece() for each piece of its memory
 * @fill: write the slot but for segments, tell @list where these go if they
 *        fit; returns the bytes of the slot that are sent
 * @name_list: name page @i of segments, which holds @nr, in the slot
 * @add_segment: write the next segment
 * @own: under the queue's @submit: give it an id, believe responses to it; or
 *       false. @io is pv_front_put()'s
 * @believe: under the queue's @complete: whose response is it? @io is left as
 *           it is if nobody's request is complete. Returns what is wrong, or
 *           NULL
 * @complete: end the request; pv_front_finish() first
 */
struct pv_front_ops {
	size_t queue_size;
	u32 slot_size;
	u32 response_size;
	u32 segment_size;
	u32 reserved;
	void (*init)(struct pv_front_queue *q);
	unsigned int (*lists)(unsigned int nr);
	unsigned int (*bytes)(const struct pv_front_io *io);
	bool (*writes)(const struct pv_front_io *io);
	bool (*clears)(const struct pv_front_io *io);
	void (*each)(const struct pv_front_io *io, struct pv_front_walk *w);
	u32 (*fill)(struct pv_front_queue *q, struct pv_front_io *io, void *slot,
		    struct pv_front_list *list);
	void (*name_list)(void *slot, unsigned int i, grant_ref_t ref, unsigned int nr);
	void (*add_segment)(struct pv_front_list *list, grant_ref_t ref,
			    unsigned int offset, unsigned int len);
	bool (*own)(struct pv_front_queue *q, struct pv_front_io *io, void *slot);
	const char *(*believe)(struct pv_front_queue *q, const void *rsp,
			       struct pv_front_io **io);
	void (*complete)(struct pv_front_queue *q, struct pv_front_io *io,
			 struct io_comp_batch *iob);
};

/**
 * struct pv_front_queue - one ring and what moves its requests
 * @queues: all of them
 * @index: number of the queue
 * @ring: this end of the ring
 * @shared: the ring's pages
 * @channel: its event channel
 * @pool: its grants
 * @stats: where to count
 * @submit: serialises writing to the ring
 * @complete: serialises taking responses off it
 * @live: responses may be taken; under @complete
 * @flags: the driver's, beside what each completion reads
 */
struct pv_front_queue {
	struct pv_front_queues *queues;
	unsigned int index;
	struct pv_ring ring;
	struct pv_shared shared;
	struct pv_channel channel;
	struct pv_grant_pool pool;
	struct pv_stats *stats;
	spinlock_t submit ____cacheline_aligned_in_smp;
	spinlock_t complete ____cacheline_aligned_in_smp;
	bool live;
	unsigned long flags;
};

/**
 * struct pv_front_config - how to open the rings
 * @nr_irq: rings that interrupt
 * @nr_poll: rings that are polled, behind them
 * @nr_pages: pages of each ring
 * @name: of the interrupts
 * @consume: soft interrupt
 */
struct pv_front_config {
	unsigned int nr_irq;
	unsigned int nr_poll;
	u32 nr_pages;
	const char *name;
	enum pv_consumed (*consume)(struct pv_channel *ch);
};

/**
 * struct pv_front_data - how data may pass
 * @trusted: the backend may see what it is not given
 * @persistent: both ends have said that grants stay
 * @max_segs: segments of a request that the backend takes
 * @max_pages: most data pages in flight a ring
 * @lower: a request may be smaller than that if pages are few
 */
struct pv_front_data {
	bool trusted;
	bool persistent;
	unsigned int max_segs;
	unsigned int max_pages;
	bool lower;
};

/**
 * struct pv_front_queues - a frontend's connection
 * @pd: the device
 * @ops: the driver's table
 * @nr: number of queues
 * @nr_irq: those that interrupt; the others are polled
 * @max_segs: segments that a request may have
 * @bounce: data passes through staged pages that stay granted
 * @zero: clear what is shared besides the data
 * @shrink: gives back idle pages
 * @queue: the queues
 */
struct pv_front_queues {
	struct pv_device *pd;
	const struct pv_front_ops *ops;
	unsigned int nr;
	unsigned int nr_irq;
	unsigned int max_segs;
	bool bounce;
	bool zero;
	struct delayed_work shrink;
	struct pv_front_queue *queue[];
};

int pv_front_alloc_counters(struct pv_device *pd, unsigned int max_queues);
struct pv_front_queues *pv_front_create(struct pv_device *pd, const struct pv_front_ops *ops,
					const struct pv_front_config *config);
int pv_front_write_keys(struct pv_front_queues *queues, struct xenbus_transaction xbt,
			bool multi);
int pv_front_reserve(struct pv_front_queues *queues, const struct pv_front_data *data);
void pv_front_start(struct pv_front_queues *queues);
void pv_front_stop(struct pv_front_queues *queues);
void pv_front_drain(struct pv_front_queues *queues,
		    enum pv_consumed (*consume)(struct pv_channel *ch));
void pv_front_destroy(struct pv_front_queues *queues);
void pv_front_map_queues(struct blk_mq_tag_set *set, unsigned int nr_irq);
void pv_front_show(struct seq_file *m, const struct pv_front_queues *queues);

int pv_front_take_pages(struct pv_front_queue *q, struct pv_front_io *io, unsigned int nr_lists);
bool pv_front_put_pages(struct pv_front_queue *q, struct pv_front_io *io);
void pv_front_publish(struct pv_front_queue *q);

/**
 * pv_front_next_segment() - where the next segment is written
 * @list: from fill()
 * @size: its bytes
 *
 * Return: room for it.
 */
static __always_inline void *pv_front_next_segment(struct pv_front_list *list, size_t size)
{
	void *seg;

	if (unlikely(!list->left)) {
		list->seg = page_address(list->page->page);
		list->left = XEN_PAGE_SIZE / size;
		list->page = list->page->next;
	}
	list->left--;
	seg = list->seg;
	list->seg += size;
	return seg;
}

/* ---- a request's memory, piece by piece ---- */

/* Segments of the memory as it lies; bytes are left if it must not be shown so. */
static __always_inline void pv_front_count_piece(struct pv_front_walk *w, void *data,
						 unsigned int len)
{
	unsigned int here;

	for (; len; len -= here) {
		/* Other objects lie in the page, and kfree() asks nobody. */
		if (unlikely(PageSlab(virt_to_page(data))))
			return;
		here = min_t(unsigned int, len, XEN_PAGE_SIZE - offset_in_page(data));
		w->nr++;
		w->left -= here;
		data += here;
	}
}

static __always_inline void pv_front_grant_piece(struct pv_front_walk *w,
						 const struct pv_front_ops *ops, void *data,
						 unsigned int len)
{
	unsigned int here;

	for (w->left -= len; len; len -= here) {
		here = min_t(unsigned int, len, XEN_PAGE_SIZE - offset_in_page(data));
		pv_grant_page(&w->q->pool, w->g, virt_to_page(data), w->readonly);
		ops->add_segment(w->list, w->g->ref, offset_in_page(data), here);
		w->g = w->g->next;
		data += here;
	}
}

/* Copy between it and staged pages, which are packed. */
static __always_inline void pv_front_copy_piece(struct pv_front_walk *w, void *data,
						unsigned int len)
{
	unsigned int here;

	for (w->left -= len; len; len -= here) {
		void *staged = page_address(w->g->page) + w->at;

		here = min_t(unsigned int, len, XEN_PAGE_SIZE - w->at);
		if (w->what == PV_FRONT_COPY_IN)
			memcpy(staged, data, here);
		else
			memcpy(data, staged, here);
		data += here;
		w->at += here;
		if (w->at == XEN_PAGE_SIZE) {
			w->g = w->g->next;
			w->at = 0;
		}
	}
}

/**
 * pv_front_piece() - each() has come to a piece of a request's memory
 * @w: the walk
 * @ops: the driver's table, constant
 * @data: the piece: neighbours in the kernel's map are one
 * @len: its bytes
 */
static __always_inline void pv_front_piece(struct pv_front_walk *w, const struct pv_front_ops *ops,
					   void *data, unsigned int len)
{
	len = min(len, w->left);
	if (w->what == PV_FRONT_COUNT)
		pv_front_count_piece(w, data, len);
	else if (w->what == PV_FRONT_GRANT)
		pv_front_grant_piece(w, ops, data, len);
	else
		pv_front_copy_piece(w, data, len);
}

/* ---- submission ---- */

/* Returns false if the backend takes less at a time. */
static __always_inline bool pv_front_measure(struct pv_front_queue *q,
					     const struct pv_front_ops *ops,
					     struct pv_front_io *io)
{
	const struct pv_front_queues *queues = q->queues;
	unsigned int bytes = ops->bytes(io), nr = 0;

	io->bounced = bytes;
	if (!queues->bounce && bytes) {
		struct pv_front_walk w = { .what = PV_FRONT_COUNT, .left = bytes };

		ops->each(io, &w);
		nr = w.nr;
		io->bounced = w.left || nr > queues->max_segs;
	}
	if (io->bounced)
		nr = DIV_ROUND_UP(bytes, XEN_PAGE_SIZE);
	io->nr_segs = nr;
	return likely(nr <= queues->max_segs);
}

static __always_inline void pv_front_list_bounced(const struct pv_front_ops *ops,
						  struct pv_front_io *io, bool zero,
						  struct pv_front_list *list)
{
	unsigned int len, left = ops->bytes(io);
	struct pv_grant *g;

	for (g = io->data.first; g; g = g->next) {
		len = min_t(unsigned int, left, XEN_PAGE_SIZE);
		if (zero && len < XEN_PAGE_SIZE)
			memset(page_address(g->page) + len, 0, XEN_PAGE_SIZE - len);
		ops->add_segment(list, g->ref, 0, len);
		left -= len;
	}
}

/* Name the pages of segments in the slot, clear what is not used of them. */
static __always_inline void pv_front_name_lists(const struct pv_front_ops *ops,
						struct pv_front_io *io, bool zero, void *slot)
{
	unsigned int i = 0, nr, left = io->nr_segs;
	struct pv_grant *g;

	for (g = io->lists.first; g; g = g->next) {
		nr = min_t(unsigned int, left, XEN_PAGE_SIZE / ops->segment_size);
		if (zero)
			clear_page(page_address(g->page));
		ops->name_list(slot, i++, g->ref, nr);
		left -= nr;
	}
}

/* Returns the bytes of the slot that are sent. */
static __always_inline u32 pv_front_fill(struct pv_front_queue *q,
					 const struct pv_front_ops *ops,
					 struct pv_front_io *io, void *slot)
{
	struct pv_front_list list = {
		.left = io->lists.first ? 0 : io->nr_segs,
		.page = io->lists.first,
	};
	bool zero = q->queues->zero, writes = ops->writes(io);
	u32 len = ops->fill(q, io, slot, &list);
	struct pv_grant *g;

	pv_front_name_lists(ops, io, zero, slot);
	if (io->bounced)
		pv_front_list_bounced(ops, io, zero, &list);
	if (io->nr_segs && (writes || !io->bounced)) {
		struct pv_front_walk w = {
			.what = io->bounced ? PV_FRONT_COPY_IN : PV_FRONT_GRANT,
			.readonly = writes,
			.q = q,
			.list = &list,
			.g = io->data.first,
			.left = ops->bytes(io),
		};

		ops->each(io, &w);
	} else if (ops->clears && ops->clears(io)) {
		for (g = io->data.first; g; g = g->next)
			clear_page(page_address(g->page));
	}
	return len;
}

/**
 * pv_front_put() - put a filled slot on the ring
 * @q: the queue
 * @ops: the driver's table, constant
 * @io: the request, for own(); NULL for what has no data and may use the
 *      reserved slots
 * @slot: the slot
 * @len: bytes of it
 * @last: of a batch; or publish it anyway
 *
 * Return: false if there was no room, or own() said so; what came before it is
 *         published then.
 */
static __always_inline bool pv_front_put(struct pv_front_queue *q, const struct pv_front_ops *ops,
					 struct pv_front_io *io, void *slot, u32 len, bool last)
{
	bool kick = false, put;

	spin_lock_bh(&q->submit);
	put = pv_ring_room(&q->ring) > (io ? ops->reserved : 0) && ops->own(q, io, slot);
	if (likely(put)) {
		pv_ring_put(&q->ring, slot, len);
		q->stats->requests++;
		if (io && io->bounced)
			q->stats->bytes_copied += ops->bytes(io);
	}
	if (last || unlikely(!put))
		kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
	return put;
}

/**
 * pv_front_send() - take a request from the subsystem
 * @q: the queue
 * @ops: the driver's table, constant
 * @io: the request
 * @slot: room for a slot
 * @last: no other of this batch follows
 *
 * Context: any but hard interrupt.
 * Return: 0; -EBUSY, -ENOMEM: others hold what it needs, and are on their way;
 *         -E2BIG: this backend takes less at a time. In each case nothing that
 *         came before is left unpublished if it is the last.
 */
static __always_inline int pv_front_send(struct pv_front_queue *q, const struct pv_front_ops *ops,
					 struct pv_front_io *io, void *slot, bool last)
{
	int err = -E2BIG;

	if (likely(pv_front_measure(q, ops, io)))
		err = pv_front_take_pages(q, io, ops->lists(io->nr_segs));
	if (likely(!err)) {
		u32 len = pv_front_fill(q, ops, io, slot);

		if (likely(pv_front_put(q, ops, io, slot, len, last)))
			return 0;
		pv_front_put_pages(q, io);
		err = -EBUSY;
	}
	q->stats->starved += err != -E2BIG;
	pv_front_publish(q);
	return err;
}

/* ---- completion ---- */

/**
 * pv_front_finish() - data of an answered request comes back, and its pages
 * @q: the queue
 * @ops: the driver's table, constant
 * @io: the request
 * @came: bytes that the device has moved
 *
 * Context: process or soft interrupt.
 * Return: false if the backend keeps a page that it was only lent; the device
 *         has failed.
 */
static __always_inline bool pv_front_finish(struct pv_front_queue *q,
					    const struct pv_front_ops *ops,
					    struct pv_front_io *io, unsigned int came)
{
	if (io->bounced && came && !ops->writes(io)) {
		struct pv_front_walk w = {
			.what = PV_FRONT_COPY_OUT,
			.g = io->data.first,
			.left = came,
		};

		ops->each(io, &w);
	}
	if (likely(pv_front_put_pages(q, io)))
		return true;
	pv_device_fail(q->queues->pd, "it keeps a page of a finished request mapped");
	return false;
}

/* Collect what has come, at most PV_FRONT_A_PASS; the first one is returned. */
static __always_inline struct pv_front_io *pv_front_collect(struct pv_front_queue *q,
							    const struct pv_front_ops *ops,
							    bool *more)
{
	struct pv_front_io *first = NULL, **end = &first, *io;
	u64 rsp[PV_FRONT_RESPONSE / sizeof(u64)];
	unsigned int pending, left;
	const char *wrong;

	spin_lock_bh(&q->complete);
	pending = q->live ? pv_ring_pending(&q->ring) : 0;
	*more = pending > PV_FRONT_A_PASS;
	for (left = min_t(unsigned int, pending, PV_FRONT_A_PASS); left; left--) {
		io = NULL;
		pv_ring_get(&q->ring, rsp, ops->response_size);
		wrong = ops->believe(q, rsp, &io);
		if (unlikely(wrong)) {
			pv_ring_break(&q->ring, wrong);
			break;
		}
		q->stats->responses++;
		if (likely(io)) {
			*end = io;
			end = &io->next;
		}
	}
	*end = NULL;
	spin_unlock_bh(&q->complete);
	if (unlikely(q->ring.broken))
		pv_device_fail(q->queues->pd, "%s", q->ring.broken);
	return first;
}

/**
 * pv_front_collect_and_complete() - finish what the backend has answered
 * @q: the queue
 * @ops: the driver's table, constant
 * @iob: for complete()
 * @more: result: there may be more
 *
 * Who has waited for readers of RCU after a request left the ring knows that
 * the request has ended.
 *
 * Context: process or soft interrupt.
 * Return: how many requests have ended.
 */
static __always_inline unsigned int
pv_front_collect_and_complete(struct pv_front_queue *q, const struct pv_front_ops *ops,
			      struct io_comp_batch *iob, bool *more)
{
	struct pv_front_io *io, *next;
	unsigned int nr = 0;

	rcu_read_lock();
	for (io = pv_front_collect(q, ops, more); io; io = next, nr++) {
		next = io->next;
		ops->complete(q, io, iob);
	}
	rcu_read_unlock();
	return nr;
}

#endif /* _PV_FRONTQ_H */
