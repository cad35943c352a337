/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Grants of a frontend: what a queue shows its backend.
 *
 * Each queue has its own references, reserved in advance, so that the data
 * path takes no lock but the queue's. An entry is either bare (a reference
 * that grants nothing) or staged (it grants a page of its own, and goes on
 * doing so between uses: LIFO, so that the backend's mappings stay warm).
 */
#ifndef _PV_GRANT_H
#define _PV_GRANT_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/spinlock.h>
#include <xen/interface/grant_table.h>

struct pv_device;
struct pv_stats;

/**
 * struct pv_grant - one grant reference
 * @next: next of its list or of a request's chain
 * @page: the page that it grants, NULL if bare
 * @ref: the reference
 */
struct pv_grant {
	struct pv_grant *next;
	struct page *page;
	grant_ref_t ref;
};

/** struct pv_grant_chain - entries that one request holds, first to last */
struct pv_grant_chain {
	struct pv_grant *first;
	struct pv_grant *last;
	unsigned int nr;
};

/**
 * struct pv_grant_pool - the references of one queue
 * @pd: the device
 * @stats: where to count
 * @lock: guards the lists
 * @staged: free entries that grant a page
 * @bare: free entries that grant nothing
 * @spare: entries that have no reference
 * @nr_staged: length of @staged
 * @nr_free: length of @staged and @bare
 * @nr: references reserved
 * @max: references that may be reserved, rounded up to a chunk
 * @low: fewest of @staged since the last pv_grant_pool_shrink()
 * @floor: it leaves so many
 * @chunks: storage of the entries
 */
struct pv_grant_pool {
	struct pv_device *pd;
	struct pv_stats *stats;
	spinlock_t lock; /* the lists and their lengths */
	struct pv_grant *staged;
	struct pv_grant *bare;
	struct pv_grant *spare;
	unsigned int nr_staged;
	unsigned int nr_free;
	unsigned int nr;
	unsigned int max;
	unsigned int low;
	unsigned int floor;
	struct list_head chunks;
};

int pv_grant_pool_init(struct pv_grant_pool *pool, struct pv_device *pd,
		       unsigned int max, struct pv_stats *stats);
bool pv_grant_pool_reserve(struct pv_grant_pool *pool, unsigned int nr);
unsigned int pv_grant_pool_fit(struct pv_grant_pool *pool, unsigned int nr,
			       unsigned int (*lists)(unsigned int nr), bool bounce);
void pv_grant_pool_destroy(struct pv_grant_pool *pool);
void pv_grant_pool_shrink(struct pv_grant_pool *pool);
int pv_grant_take_staged(struct pv_grant_pool *pool, unsigned int nr,
			 struct pv_grant_chain *chain);
int pv_grant_take_bare(struct pv_grant_pool *pool, unsigned int nr,
		       struct pv_grant_chain *chain);
void pv_grant_page(struct pv_grant_pool *pool, struct pv_grant *g,
		   struct page *page, bool readonly);
bool pv_grant_end(struct pv_grant_pool *pool, struct pv_grant *g);
void pv_grant_put_staged(struct pv_grant_pool *pool,
			 struct pv_grant_chain *chain);
void pv_grant_put(struct pv_grant_pool *pool, struct pv_grant_chain *chain);

#endif /* _PV_GRANT_H */
