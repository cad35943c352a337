// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing of requests and building of responses, for every layout.
 */
#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <xen/page.h>
#include <xen/interface/io/protocols.h>

#include "request.h"

/* The x86_32 layout is the x86_64 one without the padding before the id. */
#define PAD_START	offsetof(struct blkback_slot, pad)
#define PAD_END		offsetof(struct blkback_slot, id)

static_assert(sizeof(struct blkback_slot) == 112);
static_assert(sizeof(struct blkback_response) == 16);
static_assert(sizeof(struct blkback_segment) ==
	      sizeof(struct blkif_request_segment));
static_assert(sizeof(struct blkback_segment) == sizeof(u64));
/* The segments of a request fit in one page. */
static_assert(BLKBACK_MAX_SEGMENTS * sizeof(struct blkif_request_segment) <=
	      XEN_PAGE_SIZE);
#ifndef CONFIG_X86_32
static_assert(sizeof(struct blkback_slot) == sizeof(struct blkif_request));
static_assert(offsetof(struct blkback_slot, seg) ==
	      offsetof(struct blkif_request, u.rw.seg));
static_assert(offsetof(struct blkback_slot, nr_sectors) ==
	      offsetof(struct blkif_request, u.discard.nr_sectors));
static_assert(offsetof(struct blkback_slot, nr_indirect) ==
	      offsetof(struct blkif_request, u.indirect.nr_segments));
static_assert(offsetof(struct blkback_slot, indirect.gref) ==
	      offsetof(struct blkif_request, u.indirect.indirect_grefs));
#endif

/**
 * blkback_abi_parse() - the layout that a frontend's "protocol" names
 * @protocol: the key's text; NULL if there is none
 * @abi: result
 *
 * Frontends older than the key were 32-bit ones, so on x86 that is what no
 * key means.
 *
 * Return: 0, or -EINVAL if nobody knows that protocol.
 */
int blkback_abi_parse(const char *protocol, enum blkback_abi *abi)
{
	if (!protocol)
		*abi = IS_ENABLED(CONFIG_X86) ? BLKBACK_X86_32 : BLKBACK_X86_64;
	else if (!strcmp(protocol, XEN_IO_PROTO_ABI_X86_32))
		*abi = BLKBACK_X86_32;
	else if (!strcmp(protocol, XEN_IO_PROTO_ABI_X86_64) ||
		 !strcmp(protocol, XEN_IO_PROTO_ABI_NATIVE))
		*abi = BLKBACK_X86_64;
	else
		return -EINVAL;
	return 0;
}

/**
 * blkback_abi_name() - the name of a layout, for people
 * @abi: the layout
 */
const char *blkback_abi_name(enum blkback_abi abi)
{
	return abi == BLKBACK_X86_32 ? XEN_IO_PROTO_ABI_X86_32 :
				       XEN_IO_PROTO_ABI_X86_64;
}

/**
 * blkback_stride() - bytes from slot to slot
 * @abi: the layout
 */
u32 blkback_stride(enum blkback_abi abi)
{
	u32 pad = abi == BLKBACK_X86_32 ? PAD_END - PAD_START : 0;

	return sizeof(struct blkback_slot) - pad;
}

/**
 * blkback_response_size() - bytes of a response
 * @abi: the layout
 */
u32 blkback_response_size(enum blkback_abi abi)
{
	return abi == BLKBACK_X86_32 ?
		offsetof(struct blkback_response, zero_tail) :
		sizeof(struct blkback_response);
}

/**
 * blkback_unpack() - bring a copied slot into the x86_64 layout, in place
 * @slot: blkback_stride() bytes of it are filled
 * @abi: the layout in which they are
 */
void blkback_unpack(struct blkback_slot *slot, enum blkback_abi abi)
{
	u8 *bytes = (u8 *)slot;

	if (abi != BLKBACK_X86_32)
		return;
	memmove(bytes + PAD_END, bytes + PAD_START,
		sizeof(*slot) - PAD_END);
	slot->pad = 0;
}

static s16 blkback_refuse(struct blkback_fault *fault, const char *field, u64 value)
{
	fault->field = field;
	fault->value = value;
	return BLKIF_RSP_ERROR;
}

static s16 blkback_unsupported(struct blkback_fault *fault, u8 operation)
{
	blkback_refuse(fault, "operation", operation);
	return BLKIF_RSP_EOPNOTSUPP;
}

static s16 blkback_check_range(const struct blkback_limits *lim,
			       const struct blkback_io *io, struct blkback_fault *fault)
{
	if (io->nr_sectors > lim->sectors ||
	    io->sector > lim->sectors - io->nr_sectors ||
	    !IS_ALIGNED(io->sector, lim->block))
		return blkback_refuse(fault, "sector_number", io->sector);
	return BLKIF_RSP_OKAY;
}

/*
 * blkif.h: sectors are 512 bytes in a page of 4096, whatever the disk's block
 * is. Each segment must consist of whole blocks, because the block layer may
 * have to cut the request between any two.
 */
static s16 blkback_parse_segments(const void *array, const struct blkback_limits *lim,
				  struct blkback_io *io, struct blkback_segment *segs,
				  struct blkback_fault *fault)
{
	const u64 *entries = array;
	/* In registers, though the result is written to memory all the time. */
	u32 unaligned = lim->block - 1;
	unsigned int i, nr = io->nr_segs;
	u64 sectors = 0;

	for (i = 0; i < nr; i++) {
		union {
			u64 whole;
			struct blkif_request_segment seg;
		} entry;
		u32 first, end;

		/* The array may be the frontend's page: one load each. */
		entry.whole = READ_ONCE(entries[i]);
		first = entry.seg.first_sect;
		end = entry.seg.last_sect + 1;
		if (unlikely(end > BLKBACK_SECTORS_PER_PAGE || end & unaligned))
			return blkback_refuse(fault, "last_sect", end - 1);
		if (unlikely(first >= end || first & unaligned))
			return blkback_refuse(fault, "first_sect", first);
		segs[i] = (struct blkback_segment) {
			.gref = entry.seg.gref,
			.first = first,
			.last = end - 1,
		};
		sectors += end - first;
	}
	io->nr_sectors = sectors;
	return blkback_check_range(lim, io, fault);
}

static s16 blkback_parse_rw(const struct blkback_slot *slot,
			    const struct blkback_limits *lim, struct blkback_io *io,
			    struct blkback_segment *segs, struct blkback_fault *fault)
{
	bool flushes = slot->operation == BLKIF_OP_WRITE_BARRIER ||
		       slot->operation == BLKIF_OP_FLUSH_DISKCACHE;

	if (flushes && !lim->flush)
		return blkback_unsupported(fault, slot->operation);
	if (slot->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST ||
	    (!slot->nr_segments && !flushes))
		return blkback_refuse(fault, "nr_segments", slot->nr_segments);
	/* An empty one has no place on the disk. */
	if (!slot->nr_segments)
		return BLKIF_RSP_OKAY;
	if (lim->readonly && slot->operation != BLKIF_OP_READ)
		return blkback_refuse(fault, "operation", slot->operation);

	io->sector = slot->sector;
	io->nr_segs = slot->nr_segments;
	return blkback_parse_segments(slot->seg, lim, io, segs, fault);
}

static s16 blkback_parse_discard(const struct blkback_slot *slot,
				 const struct blkback_limits *lim,
				 struct blkback_io *io, struct blkback_fault *fault)
{
	if (!lim->discard)
		return blkback_unsupported(fault, slot->operation);
	if (lim->readonly)
		return blkback_refuse(fault, "operation", slot->operation);
	if (!slot->nr_sectors || !IS_ALIGNED(slot->nr_sectors, lim->block) ||
	    slot->nr_sectors > lim->sectors)
		return blkback_refuse(fault, "nr_sectors", slot->nr_sectors);

	io->sector = slot->sector;
	io->nr_sectors = slot->nr_sectors;
	/* blkif.h: ignored if discard-secure=0 */
	io->secure = lim->secure && (slot->flag & BLKIF_DISCARD_SECURE);
	return blkback_check_range(lim, io, fault);
}

static s16 blkback_parse_indirect_slot(const struct blkback_slot *slot,
				       const struct blkback_limits *lim,
				       struct blkback_io *io, struct blkback_fault *fault)
{
	/* Peers compare the response's operation with this one. */
	io->operation = slot->indirect_op;
	if (!lim->max_indirect)
		return blkback_unsupported(fault, slot->operation);
	if (slot->indirect_op != BLKIF_OP_READ &&
	    (slot->indirect_op != BLKIF_OP_WRITE || lim->readonly))
		return blkback_refuse(fault, "indirect_op", slot->indirect_op);
	if (!slot->nr_indirect || slot->nr_indirect > lim->max_indirect)
		return blkback_refuse(fault, "nr_segments", slot->nr_indirect);

	io->indirect = true;
	io->sector = slot->sector;
	io->nr_segs = slot->nr_indirect;
	io->gref = slot->indirect.gref[0];
	return BLKIF_RSP_OKAY;
}

/**
 * blkback_parse() - check a request
 * @slot: a private copy, unpacked
 * @lim: what it may ask for
 * @io: result; what a response echoes is set in any case
 * @segs: result: its segments, BLKIF_MAX_SEGMENTS_PER_REQUEST at most; those
 *        of an indirect request come by blkback_parse_indirect()
 * @fault: result: why not
 *
 * Return: BLKIF_RSP_OKAY, or the status to respond.
 */
s16 blkback_parse(const struct blkback_slot *slot,
		  const struct blkback_limits *lim, struct blkback_io *io,
		  struct blkback_segment *segs, struct blkback_fault *fault)
{
	*io = (struct blkback_io) {
		.id = slot->id,
		.operation = slot->operation,
	};
	switch (slot->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
	case BLKIF_OP_WRITE_BARRIER:
	case BLKIF_OP_FLUSH_DISKCACHE:
		return blkback_parse_rw(slot, lim, io, segs, fault);
	case BLKIF_OP_DISCARD:
		return blkback_parse_discard(slot, lim, io, fault);
	case BLKIF_OP_INDIRECT:
		return blkback_parse_indirect_slot(slot, lim, io, fault);
	default:
		return blkback_unsupported(fault, slot->operation);
	}
}

/**
 * blkback_parse_indirect() - check the segments of an indirect request
 * @array: the page of segments; the frontend may be writing to it
 * @lim: what it may ask for
 * @io: the request as blkback_parse() left it
 * @segs: result: io->nr_segs segments; may be @array itself
 * @fault: result: why not
 *
 * Return: BLKIF_RSP_OKAY, or the status to respond.
 */
s16 blkback_parse_indirect(const void *array, const struct blkback_limits *lim,
			   struct blkback_io *io, struct blkback_segment *segs,
			   struct blkback_fault *fault)
{
	return blkback_parse_segments(array, lim, io, segs, fault);
}

/**
 * blkback_respond() - build a response
 * @rsp: result; no byte of it is left unset
 * @io: the request
 * @status: BLKIF_RSP_*
 */
void blkback_respond(struct blkback_response *rsp, const struct blkback_io *io,
		     s16 status)
{
	*rsp = (struct blkback_response) {
		.id = io->id,
		.operation = io->operation,
		.status = status,
	};
}
