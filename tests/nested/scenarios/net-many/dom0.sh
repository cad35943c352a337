# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
for g in a b c d; do
	n=$((n + 1))
	require "guest $g" start_guest $g --vif "$(vif_line $((n * 16)))"
	# One by one: the toolstack gives scripts that run side by side ten seconds together.
	for i in $(seq 1 15); do xl network-attach $g "mac=$(printf 00:16:3e:00:00:%02x $((n * 16 + i)))" bridge=xenbr0; done
	# Each in a network of its own, so that an answer must have come its own way
	check "all of them connected" wait_for 60 eval "for i in $(seq -s ' ' 0 15); do vif_connected $g \$i || exit 1; done"
	check "addresses" guest_cmd $g "for i in $(seq -s ' ' 0 15); do ip link set eth\$i up && ip addr add 10.$n.\$i.2/24 dev eth\$i || exit 1; done"
	for i in $(seq 0 15); do ip addr add "10.$n.$i.1/24" dev xenbr0; done
done
check "64 ports on the bridge" same "$(ls /sys/class/net/xenbr0/brif | wc -l)" 64
n=0
for g in a b c d; do
	n=$((n + 1))
	check "each of $g passes traffic" guest_cmd -t 120 $g "for i in $(seq -s ' ' 0 15); do ping -q -c 2 -W 5 -s 1400 10.$n.\$i.1 || exit 1; done"
done
check "guests stop" eval "stop_guest a && stop_guest b && stop_guest c && stop_guest d"
check "no vif is left" same "$(ls /sys/class/net/xenbr0/brif | wc -l)" 0
