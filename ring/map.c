// SPDX-License-Identifier: GPL-2.0
/*
 * Grants of a backend: copies, long-lived mappings, staged pages.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xenbus.h>
#include <asm/xen/hypercall.h>

#include "device.h"
#include "map.h"
#include "trace.h"

/* ---- copies ---- */

/**
 * pv_copy_init() - make a batch for copies from and to one frontend
 * @batch: the batch
 * @pd: the device
 * @stats: where to count
 */
void pv_copy_init(struct pv_copy_batch *batch, struct pv_device *pd,
		  struct pv_stats *stats)
{
	batch->domid = pd->xb->otherend_id;
	batch->stats = stats;
	batch->nr = 0;
	batch->atomic = false;
}
EXPORT_SYMBOL_GPL(pv_copy_init);

/* Xen has not done a copy; true: now it has. */
static bool copy_again(struct pv_copy_batch *batch, struct gnttab_copy *op)
{
	/* A frontend's page is paged out: the kernel's function waits for it. */
	if (op->status == GNTST_eagain && !batch->atomic)
		gnttab_batch_copy(op, 1);
	return op->status == GNTST_okay;
}

/**
 * pv_copy_flush() - do all copies that wait: one hypercall, or none
 * @batch: the batch
 *
 * A frontend's page may be paged out. Then a batch that is not @atomic waits for
 * it, and in one that is the copy has failed.
 *
 * Context: any if @atomic; else process, may sleep.
 */
void pv_copy_flush(struct pv_copy_batch *batch)
{
	unsigned int i, nr = batch->nr;
	bool refused;

	if (!nr)
		return;
	batch->nr = 0;
	batch->stats->grant_calls++;
	batch->stats->grant_copies += nr;
	trace_pv_grant_call("copy", nr);
	refused = HYPERVISOR_grant_table_op(GNTTABOP_copy, batch->op, nr);
	for (i = 0; i < nr; i++)
		if (unlikely(refused || (batch->op[i].status != GNTST_okay &&
					 !copy_again(batch, &batch->op[i]))))
			++*batch->failed[i];
}
EXPORT_SYMBOL_GPL(pv_copy_flush);

static struct gnttab_copy *copy_add(struct pv_copy_batch *batch, u32 *failed)
{
	if (batch->nr == PV_MAP_BATCH)
		pv_copy_flush(batch);
	batch->failed[batch->nr] = failed;
	return &batch->op[batch->nr++];
}

/**
 * pv_copy_from_guest() - add a copy of part of a frontend's page into ours
 * @batch: the batch; flushed if it is full
 * @ref: the frontend's reference
 * @offset: where in its page
 * @page: our page
 * @page_offset: where in our page
 * @len: bytes; must not cross the end of either page
 * @failed: raised by one if the hypervisor refuses; must live until the flush
 *
 * Copies of one page should follow each other: Xen keeps it at hand then.
 *
 * Context: that of pv_copy_flush().
 */
void pv_copy_from_guest(struct pv_copy_batch *batch, grant_ref_t ref,
			unsigned int offset, struct page *page,
			unsigned int page_offset, unsigned int len, u32 *failed)
{
	*copy_add(batch, failed) = (struct gnttab_copy) {
		.source.u.ref = ref,
		.source.domid = batch->domid,
		.source.offset = offset,
		.dest.u.gmfn = xen_page_to_gfn(page),
		.dest.domid = DOMID_SELF,
		.dest.offset = page_offset,
		.len = len,
		.flags = GNTCOPY_source_gref,
	};
}
EXPORT_SYMBOL_GPL(pv_copy_from_guest);

/**
 * pv_copy_to_guest() - add a copy of part of our page into a frontend's
 * @batch: the batch; flushed if it is full
 * @ref: the frontend's reference
 * @offset: where in its page
 * @page: our page
 * @page_offset: where in our page
 * @len: bytes; must not cross the end of either page
 * @failed: raised by one if the hypervisor refuses; must live until the flush
 *
 * Context: that of pv_copy_flush().
 */
void pv_copy_to_guest(struct pv_copy_batch *batch, grant_ref_t ref,
		      unsigned int offset, struct page *page,
		      unsigned int page_offset, unsigned int len, u32 *failed)
{
	*copy_add(batch, failed) = (struct gnttab_copy) {
		.source.u.gmfn = xen_page_to_gfn(page),
		.source.domid = DOMID_SELF,
		.source.offset = page_offset,
		.dest.u.ref = ref,
		.dest.domid = batch->domid,
		.dest.offset = offset,
		.len = len,
		.flags = GNTCOPY_dest_gref,
	};
}
EXPORT_SYMBOL_GPL(pv_copy_to_guest);

/* ---- mappings ---- */

union pv_map_ops {
	struct gnttab_map_grant_ref map[PV_MAP_BATCH];
	struct gnttab_unmap_grant_ref unmap[PV_MAP_BATCH];
};

static u16 *map_slot(struct pv_map_table *t, grant_ref_t ref)
{
	u32 at = ref >> PV_MAP_LEAF_BITS;

	if (at >= PV_MAP_ROOT_SIZE || !t->root[at])
		return NULL;
	return &t->root[at]->slot[ref & (PV_MAP_LEAF_SIZE - 1)];
}

/**
 * pv_map_init() - make a table of long-lived mappings
 * @t: the table
 * @pd: the device
 * @max: most mappings at a time; 0 makes a table that maps nothing
 * @stats: where to count
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int pv_map_init(struct pv_map_table *t, struct pv_device *pd, unsigned int max,
		struct pv_stats *stats)
{
	memset(t, 0, sizeof(*t));
	t->pd = pd;
	t->stats = stats;
	t->max = min_t(unsigned int, max, PV_MAP_WANTED - 1);
	if (!max)
		return 0;
	t->root = kvcalloc(PV_MAP_ROOT_SIZE, sizeof(*t->root), GFP_KERNEL);
	t->map = kvcalloc(t->max, sizeof(*t->map), GFP_KERNEL);
	t->ops = kvmalloc(sizeof(*t->ops), GFP_KERNEL);
	if (t->root && t->map && t->ops)
		return 0;
	pv_map_destroy(t);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(pv_map_init);

/* The slot of a reference, with a leaf to be in; NULL if that cannot be. */
static u16 *map_make_slot(struct pv_map_table *t, grant_ref_t ref)
{
	u32 at = ref >> PV_MAP_LEAF_BITS;
	struct pv_map_leaf *leaf;

	if (at >= PV_MAP_ROOT_SIZE)
		return NULL;
	if (!t->root[at]) {
		leaf = kzalloc(sizeof(*leaf), GFP_NOIO);
		if (!leaf)
			return NULL;
		/* Others may be looking: see pv_map_lookup(). */
		smp_store_release(&t->root[at], leaf);
	}
	return map_slot(t, ref);
}

/**
 * pv_map_want() - ask for a reference to be mapped by the next flush
 * @t: the table
 * @ref: the frontend's reference, not mapped yet
 *
 * Whether it worked is seen by pv_map_find() after pv_map_flush(): a full
 * table and a bad reference both leave it unmapped.
 *
 * Context: process, may sleep.
 */
void pv_map_want(struct pv_map_table *t, grant_ref_t ref)
{
	u16 *slot;

	if (t->nr + t->nr_wanted >= t->max)
		return;
	slot = map_make_slot(t, ref);
	if (!slot || *slot)
		return;
	if (t->nr_wanted == PV_MAP_BATCH)
		pv_map_flush(t);
	*slot = PV_MAP_WANTED;
	t->wanted[t->nr_wanted++] = (struct pv_map_entry) { .ref = ref };
}
EXPORT_SYMBOL_GPL(pv_map_want);

static void *page_host_addr(struct page *page)
{
	return pfn_to_kaddr(page_to_pfn(page));
}

static u32 map_flags(bool readonly)
{
	return GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0);
}

/* The array of pages is on the stack: this many at a time. */
#define MAP_PIECE	(PV_MAP_BATCH / 8)

/*
 * Map some references, whose slots say PV_MAP_WANTED: one hypercall. They
 * join the end of the table's mappings; the slots of those that fail are
 * empty again. Nobody finds the others before map_show().
 */
static void map_piece(struct pv_map_table *t, const struct pv_map_entry *entry,
		      unsigned int nr)
{
	struct gnttab_map_grant_ref *op = t->ops->map;
	struct page *page[MAP_PIECE];
	unsigned int i;
	bool ok;

	ok = !gnttab_alloc_pages(nr, page);
	for (i = 0; ok && i < nr; i++)
		gnttab_set_map_op(&op[i],
				  (unsigned long)page_host_addr(page[i]),
				  map_flags(entry[i].readonly), entry[i].ref,
				  t->pd->xb->otherend_id);
	if (ok) {
		t->stats->grant_calls++;
		t->stats->grant_maps += nr;
		trace_pv_grant_call("map", nr);
		gnttab_map_refs(op, NULL, page, nr);
	}
	for (i = 0; i < nr; i++) {
		/* Each operation has its own result. */
		if (!ok || op[i].status != GNTST_okay) {
			*map_slot(t, entry[i].ref) = 0;
			if (ok)
				gnttab_free_pages(1, &page[i]);
			continue;
		}
		t->map[t->nr++] = (struct pv_map) {
			.page = page[i],
			.handle = op[i].handle,
			.ref = entry[i].ref,
			.stamp = t->clock,
			.readonly = entry[i].readonly,
		};
	}
}

static void map_all(struct pv_map_table *t, const struct pv_map_entry *entry,
		    unsigned int nr)
{
	unsigned int from;

	for (from = 0; from < nr; from += MAP_PIECE)
		map_piece(t, entry + from, min(nr - from, MAP_PIECE));
}

/* From here on the mappings from index @first to the end are found. */
static void map_show(struct pv_map_table *t, unsigned int first)
{
	for (; first < t->nr; first++)
		/* The mapping before the slot that leads to it. */
		smp_store_release(map_slot(t, t->map[first].ref), first + 1);
}

/**
 * pv_map_flush() - map all that is wanted: one hypercall a piece, or none
 * @t: the table
 *
 * Mapped writable: blkif.h wants persistent pages so, whatever the request.
 *
 * Context: process, may sleep.
 */
void pv_map_flush(struct pv_map_table *t)
{
	unsigned int first = t->nr;

	map_all(t, t->wanted, t->nr_wanted);
	t->nr_wanted = 0;
	map_show(t, first);
}
EXPORT_SYMBOL_GPL(pv_map_flush);

/* Unmap the mappings from index @first to the end of the live ones. */
static void map_drop(struct pv_map_table *t, unsigned int first)
{
	struct gntab_unmap_queue_data *data = &t->unmap;
	struct page *page[MAP_PIECE];
	unsigned int nr, i;

	while (t->nr > first) {
		nr = min_t(unsigned int, t->nr - first, ARRAY_SIZE(page));
		t->nr -= nr;
		for (i = 0; i < nr; i++) {
			struct pv_map *map = &t->map[t->nr + i];

			page[i] = map->page;
			gnttab_set_unmap_op(&t->ops->unmap[i],
					    (unsigned long)page_host_addr(map->page),
					    map_flags(map->readonly),
					    map->handle);
			t->ops->unmap[i].status = GNTST_general_error;
			*map_slot(t, map->ref) = 0;
		}
		data->unmap_ops = t->ops->unmap;
		data->pages = page;
		data->count = nr;
		t->stats->grant_calls++;
		trace_pv_grant_call("unmap", nr);
		/* Waits for whoever still holds one of the pages. */
		gnttab_unmap_refs_sync(data);
		/* A page that is still mapped must not be used again. */
		for (i = 0; i < nr; i++) {
			if (t->ops->unmap[i].status == GNTST_okay)
				gnttab_free_pages(1, &page[i]);
			else
				dev_err(&t->pd->xb->dev,
					"a page stays mapped: Xen refuses to unmap it (%d)\n",
					t->ops->unmap[i].status);
		}
	}
}

/**
 * pv_map_add() - map references until they are removed, all or none
 * @t: the table, not used with pv_map_want()
 * @entry: the references
 * @nr: how many
 *
 * netif.h: ADD_GREF_MAPPING. May run beside lookups on other CPUs, which find
 * the new mappings only when all of them are there.
 *
 * Context: process, may sleep; one caller at a time.
 * Return: 0; -ENOSPC if the table has no room; -EEXIST for a reference that
 * is mapped or listed twice; -EINVAL for one beyond the table; -EIO if Xen
 * refuses one.
 */
int pv_map_add(struct pv_map_table *t, const struct pv_map_entry *entry,
	       unsigned int nr)
{
	unsigned int first = t->nr, i;
	int err = 0;
	u16 *slot;

	if (nr > t->max - t->nr)
		return -ENOSPC;
	for (i = 0; i < nr && !err; i++) {
		slot = map_make_slot(t, entry[i].ref);
		if (!slot)
			err = -EINVAL;
		else if (*slot)
			err = -EEXIST;
		else
			*slot = PV_MAP_WANTED;
	}
	if (err) {
		/* The last one was not marked. */
		for (i--; i--; )
			*map_slot(t, entry[i].ref) = 0;
		return err;
	}
	map_all(t, entry, nr);
	if (t->nr - first != nr) {
		map_drop(t, first);
		return -EIO;
	}
	map_show(t, first);
	return 0;
}
EXPORT_SYMBOL_GPL(pv_map_add);

/**
 * pv_map_remove() - unmap one reference
 * @t: the table
 * @ref: the reference
 *
 * Context: process, may sleep; no lookup is running.
 * Return: 0, or -ENOENT if it is not mapped.
 */
int pv_map_remove(struct pv_map_table *t, grant_ref_t ref)
{
	u16 *slot = t->root ? map_slot(t, ref) : NULL;
	unsigned int at, last;

	if (!slot || !*slot || *slot == PV_MAP_WANTED)
		return -ENOENT;
	at = *slot - 1;
	last = t->nr - 1;
	swap(t->map[at], t->map[last]);
	*map_slot(t, t->map[at].ref) = at + 1;
	*map_slot(t, ref) = last + 1;
	map_drop(t, last);
	return 0;
}
EXPORT_SYMBOL_GPL(pv_map_remove);

/**
 * pv_map_destroy() - unmap everything
 * @t: the table, no page of which is in use
 *
 * Context: process, may sleep.
 */
void pv_map_destroy(struct pv_map_table *t)
{
	unsigned int i;

	map_drop(t, 0);
	for (i = 0; t->root && i < PV_MAP_ROOT_SIZE; i++)
		kfree(t->root[i]);
	kvfree(t->root);
	kvfree(t->map);
	kvfree(t->ops);
	memset(t, 0, sizeof(*t));
}
EXPORT_SYMBOL_GPL(pv_map_destroy);

/**
 * pv_map_age() - let the table's clock tick, unmap what was not used for long
 * @t: the table; no page is in use that was not looked up since the last tick
 * @idle: ticks that a mapping may go unused, at least one
 *
 * Context: process, may sleep.
 */
void pv_map_age(struct pv_map_table *t, u32 idle)
{
	unsigned int i = 0, live = t->nr;

	t->clock++;
	/* Gather the old ones at the end, then drop the end. */
	while (i < live) {
		if (t->clock - t->map[i].stamp <= idle) {
			i++;
			continue;
		}
		live--;
		swap(t->map[i], t->map[live]);
		*map_slot(t, t->map[i].ref) = i + 1;
		*map_slot(t, t->map[live].ref) = live + 1;
	}
	map_drop(t, live);
}
EXPORT_SYMBOL_GPL(pv_map_age);

/* ---- staged pages ---- */

/**
 * pv_staged_init() - make an empty store of pages
 * @s: the store
 * @max: most pages, free and handed out together
 *
 * Return: 0 or -ENOMEM.
 */
int pv_staged_init(struct pv_staged *s, unsigned int max)
{
	*s = (struct pv_staged) { .max = max };
	s->page = kvcalloc(max, sizeof(*s->page), GFP_KERNEL);
	return s->page ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(pv_staged_init);

/* Free the first pages of the store, which are the coldest. */
static void staged_free(struct pv_staged *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		__free_page(s->page[i]);
	s->nr -= nr;
	memmove(s->page, s->page + nr, s->nr * sizeof(*s->page));
	if (s->all)
		atomic_sub(nr, s->all);
}

/* All that are wanted, or none: what one store has gathered in part another may need. */
static bool staged_charge(struct pv_staged *s, unsigned int nr)
{
	if (s->used + s->nr + nr > s->max)
		return false;
	if (!s->all || atomic_add_return(nr, s->all) <= s->max)
		return true;
	atomic_sub(nr, s->all);
	return false;
}

/**
 * pv_staged_destroy() - free all pages
 * @s: the store; every page has been put back
 */
void pv_staged_destroy(struct pv_staged *s)
{
	staged_free(s, s->nr);
	kvfree(s->page);
	*s = (struct pv_staged) { };
}
EXPORT_SYMBOL_GPL(pv_staged_destroy);

/**
 * pv_staged_reserve() - make sure that pages can be taken
 * @s: the store
 * @nr: how many
 *
 * Context: process, may sleep but does no I/O.
 * Return: false if that would be more than the store's maximum, or without
 * memory: try again when pages have been put back.
 */
bool pv_staged_reserve(struct pv_staged *s, unsigned int nr)
{
	if (likely(s->nr >= nr))
		return true;
	if (!staged_charge(s, nr - s->nr))
		return false;
	while (s->nr < nr) {
		struct page *page = alloc_page(GFP_NOIO | __GFP_NOWARN);

		if (!page) {
			if (s->all)
				atomic_sub(nr - s->nr, s->all);
			return false;
		}
		s->page[s->nr++] = page;
	}
	return true;
}
EXPORT_SYMBOL_GPL(pv_staged_reserve);

/**
 * pv_staged_take() - take a reserved page
 * @s: the store
 *
 * Its content is old: the taker overwrites all that is read of it.
 *
 * Return: the page.
 */
struct page *pv_staged_take(struct pv_staged *s)
{
	s->used++;
	s->nr--;
	s->low = min(s->low, s->nr);
	return s->page[s->nr];
}
EXPORT_SYMBOL_GPL(pv_staged_take);

/**
 * pv_staged_put() - put a page back
 * @s: the store
 * @page: the page
 */
void pv_staged_put(struct pv_staged *s, struct page *page)
{
	s->used--;
	s->page[s->nr++] = page;
}
EXPORT_SYMBOL_GPL(pv_staged_put);

/**
 * pv_staged_shrink() - free the pages that nobody took since the last call
 * @s: the store
 */
void pv_staged_shrink(struct pv_staged *s)
{
	staged_free(s, min(s->low, s->nr));
	s->low = s->nr;
}
EXPORT_SYMBOL_GPL(pv_staged_shrink);
