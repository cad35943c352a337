# SPDX-License-Identifier: GPL-2.0
# One pair of drivers, two LUNs: LIO on a null_blk (lio), a scsi_debug device that moves no data (pt); the same jobs on
# a null_blk and a scsi_debug device inside the guest. The kernel's backend reaches a device by LIO's pscsi only, so there
# pt is that.

modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS"
require "devices" eval "lio_init && scsi_debug dev_size_mb=1024 fake_rw=1 delay=0 submit_queues=$VCPUS"
load_backend
w=naa.6001405123456789 pt=$(scsi_debug_host):0:0:0
# As the one in the guest that it is compared to
require "no scheduler" wait_for 5 eval "echo none >/sys/block/\$(scsi_block $pt)/queue/scheduler"
require "LIO" eval "lio_store iblock n udev_path=/dev/nullb0 && lio_target $w && lio_lun $w 0 iblock n"
if [ "$BACK" = kernel ]; then
	modprobe target_core_pscsi
	require "pscsi" eval "lio_store pscsi d scsi_host_id=${pt%%:*},scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0 && lio_lun $w 1 pscsi d"
	pt=$w:1
fi
require "guest boots" start_guest g
require "attach" eval "PV_SCSI_WAIT=200 pv-scsi attach g $w:0 0:0:7:0 && PV_SCSI_WAIT=200 pv-scsi attach g $pt 0:0:7:1"
require "local disks in the guest" guest_cmd -t 200 g local_scsi
declare -A disk=([lio]=$(guest_cmd g scsi_disk 7:0) [pt]=$(guest_cmd g scsi_disk 7:1))
declare -A near=([lio]=nullb0 [pt]=$(guest_cmd g disk_below pseudo))
. /scenario/jobs.sh
run_jobs
stop_guest g
