// SPDX-License-Identifier: GPL-2.0
/*
 * Error handling: abort of a command, reset of a device and of the host.
 *
 * The SCSI layer takes a command back as soon as one of these succeeds, so
 * none does before the backend has answered the command itself. What the
 * backend will not answer comes back by the reset of the host, which takes
 * the rings away from it.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <scsi/scsi.h>

#include "scsifront.h"

/* For the answer to an abort or reset. */
#define TMF_TIMEOUT		(15 * HZ)
/* For the answers to what it concerns, when it has been answered. */
#define ANSWER_TIMEOUT		(5 * HZ)
/* For a new connection after a reset of the host. */
#define RECONNECT_TIMEOUT	(30 * HZ)

static bool scsifront_send_tmf(struct scsifront_queue *q, u8 act,
			       const struct scsi_device *sdev, u16 ref_id)
{
	struct vscsiif_request req;
	u32 len;

	len = scsifront_fill_tmf(&req, act, scsifront_tmf_id(q), sdev->channel,
				 sdev->id, sdev->lun, ref_id);
	return scsifront_put_tmf(q, &req, len) &&
	       wait_for_completion_timeout(&q->tmf.done, TMF_TIMEOUT) &&
	       q->tmf.ok;
}

static bool scsifront_device_busy(struct scsifront *sf, const struct scsi_device *sdev)
{
	unsigned int i;

	for (i = 0; i < sf->nr_slots; i++)
		if (READ_ONCE(sf->slot[i].q) && sf->slot[i].sdev == sdev)
			return true;
	return false;
}

/**
 * scsifront_eh_abort() - take one command back
 * @sc: the command
 *
 * Return: SUCCESS or FAILED.
 */
int scsifront_eh_abort(struct scsi_cmnd *sc)
{
	struct scsifront *sf = scsifront_of(sc->device);
	unsigned long until = jiffies + ANSWER_TIMEOUT + TMF_TIMEOUT;
	struct scsifront_slot *slot;
	struct scsifront_queue *q;
	int ret = FAILED;
	bool done;

	mutex_lock(&sf->tmf_lock);
	if (!sf->pd)
		goto out;
	slot = scsifront_busy(sf, sc);
	q = slot ? READ_ONCE(slot->q) : NULL;
	done = !q || scsifront_send_tmf(q, VSCSIIF_ACT_SCSI_ABORT, sc->device,
					scsifront_id(sf, sc));
	while (done && scsifront_busy(sf, sc) && time_before(jiffies, until))
		msleep(20);
	/* It may have been answered although there was nothing to abort. */
	if (!scsifront_busy(sf, sc))
		ret = SUCCESS;
	scsifront_settle();
out:
	mutex_unlock(&sf->tmf_lock);
	return ret;
}

/**
 * scsifront_eh_device_reset() - reset one LUN
 * @sc: a command to it
 *
 * Return: SUCCESS or FAILED.
 */
int scsifront_eh_device_reset(struct scsi_cmnd *sc)
{
	struct scsi_device *sdev = sc->device;
	struct scsifront *sf = scsifront_of(sdev);
	unsigned long until = jiffies + ANSWER_TIMEOUT + TMF_TIMEOUT;
	int ret = FAILED;

	mutex_lock(&sf->tmf_lock);
	if (!sf->pd || !scsifront_send_tmf(&sf->queue[0], VSCSIIF_ACT_SCSI_RESET, sdev, 0))
		goto out;
	while (scsifront_device_busy(sf, sdev) && time_before(jiffies, until))
		msleep(20);
	if (!scsifront_device_busy(sf, sdev))
		ret = SUCCESS;
	scsifront_settle();
out:
	mutex_unlock(&sf->tmf_lock);
	return ret;
}

/**
 * scsifront_eh_host_reset() - take all commands back, connect anew
 * @sc: a command to any LUN
 *
 * All commands are back when it returns, whatever it returns.
 *
 * Return: SUCCESS or FAILED.
 */
int scsifront_eh_host_reset(struct scsi_cmnd *sc)
{
	struct scsifront *sf = scsifront_of(sc->device);

	mutex_lock(&sf->tmf_lock);
	if (sf->pd) {
		mutex_lock(&sf->stop_lock);
		scsifront_hold(sf);
		scsifront_drain(sf, PV_DOWN_RETRY);
		scsifront_settle();
		mutex_unlock(&sf->stop_lock);
		pv_device_restart(sf->pd);
	}
	mutex_unlock(&sf->tmf_lock);
	wait_event_timeout(sf->wait, READ_ONCE(sf->accepting) ||
			   READ_ONCE(sf->dead), RECONNECT_TIMEOUT);
	return READ_ONCE(sf->accepting) ? SUCCESS : FAILED;
}
