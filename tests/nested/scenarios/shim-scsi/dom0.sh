# SPDX-License-Identifier: GPL-2.0
require "a SCSI disk in the control domain" scsi_debug dev_size_mb=32 delay=0
p=$(scsi_debug_host):0:0:0
require "guest boots" start_guest g
require "attach" pv-scsi attach g "$p" 0:0:0:0
check "connected" wait_for 20 scsi_connected g
check "guest makes ext4 and copies the files" guest_cmd -t 180 g "fill_disk \$(scsi_disk 0:0)"
check "detach" pv-scsi detach g 0:0:0:0
check "gone in the guest" guest_cmd g wait_no_lun 0:0
check "image is sound and the files are right" verify_image "/dev/$(scsi_block "$p")"
check "attach again" pv-scsi attach g "$p" 0:0:3:5
check "random writes read back right" guest_cmd -t 180 g "verify_io \$(scsi_disk 3:5) 4m"
check "detach again" pv-scsi detach g 0:0:3:5
