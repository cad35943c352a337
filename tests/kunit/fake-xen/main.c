// SPDX-License-Identifier: GPL-2.0
/* The fake Xen's module, and what its parts hold together. */
#include <linux/delay.h>
#include <linux/module.h>
#include <xen/xen.h>
#include <xen/features.h>

#include "internal.h"

/* A guest with translated frames, as PVH is: a frame number that is granted is the page's own. */
enum xen_domain_type xen_domain_type = XEN_HVM_DOMAIN;
FAKE_XEN_SYMBOL(xen_domain_type);

u8 xen_features[XENFEAT_NR_SUBMAPS * 32] = {
	[XENFEAT_auto_translated_physmap] = 1,
};
FAKE_XEN_SYMBOL(xen_features);

struct fake_xen_counts fake_xen_counts;
FAKE_XEN_SYMBOL(fake_xen_counts);

void fake_xen_held(struct fake_xen_held *held)
{
	memset(held, 0, sizeof(*held));
	fake_grants_held(held);
	fake_evtchn_held(held);
	held->watches = fake_store_watches() - fake_bus_watches();
}
FAKE_XEN_SYMBOL(fake_xen_held);

static unsigned int sum(const struct fake_xen_held *held)
{
	return held->grants + held->refs + held->mappings + held->pages + held->ports + held->irqs + held->watches;
}

/* What is held, but for what goes within a while: pages that a peer had mapped are asked for again and again. */
static unsigned int settle(struct fake_xen_held *held)
{
	unsigned int tries;

	for (tries = 0; tries < 125; tries++) {
		fake_xen_held(held);
		if (!sum(held))
			break;
		msleep(20);
	}
	return sum(held);
}

bool fake_xen_holds_nothing(void)
{
	struct fake_xen_held held;

	if (!settle(&held))
		return true;
	pr_info("fake-xen: held: %u grants, %u references, %u mappings, %u pages, %u ports, %u irqs, %u watches\n",
		held.grants, held.refs, held.mappings, held.pages, held.ports, held.irqs, held.watches);
	return false;
}
FAKE_XEN_SYMBOL(fake_xen_holds_nothing);

unsigned int fake_xen_reset(void)
{
	struct fake_xen_held held;

	memset(fake_xen_step_faults, 0, sizeof(fake_xen_step_faults));
	fake_xen_refuse("", 0);
	fake_bus_reset();
	fake_store_reset();
	settle(&held);
	fake_evtchn_reset();
	fake_grants_reset();
	memset(&fake_xen_counts, 0, sizeof(fake_xen_counts));
	return sum(&held);
}
FAKE_XEN_SYMBOL(fake_xen_reset);

static int __init fake_xen_init(void)
{
	int err;

	err = fake_grants_init();
	if (err)
		return err;
	err = fake_evtchn_init();
	if (err)
		goto no_evtchn;
	err = fake_store_init();
	if (err)
		goto no_store;
	err = fake_bus_init();
	if (err)
		goto no_bus;
	return 0;

no_bus:
	fake_store_exit();
no_store:
	fake_evtchn_exit();
no_evtchn:
	fake_grants_exit();
	return err;
}
module_init(fake_xen_init);

static void __exit fake_xen_exit(void)
{
	fake_xen_reset();
	fake_bus_exit();
	fake_store_exit();
	fake_evtchn_exit();
	fake_grants_exit();
}
module_exit(fake_xen_exit);

MODULE_DESCRIPTION("A Xen in memory, for tests");
MODULE_LICENSE("GPL");
