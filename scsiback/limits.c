// SPDX-License-Identifier: GPL-2.0
/*
 * What a host adapter takes at a time: what a guest is told of it, and commands
 * that ask for more. Pure functions.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <scsi/scsi.h>
#include <scsi/scsi_common.h>

#include "../ring/compat.h"
#include "limits.h"

/**
 * scsiback_is_invalid_field() - has a device refused a field of the CDB
 * @result: what it has said
 *
 * Return: true if so, in fixed or descriptor format.
 */
bool scsiback_is_invalid_field(const struct scsiback_result *result)
{
	struct scsi_sense_hdr header;

	return result->rslt == SAM_STAT_CHECK_CONDITION &&
	       scsi_normalize_sense(result->sense, result->sense_len, &header) &&
	       header.sense_key == ILLEGAL_REQUEST && header.asc == 0x24;
}

/* Page B0h in the list of pages, which is in ascending order. */
static u32 scsiback_name_limits(u8 *data, u32 len, u32 room)
{
	u32 end = 4 + get_unaligned_be16(&data[2]), at;

	/* Only if all of it is here. */
	if (end > len || end >= room)
		return len;
	for (at = 4; at < end && data[at] < 0xb0; at++)
		;
	if (at < end && data[at] == 0xb0)
		return len;
	memmove(&data[at + 1], &data[at], end - at);
	data[at] = 0xb0;
	put_unaligned_be16(end - 4 + 1, &data[2]);
	return max(len, end + 1);
}

/**
 * scsiback_edit_vpd() - have a disk's pages of vital product data say what goes at a time
 * @data: the page, or as much as was asked for
 * @len: bytes that the device has sent; 0 if it has no page B0h
 * @room: bytes that there is room for
 * @page: which page
 * @max: most blocks a command
 *
 * Return: @len, or more if there is more now.
 */
u32 scsiback_edit_vpd(u8 *data, u32 len, u32 room, u8 page, u32 max)
{
	u32 had;

	if (page == 0x00 && len >= 4)
		return scsiback_name_limits(data, len, room);
	if (page != 0xb0)
		return len;
	if (!len) {
		len = min(room, 64U);
		if (len >= 4) {
			data[1] = 0xb0;
			data[3] = 64 - 4;
		}
	}
	if (len < 12)
		return len;
	had = get_unaligned_be32(&data[8]);
	if (!had || had > max)
		put_unaligned_be32(max, &data[8]);
	return len;
}

/**
 * scsiback_edit_block_limits() - the same for the largest block of a tape
 * @data: four bytes of READ BLOCK LIMITS
 * @max: most bytes a command
 */
void scsiback_edit_block_limits(u8 *data, u32 max)
{
	if (!get_unaligned_be24(&data[1]) || get_unaligned_be24(&data[1]) > max)
		put_unaligned_be24(min(max, 0xffffffU), &data[1]);
}
