// SPDX-License-Identifier: GPL-2.0
/*
 * The shared ring: both ends' views on one piece of memory, and peers that misuse it.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>

#include "helpers.h"
#include "ring.h"

#define STRIDE	112		/* as blkif's */
#define SIZE	32		/* of a ring of one page */

struct entry {
	u32 id;
	u8 fill[STRIDE - sizeof(u32)];
};

struct pair {
	void *mem;
	struct pv_ring_shared *shared;
	struct pv_ring front, back;
	struct pv_stats front_stats, back_stats;
};

/* Where the shared and private indices begin, so that a case crosses each edge of u32. */
static const u32 starts[] = { 0, 1, SIZE - 1, 0x7fffffff - 5, 0x80000000 - 3, 0xffffffff - 20, 0xffffffff };

static void set_start(struct pair *p, u32 start)
{
	p->shared->req_prod = start;
	p->shared->rsp_prod = start;
	p->shared->req_event = start + 1;
	p->shared->rsp_event = start + 1;
	p->front.prod = start;
	p->front.published = start;
	p->front.cons = start;
	p->front.seen = start;
}

static struct pair *new_pair(struct kunit *test, unsigned int nr_pages, u32 start)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->mem = kunit_kzalloc(test, nr_pages * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p->mem);
	p->shared = p->mem;
	pv_ring_init_front(&p->front, p->mem, nr_pages, STRIDE, &p->front_stats);
	set_start(p, start);
	KUNIT_ASSERT_EQ(test, pv_ring_init_back(&p->back, p->mem, nr_pages, STRIDE, &p->back_stats), 0);
	return p;
}

static void fill(struct entry *e, u32 id)
{
	e->id = id;
	memset(e->fill, id * 7 + 1, sizeof(e->fill));
}

static bool is(const struct entry *e, u32 id)
{
	struct entry want;

	fill(&want, id);
	return !memcmp(e, &want, sizeof(want));
}

/* Moves @count entries from @from to @to and checks each. */
static void move(struct kunit *test, struct pv_ring *from, struct pv_ring *to, u32 count, u32 first_id)
{
	struct entry e;
	u32 i;

	for (i = 0; i < count; i++) {
		fill(&e, first_id + i);
		pv_ring_put(from, &e, sizeof(e));
	}
	pv_ring_publish(from);
	KUNIT_ASSERT_EQ(test, pv_ring_pending(to), count);
	for (i = 0; i < count; i++) {
		memset(&e, 0xee, sizeof(e));
		pv_ring_get(to, &e, sizeof(e));
		KUNIT_ASSERT_TRUE_MSG(test, is(&e, first_id + i), "entry %u of %u", i, count);
	}
	KUNIT_EXPECT_EQ(test, pv_ring_pending(to), 0);
}

static void slots(struct kunit *test)
{
	/* (pages * 4096 - 64) / size, rounded down to a power of two: the figures of the ABI */
	KUNIT_EXPECT_EQ(test, pv_ring_slots(1, 112), 32);	/* blkif */
	KUNIT_EXPECT_EQ(test, pv_ring_slots(1, 108), 32);	/* blkif of a 32-bit guest */
	KUNIT_EXPECT_EQ(test, pv_ring_slots(2, 112), 64);
	KUNIT_EXPECT_EQ(test, pv_ring_slots(16, 112), 512);
	KUNIT_EXPECT_EQ(test, pv_ring_slots(1, 12), 256);	/* netif, transmit */
	KUNIT_EXPECT_EQ(test, pv_ring_slots(1, 8), 256);	/* netif, receive */
	KUNIT_EXPECT_EQ(test, pv_ring_slots(1, 252), 16);	/* vscsiif */
}

static void fresh(struct kunit *test)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct pv_ring_shared *shared = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	pv_ring_init_front(&p->front, shared, 1, STRIDE, &p->front_stats);
	KUNIT_EXPECT_EQ(test, shared->req_prod, 0);
	KUNIT_EXPECT_EQ(test, shared->rsp_prod, 0);
	KUNIT_EXPECT_EQ(test, shared->req_event, 1);
	KUNIT_EXPECT_EQ(test, shared->rsp_event, 1);
	KUNIT_EXPECT_EQ(test, p->front.size, SIZE);
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->front), SIZE);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 0);
	KUNIT_EXPECT_EQ(test, pv_ring_init_back(&p->back, shared, 1, STRIDE, &p->back_stats), 0);
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->back), 0);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 0);
	/* Nothing to say: no store, no event. */
	KUNIT_EXPECT_FALSE(test, pv_ring_publish(&p->front));
	KUNIT_EXPECT_EQ(test, p->front_stats.publishes, 0);
}

static void every_batch_size_around_the_wrap(struct kunit *test)
{
	unsigned int s;
	u32 batch, id = 0;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		for (batch = 1; batch <= SIZE; batch++) {
			struct pair *p = new_pair(test, 1, starts[s]);
			u32 round;

			for (round = 0; round < 2 * SIZE / batch + 2; round++, id += batch) {
				KUNIT_ASSERT_EQ(test, pv_ring_room(&p->front), SIZE);
				move(test, &p->front, &p->back, batch, id);
				KUNIT_ASSERT_EQ(test, pv_ring_room(&p->front), SIZE - batch);
				KUNIT_ASSERT_EQ(test, pv_ring_room(&p->back), batch);
				move(test, &p->back, &p->front, batch, ~id - batch);
				KUNIT_ASSERT_EQ(test, pv_ring_room(&p->back), 0);
			}
			KUNIT_EXPECT_EQ(test, p->front_stats.publishes, round);
			KUNIT_EXPECT_EQ(test, p->back_stats.publishes, round);
			KUNIT_EXPECT_NULL(test, p->front.broken);
			KUNIT_EXPECT_NULL(test, p->back.broken);
			kunit_kfree(test, p->mem);
			kunit_kfree(test, p);
		}
	}
}

static void large_ring(struct kunit *test)
{
	struct pair *p = new_pair(test, 16, 0xffffffff - 100);
	u32 size = p->front.size;

	KUNIT_ASSERT_EQ(test, size, 512);
	move(test, &p->front, &p->back, size, 1);
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->front), 0);
	move(test, &p->back, &p->front, size, 1000);
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->front), size);
}

/* Nothing is visible before publish; then all of it is. */
static void put_is_private(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0xfffffffe);
	struct entry e;
	u32 i;

	for (i = 0; i < 5; i++) {
		fill(&e, i);
		pv_ring_put(&p->front, &e, sizeof(e));
		KUNIT_EXPECT_EQ(test, p->shared->req_prod, 0xfffffffe);
		KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 0);
	}
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->front), SIZE - 5);
	pv_ring_publish(&p->front);
	KUNIT_EXPECT_EQ(test, p->shared->req_prod, 3);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 5);
}

/* A short entry leaves the rest of its slot alone, a long ring does not touch its neighbours. */
static void put_writes_no_more_than_len(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0);
	u8 *slots = p->shared->slot;
	u8 entry[16];

	memset(slots, 0x5a, SIZE * STRIDE);
	memset(entry, 1, sizeof(entry));
	pv_ring_put(&p->front, entry, sizeof(entry));
	KUNIT_EXPECT_EQ(test, slots[15], 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(slots + 16, 0x5a, SIZE * STRIDE - 16));
}

/* The peer rewrites a slot after it was consumed: the copy does not change, nor does the next read of the index. */
static void copy_is_the_truth(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0);
	struct entry e;

	fill(&e, 77);
	pv_ring_put(&p->front, &e, sizeof(e));
	pv_ring_publish(&p->front);
	KUNIT_ASSERT_EQ(test, pv_ring_pending(&p->back), 1);
	memset(&e, 0, sizeof(e));
	pv_ring_get(&p->back, &e, sizeof(e));
	memset(p->shared->slot, 0xff, STRIDE);
	KUNIT_EXPECT_TRUE(test, is(&e, 77));
}

/*
 * A notification is due if and only if the peer's event index lies among the entries just published, for each place of
 * that index and each size of a batch.
 */
static void hold_off(struct kunit *test)
{
	unsigned int s;
	u32 batch, event, i;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		u32 start = starts[s];

		for (batch = 1; batch <= SIZE; batch++) {
			struct pair *p = new_pair(test, 1, start);

			for (event = 0; event <= SIZE + 1; event++) {
				bool due = event >= 1 && event <= batch;
				struct entry e = {};

				set_start(p, start);
				p->shared->req_event = start + event;
				for (i = 0; i < batch; i++)
					pv_ring_put(&p->front, &e, sizeof(e));
				KUNIT_ASSERT_EQ_MSG(test, pv_ring_publish(&p->front), due,
						    "start %u, batch %u, event at %u", start, batch, event);
			}
			/* Each publish is either a kick or a saved one. */
			KUNIT_EXPECT_EQ(test, p->front_stats.publishes, SIZE + 2);
			KUNIT_EXPECT_EQ(test, p->front_stats.kicks_saved, SIZE + 2 - batch);
			kunit_kfree(test, p->mem);
			kunit_kfree(test, p);
		}
	}
}

static void arm(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0xffffffff);
	struct entry e = {};
	u32 ahead;

	/* Empty: asleep until the next one; that one kicks. */
	KUNIT_EXPECT_FALSE(test, pv_ring_arm(&p->back, 1));
	KUNIT_EXPECT_EQ(test, p->shared->req_event, 0);
	pv_ring_put(&p->front, &e, sizeof(e));
	KUNIT_EXPECT_TRUE(test, pv_ring_publish(&p->front));
	/* It is there already: do not sleep. */
	KUNIT_EXPECT_TRUE(test, pv_ring_arm(&p->back, 1));
	/* While the consumer is at work, nobody kicks it. */
	KUNIT_ASSERT_EQ(test, pv_ring_pending(&p->back), 1);
	pv_ring_get(&p->back, &e, sizeof(e));
	for (ahead = 0; ahead < 3; ahead++) {
		pv_ring_put(&p->front, &e, sizeof(e));
		pv_ring_publish(&p->front);
	}
	KUNIT_EXPECT_EQ(test, p->front_stats.publishes - p->front_stats.kicks_saved, 1);

	/* Late: only the entry asked for kicks. */
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 3);
	for (ahead = 0; ahead < 3; ahead++)
		pv_ring_get(&p->back, &e, sizeof(e));
	KUNIT_EXPECT_FALSE(test, pv_ring_arm(&p->back, 4));
	for (ahead = 1; ahead <= 5; ahead++) {
		pv_ring_put(&p->front, &e, sizeof(e));
		KUNIT_EXPECT_EQ(test, pv_ring_publish(&p->front), ahead == 4);
		/* Three of four are not enough to stay awake for. */
		KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back) >= 4, ahead >= 4);
	}
	KUNIT_EXPECT_TRUE(test, pv_ring_arm(&p->back, 4));
	KUNIT_EXPECT_FALSE(test, pv_ring_arm(&p->back, 6));
}

/* Two threads, each sleeping only after pv_ring_arm() said that it may: with one lost wake-up the test never ends. */

#define ROUNDS 20000

struct side {
	struct pair *pair;
	bool back;
	struct completion wake;		/* the "event channel" */
	struct side *other;
	struct completion done;
	u32 finished;
	bool lost, wrong;
};

static bool sleep_until_event(struct side *s, struct pv_ring *ring)
{
	while (!pv_ring_pending(ring)) {
		/* Room for the other end to publish between the last look and the wish for an event */
		udelay(s->finished % 8 * 4);
		if (pv_ring_arm(ring, 1))
			return true;
		if (!wait_for_completion_timeout(&s->wake, 5 * HZ)) {
			s->lost = true;
			return false;
		}
	}
	return true;
}

static int side_thread(void *arg)
{
	struct side *s = arg;
	struct pv_ring *ring = s->back ? &s->pair->back : &s->pair->front;
	u32 sent = 0, seed = s->back ? 1 : 12345;
	struct entry e;

	while (s->finished < ROUNDS) {
		bool kick = false;
		u32 n;

		if (!s->back) {
			/* The frontend: a batch of any size that fits */
			seed = seed * 1103515245 + 12345;
			n = min3(pv_ring_room(ring), (seed >> 16) % SIZE + 1, ROUNDS - sent);
			for (; n; n--) {
				fill(&e, sent++);
				pv_ring_put(ring, &e, sizeof(e));
			}
			kick = pv_ring_publish(ring);
		}
		if (kick)
			complete(&s->other->wake);
		if (!sleep_until_event(s, ring))
			break;
		for (n = pv_ring_pending(ring); n; n--) {
			pv_ring_get(ring, &e, sizeof(e));
			if (!is(&e, s->finished))
				s->wrong = true;
			s->finished++;
			if (s->back)
				pv_ring_put(ring, &e, sizeof(e));
			/* Now and then, more than one publication for what was taken. */
			if (s->back && n % 5 == 0 && pv_ring_publish(ring))
				complete(&s->other->wake);
		}
		if (s->back && pv_ring_publish(ring))
			complete(&s->other->wake);
	}
	complete(&s->done);
	return 0;
}

static void no_lost_wake_up(struct kunit *test)
{
	struct side *side = kunit_kcalloc(test, 2, sizeof(*side), GFP_KERNEL);
	struct pair *p = new_pair(test, 1, 0xffffffff - ROUNDS / 2);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, side);
	for (i = 0; i < 2; i++) {
		side[i].pair = p;
		side[i].back = i;
		side[i].other = &side[!i];
		init_completion(&side[i].wake);
		init_completion(&side[i].done);
	}
	for (i = 0; i < 2; i++) {
		struct task_struct *task = kthread_run(side_thread, &side[i], "ring-side-%u", i);

		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < 2; i++) {
		wait_for_completion(&side[i].done);
		KUNIT_EXPECT_FALSE_MSG(test, side[i].lost, "end %u slept through an event at %u", i, side[i].finished);
		KUNIT_EXPECT_FALSE(test, side[i].wrong);
		KUNIT_EXPECT_EQ(test, side[i].finished, ROUNDS);
	}
	KUNIT_EXPECT_NULL(test, p->front.broken);
	KUNIT_EXPECT_NULL(test, p->back.broken);
	/* The hold-off is worth its name: some kicks were saved. */
	KUNIT_EXPECT_GT(test, p->front_stats.kicks_saved + p->back_stats.kicks_saved, 0);
}

/* Peers that lie */

static void expect_broken_for_good(struct kunit *test, struct pv_ring *ring, u32 *peer_prod, u32 good)
{
	const char *why = ring->broken;

	KUNIT_ASSERT_NOT_NULL(test, why);
	/* Sticky: a sound index does not mend it, nor does another reason replace the first. */
	WRITE_ONCE(*peer_prod, good);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(ring), 0);
	KUNIT_EXPECT_FALSE(test, pv_ring_arm(ring, 1));
	pv_ring_break(ring, "another reason");
	KUNIT_EXPECT_PTR_EQ(test, ring->broken, why);
}

static void backend_meets_too_many_requests(struct kunit *test)
{
	static const u32 beyond[] = { SIZE + 1, SIZE + 2, 2 * SIZE, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	unsigned int s, b;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		for (b = 0; b < ARRAY_SIZE(beyond); b++) {
			struct pair *p = new_pair(test, 1, starts[s]);

			WRITE_ONCE(p->shared->req_prod, starts[s] + beyond[b]);
			KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 0);
			expect_broken_for_good(test, &p->back, &p->shared->req_prod, starts[s] + 1);
			kunit_kfree(test, p->mem);
			kunit_kfree(test, p);
		}
		/* Exactly a ring's worth is right. */
		{
			struct pair *p = new_pair(test, 1, starts[s]);

			WRITE_ONCE(p->shared->req_prod, starts[s] + SIZE);
			KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), SIZE);
			KUNIT_EXPECT_NULL(test, p->back.broken);
		}
	}
}

/* Consumed requests without a response still take room. */
static void backend_counts_what_it_owes(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0xffffffff - 10);
	struct entry e = {};
	u32 i;

	for (i = 0; i < SIZE; i++)
		pv_ring_put(&p->front, &e, sizeof(e));
	pv_ring_publish(&p->front);
	KUNIT_ASSERT_EQ(test, pv_ring_pending(&p->back), SIZE);
	for (i = 0; i < SIZE; i++)
		pv_ring_get(&p->back, &e, sizeof(e));
	KUNIT_EXPECT_EQ(test, pv_ring_room(&p->back), SIZE);
	/* All consumed, none answered: one more is one too many. */
	WRITE_ONCE(p->shared->req_prod, p->shared->req_prod + 1);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 0);
	KUNIT_EXPECT_NOT_NULL(test, p->back.broken);
}

static void backend_meets_requests_taken_back(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0);

	WRITE_ONCE(p->shared->req_prod, 5);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 5);
	WRITE_ONCE(p->shared->req_prod, 4);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->back), 0);
	expect_broken_for_good(test, &p->back, &p->shared->req_prod, 5);
}

static void frontend_meets_too_many_responses(struct kunit *test)
{
	static const u32 beyond[] = { 1, 2, SIZE, SIZE + 1, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned int s, b;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		for (b = 0; b < ARRAY_SIZE(beyond); b++) {
			struct pair *p = new_pair(test, 1, starts[s]);
			struct entry e = {};
			u32 i;

			for (i = 0; i < 3; i++)
				pv_ring_put(&p->front, &e, sizeof(e));
			pv_ring_publish(&p->front);
			WRITE_ONCE(p->shared->rsp_prod, starts[s] + 3 + beyond[b]);
			if (beyond[b] == 0xffffffff) {
				/* Two of three: right. */
				KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 2);
				KUNIT_EXPECT_NULL(test, p->front.broken);
			} else {
				KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 0);
				expect_broken_for_good(test, &p->front, &p->shared->rsp_prod, starts[s] + 3);
			}
			kunit_kfree(test, p->mem);
			kunit_kfree(test, p);
		}
	}
}

/* A response to a request that was put into the ring, but not published, is a lie. */
static void frontend_meets_an_early_response(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0);
	struct entry e = {};

	pv_ring_put(&p->front, &e, sizeof(e));
	WRITE_ONCE(p->shared->rsp_prod, 1);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 0);
	KUNIT_EXPECT_NOT_NULL(test, p->front.broken);
}

static void frontend_meets_responses_taken_back(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0xffffffff);
	struct entry e = {};

	pv_ring_put(&p->front, &e, sizeof(e));
	pv_ring_put(&p->front, &e, sizeof(e));
	pv_ring_publish(&p->front);
	WRITE_ONCE(p->shared->rsp_prod, 1);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 2);
	pv_ring_get(&p->front, &e, sizeof(e));
	WRITE_ONCE(p->shared->rsp_prod, 0);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 0);
	KUNIT_EXPECT_NOT_NULL(test, p->front.broken);
}

/* What the peer does to indices that are not its own changes nothing. */
static void own_indices_are_private(struct kunit *test)
{
	struct pair *p = new_pair(test, 1, 0);

	move(test, &p->front, &p->back, 3, 0);
	p->shared->req_prod = 0;
	p->shared->rsp_prod = 0;
	p->shared->rsp_event = 0x12345678;
	p->shared->req_event = 0x12345678;
	move(test, &p->back, &p->front, 3, 0);
	move(test, &p->front, &p->back, SIZE, 10);
	move(test, &p->back, &p->front, SIZE, 100);
	KUNIT_EXPECT_EQ(test, p->shared->req_prod, SIZE + 3);
}

/* A backend that comes back takes up the requests that have no response. */
static void backend_restarts(struct kunit *test)
{
	unsigned int s;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		struct pair *p = new_pair(test, 1, starts[s]);
		struct pv_ring again;
		struct entry e;
		u32 i;

		for (i = 0; i < 10; i++) {
			fill(&e, i);
			pv_ring_put(&p->front, &e, sizeof(e));
		}
		pv_ring_publish(&p->front);
		KUNIT_ASSERT_EQ(test, pv_ring_pending(&p->back), 10);
		for (i = 0; i < 7; i++) {
			pv_ring_get(&p->back, &e, sizeof(e));
			if (i < 4)
				pv_ring_put(&p->back, &e, sizeof(e));
		}
		pv_ring_publish(&p->back);

		KUNIT_ASSERT_EQ(test, pv_ring_init_back(&again, p->mem, 1, STRIDE, &p->back_stats), 0);
		KUNIT_ASSERT_EQ(test, pv_ring_pending(&again), 6);
		for (i = 4; i < 10; i++) {
			pv_ring_get(&again, &e, sizeof(e));
			KUNIT_EXPECT_TRUE(test, is(&e, i));
			pv_ring_put(&again, &e, sizeof(e));
		}
		pv_ring_publish(&again);
		KUNIT_EXPECT_EQ(test, pv_ring_pending(&p->front), 10);

		/* Indices that cannot be: refused at once. */
		p->shared->req_prod = p->shared->rsp_prod + SIZE + 1;
		KUNIT_EXPECT_EQ(test, pv_ring_init_back(&again, p->mem, 1, STRIDE, &p->back_stats), -EINVAL);
		p->shared->req_prod = p->shared->rsp_prod - 1;
		KUNIT_EXPECT_EQ(test, pv_ring_init_back(&again, p->mem, 1, STRIDE, &p->back_stats), -EINVAL);
	}
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(slots),
	KUNIT_CASE(fresh),
	KUNIT_CASE(every_batch_size_around_the_wrap),
	KUNIT_CASE(large_ring),
	KUNIT_CASE(put_is_private),
	KUNIT_CASE(put_writes_no_more_than_len),
	KUNIT_CASE(copy_is_the_truth),
	KUNIT_CASE(hold_off),
	KUNIT_CASE(arm),
	KUNIT_CASE(no_lost_wake_up),
	KUNIT_CASE(backend_meets_too_many_requests),
	KUNIT_CASE(backend_counts_what_it_owes),
	KUNIT_CASE(backend_meets_requests_taken_back),
	KUNIT_CASE(frontend_meets_too_many_responses),
	KUNIT_CASE(frontend_meets_an_early_response),
	KUNIT_CASE(frontend_meets_responses_taken_back),
	KUNIT_CASE(own_indices_are_private),
	KUNIT_CASE(backend_restarts),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);

MODULE_DESCRIPTION("Tests of the shared ring");
MODULE_LICENSE("GPL");
