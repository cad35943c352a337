// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI backend: the module, its parameters, and a vhost's life.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "policy.h"
#include "scsiback.h"

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most queues of a vhost (default: one a CPU)");

static unsigned int max_ring_page_order = PV_RING_MAX_ORDER;
module_param(max_ring_page_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Largest ring of a queue, as a power of two of pages (0-4, default 4)");

unsigned int scsiback_max_segments = 1024;
module_param_named(max_segments, scsiback_max_segments, uint, 0444);
MODULE_PARM_DESC(max_segments, "Most segments of a request (26-2048, default 1024)");

unsigned int scsiback_max_buffer_pages = 2048;
module_param_named(max_buffer_pages, scsiback_max_buffer_pages, uint, 0444);
MODULE_PARM_DESC(max_buffer_pages, "Most staged pages of a vhost (at least 2048, default 2048)");

unsigned int scsiback_max_persistent_grants = 2112;
module_param_named(max_persistent_grants, scsiback_max_persistent_grants, uint,
		   0444);
MODULE_PARM_DESC(max_persistent_grants, "Most grants that a queue keeps mapped (default 2112)");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep grants mapped for frontends that use them again (default Y)");

static char *allow = "";
module_param(allow, charp, 0444);
MODULE_PARM_DESC(allow, "What guests may send besides, a list: "
		 SCSIBACK_ALLOW_NAMES);

unsigned int scsiback_allow;
struct workqueue_struct *scsiback_wq;

/* The key of vscsiif.h, and those of vscsiif_ext.h. */
static const struct pv_feature scsiback_features[] = {
	PV_BACK_KEY(SCSIBACK_MAX_QUEUES, PV_VSCSIIF_MAX_QUEUES, 0, U32_MAX, 1),
	PV_BACK_KEY(SCSIBACK_MAX_ORDER, PV_VSCSIIF_MAX_ORDER, 0, PV_RING_MAX_ORDER, 0),
	PV_BACK_KEY(SCSIBACK_PERSISTENT, PV_VSCSIIF_PERSISTENT, 0, 1, 0),
	PV_BACK_KEY(SCSIBACK_SG_GRANT, "feature-sg-grant", 0, PV_VSCSIIF_MAX_SEGS, 0),
	PV_FRONT_ASKS(SCSIBACK_FRONT_QUEUES, PV_VSCSIIF_NUM_QUEUES, 1, U32_MAX, 1,
		      SCSIBACK_MAX_QUEUES),
	PV_FRONT_ASKS(SCSIBACK_FRONT_ORDER, PV_VSCSIIF_ORDER, 0, PV_RING_MAX_ORDER, 0,
		      SCSIBACK_MAX_ORDER),
	PV_FRONT_KEY(SCSIBACK_FRONT_PERSISTENT, PV_VSCSIIF_PERSISTENT, 0, 1, 0),
};

static_assert(ARRAY_SIZE(scsiback_features) == SCSIBACK_NR_FEATURES);

static int scsiback_probe(struct pv_device *pd)
{
	struct scsiback *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	b->pd = pd;
	b->gathered = jiffies - HZ;
	scsiback_luns_init(b);
	pd->priv = b;
	err = pv_device_alloc_counters(pd, max_queues, sizeof(struct scsiback_counters));
	if (!err)
		err = scsiback_luns_watch(b);
	if (err)
		kfree(b);
	return err;
}

static void scsiback_remove(struct pv_device *pd)
{
	struct scsiback *b = to_scsiback(pd);

	scsiback_luns_close(b);
	kfree(b);
}

static int scsiback_offer(struct pv_device *pd)
{
	pv_feature_offer(pd, SCSIBACK_MAX_QUEUES, max_queues);
	pv_feature_offer(pd, SCSIBACK_MAX_ORDER, max_ring_page_order);
	pv_feature_offer(pd, SCSIBACK_PERSISTENT,
			 READ_ONCE(feature_persistent));
	pv_feature_offer(pd, SCSIBACK_SG_GRANT, scsiback_max_segments);
	scsiback_luns_offer(to_scsiback(pd));
	return 0;
}

static int scsiback_connect(struct pv_device *pd)
{
	struct scsiback *b = to_scsiback(pd);
	struct pv_back_queues *queues;
	int err;

	queues = scsiback_queues_create(b);
	if (IS_ERR(queues))
		return PTR_ERR(queues);
	b->queues = queues;
	err = scsiback_luns_sync(b, true);
	if (err)
		return err;
	pv_back_start(queues);
	dev_info(&pd->xb->dev, "%u queue(s) of %u requests%s\n", queues->nr,
		 queues->queue[0]->ring.size,
		 queues->queue[0]->persistent ? ", persistent grants" : "");
	return 0;
}

static int scsiback_reconfigure(struct pv_device *pd)
{
	return scsiback_luns_sync(to_scsiback(pd), false);
}

static void scsiback_settled(struct pv_device *pd, bool reconfigured)
{
	scsiback_luns_settle(to_scsiback(pd), reconfigured);
}

static void scsiback_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct scsiback *b = to_scsiback(pd);

	if (!b->queues)
		return;
	pv_back_hold(b->queues, SCSIBACK_PATIENCE);
	pv_back_destroy(b->queues);
	b->queues = NULL;
}

static void scsiback_show(struct pv_device *pd, struct seq_file *m)
{
	struct scsiback *b = to_scsiback(pd);
	struct scsiback_lun *lun;

	list_for_each_entry(lun, &b->luns, all)
		seq_printf(m, "%s 0:%u:%u %s in_flight %d%s\n", lun->name,
			   lun->target, lun->lun, lun->pdev,
			   atomic_read(&lun->in_flight),
			   lun->gone ? " leaving" : lun->asked ? " asked" : "");
	pv_back_show(m, b->queues);
}

static struct attribute *statistics_attrs[] = {
	PV_COUNTER(f_req, scsiback_counters, flushes),
	PV_COUNTER(ds_req, scsiback_counters, discards),
	PV_COUNTER(oo_req, scsiback_counters, ring.starved),
	PV_COUNTER(rd_req, scsiback_counters, reads),
	PV_COUNTER(wr_req, scsiback_counters, writes),
	PV_COUNTER(other_req, scsiback_counters, others),
	PV_COUNTER(tmf_req, scsiback_counters, tmfs),
	PV_COUNTER(denied_req, scsiback_counters, denied),
	PV_COUNTER(rd_sect, scsiback_counters, sectors_read),
	PV_COUNTER(wr_sect, scsiback_counters, sectors_written),
	NULL
};

static const struct attribute_group statistics_group = {
	.name = "statistics",
	.attrs = statistics_attrs,
};

static const struct attribute_group *scsiback_groups[] = {
	&statistics_group,
	NULL
};

static struct pv_driver scsiback_driver = {
	.name = "pv-scsiback",
	.type = "vscsi",
	.end = PV_BACK,
	.lingers = true,
	.features = scsiback_features,
	.nr_features = ARRAY_SIZE(scsiback_features),
	.probe = scsiback_probe,
	.remove = scsiback_remove,
	.offer = scsiback_offer,
	.connect = scsiback_connect,
	.reconfigure = scsiback_reconfigure,
	.settled = scsiback_settled,
	.disconnect = scsiback_disconnect,
	.show = scsiback_show,
	.dev_groups = scsiback_groups,
};

static int __init scsiback_init(void)
{
	int err;

	if (!max_queues)
		max_queues = num_online_cpus();
	pv_param_clamp("max_queues", &max_queues, 1, 1024);
	pv_param_clamp("max_ring_page_order", &max_ring_page_order, 0, PV_RING_MAX_ORDER);
	pv_param_clamp("max_segments", &scsiback_max_segments, VSCSIIF_SG_TABLESIZE,
		       SCSIBACK_MAX_SEGMENTS);
	pv_param_clamp("max_buffer_pages", &scsiback_max_buffer_pages,
		       SCSIBACK_MAX_SEGMENTS, 1U << 20);
	err = scsiback_allow_parse(allow, &scsiback_allow);
	if (err) {
		pr_err("allow=\"%s\": not a list of " SCSIBACK_ALLOW_NAMES
		       "\n", allow);
		return err;
	}
	scsiback_wq = alloc_workqueue("pv-scsiback", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!scsiback_wq)
		return -ENOMEM;
	err = scsiback_fabric_init();
	if (err)
		goto destroy;
	err = pv_driver_register(&scsiback_driver);
	if (err)
		goto fabric;
	return 0;

fabric:
	scsiback_fabric_exit();
destroy:
	destroy_workqueue(scsiback_wq);
	return err;
}
module_init(scsiback_init);

static void __exit scsiback_exit(void)
{
	pv_driver_unregister(&scsiback_driver);
	scsiback_fabric_exit();
	destroy_workqueue(scsiback_wq);
}
module_exit(scsiback_exit);

MODULE_DESCRIPTION("Backend of Xen's paravirtual SCSI");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen-backend:vscsi");
