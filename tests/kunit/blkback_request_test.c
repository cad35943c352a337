// SPDX-License-Identifier: GPL-2.0
/*
 * What blkback believes of a slot, for every operation, layout and edge.
 */
#include <linux/compiler.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../blkback/request.c"

static const struct blkback_limits all = {
	.sectors = 1000000,
	.block = 1,
	.max_indirect = 256,
	.flush = true,
	.discard = true,
	.secure = true,
};

struct result {
	s16 status;
	struct blkback_io io;
	struct blkback_segment segs[BLKBACK_MAX_SEGMENTS];
	struct blkback_fault fault;
};

static struct result *new_result(struct kunit *test)
{
	struct result *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	return r;
}

static void parse(struct result *r, const struct blkback_slot *slot, const struct blkback_limits *lim)
{
	memset(r, 0x5a, sizeof(*r));
	r->status = blkback_parse(slot, lim, &r->io, r->segs, &r->fault);
}

/* Refused with that status, and the field's name; what a response needs is there all the same. */
static void expect_refused(struct kunit *test, const struct blkback_slot *slot, const struct blkback_limits *lim,
			   s16 status, const char *field)
{
	struct result *r = new_result(test);

	parse(r, slot, lim);
	KUNIT_EXPECT_EQ_MSG(test, r->status, status, "operation %u, %s", slot->operation, field);
	if (r->status != BLKIF_RSP_OKAY)
		KUNIT_EXPECT_STREQ(test, r->fault.field, field);
	KUNIT_EXPECT_EQ(test, r->io.id, slot->id);
	kunit_kfree(test, r);
}

static struct blkback_slot rw(u8 operation, u8 nr_segments)
{
	struct blkback_slot slot = { .operation = operation, .nr_segments = nr_segments, .id = 0xfedcba9876543210ULL,
				     .sector = 800 };
	unsigned int i;

	for (i = 0; i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
		slot.seg[i] = (struct blkif_request_segment){ .gref = 100 + i, .first_sect = 0, .last_sect = 7 };
	return slot;
}

static struct blkback_slot discard(u64 sector, u64 nr_sectors, u8 flag)
{
	return (struct blkback_slot){ .operation = BLKIF_OP_DISCARD, .flag = flag, .id = 77, .sector = sector,
				      .nr_sectors = nr_sectors };
}

static struct blkback_slot indirect(u8 op, u16 nr)
{
	struct blkback_slot slot = { .operation = BLKIF_OP_INDIRECT, .indirect_op = op, .nr_indirect = nr, .id = 5,
				     .sector = 4096 };

	slot.indirect.gref[0] = 4711;
	return slot;
}

/* The layouts, checked against the protocol's own structures. */

static void layouts(struct kunit *test)
{
	/* What a 32-bit guest's compiler makes of blkif.h: no padding before the 64-bit fields. */
	struct request_32 {
		u8 operation, nr_segments;
		u16 handle;
		u64 id;
		u64 sector;
		struct blkif_request_segment seg[11];
	} __packed;
	struct request_32 r32 = { .operation = BLKIF_OP_WRITE, .nr_segments = 11, .handle = 0xabcd,
				  .id = 0x1122334455667788ULL, .sector = 0x99aabbccddeeff00ULL };
	struct blkif_request r64 = { .operation = BLKIF_OP_WRITE };
	struct blkback_slot slot;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, blkback_stride(BLKBACK_X86_32), 108);
	KUNIT_EXPECT_EQ(test, blkback_stride(BLKBACK_X86_64), 112);
	KUNIT_EXPECT_EQ(test, blkback_response_size(BLKBACK_X86_32), 12);
	KUNIT_EXPECT_EQ(test, blkback_response_size(BLKBACK_X86_64), 16);
	KUNIT_ASSERT_EQ(test, sizeof(r32), 108);
	KUNIT_ASSERT_EQ(test, sizeof(r64), 112);

	for (i = 0; i < 11; i++)
		r32.seg[i] = (struct blkif_request_segment){ .gref = i * 3, .first_sect = i % 3,
							     .last_sect = 7 - i % 3 };
	memset(&slot, 0xff, sizeof(slot));
	memcpy(&slot, &r32, sizeof(r32));
	blkback_unpack(&slot, BLKBACK_X86_32);
	KUNIT_EXPECT_EQ(test, slot.operation, BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, slot.nr_segments, 11);
	KUNIT_EXPECT_EQ(test, slot.id, r32.id);
	KUNIT_EXPECT_EQ(test, slot.sector, r32.sector);
	EXPECT_MEMEQ(test, slot.seg, r32.seg, sizeof(r32.seg));

	r64.u.rw.nr_segments = 11;
	r64.u.rw.id = r32.id;
	r64.u.rw.sector_number = r32.sector;
	memcpy(r64.u.rw.seg, r32.seg, sizeof(r32.seg));
	memset(&slot, 0xff, sizeof(slot));
	memcpy(&slot, &r64, sizeof(r64));
	blkback_unpack(&slot, BLKBACK_X86_64);
	KUNIT_EXPECT_EQ(test, slot.id, r32.id);
	KUNIT_EXPECT_EQ(test, slot.sector, r32.sector);
	EXPECT_MEMEQ(test, slot.seg, r32.seg, sizeof(r32.seg));
}

/* A discard and an indirect request of a 32-bit guest: their fields lie elsewhere. */
static void layouts_of_other_operations(struct kunit *test)
{
	u8 bytes[112] = {};
	struct blkback_slot slot;

	/* discard: operation, flag, handle(2), id at 4, sector at 12, nr_sectors at 20 */
	bytes[0] = BLKIF_OP_DISCARD;
	bytes[1] = 1;
	bytes[4] = 0x42;
	bytes[12] = 0x10;
	bytes[20] = 0x08;
	memcpy(&slot, bytes, sizeof(slot));
	blkback_unpack(&slot, BLKBACK_X86_32);
	KUNIT_EXPECT_EQ(test, slot.flag, 1);
	KUNIT_EXPECT_EQ(test, slot.id, 0x42);
	KUNIT_EXPECT_EQ(test, slot.sector, 0x10);
	KUNIT_EXPECT_EQ(test, slot.nr_sectors, 8);

	/* indirect: operation, op, nr(2), id at 4, sector at 12, handle(2), pad(2), grefs at 24 */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = BLKIF_OP_INDIRECT;
	bytes[1] = BLKIF_OP_WRITE;
	bytes[2] = 0x2c;
	bytes[3] = 0x01;
	bytes[4] = 0x43;
	bytes[12] = 0x11;
	bytes[20] = 0xee;
	bytes[24] = 0x99;
	memcpy(&slot, bytes, sizeof(slot));
	blkback_unpack(&slot, BLKBACK_X86_32);
	KUNIT_EXPECT_EQ(test, slot.indirect_op, BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, slot.nr_indirect, 300);
	KUNIT_EXPECT_EQ(test, slot.id, 0x43);
	KUNIT_EXPECT_EQ(test, slot.sector, 0x11);
	KUNIT_EXPECT_EQ(test, slot.indirect.gref[0], 0x99);
}

static void protocols(struct kunit *test)
{
	enum blkback_abi abi;

	KUNIT_EXPECT_EQ(test, blkback_abi_parse("x86_64-abi", &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, BLKBACK_X86_64);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse("x86_32-abi", &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, BLKBACK_X86_32);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse(NULL, &abi), 0);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse(XEN_IO_PROTO_ABI_NATIVE, &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, BLKBACK_X86_64);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse("", &abi), -EINVAL);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse("x86_64-ab", &abi), -EINVAL);
	KUNIT_EXPECT_EQ(test, blkback_abi_parse("x86_64-abi-and-what-not-that-goes-on-for-more-than-64-characters-here",
						&abi), -EINVAL);
}

/* Read, write, barrier, flush */

static void reads_and_writes(struct kunit *test)
{
	static const u8 operations[] = { BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_WRITE_BARRIER,
					 BLKIF_OP_FLUSH_DISKCACHE };
	struct result *r = new_result(test);
	unsigned int o, n, i;

	for (o = 0; o < ARRAY_SIZE(operations); o++) {
		for (n = 1; n <= BLKIF_MAX_SEGMENTS_PER_REQUEST; n++) {
			struct blkback_slot slot = rw(operations[o], n);

			slot.seg[n - 1].first_sect = 3;
			slot.seg[n - 1].last_sect = 3;
			parse(r, &slot, &all);
			KUNIT_ASSERT_EQ(test, r->status, BLKIF_RSP_OKAY);
			KUNIT_EXPECT_EQ(test, r->io.id, slot.id);
			KUNIT_EXPECT_EQ(test, r->io.operation, operations[o]);
			KUNIT_EXPECT_EQ(test, r->io.sector, 800);
			KUNIT_EXPECT_EQ(test, r->io.nr_segs, n);
			KUNIT_EXPECT_EQ(test, r->io.nr_sectors, (n - 1) * 8 + 1);
			KUNIT_EXPECT_FALSE(test, r->io.indirect);
			for (i = 0; i < n; i++) {
				KUNIT_EXPECT_EQ(test, r->segs[i].gref, 100 + i);
				KUNIT_EXPECT_EQ(test, r->segs[i].first, i == n - 1 ? 3 : 0);
				KUNIT_EXPECT_EQ(test, r->segs[i].last, i == n - 1 ? 3 : 7);
				KUNIT_EXPECT_FALSE(test, r->segs[i].staged);
			}
		}
		/* The segments' number goes up to 11, the field up to 255. */
		for (n = 12; n <= 255; n++) {
			struct blkback_slot slot = rw(operations[o], n);

			expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");
		}
	}
}

static void empty_requests(struct kunit *test)
{
	struct result *r = new_result(test);
	struct blkback_limits readonly = all;
	struct blkback_slot slot;

	slot = rw(BLKIF_OP_READ, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");
	slot = rw(BLKIF_OP_WRITE, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");

	/* A flush without data is the usual one; where it says that it is does not matter. */
	slot = rw(BLKIF_OP_FLUSH_DISKCACHE, 0);
	slot.sector = ~0ULL;
	parse(r, &slot, &all);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, r->io.operation, BLKIF_OP_FLUSH_DISKCACHE);
	KUNIT_EXPECT_EQ(test, r->io.nr_segs, 0);
	KUNIT_EXPECT_EQ(test, r->io.nr_sectors, 0);
	slot.operation = BLKIF_OP_WRITE_BARRIER;
	parse(r, &slot, &all);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, r->io.nr_segs, 0);

	/* It writes nothing: a read-only disk can be flushed. */
	readonly.readonly = true;
	slot.operation = BLKIF_OP_FLUSH_DISKCACHE;
	parse(r, &slot, &readonly);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
}

static void sectors_of_a_segment(struct kunit *test)
{
	struct result *r = new_result(test);
	unsigned int first, last, at;

	for (first = 0; first <= 255; first++) {
		for (last = 0; last <= 255; last++) {
			struct blkback_slot slot = rw(BLKIF_OP_READ, 3);
			bool good = first <= last && last <= 7;

			at = (first + last) % 3;
			slot.seg[at].first_sect = first;
			slot.seg[at].last_sect = last;
			parse(r, &slot, &all);
			KUNIT_ASSERT_EQ_MSG(test, r->status, good ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR,
					    "sectors %u to %u", first, last);
			if (good)
				KUNIT_ASSERT_EQ(test, r->io.nr_sectors, 16 + last - first + 1);
		}
	}
}

static void end_of_the_disk(struct kunit *test)
{
	static const struct {
		u64 sectors, sector;
		bool good;
	} edges[] = {
		{ 1000, 0, true }, { 1000, 976, true }, { 1000, 977, false }, { 1000, 1000, false }, { 24, 0, true },
		{ 23, 0, false }, { 0, 0, false }, { 1000, ~0ULL, false }, { 1000, ~0ULL - 23, false },
		{ 1000, 1ULL << 63, false }, { ~0ULL, ~0ULL - 24, true }, { ~0ULL, ~0ULL - 23, false },
		{ ~0ULL, ~0ULL, false }, { 1ULL << 32, (1ULL << 32) - 24, true },
		{ 1ULL << 32, (1ULL << 32) - 23, false }, { 1000, 1ULL << 32, false },
	};
	struct result *r = new_result(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct blkback_slot slot = rw(BLKIF_OP_WRITE, 3);
		struct blkback_limits lim = all;

		lim.sectors = edges[i].sectors;
		slot.sector = edges[i].sector;
		parse(r, &slot, &lim);
		KUNIT_EXPECT_EQ_MSG(test, r->status, edges[i].good ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR,
				    "24 sectors at %llu of %llu", edges[i].sector, edges[i].sectors);
		if (r->status != BLKIF_RSP_OKAY)
			KUNIT_EXPECT_STREQ(test, r->fault.field, "sector_number");
	}
}

/* A disk of 4096-byte blocks: all units on the wire stay 512 bytes, but only whole blocks are asked for. */
static void large_blocks(struct kunit *test)
{
	struct blkback_limits lim = all;
	struct result *r = new_result(test);
	struct blkback_slot slot = rw(BLKIF_OP_READ, 2);
	unsigned int i;

	lim.block = 8;
	parse(r, &slot, &lim);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, r->io.nr_sectors, 16);
	for (i = 1; i < 8; i++) {
		slot = rw(BLKIF_OP_READ, 2);
		slot.sector = 800 + i;
		expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "sector_number");
		slot = rw(BLKIF_OP_READ, 2);
		slot.seg[1].first_sect = i;
		expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "first_sect");
		slot = rw(BLKIF_OP_READ, 2);
		slot.seg[0].last_sect = 7 - i;
		expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "last_sect");
	}
	slot = discard(8, 12, 0);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "nr_sectors");
	slot = discard(12, 8, 0);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "sector_number");
	slot = discard(16, 8, 0);
	parse(r, &slot, &lim);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
}

static void read_only_disk(struct kunit *test)
{
	struct blkback_limits lim = all;
	struct result *r = new_result(test);
	struct blkback_slot slot = rw(BLKIF_OP_READ, 1);

	lim.readonly = true;
	parse(r, &slot, &lim);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	slot = rw(BLKIF_OP_WRITE, 1);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "operation");
	slot = rw(BLKIF_OP_WRITE_BARRIER, 1);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "operation");
	slot = rw(BLKIF_OP_FLUSH_DISKCACHE, 1);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "operation");
	slot = discard(0, 8, 0);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "operation");
	slot = indirect(BLKIF_OP_WRITE, 12);
	expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "indirect_op");
	slot = indirect(BLKIF_OP_READ, 12);
	parse(r, &slot, &lim);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
}

/* What was not offered is "not supported", so that a frontend stops asking; so is what nobody knows. */
static void unsupported_operations(struct kunit *test)
{
	struct blkback_limits lim = all;
	struct blkback_slot slot;
	unsigned int op;

	lim.flush = false;
	lim.discard = false;
	lim.max_indirect = 0;
	slot = rw(BLKIF_OP_FLUSH_DISKCACHE, 0);
	expect_refused(test, &slot, &lim, BLKIF_RSP_EOPNOTSUPP, "operation");
	slot = rw(BLKIF_OP_WRITE_BARRIER, 1);
	expect_refused(test, &slot, &lim, BLKIF_RSP_EOPNOTSUPP, "operation");
	slot = discard(0, 8, 0);
	expect_refused(test, &slot, &lim, BLKIF_RSP_EOPNOTSUPP, "operation");
	slot = indirect(BLKIF_OP_READ, 12);
	expect_refused(test, &slot, &lim, BLKIF_RSP_EOPNOTSUPP, "operation");
	for (op = 0; op <= 255; op++) {
		if (op <= BLKIF_OP_FLUSH_DISKCACHE || op == BLKIF_OP_DISCARD || op == BLKIF_OP_INDIRECT)
			continue;
		slot = rw(op, 1);
		expect_refused(test, &slot, &all, BLKIF_RSP_EOPNOTSUPP, "operation");
	}
}

static void discards(struct kunit *test)
{
	struct blkback_limits lim = all;
	struct result *r = new_result(test);
	struct blkback_slot slot = discard(16, 1000, 0);

	parse(r, &slot, &all);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, r->io.operation, BLKIF_OP_DISCARD);
	KUNIT_EXPECT_EQ(test, r->io.sector, 16);
	KUNIT_EXPECT_EQ(test, r->io.nr_sectors, 1000);
	KUNIT_EXPECT_EQ(test, r->io.nr_segs, 0);
	KUNIT_EXPECT_FALSE(test, r->io.secure);
	slot = discard(0, all.sectors, BLKIF_DISCARD_SECURE);
	parse(r, &slot, &all);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_TRUE(test, r->io.secure);
	/* The other bits mean nothing. */
	slot = discard(0, 8, 0xfe);
	parse(r, &slot, &all);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_FALSE(test, r->io.secure);
	/* blkif.h: the flag is ignored where discard-secure is 0. */
	lim.secure = false;
	slot = discard(0, 8, BLKIF_DISCARD_SECURE);
	parse(r, &slot, &lim);
	KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_FALSE(test, r->io.secure);

	slot = discard(0, 0, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_sectors");
	slot = discard(0, all.sectors + 1, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_sectors");
	slot = discard(1, all.sectors, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "sector_number");
	slot = discard(~0ULL, 8, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "sector_number");
	slot = discard(8, ~0ULL - 7, 0);
	expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_sectors");
}

/* Indirect requests */

static void indirect_requests(struct kunit *test)
{
	struct result *r = new_result(test);
	unsigned int nr, op;

	for (nr = 1; nr <= 256; nr++) {
		struct blkback_slot slot = indirect(nr & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, nr);

		parse(r, &slot, &all);
		KUNIT_ASSERT_EQ(test, r->status, BLKIF_RSP_OKAY);
		KUNIT_ASSERT_TRUE(test, r->io.indirect);
		KUNIT_ASSERT_EQ(test, r->io.gref, 4711);
		KUNIT_ASSERT_EQ(test, r->io.nr_segs, nr);
		KUNIT_ASSERT_EQ(test, r->io.sector, 4096);
		KUNIT_ASSERT_EQ(test, r->io.operation, nr & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE);
	}
	for (nr = 257; nr <= 65535; nr += nr < 300 ? 1 : 1009) {
		struct blkback_slot slot = indirect(BLKIF_OP_READ, nr);

		expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");
	}
	{
		struct blkback_slot slot = indirect(BLKIF_OP_READ, 0);
		struct blkback_limits lim = all;

		expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");
		slot.nr_indirect = 65535;
		expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "nr_segments");
		lim.max_indirect = 32;
		slot.nr_indirect = 32;
		parse(r, &slot, &lim);
		KUNIT_EXPECT_EQ(test, r->status, BLKIF_RSP_OKAY);
		slot.nr_indirect = 33;
		expect_refused(test, &slot, &lim, BLKIF_RSP_ERROR, "nr_segments");
	}
	/* Nothing but reads and writes, above all not another indirect one. */
	for (op = 2; op <= 255; op++) {
		struct blkback_slot slot = indirect(op, 12);

		expect_refused(test, &slot, &all, BLKIF_RSP_ERROR, "indirect_op");
	}
}

static void indirect_segments(struct kunit *test)
{
	struct blkif_request_segment *array = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct result *r = new_result(test);
	struct blkback_limits lim = all;
	struct blkback_slot slot;
	unsigned int nr, i, at;

	KUNIT_ASSERT_NOT_NULL(test, array);
	for (nr = 1; nr <= 256; nr += nr < 20 || nr > 250 ? 1 : 13) {
		u64 sectors = 0;

		for (i = 0; i < 512; i++) {
			array[i] = (struct blkif_request_segment){ .gref = i * 5, .first_sect = i % 8,
								   .last_sect = i % 8 + (7 - i % 8) / 2 };
			if (i < nr)
				sectors += array[i].last_sect - array[i].first_sect + 1;
		}
		slot = indirect(BLKIF_OP_WRITE, nr);
		parse(r, &slot, &all);
		KUNIT_ASSERT_EQ(test, r->status, BLKIF_RSP_OKAY);
		KUNIT_ASSERT_EQ(test, blkback_parse_indirect(array, &all, &r->io, r->segs, &r->fault), BLKIF_RSP_OKAY);
		KUNIT_ASSERT_EQ(test, r->io.nr_sectors, sectors);
		KUNIT_ASSERT_EQ(test, r->io.nr_segs, nr);
		for (i = 0; i < nr; i++) {
			KUNIT_ASSERT_EQ(test, r->segs[i].gref, i * 5);
			KUNIT_ASSERT_EQ(test, r->segs[i].first, array[i].first_sect);
			KUNIT_ASSERT_EQ(test, r->segs[i].last, array[i].last_sect);
		}
		/* Nothing beyond is written. */
		if (nr < 256)
			KUNIT_ASSERT_EQ(test, r->segs[nr].gref, 0x5a5a5a5a);

		/* In place, as an array that was copied */
		parse(r, &slot, &all);
		memcpy(r->segs, array, nr * sizeof(*array));
		KUNIT_ASSERT_EQ(test, blkback_parse_indirect(r->segs, &all, &r->io, r->segs, &r->fault),
				BLKIF_RSP_OKAY);
		for (i = 0; i < nr; i++) {
			KUNIT_ASSERT_EQ(test, r->segs[i].gref, i * 5);
			KUNIT_ASSERT_EQ(test, r->segs[i].last, array[i].last_sect);
		}

		/* One bad segment, anywhere */
		for (at = 0; at < nr; at += nr / 3 + 1) {
			struct blkif_request_segment good = array[at];

			parse(r, &slot, &all);
			array[at].last_sect = 8;
			KUNIT_ASSERT_EQ(test, blkback_parse_indirect(array, &all, &r->io, r->segs, &r->fault),
					BLKIF_RSP_ERROR);
			KUNIT_EXPECT_STREQ(test, r->fault.field, "last_sect");
			array[at] = good;
			array[at].first_sect = 7;
			array[at].last_sect = 6;
			parse(r, &slot, &all);
			KUNIT_ASSERT_EQ(test, blkback_parse_indirect(array, &all, &r->io, r->segs, &r->fault),
					BLKIF_RSP_ERROR);
			KUNIT_EXPECT_STREQ(test, r->fault.field, "first_sect");
			array[at] = good;
		}
		/* One that passes the end of the disk with its last sector */
		lim.sectors = 4096 + sectors;
		parse(r, &slot, &lim);
		KUNIT_ASSERT_EQ(test, blkback_parse_indirect(array, &lim, &r->io, r->segs, &r->fault), BLKIF_RSP_OKAY);
		lim.sectors--;
		parse(r, &slot, &lim);
		KUNIT_ASSERT_EQ(test, blkback_parse_indirect(array, &lim, &r->io, r->segs, &r->fault), BLKIF_RSP_ERROR);
		KUNIT_EXPECT_STREQ(test, r->fault.field, "sector_number");
	}
}

/* Responses: every byte is the response's, none the kernel's. */
static void responses(struct kunit *test)
{
	static const s16 statuses[] = { BLKIF_RSP_OKAY, BLKIF_RSP_ERROR, BLKIF_RSP_EOPNOTSUPP };
	struct blkback_io io = { .id = 0x8877665544332211ULL, .operation = BLKIF_OP_DISCARD };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		u8 want[16] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, BLKIF_OP_DISCARD, 0,
				statuses[i] & 0xff, (statuses[i] >> 8) & 0xff };
		struct blkback_response rsp;
		struct blkif_response theirs;

		memset(&rsp, 0xcc, sizeof(rsp));
		blkback_respond(&rsp, &io, statuses[i]);
		EXPECT_MEMEQ(test, &rsp, want, sizeof(want));
		memcpy(&theirs, &rsp, sizeof(theirs));
		KUNIT_EXPECT_EQ(test, theirs.id, io.id);
		KUNIT_EXPECT_EQ(test, theirs.operation, BLKIF_OP_DISCARD);
		KUNIT_EXPECT_EQ(test, theirs.status, statuses[i]);
	}
}

/* No slot, whatever bytes are in it, leads out of the arrays or to more than the disk has. */
static void random_slots(struct kunit *test)
{
	struct result *r = new_result(test);
	struct blkback_limits lim = all;
	struct blkback_slot slot;
	u64 seed = 88172645463325252ULL;
	unsigned int round, i;

	for (round = 0; round < 200000; round++) {
		u64 *words = (u64 *)&slot;

		for (i = 0; i < sizeof(slot) / 8; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			words[i] = seed;
		}
		/* Mostly operations that exist, with plausible places. */
		if (round & 1)
			slot.operation %= 7;
		if (round & 2)
			slot.nr_segments %= 13;
		if (round & 4)
			slot.sector %= 2 * all.sectors;
		if (round & 8)
			for (i = 0; i < 11; i++) {
				slot.seg[i].first_sect %= 9;
				slot.seg[i].last_sect %= 9;
			}
		lim.block = round & 16 ? 8 : 1;
		if (round & 32)
			blkback_unpack(&slot, BLKBACK_X86_32);
		parse(r, &slot, &lim);
		KUNIT_ASSERT_EQ(test, r->io.id, slot.id);
		if (r->status != BLKIF_RSP_OKAY) {
			KUNIT_ASSERT_TRUE(test, r->status == BLKIF_RSP_ERROR || r->status == BLKIF_RSP_EOPNOTSUPP);
			continue;
		}
		KUNIT_ASSERT_LE(test, r->io.nr_segs, r->io.indirect ? 256 : 11);
		if (!r->io.indirect) {
			u64 sum = 0;

			KUNIT_ASSERT_LE(test, r->io.nr_sectors, lim.sectors);
			KUNIT_ASSERT_LE(test, r->io.sector, lim.sectors - r->io.nr_sectors);
			for (i = 0; i < r->io.nr_segs; i++) {
				KUNIT_ASSERT_LE(test, r->segs[i].first, r->segs[i].last);
				KUNIT_ASSERT_LE(test, r->segs[i].last, 7);
				sum += r->segs[i].last - r->segs[i].first + 1;
			}
			if (r->io.nr_segs)
				KUNIT_ASSERT_EQ(test, r->io.nr_sectors, sum);
		}
	}
}

static struct kunit_case blkback_request_cases[] = {
	KUNIT_CASE(layouts),
	KUNIT_CASE(layouts_of_other_operations),
	KUNIT_CASE(protocols),
	KUNIT_CASE(reads_and_writes),
	KUNIT_CASE(empty_requests),
	KUNIT_CASE(sectors_of_a_segment),
	KUNIT_CASE(end_of_the_disk),
	KUNIT_CASE(large_blocks),
	KUNIT_CASE(read_only_disk),
	KUNIT_CASE(unsupported_operations),
	KUNIT_CASE(discards),
	KUNIT_CASE(indirect_requests),
	KUNIT_CASE(indirect_segments),
	KUNIT_CASE(responses),
	KUNIT_CASE(random_slots),
	{}
};

static struct kunit_suite blkback_request_suite = {
	.name = "blkback_request",
	.test_cases = blkback_request_cases,
};

kunit_test_suite(blkback_request_suite);

MODULE_DESCRIPTION("Tests of blkback's parsing of requests");
MODULE_LICENSE("GPL");
