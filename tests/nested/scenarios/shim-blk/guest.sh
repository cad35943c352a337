# SPDX-License-Identifier: GPL-2.0
# Every CPU has an upcall vector, and those with queues have had upcalls: events_on CPUS
events_on() {
	local want=$1
	grep -E 'xen-upcall|xen-event|hvm' /proc/interrupts
	case " $SHIM_PARAMS " in
	*" vectors=0 "*) want=0 ;;
	*" fifo=1 "*) dmesg | grep "events: FIFO layout" || return ;;
	esac
	[ "$(grep -c xen-upcall /proc/interrupts)" = "$want" ] || return
	[ "$want" -le 2 ] || want=2
	grep xen-upcall /proc/interrupts | awk -v want="$want" '
		{ s = 0; for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) s += $i; if (s) n++ }
		END { exit n < want }'
}
