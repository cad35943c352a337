/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end's view of a shared ring.
 *
 * Xen's public io/ring.h defines the memory: four indices, padding, then
 * slots that a request and its response share. The macros of that header are
 * not used here, because the slot's type depends on what the peer says
 * (blkif has three layouts) and because nothing that the peer can write may
 * be read twice or trusted once.
 */
#ifndef _PV_RING_H
#define _PV_RING_H

#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include "stats.h"

/** PV_RING_MAX_ORDER - the ABI's largest ring: 16 pages */
#define PV_RING_MAX_ORDER	4
#define PV_RING_MAX_PAGES	(1U << PV_RING_MAX_ORDER)

/**
 * struct pv_ring_shared - the shared memory's head, as io/ring.h lays it out
 * @req_prod: requests produced, written by the frontend
 * @req_event: the backend wants an event when req_prod passes this
 * @rsp_prod: responses produced, written by the backend
 * @rsp_event: the frontend wants an event when rsp_prod passes this
 * @pad: reserved
 * @slot: the slots
 */
struct pv_ring_shared {
	u32 req_prod, req_event;
	u32 rsp_prod, rsp_event;
	u8 pad[48];
	u8 slot[];
};

enum pv_end {
	PV_FRONT,
	PV_BACK,
};

/**
 * struct pv_ring - one end's private view of a shared ring
 * @slots: the first slot
 * @my_prod: shared index that this end produces
 * @my_event: shared index at which this end wants an event
 * @peer_prod: shared index that the peer produces
 * @peer_event: shared index at which the peer wants an event
 * @stride: bytes from slot to slot
 * @size: number of slots, a power of two
 * @prod: private producer index
 * @published: what the peer has been shown, or is just being shown, of @prod
 * @cons: private consumer index
 * @seen: the peer's producer index as last validated
 * @end: which end this is
 * @broken: NULL, or what the peer did to the ring; sticky
 * @stats: where to count
 *
 * The producer's side (@prod, @published) and the consumer's side (@cons,
 * @seen) may belong to different contexts; each must be serialised by itself.
 */
struct pv_ring {
	u8 *slots;
	u32 *my_prod;
	u32 *my_event;
	u32 *peer_prod;
	u32 *peer_event;
	u32 stride;
	u32 size;
	u32 prod;
	u32 published;
	u32 cons;
	u32 seen;
	enum pv_end end;
	const char *broken;
	struct pv_stats *stats;
};

/**
 * struct pv_ring_look - what a frontend saw of a ring when it looked last
 * @answered: so far the backend had answered
 * @waits: there were requests without an answer
 */
struct pv_ring_look {
	u32 answered;
	bool waits;
};

/** PV_RING_TEXT - room for the text that pv_ring_describe() writes */
#define PV_RING_TEXT	160

u32 pv_ring_slots(u32 nr_pages, u32 stride);
void pv_ring_init_front(struct pv_ring *ring, void *mem, u32 nr_pages,
			u32 stride, struct pv_stats *stats);
int pv_ring_init_back(struct pv_ring *ring, void *mem, u32 nr_pages,
		      u32 stride, struct pv_stats *stats);
u32 pv_ring_pending(struct pv_ring *ring);
bool pv_ring_publish(struct pv_ring *ring);
bool pv_ring_arm(struct pv_ring *ring, u32 ahead);
void pv_ring_describe(const struct pv_ring *ring, char text[PV_RING_TEXT]);
bool pv_ring_late(const struct pv_ring *ring, struct pv_ring_look *look);
void pv_ring_break(struct pv_ring *ring, const char *why);

/**
 * pv_ring_room() - how many more entries this end may produce
 * @ring: the ring
 *
 * A frontend may have at most a ring's worth of requests without a response;
 * a backend may produce a response for each request that it has consumed.
 *
 * Context: the producer's side.
 * Return: number of free slots.
 */
static inline u32 pv_ring_room(const struct pv_ring *ring)
{
	u32 used = ring->prod - READ_ONCE(ring->cons);

	return ring->end == PV_FRONT ? ring->size - used : -used;
}

/**
 * pv_ring_in_flight() - frontend: requests that have no response yet
 * @ring: the ring
 *
 * Context: any; a moment's view.
 * Return: their number, those that are not published included.
 */
static inline u32 pv_ring_in_flight(const struct pv_ring *ring)
{
	return READ_ONCE(ring->prod) - READ_ONCE(ring->cons);
}

/**
 * pv_ring_known() - entries that wait, without a look at shared memory
 * @ring: the ring
 *
 * Context: the consumer's side.
 * Return: what pv_ring_pending() has found and nobody has consumed yet.
 */
static inline u32 pv_ring_known(const struct pv_ring *ring)
{
	return ring->seen - ring->cons;
}

/**
 * pv_ring_put() - write the next slot
 * @ring: the ring, with room (see pv_ring_room())
 * @entry: the finished entry; shared memory never holds half of one
 * @len: bytes, at most the slot's size
 *
 * Nothing is visible to the peer before pv_ring_publish().
 *
 * Context: the producer's side.
 */
static inline void pv_ring_put(struct pv_ring *ring, const void *entry, u32 len)
{
	u32 at = ring->prod++ & (ring->size - 1);

	memcpy(ring->slots + at * ring->stride, entry, len);
}

/**
 * pv_ring_get() - copy the next slot out of shared memory, once
 * @ring: the ring, with a count from pv_ring_pending() not used up
 * @entry: where the copy goes; only the copy may be looked at
 * @len: bytes, at most the slot's size
 *
 * Context: the consumer's side.
 */
static inline void pv_ring_get(struct pv_ring *ring, void *entry, u32 len)
{
	u32 at = ring->cons & (ring->size - 1);

	memcpy(entry, ring->slots + at * ring->stride, len);
	/* The peer rewrites the slot at will: the copy is the truth. */
	barrier();
	WRITE_ONCE(ring->cons, ring->cons + 1);
}

#endif /* _PV_RING_H */
