# SPDX-License-Identifier: GPL-2.0
# One pair of drivers between a guest and a bridge in dom0.

make_bridge
require "guest boots" start_guest g --vif "$(vif_line 2)"
require "connected" net_up g 2
iperf_server
case $BENCH_JOBS in *guests*)
	require "another guest" start_guest h --vif "$(vif_line 3)"
	require "it is connected" net_up h 3
	guest_cmd h "iperf3 -s -D"
	;;
esac
# A unicast address that is nobody's: what goes there is dropped where it arrives
NOBODY=02:00:00:00:00:99

# How much of a job makes one unit of size N: megabytes, packets or round trips
size() { case $1 in tcp-*) echo $((64 * SCALE)) ;; pkt-*) echo $((40000 * SCALE)) ;; rr) echo $((4000 * SCALE)) ;; esac; }
# job NAME SIZE: prints its figure
job() {
	case $1 in
	tcp-from) guest_cmd -t 900 g "iperf3 -c 10.0.0.1 -n $2M" | mbits ;;
	tcp-to) guest_cmd -t 900 g "iperf3 -c 10.0.0.1 -n $2M -R" | mbits ;;
	tcp-guests) guest_cmd -t 900 g "iperf3 -c 10.0.0.3 -n $2M" | mbits ;;
	pkt-from) ip link set "$(vif g)" nomaster
		rate "$(vif g)" rx guest_cmd -t 900 g "pktgen_run eth0 $2 $NOBODY"
		ip link set "$(vif g)" master xenbr0 ;;
	pkt-to) guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets" >/run/before
		pktgen_run "$(vif g)" "$2" "$NOBODY" >/run/usec; sleep 0.2
		echo $((($(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets") - $(cat /run/before)) * 1000000 / $(cat /run/usec))) ;;
	rr) fio --name=s --ioengine=net --protocol=tcp --listen --port=8888 --rw=read --pingpong=1 --bs=1 --size="$2" >/dev/null 2>&1 &
		sleep 0.5
		guest_cmd -t 900 g "fio --name=c --ioengine=net --protocol=tcp --hostname=10.0.0.1 --port=8888 --rw=write --pingpong=1 --nodelay=1 --bs=1 --size=$2 --output-format=terse --terse-version=3" |
			awk -F';' '/^3;/ { print int($49) }'; wait $! ;;
	esac
}
# Packets a second that a device counts while a command runs that prints its microseconds
rate() {
	local dev=$1 dir=$2 a us; shift 2
	a=$(cat "/sys/class/net/$dev/statistics/${dir}_packets"); us=$("$@"); sleep 0.2
	echo $((($(cat "/sys/class/net/$dev/statistics/${dir}_packets") - a) * 1000000 / us))
}
unit() { case $1 in tcp-*) echo Mbit/s ;; pkt-*) echo packets/s ;; rr) echo round-trips/s ;; esac; }
# Packets of both directions that the vif has seen
packets() { cat "/sys/class/net/$(vif g)/statistics/"[rt]x_packets | awk '{ s += $1 } END { print s }'; }

if [ -n "$BENCH_PERF" ]; then
	send_symbols
	for j in $BENCH_JOBS; do profile "$j" job "$j" $((2 * $(size "$j"))); done
	BENCH_JOBS=
fi
for j in $BENCH_JOBS; do
	n=$(size "$j")
	job "$j" $((n / 16)) >/dev/null
	p0=$(packets); i0=$(dom0_irqs); g0=$(guest_cmd g event_irqs)
	v=$(job "$j" "$n")
	p1=$(packets); i1=$(dom0_irqs); g1=$(guest_cmd g event_irqs)
	grant="- -" event="- -" traced=0
	if [ -n "$BENCH_TRACE" ]; then
		a=$(traced job "$j" $((n / 32))); q0=$(packets)
		b=$(traced job "$j" $((n / 8))); q1=$(packets)
		# The short run is a quarter of the long one.
		traced=$(((q1 - q0) * 3 / 4)); grant=$(per_side "$a" "$b" 20) event=$(per_side "$a" "$b" 32)
		case $b in *lost*) diag "$j: the trace lost records" ;; esac
	fi
	data "$j" "${v:-0}" "$(unit "$j")" packets $((p1 - p0)) irqs $((g1 - g0)) $((i1 - i0)) trace "$traced" $grant $event
	check "$j" at_least "${v:-0}" 1
done
stop_guest g
