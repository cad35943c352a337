// SPDX-License-Identifier: GPL-2.0
/*
 * netfront and netback in one kernel, over the fake Xen: packets of every size both ways, each byte checked, while
 * peers restart, guests are suspended, Xen refuses operations and rings hold nonsense.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/sch_generic.h>
#include <net/tcp.h>
#include <net/xdp.h>
#include <trace/events/kmem.h>
#include <xen/interface/io/netif.h>

#define HELPERS_WANT_DEVICE
#include "ring.h"

#include "helpers.h"
#include "reader.h"

#define TYPE		"vif"
#define ID		0
#define PROTOCOL	0x88b5		/* for local experiments */
#define LARGEST		65000
#define HEAD		128		/* bytes of a packet that are not in pages */

static struct xenbus_device *front, *back;
static struct net_device *inside, *outside;	/* the guest's interface, the vif */
static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];

/* Behind the Ethernet header of each packet. */
struct label {
	__be32 number;
	__be32 len;
	u8 to_guest;
} __packed;

static struct tally {
	unsigned int good, bad;
} got[2];

static DEFINE_SPINLOCK(got_lock);
static u8 got_data[LARGEST];
static u32 sent_number;

static u32 front_number(const char *key)
{
	char queue[FAKE_XEN_PATH_LEN + 32];

	snprintf(queue, sizeof(queue), "%s/queue-0", front_path);
	return key_number(queue, key) ?: key_number(front_path, key);
}

static bool state_is(const char *path, enum xenbus_state state)
{
	return xenbus_read_driver_state(path) == state;
}

static bool states_are(enum xenbus_state state)
{
	return state_is(front_path, state) && state_is(back_path, state);
}

/* ---- packets ---- */

static u8 byte_at(u32 number, u32 i)
{
	return number * 31 + i * 7 + (i >> 8);
}

static int receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *type, struct net_device *orig)
{
	unsigned int len = skb->len, i;
	struct label *label;
	bool good, to_guest = dev == inside;

	spin_lock_bh(&got_lock);
	label = (struct label *)got_data;
	good = len >= sizeof(*label) && len <= LARGEST && !skb_copy_bits(skb, 0, got_data, len);
	good = good && ntohl(label->len) == len + ETH_HLEN && label->to_guest == to_guest;
	for (i = sizeof(*label); good && i < len; i++)
		good = got_data[i] == byte_at(ntohl(label->number), i);
	if (good)
		got[to_guest].good++;
	else
		got[to_guest].bad++;
	spin_unlock_bh(&got_lock);
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

static struct packet_type packets = { .type = htons(PROTOCOL), .func = receive };

/* A packet of @len bytes, most of them in pages if it is long. */
static struct sk_buff *make(struct net_device *dev, unsigned int len, u32 number)
{
	unsigned int head = min_t(unsigned int, len, len > 2000 ? HEAD : 2000), at = head, i = 0, k;
	struct label label = { htonl(number), htonl(len), dev == outside };
	struct sk_buff *skb = alloc_skb(head + 64, GFP_KERNEL);
	u8 *data;

	if (!skb)
		return NULL;
	skb_reserve(skb, 32);
	data = skb_put(skb, head);
	eth_broadcast_addr(data);
	memset(data + ETH_ALEN, 2, ETH_ALEN);
	put_unaligned_be16(PROTOCOL, data + 2 * ETH_ALEN);
	memcpy(data + ETH_HLEN, &label, sizeof(label));
	for (k = sizeof(label); k + ETH_HLEN < head; k++)
		data[ETH_HLEN + k] = byte_at(number, k);
	while (at < len) {
		unsigned int part = min_t(unsigned int, len - at, PAGE_SIZE);
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page) {
			kfree_skb(skb);
			return NULL;
		}
		for (k = 0; k < part; k++)
			((u8 *)page_address(page))[k] = byte_at(number, at - ETH_HLEN + k);
		skb_add_rx_frag(skb, i++, page, 0, part, PAGE_SIZE);
		at += part;
	}
	/* All queues in turn */
	skb_record_rx_queue(skb, number & 1);
	skb->dev = dev;
	skb->protocol = htons(PROTOCOL);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	return skb;
}

static bool send_one(struct net_device *dev, unsigned int len)
{
	struct sk_buff *skb = make(dev, len, ++sent_number);
	bool sent = false;

	/* (The stack would look for ever for a queue of what is unregistered: it has none.) */
	rcu_read_lock_bh();
	if (READ_ONCE(dev->reg_state) == NETREG_REGISTERED)
		sent = skb && dev_queue_xmit(skb) == NET_XMIT_SUCCESS;
	else
		kfree_skb(skb);
	rcu_read_unlock_bh();
	return sent;
}

static bool send(struct net_device *dev, unsigned int len)
{
	return COMES_TRUE(send_one(dev, len));
}

static struct tally tally(bool to_guest)
{
	struct tally t;

	spin_lock_bh(&got_lock);
	t = got[to_guest];
	spin_unlock_bh(&got_lock);
	return t;
}

static void zero(void)
{
	spin_lock_bh(&got_lock);
	memset(got, 0, sizeof(got));
	spin_unlock_bh(&got_lock);
}

/* @nr packets of that size each way; none is lost. */
static void exchange(struct kunit *test, unsigned int len, unsigned int nr)
{
	unsigned int i, dir;

	zero();
	for (i = 0; i < nr; i++) {
		for (dir = 0; dir < 2; dir++) {
			KUNIT_ASSERT_TRUE_MSG(test, send(dir ? outside : inside, len), "%u bytes, packet %u",
					      len, i);
			/* No more than the queues hold. */
			KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(tally(dir).good + tally(dir).bad + 8 > i),
					      "%u bytes, direction %u: only %u of %u came", len, dir,
					      tally(dir).good, i);
		}
	}
	for (dir = 0; dir < 2; dir++) {
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(dir).good == nr), "%u bytes, direction %u: %u of %u", len,
				      dir, tally(dir).good, nr);
		KUNIT_EXPECT_EQ(test, tally(dir).bad, 0);
	}
}

/* ---- a pair ---- */

static void add_backend(struct kunit *test)
{
	set_key(back_path, "online", "1");
	set_key(back_path, "handle", "0");
	set_key(back_path, "mac", "00:16:3e:00:00:01");
	back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(back));
}

static void add_frontend(struct kunit *test)
{
	set_key(front_path, "mac", "00:16:3e:00:00:01");
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
}

static struct net_device *find(struct xenbus_device *xb)
{
	struct net_device *dev;

	ASSERT_RTNL();
	for_each_netdev(&init_net, dev)
		if (dev->dev.parent == &xb->dev)
			return dev;
	return NULL;
}

static bool ready(struct net_device *dev)
{
	return netif_carrier_ok(dev) && !qdisc_tx_is_noop(dev);
}

/* The guest's packets go by the CPU's queue, and not by the one that they name. */
static bool cpus_choose;

/* Both interfaces are up. */
static void await_ready(struct kunit *test)
{
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, COMES_TRUE(ready(inside) && ready(outside)));
	rtnl_lock();
	for (i = 0; !cpus_choose && i < inside->real_num_tx_queues; i++)
		KUNIT_EXPECT_EQ(test, netif_set_xps_queue(inside, cpu_none_mask, i), 0);
	rtnl_unlock();
}

/* Brings both interfaces up, as large as they can be. */
static void bring_up(struct kunit *test)
{
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "not connected: %s",
			      fake_xen_last_error());
	rtnl_lock();
	inside = find(front);
	outside = find(back);
	if (inside && outside) {
		KUNIT_EXPECT_EQ(test, dev_set_mtu(inside, LARGEST - ETH_HLEN), 0);
		KUNIT_EXPECT_EQ(test, dev_set_mtu(outside, LARGEST - ETH_HLEN), 0);
		KUNIT_EXPECT_EQ(test, dev_open(outside, NULL), 0);
		KUNIT_EXPECT_EQ(test, dev_open(inside, NULL), 0);
	}
	rtnl_unlock();
	KUNIT_ASSERT_NOT_NULL(test, inside);
	KUNIT_ASSERT_NOT_NULL(test, outside);
	await_ready(test);
}

static int pair_init(struct kunit *test)
{
	fake_xen_reset();
	zero();
	cpus_choose = false;
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, ID);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, ID);
	dev_add_pack(&packets);
	add_backend(test);
	add_frontend(test);
	bring_up(test);
	return 0;
}

static int granting_init(struct kunit *test)
{
	set_parameter(test, "/sys/module/pv_netfront/parameters/staging_grants", "N");
	return pair_init(test);
}

static int bouncing_init(struct kunit *test)
{
	set_parameter(test, "/sys/module/pv_netfront/parameters/staging_grants", "N");
	set_parameter(test, "/sys/module/pv_netfront/parameters/trusted", "N");
	return pair_init(test);
}

static void pair_exit(struct kunit *test)
{
	if (!IS_ERR_OR_NULL(front))
		fake_xen_remove_device(front);
	if (!IS_ERR_OR_NULL(back))
		fake_xen_remove_device(back);
	front = NULL;
	back = NULL;
	inside = NULL;
	outside = NULL;
	dev_remove_pack(&packets);
	settle();
	expect_nothing_held(test);
	set_parameter(test, "/sys/module/pv_netfront/parameters/staging_grants", "Y");
	set_parameter(test, "/sys/module/pv_netfront/parameters/trusted", "Y");
}

/* With a word, as of one that does not go on with the rings, or without. */
static void restart_backend(struct kunit *test, bool says_closed)
{
	outside = NULL;
	fake_xen_remove_device(back);
	back = NULL;
	if (says_closed)
		set_key(back_path, "state", "6");
	settle();
	if (says_closed)
		set_key(back_path, "state", "1");
	add_backend(test);
	settle();
	bring_up(test);
}

static void suspend(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, fake_xen_suspend_device(front), 0);
	/* The other host's backend is a new one. */
	outside = NULL;
	fake_xen_remove_device(back);
	back = NULL;
	set_key(back_path, "state", "1");
	KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
}

/* ---- cases ---- */

static void every_size(struct kunit *test)
{
	static const unsigned int len[] = {
		60, 61, 127, 128, 129, 255, 256, 257, 1000, 1514, 2048, 2049, 4095, 4096, 4097, 8192, 9014, 20000,
		40000, 64999, LARGEST,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++)
		exchange(test, len[i], 20);
	exchange(test, 60, 1000);
}

static const struct net_device_ops no_ops = { };

/* Cuts what is behind @head bytes off, and hangs it behind as a buffer of its own. */
static struct sk_buff *hang_behind(struct sk_buff *skb, unsigned int head)
{
	struct sk_buff *rest = alloc_skb(skb->len - head, GFP_KERNEL);

	if (!rest || skb_copy_bits(skb, head, skb_put(rest, skb->len - head), skb->len - head) || pskb_trim(skb, head))
		return NULL;
	skb_shinfo(skb)->frag_list = rest;
	skb->data_len += rest->len;
	skb->len += rest->len;
	skb->truesize += rest->truesize;
	return rest;
}

/* What GRO has put together of more buffers than a packet has room for pages: it goes as it is. */
static void lists_of_buffers(struct kunit *test)
{
	unsigned int depth;

	KUNIT_EXPECT_TRUE(test, outside->features & NETIF_F_FRAGLIST);
	for (depth = 1; depth <= 3; depth++) {
		struct sk_buff *skb = make(outside, 20000, ++sent_number), *part = skb;
		unsigned int i;

		KUNIT_ASSERT_NOT_NULL(test, skb);
		zero();
		for (i = 0; i < depth; i++) {
			part = hang_behind(part, i ? 3000 : HEAD);
			KUNIT_ASSERT_NOT_NULL(test, part);
		}
		KUNIT_EXPECT_EQ(test, skb->len, 20000);
		KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(true).good == 1), "depth %u", depth);
		KUNIT_EXPECT_EQ(test, tally(true).bad, 0);
	}
}

/* To be cut into pieces of @size bytes; 0: it goes as it is. Its checksum is left to whoever sends it off. */
static struct sk_buff *make_tcp(struct net_device *dev, unsigned int len, u16 size)
{
	struct sk_buff *skb = make(dev, len, 0);
	struct tcphdr *tcp;
	struct iphdr *ip;

	if (!skb)
		return NULL;
	put_unaligned_be16(ETH_P_IP, skb->data + 2 * ETH_ALEN);
	skb->protocol = htons(ETH_P_IP);
	skb_set_transport_header(skb, ETH_HLEN + sizeof(*ip));
	ip = ip_hdr(skb);
	tcp = tcp_hdr(skb);
	memset(ip, 0, sizeof(*ip) + sizeof(*tcp));
	*ip = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 1, .protocol = IPPROTO_TCP, .tot_len = htons(len - ETH_HLEN),
		.saddr = htonl(0x0a000001), .daddr = htonl(0x0a000002),
	};
	ip_send_check(ip);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->ack = 1;
	tcp->check = ~tcp_v4_check(len - ETH_HLEN - sizeof(*ip), ip->saddr, ip->daddr, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	if (!size)
		return skb;
	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len - ETH_HLEN - sizeof(*ip) - sizeof(*tcp), size);
	return skb;
}

/* A counter that ethtool shows, over all queues. */
static u64 counter(struct net_device *dev, const char *name)
{
	const struct ethtool_ops *ops = dev->ethtool_ops;
	int nr = ops->get_sset_count(dev, ETH_SS_STATS), i;
	char *text = kcalloc(nr, ETH_GSTRING_LEN, GFP_KERNEL);
	u64 *value = kcalloc(nr, sizeof(*value), GFP_KERNEL), sum = 0;

	if (text && value) {
		ops->get_strings(dev, ETH_SS_STATS, (u8 *)text);
		ops->get_ethtool_stats(dev, NULL, value);
		for (i = 0; i < nr; i++) {
			const char *at = strchr(text + i * ETH_GSTRING_LEN, '_');

			if (at && !strcmp(at + 1, name))
				sum += value[i];
		}
	}
	kfree(text);
	kfree(value);
	return sum;
}

/* A packet that is to be cut into thousands costs whoever cuts it megabytes, and its guest a few slots. */
static void tiny_segments(struct kunit *test)
{
	static const struct {
		unsigned int len;
		u16 size;
		/* Not all packets: IPv6 has some of its own. */
		const char *counter;
	} cases[] = { { 60000, 1448, "gso" }, { 60000, 88, "gso" }, { 20000, 1, "bad" }, { 60000, 48, "bad" } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sk_buff *skb = make_tcp(inside, cases[i].len, cases[i].size);
		u64 before = counter(outside, cases[i].counter);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(counter(outside, cases[i].counter) == before + 1),
				      "segments of %u", cases[i].size);
	}
	exchange(test, 1514, 5);
}

/* A key that makes no sense, an interface that cannot be registered: nothing is left, and the next one works. */
static void probe_fails(struct kunit *test)
{
	struct net_device *taken;

	fake_xen_remove_device(front);
	set_key(front_path, "mac", "nonsense");
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
	KUNIT_EXPECT_NULL(test, front->dev.driver);
	fake_xen_remove_device(front);
	front = NULL;

	fake_xen_remove_device(back);
	outside = NULL;
	taken = alloc_netdev(0, "vif1.0", NET_NAME_USER, ether_setup);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	taken->netdev_ops = &no_ops;
	KUNIT_ASSERT_EQ(test, register_netdev(taken), 0);
	set_key(back_path, "state", "1");
	add_backend(test);
	KUNIT_EXPECT_NULL(test, back->dev.driver);
	fake_xen_remove_device(back);
	unregister_netdev(taken);
	free_netdev(taken);

	set_key(front_path, "state", "1");
	set_key(back_path, "state", "1");
	add_backend(test);
	add_frontend(test);
	bring_up(test);
	exchange(test, 1000, 3);
}

/* Pages that the backend keeps mapped: no hypercall a packet but the events. */
static void warm_path_is_free_of_grant_calls(struct kunit *test)
{
	struct fake_xen_counts before;

	exchange(test, 1514, 20);
	before = fake_xen_counts;
	exchange(test, 1514, 200);
	exchange(test, 9000, 50);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls, before.copy_calls);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, before.map_calls);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.unmap_calls, before.unmap_calls);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.grants, before.grants);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.global_lock, before.global_lock);
}

static void backend_restarts(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		exchange(test, 1514, 20);
		exchange(test, 9000, 20);
		/* What is on its way may get lost. */
		send_one(inside, 9000);
		send_one(outside, 9000);
		restart_backend(test, i & 1);
	}
	exchange(test, 1514, 50);
	exchange(test, LARGEST, 20);
}

static void suspend_and_resume(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		send_one(inside, 9000);
		suspend(test);
		add_backend(test);
		bring_up(test);
		exchange(test, 1514, 20);
		exchange(test, 9000, 20);
	}
}

#define KEPT_COUNTERS	512

/* All that an interface counts. */
static unsigned int read_counters(struct kunit *test, struct net_device *dev, u64 value[KEPT_COUNTERS])
{
	const struct ethtool_ops *ops = dev->ethtool_ops;
	int nr = ops->get_sset_count(dev, ETH_SS_STATS);
	struct rtnl_link_stats64 stats;

	KUNIT_ASSERT_LE(test, nr + 4, KEPT_COUNTERS);
	ops->get_ethtool_stats(dev, NULL, value);
	dev_get_stats(dev, &stats);
	value[nr++] = stats.tx_packets;
	value[nr++] = stats.tx_bytes;
	value[nr++] = stats.rx_packets;
	value[nr++] = stats.rx_bytes;
	return nr;
}

/* What an interface that stays has counted does not go back, whatever becomes of its connections. */
static void counters_never_go_back(struct kunit *test)
{
	u64 *before = kunit_kzalloc(test, 2 * KEPT_COUNTERS * sizeof(*before), GFP_KERNEL), *now;
	unsigned int i, k, nr;

	KUNIT_ASSERT_NOT_NULL(test, before);
	now = before + KEPT_COUNTERS;
	for (i = 0; i < 4; i++) {
		struct ethtool_channels one = { .combined_count = 1 };
		struct net_device *dev = i < 2 ? inside : outside;

		exchange(test, 9000, 20);
		nr = read_counters(test, dev, before);
		switch (i) {
		case 0:
			suspend(test);
			add_backend(test);
			break;
		case 1:
			restart_backend(test, true);
			break;
		case 2:
			rtnl_lock();
			KUNIT_EXPECT_EQ(test, inside->ethtool_ops->set_channels(inside, &one), 0);
			rtnl_unlock();
			settle();
			break;
		case 3:
			inside = NULL;
			fake_xen_remove_device(front);
			set_key(front_path, "state", "1");
			add_frontend(test);
			break;
		}
		bring_up(test);
		exchange(test, 9000, 5);
		KUNIT_ASSERT_PTR_EQ(test, dev, i < 2 ? inside : outside);
		KUNIT_ASSERT_EQ(test, read_counters(test, dev, now), nr);
		for (k = 0; k < nr; k++)
			KUNIT_EXPECT_GE_MSG(test, now[k], before[k], "after deed %u, counter %u", i, k);
	}
}

static void row28_xsa465_removed_after_resume(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		suspend(test);
		if (i) {
			add_backend(test);
			bring_up(test);
			exchange(test, 1514, 5);
		}
		inside = NULL;
		fake_xen_remove_device(front);
		front = NULL;
		if (back)
			fake_xen_remove_device(back);
		back = NULL;
		settle();
		expect_nothing_held(test);
		add_backend(test);
		add_frontend(test);
		bring_up(test);
	}
	exchange(test, 1514, 5);
}

/* Xen refuses here and there: those packets are lost, all others are right, and it goes on. */
static void row12_xsa362_xen_refuses(struct kunit *test)
{
	unsigned int i;

	zero();
	for (i = 0; i < 300; i++) {
		if (i % 10 == 0)
			fake_xen_fail_ops(FAKE_XEN_COPY, i % 7, 1 + i % 3, i & 1 ? GNTST_bad_gntref : GNTST_bad_page);
		send_one(i & 1 ? inside : outside, i % 3 ? 1514 : 20000);
		if (i % 16 == 0)
			usleep_range(5000, 6000);
	}
	msleep(50);
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, tally(0).bad, 0);
	KUNIT_EXPECT_EQ(test, tally(1).bad, 0);
	KUNIT_EXPECT_TRUE(test, states_are(XenbusStateConnected));
	exchange(test, 1514, 50);
}

/* Guests' pages that are paged out: in soft interrupt and under locks nobody waits for them. */
static void pages_are_paged_out(struct kunit *test)
{
	unsigned int dir, i;
	u64 bad;

	for (dir = 0; dir < 2; dir++) {
		struct net_device *dev = dir ? outside : inside;

		exchange(test, 1514, 10);
		bad = counter(outside, "bad");
		for (i = 0; i < 4; i++) {
			fake_xen_fail_ops(FAKE_XEN_COPY, 0, 1, GNTST_eagain);
			KUNIT_EXPECT_TRUE(test, send(dev, 9000));
			KUNIT_EXPECT_TRUE(test, COMES_TRUE(counter(outside, "bad") == bad + i + 1));
		}
		fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
		exchange(test, 9000, 10);
	}
}

static void unplug_pair(void)
{
	fake_xen_remove_device(front);
	front = NULL;
	fake_xen_remove_device(back);
	back = NULL;
	inside = NULL;
	outside = NULL;
	fake_xen_rm(front_path);
	fake_xen_rm(back_path);
	settle();
}

static void replace_pair(struct kunit *test)
{
	unplug_pair();
	expect_nothing_held(test);
	add_backend(test);
	add_frontend(test);
	bring_up(test);
}

/* The frontend's state goes round while packets are on their way in both directions. */
static void row11_xsa350_states_in_a_loop(struct kunit *test)
{
	static const char * const states[] = { "6", "1", "3", "4", "5", "4", "6", "3", "7", "4", "8", "2", "9", "4" };
	unsigned int i, k;

	for (i = 0; i < 6; i++) {
		for (k = 0; k < ARRAY_SIZE(states); k++) {
			send_one(inside, 9000);
			send_one(outside, 9000);
			set_key(front_path, "state", states[(i * 5 + k) % ARRAY_SIZE(states)]);
			if (k % 5 == i % 5)
				usleep_range(100, 1000);
		}
		settle();
		replace_pair(test);
	}
	exchange(test, 1514, 10);
}

static void row19_statistics_while_it_cycles(struct kunit *test)
{
#define FILE(dev, name) "/sys/class/net/" dev "/statistics/" name
	static const char * const files[] = {
		FILE("vif1.0", "rx_bytes"), FILE("vif1.0", "tx_dropped"), FILE("eth0", "rx_packets"),
		FILE("eth0", "tx_bytes"),
		"/sys/kernel/debug/pvsplit/vif-0", "/sys/kernel/debug/pvsplit/vif-1-0", NULL
	};
#undef FILE
	unsigned int i;

	begin_reading(test, files);
	for (i = 0; i < 8; i++) {
		if (i % 4 == 3)
			replace_pair(test);
		else
			restart_backend(test, i & 1);
		exchange(test, 1514, 5);
	}
	end_reading(test);
}

/* One step of either end's connecting fails, then all is well, then it closes. */
static void row18_cve_2026_99286_connect_fails(struct kunit *test)
{
	enum fake_xen_step step;
	unsigned int skip;

	for (step = 0; step < FAKE_XEN_NR_STEPS; step++) {
		for (skip = 0; skip < 5; skip++) {
			unplug_pair();
			expect_nothing_held(test);
			add_backend(test);
			fake_xen_fail_step(step, skip, 1, -ENOSPC);
			add_frontend(test);
			KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(state_is(front_path, XenbusStateClosing) ||
							       state_is(back_path, XenbusStateClosing) ||
							       state_is(front_path, XenbusStateClosed) ||
							       states_are(XenbusStateConnected)),
					      "step %u, after %u: front %u, back %u", step, skip,
					      xenbus_read_driver_state(front_path),
					      xenbus_read_driver_state(back_path));
			/* The first of each kind is needed; a frontend tries again. */
			if (!skip)
				KUNIT_EXPECT_GT(test, fake_xen_counts.errors + fake_xen_counts.fatal, 0ul);
			fake_xen_fail_step(step, 0, 0, 0);
		}
	}
	replace_pair(test);
	exchange(test, 1514, 10);
}

/* The backend offers to keep pages mapped, and then cannot: the same pages serve without that. */
static void mapping_is_refused(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		unplug_pair();
		expect_nothing_held(test);
		/* At once, or within the second ring's pages. */
		fake_xen_fail_ops(FAKE_XEN_MAP, i * 300, 100000, GNTST_no_device_space);
		add_backend(test);
		add_frontend(test);
		bring_up(test);
		fake_xen_fail_ops(FAKE_XEN_MAP, 0, 0, 0);
		exchange(test, 1514, 50);
		exchange(test, LARGEST, 10);
	}
}

/* The grant table is nearly full: fewer queues; none at all: it waits until there is room. */
static void grants_are_short(struct kunit *test)
{
	unsigned int queues = front_number("multi-queue-num-queues") ?: 1;
	struct fake_xen_held held;
	unsigned int all;

	fake_xen_held(&held);
	all = held.refs;
	if (queues > 1) {
		unplug_pair();
		fake_xen_limit_refs(all / queues + 200);
		add_backend(test);
		add_frontend(test);
		bring_up(test);
		KUNIT_EXPECT_LT(test, front_number("multi-queue-num-queues") ?: 1, queues);
		exchange(test, 1514, 50);
	}
	unplug_pair();
	fake_xen_limit_refs(200);
	add_backend(test);
	add_frontend(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(state_is(front_path, XenbusStateClosed)));
	KUNIT_EXPECT_NE(test, fake_xen_last_error()[0], 0);
	fake_xen_limit_refs(0);
	bring_up(test);
	exchange(test, 1514, 50);
}

static bool back_at_work(void)
{
	bool up;

	try_again(front);
	try_again(back);
	if (!states_are(XenbusStateConnected))
		return false;
	rtnl_lock();
	inside = find(front);
	outside = find(back);
	up = inside && outside && !dev_open(outside, NULL) && !dev_open(inside, NULL);
	rtnl_unlock();
	if (!up || !ready(inside) || !ready(outside))
		return false;
	zero();
	return send(inside, 1514) && send(outside, 1514) && COMES_TRUE(tally(false).good && tally(true).good);
}

static void front_restarts(struct kunit *test)
{
	pv_device_restart(pv_device_of(&front->dev));
}

static void back_is_replaced(struct kunit *test)
{
	fake_xen_remove_device(back);
	set_key(back_path, "state", "1");
	add_backend(test);
}

static void each_refusal_at_restart(struct kunit *test)
{
	each_refusal(test, "pv-vif-0", front_restarts, back_at_work);
}

static void each_refusal_to_a_new_backend(struct kunit *test)
{
	each_refusal(test, "pv-vif-1-0", back_is_replaced, back_at_work);
}

static struct pv_ring_shared *shared(const char *key)
{
	struct page *page = fake_xen_granted_page(front_number(key));

	return page ? page_address(page) : NULL;
}

/* Slots of the packet of @len bytes that the guest has sent from slot @from on; 0 if there is none. */
static unsigned int slots_of(u32 from, unsigned int len)
{
	struct pv_ring_shared *ring = shared("tx-ring-ref");
	u32 end = READ_ONCE(ring->req_prod);

	for (; from != end; from++) {
		/* A response is written over the first bytes only. */
		const struct xen_netif_tx_request *req = (void *)ring->slot;
		unsigned int slots = 1;

		if (req[from % 256].size != len)
			continue;
		while (req[from++ % 256].flags & XEN_NETTXF_more_data && from != end)
			slots++;
		return slots;
	}
	return 0;
}

/* A backend without scatter-gather takes one slot a packet, also of one that lies across two pages. */
static void one_slot_a_packet(struct kunit *test)
{
	struct sk_buff *skb, *from;
	u32 before;

	fake_xen_remove_device(front);
	set_key(front_path, "state", "1");
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(state_is(back_path, XenbusStateInitWait)));
	set_key(back_path, "feature-sg", "0");
	add_frontend(test);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(states_are(XenbusStateConnected)));
	rtnl_lock();
	inside = find(front);
	KUNIT_EXPECT_EQ(test, dev_open(inside, NULL), 0);
	rtnl_unlock();
	await_ready(test);

	zero();
	/* (Memory of so many bytes begins with a page.) */
	from = make(inside, 1400, ++sent_number);
	skb = alloc_skb(8192, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, from && skb);
	skb_reserve(skb, 3800);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(from, 0, skb_put(skb, 1400), 1400), 0);
	KUNIT_ASSERT_GT(test, offset_in_page(skb->data) + 1400, PAGE_SIZE);
	skb->dev = inside;
	skb->protocol = from->protocol;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	/* The queue's ring: the first one's, as there is no flow to tell. */
	skb_record_rx_queue(skb, 0);
	kfree_skb(from);
	before = READ_ONCE(shared("tx-ring-ref")->req_prod);
	KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(false).good == 1));
	/* (IPv6 sends packets of its own now and then, and short ones.) */
	KUNIT_EXPECT_EQ(test, slots_of(before, 1400), 1);
}

/* What a response leaves of its slot is as the guest wrote it. (One to received packets fills its slot.) */
static void row4_xsa216_rest_of_the_slot(struct kunit *test)
{
	unsigned int nr = front_number("multi-queue-num-queues") ?: 1, q, looked = 0;
	char key[PV_QUEUE_DIR + 16], dir[PV_QUEUE_DIR];
	u32 i, end;

	exchange(test, 1514, 300);
	for (q = 0; q < nr; q++) {
		struct pv_ring_shared *ring;

		pv_queue_dir(dir, nr, q);
		snprintf(key, sizeof(key), "%stx-ring-ref", dir);
		ring = shared(key);
		KUNIT_ASSERT_NOT_NULL(test, ring);
		end = READ_ONCE(ring->rsp_prod);
		for (i = end - min(end, 256u); i != end; i++, looked++) {
			const struct xen_netif_tx_request *req = (const void *)ring->slot;
			const struct xen_netif_tx_response *rsp = (const void *)(req + i % 256);

			req += i % 256;
			/* (Nor what stands for an address of multicast.) */
			if (req->flags & ~(XEN_NETTXF_csum_blank | XEN_NETTXF_data_validated))
				continue;
			KUNIT_EXPECT_EQ(test, req->id, rsp->id);
			KUNIT_EXPECT_LE(test, req->offset + req->size, PAGE_SIZE);
		}
	}
	KUNIT_EXPECT_GE(test, looked, 256);
	KUNIT_EXPECT_EQ(test, sizeof(struct xen_netif_rx_response), sizeof(struct xen_netif_rx_request));
}

/* ---- programs of XDP ---- */

static struct program {
	u32 verdict;		/* on TCP */
	u32 own;		/* on packets of the suite's own */
	atomic_t good, bad;	/* TCP packets whose checksum is right, and others */
} program;

static __wsum sum_of(struct xdp_buff *xdp, unsigned int from)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	unsigned int at = xdp->data_end - xdp->data, i;
	__wsum sum = csum_partial(xdp->data + from, at - from, 0);

	for (i = 0; xdp_buff_has_frags(xdp) && i < info->nr_frags; i++) {
		sum = csum_block_add(sum, csum_partial(skb_frag_address(&info->frags[i]),
						       skb_frag_size(&info->frags[i]), 0), at - from);
		at += skb_frag_size(&info->frags[i]);
	}
	return sum;
}

/* As the helper does. */
static void redirect_to(struct net_device *dev)
{
	struct bpf_redirect_info *info = this_cpu_ptr(&bpf_redirect_info);

	info->flags = 0;
	info->tgt_index = dev->ifindex;
	info->map_id = INT_MAX;
	info->map_type = BPF_MAP_TYPE_UNSPEC;
}

static u64 look_at_frame(u64 frame, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct xdp_buff *xdp = (struct xdp_buff *)(unsigned long)frame;
	struct ethhdr *eth = xdp->data;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	unsigned int len;

	if (eth->h_proto == htons(PROTOCOL)) {
		if (program.own == XDP_REDIRECT)
			redirect_to(outside);
		return program.own;
	}
	if (eth->h_proto != htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	len = ntohs(ip->tot_len) - sizeof(*ip);
	if (tcp_v4_check(len, ip->saddr, ip->daddr, sum_of(xdp, ETH_HLEN + sizeof(*ip))))
		atomic_inc(&program.bad);
	else
		atomic_inc(&program.good);
	return program.verdict;
}

/* A program that calls a function of this suite. */
static struct bpf_prog *make_program(struct kunit *test)
{
	const struct bpf_insn insn[] = { BPF_EMIT_CALL(look_at_frame), BPF_EXIT_INSN() };
	struct bpf_prog *prog = bpf_prog_alloc(bpf_prog_size(ARRAY_SIZE(insn)), 0);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, prog);
	prog->len = ARRAY_SIZE(insn);
	memcpy(prog->insnsi, insn, sizeof(insn));
	prog->type = BPF_PROG_TYPE_XDP;
	prog->aux->xdp_has_frags = true;
	/* Whoever lets go of it is not the last. */
	atomic64_set(&prog->aux->refcnt, 100);
	prog = bpf_prog_select_runtime(prog, &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	return prog;
}

static void attach_to(struct kunit *test, struct net_device *dev, struct bpf_prog *prog, u32 verdict)
{
	struct netdev_bpf bpf = { .command = XDP_SETUP_PROG, .prog = prog };

	atomic_set(&program.good, 0);
	atomic_set(&program.bad, 0);
	program.verdict = verdict;
	program.own = XDP_PASS;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, dev->netdev_ops->ndo_bpf(dev, &bpf), 0);
	rtnl_unlock();
	synchronize_net();
}

static void attach(struct kunit *test, struct bpf_prog *prog, u32 verdict)
{
	attach_to(test, inside, prog, verdict);
}

static void send_tcp(struct kunit *test, struct net_device *dev, unsigned int len, u16 size)
{
	struct sk_buff *skb = make_tcp(dev, len, size);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
}

#define GUEST_OFFLOADS	(NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | NETIF_F_TSO | NETIF_F_TSO6)

/* While there is a program the backend does what the network otherwise leaves to the guest: frames may go anywhere. */
static void program_has_no_offloads(struct kunit *test)
{
	struct bpf_prog *prog = make_program(test);
	unsigned int most = outside->tso_max_size, i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, COMES_TRUE((outside->features & GUEST_OFFLOADS) == GUEST_OFFLOADS));
		attach(test, prog, XDP_DROP);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(!(outside->features & GUEST_OFFLOADS)));
		send_tcp(test, outside, 60, 0);
		send_tcp(test, outside, 14534, 1448);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&program.good) == 11), "%d good, %d bad",
				      atomic_read(&program.good), atomic_read(&program.bad));
		KUNIT_EXPECT_EQ(test, atomic_read(&program.bad), 0);
		/* So is it with a new connection. */
		restart_backend(test, true);
		KUNIT_EXPECT_FALSE(test, outside->features & GUEST_OFFLOADS);
		exchange(test, 1514, 10);
		attach(test, NULL, 0);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE((outside->features & GUEST_OFFLOADS) == GUEST_OFFLOADS));
		/* There is room for whole packets again. */
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(!front_number("xdp-headroom")));
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(outside->tso_max_size == most && outside->gso_max_size == most));
		exchange(test, LARGEST, 10);
	}
	bpf_prog_free(prog);
}

/* A backend that looks at no key again: what it leaves open is done here, or the packet goes nowhere else. */
static void program_and_an_old_backend(struct kunit *test)
{
	static const char headroom[] = "/sys/module/pv_netback/parameters/provides_xdp_headroom";
	static const unsigned int len[] = { 60, 61, 1514, 3500, 3521, 9000, 20001 };
	struct bpf_prog *prog = make_program(test);
	u64 unfit;
	unsigned int i;

	set_parameter(test, headroom, "N");
	replace_pair(test);
	attach(test, prog, XDP_DROP);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		send_tcp(test, outside, len[i], 0);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&program.good) == i + 1),
				      "%u bytes: %d good, %d bad", len[i], atomic_read(&program.good),
				      atomic_read(&program.bad));
		KUNIT_EXPECT_EQ(test, atomic_read(&program.bad), 0);
	}
	KUNIT_EXPECT_TRUE(test, outside->features & NETIF_F_TSO);
	unfit = counter(inside, "rx_xdp_unfit");
	program.verdict = XDP_REDIRECT;
	send_tcp(test, outside, 14534, 1448);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(counter(inside, "rx_xdp_unfit") == unfit + 1));
	KUNIT_EXPECT_EQ(test, counter(inside, "rx_xdp_redirect"), 0);
	exchange(test, 1514, 10);
	attach(test, NULL, 0);
	set_parameter(test, headroom, "Y");
	replace_pair(test);
	bpf_prog_free(prog);
}

/* ---- programs of the vif ---- */

/* From the guest, and as if for the guest. */
static void send_to_come_back(struct kunit *test, unsigned int len, unsigned int nr)
{
	unsigned int i;

	zero();
	for (i = 0; i < nr; i++) {
		struct sk_buff *skb = make(outside, len, ++sent_number);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb->dev = inside;
		KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
		/* One at a time: where there is no room it does not wait. */
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(tally(true).good == i + 1), "%u bytes: %u of %u", len, i, nr);
	}
	KUNIT_EXPECT_EQ(test, tally(true).bad + tally(false).bad + tally(false).good, 0);
}

/* In one buffer, in several, in several slots */
static const unsigned int vif_lengths[] = { 60, 1514, 3520, 3521, 9014, LARGEST };

/* Without the system call, by which programs come, the kernel says that it has redirected a frame, and does nothing. */
static const bool redirects = IS_ENABLED(CONFIG_BPF_SYSCALL);

/* Each verdict on packets from the guest, by programs that know fragments and others. */
static void programs_of_the_vif(struct kunit *test)
{
	struct bpf_prog *prog = make_program(test);
	unsigned int i, frags;
	u64 before;

	for (frags = 0; frags < 2; frags++) {
		prog->aux->xdp_has_frags = frags;
		attach_to(test, outside, prog, XDP_DROP);
		for (i = 0; i < ARRAY_SIZE(vif_lengths); i++)
			exchange(test, vif_lengths[i], 10);
		/* Checksums are finished before. */
		send_tcp(test, inside, 60, 0);
		send_tcp(test, inside, 1514, 0);
		send_tcp(test, inside, 9014, 0);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&program.good) == 3), "%d good, %d bad",
				      atomic_read(&program.good), atomic_read(&program.bad));
		KUNIT_EXPECT_EQ(test, atomic_read(&program.bad), 0);
		/* What is to be cut goes nowhere else. */
		before = counter(outside, "xdp_unfit");
		program.verdict = XDP_REDIRECT;
		if (frags) {
			send_tcp(test, inside, 14534, 1448);
			KUNIT_EXPECT_TRUE(test, COMES_TRUE(counter(outside, "xdp_unfit") == before + 1));
		}

		program.own = XDP_DROP;
		before = counter(outside, "xdp_drop");
		zero();
		for (i = 0; i < 2 * ARRAY_SIZE(vif_lengths); i++)
			KUNIT_EXPECT_TRUE(test, send(inside, vif_lengths[i / 2]));
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(counter(outside, "xdp_drop") == before + i));
		KUNIT_EXPECT_EQ(test, tally(false).good + tally(false).bad, 0);

		program.own = XDP_TX;
		/* (65000 bytes in one piece are not always to be had.) */
		for (i = 0; i < ARRAY_SIZE(vif_lengths) - !frags; i++)
			send_to_come_back(test, vif_lengths[i], 20);
		program.own = XDP_REDIRECT;
		/* (Linux 6.1 redirects no frame with fragments.) */
		for (i = 0; redirects && i < (frags ? 3 : ARRAY_SIZE(vif_lengths) - 1); i++)
			send_to_come_back(test, vif_lengths[i], 20);
		attach_to(test, outside, NULL, 0);
		exchange(test, 9014, 10);
	}
	KUNIT_EXPECT_GT(test, counter(outside, "xdp_tx"), 100ull);
	KUNIT_EXPECT_EQ(test, counter(outside, "xdp_redirect"), redirects ? 120ull : 0);
	KUNIT_EXPECT_EQ(test, counter(outside, "xdp_sent"), redirects ? 120ull : 0);
	bpf_prog_free(prog);
}

/* Pages that are free, or hold what slabs (and a sanitizer behind them) keep. */
static long free_pages_and_slabs(void)
{
	return global_zone_page_state(NR_FREE_PAGES) + global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
}

/* It comes and goes while packets pass; none is lost, and no page. */
static void programs_of_the_vif_come_and_go(struct kunit *test)
{
	static const u32 verdict[] = { XDP_PASS, XDP_TX, XDP_REDIRECT };
	struct bpf_prog *prog = make_program(test);
	unsigned int i, k, sent = 0;
	long before;

	zero();
	for (i = 0; i < 40; i++) {
		attach_to(test, outside, i & 1 ? NULL : prog, XDP_DROP);
		for (k = 0; k < 8; k++)
			sent += send_one(inside, vif_lengths[(i + k) % ARRAY_SIZE(vif_lengths)]);
	}
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(false).good == sent));
	KUNIT_EXPECT_EQ(test, tally(false).bad, 0);

	attach_to(test, outside, prog, XDP_DROP);
	for (i = 0; i < ARRAY_SIZE(verdict) - !redirects; i++) {
		program.own = verdict[i];
		before = free_pages_and_slabs();
		for (k = 0; k < 4000; k++) {
			send_one(inside, 60);
			if (k % 32 == 0)
				usleep_range(500, 1000);
		}
		msleep(50);
		/* One a packet would be 4000. */
		KUNIT_EXPECT_LT_MSG(test, before - free_pages_and_slabs(), 2000l, "verdict %u", verdict[i]);
	}
	attach_to(test, outside, NULL, 0);
	exchange(test, 1514, 10);
	bpf_prog_free(prog);
}

static struct xdp_rxq_info nobodys_rxq;

/* A frame of @len bytes, of which a page holds the first 2000; @pages: where its pages are noted. */
static struct xdp_frame *make_frame(struct net_device *dev, unsigned int len, struct page **pages)
{
	struct sk_buff *skb = make(dev, len, ++sent_number);
	unsigned int head = min(len, 2000u), at;
	struct skb_shared_info *info;
	struct xdp_buff xdp;

	*pages = skb ? alloc_page(GFP_KERNEL) : NULL;
	if (!*pages)
		return NULL;
	xdp_init_buff(&xdp, PAGE_SIZE, &nobodys_rxq);
	xdp_prepare_buff(&xdp, page_address(*pages), XDP_PACKET_HEADROOM, head, false);
	skb_copy_bits(skb, 0, xdp.data, head);
	get_page(*pages++);
	info = xdp_get_shared_info_from_buff(&xdp);
	info->nr_frags = 0;
	info->xdp_frags_size = len - head;
	if (len > head)
		xdp_buff_set_frags_flag(&xdp);
	for (at = head; at < len; at += PAGE_SIZE) {
		unsigned int part = min_t(unsigned int, len - at, PAGE_SIZE);
		skb_frag_t *frag = &info->frags[info->nr_frags++];

		*pages = alloc_page(GFP_KERNEL);
		if (!*pages)
			return NULL;
		skb_copy_bits(skb, at, page_address(*pages), part);
		get_page(*pages);
		__skb_frag_set_page(frag, *pages++);
		skb_frag_off_set(frag, 0);
		skb_frag_size_set(frag, part);
	}
	*pages = NULL;
	kfree_skb(skb);
	return xdp_convert_buff_to_frame(&xdp);
}

/* Frames that were redirected to the guest arrive as they are, whatever they lie in; nobody holds their pages then. */
static void frames_to_the_guest(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, 400, sizeof(*pages), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < ARRAY_SIZE(vif_lengths); i++) {
		struct xdp_frame *frame[8];
		int sent;

		zero();
		for (k = 0; k < ARRAY_SIZE(frame); k++) {
			frame[k] = make_frame(outside, vif_lengths[i], pages + 40 * k);
			KUNIT_ASSERT_NOT_NULL(test, frame[k]);
		}
		local_bh_disable();
		sent = outside->netdev_ops->ndo_xdp_xmit(outside, k, frame, XDP_XMIT_FLUSH);
		local_bh_enable();
		KUNIT_EXPECT_EQ(test, sent, 8);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(true).good == 8), "%u bytes: %u", vif_lengths[i],
				      tally(true).good);
		KUNIT_EXPECT_EQ(test, tally(true).bad, 0);
		for (k = 0; k < 320; k++) {
			if (!pages[k])
				continue;
			KUNIT_EXPECT_EQ(test, page_count(pages[k]), 1);
			put_page(pages[k]);
			pages[k] = NULL;
		}
	}
	exchange(test, 1514, 10);
}

/* Frames that take the last room stop the stack, whose packets would come out of order if they were not taken. */
static void frames_fill_the_ring(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, 40, sizeof(*pages), GFP_KERNEL);
	char rate[FAKE_XEN_PATH_LEN + 8];
	bool stopped = false;
	unsigned int i, k;
	int sent = 1;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	exchange(test, 1514, 10);
	/* Nothing is taken without credit. */
	fake_xen_write(rate, "1,60000000");
	settle();
	zero();
	set_cpus_allowed_ptr(current, cpumask_of(0));
	for (i = 0; sent == 1 && i < 1000; i++) {
		struct xdp_frame *frame = make_frame(inside, 1000, pages);

		KUNIT_ASSERT_NOT_NULL(test, frame);
		stopped = netif_tx_queue_stopped(netdev_get_tx_queue(inside, 0));
		local_bh_disable();
		sent = inside->netdev_ops->ndo_xdp_xmit(inside, 1, &frame, XDP_XMIT_FLUSH);
		if (sent != 1)
			xdp_return_frame(frame);
		local_bh_enable();
		for (k = 0; k < 40 && pages[k]; k++) {
			put_page(pages[k]);
			pages[k] = NULL;
		}
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, sent, 0);
	KUNIT_EXPECT_TRUE(test, stopped);
	fake_xen_rm(rate);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(false).good == i - 1));
	exchange(test, 1514, 10);
}

static atomic_t freed;

static void note_freed(struct sk_buff *skb)
{
	atomic_inc(&freed);
}

/* The toolstack's limit cannot be read: it is what it was, and read later. */
static void rate_cannot_be_read(struct kunit *test)
{
	char rate[FAKE_XEN_PATH_LEN + 8];
	unsigned int i;

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	exchange(test, 1514, 10);
	fake_xen_write(rate, "1,60000000");
	settle();
	fake_xen_fail_reads(rate, 0, 1, -ENOMEM);
	fake_xen_write(rate, "1,60000000");
	settle();
	zero();
	for (i = 0; i < 4; i++)
		send_one(inside, 1514);
	msleep(50);
	KUNIT_EXPECT_EQ(test, tally(false).good, 0);
	fake_xen_fail_reads(rate, 0, 1, -ENOMEM);
	fake_xen_rm(rate);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(false).good == 4));
}

/*
 * The interface goes down while pages of packets are granted: they are given back when the backend has answered, and
 * not when somebody happens to bring it up again. Nothing is received meanwhile.
 */
static void down_with_packets(struct kunit *test)
{
	char rate[FAKE_XEN_PATH_LEN + 8];
	unsigned int i;

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	exchange(test, 9000, 10);
	/* Nothing is taken without credit. */
	fake_xen_write(rate, "1,60000000");
	settle();
	atomic_set(&freed, 0);
	for (i = 0; i < 6; i++) {
		struct sk_buff *skb = make(inside, 9000, ++sent_number);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb->destructor = note_freed;
		KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
	}
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 0);
	rtnl_lock();
	dev_close(inside);
	rtnl_unlock();
	/* (What still waited for the ring is dropped.) */
	KUNIT_EXPECT_LT(test, atomic_read(&freed), 6);
	zero();
	for (i = 0; i < 20; i++)
		send_one(outside, 1514);
	fake_xen_rm(rate);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&freed) == 6), "%d of 6 are free", atomic_read(&freed));
	KUNIT_EXPECT_EQ(test, tally(true).good, 0);
	/* A connection that is made while it is down serves it, too. */
	inside = NULL;
	restart_backend(test, true);
	exchange(test, 1514, 20);
	exchange(test, 9000, 20);
	for (i = 0; i < 3; i++) {
		rtnl_lock();
		dev_close(inside);
		rtnl_unlock();
		bring_up(test);
		exchange(test, 9000, 20);
	}
}

/* ---- what is told to udev ---- */

/* Whether an event @action for the vif of the script has come. */
static bool uevent_comes(struct socket *events, const char *action)
{
	static char text[4096];
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { text, sizeof(text) - 1 };
	char want[32];
	int len;

	snprintf(want, sizeof(want), "ACTION=%s", action);
	while ((len = kernel_recvmsg(events, &msg, &vec, 1, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		bool is = false, script = false, vif = false;
		char *at;

		text[len] = 0;
		for (at = text; at < text + len; at += strlen(at) + 1) {
			is |= !strcmp(at, want);
			script |= !strcmp(at, "script=/etc/xen/scripts/vif-bridge");
			vif |= !strcmp(at, "vif=vif1.0");
		}
		if (is && script && vif)
			return true;
	}
	return false;
}

/* Toolstacks that leave scripts to udev: they run when the vif is there, and when it goes. */
static void udev_is_told(struct kunit *test)
{
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct socket *events;

	unplug_pair();
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT, &events), 0);
	KUNIT_EXPECT_EQ(test, kernel_bind(events, (struct sockaddr *)&group, sizeof(group)), 0);
	set_key(back_path, "script", "/etc/xen/scripts/vif-bridge");
	add_backend(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(uevent_comes(events, "online")));
	set_key(back_path, "hotplug-status", "connected");
	add_frontend(test);
	bring_up(test);
	KUNIT_EXPECT_FALSE(test, uevent_comes(events, "offline"));
	unplug_pair();
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(uevent_comes(events, "offline")));
	sock_release(events);
	add_backend(test);
	add_frontend(test);
	bring_up(test);
	exchange(test, 1514, 5);
}

/* ---- what comes of a packet that fails ---- */

/* Statistics of the guest's interface count packets, however many slots they have. */
static void packets_are_counted_not_slots(struct kunit *test)
{
	struct rtnl_link_stats64 before, now;
	unsigned int i;

	dev_get_stats(inside, &before);
	for (i = 0; i < 3; i++) {
		fake_xen_fail_ops(FAKE_XEN_COPY, 0, 1, GNTST_bad_gntref);
		send_one(inside, 20000);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(dev_get_stats(inside, &now)->tx_errors > before.tx_errors + i));
		msleep(20);
		KUNIT_EXPECT_EQ(test, dev_get_stats(inside, &now)->tx_errors, before.tx_errors + i + 1);
	}
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	exchange(test, 20000, 5);
}

/* Whoever takes a vif down has not found a fault in its guest's packets. */
static void vif_is_down(struct kunit *test)
{
	struct rtnl_link_stats64 before, now;
	char rate[FAKE_XEN_PATH_LEN + 8];

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	exchange(test, 1514, 10);
	dev_get_stats(inside, &before);
	fake_xen_write(rate, "1,60000000");
	settle();
	sent_number &= ~1;
	send_one(inside, 9000);
	msleep(20);
	rtnl_lock();
	dev_close(outside);
	rtnl_unlock();
	fake_xen_rm(rate);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(dev_get_stats(inside, &now)->tx_dropped > before.tx_dropped));
	KUNIT_EXPECT_EQ(test, dev_get_stats(inside, &now)->tx_errors, before.tx_errors);
	bring_up(test);
	exchange(test, 9000, 10);
}

/* ---- packets that belong together ---- */

static struct merged {
	struct sk_buff *skb;
	unsigned int packets, lists, frags;
} merged;

static int receive_merged(struct sk_buff *skb, struct net_device *dev, struct packet_type *type,
			  struct net_device *orig)
{
	if (dev == outside || dev == inside) {
		merged.packets++;
		merged.lists += skb_has_frag_list(skb);
		merged.frags += skb_shinfo(skb)->nr_frags;
	}
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

static struct packet_type merged_packets = { .type = htons(ETH_P_IP), .func = receive_merged };

static struct sk_buff *make_segment(struct net_device *dev, unsigned int len, unsigned int nr)
{
	struct sk_buff *skb = make_tcp(dev, len, 0);
	struct iphdr *ip;

	if (!skb)
		return NULL;
	skb_record_rx_queue(skb, 0);
	ip = ip_hdr(skb);
	ip->frag_off = htons(IP_DF);
	ip_send_check(ip);
	tcp_hdr(skb)->seq = htonl(nr * (len - ETH_HLEN - sizeof(*ip) - sizeof(struct tcphdr)));
	return skb;
}

/* Packets of a guest's stream, merged, go on in pages: one each, and not in a list that few devices take. */
static void streams_are_merged(struct kunit *test)
{
	static const unsigned int len[] = { 1514, 1100, 9014 };
	char rate[FAKE_XEN_PATH_LEN + 8], limit[100];
	unsigned int i, k;

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	/* A burst goes as a whole. */
	snprintf(limit, sizeof(limit), "/sys/class/net/%s/queues/tx-0/byte_queue_limits/limit_min", inside->name);
	set_parameter(test, limit, "100000");
	for (i = 0; i < 200; i++) {
		send_one(inside, 1514);
		if (i % 8 == 0)
			usleep_range(500, 1000);
	}
	dev_add_pack(&merged_packets);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		unsigned int nr = len[i] > 2000 ? 5 : 14;

		/* They wait for credit, and then go in one poll. */
		fake_xen_write(rate, "1,60000000");
		settle();
		memset(&merged, 0, sizeof(merged));
		for (k = 0; k < nr; k++) {
			struct sk_buff *skb = make_segment(inside, len[i], k);

			KUNIT_ASSERT_NOT_NULL(test, skb);
			dev_queue_xmit(skb);
		}
		msleep(20);
		fake_xen_rm(rate);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(merged.packets), "%u bytes", len[i]);
		msleep(50);
		KUNIT_EXPECT_EQ_MSG(test, merged.packets, 1, "%u bytes", len[i]);
		KUNIT_EXPECT_EQ_MSG(test, merged.lists, 0, "%u bytes, %u frags", len[i], merged.frags);
	}
	dev_remove_pack(&merged_packets);
}

/* ---- what others ask the interfaces ---- */

static unsigned int queue_of_cpu(struct kunit *test, unsigned int cpu)
{
	struct sk_buff *skb = make(inside, 60, 0);
	unsigned int queue;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb->sender_cpu = cpu + 1;
	queue = netdev_pick_tx(inside, skb, NULL);
	kfree_skb(skb);
	return queue;
}

/* Each CPU of a guest sends by a queue of its own; what somebody has set stays over another backend. */
static void cpus_have_their_queues(struct kunit *test)
{
	unsigned int cpu;

	cpus_choose = true;
	replace_pair(test);
	KUNIT_ASSERT_EQ(test, inside->real_num_tx_queues, num_online_cpus());
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, queue_of_cpu(test, cpu), cpu);
	exchange(test, 1514, 20);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, netif_set_xps_queue(inside, cpu_none_mask, 1), 0);
	KUNIT_EXPECT_EQ(test, netif_set_xps_queue(inside, cpu_all_mask, 0), 0);
	rtnl_unlock();
	restart_backend(test, true);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, queue_of_cpu(test, cpu), 0);
	exchange(test, 1514, 20);
}

/*
 * The number of queues is that which was asked for, at once: whoever looks next need not wait for the connection. Who
 * asks again before it is there has what was asked for last.
 */
static void queues_are_seen_at_once(struct kunit *test)
{
	unsigned int most = inside->real_num_rx_queues, i;

	KUNIT_ASSERT_GT(test, most, 1);
	for (i = 0; i < 6; i++) {
		struct ethtool_channels want = { .combined_count = i & 1 ? most : 1 }, is = { };

		rtnl_lock();
		KUNIT_EXPECT_EQ(test, inside->ethtool_ops->set_channels(inside, &want), 0);
		inside->ethtool_ops->get_channels(inside, &is);
		KUNIT_EXPECT_EQ(test, is.combined_count, want.combined_count);
		KUNIT_EXPECT_EQ(test, inside->real_num_rx_queues, want.combined_count);
		rtnl_unlock();
		if (i == 2 || i == 4)
			continue;
		settle();
		bring_up(test);
		KUNIT_EXPECT_EQ(test, inside->real_num_tx_queues, want.combined_count);
		KUNIT_EXPECT_EQ(test, front_number("multi-queue-num-queues") ?: 1, want.combined_count);
		exchange(test, 1514, 20);
	}
}

/* How many packets go to an event may differ by queue, and stays over another backend. */
static void events_by_queue(struct kunit *test)
{
	const struct ethtool_ops *ops = inside->ethtool_ops;
	struct ethtool_coalesce set = { .rx_max_coalesced_frames = 8, .rx_coalesce_usecs = 500 }, got;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ops->set_per_queue_coalesce);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, ops->set_per_queue_coalesce(inside, 1, &set), 0);
	KUNIT_EXPECT_EQ(test, ops->set_per_queue_coalesce(inside, inside->real_num_rx_queues, &set), -EINVAL);
	set.rx_coalesce_usecs = 0;
	KUNIT_EXPECT_EQ(test, ops->set_per_queue_coalesce(inside, 0, &set), -EINVAL);
	rtnl_unlock();
	restart_backend(test, true);
	for (i = 0; i < inside->real_num_rx_queues; i++) {
		rtnl_lock();
		KUNIT_EXPECT_EQ(test, ops->get_per_queue_coalesce(inside, i, &got), 0);
		rtnl_unlock();
		KUNIT_EXPECT_EQ(test, got.rx_max_coalesced_frames, i == 1 ? 8 : 1);
		KUNIT_EXPECT_EQ(test, got.rx_coalesce_usecs, i == 1 ? 500 : 0);
	}
	exchange(test, 1514, 50);
	set.rx_max_coalesced_frames = 1;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, ops->set_coalesce(inside, &set, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, ops->get_per_queue_coalesce(inside, 1, &got), 0);
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, got.rx_max_coalesced_frames, 1);
	exchange(test, 1514, 20);
}

/* What ethtool sets is what it shows, what cannot be is refused, and packets go on. */
static void ethtool_shows_what_it_sets(struct kunit *test)
{
	const struct ethtool_ops *ops = inside->ethtool_ops;
	struct ethtool_ringparam ring = { }, set, is = { };
	const struct ethtool_tunable copybreak = { .id = ETHTOOL_RX_COPYBREAK }, other = { .id = ETHTOOL_TX_COPYBREAK };
	u32 bytes = 300, too_many = PAGE_SIZE + 1, got = 0;
	struct ethtool_drvinfo info = { };

	ops->get_drvinfo(inside, &info);
	KUNIT_EXPECT_STREQ(test, info.driver, "pv_netfront");
	KUNIT_EXPECT_STREQ(test, info.bus_info, "vif-0");
	outside->ethtool_ops->get_drvinfo(outside, &info);
	KUNIT_EXPECT_STREQ(test, info.driver, "pv-netback");
	KUNIT_EXPECT_STREQ(test, info.bus_info, "vif-1-0");
	KUNIT_EXPECT_EQ(test, ops->get_sset_count(inside, ETH_SS_TEST), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, outside->ethtool_ops->get_sset_count(outside, ETH_SS_TEST), -EOPNOTSUPP);

	ops->get_ringparam(inside, &ring, NULL, NULL);
	KUNIT_EXPECT_EQ(test, ring.rx_pending, ring.rx_max_pending);
	set = ring;
	set.rx_pending = 64;
	set.tx_pending = 100;
	KUNIT_EXPECT_EQ(test, ops->set_ringparam(inside, &set, NULL, NULL), 0);
	ops->get_ringparam(inside, &is, NULL, NULL);
	KUNIT_EXPECT_EQ(test, is.rx_pending, 64);
	KUNIT_EXPECT_EQ(test, is.tx_pending, 100);
	exchange(test, 9000, 50);
	set.tx_pending = 63;
	KUNIT_EXPECT_EQ(test, ops->set_ringparam(inside, &set, NULL, NULL), -EINVAL);
	set.tx_pending = 100;
	set.rx_mini_pending = 1;
	KUNIT_EXPECT_EQ(test, ops->set_ringparam(inside, &set, NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->set_ringparam(inside, &ring, NULL, NULL), 0);

	KUNIT_EXPECT_EQ(test, ops->set_tunable(inside, &copybreak, &bytes), 0);
	KUNIT_EXPECT_EQ(test, ops->set_tunable(inside, &copybreak, &too_many), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->set_tunable(inside, &other, &bytes), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ops->get_tunable(inside, &other, &got), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ops->get_tunable(inside, &copybreak, &got), 0);
	KUNIT_EXPECT_EQ(test, got, 300);
	exchange(test, 250, 50);
	exchange(test, 1514, 50);
}

/* Which packets are told apart by what; the keys and the table of queues. A new backend is told, too. */
static void hash_as_ethtool_sets_it(struct kunit *test)
{
	static const u32 flows[] = { TCP_V4_FLOW, UDP_V4_FLOW, SCTP_V4_FLOW, IPV4_FLOW,
				     TCP_V6_FLOW, UDP_V6_FLOW, SCTP_V6_FLOW, IPV6_FLOW };
	static const u32 by_addresses = RXH_IP_SRC | RXH_IP_DST, by_ports = RXH_L4_B_0_1 | RXH_L4_B_2_3;
	const struct ethtool_ops *ops = inside->ethtool_ops;
	struct ethtool_rxnfc nfc = { .cmd = ETHTOOL_SRXFH };
	unsigned int i, size = ops->get_rxfh_indir_size(inside);
	u32 *table = kunit_kcalloc(test, 2 * size, sizeof(*table), GFP_KERNEL);
	u8 key[40], key_is[40], func;

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test, ops->get_rxfh_key_size(inside), sizeof(key));
	rtnl_lock();
	for (i = 0; i < ARRAY_SIZE(flows); i++) {
		bool tcp = flows[i] == TCP_V4_FLOW || flows[i] == TCP_V6_FLOW;

		nfc = (struct ethtool_rxnfc) { .cmd = ETHTOOL_SRXFH, .flow_type = flows[i], .data = by_addresses };
		KUNIT_EXPECT_EQ_MSG(test, ops->set_rxnfc(inside, &nfc), 0, "flow %u", flows[i]);
		nfc.data |= by_ports;
		KUNIT_EXPECT_EQ_MSG(test, ops->set_rxnfc(inside, &nfc), tcp ? 0 : -EINVAL, "flow %u", flows[i]);
		nfc.cmd = ETHTOOL_GRXFH;
		KUNIT_EXPECT_EQ(test, ops->get_rxnfc(inside, &nfc, NULL), 0);
		KUNIT_EXPECT_EQ_MSG(test, nfc.data, tcp ? by_addresses | by_ports : by_addresses, "flow %u", flows[i]);
		nfc = (struct ethtool_rxnfc) { .cmd = ETHTOOL_SRXFH, .flow_type = flows[i], .data = RXH_VLAN };
		KUNIT_EXPECT_EQ(test, ops->set_rxnfc(inside, &nfc), -EINVAL);
	}
	nfc = (struct ethtool_rxnfc) { .cmd = ETHTOOL_SRXFH, .flow_type = ETHER_FLOW, .data = by_addresses };
	KUNIT_EXPECT_EQ(test, ops->set_rxnfc(inside, &nfc), -EINVAL);
	nfc.cmd = ETHTOOL_GRXCLSRLCNT;
	KUNIT_EXPECT_EQ(test, ops->get_rxnfc(inside, &nfc, NULL), -EOPNOTSUPP);
	nfc.cmd = ETHTOOL_GRXRINGS;
	KUNIT_EXPECT_EQ(test, ops->get_rxnfc(inside, &nfc, NULL), 0);
	KUNIT_EXPECT_EQ(test, nfc.data, inside->real_num_rx_queues);
	for (i = 0; i < size; i++)
		table[i] = i % 3 % inside->real_num_rx_queues;
	for (i = 0; i < sizeof(key); i++)
		key[i] = i * 7 + 1;
	KUNIT_EXPECT_EQ(test, ops->set_rxfh(inside, table, key, ETH_RSS_HASH_XOR), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ops->set_rxfh(inside, table, key, ETH_RSS_HASH_TOP), 0);
	rtnl_unlock();
	for (i = 0; i < 2; i++) {
		rtnl_lock();
		KUNIT_EXPECT_EQ(test, ops->get_rxfh(inside, table + size, key_is, &func), 0);
		rtnl_unlock();
		KUNIT_EXPECT_EQ(test, func, ETH_RSS_HASH_TOP);
		EXPECT_MEMEQ(test, table, table + size, size * sizeof(*table));
		EXPECT_MEMEQ(test, key, key_is, sizeof(key));
		exchange(test, 1514, 50);
		restart_backend(test, true);
	}
}

/* Bonding by 802.3ad wants a speed; packets with a tag need not be of one piece, but leave with their checksum. */
static void as_other_drivers_have_it(struct kunit *test)
{
	unsigned int dir;

	for (dir = 0; dir < 2; dir++) {
		struct net_device *dev = dir ? outside : inside;
		struct ethtool_link_ksettings link = { };
		struct sk_buff *skb = make_tcp(dev, 9000, 0);
		netdev_features_t can;

		rtnl_lock();
		KUNIT_EXPECT_EQ(test, __ethtool_get_link_ksettings(dev, &link), 0);
		rtnl_unlock();
		KUNIT_EXPECT_EQ(test, link.base.speed, SPEED_10000);
		KUNIT_EXPECT_EQ(test, link.base.duplex, DUPLEX_FULL);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 5);
		can = netif_skb_features(skb);
		KUNIT_EXPECT_TRUE(test, can & NETIF_F_SG);
		KUNIT_EXPECT_FALSE(test, can & (NETIF_F_CSUM_MASK | NETIF_F_ALL_TSO));
		kfree_skb(skb);
	}
}

/* A socket that asks when its packet was sent is told so, once. */
static void sockets_get_time_stamps(struct kunit *test)
{
	int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
	unsigned int dir;

	for (dir = 0; dir < 2; dir++) {
		struct net_device *dev = dir ? outside : inside;
		struct ethtool_ts_info info = { };
		struct socket *sock;
		struct sk_buff *skb;
		bool told;

		KUNIT_EXPECT_EQ(test, dev->ethtool_ops->get_ts_info(dev, &info), 0);
		KUNIT_EXPECT_TRUE(test, info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE);
		KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock), 0);
		KUNIT_EXPECT_EQ(test, sock_setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPING_NEW, KERNEL_SOCKPTR(&wanted),
						      sizeof(wanted)), 0);
		skb = make(dev, 1000, ++sent_number);
		if (skb) {
			skb_set_owner_w(skb, sock->sk);
			skb_shinfo(skb)->tx_flags |= SKBTX_SW_TSTAMP;
		}
		told = skb && dev_queue_xmit(skb) == NET_XMIT_SUCCESS &&
		       COMES_TRUE(skb_queue_len_lockless(&sock->sk->sk_error_queue) == 1);
		sock_release(sock);
		KUNIT_EXPECT_TRUE_MSG(test, told, "to guest %u", dir);
	}
}

/* A backend that takes nothing, or is away for long: it is said, once each time, and waited for all the same. */
static void answer_is_late(struct kunit *test)
{
	static const char limit[] = "/sys/module/pv_netfront/parameters/late_msecs";
	char rate[FAKE_XEN_PATH_LEN + 8];
	unsigned int i;
	u64 before;

	set_parameter(test, limit, "200");
	replace_pair(test);
	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	exchange(test, 1514, 10);
	/* What is idle, answered or not looked at, is not late. */
	msleep(1000);
	KUNIT_EXPECT_EQ(test, counter(inside, "tx_late"), 0);
	for (i = 0; i < 2; i++) {
		zero();
		if (i) {
			outside = NULL;
			fake_xen_remove_device(back);
			back = NULL;
		} else {
			fake_xen_write(rate, "1,60000000");
		}
		settle();
		before = counter(inside, "tx_late");
		KUNIT_EXPECT_TRUE(test, send(inside, 1514));
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(counter(inside, "tx_late") > before));
		/* Five looks more, and once for each queue (IPv6 sends by the other one). */
		send(inside, 1514);
		msleep(1000);
		KUNIT_EXPECT_LE(test, counter(inside, "tx_late"), before + inside->real_num_tx_queues);
		if (i)
			add_backend(test);
		fake_xen_rm(rate);
		settle();
		bring_up(test);
		exchange(test, 1514, 10);
	}
	set_parameter(test, limit, "30000");
}

/* A guest that takes nothing costs a few MB, whatever the queue's discipline would keep for it. */
static void bytes_for_a_guest_that_takes_nothing(struct kunit *test)
{
	struct rtnl_link_stats64 sent_stats, come_stats;
	unsigned int i, sent = 0;
	char limit[100];

	exchange(test, 9000, 10);
	rtnl_lock();
	dev_close(inside);
	rtnl_unlock();
	snprintf(limit, sizeof(limit), "/sys/class/net/%s/tx_queue_len", outside->name);
	set_parameter(test, limit, "10000");
	sent_number &= ~1;
	atomic_set(&freed, 0);
	for (i = 0; i < 1200; i++) {
		struct sk_buff *skb = make(outside, 9000, sent_number += 2);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb->destructor = note_freed;
		sent++;
		dev_queue_xmit(skb);
	}
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE((sent - atomic_read(&freed)) * 9000 < 5u << 20), "%u bytes held",
			      (sent - atomic_read(&freed)) * 9000);
	set_parameter(test, limit, "64");
	bring_up(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&freed) == sent));
	/* What was in the guest's own pages arrives; a packet is counted before the stack has it. */
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(dev_get_stats(inside, &come_stats)->rx_packets ==
					   dev_get_stats(outside, &sent_stats)->tx_packets &&
					   tally(true).good + tally(true).bad == come_stats.rx_packets));
	exchange(test, 9000, 20);
}

/* ---- packets of every shape ---- */

enum { LINEAR, PAGES, EDGES, LIST, CLONED, SHARED, ZEROCOPY, PFMEMALLOC, NR_SHAPES };
enum { NO_WRAP, IN_VLAN, IN_TUNNEL, NR_WRAPS };
enum { TCP4, UDP4, TCP6, UDP6, NR_KINDS };

#define SHAPES_LEN	30000
#define SHAPES_SEGMENT	1448
#define SHAPES_VLAN	5

struct sort {
	unsigned int to_guest, shape, wrap, kind, len;
	u8 summed;
	u16 size;		/* to be cut into such pieces; 0: it is not */
};

/* The packet as it is to be seen on a wire, and where its parts begin. */
static struct image {
	u8 data[SHAPES_LEN];
	unsigned int inner, l4, payload;
	unsigned int sum_at;	/* the checksum, from @l4 on */
	__sum16 blank;		/* what stands there as long as it is open */
} image;

/* What has come of it: headers of the first part, and the data of all. */
static struct seen {
	u8 data[SHAPES_LEN];
	unsigned int packets, len, vlan;
	unsigned int gso_type;
	u16 gso_size;
	u8 summed;
	bool pfmemalloc, odd;
} seen;

static void put_ip4(u8 *at, u8 protocol, unsigned int len)
{
	struct iphdr *ip = (struct iphdr *)at;

	*ip = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 1, .protocol = protocol, .tot_len = htons(len),
		.frag_off = htons(IP_DF), .saddr = htonl(0x0a000001), .daddr = htonl(0x0a000002),
	};
	ip_send_check(ip);
}

static void put_ip6(u8 *at, u8 protocol, unsigned int len)
{
	struct ipv6hdr *ip = (struct ipv6hdr *)at;

	memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->hop_limit = 1;
	ip->nexthdr = protocol;
	ip->payload_len = htons(len - sizeof(*ip));
	ip->saddr.s6_addr[0] = 0xfd;
	ip->daddr.s6_addr[0] = 0xfd;
	ip->daddr.s6_addr[15] = 2;
}

static __sum16 pseudo_sum(bool v6, u8 protocol, unsigned int len, __wsum sum)
{
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(image.data + image.inner);
	struct iphdr *ip = (struct iphdr *)(image.data + image.inner);

	return v6 ? csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len, protocol, sum) :
		    csum_tcpudp_magic(ip->saddr, ip->daddr, len, protocol, sum);
}

static void draw(const struct sort *s)
{
	bool v6 = s->kind >= TCP6, udp = s->kind == UDP4 || s->kind == UDP6;
	unsigned int outer = s->wrap == IN_TUNNEL ? sizeof(struct iphdr) : 0, i, len;
	u8 protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	u8 *data = image.data;

	image.inner = ETH_HLEN + outer;
	image.l4 = image.inner + (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	image.payload = image.l4 + (udp ? sizeof(struct udphdr) : sizeof(struct tcphdr));
	memset(data, 0, image.payload);
	eth_broadcast_addr(data);
	memset(data + ETH_ALEN, 2, ETH_ALEN);
	put_unaligned_be16(v6 && !outer ? ETH_P_IPV6 : ETH_P_IP, data + 2 * ETH_ALEN);
	if (outer)
		put_ip4(data + ETH_HLEN, v6 ? IPPROTO_IPV6 : IPPROTO_IPIP, s->len - ETH_HLEN);
	if (v6)
		put_ip6(data + image.inner, protocol, s->len - image.inner);
	else
		put_ip4(data + image.inner, protocol, s->len - image.inner);
	len = s->len - image.l4;
	if (udp) {
		*(struct udphdr *)(data + image.l4) = (struct udphdr) {
			.source = htons(1), .dest = htons(2), .len = htons(len),
		};
		image.sum_at = offsetof(struct udphdr, check);
	} else {
		*(struct tcphdr *)(data + image.l4) = (struct tcphdr) {
			.source = htons(1), .dest = htons(2), .doff = sizeof(struct tcphdr) / 4, .ack = 1,
		};
		image.sum_at = offsetof(struct tcphdr, check);
	}
	sent_number++;
	for (i = image.payload; i < s->len; i++)
		data[i] = byte_at(sent_number, i);
	image.blank = ~pseudo_sum(v6, protocol, len, 0);
	*(__sum16 *)(data + image.l4 + image.sum_at) =
		pseudo_sum(v6, protocol, len, csum_partial(data + image.l4, len, 0)) ?: CSUM_MANGLED_0;
}

/* What is behind @head bytes, in pages: one each, or pieces that begin and end anywhere. */
static bool hang_pages(struct sk_buff *skb, unsigned int head, unsigned int len, bool edges)
{
	static const unsigned int piece[] = { 1, 4095, 4097, 7, SHAPES_LEN };
	struct page *all = edges ? alloc_pages(GFP_KERNEL | __GFP_COMP, 4) : NULL;
	unsigned int at, i = 0, part;

	if (edges && !all)
		return false;
	if (edges)
		memcpy(page_address(all) + 4000, image.data + head, len - head);
	for (at = head; at < len; at += part, i++) {
		struct page *page = edges ? all : alloc_page(GFP_KERNEL);

		part = min_t(unsigned int, len - at, edges ? piece[i] : PAGE_SIZE);
		if (!page)
			return false;
		if (edges)
			get_page(page);
		else
			memcpy(page_address(page), image.data + at, part);
		skb_add_rx_frag(skb, i, page, edges ? 4000 + at - head : 0, part, PAGE_SIZE);
	}
	if (edges)
		put_page(all);
	return true;
}

/* As GRO makes it: one piece to a buffer. */
static bool hang_list(struct sk_buff *skb, unsigned int head, unsigned int len)
{
	struct sk_buff **next = &skb_shinfo(skb)->frag_list, *part;
	unsigned int at, now;

	for (at = head; at < len; at += now) {
		now = min_t(unsigned int, len - at, SHAPES_SEGMENT);
		part = alloc_skb(now, GFP_KERNEL);
		if (!part)
			return false;
		skb_put_data(part, image.data + at, now);
		*next = part;
		next = &part->next;
		skb->data_len += part->len;
		skb->len += part->len;
		skb->truesize += part->truesize;
	}
	return true;
}

static void zerocopy_over(struct sk_buff *skb, struct ubuf_info *pages, bool success)
{
	refcount_dec(&pages->refcnt);
}

static struct ubuf_info zerocopy_pages = { .callback = zerocopy_over, .flags = SKBFL_ZEROCOPY_FRAG };

static struct sk_buff *shape(const struct sort *s)
{
	unsigned int head = s->shape == LINEAR ? s->len : image.payload;
	struct sk_buff *skb;
	bool ok = true;

	if (s->shape == LIST)
		head = min_t(unsigned int, s->len, image.payload + SHAPES_SEGMENT);
	/* (Memory of so many bytes begins with a page.) */
	skb = alloc_skb(s->shape == EDGES ? 8192 : head + 64, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, s->shape == EDGES ? 4066 : 64);
	skb_put_data(skb, image.data, head);
	if (s->shape == LIST)
		ok = hang_list(skb, head, s->len);
	else if (s->shape != LINEAR)
		ok = hang_pages(skb, head, s->len, s->shape == EDGES);
	if (!ok) {
		kfree_skb(skb);
		return NULL;
	}
	if (s->shape == ZEROCOPY)
		skb_zcopy_set(skb, &zerocopy_pages, NULL);
	skb->pfmemalloc = s->shape == PFMEMALLOC;
	return skb;
}

/* What the stack says of a packet beside its bytes. */
static void describe(struct sk_buff *skb, const struct sort *s, struct net_device *dev)
{
	static const unsigned int gso[] = { SKB_GSO_TCPV4, SKB_GSO_UDP_L4, SKB_GSO_TCPV6, SKB_GSO_UDP_L4 };

	skb_record_rx_queue(skb, 0);
	skb->dev = dev;
	skb->protocol = eth_hdr(skb)->h_proto;
	skb_set_network_header(skb, ETH_HLEN);
	skb_set_transport_header(skb, image.l4);
	if (s->wrap == IN_VLAN)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), SHAPES_VLAN);
	if (s->wrap == IN_TUNNEL) {
		skb_set_transport_header(skb, image.inner);
		skb_set_inner_mac_header(skb, image.inner);
		skb_set_inner_network_header(skb, image.inner);
		skb_set_inner_transport_header(skb, image.l4);
		skb_set_inner_ipproto(skb, s->kind >= TCP6 ? IPPROTO_IPV6 : IPPROTO_IPIP);
		skb->encapsulation = 1;
	}
	skb->ip_summed = s->summed;
	if (s->summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, ETH_HLEN, skb->len - ETH_HLEN, 0);
	if (s->summed == CHECKSUM_PARTIAL) {
		*(__sum16 *)(skb->data + image.l4 + image.sum_at) = image.blank;
		skb->csum_start = skb_headroom(skb) + image.l4;
		skb->csum_offset = image.sum_at;
	}
	if (s->size) {
		skb_shinfo(skb)->gso_size = s->size;
		skb_shinfo(skb)->gso_type = gso[s->kind] | (s->wrap == IN_TUNNEL ? SKB_GSO_IPXIP4 : 0);
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(s->len - image.payload, s->size);
	}
}

static int see(struct sk_buff *skb, struct net_device *dev, struct packet_type *type, struct net_device *orig)
{
	unsigned int headers = image.payload - ETH_HLEN;
	struct sk_buff *copy;

	/* (IPv6 has something to say, too.) */
	if (skb->pkt_type == PACKET_OUTGOING || eth_hdr(skb)->h_source[0] != 2)
		goto out;
	spin_lock_bh(&got_lock);
	copy = skb_copy(skb, GFP_ATOMIC);
	if (!copy || copy->len < headers || seen.len + copy->len > sizeof(seen.data)) {
		seen.odd = true;
	} else {
		skb_gso_reset(copy);
		if (copy->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(copy))
			seen.odd = true;
		if (!seen.packets++)
			memcpy(seen.data, copy->data, headers);
		memcpy(seen.data + headers + seen.len, copy->data + headers, copy->len - headers);
		seen.summed = skb->ip_summed;
		seen.gso_size = skb_shinfo(skb)->gso_size;
		seen.gso_type = skb_shinfo(skb)->gso_type;
		seen.vlan = skb_vlan_tag_present(skb) ? skb_vlan_tag_get(skb) : 0;
		seen.pfmemalloc |= skb->pfmemalloc;
		/* Last: it is waited for. */
		smp_store_release(&seen.len, seen.len + copy->len - headers);
	}
	kfree_skb(copy);
	spin_unlock_bh(&got_lock);
out:
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

/* Whether the sender's stack cuts it. */
static bool is_cut(const struct sort *s)
{
	return s->size && (s->wrap != NO_WRAP || s->kind == UDP4 || s->kind == UDP6 ||
			   (s->shape == LIST && !s->to_guest));
}

static void try(struct kunit *test, const struct sort *s)
{
	struct net_device *dev = s->to_guest ? outside : inside;
	struct sk_buff *skb, *also = NULL;
	unsigned int headers;
	bool right;

	draw(s);
	headers = image.payload - ETH_HLEN;
	memset(&seen, 0, sizeof(seen));
	refcount_set(&zerocopy_pages.refcnt, 1);
	skb = shape(s);
	if (!skb) {
		KUNIT_FAIL(test, "no memory");
		return;
	}
	skb_reset_mac_header(skb);
	describe(skb, s, dev);
	if (s->shape == CLONED)
		also = skb_clone(skb, GFP_KERNEL);
	else if (s->shape == SHARED)
		also = skb_get(skb);
	right = dev_queue_xmit(skb) == NET_XMIT_SUCCESS;
	/* Pairs with see(). */
	right = right && COMES_TRUE(smp_load_acquire(&seen.len) >= s->len - image.payload);
	kfree_skb(also);
	right = right && !seen.odd && seen.len == s->len - image.payload && !seen.pfmemalloc &&
		seen.vlan == (s->wrap == IN_VLAN ? SHAPES_VLAN : 0) &&
		!memcmp(seen.data + headers, image.data + image.payload, seen.len);
	if (!is_cut(s))
		right = right && seen.packets == 1 && !memcmp(seen.data, image.data + ETH_HLEN, headers) &&
			seen.gso_size == s->size &&
			(!s->size || seen.gso_type & (s->kind == TCP4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6)) &&
			(s->summed != CHECKSUM_PARTIAL || s->wrap != NO_WRAP || seen.summed == CHECKSUM_PARTIAL) &&
			(s->summed == CHECKSUM_PARTIAL || seen.summed != CHECKSUM_PARTIAL);
	right = right && COMES_TRUE(refcount_read(&zerocopy_pages.refcnt) == 1);
	KUNIT_EXPECT_TRUE_MSG(test, right,
			      "to guest %u, shape %u, wrap %u, kind %u, %u bytes, summed %u, cut %u: %u packets, %u bytes, vlan %u, gso %u %x, summed %u, refs %u",
			      s->to_guest, s->shape, s->wrap, s->kind, s->len, s->summed, s->size, seen.packets,
			      seen.len, seen.vlan, seen.gso_size, seen.gso_type, seen.summed,
			      refcount_read(&zerocopy_pages.refcnt));
}

static void try_lengths(struct kunit *test, struct sort s)
{
	static const unsigned int len[] = { 120, 1514, 9000 };
	static const u8 summed[] = { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL };
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(summed); k++) {
		s.summed = summed[k];
		for (i = 0; i < ARRAY_SIZE(len); i++) {
			s.len = len[i];
			try(test, &s);
		}
	}
	/* Datagrams are cut by the protocol's own code, if the kernel has it. */
	if (s.kind == UDP6 && !IS_ENABLED(CONFIG_IPV6))
		return;
	s.len = SHAPES_LEN;
	s.size = SHAPES_SEGMENT;
	try(test, &s);
}

/* Each shape that the stack makes, with each of the things that it says of a packet: bytes and these are right. */
static void every_shape(struct kunit *test)
{
	struct packet_type type = { .type = htons(ETH_P_ALL), .func = see };
	struct sort s = { };

	dev_add_pack(&type);
	for (s.to_guest = 0; s.to_guest < 2; s.to_guest++)
		for (s.shape = 0; s.shape < NR_SHAPES; s.shape++)
			for (s.wrap = 0; s.wrap < NR_WRAPS; s.wrap++)
				for (s.kind = 0; s.kind < NR_KINDS; s.kind++)
					/* A vif takes no shared ones. */
					if (s.shape != SHARED || !s.to_guest)
						try_lengths(test, s);
	dev_remove_pack(&type);
}

/* ---- packets in bursts ---- */

static struct sk_buff_head burst;
static atomic_t burst_taken;

/* In soft interrupt, where a bridge passes on one packet after the other. */
static void send_burst(struct tasklet_struct *unused)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&burst)))
		if (dev_queue_xmit(skb) == NET_XMIT_SUCCESS)
			atomic_inc(&burst_taken);
}

static DECLARE_TASKLET(burst_tasklet, send_burst);

/* @nr packets for the vif's first queue. */
static void make_burst(struct kunit *test, unsigned int len, unsigned int nr)
{
	while (nr--) {
		struct sk_buff *skb = make(outside, len, sent_number += 2);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		__skb_queue_tail(&burst, skb);
	}
}

/* More than the ring and the queue hold, from both contexts: what was taken arrives, and no timer helps. */
static void no_burst_is_lost(struct kunit *test)
{
	static const unsigned int len[] = { 60, 1514, 4097, 20000 };
	unsigned int i, taken;

	sent_number &= ~1;
	for (i = 0; i < 60; i++) {
		zero();
		atomic_set(&burst_taken, 0);
		taken = 0;
		__skb_queue_head_init(&burst);
		make_burst(test, len[i % 4], i % 4 == 3 ? 40 : 30 + i * 5);
		tasklet_schedule(&burst_tasklet);
		while (taken < i % 7)
			taken += send_one(outside, len[i % 3]);
		tasklet_kill(&burst_tasklet);
		taken += atomic_read(&burst_taken);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(true).good == taken), "round %u: %u of %u", i,
				      tally(true).good, taken);
		KUNIT_EXPECT_EQ(test, tally(true).bad, 0);
	}
}

/* Packets that follow each other are shown to the guest together, and with one event. */
static void bursts_are_published_once(struct kunit *test)
{
	static const unsigned int len[] = { 60, 1514, 9000 };
	u64 publishes, kicks;
	unsigned int i;

	sent_number &= ~1;
	__skb_queue_head_init(&burst);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		exchange(test, len[i], 20);
		msleep(20);
		zero();
		make_burst(test, len[i], 32);
		publishes = counter(outside, "publishes");
		kicks = counter(outside, "kicks");
		tasklet_schedule(&burst_tasklet);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(true).good == 32));
		/* (IPv6 may have something to say.) */
		KUNIT_EXPECT_LE_MSG(test, counter(outside, "publishes") - publishes, 4ull, "%u bytes", len[i]);
		KUNIT_EXPECT_LE_MSG(test, counter(outside, "kicks") - kicks, 4ull, "%u bytes", len[i]);
	}
}

/* What has waited in the queue goes together, also where a process sends it. */
static void backlog_is_published_once(struct kunit *test)
{
	struct netdev_queue *txq = netdev_get_tx_queue(outside, 0);
	struct sk_buff *skb;
	u64 publishes;

	exchange(test, 1514, 20);
	msleep(20);
	zero();
	sent_number &= ~1;
	__skb_queue_head_init(&burst);
	make_burst(test, 1514, 33);
	__netif_tx_lock_bh(txq);
	netif_tx_stop_queue(txq);
	__netif_tx_unlock_bh(txq);
	while (burst.qlen > 1)
		KUNIT_EXPECT_EQ(test, dev_queue_xmit(__skb_dequeue(&burst)), NET_XMIT_SUCCESS);
	publishes = counter(outside, "publishes");
	skb = __skb_dequeue(&burst);
	netif_tx_start_queue(txq);
	KUNIT_EXPECT_EQ(test, dev_queue_xmit(skb), NET_XMIT_SUCCESS);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(tally(true).good == 33));
	KUNIT_EXPECT_LE(test, counter(outside, "publishes") - publishes, 4ull);
}

/* What netpoll does when a queue is full: it looks whether something is done, in its own context. */
static void poll_for_nothing(struct net_device *dev)
{
	struct napi_struct *napi;

	list_for_each_entry(napi, &dev->napi_list, dev_list) {
		if (test_and_set_bit(NAPI_STATE_NPSVC, &napi->state))
			continue;
		napi->poll(napi, 0);
		clear_bit(NAPI_STATE_NPSVC, &napi->state);
	}
}

static bool send_unless_locked(struct sk_buff *skb, struct netdev_queue *txq)
{
	bool sent;

	if (!__netif_tx_trylock(txq))
		return false;
	sent = !netif_xmit_stopped(txq) && netdev_start_xmit(skb, skb->dev, txq, false) == NETDEV_TX_OK;
	__netif_tx_unlock(txq);
	return sent;
}

/* As netpoll sends the lines of a console: interrupts are off, and whoever was interrupted may have the lock. */
static bool send_from_anywhere(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	unsigned long flags;
	bool sent;

	skb_set_queue_mapping(skb, 0);
	local_irq_save(flags);
	sent = send_unless_locked(skb, netdev_get_tx_queue(dev, 0));
	if (!sent)
		poll_for_nothing(dev);
	local_irq_restore(flags);
	if (!sent)
		kfree_skb(skb);
	return sent;
}

static void row15_xsa424_console(struct kunit *test)
{
	unsigned int dir, i, sent, busy;

	for (dir = 0; dir < 2; dir++) {
		sent = 0;
		busy = 0;
		zero();
		for (i = 0; i < 600; i++) {
			struct sk_buff *skb = make(dir ? outside : inside, i & 1 ? 200 : 9000, ++sent_number);

			KUNIT_ASSERT_NOT_NULL(test, skb);
			if (send_from_anywhere(skb))
				sent++;
			else
				busy++;
			/* Others send, too. */
			if (i % 50 == 49)
				sent += send_one(dir ? outside : inside, 1514);
		}
		KUNIT_EXPECT_GT(test, sent, 100);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(dir).good == sent),
				      "direction %u: %u of %u, %u were not taken", dir, tally(dir).good, sent,
				      busy);
		KUNIT_EXPECT_EQ(test, tally(dir).bad, 0);
	}
	exchange(test, 1514, 10);
}

/* Everybody looks at their rings. */
static void wake_all(void)
{
	evtchn_port_t port;

	for (port = 1; port < 64; port++)
		fake_xen_kick_async(port);
}

#ifdef CONFIG_TRACEPOINTS
static const u8 group[ETH_ALEN] = { 0x01, 0, 0x5e, 0, 0, 77 };
static atomic_t freed_beside;

/* The list of groups is freed, and not by the work that walks through it, which may run at any time. */
static void list_is_freed(void *unused, unsigned long caller, const void *ptr)
{
	char name[KSYM_SYMBOL_LEN];

	if (current->flags & PF_WQ_WORKER || strncmp(current->comm, "pv-vif-0", 8))
		return;
	/* (The module's name follows.) */
	sprint_symbol_no_offset(name, caller);
	if (strstarts(name, "netfront_mcast_forget"))
		atomic_inc(&freed_beside);
}

/* Another backend goes on with the rings: the list of groups that the former one knew is only one's at a time. */
static void groups_and_another_backend(struct kunit *test)
{
	exchange(test, 1514, 5);
	atomic_set(&freed_beside, 0);
	KUNIT_EXPECT_EQ(test, dev_mc_add(inside, group), 0);
	/* The backend is told. */
	msleep(100);
	KUNIT_ASSERT_EQ(test, register_trace_kfree(list_is_freed, NULL), 0);
	restart_backend(test, false);
	unregister_trace_kfree(list_is_freed, NULL);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, atomic_read(&freed_beside), 0);
	dev_mc_del(inside, group);
	exchange(test, 1514, 20);
}
#endif

/* A program comes while the backend is being replaced: the new one finds a frontend that asks for something. */
static void asked_between_backends(struct kunit *test)
{
	struct bpf_prog *prog = make_program(test);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		outside = NULL;
		fake_xen_remove_device(back);
		back = NULL;
		settle();
		attach(test, i ? NULL : prog, XDP_DROP);
		settle();
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(state_is(front_path, XenbusStateReconfiguring)));
		add_backend(test);
		settle();
		bring_up(test);
		exchange(test, 1514, 10);
		KUNIT_EXPECT_EQ(test, !(outside->features & NETIF_F_TSO), !i);
	}
	bpf_prog_free(prog);
}

/* A backend goes in the middle of a packet: the next one's first packet is not its end. */
static void half_a_packet(struct kunit *test)
{
	struct pv_ring_shared *ring;
	struct xen_netif_rx_response rsp;
	union {
		struct xen_netif_rx_request req;
		struct xen_netif_rx_response rsp;
	} *slot;

	exchange(test, 1514, 10);
	outside = NULL;
	fake_xen_remove_device(back);
	back = NULL;
	settle();
	ring = shared("rx-ring-ref");
	KUNIT_ASSERT_NOT_NULL(test, ring);
	slot = (void *)ring->slot;
	slot += READ_ONCE(ring->rsp_prod) % 256;
	rsp = (struct xen_netif_rx_response) {
		.id = slot->req.id, .flags = XEN_NETRXF_more_data, .status = 500,
	};
	slot->rsp = rsp;
	/* The slot before the index, as a backend does. */
	smp_wmb();
	WRITE_ONCE(ring->rsp_prod, READ_ONCE(ring->rsp_prod) + 1);
	wake_all();
	msleep(20);
	add_backend(test);
	settle();
	bring_up(test);
	exchange(test, 1514, 10);
	exchange(test, 9000, 10);
}

static void answer_late(enum fake_xen_op op, void *arg, void *data)
{
	unsigned int *nr = data;

	/* Where the control ring's request is served: that maps more than the rings. */
	if (op == FAKE_XEN_MAP && ++*nr == 100)
		msleep(2600);
}

static int hash_by_address(void)
{
	struct ethtool_rxnfc nfc = {
		.cmd = ETHTOOL_SRXFH, .flow_type = UDP_V4_FLOW, .data = RXH_IP_SRC | RXH_IP_DST,
	};
	int err;

	rtnl_lock();
	err = inside->ethtool_ops->set_rxnfc(inside, &nfc);
	rtnl_unlock();
	return err;
}

/* The answer to a request of the control ring comes late: it is not the last that is asked and answered. */
static void late_answer(struct kunit *test)
{
	unsigned int nr = 0;

	unplug_pair();
	fake_xen_on_op(answer_late, &nr);
	add_backend(test);
	add_frontend(test);
	COMES_TRUE(states_are(XenbusStateConnected));
	bring_up(test);
	fake_xen_on_op(NULL, NULL);
	exchange(test, 1514, 20);
	exchange(test, 9000, 20);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!hash_by_address()));
	/* Nor does the backend keep what it was told meanwhile. */
	set_key(back_path, "online", "0");
	set_key(back_path, "state", "5");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(state_is(front_path, XenbusStateClosed)));
	KUNIT_EXPECT_LT(test, fake_xen_counts.deferred, 64ul);
	replace_pair(test);
	exchange(test, 1514, 5);
}

static void answer_slowly(enum fake_xen_op op, void *arg, void *data)
{
	if (op == FAKE_XEN_COPY)
		msleep(1800);
}

/* A backend that takes just as long as it may, with each of several requests: rtnl is not held that long. */
static void slow_answers(struct kunit *test)
{
	unsigned long start;

	KUNIT_EXPECT_EQ(test, hash_by_address(), 0);
	fake_xen_on_op(answer_slowly, NULL);
	start = jiffies;
	hash_by_address();
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 2500u);
	fake_xen_on_op(NULL, NULL);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!hash_by_address()));
	exchange(test, 1514, 5);
}

/* A peer that is only confused comes back at once: what counts is that the link went down. */
static bool gives_up(struct net_device *dev, int before)
{
	wake_all();
	return atomic_read(&dev->carrier_down_count) != before;
}

/* The guest says that it has sent more than a ring holds, or offered more slots. */
static void row1_xsa39_req_prod_beyond(struct kunit *test)
{
	static const char * const key[] = { "tx-ring-ref", "tx-ring-ref", "rx-ring-ref" };
	static const u32 beyond[] = { 257, 1U << 31, 257 };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		struct pv_ring_shared *ring = shared(key[i]);
		int before = atomic_read(&outside->carrier_down_count);
		unsigned long until = jiffies + 5 * HZ;

		KUNIT_ASSERT_NOT_NULL(test, ring);
		exchange(test, 1514, 6);
		/* The guest may have left and freed it before this has seen that the backend gives up. */
		get_page(virt_to_page(ring));
		do {
			/* The backend looks when it needs slots; the frontend's own index comes in between. */
			if (i == 2)
				send_one(outside, 20000);
			for (n = 0; n < 50; n++) {
				WRITE_ONCE(ring->req_prod, READ_ONCE(ring->rsp_prod) + beyond[i]);
				udelay(2);
			}
			usleep_range(100, 200);
		} while (!gives_up(outside, before) && time_before(jiffies, until));
		put_page(virt_to_page(ring));
		KUNIT_EXPECT_NE_MSG(test, atomic_read(&outside->carrier_down_count), before, "%s + %u", key[i],
				    beyond[i]);
		replace_pair(test);
	}
	exchange(test, 1514, 6);
}

/* The backend says that it has answered more than was asked. */
static void row23_xsa376_rsp_prod_beyond(struct kunit *test)
{
	static const char * const key[] = { "tx-ring-ref", "rx-ring-ref" };
	char rate[FAKE_XEN_PATH_LEN + 8];
	unsigned int i;

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	for (i = 0; i < ARRAY_SIZE(key); i++) {
		struct pv_ring_shared *ring = shared(key[i]);
		int before = atomic_read(&inside->carrier_down_count);
		unsigned int k;

		KUNIT_ASSERT_NOT_NULL(test, ring);
		exchange(test, 1514, 6);
		/* The frontend looks when something is on its way: without credit that stays there. */
		fake_xen_write(rate, "1,60000000");
		settle();
		for (k = 0; k < 4; k++)
			send_one(inside, 1514);
		msleep(20);
		WRITE_ONCE(ring->rsp_prod, READ_ONCE(ring->req_prod) + 1);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(gives_up(inside, before)), "%s", key[i]);
		fake_xen_rm(rate);
		replace_pair(test);
	}
	exchange(test, 1514, 6);
}

/* What a guest may send is one limit: a flow, which has one queue, may have all of it. */
static void rate_is_the_vifs(struct kunit *test)
{
	char rate[FAKE_XEN_PATH_LEN + 8];
	unsigned int i;

	snprintf(rate, sizeof(rate), "%s/rate", back_path);
	/* 400 of these packets in a minute */
	fake_xen_write(rate, "400000,60000000");
	restart_backend(test, true);
	zero();
	for (i = 0; i < 450; i++) {
		struct sk_buff *skb = make(inside, 1000, sent_number += 2);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		dev_queue_xmit(skb);
		if (i % 16 == 15)
			usleep_range(500, 1000);
	}
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(tally(false).good > 350), "%u have come", tally(false).good);
	msleep(100);
	KUNIT_EXPECT_LE(test, tally(false).good, 400);
	fake_xen_rm(rate);
	replace_pair(test);
	exchange(test, 1514, 6);
}

/* Events, and nothing in the rings: each has its EOI, which says so. */
static void row22_xsa391_event_storm(struct kunit *test)
{
	struct fake_xen_counts before;
	unsigned int i;

	exchange(test, 1514, 5);
	msleep(50);
	before = fake_xen_counts;
	for (i = 0; i < 200; i++) {
		wake_all();
		usleep_range(50, 100);
	}
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	KUNIT_EXPECT_GT(test, fake_xen_counts.eois - before.eois, 200ul);
	KUNIT_EXPECT_GE(test, (fake_xen_counts.spurious_eois - before.spurious_eois) * 10,
			(fake_xen_counts.eois - before.eois) * 9);
	exchange(test, 1514, 20);
	KUNIT_EXPECT_TRUE(test, states_are(XenbusStateConnected));
}

static void unplug_with_packets(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 40; i++)
		send_one(i & 1 ? inside : outside, 9000);
	/* (What arrives until then is told apart by the interface.) */
	fake_xen_remove_device(front);
	front = NULL;
	inside = NULL;
	KUNIT_EXPECT_EQ(test, tally(0).bad, 0);
	KUNIT_EXPECT_EQ(test, tally(1).bad, 0);
}

/*
 * The toolstack takes the interface, as xl does: the frontend lets go first, of pages that the backend still maps. They
 * are back soon, and not ten a second: few (those of the rings) are left to Xen support.
 */
static void unplugged_by_the_toolstack(struct kunit *test)
{
	exchange(test, 1514, 20);
	set_key(back_path, "online", "0");
	set_key(back_path, "state", "5");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(state_is(front_path, XenbusStateClosed)));
	KUNIT_EXPECT_LT(test, fake_xen_counts.deferred, 64ul);
	unplug_pair();
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
}

/* The other domain maps all that it can reach, or lets go of it. */
static void map_all(bool in_use)
{
	static DECLARE_BITMAP(mapped, 8192);
	grant_ref_t ref;

	for (ref = 0; in_use && ref < 8192; ref++)
		if (fake_xen_granted_page(ref) && fake_xen_granted_to(ref) == FAKE_XEN_BACK_DOMID)
			__set_bit(ref, mapped);
	for_each_set_bit(ref, mapped, 8192)
		fake_xen_peer_holds(ref, in_use);
	if (!in_use)
		bitmap_zero(mapped, 8192);
}

/* A backend that lets go of nothing gets no more, however often it comes back; until it does. */
static void pages_are_kept(struct kunit *test)
{
	static const char limit[] = "/sys/module/pv_ring/parameters/max_kept_pages";
	unsigned int i;

	set_parameter(test, limit, "1000");
	for (i = 0; i < 5 && states_are(XenbusStateConnected); i++) {
		map_all(true);
		unplug_pair();
		add_backend(test);
		add_frontend(test);
		COMES_TRUE(states_are(XenbusStateConnected) || state_is(front_path, XenbusStateClosed));
	}
	KUNIT_EXPECT_LT(test, i, 5);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "keeps"));
	map_all(false);
	bring_up(test);
	exchange(test, 1514, 20);
	set_parameter(test, limit, "16384");
}

/* The drivers go, not the device: what they wrote is not left to whoever comes in their place. */
static void keys_are_taken_back(struct kunit *test)
{
	KUNIT_ASSERT_FALSE(test, key_is(front_path, "multi-queue-num-queues", ""));
	KUNIT_ASSERT_FALSE(test, key_is(front_path, "ctrl-ring-ref", ""));
	KUNIT_ASSERT_FALSE(test, key_is(back_path, "multi-queue-max-queues", ""));
	device_release_driver(&front->dev);
	expect_only(test, front_path, " backend backend-id state mac ");
	device_release_driver(&back->dev);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "multi-queue-max-queues"), "");
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "feature-ctrl-ring"), "");
}

static struct kunit_case staging_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(every_shape),
	KUNIT_CASE(lists_of_buffers),
	KUNIT_CASE(tiny_segments),
	KUNIT_CASE(probe_fails),
	KUNIT_CASE(warm_path_is_free_of_grant_calls),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(counters_never_go_back),
	KUNIT_CASE(mapping_is_refused),
	KUNIT_CASE(grants_are_short),
	KUNIT_CASE(program_has_no_offloads),
	KUNIT_CASE(program_and_an_old_backend),
	KUNIT_CASE(programs_of_the_vif),
	KUNIT_CASE(programs_of_the_vif_come_and_go),
	KUNIT_CASE(frames_to_the_guest),
	KUNIT_CASE(frames_fill_the_ring),
	KUNIT_CASE(udev_is_told),
	KUNIT_CASE(streams_are_merged),
	KUNIT_CASE(as_other_drivers_have_it),
	KUNIT_CASE(cpus_have_their_queues),
	KUNIT_CASE(queues_are_seen_at_once),
	KUNIT_CASE(events_by_queue),
	KUNIT_CASE(ethtool_shows_what_it_sets),
	KUNIT_CASE(hash_as_ethtool_sets_it),
	KUNIT_CASE(sockets_get_time_stamps),
	KUNIT_CASE(answer_is_late),
	KUNIT_CASE(bytes_for_a_guest_that_takes_nothing),
	KUNIT_CASE(bursts_are_published_once),
	KUNIT_CASE(backlog_is_published_once),
	KUNIT_CASE(no_burst_is_lost),
	KUNIT_CASE(keys_are_taken_back),
	KUNIT_CASE(row15_xsa424_console),
#ifdef CONFIG_TRACEPOINTS
	KUNIT_CASE(groups_and_another_backend),
#endif
	KUNIT_CASE(asked_between_backends),
	KUNIT_CASE(row4_xsa216_rest_of_the_slot),
	KUNIT_CASE(half_a_packet),
	KUNIT_CASE(late_answer),
	KUNIT_CASE(slow_answers),
	KUNIT_CASE(row1_xsa39_req_prod_beyond),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row18_cve_2026_99286_connect_fails),
	KUNIT_CASE(row19_statistics_while_it_cycles),
	KUNIT_CASE(row22_xsa391_event_storm),
	KUNIT_CASE(rate_is_the_vifs),
	KUNIT_CASE(row23_xsa376_rsp_prod_beyond),
	KUNIT_CASE(row28_xsa465_removed_after_resume),
	KUNIT_CASE(unplug_with_packets),
	KUNIT_CASE(unplugged_by_the_toolstack),
	KUNIT_CASE(pages_are_kept),
	KUNIT_CASE(each_refusal_at_restart),
	KUNIT_CASE(each_refusal_to_a_new_backend),
	{}
};

static struct kunit_suite staging_suite = {
	.name = "net_pair_staging",
	.init = pair_init,
	.exit = pair_exit,
	.test_cases = staging_cases,
};

static struct kunit_case granting_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(every_shape),
	KUNIT_CASE(lists_of_buffers),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(one_slot_a_packet),
	KUNIT_CASE(down_with_packets),
	KUNIT_CASE(rate_cannot_be_read),
	KUNIT_CASE(bytes_for_a_guest_that_takes_nothing),
	KUNIT_CASE(program_has_no_offloads),
	KUNIT_CASE(program_and_an_old_backend),
	KUNIT_CASE(programs_of_the_vif),
	KUNIT_CASE(programs_of_the_vif_come_and_go),
	KUNIT_CASE(frames_to_the_guest),
	KUNIT_CASE(packets_are_counted_not_slots),
	KUNIT_CASE(vif_is_down),
	KUNIT_CASE(streams_are_merged),
	KUNIT_CASE(bursts_are_published_once),
	KUNIT_CASE(backlog_is_published_once),
	KUNIT_CASE(no_burst_is_lost),
	KUNIT_CASE(row15_xsa424_console),
	KUNIT_CASE(row12_xsa362_xen_refuses),
	KUNIT_CASE(pages_are_paged_out),
	KUNIT_CASE(row23_xsa376_rsp_prod_beyond),
	KUNIT_CASE(unplug_with_packets),
	{}
};

static struct kunit_suite granting_suite = {
	.name = "net_pair_granting",
	.init = granting_init,
	.exit = pair_exit,
	.test_cases = granting_cases,
};

static struct kunit_case bouncing_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(every_shape),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(unplug_with_packets),
	{}
};

static struct kunit_suite bouncing_suite = {
	.name = "net_pair_bouncing",
	.init = bouncing_init,
	.exit = pair_exit,
	.test_cases = bouncing_cases,
};

kunit_test_suites(&staging_suite, &granting_suite, &bouncing_suite);

MODULE_DESCRIPTION("Tests of the network pair");
MODULE_LICENSE("GPL");
