// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to the guest: packets of the network stack fill the guest's slots.
 *
 * It happens in the transmit function, under the transmit queue's lock. What
 * the guest keeps mapped is filled at once, the rest is collected. A burst ends
 * with one hypercall for what was collected, one publication and one event:
 * from the transmit function if it runs in a process, from the queue's NAPI if
 * it runs in soft interrupt, where a bridge passes on one packet after the
 * other, and where answers to this guest's packets are sent.
 *
 * Byte queue limits count what is not published yet. What is lies in the
 * guest's own pages, and costs nobody else anything.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/sch_generic.h>
#include <xen/page.h>

#include "../ring/compat.h"
#include "netback.h"

static struct netdev_queue *netback_txq_of(struct netback_queue *q)
{
	return netdev_get_tx_queue(q->nb->dev, q->index);
}

/* ---- the guest's slots ---- */

static bool netback_room_for(struct netback_to *to, u32 nr)
{
	return likely(pv_ring_known(&to->ring) >= nr) ||
	       pv_ring_pending(&to->ring) >= nr;
}

/* So often it is seen what piles up for a guest: it may just have no processor. */
#define PATIENCE_MSECS	100

/* So often are those asked that do not say when they offer slots. */
#define LOOK_MSECS	30

/* What may wait for a guest, in bytes: as much as the vif's own queue holds. */
#define MOST_WAITING	(NETBACK_TX_QUEUE_LEN * (SZ_64K + SZ_2K))

/* Whether that is more; disciplines count packets, if anything. */
static bool netback_too_much_waits(struct netback_queue *q)
{
	struct Qdisc *qdisc;
	u32 packets, bytes;

	rcu_read_lock();
	qdisc = rcu_dereference(netback_txq_of(q)->qdisc);
	qdisc_qstats_qlen_backlog(qdisc, &packets, &bytes);
	rcu_read_unlock();
	/* CPUs that count for themselves may be seen to have taken more than came. */
	return (s32)packets * (s64)SKB_TRUESIZE(0) + (s32)bytes > MOST_WAITING;
}

/* Whether what has no room is dropped: the queue runs, and it still waits. */
static bool netback_drops(const struct netback_to *to)
{
	return to->stalled || to->sheds;
}

/* Look at a waiting queue when its time is over, or sooner if need be. */
static void netback_look_later(struct netback_queue *q)
{
	unsigned int msecs = q->nb->rx_notify ? PATIENCE_MSECS : LOOK_MSECS;
	unsigned long soon = jiffies + msecs_to_jiffies(msecs);
	struct netback_to *to = &q->to;
	unsigned long at = to->deadline;

	if ((!to->stalled || unlikely(!q->nb->rx_notify)) &&
	    (to->dead || time_before(soon, at)))
		at = soon;
	else if (to->dead)
		return;
	mod_timer(&to->stall_timer, at);
}

/* Wait for the guest to offer slots. False if it has done so meanwhile. */
static bool netback_wait_for_slots(struct netback_queue *q, u32 nr)
{
	struct netback_to *to = &q->to;
	bool waited = to->wanted;

	netif_tx_stop_queue(netback_txq_of(q));
	WRITE_ONCE(to->wanted, nr);
	/* Before arming: the event comes once, and the poll then asks this. */
	smp_wmb();
	if (pv_ring_arm(&to->ring, nr)) {
		WRITE_ONCE(to->wanted, 0);
		netif_tx_start_queue(netback_txq_of(q));
		return false;
	}
	if (unlikely(to->ring.broken))
		pv_device_fail(q->nb->pd, "queue %u, to guest: %s", q->index,
			       to->ring.broken);
	if (waited)
		return true;
	to->counters.ring.starved++;
	to->deadline = jiffies + msecs_to_jiffies(netback_drain_ms);
	/* One from before: slots that come now and then do not put the look off. */
	if (!timer_pending(&to->stall_timer))
		netback_look_later(q);
	return true;
}

/* Go on if the guest has offered what was waited for, else go on waiting. */
static bool netback_slots_came(struct netback_queue *q)
{
	struct netback_to *to = &q->to;
	struct netback *nb = q->nb;

	if (!pv_ring_arm(&to->ring, to->wanted))
		return false;
	/* It may be far off. */
	if (unlikely(to->stalled))
		timer_delete(&to->stall_timer);
	to->wanted = 0;
	to->stalled = false;
	to->sheds = false;
	if (to->dead && atomic_dec_and_test(&nb->dead))
		netif_carrier_on(nb->dev);
	to->dead = false;
	netif_tx_wake_queue(netback_txq_of(q));
	return true;
}

/*
 * The guest takes nothing: first what waits for it is dropped, so that it
 * does not hold memory of others; then the link is down.
 */
static void netback_give_up_waiting(struct netback_queue *q)
{
	struct netback_to *to = &q->to;
	char ring[PV_RING_TEXT];

	if (!to->stalled) {
		if (!to->told) {
			pv_ring_describe(&to->ring, ring);
			netdev_warn(q->nb->dev, "the guest takes no packets, they are dropped; queue %u: %s\n",
				    q->index, ring);
			to->told = true;
		}
		to->stalled = true;
		to->counters.stalls++;
		to->deadline = jiffies + (netback_stall_ms ?
			msecs_to_jiffies(netback_stall_ms) :
			MAX_JIFFY_OFFSET);
		netif_tx_wake_queue(netback_txq_of(q));
	} else if (!to->dead) {
		to->dead = true;
		atomic_inc(&q->nb->dead);
		netif_carrier_off(q->nb->dev);
	}
}

/*
 * One packet less waits. If that is enough, the queue stops here: the stack puts
 * a packet that is not taken behind others that it has taken out before.
 */
static void netback_shed(struct netback_queue *q, u32 nr)
{
	if (!q->to.sheds || netback_too_much_waits(q))
		return;
	q->to.sheds = false;
	netback_wait_for_slots(q, nr);
}

static void netback_stall_timeout(struct timer_list *t)
{
	struct netback_queue *q = timer_container_of(q, t, to.stall_timer);
	struct netback_to *to = &q->to;

	__netif_tx_lock(netback_txq_of(q), smp_processor_id());
	/* A parked queue goes on when it is unparked. */
	if (q->up && to->wanted && !netback_slots_came(q)) {
		if (time_after_eq(jiffies, to->deadline)) {
			netback_give_up_waiting(q);
		} else if (!to->stalled && netback_too_much_waits(q)) {
			to->sheds = true;
			netif_tx_wake_queue(netback_txq_of(q));
		}
		netback_look_later(q);
	}
	__netif_tx_unlock(netback_txq_of(q));
}

/* ---- a burst's end ---- */

static void netback_flush(struct netback_queue *q)
{
	struct netback_to *to = &q->to;
	struct sk_buff *skb;
	unsigned int i;

	pv_copy_flush(to->copy);
	for (i = 0; i < to->nr_failed; i++) {
		if (likely(!to->failed[i]))
			continue;
		to->counters.bad++;
		to->counters.ring.errors++;
		to->rsp[to->first_rsp[i]].status = XEN_NETIF_RSP_ERROR;
	}
	to->nr_failed = 0;
	/* Interrupts may be off: netpoll. */
	while ((skb = __skb_dequeue(&to->skbs)))
		dev_consume_skb_any(skb);

	for (i = 0; i < to->nr_rsp; i++)
		pv_ring_put(&to->ring, &to->rsp[i], sizeof(to->rsp[i]));
	to->counters.ring.responses += to->nr_rsp;
	WRITE_ONCE(to->nr_rsp, 0);
	if (pv_ring_publish(&to->ring))
		pv_channel_kick(to->kick);
	netdev_tx_completed_queue(netback_txq_of(q), to->held_packets,
				  to->held_bytes);
	to->held_packets = 0;
	to->held_bytes = 0;
}

/* The stack has no more for now. */
static void netback_end_burst(struct netback_queue *q)
{
	if (!q->to.nr_rsp)
		return;
	/* Within its own poll, which has its end before it. */
	if (READ_ONCE(q->poller) == smp_processor_id() + 1)
		return;
	if (in_serving_softirq())
		napi_schedule(&q->napi);
	else
		netback_flush(q);
}

/* ---- one packet ---- */

/* Where the next byte of a packet comes from. */
struct source {
	struct skb_seq_state seq;
	const u8 *data;
	unsigned int done;
	unsigned int avail;
};

static void netback_source_next(struct source *s)
{
	if (s->avail)
		return;
	s->avail = skb_seq_read(s->done, &s->data, &s->seq);
	s->done += s->avail;
}

static __always_inline void netback_fill_memcpy(struct netback_to *to,
						struct source *s, void *at,
						unsigned int left)
{
	to->counters.ring.bytes_copied += left;
	while (left) {
		unsigned int len;

		netback_source_next(s);
		len = min(left, s->avail);
		memcpy(at, s->data, len);
		s->data += len;
		s->avail -= len;
		at += len;
		left -= len;
	}
}

static __always_inline void netback_fill_grant_copy(struct netback_to *to,
						    struct source *s,
						    grant_ref_t gref,
						    unsigned int offset,
						    unsigned int left, u32 *failed)
{
	while (left) {
		unsigned int len, at;

		netback_source_next(s);
		at = offset_in_page(s->data);
		len = min3(left, s->avail, (unsigned int)(PAGE_SIZE - at));
		pv_copy_to_guest(to->copy, gref, offset,
				 virt_to_page(s->data), at, len, failed);
		s->data += len;
		s->avail -= len;
		offset += len;
		left -= len;
	}
}

static struct xen_netif_rx_response *
netback_take_slot(struct netback_to *to, struct xen_netif_rx_request *req)
{
	pv_ring_get(&to->ring, req, sizeof(*req));
	to->counters.ring.requests++;
	return &to->rsp[to->nr_rsp++];
}

static void netback_put_extras(struct netback_to *to, const struct netback_frame *f)
{
	struct xen_netif_extra_info extra[XEN_NETIF_EXTRA_TYPE_MAX];
	unsigned int i, nr = netback_frame_extras(f, extra);
	struct xen_netif_rx_request req;

	/* Extra info takes the place of a response, and its buffer is idle. */
	static_assert(sizeof(*extra) == sizeof(struct xen_netif_rx_response));
	for (i = 0; i < nr; i++)
		memcpy(netback_take_slot(to, &req), &extra[i], sizeof(extra[i]));
}

/*
 * Fill the guest's pages, or collect copies that do. True: all is done.
 * In place for the stack's packets, and once more for what programs send.
 */
static __always_inline bool netback_put_frame(struct netback_queue *q,
					      struct sk_buff *skb,
					      const struct netback_frame *f)
{
	struct netback_to *to = &q->to;
	u32 at, *failed = &to->failed[to->nr_failed];
	unsigned int first = to->nr_rsp;
	struct source s = { };
	bool copied = false;

	*failed = 0;
	skb_prepare_seq_read(skb, 0, skb->len, &s.seq);
	for (at = 0; at < f->len; ) {
		struct xen_netif_rx_response *rsp;
		struct xen_netif_rx_request req;
		struct page *page;

		rsp = netback_take_slot(to, &req);
		netback_frame_response(f, req.id, at, rsp);
		page = pv_map_find_writable(&q->map, req.gref);
		if (likely(page)) {
			netback_fill_memcpy(to, &s, page_address(page) + rsp->offset,
					    rsp->status);
		} else {
			netback_fill_grant_copy(to, &s, req.gref, rsp->offset,
						rsp->status, failed);
			copied = true;
		}
		if (!at)
			netback_put_extras(to, f);
		at += rsp->status;
	}
	skb_abort_seq_read(&s.seq);
	if (copied)
		to->first_rsp[to->nr_failed++] = first;
	return !copied;
}

static __always_inline void netback_describe(struct netback *nb, struct sk_buff *skb,
					     struct netback_frame *f)
{
	const struct netback_hash *hash;

	*f = (struct netback_frame) {
		.len = skb->len,
		.headroom = READ_ONCE(nb->headroom),
		.csum_blank = skb->ip_summed == CHECKSUM_PARTIAL,
		.validated = skb->ip_summed == CHECKSUM_UNNECESSARY,
	};
	if (skb_is_gso(skb)) {
		f->gso_size = skb_shinfo(skb)->gso_size;
		f->gso_type = skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6 ?
			XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4;
	}
	rcu_read_lock();
	hash = rcu_dereference(nb->hash);
	if (unlikely(hash))
		f->hash = netback_hash_skb(hash, skb, &f->hash_type);
	rcu_read_unlock();
}

/*
 * See to it that skb_seq_read() can walk through a packet: it knows of its
 * list of buffers, and of no lists in these.
 */
static bool netback_make_walkable(struct sk_buff *skb)
{
	struct sk_buff *part;

	if (likely(!skb_has_frag_list(skb)))
		return true;
	skb_walk_frags(skb, part)
		if (unlikely(skb_has_frag_list(part)))
			return !skb_linearize(skb);
	return true;
}

/* Whether the guest has not asked for this multicast address. */
static bool netback_filtered(struct netback *nb, const struct sk_buff *skb)
{
	const u8 *addr = skb->data;

	return READ_ONCE(nb->mcast_filter) && is_multicast_ether_addr(addr) &&
	       !is_broadcast_ether_addr(addr) && !netback_vif_wants(nb, addr);
}

/**
 * netback_xmit() - the netdev's transmit function
 * @skb: the packet
 * @dev: the vif
 *
 * Context: under the transmit queue's lock, bottom halves disabled.
 * Return: NETDEV_TX_OK; NETDEV_TX_BUSY if the guest has no slots for it.
 */
netdev_tx_t netback_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct netback *nb = netdev_priv(dev);
	struct netback_queue *q = &nb->queue[skb_get_queue_mapping(skb)];
	struct netback_to *to = &q->to;
	struct netback_frame f;
	u32 most, nr;
	bool end;

	if (unlikely(!q->up || netback_filtered(nb, skb) || !netback_make_walkable(skb)))
		goto drop;
	netback_describe(nb, skb, &f);
	nr = netback_frame_slots(&f);
	if (unlikely(nr > NETBACK_MAX_SLOTS + 3))
		goto drop;
	if (unlikely(!netback_room_for(to, nr))) {
		if (netback_drops(to)) {
			netback_shed(q, nr);
			goto drop;
		}
		/* What the burst has so far must not wait for slots. */
		netback_flush(q);
		if (netback_wait_for_slots(q, nr))
			return NETDEV_TX_BUSY;
	}

	to->counters.packets++;
	to->counters.bytes += f.len;
	to->counters.gso += !!f.gso_size;
	skb_tx_timestamp(skb);
	if (netback_put_frame(q, skb, &f))
		dev_consume_skb_any(skb);
	else
		__skb_queue_tail(&to->skbs, skb);
	to->held_packets++;
	to->held_bytes += f.len;
	end = __netdev_tx_sent_queue(netback_txq_of(q), f.len,
				     netdev_xmit_more());

	most = READ_ONCE(nb->most_slots);
	if (unlikely(!netback_room_for(to, most)) && !netback_drops(to)) {
		netback_flush(q);
		netback_wait_for_slots(q, most);
	}
	if (end)
		netback_end_burst(q);
	return NETDEV_TX_OK;

drop:
	to->counters.dropped++;
	dev_kfree_skb_any(skb);
	if (q->up && !netdev_xmit_more())
		netback_end_burst(q);
	return NETDEV_TX_OK;
}

/* ---- what programs send ---- */

/* Whether the guest takes it: it has said of what lengths and kinds. */
static bool netback_fits(const struct netback_queue *q, const struct netback_frame *f)
{
	netdev_features_t can = q->nb->guest_features;

	if (f->len > XEN_PAGE_SIZE - f->headroom && !(can & NETIF_F_SG))
		return false;
	if (!f->gso_size)
		return true;
	return can & (f->gso_type == XEN_NETIF_GSO_TYPE_TCPV6 ? NETIF_F_TSO6 : NETIF_F_TSO);
}

static noinline bool netback_put_fitting(struct netback_queue *q,
					 struct sk_buff *skb,
					 const struct netback_frame *f, bool *done)
{
	struct netback_to *to = &q->to;
	u32 nr = netback_frame_slots(f);

	if (unlikely(nr > NETBACK_MAX_SLOTS + 3 || !netback_fits(q, f) ||
		     !netback_room_for(to, nr)))
		return false;
	to->counters.packets++;
	to->counters.bytes += f->len;
	to->counters.gso += !!f->gso_size;
	*done = netback_put_frame(q, skb, f);
	return true;
}

/**
 * netback_to_put() - give the guest a packet that nothing is known of
 * @q: the queue, up
 * @skb: its data, which stays until netback_to_end()
 *
 * Context: under the transmit queue's lock, bottom halves disabled.
 * Return: false if the guest has no room for it, or takes no such packets.
 */
bool netback_to_put(struct netback_queue *q, struct sk_buff *skb)
{
	const struct netback_frame f = {
		.len = skb->len, .headroom = READ_ONCE(q->nb->headroom),
	};
	bool done;

	return netback_put_fitting(q, skb, &f, &done);
}

/**
 * netback_to_end() - some packets were put
 * @q: the queue, up
 * @last: show them to the guest
 *
 * Context: under the transmit queue's lock, bottom halves disabled.
 */
void netback_to_end(struct netback_queue *q, bool last)
{
	if (q->to.nr_rsp && (last || q->to.copy->nr))
		netback_flush(q);
}

/**
 * netback_to_send_back() - give the guest its own packet
 * @q: the queue
 * @skb: the packet, from its Ethernet header on
 *
 * It is shown to the guest when the poll ends.
 *
 * Context: the queue's NAPI.
 * Return: false if the guest has no room for it, or takes no such packets.
 */
bool netback_to_send_back(struct netback_queue *q, struct sk_buff *skb)
{
	struct netdev_queue *txq = netback_txq_of(q);
	struct netback_frame f;
	bool sent, done;

	netback_describe(q->nb, skb, &f);
	__netif_tx_lock(txq, smp_processor_id());
	sent = netback_put_fitting(q, skb, &f, &done);
	if (sent && !done)
		__skb_queue_tail(&q->to.skbs, skb);
	__netif_tx_unlock(txq);
	if (sent && done)
		consume_skb(skb);
	return sent;
}

/**
 * netback_to_count_slots() - how many slots the largest packet takes
 * @nb: the vif
 *
 * Context: process, rtnl held.
 */
void netback_to_count_slots(struct netback *nb)
{
	struct netback_frame f = {
		.len = nb->dev->mtu + VLAN_ETH_HLEN, .headroom = nb->headroom,
		/* Whoever has no control ring cannot ask for hashes. */
		.hash_type = !!nb->ctrl.shared.mem,
	};

	if (nb->guest_features & NETIF_F_ALL_TSO) {
		f.len = GSO_LEGACY_MAX_SIZE + VLAN_ETH_HLEN;
		f.gso_size = 1;
	}
	WRITE_ONCE(nb->most_slots, netback_frame_slots(&f));
}

/**
 * netback_to_start() - let the stack send, if the guest takes packets
 * @q: the queue
 *
 * One that waits for slots goes on waiting, with what is left of its time.
 *
 * Context: process.
 */
void netback_to_start(struct netback_queue *q)
{
	struct netdev_queue *txq = netback_txq_of(q);

	__netif_tx_lock_bh(txq);
	if (q->up && q->to.wanted)
		netback_look_later(q);
	if (q->up && (!q->to.wanted || q->to.stalled))
		netif_tx_wake_queue(txq);
	__netif_tx_unlock_bh(txq);
}

/**
 * netback_to_poll() - end a burst, go on when the guest has slots again
 * @q: the queue
 * @budget: of the poll
 *
 * Context: the queue's NAPI.
 */
void netback_to_poll(struct netback_queue *q, int budget)
{
	struct netback_to *to = &q->to;
	struct netdev_queue *txq;

	if (likely(!READ_ONCE(to->nr_rsp) && !READ_ONCE(to->wanted)))
		return;
	txq = netback_txq_of(q);
	/* A console on this vif may have come from under the lock. */
	if (likely(budget))
		__netif_tx_lock(txq, smp_processor_id());
	else if (!__netif_tx_trylock(txq))
		return;
	if (to->nr_rsp)
		netback_flush(q);
	if (to->wanted)
		netback_slots_came(q);
	__netif_tx_unlock(txq);
}

/**
 * netback_to_open() - make ready for packets to the guest
 * @q: the queue, its ring mapped
 *
 * Return: 0 or a negative errno.
 */
int netback_to_open(struct netback_queue *q)
{
	struct netback_to *to = &q->to;

	to->copy = kvmalloc(sizeof(*to->copy), GFP_KERNEL);
	if (!to->copy)
		return -ENOMEM;
	pv_copy_init(to->copy, q->nb->pd, &to->counters.ring);
	to->copy->atomic = true;
	__skb_queue_head_init(&to->skbs);
	timer_setup(&to->stall_timer, netback_stall_timeout, 0);
	to->nr_rsp = 0;
	to->nr_failed = 0;
	to->held_packets = 0;
	to->held_bytes = 0;
	netdev_tx_reset_queue(netback_txq_of(q));
	to->wanted = 0;
	to->stalled = false;
	to->sheds = false;
	to->dead = false;
	to->told = false;
	return 0;
}

/**
 * netback_to_leave() - give the guest what has been put into its pages
 * @q: the queue, not up, NAPI disabled
 *
 * Afterwards another backend can go on with the ring.
 */
void netback_to_leave(struct netback_queue *q)
{
	struct netdev_queue *txq = netback_txq_of(q);

	__netif_tx_lock_bh(txq);
	if (q->to.nr_rsp)
		netback_flush(q);
	__netif_tx_unlock_bh(txq);
}

/**
 * netback_to_close() - undo netback_to_open()
 * @q: the queue, not up, NAPI disabled; opened or not
 */
void netback_to_close(struct netback_queue *q)
{
	struct netback_to *to = &q->to;

	if (!to->copy)
		return;
	timer_delete_sync(&to->stall_timer);
	__skb_queue_purge(&to->skbs);
	kvfree(to->copy);
	to->copy = NULL;
}
