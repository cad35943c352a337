# SPDX-License-Identifier: GPL-2.0
make_disk f 64M
w=naa.6001405123456789
require "LIO" lio_init
load_backend
require "stores" eval "lio_store rd_mcp r rd_pages=8192 && lio_store fileio f fd_dev_name=/disk/f,fd_dev_size=67108864"
require "a target with two LUNs" eval "lio_target $w && lio_lun $w 0 rd_mcp r && lio_lun $w 1 fileio f"
require "guest boots" start_guest g
check "attach" pv-scsi attach g $w:0 0:0:0:0
check "attach one more" pv-scsi attach g $w:1 0:0:1:0
require "two disks in the guest" guest_cmd g "scsi_disk 0:0 && scsi_disk 1:0"
check "INQUIRY" eval "guest_cmd g 'sg_inq /dev/\$(scsi_disk 1:0)' | grep -q 'LIO-ORG'"
check "an unknown command: illegal request" eval "guest_cmd g 'sg_raw /dev/\$(scsi_disk 1:0) 3f 00 00 00 00 00 00 00 00 00 2>&1' | grep -qi 'illegal request'"
check "ext4" guest_cmd -t 120 g "fill_disk \$(scsi_disk 1:0)"
check "verified random I/O" guest_cmd -t 180 g "verify_io \$(scsi_disk 0:0) 4m"
check "1 MiB at a time" guest_cmd -t 60 g "fio --name=v --filename=/dev/\$(scsi_disk 0:0) --direct=1 --bs=1m --size=4m --rw=write --verify=crc32c --minimal"
# The kernel's backend does not do this.
if [ "$BACK" = ours ]; then
	require "a disk to pass through" scsi_debug dev_size_mb=32 delay=0
	p=$(scsi_debug_host):0:0:0
	check "attach it beside them" pv-scsi attach g "$p" 0:0:2:1
	check "it says what it says here" same "$(guest_cmd g 'sg_inq /dev/$(scsi_disk 2:1)' | grep -i 'product\|vendor\|serial')" "$(sg_inq "/dev/$(scsi_block "$p")" | grep -i 'product\|vendor\|serial')"
	check "verified I/O on it" guest_cmd -t 180 g "verify_io \$(scsi_disk 2:1) 4m"
	check "detach it" pv-scsi detach g 0:0:2:1
fi
check "detach" pv-scsi detach g 0:0:0:0
check "gone in the guest" guest_cmd g wait_no_lun 0:0
check "detach the last" pv-scsi detach g 0:0:1:0
check "image is right" verify_image f
check "guest stops" stop_guest g
