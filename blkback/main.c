// SPDX-License-Identifier: GPL-2.0
/*
 * Block backend: the module, its parameters, and a device's life.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "blkback.h"

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most queues of a device (default: one a CPU)");

static unsigned int max_ring_page_order = PV_RING_MAX_ORDER;
module_param(max_ring_page_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Largest ring of a queue, as a power of two of pages (0-4, default 4)");

unsigned int blkback_max_indirect_segments = BLKBACK_MAX_SEGMENTS;
module_param_named(max_indirect_segments, blkback_max_indirect_segments, uint,
		   0444);
MODULE_PARM_DESC(max_indirect_segments, "Most segments of a request (0-256, default 256; below 12 there are no indirect requests)");

unsigned int blkback_max_buffer_pages = 1024;
module_param_named(max_buffer_pages, blkback_max_buffer_pages, uint, 0444);
MODULE_PARM_DESC(max_buffer_pages, "Most staged pages of a queue (at least 256, default 1024)");

unsigned int blkback_max_persistent_grants = 1056;
module_param_named(max_persistent_grants, blkback_max_persistent_grants, uint,
		   0644);
MODULE_PARM_DESC(max_persistent_grants, "Most grants that a queue keeps mapped (default 1056)");

unsigned int blkback_persistent_grant_unused_seconds = 60;
module_param_named(persistent_grant_unused_seconds,
		   blkback_persistent_grant_unused_seconds, uint, 0444);
MODULE_PARM_DESC(persistent_grant_unused_seconds, "Seconds after which an unused grant is unmapped (0: never, default 60)");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep grants mapped for frontends that use them again (default Y)");

unsigned int blkback_poll_us;
module_param_named(poll_us, blkback_poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "Microseconds to look for requests before a queue's thread sleeps (default 0)");

struct workqueue_struct *blkback_wq;

/* What it means if the frontend has no ring-page-order: see queue_map(). */
#define NO_ORDER	U64_MAX

static const struct pv_feature blkback_features[] = {
	PV_BACK_KEY(BLKBACK_MAX_QUEUES, "multi-queue-max-queues", 0, U32_MAX, 1),
	PV_BACK_KEY(BLKBACK_MAX_RING_PAGE_ORDER, "max-ring-page-order", 0,
		    PV_RING_MAX_ORDER, 0),
	PV_BACK_KEY(BLKBACK_MAX_INDIRECT, "feature-max-indirect-segments",
		    PV_FEATURE_OPTIONAL, BLKBACK_MAX_SEGMENTS, 0),
	PV_BACK_KEY(BLKBACK_PERSISTENT, "feature-persistent", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(BLKBACK_FLUSH, "feature-flush-cache", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(BLKBACK_BARRIER, "feature-barrier", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(BLKBACK_DISCARD, "feature-discard", PV_FEATURE_LATE, 1, 0),
	PV_BACK_KEY(BLKBACK_DISCARD_GRANULARITY, "discard-granularity",
		    PV_FEATURE_LATE | PV_FEATURE_OPTIONAL, U32_MAX, 0),
	PV_BACK_KEY(BLKBACK_DISCARD_ALIGNMENT, "discard-alignment",
		    PV_FEATURE_LATE | PV_FEATURE_OPTIONAL, U32_MAX, 0),
	PV_BACK_KEY(BLKBACK_DISCARD_SECURE, "discard-secure",
		    PV_FEATURE_LATE | PV_FEATURE_OPTIONAL, 1, 0),
	PV_BACK_KEY(BLKBACK_SECTORS, "sectors", PV_FEATURE_LATE, U64_MAX, 0),
	PV_BACK_KEY(BLKBACK_SECTOR_SIZE, "sector-size", PV_FEATURE_LATE, U32_MAX, 512),
	PV_BACK_KEY(BLKBACK_PHYSICAL_SECTOR_SIZE, "physical-sector-size",
		    PV_FEATURE_LATE, U32_MAX, 512),
	PV_BACK_KEY(BLKBACK_INFO, "info", PV_FEATURE_LATE, U32_MAX, 0),
	PV_FRONT_ASKS(BLKBACK_FRONT_QUEUES, "multi-queue-num-queues", 1, U32_MAX, 1,
		      BLKBACK_MAX_QUEUES),
	PV_FRONT_ASKS(BLKBACK_FRONT_RING_PAGE_ORDER, "ring-page-order", 0,
		      PV_RING_MAX_ORDER, NO_ORDER, BLKBACK_MAX_RING_PAGE_ORDER),
	PV_FRONT_KEY(BLKBACK_FRONT_PERSISTENT, "feature-persistent", 0, 1, 0),
};

static_assert(ARRAY_SIZE(blkback_features) == BLKBACK_NR_FEATURES);

/* The hotplug script has written physical-device. */
static void blkback_target_changed(struct pv_device *pd)
{
	int changed = blkback_vbd_refresh(pd);

	if (changed < 0)
		pv_watch_again(&to_blkback(pd)->watch);
	else if (changed)
		pv_device_poke(pd);
}

static int blkback_probe(struct pv_device *pd)
{
	struct blkback *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	b->pd = pd;
	blkback_vbd_init(b);
	pd->priv = b;
	err = pv_device_alloc_counters(pd, max_queues, sizeof(struct blkback_counters));
	if (!err)
		err = pv_watch_own(pd, &b->watch, "physical-device", blkback_target_changed);
	if (err)
		kfree(b);
	return err;
}

static void blkback_remove(struct pv_device *pd)
{
	struct blkback *b = to_blkback(pd);

	blkback_vbd_stop(b);
	kfree(b);
}

/*
 * The toolstack runs the script that writes physical-device only when it has
 * seen InitWait: the disk is not a condition here, but in connect().
 */
static int blkback_offer(struct pv_device *pd)
{
	pv_feature_offer(pd, BLKBACK_MAX_QUEUES, max_queues);
	pv_feature_offer(pd, BLKBACK_MAX_RING_PAGE_ORDER, max_ring_page_order);
	pv_feature_offer(pd, BLKBACK_MAX_INDIRECT,
			 blkback_max_indirect_segments);
	return 0;
}

static int blkback_read_abi(struct pv_device *pd)
{
	enum blkback_abi *abi = &to_blkback(pd)->abi;
	char *protocol = pv_device_read_peer_option(pd, "protocol");
	int err;

	if (IS_ERR(protocol))
		return PTR_ERR(protocol);
	err = blkback_abi_parse(protocol, abi);
	if (err)
		pv_device_error(pd, err, "protocol is \"%*pE\": not known",
				(int)strnlen(protocol, 40), protocol);
	kfree(protocol);
	return err;
}

static int blkback_connect(struct pv_device *pd)
{
	struct blkback *b = to_blkback(pd);
	struct pv_back_queues *queues;
	int err;

	/* The toolstack may have changed its mind while nobody was here. */
	err = blkback_vbd_refresh(pd);
	if (err < 0)
		return err;
	if (!b->vbd.ready)
		return -EAGAIN;
	err = blkback_read_abi(pd);
	if (!err)
		err = blkback_vbd_sync(b);
	if (err)
		return err;
	pv_feature_offer(pd, BLKBACK_PERSISTENT, READ_ONCE(feature_persistent));
	queues = blkback_queues_create(b);
	if (IS_ERR(queues))
		return PTR_ERR(queues);
	b->queues = queues;

	blkback_vbd_offer(b);
	WRITE_ONCE(b->up, true);
	pv_back_start(queues);
	blkback_vbd_poll(b, false);
	dev_info(&pd->xb->dev, "%u queue(s) of %u requests, %s%s\n", queues->nr,
		 queues->queue[0]->ring.size, blkback_abi_name(b->abi),
		 queues->queue[0]->persistent ? ", persistent grants" : "");
	return 0;
}

static void blkback_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct blkback *b = to_blkback(pd);

	WRITE_ONCE(b->up, false);
	if (!b->queues)
		return;
	pv_back_hold(b->queues, 0);
	pv_back_destroy(b->queues);
	b->queues = NULL;
}

static void blkback_show(struct pv_device *pd, struct seq_file *m)
{
	pv_back_show(m, to_blkback(pd)->queues);
}

static struct pv_driver blkback_driver = {
	.name = "pv-blkback",
	.type = "vbd",
	.end = PV_BACK,
	.resumable = true,
	.lingers = true,
	.features = blkback_features,
	.nr_features = ARRAY_SIZE(blkback_features),
	.probe = blkback_probe,
	.remove = blkback_remove,
	.offer = blkback_offer,
	.connect = blkback_connect,
	.disconnect = blkback_disconnect,
	.show = blkback_show,
	.dev_groups = blkback_groups,
};

static int __init blkback_init(void)
{
	int err;

	if (!max_queues)
		max_queues = num_online_cpus();
	pv_param_clamp("max_queues", &max_queues, 1, 1024);
	pv_param_clamp("max_ring_page_order", &max_ring_page_order, 0, PV_RING_MAX_ORDER);
	pv_param_clamp("max_indirect_segments", &blkback_max_indirect_segments, 0,
		       BLKBACK_MAX_SEGMENTS);
	if (blkback_max_indirect_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST)
		blkback_max_indirect_segments = 0;
	pv_param_clamp("max_buffer_pages", &blkback_max_buffer_pages, BLKBACK_MAX_SEGMENTS,
		       1U << 20);
	pv_param_clamp("persistent_grant_unused_seconds",
		       &blkback_persistent_grant_unused_seconds, 0, 24 * 60 * 60);

	blkback_wq = alloc_workqueue("pv-blkback", WQ_UNBOUND | WQ_MEM_RECLAIM,
				     0);
	if (!blkback_wq)
		return -ENOMEM;
	err = pv_driver_register(&blkback_driver);
	if (err)
		destroy_workqueue(blkback_wq);
	return err;
}
module_init(blkback_init);

static void __exit blkback_exit(void)
{
	pv_driver_unregister(&blkback_driver);
	destroy_workqueue(blkback_wq);
}
module_exit(blkback_exit);

MODULE_DESCRIPTION("Backend of Xen's paravirtual block device");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen-backend:vbd");
