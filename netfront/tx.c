// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to the backend.
 *
 * Each id of a tx request owns a staged page, so the page of a response is
 * found by its id and the data path takes no lock but the tx queue's. Data
 * passes in one of two ways, which negotiation decides:
 *   bounced  all of it is copied into staged pages that the backend has mapped
 *            (or that protect us from it);
 *   granted  what is short is copied, large parts are granted as they lie in
 *            the skb, read-only, until the response.
 *
 * A packet that was copied is free at once, so nobody waits for its response.
 * Responses are taken when somebody is here anyway: every so many slots sent,
 * and with what is received. Only for granted packets, and for a queue that is
 * stopped, an event is asked for: half of the outstanding slots ahead.
 *
 * Both sides of the ring belong to the tx queue's lock here.
 */
#include <linux/etherdevice.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "netfront.h"

/* Parts of an skb that are at most this long are copied in any case. */
#define TX_COPY		1024
/* Look for responses each time that so many slots have been sent. */
#define TX_LOOK		32
/* Addresses that backends take, at least. */
#define MCAST_MAX	64
/* A tx ring that is full: look again at it after this. */
#define MCAST_RETRY	(HZ / 20)

static_assert(sizeof(struct netfront_tx_cb) <=
	      sizeof_field(struct sk_buff, cb));
static_assert(sizeof(union netfront_tx_slot) == 12);

static struct netfront_tx_cb *netfront_tx_cb(struct sk_buff *skb)
{
	return (struct netfront_tx_cb *)skb->cb;
}

/* Slots that may be put on the ring; each has an id, too. */
static unsigned int netfront_tx_room(const struct netfront_queue *q)
{
	unsigned int used = q->tx.prod - q->tx.cons;
	unsigned int limit = READ_ONCE(q->nf->tx_limit);

	if (unlikely(used >= limit))
		return 0;
	return min(limit - used, q->nr_free);
}

/* Whether a packet may go to this backend at all. */
static bool netfront_fits(const struct netfront *nf, u32 len)
{
	return len >= ETH_HLEN &&
	       len <= (nf->has_sg ? XEN_NETIF_MAX_TX_SIZE : XEN_PAGE_SIZE);
}

/* ---- data ---- */

/**
 * struct tx_copy - a packed copy of a packet into staged pages
 * @q: the queue
 * @left: bytes that have no page yet
 * @to: where the next byte goes
 * @room: bytes left of the page there
 */
struct tx_copy {
	struct netfront_queue *q;
	u32 left;
	void *to;
	u32 room;
};

static struct netfront_tx_id *netfront_take_id(struct netfront_queue *q,
					       enum netfront_tx_kind kind)
{
	struct netfront_tx_id *t = &q->tx_id[q->tx_free[--q->nr_free]];

	t->kind = kind;
	t->bytes = 0;
	t->packet = q->tx_number;
	return t;
}

/* The next slot is an id's staged page that is to carry @len bytes. */
static struct netfront_tx_id *netfront_stage_page(struct netfront_queue *q,
						  enum netfront_tx_kind kind, u32 len)
{
	struct netfront_tx_id *t = netfront_take_id(q, kind);

	netfront_tx_add(&q->tx_packet, t->ref, t - q->tx_id, 0, len);
	if (unlikely(q->nf->zero)) {
		if (t->used > len)
			memset(t->data + len, 0, t->used - len);
		t->used = len;
	}
	return t;
}

static void netfront_tx_copy(struct tx_copy *c, const void *from, u32 len)
{
	while (len) {
		u32 now;

		if (!c->room) {
			c->room = min_t(u32, c->left, XEN_PAGE_SIZE);
			c->left -= c->room;
			c->to = netfront_stage_page(c->q, NETFRONT_TX_COPIED,
						    c->room)->data;
		}
		now = min(len, c->room);
		memcpy(c->to, from, now);
		c->to += now;
		c->room -= now;
		from += now;
		len -= now;
	}
}

static void netfront_copy_skb(struct netfront_queue *q, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	struct tx_copy c = { .q = q, .left = skb->len };
	unsigned int i;

	netfront_tx_copy(&c, skb->data, skb_headlen(skb));
	for (i = 0; i < info->nr_frags; i++)
		netfront_tx_copy(&c, skb_frag_address(&info->frags[i]),
				 skb_frag_size(&info->frags[i]));
}

static unsigned int netfront_pages_of(const void *data, u32 len)
{
	return len ? DIV_ROUND_UP(offset_in_page(data) + len, XEN_PAGE_SIZE) : 0;
}

/* How many slots it takes to grant what is long and copy what is short. */
static unsigned int netfront_count_granted(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	u32 head = skb_headlen(skb);
	unsigned int nr, i;

	nr = head <= TX_COPY ? 1 : netfront_pages_of(skb->data, head);
	for (i = 0; i < info->nr_frags; i++)
		nr += netfront_pages_of(skb_frag_address(&info->frags[i]),
					skb_frag_size(&info->frags[i]));
	return nr;
}

/* Let the backend read @len bytes where they are, page by page. */
static void netfront_grant_part(struct netfront_queue *q, struct sk_buff *skb,
				void *data, u32 len)
{
	while (len) {
		struct netfront_tx_id *t = netfront_take_id(q, NETFRONT_TX_GRANTED);
		u32 offset = offset_in_page(data);
		u32 now = min_t(u32, len, XEN_PAGE_SIZE - offset);

		t->skb = skb;
		pv_grant_page(&q->pool, t->grant, virt_to_page(data), true);
		netfront_tx_add(&q->tx_packet, t->grant->ref, t - q->tx_id,
				offset, now);
		data += now;
		len -= now;
	}
}

static void netfront_grant_skb(struct netfront_queue *q, struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	u32 head = skb_headlen(skb);
	struct netfront_tx_id *t;
	unsigned int i;

	if (head <= TX_COPY) {
		t = netfront_stage_page(q, NETFRONT_TX_GRANTED, head);
		t->skb = skb;
		memcpy(t->data, skb->data, head);
	} else {
		netfront_grant_part(q, skb, skb->data, head);
	}
	for (i = 0; i < info->nr_frags; i++)
		netfront_grant_part(q, skb, skb_frag_address(&info->frags[i]),
				    skb_frag_size(&info->frags[i]));
}

/* Whether a packet's pages are to be granted, rather than copied. */
static bool netfront_worth_granting(const struct netfront_queue *q,
				    const struct sk_buff *skb)
{
	/* Without scatter-gather a packet has one slot. */
	unsigned int most = q->nf->has_sg ? NETFRONT_MAX_DATA : 1;

	return !q->bounce && skb->len > TX_COPY && !skb_shared(skb) &&
	       netfront_count_granted(skb) + q->tx_packet.nr_extra <= most;
}

/* Returns true if the backend needs the skb until it has answered. */
static bool netfront_fill_data(struct netfront_queue *q, struct sk_buff *skb)
{
	if (netfront_worth_granting(q, skb)) {
		netfront_grant_skb(q, skb);
		netfront_tx_cb(skb)->left = q->tx_packet.nr - q->tx_packet.nr_extra;
		q->tx_held++;
		q->count.tx_granted++;
		return true;
	}
	/* Packed, any packet fits. */
	if (!skb_is_nonlinear(skb) && skb->len <= XEN_PAGE_SIZE)
		memcpy(netfront_stage_page(q, NETFRONT_TX_COPIED, skb->len)->data,
		       skb->data, skb->len);
	else
		netfront_copy_skb(q, skb);
	q->count.tx_copied++;
	q->tx_stats.bytes_copied += skb->len;
	return false;
}

/* ---- responses ---- */

/**
 * struct tx_done - what a pass over the responses has finished
 * @packets: packets of the stack
 * @bytes: their bytes
 */
struct tx_done {
	unsigned int packets;
	unsigned int bytes;
};

/* Returns false if the backend would not give a page back. */
static bool netfront_finish_slot(struct netfront_queue *q, struct netfront_tx_id *t,
				 struct tx_done *done, int budget)
{
	bool ok = true;

	if (t->bytes) {
		done->packets++;
		done->bytes += t->bytes;
	}
	if (unlikely(t->kind == NETFRONT_TX_GRANTED)) {
		if (t->grant->page)
			ok = pv_grant_end(&q->pool, t->grant);
		if (!--netfront_tx_cb(t->skb)->left) {
			napi_consume_skb(t->skb, budget);
			q->tx_held--;
		}
	}
	t->kind = NETFRONT_TX_FREE;
	/* Without its grant, an id is of no more use. */
	if (likely(ok))
		q->tx_free[q->nr_free++] = t - q->tx_id;
	return ok;
}

static void netfront_note_status(struct netfront_queue *q,
				 const struct netfront_tx_id *t, s16 status)
{
	if (t->kind == NETFRONT_TX_MCAST) {
		/* Without the address in its list, it must not filter. */
		WRITE_ONCE(q->nf->mcast_refused, true);
		schedule_delayed_work(&q->nf->mcast_work, 0);
		return;
	}
	/* Once for a packet, which has a response for each of its slots. */
	if (t->packet == q->tx_failed)
		return;
	q->tx_failed = t->packet;
	if (status == XEN_NETIF_RSP_DROPPED)
		q->count.tx_dropped++;
	else
		q->count.tx_errors++;
}

/* The only place where a response to a tx request is believed. */
static void netfront_take_response(struct netfront_queue *q, struct tx_done *done,
				   int budget)
{
	struct xen_netif_tx_response rsp;
	struct netfront_tx_id *t;

	pv_ring_get(&q->tx, &rsp, sizeof(rsp));
	if (rsp.status == XEN_NETIF_RSP_NULL) {
		if (unlikely(!q->tx_extras))
			pv_ring_break(&q->tx, "response of extra info that was not sent");
		else
			q->tx_extras--;
		return;
	}
	if (unlikely(rsp.id >= NETFRONT_RING || !q->tx_id[rsp.id].kind)) {
		pv_ring_break(&q->tx, "response to a packet that was not sent");
		return;
	}
	t = &q->tx_id[rsp.id];
	if (unlikely(rsp.status != XEN_NETIF_RSP_OKAY))
		netfront_note_status(q, t, rsp.status);
	if (unlikely(!netfront_finish_slot(q, t, done, budget)))
		pv_device_fail(q->nf->pd,
			       "it keeps a page of a packet mapped that it has answered");
}

static struct tx_done netfront_take_responses(struct netfront_queue *q, int budget)
{
	u32 pending = pv_ring_pending(&q->tx);
	struct tx_done done = { };

	q->tx_stats.responses += pending;
	while (pending-- && likely(!q->tx.broken))
		netfront_take_response(q, &done, budget);
	return done;
}

/* Under the tx queue's lock. */
static void netfront_reclaim(struct netfront_queue *q, int budget)
{
	struct tx_done done = netfront_take_responses(q, budget);

	q->tx_looked = q->tx.prod;
	if (unlikely(q->tx.broken)) {
		pv_device_fail(q->nf->pd, "tx: %s", q->tx.broken);
		return;
	}
	if (done.packets)
		netdev_tx_completed_queue(q->txq, done.packets, done.bytes);
	/* The queue of an interface that is down stays stopped. */
	if (unlikely(netif_tx_queue_stopped(q->txq)) && netif_running(q->nf->dev) &&
	    netfront_tx_room(q) >= 2 * NETFRONT_TX_SLOTS)
		netif_tx_wake_queue(q->txq);
}

/* ---- events ---- */

/* Whether somebody waits for responses. */
static bool netfront_wants_event(const struct netfront_queue *q)
{
	return READ_ONCE(q->tx_held) || netif_xmit_stopped(q->txq);
}

/*
 * Have responses announced if somebody waits for them: half of those that are
 * outstanding ahead. They will come, and the other half is there to send
 * meanwhile. Under the tx queue's lock, with everything published.
 */
static void netfront_ask_event(struct netfront_queue *q)
{
	u32 frames = READ_ONCE(q->tx_frames);

	while (netfront_wants_event(q) && (s32)(q->tx_armed - q->tx.cons) <= 0) {
		u32 outstanding = q->tx.published - q->tx.cons;
		u32 ahead = frames ? min(frames, outstanding) : outstanding / 2;

		ahead = max(ahead, 1U);
		q->tx_armed = q->tx.cons + ahead;
		if (!pv_ring_arm(&q->tx, ahead))
			return;
		netfront_reclaim(q, 0);
	}
}

/* ---- sending ---- */

static void netfront_describe(struct netfront_tx_packet *p, const struct sk_buff *skb)
{
	u16 flags = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		flags = XEN_NETTXF_csum_blank | XEN_NETTXF_data_validated;
	else if (skb->ip_summed == CHECKSUM_UNNECESSARY)
		flags = XEN_NETTXF_data_validated;
	netfront_tx_begin(p, skb->len, flags);
	if (skb_is_gso(skb))
		netfront_tx_gso(p, skb_is_gso_v6(skb) ?
				XEN_NETIF_GSO_TYPE_TCPV6 :
				XEN_NETIF_GSO_TYPE_TCPV4,
				skb_shinfo(skb)->gso_size);
}

/* Until responses have made room. */
static void netfront_stop_queue(struct netfront_queue *q)
{
	q->count.tx_stopped++;
	netif_tx_stop_queue(q->txq);
}

/*
 * Whoever has put it: the stack, which is stopped where the next packet has no
 * room (one that is not taken it puts behind others that it has taken out before),
 * or a program.
 */
static void netfront_put_packet(struct netfront_queue *q)
{
	const struct netfront_tx_packet *p = &q->tx_packet;
	unsigned int i;

	q->tx_number++;

	for (i = 0; i < p->nr; i++)
		pv_ring_put(&q->tx, &p->slot[i], sizeof(p->slot[i]));
	q->tx_extras += p->nr_extra;
	q->tx_stats.requests += p->nr;
	if (unlikely(netfront_tx_room(q) < NETFRONT_TX_SLOTS))
		netfront_stop_queue(q);
}

static void netfront_publish(struct netfront_queue *q)
{
	if (pv_ring_publish(&q->tx))
		pv_channel_kick(&q->tx_channel);
}

/* Make room now and then, while it costs little. */
static bool netfront_make_room(struct netfront_queue *q)
{
	if (q->tx.prod - q->tx_looked >= TX_LOOK ||
	    unlikely(netfront_tx_room(q) < NETFRONT_TX_SLOTS))
		netfront_reclaim(q, 0);
	return likely(netfront_tx_room(q) >= NETFRONT_TX_SLOTS);
}

/* A burst ends: tell the backend, and be told if the queue has stopped. */
static void netfront_end_burst(struct netfront_queue *q)
{
	netfront_publish(q);
	if (unlikely(netfront_wants_event(q)))
		netfront_ask_event(q);
}

/**
 * netfront_start_xmit() - ndo_start_xmit: send a packet
 * @skb: the packet
 * @dev: the interface
 *
 * Return: NETDEV_TX_OK, or NETDEV_TX_BUSY to who calls it while it is stopped.
 */
netdev_tx_t netfront_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct netfront *nf = netdev_priv(dev);
	struct netfront_queue *q = &nf->queue[skb_get_queue_mapping(skb)];
	struct netfront_tx_packet *p = &q->tx_packet;
	bool more = netdev_xmit_more();
	unsigned int len = skb->len;

	if (unlikely(!q->live || !netfront_fits(nf, len)))
		goto drop;
	if (unlikely(!netfront_make_room(q))) {
		netfront_stop_queue(q);
		netfront_end_burst(q);
		return NETDEV_TX_BUSY;
	}

	netfront_describe(p, skb);
	skb_tx_timestamp(skb);
	if (!netfront_fill_data(q, skb))
		dev_consume_skb_any(skb);
	q->tx_id[p->slot[0].req.id].bytes = len;
	netfront_put_packet(q);

	q->count.tx_packets++;
	q->count.tx_bytes += len;
	if (__netdev_tx_sent_queue(q->txq, len, more))
		netfront_end_burst(q);
	return NETDEV_TX_OK;

drop:
	q->count.tx_dropped++;
	dev_kfree_skb_any(skb);
	if (q->live && !more)
		netfront_end_burst(q);
	return NETDEV_TX_OK;
}

/**
 * netfront_tx_frame() - put an XDP frame on the ring
 * @q: the queue, its tx queue's lock held
 * @frame: the frame, which is copied: the caller may free it at once
 * @from: the packet that it was received as; NULL if it is from elsewhere
 *
 * Return: false if there is no room.
 */
bool netfront_tx_frame(struct netfront_queue *q, struct xdp_frame *frame,
		       const struct netfront_rx_packet *from)
{
	struct netfront_tx_packet *p = &q->tx_packet;
	u32 len = xdp_get_frame_len(frame);
	struct tx_copy c = { .q = q, .left = len };
	struct skb_shared_info *info;
	unsigned int i;

	if (unlikely(!q->live || !netfront_fits(q->nf, len) || !netfront_make_room(q)))
		return false;

	netfront_tx_begin(p, len, from && from->flags & XEN_NETRXF_csum_blank ?
			  XEN_NETTXF_csum_blank | XEN_NETTXF_data_validated : 0);
	if (unlikely(from && from->gso_size))
		netfront_tx_gso(p, from->gso_type, from->gso_size);
	netfront_tx_copy(&c, frame->data, frame->len);
	if (unlikely(xdp_frame_has_frags(frame))) {
		info = xdp_get_shared_info_from_frame(frame);
		for (i = 0; i < info->nr_frags; i++)
			netfront_tx_copy(&c, skb_frag_address(&info->frags[i]),
					 skb_frag_size(&info->frags[i]));
	}
	netfront_put_packet(q);

	q->count.tx_xdp++;
	q->count.tx_packets++;
	q->count.tx_bytes += len;
	q->tx_stats.bytes_copied += len;
	return true;
}

/**
 * netfront_tx_flush() - publish what waits, kick if the backend sleeps
 * @q: the queue, its tx queue's lock held
 */
void netfront_tx_flush(struct netfront_queue *q)
{
	if (likely(q->live))
		netfront_end_burst(q);
}

/**
 * netfront_tx_poll() - NAPI: take responses
 * @q: the queue
 * @budget: of the poll
 */
void netfront_tx_poll(struct netfront_queue *q, int budget)
{
	/* A look without the lock: what is sent now is not answered yet. */
	if (READ_ONCE(q->tx.published) == READ_ONCE(q->tx.cons))
		return;
	/* A console on this interface may have come from under the lock. */
	if (likely(budget))
		__netif_tx_lock(q->txq, smp_processor_id());
	else if (!__netif_tx_trylock(q->txq))
		return;
	netfront_reclaim(q, budget);
	__netif_tx_unlock(q->txq);
}

/**
 * netfront_tx_arm() - ask for an event before NAPI sleeps, if one is needed
 * @q: the queue
 */
void netfront_tx_arm(struct netfront_queue *q)
{
	/* A look without the lock: who sends now asks for itself. */
	if (!netfront_wants_event(q))
		return;
	__netif_tx_lock(q->txq, smp_processor_id());
	netfront_ask_event(q);
	__netif_tx_unlock(q->txq);
}

/* ---- answers that take long ---- */

/* It is said once each time. */
static void netfront_look_at(struct netfront_queue *q)
{
	bool late = pv_ring_late(&q->tx, &q->tx_look);
	char ring[PV_RING_TEXT];

	if (late == q->tx_late)
		return;
	q->tx_late = late;
	if (!late) {
		netdev_notice(q->nf->dev, "queue %u is answered again\n", q->id);
		return;
	}
	q->tx_stats.late++;
	pv_ring_describe(&q->tx, ring);
	netdev_warn(q->nf->dev, "no answer for %u ms to what was sent; queue %u: %s\n",
		    READ_ONCE(netfront_late_ms), q->id, ring);
}

/**
 * netfront_look_later() - see to it that answers which do not come are noticed
 * @nf: the interface, connected
 */
void netfront_look_later(struct netfront *nf)
{
	unsigned int msecs = READ_ONCE(netfront_late_ms);

	if (msecs)
		mod_timer(&nf->look, jiffies + msecs_to_jiffies(msecs));
}

/**
 * netfront_look_for_answers() - whether there have been some since the last look
 * @timer: of the interface
 *
 * The stack's watchdog would not do: it looks at queues that have stopped, and it
 * warns of a fault of the driver, also while a backend is only away.
 */
void netfront_look_for_answers(struct timer_list *timer)
{
	struct netfront *nf = timer_container_of(nf, timer, look);
	unsigned int i;

	for (i = 0; i < nf->nr_queues; i++)
		netfront_look_at(&nf->queue[i]);
	netfront_look_later(nf);
}

/* ---- a connection ---- */

/**
 * netfront_tx_connect() - give each id its page
 * @q: the queue, its ring empty and its pool made
 * @bounce: whether all data is copied
 *
 * Context: process.
 * Return: 0 or a negative errno; netfront_tx_disconnect() cleans up.
 */
int netfront_tx_connect(struct netfront_queue *q, bool bounce)
{
	struct pv_grant *g, *bare = NULL;
	unsigned int i;
	int err;

	if (!bounce) {
		err = pv_grant_take_bare(&q->pool, NETFRONT_RING, &q->tx_bare);
		if (err)
			return err;
		bare = q->tx_bare.first;
	}
	g = q->tx_staged.first;
	for (i = 0; i < NETFRONT_RING; i++, g = g->next) {
		q->tx_id[i] = (struct netfront_tx_id) {
			.data = page_address(g->page),
			.ref = g->ref,
			.grant = bare,
		};
		/* The lowest id on top. */
		q->tx_free[i] = NETFRONT_RING - 1 - i;
		if (bare)
			bare = bare->next;
	}
	q->nr_free = NETFRONT_RING;
	q->tx_extras = 0;
	q->tx_held = 0;
	q->tx_armed = 0;
	q->tx_number = 1;
	q->tx_failed = 0;
	q->tx_looked = 0;
	q->tx_look = (struct pv_ring_look) { };
	q->tx_late = false;
	return 0;
}

/**
 * netfront_tx_disconnect() - drop what is in flight, put the pages back
 * @q: the queue, not live, its channel closed
 */
void netfront_tx_disconnect(struct netfront_queue *q)
{
	struct tx_done done = { };
	unsigned int i;

	local_bh_disable();
	if (q->tx_staged.nr)
		netfront_take_responses(q, 0);
	for (i = 0; i < NETFRONT_RING; i++)
		if (q->tx_id[i].kind)
			netfront_finish_slot(q, &q->tx_id[i], &done, 0);
	q->count.tx_dropped += done.packets;
	local_bh_enable();
	netdev_tx_reset_queue(q->txq);
	pv_grant_put(&q->pool, &q->tx_bare);
	memset(q->tx_id, 0, sizeof(q->tx_id));
	q->nr_free = 0;
}

/* ---- multicast ---- */

/* Tell the backend of an address, in a packet of nothing but extra info. */
static bool netfront_send_mcast(struct netfront_queue *q, bool add, const u8 *addr)
{
	bool sent = false;

	__netif_tx_lock_bh(q->txq);
	if (q->live && netfront_make_room(q)) {
		netfront_tx_begin(&q->tx_packet, 0, 0);
		netfront_tx_mcast(&q->tx_packet, add, addr);
		netfront_stage_page(q, NETFRONT_TX_MCAST, 0);
		netfront_put_packet(q);
		netfront_end_burst(q);
		sent = true;
	}
	__netif_tx_unlock_bh(q->txq);
	return sent;
}

static struct netfront_mcast *netfront_find_mcast(struct netfront *nf, const u8 *addr)
{
	struct netfront_mcast *m;

	list_for_each_entry(m, &nf->mcast, list)
		if (ether_addr_equal(m->addr, addr))
			return m;
	return NULL;
}

/* Send the differences. Returns false if there was no room for all. */
static bool netfront_send_changes(struct netfront *nf, struct list_head *fresh)
{
	struct netfront_mcast *m, *next;

	list_for_each_entry_safe(m, next, &nf->mcast, list) {
		if (m->wanted)
			continue;
		if (!netfront_send_mcast(&nf->queue[0], false, m->addr))
			return false;
		list_del(&m->list);
		kfree(m);
	}
	list_for_each_entry_safe(m, next, fresh, list) {
		if (!netfront_send_mcast(&nf->queue[0], true, m->addr))
			return false;
		list_move(&m->list, &nf->mcast);
	}
	return true;
}

/*
 * What the stack wants: marks known addresses, lists new ones. Returns false
 * if it wants all packets, or more addresses than backends take.
 */
static bool netfront_list_wanted(struct netfront *nf, struct list_head *fresh)
{
	struct net_device *dev = nf->dev;
	struct netdev_hw_addr *ha;
	struct netfront_mcast *m;
	bool filter = true;

	list_for_each_entry(m, &nf->mcast, list)
		m->wanted = false;
	netif_addr_lock_bh(dev);
	if (dev->flags & (IFF_PROMISC | IFF_ALLMULTI) ||
	    netdev_mc_count(dev) > MCAST_MAX)
		filter = false;
	netdev_for_each_mc_addr(ha, dev) {
		if (!filter)
			break;
		m = netfront_find_mcast(nf, ha->addr);
		if (!m) {
			m = kzalloc(sizeof(*m), GFP_ATOMIC);
			if (!m) {
				filter = false;
				break;
			}
			ether_addr_copy(m->addr, ha->addr);
			list_add(&m->list, fresh);
		}
		m->wanted = true;
	}
	netif_addr_unlock_bh(dev);
	return filter;
}

static void netfront_switch_filter(struct netfront *nf, bool on)
{
	if (nf->mcast_on == on)
		return;
	if (pv_device_write(nf->pd, XBT_NIL, "request-multicast-control", "%u",
			    on))
		return;
	/* For when the keys are written again. */
	pv_feature_offer(nf->pd, F_FRONT_MCAST, on);
	nf->mcast_on = on;
}

/**
 * netfront_mcast_work() - bring the backend's multicast filter up to date
 * @work: of the interface
 */
void netfront_mcast_work(struct work_struct *work)
{
	struct netfront *nf = container_of(to_delayed_work(work),
					   struct netfront, mcast_work);
	struct netfront_mcast *m, *next;
	LIST_HEAD(fresh);
	bool filter;

	if (!READ_ONCE(nf->connected))
		return;
	if (xchg(&nf->mcast_stale, false))
		netfront_mcast_forget(nf);
	filter = netfront_list_wanted(nf, &fresh) && !READ_ONCE(nf->mcast_refused);
	if (!filter)
		netfront_switch_filter(nf, false);
	else if (!netfront_send_changes(nf, &fresh))
		schedule_delayed_work(&nf->mcast_work, MCAST_RETRY);
	else
		netfront_switch_filter(nf, true);
	list_for_each_entry_safe(m, next, &fresh, list)
		kfree(m);
}

/**
 * netfront_mcast_forget() - the next backend knows no address yet
 * @nf: the interface, its work cancelled or the caller
 */
void netfront_mcast_forget(struct netfront *nf)
{
	struct netfront_mcast *m, *next;

	list_for_each_entry_safe(m, next, &nf->mcast, list)
		kfree(m);
	INIT_LIST_HEAD(&nf->mcast);
	nf->mcast_refused = false;
}
