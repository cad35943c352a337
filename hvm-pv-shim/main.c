// SPDX-License-Identifier: GPL-2.0
/*
 * Services of Xen for an HVM guest whose kernel has no Xen support: finds the
 * platform device and starts the parts in their order.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>
#include <xen/features.h>
#include <xen/interface/hvm/params.h>
#include <xen/interface/memory.h>
#include <xen/interface/version.h>
#include <xen/xen.h>

#include "shim.h"

static char *unplug = "all";
module_param(unplug, charp, 0444);
MODULE_PARM_DESC(unplug, "Emulated devices to take away: all, disks, nics, never (all)");

static bool vectors = true;
module_param(vectors, bool, 0444);
MODULE_PARM_DESC(vectors, "Let events interrupt each CPU by itself if Xen can (Y)");

static bool fifo;
module_param(fifo, bool, 0444);
MODULE_PARM_DESC(fifo, "FIFO event channels; the module then stays until reboot (N)");

enum xen_domain_type xen_domain_type = XEN_NATIVE;
EXPORT_SYMBOL_GPL(xen_domain_type);

u32 xen_start_flags;
EXPORT_SYMBOL_GPL(xen_start_flags);

u8 xen_features[XENFEAT_NR_SUBMAPS * 32];
EXPORT_SYMBOL_GPL(xen_features);

struct pci_dev *platform;
struct shared_info *shared_info;
u32 xen_cpuid;
static bool tried;
static int start_error;
static bool unloading;
/* The platform device was taken away below the services. */
static bool device_lost;

/*
 * Let one of Xen's own pages appear in place of one of vmalloc()'s, whose memory
 * Xen takes. Memory is cached; the platform device's own, made for this, is not
 * on a processor that goes by the MTRRs.
 */
int platform_map(unsigned int space, unsigned long index, void *at)
{
	struct xen_add_to_physmap where = {
		.domid = DOMID_SELF,
		.space = space,
		.idx = index,
		.gpfn = vmalloc_to_pfn(at),
	};

	return hypercalls->memory(XENMEM_add_to_physmap, &where);
}

/* Have memory in the first pages again; says whether all have some. */
bool platform_unmap(void *at, unsigned int pages)
{
	unsigned int lost = 0;

	for (; pages--; at += PAGE_SIZE) {
		xen_pfn_t frame = vmalloc_to_pfn(at);
		struct xen_remove_from_physmap where = {
			.domid = DOMID_SELF,
			.gpfn = frame,
		};
		struct xen_memory_reservation memory = {
			.domid = DOMID_SELF,
			.nr_extents = 1,
		};

		set_xen_guest_handle(memory.extent_start, &frame);
		hypercalls->memory(XENMEM_remove_from_physmap, &where);
		if (hypercalls->memory(XENMEM_populate_physmap, &memory) != 1)
			lost++;
	}
	if (lost)
		pr_err("Xen does not give %u pages back\n", lost);
	return !lost;
}

/* After a resume, there is memory where Xen's pages were. */
int platform_resume(void)
{
	return platform_map(XENMAPSPACE_shared_info, 0, shared_info);
}

static void shim_read_features(void)
{
	unsigned int map, bit;

	for (map = 0; map < XENFEAT_NR_SUBMAPS; map++) {
		struct xen_feature_info info = { .submap_idx = map };

		if (hypercalls->version(XENVER_get_features, &info) < 0)
			return;
		for (bit = 0; bit < 32; bit++)
			xen_features[map * 32 + bit] = info.submap >> bit & 1;
	}
}

static int shim_map_shared_info(void)
{
	int err;

	shared_info = vzalloc(PAGE_SIZE);
	if (!shared_info)
		return -ENOMEM;
	err = platform_resume();
	if (!err)
		return 0;
	pr_err("cannot map Xen's shared page: error %d\n", err);
	vfree(shared_info);
	shared_info = NULL;
	return err;
}

static void shim_unmap_shared_info(void)
{
	if (platform_unmap(shared_info, 1))
		vfree(shared_info);
	shared_info = NULL;
}

static int shim_parse_unplug(enum unplug *wanted)
{
	static const struct {
		const char *name;
		enum unplug value;
	} values[] = {
		{ "all", UNPLUG_ALL },
		{ "disks", UNPLUG_DISKS },
		{ "nics", UNPLUG_NICS },
		{ "never", UNPLUG_NEVER },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		if (!strcmp(unplug, values[i].name)) {
			*wanted = values[i].value;
			return 0;
		}
	pr_err("unplug=%s: there are only all, disks, nics and never\n", unplug);
	return -EINVAL;
}

static int shim_start(struct pci_dev *pdev)
{
	enum unplug wanted;
	int err;

	err = shim_parse_unplug(&wanted);
	if (err)
		return err;
	err = unplug_check(wanted);
	if (err)
		return err;
	err = hypercall_init();
	if (err) {
		pr_err("Xen does not answer a hypercall: error %d\n", err);
		return err;
	}
	err = pci_enable_device(pdev);
	if (err) {
		pr_err("cannot enable Xen's platform device: error %d\n", err);
		return err;
	}
	pci_set_master(pdev);
	platform = pci_dev_get(pdev);
	shim_read_features();
	err = shim_map_shared_info();
	if (err)
		goto no_info;
	err = evtchn_init(vectors, fifo);
	if (err)
		goto no_events;
	err = grants_init();
	if (err)
		goto no_grants;
	err = xenstore_init();
	if (err)
		goto no_store;
	/* Nothing can be seen of this until the store answers. */
	err = unplug_init(wanted);
	if (err)
		goto no_unplug;
	xen_domain_type = XEN_HVM_DOMAIN;
	err = xenbus_buses_init();
	if (err) {
		pr_err("cannot have the buses of Xen's devices: error %d\n",
		       err);
		goto no_buses;
	}
	err = suspend_init();
	if (err) {
		pr_err("cannot watch what the toolstack asks for: error %d\n",
		       err);
		goto no_suspend;
	}
	end_init();
	xenbus_buses_scan();
	return 0;

no_suspend:
	xenbus_buses_exit();
no_buses:
	xen_domain_type = XEN_NATIVE;
no_unplug:
	xenstore_exit();
no_store:
	grants_exit();
no_grants:
	evtchn_exit();
no_events:
	shim_unmap_shared_info();
no_info:
	pci_dev_put(platform);
	platform = NULL;
	pci_disable_device(pdev);
	return err;
}

static void shim_end_services(void)
{
	end_exit();
	suspend_exit();
	xenbus_buses_exit();
	xen_domain_type = XEN_NATIVE;
	xenstore_exit();
	grants_exit();
	evtchn_exit();
	shim_unmap_shared_info();
	if (!device_lost)
		pci_disable_device(platform);
	device_lost = false;
	pci_dev_put(platform);
	platform = NULL;
}

static int shim_platform_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	if (platform || unloading)
		return -EBUSY;
	tried = true;
	start_error = shim_start(pdev);
	/* It has said why; the core needs not say that, too. */
	return start_error ? -ENODEV : 0;
}

/*
 * Drivers, and who has pages granted, stay when the device is removed by hand;
 * so do Xen's pages. Only its interrupt goes.
 */
static void shim_platform_remove(struct pci_dev *pdev)
{
	if (unloading) {
		shim_end_services();
		return;
	}
	device_lost = true;
	pr_err("the platform device is gone; %s until the module is unloaded\n",
	       evtchn_line_lost() ? "what it was for works on" :
				    "no event comes any more");
	pci_disable_device(pdev);
}

/* Before another kernel is started in place of this one. */
static void shim_platform_shutdown(struct pci_dev *pdev)
{
	evtchn_shutdown();
	end_soft_reset();
	/* Its memory is to be memory. */
	grants_shutdown();
	platform_unmap(shared_info, 1);
}

static const struct pci_device_id platform_ids[] = {
	{ PCI_DEVICE(0x5853, 0x0001) },
	{ PCI_DEVICE(0x5853, 0x0002) },
	{ }
};
MODULE_DEVICE_TABLE(pci, platform_ids);

static struct pci_driver platform_driver = {
	.name = KBUILD_MODNAME,
	.id_table = platform_ids,
	.probe = shim_platform_probe,
	.remove = shim_platform_remove,
	.shutdown = shim_platform_shutdown,
	/* Whoever is finished with it unloads the module. */
	.driver.suppress_bind_attrs = true,
	/* Whether it has started must be known when it is registered. */
	.driver.probe_type = PROBE_FORCE_SYNCHRONOUS,
};

static int __init shim_init(void)
{
	int err;

	if (boot_cpu_has(X86_FEATURE_HYPERVISOR))
		xen_cpuid = xen_cpuid_base();
	if (!xen_cpuid) {
		pr_err("this is not a guest of Xen\n");
		return -ENODEV;
	}
	err = pci_register_driver(&platform_driver);
	if (err)
		return err;
	if (platform)
		return 0;
	pci_unregister_driver(&platform_driver);
	if (tried)
		return start_error;
	pr_err("this guest has no Xen platform device\n");
	return -ENODEV;
}
module_init(shim_init);

static void __exit shim_exit(void)
{
	unloading = true;
	pci_unregister_driver(&platform_driver);
	if (platform)
		shim_end_services();
}
module_exit(shim_exit);

MODULE_DESCRIPTION("Xen's services for an HVM guest whose kernel has none");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
