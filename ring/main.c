// SPDX-License-Identifier: GPL-2.0
/*
 * The module itself: tracepoints, counters, the debugfs folder.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <xen/xen.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "internal.h"
#include "stats.h"

struct dentry *pv_debugfs;

/**
 * pv_stats_show() - print the counters of one queue
 * @m: where to
 * @stats: the counters
 *
 * A line each, "name value", for people and for scripts.
 */
void pv_stats_show(struct seq_file *m, const struct pv_stats *stats)
{
#define SHOW(counter) \
	seq_printf(m, "  %-14s %llu\n", #counter, READ_ONCE(stats->counter))
	SHOW(requests);
	SHOW(responses);
	SHOW(publishes);
	SHOW(kicks);
	SHOW(kicks_saved);
	SHOW(upcalls);
	SHOW(spurious);
	SHOW(bytes_copied);
	SHOW(grant_copies);
	SHOW(grant_maps);
	SHOW(grant_calls);
	SHOW(starved);
	SHOW(quarantined);
	SHOW(errors);
#undef SHOW
}
EXPORT_SYMBOL_GPL(pv_stats_show);

static int __init pv_ring_module_init(void)
{
	if (!xen_domain()) {
		pr_err("not running on Xen: these drivers have nothing to talk to\n");
		return -ENODEV;
	}
	pv_debugfs = debugfs_create_dir("pvsplit", NULL);
	return 0;
}
module_init(pv_ring_module_init);

static void __exit pv_ring_module_exit(void)
{
	debugfs_remove(pv_debugfs);
}
module_exit(pv_ring_module_exit);

MODULE_DESCRIPTION("Rings, grants, event channels and life cycle of Xen's split drivers");
MODULE_LICENSE("GPL");
