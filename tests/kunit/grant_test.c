// SPDX-License-Identifier: GPL-2.0
/*
 * A frontend's grants: pools that take no global lock, staged pages that stay granted, pages that the peer keeps.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#define HELPERS_WANT_DEVICE
#include "grant.h"
#include "helpers.h"
#include "stats.h"

#define MOST 192			/* three chunks */

struct rig {
	struct pv_device *pd;
	struct pv_stats stats;
	struct pv_grant_pool pool;
};

static struct rig *new_rig(struct kunit *test, unsigned int max)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->pd = lone_device(test, PV_FRONT);
	KUNIT_ASSERT_EQ(test, pv_grant_pool_init(&rig->pool, rig->pd, max, &rig->stats), 0);
	return rig;
}

static unsigned int length(const struct pv_grant_chain *chain)
{
	const struct pv_grant *g, *last = NULL;
	unsigned int n = 0;

	for (g = chain->first; g; g = g->next) {
		last = g;
		n++;
	}
	return last == chain->last && n == chain->nr ? n : ~0U;
}

static void starts_and_ends_empty(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct fake_xen_held held;

	fake_xen_held(&held);
	/* References are reserved, nothing is granted. */
	KUNIT_EXPECT_GT(test, held.refs, 0);
	KUNIT_EXPECT_EQ(test, held.grants, 0);
	pv_grant_pool_destroy(&rig->pool);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	/* A pool that never was. */
	pv_grant_pool_destroy(&rig->pool);
}

static void no_references_left(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	struct pv_grant_chain chain = {};
	int err;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->pd = lone_device(test, PV_FRONT);
	fake_xen_limit_refs(3);
	KUNIT_EXPECT_EQ(test, pv_grant_pool_init(&rig->pool, rig->pd, MOST, &rig->stats), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());

	/* Enough for the beginning, not for growth: -EBUSY, and whole again when things are put back. */
	fake_xen_limit_refs(100);
	KUNIT_ASSERT_EQ(test, pv_grant_pool_init(&rig->pool, rig->pd, MOST, &rig->stats), 0);
	KUNIT_EXPECT_EQ(test, pv_grant_take_bare(&rig->pool, 40, &chain), 0);
	err = pv_grant_take_bare(&rig->pool, 100, &chain);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_EQ(test, length(&chain), 40);
	pv_grant_put(&rig->pool, &chain);
	KUNIT_EXPECT_EQ(test, pv_grant_take_bare(&rig->pool, 40, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
}

static void staged_pages(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct pv_grant *g;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 20, &chain), 0);
	KUNIT_EXPECT_EQ(test, length(&chain), 20);
	for (g = chain.first; g; g = g->next) {
		KUNIT_ASSERT_NOT_NULL(test, g->page);
		/* The backend reaches exactly this page, may write to it, and finds nothing of ours in it. */
		KUNIT_EXPECT_PTR_EQ(test, fake_xen_granted_page(g->ref), g->page);
		KUNIT_EXPECT_FALSE(test, fake_xen_granted_readonly(g->ref));
		KUNIT_EXPECT_EQ(test, fake_xen_granted_to(g->ref), FAKE_XEN_BACK_DOMID);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(g->page), 0, PAGE_SIZE));
	}
	pv_grant_put(&rig->pool, &chain);
	KUNIT_EXPECT_EQ(test, length(&chain), 0);
	pv_grant_pool_destroy(&rig->pool);
}

/* A warm pool calls nobody: neither Xen nor the allocator, and the same pages come back, the last one first. */
static void warm_pool_is_free_of_charge(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct fake_xen_counts before;
	struct page *hot;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 32, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 1, &chain), 0);
	hot = chain.first->page;
	pv_grant_put(&rig->pool, &chain);

	before = fake_xen_counts;
	for (i = 1; i <= 32; i++) {
		KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 1, &chain), 0);
		KUNIT_ASSERT_PTR_EQ(test, chain.first->page, hot);
		KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, i - 1, &chain), 0);
		KUNIT_ASSERT_EQ(test, length(&chain), i);
		pv_grant_put(&rig->pool, &chain);
		/* Which one is on top now is the pool's business. */
		KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 1, &chain), 0);
		hot = chain.first->page;
		pv_grant_put(&rig->pool, &chain);
	}
	EXPECT_MEMEQ(test, &before, &fake_xen_counts, sizeof(before));
	pv_grant_pool_destroy(&rig->pool);
}

/* Bare references cost one grant and one end each, and no take of the global lock. */
static void bare_references(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct page *page = alloc_page(GFP_KERNEL);
	struct pv_grant_chain chain = {};
	unsigned long locks;
	struct pv_grant *g;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, page);
	locks = fake_xen_counts.global_lock;
	for (round = 0; round < 10; round++) {
		KUNIT_ASSERT_EQ(test, pv_grant_take_bare(&rig->pool, 16, &chain), 0);
		KUNIT_ASSERT_EQ(test, length(&chain), 16);
		for (g = chain.first; g; g = g->next) {
			KUNIT_ASSERT_NULL(test, g->page);
			KUNIT_ASSERT_NULL(test, fake_xen_granted_page(g->ref));
			pv_grant_page(&rig->pool, g, page, round & 1);
			KUNIT_ASSERT_PTR_EQ(test, fake_xen_granted_page(g->ref), page);
			KUNIT_ASSERT_EQ(test, fake_xen_granted_readonly(g->ref), round & 1);
		}
		for (g = chain.first; g; g = g->next) {
			KUNIT_ASSERT_TRUE(test, pv_grant_end(&rig->pool, g));
			KUNIT_ASSERT_NULL(test, fake_xen_granted_page(g->ref));
		}
		pv_grant_put(&rig->pool, &chain);
	}
	KUNIT_EXPECT_EQ(test, fake_xen_counts.global_lock, locks);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.grants, 160);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.ends, 160);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	__free_page(page);
	pv_grant_pool_destroy(&rig->pool);
}

static void bounded(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {}, more = {};
	struct fake_xen_held held;
	unsigned int n = 0;

	while (!pv_grant_take_staged(&rig->pool, 1, &chain) && n < 10 * MOST)
		n++;
	/* "Rounded up to a chunk" */
	KUNIT_EXPECT_GE(test, n, MOST);
	KUNIT_EXPECT_LE(test, n, MOST + 64);
	KUNIT_EXPECT_EQ(test, length(&chain), n);
	KUNIT_EXPECT_EQ(test, pv_grant_take_bare(&rig->pool, 1, &more), -EBUSY);
	KUNIT_EXPECT_EQ(test, length(&more), 0);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, n);
	pv_grant_put(&rig->pool, &chain);
	KUNIT_EXPECT_EQ(test, pv_grant_take_staged(&rig->pool, n, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	/* More than there ever can be */
	KUNIT_EXPECT_EQ(test, pv_grant_take_staged(&rig->pool, n + 1, &chain), -EBUSY);
	KUNIT_EXPECT_EQ(test, length(&chain), 0);
	pv_grant_pool_destroy(&rig->pool);
}

static void shrinks_when_idle(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {}, few = {};
	struct fake_xen_held held;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 50, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_shrink(&rig->pool);
	/* All were in use a moment ago. */
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 50);
	/* Since then, never more than five. */
	for (i = 1; i <= 5; i++) {
		KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, i, &few), 0);
		pv_grant_put(&rig->pool, &few);
	}
	pv_grant_pool_shrink(&rig->pool);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 5);
	pv_grant_pool_shrink(&rig->pool);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 0);
	/* And grows again. */
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 50, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
}

/* The page that was used last, which the backend has mapped and the caches know, is the last one to go. */
static unsigned int one_list(unsigned int nr)
{
	return 1;
}

/* What the largest request needs is there, however long nobody needed it: memory may be what waits for the disk. */
static void pages_are_kept(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct fake_xen_held held;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, pv_grant_pool_fit(&rig->pool, 20, one_list, true), 20);
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 50, &chain), 0);
	pv_grant_put_staged(&rig->pool, &chain);
	for (i = 0; i < 3; i++)
		pv_grant_pool_shrink(&rig->pool);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 21);
	KUNIT_EXPECT_EQ(test, rig->pool.nr_staged, 21);
	pv_grant_pool_destroy(&rig->pool);

	/* What passes directly needs but the list. */
	KUNIT_ASSERT_EQ(test, pv_grant_pool_init(&rig->pool, rig->pd, MOST, &rig->stats), 0);
	KUNIT_EXPECT_EQ(test, pv_grant_pool_fit(&rig->pool, 20, one_list, false), 20);
	KUNIT_EXPECT_EQ(test, rig->pool.nr_staged, 1);
	pv_grant_pool_destroy(&rig->pool);
}

static void shrink_takes_the_coldest(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct page *hot;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 10, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 3, &chain), 0);
	hot = chain.last->page;
	pv_grant_put(&rig->pool, &chain);
	/* Once for what was taken at first, once for what has been since. */
	pv_grant_pool_shrink(&rig->pool);
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 3, &chain), 0);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_shrink(&rig->pool);
	KUNIT_ASSERT_EQ(test, rig->pool.nr_staged, 3);
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 3, &chain), 0);
	KUNIT_EXPECT_TRUE(test, chain.first->page == hot || chain.first->next->page == hot || chain.last->page == hot);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
}

/* The backend keeps its mapping of an idle page: shrinking leaves that one alone, and finds the others. */
static void shrink_meets_a_held_page(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct fake_xen_held held;
	grant_ref_t ref;
	struct page *page;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 8, &chain), 0);
	ref = chain.first->next->ref;
	page = chain.first->next->page;
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_shrink(&rig->pool);
	fake_xen_peer_holds(ref, true);
	pv_grant_pool_shrink(&rig->pool);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 1);
	KUNIT_EXPECT_PTR_EQ(test, fake_xen_granted_page(ref), page);
	/* It is as usable as ever. */
	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 1, &chain), 0);
	KUNIT_EXPECT_PTR_EQ(test, chain.first->page, page);
	pv_grant_put(&rig->pool, &chain);
	fake_xen_peer_holds(ref, false);
	pv_grant_pool_destroy(&rig->pool);
}

/* A peer that does not let go of somebody's page: it gets a quarantine, the pool goes on, the page is not freed. */
static void quarantine_of_a_bare_page(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct page *page = alloc_page(GFP_KERNEL);
	struct pv_grant_chain chain = {};
	grant_ref_t ref;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, pv_grant_take_bare(&rig->pool, 2, &chain), 0);
	ref = chain.first->ref;
	pv_grant_page(&rig->pool, chain.first, page, false);
	fake_xen_peer_holds(ref, true);
	KUNIT_EXPECT_FALSE(test, pv_grant_end(&rig->pool, chain.first));
	KUNIT_EXPECT_EQ(test, rig->stats.quarantined, 1);
	/* Our reference and the quarantine's: freeing ours does not give it to the allocator. */
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	KUNIT_EXPECT_PTR_EQ(test, fake_xen_granted_page(ref), page);
	pv_grant_put(&rig->pool, &chain);

	/* The reference does not come back while the peer has it. */
	KUNIT_EXPECT_EQ(test, pv_grant_take_bare(&rig->pool, 60, &chain), 0);
	{
		struct pv_grant *g;

		for (g = chain.first; g; g = g->next)
			KUNIT_EXPECT_NE(test, g->ref, ref);
	}
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
	KUNIT_EXPECT_EQ(test, page_count(page), 2);

	fake_xen_peer_holds(ref, false);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_NULL(test, fake_xen_granted_page(ref));
	__free_page(page);
}

/* The device goes while the peer maps staged pages: soon after it lets go they are there again, not ten a second. */
static void destroy_meets_held_pages(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct pv_grant_chain chain = {};
	struct fake_xen_held held;
	grant_ref_t ref[3];
	struct page *page[3];
	struct pv_grant *g;
	unsigned int i = 0;

	KUNIT_ASSERT_EQ(test, pv_grant_take_staged(&rig->pool, 10, &chain), 0);
	for (g = chain.first; g; g = g->next, i++) {
		if (i % 4)
			continue;
		ref[i / 4] = g->ref;
		page[i / 4] = g->page;
		get_page(g->page);
		fake_xen_peer_holds(g->ref, true);
	}
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
	/* What the pool was is gone, but for the three. */
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.grants, 3);
	KUNIT_EXPECT_EQ(test, held.refs, 3);
	KUNIT_EXPECT_EQ(test, rig->stats.quarantined, 3);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.deferred, 0);
	for (i = 0; i < 3; i++) {
		msleep(50);
		KUNIT_EXPECT_EQ(test, page_count(page[i]), 2);
		fake_xen_peer_holds(ref[i], false);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(page_count(page[i]) == 1));
		put_page(page[i]);
	}
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
}

static void map_it_now(grant_ref_t ref, void *data)
{
	fake_xen_on_end(NULL, NULL);
	fake_xen_peer_holds(ref, true);
}

/* A peer that maps the page in the very moment in which its grant is ended (not before, when it was asked). */
static void peer_maps_at_the_last_moment(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct page *page = alloc_page(GFP_KERNEL);
	struct pv_grant_chain chain = {};
	grant_ref_t ref;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, pv_grant_take_bare(&rig->pool, 1, &chain), 0);
	ref = chain.first->ref;
	pv_grant_page(&rig->pool, chain.first, page, false);
	fake_xen_on_end(map_it_now, NULL);
	KUNIT_EXPECT_FALSE(test, pv_grant_end(&rig->pool, chain.first));
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	pv_grant_put(&rig->pool, &chain);
	pv_grant_pool_destroy(&rig->pool);
	fake_xen_peer_holds(ref, false);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	__free_page(page);
}

/* Every page held for ever by a hostile peer: the pool ends as far as it can, and says how many. */
static void peer_holds_everything(struct kunit *test)
{
	struct rig *rig = new_rig(test, MOST);
	struct page *page = alloc_page(GFP_KERNEL);
	struct pv_grant_chain chain = {};
	struct pv_grant *g;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (round = 0; round < 20; round++) {
		KUNIT_ASSERT_EQ_MSG(test, pv_grant_take_bare(&rig->pool, 8, &chain), 0, "round %u", round);
		for (g = chain.first; g; g = g->next) {
			pv_grant_page(&rig->pool, g, page, false);
			fake_xen_peer_holds(g->ref, true);
		}
		for (g = chain.first; g; g = g->next)
			KUNIT_EXPECT_FALSE(test, pv_grant_end(&rig->pool, g));
		pv_grant_put(&rig->pool, &chain);
	}
	KUNIT_EXPECT_EQ(test, rig->stats.quarantined, 160);
	pv_grant_pool_destroy(&rig->pool);
	KUNIT_EXPECT_EQ(test, page_count(page), 161);
	for (round = 0; round < 16384; round++)
		if (fake_xen_granted_page(round) == page)
			fake_xen_peer_holds(round, false);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	__free_page(page);
}

static struct kunit_case grant_cases[] = {
	KUNIT_CASE(starts_and_ends_empty),
	KUNIT_CASE(no_references_left),
	KUNIT_CASE(staged_pages),
	KUNIT_CASE(warm_pool_is_free_of_charge),
	KUNIT_CASE(bare_references),
	KUNIT_CASE(bounded),
	KUNIT_CASE(shrinks_when_idle),
	KUNIT_CASE(pages_are_kept),
	KUNIT_CASE(shrink_takes_the_coldest),
	KUNIT_CASE(shrink_meets_a_held_page),
	KUNIT_CASE(quarantine_of_a_bare_page),
	KUNIT_CASE(destroy_meets_held_pages),
	KUNIT_CASE(peer_maps_at_the_last_moment),
	KUNIT_CASE(peer_holds_everything),
	{}
};

static struct kunit_suite grant_suite = {
	.name = "grant",
	.init = fresh_xen,
	.exit = expect_nothing_held,
	.test_cases = grant_cases,
};

kunit_test_suite(grant_suite);

MODULE_DESCRIPTION("Tests of a frontend's grants");
MODULE_LICENSE("GPL");
