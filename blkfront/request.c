// SPDX-License-Identifier: GPL-2.0
/*
 * Writing ring requests. Nothing here allocates, locks or asks anybody, so
 * that tests can call it as it is.
 *
 * blkif.h: sectors are of 512 bytes everywhere, whatever the disk's own size.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <xen/page.h>

#include "request.h"

/**
 * blkfront_fill_rw() - a read or write whose segments fit into the slot
 * @req: the slot's private copy; overwritten as far as it is used
 * @write: direction
 * @handle: the device's number in the frontend
 * @id: comes back in the response
 * @sector: first sector
 * @nr: segments, 1 to 11, that blkfront_add_segment() will write
 * @list: result: where they go
 *
 * Return: bytes of it that are used. The others may show old stack: they must
 *         not be sent.
 */
u32 blkfront_fill_rw(struct blkif_request *req, bool write, u16 handle,
		     u64 id, u64 sector, unsigned int nr,
		     struct pv_front_list *list)
{
	memset(req, 0, offsetof(struct blkif_request, u.rw.seg));
	req->operation = write ? BLKIF_OP_WRITE : BLKIF_OP_READ;
	req->u.rw.nr_segments = nr;
	req->u.rw.handle = handle;
	req->u.rw.id = id;
	req->u.rw.sector_number = sector;
	list->seg = req->u.rw.seg;
	list->left = nr;
	return offsetof(struct blkif_request, u.rw.seg) + nr * sizeof(req->u.rw.seg[0]);
}

/**
 * blkfront_fill_indirect() - a read or write with pages full of segments
 * @req: the slot's private copy; overwritten whole. The caller writes
 *       indirect_grefs
 * @write: direction
 * @handle: the device's number in the frontend
 * @id: comes back in the response
 * @sector: first sector
 * @nr: segments that blkfront_add_segment() will write
 * @list: result; the caller sets @page before it adds the first segment
 */
void blkfront_fill_indirect(struct blkif_request *req, bool write, u16 handle,
			    u64 id, u64 sector, unsigned int nr,
			    struct pv_front_list *list)
{
	memset(req, 0, sizeof(*req));
	req->operation = BLKIF_OP_INDIRECT;
	req->u.indirect.indirect_op = write ? BLKIF_OP_WRITE : BLKIF_OP_READ;
	req->u.indirect.nr_segments = nr;
	req->u.indirect.handle = handle;
	req->u.indirect.id = id;
	req->u.indirect.sector_number = sector;
	list->left = 0;
}

/**
 * blkfront_fill_discard() - a discard
 * @req: the slot's private copy; overwritten whole
 * @id: comes back in the response
 * @sector: first sector
 * @nr_sectors: how many
 * @secure: no copy may survive (BLKIF_DISCARD_SECURE)
 */
void blkfront_fill_discard(struct blkif_request *req, u64 id, u64 sector,
			   u64 nr_sectors, bool secure)
{
	memset(req, 0, sizeof(*req));
	req->operation = BLKIF_OP_DISCARD;
	req->u.discard.flag = secure ? BLKIF_DISCARD_SECURE : 0;
	req->u.discard.id = id;
	req->u.discard.sector_number = sector;
	req->u.discard.nr_sectors = nr_sectors;
}

/**
 * blkfront_fill_flush() - make what was written durable
 * @req: the slot's private copy; overwritten whole
 * @op: BLKIF_OP_FLUSH_DISKCACHE, or an empty BLKIF_OP_WRITE_BARRIER for
 *      backends that know nothing else
 * @handle: the device's number in the frontend
 * @id: comes back in the response
 * @sector: any sector of the disk
 */
void blkfront_fill_flush(struct blkif_request *req, u8 op, u16 handle, u64 id,
			 u64 sector)
{
	memset(req, 0, sizeof(*req));
	req->operation = op;
	req->u.rw.handle = handle;
	req->u.rw.id = id;
	req->u.rw.sector_number = sector;
}

/**
 * blkfront_wire_op() - the operation that a response to a request must name
 * @req: the request
 *
 * Backends answer an indirect request under its own code or under that of
 * the operation inside; the caller accepts both.
 *
 * Return: BLKIF_OP_*.
 */
u8 blkfront_wire_op(const struct blkif_request *req)
{
	if (req->operation == BLKIF_OP_INDIRECT)
		return req->u.indirect.indirect_op;
	return req->operation;
}
