// SPDX-License-Identifier: GPL-2.0
/*
 * Error handling: patience, abort of a command, reset of a device and of the
 * host.
 *
 * The SCSI layer takes a command back as soon as one of these succeeds. So
 * none does before the backend has answered the command itself, or has said
 * that it has done what was asked for: Linux's backend never answers what it
 * has aborted. Then the command's id and pages are parked. What the backend
 * says nothing about comes back by the reset of the host, which takes the rings
 * away from it.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <scsi/scsi.h>

#include "scsifront.h"

/*
 * For the answer to an abort or reset, in seconds: the control domain's own
 * error handling may be at it, an adapter's reset included.
 */
unsigned int scsifront_tmf_timeout = 60;

/* For the answers to what it concerns, when it has been answered. */
#define ANSWER_TIMEOUT		HZ

/*
 * Most tries of a command that count: sd's. (There is "no limit", which is
 * negative.)
 */
#define MAX_RETRIES		5U

/* Whether an abort or a reset has not been answered. */
static bool scsifront_tmf_pending(struct scsifront *sf)
{
	const struct pv_front_queues *queues;
	bool pending = false;
	unsigned int i;

	rcu_read_lock();
	queues = rcu_dereference(sf->queues);
	for (i = 0; queues && i < queues->nr; i++)
		pending |= atomic_read(&to_scsifront_queue(queues->queue[i])->tmf.pending);
	rcu_read_unlock();
	return pending;
}

/* Whether the backend has answered anything since then. */
static bool scsifront_has_heard(struct scsifront *sf, unsigned long since)
{
	const struct pv_front_queues *queues;
	bool heard = false;
	unsigned int i;

	rcu_read_lock();
	queues = rcu_dereference(sf->queues);
	for (i = 0; queues && i < queues->nr; i++)
		heard |= time_after(READ_ONCE(to_scsifront_queue(queues->queue[i])->heard), since);
	rcu_read_unlock();
	return heard;
}

/* A response may be there already, and nobody has polled for it. */
static void scsifront_look_again(struct scsifront *sf)
{
	const struct pv_front_queues *queues;

	rcu_read_lock();
	queues = rcu_dereference(sf->queues);
	if (queues)
		scsifront_look(queues);
	rcu_read_unlock();
}

/**
 * scsifront_eh_timed_out() - whether to go on waiting for a command
 * @sc: the command, whose timer has run out
 *
 * The device is the control domain's: it has its own timer, which is longer
 * than ours (60 s for a disk's reads and writes), and knows better whether
 * anything is wrong. While the backend answers at all, it gets half of what the
 * SCSI layer allows for a command with all its tries (90 s of sd's 180): behind
 * that, an abort and another try would come too late. What is tried once, as
 * its sender says, has the time that he says. While there is no connection,
 * nothing can be done but wait.
 *
 * Context: any.
 * Return: whether the timer is to start anew.
 */
PV_TIMEOUT_ACTION scsifront_eh_timed_out(struct scsi_cmnd *sc)
{
	struct scsifront *sf = scsifront_of(sc->device);
	const struct scsifront_io *io = scsi_cmd_priv(sc);
	unsigned int timeout = scsi_cmd_to_rq(sc)->timeout;
	unsigned long tries = min_t(unsigned int, sc->allowed, MAX_RETRIES) + 1;

	if (scsifront_ends(sf))
		return PV_TIMEOUT_ABORT;
	if (!scsifront_accepts(sf))
		return PV_TIMEOUT_WAIT;
	scsifront_look_again(sf);
	/* A reset that somebody asked for has taken it back: so may its owner. */
	if (!scsifront_busy(sf, sc) && !READ_ONCE(io->waits))
		return PV_TIMEOUT_ABORT;
	if (time_before(jiffies, sc->jiffies_at_alloc + tries * timeout / 2) &&
	    (scsifront_tmf_pending(sf) || scsifront_has_heard(sf, jiffies - timeout)))
		return PV_TIMEOUT_WAIT;
	return PV_TIMEOUT_ABORT;
}

static bool scsifront_send_tmf(struct scsifront_queue *q, u8 act,
			       const struct scsi_device *sdev, u16 ref_id)
{
	unsigned long timeout = READ_ONCE(scsifront_tmf_timeout) * HZ;
	struct vscsiif_request req;
	u32 len;

	len = scsifront_fill_tmf(&req, act, sdev->channel, sdev->id, sdev->lun, ref_id);
	return scsifront_put_tmf(q, &req, len) && scsifront_wait_tmf(q, timeout);
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
	struct scsifront_slot *slot;
	struct scsifront_queue *q;
	unsigned long until;
	int ret = FAILED;

	mutex_lock(&sf->tmf_lock);
	if (!sf->pd)
		goto out;
	if (scsifront_line_leave(sf, sc)) {
		ret = SUCCESS;
		goto out;
	}
	slot = scsifront_busy(sf, sc);
	q = slot ? READ_ONCE(slot->q) : NULL;
	if (q && scsifront_send_tmf(q, VSCSIIF_ACT_SCSI_ABORT, sc->device, slot - sf->slot)) {
		until = jiffies + ANSWER_TIMEOUT;
		while (scsifront_busy(sf, sc) && time_before(jiffies, until)) {
			msleep(20);
			scsifront_look_again(sf);
		}
		scsifront_park(sf, slot, scsi_cmd_priv(sc), false);
	}
	/* It may have been answered although there was nothing to abort. */
	if (!scsifront_busy(sf, sc))
		ret = SUCCESS;
	scsifront_settle();
out:
	mutex_unlock(&sf->tmf_lock);
	return ret;
}

static bool scsifront_is_of(struct scsifront *sf, const struct scsifront_slot *slot,
			    const struct scsi_device *sdev)
{
	return scsifront_is_owed(sf, slot) && READ_ONCE(slot->sdev) == sdev;
}

static bool scsifront_device_busy(struct scsifront *sf, const struct scsi_device *sdev)
{
	unsigned int i;

	for (i = 0; i < sf->nr_slots; i++)
		if (scsifront_is_of(sf, &sf->slot[i], sdev))
			return true;
	return false;
}

/* Returns false if the backend has more of them than may be parked. */
static bool scsifront_park_device(struct scsifront *sf, const struct scsi_device *sdev,
				  bool force)
{
	struct scsifront_slot *slot;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < sf->nr_slots; i++) {
		slot = &sf->slot[i];
		if (scsifront_is_of(sf, slot, sdev))
			ok &= scsifront_park(sf, slot, READ_ONCE(slot->io), force);
	}
	return ok;
}

/* What waits for a ring is none of the reset's business, but the SCSI layer wants it back. */
static void scsifront_recall(struct scsifront *sf, const struct scsi_device *sdev)
{
	const struct pv_front_queues *queues = scsifront_queues(sf);
	unsigned int i;

	for (i = 0; queues && i < queues->nr; i++)
		scsifront_line_end(to_scsifront_queue(queues->queue[i]), sdev, DID_REQUEUE);
}

/* A reset goes over any ring that interrupts: over one where fewest wait for their answers. */
static struct scsifront_queue *scsifront_tmf_queue(struct scsifront *sf)
{
	const struct pv_front_queues *queues = scsifront_queues(sf);
	struct scsifront_queue *q, *best = NULL;
	unsigned int i;

	for (i = 0; queues && i < queues->nr_irq; i++) {
		q = to_scsifront_queue(queues->queue[i]);
		if (!best || atomic_read(&q->tmf.pending) < atomic_read(&best->tmf.pending))
			best = q;
	}
	return best;
}

/* Returns whether the backend has reset it, and no command is left with it. */
static bool scsifront_reset_device(struct scsifront *sf, const struct scsi_device *sdev,
				   bool force)
{
	struct scsifront_queue *q = scsifront_tmf_queue(sf);
	unsigned long until;

	scsifront_recall(sf, sdev);
	if (!q || !scsifront_send_tmf(q, VSCSIIF_ACT_SCSI_RESET, sdev, 0))
		return false;
	until = jiffies + ANSWER_TIMEOUT;
	while (scsifront_device_busy(sf, sdev) && time_before(jiffies, until)) {
		msleep(20);
		scsifront_look_again(sf);
	}
	return scsifront_park_device(sf, sdev, force);
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
	int ret = FAILED;

	mutex_lock(&sf->tmf_lock);
	if (sf->pd && scsifront_reset_device(sf, sdev, false))
		ret = SUCCESS;
	scsifront_settle();
	mutex_unlock(&sf->tmf_lock);
	return ret;
}

/* Returns whether nothing more can be got by waiting. */
static bool scsifront_may_go_on(struct scsifront *sf)
{
	return scsifront_ends(sf) ||
	       (scsifront_accepts(sf) && !scsifront_tmf_pending(sf));
}

static bool scsifront_reset_all(struct scsifront *sf)
{
	struct scsi_device *sdev;
	bool ok = true;

	scsifront_recall(sf, NULL);
	shost_for_each_device(sdev, sf->host)
		if (scsifront_device_busy(sf, sdev))
			ok &= scsifront_reset_device(sf, sdev, true);
	return ok;
}

/* The SCSI layer ends them, whatever the backend says. */
static void scsifront_park_all(struct scsifront *sf)
{
	struct scsifront_io *io;
	unsigned int i;

	for (i = 0; i < sf->nr_slots; i++) {
		io = READ_ONCE(sf->slot[i].io);
		if (io && scsifront_is_owed(sf, &sf->slot[i]))
			scsifront_park(sf, &sf->slot[i], io, true);
	}
	scsifront_settle();
}

/* Without a new connection. Returns false if the backend will not reset a LUN. */
static bool scsifront_reset_in_place(struct scsifront *sf)
{
	bool ok, again;

	do {
		mutex_lock(&sf->tmf_lock);
		ok = sf->pd && !scsifront_ends(sf) && scsifront_reset_all(sf);
		again = !ok && sf->pd && !scsifront_ends(sf) &&
			(!scsifront_accepts(sf) || scsifront_tmf_pending(sf));
		if (!again && sf->pd)
			scsifront_park_all(sf);
		mutex_unlock(&sf->tmf_lock);
		/* Who does not answer is waited for: see below. */
		if (again)
			wait_event_idle(sf->wait, scsifront_may_go_on(sf));
	} while (again);
	return ok;
}

static bool scsifront_reset_anew(struct scsifront *sf)
{
	struct pv_front_queues *queues;

	mutex_lock(&sf->tmf_lock);
	mutex_lock(&sf->stop_lock);
	/* (Without a connection no command is on a ring.) */
	if (sf->pd && scsifront_accepts(sf)) {
		queues = scsifront_queues(sf);
		scsifront_hold(sf);
		/* Two must not look at the ring at once; what is answered later is nobody's. */
		pv_front_stop(queues);
		scsifront_drain(sf, queues, PV_DOWN_RETRY);
		pv_device_restart(sf->pd);
	}
	mutex_unlock(&sf->stop_lock);
	scsifront_settle();
	mutex_unlock(&sf->tmf_lock);
	wait_event_idle(sf->wait, scsifront_accepts(sf) || scsifront_ends(sf));
	return scsifront_accepts(sf);
}

/**
 * scsifront_eh_host_reset() - take all commands back
 * @sc: a command to any LUN
 *
 * Our backend gets a new connection. The published protocol's (Linux's) offers
 * none to a frontend that has closed the first one, and, when asked to close,
 * waits in its domain's xenwatch, for ever, for commands that it has aborted
 * and forgotten. So it keeps its rings: it resets each LUN that has commands,
 * and these are parked, however many there are.
 *
 * A disk that is taken offline stays so. Hence a backend that is away, or does
 * not answer, is waited for as long as there is the device.
 *
 * All commands are back when it returns, whatever it returns.
 *
 * Return: SUCCESS or FAILED.
 */
int scsifront_eh_host_reset(struct scsi_cmnd *sc)
{
	struct scsifront *sf = scsifront_of(sc->device);
	bool ok = READ_ONCE(sf->returns) ? scsifront_reset_anew(sf) :
					   scsifront_reset_in_place(sf);

	return ok ? SUCCESS : FAILED;
}
