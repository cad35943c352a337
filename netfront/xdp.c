// SPDX-License-Identifier: GPL-2.0
/*
 * XDP: programs that see packets before the stack does.
 *
 * A program gets a packet in a buffer of the page pool with headroom of its
 * own, whatever the ring's data path: copied there, since the backend must not
 * change what a program has looked at, and since the buffer of a dropped
 * packet serves the next one. Only a long packet in direct mode is looked at
 * where it is, in a page taken back from the backend, if the backend has left
 * the headroom that was asked for.
 *
 * A packet that does not fit into one buffer has fragments. Programs that do
 * not know fragments see it as an skb.
 *
 * A frame that goes elsewhere takes no word about checksum or segmentation with
 * it. So the backend is asked to leave neither to us while there is a program.
 * One that does not listen has its checksums finished here, before the program;
 * what is still to be cut may be passed on or sent back, but not redirected.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <net/checksum.h>

#include "netfront.h"

/*
 * A buffer: headroom, data, and what an skb needs behind them. It has a page of
 * its own: until Linux 6.3 a cpumap and veth take pages out of their pool when they
 * make an skb of a frame, whoever else has a part of them.
 */
#define XDP_BUF		PAGE_SIZE
#define XDP_DATA	(SKB_WITH_OVERHEAD(XDP_BUF) - XDP_PACKET_HEADROOM)

/* ---- a packet for a program ---- */

static void netfront_put_page_of(struct netfront_queue *q, const void *data)
{
	page_pool_put_full_page(q->xdp_pool, virt_to_page(data), true);
}

static void *netfront_take_buffer(struct netfront_queue *q)
{
	struct page *page = q->xdp_page;

	if (page)
		q->xdp_page = NULL;
	else
		page = page_pool_dev_alloc_pages(q->xdp_pool);
	return page ? page_address(page) : NULL;
}

static void netfront_drop_buffer(struct netfront_queue *q, struct xdp_buff *xdp)
{
	if (xdp_buff_has_frags(xdp))
		xdp_return_buff(xdp);
	else if (q->xdp_page)
		netfront_put_page_of(q, xdp->data_hard_start);
	else
		q->xdp_page = virt_to_page(xdp->data_hard_start);
}

/* What did not fit into the buffer goes into fragments. */
static bool netfront_gather_frags(struct netfront_queue *q, struct xdp_buff *xdp,
				  const struct netfront_rx_packet *p, u32 from)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);

	info->nr_frags = 0;
	info->xdp_frags_size = p->len - from;
	xdp_buff_set_frags_flag(xdp);
	while (from < p->len) {
		struct page *page = page_pool_dev_alloc_pages(q->xdp_pool);
		u32 len = min_t(u32, p->len - from, PAGE_SIZE);

		if (unlikely(!page))
			return false;
		netfront_rx_gather(q, p, from, page_address(page), len);
		pv_frag_fill(&info->frags[info->nr_frags++], page, 0, len);
		if (unlikely(page_is_pfmemalloc(page)))
			xdp_buff_set_frag_pfmemalloc(xdp);
		from += len;
	}
	pv_xdp_frags_truesize(info, info->nr_frags * PAGE_SIZE);
	return true;
}

static bool netfront_copy_packet(struct netfront_queue *q, struct xdp_buff *xdp,
				 const struct netfront_rx_packet *p)
{
	u32 len = min_t(u32, p->len, XDP_DATA);
	void *buffer = netfront_take_buffer(q);

	if (unlikely(!buffer))
		return false;
	xdp_prepare_buff(xdp, buffer, XDP_PACKET_HEADROOM, len, true);
	netfront_rx_gather(q, p, 0, xdp->data, len);
	if (likely(len == p->len))
		return true;
	if (likely(netfront_gather_frags(q, xdp, p, len)))
		return true;
	xdp_return_buff(xdp);
	return false;
}

/* Whether a program may look at a packet in the page it came in. */
static bool netfront_in_place(const struct netfront_queue *q,
			      const struct netfront_rx_packet *p)
{
	const struct netfront_rx_part *part = p->part;

	return !q->bounce && p->nr == 1 &&
	       p->len > READ_ONCE(q->nf->copybreak) &&
	       part->offset >= XDP_PACKET_HEADROOM &&
	       part->offset + part->len <= SKB_WITH_OVERHEAD(XDP_BUF);
}

static bool netfront_prepare(struct netfront_queue *q, struct xdp_buff *xdp,
			     const struct netfront_rx_packet *p)
{
	struct page *page;

	xdp_init_buff(xdp, XDP_BUF, &q->rxq);
	if (!netfront_in_place(q, p))
		return netfront_copy_packet(q, xdp, p);
	page = netfront_rx_take(q, p->part->at);
	if (unlikely(!page))
		return false;
	xdp_prepare_buff(xdp, page_address(page), p->part->offset, p->len, true);
	return true;
}

static __wsum netfront_sum(struct xdp_buff *xdp, u32 from)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	u32 len = xdp->data_end - xdp->data - from;
	__wsum sum = csum_partial(xdp->data + from, len, 0);
	unsigned int i;

	if (likely(!xdp_buff_has_frags(xdp)))
		return sum;
	for (i = 0; i < info->nr_frags; i++) {
		const skb_frag_t *frag = &info->frags[i];

		sum = csum_block_add(sum, csum_partial(skb_frag_address(frag),
						       skb_frag_size(frag), 0), len);
		len += skb_frag_size(frag);
	}
	return sum;
}

/* Returns false if the packet is not what its flags say. */
static bool netfront_finish_checksum(struct xdp_buff *xdp, struct netfront_rx_packet *p)
{
	u32 start, at;

	if (likely(!(p->flags & XEN_NETRXF_csum_blank)) || p->gso_size)
		return true;
	if (!netfront_find_checksum(xdp->data, xdp->data_end - xdp->data, &start, &at))
		return false;
	/* What stands there now is the sum of what lies before. */
	*(__sum16 *)(xdp->data + at) = csum_fold(netfront_sum(xdp, start)) ?: CSUM_MANGLED_0;
	p->flags &= ~XEN_NETRXF_csum_blank;
	p->flags |= XEN_NETRXF_data_validated;
	return true;
}

/* ---- verdicts ---- */

static struct sk_buff *netfront_pass(struct netfront_queue *q, struct xdp_buff *xdp,
				     const struct netfront_rx_packet *p)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	unsigned int meta = xdp->data - xdp->data_meta;
	unsigned int nr_frags = 0, frags_size = 0;
	struct sk_buff *skb;

	if (unlikely(xdp_buff_has_frags(xdp))) {
		nr_frags = info->nr_frags;
		frags_size = info->xdp_frags_size;
	}
	skb = napi_build_skb(xdp->data_hard_start, XDP_BUF);
	if (unlikely(!skb)) {
		q->count.rx_no_memory++;
		netfront_drop_buffer(q, xdp);
		return NULL;
	}
	skb_mark_for_recycle(skb);
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	__skb_put(skb, xdp->data_end - xdp->data);
	if (meta)
		skb_metadata_set(skb, meta);
	if (unlikely(nr_frags))
		pv_xdp_update_skb(skb, xdp, nr_frags, frags_size,
				  nr_frags * PAGE_SIZE);
	return netfront_rx_finish(q, skb, p) ? skb : NULL;
}

static bool netfront_send_back(struct netfront_queue *q, struct xdp_buff *xdp,
			       const struct netfront_rx_packet *p)
{
	struct xdp_frame *frame = xdp_convert_buff_to_frame(xdp);
	bool sent;

	if (unlikely(!frame))
		return false;
	__netif_tx_lock(q->txq, smp_processor_id());
	sent = netfront_tx_frame(q, frame, p);
	__netif_tx_unlock(q->txq);
	if (likely(sent))
		xdp_return_frame_rx_napi(frame);
	return sent;
}

/* Programs that know no fragments see a long packet as an skb. */
static struct sk_buff *netfront_run_on_skb(struct netfront_queue *q,
					   struct bpf_prog *prog,
					   const struct netfront_rx_packet *p)
{
	struct sk_buff *skb = netfront_rx_skb(q, p);

	if (unlikely(!skb || !netfront_rx_finish(q, skb, p)))
		return NULL;
	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_is_gso(skb)) {
		if (unlikely(skb_checksum_help(skb))) {
			q->count.rx_xdp_unfit++;
			q->count.rx_dropped++;
			kfree_skb(skb);
			return NULL;
		}
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if (pv_xdp_generic(prog, &skb) == XDP_PASS)
		return skb;
	q->count.rx_xdp_drop++;
	return NULL;
}

/**
 * netfront_xdp_receive() - run the program on a packet
 * @q: the queue
 * @prog: the program
 * @p: the packet, without a fault
 *
 * Context: NAPI.
 * Return: an skb for the stack, or NULL if the packet has gone elsewhere.
 */
struct sk_buff *netfront_xdp_receive(struct netfront_queue *q,
				     struct bpf_prog *prog,
				     struct netfront_rx_packet *p)
{
	struct xdp_buff xdp;
	u32 verdict;

	if (unlikely(p->len > XDP_DATA && !prog->aux->xdp_has_frags))
		return netfront_run_on_skb(q, prog, p);
	if (unlikely(!netfront_prepare(q, &xdp, p))) {
		q->count.rx_no_memory++;
		return NULL;
	}
	if (unlikely(!netfront_finish_checksum(&xdp, p))) {
		q->count.rx_xdp_unfit++;
		q->count.rx_dropped++;
		netfront_drop_buffer(q, &xdp);
		return NULL;
	}
	verdict = bpf_prog_run_xdp(prog, &xdp);
	switch (verdict) {
	case XDP_PASS:
		return netfront_pass(q, &xdp, p);
	case XDP_TX:
		if (unlikely(!netfront_send_back(q, &xdp, p)))
			break;
		q->count.rx_xdp_tx++;
		q->xdp_sent = true;
		return NULL;
	case XDP_REDIRECT:
		if (unlikely(p->gso_size)) {
			q->count.rx_xdp_unfit++;
			break;
		}
		if (unlikely(xdp_do_redirect(q->nf->dev, &xdp, prog)))
			break;
		q->count.rx_xdp_redirect++;
		q->xdp_redirected = true;
		return NULL;
	case XDP_DROP:
		q->count.rx_xdp_drop++;
		netfront_drop_buffer(q, &xdp);
		return NULL;
	default:
		bpf_warn_invalid_xdp_action(q->nf->dev, prog, verdict);
		break;
	case XDP_ABORTED:
		break;
	}
	trace_xdp_exception(q->nf->dev, prog, verdict);
	q->count.rx_dropped++;
	netfront_drop_buffer(q, &xdp);
	return NULL;
}

/**
 * netfront_xdp_flush() - the poll ends: send off what programs have sent
 * @q: the queue
 */
void netfront_xdp_flush(struct netfront_queue *q)
{
	if (q->xdp_sent) {
		q->xdp_sent = false;
		__netif_tx_lock(q->txq, smp_processor_id());
		netfront_tx_flush(q);
		__netif_tx_unlock(q->txq);
	}
	if (q->xdp_redirected) {
		q->xdp_redirected = false;
		xdp_do_flush();
	}
}

/**
 * netfront_xdp_forget() - free the buffer that waits for the next packet
 * @q: the queue, not polled
 */
void netfront_xdp_forget(struct netfront_queue *q)
{
	if (q->xdp_page)
		page_pool_put_full_page(q->xdp_pool, q->xdp_page, false);
	q->xdp_page = NULL;
}

/**
 * netfront_xdp_xmit() - ndo_xdp_xmit: send frames that were redirected here
 * @dev: the interface
 * @nr: how many
 * @frame: the frames
 * @flags: XDP_XMIT_FLUSH at the end of a burst
 *
 * Return: how many were sent; the caller frees the others.
 */
int netfront_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frame,
		      u32 flags)
{
	struct netfront *nf = netdev_priv(dev);
	unsigned int nr_queues = READ_ONCE(nf->nr_queues);
	struct netfront_queue *q;
	int sent, i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_carrier_ok(dev) || !nr_queues))
		return -ENETDOWN;
	q = &nf->queue[smp_processor_id() % nr_queues];

	__netif_tx_lock(q->txq, smp_processor_id());
	for (sent = 0; sent < nr; sent++)
		if (unlikely(!netfront_tx_frame(q, frame[sent], NULL)))
			break;
	if (flags & XDP_XMIT_FLUSH)
		netfront_tx_flush(q);
	__netif_tx_unlock(q->txq);

	for (i = 0; i < sent; i++)
		xdp_return_frame_rx_napi(frame[i]);
	return sent;
}

/**
 * netfront_bpf() - ndo_bpf: attach or detach a program
 * @dev: the interface
 * @bpf: what is wanted
 *
 * The link stays up: the next packet finds the program.
 *
 * Context: process, under rtnl.
 * Return: 0 or a negative errno.
 */
int netfront_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	struct netfront *nf = netdev_priv(dev);
	struct bpf_prog *old;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	old = xchg(&nf->xdp, bpf->prog);
	if (old)
		bpf_prog_put(old);
	netfront_tell_program(nf);
	return 0;
}
