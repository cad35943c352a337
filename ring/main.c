// SPDX-License-Identifier: GPL-2.0
/*
 * The module itself: tracepoints, counters, the debugfs folder.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <xen/page.h>
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
	static const struct {
		const char *name;
		size_t at;
	} counter[] = {
#define COUNTER(field)	{ #field, offsetof(struct pv_stats, field) }
		COUNTER(requests),
		COUNTER(responses),
		COUNTER(publishes),
		COUNTER(kicks),
		COUNTER(kicks_saved),
		COUNTER(upcalls),
		COUNTER(spurious),
		COUNTER(bytes_copied),
		COUNTER(grant_copies),
		COUNTER(grant_maps),
		COUNTER(grant_calls),
		COUNTER(starved),
		COUNTER(quarantined),
		COUNTER(errors),
		COUNTER(late),
#undef COUNTER
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counter); i++)
		seq_printf(m, "  %-14s %llu\n", counter[i].name,
			   READ_ONCE(*(u64 *)((u8 *)stats + counter[i].at)));
}
EXPORT_SYMBOL_GPL(pv_stats_show);

static int __init pv_ring_module_init(void)
{
	int err;

	/* A page of ours is one grant. */
	if (PAGE_SIZE != XEN_PAGE_SIZE) {
		pr_err("this kernel has pages of %lu KiB, Xen's grants are of 4: these drivers want a kernel with pages of 4 KiB\n",
		       PAGE_SIZE / 1024);
		return -EOPNOTSUPP;
	}
	if (!xen_domain()) {
		pr_err("not running on Xen: these drivers have nothing to talk to\n");
		return -ENODEV;
	}
	err = pv_device_init();
	if (err)
		return err;
	pv_debugfs = debugfs_create_dir("pvsplit", NULL);
	return 0;
}
module_init(pv_ring_module_init);

static void __exit pv_ring_module_exit(void)
{
	pv_device_exit();
	pv_grant_exit();
	debugfs_remove(pv_debugfs);
}
module_exit(pv_ring_module_exit);

MODULE_DESCRIPTION("Rings, grants, event channels and life cycle of Xen's split drivers");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVSPLIT_VERSION);
