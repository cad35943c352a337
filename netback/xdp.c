// SPDX-License-Identifier: GPL-2.0
/*
 * XDP: programs that see the guest's packets before the host's stack does, and
 * frames of others that are redirected to the guest.
 *
 * With a program a packet from the guest is an skb whose head has a page of its
 * own and room before it, so that it can be seen as a buffer of XDP, be sent back
 * as it is, or leave as a frame. While no vif has one nothing is done at all, not
 * even a look whether there is one.
 *
 * A frame that goes elsewhere takes no word about checksum or segmentation with
 * it, and a guest cannot be told to stop leaving these to us. So checksums are
 * finished before the program; what is still to be cut may be passed on or sent
 * back, but not redirected.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>

#include "../ring/compat.h"
#include "netback.h"

/* Some vif has a program. */
DEFINE_STATIC_KEY_FALSE(netback_xdp_used);

/* What a program may look at in one piece */
#define XDP_HEAD	(SKB_WITH_OVERHEAD(PAGE_SIZE) - XDP_PACKET_HEADROOM)

/**
 * netback_xdp_skb() - memory for a packet that a program is to see
 * @q: the queue
 * @len: bytes from its Ethernet header on
 *
 * Context: NAPI.
 * Return: the skb, its data to be filled in; or NULL.
 */
struct sk_buff *netback_xdp_skb(struct netback_queue *q, unsigned int len)
{
	unsigned int head = min_t(unsigned int, len, XDP_HEAD);
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
	struct sk_buff *skb;

	if (unlikely(!page))
		return NULL;
	skb = napi_build_skb(page_address(page), PAGE_SIZE);
	if (unlikely(!skb)) {
		__free_page(page);
		return NULL;
	}
	skb_reserve(skb, XDP_PACKET_HEADROOM);
	__skb_put(skb, head);
	if (len > head && unlikely(!netback_add_frags(q, skb, len - head))) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* See an skb as a buffer, which has its fragments where it has them. */
static void netback_xdp_begin(struct netback_queue *q, struct sk_buff *skb,
			      struct xdp_buff *xdp)
{
	u8 *mac = skb_mac_header(skb);

	xdp_init_buff(xdp, PAGE_SIZE, &q->rxq);
	xdp_prepare_buff(xdp, skb->head, mac - skb->head,
			 skb_tail_pointer(skb) - mac, true);
	if (likely(!skb_is_nonlinear(skb)))
		return;
	skb_shinfo(skb)->xdp_frags_size = skb->data_len;
	pv_xdp_frags_truesize(skb_shinfo(skb), skb->data_len);
	xdp_buff_set_frags_flag(xdp);
	if (unlikely(skb->pfmemalloc))
		xdp_buff_set_frag_pfmemalloc(xdp);
}

/* Let the skb be what the program has made of the buffer. */
static void netback_xdp_end(struct sk_buff *skb, struct xdp_buff *xdp)
{
	unsigned int meta = xdp->data - xdp->data_meta;

	skb->data = xdp->data;
	skb_set_tail_pointer(skb, xdp->data_end - xdp->data);
	skb->data_len = xdp_buff_has_frags(xdp) ? skb_shinfo(skb)->xdp_frags_size : 0;
	skb->len = xdp->data_end - xdp->data + skb->data_len;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	if (meta)
		skb_metadata_set(skb, meta);
}

static bool netback_xdp_redirect(struct netback_queue *q, struct bpf_prog *prog,
				 struct sk_buff *skb, struct xdp_buff *xdp)
{
	unsigned int i;

	/* The frame's own: whoever gets it may use all of its page at once. */
	get_page(virt_to_page(xdp->data));
	for (i = 0; xdp_buff_has_frags(xdp) && i < skb_shinfo(skb)->nr_frags; i++)
		get_page(skb_frag_page(&skb_shinfo(skb)->frags[i]));
	consume_skb(skb);
	if (unlikely(xdp_do_redirect(q->nb->dev, xdp, prog))) {
		xdp_return_buff(xdp);
		return false;
	}
	q->from.redirected = true;
	return true;
}

/* Programs that know no fragments see a long packet in one piece. */
static struct sk_buff *netback_xdp_generic(struct netback_queue *q,
					   struct bpf_prog *prog, struct sk_buff *skb)
{
	if (pv_xdp_generic(prog, &skb) == XDP_PASS)
		return skb;
	q->from.counters.xdp_drop++;
	return NULL;
}

/**
 * netback_xdp_run() - run the program on a packet from the guest
 * @q: the queue
 * @prog: the program
 * @skb: the packet, from netback_xdp_skb(), ready for the stack
 *
 * Context: NAPI.
 * Return: what is left to the stack, or NULL.
 */
struct sk_buff *netback_xdp_run(struct netback_queue *q, struct bpf_prog *prog,
				struct sk_buff *skb)
{
	struct netback_counters *c = &q->from.counters;
	struct net_device *dev = q->nb->dev;
	struct xdp_buff xdp;
	u32 verdict;

	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_is_gso(skb)) {
		if (unlikely(skb_checksum_help(skb))) {
			c->xdp_unfit++;
			goto drop;
		}
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if (skb_is_nonlinear(skb) && !prog->aux->xdp_has_frags)
		return netback_xdp_generic(q, prog, skb);
	netback_xdp_begin(q, skb, &xdp);
	verdict = bpf_prog_run_xdp(prog, &xdp);
	switch (verdict) {
	case XDP_PASS:
		netback_xdp_end(skb, &xdp);
		skb->protocol = eth_type_trans(skb, dev);
		skb_reset_network_header(skb);
		return skb;
	case XDP_TX:
		netback_xdp_end(skb, &xdp);
		if (unlikely(!netback_to_send_back(q, skb)))
			break;
		c->xdp_tx++;
		return NULL;
	case XDP_REDIRECT:
		if (unlikely(skb_is_gso(skb))) {
			c->xdp_unfit++;
			break;
		}
		if (likely(netback_xdp_redirect(q, prog, skb, &xdp))) {
			c->xdp_redirect++;
			return NULL;
		}
		skb = NULL;
		break;
	case XDP_DROP:
		c->xdp_drop++;
		consume_skb(skb);
		return NULL;
	default:
		bpf_warn_invalid_xdp_action(dev, prog, verdict);
		break;
	case XDP_ABORTED:
		break;
	}
	trace_xdp_exception(dev, prog, verdict);
drop:
	c->dropped++;
	kfree_skb(skb);
	return NULL;
}

/**
 * netback_xdp_flush() - the poll ends: send off what was redirected
 * @q: the queue
 *
 * Context: NAPI.
 */
void netback_xdp_flush(struct netback_queue *q)
{
	if (!q->from.redirected)
		return;
	q->from.redirected = false;
	xdp_do_flush();
}

/* As far as the way to the guest looks at it. */
static void netback_xdp_show_as_skb(struct sk_buff *skb, struct xdp_frame *frame)
{
	memset(skb, 0, sizeof(*skb));
	skb->head = frame->data - frame->headroom;
	skb->data = frame->data;
	skb_set_end_offset(skb, (u8 *)xdp_get_shared_info_from_frame(frame) - skb->head);
	skb->data_len = xdp_frame_has_frags(frame) ?
		xdp_get_shared_info_from_frame(frame)->xdp_frags_size : 0;
	skb->len = frame->len + skb->data_len;
}

/**
 * netback_xdp_xmit() - ndo_xdp_xmit: frames that were redirected to the guest
 * @dev: the vif
 * @nr: how many
 * @frame: the frames
 * @flags: XDP_XMIT_FLUSH at the end of a burst
 *
 * Context: NAPI of whoever has received them.
 * Return: how many were sent; the caller frees the others.
 */
int netback_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frame,
		     u32 flags)
{
	struct netback *nb = netdev_priv(dev);
	unsigned int nr_queues = READ_ONCE(nb->nr_queues), cpu = smp_processor_id();
	struct netback_queue *q;
	struct netdev_queue *txq;
	int sent = 0, i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_running(dev) || !nr_queues))
		return -ENETDOWN;
	q = &nb->queue[cpu % nr_queues];
	txq = netdev_get_tx_queue(dev, q->index);

	__netif_tx_lock(txq, cpu);
	if (likely(q->up)) {
		for (; sent < nr; sent++) {
			struct sk_buff skb;

			netback_xdp_show_as_skb(&skb, frame[sent]);
			if (unlikely(!netback_to_put(q, &skb)))
				break;
			q->to.counters.xdp_sent++;
		}
		netback_to_end(q, flags & XDP_XMIT_FLUSH);
	}
	__netif_tx_unlock(txq);

	for (i = 0; i < sent; i++)
		xdp_return_frame(frame[i]);
	return sent;
}

static void netback_xdp_forget_queues(struct netback *nb)
{
	unsigned int i;

	for (i = 0; i < nb->max_queues; i++)
		if (xdp_rxq_info_is_reg(&nb->queue[i].rxq))
			xdp_rxq_info_unreg(&nb->queue[i].rxq);
}

static int netback_xdp_announce_queues(struct netback *nb)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nb->max_queues && !err; i++) {
		struct netback_queue *q = &nb->queue[i];

		err = xdp_rxq_info_reg(&q->rxq, nb->dev, i, q->napi.napi_id);
		if (!err)
			err = xdp_rxq_info_reg_mem_model(&q->rxq, MEM_TYPE_PAGE_SHARED,
							 NULL);
	}
	if (err)
		netback_xdp_forget_queues(nb);
	return err;
}

/**
 * netback_bpf() - ndo_bpf: attach or detach a program
 * @dev: the vif
 * @bpf: what is wanted
 *
 * The next packet finds it, whether a guest is connected or not.
 *
 * Context: process, rtnl held.
 * Return: 0 or a negative errno.
 */
int netback_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	struct netback *nb = netdev_priv(dev);
	struct bpf_prog *old;
	int err;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	if (bpf->prog && !nb->xdp) {
		err = netback_xdp_announce_queues(nb);
		if (err)
			return err;
		static_branch_inc(&netback_xdp_used);
	}
	old = xchg(&nb->xdp, bpf->prog);
	if (old && !bpf->prog) {
		/* No poll has it any more. */
		synchronize_net();
		static_branch_dec(&netback_xdp_used);
		netback_xdp_forget_queues(nb);
	}
	if (old)
		bpf_prog_put(old);
	return 0;
}
