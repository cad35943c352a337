#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dracut: /usr/lib/dracut/modules.d/40hvm-pv-shim/module-setup.sh

check() {
	# not for a kernel that has Xen support of its own
	modinfo -k "$kernel" hvm-pv-shim >/dev/null 2>&1
}

depends() {
	return 0
}

installkernel() {
	hostonly="" instmods hvm-pv-shim pv-blkfront pv-netfront pv-scsifront
}

install() {
	inst_multiple -o /etc/modprobe.d/hvm-pv-shim.conf /lib/modprobe.d/hvm-pv-shim.conf
	# before udev finds the emulated devices
	mkdir -p "$initdir/etc/modules-load.d"
	echo 'hvm-pv-shim' >"$initdir/etc/modules-load.d/hvm-pv-shim.conf"
}
