// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: what a guest's vhosts have, as the backend and the frontend read it.
 *
 * vscsi-devs/dev-N of the backend's directory has a LUN. Who wants one added or
 * removed writes that entry's state, 1 or 5, and moves the vhost from Connected
 * to Reconfiguring; the two ends then go through Reconfigured back to Connected,
 * and the backend answers in the entry: 4 the guest has it, 6 it has it not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pv-scsi.h"

#define ENTRIES "%s/vscsi-devs"
#define ENTRY	"%s/vscsi-devs/%s"

/* Seconds for a guest that has no say. */
#define FORCE_SECONDS 5

/* What the backend gives a guest, if it is not told otherwise, and then commands in flight. */
#define ASK_SECONDS	20
#define ABORT_SECONDS	10

struct vhost {
	unsigned int domid;
	unsigned int number;
	char back[80];
	char front[80];
};

static void vhost_init(struct vhost *v, unsigned int domid, unsigned int number)
{
	v->domid = domid;
	v->number = number;
	snprintf(v->back, sizeof(v->back), "/local/domain/%u/backend/vscsi/%u/%u",
		 self, domid, number);
	snprintf(v->front, sizeof(v->front), "/local/domain/%u/device/vscsi/%u",
		 domid, number);
}

static enum xb_state to_state(char *value)
{
	unsigned long state = value ? strtoul(value, NULL, 10) : XB_NONE;

	free(value);
	return state <= XB_RECONFIGURED ? state : XB_NONE;
}

static enum xb_state state_of(const char *end)
{
	return to_state(store_read("%s/state", end));
}

static void set_state(const char *end, enum xb_state state)
{
	char value[] = { '0' + state, '\0' };

	store_write(value, "%s/state", end);
}

static enum xb_state entry_state(const struct vhost *v, const char *entry)
{
	return to_state(store_read(ENTRY "/state", v->back, entry));
}

static void set_entry_state(const struct vhost *v, const char *entry, enum xb_state state)
{
	char value[] = { '0' + state, '\0' };

	store_write(value, ENTRY "/state", v->back, entry);
}

static unsigned int patience(bool force)
{
	return force && wait_seconds > FORCE_SECONDS ? FORCE_SECONDS : wait_seconds;
}

/* A change of LUNs is under way. */
static bool is_changing(enum xb_state back)
{
	return back == XB_RECONFIGURING || back == XB_RECONFIGURED;
}

static unsigned int dead_guests(bool remove)
{
	unsigned int nr, nr_live, i, j, dead = 0;
	char **guests = store_list(&nr, "/local/domain/%u/backend/vscsi", self), **live;

	if (!nr) {
		free(guests);
		return 0;
	}
	live = store_list(&nr_live, "/local/domain");
	if (!nr_live)
		die("xenstore has no domains");
	for (i = 0; i < nr; i++) {
		for (j = 0; j < nr_live && strcmp(guests[i], live[j]); j++)
			;
		if (j < nr_live)
			continue;
		dead++;
		if (remove)
			store_remove("/local/domain/%u/backend/vscsi/%s", self, guests[i]);
	}
	free(live);
	free(guests);
	return dead;
}

/**
 * prune() - forget what domains left behind that have been destroyed
 *
 * No toolstack knows of it.
 */
void prune(void)
{
	if (!dead_guests(false))
		return;
	do {
		store_begin();
		dead_guests(true);
	} while (!store_commit());
}

/**
 * lock_domain() - one of us at a time for a guest
 * @domid: the guest
 *
 * A transaction alone would do, but then one of two would wait for the other's
 * LUN in vain. The lock ends with the process, which from here on changes
 * things: it is not stopped between two of them.
 */
void lock_domain(unsigned int domid)
{
	const char *file = getenv("PV_SCSI_LOCK");
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = domid,
		.l_len = 1,
	};
	int fd;

	/* Not where everybody may make files. */
	if (!file || !*file)
		file = "/run/pv-scsi.lock";
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		die("cannot open the lock %s: %s", file, strerror(errno));
	while (fcntl(fd, F_OFD_SETLKW, &lock))
		if (errno != EINTR)
			die("cannot lock %s: %s", file, strerror(errno));
	hold_signals();
}

/* The entry with this V-DEV, in name. */
static bool find_entry(const struct vhost *v, const struct vdev *vdev, char name[NAME])
{
	unsigned int nr, i;
	char **names = store_list(&nr, ENTRIES, v->back);
	bool found = false;
	struct vdev have;

	for (i = 0; i < nr && !found; i++) {
		char *value = store_read(ENTRY "/v-dev", v->back, names[i]);

		found = value && strlen(names[i]) < NAME && parse_vdev(value, &have) &&
			have.target == vdev->target && have.lun == vdev->lun;
		if (found)
			strcpy(name, names[i]);
		free(value);
	}
	free(names);
	return found;
}

static void free_entry(const struct vhost *v, char name[NAME])
{
	unsigned int nr, i, n = 0;
	char **names = store_list(&nr, ENTRIES, v->back);

	do {
		snprintf(name, NAME, "dev-%u", n++);
		for (i = 0; i < nr && strcmp(names[i], name); i++)
			;
	} while (i < nr);
	free(names);
}

static unsigned int nr_entries(const struct vhost *v)
{
	unsigned int nr;

	free(store_list(&nr, ENTRIES, v->back));
	return nr;
}

/* ---- waiting ---- */

/* Until the state below a path is one of two. */
static bool wait_for_state(long long deadline, const char *path, enum xb_state a, enum xb_state b)
{
	enum xb_state state;
	bool reached;

	store_watch("%s/state", path);
	do {
		state = state_of(path);
		reached = state == a || state == b;
	} while (!reached && store_wait(deadline));
	store_unwatch("%s/state", path);
	return reached;
}

/* Until the vhost is ready for the next change, or time is over. */
static bool wait_until_settled(const struct vhost *v, long long deadline)
{
	bool settled = !is_changing(state_of(v->back));

	if (settled)
		return true;
	store_watch("%s/state", v->back);
	do
		settled = !is_changing(state_of(v->back));
	while (!settled && store_wait(deadline));
	store_unwatch("%s/state", v->back);
	return settled;
}

/* The same when all is done, for the sake of who comes next: a failure is none of ours. */
static void settle(const struct vhost *v, long long deadline)
{
	char *value;

	/* The last answer may still be on its way. */
	store_watch("%s/state", v->back);
	while (!store_try_read(&value, "%s/state", v->back) &&
	       is_changing(to_state(value)) && store_wait(deadline))
		;
	store_unwatch("%s/state", v->back);
}

/* ---- taking LUNs and vhosts away ---- */

/* In a transaction: nobody waits any more for what the guest did not begin with. */
static void retract_request(const struct vhost *v)
{
	unsigned int nr, i;
	char **names;

	if (state_of(v->back) != XB_RECONFIGURING || state_of(v->front) == XB_RECONFIGURING)
		return;
	names = store_list(&nr, ENTRIES, v->back);
	for (i = 0; i < nr; i++) {
		enum xb_state state = entry_state(v, names[i]);

		if (state == XB_INITIALISING || state == XB_CLOSING)
			break;
	}
	free(names);
	if (i == nr)
		set_state(v->back, XB_CONNECTED);
}

static void remove_vhost(const struct vhost *v)
{
	store_remove("%s", v->back);
	store_remove("%s", v->front);
}

static void forget_entry(const struct vhost *v, const char *entry)
{
	store_remove(ENTRY, v->back, entry);
	store_remove(ENTRY, v->front, entry);
}

/* In a transaction: whether the vhost was removed; if not, its guest is asked to leave it. */
static bool begin_closing(const struct vhost *v)
{
	enum xb_state front = state_of(v->front);

	if (front == XB_NONE || front == XB_INITIALISING || front == XB_CLOSED) {
		remove_vhost(v);
		return true;
	}
	store_write("0", "%s/online", v->back);
	set_state(v->back, XB_CLOSING);
	return false;
}

/* The second half, when begin_closing() did not do it. */
static bool end_closing(const struct vhost *v, long long deadline, bool force)
{
	bool closed = wait_for_state(deadline, v->back, XB_CLOSED, XB_NONE);
	enum xb_state front;

	do {
		store_begin();
		if (closed || force) {
			remove_vhost(v);
			continue;
		}
		front = state_of(v->front);
		if (state_of(v->back) == XB_CLOSING && front == XB_CONNECTED) {
			store_write("1", "%s/online", v->back);
			set_state(v->back, XB_CONNECTED);
		}
	} while (!store_commit());
	return closed || force;
}

static void close_vhost(const struct vhost *v, long long deadline, bool force)
{
	if (!end_closing(v, deadline, force))
		die("vhost %u of domain %u does not close: the guest still uses it (--force?)",
		    v->number, v->domid);
}

/*
 * A guest has not answered in time, nor has the backend acted: Linux's own does so
 * only on the frontend's state. So it is we who say what the guest does not.
 */
static bool answer_for_guest(const struct vhost *v, const char *path)
{
	enum xb_state front;
	bool closed;

	do {
		store_begin();
		front = state_of(v->front);
		if (front == XB_CONNECTED)
			set_state(v->front, XB_RECONFIGURING);
	} while (!store_commit());
	/* Commands that do not end are aborted first. */
	closed = wait_for_state(store_deadline(wait_seconds), path, XB_CLOSED, XB_NONE);
	do {
		store_begin();
		if (front == XB_CONNECTED && state_of(v->front) == XB_RECONFIGURING)
			set_state(v->front, XB_CONNECTED);
	} while (!store_commit());
	return closed;
}

/* In a transaction: the backend takes it from a guest that does not let it go. */
static void set_patience(const struct vhost *v, const char *entry, bool force)
{
	char seconds[16];

	if (force)
		snprintf(seconds, sizeof(seconds), "%u", patience(true));
	else if (wait_seconds > ASK_SECONDS + ABORT_SECONDS)
		snprintf(seconds, sizeof(seconds), "%u", wait_seconds - ABORT_SECONDS);
	else
		return store_remove(ENTRY "/pvsplit-patience", v->back, entry);
	store_write(seconds, ENTRY "/pvsplit-patience", v->back, entry);
}

/* What take_entry() has asked for, while it is not done. */
static struct {
	const struct vhost *v;
	const char *entry;
	enum xb_state was;
} asked;

/* The guest has not done it: the entry is again what it was. */
static void restore_entry(void)
{
	store_abort();
	do {
		store_begin();
		if (entry_state(asked.v, asked.entry) == XB_CLOSING) {
			store_remove(ENTRY "/pvsplit-patience", asked.v->back, asked.entry);
			set_entry_state(asked.v, asked.entry, asked.was);
		}
		retract_request(asked.v);
	} while (!store_commit());
}

/* In a transaction: what nobody has, or nobody could be asked for, is forgotten. */
static bool drop_entry(const struct vhost *v, const char *entry)
{
	forget_entry(v, entry);
	retract_request(v);
	return nr_entries(v) || state_of(v->back) == XB_NONE || begin_closing(v);
}

/*
 * Have the guest, then the backend, let a LUN go, and forget it; the vhost goes
 * with its last one. If it cannot be done, it is said why, and all is as it was.
 */
static bool take_entry(const struct vhost *v, const char *entry, const char *vdev, bool force)
{
	unsigned int seconds = patience(force);
	long long deadline = store_deadline(seconds);
	bool overdue = false, anyway = false, gone = false, closed;
	enum xb_state was, back;
	char path[128];

	snprintf(path, sizeof(path), ENTRY, v->back, entry);
	for (;;) {
		store_begin();
		was = entry_state(v, entry);
		back = state_of(v->back);
		/* Nobody has what nobody has looked at. */
		if (anyway || was == XB_NONE || was == XB_CLOSED || was == XB_INITIALISING ||
		    (back != XB_CONNECTED && !is_changing(back))) {
			gone = drop_entry(v, entry);
			if (store_commit())
				break;
			continue;
		}
		if (is_changing(back) && !overdue) {
			store_abort();
			overdue = !wait_until_settled(v, deadline);
			if (overdue && !force)
				goto late;
			continue;
		}
		set_patience(v, entry, force);
		set_entry_state(v, entry, XB_CLOSING);
		set_state(v->back, XB_RECONFIGURING);
		if (!store_commit())
			continue;
		asked.v = v;
		asked.entry = entry;
		asked.was = was == XB_CLOSING ? XB_CONNECTED : was;
		on_failure(restore_entry);
		/* By force, the backend's time has come then. */
		closed = wait_for_state(deadline + force * 1000, path, XB_CLOSED, XB_NONE) ||
			 (force && answer_for_guest(v, path));
		/* The last one goes with its vhost, whatever anybody says. */
		anyway = !closed && force && nr_entries(v) == 1;
		if (!closed && !anyway) {
			on_failure(NULL);
			restore_entry();
			goto late;
		}
		on_failure(NULL);
		if (!anyway)
			settle(v, deadline);
	}
	if (!gone)
		close_vhost(v, store_deadline(seconds), force);
	return true;
late:
	if (force)
		complain("V-DEV %s: the backend has not taken it back in %u s, the guest has it still",
			 vdev, seconds);
	else
		complain("V-DEV %s: the guest has not let it go in %u s (--force?)",
			 vdev, seconds);
	return false;
}

/**
 * detach() - take a device back
 * @domid: the guest
 * @name: where it sees the device
 * @force: do not wait for a guest that does not let go
 */
void detach(unsigned int domid, const char *name, bool force)
{
	struct vdev vdev = need_vdev(name);
	char entry[NAME];
	struct vhost v;

	vhost_init(&v, domid, vdev.vhost);
	if (!find_entry(&v, &vdev, entry))
		die("domain %u has no V-DEV %s", domid, name);
	/* Also the last one: while its vhost is there, the guest can write out its caches. */
	if (!take_entry(&v, entry, name, force))
		exit(1);
}

/* ---- giving ---- */

/*
 * The directories have their rights before there is anything in them; what is
 * new in them inherits these.
 */
static void make_vhost(const struct vhost *v, const struct device *dev)
{
	char id[16];

	remove_vhost(v);
	if (!store_has("/local/domain/%u/backend/vscsi/%u", self, v->domid))
		store_make(self, v->domid, "/local/domain/%u/backend/vscsi/%u", self, v->domid);
	if (!store_has("/local/domain/%u/device/vscsi", v->domid))
		store_make(v->domid, self, "/local/domain/%u/device/vscsi", v->domid);
	store_make(self, v->domid, "%s", v->back);
	store_make(v->domid, self, "%s", v->front);
	snprintf(id, sizeof(id), "%u", v->domid);
	store_write(v->front, "%s/frontend", v->back);
	store_write(id, "%s/frontend-id", v->back);
	store_write("1", "%s/online", v->back);
	store_write("0", "%s/feature-host", v->back);
	set_state(v->back, XB_INITIALISING);
	snprintf(id, sizeof(id), "%u", self);
	store_write(v->back, "%s/backend", v->front);
	store_write(id, "%s/backend-id", v->front);
	if (dev->untrusted)
		store_write("0", "%s/trusted", v->front);
	set_state(v->front, XB_INITIALISING);
}

static bool value_is(char *value, const char *wanted)
{
	bool is = !strcmp(value ? value : "", wanted);

	free(value);
	return is;
}

/* In a transaction: write a device down, unless it is there. */
static void place(const struct vhost *v, struct device *dev)
{
	char vdev[TEXT_VDEV];

	name_vdev(vdev, &dev->vdev);
	if (!store_has("%s/state", v->back))
		make_vhost(v, dev);
	else if (dev->untrusted && !value_is(store_read("%s/trusted", v->front), "0"))
		die("vhost %u of domain %u was made without --untrusted: detach what it has first",
		    v->number, v->domid);
	while (find_entry(v, &dev->vdev, dev->entry)) {
		char *pdev;

		/* One that was refused is no obstacle. */
		if (entry_state(v, dev->entry) == XB_CLOSED) {
			forget_entry(v, dev->entry);
			continue;
		}
		pdev = store_read(ENTRY "/p-dev", v->back, dev->entry);
		if (!pdev || strcmp(pdev, dev->pdev))
			die("V-DEV %s of domain %u is taken by %s",
			    vdev, v->domid, pdev ? pdev : "something");
		free(pdev);
		if (!value_is(store_read(ENTRY "/pvsplit-allow", v->back, dev->entry), dev->allow))
			die("V-DEV %s of domain %u is %s, but with another --allow: detach it first",
			    vdev, v->domid, dev->pdev);
		if (*dev->id &&
		    !value_is(store_read(ENTRY "/pvsplit-id", v->back, dev->entry), dev->id))
			die("V-DEV %s of domain %u is %s, but another device than \"%s\"",
			    vdev, v->domid, dev->pdev, dev->id);
		return;
	}
	free_entry(v, dev->entry);
	dev->ours = true;
	store_write(dev->name, ENTRY "/p-devname", v->back, dev->entry);
	store_write(dev->pdev, ENTRY "/p-dev", v->back, dev->entry);
	store_write(vdev, ENTRY "/v-dev", v->back, dev->entry);
	if (*dev->allow)
		store_write(dev->allow, ENTRY "/pvsplit-allow", v->back, dev->entry);
	/* The backend refuses any other. */
	if (*dev->id)
		store_write(dev->id, ENTRY "/pvsplit-id", v->back, dev->entry);
	set_entry_state(v, dev->entry, XB_INITIALISING);
	/* What the backend says from now on is about this. */
	store_remove("/local/domain/%u/error/backend/vscsi/%u/%u", self, v->domid, v->number);
}

/* Whoever removes it has not come to the end. */
static bool is_leaving(const struct vhost *v)
{
	return value_is(store_read("%s/online", v->back), "0");
}

/* All of them in one transaction. A vhost that is not ready for them is returned. */
static bool place_all(unsigned int domid, struct device *devices, unsigned int nr,
		      struct vhost *v)
{
	unsigned int i;

	do {
		store_begin();
		/* Who writes for one that has just gone makes what nobody removes. */
		if (!store_has("/local/domain/%u", domid))
			die("there is no domain %u", domid);
		for (i = 0; i < nr; i++) {
			devices[i].ours = false;
			vhost_init(v, domid, devices[i].vdev.vhost);
			if (is_changing(state_of(v->back)) || is_leaving(v)) {
				store_abort();
				return false;
			}
		}
		for (i = 0; i < nr; i++) {
			vhost_init(v, domid, devices[i].vdev.vhost);
			place(v, &devices[i]);
		}
		/* One that is not connected is looked at when the guest's driver comes. */
		for (i = 0; i < nr; i++) {
			vhost_init(v, domid, devices[i].vdev.vhost);
			if (devices[i].ours && state_of(v->back) == XB_CONNECTED)
				set_state(v->back, XB_RECONFIGURING);
		}
	} while (!store_commit());
	return true;
}

/* Before the guest's driver has come: our backend has opened it, Linux's will do so then. */
static bool is_offered(const struct vhost *v, enum xb_state entry)
{
	return state_of(v->front) == XB_INITIALISING &&
	       (entry == XB_INIT_WAIT ||
		(state_of(v->back) == XB_INIT_WAIT &&
		 !store_has("%s/pvsplit-multi-queue-max-queues", v->back)));
}

/*
 * Set connected in each that is, or is not waited for. The first that the
 * backend refused is returned.
 */
static struct device *look_at(unsigned int domid, struct device *devices, unsigned int nr,
			      bool nowait, bool *all)
{
	struct vhost v;
	unsigned int i;

	*all = true;
	for (i = 0; i < nr; i++) {
		struct device *dev = &devices[i];
		enum xb_state state;

		if (dev->connected)
			continue;
		vhost_init(&v, domid, dev->vdev.vhost);
		state = entry_state(&v, dev->entry);
		if (state == XB_CLOSED)
			return dev;
		dev->connected = state == XB_CONNECTED || (nowait && is_offered(&v, state));
		*all &= dev->connected;
	}
	return NULL;
}

/* What attach() has written, while it is not done. */
static struct {
	unsigned int domid;
	struct device *devices;
	unsigned int nr;
} given;

/* It goes again, in whatever state it is. */
static void take_back(void)
{
	char vdev[TEXT_VDEV];
	struct vhost v;

	store_abort();
	while (given.nr--) {
		struct device *dev = &given.devices[given.nr];

		if (!dev->ours)
			continue;
		vhost_init(&v, given.domid, dev->vdev.vhost);
		name_vdev(vdev, &dev->vdev);
		take_entry(&v, dev->entry, vdev, true);
	}
}

/* The reason that the backend's module wrote, or NULL. */
static char *reason(unsigned int domid, unsigned int vhost)
{
	return store_read("/local/domain/%u/error/backend/vscsi/%u/%u/error", self, domid, vhost);
}

/**
 * attach() - give devices to a guest, all or none
 * @domid: the guest
 * @devices: the devices
 * @nr: number of them
 * @nowait: not to wait for a guest that has not started its driver
 */
void attach(unsigned int domid, struct device *devices, unsigned int nr, bool nowait)
{
	long long deadline = store_deadline(wait_seconds);
	struct device *refused = NULL, *late = devices;
	struct vhost v;
	unsigned int i;
	bool all;
	char *why;

	while (!place_all(domid, devices, nr, &v)) {
		if (is_changing(state_of(v.back))) {
			if (!wait_until_settled(&v, deadline))
				goto late;
		} else {
			/* Somebody was stopped after its last LUN had gone. */
			close_vhost(&v, deadline, false);
		}
	}
	given.domid = domid;
	given.devices = devices;
	given.nr = nr;
	on_failure(take_back);
	for (i = 0; i < nr; i++) {
		vhost_init(&v, domid, devices[i].vdev.vhost);
		store_watch(ENTRY "/state", v.back, devices[i].entry);
		if (nowait)
			store_watch("%s/state", v.back);
	}
	do
		refused = look_at(domid, devices, nr, nowait, &all);
	while (!refused && !all && store_wait(deadline));
	if (!refused && all) {
		on_failure(NULL);
		for (i = 0; i < nr; i++) {
			vhost_init(&v, domid, devices[i].vdev.vhost);
			settle(&v, deadline);
		}
		return;
	}
	for (i = 0; !refused && devices[i].connected; i++)
		late = &devices[i + 1];
late:
	vhost_init(&v, domid, (refused ? refused : late)->vdev.vhost);
	why = reason(domid, v.number);
	if (refused)
		die("P-DEV %s: %s", refused->name,
		    why ? why : "the backend refused it, see its log");
	die("P-DEV %s: nobody has answered in %u s: is a backend (pv-scsiback) loaded here, and a frontend (pv-scsifront) in the guest?%s%s",
	    late->name, wait_seconds, why ? " The backend says: " : "", why ? why : "");
}

/* ---- looking ---- */

static char *entry_value(const struct vhost *v, const char *entry, const char *key)
{
	char *value = store_read(ENTRY "/%s", v->back, entry, key);

	return value ? value : text("%s", "");
}

static void add_devices(const struct vhost *v, struct device **devices, unsigned int *nr)
{
	bool untrusted = value_is(store_read("%s/trusted", v->front), "0");
	unsigned int nr_names, i;
	char **names = store_list(&nr_names, ENTRIES, v->back);

	for (i = 0; i < nr_names; i++) {
		struct device *dev;

		*devices = grow(*devices, *nr, sizeof(**devices));
		dev = &(*devices)[(*nr)++];
		dev->name = entry_value(v, names[i], "p-devname");
		dev->pdev = entry_value(v, names[i], "p-dev");
		dev->at = entry_value(v, names[i], "v-dev");
		dev->allow = entry_value(v, names[i], "pvsplit-allow");
		dev->id = entry_value(v, names[i], "pvsplit-id");
		dev->untrusted = untrusted;
		dev->state = entry_state(v, names[i]);
	}
	free(names);
}

/**
 * devices_of() - what a guest has
 * @domid: the guest
 * @nr: set to the number of devices
 *
 * Return: the devices, by vhost and entry.
 */
struct device *devices_of(unsigned int domid, unsigned int *nr)
{
	unsigned int nr_vhosts, i;
	char **vhosts = store_list(&nr_vhosts, "/local/domain/%u/backend/vscsi/%u", self, domid);
	struct device *devices = NULL;
	struct vhost v;

	*nr = 0;
	for (i = 0; i < nr_vhosts; i++) {
		vhost_init(&v, domid, strtoul(vhosts[i], NULL, 10));
		add_devices(&v, &devices, nr);
	}
	free(vhosts);
	return devices;
}

static const char *state_name(enum xb_state state)
{
	static const char * const names[] = {
		"unknown", "initialising", "waiting", "initialised", "connected", "closing",
		"closed", "reconfiguring", "reconfiguring",
	};

	return names[state];
}

static void put_json(FILE *out, const char *before, const char *key, const char *value)
{
	fprintf(out, "%s\"%s\": \"", before, key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else if ((unsigned char)*value < ' ')
			fprintf(out, "\\u%04x", (unsigned char)*value);
		else
			putc(*value, out);
	}
	putc('"', out);
}

static void list_guest(FILE *out, unsigned int domid, bool json, unsigned int *lines)
{
	char *name = store_read("/local/domain/%u/name", domid);
	unsigned int nr, i;
	struct device *devices = devices_of(domid, &nr);

	for (i = 0; i < nr; i++) {
		struct device *dev = &devices[i];

		if (!json) {
			fprintf(out, "%-6u %-20s %-14s %-28s %-14s %s\n", domid, name ? name : "",
				dev->at, dev->pdev, state_name(dev->state), dev->name);
			continue;
		}
		fprintf(out, "%s\n  {\"domid\": %u", *lines ? "," : "", domid);
		put_json(out, ", ", "name", name ? name : "");
		put_json(out, ", ", "v-dev", dev->at);
		put_json(out, ", ", "p-dev", dev->pdev);
		put_json(out, ", ", "state", state_name(dev->state));
		put_json(out, ", ", "device", dev->name);
		put_json(out, ", ", "id", dev->id);
		put_json(out, ", ", "allow", dev->allow);
		fprintf(out, ", \"untrusted\": %s}", dev->untrusted ? "true" : "false");
		++*lines;
	}
	devices_free(devices, nr);
	free(name);
}

/**
 * list() - show what guests have, at one moment
 * @domid: one guest, or NULL for all
 * @json: for programs
 */
void list(const unsigned int *domid, bool json)
{
	unsigned int nr, i, lines = 0;
	char *shown = NULL, **guests;
	size_t len;
	FILE *out = open_memstream(&shown, &len);

	if (!out)
		die("out of memory");
	if (json)
		fputs("[", out);
	else
		fprintf(out, "%-6s %-20s %-14s %-28s %-14s %s\n",
			"DOMID", "NAME", "V-DEV", "P-DEV", "STATE", "DEVICE");
	store_begin();
	if (domid) {
		list_guest(out, *domid, json, &lines);
	} else {
		guests = store_list(&nr, "/local/domain/%u/backend/vscsi", self);
		for (i = 0; i < nr; i++)
			list_guest(out, strtoul(guests[i], NULL, 10), json, &lines);
		free(guests);
	}
	store_abort();
	if (json)
		fputs(lines ? "\n]\n" : "]\n", out);
	fclose(out);
	fputs(shown, stdout);
	free(shown);
}
