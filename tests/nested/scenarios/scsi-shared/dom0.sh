# SPDX-License-Identifier: GPL-2.0
make_disk n 32M
w=naa.6001405123456789 v=naa.6001405123456790
require "LIO" lio_init
modprobe dm-mod
loop=$(losetup -f --show /disk/n)
require "a disk that can be made to hang" eval "dmsetup create hang --table '0 65536 linear $loop 0' && { [ -e /dev/mapper/hang ] || dmsetup mknodes; }"
load_backend
require "stores" eval "lio_store iblock n udev_path=/dev/mapper/hang && lio_store rd_mcp r rd_pages=2048 && lio_store rd_mcp s rd_pages=2048"
require "two targets with the disk, and a LUN each" eval "lio_target $w && lio_target $v && lio_lun $w 0 iblock n && lio_lun $v 0 iblock n && lio_lun $w 1 rd_mcp r && lio_lun $v 1 rd_mcp s"
require "two guests boot" eval "start_guest g && start_guest h"
require "each gets the disk and another one" eval "pv-scsi attach g $w:0 0:0:0:0 && pv-scsi attach g $w:1 0:0:1:0 && pv-scsi attach h $v:0 0:0:0:0 && pv-scsi attach h $v:1 0:0:1:0"
require "the disk, in one group of ports" pv-scsi attach h $w:0 0:0:2:0
require "disks" eval "guest_cmd g 'scsi_disk 0:0 && scsi_disk 1:0' && guest_cmd h 'scsi_disk 0:0 && scsi_disk 1:0 && scsi_disk 2:0'"
# What the disk is called in each: $D; in the second one by the first one's group: $E
in_guest() { local g=$1; shift; guest_cmd -t 60 "$g" "D=/dev/\$(scsi_disk 0:0); [ $g = g ] || E=/dev/\$(scsi_disk 2:0); $*"; }
attention() { in_guest "$1" "sg_raw ${2:-\$D} 00 00 00 00 00 00 2>&1" | grep -qi 'unit attention'; }
ready() { local i; for i in 1 2 3 4 5 6; do attention "$@" || return 0; done; return 1; }

require "nobody has anything to be told" eval "ready g && ready h && ready h '\$E'"
check "one resets the disk" in_guest g "sg_reset -d \$D"
check "the other one is told, by either way" eval "attention h && attention h '\$E'"
check "once" eval "ready h && ready h '\$E' && ! attention h"

check "one reserves the disk" in_guest g "sg_persist -n --out --register --param-sark=123 \$D && sg_persist -n --out --reserve --param-rk=123 --prout-type=1 \$D"
write='sg_raw -s 512 -i /dev/zero $D 2a 00 00 00 00 00 00 00 01 00 2>&1'
ready h
check "the other one may read, and not write" eval "in_guest h 'dd if=\$D of=/dev/null bs=4k count=1 iflag=direct' && in_guest h '$write' | grep -qi 'reservation conflict'"
check "in the same group it is the same initiator (README)" eval "ready h '\$E' && in_guest h 'dd if=/dev/zero of=\$E bs=4k count=1 oflag=direct'"
check "it registers, and takes the reservation over" in_guest h "sg_persist -n --out --register --param-sark=456 \$D && sg_persist -n --out --preempt --param-rk=456 --param-sark=123 --prout-type=1 \$D"
check "the first one is told" attention g
ready g
check "and may not write" eval "in_guest g '$write' | grep -qi 'reservation conflict'"
check "given back: both write" eval "in_guest h 'sg_persist -n --out --clear --param-rk=456 \$D' && ready g && ready h && in_guest g 'dd if=/dev/zero of=\$D bs=4k count=1 oflag=direct' && in_guest h 'dd if=/dev/zero of=\$D bs=4k count=1 oflag=direct'"

require "verified I/O in one guest" guest_loop h v "\$(scsi_disk 2:0)" 4m
for round in 1 2 3; do
	require "round $round: the disk hangs" dmsetup suspend --noflush --nolockfs hang
	guest_bg g reset "sg_reset -d /dev/\$(scsi_disk 0:0)"; sleep 2
	check "goes on" dmsetup resume hang
	check "it has been reset by the other guest" guest_join g reset 60
	check "and the I/O goes on" guest_cmd -t 60 h "under_way v"
done
check "without an error" guest_join h v

require "the disk hangs" dmsetup suspend --noflush --nolockfs hang
guest_bg h hung "dd if=/dev/\$(scsi_disk 0:0) of=/dev/null bs=4k count=1 iflag=direct"; sleep 1
check "the guest's other LUN works" guest_cmd -t 20 h "dd if=/dev/\$(scsi_disk 1:0) of=/dev/null bs=4k count=16 iflag=direct"
check "so does the other guest's" guest_cmd -t 20 g "dd if=/dev/\$(scsi_disk 1:0) of=/dev/null bs=4k count=16 iflag=direct"
check "LUNs go" eval "pv-scsi detach g 0:0:1:0 && pv-scsi detach h 0:0:1:0"
check "and come" eval "pv-scsi attach h $w:1 0:0:3:0 && guest_cmd -t 20 h 'scsi_disk 3:0'"
dmsetup resume hang
check "the disk goes on" guest_join h hung
check "all is given back" eval "scsi_end g && scsi_end h"
check "guests stop" eval "stop_guest g && stop_guest h"
check "stores can be taken away" eval "lio_clear; dmsetup remove hang && losetup -D && [ ! -d $LIO/core/iblock_0 ]"
