// SPDX-License-Identifier: GPL-2.0
/*
 * LUNs: what the toolstack wants a guest to have, and where.
 */
#include <linux/ctype.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
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
	int left;

	/* Who sees the last one end frees the LUN, but not at once. */
	rcu_read_lock();
	left = atomic_dec_return(&lun->in_flight);
	if (left <= 1 && unlikely(test_bit(0, &lun->resetting)))
		wake_up(&lun->idle);
	if (!left && unlikely(READ_ONCE(lun->gone)))
		kthread_queue_work(lun->b->pd->worker, &lun->b->look);
	rcu_read_unlock();
}

/**
 * scsiback_report_luns() - the answer to REPORT LUNS
 * @req: the request; it has staged pages if it has data
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
	if (req->io.cdb[2] > 2 || (req->io.dir != DMA_FROM_DEVICE && room)) {
		scsiback_set_sense(&req->result, ILLEGAL_REQUEST, 0x24, 0,
				   req->io.bytes);
		return;
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
		clear_bit(SCSIBACK_LUNS_CHANGED, &lun->attentions);
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
}

/* "There is no device here, but there may be": the target has others. */
static void scsiback_inquire_absent(struct scsiback_req *req)
{
	static const u8 data[36] = "\x7f\0\x05\x02\x1f\0\0\0Xen     virtual target  0   ";
	u32 len = min_t(u32, get_unaligned_be16(&req->io.cdb[3]), sizeof(data));

	if (req->io.cdb[1] & 1) {
		/* invalid field in CDB */
		scsiback_set_sense(&req->result, ILLEGAL_REQUEST, 0x24, 0, req->io.bytes);
		return;
	}
	len = req->staged && req->io.dir == DMA_FROM_DEVICE ? min(len, req->io.bytes) : 0;
	if (len)
		memcpy(page_address(req->vecs[0].bv_page), data, len);
	scsiback_set_status(&req->result, SAM_STAT_GOOD, req->io.bytes - len);
}

/**
 * scsiback_answer_absent() - the answer to a command for a LUN that is not there
 * @req: the request; it has staged pages if it has data
 *
 * Guests that look for LUNs ask LUN 0 of a target, be it there or not.
 */
void scsiback_answer_absent(struct scsiback_req *req)
{
	struct scsiback *b = to_scsiback(req->base.q->pd);
	unsigned long first = scsiback_address(req->io.target, 0), index = first;

	if (!req->io.channel && !req->io.lun &&
	    xa_find(&b->by_address, &index, first | MAX_LUN, XA_PRESENT)) {
		switch (req->io.cdb[0]) {
		case INQUIRY:
			scsiback_inquire_absent(req);
			return;
		case REPORT_LUNS:
			scsiback_report_luns(req);
			return;
		}
	}
	req->base.q->stats->errors++;
	scsiback_set_host(&req->result, XEN_VSCSIIF_RSLT_HOST_NO_CONNECT, req->io.bytes);
}

/* ---- for the hooks ---- */

/* It is not known what stands there: all is as it was, and looked at again. */
static void scsiback_unread(struct scsiback *b, int err, const char *path)
{
	pv_device_error(b->pd, err, "cannot read %s", path);
	b->unread = true;
}

/* Only ENOENT says that there is no such key. */
static char *scsiback_read_entry(struct scsiback *b, const char *name, const char *key)
{
	char path[SCSIBACK_NAME + 32], *text;

	snprintf(path, sizeof(path), DIRECTORY "/%s/%s", name, key);
	text = pv_device_read_own(b->pd, path);
	if (IS_ERR(text) && PTR_ERR(text) != -ENOENT)
		scsiback_unread(b, PTR_ERR(text), path);
	return text;
}

/* A state, Unknown if it is none, or why it cannot be read. */
static int scsiback_parse_state(char *text)
{
	unsigned int state;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (kstrtouint(text, 10, &state) || state > XenbusStateReconfigured)
		state = XenbusStateUnknown;
	kfree(text);
	return state;
}

static int scsiback_read_state(struct scsiback *b, const char *name)
{
	return scsiback_parse_state(scsiback_read_entry(b, name, "state"));
}

/* The same in a transaction. */
static int scsiback_state_in(struct scsiback *b, struct xenbus_transaction xbt,
			     const char *name)
{
	char path[SCSIBACK_NAME + 32];

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", name);
	return scsiback_parse_state(pv_device_read_own_in(b->pd, xbt, path));
}

static int scsiback_write_state_in(struct scsiback *b, struct xenbus_transaction xbt,
				   const char *name, enum xenbus_state state)
{
	char path[SCSIBACK_NAME + 32];

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", name);
	return pv_device_write(b->pd, xbt, path, "%d", state);
}

/*
 * Write the state of an entry if it is one of @was, a bit each: what the
 * toolstack has written meanwhile stays, and what it removed does not come back.
 * What cannot be written is looked at again, as what cannot be read.
 */
static int scsiback_tell_state(struct scsiback *b, const char *name,
			       unsigned long was, enum xenbus_state state)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = pv_device_begin(&xbt);
		if (err)
			break;
		err = scsiback_state_in(b, xbt, name);
		if (err >= 0 && BIT(err) & was)
			err = scsiback_write_state_in(b, xbt, name, state);
		else if (err >= 0 || err == -ENOENT)
			err = -ESTALE;
		err = pv_device_end(xbt, err);
	} while (err == -EAGAIN);
	if (err == -ESTALE)
		return 0;
	if (err) {
		pv_device_error(b->pd, err, "cannot write " DIRECTORY "/%s/state", name);
		b->unread = true;
	}
	return err;
}

static struct scsiback_lun *scsiback_find_name(struct scsiback *b, const char *name)
{
	struct scsiback_lun *lun;

	list_for_each_entry(lun, &b->luns, all)
		if (!lun->gone && !strcmp(lun->name, name))
			return lun;
	return NULL;
}

/* One that is not free yet has this name. */
static bool scsiback_is_leaving(struct scsiback *b, const char *name)
{
	struct scsiback_lun *lun;

	list_for_each_entry(lun, &b->luns, all)
		if (lun->gone && !lun->replaced && !strcmp(lun->name, name))
			return true;
	return false;
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

/* A key that a LUN must have is not there, or, -EAGAIN, nobody knows. */
static int scsiback_no_key(struct scsiback_lun *lun, const char *text, const char *key)
{
	if (PTR_ERR(text) != -ENOENT)
		return -EAGAIN;
	return scsiback_blame(lun, -ENOENT, key, " is missing");
}

static int scsiback_read_vdev(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "v-dev");
	unsigned int host;
	int err = 0;
	char rest;

	if (IS_ERR(text))
		return scsiback_no_key(lun, text, "v-dev");
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
		return scsiback_no_key(lun, text, "p-dev");
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
		return PTR_ERR(text) == -ENOENT ? 0 : -EAGAIN;
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

/* Four numbers; anything else is a target's name, or an alias. */
static bool scsiback_is_address(const char *pdev)
{
	unsigned int colons = 0;

	for (; *pdev; pdev++)
		if (*pdev == ':')
			colons++;
		else if (!isdigit(*pdev))
			return false;
	return colons == 3;
}

static int scsiback_open_device(struct scsiback_lun *lun)
{
	const char *why;
	int err;

	if (scsiback_is_address(lun->pdev))
		err = scsiback_passthrough_open(lun);
	else
		err = scsiback_fabric_open(lun);
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
		why = "is not host:channel:target:lun, nor wwn:lun, nor alias:lun";
		break;
	default:
		why = "cannot be opened";
		break;
	}
	return scsiback_blame(lun, err, "p-dev", ": \"%*pE\" %s",
			      (int)strnlen(lun->pdev, 80), lun->pdev, why);
}

/* Keep who it is, unless the entry has gone meanwhile. */
static int scsiback_keep_id(struct scsiback_lun *lun)
{
	struct scsiback *b = lun->b;
	struct xenbus_transaction xbt;
	char path[SCSIBACK_NAME + 32];
	int err;

	snprintf(path, sizeof(path), DIRECTORY "/%s/pvsplit-id", lun->name);
	do {
		err = pv_device_begin(&xbt);
		if (err)
			break;
		err = scsiback_state_in(b, xbt, lun->name);
		if (err >= 0)
			err = pv_device_write(b->pd, xbt, path, "%s", lun->id);
		err = pv_device_end(xbt, err);
	} while (err == -EAGAIN);
	if (!err || err == -ENOENT)
		return err;
	scsiback_unread(b, err, path);
	return -EAGAIN;
}

/*
 * The same address may be another device after a reload: the guest must not
 * find that in place of its own. @anew: the toolstack has written another p-dev.
 */
static int scsiback_check_id(struct scsiback_lun *lun, bool anew)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "pvsplit-id");
	int err = 0;

	if (IS_ERR(text)) {
		if (PTR_ERR(text) != -ENOENT)
			return -EAGAIN;
		return *lun->id ? scsiback_keep_id(lun) : 0;
	}
	if (anew)
		err = scsiback_keep_id(lun);
	else if (strcmp(text, lun->id))
		err = scsiback_blame(lun, -ENODEV, "p-dev",
				     ": \"%*pE\" is \"%s\" now, another device than \"%*pE\" (pvsplit-id)",
				     (int)strnlen(lun->pdev, 80), lun->pdev, lun->id,
				     (int)strnlen(text, SCSIBACK_ID), text);
	kfree(text);
	return err;
}

/*
 * Those who know the list are told that it is another one. (Linux would take any
 * unit attention of what is removable for another medium, and fail what it does.)
 */
static void scsiback_luns_have_changed(struct scsiback_lun *one)
{
	struct scsiback_lun *lun;

	if (one->b->pd->link != PV_LINK_UP)
		return;
	list_for_each_entry(lun, &one->b->luns, all)
		if (lun != one && lun->target == one->target && lun->type == TYPE_DISK &&
		    !lun->removable)
			set_bit(SCSIBACK_LUNS_CHANGED, &lun->attentions);
}

/* Returns -EAGAIN if it is not known yet whether there is such a LUN, or -ENOMEM. */
static int scsiback_lun_add(struct scsiback *b, const char *name, bool anew)
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
	err = scsiback_check_id(lun, anew);
	if (err)
		goto close;
	err = xa_err(xa_store(&b->by_address, scsiback_address(lun->target, lun->lun),
			      lun, GFP_KERNEL));
	if (err)
		goto close;
	lun->listed = true;
	list_add_tail(&lun->all, &b->luns);
	WRITE_ONCE(b->nr_luns, b->nr_luns + 1);
	scsiback_luns_have_changed(lun);
	dev_info(&b->pd->xb->dev, "%s: %s is LUN 0:%u:%u\n", name, lun->pdev,
		 lun->target, lun->lun);
	return 0;

close:
	lun->ops->close(lun);
free:
	kfree(lun);
	return err;
}

/* ---- how a LUN goes ---- */

/* From here on no command is sent to it. */
static void scsiback_lun_leave(struct scsiback_lun *lun)
{
	xa_erase(&lun->b->by_address, scsiback_address(lun->target, lun->lun));
	scsiback_luns_have_changed(lun);
	lun->deadline = jiffies + SCSIBACK_PATIENCE;
	WRITE_ONCE(lun->gone, true);
	/* Pairs with scsiback_lun_get(). */
	synchronize_rcu();
}

/* Commands have had their time. Each queue aborts its own, now and then once more. */
static void scsiback_lun_abort(struct scsiback_lun *lun)
{
	lun->deadline = jiffies + SCSIBACK_PATIENCE;
	if (!lun->overdue) {
		atomic_inc(&lun->b->resets);
		dev_warn(&lun->b->pd->xb->dev, "%s: waits for %d command(s) that %s has not answered in %u s, and aborts them\n",
			 lun->name, atomic_read(&lun->in_flight), lun->pdev,
			 SCSIBACK_PATIENCE / HZ);
	}
	WRITE_ONCE(lun->overdue, true);
	pv_back_wake(lun->b->queues);
}

static void scsiback_lun_close(struct scsiback_lun *lun)
{
	if (!lun->ops)
		return;
	lun->ops->close(lun);
	lun->ops = NULL;
	if (lun->overdue)
		atomic_dec(&lun->b->resets);
	dev_info(&lun->b->pd->xb->dev, "%s: %s is given back\n", lun->name,
		 lun->pdev);
}

/* The device is free. If another LUN has the entry now, that is another matter. */
static int scsiback_tell_closed(struct scsiback_lun *lun)
{
	if (lun->replaced || scsiback_find_name(lun->b, lun->name))
		return 0;
	return scsiback_tell_state(lun->b, lun->name,
				   BIT(XenbusStateInitialised) |
				   BIT(XenbusStateConnected) |
				   BIT(XenbusStateClosing), XenbusStateClosed);
}

static void scsiback_lun_free(struct scsiback_lun *lun)
{
	list_del(&lun->all);
	WRITE_ONCE(lun->b->nr_luns, lun->b->nr_luns - 1);
	kfree_rcu(lun, rcu);
}

/* If nothing uses it any more, it ends; if not, whoever ends last says so. */
static void scsiback_lun_end(struct scsiback_lun *lun)
{
	if (atomic_read(&lun->in_flight)) {
		if (time_after_eq(jiffies, lun->deadline))
			scsiback_lun_abort(lun);
		return;
	}
	scsiback_lun_close(lun);
	if (!scsiback_tell_closed(lun))
		scsiback_lun_free(lun);
}

static void scsiback_lun_remove(struct scsiback_lun *lun)
{
	scsiback_lun_leave(lun);
	scsiback_lun_end(lun);
}

/* How long the guest has, in jiffies. */
static unsigned long scsiback_patience(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "pvsplit-patience");
	unsigned int seconds;

	if (IS_ERR(text))
		return SCSIBACK_ASK * HZ;
	if (kstrtouint(text, 10, &seconds) || seconds > SCSIBACK_ASK_MAX) {
		scsiback_blame(lun, -EINVAL, "pvsplit-patience",
			       " is \"%*pE\": not a number of seconds up to %u",
			       (int)strnlen(text, 40), text, SCSIBACK_ASK_MAX);
		seconds = SCSIBACK_ASK;
	}
	kfree(text);
	return seconds * HZ;
}

static void scsiback_revoke(struct scsiback_lun *lun, const char *why)
{
	dev_notice(&lun->b->pd->xb->dev, "%s: %s is taken from the guest: %s\n",
		   lun->name, lun->pdev, why);
	scsiback_lun_leave(lun);
}

/*
 * What this domain has no more the guest is asked to let go, as the toolstack
 * would ask it: by both states at once.
 */
static void scsiback_let_go(struct scsiback_lun *lun)
{
	struct scsiback *b = lun->b;
	struct xenbus_transaction xbt;
	bool up = b->pd->link == PV_LINK_UP;
	int err, state;

	do {
		err = pv_device_begin(&xbt);
		if (err)
			break;
		state = scsiback_parse_state(pv_device_read_own_in(b->pd, xbt, "state"));
		/* One request at a time. */
		if (up && state != XenbusStateConnected)
			err = -EBUSY;
		else
			err = min(scsiback_state_in(b, xbt, lun->name), 0);
		if (!err)
			err = scsiback_write_state_in(b, xbt, lun->name, XenbusStateClosing);
		if (!err && up)
			err = pv_device_write(b->pd, xbt, "state", "%d",
					      XenbusStateReconfiguring);
		err = pv_device_end(xbt, err);
	} while (err == -EAGAIN);
	if (err && err != -ENOENT)
		b->unread = true;
	else
		scsiback_blame(lun, -ENODEV, "p-dev", ": \"%*pE\" has gone",
			       (int)strnlen(lun->pdev, 80), lun->pdev);
}

/* Does the toolstack want it back? The guest is asked by the vhost's state. */
static void scsiback_heed(struct scsiback_lun *lun)
{
	int state = scsiback_read_state(lun->b, lun->name);

	if (state == -ENOENT) {
		scsiback_revoke(lun, "its entry has been removed");
		return;
	}
	if (state < 0)
		return;
	if (state != XenbusStateClosing) {
		lun->asked = false;
		if (unlikely(READ_ONCE(lun->vanished)))
			scsiback_let_go(lun);
		return;
	}
	if (!lun->asked)
		lun->since = jiffies;
	lun->asked = true;
	lun->deadline = lun->since + scsiback_patience(lun);
	if (lun->b->pd->link != PV_LINK_UP)
		scsiback_revoke(lun, "nobody is there to be asked");
	else if (time_after_eq(jiffies, lun->deadline))
		scsiback_revoke(lun, "it has not let it go in time");
}

/* Look again when the next one's time has come. */
static void scsiback_look_later(struct scsiback *b)
{
	unsigned long next = jiffies + HZ;
	bool any = b->unread;
	struct scsiback_lun *lun;

	list_for_each_entry(lun, &b->luns, all) {
		if (!lun->gone && !lun->asked)
			continue;
		if (!any || (!b->unread && time_before(lun->deadline, next)))
			next = lun->deadline;
		any = true;
	}
	if (any)
		kthread_mod_delayed_work(b->pd->worker, &b->later,
					 time_after(next, jiffies) ?
					 next - jiffies : 1);
}

/* The guest is still to look at one of them. */
static bool scsiback_is_asking(struct scsiback *b, struct xenbus_transaction xbt)
{
	bool asking = false;
	unsigned int i, nr;
	char **name;
	int state;

	name = pv_device_list_own_in(b->pd, xbt, DIRECTORY, &nr);
	if (IS_ERR(name))
		return PTR_ERR(name) != -ENOENT;
	for (i = 0; i < nr && !asking; i++) {
		state = scsiback_state_in(b, xbt, name[i]);
		asking = state == XenbusStateInitialising ||
			 state == XenbusStateClosing ||
			 (state < 0 && state != -ENOENT);
	}
	kfree(name);
	return asking;
}

/*
 * The toolstack has written Reconfiguring, and nothing is left that the guest
 * would have to look at: the next request must not wait for that one. Whoever
 * made it may have been killed.
 */
static void scsiback_retract(struct scsiback *b)
{
	struct pv_device *pd = b->pd;
	struct xenbus_transaction xbt;
	int err, state;

	/* It may have begun. */
	if (pd->link != PV_LINK_UP || pd->xb->state != XenbusStateConnected ||
	    pv_device_peer_state(pd) == XenbusStateReconfiguring)
		return;
	do {
		err = pv_device_begin(&xbt);
		if (err)
			break;
		state = scsiback_parse_state(pv_device_read_own_in(pd, xbt, "state"));
		if (state != XenbusStateReconfiguring || scsiback_is_asking(b, xbt))
			err = -ESTALE;
		else
			err = pv_device_write(pd, xbt, "state", "%d", XenbusStateConnected);
		err = pv_device_end(xbt, err);
	} while (err == -EAGAIN);
}

/* Which LUNs have to go, and which of those that have to can. */
static void scsiback_luns_look(struct scsiback *b)
{
	int state = scsiback_parse_state(pv_device_read_own(b->pd, "state"));
	struct scsiback_lun *lun, *next;
	bool again = b->unread;

	/* The whole vhost is being removed. */
	if (state == -ENOENT)
		return;
	b->unread = state < 0;
	list_for_each_entry_safe(lun, next, &b->luns, all) {
		if (!lun->gone)
			scsiback_heed(lun);
		if (lun->gone)
			scsiback_lun_end(lun);
	}
	if (again && b->pd->link != PV_LINK_UP)
		pv_device_poke(b->pd);
	if (state == XenbusStateInitWait)
		scsiback_luns_offer(b);
	if (b->unsettled && b->pd->xb->state == XenbusStateConnected &&
	    pv_device_peer_state(b->pd) == XenbusStateConnected)
		scsiback_luns_settle(b, b->refusals);
	if (state == XenbusStateReconfiguring)
		scsiback_retract(b);
	scsiback_look_later(b);
}

static void scsiback_luns_changed(struct pv_device *pd)
{
	scsiback_luns_look(to_scsiback(pd));
}

static void scsiback_look_work(struct kthread_work *work)
{
	pv_device_run(container_of(work, struct scsiback, look)->pd, scsiback_luns_changed);
}

static void scsiback_later_work(struct kthread_work *work)
{
	pv_device_run(container_of(work, struct scsiback, later.work)->pd, scsiback_luns_changed);
}

/* ---- what there is to be ---- */

/* It may stand for something else than it did when it was added. */
static bool scsiback_unchanged(struct scsiback_lun *lun)
{
	char *text = scsiback_read_entry(lun->b, lun->name, "p-dev");
	bool same;

	if (IS_ERR(text))
		return PTR_ERR(text) != -ENOENT;
	same = !strcmp(text, lun->pdev);
	kfree(text);
	return same;
}

/* The toolstack wants the guest to have it. */
static void scsiback_sync_wanted(struct scsiback *b, const char *name,
				 struct scsiback_lun *lun, enum xenbus_state state,
				 bool announce)
{
	bool anew = lun && !scsiback_unchanged(lun);
	/* The guest has had it over another connection. */
	bool known = state > XenbusStateInitWait && (!lun || announce);
	int err = 0;

	if (anew) {
		lun->replaced = true;
		scsiback_lun_remove(lun);
		lun = NULL;
	}
	if (lun) {
		lun->listed = true;
	} else {
		announce = true;
		err = scsiback_lun_add(b, name, anew);
	}
	if (!err && known) {
		lun = scsiback_find_name(b, name);
		/* Its guest does not see what has become of that. */
		if (scsiback_has_position(lun->type))
			set_bit(SCSIBACK_NEXUS_LOST, &lun->attentions);
	}
	/* It may be had later. */
	if (err == -ENOMEM)
		b->unread = true;
	if (err == -EAGAIN || err == -ENOMEM)
		return;
	if (err)
		scsiback_tell_state(b, name, BIT(state), XenbusStateClosed);
	else if (announce)
		/* Some frontends add a LUN in this state only. */
		scsiback_tell_state(b, name, BIT(state), XenbusStateInitialised);
}

static void scsiback_sync_one(struct scsiback *b, const char *name, bool announce)
{
	struct scsiback_lun *lun = scsiback_find_name(b, name);
	int state = scsiback_read_state(b, name);

	switch (state) {
	case XenbusStateInitialising:
	case XenbusStateInitWait:
	case XenbusStateInitialised:
	case XenbusStateConnected:
		scsiback_sync_wanted(b, name, lun, state, announce);
		break;
	case XenbusStateClosing:
		/* The guest has given it up. */
		if (lun)
			scsiback_lun_remove(lun);
		else if (!scsiback_is_leaving(b, name))
			scsiback_tell_state(b, name, BIT(state), XenbusStateClosed);
		break;
	default:
		/* Not there, or Closed: removed below if it was ours. */
		if (lun && state < 0 && state != -ENOENT)
			lun->listed = true;
		break;
	}
}

/**
 * scsiback_luns_sync() - do what the toolstack has written
 * @b: the vhost
 * @announce: the frontend has just come, and knows of none
 *
 * What is wrong with a LUN is in the error node and the log, its state is
 * Closed, and the others go on. LUNs that are there stay if it cannot be read
 * whether they should.
 *
 * Context: a hook of the device.
 * Return: 0, or -EAGAIN if something could not be read; pv_device_poke() follows.
 */
int scsiback_luns_sync(struct scsiback *b, bool announce)
{
	struct scsiback_lun *lun, *next;
	unsigned int i, nr = 0;
	char **name;

	b->unread = false;
	name = pv_device_list_own(b->pd, DIRECTORY, &nr);
	if (IS_ERR(name)) {
		if (PTR_ERR(name) != -ENOENT) {
			scsiback_unread(b, PTR_ERR(name), DIRECTORY);
			goto out;
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
		if (!lun->gone && !lun->listed)
			scsiback_lun_remove(lun);
out:
	scsiback_look_later(b);
	return b->unread ? -EAGAIN : 0;
}

/**
 * scsiback_luns_offer() - open what the guest will have
 * @b: the vhost, not connected
 *
 * Who starts the guest learns now whether it will have its devices, and they are
 * nobody else's meanwhile. (Who has been seen already is not told again.)
 *
 * Context: a hook of the device.
 */
void scsiback_luns_offer(struct scsiback *b)
{
	unsigned int i, nr = 0;
	char **name;
	int err;

	name = pv_device_list_own(b->pd, DIRECTORY, &nr);
	if (IS_ERR(name))
		return;
	for (i = 0; i < min_t(unsigned int, nr, MAX_LUNS); i++) {
		if (strlen(name[i]) >= SCSIBACK_NAME || scsiback_find_name(b, name[i]) ||
		    scsiback_read_state(b, name[i]) != XenbusStateInitialising)
			continue;
		err = scsiback_lun_add(b, name[i], false);
		/* That may be had later; the guest's driver looks once more. */
		if (err != -EAGAIN && err != -ENOMEM)
			scsiback_tell_state(b, name[i], BIT(XenbusStateInitialising),
					    err ? XenbusStateClosed : XenbusStateInitWait);
	}
	kfree(name);
}

/* What the frontend says of it. */
static int scsiback_guests_state(struct scsiback_lun *lun)
{
	char path[SCSIBACK_NAME + 32];
	int state;

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", lun->name);
	state = scsiback_parse_state(pv_device_read_peer(lun->b->pd, path));
	if (state == -ENOENT)
		return XenbusStateUnknown;
	if (state < 0)
		scsiback_unread(lun->b, state, path);
	return state;
}

static void scsiback_settle_one(struct scsiback_lun *lun, bool refused)
{
	int guest = XenbusStateUnknown;

	if (scsiback_read_state(lun->b, lun->name) != XenbusStateInitialised)
		return;
	if (refused)
		guest = scsiback_guests_state(lun);
	if (guest == XenbusStateClosed) {
		/* The frontend could not do anything with it. */
		scsiback_blame(lun, -EIO, "v-dev", ": the guest did not take it");
		scsiback_lun_remove(lun);
	} else if (guest >= 0) {
		scsiback_tell_state(lun->b, lun->name, BIT(XenbusStateInitialised),
				    XenbusStateConnected);
	}
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

	list_for_each_entry_safe(lun, next, &b->luns, all)
		if (!lun->gone)
			scsiback_settle_one(lun, refused);
	b->unsettled = b->unread;
	b->refusals = refused;
	scsiback_look_later(b);
}

/**
 * scsiback_luns_init() - there are none yet
 * @b: the vhost, new
 */
void scsiback_luns_init(struct scsiback *b)
{
	INIT_LIST_HEAD(&b->luns);
	xa_init(&b->by_address);
	kthread_init_work(&b->look, scsiback_look_work);
	kthread_init_delayed_work(&b->later, scsiback_later_work);
}

/**
 * scsiback_luns_watch() - see what the toolstack does
 * @b: the vhost
 *
 * Context: process, in probe().
 * Return: 0 or a negative errno.
 */
int scsiback_luns_watch(struct scsiback *b)
{
	return pv_watch_own(b->pd, &b->watch, DIRECTORY, scsiback_luns_changed);
}

/**
 * scsiback_luns_close() - give all devices back
 * @b: the vhost, which has no queues any more
 *
 * Context: process, may sleep; in remove().
 */
void scsiback_luns_close(struct scsiback *b)
{
	struct scsiback_lun *lun, *next;

	kthread_cancel_work_sync(&b->look);
	kthread_cancel_delayed_work_sync(&b->later);
	list_for_each_entry_safe(lun, next, &b->luns, all) {
		bool wanted_back = lun->gone;

		if (!wanted_back)
			scsiback_lun_leave(lun);
		scsiback_lun_close(lun);
		if (wanted_back)
			scsiback_tell_closed(lun);
		scsiback_lun_free(lun);
	}
	/* A device may have vanished meanwhile. */
	kthread_cancel_work_sync(&b->look);
	xa_destroy(&b->by_address);
}
