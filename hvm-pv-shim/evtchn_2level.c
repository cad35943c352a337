// SPDX-License-Identifier: GPL-2.0
/*
 * The older layout of events, in the shared page: a bit for each port that is
 * pending, and for each vCPU a word that says in which words to look.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "shim.h"

#define WORDS	(EVTCHN_2L_NR_CHANNELS / BITS_PER_LONG)

/* Which ports are whose: one vCPU must not take another's. */
static unsigned long bound[SHIM_VCPUS][WORDS];

static unsigned long *shim_pending_bits(void)
{
	return (unsigned long *)shared_info->evtchn_pending;
}

static unsigned long *shim_mask_bits(void)
{
	return (unsigned long *)shared_info->evtchn_mask;
}

static int shim_level2_setup(evtchn_port_t nr)
{
	return 0;
}

static void shim_level2_bind(evtchn_port_t nr, int from, int to)
{
	if (from >= 0)
		clear_bit(nr, bound[from]);
	if (to >= 0)
		set_bit(nr, bound[to]);
}

static bool shim_level2_pending(evtchn_port_t nr)
{
	return test_bit(nr, shim_pending_bits());
}

static void shim_level2_clear(evtchn_port_t nr)
{
	clear_bit(nr, shim_pending_bits());
	/* Cleared before the handler looks at what the event announced. */
	smp_mb__after_atomic();
}

static void shim_level2_mask(evtchn_port_t nr)
{
	set_bit(nr, shim_mask_bits());
}

static void shim_level2_unmask(evtchn_port_t nr)
{
	struct evtchn_unmask arg = { .port = nr };

	if (!shim_level2_pending(nr)) {
		clear_bit(nr, shim_mask_bits());
		/* Either this sees the event, or Xen sees it unmasked. */
		smp_mb__after_atomic();
		if (!shim_level2_pending(nr))
			return;
		set_bit(nr, shim_mask_bits());
	}
	/* It came while it was masked: only Xen can announce it now. */
	hypercalls->event(EVTCHNOP_unmask, &arg);
}

static void shim_level2_scan(unsigned int vcpu)
{
	struct vcpu_info *info = &shared_info->vcpu_info[vcpu];
	unsigned long words = xchg(&info->evtchn_pending_sel, 0);
	unsigned int w, b;

	for_each_set_bit(w, &words, WORDS) {
		unsigned long bits = READ_ONCE(shim_pending_bits()[w]) &
				     ~READ_ONCE(shim_mask_bits()[w]) &
				     READ_ONCE(bound[vcpu][w]);

		for_each_set_bit(b, &bits, BITS_PER_LONG)
			evtchn_deliver(w * BITS_PER_LONG + b);
	}
}

void evtchn_2level_mask_all(void)
{
	memset(shim_mask_bits(), 0xff, sizeof(shared_info->evtchn_mask));
}

int evtchn_2level_init(void)
{
	memset(bound, 0, sizeof(bound));
	evtchn_2level_mask_all();
	return 0;
}

const struct evtchn_layout evtchn_2level = {
	.name = "two-level",
	.nr_ports = EVTCHN_2L_NR_CHANNELS,
	.setup = shim_level2_setup,
	.bind = shim_level2_bind,
	.pending = shim_level2_pending,
	.clear = shim_level2_clear,
	.mask = shim_level2_mask,
	.unmask = shim_level2_unmask,
	.scan = shim_level2_scan,
};
