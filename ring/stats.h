/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PV_STATS_H
#define _PV_STATS_H

#include <linux/types.h>

struct seq_file;

/**
 * struct pv_stats - the counters of one queue
 *
 * Each counter is written by one context only (submission under its lock,
 * or completion), so plain increments do; readers see a slightly old value.
 */
struct pv_stats {
	/** @requests: slots put on the ring (frontend) or taken off (backend) */
	u64 requests;
	/** @responses: responses taken off (frontend) or put on (backend) */
	u64 responses;
	/** @publishes: stores of the producer index, one a batch */
	u64 publishes;
	/** @kicks: event-channel notifications sent */
	u64 kicks;
	/** @kicks_saved: publishes that the peer did not want to hear of */
	u64 kicks_saved;
	/** @upcalls: interrupts taken */
	u64 upcalls;
	/** @spurious: upcalls with which the ring had not moved */
	u64 spurious;
	/** @bytes_copied: bytes moved by this CPU between private and shared pages */
	u64 bytes_copied;
	/** @grant_copies: grant copy operations done by the hypervisor */
	u64 grant_copies;
	/** @grant_maps: grant map operations done by the hypervisor */
	u64 grant_maps;
	/** @grant_calls: grant-table hypercalls, each a whole batch */
	u64 grant_calls;
	/** @starved: times that work had to wait for pages or slots */
	u64 starved;
	/** @quarantined: pages left to the peer because it still maps them */
	u64 quarantined;
	/** @errors: requests that ended with an error */
	u64 errors;
	/** @late: times that there was no response for long (frontend) */
	u64 late;
};

void pv_stats_show(struct seq_file *m, const struct pv_stats *stats);

#endif /* _PV_STATS_H */
