# SPDX-License-Identifier: GPL-2.0
# Helpers for a scenario's guest.sh and for commands that dom0 sends. Sourced by busybox's shell.

. /nested/net.sh

# What a scenario begins with
begin() {
	[ -n "$LOADED$FRONT_LATER" ] || load_frontend || { echo "the frontend $FRONT did not load"; return 1; }
	LOADED=1
	for f in /scenario/guest.sh /tmp/guest.sh; do [ ! -e $f ] || . $f; done
}
load_frontend() {
	local c
	[ "$GUEST" != hvm-shim ] || modprobe hvm-pv-shim $SHIM_PARAMS || return
	[ "$FRONT" != ours ] || modprobe pv-ring $RING_PARAMS || return
	for c in $CLASSES; do
		modprobe "$(front_module $c)" $FRONT_PARAMS || return
		# There is no udev here.
		case $c-$GUEST in
		scsi-hvm-shim) ;;	# that kernel has both built in, or not at all
		scsi-*) modprobe sd_mod && modprobe sg || return ;;
		esac
	done
}
unload_frontend() { local c; for c in $CLASSES; do unload_module "$(front_module $c)" || return; done; }
front_module() { case $FRONT in ours) echo pv_${1:-blk}front ;; *) echo xen_${1:-blk}front ;; esac; }

front_driver() { driver_of /sys/bus/xen/devices; }

# Settings that dom0 has sent, where they are others than those in force: their drivers are to be loaded anew.
settle() {
	cmp -s /tmp/conf /scenario/conf && return
	drop_modules || return
	cp /tmp/conf /scenario/conf
	. /scenario/conf
	LOADED=
}
# What a socket has freed on another CPU waits there for the next packet (skb_attempt_defer_free()), and with it a page of an
# interface that is gone; after a minute Linux says so.
let_packets_go() {
	local mask=1
	ip link set lo up
	while [ $mask -lt $((1 << VCPUS)) ]; do taskset $mask ping -q -c 1 127.0.0.1 >/dev/null; mask=$((mask * 2)); done
}
# bg JOB COMMAND...: in the background; join JOB: tells it to stop, waits, prints its output, returns its status
bg() {
	local JOB=$1; shift
	rm -f "/tmp/stop.$JOB" "/tmp/pass.$JOB"
	(eval "$*") >"/tmp/bg.$JOB" 2>&1 </dev/null & eval "bg_$JOB=$!"
}
join() {
	local rc
	touch "/tmp/stop.$1"; eval "wait \$bg_$1"; rc=$?
	cat "/tmp/bg.$1"; return $rc
}
# under_way JOB: its loop comes to its end once more
under_way() {
	rm -f "/tmp/pass.$1"
	while running "$1"; do [ ! -e "/tmp/pass.$1" ] || return 0; sleep 0.1; done
	cat "/tmp/bg.$1"; return 1
}
running() { eval "kill -0 \$bg_$1" 2>/dev/null; }

# stands JOB: its loop gets nowhere
stands() { sleep 0.5; rm -f "/tmp/pass.$1"; sleep 1; running "$1" && [ ! -e "/tmp/pass.$1" ]; }
# busy DEVICE: I/O or packets come to it
busy() {
	local i=0 n; n=$(($(moved "$1") + 30))
	until [ "$(moved "$1")" -gt $n ]; do i=$((i + 1)); [ $i -lt 100 ] || return 1; sleep 0.1; done
}
moved() { cat /sys/class/net/"$1"/statistics/rx_packets 2>/dev/null || awk '{ print $1 + $5 }' "/sys/block/$1/stat"; }

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
# Makes an ext4 on DISK, of SIZE if not all of it, and leaves it mounted on /mnt: make_fs DISK [SIZE] [DIRECTORY]
make_fs() { /usr/sbin/mke2fs -q -F -t ext4 "/dev/$1" ${2} && mount -t ext4 "/dev/$1" "${3:-/mnt}"; }
copy_tree() { mkdir -p "/mnt/${1:-tree}" && cp -r /data/tree/. "/mnt/${1:-tree}/" && sync; }
# The same with the seeded files of the initramfs on it
fill_disk() { wait_disk "$1" && make_fs "$@" && copy_tree && umount /mnt; }

# Writes the seeded files one after the other to a disk without a file system, direct I/O: raw_fill DISK [BLOCK] [BLOCKS before it]
raw_fill() { (cd /data/tree && find . -type f | LC_ALL=C sort | xargs cat) | dd of="/dev/$1" bs=${2:-64k} seek=${3:-0} iflag=fullblock conv=fsync 2>/dev/null; }
raw_sum() { head -c "$2" "/dev/$1" | sha256sum | cut -d' ' -f1; }

# Random writes of mixed sizes, each block read back and its checksum compared: verify_io DISK SIZE [FIO OPTION]...
# (Silent if all is well: an emulated serial port takes its time for each byte. Threads, as fio ends its process group when a job
# has not begun after five seconds.)
verify_io() {
	local disk=$1 size=$2 rc; shift 2
	fio --thread --name=verify --filename=/dev/$disk --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
		--bsrange=4k-256k --bs_unaligned=0 --size=$size --verify=crc32c --verify_fatal=1 --verify_dump=0 --group_reporting \
		--minimal "$@" >"/tmp/fio.$disk" 2>&1
	rc=$?; [ $rc = 0 ] || tail -n 5 "/tmp/fio.$disk"
	return $rc
}
# The same over and over, in a job, until it is joined; then once more from the start: verify_loop DISK SIZE [FIO OPTION]...
verify_loop() {
	local last=
	until [ -n "$last" ]; do
		[ ! -e "/tmp/stop.$JOB" ] || last=1
		verify_io "$@" || return
		touch "/tmp/pass.$JOB"
	done
}

# The same with a megabyte at a time, other bytes each time, and pauses: verify_gently DISK
verify_gently() {
	local last='' n=0 f=/tmp/gently.$JOB
	head -c 1048560 /dev/urandom >"$f"
	until [ -n "$last" ]; do
		[ ! -e "/tmp/stop.$JOB" ] || last=1
		n=$((n + 1))
		{ printf %016d $n; cat "$f"; } >"$f.now"
		dd if="$f.now" of="/dev/$1" bs=64k oflag=direct 2>/dev/null && dd if="/dev/$1" bs=64k count=16 iflag=direct 2>/dev/null | cmp - "$f.now" || return
		touch "/tmp/pass.$JOB"
		sleep 0.2
	done
}

# net_config DEVICE N [MTU]: addresses of guest N
net_config() {
	ip link set "$1" ${3:+mtu $3} up && ip addr add "10.0.0.$2/24" dev "$1" && ip addr add "fd00::$2/64" dev "$1" nodad || return
	local i=0
	until ping -c 1 -W 1 10.0.0.1 >/dev/null; do i=$((i + 1)); [ $i -lt 10 ] || { echo "no answer from dom0"; return 1; }; done
}
# (busybox has an ip of its own, which its shell prefers.)
ip() { /usr/bin/ip "$@"; }

# The SCSI device at TARGET:LUN: scsi_at TARGET:LUN prints its h:c:t:l, wait_lun waits for it
scsi_at() { ls /sys/class/scsi_device 2>/dev/null | grep -m 1 ":0:$1\$"; }
wait_lun() {
	local i=0
	until [ -n "$(scsi_at "$1")" ]; do i=$((i + 1)); [ $i -lt $((${2:-30} * 5)) ] || { echo "no LUN $1"; return 1; }; sleep 0.2; done
}
wait_no_lun() {
	local i=0
	while [ -n "$(scsi_at "$1")" ]; do i=$((i + 1)); [ $i -lt $((${2:-30} * 5)) ] || return 1; sleep 0.2; done
}
# scsi_node TARGET:LUN CLASS: the name of its device of a class: block, scsi_generic, scsi_tape (each comes after the LUN)
scsi_node() {
	local i=0 n
	wait_lun "$1" >&2 || return
	until n=$(ls "/sys/class/scsi_device/$(scsi_at "$1")/device/$2" 2>/dev/null | grep -m 1 -E '^([^n]*[0-9]|sd[a-z]+)$') && [ -e "/dev/$n" ]; do
		i=$((i + 1)); [ $i -lt 50 ] || { echo "LUN $1 has no $2" >&2; return 1; }; sleep 0.2
	done
	echo "$n"
}
scsi_disk() { scsi_node "$1" block; }
scsi_sg() { echo "/dev/$(scsi_node "$1" scsi_generic)"; }

queue_attr() { cat "/sys/block/$1/queue/$2"; }
has() { case $1 in *"$2"*) ;; *) echo "'$1' lacks '$2'"; return 1 ;; esac; }

# With the shim: every CPU has an upcall vector, and those with queues have had upcalls: events_on CPUS
events_on() {
	local want=$1
	case " $SHIM_PARAMS " in
	*" vectors=0 "*)
		want=0
		[ "$(awk '/hvm_pv_shim/ { s = 0; for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) s += $i } END { print s + 0 }' /proc/interrupts)" -ge 50 ] ||
			{ grep -i hvm /proc/interrupts; return 1; } ;;
	*" fifo=1 "*) dmesg | grep "events: FIFO layout" || return ;;
	esac
	[ "$(grep -c xen-upcall /proc/interrupts)" = "$want" ] || { grep -E 'xen-upcall|xen-event|hvm' /proc/interrupts; return 1; }
	[ "$want" -le 2 ] || want=2
	grep xen-upcall /proc/interrupts | awk -v want="$want" '
		{ s = 0; for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) s += $i; if (s) n++ }
		END { exit n < want }'
}

# All CPUs but the first one go, one by one, and come back: cpus_go CPUS
cpus_go() {
	local c up
	for up in 0 1; do
		c=1
		while [ $c -lt "$1" ]; do
			echo $up >/sys/devices/system/cpu/cpu$c/online || return
			c=$((c + 1))
		done
	done
}

# The initramfs of a kernel that comes after this one: next_initramfs FILE [BEFORE]. Its first process does BEFORE, loads the drivers,
# waits for xvdb, and does what is on stdin.
next_initramfs() {
	local d=/tmp/next m
	mkdir -p $d/bin $d/proc $d/dev $d/sys
	cp /usr/bin/busybox $d/bin/
	for m in hvm-pv-shim pv-ring pv-blkfront; do cp "$(find /usr/lib/modules -name $m.ko)" $d/; done
	{
		cat <<-'E'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		export PATH=/bin
		mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
		E
		echo "$2"
		cat <<-'E'
		for m in hvm-pv-shim pv-ring pv-blkfront; do insmod /$m.ko || echo "$m does not load" >/dev/kmsg; done
		i=0; until [ -b /dev/xvdb ] || [ $i = 100 ]; do sleep 0.2; i=$((i + 1)); done
		E
		cat
		echo "poweroff -f"
	} >$d/init
	chmod +x $d/init
	(cd $d && find . | cpio -o -H newc) >"$1" 2>/dev/null
}
