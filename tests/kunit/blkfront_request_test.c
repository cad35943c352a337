// SPDX-License-Identifier: GPL-2.0
/*
 * What blkfront writes into a slot, for every operation and edge; and which name a disk gets.
 */
#include <linux/compiler.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../blkfront/request.c"
#include "../../blkfront/vdev.c"

#define ID	0x0102030405060708ULL
#define SECTOR	0x1122334455667788ULL

static struct blkif_request *old_slot(struct kunit *test)
{
	struct blkif_request *req = kunit_kzalloc(test, sizeof(*req), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, req);
	/* What was there before must not be seen by the backend. */
	memset(req, 0xdb, sizeof(*req));
	return req;
}

/* The wire, byte by byte: all that is expected is written down here. */
static void expect_begin(struct kunit *test, const struct blkif_request *req, const u8 *head, size_t len)
{
	const u8 *bytes = (const u8 *)req;
	size_t i;

	KUNIT_ASSERT_EQ(test, sizeof(*req), 112);
	for (i = 0; i < len; i++)
		KUNIT_ASSERT_EQ_MSG(test, bytes[i], head[i], "byte %zu", i);
}

/* The rest of the slot is zero. */
static void expect_bytes(struct kunit *test, const struct blkif_request *req, const u8 *head, size_t len)
{
	const u8 *bytes = (const u8 *)req;

	expect_begin(test, req, head, len);
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(bytes + len, 0, sizeof(*req) - len), "after byte %zu", len);
}

static void reads_and_writes(struct kunit *test)
{
	unsigned int nr, i, write;

	for (write = 0; write < 2; write++) {
		for (nr = 1; nr <= BLKIF_MAX_SEGMENTS_PER_REQUEST; nr++) {
			struct blkif_request *req = old_slot(test);
			struct pv_front_list list;
			u8 want[112] = {
				[0] = write ? 1 : 0, [1] = nr, [2] = 0x34, [3] = 0x12,
				[8] = 8, 7, 6, 5, 4, 3, 2, 1,
				[16] = 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
			};

			KUNIT_EXPECT_EQ(test, blkfront_fill_rw(req, write, 0x1234, ID, SECTOR, nr, &list),
					24 + nr * 8);
			for (i = 0; i < nr; i++) {
				/* Whole pages, but for the last: sectors 2 and 3 */
				if (i == nr - 1)
					blkfront_add_segment(&list, 0xa0b0c000 + i, 1024, 1024);
				else
					blkfront_add_segment(&list, 0xa0b0c000 + i, 0, PAGE_SIZE);
				want[24 + i * 8] = i;
				want[25 + i * 8] = 0xc0;
				want[26 + i * 8] = 0xb0;
				want[27 + i * 8] = 0xa0;
				want[28 + i * 8] = i == nr - 1 ? 2 : 0;
				want[29 + i * 8] = i == nr - 1 ? 3 : 7;
			}
			expect_begin(test, req, want, 24 + nr * 8);
			KUNIT_EXPECT_EQ(test, list.left, 0);
			KUNIT_EXPECT_EQ(test, blkfront_wire_op(req), write ? BLKIF_OP_WRITE : BLKIF_OP_READ);
		}
	}
}

/* Every place and length of a segment in its page. */
static void segments(struct kunit *test)
{
	struct blkif_request *req = old_slot(test);
	struct pv_front_list list;
	unsigned int first, last;

	for (first = 0; first < 8; first++) {
		for (last = first; last < 8; last++) {
			blkfront_fill_rw(req, false, 0, 0, 0, 1, &list);
			blkfront_add_segment(&list, 77, first * 512, (last - first + 1) * 512);
			KUNIT_EXPECT_EQ(test, req->u.rw.seg[0].gref, 77);
			KUNIT_EXPECT_EQ(test, req->u.rw.seg[0].first_sect, first);
			KUNIT_EXPECT_EQ(test, req->u.rw.seg[0].last_sect, last);
		}
	}
}

static void indirect_pages(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(1), 0);
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(11), 0);
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(12), 1);
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(512), 1);
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(513), 2);
	KUNIT_EXPECT_EQ(test, blkfront_indirect_pages(4096), 8);
	KUNIT_EXPECT_EQ(test, BLKFRONT_MAX_INDIRECT, 4096);
}

static void indirect_requests(struct kunit *test)
{
	static const unsigned int sizes[] = { 12, 13, 32, 255, 256, 511, 512, 513, 1024, 1025, 4095, 4096 };
	struct blkif_request_segment *page[8];
	struct pv_grant grant[8] = {};
	unsigned int s, i, nr;

	for (i = 0; i < 8; i++) {
		page[i] = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
		grant[i].page = virt_to_page(page[i]);
	}
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct blkif_request *req = old_slot(test);
		struct pv_front_list list = { .page = grant };
		u8 want[112] = {
			[0] = BLKIF_OP_INDIRECT, [1] = s & 1,
			[8] = 8, 7, 6, 5, 4, 3, 2, 1,
			[16] = 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
			[24] = 0xcd, 0xab,
		};

		nr = sizes[s];
		want[2] = nr & 0xff;
		want[3] = nr >> 8;
		for (i = 0; i < 8; i++) {
			memset(page[i], 0xdb, PAGE_SIZE);
			grant[i].next = i + 1 < blkfront_indirect_pages(nr) ? &grant[i + 1] : NULL;
		}
		blkfront_fill_indirect(req, s & 1, 0xabcd, ID, SECTOR, nr, &list);
		for (i = 0; i < nr; i++)
			blkfront_add_segment(&list, i + 1, (i % 8) * 512, 512);
		expect_bytes(test, req, want, 26);
		KUNIT_EXPECT_EQ(test, blkfront_wire_op(req), s & 1 ? BLKIF_OP_WRITE : BLKIF_OP_READ);
		for (i = 0; i < nr; i++) {
			struct blkif_request_segment *seg = &page[i / 512][i % 512];

			KUNIT_ASSERT_EQ(test, seg->gref, i + 1);
			KUNIT_ASSERT_EQ(test, seg->first_sect, i % 8);
			KUNIT_ASSERT_EQ(test, seg->last_sect, i % 8);
		}
		/* Not one more */
		for (; i < 4096; i++)
			KUNIT_ASSERT_EQ(test, page[i / 512][i % 512].gref, 0xdbdbdbdb);
	}
}

static void discards(struct kunit *test)
{
	unsigned int secure;

	for (secure = 0; secure < 2; secure++) {
		struct blkif_request *req = old_slot(test);
		u8 want[32] = {
			[0] = BLKIF_OP_DISCARD, [1] = secure,
			[8] = 8, 7, 6, 5, 4, 3, 2, 1,
			[16] = 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
			[24] = 0x05, 0, 0, 0, 0x10,
		};

		blkfront_fill_discard(req, ID, SECTOR, 0x1000000005ULL, secure);
		expect_bytes(test, req, want, sizeof(want));
		KUNIT_EXPECT_EQ(test, blkfront_wire_op(req), BLKIF_OP_DISCARD);
	}
}

static void flushes(struct kunit *test)
{
	static const u8 operations[] = { BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		struct blkif_request *req = old_slot(test);
		u8 want[24] = {
			[0] = operations[i], [1] = 0, [2] = 0x34, [3] = 0x12,
			[8] = 8, 7, 6, 5, 4, 3, 2, 1,
			[16] = 9,
		};

		blkfront_fill_flush(req, operations[i], 0x1234, ID, 9);
		expect_bytes(test, req, want, sizeof(want));
		KUNIT_EXPECT_EQ(test, blkfront_wire_op(req), operations[i]);
	}
}

/* Numbers, names and minors as the kernel's own driver gives them. */
static const struct {
	u32 number;
	int err;
	const char *name;
	unsigned int minor, nr_minors;
} disks[] = {
	/* xvd, the first 16 disks: 202 << 8 | disk << 4 | partition */
	{ 51712, 0, "xvda", 0, 16 },
	{ 51713, 0, "xvda1", 1, 1 },
	{ 51727, 0, "xvda15", 15, 1 },
	{ 51728, 0, "xvdb", 16, 16 },
	{ 51967, 0, "xvdp15", 255, 1 },
	/* extended: 1 << 28 | disk << 8 | partition */
	{ 0x10000000, 0, "xvda", 0, 256 },
	{ 0x10000001, 0, "xvda1", 1, 1 },
	{ 0x10001000, 0, "xvdq", 16 << 8, 256 },
	{ 0x10001900, 0, "xvdz", 25 << 8, 256 },
	{ 0x10001a00, 0, "xvdaa", 26 << 8, 256 },
	{ 0x10001a03, 0, "xvdaa3", (26 << 8) + 3, 1 },
	{ 0x10000000 | 701 << 8, 0, "xvdzz", 701 << 8, 256 },
	{ 0x10000000 | 702 << 8, 0, "xvdaaa", 702 << 8, 256 },
	{ 0x10000000 | 4095 << 8, 0, "xvdfan", 4095 << 8, 256 },
	/* hd: two disks a major, whole ones */
	{ 0x300, 0, "xvda", 0, 16 },
	{ 0x340, 0, "xvdb", 16, 16 },
	{ 0x1600, 0, "xvdc", 32, 16 },
	{ 0x1640, 0, "xvdd", 48, 16 },
	/* sd: sixteen disks a major */
	{ 0x800, 0, "xvda", 0, 16 },
	{ 0x811, 0, "xvdb1", 17, 1 },
	{ 0x4100, 0, "xvdq", 256, 16 },
	{ 0x4700, 0, "xvddi", 7 * 256, 16 },
	{ 0x8000, 0, "xvddy", 8 * 256, 16 },
	{ 0x8700 | 0xf0, 0, "xvdiv", 15 * 256 + 240, 16 },
	/* majors that no disk has */
	{ 0, -ENODEV },
	{ 0x100, -ENODEV },
	{ 0x900, -ENODEV },
	{ 0xff00, -ENODEV },
	/* bits that mean nothing, numbers that no minor can hold */
	{ 0x20000000, -EINVAL },
	{ 0x80000000, -EINVAL },
	{ 0xffffffff, -EINVAL },
	{ 0x10000000 | 4096 << 8, -EINVAL },
};

static void names_and_minors(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(disks); i++) {
		struct blkfront_vdev vdev;
		int err;

		memset(&vdev, 0xdb, sizeof(vdev));
		err = blkfront_vdev_parse(disks[i].number, &vdev);
		KUNIT_EXPECT_EQ_MSG(test, err, disks[i].err, "%#x", disks[i].number);
		if (err || disks[i].err)
			continue;
		KUNIT_EXPECT_STREQ(test, vdev.name, disks[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vdev.minor, disks[i].minor, "%#x", disks[i].number);
		KUNIT_EXPECT_EQ_MSG(test, vdev.nr_minors, disks[i].nr_minors, "%#x", disks[i].number);
	}
}

static struct kunit_case blkfront_request_cases[] = {
	KUNIT_CASE(reads_and_writes),
	KUNIT_CASE(segments),
	KUNIT_CASE(indirect_pages),
	KUNIT_CASE(indirect_requests),
	KUNIT_CASE(discards),
	KUNIT_CASE(flushes),
	KUNIT_CASE(names_and_minors),
	{}
};

static struct kunit_suite blkfront_request_suite = {
	.name = "blkfront_request",
	.test_cases = blkfront_request_cases,
};

kunit_test_suite(blkfront_request_suite);

MODULE_DESCRIPTION("Tests of blkfront's writing of requests");
MODULE_LICENSE("GPL");
