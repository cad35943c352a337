# SPDX-License-Identifier: GPL-2.0
# comes_and_goes PROGRAM TIMES SECONDS: off, and on for so long
comes_and_goes() { local n=0; while [ $n -lt $2 ]; do $1 off && sleep 0.3 && $1 && sleep $3 || return; n=$((n + 1)); done; }

# What comes by either interface leaves by the other one; or nothing does: forward [off]
forward() {
	local dev to obj
	for dev in eth0 eth1; do
		[ $dev = eth0 ] && to=eth1 || to=eth0
		[ "$1" != off ] || { ip link set dev $dev xdpdrv off || return; continue; }
		obj=/tmp/xdp.$dev
		[ -e $obj ] || /nested/guest/xdp $obj all redirect $(cat /sys/class/net/$to/ifindex) || return
		ip -force link set dev $dev xdpdrv obj $obj sec xdp || return
	done
}

# TCP to this guest takes the way of a cpumap; or not: cpumap [off]
cpumap() {
	[ -z "$CPUMAP" ] || { kill $CPUMAP; wait $CPUMAP 2>/dev/null; CPUMAP=; }
	[ "$1" != off ] || return 0
	/nested/guest/xdp-cpumap eth0 >/tmp/cpumap 2>&1 &
	CPUMAP=$!
	local i=0
	until grep -q attached /tmp/cpumap; do i=$((i + 1)); [ $i -lt 50 ] || { cat /tmp/cpumap; return 1; }; sleep 0.1; done
}

# What comes from one of two hosts goes back, to the other one; or not: send_back [off]
send_back() {
	[ "$1" != off ] || { ip link set dev eth0 xdpdrv off; return; }
	ip link set dev eth0 xdpdrv off 2>/dev/null
	/nested/guest/xdp /tmp/xdp.other other tx && ip -force link set dev eth0 xdpdrv obj /tmp/xdp.other sec xdp
}

xdp_count() { ethtool -S $1 | awk -v n="_rx_xdp_$2:" '$1 ~ n { s += $2 } END { print s + 0 }'; }

# The frontend goes; then all the pages of its page pools have come back: pools_empty POOLS
pools_go() {
	mount -t tracefs none /sys/kernel/tracing 2>/dev/null
	echo 1 >/sys/kernel/tracing/events/page_pool/page_pool_release/enable && unload_frontend
}
pools_empty() { [ "$(grep -c 'page_pool_release: .* inflight=0 ' /sys/kernel/tracing/trace)" = "$1" ]; }
