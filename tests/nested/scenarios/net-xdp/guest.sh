# SPDX-License-Identifier: GPL-2.0
# xdp PROGRAM VERDICT [INTERFACE]: on eth0; FRAGS=.frags for one that knows fragments. Without arguments: none
xdp() {
	[ -n "$1" ] || { ip link set dev eth0 xdpdrv off; return; }
	local to obj
	to=${3:+$(cat "/sys/class/net/$3/ifindex")} obj=/tmp/xdp.$1.$2.$to
	[ -e "$obj" ] || /nested/guest/xdp "$obj" "$1" "$2" $to || return
	ip -force link set dev eth0 xdpdrv obj "$obj" sec "xdp$FRAGS"
}
# Pings that the stack has seen, and not a program before it
echos() { awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp; }
stat_of() { cat "/sys/class/net/$1/statistics/$2"; }
xdp_count() { ethtool -S eth0 | awk -v n="_rx_xdp_$1:" '$1 ~ n { s += $2 } END { print s + 0 }'; }
# Programs come and go: churn ROUNDS
churn() { local n=0; while [ $n -lt "$1" ]; do xdp icmp pass && xdp echo tx && xdp || return; sleep 0.2; n=$((n + 1)); done; }
