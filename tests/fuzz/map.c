// SPDX-License-Identifier: GPL-2.0
/*
 * A backend's table of mappings, by references that the guest chooses, against a plain list of what is mapped; Xen
 * refuses as the input says. And its staged pages.
 */
#include "fuzz.h"
#include <xen/interface/grant_table.h>

/* in place of ring/trace.h */
#define _PV_TRACE_H
#define trace_pv_grant_call(what, nr)	do { } while (0)
#define dev_err(dev, fmt, ...)		do { } while (0)
#define xen_page_to_gfn(page)		((unsigned long)(page))
#define page_to_pfn(page)		((unsigned long)(page))
#define pfn_to_kaddr(pfn)		((void *)(pfn))

static struct fuzz in;
static unsigned int mapped, pages;

static int gnttab_alloc_pages(unsigned int nr, struct page **page)
{
	if (FUZZ_TAKE(&in, u8) == 0xff)
		return -ENOMEM;
	for (pages += nr; nr--; page++)
		*page = malloc(8);
	return 0;
}

static void gnttab_free_pages(unsigned int nr, struct page **page)
{
	for (pages -= nr; nr--; page++)
		free(*page);
}

static void gnttab_set_map_op(struct gnttab_map_grant_ref *op, unsigned long addr, u32 flags, u32 ref, u16 domid)
{
	*op = (struct gnttab_map_grant_ref){ .host_addr = addr, .flags = flags, .ref = ref, .dom = domid };
}

/* What Xen has in a page is written there: the reference. */
static void gnttab_map_refs(struct gnttab_map_grant_ref *op, void *kmap, struct page **page, unsigned int nr)
{
	u8 refuse = FUZZ_TAKE(&in, u8);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		op[i].status = refuse & 0x80 && i % 32 == (refuse & 0x1f) ? GNTST_bad_gntref : GNTST_okay;
		op[i].handle = op[i].ref;
		if (op[i].status == GNTST_okay) {
			*(u32 *)page[i] = op[i].ref;
			mapped++;
		}
	}
}

static void gnttab_set_unmap_op(struct gnttab_unmap_grant_ref *op, unsigned long addr, u32 flags, u32 handle)
{
	*op = (struct gnttab_unmap_grant_ref){ .host_addr = addr, .handle = handle };
}

static void gnttab_unmap_refs_sync(struct gntab_unmap_queue_data *data)
{
	unsigned int i;

	for (i = 0; i < data->count; i++) {
		FUZZ_CHECK(*(u32 *)data->pages[i] == data->unmap_ops[i].handle);
		data->unmap_ops[i].status = GNTST_okay;
		mapped--;
	}
}

static void gnttab_batch_copy(struct gnttab_copy *op, unsigned int nr)
{
}

static int HYPERVISOR_grant_table_op(unsigned int cmd, void *op, unsigned int nr)
{
	return 0;
}

#include "../../ring/map.c"

/* Two leaves, the last reference that the table can hold, and some beyond. */
static u32 reference(void)
{
	u16 x = FUZZ_TAKE(&in, u16);

	switch (x >> 13) {
	case 6:
		return PV_MAP_ROOT_SIZE * PV_MAP_LEAF_SIZE - 2 + x % 4;
	case 7:
		return FUZZ_TAKE(&in, u32);
	default:
		return x % (2 * PV_MAP_LEAF_SIZE);
	}
}

static void check(struct pv_map_table *t, u32 ref)
{
	struct page *page = pv_map_find(t, ref);
	unsigned int i, is = 0;

	for (i = 0; i < t->nr; i++)
		is += t->map[i].ref == ref;
	FUZZ_CHECK(is <= 1 && is == !!page);
	FUZZ_CHECK(!page || *(u32 *)page == ref);
	FUZZ_CHECK(mapped == t->nr && pages == t->nr && t->nr + t->nr_wanted <= t->max);
}

static void add(struct pv_map_table *t)
{
	unsigned int i, before = t->nr, nr = FUZZ_TAKE(&in, u8);
	struct pv_map_entry *entry = calloc(nr + 1, sizeof(*entry));
	int err;

	for (i = 0; i < nr; i++)
		entry[i] = (struct pv_map_entry){ .ref = reference(), .readonly = FUZZ_TAKE(&in, u8) & 1 };
	err = pv_map_add(t, entry, nr);
	/* All or none, and those that were there stay. */
	FUZZ_CHECK(t->nr == before + (err ? 0 : nr));
	for (i = 0; i < nr && !err; i++)
		FUZZ_CHECK(pv_map_find(t, entry[i].ref) && !pv_map_find_writable(t, entry[i].ref) == entry[i].readonly);
	for (i = 0; i < nr; i++)
		check(t, entry[i].ref);
	free(entry);
}

static void staged(void)
{
	struct pv_staged s;
	struct page *taken[32];
	unsigned int i, nr = 0;

	pv_staged_init(&s, FUZZ_TAKE(&in, u8) % 32);
	for (i = FUZZ_TAKE(&in, u8) % 64; i--; ) {
		u8 what = FUZZ_TAKE(&in, u8);

		if (what & 1 && pv_staged_reserve(&s, 1 + (what >> 4)))
			taken[nr++] = pv_staged_take(&s);
		else if (what & 2 && nr)
			pv_staged_put(&s, taken[--nr]);
		else if (what & 4)
			pv_staged_shrink(&s);
		FUZZ_CHECK(s.used == nr && s.used + s.nr <= s.max);
	}
	while (nr)
		pv_staged_put(&s, taken[--nr]);
	pv_staged_destroy(&s);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct xenbus_device xb = { .otherend_id = 1 };
	struct pv_device pd = { .xb = &xb };
	struct pv_stats stats = { };
	struct pv_map_table t;
	bool adds;

	in = (struct fuzz){ data, size };
	mapped = 0;
	pages = 0;
	staged();
	/* netback's kind of table, or the block backend's */
	adds = FUZZ_TAKE(&in, u8) & 1;
	pv_map_init(&t, &pd, FUZZ_TAKE(&in, u16) % 600, &stats);
	while (in.size && t.max) {
		u8 what = FUZZ_TAKE(&in, u8);
		u32 ref;

		switch (what % 5) {
		case 0:
			if (adds)
				add(&t);
			else
				for (what >>= 2; what--; )
					pv_map_want(&t, reference());
			break;
		case 1:
			ref = reference();
			pv_map_flush(&t);
			FUZZ_CHECK(!pv_map_find(&t, ref) == !!pv_map_remove(&t, ref));
			FUZZ_CHECK(!pv_map_find(&t, ref));
			break;
		case 2:
			pv_map_flush(&t);
			FUZZ_CHECK(!t.nr_wanted);
			break;
		case 3:
			pv_map_flush(&t);
			pv_map_age(&t, what >> 5);
			break;
		case 4:
			check(&t, reference());
			break;
		}
	}
	for (u32 i = 0; i < t.nr; i++)
		check(&t, t.map[i].ref);
	pv_map_destroy(&t);
	FUZZ_CHECK(!mapped && !pages);
	return 0;
}
