/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the network frontend share. */
#ifndef _NETFRONT_H
#define _NETFRONT_H

#include <linux/bpf.h>
#include <linux/completion.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/xdp.h>

#include "../ring/channel.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/grant.h"
#include "../ring/netif_ext.h"
#include "../ring/ring.h"
#include "../ring/stats.h"
#include "packet.h"

/* Every page has an address. */
static_assert(IS_ENABLED(CONFIG_64BIT));

/** NETFRONT_RING - slots of a ring: netif.h has no rings of several pages */
#define NETFRONT_RING		256
/** NETFRONT_MIN_RING - the smallest ring that holds any packet twice */
#define NETFRONT_MIN_RING	64
/** NETFRONT_MAX_MTU - the largest packet less its header */
#define NETFRONT_MAX_MTU	(XEN_NETIF_MAX_TX_SIZE - ETH_HLEN)
/** NETFRONT_COPYBREAK - shorter packets are copied, not handed on by page */
#define NETFRONT_COPYBREAK	256
/** NETFRONT_RSS_KEY - octets of a Toeplitz key */
#define NETFRONT_RSS_KEY	40
/** NETFRONT_RSS_INDIR - entries of the table of queues */
#define NETFRONT_RSS_INDIR	128
/** NETFRONT_MAX_HOLD_US - longest that coalescing may hold packets back */
#define NETFRONT_MAX_HOLD_US	10000

enum {
	F_MAX_QUEUES,
	F_SPLIT,
	F_BACK_SG,
	F_BACK_GSO4,
	F_BACK_GSO6,
	F_BACK_NO_CSUM,
	F_BACK_CSUM6,
	F_MCAST,
	F_CTRL,
	F_BACK_HEADROOM,
	F_CARRIER,
	F_NUM_QUEUES,
	F_RX_COPY,
	F_RX_NOTIFY,
	F_FRONT_SG,
	F_FRONT_GSO4,
	F_FRONT_GSO6,
	F_FRONT_NO_CSUM,
	F_FRONT_CSUM6,
	F_FRONT_MCAST,
	F_FRONT_HEADROOM,
};

struct netfront;

/**
 * struct netfront_counters - what ethtool and ip show of a queue
 *
 * Those of tx are written under the tx queue's lock, those of rx by NAPI.
 * They outlive connections.
 */
struct netfront_counters {
	u64 tx_packets;
	u64 tx_bytes;
	u64 tx_dropped;
	u64 tx_errors;
	u64 tx_copied;
	u64 tx_granted;
	u64 tx_stopped;
	u64 tx_xdp;
	u64 rx_packets ____cacheline_aligned_in_smp;
	u64 rx_bytes;
	u64 rx_dropped;
	u64 rx_no_memory;
	u64 rx_gso_fixed;
	u64 rx_xdp_drop;
	u64 rx_xdp_tx;
	u64 rx_xdp_redirect;
	u64 rx_xdp_unfit;
	u64 rx_fault[NETFRONT_RX_FAULTS];
};

/** enum netfront_tx_kind - what is on the ring under an id */
enum netfront_tx_kind {
	NETFRONT_TX_FREE,
	NETFRONT_TX_COPIED,
	NETFRONT_TX_GRANTED,
	NETFRONT_TX_MCAST,
};

/**
 * struct netfront_tx_id - what we know of a request, by its id
 * @data: the id's staged page
 * @ref: its reference
 * @used: bytes of it that hold old data; kept only for backends not trusted
 * @kind: NETFRONT_TX_*. A response is believed only if it is not FREE
 * @bytes: length of the stack's packet whose first slot it is; else 0
 * @packet: number of the packet that it is a slot of
 * @skb: GRANTED: the packet
 * @grant: grants a page of the skb itself; NULL if this connection only copies
 */
struct netfront_tx_id {
	void *data;
	grant_ref_t ref;
	u16 used;
	u8 kind;
	u32 bytes;
	u32 packet;
	struct sk_buff *skb;
	struct pv_grant *grant;
};

/** struct netfront_tx_cb - in skb->cb: slots of it that are not answered */
struct netfront_tx_cb {
	u16 left;
};

/**
 * struct netfront_rx_buf - the buffer of a slot of the rx ring
 * @data: where it is; NULL if the slot has none
 * @page: its page
 * @grant: what grants it; NULL if the backend would not let go of it
 *
 * netif.h: a response lies in the slot of its request, so a slot's buffer is
 * found by the slot alone.
 */
struct netfront_rx_buf {
	void *data;
	struct page *page;
	struct pv_grant *grant;
};

/**
 * struct netfront_queue - a pair of rings
 * @nf: the interface
 * @id: which
 * @live: packets may be sent; under the tx queue's lock
 * @bounce: data is only copied: into and out of pages that stay granted
 * @split: each ring has its own channel
 * @polling: NAPI is enabled, as long as there is a connection; under rtnl
 * @asked: the backend has been asked to keep the staged pages mapped
 * @mapped: and it does
 * @pool: the grants of both rings
 *
 * @tx: view of the tx ring
 * @tx_channel: its channel; that of both rings if not @split
 * @txq: the stack's queue
 * @tx_id: by id
 * @tx_free: ids that are free, last in first out
 * @nr_free: how many
 * @tx_extras: extra slots that are not answered
 * @tx_held: packets whose pages are granted
 * @tx_armed: response that is to be announced, if it has not come yet
 * @tx_number: of the packet that is being sent, from 1 on
 * @tx_failed: of the last packet that came to nothing
 * @tx_looked: the last time that responses were looked for, in slots sent
 * @tx_look: what was seen of the answers last
 * @tx_late: it was said that there is none for long
 * @tx_packet: the packet that is being sent, too large for the stack
 * @tx_staged: grants of the staged pages
 * @tx_bare: grants for the skbs' own pages
 * @tx_stats: ring's counters
 * @tx_shared: ring's page
 *
 * @rx: view of the rx ring
 * @rx_channel: its channel, if @split
 * @napi: polls both rings
 * @rx_packet: the packet whose slots are coming in
 * @rx_start: slot with which it begins
 * @rx_buf: by slot
 * @rx_pool: pages of received packets, and in direct mode of the ring
 * @xdp_pool: whole pages: those that programs see; in direct mode the same pool
 * @rx_grants: grants of the ring's pages
 * @rx_stats: ring's counters
 * @rx_shared: ring's page
 * @rxq: for XDP
 * @xdp_page: a buffer that a program has dropped, for the next packet
 * @xdp_sent: frames wait in the tx ring for the end of the poll
 * @xdp_redirected: so do frames elsewhere
 * @idle: nothing has come since the last event
 * @hold: ends the wait for more packets to one event
 * @rx_frames: packets to an event
 * @rx_usecs: longest wait for them
 * @tx_frames: slots answered to an event; 0 for half of those outstanding
 * @refill: tries again to get pages
 * @count: counters
 * @name: of its interrupts
 */
struct netfront_queue {
	struct netfront *nf;
	unsigned int id;
	bool live;
	bool bounce;
	bool split;
	bool polling;
	bool asked;
	bool mapped;
	struct pv_grant_pool pool;

	struct pv_ring tx ____cacheline_aligned_in_smp;
	struct pv_channel tx_channel;
	struct netdev_queue *txq;
	struct netfront_tx_id tx_id[NETFRONT_RING];
	u8 tx_free[NETFRONT_RING];
	unsigned int nr_free;
	unsigned int tx_extras;
	unsigned int tx_held;
	u32 tx_armed;
	u32 tx_number;
	u32 tx_failed;
	u32 tx_looked;
	struct pv_ring_look tx_look;
	bool tx_late;
	struct netfront_tx_packet tx_packet;
	struct pv_grant_chain tx_staged;
	struct pv_grant_chain tx_bare;
	struct pv_stats tx_stats;
	struct pv_shared tx_shared;

	struct pv_ring rx ____cacheline_aligned_in_smp;
	struct pv_channel rx_channel;
	struct napi_struct napi;
	struct netfront_rx_packet rx_packet;
	u32 rx_start;
	struct netfront_rx_buf rx_buf[NETFRONT_RING];
	struct page_pool *rx_pool;
	struct page_pool *xdp_pool;
	struct pv_grant_chain rx_grants;
	struct pv_stats rx_stats;
	struct pv_shared rx_shared;
	struct xdp_rxq_info rxq;
	struct page *xdp_page;
	bool xdp_sent;
	bool xdp_redirected;
	bool idle;
	struct hrtimer hold;
	u32 rx_frames;
	u32 rx_usecs;
	u32 tx_frames;
	struct timer_list refill;

	struct netfront_counters count;
	char name[PV_CHANNEL_NAME];
};

/**
 * struct netfront_ctrl - the control ring: one request at a time
 * @ring: its view
 * @shared: its page
 * @channel: its channel
 * @stats: its counters
 * @pool: grant of @page
 * @chain: that grant
 * @page: carries keys, tables and lists to the backend
 * @lock: one request at a time
 * @live: requests may be sent; under @lock
 * @late: the last one has no answer yet; under @lock
 * @until: so long answers are waited for, in jiffies; under @lock
 * @answer: guards @id and @rsp
 * @id: the request that waits
 * @rsp: its response
 * @done: @rsp has come
 */
struct netfront_ctrl {
	struct pv_ring ring;
	struct pv_shared shared;
	struct pv_channel channel;
	struct pv_stats stats;
	struct pv_grant_pool pool;
	struct pv_grant_chain chain;
	void *page;
	struct mutex lock; /* one request at a time */
	bool live;
	bool late;
	unsigned long until;
	spinlock_t answer; /* @id, @rsp */
	u16 id;
	struct xen_netif_ctrl_response rsp;
	struct completion done;
};

/**
 * struct netfront_rss - how the backend is to spread packets; under rtnl
 * @set: somebody wants it so; otherwise the backend does as it likes
 * @types: XEN_NETIF_CTRL_HASH_TYPE_*
 * @key: the Toeplitz key
 * @indir: queues by hash
 */
struct netfront_rss {
	bool set;
	u32 types;
	u8 key[NETFRONT_RSS_KEY];
	u32 indir[NETFRONT_RSS_INDIR];
};

/** struct netfront_mcast - an address that the backend lets pass */
struct netfront_mcast {
	struct list_head list;
	u8 addr[ETH_ALEN];
	bool wanted;
};

/**
 * struct netfront - one interface
 * @pd: the device
 * @dev: the interface
 * @queue: all that there may be
 * @max_queues: how many that are
 * @nr_queues: how many this connection has
 * @want_queues: how many somebody wants
 * @nr_spread: among how many CPUs have been spread
 * @connected: the rings are live; under rtnl
 * @zero: clear what is shared besides the data
 * @has_sg: packets may have several slots
 * @copybreak: shorter packets are copied
 * @tx_limit: most slots of a tx ring in use
 * @rx_limit: most buffers in an rx ring
 * @offload: NETIF_F_* that this backend has; under rtnl
 * @xdp: the program; NULL if there is none
 * @ctrl: control ring
 * @rss: what is wanted of it
 * @mcast: addresses that the backend has been told; only for @mcast_work
 * @mcast_on: it has been told to filter
 * @mcast_refused: it did not take an address
 * @mcast_stale: another backend is there, which has been told nothing
 * @mcast_work: tells it what has changed
 * @notify: tells neighbours that the interface is back
 * @look: looks for answers that do not come, while there is a connection
 */
struct netfront {
	struct pv_device *pd;
	struct net_device *dev;
	struct netfront_queue *queue;
	unsigned int max_queues;
	unsigned int nr_queues;
	unsigned int want_queues;
	unsigned int nr_spread;
	bool connected;
	bool zero;
	bool has_sg;
	u32 copybreak;
	u32 tx_limit;
	u32 rx_limit;
	netdev_features_t offload;
	struct bpf_prog *xdp;
	struct netfront_ctrl ctrl;
	struct netfront_rss rss;
	struct list_head mcast;
	bool mcast_on;
	bool mcast_refused;
	bool mcast_stale;
	struct delayed_work mcast_work;
	struct delayed_work notify;
	struct timer_list look;
};

/* main.c */
extern unsigned int netfront_late_ms;
void netfront_tell_program(struct netfront *nf);

/* tx.c */
netdev_tx_t netfront_start_xmit(struct sk_buff *skb, struct net_device *dev);
void netfront_tx_poll(struct netfront_queue *q, int budget);
void netfront_tx_arm(struct netfront_queue *q);
bool netfront_tx_frame(struct netfront_queue *q, struct xdp_frame *frame,
		       const struct netfront_rx_packet *from);
void netfront_tx_flush(struct netfront_queue *q);
int netfront_tx_connect(struct netfront_queue *q, bool bounce);
void netfront_tx_disconnect(struct netfront_queue *q);
void netfront_look_later(struct netfront *nf);
void netfront_look_for_answers(struct timer_list *timer);
void netfront_mcast_work(struct work_struct *work);
void netfront_mcast_forget(struct netfront *nf);

/* rx.c */
int netfront_poll(struct napi_struct *napi, int budget);
enum hrtimer_restart netfront_hold_over(struct hrtimer *timer);
void netfront_refill_again(struct timer_list *timer);
struct page *netfront_rx_take(struct netfront_queue *q, u16 at);
void netfront_rx_gather(struct netfront_queue *q,
			const struct netfront_rx_packet *p, u32 from,
			void *to, u32 len);
struct sk_buff *netfront_rx_skb(struct netfront_queue *q,
				const struct netfront_rx_packet *p);
bool netfront_rx_finish(struct netfront_queue *q, struct sk_buff *skb,
			const struct netfront_rx_packet *p);
int netfront_rx_connect(struct netfront_queue *q, bool bounce);
void netfront_rx_start(struct netfront_queue *q);
void netfront_rx_forget(struct netfront_queue *q);
void netfront_rx_disconnect(struct netfront_queue *q);

/* xdp.c */
struct sk_buff *netfront_xdp_receive(struct netfront_queue *q,
				     struct bpf_prog *prog,
				     struct netfront_rx_packet *p);
void netfront_xdp_flush(struct netfront_queue *q);
void netfront_xdp_forget(struct netfront_queue *q);
int netfront_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frame,
		      u32 flags);
int netfront_bpf(struct net_device *dev, struct netdev_bpf *bpf);

/* ctrl.c */
void netfront_ctrl_init(struct netfront *nf);
int netfront_ctrl_open(struct netfront *nf);
int netfront_ctrl_publish(struct netfront *nf, struct xenbus_transaction xbt);
void netfront_ctrl_start(struct netfront *nf);
void netfront_ctrl_close(struct netfront *nf);
u32 netfront_ctrl_map_size(struct netfront *nf, unsigned int queue);
int netfront_ctrl_map(struct netfront *nf, unsigned int queue,
		      const struct pv_grant_chain *chain);
void netfront_ctrl_unmap(struct netfront *nf, unsigned int queue,
			 const struct pv_grant_chain *chain);
int netfront_ctrl_rss(struct netfront *nf);

/* ethtool.c */
extern const struct ethtool_ops netfront_ethtool_ops;
#ifdef PV_QUEUE_STATS
extern const struct netdev_stat_ops netfront_stat_ops;
#endif

#endif /* _NETFRONT_H */
