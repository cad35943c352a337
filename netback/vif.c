// SPDX-License-Identifier: GPL-2.0
/*
 * The netdev vifDOMAIN.HANDLE: what the host sees of a guest's interface.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "../ring/compat.h"
#include "netback.h"

/* What a guest may be able to take besides plain packets. */
#define GUEST_FEATURES	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_IP_CSUM | \
			 NETIF_F_IPV6_CSUM | NETIF_F_TSO | NETIF_F_TSO6)

/*
 * Tell the frontend whether there is a link. Not under rtnl: whoever else waits
 * for that need not wait for xenstore.
 *
 * netif.h: a key of the backend; its absence means up. Nothing is written
 * while nobody is connected, when the directory may be gone.
 */
static void netback_vif_carrier_work(struct work_struct *work)
{
	struct netback *nb = container_of(work, struct netback, carrier);

	if (READ_ONCE(nb->up))
		pv_device_write(nb->pd, XBT_NIL, "carrier", "%u",
				netif_running(nb->dev));
}

static int netback_vif_open(struct net_device *dev)
{
	struct netback *nb = netdev_priv(dev);
	unsigned int i;

	schedule_work(&nb->carrier);
	for (i = 0; i < nb->max_queues; i++)
		netback_to_start(&nb->queue[i]);
	return 0;
}

static int netback_vif_stop(struct net_device *dev)
{
	struct netback *nb = netdev_priv(dev);

	netif_tx_stop_all_queues(dev);
	schedule_work(&nb->carrier);
	return 0;
}

static netdev_features_t netback_vif_fix_features(struct net_device *dev,
						  netdev_features_t features)
{
	struct netback *nb = netdev_priv(dev);

	return features & ~(GUEST_FEATURES & ~nb->guest_features);
}

static int netback_vif_change_mtu(struct net_device *dev, int mtu)
{
	struct netback *nb = netdev_priv(dev);

	/* A larger packet takes several slots. */
	if (mtu > ETH_DATA_LEN && nb->up &&
	    !(nb->guest_features & NETIF_F_SG)) {
		netdev_err(dev, "mtu %d: the guest takes at most %d\n", mtu,
			   ETH_DATA_LEN);
		return -EINVAL;
	}
	WRITE_ONCE(dev->mtu, mtu);
	netback_to_count_slots(nb);
	return 0;
}

static u16 netback_vif_select_queue(struct net_device *dev, struct sk_buff *skb,
				    struct net_device *sb_dev)
{
	struct netback *nb = netdev_priv(dev);
	const struct netback_hash *h;
	u16 queue;
	u8 type;
	u32 hash;

	if (dev->real_num_tx_queues == 1)
		return 0;
	rcu_read_lock();
	h = rcu_dereference(nb->hash);
	if (likely(!h ||
		   h->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)) {
		queue = netdev_pick_tx(dev, skb, sb_dev);
	} else {
		/* 0 for what cannot be hashed. */
		hash = netback_hash_skb(h, skb, &type);
		if (h->size)
			queue = h->map[hash % h->size];
		else
			queue = hash % dev->real_num_tx_queues;
	}
	rcu_read_unlock();
	return queue < dev->real_num_tx_queues ? queue : 0;
}

/* The queues' counters live as long as the vif: nothing to wait for. */
static void netback_vif_get_stats64(struct net_device *dev,
				    struct rtnl_link_stats64 *stats)
{
	struct netback *nb = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < nb->max_queues; i++) {
		const struct netback_counters *from, *to;

		from = &nb->queue[i].from.counters;
		to = &nb->queue[i].to.counters;
		stats->rx_packets += READ_ONCE(from->packets);
		stats->rx_bytes += READ_ONCE(from->bytes);
		stats->rx_dropped += READ_ONCE(from->dropped);
		stats->rx_errors += READ_ONCE(from->bad);
		stats->tx_packets += READ_ONCE(to->packets);
		stats->tx_bytes += READ_ONCE(to->bytes);
		stats->tx_dropped += READ_ONCE(to->dropped);
		stats->tx_errors += READ_ONCE(to->bad);
	}
}

static const struct net_device_ops vif_ops = {
	.ndo_open = netback_vif_open,
	.ndo_stop = netback_vif_stop,
	.ndo_start_xmit = netback_xmit,
	.ndo_select_queue = netback_vif_select_queue,
	.ndo_get_stats64 = netback_vif_get_stats64,
	.ndo_fix_features = netback_vif_fix_features,
	.ndo_change_mtu = netback_vif_change_mtu,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_bpf = netback_bpf,
	.ndo_xdp_xmit = netback_xdp_xmit,
};

static void netback_vif_free(struct netback *nb)
{
	struct netback_queue *queue = nb->queue;

	kfree(nb->script);
	/* First: it takes the queues' NAPIs off its list. */
	free_netdev(nb->dev);
	kvfree(queue);
}

/*
 * Where udev's rules run the scripts, they wait for this: what xen-netback says
 * of its vifs. The device's nodes may be gone when it goes.
 */
static void netback_vif_tell_udev(struct netback *nb, enum kobject_action action)
{
	char vif[IFNAMSIZ + 4];
	char *env[3] = { vif, nb->script };

	snprintf(vif, sizeof(vif), "vif=%s", nb->dev->name);
	kobject_uevent_env(&nb->pd->xb->dev.kobj, action, env);
}

/* As udev is to see it. No script is no fault. */
static int netback_vif_read_script(struct netback *nb)
{
	char *text = pv_device_read_own_option(nb->pd, "script");
	int err = 0;

	if (IS_ERR_OR_NULL(text))
		return PTR_ERR(text);
	nb->script = kasprintf(GFP_KERNEL, "script=%s", text);
	if (!nb->script)
		err = -ENOMEM;
	kfree(text);
	return err;
}

/**
 * netback_vif_create() - make and register a vif
 * @pd: the device
 * @max_queues: queues that it may have
 *
 * The toolstack's script finds it by its name as soon as the device is at
 * InitWait, and puts it on a bridge.
 *
 * Context: process, takes rtnl.
 * Return: the netdev or an ERR_PTR(); the reason is in the error node.
 */
struct net_device *netback_vif_create(struct pv_device *pd,
				      unsigned int max_queues)
{
	struct net_device *dev;
	struct netback *nb;
	char name[IFNAMSIZ];
	u8 addr[ETH_ALEN];
	unsigned int i;
	u32 handle;
	char *text;
	int err;

	text = pv_device_read_own(pd, "handle");
	err = IS_ERR(text) ? PTR_ERR(text) : kstrtou32(text, 10, &handle);
	if (err) {
		pv_device_error(pd, err, "handle is %s: it must be a number",
				IS_ERR(text) ? "missing or cannot be read" : text);
		if (!IS_ERR(text))
			kfree(text);
		return ERR_PTR(err);
	}
	kfree(text);
	snprintf(name, sizeof(name), "vif%u.%u", pd->xb->otherend_id, handle);

	dev = alloc_netdev_mqs(sizeof(*nb), name, NET_NAME_UNKNOWN,
			       ether_setup, max_queues, max_queues);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	SET_NETDEV_DEV(dev, &pd->xb->dev);
	nb = netdev_priv(dev);
	nb->pd = pd;
	nb->dev = dev;
	nb->max_queues = max_queues;
	nb->guest_features = GUEST_FEATURES;
	nb->credit_ns = NSEC_PER_SEC;
	INIT_WORK(&nb->carrier, netback_vif_carrier_work);
	spin_lock_init(&nb->bucket.lock);
	spin_lock_init(&nb->mcast_lock);
	nb->queue = kvcalloc(max_queues, sizeof(*nb->queue), GFP_KERNEL);
	err = nb->queue ? netback_vif_read_script(nb) : -ENOMEM;
	if (err) {
		netback_vif_free(nb);
		return ERR_PTR(err);
	}

	dev->netdev_ops = &vif_ops;
	dev->ethtool_ops = &netback_ethtool_ops;
	pv_set_queue_stats(dev, &netback_stat_ops);
	pv_xdp_announce(dev);
	dev->hw_features = GUEST_FEATURES;
	dev->features = GUEST_FEATURES | NETIF_F_RXCSUM;
	/* Guests look for headers right behind the Ethernet header only. */
	dev->vlan_features = NETIF_F_SG | NETIF_F_FRAGLIST;
	dev->tx_queue_len = NETBACK_TX_QUEUE_LEN;
	/* Packets of a burst are on a list. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU - VLAN_ETH_HLEN;
	/*
	 * A bridge takes the numerically lowest address of its ports as its
	 * own: this one never is.
	 */
	eth_broadcast_addr(addr);
	addr[0] = 0xfe;
	eth_hw_addr_set(dev, addr);
	for (i = 0; i < max_queues; i++) {
		nb->queue[i].nb = nb;
		nb->queue[i].index = i;
		netif_napi_add(dev, &nb->queue[i].napi, netback_poll);
		pv_napi_link(&nb->queue[i].napi, i);
		netdev_queue_set_dql_min_limit(netdev_get_tx_queue(dev, i),
					       NETBACK_BURST_BYTES);
	}
	netif_carrier_off(dev);

	err = register_netdev(dev);
	if (err) {
		pv_device_error(pd, err, "cannot register %s", dev->name);
		netback_vif_free(nb);
		return ERR_PTR(err);
	}
	netback_vif_tell_udev(nb, KOBJ_ONLINE);
	return dev;
}

/**
 * netback_vif_destroy() - take the vif away
 * @nb: the vif, disconnected
 *
 * Context: process, takes rtnl.
 */
void netback_vif_destroy(struct netback *nb)
{
	netback_vif_tell_udev(nb, KOBJ_OFFLINE);
	unregister_netdev(nb->dev);
	cancel_work_sync(&nb->carrier);
	netback_vif_free(nb);
}

/**
 * netback_vif_features() - offer the stack what the guest can take
 * @nb: the vif, the frontend's keys read
 *
 * Context: process, rtnl held.
 */
void netback_vif_features(struct netback *nb)
{
	struct pv_device *pd = nb->pd;
	netdev_features_t can = 0;

	/* A list of buffers, as GRO makes it, is packed as its pages are. */
	if (pv_feature(pd, NETBACK_FRONT_SG))
		can |= NETIF_F_SG | NETIF_F_FRAGLIST;
	if (!pv_feature(pd, NETBACK_FRONT_NO_CSUM4))
		can |= NETIF_F_IP_CSUM;
	if (pv_feature(pd, NETBACK_FRONT_CSUM6))
		can |= NETIF_F_IPV6_CSUM;
	if (can & NETIF_F_SG && pv_feature(pd, NETBACK_FRONT_GSO4))
		can |= NETIF_F_TSO;
	if (can & NETIF_F_SG && pv_feature(pd, NETBACK_FRONT_GSO6))
		can |= NETIF_F_TSO6;
	nb->guest_features = can;
	nb->mcast_filter = pv_feature(pd, NETBACK_FRONT_MCAST);
	WRITE_ONCE(nb->headroom, pv_feature(pd, NETBACK_FRONT_XDP_HEADROOM));
	/* The largest packet must fit its slots. */
	pv_set_tso_max_size(nb->dev,
			    min_t(u32, GSO_LEGACY_MAX_SIZE,
				  NETBACK_MAX_SLOTS *
				  (XEN_PAGE_SIZE - nb->headroom) -
				  VLAN_ETH_HLEN));
	netdev_update_features(nb->dev);
	if (!(can & NETIF_F_SG) && nb->dev->mtu > ETH_DATA_LEN)
		dev_set_mtu(nb->dev, ETH_DATA_LEN);
	netback_to_count_slots(nb);
}

/* Where an address stands, or a free place if it is 0; or -1. */
static int netback_mcast_find(const struct netback *nb, u64 addr)
{
	/* Pairs with netback_mcast_add(). */
	unsigned int i, nr = smp_load_acquire(&nb->nr_mcast);

	for (i = 0; i < nr; i++)
		if (READ_ONCE(nb->mcast[i]) == addr)
			return i;
	return -1;
}

static bool netback_mcast_add(struct netback *nb, u64 addr)
{
	int at = netback_mcast_find(nb, 0);

	lockdep_assert_held(&nb->mcast_lock);
	if (at < 0 && nb->nr_mcast == NETBACK_MAX_MCAST)
		return false;
	if (at < 0)
		at = nb->nr_mcast;
	WRITE_ONCE(nb->mcast[at], addr);
	if (at == nb->nr_mcast)
		/* Pairs with netback_mcast_find(). */
		smp_store_release(&nb->nr_mcast, at + 1);
	return true;
}

/**
 * netback_vif_mcast() - the guest wants, or no longer wants, a group
 * @nb: the vif
 * @p: its message
 *
 * Context: NAPI.
 * Return: false if that is not possible.
 */
bool netback_vif_mcast(struct netback *nb, const struct netback_packet *p)
{
	u64 addr = ether_addr_to_u64(p->addr);
	bool ok = true;
	int at;

	if (!is_multicast_ether_addr(p->addr))
		return false;
	spin_lock(&nb->mcast_lock);
	at = netback_mcast_find(nb, addr);
	if (p->mcast == XEN_NETIF_EXTRA_TYPE_MCAST_DEL) {
		if (at >= 0)
			WRITE_ONCE(nb->mcast[at], 0);
	} else if (at < 0) {
		ok = netback_mcast_add(nb, addr);
	}
	spin_unlock(&nb->mcast_lock);
	return ok;
}

/**
 * netback_vif_wants() - whether the guest has asked for a multicast address
 * @nb: the vif
 * @addr: the address
 *
 * Takes no lock: a packet of the network console may come at any time.
 *
 * Context: any.
 * Return: whether it has.
 */
bool netback_vif_wants(struct netback *nb, const u8 *addr)
{
	return netback_mcast_find(nb, ether_addr_to_u64(addr)) >= 0;
}

/**
 * netback_vif_mcast_reset() - the guest has asked for nothing
 * @nb: the vif, its queues closed
 */
void netback_vif_mcast_reset(struct netback *nb)
{
	nb->nr_mcast = 0;
}
