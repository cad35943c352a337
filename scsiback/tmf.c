// SPDX-License-Identifier: GPL-2.0
/*
 * Task management: aborts and resets, which have to reach the device. All of
 * this runs in the queue's thread, but for what the kinds of LUNs do.
 */
#include "scsiback.h"

static void scsiback_tmf_answer(struct scsiback_req *req, bool ok)
{
	req->result.rslt = ok ? XEN_VSCSIIF_RSLT_RESET_SUCCESS :
				XEN_VSCSIIF_RSLT_RESET_FAILED;
	scsiback_finish(req);
}

static void scsiback_tmf_start(struct scsiback_req *req)
{
	req->base.stage = PV_BACK_STARTED;
	req->base.q->in_flight++;
	list_del_init(&req->base.list);
}

/**
 * scsiback_tmf_finish() - an abort or a reset has ended
 * @req: the request, its result is set
 */
void scsiback_tmf_finish(struct scsiback_req *req)
{
	struct scsiback_lun *lun = req->lun;

	req->base.q->in_flight--;
	if (lun) {
		clear_bit(0, &lun->resetting);
		atomic_dec(&lun->b->resets);
		scsiback_lun_put(lun);
	}
	scsiback_finish(req);
}

static struct scsiback_req *scsiback_find(struct scsiback_req *tmf)
{
	struct pv_back_queue *q = tmf->base.q;
	u32 i;

	for (i = 0; i < q->ring.size; i++) {
		struct scsiback_req *req = scsiback_req_of(pv_back_req_at(q, i));

		if (req->base.stage != PV_BACK_FREE &&
		    req->io.act == VSCSIIF_ACT_SCSI_CDB &&
		    req->io.rqid == tmf->io.ref_rqid)
			return req;
	}
	return NULL;
}

/* What is being aborted has not ended yet. */
static void scsiback_abort_again(struct scsiback_req *req)
{
	if (!req->emulated && req->lun->ops->again)
		req->lun->ops->again(req);
}

static void scsiback_abort_one(struct scsiback_req *tmf)
{
	struct scsiback_req *req = scsiback_find(tmf);

	if (req && req->aborted)
		scsiback_abort_again(req);
	/* Unknown, answered long ago, or being aborted already. */
	if (!req || req->aborted) {
		scsiback_tmf_answer(tmf, false);
		return;
	}
	if (req->base.stage < PV_BACK_STARTED) {
		scsiback_set_host(&req->result, XEN_VSCSIIF_RSLT_HOST_ABORT,
				  req->io.bytes);
		scsiback_finish(req);
		scsiback_tmf_answer(tmf, true);
		return;
	}
	req->aborted = SCSIBACK_BY_GUEST;
	scsiback_tmf_start(tmf);
	if (req->emulated)
		req->tmf = tmf;
	else
		req->lun->ops->abort(req, tmf);
}

/* Commands to the LUN that have not been started will not be. */
static void scsiback_drop_waiting(struct pv_back_queue *q, const struct scsiback_io *io)
{
	struct scsiback_req *req, *next;

	list_for_each_entry_safe(req, next, &q->waiting, base.list) {
		if (req->io.act != VSCSIIF_ACT_SCSI_CDB ||
		    req->io.channel != io->channel ||
		    req->io.target != io->target || req->io.lun != io->lun)
			continue;
		scsiback_set_host(&req->result, XEN_VSCSIIF_RSLT_HOST_RESET,
				  req->io.bytes);
		scsiback_finish(req);
	}
}

static void scsiback_reset_lun(struct scsiback_req *tmf)
{
	struct scsiback *b = to_scsiback(tmf->base.q->pd);
	struct scsiback_lun *lun = scsiback_lun_get(b, &tmf->io);

	if (!lun) {
		scsiback_tmf_answer(tmf, false);
		return;
	}
	if (test_and_set_bit(0, &lun->resetting)) {
		scsiback_lun_put(lun);
		scsiback_tmf_answer(tmf, false);
		return;
	}
	atomic_inc(&b->resets);
	scsiback_drop_waiting(tmf->base.q, &tmf->io);
	scsiback_tmf_start(tmf);
	tmf->lun = lun;
	lun->ops->reset(tmf);
}

/**
 * scsiback_tmf() - do an abort or a reset
 * @req: the request, checked
 */
void scsiback_tmf(struct scsiback_req *req)
{
	scsiback_queue_of(req)->counters->tmfs++;
	scsiback_set_host(&req->result, 0, 0);
	req->lun = NULL;
	if (req->io.act == VSCSIIF_ACT_SCSI_ABORT)
		scsiback_abort_one(req);
	else
		scsiback_reset_lun(req);
}

/**
 * scsiback_abort_wanted() - abort the commands of LUNs that are being reset,
 *                           or go away
 * @q: the queue; all its commands if the vhost goes away
 */
void scsiback_abort_wanted(struct scsiback_queue *q)
{
	bool all = READ_ONCE(q->abort_all);
	u32 i;

	for (i = 0; i < q->base.ring.size; i++) {
		struct scsiback_req *req = scsiback_req_of(pv_back_req_at(&q->base, i));

		if (req->base.stage != PV_BACK_STARTED ||
		    req->emulated || req->io.act != VSCSIIF_ACT_SCSI_CDB ||
		    !(all || test_bit(0, &req->lun->resetting) ||
		      READ_ONCE(req->lun->overdue)))
			continue;
		if (req->aborted) {
			scsiback_abort_again(req);
			continue;
		}
		req->aborted = SCSIBACK_BY_US;
		req->lun->ops->abort(req, NULL);
	}
}
