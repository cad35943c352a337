# SPDX-License-Identifier: GPL-2.0
# Each CPU has had upcalls: events_on CPUS
events_on() {
	grep -E 'xen-upcall|xen-event|hvm' /proc/interrupts
	[ "$(grep -c xen-upcall /proc/interrupts)" = "$1" ] || return
	grep xen-upcall /proc/interrupts | awk '{ s = 0; for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) s += $i; if (!s) exit 1 }'
}
