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
	r=$(guest_cmd g redirected eth$n)
	check "by the program: $r packets of eth$n" at_least "$r" 300
done
require "streams both ways" streams_begin h 4
check "the programs come and go" guest_cmd -t 100 g forward_comes_and_goes 4
check "the streams are right" streams_end h

check "a cpumap" guest_cmd h cpumap
check "2 MB each way" eval "transfer_to h 4 2 && transfer_from h 4 2"
r=$(guest_cmd h redirected eth0)
check "by the cpumap: $r packets" at_least "$r" 300
require "streams both ways" streams_begin h 4
check "it comes and goes" guest_cmd -t 100 h cpumap_comes_and_goes 4
check "the streams are right" streams_end h

check "the drivers go while packets pass" eval "ping -q -f -w 5 10.0.0.4 >/dev/null & sleep 1; guest_cmd h pools_go && guest_cmd g pools_go"
# Two for each queue: the ring's, and that of programs
check "no page of the programs' is left" wait_for 20 guest_cmd g pools_empty 4
check "nor of the cpumap's" wait_for 20 guest_cmd h pools_empty 2
check "guests stop" eval "stop_guest g && stop_guest h"
ip link del inner
