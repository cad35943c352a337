/* SPDX-License-Identifier: GPL-2.0 */
/* Checking of ring requests, building of responses: pure functions. */
#ifndef _SCSIBACK_REQUEST_H
#define _SCSIBACK_REQUEST_H

#include <linux/types.h>

#include "../ring/vscsiif_ext.h"

/** SCSIBACK_MAX_SEGMENTS - most segments of a request, ever: 8 MiB */
#define SCSIBACK_MAX_SEGMENTS	2048

/* What of a response means something; the rest of the slot is reserved. */
#define SCSIBACK_RESPONSE	offsetof(struct vscsiif_response, reserved)

/**
 * struct scsiback_io - what a request asks for, once it is checked
 * @rqid: the frontend's name for it
 * @ref_rqid: abort: whose
 * @channel: which LUN
 * @target: which LUN
 * @lun: which LUN
 * @act: VSCSIIF_ACT_*
 * @dir: DMA_*; DMA_NONE if there is no data
 * @cdb_len: bytes of @cdb
 * @cdb: the SCSI command, zeroes behind it
 * @nr_lists: pages of segments; 0 if the segments stand in the slot
 * @nr_segs: segments
 * @bytes: of data
 */
struct scsiback_io {
	u16 rqid;
	u16 ref_rqid;
	u16 channel;
	u16 target;
	u16 lun;
	u8 act;
	u8 dir;
	u8 cdb_len;
	u8 cdb[VSCSIIF_MAX_COMMAND_SIZE];
	u8 nr_lists;
	u16 nr_segs;
	u32 bytes;
};

/**
 * struct scsiback_fault - what is wrong with a request
 * @field: the name of the field
 * @value: what stands there
 */
struct scsiback_fault {
	const char *field;
	u32 value;
};

/**
 * struct scsiback_result - how a command has ended
 * @rslt: status and host byte, as vscsiif.h has them
 * @resid: bytes that were asked for and not moved
 * @sense_len: bytes of @sense
 * @sense: sense data
 */
struct scsiback_result {
	u32 rslt;
	u32 resid;
	u8 sense_len;
	u8 sense[VSCSIIF_SENSE_BUFFERSIZE];
};

bool scsiback_parse(const struct vscsiif_request *req, unsigned int max_segs,
		    struct scsiback_io *io,
		    struct scsiif_request_segment *segs,
		    struct scsiback_fault *fault);
bool scsiback_check_segments(struct scsiback_io *io,
			     const struct scsiif_request_segment *segs,
			     struct scsiback_fault *fault);
void scsiback_respond(struct vscsiif_response *rsp, u16 rqid,
		      const struct scsiback_result *result);
void scsiback_set_host(struct scsiback_result *result, unsigned int host,
		       u32 bytes);
void scsiback_set_status(struct scsiback_result *result, u8 status, u32 bytes);
void scsiback_set_sense(struct scsiback_result *result, u8 key, u8 asc, u8 ascq,
			u32 bytes);
void scsiback_set_result(struct scsiback_result *result, int scsi_result,
			 const u8 *sense, unsigned int sense_len, u32 resid);

#endif /* _SCSIBACK_REQUEST_H */
