// SPDX-License-Identifier: GPL-2.0
/*
 * Toeplitz hash: which queue a packet to the guest takes, as the guest wishes.
 */
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/flow_dissector.h>

#include "../ring/compat.h"
#include "netback.h"

/**
 * netback_toeplitz() - the hash that netif.h defines
 * @key: the key
 * @data: what to hash
 * @len: bytes, at most NETBACK_HASH_KEY - 4
 *
 * Each set bit of the data adds the 32 bits of the key that begin there.
 *
 * Return: the hash.
 */
u32 netback_toeplitz(const u8 key[NETBACK_HASH_KEY], const u8 *data,
		     unsigned int len)
{
	u32 window = get_unaligned_be32(key), hash = 0;
	unsigned int i, bit;

	for (i = 0; i < len; i++) {
		for (bit = 8; bit--; ) {
			if (data[i] & (1U << bit))
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	}
	return hash;
}

static bool netback_wants(const struct netback_hash *h, u32 type)
{
	return h->flags & type;
}

/**
 * netback_hash_skb() - a packet's hash
 * @h: how
 * @skb: the packet
 * @type: result: 0 for none, else the bit of XEN_NETIF_CTRL_HASH_TYPE_* plus 1
 *
 * netif.h: addresses in network order, then the ports of TCP, if wanted.
 *
 * Return: the hash.
 */
u32 netback_hash_skb(const struct netback_hash *h, struct sk_buff *skb,
		     u8 *type)
{
	struct flow_keys flow;
	u8 data[NETBACK_HASH_KEY - 4];
	unsigned int len = 0;
	bool tcp;

	*type = 0;
	if (h->algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ ||
	    !skb_flow_dissect_flow_keys(skb, &flow, 0))
		return 0;
	/* Of fragments only the first one has ports: none counts. */
	tcp = flow.basic.ip_proto == IPPROTO_TCP &&
	      !(flow.control.flags & FLOW_DIS_IS_FRAGMENT);

	if (flow.basic.n_proto == htons(ETH_P_IP)) {
		if (tcp && netback_wants(h, XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP))
			*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP + 1;
		else if (netback_wants(h, XEN_NETIF_CTRL_HASH_TYPE_IPV4))
			*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4 + 1;
		memcpy(data, &flow.addrs.v4addrs, 8);
		len = 8;
	} else if (flow.basic.n_proto == htons(ETH_P_IPV6)) {
		if (tcp && netback_wants(h, XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP))
			*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP + 1;
		else if (netback_wants(h, XEN_NETIF_CTRL_HASH_TYPE_IPV6))
			*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV6 + 1;
		memcpy(data, &flow.addrs.v6addrs, 32);
		len = 32;
	}
	if (!*type)
		return 0;
	if (*type == _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP + 1 ||
	    *type == _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP + 1) {
		memcpy(data + len, &flow.ports.ports, 4);
		len += 4;
	}
	return netback_toeplitz(h->key, data, len);
}

/**
 * netback_hash_set() - from now on packets find their queue so
 * @nb: the vif
 * @h: how; copied
 *
 * Context: process; the control ring's thread only.
 * Return: 0 or -ENOMEM.
 */
int netback_hash_set(struct netback *nb, const struct netback_hash *h)
{
	struct netback_hash *new = kmemdup(h, sizeof(*h), GFP_KERNEL);
	struct netback_hash *old;

	if (!new)
		return -ENOMEM;
	old = rcu_replace_pointer(nb->hash, new, true);
	synchronize_net();
	kfree(old);
	return 0;
}

/**
 * netback_hash_reset() - packets find their queue as the stack thinks best
 * @nb: the vif, its control ring closed
 */
void netback_hash_reset(struct netback *nb)
{
	struct netback_hash *old = rcu_replace_pointer(nb->hash, NULL, true);

	if (!old)
		return;
	synchronize_net();
	kfree(old);
}
