// SPDX-License-Identifier: GPL-2.0
/*
 * Shared rings: indices, publication and hold-off of events.
 */
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <xen/interface/io/ring.h>
#include <xen/page.h>

#include "ring.h"
#include "trace.h"

static_assert(offsetof(struct pv_ring_shared, slot) == 64);

/**
 * pv_ring_slots() - number of slots in a ring
 * @nr_pages: pages of XEN_PAGE_SIZE
 * @stride: bytes a slot, the larger of request and response
 *
 * io/ring.h: as many as fit behind the indices, rounded down to a power of
 * two.
 *
 * Return: the number of slots.
 */
u32 pv_ring_slots(u32 nr_pages, u32 stride)
{
	u32 room = nr_pages * XEN_PAGE_SIZE - sizeof(struct pv_ring_shared);

	return rounddown_pow_of_two(room / stride);
}
EXPORT_SYMBOL_GPL(pv_ring_slots);

static void ring_init(struct pv_ring *ring, enum pv_end end, void *mem,
		      u32 nr_pages, u32 stride, struct pv_stats *stats)
{
	struct pv_ring_shared *shared = mem;
	bool front = end == PV_FRONT;

	*ring = (struct pv_ring) {
		.slots = shared->slot,
		.my_prod = front ? &shared->req_prod : &shared->rsp_prod,
		.my_event = front ? &shared->rsp_event : &shared->req_event,
		.peer_prod = front ? &shared->rsp_prod : &shared->req_prod,
		.peer_event = front ? &shared->req_event : &shared->rsp_event,
		.stride = stride,
		.size = pv_ring_slots(nr_pages, stride),
		.end = end,
		.stats = stats,
	};
}

/**
 * pv_ring_init_front() - make an empty ring in zeroed pages
 * @ring: the view to set up
 * @mem: the ring's pages, virtually contiguous
 * @nr_pages: how many
 * @stride: bytes a slot
 * @stats: where to count
 *
 * io/ring.h: the frontend initialises both event indices to 1, so that the
 * first entry of each side is announced.
 */
void pv_ring_init_front(struct pv_ring *ring, void *mem, u32 nr_pages,
			u32 stride, struct pv_stats *stats)
{
	ring_init(ring, PV_FRONT, mem, nr_pages, stride, stats);
	*ring->my_prod = 0;
	*ring->peer_prod = 0;
	*ring->peer_event = 1;
	*ring->my_event = 1;
}
EXPORT_SYMBOL_GPL(pv_ring_init_front);

/**
 * pv_ring_init_back() - take up a ring that the frontend made
 * @ring: the view to set up
 * @mem: the mapped pages
 * @nr_pages: how many
 * @stride: bytes a slot
 * @stats: where to count
 *
 * The ring need not be empty: whatever has a request and no response yet is
 * consumed (again), which is how a restarted backend goes on.
 *
 * Return: 0, or -EINVAL if the indices cannot be those of a live ring.
 */
int pv_ring_init_back(struct pv_ring *ring, void *mem, u32 nr_pages,
		      u32 stride, struct pv_stats *stats)
{
	u32 prod;

	ring_init(ring, PV_BACK, mem, nr_pages, stride, stats);
	prod = READ_ONCE(*ring->my_prod);
	ring->prod = prod;
	ring->published = prod;
	ring->cons = prod;
	ring->seen = prod;
	pv_ring_pending(ring);
	return ring->broken ? -EINVAL : 0;
}
EXPORT_SYMBOL_GPL(pv_ring_init_back);

/**
 * pv_ring_break() - believe nothing more that this ring says
 * @ring: the ring
 * @why: a constant text: what the peer did
 *
 * Sticky: the first reason stays. From then on nothing is pending.
 */
void pv_ring_break(struct pv_ring *ring, const char *why)
{
	if (!READ_ONCE(ring->broken))
		WRITE_ONCE(ring->broken, why);
}
EXPORT_SYMBOL_GPL(pv_ring_break);

/**
 * pv_ring_describe() - where a ring stands, for people
 * @ring: the ring, its pages still there
 * @text: result
 *
 * Context: any; a moment's view.
 */
void pv_ring_describe(const struct pv_ring *ring, char text[PV_RING_TEXT])
{
	snprintf(text, PV_RING_TEXT,
		 "put %u, published %u, taken %u of %u, wants an event at %u, the peer at %u",
		 READ_ONCE(ring->prod), READ_ONCE(ring->published),
		 READ_ONCE(ring->cons), READ_ONCE(*ring->peer_prod),
		 READ_ONCE(*ring->my_event), READ_ONCE(*ring->peer_event));
}
EXPORT_SYMBOL_GPL(pv_ring_describe);

/**
 * pv_ring_late() - frontend: whether nothing has been answered since the last look
 * @ring: the ring, its pages still there
 * @look: the last one, zero before the first; the next one's afterwards
 *
 * For those whose requests have no timers of their own. Responses need not have
 * been taken, and nothing is believed: it is only for people.
 *
 * Context: any; one that looks at a time.
 * Return: true if what waited then waits still.
 */
bool pv_ring_late(const struct pv_ring *ring, struct pv_ring_look *look)
{
	u32 answered = READ_ONCE(*ring->peer_prod);
	bool late = look->waits && answered == look->answered;

	look->answered = answered;
	look->waits = READ_ONCE(ring->published) != answered;
	return late;
}
EXPORT_SYMBOL_GPL(pv_ring_late);

/**
 * pv_ring_pending() - entries of the peer that wait to be consumed
 * @ring: the ring
 *
 * The one place that reads the peer's producer index. A frontend's peer
 * cannot have answered more than was published; a backend's peer cannot have
 * more than a ring's worth of requests without a response; and no index goes
 * backwards. Otherwise the ring is broken for good.
 *
 * Context: the consumer's side. Slots may be read after it.
 * Return: the count; 0 if the ring is broken.
 */
u32 pv_ring_pending(struct pv_ring *ring)
{
	u32 theirs, limit;

	if (unlikely(ring->broken))
		return 0;

	theirs = READ_ONCE(*ring->peer_prod);
	/* The index first, then what bounds it, and the slots it covers. */
	virt_rmb();
	if (ring->end == PV_FRONT)
		limit = READ_ONCE(ring->published);
	else
		limit = READ_ONCE(ring->prod) + ring->size;

	if (unlikely(theirs - ring->seen > limit - ring->seen)) {
		pv_ring_break(ring, ring->end == PV_FRONT ?
			      "rsp_prod is beyond the requests sent" :
			      "req_prod is more than a ring ahead");
		return 0;
	}
	ring->seen = theirs;
	return theirs - ring->cons;
}
EXPORT_SYMBOL_GPL(pv_ring_pending);

/**
 * pv_ring_publish() - show the peer all that was put since the last time
 * @ring: the ring
 *
 * One barrier and one store a batch. Sending the event is the caller's next
 * step (pv_channel_kick()), so that it can drop its locks before.
 *
 * io/ring.h: a notification is due if the peer's event index lies among the
 * entries just published.
 *
 * Context: the producer's side.
 * Return: true if the peer asked to be notified of these entries.
 */
bool pv_ring_publish(struct pv_ring *ring)
{
	u32 from = ring->published, to = ring->prod;
	bool kick;

	if (from == to)
		return false;

	/* Before the index: its answer may come, elsewhere, at once. */
	WRITE_ONCE(ring->published, to);
	/* The slots before the index. */
	virt_wmb();
	WRITE_ONCE(*ring->my_prod, to);
	/* The index before the question whether the peer sleeps. */
	virt_mb();
	kick = to - READ_ONCE(*ring->peer_event) < to - from;

	ring->stats->publishes++;
	if (!kick)
		ring->stats->kicks_saved++;
	trace_pv_publish(ring, from, to, kick);
	return kick;
}
EXPORT_SYMBOL_GPL(pv_ring_publish);

/**
 * pv_ring_arm() - ask for an event before going to sleep
 * @ring: the ring
 * @ahead: entries that must have come before the event; 1 is the next one
 *
 * io/ring.h lets the consumer place its event index further ahead, to hear
 * once of several entries. Whoever does so must be sure that they will come.
 *
 * Context: the consumer's side.
 * Return: true if that many are there already: do not sleep.
 */
bool pv_ring_arm(struct pv_ring *ring, u32 ahead)
{
	WRITE_ONCE(*ring->my_event, ring->cons + ahead);
	/* The wish before the last look, or both ends would wait. */
	virt_mb();
	return pv_ring_pending(ring) >= ahead;
}
EXPORT_SYMBOL_GPL(pv_ring_arm);
