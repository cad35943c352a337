# SPDX-License-Identifier: GPL-2.0
# Memory holds little that is not written yet, so the ring is full: write_soon BYTES (0: as it was)
write_soon() {
	[ "$1" != 0 ] || { echo 10 >/proc/sys/vm/dirty_background_ratio; echo 20 >/proc/sys/vm/dirty_ratio; return; }
	echo $(($1 / 4)) >/proc/sys/vm/dirty_background_bytes; echo "$1" >/proc/sys/vm/dirty_bytes
}
# Buffered writes until one fails: write_on FILE BLOCKS
write_on() { while dd if=/dev/zero of="$1" bs=64k count="$2" conv=notrunc,fsync 2>/dev/null; do :; done; }
