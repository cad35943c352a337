/* SPDX-License-Identifier: GPL-2.0 */
/* What the library's own files share. */
#ifndef _PV_INTERNAL_H
#define _PV_INTERNAL_H

#include "device.h"

struct dentry;

/* The folder "pvsplit" in debugfs. */
extern struct dentry *pv_debugfs;

/* device.c: around hooks */
unsigned int pv_device_enter(struct pv_device *pd) __acquires(&pd->lock);
void pv_device_leave(struct pv_device *pd, unsigned int flags)
	__releases(&pd->lock);

/* device.c: both ends. The lock of the device is held. */
void pv_device_switch(struct pv_device *pd, enum xenbus_state state);
void pv_device_down(struct pv_device *pd, enum pv_down why);
void pv_device_give_up(struct pv_device *pd);
bool pv_device_may_retry(struct pv_device *pd);
void pv_device_blame(struct pv_device *pd, int err, const char *what);

/* front.c, back.c: the state machines. The lock of the device is held. */
void pv_front_peer(struct pv_device *pd, enum xenbus_state state);
void pv_front_work(struct pv_device *pd);
void pv_front_again(struct pv_device *pd);
bool pv_back_peer(struct pv_device *pd, enum xenbus_state state);
void pv_back_work(struct pv_device *pd);
void pv_back_offer(struct pv_device *pd);

/* keys.c */
#define PV_KEY_PATH	48
void pv_watch_peer(struct pv_device *pd);
int pv_key_u32(struct pv_device *pd, const char *path, u32 *value);

/* shared.c */
bool pv_shared_all_current(struct pv_device *pd);

/* grant.c */
unsigned int pv_grant_too_many_kept(domid_t domid);
void pv_grant_exit(void);

#endif /* _PV_INTERNAL_H */
