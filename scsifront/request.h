/* SPDX-License-Identifier: GPL-2.0 */
/* Ring requests and responses: how a command is written down and answered. */
#ifndef _SCSIFRONT_REQUEST_H
#define _SCSIFRONT_REQUEST_H

#include <linux/math.h>
#include <linux/stddef.h>
#include <linux/types.h>

#include "../ring/vscsiif_ext.h"

struct scsi_cmnd;

/* What of a response means something; the rest of the slot is reserved. */
#define SCSIFRONT_RESPONSE	offsetof(struct vscsiif_response, reserved)

/**
 * scsifront_list_pages() - pages of segments that a request needs
 * @nr: its number of segments
 *
 * Return: 0 if they fit into the slot.
 */
static inline unsigned int scsifront_list_pages(unsigned int nr)
{
	if (nr <= VSCSIIF_SG_TABLESIZE)
		return 0;
	return DIV_ROUND_UP(nr, VSCSIIF_SG_PER_PAGE);
}

u32 scsifront_fill_cdb(struct vscsiif_request *req, struct scsi_cmnd *sc,
		       unsigned int nr);
void scsifront_fill_list(struct vscsiif_request *req, unsigned int i,
			 grant_ref_t ref, unsigned int nr);
u32 scsifront_fill_tmf(struct vscsiif_request *req, u8 act,
		       unsigned int channel, unsigned int target,
		       unsigned int lun, u16 ref_id);
int scsifront_result(s32 rslt);
const char *scsifront_check(const struct vscsiif_response *rsp);

#endif /* _SCSIFRONT_REQUEST_H */
