// SPDX-License-Identifier: GPL-2.0
/*
 * What one thread asks of Xen is refused once: the first thing, or the second, and so on.
 */
#include <linux/sched.h>
#include <linux/string.h>

#include "internal.h"

static char thread[TASK_COMM_LEN];
static unsigned int left;	/* things until the one that is refused, it counted */

bool fake_xen_refuses(void)
{
	if (!READ_ONCE(left) || strcmp(current->comm, thread))
		return false;
	return !--left;
}

void fake_xen_refuse(const char *name, unsigned int n)
{
	strscpy(thread, name, sizeof(thread));
	WRITE_ONCE(left, n);
}
FAKE_XEN_SYMBOL(fake_xen_refuse);

bool fake_xen_has_refused(void)
{
	return !READ_ONCE(left);
}
FAKE_XEN_SYMBOL(fake_xen_has_refused);
