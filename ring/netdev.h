/* SPDX-License-Identifier: GPL-2.0 */
/* What both ends of a vif tell of themselves. */
#ifndef _PV_NETDEV_H
#define _PV_NETDEV_H

#include <linux/ethtool.h>

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

#endif /* _PV_NETDEV_H */
