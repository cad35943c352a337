// SPDX-License-Identifier: GPL-2.0
/*
 * The grant table: what other guests may reach, and operations on what others
 * have granted. Version 1; frames are added as they are needed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/interface/memory.h>

#include "shim.h"

#define ENTRIES_A_FRAME	(PAGE_SIZE / sizeof(struct grant_entry_v1))
/* The first ones belong to the toolstack. */
#define RESERVED	8
#define LIST_END	INVALID_GRANT_REF
/* In the place of the next one: a former kernel's grant, which is in no list. */
#define FORMER		(LIST_END - 1)

/* A grant that its user still holds, looked at once a second. */
struct late_grant {
	struct list_head list;
	grant_ref_t ref;
	struct page *page;
};

static struct grant_entry_v1 *table;
static unsigned int nr_frames, max_frames;
/* For each reference the next one of the list that it is in, or FORMER. */
static grant_ref_t *next_ref;
static grant_ref_t free_head;
static unsigned int nr_free;
static struct gnttab_free_callback *waiting;
/* All of the above. */
static DEFINE_SPINLOCK(list_lock);

static LIST_HEAD(late);
/* The list of late grants. */
static DEFINE_SPINLOCK(late_lock);
static void shim_late_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(late_work, shim_late_work_fn);

/* ---- references ---- */

/* Caller holds list_lock. */
static void shim_put_ref(grant_ref_t ref)
{
	next_ref[ref] = free_head;
	free_head = ref;
	nr_free++;
}

static int shim_map_frame(unsigned int frame)
{
	return platform_map(XENMAPSPACE_grant_table, frame,
			    &table[frame * ENTRIES_A_FRAME]);
}

/* One more frame; caller holds list_lock. */
static int shim_add_frame(void)
{
	unsigned int frame = nr_frames;
	grant_ref_t ref;
	int err;

	if (frame >= max_frames)
		return -ENOSPC;
	err = shim_map_frame(frame);
	if (err)
		return err;
	nr_frames++;
	for (ref = nr_frames * ENTRIES_A_FRAME; ref-- > frame * ENTRIES_A_FRAME; ) {
		if (ref < RESERVED)
			continue;
		/*
		 * That no peer has mapped it now does not say that none will
		 * copy there.
		 */
		if (READ_ONCE(table[ref].flags))
			next_ref[ref] = FORMER;
		else
			shim_put_ref(ref);
	}
	return 0;
}

/* Caller holds list_lock. */
static int shim_want_free(unsigned int count)
{
	int err;

	while (nr_free < count) {
		err = shim_add_frame();
		if (err) {
			if (err != -ENOSPC)
				pr_err_ratelimited("Xen gives no grant frame: error %d\n",
						   err);
			return -ENOSPC;
		}
	}
	return 0;
}

/* Caller holds list_lock, and gets the functions to call without it. */
static struct gnttab_free_callback *shim_take_ready(void)
{
	struct gnttab_free_callback **at = &waiting, *ready = NULL, *cb;

	while ((cb = *at)) {
		if (nr_free >= cb->count) {
			*at = cb->next;
			cb->next = ready;
			ready = cb;
		} else {
			at = &cb->next;
		}
	}
	return ready;
}

static void shim_call_ready(struct gnttab_free_callback *cb)
{
	struct gnttab_free_callback *next;

	for (; cb; cb = next) {
		next = cb->next;
		cb->next = NULL;
		cb->fn(cb->arg);
	}
}

/**
 * gnttab_alloc_grant_references() - reserve references
 * @count: how many
 * @head: the list of them
 *
 * Context: any.
 * Return: 0 or -ENOSPC.
 */
int gnttab_alloc_grant_references(u16 count, grant_ref_t *head)
{
	unsigned long flags;
	grant_ref_t ref;
	int err;

	*head = LIST_END;
	spin_lock_irqsave(&list_lock, flags);
	err = shim_want_free(count);
	if (!err && count) {
		*head = free_head;
		nr_free -= count;
		for (ref = free_head; --count; )
			ref = next_ref[ref];
		free_head = next_ref[ref];
		next_ref[ref] = LIST_END;
	}
	spin_unlock_irqrestore(&list_lock, flags);
	return err;
}
EXPORT_SYMBOL_GPL(gnttab_alloc_grant_references);

/**
 * gnttab_claim_grant_reference() - take one of a reserved list
 * @private_head: the list, which nobody else uses meanwhile
 *
 * Return: the reference, or -ENOSPC.
 */
int gnttab_claim_grant_reference(grant_ref_t *private_head)
{
	grant_ref_t ref = *private_head;

	if (ref == LIST_END)
		return -ENOSPC;
	*private_head = next_ref[ref];
	return ref;
}
EXPORT_SYMBOL_GPL(gnttab_claim_grant_reference);

/** gnttab_release_grant_reference() - put one back to a reserved list */
void gnttab_release_grant_reference(grant_ref_t *private_head,
				    grant_ref_t release)
{
	next_ref[release] = *private_head;
	*private_head = release;
}
EXPORT_SYMBOL_GPL(gnttab_release_grant_reference);

/** gnttab_empty_grant_references() - is a reserved list empty? */
int gnttab_empty_grant_references(const grant_ref_t *private_head)
{
	return *private_head == LIST_END;
}
EXPORT_SYMBOL_GPL(gnttab_empty_grant_references);

/** gnttab_free_grant_references() - give a reserved list back */
void gnttab_free_grant_references(grant_ref_t head)
{
	struct gnttab_free_callback *ready;
	unsigned long flags;
	grant_ref_t next;

	spin_lock_irqsave(&list_lock, flags);
	for (; head != LIST_END; head = next) {
		next = next_ref[head];
		shim_put_ref(head);
	}
	ready = shim_take_ready();
	spin_unlock_irqrestore(&list_lock, flags);
	shim_call_ready(ready);
}
EXPORT_SYMBOL_GPL(gnttab_free_grant_references);

/** gnttab_free_grant_reference() - give a reference back that grants nothing */
void gnttab_free_grant_reference(grant_ref_t ref)
{
	struct gnttab_free_callback *ready;
	unsigned long flags;

	spin_lock_irqsave(&list_lock, flags);
	shim_put_ref(ref);
	ready = shim_take_ready();
	spin_unlock_irqrestore(&list_lock, flags);
	shim_call_ready(ready);
}
EXPORT_SYMBOL_GPL(gnttab_free_grant_reference);

/** gnttab_request_free_callback() - be called when so many are free */
void gnttab_request_free_callback(struct gnttab_free_callback *callback,
				  void (*fn)(void *), void *arg, u16 count)
{
	struct gnttab_free_callback *cb, *ready;
	unsigned long flags;

	spin_lock_irqsave(&list_lock, flags);
	for (cb = waiting; cb && cb != callback; cb = cb->next)
		;
	if (!cb) {
		callback->fn = fn;
		callback->arg = arg;
		callback->count = count;
		callback->next = waiting;
		waiting = callback;
	}
	ready = shim_take_ready();
	spin_unlock_irqrestore(&list_lock, flags);
	shim_call_ready(ready);
}
EXPORT_SYMBOL_GPL(gnttab_request_free_callback);

/** gnttab_cancel_free_callback() - and no longer */
void gnttab_cancel_free_callback(struct gnttab_free_callback *callback)
{
	struct gnttab_free_callback **at;
	unsigned long flags;

	spin_lock_irqsave(&list_lock, flags);
	for (at = &waiting; *at; at = &(*at)->next)
		if (*at == callback) {
			*at = callback->next;
			break;
		}
	spin_unlock_irqrestore(&list_lock, flags);
}
EXPORT_SYMBOL_GPL(gnttab_cancel_free_callback);

/* ---- granting ---- */

/**
 * gnttab_grant_foreign_access_ref() - let another domain reach a frame
 * @ref: a claimed reference
 * @domid: who
 * @frame: frame number of this guest
 * @readonly: it must not write
 *
 * Context: any; takes no lock.
 */
void gnttab_grant_foreign_access_ref(grant_ref_t ref, domid_t domid,
				     unsigned long frame, int readonly)
{
	struct grant_entry_v1 *entry = &table[ref];

	entry->domid = domid;
	entry->frame = frame;
	/* Xen believes the flags, so they come last. */
	smp_wmb();
	WRITE_ONCE(entry->flags,
		   GTF_permit_access | (readonly ? GTF_readonly : 0));
}
EXPORT_SYMBOL_GPL(gnttab_grant_foreign_access_ref);

/** gnttab_grant_foreign_access() - the same with a new reference */
int gnttab_grant_foreign_access(domid_t domid, unsigned long frame,
				int readonly)
{
	grant_ref_t head;
	int ref;

	if (gnttab_alloc_grant_references(1, &head))
		return -ENOSPC;
	ref = gnttab_claim_grant_reference(&head);
	gnttab_grant_foreign_access_ref(ref, domid, frame, readonly);
	return ref;
}
EXPORT_SYMBOL_GPL(gnttab_grant_foreign_access);

/**
 * gnttab_end_foreign_access_ref() - end a grant unless it is in use
 * @ref: the reference, still claimed afterwards
 *
 * Context: any; takes no lock.
 * Return: 1, or 0 if the other domain still uses it.
 */
int gnttab_end_foreign_access_ref(grant_ref_t ref)
{
	u16 *entry = &table[ref].flags;
	u16 flags = READ_ONCE(*entry);

	do {
		if (flags & (GTF_reading | GTF_writing))
			return 0;
	} while (!try_cmpxchg(entry, &flags, 0));
	return 1;
}
EXPORT_SYMBOL_GPL(gnttab_end_foreign_access_ref);

/** gnttab_try_end_foreign_access() - the same, and give the reference back */
int gnttab_try_end_foreign_access(grant_ref_t ref)
{
	int ended = gnttab_end_foreign_access_ref(ref);

	if (ended)
		gnttab_free_grant_reference(ref);
	return ended;
}
EXPORT_SYMBOL_GPL(gnttab_try_end_foreign_access);

/* Whether some are left. */
static bool shim_end_late_grants(void)
{
	struct late_grant *g, *next;
	LIST_HEAD(look);
	LIST_HEAD(keep);
	bool left;

	spin_lock_irq(&late_lock);
	list_splice_init(&late, &look);
	spin_unlock_irq(&late_lock);
	list_for_each_entry_safe(g, next, &look, list) {
		if (!gnttab_try_end_foreign_access(g->ref)) {
			list_move(&g->list, &keep);
			continue;
		}
		if (g->page)
			put_page(g->page);
		kfree(g);
	}
	spin_lock_irq(&late_lock);
	list_splice(&keep, &late);
	left = !list_empty(&late);
	spin_unlock_irq(&late_lock);
	return left;
}

static void shim_late_work_fn(struct work_struct *work)
{
	if (shim_end_late_grants())
		schedule_delayed_work(&late_work, HZ);
}

/**
 * gnttab_end_foreign_access() - end a grant now, or when the peer lets go
 * @ref: the reference, given back
 * @page: its page, one reference of which is dropped then; may be NULL
 *
 * Context: any.
 */
void gnttab_end_foreign_access(grant_ref_t ref, struct page *page)
{
	struct late_grant *g;
	unsigned long flags;

	if (gnttab_try_end_foreign_access(ref)) {
		if (page)
			put_page(page);
		return;
	}
	g = kmalloc(sizeof(*g), GFP_ATOMIC);
	if (!g) {
		/* Lost, but never given to somebody else. */
		pr_warn_ratelimited("grant %u is in use and is lost\n", ref);
		return;
	}
	g->ref = ref;
	g->page = page;
	spin_lock_irqsave(&late_lock, flags);
	list_add_tail(&g->list, &late);
	spin_unlock_irqrestore(&late_lock, flags);
	schedule_delayed_work(&late_work, HZ);
}
EXPORT_SYMBOL_GPL(gnttab_end_foreign_access);

/**
 * gnttab_foreach_grant_in_range() - call a function for each page's part
 * @page: the first page
 * @offset: where it starts there
 * @len: bytes
 * @fn: gets frame number, offset, length and @data
 * @data: the caller's
 */
void gnttab_foreach_grant_in_range(struct page *page, unsigned int offset,
				   unsigned int len, xen_grant_fn_t fn,
				   void *data)
{
	unsigned long gfn = xen_page_to_gfn(page) + XEN_PFN_DOWN(offset);

	offset = xen_offset_in_page(offset);
	while (len) {
		unsigned int part = min_t(unsigned int, len,
					  XEN_PAGE_SIZE - offset);

		fn(gfn++, offset, part, data);
		offset = 0;
		len -= part;
	}
}
EXPORT_SYMBOL_GPL(gnttab_foreach_grant_in_range);

/* ---- what others have granted ---- */

#define EAGAIN_TRIES	60

/*
 * A grant whose page is being paged in by another domain: try again for about
 * two minutes, a little later each time.
 */
static void shim_again(unsigned int cmd, void *op, int16_t *status)
{
	unsigned int i;

	for (i = 1; i <= EAGAIN_TRIES && *status == GNTST_eagain; i++) {
		msleep(i * 64);
		if (hypercalls->grant(cmd, op, 1))
			*status = GNTST_general_error;
	}
	if (*status == GNTST_eagain)
		*status = GNTST_bad_page;
}

/**
 * gnttab_batch_copy() - copy between own memory and grants
 * @batch: operations, each with a status of its own afterwards
 * @count: how many
 *
 * Context: any, but process if the peer is one that pages.
 */
void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)
{
	unsigned int i;

	if (hypercalls->grant(GNTTABOP_copy, batch, count)) {
		for (i = 0; i < count; i++)
			batch[i].status = GNTST_general_error;
		return;
	}
	for (i = 0; i < count; i++)
		if (unlikely(batch[i].status == GNTST_eagain))
			shim_again(GNTTABOP_copy, &batch[i], &batch[i].status);
}
EXPORT_SYMBOL_GPL(gnttab_batch_copy);

/** gnttab_batch_map() - map grants; each operation has its status */
void gnttab_batch_map(struct gnttab_map_grant_ref *batch, unsigned int count)
{
	unsigned int i;

	if (hypercalls->grant(GNTTABOP_map_grant_ref, batch, count)) {
		for (i = 0; i < count; i++)
			batch[i].status = GNTST_general_error;
		return;
	}
	for (i = 0; i < count; i++)
		if (unlikely(batch[i].status == GNTST_eagain))
			shim_again(GNTTABOP_map_grant_ref, &batch[i],
				   &batch[i].status);
}
EXPORT_SYMBOL_GPL(gnttab_batch_map);

/**
 * gnttab_map_refs() - map grants into pages of gnttab_alloc_pages()
 * @map_ops: one a page
 * @kmap_ops: always NULL here
 * @pages: the pages
 * @count: how many
 *
 * Return: 0, each operation has its status; or -EIO if Xen took none.
 */
int gnttab_map_refs(struct gnttab_map_grant_ref *map_ops,
		    struct gnttab_map_grant_ref *kmap_ops, struct page **pages,
		    unsigned int count)
{
	unsigned int i;

	if (hypercalls->grant(GNTTABOP_map_grant_ref, map_ops, count))
		return -EIO;
	for (i = 0; i < count; i++)
		if (unlikely(map_ops[i].status == GNTST_eagain))
			shim_again(GNTTABOP_map_grant_ref, &map_ops[i],
				   &map_ops[i].status);
	return 0;
}
EXPORT_SYMBOL_GPL(gnttab_map_refs);

/** gnttab_unmap_refs() - the reverse; 0 or -EIO */
int gnttab_unmap_refs(struct gnttab_unmap_grant_ref *unmap_ops,
		      struct gnttab_unmap_grant_ref *kunmap_ops,
		      struct page **pages, unsigned int count)
{
	return hypercalls->grant(GNTTABOP_unmap_grant_ref, unmap_ops, count) ?
	       -EIO : 0;
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs);

#define UNMAP_WAIT_MS	5

static bool shim_pages_in_use(struct gntab_unmap_queue_data *item)
{
	unsigned int i;

	for (i = 0; i < item->count; i++)
		if (page_count(item->pages[i]) > 1)
			return true;
	return false;
}

static void shim_unmap_work(struct work_struct *work)
{
	struct gntab_unmap_queue_data *item =
		container_of(to_delayed_work(work),
			     struct gntab_unmap_queue_data, gnttab_work);

	if (shim_pages_in_use(item)) {
		item->age++;
		schedule_delayed_work(&item->gnttab_work,
				      msecs_to_jiffies(UNMAP_WAIT_MS *
						       min(item->age, 200U)));
		return;
	}
	item->done(gnttab_unmap_refs(item->unmap_ops, item->kunmap_ops,
				     item->pages, item->count), item);
}

/** gnttab_unmap_refs_async() - unmap when nobody holds the pages any more */
void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)
{
	item->age = 0;
	INIT_DELAYED_WORK(&item->gnttab_work, shim_unmap_work);
	shim_unmap_work(&item->gnttab_work.work);
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs_async);

/** gnttab_unmap_refs_sync() - the same, and wait; process context */
int gnttab_unmap_refs_sync(struct gntab_unmap_queue_data *item)
{
	unsigned int age = 0;

	while (shim_pages_in_use(item))
		msleep(UNMAP_WAIT_MS * min(++age, 200U));
	return gnttab_unmap_refs(item->unmap_ops, item->kunmap_ops,
				 item->pages, item->count);
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs_sync);

/* ---- start and end ---- */

static int shim_use_version_1(void)
{
	struct gnttab_set_version set = { .version = 1 };
	struct gnttab_get_version get = { .dom = DOMID_SELF };

	if (!hypercalls->grant(GNTTABOP_set_version, &set, 1))
		return 0;
	/* A Xen without versions, or grants that a former kernel left. */
	if (hypercalls->grant(GNTTABOP_get_version, &get, 1) ||
	    get.version == 1)
		return 0;
	pr_err("the grant table is in use as version %u\n", get.version);
	return -EBUSY;
}

int grants_init(void)
{
	struct gnttab_query_size query = { .dom = DOMID_SELF };
	unsigned int i;
	int err;

	err = hypercalls->grant(GNTTABOP_query_size, &query, 1);
	if (err || query.status != GNTST_okay) {
		pr_err("Xen has no grant table for this guest: error %d\n",
		       err ?: query.status);
		return -EIO;
	}
	err = shim_use_version_1();
	if (err)
		return err;
	max_frames = query.max_nr_frames;
	next_ref = kvcalloc(max_frames * ENTRIES_A_FRAME, sizeof(*next_ref),
			    GFP_KERNEL);
	table = vzalloc(max_frames * PAGE_SIZE);
	if (!next_ref || !table) {
		err = -ENOMEM;
		goto fail;
	}
	free_head = LIST_END;
	nr_free = 0;
	nr_frames = 0;
	/* As many as there are already, so that it is known what they hold. */
	for (i = 0; i < max(query.nr_frames, 1U) && i < max_frames; i++) {
		spin_lock_irq(&list_lock);
		err = shim_add_frame();
		spin_unlock_irq(&list_lock);
		if (err) {
			pr_err("cannot map the grant table: error %d\n", err);
			grants_exit();
			return err;
		}
	}
	return 0;

fail:
	vfree(table);
	kvfree(next_ref);
	return err;
}

void grants_exit(void)
{
	struct late_grant *g, *next;

	cancel_delayed_work_sync(&late_work);
	if (shim_end_late_grants())
		pr_warn("pages stay behind that other guests still use\n");
	list_for_each_entry_safe(g, next, &late, list)
		kfree(g);
	INIT_LIST_HEAD(&late);
	if (platform_unmap(table, nr_frames))
		vfree(table);
	nr_frames = 0;
	kvfree(next_ref);
}

/* Frames that Xen has are memory again. */
void grants_shutdown(void)
{
	platform_unmap(table, nr_frames);
}

/*
 * No peer knows any more what a former kernel has granted: take that back. What
 * one still has mapped stays, and stays with it.
 */
void grants_reclaim(void)
{
	struct gnttab_free_callback *ready;
	unsigned int kept = 0;
	grant_ref_t ref;

	spin_lock_irq(&list_lock);
	for (ref = RESERVED; ref < nr_frames * ENTRIES_A_FRAME; ref++) {
		if (next_ref[ref] != FORMER)
			continue;
		if (gnttab_end_foreign_access_ref(ref))
			shim_put_ref(ref);
		else
			kept++;
	}
	ready = shim_take_ready();
	spin_unlock_irq(&list_lock);
	shim_call_ready(ready);
	if (kept)
		pr_info("grants of a former kernel that stay in use: %u\n", kept);
}

/* The frames are new and empty; nobody can use an old grant any more. */
int grants_resume(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr_frames; i++) {
		err = shim_map_frame(i);
		if (err)
			return err;
	}
	return 0;
}
