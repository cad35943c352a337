# SPDX-License-Identifier: GPL-2.0
# Free memory of both ends before and after four more disks, a quarter of the difference each.
modprobe null_blk nr_devices=5 queue_mode=2 irqmode=0 gb=1 bs=512
used_dom0() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print $2 }' /proc/meminfo; }
used_guest() { guest_cmd g "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print \$2 }' /proc/meminfo"; }
require "guest boots with a disk" start_guest g "$(disk_line /dev/nullb0 xvda)"
# The first one brings in what all share.
require "connected" wait_for 20 connected g xvda
d0=$(used_dom0); g0=$(used_guest)
for n in 1 2 3 4; do
	v=xvd$(echo $n | tr 1234 bcde)
	check "attach $v" attach_disk g /dev/nullb$n $v
	check "$v connected" wait_for 20 connected g $v
	guest_cmd g wait_disk $v
done
d1=$(used_dom0); g1=$(used_guest)
kib=$(((d0 - d1 + g0 - g1) / 4))
diag "one idle device: $(((d0 - d1) / 4)) KiB in dom0, $(((g0 - g1) / 4)) KiB in the guest"
data "idle_kib $(((d0 - d1) / 4)) $(((g0 - g1) / 4))"
check "it was measured" at_least $((d0 - d1 + g0 - g1)) 16
check "less than 8 MiB together" at_least $((8 * 1024 - 1)) $kib
check "guest stops" stop_guest g
