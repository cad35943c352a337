# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "first guest" start_guest a --vif "$(vif_line 2)"
require "second guest" start_guest b --vif "$(vif_line 3)"
require "connected, addresses" eval "net_up a 2 && net_up b 3"
check "ping" guest_cmd a "ping -c 3 -W 2 10.0.0.3 && ping -6 -c 3 -W 2 fd00::3"
guest_cmd b "serve_pattern 1 16"
check "16 MB from b to a" same "$(guest_cmd -t 240 a "fetch_sum 10.0.0.3")" "$(pattern_sum 1 16)"
guest_cmd a "serve_pattern 2 16"
check "16 MB from a to b" same "$(guest_cmd -t 240 b "fetch_sum 10.0.0.2")" "$(pattern_sum 2 16)"
guest_cmd b "iperf3 -s -D"
for how in "" -R "-u -b 50M" -6; do
	to=10.0.0.3; case $how in -6*) to=fd00::3 ;; esac
	out=$(guest_cmd a "iperf3 -c $to -t 2 $how"); check "iperf3 $how" at_least "$(mbits <<<"$out")" 5
	diag "iperf3 $how: $(mbits <<<"$out") Mbit/s"
done
check "guests stop" eval "stop_guest a && stop_guest b"
