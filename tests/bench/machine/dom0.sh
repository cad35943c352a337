# SPDX-License-Identifier: GPL-2.0
# One pair of drivers, a null_blk in dom0 behind it, the same jobs on a null_blk inside the guest.

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
require "guest boots" start_guest g "$(disk_line /dev/nullb0 xvda)"
require "connected" wait_for 20 connected g xvda
require "a local disk in the guest" guest_cmd g local_disk
guest_cmd g wait_disk xvda

ios() { case $1 in *-1m-*) echo $((800 * SCALE)) ;; *-64k-*) echo $((5000 * SCALE)) ;; *-qd1) echo $((6000 * SCALE)) ;; *) echo $((16000 * SCALE)) ;; esac; }
dom0_irqs() { awk '/lateeoi/ && !/hvc|evtchn:/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) s += $i } END { print s + 0 }' /proc/interrupts; }

# Hypercalls of a fio run of N I/Os: traced JOB N. Classes: scheduler, HVM and PV hypercalls.
traced() {
	local pid
	xentrace -D -e 0x2ab000 -s 50 -S 1024 /run/trace >/dev/null 2>&1 & pid=$!
	sleep 0.3
	guest_cmd -t 900 g fio_job "$1" xvda "$2" >/dev/null
	sleep 0.1; kill -INT $pid; wait $pid 2>/dev/null
	trace_counts </run/trace
}
# Prints "DOMAIN HYPERCALL COUNT" lines of a trace on stdin (records: see xen/include/public/trace.h).
trace_counts() {
	od -An -v -tu4 -w4 | awk '
	left == 0 { h = $1 + 0; ev = h % 268435456; left = int(h / 268435456) % 8; skip = 0; k = 0
		if (h >= 2147483648) { left += 2; skip = 2 }
		next }
	{ left--; if (skip > 0) { skip--; next }
	  k++
	  if (ev == 163850) { if (k == 3) dom = $1 }			# 0x2800a: a switch; the third word is who runs next
	  else if (k == 1 && (ev == 2101261 || ev == 532498)) c[dom " " ($1 % 1048576)]++	# 0x20100d PV, 0x82012 vmmcall
	  else if (ev == 126977) lost++ }
	END { for (i in c) print i, c[i]; if (lost) print "lost records", lost }'
}
# calls COUNTS NUMBER front|back: of dom0 or of all others
calls() { awk -v n="$2" -v w="$3" '$2 == n && (w == "back") == ($1 == 0) { s += $3 } END { print s + 0 }' <<<"$1"; }
per_side() { local w; for w in front back; do echo $(($(calls "$2" "$3" $w) - $(calls "$1" "$3" $w))); done; }

# With --perf: the symbols for the host's sampler, then each job once more between two marks.
symbols() { result "@file $1"; gzip -c | base64 >/dev/ttyS3; result "@endfile"; }
if [ -n "$BENCH_PERF" ]; then
	awk '$2 ~ /[tTwW]/ && !/\[/ { print $1, $3 }' /proc/kallsyms | symbols kernel
	awk '$2 ~ /[tT]/ && /\[/ { print $1, $3, $4 }' /proc/kallsyms | symbols dom0-modules
	awk '$2 ~ /[tT]/ { print $1, $3 }' /proc/xen/xensyms | symbols xen
	guest_cmd g module_symbols | symbols guest-modules
	for job in $BENCH_JOBS; do
		result "@prof start $job"; guest_cmd -t 1800 g fio_job "$job" xvda $((2 * $(ios "$job"))); result "@prof stop"
		check "profile of $job" true
	done
	BENCH_JOBS=
fi

for job in $BENCH_JOBS; do
	n=$(ios "$job")
	if pv=$(guest_cmd -t 1800 g fio_job "$job" xvda "$n"); then
		limit=$(guest_cmd -t 1800 g fio_job "$job" nullb0 "$n")
		i0=$(dom0_irqs); gi=$(guest_cmd -t 1800 g counted "$job" xvda $((n / 4))); i1=$(dom0_irqs)
		grant="- -" event="- -"
		if [ -n "$BENCH_TRACE" ]; then
			a=$(traced "$job" 200); b=$(traced "$job" $((200 + n / 8)))
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
