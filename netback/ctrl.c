// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring: hashing, and pages that stay mapped (staging grants).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "../ring/compat.h"
#include "../ring/netif_ext.h"
#include "netback.h"

#define OK		XEN_NETIF_CTRL_STATUS_SUCCESS
#define UNSUPPORTED	XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED
#define INVALID		XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOW	XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW

/* Requests served before the thread looks up. */
#define CTRL_BATCH	32

#define HASH_TYPES	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | \
			 XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
			 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | \
			 XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

/* Copy from, or to, the start of a page of the guest. */
static bool netback_fetch(struct netback *nb, grant_ref_t gref, u32 len)
{
	u32 failed = 0;

	if (!len)
		return true;
	pv_copy_from_guest(nb->ctrl.copy, gref, 0, nb->ctrl.page, 0, len,
			   &failed);
	pv_copy_flush(nb->ctrl.copy);
	return !failed;
}

static bool netback_store(struct netback *nb, grant_ref_t gref, u32 len)
{
	u32 failed = 0;

	if (!len)
		return true;
	pv_copy_to_guest(nb->ctrl.copy, gref, 0, nb->ctrl.page, 0, len,
			 &failed);
	pv_copy_flush(nb->ctrl.copy);
	return !failed;
}

static void *netback_page_of(struct netback *nb)
{
	return page_address(nb->ctrl.page);
}

/* ---- hash ---- */

static void netback_current_hash(struct netback *nb, struct netback_hash *h)
{
	const struct netback_hash *now;

	rcu_read_lock();
	now = rcu_dereference(nb->hash);
	*h = now ? *now : (struct netback_hash) { };
	rcu_read_unlock();
}

static u32 netback_set_hash(struct netback *nb, const struct netback_hash *h)
{
	return netback_hash_set(nb, h) ? OVERFLOW : OK;
}

static u32 netback_set_algorithm(struct netback *nb, u32 algorithm)
{
	struct netback_hash h;

	if (algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
	    algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return INVALID;
	netback_current_hash(nb, &h);
	h.algorithm = algorithm;
	return netback_set_hash(nb, &h);
}

static u32 netback_get_flags(struct netback *nb, u32 *data)
{
	struct netback_hash h;

	netback_current_hash(nb, &h);
	if (h.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return UNSUPPORTED;
	*data = HASH_TYPES;
	return OK;
}

static u32 netback_set_flags(struct netback *nb, u32 flags)
{
	struct netback_hash h;

	netback_current_hash(nb, &h);
	if (flags & ~HASH_TYPES ||
	    h.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return INVALID;
	h.flags = flags;
	return netback_set_hash(nb, &h);
}

static u32 netback_set_key(struct netback *nb, grant_ref_t gref, u32 len)
{
	struct netback_hash h;

	if (len > NETBACK_HASH_KEY)
		return OVERFLOW;
	if (!netback_fetch(nb, gref, len))
		return INVALID;
	netback_current_hash(nb, &h);
	memset(h.key, 0, sizeof(h.key));
	memcpy(h.key, netback_page_of(nb), len);
	return netback_set_hash(nb, &h);
}

static u32 netback_set_map_size(struct netback *nb, u32 size)
{
	struct netback_hash h;

	if (size > NETBACK_MAX_HASH_MAP)
		return INVALID;
	netback_current_hash(nb, &h);
	memset(h.map, 0, sizeof(h.map));
	h.size = size;
	return netback_set_hash(nb, &h);
}

static u32 netback_set_map(struct netback *nb, grant_ref_t gref, u32 len, u32 first)
{
	const u32 *queue = netback_page_of(nb);
	struct netback_hash h;
	u32 i;

	netback_current_hash(nb, &h);
	/* Each by itself, so that no sum can wrap. */
	if (first > h.size || len > h.size - first)
		return INVALID;
	if (!netback_fetch(nb, gref, len * sizeof(*queue)))
		return INVALID;
	for (i = 0; i < len; i++) {
		if (queue[i] >= nb->nr_queues)
			return INVALID;
		h.map[first + i] = queue[i];
	}
	return netback_set_hash(nb, &h);
}

/* ---- pages that stay mapped ---- */

static struct netback_queue *netback_queue_of(struct netback *nb, u32 index)
{
	return index < nb->nr_queues ? &nb->queue[index] : NULL;
}

static u32 netback_grefs_size(struct netback *nb, u32 index, u32 *data)
{
	struct netback_queue *q = netback_queue_of(nb, index);

	if (!q)
		return INVALID;
	*data = q->map.max;
	return OK;
}

static u32 netback_grefs_add(struct netback *nb, u32 index, grant_ref_t gref, u32 nr)
{
	struct netback_queue *q = netback_queue_of(nb, index);
	const struct pv_netif_gref *list = netback_page_of(nb);
	struct pv_map_entry *entry;
	u32 i, status = INVALID;
	int err;

	if (!q || nr > XEN_PAGE_SIZE / sizeof(*list))
		return INVALID;
	if (!q->map.max)
		return UNSUPPORTED;
	if (!netback_fetch(nb, gref, nr * sizeof(*list)))
		return INVALID;
	entry = kvmalloc_array(nr, sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return OVERFLOW;
	for (i = 0; i < nr; i++) {
		if (list[i].flags & ~PV_NETIF_GREF_READONLY)
			goto out;
		entry[i] = (struct pv_map_entry) {
			.ref = list[i].ref,
			.readonly = list[i].flags & PV_NETIF_GREF_READONLY,
		};
	}
	err = pv_map_add(&q->map, entry, nr);
	if (!err)
		status = OK;
	else if (err == -ENOSPC)
		status = OVERFLOW;
out:
	kvfree(entry);
	return status;
}

static u32 netback_grefs_remove(struct netback *nb, u32 index, grant_ref_t gref, u32 nr,
				u32 *data)
{
	struct netback_queue *q = netback_queue_of(nb, index);
	struct pv_netif_gref *list = netback_page_of(nb);
	bool parked;
	u32 i;

	if (!q || nr > XEN_PAGE_SIZE / sizeof(*list))
		return INVALID;
	if (!q->map.max)
		return UNSUPPORTED;
	if (!netback_fetch(nb, gref, nr * sizeof(*list)))
		return INVALID;
	/* Nobody may be looking at what goes away. */
	parked = netback_park(q);
	for (i = 0; i < nr; i++) {
		list[i].status = pv_map_remove(&q->map, list[i].ref) ?
				 INVALID : OK;
		*data += list[i].status == OK;
	}
	if (parked)
		netback_unpark(q);
	return netback_store(nb, gref, nr * sizeof(*list)) ? OK : INVALID;
}

/* ---- the ring ---- */

static u32 netback_serve(struct netback *nb, const struct xen_netif_ctrl_request *req,
			 u32 *data)
{
	const u32 *arg = req->data;

	switch (req->type) {
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		return netback_get_flags(nb, data);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
		return netback_set_flags(nb, arg[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		return netback_set_key(nb, arg[0], arg[1]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = NETBACK_MAX_HASH_MAP;
		return OK;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		return netback_set_map_size(nb, arg[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return netback_set_map(nb, arg[0], arg[1], arg[2]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		return netback_set_algorithm(nb, arg[0]);
	case PV_NETIF_GET_GREF_MAPPING_SIZE:
		return netback_grefs_size(nb, arg[0], data);
	case PV_NETIF_ADD_GREF_MAPPING:
		return netback_grefs_add(nb, arg[0], arg[1], arg[2]);
	case PV_NETIF_DEL_GREF_MAPPING:
		return netback_grefs_remove(nb, arg[0], arg[1], arg[2], data);
	default:
		return UNSUPPORTED;
	}
}

static enum pv_consumed netback_ctrl_consume(struct pv_channel *ch)
{
	struct netback_ctrl *c = container_of(ch, struct netback_ctrl, channel);
	struct netback *nb = container_of(c, struct netback, ctrl);
	unsigned int nr;

	for (nr = 0; pv_ring_pending(&c->ring); nr++) {
		struct xen_netif_ctrl_request req;
		struct xen_netif_ctrl_response rsp = { };

		/* A guest that never ends must not keep the thread. */
		if (nr == CTRL_BATCH)
			return PV_AGAIN;
		pv_ring_get(&c->ring, &req, sizeof(req));
		rsp.id = req.id;
		rsp.type = req.type;
		rsp.status = netback_serve(nb, &req, &rsp.data);
		c->stats.requests++;
		c->stats.responses++;
		c->stats.errors += rsp.status != OK;
		pv_ring_put(&c->ring, &rsp, sizeof(rsp));
		if (pv_ring_publish(&c->ring))
			pv_channel_kick(&c->channel);
	}
	if (c->ring.broken)
		pv_device_fail(nb->pd, "control ring: %s", c->ring.broken);
	return PV_DRAINED;
}

/**
 * netback_ctrl_open() - take up the control ring, if the frontend has one
 * @nb: the vif, its queues open
 *
 * Return: 0 or a negative errno; the reason is in the device's error node.
 */
int netback_ctrl_open(struct netback *nb)
{
	struct netback_ctrl *c = &nb->ctrl;
	struct pv_channel_config config = {
		.name = nb->dev->name,
		.ring = &c->ring,
		.stats = &c->stats,
		.context = PV_THREAD,
		.consume = netback_ctrl_consume,
	};
	char *ref;
	int err;

	if (!pv_feature(nb->pd, NETBACK_CTRL))
		return 0;
	ref = pv_device_read_peer_option(nb->pd, "ctrl-ring-ref");
	if (IS_ERR_OR_NULL(ref))
		return PTR_ERR(ref);
	kfree(ref);

	c->page = alloc_page(GFP_KERNEL);
	c->copy = kvmalloc(sizeof(*c->copy), GFP_KERNEL);
	if (!c->page || !c->copy)
		return -ENOMEM;
	pv_copy_init(c->copy, nb->pd, &c->stats);
	err = pv_shared_map(nb->pd, &c->shared, "", "ctrl-ring-ref", false, 1);
	if (!err)
		err = pv_ring_init_back(&c->ring, c->shared.mem, 1,
					sizeof(struct xen_netif_ctrl_request),
					&c->stats);
	if (!err)
		err = pv_device_read_port(nb->pd, "", "event-channel-ctrl",
					  &config.remote_port);
	if (!err)
		err = pv_channel_open(&c->channel, nb->pd, &config);
	return err;
}

/**
 * netback_ctrl_start() - serve the first request
 * @nb: the vif, its queues running
 */
void netback_ctrl_start(struct netback *nb)
{
	if (nb->ctrl.channel.irq)
		pv_channel_start(&nb->ctrl.channel);
}

/**
 * netback_ctrl_close() - undo netback_ctrl_open()
 * @nb: the vif, its control ring open or not
 */
void netback_ctrl_close(struct netback *nb)
{
	struct netback_ctrl *c = &nb->ctrl;

	pv_channel_close(&c->channel);
	pv_shared_unmap(nb->pd, &c->shared);
	kvfree(c->copy);
	c->copy = NULL;
	if (c->page)
		__free_page(c->page);
	c->page = NULL;
	netback_hash_reset(nb);
}
