// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool on a vif.
 */
#include <linux/ethtool.h>

#include "../ring/compat.h"
#include "../ring/netdev.h"
#include "netback.h"

struct counter {
	const char name[ETH_GSTRING_LEN - 16];
	size_t offset;
};

#define COUNTER(_name, _field) \
	{ .name = _name, .offset = offsetof(struct netback_counters, _field) }

static const struct counter counters[] = {
	COUNTER("packets", packets),
	COUNTER("bytes", bytes),
	COUNTER("gso", gso),
	COUNTER("dropped", dropped),
	COUNTER("bad", bad),
	COUNTER("stalls", stalls),
	COUNTER("xdp_drop", xdp_drop),
	COUNTER("xdp_tx", xdp_tx),
	COUNTER("xdp_redirect", xdp_redirect),
	COUNTER("xdp_unfit", xdp_unfit),
	COUNTER("xdp_sent", xdp_sent),
	COUNTER("slots", ring.requests),
	COUNTER("publishes", ring.publishes),
	COUNTER("kicks", ring.kicks),
	COUNTER("upcalls", ring.upcalls),
	COUNTER("spurious", ring.spurious),
	COUNTER("grant_calls", ring.grant_calls),
	COUNTER("grant_copies", ring.grant_copies),
	COUNTER("bytes_copied", ring.bytes_copied),
	COUNTER("starved", ring.starved),
};

static int netback_get_sset_count(struct net_device *dev, int set)
{
	struct netback *nb = netdev_priv(dev);

	return set == ETH_SS_STATS ?
	       nb->max_queues * 2 * ARRAY_SIZE(counters) : -EOPNOTSUPP;
}

static void netback_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	struct netback *nb = netdev_priv(dev);
	unsigned int i, k;

	for (i = 0; i < nb->max_queues; i++) {
		for (k = 0; k < ARRAY_SIZE(counters); k++)
			ethtool_sprintf(&data, "from%u_%s", i,
					counters[k].name);
		for (k = 0; k < ARRAY_SIZE(counters); k++)
			ethtool_sprintf(&data, "to%u_%s", i, counters[k].name);
	}
}

static u64 netback_value(const struct netback_counters *c, const struct counter *what)
{
	return *(const u64 *)((const u8 *)c + what->offset);
}

static void netback_get_stats(struct net_device *dev, struct ethtool_stats *stats,
			      u64 *data)
{
	struct netback *nb = netdev_priv(dev);
	unsigned int i, k;

	for (i = 0; i < nb->max_queues; i++) {
		struct netback_queue *q = &nb->queue[i];

		for (k = 0; k < ARRAY_SIZE(counters); k++)
			*data++ = netback_value(&q->from.counters, &counters[k]);
		for (k = 0; k < ARRAY_SIZE(counters); k++)
			*data++ = netback_value(&q->to.counters, &counters[k]);
	}
}

#ifdef PV_QUEUE_STATS
static void netback_get_queue_rx(struct net_device *dev, int queue,
				 struct netdev_queue_stats_rx *rx)
{
	struct netback *nb = netdev_priv(dev);
	const struct netback_counters *from = &nb->queue[queue].from.counters;

	rx->packets = READ_ONCE(from->packets);
	rx->bytes = READ_ONCE(from->bytes);
	rx->hw_drops = READ_ONCE(from->dropped) + READ_ONCE(from->bad);
}

static void netback_get_queue_tx(struct net_device *dev, int queue,
				 struct netdev_queue_stats_tx *tx)
{
	struct netback *nb = netdev_priv(dev);
	const struct netback_counters *to = &nb->queue[queue].to.counters;

	tx->packets = READ_ONCE(to->packets);
	tx->bytes = READ_ONCE(to->bytes);
	tx->hw_drop_errors = READ_ONCE(to->bad);
	tx->hw_drops = READ_ONCE(to->dropped) + tx->hw_drop_errors;
	tx->stop = READ_ONCE(to->ring.starved);
}

const struct netdev_stat_ops netback_stat_ops = {
	.get_queue_stats_rx = netback_get_queue_rx,
	.get_queue_stats_tx = netback_get_queue_tx,
	.get_base_stats = pv_netdev_get_base_stats,
};
#endif

static void netback_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct netback *nb = netdev_priv(dev);

	strscpy(info->driver, "pv-netback", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(&nb->pd->xb->dev),
		sizeof(info->bus_info));
}

static void netback_get_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct netback *nb = netdev_priv(dev);

	ch->max_combined = nb->max_queues;
	ch->combined_count = READ_ONCE(nb->nr_queues);
}

const struct ethtool_ops netback_ethtool_ops = {
	.get_drvinfo = netback_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = pv_netdev_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = netback_get_sset_count,
	.get_strings = netback_get_strings,
	.get_ethtool_stats = netback_get_stats,
	.get_channels = netback_get_channels,
};
