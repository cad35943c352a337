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

#include "../ring/channel.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/grant.h"
#include "../ring/ring.h"
#include "../ring/stats.h"
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
 * Addresses that a guest's LUNs may have. Nobody scans for them: the backend
 * names each one.
 */
#define SCSIFRONT_MAX_TARGET	64
#define SCSIFRONT_MAX_LUN	255

/* No ring has more slots, so none has more ids. */
#define SCSIFRONT_MAX_IDS \
	((XEN_PAGE_SIZE << PV_RING_MAX_ORDER) / PV_VSCSIIF_STRIDE)

struct scsifront;

/**
 * struct scsifront_tmf - a queue's one abort or reset at a time
 * @done: answered
 * @ok: the backend has done it
 * @busy: on the ring. One that nobody answers stays, and no other follows
 */
struct scsifront_tmf {
	struct completion done;
	bool ok;
	bool busy;
};

/**
 * struct scsifront_queue - one ring
 * @sf: the host
 * @ring: its view
 * @shared: the ring's pages
 * @channel: its event channel
 * @pool: its grants
 * @stats: its counters
 * @tmf: its abort or reset
 * @ids: those that the backend has; set under @submit
 * @next_id: where to look for a free one; under @submit
 * @submit: serialises writing to the ring
 * @complete: serialises taking responses off it
 * @live: responses may be taken; under @complete
 * @nr_parked: ids that are parked (scsifront_park()); under @complete
 * @parked_pages: entries of the pool that these hold; under @complete
 * @heard: when the backend answered last, in jiffies
 */
struct scsifront_queue {
	struct scsifront *sf;
	struct pv_ring ring;
	struct pv_shared shared;
	struct pv_channel channel;
	struct pv_grant_pool pool;
	struct pv_stats stats;
	struct scsifront_tmf tmf;
	DECLARE_BITMAP(ids, SCSIFRONT_MAX_IDS);
	spinlock_t submit ____cacheline_aligned_in_smp;
	unsigned int next_id;
	spinlock_t complete ____cacheline_aligned_in_smp;
	bool live;
	unsigned int nr_parked;
	unsigned int parked_pages;
	unsigned long heard;
};

/**
 * struct scsifront_io - what we know of a command, behind struct scsi_cmnd
 * @next: list of those that complete together
 * @data: grants of its data
 * @lists: grants of its pages of segments
 * @rslt: from the response
 * @resid: from the response
 * @nr_segs: segments
 * @id: what it is called on the wire, while it is on a ring
 * @bounced: data passes through staged pages
 * @parked: belongs to an id, not to a command: see scsifront_park()
 */
struct scsifront_io {
	struct scsifront_io *next;
	struct pv_grant_chain data;
	struct pv_grant_chain lists;
	s32 rslt;
	u32 resid;
	u16 nr_segs;
	u16 id;
	bool bounced;
	bool parked;
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
 * struct scsifront - a SCSI host, one vhost of the toolstack's
 * @pd: the device; NULL when it has gone. Under @tmf_lock
 * @host: the SCSI layer's part, of which this is the private data
 * @queue: the rings
 * @slot: by id
 * @parked: by id: pages of commands that the SCSI layer has back, but which
 *     the backend has not answered
 * @nr_slots: length of @slot
 * @stride: ids of a ring
 * @nr_alloc: rings allocated, for good once @host is known to the SCSI layer
 * @nr_queues: rings of this connection
 * @max_segs: segments that a request may have in this connection
 * @bounce: data passes through staged pages that stay granted
 * @zero: clear what is shared besides the data
 * @returns: the backend makes new connections; the published one may not
 * @added: the SCSI layer knows @host
 * @accepting: commands may be put on the rings; readers are in an RCU section
 * @dead: commands end with an error
 * @stop_lock: serialises those that end a connection
 * @tmf_lock: one abort or reset at a time; guards @pd, @queue against late ones
 * @wait: for @accepting, @dead, or the answer to an abort or reset
 * @luns: the LUNs that the backend has named
 * @luns_moving: the work adds or removes one
 * @luns_lock: guards the list and what stands in it
 * @luns_work: adds and removes them, which takes I/O
 * @shrink: gives back idle pages
 */
struct scsifront {
	struct pv_device *pd;
	struct Scsi_Host *host;
	struct scsifront_queue *queue;
	struct scsifront_slot *slot;
	struct scsifront_io *parked;
	unsigned int nr_slots;
	unsigned int stride;
	unsigned int nr_alloc;
	unsigned int nr_queues;
	unsigned int max_segs;
	bool bounce;
	bool zero;
	bool returns;
	bool added;
	bool accepting;
	bool dead;
	struct mutex stop_lock; /* those that end a connection */
	struct mutex tmf_lock; /* one abort or reset at a time */
	wait_queue_head_t wait;
	struct list_head luns;
	bool luns_moving;
	struct mutex luns_lock; /* @luns */
	struct work_struct luns_work;
	struct delayed_work shrink;
};

static inline struct scsifront *scsifront_of(const struct scsi_device *sdev)
{
	return shost_priv(sdev->host);
}

/* queue.c */
PV_QC_STATUS scsifront_queuecommand(struct Scsi_Host *host,
				    struct scsi_cmnd *sc);
void scsifront_commit_rqs(struct Scsi_Host *host, u16 hwq);
enum pv_consumed scsifront_consume(struct pv_channel *ch);
struct scsifront_slot *scsifront_busy(struct scsifront *sf,
				      struct scsi_cmnd *sc);
bool scsifront_is_owed(struct scsifront *sf, const struct scsifront_slot *slot);
bool scsifront_put_tmf(struct scsifront_queue *q, struct vscsiif_request *req,
		       u32 len);
bool scsifront_park(struct scsifront *sf, struct scsifront_slot *slot,
		    struct scsifront_io *io, bool force);
void scsifront_settle(void);
void scsifront_hold(struct scsifront *sf);
void scsifront_drain(struct scsifront *sf, enum pv_down why);

/* luns.c */
void scsifront_luns_unname(struct scsifront *sf);
void scsifront_luns_read(struct scsifront *sf);
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
