// SPDX-License-Identifier: GPL-2.0
/* A guest's block requests, in every layout, on disks of every kind. */
#include "fuzz.h"
#include "../../blkback/request.c"

static void check_segments(const struct blkback_io *io, const struct blkback_segment *segs,
			   const struct blkback_limits *lim)
{
	u64 sectors = 0;
	u32 i;

	for (i = 0; i < io->nr_segs; i++) {
		FUZZ_CHECK(segs[i].first <= segs[i].last && segs[i].last < BLKBACK_SECTORS_PER_PAGE);
		FUZZ_CHECK(segs[i].first % lim->block == 0 && (segs[i].last + 1U) % lim->block == 0);
		sectors += segs[i].last - segs[i].first + 1;
	}
	FUZZ_CHECK(sectors == io->nr_sectors);
}

static void check_place(const struct blkback_io *io, const struct blkback_limits *lim)
{
	u64 end;

	FUZZ_CHECK(!__builtin_add_overflow(io->sector, io->nr_sectors, &end) && end <= lim->sectors);
	FUZZ_CHECK(io->sector % lim->block == 0);
}

/* The page of segments is exactly a page, and so is the room for what is made of it. */
static s16 indirect(struct fuzz *in, const struct blkback_limits *lim, struct blkback_io *io, bool in_place)
{
	void *page = malloc(XEN_PAGE_SIZE);
	struct blkback_segment *segs = in_place ? page : malloc(io->nr_segs * sizeof(*segs));
	struct blkback_fault fault = { };
	s16 status;

	fuzz_take(in, page, XEN_PAGE_SIZE);
	status = blkback_parse_indirect(page, lim, io, segs, &fault);
	if (status == BLKIF_RSP_OKAY)
		check_segments(io, segs, lim);
	else
		FUZZ_CHECK(fault.field);
	if (!in_place)
		free(segs);
	free(page);
	return status;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	u8 how = FUZZ_TAKE(&in, u8), block = FUZZ_TAKE(&in, u8);
	enum blkback_abi abi = how & 1 ? BLKBACK_X86_32 : BLKBACK_X86_64;
	struct blkback_limits lim = {
		.readonly = how & 2, .flush = how & 4, .discard = how & 8, .secure = how & 16,
		.block = block & 1 ? 8 : 1,
		.max_indirect = block & 2 ? 0 : BLKBACK_MAX_SEGMENTS,
		.sectors = FUZZ_TAKE(&in, u64) >> (block >> 2),
	};
	struct blkback_segment *segs = malloc(BLKIF_MAX_SEGMENTS_PER_REQUEST * sizeof(*segs));
	struct blkback_slot *slot = malloc(sizeof(*slot));
	struct blkback_fault fault = { };
	struct blkback_response rsp;
	struct blkback_io io;
	s16 status;
	u64 id;

	fuzz_take(&in, slot, blkback_stride(abi));
	memcpy(&id, (u8 *)slot + (abi == BLKBACK_X86_32 ? 4 : 8), sizeof(id));
	blkback_unpack(slot, abi);
	FUZZ_CHECK(slot->id == id);
	status = blkback_parse(slot, &lim, &io, segs, &fault);
	FUZZ_CHECK(io.id == id);
	if (status == BLKIF_RSP_OKAY) {
		FUZZ_CHECK(!io.indirect || (io.nr_segs && io.nr_segs <= lim.max_indirect));
		FUZZ_CHECK(!lim.readonly || io.operation == BLKIF_OP_READ || !io.nr_sectors);
		FUZZ_CHECK(!io.secure || lim.secure);
		if (!io.indirect && io.operation != BLKIF_OP_DISCARD)
			check_segments(&io, segs, &lim);
		if (io.indirect)
			status = indirect(&in, &lim, &io, how & 32);
		if (status == BLKIF_RSP_OKAY)
			check_place(&io, &lim);
	} else {
		FUZZ_CHECK(fault.field);
	}
	memset(&rsp, 0xa5, sizeof(rsp));
	blkback_respond(&rsp, &io, status);
	FUZZ_CHECK(rsp.id == id && !rsp.zero && !rsp.zero_tail);
	free(slot);
	free(segs);
	return 0;
}
