# SPDX-License-Identifier: GPL-2.0
# The first process copies the dump's start; then that kernel panics, too.
load_crash_kernel() {
	next_initramfs /tmp/crash.cpio <<-'E'
	head -c 8388608 /proc/vmcore >/core
	cat /core >/dev/xvdb; sha256sum /core | cut -c1-64 | dd of=/dev/xvdb bs=64 seek=131072 conv=notrunc,fsync
	sync
	exit
	E
	kexec -p /data/vmlinuz --initrd=/tmp/crash.cpio \
		--append="$(sed 's/ \(crashkernel\|rdinit\|panic\)=[^ ]*//g' /proc/cmdline) maxcpus=1 panic=5"
}
