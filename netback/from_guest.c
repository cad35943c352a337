// SPDX-License-Identifier: GPL-2.0
/*
 * Packets from the guest: slots become packets for the network stack.
 *
 * All of it runs in the queue's NAPI, so there is no lock. A poll takes a
 * batch of packets off the ring; what the guest keeps mapped is copied at
 * once, the rest by one hypercall for all of them; then the responses are
 * published together, and the packets go up.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <xen/page.h>

#include "../ring/compat.h"
#include "netback.h"

/*
 * The stack parses headers in the head, whatever slots they came in. Most packets
 * are all head: memory of one piece, which GRO hangs to others as one fragment.
 */
#define HEAD_BYTES	2048

/* A fragment is one piece of contiguous memory of at most so many bytes. */
#define FRAG_BYTES	SZ_16K

/* ---- credit ---- */

static void netback_credit_timeout(struct timer_list *t)
{
	struct netback_queue *q = timer_container_of(q, t, from.credit_timer);

	napi_schedule(&q->napi);
}

/* Take @len bytes out of the vif's bucket; else in @wait ns there are more. */
static bool netback_bucket_take(struct netback *nb, u64 credit, u32 len,
				u64 *wait)
{
	u64 period = READ_ONCE(nb->credit_ns), periods, now;
	struct netback_bucket *b = &nb->bucket;
	bool enough;

	spin_lock(&b->lock);
	now = ktime_get_ns();
	periods = div64_u64(now - b->at, period);
	if (periods) {
		b->at += periods * period;
		periods = min_t(u64, periods, U16_MAX);
		/* The largest packet must fit in some time. */
		b->left = min(b->left + periods * credit,
			      max_t(u64, credit, SZ_128K));
	}
	enough = b->left >= len;
	if (enough)
		b->left -= len;
	*wait = b->at + period - now;
	spin_unlock(&b->lock);
	return enough;
}

/* Whether @len bytes may pass now; otherwise a timer polls again. */
static bool netback_credit_take(struct netback_queue *q, u32 len)
{
	u64 credit = READ_ONCE(q->nb->credit), wait;

	if (likely(!credit) || netback_bucket_take(q->nb, credit, len, &wait))
		return true;
	mod_timer(&q->from.credit_timer, jiffies + 1 + nsecs_to_jiffies(wait));
	return false;
}

/* ---- memory and data ---- */

/**
 * netback_add_frags() - add memory for what does not fit the head
 * @q: the queue
 * @skb: the packet
 * @left: bytes
 *
 * Context: NAPI.
 * Return: false if there is none.
 */
bool netback_add_frags(struct netback_queue *q, struct sk_buff *skb,
		       unsigned int left)
{
	while (left) {
		unsigned int len = min_t(unsigned int, left, FRAG_BYTES);
		struct page *page;
		void *at;

		at = page_frag_alloc(&q->from.frags, len,
				     GFP_ATOMIC | __GFP_NOWARN);
		if (unlikely(!at)) {
			len = min_t(unsigned int, left, PAGE_SIZE);
			at = page_frag_alloc(&q->from.frags, len,
					     GFP_ATOMIC | __GFP_NOWARN);
		}
		if (unlikely(!at))
			return false;
		page = virt_to_head_page(at);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page,
				at - page_address(page), len, len);
		left -= len;
	}
	return true;
}

static struct sk_buff *netback_make_skb(struct netback_queue *q, unsigned int len)
{
	unsigned int head = min_t(unsigned int, len, HEAD_BYTES);
	struct sk_buff *skb = napi_alloc_skb(&q->napi, head);

	if (unlikely(!skb))
		return NULL;
	__skb_put(skb, head);
	if (len > head && unlikely(!netback_add_frags(q, skb, len - head))) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* Where the next byte of a packet goes. */
struct fill {
	struct sk_buff *skb;
	void *at;
	unsigned int room;
	unsigned int frag;
};

static void netback_fill_begin(struct fill *f, struct sk_buff *skb)
{
	*f = (struct fill) {
		.skb = skb, .at = skb->data, .room = skb_headlen(skb),
	};
}

/* Room for at least one byte. */
static void netback_fill_next(struct fill *f)
{
	const skb_frag_t *frag;

	if (likely(f->room))
		return;
	frag = &skb_shinfo(f->skb)->frags[f->frag++];
	f->at = skb_frag_address(frag);
	f->room = skb_frag_size(frag);
}

/* A piece whose page is mapped. */
static void netback_fill_memcpy(struct netback_queue *q, struct fill *f,
				const void *data, unsigned int left)
{
	q->from.counters.ring.bytes_copied += left;
	while (left) {
		unsigned int len;

		netback_fill_next(f);
		len = min(left, f->room);
		memcpy(f->at, data, len);
		f->at += len;
		f->room -= len;
		data += len;
		left -= len;
	}
}

/* A piece that Xen has to copy: neither side may cross a page. */
static void netback_fill_grant_copy(struct netback_queue *q, struct fill *f,
				    const struct netback_piece *piece, u32 *failed)
{
	unsigned int done, len;

	for (done = 0; done < piece->len; done += len) {
		netback_fill_next(f);
		len = min3((unsigned int)piece->len - done, f->room,
			   (unsigned int)(PAGE_SIZE - offset_in_page(f->at)));
		pv_copy_from_guest(q->from.copy, piece->gref,
				   piece->offset + done, virt_to_page(f->at),
				   offset_in_page(f->at), len, failed);
		f->at += len;
		f->room -= len;
	}
}

static void netback_fill_skb(struct netback_queue *q, struct netback_entry *e)
{
	struct fill f;
	unsigned int i;

	netback_fill_begin(&f, e->skb);
	for (i = 0; i < e->packet.nr_pieces; i++) {
		const struct netback_piece *piece = &e->packet.piece[i];
		struct page *page = pv_map_find(&q->map, piece->gref);

		if (page)
			netback_fill_memcpy(q, &f, page_address(page) + piece->offset,
					    piece->len);
		else
			netback_fill_grant_copy(q, &f, piece, &e->failed);
	}
}

/* ---- the way up ---- */

/* A packet to be cut; false: it is not TCP of the version that it claims. */
static bool netback_set_gso(struct sk_buff *skb, const struct netback_packet *p)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	bool v4 = p->gso_type == XEN_NETIF_GSO_TYPE_TCPV4;
	unsigned int headers, segs;

	if (skb->protocol != (v4 ? htons(ETH_P_IP) : htons(ETH_P_IPV6)) ||
	    skb->csum_offset != offsetof(struct tcphdr, check) ||
	    tcp_hdrlen(skb) < sizeof(struct tcphdr))
		return false;
	headers = skb_transport_offset(skb) + tcp_hdrlen(skb);
	if (headers >= skb->len)
		return false;
	/* One piece is no cut; and the largest sizes have other meanings. */
	if (skb->len - headers <= p->gso_size)
		return true;
	segs = DIV_ROUND_UP(skb->len - headers, p->gso_size);
	if (segs > NETBACK_MAX_SEGS)
		return false;
	info->gso_size = p->gso_size;
	info->gso_segs = segs;
	/* The stack looks at the headers itself. */
	info->gso_type = SKB_GSO_DODGY | (v4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
	return true;
}

/* What the guest says of checksum and segmentation; false: it makes no sense. */
static bool netback_set_offloads(struct sk_buff *skb, const struct netback_packet *p)
{
	bool blank = p->flags & XEN_NETTXF_csum_blank;

	if (blank || p->gso_size)
		skb->ip_summed = CHECKSUM_PARTIAL;
	else if (p->flags & XEN_NETTXF_data_validated)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return true;

	/* A guest that cuts packets but fills in checksums gets new ones. */
	if (skb_checksum_setup(skb, !blank))
		return false;
	return !p->gso_size || netback_set_gso(skb, p);
}

static void netback_deliver(struct netback_queue *q, struct netback_entry *e,
			    struct bpf_prog *prog)
{
	struct netback_counters *c = &q->from.counters;
	struct sk_buff *skb = e->skb;

	e->skb = NULL;
	skb->protocol = eth_type_trans(skb, q->nb->dev);
	skb_reset_network_header(skb);
	if (unlikely(!netback_set_offloads(skb, &e->packet))) {
		c->bad++;
		kfree_skb(skb);
		return;
	}
	c->packets++;
	c->bytes += e->packet.len;
	c->gso += !!e->packet.gso_size;
	if (static_branch_unlikely(&netback_xdp_used) && prog) {
		skb = netback_xdp_run(q, prog, skb);
		if (!skb)
			return;
	}
	skb_record_rx_queue(skb, q->index);
	napi_gro_receive(&q->napi, skb);
}

/* One response a slot; extra info has one that says nothing. */
static void netback_respond(struct netback_queue *q, const struct netback_packet *p,
			    s16 status)
{
	struct xen_netif_tx_response rsp = { };
	unsigned int i;

	for (i = 0; i < p->nr_slots; i++) {
		bool extra = p->is_extra & (1U << i);

		rsp.id = extra ? 0 : p->id[i];
		rsp.status = extra ? XEN_NETIF_RSP_NULL : status;
		pv_ring_put(&q->from.ring, &rsp, sizeof(rsp));
	}
	q->from.counters.ring.responses += p->nr_slots;
}

static void netback_respond_all(struct netback_queue *q)
{
	struct netback_from *from = &q->from;
	unsigned int i;

	pv_copy_flush(from->copy);
	for (i = 0; i < from->nr; i++) {
		struct netback_entry *e = &from->batch[i];

		if (unlikely(e->failed && e->skb)) {
			from->counters.bad++;
			from->counters.ring.errors++;
			kfree_skb(e->skb);
			e->skb = NULL;
			e->status = XEN_NETIF_RSP_ERROR;
		}
		netback_respond(q, &e->packet, e->status);
	}
	if (pv_ring_publish(&from->ring))
		pv_channel_kick(&from->channel);
}

/* ---- off the ring ---- */

static void netback_give_up(struct netback_queue *q, const char *field, u32 value)
{
	pv_ring_break(&q->from.ring, "a packet breaks the protocol");
	pv_device_fail(q->nb->pd, "queue %u, packet from guest: %s is %u",
		       q->index, field, value);
}

/* Take the slots of one packet. False: the guest breaks the protocol. */
static bool netback_take_packet(struct netback_queue *q, struct netback_packet *p,
				u32 *pending)
{
	enum netback_step step = NETBACK_MORE;
	u8 slot[NETBACK_SLOT];

	netback_packet_begin(p);
	while (step == NETBACK_MORE) {
		if (unlikely(!*pending)) {
			*pending = pv_ring_pending(&q->from.ring);
			if (!*pending) {
				netback_give_up(q, "slots", p->nr_slots);
				return false;
			}
		}
		pv_ring_get(&q->from.ring, slot, sizeof(slot));
		--*pending;
		step = netback_packet_slot(p, slot);
		if (unlikely(p->nr_slots - p->nr_extras >
			     netback_fatal_slots)) {
			netback_give_up(q, "slots", p->nr_slots - p->nr_extras);
			return false;
		}
	}
	q->from.counters.ring.requests += p->nr_slots;
	if (unlikely(step == NETBACK_FATAL)) {
		netback_give_up(q, p->fault, p->fault_value);
		return false;
	}
	return true;
}

/* Copy a packet, or begin to. It has no skb if it is dropped. */
static void netback_take_data(struct netback_queue *q, struct netback_entry *e,
			      struct bpf_prog *prog)
{
	struct netback_counters *c = &q->from.counters;

	e->skb = NULL;
	e->failed = 0;
	e->status = XEN_NETIF_RSP_OKAY;
	if (unlikely(e->packet.mcast)) {
		if (!netback_vif_mcast(q->nb, &e->packet))
			e->status = XEN_NETIF_RSP_ERROR;
	} else if (unlikely(e->packet.fault)) {
		e->status = XEN_NETIF_RSP_ERROR;
		c->bad++;
		net_dbg_ratelimited("%s: packet from guest dropped: %s is %u\n",
				    q->nb->dev->name, e->packet.fault,
				    e->packet.fault_value);
	} else {
		if (unlikely(!netif_running(q->nb->dev)))
			e->skb = NULL;
		else if (static_branch_unlikely(&netback_xdp_used) && prog)
			e->skb = netback_xdp_skb(q, e->packet.len);
		else
			e->skb = netback_make_skb(q, e->packet.len);
		if (likely(e->skb)) {
			netback_fill_skb(q, e);
		} else {
			/* The guest has done nothing wrong. */
			e->status = XEN_NETIF_RSP_DROPPED;
			c->dropped++;
		}
	}
}

static void netback_collect(struct netback_queue *q, unsigned int budget,
			    struct bpf_prog *prog)
{
	struct netback_from *from = &q->from;
	u32 pending = pv_ring_pending(&from->ring);

	while (from->nr < budget) {
		struct netback_entry *e = &from->batch[from->nr];

		if (!from->held) {
			if (!pending) {
				pending = pv_ring_pending(&from->ring);
				if (!pending)
					break;
			}
			if (!netback_take_packet(q, &e->packet, &pending))
				break;
		}
		from->held = !netback_credit_take(q, e->packet.len);
		if (unlikely(from->held))
			break;
		netback_take_data(q, e, prog);
		from->nr++;
	}
}

static unsigned int netback_from_guest(struct netback_queue *q, unsigned int budget)
{
	struct netback_from *from = &q->from;
	struct bpf_prog *prog = NULL;
	unsigned int i, nr;

	/* One and the same for all of the burst */
	if (static_branch_unlikely(&netback_xdp_used))
		prog = READ_ONCE(q->nb->xdp);
	netback_collect(q, min_t(unsigned int, budget, NETBACK_BATCH), prog);
	nr = from->nr;
	if (!nr)
		return 0;
	netback_respond_all(q);
	for (i = 0; i < nr; i++)
		if (likely(from->batch[i].skb))
			netback_deliver(q, &from->batch[i], prog);
	if (static_branch_unlikely(&netback_xdp_used))
		netback_xdp_flush(q);
	if (unlikely(from->held))
		from->batch[0].packet = from->batch[nr].packet;
	from->nr = 0;
	return nr;
}

/**
 * netback_poll() - NAPI's poll function of a queue
 * @napi: the queue's
 * @budget: most packets
 *
 * Return: packets taken from the guest.
 */
int netback_poll(struct napi_struct *napi, int budget)
{
	struct netback_queue *q = container_of(napi, struct netback_queue,
					       napi);
	int work = 0;

	if (likely(budget)) {
		WRITE_ONCE(q->poller, smp_processor_id() + 1);
		work = netback_from_guest(q, budget);
		WRITE_ONCE(q->poller, 0);
	}
	netback_to_poll(q, budget);
	if (unlikely(q->from.ring.broken))
		pv_device_fail(q->nb->pd, "queue %u, from guest: %s", q->index,
			       q->from.ring.broken);
	if (work == budget)
		return work;
	/*
	 * Before the completion, after which another CPU may poll. Without
	 * credit the guest's next packet would be noise.
	 */
	if (!q->from.held && pv_ring_arm(&q->from.ring, 1))
		return budget;
	if (!napi_complete_done(napi, work))
		return work;
	pv_channel_eoi(&q->from.channel);
	if (q->to.kick == &q->to.channel)
		pv_channel_eoi(&q->to.channel);
	return work;
}

/* ---- life ---- */

/**
 * netback_from_open() - make ready for packets from the guest
 * @q: the queue, its ring mapped
 *
 * Return: 0 or a negative errno.
 */
int netback_from_open(struct netback_queue *q)
{
	struct netback_from *from = &q->from;

	from->copy = kvmalloc(sizeof(*from->copy), GFP_KERNEL);
	if (!from->copy)
		return -ENOMEM;
	pv_copy_init(from->copy, q->nb->pd, &from->counters.ring);
	from->copy->atomic = true;
	timer_setup(&from->credit_timer, netback_credit_timeout, 0);
	from->nr = 0;
	from->held = false;
	return 0;
}

/**
 * netback_from_leave() - answer what was taken from the guest
 * @q: the queue, its NAPI disabled
 *
 * A packet that waits for credit is dropped. Afterwards another backend can go
 * on with the ring.
 */
void netback_from_leave(struct netback_queue *q)
{
	struct netback_from *from = &q->from;

	if (!from->held)
		return;
	from->held = false;
	from->counters.dropped++;
	netback_respond(q, &from->batch[0].packet, XEN_NETIF_RSP_DROPPED);
	if (pv_ring_publish(&from->ring))
		pv_channel_kick(&from->channel);
}

/**
 * netback_from_close() - undo netback_from_open()
 * @q: the queue, NAPI disabled; opened or not
 */
void netback_from_close(struct netback_queue *q)
{
	struct netback_from *from = &q->from;

	if (!from->copy)
		return;
	timer_delete_sync(&from->credit_timer);
	kvfree(from->copy);
	from->copy = NULL;
	pv_frag_cache_drain(&from->frags);
}
