/* SPDX-License-Identifier: GPL-2.0 */
/* What a host adapter takes at a time. */
#ifndef _SCSIBACK_LIMITS_H
#define _SCSIBACK_LIMITS_H

#include "request.h"

bool scsiback_is_invalid_field(const struct scsiback_result *result);
u32 scsiback_edit_vpd(u8 *data, u32 len, u32 room, u8 page, u32 max);
void scsiback_edit_block_limits(u8 *data, u32 max);

#endif /* _SCSIBACK_LIMITS_H */
