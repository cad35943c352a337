# SPDX-License-Identifier: GPL-2.0
# fio jobs of a disk by drivers and of one inside the guest. A name may begin with the kind of disk: near and disk say
# which these are.

ios() { case $1 in slow-* | few-*) echo $((4000 * SCALE)) ;; *-1m-*) echo $((800 * SCALE / LESS)) ;; *-64k-*) echo $((5000 * SCALE / LESS)) ;; *-qd1) echo $((6000 * SCALE / LESS)) ;; *) echo $((16000 * SCALE / LESS)) ;; esac; }
kind() { case $1 in lio-* | pt-* | slow-* | few-*) echo "${1%%-*}" ;; *) echo blk ;; esac; }
run_jobs() {
	local job n d pv tail limit i0 i1 gi grant event a b
	if [ -n "$BENCH_PERF" ]; then
		send_symbols
		for job in $BENCH_JOBS; do profile "$PREFIX$job" guest_cmd -t 1800 g fio_job "$job" "${disk[$(kind "$job")]}" $((2 * $(ios "$job"))); done
		BENCH_JOBS=
	fi

	for job in $BENCH_JOBS; do
		n=$(ios "$job") d=${disk[$(kind "$job")]}
		if pv=$(guest_cmd -t 1800 g fio_job "$job" "$d" "$n"); then
			limit=$(guest_cmd -t 1800 g fio_job "$job" "${near[$(kind "$job")]}" "$n")
			tail=$(cut -d' ' -f4- <<<"$pv") pv=$(cut -d' ' -f-3 <<<"$pv") limit=$(cut -d' ' -f-3 <<<"$limit")
			i0=$(dom0_irqs); gi=$(guest_cmd -t 1800 g counted "$job" "$d" $((n / 4))); i1=$(dom0_irqs)
			grant="- -" event="- -" exits=-
			if [ -n "$BENCH_TRACE" ]; then
				a=$(traced guest_cmd -t 900 g fio_job "$job" "$d" $((200 / LESS)))
				b=$(traced guest_cmd -t 900 g fio_job "$job" "$d" $((200 / LESS + n / 8)))
				grant=$(per_side "$a" "$b" 20) event=$(per_side "$a" "$b" 32) exits=$(per_side "$a" "$b" exit | head -n 1)
				[ $BENCH_CLASS != hvm ] || diag "exits, $PREFIX$job:$(exit_reasons "$a" "$b" $((n / 8)))"
				case $b in *lost*) diag "$job: the trace lost records" ;; esac
			fi
			data "$job $pv limit $limit irqs $((n / 4)) ${gi:-0} $((i1 - i0)) trace $((n / 8))" $grant $event "$exits" tail $tail
			check "$job" true
		else
			check "$job" echo "$pv"; check "$job" false
		fi
	done
}
