// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a frontend: its state machine, and what it may ask for itself.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "device.h"
#include "internal.h"

static bool front_is_wanted(struct pv_device *pd)
{
	/* The toolstack clears the backend's "online" when it means it. */
	return pv_is_online(pd->peer);
}

static int front_publish(struct pv_device *pd, struct xenbus_transaction xbt)
{
	return pv_device_take_back(pd, xbt) ?: pv_feature_write(pd, xbt, false) ?:
	       pd->drv->publish(pd, xbt);
}

/* What is under way is done again: the backend's Closed brings us back. */
static void front_leave(struct pv_device *pd)
{
	pv_device_down(pd, PV_DOWN_RETRY);
	pv_device_switch(pd, XenbusStateClosed);
}

/* It could not get something, and will try again. */
static void front_wait(struct pv_device *pd)
{
	pd->waits = true;
	pv_device_ask_later(pd, PV_ASK_AGAIN);
}

/* One that passes several states as it restarts is counted once. */
static bool front_may_retry(struct pv_device *pd)
{
	return !pd->failed && front_is_wanted(pd) &&
	       (pd->xb->state == XenbusStateInitialising || pv_device_may_retry(pd));
}

/* What is missing here may be there later. Else it is the end. */
static void front_cannot(struct pv_device *pd, int err, const char *what)
{
	pv_device_blame(pd, err, what);
	if (!pv_device_is_short(err)) {
		pv_device_give_up(pd);
		return;
	}
	front_leave(pd);
	front_wait(pd);
	dev_notice(&pd->xb->dev, "will try again in %u s\n",
		   jiffies_to_msecs(pd->wait) / 1000);
}

/* Pages that this domain's backends map are not for others. */
static int front_check_kept(struct pv_device *pd)
{
	unsigned int nr = pv_grant_too_many_kept(pd->xb->otherend_id);

	if (!nr)
		return 0;
	pv_device_error(pd, -ENOSPC,
			"domain %u keeps %u pages of former connections mapped",
			pd->xb->otherend_id, nr);
	return -ENOSPC;
}

static void front_negotiate(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	/* A restarted backend may not have gone through Closed. */
	pv_device_down(pd, PV_DOWN_RETRY);
	err = front_check_kept(pd);
	if (!err)
		err = pv_feature_read(pd, false);
	if (err)
		goto fail;
	/* From here on disconnect() has something to undo. */
	pd->link = PV_LINK_OFFERED;
	err = pd->drv->negotiate(pd);
	if (err)
		goto fail;
	err = pv_device_transact(pd, front_publish);
	if (err)
		goto fail;
	pv_device_switch(pd, pd->drv->direct ? XenbusStateConnected :
					    XenbusStateInitialised);
	return;

fail:
	front_cannot(pd, err, "cannot set up the rings");
}

static void front_connect(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	err = pv_feature_read(pd, true);
	if (!err)
		err = pd->drv->connect(pd);
	if (err) {
		front_cannot(pd, err, "cannot connect");
		return;
	}
	pd->link = PV_LINK_UP;
	pd->wait = 0;
	pv_device_switch(pd, XenbusStateConnected);
	pv_peer_key_changed(pd);
}

static void front_restart(struct pv_device *pd)
{
	if (pd->link == PV_LINK_DOWN)
		return;
	/* Our own wish says nothing about the backend. */
	pd->retries = 0;
	front_leave(pd);
}

/* Directories made anew look as those of a device that had only begun. */
static int front_check_unwanted(struct pv_device *pd, struct xenbus_transaction xbt)
{
	int online;

	if (pd->failed || pd->xb->state != XenbusStateInitialising)
		return 0;
	online = pv_read_number(xbt, pd->peer, "online");
	if (online > 0)
		return -ESTALE;
	return online == -ENOENT ? 0 : online;
}

/*
 * The end; unless the directories have just become another device's, to which
 * this one is a former one. Returns true then.
 */
static bool front_closed(struct pv_device *pd)
{
	int err;

	pv_device_down(pd, PV_DOWN_FINAL);
	err = pv_device_switch_with(pd, XenbusStateClosed, front_check_unwanted);
	complete(&pd->xb->down);
	return !err && pd->xb->state != XenbusStateClosed;
}

/*
 * The toolstack wants the device back: as soon as nobody uses it. Returns true
 * if it has become a former one.
 */
static bool front_close(struct pv_device *pd)
{
	/* Whoever is the last user from now on sees it, and pokes. */
	smp_store_mb(pd->closing, true);
	if (pd->drv->may_close && !pd->drv->may_close(pd)) {
		if (pd->xb->state != XenbusStateClosing)
			pv_device_error(pd, -EBUSY,
					"in use, will close when the last user has gone");
		pv_device_switch(pd, XenbusStateClosing);
		return false;
	}
	return front_closed(pd);
}

/* It may have connected before we could offer it anything but what we had. */
static void front_restarted(struct pv_device *pd)
{
	int err = pv_feature_read(pd, false) ?: pv_feature_read(pd, true);

	pd->rebinds = false;
	if (err)
		front_cannot(pd, err, "cannot go on with a new backend");
	else
		pd->drv->restarted(pd);
}

/* Answer a reconfiguring backend when what it is about has been done. */
static void front_answer(struct pv_device *pd)
{
	enum xenbus_state state = pd->owed;

	if (state == XenbusStateUnknown ||
	    (pd->drv->settling && pd->drv->settling(pd)))
		return;
	pd->owed = XenbusStateUnknown;
	pv_device_switch(pd, state);
}

/* The backend has taken what this end, or the toolstack, has changed. */
static void front_reconfigured(struct pv_device *pd)
{
	if (pd->xb->state != XenbusStateReconfiguring)
		return;
	if (pd->drv->change)
		pd->drv->change(pd);
	pd->owed = XenbusStateConnected;
	front_answer(pd);
}

/*
 * A backend that stays in that state sends no news of it, and those of a quick
 * one come when this is over.
 */
static void front_look_reconfigured(struct pv_device *pd)
{
	int peer = pv_device_peer_state(pd);

	if (peer == XenbusStateReconfigured)
		front_reconfigured(pd);
	else if (peer < 0)
		pv_device_ask_soon(pd, PV_ASK_AGAIN);
}

/* Early features that this end writes have changed while connected. */
static void front_reconfigure(struct pv_device *pd)
{
	if (pd->link == PV_LINK_UP &&
	    !pv_device_say(pd, XenbusStateReconfiguring, pv_device_early))
		front_look_reconfigured(pd);
}

/*
 * The backend has written its state; it may have @began anew before that.
 * Returns true if this device has become a former one.
 */
bool pv_front_peer(struct pv_device *pd, enum xenbus_state state, bool began)
{
	lockdep_assert_held(&pd->lock);
	/* Who is Connected already gets no second look at its keys. */
	if (began && pd->link == PV_LINK_UP && pd->drv->restarted)
		pd->rebinds = true;
	switch (state) {
	case XenbusStateInitWait:
		/* It may be about to go on with the rings: not with new ones. */
		if (pd->link == PV_LINK_UP && !pd->drv->restarted)
			front_leave(pd);
		/* While OFFERED it is the state that we have acted on. */
		else if (pd->link == PV_LINK_DOWN && !pd->failed &&
			 !pd->closing && !pd->waits)
			front_negotiate(pd);
		break;
	case XenbusStateConnected:
		if (pd->link == PV_LINK_OFFERED)
			front_connect(pd);
		else if (pd->link == PV_LINK_UP && pd->rebinds)
			front_restarted(pd);
		else if (pd->link == PV_LINK_UP && pd->drv->change)
			pd->drv->change(pd);
		break;
	case XenbusStateReconfiguring:
		if (pd->link != PV_LINK_UP || !pd->drv->reconfigure)
			break;
		/* It has not waited for our last word: that comes first. */
		if (pd->owed == XenbusStateConnected)
			pv_device_switch(pd, pd->owed);
		pd->drv->reconfigure(pd);
		pd->owed = XenbusStateReconfiguring;
		front_answer(pd);
		break;
	case XenbusStateReconfigured:
		front_reconfigured(pd);
		break;
	case XenbusStateClosing:
		if (pd->failed || !front_is_wanted(pd))
			return front_close(pd);
		if (pd->link != PV_LINK_DOWN)
			front_leave(pd);
		break;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		if (pd->waits && front_is_wanted(pd))
			break;
		if (front_may_retry(pd)) {
			/* It restarts: InitWait will follow. */
			pv_device_down(pd, PV_DOWN_RETRY);
			pv_device_switch(pd, XenbusStateInitialising);
		} else if (pd->xb->state != XenbusStateClosed) {
			return front_closed(pd);
		}
		break;
	default:
		break;
	}
	return false;
}

/* What could not be had may be there now. */
static void front_begin_again(struct pv_device *pd)
{
	int peer;

	pd->waits = false;
	if (pd->link != PV_LINK_DOWN || pd->failed || pd->closing ||
	    !front_is_wanted(pd))
		return;
	pv_device_switch(pd, XenbusStateInitialising);
	/* One that stays in that state sends no news of it. */
	peer = pv_device_peer_state(pd);
	if (peer == XenbusStateInitWait)
		front_negotiate(pd);
	else if (peer < 0)
		front_wait(pd);
}

static void front_again(struct pv_device *pd)
{
	if (pd->waits)
		front_begin_again(pd);
	else if (pd->link == PV_LINK_UP && pd->xb->state == XenbusStateReconfiguring)
		front_look_reconfigured(pd);
}

/* What was asked for by this end. */
void pv_front_work(struct pv_device *pd)
{
	lockdep_assert_held(&pd->lock);
	if (pv_device_is_asked(pd, PV_ASK_LOOK) && pd->closing)
		front_close(pd);
	if (pv_device_is_asked(pd, PV_ASK_AGAIN))
		front_again(pd);
	if (pv_device_is_asked(pd, PV_ASK_RESTART))
		front_restart(pd);
	if (pv_device_is_asked(pd, PV_ASK_RECONFIGURE))
		front_reconfigure(pd);
	front_answer(pd);
}

/**
 * pv_device_reconfigure() - frontend: an early feature of ours has changed
 * @pd: the device, the new value offered (pv_feature_offer())
 *
 * The backend goes on with the old value for a while. A device that is not
 * connected writes the new one when it connects.
 *
 * Context: any.
 */
void pv_device_reconfigure(struct pv_device *pd)
{
	pv_device_ask(pd, PV_ASK_RECONFIGURE);
}
EXPORT_SYMBOL_GPL(pv_device_reconfigure);

/**
 * pv_device_restart() - frontend: disconnect and negotiate anew
 * @pd: the device
 *
 * For settings that negotiation fixes (the number of queues).
 *
 * Context: any.
 */
void pv_device_restart(struct pv_device *pd)
{
	pv_device_ask(pd, PV_ASK_RESTART);
}
EXPORT_SYMBOL_GPL(pv_device_restart);
