// SPDX-License-Identifier: GPL-2.0
/*
 * Writing ring requests, judging responses. Nothing here allocates, locks or
 * asks anybody, so that tests can call it as it is.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>

#include "../ring/compat.h"
#include "request.h"

/* What of a request is sent: the slot has room for more segments. */
static u32 scsifront_request_len(unsigned int nr_seg)
{
	return offsetof(struct vscsiif_request, seg) +
	       nr_seg * sizeof(struct scsiif_request_segment);
}

/**
 * scsifront_fill_cdb() - a SCSI command
 * @req: the slot's private copy; all but seg[] is overwritten
 * @sc: the command, its CDB no longer than VSCSIIF_MAX_COMMAND_SIZE
 * @nr: segments of its data
 *
 * The caller writes the segments: into seg[], or into the pages that it names
 * by scsifront_fill_list(). Whoever puts it on a ring writes its id.
 *
 * Return: bytes of the slot that are to be sent.
 */
u32 scsifront_fill_cdb(struct vscsiif_request *req, struct scsi_cmnd *sc,
		       unsigned int nr)
{
	unsigned int pages = scsifront_list_pages(nr);
	struct scsi_device *sdev = sc->device;

	memset(req, 0, offsetof(struct vscsiif_request, seg));
	req->act = VSCSIIF_ACT_SCSI_CDB;
	req->cmd_len = sc->cmd_len;
	memcpy(req->cmnd, sc->cmnd, sc->cmd_len);
	req->timeout_per_command = min_t(unsigned int, U16_MAX,
					 scsi_cmd_to_rq(sc)->timeout / HZ);
	req->channel = sdev->channel;
	req->id = sdev->id;
	req->lun = sdev->lun;
	req->sc_data_direction = sc->sc_data_direction;
	req->nr_segments = pages ? pages | VSCSIIF_SG_GRANT : nr;
	return scsifront_request_len(pages ?: nr);
}

/**
 * scsifront_fill_list() - name a page of segments
 * @req: from scsifront_fill_cdb()
 * @i: which page
 * @ref: its grant reference
 * @nr: segments in it
 */
void scsifront_fill_list(struct vscsiif_request *req, unsigned int i,
			 grant_ref_t ref, unsigned int nr)
{
	req->seg[i] = (struct scsiif_request_segment) {
		.gref = ref,
		.length = nr * sizeof(struct scsiif_request_segment),
	};
}

/**
 * scsifront_fill_tmf() - an abort or a reset
 * @req: the slot's private copy; all but seg[] is overwritten
 * @act: VSCSIIF_ACT_SCSI_ABORT or VSCSIIF_ACT_SCSI_RESET
 * @channel: whose
 * @target: whose
 * @lun: whose
 * @ref_id: abort: the id of the command
 *
 * Whoever puts it on a ring writes its own id.
 *
 * Return: bytes of the slot that are to be sent.
 */
u32 scsifront_fill_tmf(struct vscsiif_request *req, u8 act,
		       unsigned int channel, unsigned int target,
		       unsigned int lun, u16 ref_id)
{
	memset(req, 0, offsetof(struct vscsiif_request, seg));
	req->act = act;
	req->channel = channel;
	req->id = target;
	req->lun = lun;
	req->ref_rqid = ref_id;
	req->sc_data_direction = DMA_NONE;
	return scsifront_request_len(0);
}

/* By XEN_VSCSIIF_RSLT_HOST_*; what has no name here is DID_ERROR. */
static const u8 host_byte_of[] = {
	[XEN_VSCSIIF_RSLT_HOST_OK] = DID_OK,
	[XEN_VSCSIIF_RSLT_HOST_NO_CONNECT] = DID_NO_CONNECT,
	[XEN_VSCSIIF_RSLT_HOST_BUS_BUSY] = DID_BUS_BUSY,
	[XEN_VSCSIIF_RSLT_HOST_TIME_OUT] = DID_TIME_OUT,
	[XEN_VSCSIIF_RSLT_HOST_BAD_TARGET] = DID_BAD_TARGET,
	[XEN_VSCSIIF_RSLT_HOST_ABORT] = DID_ABORT,
	[XEN_VSCSIIF_RSLT_HOST_PARITY] = DID_PARITY,
	[XEN_VSCSIIF_RSLT_HOST_ERROR] = DID_ERROR,
	[XEN_VSCSIIF_RSLT_HOST_RESET] = DID_RESET,
	[XEN_VSCSIIF_RSLT_HOST_BAD_INTR] = DID_BAD_INTR,
	[XEN_VSCSIIF_RSLT_HOST_PASSTHROUGH] = DID_PASSTHROUGH,
	[XEN_VSCSIIF_RSLT_HOST_SOFT_ERROR] = DID_SOFT_ERROR,
	[XEN_VSCSIIF_RSLT_HOST_IMM_RETRY] = DID_IMM_RETRY,
	[XEN_VSCSIIF_RSLT_HOST_REQUEUE] = DID_REQUEUE,
	[XEN_VSCSIIF_RSLT_HOST_TRANSPORT_DISRUPTED] = DID_TRANSPORT_DISRUPTED,
	[XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST] = DID_TRANSPORT_FAILFAST,
};

/**
 * scsifront_result() - a response's rslt as the SCSI layer has it
 * @rslt: from the response
 *
 * Whatever stands outside the status and the host byte is reserved.
 *
 * Return: for scsi_cmnd.result.
 */
int scsifront_result(s32 rslt)
{
	unsigned int host = XEN_VSCSIIF_RSLT_HOST(rslt);
	unsigned int status = XEN_VSCSIIF_RSLT_STATUS(rslt);

	switch (host) {
	case XEN_VSCSIIF_RSLT_HOST_OK ... XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST:
		return host_byte_of[host] << 16 | status;
	case XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL:
		return DID_TRANSPORT_MARGINAL << 16 | status;
	case XEN_VSCSIIF_RSLT_HOST_TARGET_FAILURE:
	case XEN_VSCSIIF_RSLT_HOST_NEXUS_FAILURE:
	case XEN_VSCSIIF_RSLT_HOST_ALLOC_FAILURE:
	case XEN_VSCSIIF_RSLT_HOST_MEDIUM_ERROR:
		/* Another kernel's reading of status and sense: read anew. */
		if (status)
			return DID_OK << 16 | status;
		fallthrough;
	default:
		return DID_ERROR << 16 | status;
	}
}

/**
 * scsifront_check() - what is wrong with a response in itself
 * @rsp: a private copy
 *
 * Return: NULL, or a constant text.
 */
const char *scsifront_check(const struct vscsiif_response *rsp)
{
	if (rsp->sense_len > VSCSIIF_SENSE_BUFFERSIZE)
		return "response with more sense than there is room for";
	return NULL;
}
