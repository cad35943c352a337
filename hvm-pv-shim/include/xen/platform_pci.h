/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In a kernel without Xen support this header says that there are no PV
 * devices. With the shim there are: let the kernel's header declare the
 * functions, which are the shim's.
 */
#ifndef _HVM_PV_SHIM_XEN_PLATFORM_PCI_H
#define _HVM_PV_SHIM_XEN_PLATFORM_PCI_H

#ifdef CONFIG_XEN_PVHVM
#include_next <xen/platform_pci.h>
#else
#define CONFIG_XEN_PVHVM 1
#include_next <xen/platform_pci.h>
#undef CONFIG_XEN_PVHVM
#endif

#endif
