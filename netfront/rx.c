// SPDX-License-Identifier: GPL-2.0
/*
 * Packets from the backend, and the poll function of both rings.
 *
 * A response lies in the slot of its request, so each slot has its buffer and
 * ids tell nothing. Data passes in one of two ways, which negotiation decides:
 *   bounced  the slots' pages stay granted, packets are copied out of them;
 *   direct   the ring holds pages of the page pool; the pages of a long packet
 *            are taken back from the backend and handed on, short ones are
 *            copied and the page is posted again, still granted.
 *
 * A program of XDP gets its packets in buffers of its own, see xdp.c.
 */
#include <linux/etherdevice.h>

#include "netfront.h"

/* Post buffers again when so many of 256 are missing. */
#define RX_BATCH	32
/* Bytes of a long packet in which its headers are, if it is not copied. */
#define RX_HEAD		128
/*
 * A copied packet is a linear skb up to this length, and of a longer one so much
 * is head: memory of one piece, which GRO hangs to others as one fragment.
 */
#define RX_LINEAR	2048
/* Pages of copied packets: 32 KiB. Few large parts cost less than many. */
#define RX_ORDER	3
#define RX_PART		(PAGE_SIZE << RX_ORDER)
/* Pages of either order that wait to be used again. */
#define RX_POOL_LARGE	16
/* Try again to get pages after this. */
#define RX_REFILL	(HZ / 10)

static_assert(sizeof(union netfront_rx_slot) == 8);

/* ---- pages ---- */

static void *netfront_buf_of(struct netfront_queue *q, const struct netfront_rx_part *part)
{
	return q->rx_buf[part->at].data + part->offset;
}

/**
 * netfront_rx_take() - take a slot's page back from the backend
 * @q: the queue, in direct mode
 * @at: the slot, which is left without a buffer
 *
 * Return: the page, or NULL if the backend does not let go of it.
 */
struct page *netfront_rx_take(struct netfront_queue *q, u16 at)
{
	struct netfront_rx_buf *buf = &q->rx_buf[at];
	struct page *page = buf->page;
	bool ended = pv_grant_end(&q->pool, buf->grant);

	buf->page = NULL;
	buf->data = NULL;
	if (likely(ended))
		return page;
	pv_device_fail(q->nf->pd,
		       "it keeps a page of a packet mapped that it has delivered");
	/* Lost, and the slot with it. */
	buf->grant = NULL;
	/* Somebody else holds it, too, so the pool lets it go. */
	page_pool_put_full_page(q->rx_pool, page, true);
	return NULL;
}

/* Give an empty slot a page. */
static bool netfront_fill_buf(struct netfront_queue *q, struct netfront_rx_buf *buf)
{
	if (unlikely(!buf->grant))
		return false;
	buf->page = page_pool_dev_alloc_pages(q->rx_pool);
	if (unlikely(!buf->page))
		return false;
	buf->data = page_address(buf->page);
	pv_grant_page(&q->pool, buf->grant, buf->page, false);
	return true;
}

/*
 * Offer the backend buffers again. Those of the packet that is coming in are
 * still needed, unless it is to be dropped anyway.
 */
static void netfront_post(struct netfront_queue *q)
{
	bool keep = q->rx_packet.nr && !q->rx_packet.fault;
	u32 from = keep ? q->rx_start : q->rx.cons;
	u32 room = READ_ONCE(q->nf->rx_limit) - (q->rx.prod - from);

	/* A smaller limit holds only for what is posted from now on. */
	if ((s32)room < RX_BATCH)
		return;
	while (room--) {
		u16 at = q->rx.prod & (NETFRONT_RING - 1);
		struct netfront_rx_buf *buf = &q->rx_buf[at];
		struct xen_netif_rx_request req = { .id = at };

		if (!buf->data && unlikely(!netfront_fill_buf(q, buf))) {
			q->count.rx_no_memory++;
			mod_timer(&q->refill, jiffies + RX_REFILL);
			break;
		}
		req.gref = buf->grant->ref;
		pv_ring_put(&q->rx, &req, sizeof(req));
		q->rx_stats.requests++;
	}
	if (pv_ring_publish(&q->rx))
		pv_channel_kick(q->split ? &q->rx_channel : &q->tx_channel);
}

/* ---- packets to skbs ---- */

/**
 * netfront_rx_gather() - copy part of a packet out of its buffers
 * @q: the queue
 * @p: the packet
 * @from: first byte, less than the packet's length
 * @to: where it goes
 * @len: bytes, all of them in the packet
 */
void netfront_rx_gather(struct netfront_queue *q,
			const struct netfront_rx_packet *p, u32 from,
			void *to, u32 len)
{
	const struct netfront_rx_part *part = p->part;

	q->rx_stats.bytes_copied += len;
	while (from >= part->len)
		from -= part++->len;
	for (;; part++) {
		u32 now = min(len, part->len - from);

		memcpy(to, netfront_buf_of(q, part) + from, now);
		len -= now;
		if (!len)
			return;
		to += now;
		from = 0;
	}
}

/* The whole packet copied into an skb's head. */
static struct sk_buff *netfront_linear_skb(struct netfront_queue *q,
					   const struct netfront_rx_packet *p)
{
	struct sk_buff *skb = napi_alloc_skb(&q->napi, p->len);

	if (likely(skb))
		netfront_rx_gather(q, p, 0, __skb_put(skb, p->len), p->len);
	return skb;
}

/* A long packet copied: its beginning, then few large parts. */
static struct sk_buff *netfront_copied_skb(struct netfront_queue *q,
					   const struct netfront_rx_packet *p)
{
	u32 from = min_t(u32, p->len, RX_LINEAR);
	struct sk_buff *skb = napi_alloc_skb(&q->napi, from);
	unsigned int offset, i;
	struct page *page;

	if (unlikely(!skb))
		return NULL;
	skb_mark_for_recycle(skb);
	netfront_rx_gather(q, p, 0, __skb_put(skb, from), from);
	for (i = 0; from < p->len; i++) {
		u32 len = min_t(u32, p->len - from, RX_PART);

		/* Parts of two packets do not share a cache line. */
		page = page_pool_dev_alloc_frag(q->rx_pool, &offset,
						ALIGN(len, SMP_CACHE_BYTES));
		if (unlikely(!page)) {
			/* Memory is in small pieces: those will do. */
			len = min_t(u32, len, PAGE_SIZE);
			offset = 0;
			page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
		}
		if (unlikely(!page)) {
			kfree_skb(skb);
			return NULL;
		}
		netfront_rx_gather(q, p, from, page_address(page) + offset, len);
		skb_add_rx_frag(skb, i, page, offset, len, SKB_DATA_ALIGN(len));
		from += len;
	}
	return skb;
}

/* A long packet handed on in its own pages, but for its headers. */
static struct sk_buff *netfront_direct_skb(struct netfront_queue *q,
					   const struct netfront_rx_packet *p)
{
	const struct netfront_rx_part *part = p->part;
	u32 head = min_t(u32, part->len, RX_HEAD);
	unsigned int i, nr = 0;
	struct sk_buff *skb;
	struct page *page;

	/* An skb has one page less than a packet slots. */
	if (unlikely(p->nr > MAX_SKB_FRAGS))
		head = part->len;
	skb = napi_alloc_skb(&q->napi, head);
	if (unlikely(!skb))
		return NULL;
	skb_mark_for_recycle(skb);
	memcpy(__skb_put(skb, head), netfront_buf_of(q, part), head);
	q->rx_stats.bytes_copied += head;
	/* GRO wants nothing but headers there, or it makes lists of packets. */
	if (head < part->len && !p->gso_size) {
		head = eth_get_headlen(q->nf->dev, skb->data, head);
		__skb_trim(skb, head);
	}

	for (i = 0; i < p->nr; i++, part++, head = 0) {
		if (part->len == head)
			continue;
		page = netfront_rx_take(q, part->at);
		if (unlikely(!page)) {
			kfree_skb(skb);
			return NULL;
		}
		skb_add_rx_frag(skb, nr++, page, part->offset + head,
				part->len - head, PAGE_SIZE);
	}
	return skb;
}

/**
 * netfront_rx_skb() - make an skb of a packet
 * @q: the queue
 * @p: the packet, without a fault
 *
 * Return: the skb, or NULL.
 */
struct sk_buff *netfront_rx_skb(struct netfront_queue *q,
				const struct netfront_rx_packet *p)
{
	struct sk_buff *skb;

	if (p->len <= READ_ONCE(q->nf->copybreak) ||
	    (q->bounce && p->len <= RX_LINEAR))
		skb = netfront_linear_skb(q, p);
	else if (q->bounce)
		skb = netfront_copied_skb(q, p);
	else
		skb = netfront_direct_skb(q, p);
	if (unlikely(!skb))
		q->count.rx_no_memory++;
	return skb;
}

static bool netfront_setup_gso(struct sk_buff *skb, const struct netfront_rx_packet *p)
{
	bool v6 = p->gso_type == XEN_NETIF_GSO_TYPE_TCPV6;

	if (!p->gso_size)
		return true;
	if (unlikely(skb->protocol != htons(v6 ? ETH_P_IPV6 : ETH_P_IP)))
		return false;
	skb_shinfo(skb)->gso_size = p->gso_size;
	/* Its headers are somebody else's, and its segments not counted. */
	skb_shinfo(skb)->gso_type = (v6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4) |
				    SKB_GSO_DODGY;
	skb_shinfo(skb)->gso_segs = 0;
	return true;
}

static const enum pkt_hash_types hash_type[] = {
	[_XEN_NETIF_CTRL_HASH_TYPE_IPV4] = PKT_HASH_TYPE_L3,
	[_XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP] = PKT_HASH_TYPE_L4,
	[_XEN_NETIF_CTRL_HASH_TYPE_IPV6] = PKT_HASH_TYPE_L3,
	[_XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP] = PKT_HASH_TYPE_L4,
};

static bool netfront_setup_checksum(struct netfront_queue *q, struct sk_buff *skb,
				    const struct netfront_rx_packet *p)
{
	bool fix = false;

	if (p->flags & XEN_NETRXF_csum_blank) {
		skb->ip_summed = CHECKSUM_PARTIAL;
	} else if (unlikely(p->gso_size)) {
		/* Its segments need checksums that it has not. */
		skb->ip_summed = CHECKSUM_PARTIAL;
		q->count.rx_gso_fixed++;
		fix = true;
	} else {
		if (p->flags & XEN_NETRXF_data_validated)
			skb->ip_summed = CHECKSUM_UNNECESSARY;
		return true;
	}
	return !skb_checksum_setup(skb, fix);
}

/**
 * netfront_rx_finish() - what the stack needs to know of a packet
 * @q: the queue
 * @skb: the packet, at its Ethernet header
 * @p: where it came from
 *
 * Return: false if its headers are not what its flags say; it is dropped then.
 */
bool netfront_rx_finish(struct netfront_queue *q, struct sk_buff *skb,
			const struct netfront_rx_packet *p)
{
	skb->protocol = eth_type_trans(skb, q->nf->dev);
	skb_reset_network_header(skb);
	skb_record_rx_queue(skb, q->id);
	if (unlikely(!netfront_setup_gso(skb, p) || !netfront_setup_checksum(q, skb, p))) {
		q->count.rx_dropped++;
		kfree_skb(skb);
		return false;
	}
	if (p->hashed)
		skb_set_hash(skb, p->hash, hash_type[p->hash_type]);
	return true;
}

static void netfront_receive(struct netfront_queue *q, struct bpf_prog *prog)
{
	struct netfront_rx_packet *p = &q->rx_packet;
	struct sk_buff *skb;

	if (unlikely(p->fault)) {
		q->count.rx_fault[p->fault]++;
		q->count.rx_dropped++;
		return;
	}
	q->count.rx_packets++;
	q->count.rx_bytes += p->len;
	if (prog) {
		skb = netfront_xdp_receive(q, prog, p);
	} else {
		skb = netfront_rx_skb(q, p);
		if (skb && !netfront_rx_finish(q, skb, p))
			skb = NULL;
	}
	if (likely(skb))
		napi_gro_receive(&q->napi, skb);
}

/* The only place where a response of the rx ring is read. */
static int netfront_receive_all(struct netfront_queue *q, int budget)
{
	struct bpf_prog *prog = READ_ONCE(q->nf->xdp);
	u32 pending = pv_ring_pending(&q->rx);
	u32 before = q->rx.cons;
	int done = 0;

	while (pending-- && done < budget) {
		u16 at = q->rx.cons & (NETFRONT_RING - 1);
		union netfront_rx_slot slot;

		pv_ring_get(&q->rx, &slot, sizeof(slot));
		if (!netfront_rx_feed(&q->rx_packet, &slot, at))
			continue;
		netfront_receive(q, prog);
		netfront_rx_begin(&q->rx_packet);
		q->rx_start = q->rx.cons;
		done++;
	}
	q->rx_stats.responses += q->rx.cons - before;
	if (unlikely(q->rx.broken))
		pv_device_fail(q->nf->pd, "rx: %s", q->rx.broken);
	return done;
}

/* ---- poll ---- */

/*
 * Ask for events. With coalescing, for one of several packets; then a timer
 * bounds the wait, and after an idle round the next packet is told at once.
 */
static bool netfront_arm_rx(struct netfront_queue *q, int done)
{
	u32 frames = READ_ONCE(q->rx_frames);
	u32 usecs = READ_ONCE(q->rx_usecs);

	if (likely(frames <= 1 || !done))
		return pv_ring_arm(&q->rx, 1);
	if (pv_ring_arm(&q->rx, frames))
		return true;
	hrtimer_start(&q->hold, ns_to_ktime((u64)usecs * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_SOFT);
	return false;
}

/* What has come is taken, and buffers are offered again. */
static int netfront_poll_rx(struct netfront_queue *q, int budget)
{
	int done = netfront_receive_all(q, budget);

	netfront_xdp_flush(q);
	netfront_post(q);
	return done;
}

/**
 * netfront_poll() - NAPI: both rings
 * @napi: of the queue
 * @budget: most packets; 0 for responses only
 *
 * While the interface is down only responses are taken: what comes stays where
 * it is, and of no more of it we want to hear.
 *
 * Return: packets received.
 */
int netfront_poll(struct napi_struct *napi, int budget)
{
	struct netfront_queue *q = container_of(napi, struct netfront_queue,
						napi);
	bool running = netif_running(q->nf->dev);
	int done = 0;

	netfront_tx_poll(q, budget);
	if (unlikely(!budget))
		return 0;
	if (likely(running))
		done = netfront_poll_rx(q, budget);
	if (done == budget)
		return done;
	/* Before the completion, after which another CPU may poll. */
	netfront_tx_arm(q);
	if (likely(running) && netfront_arm_rx(q, done))
		return budget;
	if (!napi_complete_done(napi, done))
		return done;
	pv_channel_eoi(&q->tx_channel);
	if (q->split)
		pv_channel_eoi(&q->rx_channel);
	return done;
}

/**
 * netfront_hold_over() - no more packets have come to go with the others
 * @timer: of the queue
 *
 * Return: HRTIMER_NORESTART.
 */
enum hrtimer_restart netfront_hold_over(struct hrtimer *timer)
{
	struct netfront_queue *q = container_of(timer, struct netfront_queue,
						hold);

	napi_schedule(&q->napi);
	return HRTIMER_NORESTART;
}

/**
 * netfront_refill_again() - try once more to get pages
 * @timer: of the queue
 */
void netfront_refill_again(struct timer_list *timer)
{
	struct netfront_queue *q = timer_container_of(q, timer, refill);

	napi_schedule(&q->napi);
}

/* ---- a connection ---- */

static int netfront_take_grants(struct netfront_queue *q, bool bounce)
{
	struct pv_grant *g;
	unsigned int i;
	int err = 0;

	/* Bounced, the caller has taken them, to tell the backend of them. */
	if (!bounce)
		err = pv_grant_take_bare(&q->pool, NETFRONT_RING,
					 &q->rx_grants);
	if (err)
		return err;
	g = q->rx_grants.first;
	for (i = 0; i < NETFRONT_RING; i++, g = g->next)
		q->rx_buf[i] = (struct netfront_rx_buf) {
			.data = bounce ? page_address(g->page) : NULL,
			.grant = g,
		};
	return 0;
}

/**
 * netfront_rx_connect() - make the page pools, give each slot its grant
 * @q: the queue, its ring empty and its grants made
 * @bounce: whether all data is copied
 *
 * Context: process.
 * Return: 0 or a negative errno; netfront_rx_disconnect() cleans up.
 */
int netfront_rx_connect(struct netfront_queue *q, bool bounce)
{
	int nid = dev_to_node(&q->nf->pd->xb->dev);
	int err;

	q->xdp_pool = pv_page_pool_create(0, NETFRONT_RING, nid, false, &q->napi);
	if (IS_ERR(q->xdp_pool)) {
		err = PTR_ERR(q->xdp_pool);
		q->xdp_pool = NULL;
		return err;
	}
	q->rx_pool = bounce ? pv_page_pool_create(RX_ORDER, RX_POOL_LARGE, nid, true, &q->napi) :
			      q->xdp_pool;
	if (IS_ERR(q->rx_pool)) {
		err = PTR_ERR(q->rx_pool);
		q->rx_pool = NULL;
		return err;
	}
	err = xdp_rxq_info_reg(&q->rxq, q->nf->dev, q->id, q->napi.napi_id);
	if (!err)
		err = xdp_rxq_info_reg_mem_model(&q->rxq, MEM_TYPE_PAGE_POOL,
						 q->xdp_pool);
	if (!err)
		err = netfront_take_grants(q, bounce);
	return err;
}

/**
 * netfront_rx_start() - post the first buffers
 * @q: the queue, connected but not polled yet
 *
 * Context: process.
 */
void netfront_rx_start(struct netfront_queue *q)
{
	netfront_rx_begin(&q->rx_packet);
	q->rx_start = 0;
	local_bh_disable();
	netfront_post(q);
	local_bh_enable();
}

/**
 * netfront_rx_forget() - what comes next is the beginning of a packet
 * @q: the queue, not polled
 */
void netfront_rx_forget(struct netfront_queue *q)
{
	if (q->rx_start == q->rx.cons)
		return;
	q->count.rx_dropped++;
	netfront_rx_begin(&q->rx_packet);
	q->rx_start = q->rx.cons;
}

/* Nobody polls any more: what is left of the packets goes. */
static void netfront_drop_bufs(struct netfront_queue *q)
{
	unsigned int i;

	if (q->bounce)
		return;
	for (i = 0; i < NETFRONT_RING; i++) {
		struct netfront_rx_buf *buf = &q->rx_buf[i];

		if (!buf->page)
			continue;
		pv_grant_end(&q->pool, buf->grant);
		page_pool_put_full_page(q->rx_pool, buf->page, false);
	}
}

/**
 * netfront_rx_disconnect() - free the buffers and the page pool
 * @q: the queue, not polled, its channels closed
 */
void netfront_rx_disconnect(struct netfront_queue *q)
{
	hrtimer_cancel(&q->hold);
	timer_delete_sync(&q->refill);
	netfront_drop_bufs(q);
	pv_grant_put(&q->pool, &q->rx_grants);
	memset(q->rx_buf, 0, sizeof(q->rx_buf));
	netfront_xdp_forget(q);
	if (xdp_rxq_info_is_reg(&q->rxq))
		xdp_rxq_info_unreg(&q->rxq);
	if (q->rx_pool && q->rx_pool != q->xdp_pool)
		page_pool_destroy(q->rx_pool);
	q->rx_pool = NULL;
	if (q->xdp_pool)
		page_pool_destroy(q->xdp_pool);
	q->xdp_pool = NULL;
}
