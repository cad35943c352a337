# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
fe=$(vif_frontend g)
check "all features are asked for" same "$(xs "$fe"/{request-rx-copy,feature-{rx-notify,sg,gso-tcpv4,gso-tcpv6,ipv6-csum-offload}} | tr -d '\n')" 111111
if [ "$FRONT" = ours ]; then
	check "there is a control ring" at_least "$(xs "$fe/ctrl-ring-ref")" 1
	check "the rings' pages stay mapped, by our backend" same "$(guest_cmd g "grep -c '^queue.* mapped' /sys/kernel/debug/pvsplit/vif-0")" \
		"$([ "$BACK" = ours ] && echo 1 || echo 0)"
else
	check "no control ring is asked for" not xs "$fe/ctrl-ring-ref"
	check "nothing stays mapped" same "$(awk '/mapped/ { print $2 }' "/sys/kernel/debug/pvsplit/vif-$(guest_id g)-0")" 0
fi
check "dom0 pings the guest" ping -c 3 -i 0.2 -W 2 10.0.0.2
check "the guest pings dom0, large packets too" guest_cmd g "ping -c 3 -i 0.2 -W 2 10.0.0.1 && ping -c 3 -i 0.2 -W 5 -s 20000 10.0.0.1"
check "IPv6 ping" guest_cmd g ping -6 -c 3 -i 0.2 -W 2 fd00::1
check "4 MB to the guest, checksum" transfer_to g 2 4
check "4 MB from the guest, checksum" transfer_from g 2 4 2
check "1 MB over IPv6 each way" eval "transfer_to g 2 1 1 6 && transfer_from g 2 1 2 6"
for how in "" -R "-u -b 100M -l 1400 -n 500K" "-u -b 100M -l 1400 -n 500K -R" "-6" "-6 -R"; do
	to=10.0.0.1; case $how in -6*) to=fd00::1 ;; esac
	r=$(iperf_rate g $to -n 2M "$how")
	check "iperf3 ${how:-from the guest}" at_least "$r" 100
	diag "iperf3 $how: $r kbit/s"
done
sent() { guest_cmd g "cd /sys/class/net/eth0/statistics; cat tx_bytes tx_packets"; }
# shellcheck disable=SC2046 # two numbers
set -- $(sent)
iperf_rate g 10.0.0.1 -n 12M >/dev/null
# shellcheck disable=SC2046
set -- $(sent) "$@"
check "packets from the guest are segmented by others (bytes a packet)" at_least $((($1 - $3) / ($2 - $4))) 4000
check "VLAN 7" eval "ip link add link xenbr0 name xenbr0.7 type vlan id 7 && ip addr add 10.7.0.1/24 dev xenbr0.7 && ip link set xenbr0.7 up &&
	guest_cmd g 'modprobe 8021q; ip link add link eth0 name eth0.7 type vlan id 7 && ip addr add 10.7.0.2/24 dev eth0.7 && ip link set eth0.7 up && ping -c 3 -i 0.2 -W 2 -s 4000 10.7.0.1' &&
	serve_pattern 1 1 && same \$(guest_cmd g fetch_sum 10.7.0.1) \$(pattern_sum 1 1) && guest_cmd g serve_pattern 2 1 && same \$(fetch_sum 10.7.0.2) \$(pattern_sum 2 1)"
check "MTU 9000" eval "ip link set $(vif g) mtu 9000 && ip link set xenbr0 mtu 9000 && guest_cmd g 'ip link set eth0 mtu 9000' && ping -c 2 -i 0.2 -W 2 -s 8972 10.0.0.2 &&
	guest_cmd g 'ping -c 2 -i 0.2 -W 2 -s 8972 10.0.0.1 && ethtool -K eth0 tso off' && transfer_from g 2 1 2 && guest_cmd g ethtool -K eth0 tso on && ping -c 2 -i 0.2 -W 5 -s 30000 10.0.0.2"
check "no packet was refused by either end" same "$(ip -s -s link show "$(vif g)" | awk '/errors/ { getline; s += $3 } END { print s }')$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_errors")" 00
check "detach" detach_vif g
check "the vif is gone" not ip link show "$(vif g)"
check "guest stops" stop_guest g
