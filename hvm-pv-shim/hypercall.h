/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_HYPERCALL_H
#define _SHIM_HYPERCALL_H

/**
 * struct hypercalls - the way to Xen: every hypercall of the shim goes here
 * @version: facts about Xen
 * @memory: the guest's physical memory map
 * @event: event channels
 * @grant: grant tables; with a count of operations
 * @sched: shutdown and suspend
 * @hvm: parameters of a fully virtualized guest
 *
 * All return 0 or a positive result, or Xen's negative errno, which is
 * Linux's.
 */
struct hypercalls {
	long (*version)(int cmd, void *arg);
	long (*memory)(unsigned int cmd, void *arg);
	long (*event)(int cmd, void *arg);
	long (*grant)(unsigned int cmd, void *arg, unsigned int count);
	long (*sched)(int cmd, void *arg);
	long (*hvm)(int cmd, void *arg);
};

extern const struct hypercalls *hypercalls;

int hypercall_init(void);
int hvm_param_get(unsigned int index, u64 *value);
int hvm_param_set(unsigned int index, u64 value);

#endif
