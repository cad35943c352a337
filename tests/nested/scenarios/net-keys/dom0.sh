# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2 rate=10Mb/s@100ms)"
require "connected, addresses" net_up g 2
r=$(iperf_rate g 10.0.0.1 -t 3)
check "10 Mbit/s from the guest, not more: $r kbit/s" at_least 12000 "$r"
check "and not much less" at_least "$r" 6000
r=$(iperf_rate g 10.0.0.1 -n 4M -R)
check "to the guest is not limited: $r kbit/s" at_least "$r" 20000

check "dom0 takes the link down" eval "ip link set $(vif g) down && wait_for 10 guest_cmd g 'ethtool eth0 | grep \"Link detected: no\"'"
check "dom0 takes it up" eval "ip link set $(vif g) up && wait_for 10 guest_cmd g 'ethtool eth0 | grep \"Link detected: yes\"' && wait_for 10 guest_cmd g 'ping -c 1 -W 1 10.0.0.1'"

guest_cmd g unload_frontend
fe=$(vif_frontend g); be=$(vif_backend g)
check "error of a malformed MAC" eval "xenstore-write $fe/mac 00:16:3e:xx:00:01 && { guest_cmd g load_frontend; wait_for 10 guest_cmd g 'dmesg | grep \"mac is .00:16:3e:xx\"'; }"
guest_cmd g unload_frontend
check "error of a multicast MAC" eval "xenstore-write $fe/mac 01:16:3e:00:00:01 && { guest_cmd g load_frontend; wait_for 10 guest_cmd g 'dmesg | grep \"mac is .01:16\"'; }"
guest_cmd g unload_frontend
xenstore-write "$fe/mac" 00:16:3e:00:00:02
check "an mtu key is taken" eval "xenstore-write $fe/mtu 1400 && guest_cmd g 'load_frontend; grep -x 1400 /sys/class/net/eth0/mtu'"
guest_cmd g unload_frontend
check "a malformed mtu key is ignored with a word" eval "xenstore-write $fe/mtu many && guest_cmd g 'load_frontend; grep -x 1500 /sys/class/net/eth0/mtu && dmesg | grep \"mtu is .many\"'"
check "it works" net_up g 2
guest_cmd g unload_frontend
xenstore-rm "$fe/mtu"; xenstore-write "$fe/trusted" 0
check "an untrusted backend" guest_cmd g load_frontend
check "it works" net_up g 2
check "2 MB each way through cleared pages" eval "transfer_to g 2 2 && transfer_from g 2 2"
guest_cmd g unload_frontend; xenstore-rm "$fe/trusted"
check "a malformed feature of the backend is named" eval "xenstore-write $be/feature-no-csum-offload yes && { guest_cmd g load_frontend; wait_for 10 guest_cmd g 'dmesg | grep \"feature-no-csum-offload is .yes\"'; }"
check "guest stops" stop_guest g
