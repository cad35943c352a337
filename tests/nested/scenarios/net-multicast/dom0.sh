# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
echo 0 >/sys/class/net/xenbr0/bridge/multicast_snooping
ip route add 239.0.0.0/8 dev xenbr0
# Another port of the bridge, whose other end is here
require "another port" eval "modprobe veth && ip link add port type veth peer name out && ip addr add 10.9.0.1/24 dev out && ip link set port master xenbr0 up && ip link set out up"
# The kernel's backend filters only what came through another port, not what this host sends.
from=xenbr0; [ "$BACK" = ours ] || from=out
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
guest_cmd g "sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0"
fe=$(vif_frontend g)
filter() { wait_for 10 eval "same \"\$(xs $fe/request-multicast-control)\" $1" && sleep 1; }
received() { guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets"; }
# arrive GROUP [FROM], stay_away GROUP [FROM]: whether the guest gets 20 packets for it. A few others may come meanwhile.
arrive() {
	local before; before=$(received)
	ping -q -c 20 -i 0.02 -W 1 -I "${2:-$from}" "$1"
	at_least "$(received)" $((before + 20))
}
stay_away() {
	local before; before=$(received)
	ping -q -c 20 -i 0.02 -W 1 -I "${2:-$from}" "$1"
	at_least $((before + 10)) "$(received)"
}
check "the guest asks for a filter" filter 1
check "packets for a group that it is not in do not arrive" stay_away 239.1.2.3
check "it joins" guest_cmd g "ip addr add 239.1.2.3/32 dev eth0 autojoin"; sleep 1
check "packets arrive" arrive 239.1.2.3
check "from another port, too" arrive 239.1.2.3 out
check "it answers" ping -c 2 -W 2 239.1.2.3
check "those of another group do not" stay_away 239.1.2.4
check "nor those from another port" stay_away 239.1.2.4 out
check "it leaves" guest_cmd g "ip addr del 239.1.2.3/32 dev eth0"; sleep 1
check "they do not arrive" stay_away 239.1.2.3
ip -6 neigh flush dev xenbr0
check "IPv6 finds it" ping -6 -c 2 -W 2 fd00::2
for o in allmulticast promisc; do
	check "$o" eval "guest_cmd g ip link set eth0 $o on && filter 0 && arrive 239.1.2.3"
	check "without it the filter is back" eval "guest_cmd g ip link set eth0 $o off && filter 1"
	check "what it is for does not arrive" stay_away 239.1.2.3
done
seventy() { guest_cmd g "for i in \$(seq 10 79); do echo fdb $1 33:33:00:00:01:\$i dev eth0 self permanent; done | /usr/sbin/bridge -batch -"; }
check "70 groups are more than a backend takes: all arrive" eval "seventy add && filter 0 && arrive 239.1.2.3"
check "again few" eval "seventy del && filter 1"
check "what they are not for does not arrive" stay_away 239.1.2.3
if [ "$BACK" = ours ]; then
	guest_cmd g "ip addr add 239.1.2.3/32 dev eth0 autojoin"
	check "another backend" eval "unload_backend && load_backend && back_on_bridge g && wait_for 30 vif_connected g"
	check "it knows the group" eval "wait_for 20 ping -c 1 -W 1 10.0.0.2 && filter 1 && arrive 239.1.2.3"
	check "and no other" stay_away 239.1.2.4
fi
ip link del port
check "guest stops" stop_guest g
