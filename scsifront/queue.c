// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: commands to slots, responses to completions.
 */
#include <linux/blk-mq.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <scsi/scsi.h>

#include "scsifront.h"

static struct scsifront_queue *scsifront_queue_at(const struct scsifront *sf,
						  const struct pv_front_queues *queues,
						  unsigned int hwq)
{
	unsigned int first = 0, nr = queues->nr_irq;

	if (unlikely(hwq >= sf->nr_irq_hw && queues->nr > nr)) {
		hwq -= sf->nr_irq_hw;
		first = nr;
		nr = queues->nr - nr;
	}
	/* The backend may allow fewer rings than there are hardware queues. */
	return to_scsifront_queue(queues->queue[first + (likely(hwq < nr) ? hwq : hwq % nr)]);
}

static bool scsifront_is_polled(const struct scsifront_queue *q)
{
	return q->base.channel.config.context == PV_POLLED;
}

/**
 * scsifront_queue_of() - which ring a command goes to
 * @sf: the host
 * @queues: its connection
 * @sc: the command
 *
 * Return: its queue.
 */
struct scsifront_queue *scsifront_queue_of(const struct scsifront *sf,
					   const struct pv_front_queues *queues,
					   struct scsi_cmnd *sc)
{
	u32 tag = blk_mq_unique_tag(scsi_cmd_to_rq(sc));

	return scsifront_queue_at(sf, queues, blk_mq_unique_tag_to_hwq(tag));
}

static struct scsifront_io *to_scsifront_io(struct pv_front_io *io)
{
	return container_of(io, struct scsifront_io, base);
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

	lockdep_assert_held(&q->base.submit);
	id = find_next_zero_bit(q->ids, sf->stride, q->next_id);
	if (id >= sf->stride)
		id = find_first_zero_bit(q->ids, sf->stride);
	if (unlikely(id >= sf->stride))
		return -EBUSY;
	/* Whoever had it is done with its slot. */
	test_and_set_bit_lock(id, q->ids);
	q->next_id = id + 1;
	return q->base.index * sf->stride + id;
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

/* ---- what is vscsiif's own: see struct pv_front_ops ---- */

static void scsifront_init_queue(struct pv_front_queue *base)
{
	struct scsifront_queue *q = to_scsifront_queue(base);

	q->sf = base->queues->pd->priv;
	q->heard = jiffies;
	q->tmf.id = SCSIFRONT_NO_TMF;
	init_completion(&q->tmf.done);
	scsifront_line_init(&q->line);
}

static unsigned int scsifront_bytes(const struct pv_front_io *io)
{
	return scsi_bufflen(scsifront_cmnd_of(io));
}

static bool scsifront_writes(const struct pv_front_io *io)
{
	return scsifront_cmnd_of(io)->sc_data_direction == DMA_TO_DEVICE;
}

/*
 * A device that fails may have moved less than it says. The file system does
 * not look at that, but who sends commands of his own (SG_IO) does: no other
 * command's data is to be in the pages.
 */
static bool scsifront_clears(const struct pv_front_io *io)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(io);

	return sc->sc_data_direction == DMA_FROM_DEVICE &&
	       blk_rq_is_passthrough(scsi_cmd_to_rq(sc));
}

static void scsifront_each(const struct pv_front_io *io, struct pv_front_walk *w)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(io);
	struct scatterlist *sg;
	int i;

	scsi_for_each_sg(sc, sg, scsi_sg_count(sc), i)
		pv_front_piece(w, &scsifront_ops, sg_virt(sg), sg->length);
}

static u32 scsifront_fill_slot(struct pv_front_queue *q, struct pv_front_io *io, void *slot,
			       struct pv_front_list *list)
{
	struct vscsiif_request *req = slot;

	list->seg = req->seg;
	return scsifront_fill_cdb(req, scsifront_cmnd_of(io), io->nr_segs);
}

static void scsifront_name_list(void *slot, unsigned int i, grant_ref_t ref, unsigned int nr)
{
	scsifront_fill_list(slot, i, ref, nr);
}

static void scsifront_add_segment(struct pv_front_list *list, grant_ref_t ref,
				  unsigned int offset, unsigned int len)
{
	struct scsiif_request_segment *seg = pv_front_next_segment(list, sizeof(*seg));

	*seg = (struct scsiif_request_segment) {
		.gref = ref,
		.offset = offset,
		.length = len,
	};
}

/* An abort or a reset has no @io. */
static bool scsifront_own(struct pv_front_queue *base, struct pv_front_io *io, void *slot)
{
	struct scsifront_queue *q = to_scsifront_queue(base);
	struct vscsiif_request *req = slot;
	int id = scsifront_take_id(q);

	if (unlikely(id < 0))
		return false;
	req->rqid = id;
	if (unlikely(!io)) {
		WRITE_ONCE(q->tmf.id, id);
		atomic_inc(&q->tmf.pending);
		scsifront_own_slot(q, id, NULL, NULL);
		return true;
	}
	to_scsifront_io(io)->id = id;
	scsifront_own_slot(q, id, to_scsifront_io(io), scsifront_cmnd_of(io)->device);
	return true;
}

/* One that comes too late nobody waits for. */
static void scsifront_end_tmf(struct scsifront_queue *q, unsigned int id, bool ok)
{
	atomic_dec(&q->tmf.pending);
	if (READ_ONCE(q->tmf.id) == id) {
		q->tmf.ok = ok;
		complete(&q->tmf.done);
	}
	wake_up_all(&q->sf->wait);
}

static void scsifront_note_response(struct scsifront_io *io,
				    const struct vscsiif_response *rsp)
{
	struct scsi_cmnd *sc = scsifront_cmnd_of(&io->base);

	io->rslt = rsp->rslt;
	io->resid = rsp->residual_len;
	if (rsp->sense_len)
		memcpy(sc->sense_buffer, rsp->sense_buffer, rsp->sense_len);
}

static const char *scsifront_believe(struct pv_front_queue *base, const void *response,
				     struct pv_front_io **done)
{
	struct scsifront_queue *q = to_scsifront_queue(base);
	const struct vscsiif_response *rsp = response;
	struct scsifront *sf = q->sf;
	struct scsifront_slot *slot;
	struct scsifront_io *io;
	const char *wrong;

	WRITE_ONCE(q->heard, jiffies);
	slot = rsp->rqid < sf->nr_slots ? &sf->slot[rsp->rqid] : NULL;
	/* Pairs with scsifront_own_slot(). */
	if (unlikely(!slot || smp_load_acquire(&slot->q) != q))
		return "response to a command that was not sent";
	wrong = scsifront_check(rsp);
	if (unlikely(wrong))
		return wrong;
	io = slot->io;
	WRITE_ONCE(slot->q, NULL);
	/* The id of one that is parked is free when its pages are. */
	if (likely(!io || !io->parked))
		scsifront_free_id(q, rsp->rqid);
	if (unlikely(!io)) {
		scsifront_end_tmf(q, rsp->rqid, rsp->rslt == XEN_VSCSIIF_RSLT_RESET_SUCCESS);
		return NULL;
	}
	if (likely(!io->parked))
		scsifront_note_response(io, rsp);
	*done = &io->base;
	return NULL;
}

/* What the backend had after the SCSI layer had the command back. */
static void scsifront_unpark(struct scsifront_queue *q, struct scsifront_io *io)
{
	unsigned int nr = io->base.data.nr + io->base.lists.nr;

	pv_front_put_pages(&q->base, &io->base);
	spin_lock_bh(&q->base.complete);
	q->nr_parked--;
	q->parked_pages -= nr;
	spin_unlock_bh(&q->base.complete);
	scsifront_free_id(q, io->id);
}

static void scsifront_complete(struct pv_front_queue *q, struct pv_front_io *base,
			       struct io_comp_batch *iob)
{
	struct scsifront_io *io = to_scsifront_io(base);
	struct scsi_cmnd *sc = scsifront_cmnd_of(base);
	unsigned int len, resid;

	if (unlikely(io->parked)) {
		scsifront_unpark(to_scsifront_queue(q), io);
		return;
	}
	len = scsi_bufflen(sc);
	/* More than there was is the device's surplus: nothing is missing. */
	resid = io->resid <= len ? io->resid : 0;
	sc->result = scsifront_result(io->rslt);
	scsi_set_resid(sc, resid);
	if (unlikely(sc->result))
		q->stats->errors++;
	if (unlikely(!pv_front_finish(q, &scsifront_ops, base, len - resid)))
		sc->result = DID_ERROR << 16;
	scsi_done_direct(sc);
}

const struct pv_front_ops scsifront_ops = {
	.queue_size = sizeof(struct scsifront_queue),
	.slot_size = PV_VSCSIIF_STRIDE,
	.response_size = SCSIFRONT_RESPONSE,
	.segment_size = sizeof(struct scsiif_request_segment),
	/* The last slot is for an abort or a reset. */
	.reserved = 1,
	.init = scsifront_init_queue,
	.lists = scsifront_list_pages,
	.bytes = scsifront_bytes,
	.writes = scsifront_writes,
	.clears = scsifront_clears,
	.each = scsifront_each,
	.fill = scsifront_fill_slot,
	.name_list = scsifront_name_list,
	.add_segment = scsifront_add_segment,
	.own = scsifront_own,
	.believe = scsifront_believe,
	.complete = scsifront_complete,
};

static_assert(SCSIFRONT_RESPONSE <= PV_FRONT_RESPONSE);

/* ---- submission ---- */

static int scsifront_end_at_once(struct scsi_cmnd *sc, int host_byte)
{
	sc->result = host_byte << 16;
	scsi_done(sc);
	return 0;
}

/*
 * A backend that came back takes less at a time: the command's beginning goes
 * now. The SCSI layer makes another one of what it says it has not moved.
 */
static bool scsifront_cut(const struct pv_front_queues *queues, struct scsi_cmnd *sc)
{
	unsigned int max = queues->max_segs * XEN_PAGE_SIZE, block = sc->device->sector_size, nr;

	if (blk_rq_is_passthrough(scsi_cmd_to_rq(sc)) || !block)
		return false;
	/* Less than that, and still too many pieces: until they fit. */
	nr = (scsi_bufflen(sc) > max ? max : scsi_bufflen(sc) / 2) / block;
	if (!nr || !pv_vscsiif_set_blocks(sc->cmnd, nr))
		return false;
	sc->sdb.length = nr * block;
	return true;
}

/**
 * scsifront_try() - put a command on its ring
 * @q: the ring
 * @sc: the command
 * @last: no other of this batch follows
 *
 * Context: any but hard interrupt; an RCU section in which the host accepts.
 * Return: 0; -EBUSY, -ENOMEM: others hold what it needs; -E2BIG: it is too
 *         large for this backend, in one piece or in several.
 */
int scsifront_try(struct scsifront_queue *q, struct scsi_cmnd *sc, bool last)
{
	struct vscsiif_request req;
	int err;

	/* Again if a backend came back that takes less at a time. */
	do
		err = pv_front_send(&q->base, &scsifront_ops, scsi_cmd_priv(sc), &req, last);
	while (unlikely(err == -E2BIG) && scsifront_cut(q->base.queues, sc));
	return err;
}

/**
 * scsifront_refuse() - end a command that is too large
 * @q: its ring
 * @sc: the command
 *
 * Return: 0, as queuecommand() has it for what it has taken.
 */
int scsifront_refuse(struct scsifront_queue *q, struct scsi_cmnd *sc)
{
	dev_err_ratelimited(&sc->device->sdev_gendev,
			    "command of %u bytes: this backend takes %lu\n",
			    scsi_bufflen(sc), q->base.queues->max_segs * XEN_PAGE_SIZE);
	return scsifront_end_at_once(sc, DID_ERROR);
}

/**
 * scsifront_awaits() - whether responses to commands are still to come
 * @q: the ring
 *
 * Context: any; a moment's view.
 * Return: false if there is nothing but what may never be answered.
 */
bool scsifront_awaits(const struct scsifront_queue *q)
{
	return pv_ring_in_flight(&q->base.ring) >
	       READ_ONCE(q->nr_parked) + atomic_read(&q->tmf.pending);
}

static int scsifront_queue_one(struct scsifront *sf, struct scsi_cmnd *sc)
{
	struct scsifront_queue *q = scsifront_queue_of(sf, rcu_dereference(sf->queues), sc);
	int err;

	/* Who comes now does not overtake those that wait. */
	if (likely(!READ_ONCE(q->line.nr))) {
		err = scsifront_try(q, sc, sc->flags & SCMD_LAST);
		if (likely(!err))
			return 0;
		if (err == -E2BIG)
			return scsifront_refuse(q, sc);
		/* No response would let it go on: the SCSI layer tries again in a while. */
		if (!scsifront_awaits(q))
			return SCSI_MLQUEUE_HOST_BUSY;
	} else {
		q->base.stats->starved++;
	}
	scsifront_line_join(q, scsi_cmd_priv(sc));
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
	if (likely(scsifront_accepts(sf)))
		ret = scsifront_queue_one(sf, sc);
	else if (scsifront_ends(sf))
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
	if (scsifront_accepts(sf))
		pv_front_publish(&scsifront_queue_at(sf, rcu_dereference(sf->queues), hwq)->base);
	rcu_read_unlock();
}

/**
 * scsifront_put_tmf() - send an abort or a reset
 * @q: over which ring
 * @req: the request; gets its id
 * @len: its length
 *
 * Context: process, under @tmf_lock.
 * Return: false if there is no ring, or no room on it, or too many are on it
 * already.
 */
bool scsifront_put_tmf(struct scsifront_queue *q, struct vscsiif_request *req,
		       u32 len)
{
	bool ok = false;

	lockdep_assert_held(&q->sf->tmf_lock);
	rcu_read_lock();
	if (scsifront_accepts(q->sf) && atomic_read(&q->tmf.pending) < SCSIFRONT_MAX_TMFS) {
		reinit_completion(&q->tmf.done);
		q->tmf.ok = false;
		ok = pv_front_put(&q->base, &scsifront_ops, NULL, req, len, true);
	}
	rcu_read_unlock();
	return ok;
}

/**
 * scsifront_wait_tmf() - wait for the answer to an abort or a reset
 * @q: its ring
 * @timeout: jiffies; then it is not waited for any more
 *
 * Context: process, under @tmf_lock.
 * Return: whether the backend has done it.
 */
bool scsifront_wait_tmf(struct scsifront_queue *q, unsigned long timeout)
{
	unsigned long until = jiffies + timeout, step = scsifront_is_polled(q) ? 1 : timeout;

	lockdep_assert_held(&q->sf->tmf_lock);
	/* (A process may have been killed that was to poll.) */
	while (!wait_for_completion_timeout(&q->tmf.done, step) && time_before(jiffies, until))
		scsifront_look(q->base.queues);
	spin_lock_bh(&q->base.complete);
	WRITE_ONCE(q->tmf.id, SCSIFRONT_NO_TMF);
	spin_unlock_bh(&q->base.complete);
	return q->tmf.ok;
}

/* ---- completion ---- */

static unsigned int scsifront_collect(struct scsifront_queue *q, bool *more)
{
	unsigned int nr = pv_front_collect_and_complete(&q->base, &scsifront_ops, NULL, more);

	scsifront_line_serve(q);
	return nr;
}

/**
 * scsifront_consume() - soft interrupt: finish what the backend has answered
 * @ch: the queue's channel
 *
 * Return: whether there may be more.
 */
enum pv_consumed scsifront_consume(struct pv_channel *ch)
{
	bool more;

	scsifront_collect(container_of(ch, struct scsifront_queue, base.channel), &more);
	return more ? PV_AGAIN : PV_DRAINED;
}

/**
 * scsifront_mq_poll() - finish what the backend has answered on a polled ring
 * @host: the host
 * @hwq: hardware queue
 *
 * Return: how many commands have ended.
 */
int scsifront_mq_poll(struct Scsi_Host *host, unsigned int hwq)
{
	struct scsifront *sf = shost_priv(host);
	const struct pv_front_queues *queues;
	struct scsifront_queue *q;
	unsigned int nr = 0;
	bool more;

	rcu_read_lock();
	queues = rcu_dereference(sf->queues);
	q = queues ? scsifront_queue_at(sf, queues, hwq) : NULL;
	/* A ring that interrupts has one who takes responses. */
	if (q && scsifront_is_polled(q))
		nr = scsifront_collect(q, &more);
	rcu_read_unlock();
	return nr;
}

/**
 * scsifront_look() - see what has come on rings that nobody may be polling
 * @queues: the connection; in an RCU section, or kept by other means
 *
 * Context: any but hard interrupt.
 */
void scsifront_look(const struct pv_front_queues *queues)
{
	unsigned int i;
	bool more;

	for (i = queues->nr_irq; i < queues->nr; i++)
		scsifront_collect(to_scsifront_queue(queues->queue[i]), &more);
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
	unsigned int max_segs = q->base.queues->max_segs;
	unsigned int nr = READ_ONCE(io->base.data.nr) + READ_ONCE(io->base.lists.nr);

	return READ_ONCE(q->nr_parked) < q->base.ring.size / 4 &&
	       pv_grant_pool_reserve(&q->base.pool, READ_ONCE(q->parked_pages) + nr + max_segs +
				     scsifront_list_pages(max_segs));
}

/* Under the lock, so that a response finds one or the other. */
static void scsifront_move(struct scsifront_queue *q, struct scsifront_slot *slot)
{
	struct scsifront_io *io = slot->io;
	struct scsifront_io *parked = &q->sf->parked[slot - q->sf->slot];
	struct pv_grant *g;

	lockdep_assert_held(&q->base.complete);
	*parked = (struct scsifront_io) {
		.base.data = io->base.data,
		.base.lists = io->base.lists,
		.base.bounced = io->base.bounced,
		.base.held = true,
		.id = io->id,
		.parked = true,
	};
	io->base.data = (struct pv_grant_chain) { };
	io->base.lists = (struct pv_grant_chain) { };
	/* Their owner may give them back before the backend does. */
	if (!parked->base.bounced)
		for (g = parked->base.data.first; g; g = g->next)
			get_page(g->page);
	WRITE_ONCE(slot->sdev, NULL);
	WRITE_ONCE(slot->io, parked);
	q->nr_parked++;
	q->parked_pages += parked->base.data.nr + parked->base.lists.nr;
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
		spin_lock_bh(&q->base.complete);
		if (slot->q != q || slot->io != io)
			ok = true;
		else if (ok)
			scsifront_move(q, slot);
		spin_unlock_bh(&q->base.complete);
		/* Its answer would have let others go on. */
		scsifront_line_serve(q);
	}
	mutex_unlock(&sf->stop_lock);
	return ok;
}

/* ---- the end of a connection ---- */

/**
 * scsifront_set_state() - the only place where it changes
 * @sf: the host
 * @state: see enum scsifront_state
 *
 * Context: process, under @stop_lock.
 */
void scsifront_set_state(struct scsifront *sf, enum scsifront_state state)
{
	lockdep_assert_held(&sf->stop_lock);
	/* Whoever sees it sees the rings and pools, too. */
	smp_store_release(&sf->state, state);
	wake_up_all(&sf->wait);
}

/**
 * scsifront_hold() - let no more commands onto the rings
 * @sf: the host
 *
 * Context: process, under @stop_lock, may sleep. Afterwards nobody is about to
 *          put one there.
 */
void scsifront_hold(struct scsifront *sf)
{
	scsifront_set_state(sf, scsifront_ends(sf) ? SCSIFRONT_DEAD : SCSIFRONT_AWAY);
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
 * A tape's do not, and nobody knows how far it got. What is written to a zone,
 * or to a medium for once, is refused the second time.
 */
static bool scsifront_may_replay(struct scsi_cmnd *sc)
{
	struct scsi_device *sdev = sc->device;

	if (!scsifront_is_idempotent(sc->cmnd[0]))
		return false;
	switch (sdev->type) {
	case TYPE_ZBC:
	case TYPE_WORM:
	case TYPE_ROM:
		return sc->sc_data_direction != DMA_TO_DEVICE;
	default:
		/* While it is asked what it is, it has no type. */
		return scsifront_is_disk(sdev) || scsi_device_created(sdev);
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
	struct scsi_cmnd *sc = scsifront_cmnd_of(&io->base);

	pv_front_put_pages(&q->base, &io->base);
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
			scsifront_end_tmf(q, id, false);
	}
	rcu_read_unlock();
}

/**
 * scsifront_drain() - settle what is in flight when the connection has ended
 * @sf: the host, held (scsifront_hold())
 * @queues: its connection
 * @why: what may be done twice is done again over the next connection; or
 *       all end with errors
 *
 * What the backend answered before it went counts: it is not done twice.
 *
 * Context: process, under @stop_lock.
 */
void scsifront_drain(struct scsifront *sf, struct pv_front_queues *queues, enum pv_down why)
{
	unsigned int i;

	pv_front_drain(queues, scsifront_consume);
	for (i = 0; i < sf->nr_slots; i++)
		scsifront_drain_slot(sf, i, why);
	/* These have never been sent. */
	for (i = 0; i < queues->nr; i++)
		scsifront_line_end(to_scsifront_queue(queues->queue[i]), NULL,
				   why == PV_DOWN_FINAL ? DID_NO_CONNECT : DID_REQUEUE);
}
