/* SPDX-License-Identifier: GPL-2.0 */
/* What the library's own files share. */
#ifndef _PV_INTERNAL_H
#define _PV_INTERNAL_H

#include "device.h"

struct dentry;

/* The folder "pvsplit" in debugfs. */
extern struct dentry *pv_debugfs;

/* What a device's thread can be asked to do. Asked twice it is done once. */
enum pv_ask {
	PV_ASK_BEGIN,		/* it has just been probed */
	PV_ASK_PEER,		/* the peer has written its state */
	PV_ASK_WATCH,		/* a watch has fired */
	PV_ASK_CHANGE,		/* what change() could not read may be readable */
	PV_ASK_LOOK,		/* what a hook waited for may be there */
	PV_ASK_AGAIN,		/* what could not be had, or said */
	PV_ASK_RESTART,		/* frontend */
	PV_ASK_RECONFIGURE,	/* frontend */
	PV_ASK_ANNOUNCE,	/* backend */
};

/* device.c: any context */
void pv_device_ask(struct pv_device *pd, enum pv_ask what);
/* In the thread: what must wait is asked for once more. */
bool pv_device_is_asked(struct pv_device *pd, enum pv_ask what);
void pv_device_ask_soon(struct pv_device *pd, enum pv_ask what);
void pv_device_ask_later(struct pv_device *pd, enum pv_ask what);
bool pv_device_is_short(int err);

int pv_device_init(void);
void pv_device_exit(void);

/* device.c: around hooks */
unsigned int pv_device_enter(struct pv_device *pd) __acquires(&pd->lock);
void pv_device_leave(struct pv_device *pd, unsigned int flags)
	__releases(&pd->lock);

/* state.c. The lock of the device is held. */
int pv_device_say(struct pv_device *pd, enum xenbus_state state,
		  int (*with)(struct pv_device *pd, struct xenbus_transaction xbt));
int pv_device_switch_with(struct pv_device *pd, enum xenbus_state state,
			  int (*with)(struct pv_device *pd, struct xenbus_transaction xbt));
void pv_device_switch(struct pv_device *pd, enum xenbus_state state);
int pv_device_early(struct pv_device *pd, struct xenbus_transaction xbt);
int pv_device_late(struct pv_device *pd, struct xenbus_transaction xbt);

/* device.c: both ends. The lock of the device is held. */
void pv_device_down(struct pv_device *pd, enum pv_down why);
void pv_device_give_up(struct pv_device *pd);
bool pv_device_may_retry(struct pv_device *pd);
bool pv_device_is_former(struct pv_device *pd);
void pv_device_blame(struct pv_device *pd, int err, const char *what);

/* front.c, back.c: the state machines. The lock of the device is held. */
bool pv_front_peer(struct pv_device *pd, enum xenbus_state state, bool began);
void pv_front_work(struct pv_device *pd);
bool pv_back_peer(struct pv_device *pd, enum xenbus_state state);
void pv_back_work(struct pv_device *pd);
void pv_back_offer(struct pv_device *pd);

/* keys.c */
#define PV_KEY_PATH	48
int pv_read_number(struct xenbus_transaction xbt, const char *dir, const char *key);
int pv_read_state(struct xenbus_device *xb, const char *dir);
bool pv_is_online(const char *dir);
int pv_device_transact(struct pv_device *pd,
		       int (*what)(struct pv_device *pd, struct xenbus_transaction xbt));
int pv_device_take_back(struct pv_device *pd, struct xenbus_transaction xbt);
void pv_watch_peer(struct pv_device *pd);
void pv_peer_key_changed(struct pv_device *pd);
int pv_watch_start(struct pv_device *pd, struct pv_watch *w, const char *dir,
		   const char *key,
		   void (*fired)(struct xenbus_watch *watch, const char *path,
				 const char *token));
void pv_watches_look(struct pv_device *pd);
void pv_watches_stop(struct pv_device *pd);
int pv_key_u32(struct pv_device *pd, const char *path, u32 *value);

/* shared.c */
int pv_shared_all_current(struct pv_device *pd);

/* grant.c */
unsigned int pv_grant_too_many_kept(domid_t domid);
void pv_grant_exit(void);

#endif /* _PV_INTERNAL_H */
