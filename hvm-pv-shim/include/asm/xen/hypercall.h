/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's header issues hypercalls through a static call of its own Xen
 * support. Here they are functions of the shim. (The guard is the one of the
 * kernel's header, which must not come after this one.)
 */
#ifndef _ASM_X86_XEN_HYPERCALL_H
#define _ASM_X86_XEN_HYPERCALL_H

#include <linux/types.h>
#include <xen/interface/xen.h>
#include <xen/interface/sched.h>
#include <xen/interface/physdev.h>

int HYPERVISOR_event_channel_op(int cmd, void *arg);
int HYPERVISOR_grant_table_op(unsigned int cmd, void *arg, unsigned int count);
long HYPERVISOR_memory_op(unsigned int cmd, void *arg);
int HYPERVISOR_sched_op(int cmd, void *arg);
int HYPERVISOR_xen_version(int cmd, void *arg);
unsigned long HYPERVISOR_hvm_op(int op, void *arg);

#endif
