// SPDX-License-Identifier: GPL-2.0
/*
 * What netfront writes into its slots, and what it believes of responses.
 */
#include <linux/random.h>

#include "helpers.h"

/* The code under test, whose functions the module does not export. */
#include "../../netfront/packet.c"

static bool feed(struct netfront_rx_packet *p, u16 at, u16 offset, s16 status, u16 flags)
{
	union netfront_rx_slot slot = {
		.rsp = { .id = at, .offset = offset, .flags = flags, .status = status },
	};

	return netfront_rx_feed(p, &slot, at);
}

static bool feed_extra_type(struct netfront_rx_packet *p, u8 type, u8 flags, u16 first)
{
	union netfront_rx_slot slot = {
		.extra = { .type = type, .flags = flags, .u.gso.size = first, .u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4 },
	};

	return netfront_rx_feed(p, &slot, 0);
}

static void expect_fault(struct kunit *test, u16 offset, s16 status, enum netfront_rx_fault what)
{
	struct netfront_rx_packet p;

	netfront_rx_begin(&p);
	KUNIT_EXPECT_TRUE(test, feed(&p, 3, offset, status, 0));
	KUNIT_EXPECT_EQ(test, p.fault, what);
}

/* hostile-peers 26: lengths, offsets, statuses of one slot. */
static void one_slot(struct kunit *test)
{
	expect_fault(test, 0, 60, NETFRONT_RX_GOOD);
	expect_fault(test, 4096 - 60, 60, NETFRONT_RX_GOOD);
	expect_fault(test, 0, 4096, NETFRONT_RX_GOOD);
	expect_fault(test, 4096 - 60, 61, NETFRONT_RX_BEYOND_PAGE);
	expect_fault(test, 4096, 60, NETFRONT_RX_BEYOND_PAGE);
	expect_fault(test, 65535, 32767, NETFRONT_RX_BEYOND_PAGE);
	expect_fault(test, 0, 0, NETFRONT_RX_RUNT);
	expect_fault(test, 0, 1, NETFRONT_RX_RUNT);
	expect_fault(test, 0, 13, NETFRONT_RX_RUNT);
	expect_fault(test, 0, 14, NETFRONT_RX_GOOD);
	expect_fault(test, 0, -1, NETFRONT_RX_ERROR);
	expect_fault(test, 0, -32768, NETFRONT_RX_ERROR);
}

/* An IP packet of 64 KiB less one, with a tag, and not a byte more. */
static void the_longest(struct kunit *test)
{
	unsigned int more, i;

	for (more = 0; more < 2; more++) {
		struct netfront_rx_packet p;

		netfront_rx_begin(&p);
		for (i = 0; i < 16; i++)
			KUNIT_EXPECT_FALSE(test, feed(&p, i, 0, 4096, XEN_NETRXF_more_data));
		KUNIT_EXPECT_TRUE(test, feed(&p, 16, 0, 65535 + 18 - 16 * 4096 + more, 0));
		KUNIT_EXPECT_EQ(test, p.fault, more ? NETFRONT_RX_LONG : NETFRONT_RX_GOOD);
	}
}

static void foreign_id(struct kunit *test)
{
	union netfront_rx_slot slot = { .rsp = { .id = 4, .status = 60 } };
	struct netfront_rx_packet p;

	netfront_rx_begin(&p);
	KUNIT_EXPECT_TRUE(test, netfront_rx_feed(&p, &slot, 3));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_ID);
}

/* hostile-peers 26: the first slot shorter than a header, and more slots (XSA-522). */
static void short_first_slot(struct kunit *test)
{
	struct netfront_rx_packet p;
	s16 first;

	for (first = 0; first < ETH_HLEN; first++) {
		netfront_rx_begin(&p);
		KUNIT_EXPECT_FALSE(test, feed(&p, 0, 0, first, XEN_NETRXF_more_data));
		KUNIT_EXPECT_TRUE(test, feed(&p, 1, 0, 1000, 0));
		KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_RUNT);
	}
}

static void error_in_the_middle(struct kunit *test)
{
	struct netfront_rx_packet p;

	netfront_rx_begin(&p);
	KUNIT_EXPECT_FALSE(test, feed(&p, 0, 0, 1000, XEN_NETRXF_more_data));
	KUNIT_EXPECT_FALSE(test, feed(&p, 1, 0, -1, XEN_NETRXF_more_data));
	KUNIT_EXPECT_TRUE(test, feed(&p, 2, 0, 1000, 0));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_ERROR);
}

static void slots(struct kunit *test)
{
	struct netfront_rx_packet p;
	unsigned int nr, i;

	for (nr = 17; nr < 40; nr++) {
		netfront_rx_begin(&p);
		for (i = 0; i < nr; i++)
			KUNIT_EXPECT_EQ(test, feed(&p, i, 0, 100, i + 1 < nr ? XEN_NETRXF_more_data : 0), i + 1 == nr);
		KUNIT_EXPECT_EQ(test, p.fault, nr <= 18 ? NETFRONT_RX_GOOD : NETFRONT_RX_SLOTS);
		if (nr <= 18)
			KUNIT_EXPECT_EQ(test, p.len, nr * 100);
	}
}

static void extras(struct kunit *test)
{
	struct netfront_rx_packet p;
	unsigned int i;

	netfront_rx_begin(&p);
	KUNIT_EXPECT_FALSE(test, feed(&p, 0, 0, 4000, XEN_NETRXF_extra_info));
	KUNIT_EXPECT_TRUE(test, feed_extra_type(&p, XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_GOOD);
	KUNIT_EXPECT_EQ(test, p.gso_size, 1448);
	/* Size 0, unknown types. */
	netfront_rx_begin(&p);
	feed(&p, 0, 0, 4000, XEN_NETRXF_extra_info);
	KUNIT_EXPECT_TRUE(test, feed_extra_type(&p, XEN_NETIF_EXTRA_TYPE_GSO, 0, 0));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_GSO);
	netfront_rx_begin(&p);
	feed(&p, 0, 0, 4000, XEN_NETRXF_extra_info);
	KUNIT_EXPECT_TRUE(test, feed_extra_type(&p, 77, 0, 0));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_EXTRA_TYPE);
	/* Without end: nothing but a fault comes of it. */
	netfront_rx_begin(&p);
	feed(&p, 0, 0, 4000, XEN_NETRXF_extra_info);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_FALSE(test, feed_extra_type(&p, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0));
	KUNIT_EXPECT_EQ(test, p.fault, NETFRONT_RX_EXTRAS);
}

/* Whatever comes, what is accepted keeps to its bounds. */
static void random_responses(struct kunit *test)
{
	struct netfront_rx_packet p;
	unsigned int round, i;

	netfront_rx_begin(&p);
	for (round = 0; round < 400000; round++) {
		union netfront_rx_slot slot;
		u16 at = round & 255;
		u32 sum = 0;

		get_random_bytes(&slot, sizeof(slot));
		slot.rsp.id = at;
		slot.rsp.offset %= 4096;
		slot.rsp.status %= 5000;
		slot.rsp.flags &= 0xf;
		if (!netfront_rx_feed(&p, &slot, at))
			continue;
		for (i = 0; !p.fault && i < p.nr; i++) {
			KUNIT_EXPECT_LE(test, p.part[i].offset + p.part[i].len, XEN_PAGE_SIZE);
			sum += p.part[i].len;
		}
		if (!p.fault) {
			KUNIT_EXPECT_EQ(test, sum, p.len);
			KUNIT_EXPECT_GE(test, p.part[0].len, ETH_HLEN);
		}
		netfront_rx_begin(&p);
	}
}

static void sent_slots(struct kunit *test)
{
	struct netfront_tx_packet p;

	memset(&p, 0x5a, sizeof(p));
	netfront_tx_begin(&p, 5000, XEN_NETTXF_csum_blank);
	netfront_tx_gso(&p, XEN_NETIF_GSO_TYPE_TCPV4, 1448);
	netfront_tx_add(&p, 10, 1, 0, 4096);
	netfront_tx_add(&p, 11, 2, 0, 904);
	KUNIT_EXPECT_EQ(test, p.nr, 3);
	KUNIT_EXPECT_EQ(test, p.slot[0].req.size, 5000);
	KUNIT_EXPECT_EQ(test, p.slot[0].req.flags,
			XEN_NETTXF_csum_blank | XEN_NETTXF_extra_info | XEN_NETTXF_more_data);
	KUNIT_EXPECT_EQ(test, p.slot[1].extra.u.gso.size, 1448);
	/* No old stack behind extra info. */
	KUNIT_EXPECT_EQ(test, p.slot[1].req.size, 0);
	KUNIT_EXPECT_EQ(test, p.slot[2].req.gref, 11U);
	KUNIT_EXPECT_EQ(test, p.slot[2].req.size, 904);
	KUNIT_EXPECT_EQ(test, p.slot[2].req.flags, 0);
}

static u8 frame[200];

/* Where the checksum goes, as start * 1000 + place; 0 if there is none. */
static u32 found(u32 len)
{
	u32 start, at;

	return netfront_find_checksum(frame, len, &start, &at) ? start * 1000 + at : 0;
}

static void places_of_checksums(struct kunit *test)
{
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(eth + 1);
	u32 len;

	memset(frame, 0, sizeof(frame));
	KUNIT_EXPECT_EQ(test, found(200), 0);
	eth->h_proto = htons(ETH_P_IP);
	ip->protocol = IPPROTO_TCP;
	for (len = 0; len < 5; len++) {
		ip->ihl = len;
		KUNIT_EXPECT_EQ(test, found(200), 0);
	}
	ip->ihl = 5;
	KUNIT_EXPECT_EQ(test, found(200), 34050);
	for (len = 0; len < 52; len++)
		KUNIT_EXPECT_EQ(test, found(len), 0);
	KUNIT_EXPECT_EQ(test, found(52), 34050);
	ip->ihl = 15;
	KUNIT_EXPECT_EQ(test, found(91), 0);
	KUNIT_EXPECT_EQ(test, found(92), 74090);
	ip->ihl = 6;
	ip->protocol = IPPROTO_UDP;
	KUNIT_EXPECT_EQ(test, found(200), 38044);
	ip->protocol = IPPROTO_ICMP;
	KUNIT_EXPECT_EQ(test, found(200), 0);
	/* That of a fragment is in another packet. */
	ip->protocol = IPPROTO_TCP;
	ip->frag_off = htons(IP_DF);
	KUNIT_EXPECT_EQ(test, found(200), 38054);
	ip->frag_off = htons(IP_MF);
	KUNIT_EXPECT_EQ(test, found(200), 0);
	ip->frag_off = htons(1);
	KUNIT_EXPECT_EQ(test, found(200), 0);

	memset(frame, 0, sizeof(frame));
	eth->h_proto = htons(ETH_P_IPV6);
	ip6->nexthdr = IPPROTO_TCP;
	KUNIT_EXPECT_EQ(test, found(200), 54070);
	for (len = 0; len < 72; len++)
		KUNIT_EXPECT_EQ(test, found(len), 0);
	ip6->nexthdr = IPPROTO_HOPOPTS;
	frame[54] = IPPROTO_DSTOPTS;
	frame[62] = IPPROTO_UDP;
	frame[63] = 1;
	KUNIT_EXPECT_EQ(test, found(200), 78084);
	KUNIT_EXPECT_EQ(test, found(85), 0);
	/* Headers without end, and one that says that it is longer than all. */
	frame[62] = IPPROTO_DSTOPTS;
	frame[63] = 255;
	KUNIT_EXPECT_EQ(test, found(200), 0);
	memset(frame + 54, 0, sizeof(frame) - 54);
	for (len = 0; len < 200; len++)
		KUNIT_EXPECT_EQ(test, found(len), 0);
	ip6->nexthdr = IPPROTO_FRAGMENT;
	KUNIT_EXPECT_EQ(test, found(200), 0);
	eth->h_proto = htons(ETH_P_8021Q);
	KUNIT_EXPECT_EQ(test, found(200), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_slot),
	KUNIT_CASE(the_longest),
	KUNIT_CASE(foreign_id),
	KUNIT_CASE(short_first_slot),
	KUNIT_CASE(error_in_the_middle),
	KUNIT_CASE(slots),
	KUNIT_CASE(extras),
	KUNIT_CASE(random_responses),
	KUNIT_CASE(sent_slots),
	KUNIT_CASE(places_of_checksums),
	{ }
};

static struct kunit_suite suite = {
	.name = "netfront_packet",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
