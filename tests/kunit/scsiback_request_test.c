// SPDX-License-Identifier: GPL-2.0
/*
 * What scsiback believes of a slot, and what it lets a guest send.
 */
#include <linux/dma-direction.h>
#include <scsi/scsi.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../scsiback/request.c"
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

static void allowed(struct kunit *test)
{
	static const struct { u8 cdb[16]; u8 type; unsigned int needs; } want[] = {
		{ { TEST_UNIT_READY }, TYPE_DISK, 0 },
		{ { READ_10 }, TYPE_DISK, 0 },
		{ { FORMAT_UNIT }, TYPE_DISK, 0 },
		{ { UNMAP }, TYPE_DISK, 0 },
		{ { OP_RESERVE_6 }, TYPE_TAPE, SCSIBACK_ALLOW_RESERVATIONS },
		{ { PERSISTENT_RESERVE_OUT }, TYPE_DISK, SCSIBACK_ALLOW_RESERVATIONS },
		{ { EXTENDED_COPY }, TYPE_DISK, SCSIBACK_ALLOW_COPY },
		{ { WRITE_BUFFER, 0x02 }, TYPE_DISK, 0 },
		{ { WRITE_BUFFER, 0x05 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { WRITE_BUFFER, 0xed }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { SEND_DIAGNOSTIC, 0x04 }, TYPE_DISK, 0 },
		{ { SEND_DIAGNOSTIC, 0x02 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { ATA_16, [14] = 0xec }, TYPE_DISK, 0 },
		{ { ATA_16, [14] = 0x92 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { ATA_12, [9] = 0x93 }, TYPE_DISK, SCSIBACK_ALLOW_FIRMWARE },
		{ { ATA_12, [9] = 0x93 }, TYPE_ROM, 0 },
		{ { MAINTENANCE_OUT, 0x0a }, TYPE_DISK, SCSIBACK_ALLOW_TARGET },
		{ { MAINTENANCE_IN, 0x0a }, TYPE_DISK, 0 },
		{ { 0xc1 }, TYPE_DISK, SCSIBACK_ALLOW_VENDOR },
		{ { 0xff }, TYPE_TAPE, SCSIBACK_ALLOW_VENDOR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		const u8 *cdb = want[i].cdb, type = want[i].type;
		unsigned int needs = want[i].needs;

		KUNIT_EXPECT_EQ_MSG(test, scsiback_allowed(cdb, type, 0), !needs, "%#x", cdb[0]);
		KUNIT_EXPECT_TRUE(test, scsiback_allowed(cdb, type, needs));
		KUNIT_EXPECT_EQ(test, scsiback_allowed(cdb, type, ~needs), !needs);
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
	KUNIT_EXPECT_GT(test, scsiback_timeout(FORMAT_UNIT, TYPE_DISK), scsiback_timeout(READ_10, TYPE_DISK));
	KUNIT_EXPECT_GT(test, scsiback_timeout(0x11, TYPE_TAPE), scsiback_timeout(READ_6, TYPE_TAPE));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_good_request),
	KUNIT_CASE(bad_requests),
	KUNIT_CASE(no_data),
	KUNIT_CASE(segments_in_pages),
	KUNIT_CASE(task_management),
	KUNIT_CASE(responses),
	KUNIT_CASE(host_bytes),
	KUNIT_CASE(allowed),
	KUNIT_CASE(no_long_commands),
	KUNIT_CASE(allow_lists),
	KUNIT_CASE(only_bulk_data_is_shared),
	{ }
};

static struct kunit_suite scsiback_request_suite = {
	.name = "scsiback_request",
	.test_cases = cases,
};

kunit_test_suite(scsiback_request_suite);

MODULE_DESCRIPTION("Tests of scsiback's parsing of requests and its policy");
MODULE_LICENSE("GPL");
