/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the shim know of each other.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>

#include "hypercall.h"

/* Who the guest's emulated devices are left to. */
enum unplug {
	UNPLUG_NEVER = 0,
	UNPLUG_DISKS = 1,
	UNPLUG_NICS = 2,
	UNPLUG_ALL = UNPLUG_DISKS | UNPLUG_NICS,
};

/* main.c: the platform device, and pages of Xen's in this guest's memory */
extern struct pci_dev *platform;
extern struct shared_info *shared_info;
extern u32 xen_cpuid;
int platform_map(unsigned int space, unsigned long index, void *at);
bool platform_unmap(void *at, unsigned int pages);
int platform_resume(void);

/* unplug.c */
int unplug_check(enum unplug wanted);
int unplug_init(enum unplug wanted);
void unplug_again(void);
bool unplug_hides(const char *type, const char *node);

/* evtchn.c */
int evtchn_init(bool vectors, bool fifo);
void evtchn_exit(void);
void evtchn_shutdown(void);
bool evtchn_line_lost(void);
int evtchn_bind_kept(evtchn_port_t nr, irq_handler_t handler, const char *name,
		     void *arg);
void evtchn_unbind_kept(unsigned int irq, void *arg);
int evtchn_rebind_kept(unsigned int irq, evtchn_port_t nr);
int evtchn_resume(void);

/* evtchn.c and the two layouts of pending events */
struct evtchn_layout {
	const char *name;
	unsigned int nr_ports;
	int (*setup)(evtchn_port_t nr);
	void (*bind)(evtchn_port_t nr, int from, int to);
	bool (*pending)(evtchn_port_t nr);
	void (*clear)(evtchn_port_t nr);
	void (*mask)(evtchn_port_t nr);
	void (*unmask)(evtchn_port_t nr);
	void (*scan)(unsigned int vcpu);
};

extern const struct evtchn_layout evtchn_2level, evtchn_fifo;
void evtchn_deliver(evtchn_port_t nr);
int evtchn_2level_init(void);
void evtchn_2level_mask_all(void);
int evtchn_fifo_init(void);
int evtchn_fifo_vcpu(unsigned int vcpu);
bool evtchn_fifo_ready(unsigned int vcpu);
int evtchn_fifo_resume(void);

#define SHIM_VCPUS	32	/* as many as have their place in shared_info */

/* gnttab.c */
int grants_init(void);
void grants_exit(void);
void grants_shutdown(void);
void grants_reclaim(void);
int grants_resume(void);

/* xenstore.c */
int xenstore_init(void);
void xenstore_exit(void);
int xenstore_resume_ring(void);

/* xenbus.c */
int xenbus_buses_init(void);
void xenbus_buses_exit(void);
void xenbus_buses_scan(void);
void xenbus_buses_suspend(void);
void xenbus_buses_resume(bool cancelled);

/* suspend.c */
int suspend_init(void);
void suspend_exit(void);

/* end.c */
void end_init(void);
void end_exit(void);
void end_soft_reset(void);

#endif
