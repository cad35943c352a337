# SPDX-License-Identifier: GPL-2.0
v=/sys/kernel/config/nullb/nullb0 D=/dev/nullb0 w=naa.6001405123456789
# What is in its cache is lost when it has no power.
volatile_disk() { lio_init && modprobe null_blk nr_devices=0 && mkdir $v && echo 1 >$v/memory_backed && echo 64 >$v/size && echo 8 >$v/cache_size; }
on() { echo 1 >$v/power && wait_for 5 test -b $D; }
cut() { echo 0 >$v/power; }
# there ROUND: records as far as the guest was told that they are
there() {
	local n; n=$(guest_cmd g cat /tmp/acked) && at_least "$n" 10 || return
	diag "$n records"
	cmp <(dd if=$D bs=512 skip=1 count="$n" 2>/dev/null) <(awk -v n="$n" -v r="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "%-512s", r "." i }')
}
files_there() {
	local f
	mkdir -p /tmp/m && mount -t ext4 $D /tmp/m || return
	guest_cmd g cat /tmp/acked | tr -d '\r' | sort -u >/tmp/acked
	at_least "$(grep -c . /tmp/acked)" 5 && while read -r f; do
		grep -F " $f" /data/manifest || { echo "$f is in no list"; break; }
	done </tmp/acked >/tmp/sums && (cd /tmp/m/tree && sha256sum -sc /tmp/sums)
	set -- $?; umount /tmp/m; return "$1"
}
lio() { lio_init && lio_store iblock v "udev_path=$D" && lio_target $w && lio_lun $w 0 iblock v; }
lio_gone() { pv-scsi detach g 0:0:0:0 && lio_clear; [ ! -d "$LIO/core/iblock_0" ]; }

require "a disk with a cache" eval "volatile_disk && on"
require "guest boots" start_guest g
for n in 1 2 3; do
	check "attach $n" eval "attach_disk g $D xvda && guest_cmd g wait_disk xvda"
	check "the guest sees the cache $n" same "$(guest_cmd g queue_attr xvda write_cache)" "write back"
	check "records are written and flushed $n" eval "guest_bg g r records xvda $n && guest_cmd g acked $((10 * n))"
	[ $n != 3 ] || check "save and restore meanwhile" eval "xl save g /disk.saved && xl restore /disk.saved; rm -f /disk.saved; guest_cmd g 'acked \$((\$(cat /tmp/acked) + 10))'"
	check "the power is cut $n" cut
	check "the guest gets an error $n" guest_join g r
	check "detach $n" detach_disk g xvda
	check "power $n" on
	check "what was flushed is there $n" there $n
done
check "attach, to write without a flush" eval "attach_disk g $D xvda && guest_cmd g 'wait_disk xvda && head -c 65536 /dev/urandom >/tmp/x && dd if=/tmp/x of=/dev/xvda bs=64k seek=128 count=1 oflag=direct'"
check "it is on the disk" eval "! dd if=$D bs=64k skip=128 count=1 iflag=direct 2>/dev/null | cmp -s - <(head -c 65536 /dev/zero)"
check "cut, detach, power" eval "cut; detach_disk g xvda && on"
check "what was not flushed is gone: the cache is one" eval "dd if=$D bs=64k skip=128 count=1 2>/dev/null | cmp - <(head -c 65536 /dev/zero)"

check "a file system" eval "attach_disk g $D xvda && guest_cmd g 'wait_disk xvda && make_fs xvda'"
check "files are written and flushed" eval "guest_bg g f files && guest_cmd g acked_files 10"
check "the power is cut" cut
check "the guest gets an error" guest_join g f
check "detach" eval "guest_cmd g 'cd /; umount -l /mnt'; detach_disk g xvda --force"
check "power" on
check "whatever was flushed is there" files_there

for n in 4 5; do
	require "LIO $n" lio
	check "attach the LUN $n" pv-scsi attach g $w:0 0:0:0:0
	check "the guest sees its cache $n" same "$(guest_cmd g 'queue_attr $(scsi_disk 0:0) write_cache')" "write back"
	check "records are written and flushed $n" eval "guest_bg g r records '\$(scsi_disk 0:0)' $n && guest_cmd g acked $((5 * n))"
	check "the power is cut $n" cut
	check "the guest gets an error $n" guest_join g r
	check "detach $n" lio_gone
	check "power $n" on
	check "what was flushed is there $n" there $n
done
check "guest stops" stop_guest g
cut; rmdir $v && rmmod null_blk
