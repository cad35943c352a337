// SPDX-License-Identifier: GPL-2.0
/* A backend's SCSI responses. */
#include "fuzz.h"
#include <linux/dma-direction.h>
#include <scsi/scsi_proto.h>
#include <scsi/scsi_status.h>

struct scsi_device {
	unsigned int channel, id;
	u64 lun;
};

struct request {
	unsigned int timeout;
};

struct scsi_cmnd {
	struct scsi_device *device;
	u8 cmd_len, cmnd[32];
	int sc_data_direction;
	struct request rq;
};

#define scsi_cmd_to_rq(sc) (&(sc)->rq)

#include "../../scsifront/request.c"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	struct vscsiif_response rsp;
	u8 *sense = malloc(VSCSIIF_SENSE_BUFFERSIZE);
	int result;

	fuzz_take(&in, &rsp, sizeof(rsp));
	if (!scsifront_check(&rsp)) {
		memcpy(sense, rsp.sense_buffer, rsp.sense_len);
		FUZZ_CHECK(!memcmp(sense, rsp.sense_buffer, rsp.sense_len));
	}
	result = scsifront_result(rsp.rslt);
	/* A host byte that the SCSI layer knows, the device's status, nothing else. */
	FUZZ_CHECK((result >> 16 & 0xff) <= DID_TRANSPORT_MARGINAL);
	FUZZ_CHECK(!(result & 0xff00ff00) && (result & 0xff) == (rsp.rslt & 0xff));
	free(sense);
	return 0;
}
