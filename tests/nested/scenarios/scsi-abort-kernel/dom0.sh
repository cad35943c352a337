# SPDX-License-Identifier: GPL-2.0
# The kernel's backend says that it has aborted a command, and never answers it.
make_disk f 64M
w=naa.6001405123456789
require "LIO" lio_init
modprobe dm-mod
loop=$(losetup -f --show /disk/f)
require "a disk that can be made to hang" eval "dmsetup create hang --table '0 131072 linear $loop 0' && dmsetup mknodes"
load_backend
require "stores" eval "lio_store rd_mcp r rd_pages=2048 && lio_store iblock n udev_path=/dev/mapper/hang"
require "a target with two LUNs" eval "lio_target $w && lio_lun $w 0 rd_mcp r && lio_lun $w 1 iblock n"
require "guest boots" start_guest g
require "attach both" eval "pv-scsi attach g $w:0 0:0:0:0 && pv-scsi attach g $w:1 0:0:1:0"
require "disks" guest_cmd g "scsi_disk 0:0 && scsi_disk 1:0"
guest_cmd g 'for d in /sys/class/scsi_device/*/device/timeout; do echo 3 >$d; done'
in_guest() { guest_cmd -t 60 g "A=/dev/\$(scsi_disk 0:0); B=/dev/\$(scsi_disk 1:0); $*"; }
read_one() { in_guest "dd if=\$$1 of=/dev/null bs=4k count=4 iflag=direct"; }
for round in 1 2; do
	require "round $round: the disk hangs" dmsetup suspend --noflush --nolockfs hang
	guest_bg g r "dd if=/dev/\$(scsi_disk 1:0) of=/dev/null bs=4k count=1 iflag=direct"
	sleep 10
	check "and goes on" dmsetup resume hang
	require "the read that was aborted is done" guest_join g r 60
done
check "the disk works" read_one B
check "the other one, too" read_one A
check "both are online" in_guest "! grep -v running /sys/class/scsi_device/*/device/state"
check "ids are parked" in_guest "grep -q 'parked [12] ' /sys/kernel/debug/pvsplit/* || { cat /sys/kernel/debug/pvsplit/*; false; }"
check "guest is sound" guest_cmd -t 120 g sound
# That backend waits for ever for what it has aborted, and keeps it mapped: its guest cannot be taken away, the machine can.
result "@end"; poweroff -f
