// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to a guest that the case plays: it offers slots when and how few it likes, and says so only where it was
 * asked to. Nothing else ever wakes the queue (a guest that sends nothing), and where a case says so no timer does,
 * either.
 */
#include <linux/etherdevice.h>
#include <linux/kthread.h>
#include <linux/rtnetlink.h>

#define HELPERS_WANT_DEVICE
#include "helpers.h"

#include "../../netback/netback.h"

static bool timers;	/* the queue may look again later */
static unsigned int kicks;
static bool (*before_sleep)(struct pv_ring *ring, u32 ahead);

static bool guest_arm(struct pv_ring *ring, u32 ahead)
{
	return before_sleep ? before_sleep(ring, ahead) : pv_ring_arm(ring, ahead);
}

/* The code under test, whose functions the module does not export. */
#define pv_ring_arm(ring, ahead)	guest_arm(ring, ahead)
#define mod_timer(timer, at)		((void)(timers && mod_timer(timer, at)))
#define pv_channel_kick(channel)	((void)kicks++)
#include "../../netback/to_guest.c"
#undef pv_ring_arm
#include "../../netback/packet.c"
#include "../../netback/hash.c"

unsigned int netback_drain_ms = 10000;
unsigned int netback_stall_ms = 60000;

bool netback_vif_wants(struct netback *nb, const u8 *addr)
{
	return true;
}

#define PROTOCOL	0x88b5		/* for local experiments */
#define RING		NETBACK_RING

/* Behind the Ethernet header of each packet. */
struct label {
	u32 number;
	u32 len;
};

static struct guest {
	struct netback_queue *q;
	struct pv_ring_shared *ring;
	struct page *page[RING];
	int ref[RING];
	u32 taken;		/* responses */
	u8 data[SZ_64K];	/* of the packet that comes in */
	u32 len;
	unsigned int good, bad;
	u32 next;		/* the number that comes next, at least */
	char first_bad[96];	/* what is wrong with it */
} guest;

static u32 sent_number;
static atomic_t freed;

static union {
	struct xen_netif_rx_request req;
	struct xen_netif_rx_response rsp;
} *slot_at(u32 at)
{
	return (void *)(guest.ring->slot + at % RING * sizeof(struct xen_netif_rx_request));
}

static u8 byte_at(u32 number, u32 i)
{
	return number * 31 + i * 7 + (i >> 8);
}

static void check_packet(void)
{
	const struct label *label = (const void *)guest.data + ETH_HLEN;
	bool good = guest.len >= ETH_HLEN + sizeof(*label) && label->len == guest.len && label->number >= guest.next;
	u32 i;

	for (i = ETH_HLEN + sizeof(*label); good && i < guest.len; i++)
		good = guest.data[i] == byte_at(label->number, i);
	if (!good && !guest.first_bad[0])
		snprintf(guest.first_bad, sizeof(guest.first_bad), "%u bytes, label %u of %u, byte %u; %u is next",
			 guest.len, label->number, label->len, i, guest.next);
	guest.next = label->number + 1;
	guest.len = 0;
	if (good)
		guest.good++;
	else
		guest.bad++;
}

/* What has come is looked at. */
static void guest_takes(void)
{
	u32 prod = READ_ONCE(guest.ring->rsp_prod);

	/* The index before the slots. */
	smp_rmb();
	while (guest.taken != prod) {
		struct xen_netif_rx_response rsp = slot_at(guest.taken++)->rsp;

		/* (No extra info is sent here.) */
		if (rsp.status <= 0 || rsp.offset + rsp.status > PAGE_SIZE ||
		    guest.len + rsp.status > sizeof(guest.data)) {
			if (!guest.first_bad[0])
				snprintf(guest.first_bad, sizeof(guest.first_bad), "status %d, offset %u", rsp.status,
					 rsp.offset);
			guest.bad++;
			continue;
		}
		memcpy(guest.data + guest.len, page_address(guest.page[rsp.id]) + rsp.offset, rsp.status);
		guest.len += rsp.status;
		if (!(rsp.flags & XEN_NETRXF_more_data))
			check_packet();
	}
}

/* Offers @nr slots more; says whether the backend wants to hear of it. */
static bool guest_offers(u32 nr)
{
	u32 old = guest.ring->req_prod, at;

	for (at = old; at != old + nr; at++)
		slot_at(at)->req = (struct xen_netif_rx_request) { .id = at % RING, .gref = guest.ref[at % RING] };
	/* The slots before the index. */
	smp_wmb();
	WRITE_ONCE(guest.ring->req_prod, old + nr);
	/* And that before the question. */
	smp_mb();
	return old + nr - READ_ONCE(guest.ring->req_event) < nr;
}

/* And tells it. */
static void guest_posts(u32 nr)
{
	if (!guest_offers(nr))
		return;
	local_bh_disable();
	napi_schedule(&guest.q->napi);
	local_bh_enable();
}

static int poll(struct napi_struct *napi, int budget)
{
	netback_to_poll(container_of(napi, struct netback_queue, napi), budget);
	napi_complete_done(napi, 0);
	return 0;
}

static const struct net_device_ops ops = { .ndo_start_xmit = netback_xmit };

static void free_guest(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < RING; i++) {
		if (guest.ref[i] > 0)
			fake_xen_revoke(guest.ref[i]);
		if (guest.page[i])
			__free_page(guest.page[i]);
	}
}

static int to_guest_init(struct kunit *test)
{
	struct net_device *dev = alloc_netdev(sizeof(struct netback), "vif1.0", NET_NAME_USER, ether_setup);
	struct netback *nb;
	unsigned int i;

	fake_xen_reset();
	memset(&guest, 0, sizeof(guest));
	timers = false;
	before_sleep = NULL;
	KUNIT_ASSERT_NOT_NULL(test, dev);
	nb = netdev_priv(dev);
	nb->dev = dev;
	nb->pd = lone_device(test, PV_BACK);
	nb->nr_queues = 1;
	nb->max_queues = 1;
	nb->rx_notify = true;
	nb->queue = kunit_kzalloc(test, sizeof(*nb->queue), GFP_KERNEL);
	guest.ring = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, nb->queue && guest.ring);
	for (i = 0; i < RING; i++) {
		guest.page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, guest.page[i]);
		guest.ref[i] = fake_xen_grant(guest.page[i], false);
		KUNIT_ASSERT_GT(test, guest.ref[i], 0);
	}
	guest.q = nb->queue;
	guest.q->nb = nb;
	dev->netdev_ops = &ops;
	dev->tx_queue_len = NETBACK_TX_QUEUE_LEN;
	dev->features = NETIF_F_SG;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* IPv6 has nothing to say on such. */
	dev->mtu = 1200;
	netif_napi_add(dev, &guest.q->napi, poll);
	KUNIT_ASSERT_EQ(test, register_netdev(dev), 0);
	guest.ring->req_event = 1;
	guest.ring->rsp_event = 1;
	KUNIT_ASSERT_EQ(test, pv_ring_init_back(&guest.q->to.ring, guest.ring, 1, sizeof(struct xen_netif_rx_request),
						&guest.q->to.counters.ring), 0);
	KUNIT_ASSERT_EQ(test, netback_to_open(guest.q), 0);
	rtnl_lock();
	KUNIT_ASSERT_EQ(test, dev_open(dev, NULL), 0);
	rtnl_unlock();
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(!qdisc_tx_is_noop(dev)));
	napi_enable(&guest.q->napi);
	guest.q->up = true;
	return 0;
}

static void to_guest_exit(struct kunit *test)
{
	struct net_device *dev = guest.q->nb->dev;

	napi_disable(&guest.q->napi);
	__netif_tx_lock_bh(netback_txq_of(guest.q));
	guest.q->up = false;
	__netif_tx_unlock_bh(netback_txq_of(guest.q));
	netback_to_leave(guest.q);
	netback_to_close(guest.q);
	unregister_netdev(dev);
	free_guest(test);
	free_netdev(dev);
	expect_nothing_held(test);
}

static void note_freed(struct sk_buff *skb)
{
	atomic_inc(&freed);
}

static bool send(struct kunit *test, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);
	struct label label = { sent_number++, len };
	unsigned int i;
	u8 *data;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	data = skb_put(skb, len);
	eth_broadcast_addr(data);
	memset(data + ETH_ALEN, 2, ETH_ALEN);
	put_unaligned_be16(PROTOCOL, data + 2 * ETH_ALEN);
	memcpy(data + ETH_HLEN, &label, sizeof(label));
	for (i = ETH_HLEN + sizeof(label); i < len; i++)
		data[i] = byte_at(label.number, i);
	skb->dev = guest.q->nb->dev;
	skb->protocol = htons(PROTOCOL);
	skb->destructor = note_freed;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	return dev_queue_xmit(skb) == NET_XMIT_SUCCESS;
}

/* What is on its way comes, while the guest does @step. */
static bool all_come(unsigned int nr, void (*step)(void))
{
	return COMES_TRUE((step(), guest_takes(), guest.good == nr)) && !guest.bad;
}

static void no_step(void)
{
}

/* ---- the moment before a queue sleeps ---- */

static struct moment {
	struct completion begun;
	bool wanted;	/* the backend has asked to hear of it */
	bool over;	/* and has heard */
} moment;

/* Between the last look at the ring and what follows: the guest offers slots and says so, on another CPU. */
static bool moment_before_sleep(struct pv_ring *ring, u32 ahead)
{
	bool there = pv_ring_arm(ring, ahead);
	unsigned int i;

	if (there)
		return true;
	before_sleep = NULL;
	complete(&moment.begun);
	/* Who has heard of it may look at once, or waits for the lock that is held here. */
	for (i = 0; i < 300 && !READ_ONCE(moment.over); i++)
		mdelay(1);
	return false;
}

static int offer_in_that_moment(void *unused)
{
	wait_for_completion(&moment.begun);
	moment.wanted = guest_offers(100);
	local_bh_disable();
	netback_to_poll(guest.q, NAPI_POLL_WEIGHT);
	local_bh_enable();
	WRITE_ONCE(moment.over, true);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

static void event_in_between(struct kunit *test)
{
	struct task_struct *task;

	init_completion(&moment.begun);
	moment.over = false;
	before_sleep = moment_before_sleep;
	task = kthread_create(offer_in_that_moment, NULL, "event");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_bind(task, 1);
	set_cpus_allowed_ptr(current, cpumask_of(0));
	wake_up_process(task);
	KUNIT_EXPECT_TRUE(test, send(test, 9000));
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 0);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_TRUE(test, moment.wanted && moment.over);
	KUNIT_EXPECT_TRUE(test, send(test, 60));
	KUNIT_EXPECT_TRUE_MSG(test, all_come(2, no_step), "%u have come", guest.good);
}

/* The event comes between the last look at the ring and the sleep: the queue goes on all the same. */
static void event_before_sleep(struct kunit *test)
{
	event_in_between(test);
}

/* The same where the packet has had room, and the next one would have none. */
static void event_before_sleep_for_the_next(struct kunit *test)
{
	guest.q->nb->most_slots = 5;
	guest_posts(3);
	event_in_between(test);
}

/* ---- guests that take little, or late ---- */

static unsigned int steps;

static void offers(u32 nr)
{
	if (guest.ring->req_prod - guest.taken + nr <= RING)
		guest_posts(nr);
}

static void one_slot(void)
{
	offers(1);
}

/* Nothing for 10 steps, then a few. */
static void late_slots(void)
{
	if (++steps % 10 == 0)
		offers(1 + steps * 7 % 30);
}

/* One buffer is all that there is. */
static void only_slot(void)
{
	if (guest.ring->req_prod == guest.taken)
		offers(1);
}

/* What waits is in the guest as soon as there is room for it, whatever it is the room for. */
static void sends_all(struct kunit *test, void (*step)(void), const unsigned int *len, unsigned int nr)
{
	unsigned int i, round;

	for (round = 0; round < 4; round++) {
		guest.good = 0;
		for (i = 0; i < 40; i++)
			KUNIT_ASSERT_TRUE(test, send(test, len[(i + round) % nr]));
		KUNIT_EXPECT_TRUE_MSG(test, all_come(40, step), "round %u: %u have come, %u bad, the first: %s", round,
				      guest.good, guest.bad, guest.first_bad);
	}
}

static const unsigned int lengths[] = { 60, 1514, 4096, 4097, 9000, 20000, 65000 };

static void one_slot_at_a_time(struct kunit *test)
{
	guest.q->nb->guest_features = NETIF_F_SG | NETIF_F_TSO;
	netback_to_count_slots(guest.q->nb);
	sends_all(test, one_slot, lengths, ARRAY_SIZE(lengths));
}

static void slots_late(struct kunit *test)
{
	guest.q->nb->guest_features = NETIF_F_SG | NETIF_F_TSO;
	netback_to_count_slots(guest.q->nb);
	sends_all(test, late_slots, lengths, ARRAY_SIZE(lengths));
}

/* A boot loader's driver may have one buffer; its packets fit. */
static void one_slot_in_all(struct kunit *test)
{
	netback_to_count_slots(guest.q->nb);
	sends_all(test, only_slot, lengths, 2);
}

/* Takes what it gets, and offers as much as is waited for every 50 ms: before the queue's patience is over. */
static void slow_guest(void)
{
	static unsigned long last;

	guest_takes();
	if (time_before(jiffies, last + HZ / 20))
		return;
	last = jiffies;
	offers(guest.q->nb->most_slots);
}

/* A guest that takes something now and then costs no more than one that takes nothing: what is too much is dropped. */
static void bytes_for_a_slow_guest(struct kunit *test)
{
	char limit[100];
	unsigned int i;
	bool bounded;

	timers = true;
	guest.q->nb->guest_features = NETIF_F_SG | NETIF_F_TSO;
	netback_to_count_slots(guest.q->nb);
	snprintf(limit, sizeof(limit), "/sys/class/net/%s/tx_queue_len", guest.q->nb->dev->name);
	set_parameter(test, limit, "10000");
	atomic_set(&freed, 0);
	for (i = 0; i < 1200; i++) {
		send(test, 9000);
		slow_guest();
	}
	bounded = COMES_TRUE((slow_guest(), (1200 - atomic_read(&freed)) * 9000 < 5 << 20));
	KUNIT_EXPECT_TRUE_MSG(test, bounded, "%u bytes held, %u have come", (1200 - atomic_read(&freed)) * 9000,
			      guest.good);
	/* And no more than that. */
	KUNIT_EXPECT_GT(test, (1200 - atomic_read(&freed)) * 9000, 3 << 20);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE((offers(60), guest_takes(), atomic_read(&freed) == 1200)));
	/* (What is free may be in the ring still.) */
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE((guest_takes(), guest.good + guest.q->to.counters.dropped == 1200)),
			      "%u have come, %llu were dropped", guest.good, guest.q->to.counters.dropped);
	KUNIT_EXPECT_EQ_MSG(test, guest.bad, 0, "the first: %s", guest.first_bad);
	KUNIT_EXPECT_FALSE(test, guest.q->to.told);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(event_before_sleep),
	KUNIT_CASE(event_before_sleep_for_the_next),
	KUNIT_CASE(one_slot_at_a_time),
	KUNIT_CASE(slots_late),
	KUNIT_CASE(one_slot_in_all),
	KUNIT_CASE(bytes_for_a_slow_guest),
	{}
};

static struct kunit_suite suite = {
	.name = "netback_to_guest",
	.init = to_guest_init,
	.exit = to_guest_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("Tests of packets to a guest");
MODULE_LICENSE("GPL");
