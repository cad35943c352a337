# SPDX-License-Identifier: GPL-2.0
DISK_SPACE=900m; make_disk x 1M
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
for n in 1 2; do
	serve_pattern $n 64
	guest_bg g f fetch_sum 10.0.0.1
	sleep 2
	before=$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets")
	g0=$(garps 2)
	check "save $n" xl save g /disk/saved
	check "restore $n" xl restore /disk/saved
	rm -f /disk/saved
	check "the guest answers" guest_cmd g true
	check "connected again" wait_for 30 vif_connected g
	check "neighbours were told" garp_after 2 "$g0"
	check "counters of the interface go on" at_least "$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets")" "$before"
	check "the transfer across it is right" same "$(guest_join g f)" "$(pattern_sum $n 64)"
done
check "no staged page is left behind: the second connection works as the first" guest_cmd g "ping -c 2 -W 2 10.0.0.1"
check "guest stops" stop_guest g
