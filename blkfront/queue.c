// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: blk-mq requests to ring requests, and back.
 *
 * Data passes in one of two ways, which negotiation decides:
 *   bounced  through staged pages that the backend has mapped for good
 *            (feature-persistent), or that protect us from it (trusted=0);
 *   direct   the request's own pages are granted until the response.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <xen/page.h>

#include "blkfront.h"

/* A staged page is one grant. */
static_assert(PAGE_SIZE == XEN_PAGE_SIZE);
/* Every page has an address. */
static_assert(IS_ENABLED(CONFIG_64BIT));

/* Responses to one pass of the soft interrupt; then others may run. */
#define RESPONSES_A_PASS	64

static struct blkfront_queue *blkfront_queue_of(struct blk_mq_hw_ctx *hctx)
{
	struct blkfront *bf = hctx->queue->queuedata;
	unsigned int nr_poll = READ_ONCE(bf->nr_poll);
	unsigned int nr_irq = READ_ONCE(bf->nr_irq);
	unsigned int at = hctx->queue_num;

	/*
	 * A backend that came back may allow fewer rings than blk-mq has. A
	 * poller may look while it does, and finds one that is not live.
	 */
	if (at < bf->nr_irq_hw || !nr_poll)
		return &bf->queue[at % nr_irq];
	return &bf->queue[nr_irq + (at - bf->nr_irq_hw) % nr_poll];
}

static u64 blkfront_request_id(struct request *rq)
{
	return blk_mq_unique_tag(rq);
}

/* The request on @q that an id names, or NULL: the peer may write any id. */
static struct request *blkfront_request_of(struct blkfront_queue *q, u64 id)
{
	struct blkfront *bf = q->bf;
	struct blkfront_io *io;
	struct request *rq;
	u32 hwq;

	if (id > U32_MAX)
		return NULL;
	hwq = blk_mq_unique_tag_to_hwq(id);
	if (hwq >= bf->tags->nr_hw_queues)
		return NULL;
	rq = blk_mq_tag_to_rq(bf->tags->tags[hwq],
			      blk_mq_unique_tag_to_tag(id));
	if (!rq)
		return NULL;
	io = blk_mq_rq_to_pdu(rq);
	return READ_ONCE(io->q) == q ? rq : NULL;
}

/* ---- data ---- */

/*
 * Copy between a request's pages and its staged pages, which are packed. A
 * vector may have several pages: they are neighbours in the kernel's map, too.
 */
static void blkfront_copy_data(struct request *rq, struct blkfront_io *io, bool to_staged)
{
	struct pv_grant *g = io->data.first;
	struct req_iterator iter;
	unsigned int at = 0;
	struct bio_vec bv;

	rq_for_each_bvec(bv, rq, iter) {
		void *data = page_address(bv.bv_page) + bv.bv_offset;
		unsigned int len, left;

		for (left = bv.bv_len; left; left -= len) {
			void *staged = page_address(g->page) + at;

			len = min_t(unsigned int, left, XEN_PAGE_SIZE - at);
			if (to_staged)
				memcpy(staged, data, len);
			else
				memcpy(data, staged, len);
			data += len;
			at += len;
			if (at == XEN_PAGE_SIZE) {
				g = g->next;
				at = 0;
			}
		}
	}
}

/* Segments of direct grants; 0 if the data must not be granted. */
static unsigned int blkfront_count_direct(struct request *rq)
{
	struct req_iterator iter;
	unsigned int nr = 0;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		/* Other objects lie in the page, and kfree() asks nobody. */
		if (unlikely(PageSlab(bv.bv_page)))
			return 0;
		nr++;
	}
	return nr;
}

static void blkfront_choose_data(struct blkfront *bf, struct request *rq,
				 struct blkfront_io *io)
{
	io->nr_segs = bf->bounce ? 0 : blkfront_count_direct(rq);
	io->bounced = !io->nr_segs;
	if (io->bounced)
		io->nr_segs = DIV_ROUND_UP(blk_rq_bytes(rq), XEN_PAGE_SIZE);
}

static int blkfront_take_pages(struct blkfront_queue *q, struct blkfront_io *io)
{
	unsigned int nr_indirect = blkfront_indirect_pages(io->nr_segs);
	int err;

	if (nr_indirect) {
		err = pv_grant_take_staged(&q->pool, nr_indirect, &io->indirect);
		if (err)
			return err;
	}
	if (io->bounced)
		err = pv_grant_take_staged(&q->pool, io->nr_segs, &io->data);
	else
		err = pv_grant_take_bare(&q->pool, io->nr_segs, &io->data);
	if (err)
		pv_grant_put_staged(&q->pool, &io->indirect);
	return err;
}

/* Returns false if the backend would not give a page back. */
static bool blkfront_put_pages(struct blkfront_queue *q, struct blkfront_io *io)
{
	struct pv_grant *g;
	bool ok = true;

	pv_grant_put_staged(&q->pool, &io->indirect);
	if (io->bounced) {
		pv_grant_put_staged(&q->pool, &io->data);
		return true;
	}
	for (g = io->data.first; g; g = g->next)
		ok &= pv_grant_end(&q->pool, g);
	pv_grant_put(&q->pool, &io->data);
	return ok;
}

static void blkfront_list_bounced(struct blkfront *bf, struct request *rq,
				  struct blkfront_io *io, struct blkfront_list *list)
{
	unsigned int left = blk_rq_bytes(rq);
	struct pv_grant *g;

	for (g = io->data.first; g; g = g->next) {
		unsigned int len = min_t(unsigned int, left, XEN_PAGE_SIZE);

		if (bf->zero && len < XEN_PAGE_SIZE)
			memset(page_address(g->page) + len, 0,
			       XEN_PAGE_SIZE - len);
		blkfront_add_segment(list, g->ref, 0, len);
		left -= len;
	}
}

static void blkfront_list_direct(struct blkfront_queue *q, struct request *rq,
				 struct blkfront_io *io, struct blkfront_list *list)
{
	bool readonly = rq_data_dir(rq) == WRITE;
	struct pv_grant *g = io->data.first;
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		pv_grant_page(&q->pool, g, bv.bv_page, readonly);
		blkfront_add_segment(list, g->ref, bv.bv_offset, bv.bv_len);
		g = g->next;
	}
}

/* Name the pages of segments in the slot, clear what is not used of them. */
static void blkfront_list_indirect(struct blkfront *bf, struct blkif_request *slot,
				   struct blkfront_io *io, struct blkfront_list *list)
{
	struct pv_grant *g;

	list->nr_pages = 0;
	for (g = io->indirect.first; g; g = g->next) {
		if (bf->zero)
			clear_page(page_address(g->page));
		slot->u.indirect.indirect_grefs[list->nr_pages] = g->ref;
		list->page[list->nr_pages++] = page_address(g->page);
	}
}

/* ---- submission: one function an operation ---- */

/* BLK_STS_RESOURCE: no pages now. BLK_STS_AGAIN: too large, see blkfront_recut(). */
static blk_status_t blkfront_fill_data(struct blkfront_queue *q, struct request *rq,
				       struct blkif_request *slot)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	bool write = rq_data_dir(rq) == WRITE;
	struct blkfront *bf = q->bf;
	struct blkfront_list list;

	blkfront_choose_data(bf, rq, io);
	if (unlikely(io->nr_segs > bf->max_segs))
		return BLK_STS_AGAIN;
	if (blkfront_take_pages(q, io))
		return BLK_STS_RESOURCE;

	if (!io->indirect.nr) {
		blkfront_fill_rw(slot, write, bf->handle, blkfront_request_id(rq),
				 blk_rq_pos(rq), io->nr_segs, &list);
	} else {
		blkfront_fill_indirect(slot, write, bf->handle, blkfront_request_id(rq),
				       blk_rq_pos(rq), io->nr_segs, &list);
		blkfront_list_indirect(bf, slot, io, &list);
	}
	if (io->bounced)
		blkfront_list_bounced(bf, rq, io, &list);
	else
		blkfront_list_direct(q, rq, io, &list);
	if (write && io->bounced)
		blkfront_copy_data(rq, io, true);
	return BLK_STS_OK;
}

static blk_status_t blkfront_fill_slot(struct blkfront_queue *q, struct request *rq,
				       struct blkif_request *slot)
{
	struct blkfront *bf = q->bf;

	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return blkfront_fill_data(q, rq, slot);
	case REQ_OP_FLUSH:
		blkfront_fill_flush(slot, bf->flush_op, bf->handle,
				    blkfront_request_id(rq), 0);
		return BLK_STS_OK;
	case REQ_OP_SECURE_ERASE:
		/* As a mere discard it would seem to have been done. */
		if (!pv_feature(bf->pd, F_DISCARD_SECURE))
			return BLK_STS_NOTSUPP;
		fallthrough;
	case REQ_OP_DISCARD:
		if (!pv_feature(bf->pd, F_DISCARD))
			return BLK_STS_NOTSUPP;
		blkfront_fill_discard(slot, blkfront_request_id(rq), blk_rq_pos(rq),
				      blk_rq_sectors(rq),
				      req_op(rq) == REQ_OP_SECURE_ERASE);
		return BLK_STS_OK;
	default:
		return BLK_STS_NOTSUPP;
	}
}

/* Show the backend what has been put so far; the kick is outside the lock. */
static void blkfront_publish(struct blkfront_queue *q)
{
	bool kick;

	spin_lock_bh(&q->submit);
	kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
}

/* Done without the backend; what came before it in the batch is not held up. */
static blk_status_t blkfront_end_at_once(struct blkfront_queue *q, struct request *rq,
					 bool last)
{
	blk_mq_start_request(rq);
	blk_mq_end_request(rq, BLK_STS_OK);
	if (last)
		blkfront_publish(q);
	return BLK_STS_OK;
}

/*
 * A request made under the limits of an earlier backend is too large for
 * this one: its bios go through the block layer again and are cut to size.
 */
static blk_status_t blkfront_recut(struct blkfront_queue *q, struct request *rq,
				   bool last)
{
	struct blkfront *bf = q->bf;
	unsigned long flags;

	spin_lock_irqsave(&bf->recut_lock, flags);
	blk_steal_bios(&bf->recut_bios, rq);
	spin_unlock_irqrestore(&bf->recut_lock, flags);
	schedule_work(&bf->recut);
	return blkfront_end_at_once(q, rq, last);
}

void blkfront_recut_work(struct work_struct *work)
{
	struct blkfront *bf = container_of(work, struct blkfront, recut);
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&bf->recut_lock);
	bios = bf->recut_bios;
	bio_list_init(&bf->recut_bios);
	spin_unlock_irq(&bf->recut_lock);
	while ((bio = bio_list_pop(&bios)))
		submit_bio(bio);
}

/* Returns false if there is no room: a backend came back with smaller rings. */
static bool blkfront_submit(struct blkfront_queue *q, struct request *rq,
			    const struct blkif_request *slot, bool last)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	bool kick = false;

	io->op = blkfront_wire_op(slot);
	spin_lock_bh(&q->submit);
	if (unlikely(!pv_ring_room(&q->ring))) {
		spin_unlock_bh(&q->submit);
		return false;
	}
	/* From here on a response to it is believed. */
	WRITE_ONCE(io->q, q);
	pv_ring_put(&q->ring, slot, sizeof(*slot));
	q->stats.requests++;
	if (io->bounced)
		q->stats.bytes_copied += blk_rq_bytes(rq);
	if (last)
		kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
	return true;
}

/*
 * Others hold what it needs: they must be on their way before it waits. It does
 * so until one of them comes back, and nobody overtakes it meanwhile.
 */
static blk_status_t blkfront_starve(struct blkfront_queue *q,
				    struct blk_mq_hw_ctx *hctx)
{
	q->stats.starved++;
	blkfront_publish(q);
	blk_mq_stop_hw_queue(hctx);
	set_bit(BLKFRONT_STARVED, &q->flags);
	/* Pairs with blkfront_feed(). */
	smp_mb__after_atomic();
	/* Nothing of ours that would come back: it tries again in a while. */
	if (unlikely(!pv_ring_in_flight(&q->ring)))
		clear_bit(BLK_MQ_S_STOPPED, &hctx->state);
	return BLK_STS_RESOURCE;
}

/* What has come back may be what others wait for. */
static void blkfront_feed(struct blkfront_queue *q)
{
	/* Pairs with blkfront_starve(). */
	smp_mb();
	if (likely(!READ_ONCE(q->flags)))
		return;
	if (test_and_clear_bit(BLKFRONT_STARVED, &q->flags))
		blk_mq_start_stopped_hw_queues(q->bf->disk->queue, true);
	if (test_and_clear_bit(BLKFRONT_LATE, &q->flags))
		dev_notice(disk_to_dev(q->bf->disk), "answers again\n");
}

/* It has begun while the disk had a cache: this backend's has none. */
static bool blkfront_nothing_to_flush(const struct blkfront *bf,
				      const struct request *rq)
{
	return req_op(rq) == REQ_OP_FLUSH && !bf->flush_op;
}

static blk_status_t blkfront_queue_rq(struct blk_mq_hw_ctx *hctx,
				      const struct blk_mq_queue_data *bd)
{
	struct blkfront_queue *q = blkfront_queue_of(hctx);
	struct blkif_request slot;
	blk_status_t status;

	if (unlikely(q->bf->dead))
		return BLK_STS_IOERR;
	if (unlikely(blkfront_nothing_to_flush(q->bf, bd->rq)))
		return blkfront_end_at_once(q, bd->rq, bd->last);
	status = blkfront_fill_slot(q, bd->rq, &slot);
	if (unlikely(status == BLK_STS_RESOURCE))
		return blkfront_starve(q, hctx);
	if (unlikely(status == BLK_STS_AGAIN))
		return blkfront_recut(q, bd->rq, bd->last);
	if (unlikely(status))
		return status;
	blk_mq_start_request(bd->rq);
	if (unlikely(!blkfront_submit(q, bd->rq, &slot, bd->last))) {
		blkfront_put_pages(q, blk_mq_rq_to_pdu(bd->rq));
		return blkfront_starve(q, hctx);
	}
	return BLK_STS_OK;
}

static void blkfront_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	blkfront_publish(blkfront_queue_of(hctx));
}

/* ---- completion ---- */

/* The only place where a response is believed. */
static struct blkfront_io *blkfront_take_response(struct blkfront_queue *q)
{
	struct blkif_response rsp;
	struct blkfront_io *io;
	struct request *rq;

	pv_ring_get(&q->ring, &rsp, sizeof(rsp));
	rq = blkfront_request_of(q, rsp.id);
	if (unlikely(!rq)) {
		pv_ring_break(&q->ring, "response to a request that was not sent");
		return NULL;
	}
	io = blk_mq_rq_to_pdu(rq);
	if (unlikely(rsp.operation != io->op &&
		     !(rsp.operation == BLKIF_OP_INDIRECT && io->indirect.nr))) {
		pv_ring_break(&q->ring, "response names another operation");
		return NULL;
	}
	io->q = NULL;
	io->status = rsp.status;
	return io;
}

/* Collect what has come, at most @max; the first one is returned. */
static struct blkfront_io *blkfront_collect(struct blkfront_queue *q, unsigned int max,
					    bool *more)
{
	struct blkfront_io *first = NULL, **end = &first;
	unsigned int pending;

	spin_lock_bh(&q->complete);
	pending = q->live ? pv_ring_pending(&q->ring) : 0;
	*more = pending > max;
	for (pending = min(pending, max); pending; pending--) {
		*end = blkfront_take_response(q);
		if (unlikely(!*end))
			break;
		end = &(*end)->next;
		q->stats.responses++;
	}
	*end = NULL;
	spin_unlock_bh(&q->complete);
	if (unlikely(q->ring.broken))
		pv_device_fail(q->bf->pd, "%s", q->ring.broken);
	return first;
}

static blk_status_t blkfront_response_status(struct blkfront_queue *q,
					     struct request *rq, s16 status)
{
	if (likely(status == BLKIF_RSP_OKAY))
		return BLK_STS_OK;
	if (status != BLKIF_RSP_EOPNOTSUPP) {
		q->stats.errors++;
		return BLK_STS_IOERR;
	}
	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		/* Nothing more can be done for durability: say so and go on. */
		blkfront_vbd_no_flush(q->bf);
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		blkfront_vbd_no_discard(q->bf);
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_NOTSUPP;
	}
}

static void blkfront_complete_one(struct blkfront_queue *q, struct blkfront_io *io,
				  struct io_comp_batch *iob)
{
	struct request *rq = blk_mq_rq_from_pdu(io);
	blk_status_t status = blkfront_response_status(q, rq, io->status);

	if (io->bounced && !status && req_op(rq) == REQ_OP_READ)
		blkfront_copy_data(rq, io, false);
	if (unlikely(!blkfront_put_pages(q, io))) {
		pv_device_fail(q->bf->pd, "it keeps a page of a finished request mapped");
		status = BLK_STS_IOERR;
	}
	if (status || !blk_mq_add_to_batch(rq, iob, 0, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

static unsigned int blkfront_complete_list(struct blkfront_queue *q,
					   struct blkfront_io *io,
					   struct io_comp_batch *iob)
{
	struct blkfront_io *next;
	unsigned int nr = 0;

	for (; io; io = next, nr++) {
		next = io->next;
		blkfront_complete_one(q, io, iob);
	}
	if (nr)
		blkfront_feed(q);
	return nr;
}

/**
 * blkfront_consume() - soft interrupt: finish what the backend has answered
 * @ch: the queue's channel
 *
 * Return: whether there may be more.
 */
enum pv_consumed blkfront_consume(struct pv_channel *ch)
{
	struct blkfront_queue *q = container_of(ch, struct blkfront_queue,
						channel);
	DEFINE_IO_COMP_BATCH(iob);
	bool more;

	blkfront_complete_list(q, blkfront_collect(q, RESPONSES_A_PASS, &more), &iob);
	if (iob.complete)
		iob.complete(&iob);
	return more ? PV_AGAIN : PV_DRAINED;
}

static int blkfront_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob)
{
	struct blkfront_queue *q = blkfront_queue_of(hctx);
	unsigned int nr;
	bool more;

	/* blkfront_drain() waits for those who are in here. */
	rcu_read_lock();
	nr = blkfront_complete_list(q, blkfront_collect(q, RESPONSES_A_PASS, &more), iob);
	rcu_read_unlock();
	return nr;
}

/* ---- requests that take long ---- */

/*
 * A response may take as long as it takes; but whoever looks for the reason
 * should find more than a process that hangs. Once for each time.
 */
static enum blk_eh_timer_return blkfront_timeout(struct request *rq)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	struct blkfront_queue *q = READ_ONCE(io->q);
	char ring[PV_RING_TEXT] = "";

	if (!q || test_and_set_bit(BLKFRONT_LATE, &q->flags))
		return BLK_EH_RESET_TIMER;
	spin_lock_bh(&q->complete);
	q->stats.late++;
	if (q->live)
		pv_ring_describe(&q->ring, ring);
	spin_unlock_bh(&q->complete);
	dev_warn(disk_to_dev(q->bf->disk),
		 "no answer for %u s to operation %u of %u bytes at sector %llu; ring %td: %s\n",
		 jiffies_to_msecs(rq->q->rq_timeout) / 1000, io->op,
		 blk_rq_bytes(rq), blk_rq_pos(rq), q - q->bf->queue, ring);
	return BLK_EH_RESET_TIMER;
}

#ifdef CONFIG_BLK_DEBUG_FS
static void blkfront_show_rq(struct seq_file *m, struct request *rq)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	struct blkfront_queue *q = READ_ONCE(io->q);

	if (q)
		seq_printf(m, ", .ring=%td, .id=%llu, .operation=%u, .segments=%u%s",
			   q - q->bf->queue, blkfront_request_id(rq), io->op,
			   io->nr_segs, io->bounced ? ", .bounced" : "");
}
#endif

/* ---- the end of a connection ---- */

struct drain {
	struct blkfront *bf;
	enum pv_down why;
};

static bool blkfront_drain_one(struct request *rq, void *data)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	struct blkfront_queue *q = io->q;
	struct drain *d = data;

	if (!q)
		return true;
	io->q = NULL;
	blkfront_put_pages(q, io);
	if (d->why == PV_DOWN_RETRY)
		blk_mq_requeue_request(rq, false);
	else
		blk_mq_end_request(rq, BLK_STS_IOERR);
	return true;
}

/**
 * blkfront_drain() - settle what is in flight when the connection has ended
 * @bf: the disk; its queue is quiesced, its channels are closed
 * @why: requeue for the next connection, or end with an error
 *
 * What the backend answered before it went counts: it is not done twice.
 *
 * Context: process, may sleep. Afterwards nobody uses the rings' pools.
 */
void blkfront_drain(struct blkfront *bf, enum pv_down why)
{
	struct drain d = { .bf = bf, .why = why };
	unsigned int i;

	for (i = 0; i < bf->nr_irq + bf->nr_poll; i++) {
		struct blkfront_queue *q = &bf->queue[i];

		while (blkfront_consume(&q->channel) == PV_AGAIN)
			;
		spin_lock_bh(&q->complete);
		q->live = false;
		spin_unlock_bh(&q->complete);
	}
	/* A poller has taken a response off the ring before that. */
	synchronize_rcu();
	if (bf->tags)
		blk_mq_tagset_busy_iter(bf->tags, blkfront_drain_one, &d);
}

static void blkfront_map_queues(struct blk_mq_tag_set *set)
{
	struct blkfront *bf = set->driver_data;

	set->map[HCTX_TYPE_DEFAULT].nr_queues = bf->nr_irq_hw;
	blk_mq_map_queues(&set->map[HCTX_TYPE_DEFAULT]);
	if (set->nr_maps == 1)
		return;
	set->map[HCTX_TYPE_READ].nr_queues = 0;
	set->map[HCTX_TYPE_POLL].nr_queues = set->nr_hw_queues - bf->nr_irq_hw;
	set->map[HCTX_TYPE_POLL].queue_offset = bf->nr_irq_hw;
	blk_mq_map_queues(&set->map[HCTX_TYPE_POLL]);
}

const struct blk_mq_ops blkfront_mq_ops = {
	.queue_rq = blkfront_queue_rq,
	.commit_rqs = blkfront_commit_rqs,
	.poll = blkfront_poll,
	.timeout = blkfront_timeout,
#ifdef CONFIG_BLK_DEBUG_FS
	.show_rq = blkfront_show_rq,
#endif
	.map_queues = blkfront_map_queues,
};
