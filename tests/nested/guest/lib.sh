# SPDX-License-Identifier: GPL-2.0
# Helpers for a scenario's guest.sh and for commands that dom0 sends. Sourced by busybox's shell.

load_frontend() {
	case $FRONT in
	ours) modprobe pv-ring $RING_PARAMS && modprobe pv-blkfront $FRONT_PARAMS ;;
	kernel) modprobe xen-blkfront $FRONT_PARAMS ;;
	esac
}
front_module() { case $FRONT in ours) echo pv_blkfront ;; *) echo xen_blkfront ;; esac; }

# bg JOB COMMAND...: in the background; join JOB: waits, prints its output, returns its status
bg() {
	local job=$1; shift
	(eval "$*") >"/tmp/bg.$job" 2>&1 </dev/null & eval "bg_$job=$!"
}
join() {
	local rc; eval "wait \$bg_$1"; rc=$?
	cat "/tmp/bg.$1"; return $rc
}
running() { eval "kill -0 \$bg_$1" 2>/dev/null; }

# wait_disk NAME [SECONDS]
wait_disk() {
	local i=0
	until [ -b "/dev/$1" ] && [ "$(cat "/sys/class/block/$1/size" 2>/dev/null || echo 0)" != 0 ]; do
		i=$((i + 1)); [ $i -lt $((${2:-20} * 5)) ] || { echo "no /dev/$1"; return 1; }
		sleep 0.2
	done
}
wait_no_disk() {
	local i=0
	while [ -b "/dev/$1" ]; do i=$((i + 1)); [ $i -lt $((${2:-20} * 5)) ] || return 1; sleep 0.2; done
}

# (By its path: busybox has an mke2fs of its own, for ext2, and its shell prefers that one.)
# Makes an ext4 on DISK, copies the seeded files of the initramfs there, leaves it mounted on /mnt
make_fs() { /usr/sbin/mke2fs -q -F -t ext4 ${2} "/dev/$1" && mount -t ext4 "/dev/$1" /mnt; }
copy_tree() { mkdir -p "/mnt/${1:-tree}" && cp -r /data/tree/. "/mnt/${1:-tree}/" && sync; }
fill_disk() { wait_disk "$1" && make_fs "$1" && copy_tree && umount /mnt; }

# Writes a pattern made from SEED over COUNT blocks of BS from block SKIP on: pattern SEED COUNT [BS]
pattern() { awk -v s="$1" -v n="$2" -v bs="${3:-4096}" 'BEGIN { srand(s); for (i = 0; i < n; i++) { l = ""; while (length(l) < bs) l = l sprintf("%08x", int(rand() * 4294967295)); printf "%s", substr(l, 1, bs) } }'; }
