// SPDX-License-Identifier: GPL-2.0
/*
 * What a device says of itself: its state, with the keys that go with it.
 */
#include <linux/lockdep.h>
#include <xen/xenbus.h>

#include "device.h"
#include "internal.h"
#include "trace.h"

/* Neither in another device's directory, nor against what the toolstack has written. */
static bool device_may_say(enum xenbus_state own, enum xenbus_state now, enum xenbus_state state)
{
	if (now == own)
		return true;
	if (now == XenbusStateClosing)
		return state == XenbusStateClosing || state == XenbusStateClosed;
	return now != XenbusStateInitialising && state != own;
}

/* -ESTALE: it is not to be said. -ENOENT: there is no device. -EAGAIN: others write there. */
static int device_try_to_say(struct pv_device *pd, enum xenbus_state state,
			     int (*with)(struct pv_device *pd, struct xenbus_transaction xbt))
{
	struct xenbus_device *xb = pd->xb;
	struct xenbus_transaction xbt;
	int err, now;

	err = xenbus_transaction_start(&xbt);
	if (err)
		return err;
	err = xenbus_scanf(xbt, xb->nodename, "state", "%d", &now);
	if (err == 1)
		err = device_may_say(xb->state, now, state) ? 0 : -ESTALE;
	if (!err && with)
		err = with(pd, xbt);
	if (!err)
		err = xenbus_printf(xbt, xb->nodename, "state", "%d", state);
	if (!err)
		return xenbus_transaction_end(xbt, 0);
	xenbus_transaction_end(xbt, 1);
	return err == -EAGAIN ? -EIO : err;
}

/* What goes with a state of either end, or with a backend's Connected. */
int pv_device_early(struct pv_device *pd, struct xenbus_transaction xbt)
{
	return pv_feature_write(pd, xbt, false);
}

int pv_device_late(struct pv_device *pd, struct xenbus_transaction xbt)
{
	return pv_feature_write(pd, xbt, true);
}

/*
 * A state, and what goes @with it, if that finds no reason against it. What
 * cannot be written is written later, unless there is another to write by then.
 */
int pv_device_say(struct pv_device *pd, enum xenbus_state state,
		  int (*with)(struct pv_device *pd, struct xenbus_transaction xbt))
{
	unsigned int tries = 2;
	int err;

	lockdep_assert_held(&pd->lock);
	trace_pv_state(dev_name(&pd->xb->dev), state, -1);
	/* Nobody would answer what has not been said; memory may be there the next time. */
	do
		err = device_try_to_say(pd, state, with);
	while (err == -EAGAIN || (err && err != -ENOENT && err != -ESTALE && --tries));
	/* Where there is no state, there is no device any more: all has been said. */
	if (!err || err == -ENOENT)
		pd->xb->state = state;
	if (!err || err == -ENOENT || err == -ESTALE) {
		pd->unsaid = XenbusStateUnknown;
		return 0;
	}
	if (state != pd->unsaid)
		pv_device_error(pd, err, "cannot write state %d", state);
	pd->unsaid = state;
	pd->unsaid_with = with;
	pv_device_ask_soon(pd, PV_ASK_AGAIN);
	return err;
}

/* The same, where it has not been said yet. */
int pv_device_switch_with(struct pv_device *pd, enum xenbus_state state,
			  int (*with)(struct pv_device *pd, struct xenbus_transaction xbt))
{
	if (state != pd->xb->state)
		return pv_device_say(pd, state, with);
	pd->unsaid = XenbusStateUnknown;
	return 0;
}

void pv_device_switch(struct pv_device *pd, enum xenbus_state state)
{
	pv_device_switch_with(pd, state, NULL);
}
