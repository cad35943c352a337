// SPDX-License-Identifier: GPL-2.0
/*
 * What scsiback believes of a slot, and what it lets a guest send.
 */
#include <linux/dma-direction.h>
#include <scsi/scsi.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../scsiback/request.c"
#include "../../scsiback/limits.c"
#include "../../scsiback/policy.c"

struct parsed {
	bool ok;
	struct scsiback_io io;
	struct scsiif_request_segment segs[VSCSIIF_SG_TABLESIZE];
	struct scsiback_fault fault;
};

static struct parsed parse(const struct vscsiif_request *req)
{
	struct parsed p;

	memset(&p, 0x5a, sizeof(p));
	p.ok = scsiback_parse(req, 1024, &p.io, p.segs, &p.fault);
	return p;
}

static struct vscsiif_request read_10(u8 nr)
{
	struct vscsiif_request req = {
		.rqid = 0xbeef,
		.act = VSCSIIF_ACT_SCSI_CDB,
		.cmd_len = 10,
		.cmnd = { READ_10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xff, 0xff, 0xff },
		.channel = 1, .id = 2, .lun = 3,
		.sc_data_direction = DMA_FROM_DEVICE,
		.nr_segments = nr,
	};
	unsigned int i;

	for (i = 0; i < min_t(u8, nr, VSCSIIF_SG_TABLESIZE); i++)
		req.seg[i] = (struct scsiif_request_segment) { .gref = 100 + i, .offset = 8, .length = 512 };
	return req;
}

static void a_good_request(struct kunit *test)
{
	struct vscsiif_request req = read_10(26);
	struct parsed p = parse(&req);

	KUNIT_ASSERT_TRUE(test, p.ok);
	KUNIT_EXPECT_EQ(test, p.io.rqid, 0xbeef);
	KUNIT_EXPECT_EQ(test, p.io.nr_segs, 26);
	KUNIT_EXPECT_EQ(test, p.io.bytes, 26 * 512);
	KUNIT_EXPECT_EQ(test, p.io.target, 2);
	KUNIT_EXPECT_EQ(test, p.io.dir, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, p.segs[25].gref, 125);
	KUNIT_EXPECT_EQ(test, p.io.cdb[9], 9);
	/* What is not in the command is not sent either. */
	KUNIT_EXPECT_EQ(test, p.io.cdb[10], 0);
	KUNIT_EXPECT_EQ(test, p.io.cdb[12], 0);
}

static void expect_refused(struct kunit *test, const struct vscsiif_request *req, const char *field, u32 value)
{
	struct parsed p = parse(req);

	KUNIT_ASSERT_FALSE_MSG(test, p.ok, "%s %u", field, value);
	KUNIT_EXPECT_STREQ(test, p.fault.field, field);
	KUNIT_EXPECT_EQ(test, p.fault.value, value);
	KUNIT_EXPECT_EQ(test, p.io.rqid, req->rqid);
}

/* hostile-peers 21 */
static void bad_requests(struct kunit *test)
{
	static const u8 acts[] = { 0, 4, 5, 255 }, lens[] = { 0, 17, 255 }, dirs[] = { 0, 4, 255 }, nrs[] = { 27, 127 };
	struct vscsiif_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		req = read_10(1);
		req.act = acts[i];
		expect_refused(test, &req, "act", acts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		req = read_10(1);
		req.cmd_len = lens[i];
		expect_refused(test, &req, "cmd_len", lens[i]);
	}
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		req = read_10(1);
		req.sc_data_direction = dirs[i];
		expect_refused(test, &req, "sc_data_direction", dirs[i]);
	}
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		req = read_10(nrs[i]);
		expect_refused(test, &req, "nr_segments", nrs[i]);
	}
	req = read_10(2);
	req.seg[1].length = 0;
	expect_refused(test, &req, "offset and length of a segment", 8 << 16);
	req.seg[1].length = 4096 - 8 + 1;
	expect_refused(test, &req, "offset and length of a segment", 8 << 16 | 4089);
	req.seg[1] = (struct scsiif_request_segment) { .offset = 65535, .length = 65535 };
	expect_refused(test, &req, "offset and length of a segment", 0xffffffff);
}

static void no_data(struct kunit *test)
{
	struct vscsiif_request req = read_10(127);
	struct parsed p;

	req.sc_data_direction = DMA_NONE;
	p = parse(&req);
	KUNIT_ASSERT_TRUE(test, p.ok);
	KUNIT_EXPECT_EQ(test, p.io.nr_segs, 0);
	KUNIT_EXPECT_EQ(test, p.io.bytes, 0);
	req = read_10(0);
	p = parse(&req);
	KUNIT_ASSERT_TRUE(test, p.ok);
	KUNIT_EXPECT_EQ(test, p.io.dir, DMA_NONE);
}

static struct vscsiif_request lists(u8 nr, u16 offset, u16 length)
{
	struct vscsiif_request req = read_10(0);
	unsigned int i;

	req.nr_segments = VSCSIIF_SG_GRANT | nr;
	for (i = 0; i < min_t(u8, nr, VSCSIIF_SG_TABLESIZE); i++)
		req.seg[i] = (struct scsiif_request_segment) { .gref = i, .offset = offset, .length = length };
	return req;
}

static void segments_in_pages(struct kunit *test)
{
	struct vscsiif_request req = lists(2, 0, 4096);
	struct parsed p = parse(&req);

	KUNIT_ASSERT_TRUE(test, p.ok);
	KUNIT_EXPECT_EQ(test, p.io.nr_lists, 2);
	KUNIT_EXPECT_EQ(test, p.io.nr_segs, 1024);

	req = lists(0, 0, 8);
	expect_refused(test, &req, "nr_segments", 0x80);
	req = lists(27, 0, 8);
	expect_refused(test, &req, "nr_segments", 0x80 | 27);
	req = lists(1, 0, 9);
	expect_refused(test, &req, "length of a segment list", 9);
	req = lists(1, 0, 0);
	expect_refused(test, &req, "end of a segment list", 0);
	req = lists(1, 8, 4096);
	expect_refused(test, &req, "end of a segment list", 4104);
	req = lists(3, 0, 4096);
	expect_refused(test, &req, "number of segments", 1536);
}

static void task_management(struct kunit *test)
{
	struct vscsiif_request req = {
		.act = VSCSIIF_ACT_SCSI_ABORT,
		.ref_rqid = 77,
		.nr_segments = 255,
		.cmd_len = 255,
	};
	struct parsed p = parse(&req);

	KUNIT_ASSERT_TRUE(test, p.ok);
	KUNIT_EXPECT_EQ(test, p.io.ref_rqid, 77);
	KUNIT_EXPECT_EQ(test, p.io.nr_segs, 0);
	req.act = VSCSIIF_ACT_SCSI_RESET;
	KUNIT_EXPECT_TRUE(test, parse(&req).ok);
}

/* hostile-peers 4: nothing of ours leaks through a response */
static void responses(struct kunit *test)
{
	struct scsiback_result r;
	struct vscsiif_response rsp;
	u8 sense[200], *byte;

	memset(sense, 0xee, sizeof(sense));
	memset(&r, 0x77, sizeof(r));
	memset(&rsp, 0x55, sizeof(rsp));
	scsiback_set_result(&r, DID_TIME_OUT << 16 | SAM_STAT_CHECK_CONDITION, sense, 18, 5);
	scsiback_respond(&rsp, 9, &r);
	KUNIT_EXPECT_EQ(test, rsp.rqid, 9);
	KUNIT_EXPECT_EQ(test, rsp.rslt, XEN_VSCSIIF_RSLT_HOST_TIME_OUT << 16 | SAM_STAT_CHECK_CONDITION);
	KUNIT_EXPECT_EQ(test, rsp.residual_len, 5);
	KUNIT_EXPECT_EQ(test, rsp.sense_len, 18);
	KUNIT_EXPECT_EQ(test, rsp.padding, 0);
	KUNIT_EXPECT_EQ(test, rsp.sense_buffer[17], 0xee);
	for (byte = &rsp.sense_buffer[18]; byte < &rsp.sense_buffer[VSCSIIF_SENSE_BUFFERSIZE]; byte++)
		KUNIT_ASSERT_EQ(test, *byte, 0);

	scsiback_set_result(&r, 0, sense, sizeof(sense), 0);
	KUNIT_EXPECT_EQ(test, r.sense_len, VSCSIIF_SENSE_BUFFERSIZE);
	scsiback_set_sense(&r, ILLEGAL_REQUEST, 0x20, 0, 512);
	KUNIT_EXPECT_EQ(test, r.rslt, SAM_STAT_CHECK_CONDITION);
	KUNIT_EXPECT_EQ(test, r.sense_len, 18);
	KUNIT_EXPECT_EQ(test, r.sense[2], ILLEGAL_REQUEST);
	KUNIT_EXPECT_EQ(test, r.sense[12], 0x20);
	KUNIT_EXPECT_EQ(test, r.resid, 512);
}

static void host_bytes(struct kunit *test)
{
	static const struct { u8 did, host; } want[] = {
		{ DID_OK, 0 }, { DID_NO_CONNECT, 1 }, { DID_BUS_BUSY, 2 }, { DID_TIME_OUT, 3 }, { DID_ABORT, 5 },
		{ DID_ERROR, 7 }, { DID_RESET, 8 }, { DID_REQUEUE, 13 }, { DID_TRANSPORT_MARGINAL, 20 }, { 0xfe, 7 },
	};
	struct scsiback_result r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		scsiback_set_result(&r, want[i].did << 16, NULL, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, XEN_VSCSIIF_RSLT_HOST(r.rslt), want[i].host, "DID %u", want[i].did);
	}
}

/*
 * SPC-5, annex "Operation codes": M mandatory, O optional, Z obsolete, V the vendor's. The columns, as there: D disks,
 * Z host-managed zones, T tapes, P processors, R drives for discs, O optical memory, M changers, A arrays'
 * controllers, E enclosures, B simplified disks. (K, V and F are of devices that Linux has no driver for.) Where a
 * code is two commands, for different classes, both are in its row.
 */
static const char *const annex[256] = {
	/*       DZTPROMAEB */
	[0x00] = "MMMMMMMMMM", [0x01] = "Z M ZZZ   ", [0x02] = "V VVV V   ", [0x03] = "MMMMMMMMMO",
	[0x04] = "MOO OO    ", [0x05] = "V MVV V   ", [0x06] = "V VVV V   ", [0x07] = "O V  OO   ",
	[0x08] = "Z MO OV   ", [0x09] = "V VVV V   ", [0x0a] = "Z OM OV   ", [0x0b] = "Z O OZV   ",
	[0x0c] = "V VVV V   ", [0x0d] = "V VVV V   ", [0x0e] = "V VVV V   ", [0x0f] = "V OVV V   ",
	[0x10] = "V MVV     ", [0x11] = "V MVV     ", [0x12] = "MMMMMMMMMM", [0x13] = "V OVV     ",
	[0x14] = "V OVV     ", [0x15] = "O M OOOOOO", [0x16] = "Z ZZ OOOZ ", [0x17] = "Z ZZ OOOZ ",
	[0x18] = "Z ZZZO    ", [0x19] = "V MVV     ", [0x1a] = "O M OOOOOO", [0x1b] = "OMO OOOO M",
	[0x1c] = "O OO OOOM ", [0x1d] = "MOMM MMOM ", [0x1e] = "O O OOO   ",
	[0x20] = "V   VV    ", [0x21] = "V   VV    ", [0x22] = "V   VV    ", [0x23] = "V   OV    ",
	[0x24] = "V   V     ", [0x25] = "M   OM   M", [0x26] = "V   V     ", [0x27] = "V   V     ",
	[0x28] = "M   OM   M", [0x29] = "V   VO    ", [0x2a] = "O   OM   M", [0x2b] = "Z M OOO   ",
	[0x2c] = "V   OO    ", [0x2d] = "V    O    ", [0x2e] = "O   OO   M", [0x2f] = "O   OO    ",
	[0x30] = "Z   ZZ    ", [0x31] = "Z   ZZ    ", [0x32] = "Z   ZZ    ", [0x33] = "Z   ZO    ",
	[0x34] = "O M  O    ", [0x35] = "O   OO   M", [0x36] = "Z    O    ", [0x37] = "O    OO   ",
	[0x38] = "     O    ", [0x39] = "Z ZZZO    ", [0x3a] = "Z ZZZO    ", [0x3b] = "OOOOOOOOOM",
	[0x3c] = "OOOOOOOOO ", [0x3d] = "     O    ", [0x3e] = "Z    Z    ", [0x3f] = "O    O    ",
	[0x40] = "Z ZZZOZ   ", [0x41] = "O         ", [0x42] = "O   O     ", [0x43] = "    O     ",
	[0x44] = "  M       ", [0x45] = "    O     ", [0x46] = "    M     ", [0x47] = "    O     ",
	[0x48] = "OO       O", [0x4a] = "    M     ", [0x4b] = "    O     ", [0x4c] = "OOOO OOOO ",
	[0x4d] = "OMOO OOOO ", [0x4e] = "    O     ", [0x50] = "Z         ", [0x51] = "O   O     ",
	[0x52] = "Z   O     ", [0x53] = "O   O     ", [0x54] = "    O     ", [0x55] = "OMO MOOOOM",
	[0x56] = "Z ZZ OOOZ ", [0x57] = "Z ZZ OOOZ ", [0x58] = "    O     ", [0x5a] = "OMO MOOOOM",
	[0x5b] = "    O     ", [0x5c] = "    O     ", [0x5d] = "    O     ", [0x5e] = "OOMO OOOO ",
	[0x5f] = "OOMO OOOO ", [0x7e] = "O O O OOOO", [0x7f] = "O         ",
	[0x80] = "Z M       ", [0x81] = "Z O       ", [0x82] = "Z O       ", [0x83] = "O OO O    ",
	[0x84] = "O OO O    ", [0x85] = "OO       O", [0x86] = "Z ZZ ZZZZZ", [0x87] = "Z ZZ ZZZZZ",
	[0x88] = "MMO  O   O", [0x89] = "O         ", [0x8a] = "OMO  O   O", [0x8b] = "O         ",
	[0x8c] = "O O  OO  O", [0x8d] = "O O  OO  O", [0x8e] = "O    O   O", [0x8f] = "OOO  O   O",
	[0x90] = "O    O   O", [0x91] = "OMO  O   O", [0x92] = "Z M  O    ", [0x93] = "OMM       ",
	[0x94] = "OM        ", [0x95] = "OM        ", [0x9a] = "OO        ", [0x9b] = "OOO   OOO ",
	[0x9c] = "O         ", [0x9e] = "OM        ", [0xa0] = "MMMO OMMM ", [0xa1] = "OO  O    O",
	[0xa2] = "OOO O     ", [0xa3] = "OMO OOOMOO", [0xa4] = "OOO OOOOOO", [0xa5] = "  Z OOM   ",
	[0xa6] = "    O O   ", [0xa7] = "Z Z OO    ", [0xa8] = "O   OO    ", [0xaa] = "O   OO    ",
	[0xab] = "    O     ", [0xac] = "    OO    ", [0xad] = "    O     ", [0xae] = "O    O    ",
	[0xaf] = "O    O    ", [0xb0] = "    ZZ    ", [0xb1] = "    ZZ    ", [0xb2] = "    ZZ    ",
	[0xb3] = "Z   ZO    ", [0xb4] = "Z Z ZO    ", [0xb5] = "OOO O O   ", [0xb6] = "    O O   ",
	[0xb7] = "OO   O    ", [0xb8] = "  Z ZOM   ", [0xb9] = "    O     ", [0xba] = "O   OOOMO ",
	[0xbb] = "O   OOOOO ", [0xbc] = "O    OOMO ", [0xbd] = "O   OOOOO ", [0xbe] = "O   OOOMO ",
	[0xbf] = "O   OOOOO ",
};

/* Where the policy is not "what the annex has for the class, and nothing else", and why. S: scanners, X: others. */
static const struct difference {
	u8 first, last;
	const char *columns;
	unsigned int needs;
	const char *why;
} differences[] = {
	{ 0x08, 0x08, "DZRB", 0, "READ(6): disks until SBC-3 and SCSI drives for discs" },
	{ 0x0a, 0x0a, "DZRB", 0, "WRITE(6): the same" },
	{ 0x0a, 0x0b, "X", SCSIBACK_ALLOW_VENDOR, "a printer's" },
	{ 0x15, 0x15, "A", SCSIBACK_ALLOW_TARGET, "a controller's settings are other LUNs'" },
	{ 0x16, 0x17, "DZTPROMAEBSX", SCSIBACK_ALLOW_RESERVATIONS, "other initiators" },
	{ 0x18, 0x18, "DZTPROMAEBSX", SCSIBACK_ALLOW_COPY, "other devices" },
	{ 0x1b, 0x1b, "A", SCSIBACK_ALLOW_TARGET, "stops other LUNs" },
	{ 0x1d, 0x1d, "A", SCSIBACK_ALLOW_TARGET, "tests other LUNs" },
	{ 0x23, 0x23, "DZB", 0, "READ FORMAT CAPACITIES: USB disks (UFI), a question" },
	{ 0x39, 0x3a, "DZTPROMAEBSX", SCSIBACK_ALLOW_COPY, "other devices" },
	{ 0x3b, 0x3b, "A", SCSIBACK_ALLOW_TARGET, "a controller's buffer is all LUNs'" },
	{ 0x3e, 0x3e, "DZOB", 0, "READ LONG(10): until SBC-3; a question" },
	{ 0x40, 0x40, "O", SCSIBACK_ALLOW_VENDOR, "CHANGE DEFINITION: what the device is, for whoever has it next" },
	{ 0x48, 0x48, "R", 0, "PLAY AUDIO TRACK/INDEX: SCSI-2; Linux's sr sends it" },
	{ 0x4c, 0x4c, "A", SCSIBACK_ALLOW_TARGET, "other LUNs' logs" },
	{ 0x55, 0x55, "A", SCSIBACK_ALLOW_TARGET, "as MODE SELECT(6)" },
	{ 0x56, 0x57, "DZTPROMAEBSX", SCSIBACK_ALLOW_RESERVATIONS, "other initiators" },
	{ 0x5e, 0x5f, "DZTPROMAEBSX", SCSIBACK_ALLOW_RESERVATIONS, "other initiators" },
	{ 0x83, 0x84, "DZTPROMAEBSX", SCSIBACK_ALLOW_COPY, "other devices" },
	{ 0x86, 0x87, "DZTPROMAEBSX", SCSIBACK_ALLOW_TARGET, "who may use the target" },
	{ 0x9e, 0x9e, "O", 0, "READ CAPACITY(16): SBC, which optical memory is of" },
	{ 0x9f, 0x9f, "DZB", 0, "WRITE LONG(16), WRITE SCATTERED(16): SBC-4, not yet in the annex" },
	{ 0xa0, 0xa0, "RBX", 0, "REPORT LUNS: we answer it" },
	{ 0xa4, 0xa4, "DZTPOMAEBSX", SCSIBACK_ALLOW_TARGET, "MAINTENANCE OUT: ports, identifiers" },
	{ 0xa5, 0xa5, "DZTOB", SCSIBACK_ALLOW_TARGET, "a changer that is attached" },
	{ 0xa7, 0xa7, "DZTOB", SCSIBACK_ALLOW_TARGET, "a changer that is attached" },
	{ 0xb5, 0xb5, "DZRB", SCSIBACK_ALLOW_SETTINGS, "passwords outlive the guest; a tape's keys (20h) do not" },
	{ 0xba, 0xba, "DZTPOMEBSX", SCSIBACK_ALLOW_TARGET, "SCC: what an array is made of" },
	{ 0xbb, 0xbb, "DZTPOMAEBSX", SCSIBACK_ALLOW_TARGET, "SCC: changes it" },
	{ 0xbc, 0xbc, "DZTPROMEBSX", SCSIBACK_ALLOW_TARGET, "as BAh" },
	{ 0xbd, 0xbd, "DZTPOMAEBSX", SCSIBACK_ALLOW_TARGET, "as BBh" },
	{ 0xbe, 0xbe, "DZTPOMEBSX", SCSIBACK_ALLOW_TARGET, "as BAh" },
	{ 0xbf, 0xbf, "DZTPOMAEBSX", SCSIBACK_ALLOW_TARGET, "as BBh" },
};

/* SCSI-2, 15 (scanners); questions of SPC for whatever it is. */
static const u8 scanners[] = { 0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1c, 0x1d, 0x24, 0x25, 0x28, 0x2a, 0x31, 0x34,
			       0x3b, 0x3c, 0x4c, 0x4d, 0x55, 0x5a, 0xa0 };
static const u8 others[] = { 0x00, 0x03, 0x12, 0x1a, 0x1c, 0x3c, 0x4d, 0x5a, 0xa0 };

static char column_of(u8 type)
{
	/*                        0123456789abcdef0123456789abcdef */
	static const char of[] = "DTXPORSOMXXXAEBXXXXXZXXXXXXXXXXX";

	return of[type];
}

static bool in_annex(u8 op, char column)
{
	const char *row = annex[op] ?: "          ";
	char letter = row[strchr("DZTPROMAEB", column) - "DZTPROMAEB"];

	/* Zoned and simplified disks are disks: SBC's commands are theirs, too. */
	if (column == 'Z' || column == 'B')
		return letter == 'M' || letter == 'O' || in_annex(op, 'D');
	return letter == 'M' || letter == 'O';
}

static unsigned int expected_needs(u8 op, char column)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(differences); i++)
		if (op >= differences[i].first && op <= differences[i].last && strchr(differences[i].columns, column))
			return differences[i].needs;
	if (column == 'S')
		return memchr(scanners, op, sizeof(scanners)) ? 0 : SCSIBACK_ALLOW_VENDOR;
	if (column == 'X')
		return memchr(others, op, sizeof(others)) ? 0 : SCSIBACK_ALLOW_VENDOR;
	return in_annex(op, column) ? 0 : SCSIBACK_ALLOW_VENDOR;
}

/* A command of that code that does nothing special. */
static void plain_form(u8 op, u8 *cdb)
{
	memset(cdb, 0, 16);
	cdb[0] = op;
	switch (op) {
	case 0x85:
		cdb[14] = 0xec;
		cdb[1] = 4 << 1;
		break;
	case 0x9e:
		cdb[1] = 0x10;
		break;
	case 0x9f:
		cdb[1] = 0x11;
		break;
	case 0xa1:
		cdb[9] = 0xec;
		cdb[1] = 4 << 1;
		break;
	case 0xb5:
		cdb[1] = 0x20;
		break;
	}
}

static void every_code_of_every_class(struct kunit *test)
{
	unsigned int op, type, wrong = 0;
	u8 cdb[16];

	for (op = 0; op < 256; op++)
		for (type = 0; type < 32; type++) {
			unsigned int needs = expected_needs(op, column_of(type));
			bool may, may_with, may_without;

			plain_form(op, cdb);
			may = scsiback_allowed(cdb, type, 0);
			may_with = scsiback_allowed(cdb, type, needs);
			may_without = scsiback_allowed(cdb, type, ~needs);
			if (op == 0x7e || op == 0x7f ? !may && !may_with && !may_without :
			    may == !needs && may_with && may_without == !needs)
				continue;
			if (wrong++ < 16)
				KUNIT_FAIL(test, "%#x of type %#x (%c): %s; wanted: %#x", op, type, column_of(type),
					   may ? "free" : may_with ? "denied" : "denied for another reason", needs);
		}
	KUNIT_EXPECT_EQ(test, wrong, 0u);
}

static void allowed(struct kunit *test)
{
	static const struct { u8 cdb[16]; u8 type; unsigned int needs; } want[] = {
		{ { WRITE_BUFFER, 0x00 }, TYPE_DISK, 0 },
		{ { WRITE_BUFFER, 0x02 }, TYPE_DISK, 0 },
		{ { WRITE_BUFFER, 0x0a }, TYPE_TAPE, 0 },
		{ { WRITE_BUFFER, 0x05 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { WRITE_BUFFER, 0xed }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { WRITE_BUFFER, 0x01 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { WRITE_BUFFER, 0x1a }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { READ_BUFFER, 0x01 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { READ_BUFFER, 0x03 }, TYPE_DISK, 0 },
		{ { SEND_DIAGNOSTIC, 0x04 }, TYPE_DISK, 0 },
		{ { SEND_DIAGNOSTIC, 0x02 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { SEND_DIAGNOSTIC, 0x10, 0, 0, 4 }, TYPE_DISK, 0 },
		{ { SEND_DIAGNOSTIC, 0x00, 0, 0, 4 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { MODE_SELECT, 0x10 }, TYPE_DISK, 0 },
		{ { MODE_SELECT, 0x11 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { MODE_SELECT_10, 0x11 }, TYPE_ROM, SCSIBACK_ALLOW_SETTINGS },
		{ { LOG_SELECT, 0x01 }, TYPE_TAPE, SCSIBACK_ALLOW_SETTINGS },
		{ { LOG_SELECT, 0x02 }, TYPE_TAPE, 0 },
		/* By their protocol: a reset; identify, SMART, TRIM, cache, firmware, password, capacity, vendors'. */
		{ { ATA_16, 0x00 << 1, [14] = 0xec }, TYPE_DISK, SCSIBACK_ALLOW_TARGET },
		{ { ATA_16, 0x01 << 1, [14] = 0xec }, TYPE_ZBC, SCSIBACK_ALLOW_TARGET },
		{ { ATA_16, 0x08 << 1, [14] = 0x90 }, TYPE_DISK, SCSIBACK_ALLOW_TARGET },
		{ { ATA_16, 0x04 << 1, [14] = 0xec }, TYPE_DISK, 0 },
		{ { ATA_16, 0x04 << 1, [4] = 0xd0, [14] = 0xb0 }, TYPE_DISK, 0 },
		{ { ATA_16, 0x05 << 1, [4] = 0xd6, [14] = 0xb0 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { ATA_12, 0x05 << 1, [3] = 0xd6, [9] = 0xb0 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { ATA_16, 0x06 << 1, [4] = 0x01, [14] = 0x06 }, TYPE_DISK, 0 },
		{ { ATA_16, 0x03 << 1, [4] = 0x82, [14] = 0xef }, TYPE_DISK, 0 },
		{ { ATA_16, 0x03 << 1, [4] = 0x06, [14] = 0xef }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { ATA_16, 0x06 << 1, [14] = 0x92 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { ATA_12, 0x05 << 1, [9] = 0x93 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { ATA_12, 0x05 << 1, [9] = 0x93 }, TYPE_ROM, 0 },
		{ { ATA_16, 0x05 << 1, [14] = 0xf1 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { ATA_16, 0x05 << 1, [14] = 0xf4 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { ATA_16, 0x03 << 1, [14] = 0xf9 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { ATA_16, 0x03 << 1, [14] = 0xb1 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { ATA_16, 0x03 << 1, [14] = 0x80 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { ATA_16, 0x03 << 1, [14] = 0xfa }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { SERVICE_ACTION_IN_16, 0x12 }, TYPE_DISK, 0 },
		{ { SERVICE_ACTION_IN_16, 0x18 }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		{ { SERVICE_ACTION_IN_16, 0x1f }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { SERVICE_ACTION_OUT_16, 0x12 }, TYPE_DISK, 0 },
		{ { SERVICE_ACTION_OUT_16, 0x1f }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { MAINTENANCE_OUT, 0x0a }, TYPE_DISK, SCSIBACK_ALLOW_TARGET },
		{ { MAINTENANCE_IN, 0x0a }, TYPE_DISK, 0 },
		{ { MAINTENANCE_IN, 0x1f }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { MAINTENANCE_IN, 0x1f }, TYPE_ROM, 0 },
		{ { SECURITY_PROTOCOL_OUT, 0x20 }, TYPE_TAPE, 0 },
		{ { SECURITY_PROTOCOL_OUT, 0x01 }, TYPE_TAPE, SCSIBACK_ALLOW_SETTINGS },
		{ { SECURITY_PROTOCOL_OUT, 0xef }, TYPE_DISK, SCSIBACK_ALLOW_SETTINGS },
		/* HP's BMIC_WRITE: a controller's configuration. */
		{ { 0x27 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { 0xff }, TYPE_TAPE, SCSIBACK_ALLOW_VENDOR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		const u8 *cdb = want[i].cdb, type = want[i].type;
		unsigned int needs = want[i].needs;

		KUNIT_EXPECT_EQ_MSG(test, scsiback_allowed(cdb, type, 0), !needs, "%u: %#x", i, cdb[0]);
		KUNIT_EXPECT_TRUE_MSG(test, scsiback_allowed(cdb, type, needs), "%u: %#x", i, cdb[0]);
		KUNIT_EXPECT_EQ_MSG(test, scsiback_allowed(cdb, type, ~needs), !needs, "%u: %#x", i, cdb[0]);
	}
}

/* Parameter lists of SEND DIAGNOSTIC, by their first byte; without PF nothing says what they are. */
static void allowed_pages(struct kunit *test)
{
	static const struct { u8 first, last; unsigned int needs; } want[] = {
		{ 0x00, 0x00, 0 },
		{ 0x01, 0x0d, SCSIBACK_ALLOW_TARGET },
		{ 0x0e, 0x0e, SCSIBACK_ALLOW_FIRMWARE },
		{ 0x0f, 0x3f, SCSIBACK_ALLOW_TARGET },
		{ 0x40, 0x40, 0 },
		{ 0x41, 0x7f, SCSIBACK_ALLOW_TARGET },
		{ 0x80, 0xff, SCSIBACK_ALLOW_VENDOR },
	};
	static const u8 paged[16] = { SEND_DIAGNOSTIC, 0x10 }, plain[16] = { SEND_DIAGNOSTIC };
	unsigned int i, page;

	for (i = 0; i < ARRAY_SIZE(want); i++)
		for (page = want[i].first; page <= want[i].last; page++) {
			KUNIT_EXPECT_TRUE(test, scsiback_allowed_page(paged, page, want[i].needs));
			KUNIT_EXPECT_EQ_MSG(test, scsiback_allowed_page(paged, page, ~want[i].needs), !want[i].needs,
					    "page %#x", page);
			KUNIT_EXPECT_TRUE(test, scsiback_allowed_page(plain, page, 0));
		}
}

/* Longer than the wire carries: LIO would take what lies behind the 16 bytes for the rest. */
static void no_long_commands(struct kunit *test)
{
	static const u8 op[] = { 0x7e, 0x7f };
	unsigned int i, type;

	for (i = 0; i < ARRAY_SIZE(op); i++) {
		u8 cdb[16] = { op[i], [7] = 0x18 };

		for (type = 0; type < 32; type++)
			KUNIT_EXPECT_FALSE(test, scsiback_allowed(cdb, type, ~0));
	}
}

static void allow_lists(struct kunit *test)
{
	unsigned int allow = 99;

	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("", &allow), 0);
	KUNIT_EXPECT_EQ(test, allow, 0);
	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("copy,reservations\n", &allow), 0);
	KUNIT_EXPECT_EQ(test, allow, SCSIBACK_ALLOW_COPY | SCSIBACK_ALLOW_RESERVATIONS);
	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("vendor, target firmware", &allow), 0);
	KUNIT_EXPECT_EQ(test, allow, SCSIBACK_ALLOW_VENDOR | SCSIBACK_ALLOW_TARGET | SCSIBACK_ALLOW_FIRMWARE);
	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("cop", &allow), -EINVAL);
	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("copy,all", &allow), -EINVAL);
	KUNIT_EXPECT_EQ(test, scsiback_allow_parse("copyright", &allow), -EINVAL);
}

static void only_bulk_data_is_shared(struct kunit *test)
{
	unsigned int op, nr = 0;

	for (op = 0; op < 256; op++)
		nr += scsiback_bulk(op);
	KUNIT_EXPECT_EQ(test, nr, 10);
	KUNIT_EXPECT_TRUE(test, scsiback_bulk(READ_16));
	KUNIT_EXPECT_FALSE(test, scsiback_bulk(INQUIRY));
	KUNIT_EXPECT_FALSE(test, scsiback_bulk(UNMAP));
	KUNIT_EXPECT_FALSE(test, scsiback_bulk(MODE_SELECT));
}

/* What concerns a whole medium takes its time, an erasure by ATA PASS-THROUGH, a long UNMAP, a disc's BLANK. */
static void long_commands(struct kunit *test)
{
	static const struct {
		u8 type, op;
	} slow[] = {
		{ TYPE_DISK, FORMAT_UNIT }, { TYPE_DISK, VERIFY_16 }, { TYPE_DISK, UNMAP },
		{ TYPE_DISK, WRITE_SAME_16 }, { TYPE_DISK, REASSIGN_BLOCKS }, { TYPE_DISK, ATA_16 },
		{ TYPE_DISK, SECURITY_PROTOCOL_OUT }, { TYPE_ROM, 0xa1 }, { TYPE_ROM, 0x5b },
		{ TYPE_TAPE, 0x11 }, { TYPE_TAPE, 0x19 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slow); i++)
		KUNIT_EXPECT_GE_MSG(test, scsiback_timeout(slow[i].op, slow[i].type), 4u * 60 * 60 * HZ,
				    "type %u, command %#x", slow[i].type, slow[i].op);
	KUNIT_EXPECT_EQ(test, scsiback_timeout(READ_10, TYPE_DISK), 60u * HZ);
	KUNIT_EXPECT_EQ(test, scsiback_timeout(READ_6, TYPE_TAPE), 15u * 60 * HZ);
}

/* Pages of vital product data: as long as they were, or one byte more, and in order. */
static void limits_of_a_disk(struct kunit *test)
{
	static const u8 list[] = { 0, 0, 0, 4, 0x00, 0x80, 0x83, 0xb1 }, full[] = { 0, 0, 0, 3, 0x00, 0xb0, 0xb2 };
	static const u8 listed[] = { 0, 0, 0, 5, 0x00, 0x80, 0x83, 0xb0, 0xb1 };
	u8 data[64] = { };

	memcpy(data, list, sizeof(list));
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 8, 64, 0x00, 240), 9u);
	EXPECT_MEMEQ(test, data, listed, sizeof(listed));
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 9, 64, 0x00, 240), 9u);
	/* No room, or not all of it here. */
	memcpy(data, list, sizeof(list));
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 8, 8, 0x00, 240), 8u);
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 6, 64, 0x00, 240), 6u);
	EXPECT_MEMEQ(test, data, list, sizeof(list));
	data[2] = 0xff;
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 64, 64, 0x00, 240), 64u);
	memcpy(data, full, sizeof(full));
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 7, 64, 0x00, 240), 7u);
	EXPECT_MEMEQ(test, data, full, sizeof(full));
	/* A device without the page, asked for four bytes, or for all. */
	memset(data, 0, sizeof(data));
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 0, 4, 0xb0, 240), 4u);
	KUNIT_EXPECT_EQ(test, data[3], 60);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&data[8]), 0u);
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 0, 255, 0xb0, 240), 64u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&data[8]), 240u);
	/* What it promises is kept if it can be. */
	put_unaligned_be32(100, &data[8]);
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 64, 255, 0xb0, 240), 64u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&data[8]), 100u);
	put_unaligned_be32(1000, &data[8]);
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 8, 8, 0xb0, 240), 8u);
	KUNIT_EXPECT_EQ(test, scsiback_edit_vpd(data, 64, 255, 0x83, 240), 64u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&data[8]), 1000u);
}

/* Never more than it has asked for. */
static void cut_commands(struct kunit *test)
{
	u8 cdb[16] = { READ_10, [7] = 0x12, [8] = 0x34 };

	KUNIT_EXPECT_FALSE(test, pv_vscsiif_set_blocks(cdb, 0x1235));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(&cdb[7]), 0x1234);
	KUNIT_EXPECT_TRUE(test, pv_vscsiif_set_blocks(cdb, 0x1233));
	KUNIT_EXPECT_TRUE(test, pv_vscsiif_set_blocks(cdb, 0x1233));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(&cdb[7]), 0x1233);
	memset(cdb, 0, sizeof(cdb));
	cdb[0] = WRITE_6;
	KUNIT_EXPECT_FALSE(test, pv_vscsiif_set_blocks(cdb, 257));
	KUNIT_EXPECT_TRUE(test, pv_vscsiif_set_blocks(cdb, 255));
	KUNIT_EXPECT_EQ(test, cdb[4], 255);
	cdb[0] = WRITE_16;
	put_unaligned_be32(1000, &cdb[10]);
	KUNIT_EXPECT_TRUE(test, pv_vscsiif_set_blocks(cdb, 10));
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&cdb[10]), 10u);
	cdb[0] = READ_12;
	put_unaligned_be32(1000, &cdb[6]);
	KUNIT_EXPECT_TRUE(test, pv_vscsiif_set_blocks(cdb, 10));
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(&cdb[6]), 10u);
	cdb[0] = UNMAP;
	KUNIT_EXPECT_FALSE(test, pv_vscsiif_set_blocks(cdb, 0));
}

static void limits_of_a_tape(struct kunit *test)
{
	u8 data[6] = { 4, 0xff, 0xff, 0xff, 0, 1 };

	scsiback_edit_block_limits(data, 512 << 10);
	KUNIT_EXPECT_EQ(test, get_unaligned_be24(&data[1]), 512u << 10);
	scsiback_edit_block_limits(data, 1 << 20);
	KUNIT_EXPECT_EQ(test, get_unaligned_be24(&data[1]), 512u << 10);
	/* No limit of its own. */
	put_unaligned_be24(0, &data[1]);
	scsiback_edit_block_limits(data, 1U << 30);
	KUNIT_EXPECT_EQ(test, get_unaligned_be24(&data[1]), 0xffffffu);
	KUNIT_EXPECT_EQ(test, data[0], 4);
	KUNIT_EXPECT_EQ(test, data[5], 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_good_request),
	KUNIT_CASE(bad_requests),
	KUNIT_CASE(no_data),
	KUNIT_CASE(segments_in_pages),
	KUNIT_CASE(task_management),
	KUNIT_CASE(responses),
	KUNIT_CASE(host_bytes),
	KUNIT_CASE(every_code_of_every_class),
	KUNIT_CASE(allowed),
	KUNIT_CASE(allowed_pages),
	KUNIT_CASE(no_long_commands),
	KUNIT_CASE(allow_lists),
	KUNIT_CASE(only_bulk_data_is_shared),
	KUNIT_CASE(long_commands),
	KUNIT_CASE(limits_of_a_disk),
	KUNIT_CASE(limits_of_a_tape),
	KUNIT_CASE(cut_commands),
	{ }
};

static struct kunit_suite scsiback_request_suite = {
	.name = "scsiback_request",
	.test_cases = cases,
};

kunit_test_suite(scsiback_request_suite);

MODULE_DESCRIPTION("Tests of scsiback's parsing of requests and its policy");
MODULE_LICENSE("GPL");
