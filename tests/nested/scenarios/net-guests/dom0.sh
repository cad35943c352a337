# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "first guest" start_guest g --vif "$(vif_line 2)"
require "second guest" start_guest h --vif "$(vif_line 3)"
require "connected, addresses" eval "net_up g 2 && net_up h 3"
check "ping" guest_cmd g "ping -c 3 -i 0.2 -W 2 10.0.0.3 && ping -6 -c 3 -i 0.2 -W 2 fd00::3"
guest_cmd h "serve_pattern 1 4"
check "4 MB from the second to the first" same "$(guest_cmd -t 240 g "fetch_sum 10.0.0.3")" "$(pattern_sum 1 4)"
guest_cmd g "serve_pattern 2 4"
check "4 MB from the first to the second" same "$(guest_cmd -t 240 h "fetch_sum 10.0.0.2")" "$(pattern_sum 2 4)"
for how in "" -R "-u -b 50M" -6; do
	to=10.0.0.3; case $how in -6*) to=fd00::3 ;; esac
	guest_cmd h iperf_once; r=$(guest_cmd g "iperf3 -c $to -n 2M $how" | kbits); check "iperf3 $how" at_least "$r" 100
	diag "iperf3 $how: $r kbit/s"
done
check "guests stop" eval "stop_guest g && stop_guest h"
