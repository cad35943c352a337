/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest may send to a device of this domain. */
#ifndef _SCSIBACK_POLICY_H
#define _SCSIBACK_POLICY_H

#include <linux/types.h>

/** SCSIBACK_ALLOW_RESERVATIONS - reservations, also persistent ones */
#define SCSIBACK_ALLOW_RESERVATIONS	0x01
/** SCSIBACK_ALLOW_COPY - copies between devices, done by the device */
#define SCSIBACK_ALLOW_COPY		0x02
/** SCSIBACK_ALLOW_FIRMWARE - new firmware, tests that take the device away */
#define SCSIBACK_ALLOW_FIRMWARE		0x04
/** SCSIBACK_ALLOW_TARGET - what changes the target or its ports */
#define SCSIBACK_ALLOW_TARGET		0x08
/** SCSIBACK_ALLOW_VENDOR - commands that no standard knows for such a device */
#define SCSIBACK_ALLOW_VENDOR		0x10
/** SCSIBACK_ALLOW_SETTINGS - what stays when the guest has gone: passwords, saved settings */
#define SCSIBACK_ALLOW_SETTINGS		0x20

/** SCSIBACK_ALLOW_NAMES - the names of all */
#define SCSIBACK_ALLOW_NAMES	"reservations, copy, firmware, target, settings, vendor"

int scsiback_allow_parse(const char *text, unsigned int *allow);
bool scsiback_allowed(const u8 *cdb, u8 type, unsigned int allow);
bool scsiback_allowed_page(const u8 *cdb, u8 page, unsigned int allow);
bool scsiback_supported(u8 opcode, int action, u8 type, unsigned int allow);
bool scsiback_bulk(u8 opcode);
bool scsiback_has_position(u8 type);
unsigned int scsiback_timeout(u8 opcode, u8 type);

#endif /* _SCSIBACK_POLICY_H */
