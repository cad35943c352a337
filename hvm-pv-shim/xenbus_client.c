// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers of both ends ask of xenbus: states, errors, rings and event
 * channels.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/xenbus.h>

#include "shim.h"

/* ---- states ---- */

/** xenbus_strstate() - a state's name */
const char *xenbus_strstate(enum xenbus_state state)
{
	static const char *const names[] = {
		[XenbusStateUnknown] = "Unknown",
		[XenbusStateInitialising] = "Initialising",
		[XenbusStateInitWait] = "InitWait",
		[XenbusStateInitialised] = "Initialised",
		[XenbusStateConnected] = "Connected",
		[XenbusStateClosing] = "Closing",
		[XenbusStateClosed] = "Closed",
		[XenbusStateReconfiguring] = "Reconfiguring",
		[XenbusStateReconfigured] = "Reconfigured",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "INVALID";
}
EXPORT_SYMBOL_GPL(xenbus_strstate);

/** xenbus_read_driver_state() - the state of a directory; Unknown if none */
enum xenbus_state xenbus_read_driver_state(const char *path)
{
	int state;

	if (xenbus_scanf(XBT_NIL, path, "state", "%d", &state) != 1 ||
	    state < 0 || state > XenbusStateReconfigured)
		return XenbusStateUnknown;
	return state;
}
EXPORT_SYMBOL_GPL(xenbus_read_driver_state);

/**
 * xenbus_switch_state() - tell the other end a new state
 * @dev: the device
 * @state: the state
 *
 * A device whose directory is gone stays as it is: to write there would make
 * it again.
 *
 * Return: 0; an error has also been reported.
 */
int xenbus_switch_state(struct xenbus_device *dev, enum xenbus_state state)
{
	struct xenbus_transaction t;
	int err, was;

	if (state == dev->state)
		return 0;
	do {
		err = xenbus_transaction_start(&t);
		if (err)
			break;
		if (xenbus_scanf(t, dev->nodename, "state", "%d", &was) != 1) {
			xenbus_transaction_end(t, 1);
			return 0;
		}
		err = xenbus_printf(t, dev->nodename, "state", "%d", state);
		if (err) {
			xenbus_transaction_end(t, 1);
			break;
		}
		err = xenbus_transaction_end(t, 0);
	} while (err == -EAGAIN);
	if (err) {
		xenbus_dev_error(dev, err, "cannot write state %d", state);
		return err;
	}
	dev->state = state;
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_switch_state);

/** xenbus_frontend_closed() - the frontend has let go of everything */
int xenbus_frontend_closed(struct xenbus_device *dev)
{
	xenbus_switch_state(dev, XenbusStateClosed);
	complete(&dev->down);
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_frontend_closed);

/** xenbus_dev_is_online() - backend: the toolstack wants it to stay */
int xenbus_dev_is_online(struct xenbus_device *dev)
{
	return !!xenbus_read_unsigned(dev->nodename, "online", 0);
}
EXPORT_SYMBOL_GPL(xenbus_dev_is_online);

/* ---- errors ---- */

static void shim_report(struct xenbus_device *dev, int err, struct va_format *what)
{
	char *dir = kasprintf(GFP_KERNEL, "error/%s", dev->nodename);

	dev_err(&dev->dev, "%d %pV\n", -err, what);
	if (dir)
		xenbus_printf(XBT_NIL, dir, "error", "%d %pV", -err, what);
	kfree(dir);
}

/** xenbus_dev_error() - report an error, also in xenstore */
void xenbus_dev_error(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	struct va_format what = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	what.va = &args;
	shim_report(dev, err, &what);
	va_end(args);
}
EXPORT_SYMBOL_GPL(xenbus_dev_error);

/** xenbus_dev_fatal() - report an error and close the device */
void xenbus_dev_fatal(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	struct va_format what = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	what.va = &args;
	shim_report(dev, err, &what);
	va_end(args);
	xenbus_switch_state(dev, XenbusStateClosing);
}
EXPORT_SYMBOL_GPL(xenbus_dev_fatal);

/* ---- watches ---- */

/** xenbus_watch_path() - watch a path, which must live as long as the watch */
int xenbus_watch_path(struct xenbus_device *dev, const char *path,
		      struct xenbus_watch *watch,
		      bool (*will_handle)(struct xenbus_watch *, const char *,
					  const char *),
		      void (*callback)(struct xenbus_watch *, const char *,
				       const char *))
{
	int err;

	watch->node = path;
	watch->will_handle = will_handle;
	watch->callback = callback;
	err = register_xenbus_watch(watch);
	if (err) {
		watch->node = NULL;
		watch->will_handle = NULL;
		watch->callback = NULL;
		xenbus_dev_fatal(dev, err, "cannot watch %s", path);
	}
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_watch_path);

/** xenbus_watch_pathfmt() - the same; the caller frees watch->node at the end */
int xenbus_watch_pathfmt(struct xenbus_device *dev, struct xenbus_watch *watch,
			 bool (*will_handle)(struct xenbus_watch *,
					     const char *, const char *),
			 void (*callback)(struct xenbus_watch *, const char *,
					  const char *),
			 const char *pathfmt, ...)
{
	va_list args;
	char *path;
	int err;

	va_start(args, pathfmt);
	path = kvasprintf(GFP_KERNEL, pathfmt, args);
	va_end(args);
	if (!path) {
		xenbus_dev_fatal(dev, -ENOMEM, "no memory for a watch");
		return -ENOMEM;
	}
	err = xenbus_watch_path(dev, path, watch, will_handle, callback);
	if (err)
		kfree(path);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_watch_pathfmt);

/* ---- rings, frontend ---- */

/**
 * xenbus_teardown_ring() - take a shared ring back
 * @vaddr: where its address is; NULL afterwards
 * @nr_pages: its size
 * @grefs: its references
 *
 * A page that the other end still maps is freed when it lets go.
 */
void xenbus_teardown_ring(void **vaddr, unsigned int nr_pages,
			  grant_ref_t *grefs)
{
	unsigned int i;

	for (i = 0; i < nr_pages; i++) {
		struct page *page = NULL;

		if (*vaddr)
			page = virt_to_page(*vaddr + i * PAGE_SIZE);
		if (grefs[i] != INVALID_GRANT_REF) {
			gnttab_end_foreign_access(grefs[i], page);
			grefs[i] = INVALID_GRANT_REF;
		} else if (page) {
			put_page(page);
		}
	}
	*vaddr = NULL;
}
EXPORT_SYMBOL_GPL(xenbus_teardown_ring);

/**
 * xenbus_setup_ring() - share zeroed pages with the other end
 * @dev: the device
 * @gfp: how to allocate
 * @vaddr: result: address
 * @nr_pages: size
 * @grefs: result: references
 *
 * Return: 0 or a negative errno, which has been reported.
 */
int xenbus_setup_ring(struct xenbus_device *dev, gfp_t gfp, void **vaddr,
		      unsigned int nr_pages, grant_ref_t *grefs)
{
	unsigned int i;
	int ref;

	for (i = 0; i < nr_pages; i++)
		grefs[i] = INVALID_GRANT_REF;
	/* Whole pages, each of which can be freed by itself. */
	*vaddr = alloc_pages_exact(nr_pages * PAGE_SIZE, gfp | __GFP_ZERO);
	if (!*vaddr) {
		xenbus_dev_error(dev, -ENOMEM, "no memory for a ring");
		return -ENOMEM;
	}
	for (i = 0; i < nr_pages; i++) {
		void *page = *vaddr + i * PAGE_SIZE;

		ref = gnttab_grant_foreign_access(dev->otherend_id,
						  virt_to_gfn(page), 0);
		if (ref < 0) {
			xenbus_dev_error(dev, ref, "no grant for a ring");
			xenbus_teardown_ring(vaddr, nr_pages, grefs);
			return ref;
		}
		grefs[i] = ref;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_setup_ring);

/* ---- rings, backend ---- */

struct mapped_ring {
	struct list_head list;
	void *vaddr;
	unsigned int nr;
	struct page *page[XENBUS_MAX_RING_GRANTS];
	grant_handle_t handle[XENBUS_MAX_RING_GRANTS];
};

static LIST_HEAD(rings);
/* The list of mapped rings. */
static DEFINE_SPINLOCK(rings_lock);

static int shim_unmap_ring(struct mapped_ring *ring)
{
	struct gnttab_unmap_grant_ref op[XENBUS_MAX_RING_GRANTS];
	unsigned int i, nr = 0;
	int err = 0;

	for (i = 0; i < ring->nr; i++)
		if (ring->handle[i] != INVALID_GRANT_HANDLE)
			gnttab_set_unmap_op(&op[nr++],
					    (unsigned long)page_address(ring->page[i]),
					    GNTMAP_host_map, ring->handle[i]);
	if (nr && hypercalls->grant(GNTTABOP_unmap_grant_ref, op, nr))
		err = -EIO;
	for (i = 0; i < nr; i++)
		if (op[i].status != GNTST_okay)
			err = -EIO;
	/* Pages that may still be another guest's memory are lost. */
	if (!err)
		gnttab_free_pages(ring->nr, ring->page);
	return err;
}

static int shim_map_ring(struct xenbus_device *dev, struct mapped_ring *ring,
			 const grant_ref_t *refs)
{
	struct gnttab_map_grant_ref op[XENBUS_MAX_RING_GRANTS];
	unsigned int i;
	int err = 0;

	for (i = 0; i < ring->nr; i++) {
		ring->handle[i] = INVALID_GRANT_HANDLE;
		gnttab_set_map_op(&op[i],
				  (unsigned long)page_address(ring->page[i]),
				  GNTMAP_host_map, refs[i], dev->otherend_id);
	}
	gnttab_batch_map(op, ring->nr);
	for (i = 0; i < ring->nr; i++) {
		if (op[i].status == GNTST_okay) {
			ring->handle[i] = op[i].handle;
			continue;
		}
		xenbus_dev_fatal(dev, op[i].status,
				 "cannot map the ring's reference %u", refs[i]);
		err = -ENOENT;
	}
	return err;
}

/**
 * xenbus_map_ring_valloc() - map the frontend's ring
 * @dev: the device
 * @gnt_refs: its references
 * @nr_grefs: how many
 * @vaddr: result
 *
 * Return: 0 or a negative errno, which has been reported.
 */
int xenbus_map_ring_valloc(struct xenbus_device *dev, grant_ref_t *gnt_refs,
			   unsigned int nr_grefs, void **vaddr)
{
	struct mapped_ring *ring;
	int err;

	*vaddr = NULL;
	if (!nr_grefs || nr_grefs > XENBUS_MAX_RING_GRANTS)
		return -EINVAL;
	ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	ring->nr = nr_grefs;
	err = gnttab_alloc_pages(ring->nr, ring->page);
	if (err)
		goto no_pages;
	err = shim_map_ring(dev, ring, gnt_refs);
	if (!err) {
		ring->vaddr = vmap(ring->page, ring->nr, VM_MAP, PAGE_KERNEL);
		if (!ring->vaddr)
			err = -ENOMEM;
	}
	if (err) {
		shim_unmap_ring(ring);
		goto no_pages;
	}
	spin_lock(&rings_lock);
	list_add(&ring->list, &rings);
	spin_unlock(&rings_lock);
	*vaddr = ring->vaddr;
	return 0;

no_pages:
	kfree(ring);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_map_ring_valloc);

/** xenbus_unmap_ring_vfree() - and unmap it; 0 or a negative errno */
int xenbus_unmap_ring_vfree(struct xenbus_device *dev, void *vaddr)
{
	struct mapped_ring *ring, *found = NULL;
	int err;

	spin_lock(&rings_lock);
	list_for_each_entry(ring, &rings, list)
		if (ring->vaddr == vaddr) {
			list_del(&ring->list);
			found = ring;
			break;
		}
	spin_unlock(&rings_lock);
	if (!found) {
		xenbus_dev_error(dev, -ENOENT, "no such ring is mapped");
		return -ENOENT;
	}
	vunmap(found->vaddr);
	err = shim_unmap_ring(found);
	if (err)
		xenbus_dev_error(dev, err, "cannot unmap a ring");
	kfree(found);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_unmap_ring_vfree);

/* ---- event channels ---- */

/** xenbus_alloc_evtchn() - a port that the other end can bind */
int xenbus_alloc_evtchn(struct xenbus_device *dev, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = dev->otherend_id,
	};
	int err = hypercalls->event(EVTCHNOP_alloc_unbound, &alloc);

	if (err)
		xenbus_dev_fatal(dev, err, "no event channel");
	else
		*port = alloc.port;
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_alloc_evtchn);

/** xenbus_free_evtchn() - close a port that is bound to no interrupt */
int xenbus_free_evtchn(struct xenbus_device *dev, evtchn_port_t port)
{
	struct evtchn_close close = { .port = port };
	int err = hypercalls->event(EVTCHNOP_close, &close);

	if (err)
		xenbus_dev_error(dev, err, "cannot close event channel %u",
				 port);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_free_evtchn);
