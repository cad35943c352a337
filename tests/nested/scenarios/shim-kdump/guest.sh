# SPDX-License-Identifier: GPL-2.0
# The crash kernel's initramfs is made here: the drivers, and a first process that copies the dump's start
load_crash_kernel() {
	local d=/tmp/crash m
	mkdir -p $d/bin $d/proc $d/dev $d/sys
	cp /usr/bin/busybox $d/bin/
	for m in hvm-pv-shim pv-ring pv-blkfront; do cp "$(find /usr/lib/modules -name $m.ko)" $d/; done
	cat >$d/init <<-'E'
	#!/bin/busybox sh
	/bin/busybox --install -s /bin
	export PATH=/bin
	mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
	for m in hvm-pv-shim pv-ring pv-blkfront; do insmod /$m.ko || echo "$m does not load" >/dev/kmsg; done
	i=0; until [ -b /dev/xvdb ] || [ $i = 100 ]; do sleep 0.2; i=$((i + 1)); done
	head -c 8388608 /proc/vmcore >/core
	cat /core >/dev/xvdb; sha256sum /core | cut -c1-64 | dd of=/dev/xvdb bs=64 seek=131072 conv=notrunc,fsync
	sync
	poweroff -f
	E
	chmod +x $d/init
	(cd $d && find . | cpio -o -H newc) >/tmp/crash.cpio 2>/dev/null
	kexec -p /data/vmlinuz --initrd=/tmp/crash.cpio \
		--append="$(sed 's/ \(crashkernel\|rdinit\|panic\)=[^ ]*//g' /proc/cmdline) maxcpus=1 panic=5"
}
