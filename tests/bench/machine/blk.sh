# SPDX-License-Identifier: GPL-2.0
# One pair of drivers, a null_blk in dom0 behind it, the same jobs on a null_blk inside the guest. For what is late, two more that take
# their time: slow (1 ms), few (5 ms, eight at a time).

# null_disk NAME USEC DEPTH
null_disk() {
	local v=/sys/kernel/config/nullb/$1
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	mkdir $v && echo 1024 >$v/size && echo 2 >$v/irqmode && echo $(($2 * 1000)) >$v/completion_nsec && echo "$3" >$v/hw_queue_depth &&
		echo "$VCPUS" >$v/submit_queues && echo 1 >$v/power
}

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
set -- "$(disk_line /dev/nullb0 xvda)"
case " $BENCH_JOBS" in *" slow-"* | *" few-"*)
	require "slow disks" eval "null_disk slow 1000 64 && null_disk few 5000 8"
	set -- "$@" "$(disk_line /dev/slow xvdb)" "$(disk_line /dev/few xvdc)" ;;
esac
require "guest boots" start_guest g "$@"
require "connected" wait_for 20 connected g xvda
require "a local disk in the guest" guest_cmd g local_disk
guest_cmd g wait_disk xvda

declare -A disk=([blk]=xvda [slow]=xvdb [few]=xvdc) near=([blk]=nullb0 [slow]=nullb0 [few]=nullb0)
. /scenario/jobs.sh
run_jobs
stop_guest g
