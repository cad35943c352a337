/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Grants of a backend: reaching the frontend's pages.
 *
 * Two ways, and a driver asks for each segment which one serves:
 *   - the map table keeps pages mapped that a frontend promised to use again
 *     (feature-persistent, gref mapping): no hypercall once it is warm;
 *   - a copy batch moves data between the frontend's pages and staged pages of
 *     our own, many requests to a hypercall, and nothing stays mapped.
 * Both belong to one queue and one context: they take no lock. Only
 * pv_map_add() may run beside lookups.
 */
#ifndef _PV_MAP_H
#define _PV_MAP_H

#include <linux/mm_types.h>
#include <asm/barrier.h>
#include <xen/grant_table.h>

struct pv_device;
struct pv_stats;

/** PV_MAP_BATCH - operations to one hypercall */
#define PV_MAP_BATCH		256

/**
 * struct pv_copy_batch - grant copies that wait for one hypercall
 * @domid: the frontend
 * @stats: where to count
 * @nr: operations waiting
 * @atomic: it is flushed where nobody may sleep; set after pv_copy_init()
 * @op: the operations
 * @failed: per operation: counter to raise if it fails
 */
struct pv_copy_batch {
	domid_t domid;
	struct pv_stats *stats;
	unsigned int nr;
	bool atomic;
	struct gnttab_copy op[PV_MAP_BATCH];
	u32 *failed[PV_MAP_BATCH];
};

void pv_copy_init(struct pv_copy_batch *batch, struct pv_device *pd,
		  struct pv_stats *stats);
void pv_copy_from_guest(struct pv_copy_batch *batch, grant_ref_t ref,
			unsigned int offset, struct page *page,
			unsigned int page_offset, unsigned int len,
			u32 *failed);
void pv_copy_to_guest(struct pv_copy_batch *batch, grant_ref_t ref,
		      unsigned int offset, struct page *page,
		      unsigned int page_offset, unsigned int len, u32 *failed);
void pv_copy_flush(struct pv_copy_batch *batch);

/**
 * struct pv_map - a long-lived mapping
 * @page: the page through which this end sees the frontend's
 * @handle: Xen's name for it
 * @ref: the frontend's reference
 * @stamp: the table's clock at its last use
 * @readonly: this end must not write to it
 */
struct pv_map {
	struct page *page;
	grant_handle_t handle;
	grant_ref_t ref;
	u32 stamp;
	bool readonly;
};

/**
 * struct pv_map_entry - what pv_map_add() is asked for
 * @ref: the frontend's reference
 * @readonly: it grants reading only
 */
struct pv_map_entry {
	grant_ref_t ref;
	bool readonly;
};

/*
 * Two levels by reference: 2048 leaves of 512 cover a million references,
 * far more than a domain gets. A reference beyond is simply not kept mapped.
 */
#define PV_MAP_LEAF_BITS	9
#define PV_MAP_LEAF_SIZE	(1U << PV_MAP_LEAF_BITS)
#define PV_MAP_ROOT_SIZE	2048

/** PV_MAP_WANTED - in a leaf's slot: the reference waits for pv_map_flush() */
#define PV_MAP_WANTED		0xffff

/** struct pv_map_leaf - by reference: 0 for none, else the mapping's index + 1 */
struct pv_map_leaf {
	u16 slot[PV_MAP_LEAF_SIZE];
};

/**
 * struct pv_map_table - the mappings of one queue, by reference
 * @pd: the device
 * @stats: where to count
 * @root: leaves by the upper part of the reference
 * @map: the mappings: live ones first
 * @nr: live mappings
 * @max: most that may live
 * @wanted: references to map with the next hypercall
 * @nr_wanted: how many
 * @clock: counts calls of pv_map_age()
 * @ops: room for the hypercall's operations
 * @unmap: what waits for users of a page; there is work in it
 */
struct pv_map_table {
	struct pv_device *pd;
	struct pv_stats *stats;
	struct pv_map_leaf **root;
	struct pv_map *map;
	unsigned int nr;
	unsigned int max;
	struct pv_map_entry wanted[PV_MAP_BATCH];
	unsigned int nr_wanted;
	u32 clock;
	union pv_map_ops *ops;
	struct gntab_unmap_queue_data unmap;
};

int pv_map_init(struct pv_map_table *t, struct pv_device *pd,
		unsigned int max, struct pv_stats *stats);
void pv_map_destroy(struct pv_map_table *t);
/* A reference's live mapping, or NULL. */
static inline struct pv_map *pv_map_lookup(struct pv_map_table *t,
					   grant_ref_t ref)
{
	u32 at = ref >> PV_MAP_LEAF_BITS;
	struct pv_map_leaf *leaf;
	struct pv_map *map;
	u16 slot;

	if (unlikely(!t->root || at >= PV_MAP_ROOT_SIZE))
		return NULL;
	/* Pairs with pv_map_add(), which may run on another CPU: what is read depends on it. */
	leaf = READ_ONCE(t->root[at]);
	if (unlikely(!leaf))
		return NULL;
	/* The slot before the mapping, see map_show(). */
	slot = READ_ONCE(leaf->slot[ref & (PV_MAP_LEAF_SIZE - 1)]);
	if (unlikely(!slot || slot == PV_MAP_WANTED))
		return NULL;
	map = &t->map[slot - 1];
	/* A line that is not written to stays with all who read it. */
	if (unlikely(map->stamp != t->clock))
		map->stamp = t->clock;
	return map;
}

/**
 * pv_map_find() - the page through which a frontend's page is seen
 * @t: the table
 * @ref: the frontend's reference
 *
 * Return: the page, or NULL if it is not mapped.
 */
static inline struct page *pv_map_find(struct pv_map_table *t, grant_ref_t ref)
{
	struct pv_map *map = pv_map_lookup(t, ref);

	return map ? map->page : NULL;
}

/**
 * pv_map_find_writable() - the same, if this end may write to it
 * @t: the table
 * @ref: the frontend's reference
 *
 * Return: the page, or NULL if it is not mapped or mapped read-only.
 */
static inline struct page *pv_map_find_writable(struct pv_map_table *t,
						grant_ref_t ref)
{
	struct pv_map *map = pv_map_lookup(t, ref);

	return map && !map->readonly ? map->page : NULL;
}

void pv_map_want(struct pv_map_table *t, grant_ref_t ref);
void pv_map_flush(struct pv_map_table *t);
int pv_map_add(struct pv_map_table *t, const struct pv_map_entry *entry,
	       unsigned int nr);
int pv_map_remove(struct pv_map_table *t, grant_ref_t ref);
void pv_map_age(struct pv_map_table *t, u32 idle);

/**
 * struct pv_staged - pages of our own, kept for the next request
 * @page: free pages, last in first out
 * @nr: how many
 * @used: pages handed out
 * @max: most pages, free and handed out
 * @low: fewest free since the last pv_staged_shrink()
 * @all: pages of all stores that share @max; NULL if this has it alone
 */
struct pv_staged {
	struct page **page;
	unsigned int nr;
	unsigned int used;
	unsigned int max;
	unsigned int low;
	atomic_t *all;
};

int pv_staged_init(struct pv_staged *s, unsigned int max);
void pv_staged_destroy(struct pv_staged *s);
bool pv_staged_reserve(struct pv_staged *s, unsigned int nr);
struct page *pv_staged_take(struct pv_staged *s);
void pv_staged_put(struct pv_staged *s, struct page *page);
void pv_staged_shrink(struct pv_staged *s);

#endif /* _PV_MAP_H */
