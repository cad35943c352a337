// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of a ring: granted by a frontend, mapped by a backend.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <xen/xenbus.h>

#include "device.h"
#include "internal.h"

/**
 * pv_shared_create() - frontend: allocate and grant a ring's pages
 * @pd: the device
 * @shared: result
 * @nr_pages: how many
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_create(struct pv_device *pd, struct pv_shared *shared,
		     u32 nr_pages)
{
	int err = xenbus_setup_ring(pd->xb, GFP_NOIO, &shared->mem, nr_pages,
				    shared->gref);

	if (err) {
		shared->mem = NULL;
		/* It says itself that there are no grants. */
		pd->explained |= err != -ENOMEM;
		return err;
	}
	shared->nr_pages = nr_pages;
	return 0;
}
EXPORT_SYMBOL_GPL(pv_shared_create);

/**
 * pv_shared_destroy() - frontend: end the grants and free the pages
 * @shared: the pages, or none
 *
 * A page that the backend still maps is freed when it lets go.
 */
void pv_shared_destroy(struct pv_shared *shared)
{
	if (shared->mem)
		xenbus_teardown_ring(&shared->mem, shared->nr_pages,
				     shared->gref);
	shared->mem = NULL;
}
EXPORT_SYMBOL_GPL(pv_shared_destroy);

static void shared_key(char path[PV_KEY_PATH], const char *queue,
		       const char *key, bool multi, u32 page)
{
	if (multi)
		snprintf(path, PV_KEY_PATH, "%s%s%u", queue, key, page);
	else
		snprintf(path, PV_KEY_PATH, "%s%s", queue, key);
}

/**
 * pv_shared_publish() - frontend: write a ring's grant references
 * @pd: the device
 * @xbt: xenstore transaction
 * @queue: from pv_queue_dir()
 * @key: "ring-ref", "tx-ring-ref", ...
 * @multi: a number follows the key (the ring has several pages)
 * @shared: the pages
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_publish(struct pv_device *pd, struct xenbus_transaction xbt,
		      const char *queue, const char *key, bool multi,
		      const struct pv_shared *shared)
{
	char path[PV_KEY_PATH];
	int err = 0;
	u32 i;

	for (i = 0; i < shared->nr_pages && !err; i++) {
		shared_key(path, queue, key, multi, i);
		err = xenbus_printf(xbt, pd->xb->nodename, path, "%u",
				    shared->gref[i]);
	}
	return err;
}
EXPORT_SYMBOL_GPL(pv_shared_publish);

/**
 * pv_shared_map() - backend: map the pages whose references the frontend wrote
 * @pd: the device
 * @shared: result
 * @queue: from pv_queue_dir()
 * @key: "ring-ref", "tx-ring-ref", ...
 * @multi: a number follows the key
 * @nr_pages: how many
 *
 * Return: 0 or a negative errno.
 */
int pv_shared_map(struct pv_device *pd, struct pv_shared *shared,
		  const char *queue, const char *key, bool multi, u32 nr_pages)
{
	char path[PV_KEY_PATH];
	int err;
	u32 i;

	shared->mem = NULL;
	strscpy(shared->queue, queue, sizeof(shared->queue));
	shared->key = key;
	shared->multi = multi;
	for (i = 0; i < nr_pages; i++) {
		shared_key(path, queue, key, multi, i);
		err = pv_key_u32(pd, path, &shared->gref[i]);
		if (err)
			return err;
	}
	err = xenbus_map_ring_valloc(pd->xb, shared->gref, nr_pages,
				     &shared->mem);
	if (err) {
		shared->mem = NULL;
		pv_device_error(pd, err, "cannot map %s%s (%u pages, first reference %u)",
				queue, key, nr_pages, shared->gref[0]);
		return err;
	}
	shared->nr_pages = nr_pages;
	list_add(&shared->list, &pd->mapped);
	return 0;
}
EXPORT_SYMBOL_GPL(pv_shared_map);

/* 1 or 0, or a negative errno. A key that is not there says nothing. */
static int shared_is_current(struct pv_device *pd,
			     const struct pv_shared *shared)
{
	char path[PV_KEY_PATH];
	unsigned int gref;
	int err;
	u32 i;

	for (i = 0; i < shared->nr_pages; i++) {
		shared_key(path, shared->queue, shared->key, shared->multi, i);
		err = xenbus_scanf(XBT_NIL, pd->peer, path, "%u", &gref);
		if (err == 1 && gref != shared->gref[i])
			return 0;
		if (err < 0 && err != -ENOENT && err != -ERANGE)
			return err;
	}
	return 1;
}

/*
 * Whether the rings that are mapped are those that the frontend's keys name: 1
 * or 0, or a negative errno. (A reference that is mapped here does not come to
 * name another page there.)
 */
int pv_shared_all_current(struct pv_device *pd)
{
	struct pv_shared *shared;
	int same = 1;

	lockdep_assert_held(&pd->lock);
	list_for_each_entry(shared, &pd->mapped, list) {
		same = shared_is_current(pd, shared);
		if (same <= 0)
			break;
	}
	return same;
}

/**
 * pv_shared_unmap() - backend: give a ring's pages back
 * @pd: the device
 * @shared: the pages, or none
 */
void pv_shared_unmap(struct pv_device *pd, struct pv_shared *shared)
{
	if (!shared->mem)
		return;
	list_del(&shared->list);
	xenbus_unmap_ring_vfree(pd->xb, shared->mem);
	shared->mem = NULL;
}
EXPORT_SYMBOL_GPL(pv_shared_unmap);
