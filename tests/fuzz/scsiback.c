// SPDX-License-Identifier: GPL-2.0
/* A guest's SCSI requests, and their segments in pages of their own. */
#include "fuzz.h"
#include <scsi/scsi_proto.h>
#include <scsi/scsi_status.h>

static void scsi_build_sense_buffer(int desc, u8 *buf, u8 key, u8 asc, u8 ascq)
{
}

#include "../../scsiback/request.c"

static void check_segments(const struct scsiback_io *io, const struct scsiif_request_segment *segs)
{
	u32 i, bytes = 0;

	for (i = 0; i < io->nr_segs; i++) {
		FUZZ_CHECK(segs[i].length && segs[i].offset + segs[i].length <= XEN_PAGE_SIZE);
		bytes += segs[i].length;
	}
	FUZZ_CHECK(bytes == io->bytes);
}

static void lists(struct fuzz *in, struct scsiback_io *io, const struct scsiif_request_segment *list)
{
	struct scsiif_request_segment *segs = malloc(io->nr_segs * sizeof(*segs));
	struct scsiback_fault fault = { };
	u32 i, len = 0;

	for (i = 0; i < io->nr_lists; i++) {
		FUZZ_CHECK(list[i].offset + list[i].length <= XEN_PAGE_SIZE);
		fuzz_take(in, (u8 *)segs + len, list[i].length);
		len += list[i].length;
	}
	FUZZ_CHECK(len == io->nr_segs * sizeof(*segs));
	if (scsiback_check_segments(io, segs, &fault))
		check_segments(io, segs);
	else
		FUZZ_CHECK(fault.field);
	free(segs);
}

static void respond(struct fuzz *in, u16 rqid)
{
	struct vscsiif_response rsp;
	struct scsiback_result result;
	u8 sense[256];

	fuzz_take(in, sense, sizeof(sense));
	scsiback_set_result(&result, FUZZ_TAKE(in, s32), sense, FUZZ_TAKE(in, u8), FUZZ_TAKE(in, u32));
	memset(&rsp, 0xa5, sizeof(rsp));
	scsiback_respond(&rsp, rqid, &result);
	FUZZ_CHECK(rsp.rqid == rqid && rsp.sense_len <= VSCSIIF_SENSE_BUFFERSIZE);
	FUZZ_CHECK(XEN_VSCSIIF_RSLT_HOST(rsp.rslt) <= XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	u16 most = FUZZ_TAKE(&in, u16), max = most % (most & 1 ? 32 : SCSIBACK_MAX_SEGMENTS + 1);
	struct scsiif_request_segment *segs = malloc(VSCSIIF_SG_TABLESIZE * sizeof(*segs));
	struct vscsiif_request *req = malloc(sizeof(*req));
	struct scsiback_fault fault = { };
	struct scsiback_io io;

	fuzz_take(&in, req, sizeof(*req));
	if (scsiback_parse(req, max, &io, segs, &fault)) {
		FUZZ_CHECK(io.cdb_len <= sizeof(io.cdb));
		FUZZ_CHECK(io.dir != DMA_NONE || !io.nr_segs);
		if (io.nr_lists) {
			FUZZ_CHECK(io.nr_segs <= max && io.nr_lists <= VSCSIIF_SG_TABLESIZE);
			lists(&in, &io, segs);
		} else {
			FUZZ_CHECK(io.nr_segs <= VSCSIIF_SG_TABLESIZE);
			check_segments(&io, segs);
		}
	} else {
		FUZZ_CHECK(fault.field);
	}
	FUZZ_CHECK(io.rqid == req->rqid);
	respond(&in, io.rqid);
	free(req);
	free(segs);
	return 0;
}
