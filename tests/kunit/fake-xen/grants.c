// SPDX-License-Identifier: GPL-2.0
/*
 * The grant table, both sides of it.
 *
 * A page from gnttab_alloc_pages() has no memory behind its kernel address, as a ballooned page has none: a touch
 * faults. Mapping a grant puts the granted frame into that page-table entry, so that whoever reaches the page by its
 * struct page (a bio, memcpy(), kmap) sees what the other end wrote, at once, and faults on writing to a read-only
 * grant. For that the pages' part of the kernel's direct map is split into small entries when they are allocated.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>
#include <asm/io.h>
#include <asm/set_memory.h>
#include <asm/tlbflush.h>

#include "internal.h"

#define NR_REFS		16384
#define FIRST_REF	8		/* as Xen reserves the first ones */
#define LIST_END	0xffffffffU
#define NR_HANDLES	16384
#define CHUNK_ORDER	8

struct grant {
	grant_ref_t next;		/* in a list of free references */
	unsigned long pfn;
	domid_t domid;
	bool free;			/* on the global list */
	bool active;			/* the peer may use it */
	bool readonly;
	bool peer;			/* a test says that the peer uses it */
	unsigned int maps;
};

/* A page to map grants at. */
struct slot {
	struct list_head list;
	struct page *page;
	pte_t *pte;
	pte_t own;			/* the entry as the kernel had it */
	bool mapped;
};

struct mapping {
	grant_ref_t ref;
	struct slot *slot;		/* NULL: the handle is free */
	u32 next;
};

/* An entry that could not be ended yet, and the page that goes with it. */
struct deferred {
	struct list_head list;
	grant_ref_t ref;
	struct page *page;
};

/* The lock whose takes are counted: what the kernel calls gnttab_list_lock. */
static DEFINE_SPINLOCK(list_lock);
static grant_ref_t free_head;
static unsigned int nr_free, nr_withheld;
static struct gnttab_free_callback *callbacks;

/* Everything else. Innermost but for nothing. */
static DEFINE_SPINLOCK(table_lock);
static struct grant *table;
static struct mapping *handles;
static u32 free_handle;
static unsigned int nr_mappings;
static LIST_HEAD(deferred);

static DEFINE_MUTEX(slot_mutex);
static DEFINE_SPINLOCK(slot_lock);
static LIST_HEAD(free_slots);
static DEFINE_XARRAY(slots);		/* by page frame number */
static unsigned int nr_slots_used;

static struct fault op_faults[FAKE_XEN_NR_OPS];
static struct fault call_faults[FAKE_XEN_NR_OPS];
static struct fault alloc_fault;
static void (*op_hook)(enum fake_xen_op op, void *arg, void *data);
static void *op_hook_data;
static void (*end_hook)(grant_ref_t ref, void *data);
static void *end_hook_data;

/* Free references */

static unsigned long lock_list(void)
	__acquires(&list_lock)
{
	unsigned long flags;

	spin_lock_irqsave(&list_lock, flags);
	fake_xen_counts.global_lock++;
	return flags;
}

static void unlock_list(unsigned long flags)
	__releases(&list_lock)
{
	spin_unlock_irqrestore(&list_lock, flags);
}

/* As in the kernel, a callback runs under the lock. */
static void run_callbacks(void)
{
	struct gnttab_free_callback *cb = callbacks, *next;

	callbacks = NULL;
	for (; cb; cb = next) {
		next = cb->next;
		if (nr_free - min(nr_free, nr_withheld) >= cb->count) {
			cb->next = NULL;
			cb->fn(cb->arg);
		} else {
			cb->next = callbacks;
			callbacks = cb;
		}
	}
}

static bool valid(grant_ref_t ref)
{
	return ref >= FIRST_REF && ref < NR_REFS;
}

static void put_free(grant_ref_t ref)
{
	if (WARN(!valid(ref) || table[ref].free, "fake-xen: reference %u freed twice, or never allocated\n", ref))
		return;
	WARN(table[ref].active, "fake-xen: reference %u freed while it grants a page\n", ref);
	table[ref].free = true;
	table[ref].next = free_head;
	free_head = ref;
	nr_free++;
}

int gnttab_alloc_grant_references(u16 count, grant_ref_t *private_head)
{
	unsigned long flags = lock_list();
	grant_ref_t head = LIST_END;
	int err = 0;

	if (fake_xen_refuses() || nr_free < nr_withheld + count) {
		err = -ENOSPC;
		goto out;
	}
	while (count--) {
		grant_ref_t ref = free_head;

		free_head = table[ref].next;
		table[ref].free = false;
		table[ref].next = head;
		head = ref;
		nr_free--;
	}
	*private_head = head;
out:
	unlock_list(flags);
	return err;
}
FAKE_XEN_SYMBOL(gnttab_alloc_grant_references);

void gnttab_free_grant_references(grant_ref_t head)
{
	unsigned long flags = lock_list();

	while (head != LIST_END) {
		grant_ref_t next = valid(head) ? table[head].next : LIST_END;

		put_free(head);
		head = next;
	}
	run_callbacks();
	unlock_list(flags);
}
FAKE_XEN_SYMBOL(gnttab_free_grant_references);

static void free_one(grant_ref_t ref)
{
	unsigned long flags = lock_list();

	put_free(ref);
	run_callbacks();
	unlock_list(flags);
}

void gnttab_free_grant_reference(grant_ref_t ref)
{
	free_one(ref);
}
FAKE_XEN_SYMBOL(gnttab_free_grant_reference);

int gnttab_claim_grant_reference(grant_ref_t *private_head)
{
	grant_ref_t ref = *private_head;

	if (ref == LIST_END)
		return -ENOSPC;
	*private_head = table[ref].next;
	return ref;
}
FAKE_XEN_SYMBOL(gnttab_claim_grant_reference);

void gnttab_release_grant_reference(grant_ref_t *private_head, grant_ref_t release)
{
	if (WARN(!valid(release) || table[release].free, "fake-xen: reference %u released twice\n", release))
		return;
	WARN(table[release].active, "fake-xen: reference %u released while it grants a page\n", release);
	table[release].next = *private_head;
	*private_head = release;
}
FAKE_XEN_SYMBOL(gnttab_release_grant_reference);

void gnttab_request_free_callback(struct gnttab_free_callback *callback, void (*fn)(void *), void *arg, u16 count)
{
	unsigned long flags = lock_list();
	struct gnttab_free_callback *cb;

	for (cb = callbacks; cb; cb = cb->next)
		if (cb == callback)
			goto out;
	callback->fn = fn;
	callback->arg = arg;
	callback->count = count;
	callback->next = callbacks;
	callbacks = callback;
	run_callbacks();
out:
	unlock_list(flags);
}
FAKE_XEN_SYMBOL(gnttab_request_free_callback);

void gnttab_cancel_free_callback(struct gnttab_free_callback *callback)
{
	unsigned long flags = lock_list();
	struct gnttab_free_callback **p;

	for (p = &callbacks; *p; p = &(*p)->next)
		if (*p == callback) {
			*p = callback->next;
			break;
		}
	unlock_list(flags);
}
FAKE_XEN_SYMBOL(gnttab_cancel_free_callback);

void fake_xen_limit_refs(unsigned int count)
{
	unsigned long flags;

	spin_lock_irqsave(&list_lock, flags);
	nr_withheld = count && count < nr_free ? nr_free - count : 0;
	run_callbacks();
	spin_unlock_irqrestore(&list_lock, flags);
}
FAKE_XEN_SYMBOL(fake_xen_limit_refs);

/* Entries */

void gnttab_grant_foreign_access_ref(grant_ref_t ref, domid_t domid, unsigned long frame, int readonly)
{
	unsigned long flags;

	if (WARN(!valid(ref) || table[ref].free, "fake-xen: reference %u used, but not allocated\n", ref))
		return;
	WARN(!pfn_valid(frame), "fake-xen: frame %#lx granted, there is no such page\n", frame);
	spin_lock_irqsave(&table_lock, flags);
	WARN(table[ref].active && table[ref].maps, "fake-xen: reference %u granted again while mapped\n", ref);
	table[ref].pfn = frame;
	table[ref].domid = domid;
	table[ref].readonly = readonly;
	table[ref].active = true;
	fake_xen_counts.grants++;
	spin_unlock_irqrestore(&table_lock, flags);
}
FAKE_XEN_SYMBOL(gnttab_grant_foreign_access_ref);

int gnttab_end_foreign_access_ref(grant_ref_t ref)
{
	unsigned long flags;
	int ended = 0;

	if (WARN(!valid(ref), "fake-xen: end of reference %u, which is none\n", ref))
		return 1;
	if (end_hook)
		end_hook(ref, end_hook_data);
	spin_lock_irqsave(&table_lock, flags);
	if (table[ref].peer || table[ref].maps) {
		fake_xen_counts.refused_ends++;
	} else {
		if (table[ref].active)
			fake_xen_counts.ends++;
		else
			fake_xen_counts.idle_ends++;
		table[ref].active = false;
		ended = 1;
	}
	spin_unlock_irqrestore(&table_lock, flags);
	return ended;
}
FAKE_XEN_SYMBOL(gnttab_end_foreign_access_ref);

int gnttab_try_end_foreign_access(grant_ref_t ref)
{
	int ended = gnttab_end_foreign_access_ref(ref);

	if (ended)
		free_one(ref);
	return ended;
}
FAKE_XEN_SYMBOL(gnttab_try_end_foreign_access);

/* What the kernel does from a timer, done as soon as it can succeed. */
static void retry_deferred(void)
{
	struct deferred *d, *next;
	unsigned long flags;
	LIST_HEAD(ready);

	spin_lock_irqsave(&table_lock, flags);
	list_for_each_entry_safe(d, next, &deferred, list)
		if (!table[d->ref].peer && !table[d->ref].maps)
			list_move_tail(&d->list, &ready);
	spin_unlock_irqrestore(&table_lock, flags);
	list_for_each_entry_safe(d, next, &ready, list) {
		WARN_ON(!gnttab_try_end_foreign_access(d->ref));
		put_page(d->page);
		kfree(d);
	}
}

void gnttab_end_foreign_access(grant_ref_t ref, struct page *page)
{
	struct deferred *d;
	unsigned long flags;

	if (gnttab_try_end_foreign_access(ref)) {
		if (page)
			put_page(page);
		return;
	}
	d = kmalloc(sizeof(*d), GFP_ATOMIC);
	if (WARN_ON(!d))
		return;
	if (!page) {
		page = pfn_to_page(table[ref].pfn);
		get_page(page);
	}
	fake_xen_counts.deferred++;
	d->ref = ref;
	d->page = page;
	spin_lock_irqsave(&table_lock, flags);
	list_add_tail(&d->list, &deferred);
	spin_unlock_irqrestore(&table_lock, flags);
	/* The peer may have let go since. */
	retry_deferred();
}
FAKE_XEN_SYMBOL(gnttab_end_foreign_access);

void fake_xen_peer_holds(grant_ref_t ref, bool in_use)
{
	unsigned long flags;

	spin_lock_irqsave(&table_lock, flags);
	table[ref].peer = in_use;
	spin_unlock_irqrestore(&table_lock, flags);
	if (!in_use)
		retry_deferred();
}
FAKE_XEN_SYMBOL(fake_xen_peer_holds);

struct page *fake_xen_granted_page(grant_ref_t ref)
{
	return valid(ref) && table[ref].active ? pfn_to_page(table[ref].pfn) : NULL;
}
FAKE_XEN_SYMBOL(fake_xen_granted_page);

bool fake_xen_granted_readonly(grant_ref_t ref)
{
	return valid(ref) && table[ref].active && table[ref].readonly;
}
FAKE_XEN_SYMBOL(fake_xen_granted_readonly);

domid_t fake_xen_granted_to(grant_ref_t ref)
{
	return valid(ref) && table[ref].active ? table[ref].domid : DOMID_INVALID;
}
FAKE_XEN_SYMBOL(fake_xen_granted_to);

int fake_xen_grant(struct page *page, bool readonly)
{
	grant_ref_t head;
	int ref = gnttab_alloc_grant_references(1, &head);

	if (ref)
		return ref;
	ref = gnttab_claim_grant_reference(&head);
	gnttab_grant_foreign_access_ref(ref, FAKE_XEN_BACK_DOMID, page_to_pfn(page), readonly);
	return ref;
}
FAKE_XEN_SYMBOL(fake_xen_grant);

void fake_xen_revoke(grant_ref_t ref)
{
	unsigned long flags;

	spin_lock_irqsave(&table_lock, flags);
	table[ref].active = false;
	spin_unlock_irqrestore(&table_lock, flags);
	free_one(ref);
}
FAKE_XEN_SYMBOL(fake_xen_revoke);

struct page *fake_grants_hold(grant_ref_t ref)
{
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&table_lock, flags);
	if (valid(ref) && table[ref].active) {
		table[ref].maps++;
		page = pfn_to_page(table[ref].pfn);
	}
	spin_unlock_irqrestore(&table_lock, flags);
	return page;
}

void fake_grants_drop(grant_ref_t ref)
{
	unsigned long flags;

	spin_lock_irqsave(&table_lock, flags);
	if (!WARN_ON(!table[ref].maps))
		table[ref].maps--;
	spin_unlock_irqrestore(&table_lock, flags);
	retry_deferred();
}

/* Injection */

void fake_xen_fail_ops(enum fake_xen_op op, unsigned int skip, unsigned int count, s16 status)
{
	op_faults[op] = (struct fault){ .skip = skip, .count = count, .err = status };
}
FAKE_XEN_SYMBOL(fake_xen_fail_ops);

void fake_xen_fail_calls(enum fake_xen_op op, unsigned int count, int err)
{
	call_faults[op] = (struct fault){ .count = count, .err = err };
}
FAKE_XEN_SYMBOL(fake_xen_fail_calls);

void fake_xen_fail_alloc_pages(unsigned int skip, unsigned int count)
{
	alloc_fault = (struct fault){ .skip = skip, .count = count, .err = -ENOMEM };
}
FAKE_XEN_SYMBOL(fake_xen_fail_alloc_pages);

void fake_xen_on_op(void (*hook)(enum fake_xen_op op, void *arg, void *data), void *data)
{
	op_hook_data = data;
	op_hook = hook;
}
FAKE_XEN_SYMBOL(fake_xen_on_op);

void fake_xen_on_end(void (*hook)(grant_ref_t ref, void *data), void *data)
{
	end_hook_data = data;
	end_hook = hook;
}
FAKE_XEN_SYMBOL(fake_xen_on_end);

static void begin_op(enum fake_xen_op op, void *arg)
{
	if (op_hook)
		op_hook(op, arg, op_hook_data);
}

/* Copies */

static s16 copy_end(const struct gnttab_copy_ptr *ptr, bool is_ref, bool writes, u16 len, u8 **addr)
{
	unsigned long pfn = ptr->u.gmfn;

	if (ptr->offset + len > PAGE_SIZE)
		return GNTST_bad_copy_arg;
	if (is_ref) {
		const struct grant *g;

		if (!valid(ptr->u.ref) || !table[ptr->u.ref].active)
			return GNTST_bad_gntref;
		g = &table[ptr->u.ref];
		if (writes && g->readonly)
			return GNTST_permission_denied;
		pfn = g->pfn;
	} else if (ptr->domid != DOMID_SELF) {
		return GNTST_permission_denied;
	}
	if (!pfn_valid(pfn))
		return GNTST_bad_page;
	*addr = (u8 *)page_address(pfn_to_page(pfn)) + ptr->offset;
	return GNTST_okay;
}

static s16 copy_locked(const struct gnttab_copy *op)
{
	u8 *from, *to;
	s16 status;

	status = copy_end(&op->source, op->flags & GNTCOPY_source_gref, false, op->len, &from);
	if (status)
		return status;
	status = copy_end(&op->dest, op->flags & GNTCOPY_dest_gref, true, op->len, &to);
	if (status)
		return status;
	memcpy(to, from, op->len);
	return GNTST_okay;
}

/* Xen holds a grant while it copies: it does not end in the middle. */
static s16 copy_one(const struct gnttab_copy *op)
{
	s16 status = fault_hits(&op_faults[FAKE_XEN_COPY], GNTST_general_error);
	unsigned long flags;

	if (status)
		return status;
	spin_lock_irqsave(&table_lock, flags);
	status = copy_locked(op);
	spin_unlock_irqrestore(&table_lock, flags);
	return status;
}

/* Of grant operations only copies are asked for in this way. */
int HYPERVISOR_grant_table_op(unsigned int cmd, void *arg, unsigned int count)
{
	struct gnttab_copy *batch = arg;
	unsigned int i;
	int err;

	if (cmd != GNTTABOP_copy)
		return -EOPNOTSUPP;
	fake_xen_counts.copy_calls++;
	fake_xen_counts.copy_ops += count;
	if (!count)
		fake_xen_counts.empty_calls++;
	err = fault_hits(&call_faults[FAKE_XEN_COPY], -EFAULT);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		begin_op(FAKE_XEN_COPY, &batch[i]);
		batch[i].status = copy_one(&batch[i]);
	}
	return 0;
}
FAKE_XEN_SYMBOL(HYPERVISOR_grant_table_op);

#define EAGAIN_TRIES	3

/* As the kernel does it, which waits longer: what is paged out is asked for again. */
void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)
{
	unsigned int i, tries;

	if (HYPERVISOR_grant_table_op(GNTTABOP_copy, batch, count))
		return;
	for (i = 0; i < count; i++) {
		for (tries = 0; batch[i].status == GNTST_eagain && tries < EAGAIN_TRIES; tries++) {
			msleep(20);
			HYPERVISOR_grant_table_op(GNTTABOP_copy, &batch[i], 1);
		}
		if (batch[i].status == GNTST_eagain)
			batch[i].status = GNTST_bad_page;
	}
}
FAKE_XEN_SYMBOL(gnttab_batch_copy);

/* Pages to map at */

static void flush_here(void *unused)
{
	__flush_tlb_all();
}

static void flush(void)
{
	/* With interrupts off nobody else can be asked; other CPUs may see the old frame for a while. */
	if (irqs_disabled())
		flush_here(NULL);
	else
		on_each_cpu(flush_here, NULL, 1);
}

static int add_slots(void)
{
	struct page *chunk = alloc_pages(GFP_KERNEL, CHUNK_ORDER);
	unsigned long start;
	unsigned int i;

	if (!chunk)
		return -ENOMEM;
	split_page(chunk, CHUNK_ORDER);
	start = (unsigned long)page_address(chunk);
	/* There is no exported call that only splits; changing the attribute to and fro does. */
	if (set_memory_uc(start, 1 << CHUNK_ORDER) || set_memory_wb(start, 1 << CHUNK_ORDER))
		return -ENOMEM;
	for (i = 0; i < 1 << CHUNK_ORDER; i++) {
		struct slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);
		unsigned int level;

		if (!slot)
			return -ENOMEM;
		slot->page = chunk + i;
		slot->pte = lookup_address(start + i * PAGE_SIZE, &level);
		if (WARN_ON(!slot->pte || level != PG_LEVEL_4K))
			return -EINVAL;
		slot->own = *slot->pte;
		set_pte(slot->pte, __pte(0));
		xa_store(&slots, page_to_pfn(slot->page), slot, GFP_KERNEL);
		spin_lock(&slot_lock);
		list_add_tail(&slot->list, &free_slots);
		spin_unlock(&slot_lock);
	}
	flush();
	return 0;
}

int gnttab_alloc_pages(int nr_pages, struct page **pages)
{
	int err = fault_hits(&alloc_fault, -ENOMEM), i;

	if (err)
		return err;
	might_sleep();
	mutex_lock(&slot_mutex);
	for (i = 0; i < nr_pages; i++) {
		struct slot *slot;

		while (list_empty(&free_slots)) {
			err = add_slots();
			if (err) {
				mutex_unlock(&slot_mutex);
				gnttab_free_pages(i, pages);
				return err;
			}
		}
		spin_lock(&slot_lock);
		slot = list_first_entry(&free_slots, struct slot, list);
		list_del_init(&slot->list);
		nr_slots_used++;
		spin_unlock(&slot_lock);
		SetPagePrivate(slot->page);
		set_page_private(slot->page, 0);
		pages[i] = slot->page;
	}
	mutex_unlock(&slot_mutex);
	return 0;
}
FAKE_XEN_SYMBOL(gnttab_alloc_pages);

void gnttab_free_pages(int nr_pages, struct page **pages)
{
	int i;

	for (i = 0; i < nr_pages; i++) {
		struct slot *slot = xa_load(&slots, page_to_pfn(pages[i]));

		if (WARN(!slot || !list_empty(&slot->list), "fake-xen: a page freed that is none of ours, or twice\n"))
			continue;
		WARN(slot->mapped, "fake-xen: a page freed with a grant mapped at it\n");
		WARN(page_count(slot->page) != 1, "fake-xen: a page freed that somebody still uses\n");
		ClearPagePrivate(slot->page);
		spin_lock(&slot_lock);
		list_add(&slot->list, &free_slots);
		nr_slots_used--;
		spin_unlock(&slot_lock);
	}
}
FAKE_XEN_SYMBOL(gnttab_free_pages);

/* Mappings */

static s16 map_one(struct gnttab_map_grant_ref *op, struct page *page)
{
	s16 status = fault_hits(&op_faults[FAKE_XEN_MAP], GNTST_general_error);
	struct slot *slot;
	struct grant *g;
	pte_t pte;
	u32 h;

	if (status)
		return status;
	slot = xa_load(&slots, page_to_pfn(page));
	if (!slot || !list_empty(&slot->list) || slot->mapped || op->host_addr != page_to_phys(page) ||
	    !(op->flags & GNTMAP_host_map))
		return GNTST_bad_virt_addr;
	if (!valid(op->ref) || !table[op->ref].active)
		return GNTST_bad_gntref;
	g = &table[op->ref];
	if (g->readonly && !(op->flags & GNTMAP_readonly))
		return GNTST_permission_denied;
	h = free_handle;
	if (h == NR_HANDLES)
		return GNTST_no_device_space;
	free_handle = handles[h].next;
	handles[h].ref = op->ref;
	handles[h].slot = slot;
	pte = __pte(((pteval_t)g->pfn << PAGE_SHIFT) | pte_flags(slot->own));
	if (op->flags & GNTMAP_readonly)
		pte = pte_wrprotect(pte);
	set_pte(slot->pte, pte);
	slot->mapped = true;
	g->maps++;
	nr_mappings++;
	op->handle = h;
	SetPageForeign(page);
	return GNTST_okay;
}

int gnttab_map_refs(struct gnttab_map_grant_ref *map_ops, struct gnttab_map_grant_ref *kmap_ops,
		    struct page **pages, unsigned int count)
{
	unsigned long flags;
	unsigned int i;
	int err;

	fake_xen_counts.map_calls++;
	fake_xen_counts.map_ops += count;
	if (!count)
		fake_xen_counts.empty_calls++;
	err = fault_hits(&call_faults[FAKE_XEN_MAP], -EFAULT);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		begin_op(FAKE_XEN_MAP, &map_ops[i]);
		spin_lock_irqsave(&table_lock, flags);
		/* Nothing to be relied on in a handle that was not given. */
		map_ops[i].handle = 0xdeadbeef;
		map_ops[i].status = map_one(&map_ops[i], pages[i]);
		spin_unlock_irqrestore(&table_lock, flags);
	}
	flush();
	return 0;
}
FAKE_XEN_SYMBOL(gnttab_map_refs);

static void forget_mapping(u32 h)
{
	struct slot *slot = handles[h].slot;

	set_pte(slot->pte, __pte(0));
	ClearPageForeign(slot->page);
	slot->mapped = false;
	table[handles[h].ref].maps--;
	nr_mappings--;
	handles[h].slot = NULL;
	handles[h].next = free_handle;
	free_handle = h;
}

static s16 unmap_one(const struct gnttab_unmap_grant_ref *op)
{
	s16 status = fault_hits(&op_faults[FAKE_XEN_UNMAP], 0);

	if (status)
		return status;
	if (op->handle >= NR_HANDLES || !handles[op->handle].slot)
		return GNTST_bad_handle;
	if (op->host_addr != page_to_phys(handles[op->handle].slot->page))
		return GNTST_bad_virt_addr;
	forget_mapping(op->handle);
	return GNTST_okay;
}

int gnttab_unmap_refs(struct gnttab_unmap_grant_ref *unmap_ops, struct gnttab_unmap_grant_ref *kunmap_ops,
		      struct page **pages, unsigned int count)
{
	unsigned long flags;
	unsigned int i;
	int err;

	fake_xen_counts.unmap_calls++;
	fake_xen_counts.unmap_ops += count;
	if (!count)
		fake_xen_counts.empty_calls++;
	err = fault_hits(&call_faults[FAKE_XEN_UNMAP], 0);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		begin_op(FAKE_XEN_UNMAP, &unmap_ops[i]);
		spin_lock_irqsave(&table_lock, flags);
		unmap_ops[i].status = unmap_one(&unmap_ops[i]);
		spin_unlock_irqrestore(&table_lock, flags);
	}
	flush();
	retry_deferred();
	return 0;
}
FAKE_XEN_SYMBOL(gnttab_unmap_refs);

int gnttab_unmap_refs_sync(struct gntab_unmap_queue_data *item)
{
	return gnttab_unmap_refs(item->unmap_ops, item->kunmap_ops, item->pages, item->count);
}
FAKE_XEN_SYMBOL(gnttab_unmap_refs_sync);

void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)
{
	item->done(gnttab_unmap_refs_sync(item), item);
}
FAKE_XEN_SYMBOL(gnttab_unmap_refs_async);

/* The cache of such pages that the kernel's backends use. */

void gnttab_page_cache_init(struct gnttab_page_cache *cache)
{
	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->pages);
	cache->num_pages = 0;
}
FAKE_XEN_SYMBOL(gnttab_page_cache_init);

int gnttab_page_cache_get(struct gnttab_page_cache *cache, struct page **page)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	page[0] = list_first_entry_or_null(&cache->pages, struct page, lru);
	if (page[0]) {
		list_del(&page[0]->lru);
		cache->num_pages--;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return page[0] ? 0 : gnttab_alloc_pages(1, page);
}
FAKE_XEN_SYMBOL(gnttab_page_cache_get);

void gnttab_page_cache_put(struct gnttab_page_cache *cache, struct page **page, unsigned int num)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&cache->lock, flags);
	for (i = 0; i < num; i++)
		list_add(&page[i]->lru, &cache->pages);
	cache->num_pages += num;
	spin_unlock_irqrestore(&cache->lock, flags);
}
FAKE_XEN_SYMBOL(gnttab_page_cache_put);

void gnttab_page_cache_shrink(struct gnttab_page_cache *cache, unsigned int num)
{
	struct page *page;
	unsigned long flags;

	for (;;) {
		spin_lock_irqsave(&cache->lock, flags);
		page = cache->num_pages > num ? list_first_entry(&cache->pages, struct page, lru) : NULL;
		if (page) {
			list_del(&page->lru);
			cache->num_pages--;
		}
		spin_unlock_irqrestore(&cache->lock, flags);
		if (!page)
			return;
		gnttab_free_pages(1, &page);
	}
}
FAKE_XEN_SYMBOL(gnttab_page_cache_shrink);

void gnttab_foreach_grant_in_range(struct page *page, unsigned int offset, unsigned int len, xen_grant_fn_t fn,
				   void *data)
{
	fn(page_to_pfn(page), offset, min_t(unsigned int, len, PAGE_SIZE - offset), data);
}
FAKE_XEN_SYMBOL(gnttab_foreach_grant_in_range);

/* For main.c */

void fake_grants_held(struct fake_xen_held *held)
{
	unsigned int i;

	for (i = FIRST_REF; i < NR_REFS; i++) {
		held->grants += table[i].active;
		held->refs += !table[i].free;
	}
	held->mappings = nr_mappings + fake_bus_rings();
	held->pages = nr_slots_used;
}

void fake_grants_suspend(void)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&table_lock, flags);
	for (i = FIRST_REF; i < NR_REFS; i++) {
		table[i].active = false;
		table[i].peer = false;
	}
	spin_unlock_irqrestore(&table_lock, flags);
	retry_deferred();
}

void fake_grants_reset(void)
{
	struct deferred *d, *next;
	unsigned long flags;
	struct slot *slot;
	unsigned long pfn;
	unsigned int i;

	memset(op_faults, 0, sizeof(op_faults));
	memset(call_faults, 0, sizeof(call_faults));
	memset(&alloc_fault, 0, sizeof(alloc_fault));
	op_hook = NULL;
	end_hook = NULL;

	spin_lock_irqsave(&table_lock, flags);
	for (i = 0; i < NR_HANDLES; i++)
		if (handles[i].slot)
			forget_mapping(i);
	list_for_each_entry_safe(d, next, &deferred, list) {
		list_del(&d->list);
		put_page(d->page);
		kfree(d);
	}
	callbacks = NULL;
	nr_withheld = 0;
	nr_free = 0;
	free_head = LIST_END;
	for (i = NR_REFS - 1; i >= FIRST_REF; i--) {
		table[i] = (struct grant){ .free = true, .next = free_head };
		free_head = i;
		nr_free++;
	}
	spin_unlock_irqrestore(&table_lock, flags);

	flush();
	xa_for_each(&slots, pfn, slot)
		if (list_empty(&slot->list)) {
			list_add(&slot->list, &free_slots);
			nr_slots_used--;
		}
}

int fake_grants_init(void)
{
	unsigned int i;

	table = vcalloc(NR_REFS, sizeof(*table));
	handles = vcalloc(NR_HANDLES, sizeof(*handles));
	if (!table || !handles) {
		vfree(table);
		vfree(handles);
		return -ENOMEM;
	}
	for (i = 0; i < NR_HANDLES; i++)
		handles[i].next = i + 1;
	fake_grants_reset();
	return 0;
}

void fake_grants_exit(void)
{
	struct slot *slot;
	unsigned long pfn;

	xa_for_each(&slots, pfn, slot)
		set_pte(slot->pte, slot->own);
	flush();
	xa_for_each(&slots, pfn, slot) {
		ClearPagePrivate(slot->page);
		__free_page(slot->page);
		kfree(slot);
	}
	xa_destroy(&slots);
	vfree(table);
	vfree(handles);
}
