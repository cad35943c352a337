// SPDX-License-Identifier: GPL-2.0
/* A backend's responses, and the frames for which it has left the checksum blank. */
#include "fuzz.h"
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define VLAN_ETH_HLEN		(ETH_HLEN + 4)
#define ip_is_fragment(ip)	((ip)->frag_off & htons(0x3fff))

#include "../../netfront/packet.c"

static void check_packet(const struct netfront_rx_packet *p)
{
	u32 i, len = 0;

	FUZZ_CHECK(p->fault < NETFRONT_RX_FAULTS && netfront_rx_fault_name[p->fault]);
	FUZZ_CHECK(p->nr <= p->nr_data && p->nr_data <= NETFRONT_MAX_DATA && p->nr_extra <= NETFRONT_MAX_EXTRA);
	if (p->fault)
		return;
	FUZZ_CHECK(p->nr && p->part[0].len >= ETH_HLEN);
	for (i = 0; i < p->nr; i++) {
		FUZZ_CHECK(p->part[i].offset + p->part[i].len <= XEN_PAGE_SIZE);
		len += p->part[i].len;
	}
	FUZZ_CHECK(len == p->len && len <= RX_MAX);
	FUZZ_CHECK(!p->gso_size || p->len - ETH_HLEN > p->gso_size);
}

static void checksum(struct fuzz *in, u8 how)
{
	u32 start = 0, at = 0, len = FUZZ_TAKE(in, u8);
	u8 *frame = malloc(len);

	fuzz_take(in, frame, len);
	/* three of four are of Internet */
	if (how && len >= ETH_HLEN)
		((struct ethhdr *)frame)->h_proto = htons(how == 1 ? ETH_P_IP : ETH_P_IPV6);
	if (netfront_find_checksum(frame, len, &start, &at))
		FUZZ_CHECK(start >= ETH_HLEN && at >= start && at + 2 <= len);
	free(frame);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	struct netfront_rx_packet *p;
	union netfront_rx_slot slot;
	unsigned int i;
	u8 how = FUZZ_TAKE(&in, u8);
	bool whole;

	if (how & 1) {
		checksum(&in, how >> 1 & 3);
		return 0;
	}
	p = malloc(sizeof(*p));
	memset(p, 0xa5, sizeof(*p));
	do {
		netfront_rx_begin(p);
		/* A ring's worth: the rest of a packet may never come. */
		for (i = 0, whole = false; i < 256 && !whole; i++) {
			fuzz_take(&in, &slot, sizeof(slot));
			whole = netfront_rx_feed(p, &slot, i);
		}
		if (whole)
			check_packet(p);
	} while (in.size);
	free(p);
	return 0;
}
