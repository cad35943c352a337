/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets as slots of the rings, and back. Nothing here allocates, locks or
 * asks anybody, so that tests can call it as it is.
 */
#ifndef _NETFRONT_PACKET_H
#define _NETFRONT_PACKET_H

#include <linux/if_ether.h>
#include <linux/types.h>
#include <xen/interface/xen.h>
#include <xen/interface/io/netif.h>
#include <xen/page.h>

/** NETFRONT_MAX_DATA - data slots of a packet, without negotiation */
#define NETFRONT_MAX_DATA	XEN_NETIF_NR_SLOTS_MIN
/** NETFRONT_MAX_EXTRA - extra slots of a packet: one of each type */
#define NETFRONT_MAX_EXTRA	(XEN_NETIF_EXTRA_TYPE_MAX - 1)
/** NETFRONT_TX_SLOTS - most slots that we send for one packet */
#define NETFRONT_TX_SLOTS	(NETFRONT_MAX_DATA + 1)

/** union netfront_tx_slot - what a slot of the tx ring holds */
union netfront_tx_slot {
	struct xen_netif_tx_request req;
	struct xen_netif_extra_info extra;
};

/** union netfront_rx_slot - what the backend answers in a slot of the rx ring */
union netfront_rx_slot {
	struct xen_netif_rx_response rsp;
	struct xen_netif_extra_info extra;
};

/**
 * struct netfront_tx_packet - a packet on its way into the tx ring
 * @nr: slots so far
 * @nr_extra: how many of them are extra info
 * @last: the data slot that was added last
 * @slot: finished slots, but for the flags of the last one
 */
struct netfront_tx_packet {
	u8 nr;
	u8 nr_extra;
	u8 last;
	union netfront_tx_slot slot[NETFRONT_TX_SLOTS];
};

void netfront_tx_begin(struct netfront_tx_packet *p, u32 len, u16 flags);
void netfront_tx_gso(struct netfront_tx_packet *p, u8 type, u16 size);
void netfront_tx_mcast(struct netfront_tx_packet *p, bool add, const u8 *addr);

/**
 * netfront_tx_add() - the next data slot of a packet
 * @p: the packet, with its extra info
 * @ref: grant of the page
 * @id: comes back in the response
 * @offset: where the data begins in the page
 * @len: bytes; the first slot carries the whole packet's instead
 *
 * netif.h: data slots follow each other, but the first one's extra info comes
 * right behind it.
 */
static inline void netfront_tx_add(struct netfront_tx_packet *p,
				   grant_ref_t ref, u16 id, u16 offset, u16 len)
{
	struct xen_netif_tx_request *req = &p->slot[0].req;

	if (!p->nr) {
		p->nr = 1 + p->nr_extra;
	} else {
		p->slot[p->last].req.flags |= XEN_NETTXF_more_data;
		p->last = p->nr++;
		req = &p->slot[p->last].req;
		req->flags = 0;
		req->size = len;
	}
	req->gref = ref;
	req->offset = offset;
	req->id = id;
}

/** enum netfront_rx_fault - what is wrong with a received packet */
enum netfront_rx_fault {
	NETFRONT_RX_GOOD,
	NETFRONT_RX_ERROR,
	NETFRONT_RX_ID,
	NETFRONT_RX_BEYOND_PAGE,
	NETFRONT_RX_SLOTS,
	NETFRONT_RX_RUNT,
	NETFRONT_RX_LONG,
	NETFRONT_RX_HEADROOM,
	NETFRONT_RX_EXTRAS,
	NETFRONT_RX_EXTRA_TYPE,
	NETFRONT_RX_GSO,
	NETFRONT_RX_FAULTS,
};

extern const char * const netfront_rx_fault_name[NETFRONT_RX_FAULTS];

/**
 * struct netfront_rx_part - data of one slot
 * @at: which slot, and so which buffer
 * @offset: where the data begins in the buffer
 * @len: bytes
 */
struct netfront_rx_part {
	u16 at;
	u16 offset;
	u16 len;
};

/**
 * struct netfront_rx_packet - a packet out of the rx ring
 * @fault: NETFRONT_RX_*: the first thing found wrong
 * @nr: parts
 * @nr_data: data slots, empty ones included
 * @nr_extra: extra slots
 * @more_data: a data slot follows
 * @more_extra: an extra slot follows
 * @flags: XEN_NETRXF_* of the first slot
 * @headroom: bytes before the data of each slot, as XDP extra info says
 * @gso_size: 0 if it is no GSO packet
 * @gso_type: XEN_NETIF_GSO_TYPE_*
 * @hash_type: _XEN_NETIF_CTRL_HASH_TYPE_*, if @hashed
 * @hashed: @hash is valid
 * @hash: computed by the backend
 * @len: bytes
 * @part: the data
 */
struct netfront_rx_packet {
	u8 fault;
	u8 nr;
	u8 nr_data;
	u8 nr_extra;
	bool more_data;
	bool more_extra;
	u16 flags;
	u16 headroom;
	u16 gso_size;
	u8 gso_type;
	u8 hash_type;
	bool hashed;
	u32 hash;
	u32 len;
	struct netfront_rx_part part[NETFRONT_MAX_DATA];
};

void netfront_rx_begin(struct netfront_rx_packet *p);
bool netfront_rx_feed(struct netfront_rx_packet *p,
		      const union netfront_rx_slot *slot, u16 at);
bool netfront_find_checksum(const void *frame, u32 len, u32 *start, u32 *at);

#endif /* _NETFRONT_PACKET_H */
