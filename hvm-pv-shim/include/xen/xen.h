/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In a kernel without Xen support this header says that there is never a Xen.
 * With the shim there may be one: let the kernel's header declare the variable.
 */
#ifndef _HVM_PV_SHIM_XEN_XEN_H
#define _HVM_PV_SHIM_XEN_XEN_H

#ifdef CONFIG_XEN
#include_next <xen/xen.h>
#else
#define CONFIG_XEN 1
#include_next <xen/xen.h>
#undef CONFIG_XEN
#endif

#endif
