// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated disks and network cards: each is also there as a PV device, and
 * only one of the two may be used. The emulator takes its own away when it is
 * told to by an I/O port.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "compat.h"
#include "shim.h"

/* The protocol of Xen's document "hvm-emulated-unplug" */
#define PORT_MAGIC	0x10	/* 16 bits, read */
#define PORT_UNPLUG	0x10	/* 16 bits, write: what to take away */
#define PORT_BUILD	0x10	/* 32 bits, write: the driver's version */
#define PORT_VERSION	0x12	/* 8 bits, read */
#define PORT_PRODUCT	0x12	/* 16 bits, write: who asks */
#define MAGIC		0x49d2
#define PRODUCT		0xffff	/* nobody who has been given a number */
#define BIT_DISKS	BIT(0)
#define BIT_NICS	BIT(1)
#define BIT_NVME	BIT(3)

/* How often, each 100 ms, a disk is looked at that somebody has open. */
#define IN_USE_TRIES	20

/* What becomes of a device of the emulator's when it is told to unplug. */
enum kind {
	OTHER,
	NIC,		/* it goes */
	DISKS,		/* it goes: SCSI, NVMe */
	BUS_OF_DISKS,	/* its disks go, it stays, with CD drives: IDE, SATA */
};

#define ALL_DISKS	(BIT(DISKS) | BIT(BUS_OF_DISKS))

/* Of those that the emulator says are somebody else's. */
static const struct pci_device_id emulated_ids[] = {
	{ PCI_DEVICE(0x8086, 0x7010) },		/* PIIX3 IDE */
	{ PCI_DEVICE(0x1000, 0x0012) },		/* LSI 53C895A */
	{ PCI_DEVICE(0x15ad, 0x07b0) },		/* vmxnet3 */
	{ PCI_DEVICE(0x15ad, 0x07c0) },		/* VMware's PVSCSI */
	{ PCI_DEVICE_SUB(0x8086, 0x10d3, 0x8086, 0) },	/* e1000e */
	{ }
};

static enum unplug unplugged;

/* Devices of others are of the same classes, and may be passed through. */
static bool shim_emulated(struct pci_dev *pdev)
{
	return pdev->subsystem_vendor == PCI_VENDOR_ID_REDHAT_QUMRANET ||
	       pdev->subsystem_vendor == PCI_VENDOR_ID_XEN ||
	       pci_match_id(emulated_ids, pdev);
}

/* The emulator goes by class as well. */
static enum kind shim_kind_of(struct pci_dev *pdev)
{
	if (!shim_emulated(pdev))
		return OTHER;
	switch (pdev->class >> 8) {
	case PCI_CLASS_NETWORK_ETHERNET:
		return NIC;
	case PCI_CLASS_STORAGE_SCSI:
	case PCI_CLASS_STORAGE_EXPRESS >> 8:
		return DISKS;
	case PCI_CLASS_STORAGE_IDE:
	case PCI_CLASS_STORAGE_SATA:
		return BUS_OF_DISKS;
	default:
		return OTHER;
	}
}

/* ---- who uses them ---- */

/* A disk that is about to go: nobody else can mount it, or a part of it. */
struct claim {
	struct list_head list;
	struct device *dev;
	SHIM_CLAIM *held;
};

static LIST_HEAD(claims);

static bool shim_is_block(const struct device *dev)
{
	return dev->class && !strcmp(dev->class->name, "block");
}

static unsigned int shim_own_openers(const struct device *dev)
{
	const struct claim *c;

	list_for_each_entry(c, &claims, list)
		if (c->dev == dev)
			return 1;
	return 0;
}

/* The name of a block device in use at or below a device. */
static int shim_find_open_disk(struct device *dev, void *data)
{
	if (shim_is_block(dev) &&
	    atomic_read(&dev_to_bdev(dev)->bd_openers) > shim_own_openers(dev)) {
		strscpy(data, dev_name(dev), BDEVNAME_SIZE);
		return 1;
	}
	return device_for_each_child(dev, data, shim_find_open_disk);
}

/* The name of one that is somebody else's; those that cannot be opened are nobody's. */
static int shim_claim_disk(struct device *dev, void *data)
{
	struct claim *c;

	if (!shim_is_block(dev))
		return device_for_each_child(dev, data, shim_claim_disk);
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		goto not_ours;
	c->dev = dev;
	c->held = shim_claim_bdev(dev->devt, &claims);
	if (!IS_ERR(c->held)) {
		list_add(&c->list, &claims);
		return 0;
	}
	if (PTR_ERR(c->held) == -EBUSY)
		goto not_ours;
	kfree(c);
	return 0;

not_ours:
	kfree(c);
	strscpy(data, dev_name(dev), BDEVNAME_SIZE);
	return 1;
}

static void shim_give_claims_back(void)
{
	struct claim *c, *next;

	list_for_each_entry_safe(c, next, &claims, list) {
		list_del(&c->list);
		shim_unclaim_bdev(c->held);
		kfree(c);
	}
}

static int shim_find_running_nic(struct device *dev, void *data)
{
	if (dev->class && !strcmp(dev->class->name, "net") &&
	    to_net_dev(dev)->flags & IFF_UP) {
		strscpy(data, dev_name(dev), IFNAMSIZ);
		return 1;
	}
	return device_for_each_child(dev, data, shim_find_running_nic);
}

/* The next one of some kinds, each a bit. */
static struct pci_dev *shim_next_device(unsigned int kinds, struct pci_dev *from)
{
	for_each_pci_dev(from)
		if (BIT(shim_kind_of(from)) & kinds)
			return from;
	return NULL;
}

static bool shim_in_use(unsigned int kinds, int (*find)(struct device *, void *),
			char *name)
{
	struct pci_dev *pdev = NULL;

	while ((pdev = shim_next_device(kinds, pdev)))
		if (find(&pdev->dev, name)) {
			pci_dev_put(pdev);
			return true;
		}
	return false;
}

/* Who looks what is on a new disk has it open for a moment. */
static bool shim_disks_in_use(char *name, bool claim)
{
	unsigned int i;

	for (i = 0; ; i++) {
		if (!shim_in_use(ALL_DISKS, shim_find_open_disk, name) &&
		    (!claim || (!shim_in_use(ALL_DISKS, shim_claim_disk, name) &&
				!shim_in_use(ALL_DISKS, shim_find_open_disk, name))))
			return false;
		shim_give_claims_back();
		if (i == IN_USE_TRIES)
			return true;
		msleep(100);
	}
}

static bool shim_exists(unsigned int kinds)
{
	struct pci_dev *pdev = shim_next_device(kinds, NULL);

	pci_dev_put(pdev);
	return pdev;
}

/* ---- the emulator ---- */

static bool shim_emulator_listens(void)
{
	if (inw(PORT_MAGIC) != MAGIC)
		return false;
	if (inb(PORT_VERSION) < 1)
		return true;
	outw(PRODUCT, PORT_PRODUCT);
	outl(SHIM_BUILD, PORT_BUILD);
	/* If it does not like the driver, it does not answer any more. */
	return inw(PORT_MAGIC) == MAGIC;
}

static void shim_take_away(enum unplug what)
{
	u16 bits = 0;

	if (what & UNPLUG_DISKS)
		bits |= BIT_DISKS | BIT_NVME;
	if (what & UNPLUG_NICS)
		bits |= BIT_NICS;
	outw(bits, PORT_UNPLUG);
}

/* Drivers first lose what will not be there; a CD drive comes back. */
static void shim_release_disks(void)
{
	struct pci_dev *pdev = NULL;

	while ((pdev = shim_next_device(BIT(BUS_OF_DISKS), pdev)))
		device_release_driver(&pdev->dev);
}

static void shim_offer_cdrom(void)
{
	struct pci_dev *pdev = NULL;

	while ((pdev = shim_next_device(BIT(BUS_OF_DISKS), pdev)))
		if (device_attach(&pdev->dev) < 0)
			pci_warn(pdev, "no driver takes it back\n");
}

static void shim_remove_all(unsigned int kinds)
{
	struct pci_dev *pdev;

	while ((pdev = shim_next_device(kinds, NULL))) {
		pci_stop_and_remove_bus_device_locked(pdev);
		pci_dev_put(pdev);
	}
}

static int shim_check_disks(enum unplug wanted, bool claim)
{
	char name[BDEVNAME_SIZE];

	if (!(wanted & UNPLUG_DISKS) || !shim_emulator_listens() ||
	    !shim_disks_in_use(name, claim))
		return 0;
	pr_err("the emulated disk %s is in use; it is not unplugged, and this module not loaded\n",
	       name);
	return -EBUSY;
}

/**
 * unplug_check() - may they be taken away?
 * @wanted: which
 *
 * Return: 0; -EBUSY if a disk is in use.
 */
int unplug_check(enum unplug wanted)
{
	return shim_check_disks(wanted, false);
}

/**
 * unplug_init() - take the emulated devices away
 * @wanted: which
 *
 * Return: 0; -EBUSY if a disk is in use, then nothing was done.
 */
int unplug_init(enum unplug wanted)
{
	char name[IFNAMSIZ];
	int err;

	unplugged = UNPLUG_NEVER;
	if (wanted == UNPLUG_NEVER)
		return 0;
	if (!shim_emulator_listens()) {
		if (wanted & UNPLUG_DISKS && !shim_exists(ALL_DISKS))
			unplugged |= UNPLUG_DISKS;
		if (wanted & UNPLUG_NICS && !shim_exists(BIT(NIC)))
			unplugged |= UNPLUG_NICS;
		if (unplugged != wanted)
			pr_warn("the emulated devices cannot be unplugged\n");
		return 0;
	}
	err = shim_check_disks(wanted, true);
	if (err)
		return err;
	if (wanted & UNPLUG_NICS && shim_in_use(BIT(NIC), shim_find_running_nic, name)) {
		pr_warn("the emulated network card %s is up; network cards stay emulated\n",
			name);
		wanted &= ~UNPLUG_NICS;
	}
	if (wanted & UNPLUG_DISKS) {
		shim_release_disks();
		shim_remove_all(BIT(DISKS));
	}
	if (wanted & UNPLUG_NICS)
		shim_remove_all(BIT(NIC));
	shim_take_away(wanted);
	shim_give_claims_back();
	unplugged = wanted;
	if (wanted & UNPLUG_DISKS)
		shim_offer_cdrom();
	return 0;
}

/* After a resume there is a new emulator, with all its devices. */
void unplug_again(void)
{
	if (unplugged && shim_emulator_listens())
		shim_take_away(unplugged);
}

/**
 * unplug_hides() - must a frontend stay unused?
 * @type: its type
 * @node: its directory
 *
 * Because the emulated device that is the same thing is still there. That
 * includes CD drives, which are never unplugged.
 */
bool unplug_hides(const char *type, const char *node)
{
	bool hide = false;
	char *kind;

	if (!strcmp(type, "vif")) {
		hide = !(unplugged & UNPLUG_NICS);
	} else if (!strcmp(type, "vbd")) {
		kind = xenbus_read(XBT_NIL, node, "device-type", NULL);
		hide = !(unplugged & UNPLUG_DISKS) ||
		       (!IS_ERR(kind) && !strcmp(kind, "cdrom"));
		if (!IS_ERR(kind))
			kfree(kind);
	}
	if (hide)
		pr_info("%s is left to the emulated device\n", node);
	return hide;
}

/* ---- what drivers ask, which see no device that is hidden anyway ---- */

/** xen_has_pv_devices() - are there devices of Xen's at all? */
bool xen_has_pv_devices(void)
{
	return xen_domain();
}
EXPORT_SYMBOL_GPL(xen_has_pv_devices);

/** xen_has_pv_disk_devices() - may disks be used? */
bool xen_has_pv_disk_devices(void)
{
	return xen_domain() && unplugged & UNPLUG_DISKS;
}
EXPORT_SYMBOL_GPL(xen_has_pv_disk_devices);

/** xen_has_pv_nic_devices() - and network cards? */
bool xen_has_pv_nic_devices(void)
{
	return xen_domain() && unplugged & UNPLUG_NICS;
}
EXPORT_SYMBOL_GPL(xen_has_pv_nic_devices);

/** xen_has_pv_and_legacy_disk_devices() - never two ways to one disk */
bool xen_has_pv_and_legacy_disk_devices(void)
{
	return false;
}
EXPORT_SYMBOL_GPL(xen_has_pv_and_legacy_disk_devices);
