# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
require "streams both ways" streams_begin g 2
for n in 1 2; do
	check "rmmod of the backend $n" unload_backend
	check "modprobe $n" load_backend
	check "on the bridge again" back_on_bridge g
	check "connected again" wait_for 30 vif_connected g
done
check "the transfers across it are right" streams_end g
require "streams both ways" streams_begin g 2
for n in 1 2 3; do
	check "another vif comes $n" attach_vif g $((256 + n))
	check "it is connected" wait_for 30 vif_connected g 1
	check "it works" guest_cmd g "ip link set eth1 up && ip addr add 10.1.0.2/24 dev eth1 && ip -6 addr add fd01::2/64 dev eth1 nodad && ethtool eth1 | grep 'Link detected: yes'"
	check "it goes" detach_vif g 1
	check "it is gone in the guest" wait_for 10 guest_cmd g "! ip link show eth1"
done
check "the transfers beside it are right" streams_end g
for n in 1 2; do
	check "rmmod of the frontend $n" guest_cmd g unload_frontend
	check "modprobe $n" guest_cmd g load_frontend
	check "it works again" net_up g 2
done
check "2 MB each way" eval "transfer_to g 2 2 && transfer_from g 2 2"
check "guest stops" stop_guest g
