// SPDX-License-Identifier: GPL-2.0
/*
 * What netback believes of the slots of a packet from the guest, and what it
 * writes for one to the guest.
 */
#include <linux/random.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../netback/packet.c"
#include "../../netback/hash.c"

static struct xen_netif_tx_request data_slot(u16 size, u16 flags)
{
	return (struct xen_netif_tx_request) {
		.gref = 77, .offset = 0, .flags = flags, .id = 5, .size = size,
	};
}

static enum netback_step feed(struct netback_packet *p, u16 offset, u16 size, u16 flags)
{
	struct xen_netif_tx_request req = data_slot(size, flags);

	req.offset = offset;
	return netback_packet_slot(p, &req);
}

static enum netback_step feed_extra(struct netback_packet *p, u8 type, u8 flags, u16 gso_size, u8 gso_type)
{
	u8 slot[NETBACK_SLOT] = { };
	struct xen_netif_extra_info extra = {
		.type = type, .flags = flags, .u.gso.size = gso_size, .u.gso.type = gso_type,
	};

	memcpy(slot, &extra, sizeof(extra));
	return netback_packet_slot(p, slot);
}

static void one_slot(struct kunit *test)
{
	struct netback_packet p;

	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 100, 60, XEN_NETTXF_csum_blank), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	KUNIT_EXPECT_EQ(test, p.len, 60U);
	KUNIT_EXPECT_EQ(test, p.nr_pieces, 1);
	KUNIT_EXPECT_EQ(test, p.piece[0].offset, 100);
	KUNIT_EXPECT_EQ(test, p.piece[0].len, 60);
	KUNIT_EXPECT_EQ(test, p.id[0], 5);
}

static void many_slots(struct kunit *test)
{
	struct netback_packet p;
	unsigned int i;

	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 18 * 100, XEN_NETTXF_more_data), NETBACK_MORE);
	for (i = 1; i < 17; i++)
		KUNIT_EXPECT_EQ(test, feed(&p, 0, 100, XEN_NETTXF_more_data), NETBACK_MORE);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 100, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	KUNIT_EXPECT_EQ(test, p.nr_pieces, 18);
	KUNIT_EXPECT_EQ(test, p.piece[0].len, 100);
}

/* hostile-peers 16: header bytes one a slot, up to the most slots. */
static void a_byte_a_slot(struct kunit *test)
{
	struct netback_packet p;
	unsigned int i;

	netback_packet_begin(&p);
	feed(&p, 0, 18, XEN_NETTXF_more_data);
	for (i = 1; i < 17; i++)
		feed(&p, 4095, 1, XEN_NETTXF_more_data);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 1, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	KUNIT_EXPECT_EQ(test, p.piece[0].len, 1);
}

/* More slots than a packet may have are swallowed, then dropped; far more end it. */
static void too_many_slots(struct kunit *test)
{
	struct netback_packet p;
	unsigned int i;

	netback_packet_begin(&p);
	feed(&p, 0, 2000, XEN_NETTXF_more_data);
	for (i = 1; i < 19; i++)
		KUNIT_EXPECT_EQ(test, feed(&p, 0, 10, XEN_NETTXF_more_data), NETBACK_MORE);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 10, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_STREQ(test, p.fault, "slots");
	KUNIT_EXPECT_EQ(test, p.nr_slots, 20);

	netback_packet_begin(&p);
	feed(&p, 0, 2000, XEN_NETTXF_more_data);
	for (i = 1; i < ARRAY_SIZE(p.id); i++)
		KUNIT_EXPECT_EQ(test, feed(&p, 0, 10, XEN_NETTXF_more_data), NETBACK_MORE);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 10, XEN_NETTXF_more_data), NETBACK_FATAL);
}

/* hostile-peers 16: nothing in a slot, at each place. */
static void empty_slots(struct kunit *test)
{
	struct netback_packet p;
	unsigned int empty, i;

	for (empty = 1; empty < 4; empty++) {
		enum netback_step step;

		netback_packet_begin(&p);
		step = feed(&p, 0, 400, XEN_NETTXF_more_data);
		for (i = 1; i < 4; i++)
			step = feed(&p, 0, i == empty ? 0 : 100, i < 3 ? XEN_NETTXF_more_data : 0);
		KUNIT_EXPECT_EQ(test, step, NETBACK_WHOLE);
		KUNIT_EXPECT_STREQ(test, p.fault, "size");
	}
	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 0, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_STREQ(test, p.fault, "size");
}

static void sums(struct kunit *test)
{
	struct netback_packet p;

	/* Nothing is left for the first slot. */
	netback_packet_begin(&p);
	feed(&p, 0, 100, XEN_NETTXF_more_data);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 100, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_STREQ(test, p.fault, "size");
	/* Runt. */
	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 13, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_STREQ(test, p.fault, "size");
	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 0, 14, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
}

/* hostile-peers 2: beyond the page. */
static void page_edges(struct kunit *test)
{
	struct netback_packet p;

	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 4096 - 60, 60, 0), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 4096 - 60, 61, 0), NETBACK_FATAL);
	netback_packet_begin(&p);
	KUNIT_EXPECT_EQ(test, feed(&p, 65535, 65535, 0), NETBACK_FATAL);
	netback_packet_begin(&p);
	feed(&p, 0, 200, XEN_NETTXF_more_data);
	KUNIT_EXPECT_EQ(test, feed(&p, 4000, 97, 0), NETBACK_FATAL);
}

static void gso(struct kunit *test)
{
	struct netback_packet p;

	netback_packet_begin(&p);
	feed(&p, 0, 4000, XEN_NETTXF_extra_info);
	KUNIT_EXPECT_EQ(test, feed_extra(&p, XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448, XEN_NETIF_GSO_TYPE_TCPV4),
			NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	KUNIT_EXPECT_EQ(test, p.gso_size, 1448);
	KUNIT_EXPECT_EQ(test, p.is_extra, 2U);
	KUNIT_EXPECT_EQ(test, p.nr_pieces, 1);

	netback_packet_begin(&p);
	feed(&p, 0, 4000, XEN_NETTXF_extra_info);
	KUNIT_EXPECT_EQ(test, feed_extra(&p, XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, XEN_NETIF_GSO_TYPE_TCPV4), NETBACK_FATAL);
	netback_packet_begin(&p);
	feed(&p, 0, 4000, XEN_NETTXF_extra_info);
	KUNIT_EXPECT_EQ(test, feed_extra(&p, XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448, 7), NETBACK_FATAL);
}

static void bad_extras(struct kunit *test)
{
	static const u8 bad[] = { XEN_NETIF_EXTRA_TYPE_NONE, XEN_NETIF_EXTRA_TYPE_XDP, XEN_NETIF_EXTRA_TYPE_MAX, 255 };
	enum netback_step step = NETBACK_MORE;
	struct netback_packet p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		netback_packet_begin(&p);
		feed(&p, 0, 100, XEN_NETTXF_extra_info);
		KUNIT_EXPECT_EQ(test, feed_extra(&p, bad[i], 0, 0, 0), NETBACK_FATAL);
		KUNIT_EXPECT_STREQ(test, p.fault, "extra.type");
	}
	/* Without end. */
	netback_packet_begin(&p);
	feed(&p, 0, 100, XEN_NETTXF_extra_info);
	for (i = 0; i < 20 && step == NETBACK_MORE; i++)
		step = feed_extra(&p, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
	KUNIT_EXPECT_EQ(test, step, NETBACK_FATAL);
}

static void multicast(struct kunit *test)
{
	struct netback_packet p;

	netback_packet_begin(&p);
	feed(&p, 0, 0, XEN_NETTXF_extra_info);
	KUNIT_EXPECT_EQ(test, feed_extra(&p, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0x0001, 0x5e), NETBACK_WHOLE);
	KUNIT_EXPECT_NULL(test, p.fault);
	KUNIT_EXPECT_EQ(test, p.mcast, XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
	KUNIT_EXPECT_EQ(test, p.addr[0], 1);
	KUNIT_EXPECT_EQ(test, p.addr[2], 0x5e);
}

/* Whatever the slots hold, it ends, and what is accepted keeps to its bounds. */
static void random_slots(struct kunit *test)
{
	struct netback_packet p;
	unsigned int round, i;

	for (round = 0; round < 200000; round++) {
		enum netback_step step = NETBACK_MORE;
		u32 sum = 0;

		netback_packet_begin(&p);
		for (i = 0; step == NETBACK_MORE; i++) {
			struct xen_netif_tx_request req;

			get_random_bytes(&req, sizeof(req));
			req.flags &= 0xf;
			if (round & 1) {
				req.size = req.size % 300;
				req.offset %= 4000;
				if (!i)
					req.size += 4000;
			}
			step = netback_packet_slot(&p, &req);
			if (i > ARRAY_SIZE(p.id)) {
				KUNIT_FAIL(test, "no end");
				return;
			}
		}
		if (step == NETBACK_FATAL || p.fault || p.mcast)
			continue;
		for (i = 0; i < p.nr_pieces; i++) {
			KUNIT_EXPECT_LE(test, p.piece[i].offset + p.piece[i].len, XEN_PAGE_SIZE);
			KUNIT_EXPECT_GT(test, p.piece[i].len, 0);
			sum += p.piece[i].len;
		}
		KUNIT_EXPECT_EQ(test, sum, p.len);
		KUNIT_EXPECT_LE(test, p.nr_pieces, NETBACK_MAX_SLOTS);
	}
}

/* ---- to the guest ---- */

static void frame_pages(struct kunit *test)
{
	struct netback_frame f = { .len = 9014, .csum_blank = true };
	struct xen_netif_rx_response rsp;

	KUNIT_EXPECT_EQ(test, netback_frame_slots(&f), 3U);
	netback_frame_response(&f, 9, 0, &rsp);
	KUNIT_EXPECT_EQ(test, rsp.id, 9);
	KUNIT_EXPECT_EQ(test, rsp.status, 4096);
	KUNIT_EXPECT_EQ(test, rsp.flags, XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated | XEN_NETRXF_more_data);
	netback_frame_response(&f, 10, 8192, &rsp);
	KUNIT_EXPECT_EQ(test, rsp.status, 9014 - 8192);
	KUNIT_EXPECT_EQ(test, rsp.flags, 0);
}

static void frame_headroom(struct kunit *test)
{
	struct netback_frame f = {
		.len = 4096, .headroom = 256, .gso_size = 1448, .gso_type = XEN_NETIF_GSO_TYPE_TCPV6,
	};
	struct xen_netif_extra_info extra[XEN_NETIF_EXTRA_TYPE_MAX];
	struct xen_netif_rx_response rsp;

	KUNIT_EXPECT_EQ(test, netback_frame_slots(&f), 4U);
	netback_frame_response(&f, 0, 0, &rsp);
	KUNIT_EXPECT_EQ(test, rsp.offset, 256);
	KUNIT_EXPECT_EQ(test, rsp.status, 3840);
	KUNIT_EXPECT_EQ(test, rsp.flags, XEN_NETRXF_more_data | XEN_NETRXF_extra_info);
	KUNIT_EXPECT_EQ(test, netback_frame_extras(&f, extra), 2U);
	KUNIT_EXPECT_EQ(test, extra[0].type, XEN_NETIF_EXTRA_TYPE_GSO);
	KUNIT_EXPECT_EQ(test, extra[0].flags, XEN_NETIF_EXTRA_FLAG_MORE);
	KUNIT_EXPECT_EQ(test, extra[0].u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
	KUNIT_EXPECT_EQ(test, extra[1].type, XEN_NETIF_EXTRA_TYPE_XDP);
	KUNIT_EXPECT_EQ(test, extra[1].flags, 0);
	KUNIT_EXPECT_EQ(test, extra[1].u.xdp.headroom, 256);
}

/* The hash bit by bit, as its definition has it. */
static u32 slow_toeplitz(const u8 *key, const u8 *data, unsigned int len)
{
	unsigned int i, bit;
	u32 window = get_unaligned_be32(key), hash = 0;

	for (i = 0; i < len; i++) {
		for (bit = 8; bit--; ) {
			if (data[i] & (1U << bit))
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	}
	return hash;
}

static void toeplitz(struct kunit *test)
{
	/* Microsoft's, to verify RSS with: 66.9.149.187 to 161.142.100.80, ports 2794 and 1766 */
	u8 key[NETBACK_HASH_KEY] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
		0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
		0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};
	u8 data[NETBACK_HASH_KEY - 4] = { 66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6 };
	u32 (*table)[16] = kunit_kmalloc(test, NETBACK_HASH_PLACES * sizeof(*table), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, table);
	netback_toeplitz_table(table, key);
	KUNIT_EXPECT_EQ(test, netback_toeplitz(table, data, 8), 0x323e8fc2);
	KUNIT_EXPECT_EQ(test, netback_toeplitz(table, data, 12), 0x51ccc178);
	for (i = 0; i < 1000; i++) {
		get_random_bytes(key, sizeof(key));
		get_random_bytes(data, sizeof(data));
		netback_toeplitz_table(table, key);
		KUNIT_EXPECT_EQ(test, netback_toeplitz(table, data, i % 37), slow_toeplitz(key, data, i % 37));
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_slot),
	KUNIT_CASE(many_slots),
	KUNIT_CASE(a_byte_a_slot),
	KUNIT_CASE(too_many_slots),
	KUNIT_CASE(empty_slots),
	KUNIT_CASE(sums),
	KUNIT_CASE(page_edges),
	KUNIT_CASE(gso),
	KUNIT_CASE(bad_extras),
	KUNIT_CASE(multicast),
	KUNIT_CASE(random_slots),
	KUNIT_CASE(frame_pages),
	KUNIT_CASE(frame_headroom),
	KUNIT_CASE(toeplitz),
	{ }
};

static struct kunit_suite suite = {
	.name = "netback_packet",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
