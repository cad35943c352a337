// SPDX-License-Identifier: GPL-2.0
/* A peer that writes into a shared ring what it likes, wherever its indices begin. */
#include "fuzz.h"

/* in place of ring/trace.h */
#define _PV_TRACE_H
struct pv_ring;

static void trace_pv_publish(const struct pv_ring *ring, u32 from, u32 to, bool kick)
{
}

#include "../../ring/ring.c"

/* The smallest and the largest slot of the three classes. */
static const u32 strides[] = { 8, 12, 16, 108, 112, 252 };

static void consume(struct pv_ring *ring, void *entry, unsigned int most)
{
	u32 nr = pv_ring_pending(ring);

	FUZZ_CHECK(nr <= ring->size && (!ring->broken || !nr));
	/* Nobody may have to run longer than a ring is long. */
	for (; nr && most--; nr--)
		pv_ring_get(ring, entry, ring->stride);
}

static void produce(struct pv_ring *ring, const void *entry, unsigned int most)
{
	u32 room = pv_ring_room(ring), prod = ring->prod;
	bool more;

	FUZZ_CHECK(room <= ring->size);
	for (; room && most--; room--)
		pv_ring_put(ring, entry, ring->stride);
	more = ring->prod != prod;
	if (pv_ring_publish(ring))
		FUZZ_CHECK(more);
	FUZZ_CHECK(READ_ONCE(*ring->my_prod) == ring->prod && ring->published == ring->prod);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz in = { data, size };
	u8 how = FUZZ_TAKE(&in, u8);
	u32 pages = 1 + (how >> 4), stride = strides[(how >> 1 & 7) % ARRAY_SIZE(strides)];
	struct pv_ring_shared *shared = calloc(pages, XEN_PAGE_SIZE);
	void *entry = calloc(1, stride);
	struct pv_stats stats = { };
	struct pv_ring ring;

	if (how & 1) {
		pv_ring_init_front(&ring, shared, pages, stride, &stats);
		/* as if it had run for long */
		fuzz_take(&in, &ring.prod, sizeof(ring.prod));
		ring.published = ring.prod;
		ring.cons = ring.prod;
		ring.seen = ring.prod;
		*ring.my_prod = ring.prod;
		*ring.peer_prod = ring.prod;
	} else {
		fuzz_take(&in, shared, 16);
		FUZZ_CHECK(!pv_ring_init_back(&ring, shared, pages, stride, &stats) == !ring.broken);
	}
	FUZZ_CHECK(sizeof(*shared) + ring.size * stride <= pages * XEN_PAGE_SIZE);
	while (in.size) {
		u8 what = FUZZ_TAKE(&in, u8), nr = FUZZ_TAKE(&in, u8);
		char text[PV_RING_TEXT];
		const char *broken = ring.broken;

		switch (what % 7) {
		case 0:
			consume(&ring, entry, nr);
			break;
		case 1:
			if (!ring.broken)
				produce(&ring, entry, nr);
			break;
		case 2:
			*ring.peer_prod += nr;
			break;
		case 3:
			fuzz_take(&in, ring.peer_prod, 4);
			break;
		case 4:
			fuzz_take(&in, ring.peer_event, 4);
			break;
		case 5:
			if (pv_ring_arm(&ring, 1 + nr % 4))
				FUZZ_CHECK(pv_ring_known(&ring));
			break;
		case 6:
			pv_ring_describe(&ring, text);
			break;
		}
		FUZZ_CHECK(!broken || ring.broken == broken);
		FUZZ_CHECK(pv_ring_known(&ring) <= ring.size && pv_ring_in_flight(&ring) + ring.size <= 2 * ring.size);
	}
	free(entry);
	free(shared);
	return 0;
}
