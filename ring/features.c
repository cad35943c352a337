// SPDX-License-Identifier: GPL-2.0
/*
 * Feature tables: reading, validating and writing numeric xenstore keys.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "device.h"
#include "features.h"

/**
 * pv_feature_parse() - the value of a key's text
 * @f: the key
 * @text: what stands in xenstore; NULL if there is no such key
 * @value: result
 *
 * Return: 0; -ENOENT if a required key is missing; -EINVAL if the text is not
 * a number; -ERANGE if the number is out of range and the key does not clamp.
 */
int pv_feature_parse(const struct pv_feature *f, const char *text, u64 *value)
{
	u64 v;

	if (!text) {
		if (f->flags & PV_FEATURE_REQUIRED)
			return -ENOENT;
		v = f->absent;
	} else {
		int err = kstrtoull(text, 10, &v);

		if (err == -ERANGE && (f->flags & PV_FEATURE_CLAMP))
			v = f->max;
		else if (err)
			return err;
		if (v > f->max && (f->flags & PV_FEATURE_CLAMP))
			v = f->max;
		if (v < f->min || v > f->max)
			return -ERANGE;
	}
	if (f->limit)
		v = min(v, max_t(u64, *f->limit, f->min));
	*value = v;
	return 0;
}
EXPORT_SYMBOL_GPL(pv_feature_parse);

/* The table knows what the protocol allows; what this end has offered is less. */
static int feature_check_bound(struct pv_device *pd, const struct pv_feature *f, u64 value)
{
	u64 most = pd->feature[f->bound];

	if (value <= most)
		return 0;
	pv_device_error(pd, -EINVAL, "%s/%s is %llu: at most %llu was offered",
			pd->peer, f->key, value, most);
	return -EINVAL;
}

static int feature_read_one(struct pv_device *pd, unsigned int id)
{
	const struct pv_feature *f = &pd->drv->features[id];
	char *text = pv_device_read_peer(pd, f->key);
	int err = 0;

	if (IS_ERR(text)) {
		/* No key is an answer; xenstore failing is not. */
		if (PTR_ERR(text) != -ENOENT) {
			err = PTR_ERR(text);
			pv_device_error(pd, err, "cannot read %s/%s",
					pd->peer, f->key);
			return err;
		}
		text = NULL;
	}
	err = pv_feature_parse(f, text, &pd->feature[id]);
	if (err == -ENOENT)
		pv_device_error(pd, err, "%s/%s is missing",
				pd->peer, f->key);
	else if (err)
		pv_device_error(pd, err,
				"%s/%s is \"%*pE\": it must be a number from %llu to %llu",
				pd->peer, f->key,
				(int)strnlen(text, 40), text, f->min, f->max);
	else if (text && (f->flags & PV_FEATURE_BOUNDED))
		err = feature_check_bound(pd, f, pd->feature[id]);
	kfree(text);
	return err;
}

/**
 * pv_feature_read() - read what the peer has written
 * @pd: the device
 * @late: the keys that a backend writes before Connected; otherwise those
 *        that it writes before InitWait. A frontend's keys are all early
 *
 * A value out of its range is an error that names key, value and range, or
 * is clamped where the table says that the protocol allows it. The driver's
 * own limit applies afterwards.
 *
 * Context: process, a hook of the device.
 * Return: 0 or a negative errno.
 */
int pv_feature_read(struct pv_device *pd, bool late)
{
	bool from_front = pd->drv->end == PV_BACK;
	unsigned int i;
	int err;

	for (i = 0; i < pd->drv->nr_features; i++) {
		const struct pv_feature *f = &pd->drv->features[i];

		if (f->from_front != from_front ||
		    !!(f->flags & PV_FEATURE_LATE) != late)
			continue;
		err = feature_read_one(pd, i);
		if (err)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pv_feature_read);

/**
 * pv_feature_reread() - read one key again while connected
 * @pd: the device
 * @id: index in the driver's table
 *
 * For the few keys that may change under way (a disk's size). On an error the
 * old value stays; if it cannot be read now, change() is called once more, later.
 *
 * Context: process, a hook of the device.
 * Return: 0 or a negative errno.
 */
int pv_feature_reread(struct pv_device *pd, unsigned int id)
{
	u64 old = pd->feature[id];
	int err = feature_read_one(pd, id);

	if (err)
		pd->feature[id] = old;
	if (err && err != -ENOENT && err != -EINVAL && err != -ERANGE)
		pv_device_change_again(pd);
	return err;
}
EXPORT_SYMBOL_GPL(pv_feature_reread);

/**
 * pv_feature_refused() - the peer has offered something, and does not do it
 * @pd: the device
 * @id: index in the driver's table
 *
 * It is 0 until the next connection.
 *
 * Context: any.
 * Return: whether that is news.
 */
bool pv_feature_refused(struct pv_device *pd, unsigned int id)
{
	return xchg(&pd->feature[id], 0);
}
EXPORT_SYMBOL_GPL(pv_feature_refused);

/**
 * pv_feature_write() - write what this end has offered
 * @pd: the device
 * @xbt: xenstore transaction
 * @late: see pv_feature_read()
 *
 * Context: process, a hook of the device.
 * Return: 0 or a negative errno.
 */
int pv_feature_write(struct pv_device *pd, struct xenbus_transaction xbt,
		     bool late)
{
	bool from_front = pd->drv->end == PV_FRONT;
	unsigned int i;
	int err;

	for (i = 0; i < pd->drv->nr_features; i++) {
		const struct pv_feature *f = &pd->drv->features[i];
		u64 value = pd->feature[i];

		if (f->from_front != from_front ||
		    !!(f->flags & PV_FEATURE_LATE) != late)
			continue;
		if ((f->flags & PV_FEATURE_OPTIONAL) && value == f->absent) {
			/* It may be there from before. */
			err = xenbus_rm(xbt, pd->xb->nodename, f->key);
			err = err == -ENOENT ? 0 : err;
		} else {
			err = xenbus_printf(xbt, pd->xb->nodename, f->key, "%llu",
					    value);
		}
		if (err) {
			pv_device_error(pd, err, "cannot write %s/%s",
					pd->xb->nodename, f->key);
			return err;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pv_feature_write);

/**
 * pv_feature_offer() - set the value of a key that this end writes
 * @pd: the device
 * @id: index in the driver's table
 * @value: what to write
 */
void pv_feature_offer(struct pv_device *pd, unsigned int id, u64 value)
{
	pd->feature[id] = value;
}
EXPORT_SYMBOL_GPL(pv_feature_offer);

/**
 * pv_feature() - the value of a key: read from the peer, or offered to it
 * @pd: the device
 * @id: index in the driver's table
 *
 * Return: the value.
 */
u64 pv_feature(const struct pv_device *pd, unsigned int id)
{
	return pd->feature[id];
}
EXPORT_SYMBOL_GPL(pv_feature);
