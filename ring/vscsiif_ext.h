/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vscsiif beyond Xen's public io/vscsiif.h: what two ends of this project
 * agree on by keys of their own. Each holds only if both ends wrote its key;
 * without them the wire is the published one: one ring of one page.
 *
 * Backend, before InitWait:
 *	pvsplit-multi-queue-max-queues	rings that it serves (absent: 1)
 *	pvsplit-max-ring-page-order	largest ring, as a power of two of
 *					pages (absent: 0)
 *	pvsplit-feature-persistent	it keeps what it has mapped (absent: 0)
 *
 * Frontend, before Initialised:
 *	pvsplit-multi-queue-num-queues	rings that it made (absent: 1)
 *	pvsplit-ring-page-order		their size (absent: 0)
 *	pvsplit-feature-persistent	it uses the same references again
 *
 * Where a ring's keys stand is as blkif.h has it. A single ring: ring-ref and
 * event-channel at the top; several: the same in queue-0/, queue-1/ and so
 * on. A ring of several pages (order above 0): ring-ref0, ring-ref1, ...
 *
 * Several rings: rqid counts by ring. An abort goes over the ring of the
 * command that it names, a reset over any; it concerns a LUN's commands on
 * all of them.
 *
 * Persistent: the frontend grants its pages for writing and until it
 * disconnects, those of segments (VSCSIIF_SG_GRANT), too, and copies. The
 * backend may keep as many of them mapped as it likes, and it has to let go
 * of all when it disconnects. In the data's direction nothing changes: for
 * DMA_TO_DEVICE the backend only reads.
 */
#ifndef _PV_VSCSIIF_EXT_H
#define _PV_VSCSIIF_EXT_H

#include <linux/build_bug.h>
#include <scsi/scsi_proto.h>
#include <xen/interface/xen.h>
#include <xen/page.h>
#include <xen/interface/io/vscsiif.h>

#define PV_VSCSIIF_MAX_QUEUES	"pvsplit-multi-queue-max-queues"
#define PV_VSCSIIF_NUM_QUEUES	"pvsplit-multi-queue-num-queues"
#define PV_VSCSIIF_MAX_ORDER	"pvsplit-max-ring-page-order"
#define PV_VSCSIIF_ORDER	"pvsplit-ring-page-order"
#define PV_VSCSIIF_PERSISTENT	"pvsplit-feature-persistent"

/*
 * A slot's size: not a power of two. 16 slots fit into one page behind the
 * ring's head, then 32, 64, 128 and 256 into 2, 4, 8 and 16 pages; one that
 * lies across two pages is nothing special, the pages are neighbours.
 */
#define PV_VSCSIIF_STRIDE	252

static_assert(sizeof(struct vscsiif_request) == PV_VSCSIIF_STRIDE);
static_assert(sizeof(struct vscsiif_response) == PV_VSCSIIF_STRIDE);

/*
 * The published header in words: more segments than VSCSIIF_SG_TABLESIZE
 * stand in granted pages. nr_segments is then VSCSIIF_SG_GRANT plus the
 * number of these pages, each of them a seg[] entry (reference, offset and
 * length of the segments in it, a multiple of 8), at most
 * VSCSIIF_SG_TABLESIZE. A backend's feature-sg-grant is the most segments it
 * takes, this many in all:
 */
#define PV_VSCSIIF_MAX_SEGS	(VSCSIIF_SG_TABLESIZE * VSCSIIF_SG_PER_PAGE)

/**
 * pv_vscsiif_set_blocks() - have a command move fewer blocks
 * @cdb: the command
 * @nr: how many
 *
 * Return: false if it is none that names its blocks and can be cut, or has not
 * so many.
 */
static inline bool pv_vscsiif_set_blocks(u8 *cdb, u32 nr)
{
	unsigned int at, len, i;
	u32 had = 0;

	switch (cdb[0]) {
	case READ_6:
	case WRITE_6:
		at = 4;
		len = 1;
		break;
	case READ_10:
	case WRITE_10:
		at = 7;
		len = 2;
		break;
	case READ_12:
	case WRITE_12:
		at = 6;
		len = 4;
		break;
	case READ_16:
	case WRITE_16:
		at = 10;
		len = 4;
		break;
	default:
		return false;
	}
	for (i = 0; i < len; i++)
		had = had << 8 | cdb[at + i];
	/* One byte of 0 is 256. */
	if (len == 1 && !had)
		had = 256;
	if (had < nr)
		return false;
	for (i = len; i--; nr >>= 8)
		cdb[at + i] = nr;
	return true;
}

#endif /* _PV_VSCSIIF_EXT_H */
