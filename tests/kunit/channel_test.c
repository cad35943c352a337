// SPDX-License-Identifier: GPL-2.0
/*
 * Event channels: who is woken when, what is acknowledged how, and that no entry waits for an event that never comes.
 *
 * The channel under test is a backend's; the case is the frontend.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/sched.h>

#define HELPERS_WANT_DEVICE
#include "channel.h"
#include "helpers.h"
#include "ring.h"

#define STRIDE 112
#define SIZE 32

struct rig {
	struct pv_device *pd;
	void *mem;
	struct pv_ring front, back;
	struct pv_stats front_stats, back_stats;
	struct pv_channel ch;
	evtchn_port_t port;		/* the frontend's */

	/* What the consumer does, and what it saw. */
	unsigned int share;		/* entries a call; 0: all */
	atomic_t blocked;
	atomic_t runs, consumed, idles;
	atomic_t inside;
	bool overlapped, slept, irqs_off;
};

static enum pv_consumed consume(struct pv_channel *ch)
{
	struct rig *rig = container_of(ch, struct rig, ch);
	u32 n = pv_ring_pending(&rig->back), i;
	u8 entry[STRIDE];

	if (atomic_inc_return(&rig->inside) != 1)
		rig->overlapped = true;
	if (irqs_disabled())
		rig->irqs_off = true;
	atomic_inc(&rig->runs);
	if (atomic_read(&rig->blocked)) {
		atomic_dec(&rig->inside);
		return PV_BLOCKED;
	}
	if (rig->share)
		n = min(n, rig->share);
	for (i = 0; i < n; i++) {
		pv_ring_get(&rig->back, entry, STRIDE);
		pv_ring_put(&rig->back, entry, STRIDE);
	}
	if (ch->config.context == PV_THREAD && rig->slept)
		usleep_range(50, 100);
	if (n)
		pv_ring_publish(&rig->back);
	atomic_add(n, &rig->consumed);
	atomic_dec(&rig->inside);
	return rig->share && pv_ring_pending(&rig->back) ? PV_AGAIN : PV_DRAINED;
}

static void idle(struct pv_channel *ch)
{
	atomic_inc(&container_of(ch, struct rig, ch)->idles);
}

static struct pv_channel_config config_of(struct rig *rig, enum pv_context context)
{
	return (struct pv_channel_config) {
		.name = "kunit",
		.ring = &rig->back,
		.stats = &rig->back_stats,
		.context = context,
		.consume = consume,
		.remote_port = rig->port,
	};
}

static struct rig *new_rig(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->mem = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig->mem);
	pv_ring_init_front(&rig->front, rig->mem, 1, STRIDE, &rig->front_stats);
	KUNIT_ASSERT_EQ(test, pv_ring_init_back(&rig->back, rig->mem, 1, STRIDE, &rig->back_stats), 0);
	rig->pd = lone_device(test, PV_BACK);
	rig->port = fake_xen_peer_port();
	return rig;
}

/* Opens and starts the channel, and waits for the event that Xen sends with the binding. */
static void open(struct kunit *test, struct rig *rig, const struct pv_channel_config *config)
{
	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, config), 0);
	pv_channel_start(&rig->ch);
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(fake_xen_counts.eois == 1), "%lu upcalls, %lu EOIs, %u runs",
			      fake_xen_counts.upcalls, fake_xen_counts.eois, atomic_read(&rig->runs));
	/* The thread may be on its way to sleep. */
	msleep(20);
}

static struct rig *open_rig(struct kunit *test, enum pv_context context)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, context);

	open(test, rig, &config);
	return rig;
}

static void close(struct kunit *test, struct rig *rig)
{
	pv_channel_close(&rig->ch);
	KUNIT_EXPECT_FALSE(test, rig->overlapped);
	KUNIT_EXPECT_FALSE(test, rig->irqs_off);
}

static u32 reap(struct rig *rig)
{
	u32 n = pv_ring_pending(&rig->front), i;
	u8 entry[STRIDE];

	for (i = 0; i < n; i++)
		pv_ring_get(&rig->front, entry, STRIDE);
	return n;
}

/* Puts @n requests; says whether a kick is due. */
static bool put(struct rig *rig, u32 n)
{
	u8 entry[STRIDE] = {};

	while (n--)
		pv_ring_put(&rig->front, entry, STRIDE);
	return pv_ring_publish(&rig->front);
}

static const enum pv_context contexts[] = { PV_SOFTIRQ, PV_THREAD };

static void context_name(const enum pv_context *context, char *desc)
{
	strscpy(desc, *context == PV_SOFTIRQ ? "softirq" : "thread", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(context, contexts, context_name);
#define CONTEXT (*(const enum pv_context *)test->param_value)

static void drains_then_acknowledges(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int n;

	for (n = 1; n <= SIZE; n++) {
		unsigned long eois = fake_xen_counts.eois, spurious = fake_xen_counts.spurious_eois;

		KUNIT_ASSERT_TRUE_MSG(test, put(rig, n), "asleep: the first of %u entries must kick", n);
		KUNIT_ASSERT_EQ(test, fake_xen_kick(rig->port), 0);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == eois + 1));
		KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, spurious);
		KUNIT_EXPECT_EQ(test, reap(rig), n);
		KUNIT_EXPECT_FALSE(test, fake_xen_awaits_eoi(rig->ch.irq));
	}
	KUNIT_EXPECT_EQ(test, rig->back_stats.upcalls, SIZE + 1);
	close(test, rig);
}

static void noise_is_spurious(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int i;

	/* The one of the binding had no work either. */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 1);
	KUNIT_EXPECT_EQ(test, rig->back_stats.spurious, 1);
	for (i = 2; i < 10; i++) {
		KUNIT_ASSERT_EQ(test, fake_xen_kick(rig->port), 0);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == i));
		KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, i);
	}
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(rig->back_stats.spurious == 9));
	/* And one with work, in between, is not. */
	put(rig, 1);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 10));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 9);
	close(test, rig);
}

/* Somebody else (a wake-up, a poller) took what the upcall announces: the peer has done nothing wrong. */
static void work_done_before_is_not_spurious(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);

	put(rig, 3);
	pv_channel_wake(&rig->ch);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 3));
	msleep(20);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.eois, 1);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 2));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 1);
	/* Once only. */
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 3));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 2);
	close(test, rig);
}

/* A consumer that does a share at a time gets all of it done, and one EOI at the end. */
static void again_until_drained(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int runs = atomic_read(&rig->runs);

	rig->share = 3;
	put(rig, SIZE);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 2));
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->consumed), SIZE);
	KUNIT_EXPECT_GE(test, atomic_read(&rig->runs) - runs, DIV_ROUND_UP(SIZE, 3));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.upcalls, 2);
	close(test, rig);
}

/* Without the means to go on, nothing is acknowledged: the peer is not asked for more. */
static void blocked_until_woken(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int runs;

	atomic_set(&rig->blocked, 1);
	put(rig, 5);
	fake_xen_kick(rig->port);
	msleep(50);
	runs = atomic_read(&rig->runs);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.eois, 1);
	KUNIT_EXPECT_TRUE(test, fake_xen_awaits_eoi(rig->ch.irq));
	/* The peer's noise does not run it. */
	fake_xen_kick(rig->port);
	msleep(50);
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->runs), runs);
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->consumed), 0);

	atomic_set(&rig->blocked, 0);
	pv_channel_wake(&rig->ch);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 5));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois >= 2));
	close(test, rig);
}

/* A producer that kicks only when it is asked to, against a consumer that sleeps whenever it may. */
static void no_entry_is_forgotten(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int sent = 0, reaped = 0, kicks = 0, total = 3000;
	u32 seed = 4711;

	rig->slept = true;
	rig->share = 7;
	while (reaped < total) {
		unsigned int n, stuck = jiffies;

		seed = seed * 1103515245 + 12345;
		n = min3(pv_ring_room(&rig->front), (seed >> 16) % SIZE + 1, total - sent);
		sent += n;
		if (n && put(rig, n)) {
			fake_xen_kick_async(rig->port);
			kicks++;
		}
		if ((seed >> 8) % 4 == 0)
			udelay(seed % 100);
		/* Sometimes let it drain and fall asleep. */
		while ((pv_ring_room(&rig->front) == 0 || sent == total || (seed >> 20) % 16 == 0) && reaped < sent) {
			reaped += reap(rig);
			if (time_after(jiffies, (unsigned long)stuck + 10 * HZ))
				break;
			usleep_range(20, 50);
		}
		KUNIT_ASSERT_FALSE_MSG(test, time_after(jiffies, (unsigned long)stuck + 10 * HZ),
				       "%u of %u entries wait, and nobody comes", sent - reaped, sent);
		reaped += reap(rig);
	}
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == total));
	/* One event per entry would be no hold-off. */
	KUNIT_EXPECT_LT(test, kicks, total / 2);
	close(test, rig);
}

/* Open and start are two steps: an event in between waits. */
static void waits_for_start(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_THREAD);

	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	put(rig, 2);
	fake_xen_kick(rig->port);
	msleep(50);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&rig->runs), 0, "the consumer ran before pv_channel_start()");
	pv_channel_start(&rig->ch);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 2));
	close(test, rig);
}

static void closes_before_start(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_THREAD);

	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	close(test, rig);
	KUNIT_EXPECT_EQ(test, rig->ch.irq, 0);
}

static void thread_goes_idle(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_THREAD);

	config.idle = idle;
	config.idle_jiffies = HZ / 10;
	open(test, rig, &config);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->idles) >= 2));
	/* Work goes on as before. */
	put(rig, 4);
	fake_xen_kick(rig->port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 4));
	close(test, rig);
}

/* A thread that looks at the ring for a while needs no event for what comes meanwhile. */
static void thread_spins(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_THREAD);
	unsigned int i, kicks = 0;

	if (num_online_cpus() < 2) {
		kunit_skip(test, "needs a CPU for each end");
		return;
	}
	config.spin_us = 200 * 1000;
	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	/* It does not spin while somebody else wants its CPU. */
	set_cpus_allowed_ptr(current, cpumask_of(0));
	set_cpus_allowed_ptr(rig->ch.task, cpumask_of(1));
	pv_channel_start(&rig->ch);
	for (i = 1; i <= 40; i++) {
		usleep_range(2000, 3000);
		/* Somebody does now and then, so some kicks are right. */
		if (put(rig, 1)) {
			kicks++;
			fake_xen_kick_async(rig->port);
		}
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == i));
		reap(rig);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_LT(test, kicks, 30);
	close(test, rig);
}

static void polled_asks_for_nothing(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_POLLED);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	pv_channel_start(&rig->ch);
	for (i = 0; i < 5 * SIZE; i++) {
		KUNIT_ASSERT_FALSE_MSG(test, put(rig, 1), "a polled ring asked for an event");
		consume(&rig->ch);
		KUNIT_ASSERT_EQ(test, reap(rig), 1);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->runs), 5 * SIZE);
	/* One that comes all the same is acknowledged at once. */
	fake_xen_kick(rig->port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!fake_xen_awaits_eoi(rig->ch.irq)));
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->runs), 5 * SIZE);
	close(test, rig);
}

static void kick_is_one_notification(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int i;

	fake_xen_kicks(rig->port);
	for (i = 0; i < 10; i++)
		pv_channel_kick(&rig->ch);
	KUNIT_EXPECT_EQ(test, fake_xen_kicks(rig->port), 10);
	KUNIT_EXPECT_EQ(test, rig->back_stats.kicks, 10);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.sends, 10);
	close(test, rig);
}

/* Closing in the middle of whatever is going on; then the port is free again. */
static void closes_under_a_storm(struct kunit *test)
{
	struct rig *rig = open_rig(test, CONTEXT);
	unsigned int runs, round;

	for (round = 0; round < 50; round++) {
		struct pv_channel_config config = config_of(rig, CONTEXT);
		unsigned int i;

		atomic_set(&rig->blocked, round % 3 == 1);
		for (i = 0; i < 20; i++) {
			if (pv_ring_room(&rig->front) > 2)
				put(rig, 1);
			fake_xen_kick_async(rig->port);
			if (i == round % 20)
				pv_channel_wake(&rig->ch);
			reap(rig);
		}
		pv_channel_close(&rig->ch);
		runs = atomic_read(&rig->runs);
		KUNIT_ASSERT_EQ(test, fake_xen_kick_async(rig->port), -ENOTCONN);
		KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
		if (round % 2)
			pv_channel_start(&rig->ch);
	}
	pv_channel_close(&rig->ch);
	runs = atomic_read(&rig->runs);
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->runs), runs);
	/* Closing what is closed does nothing. */
	close(test, rig);
}

/* What a file says, as a number to the base of 16. */
static unsigned int hex_in(struct kunit *test, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	unsigned int value = 0;
	char text[16] = "";
	loff_t pos = 0;

	KUNIT_EXPECT_FALSE_MSG(test, IS_ERR(file), "%s", path);
	if (IS_ERR(file))
		return 0;
	if (kernel_read(file, text, sizeof(text) - 1, &pos) > 0)
		KUNIT_EXPECT_EQ(test, kstrtouint(strim(text), 16, &value), 0);
	filp_close(file, NULL);
	return value;
}

/* irqbalance is told where a queue's events belong. */
static void a_cpu_is_asked_for(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_SOFTIRQ);
	char path[50];

	config.cpu = 1;
	open(test, rig, &config);
	snprintf(path, sizeof(path), "/proc/irq/%u/affinity_hint", rig->ch.irq);
	KUNIT_EXPECT_EQ(test, hex_in(test, path), 1u << 1 % num_online_cpus());
	close(test, rig);
}

static void frontend_offers_a_port(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, PV_SOFTIRQ);
	evtchn_port_t peer;

	/* The same channel code, with the rings' roles as they are: only the binding differs. */
	rig->pd->drv->end = PV_FRONT;
	KUNIT_ASSERT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	pv_channel_start(&rig->ch);
	KUNIT_EXPECT_NE(test, rig->ch.port, 0);
	peer = fake_xen_connect_port(rig->ch.port);
	KUNIT_ASSERT_NE(test, peer, 0);
	put(rig, 2);
	fake_xen_kick(peer);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 2));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 1));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 0);
	pv_channel_kick(&rig->ch);
	KUNIT_EXPECT_EQ(test, fake_xen_kicks(peer), 1);
	close(test, rig);
}

static void open_fails_cleanly(struct kunit *test)
{
	struct rig *rig = new_rig(test);
	struct pv_channel_config config = config_of(rig, CONTEXT);

	/* A backend, and a port that is none */
	config.remote_port = 1000;
	KUNIT_EXPECT_LT(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "1000"));
	pv_channel_close(&rig->ch);

	config.remote_port = rig->port;
	fake_xen_fail_step(FAKE_XEN_BIND, 0, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	pv_channel_close(&rig->ch);

	/* A frontend */
	rig->pd->drv->end = PV_FRONT;
	fake_xen_fail_step(FAKE_XEN_EVTCHN, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	pv_channel_close(&rig->ch);
	fake_xen_fail_step(FAKE_XEN_BIND, 0, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, fake_xen_holds_nothing());
	pv_channel_close(&rig->ch);

	/* And then it works. */
	KUNIT_EXPECT_EQ(test, pv_channel_open(&rig->ch, rig->pd, &config), 0);
	close(test, rig);
}

/* NAPI: a channel that announces two rings, and whose poll function arms and acknowledges */

struct napi_rig {
	struct pv_device *pd;
	struct net_device *dev;
	struct napi_struct napi;
	struct pv_ring front[2], back[2];
	struct pv_stats front_stats, back_stats;
	struct pv_channel ch;
	evtchn_port_t port;
	atomic_t polls, consumed;
};

static int take_some(struct pv_ring *ring, int budget)
{
	int n = min_t(int, pv_ring_pending(ring), budget), i;
	u8 entry[STRIDE];

	for (i = 0; i < n; i++) {
		pv_ring_get(ring, entry, STRIDE);
		pv_ring_put(ring, entry, STRIDE);
	}
	if (n)
		pv_ring_publish(ring);
	return n;
}

static int poll(struct napi_struct *napi, int budget)
{
	struct napi_rig *rig = container_of(napi, struct napi_rig, napi);
	int done = take_some(&rig->back[0], budget);

	done += take_some(&rig->back[1], budget - done);
	atomic_inc(&rig->polls);
	atomic_add(done, &rig->consumed);
	if (done == budget || pv_ring_arm(&rig->back[0], 1) || pv_ring_arm(&rig->back[1], 1))
		return budget;
	if (napi_complete_done(napi, done))
		pv_channel_eoi(&rig->ch);
	return done;
}

static struct napi_rig *new_napi_rig(struct kunit *test)
{
	struct napi_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->dev = kunit_kzalloc(test, sizeof(*rig->dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig->dev);
	for (i = 0; i < 2; i++) {
		void *mem = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, mem);
		pv_ring_init_front(&rig->front[i], mem, 1, STRIDE, &rig->front_stats);
		KUNIT_ASSERT_EQ(test, pv_ring_init_back(&rig->back[i], mem, 1, STRIDE, &rig->back_stats), 0);
	}
	rig->pd = lone_device(test, PV_BACK);
	rig->port = fake_xen_peer_port();
	init_dummy_netdev(rig->dev);
	netif_napi_add(rig->dev, &rig->napi, poll);
	return rig;
}

static int open_napi(struct napi_rig *rig)
{
	struct pv_channel_config config = {
		.name = "kunit", .ring = &rig->back[0], .also = &rig->back[1], .stats = &rig->back_stats,
		.context = PV_NAPI, .napi = &rig->napi, .cpu = 1, .remote_port = rig->port,
	};

	return pv_channel_open(&rig->ch, rig->pd, &config);
}

static void start_napi(struct napi_rig *rig)
{
	napi_enable(&rig->napi);
	pv_channel_start(&rig->ch);
}

static void close_napi(struct napi_rig *rig)
{
	napi_disable(&rig->napi);
	pv_channel_close(&rig->ch);
}

/* Puts @n entries into a ring; says whether a kick is due. */
static bool put_in(struct napi_rig *rig, unsigned int which, unsigned int n)
{
	u8 entry[STRIDE] = {};

	while (pv_ring_pending(&rig->front[which]))
		pv_ring_get(&rig->front[which], entry, STRIDE);
	while (n--)
		pv_ring_put(&rig->front[which], entry, STRIDE);
	return pv_ring_publish(&rig->front[which]);
}

static struct napi_rig *napi_at_rest(struct kunit *test)
{
	struct napi_rig *rig = new_napi_rig(test);

	KUNIT_ASSERT_EQ(test, open_napi(rig), 0);
	start_napi(rig);
	/* The event of the binding */
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 1));
	KUNIT_ASSERT_EQ(test, fake_xen_counts.spurious_eois, 1);
	return rig;
}

static void finish_napi(struct napi_rig *rig)
{
	close_napi(rig);
	netif_napi_del(&rig->napi);
}

static void napi_serves_both_rings(struct kunit *test)
{
	struct napi_rig *rig = napi_at_rest(test);
	unsigned int i, n, sum = 0;

	for (i = 0; i < 60; i++) {
		n = i % SIZE + 1;
		sum += n;
		KUNIT_ASSERT_TRUE_MSG(test, put_in(rig, i & 1, n), "asleep: ring %u must kick", i & 1);
		KUNIT_ASSERT_EQ(test, fake_xen_kick(rig->port), 0);
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(fake_xen_counts.eois == i + 2), "round %u", i);
		KUNIT_EXPECT_EQ(test, atomic_read(&rig->consumed), sum);
		KUNIT_EXPECT_FALSE(test, fake_xen_awaits_eoi(rig->ch.irq));
	}
	/* None of it was noise, whichever ring had moved. */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 1);
	KUNIT_EXPECT_EQ(test, rig->back_stats.upcalls, 61);
	finish_napi(rig);
}

static void napi_noise_is_spurious(struct kunit *test)
{
	struct napi_rig *rig = napi_at_rest(test);
	unsigned int i;

	for (i = 2; i < 10; i++) {
		KUNIT_ASSERT_EQ(test, fake_xen_kick(rig->port), 0);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == i));
		KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, i);
	}
	KUNIT_EXPECT_EQ(test, rig->back_stats.spurious, 9);
	finish_napi(rig);
}

/* A poll that somebody else asked for took what the upcall announces: not the peer's fault, once. */
static void napi_work_done_before(struct kunit *test)
{
	struct napi_rig *rig = napi_at_rest(test);

	put_in(rig, 1, 3);
	local_bh_disable();
	pv_channel_wake(&rig->ch);
	local_bh_enable();
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 3));
	msleep(20);
	/* No upcall, no EOI. */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.eois, 1);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 2));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 1);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 3));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 2);
	finish_napi(rig);
}

/* More than one poll may take: one upcall, one EOI, at the end. */
static void napi_takes_its_share(struct kunit *test)
{
	struct napi_rig *rig = napi_at_rest(test);
	int polls = atomic_read(&rig->polls);

	rig->napi.weight = 5;
	put_in(rig, 0, SIZE);
	put_in(rig, 1, SIZE);
	fake_xen_kick(rig->port);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 2));
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->consumed), 2 * SIZE);
	KUNIT_EXPECT_GE(test, atomic_read(&rig->polls) - polls, 2 * SIZE / 5);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.upcalls, 2);
	finish_napi(rig);
}

static void napi_waits_for_start(struct kunit *test)
{
	struct napi_rig *rig = new_napi_rig(test);

	KUNIT_ASSERT_EQ(test, open_napi(rig), 0);
	put_in(rig, 1, 2);
	fake_xen_kick(rig->port);
	msleep(50);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&rig->polls), 0, "polled before pv_channel_start()");
	start_napi(rig);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&rig->consumed) == 2));
	/* The event of the binding is owed its EOI from before; the kick's comes after it, when the work is done. */
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == 2));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, 1);
	finish_napi(rig);
}

static void napi_closes_under_a_storm(struct kunit *test)
{
	struct napi_rig *rig = new_napi_rig(test);
	unsigned int round, i;

	for (round = 0; round < 50; round++) {
		int polls;

		KUNIT_ASSERT_EQ(test, open_napi(rig), 0);
		start_napi(rig);
		for (i = 0; i < 20; i++) {
			put_in(rig, i & 1, 1);
			fake_xen_kick_async(rig->port);
		}
		close_napi(rig);
		polls = atomic_read(&rig->polls);
		KUNIT_ASSERT_EQ(test, fake_xen_kick_async(rig->port), -ENOTCONN);
		if (round % 10 == 0)
			usleep_range(5000, 6000);
		KUNIT_ASSERT_EQ(test, atomic_read(&rig->polls), polls);
	}
	KUNIT_EXPECT_GT(test, atomic_read(&rig->consumed), 0);
	netif_napi_del(&rig->napi);
}

static struct kunit_case channel_cases[] = {
	KUNIT_CASE_PARAM(drains_then_acknowledges, context_gen_params),
	KUNIT_CASE_PARAM(noise_is_spurious, context_gen_params),
	KUNIT_CASE_PARAM(work_done_before_is_not_spurious, context_gen_params),
	KUNIT_CASE_PARAM(again_until_drained, context_gen_params),
	KUNIT_CASE_PARAM(blocked_until_woken, context_gen_params),
	KUNIT_CASE_PARAM(no_entry_is_forgotten, context_gen_params),
	KUNIT_CASE(waits_for_start),
	KUNIT_CASE(closes_before_start),
	KUNIT_CASE(thread_goes_idle),
	KUNIT_CASE(thread_spins),
	KUNIT_CASE(polled_asks_for_nothing),
	KUNIT_CASE_PARAM(kick_is_one_notification, context_gen_params),
	KUNIT_CASE_PARAM(closes_under_a_storm, context_gen_params),
	KUNIT_CASE(a_cpu_is_asked_for),
	KUNIT_CASE(frontend_offers_a_port),
	KUNIT_CASE_PARAM(open_fails_cleanly, context_gen_params),
	KUNIT_CASE(napi_serves_both_rings),
	KUNIT_CASE(napi_noise_is_spurious),
	KUNIT_CASE(napi_work_done_before),
	KUNIT_CASE(napi_takes_its_share),
	KUNIT_CASE(napi_waits_for_start),
	KUNIT_CASE(napi_closes_under_a_storm),
	{}
};

static struct kunit_suite channel_suite = {
	.name = "channel",
	.init = fresh_xen,
	.exit = expect_nothing_held,
	.test_cases = channel_cases,
};

kunit_test_suite(channel_suite);

MODULE_DESCRIPTION("Tests of event channels");
MODULE_LICENSE("GPL");
