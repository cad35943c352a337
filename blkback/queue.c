// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: requests of one ring become bios, and responses.
 *
 * Everything here but the end of an I/O runs in the queue's own thread, so
 * there is no lock. Work is done a batch at a time: all requests that are on
 * the ring share the hypercalls, the plug, and the publication of responses.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "blkback.h"

/* Memory that was not needed for so long goes back. */
#define IDLE_SECONDS	60

/* So many bios the block layer plugs before it goes on with them. */
#define PLUGFUL		32

/* A grant copy's target lies in one page. */
static_assert(offsetof(struct blkback_buffer, seg) % XEN_PAGE_SIZE +
	      sizeof_field(struct blkback_buffer, seg) <= XEN_PAGE_SIZE);

/* ---- the end of a request ---- */

static void blkback_put_response(struct blkback_queue *q, const struct blkback_io *io,
				 s16 status)
{
	struct blkback_response rsp;

	if (status != BLKIF_RSP_OKAY)
		q->counters->ring.errors++;
	q->counters->ring.responses++;
	blkback_respond(&rsp, io, status);
	pv_ring_put(&q->ring, &rsp, blkback_response_size(q->abi));
}

static void blkback_put_staged(struct blkback_req *req)
{
	unsigned int i;

	for (i = 0; req->nr_staged && i < req->io.nr_segs; i++) {
		if (!req->segs[i].staged)
			continue;
		pv_staged_put(&req->q->staged, req->vecs[i].bv_page);
		req->nr_staged--;
	}
}

static void blkback_finish(struct blkback_req *req, s16 status)
{
	struct blkback_queue *q = req->q;

	blkback_put_response(q, &req->io, status);
	blkback_put_staged(req);
	if (req->buffer) {
		req->buffer->next = q->buffers;
		q->buffers = req->buffer;
		req->buffer = NULL;
	}
	list_move(&req->list, &q->free);
}

static void blkback_finish_started(struct blkback_req *req)
{
	if (unlikely(req->failed))
		dev_warn_ratelimited(&req->q->b->pd->xb->dev,
				     "queue %u: %u of %u segments cannot be reached: bad grant references\n",
				     req->q->index, req->failed,
				     req->io.nr_segs);
	if (req->io.operation == BLKIF_OP_WRITE_BARRIER)
		req->q->barrier = false;
	req->q->in_flight--;
	blkback_finish(req, req->failed ? BLKIF_RSP_ERROR : req->status);
}

static void blkback_refuse(struct blkback_req *req, s16 status,
			   const struct blkback_fault *fault)
{
	dev_warn_ratelimited(&req->q->b->pd->xb->dev,
			     "queue %u: request refused: operation %u, %s is %llu\n",
			     req->q->index, req->io.operation, fault->field,
			     fault->value);
	blkback_finish(req, status);
}

/*
 * The I/O has ended: any context. Whoever adds the first one wakes the thread,
 * unless this is the thread, which looks at the list after it submitted. The
 * queue may be gone as soon as the thread has seen the request; it waits for
 * readers of RCU before that.
 */
static void blkback_io_done(struct blkback_req *req, s16 status)
{
	struct blkback_queue *q = req->q;

	rcu_read_lock();
	req->status = status;
	if (llist_add(&req->done, &q->done) &&
	    !(in_task() && current == q->channel.task))
		pv_channel_wake(&q->channel);
	rcu_read_unlock();
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
	struct blkback_queue *q = req->q;
	unsigned int i;

	for (i = 0; i < req->io.nr_segs; i++) {
		struct bio_vec *vec = &req->vecs[i];

		if (req->segs[i].staged)
			pv_copy_to_guest(&q->copy, req->segs[i].gref,
					 vec->bv_offset, vec->bv_page,
					 vec->bv_offset, vec->bv_len,
					 &req->failed);
	}
}

/* Respond to all whose I/O has ended. Returns whether there were any. */
static bool blkback_complete_done(struct blkback_queue *q)
{
	struct llist_node *ended = llist_del_all(&q->done);
	struct blkback_req *req, *next;

	if (!ended)
		return false;
	ended = llist_reverse_order(ended);
	llist_for_each_entry(req, ended, done) {
		if (req->io.operation != BLKIF_OP_DISCARD)
			bio_uninit(&req->bio);
		if (req->nr_staged && req->io.operation == BLKIF_OP_READ &&
		    req->status == BLKIF_RSP_OKAY)
			blkback_copy_to_guest(req);
	}
	pv_copy_flush(&q->copy);
	llist_for_each_entry_safe(req, next, ended, done)
		blkback_finish_started(req);
	return true;
}

/* ---- from the ring to a list of known segments ---- */

static struct blkback_buffer *blkback_buffer_get(struct blkback_queue *q)
{
	struct blkback_buffer *buffer = q->buffers;

	if (buffer)
		q->buffers = buffer->next;
	else
		buffer = (void *)__get_free_pages(GFP_NOIO | __GFP_NOWARN,
						  get_order(sizeof(*buffer)));
	return buffer;
}

static void blkback_buffers_free(struct blkback_queue *q)
{
	while (q->buffers) {
		struct blkback_buffer *buffer = q->buffers;

		q->buffers = buffer->next;
		free_pages((unsigned long)buffer, get_order(sizeof(*buffer)));
	}
}

static void blkback_accept_request(struct blkback_queue *q,
				   const struct blkback_slot *slot)
{
	struct blkback_req *req = list_first_entry(&q->free, struct blkback_req,
						   list);
	struct blkback_fault fault;
	s16 status;

	req->failed = 0;
	req->status = BLKIF_RSP_OKAY;
	req->segs = req->inline_segs;
	req->vecs = req->inline_vecs;
	list_move_tail(&req->list, &q->waiting);

	status = blkback_parse(slot, &q->limits, &req->io, req->segs, &fault);
	if (status != BLKIF_RSP_OKAY) {
		blkback_refuse(req, status, &fault);
		return;
	}
	req->stage = req->io.indirect ? BLKBACK_PARSED : BLKBACK_KNOWN;
	q->nr_unfetched += req->io.indirect;
}

/* A slot without a response has a request of ours: they cannot run out. */
static void blkback_take_requests(struct blkback_queue *q)
{
	u32 i, nr = pv_ring_pending(&q->ring);
	struct blkback_slot slot;

	for (i = 0; i < nr && !list_empty(&q->free); i++) {
		pv_ring_get(&q->ring, &slot, q->stride);
		blkback_unpack(&slot, q->abi);
		blkback_accept_request(q, &slot);
	}
	q->counters->ring.requests += i;
}

static struct page *blkback_map_find_or_want(struct blkback_queue *q, grant_ref_t ref)
{
	struct page *page = pv_map_find(&q->map, ref);

	if (!page)
		pv_map_want(&q->map, ref);
	return page;
}

/* Where an indirect request's segments are: mapped, or copied to @seg. */
static void *blkback_segment_array(struct blkback_req *req)
{
	struct blkback_queue *q = req->q;
	struct page *page = NULL;

	if (q->persistent)
		page = pv_map_find(&q->map, req->io.gref);
	if (page)
		return page_address(page);
	pv_copy_from_guest(&q->copy, req->io.gref, 0, virt_to_page(req->segs),
			   offset_in_page(req->segs),
			   req->io.nr_segs * sizeof(*req->segs), &req->failed);
	return req->segs;
}

/* Bring in the segments of indirect requests, all by the same hypercalls. */
static void blkback_fetch_segments(struct blkback_queue *q)
{
	struct blkback_req *req, *next;
	struct blkback_fault fault;
	s16 status;

	if (!q->nr_unfetched)
		return;
	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != BLKBACK_PARSED)
			continue;
		req->buffer = blkback_buffer_get(q);
		if (!req->buffer)
			break;
		req->segs = req->buffer->seg;
		req->vecs = req->buffer->vec;
		req->stage = BLKBACK_FETCHING;
		if (q->persistent)
			blkback_map_find_or_want(q, req->io.gref);
	}
	if (q->persistent)
		pv_map_flush(&q->map);

	/* The vectors are not in use yet: the first keeps the address. */
	list_for_each_entry(req, &q->waiting, list)
		if (req->stage == BLKBACK_FETCHING)
			*(void **)req->vecs = blkback_segment_array(req);
	pv_copy_flush(&q->copy);

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		if (req->stage != BLKBACK_FETCHING)
			continue;
		q->nr_unfetched--;
		req->stage = BLKBACK_KNOWN;
		if (req->failed) {
			fault.field = "indirect_grefs[0]";
			fault.value = req->io.gref;
			status = BLKIF_RSP_ERROR;
		} else {
			status = blkback_parse_indirect(*(void **)req->vecs,
							&q->limits, &req->io,
							req->segs, &fault);
		}
		if (status != BLKIF_RSP_OKAY)
			blkback_refuse(req, status, &fault);
	}
}

/* ---- from segments to pages ---- */

/* Look up the pages of a request, or ask for them; how many are missing yet. */
static unsigned int blkback_find_pages(struct blkback_req *req)
{
	struct blkback_queue *q = req->q;
	const struct blkback_segment *seg = req->segs;
	unsigned int i, nr = req->io.nr_segs, missing = 0;
	struct bio_vec *vec = req->vecs;
	bool persistent = q->persistent;

	for (i = 0; i < nr; i++, seg++, vec++) {
		vec->bv_page = persistent ? blkback_map_find_or_want(q, seg->gref) :
					    NULL;
		vec->bv_offset = seg->first << SECTOR_SHIFT;
		vec->bv_len = (seg->last - seg->first + 1) << SECTOR_SHIFT;
		missing += !vec->bv_page;
	}
	return missing;
}

/* The same for all requests that have just come, by one hypercall. */
static void blkback_map_segments(struct blkback_queue *q)
{
	struct blkback_req *req;

	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != BLKBACK_KNOWN)
			continue;
		req->stage = BLKBACK_MAPPED;
		req->missing = blkback_find_pages(req);
	}
	if (q->persistent)
		pv_map_flush(&q->map);
}

/* Give a request the pages that it misses, or none. */
static bool blkback_place(struct blkback_req *req)
{
	struct blkback_queue *q = req->q;
	struct blkback_segment *seg = req->segs;
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
					   &req->failed);
	}
	req->nr_staged = missing;
	return true;
}

/*
 * Move what can be started to @batch, in the ring's order. A barrier waits
 * for all before it, and all after it wait for the barrier.
 */
static void blkback_admit(struct blkback_queue *q, struct list_head *batch)
{
	struct blkback_req *req, *next;

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		bool barrier = req->io.operation == BLKIF_OP_WRITE_BARRIER;

		if (q->barrier || (barrier && q->in_flight))
			break;
		if (req->stage != BLKBACK_MAPPED || !blkback_place(req)) {
			q->counters->ring.starved++;
			break;
		}
		q->barrier = barrier;
		q->in_flight++;
		list_move_tail(&req->list, batch);
	}
	pv_copy_flush(&q->copy);
}

/* ---- from pages to the disk ---- */

static void blkback_discard_work(struct work_struct *work)
{
	struct blkback_req *req = container_of(work, struct blkback_req, work);
	const struct blkback_io *io = &req->io;
	struct block_device *bdev = req->q->bdev;
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

static void blkback_start(struct blkback_req *req)
{
	struct blkback_queue *q = req->q;
	struct bio *bio = &req->bio;
	blk_opf_t opf;

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

/* Answer what has ended. */
static bool blkback_answer(struct blkback_queue *q)
{
	bool progress = blkback_complete_done(q);

	if (pv_ring_publish(&q->ring))
		pv_channel_kick(&q->channel);
	return progress;
}

/*
 * A disk without room for another request lets us sleep, for as long as others
 * have it: what has ended before is answered first, a plugful at a time.
 */
static void blkback_start_batch(struct blkback_queue *q, struct list_head *batch)
{
	unsigned long sleeps = current->nvcsw;
	struct blkback_req *req, *next;
	struct blk_plug plug;
	unsigned int nr = 0;

	if (list_empty(batch))
		return;
	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, batch, list) {
		if (unlikely(nr++ == PLUGFUL || current->nvcsw != sleeps)) {
			blkback_answer(q);
			sleeps = current->nvcsw;
			nr = 1;
		}
		/* A started request is found through its bio alone. */
		list_del_init(&req->list);
		if (req->failed)
			blkback_finish_started(req);
		else
			blkback_start(req);
	}
	blk_finish_plug(&plug);
}

/* ---- the thread's round ---- */

/* The disk may have been resized under way. */
static void blkback_look_at_disk(struct blkback_queue *q)
{
	u64 sectors = q->bdev ? bdev_nr_sectors(q->bdev) : 0;

	if (unlikely(sectors != q->limits.sectors)) {
		q->limits.sectors = sectors;
		blkback_vbd_poll(q->b, true);
	}
}

/* Two rounds of tidying make the whole time. */
static unsigned long blkback_tidy_interval(void)
{
	return (blkback_persistent_grant_unused_seconds ?: IDLE_SECONDS) *
		HZ / 2;
}

/* Give back what was not needed lately. */
static void blkback_tidy(struct blkback_queue *q)
{
	q->tidy_at = jiffies + blkback_tidy_interval();
	pv_staged_shrink(&q->staged);
	blkback_buffers_free(q);
	/* Only now does no request hold a mapping. */
	if (q->persistent && blkback_persistent_grant_unused_seconds &&
	    !q->in_flight && list_empty(&q->waiting))
		pv_map_age(&q->map, 2);
}

static enum pv_consumed blkback_rest(struct blkback_queue *q, bool progress)
{
	if (unlikely(q->ring.broken))
		pv_device_fail(q->b->pd, "queue %u: %s", q->index,
			       q->ring.broken);
	if (unlikely(time_after(jiffies, q->tidy_at)))
		blkback_tidy(q);
	if (list_empty(&q->waiting))
		return PV_DRAINED;
	if (progress)
		return PV_AGAIN;
	if (q->in_flight)
		return PV_BLOCKED;
	/* Out of memory with nothing under way that would wake us. */
	msleep(20);
	return PV_AGAIN;
}

/* On hold: what has been taken is still done, and nothing more is taken. */
static enum pv_consumed blkback_pause(struct blkback_queue *q, bool progress)
{
	if (!list_empty(&q->waiting))
		return blkback_rest(q, progress);
	if (!q->in_flight)
		complete_all(&q->held);
	return PV_BLOCKED;
}

static enum pv_consumed blkback_consume(struct pv_channel *ch)
{
	struct blkback_queue *q = container_of(ch, struct blkback_queue,
					       channel);
	/* Pairs with the release: the disk belongs to the permission. */
	bool hold = smp_load_acquire(&q->hold), progress;
	LIST_HEAD(batch);

	blkback_complete_done(q);
	if (likely(!hold)) {
		blkback_look_at_disk(q);
		blkback_take_requests(q);
	}
	blkback_fetch_segments(q);
	blkback_map_segments(q);
	blkback_admit(q, &batch);
	blkback_start_batch(q, &batch);
	/* What has ended meanwhile shares the publication. */
	progress = blkback_answer(q);
	return unlikely(hold) ? blkback_pause(q, progress) : blkback_rest(q, progress);
}

static void blkback_idle(struct pv_channel *ch)
{
	blkback_tidy(container_of(ch, struct blkback_queue, channel));
}

/* ---- life ---- */

/* Map the ring that the frontend's keys under @dir describe. */
static int blkback_queue_map(struct blkback_queue *q, const char *dir)
{
	struct pv_device *pd = q->b->pd;
	u64 order = pv_feature(pd, BLKBACK_FRONT_RING_PAGE_ORDER);
	/* Without the key there is one page, and its reference has no number. */
	bool multi = order <= PV_RING_MAX_ORDER;
	u32 nr_pages = multi ? 1U << order : 1;
	int err;

	err = pv_shared_map(pd, &q->shared, dir, "ring-ref", multi, nr_pages);
	if (err)
		return err;
	err = pv_ring_init_back(&q->ring, q->shared.mem, nr_pages, q->stride,
				&q->counters->ring);
	if (err)
		pv_device_error(pd, err, "%sring-ref: %s", dir,
				q->ring.broken);
	return err;
}

static int blkback_queue_alloc(struct blkback_queue *q)
{
	unsigned int i, pages = max_t(unsigned int, blkback_max_buffer_pages,
				      BLKBACK_MAX_SEGMENTS);
	int err;

	q->reqs = kvcalloc(q->ring.size, sizeof(*q->reqs), GFP_KERNEL);
	if (!q->reqs)
		return -ENOMEM;
	for (i = 0; i < q->ring.size; i++) {
		q->reqs[i].q = q;
		list_add_tail(&q->reqs[i].list, &q->free);
	}
	pv_copy_init(&q->copy, q->b->pd, &q->counters->ring);
	err = pv_staged_init(&q->staged, pages);
	if (err || !q->persistent)
		return err;
	return pv_map_init(&q->map, q->b->pd, blkback_max_persistent_grants,
			   &q->counters->ring);
}

static int blkback_queue_open(struct blkback_queue *q, const char *dir)
{
	struct pv_channel_config config = {
		.ring = &q->ring,
		.stats = &q->counters->ring,
		.context = PV_THREAD,
		.consume = blkback_consume,
		.idle = blkback_idle,
		.idle_jiffies = blkback_tidy_interval(),
		.spin_us = blkback_poll_us,
	};
	char name[32];
	int err;

	err = pv_device_read_port(q->b->pd, dir, "event-channel",
				  &config.remote_port);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s-%u", dev_name(&q->b->pd->xb->dev),
		 q->index);
	config.name = name;
	return pv_channel_open(&q->channel, q->b->pd, &config);
}

/**
 * blkback_queue_create() - connect to one ring of the frontend
 * @b: the device
 * @index: number of the queue
 * @abi: layout of the slots
 *
 * The thread waits for blkback_queue_start().
 *
 * Context: process, in connect().
 * Return: the queue, or an ERR_PTR(); the reason is in the error node.
 */
struct blkback_queue *blkback_queue_create(struct blkback *b,
					   unsigned int index,
					   enum blkback_abi abi)
{
	struct blkback_queue *q = kvzalloc(sizeof(*q), GFP_KERNEL);
	char dir[PV_QUEUE_DIR];
	int err;

	if (!q)
		return ERR_PTR(-ENOMEM);
	q->b = b;
	q->index = index;
	q->abi = abi;
	q->stride = blkback_stride(abi);
	q->persistent = pv_feature(b->pd, BLKBACK_PERSISTENT) &&
			pv_feature(b->pd, BLKBACK_FRONT_PERSISTENT);
	q->counters = &b->counters[index];
	q->tidy_at = jiffies + blkback_tidy_interval();
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->waiting);
	init_llist_head(&q->done);
	init_completion(&q->held);
	q->bdev = b->vbd.disk.bdev;
	blkback_vbd_limits(b, &q->limits);

	pv_queue_dir(dir, b->nr_queues, index);
	err = blkback_queue_map(q, dir);
	if (!err)
		err = blkback_queue_alloc(q);
	/* Last: an upcall may come at once. */
	if (!err)
		err = blkback_queue_open(q, dir);
	if (err) {
		blkback_queue_destroy(q);
		return ERR_PTR(err);
	}
	return q;
}

/**
 * blkback_queue_start() - let the thread run
 * @q: the queue
 */
void blkback_queue_start(struct blkback_queue *q)
{
	q->running = true;
	pv_channel_start(&q->channel);
}

/**
 * blkback_queues_hold() - take no more requests, wait until all are answered
 * @b: the device
 *
 * Those that wait were checked against the disk that is there now. And a ring
 * whose requests have all been answered is good for another backend: a
 * response lies where a request was, not where that one was.
 *
 * Context: process, a hook of the device.
 */
void blkback_queues_hold(struct blkback *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++) {
		struct blkback_queue *q = b->queues[i];

		/* Some of several may have been all that could connect. */
		if (!q || !q->running)
			continue;
		reinit_completion(&q->held);
		WRITE_ONCE(q->hold, true);
		pv_channel_wake(&q->channel);
	}
	for (i = 0; i < b->nr_queues; i++)
		if (b->queues[i] && b->queues[i]->running)
			pv_device_await(b->pd, &b->queues[i]->held,
					"requests that the disk has not answered");
	/* Whoever reported the end of an I/O may be about to wake the thread. */
	synchronize_rcu();
}

/**
 * blkback_queues_release() - go on after blkback_queues_hold()
 * @b: the device; its disk may be another one now
 */
void blkback_queues_release(struct blkback *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++) {
		struct blkback_queue *q = b->queues[i];

		q->bdev = b->vbd.disk.bdev;
		blkback_vbd_limits(b, &q->limits);
		/* The disk before the permission to use it. */
		smp_store_release(&q->hold, false);
		pv_channel_wake(&q->channel);
	}
}

/**
 * blkback_queue_destroy() - stop the thread, give back all that was shared
 * @q: the queue, held if it runs: no request is left in it
 */
void blkback_queue_destroy(struct blkback_queue *q)
{
	pv_channel_close(&q->channel);
	blkback_buffers_free(q);
	pv_map_destroy(&q->map);
	pv_staged_destroy(&q->staged);
	pv_shared_unmap(q->b->pd, &q->shared);
	kvfree(q->reqs);
	kvfree(q);
}
