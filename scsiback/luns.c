// SPDX-License-Identifier: GPL-2.0
/*
 * LUNs: what the toolstack wants a guest to have, and where.
 */
#include <linux/slab.h>
#include <scsi/scsi.h>

#include "policy.h"
#include "scsiback.h"

#define DIRECTORY	"vscsi-devs"

/* Most entries that are looked at. */
#define MAX_LUNS	256

/* SAM's flat addressing has 14 bits. */
#define MAX_LUN		0x3fff
#define MAX_TARGET	0xffff

static unsigned long scsiback_address(unsigned int target, unsigned int lun)
{
	return (unsigned long)target << 16 | lun;
}

/* ---- for the queues ---- */

/**
 * scsiback_lun_get() - the LUN that a request names
 * @b: the vhost
 * @io: the request
 *
 * Context: any.
 * Return: the LUN, to be given back by scsiback_lun_put(), or NULL.
 */
struct scsiback_lun *scsiback_lun_get(struct scsiback *b,
				      const struct scsiback_io *io)
{
	struct scsiback_lun *lun;

	if (io->channel)
		return NULL;
	rcu_read_lock();
	lun = xa_load(&b->by_address, scsiback_address(io->target, io->lun));
	if (lun) {
		atomic_inc(&lun->in_flight);
		/* Pairs with scsiback_lun_remove(): either sees the other. */
		smp_mb__after_atomic();
		if (unlikely(READ_ONCE(lun->gone))) {
			scsiback_lun_put(lun);
			lun = NULL;
		}
	}
	rcu_read_unlock();
	return lun;
}

/**
 * scsiback_lun_put() - a command or a reset has ended
 * @lun: the LUN
 *
 * Context: any.
 */
void scsiback_lun_put(struct scsiback_lun *lun)
{
	/* Whoever waits for the last one frees the LUN, but not at once. */
	rcu_read_lock();
	if (atomic_dec_return(&lun->in_flight) <= 1 &&
	    unlikely(READ_ONCE(lun->gone) || test_bit(0, &lun->resetting)))
		wake_up(&lun->idle);
	rcu_read_unlock();
}

/**
 * scsiback_report_luns() - answer REPORT LUNS
 * @req: the request, started; it has staged pages if it has data
 *
 * A device would tell about its neighbours in this domain; the guest's
 * target has those LUNs that the toolstack gave it.
 */
void scsiback_report_luns(struct scsiback_req *req)
{
	u32 nr = 0, len, room = req->staged ? req->io.bytes : 0;
	unsigned long index, first = scsiback_address(req->io.target, 0);
	struct scsiback_lun *lun;
	u8 entry[8] = { };

	/* Neither well known nor subsidiary ones exist. */
	if (req->io.dir != DMA_FROM_DEVICE && room) {
		scsiback_set_sense(&req->result, ILLEGAL_REQUEST, 0x24, 0,
				   req->io.bytes);
		goto done;
	}
	room = min(room, get_unaligned_be32(&req->io.cdb[6]));
	rcu_read_lock();
	xa_for_each_range(&to_scsiback(req->base.q->pd)->by_address, index, lun, first,
			  first | MAX_LUN) {
		u32 at = 8 + 8 * nr++;

		/* SELECT REPORT 1 is for well known ones. */
		if (req->io.cdb[2] == 1) {
			nr = 0;
			break;
		}
		entry[0] = lun->lun < 256 ? 0 : 0x40 | lun->lun >> 8;
		entry[1] = lun->lun;
		if (at + 8 <= room)
			memcpy(page_address(req->vecs[at / PAGE_SIZE].bv_page) +
			       at % PAGE_SIZE, entry, 8);
	}
	rcu_read_unlock();
	len = 8 + 8 * nr;
	if (room >= 4)
		put_unaligned_be32(8 * nr,
				   page_address(req->vecs[0].bv_page));
	scsiback_set_status(&req->result, SAM_STAT_GOOD,
			    req->io.bytes - min(room, len));
done:
	scsiback_done(req);
}

/* ---- for the hooks ---- */

static char *scsiback_read_entry(struct scsiback *b, const char *name, const char *key)
{
	char path[SCSIBACK_NAME + 32];

	snprintf(path, sizeof(path), DIRECTORY "/%s/%s", name, key);
	return pv_device_read_own(b->pd, path);
}

static enum xenbus_state scsiback_parse_state(char *text)
{
	unsigned int state;

	if (IS_ERR(text))
		return XenbusStateUnknown;
	if (kstrtouint(text, 10, &state))
		state = XenbusStateUnknown;
	kfree(text);
	return state;
}

static void scsiback_tell_state(struct scsiback *b, const char *name,
				enum xenbus_state state)
{
	char path[SCSIBACK_NAME + 32];
	int err;

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", name);
	err = pv_device_write(b->pd, XBT_NIL, path, "%d", state);
	if (err)
		pv_device_error(b->pd, err, "cannot write %s", path);
}

static struct scsiback_lun *scsiback_find_name(struct scsiback *b, const char *name)
{
	struct scsiback_lun *lun;

	list_for_each_entry(lun, &b->luns, all)
		if (!strcmp(lun->name, name))
			return lun;
	return NULL;
}

/* An entry of a LUN's directory is not what it should be. */
__printf(4, 5)
static int scsiback_blame(struct scsiback_lun *lun, int err, const char *key,
			  const char *fmt, ...)
{
	struct va_format why = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	why.va = &args;
	pv_device_error(lun->b->pd, err, DIRECTORY "/%s/%s%pV", lun->name, key,
			&why);
	va_end(args);
	return err;
}

static int scsiback_read_vdev(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "v-dev");
	unsigned int host;
	int err = 0;
	char rest;

	if (IS_ERR(text))
		return scsiback_blame(lun, PTR_ERR(text), "v-dev", " is missing");
	/* No wider than fits: sscanf() drops what is beyond. */
	if (sscanf(text, "%9u:%9u:%9u:%9u%c", &host, &lun->channel, &lun->target,
		   &lun->lun, &rest) != 4 ||
	    lun->channel || lun->target > MAX_TARGET || lun->lun > MAX_LUN)
		err = scsiback_blame(lun, -EINVAL, "v-dev",
				     " is \"%*pE\": not host:0:target:lun up to %u:%u",
				     (int)strnlen(text, 40), text, MAX_TARGET, MAX_LUN);
	kfree(text);
	return err;
}

static int scsiback_read_pdev(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "p-dev");
	int err = 0;

	if (IS_ERR(text))
		return scsiback_blame(lun, PTR_ERR(text), "p-dev", " is missing");
	if (strscpy(lun->pdev, text, sizeof(lun->pdev)) < 0)
		err = scsiback_blame(lun, -ENAMETOOLONG, "p-dev", " has %zu characters",
				     strlen(text));
	kfree(text);
	return err;
}

/* What this LUN's guest may do beyond what all guests may. */
static int scsiback_read_allow(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "pvsplit-allow");
	unsigned int more;
	int err;

	lun->allow = scsiback_allow;
	if (IS_ERR(text))
		return 0;
	err = scsiback_allow_parse(text, &more);
	if (err)
		scsiback_blame(lun, err, "pvsplit-allow",
			       " is \"%*pE\": not a list of " SCSIBACK_ALLOW_NAMES,
			       (int)strnlen(text, 80), text);
	else
		lun->allow |= more;
	kfree(text);
	return err;
}

static int scsiback_open_device(struct scsiback_lun *lun)
{
	const char *why;
	int err;

	/* A wwn has a dot in it, an address has not. */
	if (strchr(lun->pdev, '.') || !strchr(lun->pdev, ':'))
		err = scsiback_fabric_open(lun);
	else
		err = scsiback_passthrough_open(lun);
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		why = "is in use";
		break;
	case -ENODEV:
		why = "does not exist";
		break;
	case -EINVAL:
		why = "is not host:channel:target:lun, nor wwn:lun";
		break;
	default:
		why = "cannot be opened";
		break;
	}
	return scsiback_blame(lun, err, "p-dev", ": \"%*pE\" %s",
			      (int)strnlen(lun->pdev, 80), lun->pdev, why);
}

static int scsiback_lun_add(struct scsiback *b, const char *name)
{
	struct scsiback_lun *lun = kzalloc(sizeof(*lun), GFP_KERNEL);
	int err;

	if (!lun)
		return -ENOMEM;
	lun->b = b;
	strscpy(lun->name, name, sizeof(lun->name));
	init_waitqueue_head(&lun->idle);
	err = scsiback_read_vdev(lun);
	if (!err)
		err = scsiback_read_pdev(lun);
	if (!err)
		err = scsiback_read_allow(lun);
	if (!err && xa_load(&b->by_address, scsiback_address(lun->target, lun->lun)))
		err = scsiback_blame(lun, -EBUSY, "v-dev", ": 0:%u:%u is taken",
				     lun->target, lun->lun);
	if (!err)
		err = scsiback_open_device(lun);
	if (err)
		goto free;
	err = xa_err(xa_store(&b->by_address, scsiback_address(lun->target, lun->lun),
			      lun, GFP_KERNEL));
	if (err) {
		lun->ops->close(lun);
		goto free;
	}
	lun->listed = true;
	list_add_tail(&lun->all, &b->luns);
	dev_info(&b->pd->xb->dev, "%s: %s is LUN 0:%u:%u\n", name, lun->pdev,
		 lun->target, lun->lun);
	return 0;

free:
	kfree(lun);
	return err;
}

/* A guest that has let it go has no command there that would be missed. */
static void scsiback_wait_idle(struct scsiback_lun *lun)
{
	if (wait_event_timeout(lun->idle, !atomic_read(&lun->in_flight),
			       SCSIBACK_PATIENCE))
		return;
	WRITE_ONCE(lun->overdue, true);
	atomic_inc(&lun->b->resets);
	pv_back_wake(lun->b->queues);
	wait_event(lun->idle, !atomic_read(&lun->in_flight));
	atomic_dec(&lun->b->resets);
}

static void scsiback_lun_remove(struct scsiback_lun *lun)
{
	xa_erase(&lun->b->by_address, scsiback_address(lun->target, lun->lun));
	WRITE_ONCE(lun->gone, true);
	/* Pairs with scsiback_lun_get(). */
	synchronize_rcu();
	scsiback_wait_idle(lun);
	lun->ops->close(lun);
	list_del(&lun->all);
	dev_info(&lun->b->pd->xb->dev, "%s: %s is given back\n", lun->name,
		 lun->pdev);
	kfree_rcu(lun, rcu);
}

/* It may stand for something else than it did when it was added. */
static bool scsiback_unchanged(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "p-dev");
	bool same;

	if (IS_ERR(text))
		return false;
	same = !strcmp(text, lun->pdev);
	kfree(text);
	return same;
}

static void scsiback_sync_one(struct scsiback *b, const char *name, bool announce)
{
	enum xenbus_state state = scsiback_parse_state(scsiback_read_entry(b, name, "state"));
	struct scsiback_lun *lun = scsiback_find_name(b, name);

	switch (state) {
	case XenbusStateInitialising:
	case XenbusStateInitWait:
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (lun && !scsiback_unchanged(lun)) {
			scsiback_lun_remove(lun);
			lun = NULL;
		}
		if (!lun && scsiback_lun_add(b, name)) {
			scsiback_tell_state(b, name, XenbusStateClosed);
		} else {
			if (lun)
				lun->listed = true;
			/* Some frontends add a LUN in this state only. */
			if (!lun || announce)
				scsiback_tell_state(b, name, XenbusStateInitialised);
		}
		break;
	case XenbusStateClosing:
		if (lun)
			scsiback_lun_remove(lun);
		scsiback_tell_state(b, name, XenbusStateClosed);
		break;
	default:
		/* Closed: removed below if it was ours. */
		break;
	}
}

/**
 * scsiback_luns_sync() - do what the toolstack has written
 * @b: the vhost
 * @announce: the frontend has just come, and knows of none
 *
 * What is wrong with a LUN is in the error node and the log, its state is
 * Closed, and the others go on.
 *
 * Context: a hook of the device.
 */
void scsiback_luns_sync(struct scsiback *b, bool announce)
{
	struct scsiback_lun *lun, *next;
	unsigned int i, nr = 0;
	char **name;

	name = pv_device_list_own(b->pd, DIRECTORY, &nr);
	if (IS_ERR(name)) {
		if (PTR_ERR(name) != -ENOENT) {
			pv_device_error(b->pd, PTR_ERR(name),
					"cannot read " DIRECTORY);
			return;
		}
		name = NULL;
		nr = 0;
	}
	if (nr > MAX_LUNS) {
		pv_device_error(b->pd, -E2BIG,
				DIRECTORY " has %u entries, the first %u count",
				nr, MAX_LUNS);
		nr = MAX_LUNS;
	}
	list_for_each_entry(lun, &b->luns, all)
		lun->listed = false;
	for (i = 0; i < nr; i++) {
		if (strlen(name[i]) >= SCSIBACK_NAME)
			pv_device_error(b->pd, -ENAMETOOLONG,
					DIRECTORY " has a name of %zu characters",
					strlen(name[i]));
		else
			scsiback_sync_one(b, name[i], announce);
	}
	kfree(name);
	list_for_each_entry_safe(lun, next, &b->luns, all)
		if (!lun->listed)
			scsiback_lun_remove(lun);
}

/* The frontend could not do anything with it. */
static bool scsiback_was_refused(struct scsiback_lun *lun)
{
	char path[SCSIBACK_NAME + 32];

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", lun->name);
	return scsiback_parse_state(pv_device_read_peer(lun->b->pd, path)) ==
	       XenbusStateClosed;
}

/**
 * scsiback_luns_settle() - the frontend has looked at all LUNs
 * @b: the vhost
 * @refused: what it says of each is about what was just written
 *
 * Context: a hook of the device.
 */
void scsiback_luns_settle(struct scsiback *b, bool refused)
{
	struct scsiback_lun *lun, *next;

	list_for_each_entry_safe(lun, next, &b->luns, all) {
		if (scsiback_parse_state(scsiback_read_entry(b, lun->name, "state")) !=
		    XenbusStateInitialised)
			continue;
		if (refused && scsiback_was_refused(lun)) {
			scsiback_blame(lun, -EIO, "v-dev", ": the guest did not take it");
			scsiback_tell_state(b, lun->name, XenbusStateClosed);
			scsiback_lun_remove(lun);
		} else {
			scsiback_tell_state(b, lun->name, XenbusStateConnected);
		}
	}
}

/**
 * scsiback_luns_close() - give all devices back
 * @b: the vhost, which has no queues any more
 *
 * Context: process, may sleep.
 */
void scsiback_luns_close(struct scsiback *b)
{
	struct scsiback_lun *lun, *next;

	list_for_each_entry_safe(lun, next, &b->luns, all)
		scsiback_lun_remove(lun);
}
