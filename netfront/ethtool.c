// SPDX-License-Identifier: GPL-2.0
/*
 * What ethtool shows and sets.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>

#include "../ring/netdev.h"
#include "netfront.h"

/* ---- statistics ---- */

struct netfront_stat {
	char name[ETH_GSTRING_LEN - 6];
	size_t offset;
};

#define COUNT(field) \
	{ #field, offsetof(struct netfront_queue, count.field) }
#define RING(ring, field) \
	{ #ring "_" #field, offsetof(struct netfront_queue, ring##_stats.field) }
#define RX_FAULT(what, name) \
	{ "rx_fault_" name, offsetof(struct netfront_queue, count.rx_fault[what]) }

static const struct netfront_stat stats[] = {
	COUNT(tx_packets),
	COUNT(tx_bytes),
	COUNT(tx_dropped),
	COUNT(tx_errors),
	COUNT(tx_copied),
	COUNT(tx_granted),
	COUNT(tx_stopped),
	COUNT(tx_xdp),
	RING(tx, requests),
	RING(tx, publishes),
	RING(tx, kicks),
	RING(tx, kicks_saved),
	RING(tx, upcalls),
	RING(tx, spurious),
	RING(tx, bytes_copied),
	RING(tx, late),
	COUNT(rx_packets),
	COUNT(rx_bytes),
	COUNT(rx_dropped),
	COUNT(rx_no_memory),
	COUNT(rx_gso_fixed),
	COUNT(rx_xdp_drop),
	COUNT(rx_xdp_tx),
	COUNT(rx_xdp_redirect),
	COUNT(rx_xdp_unfit),
	RING(rx, responses),
	RING(rx, publishes),
	RING(rx, kicks),
	RING(rx, kicks_saved),
	RING(rx, upcalls),
	RING(rx, spurious),
	RING(rx, bytes_copied),
	RING(rx, quarantined),
	RX_FAULT(NETFRONT_RX_ERROR, "status"),
	RX_FAULT(NETFRONT_RX_ID, "id"),
	RX_FAULT(NETFRONT_RX_BEYOND_PAGE, "beyond_page"),
	RX_FAULT(NETFRONT_RX_SLOTS, "slots"),
	RX_FAULT(NETFRONT_RX_RUNT, "runt"),
	RX_FAULT(NETFRONT_RX_LONG, "long"),
	RX_FAULT(NETFRONT_RX_HEADROOM, "headroom"),
	RX_FAULT(NETFRONT_RX_EXTRAS, "extras"),
	RX_FAULT(NETFRONT_RX_EXTRA_TYPE, "extra"),
	RX_FAULT(NETFRONT_RX_GSO, "gso"),
};

static int netfront_get_sset_count(struct net_device *dev, int set)
{
	struct netfront *nf = netdev_priv(dev);

	return set == ETH_SS_STATS ? nf->max_queues * ARRAY_SIZE(stats) :
				     -EOPNOTSUPP;
}

static void netfront_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int i, j;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < nf->max_queues; i++)
		for (j = 0; j < ARRAY_SIZE(stats); j++)
			ethtool_sprintf(&data, "q%u_%s", i, stats[j].name);
}

static void netfront_get_stats(struct net_device *dev,
			       struct ethtool_stats *unused, u64 *data)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int i, j;

	for (i = 0; i < nf->max_queues; i++)
		for (j = 0; j < ARRAY_SIZE(stats); j++)
			*data++ = READ_ONCE(*(u64 *)((u8 *)&nf->queue[i] +
						     stats[j].offset));
}

#ifdef PV_QUEUE_STATS
static void netfront_get_queue_rx(struct net_device *dev, int queue,
				  struct netdev_queue_stats_rx *rx)
{
	struct netfront *nf = netdev_priv(dev);
	const struct netfront_counters *c = &nf->queue[queue].count;

	rx->packets = READ_ONCE(c->rx_packets);
	rx->bytes = READ_ONCE(c->rx_bytes);
	rx->alloc_fail = READ_ONCE(c->rx_no_memory);
	rx->hw_drops = READ_ONCE(c->rx_dropped);
}

static void netfront_get_queue_tx(struct net_device *dev, int queue,
				  struct netdev_queue_stats_tx *tx)
{
	struct netfront *nf = netdev_priv(dev);
	const struct netfront_counters *c = &nf->queue[queue].count;

	tx->packets = READ_ONCE(c->tx_packets);
	tx->bytes = READ_ONCE(c->tx_bytes);
	tx->hw_drop_errors = READ_ONCE(c->tx_errors);
	tx->hw_drops = READ_ONCE(c->tx_dropped) + tx->hw_drop_errors;
	tx->stop = READ_ONCE(c->tx_stopped);
}

const struct netdev_stat_ops netfront_stat_ops = {
	.get_queue_stats_rx = netfront_get_queue_rx,
	.get_queue_stats_tx = netfront_get_queue_tx,
	.get_base_stats = pv_netdev_get_base_stats,
};
#endif

static void netfront_get_drvinfo(struct net_device *dev,
				 struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, dev_name(dev->dev.parent),
		sizeof(info->bus_info));
}

/* ---- rings, events, queues ---- */

static void netfront_get_ringparam(struct net_device *dev,
				   struct ethtool_ringparam *ring,
				   struct kernel_ethtool_ringparam *kernel_ring,
				   struct netlink_ext_ack *extack)
{
	struct netfront *nf = netdev_priv(dev);

	ring->rx_max_pending = NETFRONT_RING;
	ring->tx_max_pending = NETFRONT_RING;
	ring->rx_pending = nf->rx_limit;
	ring->tx_pending = nf->tx_limit;
}

static int netfront_set_ringparam(struct net_device *dev,
				  struct ethtool_ringparam *ring,
				  struct kernel_ethtool_ringparam *kernel_ring,
				  struct netlink_ext_ack *extack)
{
	struct netfront *nf = netdev_priv(dev);

	if (ring->rx_mini_pending || ring->rx_jumbo_pending)
		return -EINVAL;
	if (ring->rx_pending < NETFRONT_MIN_RING ||
	    ring->tx_pending < NETFRONT_MIN_RING) {
		NL_SET_ERR_MSG_MOD(extack, "a ring needs at least 64 slots");
		return -EINVAL;
	}
	WRITE_ONCE(nf->rx_limit, ring->rx_pending);
	WRITE_ONCE(nf->tx_limit, ring->tx_pending);
	return 0;
}

static int netfront_get_queue_coalesce(struct net_device *dev, u32 queue,
				       struct ethtool_coalesce *ec)
{
	struct netfront *nf = netdev_priv(dev);
	const struct netfront_queue *q = &nf->queue[queue];

	if (queue >= dev->real_num_rx_queues)
		return -EINVAL;
	ec->rx_max_coalesced_frames = q->rx_frames;
	ec->rx_coalesce_usecs = q->rx_usecs;
	ec->tx_max_coalesced_frames = q->tx_frames;
	return 0;
}

/* Those of all queues, as they were set together. */
static int netfront_get_coalesce(struct net_device *dev,
				 struct ethtool_coalesce *ec,
				 struct kernel_ethtool_coalesce *kernel_ec,
				 struct netlink_ext_ack *extack)
{
	return netfront_get_queue_coalesce(dev, 0, ec);
}

static int netfront_check_coalesce(const struct ethtool_coalesce *ec,
				   struct netlink_ext_ack *extack)
{
	if (ec->rx_max_coalesced_frames > NETFRONT_MIN_RING ||
	    ec->tx_max_coalesced_frames > NETFRONT_MIN_RING) {
		NL_SET_ERR_MSG_MOD(extack, "at most 64 frames to an event");
		return -EINVAL;
	}
	if (ec->rx_coalesce_usecs > NETFRONT_MAX_HOLD_US) {
		NL_SET_ERR_MSG_MOD(extack, "at most 10000 us");
		return -EINVAL;
	}
	if (ec->rx_max_coalesced_frames > 1 && !ec->rx_coalesce_usecs) {
		NL_SET_ERR_MSG_MOD(extack, "several rx-frames need rx-usecs, or the last waits");
		return -EINVAL;
	}
	return 0;
}

static void netfront_coalesce(struct netfront_queue *q, const struct ethtool_coalesce *ec)
{
	WRITE_ONCE(q->rx_usecs, ec->rx_coalesce_usecs);
	WRITE_ONCE(q->rx_frames, ec->rx_max_coalesced_frames);
	WRITE_ONCE(q->tx_frames, ec->tx_max_coalesced_frames);
}

static int netfront_set_queue_coalesce(struct net_device *dev, u32 queue,
				       struct ethtool_coalesce *ec)
{
	struct netfront *nf = netdev_priv(dev);

	if (queue >= dev->real_num_rx_queues || netfront_check_coalesce(ec, NULL))
		return -EINVAL;
	netfront_coalesce(&nf->queue[queue], ec);
	return 0;
}

static int netfront_set_coalesce(struct net_device *dev,
				 struct ethtool_coalesce *ec,
				 struct kernel_ethtool_coalesce *kernel_ec,
				 struct netlink_ext_ack *extack)
{
	struct netfront *nf = netdev_priv(dev);
	int err = netfront_check_coalesce(ec, extack);
	unsigned int i;

	for (i = 0; !err && i < nf->max_queues; i++)
		netfront_coalesce(&nf->queue[i], ec);
	return err;
}

static void netfront_get_channels(struct net_device *dev,
				  struct ethtool_channels *ch)
{
	struct netfront *nf = netdev_priv(dev);

	ch->max_combined = nf->max_queues;
	ch->combined_count = dev->real_num_tx_queues;
}

/* The number of queues is negotiated: the link goes down and comes back. */
static int netfront_set_channels(struct net_device *dev,
				 struct ethtool_channels *ch)
{
	struct netfront *nf = netdev_priv(dev);

	if (!ch->combined_count || ch->rx_count || ch->tx_count ||
	    ch->other_count)
		return -EINVAL;
	if (nf->connected &&
	    ch->combined_count > max_t(u64, pv_feature(nf->pd, F_MAX_QUEUES), 1))
		return -EINVAL;
	if (ch->combined_count == nf->want_queues)
		return 0;
	nf->want_queues = ch->combined_count;
	/* Also a connection that is just being made. */
	if (!nf->connected || nf->want_queues != nf->nr_queues)
		pv_device_restart(nf->pd);
	/* Whoever asks next sees what was wanted; the connection says what it gets. */
	return netif_set_real_num_queues(dev, nf->want_queues, nf->want_queues);
}

static int netfront_get_tunable(struct net_device *dev,
				const struct ethtool_tunable *t, void *data)
{
	struct netfront *nf = netdev_priv(dev);

	if (t->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	*(u32 *)data = nf->copybreak;
	return 0;
}

static int netfront_set_tunable(struct net_device *dev,
				const struct ethtool_tunable *t,
				const void *data)
{
	struct netfront *nf = netdev_priv(dev);

	if (t->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	if (*(const u32 *)data > XEN_PAGE_SIZE)
		return -EINVAL;
	WRITE_ONCE(nf->copybreak, *(const u32 *)data);
	return 0;
}

/* ---- hashing ---- */

static u32 netfront_get_rxfh_key_size(struct net_device *dev)
{
	return NETFRONT_RSS_KEY;
}

static u32 netfront_get_rxfh_indir_size(struct net_device *dev)
{
	return NETFRONT_RSS_INDIR;
}

static PV_GET_RXFH(netfront_get_rxfh)
{
	const struct pv_rxfh h = PV_GET_RXFH_ARGS;
	struct netfront *nf = netdev_priv(dev);

	if (h.hfunc)
		*h.hfunc = ETH_RSS_HASH_TOP;
	if (h.indir)
		memcpy(h.indir, nf->rss.indir, sizeof(nf->rss.indir));
	if (h.key)
		memcpy(h.key, nf->rss.key, sizeof(nf->rss.key));
	return 0;
}

/* Tell the backend; if it refuses, everything is as before. */
static int netfront_change_rss(struct netfront *nf, const struct netfront_rss *rss)
{
	struct netfront_rss old = nf->rss;
	int err;

	nf->rss = *rss;
	nf->rss.set = true;
	err = netfront_ctrl_rss(nf);
	if (!err)
		return 0;
	nf->rss = old;
	if (err != -EOPNOTSUPP)
		netfront_ctrl_rss(nf);
	return err;
}

static PV_SET_RXFH(netfront_set_rxfh)
{
	const struct pv_rxfh h = PV_SET_RXFH_ARGS;
	struct netfront *nf = netdev_priv(dev);
	struct netfront_rss rss = nf->rss;

	if (*h.hfunc != ETH_RSS_HASH_NO_CHANGE && *h.hfunc != ETH_RSS_HASH_TOP)
		return -EOPNOTSUPP;
	if (h.indir)
		memcpy(rss.indir, h.indir, sizeof(rss.indir));
	if (h.key)
		memcpy(rss.key, h.key, sizeof(rss.key));
	return netfront_change_rss(nf, &rss);
}

/* The types of hash for a kind of packet: by addresses, and by ports, too. */
static bool netfront_hash_types(u32 flow, u32 *addresses, u32 *ports)
{
	*ports = 0;
	switch (flow) {
	case TCP_V4_FLOW:
		*ports = XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
		fallthrough;
	case UDP_V4_FLOW:
	case SCTP_V4_FLOW:
	case IPV4_FLOW:
		*addresses = XEN_NETIF_CTRL_HASH_TYPE_IPV4;
		return true;
	case TCP_V6_FLOW:
		*ports = XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP;
		fallthrough;
	case UDP_V6_FLOW:
	case SCTP_V6_FLOW:
	case IPV6_FLOW:
		*addresses = XEN_NETIF_CTRL_HASH_TYPE_IPV6;
		return true;
	default:
		return false;
	}
}

#define BY_ADDRESSES	(RXH_IP_SRC | RXH_IP_DST)
#define BY_PORTS	(RXH_L4_B_0_1 | RXH_L4_B_2_3)

static int netfront_get_rxfh_fields(struct net_device *dev,
				    struct pv_rxfh_fields *fields)
{
	struct netfront *nf = netdev_priv(dev);
	u32 addresses, ports;

	fields->data = 0;
	if (!netfront_hash_types(fields->flow_type, &addresses, &ports))
		return 0;
	if (nf->rss.types & (addresses | ports))
		fields->data = BY_ADDRESSES;
	if (nf->rss.types & ports)
		fields->data |= BY_PORTS;
	return 0;
}

static int netfront_set_rxfh_fields(struct net_device *dev,
				    const struct pv_rxfh_fields *fields,
				    struct netlink_ext_ack *extack)
{
	struct netfront *nf = netdev_priv(dev);
	struct netfront_rss rss = nf->rss;
	u32 addresses, ports;

	if (!netfront_hash_types(fields->flow_type, &addresses, &ports))
		return -EINVAL;
	switch (fields->data) {
	case BY_ADDRESSES | BY_PORTS:
		if (!ports)
			return -EINVAL;
		rss.types |= addresses | ports;
		break;
	case BY_ADDRESSES:
		rss.types &= ~ports;
		rss.types |= addresses;
		break;
	case 0:
		rss.types &= ~(ports ?: addresses);
		break;
	default:
		return -EINVAL;
	}
	return netfront_change_rss(nf, &rss);
}

static int netfront_get_rxnfc(struct net_device *dev,
			      struct ethtool_rxnfc *nfc, u32 *rules)
{
	struct pv_rxfh_fields fields = { .flow_type = nfc->flow_type };

	switch (nfc->cmd) {
	case ETHTOOL_GRXRINGS:
		nfc->data = dev->real_num_rx_queues;
		return 0;
	case ETHTOOL_GRXFH:
		netfront_get_rxfh_fields(dev, &fields);
		nfc->data = fields.data;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int netfront_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *nfc)
{
	struct pv_rxfh_fields fields = {
		.flow_type = nfc->flow_type, .data = nfc->data,
	};

	if (nfc->cmd != ETHTOOL_SRXFH)
		return -EOPNOTSUPP;
	return netfront_set_rxfh_fields(dev, &fields, NULL);
}

const struct ethtool_ops netfront_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS |
				     ETHTOOL_COALESCE_MAX_FRAMES,
	.get_drvinfo = netfront_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = pv_netdev_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = netfront_get_sset_count,
	.get_strings = netfront_get_strings,
	.get_ethtool_stats = netfront_get_stats,
	.get_ringparam = netfront_get_ringparam,
	.set_ringparam = netfront_set_ringparam,
	.get_coalesce = netfront_get_coalesce,
	.set_coalesce = netfront_set_coalesce,
	.get_per_queue_coalesce = netfront_get_queue_coalesce,
	.set_per_queue_coalesce = netfront_set_queue_coalesce,
	.get_channels = netfront_get_channels,
	.set_channels = netfront_set_channels,
	.get_tunable = netfront_get_tunable,
	.set_tunable = netfront_set_tunable,
	.get_rxfh_key_size = netfront_get_rxfh_key_size,
	.get_rxfh_indir_size = netfront_get_rxfh_indir_size,
	.get_rxfh = netfront_get_rxfh,
	.set_rxfh = netfront_set_rxfh,
	.get_rxnfc = netfront_get_rxnfc,
	.set_rxnfc = netfront_set_rxnfc,
	PV_RXFH_FIELDS_OPS(netfront_get_rxfh_fields, netfront_set_rxfh_fields)
};
