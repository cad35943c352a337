# SPDX-License-Identifier: GPL-2.0
# A new vif is on no bridge before somebody puts it there: the toolstack did it for the old one only.
back_on_bridge() { wait_for 20 ip link show "$(vif g)" && ip link set "$(vif g)" master xenbr0 up; }
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
serve_pattern 1 64
guest_bg g f fetch_sum 10.0.0.1
for n in 1 2; do
	sleep 1
	check "rmmod of the backend $n" unload_backend
	sleep 1
	check "modprobe $n" load_backend
	check "on the bridge again" back_on_bridge
	check "connected again" wait_for 30 vif_connected g
done
check "the transfer across it is right" same "$(guest_join g f)" "$(pattern_sum 1 64)"
serve_pattern 2 64
guest_bg g f fetch_sum 10.0.0.1
for n in 1 2 3; do
	check "another vif comes $n" xl network-attach g "mac=00:16:3e:00:01:0$n" bridge=xenbr0
	check "it is connected" wait_for 30 vif_connected g 1
	check "it works" guest_cmd g "ip link set eth1 up && ip addr add 10.1.0.2/24 dev eth1 && ip -6 addr add fd01::2/64 dev eth1 nodad && ethtool eth1 | grep 'Link detected: yes'"
	check "it goes" detach_vif g 1
	check "it is gone in the guest" guest_cmd g "! ip link show eth1"
done
check "the transfer beside it is right" same "$(guest_join g f)" "$(pattern_sum 2 64)"
for n in 1 2; do
	check "rmmod of the frontend $n" guest_cmd g unload_frontend
	check "modprobe $n" guest_cmd g load_frontend
	check "it works again" net_up g 2
done
check "8 MB each way" eval "transfer_to g 2 8 3 && transfer_from g 2 8 4"
check "guest stops" stop_guest g
