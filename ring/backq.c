// SPDX-License-Identifier: GPL-2.0
/*
 * A backend's queues: their life, and what they do when there is nothing to do.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "backq.h"

/* What waits for memory, or for room that others have, is not told when it is there. */
#define TRY_AGAIN	msecs_to_jiffies(10)

/* ---- requests ---- */

/**
 * pv_back_done() - a request has ended
 * @req: the request, started
 *
 * Whoever adds the first one wakes the thread, unless this is the thread,
 * which looks at the list after it submitted. The queue may be gone as soon
 * as the thread has seen the request; it waits for readers of RCU before that.
 *
 * Context: any.
 */
void pv_back_done(struct pv_back_req *req)
{
	struct pv_back_queue *q = req->q;

	if (in_task() && current == q->channel.task) {
		llist_add(&req->done, &q->done);
		return;
	}
	rcu_read_lock();
	if (llist_add(&req->done, &q->done))
		pv_channel_wake(&q->channel);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(pv_back_done);

/**
 * pv_back_get_buffer() - give a request room for its segments
 * @req: the request
 *
 * Context: the queue's thread.
 * Return: whether there is memory.
 */
bool pv_back_get_buffer(struct pv_back_req *req)
{
	struct pv_back_queue *q = req->q;

	req->buffer = q->buffers;
	if (req->buffer)
		q->buffers = req->buffer->next;
	else
		req->buffer = q->ops->buffer_alloc(q);
	return req->buffer;
}
EXPORT_SYMBOL_GPL(pv_back_get_buffer);

/* ---- nothing to do ---- */

static void backq_free_buffers(struct pv_back_queue *q)
{
	struct pv_back_buffer *buffer;

	while ((buffer = q->buffers)) {
		q->buffers = buffer->next;
		q->ops->buffer_free(q, buffer);
	}
}

/* What a request holds is not old, however long that takes. */
static void backq_age(struct pv_back_queue *q)
{
	u32 i;

	for (i = 0; i < q->ring.size; i++) {
		struct pv_back_req *req = pv_back_req_at(q, i);

		if (req->stage >= PV_BACK_MAPPED)
			q->ops->keep(req);
	}
	pv_map_age(&q->map, 2);
}

/**
 * pv_back_trim() - give back all memory that no request has
 * @q: the queue
 *
 * Context: the queue's thread.
 */
void pv_back_trim(struct pv_back_queue *q)
{
	q->staged.low = q->staged.nr;
	pv_staged_shrink(&q->staged);
	backq_free_buffers(q);
}
EXPORT_SYMBOL_GPL(pv_back_trim);

/* Give back what was not needed lately. */
static void backq_tidy(struct pv_back_queue *q)
{
	q->tidy_at = jiffies + q->tidy_every;
	pv_staged_shrink(&q->staged);
	backq_free_buffers(q);
	if (q->ages)
		backq_age(q);
}

static void backq_idle(struct pv_channel *ch)
{
	backq_tidy(container_of(ch, struct pv_back_queue, channel));
}

static void backq_again(struct timer_list *t)
{
	struct pv_back_queue *q = container_of(t, struct pv_back_queue, again);

	pv_channel_wake(&q->channel);
}

/**
 * pv_back_rest() - the end of a round
 * @q: the queue
 * @hold: it takes nothing more
 * @progress: requests have been answered since the others were looked at
 *
 * Context: the queue's thread; sleeps if there is no memory.
 * Return: what the channel is to do next.
 */
enum pv_consumed pv_back_rest(struct pv_back_queue *q, bool hold, bool progress)
{
	bool waits = !list_empty(&q->waiting);

	if (unlikely(hold) && !(waits && q->ops->answers_held)) {
		if (!q->in_flight)
			complete_all(&q->held);
		return PV_BLOCKED;
	}
	if (unlikely(q->ring.broken))
		pv_device_fail(q->pd, "queue %u: %s", q->index, q->ring.broken);
	if (unlikely(time_after(jiffies, q->tidy_at)))
		backq_tidy(q);
	if (!waits)
		return PV_DRAINED;
	if (progress)
		return PV_AGAIN;
	if (!q->in_flight) {
		/* Nothing is under way that would wake us. */
		usleep_range(500, 1000);
		return PV_AGAIN;
	}
	if (!timer_pending(&q->again))
		mod_timer(&q->again, jiffies + TRY_AGAIN);
	return PV_BLOCKED;
}
EXPORT_SYMBOL_GPL(pv_back_rest);

/* ---- life ---- */

/* Map the ring that the frontend's keys under @dir describe. */
static int backq_map_ring(struct pv_back_queue *q, const char *dir,
			  const struct pv_back_config *config)
{
	int err = pv_shared_map(q->pd, &q->shared, dir, "ring-ref", config->multi,
				config->nr_pages);

	if (err)
		return err;
	err = pv_ring_init_back(&q->ring, q->shared.mem, config->nr_pages, config->stride,
				q->stats);
	if (err)
		pv_device_error(q->pd, err, "%sring-ref: %s", dir, q->ring.broken);
	return err;
}

static int backq_alloc(struct pv_back_queue *q, const struct pv_back_config *config)
{
	u32 i;
	int err;

	q->reqs = kvcalloc(q->ring.size, q->ops->req_size, GFP_KERNEL);
	if (!q->reqs)
		return -ENOMEM;
	for (i = 0; i < q->ring.size; i++) {
		struct pv_back_req *req = pv_back_req_at(q, i);

		req->q = q;
		list_add_tail(&req->list, &q->free);
	}
	pv_copy_init(&q->copy, q->pd, q->stats);
	err = pv_staged_init(&q->staged, config->max_staged);
	q->staged.all = config->all_staged;
	if (err || !q->persistent)
		return err;
	return pv_map_init(&q->map, q->pd, config->max_maps, q->stats);
}

static int backq_open(struct pv_back_queue *q, const char *dir,
		      const struct pv_back_config *config)
{
	struct pv_channel_config channel = {
		.ring = &q->ring,
		.stats = q->stats,
		.context = PV_THREAD,
		.consume = config->consume,
		.idle = backq_idle,
		.idle_jiffies = q->tidy_every,
		.spin_us = config->spin_us,
	};
	char name[32];
	int err;

	err = pv_device_read_port(q->pd, dir, "event-channel", &channel.remote_port);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s-%u", dev_name(&q->pd->xb->dev), q->index);
	channel.name = name;
	return pv_channel_open(&q->channel, q->pd, &channel);
}

static void backq_destroy(struct pv_back_queue *q)
{
	struct pv_back_req *req, *next;

	/* On hold, nobody sets it any more. */
	timer_delete_sync(&q->again);
	pv_channel_close(&q->channel);
	list_for_each_entry_safe(req, next, &q->waiting, list) {
		q->ops->drop(req);
		pv_back_put_req(req);
	}
	backq_free_buffers(q);
	pv_map_destroy(&q->map);
	pv_staged_destroy(&q->staged);
	pv_shared_unmap(q->pd, &q->shared);
	kvfree(q->reqs);
	kvfree(q);
}

static struct pv_back_queue *backq_create(struct pv_device *pd, unsigned int index,
					  const struct pv_back_ops *ops,
					  const struct pv_back_config *config)
{
	struct pv_back_queue *q = kvzalloc(ops->queue_size, GFP_KERNEL);
	char dir[PV_QUEUE_DIR];
	int err;

	if (!q)
		return ERR_PTR(-ENOMEM);
	q->pd = pd;
	q->ops = ops;
	q->index = index;
	q->persistent = config->persistent;
	q->ages = config->persistent && !config->keep_maps;
	q->stats = pv_device_counters(pd, index);
	/* Two rounds make the whole time. */
	q->tidy_every = config->idle_seconds * HZ / 2;
	q->tidy_at = jiffies + q->tidy_every;
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->waiting);
	init_llist_head(&q->done);
	init_completion(&q->held);
	timer_setup(&q->again, backq_again, 0);
	ops->init(q);

	pv_queue_dir(dir, config->nr_queues, index);
	err = backq_map_ring(q, dir, config);
	if (!err)
		err = backq_alloc(q, config);
	/* Last: an upcall may come at once. */
	if (!err)
		err = backq_open(q, dir, config);
	if (err) {
		backq_destroy(q);
		return ERR_PTR(err);
	}
	return q;
}

/**
 * pv_back_create() - connect to the rings of the frontend
 * @pd: the device
 * @ops: what the driver does in its own way
 * @config: how
 *
 * The threads wait for pv_back_start().
 *
 * Context: process, in connect().
 * Return: the queues, or an ERR_PTR(); the reason is in the error node.
 */
struct pv_back_queues *pv_back_create(struct pv_device *pd, const struct pv_back_ops *ops,
				      const struct pv_back_config *config)
{
	struct pv_back_queues *queues = kzalloc(struct_size(queues, queue, config->nr_queues),
						GFP_KERNEL);

	if (!queues)
		return ERR_PTR(-ENOMEM);
	for (; queues->nr < config->nr_queues; queues->nr++) {
		struct pv_back_queue *q = backq_create(pd, queues->nr, ops, config);

		if (IS_ERR(q)) {
			pv_back_destroy(queues);
			return ERR_CAST(q);
		}
		queues->queue[queues->nr] = q;
	}
	return queues;
}
EXPORT_SYMBOL_GPL(pv_back_create);

/**
 * pv_back_start() - let the threads run
 * @queues: the queues
 *
 * Context: process, in connect().
 */
void pv_back_start(struct pv_back_queues *queues)
{
	unsigned int i;

	for (i = 0; i < queues->nr; i++)
		pv_channel_start(&queues->queue[i]->channel);
}
EXPORT_SYMBOL_GPL(pv_back_start);

/**
 * pv_back_wake() - let all threads look around
 * @queues: the queues, which stay meanwhile
 *
 * Context: any.
 */
void pv_back_wake(struct pv_back_queues *queues)
{
	unsigned int i;

	for (i = 0; i < queues->nr; i++)
		pv_channel_wake(&queues->queue[i]->channel);
}
EXPORT_SYMBOL_GPL(pv_back_wake);

/* Once more a second later: what was just beginning may not have heard it. */
static void backq_hurry(struct pv_back_queue *q, unsigned long timeout)
{
	unsigned int tries = 2;

	if (!q->ops->hurry)
		return;
	while (tries-- && !wait_for_completion_timeout(&q->held, timeout)) {
		q->ops->hurry(q);
		pv_channel_wake(&q->channel);
		timeout = HZ;
	}
}

/**
 * pv_back_hold() - take no more requests, wait until those that were are done
 * @queues: the queues
 * @patience: jiffies for all of them together, before the driver is told to
 *            hurry what has not ended
 *
 * A ring whose requests have all been answered is good for another backend: a
 * response lies where a request was, not where that one was.
 *
 * Context: process, a hook of the device.
 */
void pv_back_hold(struct pv_back_queues *queues, unsigned long patience)
{
	unsigned long deadline = jiffies + patience;
	unsigned int i;

	for (i = 0; i < queues->nr; i++) {
		reinit_completion(&queues->queue[i]->held);
		WRITE_ONCE(queues->queue[i]->hold, true);
	}
	pv_back_wake(queues);
	for (i = 0; i < queues->nr; i++) {
		struct pv_back_queue *q = queues->queue[i];

		if (!pv_channel_started(&q->channel))
			continue;
		backq_hurry(q, max_t(long, deadline - jiffies, 1));
		pv_device_await(q->pd, &q->held, q->ops->lacks);
	}
	/* Whoever reported the end of a request may be about to wake the thread. */
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(pv_back_hold);

/**
 * pv_back_release() - go on after pv_back_hold()
 * @q: a queue; what the driver has changed of it is there when it goes on
 *
 * Context: process, a hook of the device.
 */
void pv_back_release(struct pv_back_queue *q)
{
	/* Pairs with pv_back_consume(): what the driver has set is there first. */
	smp_store_release(&q->hold, false);
	pv_channel_wake(&q->channel);
}
EXPORT_SYMBOL_GPL(pv_back_release);

/**
 * pv_back_destroy() - stop the threads, give back all that was shared
 * @queues: the queues, on hold if they run
 *
 * Context: process, a hook of the device.
 */
void pv_back_destroy(struct pv_back_queues *queues)
{
	unsigned int i;

	for (i = 0; i < queues->nr; i++)
		backq_destroy(queues->queue[i]);
	kfree(queues);
}
EXPORT_SYMBOL_GPL(pv_back_destroy);

/**
 * pv_back_show() - what the queues hold and have counted
 * @m: where to
 * @queues: the queues, or NULL
 *
 * Context: process, a hook of the device.
 */
void pv_back_show(struct seq_file *m, const struct pv_back_queues *queues)
{
	unsigned int i;

	for (i = 0; queues && i < queues->nr; i++) {
		const struct pv_back_queue *q = queues->queue[i];

		seq_printf(m, "queue %u\n  in_flight      %u\n  mapped         %u\n  staged         %u\n",
			   i, READ_ONCE(q->in_flight), READ_ONCE(q->map.nr),
			   READ_ONCE(q->staged.nr) + READ_ONCE(q->staged.used));
		pv_stats_show(m, q->stats);
	}
}
EXPORT_SYMBOL_GPL(pv_back_show);
