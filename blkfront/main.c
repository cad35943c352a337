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

#include "blkfront.h"

/* Most rings that a backend may allow */
#define MAX_RINGS	4096U

static unsigned int max_indirect_segments = 256;
module_param(max_indirect_segments, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments, "Most 4 KiB segments a request (default 256, 1 MiB)");

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most rings a disk (default: one a CPU)");

unsigned int blkfront_poll_queues;
module_param_named(poll_queues, blkfront_poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues, "Rings a disk that are polled, besides the others (default 0)");

unsigned int blkfront_max_ring_page_order = 2;
module_param_named(max_ring_page_order, blkfront_max_ring_page_order, uint, 0444);
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

/* Memory may wait for what it does. */
struct workqueue_struct *blkfront_wq;

/* The keys of blkif.h. */
static const struct pv_feature blkfront_features[] = {
	PV_BACK_KEY(F_MAX_QUEUES, "multi-queue-max-queues", PV_FEATURE_CLAMP, MAX_RINGS, 1),
	PV_BACK_KEY(F_MAX_ORDER, "max-ring-page-order", PV_FEATURE_CLAMP, U32_MAX, 0,
		    .limit = &max_order_limit),
	PV_BACK_KEY(F_SECTORS, "sectors", PV_FEATURE_LATE | PV_FEATURE_REQUIRED,
		    LLONG_MAX >> 9, 0),
	PV_BACK_KEY(F_INFO, "info", PV_FEATURE_LATE, U32_MAX, 0),
	PV_BACK_KEY(F_SECTOR_SIZE, "sector-size", PV_FEATURE_LATE, XEN_PAGE_SIZE, 512,
		    .min = 512),
	PV_BACK_KEY(F_PHYSICAL_SIZE, "physical-sector-size",
		    PV_FEATURE_LATE | PV_FEATURE_CLAMP, SZ_1G, 0),
	PV_BACK_KEY(F_FLUSH, "feature-flush-cache", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(F_BARRIER, "feature-barrier", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(F_DISCARD, "feature-discard", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(F_DISCARD_GRANULARITY, "discard-granularity",
		    PV_FEATURE_LATE | PV_FEATURE_CLAMP, SZ_1G, 0),
	PV_BACK_KEY(F_DISCARD_ALIGNMENT, "discard-alignment", PV_FEATURE_LATE, U32_MAX, 0),
	PV_BACK_KEY(F_DISCARD_SECURE, "discard-secure", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(F_BACK_PERSISTENT, "feature-persistent", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(F_INDIRECT, "feature-max-indirect-segments",
		    PV_FEATURE_LATE | PV_FEATURE_CLAMP, BLKFRONT_MAX_INDIRECT, 0,
		    .limit = &max_indirect_segments),
	PV_FRONT_KEY(F_NUM_QUEUES, "multi-queue-num-queues", 0, MAX_RINGS, 1,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_ORDER, "ring-page-order", 0, PV_RING_MAX_ORDER, 0,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_FRONT_PERSISTENT, "feature-persistent", 0, 1, 0),
};

/* An HVM guest's CD-ROM drive is never unplugged. */
static int blkfront_check_emulated_cdrom(struct pv_device *pd)
{
	char *type;
	int err = 0;

	if (!pv_has_emulator())
		return 0;
	type = pv_device_read_own_option(pd, "device-type");
	if (IS_ERR_OR_NULL(type))
		return PTR_ERR(type);
	if (!strcmp(type, "cdrom")) {
		dev_notice(&pd->xb->dev, "left to the emulated drive\n");
		err = -ENODEV;
	}
	kfree(type);
	return err;
}

static int blkfront_probe(struct pv_device *pd)
{
	struct blkfront *bf;
	int err = blkfront_check_emulated_cdrom(pd);

	if (err)
		return err;
	bf = kzalloc(sizeof(*bf), GFP_KERNEL);
	if (!bf)
		return -ENOMEM;
	kref_init(&bf->ref);
	mutex_init(&bf->lock);
	mutex_init(&bf->tags_lock);
	spin_lock_init(&bf->recut_lock);
	INIT_WORK(&bf->settle, blkfront_vbd_settle_work);
	INIT_WORK(&bf->recut, blkfront_recut_work);
	bf->pd = pd;
	pd->priv = bf;
	err = pv_front_alloc_counters(pd, min(max_queues ?: num_possible_cpus(), MAX_RINGS) +
				      min(blkfront_poll_queues, MAX_RINGS));
	if (!err)
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

/* How many rings this backend allows, at least one of them with events. */
static void blkfront_choose_rings(struct blkfront *bf, struct pv_front_config *config)
{
	unsigned int max = max_t(u64, pv_feature(bf->pd, F_MAX_QUEUES), 1);

	config->nr_irq = min(max_queues ?: num_online_cpus(), max);
	config->nr_poll = min(blkfront_poll_queues, max - config->nr_irq);
}

static int blkfront_negotiate(struct pv_device *pd)
{
	unsigned int order = min_t(u64, pv_feature(pd, F_MAX_ORDER),
				   blkfront_max_ring_page_order);
	struct blkfront *bf = pd->priv;
	struct pv_front_config config = {
		.nr_pages = 1U << order,
		.name = bf->vdev.name,
		.consume = blkfront_consume,
	};
	struct pv_front_queues *queues;

	blkfront_choose_rings(bf, &config);
	pv_feature_offer(pd, F_NUM_QUEUES, config.nr_irq + config.nr_poll);
	pv_feature_offer(pd, F_ORDER, order);
	pv_feature_offer(pd, F_FRONT_PERSISTENT,
			 READ_ONCE(feature_persistent));
	queues = pv_front_create(pd, &blkfront_ops, &config);
	if (IS_ERR(queues))
		return PTR_ERR(queues);
	rcu_assign_pointer(bf->queues, queues);
	return 0;
}

static int blkfront_publish(struct pv_device *pd, struct xenbus_transaction xbt)
{
	return pv_front_write_keys(blkfront_queues(pd->priv), xbt, pv_feature(pd, F_ORDER));
}

static int blkfront_choose_data_path(struct blkfront *bf)
{
	struct pv_device *pd = bf->pd;
	struct pv_front_data data = {
		.trusted = pv_device_trusted(pd, trusted),
		/* As it was offered: the parameter may be another one by now. */
		.persistent = pv_feature(pd, F_BACK_PERSISTENT) &&
			      pv_feature(pd, F_FRONT_PERSISTENT),
		.max_segs = max_t(u64, pv_feature(pd, F_INDIRECT),
				  BLKIF_MAX_SEGMENTS_PER_REQUEST),
		.max_pages = max_staged_pages,
		.lower = true,
	};

	return pv_front_reserve(blkfront_queues(bf), &data);
}

/*
 * The only place where it changes, in a hook. A disk that is away is quiesced;
 * then requests come again, also those that waited.
 */
static void blkfront_set_state(struct blkfront *bf, enum blkfront_state state)
{
	enum blkfront_state was = bf->state;
	struct request_queue *queue = bf->disk->queue;

	if (state == was)
		return;
	if (state == BLKFRONT_AWAY)
		blk_mq_quiesce_queue(queue);
	bf->state = state;
	if (was == BLKFRONT_AWAY) {
		blk_mq_unquiesce_queue(queue);
		blk_mq_start_stopped_hw_queues(queue, true);
		blk_mq_kick_requeue_list(queue);
	}
}

static int blkfront_connect(struct pv_device *pd)
{
	struct blkfront *bf = pd->priv;
	struct pv_front_queues *queues = blkfront_queues(bf);
	int err;

	err = blkfront_choose_data_path(bf);
	if (err)
		return err;
	pv_front_start(queues);
	err = blkfront_vbd_update(bf);
	if (err)
		return err;
	dev_info(&pd->xb->dev,
		 "%s: %u+%u rings of %u, %u segments, %s, %s\n",
		 bf->vdev.name, queues->nr_irq, queues->nr - queues->nr_irq,
		 queues->queue[0]->ring.size,
		 queues->max_segs, queues->bounce ? "staged pages" : "direct grants",
		 blkfront_flush_op(bf) ? "flush" : "no flush");
	blkfront_set_state(bf, BLKFRONT_UP);
	schedule_work(&bf->settle);
	return 0;
}

static void blkfront_change(struct pv_device *pd)
{
	blkfront_vbd_resize(pd->priv);
}

static void blkfront_suspend(struct pv_device *pd, unsigned long until)
{
	struct pv_front_queues *queues = blkfront_queues(pd->priv);
	unsigned int i;

	/* Of those that are polled nobody is there to take responses. */
	for (i = 0; queues && i < queues->nr_irq; i++)
		while (pv_ring_in_flight(&queues->queue[i]->ring) &&
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
	struct pv_front_queues *queues = blkfront_queues(bf);

	if (bf->disk)
		blkfront_set_state(bf, BLKFRONT_AWAY);
	RCU_INIT_POINTER(bf->queues, NULL);
	if (queues) {
		pv_front_stop(queues);
		blkfront_drain(bf, queues, why);
		pv_front_destroy(queues);
	}
	if (why == PV_DOWN_RETRY || !bf->disk)
		return;

	/* What an earlier RETRY requeued fails now. */
	blkfront_set_state(bf, BLKFRONT_DEAD);
	/* Last: who holds the disk may wait for what it has written. */
	blk_mark_disk_dead(bf->disk);
	flush_work(&bf->recut);
	/* If there is another life, it has another disk. */
	blkfront_set_state(bf, BLKFRONT_NONE);
	blkfront_vbd_delete(bf);
}

static void blkfront_show(struct pv_device *pd, struct seq_file *m)
{
	struct blkfront *bf = pd->priv;

	seq_printf(m, "disk %s\n", bf->vdev.name);
	pv_front_show(m, blkfront_queues(bf));
}

static struct pv_driver blkfront_driver = {
	.name = "pv-blkfront",
	.type = "vbd",
	.end = PV_FRONT,
	.features = blkfront_features,
	.nr_features = ARRAY_SIZE(blkfront_features),
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

	pv_param_clamp("max_ring_page_order", &blkfront_max_ring_page_order, 0,
		       PV_RING_MAX_ORDER);
	pv_param_clamp("max_staged_pages", &max_staged_pages, BLKIF_MAX_SEGMENTS_PER_REQUEST,
		       U32_MAX);
	blkfront_wq = alloc_workqueue("pv-blkfront", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!blkfront_wq)
		return -ENOMEM;
	err = -EBUSY;
	if (register_blkdev(BLKFRONT_MAJOR, "xvd")) {
		pr_err("major %u is taken: unload xen-blkfront first\n",
		       BLKFRONT_MAJOR);
		goto no_major;
	}
	err = pv_driver_register(&blkfront_driver);
	if (!err)
		return 0;
	pr_err("cannot register with xenbus: %d\n", err);
	unregister_blkdev(BLKFRONT_MAJOR, "xvd");
no_major:
	destroy_workqueue(blkfront_wq);
	return err;
}
module_init(blkfront_init);

static void __exit blkfront_exit(void)
{
	pv_driver_unregister(&blkfront_driver);
	unregister_blkdev(BLKFRONT_MAJOR, "xvd");
	destroy_workqueue(blkfront_wq);
}
module_exit(blkfront_exit);

MODULE_DESCRIPTION("Block frontend: a Xen guest's virtual disks");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen:vbd");
MODULE_ALIAS("xenblk");
MODULE_ALIAS_BLOCKDEV_MAJOR(BLKFRONT_MAJOR);
