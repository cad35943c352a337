// SPDX-License-Identifier: GPL-2.0
/*
 * Grants of a frontend.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xenbus.h>

#include "device.h"
#include "grant.h"
#include "internal.h"

/* References are reserved by this many: one take of the global lock. */
#define CHUNK	64

static unsigned int max_kept_pages = 16384;
module_param(max_kept_pages, uint, 0644);
MODULE_PARM_DESC(max_kept_pages, "Frontends: pages of former connections that a backend's domain may have mapped when the next one begins (default 16384: 64 MiB)");

/* Between two looks at them: soon at first, then less often. */
#define KEPT_SOON	msecs_to_jiffies(20)
#define KEPT_LATE	HZ

/**
 * struct grant_chunk - storage of entries
 * @list: of its pool's, or of @kept once the pool has gone
 * @domid: whose domain the entries are for
 * @entry: the entries
 */
struct grant_chunk {
	struct list_head list;
	domid_t domid;
	struct pv_grant entry[CHUNK];
};

/*
 * Staged pages that backends had mapped when their pools went. The chunks are
 * all that is left of these. (Xen support would look at ten pages a second.)
 */
static LIST_HEAD(kept);
static DEFINE_MUTEX(kept_lock);
static unsigned long kept_wait;

static void kept_ask(struct work_struct *work);
static DECLARE_DELAYED_WORK(kept_work, kept_ask);

static void chain_add(struct pv_grant_chain *chain, struct pv_grant *g)
{
	g->next = NULL;
	if (chain->last)
		chain->last->next = g;
	else
		chain->first = g;
	chain->last = g;
	chain->nr++;
}

/* Move the first @nr entries of a list, which has that many, as they are. */
static void chain_move(struct pv_grant_chain *chain, struct pv_grant **list,
		       unsigned int nr)
{
	struct pv_grant *last = *list;
	unsigned int i;

	for (i = 1; i < nr; i++)
		last = last->next;
	if (chain->last)
		chain->last->next = *list;
	else
		chain->first = *list;
	*list = last->next;
	last->next = NULL;
	chain->last = last;
	chain->nr += nr;
}

static struct pv_grant *pop(struct pv_grant **list)
{
	struct pv_grant *g = *list;

	if (g)
		*list = g->next;
	return g;
}

static void push(struct pv_grant **list, struct pv_grant *g)
{
	g->next = *list;
	*list = g;
}

/* More entries without a reference. */
static bool pool_add_chunk(struct pv_grant_pool *pool)
{
	struct grant_chunk *chunk;
	unsigned int i;

	chunk = kzalloc(sizeof(*chunk), GFP_NOWAIT | __GFP_NOWARN);
	if (!chunk)
		return false;
	chunk->domid = pool->pd->xb->otherend_id;
	spin_lock_bh(&pool->lock);
	list_add(&chunk->list, &pool->chunks);
	for (i = CHUNK; i--; ) {
		chunk->entry[i].ref = INVALID_GRANT_REF;
		push(&pool->spare, &chunk->entry[i]);
	}
	spin_unlock_bh(&pool->lock);
	return true;
}

/* Reserve more references; false at the limit or if Xen has no more. */
static bool pool_grow(struct pv_grant_pool *pool)
{
	struct pv_grant *g;
	grant_ref_t head;
	unsigned int i;

	if (READ_ONCE(pool->nr) >= pool->max)
		return false;
	if (!READ_ONCE(pool->spare) && !pool_add_chunk(pool))
		return false;
	if (gnttab_alloc_grant_references(CHUNK, &head))
		return false;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < CHUNK && (g = pop(&pool->spare)); i++) {
		g->ref = gnttab_claim_grant_reference(&head);
		push(&pool->bare, g);
	}
	pool->nr += i;
	pool->nr_free += i;
	spin_unlock_bh(&pool->lock);
	/* Fewer spare entries than references: the rest goes back. */
	gnttab_free_grant_references(head);
	return true;
}

/* Leave a page to the peer that will not let go: Xen support frees it then. */
static void quarantine(struct pv_grant_pool *pool, struct pv_grant *g)
{
	gnttab_end_foreign_access(g->ref, g->page);
	g->page = NULL;
	g->ref = INVALID_GRANT_REF;
	pool->stats->quarantined++;
}

/* End the grant of a staged page without complaint if the backend maps it. */
static bool unstage(struct pv_grant *g)
{
	if (!gnttab_try_end_foreign_access(g->ref))
		return false;
	__free_page(g->page);
	g->page = NULL;
	g->ref = INVALID_GRANT_REF;
	return true;
}

/* ---- pages that backends keep ---- */

static unsigned int chunk_kept(const struct grant_chunk *chunk)
{
	unsigned int i, nr = 0;

	for (i = 0; i < CHUNK; i++)
		nr += !!chunk->entry[i].page;
	return nr;
}

/* Ask for the pages; how many are still mapped. */
static unsigned int chunk_ask(struct grant_chunk *chunk)
{
	unsigned int i, nr = 0;

	for (i = 0; i < CHUNK; i++)
		nr += chunk->entry[i].page && !unstage(&chunk->entry[i]);
	return nr;
}

static void kept_ask(struct work_struct *work)
{
	struct grant_chunk *chunk, *next;

	mutex_lock(&kept_lock);
	list_for_each_entry_safe(chunk, next, &kept, list) {
		if (!chunk_ask(chunk)) {
			list_del(&chunk->list);
			kfree(chunk);
		}
		cond_resched();
	}
	kept_wait = min_t(unsigned long, 2 * kept_wait, KEPT_LATE);
	if (!list_empty(&kept))
		schedule_delayed_work(&kept_work, kept_wait);
	mutex_unlock(&kept_lock);
}

static void kept_add(struct list_head *chunks)
{
	mutex_lock(&kept_lock);
	list_splice_tail(chunks, &kept);
	kept_wait = KEPT_SOON;
	mod_delayed_work(system_wq, &kept_work, kept_wait);
	mutex_unlock(&kept_lock);
}

/**
 * pv_grant_too_many_kept() - may a domain be shown any more pages
 * @domid: the backend's domain
 *
 * Context: process.
 * Return: how many pages of former connections it maps, if these are too many;
 *         else 0.
 */
unsigned int pv_grant_too_many_kept(domid_t domid)
{
	struct grant_chunk *chunk;
	unsigned int nr = 0;

	mutex_lock(&kept_lock);
	list_for_each_entry(chunk, &kept, list)
		if (chunk->domid == domid)
			nr += chunk_kept(chunk);
	mutex_unlock(&kept_lock);
	return nr > READ_ONCE(max_kept_pages) ? nr : 0;
}

/**
 * pv_grant_exit() - the library goes: Xen support has what is kept
 */
void pv_grant_exit(void)
{
	struct grant_chunk *chunk, *next;
	unsigned int i;

	cancel_delayed_work_sync(&kept_work);
	list_for_each_entry_safe(chunk, next, &kept, list) {
		for (i = 0; i < CHUNK; i++)
			if (chunk->entry[i].page)
				gnttab_end_foreign_access(chunk->entry[i].ref,
							  chunk->entry[i].page);
		kfree(chunk);
	}
}

/* ---- pools ---- */

/**
 * pv_grant_pool_destroy() - end all grants, free pages and references
 * @pool: the pool, all of whose entries have been put back
 *
 * A page that the backend still maps does not return to the allocator before
 * the backend lets go: it is asked again and again.
 *
 * Context: process; nobody else uses the pool.
 */
void pv_grant_pool_destroy(struct pv_grant_pool *pool)
{
	struct grant_chunk *chunk, *next;
	struct pv_grant *g;
	unsigned int nr;

	if (!pool->pd)
		return;
	while ((g = pop(&pool->bare)))
		gnttab_free_grant_reference(g->ref);
	list_for_each_entry_safe(chunk, next, &pool->chunks, list) {
		nr = chunk_ask(chunk);
		pool->stats->quarantined += nr;
		if (nr)
			continue;
		list_del(&chunk->list);
		kfree(chunk);
	}
	if (!list_empty(&pool->chunks))
		kept_add(&pool->chunks);
	memset(pool, 0, sizeof(*pool));
}
EXPORT_SYMBOL_GPL(pv_grant_pool_destroy);

/**
 * pv_grant_pool_init() - reserve a queue's references
 * @pool: the pool
 * @pd: the device whose backend the grants are for
 * @max: most references at a time, rounded up to a chunk
 * @stats: where to count
 *
 * Starts with one chunk and grows as it is used: see pv_grant_pool_reserve().
 *
 * Context: process.
 * Return: 0, or -ENOSPC if the grant table is full.
 */
int pv_grant_pool_init(struct pv_grant_pool *pool, struct pv_device *pd,
		       unsigned int max, struct pv_stats *stats)
{
	memset(pool, 0, sizeof(*pool));
	pool->pd = pd;
	pool->stats = stats;
	pool->max = max;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->chunks);
	if (pool_grow(pool))
		return 0;
	pv_grant_pool_destroy(pool);
	pv_device_error(pd, -ENOSPC, "no %u grants are left for the data of a queue",
			CHUNK);
	return -ENOSPC;
}
EXPORT_SYMBOL_GPL(pv_grant_pool_init);

/**
 * pv_grant_pool_reserve() - have references for good
 * @pool: the pool
 * @nr: how many, at most its limit
 *
 * What a pool does not have now it may never get: the grant table is shared
 * with others.
 *
 * Context: process.
 * Return: whether it has so many.
 */
bool pv_grant_pool_reserve(struct pv_grant_pool *pool, unsigned int nr)
{
	while (pool->nr < nr)
		if (!pool_grow(pool))
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(pv_grant_pool_reserve);

/**
 * pv_grant_page() - let the backend reach a page
 * @pool: the entry's pool
 * @g: a bare entry
 * @page: the page
 * @readonly: the backend must not write to it
 *
 * Context: any; takes no lock.
 */
void pv_grant_page(struct pv_grant_pool *pool, struct pv_grant *g,
		   struct page *page, bool readonly)
{
	g->page = page;
	gnttab_grant_foreign_access_ref(g->ref, pool->pd->xb->otherend_id,
					xen_page_to_gfn(page), readonly);
}
EXPORT_SYMBOL_GPL(pv_grant_page);

/**
 * pv_grant_end() - take a granted page back from the backend
 * @pool: the entry's pool
 * @g: an entry that grants a page of somebody else (not a staged one)
 *
 * Afterwards the entry is bare. If the backend still maps the page, the page
 * gets one more reference, which is dropped when the backend lets go.
 *
 * Context: any; takes no lock if the backend behaves.
 * Return: false if the backend still maps the page.
 */
bool pv_grant_end(struct pv_grant_pool *pool, struct pv_grant *g)
{
	if (unlikely(!gnttab_end_foreign_access_ref(g->ref))) {
		get_page(g->page);
		quarantine(pool, g);
		return false;
	}
	g->page = NULL;
	return true;
}
EXPORT_SYMBOL_GPL(pv_grant_end);

/* Give the newly staged entries of a chain their pages. */
static int stage_chain(struct pv_grant_pool *pool, struct pv_grant_chain *chain, gfp_t gfp)
{
	int node = dev_to_node(&pool->pd->xb->dev);
	struct pv_grant *g;
	struct page *page;

	for (g = chain->first; g; g = g->next) {
		if (g->page)
			continue;
		page = alloc_pages_node(node, gfp | __GFP_NOWARN | __GFP_ZERO, 0);
		if (!page)
			return -ENOMEM;
		pv_grant_page(pool, g, page, false);
	}
	return 0;
}

/**
 * pv_grant_take_staged() - take pages that the backend can reach already
 * @pool: the pool
 * @nr: how many
 * @chain: an empty chain, or one to add to
 *
 * Last in, first out. A warm pool allocates nothing.
 *
 * Context: process or soft interrupt.
 * Return: 0; -EBUSY if others hold too many; -ENOMEM.
 */
int pv_grant_take_staged(struct pv_grant_pool *pool, unsigned int nr,
			 struct pv_grant_chain *chain)
{
	unsigned int warm, fresh;

	while (unlikely(READ_ONCE(pool->nr_free) < nr))
		if (!pool_grow(pool))
			break;

	spin_lock_bh(&pool->lock);
	if (unlikely(pool->nr_free < nr)) {
		spin_unlock_bh(&pool->lock);
		return -EBUSY;
	}
	pool->nr_free -= nr;
	warm = min(nr, pool->nr_staged);
	if (likely(warm)) {
		pool->nr_staged -= warm;
		chain_move(chain, &pool->staged, warm);
	}
	for (fresh = nr - warm; fresh; fresh--)
		chain_add(chain, pop(&pool->bare));
	pool->low = min(pool->low, pool->nr_staged);
	spin_unlock_bh(&pool->lock);

	if (unlikely(warm < nr) && stage_chain(pool, chain, GFP_NOWAIT)) {
		pv_grant_put(pool, chain);
		return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pv_grant_take_staged);

/**
 * pv_grant_take_bare() - take references to grant other pages with
 * @pool: the pool
 * @nr: how many
 * @chain: an empty chain, or one to add to
 *
 * Context: process or soft interrupt.
 * Return: 0, or -EBUSY if others hold too many.
 */
int pv_grant_take_bare(struct pv_grant_pool *pool, unsigned int nr,
		       struct pv_grant_chain *chain)
{
	while (READ_ONCE(pool->nr_free) - READ_ONCE(pool->nr_staged) < nr)
		if (!pool_grow(pool))
			break;

	spin_lock_bh(&pool->lock);
	if (unlikely(pool->nr_free - pool->nr_staged < nr)) {
		spin_unlock_bh(&pool->lock);
		return -EBUSY;
	}
	pool->nr_free -= nr;
	while (nr--)
		chain_add(chain, pop(&pool->bare));
	spin_unlock_bh(&pool->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(pv_grant_take_bare);

/**
 * pv_grant_put() - put a request's entries back
 * @pool: the pool
 * @chain: the entries; empty afterwards
 *
 * Those that still grant a page stay staged.
 *
 * Context: process or soft interrupt.
 */
void pv_grant_put(struct pv_grant_pool *pool, struct pv_grant_chain *chain)
{
	struct pv_grant *g, *next;

	if (!chain->first)
		return;
	spin_lock_bh(&pool->lock);
	for (g = chain->first; g; g = next) {
		next = g->next;
		if (unlikely(g->ref == INVALID_GRANT_REF)) {
			/* Quarantined: the pool has one reference less. */
			push(&pool->spare, g);
			pool->nr--;
			continue;
		}
		if (g->page) {
			push(&pool->staged, g);
			pool->nr_staged++;
		} else {
			push(&pool->bare, g);
		}
		pool->nr_free++;
	}
	spin_unlock_bh(&pool->lock);
	*chain = (struct pv_grant_chain) { };
}
EXPORT_SYMBOL_GPL(pv_grant_put);

/**
 * pv_grant_put_staged() - put entries back all of which grant a staged page
 * @pool: the pool
 * @chain: the entries, from pv_grant_take_staged(); empty afterwards
 *
 * Context: process or soft interrupt.
 */
void pv_grant_put_staged(struct pv_grant_pool *pool,
			 struct pv_grant_chain *chain)
{
	if (!chain->first)
		return;
	spin_lock_bh(&pool->lock);
	chain->last->next = pool->staged;
	pool->staged = chain->first;
	pool->nr_staged += chain->nr;
	pool->nr_free += chain->nr;
	spin_unlock_bh(&pool->lock);
	*chain = (struct pv_grant_chain) { };
}
EXPORT_SYMBOL_GPL(pv_grant_put_staged);

/* Behind all others: entries that were on the way to be given back. */
static void pool_put_last(struct pv_grant_pool *pool,
			  struct pv_grant_chain *chain)
{
	struct pv_grant **end = &pool->staged;

	spin_lock_bh(&pool->lock);
	while (*end)
		end = &(*end)->next;
	*end = chain->first;
	pool->nr_staged += chain->nr;
	pool->nr_free += chain->nr;
	spin_unlock_bh(&pool->lock);
}

/* Bare entries of a new pool get pages, as many as there are. */
static void pool_keep(struct pv_grant_pool *pool, unsigned int nr)
{
	struct pv_grant_chain chain = { };
	struct pv_grant *g;

	spin_lock_bh(&pool->lock);
	while (chain.nr < nr && (g = pop(&pool->bare)))
		chain_add(&chain, g);
	pool->nr_free -= chain.nr;
	spin_unlock_bh(&pool->lock);
	stage_chain(pool, &chain, GFP_KERNEL | __GFP_NORETRY);
	pv_grant_put(pool, &chain);
	pool->floor = pool->nr_staged;
}

/**
 * pv_grant_pool_fit() - have what a request of the largest size needs
 * @pool: the pool, new
 * @nr: segments that such a request is to have
 * @lists: pages of segments that a request with so many needs
 * @bounce: its data passes through staged pages, too
 *
 * A larger request than it has references for must not be made. Its pages stay
 * with the pool: where a disk is what memory is to be written to, there may be
 * no others.
 *
 * Context: process, in connect().
 * Return: @nr, or as many segments as there are references and pages for.
 */
unsigned int pv_grant_pool_fit(struct pv_grant_pool *pool, unsigned int nr,
			       unsigned int (*lists)(unsigned int nr), bool bounce)
{
	if (!pv_grant_pool_reserve(pool, nr + lists(nr)))
		while (nr + lists(nr) > pool->nr)
			nr--;
	pool_keep(pool, (bounce ? nr : 0) + lists(nr));
	while (nr > 1 && (bounce ? nr : 0) + lists(nr) > pool->floor)
		nr--;
	return nr;
}
EXPORT_SYMBOL_GPL(pv_grant_pool_fit);

/**
 * pv_grant_pool_shrink() - give back staged pages that nobody needed lately
 * @pool: the pool
 *
 * Frees as many as were never taken since the last call, the coldest, down to
 * what pv_grant_pool_fit() has set aside; those that the backend still maps stay
 * for the next time.
 *
 * Context: process.
 */
void pv_grant_pool_shrink(struct pv_grant_pool *pool)
{
	struct pv_grant_chain gone = { }, mapped = { };
	struct pv_grant **at, *g, *old;
	unsigned int i, nr;

	spin_lock_bh(&pool->lock);
	nr = min(pool->low, pool->nr_staged - min(pool->nr_staged, pool->floor));
	at = &pool->staged;
	for (i = nr; i < pool->nr_staged; i++)
		at = &(*at)->next;
	old = *at;
	*at = NULL;
	pool->nr_staged -= nr;
	pool->nr_free -= nr;
	pool->low = pool->nr_staged;
	spin_unlock_bh(&pool->lock);

	while ((g = pop(&old)))
		chain_add(unstage(g) ? &gone : &mapped, g);
	pv_grant_put(pool, &gone);
	pool_put_last(pool, &mapped);
}
EXPORT_SYMBOL_GPL(pv_grant_pool_shrink);
