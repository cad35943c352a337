/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the SCSI frontend share. */
#ifndef _SCSIFRONT_H
#define _SCSIFRONT_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/frontq.h"
#include "request.h"

enum {
	F_MAX_QUEUES,
	F_MAX_ORDER,
	F_BACK_PERSISTENT,
	F_SG_GRANT,
	F_NUM_QUEUES,
	F_ORDER,
	F_FRONT_PERSISTENT,
};

/*
 * Addresses that a guest's LUNs may have, of which these are the first that are
 * none. Nobody scans for them: the backend names each one. (SAM's flat
 * addressing of LUNs has 14 bits.)
 */
#define SCSIFRONT_MAX_TARGET	64
#define SCSIFRONT_MAX_LUN	16384

/* No ring has more slots, so none has more ids. */
#define SCSIFRONT_MAX_IDS \
	((XEN_PAGE_SIZE << PV_RING_MAX_ORDER) / PV_VSCSIIF_STRIDE)

struct scsifront;

/* Aborts and resets of a ring that are not answered in time: they may have slots. */
#define SCSIFRONT_MAX_TMFS	4
#define SCSIFRONT_NO_TMF	(U16_MAX + 1)

/**
 * struct scsifront_tmf - a queue's aborts and resets, of which one is waited for
 * @done: it is answered
 * @ok: the backend has done it
 * @id: what it is called on the wire; SCSIFRONT_NO_TMF if none is waited for
 * @pending: how many are on the ring; a late one keeps its slot
 */
struct scsifront_tmf {
	struct completion done;
	bool ok;
	unsigned int id;
	atomic_t pending;
};

/**
 * struct scsifront_line - commands that wait for a place on a ring, or for pages
 * @lock: guards it, and who puts one of them on the ring
 * @luns: the next command of each LUN; the LUN whose turn it is comes first
 * @nr: how many wait
 */
struct scsifront_line {
	spinlock_t lock; /* the lists */
	struct list_head luns;
	unsigned int nr;
};

/**
 * struct scsifront_queue - one ring
 * @base: what every class of device has
 * @sf: the host
 * @line: what waits for it
 * @tmf: its abort or reset
 * @ids: those that the backend has; set under @base.submit
 * @next_id: where to look for a free one; under @base.submit
 * @nr_parked: ids that are parked (scsifront_park()); under @base.complete
 * @parked_pages: entries of the pool that these hold; under @base.complete
 * @heard: when the backend answered last, in jiffies
 */
struct scsifront_queue {
	struct pv_front_queue base;
	struct scsifront *sf;
	struct scsifront_line line;
	unsigned int next_id;
	unsigned int nr_parked;
	unsigned int parked_pages;
	unsigned long heard;
	struct scsifront_tmf tmf;
	DECLARE_BITMAP(ids, SCSIFRONT_MAX_IDS);
};

/**
 * struct scsifront_io - what we know of a command, behind struct scsi_cmnd
 * @base: what every class of device has
 * @rslt: from the response
 * @resid: from the response
 * @id: what it is called on the wire, while it is on a ring
 * @parked: belongs to an id, not to a command: see scsifront_park()
 * @waits: it is in line for a ring
 * @turn: in scsifront_line.luns, if it is the next one of its LUN
 * @lun: ring of the LUN's commands in that line, in their order
 */
struct scsifront_io {
	struct pv_front_io base;
	s32 rslt;
	u32 resid;
	u16 id;
	bool parked;
	bool waits;
	struct list_head turn;
	struct list_head lun;
};

/**
 * struct scsifront_slot - what an id stands for
 * @q: the ring it is on; NULL if on none. A response is believed only if this
 *     says so, and whoever clears it, under the ring's lock, owns the command
 * @io: the command; NULL for an abort or reset; what is parked
 * @sdev: whose it is; for comparing only. NULL if parked
 */
struct scsifront_slot {
	struct scsifront_queue *q;
	struct scsifront_io *io;
	const struct scsi_device *sdev;
};

/**
 * enum scsifront_state - what becomes of a command
 * @SCSIFRONT_AWAY: there is no connection: it waits for the next one
 * @SCSIFRONT_UP: it is put on a ring
 * @SCSIFRONT_LEAVING: the same, for the last ones: caches are written out
 * @SCSIFRONT_DEAD: it ends with an error, for good
 */
enum scsifront_state {
	SCSIFRONT_AWAY,
	SCSIFRONT_UP,
	SCSIFRONT_LEAVING,
	SCSIFRONT_DEAD,
};

/**
 * struct scsifront - a SCSI host, one vhost of the toolstack's
 * @pd: the device; NULL when it has gone. Under @tmf_lock
 * @host: the SCSI layer's part, of which this is the private data
 * @queues: the connection, NULL if there is none; changes under @tmf_lock
 * @slot: by id
 * @parked: by id: pages of commands that the SCSI layer has back, but which
 *     the backend has not answered
 * @nr_slots: length of @slot
 * @stride: ids of a ring
 * @nr_irq_hw: hardware queues whose rings interrupt, before those that are polled
 * @returns: the backend makes new connections; the published one may not
 * @added: the SCSI layer knows @host
 * @state: scsifront_set_state() changes it; who puts a command on a ring is in
 *         an RCU section
 * @stop_lock: serialises those that begin or end a connection
 * @tmf_lock: one abort or reset at a time; guards @pd, @queues against late ones
 * @wait: for @state, or the answer to an abort or reset
 * @luns: the LUNs that the backend has named
 * @luns_moving: the work adds or removes one
 * @luns_lock: guards the list and what stands in it
 * @luns_work: adds and removes them, which takes I/O
 */
struct scsifront {
	struct pv_device *pd;
	struct Scsi_Host *host;
	struct pv_front_queues __rcu *queues;
	struct scsifront_slot *slot;
	struct scsifront_io *parked;
	unsigned int nr_slots;
	unsigned int stride;
	unsigned int nr_irq_hw;
	bool returns;
	bool added;
	enum scsifront_state state;
	struct mutex stop_lock; /* @state */
	struct mutex tmf_lock; /* one abort or reset at a time */
	wait_queue_head_t wait;
	struct list_head luns;
	bool luns_moving;
	struct mutex luns_lock; /* @luns */
	struct work_struct luns_work;
};

static inline struct scsifront *scsifront_of(const struct scsi_device *sdev)
{
	return shost_priv(sdev->host);
}

static inline struct scsifront_queue *to_scsifront_queue(struct pv_front_queue *q)
{
	return container_of(q, struct scsifront_queue, base);
}

static inline struct scsi_cmnd *scsifront_cmnd_of(const struct pv_front_io *io)
{
	/* The other way round it is scsi_cmd_priv(). */
	return (struct scsi_cmnd *)io - 1;
}

/* In a hook, or under @tmf_lock. */
static inline struct pv_front_queues *scsifront_queues(struct scsifront *sf)
{
	return rcu_dereference_protected(sf->queues, lockdep_is_held(&sf->tmf_lock) ||
					 lockdep_is_held(&sf->pd->lock));
}

/* Whether commands go onto the rings, which are there then. */
static inline bool scsifront_accepts(const struct scsifront *sf)
{
	/* Pairs with scsifront_set_state(). */
	enum scsifront_state state = smp_load_acquire(&sf->state);

	return state == SCSIFRONT_UP || state == SCSIFRONT_LEAVING;
}

/* Whether this is its last connection, or that has gone. */
static inline bool scsifront_ends(const struct scsifront *sf)
{
	return READ_ONCE(sf->state) >= SCSIFRONT_LEAVING;
}

/* What has blocks with addresses, and no position. */
static inline bool scsifront_is_disk(const struct scsi_device *sdev)
{
	switch (sdev->type) {
	case TYPE_DISK:
	case TYPE_ROM:
	case TYPE_WORM:
	case TYPE_MOD:
	case TYPE_RBC:
	case TYPE_ZBC:
		return true;
	default:
		return false;
	}
}

/* line.c */
void scsifront_line_init(struct scsifront_line *line);
void scsifront_line_join(struct scsifront_queue *q, struct scsifront_io *io);
bool scsifront_line_leave(struct scsifront *sf, struct scsi_cmnd *sc);
void scsifront_line_end(struct scsifront_queue *q, const struct scsi_device *sdev, int host_byte);
void scsifront_line_serve(struct scsifront_queue *q);

/* queue.c */
extern const struct pv_front_ops scsifront_ops;
struct scsifront_queue *scsifront_queue_of(const struct scsifront *sf,
					   const struct pv_front_queues *queues,
					   struct scsi_cmnd *sc);
int scsifront_try(struct scsifront_queue *q, struct scsi_cmnd *sc, bool last);
int scsifront_refuse(struct scsifront_queue *q, struct scsi_cmnd *sc);
bool scsifront_awaits(const struct scsifront_queue *q);
PV_QC_STATUS scsifront_queuecommand(struct Scsi_Host *host,
				    struct scsi_cmnd *sc);
void scsifront_commit_rqs(struct Scsi_Host *host, u16 hwq);
enum pv_consumed scsifront_consume(struct pv_channel *ch);
int scsifront_mq_poll(struct Scsi_Host *host, unsigned int hwq);
void scsifront_look(const struct pv_front_queues *queues);
struct scsifront_slot *scsifront_busy(struct scsifront *sf,
				      struct scsi_cmnd *sc);
bool scsifront_is_owed(struct scsifront *sf, const struct scsifront_slot *slot);
bool scsifront_put_tmf(struct scsifront_queue *q, struct vscsiif_request *req,
		       u32 len);
bool scsifront_wait_tmf(struct scsifront_queue *q, unsigned long timeout);
bool scsifront_park(struct scsifront *sf, struct scsifront_slot *slot,
		    struct scsifront_io *io, bool force);
void scsifront_settle(void);
void scsifront_set_state(struct scsifront *sf, enum scsifront_state state);
void scsifront_hold(struct scsifront *sf);
void scsifront_drain(struct scsifront *sf, struct pv_front_queues *queues, enum pv_down why);

/* luns.c */
void scsifront_luns_unname(struct scsifront *sf);
int scsifront_luns_read(struct scsifront *sf);
void scsifront_luns_work(struct work_struct *work);
bool scsifront_luns_busy(struct scsifront *sf);
void scsifront_luns_forget(struct scsifront *sf);

/* tmf.c */
extern unsigned int scsifront_tmf_timeout;

PV_TIMEOUT_ACTION scsifront_eh_timed_out(struct scsi_cmnd *sc);
int scsifront_eh_abort(struct scsi_cmnd *sc);
int scsifront_eh_device_reset(struct scsi_cmnd *sc);
int scsifront_eh_host_reset(struct scsi_cmnd *sc);

#endif /* _SCSIFRONT_H */
