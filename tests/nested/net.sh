# SPDX-License-Identifier: GPL-2.0
# What dom0 and guests both need.

KMEMLEAK=/sys/kernel/debug/kmemleak
# Where the kernel has them: kmemleak knows of nothing that is lost (it wants to have seen an object twice, the same, at an age
# of 5 s), and lockdep has not stopped to look, as it does when it has found something.
sound() {
	[ ! -e /proc/lockdep_stats ] || grep -q '^ *debug_locks: *1$' /proc/lockdep_stats || { echo "lockdep has stopped"; return 1; }
	[ -e $KMEMLEAK ] || return 0
	echo scan >$KMEMLEAK; sleep 5; echo scan >$KMEMLEAK
	cat $KMEMLEAK >/tmp/leaks
	[ ! -s /tmp/leaks ] || { cat /tmp/leaks >/dev/console; return 1; }
}

# xenbus holds a module while a device is bound to it, so each is unbound first.
unload_module() {
	local d
	for d in /sys/module/"$1"/drivers/*/v*-*; do [ ! -e "$d" ] || echo "${d##*/}" >"${d%/*}/unbind" || return; done
	rmmod "$1"
}
# All of ours, and of the kernel's that they replace
drop_modules() {
	local m
	for m in pv_blkfront pv_netfront pv_scsifront pv_blkback pv_netback pv_scsiback \
		xen_blkfront xen_netfront xen_scsifront xen_blkback xen_netback xen_scsiback pv_ring hvm_pv_shim; do
		[ ! -e /sys/module/$m/initstate ] || unload_module $m || return
	done
}

# Whose module drives the first block device of a bus: driver_of DEVICES
driver_of() { set -- "$1"/vbd-*; case $(readlink -f "$1/driver/module") in */pv_blk*) echo ours ;; */xen_blk*) echo kernel ;; esac; }

# Makes the bytes of /nested/pattern for the next one who connects: serve_pattern SEED MB
serve_pattern() {
	nc -l -p 5000 -e /nested/pattern "$1" "$2" </dev/null >/dev/null 2>&1 &
	until netstat -ltn | grep -q ':5000 '; do sleep 0.2; done
}
# The same until end_stream is called, which prints how many units it were; units_sum SEED UNITS is their checksum.
serve_stream() { rm -f /tmp/stream.end /tmp/stream.units; serve_pattern "$1" stream; }
end_stream() {
	local n=0
	: >/tmp/stream.end
	until [ -s /tmp/stream.units ]; do n=$((n + 1)); [ $n -lt 600 ] || return; sleep 0.2; done
	cat /tmp/stream.units
}
units_sum() { /nested/pattern "$1" units "$2" | md5sum | cut -d' ' -f1; }
# fetch_sum ADDRESS: the checksum of what arrived
fetch_sum() {
	local f; f=$(mktemp)
	nc -w 60 "$1" 5000 -e /nested/pattern sum "$f" </dev/null; cut -d' ' -f1 "$f"; rm "$f"
}
# For one client. (A server for several resets who comes while it closes its socket after the one before.)
iperf_once() {
	local i=0
	while pidof iperf3 >/dev/null; do
		i=$((i + 1)); [ $i -lt 50 ] || killall iperf3
		sleep 0.1
	done
	iperf3 -s -1 -D
	until netstat -ltn | grep -q ':5201 '; do sleep 0.1; done
}
# pktgen_run DEVICE COUNT MAC: 60-byte packets (64 with the checksum) as fast as they go; prints the microseconds
pktgen_run() {
	local p=/proc/net/pktgen
	modprobe pktgen 2>/dev/null
	echo rem_device_all >$p/kpktgend_0; echo "add_device $1" >$p/kpktgend_0
	local s; for s in "count $2" "pkt_size 60" "delay 0" "dst_mac $3" "dst 10.0.9.9" "clone_skb 0"; do echo "$s" >"$p/$1"; done
	echo start >$p/pgctrl
	sed -n 's/^Result: OK: \([0-9]*\).*/\1/p' "$p/$1"
}
