# SPDX-License-Identifier: GPL-2.0
# From a machine's logs to KTAP.

# Lines of either console that no scenario may cause. ALLOW in conf takes some out.
BAD_LINES='BUG:|BUG [a-z]|ODEBUG:|WARNING:|Oops|general protection fault|Kernel panic|Call Trace:|cut here|INFO: (rcu|task|possible|trying)|possible (circular|recursive|irq)|inconsistent lock|suspicious RCU|sleeping function called|KASAN|KCSAN|UBSAN|unreferenced object|soft lockup|hard LOCKUP|stall(s|ed)? (on|detected|pool)|refcount_t|Bad page|page allocation failure|still in use|\(XEN\).*(Assertion|Panic|FATAL|Xen BUG|crashed|Triple fault)'

bad_lines() { # WORK
	cat "$1/dom0.log" "$1/guest.log" 2>/dev/null | tr -d '\r' | grep -aE "$BAD_LINES" | { [ -z "$ALLOW" ] && cat || grep -avE "$ALLOW"; } | head -n 12
}

# ktap_subtest NAME WORK RC: writes the indented body to WORK/ktap; WORK/verdict has the reason of a
# failure, or nothing.
ktap_subtest() {
	local name=$1 work=$2 rc=$3 line n=0 bad=0 why='' body=''
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		"@ok "*) n=$((n + 1)); body+="    ok $n ${line#@ok }"$'\n' ;;
		"@not "*) n=$((n + 1)); bad=$((bad + 1)); body+="    not ok $n ${line#@not }"$'\n' ;;
		"# "*) body+="    $line"$'\n' ;;
		esac
	done <"$work/results"
	{ echo "    KTAP version 1"; echo "    # Subtest: $name"; printf '%s' "$body"; echo "    1..$n"; } >"$work/ktap"
	[ $bad = 0 ] || why="$bad of $n checks failed"
	[ $n != 0 ] || why="no check was reported"
	if ! grep -aq '^@end' "$work/results"; then
		why="${why:+$why; }never reported its end$([ "$rc" != 124 ] || echo ": stopped at the limit of $LIMIT s")"
	fi
	bad_lines "$work" >"$work/bad"
	if [ -s "$work/bad" ]; then
		why="${why:+$why; }kernel or hypervisor complaints"
		sed 's/^/    # log: /' "$work/bad" >>"$work/ktap"
	fi
	# The logs may be out of reach later.
	[ -z "$why" ] || {
		tr -d '\r' <"$work/dom0.log" | tail -n 30 | sed 's/^/    # dom0: /'
		tr -d '\r' <"$work/guest.log" | tail -n 15 | sed 's/^/    # guest: /'
	} >>"$work/ktap"
	echo "$why" >"$work/verdict"
}

# What each check of a scenario took, in seconds of a processor, and its name: slowest WORK
slowest() {
	tr -d '\r' <"$1/results" | paste -d' ' "$1/times" - | awk '$2 ~ /^@(ok|not)$/ { t = $1 - last; last = $1; sub(/^[^ ]* [^ ]* /, ""); print t "\t" $0 }'
}
