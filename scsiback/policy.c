// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest may send to a device of this domain: what the standards know for
 * its class and what concerns that LUN alone. What reaches beyond - other
 * initiators, other LUNs of the same target, the device's firmware, its next
 * owner - has to be allowed by name. Operation codes are those of SPC-5, SBC-4,
 * ZBC, SSC-5, SMC-3, MMC-6, SCC-2, SES-3 and SAT-4, for scanners SCSI-2's.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "policy.h"

/* Operation codes that <scsi/scsi_proto.h> has no name for, in some kernels. */
#define OP_READ_BUFFER_16	0x9b
#define OP_SANITIZE		0x48
#define OP_EXTENDED		0x7e
#define OP_MAINTENANCE_IN	0xa3

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
	{ "settings", SCSIBACK_ALLOW_SETTINGS },
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

/*
 * Classes of device, by the letters of the standards' annexes: disks (zoned and
 * simplified ones among them), tapes, processors, drives for discs, optical
 * memory, changers, arrays' controllers, enclosures, scanners, others.
 */
enum {
	D = 0x001, T = 0x002, P = 0x004, R = 0x008, O = 0x010,
	M = 0x020, A = 0x040, E = 0x080, S = 0x100, X = 0x200,
	ANY = 0x3ff,
};

static u16 scsiback_class(u8 type)
{
	switch (type) {
	case TYPE_DISK:
	case TYPE_RBC:
	case TYPE_ZBC:
		return D;
	case TYPE_TAPE:
		return T;
	case TYPE_PROCESSOR:
		return P;
	case TYPE_ROM:
		return R;
	case TYPE_WORM:
	case TYPE_MOD:
		return O;
	case TYPE_MEDIUM_CHANGER:
		return M;
	case TYPE_RAID:
		return A;
	case TYPE_ENCLOSURE:
		return E;
	case TYPE_SCANNER:
		return S;
	default:
		return X;
	}
}

/**
 * scsiback_has_position() - has a device a state of its own that its commands do not name
 * @type: its peripheral device type
 *
 * Return: false if its commands name blocks, as a disk's do.
 */
bool scsiback_has_position(u8 type)
{
	return !(scsiback_class(type) & (D | R | O));
}

/*
 * Who may send what without leave, as far as the operation code says it. What is
 * not here is the vendor's, or obsolete, or another class's.
 */
static const u16 unit_commands[256] = {
	[0x00] = ANY,			/* TEST UNIT READY */
	[0x01] = T,			/* REWIND */
	[0x03] = ANY,			/* REQUEST SENSE */
	[0x04] = D | T | R | O,		/* FORMAT UNIT, FORMAT MEDIUM */
	[0x05] = T,			/* READ BLOCK LIMITS */
	[0x07] = D | O | M,		/* REASSIGN BLOCKS; INITIALIZE ELEMENT STATUS */
	[0x08] = D | T | P | O | R,	/* READ(6), RECEIVE */
	[0x0a] = D | T | P | O | R,	/* WRITE(6), SEND(6) */
	[0x0b] = T | R,			/* SET CAPACITY; SEEK(6) */
	[0x0f] = T,			/* READ REVERSE(6) */
	[0x10] = T,			/* WRITE FILEMARKS(6) */
	[0x11] = T,			/* SPACE(6) */
	[0x12] = ANY,			/* INQUIRY */
	[0x13] = T,			/* VERIFY(6) */
	[0x14] = T,			/* RECOVER BUFFERED DATA */
	[0x15] = D | T | R | O | M | E | S,	/* MODE SELECT(6) */
	[0x19] = T,			/* ERASE(6) */
	[0x1a] = ANY & ~P,		/* MODE SENSE(6) */
	[0x1b] = D | T | R | O | M | S,	/* START STOP UNIT, LOAD UNLOAD, OPEN/CLOSE; SCAN */
	[0x1c] = ANY & ~R,		/* RECEIVE DIAGNOSTIC RESULTS */
	[0x1d] = D | T | P | O | M | E | S,	/* SEND DIAGNOSTIC */
	[0x1e] = D | T | R | O | M,	/* PREVENT ALLOW MEDIUM REMOVAL */
	[0x23] = D | R,			/* READ FORMAT CAPACITIES */
	[0x24] = S,			/* SET WINDOW */
	[0x25] = D | R | O | S,		/* READ CAPACITY(10); GET WINDOW */
	[0x28] = D | R | O | S,		/* READ(10) */
	[0x29] = O,			/* READ GENERATION */
	[0x2a] = D | R | O | S,		/* WRITE(10), SEND(10) */
	[0x2b] = T | R | O | M,		/* LOCATE(10), SEEK(10), POSITION TO ELEMENT */
	[0x2c] = R | O,			/* ERASE(10) */
	[0x2d] = O,			/* READ UPDATED BLOCK */
	[0x2e] = D | R | O,		/* WRITE AND VERIFY(10) */
	[0x2f] = D | R | O,		/* VERIFY(10) */
	[0x31] = S,			/* OBJECT POSITION */
	[0x33] = O,			/* SET LIMITS(10) */
	[0x34] = D | O | T | S,		/* PRE-FETCH(10); READ POSITION; GET DATA BUFFER STATUS */
	[0x35] = D | R | O,		/* SYNCHRONIZE CACHE(10) */
	[0x36] = O,			/* LOCK UNLOCK CACHE(10) */
	[0x37] = D | O | M,		/* READ DEFECT DATA(10); INITIALIZE ELEMENT STATUS */
	[0x38] = O,			/* MEDIUM SCAN */
	[0x3b] = ANY & ~(A | X),	/* WRITE BUFFER */
	[0x3c] = ANY,			/* READ BUFFER(10) */
	[0x3d] = O,			/* UPDATE BLOCK */
	[0x3e] = D | O,			/* READ LONG(10) */
	[0x3f] = D | O,			/* WRITE LONG(10) */
	[0x41] = D,			/* WRITE SAME(10) */
	[0x42] = D | R,			/* UNMAP; READ SUB-CHANNEL */
	[0x43] = R,			/* READ TOC/PMA/ATIP */
	[0x44] = T,			/* REPORT DENSITY SUPPORT */
	[0x45] = R,			/* PLAY AUDIO(10) */
	[0x46] = R,			/* GET CONFIGURATION */
	[0x47] = R,			/* PLAY AUDIO MSF */
	[0x48] = D | R,			/* SANITIZE; PLAY AUDIO TRACK/INDEX */
	[0x4a] = R,			/* GET EVENT STATUS NOTIFICATION */
	[0x4b] = R,			/* PAUSE/RESUME */
	[0x4c] = D | T | P | O | M | E | S,	/* LOG SELECT */
	[0x4d] = ANY & ~R,		/* LOG SENSE */
	[0x4e] = R,			/* STOP PLAY/SCAN */
	[0x51] = D | R,			/* XPWRITE(10); READ DISC INFORMATION */
	[0x52] = R,			/* READ TRACK INFORMATION */
	[0x53] = D | R,			/* XDWRITEREAD(10); RESERVE TRACK */
	[0x54] = R,			/* SEND OPC INFORMATION */
	[0x55] = D | T | R | O | M | E | S,	/* MODE SELECT(10) */
	[0x58] = R,			/* REPAIR TRACK */
	[0x5a] = ANY & ~P,		/* MODE SENSE(10) */
	[0x5b] = R,			/* CLOSE TRACK/SESSION */
	[0x5c] = R,			/* READ BUFFER CAPACITY */
	[0x5d] = R,			/* SEND CUE SHEET */
	[0x80] = T,			/* WRITE FILEMARKS(16) */
	[0x81] = T,			/* READ REVERSE(16) */
	[0x82] = T,			/* ALLOW OVERWRITE */
	[0x85] = D,			/* ATA PASS-THROUGH(16) */
	[0x88] = D | T | O,		/* READ(16) */
	[0x89] = D,			/* COMPARE AND WRITE */
	[0x8a] = D | T | O,		/* WRITE(16) */
	[0x8b] = D,			/* ORWRITE */
	[0x8c] = D | T | O | M,		/* READ ATTRIBUTE */
	[0x8d] = D | T | O | M,		/* WRITE ATTRIBUTE */
	[0x8e] = D | O,			/* WRITE AND VERIFY(16) */
	[0x8f] = D | T | O,		/* VERIFY(16) */
	[0x90] = D | O,			/* PRE-FETCH(16) */
	[0x91] = D | O | T,		/* SYNCHRONIZE CACHE(16); SPACE(16) */
	[0x92] = O | T,			/* LOCK UNLOCK CACHE(16); LOCATE(16) */
	[0x93] = D | T,			/* WRITE SAME(16); ERASE(16) */
	[0x94] = D,			/* ZBC OUT */
	[0x95] = D,			/* ZBC IN */
	[0x9a] = D,			/* WRITE STREAM(16) */
	[0x9b] = D | T | M | A | E,	/* READ BUFFER(16) */
	[0x9c] = D,			/* WRITE ATOMIC(16) */
	[0x9e] = D | O,			/* SERVICE ACTION IN(16) */
	[0x9f] = D,			/* SERVICE ACTION OUT(16) */
	[0xa0] = ANY,			/* REPORT LUNS */
	[0xa1] = D | R,			/* ATA PASS-THROUGH(12); BLANK */
	[0xa2] = D | T | R,		/* SECURITY PROTOCOL IN */
	[0xa3] = D | T | R | O | M | A | E,	/* MAINTENANCE IN; SEND KEY */
	[0xa4] = R,			/* REPORT KEY */
	[0xa5] = R | M,			/* PLAY AUDIO(12); MOVE MEDIUM */
	[0xa6] = R | M,			/* LOAD/UNLOAD C/DVD; EXCHANGE MEDIUM */
	[0xa7] = R,			/* SET READ AHEAD */
	[0xa8] = D | R | O,		/* READ(12) */
	[0xaa] = D | R | O,		/* WRITE(12) */
	[0xab] = R,			/* SERVICE ACTION IN(12) */
	[0xac] = R | O,			/* GET PERFORMANCE; ERASE(12) */
	[0xad] = R,			/* READ DVD STRUCTURE */
	[0xae] = D | O,			/* WRITE AND VERIFY(12) */
	[0xaf] = D | O,			/* VERIFY(12) */
	[0xb3] = O,			/* SET LIMITS(12) */
	[0xb4] = O,			/* READ ELEMENT STATUS ATTACHED */
	[0xb5] = D | T | R | M,		/* SECURITY PROTOCOL OUT; REQUEST VOLUME ELEMENT ADDRESS */
	[0xb6] = R | M,			/* SET STREAMING; SEND VOLUME TAG */
	[0xb7] = D | O,			/* READ DEFECT DATA(12) */
	[0xb8] = O | M,			/* READ ELEMENT STATUS */
	[0xb9] = R,			/* READ CD MSF */
	[0xba] = R | A,			/* SCAN; REDUNDANCY GROUP (IN) */
	[0xbb] = R,			/* SET CD SPEED */
	[0xbc] = A,			/* SPARE (IN) */
	[0xbd] = R,			/* MECHANISM STATUS */
	[0xbe] = R | A,			/* READ CD; VOLUME SET (IN) */
	[0xbf] = R,			/* SEND DVD STRUCTURE */
};

/* WRITE BUFFER, by its mode. */
static unsigned int scsiback_buffer_needs(u8 mode)
{
	switch (mode & 0x1f) {
	case 0x00:
	case 0x02:
	case 0x0a:
		return 0;
	case 0x04 ... 0x07:
	case 0x0d ... 0x0f:
		/* What runs in the device. */
		return SCSIBACK_ALLOW_FIRMWARE;
	default:
		return SCSIBACK_ALLOW_VENDOR;
	}
}

/* An ATA command in a SCSI one, by its protocol, features and code. */
static unsigned int scsiback_ata_needs(u8 protocol, u8 features, u8 command)
{
	switch (protocol >> 1 & 0x0f) {
	case 0x00:
	case 0x01:
	case 0x08:
		/* Resets of the port, a diagnostic of all that is at it. */
		return SCSIBACK_ALLOW_TARGET;
	}
	switch (command) {
	case 0x06:	/* DATA SET MANAGEMENT */
	case 0x20:	/* READ, VERIFY, WRITE */
	case 0x24:
	case 0x25:
	case 0x29:
	case 0x30:
	case 0x34:
	case 0x35:
	case 0x39:
	case 0x3d:
	case 0x40:
	case 0x42:
	case 0xc4:
	case 0xc5:
	case 0xc8:
	case 0xca:
	case 0xce:
	case 0x27:	/* READ NATIVE MAX */
	case 0xf8:
	case 0x2f:	/* READ LOG */
	case 0x47:
	case 0x90:	/* EXECUTE DEVICE DIAGNOSTIC has another protocol */
	case 0xa1:	/* IDENTIFY */
	case 0xec:
	case 0xe0:	/* power */
	case 0xe1:
	case 0xe2:
	case 0xe3:
	case 0xe5:
	case 0xe7:	/* FLUSH CACHE */
	case 0xea:
		return 0;
	case 0xb0:
		/* SMART: all but WRITE LOG, which is how a vendor's commands come. */
		return features == 0xd6 ? SCSIBACK_ALLOW_VENDOR : 0;
	case 0xef:
		switch (features & 0x7f) {
		case 0x02:	/* write cache */
		case 0x05:	/* power management */
		case 0x55:	/* read ahead */
		case 0x2a:
			return 0;
		default:
			return SCSIBACK_ALLOW_SETTINGS;
		}
	case 0x92:
	case 0x93:
		return SCSIBACK_ALLOW_FIRMWARE;
	case 0x5c:	/* TRUSTED */
	case 0x5d:
	case 0x5e:
	case 0x5f:
	case 0xf1 ... 0xf6:	/* SECURITY */
	case 0x37:	/* SET MAX, CONFIGURATION OVERLAY, ACCESSIBLE MAX */
	case 0x78:
	case 0xb1:
	case 0xf9:
		return SCSIBACK_ALLOW_SETTINGS;
	default:
		return SCSIBACK_ALLOW_VENDOR;
	}
}

static unsigned int scsiback_diagnostic_needs(const u8 *cdb)
{
	/* DevOffL: it may take the whole device away. */
	if (cdb[1] & 0x02)
		return SCSIBACK_ALLOW_FIRMWARE;
	/* A parameter list that is no page of the standards'. */
	return !(cdb[1] & 0x10) && (cdb[3] || cdb[4]) ? SCSIBACK_ALLOW_VENDOR : 0;
}

/* Those that are questions, but for two that take a part of the medium away, and bring it back. */
static unsigned int scsiback_service_in_needs(u8 action)
{
	switch (action & 0x1f) {
	case 0x10 ... 0x17:
		return 0;
	case 0x18:
	case 0x19:
		return SCSIBACK_ALLOW_SETTINGS;
	default:
		return SCSIBACK_ALLOW_VENDOR;
	}
}

/* What more than the operation code has to be looked at: SCSIBACK_ALLOW_* or 0. */
static unsigned int scsiback_needs_by_field(const u8 *cdb, u16 class)
{
	switch (cdb[0]) {
	case MODE_SELECT:
	case MODE_SELECT_10:
		/* SP: saved pages are the next owner's, too. */
		return cdb[1] & 0x01 ? SCSIBACK_ALLOW_SETTINGS : 0;
	case LOG_SELECT:
		return cdb[1] & 0x01 ? SCSIBACK_ALLOW_SETTINGS : 0;
	case SEND_DIAGNOSTIC:
		return scsiback_diagnostic_needs(cdb);
	case WRITE_BUFFER:
		return scsiback_buffer_needs(cdb[1]);
	case READ_BUFFER:
	case OP_READ_BUFFER_16:
		return (cdb[1] & 0x1f) == 0x01 ? SCSIBACK_ALLOW_VENDOR : 0;
	case ATA_12:
		/* For drives with discs it is BLANK. */
		return class == R ? 0 : scsiback_ata_needs(cdb[1], cdb[3], cdb[9]);
	case ATA_16:
		return scsiback_ata_needs(cdb[1], cdb[4], cdb[14]);
	case SERVICE_ACTION_IN_16:
		return scsiback_service_in_needs(cdb[1]);
	case SERVICE_ACTION_OUT_16:
		/* WRITE LONG(16), WRITE SCATTERED(16) */
		return (cdb[1] & 0x1f) == 0x11 || (cdb[1] & 0x1f) == 0x12 ?
		       0 : SCSIBACK_ALLOW_VENDOR;
	case OP_MAINTENANCE_IN:
		return class != R && (cdb[1] & 0x1f) == 0x1f ? SCSIBACK_ALLOW_VENDOR : 0;
	case SECURITY_PROTOCOL_OUT:
		/* A changer's is another command; a tape's keys are the tape's. */
		return class == M || (class == T && cdb[1] == 0x20) ?
		       0 : SCSIBACK_ALLOW_SETTINGS;
	default:
		return 0;
	}
}

/* What is not the unit's own, or none of its class's. */
static unsigned int scsiback_needs_by_group(u8 opcode, u16 class)
{
	switch (opcode) {
	case 0x16 ... 0x17:	/* RESERVE(6), RELEASE(6) */
	case 0x56 ... 0x57:	/* RESERVE(10), RELEASE(10) */
	case 0x5e ... 0x5f:	/* PERSISTENT RESERVE IN, OUT */
		return SCSIBACK_ALLOW_RESERVATIONS;
	case 0x18:		/* COPY */
	case 0x39 ... 0x3a:	/* COMPARE, COPY AND VERIFY */
	case 0x83 ... 0x84:	/* third-party copies */
		return SCSIBACK_ALLOW_COPY;
	case 0x86 ... 0x87:	/* ACCESS CONTROL IN, OUT */
	case 0xa4:		/* MAINTENANCE OUT */
	case 0xba ... 0xbf:	/* what an array is made of */
		return SCSIBACK_ALLOW_TARGET;
	case 0xa5:		/* MOVE MEDIUM: of a changer that is attached */
	case 0xa7:		/* MOVE MEDIUM ATTACHED */
		return class & (D | T | O) ? SCSIBACK_ALLOW_TARGET : SCSIBACK_ALLOW_VENDOR;
	case 0x15:		/* MODE SELECT, START STOP UNIT, SEND DIAGNOSTIC */
	case 0x1b:
	case 0x1d:
	case 0x3b:		/* WRITE BUFFER, LOG SELECT */
	case 0x4c:
	case 0x55:
		/* What a controller changes is other LUNs. */
		return class == A ? SCSIBACK_ALLOW_TARGET : SCSIBACK_ALLOW_VENDOR;
	default:
		return SCSIBACK_ALLOW_VENDOR;
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
	u16 class = scsiback_class(type);

	/* The wire has 16 bytes: of these a guest sends the beginning only. */
	if (cdb[0] == OP_EXTENDED || cdb[0] == VARIABLE_LENGTH_CMD)
		return false;
	if (likely(unit_commands[cdb[0]] & class))
		return !(scsiback_needs_by_field(cdb, class) & ~allow);
	return !(scsiback_needs_by_group(cdb[0], class) & ~allow);
}

/**
 * scsiback_allowed_page() - may a guest send this parameter list
 * @cdb: the command, SEND DIAGNOSTIC
 * @page: the list's first byte
 * @allow: SCSIBACK_ALLOW_*: what has been allowed by name
 *
 * Return: true if it may.
 */
bool scsiback_allowed_page(const u8 *cdb, u8 page, unsigned int allow)
{
	unsigned int needs;

	if (!(cdb[1] & 0x10))
		return true;
	switch (page) {
	case 0x00:	/* which there are */
	case 0x40:	/* TRANSLATE ADDRESS */
		needs = 0;
		break;
	case 0x0e:	/* DOWNLOAD MICROCODE CONTROL */
		needs = SCSIBACK_ALLOW_FIRMWARE;
		break;
	case 0x80 ... 0xff:
		needs = SCSIBACK_ALLOW_VENDOR;
		break;
	default:
		/* Slots, fans and power of an enclosure; ports. */
		needs = SCSIBACK_ALLOW_TARGET;
		break;
	}
	return !(needs & ~allow);
}

/**
 * scsiback_supported() - may a guest send any form of this command
 * @opcode: its operation code
 * @action: its service action, or -1 if it has none
 * @type: peripheral device type of the device
 * @allow: SCSIBACK_ALLOW_*: what has been allowed by name
 *
 * Return: true if it may.
 */
bool scsiback_supported(u8 opcode, int action, u8 type, unsigned int allow)
{
	u8 cdb[16] = { opcode };

	if (opcode == ATA_12 || opcode == ATA_16) {
		/* IDENTIFY DEVICE */
		cdb[1] = 4 << 1;
		cdb[opcode == ATA_12 ? 9 : 14] = 0xec;
	} else if (opcode == SECURITY_PROTOCOL_OUT) {
		cdb[1] = 0x20;
	} else if (action >= 0) {
		cdb[1] = action & 0x1f;
	}
	return scsiback_allowed(cdb, type, allow);
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

/* What a disk may need long for, as far as the standards let it. */
static bool scsiback_takes_long(u8 opcode)
{
	switch (opcode) {
	case REASSIGN_BLOCKS:
	case VERIFY:
	case VERIFY_12:
	case VERIFY_16:
	case WRITE_BUFFER:
	case WRITE_SAME:
	case WRITE_SAME_16:
	case UNMAP:
	case SECURITY_PROTOCOL_OUT:
	case ATA_12:
	case ATA_16:
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
		/* Of a whole disc: BLANK, CLOSE TRACK/SESSION, SYNCHRONIZE CACHE. */
		return opcode == 0xa1 || opcode == 0x5b || opcode == SYNCHRONIZE_CACHE ?
		       4 * 60 * 60 * HZ : 10 * 60 * HZ;
	default:
		return scsiback_takes_long(opcode) ? 4 * 60 * 60 * HZ : 60 * HZ;
	}
}
