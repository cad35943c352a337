# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with two vifs" start_guest g --vif "$(vif_line 2)" --vif "$(vif_line 3)"
require "connected, addresses" net_up g 2
guest_cmd g "ip link set eth1 up"; wait_for 20 vif_connected g 1
# What the second one sends for the first must not draw the first one's packets there.
bridge link set dev "$(vif g 1)" learning off
carrier=$(guest_cmd g "cat /sys/class/net/eth0/carrier_changes")
pings() { ping -q -c 20 -i 0.05 -W 2 "$@" 10.0.0.2; }
xdp() { guest_cmd g "xdp $*"; }
# answered_by_program [PING OPTION]...: pings are answered, but not by the guest's stack
answered_by_program() {
	local before; before=$(guest_cmd g echos)
	pings "$@" && same "$(guest_cmd g echos)" "$before"
}
counted() { [ "$FRONT" != ours ] || at_least "$(guest_cmd g xdp_count "$1")" "$2"; }
lost() { not ping -q -c 2 -i 0.2 -W 1 "$@" 10.0.0.2; }

check "pass" eval "xdp icmp pass && pings"
# Where our backend keeps our frontend's pages mapped, a program gets copies, and the backend need not leave room.
# (A key that is not there is 0.)
headroom_is() { local got; store get got "$(vif_frontend g)/xdp-headroom"; same "${got:-0}" "$1"; }
asked=256; [ "$FRONT$BACK" != oursours ] || asked=0
check "headroom that is asked for: $asked" wait_for 10 headroom_is $asked
[ "$FRONT$BACK" != kernelours ] || check "it is given" wait_for 10 grep -qx "headroom $asked" "/sys/kernel/debug/pvsplit/vif-$(guest_id g)-0"
check "drop" eval "xdp icmp drop && lost && counted drop 2"
check "other packets pass" transfer_to g 2 1
for v in aborted 77; do check "verdict $v drops" eval "xdp icmp $v && lost"; done
check "tx" eval "xdp echo tx && answered_by_program -s 1000 && counted tx 20"
sent=$(guest_cmd g stat_of eth1 tx_packets)
check "redirect to another interface" eval "xdp echo redirect eth1 && answered_by_program -s 1000 && counted redirect 20"
check "it took them" at_least "$(guest_cmd g stat_of eth1 tx_packets)" $((sent + 20))
check "256 bytes of headroom" eval "xdp head pass && pings"
check "no program" eval "xdp && pings"
check "headroom is not asked for any more" wait_for 10 headroom_is 0

if [ "$FRONT" = ours ]; then
	for i in "$(vif g)" "$(vif g 1)" xenbr0; do ip link set "$i" mtu 30000; done
	guest_cmd g "ip link set eth0 mtu 30000; ip link set eth1 mtu 30000"
	for s in 2000 4000 20000; do
		check "$s bytes: a program that knows no fragments drops" eval "xdp icmp drop && lost -s $s && counted drop 2"
		check "$s bytes: sends" eval "xdp echo tx && answered_by_program -s $s"
		check "$s bytes: a program that knows fragments passes" eval "guest_cmd g FRAGS=.frags xdp icmp pass && pings -s $s"
		check "$s bytes: drops" eval "guest_cmd g FRAGS=.frags xdp icmp drop && lost -s $s"
		check "$s bytes: sends" eval "guest_cmd g FRAGS=.frags xdp echo tx && answered_by_program -s $s"
		guest_cmd g FRAGS=.frags xdp echo redirect eth1
		# Linux learned only later to redirect frames with fragments.
		if [ $s -gt 3500 ] && guest_cmd g 'uname -r | grep -q "^6\.1\."'; then check "$s bytes: redirects nothing" lost -s $s
		else check "$s bytes: redirects" answered_by_program -s $s; fi
	done
	check "2 MB each way, in fragments" eval "transfer_to g 2 2 && transfer_from g 2 2"
	guest_cmd g xdp
fi

require "streams both ways" streams_begin g 2
check "programs come and go during streams both ways" guest_cmd -t 200 g churn 4
check "the streams are right" streams_end g
check "the link was up all the time" same "$(guest_cmd g "cat /sys/class/net/eth0/carrier_changes")" "$carrier"

if [ "$FRONT$BACK" = oursours ]; then
	check "a program" xdp echo tx
	check "another backend" eval "unload_backend && load_backend && back_on_bridge g && wait_for 30 vif_connected g"
	check "it is still there" eval "wait_for 20 ping -c 1 -W 1 10.0.0.2 && answered_by_program"
fi
[ "$FRONT" != ours ] || check "the module goes, with a program" eval "xdp icmp pass && guest_cmd g unload_frontend"
check "guest stops" stop_guest g
