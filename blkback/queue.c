// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: requests of one ring become bios, and responses.
 *
 * Everything here but the end of an I/O runs in the queue's own thread, so
 * there is no lock. Work is done a batch at a time: all requests that are on
 * the ring share the hypercalls, the plug, and the publication of responses.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "blkback.h"

/* Memory that was not needed for so long goes back. */
#define IDLE_SECONDS	60

/* A grant copy's target lies in one page. */
static_assert(offsetof(struct blkback_buffer, seg) % XEN_PAGE_SIZE +
	      sizeof_field(struct blkback_buffer, seg) <= XEN_PAGE_SIZE);

static struct blkback_req *blkback_req_of(struct pv_back_req *req)
{
	return container_of(req, struct blkback_req, base);
}

static struct blkback_queue *blkback_queue_of(const struct blkback_req *req)
{
	return container_of(req->base.q, struct blkback_queue, base);
}

/* ---- the end of a request ---- */

static void blkback_put_response(struct blkback_queue *q, const struct blkback_io *io,
				 s16 status)
{
	struct blkback_response rsp;

	if (status != BLKIF_RSP_OKAY)
		q->base.stats->errors++;
	q->base.stats->responses++;
	blkback_respond(&rsp, io, status);
	pv_ring_put(&q->base.ring, &rsp, blkback_response_size(q->abi));
}

static void blkback_put_staged(struct blkback_req *req)
{
	unsigned int i;

	for (i = 0; req->nr_staged && i < req->io.nr_segs; i++) {
		if (!req->segs[i].staged)
			continue;
		pv_staged_put(&req->base.q->staged, req->vecs[i].bv_page);
		req->nr_staged--;
	}
}

static void blkback_finish(struct blkback_req *req, s16 status)
{
	blkback_put_response(blkback_queue_of(req), &req->io, status);
	blkback_put_staged(req);
	pv_back_put_req(&req->base);
}

static void blkback_answer(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	struct blkback_queue *q = blkback_queue_of(req);

	if (unlikely(base->failed))
		pv_device_complain(base->q->pd,
				   "queue %u: %u of %u segments cannot be reached: bad grant references\n",
				   base->q->index, base->failed, req->io.nr_segs);
	if (req->io.operation == BLKIF_OP_WRITE_BARRIER)
		q->barrier = false;
	base->q->in_flight--;
	blkback_finish(req, base->failed ? BLKIF_RSP_ERROR : req->status);
}

static void blkback_refuse(struct blkback_req *req, s16 status,
			   const struct blkback_fault *fault)
{
	pv_device_complain(req->base.q->pd,
			   "queue %u: request refused: operation %u, %s is %llu\n",
			   req->base.q->index, req->io.operation, fault->field,
			   fault->value);
	blkback_finish(req, status);
}

/* The I/O has ended: any context. */
static void blkback_io_done(struct blkback_req *req, s16 status)
{
	req->status = status;
	pv_back_done(&req->base);
}

static s16 blkback_status_of(int err)
{
	if (!err)
		return BLKIF_RSP_OKAY;
	return err == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static void blkback_bio_done(struct bio *bio)
{
	blkback_io_done(container_of(bio, struct blkback_req, bio),
			blkback_status_of(blk_status_to_errno(bio->bi_status)));
}

static void blkback_copy_to_guest(struct blkback_req *req)
{
	unsigned int i;

	for (i = 0; i < req->io.nr_segs; i++) {
		struct bio_vec *vec = &req->vecs[i];

		if (req->segs[i].staged)
			pv_copy_to_guest(&req->base.q->copy, req->segs[i].gref,
					 vec->bv_offset, vec->bv_page,
					 vec->bv_offset, vec->bv_len,
					 &req->base.failed);
	}
}

static void blkback_ended(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);

	if (req->io.operation != BLKIF_OP_DISCARD)
		bio_uninit(&req->bio);
	if (req->nr_staged && req->io.operation == BLKIF_OP_READ &&
	    req->status == BLKIF_RSP_OKAY)
		blkback_copy_to_guest(req);
}

/* ---- from the ring to a list of known segments ---- */

static struct pv_back_buffer *blkback_buffer_alloc(struct pv_back_queue *q)
{
	struct blkback_buffer *buffer;

	buffer = (void *)__get_free_pages(GFP_NOIO | __GFP_NOWARN,
					  get_order(sizeof(*buffer)));
	return buffer ? &buffer->base : NULL;
}

static void blkback_buffer_free(struct pv_back_queue *q, struct pv_back_buffer *base)
{
	struct blkback_buffer *buffer = container_of(base, struct blkback_buffer, base);

	free_pages((unsigned long)buffer, get_order(sizeof(*buffer)));
}

static void blkback_accept(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	struct blkback_queue *q = blkback_queue_of(req);
	struct blkback_fault fault;
	struct blkback_slot slot;
	s16 status;

	pv_ring_get(&q->base.ring, &slot, q->base.ring.stride);
	blkback_unpack(&slot, q->abi);
	req->status = BLKIF_RSP_OKAY;
	req->segs = req->inline_segs;
	req->vecs = req->inline_vecs;

	status = blkback_parse(&slot, &q->limits, &req->io, req->segs, &fault);
	if (status != BLKIF_RSP_OKAY)
		blkback_refuse(req, status, &fault);
	else if (req->io.indirect)
		base->stage = PV_BACK_PARSED;
}

static void blkback_want(struct pv_back_req *base)
{
	struct blkback_buffer *buffer = container_of(base->buffer, struct blkback_buffer, base);
	struct blkback_req *req = blkback_req_of(base);

	req->segs = buffer->seg;
	req->vecs = buffer->vec;
	if (base->q->persistent)
		pv_back_find_or_want(base->q, req->io.gref);
}

/* Where an indirect request's segments are: mapped, or copied to @seg. */
static void *blkback_segment_array(struct blkback_req *req)
{
	struct pv_back_queue *q = req->base.q;
	struct page *page = NULL;

	if (q->persistent)
		page = pv_map_find(&q->map, req->io.gref);
	if (page)
		return page_address(page);
	pv_copy_from_guest(&q->copy, req->io.gref, 0, virt_to_page(req->segs),
			   offset_in_page(req->segs),
			   req->io.nr_segs * sizeof(*req->segs), &req->base.failed);
	return req->segs;
}

/* The vectors are not in use yet: the first keeps the address. */
static void blkback_fetch(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);

	*(void **)req->vecs = blkback_segment_array(req);
}

static void blkback_fetched(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	struct blkback_queue *q = blkback_queue_of(req);
	struct blkback_fault fault;
	s16 status;

	if (base->failed) {
		fault.field = "indirect_grefs[0]";
		fault.value = req->io.gref;
		status = BLKIF_RSP_ERROR;
	} else {
		status = blkback_parse_indirect(*(void **)req->vecs, &q->limits,
						&req->io, req->segs, &fault);
	}
	if (status != BLKIF_RSP_OKAY)
		blkback_refuse(req, status, &fault);
}

/* ---- from segments to pages ---- */

/* Look up the pages of a request, or ask for them. */
static void blkback_map(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	const struct blkback_segment *seg = req->segs;
	unsigned int i, nr = req->io.nr_segs, missing = 0;
	struct pv_back_queue *q = base->q;
	struct bio_vec *vec = req->vecs;
	bool persistent = q->persistent;

	for (i = 0; i < nr; i++, seg++, vec++) {
		vec->bv_page = persistent ? pv_back_find_or_want(q, seg->gref) : NULL;
		vec->bv_offset = seg->first << SECTOR_SHIFT;
		vec->bv_len = (seg->last - seg->first + 1) << SECTOR_SHIFT;
		missing += !vec->bv_page;
	}
	req->missing = missing;
}

/* They are in use for as long as the request is under way. */
static void blkback_keep(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	unsigned int i;

	for (i = 0; i < req->io.nr_segs; i++)
		pv_map_find(&base->q->map, req->segs[i].gref);
}

/* Give a request the pages that it misses, or none. */
static bool blkback_place(struct blkback_req *req)
{
	struct blkback_segment *seg = req->segs;
	struct pv_back_queue *q = req->base.q;
	struct bio_vec *vec = req->vecs;
	unsigned int i, missing = 0;

	req->nr_staged = 0;
	if (likely(!req->missing))
		return true;

	for (i = 0; i < req->io.nr_segs; i++) {
		if (!vec[i].bv_page && q->persistent)
			vec[i].bv_page = pv_map_find(&q->map, seg[i].gref);
		missing += !vec[i].bv_page;
	}
	req->missing = missing;
	if (missing && !pv_staged_reserve(&q->staged, missing))
		return false;

	for (i = 0; i < req->io.nr_segs; i++) {
		if (vec[i].bv_page)
			continue;
		vec[i].bv_page = pv_staged_take(&q->staged);
		seg[i].staged = true;
		if (req->io.operation != BLKIF_OP_READ)
			pv_copy_from_guest(&q->copy, seg[i].gref,
					   vec[i].bv_offset, vec[i].bv_page,
					   vec[i].bv_offset, vec[i].bv_len,
					   &req->base.failed);
	}
	req->nr_staged = missing;
	return true;
}

/* A barrier waits for all before it, and all after it wait for the barrier. */
static enum pv_back_admitted blkback_admit(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	struct blkback_queue *q = blkback_queue_of(req);
	bool barrier = req->io.operation == BLKIF_OP_WRITE_BARRIER;

	if (q->barrier || (barrier && base->q->in_flight))
		return PV_BACK_ORDERED;
	if (!blkback_place(req))
		return PV_BACK_STARVED;
	q->barrier = barrier;
	return PV_BACK_START;
}

/* ---- from pages to the disk ---- */

static void blkback_discard_work(struct work_struct *work)
{
	struct blkback_req *req = container_of(work, struct blkback_req, work);
	const struct blkback_io *io = &req->io;
	struct block_device *bdev = blkback_queue_of(req)->bdev;
	int err;

	if (io->secure)
		err = blkdev_issue_secure_erase(bdev, io->sector,
						io->nr_sectors, GFP_NOIO);
	else
		err = blkdev_issue_discard(bdev, io->sector, io->nr_sectors,
					   GFP_NOIO);
	blkback_io_done(req, blkback_status_of(err));
}

static blk_opf_t blkback_account(struct blkback_counters *c, const struct blkback_io *io)
{
	switch (io->operation) {
	case BLKIF_OP_READ:
		c->reads++;
		c->sectors_read += io->nr_sectors;
		return REQ_OP_READ;
	case BLKIF_OP_WRITE:
		c->writes++;
		c->sectors_written += io->nr_sectors;
		return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
	case BLKIF_OP_WRITE_BARRIER:
		c->flushes++;
		c->sectors_written += io->nr_sectors;
		/* An empty one is a flush, which must not say FUA. */
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH |
		       (io->nr_segs ? REQ_FUA : 0);
	default:
		c->flushes++;
		c->sectors_written += io->nr_sectors;
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH;
	}
}

static void blkback_start(struct pv_back_req *base)
{
	struct blkback_req *req = blkback_req_of(base);
	struct blkback_queue *q = blkback_queue_of(req);
	struct bio *bio = &req->bio;
	blk_opf_t opf;

	if (unlikely(base->failed)) {
		blkback_answer(base);
		return;
	}
	if (req->io.operation == BLKIF_OP_DISCARD) {
		q->counters->discards++;
		INIT_WORK(&req->work, blkback_discard_work);
		queue_work(blkback_wq, &req->work);
		return;
	}
	opf = blkback_account(q->counters, &req->io);
	bio_init(bio, q->bdev, req->vecs, req->io.nr_segs, opf);
	bio->bi_vcnt = req->io.nr_segs;
	bio->bi_iter.bi_sector = req->io.sector;
	bio->bi_iter.bi_size = req->io.nr_sectors << SECTOR_SHIFT;
	bio->bi_end_io = blkback_bio_done;
	submit_bio(bio);
}

/* ---- a queue ---- */

/* The disk may have been resized under way. */
static void blkback_look(struct pv_back_queue *base, bool hold)
{
	struct blkback_queue *q = container_of(base, struct blkback_queue, base);
	u64 sectors;

	if (unlikely(hold))
		return;
	sectors = q->bdev ? bdev_nr_sectors(q->bdev) : 0;
	if (unlikely(sectors != q->limits.sectors)) {
		q->limits.sectors = sectors;
		blkback_vbd_poll(to_blkback(base->pd), true);
	}
}

static void blkback_init_queue(struct pv_back_queue *base)
{
	struct blkback_queue *q = container_of(base, struct blkback_queue, base);
	struct blkback *b = to_blkback(base->pd);

	q->abi = b->abi;
	q->counters = pv_device_counters(base->pd, base->index);
	q->bdev = b->vbd.disk.bdev;
	blkback_vbd_limits(b, &q->limits);
}

static const struct pv_back_ops blkback_ops = {
	.queue_size = sizeof(struct blkback_queue),
	.req_size = sizeof(struct blkback_req),
	/* They were checked against the disk that is there now. */
	.answers_held = true,
	.lacks = "requests that the disk has not answered",
	.init = blkback_init_queue,
	.buffer_alloc = blkback_buffer_alloc,
	.buffer_free = blkback_buffer_free,
	.look = blkback_look,
	.accept = blkback_accept,
	.want = blkback_want,
	.fetch = blkback_fetch,
	.fetched = blkback_fetched,
	.map = blkback_map,
	.keep = blkback_keep,
	.admit = blkback_admit,
	.start = blkback_start,
	.ended = blkback_ended,
	.answer = blkback_answer,
};

static enum pv_consumed blkback_consume(struct pv_channel *ch)
{
	return pv_back_consume(container_of(ch, struct pv_back_queue, channel), &blkback_ops);
}

/**
 * blkback_queues_create() - connect to the rings of the frontend
 * @b: the device, whose disk and ABI are known
 *
 * Context: process, in connect().
 * Return: the queues, or an ERR_PTR(); the reason is in the error node.
 */
struct pv_back_queues *blkback_queues_create(struct blkback *b)
{
	u64 order = pv_feature(b->pd, BLKBACK_FRONT_RING_PAGE_ORDER);
	/* Without the key there is one page, and its reference has no number. */
	bool multi = order <= PV_RING_MAX_ORDER;
	struct pv_back_config config = {
		.nr_queues = pv_feature(b->pd, BLKBACK_FRONT_QUEUES),
		.nr_pages = multi ? 1U << order : 1,
		.multi = multi,
		.stride = blkback_stride(b->abi),
		.persistent = pv_feature(b->pd, BLKBACK_PERSISTENT) &&
			      pv_feature(b->pd, BLKBACK_FRONT_PERSISTENT),
		.max_staged = max_t(unsigned int, blkback_max_buffer_pages,
				    BLKBACK_MAX_SEGMENTS),
		.max_maps = blkback_max_persistent_grants,
		.consume = blkback_consume,
		.spin_us = blkback_poll_us,
		.idle_seconds = blkback_persistent_grant_unused_seconds ?: IDLE_SECONDS,
		.keep_maps = !blkback_persistent_grant_unused_seconds,
	};

	return pv_back_create(b->pd, &blkback_ops, &config);
}

/**
 * blkback_queues_release() - go on after pv_back_hold()
 * @b: the device; its disk may be another one now
 *
 * Context: process, a hook of the device.
 */
void blkback_queues_release(struct blkback *b)
{
	unsigned int i;

	for (i = 0; i < b->queues->nr; i++) {
		struct pv_back_queue *base = b->queues->queue[i];
		struct blkback_queue *q = container_of(base, struct blkback_queue, base);

		q->bdev = b->vbd.disk.bdev;
		blkback_vbd_limits(b, &q->limits);
		pv_back_release(base);
	}
}
