// SPDX-License-Identifier: GPL-2.0
/*
 * A backend's grants: copies and mappings in batches, results per operation, the table by reference, staged pages.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#define HELPERS_WANT_DEVICE
#include "helpers.h"
#include "map.h"
#include "stats.h"

struct rig {
	struct pv_device *pd;
	struct pv_stats stats;
	struct pv_copy_batch batch;
	struct pv_map_table table;
};

static struct rig *new_rig(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->pd = lone_device(test, PV_BACK);
	pv_copy_init(&rig->batch, rig->pd, &rig->stats);
	return rig;
}

static struct page *new_page(struct kunit *test, u8 fill)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), fill, PAGE_SIZE);
	return page;
}

/* A page of the guest, granted. */
struct guest_page {
	struct page *page;
	grant_ref_t ref;
};

static struct guest_page *guest_pages(struct kunit *test, unsigned int nr, bool readonly)
{
	struct guest_page *gp = kunit_kcalloc(test, nr, sizeof(*gp), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, gp);
	for (i = 0; i < nr; i++) {
		int ref;

		gp[i].page = new_page(test, i + 1);
		ref = fake_xen_grant(gp[i].page, readonly);
		KUNIT_ASSERT_GT(test, ref, 0);
		gp[i].ref = ref;
	}
	return gp;
}

static void put_guest_pages(struct guest_page *gp, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (fake_xen_granted_page(gp[i].ref) == gp[i].page)
			fake_xen_revoke(gp[i].ref);
		__free_page(gp[i].page);
	}
}

/* Copies */

static void copies_move_bytes(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 2, false);
	struct page *own = new_page(test, 0xaa);
	u8 *mine = page_address(own), *theirs = page_address(gp[0].page);
	u32 failed = 0;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i++)
		theirs[i] = i * 31 + (i >> 8);
	pv_copy_from_guest(&rig->batch, gp[0].ref, 512, own, 1024, 1536, &failed);
	/* Nothing before the flush. */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(mine, 0xaa, PAGE_SIZE));
	pv_copy_flush(&rig->batch);
	EXPECT_MEMEQ(test, mine + 1024, theirs + 512, 1536);
	KUNIT_EXPECT_NULL(test, memchr_inv(mine, 0xaa, 1024));
	KUNIT_EXPECT_NULL(test, memchr_inv(mine + 2560, 0xaa, PAGE_SIZE - 2560));

	pv_copy_to_guest(&rig->batch, gp[1].ref, 0, own, 1024, 1536, &failed);
	pv_copy_to_guest(&rig->batch, gp[1].ref, PAGE_SIZE - 512, own, 1024, 512, &failed);
	pv_copy_flush(&rig->batch);
	theirs = page_address(gp[1].page);
	EXPECT_MEMEQ(test, theirs, mine + 1024, 1536);
	EXPECT_MEMEQ(test, theirs + PAGE_SIZE - 512, mine + 1024, 512);
	KUNIT_EXPECT_NULL(test, memchr_inv(theirs + 1536, 2, PAGE_SIZE - 512 - 1536));
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, rig->stats.grant_calls, 2);
	KUNIT_EXPECT_EQ(test, rig->stats.grant_copies, 3);
	__free_page(own);
	put_guest_pages(gp, 2);
}

/* However many operations: no call without any, each full one has PV_MAP_BATCH. */
static void every_batch_of_copies(struct kunit *test)
{
	static const unsigned int sizes[] = {
		0, 1, 2, 3, 31, 32, 33, 255, 256, 257, 511, 512, 513, 3 * PV_MAP_BATCH + 7
	};
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 1, false);
	struct page *own = new_page(test, 0);
	u8 *mine = page_address(own), *theirs = page_address(gp->page);
	unsigned int s, i;

	for (i = 0; i < PAGE_SIZE; i++)
		theirs[i] = i % 251;
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct fake_xen_counts before = fake_xen_counts;
		u32 failed = 0;

		memset(mine, 0xee, PAGE_SIZE);
		for (i = 0; i < sizes[s]; i++)
			pv_copy_from_guest(&rig->batch, gp->ref, i, own, i, 1, &failed);
		pv_copy_flush(&rig->batch);
		KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls - before.copy_calls,
				DIV_ROUND_UP(sizes[s], PV_MAP_BATCH));
		KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_ops - before.copy_ops, sizes[s]);
		KUNIT_EXPECT_EQ(test, failed, 0);
		EXPECT_MEMEQ(test, mine, theirs, sizes[s]);
		KUNIT_EXPECT_NULL(test, memchr_inv(mine + sizes[s], 0xee, PAGE_SIZE - sizes[s]));
	}
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	__free_page(own);
	put_guest_pages(gp, 1);
}

/* One operation fails, at each place in and around a batch: exactly its request hears of it. */
static void a_copy_fails(struct kunit *test)
{
	static const unsigned int places[] = { 0, 1, 127, 254, 255, 256, 257, 298, 299 };
	enum { NR = 300 };
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 1, false);
	struct page *own = new_page(test, 0);
	u32 *failed = kunit_kcalloc(test, NR, sizeof(*failed), GFP_KERNEL);
	unsigned int p, i;

	KUNIT_ASSERT_NOT_NULL(test, failed);
	for (p = 0; p < ARRAY_SIZE(places); p++) {
		memset(failed, 0, NR * sizeof(*failed));
		/* The first one from a reference that is none, then by what Xen says. */
		if (p)
			fake_xen_fail_ops(FAKE_XEN_COPY, places[p], 1, GNTST_general_error);
		for (i = 0; i < NR; i++)
			pv_copy_from_guest(&rig->batch, !p && i == places[p] ? 9999 : gp->ref, 0, own, 0, 512,
					   &failed[i]);
		pv_copy_flush(&rig->batch);
		for (i = 0; i < NR; i++)
			KUNIT_ASSERT_EQ_MSG(test, failed[i], i == places[p], "failed at %u, heard at %u", places[p], i);
	}
	/* Several of one request add up. */
	failed[0] = 0;
	fake_xen_fail_ops(FAKE_XEN_COPY, 1, 3, GNTST_bad_page);
	for (i = 0; i < 10; i++)
		pv_copy_from_guest(&rig->batch, gp->ref, 0, own, 0, 512, &failed[0]);
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, failed[0], 3);
	__free_page(own);
	put_guest_pages(gp, 1);
}

static void copy_to_a_readonly_grant(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 1, true);
	struct page *own = new_page(test, 0x77);
	u32 failed = 0;

	pv_copy_to_guest(&rig->batch, gp->ref, 0, own, 0, 512, &failed);
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, failed, 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(gp->page), 1, PAGE_SIZE));
	pv_copy_from_guest(&rig->batch, gp->ref, 0, own, 0, 512, &failed);
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, failed, 1);
	__free_page(own);
	put_guest_pages(gp, 1);
}

/* The guest's page is paged out: who may sleep waits until it is there, for others the copy has failed. */
static void a_page_is_paged_out(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 1, false);
	struct page *own = new_page(test, 0x77);
	u32 failed[3];
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		memset(failed, 0, sizeof(failed));
		memset(page_address(gp->page), 0, PAGE_SIZE);
		rig->batch.atomic = i;
		fake_xen_fail_ops(FAKE_XEN_COPY, 1, 1, GNTST_eagain);
		if (i)
			local_bh_disable();
		for (k = 0; k < 3; k++)
			pv_copy_to_guest(&rig->batch, gp->ref, k * 512, own, 0, 512, &failed[k]);
		pv_copy_flush(&rig->batch);
		if (i)
			local_bh_enable();
		KUNIT_EXPECT_EQ(test, failed[0] + failed[2], 0);
		KUNIT_EXPECT_EQ(test, failed[1], i);
		for (k = 0; k < 3; k++)
			KUNIT_EXPECT_EQ(test, ((u8 *)page_address(gp->page))[k * 512], k == 1 && i ? 0 : 0x77);
	}
	/* It never comes back. */
	rig->batch.atomic = false;
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 100, GNTST_eagain);
	pv_copy_to_guest(&rig->batch, gp->ref, 0, own, 0, 512, &failed[0]);
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, failed[0], 1);
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	/* Xen takes none of a call's operations. */
	fake_xen_fail_calls(FAKE_XEN_COPY, 1, -EFAULT);
	for (k = 0; k < 2; k++)
		pv_copy_to_guest(&rig->batch, gp->ref, 0, own, 0, 512, &failed[k + 1]);
	failed[1] = 0;
	failed[2] = 0;
	pv_copy_flush(&rig->batch);
	KUNIT_EXPECT_EQ(test, failed[1] + failed[2], 2);
	__free_page(own);
	put_guest_pages(gp, 1);
}

/* Mappings */

static void mappings_are_the_guests_page(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 3, false);
	struct page *page;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 100, &rig->stats), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, gp[i].ref));
		pv_map_want(&rig->table, gp[i].ref);
		/* Wanted is not mapped. */
		KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, gp[i].ref));
	}
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, 0);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, 1);
	for (i = 0; i < 3; i++) {
		page = pv_map_find(&rig->table, gp[i].ref);
		KUNIT_ASSERT_NOT_NULL(test, page);
		EXPECT_MEMEQ(test, page_address(page), page_address(gp[i].page), PAGE_SIZE);
		/* The same memory, both ways: a guest uses the page again and again. */
		memset(page_address(gp[i].page), 0x40 + i, 100);
		EXPECT_MEMEQ(test, page_address(page), page_address(gp[i].page), PAGE_SIZE);
		memset(page_address(page) + 3000, 0x50 + i, 1000);
		EXPECT_MEMEQ(test, page_address(page), page_address(gp[i].page), PAGE_SIZE);
		/* The guest cannot take it back now. */
		KUNIT_EXPECT_EQ(test, gnttab_end_foreign_access_ref(gp[i].ref), 0);
	}
	/* Found again, nothing asked again. */
	pv_map_want(&rig->table, gp[1].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_ops, 3);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	pv_map_destroy(&rig->table);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.unmap_ops, 3);
	put_guest_pages(gp, 3);
}

static void wanted_twice_mapped_once(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 2, false);

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 100, &rig->stats), 0);
	pv_map_want(&rig->table, gp[0].ref);
	pv_map_want(&rig->table, gp[1].ref);
	pv_map_want(&rig->table, gp[0].ref);
	pv_map_want(&rig->table, gp[0].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_ops, 2);
	KUNIT_EXPECT_NOT_NULL(test, pv_map_find(&rig->table, gp[0].ref));
	KUNIT_EXPECT_NOT_NULL(test, pv_map_find(&rig->table, gp[1].ref));
	pv_map_destroy(&rig->table);
	put_guest_pages(gp, 2);
}

/* Any number in one go; an empty flush is no hypercall. */
static void every_batch_of_mappings(struct kunit *test)
{
	static const unsigned int sizes[] = { 0, 1, 31, 32, 33, 64, 255, 256, 257, 600 };
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 600, false);
	unsigned int s, i;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct fake_xen_counts before = fake_xen_counts;

		KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
		for (i = 0; i < sizes[s]; i++)
			pv_map_want(&rig->table, gp[i].ref);
		pv_map_flush(&rig->table);
		KUNIT_EXPECT_EQ(test, rig->table.nr, sizes[s]);
		KUNIT_EXPECT_EQ(test, fake_xen_counts.map_ops - before.map_ops, sizes[s]);
		for (i = 0; i < 600; i++) {
			struct page *page = pv_map_find(&rig->table, gp[i].ref);

			KUNIT_ASSERT_EQ_MSG(test, !!page, i < sizes[s], "%u of %u", i, sizes[s]);
			if (page)
				KUNIT_ASSERT_EQ(test, *(u8 *)page_address(page), (u8)(i + 1));
		}
		pv_map_destroy(&rig->table);
		KUNIT_EXPECT_EQ(test, fake_xen_counts.unmap_ops - before.unmap_ops, sizes[s]);
	}
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	put_guest_pages(gp, 600);
}

/* Bad references at each place among good ones: those are not mapped, all others are, and nothing is lost. */
static void some_mappings_fail(struct kunit *test)
{
	static const unsigned int places[] = { 0, 1, 15, 31, 32, 33, 63, 98, 99 };
	enum { NR = 100 };
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, NR, false);
	unsigned int p, i;

	for (p = 0; p < ARRAY_SIZE(places); p++) {
		KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
		fake_xen_fail_ops(FAKE_XEN_MAP, places[p], 1, GNTST_bad_gntref);
		for (i = 0; i < NR; i++)
			pv_map_want(&rig->table, gp[i].ref);
		pv_map_flush(&rig->table);
		KUNIT_EXPECT_EQ(test, rig->table.nr, NR - 1);
		for (i = 0; i < NR; i++) {
			struct page *page = pv_map_find(&rig->table, gp[i].ref);

			KUNIT_ASSERT_EQ_MSG(test, !page, i == places[p], "failed at %u, missing at %u", places[p], i);
			if (page)
				KUNIT_ASSERT_EQ(test, *(u8 *)page_address(page), (u8)(i + 1));
		}
		/* It may be tried again. */
		pv_map_want(&rig->table, gp[places[p]].ref);
		pv_map_flush(&rig->table);
		KUNIT_EXPECT_NOT_NULL(test, pv_map_find(&rig->table, gp[places[p]].ref));
		pv_map_destroy(&rig->table);
		KUNIT_ASSERT_TRUE(test, !rig->table.nr);
	}
	/* All of them, and every other one. */
	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
	fake_xen_fail_ops(FAKE_XEN_MAP, 0, NR, GNTST_no_device_space);
	for (i = 0; i < NR; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 0);
	for (i = 0; i < NR; i++)
		pv_map_want(&rig->table, i & 1 ? gp[i].ref : 10000 + i);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, rig->table.nr, NR / 2);
	for (i = 0; i < NR; i++)
		KUNIT_ASSERT_EQ(test, !!pv_map_find(&rig->table, gp[i].ref), i & 1);
	pv_map_destroy(&rig->table);
	put_guest_pages(gp, NR);
}

static void mapping_fails_as_a_whole(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 40, false);
	struct fake_xen_held held;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
	/* The hypercall */
	fake_xen_fail_calls(FAKE_XEN_MAP, 10, -EPERM);
	for (i = 0; i < 40; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 0);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.pages, 0);
	fake_xen_fail_calls(FAKE_XEN_MAP, 0, 0);
	/* No pages to map at, for the first part or for a later one */
	fake_xen_fail_alloc_pages(0, 100);
	for (i = 0; i < 40; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 0);
	KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, gp[0].ref));
	fake_xen_fail_alloc_pages(1, 100);
	for (i = 0; i < 40; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.pages, rig->table.nr);
	KUNIT_EXPECT_EQ(test, held.mappings, rig->table.nr);
	fake_xen_fail_alloc_pages(0, 0);
	for (i = 0; i < 40; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 40);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	pv_map_destroy(&rig->table);
	put_guest_pages(gp, 40);
}

/* A full table maps no more, and forgets nothing. */
static void the_table_is_bounded(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 60, false);
	unsigned int i, found = 0;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 50, &rig->stats), 0);
	for (i = 0; i < 60; i++) {
		pv_map_want(&rig->table, gp[i].ref);
		if (i % 7 == 0)
			pv_map_flush(&rig->table);
	}
	pv_map_flush(&rig->table);
	for (i = 0; i < 60; i++)
		found += !!pv_map_find(&rig->table, gp[i].ref);
	KUNIT_EXPECT_EQ(test, found, 50);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 50);
	pv_map_destroy(&rig->table);

	/* One that maps nothing */
	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 0, &rig->stats), 0);
	pv_map_want(&rig->table, gp[0].ref);
	pv_map_flush(&rig->table);
	KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, gp[0].ref));
	pv_map_age(&rig->table, 0);
	pv_map_destroy(&rig->table);
	put_guest_pages(gp, 60);
}

/* References are the frontend's: any 32 bits. */
static void any_reference(struct kunit *test)
{
	static const grant_ref_t refs[] = {
		0, 1, 511, 512, 513, 1023, 1024, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff
	};
	struct rig *rig = new_rig(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
	for (i = 0; i < ARRAY_SIZE(refs); i++) {
		KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, refs[i]));
		pv_map_want(&rig->table, refs[i]);
		KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, refs[i]));
	}
	pv_map_flush(&rig->table);
	for (i = 0; i < ARRAY_SIZE(refs); i++)
		KUNIT_EXPECT_NULL(test, pv_map_find(&rig->table, refs[i]));
	KUNIT_EXPECT_EQ(test, rig->table.nr, 0);
	pv_map_destroy(&rig->table);
}

/* What was not used for long is unmapped; the rest stays where it can be found. */
static void ages(struct kunit *test)
{
	enum { NR = 90 };
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, NR, false);
	unsigned int tick, i;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
	for (i = 0; i < NR; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	/* Every third is used on, for ten ticks of which four may go by unused. */
	for (tick = 1; tick <= 10; tick++) {
		for (i = 0; i < NR; i += 3)
			KUNIT_ASSERT_NOT_NULL(test, pv_map_find(&rig->table, gp[i].ref));
		pv_map_age(&rig->table, 4);
		KUNIT_ASSERT_EQ_MSG(test, rig->table.nr, tick <= 4 ? NR : NR / 3, "tick %u", tick);
	}
	for (i = 0; i < NR; i++) {
		struct page *page = pv_map_find(&rig->table, gp[i].ref);

		KUNIT_ASSERT_EQ(test, !!page, i % 3 == 0);
		if (page)
			KUNIT_ASSERT_EQ(test, *(u8 *)page_address(page), (u8)(i + 1));
	}
	/* The guest has those that are unmapped back. */
	for (i = 0; i < NR; i++)
		KUNIT_ASSERT_EQ(test, gnttab_end_foreign_access_ref(gp[i].ref), i % 3 != 0);
	/* The others go, too, when nobody asks for them. */
	for (tick = 0; tick <= 5; tick++)
		pv_map_age(&rig->table, 4);
	KUNIT_EXPECT_EQ(test, rig->table.nr, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	pv_map_destroy(&rig->table);
	for (i = 0; i < NR; i++)
		gnttab_try_end_foreign_access(gp[i].ref);
	put_guest_pages(gp, NR);
}

/* Xen refuses to unmap: such a page must not be used for anything else, whatever becomes of it. */
static void an_unmap_fails(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct guest_page *gp = guest_pages(test, 4, false);
	struct fake_xen_held held;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 1000, &rig->stats), 0);
	for (i = 0; i < 4; i++)
		pv_map_want(&rig->table, gp[i].ref);
	pv_map_flush(&rig->table);
	fake_xen_fail_ops(FAKE_XEN_UNMAP, 1, 1, GNTST_general_error);
	pv_map_destroy(&rig->table);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.mappings, 1);
	/* Kept: not given back while a grant is mapped there. */
	KUNIT_EXPECT_EQ(test, held.pages, 1);
	fake_xen_reset();
	for (i = 0; i < 4; i++)
		__free_page(gp[i].page);
}

/* Staged pages */

static void staged_store(struct kunit *test)
{
	struct pv_staged s;
	struct page *page[40];
	unsigned int i, n;

	KUNIT_ASSERT_EQ(test, pv_staged_init(&s, 32), 0);
	KUNIT_EXPECT_TRUE(test, pv_staged_reserve(&s, 0));
	KUNIT_EXPECT_FALSE(test, pv_staged_reserve(&s, 33));
	KUNIT_EXPECT_TRUE(test, pv_staged_reserve(&s, 32));
	for (i = 0; i < 32; i++) {
		page[i] = pv_staged_take(&s);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
		for (n = 0; n < i; n++)
			KUNIT_ASSERT_PTR_NE(test, page[n], page[i]);
	}
	KUNIT_EXPECT_EQ(test, s.used, 32);
	KUNIT_EXPECT_FALSE(test, pv_staged_reserve(&s, 1));
	pv_staged_put(&s, page[7]);
	KUNIT_EXPECT_TRUE(test, pv_staged_reserve(&s, 1));
	KUNIT_EXPECT_FALSE(test, pv_staged_reserve(&s, 2));
	/* Last in, first out */
	KUNIT_EXPECT_PTR_EQ(test, pv_staged_take(&s), page[7]);
	for (i = 0; i < 32; i++)
		pv_staged_put(&s, page[i]);
	KUNIT_EXPECT_EQ(test, s.used, 0);
	KUNIT_EXPECT_EQ(test, s.nr, 32);

	/* Idle: what nobody took since the last time goes. */
	pv_staged_shrink(&s);
	KUNIT_ASSERT_TRUE(test, pv_staged_reserve(&s, 5));
	for (i = 0; i < 5; i++)
		page[i] = pv_staged_take(&s);
	for (i = 0; i < 5; i++)
		pv_staged_put(&s, page[i]);
	pv_staged_shrink(&s);
	KUNIT_EXPECT_LE(test, s.nr, 5);
	pv_staged_shrink(&s);
	pv_staged_shrink(&s);
	KUNIT_EXPECT_EQ(test, s.nr, 0);
	KUNIT_EXPECT_TRUE(test, pv_staged_reserve(&s, 32));
	pv_staged_destroy(&s);
}

/* pv_map_add(): all or none. Every third page is one that may only be read. */
static void rig_for_adding(struct kunit *test, struct rig *rig, struct guest_page *gp, struct pv_map_entry *entry,
			   unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		int ref;

		gp[i].page = new_page(test, i + 1);
		ref = fake_xen_grant(gp[i].page, i % 3 == 2);
		KUNIT_ASSERT_GT(test, ref, 0);
		gp[i].ref = ref;
		entry[i] = (struct pv_map_entry) { .ref = ref, .readonly = i % 3 == 2 };
	}
	KUNIT_ASSERT_EQ(test, pv_map_init(&rig->table, rig->pd, 100, &rig->stats), 0);
}

static unsigned int mapped(void)
{
	struct fake_xen_held held;

	fake_xen_held(&held);
	return held.mappings;
}

static void added_until_removed(struct kunit *test)
{
	static const unsigned int order[] = { 20, 0, 69, 68, 1 };
	struct rig *rig = new_rig(test);
	struct guest_page gp[70];
	struct pv_map_entry entry[70];
	unsigned int i, k;

	rig_for_adding(test, rig, gp, entry, 70);
	KUNIT_EXPECT_EQ(test, pv_map_add(&rig->table, entry, 0), 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, 0);
	KUNIT_ASSERT_EQ(test, pv_map_add(&rig->table, entry, 40), 0);
	KUNIT_ASSERT_EQ(test, pv_map_add(&rig->table, entry + 40, 30), 0);
	KUNIT_EXPECT_EQ(test, mapped(), 70);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_ops, 70);
	/* 32 to a call */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, 3);
	KUNIT_EXPECT_EQ(test, rig->stats.grant_maps, 70);
	for (i = 0; i < 70; i++) {
		struct page *page = pv_map_find(&rig->table, gp[i].ref);

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, *(u8 *)page_address(page), (u8)(i + 1));
		/* What the guest writes is seen. */
		memset(page_address(gp[i].page), 0x80 + i, 16);
		KUNIT_EXPECT_EQ(test, *(u8 *)page_address(page), (u8)(0x80 + i));
		if (i % 3 == 2) {
			KUNIT_EXPECT_NULL(test, pv_map_find_writable(&rig->table, gp[i].ref));
			continue;
		}
		KUNIT_ASSERT_PTR_EQ(test, pv_map_find_writable(&rig->table, gp[i].ref), page);
		memset(page_address(page), 0x40 + i, 16);
		KUNIT_EXPECT_EQ(test, *(u8 *)page_address(gp[i].page), (u8)(0x40 + i));
	}
	KUNIT_EXPECT_NULL(test, pv_map_find_writable(&rig->table, gp[69].ref + 1000));

	/* One at a time, from the middle and from both ends; the others stay where they are. */
	for (k = 0; k < ARRAY_SIZE(order); k++) {
		KUNIT_EXPECT_EQ(test, pv_map_remove(&rig->table, gp[order[k]].ref), 0);
		KUNIT_EXPECT_EQ(test, mapped(), 69 - k);
		KUNIT_EXPECT_EQ(test, pv_map_remove(&rig->table, gp[order[k]].ref), -ENOENT);
		for (i = 0; i < 70; i++) {
			struct page *page = pv_map_find(&rig->table, gp[i].ref);
			bool gone = false;
			unsigned int j;

			for (j = 0; j <= k; j++)
				gone |= order[j] == i;
			if (gone) {
				KUNIT_EXPECT_NULL(test, page);
				continue;
			}
			KUNIT_ASSERT_NOT_NULL(test, page);
			KUNIT_EXPECT_EQ(test, *(u8 *)page_address(page), (u8)(i % 3 == 2 ? 0x80 + i : 0x40 + i));
		}
	}
	KUNIT_EXPECT_EQ(test, pv_map_remove(&rig->table, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, pv_map_remove(&rig->table, U32_MAX), -ENOENT);
	/* What was removed can be added again. */
	KUNIT_EXPECT_EQ(test, pv_map_add(&rig->table, &entry[20], 1), 0);
	KUNIT_EXPECT_NOT_NULL(test, pv_map_find(&rig->table, gp[20].ref));
	pv_map_destroy(&rig->table);
	KUNIT_EXPECT_EQ(test, mapped(), 0);
	put_guest_pages(gp, 70);
}

/* Whatever is wrong with one of them, wherever it stands: none is mapped, and what was mapped still is. */
static void added_all_or_none(struct kunit *test)
{
	static const unsigned int places[] = { 0, 1, 31, 32, 33, 49 };
	enum { TWICE, THERE, BEYOND, REFUSED, READONLY, NO_PAGES, WRONGS };
	static const int want[] = { -EEXIST, -EEXIST, -EINVAL, -EIO, -EIO, -EIO };
	struct rig *rig = new_rig(test);
	struct guest_page gp[70];
	struct pv_map_entry entry[70], saved;
	unsigned int i, k, wrong;
	int reader;

	rig_for_adding(test, rig, gp, entry, 70);
	reader = fake_xen_grant(gp[0].page, true);
	KUNIT_ASSERT_GT(test, reader, 0);
	/* 50 and up are there before. */
	KUNIT_ASSERT_EQ(test, pv_map_add(&rig->table, entry + 50, 20), 0);
	for (wrong = 0; wrong < WRONGS; wrong++) {
		for (k = 0; k < ARRAY_SIZE(places); k++) {
			unsigned int at = places[k];

			saved = entry[at];
			if (wrong == TWICE)
				entry[at] = entry[at ? at - 1 : 1];
			else if (wrong == THERE)
				entry[at] = entry[69];
			else if (wrong == BEYOND)
				entry[at].ref = PV_MAP_ROOT_SIZE * PV_MAP_LEAF_SIZE;
			else if (wrong == REFUSED)
				fake_xen_fail_ops(FAKE_XEN_MAP, at, 1, GNTST_bad_gntref);
			else if (wrong == READONLY && at % 3 != 2)
				/* Readable is not writable. */
				entry[at] = (struct pv_map_entry) { .ref = reader };
			else if (wrong == READONLY)
				entry[at].readonly = false;
			else
				fake_xen_fail_alloc_pages(at / 32, 1);
			KUNIT_EXPECT_EQ_MSG(test, pv_map_add(&rig->table, entry, 50), want[wrong], "wrong %u at %u",
					    wrong, at);
			entry[at] = saved;
			KUNIT_EXPECT_EQ_MSG(test, mapped(), 20, "wrong %u at %u", wrong, at);
			KUNIT_EXPECT_EQ(test, rig->table.nr, 20);
			for (i = 0; i < 70; i++)
				KUNIT_EXPECT_EQ_MSG(test, !!pv_map_find(&rig->table, gp[i].ref), i >= 50,
						    "wrong %u at %u: page %u", wrong, at, i);
		}
	}
	/* The table has room for 100: not for 81 more, but for all that are good. */
	KUNIT_EXPECT_EQ(test, pv_map_add(&rig->table, entry, 81), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mapped(), 20);
	KUNIT_EXPECT_EQ(test, pv_map_add(&rig->table, entry, 50), 0);
	KUNIT_EXPECT_EQ(test, mapped(), 70);
	pv_map_destroy(&rig->table);
	fake_xen_revoke(reader);
	put_guest_pages(gp, 70);
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE(copies_move_bytes),
	KUNIT_CASE(every_batch_of_copies),
	KUNIT_CASE(a_copy_fails),
	KUNIT_CASE(copy_to_a_readonly_grant),
	KUNIT_CASE(a_page_is_paged_out),
	KUNIT_CASE(mappings_are_the_guests_page),
	KUNIT_CASE(wanted_twice_mapped_once),
	KUNIT_CASE(every_batch_of_mappings),
	KUNIT_CASE(some_mappings_fail),
	KUNIT_CASE(mapping_fails_as_a_whole),
	KUNIT_CASE(the_table_is_bounded),
	KUNIT_CASE(any_reference),
	KUNIT_CASE(ages),
	KUNIT_CASE(an_unmap_fails),
	KUNIT_CASE(added_until_removed),
	KUNIT_CASE(added_all_or_none),
	KUNIT_CASE(staged_store),
	{}
};

static struct kunit_suite map_suite = {
	.name = "map",
	.init = fresh_xen,
	.exit = expect_nothing_held,
	.test_cases = map_cases,
};

kunit_test_suite(map_suite);

MODULE_DESCRIPTION("Tests of a backend's grants");
MODULE_LICENSE("GPL");
