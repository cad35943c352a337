# SPDX-License-Identifier: GPL-2.0
# What dom0 and guests both need for network scenarios.

# Makes the bytes of /nested/pattern for the next one who connects: serve_pattern SEED MB
serve_pattern() {
	nc -l -p 5000 -e /nested/pattern "$1" "$2" </dev/null >/dev/null 2>&1 &
	until netstat -ltn | grep -q ':5000 '; do sleep 0.2; done
}
# fetch_sum ADDRESS: the checksum of what arrived
fetch_sum() { nc -w 60 "$1" 5000 </dev/null | sha256sum | cut -d' ' -f1; }
# pktgen_run DEVICE COUNT MAC: 60-byte packets (64 with the checksum) as fast as they go; prints the microseconds
pktgen_run() {
	local p=/proc/net/pktgen
	modprobe pktgen 2>/dev/null
	echo rem_device_all >$p/kpktgend_0; echo "add_device $1" >$p/kpktgend_0
	local s; for s in "count $2" "pkt_size 60" "delay 0" "dst_mac $3" "dst 10.0.9.9" "clone_skb 0"; do echo "$s" >"$p/$1"; done
	echo start >$p/pgctrl
	sed -n 's/^Result: OK: \([0-9]*\).*/\1/p' "$p/$1"
}
