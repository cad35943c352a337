// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest's slots say, and what it is told. Nothing here has a side
 * effect, and nothing here looks at shared memory: slots come as copies.
 */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <xen/page.h>

#include "packet.h"

static_assert(sizeof(struct xen_netif_extra_info) <= NETBACK_SLOT);

static void netback_refuse(struct netback_packet *p, const char *field, u32 value)
{
	if (p->fault)
		return;
	p->fault = field;
	p->fault_value = value;
}

static enum netback_step netback_fatal(struct netback_packet *p, const char *field,
				       u32 value)
{
	p->fault = field;
	p->fault_value = value;
	return NETBACK_FATAL;
}

/* netif.h: the first slot's size is the whole packet's. */
static enum netback_step netback_first_slot(struct netback_packet *p,
					    const struct xen_netif_tx_request *req)
{
	p->flags = req->flags;
	p->len = req->size;
	p->left = req->size;
	p->extras_follow = req->flags & XEN_NETTXF_extra_info;
	p->data_follows = req->flags & XEN_NETTXF_more_data;
	p->piece[0] = (struct netback_piece) {
		.gref = req->gref,
		.offset = req->offset,
		/* Until the others are known it may be all of it. */
		.len = req->size,
	};
	p->nr_pieces = 1;
	return NETBACK_MORE;
}

static enum netback_step netback_other_slot(struct netback_packet *p,
					    const struct xen_netif_tx_request *req)
{
	u32 end = (u32)req->offset + req->size;

	p->data_follows = req->flags & XEN_NETTXF_more_data;
	if (end > XEN_PAGE_SIZE)
		return netback_fatal(p, "offset + size", end);
	/* A piece of nothing would be a fragment of nothing. */
	if (!req->size)
		netback_refuse(p, "size", 0);
	if (req->size >= p->left) {
		/* Nothing would be left for the first slot. */
		netback_refuse(p, "size", req->size);
		return NETBACK_MORE;
	}
	if (p->nr_pieces == NETBACK_MAX_SLOTS) {
		netback_refuse(p, "slots", p->nr_slots);
		return NETBACK_MORE;
	}
	p->left -= req->size;
	p->piece[p->nr_pieces++] = (struct netback_piece) {
		.gref = req->gref,
		.offset = req->offset,
		.len = req->size,
	};
	return NETBACK_MORE;
}

static enum netback_step netback_extra_slot(struct netback_packet *p,
					    const struct xen_netif_extra_info *extra)
{
	p->is_extra |= 1U << (p->nr_slots - 1);
	p->nr_extras++;
	p->extras_follow = extra->flags & XEN_NETIF_EXTRA_FLAG_MORE;
	/* One of each type at most: else there is no end of them. */
	if (p->nr_extras >= XEN_NETIF_EXTRA_TYPE_MAX)
		return netback_fatal(p, "extra infos", p->nr_extras);

	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		p->gso_size = extra->u.gso.size;
		p->gso_type = extra->u.gso.type;
		if (p->gso_type != XEN_NETIF_GSO_TYPE_TCPV4 &&
		    p->gso_type != XEN_NETIF_GSO_TYPE_TCPV6)
			return netback_fatal(p, "gso.type", p->gso_type);
		if (!p->gso_size)
			return netback_fatal(p, "gso.size", 0);
		break;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		p->mcast = extra->type;
		memcpy(p->addr, extra->u.mcast.addr, ETH_ALEN);
		break;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		/* A wish about the way through the backend: not needed. */
		break;
	default:
		return netback_fatal(p, "extra.type", extra->type);
	}
	return NETBACK_MORE;
}

/**
 * netback_packet_begin() - expect the first slot of a packet
 * @p: the packet
 */
void netback_packet_begin(struct netback_packet *p)
{
	memset(p, 0, offsetof(struct netback_packet, id));
}

/* What can be judged only when all slots are known. */
static enum netback_step netback_finish(struct netback_packet *p)
{
	struct netback_piece *first = &p->piece[0];
	u32 end;

	/* What is refused may hold less than it said. */
	if (p->mcast || p->fault)
		return NETBACK_WHOLE;
	first->len = p->left;
	end = (u32)first->offset + first->len;
	if (end > XEN_PAGE_SIZE)
		return netback_fatal(p, "offset + size", end);
	if (p->len < ETH_HLEN)
		netback_refuse(p, "size", p->len);
	return NETBACK_WHOLE;
}

/**
 * netback_packet_slot() - take the next slot of a packet
 * @p: the packet, begun
 * @slot: a private copy of the slot, NETBACK_SLOT bytes
 *
 * Return: what is wanted next. With NETBACK_WHOLE @p->fault says whether the
 * packet is to be dropped; all its slots want a response in any case.
 */
enum netback_step netback_packet_slot(struct netback_packet *p,
				      const void *slot)
{
	enum netback_step step;

	if (p->nr_slots == ARRAY_SIZE(p->id))
		return netback_fatal(p, "slots", p->nr_slots + 1);
	p->id[p->nr_slots++] = ((const struct xen_netif_tx_request *)slot)->id;
	if (p->extras_follow)
		step = netback_extra_slot(p, slot);
	else if (p->nr_slots == 1)
		step = netback_first_slot(p, slot);
	else
		step = netback_other_slot(p, slot);
	if (step == NETBACK_FATAL)
		return step;
	if (p->extras_follow || p->data_follows)
		return NETBACK_MORE;
	return netback_finish(p);
}

/**
 * netback_frame_extras() - the extra infos that a frame takes
 * @f: the frame
 * @extra: room for them; NULL only to count
 *
 * Return: how many.
 */
unsigned int netback_frame_extras(const struct netback_frame *f,
				  struct xen_netif_extra_info *extra)
{
	unsigned int nr = 0;

	if (!extra)
		return !!f->gso_size + !!f->headroom + !!f->hash_type;

	if (f->gso_size)
		extra[nr++] = (struct xen_netif_extra_info) {
			.type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso.size = f->gso_size,
			.u.gso.type = f->gso_type,
		};
	if (f->headroom)
		extra[nr++] = (struct xen_netif_extra_info) {
			.type = XEN_NETIF_EXTRA_TYPE_XDP,
			.u.xdp.headroom = f->headroom,
		};
	if (f->hash_type) {
		extra[nr] = (struct xen_netif_extra_info) {
			.type = XEN_NETIF_EXTRA_TYPE_HASH,
			.u.hash.type = f->hash_type - 1,
			.u.hash.algorithm =
				XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		};
		memcpy(extra[nr++].u.hash.value, &f->hash, sizeof(f->hash));
	}
	if (nr > 1)
		extra[0].flags = XEN_NETIF_EXTRA_FLAG_MORE;
	if (nr > 2)
		extra[1].flags = XEN_NETIF_EXTRA_FLAG_MORE;
	return nr;
}

/**
 * netback_frame_slots() - how many of the guest's slots a frame takes
 * @f: the frame
 *
 * Return: the count, extra infos included.
 */
unsigned int netback_frame_slots(const struct netback_frame *f)
{
	return DIV_ROUND_UP(f->len, XEN_PAGE_SIZE - f->headroom) +
	       netback_frame_extras(f, NULL);
}

/**
 * netback_frame_response() - the response for one page of a frame
 * @f: the frame
 * @id: the request's id
 * @at: bytes that are in the pages before
 * @rsp: result, every byte of it
 */
void netback_frame_response(const struct netback_frame *f, u16 id, u32 at,
			    struct xen_netif_rx_response *rsp)
{
	u32 room = XEN_PAGE_SIZE - f->headroom;

	*rsp = (struct xen_netif_rx_response) {
		.id = id,
		.offset = f->headroom,
		.status = min(f->len - at, room),
	};
	if (f->len - at > room)
		rsp->flags |= XEN_NETRXF_more_data;
	if (at)
		return;
	if (f->csum_blank)
		rsp->flags |= XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated;
	else if (f->validated)
		rsp->flags |= XEN_NETRXF_data_validated;
	if (netback_frame_extras(f, NULL))
		rsp->flags |= XEN_NETRXF_extra_info;
}
