// SPDX-License-Identifier: GPL-2.0
/*
 * Network backend: module, negotiation and life cycle.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "../ring/compat.h"
#include "netback.h"

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most queues a vif (default: CPUs of this domain, at most 8)");

static bool separate_tx_rx_irq = true;
module_param(separate_tx_rx_irq, bool, 0444);
MODULE_PARM_DESC(separate_tx_rx_irq, "Offer an event channel for each direction (default Y)");

unsigned int netback_drain_ms = 10000;
module_param_named(rx_drain_timeout_msecs, netback_drain_ms, uint, 0444);
MODULE_PARM_DESC(rx_drain_timeout_msecs, "Milliseconds a guest may take no packets before they are dropped (default 10000)");

unsigned int netback_stall_ms = 60000;
module_param_named(rx_stall_timeout_msecs, netback_stall_ms, uint, 0444);
MODULE_PARM_DESC(rx_stall_timeout_msecs, "Milliseconds after that until the link is down (default 60000)");

unsigned int netback_fatal_slots = 20;
module_param_named(fatal_skb_slots, netback_fatal_slots, uint, 0444);
MODULE_PARM_DESC(fatal_skb_slots, "A packet of more slots disables the device; from 19 on it is dropped (18 to 26, default 20)");

static bool provides_xdp_headroom = true;
module_param(provides_xdp_headroom, bool, 0644);
MODULE_PARM_DESC(provides_xdp_headroom, "Offer room before each packet for the guest's XDP (default Y)");

static unsigned int max_staged_grefs = NETBACK_MAX_GREFS;
module_param(max_staged_grefs, uint, 0644);
MODULE_PARM_DESC(max_staged_grefs, "Most pages that a guest may keep mapped, a queue (0 to 512, default 512)");

static bool feature_ctrl_ring = true;
module_param(feature_ctrl_ring, bool, 0644);
MODULE_PARM_DESC(feature_ctrl_ring, "Offer the control ring: hashing, staging grants (default Y)");

/* The keys of netif.h. */
static const struct pv_feature netback_features[] = {
	PV_BACK_KEY(NETBACK_SG, "feature-sg", 0, 1, 0),
	PV_BACK_KEY(NETBACK_GSO4, "feature-gso-tcpv4", 0, 1, 0),
	PV_BACK_KEY(NETBACK_GSO6, "feature-gso-tcpv6", 0, 1, 0),
	PV_BACK_KEY(NETBACK_CSUM6, "feature-ipv6-csum-offload", 0, 1, 0),
	PV_BACK_KEY(NETBACK_RX_COPY, "feature-rx-copy", 0, 1, 0),
	PV_BACK_KEY(NETBACK_RX_FLIP, "feature-rx-flip", 0, 1, 0),
	PV_BACK_KEY(NETBACK_MCAST, "feature-multicast-control", 0, 1, 0),
	PV_BACK_KEY(NETBACK_DYN_MCAST, "feature-dynamic-multicast-control", 0, 1, 0),
	PV_BACK_KEY(NETBACK_SPLIT, "feature-split-event-channels", 0, 1, 0),
	PV_BACK_KEY(NETBACK_MAX_QUEUES, "multi-queue-max-queues", 0, U32_MAX, 0),
	PV_BACK_KEY(NETBACK_CTRL, "feature-ctrl-ring", 0, 1, 0),
	PV_BACK_KEY(NETBACK_XDP, "feature-xdp-headroom", 0, 1, 0),
	PV_FRONT_ASKS(NETBACK_FRONT_QUEUES, "multi-queue-num-queues", 1, U32_MAX, 1,
		      NETBACK_MAX_QUEUES),
	PV_FRONT_KEY(NETBACK_FRONT_RX_COPY, "request-rx-copy", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_RX_NOTIFY, "feature-rx-notify", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_SG, "feature-sg", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_GSO4, "feature-gso-tcpv4", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_GSO6, "feature-gso-tcpv6", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_NO_CSUM4, "feature-no-csum-offload", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_CSUM6, "feature-ipv6-csum-offload", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_MCAST, "request-multicast-control", 0, 1, 0),
	PV_FRONT_KEY(NETBACK_FRONT_XDP_HEADROOM, "xdp-headroom", 0, XEN_PAGE_SIZE / 2,
		     0),
};

static_assert(ARRAY_SIZE(netback_features) == NETBACK_NR_FEATURES);

static struct netback *netback_to_netback(struct pv_device *pd)
{
	return pd->priv;
}

/* ---- the toolstack's script ---- */

static void netback_hotplug_changed(struct pv_device *pd)
{
	if (!netback_to_netback(pd)->up)
		pv_device_poke(pd);
}

/*
 * The script puts the vif on its bridge, and says so. A guest must not be
 * connected before; without a script nobody says anything.
 */
static int netback_check_hotplug(struct pv_device *pd)
{
	char *text = pv_device_read_own_option(pd, "hotplug-status");
	bool script = !text, done;

	if (script)
		text = pv_device_read_own_option(pd, "script");
	if (IS_ERR_OR_NULL(text))
		return PTR_ERR(text);
	done = !script && !strcmp(text, "connected");
	kfree(text);
	return done ? 0 : -EAGAIN;
}

/* ---- credit ---- */

/* "BYTES,MICROSECONDS": what the guest may send. */
static int netback_read_rate(struct netback *nb)
{
	char *text = pv_device_read_own_option(nb->pd, "rate");
	unsigned long bytes, usecs;
	int err = 0;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!text) {
		WRITE_ONCE(nb->credit, 0);
		return 0;
	}
	if (sscanf(text, "%lu,%lu", &bytes, &usecs) != 2 || !usecs ||
	    usecs > U32_MAX) {
		err = -EINVAL;
		pv_device_error(nb->pd, err,
				"rate is \"%*pE\": it must be BYTES,MICROSECONDS",
				(int)strnlen(text, 40), text);
	} else {
		WRITE_ONCE(nb->credit_ns, usecs * NSEC_PER_USEC);
		WRITE_ONCE(nb->credit, bytes < U32_MAX ? bytes : 0);
	}
	kfree(text);
	return err;
}

static void netback_rate_changed(struct pv_device *pd)
{
	struct netback *nb = netback_to_netback(pd);
	unsigned int i;
	int err;

	if (!nb->up)
		return;
	err = netback_read_rate(nb);
	/* (Nonsense has been reported.) */
	if (err && err != -EINVAL)
		pv_watch_again(&nb->rate);
	if (err)
		return;
	/* What waits for credit need not wait as long as it was to. */
	local_bh_disable();
	for (i = 0; i < nb->nr_queues; i++)
		napi_schedule(&nb->queue[i].napi);
	local_bh_enable();
}

/* ---- queues ---- */

/**
 * netback_park() - keep a queue from everything but its own counters
 * @q: the queue
 *
 * Afterwards neither its NAPI nor the transmit function runs.
 *
 * Context: process, may sleep.
 * Return: whether it was up, for netback_unpark().
 */
bool netback_park(struct netback_queue *q)
{
	struct netdev_queue *txq = netdev_get_tx_queue(q->nb->dev, q->index);
	bool up;

	if (!q->up)
		return false;
	napi_disable(&q->napi);
	__netif_tx_lock_bh(txq);
	up = q->up;
	q->up = false;
	/* Nothing is dropped while it is parked, and nobody wakes it. */
	netif_tx_stop_queue(txq);
	__netif_tx_unlock_bh(txq);
	return up;
}

/**
 * netback_unpark() - let it go on
 * @q: the queue, parked
 */
void netback_unpark(struct netback_queue *q)
{
	struct netdev_queue *txq = netdev_get_tx_queue(q->nb->dev, q->index);

	__netif_tx_lock_bh(txq);
	q->up = true;
	__netif_tx_unlock_bh(txq);
	netback_to_start(q);
	napi_enable(&q->napi);
	/* What came meanwhile was not noticed. */
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();
}

/* One event channel a direction, or one for both. */
static int netback_open_channels(struct netback_queue *q, const char *dir)
{
	struct pv_device *pd = q->nb->pd;
	struct pv_channel_config from = {
		.name = q->name,
		.ring = &q->from.ring,
		.stats = &q->from.counters.ring,
		.context = PV_NAPI,
		.napi = &q->napi,
		/* Vifs of one queue must not meet on one CPU. */
		.cpu = pd->xb->otherend_id + q->index,
	}, to = from;
	char key[PV_QUEUE_DIR + 32];
	char *split;
	int err;

	snprintf(q->name, sizeof(q->name), "%s-q%u", q->nb->dev->name,
		 q->index);
	snprintf(key, sizeof(key), "%sevent-channel-tx", dir);
	split = pv_device_read_peer_option(pd, key);
	if (IS_ERR(split))
		return PTR_ERR(split);
	if (!split) {
		from.also = &q->to.ring;
		q->to.kick = &q->from.channel;
		err = pv_device_read_port(pd, dir, "event-channel",
					  &from.remote_port);
		return err ?: pv_channel_open(&q->from.channel, pd, &from);
	}
	kfree(split);
	to.ring = &q->to.ring;
	to.stats = &q->to.counters.ring;
	q->to.kick = &q->to.channel;
	err = pv_device_read_port(pd, dir, "event-channel-tx",
				  &from.remote_port);
	if (!err)
		err = pv_device_read_port(pd, dir, "event-channel-rx",
					  &to.remote_port);
	if (!err)
		err = pv_channel_open(&q->from.channel, pd, &from);
	if (!err)
		err = pv_channel_open(&q->to.channel, pd, &to);
	return err;
}

static int netback_open_queue(struct netback_queue *q)
{
	struct netback *nb = q->nb;
	struct pv_device *pd = nb->pd;
	char dir[PV_QUEUE_DIR];
	int err;

	pv_queue_dir(dir, nb->nr_queues, q->index);
	err = pv_shared_map(pd, &q->from.shared, dir, "tx-ring-ref", false, 1);
	if (!err)
		err = pv_shared_map(pd, &q->to.shared, dir, "rx-ring-ref",
				    false, 1);
	if (err)
		return err;
	err = pv_ring_init_back(&q->from.ring, q->from.shared.mem, 1,
				sizeof(struct xen_netif_tx_request),
				&q->from.counters.ring);
	if (!err)
		err = pv_ring_init_back(&q->to.ring, q->to.shared.mem, 1,
					sizeof(struct xen_netif_rx_request),
					&q->to.counters.ring);
	if (err) {
		pv_device_error(pd, err, "queue %u: the indices of a ring are wrong",
				q->index);
		return err;
	}
	err = pv_map_init(&q->map, pd,
			  min_t(unsigned int, max_staged_grefs,
				NETBACK_MAX_GREFS), &q->map_stats);
	if (!err)
		err = netback_from_open(q);
	if (!err)
		err = netback_to_open(q);
	if (!err)
		err = netback_open_channels(q, dir);
	return err;
}

/* Also of a queue that was opened in part, or not at all. */
static void netback_close_queue(struct netback_queue *q)
{
	if (netback_park(q)) {
		netback_from_leave(q);
		netback_to_leave(q);
	}
	pv_napi_set_irq(&q->napi, -1);
	pv_channel_close(&q->to.channel);
	pv_channel_close(&q->from.channel);
	netback_to_close(q);
	netback_from_close(q);
	pv_map_destroy(&q->map);
	pv_shared_unmap(q->nb->pd, &q->to.shared);
	pv_shared_unmap(q->nb->pd, &q->from.shared);
}

static void netback_start_queue(struct netback_queue *q)
{
	pv_napi_set_irq(&q->napi, q->from.channel.irq);
	netback_unpark(q);
	pv_channel_start(&q->from.channel);
	if (q->to.kick == &q->to.channel)
		pv_channel_start(&q->to.channel);
}

/* ---- hooks ---- */

static int netback_probe(struct pv_device *pd)
{
	struct net_device *dev = netback_vif_create(pd, max_queues);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	pd->priv = netdev_priv(dev);
	err = pv_watch_own(pd, &netback_to_netback(pd)->hotplug, "hotplug-status",
			   netback_hotplug_changed);
	if (!err)
		err = pv_watch_own(pd, &netback_to_netback(pd)->rate, "rate",
				   netback_rate_changed);
	if (err) {
		pv_watch_stop(&netback_to_netback(pd)->hotplug);
		netback_vif_destroy(netback_to_netback(pd));
	}
	return err;
}

static void netback_remove(struct pv_device *pd)
{
	netback_vif_destroy(netback_to_netback(pd));
}

static int netback_offer(struct pv_device *pd)
{
	static const unsigned int can[] = {
		NETBACK_SG, NETBACK_GSO4, NETBACK_GSO6, NETBACK_CSUM6,
		NETBACK_RX_COPY, NETBACK_MCAST, NETBACK_DYN_MCAST,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(can); i++)
		pv_feature_offer(pd, can[i], 1);
	pv_feature_offer(pd, NETBACK_SPLIT, separate_tx_rx_irq);
	pv_feature_offer(pd, NETBACK_MAX_QUEUES, max_queues);
	pv_feature_offer(pd, NETBACK_CTRL, READ_ONCE(feature_ctrl_ring));
	pv_feature_offer(pd, NETBACK_XDP, READ_ONCE(provides_xdp_headroom));
	return 0;
}

/* What the table cannot say. */
static int netback_check_features(struct netback *nb)
{
	if (!pv_feature(nb->pd, NETBACK_FRONT_RX_COPY)) {
		pv_device_error(nb->pd, -EOPNOTSUPP,
				"request-rx-copy is 0: only copying is offered");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int netback_connect(struct pv_device *pd)
{
	struct netback *nb = netback_to_netback(pd);
	unsigned int i;
	int err;

	err = netback_check_hotplug(pd);
	if (!err)
		err = netback_check_features(nb);
	if (!err)
		err = netback_read_rate(nb);
	if (err)
		return err;
	/* It begins with what there is for one period. */
	nb->bucket.left = 0;
	nb->bucket.at = ktime_get_ns() - nb->credit_ns;
	nb->nr_queues = pv_feature(pd, NETBACK_FRONT_QUEUES);
	nb->rx_notify = pv_feature(pd, NETBACK_FRONT_RX_NOTIFY);
	atomic_set(&nb->dead, 0);
	for (i = 0; i < nb->nr_queues && !err; i++)
		err = netback_open_queue(&nb->queue[i]);
	if (!err)
		err = netback_ctrl_open(nb);
	if (err)
		return err;

	rtnl_lock();
	netback_vif_features(nb);
	err = netif_set_real_num_tx_queues(nb->dev, nb->nr_queues);
	if (!err)
		err = netif_set_real_num_rx_queues(nb->dev, nb->nr_queues);
	rtnl_unlock();
	if (err)
		return err;

	WRITE_ONCE(nb->up, true);
	for (i = 0; i < nb->nr_queues; i++)
		netback_start_queue(&nb->queue[i]);
	netback_ctrl_start(nb);
	netif_carrier_on(nb->dev);
	/* Before the word that it is connected. */
	schedule_work(&nb->carrier);
	flush_work(&nb->carrier);
	dev_info(&pd->xb->dev, "%s: %u queue(s), %s\n", nb->dev->name,
		 nb->nr_queues,
		 nb->queue[0].to.kick == &nb->queue[0].to.channel ?
		 "an event channel each way" : "one event channel each");
	return 0;
}

static int netback_reconfigure(struct pv_device *pd)
{
	rtnl_lock();
	netback_vif_features(netback_to_netback(pd));
	rtnl_unlock();
	return 0;
}

/* netif.h: with the dynamic multicast filter the guest switches it at will. */
static void netback_change(struct pv_device *pd)
{
	if (!pv_feature_reread(pd, NETBACK_FRONT_MCAST))
		WRITE_ONCE(netback_to_netback(pd)->mcast_filter,
			   pv_feature(pd, NETBACK_FRONT_MCAST));
}

static void netback_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct netback *nb = netback_to_netback(pd);
	unsigned int i;

	WRITE_ONCE(nb->up, false);
	cancel_work_sync(&nb->carrier);
	/* It uses the queues. */
	netback_ctrl_close(nb);
	for (i = 0; i < nb->nr_queues; i++)
		netback_close_queue(&nb->queue[i]);
	nb->nr_queues = 0;
	/* Last: a queue that recovers turns it on. */
	netif_carrier_off(nb->dev);
	netback_vif_mcast_reset(nb);
}

static void netback_show_ring(struct seq_file *m, const char *name,
			      const struct pv_ring *ring)
{
	seq_printf(m, "  %s\n    slots        %u\n    req prod     %u\n    req cons     %u\n    req event    %u\n    rsp prod     %u\n    rsp prod pvt %u\n",
		   name, ring->size, READ_ONCE(ring->seen),
		   READ_ONCE(ring->cons), READ_ONCE(*ring->my_event),
		   READ_ONCE(ring->published), READ_ONCE(ring->prod));
}

static void netback_show(struct pv_device *pd, struct seq_file *m)
{
	struct netback *nb = netback_to_netback(pd);
	unsigned int i;

	seq_printf(m, "vif %s\nheadroom %u\nrate %llu bytes in %llu ns\n",
		   nb->dev->name, nb->headroom, nb->credit, nb->credit_ns);
	for (i = 0; i < nb->nr_queues; i++) {
		struct netback_queue *q = &nb->queue[i];

		seq_printf(m, "queue %u\n  mapped         %u\n  no credit      %u\n  slots wanted   %u\n  stalled        %u\n",
			   i, READ_ONCE(q->map.nr), READ_ONCE(q->from.held),
			   READ_ONCE(q->to.wanted), READ_ONCE(q->to.stalled));
		netback_show_ring(m, "from guest", &q->from.ring);
		pv_stats_show(m, &q->from.counters.ring);
		netback_show_ring(m, "to guest", &q->to.ring);
		pv_stats_show(m, &q->to.counters.ring);
		seq_puts(m, "  mappings\n");
		pv_stats_show(m, &q->map_stats);
	}
}

static struct pv_driver netback_driver = {
	.name = "pv-netback",
	.type = "vif",
	.end = PV_BACK,
	.resumable = true,
	.features = netback_features,
	.nr_features = ARRAY_SIZE(netback_features),
	.peer_key = "request-multicast-control",
	.probe = netback_probe,
	.remove = netback_remove,
	.offer = netback_offer,
	.connect = netback_connect,
	.reconfigure = netback_reconfigure,
	.change = netback_change,
	.disconnect = netback_disconnect,
	.show = netback_show,
};

static int __init netback_init(void)
{
	if (!max_queues)
		max_queues = min(num_online_cpus(), 8U);
	if (max_queues > 64) {
		pr_warn("max_queues=%u: at most 64, taken as that\n",
			max_queues);
		max_queues = 64;
	}
	netback_fatal_slots = clamp(netback_fatal_slots, 18U, 26U);
	return pv_driver_register(&netback_driver);
}
module_init(netback_init);

static void __exit netback_exit(void)
{
	pv_driver_unregister(&netback_driver);
}
module_exit(netback_exit);

MODULE_DESCRIPTION("Backend of Xen's paravirtual network device");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen-backend:vif");
