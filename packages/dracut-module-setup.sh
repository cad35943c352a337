#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dracut: /usr/lib/dracut/modules.d/40pvsplit/module-setup.sh

check() {
	modinfo -k "$kernel" pv-blkfront >/dev/null 2>&1
}

depends() {
	return 0
}

installkernel() {
	# The kernel's own, too: modprobe.d falls back on them.
	hostonly="" instmods pv-blkfront pv-netfront pv-scsifront xen-blkfront xen-netfront xen-scsifront
}

install() {
	inst_multiple -o /etc/modprobe.d/pvsplit.conf /lib/modprobe.d/pvsplit.conf
}
