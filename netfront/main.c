// SPDX-License-Identifier: GPL-2.0
/*
 * Network frontend: module, negotiation and life cycle.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/sch_generic.h>

#include "netfront.h"

/* References of a queue that copies all data: pages of both rings. */
#define STAGED_GRANTS	(2 * NETFRONT_RING)
/* And of one that does not: pages for tx, and what it grants on either ring. */
#define QUEUE_GRANTS	(3 * NETFRONT_RING)
/* Neighbours are told when packets pass; until then it is looked for that. */
#define NOTIFY_RETRY	(HZ / 20)
/* What a backend may or may not be able to do for us. */
#define OFFLOADS	(NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | \
			 NETIF_F_TSO | NETIF_F_TSO6)

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most queues an interface (default: one a CPU, at most 8)");

static bool trusted = true;
module_param(trusted, bool, 0644);
MODULE_PARM_DESC(trusted, "Whether backends may see more of a page than the data (default yes)");

static bool staging_grants = true;
module_param(staging_grants, bool, 0644);
MODULE_PARM_DESC(staging_grants, "Let backends keep the pages of the rings mapped (default yes)");

unsigned int netfront_late_ms = 30000;
module_param_named(late_msecs, netfront_late_ms, uint, 0644);
MODULE_PARM_DESC(late_msecs, "Milliseconds without an answer after which that is said; 0: never (default 30000)");

/* The keys of netif.h. */
static const struct pv_feature netfront_features[] = {
	PV_BACK_KEY(F_MAX_QUEUES, "multi-queue-max-queues", PV_FEATURE_CLAMP, 4096, 1),
	PV_BACK_KEY(F_SPLIT, "feature-split-event-channels", 0, 1, 0),
	PV_BACK_KEY(F_BACK_SG, "feature-sg", 0, 1, 0),
	PV_BACK_KEY(F_BACK_GSO4, "feature-gso-tcpv4", 0, 1, 0),
	PV_BACK_KEY(F_BACK_GSO6, "feature-gso-tcpv6", 0, 1, 0),
	PV_BACK_KEY(F_BACK_NO_CSUM, "feature-no-csum-offload", 0, 1, 0),
	PV_BACK_KEY(F_BACK_CSUM6, "feature-ipv6-csum-offload", 0, 1, 0),
	PV_BACK_KEY(F_MCAST, "feature-dynamic-multicast-control", 0, 1, 0),
	PV_BACK_KEY(F_CTRL, "feature-ctrl-ring", 0, 1, 0),
	PV_BACK_KEY(F_BACK_HEADROOM, "feature-xdp-headroom", 0, 1, 0),
	PV_BACK_KEY(F_CARRIER, "carrier", 0, 1, 1),
	PV_FRONT_KEY(F_NUM_QUEUES, "multi-queue-num-queues", 0, 4096, 1,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_RX_COPY, "request-rx-copy", 0, 1, 0),
	PV_FRONT_KEY(F_RX_NOTIFY, "feature-rx-notify", 0, 1, 0),
	PV_FRONT_KEY(F_FRONT_SG, "feature-sg", 0, 1, 0),
	PV_FRONT_KEY(F_FRONT_GSO4, "feature-gso-tcpv4", 0, 1, 0),
	PV_FRONT_KEY(F_FRONT_GSO6, "feature-gso-tcpv6", 0, 1, 0),
	PV_FRONT_KEY(F_FRONT_NO_CSUM, "feature-no-csum-offload", 0, 1, 0,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_FRONT_CSUM6, "feature-ipv6-csum-offload", 0, 1, 0),
	PV_FRONT_KEY(F_FRONT_MCAST, "request-multicast-control", 0, 1, 0,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_FRONT_HEADROOM, "xdp-headroom", 0, XEN_NETIF_MAX_XDP_HEADROOM, 0,
		     .flags = PV_FEATURE_OPTIONAL),
};

/* ---- the interface ---- */

/*
 * NAPI runs as long as there is a connection, also while the interface is down:
 * pages of packets are granted until the backend has answered. Under rtnl.
 */
static void netfront_start_polling(struct netfront *nf)
{
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < nf->nr_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		q->polling = true;
		pv_napi_set_irq(&q->napi, q->split ? q->rx_channel.irq : q->tx_channel.irq);
		napi_enable(&q->napi);
		pv_channel_start(&q->tx_channel);
		if (q->split)
			pv_channel_start(&q->rx_channel);
	}
}

/* Under rtnl. */
static void netfront_stop_polling(struct netfront *nf)
{
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < nf->max_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		if (!q->polling)
			continue;
		napi_disable(&q->napi);
		pv_napi_set_irq(&q->napi, -1);
		q->polling = false;
	}
}

/* What has come while nobody wanted it is there, and was not announced again. */
static int netfront_open(struct net_device *dev)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int i;

	netif_tx_start_all_queues(dev);
	local_bh_disable();
	for (i = 0; i < nf->max_queues; i++)
		if (nf->queue[i].polling)
			napi_schedule(&nf->queue[i].napi);
	local_bh_enable();
	return 0;
}

/* Afterwards polls find the interface not running, and receive nothing. */
static int netfront_stop(struct net_device *dev)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int i;

	netif_tx_disable(dev);
	for (i = 0; i < nf->max_queues; i++)
		if (nf->queue[i].polling)
			napi_synchronize(&nf->queue[i].napi);
	return 0;
}

static void netfront_set_rx_mode(struct net_device *dev)
{
	struct netfront *nf = netdev_priv(dev);

	if (READ_ONCE(nf->connected) && pv_feature(nf->pd, F_MCAST))
		schedule_delayed_work(&nf->mcast_work, 0);
}

static void netfront_get_stats64(struct net_device *dev,
				 struct rtnl_link_stats64 *s)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < nf->max_queues; i++) {
		const struct netfront_counters *c = &nf->queue[i].count;

		s->tx_packets += READ_ONCE(c->tx_packets);
		s->tx_bytes += READ_ONCE(c->tx_bytes);
		s->tx_dropped += READ_ONCE(c->tx_dropped);
		s->tx_errors += READ_ONCE(c->tx_errors);
		s->rx_packets += READ_ONCE(c->rx_packets);
		s->rx_bytes += READ_ONCE(c->rx_bytes);
		s->rx_dropped += READ_ONCE(c->rx_dropped) +
				 READ_ONCE(c->rx_no_memory);
		s->rx_errors += READ_ONCE(c->rx_fault[NETFRONT_RX_ERROR]);
	}
}

static netdev_features_t netfront_fix_features(struct net_device *dev,
					       netdev_features_t wanted)
{
	struct netfront *nf = netdev_priv(dev);

	return wanted & (nf->offload | ~OFFLOADS);
}

static const struct net_device_ops netdev_ops = {
	.ndo_open = netfront_open,
	.ndo_stop = netfront_stop,
	.ndo_start_xmit = netfront_start_xmit,
	.ndo_set_rx_mode = netfront_set_rx_mode,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_stats64 = netfront_get_stats64,
	.ndo_fix_features = netfront_fix_features,
	.ndo_bpf = netfront_bpf,
	.ndo_xdp_xmit = netfront_xdp_xmit,
};

static int netfront_read_mac(struct pv_device *pd, u8 *mac)
{
	char *text = pv_device_read_own(pd, "mac");
	int err = 0;

	if (IS_ERR(text)) {
		err = PTR_ERR(text);
		pv_device_error(pd, err, "%s/mac cannot be read",
				pd->xb->nodename);
		return err;
	}
	if (strlen(text) != 3 * ETH_ALEN - 1 || !mac_pton(text, mac) ||
	    !is_valid_ether_addr(mac)) {
		err = -EINVAL;
		pv_device_error(pd, err,
				"%s/mac is \"%*pE\": it must be a unicast address like 00:16:3e:12:34:56",
				pd->xb->nodename, (int)strnlen(text, 40), text);
	}
	kfree(text);
	return err;
}

/* netif.h: the toolstack may write the MTU of the network behind it. */
static int netfront_read_mtu(struct netfront *nf)
{
	char *text = pv_device_read_own_option(nf->pd, "mtu");
	u32 mtu;

	if (IS_ERR_OR_NULL(text))
		return PTR_ERR(text);
	if (kstrtou32(text, 10, &mtu) || mtu < ETH_MIN_MTU ||
	    mtu > NETFRONT_MAX_MTU)
		dev_warn(&nf->pd->xb->dev,
			 "%s/mtu is \"%*pE\": it must be a number from %u to %u, ignored\n",
			 nf->pd->xb->nodename, (int)strnlen(text, 40), text,
			 ETH_MIN_MTU, NETFRONT_MAX_MTU);
	else
		nf->dev->mtu = mtu;
	kfree(text);
	return 0;
}

static void netfront_notify_work(struct work_struct *work)
{
	struct netfront *nf = container_of(to_delayed_work(work),
					   struct netfront, notify);

	if (!READ_ONCE(nf->connected) || !netif_carrier_ok(nf->dev) ||
	    !netif_running(nf->dev))
		return;
	/* The stack attaches its queues some time after the carrier. */
	if (qdisc_tx_is_noop(nf->dev))
		schedule_delayed_work(&nf->notify, NOTIFY_RETRY);
	else
		netdev_notify_peers(nf->dev);
}

static int netfront_alloc_queues(struct netfront *nf)
{
	unsigned int i;

	nf->queue = kvcalloc(nf->max_queues, sizeof(*nf->queue), GFP_KERNEL);
	if (!nf->queue)
		return -ENOMEM;
	for (i = 0; i < nf->max_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		q->nf = nf;
		q->id = i;
		q->txq = netdev_get_tx_queue(nf->dev, i);
		q->rx_frames = 1;
		hrtimer_setup(&q->hold, netfront_hold_over, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_SOFT);
		timer_setup(&q->refill, netfront_refill_again, 0);
		netif_napi_add(nf->dev, &q->napi, netfront_poll);
		pv_napi_link(&q->napi, i);
	}
	return 0;
}

static void netfront_init_netdev(struct net_device *dev)
{
	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &netfront_ethtool_ops;
	pv_set_queue_stats(dev, &netfront_stat_ops);
	dev->hw_features = OFFLOADS;
	/* Backends look at the headers themselves. */
	dev->features = OFFLOADS | NETIF_F_RXCSUM | NETIF_F_RXHASH | NETIF_F_GSO_ROBUST;
	/* Peers look for headers right behind the Ethernet header only. */
	dev->vlan_features = NETIF_F_SG;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = NETFRONT_MAX_MTU;
	netif_set_tso_max_size(dev, XEN_NETIF_MAX_TX_SIZE);
	pv_xdp_announce(dev);
	netif_carrier_off(dev);
}

static void netfront_free(struct netfront *nf)
{
	struct netfront_queue *queue = nf->queue;

	/* First: it takes the queues' NAPIs off its list. */
	free_netdev(nf->dev);
	kvfree(queue);
}

static int netfront_probe(struct pv_device *pd)
{
	unsigned int nr = max_queues ?: min(num_online_cpus(), 8U);
	struct net_device *dev;
	struct netfront *nf;
	u8 mac[ETH_ALEN];
	int err, i;

	dev = alloc_etherdev_mq(sizeof(*nf), nr);
	if (!dev)
		return -ENOMEM;
	SET_NETDEV_DEV(dev, &pd->xb->dev);
	nf = netdev_priv(dev);
	nf->pd = pd;
	nf->dev = dev;
	nf->max_queues = nr;
	nf->want_queues = nr;
	nf->copybreak = NETFRONT_COPYBREAK;
	nf->tx_limit = NETFRONT_RING;
	nf->rx_limit = NETFRONT_RING;
	nf->rss.types = XEN_NETIF_CTRL_HASH_TYPE_IPV4 |
			XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |
			XEN_NETIF_CTRL_HASH_TYPE_IPV6 |
			XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP;
	netdev_rss_key_fill(nf->rss.key, sizeof(nf->rss.key));
	for (i = 0; i < NETFRONT_RSS_INDIR; i++)
		nf->rss.indir[i] = ethtool_rxfh_indir_default(i, nr);
	INIT_LIST_HEAD(&nf->mcast);
	INIT_DELAYED_WORK(&nf->mcast_work, netfront_mcast_work);
	INIT_DELAYED_WORK(&nf->notify, netfront_notify_work);
	timer_setup(&nf->look, netfront_look_for_answers, 0);
	netfront_ctrl_init(nf);
	pd->priv = nf;

	err = netfront_alloc_queues(nf);
	if (!err)
		err = netfront_read_mac(pd, mac);
	if (err)
		goto fail;
	eth_hw_addr_set(dev, mac);
	netfront_init_netdev(dev);
	err = netfront_read_mtu(nf);
	if (!err)
		err = register_netdev(dev);
	if (err)
		goto fail;
	return 0;

fail:
	netfront_free(nf);
	return err;
}

static void netfront_remove(struct pv_device *pd)
{
	struct netfront *nf = pd->priv;

	unregister_netdev(nf->dev);
	cancel_delayed_work_sync(&nf->mcast_work);
	cancel_delayed_work_sync(&nf->notify);
	netfront_mcast_forget(nf);
	netfront_free(nf);
}

/* ---- a connection ---- */

static void netfront_disconnect_queue(struct netfront_queue *q)
{
	pv_channel_close(&q->tx_channel);
	pv_channel_close(&q->rx_channel);
	netfront_tx_disconnect(q);
	netfront_rx_disconnect(q);
	pv_grant_put(&q->pool, &q->tx_staged);
	pv_grant_pool_destroy(&q->pool);
	pv_shared_destroy(&q->tx_shared);
	pv_shared_destroy(&q->rx_shared);
	q->bounce = false;
	q->asked = false;
	q->mapped = false;
}

static int netfront_open_queue(struct netfront *nf, struct netfront_queue *q)
{
	struct pv_channel_config config = {
		.name = q->name,
		.ring = &q->tx,
		.stats = &q->tx_stats,
		.context = PV_NAPI,
		.napi = &q->napi,
		.cpu = q->id,
	};
	int err;

	q->split = pv_feature(nf->pd, F_SPLIT);
	snprintf(q->name, sizeof(q->name), "%s-q%u%s", nf->dev->name, q->id,
		 q->split ? "-tx" : "");
	err = pv_grant_pool_init(&q->pool, nf->pd, QUEUE_GRANTS, &q->rx_stats);
	if (err)
		return err;
	if (!pv_grant_pool_reserve(&q->pool, STAGED_GRANTS))
		return -ENOSPC;
	err = pv_shared_create(nf->pd, &q->tx_shared, 1);
	if (err)
		return err;
	err = pv_shared_create(nf->pd, &q->rx_shared, 1);
	if (err)
		return err;
	pv_ring_init_front(&q->tx, q->tx_shared.mem, 1,
			   sizeof(union netfront_tx_slot), &q->tx_stats);
	pv_ring_init_front(&q->rx, q->rx_shared.mem, 1,
			   sizeof(union netfront_rx_slot), &q->rx_stats);
	if (!q->split) {
		config.also = &q->rx;
		return pv_channel_open(&q->tx_channel, nf->pd, &config);
	}
	err = pv_channel_open(&q->tx_channel, nf->pd, &config);
	if (err)
		return err;
	snprintf(q->name, sizeof(q->name), "%s-q%u-rx", nf->dev->name, q->id);
	config.ring = &q->rx;
	config.stats = &q->rx_stats;
	return pv_channel_open(&q->rx_channel, nf->pd, &config);
}

/* As many of @nr queues as there are grants and channels for, one at least. */
static int netfront_open_queues(struct netfront *nf, unsigned int nr)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		err = netfront_open_queue(nf, &nf->queue[i]);
		if (!err)
			continue;
		if (!i || err != -ENOSPC)
			return err;
		netfront_disconnect_queue(&nf->queue[i]);
		netdev_warn(nf->dev, "grants or event channels for %u queues only, not for %u\n",
			    i, nr);
		break;
	}
	WRITE_ONCE(nf->nr_queues, i);
	return 0;
}

/* Only where programs look at packets in the page they came in, see xdp.c. */
static u32 netfront_wanted_headroom(const struct netfront *nf)
{
	return nf->xdp && nf->connected && !nf->queue[0].bounce ?
	       XDP_PACKET_HEADROOM : 0;
}

/* What we take depends on whether there is a program. Returns whether it is news. */
static bool netfront_offer_for_program(struct netfront *nf)
{
	bool program = READ_ONCE(nf->xdp), news = false;
	const struct {
		unsigned int id;
		u64 value;
	} want[] = {
		{ F_FRONT_GSO4, !program },
		{ F_FRONT_GSO6, !program },
		{ F_FRONT_NO_CSUM, program },
		{ F_FRONT_CSUM6, !program },
		{ F_FRONT_HEADROOM, netfront_wanted_headroom(nf) },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		news |= pv_feature(nf->pd, want[i].id) != want[i].value;
		pv_feature_offer(nf->pd, want[i].id, want[i].value);
	}
	return news;
}

/**
 * netfront_tell_program() - a program has come or gone, or a connection
 * @nf: the interface
 *
 * A backend without headroom for XDP may know no Reconfiguring, and give up.
 *
 * Context: process, under rtnl.
 */
void netfront_tell_program(struct netfront *nf)
{
	ASSERT_RTNL();
	if (nf->connected && pv_feature(nf->pd, F_BACK_HEADROOM) &&
	    netfront_offer_for_program(nf))
		pv_device_reconfigure(nf->pd);
}

static int netfront_negotiate(struct pv_device *pd)
{
	struct netfront *nf = pd->priv;
	unsigned int max = max_t(u64, pv_feature(pd, F_MAX_QUEUES), 1);
	int err = 0;

	/* The control ring needs little, and all queues need it. */
	if (pv_feature(pd, F_CTRL))
		err = netfront_ctrl_open(nf);
	if (!err)
		err = netfront_open_queues(nf, min(nf->want_queues, max));
	pv_feature_offer(pd, F_NUM_QUEUES, nf->nr_queues);
	pv_feature_offer(pd, F_RX_COPY, 1);
	pv_feature_offer(pd, F_RX_NOTIFY, 1);
	pv_feature_offer(pd, F_FRONT_SG, 1);
	pv_feature_offer(pd, F_FRONT_MCAST, 0);
	nf->mcast_on = false;
	netfront_offer_for_program(nf);
	return err;
}

static int netfront_publish_queue(struct netfront *nf, struct netfront_queue *q,
				  struct xenbus_transaction xbt)
{
	struct pv_device *pd = nf->pd;
	char dir[PV_QUEUE_DIR];
	int err;

	pv_queue_dir(dir, nf->nr_queues, q->id);
	err = pv_shared_publish(pd, xbt, dir, "tx-ring-ref", false,
				&q->tx_shared);
	if (!err)
		err = pv_shared_publish(pd, xbt, dir, "rx-ring-ref", false,
					&q->rx_shared);
	if (err)
		return err;
	if (!q->split)
		return pv_device_write_port(pd, xbt, dir, "event-channel", q->tx_channel.port);
	err = pv_device_write_port(pd, xbt, dir, "event-channel-tx",
				   q->tx_channel.port);
	if (!err)
		err = pv_device_write_port(pd, xbt, dir, "event-channel-rx",
					   q->rx_channel.port);
	return err;
}

static int netfront_publish(struct pv_device *pd,
			    struct xenbus_transaction xbt)
{
	struct netfront *nf = pd->priv;
	unsigned int i;
	int err;

	err = netfront_ctrl_publish(nf, xbt);
	for (i = 0; i < nf->nr_queues && !err; i++)
		err = netfront_publish_queue(nf, &nf->queue[i], xbt);
	return err;
}

/* Staged pages are made without waiting for memory: wait here. */
static int netfront_take_staged(struct netfront_queue *q, struct pv_grant_chain *chain)
{
	int err, tries;

	for (tries = 0; tries < 5; tries++) {
		err = pv_grant_take_staged(&q->pool, NETFRONT_RING, chain);
		if (err != -ENOMEM)
			break;
		msleep(20);
	}
	return err;
}

static bool netfront_map_chains(struct netfront_queue *q)
{
	return !netfront_ctrl_map(q->nf, q->id, &q->tx_staged) &&
	       !netfront_ctrl_map(q->nf, q->id, &q->rx_grants);
}

/*
 * Stage the receive ring's pages, too, if the backend keeps both rings' mapped,
 * if it must not see others, or if there are no grants for others. Bounced, the
 * data path works with any backend.
 */
static int netfront_stage_rx(struct netfront_queue *q)
{
	struct netfront *nf = q->nf;
	bool map = staging_grants &&
		   netfront_ctrl_map_size(nf, q->id) >= 2 * NETFRONT_RING;
	int err;

	if (!map && !nf->zero && pv_grant_pool_reserve(&q->pool, QUEUE_GRANTS))
		return 0;
	err = netfront_take_staged(q, &q->rx_grants);
	if (err)
		return err;
	q->bounce = true;
	q->asked = map;
	q->mapped = map && netfront_map_chains(q);
	if (map && !q->mapped)
		netfront_ctrl_unmap(nf, q->id, &q->tx_staged);
	return 0;
}

static int netfront_connect_queue(struct netfront_queue *q)
{
	int err;

	err = netfront_take_staged(q, &q->tx_staged);
	if (!err)
		err = netfront_stage_rx(q);
	if (!err)
		err = netfront_tx_connect(q, q->bounce);
	if (!err)
		err = netfront_rx_connect(q, q->bounce);
	if (!err)
		netfront_rx_start(q);
	return err;
}

static netdev_features_t netfront_backend_offloads(struct pv_device *pd)
{
	netdev_features_t offload = 0;

	if (pv_feature(pd, F_BACK_SG))
		offload |= NETIF_F_SG;
	if (!pv_feature(pd, F_BACK_NO_CSUM))
		offload |= NETIF_F_IP_CSUM;
	if (pv_feature(pd, F_BACK_CSUM6))
		offload |= NETIF_F_IPV6_CSUM;
	if (pv_feature(pd, F_BACK_GSO4))
		offload |= NETIF_F_TSO;
	if (pv_feature(pd, F_BACK_GSO6))
		offload |= NETIF_F_TSO6;
	return offload;
}

/*
 * A CPU sends by the queue whose interrupts it has: see pv_channel_config.cpu.
 * What somebody else has set stays as long as the number of queues does.
 */
static void netfront_spread_cpus(struct netfront *nf)
{
	unsigned int cpu, i, at;
	cpumask_var_t mask;

	if (nf->nr_spread == nf->nr_queues || !zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	for (i = 0; i < nf->nr_queues; i++) {
		cpumask_clear(mask);
		at = 0;
		cpus_read_lock();
		for_each_online_cpu(cpu)
			if (at++ % nf->nr_queues == i)
				cpumask_set_cpu(cpu, mask);
		cpus_read_unlock();
		netif_set_xps_queue(nf->dev, mask, i);
	}
	nf->nr_spread = nf->nr_queues;
	free_cpumask_var(mask);
}

/* What the stack knows of the backend. Under rtnl. */
static void netfront_update_netdev(struct netfront *nf)
{
	struct net_device *dev = nf->dev;

	netif_set_real_num_tx_queues(dev, nf->nr_queues);
	netif_set_real_num_rx_queues(dev, nf->nr_queues);
	netfront_spread_cpus(nf);
	nf->offload = netfront_backend_offloads(nf->pd);
	nf->has_sg = nf->offload & NETIF_F_SG;
	dev->max_mtu = nf->has_sg ? NETFRONT_MAX_MTU : ETH_DATA_LEN;
	if (dev->mtu > dev->max_mtu) {
		netdev_warn(dev, "the backend takes packets of one slot only, MTU %u is too large\n",
			    dev->mtu);
		dev_set_mtu(dev, dev->max_mtu);
	}
	netdev_update_features(dev);
}

static void netfront_set_live(struct netfront_queue *q, bool live)
{
	__netif_tx_lock_bh(q->txq);
	q->live = live;
	if (!live)
		netif_tx_stop_queue(q->txq);
	__netif_tx_unlock_bh(q->txq);
}

static void netfront_set_carrier(struct netfront *nf)
{
	if (pv_feature(nf->pd, F_CARRIER))
		netif_carrier_on(nf->dev);
	else
		netif_carrier_off(nf->dev);
}

/* The backend knows nothing yet that is not in a ring. Under rtnl. */
static void netfront_tell_backend(struct netfront *nf)
{
	netfront_tell_program(nf);
	if (nf->rss.set && netfront_ctrl_rss(nf))
		netdev_warn(nf->dev, "the backend does not spread packets by hash\n");
	if (pv_feature(nf->pd, F_MCAST))
		schedule_delayed_work(&nf->mcast_work, 0);
	schedule_delayed_work(&nf->notify, 0);
}

static int netfront_connect(struct pv_device *pd)
{
	struct netfront *nf = pd->priv;
	unsigned int i;
	int err = 0;

	nf->zero = !pv_device_trusted(pd, trusted);
	netfront_ctrl_start(nf);
	netfront_mcast_forget(nf);
	for (i = 0; i < nf->nr_queues && !err; i++)
		err = netfront_connect_queue(&nf->queue[i]);
	if (err)
		return err;

	rtnl_lock();
	netfront_update_netdev(nf);
	for (i = 0; i < nf->nr_queues; i++)
		netfront_set_live(&nf->queue[i], true);
	WRITE_ONCE(nf->connected, true);
	netfront_start_polling(nf);
	if (netif_running(nf->dev))
		netif_tx_wake_all_queues(nf->dev);
	netfront_set_carrier(nf);
	netfront_tell_backend(nf);
	rtnl_unlock();
	netfront_look_later(nf);

	netdev_info(nf->dev, "%u queues, %s%s%s\n", nf->nr_queues,
		    nf->queue[0].mapped ? "staging grants" :
		    nf->queue[0].bounce ? "bounced pages" : "direct grants",
		    nf->queue[0].split ? ", split event channels" : "",
		    nf->has_sg ? "" : ", no scatter-gather");
	return 0;
}

static void netfront_change(struct pv_device *pd)
{
	struct netfront *nf = pd->priv;

	if (!pv_feature_reread(pd, F_CARRIER) && nf->connected)
		netfront_set_carrier(nf);
}

/* What the old backend has begun the new one does not end. Under rtnl. */
static void netfront_forget_halves(struct netfront *nf)
{
	unsigned int i;

	for (i = 0; i < nf->nr_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		if (!q->polling)
			continue;
		/* All that it has left is seen first. */
		local_bh_disable();
		napi_schedule(&q->napi);
		local_bh_enable();
		napi_disable(&q->napi);
		netfront_rx_forget(q);
		napi_enable(&q->napi);
		local_bh_disable();
		napi_schedule(&q->napi);
		local_bh_enable();
	}
}

static void netfront_restarted(struct pv_device *pd)
{
	struct netfront *nf = pd->priv;
	unsigned int i;

	/* The work may run: all goes on meanwhile. */
	WRITE_ONCE(nf->mcast_stale, true);
	rtnl_lock();
	netfront_forget_halves(nf);
	rtnl_unlock();
	netfront_ctrl_start(nf);
	for (i = 0; i < nf->nr_queues; i++)
		if (nf->queue[i].mapped)
			netfront_map_chains(&nf->queue[i]);
	rtnl_lock();
	netfront_update_netdev(nf);
	netfront_set_carrier(nf);
	netfront_tell_backend(nf);
	rtnl_unlock();
	netdev_info(nf->dev, "the backend has restarted\n");
}

/* Whether somebody is there to ask for the pages. */
static bool netfront_backend_listens(struct pv_device *pd)
{
	int state = pv_device_peer_state(pd);

	return state == XenbusStateConnected ||
	       state == XenbusStateReconfigured;
}

/* Mapped pages come back at once if the backend is asked for them. */
static void netfront_unmap_staged(struct netfront *nf)
{
	unsigned int i;

	if (!netfront_backend_listens(nf->pd))
		return;
	for (i = 0; i < nf->max_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		/* Also if it has not said that it does. */
		if (!q->asked)
			continue;
		netfront_ctrl_unmap(nf, i, &q->tx_staged);
		netfront_ctrl_unmap(nf, i, &q->rx_grants);
	}
}

static void netfront_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct netfront *nf = pd->priv;
	unsigned int i;

	WRITE_ONCE(nf->connected, false);
	cancel_delayed_work_sync(&nf->mcast_work);
	cancel_delayed_work_sync(&nf->notify);
	timer_delete_sync(&nf->look);
	rtnl_lock();
	netif_carrier_off(nf->dev);
	netfront_stop_polling(nf);
	for (i = 0; i < nf->max_queues; i++)
		netfront_set_live(&nf->queue[i], false);
	rtnl_unlock();

	netfront_unmap_staged(nf);
	for (i = 0; i < nf->max_queues; i++)
		netfront_disconnect_queue(&nf->queue[i]);
	netfront_ctrl_close(nf);
}

static void netfront_show(struct pv_device *pd, struct seq_file *m)
{
	struct netfront *nf = pd->priv;
	unsigned int i;

	seq_printf(m, "interface %s\nxdp %d\n", nf->dev->name, !!nf->xdp);
	for (i = 0; i < nf->nr_queues; i++) {
		struct netfront_queue *q = &nf->queue[i];

		seq_printf(m, "queue %u %s%s\n", i,
			   q->bounce ? "bounced" : "direct",
			   q->mapped ? " mapped" : "");
		seq_printf(m, "tx in flight %u\n", q->tx.prod - q->tx.cons);
		pv_stats_show(m, &q->tx_stats);
		seq_printf(m, "rx posted %u\n", q->rx.prod - q->rx.cons);
		pv_stats_show(m, &q->rx_stats);
	}
}

static struct pv_driver netfront_driver = {
	.name = KBUILD_MODNAME,
	.type = "vif",
	.end = PV_FRONT,
	.features = netfront_features,
	.nr_features = ARRAY_SIZE(netfront_features),
	.emulated = PV_EMULATED_NICS,
	.probe = netfront_probe,
	.remove = netfront_remove,
	.negotiate = netfront_negotiate,
	.publish = netfront_publish,
	.connect = netfront_connect,
	.change = netfront_change,
	.restarted = netfront_restarted,
	.disconnect = netfront_disconnect,
	.show = netfront_show,
	.peer_key = "carrier",
	.direct = true,
};

static int __init netfront_init(void)
{
	int err;

	if (max_queues > num_possible_cpus()) {
		pr_warn("max_queues=%u: there are %u CPUs, taken as that\n",
			max_queues, num_possible_cpus());
		max_queues = num_possible_cpus();
	}
	err = pv_driver_register(&netfront_driver);
	if (err)
		pr_err("cannot register with xenbus: %d\n", err);
	return err;
}
module_init(netfront_init);

static void __exit netfront_exit(void)
{
	pv_driver_unregister(&netfront_driver);
}
module_exit(netfront_exit);

MODULE_DESCRIPTION("Network frontend: a Xen guest's virtual interfaces");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen:vif");
MODULE_ALIAS("xennet");
