// SPDX-License-Identifier: GPL-2.0
/*
 * Checking of ring requests, building of responses. Nothing here allocates,
 * locks or asks anybody, so that tests can call it as it is.
 */
#include <linux/dma-direction.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <scsi/scsi.h>
#include <scsi/scsi_common.h>
#include <xen/page.h>

#include "request.h"

static bool scsiback_fault_is(struct scsiback_fault *fault, const char *field, u32 value)
{
	fault->field = field;
	fault->value = value;
	return false;
}

static bool scsiback_in_page(const struct scsiif_request_segment *seg)
{
	return seg->length && seg->offset + seg->length <= XEN_PAGE_SIZE;
}

/* Pages of segments: how many segments they hold, and whether they can. */
static bool scsiback_parse_lists(const struct vscsiif_request *req,
				 unsigned int max_segs, struct scsiback_io *io,
				 struct scsiif_request_segment *segs,
				 struct scsiback_fault *fault)
{
	unsigned int i, nr = req->nr_segments & ~VSCSIIF_SG_GRANT, total = 0;

	if (!nr || nr > VSCSIIF_SG_TABLESIZE)
		return scsiback_fault_is(fault, "nr_segments", req->nr_segments);
	for (i = 0; i < nr; i++) {
		const struct scsiif_request_segment *list = &req->seg[i];

		if (list->length % sizeof(*segs))
			return scsiback_fault_is(fault, "length of a segment list",
						 list->length);
		if (!scsiback_in_page(list))
			return scsiback_fault_is(fault, "end of a segment list",
						 list->offset + list->length);
		total += list->length / sizeof(*segs);
		segs[i] = *list;
	}
	if (total > max_segs)
		return scsiback_fault_is(fault, "number of segments", total);
	io->nr_lists = nr;
	io->nr_segs = total;
	return true;
}

/**
 * scsiback_check_segments() - check the segments of a request, count its bytes
 * @io: the request; @io->nr_segs is known, @io->bytes is set
 * @segs: private copies
 * @fault: result: what is wrong
 *
 * Return: true if nothing is.
 */
bool scsiback_check_segments(struct scsiback_io *io,
			     const struct scsiif_request_segment *segs,
			     struct scsiback_fault *fault)
{
	unsigned int i;

	io->bytes = 0;
	for (i = 0; i < io->nr_segs; i++) {
		if (!scsiback_in_page(&segs[i]))
			return scsiback_fault_is(fault, "offset and length of a segment",
						 (u32)segs[i].offset << 16 | segs[i].length);
		io->bytes += segs[i].length;
	}
	return true;
}

/**
 * scsiback_parse() - check a request
 * @req: a private copy of the slot
 * @max_segs: most segments that it may have in pages of their own
 * @io: result
 * @segs: result: room for VSCSIIF_SG_TABLESIZE: its segments, or the pages
 *        that hold them
 * @fault: result: what is wrong
 *
 * Return: true if nothing is. @io has the rqid in any case.
 */
bool scsiback_parse(const struct vscsiif_request *req, unsigned int max_segs,
		    struct scsiback_io *io,
		    struct scsiif_request_segment *segs,
		    struct scsiback_fault *fault)
{
	*io = (struct scsiback_io) {
		.rqid = req->rqid,
		.ref_rqid = req->ref_rqid,
		.act = req->act,
		.channel = req->channel,
		.target = req->id,
		.lun = req->lun,
		.dir = DMA_NONE,
	};
	if (io->act == VSCSIIF_ACT_SCSI_ABORT ||
	    io->act == VSCSIIF_ACT_SCSI_RESET)
		return true;
	if (io->act != VSCSIIF_ACT_SCSI_CDB)
		return scsiback_fault_is(fault, "act", req->act);
	if (!req->cmd_len || req->cmd_len > VSCSIIF_MAX_COMMAND_SIZE)
		return scsiback_fault_is(fault, "cmd_len", req->cmd_len);
	io->cdb_len = req->cmd_len;
	memcpy(io->cdb, req->cmnd, req->cmd_len);

	switch (req->sc_data_direction) {
	case DMA_NONE:
		/* Whatever it says about segments, there is no data. */
		return true;
	case DMA_TO_DEVICE:
	case DMA_FROM_DEVICE:
		break;
	default:
		return scsiback_fault_is(fault, "sc_data_direction",
					 req->sc_data_direction);
	}
	if (!req->nr_segments)
		return true;
	io->dir = req->sc_data_direction;
	if (req->nr_segments & VSCSIIF_SG_GRANT)
		return scsiback_parse_lists(req, max_segs, io, segs, fault);
	if (req->nr_segments > VSCSIIF_SG_TABLESIZE)
		return scsiback_fault_is(fault, "nr_segments", req->nr_segments);
	io->nr_segs = req->nr_segments;
	memcpy(segs, req->seg, io->nr_segs * sizeof(*segs));
	return scsiback_check_segments(io, segs, fault);
}

/**
 * scsiback_respond() - build a response
 * @rsp: result: SCSIBACK_RESPONSE bytes of it are to be sent
 * @rqid: of the request
 * @result: how it has ended
 */
void scsiback_respond(struct vscsiif_response *rsp, u16 rqid,
		      const struct scsiback_result *result)
{
	memset(rsp, 0, SCSIBACK_RESPONSE);
	rsp->rqid = rqid;
	rsp->sense_len = result->sense_len;
	memcpy(rsp->sense_buffer, result->sense, result->sense_len);
	rsp->rslt = result->rslt;
	rsp->residual_len = result->resid;
}

/**
 * scsiback_set_host() - the command has not reached a device
 * @result: result
 * @host: XEN_VSCSIIF_RSLT_HOST_*
 * @bytes: of data that it would have moved
 */
void scsiback_set_host(struct scsiback_result *result, unsigned int host,
		       u32 bytes)
{
	result->rslt = host << 16;
	result->resid = bytes;
	result->sense_len = 0;
}

/**
 * scsiback_set_status() - a status without sense
 * @result: result
 * @status: SAM_STAT_*
 * @bytes: of data that were not moved
 */
void scsiback_set_status(struct scsiback_result *result, u8 status, u32 bytes)
{
	result->rslt = status;
	result->resid = bytes;
	result->sense_len = 0;
}

/**
 * scsiback_set_sense() - a check condition of our own
 * @result: result
 * @key: sense key
 * @asc: additional sense code
 * @ascq: its qualifier
 * @bytes: of data that were not moved
 */
void scsiback_set_sense(struct scsiback_result *result, u8 key, u8 asc, u8 ascq,
			u32 bytes)
{
	memset(result->sense, 0, sizeof(result->sense));
	scsi_build_sense_buffer(0, result->sense, key, asc, ascq);
	/* Fixed format: eight bytes and what the eighth says. */
	result->sense_len = 8 + result->sense[7];
	result->rslt = SAM_STAT_CHECK_CONDITION;
	result->resid = bytes;
}

/* By DID_*: what has no name on the wire is an error. */
static unsigned int scsiback_host_of(unsigned int did)
{
	switch (did) {
	case DID_OK:
		return XEN_VSCSIIF_RSLT_HOST_OK;
	case DID_NO_CONNECT:
		return XEN_VSCSIIF_RSLT_HOST_NO_CONNECT;
	case DID_BUS_BUSY:
		return XEN_VSCSIIF_RSLT_HOST_BUS_BUSY;
	case DID_TIME_OUT:
		return XEN_VSCSIIF_RSLT_HOST_TIME_OUT;
	case DID_BAD_TARGET:
		return XEN_VSCSIIF_RSLT_HOST_BAD_TARGET;
	case DID_ABORT:
		return XEN_VSCSIIF_RSLT_HOST_ABORT;
	case DID_PARITY:
		return XEN_VSCSIIF_RSLT_HOST_PARITY;
	case DID_RESET:
		return XEN_VSCSIIF_RSLT_HOST_RESET;
	case DID_BAD_INTR:
		return XEN_VSCSIIF_RSLT_HOST_BAD_INTR;
	case DID_PASSTHROUGH:
		return XEN_VSCSIIF_RSLT_HOST_PASSTHROUGH;
	case DID_SOFT_ERROR:
		return XEN_VSCSIIF_RSLT_HOST_SOFT_ERROR;
	case DID_IMM_RETRY:
		return XEN_VSCSIIF_RSLT_HOST_IMM_RETRY;
	case DID_REQUEUE:
		return XEN_VSCSIIF_RSLT_HOST_REQUEUE;
	case DID_TRANSPORT_DISRUPTED:
		return XEN_VSCSIIF_RSLT_HOST_TRANSPORT_DISRUPTED;
	case DID_TRANSPORT_FAILFAST:
		return XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST;
	case DID_TRANSPORT_MARGINAL:
		return XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL;
	default:
		return XEN_VSCSIIF_RSLT_HOST_ERROR;
	}
}

/**
 * scsiback_set_result() - what the SCSI layer says
 * @result: result
 * @scsi_result: scsi_cmnd.result
 * @sense: its sense data
 * @sense_len: bytes of it
 * @resid: residual
 */
void scsiback_set_result(struct scsiback_result *result, int scsi_result,
			 const u8 *sense, unsigned int sense_len, u32 resid)
{
	result->rslt = scsiback_host_of((scsi_result >> 16) & 0xff) << 16 |
		       (scsi_result & 0xff);
	result->resid = resid;
	result->sense_len = min_t(unsigned int, sense_len,
				  VSCSIIF_SENSE_BUFFERSIZE);
	memcpy(result->sense, sense, result->sense_len);
}
