# SPDX-License-Identifier: GPL-2.0
# What all classes of device need to count; then the jobs of one class.

dom0_irqs() { awk '/lateeoi/ && !/hvc|evtchn:/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) s += $i } END { print s + 0 }' /proc/interrupts; }

# Hypercalls while a command runs: traced COMMAND... Classes: scheduler, HVM and PV hypercalls.
traced() {
	local pid
	xentrace -D -e 0x2ab000 -s 50 -S 1024 /run/trace >/dev/null 2>&1 & pid=$!
	sleep 0.3
	"$@" >/dev/null
	sleep 0.1; kill -INT $pid; wait $pid 2>/dev/null
	trace_counts </run/trace
}
# Prints "DOMAIN HYPERCALL COUNT" lines (of an HVM or PVH guest "DOMAIN exit COUNT", "DOMAIN exit:REASON COUNT", too) of a trace on stdin (records: see xen/include/public/trace.h).
trace_counts() {
	od -An -v -tu4 -w4 | awk '
	left == 0 { h = $1 + 0; ev = h % 268435456; left = int(h / 268435456) % 8; skip = 0; k = 0
		if (h >= 2147483648) { left += 2; skip = 2 }
		next }
	{ left--; if (skip > 0) { skip--; next }
	  k++
	  if (ev == 163850) { if (k == 3) dom = $1 }			# 0x2800a: a switch; the third word is who runs next
	  else if (k == 1 && (ev == 2101261 || ev == 532498)) c[dom " " ($1 % 1048576)]++	# 0x20100d PV, 0x82012 vmmcall
	  else if (k == 1 && (ev == 528386 || ev == 528642)) { c[dom " exit"]++; c[dom " exit:" $1]++ }	# 0x81002, 0x81102
	  else if (ev == 126977) lost++ }
	END { for (i in c) print i, c[i]; if (lost) print "lost records", lost }'
}
# calls COUNTS NUMBER front|back: of dom0 or of all others
calls() { awk -v n="$2" -v w="$3" '$2 == n && (w == "back") == ($1 == 0) { s += $3 } END { print s + 0 }' <<<"$1"; }
per_side() { local w; for w in front back; do echo $(($(calls "$2" "$3" $w) - $(calls "$1" "$3" $w))); done; }
# Why the guest left to Xen, per one of N: exit_reasons COUNTS COUNTS N (numbers of AMD's manual)
exit_reasons() {
	awk -v n="$3" '$2 ~ /^exit:/ { s[$2] += FNR == NR ? -$3 : $3 }
		END { for (i in s) if (s[i] / n >= 0.01) printf " %s %.2f", name(substr(i, 6)), s[i] / n }
		function name(r) { return r == 96 ? "interrupt" : r == 100 ? "window" : r == 114 ? "cpuid" : r == 120 ? "hlt" : r == 123 ? "port" :
			r == 124 ? "msr" : r == 129 ? "vmmcall" : r == 1024 ? "memory" : r }' <(echo "$1") <(echo "$2")
}

# Tables of symbols for the host's sampler
symbols() { result "@file $1"; gzip -c | base64 >/dev/ttyS3; result "@endfile"; }
# With --perf: the symbols, then one job between two marks: profile JOB COMMAND...
send_symbols() {
	[ "${SENT-none}" != "$PREFIX" ] || return 0
	SENT=$PREFIX
	awk '$2 ~ /[tTwW]/ && !/\[/ { print $1, $3 }' /proc/kallsyms | symbols kernel
	awk '$2 ~ /[tT]/ && /\[/ { print $1, $3, $4 }' /proc/kallsyms | symbols dom0-modules
	awk '$2 ~ /[tT]/ { print $1, $3 }' /proc/xen/xensyms | symbols xen
	result "@file guest-modules"; guest_cmd -t 300 g "module_symbols | gzip -c | base64" >/dev/ttyS3; result "@endfile"
}
profile() {
	local job=$1; shift
	result "@prof start $job"; "$@" >/dev/null; result "@prof stop"
	check "profile of $job" true
}

# An emulated device is slow: its jobs are LESS times shorter
LESS=1
. "/scenario/$BENCH_CLASS.sh"
