/* SPDX-License-Identifier: GPL-2.0 */
/* What the library's own files share. */
#ifndef _PV_INTERNAL_H
#define _PV_INTERNAL_H

struct dentry;

/* The folder "pvsplit" in debugfs. */
extern struct dentry *pv_debugfs;

#endif /* _PV_INTERNAL_H */
