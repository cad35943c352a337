// SPDX-License-Identifier: GPL-2.0
/* SCSI commands that a guest sends, and the list of what it may. */
#include "fuzz.h"
#include <scsi/scsi_proto.h>
#include "../../scsiback/policy.c"

#define ALL (SCSIBACK_ALLOW_RESERVATIONS | SCSIBACK_ALLOW_COPY | SCSIBACK_ALLOW_FIRMWARE | \
	     SCSIBACK_ALLOW_TARGET | SCSIBACK_ALLOW_VENDOR | SCSIBACK_ALLOW_SETTINGS)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	u8 type = FUZZ_TAKE(&in, u8) & 0x1f, *cdb = malloc(16);
	unsigned int bit, allow = ALL + 1;
	bool some;
	char *text;

	fuzz_take(&in, cdb, 16);
	/* What is allowed when nothing is, is allowed always; one name is enough for anything that may be allowed. */
	some = scsiback_allowed(cdb, type, 0);
	for (bit = 1; bit <= ALL; bit <<= 1) {
		FUZZ_CHECK(!scsiback_allowed(cdb, type, 0) || scsiback_allowed(cdb, type, bit));
		some |= scsiback_allowed(cdb, type, bit);
	}
	FUZZ_CHECK(some == scsiback_allowed(cdb, type, ALL));
	/* Longer than the wire's 16 bytes: the rest of it would not be the guest's. */
	FUZZ_CHECK(!some || (cdb[0] != 0x7e && cdb[0] != 0x7f));
	/* What moves data of a disk only is nothing that must be allowed. */
	FUZZ_CHECK(type != TYPE_DISK || !scsiback_bulk(cdb[0]) || scsiback_allowed(cdb, type, 0));
	FUZZ_CHECK(scsiback_timeout(cdb[0], type) >= 60 * HZ);

	text = fuzz_text(&in);
	if (!scsiback_allow_parse(text, &allow))
		FUZZ_CHECK(!(allow & ~ALL));
	else
		FUZZ_CHECK(allow == ALL + 1);
	free(text);
	free(cdb);
	return 0;
}
