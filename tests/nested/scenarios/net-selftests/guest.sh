# SPDX-License-Identifier: GPL-2.0
# selftest NAME: prints its cases; none may fail, and none may be left out but for what a vif has not: pause frames, FEC
selftest() {
	# Its commands are for a shell that has no tools of its own.
	ln -sf dash /usr/bin/sh
	cd /linux/tools/testing/selftests/drivers/net || return
	NETIF=eth0 python3 $1.py >/tmp/selftest 2>&1
	local rc=$?
	ln -sf busybox /usr/bin/sh
	grep -E '^(not )?ok' /tmp/selftest | sed 's/^/# /'
	[ $rc = 0 ] && grep -q '^# Totals' /tmp/selftest && ! grep -E '^not ok|SKIP' /tmp/selftest >/dev/null && return
	tail -n 40 /tmp/selftest
	return 1
}
