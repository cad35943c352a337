# SPDX-License-Identifier: GPL-2.0
# Memory holds little that is not written yet, so the ring is full: write_soon BYTES (0: as it was)
write_soon() {
	[ "$1" != 0 ] || { echo 10 >/proc/sys/vm/dirty_background_ratio; echo 20 >/proc/sys/vm/dirty_ratio; return; }
	echo $(($1 / 4)) >/proc/sys/vm/dirty_background_bytes; echo "$1" >/proc/sys/vm/dirty_bytes
}
# Buffered writes until one fails, or the disk has gone, for which dd would make a file in /dev: write_on FILE BLOCKS
write_on() {
	local device; [ ! -b "$1" ] || device=1
	while dd if=/dev/zero of="$1" bs=64k count="$2" conv=notrunc,fsync 2>/dev/null; do [ -z "$device" ] || [ -b "$1" ] || return 0; done
}
