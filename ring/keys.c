// SPDX-License-Identifier: GPL-2.0
/*
 * Keys outside the feature table: read, written, watched.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "device.h"
#include "internal.h"

static char *key_read(const char *dir, const char *key)
{
	return xenbus_read(XBT_NIL, dir, key, NULL);
}

/**
 * pv_device_read_own() - the text of a key in this end's directory
 * @pd: the device
 * @key: its name
 *
 * Return: the text, to be freed by kfree(), or an ERR_PTR().
 */
char *pv_device_read_own(struct pv_device *pd, const char *key)
{
	return key_read(pd->xb->nodename, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_own);

/**
 * pv_device_read_peer() - the text of a key in the peer's directory
 * @pd: the device
 * @key: its name
 *
 * Return: the text, to be freed by kfree(), or an ERR_PTR().
 */
char *pv_device_read_peer(struct pv_device *pd, const char *key)
{
	return key_read(pd->peer, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_peer);

static char *key_read_option(struct pv_device *pd, const char *dir, const char *key)
{
	char *text = key_read(dir, key);

	if (text == ERR_PTR(-ENOENT))
		return NULL;
	if (IS_ERR(text))
		pv_device_error(pd, PTR_ERR(text), "%s/%s cannot be read", dir, key);
	return text;
}

/**
 * pv_device_read_own_option() - a key of this end that need not be there
 * @pd: the device
 * @key: its name
 *
 * Return: the text, to be freed by kfree(); NULL if there is none; or an
 * ERR_PTR(), which has been reported, if nobody knows.
 */
char *pv_device_read_own_option(struct pv_device *pd, const char *key)
{
	return key_read_option(pd, pd->xb->nodename, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_own_option);

/**
 * pv_device_read_peer_option() - a key of the peer that need not be there
 * @pd: the device
 * @key: its name
 *
 * Return: as pv_device_read_own_option().
 */
char *pv_device_read_peer_option(struct pv_device *pd, const char *key)
{
	return key_read_option(pd, pd->peer, key);
}
EXPORT_SYMBOL_GPL(pv_device_read_peer_option);

/**
 * pv_device_begin() - start a transaction
 * @xbt: result
 *
 * Return: 0 or a negative errno.
 */
int pv_device_begin(struct xenbus_transaction *xbt)
{
	return xenbus_transaction_start(xbt);
}
EXPORT_SYMBOL_GPL(pv_device_begin);

/**
 * pv_device_end() - end a transaction
 * @xbt: the transaction
 * @err: 0, or why nothing of it is to be done
 *
 * Return: 0, -EAGAIN if it is to be done again, or another negative errno: @err
 * if that is one.
 */
int pv_device_end(struct xenbus_transaction xbt, int err)
{
	int end = xenbus_transaction_end(xbt, !!err);

	return err ?: end;
}
EXPORT_SYMBOL_GPL(pv_device_end);

/* @what in one transaction, which is begun anew when others have written there. */
int pv_device_transact(struct pv_device *pd,
		       int (*what)(struct pv_device *pd, struct xenbus_transaction xbt))
{
	struct xenbus_transaction xbt;
	int err, end;

	do {
		err = pv_device_begin(&xbt);
		if (err)
			return err;
		err = what(pd, xbt);
		end = pv_device_end(xbt, err);
	} while (!err && end == -EAGAIN);
	return end;
}

/**
 * pv_device_read_own_in() - pv_device_read_own() in a transaction
 * @pd: the device
 * @xbt: the transaction
 * @key: its name
 *
 * Return: the text, to be freed by kfree(), or an ERR_PTR().
 */
char *pv_device_read_own_in(struct pv_device *pd, struct xenbus_transaction xbt,
			    const char *key)
{
	return xenbus_read(xbt, pd->xb->nodename, key, NULL);
}
EXPORT_SYMBOL_GPL(pv_device_read_own_in);

/**
 * pv_device_list_own_in() - pv_device_list_own() in a transaction
 * @pd: the device
 * @xbt: the transaction
 * @key: its name
 * @nr: result: how many
 *
 * Return: the names, to be freed all at once by kfree(), or an ERR_PTR().
 */
char **pv_device_list_own_in(struct pv_device *pd, struct xenbus_transaction xbt,
			     const char *key, unsigned int *nr)
{
	return xenbus_directory(xbt, pd->xb->nodename, key, nr);
}
EXPORT_SYMBOL_GPL(pv_device_list_own_in);

/**
 * pv_device_list_own() - the names of what lies below a key of this end
 * @pd: the device
 * @key: its name
 * @nr: result: how many
 *
 * Return: the names, to be freed all at once by kfree(), or an ERR_PTR().
 */
char **pv_device_list_own(struct pv_device *pd, const char *key,
			  unsigned int *nr)
{
	return xenbus_directory(XBT_NIL, pd->xb->nodename, key, nr);
}
EXPORT_SYMBOL_GPL(pv_device_list_own);

/**
 * pv_device_list_peer() - the names of what lies below a key of the peer
 * @pd: the device
 * @key: its name
 * @nr: result: how many
 *
 * Return: the names, to be freed all at once by kfree(), or an ERR_PTR().
 */
char **pv_device_list_peer(struct pv_device *pd, const char *key,
			   unsigned int *nr)
{
	return xenbus_directory(XBT_NIL, pd->peer, key, nr);
}
EXPORT_SYMBOL_GPL(pv_device_list_peer);

/* A number; -ENOENT if there is none, another errno if nobody knows. */
int pv_read_number(struct xenbus_transaction xbt, const char *dir, const char *key)
{
	int number, err = xenbus_scanf(xbt, dir, key, "%d", &number);

	if (err == 1)
		return max(number, 0);
	return err == -ERANGE ? -ENOENT : err;
}

/* The state of a device's directory, Unknown if there is none, or an errno if nobody knows. */
int pv_read_state(struct xenbus_device *xb, const char *dir)
{
	int state = pv_has_vanished(xb) ? -ENOENT : pv_read_number(XBT_NIL, dir, "state");

	return state == -ENOENT ? XenbusStateUnknown : state;
}

/* Whether the toolstack wants the device. If that cannot be read, it has not changed its mind. */
bool pv_is_online(const char *dir)
{
	int online = pv_read_number(XBT_NIL, dir, "online");

	return online && online != -ENOENT;
}

/**
 * pv_device_peer_state() - the state that the peer has written
 * @pd: the device
 *
 * Return: the state; XenbusStateUnknown if there is none; a negative errno if it
 * cannot be read.
 */
int pv_device_peer_state(struct pv_device *pd)
{
	return pv_read_state(pd->xb, pd->peer);
}
EXPORT_SYMBOL_GPL(pv_device_peer_state);

/**
 * pv_device_trusted() - frontend: may the backend see more than the data
 * @pd: the device
 * @trusted: what the administrator says of all backends
 *
 * Return: that, unless this device's key "trusted" denies it.
 */
bool pv_device_trusted(struct pv_device *pd, bool trusted)
{
	char *text = pv_device_read_own_option(pd, "trusted");

	if (!text)
		return trusted;
	/* Anything but a clear yes is a no. */
	if (IS_ERR(text))
		return false;
	trusted &= !strcmp(text, "1");
	kfree(text);
	return trusted;
}
EXPORT_SYMBOL_GPL(pv_device_trusted);

/**
 * pv_device_write() - write a key into this end's directory
 * @pd: the device
 * @xbt: xenstore transaction
 * @key: its name
 * @fmt: its value
 *
 * Return: 0 or a negative errno.
 */
int pv_device_write(struct pv_device *pd, struct xenbus_transaction xbt,
		    const char *key, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;
	int err;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	err = xenbus_printf(xbt, pd->xb->nodename, key, "%pV", &vaf);
	va_end(args);
	return err;
}
EXPORT_SYMBOL_GPL(pv_device_write);

/* Whether this end writes @key for a connection: a feature, or where the rings are. */
static bool device_writes(const struct pv_device *pd, const char *key)
{
	static const char * const of_rings[] = {
		"ring-ref", "tx-ring-ref", "rx-ring-ref", "ctrl-ring-ref", "event-channel",
		"queue-", "protocol",
	};
	bool front = pd->drv->end == PV_FRONT;
	unsigned int i;

	for (i = 0; i < pd->drv->nr_features; i++) {
		const struct pv_feature *f = &pd->drv->features[i];

		if (f->from_front == front && !(f->flags & PV_FEATURE_LATE) && !strcmp(f->key, key))
			return true;
	}
	for (i = 0; front && i < ARRAY_SIZE(of_rings); i++)
		if (str_has_prefix(key, of_rings[i]))
			return true;
	return false;
}

/*
 * Whoever comes next in this directory, perhaps a driver of the kernel's, does not know each key:
 * those of an earlier connection go, whoever wrote them. What is read late is written anew by all.
 */
int pv_device_take_back(struct pv_device *pd, struct xenbus_transaction xbt)
{
	unsigned int i, nr;
	char **keys = pv_device_list_own_in(pd, xbt, "", &nr);
	int err = 0;

	if (IS_ERR(keys))
		return PTR_ERR(keys) == -ENOENT ? 0 : PTR_ERR(keys);
	for (i = 0; i < nr && !err; i++)
		if (device_writes(pd, keys[i]))
			err = xenbus_rm(xbt, pd->xb->nodename, keys[i]);
	kfree(keys);
	return err;
}

/**
 * pv_queue_dir() - where the keys of one queue stand
 * @dir: result: "" for the only queue, "queue-N/" for one of several
 * @nr: number of queues
 * @i: which
 *
 * blkif.h and netif.h: a single queue's keys stay at the top.
 */
void pv_queue_dir(char dir[PV_QUEUE_DIR], unsigned int nr, unsigned int i)
{
	if (nr == 1)
		*dir = '\0';
	else
		snprintf(dir, PV_QUEUE_DIR, "queue-%u/", i);
}
EXPORT_SYMBOL_GPL(pv_queue_dir);

int pv_key_u32(struct pv_device *pd, const char *path, u32 *value)
{
	char *text = pv_device_read_peer(pd, path);
	int err;

	if (IS_ERR(text)) {
		pv_device_error(pd, PTR_ERR(text), "%s/%s %s", pd->peer, path,
				PTR_ERR(text) == -ENOENT ? "is missing" : "cannot be read");
		return PTR_ERR(text);
	}
	err = kstrtou32(text, 10, value);
	if (err)
		pv_device_error(pd, err, "%s/%s is \"%*pE\": not a number",
				pd->peer, path,
				(int)strnlen(text, 40), text);
	kfree(text);
	return err;
}

/**
 * pv_device_write_port() - frontend: write an event channel's port
 * @pd: the device
 * @xbt: xenstore transaction
 * @queue: from pv_queue_dir()
 * @key: "event-channel", ...
 * @port: the port
 *
 * Return: 0 or a negative errno.
 */
int pv_device_write_port(struct pv_device *pd, struct xenbus_transaction xbt,
			 const char *queue, const char *key, u32 port)
{
	char path[PV_KEY_PATH];

	snprintf(path, sizeof(path), "%s%s", queue, key);
	return xenbus_printf(xbt, pd->xb->nodename, path, "%u", port);
}
EXPORT_SYMBOL_GPL(pv_device_write_port);

/**
 * pv_device_read_port() - backend: the frontend's event channel
 * @pd: the device
 * @queue: from pv_queue_dir()
 * @key: "event-channel", ...
 * @port: result
 *
 * Return: 0 or a negative errno.
 */
int pv_device_read_port(struct pv_device *pd, const char *queue,
			const char *key, u32 *port)
{
	char path[PV_KEY_PATH];

	snprintf(path, sizeof(path), "%s%s", queue, key);
	return pv_key_u32(pd, path, port);
}
EXPORT_SYMBOL_GPL(pv_device_read_port);

/* ---- watches ---- */

/* Peers may write in a loop: one event in the queue is enough. */
static bool watch_will_handle(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	return watch->nr_pending == 0;
}

static void watch_fired(struct xenbus_watch *watch, const char *path,
			const char *token)
{
	struct pv_watch *w = container_of(watch, struct pv_watch, watch);

	WRITE_ONCE(w->fired, true);
	pv_device_ask(w->pd, PV_ASK_WATCH);
}

/* @fired runs in xenwatch, which must not wait. */
int pv_watch_start(struct pv_device *pd, struct pv_watch *w, const char *dir,
		   const char *key,
		   void (*fired)(struct xenbus_watch *watch, const char *path,
				 const char *token))
{
	int err = -ENODEV;

	w->pd = pd;
	mutex_lock(&pd->watch_lock);
	/* Its removal ends those that are there. */
	if (!READ_ONCE(pd->gone))
		err = xenbus_watch_pathfmt(pd->xb, &w->watch, watch_will_handle,
					   fired, "%s/%s", dir, key);
	if (!err)
		list_add(&w->list, &pd->watches);
	mutex_unlock(&pd->watch_lock);
	return err;
}

/**
 * pv_watch_own() - watch a key in this end's directory
 * @pd: the device
 * @w: the watch; it ends before remove() is called
 * @key: its name
 * @changed: called like a hook, also once at the beginning
 *
 * Context: process, in probe().
 * Return: 0 or a negative errno.
 */
int pv_watch_own(struct pv_device *pd, struct pv_watch *w, const char *key,
		 void (*changed)(struct pv_device *pd))
{
	w->changed = changed;
	return pv_watch_start(pd, w, pd->xb->nodename, key, watch_fired);
}
EXPORT_SYMBOL_GPL(pv_watch_own);

/**
 * pv_watch_again() - the key cannot be read now
 * @w: the watch, whose changed() is called once more, later
 *
 * Context: a hook of the device.
 */
void pv_watch_again(struct pv_watch *w)
{
	w->fired = true;
	pv_device_ask_soon(w->pd, PV_ASK_WATCH);
}
EXPORT_SYMBOL_GPL(pv_watch_again);

/**
 * pv_watch_stop() - end a watch before the device's removal does
 * @w: the watch, or one that was never started
 *
 * Context: process, in probe(). Not in other hooks: it waits for xenwatch.
 */
void pv_watch_stop(struct pv_watch *w)
{
	if (!w->watch.node)
		return;
	unregister_xenbus_watch(&w->watch);
	kfree(w->watch.node);
	w->watch.node = NULL;
	mutex_lock(&w->pd->watch_lock);
	list_del(&w->list);
	mutex_unlock(&w->pd->watch_lock);
}
EXPORT_SYMBOL_GPL(pv_watch_stop);

static struct pv_watch *watch_first(struct pv_device *pd)
{
	struct pv_watch *w;

	mutex_lock(&pd->watch_lock);
	w = list_first_entry_or_null(&pd->watches, struct pv_watch, list);
	mutex_unlock(&pd->watch_lock);
	return w;
}

/* All of them. The device is gone: there will be no more. */
void pv_watches_stop(struct pv_device *pd)
{
	struct pv_watch *w;

	while ((w = watch_first(pd)))
		pv_watch_stop(w);
}

static struct pv_watch *watch_that_fired(struct pv_device *pd)
{
	struct pv_watch *w, *found = NULL;

	mutex_lock(&pd->watch_lock);
	list_for_each_entry(w, &pd->watches, list) {
		if (!xchg(&w->fired, false))
			continue;
		found = w;
		break;
	}
	mutex_unlock(&pd->watch_lock);
	return found;
}

/* Call those whose keys may have changed. */
void pv_watches_look(struct pv_device *pd)
{
	struct pv_watch *w;

	lockdep_assert_held(&pd->lock);
	while ((w = watch_that_fired(pd)))
		w->changed(pd);
}

void pv_peer_key_changed(struct pv_device *pd)
{
	if (pd->drv->peer_key && pd->link == PV_LINK_UP && pd->drv->change)
		pd->drv->change(pd);
}

/* Watch the peer's key, which is elsewhere after a migration. */
void pv_watch_peer(struct pv_device *pd)
{
	pd->peer_watch.changed = pv_peer_key_changed;
	if (pd->drv->peer_key)
		pv_watch_start(pd, &pd->peer_watch, pd->peer,
			       pd->drv->peer_key, watch_fired);
}
