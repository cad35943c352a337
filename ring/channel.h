/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event channels: when a queue is woken, and when it wakes the peer.
 *
 * Policy in one place, for all drivers:
 *   - late EOI: an upcall is acknowledged after its work, so a peer that only
 *     makes noise is slowed down by Xen's event core;
 *   - an upcall is spurious only if the peer has not moved the ring since the
 *     last EOI, whoever saw it and whenever it is consumed;
 *   - while a consumer runs, no event is asked for; it arms the ring again
 *     when it has drained it, and looks once more before it sleeps.
 */
#ifndef _PV_CHANNEL_H
#define _PV_CHANNEL_H

#include <linux/interrupt.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/** PV_CHANNEL_NAME - room for a channel's name */
#define PV_CHANNEL_NAME		32

struct napi_struct;
struct pv_channel;
struct pv_device;
struct pv_ring;
struct pv_stats;
struct task_struct;

/**
 * enum pv_consumed - what a consumer says when it returns
 * @PV_DRAINED: nothing left: arm the ring, then sleep
 * @PV_AGAIN: it did its share, and there may be more
 * @PV_BLOCKED: work is left that needs a pv_channel_wake() first
 */
enum pv_consumed {
	PV_DRAINED,
	PV_AGAIN,
	PV_BLOCKED,
};

/**
 * enum pv_context - where a channel's consumer runs
 * @PV_SOFTIRQ: soft interrupt, interrupts enabled; must not sleep
 * @PV_THREAD: a kernel thread of its own; may sleep
 * @PV_POLLED: nowhere; somebody polls the ring and no event is asked for
 * @PV_NAPI: the network stack's poll function, which arms the rings and calls
 *           pv_channel_eoi() when it is done
 */
enum pv_context {
	PV_SOFTIRQ,
	PV_THREAD,
	PV_POLLED,
	PV_NAPI,
};

/**
 * struct pv_channel_config - how to open a channel
 * @name: name of the interrupt and of the thread
 * @ring: the ring whose entries this channel announces
 * @also: PV_NAPI: another ring that it announces; may be NULL
 * @stats: where to count
 * @context: where @consume runs
 * @consume: takes entries off the ring; never runs twice at a time
 * @napi: PV_NAPI: what an upcall schedules
 * @cpu: PV_SOFTIRQ, PV_NAPI: where to run first, counted among the online
 *       CPUs; blk-mq and the network stack give queue N to CPU N
 * @idle: PV_THREAD: called when nothing came for about @idle_jiffies; may be
 *        NULL
 * @idle_jiffies: see @idle
 * @spin_us: PV_THREAD: how long to look at the ring before sleeping
 * @remote_port: backend: the frontend's port
 */
struct pv_channel_config {
	const char *name;
	struct pv_ring *ring;
	struct pv_ring *also;
	struct pv_stats *stats;
	enum pv_context context;
	enum pv_consumed (*consume)(struct pv_channel *ch);
	struct napi_struct *napi;
	unsigned int cpu;
	void (*idle)(struct pv_channel *ch);
	unsigned long idle_jiffies;
	unsigned int spin_us;
	u32 remote_port;
};

/**
 * struct pv_channel - one event channel and the consumer behind it
 * @config: how it was opened
 * @dev: the device
 * @port: this end's event-channel port, for xenstore
 * @irq: the interrupt bound to it; 0 while closed
 * @flags: whether an EOI is owed, whether a wake-up came
 * @acked: how far the peer had moved the rings at the last EOI
 * @tasklet: PV_SOFTIRQ
 * @task: PV_THREAD
 * @woken_at: PV_THREAD: when there was something to do, in jiffies
 * @idle_work: PV_THREAD: looks at @woken_at now and then, so that going to
 *             sleep needs no timer
 * @name: storage of the interrupt's name
 */
struct pv_channel {
	struct pv_channel_config config;
	struct pv_device *dev;
	u32 port;
	unsigned int irq;
	unsigned long flags;
	u32 acked;
	struct tasklet_struct tasklet;
	struct task_struct *task;
	unsigned long woken_at;
	struct delayed_work idle_work;
	char name[PV_CHANNEL_NAME];
};

int pv_channel_open(struct pv_channel *ch, struct pv_device *dev,
		    const struct pv_channel_config *config);
void pv_channel_start(struct pv_channel *ch);
bool pv_channel_started(const struct pv_channel *ch);
void pv_channel_close(struct pv_channel *ch);
void pv_channel_wake(struct pv_channel *ch);
void pv_channel_kick(struct pv_channel *ch);
void pv_channel_eoi(struct pv_channel *ch);

#endif /* _PV_CHANNEL_H */
