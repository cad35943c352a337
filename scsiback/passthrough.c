// SPDX-License-Identifier: GPL-2.0
/*
 * Pass-through: a LUN is a SCSI device of this domain, and commands go to its
 * own request queue.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/dma-direction.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#include "limits.h"
#include "policy.h"
#include "scsiback.h"

/* For commands to end when their device is to be reset. */
#define RESET_TIMEOUT	(60 * HZ)

/* Which devices guests have. */
static DEFINE_MUTEX(given_lock);
static LIST_HEAD(given);

/**
 * struct given - a device that a guest has
 * @list: of all
 * @sdev: which
 */
struct given {
	struct list_head list;
	const struct scsi_device *sdev;
};

/* ---- commands ---- */

static bool scsiback_fits(const struct scsiback_req *req, const struct request_queue *rq)
{
	return req->io.bytes >> SECTOR_SHIFT <= queue_max_hw_sectors(rq) &&
	       req->nr_vecs <= queue_max_segments(rq);
}

/*
 * A disk's reads and writes go as far as the adapter does. What is left stands in
 * the residual: who sends them makes another command of it.
 */
static bool scsiback_cut(struct scsiback_req *req, const struct scsi_device *sdev)
{
	const struct request_queue *rq = sdev->request_queue;
	u32 bytes = 0, nr;
	unsigned int i;

	if (scsiback_has_position(sdev->type) || !sdev->sector_size)
		return false;
	for (i = 0; i < min_t(unsigned int, req->nr_vecs, queue_max_segments(rq)); i++)
		bytes += req->vecs[i].bv_len;
	nr = min(bytes, queue_max_hw_sectors(rq) << SECTOR_SHIFT) / sdev->sector_size;
	if (!nr || !pv_vscsiif_set_blocks(req->io.cdb, nr))
		return false;
	req->cut = req->io.bytes - nr * sdev->sector_size;
	return true;
}

/* Returns false if it has been answered. */
static bool scsiback_make_fit(struct scsiback_req *req)
{
	struct scsiback_lun *lun = req->lun;
	struct scsi_device *sdev = lun->sdev;

	if (likely(scsiback_fits(req, sdev->request_queue)) || scsiback_cut(req, sdev))
		return true;
	pv_device_complain(req->base.q->pd,
			   "%s: command of %u bytes in %u pages: %s takes %u bytes in %u\n",
			   lun->name, req->io.bytes, req->nr_vecs, lun->pdev,
			   queue_max_hw_sectors(sdev->request_queue) << 9,
			   queue_max_segments(sdev->request_queue));
	/* invalid field in CDB */
	scsiback_deny(req, 0x24);
	return false;
}

/* Its queue says "later" until the end. */
static bool scsiback_is_leaving(const struct scsi_device *sdev)
{
	enum scsi_device_state state = READ_ONCE(sdev->sdev_state);

	return state == SDEV_CANCEL || state == SDEV_DEL;
}

static int scsiback_passthrough_prepare(struct scsiback_req *req)
{
	struct scsi_device *sdev = req->lun->sdev;
	struct request *rq;

	if (unlikely(!scsiback_make_fit(req)))
		return -EPERM;
	rq = scsi_alloc_request(sdev->request_queue,
				req->io.dir == DMA_TO_DEVICE ? REQ_OP_DRV_OUT :
							       REQ_OP_DRV_IN,
				BLK_MQ_REQ_NOWAIT);
	if (IS_ERR(rq)) {
		/* All its tags are in use, or somebody changes its settings. */
		if (PTR_ERR(rq) == -EAGAIN && !scsiback_is_leaving(sdev))
			return -EAGAIN;
		scsiback_set_host(&req->result,
				  XEN_VSCSIIF_RSLT_HOST_NO_CONNECT,
				  req->io.bytes);
		return -EPERM;
	}
	req->rq = rq;
	return 0;
}

/* The request stays ours until finish() has looked at it. */
static enum rq_end_io_ret scsiback_passthrough_end_io(PV_END_IO_PARAMS)
{
	struct scsi_cmnd *scmd = blk_mq_rq_to_pdu(rq);

	/* Refused above the driver, as by a device that has just gone. */
	if (status != BLK_STS_OK && !scmd->result)
		scmd->result = DID_NO_CONNECT << 16;
	scsiback_done(rq->end_io_data);
	return RQ_END_IO_NONE;
}

static int scsiback_attach_data(struct scsiback_req *req)
{
	struct bio *bio = &req->bio;

	if (!req->nr_vecs)
		return 0;
	bio_init(bio, NULL, req->vecs, req->nr_vecs,
		 req->io.dir == DMA_TO_DEVICE ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN);
	bio->bi_vcnt = req->nr_vecs;
	bio->bi_iter.bi_size = req->io.bytes - req->cut;
	return blk_rq_append_bio(req->rq, bio);
}

static void scsiback_passthrough_submit(struct scsiback_req *req)
{
	struct request *rq = req->rq;
	struct scsi_cmnd *scmd = blk_mq_rq_to_pdu(rq);

	memcpy(scmd->cmnd, req->io.cdb, sizeof(req->io.cdb));
	scmd->cmd_len = req->io.cdb_len;
	/* For what is refused above the driver. */
	scmd->result = 0;
	scmd->resid_len = req->io.bytes - req->cut;
	/* Retries are for who knows what the command is for: the guest. */
	scmd->allowed = 0;
	rq->timeout = scsiback_timeout(req->io.cdb[0], req->lun->sdev->type);
	rq->end_io = scsiback_passthrough_end_io;
	rq->end_io_data = req;
	if (req->base.failed || scsiback_attach_data(req)) {
		scmd->result = DID_ERROR << 16;
		scsiback_done(req);
		return;
	}
	blk_execute_rq_nowait(rq, false);
}

/* What goes through the adapter at a time, in bytes. */
static u32 scsiback_max_bytes(const struct scsi_device *sdev)
{
	struct request_queue *rq = sdev->request_queue;

	return min(queue_max_hw_sectors(rq) << SECTOR_SHIFT, queue_max_segments(rq) << PAGE_SHIFT);
}

/*
 * Make what a device says of its limits true of the adapter's, too: page B0h of a
 * disk, which gets one if it has none; a tape's largest block.
 */
static void scsiback_edit_limits(struct scsiback_req *req)
{
	struct scsi_device *sdev = req->lun->sdev;
	u32 max = scsiback_max_bytes(sdev), room, len;
	bool tape = req->io.cdb[0] == READ_BLOCK_LIMITS;
	u8 *data;

	/* One page has all: longer data is no page of these. */
	if (!req->staged || req->io.dir != DMA_FROM_DEVICE)
		return;
	data = page_address(req->vecs[0].bv_page);
	room = min_t(u32, req->vecs[0].bv_len, get_unaligned_be16(&req->io.cdb[3]));
	if (tape) {
		if (!req->result.rslt && req->io.bytes - req->result.resid >= 4)
			scsiback_edit_block_limits(data, max);
		return;
	}
	if (sdev->type != TYPE_DISK || !sdev->sector_size || !(req->io.cdb[1] & 1))
		return;
	if (req->io.cdb[2] == 0xb0 && scsiback_is_invalid_field(&req->result)) {
		memset(data, 0, room);
		scsiback_set_status(&req->result, SAM_STAT_GOOD, req->io.bytes);
	}
	if (req->result.rslt)
		return;
	len = scsiback_edit_vpd(data, req->io.bytes - req->result.resid, room, req->io.cdb[2],
				max / sdev->sector_size);
	req->result.resid = req->io.bytes - len;
}

static void scsiback_passthrough_finish(struct scsiback_req *req)
{
	struct scsi_cmnd *scmd = blk_mq_rq_to_pdu(req->rq);

	scsiback_set_result(&req->result, scmd->result, scmd->sense_buffer,
			    scmd->sense_len, scmd->resid_len + req->cut);
	blk_mq_free_request(req->rq);
	/* The SCSI layer calls it a timeout; the guest knows better. */
	if (unlikely(req->aborted &&
		     XEN_VSCSIIF_RSLT_HOST(req->result.rslt) ==
		     XEN_VSCSIIF_RSLT_HOST_TIME_OUT))
		scsiback_set_host(&req->result, XEN_VSCSIIF_RSLT_HOST_ABORT,
				  req->io.bytes);
	if (unlikely(req->io.cdb[0] == INQUIRY ||
		     (req->io.cdb[0] == READ_BLOCK_LIMITS && req->lun->type == TYPE_TAPE)))
		scsiback_edit_limits(req);
}

/* ---- task management ---- */

/*
 * Its time is over, says this, and the SCSI layer takes it from there: the
 * driver's abort, and what follows if that fails. If others are before it in
 * the SCSI layer's queue, it has no time until its turn comes. The request
 * cannot end for good under our hands: only this thread frees it.
 */
static void scsiback_passthrough_abort(struct scsiback_req *req,
				       struct scsiback_req *tmf)
{
	if (!req->lun->sdev->host->hostt->eh_abort_handler &&
	    (tmf || test_bit(0, &req->lun->resetting))) {
		/* It would stop the whole adapter, and others' LUNs with it. */
		req->aborted = SCSIBACK_NOT_ABORTED;
		if (!tmf)
			return;
		tmf->result.rslt = XEN_VSCSIIF_RSLT_RESET_FAILED;
		scsiback_done(tmf);
		return;
	}
	req->tmf = tmf;
	WRITE_ONCE(req->rq->timeout, 1);
	blk_abort_request(req->rq);
}

/*
 * Who starts a request, or looks at its time, just when it is aborted may write
 * another time over ours. One that the error handler has is not disturbed.
 */
static void scsiback_passthrough_again(struct scsiback_req *req)
{
	blk_abort_request(req->rq);
}

/* All tags may be others'. Waiting for one has an end. */
static struct request *scsiback_reset_request(struct scsi_device *sdev, unsigned long until)
{
	struct request *rq;

	while (IS_ERR(rq = scsi_alloc_request(sdev->request_queue, REQ_OP_DRV_IN,
					      BLK_MQ_REQ_NOWAIT)) &&
	       !scsiback_is_leaving(sdev) && time_before(jiffies, until))
		msleep(20);
	return rq;
}

/* As the SCSI layer's own resets: alone, neither beside its error handler nor beside commands. */
static bool scsiback_begin_tmf(struct Scsi_Host *host, unsigned long until)
{
	unsigned long flags;
	bool ok;

	for (;;) {
		spin_lock_irqsave(host->host_lock, flags);
		ok = !scsi_host_in_recovery(host);
		host->tmf_in_progress |= ok;
		spin_unlock_irqrestore(host->host_lock, flags);
		if (ok || time_after(jiffies, until))
			return ok;
		msleep(20);
	}
}

static void scsiback_end_tmf(struct scsi_device *sdev)
{
	struct Scsi_Host *host = sdev->host;
	unsigned long flags;

	spin_lock_irqsave(host->host_lock, flags);
	host->tmf_in_progress = 0;
	spin_unlock_irqrestore(host->host_lock, flags);
	wake_up(&host->host_wait);
	blk_mq_run_hw_queues(sdev->request_queue, true);
}

static bool scsiback_reset_device(struct scsi_device *sdev)
{
	unsigned long until = jiffies + RESET_TIMEOUT;
	struct Scsi_Host *host = sdev->host;
	struct scsi_cmnd *scmd;
	struct request *rq;
	int ret;

	if (!host->hostt->eh_device_reset_handler)
		return false;
	rq = scsiback_reset_request(sdev, until);
	if (IS_ERR(rq))
		return false;
	if (!scsiback_begin_tmf(host, until)) {
		blk_mq_free_request(rq);
		return false;
	}
	scmd = blk_mq_rq_to_pdu(rq);
	scmd->device = sdev;
	scmd->submitter = SUBMITTED_BY_SCSI_RESET_IOCTL;
	scmd->sc_data_direction = DMA_NONE;
	ret = host->hostt->eh_device_reset_handler(scmd);
	scsiback_end_tmf(sdev);
	/* Nobody here is to be alarmed by what the device says next. */
	sdev->was_reset = 1;
	blk_mq_free_request(rq);
	return ret == SUCCESS;
}

static void scsiback_reset_work(struct work_struct *work)
{
	struct scsiback_req *tmf = container_of(work, struct scsiback_req,
						work);
	unsigned long until = jiffies + RESET_TIMEOUT;
	struct scsiback_lun *lun = tmf->lun;
	bool ok;

	/* Each queue aborts its commands, again and again; only the reset itself is left. */
	do
		pv_back_wake(lun->b->queues);
	while (!wait_event_timeout(lun->idle, atomic_read(&lun->in_flight) == 1, HZ) &&
	       time_before(jiffies, until));
	ok = atomic_read(&lun->in_flight) == 1 && scsiback_reset_device(lun->sdev);
	tmf->result.rslt = ok ? XEN_VSCSIIF_RSLT_RESET_SUCCESS :
				XEN_VSCSIIF_RSLT_RESET_FAILED;
	scsiback_done(tmf);
}

static void scsiback_passthrough_reset(struct scsiback_req *tmf)
{
	INIT_WORK(&tmf->work, scsiback_reset_work);
	queue_work(scsiback_wq, &tmf->work);
}

/* ---- the device ---- */

static int scsiback_give(struct scsiback_lun *lun)
{
	struct given *g, *new = kmalloc(sizeof(*new), GFP_KERNEL);
	int err = 0;

	if (!new)
		return -ENOMEM;
	new->sdev = lun->sdev;
	mutex_lock(&given_lock);
	list_for_each_entry(g, &given, list)
		if (g->sdev == lun->sdev)
			err = -EBUSY;
	if (!err)
		list_add(&new->list, &given);
	mutex_unlock(&given_lock);
	if (err)
		kfree(new);
	return err;
}

static void scsiback_take_back(struct scsiback_lun *lun)
{
	struct given *g;

	mutex_lock(&given_lock);
	list_for_each_entry(g, &given, list)
		if (g->sdev == lun->sdev) {
			list_del(&g->list);
			kfree(g);
			break;
		}
	mutex_unlock(&given_lock);
}

/* This domain loses a device: its guest is to let it go. */
static int scsiback_device_goes(struct notifier_block *nb, unsigned long action, void *dev)
{
	struct scsiback_lun *lun = container_of(nb, struct scsiback_lun, goes);

	if (action != BUS_NOTIFY_DEL_DEVICE || dev != &lun->sdev->sdev_gendev)
		return NOTIFY_DONE;
	scsiback_lun_vanishes(lun);
	return NOTIFY_OK;
}

/* The disk that this domain's driver has made of it, or 0. A driver may be about to. */
static dev_t scsiback_disk_of(struct scsi_device *sdev)
{
	struct gendisk *disk;
	dev_t dev = 0;

	device_lock(&sdev->sdev_gendev);
	disk = sdev->request_queue->disk;
	if (disk)
		dev = disk_devt(disk);
	device_unlock(&sdev->sdev_gendev);
	return dev;
}

/*
 * Nobody else may mount or write the disk. Who has it open for writing is not
 * asked by the kernel, each two seconds, whether its medium is another, which is
 * the guest's to hear. What this domain has cached is written now, or forgotten.
 */
static int scsiback_open_disk(struct scsiback_lun *lun, dev_t dev)
{
	int err = pv_bdev_open(&lun->claim, dev, true, lun);

	if (err == -EROFS || err == -EACCES)
		err = pv_bdev_open(&lun->claim, dev, false, lun);
	/* A drive may be without a disc. */
	if (err == -ENOMEDIUM)
		return 0;
	if (!err)
		err = sync_blockdev(lun->claim.bdev);
	if (!err)
		invalidate_bdev(lun->claim.bdev);
	return err;
}

static int scsiback_claim_disk(struct scsiback_lun *lun)
{
	struct scsi_device *sdev = lun->sdev;
	dev_t dev;
	int err;

	/* No driver comes to it as long as it is the guest's. */
	lun->no_driver = sdev->no_uld_attach;
	sdev->no_uld_attach = 1;
	dev = scsiback_disk_of(sdev);
	err = dev ? scsiback_open_disk(lun, dev) : 0;
	if (err) {
		pv_bdev_close(&lun->claim);
		sdev->no_uld_attach = lun->no_driver;
	}
	return err;
}

/* ---- its other nodes: only one opener has st's, and sg's if he wants that ---- */

struct scsiback_nodes {
	struct scsiback_lun *lun;
	int err;
};

static bool scsiback_is_class(const struct device *dev, const char *class)
{
	return dev->class && !strcmp(dev->class->name, class);
}

/* Not that of a tape which is rewound when it is closed, nor one with a mode. */
static bool scsiback_is_plain_tape(const struct device *dev)
{
	unsigned int nr;
	char rest;

	return scsiback_is_class(dev, "scsi_tape") &&
	       sscanf(dev_name(dev), "nst%u%c", &nr, &rest) == 1;
}

/* Whoever looks at a new device by sg has it open for a moment. */
static struct file *scsiback_open_path(const char *path, int flags)
{
	unsigned long until = jiffies + HZ;
	struct file *file;

	while (IS_ERR(file = filp_open(path, flags | O_NONBLOCK, 0)) &&
	       PTR_ERR(file) == -EBUSY && time_before(jiffies, until))
		msleep(50);
	return file;
}

static int scsiback_claim_node(struct device *dev, void *data)
{
	struct scsiback_nodes *nodes = data;
	struct scsiback_lun *lun = nodes->lun;
	bool tape = scsiback_is_plain_tape(dev);
	struct file *file;
	char path[32];

	if (!tape && !scsiback_is_class(dev, "scsi_generic"))
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", dev_name(dev));
	file = scsiback_open_path(path, tape ? O_RDONLY : O_RDWR | O_EXCL);
	if (!IS_ERR(file) && file_inode(file)->i_rdev == dev->devt) {
		lun->node[tape] = file;
		return 0;
	}
	nodes->err = IS_ERR(file) ? PTR_ERR(file) : -ENODEV;
	if (!IS_ERR(file))
		filp_close(file, NULL);
	if (nodes->err == -EBUSY)
		return nodes->err;
	dev_notice(&lun->b->pd->xb->dev, "%s: %s cannot be opened (%d): its users here are not kept out\n",
		   lun->name, path, nodes->err);
	nodes->err = 0;
	return 0;
}

static void scsiback_unclaim_nodes(struct scsiback_lun *lun)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lun->node); i++) {
		if (lun->node[i])
			filp_close(lun->node[i], NULL);
		lun->node[i] = NULL;
	}
	/* They are free when we say so, not somewhat later. */
	flush_delayed_fput();
}

static int scsiback_claim_nodes(struct scsiback_lun *lun)
{
	struct scsiback_nodes nodes = { .lun = lun };

	device_for_each_child(&lun->sdev->sdev_gendev, &nodes, scsiback_claim_node);
	if (nodes.err)
		scsiback_unclaim_nodes(lun);
	return nodes.err;
}

static void scsiback_unclaim_disk(struct scsiback_lun *lun)
{
	/* What it has read before is not what the guest has left. */
	if (lun->claim.bdev)
		invalidate_bdev(lun->claim.bdev);
	pv_bdev_close(&lun->claim);
	lun->sdev->no_uld_attach = lun->no_driver;
}

static void scsiback_passthrough_close(struct scsiback_lun *lun)
{
	bus_unregister_notifier(lun->sdev->sdev_gendev.bus, &lun->goes);
	scsiback_unclaim_nodes(lun);
	scsiback_unclaim_disk(lun);
	scsiback_take_back(lun);
	scsi_autopm_put_device(lun->sdev);
	scsi_device_put(lun->sdev);
}

static const struct scsiback_lun_ops passthrough_ops = {
	.prepare = scsiback_passthrough_prepare,
	.submit = scsiback_passthrough_submit,
	.finish = scsiback_passthrough_finish,
	.abort = scsiback_passthrough_abort,
	.again = scsiback_passthrough_again,
	.reset = scsiback_passthrough_reset,
	.close = scsiback_passthrough_close,
};

static struct scsi_device *scsiback_find_device(const char *pdev)
{
	unsigned int host_no, channel, target;
	struct scsi_device *sdev;
	struct Scsi_Host *host;
	u64 lun;
	char rest;

	/* No wider than fits: sscanf() drops what is beyond. */
	if (sscanf(pdev, "%9u:%9u:%9u:%19llu%c", &host_no, &channel, &target,
		   &lun, &rest) != 4)
		return ERR_PTR(-EINVAL);
	host = scsi_host_lookup(host_no);
	if (!host)
		return ERR_PTR(-ENODEV);
	sdev = scsi_device_lookup(host, channel, target, lun);
	scsi_host_put(host);
	return sdev ?: ERR_PTR(-ENODEV);
}

/* A designator of the unit's, else its serial number. */
static void scsiback_identify(struct scsiback_lun *lun)
{
	const struct scsi_vpd *serial;

	if (scsi_vpd_lun_id(lun->sdev, lun->id, sizeof(lun->id)) > 0)
		return;
	lun->id[0] = '\0';
	rcu_read_lock();
	serial = rcu_dereference(lun->sdev->vpd_pg80);
	if (serial && serial->len > 4)
		snprintf(lun->id, sizeof(lun->id), "serial.%*pE",
			 serial->len - 4, serial->data + 4);
	rcu_read_unlock();
}

/**
 * scsiback_passthrough_open() - give a LUN its SCSI device
 * @lun: the LUN; p-dev is host:channel:target:lun
 *
 * Context: process, a hook of the device.
 * Return: 0, -EINVAL if p-dev is something else, -ENODEV, -EBUSY.
 */
int scsiback_passthrough_open(struct scsiback_lun *lun)
{
	int err;

	lun->sdev = scsiback_find_device(lun->pdev);
	if (IS_ERR(lun->sdev))
		return PTR_ERR(lun->sdev);
	lun->type = lun->sdev->type;
	lun->removable = lun->sdev->removable;
	/* Asleep it would refuse what must not wait. */
	err = scsi_autopm_get_device(lun->sdev);
	if (err)
		goto put;
	err = scsiback_give(lun);
	if (err)
		goto sleep;
	err = scsiback_claim_disk(lun);
	if (err)
		goto back;
	err = scsiback_claim_nodes(lun);
	if (err)
		goto disk;
	lun->goes.notifier_call = scsiback_device_goes;
	bus_register_notifier(lun->sdev->sdev_gendev.bus, &lun->goes);
	/* (Then it will not be told.) */
	lun->vanished = scsiback_is_leaving(lun->sdev);
	scsiback_identify(lun);
	lun->ops = &passthrough_ops;
	return 0;

disk:
	scsiback_unclaim_disk(lun);
back:
	scsiback_take_back(lun);
sleep:
	scsi_autopm_put_device(lun->sdev);
put:
	scsi_device_put(lun->sdev);
	return err;
}
