// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls: one instruction, chosen by the processor's vendor. There is no
 * page of code that Xen would fill in.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <asm/processor.h>
#include <asm/xen/hypercall.h>
#include <xen/interface/hvm/hvm_op.h>
#include <xen/interface/hvm/params.h>
#include <xen/interface/version.h>

#include "hypercall.h"

/* Xen reads up to three arguments here, and may destroy those registers. */
#define HYPERCALL(insn, nr, a1, a2, a3) ({				\
	unsigned long __1 = (unsigned long)(a1);			\
	unsigned long __2 = (unsigned long)(a2);			\
	unsigned long __3 = (unsigned long)(a3);			\
	long __ret;							\
									\
	asm volatile(insn						\
		     : "=a" (__ret), "+D" (__1), "+S" (__2), "+d" (__3)	\
		     : "0" ((long)(nr))					\
		     : "memory");					\
	__ret;								\
})

#define HYPERCALLS(insn)						\
static long shim_##insn##_version(int cmd, void *arg)			\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_xen_version, cmd, arg, 0);	\
}									\
									\
static long shim_##insn##_memory(unsigned int cmd, void *arg)		\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_memory_op, cmd, arg, 0);	\
}									\
									\
static long shim_##insn##_event(int cmd, void *arg)			\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_event_channel_op, cmd,	\
			 arg, 0);					\
}									\
									\
static long shim_##insn##_grant(unsigned int cmd, void *arg,		\
				unsigned int count)			\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_grant_table_op, cmd,	\
			 arg, count);					\
}									\
									\
static long shim_##insn##_sched(int cmd, void *arg)			\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_sched_op, cmd, arg, 0);	\
}									\
									\
static long shim_##insn##_hvm(int cmd, void *arg)			\
{									\
	return HYPERCALL(#insn, __HYPERVISOR_hvm_op, cmd, arg, 0);	\
}									\
									\
static const struct hypercalls insn##_table = {				\
	.version = shim_##insn##_version,				\
	.memory = shim_##insn##_memory,					\
	.event = shim_##insn##_event,					\
	.grant = shim_##insn##_grant,					\
	.sched = shim_##insn##_sched,					\
	.hvm = shim_##insn##_hvm,					\
}

HYPERCALLS(vmcall);
HYPERCALLS(vmmcall);

const struct hypercalls *hypercalls;

/* Choose the instruction and try it. */
int hypercall_init(void)
{
	long version;

	switch (boot_cpu_data.x86_vendor) {
	case X86_VENDOR_AMD:
	case X86_VENDOR_HYGON:
		hypercalls = &vmmcall_table;
		break;
	default:
		hypercalls = &vmcall_table;
	}
	version = hypercalls->version(XENVER_version, NULL);
	if (version < 0)
		return version;
	pr_info("Xen %ld.%ld\n", version >> 16, version & 0xffff);
	return 0;
}

int hvm_param_get(unsigned int index, u64 *value)
{
	struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index };
	long err = hypercalls->hvm(HVMOP_get_param, &param);

	if (!err)
		*value = param.value;
	return err;
}

int hvm_param_set(unsigned int index, u64 value)
{
	struct xen_hvm_param param = {
		.domid = DOMID_SELF,
		.index = index,
		.value = value,
	};

	return hypercalls->hvm(HVMOP_set_param, &param);
}

/*
 * Under the names that the kernel's headers use.
 */

int HYPERVISOR_event_channel_op(int cmd, void *arg)
{
	return hypercalls->event(cmd, arg);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_event_channel_op);

int HYPERVISOR_grant_table_op(unsigned int cmd, void *arg, unsigned int count)
{
	return hypercalls->grant(cmd, arg, count);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_grant_table_op);

long HYPERVISOR_memory_op(unsigned int cmd, void *arg)
{
	return hypercalls->memory(cmd, arg);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_memory_op);

int HYPERVISOR_sched_op(int cmd, void *arg)
{
	return hypercalls->sched(cmd, arg);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_sched_op);

int HYPERVISOR_xen_version(int cmd, void *arg)
{
	return hypercalls->version(cmd, arg);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_xen_version);

unsigned long HYPERVISOR_hvm_op(int op, void *arg)
{
	return hypercalls->hvm(op, arg);
}
EXPORT_SYMBOL_GPL(HYPERVISOR_hvm_op);
