// SPDX-License-Identifier: GPL-2.0
/* A guest's packets, slot by slot, and what it is told of those that it gets. */
#include "fuzz.h"
#include "../../netback/packet.c"

static void check_packet(const struct netback_packet *p)
{
	u32 i, len = 0;

	FUZZ_CHECK(p->nr_slots && p->nr_slots <= NETBACK_ALL_SLOTS && p->nr_extras < p->nr_slots);
	FUZZ_CHECK(!(p->is_extra & 1) && __builtin_popcount(p->is_extra) == p->nr_extras);
	if (p->fault || p->mcast)
		return;
	FUZZ_CHECK(p->nr_pieces && p->nr_pieces <= NETBACK_MAX_SLOTS);
	FUZZ_CHECK(p->nr_pieces + p->nr_extras == p->nr_slots);
	for (i = 0; i < p->nr_pieces; i++) {
		FUZZ_CHECK(p->piece[i].len && p->piece[i].offset + p->piece[i].len <= XEN_PAGE_SIZE);
		len += p->piece[i].len;
	}
	FUZZ_CHECK(len == p->len && len >= ETH_HLEN);
}

static void from_guest(struct fuzz *in)
{
	struct netback_packet *p = malloc(sizeof(*p));
	void *slot = malloc(NETBACK_SLOT);
	enum netback_step step;

	memset(p, 0xa5, sizeof(*p));
	netback_packet_begin(p);
	do {
		fuzz_take(in, slot, NETBACK_SLOT);
		step = netback_packet_slot(p, slot);
		FUZZ_CHECK(p->nr_slots <= NETBACK_ALL_SLOTS);
	} while (step == NETBACK_MORE);
	if (step == NETBACK_WHOLE)
		check_packet(p);
	else
		FUZZ_CHECK(p->fault);
	free(slot);
	free(p);
}

/* What the stack hands over, and the headroom that a guest asks for. */
static void to_guest(struct fuzz *in)
{
	struct netback_frame f = {
		.len = FUZZ_TAKE(in, u16) + ETH_HLEN,
		.headroom = FUZZ_TAKE(in, u16) & 0x7ff,
		.gso_size = FUZZ_TAKE(in, u16),
		.hash_type = FUZZ_TAKE(in, u8) & 3,
	};
	unsigned int i, nr = netback_frame_extras(&f, NULL), slots = netback_frame_slots(&f);
	struct xen_netif_extra_info *extra = malloc(nr * sizeof(*extra));
	u32 at = 0;

	FUZZ_CHECK(netback_frame_extras(&f, extra) == nr);
	for (i = 0; i < nr; i++)
		FUZZ_CHECK(!!(extra[i].flags & XEN_NETIF_EXTRA_FLAG_MORE) == (i + 1 < nr));
	for (i = 0; i < slots - nr; i++) {
		struct xen_netif_rx_response rsp;

		netback_frame_response(&f, i, at, &rsp);
		FUZZ_CHECK(rsp.status > 0 && rsp.offset + rsp.status <= (int)XEN_PAGE_SIZE);
		FUZZ_CHECK(!!(rsp.flags & XEN_NETRXF_more_data) == (i + 1 < slots - nr));
		at += rsp.status;
	}
	FUZZ_CHECK(at == f.len);
	free(extra);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };

	to_guest(&in);
	do {
		from_guest(&in);
	} while (in.size);
	return 0;
}
