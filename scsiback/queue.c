// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: requests of one ring become SCSI commands, and responses.
 *
 * Everything here but the end of a command runs in the queue's own thread, so
 * there is no lock. Work is done a batch at a time: all requests that are on
 * the ring share the hypercalls, the plug, and the publication of responses.
 */
#include <linux/dma-direction.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_proto.h>
#include <xen/page.h>

#include "policy.h"
#include "scsiback.h"

/* Memory that was not needed for so long goes back. */
#define IDLE_SECONDS	60

/* What has no pages lets those behind it pass for so long, then stands in front for so long. */
#define TURN		(HZ / 10)

/* How often queues are asked for memory that they do not use. */
#define GATHER		(HZ / 20)

#define SEG_SIZE	sizeof(struct scsiif_request_segment)

/* ---- this domain's memory, which the LUNs of a vhost share ---- */

static struct scsiback_use *scsiback_use_of(const struct scsiback_req *req)
{
	unsigned int share = (req->io.target + req->io.lun) % SCSIBACK_SHARES;

	return &to_scsiback(req->base.q->pd)->use_of[share];
}

static void scsiback_use_pages(struct scsiback_req *req, int nr)
{
	atomic_add(nr, &to_scsiback(req->base.q->pd)->use.pages);
	atomic_add(nr, &scsiback_use_of(req)->pages);
}

static void scsiback_use_buffers(struct scsiback_req *req, int nr)
{
	atomic_add(nr, &to_scsiback(req->base.q->pd)->use.buffers);
	atomic_add(nr, &scsiback_use_of(req)->buffers);
}

/*
 * A LUN may take as much as it leaves: one that hangs does not keep what others
 * need. (Who has nothing may take what there is.)
 */
static bool scsiback_is_over_share(const struct scsiback_req *req, int used, int held, int nr,
				   int max)
{
	return READ_ONCE(to_scsiback(req->base.q->pd)->nr_luns) > 1 && held &&
	       held + 2 * nr + used > max;
}

/* What other queues have and do not use is to be had soon. */
static void scsiback_gather(struct scsiback *b)
{
	if (b->queues->nr == 1 || time_before(jiffies, READ_ONCE(b->gathered) + GATHER))
		return;
	WRITE_ONCE(b->gathered, jiffies);
	pv_back_wake(b->queues);
}

/* ---- the end of a request ---- */

static void scsiback_put_memory(struct scsiback_req *req)
{
	unsigned int i;

	for (i = 0; req->staged && i < req->nr_vecs; i++)
		pv_staged_put(&req->base.q->staged, req->vecs[i].bv_page);
	if (req->staged)
		scsiback_use_pages(req, -req->nr_vecs);
	if (req->base.buffer)
		scsiback_use_buffers(req, -1);
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
	struct pv_back_queue *q = req->base.q;
	struct vscsiif_response rsp;

	scsiback_respond(&rsp, req->io.rqid, &req->result);
	pv_ring_put(&q->ring, &rsp, SCSIBACK_RESPONSE);
	q->stats->responses++;
	scsiback_put_memory(req);
	pv_back_put_req(&req->base);
}

static void scsiback_fail(struct scsiback_req *req, unsigned int host)
{
	req->base.q->stats->errors++;
	scsiback_set_host(&req->result, host, req->io.bytes);
	scsiback_finish(req);
}

static void scsiback_refuse(struct scsiback_req *req, const struct scsiback_fault *fault)
{
	pv_device_complain(req->base.q->pd,
			   "queue %u: request %u refused: %s is %#x\n",
			   req->base.q->index, req->io.rqid, fault->field,
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
	dev_dbg(&req->base.q->pd->xb->dev, "%s: command %#x denied\n",
		req->lun->name, req->io.cdb[0]);
	scsiback_queue_of(req)->counters->denied++;
	scsiback_set_sense(&req->result, ILLEGAL_REQUEST, asc, 0,
			   req->io.bytes);
}

/* No device offers what its guest may not do: the bit 3PC. */
static void scsiback_edit_inquiry(struct scsiback_req *req)
{
	u8 *data;

	if (req->io.cdb[1] & 1 || req->io.bytes - req->result.resid < 6 ||
	    req->lun->allow & SCSIBACK_ALLOW_COPY)
		return;
	data = page_address(req->vecs[0].bv_page);
	data[5] &= ~0x08;
}

/* Four bytes of its data; what is four bytes aligned lies in one page. */
static u8 *scsiback_data_at(const struct scsiback_req *req, u32 at)
{
	return page_address(req->vecs[at / XEN_PAGE_SIZE].bv_page) + at % XEN_PAGE_SIZE;
}

/* REPORT SUPPORTED OPERATION CODES, of all: those that are denied are left out. */
static void scsiback_edit_opcodes(struct scsiback_req *req, u32 len)
{
	u32 total = get_unaligned_be32(scsiback_data_at(req, 0)) + 4, from, to = 4, i, size;

	for (from = 4; from + 8 <= len; from += size) {
		const u8 *entry = scsiback_data_at(req, from);
		const u8 *more = scsiback_data_at(req, from + 4);
		int action = more[1] & 0x01 ? get_unaligned_be16(&entry[2]) : -1;

		/* CTDP: a description of its timeouts follows. */
		size = more[1] & 0x02 ? 20 : 8;
		if (!scsiback_supported(entry[0], action, req->lun->type, req->lun->allow))
			continue;
		for (i = 0; i < size && from + i < len; i += 4)
			memcpy(scsiback_data_at(req, to + i), scsiback_data_at(req, from + i), 4);
		to += size;
	}
	if (from <= to)
		return;
	/* What did not fit may have some more of them. */
	put_unaligned_be32(max(total, from) - (from - to) - 4, scsiback_data_at(req, 0));
	if (to < len)
		req->result.resid = req->io.bytes - to;
}

/* Of one: not supported. */
static void scsiback_edit_opcode(struct scsiback_req *req)
{
	const u8 *cdb = req->io.cdb;
	int action = (cdb[2] & 7) == 1 ? -1 : get_unaligned_be16(&cdb[4]);

	if (scsiback_supported(cdb[3], action, req->lun->type, req->lun->allow))
		return;
	put_unaligned_be32(0x00010000, scsiback_data_at(req, 0));
	req->result.resid = max(req->result.resid, req->io.bytes - 4);
}

static void scsiback_edit_maintenance(struct scsiback_req *req)
{
	const u8 *cdb = req->io.cdb;
	u32 len = req->io.bytes - req->result.resid;

	/* (For drives with discs it is SEND KEY.) */
	if ((cdb[1] & 0x1f) != MI_REPORT_SUPPORTED_OPERATION_CODES || len < 4 ||
	    req->lun->type == TYPE_ROM)
		return;
	if (cdb[2] & 7)
		scsiback_edit_opcode(req);
	else
		scsiback_edit_opcodes(req, len & ~3);
}

/* What a device says of itself has to be true of what its guest has. */
static void scsiback_edit(struct scsiback_req *req)
{
	if (!req->staged || req->result.rslt)
		return;
	if (req->io.cdb[0] == INQUIRY)
		scsiback_edit_inquiry(req);
	else
		scsiback_edit_maintenance(req);
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
	scsiback_set_host(&req->result, READ_ONCE(scsiback_queue_of(req)->abort_all) &&
			  scsiback_bulk(req->io.cdb[0]) ?
			  XEN_VSCSIIF_RSLT_HOST_REQUEUE :
			  XEN_VSCSIIF_RSLT_HOST_RESET, req->io.bytes);
}

static void scsiback_finish_started(struct scsiback_req *req)
{
	struct scsiback_req *tmf = req->tmf;

	scsiback_judge_aborted(req);
	req->base.q->in_flight--;
	scsiback_lun_put(req->lun);
	if (unlikely(req->base.failed)) {
		pv_device_complain(req->base.q->pd,
				   "queue %u: request %u: %u grant references cannot be reached\n",
				   req->base.q->index, req->io.rqid, req->base.failed);
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

/* Between the frontend's segments and our pages, which are packed. */
static void scsiback_copy_staged(struct scsiback_req *req, bool to_guest, u32 bytes)
{
	const struct scsiif_request_segment *seg = req->segs;
	struct pv_copy_batch *copy = &req->base.q->copy;
	const struct bio_vec *vec = req->vecs;
	u32 at = 0;

	for (; bytes; seg++) {
		u32 offset = seg->offset, left = min_t(u32, seg->length, bytes);

		for (bytes -= left; left; ) {
			u32 len = min_t(u32, left, XEN_PAGE_SIZE - at);

			if (to_guest)
				pv_copy_to_guest(copy, seg->gref, offset,
						 vec->bv_page, at, len,
						 &req->base.failed);
			else
				pv_copy_from_guest(copy, seg->gref, offset,
						   vec->bv_page, at, len,
						   &req->base.failed);
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

static void scsiback_ended(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);

	if (unlikely(req->io.act != VSCSIIF_ACT_SCSI_CDB))
		return;
	if (!req->emulated)
		req->lun->ops->finish(req);
	/* More than it asked for is the device's surplus. */
	req->result.resid = min(req->result.resid, req->io.bytes);
	if (unlikely(req->io.cdb[0] == INQUIRY || req->io.cdb[0] == MAINTENANCE_IN))
		scsiback_edit(req);
	if (req->staged && req->io.dir == DMA_FROM_DEVICE)
		scsiback_copy_staged(req, true, req->io.bytes - req->result.resid);
}

static void scsiback_answer(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);

	if (likely(req->io.act == VSCSIIF_ACT_SCSI_CDB))
		scsiback_finish_started(req);
	else
		scsiback_tmf_finish(req);
}

/* ---- from the ring to a list of known segments ---- */

static void scsiback_buffer_free(struct pv_back_queue *q, struct pv_back_buffer *base)
{
	struct scsiback_buffer *buffer = container_of(base, struct scsiback_buffer, base);

	free_pages((unsigned long)buffer->seg, get_order(scsiback_max_segments * SEG_SIZE));
	kvfree(buffer);
	atomic_dec(&to_scsiback(q->pd)->nr_buffers);
}

static struct scsiback_buffer *scsiback_buffer_make(void)
{
	unsigned int nr = scsiback_max_segments;
	struct scsiback_buffer *buffer;

	buffer = kvmalloc(struct_size(buffer, vec, nr) + nr * sizeof(*buffer->sg),
			  GFP_NOIO | __GFP_NOWARN);
	if (!buffer)
		return NULL;
	buffer->sg = (struct scatterlist *)&buffer->vec[nr];
	buffer->seg = (void *)__get_free_pages(GFP_NOIO | __GFP_NOWARN, get_order(nr * SEG_SIZE));
	if (buffer->seg)
		return buffer;
	kvfree(buffer);
	return NULL;
}

static struct pv_back_buffer *scsiback_buffer_alloc(struct pv_back_queue *q)
{
	struct scsiback *b = to_scsiback(q->pd);
	struct scsiback_buffer *buffer = NULL;

	if (atomic_inc_return(&b->nr_buffers) <= SCSIBACK_MAX_BUFFERS)
		buffer = scsiback_buffer_make();
	if (buffer)
		return &buffer->base;
	atomic_dec(&b->nr_buffers);
	scsiback_gather(b);
	return NULL;
}

static void scsiback_accept(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);
	struct vscsiif_request slot;
	struct scsiback_fault fault;

	pv_ring_get(&base->q->ring, &slot, sizeof(slot));
	req->emulated = false;
	req->aborted = SCSIBACK_NOT_ABORTED;
	req->tmf = NULL;
	req->nr_vecs = 0;
	req->waits_since = 0;
	req->cut = 0;
	req->segs = req->inline_segs;
	req->vecs = req->inline_vecs;
	req->sgs = req->inline_sgs;

	if (!scsiback_parse(&slot, scsiback_max_segments, &req->io, req->segs, &fault)) {
		scsiback_refuse(req, &fault);
		return;
	}
	if (unlikely(req->io.act != VSCSIIF_ACT_SCSI_CDB)) {
		scsiback_tmf(req);
		return;
	}
	req->direct = base->q->persistent && scsiback_bulk(req->io.cdb[0]);
	if (req->io.nr_lists)
		base->stage = PV_BACK_PARSED;
}

static bool scsiback_spares(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);

	return !scsiback_is_over_share(req, atomic_read(&to_scsiback(base->q->pd)->use.buffers),
				       atomic_read(&scsiback_use_of(req)->buffers), 1,
				       SCSIBACK_MAX_BUFFERS);
}

static void scsiback_want(struct pv_back_req *base)
{
	struct scsiback_buffer *buffer = container_of(base->buffer, struct scsiback_buffer, base);
	struct scsiback_req *req = scsiback_req_of(base);
	unsigned int i;

	scsiback_use_buffers(req, 1);
	req->vecs = buffer->vec;
	req->sgs = buffer->sg;
	for (i = 0; base->q->persistent && i < req->io.nr_lists; i++)
		pv_back_find_or_want(base->q, req->inline_segs[i].gref);
}

/* The pages of segments as @seg of the buffer, by copies that come to pass. */
static void scsiback_fetch(struct pv_back_req *base)
{
	struct scsiback_buffer *buffer = container_of(base->buffer, struct scsiback_buffer, base);
	struct scsiback_req *req = scsiback_req_of(base);
	struct pv_back_queue *q = base->q;
	u8 *to = (u8 *)buffer->seg;
	unsigned int i;

	req->segs = buffer->seg;
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
					   len, &base->failed);
		}
	}
}

static void scsiback_fetched(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);
	struct scsiback_fault fault;

	if (base->failed) {
		fault.field = "reference of a segment list";
		fault.value = req->inline_segs[0].gref;
		scsiback_refuse(req, &fault);
	} else if (!scsiback_check_segments(&req->io, req->segs, &fault)) {
		scsiback_refuse(req, &fault);
	}
}

/* ---- from segments to pages ---- */

/* Ask for the pages that data may lie in. */
static void scsiback_map(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);
	unsigned int i;

	for (i = 0; req->direct && i < req->io.nr_segs; i++)
		req->vecs[i].bv_page = pv_back_find_or_want(base->q, req->segs[i].gref);
}

/* They are in use for as long as the command is under way. */
static void scsiback_keep(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);
	unsigned int i;

	for (i = 0; req->direct && i < req->io.nr_segs; i++)
		pv_map_find(&base->q->map, req->segs[i].gref);
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
		struct page *page = req->vecs[i].bv_page;

		if (unlikely(!page))
			page = pv_map_find(&req->base.q->map, seg->gref);
		if (!page || (i && seg->offset) ||
		    (i < nr - 1 && seg->offset + seg->length != XEN_PAGE_SIZE) ||
		    seg->offset % SECTOR_SIZE)
			return false;
		bvec_set_page(&req->vecs[i], page, seg->length, seg->offset);
	}
	req->nr_vecs = nr;
	return true;
}

/* Commands with lists leave some to the others. */
static bool scsiback_may_place(const struct scsiback_req *req, unsigned int nr)
{
	int used = atomic_read(&to_scsiback(req->base.q->pd)->use.pages);
	int max = scsiback_max_buffer_pages + (req->io.nr_lists ? 0 : SCSIBACK_SMALL_PAGES);

	if (likely(used + nr <= max / 2))
		return true;
	return used + nr <= max &&
	       !scsiback_is_over_share(req, used, atomic_read(&scsiback_use_of(req)->pages), nr,
				       max);
}

/* Pages of our own. What a device might not fill shows no old data. */
static bool scsiback_place_staged(struct scsiback_req *req)
{
	unsigned int i, nr = DIV_ROUND_UP(req->io.bytes, XEN_PAGE_SIZE);
	struct pv_back_queue *q = req->base.q;
	u32 left = req->io.bytes;

	if (unlikely(!scsiback_may_place(req, nr)))
		return false;
	if (unlikely(!pv_staged_reserve(&q->staged, nr))) {
		scsiback_gather(to_scsiback(q->pd));
		return false;
	}
	scsiback_use_pages(req, nr);
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

/* It and those behind it take turns: what it waits for may be with a device that hangs. */
static enum pv_back_admitted scsiback_starved(struct scsiback_req *req)
{
	if (!req->waits_since)
		req->waits_since = jiffies | 1;
	return (jiffies - req->waits_since) / TURN & 1 ? PV_BACK_STARVED : PV_BACK_PASS;
}

/* Returns PV_BACK_START when its pages are there. */
static enum pv_back_admitted scsiback_place(struct scsiback_req *req)
{
	if (req->base.stage == PV_BACK_PLACED)
		return PV_BACK_START;
	if (req->io.nr_segs && !(req->direct && scsiback_place_direct(req)) &&
	    !scsiback_place_staged(req))
		return scsiback_starved(req);
	req->base.stage = PV_BACK_PLACED;
	return PV_BACK_START;
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

/* The next command that is for the device is told what has happened meanwhile. */
static bool scsiback_tell_attention(struct scsiback_req *req)
{
	static const u8 code[][2] = {
		[SCSIBACK_NEXUS_LOST] = { 0x29, 0x07 },
		[SCSIBACK_LUNS_CHANGED] = { 0x3f, 0x0e },
	};
	unsigned int i;

	if (req->io.cdb[0] == INQUIRY || req->io.cdb[0] == REQUEST_SENSE)
		return false;
	for (i = 0; i < ARRAY_SIZE(code); i++) {
		if (!test_and_clear_bit(i, &req->lun->attentions))
			continue;
		scsiback_set_sense(&req->result, UNIT_ATTENTION, code[i][0], code[i][1],
				   req->io.bytes);
		return true;
	}
	return false;
}

/* What no guest may send; if not, its result is set. */
static bool scsiback_may_send(struct scsiback_req *req)
{
	const struct scsiback_lun *lun = req->lun;
	const u8 *cdb = req->io.cdb;

	if (!scsiback_allowed(cdb, lun->type, lun->allow)) {
		/* invalid command operation code */
		scsiback_deny(req, 0x20);
		return false;
	}
	if (unlikely(READ_ONCE(lun->attentions)) && scsiback_tell_attention(req))
		return false;
	if (likely(cdb[0] != SEND_DIAGNOSTIC) || !req->staged || req->io.dir != DMA_TO_DEVICE)
		return true;
	/* Its parameter list has to be here. */
	pv_copy_flush(&req->base.q->copy);
	if (req->base.failed || scsiback_allowed_page(cdb, *scsiback_data_at(req, 0), lun->allow))
		return true;
	/* invalid field in parameter list */
	scsiback_deny(req, 0x26);
	return false;
}

/* Returns 0, -EAGAIN to try later, or -EPERM if its result is set. */
static int scsiback_admit_one(struct scsiback_req *req)
{
	struct scsiback_lun *lun = scsiback_lun_get(to_scsiback(req->base.q->pd), &req->io);
	int err = 0;

	if (unlikely(!lun)) {
		scsiback_answer_absent(req);
		if (req->staged && req->io.dir == DMA_FROM_DEVICE)
			scsiback_copy_staged(req, true, req->io.bytes - req->result.resid);
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
		err = scsiback_may_send(req) ? lun->ops->prepare(req) : -EPERM;
	if (unlikely(err)) {
		scsiback_lun_put(lun);
		return err;
	}
	scsiback_account(scsiback_queue_of(req)->counters, &req->io);
	return 0;
}

/* A LUN that is busy stops no other. */
static enum pv_back_admitted scsiback_admit(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);
	enum pv_back_admitted placed = scsiback_place(req);
	int err;

	if (unlikely(placed != PV_BACK_START))
		return placed;
	err = scsiback_admit_one(req);
	if (unlikely(err == -EPERM)) {
		/* Before its pages are another's: copies to them. */
		pv_copy_flush(&base->q->copy);
		scsiback_finish(req);
	}
	return err ? PV_BACK_PASS : PV_BACK_START;
}

/* ---- from pages to the device ---- */

static void scsiback_start(struct pv_back_req *base)
{
	struct scsiback_req *req = scsiback_req_of(base);

	if (unlikely(req->emulated)) {
		scsiback_report_luns(req);
		scsiback_done(req);
	} else {
		req->lun->ops->submit(req);
	}
}

/* ---- a queue ---- */

static void scsiback_look(struct pv_back_queue *base, bool hold)
{
	struct scsiback_queue *q = container_of(base, struct scsiback_queue, base);
	unsigned long gathered = READ_ONCE(to_scsiback(base->pd)->gathered);

	if (unlikely(READ_ONCE(q->abort_all) || atomic_read(&to_scsiback(base->pd)->resets)))
		scsiback_abort_wanted(q);
	if (unlikely(gathered != q->gathered)) {
		q->gathered = gathered;
		pv_back_trim(base);
	}
}

/* Its frontend sends it again. */
static void scsiback_drop(struct pv_back_req *base)
{
	scsiback_put_memory(scsiback_req_of(base));
}

/* Their guest has gone. */
static void scsiback_hurry(struct pv_back_queue *base)
{
	WRITE_ONCE(container_of(base, struct scsiback_queue, base)->abort_all, true);
}

static void scsiback_init_queue(struct pv_back_queue *base)
{
	struct scsiback_queue *q = container_of(base, struct scsiback_queue, base);
	static atomic_t last_serial = ATOMIC_INIT(0);

	q->serial = atomic_inc_return(&last_serial);
	q->counters = pv_device_counters(base->pd, base->index);
}

static const struct pv_back_ops scsiback_ops = {
	.queue_size = sizeof(struct scsiback_queue),
	.req_size = sizeof(struct scsiback_req),
	.passes = true,
	.lacks = "commands that its devices have not answered",
	.init = scsiback_init_queue,
	.buffer_alloc = scsiback_buffer_alloc,
	.buffer_free = scsiback_buffer_free,
	.look = scsiback_look,
	.accept = scsiback_accept,
	.spares = scsiback_spares,
	.want = scsiback_want,
	.fetch = scsiback_fetch,
	.fetched = scsiback_fetched,
	.map = scsiback_map,
	.keep = scsiback_keep,
	.admit = scsiback_admit,
	.start = scsiback_start,
	.ended = scsiback_ended,
	.answer = scsiback_answer,
	.drop = scsiback_drop,
	.hurry = scsiback_hurry,
};

static enum pv_consumed scsiback_consume(struct pv_channel *ch)
{
	return pv_back_consume(container_of(ch, struct pv_back_queue, channel), &scsiback_ops);
}

/**
 * scsiback_queues_create() - connect to the rings of the frontend
 * @b: the vhost
 *
 * Context: process, in connect().
 * Return: the queues, or an ERR_PTR(); the reason is in the error node.
 */
struct pv_back_queues *scsiback_queues_create(struct scsiback *b)
{
	u32 nr_pages = 1U << pv_feature(b->pd, SCSIBACK_FRONT_ORDER);
	struct pv_back_config config = {
		.nr_queues = pv_feature(b->pd, SCSIBACK_FRONT_QUEUES),
		.nr_pages = nr_pages,
		.multi = nr_pages > 1,
		.stride = PV_VSCSIIF_STRIDE,
		.persistent = pv_feature(b->pd, SCSIBACK_PERSISTENT) &&
			      pv_feature(b->pd, SCSIBACK_FRONT_PERSISTENT),
		.max_staged = scsiback_max_buffer_pages + SCSIBACK_SMALL_PAGES,
		.all_staged = &b->nr_pages,
		.max_maps = scsiback_max_persistent_grants,
		.consume = scsiback_consume,
		.idle_seconds = IDLE_SECONDS,
	};

	return pv_back_create(b->pd, &scsiback_ops, &config);
}
