# SPDX-License-Identifier: GPL-2.0
# One pair of drivers, a null_blk in dom0 behind it, the same jobs on a null_blk inside the guest.

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
require "guest boots" start_guest g "$(disk_line /dev/nullb0 xvda)"
require "connected" wait_for 20 connected g xvda
require "a local disk in the guest" guest_cmd g local_disk
guest_cmd g wait_disk xvda

ios() { case $1 in *-1m-*) echo $((800 * SCALE)) ;; *-64k-*) echo $((5000 * SCALE)) ;; *-qd1) echo $((6000 * SCALE)) ;; *) echo $((16000 * SCALE)) ;; esac; }
if [ -n "$BENCH_PERF" ]; then
	send_symbols
	for job in $BENCH_JOBS; do profile "$job" guest_cmd -t 1800 g fio_job "$job" xvda $((2 * $(ios "$job"))); done
	BENCH_JOBS=
fi

for job in $BENCH_JOBS; do
	n=$(ios "$job")
	if pv=$(guest_cmd -t 1800 g fio_job "$job" xvda "$n"); then
		limit=$(guest_cmd -t 1800 g fio_job "$job" nullb0 "$n")
		i0=$(dom0_irqs); gi=$(guest_cmd -t 1800 g counted "$job" xvda $((n / 4))); i1=$(dom0_irqs)
		grant="- -" event="- -"
		if [ -n "$BENCH_TRACE" ]; then
			a=$(traced guest_cmd -t 900 g fio_job "$job" xvda 200)
			b=$(traced guest_cmd -t 900 g fio_job "$job" xvda $((200 + n / 8)))
			grant=$(per_side "$a" "$b" 20) event=$(per_side "$a" "$b" 32)
			case $b in *lost*) diag "$job: the trace lost records" ;; esac
		fi
		data "$job $pv limit $limit irqs $((n / 4)) ${gi:-0} $((i1 - i0)) trace $((n / 8))" $grant $event
		check "$job" true
	else
		check "$job" echo "$pv"; check "$job" false
	fi
done
stop_guest g
