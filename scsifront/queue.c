// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: commands to slots, responses to completions.
 */
#include <linux/blk-mq.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <scsi/scsi.h>
#include <xen/page.h>

#include "scsifront.h"

/* A staged page is one grant. */
static_assert(PAGE_SIZE == XEN_PAGE_SIZE);
/* Every page has an address. */
static_assert(IS_ENABLED(CONFIG_64BIT));

/* Responses to one pass of the soft interrupt; then others may run. */
#define RESPONSES_A_PASS	64

/**
 * struct segment_list - where the segments of a request are written
 * @seg: next segment
 * @left: segments that fit at @seg
 * @page: the page of segments to go on with
 */
struct segment_list {
	struct scsiif_request_segment *seg;
	unsigned int left;
	struct pv_grant *page;
};

static struct scsifront_queue *scsifront_queue_at(struct scsifront *sf, unsigned int hwq)
{
	/* A backend that came back may allow fewer rings than blk-mq has. */
	return &sf->queue[likely(hwq < sf->nr_queues) ? hwq :
			  hwq % sf->nr_queues];
}

/* ---- ids ---- */

/*
 * An id is no tag of blk-mq's: one that the backend does not give back must
 * not stand in the way of the command that has its tag next. They go round, so
 * that what is answered twice is likely to be noticed.
 */
static int scsifront_take_id(struct scsifront_queue *q)
{
	struct scsifront *sf = q->sf;
	unsigned int id;

	lockdep_assert_held(&q->submit);
	id = find_next_zero_bit(q->ids, sf->stride, q->next_id);
	if (id >= sf->stride)
		id = find_first_zero_bit(q->ids, sf->stride);
	if (unlikely(id >= sf->stride))
		return -EBUSY;
	/* Whoever had it is done with its slot. */
	test_and_set_bit_lock(id, q->ids);
	q->next_id = id + 1;
	return (q - sf->queue) * sf->stride + id;
}

static void scsifront_free_id(struct scsifront_queue *q, unsigned int id)
{
	clear_bit_unlock(id % q->sf->stride, q->ids);
}

/**
 * scsifront_busy() - whether the backend still has a command
 * @sf: the host
 * @sc: the command
 *
 * Return: its slot, or NULL if it is on no ring.
 */
struct scsifront_slot *scsifront_busy(struct scsifront *sf,
				      struct scsi_cmnd *sc)
{
	struct scsifront_io *io = scsi_cmd_priv(sc);
	struct scsifront_slot *slot = &sf->slot[io->id];

	/* Pairs with scsifront_own_slot(). */
	return smp_load_acquire(&slot->q) &&
	       READ_ONCE(slot->io) == io ? slot : NULL;
}

static bool scsifront_is_parked(struct scsifront *sf, const struct scsifront_slot *slot)
{
	return READ_ONCE(slot->io) == &sf->parked[slot - sf->slot];
}

/**
 * scsifront_is_owed() - whether somebody waits for a response
 * @sf: the host
 * @slot: of an id
 *
 * Return: false if there is nothing, or what is parked.
 */
bool scsifront_is_owed(struct scsifront *sf, const struct scsifront_slot *slot)
{
	/* Pairs with scsifront_own_slot(). */
	return smp_load_acquire(&slot->q) && !scsifront_is_parked(sf, slot);
}

static struct scsi_cmnd *scsifront_cmnd_of(struct scsifront_io *io)
{
	/* The other way round it is scsi_cmd_priv(). */
	return (struct scsi_cmnd *)io - 1;
}

/* ---- data ---- */

/*
 * Copy between a command's memory and its staged pages, which are packed. An
 * entry may have several pages: they are neighbours in the kernel's map, too.
 */
static void scsifront_copy_data(struct scsi_cmnd *sc, struct scsifront_io *io,
				unsigned int bytes, bool to_staged)
{
	struct pv_grant *g = io->data.first;
	struct scatterlist *sg;
	unsigned int at = 0;
	int i;

	scsi_for_each_sg(sc, sg, scsi_sg_count(sc), i) {
		unsigned int len, left = min(bytes, sg->length);
		void *data = sg_virt(sg);

		for (bytes -= left; left; left -= len) {
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

/*
 * A device that fails may have moved less than it says. The file system does
 * not look at that, but who sends commands of his own (SG_IO) does: no other
 * command's data is to be in the pages.
 */
static void scsifront_clear_for_reader(struct scsi_cmnd *sc, struct scsifront_io *io)
{
	struct pv_grant *g;

	if (sc->sc_data_direction != DMA_FROM_DEVICE ||
	    !blk_rq_is_passthrough(scsi_cmd_to_rq(sc)))
		return;
	for (g = io->data.first; g; g = g->next)
		clear_page(page_address(g->page));
}

/* Segments of the data as it lies; 0 if it must not be shown as it lies. */
static unsigned int scsifront_count_direct(struct scsi_cmnd *sc)
{
	unsigned int nr = 0, left = scsi_bufflen(sc);
	struct scatterlist *sg;
	int i;

	scsi_for_each_sg(sc, sg, scsi_sg_count(sc), i) {
		unsigned int len = min(left, sg->length);

		if (!len)
			break;
		/* Other objects lie in the page, and kfree() asks nobody. */
		if (unlikely(PageSlab(sg_page(sg))))
			return 0;
		nr += PFN_UP(offset_in_page(sg->offset) + len);
		left -= len;
	}
	return nr;
}

static int scsifront_choose_data(struct scsifront *sf, struct scsi_cmnd *sc,
				 struct scsifront_io *io)
{
	unsigned int len = scsi_bufflen(sc);
	unsigned int nr = sf->bounce || !len ? 0 : scsifront_count_direct(sc);

	io->bounced = len && (!nr || nr > sf->max_segs);
	if (io->bounced)
		nr = DIV_ROUND_UP(len, XEN_PAGE_SIZE);
	/* Only if a backend came back that takes less at a time. */
	if (unlikely(nr > sf->max_segs))
		return -E2BIG;
	io->nr_segs = nr;
	return 0;
}

static int scsifront_take_pages(struct scsifront_queue *q, struct scsifront_io *io)
{
	unsigned int nr_lists = scsifront_list_pages(io->nr_segs);
	int err = 0;

	if (nr_lists) {
		err = pv_grant_take_staged(&q->pool, nr_lists, &io->lists);
		if (err)
			return err;
	}
	if (io->bounced)
		err = pv_grant_take_staged(&q->pool, io->nr_segs, &io->data);
	else if (io->nr_segs)
		err = pv_grant_take_bare(&q->pool, io->nr_segs, &io->data);
	if (err)
		pv_grant_put_staged(&q->pool, &io->lists);
	return err;
}

/* Returns false if the backend would not give a page back. */
static bool scsifront_put_pages(struct scsifront_queue *q, struct scsifront_io *io)
{
	struct pv_grant *g;
	struct page *page;
	bool ok = true;

	pv_grant_put_staged(&q->pool, &io->lists);
	if (io->bounced) {
		pv_grant_put_staged(&q->pool, &io->data);
		return true;
	}
	for (g = io->data.first; g; g = g->next) {
		page = g->page;
		ok &= pv_grant_end(&q->pool, g);
		if (unlikely(io->parked))
			put_page(page);
	}
	pv_grant_put(&q->pool, &io->data);
	return ok;
}

static void scsifront_add_segment(struct segment_list *list, grant_ref_t ref,
				  unsigned int offset, unsigned int len)
{
	if (unlikely(!list->left)) {
		list->seg = page_address(list->page->page);
		list->left = VSCSIIF_SG_PER_PAGE;
		list->page = list->page->next;
	}
	*list->seg++ = (struct scsiif_request_segment) {
		.gref = ref,
		.offset = offset,
		.length = len,
	};
	list->left--;
}

static void scsifront_list_bounced(struct scsifront *sf, struct scsi_cmnd *sc,
				   struct scsifront_io *io, struct segment_list *list)
{
	unsigned int left = scsi_bufflen(sc);
	struct pv_grant *g;

	for (g = io->data.first; g; g = g->next) {
		unsigned int len = min_t(unsigned int, left, XEN_PAGE_SIZE);

		if (sf->zero && len < XEN_PAGE_SIZE)
			memset(page_address(g->page) + len, 0,
			       XEN_PAGE_SIZE - len);
		scsifront_add_segment(list, g->ref, 0, len);
		left -= len;
	}
}

static void scsifront_list_direct(struct scsifront_queue *q, struct scsi_cmnd *sc,
				  struct scsifront_io *io, struct segment_list *list)
{
	bool readonly = sc->sc_data_direction == DMA_TO_DEVICE;
	unsigned int len, left = scsi_bufflen(sc);
	struct pv_grant *g = io->data.first;
	struct scatterlist *sg;
	int i;

	scsi_for_each_sg(sc, sg, scsi_sg_count(sc), i) {
		unsigned int offset = offset_in_page(sg->offset);
		struct page *page = sg_page(sg) + (sg->offset >> PAGE_SHIFT);
		unsigned int here = min(left, sg->length);

		for (left -= here; here; here -= len) {
			len = min_t(unsigned int, here, PAGE_SIZE - offset);
			pv_grant_page(&q->pool, g, page++, readonly);
			scsifront_add_segment(list, g->ref, offset, len);
			offset = 0;
			g = g->next;
		}
	}
}

/* Name the pages of segments in the slot, clear what is not used of them. */
static void scsifront_name_lists(struct scsifront *sf, struct vscsiif_request *req,
				 struct scsifront_io *io)
{
	unsigned int i = 0, left = io->nr_segs;
	struct pv_grant *g;

	for (g = io->lists.first; g; g = g->next) {
		unsigned int nr = min_t(unsigned int, left, VSCSIIF_SG_PER_PAGE);

		if (sf->zero)
			clear_page(page_address(g->page));
		scsifront_fill_list(req, i++, g->ref, nr);
		left -= nr;
	}
}

/* ---- submission ---- */

/* 0 and the slot's length; -EBUSY, -ENOMEM: no pages now; -E2BIG. */
static int scsifront_fill_slot(struct scsifront_queue *q, struct scsi_cmnd *sc,
			       struct vscsiif_request *req, u32 *req_len)
{
	struct scsifront_io *io = scsi_cmd_priv(sc);
	struct scsifront *sf = q->sf;
	struct segment_list list = { .seg = req->seg, .left = 0 };
	int err;

	err = scsifront_choose_data(sf, sc, io);
	if (!err)
		err = scsifront_take_pages(q, io);
	if (unlikely(err))
		return err;

	*req_len = scsifront_fill_cdb(req, sc, io->nr_segs);
	list.page = io->lists.first;
	if (list.page)
		scsifront_name_lists(sf, req, io);
	else
		list.left = io->nr_segs;
	if (io->bounced)
		scsifront_list_bounced(sf, sc, io, &list);
	else
		scsifront_list_direct(q, sc, io, &list);
	if (io->bounced && sc->sc_data_direction == DMA_TO_DEVICE)
		scsifront_copy_data(sc, io, scsi_bufflen(sc), true);
	else if (io->bounced)
		scsifront_clear_for_reader(sc, io);
	return 0;
}

/* Show the backend what has been put so far; the kick is outside the lock. */
static void scsifront_publish(struct scsifront_queue *q)
{
	bool kick;

	spin_lock_bh(&q->submit);
	kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
}

/* From here on a response to it is believed. */
static void scsifront_own_slot(struct scsifront_queue *q, u16 id, struct scsifront_io *io,
			       const struct scsi_device *sdev)
{
	struct scsifront_slot *slot = &q->sf->slot[id];

	WRITE_ONCE(slot->io, io);
	WRITE_ONCE(slot->sdev, sdev);
	/* A response may name any id at any time. */
	smp_store_release(&slot->q, q);
}

static bool scsifront_submit(struct scsifront_queue *q, struct scsi_cmnd *sc,
			     struct vscsiif_request *req, u32 len)
{
	struct scsifront_io *io = scsi_cmd_priv(sc);
	bool last = sc->flags & SCMD_LAST;
	bool kick = false;
	int id = -EBUSY;

	spin_lock_bh(&q->submit);
	/* The last slot is for an abort or a reset. */
	if (likely(pv_ring_room(&q->ring) > 1))
		id = scsifront_take_id(q);
	if (unlikely(id < 0)) {
		spin_unlock_bh(&q->submit);
		return false;
	}
	io->id = id;
	req->rqid = id;
	q->stats.requests++;
	if (io->bounced)
		q->stats.bytes_copied += scsi_bufflen(sc);
	scsifront_own_slot(q, id, io, sc->device);
	pv_ring_put(&q->ring, req, len);
	if (last)
		kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
	return true;
}

/* Others hold the pages: they must be on their way before we wait for them. */
static int scsifront_starve(struct scsifront_queue *q)
{
	q->stats.starved++;
	scsifront_publish(q);
	return SCSI_MLQUEUE_HOST_BUSY;
}

static int scsifront_end_at_once(struct scsi_cmnd *sc, int host_byte)
{
	sc->result = host_byte << 16;
	scsi_done(sc);
	return 0;
}

static int scsifront_queue_one(struct scsifront *sf, struct scsi_cmnd *sc)
{
	u32 tag = blk_mq_unique_tag(scsi_cmd_to_rq(sc));
	struct scsifront_queue *q = scsifront_queue_at(sf, blk_mq_unique_tag_to_hwq(tag));
	struct vscsiif_request req;
	u32 len;
	int err;

	err = scsifront_fill_slot(q, sc, &req, &len);
	if (unlikely(err == -E2BIG)) {
		dev_err_ratelimited(&sc->device->sdev_gendev,
				    "command of %u bytes: this backend takes %lu\n",
				    scsi_bufflen(sc),
				    sf->max_segs * XEN_PAGE_SIZE);
		return scsifront_end_at_once(sc, DID_ERROR);
	}
	if (unlikely(err))
		return scsifront_starve(q);
	if (unlikely(!scsifront_submit(q, sc, &req, len))) {
		scsifront_put_pages(q, scsi_cmd_priv(sc));
		return scsifront_starve(q);
	}
	return 0;
}

/**
 * scsifront_queuecommand() - take a command from the SCSI layer
 * @host: the host
 * @sc: the command
 *
 * Return: 0, or SCSI_MLQUEUE_HOST_BUSY.
 */
PV_QC_STATUS scsifront_queuecommand(struct Scsi_Host *host, struct scsi_cmnd *sc)
{
	struct scsifront *sf = shost_priv(host);
	int ret;

	/* scsifront_hold() waits for those who are in here. */
	rcu_read_lock();
	/* Pairs with scsifront_connect(). */
	if (likely(smp_load_acquire(&sf->accepting)))
		ret = scsifront_queue_one(sf, sc);
	else if (READ_ONCE(sf->dead))
		ret = scsifront_end_at_once(sc, DID_NO_CONNECT);
	else
		ret = SCSI_MLQUEUE_HOST_BUSY;
	rcu_read_unlock();
	return ret;
}

/**
 * scsifront_commit_rqs() - no more commands of this batch will come
 * @host: the host
 * @hwq: hardware queue
 */
void scsifront_commit_rqs(struct Scsi_Host *host, u16 hwq)
{
	struct scsifront *sf = shost_priv(host);

	rcu_read_lock();
	/* Pairs with scsifront_connect(). */
	if (smp_load_acquire(&sf->accepting))
		scsifront_publish(scsifront_queue_at(sf, hwq));
	rcu_read_unlock();
}

/**
 * scsifront_put_tmf() - send an abort or a reset
 * @q: over which ring
 * @req: the request; gets its id
 * @len: its length
 *
 * Context: process; one at a time.
 * Return: false if there is no ring, or no room on it, or the last one has
 * not been answered.
 */
bool scsifront_put_tmf(struct scsifront_queue *q, struct vscsiif_request *req,
		       u32 len)
{
	bool kick = false, ok = false;
	int id = -EBUSY;

	rcu_read_lock();
	spin_lock_bh(&q->submit);
	/* Pairs with scsifront_connect(). */
	if (smp_load_acquire(&q->sf->accepting) && !READ_ONCE(q->tmf.busy) &&
	    pv_ring_room(&q->ring))
		id = scsifront_take_id(q);
	if (id >= 0) {
		reinit_completion(&q->tmf.done);
		q->tmf.ok = false;
		WRITE_ONCE(q->tmf.busy, true);
		req->rqid = id;
		scsifront_own_slot(q, id, NULL, NULL);
		pv_ring_put(&q->ring, req, len);
		q->stats.requests++;
		kick = pv_ring_publish(&q->ring);
		ok = true;
	}
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
	rcu_read_unlock();
	return ok;
}

/* ---- completion ---- */

static void scsifront_end_tmf(struct scsifront_queue *q, bool ok)
{
	q->tmf.ok = ok;
	/* The answer before the next one's leave. */
	smp_store_release(&q->tmf.busy, false);
	complete(&q->tmf.done);
	wake_up_all(&q->sf->wait);
}

static void scsifront_note_response(struct scsifront_io *io,
				    const struct vscsiif_response *rsp)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(io);

	io->rslt = rsp->rslt;
	io->resid = rsp->residual_len;
	if (rsp->sense_len)
		memcpy(sc->sense_buffer, rsp->sense_buffer, rsp->sense_len);
}

/* The only place where a response is believed. False: the ring is broken. */
static bool scsifront_take_response(struct scsifront_queue *q, struct scsifront_io ***end)
{
	struct scsifront *sf = q->sf;
	struct vscsiif_response rsp;
	struct scsifront_slot *slot;
	struct scsifront_io *io;
	const char *wrong;

	pv_ring_get(&q->ring, &rsp, SCSIFRONT_RESPONSE);
	slot = rsp.rqid < sf->nr_slots ? &sf->slot[rsp.rqid] : NULL;
	/* Pairs with scsifront_own_slot(). */
	if (unlikely(!slot || smp_load_acquire(&slot->q) != q)) {
		pv_ring_break(&q->ring, "response to a command that was not sent");
		return false;
	}
	wrong = scsifront_check(&rsp);
	if (unlikely(wrong)) {
		pv_ring_break(&q->ring, wrong);
		return false;
	}
	io = slot->io;
	WRITE_ONCE(slot->q, NULL);
	q->stats.responses++;
	/* The id of one that is parked is free when its pages are. */
	if (likely(!io || !io->parked))
		scsifront_free_id(q, rsp.rqid);
	if (unlikely(!io)) {
		scsifront_end_tmf(q, rsp.rslt == XEN_VSCSIIF_RSLT_RESET_SUCCESS);
		return true;
	}
	if (likely(!io->parked))
		scsifront_note_response(io, &rsp);
	**end = io;
	*end = &io->next;
	return true;
}

/* Collect what has come, at most @max; the first one is returned. */
static struct scsifront_io *scsifront_collect(struct scsifront_queue *q, unsigned int max,
					      bool *more)
{
	struct scsifront_io *first = NULL, **end = &first;
	unsigned int pending;

	spin_lock_bh(&q->complete);
	pending = q->live ? pv_ring_pending(&q->ring) : 0;
	*more = pending > max;
	if (pending)
		WRITE_ONCE(q->heard, jiffies);
	for (pending = min(pending, max); pending; pending--)
		if (unlikely(!scsifront_take_response(q, &end)))
			break;
	*end = NULL;
	spin_unlock_bh(&q->complete);
	if (unlikely(q->ring.broken))
		pv_device_fail(q->sf->pd, "%s", q->ring.broken);
	return first;
}

/* What the backend had after the SCSI layer had the command back. */
static void scsifront_unpark(struct scsifront_queue *q, struct scsifront_io *io)
{
	unsigned int nr = io->data.nr + io->lists.nr;

	scsifront_put_pages(q, io);
	spin_lock_bh(&q->complete);
	q->nr_parked--;
	q->parked_pages -= nr;
	spin_unlock_bh(&q->complete);
	scsifront_free_id(q, io->id);
}

static void scsifront_complete_one(struct scsifront_queue *q, struct scsifront_io *io)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(io);
	unsigned int len = scsi_bufflen(sc);
	/* More than there was is the device's surplus: nothing is missing. */
	unsigned int resid = io->resid <= len ? io->resid : 0;

	sc->result = scsifront_result(io->rslt);
	scsi_set_resid(sc, resid);
	if (unlikely(sc->result))
		q->stats.errors++;
	if (io->bounced && sc->sc_data_direction == DMA_FROM_DEVICE)
		scsifront_copy_data(sc, io, len - resid, false);
	if (unlikely(!scsifront_put_pages(q, io))) {
		pv_device_fail(q->sf->pd, "it keeps a page of a finished command mapped");
		sc->result = DID_ERROR << 16;
	}
	scsi_done_direct(sc);
}

/**
 * scsifront_consume() - soft interrupt: finish what the backend has answered
 * @ch: the queue's channel
 *
 * Return: whether there may be more.
 */
enum pv_consumed scsifront_consume(struct pv_channel *ch)
{
	struct scsifront_queue *q = container_of(ch, struct scsifront_queue,
						 channel);
	struct scsifront_io *io, *next;
	bool more;

	/* See scsifront_settle(). */
	rcu_read_lock();
	for (io = scsifront_collect(q, RESPONSES_A_PASS, &more); io; io = next) {
		next = io->next;
		if (unlikely(io->parked))
			scsifront_unpark(q, io);
		else
			scsifront_complete_one(q, io);
	}
	rcu_read_unlock();
	return more ? PV_AGAIN : PV_DRAINED;
}

/**
 * scsifront_settle() - wait until commands that are on no ring have ended
 *
 * A command leaves its slot before its data is copied and its pages are put
 * back. The SCSI layer must not have it back earlier.
 *
 * Context: process, may sleep.
 */
void scsifront_settle(void)
{
	synchronize_rcu();
}

/* ---- commands that are given back before they are answered ---- */

/* Most of the ring, and the pages of the largest command, are for others. */
static bool scsifront_may_park(struct scsifront_queue *q, const struct scsifront_io *io)
{
	struct scsifront *sf = q->sf;
	unsigned int nr = READ_ONCE(io->data.nr) + READ_ONCE(io->lists.nr);

	return READ_ONCE(q->nr_parked) < sf->stride / 4 &&
	       pv_grant_pool_reserve(&q->pool, READ_ONCE(q->parked_pages) + nr + sf->max_segs +
				     scsifront_list_pages(sf->max_segs));
}

/* Under the lock, so that a response finds one or the other. */
static void scsifront_move(struct scsifront_queue *q, struct scsifront_slot *slot)
{
	struct scsifront_io *io = slot->io;
	struct scsifront_io *parked = &q->sf->parked[slot - q->sf->slot];
	struct pv_grant *g;

	lockdep_assert_held(&q->complete);
	*parked = (struct scsifront_io) {
		.data = io->data,
		.lists = io->lists,
		.id = io->id,
		.bounced = io->bounced,
		.parked = true,
	};
	io->data = (struct pv_grant_chain) { };
	io->lists = (struct pv_grant_chain) { };
	/* Their owner may give them back before the backend does. */
	if (!parked->bounced)
		for (g = parked->data.first; g; g = g->next)
			get_page(g->page);
	WRITE_ONCE(slot->sdev, NULL);
	WRITE_ONCE(slot->io, parked);
	q->nr_parked++;
	q->parked_pages += parked->data.nr + parked->lists.nr;
}

/**
 * scsifront_park() - take a command back that the backend has not answered
 * @sf: the host
 * @slot: the command's; or it was, a moment ago
 * @io: the command
 * @force: however many are parked
 *
 * Its id and pages stay with the backend, until it answers or the connection
 * ends.
 *
 * Context: process, under @tmf_lock.
 * Return: false if too many are parked already, and the command has not been
 *         answered meanwhile.
 */
bool scsifront_park(struct scsifront *sf, struct scsifront_slot *slot,
		    struct scsifront_io *io, bool force)
{
	struct scsifront_queue *q;
	bool ok = true;

	lockdep_assert_held(&sf->tmf_lock);
	/* Meanwhile the connection must not end, nor its pools. */
	mutex_lock(&sf->stop_lock);
	/* Pairs with scsifront_own_slot(). */
	q = smp_load_acquire(&slot->q);
	if (q && READ_ONCE(slot->io) == io) {
		ok = force || scsifront_may_park(q, io);
		spin_lock_bh(&q->complete);
		if (slot->q != q || slot->io != io)
			ok = true;
		else if (ok)
			scsifront_move(q, slot);
		spin_unlock_bh(&q->complete);
	}
	mutex_unlock(&sf->stop_lock);
	return ok;
}

/* ---- the end of a connection ---- */

/**
 * scsifront_hold() - let no more commands onto the rings
 * @sf: the host
 *
 * Context: process, may sleep. Afterwards nobody is about to put one there.
 */
void scsifront_hold(struct scsifront *sf)
{
	WRITE_ONCE(sf->accepting, false);
	synchronize_rcu();
}

/*
 * Whether a command does the same when it is done a second time. What moves
 * a medium's data names its blocks, what asks changes nothing, a zone can be
 * opened or reset again. Anything else - a reservation, COMPARE AND WRITE,
 * firmware - is for its sender to judge.
 */
static bool scsifront_is_idempotent(u8 opcode)
{
	switch (opcode) {
	case TEST_UNIT_READY:
	case REQUEST_SENSE:
	case INQUIRY:
	case MODE_SENSE:
	case MODE_SENSE_10:
	case LOG_SENSE:
	case READ_CAPACITY:
	case SERVICE_ACTION_IN_16:
	case REPORT_LUNS:
	case MAINTENANCE_IN:
	case PERSISTENT_RESERVE_IN:
	case ZBC_IN:
	case ZBC_OUT:
	case START_STOP:
	case ALLOW_MEDIUM_REMOVAL:
	case READ_6:
	case READ_10:
	case READ_12:
	case READ_16:
	case WRITE_6:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case VERIFY:
	case VERIFY_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_12:
	case WRITE_VERIFY_16:
	case WRITE_SAME:
	case WRITE_SAME_16:
	case UNMAP:
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
		return true;
	default:
		return false;
	}
}

/*
 * Only what may be done twice: a disk's reads and writes name their blocks.
 * A tape's do not, and nobody knows how far it got.
 */
static bool scsifront_may_replay(struct scsi_cmnd *sc)
{
	const struct scsi_device *sdev = sc->device;

	if (!scsifront_is_idempotent(sc->cmnd[0]))
		return false;
	switch (sdev->type) {
	case TYPE_DISK:
	case TYPE_ROM:
	case TYPE_WORM:
	case TYPE_MOD:
	case TYPE_RBC:
	case TYPE_ZBC:
		return true;
	default:
		/* While it is asked what it is. */
		return sdev->sdev_state == SDEV_CREATED;
	}
}

/*
 * DID_RESET would say it best, but makes the SCSI layer send anything without
 * data once more: a tape's SPACE, its file marks.
 */
static void scsifront_end_for_good(struct scsi_cmnd *sc)
{
	/* A tape may stand elsewhere than its driver thinks. */
	sc->device->was_reset = 1;
	sc->result = DID_ABORT << 16;
}

static void scsifront_end_unanswered(struct scsifront_queue *q, struct scsifront_io *io,
				     enum pv_down why)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(io);

	scsifront_put_pages(q, io);
	scsi_set_resid(sc, scsi_bufflen(sc));
	if (why == PV_DOWN_FINAL)
		sc->result = DID_NO_CONNECT << 16;
	else if (scsifront_may_replay(sc))
		sc->result = DID_REQUEUE << 16;
	else
		scsifront_end_for_good(sc);
	scsi_done(sc);
}

static void scsifront_drain_slot(struct scsifront *sf, unsigned int id, enum pv_down why)
{
	struct scsifront_slot *slot = &sf->slot[id];
	struct scsifront_queue *q = READ_ONCE(slot->q);
	struct scsifront_io *io;

	if (!q)
		return;
	/* See scsifront_settle(). */
	rcu_read_lock();
	io = slot->io;
	WRITE_ONCE(slot->q, NULL);
	if (io && io->parked) {
		scsifront_unpark(q, io);
	} else {
		scsifront_free_id(q, id);
		if (io)
			scsifront_end_unanswered(q, io, why);
		else
			scsifront_end_tmf(q, false);
	}
	rcu_read_unlock();
}

/**
 * scsifront_drain() - settle what is in flight when the connection has ended
 * @sf: the host, held (scsifront_hold())
 * @why: what may be done twice is done again over the next connection; or
 *       all end with errors
 *
 * What the backend answered before it went counts: it is not done twice.
 *
 * Context: process, under @stop_lock.
 */
void scsifront_drain(struct scsifront *sf, enum pv_down why)
{
	unsigned int i;

	for (i = 0; i < sf->nr_queues; i++) {
		struct scsifront_queue *q = &sf->queue[i];

		while (scsifront_consume(&q->channel) == PV_AGAIN)
			;
		spin_lock_bh(&q->complete);
		q->live = false;
		spin_unlock_bh(&q->complete);
	}
	for (i = 0; i < sf->nr_slots; i++)
		scsifront_drain_slot(sf, i, why);
}
