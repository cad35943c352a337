// SPDX-License-Identifier: GPL-2.0
/*
 * What one thread asks of Xen, reads, writes or allocates is refused once: the first thing, or the second, and so on.
 * Things that are asked for from the same place (each queue's ring, say) are counted twice, not as often as they come.
 */
#include <linux/jhash.h>
#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "internal.h"

#define PLACES		512
#define DEPTH		10	/* callers that make a place */
#define TIMES		2

static char thread[TASK_COMM_LEN];
static unsigned int left;	/* things until the one that is refused, it counted */
static u32 place[PLACES];	/* since fake_xen_refuse() */
static unsigned int nr_places;

static u32 this_place(void)
{
#ifdef CONFIG_STACKTRACE
	unsigned long caller[DEPTH];

	return jhash(caller, stack_trace_save(caller, DEPTH, 3) * sizeof(*caller), 0);
#else
	return nr_places;
#endif
}

static bool is_counted(void)
{
	unsigned int i, times = 0;
	u32 here = this_place();

	for (i = 0; i < nr_places; i++)
		times += place[i] == here;
	if (times < TIMES && nr_places < PLACES) {
		place[nr_places++] = here;
		return true;
	}
	return false;
}

bool fake_xen_refuses(void)
{
	if (!READ_ONCE(left) || !in_task() || strcmp(current->comm, thread) || !is_counted())
		return false;
	return !--left;
}

void fake_xen_refuse(const char *name, unsigned int n)
{
	WRITE_ONCE(left, 0);
	strscpy(thread, name, sizeof(thread));
	nr_places = 0;
	WRITE_ONCE(left, n);
}
FAKE_XEN_SYMBOL(fake_xen_refuse);

bool fake_xen_has_refused(void)
{
	return !READ_ONCE(left);
}
FAKE_XEN_SYMBOL(fake_xen_has_refused);

/* The linker gives our modules these in place of the kernel's (--wrap: see tests/build). */
#define WRAP(name, params, ...)							\
	void *__wrap_##name params						\
	{									\
		return fake_xen_refuses() ? NULL : name(__VA_ARGS__);	\
	}									\
	FAKE_XEN_SYMBOL(__wrap_##name)

WRAP(__kmalloc, (size_t size, gfp_t flags), size, flags);
WRAP(__kmalloc_node, (size_t size, gfp_t flags, int node), size, flags, node);
WRAP(kmalloc_large, (size_t size, gfp_t flags), size, flags);
WRAP(kmem_cache_alloc, (struct kmem_cache *cache, gfp_t flags), cache, flags);
WRAP(kmalloc_trace, (struct kmem_cache *cache, gfp_t flags, size_t size), cache, flags, size);
WRAP(kvmalloc_node, (size_t size, gfp_t flags, int node), size, flags, node);
WRAP(vzalloc, (unsigned long size), size);
WRAP(__alloc_pages, (gfp_t gfp, unsigned int order, int nid, nodemask_t *mask), gfp, order, nid, mask);
