// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: requests of one ring become SCSI commands, and responses.
 *
 * Everything here but the end of a command runs in the queue's own thread, so
 * there is no lock. Work is done a batch at a time: all requests that are on
 * the ring share the hypercalls, the plug, and the publication of responses.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/dma-direction.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_proto.h>
#include <xen/page.h>

#include "policy.h"
#include "scsiback.h"

/* Memory that was not needed for so long goes back. */
#define IDLE_SECONDS	60

#define SEG_SIZE	sizeof(struct scsiif_request_segment)

/* ---- the end of a request ---- */

static void scsiback_put_staged(struct scsiback_req *req)
{
	unsigned int i;

	for (i = 0; req->staged && i < req->nr_vecs; i++)
		pv_staged_put(&req->q->staged, req->vecs[i].bv_page);
	req->staged = false;
}

/**
 * scsiback_finish() - respond, and have the request back
 * @req: a request that is not started, or has ended; its result is set
 *
 * Context: the queue's thread.
 */
void scsiback_finish(struct scsiback_req *req)
{
	struct scsiback_queue *q = req->q;
	struct vscsiif_response rsp;

	scsiback_respond(&rsp, req->io.rqid, &req->result);
	pv_ring_put(&q->ring, &rsp, SCSIBACK_RESPONSE);
	q->counters->ring.responses++;
	scsiback_put_staged(req);
	if (req->buffer) {
		req->buffer->next = q->buffers;
		q->buffers = req->buffer;
		req->buffer = NULL;
	}
	if (req->stage == SCSIBACK_PARSED || req->stage == SCSIBACK_FETCHING)
		q->nr_unfetched--;
	req->stage = SCSIBACK_FREE;
	list_move(&req->list, &q->free);
}

static void scsiback_fail(struct scsiback_req *req, unsigned int host)
{
	req->q->counters->ring.errors++;
	scsiback_set_host(&req->result, host, req->io.bytes);
	scsiback_finish(req);
}

static void scsiback_refuse(struct scsiback_req *req, const struct scsiback_fault *fault)
{
	dev_warn_ratelimited(&req->q->b->pd->xb->dev,
			     "queue %u: request %u refused: %s is %#x\n",
			     req->q->index, req->io.rqid, fault->field,
			     fault->value);
	scsiback_fail(req, XEN_VSCSIIF_RSLT_HOST_ERROR);
}

/**
 * scsiback_deny() - a guest may not send this command
 * @req: the request, not started
 * @asc: additional sense code
 *
 * Context: prepare() of a LUN.
 */
void scsiback_deny(struct scsiback_req *req, u8 asc)
{
	dev_dbg(&req->q->b->pd->xb->dev, "%s: command %#x denied\n",
		req->lun->name, req->io.cdb[0]);
	req->q->counters->denied++;
	scsiback_set_sense(&req->result, ILLEGAL_REQUEST, asc, 0,
			   req->io.bytes);
}

/* No device offers what its guest may not do: the bit 3PC. */
static void scsiback_edit_inquiry(struct scsiback_req *req)
{
	u8 *data;

	if (!req->staged || req->result.rslt || req->io.cdb[1] & 1 ||
	    req->io.bytes - req->result.resid < 6 ||
	    req->lun->allow & SCSIBACK_ALLOW_COPY)
		return;
	data = page_address(req->vecs[0].bv_page);
	data[5] &= ~0x08;
}

/*
 * What nobody asked to be aborted: it was ended by a reset, this guest's or that
 * of another one with the same LUN, or by us. A disk's guest does it once more:
 * now, or, if the vhost goes away and would not wait for it, with whoever comes
 * next. Not so others: with these words the guest's SCSI layer repeats whatever
 * moves no data, a tape's file marks. (There has to be a response: what lies on
 * the ring without one would be taken from it anew.)
 */
static void scsiback_judge_aborted(struct scsiback_req *req)
{
	if (likely(XEN_VSCSIIF_RSLT_HOST(req->result.rslt) !=
		   XEN_VSCSIIF_RSLT_HOST_ABORT) || req->aborted == SCSIBACK_BY_GUEST ||
	    req->lun->type != TYPE_DISK)
		return;
	scsiback_set_host(&req->result, READ_ONCE(req->q->abort_all) &&
			  scsiback_bulk(req->io.cdb[0]) ?
			  XEN_VSCSIIF_RSLT_HOST_REQUEUE :
			  XEN_VSCSIIF_RSLT_HOST_RESET, req->io.bytes);
}

static void scsiback_finish_started(struct scsiback_req *req)
{
	struct scsiback_req *tmf = req->tmf;

	scsiback_judge_aborted(req);
	req->q->in_flight--;
	scsiback_lun_put(req->lun);
	if (unlikely(req->failed)) {
		dev_warn_ratelimited(&req->q->b->pd->xb->dev,
				     "queue %u: request %u: %u grant references cannot be reached\n",
				     req->q->index, req->io.rqid, req->failed);
		scsiback_fail(req, XEN_VSCSIIF_RSLT_HOST_ERROR);
	} else {
		scsiback_finish(req);
	}
	/* First the command, then the abort that was waiting for it. */
	if (unlikely(tmf)) {
		tmf->result.rslt = XEN_VSCSIIF_RSLT_RESET_SUCCESS;
		scsiback_tmf_finish(tmf);
	}
}

/**
 * scsiback_done() - a command, an abort or a reset has ended
 * @req: the request, started
 *
 * Whoever adds the first one wakes the thread, unless this is the thread,
 * which looks at the list after it submitted. The queue may be gone as soon
 * as the thread has seen the request; it waits for readers of RCU before that.
 *
 * Context: any.
 */
void scsiback_done(struct scsiback_req *req)
{
	struct scsiback_queue *q = req->q;

	rcu_read_lock();
	if (llist_add(&req->done, &q->done) &&
	    !(in_task() && current == q->channel.task))
		pv_channel_wake(&q->channel);
	rcu_read_unlock();
}

/* Between the frontend's segments and our pages, which are packed. */
static void scsiback_copy_staged(struct scsiback_req *req, bool to_guest, u32 bytes)
{
	const struct scsiif_request_segment *seg = req->segs;
	struct pv_copy_batch *copy = &req->q->copy;
	const struct bio_vec *vec = req->vecs;
	u32 at = 0;

	for (; bytes; seg++) {
		u32 offset = seg->offset, left = min_t(u32, seg->length, bytes);

		for (bytes -= left; left; ) {
			u32 len = min_t(u32, left, XEN_PAGE_SIZE - at);

			if (to_guest)
				pv_copy_to_guest(copy, seg->gref, offset,
						 vec->bv_page, at, len,
						 &req->failed);
			else
				pv_copy_from_guest(copy, seg->gref, offset,
						   vec->bv_page, at, len,
						   &req->failed);
			offset += len;
			left -= len;
			at += len;
			if (at == XEN_PAGE_SIZE) {
				at = 0;
				vec++;
			}
		}
	}
}

/* Respond to all that has ended. Returns whether there was anything. */
static bool scsiback_complete_done(struct scsiback_queue *q)
{
	struct llist_node *ended = llist_del_all(&q->done);
	struct scsiback_req *req, *next;

	if (!ended)
		return false;
	ended = llist_reverse_order(ended);
	llist_for_each_entry(req, ended, done) {
		if (unlikely(req->io.act != VSCSIIF_ACT_SCSI_CDB))
			continue;
		if (!req->emulated)
			req->lun->ops->finish(req);
		/* More than it asked for is the device's surplus. */
		req->result.resid = min(req->result.resid, req->io.bytes);
		if (unlikely(req->io.cdb[0] == INQUIRY))
			scsiback_edit_inquiry(req);
		if (req->staged && req->io.dir == DMA_FROM_DEVICE)
			scsiback_copy_staged(req, true,
					     req->io.bytes - req->result.resid);
	}
	pv_copy_flush(&q->copy);
	llist_for_each_entry_safe(req, next, ended, done) {
		if (likely(req->io.act == VSCSIIF_ACT_SCSI_CDB))
			scsiback_finish_started(req);
		else
			scsiback_tmf_finish(req);
	}
	return true;
}

/* ---- from the ring to a list of known segments ---- */

static struct scsiback_buffer *scsiback_buffer_get(struct scsiback_queue *q)
{
	struct scsiback_buffer *buffer = q->buffers;

	if (buffer) {
		q->buffers = buffer->next;
		return buffer;
	}
	buffer = kvmalloc(sizeof(*buffer), GFP_KERNEL | __GFP_NOWARN);
	if (!buffer)
		return NULL;
	buffer->seg = (void *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN,
					       get_order(SCSIBACK_MAX_SEGMENTS *
							 SEG_SIZE));
	if (!buffer->seg) {
		kvfree(buffer);
		return NULL;
	}
	return buffer;
}

static void scsiback_buffers_free(struct scsiback_queue *q)
{
	while (q->buffers) {
		struct scsiback_buffer *buffer = q->buffers;

		q->buffers = buffer->next;
		free_pages((unsigned long)buffer->seg,
			   get_order(SCSIBACK_MAX_SEGMENTS * SEG_SIZE));
		kvfree(buffer);
	}
}

static void scsiback_accept_request(struct scsiback_queue *q,
				    const struct vscsiif_request *slot)
{
	struct scsiback_req *req = list_first_entry(&q->free,
						    struct scsiback_req, list);
	struct scsiback_fault fault;

	req->failed = 0;
	req->emulated = false;
	req->aborted = SCSIBACK_NOT_ABORTED;
	req->tmf = NULL;
	req->nr_vecs = 0;
	req->segs = req->inline_segs;
	req->vecs = req->inline_vecs;
	req->sgs = req->inline_sgs;
	req->stage = SCSIBACK_KNOWN;
	list_move_tail(&req->list, &q->waiting);

	if (!scsiback_parse(slot, scsiback_max_segments, &req->io, req->segs,
			    &fault)) {
		scsiback_refuse(req, &fault);
		return;
	}
	if (unlikely(req->io.act != VSCSIIF_ACT_SCSI_CDB)) {
		scsiback_tmf(req);
		return;
	}
	req->direct = q->persistent && scsiback_bulk(req->io.cdb[0]);
	if (req->io.nr_lists) {
		req->stage = SCSIBACK_PARSED;
		q->nr_unfetched++;
	}
}

/* A slot without a response has a request of ours: they cannot run out. */
static void scsiback_take_requests(struct scsiback_queue *q)
{
	u32 i, nr = pv_ring_pending(&q->ring);
	struct vscsiif_request slot;

	for (i = 0; i < nr && !list_empty(&q->free); i++) {
		pv_ring_get(&q->ring, &slot, sizeof(slot));
		scsiback_accept_request(q, &slot);
	}
	q->counters->ring.requests += i;
}

static struct page *scsiback_map_find_or_want(struct scsiback_queue *q, grant_ref_t ref)
{
	struct page *page = pv_map_find(&q->map, ref);

	if (!page)
		pv_map_want(&q->map, ref);
	return page;
}

/* The pages of segments as @seg of the buffer, by copies that come to pass. */
static void scsiback_gather_lists(struct scsiback_req *req)
{
	struct scsiback_queue *q = req->q;
	u8 *to = (u8 *)req->buffer->seg;
	unsigned int i;

	for (i = 0; i < req->io.nr_lists; i++) {
		const struct scsiif_request_segment *list =
			&req->inline_segs[i];
		u32 len, offset = list->offset, left = list->length;
		struct page *page = NULL;

		if (q->persistent)
			page = pv_map_find(&q->map, list->gref);
		if (page) {
			memcpy(to, page_address(page) + offset, left);
			to += left;
			continue;
		}
		for (; left; left -= len, offset += len, to += len) {
			len = min_t(u32, left,
				    XEN_PAGE_SIZE - offset_in_page(to));
			pv_copy_from_guest(&q->copy, list->gref, offset,
					   virt_to_page(to), offset_in_page(to),
					   len, &req->failed);
		}
	}
}

/* Bring in the segments that stand in pages, all by the same hypercalls. */
static void scsiback_fetch_segments(struct scsiback_queue *q)
{
	struct scsiback_req *req, *next;
	struct scsiback_fault fault;
	unsigned int i;

	if (!q->nr_unfetched)
		return;
	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != SCSIBACK_PARSED)
			continue;
		req->buffer = scsiback_buffer_get(q);
		if (!req->buffer)
			break;
		req->vecs = req->buffer->vec;
		req->sgs = req->buffer->sg;
		req->stage = SCSIBACK_FETCHING;
		for (i = 0; q->persistent && i < req->io.nr_lists; i++)
			scsiback_map_find_or_want(q, req->inline_segs[i].gref);
	}
	if (q->persistent)
		pv_map_flush(&q->map);

	list_for_each_entry(req, &q->waiting, list)
		if (req->stage == SCSIBACK_FETCHING)
			scsiback_gather_lists(req);
	pv_copy_flush(&q->copy);

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		if (req->stage != SCSIBACK_FETCHING)
			continue;
		req->segs = req->buffer->seg;
		if (req->failed) {
			fault.field = "reference of a segment list";
			fault.value = req->inline_segs[0].gref;
			scsiback_refuse(req, &fault);
		} else if (!scsiback_check_segments(&req->io, req->segs,
						    &fault)) {
			scsiback_refuse(req, &fault);
		} else {
			q->nr_unfetched--;
			req->stage = SCSIBACK_KNOWN;
		}
	}
}

/* ---- from segments to pages ---- */

/* Ask for the pages that data may lie in, by one hypercall for all. */
static void scsiback_map_segments(struct scsiback_queue *q)
{
	struct scsiback_req *req;
	unsigned int i;

	list_for_each_entry(req, &q->waiting, list) {
		if (req->stage != SCSIBACK_KNOWN)
			continue;
		req->stage = SCSIBACK_MAPPED;
		for (i = 0; req->direct && i < req->io.nr_segs; i++)
			scsiback_map_find_or_want(q, req->segs[i].gref);
	}
	if (q->persistent)
		pv_map_flush(&q->map);
}

/*
 * The frontend's own pages, if all are mapped and lie so that any device can
 * take them: full but for the first one's beginning and the last one's end.
 */
static bool scsiback_place_direct(struct scsiback_req *req)
{
	const struct scsiif_request_segment *seg = req->segs;
	unsigned int i, nr = req->io.nr_segs;

	for (i = 0; i < nr; i++, seg++) {
		struct page *page = pv_map_find(&req->q->map, seg->gref);

		if (!page || (i && seg->offset) ||
		    (i < nr - 1 && seg->offset + seg->length != XEN_PAGE_SIZE) ||
		    seg->offset % SECTOR_SIZE)
			return false;
		bvec_set_page(&req->vecs[i], page, seg->length, seg->offset);
	}
	req->nr_vecs = nr;
	return true;
}

/* Pages of our own. What a device might not fill shows no old data. */
static bool scsiback_place_staged(struct scsiback_req *req)
{
	unsigned int i, nr = DIV_ROUND_UP(req->io.bytes, XEN_PAGE_SIZE);
	struct scsiback_queue *q = req->q;
	u32 left = req->io.bytes;

	if (!pv_staged_reserve(&q->staged, nr))
		return false;
	for (i = 0; i < nr; i++) {
		struct page *page = pv_staged_take(&q->staged);
		u32 len = min_t(u32, left, XEN_PAGE_SIZE);

		if (req->io.dir == DMA_FROM_DEVICE)
			clear_page(page_address(page));
		bvec_set_page(&req->vecs[i], page, len, 0);
		left -= len;
	}
	req->nr_vecs = nr;
	req->staged = true;
	if (req->io.dir == DMA_TO_DEVICE)
		scsiback_copy_staged(req, false, req->io.bytes);
	return true;
}

static bool scsiback_place(struct scsiback_req *req)
{
	if (req->stage == SCSIBACK_PLACED)
		return true;
	if (req->io.nr_segs && !(req->direct && scsiback_place_direct(req)) &&
	    !scsiback_place_staged(req))
		return false;
	req->stage = SCSIBACK_PLACED;
	return true;
}

static void scsiback_account(struct scsiback_counters *c, const struct scsiback_io *io)
{
	switch (io->dir) {
	case DMA_FROM_DEVICE:
		c->reads++;
		c->sectors_read += io->bytes >> SECTOR_SHIFT;
		break;
	case DMA_TO_DEVICE:
		c->writes++;
		c->sectors_written += io->bytes >> SECTOR_SHIFT;
		break;
	default:
		c->others++;
		break;
	}
	switch (io->cdb[0]) {
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
		c->flushes++;
		break;
	case UNMAP:
		c->discards++;
		break;
	case WRITE_SAME:
	case WRITE_SAME_16:
		/* The bit UNMAP. */
		c->discards += !!(io->cdb[1] & 0x08);
		break;
	}
}

/* Returns 0, -EAGAIN to try later, or -EPERM if its result is set. */
static int scsiback_admit_one(struct scsiback_req *req)
{
	struct scsiback_queue *q = req->q;
	struct scsiback_lun *lun = scsiback_lun_get(q->b, &req->io);
	int err = 0;

	if (!lun) {
		q->counters->ring.errors++;
		scsiback_set_host(&req->result,
				  XEN_VSCSIIF_RSLT_HOST_NO_CONNECT,
				  req->io.bytes);
		return -EPERM;
	}
	if (unlikely(test_bit(0, &lun->resetting))) {
		scsiback_lun_put(lun);
		scsiback_set_status(&req->result, SAM_STAT_BUSY, req->io.bytes);
		return -EPERM;
	}
	req->lun = lun;
	req->emulated = req->io.cdb[0] == REPORT_LUNS;
	if (likely(!req->emulated))
		err = lun->ops->prepare(req);
	if (unlikely(err)) {
		scsiback_lun_put(lun);
		return err;
	}
	scsiback_account(q->counters, &req->io);
	return 0;
}

/* Move what can be started to @batch. A LUN that is busy stops no other. */
static void scsiback_admit(struct scsiback_queue *q, struct list_head *batch)
{
	struct scsiback_req *req, *next;
	int err;

	list_for_each_entry_safe(req, next, &q->waiting, list) {
		if (req->stage < SCSIBACK_MAPPED || !scsiback_place(req)) {
			q->counters->ring.starved++;
			break;
		}
		err = scsiback_admit_one(req);
		if (unlikely(err == -EPERM)) {
			/* Before its pages are another's: copies to them. */
			pv_copy_flush(&q->copy);
			scsiback_finish(req);
		}
		if (err)
			continue;
		req->stage = SCSIBACK_STARTED;
		q->in_flight++;
		list_move_tail(&req->list, batch);
	}
	pv_copy_flush(&q->copy);
}

/* ---- from pages to the device ---- */

static void scsiback_start(struct scsiback_req *req)
{
	if (unlikely(req->emulated))
		scsiback_report_luns(req);
	else
		req->lun->ops->submit(req);
}

static void scsiback_start_batch(struct scsiback_queue *q, struct list_head *batch)
{
	struct scsiback_req *req, *next;
	struct blk_plug plug;

	if (list_empty(batch))
		return;
	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, batch, list) {
		list_del_init(&req->list);
		scsiback_start(req);
	}
	blk_finish_plug(&plug);
}

/* ---- the thread's round ---- */

/* Give back what was not needed lately. */
static void scsiback_tidy(struct scsiback_queue *q)
{
	/* Two rounds make the whole time. */
	q->tidy_at = jiffies + IDLE_SECONDS * HZ / 2;
	pv_staged_shrink(&q->staged);
	scsiback_buffers_free(q);
	/* Only now does no request hold a mapping. */
	if (q->persistent && !q->in_flight && list_empty(&q->waiting))
		pv_map_age(&q->map, 2);
}

static enum pv_consumed scsiback_rest(struct scsiback_queue *q, bool progress)
{
	if (unlikely(q->ring.broken))
		pv_device_fail(q->b->pd, "queue %u: %s", q->index,
			       q->ring.broken);
	if (unlikely(time_after(jiffies, q->tidy_at)))
		scsiback_tidy(q);
	if (list_empty(&q->waiting))
		return PV_DRAINED;
	if (progress)
		return PV_AGAIN;
	/*
	 * What waits does so for memory, or for room in its device, which may
	 * have other users: neither tells us.
	 */
	usleep_range(500, 1000);
	return PV_AGAIN;
}

static enum pv_consumed scsiback_consume(struct pv_channel *ch)
{
	struct scsiback_queue *q = container_of(ch, struct scsiback_queue,
						channel);
	bool hold = READ_ONCE(q->hold), progress;
	LIST_HEAD(batch);

	progress = scsiback_complete_done(q);
	if (unlikely(READ_ONCE(q->abort_all) || atomic_read(&q->b->resets)))
		scsiback_abort_wanted(q);
	if (likely(!hold)) {
		scsiback_take_requests(q);
		scsiback_fetch_segments(q);
		scsiback_map_segments(q);
		scsiback_admit(q, &batch);
		scsiback_start_batch(q, &batch);
		/* What has ended meanwhile shares the publication. */
		progress = scsiback_complete_done(q);
	}
	if (pv_ring_publish(&q->ring))
		pv_channel_kick(ch);
	if (likely(!hold))
		return scsiback_rest(q, progress);
	if (!q->in_flight)
		complete_all(&q->held);
	return PV_BLOCKED;
}

static void scsiback_idle(struct pv_channel *ch)
{
	scsiback_tidy(container_of(ch, struct scsiback_queue, channel));
}

/* ---- life ---- */

/* Map the ring that the frontend's keys under @dir describe. */
static int scsiback_queue_map(struct scsiback_queue *q, const char *dir)
{
	struct pv_device *pd = q->b->pd;
	u32 nr_pages = 1U << pv_feature(pd, SCSIBACK_FRONT_ORDER);
	int err;

	err = pv_shared_map(pd, &q->shared, dir, "ring-ref", nr_pages > 1,
			    nr_pages);
	if (err)
		return err;
	err = pv_ring_init_back(&q->ring, q->shared.mem, nr_pages,
				PV_VSCSIIF_STRIDE, &q->counters->ring);
	if (err)
		pv_device_error(pd, err, "%sring-ref: %s", dir,
				q->ring.broken);
	return err;
}

static int scsiback_queue_alloc(struct scsiback_queue *q)
{
	unsigned int i;
	int err;

	q->reqs = kvcalloc(q->ring.size, sizeof(*q->reqs), GFP_KERNEL);
	if (!q->reqs)
		return -ENOMEM;
	for (i = 0; i < q->ring.size; i++) {
		q->reqs[i].q = q;
		list_add_tail(&q->reqs[i].list, &q->free);
	}
	pv_copy_init(&q->copy, q->b->pd, &q->counters->ring);
	err = pv_staged_init(&q->staged, scsiback_max_buffer_pages);
	if (err || !q->persistent)
		return err;
	return pv_map_init(&q->map, q->b->pd, scsiback_max_persistent_grants,
			   &q->counters->ring);
}

static int scsiback_queue_open(struct scsiback_queue *q, const char *dir)
{
	struct pv_channel_config config = {
		.ring = &q->ring,
		.stats = &q->counters->ring,
		.context = PV_THREAD,
		.consume = scsiback_consume,
		.idle = scsiback_idle,
		.idle_jiffies = IDLE_SECONDS * HZ / 2,
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
 * scsiback_queue_create() - connect to one ring of the frontend
 * @b: the vhost
 * @index: number of the queue
 *
 * The thread waits for scsiback_queue_start().
 *
 * Context: process, in connect().
 * Return: the queue, or an ERR_PTR(); the reason is in the error node.
 */
struct scsiback_queue *scsiback_queue_create(struct scsiback *b,
					     unsigned int index)
{
	static atomic_t last_serial = ATOMIC_INIT(0);
	struct scsiback_queue *q = kvzalloc(sizeof(*q), GFP_KERNEL);
	char dir[PV_QUEUE_DIR];
	int err;

	if (!q)
		return ERR_PTR(-ENOMEM);
	q->b = b;
	q->index = index;
	q->serial = atomic_inc_return(&last_serial);
	q->persistent = pv_feature(b->pd, SCSIBACK_PERSISTENT) &&
			pv_feature(b->pd, SCSIBACK_FRONT_PERSISTENT);
	q->counters = &b->counters[index];
	q->tidy_at = jiffies + IDLE_SECONDS * HZ / 2;
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->waiting);
	init_llist_head(&q->done);
	init_completion(&q->held);

	pv_queue_dir(dir, b->nr_queues, index);
	err = scsiback_queue_map(q, dir);
	if (!err)
		err = scsiback_queue_alloc(q);
	/* Last: an upcall may come at once. */
	if (!err)
		err = scsiback_queue_open(q, dir);
	if (err) {
		scsiback_queue_destroy(q);
		return ERR_PTR(err);
	}
	return q;
}

/**
 * scsiback_queue_start() - let the thread run
 * @q: the queue
 */
void scsiback_queue_start(struct scsiback_queue *q)
{
	q->running = true;
	pv_channel_start(&q->channel);
}

/**
 * scsiback_queues_wake() - let all threads look around
 * @b: the vhost; its queues stay
 *
 * Context: any.
 */
void scsiback_queues_wake(struct scsiback *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++)
		if (b->queues[i] && b->queues[i]->running)
			pv_channel_wake(&b->queues[i]->channel);
}

/**
 * scsiback_queues_hold() - start no command any more, wait for those that are
 * @b: the vhost
 *
 * Commands that take their time are aborted: their guest has gone.
 *
 * Context: process, a hook of the device.
 */
void scsiback_queues_hold(struct scsiback *b)
{
	unsigned long deadline = jiffies + SCSIBACK_PATIENCE;
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++)
		if (b->queues[i] && b->queues[i]->running)
			WRITE_ONCE(b->queues[i]->hold, true);
	scsiback_queues_wake(b);
	for (i = 0; i < b->nr_queues; i++) {
		struct scsiback_queue *q = b->queues[i];

		/* Some of several may have been all that could connect. */
		if (!q || !q->running ||
		    wait_for_completion_timeout(&q->held,
						max_t(long, deadline - jiffies,
						      1)))
			continue;
		WRITE_ONCE(q->abort_all, true);
		pv_channel_wake(&q->channel);
		pv_device_await(b->pd, &q->held,
				"commands that its devices have not answered");
	}
	/* Whoever reported the end of a command may be about to wake us. */
	synchronize_rcu();
}

/**
 * scsiback_queue_destroy() - stop the thread, give back all that was shared
 * @q: the queue, held if it runs
 *
 * Requests that wait get no response; the frontend sends them again.
 */
void scsiback_queue_destroy(struct scsiback_queue *q)
{
	struct scsiback_req *req;

	pv_channel_close(&q->channel);
	list_for_each_entry(req, &q->waiting, list) {
		scsiback_put_staged(req);
		if (req->buffer) {
			req->buffer->next = q->buffers;
			q->buffers = req->buffer;
		}
	}
	scsiback_buffers_free(q);
	pv_map_destroy(&q->map);
	pv_staged_destroy(&q->staged);
	pv_shared_unmap(q->b->pd, &q->shared);
	kvfree(q->reqs);
	kvfree(q);
}
