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
 * netback_toeplitz_table() - what each half byte of the data adds to the hash
 * @table: result, by place and value
 * @key: the key
 *
 * Each set bit of the data adds the 32 bits of the key that begin there.
 */
void netback_toeplitz_table(u32 table[NETBACK_HASH_PLACES][16],
			    const u8 key[NETBACK_HASH_KEY])
{
	unsigned int at, value, bit;

	for (at = 0; at < NETBACK_HASH_PLACES; at++) {
		const u8 *from = key + at / 2;
		u64 bits = (u64)get_unaligned_be32(from) << 8 | from[4];

		bits <<= at & 1 ? 4 : 0;
		for (value = 0; value < 16; value++) {
			table[at][value] = 0;
			for (bit = 0; bit < 4; bit++)
				if (value & 8 >> bit)
					table[at][value] ^= bits >> (8 - bit);
		}
	}
}

/**
 * netback_toeplitz() - the hash that netif.h defines
 * @table: from netback_toeplitz_table()
 * @data: what to hash
 * @len: bytes, at most NETBACK_HASH_KEY - 4
 *
 * Return: the hash.
 */
u32 netback_toeplitz(const u32 table[NETBACK_HASH_PLACES][16], const u8 *data,
		     unsigned int len)
{
	u32 hash = 0;

	for (; len--; data++, table += 2)
		hash ^= table[0][*data >> 4] ^ table[1][*data & 15];
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
	return netback_toeplitz(h->table, data, len);
}

/**
 * netback_hash_set() - from now on packets find their queue so
 * @nb: the vif
 * @h: how; copied, but for its table
 *
 * Context: process; the control ring's thread only.
 * Return: 0 or -ENOMEM.
 */
int netback_hash_set(struct netback *nb, const struct netback_hash *h)
{
	u32 (*table)[16];
	struct netback_hash *new, *old;

	new = kmalloc(sizeof(*new) + NETBACK_HASH_PLACES * sizeof(*table),
		      GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	*new = *h;
	table = (void *)(new + 1);
	netback_toeplitz_table(table, h->key);
	new->table = table;
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
