# SPDX-License-Identifier: GPL-2.0
# Network jobs between a guest and the bridge.

# Where the guest's packets come out in dom0
dom0_dev() { vif g; }
# A unicast address that is nobody's: what goes there is dropped where it arrives
NOBODY=02:00:00:00:00:99

# The size of a job: kilobytes, packets or round trips
size() { case $1 in tcp-*) echo $((65536 * SCALE / LESS)) ;; pkt-*) echo $((40000 * SCALE / LESS)) ;; rr) echo $((4000 * SCALE / LESS)) ;; esac; }
# job NAME SIZE: prints its figure
job() {
	case $1 in
	tcp-from) guest_cmd -t 900 g "iperf3 -c 10.0.0.1 -n $2K" | mbits ;;
	tcp-to) guest_cmd -t 900 g "iperf3 -c 10.0.0.1 -n $2K -R" | mbits ;;
	tcp-guests) guest_cmd -t 900 g "iperf3 -c 10.0.0.3 -n $2K" | mbits ;;
	pkt-from) ip link set "$(dom0_dev)" nomaster
		rate "$(dom0_dev)" rx guest_cmd -t 900 g "pktgen_run eth0 $2 $NOBODY"
		ip link set "$(dom0_dev)" master xenbr0 ;;
	pkt-to) guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets" >/run/before
		pktgen_run "$(dom0_dev)" "$2" "$NOBODY" >/run/usec; sleep 0.2
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
packets() { cat "/sys/class/net/$(dom0_dev)/statistics/"[rt]x_packets | awk '{ s += $1 } END { print s }'; }
# run_net_jobs JOB...
run_net_jobs() {
	local NET_JOBS=$* j n p0 p1 i0 i1 g0 g1 v grant event exits a b q0 q1 traced
	if [ -n "$BENCH_PERF" ]; then
		send_symbols
		for j in $NET_JOBS; do profile "$PREFIX$j" job "$j" $((2 * $(size "$j"))); done
		NET_JOBS=
	fi
	for j in $NET_JOBS; do
		n=$(size "$j")
		job "$j" $((n / 16)) >/dev/null
		p0=$(packets); i0=$(dom0_irqs); g0=$(guest_cmd g event_irqs)
		v=$(job "$j" "$n")
		p1=$(packets); i1=$(dom0_irqs); g1=$(guest_cmd g event_irqs)
		grant="- -" event="- -" exits=- traced=0
		if [ -n "$BENCH_TRACE" ]; then
			a=$(traced job "$j" $((n / 32))); q0=$(packets)
			b=$(traced job "$j" $((n / 8))); q1=$(packets)
			# The short run is a quarter of the long one.
			traced=$(((q1 - q0) * 3 / 4)); grant=$(per_side "$a" "$b" 20) event=$(per_side "$a" "$b" 32) exits=$(per_side "$a" "$b" exit | head -n 1)
			[ $BENCH_CLASS != hvm ] || diag "exits, $PREFIX$j:$(exit_reasons "$a" "$b" "$traced")"
			case $b in *lost*) diag "$j: the trace lost records" ;; esac
		fi
		data "$j" "${v:-0}" "$(unit "$j")" packets $((p1 - p0)) irqs $((g1 - g0)) $((i1 - i0)) trace "$traced" $grant $event "$exits"
		check "$j" at_least "${v:-0}" 1
	done
}
