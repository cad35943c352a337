// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring: hashing and staging grants. One request at a time.
 *
 * What does not fit into a request goes through one page that stays granted.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "netfront.h"

/*
 * A backend that has not answered by then does not answer at all. So long it takes
 * at most what is asked together, maybe under rtnl.
 */
#define CTRL_TIMEOUT	(2 * HZ)
#define CTRL_SLOT	sizeof(struct xen_netif_ctrl_request)

static_assert(sizeof(struct xen_netif_ctrl_request) == 16);
static_assert(sizeof(struct xen_netif_ctrl_response) == 12);
static_assert(sizeof(struct pv_netif_gref) == 8);

/**
 * netfront_ctrl_init() - prepare, without a ring
 * @nf: the interface
 */
void netfront_ctrl_init(struct netfront *nf)
{
	mutex_init(&nf->ctrl.lock);
	spin_lock_init(&nf->ctrl.answer);
	init_completion(&nf->ctrl.done);
}

/* The only place where a response of the control ring is believed. */
static enum pv_consumed netfront_consume(struct pv_channel *ch)
{
	struct netfront_ctrl *c = container_of(ch, struct netfront_ctrl,
					       channel);
	struct netfront *nf = container_of(c, struct netfront, ctrl);
	struct xen_netif_ctrl_response rsp;
	u32 pending;

	for (pending = pv_ring_pending(&c->ring); pending; pending--) {
		pv_ring_get(&c->ring, &rsp, sizeof(rsp));
		c->stats.responses++;
		spin_lock(&c->answer);
		if (rsp.id == c->id) {
			c->rsp = rsp;
			complete(&c->done);
		}
		spin_unlock(&c->answer);
	}
	if (unlikely(c->ring.broken))
		pv_device_fail(nf->pd, "control: %s", c->ring.broken);
	return PV_DRAINED;
}

static void netfront_send(struct netfront_ctrl *c, struct xen_netif_ctrl_request *req)
{
	spin_lock_bh(&c->answer);
	req->id = ++c->id;
	reinit_completion(&c->done);
	spin_unlock_bh(&c->answer);
	pv_ring_put(&c->ring, req, sizeof(*req));
	c->stats.requests++;
	if (pv_ring_publish(&c->ring))
		pv_channel_kick(&c->channel);
}

static void netfront_lock_ctrl(struct netfront_ctrl *c)
{
	mutex_lock(&c->lock);
	c->until = jiffies + CTRL_TIMEOUT;
}

/* Whether there is anybody to ask, under the lock. */
static int netfront_may_ask(struct netfront_ctrl *c)
{
	if (!c->live)
		return -EOPNOTSUPP;
	/* Until its answer comes the page belongs to that request. */
	if (c->late && !try_wait_for_completion(&c->done))
		return -ETIMEDOUT;
	c->late = false;
	return pv_ring_room(&c->ring) ? 0 : -EBUSY;
}

/* One request and its answer, under the lock. */
static int netfront_ask(struct netfront *nf, u16 type, u32 a, u32 b, u32 c, u32 *data)
{
	struct xen_netif_ctrl_request req = {
		.type = type, .data = { a, b, c },
	};
	struct netfront_ctrl *ctrl = &nf->ctrl;
	struct xen_netif_ctrl_response rsp;
	int err = netfront_may_ask(ctrl);
	long left;

	if (err)
		return err;
	netfront_send(ctrl, &req);
	left = ctrl->until - jiffies;
	if (!wait_for_completion_timeout(&ctrl->done, max(left, 1L))) {
		netdev_warn(nf->dev, "the backend does not answer control request %u\n",
			    type);
		ctrl->late = true;
		return -ETIMEDOUT;
	}
	spin_lock_bh(&ctrl->answer);
	rsp = ctrl->rsp;
	spin_unlock_bh(&ctrl->answer);
	if (rsp.type != type)
		return -EPROTO;
	switch (rsp.status) {
	case XEN_NETIF_CTRL_STATUS_SUCCESS:
		if (data)
			*data = rsp.data;
		return 0;
	case XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW:
		return -ENOSPC;
	default:
		return -EINVAL;
	}
}

/* ---- a connection ---- */

/**
 * netfront_ctrl_open() - make the ring
 * @nf: the interface, whose backend has one
 *
 * Context: process.
 * Return: 0 or a negative errno; netfront_ctrl_close() cleans up.
 */
int netfront_ctrl_open(struct netfront *nf)
{
	struct netfront_ctrl *c = &nf->ctrl;
	struct pv_channel_config config = {
		.name = "netfront-ctrl",
		.ring = &c->ring,
		.stats = &c->stats,
		.context = PV_SOFTIRQ,
		.consume = netfront_consume,
	};
	int err;

	err = pv_grant_pool_init(&c->pool, nf->pd, 1, &c->stats);
	if (err)
		return err;
	err = pv_grant_take_staged(&c->pool, 1, &c->chain);
	if (err)
		return err;
	c->page = page_address(c->chain.first->page);
	err = pv_shared_create(nf->pd, &c->shared, 1);
	if (err)
		return err;
	pv_ring_init_front(&c->ring, c->shared.mem, 1, CTRL_SLOT, &c->stats);
	c->late = false;
	return pv_channel_open(&c->channel, nf->pd, &config);
}

/**
 * netfront_ctrl_publish() - write where the ring is, if there is one
 * @nf: the interface
 * @xbt: xenstore transaction
 *
 * Return: 0 or a negative errno.
 */
int netfront_ctrl_publish(struct netfront *nf, struct xenbus_transaction xbt)
{
	struct netfront_ctrl *c = &nf->ctrl;
	int err;

	if (!c->shared.mem)
		return 0;
	err = pv_shared_publish(nf->pd, xbt, "", "ctrl-ring-ref", false,
				&c->shared);
	if (!err)
		err = pv_device_write_port(nf->pd, xbt, "",
					   "event-channel-ctrl",
					   c->channel.port);
	return err;
}

/**
 * netfront_ctrl_start() - the backend listens
 * @nf: the interface
 */
void netfront_ctrl_start(struct netfront *nf)
{
	struct netfront_ctrl *c = &nf->ctrl;

	if (!c->shared.mem)
		return;
	mutex_lock(&c->lock);
	c->live = true;
	pv_channel_start(&c->channel);
	/* What the last backend has not answered, this one takes first, and with it the page. */
	if (c->late && wait_for_completion_timeout(&c->done, CTRL_TIMEOUT))
		c->late = false;
	mutex_unlock(&c->lock);
}

/**
 * netfront_ctrl_close() - end the ring
 * @nf: the interface
 */
void netfront_ctrl_close(struct netfront *nf)
{
	struct netfront_ctrl *c = &nf->ctrl;

	mutex_lock(&c->lock);
	c->live = false;
	mutex_unlock(&c->lock);
	pv_channel_close(&c->channel);
	pv_grant_put(&c->pool, &c->chain);
	pv_grant_pool_destroy(&c->pool);
	pv_shared_destroy(&c->shared);
	c->page = NULL;
}

/* ---- staging grants ---- */

/**
 * netfront_ctrl_map_size() - pages that the backend keeps mapped for a queue
 * @nf: the interface
 * @queue: which
 *
 * Return: how many, 0 if it does not.
 */
u32 netfront_ctrl_map_size(struct netfront *nf, unsigned int queue)
{
	u32 size = 0;

	netfront_lock_ctrl(&nf->ctrl);
	if (netfront_ask(nf, PV_NETIF_GET_GREF_MAPPING_SIZE, queue, 0, 0, &size))
		size = 0;
	mutex_unlock(&nf->ctrl.lock);
	return size;
}

/* The list is one page. */
static_assert(XEN_PAGE_SIZE / sizeof(struct pv_netif_gref) >= NETFRONT_RING);

static int netfront_send_list(struct netfront *nf, u16 type, unsigned int queue,
			      const struct pv_grant_chain *chain)
{
	struct netfront_ctrl *c = &nf->ctrl;
	const struct pv_grant *g;
	int err;

	netfront_lock_ctrl(c);
	err = netfront_may_ask(c);
	if (!err) {
		struct pv_netif_gref *entry = c->page;

		clear_page(c->page);
		for (g = chain->first; g; g = g->next)
			*entry++ = (struct pv_netif_gref) { .ref = g->ref };
		err = netfront_ask(nf, type, queue, c->chain.first->ref, chain->nr, NULL);
	}
	mutex_unlock(&c->lock);
	return err;
}

/**
 * netfront_ctrl_map() - let the backend map a queue's staged pages for good
 * @nf: the interface
 * @queue: which
 * @chain: the grants, at most NETFRONT_RING
 *
 * Context: process, may sleep.
 * Return: 0 or a negative errno, and then none is mapped.
 */
int netfront_ctrl_map(struct netfront *nf, unsigned int queue,
		      const struct pv_grant_chain *chain)
{
	return netfront_send_list(nf, PV_NETIF_ADD_GREF_MAPPING, queue, chain);
}

/**
 * netfront_ctrl_unmap() - ask for a queue's staged pages back
 * @nf: the interface
 * @queue: which
 * @chain: the grants
 *
 * Context: process, may sleep.
 */
void netfront_ctrl_unmap(struct netfront *nf, unsigned int queue,
			 const struct pv_grant_chain *chain)
{
	netfront_send_list(nf, PV_NETIF_DEL_GREF_MAPPING, queue, chain);
}

/* ---- hashing ---- */

static int netfront_set_key(struct netfront *nf)
{
	struct netfront_ctrl *c = &nf->ctrl;

	clear_page(c->page);
	memcpy(c->page, nf->rss.key, NETFRONT_RSS_KEY);
	return netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, c->chain.first->ref,
			    NETFRONT_RSS_KEY, 0, NULL);
}

/* A connection may have fewer queues than the table was made for. */
static int netfront_set_mapping(struct netfront *nf)
{
	struct netfront_ctrl *c = &nf->ctrl;
	u32 *queue = c->page;
	unsigned int i;
	int err;

	err = netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
			   NETFRONT_RSS_INDIR, 0, 0, NULL);
	if (err)
		return err;
	clear_page(c->page);
	for (i = 0; i < NETFRONT_RSS_INDIR; i++)
		queue[i] = nf->rss.indir[i] % nf->nr_queues;
	return netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING,
			    c->chain.first->ref, NETFRONT_RSS_INDIR, 0, NULL);
}

static int netfront_set_hash(struct netfront *nf)
{
	int err;

	if (!nf->rss.set)
		return netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
				    XEN_NETIF_CTRL_HASH_ALGORITHM_NONE, 0, 0, NULL);
	err = netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
			   XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, NULL);
	if (!err)
		err = netfront_set_key(nf);
	if (!err)
		err = netfront_set_mapping(nf);
	/* Last, since the backend hashes from then on. */
	if (!err)
		err = netfront_ask(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS,
				   nf->rss.types, 0, 0, NULL);
	return err;
}

/**
 * netfront_ctrl_rss() - tell the backend how to spread packets
 * @nf: the interface
 *
 * Context: process, under rtnl.
 * Return: 0 or a negative errno; -EOPNOTSUPP if the backend cannot.
 */
int netfront_ctrl_rss(struct netfront *nf)
{
	int err;

	netfront_lock_ctrl(&nf->ctrl);
	err = netfront_set_hash(nf);
	mutex_unlock(&nf->ctrl.lock);
	return err;
}
