/* SPDX-License-Identifier: GPL-2.0 */
/* Ring requests: how an operation is written down. */
#ifndef _BLKFRONT_REQUEST_H
#define _BLKFRONT_REQUEST_H

#include <linux/types.h>
#include <xen/interface/xen.h>
#include <xen/page.h>
#include <xen/interface/io/blkif.h>

#include "../ring/compat.h"
#include "../ring/frontq.h"

#define BLKFRONT_SEGS_PER_PAGE	(XEN_PAGE_SIZE / \
				 sizeof(struct blkif_request_segment))
/* blkif.h: at most 8 pages of segments to a request. */
#define BLKFRONT_MAX_INDIRECT	(BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST * \
				 BLKFRONT_SEGS_PER_PAGE)

/**
 * blkfront_indirect_pages() - pages of segments that a request needs
 * @nr: its number of segments
 *
 * Return: 0 if they fit into the slot.
 */
static inline unsigned int blkfront_indirect_pages(unsigned int nr)
{
	if (nr <= BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return 0;
	return DIV_ROUND_UP(nr, BLKFRONT_SEGS_PER_PAGE);
}

/**
 * blkfront_add_segment() - write the next segment
 * @list: from blkfront_fill_rw() or blkfront_fill_indirect()
 * @ref: the page's grant reference
 * @offset: where in the page, a multiple of 512
 * @len: bytes, a multiple of 512, at least 512; within the page
 */
static inline void blkfront_add_segment(struct pv_front_list *list,
					grant_ref_t ref, unsigned int offset,
					unsigned int len)
{
	/* One store of gref, first_sect, last_sect and, zeroed, the padding. */
	put_unaligned_le64(ref | (u64)(offset >> 9) << 32 |
			   (u64)((offset + len - 1) >> 9) << 40,
			   pv_front_next_segment(list, sizeof(struct blkif_request_segment)));
}

u32 blkfront_fill_rw(struct blkif_request *req, bool write, u16 handle,
		     u64 id, u64 sector, unsigned int nr,
		     struct pv_front_list *list);
void blkfront_fill_indirect(struct blkif_request *req, bool write, u16 handle,
			    u64 id, u64 sector, unsigned int nr,
			    struct pv_front_list *list);
void blkfront_fill_discard(struct blkif_request *req, u64 id, u64 sector,
			   u64 nr_sectors, bool secure);
void blkfront_fill_flush(struct blkif_request *req, u8 op, u16 handle, u64 id,
			 u64 sector);
u8 blkfront_wire_op(const struct blkif_request *req);

#endif /* _BLKFRONT_REQUEST_H */
