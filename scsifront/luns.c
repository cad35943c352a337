// SPDX-License-Identifier: GPL-2.0
/*
 * The LUNs: which the backend has named, and their coming and going.
 *
 * vscsiif.h: the backend has a directory vscsi-devs with one entry a LUN: its
 * address here (v-dev) and its state. We write the state of ours into the
 * same place of our own directory. Reading happens in the device's hooks;
 * adding and removing takes I/O and is done by a work.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi.h>

#include "scsifront.h"

#define DIRECTORY	"vscsi-devs"
/* Room for an entry's name, and more entries than anybody needs. */
#define NAME_LEN	32
#define ID_LEN		128
#define MAX_LUNS	1024

/**
 * struct scsifront_lun - an entry of the backend's directory
 * @all: list of them
 * @name: the entry's; empty if that was another backend's
 * @id: which device it is, as the backend has written; empty if it has not
 * @channel: its address
 * @target: its address
 * @lun: its address
 * @seen: it stands there; while that is read
 * @wanted: the backend has it
 * @added: the SCSI layer has it
 * @foreign: the backend has another device there now
 * @unsure: it cannot be read which one; while that is read
 * @told: our state has been written since the backend's was read
 */
struct scsifront_lun {
	struct list_head all;
	char name[NAME_LEN];
	char id[ID_LEN];
	unsigned int channel;
	unsigned int target;
	unsigned int lun;
	bool seen;
	bool wanted;
	bool added;
	bool foreign;
	bool unsure;
	bool told;
};

static char *scsifront_read_entry(struct scsifront *sf, const char *name, const char *key)
{
	char path[NAME_LEN + 32];

	snprintf(path, sizeof(path), DIRECTORY "/%s/%s", name, key);
	return pv_device_read_peer(sf->pd, path);
}

static void scsifront_tell_state(struct scsifront *sf, const char *name,
				 enum xenbus_state state)
{
	char path[NAME_LEN + 32];
	int err;

	snprintf(path, sizeof(path), DIRECTORY "/%s/state", name);
	err = pv_device_write(sf->pd, XBT_NIL, path, "%d", state);
	if (err)
		pv_device_error(sf->pd, err, "cannot write %s", path);
}

/* The state, Unknown if it is none, or -EAGAIN if it cannot be read. */
static int scsifront_read_state(struct scsifront *sf, const char *name)
{
	char *text = scsifront_read_entry(sf, name, "state");
	unsigned int state;

	if (IS_ERR(text)) {
		if (PTR_ERR(text) == -ENOENT)
			return XenbusStateUnknown;
		pv_device_error(sf->pd, PTR_ERR(text),
				"cannot read " DIRECTORY "/%s/state", name);
		return -EAGAIN;
	}
	if (kstrtouint(text, 10, &state) || state > XenbusStateReconfigured)
		state = XenbusStateUnknown;
	kfree(text);
	return state;
}

/* Where a LUN is to appear. The host's number is the toolstack's own. */
static int scsifront_read_address(struct scsifront *sf, const char *name,
				  struct scsifront_lun *at)
{
	char *text = scsifront_read_entry(sf, name, "v-dev");
	unsigned int host;
	int err = 0;
	char rest;

	if (IS_ERR(text)) {
		err = PTR_ERR(text);
		pv_device_error(sf->pd, err, DIRECTORY "/%s/v-dev %s", name,
				err == -ENOENT ? "is missing" : "cannot be read");
		return err == -ENOENT ? err : -EAGAIN;
	}
	if (strlen(text) >= NAME_LEN ||
	    sscanf(text, "%5u:%5u:%5u:%5u%c", &host, &at->channel, &at->target,
		   &at->lun, &rest) != 4 ||
	    at->channel || at->target >= SCSIFRONT_MAX_TARGET ||
	    at->lun >= SCSIFRONT_MAX_LUN) {
		err = -EINVAL;
		pv_device_error(sf->pd, err, DIRECTORY
				"/%s/v-dev is \"%*pE\": not host:0:target:lun up to %u:%u",
				name, (int)strnlen(text, 40), text,
				SCSIFRONT_MAX_TARGET - 1, SCSIFRONT_MAX_LUN - 1);
	}
	kfree(text);
	return err;
}

static bool scsifront_same_address(const struct scsifront_lun *a,
				   const struct scsifront_lun *b)
{
	return a->channel == b->channel && a->target == b->target &&
	       a->lun == b->lun;
}

static struct scsifront_lun *scsifront_find_name(struct scsifront *sf, const char *name)
{
	struct scsifront_lun *l;

	list_for_each_entry(l, &sf->luns, all)
		if (!strcmp(l->name, name))
			return l;
	return NULL;
}

/* An entry that is or has been at this address; another one must wait. */
static struct scsifront_lun *scsifront_find_address(struct scsifront *sf,
						    const struct scsifront_lun *at)
{
	struct scsifront_lun *l;

	list_for_each_entry(l, &sf->luns, all)
		if (scsifront_same_address(l, at))
			return l;
	return NULL;
}

static void scsifront_see_lun(struct scsifront_lun *l)
{
	l->seen = true;
	l->told = false;
}

/*
 * What the guest has cached of a device must not be written to another one,
 * which a new backend has under the address. Returns -ENODEV, or -EAGAIN.
 */
static int scsifront_check_id(struct scsifront *sf, const char *name, struct scsifront_lun *l)
{
	char *text = scsifront_read_entry(sf, name, "pvsplit-id");
	int err = 0;

	if (IS_ERR(text)) {
		if (PTR_ERR(text) == -ENOENT)
			return 0;
		pv_device_error(sf->pd, PTR_ERR(text),
				"cannot read " DIRECTORY "/%s/pvsplit-id", name);
		return -EAGAIN;
	}
	if (*l->id && strncmp(text, l->id, ID_LEN - 1)) {
		err = -ENODEV;
		pv_device_error(sf->pd, err,
				DIRECTORY "/%s: 0:%u:%u:%u is \"%*pE\" now, not \"%*pE\"",
				name, l->channel, l->target, l->lun,
				(int)strnlen(text, ID_LEN), text,
				(int)strlen(l->id), l->id);
		l->foreign = true;
	} else {
		strscpy(l->id, text, sizeof(l->id));
	}
	kfree(text);
	return err;
}

/*
 * The backend has a LUN under this name: new to us, or as it was. -EAGAIN if
 * it is not known yet which it is.
 */
static int scsifront_want_lun(struct scsifront *sf, const char *name)
{
	struct scsifront_lun at = { }, *l, *other;
	int err = scsifront_read_address(sf, name, &at);

	if (err)
		return err;
	l = scsifront_find_name(sf, name);
	if (l && scsifront_same_address(l, &at)) {
		scsifront_see_lun(l);
		return 0;
	}
	other = scsifront_find_address(sf, &at);
	if (!l && other && !other->name[0] && !other->unsure) {
		err = scsifront_check_id(sf, name, other);
		other->unsure = err == -EAGAIN;
		if (err)
			return err;
		strscpy(other->name, name, sizeof(other->name));
		scsifront_see_lun(other);
		return 0;
	}
	if (l || other) {
		pv_device_error(sf->pd, -EBUSY,
				DIRECTORY "/%s/v-dev 0:%u:%u:%u is taken by %s",
				name, at.channel, at.target, at.lun,
				other ? other->name : "its own old address");
		/* One that has moved loses its place, not only the new one. */
		return l ? 0 : -EBUSY;
	}
	l = kmemdup(&at, sizeof(at), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	strscpy(l->name, name, sizeof(l->name));
	/* (If it cannot be read, the next connection has nothing to compare.) */
	scsifront_check_id(sf, name, l);
	scsifront_see_lun(l);
	list_add_tail(&l->all, &sf->luns);
	return 0;
}

/* Returns false if it cannot be read what the backend says of it. */
static bool scsifront_read_lun(struct scsifront *sf, const char *name)
{
	int state = scsifront_read_state(sf, name), err;
	struct scsifront_lun *l;

	switch (state) {
	case XenbusStateInitialised:
	case XenbusStateConnected:
		err = scsifront_want_lun(sf, name);
		if (err == -EAGAIN)
			return false;
		if (err)
			scsifront_tell_state(sf, name, XenbusStateClosed);
		return true;
	case XenbusStateInitialising:
	case XenbusStateInitWait:
		/* The backend has not looked at it yet. */
		l = scsifront_find_name(sf, name);
		if (l)
			l->seen = true;
		return true;
	default:
		return state >= 0;
	}
}

/* Nothing is sent to it any more; the work removes it. */
static void scsifront_stop_lun(struct scsifront *sf, struct scsifront_lun *l)
{
	struct scsi_device *sdev = scsi_device_lookup(sf->host, l->channel, l->target, l->lun);

	if (!sdev)
		return;
	mutex_lock(&sdev->state_mutex);
	scsi_device_set_state(sdev, SDEV_OFFLINE);
	/* What waits ends: its queue may be blocked, and nobody would start it. */
	scsi_internal_device_unblock_nowait(sdev, SDEV_RUNNING);
	mutex_unlock(&sdev->state_mutex);
	scsi_device_put(sdev);
}

/**
 * scsifront_luns_unname() - a backend may have come back as another one
 * @sf: the host, connected
 *
 * A LUN is known by its address: after a migration, the toolstack there may
 * have named its entry otherwise.
 *
 * Context: a hook of the device, before scsifront_luns_read().
 */
void scsifront_luns_unname(struct scsifront *sf)
{
	struct scsifront_lun *l;

	mutex_lock(&sf->luns_lock);
	list_for_each_entry(l, &sf->luns, all)
		l->name[0] = '\0';
	mutex_unlock(&sf->luns_lock);
}

/**
 * scsifront_luns_read() - see which LUNs the backend has
 * @sf: the host, connected
 *
 * What has come is added, what has gone is removed, later, by the work. If it
 * cannot be read what has gone, nothing is; what cannot be read is read later.
 *
 * Context: a hook of the device.
 * Return: 0, or -EAGAIN if one that is there may be another device now, which
 *         could not be read.
 */
int scsifront_luns_read(struct scsifront *sf)
{
	struct scsifront_lun *l;
	unsigned int i, nr;
	bool all = true;
	char **name;
	int err = 0;

	name = pv_device_list_peer(sf->pd, DIRECTORY, &nr);
	if (IS_ERR(name)) {
		if (PTR_ERR(name) != -ENOENT) {
			pv_device_error(sf->pd, PTR_ERR(name),
					"cannot read " DIRECTORY);
			pv_device_change_again(sf->pd);
			return -EAGAIN;
		}
		name = NULL;
		nr = 0;
	}
	if (nr > MAX_LUNS) {
		pv_device_error(sf->pd, -E2BIG,
				DIRECTORY " has %u entries, the first %u count",
				nr, MAX_LUNS);
		nr = MAX_LUNS;
	}
	mutex_lock(&sf->luns_lock);
	list_for_each_entry(l, &sf->luns, all) {
		l->seen = false;
		l->unsure = false;
	}
	for (i = 0; i < nr; i++) {
		if (strlen(name[i]) >= NAME_LEN)
			pv_device_error(sf->pd, -ENAMETOOLONG,
					DIRECTORY " has a name of %zu characters",
					strlen(name[i]));
		else
			all &= scsifront_read_lun(sf, name[i]);
	}
	/* What could not be read may be any of those that were not seen. */
	list_for_each_entry(l, &sf->luns, all) {
		if (l->seen || all)
			l->wanted = l->seen;
		else if (*l->id && !l->name[0])
			err = -EAGAIN;
		if (unlikely(l->foreign)) {
			l->wanted = false;
			scsifront_stop_lun(sf, l);
		}
	}
	mutex_unlock(&sf->luns_lock);
	if (!all)
		pv_device_change_again(sf->pd);
	kfree(name);
	queue_work(system_long_wq, &sf->luns_work);
	return err;
}

/* The next one with something to be done; NULL if all is as it should be. */
static struct scsifront_lun *scsifront_next_lun(struct scsifront *sf)
{
	struct scsifront_lun *l;

	list_for_each_entry(l, &sf->luns, all)
		if (!l->wanted || !l->told)
			return l;
	return NULL;
}

/**
 * scsifront_luns_busy() - whether LUNs are still coming or going
 * @sf: the host
 *
 * Return: true until the work has done all.
 */
bool scsifront_luns_busy(struct scsifront *sf)
{
	bool busy;

	mutex_lock(&sf->luns_lock);
	busy = sf->luns_moving || scsifront_next_lun(sf);
	mutex_unlock(&sf->luns_lock);
	return busy;
}

static void scsifront_remove_lun(struct scsifront *sf, struct scsifront_lun *l)
{
	struct scsi_device *sdev;

	sdev = scsi_device_lookup(sf->host, l->channel, l->target, l->lun);
	if (sdev) {
		scsi_remove_device(sdev);
		scsi_device_put(sdev);
	}
	l->added = false;
}

static void scsifront_add_lun(struct scsifront *sf, struct scsifront_lun *l)
{
	int err;

	if (!l->added) {
		err = scsi_add_device(sf->host, l->channel, l->target, l->lun);
		if (err)
			pv_device_error(sf->pd, err,
					DIRECTORY ": no device answers at 0:%u:%u:%u",
					l->channel, l->target, l->lun);
		l->added = !err;
	}
}

/**
 * scsifront_luns_work() - add and remove LUNs
 * @work: of the host
 *
 * Only this removes entries from the list: one stays while it is worked on.
 */
void scsifront_luns_work(struct work_struct *work)
{
	struct scsifront *sf = container_of(work, struct scsifront, luns_work);
	struct scsifront_lun *l;
	bool wanted;

	mutex_lock(&sf->luns_lock);
	sf->luns_moving = true;
	while (!scsifront_ends(sf) && (l = scsifront_next_lun(sf))) {
		wanted = l->wanted;
		/* Whoever reads anew meanwhile says so again. */
		l->told = true;
		mutex_unlock(&sf->luns_lock);
		if (wanted)
			scsifront_add_lun(sf, l);
		else
			scsifront_remove_lun(sf, l);
		mutex_lock(&sf->luns_lock);
		if (l->name[0])
			scsifront_tell_state(sf, l->name,
					     l->added ? XenbusStateConnected :
					      XenbusStateClosed);
		if (!wanted && !l->wanted) {
			list_del(&l->all);
			kfree(l);
		}
	}
	sf->luns_moving = false;
	mutex_unlock(&sf->luns_lock);
	/* The backend may wait for our answer. */
	pv_device_poke(sf->pd);
}

/**
 * scsifront_luns_forget() - free the list
 * @sf: the host, which has no devices any more
 */
void scsifront_luns_forget(struct scsifront *sf)
{
	struct scsifront_lun *l, *next;

	list_for_each_entry_safe(l, next, &sf->luns, all)
		kfree(l);
	INIT_LIST_HEAD(&sf->luns);
}
