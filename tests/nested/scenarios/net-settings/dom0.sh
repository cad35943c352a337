# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
check "two queues" guest_cmd g "[ \$(ls -d /sys/class/net/eth0/queues/rx-* | wc -l) = 2 ]"
require "streams both ways" streams_begin g 2
for o in "tso off" "gso off" "sg off" "tx off" "gro off" "tx on" "sg on" "gso on" "tso on" "gro on"; do
	check "-K $o" guest_cmd g "ethtool -K eth0 $o"
done
for o in "tso off" "sg off" "tx off" "tx on" "sg on" "tso on"; do check "in dom0: -K $o" ethtool -K "$(vif g)" $o; done
check "-G smaller rings" guest_cmd g "ethtool -G eth0 rx 64 tx 64 && ethtool -g eth0"
check "-G full rings" guest_cmd g "ethtool -G eth0 rx 256 tx 256"
check "-C coalescing" guest_cmd g "ethtool -C eth0 rx-frames 8 rx-usecs 100 && ethtool -c eth0"
check "-C none" guest_cmd g "ethtool -C eth0 rx-frames 1 rx-usecs 0"
check "-L one queue" guest_cmd g "ethtool -L eth0 combined 1"
check "connected again" wait_for 20 vif_connected g
check "-L two queues" guest_cmd g "ethtool -L eth0 combined 2"
check "connected again" wait_for 20 vif_connected g
check "-x shows a table" guest_cmd g "ethtool -x eth0 | grep -i toeplitz"
check "-X all to queue 1" guest_cmd g "ethtool -X eth0 weight 0 1 && ethtool -x eth0"
a=$(counter "$(vif g)" to0_packets) b=$(counter "$(vif g)" to1_packets)
guest_cmd g "ping -c 5 -i 0.2 10.0.0.1" >/dev/null
check "-N hash of addresses" guest_cmd g "ethtool -N eth0 rx-flow-hash tcp4 sd && ethtool -n eth0 rx-flow-hash tcp4"
# ARP has no hash and takes the first queue.
check "packets take queue 1" at_least $(($(counter "$(vif g)" to1_packets) - b)) $((2 * ($(counter "$(vif g)" to0_packets) - a)))
check "-X equal" guest_cmd g "ethtool -X eth0 equal 2"
check "-S counts" at_least "$(guest_cmd g "ethtool -S eth0" | awk '/q0_tx_packets/ { print $2 }')" 10
check "threaded NAPI" guest_cmd g "echo 1 >/sys/class/net/eth0/threaded && ping -c 3 -i 0.2 -W 2 10.0.0.1 && echo 0 >/sys/class/net/eth0/threaded"
check "busy polling" guest_cmd g "sysctl -w net.core.busy_poll=50 net.core.busy_read=50 && ping -c 2 -W 2 10.0.0.1"
check "the traffic went on all the time, both ways, and is right" streams_end g
guest_cmd g "sysctl -w net.core.busy_poll=0 net.core.busy_read=0"
check "2 MB each way" eval "transfer_to g 2 2 && transfer_from g 2 2"
check "guest stops" stop_guest g
