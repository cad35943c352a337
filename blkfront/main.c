// SPDX-License-Identifier: GPL-2.0
/*
 * Block frontend: module, negotiation and life cycle.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xen/interface/io/protocols.h>

#include "blkfront.h"

/* Idle pages are looked for this often. */
#define SHRINK_INTERVAL	(30 * HZ)

static unsigned int max_indirect_segments = 256;
module_param(max_indirect_segments, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments, "Most 4 KiB segments a request (default 256, 1 MiB)");

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most rings a disk (default: one a CPU)");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues, "Rings a disk that are polled, besides the others (default 0)");

static unsigned int max_ring_page_order = 2;
module_param(max_ring_page_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Most pages a ring, as a power of two (0 to 4, default 2)");

static unsigned int max_staged_pages = 1024;
module_param(max_staged_pages, uint, 0444);
MODULE_PARM_DESC(max_staged_pages, "Most data pages in flight a ring (default 1024, 4 MiB)");

static bool trusted = true;
module_param(trusted, bool, 0644);
MODULE_PARM_DESC(trusted, "Whether backends may see more of a page than the data (default yes)");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep data pages granted between requests (default Y)");

static const unsigned int max_order_limit = PV_RING_MAX_ORDER;

/* The keys of blkif.h. */
static const struct pv_feature features[] = {
	[F_MAX_QUEUES] = {
		.key = "multi-queue-max-queues", .flags = PV_FEATURE_CLAMP,
		.max = 4096, .absent = 1,
	},
	[F_MAX_ORDER] = {
		.key = "max-ring-page-order", .flags = PV_FEATURE_CLAMP,
		.max = U32_MAX, .limit = &max_order_limit,
	},
	[F_SECTORS] = {
		.key = "sectors", .flags = PV_FEATURE_LATE | PV_FEATURE_REQUIRED,
		.max = LLONG_MAX >> 9,
	},
	[F_INFO] = {
		.key = "info", .flags = PV_FEATURE_LATE, .max = U32_MAX,
	},
	[F_SECTOR_SIZE] = {
		.key = "sector-size", .flags = PV_FEATURE_LATE,
		.min = 512, .max = XEN_PAGE_SIZE, .absent = 512,
	},
	[F_PHYSICAL_SIZE] = {
		.key = "physical-sector-size", .flags = PV_FEATURE_LATE,
		.max = SZ_1G,
	},
	[F_FLUSH] = {
		.key = "feature-flush-cache", .flags = PV_FEATURE_LATE, .max = 1,
	},
	[F_BARRIER] = {
		.key = "feature-barrier", .flags = PV_FEATURE_LATE, .max = 1,
	},
	[F_DISCARD] = {
		.key = "feature-discard", .flags = PV_FEATURE_LATE, .max = 1,
	},
	[F_DISCARD_GRANULARITY] = {
		.key = "discard-granularity", .flags = PV_FEATURE_LATE,
		.max = SZ_1G,
	},
	[F_DISCARD_ALIGNMENT] = {
		.key = "discard-alignment", .flags = PV_FEATURE_LATE,
		.max = U32_MAX,
	},
	[F_DISCARD_SECURE] = {
		.key = "discard-secure", .flags = PV_FEATURE_LATE, .max = 1,
	},
	[F_BACK_PERSISTENT] = {
		.key = "feature-persistent", .flags = PV_FEATURE_LATE, .max = 1,
	},
	[F_INDIRECT] = {
		.key = "feature-max-indirect-segments",
		.flags = PV_FEATURE_LATE | PV_FEATURE_CLAMP,
		.max = BLKFRONT_MAX_INDIRECT, .limit = &max_indirect_segments,
	},
	[F_NUM_QUEUES] = {
		.key = "multi-queue-num-queues", .from_front = true,
		.flags = PV_FEATURE_OPTIONAL, .max = 4096, .absent = 1,
	},
	[F_ORDER] = {
		.key = "ring-page-order", .from_front = true,
		.flags = PV_FEATURE_OPTIONAL, .max = PV_RING_MAX_ORDER,
	},
	[F_FRONT_PERSISTENT] = {
		.key = "feature-persistent", .from_front = true, .max = 1,
	},
};

static unsigned int blkfront_nr_rings(const struct blkfront *bf)
{
	return bf->nr_irq + bf->nr_poll;
}

static void blkfront_shrink_work(struct work_struct *work)
{
	struct blkfront *bf = container_of(to_delayed_work(work),
					   struct blkfront, shrink);
	unsigned int i;

	for (i = 0; i < blkfront_nr_rings(bf); i++)
		pv_grant_pool_shrink(&bf->queue[i].pool);
	schedule_delayed_work(&bf->shrink, SHRINK_INTERVAL);
}

/* An HVM guest's CD-ROM drive is never unplugged. */
static bool blkfront_is_emulated_cdrom(struct pv_device *pd)
{
	char *type;
	bool is;

	if (!pv_has_emulator())
		return false;
	type = pv_device_read_own(pd, "device-type");
	if (IS_ERR(type))
		return false;
	is = !strcmp(type, "cdrom");
	kfree(type);
	return is;
}

static int blkfront_probe(struct pv_device *pd)
{
	struct blkfront *bf;
	int err;

	if (blkfront_is_emulated_cdrom(pd)) {
		dev_notice(&pd->xb->dev, "left to the emulated drive\n");
		return -ENODEV;
	}
	bf = kzalloc(sizeof(*bf), GFP_KERNEL);
	if (!bf)
		return -ENOMEM;
	kref_init(&bf->ref);
	mutex_init(&bf->lock);
	spin_lock_init(&bf->recut_lock);
	INIT_WORK(&bf->settle, blkfront_vbd_settle_work);
	INIT_WORK(&bf->recut, blkfront_recut_work);
	INIT_DELAYED_WORK(&bf->shrink, blkfront_shrink_work);
	bf->pd = pd;
	pd->priv = bf;
	err = blkfront_vbd_number(bf);
	if (err)
		blkfront_put(bf);
	return err;
}

static void blkfront_remove(struct pv_device *pd)
{
	struct blkfront *bf = pd->priv;

	mutex_lock(&bf->lock);
	bf->pd = NULL;
	mutex_unlock(&bf->lock);
	blkfront_vbd_forget(bf);
	blkfront_put(bf);
}

/* For good once there is a disk: a poller may look at them at any time. */
static int blkfront_alloc_queues(struct blkfront *bf)
{
	unsigned int i, nr = blkfront_nr_rings(bf);

	kvfree(bf->queue);
	bf->nr_alloc = 0;
	bf->queue = kvcalloc(nr, sizeof(*bf->queue), GFP_KERNEL);
	if (!bf->queue) {
		bf->nr_irq = 0;
		bf->nr_poll = 0;
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++) {
		bf->queue[i].bf = bf;
		spin_lock_init(&bf->queue[i].submit);
		spin_lock_init(&bf->queue[i].complete);
	}
	bf->nr_alloc = nr;
	return 0;
}

/* How many rings this backend allows, at least one of them with events. */
static int blkfront_choose_rings(struct blkfront *bf)
{
	unsigned int max = max_t(u64, pv_feature(bf->pd, F_MAX_QUEUES), 1);
	unsigned int irq = max_queues ?: num_online_cpus(), poll;

	if (bf->disk) {
		max = min(max, bf->nr_alloc);
		irq = bf->nr_irq_hw;
	}
	poll = min(poll_queues, max - min(irq, max));
	if (bf->disk)
		poll = min(poll, bf->nr_alloc - bf->nr_irq_hw);
	/* A poller may be looking: see queue_of(). */
	WRITE_ONCE(bf->nr_irq, min(irq, max));
	WRITE_ONCE(bf->nr_poll, poll);
	return bf->disk ? 0 : blkfront_alloc_queues(bf);
}

static int blkfront_open_queue(struct blkfront *bf, unsigned int i, u32 nr_pages)
{
	struct blkfront_queue *q = &bf->queue[i];
	struct pv_channel_config config = {
		.name = bf->vdev.name,
		.ring = &q->ring,
		.stats = &q->stats,
		.context = i < bf->nr_irq ? PV_SOFTIRQ : PV_POLLED,
		.consume = blkfront_consume,
		.cpu = i,
	};
	int err;

	err = pv_shared_create(bf->pd, &q->shared, nr_pages);
	if (err)
		return err;
	pv_ring_init_front(&q->ring, q->shared.mem, nr_pages,
			   sizeof(struct blkif_request), &q->stats);
	return pv_channel_open(&q->channel, bf->pd, &config);
}

static int blkfront_negotiate(struct pv_device *pd)
{
	struct blkfront *bf = pd->priv;
	unsigned int order, i;
	int err;

	order = min_t(u64, pv_feature(pd, F_MAX_ORDER), max_ring_page_order);
	err = blkfront_choose_rings(bf);
	for (i = 0; i < blkfront_nr_rings(bf) && !err; i++)
		err = blkfront_open_queue(bf, i, 1U << order);
	pv_feature_offer(pd, F_NUM_QUEUES, blkfront_nr_rings(bf));
	pv_feature_offer(pd, F_ORDER, order);
	pv_feature_offer(pd, F_FRONT_PERSISTENT,
			 READ_ONCE(feature_persistent));
	return err;
}

static int blkfront_publish(struct pv_device *pd, struct xenbus_transaction xbt)
{
	struct blkfront *bf = pd->priv;
	bool multi = pv_feature(pd, F_ORDER);
	char dir[PV_QUEUE_DIR];
	unsigned int i;
	int err;

	err = pv_device_write(pd, xbt, "protocol", "%s",
			      XEN_IO_PROTO_ABI_NATIVE);
	for (i = 0; i < blkfront_nr_rings(bf) && !err; i++) {
		struct blkfront_queue *q = &bf->queue[i];

		pv_queue_dir(dir, blkfront_nr_rings(bf), i);
		err = pv_shared_publish(pd, xbt, dir, "ring-ref", multi,
					&q->shared);
		if (err)
			break;
		err = pv_device_write_port(pd, xbt, dir, "event-channel",
					   q->channel.port);
	}
	return err;
}

static void blkfront_choose_data_path(struct blkfront *bf)
{
	struct pv_device *pd = bf->pd;

	bf->zero = !pv_device_trusted(pd, trusted);
	/* As it was offered: the parameter may be another one by now. */
	bf->bounce = bf->zero || (pv_feature(pd, F_BACK_PERSISTENT) &&
				  pv_feature(pd, F_FRONT_PERSISTENT));
	bf->max_segs = max_t(u64, pv_feature(pd, F_INDIRECT),
			     BLKIF_MAX_SEGMENTS_PER_REQUEST);
	/* A request must fit into the pool, whoever else holds pages. */
	bf->max_segs = min(bf->max_segs, max_staged_pages);
	if (pv_feature(pd, F_FLUSH))
		bf->flush_op = BLKIF_OP_FLUSH_DISKCACHE;
	else if (pv_feature(pd, F_BARRIER))
		bf->flush_op = BLKIF_OP_WRITE_BARRIER;
	else
		bf->flush_op = 0;
}

/* Each ring has enough for the largest request, or that gets smaller. */
static int blkfront_init_pools(struct blkfront *bf)
{
	unsigned int i;
	int err;

	for (i = 0; i < blkfront_nr_rings(bf); i++) {
		struct blkfront_queue *q = &bf->queue[i];

		/* Room for the pages of segments on top. */
		err = pv_grant_pool_init(&q->pool, bf->pd,
					 max_staged_pages + q->ring.size,
					 &q->stats);
		if (err)
			return err;
	}
	for (i = 0; i < blkfront_nr_rings(bf); i++)
		bf->max_segs = pv_grant_pool_fit(&bf->queue[i].pool,
						 bf->max_segs,
						 blkfront_indirect_pages,
						 bf->bounce);
	return 0;
}

/* After the queue was quiesced: requests come again, also those that waited. */
static void blkfront_go_on(struct blkfront *bf)
{
	struct request_queue *queue = bf->disk->queue;

	bf->quiesced = false;
	blk_mq_unquiesce_queue(queue);
	blk_mq_start_stopped_hw_queues(queue, true);
	blk_mq_kick_requeue_list(queue);
}

static int blkfront_connect(struct pv_device *pd)
{
	struct blkfront *bf = pd->priv;
	unsigned int i;
	int err;

	blkfront_choose_data_path(bf);
	err = blkfront_init_pools(bf);
	if (err)
		return err;
	for (i = 0; i < blkfront_nr_rings(bf); i++) {
		struct blkfront_queue *q = &bf->queue[i];

		spin_lock_bh(&q->complete);
		q->live = true;
		spin_unlock_bh(&q->complete);
		pv_channel_start(&q->channel);
	}
	err = blkfront_vbd_update(bf);
	if (err)
		return err;
	dev_info(&pd->xb->dev,
		 "%s: %u+%u rings of %u, %u segments, %s, %s\n",
		 bf->vdev.name, bf->nr_irq, bf->nr_poll, bf->queue[0].ring.size,
		 bf->max_segs, bf->bounce ? "staged pages" : "direct grants",
		 bf->flush_op ? "flush" : "no flush");
	if (bf->quiesced)
		blkfront_go_on(bf);
	schedule_work(&bf->settle);
	schedule_delayed_work(&bf->shrink, SHRINK_INTERVAL);
	return 0;
}

static void blkfront_change(struct pv_device *pd)
{
	blkfront_vbd_resize(pd->priv);
}

static void blkfront_suspend(struct pv_device *pd, unsigned long until)
{
	struct blkfront *bf = pd->priv;
	unsigned int i;

	/* Of those that are polled nobody is there to take responses. */
	for (i = 0; i < bf->nr_irq; i++)
		while (pv_ring_in_flight(&bf->queue[i].ring) &&
		       time_before(jiffies, until))
			msleep(20);
}

static bool blkfront_may_close(struct pv_device *pd)
{
	struct blkfront *bf = pd->priv;

	return !bf->disk || !disk_openers(bf->disk);
}

static void blkfront_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct blkfront *bf = pd->priv;
	unsigned int i;

	cancel_delayed_work_sync(&bf->shrink);
	if (bf->disk && !bf->quiesced) {
		blk_mq_quiesce_queue(bf->disk->queue);
		bf->quiesced = true;
	}
	for (i = 0; i < bf->nr_alloc; i++)
		pv_channel_close(&bf->queue[i].channel);
	blkfront_drain(bf, why);
	for (i = 0; i < bf->nr_alloc; i++) {
		pv_grant_pool_destroy(&bf->queue[i].pool);
		pv_shared_destroy(&bf->queue[i].shared);
	}
	if (why == PV_DOWN_RETRY || !bf->disk)
		return;

	bf->dead = true;
	/* What an earlier RETRY requeued fails now. */
	blkfront_go_on(bf);
	/* Last: who holds the disk may wait for what it has written. */
	blk_mark_disk_dead(bf->disk);
	flush_work(&bf->recut);
	blkfront_vbd_delete(bf);
	/* If there is another life, it has another disk. */
	bf->dead = false;
}

static void blkfront_show(struct pv_device *pd, struct seq_file *m)
{
	struct blkfront *bf = pd->priv;
	unsigned int i;

	seq_printf(m, "disk %s\ndata %s\nmax_segments %u\n", bf->vdev.name,
		   bf->bounce ? "staged" : "direct", bf->max_segs);
	for (i = 0; i < blkfront_nr_rings(bf); i++) {
		seq_printf(m, "queue %u %s slots %u staged_free %u\n", i,
			   i < bf->nr_irq ? "interrupt" : "polled",
			   bf->queue[i].ring.size, bf->queue[i].pool.nr_staged);
		pv_stats_show(m, &bf->queue[i].stats);
	}
}

static struct pv_driver blkfront_driver = {
	.name = "pv-blkfront",
	.type = "vbd",
	.end = PV_FRONT,
	.features = features,
	.nr_features = ARRAY_SIZE(features),
	.emulated = PV_EMULATED_DISKS,
	.probe = blkfront_probe,
	.remove = blkfront_remove,
	.negotiate = blkfront_negotiate,
	.publish = blkfront_publish,
	.connect = blkfront_connect,
	.change = blkfront_change,
	.disconnect = blkfront_disconnect,
	.may_close = blkfront_may_close,
	.suspend = blkfront_suspend,
	.show = blkfront_show,
};

static int __init blkfront_init(void)
{
	int err;

	if (max_ring_page_order > PV_RING_MAX_ORDER) {
		pr_warn("max_ring_page_order=%u: at most %u, taken as that\n",
			max_ring_page_order, PV_RING_MAX_ORDER);
		max_ring_page_order = PV_RING_MAX_ORDER;
	}
	if (max_staged_pages < BLKIF_MAX_SEGMENTS_PER_REQUEST) {
		pr_warn("max_staged_pages=%u: at least %u, taken as that\n",
			max_staged_pages, BLKIF_MAX_SEGMENTS_PER_REQUEST);
		max_staged_pages = BLKIF_MAX_SEGMENTS_PER_REQUEST;
	}
	if (register_blkdev(BLKFRONT_MAJOR, "xvd")) {
		pr_err("major %u is taken: unload xen-blkfront first\n",
		       BLKFRONT_MAJOR);
		return -EBUSY;
	}
	err = pv_driver_register(&blkfront_driver);
	if (err) {
		unregister_blkdev(BLKFRONT_MAJOR, "xvd");
		pr_err("cannot register with xenbus: %d\n", err);
	}
	return err;
}
module_init(blkfront_init);

static void __exit blkfront_exit(void)
{
	pv_driver_unregister(&blkfront_driver);
	unregister_blkdev(BLKFRONT_MAJOR, "xvd");
}
module_exit(blkfront_exit);

MODULE_DESCRIPTION("Block frontend: a Xen guest's virtual disks");
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen:vbd");
MODULE_ALIAS("xenblk");
