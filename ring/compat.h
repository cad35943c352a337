/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernel releases, and nothing else: the only place that
 * asks for a kernel's version.
 */
#ifndef _PV_COMPAT_H
#define _PV_COMPAT_H

#include <linux/kconfig.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 12, 0) > LINUX_VERSION_CODE
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif
/* (mac_pton() was in kernel.h.) */
#if KERNEL_VERSION(6, 4, 0) > LINUX_VERSION_CODE
#include <linux/kernel.h>
#else
#include <linux/hex.h>
#endif

/* ---- threads ---- */

#if KERNEL_VERSION(6, 14, 0) > LINUX_VERSION_CODE
/* Until then the one that only makes a worker started it, too. */
#define kthread_run_worker	kthread_create_worker
#endif

/* ---- timers ---- */

#include <linux/timer.h>

#if KERNEL_VERSION(6, 16, 0) > LINUX_VERSION_CODE
#define timer_container_of	from_timer
#endif

/* ---- block devices held open ---- */

#if IS_ENABLED(CONFIG_BLOCK)
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/sched/mm.h>

#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
/* 6.9 made a file of an open block device; before 6.5 a mode went with it. */
struct pv_bdev {
	struct block_device *bdev;
	fmode_t mode;
};

static inline int pv_bdev_open(struct pv_bdev *disk, dev_t dev, bool writable,
			       void *holder)
{
	fmode_t mode = FMODE_READ | (writable ? FMODE_WRITE : 0) |
		       (holder ? FMODE_EXCL : 0);
	struct block_device *bdev = blkdev_get_by_dev(dev, mode, holder);

	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	disk->bdev = bdev;
	disk->mode = mode;
	return 0;
}

static inline void pv_bdev_close(struct pv_bdev *disk)
{
	if (disk->bdev)
		blkdev_put(disk->bdev, disk->mode);
	disk->bdev = NULL;
}
#else
/**
 * struct pv_bdev - a block device held open
 * @bdev: the device, NULL if none is open
 * @file: what keeps it open
 */
struct pv_bdev {
	struct block_device *bdev;
	struct file *file;
};

/**
 * pv_bdev_open() - open a block device
 * @disk: result
 * @dev: which
 * @writable: for writing, too
 * @holder: claim it for this holder; NULL to share it with anybody
 *
 * Context: process, may sleep.
 * Return: 0 or a negative errno.
 */
static inline int pv_bdev_open(struct pv_bdev *disk, dev_t dev, bool writable,
			       void *holder)
{
	blk_mode_t mode = BLK_OPEN_READ | (writable ? BLK_OPEN_WRITE : 0);
	struct file *file = bdev_file_open_by_dev(dev, mode, holder, NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	disk->file = file;
	disk->bdev = file_bdev(file);
	return 0;
}

/**
 * pv_bdev_close() - close it
 * @disk: the device, or none
 *
 * Context: process, may sleep.
 */
static inline void pv_bdev_close(struct pv_bdev *disk)
{
	if (disk->bdev)
		bdev_fput(disk->file);
	disk->bdev = NULL;
}
#endif

/* ---- disks made ---- */

#if KERNEL_VERSION(6, 14, 0) > LINUX_VERSION_CODE
/* Since 6.14 this is what freezing does: memory must not wait for the queue. */
static inline unsigned int pv_blk_freeze(struct request_queue *q)
{
	blk_mq_freeze_queue(q);
	return memalloc_noio_save();
}

static inline void pv_blk_unfreeze(struct request_queue *q, unsigned int memflags)
{
	memalloc_noio_restore(memflags);
	blk_mq_unfreeze_queue(q);
}
#else
#define pv_blk_freeze	blk_mq_freeze_queue
#define pv_blk_unfreeze	blk_mq_unfreeze_queue
#endif

/* No scheduler unless somebody asks for one. (6.14 merges without being asked.) */
#if KERNEL_VERSION(6, 14, 0) > LINUX_VERSION_CODE
#define PV_MQ_FLAGS	(BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT)
#else
#define PV_MQ_FLAGS	BLK_MQ_F_NO_SCHED_BY_DEFAULT
#endif

/**
 * struct pv_blk_limits - a disk's limits, under names that stay
 * @logical_block_size: bytes
 * @physical_block_size: bytes
 * @max_sectors: 512-byte sectors a request
 * @max_segments: segments a request
 * @max_segment_size: bytes a segment
 * @seg_boundary: mask that a segment must not cross; 0 for none
 * @dma_alignment: mask of the data's alignment in memory
 * @max_discard_sectors: 0 if it cannot discard
 * @discard_granularity: bytes
 * @discard_alignment: bytes
 * @max_secure_erase_sectors: 0 if it cannot
 * @write_cache: writes need a flush to be durable
 */
struct pv_blk_limits {
	u32 logical_block_size;
	u32 physical_block_size;
	u32 max_sectors;
	u32 max_segments;
	u32 max_segment_size;
	u32 seg_boundary;
	u32 dma_alignment;
	u32 max_discard_sectors;
	u32 discard_granularity;
	u32 discard_alignment;
	u32 max_secure_erase_sectors;
	bool write_cache;
};

#if KERNEL_VERSION(6, 5, 0) > LINUX_VERSION_CODE
#define pv_blk_mode_t	fmode_t
#define PV_DISK_RELEASE(fn) \
	void fn(struct gendisk *disk, fmode_t mode)
#else
#define pv_blk_mode_t	blk_mode_t
#define PV_DISK_RELEASE(fn) \
	void fn(struct gendisk *disk)
#endif

/* block_device_operations.getgeo, and the disk that it is asked of */
#if KERNEL_VERSION(6, 18, 0) > LINUX_VERSION_CODE
#define PV_DISK_GETGEO(fn) \
	int fn(struct block_device *bdev, struct hd_geometry *geo)
#define PV_GETGEO_DISK	(bdev->bd_disk)
#else
#define PV_DISK_GETGEO(fn) \
	int fn(struct gendisk *disk, struct hd_geometry *geo)
#define PV_GETGEO_DISK	disk
#endif

#if KERNEL_VERSION(6, 6, 0) > LINUX_VERSION_CODE
#define pv_disk_media_changed(disk) \
	disk_force_media_change(disk, DISK_EVENT_MEDIA_CHANGE)
#else
#define pv_disk_media_changed(disk) \
	disk_force_media_change(disk)
#endif

#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
/* Limits are set one by one; 6.9 wants them at once, and may refuse them. */
static inline int pv_blk_set_limits(struct request_queue *q,
				    const struct pv_blk_limits *lim)
{
	blk_queue_logical_block_size(q, lim->logical_block_size);
	blk_queue_physical_block_size(q, lim->physical_block_size);
	blk_queue_max_hw_sectors(q, lim->max_sectors);
	blk_queue_max_segments(q, lim->max_segments);
	blk_queue_max_segment_size(q, lim->max_segment_size);
	blk_queue_segment_boundary(q, lim->seg_boundary ?:
				   BLK_SEG_BOUNDARY_MASK);
	blk_queue_dma_alignment(q, lim->dma_alignment);
	blk_queue_max_discard_sectors(q, lim->max_discard_sectors);
	q->limits.discard_granularity = lim->discard_granularity;
	q->limits.discard_alignment = lim->discard_alignment;
	blk_queue_max_secure_erase_sectors(q, lim->max_secure_erase_sectors);
	blk_queue_write_cache(q, lim->write_cache, false);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	return 0;
}

static inline struct gendisk *pv_blk_alloc_disk(struct blk_mq_tag_set *set,
						const struct pv_blk_limits *lim,
						void *queuedata)
{
	struct gendisk *disk = blk_mq_alloc_disk(set, queuedata);

	if (!IS_ERR(disk))
		pv_blk_set_limits(disk->queue, lim);
	return disk;
}
#else
static inline void pv_blk_fill_limits(struct queue_limits *to,
				      const struct pv_blk_limits *lim)
{
	to->logical_block_size = lim->logical_block_size;
	to->physical_block_size = lim->physical_block_size;
	to->max_hw_sectors = lim->max_sectors;
	to->max_segments = lim->max_segments;
	to->max_segment_size = lim->max_segment_size;
	to->seg_boundary_mask = lim->seg_boundary ?: BLK_SEG_BOUNDARY_MASK;
	to->dma_alignment = lim->dma_alignment;
	to->max_hw_discard_sectors = lim->max_discard_sectors;
	to->discard_granularity = lim->discard_granularity;
	to->discard_alignment = lim->discard_alignment;
	to->max_secure_erase_sectors = lim->max_secure_erase_sectors;
	to->features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_ROTATIONAL);
	if (lim->write_cache)
		to->features |= BLK_FEAT_WRITE_CACHE;
}

/**
 * pv_blk_set_limits() - give a disk in use new limits
 * @q: its queue
 * @lim: the limits
 *
 * Context: process, may sleep.
 * Return: 0 or a negative errno.
 */
static inline int pv_blk_set_limits(struct request_queue *q,
				    const struct pv_blk_limits *lim)
{
	struct queue_limits to = queue_limits_start_update(q);

	pv_blk_fill_limits(&to, lim);
	return queue_limits_commit_update(q, &to);
}

/**
 * pv_blk_alloc_disk() - make a disk with its queue
 * @set: its tags
 * @lim: its limits
 * @queuedata: the driver's
 *
 * Return: the disk or an ERR_PTR().
 */
static inline struct gendisk *pv_blk_alloc_disk(struct blk_mq_tag_set *set,
						const struct pv_blk_limits *lim,
						void *queuedata)
{
	struct queue_limits to = { };

	pv_blk_fill_limits(&to, lim);
	return blk_mq_alloc_disk(set, &to, queuedata);
}
#endif
#endif /* CONFIG_BLOCK */

/* ---- network devices ---- */

#if IS_ENABLED(CONFIG_NET)
#include <linux/ethtool.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/netdevice.h>

#if KERNEL_VERSION(6, 6, 0) > LINUX_VERSION_CODE
#include <net/page_pool.h>
#else
#include <net/page_pool/helpers.h>
#endif

/**
 * pv_frag_cache_drain() - let go of what page_frag_alloc() keeps
 * @nc: the cache
 */
static inline void pv_frag_cache_drain(struct page_frag_cache *nc)
{
#if KERNEL_VERSION(6, 10, 0) > LINUX_VERSION_CODE
	if (!nc->va)
		return;
	__page_frag_cache_drain(virt_to_head_page(nc->va), nc->pagecnt_bias);
	nc->va = NULL;
#else
	page_frag_cache_drain(nc);
#endif
}

/**
 * pv_page_pool_create() - a receive queue's pages
 * @order: pages are of this order
 * @size: how many wait to be used again
 * @nid: where they lie
 * @split: page_pool_dev_alloc_frag() is going to be used
 * @napi: who takes them, and takes them back without a lock (6.4), and whose
 *        interface they are shown at (6.8)
 *
 * Return: the pool or an ERR_PTR().
 */
static inline struct page_pool *
pv_page_pool_create(unsigned int order, unsigned int size, int nid, bool split,
		    struct napi_struct *napi)
{
	struct page_pool_params params = {
		.order = order,
		.pool_size = size,
		.nid = nid,
	};

#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
	if (split)
		params.flags |= PP_FLAG_PAGE_FRAG;
#endif
#if KERNEL_VERSION(6, 4, 0) <= LINUX_VERSION_CODE
	params.napi = napi;
#endif
#if KERNEL_VERSION(6, 8, 0) <= LINUX_VERSION_CODE
	params.netdev = napi->dev;
#endif
	return page_pool_create(&params);
}

/* What there is to read of queues over netlink. */
#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
#define pv_napi_link(napi, queue)	do { } while (0)
#define pv_napi_set_irq(napi, irq)	do { } while (0)
#else
/**
 * pv_napi_link() - say which NAPI serves a queue, both ways
 * @napi: it, added to its interface
 * @queue: the queue
 *
 * Context: process; under rtnl once the interface is registered.
 */
static inline void pv_napi_link(struct napi_struct *napi, unsigned int queue)
{
	netif_queue_set_napi(napi->dev, queue, NETDEV_QUEUE_TYPE_RX, napi);
	netif_queue_set_napi(napi->dev, queue, NETDEV_QUEUE_TYPE_TX, napi);
}

/** pv_napi_set_irq() - say which interrupt wakes a NAPI; -1: none */
#define pv_napi_set_irq			netif_napi_set_irq
#endif

/* Since 6.10, what sums them up a little later. */
#if KERNEL_VERSION(6, 12, 0) > LINUX_VERSION_CODE
#define pv_set_queue_stats(dev, ops)	do { } while (0)
#else
#include <net/netdev_queues.h>
#define PV_QUEUE_STATS
/** pv_set_queue_stats() - an interface's statistics by queue */
#define pv_set_queue_stats(dev, ops)	((dev)->stat_ops = (ops))
#endif

#if KERNEL_VERSION(6, 5, 0) > LINUX_VERSION_CODE
#define pv_frag_fill(frag, page, offset, len) do {	\
	skb_frag_t *__frag = (frag);			\
							\
	__skb_frag_set_page(__frag, page);		\
	skb_frag_off_set(__frag, offset);		\
	skb_frag_size_set(__frag, len);			\
} while (0)
#else
/** pv_frag_fill() - let a fragment be part of a page */
#define pv_frag_fill(frag, page, offset, len) \
	skb_frag_fill_page_desc(frag, page, offset, len)
#endif

/**
 * pv_set_tso_max_size() - the largest packet that a device takes in one piece
 * @dev: the device
 * @size: bytes
 *
 * netif_set_tso_max_size() lowers what is in use, and does not raise it again.
 *
 * Context: process, rtnl held.
 */
static inline void pv_set_tso_max_size(struct net_device *dev, unsigned int size)
{
	unsigned int was = dev->tso_max_size;

	netif_set_tso_max_size(dev, size);
	if (READ_ONCE(dev->gso_max_size) == was)
		WRITE_ONCE(dev->gso_max_size, size);
#if KERNEL_VERSION(6, 3, 0) <= LINUX_VERSION_CODE
	if (READ_ONCE(dev->gso_ipv4_max_size) == was)
		WRITE_ONCE(dev->gso_ipv4_max_size, size);
#endif
}

#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
#define pv_xdp_generic(prog, pskb)	do_xdp_generic(prog, *(pskb))
#else
/** pv_xdp_generic() - run an XDP program on a packet that is an skb already */
#define pv_xdp_generic(prog, pskb)	do_xdp_generic(prog, pskb)
#endif

#include <linux/hrtimer.h>

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#if KERNEL_VERSION(6, 18, 0) > LINUX_VERSION_CODE
#define pv_xdp_update_skb(skb, xdp, nr, size, truesize)			\
	xdp_update_skb_shared_info(skb, nr, size, truesize,		\
				   xdp_buff_is_frag_pfmemalloc(xdp))
#define pv_xdp_frags_truesize(info, size)	do { } while (0)
#else
/** pv_xdp_frags_truesize() - memory that a frame's fragments take */
#define pv_xdp_frags_truesize(info, size)	((info)->xdp_frags_truesize = (size))
/** pv_xdp_update_skb() - tell an skb of the fragments that its buffer had */
#define pv_xdp_update_skb(skb, xdp, nr, size, truesize)			\
	xdp_update_skb_frags_info(skb, nr, size, truesize,		\
				  xdp_buff_get_skb_flags(xdp))
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
#define pv_xdp_announce(dev)		do { } while (0)
#else
/** pv_xdp_announce() - say that a device does all of XDP, fragments included */
#define pv_xdp_announce(dev)						\
	((dev)->xdp_features = NETDEV_XDP_ACT_BASIC |			\
			       NETDEV_XDP_ACT_REDIRECT |		\
			       NETDEV_XDP_ACT_NDO_XMIT |		\
			       NETDEV_XDP_ACT_RX_SG |			\
			       NETDEV_XDP_ACT_NDO_XMIT_SG)
#endif

/**
 * struct pv_rxfh - how received packets are hashed and spread
 * @indir: table of queues, or NULL
 * @key: hash key, or NULL
 * @hfunc: ETH_RSS_HASH_*
 */
struct pv_rxfh {
	u32 *indir;
	u8 *key;
	u8 *hfunc;
};

/*
 * The arguments of ethtool_ops.get_rxfh and set_rxfh, and a struct pv_rxfh's
 * initialiser out of them.
 */
#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
#define PV_GET_RXFH(fn) \
	int fn(struct net_device *dev, u32 *indir, u8 *key, u8 *hfunc)
#define PV_SET_RXFH(fn) \
	int fn(struct net_device *dev, const u32 *indir, const u8 *key, \
	       const u8 hfunc)
#define PV_GET_RXFH_ARGS { .indir = indir, .key = key, .hfunc = hfunc }
#define PV_SET_RXFH_ARGS \
	{ .indir = (u32 *)indir, .key = (u8 *)key, .hfunc = (u8 *)&hfunc }
#else
#define PV_GET_RXFH(fn) \
	int fn(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
#define PV_SET_RXFH(fn) \
	int fn(struct net_device *dev, struct ethtool_rxfh_param *rxfh, \
	       struct netlink_ext_ack *extack)
#define PV_GET_RXFH_ARGS \
	{ .indir = rxfh->indir, .key = rxfh->key, .hfunc = &rxfh->hfunc }
#define PV_SET_RXFH_ARGS PV_GET_RXFH_ARGS
#endif

/*
 * What a kind of packets is hashed by: until 6.17 one of the commands of
 * ethtool_ops.get_rxnfc and set_rxnfc, then functions of their own.
 */
#if KERNEL_VERSION(6, 17, 0) > LINUX_VERSION_CODE
#define pv_rxfh_fields	ethtool_rxnfc
#define PV_RXFH_FIELDS_OPS(get, set)
#else
#define pv_rxfh_fields	ethtool_rxfh_fields
#define PV_RXFH_FIELDS_OPS(get, set) \
	.get_rxfh_fields = get, .set_rxfh_fields = set,
#endif
#endif /* CONFIG_NET */

/* ---- SCSI ---- */

#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
#define PV_QC_STATUS	int
/* Parameters of a rq_end_io_fn. */
#define PV_END_IO_PARAMS	struct request *rq, blk_status_t status
#else
#define PV_QC_STATUS	enum scsi_qc_status
#define PV_END_IO_PARAMS \
	struct request *rq, blk_status_t status, const struct io_comp_batch *iob
#endif

/* What scsi_host_template.eh_timed_out returns. */
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
#define PV_TIMEOUT_ACTION	enum blk_eh_timer_return
#define PV_TIMEOUT_WAIT		BLK_EH_RESET_TIMER
#define PV_TIMEOUT_ABORT	BLK_EH_DONE
#else
#define PV_TIMEOUT_ACTION	enum scsi_timeout_action
#define PV_TIMEOUT_WAIT		SCSI_EH_RESET_TIMER
#define PV_TIMEOUT_ABORT	SCSI_EH_NOT_HANDLED
#endif

/* ---- xenbus ---- */

/**
 * pv_has_vanished() - has xenbus seen that the directory is another device's?
 * @xb: the device
 *
 * Return: true if it takes this one away.
 */
#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
#define pv_has_vanished(xb)	false
#else
#define pv_has_vanished(xb)	((xb)->vanished)
#endif

/* ---- LIO ---- */

/* Members of struct target_core_fabric_ops: commands may start where we are. */
#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
#define PV_TARGET_SUBMIT
#else
#define PV_TARGET_SUBMIT \
	.default_submit_type = TARGET_DIRECT_SUBMIT, .direct_submit_supp = 1,
#endif

/* And end where the device says so: release_cmd only wakes a thread. */
#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
#define PV_TARGET_COMPL
#else
#define PV_TARGET_COMPL \
	.default_compl_type = TARGET_DIRECT_COMPL, .direct_compl_supp = 1,
#endif

#endif /* _PV_COMPAT_H */
