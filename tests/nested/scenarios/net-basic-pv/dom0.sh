# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
check "dom0 pings the guest" ping -c 3 -W 2 10.0.0.2
check "the guest pings dom0, large packets too" guest_cmd g "ping -c 3 -W 2 10.0.0.1 && ping -c 3 -W 2 -s 20000 10.0.0.1"
check "IPv6 ping" guest_cmd g ping -6 -c 3 -W 2 fd00::1
check "16 MB to the guest, checksum" transfer_to g 2 16
check "16 MB from the guest, checksum" transfer_from g 2 16 2
check "8 MB over IPv6 each way" eval "transfer_to g 2 8 3 6 && transfer_from g 2 8 4 6"
iperf_server
for how in "" -R "-u -b 100M -l 1400" "-u -b 100M -l 1400 -R" "-6" "-6 -R"; do
	to=10.0.0.1; case $how in -6*) to=fd00::1 ;; esac
	out=$(guest_cmd g "iperf3 -c $to -t 2 $how")
	check "iperf3 ${how:-from the guest}" at_least "$(mbits <<<"$out")" 1
	diag "iperf3 $how: $(mbits <<<"$out") Mbit/s"
done
b0=$(guest_cmd g "cat /sys/class/net/eth0/statistics/tx_bytes"); p0=$(guest_cmd g "cat /sys/class/net/eth0/statistics/tx_packets")
guest_cmd g "iperf3 -c 10.0.0.1 -n 32M" >/dev/null
b1=$(guest_cmd g "cat /sys/class/net/eth0/statistics/tx_bytes"); p1=$(guest_cmd g "cat /sys/class/net/eth0/statistics/tx_packets")
check "packets from the guest are segmented by others (bytes a packet)" at_least $(((b1 - b0) / (p1 - p0))) 8000
check "VLAN 7" eval "ip link add link xenbr0 name xenbr0.7 type vlan id 7 && ip addr add 10.7.0.1/24 dev xenbr0.7 && ip link set xenbr0.7 up &&
	guest_cmd g 'modprobe 8021q; ip link add link eth0 name eth0.7 type vlan id 7 && ip addr add 10.7.0.2/24 dev eth0.7 && ip link set eth0.7 up && ping -c 3 -W 2 -s 4000 10.7.0.1 && iperf3 -c 10.7.0.1 -t 1 && iperf3 -c 10.7.0.1 -t 1 -R'"
check "MTU 9000" eval "ip link set $(vif g) mtu 9000 && ip link set xenbr0 mtu 9000 && guest_cmd g 'ip link set eth0 mtu 9000' && ping -c 2 -W 2 -s 8972 10.0.0.2 &&
	guest_cmd g 'ping -c 2 -W 2 -s 8972 10.0.0.1 && ethtool -K eth0 tso off && iperf3 -c 10.0.0.1 -t 1 && ethtool -K eth0 tso on' && ping -c 2 -W 2 -s 30000 10.0.0.2"
check "no packet was refused by either end" same "$(ip -s -s link show "$(vif g)" | awk '/errors/ { getline; s += $3 } END { print s }')$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_errors")" 00
check "detach" detach_vif g
check "the vif is gone" not ip link show "$(vif g)"
check "guest stops" stop_guest g
