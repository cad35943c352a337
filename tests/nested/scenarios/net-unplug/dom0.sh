# SPDX-License-Identifier: GPL-2.0
used_dom0() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print $2 }' /proc/meminfo; }
used_guest() { guest_cmd g "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree/ { print \$2 }' /proc/meminfo"; }
cycles() {
	local i
	for i in $(seq "$1"); do
		attach_vif g 256 && wait_for 30 vif_connected g 1 && guest_cmd g "ip link set eth1 up" || return
		[ -z "$2" ] || same "$(xs "$(vif_frontend g 1)/multi-queue-num-queues")" "$2" || return
		detach_vif g 1 && wait_for 10 guest_cmd g "! ip link show eth1" || return
	done
}
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected" net_up g 2
check "Xen gives it version 1 of grants alone" eval "xl list -l g | grep -q '\"max_grant_version\": 1'"
# What the first ones take is kept for the next: caches, and the other ends' tables.
[ "$FRONT$BACK" = oursours ] && queues=8 || queues=
require "three cycles" cycles 3 $queues
d0=$(used_dom0); g0=$(used_guest)
require "ten more" cycles 10 $queues
d1=$(used_dom0); g1=$(used_guest)
diag "they took $((d0 - d1)) KiB of dom0, $((g0 - g1)) KiB of the guest"
# (What each takes by itself varies, -2 to 1 MB in the guest and -2 to 3 in dom0; buffers of one vif that stayed would be more.)
check "not two MB of the guest" at_least 2048 $((g0 - g1))
check "nor four of dom0" at_least 4096 $((d0 - d1))
check "it works" eval "transfer_to g 2 1 && transfer_from g 2 1"
check "guest stops" stop_guest g
