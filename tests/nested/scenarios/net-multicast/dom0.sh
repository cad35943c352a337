# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
echo 0 >/sys/class/net/xenbr0/bridge/multicast_snooping
ip route add 239.0.0.0/8 dev xenbr0
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
guest_cmd g "sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0"
fe=$(vif_frontend g)
filter() { wait_for 10 eval "same \"\$(xs $fe/request-multicast-control)\" $1" && sleep 1; }
received() { guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets"; }
# arrive GROUP, stay_away GROUP: whether the guest gets 20 packets for it. A few others may come meanwhile.
arrive() {
	local before; before=$(received)
	ping -q -c 20 -i 0.02 -W 1 "$1"
	at_least "$(received)" $((before + 20))
}
stay_away() {
	local before; before=$(received)
	ping -q -c 20 -i 0.02 -W 1 "$1"
	at_least $((before + 10)) "$(received)"
}
# The kernel's backend filters only what came through another port of the bridge, not what this host sends.
check_away() { [ "$BACK" = kernel ] || check "$1" stay_away "$2"; }
check "the guest asks for a filter" filter 1
check_away "packets for a group that it is not in do not arrive" 239.1.2.3
check "it joins" guest_cmd g "ip addr add 239.1.2.3/32 dev eth0 autojoin"; sleep 1
check "packets arrive" arrive 239.1.2.3
check "it answers" ping -c 2 -W 2 239.1.2.3
check_away "those of another group do not" 239.1.2.4
check "it leaves" guest_cmd g "ip addr del 239.1.2.3/32 dev eth0"; sleep 1
check_away "they do not arrive" 239.1.2.3
ip -6 neigh flush dev xenbr0
check "IPv6 finds it" ping -6 -c 2 -W 2 fd00::2
for o in allmulticast promisc; do
	check "$o" eval "guest_cmd g ip link set eth0 $o on && filter 0 && arrive 239.1.2.3"
	check "without it the filter is back" eval "guest_cmd g ip link set eth0 $o off && filter 1"
	check_away "what it is for does not arrive" 239.1.2.3
done
check "70 groups are more than a backend takes: all arrive" eval "guest_cmd g 'for i in \$(seq 10 79); do ip maddr add 33:33:00:00:01:\$i dev eth0 || exit; done' && filter 0 && arrive 239.1.2.3"
check "again few" eval "guest_cmd g 'for i in \$(seq 10 79); do ip maddr del 33:33:00:00:01:\$i dev eth0 || exit; done' && filter 1"
check_away "what they are not for does not arrive" 239.1.2.3
if [ "$BACK" = ours ]; then
	guest_cmd g "ip addr add 239.1.2.3/32 dev eth0 autojoin"
	check "another backend" eval "unload_backend && load_backend && back_on_bridge g && wait_for 30 vif_connected g"
	check "it knows the group" eval "wait_for 20 ping -c 1 -W 1 10.0.0.2 && filter 1 && arrive 239.1.2.3"
	check "and no other" stay_away 239.1.2.4
fi
check "guest stops" stop_guest g
