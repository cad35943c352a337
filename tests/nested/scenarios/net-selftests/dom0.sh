# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
check "packets" eval "transfer_to g 2 1 && transfer_from g 2 1"
for t in stats queues; do check "$t.py" guest_cmd -t 400 g selftest $t; done
check "still connected" wait_for 20 ping -c 1 -W 1 10.0.0.2
check "guest stops" stop_guest g
