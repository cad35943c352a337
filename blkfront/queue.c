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
#include <linux/seq_file.h>

#include "blkfront.h"

static struct blkfront_queue *to_blkfront_queue(struct pv_front_queue *q)
{
	return container_of(q, struct blkfront_queue, base);
}

static struct blkfront_io *to_blkfront_io(struct pv_front_io *io)
{
	return container_of(io, struct blkfront_io, base);
}

static struct request *blkfront_rq(const struct pv_front_io *io)
{
	return blk_mq_rq_from_pdu((void *)io);
}

/* In an RCU section, which the connection outlives. NULL if there is none. */
static struct pv_front_queue *blkfront_queue_of(struct blk_mq_hw_ctx *hctx)
{
	struct blkfront *bf = hctx->queue->queuedata;
	const struct pv_front_queues *queues = rcu_dereference(bf->queues);
	unsigned int at = hctx->queue_num, first = 0, nr;

	if (unlikely(!queues))
		return NULL;
	nr = queues->nr_irq;
	if (at >= bf->nr_irq_hw && queues->nr > nr) {
		at -= bf->nr_irq_hw;
		first = nr;
		nr = queues->nr - nr;
	}
	/* Until blk-mq has as many: see blkfront_vbd_set_queues(). */
	return queues->queue[first + (likely(at < nr) ? at : at % nr)];
}

static u64 blkfront_request_id(struct request *rq)
{
	return blk_mq_unique_tag(rq);
}

/* The request on @q that an id names, or NULL: the peer may write any id. */
static struct request *blkfront_request_of(struct blkfront_queue *q, u64 id)
{
	struct blkfront *bf = q->bf;
	struct blk_mq_tags *tags;
	struct blkfront_io *io;
	struct request *rq;
	u32 hwq;

	if (id > U32_MAX || unlikely(READ_ONCE(bf->no_tags)))
		return NULL;
	hwq = blk_mq_unique_tag_to_hwq(id);
	if (hwq >= bf->tags->nr_hw_queues)
		return NULL;
	/* A hardware queue that no CPU uses has none. */
	tags = bf->tags->tags[hwq];
	if (unlikely(!tags))
		return NULL;
	rq = blk_mq_tag_to_rq(tags, blk_mq_unique_tag_to_tag(id));
	if (!rq)
		return NULL;
	io = blk_mq_rq_to_pdu(rq);
	return READ_ONCE(io->q) == q ? rq : NULL;
}

/* ---- what is blkif's own: see struct pv_front_ops ---- */

static void blkfront_init_queue(struct pv_front_queue *q)
{
	to_blkfront_queue(q)->bf = q->queues->pd->priv;
}

static bool blkfront_moves_data(const struct request *rq)
{
	return req_op(rq) == REQ_OP_READ || req_op(rq) == REQ_OP_WRITE;
}

static unsigned int blkfront_bytes(const struct pv_front_io *io)
{
	struct request *rq = blkfront_rq(io);

	return likely(blkfront_moves_data(rq)) ? blk_rq_bytes(rq) : 0;
}

static bool blkfront_writes(const struct pv_front_io *io)
{
	return rq_data_dir(blkfront_rq(io)) == WRITE;
}

static void blkfront_each(const struct pv_front_io *io, struct pv_front_walk *w)
{
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_bvec(bv, blkfront_rq(io), iter)
		pv_front_piece(w, &blkfront_ops, page_address(bv.bv_page) + bv.bv_offset,
			       bv.bv_len);
}

static u32 blkfront_fill(struct blkfront *bf, struct pv_front_io *io,
			 struct blkif_request *slot, struct pv_front_list *list)
{
	struct request *rq = blkfront_rq(io);
	bool write = blkfront_writes(io);

	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		/* Others may have been refused meanwhile: so will this one be. */
		blkfront_fill_flush(slot, blkfront_flush_op(bf) ?: BLKIF_OP_FLUSH_DISKCACHE,
				    bf->handle, blkfront_request_id(rq), 0);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		blkfront_fill_discard(slot, blkfront_request_id(rq), blk_rq_pos(rq),
				      blk_rq_sectors(rq), req_op(rq) == REQ_OP_SECURE_ERASE);
		break;
	default:
		if (likely(!io->lists.first))
			return blkfront_fill_rw(slot, write, bf->handle, blkfront_request_id(rq),
						blk_rq_pos(rq), io->nr_segs, list);
		blkfront_fill_indirect(slot, write, bf->handle, blkfront_request_id(rq),
				       blk_rq_pos(rq), io->nr_segs, list);
	}
	return sizeof(*slot);
}

static u32 blkfront_fill_slot(struct pv_front_queue *q, struct pv_front_io *io, void *slot,
			      struct pv_front_list *list)
{
	u32 len;

	blk_mq_start_request(blkfront_rq(io));
	len = blkfront_fill(to_blkfront_queue(q)->bf, io, slot, list);
	to_blkfront_io(io)->op = blkfront_wire_op(slot);
	return len;
}

static void blkfront_name_list(void *slot, unsigned int i, grant_ref_t ref, unsigned int nr)
{
	struct blkif_request *req = slot;

	req->u.indirect.indirect_grefs[i] = ref;
}

static bool blkfront_own(struct pv_front_queue *q, struct pv_front_io *io, void *slot)
{
	WRITE_ONCE(to_blkfront_io(io)->q, to_blkfront_queue(q));
	return true;
}

static const char *blkfront_believe(struct pv_front_queue *base, const void *response,
				    struct pv_front_io **done)
{
	struct blkfront_queue *q = to_blkfront_queue(base);
	const struct blkif_response *rsp = response;
	struct request *rq = blkfront_request_of(q, rsp->id);
	struct blkfront_io *io;

	if (unlikely(!rq))
		return "response to a request that was not sent";
	io = blk_mq_rq_to_pdu(rq);
	if (unlikely(rsp->operation != io->op &&
		     !(rsp->operation == BLKIF_OP_INDIRECT && io->base.lists.nr)))
		return "response names another operation";
	io->q = NULL;
	io->status = rsp->status;
	*done = &io->base;
	return NULL;
}

static blk_status_t blkfront_response_status(struct blkfront_queue *q, struct request *rq,
					     const struct blkfront_io *io)
{
	s16 status = io->status;

	if (likely(status == BLKIF_RSP_OKAY))
		return BLK_STS_OK;
	/* Ours have no data: it is their kind that some cannot do. */
	if (io->op == BLKIF_OP_WRITE_BARRIER)
		status = BLKIF_RSP_EOPNOTSUPP;
	if (status != BLKIF_RSP_EOPNOTSUPP) {
		q->base.stats->errors++;
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

static void blkfront_complete(struct pv_front_queue *base, struct pv_front_io *io,
			      struct io_comp_batch *iob)
{
	struct blkfront_queue *q = to_blkfront_queue(base);
	struct request *rq = blkfront_rq(io);
	blk_status_t status = blkfront_response_status(q, rq, to_blkfront_io(io));

	if (unlikely(!pv_front_finish(base, &blkfront_ops, io, status ? 0 : blkfront_bytes(io))))
		status = BLK_STS_IOERR;
	if (status || !blk_mq_add_to_batch(rq, iob, 0, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

const struct pv_front_ops blkfront_ops = {
	.queue_size = sizeof(struct blkfront_queue),
	.slot_size = sizeof(struct blkif_request),
	.response_size = sizeof(struct blkif_response),
	.segment_size = sizeof(struct blkif_request_segment),
	.init = blkfront_init_queue,
	.lists = blkfront_indirect_pages,
	.bytes = blkfront_bytes,
	.writes = blkfront_writes,
	.each = blkfront_each,
	.fill = blkfront_fill_slot,
	.name_list = blkfront_name_list,
	.add_segment = blkfront_add_segment,
	.own = blkfront_own,
	.believe = blkfront_believe,
	.complete = blkfront_complete,
};

static_assert(sizeof(struct blkif_response) <= PV_FRONT_RESPONSE);

/* ---- submission ---- */

/* Done without the backend; what came before it in the batch is not held up. */
static blk_status_t blkfront_end_at_once(struct pv_front_queue *q, struct request *rq)
{
	blk_mq_start_request(rq);
	blk_mq_end_request(rq, BLK_STS_OK);
	pv_front_publish(q);
	return BLK_STS_OK;
}

/*
 * A request made under the limits of an earlier backend is too large for
 * this one: its bios go through the block layer again and are cut to size.
 */
static blk_status_t blkfront_recut(struct pv_front_queue *q, struct request *rq)
{
	struct blkfront *bf = to_blkfront_queue(q)->bf;
	unsigned long flags;

	spin_lock_irqsave(&bf->recut_lock, flags);
	blk_steal_bios(&bf->recut_bios, rq);
	spin_unlock_irqrestore(&bf->recut_lock, flags);
	queue_work(blkfront_wq, &bf->recut);
	return blkfront_end_at_once(q, rq);
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
	while ((bio = bio_list_pop(&bios))) {
		/* Who would not wait has long gone on. */
		bio->bi_opf &= ~REQ_NOWAIT;
		submit_bio_noacct(bio);
	}
}

/*
 * Others hold what it needs, and are on their way. It waits until one of them
 * comes back, and nobody overtakes it meanwhile.
 */
static blk_status_t blkfront_starve(struct pv_front_queue *q,
				    struct blk_mq_hw_ctx *hctx)
{
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
static void blkfront_feed(struct pv_front_queue *q)
{
	struct gendisk *disk = to_blkfront_queue(q)->bf->disk;

	/* Pairs with blkfront_starve(). */
	smp_mb();
	if (likely(!READ_ONCE(q->flags)))
		return;
	if (test_and_clear_bit(BLKFRONT_STARVED, &q->flags))
		blk_mq_start_stopped_hw_queues(disk->queue, true);
	if (test_and_clear_bit(BLKFRONT_LATE, &q->flags))
		dev_notice(disk_to_dev(disk), "answers again\n");
}

/* It has begun while the disk had a cache: this backend's has none. */
static bool blkfront_nothing_to_flush(const struct blkfront *bf,
				      const struct request *rq)
{
	return req_op(rq) == REQ_OP_FLUSH && !blkfront_flush_op(bf);
}

static bool blkfront_supports(const struct blkfront *bf, const struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
	case REQ_OP_FLUSH:
		return true;
	case REQ_OP_SECURE_ERASE:
		/* As a mere discard it would seem to have been done. */
		return pv_feature(bf->pd, F_DISCARD) && pv_feature(bf->pd, F_DISCARD_SECURE);
	case REQ_OP_DISCARD:
		return pv_feature(bf->pd, F_DISCARD);
	default:
		return false;
	}
}

static blk_status_t blkfront_queue_rq(struct blk_mq_hw_ctx *hctx,
				      const struct blk_mq_queue_data *bd)
{
	struct pv_front_queue *q = blkfront_queue_of(hctx);
	struct blkfront *bf = hctx->queue->queuedata;
	struct blkif_request slot;
	int err;

	/* Without a connection the queue is quiesced, or the disk is dead. */
	if (unlikely(!q || bf->state == BLKFRONT_DEAD))
		return BLK_STS_IOERR;
	if (unlikely(blkfront_nothing_to_flush(bf, bd->rq)))
		return blkfront_end_at_once(q, bd->rq);
	if (unlikely(!blkfront_supports(bf, bd->rq)))
		return BLK_STS_NOTSUPP;
	err = pv_front_send(q, &blkfront_ops, blk_mq_rq_to_pdu(bd->rq), &slot, bd->last);
	if (likely(!err))
		return BLK_STS_OK;
	return err == -E2BIG ? blkfront_recut(q, bd->rq) : blkfront_starve(q, hctx);
}

static void blkfront_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct pv_front_queue *q = blkfront_queue_of(hctx);

	if (likely(q))
		pv_front_publish(q);
}

/* ---- completion ---- */

static unsigned int blkfront_collect(struct pv_front_queue *q, struct io_comp_batch *iob,
				     bool *more)
{
	unsigned int nr = pv_front_collect_and_complete(q, &blkfront_ops, iob, more);

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
	DEFINE_IO_COMP_BATCH(iob);
	bool more;

	blkfront_collect(container_of(ch, struct pv_front_queue, channel), &iob, &more);
	if (iob.complete)
		iob.complete(&iob);
	return more ? PV_AGAIN : PV_DRAINED;
}

static int blkfront_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob)
{
	struct pv_front_queue *q;
	unsigned int nr = 0;
	bool more;

	rcu_read_lock();
	q = blkfront_queue_of(hctx);
	/* A ring that interrupts has one who takes responses. */
	if (q && q->channel.config.context == PV_POLLED)
		nr = blkfront_collect(q, iob, &more);
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
	char ring[PV_RING_TEXT] = "";
	struct blkfront_queue *q;

	rcu_read_lock();
	q = READ_ONCE(io->q);
	if (!q || test_and_set_bit(BLKFRONT_LATE, &q->base.flags))
		goto out;
	spin_lock_bh(&q->base.complete);
	q->base.stats->late++;
	if (q->base.live)
		pv_ring_describe(&q->base.ring, ring);
	spin_unlock_bh(&q->base.complete);
	dev_warn(disk_to_dev(q->bf->disk),
		 "no answer for %u s to operation %u of %u bytes at sector %llu; ring %u: %s\n",
		 jiffies_to_msecs(rq->q->rq_timeout) / 1000, io->op,
		 blk_rq_bytes(rq), blk_rq_pos(rq), q->base.index, ring);
out:
	rcu_read_unlock();
	return BLK_EH_RESET_TIMER;
}

#ifdef CONFIG_BLK_DEBUG_FS
static void blkfront_show_rq(struct seq_file *m, struct request *rq)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	struct blkfront_queue *q;

	rcu_read_lock();
	q = READ_ONCE(io->q);
	if (q)
		seq_printf(m, ", .ring=%u, .id=%llu, .operation=%u, .segments=%u%s",
			   q->base.index, blkfront_request_id(rq), io->op,
			   io->base.nr_segs, io->base.bounced ? ", .bounced" : "");
	rcu_read_unlock();
}
#endif

/* ---- the end of a connection ---- */

static bool blkfront_drain_one(struct request *rq, void *data)
{
	struct blkfront_io *io = blk_mq_rq_to_pdu(rq);
	struct blkfront_queue *q = io->q;
	const enum pv_down *why = data;

	if (!q)
		return true;
	io->q = NULL;
	pv_front_put_pages(&q->base, &io->base);
	if (*why == PV_DOWN_RETRY)
		blk_mq_requeue_request(rq, false);
	else
		blk_mq_end_request(rq, BLK_STS_IOERR);
	return true;
}

/**
 * blkfront_drain() - settle what is in flight when the connection has ended
 * @bf: the disk; its queue is quiesced
 * @queues: the connection, stopped; nobody finds it any more
 * @why: requeue for the next connection, or end with an error
 *
 * What the backend answered before it went counts: it is not done twice.
 *
 * Context: process, may sleep.
 */
void blkfront_drain(struct blkfront *bf, struct pv_front_queues *queues, enum pv_down why)
{
	pv_front_drain(queues, blkfront_consume);
	mutex_lock(&bf->tags_lock);
	if (bf->tags)
		blk_mq_tagset_busy_iter(bf->tags, blkfront_drain_one, &why);
	mutex_unlock(&bf->tags_lock);
}

static void blkfront_map_queues(struct blk_mq_tag_set *set)
{
	struct blkfront *bf = set->driver_data;

	pv_front_map_queues(set, bf->nr_irq_hw);
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
