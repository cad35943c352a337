// SPDX-License-Identifier: GPL-2.0
/*
 * Event channels and the consumers behind them.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <xen/events.h>
#include <xen/xenbus.h>

#include "channel.h"
#include "device.h"
#include "ring.h"
#include "trace.h"

enum {
	CHANNEL_EOI_OWED,
	CHANNEL_WOKEN,
	CHANNEL_STARTED,
	CHANNEL_IDLE,
};

/* How far the peer has moved what this channel announces. */
static u32 channel_seen(const struct pv_channel *ch)
{
	u32 seen = READ_ONCE(ch->config.ring->seen);

	if (ch->config.also)
		seen += READ_ONCE(ch->config.also->seen);
	return seen;
}

/**
 * pv_channel_eoi() - acknowledge the upcall, if there was one
 * @ch: the channel, all of whose work is done and whose rings are armed
 *
 * Only for the poll function of PV_NAPI; other consumers say PV_DRAINED.
 *
 * Context: any.
 */
void pv_channel_eoi(struct pv_channel *ch)
{
	u32 seen = channel_seen(ch);
	bool spurious = seen == ch->acked;

	if (!test_bit(CHANNEL_EOI_OWED, &ch->flags) ||
	    !test_and_clear_bit(CHANNEL_EOI_OWED, &ch->flags))
		return;
	ch->acked = seen;
	if (spurious)
		ch->config.stats->spurious++;
	xen_irq_lateeoi(ch->irq, spurious ? XEN_EOI_FLAG_SPURIOUS : 0);
}
EXPORT_SYMBOL_GPL(pv_channel_eoi);

static irqreturn_t channel_upcall(int irq, void *arg)
{
	struct pv_channel *ch = arg;

	/* The first one may come before the binding has returned the number. */
	ch->irq = irq;
	ch->config.stats->upcalls++;
	trace_pv_upcall(ch);
	set_bit(CHANNEL_EOI_OWED, &ch->flags);
	if (ch->config.context == PV_POLLED)
		pv_channel_eoi(ch);
	else
		pv_channel_wake(ch);
	return IRQ_HANDLED;
}

static void channel_softirq(struct tasklet_struct *t)
{
	struct pv_channel *ch = from_tasklet(ch, t, tasklet);
	enum pv_consumed consumed = ch->config.consume(ch);

	if (consumed == PV_BLOCKED)
		return;
	if (consumed == PV_AGAIN || pv_ring_arm(ch->config.ring, 1))
		tasklet_schedule(&ch->tasklet);
	else
		pv_channel_eoi(ch);
}

/* Look at the ring for a while: a request now saves both ends an event. */
static bool channel_spin(struct pv_channel *ch)
{
	u64 until = ktime_get_ns() + ch->config.spin_us * NSEC_PER_USEC;

	do {
		if (test_bit(CHANNEL_WOKEN, &ch->flags) ||
		    pv_ring_pending(ch->config.ring))
			return true;
		cpu_relax();
	} while (!need_resched() && !kthread_should_stop() &&
		 ktime_get_ns() < until);
	return false;
}

static void channel_wake_thread(struct pv_channel *ch)
{
	set_bit(CHANNEL_WOKEN, &ch->flags);
	/* The flag before the look at the sleeper's state. */
	smp_mb__after_atomic();
	wake_up_process(ch->task);
}

static void channel_sleep(struct pv_channel *ch)
{
	set_current_state(TASK_IDLE);
	while (!test_bit(CHANNEL_WOKEN, &ch->flags) && !kthread_should_stop()) {
		schedule();
		set_current_state(TASK_IDLE);
	}
	__set_current_state(TASK_RUNNING);
}

static void channel_idle_work(struct work_struct *work)
{
	struct pv_channel *ch = container_of(to_delayed_work(work),
					     struct pv_channel, idle_work);

	if (time_after_eq(jiffies, READ_ONCE(ch->woken_at) +
				   ch->config.idle_jiffies)) {
		set_bit(CHANNEL_IDLE, &ch->flags);
		channel_wake_thread(ch);
	}
	schedule_delayed_work(&ch->idle_work, ch->config.idle_jiffies);
}

static int channel_thread(void *arg)
{
	struct pv_channel *ch = arg;

	while (!kthread_should_stop()) {
		enum pv_consumed consumed;

		clear_bit(CHANNEL_WOKEN, &ch->flags);
		/* The flag before the work, or a wake-up would be lost. */
		smp_mb__after_atomic();
		consumed = ch->config.consume(ch);
		cond_resched();
		if (consumed == PV_AGAIN)
			continue;
		if (consumed == PV_DRAINED) {
			if (ch->config.spin_us && channel_spin(ch))
				continue;
			if (pv_ring_arm(ch->config.ring, 1))
				continue;
			pv_channel_eoi(ch);
			if (test_and_clear_bit(CHANNEL_IDLE, &ch->flags))
				ch->config.idle(ch);
		}
		channel_sleep(ch);
	}
	return 0;
}

static int bind_back(struct pv_channel *ch)
{
	u32 port = ch->config.remote_port;
	int irq;

	irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(ch->dev->xb, port,
							    channel_upcall, 0,
							    ch->name, ch);
	if (irq < 0)
		pv_device_error(ch->dev, irq,
				"cannot bind the frontend's event channel %u",
				port);
	return irq;
}

static int bind_front(struct pv_channel *ch)
{
	struct xenbus_device *xb = ch->dev->xb;
	int irq;

	irq = xenbus_alloc_evtchn(xb, &ch->port);
	if (irq) {
		/* It has said so itself. */
		ch->dev->explained = true;
		return irq;
	}
	irq = bind_evtchn_to_irqhandler_lateeoi(ch->port, channel_upcall, 0,
						ch->name, ch);
	if (irq < 0) {
		xenbus_free_evtchn(xb, ch->port);
		pv_device_error(ch->dev, irq, "cannot bind event channel %u",
				ch->port);
	}
	return irq;
}

/**
 * pv_channel_open() - allocate (frontend) or bind (backend) an event channel
 * @ch: the channel, zeroed
 * @dev: its device
 * @config: how it is to work; copied
 *
 * The ring must be set up. The consumer waits for pv_channel_start().
 *
 * Context: process, may sleep.
 * Return: 0 or a negative errno; the reason is in the device's error node.
 */
int pv_channel_open(struct pv_channel *ch, struct pv_device *dev,
		    const struct pv_channel_config *config)
{
	int irq;

	memset(ch, 0, sizeof(*ch));
	ch->dev = dev;
	ch->config = *config;
	ch->acked = channel_seen(ch);
	INIT_DELAYED_WORK(&ch->idle_work, channel_idle_work);
	snprintf(ch->name, sizeof(ch->name), "%s", config->name);

	if (config->context == PV_SOFTIRQ) {
		tasklet_setup(&ch->tasklet, channel_softirq);
	} else if (config->context == PV_THREAD) {
		ch->task = kthread_create(channel_thread, ch, "%s", ch->name);
		if (IS_ERR(ch->task)) {
			irq = PTR_ERR(ch->task);
			ch->task = NULL;
			return irq;
		}
	} else if (config->context == PV_POLLED) {
		/* So far ahead that nobody gets there. */
		pv_ring_arm(config->ring, 1U << 30);
	}

	irq = dev->drv->end == PV_BACK ? bind_back(ch) : bind_front(ch);
	if (irq < 0) {
		if (ch->task)
			kthread_stop(ch->task);
		ch->task = NULL;
		return irq;
	}
	ch->irq = irq;
	/* A wish, told to irqbalance: others and CPU hot plug may move it. */
	if (config->context == PV_SOFTIRQ || config->context == PV_NAPI) {
		/* None goes while they are counted and looked through. */
		cpus_read_lock();
		irq_set_affinity_and_hint(irq,
					  cpumask_of(cpumask_local_spread(config->cpu,
									  NUMA_NO_NODE)));
		cpus_read_unlock();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pv_channel_open);

/**
 * pv_channel_start() - let the consumer run for the first time
 * @ch: an open channel whose consumer has all it needs
 *
 * Context: process.
 */
void pv_channel_start(struct pv_channel *ch)
{
	set_bit(CHANNEL_STARTED, &ch->flags);
	/* A poll function is run when bottom halves are enabled again. */
	local_bh_disable();
	pv_channel_wake(ch);
	local_bh_enable();
	if (ch->config.idle)
		schedule_delayed_work(&ch->idle_work, ch->config.idle_jiffies);
}
EXPORT_SYMBOL_GPL(pv_channel_start);

/**
 * pv_channel_started() - whether the consumer has been let run
 * @ch: the channel
 *
 * Return: whether pv_channel_start() has been called since it was opened.
 */
bool pv_channel_started(const struct pv_channel *ch)
{
	return test_bit(CHANNEL_STARTED, &ch->flags);
}
EXPORT_SYMBOL_GPL(pv_channel_started);

/**
 * pv_channel_close() - stop the consumer, give the event channel back
 * @ch: the channel; one that is not open is left alone
 *
 * After it neither the upcall nor the consumer runs, so what they use may be
 * freed. With PV_NAPI the driver calls napi_disable() before.
 *
 * Context: process, may sleep.
 */
void pv_channel_close(struct pv_channel *ch)
{
	if (!ch->irq)
		return;
	/* First the source of wake-ups, then the consumer, which may still
	 * owe an EOI to the interrupt, then the interrupt itself.
	 */
	disable_irq(ch->irq);
	cancel_delayed_work_sync(&ch->idle_work);
	if (ch->task)
		kthread_stop(ch->task);
	else if (ch->config.context == PV_SOFTIRQ)
		tasklet_kill(&ch->tasklet);
	irq_update_affinity_hint(ch->irq, NULL);
	unbind_from_irqhandler(ch->irq, ch);
	ch->irq = 0;
	ch->task = NULL;
}
EXPORT_SYMBOL_GPL(pv_channel_close);

/**
 * pv_channel_wake() - run the consumer soon
 * @ch: an open channel
 *
 * Context: any; PV_NAPI: interrupt, or bottom halves disabled.
 */
void pv_channel_wake(struct pv_channel *ch)
{
	if (!test_bit(CHANNEL_STARTED, &ch->flags))
		return;
	if (ch->config.context == PV_SOFTIRQ) {
		tasklet_schedule(&ch->tasklet);
	} else if (ch->config.context == PV_NAPI) {
		napi_schedule(ch->config.napi);
	} else if (ch->task) {
		WRITE_ONCE(ch->woken_at, jiffies);
		channel_wake_thread(ch);
	}
}
EXPORT_SYMBOL_GPL(pv_channel_wake);

/**
 * pv_channel_kick() - notify the peer: one hypercall
 * @ch: an open channel
 *
 * Called when pv_ring_publish() said so, after all locks are dropped.
 *
 * Context: any.
 */
void pv_channel_kick(struct pv_channel *ch)
{
	ch->config.stats->kicks++;
	trace_pv_kick(ch);
	notify_remote_via_irq(ch->irq);
}
EXPORT_SYMBOL_GPL(pv_channel_kick);
