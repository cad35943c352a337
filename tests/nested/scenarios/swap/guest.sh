# SPDX-License-Identifier: GPL-2.0
swap_on() { local d; for d; do mkswap "/dev/$d" >/dev/null && swapon "/dev/$d" || return; done; }
swap_off() { local d on; while read -r d on; do case $d in /*) swapoff "$d" || return ;; esac; done </proc/swaps; }
# Until there are so many MB on the first or second one: swapped NUMBER MB
swapped() {
	local i=0
	until awk -v k="$1" -v n="$2" 'NR == k + 1 { found = $4 >= n * 1024 } END { exit !found }' /proc/swaps; do
		i=$((i + 1)); [ $i -lt 300 ] || { cat /proc/swaps; grep -E '^(Mem|Swap)' /proc/meminfo; return 1; }
		sleep 0.2
	done
}
# So many MB more than there is room for: those are written first, and so go first; when it is joined, they are read back: memory MB
memory() {
	local room; room=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
	mkdir -p /tmp/memory && mount -t tmpfs -o size=1g tmpfs /tmp/memory && dd if=/dev/urandom of=/tmp/memory/data bs=1M count="$1" 2>/dev/null &&
		md5sum /tmp/memory/data >/tmp/sum && dd if=/dev/zero of=/tmp/memory/rest bs=1M count="$room" 2>/dev/null || return
	until [ -e "/tmp/stop.$JOB" ]; do sleep 0.2; done
	md5sum -sc /tmp/sum
}
# Files are copied by a program that is itself on the disk, as long as that takes
programs() {
	local p=/mnt/busybox
	until [ -e "/tmp/stop.$JOB" ]; do $p rm -rf /mnt/again && $p cp -r /mnt/tree /mnt/again && $p sync || return; $p sleep 0.2; done
}
