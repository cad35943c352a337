// SPDX-License-Identifier: GPL-2.0
/*
 * Pages to map grants into: their own memory is given to Xen as long as they
 * are used for that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <xen/grant_table.h>
#include <xen/interface/memory.h>

#include "shim.h"

#define BATCH	256

static xen_pfn_t frames[BATCH];
/* The array above. */
static DEFINE_MUTEX(frames_lock);

/* Returns how many of the pages were done. */
static unsigned int shim_change_reservation(unsigned int cmd, struct page **pages,
					    unsigned int nr)
{
	struct xen_memory_reservation arg = { .domid = DOMID_SELF };
	unsigned int done = 0, part, i;
	long got;

	mutex_lock(&frames_lock);
	while (done < nr) {
		part = min_t(unsigned int, nr - done, BATCH);
		for (i = 0; i < part; i++)
			frames[i] = page_to_xen_pfn(pages[done + i]);
		set_xen_guest_handle(arg.extent_start, frames);
		arg.nr_extents = part;
		got = hypercalls->memory(cmd, &arg);
		if (got > 0)
			done += got;
		if (got != part)
			break;
	}
	mutex_unlock(&frames_lock);
	return done;
}

static void shim_free_all(struct page **pages, unsigned int nr)
{
	while (nr--)
		__free_page(pages[nr]);
}

/**
 * gnttab_free_pages() - give back what gnttab_alloc_pages() gave
 * @nr_pages: how many
 * @pages: the pages, in which nothing is mapped
 *
 * Context: process, may sleep.
 */
void gnttab_free_pages(int nr_pages, struct page **pages)
{
	unsigned int done = shim_change_reservation(XENMEM_populate_physmap, pages,
						    nr_pages);

	if (done < nr_pages)
		pr_err_ratelimited("Xen does not give %u pages back\n",
				   nr_pages - done);
	shim_free_all(pages, done);
}
EXPORT_SYMBOL_GPL(gnttab_free_pages);

/**
 * gnttab_alloc_pages() - pages into which grants can be mapped
 * @nr_pages: how many
 * @pages: result
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int gnttab_alloc_pages(int nr_pages, struct page **pages)
{
	unsigned int done;
	int i;

	for (i = 0; i < nr_pages; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			shim_free_all(pages, i);
			return -ENOMEM;
		}
	}
	done = shim_change_reservation(XENMEM_decrease_reservation, pages, nr_pages);
	if (done == nr_pages)
		return 0;
	shim_free_all(pages + done, nr_pages - done);
	gnttab_free_pages(done, pages);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(gnttab_alloc_pages);

/** gnttab_page_cache_init() - a store of such pages */
void gnttab_page_cache_init(struct gnttab_page_cache *cache)
{
	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->pages);
	cache->num_pages = 0;
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_init);

/** gnttab_page_cache_get() - one out of the store, or a new one */
int gnttab_page_cache_get(struct gnttab_page_cache *cache, struct page **page)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	*page = list_first_entry_or_null(&cache->pages, struct page, lru);
	if (*page) {
		list_del(&(*page)->lru);
		cache->num_pages--;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return *page ? 0 : gnttab_alloc_pages(1, page);
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_get);

/** gnttab_page_cache_put() - back into the store */
void gnttab_page_cache_put(struct gnttab_page_cache *cache, struct page **page,
			   unsigned int num)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&cache->lock, flags);
	for (i = 0; i < num; i++)
		list_add(&page[i]->lru, &cache->pages);
	cache->num_pages += num;
	spin_unlock_irqrestore(&cache->lock, flags);
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_put);

/** gnttab_page_cache_shrink() - leave no more than so many in it */
void gnttab_page_cache_shrink(struct gnttab_page_cache *cache, unsigned int num)
{
	struct page *page;
	unsigned long flags;

	for (;;) {
		page = NULL;
		spin_lock_irqsave(&cache->lock, flags);
		if (cache->num_pages > num) {
			page = list_first_entry(&cache->pages, struct page,
						lru);
			list_del(&page->lru);
			cache->num_pages--;
		}
		spin_unlock_irqrestore(&cache->lock, flags);
		if (!page)
			return;
		gnttab_free_pages(1, &page);
	}
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_shrink);
