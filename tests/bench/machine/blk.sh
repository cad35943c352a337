# SPDX-License-Identifier: GPL-2.0
# One pair of drivers, a null_blk in dom0 behind it, the same jobs on a null_blk inside the guest.

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
require "guest boots" start_guest g "$(disk_line /dev/nullb0 xvda)"
require "connected" wait_for 20 connected g xvda
require "a local disk in the guest" guest_cmd g local_disk
guest_cmd g wait_disk xvda

declare -A disk=([blk]=xvda) near=([blk]=nullb0)
. /scenario/jobs.sh
run_jobs
stop_guest g
