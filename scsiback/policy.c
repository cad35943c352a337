// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest may send to a device of this domain: whatever concerns that
 * LUN alone. What reaches beyond - other initiators, other LUNs of the same
 * target, the device's firmware - has to be allowed by name. Operation codes
 * are those of SPC-5, SBC-4, SSC-5, SMC-3, MMC-6 and SAT-4.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "policy.h"

/* Operation codes that <scsi/scsi_proto.h> has no name for, in some kernels. */
#define OP_RESERVE_6		0x16
#define OP_RELEASE_6		0x17
#define OP_COPY			0x18
#define OP_COMPARE		0x39
#define OP_COPY_AND_VERIFY	0x3a
#define OP_SANITIZE		0x48
#define OP_EXTENDED		0x7e
#define OP_ACCESS_CONTROL_IN	0x86
#define OP_ACCESS_CONTROL_OUT	0x87

/* From here on, to the vendor. */
#define OP_VENDOR		0xc0

/* What may stand between two names. */
static const char between[] = ", \t\n";

static const struct {
	const char *name;
	unsigned int bit;
} allow_name[] = {
	{ "reservations", SCSIBACK_ALLOW_RESERVATIONS },
	{ "copy", SCSIBACK_ALLOW_COPY },
	{ "firmware", SCSIBACK_ALLOW_FIRMWARE },
	{ "target", SCSIBACK_ALLOW_TARGET },
	{ "vendor", SCSIBACK_ALLOW_VENDOR },
};

/**
 * scsiback_allow_parse() - read a list of what is allowed
 * @text: names with commas between them
 * @allow: result: SCSIBACK_ALLOW_*
 *
 * Return: 0, or -EINVAL if a name is not known.
 */
int scsiback_allow_parse(const char *text, unsigned int *allow)
{
	unsigned int bits = 0, i;

	while (*text) {
		size_t len = strcspn(text, between);

		for (i = 0; i < ARRAY_SIZE(allow_name) && len; i++)
			if (len == strlen(allow_name[i].name) &&
			    !strncmp(text, allow_name[i].name, len))
				break;
		if (i == ARRAY_SIZE(allow_name))
			return -EINVAL;
		if (len)
			bits |= allow_name[i].bit;
		text += len;
		text += strspn(text, between);
	}
	*allow = bits;
	return 0;
}

/* WRITE BUFFER: the modes that replace what runs in the device. */
static bool scsiback_downloads(u8 mode)
{
	switch (mode & 0x1f) {
	case 0x04 ... 0x07:
	case 0x0d ... 0x0f:
		return true;
	default:
		return false;
	}
}

/* The same by way of an ATA command in a SCSI one. */
static bool scsiback_ata_downloads(u8 command)
{
	return command == 0x92 || command == 0x93;
}

/* What a command needs to be allowed: SCSIBACK_ALLOW_* or 0. */
static unsigned int scsiback_needed(const u8 *cdb, u8 type)
{
	switch (cdb[0]) {
	case OP_RESERVE_6:
	case OP_RELEASE_6:
		/* A changer reserves its elements so, a tape drive itself. */
	case RESERVE_10:
	case RELEASE_10:
	case PERSISTENT_RESERVE_IN:
	case PERSISTENT_RESERVE_OUT:
		return SCSIBACK_ALLOW_RESERVATIONS;
	case OP_COPY:
	case OP_COMPARE:
	case OP_COPY_AND_VERIFY:
	case EXTENDED_COPY:
	case RECEIVE_COPY_RESULTS:
		return type == TYPE_ROM || type == TYPE_PRINTER ? 0 :
		       SCSIBACK_ALLOW_COPY;
	case WRITE_BUFFER:
		return scsiback_downloads(cdb[1]) ? SCSIBACK_ALLOW_FIRMWARE : 0;
	case SEND_DIAGNOSTIC:
		/* DevOffL: it may take the whole device away. */
		return cdb[1] & 0x02 ? SCSIBACK_ALLOW_FIRMWARE : 0;
	case ATA_12:
		/* For drives with discs it is BLANK. */
		if (type == TYPE_ROM)
			return 0;
		return scsiback_ata_downloads(cdb[9]) ? SCSIBACK_ALLOW_FIRMWARE : 0;
	case ATA_16:
		return scsiback_ata_downloads(cdb[14]) ? SCSIBACK_ALLOW_FIRMWARE : 0;
	case OP_ACCESS_CONTROL_IN:
	case OP_ACCESS_CONTROL_OUT:
		return SCSIBACK_ALLOW_TARGET;
	case MAINTENANCE_OUT:
		/* Port groups, aliases, identifiers. REPORT KEY of drives. */
		return type == TYPE_ROM ? 0 : SCSIBACK_ALLOW_TARGET;
	default:
		return cdb[0] >= OP_VENDOR ? SCSIBACK_ALLOW_VENDOR : 0;
	}
}

/**
 * scsiback_allowed() - may a guest send this command
 * @cdb: the command, zeroes behind its end up to 16 bytes
 * @type: peripheral device type of the device
 * @allow: SCSIBACK_ALLOW_*: what has been allowed by name
 *
 * Return: true if it may.
 */
bool scsiback_allowed(const u8 *cdb, u8 type, unsigned int allow)
{
	/* The wire has 16 bytes: of these a guest sends the beginning only. */
	if (cdb[0] == OP_EXTENDED || cdb[0] == VARIABLE_LENGTH_CMD)
		return false;
	return !(scsiback_needed(cdb, type) & ~allow);
}

/**
 * scsiback_bulk() - does a command move nothing but the medium's data
 * @opcode: its operation code
 *
 * Such data may pass through shared memory. Everything else is read by
 * somebody in this domain, and must not change while it is.
 *
 * Return: true if so.
 */
bool scsiback_bulk(u8 opcode)
{
	switch (opcode) {
	case READ_6:
	case READ_10:
	case READ_12:
	case READ_16:
	case WRITE_6:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
		return true;
	default:
		return false;
	}
}

/**
 * scsiback_timeout() - how long a command may take
 * @opcode: its operation code
 * @type: peripheral device type of the device
 *
 * Return: in jiffies.
 */
unsigned int scsiback_timeout(u8 opcode, u8 type)
{
	switch (opcode) {
	case FORMAT_UNIT:
	case OP_SANITIZE:
	case SEND_DIAGNOSTIC:
		return 4 * 60 * 60 * HZ;
	case START_STOP:
		/* On tapes it is LOAD UNLOAD. */
		return 15 * 60 * HZ;
	default:
		break;
	}
	switch (type) {
	case TYPE_TAPE:
		/* Rewinding, spacing, erasing: the whole length of the tape. */
		return opcode == READ_6 || opcode == WRITE_6 ||
		       opcode == TEST_UNIT_READY || opcode == INQUIRY ?
		       15 * 60 * HZ : 4 * 60 * 60 * HZ;
	case TYPE_MEDIUM_CHANGER:
		return opcode == INITIALIZE_ELEMENT_STATUS ? 60 * 60 * HZ :
							     5 * 60 * HZ;
	case TYPE_ROM:
		return 10 * 60 * HZ;
	default:
		return 60 * HZ;
	}
}
