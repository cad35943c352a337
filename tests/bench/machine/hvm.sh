# SPDX-License-Identifier: GPL-2.0
# A disk and a network card of one HVM guest: as the device model emulates them, then by our drivers in their place.

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
make_bridge
require "guest boots" start_guest g "$(disk_line /dev/nullb0 xvda)" --vif "$(vif_line 2 model=e1000)"
require "a local disk in the guest" guest_cmd g local_disk
iperf_server
. /scenario/jobs.sh
. /scenario/netjobs.sh

disk_jobs='' net_jobs=''
for j in $BENCH_JOBS; do
	case $j in tcp-* | pkt-* | rr) net_jobs="$net_jobs $j" ;; *) disk_jobs="$disk_jobs $j" ;; esac
done
declare -A disk near=([blk]=nullb0)

# What follows is of this driver in the guest: of NAME BACK
of() { PREFIX=$1-; data of "$1" "$2"; }
emulated_disk() {
	check "an emulated disk" guest_cmd g "modprobe ata_piix && wait_disk sda && echo none >/sys/block/sda/queue/scheduler" || return
	of ide qemu; disk[blk]=sda BENCH_JOBS=$disk_jobs
	run_jobs
}
emulated_card() {
	dom0_dev() { echo "$(vif g)-emu"; }
	check "an emulated card" guest_cmd g "modprobe e1000 && net_config eth0 2" || return
	of e1000 qemu
	run_net_jobs $net_jobs
	check "it is idle" guest_cmd g "ip link set eth0 down && rmmod e1000"
}

case " $BENCH_FRONTS " in *" emulated "*)
	LESS=40
	[ -z "$disk_jobs" ] || emulated_disk
	LESS=16
	[ -z "$net_jobs" ] || emulated_card
	LESS=1
	dom0_dev() { vif g; }
	;;
esac
case $BENCH_FRONTS in emulated) ;; *)
	[ -z "$FRONT_LATER" ] || require "the frontends load" guest_cmd -t 120 g load_frontend
	require "connected" eval "wait_for 60 connected g xvda && net_up g 2"
	of "$FRONT" "$BACK"; disk[blk]=xvda BENCH_JOBS=$disk_jobs
	run_jobs
	run_net_jobs $net_jobs
	;;
esac
