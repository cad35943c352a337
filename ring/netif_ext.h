/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Xen's public io/netif.h defines and the kernel's copy does not have:
 * messages of the control ring by which a frontend lets a queue's pages stay
 * mapped ("staging grants").
 */
#ifndef _PV_NETIF_EXT_H
#define _PV_NETIF_EXT_H

#include <linux/types.h>

/*
 * data[0] of each is the queue's index. The reply's data: for the size, how
 * many references a queue may keep mapped (0: none); for DEL, how many were
 * unmapped.
 */
enum {
	PV_NETIF_GET_GREF_MAPPING_SIZE = 8,
	/* data[1]: reference of a page with the list, data[2]: its length */
	PV_NETIF_ADD_GREF_MAPPING = 9,
	PV_NETIF_DEL_GREF_MAPPING = 10,
};

/**
 * struct pv_netif_gref - an entry of the list
 * @ref: the reference
 * @flags: PV_NETIF_GREF_*
 * @status: DEL: what became of it: 0, or a status of the control ring
 */
struct pv_netif_gref {
	u32 ref;
	u16 flags;
	u16 status;
};

/** PV_NETIF_GREF_READONLY - it grants reading only */
#define PV_NETIF_GREF_READONLY	1

#endif /* _PV_NETIF_EXT_H */
