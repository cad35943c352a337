/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Feature negotiation: a driver declares its numeric xenstore keys once.
 */
#ifndef _PV_FEATURES_H
#define _PV_FEATURES_H

#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/types.h>

#define PV_FEATURES_MAX		32

struct pv_device;
struct xenbus_transaction;

/** PV_FEATURE_LATE - the backend writes it before Connected, not InitWait */
#define PV_FEATURE_LATE		0x01
/** PV_FEATURE_CLAMP - a value above the range means the range's end */
#define PV_FEATURE_CLAMP	0x02
/** PV_FEATURE_REQUIRED - it is an error if the peer has not written it */
#define PV_FEATURE_REQUIRED	0x04
/** PV_FEATURE_OPTIONAL - write it only if it differs from @absent */
#define PV_FEATURE_OPTIONAL	0x08
/** PV_FEATURE_BOUNDED - the peer may ask for @bound at most, if it asks */
#define PV_FEATURE_BOUNDED	0x10

/**
 * struct pv_feature - a key, and what may stand there
 * @key: its name in the writer's directory
 * @from_front: the frontend writes it, otherwise the backend
 * @flags: PV_FEATURE_*
 * @min: smallest valid value
 * @max: largest valid value
 * @absent: what it means if there is no key
 * @bound: index of the key under which this end has offered the most
 * @limit: module parameter that caps what this end takes; may be NULL
 */
struct pv_feature {
	const char *key;
	bool from_front;
	u8 flags;
	u64 min;
	u64 max;
	u64 absent;
	unsigned int bound;
	const unsigned int *limit;
};

/*
 * Rows of a table: a key of the backend's; one of the frontend's; and one by
 * which a frontend asks for at most what was offered under another key.
 */
#define PV_BACK_KEY(_id, _key, _flags, _max, _absent, ...)		\
	[_id] = { .key = _key, .flags = _flags, .max = _max,		\
		  .absent = _absent, ##__VA_ARGS__ }
#define PV_FRONT_KEY(_id, _key, _min, _max, _absent, ...)		\
	[_id] = { .key = _key, .from_front = true, .min = _min,		\
		  .max = _max, .absent = _absent, ##__VA_ARGS__ }
#define PV_FRONT_ASKS(_id, _key, _min, _max, _absent, _bound)		\
	[_id] = { .key = _key, .from_front = true, .min = _min,		\
		  .max = _max, .absent = _absent,			\
		  .flags = PV_FEATURE_BOUNDED, .bound = _bound }

int pv_feature_parse(const struct pv_feature *f, const char *text, u64 *value);
int pv_feature_read(struct pv_device *pd, bool late);
int pv_feature_write(struct pv_device *pd, struct xenbus_transaction xbt,
		     bool late);
int pv_feature_reread(struct pv_device *pd, unsigned int id);
bool pv_feature_refused(struct pv_device *pd, unsigned int id);
void pv_feature_offer(struct pv_device *pd, unsigned int id, u64 value);
u64 pv_feature(const struct pv_device *pd, unsigned int id);

/**
 * pv_param_clamp() - a module parameter within its range
 * @name: its name
 * @value: its value
 * @min: smallest
 * @max: largest
 */
static inline void pv_param_clamp(const char *name, unsigned int *value, unsigned int min,
				  unsigned int max)
{
	unsigned int given = *value;

	*value = clamp(given, min, max);
	if (*value != given)
		pr_warn("%s=%u is out of range, %u is used\n", name, given, *value);
}

#endif /* _PV_FEATURES_H */
