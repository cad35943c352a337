# SPDX-License-Identifier: GPL-2.0
# Each vif has addresses of its own network, so that an answer must have come its own way: addresses HOST DEVICE, "eth" for one
# each. (A command to a guest is one line.)
addresses() {
	local i
	for i in {0..15}; do printf 'link set %s up;addr add 10.%s/24 dev %s;' "${2/%eth/eth$i}" "$n.$i.$1" "${2/%eth/eth$i}"; done
}
connected_all() {
	local d; d=$(guest_id "$1")
	same "$(for p in "0/backend/vif/$d" "$d/device/vif"; do xenstore-ls "/local/domain/$p" | grep -c '^ state = "4"'; done | tr '\n' ' ')" "16 16 "
}
require "bridge" make_bridge
n=0
for g in g h; do
	n=$((n + 1)) vifs=()
	for i in {0..15}; do vifs+=(--vif "$(vif_line $((n * 16 + i)))"); done
	require "guest $g with sixteen vifs" start_guest $g "${vifs[@]}"
	check "all of them connected" wait_for 60 connected_all $g
	check "addresses" guest_cmd $g "echo '$(addresses 2 eth)' | tr ';' '\\n' | /usr/bin/ip -batch -"
	addresses 1 xenbr0 | tr ';' '\n' | ip -batch -
done
check "32 ports on the bridge" same "$(ls /sys/class/net/xenbr0/brif | wc -l)" 32
n=0
for g in g h; do
	n=$((n + 1))
	check "each of $g passes traffic" guest_cmd -t 120 $g "for i in $(seq -s ' ' 0 15); do ping -q -c 2 -i 0.1 -W 5 -s 1400 10.$n.\$i.1 || exit 1; done"
done
check "guests stop" eval "stop_guest g && stop_guest h"
check "no vif is left" same "$(ls /sys/class/net/xenbr0/brif | wc -l)" 0
