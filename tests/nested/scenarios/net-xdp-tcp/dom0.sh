# SPDX-License-Identifier: GPL-2.0
# dom0's bridge - eth0 of guest g, its program, eth1 - a second bridge - guest h
require "bridge" make_bridge
# What the second bridge gets is not for dom0: neither by the vifs' address, which is a port's, nor by dom0's answers.
ip link set xenbr0 address 02:00:00:00:00:01
ip link add inner type bridge forward_delay 0; ip link set inner up
echo 1 >/proc/sys/net/ipv4/conf/inner/arp_ignore
require "guest boots with two vifs" start_guest g --vif "$(vif_line 2)" --vif "$(vif_line 3 | sed s/=xenbr0/=inner/)"
require "another guest behind it" start_guest h --vif "$(vif_line 4 | sed s/=xenbr0/=inner/)"
guest_cmd g "ip link set eth0 promisc on up; ip link set eth1 promisc on up"
for n in 0 1; do require "connected $n" wait_for 20 vif_connected g $n; done
require "programs forward" guest_cmd g forward
require "the other guest is there through them" net_up h 4
check "2 MB to it" transfer_to h 4 2
check "2 MB from it" transfer_from h 4 2
for n in 0 1; do
	r=$(guest_cmd g xdp_count eth$n redirect)
	check "by the program: $r packets of eth$n" at_least "$r" 300
done
require "streams both ways" streams_begin h 4
check "the programs come and go" guest_cmd -t 100 g comes_and_goes forward 4 2
check "the streams are right" streams_end h

check "a cpumap" guest_cmd h cpumap
check "2 MB each way" eval "transfer_to h 4 2 && transfer_from h 4 2"
r=$(guest_cmd h xdp_count eth0 redirect)
check "by the cpumap: $r packets" at_least "$r" 300
require "streams both ways" streams_begin h 4
check "it comes and goes" guest_cmd -t 100 h comes_and_goes cpumap 4 1
check "the streams are right" streams_end h

# Two hosts at the second bridge, each of which believes that the other one has h's address
modprobe veth
mac=$(guest_cmd h "cat /sys/class/net/eth0/address")
for n in 2 3; do
	ip netns add host$n; ip link add host$n type veth peer name eth0 netns host$n; ip link set host$n master inner up
	ip -n host$n link set eth0 address 02:00:00:00:01:0$n up; ip -n host$n addr add 10.8.0.$n/24 dev eth0
	ip -n host$n neigh add 10.8.0.$((5 - n)) lladdr "$mac" dev eth0
done
on_host() { ip netns exec "host$1" sh -c ". /nested/net.sh; ${*:2}"; }
# from_host N MB SEED: the other one gets that
from_host() { on_host "$1" serve_pattern "$3" "$2" && same "$(on_host $((5 - $1)) fetch_sum "10.8.0.$1")" "$(pattern_sum "$3" "$2")"; }
check "a program that sends back" guest_cmd h "cpumap off && send_back"
check "2 MB each way between hosts by it" eval "from_host 2 2 3 && from_host 3 2 4"
r=$(guest_cmd h xdp_count eth0 tx)
check "sent back: $r packets" at_least "$r" 300
guest_bg h back comes_and_goes send_back 4 1
check "2 MB each way while it comes and goes" eval "from_host 2 2 5 && from_host 3 2 6"
check "it came and went" guest_join h back
ip netns del host2; ip netns del host3

check "the drivers go while packets pass" eval "ping -q -f -w 5 10.0.0.4 >/dev/null & sleep 1; guest_cmd h pools_go && guest_cmd g pools_go"
# Two for each queue: the ring's, and that of programs
check "no page of the programs' is left" wait_for 20 guest_cmd g pools_empty 4
check "nor of the cpumap's" wait_for 20 guest_cmd h pools_empty 2
check "guests stop" eval "stop_guest g && stop_guest h"
ip link del inner
