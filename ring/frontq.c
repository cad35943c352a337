// SPDX-License-Identifier: GPL-2.0
/*
 * A frontend's queues: their life, and what of their work is no template.
 */
#include <linux/blk-mq.h>
#include <linux/export.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xen/interface/io/protocols.h>

#include "frontq.h"

/* Idle pages are looked for this often. */
#define SHRINK_INTERVAL	(30 * HZ)

/* ---- requests ---- */

/**
 * pv_front_take_pages() - give a request what its segments need
 * @q: the queue
 * @io: the request, measured
 * @nr_lists: pages of segments
 *
 * Context: process or soft interrupt.
 * Return: 0; -EBUSY if others hold too much; -ENOMEM.
 */
int pv_front_take_pages(struct pv_front_queue *q, struct pv_front_io *io, unsigned int nr_lists)
{
	int err = 0;

	if (nr_lists)
		err = pv_grant_take_staged(&q->pool, nr_lists, &io->lists);
	if (err || !io->nr_segs)
		return err;
	if (io->bounced)
		err = pv_grant_take_staged(&q->pool, io->nr_segs, &io->data);
	else
		err = pv_grant_take_bare(&q->pool, io->nr_segs, &io->data);
	if (err)
		pv_grant_put_staged(&q->pool, &io->lists);
	return err;
}
EXPORT_SYMBOL_GPL(pv_front_take_pages);

/**
 * pv_front_put_pages() - take it back
 * @q: the queue
 * @io: the request
 *
 * Context: process or soft interrupt.
 * Return: false if the backend would not give a page back.
 */
bool pv_front_put_pages(struct pv_front_queue *q, struct pv_front_io *io)
{
	struct pv_grant *g;
	struct page *page;
	bool ok = true;

	pv_grant_put_staged(&q->pool, &io->lists);
	if (io->bounced) {
		pv_grant_put_staged(&q->pool, &io->data);
		return true;
	}
	for (g = io->data.first; g; g = g->next) {
		page = g->page;
		ok &= pv_grant_end(&q->pool, g);
		if (unlikely(io->held))
			put_page(page);
	}
	pv_grant_put(&q->pool, &io->data);
	return ok;
}
EXPORT_SYMBOL_GPL(pv_front_put_pages);

/**
 * pv_front_publish() - show the backend what has been put so far
 * @q: the queue
 *
 * Context: any but hard interrupt.
 */
void pv_front_publish(struct pv_front_queue *q)
{
	bool kick;

	spin_lock_bh(&q->submit);
	kick = pv_ring_publish(&q->ring);
	spin_unlock_bh(&q->submit);
	if (kick)
		pv_channel_kick(&q->channel);
}
EXPORT_SYMBOL_GPL(pv_front_publish);

/* ---- life ---- */

static void frontq_shrink(struct work_struct *work)
{
	struct pv_front_queues *queues = container_of(to_delayed_work(work),
						      struct pv_front_queues, shrink);
	unsigned int i;

	for (i = 0; i < queues->nr; i++)
		pv_grant_pool_shrink(&queues->queue[i]->pool);
	schedule_delayed_work(&queues->shrink, SHRINK_INTERVAL);
}

static struct pv_front_queue *frontq_create(struct pv_front_queues *queues, unsigned int index)
{
	struct pv_front_queue *q = kvzalloc(queues->ops->queue_size, GFP_KERNEL);

	if (!q)
		return NULL;
	q->queues = queues;
	q->index = index;
	q->stats = pv_device_counters(queues->pd, index);
	spin_lock_init(&q->submit);
	spin_lock_init(&q->complete);
	queues->ops->init(q);
	return q;
}

static int frontq_open(struct pv_front_queue *q, const struct pv_front_config *config)
{
	struct pv_device *pd = q->queues->pd;
	struct pv_channel_config channel = {
		.name = config->name,
		.ring = &q->ring,
		.stats = q->stats,
		.context = q->index < config->nr_irq ? PV_SOFTIRQ : PV_POLLED,
		.consume = config->consume,
		.cpu = q->index,
	};
	int err;

	err = pv_shared_create(pd, &q->shared, config->nr_pages);
	if (err)
		return err;
	pv_ring_init_front(&q->ring, q->shared.mem, config->nr_pages, q->queues->ops->slot_size,
			   q->stats);
	return pv_channel_open(&q->channel, pd, &channel);
}

/**
 * pv_front_alloc_counters() - what the queues of all connections count
 * @pd: the device
 * @max_queues: most queues of a connection
 *
 * Context: process, in probe().
 * Return: 0 or -ENOMEM.
 */
int pv_front_alloc_counters(struct pv_device *pd, unsigned int max_queues)
{
	size_t stride = ALIGN(sizeof(struct pv_stats), SMP_CACHE_BYTES);

	return pv_device_alloc_counters(pd, max_queues, stride);
}
EXPORT_SYMBOL_GPL(pv_front_alloc_counters);

/**
 * pv_front_create() - a connection: rings and channels
 * @pd: the device
 * @ops: what the driver does in its own way
 * @config: how many, and what
 *
 * Context: process, in negotiate().
 * Return: the queues, or an ERR_PTR().
 */
struct pv_front_queues *pv_front_create(struct pv_device *pd, const struct pv_front_ops *ops,
					const struct pv_front_config *config)
{
	unsigned int nr = config->nr_irq + config->nr_poll;
	struct pv_front_queues *queues = kzalloc(struct_size(queues, queue, nr), GFP_KERNEL);
	int err = 0;

	if (!queues)
		return ERR_PTR(-ENOMEM);
	queues->pd = pd;
	queues->ops = ops;
	queues->nr_irq = config->nr_irq;
	INIT_DELAYED_WORK(&queues->shrink, frontq_shrink);
	while (queues->nr < nr && !err) {
		struct pv_front_queue *q = frontq_create(queues, queues->nr);

		if (q)
			queues->queue[queues->nr++] = q;
		err = q ? frontq_open(q, config) : -ENOMEM;
	}
	if (!err)
		return queues;
	pv_front_destroy(queues);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(pv_front_create);

/**
 * pv_front_write_keys() - tell the backend of rings and channels
 * @queues: the queues, open
 * @xbt: transaction
 * @multi: a number follows the key of a ring's reference
 *
 * Context: process, in publish().
 * Return: 0 or a negative errno.
 */
int pv_front_write_keys(struct pv_front_queues *queues, struct xenbus_transaction xbt, bool multi)
{
	struct pv_device *pd = queues->pd;
	char dir[PV_QUEUE_DIR];
	unsigned int i;
	int err;

	err = pv_device_write(pd, xbt, "protocol", "%s", XEN_IO_PROTO_ABI_NATIVE);
	for (i = 0; i < queues->nr && !err; i++) {
		struct pv_front_queue *q = queues->queue[i];

		pv_queue_dir(dir, queues->nr, i);
		err = pv_shared_publish(pd, xbt, dir, "ring-ref", multi, &q->shared);
		if (!err)
			err = pv_device_write_port(pd, xbt, dir, "event-channel", q->channel.port);
	}
	return err;
}
EXPORT_SYMBOL_GPL(pv_front_write_keys);

/**
 * pv_front_reserve() - choose the data path; each ring has enough for the largest request
 * @queues: the queues
 * @data: what was negotiated
 *
 * Context: process, in connect().
 * Return: 0 or a negative errno.
 */
int pv_front_reserve(struct pv_front_queues *queues, const struct pv_front_data *data)
{
	unsigned int i, nr;
	int err;

	queues->zero = !data->trusted;
	queues->bounce = queues->zero || data->persistent;
	/* A request must fit into the pool, whoever else holds pages. */
	queues->max_segs = min(data->max_segs, data->max_pages);
	for (i = 0; i < queues->nr; i++) {
		struct pv_front_queue *q = queues->queue[i];

		/* Room for the pages of segments on top. */
		err = pv_grant_pool_init(&q->pool, queues->pd, data->max_pages + q->ring.size,
					 q->stats);
		if (err)
			return err;
	}
	for (i = 0; i < queues->nr; i++) {
		nr = pv_grant_pool_fit(&queues->queue[i]->pool, queues->max_segs,
				       queues->ops->lists, queues->bounce);
		if (data->lower)
			queues->max_segs = nr;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pv_front_reserve);

/**
 * pv_front_start() - take responses
 * @queues: the queues
 *
 * Context: process, in connect().
 */
void pv_front_start(struct pv_front_queues *queues)
{
	unsigned int i;

	for (i = 0; i < queues->nr; i++) {
		struct pv_front_queue *q = queues->queue[i];

		spin_lock_bh(&q->complete);
		q->live = true;
		spin_unlock_bh(&q->complete);
		pv_channel_start(&q->channel);
	}
	schedule_delayed_work(&queues->shrink, SHRINK_INTERVAL);
}
EXPORT_SYMBOL_GPL(pv_front_start);

/**
 * pv_front_drain() - what the backend has answered counts; what it says from now on does not
 * @queues: the queues, on which nobody puts requests any more
 * @consume: the soft interrupt
 *
 * A response that came before is not done twice. Afterwards all requests that
 * are on a ring are without an answer; who has polled may still be completing
 * others, in an RCU section.
 *
 * Context: process.
 */
void pv_front_drain(struct pv_front_queues *queues,
		    enum pv_consumed (*consume)(struct pv_channel *ch))
{
	unsigned int i;

	for (i = 0; i < queues->nr; i++) {
		struct pv_front_queue *q = queues->queue[i];

		while (consume(&q->channel) == PV_AGAIN)
			;
		spin_lock_bh(&q->complete);
		q->live = false;
		spin_unlock_bh(&q->complete);
	}
}
EXPORT_SYMBOL_GPL(pv_front_drain);

/**
 * pv_front_stop() - no more soft interrupts
 * @queues: the queues, on which nobody puts requests any more
 *
 * Context: process, in disconnect(), or with whatever keeps that, and another of these, out.
 */
void pv_front_stop(struct pv_front_queues *queues)
{
	unsigned int i;

	cancel_delayed_work_sync(&queues->shrink);
	for (i = 0; i < queues->nr; i++)
		pv_channel_close(&queues->queue[i]->channel);
}
EXPORT_SYMBOL_GPL(pv_front_stop);

/**
 * pv_front_destroy() - the end of a connection: give back all that was shared
 * @queues: the queues. Nobody finds them any more, no request is on a ring.
 *          Who has found them before, in an RCU section, is waited for
 *
 * Context: process, in disconnect().
 */
void pv_front_destroy(struct pv_front_queues *queues)
{
	unsigned int i;

	pv_front_stop(queues);
	synchronize_rcu();
	for (i = 0; i < queues->nr; i++) {
		pv_grant_pool_destroy(&queues->queue[i]->pool);
		pv_shared_destroy(&queues->queue[i]->shared);
		kvfree(queues->queue[i]);
	}
	kfree(queues);
}
EXPORT_SYMBOL_GPL(pv_front_destroy);

/**
 * pv_front_map_queues() - which CPU has which hardware queue of blk-mq
 * @set: its tags, with as many hardware queues as there are
 * @nr_irq: the first of them that have events, at most; the rest is polled
 *
 * Context: process, from .map_queues.
 */
void pv_front_map_queues(struct blk_mq_tag_set *set, unsigned int nr_irq)
{
	struct blk_mq_queue_map *poll = &set->map[HCTX_TYPE_POLL];

	/* (There may be fewer than were asked for.) */
	nr_irq = min(nr_irq, set->nr_hw_queues);
	set->map[HCTX_TYPE_DEFAULT].nr_queues = nr_irq;
	blk_mq_map_queues(&set->map[HCTX_TYPE_DEFAULT]);
	if (set->nr_maps == 1)
		return;
	set->map[HCTX_TYPE_READ].nr_queues = 0;
	poll->nr_queues = set->nr_hw_queues - nr_irq;
	poll->queue_offset = nr_irq;
	if (poll->nr_queues)
		blk_mq_map_queues(poll);
}
EXPORT_SYMBOL_GPL(pv_front_map_queues);

/**
 * pv_front_show() - what the queues are, hold and have counted
 * @m: where to
 * @queues: the queues, or NULL
 *
 * Context: process, a hook of the device.
 */
void pv_front_show(struct seq_file *m, const struct pv_front_queues *queues)
{
	unsigned int i;

	if (!queues)
		return;
	seq_printf(m, "data %s\ntrusted %d\nmax_segments %u\n",
		   queues->bounce ? "staged" : "direct", !queues->zero, queues->max_segs);
	for (i = 0; i < queues->nr; i++) {
		const struct pv_front_queue *q = queues->queue[i];

		seq_printf(m, "queue %u %s slots %u staged_free %u\n", i,
			   q->channel.config.context == PV_SOFTIRQ ? "interrupt" : "polled",
			   q->ring.size, q->pool.nr_staged);
		pv_stats_show(m, q->stats);
	}
}
EXPORT_SYMBOL_GPL(pv_front_show);
