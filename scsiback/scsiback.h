/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SCSI backend: one vhost, its LUNs and its queues.
 */
#ifndef _SCSIBACK_H
#define _SCSIBACK_H

#include <linux/bio.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <target/target_core_base.h>

#include "../ring/backq.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/features.h"
#include "../ring/stats.h"
#include "request.h"

struct scsi_device;
struct scsiback;
struct scsiback_lun;
struct scsiback_queue;
struct scsiback_req;
struct scsiback_tpg;

/* Indices in the feature table. */
enum {
	SCSIBACK_MAX_QUEUES,
	SCSIBACK_MAX_ORDER,
	SCSIBACK_PERSISTENT,
	SCSIBACK_SG_GRANT,
	SCSIBACK_FRONT_QUEUES,
	SCSIBACK_FRONT_ORDER,
	SCSIBACK_FRONT_PERSISTENT,
	SCSIBACK_NR_FEATURES,
};

/* Module parameters; see README.md. */
extern unsigned int scsiback_max_segments;
extern unsigned int scsiback_max_buffer_pages;
extern unsigned int scsiback_max_persistent_grants;
extern unsigned int scsiback_allow;

/* Runs resets of devices, which sleep. */
extern struct workqueue_struct *scsiback_wq;

/** SCSIBACK_PATIENCE - what commands get before what goes away aborts them */
#define SCSIBACK_PATIENCE	(10 * HZ)

/**
 * SCSIBACK_ASK - seconds that a guest has to give a LUN back, unless the toolstack says otherwise
 *
 * It may have caches to write out. Then commands in flight have
 * SCSIBACK_PATIENCE: together that is how long pv-scsi waits.
 */
#define SCSIBACK_ASK	20

/** SCSIBACK_ASK_MAX - the most that it may say */
#define SCSIBACK_ASK_MAX	3600

/** SCSIBACK_NAME - room for the name of a LUN's directory in xenstore */
#define SCSIBACK_NAME	32

/** SCSIBACK_ID - room for what a device says that it is */
#define SCSIBACK_ID	128

/** SCSIBACK_PDEV - room for a p-dev */
#define SCSIBACK_PDEV	256

/**
 * SCSIBACK_SMALL_PAGES - staged pages of a vhost that commands with lists do not get
 *
 * However many of these hang, all others go on.
 */
#define SCSIBACK_SMALL_PAGES	128

/** SCSIBACK_MAX_BUFFERS - most commands of a vhost with lists of segments at a time */
#define SCSIBACK_MAX_BUFFERS	24

/** SCSIBACK_SHARES - LUNs that are told apart when there is little memory */
#define SCSIBACK_SHARES		64

/**
 * enum scsiback_attention - unit attentions of a LUN; the first is told first
 * @SCSIBACK_NEXUS_LOST: the connection is a new one
 * @SCSIBACK_LUNS_CHANGED: its target has got another LUN, or lost one
 */
enum scsiback_attention {
	SCSIBACK_NEXUS_LOST,
	SCSIBACK_LUNS_CHANGED,
};

/**
 * struct scsiback_lun_ops - a kind of device behind a LUN
 * @prepare: may the command be sent; -EAGAIN if there is no room now. If it
 *           must not be sent, set its result and return -EPERM
 * @submit: send it; scsiback_done() when it has ended, from any context
 * @finish: it has ended: set its result, free what @prepare took
 * @abort: a started command is to end; @tmf has ended when it has
 * @again: it has not ended: the abort may have been lost
 * @reset: all started commands are to end; scsiback_done() of @tmf
 * @close: let go of the device
 */
struct scsiback_lun_ops {
	int (*prepare)(struct scsiback_req *req);
	void (*submit)(struct scsiback_req *req);
	void (*finish)(struct scsiback_req *req);
	void (*abort)(struct scsiback_req *req, struct scsiback_req *tmf);
	void (*again)(struct scsiback_req *req);
	void (*reset)(struct scsiback_req *tmf);
	void (*close)(struct scsiback_lun *lun);
};

/**
 * struct scsiback_lun - a LUN of the guest's
 * @all: in the vhost's list
 * @b: the vhost
 * @name: its directory in xenstore
 * @pdev: what is behind it, as the toolstack wrote it
 * @id: which device that is, as it says itself; empty if it does not
 * @channel: always 0
 * @target: as the guest sees it
 * @lun: as the guest sees it
 * @listed: it stands in xenstore; for hooks
 * @ops: which kind of device; NULL when it has been let go
 * @type: TYPE_DISK, TYPE_TAPE ...
 * @removable: its medium may become another one, or nobody knows
 * @attentions: what the guest has not been told yet; bits of enum scsiback_attention
 * @sdev: pass-through: the device
 * @claim: pass-through: its disk, held so that nobody else uses it
 * @node: pass-through: its nodes of sg and st, likewise
 * @no_driver: pass-through: it was not for drivers of this domain before either
 * @allow: SCSIBACK_ALLOW_*
 * @tpg: LIO: the group
 * @tpg_lun: LIO: the LUN in that group
 * @of_tpg: LIO: of all LUNs of the group
 * @sleeps: LIO: who submits a command does its I/O
 * @wq: LIO: who does that then
 * @resetting: being reset: no command may start
 * @replaced: its entry is about another device now; for hooks
 * @asked: the guest has been asked to give it back; for hooks
 * @since: when that was, in jiffies; for hooks
 * @deadline: if @asked, when it is taken without the guest; if @gone, when
 *            commands are aborted, or once more; in jiffies; for hooks
 * @vanished: this domain has it no more
 * @goes: pass-through: tells that
 * @gone: being removed: no command may start
 * @overdue: it cannot be removed because commands take too long: abort them
 * @in_flight: commands and resets that are started
 * @idle: for @in_flight to go down while @resetting or @gone
 * @rcu: lookups may still see it
 */
struct scsiback_lun {
	struct list_head all;
	struct scsiback *b;
	char name[SCSIBACK_NAME];
	char pdev[SCSIBACK_PDEV];
	char id[SCSIBACK_ID];
	unsigned int channel;
	unsigned int target;
	unsigned int lun;
	bool listed;
	const struct scsiback_lun_ops *ops;
	int type;
	bool removable;
	struct scsi_device *sdev;
	struct pv_bdev claim;
	struct file *node[2];
	bool no_driver;
	unsigned int allow;
	struct scsiback_tpg *tpg;
	u64 tpg_lun;
	struct list_head of_tpg;
	bool sleeps;
	struct workqueue_struct *wq;
	unsigned long resetting;
	unsigned long attentions;
	bool replaced;
	bool asked;
	unsigned long since;
	unsigned long deadline;
	bool vanished;
	struct notifier_block goes;
	bool gone;
	bool overdue;
	atomic_t in_flight ____cacheline_aligned_in_smp;
	wait_queue_head_t idle;
	struct rcu_head rcu;
};

/**
 * struct scsiback_counters - what a queue has done; outlives the queue
 * @ring: the library's counters
 * @reads: commands with data from the device
 * @writes: commands with data to the device
 * @others: commands without data
 * @flushes: of these, caches written out
 * @discards: of @writes and @others, blocks given back
 * @tmfs: aborts and resets
 * @sectors_read: data from the device, in units of 512 bytes
 * @sectors_written: data to the device, in units of 512 bytes
 * @denied: commands that a guest may not send
 *
 * Written by the queue's thread only.
 */
struct scsiback_counters {
	struct pv_stats ring;
	u64 reads;
	u64 writes;
	u64 others;
	u64 flushes;
	u64 discards;
	u64 tmfs;
	u64 sectors_read;
	u64 sectors_written;
	u64 denied;
} ____cacheline_aligned_in_smp;

/**
 * struct scsiback_buffer - room for a request that has more than a slot holds,
 *                          up to max_segments
 * @base: the library's part
 * @seg: as the frontend wrote them; whole pages
 * @sg: their pages for LIO
 * @vec: their pages
 */
struct scsiback_buffer {
	struct pv_back_buffer base;
	struct scsiif_request_segment *seg;
	struct scatterlist *sg;
	struct bio_vec vec[];
};

/**
 * struct scsiback_use - what commands have of this domain's memory
 * @pages: staged pages
 * @buffers: buffers
 */
struct scsiback_use {
	atomic_t pages;
	atomic_t buffers;
};

/**
 * enum scsiback_aborted - who has asked for a command's end
 * @SCSIBACK_NOT_ABORTED: nobody
 * @SCSIBACK_BY_GUEST: the guest, by an abort of this command
 * @SCSIBACK_BY_US: its LUN is reset, or goes away, or the vhost does
 */
enum scsiback_aborted {
	SCSIBACK_NOT_ABORTED,
	SCSIBACK_BY_GUEST,
	SCSIBACK_BY_US,
};

/**
 * struct scsiback_req - a request on its way
 * @base: the library's part
 * @io: what it asks for
 * @lun: whose it is, from start to end
 * @result: how it has ended
 * @staged: its data passes through pages of our own
 * @direct: its data may lie in the frontend's pages
 * @emulated: we answer it ourselves
 * @aborted: who wants it back
 * @tmf: the abort that waits for its end
 * @nr_vecs: pages of data
 * @waits_since: when it first found no pages, in jiffies; 0 if it has not
 * @cut: bytes at its end that are not moved: the adapter cannot take all
 * @segs: its segments
 * @vecs: their pages
 * @sgs: the same for LIO
 * @rq: pass-through: the SCSI layer's request
 * @bio: pass-through: its data
 * @se: LIO's command, or abort, or reset
 * @work: pass-through: a reset
 * @submit: LIO: where a ring's thread must not do it
 * @inline_segs: room for a slot's
 * @inline_vecs: room for a slot's
 * @inline_sgs: room for a slot's
 */
struct scsiback_req {
	struct pv_back_req base;
	struct scsiback_io io;
	struct scsiback_lun *lun;
	struct scsiback_result result;
	bool staged;
	bool direct;
	bool emulated;
	enum scsiback_aborted aborted;
	struct scsiback_req *tmf;
	unsigned int nr_vecs;
	unsigned long waits_since;
	u32 cut;
	struct scsiif_request_segment *segs;
	struct bio_vec *vecs;
	struct scatterlist *sgs;
	union {
		struct {
			struct request *rq;
			struct bio bio;
		};
		struct se_cmd se;
		struct work_struct work;
	};
	struct work_struct submit;
	struct scsiif_request_segment inline_segs[VSCSIIF_SG_TABLESIZE];
	struct bio_vec inline_vecs[VSCSIIF_SG_TABLESIZE];
	struct scatterlist inline_sgs[VSCSIIF_SG_TABLESIZE];
};

/**
 * struct scsiback_queue - a ring of commands
 * @base: the library's part
 * @serial: of all queues of all vhosts
 * @abort_all: the vhost goes away, and its commands take too long
 * @gathered: what it has seen of the vhost's
 * @counters: where to count
 */
struct scsiback_queue {
	struct pv_back_queue base;
	u32 serial;
	bool abort_all;
	unsigned long gathered;
	struct scsiback_counters *counters;
};

/**
 * struct scsiback - one vhost
 * @pd: the library's part
 * @luns: all LUNs; the hooks'
 * @nr_luns: how many; written by hooks
 * @by_address: LUNs by scsiback_address(), for the queues
 * @watch: on the LUNs in xenstore
 * @look: looks whether any of @luns has to go, or can; in the device's thread
 * @later: the same, when the time comes
 * @unread: something in xenstore could not be read: look once more; the hooks'
 * @unsettled: so it was when the guest had looked at all; the hooks'
 * @refusals: what the guest says of each then is about what was just written
 * @resets: LUNs that are being reset, or are overdue
 * @queues: the connection, or NULL
 * @nr_pages: staged pages of all queues
 * @nr_buffers: buffers of all queues
 * @use: of these, what commands have
 * @use_of: the same by LUN, or several of them
 * @gathered: when queues were last asked for what they do not use, in jiffies
 */
struct scsiback {
	struct pv_device *pd;
	struct list_head luns;
	unsigned int nr_luns;
	struct xarray by_address;
	struct pv_watch watch;
	struct kthread_work look;
	struct kthread_delayed_work later;
	bool unread;
	bool unsettled;
	bool refusals;
	atomic_t resets;
	struct pv_back_queues *queues;
	atomic_t nr_pages;
	atomic_t nr_buffers;
	struct scsiback_use use;
	struct scsiback_use use_of[SCSIBACK_SHARES];
	unsigned long gathered;
};

/* queue.c */
struct pv_back_queues *scsiback_queues_create(struct scsiback *b);
void scsiback_deny(struct scsiback_req *req, u8 asc);
void scsiback_finish(struct scsiback_req *req);

/* luns.c */
void scsiback_luns_init(struct scsiback *b);
int scsiback_luns_watch(struct scsiback *b);
void scsiback_luns_offer(struct scsiback *b);
int scsiback_luns_sync(struct scsiback *b, bool announce);
void scsiback_luns_settle(struct scsiback *b, bool refused);
void scsiback_luns_close(struct scsiback *b);
struct scsiback_lun *scsiback_lun_get(struct scsiback *b,
				      const struct scsiback_io *io);
void scsiback_lun_put(struct scsiback_lun *lun);
void scsiback_report_luns(struct scsiback_req *req);
void scsiback_answer_absent(struct scsiback_req *req);

/* tmf.c */
void scsiback_tmf(struct scsiback_req *req);
void scsiback_tmf_finish(struct scsiback_req *req);
void scsiback_abort_wanted(struct scsiback_queue *q);

/* passthrough.c */
int scsiback_passthrough_open(struct scsiback_lun *lun);

/* fabric.c */
#if IS_ENABLED(CONFIG_TARGET_CORE)
int scsiback_fabric_open(struct scsiback_lun *lun);
int scsiback_fabric_init(void);
void scsiback_fabric_exit(void);
#else
static inline int scsiback_fabric_open(struct scsiback_lun *lun)
{
	return -ENODEV;
}

static inline int scsiback_fabric_init(void)
{
	return 0;
}

static inline void scsiback_fabric_exit(void)
{
}
#endif

static inline struct scsiback_req *scsiback_req_of(struct pv_back_req *req)
{
	return container_of(req, struct scsiback_req, base);
}

static inline struct scsiback_queue *scsiback_queue_of(const struct scsiback_req *req)
{
	return container_of(req->base.q, struct scsiback_queue, base);
}

/* A command, an abort or a reset has ended: any context. */
static inline void scsiback_done(struct scsiback_req *req)
{
	pv_back_done(&req->base);
}

static inline struct scsiback *to_scsiback(const struct pv_device *pd)
{
	return pd->priv;
}

/* This domain loses a device: its guest is to let it go. Until the LUN is closed. */
static inline void scsiback_lun_vanishes(struct scsiback_lun *lun)
{
	WRITE_ONCE(lun->vanished, true);
	kthread_queue_work(lun->b->pd->worker, &lun->b->look);
}

#endif /* _SCSIBACK_H */
