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

#include "scsifront.h"

/* For the answers that are due when the driver is taken away. */
#define LEAVE_TIMEOUT	(5 * HZ)
/* Ids have 16 bits; a ring has at most 256 of them. */
#define MAX_QUEUES	255
/* Most commands of a host: each has its memory before there is any. */
#define MAX_TAGS	2048

static unsigned int max_segments = 1024;
module_param(max_segments, uint, 0444);
MODULE_PARM_DESC(max_segments, "Most segments of 4 KiB a command (default 1024, 4 MiB)");

static unsigned int max_queues;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Most rings a host (default: one a CPU)");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues, "Rings a host that are polled, besides the others (default 0)");

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
static const struct pv_feature scsifront_features[] = {
	/* (None: a backend that knows the published protocol only.) */
	PV_BACK_KEY(F_MAX_QUEUES, PV_VSCSIIF_MAX_QUEUES, PV_FEATURE_CLAMP, MAX_QUEUES, 0),
	PV_BACK_KEY(F_MAX_ORDER, PV_VSCSIIF_MAX_ORDER, PV_FEATURE_CLAMP, U32_MAX, 0,
		    .limit = &max_order_limit),
	PV_BACK_KEY(F_BACK_PERSISTENT, PV_VSCSIIF_PERSISTENT, 0, 1, 0),
	PV_BACK_KEY(F_SG_GRANT, "feature-sg-grant", PV_FEATURE_CLAMP, PV_VSCSIIF_MAX_SEGS, 0,
		    .limit = &max_segments),
	PV_FRONT_KEY(F_NUM_QUEUES, PV_VSCSIIF_NUM_QUEUES, 0, MAX_QUEUES, 1,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_ORDER, PV_VSCSIIF_ORDER, 0, PV_RING_MAX_ORDER, 0,
		     .flags = PV_FEATURE_OPTIONAL),
	PV_FRONT_KEY(F_FRONT_PERSISTENT, PV_VSCSIIF_PERSISTENT, 0, 1, 0,
		     .flags = PV_FEATURE_OPTIONAL),
};

/*
 * Hardware queues: as many as there could be rings, since they cannot become more.
 * Whichever of them has no ring of its own shares one: see scsifront_queue_at().
 */
static unsigned int scsifront_nr_irq_hw(void)
{
	return min_t(unsigned int, max_queues ?: num_possible_cpus(), MAX_QUEUES);
}

static unsigned int scsifront_nr_poll_hw(void)
{
	return min(poll_queues, MAX_QUEUES - scsifront_nr_irq_hw());
}

static void scsifront_map_queues(struct Scsi_Host *host)
{
	pv_front_map_queues(&host->tag_set, scsifront_nr_irq_hw());
}

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
	.map_queues = scsifront_map_queues,
	.mq_poll = scsifront_mq_poll,
	.host_tagset = 1,
	.cmd_size = sizeof(struct scsifront_io),
	.this_id = -1,
	/* The backend's devices are ready when it says so. */
	.skip_settle_delay = 1,
};

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
	return sf;
}

/* Nothing but an open file's reset may still come by: it finds no device. */
static void scsifront_free_host(struct scsifront *sf)
{
	mutex_lock(&sf->tmf_lock);
	sf->pd = NULL;
	kvfree(sf->slot);
	kvfree(sf->parked);
	sf->slot = NULL;
	sf->parked = NULL;
	mutex_unlock(&sf->tmf_lock);
	scsifront_luns_forget(sf);
	scsi_host_put(sf->host);
}

static int scsifront_probe(struct pv_device *pd)
{
	int err = pv_front_alloc_counters(pd, scsifront_nr_irq_hw() + scsifront_nr_poll_hw());

	if (err)
		return err;
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

	if (old->state != SCSIFRONT_DEAD)
		return 0;
	sf = scsifront_alloc_host(pd);
	if (!sf)
		return -ENOMEM;
	pd->priv = sf;
	scsifront_free_host(old);
	return 0;
}

/* How many rings this backend allows, at least one of them with events. */
static void scsifront_choose_rings(struct pv_device *pd, struct pv_front_config *config)
{
	unsigned int max = max_t(u64, pv_feature(pd, F_MAX_QUEUES), 1);

	config->nr_irq = min3(max_queues ?: num_online_cpus(), scsifront_nr_irq_hw(), max);
	config->nr_poll = min(scsifront_nr_poll_hw(), max - config->nr_irq);
}

static int scsifront_negotiate(struct pv_device *pd)
{
	unsigned int order = min_t(u64, pv_feature(pd, F_MAX_ORDER), max_ring_page_order);
	struct pv_front_config config = {
		.nr_pages = 1U << order,
		.name = dev_name(&pd->xb->dev),
		.consume = scsifront_consume,
	};
	struct pv_front_queues *queues;
	struct scsifront *sf;
	int err;

	err = scsifront_renew_host(pd);
	if (err)
		return err;
	sf = pd->priv;
	scsifront_choose_rings(pd, &config);
	pv_feature_offer(pd, F_NUM_QUEUES, config.nr_irq + config.nr_poll);
	pv_feature_offer(pd, F_ORDER, order);
	pv_feature_offer(pd, F_FRONT_PERSISTENT,
			 READ_ONCE(feature_persistent));
	queues = pv_front_create(pd, &scsifront_ops, &config);
	if (IS_ERR(queues))
		return PTR_ERR(queues);
	rcu_assign_pointer(sf->queues, queues);
	return 0;
}

static int scsifront_publish(struct pv_device *pd,
			     struct xenbus_transaction xbt)
{
	return pv_front_write_keys(scsifront_queues(pd->priv), xbt, pv_feature(pd, F_ORDER));
}

static int scsifront_choose_data_path(struct scsifront *sf)
{
	struct pv_device *pd = sf->pd;
	struct pv_front_data data = {
		.trusted = pv_device_trusted(pd, trusted),
		/* As it was offered: the parameter may be another one by now. */
		.persistent = pv_feature(pd, F_BACK_PERSISTENT) &&
			      pv_feature(pd, F_FRONT_PERSISTENT),
		.max_segs = max_t(u64, pv_feature(pd, F_SG_GRANT), VSCSIIF_SG_TABLESIZE),
		.max_pages = max_staged_pages,
		/* (LUNs that are there would have to fail what waits now.) */
		.lower = !sf->added,
	};

	return pv_front_reserve(scsifront_queues(sf), &data);
}

/* What the LUNs that are added from now on may ask of this backend. */
static void scsifront_set_limits(struct scsifront *sf)
{
	const struct pv_front_queues *queues = scsifront_queues(sf);
	unsigned int max_segs = queues->max_segs;
	unsigned int sectors = max_segs * (XEN_PAGE_SIZE >> 9);
	struct Scsi_Host *host = sf->host;

	if (sf->added && sectors < host->max_sectors)
		dev_info(&sf->pd->xb->dev,
			 "this backend takes less than the last one: reads and writes are cut into pieces of %u sectors\n",
			 sectors);
	host->max_sectors = sectors;
	host->sg_tablesize = min_t(unsigned int, max_segs, SG_MAX_SEGMENTS);
	if (queues->bounce) {
		/* Staged pages are packed: how the data lies is all the same. */
		host->max_segment_size = max_segs * XEN_PAGE_SIZE;
		host->dma_boundary = U32_MAX;
	} else {
		host->max_segment_size = XEN_PAGE_SIZE;
		host->dma_boundary = XEN_PAGE_SIZE - 1;
	}
}

/* Largest ring of any connection, as far as this end goes. */
static unsigned int scsifront_most_slots(void)
{
	return pv_ring_slots(1U << max_ring_page_order, PV_VSCSIIF_STRIDE);
}

static int scsifront_alloc_slots(struct scsifront *sf)
{
	unsigned int stride = scsifront_most_slots();
	unsigned int nr = (scsifront_nr_irq_hw() + scsifront_nr_poll_hw()) * stride;

	/* (An earlier try may have come as far as this.) */
	sf->nr_slots = 0;
	kvfree(sf->slot);
	kvfree(sf->parked);
	sf->slot = kvcalloc(nr, sizeof(*sf->slot), GFP_KERNEL);
	sf->parked = kvcalloc(nr, sizeof(*sf->parked), GFP_KERNEL);
	if (!sf->slot || !sf->parked)
		return -ENOMEM;
	/* As many as any backend can have: what is parked keeps its place on the ring. */
	sf->stride = stride;
	sf->nr_slots = nr;
	return 0;
}

/* As many commands to a LUN as the rings take, unless somebody has set it otherwise. */
static void scsifront_set_depth(struct scsifront *sf)
{
	const struct pv_front_queues *queues = scsifront_queues(sf);
	struct Scsi_Host *host = sf->host;
	int was = host->cmd_per_lun;
	struct scsi_device *sdev;

	/* A slot of each ring is for an abort or a reset. */
	host->cmd_per_lun = min_t(unsigned int, queues->nr * (queues->queue[0]->ring.size - 1),
				  host->can_queue);
	if (!sf->added || host->cmd_per_lun == was)
		return;
	shost_for_each_device(sdev, host)
		if (sdev->queue_depth == was)
			scsi_change_queue_depth(sdev, host->cmd_per_lun);
}

static int scsifront_add_host(struct scsifront *sf)
{
	struct Scsi_Host *host = sf->host;
	int err;

	sf->nr_irq_hw = scsifront_nr_irq_hw();
	host->nr_hw_queues = sf->nr_irq_hw + scsifront_nr_poll_hw();
	host->nr_maps = poll_queues ? HCTX_MAX_TYPES : 1;
	host->can_queue = min_t(unsigned int, MAX_TAGS,
				host->nr_hw_queues * (scsifront_most_slots() - 1));
	scsifront_set_depth(sf);
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

/*
 * While there is no connection its devices are blocked, as by any transport: that
 * is seen in sysfs, and queues wait without asking again and again. (One that
 * goes, or is offline for good, is in no state for either.)
 */
static void scsifront_block(struct scsifront *sf, bool block)
{
	struct scsi_device *sdev;

	shost_for_each_device(sdev, sf->host) {
		mutex_lock(&sdev->state_mutex);
		if (block)
			scsi_internal_device_block_nowait(sdev);
		else
			scsi_internal_device_unblock_nowait(sdev, SDEV_RUNNING);
		mutex_unlock(&sdev->state_mutex);
	}
}

/* Meanwhile somebody else may have had the device: a tape stands elsewhere. */
static void scsifront_distrust_positions(struct scsifront *sf)
{
	struct scsi_device *sdev;

	shost_for_each_device(sdev, sf->host)
		if (!scsifront_is_disk(sdev))
			sdev->was_reset = 1;
}

static int scsifront_connect(struct pv_device *pd)
{
	struct scsifront *sf = pd->priv;
	struct pv_front_queues *queues = scsifront_queues(sf);
	bool was_added = sf->added;
	int err;

	sf->returns = pv_feature(pd, F_MAX_QUEUES);
	err = scsifront_choose_data_path(sf);
	if (err)
		return err;
	scsifront_set_limits(sf);
	if (!sf->added) {
		err = scsifront_add_host(sf);
		if (err)
			return err;
	} else {
		scsifront_set_depth(sf);
		scsifront_distrust_positions(sf);
	}
	pv_front_start(queues);
	dev_info(&pd->xb->dev, "host%u: %u+%u rings of %u, %u segments, %s\n",
		 sf->host->host_no, queues->nr_irq, queues->nr - queues->nr_irq,
		 queues->queue[0]->ring.size,
		 queues->max_segs, queues->bounce ? "staged pages" : "direct grants");
	/* Before anything is sent: they may be other devices. */
	scsifront_luns_unname(sf);
	err = scsifront_luns_read(sf);
	if (err && was_added)
		return err;
	mutex_lock(&sf->stop_lock);
	scsifront_set_state(sf, SCSIFRONT_UP);
	mutex_unlock(&sf->stop_lock);
	scsifront_block(sf, false);
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
	struct pv_front_queues *queues = scsifront_queues(sf);

	if (!queues)
		return;
	mutex_lock(&sf->stop_lock);
	scsifront_hold(sf);
	pv_front_stop(queues);
	scsifront_drain(sf, queues, why);
	mutex_unlock(&sf->stop_lock);
	/* Who waits for an abort or a reset has its answer now. */
	mutex_lock(&sf->tmf_lock);
	RCU_INIT_POINTER(sf->queues, NULL);
	mutex_unlock(&sf->tmf_lock);
	pv_front_destroy(queues);
}

static void scsifront_remove_host(struct scsifront *sf)
{
	cancel_work_sync(&sf->luns_work);
	scsi_remove_host(sf->host);
	sf->added = false;
}

static bool scsifront_all_answered(struct scsifront *sf)
{
	const struct pv_front_queues *queues = scsifront_queues(sf);
	unsigned int i;

	/* Of those that are polled nobody may be there to take responses. */
	if (queues)
		scsifront_look(queues);
	for (i = 0; queues && i < queues->nr; i++)
		if (READ_ONCE(to_scsifront_queue(queues->queue[i])->line.nr))
			return false;
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
	int state;

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

/* The end: over the rings that there are, if there are any. */
static void scsifront_leave(struct scsifront *sf)
{
	mutex_lock(&sf->stop_lock);
	scsifront_set_state(sf, sf->state == SCSIFRONT_UP ? SCSIFRONT_LEAVING : SCSIFRONT_DEAD);
	mutex_unlock(&sf->stop_lock);
}

static void scsifront_disconnect(struct pv_device *pd, enum pv_down why)
{
	struct scsifront *sf = pd->priv;

	if (why == PV_DOWN_FINAL)
		scsifront_leave(sf);
	/* Caches are written out as long as there are rings. */
	if (why == PV_DOWN_FINAL && sf->added && scsifront_may_flush(pd))
		scsifront_remove_host(sf);
	if (sf->added)
		scsifront_block(sf, true);
	scsifront_close_rings(sf, why);
	if (why == PV_DOWN_RETRY || !sf->added)
		return;

	/* From here on every command ends at once, whoever waits for one. */
	scsifront_block(sf, false);
	wake_up_all(&sf->wait);
	scsifront_remove_host(sf);
}

static void scsifront_show(struct pv_device *pd, struct seq_file *m)
{
	struct scsifront *sf = pd->priv;
	struct pv_front_queues *queues = scsifront_queues(sf);
	unsigned int i;

	seq_printf(m, "host %u\n", sf->host->host_no);
	for (i = 0; queues && i < queues->nr; i++)
		seq_printf(m, "parked %u of %u waiting %u\n",
			   to_scsifront_queue(queues->queue[i])->nr_parked,
			   queues->queue[i]->ring.size,
			   to_scsifront_queue(queues->queue[i])->line.nr);
	pv_front_show(m, queues);
}

static struct pv_driver scsifront_driver = {
	.name = "pv-scsifront",
	.type = "vscsi",
	.end = PV_FRONT,
	.features = scsifront_features,
	.nr_features = ARRAY_SIZE(scsifront_features),
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
MODULE_VERSION(PVSPLIT_VERSION);
MODULE_ALIAS("xen:vscsi");
