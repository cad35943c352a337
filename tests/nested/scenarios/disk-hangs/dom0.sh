# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk s 32M; make_disk b 16M
w=naa.6001405123456789
# A disk of this domain that can be told not to answer
stubborn() { L=$(losetup -f --show "/disk/$1") && dmsetup create "$1" --table "0 65536 linear $L 0" && { [ -e "/dev/mapper/$1" ] || dmsetup mknodes; }; }
require "LIO" lio_init
require "two disks" eval "modprobe dm-mod && stubborn a && stubborn s"
require "a LUN on the second" eval "lio_store iblock s udev_path=/dev/mapper/s && lio_target $w && lio_lun $w 0 iblock s"
require "guest boots" start_guest g "$(disk_line /dev/mapper/a xvda)"
require "it gets the LUN" eval "pv-scsi attach g $w:0 0:0:0:0 && guest_cmd g 'wait_disk xvda && scsi_disk 0:0'"
require "I/O to both is under way" eval "guest_loop g d xvda 4m && guest_loop g s '\$(scsi_disk 0:0)' 4m"
vbd=$(backend_path g xvda) vscsi=$(scsi_backend g) id=$(guest_id g)
check "they do not answer any more" eval "dmsetup suspend --noflush --nolockfs a && dmsetup suspend --noflush --nolockfs s && guest_cmd g 'stands d && stands s'"
check "the guest is destroyed" xl destroy g
check "its nodes go" eval "store rm $vscsi; wait_for 30 not xenstore-exists $vbd"
check "its devices have no driver any more" wait_for 10 eval "! ls /sys/bus/xen-backend/devices | grep -q -e '-$id-'"
check "another guest boots with a disk" start_guest h "$(disk_line b xvda)"
check "the disk works" guest_cmd h "wait_disk xvda && raw_fill xvda"
check "the guest stops" stop_guest h
check "what it wrote is right" verify_raw b
check "the log says what is waited for" wait_for 20 eval "dmesg | grep -q 'vbd-$id.*waits for requests' && dmesg | grep -q 'vscsi-$id.*waits for commands'"
check "the backend cannot go meanwhile" not rmmod pv_blkback
check "the disks answer again" eval "dmsetup resume a && dmsetup resume s"
check "what was waited for is there" wait_for 20 rmmod pv_blkback
check "LIO's, too" eval "lio_clear; [ ! -d $LIO/core/iblock_0 ] && wait_for 20 rmmod pv_scsiback"
check "nobody has the disks" eval "dmsetup remove a && dmsetup remove s && losetup -D"
