/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a device, for both ends: one state machine each, over xenbus.
 *
 * A driver fills in a struct pv_driver and gives hooks. The library walks the
 * states of the public io/xenbus.h, reads and writes the keys of the driver's
 * feature table, and owns the hard cases: a peer that closes first or
 * vanishes, that comes back, suspend and resume, removal under load.
 *
 *   frontend                               backend
 *   Initialising                           Initialising
 *                                          offer()                 InitWait
 *   negotiate() publish()   Initialised
 *                                          connect()               Connected
 *   connect()               Connected
 *   change()                               (announces again)       Connected
 *   (writes again)          Reconfiguring  reconfigure()           Reconfigured
 *                           Connected                              Connected
 *   reconfigure()           Reconfiguring  (toolstack writes)      Reconfiguring
 *                                          reconfigure()           Reconfigured
 *   change()                Connected                              Connected
 *   disconnect()            Closed         disconnect()            Closed
 *
 * All hooks of a device but probe() run one at a time in a thread of its own, and
 * may sleep. xenwatch, which is one for all devices, only says what has changed.
 */
#ifndef _PV_DEVICE_H
#define _PV_DEVICE_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/ratelimit.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <xen/xenbus.h>

#include "features.h"
#include "ring.h"

struct dentry;
struct pv_device;
struct seq_file;

/**
 * enum pv_link - how far a device has come with its peer
 * @PV_LINK_DOWN: nothing is shared
 * @PV_LINK_OFFERED: frontend: rings are published, the backend has to connect
 * @PV_LINK_UP: connected
 */
enum pv_link {
	PV_LINK_DOWN,
	PV_LINK_OFFERED,
	PV_LINK_UP,
};

/**
 * enum pv_down - why disconnect() is called
 * @PV_DOWN_RETRY: the peer may come back: keep what is in flight, replay it
 *                 after the next connect()
 * @PV_DOWN_FINAL: the device goes away or is broken: end it with errors
 */
enum pv_down {
	PV_DOWN_RETRY,
	PV_DOWN_FINAL,
};

/**
 * enum pv_emulated - devices that an HVM guest has twice until it unplugs them
 * @PV_EMULATED_NONE: not these
 * @PV_EMULATED_DISKS: the frontend's are disks
 * @PV_EMULATED_NICS: network cards
 *
 * If they were not unplugged the frontend leaves its devices alone: each would
 * be a second way to the same disk or card.
 */
enum pv_emulated {
	PV_EMULATED_NONE,
	PV_EMULATED_DISKS,
	PV_EMULATED_NICS,
};

/**
 * struct pv_driver - one end of one class of device
 * @name: module's name
 * @type: device class in xenstore ("vbd")
 * @end: which end
 * @features: keys that the two ends exchange
 * @nr_features: how many, at most PV_FEATURES_MAX
 * @emulated: frontend: of what an HVM guest's emulator has the same devices
 * @probe: a new device: allocate @priv. Nothing is known of the peer
 * @remove: free @priv; disconnect() has been called
 * @offer: backend: set the early features (pv_feature_offer()). Toolstacks
 *         wait for InitWait before they give a device its backing. Called again
 *         later if memory was short
 * @negotiate: frontend: the backend's early features are read; make rings and
 *             channels
 * @publish: frontend: write what is not in the table (ring references) into
 *           a transaction
 * @connect: frontend: the backend's late features are read; start I/O.
 *           Backend: the frontend's features are read; map rings, start, and
 *           offer the late features; or -EAGAIN if the backing is not there
 *           yet: pv_device_poke() tries again. Both: -ENOMEM, -ENOSPC: disconnect()
 *           follows, and another try, later
 * @change: frontend: the backend has announced Connected again (new size), or
 *          has reconfigured itself. Both: see @peer_key
 * @restarted: frontend that is @direct: a new backend has connected to the
 *             rings as they are, after the old one left without a word (its
 *             driver was unbound); it knows of nothing but the rings and keys
 * @reconfigure: the peer says Reconfiguring. Backend: the frontend has written
 *               its early features again, and they have been read; the answer
 *               is Reconfigured. Frontend: give up what the backend takes away
 *               (LUNs); the answer is Reconfiguring. NULL if nothing may change
 * @settling: frontend: what reconfigure() or change() has begun still goes on.
 *            The answer waits for it, until pv_device_poke(). May be NULL
 * @settled: backend: the frontend is Connected: at first, or again after it has
 *           been reconfigured. May be NULL
 * @disconnect: stop and release everything shared. Called for everything that
 *              negotiate() or connect() began, also if these failed
 * @may_close: frontend: false if somebody uses the device; pv_device_poke()
 *             when the last user has gone. May be NULL
 * @suspend: frontend: the guest is about to be suspended. What has not ended
 *           when it goes on is done once more, by another host's backend, and
 *           this one may still be at it: wait for it, until @until (jiffies).
 *           Nobody tells if there is no suspend, after all. May be NULL
 * @show: add to the device's debugfs file
 * @dev_groups: sysfs attributes of the device
 * @peer_key: a key of the peer that may change while connected: change() is
 *            called then, and after each connect(). May be NULL
 * @resumable: backend: when its driver goes and the device stays (a reload), it
 *           has answered all that it took, says nothing, and the next one goes
 *           on with the rings as they are: the kernel's frontends notice
 *           nothing of it, and do not come back from Closed
 * @direct: frontend: it is Connected as soon as it has published (netif.h),
 *          without Initialised before. connect() waits for the backend
 * @lingers: backend without devices of its own: disconnect() waits for a disk,
 *           which may take for ever. When the toolstack has removed the
 *           device's nodes it goes without waiting, and leaves in its own time
 * @xb: the library's registration with xenbus
 * @notifier: hears of devices that are taken away
 */
struct pv_driver {
	const char *name;
	const char *type;
	enum pv_end end;
	const struct pv_feature *features;
	unsigned int nr_features;

	enum pv_emulated emulated;
	int (*probe)(struct pv_device *pd);
	void (*remove)(struct pv_device *pd);
	int (*offer)(struct pv_device *pd);
	int (*negotiate)(struct pv_device *pd);
	int (*publish)(struct pv_device *pd, struct xenbus_transaction xbt);
	int (*connect)(struct pv_device *pd);
	void (*change)(struct pv_device *pd);
	void (*restarted)(struct pv_device *pd);
	int (*reconfigure)(struct pv_device *pd);
	bool (*settling)(struct pv_device *pd);
	void (*settled)(struct pv_device *pd, bool reconfigured);
	void (*disconnect)(struct pv_device *pd, enum pv_down why);
	bool (*may_close)(struct pv_device *pd);
	void (*suspend)(struct pv_device *pd, unsigned long until);
	void (*show)(struct pv_device *pd, struct seq_file *m);
	const struct attribute_group **dev_groups;
	const char *peer_key;
	bool resumable;
	bool direct;
	bool lingers;

	struct xenbus_device_id ids[2];
	struct xenbus_driver xb;
	struct notifier_block notifier;
};

/**
 * struct pv_watch - a watch on a key
 * @watch: xenbus's part
 * @list: of the device's @watches
 * @pd: the device
 * @changed: called like a hook when the key may have changed
 * @fired: it may have
 */
struct pv_watch {
	struct xenbus_watch watch;
	struct list_head list;
	struct pv_device *pd;
	void (*changed)(struct pv_device *pd);
	bool fired;
};

/**
 * struct pv_device - one end of one device
 * @xb: the xenbus device
 * @drv: its driver
 * @priv: the driver's
 * @peer: the peer's directory: xenbus's own copy goes before the hooks do
 * @lock: serialises the hooks
 * @link: how far it has come; under @lock
 * @begun: probe() is over: hooks may run; under @lock
 * @offered: backend: offer() has succeeded; under @lock
 * @rebinds: frontend: the backend has started anew on a live link; under @lock
 * @failed: pv_device_fail() has been called: sticky until the peer reconnects
 * @closing: frontend: the toolstack wants the device back; under @lock
 * @gone: being removed: no hook but disconnect() and remove() any more
 * @retries: reconnects since @retry_since
 * @retry_since: in jiffies
 * @peer_watch: on the driver's @peer_key
 * @farewell: takes a device that has left to xenwatch, which unregisters it
 * @watches: those that are to end with it; under @watch_lock
 * @watch_lock: of the list
 * @owed: frontend: the state that answers a reconfiguring backend, or Unknown
 * @asked: what @work is to do: enum pv_ask
 * @later: and what it is to do when @again says so
 * @peer_state: what xenwatch saw last of the peer
 * @peer_began: and that it began anew since the hooks looked
 * @worker: the thread of the hooks
 * @work: runs the state machine there
 * @leave: the last thing that runs there
 * @lingering: nobody waits for @leave
 * @leaves: it has come to its end, which is not the toolstack's doing
 * @taken: xenbus takes it away, since its directory had gone
 * @reap: frees a device that nobody has waited for
 * @again: tries again what could not be had, or said
 * @wait: how long that waits, in jiffies; 0 if all was there
 * @waits: frontend: it could not get something, and will try again; under @lock
 * @unsaid: the state that could not be written yet, or Unknown; under @lock
 * @unsaid_with: and what goes with it
 * @counters: of queues there have been and are: an array by index, or NULL
 * @counters_stride: bytes of a queue's
 * @nr_counters: how many
 * @mapped: backend: what pv_shared_map() has mapped; under @lock
 * @complaints: how many have been made lately
 * @feature: agreed values, by index in the driver's table
 * @debugfs: the device's file
 */
struct pv_device {
	struct xenbus_device *xb;
	struct pv_driver *drv;
	void *priv;
	const char *peer;
	struct mutex lock; /* serialises the hooks */
	enum pv_link link;
	bool begun;
	bool offered;
	bool rebinds;
	bool failed;
	bool explained; /* the hook's own message is in xenstore */
	bool closing;
	bool gone;
	unsigned int retries;
	unsigned long retry_since;
	struct pv_watch peer_watch;
	struct pv_watch farewell;
	struct list_head watches;
	struct mutex watch_lock; /* of the list */
	enum xenbus_state owed;
	unsigned long asked, later;
	enum xenbus_state peer_state;
	bool peer_began;
	struct kthread_worker *worker;
	struct kthread_work work;
	struct kthread_work leave;
	bool lingering;
	bool leaves, taken;
	struct work_struct reap;
	struct delayed_work again;
	unsigned long wait;
	bool waits;
	enum xenbus_state unsaid;
	int (*unsaid_with)(struct pv_device *pd, struct xenbus_transaction xbt);
	void *counters;
	size_t counters_stride;
	unsigned int nr_counters;
	struct list_head mapped;
	struct ratelimit_state complaints;
	u64 feature[PV_FEATURES_MAX];
	struct dentry *debugfs;
};

int __pv_driver_register(struct pv_driver *drv, struct module *owner,
			 const char *mod_name, u32 abi);
#define pv_driver_register(drv) \
	__pv_driver_register(drv, THIS_MODULE, KBUILD_MODNAME, PV_RING_ABI)
void pv_driver_unregister(struct pv_driver *drv);

__printf(2, 3)
void pv_device_fail(struct pv_device *pd, const char *fmt, ...);
__printf(3, 4)
void pv_device_error(struct pv_device *pd, int err, const char *fmt, ...);

/**
 * pv_device_complain() - say what the peer has done, but not too often
 * @pd: the device; a noisy peer of one does not silence those of others
 */
#define pv_device_complain(pd, ...) do {				\
	struct pv_device *__pd = (pd);					\
									\
	if (__ratelimit(&__pd->complaints))				\
		dev_warn(&__pd->xb->dev, __VA_ARGS__);			\
} while (0)

void pv_device_poke(struct pv_device *pd);
void pv_device_run(struct pv_device *pd, void (*hook)(struct pv_device *pd));
void pv_device_await(struct pv_device *pd, struct completion *done,
		     const char *what);
void pv_device_announce(struct pv_device *pd);
void pv_device_change_again(struct pv_device *pd);
void pv_device_reconfigure(struct pv_device *pd);
void pv_device_restart(struct pv_device *pd);
struct pv_device *pv_device_of(struct device *dev);
int pv_device_alloc_counters(struct pv_device *pd, unsigned int nr, size_t stride);

/**
 * pv_device_counters() - what a queue counts
 * @pd: the device
 * @index: number of the queue
 *
 * Return: from pv_device_alloc_counters().
 */
static inline void *pv_device_counters(const struct pv_device *pd, unsigned int index)
{
	return pd->counters + index * pd->counters_stride;
}

/**
 * struct pv_counter_attr - a file in sysfs that sums a counter over all queues
 * @attr: the file
 * @offset: of the counter, in a queue's
 */
struct pv_counter_attr {
	struct device_attribute attr;
	size_t offset;
};

ssize_t pv_counter_show(struct device *dev, struct device_attribute *attr, char *buf);

/* An entry of a table of attributes: file _name, member _counter of struct _type */
#define PV_COUNTER(_name, _type, _counter)				\
	(&((struct pv_counter_attr []) { {				\
		.attr = __ATTR(_name, 0444, pv_counter_show, NULL),	\
		.offset = offsetof(struct _type, _counter),		\
	} })[0].attr.attr)
bool pv_has_emulator(void);

/* Keys outside the feature table. */
char *pv_device_read_own(struct pv_device *pd, const char *key);
char *pv_device_read_own_option(struct pv_device *pd, const char *key);
char *pv_device_read_peer_option(struct pv_device *pd, const char *key);
int pv_device_begin(struct xenbus_transaction *xbt);
int pv_device_end(struct xenbus_transaction xbt, int err);
char *pv_device_read_own_in(struct pv_device *pd, struct xenbus_transaction xbt,
			    const char *key);
char **pv_device_list_own_in(struct pv_device *pd, struct xenbus_transaction xbt,
			     const char *key, unsigned int *nr);
char *pv_device_read_peer(struct pv_device *pd, const char *key);
char **pv_device_list_own(struct pv_device *pd, const char *key,
			  unsigned int *nr);
char **pv_device_list_peer(struct pv_device *pd, const char *key,
			   unsigned int *nr);
int pv_device_peer_state(struct pv_device *pd);
bool pv_device_trusted(struct pv_device *pd, bool trusted);
__printf(4, 5)
int pv_device_write(struct pv_device *pd, struct xenbus_transaction xbt,
		    const char *key, const char *fmt, ...);

int pv_watch_own(struct pv_device *pd, struct pv_watch *w, const char *key,
		 void (*changed)(struct pv_device *pd));
void pv_watch_again(struct pv_watch *w);
void pv_watch_stop(struct pv_watch *w);

/** PV_QUEUE_DIR - room for the name that pv_queue_dir() writes */
#define PV_QUEUE_DIR	24

/**
 * struct pv_shared - the pages of one ring
 * @mem: where this end sees them; NULL if there are none
 * @nr_pages: how many
 * @gref: the frontend's references
 * @list: backend: of the device's @mapped
 * @queue: backend: from pv_queue_dir()
 * @key: backend: where the references stand
 * @multi: backend: a number follows @key
 */
struct pv_shared {
	void *mem;
	u32 nr_pages;
	grant_ref_t gref[PV_RING_MAX_PAGES];
	struct list_head list;
	char queue[PV_QUEUE_DIR];
	const char *key;
	bool multi;
};

void pv_queue_dir(char dir[PV_QUEUE_DIR], unsigned int nr, unsigned int i);
int pv_shared_create(struct pv_device *pd, struct pv_shared *shared,
		     u32 nr_pages);
void pv_shared_destroy(struct pv_shared *shared);
int pv_shared_publish(struct pv_device *pd, struct xenbus_transaction xbt,
		      const char *queue, const char *key, bool multi,
		      const struct pv_shared *shared);
int pv_shared_map(struct pv_device *pd, struct pv_shared *shared,
		  const char *queue, const char *key, bool multi, u32 nr_pages);
void pv_shared_unmap(struct pv_device *pd, struct pv_shared *shared);
int pv_device_write_port(struct pv_device *pd, struct xenbus_transaction xbt,
			 const char *queue, const char *key, u32 port);
int pv_device_read_port(struct pv_device *pd, const char *queue,
			const char *key, u32 *port);

#endif /* _PV_DEVICE_H */
