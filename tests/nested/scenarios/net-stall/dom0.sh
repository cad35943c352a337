# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
# It is only to be there.
require "another guest" eval 'VCPUS=1 start_guest h --vif "$(vif_line 3)"'
require "connected, addresses" net_up h 3
used() { awk '/^MemFree/ { f = $2 } /^MemTotal/ { t = $2 } END { print t - f }' /proc/meminfo; }
carrier() { same "$(cat "/sys/class/net/$(vif "$1")/carrier")" "$2"; }
ip neigh replace 10.0.0.2 lladdr 00:16:3e:00:00:02 dev xenbr0 nud permanent
for n in 1 2; do
	guest_cmd g "ping -q -c 1 10.0.0.1"
	check "pause $n" xl pause g
	before=$(used)
	for i in 1 2 3 4; do flood 10.0.0.2 6; sleep 0.5; done
	after=$(used)
	check "24 MB for it take little memory" at_least $((before + 10240)) "$after"
	diag "$(((after - before) / 1024)) MiB"
	check "the link goes down" wait_for 20 carrier g 0
	check "the other guest does not notice" eval "carrier h 1 && ping -q -c 3 -i 0.2 -W 2 10.0.0.3"
	check "it goes on" xl unpause g
	check "the link comes back" wait_for 20 carrier g 1
	check "it answers" wait_for 20 ping -q -c 1 -W 1 10.0.0.2
	check "2 MB each way" eval "transfer_to g 2 2 && transfer_from g 2 2"
done
[ "$BACK" != ours ] || check "it was counted" at_least "$(counter "$(vif g)" "to[0-9]+_stalls")" 2
if [ "$BACK" = ours ]; then
	n=$(dmesg | grep -c "$(vif g): the guest takes no packets")
	check "it was said, once a queue: $n" eval "at_least $n 1 && at_least 2 $n"
fi
check "guests stop" eval "stop_guest g && stop_guest h"
