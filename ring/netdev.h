/* SPDX-License-Identifier: GPL-2.0 */
/* What both ends of a vif tell of themselves. */
#ifndef _PV_NETDEV_H
#define _PV_NETDEV_H

#include <linux/ethtool.h>

#include "compat.h"

/**
 * pv_netdev_get_link_ksettings() - bonding and agents want a speed, though there is none
 * @dev: the interface
 * @cmd: result: as much as veth's
 *
 * Context: ethtool's get_link_ksettings.
 * Return: 0.
 */
static inline int pv_netdev_get_link_ksettings(struct net_device *dev,
					       struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_10000;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_OTHER;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

#ifdef PV_QUEUE_STATS
/**
 * pv_netdev_get_base_stats() - counters of queues that are not in use now
 * @dev: the interface, whose queues all count what both ends' queues do
 * @rx: result
 * @tx: result
 *
 * Context: netdev_stat_ops.get_base_stats.
 */
static inline void pv_netdev_get_base_stats(struct net_device *dev,
					    struct netdev_queue_stats_rx *rx,
					    struct netdev_queue_stats_tx *tx)
{
	/* What is set here is summed up. */
	rx->packets = 0;
	rx->bytes = 0;
	rx->hw_drops = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->hw_drops = 0;
	tx->hw_drop_errors = 0;
	tx->stop = 0;
	netdev_stat_queue_sum(dev, dev->real_num_rx_queues, dev->num_rx_queues, rx,
			      dev->real_num_tx_queues, dev->num_tx_queues, tx);
}
#endif

#endif /* _PV_NETDEV_H */
