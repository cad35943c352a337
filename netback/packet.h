/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest's slots say: parsing without side effects.
 */
#ifndef _NETBACK_PACKET_H
#define _NETBACK_PACKET_H

#include <linux/if_ether.h>
#include <linux/types.h>
#include <xen/interface/io/netif.h>

/** NETBACK_MAX_SLOTS - netif.h: what a packet may take unless negotiated */
#define NETBACK_MAX_SLOTS	XEN_NETIF_NR_SLOTS_MIN

/** NETBACK_ALL_SLOTS - what is ever taken off the ring for a packet */
#define NETBACK_ALL_SLOTS	32

/** NETBACK_SLOT - bytes of a slot from the guest, request or extra info */
#define NETBACK_SLOT		sizeof(struct xen_netif_tx_request)

/**
 * struct netback_piece - a part of a packet in one of the guest's pages
 * @gref: the page
 * @offset: where in it
 * @len: bytes; offset + len stays in the page
 */
struct netback_piece {
	grant_ref_t gref;
	u16 offset;
	u16 len;
};

/**
 * enum netback_step - what the parser wants next
 * @NETBACK_MORE: another slot
 * @NETBACK_WHOLE: nothing: the packet is complete, perhaps with a fault
 * @NETBACK_FATAL: nothing, ever: the guest breaks the protocol
 */
enum netback_step {
	NETBACK_MORE,
	NETBACK_WHOLE,
	NETBACK_FATAL,
};

/**
 * struct netback_packet - one packet, or one message, from the guest
 * @fault: NULL, or the field for which the packet is refused
 * @fault_value: what stood there
 * @len: bytes of the frame
 * @flags: XEN_NETTXF_* of the first slot
 * @nr_slots: slots taken off the ring
 * @nr_extras: how many of them are extra info
 * @nr_pieces: how many of them are data that is wanted
 * @id: ids of the slots, in their order; extra info has none
 * @is_extra: bit by slot
 * @piece: the data
 * @left: bytes that the slots so far have not covered
 * @extras_follow: the next slot is extra info
 * @data_follows: a data slot will follow
 * @gso_size: 0 if it is not to be cut
 * @gso_type: XEN_NETIF_GSO_TYPE_*
 * @mcast: 0 or XEN_NETIF_EXTRA_TYPE_MCAST_*: a message instead of a packet
 * @addr: the address that @mcast is about
 */
struct netback_packet {
	const char *fault;
	u32 fault_value;
	u32 len;
	u16 flags;
	u8 nr_slots;
	u8 nr_extras;
	u8 nr_pieces;
	bool extras_follow;
	bool data_follows;
	u32 left;
	u32 is_extra;
	u16 gso_size;
	u8 gso_type;
	u8 mcast;
	u8 addr[ETH_ALEN];
	u16 id[NETBACK_ALL_SLOTS];
	struct netback_piece piece[NETBACK_MAX_SLOTS];
};

void netback_packet_begin(struct netback_packet *p);
enum netback_step netback_packet_slot(struct netback_packet *p,
				      const void *slot);

/**
 * struct netback_frame - a packet to the guest, as its responses tell it
 * @len: bytes
 * @headroom: bytes to leave free in each page (XDP)
 * @csum_blank: the guest or its peer fills in the checksum
 * @validated: the checksum is right
 * @gso_size: 0 if it is not to be cut
 * @gso_type: XEN_NETIF_GSO_TYPE_*
 * @hash_type: 0 or XEN_NETIF_CTRL_HASH_TYPE_* bit number + 1
 * @hash: the hash
 */
struct netback_frame {
	u32 len;
	u16 headroom;
	bool csum_blank;
	bool validated;
	u16 gso_size;
	u8 gso_type;
	u8 hash_type;
	u32 hash;
};

unsigned int netback_frame_extras(const struct netback_frame *f,
				  struct xen_netif_extra_info *extra);
unsigned int netback_frame_slots(const struct netback_frame *f);
void netback_frame_response(const struct netback_frame *f, u16 id, u32 at,
			    struct xen_netif_rx_response *rsp);

#endif /* _NETBACK_PACKET_H */
