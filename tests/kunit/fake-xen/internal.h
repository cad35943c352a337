/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of fake-xen.ko. */
#ifndef FAKE_XEN_INTERNAL_H
#define FAKE_XEN_INTERNAL_H

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/export.h>
#include <linux/err.h>

#include "fake-xen.h"

#define FAKE_XEN_SYMBOL(name) EXPORT_SYMBOL_GPL(name)

/* "Fail @count after @skip good ones with @err". */
struct fault {
	unsigned int skip, count;
	int err;
};

/* Whether this is what fake_xen_refuse() has spoken of. */
bool fake_xen_refuses(void);

/* What our modules call in place of the kernel's. */
struct kmem_cache;
void *__wrap___kmalloc(size_t size, gfp_t flags);
void *__wrap___kmalloc_node(size_t size, gfp_t flags, int node);
void *__wrap_kmalloc_large(size_t size, gfp_t flags);
void *__wrap_kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags);
void *__wrap_kmalloc_trace(struct kmem_cache *cache, gfp_t flags, size_t size);
void *__wrap_kvmalloc_node(size_t size, gfp_t flags, int node);
void *__wrap_vzalloc(unsigned long size);
void *__wrap___alloc_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *mask);

/*
 * Not locked: a test injects before it starts what is to fail. Returns 0 or the error, which is @refusal if a thread is
 * refused it.
 */
static inline int fault_hits(struct fault *fault, int refusal)
{
	if (refusal && fake_xen_refuses())
		return refusal;
	if (!fault->count)
		return 0;
	if (fault->skip) {
		fault->skip--;
		return 0;
	}
	fault->count--;
	return fault->err;
}

extern struct fault fake_xen_step_faults[FAKE_XEN_NR_STEPS];

unsigned int fake_store_events(void);

int fake_grants_init(void);
void fake_grants_exit(void);
void fake_grants_held(struct fake_xen_held *held);
void fake_grants_reset(void);
void fake_grants_suspend(void);
/* Counts a mapping that was made without a page of gnttab_alloc_pages(): a ring's. NULL if there is no such grant. */
struct page *fake_grants_hold(grant_ref_t ref);
void fake_grants_drop(grant_ref_t ref);

int fake_store_init(void);
void fake_store_exit(void);
void fake_store_reset(void);
unsigned int fake_store_watches(void);

int fake_bus_init(void);
void fake_bus_exit(void);
void fake_bus_reset(void);
unsigned int fake_bus_rings(void);
/* Watches on the other ends of devices. */
unsigned int fake_bus_watches(void);

int fake_evtchn_init(void);
void fake_evtchn_exit(void);
void fake_evtchn_reset(void);
void fake_evtchn_held(struct fake_xen_held *held);
int fake_evtchn_alloc(evtchn_port_t *port);
int fake_evtchn_free(evtchn_port_t port);

#endif
