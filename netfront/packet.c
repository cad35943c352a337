// SPDX-License-Identifier: GPL-2.0
/*
 * Packets as slots of the rings, and back; pure functions.
 *
 * netif.h: a packet is a data slot, its extra info, then further data slots.
 * To the backend the first slot says the packet's length, from it the slot's
 * own. Nothing that the backend says is believed without a look.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "packet.h"

/* What GRO has put together may have an IP packet of 64 KiB behind its header. */
#define RX_MAX	(U16_MAX + VLAN_ETH_HLEN)

const char * const netfront_rx_fault_name[NETFRONT_RX_FAULTS] = {
	[NETFRONT_RX_GOOD] = "none",
	[NETFRONT_RX_ERROR] = "status_error",
	[NETFRONT_RX_ID] = "foreign_id",
	[NETFRONT_RX_BEYOND_PAGE] = "beyond_page",
	[NETFRONT_RX_SLOTS] = "too_many_slots",
	[NETFRONT_RX_RUNT] = "runt",
	[NETFRONT_RX_LONG] = "too_long",
	[NETFRONT_RX_HEADROOM] = "bad_headroom",
	[NETFRONT_RX_EXTRAS] = "too_many_extras",
	[NETFRONT_RX_EXTRA_TYPE] = "extra_type",
	[NETFRONT_RX_GSO] = "bad_gso",
};

/**
 * netfront_tx_begin() - start a packet
 * @p: the packet
 * @len: its length, at most XEN_NETIF_MAX_TX_SIZE
 * @flags: XEN_NETTXF_csum_blank, XEN_NETTXF_data_validated
 */
void netfront_tx_begin(struct netfront_tx_packet *p, u32 len, u16 flags)
{
	p->nr = 0;
	p->nr_extra = 0;
	p->last = 0;
	p->slot[0].req.flags = flags;
	p->slot[0].req.size = len;
}

static struct xen_netif_extra_info *netfront_add_extra(struct netfront_tx_packet *p,
						       u8 type)
{
	union netfront_tx_slot *slot = &p->slot[1];

	/* A tx slot is longer than extra info: no old stack behind it. */
	memset(slot, 0, sizeof(*slot));
	slot->extra.type = type;
	p->slot[0].req.flags |= XEN_NETTXF_extra_info;
	p->nr_extra = 1;
	return &slot->extra;
}

/**
 * netfront_tx_gso() - say that a packet is to be cut into segments
 * @p: the packet, before its first data slot
 * @type: XEN_NETIF_GSO_TYPE_*
 * @size: payload of a segment
 */
void netfront_tx_gso(struct netfront_tx_packet *p, u8 type, u16 size)
{
	struct xen_netif_extra_info *extra;

	extra = netfront_add_extra(p, XEN_NETIF_EXTRA_TYPE_GSO);
	extra->u.gso.type = type;
	extra->u.gso.size = size;
}

/**
 * netfront_tx_mcast() - make a packet a message about the multicast filter
 * @p: the packet, before its only and empty data slot
 * @add: let the address pass, otherwise no longer
 * @addr: the address
 */
void netfront_tx_mcast(struct netfront_tx_packet *p, bool add, const u8 *addr)
{
	struct xen_netif_extra_info *extra;

	extra = netfront_add_extra(p, add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD :
				   XEN_NETIF_EXTRA_TYPE_MCAST_DEL);
	memcpy(extra->u.mcast.addr, addr, ETH_ALEN);
}

/**
 * netfront_rx_begin() - get ready for the next packet
 * @p: the packet
 */
void netfront_rx_begin(struct netfront_rx_packet *p)
{
	memset(p, 0, offsetof(struct netfront_rx_packet, part));
}

/* The first fault stays: the rest of the packet may be its consequence. */
static void netfront_fault(struct netfront_rx_packet *p, enum netfront_rx_fault what)
{
	if (!p->fault)
		p->fault = what;
}

static void netfront_feed_data(struct netfront_rx_packet *p,
			       const struct xen_netif_rx_response *rsp, u16 at)
{
	u16 offset = rsp->offset;
	s16 status = rsp->status;

	p->more_data = rsp->flags & XEN_NETRXF_more_data;
	if (!p->nr_data) {
		p->flags = rsp->flags;
		p->more_extra = rsp->flags & XEN_NETRXF_extra_info;
	}

	if (unlikely(p->nr_data == NETFRONT_MAX_DATA)) {
		netfront_fault(p, NETFRONT_RX_SLOTS);
		return;
	}
	p->nr_data++;
	if (unlikely(status < 0))
		netfront_fault(p, NETFRONT_RX_ERROR);
	else if (unlikely(rsp->id != at))
		netfront_fault(p, NETFRONT_RX_ID);
	else if (unlikely(offset + status > XEN_PAGE_SIZE))
		netfront_fault(p, NETFRONT_RX_BEYOND_PAGE);
	/* The first slot counts even if it is empty: headers must be in it. */
	if (unlikely(p->fault || (!status && p->nr_data > 1)))
		return;
	p->part[p->nr++] = (struct netfront_rx_part) {
		.at = at, .offset = offset, .len = status,
	};
	p->len += status;
}

static void netfront_feed_extra(struct netfront_rx_packet *p,
				const struct xen_netif_extra_info *extra)
{
	p->more_extra = extra->flags & XEN_NETIF_EXTRA_FLAG_MORE;
	if (unlikely(p->nr_extra == NETFRONT_MAX_EXTRA)) {
		netfront_fault(p, NETFRONT_RX_EXTRAS);
		return;
	}
	p->nr_extra++;

	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		p->gso_size = extra->u.gso.size;
		p->gso_type = extra->u.gso.type;
		if (!p->gso_size || (p->gso_type != XEN_NETIF_GSO_TYPE_TCPV4 &&
				     p->gso_type != XEN_NETIF_GSO_TYPE_TCPV6))
			netfront_fault(p, NETFRONT_RX_GSO);
		break;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		p->hash_type = extra->u.hash.type;
		p->hashed = extra->u.hash.algorithm ==
			    XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ &&
			    p->hash_type <= _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP;
		memcpy(&p->hash, extra->u.hash.value, sizeof(p->hash));
		break;
	case XEN_NETIF_EXTRA_TYPE_XDP:
		p->headroom = extra->u.xdp.headroom;
		break;
	default:
		netfront_fault(p, NETFRONT_RX_EXTRA_TYPE);
	}
}

/*
 * Backends differ. Those that leave the offset at 0 count the headroom as
 * data of each slot; others say where the data is.
 */
static void netfront_skip_headroom(struct netfront_rx_packet *p)
{
	u16 headroom = p->headroom;
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		struct netfront_rx_part *part = &p->part[i];

		if (part->offset)
			continue;
		if (part->len < headroom) {
			netfront_fault(p, NETFRONT_RX_HEADROOM);
			return;
		}
		part->offset = headroom;
		part->len -= headroom;
		p->len -= headroom;
	}
}

static void netfront_check_packet(struct netfront_rx_packet *p)
{
	if (unlikely(p->headroom))
		netfront_skip_headroom(p);
	if (unlikely(p->fault))
		return;
	if (unlikely(p->part[0].len < ETH_HLEN))
		netfront_fault(p, NETFRONT_RX_RUNT);
	else if (unlikely(p->len > RX_MAX))
		netfront_fault(p, NETFRONT_RX_LONG);
	/* A packet that is one segment needs no cutting. */
	if (p->len - ETH_HLEN <= p->gso_size)
		p->gso_size = 0;
}

/**
 * netfront_rx_feed() - take one more response
 * @p: the packet, begun
 * @slot: a private copy of the response
 * @at: which slot of the ring it was in
 *
 * A packet with a fault goes on to its end all the same, so that the next one
 * begins where the backend thinks so.
 *
 * Return: true if the packet is complete; then look at its fault.
 */
bool netfront_rx_feed(struct netfront_rx_packet *p,
		      const union netfront_rx_slot *slot, u16 at)
{
	if (unlikely(p->more_extra))
		netfront_feed_extra(p, &slot->extra);
	else
		netfront_feed_data(p, &slot->rsp, at);
	if (p->more_extra || p->more_data)
		return false;
	netfront_check_packet(p);
	return true;
}

/* Where the transport header begins, and of what protocol it is; or 0. */
static u32 netfront_skip_ipv4(const struct iphdr *ip, u32 left, u8 *protocol)
{
	if (left < sizeof(*ip) || ip->ihl < 5 || ip_is_fragment(ip))
		return 0;
	*protocol = ip->protocol;
	return ip->ihl * 4;
}

static u32 netfront_skip_ipv6(const struct ipv6hdr *ip, u32 left, u8 *protocol)
{
	const struct ipv6_opt_hdr *more;
	u32 at = sizeof(*ip);

	if (left < at)
		return 0;
	*protocol = ip->nexthdr;
	while (*protocol == IPPROTO_HOPOPTS || *protocol == IPPROTO_ROUTING ||
	       *protocol == IPPROTO_DSTOPTS) {
		more = (const void *)ip + at;
		if (left < at + sizeof(*more))
			return 0;
		*protocol = more->nexthdr;
		at += (more->hdrlen + 1) * 8;
	}
	return at;
}

/**
 * netfront_find_checksum() - where the checksum of a packet is to go
 * @frame: the packet from its Ethernet header on, a private copy
 * @len: bytes of it that are here
 * @start: result: the first byte that it is made of, which go to the end
 * @at: result: where it goes
 *
 * Backends leave the checksums of TCP and UDP blank, and no others.
 *
 * Return: false if it is no such packet.
 */
bool netfront_find_checksum(const void *frame, u32 len, u32 *start, u32 *at)
{
	const struct ethhdr *eth = frame;
	u8 protocol = 0;
	u32 skip = 0;

	if (len < ETH_HLEN)
		return false;
	if (eth->h_proto == htons(ETH_P_IP))
		skip = netfront_skip_ipv4(frame + ETH_HLEN, len - ETH_HLEN, &protocol);
	else if (eth->h_proto == htons(ETH_P_IPV6))
		skip = netfront_skip_ipv6(frame + ETH_HLEN, len - ETH_HLEN, &protocol);
	if (!skip)
		return false;
	*start = ETH_HLEN + skip;
	if (protocol == IPPROTO_TCP)
		*at = *start + offsetof(struct tcphdr, check);
	else if (protocol == IPPROTO_UDP)
		*at = *start + offsetof(struct udphdr, check);
	else
		return false;
	return *at + sizeof(__sum16) <= len;
}
