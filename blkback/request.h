/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a slot of the ring says, checked.
 *
 * Nothing here allocates, sleeps or calls Xen: slots and limits go in, a
 * validated request or the name of the faulty field comes out.
 */
#ifndef _BLKBACK_REQUEST_H
#define _BLKBACK_REQUEST_H

#include <linux/types.h>
#include <xen/interface/io/blkif.h>

/** BLKBACK_MAX_SEGMENTS - most segments of a request; one bio holds them */
#define BLKBACK_MAX_SEGMENTS	256

/** BLKBACK_SECTORS_PER_PAGE - sectors of 512 bytes in a granted page */
#define BLKBACK_SECTORS_PER_PAGE	8

/**
 * enum blkback_abi - how a frontend lays out its slots
 * @BLKBACK_X86_64: 64-bit fields are aligned; also the native layout of arm64
 * @BLKBACK_X86_32: packed: four bytes of padding are not there
 */
enum blkback_abi {
	BLKBACK_X86_64,
	BLKBACK_X86_32,
};

/**
 * struct blkback_slot - a request in the x86_64 layout
 * @operation: BLKIF_OP_*
 * @nr_segments: read, write, barrier, flush
 * @flag: discard: BLKIF_DISCARD_SECURE
 * @indirect_op: indirect: the operation proper
 * @nr_indirect: indirect: number of segments
 * @pad: not there in the x86_32 layout
 * @id: the frontend's, echoed in the response
 * @sector: first sector on the disk, of 512 bytes
 * @seg: read, write, barrier, flush
 * @nr_sectors: discard
 * @indirect: the pages that hold the segments
 */
struct blkback_slot {
	u8 operation;
	union {
		u8 nr_segments;
		u8 flag;
		u8 indirect_op;
	};
	u16 nr_indirect;
	u32 pad;
	u64 id;
	u64 sector;
	union {
		struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
		u64 nr_sectors;
		struct {
			u16 handle;
			u16 pad;
			u32 gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
		} indirect;
	};
};

/**
 * struct blkback_response - a response in the x86_64 layout
 * @id: copied from the request
 * @operation: copied from the request
 * @zero: padding, seen by the frontend
 * @status: BLKIF_RSP_*
 * @zero_tail: padding that the x86_32 layout does not have
 */
struct blkback_response {
	u64 id;
	u8 operation;
	u8 zero;
	s16 status;
	u32 zero_tail;
};

/**
 * struct blkback_segment - a checked segment: part of a granted page
 * @gref: the page
 * @first: first sector in it
 * @last: last sector in it
 * @staged: it goes through a page of our own; for the data path
 *
 * As long as struct blkif_request_segment, so that an array of these is
 * parsed in place.
 */
struct blkback_segment {
	u32 gref;
	u8 first;
	u8 last;
	bool staged;
};

/**
 * struct blkback_limits - what a request may ask for
 * @sectors: the disk's size in sectors of 512 bytes
 * @block: sectors of 512 bytes in a logical block, a power of two
 * @max_indirect: most segments of an indirect request
 * @readonly: refuse what writes
 * @flush: flushes and barriers can be done
 * @discard: discards can be done
 * @secure: and secure ones
 */
struct blkback_limits {
	u64 sectors;
	u32 block;
	u16 max_indirect;
	bool readonly;
	bool flush;
	bool discard;
	bool secure;
};

/**
 * struct blkback_io - a checked request
 * @id: to echo
 * @sector: first sector
 * @nr_sectors: how many
 * @gref: indirect: the page of segments
 * @nr_segs: number of segments
 * @operation: what to do, and to echo; an indirect request's own operation
 * @indirect: the segments are in @gref
 * @secure: discard: erase all copies
 */
struct blkback_io {
	u64 id;
	u64 sector;
	u64 nr_sectors;
	u32 gref;
	u16 nr_segs;
	u8 operation;
	bool indirect;
	bool secure;
};

/**
 * struct blkback_fault - why a request is refused
 * @field: name of the field
 * @value: what it holds
 */
struct blkback_fault {
	const char *field;
	u64 value;
};

int blkback_abi_parse(const char *protocol, enum blkback_abi *abi);
const char *blkback_abi_name(enum blkback_abi abi);
u32 blkback_stride(enum blkback_abi abi);
u32 blkback_response_size(enum blkback_abi abi);
void blkback_unpack(struct blkback_slot *slot, enum blkback_abi abi);
s16 blkback_parse(const struct blkback_slot *slot,
		  const struct blkback_limits *lim, struct blkback_io *io,
		  struct blkback_segment *segs, struct blkback_fault *fault);
s16 blkback_parse_indirect(const void *array, const struct blkback_limits *lim,
			   struct blkback_io *io, struct blkback_segment *segs,
			   struct blkback_fault *fault);
void blkback_respond(struct blkback_response *rsp, const struct blkback_io *io,
		     s16 status);

#endif /* _BLKBACK_REQUEST_H */
