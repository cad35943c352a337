// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a backend: its state machine, and what it may announce.
 */
#include <linux/export.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "device.h"
#include "internal.h"
#include "trace.h"

/* What is missing here may be there later. Else it is the end. */
static void back_cannot(struct pv_device *pd, int err, const char *what)
{
	pv_device_blame(pd, err, what);
	if (!pv_device_is_short(err)) {
		pv_device_give_up(pd);
		return;
	}
	pd->drv->disconnect(pd, PV_DOWN_RETRY);
	pv_device_ask_later(pd, PV_ASK_LOOK);
}

void pv_back_offer(struct pv_device *pd)
{
	int err;

	pd->explained = false;
	if (!pd->offered) {
		err = pd->drv->offer(pd);
		if (err) {
			pv_device_blame(pd, err, "cannot offer the device");
			if (pv_device_is_short(err))
				pv_device_ask_later(pd, PV_ASK_LOOK);
			return;
		}
		pd->offered = true;
	}
	pd->failed = false;
	pv_device_say(pd, XenbusStateInitWait, pv_device_early);
}

static void back_connect(struct pv_device *pd)
{
	int err;

	/* A frontend of before must learn first that this is a new one. */
	if (!pd->offered || pd->failed || pd->unsaid != XenbusStateUnknown)
		return;
	pd->explained = false;
	err = pv_feature_read(pd, false);
	if (!err)
		err = pd->drv->connect(pd);
	if (err == -EAGAIN) {
		/* Something is missing yet: pv_device_poke() tries again. */
		pd->drv->disconnect(pd, PV_DOWN_RETRY);
		return;
	}
	if (err) {
		back_cannot(pd, err, "cannot connect to the frontend");
		return;
	}
	pd->link = PV_LINK_UP;
	pd->wait = 0;
	pv_device_say(pd, XenbusStateConnected, pv_device_late);
	pv_peer_key_changed(pd);
}

static void back_reconfigure(struct pv_device *pd)
{
	int err;

	if (pd->link != PV_LINK_UP || !pd->drv->reconfigure)
		return;
	pd->explained = false;
	err = pv_feature_read(pd, false);
	if (!err)
		err = pd->drv->reconfigure(pd);
	if (err)
		pv_device_blame(pd, err, "cannot reconfigure");
	if (pv_device_is_short(err))
		pv_device_ask_soon(pd, PV_ASK_LOOK);
	else
		pv_device_say(pd, XenbusStateReconfigured, NULL);
}

/* What it asks for, the driver before this one may not have answered. */
static void back_reconfiguring(struct pv_device *pd)
{
	if (pd->link != PV_LINK_UP && pd->drv->resumable)
		back_connect(pd);
	back_reconfigure(pd);
}

/* Linux's network frontend asks first, and then writes what for. */
static int back_reconfigure_late(struct pv_device *pd)
{
	u64 was[PV_FEATURES_MAX];
	int err;

	memcpy(was, pd->feature, sizeof(was));
	err = pv_feature_read(pd, false);
	if (!err && memcmp(was, pd->feature, sizeof(was)))
		err = pd->drv->reconfigure(pd);
	if (pv_device_is_short(err))
		memcpy(pd->feature, was, sizeof(was));
	return err;
}

static void back_settled(struct pv_device *pd)
{
	bool reconfigured = pd->xb->state == XenbusStateReconfigured;

	if (reconfigured && pv_device_is_short(back_reconfigure_late(pd))) {
		pv_device_ask_soon(pd, PV_ASK_LOOK);
		return;
	}
	if (pd->drv->settled)
		pd->drv->settled(pd, reconfigured);
	if (reconfigured)
		pv_device_say(pd, XenbusStateConnected, NULL);
}

/* Returns true if meanwhile, which may have been long, the device has become a former one. */
static bool back_down(struct pv_device *pd)
{
	pv_device_down(pd, PV_DOWN_RETRY);
	return pv_device_is_former(pd);
}

/*
 * The frontend has written its state. Returns true if the device has left for
 * good.
 */
bool pv_back_peer(struct pv_device *pd, enum xenbus_state state)
{
	int same, now;

	lockdep_assert_held(&pd->lock);
	switch (state) {
	case XenbusStateInitialising:
		/* A new life of the frontend: nothing of the old one counts. */
		if (back_down(pd))
			return true;
		if (pd->xb->state != XenbusStateInitWait)
			pv_back_offer(pd);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		/* Its next life began and published before we had looked. */
		same = pd->link == PV_LINK_UP ? pv_shared_all_current(pd) : 0;
		if (same < 0) {
			pv_device_ask_soon(pd, PV_ASK_PEER);
			break;
		}
		if (!same)
			pv_device_down(pd, PV_DOWN_RETRY);
		if (pd->link != PV_LINK_UP)
			back_connect(pd);
		else if (state == XenbusStateConnected)
			back_settled(pd);
		break;
	case XenbusStateReconfiguring:
		back_reconfiguring(pd);
		break;
	case XenbusStateClosing:
		/* It may still finish what is in flight. */
		pv_device_switch(pd, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		if (back_down(pd))
			return true;
		pv_device_switch(pd, XenbusStateClosed);
		return !pv_is_online(pd->xb->nodename);
	case XenbusStateUnknown:
		/* There may be another one by now, in whose directories this device has begun. */
		if (back_down(pd))
			return true;
		now = pv_device_peer_state(pd);
		if (now < 0)
			pv_device_ask_soon(pd, PV_ASK_PEER);
		return now == XenbusStateUnknown;
	default:
		break;
	}
	return false;
}

/* What it waited for may be there. */
static void back_look(struct pv_device *pd)
{
	int peer = pv_device_peer_state(pd);

	if (peer < 0) {
		pv_device_ask_soon(pd, PV_ASK_LOOK);
		return;
	}
	if (!pd->offered)
		pv_back_offer(pd);
	if (pd->link != PV_LINK_UP && (peer == XenbusStateInitialised ||
				       peer == XenbusStateConnected))
		back_connect(pd);
	else if (peer == XenbusStateReconfiguring && pd->xb->state != XenbusStateReconfigured)
		back_reconfiguring(pd);
	else if (peer == XenbusStateConnected && pd->xb->state == XenbusStateReconfigured)
		back_settled(pd);
}

static void back_announce(struct pv_device *pd)
{
	if (pd->link == PV_LINK_UP && pd->xb->state == XenbusStateConnected &&
	    pd->unsaid == XenbusStateUnknown)
		pv_device_say(pd, XenbusStateConnected, pv_device_late);
}

/* What was asked for by this end. */
void pv_back_work(struct pv_device *pd)
{
	lockdep_assert_held(&pd->lock);
	if (pv_device_is_asked(pd, PV_ASK_LOOK) | pv_device_is_asked(pd, PV_ASK_AGAIN))
		back_look(pd);
	if (pv_device_is_asked(pd, PV_ASK_ANNOUNCE))
		back_announce(pd);
}

/**
 * pv_device_announce() - backend: tell a connected frontend to look again
 * @pd: the device, its changed late features offered
 *
 * Writes the late features and, once more, the state Connected.
 *
 * Context: any.
 */
void pv_device_announce(struct pv_device *pd)
{
	pv_device_ask(pd, PV_ASK_ANNOUNCE);
}
EXPORT_SYMBOL_GPL(pv_device_announce);
