# SPDX-License-Identifier: GPL-2.0
# Free memory of both ends before and after four more vifs, a quarter of the difference each.
used_dom0() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print $2 }' /proc/meminfo; }
used_guest() { guest_cmd g "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print \$2 }' /proc/meminfo"; }
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
# The first one brings in what all share.
require "connected" net_up g 2
d0=$(used_dom0); g0=$(used_guest)
for n in 1 2 3 4; do
	check "attach $n" xl network-attach g "mac=00:16:3e:00:01:0$n" bridge=xenbr0
	check "connected $n" wait_for 20 vif_connected g $n
	guest_cmd g "ip link set eth$n up"
done
d1=$(used_dom0); g1=$(used_guest)
diag "one idle vif: $(((d0 - d1) / 4)) KiB in dom0, $(((g0 - g1) / 4)) KiB in the guest"
data "idle_kib $(((d0 - d1) / 4)) $(((g0 - g1) / 4))"
check "it was measured" at_least $((d0 - d1 + g0 - g1)) 16
check "less than 2 MiB in dom0" at_least 2047 $(((d0 - d1) / 4))
check "less than 4 MiB in the guest" at_least 4095 $(((g0 - g1) / 4))
check "guest stops" stop_guest g
