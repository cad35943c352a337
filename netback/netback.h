/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network backend: the structures that its files share.
 *
 * Directions are named after the guest: "from guest" is what it sends, "to
 * guest" what it receives.
 */
#ifndef _NETBACK_H
#define _NETBACK_H

#include <linux/jump_label.h>
#include <linux/netdevice.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/xdp.h>

#include "../ring/channel.h"
#include "../ring/compat.h"
#include "../ring/device.h"
#include "../ring/map.h"
#include "../ring/ring.h"
#include "../ring/stats.h"
#include "packet.h"

/** NETBACK_BATCH - packets from the guest to one hypercall and publication */
#define NETBACK_BATCH		NAPI_POLL_WEIGHT

/** NETBACK_RING - slots of a ring: netif.h has one page for each */
#define NETBACK_RING		256

/** NETBACK_TX_QUEUE_LEN - packets that may wait for a guest, a queue */
#define NETBACK_TX_QUEUE_LEN	64

/** NETBACK_BURST_BYTES - to the guest to one publication, at least */
#define NETBACK_BURST_BYTES	SZ_128K

/** NETBACK_MAX_GREFS - what a queue keeps mapped: one list page's worth */
#define NETBACK_MAX_GREFS	512

/** NETBACK_MAX_SEGS - of one packet: 64 KiB in the smallest that TCP has, 88 */
#define NETBACK_MAX_SEGS	745

/** NETBACK_MAX_MCAST - multicast addresses that a guest may ask for */
#define NETBACK_MAX_MCAST	64

/** NETBACK_MAX_HASH_MAP - entries of the table from hash to queue */
#define NETBACK_MAX_HASH_MAP	128

/** NETBACK_HASH_KEY - bytes of the Toeplitz key */
#define NETBACK_HASH_KEY	40

/** NETBACK_HASH_PLACES - half bytes that it can hash */
#define NETBACK_HASH_PLACES	(2 * (NETBACK_HASH_KEY - 4))

enum {
	NETBACK_SG,
	NETBACK_GSO4,
	NETBACK_GSO6,
	NETBACK_CSUM6,
	NETBACK_RX_COPY,
	NETBACK_RX_FLIP,
	NETBACK_MCAST,
	NETBACK_DYN_MCAST,
	NETBACK_SPLIT,
	NETBACK_MAX_QUEUES,
	NETBACK_CTRL,
	NETBACK_XDP,
	NETBACK_FRONT_QUEUES,
	NETBACK_FRONT_RX_COPY,
	NETBACK_FRONT_RX_NOTIFY,
	NETBACK_FRONT_SG,
	NETBACK_FRONT_GSO4,
	NETBACK_FRONT_GSO6,
	NETBACK_FRONT_NO_CSUM4,
	NETBACK_FRONT_CSUM6,
	NETBACK_FRONT_MCAST,
	NETBACK_FRONT_XDP_HEADROOM,
	NETBACK_NR_FEATURES,
};

/**
 * struct netback_counters - of one direction of one queue, for good
 * @ring: the library's
 * @packets: packets passed on
 * @bytes: their bytes
 * @gso: how many of them were to be cut
 * @dropped: packets dropped for want of something
 * @bad: packets dropped because the guest built them badly
 * @stalls: to guest: times that the guest took nothing for too long
 * @xdp_drop: from guest: packets that a program did not want
 * @xdp_tx: from guest: packets that it has sent back
 * @xdp_redirect: from guest: packets that it has sent elsewhere
 * @xdp_unfit: from guest: packets that could not go there
 * @xdp_sent: to guest: frames that were redirected here
 */
struct netback_counters {
	struct pv_stats ring;
	u64 packets;
	u64 bytes;
	u64 gso;
	u64 dropped;
	u64 bad;
	u64 stalls;
	u64 xdp_drop;
	u64 xdp_tx;
	u64 xdp_redirect;
	u64 xdp_unfit;
	u64 xdp_sent;
};

/**
 * struct netback_entry - a packet from the guest until its response
 * @packet: what its slots say
 * @skb: where it goes; NULL if it is dropped
 * @status: XEN_NETIF_RSP_* that it is answered with
 * @failed: copies that Xen refused
 */
struct netback_entry {
	struct netback_packet packet;
	struct sk_buff *skb;
	s16 status;
	u32 failed;
};

/**
 * struct netback_bucket - what a guest may send now, by any of its queues
 * @lock: guards it; only taken where there is a limit
 * @left: bytes
 * @at: when there were more last, in ns
 */
struct netback_bucket {
	spinlock_t lock; /* @left, @at */
	u64 left;
	u64 at;
};

/**
 * struct netback_from - packets from the guest; belongs to the NAPI
 * @shared: the ring's page
 * @ring: our view of it
 * @channel: event channel: this ring's, or both rings'
 * @copy: grant copies of a batch
 * @frags: memory for what does not fit a packet's head
 * @batch: the packets of one poll
 * @nr: how many
 * @held: the next of @batch is complete and waits for credit
 * @redirected: a program has sent something elsewhere in this poll
 * @credit_timer: polls again when there is credit
 * @counters: counters
 */
struct netback_from {
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_channel channel;
	struct pv_copy_batch *copy;
	struct page_frag_cache frags;
	struct netback_entry batch[NETBACK_BATCH];
	unsigned int nr;
	bool held;
	bool redirected;
	struct timer_list credit_timer;
	struct netback_counters counters;
};

/**
 * struct netback_to - packets to the guest; under the transmit queue's lock
 * @shared: the ring's page
 * @ring: our view of it
 * @channel: event channel, if the frontend has split them
 * @kick: the channel that announces responses
 * @copy: grant copies of a burst
 * @rsp: responses that wait for them
 * @nr_rsp: how many
 * @skbs: packets that are being copied from
 * @failed: by packet of the burst: copies that Xen refused
 * @first_rsp: by packet of the burst: its first response
 * @nr_failed: length of both
 * @held_packets: packets that are not published yet
 * @held_bytes: their bytes
 * @wanted: slots that the queue waits for; 0 while it does not wait
 * @stalled: the guest takes nothing for too long: drop instead of waiting
 * @sheds: too much waits for it: drop until that is over
 * @dead: and for longer: it counts in struct netback.dead
 * @told: that it takes nothing has been said, once a connection
 * @deadline: when it becomes @stalled, then @dead; in jiffies
 * @stall_timer: finds that out
 * @counters: counters
 */
struct netback_to {
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_channel channel;
	struct pv_channel *kick;
	struct pv_copy_batch *copy;
	struct xen_netif_rx_response rsp[NETBACK_RING];
	unsigned int nr_rsp;
	struct sk_buff_head skbs;
	u32 failed[NETBACK_RING];
	u16 first_rsp[NETBACK_RING];
	unsigned int nr_failed;
	unsigned int held_packets;
	unsigned int held_bytes;
	u32 wanted;
	bool stalled;
	bool sheds;
	bool dead;
	bool told;
	unsigned long deadline;
	struct timer_list stall_timer;
	struct netback_counters counters;
};

/**
 * struct netback_queue - a pair of rings
 * @nb: the device
 * @index: which
 * @up: connected; changes under the transmit queue's lock with NAPI disabled
 * @napi: takes packets from the guest, and wakes the other direction
 * @poller: the CPU that polls and will look at @to, plus 1; or 0
 * @rxq: what programs are told of it, while there is one
 * @map: what the guest lets us keep mapped
 * @map_stats: its counters
 * @from: packets from the guest
 * @to: packets to the guest
 * @name: of its interrupts
 */
struct netback_queue {
	struct netback *nb;
	unsigned int index;
	bool up;
	struct napi_struct napi;
	unsigned int poller;
	struct xdp_rxq_info rxq;
	struct pv_map_table map;
	struct pv_stats map_stats;
	struct netback_from from;
	struct netback_to to;
	char name[PV_CHANNEL_NAME];
};

/**
 * struct netback_hash - how packets to the guest find their queue
 * @algorithm: XEN_NETIF_CTRL_HASH_ALGORITHM_*
 * @flags: XEN_NETIF_CTRL_HASH_TYPE_*
 * @key: Toeplitz key
 * @table: made of it, behind this structure
 * @size: entries of @map; 0: hash modulo queues
 * @map: queue by hash modulo @size
 */
struct netback_hash {
	u32 algorithm;
	u32 flags;
	u8 key[NETBACK_HASH_KEY];
	const u32 (*table)[16];
	u32 size;
	u32 map[NETBACK_MAX_HASH_MAP];
};

/**
 * struct netback_ctrl - the control ring
 * @shared: its page; none if the frontend has no control ring
 * @ring: our view of it
 * @channel: its event channel
 * @stats: counters
 * @copy: moves what requests point to
 * @page: a page of our own for that
 */
struct netback_ctrl {
	struct pv_shared shared;
	struct pv_ring ring;
	struct pv_channel channel;
	struct pv_stats stats;
	struct pv_copy_batch *copy;
	struct page *page;
};

/**
 * struct netback - one vif; the private part of its netdev
 * @pd: the device
 * @dev: the netdev vifDOMAIN.HANDLE
 * @up: connected; written under the hooks' lock
 * @nr_queues: queues in use
 * @max_queues: queues there are
 * @queue: they
 * @script: "script=" and the toolstack's script, for udev; NULL for none
 * @hotplug: watch on hotplug-status
 * @carrier: writes whether there is a link
 * @rate: watch on the limit of what the guest may send
 * @guest_features: what packets to the guest may ask of it
 * @most_slots: slots that the largest packet to the guest takes
 * @rx_notify: the guest says when it offers slots again
 * @dead: queues to the guest that keep the link down
 * @headroom: bytes to leave free in each page to the guest
 * @credit: bytes that the guest may send in @credit_ns; 0: any number
 * @credit_ns: see @credit
 * @bucket: what of that is left
 * @mcast_filter: pass only multicast that the guest asked for
 * @mcast: which, as numbers; 0 where there is none. Read as it is written
 * @nr_mcast: so far they go at most
 * @mcast_lock: among the queues' NAPI
 * @xdp: program that sees packets from the guest, or NULL
 * @hash: how packets find their queue; replaced as a whole, RCU
 * @ctrl: the control ring
 */
struct netback {
	struct pv_device *pd;
	struct net_device *dev;
	bool up;
	unsigned int nr_queues;
	unsigned int max_queues;
	struct netback_queue *queue;
	char *script;
	struct pv_watch hotplug;
	struct pv_watch rate;
	struct work_struct carrier;
	netdev_features_t guest_features;
	u32 most_slots;
	bool rx_notify;
	atomic_t dead;
	u16 headroom;
	u64 credit;
	u64 credit_ns;
	struct netback_bucket bucket;
	bool mcast_filter;
	u64 mcast[NETBACK_MAX_MCAST];
	unsigned int nr_mcast;
	spinlock_t mcast_lock; /* writers of @mcast */
	struct bpf_prog *xdp;
	struct netback_hash __rcu *hash;
	struct netback_ctrl ctrl;
};

extern unsigned int netback_drain_ms;
extern unsigned int netback_stall_ms;
extern unsigned int netback_fatal_slots;

/* vif.c */
struct net_device *netback_vif_create(struct pv_device *pd,
				      unsigned int max_queues);
void netback_vif_destroy(struct netback *nb);
void netback_vif_features(struct netback *nb);
bool netback_vif_mcast(struct netback *nb, const struct netback_packet *p);
bool netback_vif_wants(struct netback *nb, const u8 *addr);
void netback_vif_mcast_reset(struct netback *nb);

/* from_guest.c */
int netback_from_open(struct netback_queue *q);
void netback_from_leave(struct netback_queue *q);
void netback_from_close(struct netback_queue *q);
int netback_poll(struct napi_struct *napi, int budget);
bool netback_add_frags(struct netback_queue *q, struct sk_buff *skb,
		       unsigned int left);

/* to_guest.c */
int netback_to_open(struct netback_queue *q);
void netback_to_leave(struct netback_queue *q);
void netback_to_close(struct netback_queue *q);
netdev_tx_t netback_xmit(struct sk_buff *skb, struct net_device *dev);
void netback_to_count_slots(struct netback *nb);
bool netback_to_put(struct netback_queue *q, struct sk_buff *skb);
void netback_to_end(struct netback_queue *q, bool last);
bool netback_to_send_back(struct netback_queue *q, struct sk_buff *skb);
void netback_to_start(struct netback_queue *q);
void netback_to_poll(struct netback_queue *q, int budget);

/* ctrl.c */
int netback_ctrl_open(struct netback *nb);
void netback_ctrl_start(struct netback *nb);
void netback_ctrl_close(struct netback *nb);

/* hash.c */
int netback_hash_set(struct netback *nb, const struct netback_hash *h);
void netback_hash_reset(struct netback *nb);
void netback_toeplitz_table(u32 table[NETBACK_HASH_PLACES][16],
			    const u8 key[NETBACK_HASH_KEY]);
u32 netback_toeplitz(const u32 table[NETBACK_HASH_PLACES][16], const u8 *data,
		     unsigned int len);
u32 netback_hash_skb(const struct netback_hash *h, struct sk_buff *skb,
		     u8 *type);

/* xdp.c */
DECLARE_STATIC_KEY_FALSE(netback_xdp_used);
struct sk_buff *netback_xdp_skb(struct netback_queue *q, unsigned int len);
struct sk_buff *netback_xdp_run(struct netback_queue *q, struct bpf_prog *prog,
				struct sk_buff *skb);
void netback_xdp_flush(struct netback_queue *q);
int netback_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frame,
		     u32 flags);
int netback_bpf(struct net_device *dev, struct netdev_bpf *bpf);

/* ethtool.c */
extern const struct ethtool_ops netback_ethtool_ops;
#ifdef PV_QUEUE_STATS
extern const struct netdev_stat_ops netback_stat_ops;
#endif

/* main.c */
bool netback_park(struct netback_queue *q);
void netback_unpark(struct netback_queue *q);

#endif /* _NETBACK_H */
