// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI frontend: module, negotiation and life cycle.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xen/interface/io/protocols.h>

#include "scsifront.h"

/* Idle pages are looked for this often. */
#define SHRINK_INTERVAL	(30 * HZ)

/* For the answers that are due when the driver is taken away. */
#define LEAVE_TIMEOUT	(5 * HZ)
/* Ids have 16 bits; a ring has at most 256 of them. */
#define MAX_QUEUES	255

static unsigned int max_segments = 1024;
module_param(max_segments, uint, 0444);
MODULE_PARM_DESC(max_segments, "Most segments of 4 KiB a command (default 1024, 4 MiB)");

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most rings a host (default: one a CPU)");

static unsigned int max_ring_page_order = 3;
module_param(max_ring_page_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Most pages a ring, as a power of two (0 to 4, default 3)");

static unsigned int max_staged_pages = 2048;
module_param(max_staged_pages, uint, 0444);
MODULE_PARM_DESC(max_staged_pages, "Most data pages in flight a ring (default 2048, 8 MiB)");

static bool trusted = true;
module_param(trusted, bool, 0644);
MODULE_PARM_DESC(trusted, "Whether backends may see more of a page than the data (default yes)");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep data pages granted between commands (default Y)");

module_param_named(tmf_timeout, scsifront_tmf_timeout, uint, 0644);
MODULE_PARM_DESC(tmf_timeout, "Seconds that a backend has for an abort or a reset (default 60)");

static const unsigned int max_order_limit = PV_RING_MAX_ORDER;

/* The key of vscsiif.h, and those of vscsiif_ext.h. */
static const struct pv_feature features[] = {
	/* (None: a backend that knows the published protocol only.) */
	[F_MAX_QUEUES] = {
		.key = PV_VSCSIIF_MAX_QUEUES, .flags = PV_FEATURE_CLAMP,
		.max = MAX_QUEUES,
	},
	[F_MAX_ORDER] = {
		.key = PV_VSCSIIF_MAX_ORDER, .flags = PV_FEATURE_CLAMP,
		.max = U32_MAX, .limit = &max_order_limit,
	},
	[F_BACK_PERSISTENT] = {
		.key = PV_VSCSIIF_PERSISTENT, .max = 1,
	},
	[F_SG_GRANT] = {
		.key = "feature-sg-grant", .flags = PV_FEATURE_CLAMP,
		.max = PV_VSCSIIF_MAX_SEGS, .limit = &max_segments,
	},
	[F_NUM_QUEUES] = {
		.key = PV_VSCSIIF_NUM_QUEUES, .from_front = true,
		.flags = PV_FEATURE_OPTIONAL, .max = MAX_QUEUES, .absent = 1,
	},
	[F_ORDER] = {
		.key = PV_VSCSIIF_ORDER, .from_front = true,
		.flags = PV_FEATURE_OPTIONAL, .max = PV_RING_MAX_ORDER,
	},
	[F_FRONT_PERSISTENT] = {
		.key = PV_VSCSIIF_PERSISTENT, .from_front = true,
		.flags = PV_FEATURE_OPTIONAL, .max = 1,
	},
};

static struct scsi_host_template scsifront_template = {
	.module = THIS_MODULE,
	.name = "Xen virtual SCSI",
	.proc_name = "pv_scsifront",
	.queuecommand = scsifront_queuecommand,
	.commit_rqs = scsifront_commit_rqs,
	.eh_timed_out = scsifront_eh_timed_out,
	.eh_abort_handler = scsifront_eh_abort,
	.eh_device_reset_handler = scsifront_eh_device_reset,
	.eh_host_reset_handler = scsifront_eh_host_reset,
	.change_queue_depth = scsi_change_queue_depth,
	.cmd_size = sizeof(struct scsifront_io),
	.this_id = -1,
	/* The backend's devices are ready when it says so. */
	.skip_settle_delay = 1,
};

static void scsifront_shrink_work(struct work_struct *work)
{
	struct scsifront *sf = container_of(to_delayed_work(work),
					    struct scsifront, shrink);
	unsigned int i;

	for (i = 0; i < sf->nr_queues; i++)
		pv_grant_pool_shrink(&sf->queue[i].pool);
	schedule_delayed_work(&sf->shrink, SHRINK_INTERVAL);
}

static struct scsifront *scsifront_alloc_host(struct pv_device *pd)
{
	struct Scsi_Host *host = scsi_host_alloc(&scsifront_template,
						 sizeof(struct scsifront));
	struct scsifront *sf;

	if (!host)
		return NULL;
	sf = shost_priv(host);
	sf->pd = pd;
	sf->host = host;
	mutex_init(&sf->stop_lock);
	mutex_init(&sf->tmf_lock);
	mutex_init(&sf->luns_lock);
	init_waitqueue_head(&sf->wait);
	INIT_LIST_HEAD(&sf->luns);
	INIT_WORK(&sf->luns_work, scsifront_luns_work);
	INIT_DELAYED_WORK(&sf->shrink, scsifront_shrink_work);
	return sf;
}

/* Nothing but an open file's reset may still come by: it finds no device. */
static void scsifront_free_host(struct scsifront *sf)
{
	mutex_lock(&sf->tmf_lock);
	sf->pd = NULL;
	kvfree(sf->queue);
	kvfree(sf->slot);
	kvfree(sf->parked);
	sf->queue = NULL;
	sf->slot = NULL;
	sf->parked = NULL;
	mutex_unlock(&sf->tmf_lock);
	scsifront_luns_forget(sf);
	scsi_host_put(sf->host);
}

static int scsifront_probe(struct pv_device *pd)
{
	pd->priv = scsifront_alloc_host(pd);
	return pd->priv ? 0 : -ENOMEM;
}

static void scsifront_remove(struct pv_device *pd)
{
	scsifront_free_host(pd->priv);
}

/* A host that was given up does not come back: the SCSI layer wants a new one. */
static int scsifront_renew_host(struct pv_device *pd)
{
	struct scsifront *old = pd->priv, *sf;

	if (!old->dead)
		return 0;
	sf = scsifront_alloc_host(pd);
	if (!sf)
		return -ENOMEM;
	pd->priv = sf;
	scsifront_free_host(old);
	return 0;
}

/* For good once the SCSI layer knows the host. */
static int scsifront_alloc_queues(struct scsifront *sf, unsigned int nr)
{
	unsigned int i;

	kvfree(sf->queue);
	sf->nr_alloc = 0;
	sf->nr_queues = 0;
	sf->queue = kvcalloc(nr, sizeof(*sf->queue), GFP_KERNEL);
	if (!sf->queue)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		sf->queue[i].sf = sf;
		spin_lock_init(&sf->queue[i].submit);
		spin_lock_init(&sf->queue[i].complete);
		init_completion(&sf->queue[i].tmf.done);
		sf->queue[i].heard = jiffies;
	}
	sf->nr_alloc = nr;
	sf->nr_queues = nr;
	return 0;
}

static int scsifront_choose_rings(struct scsifront *sf)
{
	unsigned int max = max_t(u64, pv_feature(sf->pd, F_MAX_QUEUES), 1);
	unsigned int nr = min(max_queues ?: num_online_cpus(), max);

	if (!sf->added)
		return scsifront_alloc_queues(sf, nr);
	sf->nr_queues = min(nr, sf->nr_alloc);
	return 0;
}

static int scsifront_open_queue(struct scsifront *sf, unsigned int i, u32 nr_pages)
{
	struct scsifront_queue *q = &sf->queue[i];
	struct pv_channel_config config = {
		.name = dev_name(&sf->pd->xb->dev),
		.ring = &q->ring,
		.stats = &q->stats,
		.context = PV_SOFTIRQ,
		.consume = scsifront_consume,
		.cpu = i,
	};
	int err;

	err = pv_shared_create(sf->pd, &q->shared, nr_pages);
	if (err)
		return err;
	pv_ring_init_front(&q->ring, q->shared.mem, nr_pages, PV_VSCSIIF_STRIDE,
			   &q->stats);
	return pv_channel_open(&q->channel, sf->pd, &config);
}

static int scsifront_negotiate(struct pv_device *pd)
{
	unsigned int order, i;
	struct scsifront *sf;
	int err;

	err = scsifront_renew_host(pd);
	if (err)
		return err;
	sf = pd->priv;
	order = min_t(u64, pv_feature(pd, F_MAX_ORDER), max_ring_page_order);
	err = scsifront_choose_rings(sf);
	for (i = 0; i < sf->nr_queues && !err; i++)
		err = scsifront_open_queue(sf, i, 1U << order);
	pv_feature_offer(pd, F_NUM_QUEUES, sf->nr_queues);
	pv_feature_offer(pd, F_ORDER, order);
	pv_feature_offer(pd, F_FRONT_PERSISTENT,
			 READ_ONCE(feature_persistent));
	return err;
}

static int scsifront_publish(struct pv_device *pd,
			     struct xenbus_transaction xbt)
{
	struct scsifront *sf = pd->priv;
	bool multi = pv_feature(pd, F_ORDER);
	char dir[PV_QUEUE_DIR];
	unsigned int i;
	int err;

	err = pv_device_write(pd, xbt, "protocol", "%s",
			      XEN_IO_PROTO_ABI_NATIVE);
	for (i = 0; i < sf->nr_queues && !err; i++) {
		struct scsifront_queue *q = &sf->queue[i];

		pv_queue_dir(dir, sf->nr_queues, i);
		err = pv_shared_publish(pd, xbt, dir, "ring-ref", multi,
					&q->shared);
		if (err)
			break;
		err = pv_device_write_port(pd, xbt, dir, "event-channel",
					   q->channel.port);
	}
	return err;
}

static void scsifront_choose_data_path(struct scsifront *sf)
{
	struct pv_device *pd = sf->pd;

	sf->zero = !pv_device_trusted(pd, trusted);
	/* As it was offered: the parameter may be another one by now. */
	sf->bounce = sf->zero || (pv_feature(pd, F_BACK_PERSISTENT) &&
				  pv_feature(pd, F_FRONT_PERSISTENT));
	sf->max_segs = max_t(u64, pv_feature(pd, F_SG_GRANT),
			     VSCSIIF_SG_TABLESIZE);
	/* A command must fit into the pool, whoever else holds pages. */
	sf->max_segs = min(sf->max_segs, max_staged_pages);
}

/* What the LUNs that are added from now on may ask of this backend. */
static void scsifront_set_limits(struct scsifront *sf)
{
	unsigned int sectors = sf->max_segs * (XEN_PAGE_SIZE >> 9);
	struct Scsi_Host *host = sf->host;

	if (sf->added && sectors < host->max_sectors)
		dev_warn(&sf->pd->xb->dev,
			 "commands of more than %u sectors will fail: this backend takes less than the last one\n",
			 sectors);
	host->max_sectors = sectors;
	host->sg_tablesize = min_t(unsigned int, sf->max_segs, SG_MAX_SEGMENTS);
	if (sf->bounce) {
		/* Staged pages are packed: how the data lies is all the same. */
		host->max_segment_size = sf->max_segs * XEN_PAGE_SIZE;
		host->dma_boundary = U32_MAX;
	} else {
		host->max_segment_size = XEN_PAGE_SIZE;
		host->dma_boundary = XEN_PAGE_SIZE - 1;
	}
}

static int scsifront_alloc_slots(struct scsifront *sf)
{
	unsigned int nr = sf->nr_queues * sf->queue[0].ring.size;

	/* (An earlier try may have come as far as this.) */
	sf->nr_slots = 0;
	kvfree(sf->slot);
	kvfree(sf->parked);
	sf->slot = kvcalloc(nr, sizeof(*sf->slot), GFP_KERNEL);
	sf->parked = kvcalloc(nr, sizeof(*sf->parked), GFP_KERNEL);
	if (!sf->slot || !sf->parked)
		return -ENOMEM;
	/* As many as the backend can have: what is parked keeps its place on the ring. */
	sf->stride = sf->queue[0].ring.size;
	sf->nr_slots = nr;
	return 0;
}

static int scsifront_add_host(struct scsifront *sf)
{
	struct Scsi_Host *host = sf->host;
	int err;

	/* A slot of each ring is for an abort or a reset. */
	host->can_queue = sf->queue[0].ring.size - 1;
	host->cmd_per_lun = host->can_queue;
	host->nr_hw_queues = sf->nr_queues;
	host->max_cmd_len = VSCSIIF_MAX_COMMAND_SIZE;
	host->max_channel = 0;
	host->max_id = SCSIFRONT_MAX_TARGET;
	host->max_lun = SCSIFRONT_MAX_LUN;
	err = scsifront_alloc_slots(sf);
	if (err)
		return err;
	err = scsi_add_host(host, &sf->pd->xb->dev);
	if (err)
		return err;
	/* Scheduling is for who owns the devices: the control domain. */
	host->tag_set.flags |= BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	sf->added = true;
	return 0;
}

/* Each ring has enough for the largest command, or that gets smaller. */
static int scsifront_init_pools(struct scsifront *sf)
{
	unsigned int i, nr;
	int err;

	for (i = 0; i < sf->nr_queues; i++) {
		/* Room for the pages of segments on top. */
		err = pv_grant_pool_init(&sf->queue[i].pool, sf->pd,
					 max_staged_pages + VSCSIIF_SG_TABLESIZE,
					 &sf->queue[i].stats);
		if (err)
			return err;
	}
	for (i = 0; i < sf->nr_queues; i++) {
		nr = pv_grant_pool_fit(&sf->queue[i].pool, sf->max_segs,
				       scsifront_list_pages, sf->bounce);
		/* (LUNs that are there would have to fail what waits now.) */
		if (!sf->added)
			sf->max_segs = nr;
	}
	return 0;
}

static int scsifront_connect(struct pv_device *pd)
{
	struct scsifront *sf = pd->priv;
	unsigned int i;
	int err;

	sf->returns = pv_feature(pd, F_MAX_QUEUES);
	scsifront_choose_data_path(sf);
	err = scsifront_init_pools(sf);
	if (err)
		return err;
	scsifront_set_limits(sf);
	if (!sf->added) {
		err = scsifront_add_host(sf);
		if (err)
			return err;
	}
	for (i = 0; i < sf->nr_queues; i++) {
		sf->queue[i].live = true;
		pv_channel_start(&sf->queue[i].channel);
	}
	dev_info(&pd->xb->dev, "host%u: %u rings of %u, %u segments, %s\n",
		 sf->host->host_no, sf->nr_queues, sf->queue[0].ring.size,
		 sf->max_segs, sf->bounce ? "staged pages" : "direct grants");
	/* Whoever sees it sees the rings and pools, too. */
	smp_store_release(&sf->accepting, true);
	wake_up_all(&sf->wait);
	scsi_unblock_requests(sf->host);
	scsifront_luns_unname(sf);
	scsifront_luns_read(sf);
	schedule_delayed_work(&sf->shrink, SHRINK_INTERVAL);
	return 0;
}

static void scsifront_change(struct pv_device *pd)
{
	scsifront_luns_read(pd->priv);
}

static int scsifront_reconfigure(struct pv_device *pd)
{
	scsifront_luns_read(pd->priv);
	return 0;
}

static bool scsifront_settling(struct pv_device *pd)
{
	return scsifront_luns_busy(pd->priv);
}

static void scsifront_close_rings(struct scsifront *sf, enum pv_down why)
{
	unsigned int i;

	mutex_lock(&sf->stop_lock);
	scsifront_hold(sf);
	for (i = 0; i < sf->nr_alloc; i++)
		pv_channel_close(&sf->queue[i].channel);
	scsifront_drain(sf, why);
	for (i = 0; i < sf->nr_alloc; i++) {
		pv_grant_pool_destroy(&sf->queue[i].pool);
		pv_shared_destroy(&sf->queue[i].shared);
	}
	mutex_unlock(&sf->stop_lock);
}

static void scsifront_remove_host(struct scsifront *sf)
{
	cancel_work_sync(&sf->luns_work);
	scsi_remove_host(sf->host);
	sf->added = false;
}

static bool scsifront_all_answered(struct scsifront *sf)
{
	unsigned int i;

	for (i = 0; i < sf->nr_slots; i++)
		if (scsifront_is_owed(sf, &sf->slot[i]))
			return false;
	return true;
}

/* A deaf backend would hold us up for as long as the SCSI layer waits. */
static bool scsifront_backend_answers(struct scsifront *sf, unsigned long until)
{
	bool answered;

	scsi_block_requests(sf->host);
	while (!(answered = scsifront_all_answered(sf)) && time_before(jiffies, until))
		msleep(20);
	scsi_unblock_requests(sf->host);
	return answered;
}

/*
 * The guest takes the driver away, or the toolstack the vhost (it writes
 * Closing for the backend), and that serves until we say Closed.
 */
static bool scsifront_may_flush(struct pv_device *pd)
{
	enum xenbus_state state;

	if (pd->failed || pd->link != PV_LINK_UP)
		return false;
	state = pv_device_peer_state(pd);
	return ((pd->gone && state == XenbusStateConnected) ||
		(pd->closing && state == XenbusStateClosing)) &&
	       scsifront_backend_answers(pd->priv, jiffies + LEAVE_TIMEOUT);
}

static void scsifront_suspend(struct pv_device *pd, unsigned long until)
{
	scsifront_backend_answers(pd->priv, until);
}

static void scsifront_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct scsifront *sf = pd->priv;

	cancel_delayed_work_sync(&sf->shrink);
	if (why == PV_DOWN_FINAL)
		WRITE_ONCE(sf->dead, true);
	/* Caches are written out as long as there are rings. */
	if (why == PV_DOWN_FINAL && sf->added && scsifront_may_flush(pd))
		scsifront_remove_host(sf);
	if (sf->added)
		scsi_block_requests(sf->host);
	scsifront_close_rings(sf, why);
	if (why == PV_DOWN_RETRY || !sf->added)
		return;

	/* From here on every command ends at once, whoever waits for one. */
	scsi_unblock_requests(sf->host);
	wake_up_all(&sf->wait);
	scsifront_remove_host(sf);
}

static void scsifront_show(struct pv_device *pd, struct seq_file *m)
{
	struct scsifront *sf = pd->priv;
	unsigned int i;

	seq_printf(m, "host %u\ndata %s\ntrusted %d\nmax_segments %u\n",
		   sf->host->host_no, sf->bounce ? "staged" : "direct",
		   !sf->zero, sf->max_segs);
	for (i = 0; i < sf->nr_queues; i++) {
		seq_printf(m, "queue %u slots %u parked %u staged_free %u\n", i,
			   sf->queue[i].ring.size, sf->queue[i].nr_parked,
			   sf->queue[i].pool.nr_staged);
		pv_stats_show(m, &sf->queue[i].stats);
	}
}

static struct pv_driver scsifront_driver = {
	.name = "pv-scsifront",
	.type = "vscsi",
	.end = PV_FRONT,
	.features = features,
	.nr_features = ARRAY_SIZE(features),
	.probe = scsifront_probe,
	.remove = scsifront_remove,
	.negotiate = scsifront_negotiate,
	.publish = scsifront_publish,
	.connect = scsifront_connect,
	.change = scsifront_change,
	.reconfigure = scsifront_reconfigure,
	.settling = scsifront_settling,
	.disconnect = scsifront_disconnect,
	.suspend = scsifront_suspend,
	.show = scsifront_show,
};

static int __init scsifront_init(void)
{
	int err;

	if (max_ring_page_order > PV_RING_MAX_ORDER) {
		pr_warn("max_ring_page_order=%u: at most %u, taken as that\n",
			max_ring_page_order, PV_RING_MAX_ORDER);
		max_ring_page_order = PV_RING_MAX_ORDER;
	}
	if (max_staged_pages < VSCSIIF_SG_TABLESIZE) {
		pr_warn("max_staged_pages=%u: at least %u, taken as that\n",
			max_staged_pages, VSCSIIF_SG_TABLESIZE);
		max_staged_pages = VSCSIIF_SG_TABLESIZE;
	}
	err = pv_driver_register(&scsifront_driver);
	if (err)
		pr_err("cannot register with xenbus: %d\n", err);
	return err;
}
module_init(scsifront_init);

static void __exit scsifront_exit(void)
{
	pv_driver_unregister(&scsifront_driver);
}
module_exit(scsifront_exit);

MODULE_DESCRIPTION("SCSI frontend: a Xen guest's virtual SCSI devices");
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen:vscsi");
