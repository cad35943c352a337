# SPDX-License-Identifier: GPL-2.0
make_disk f 64M; make_disk b 64M
w=naa.6001405123456789
require "LIO" lio_init
load_backend
require "stores" eval "lio_store rd_mcp r rd_pages=8192 && lio_store fileio f fd_dev_name=/disk/f,fd_dev_size=67108864 &&
	losetup /dev/loop7 /disk/b && lio_store iblock b udev_path=/dev/loop7 emulate_tpu=1"
require "a target with three LUNs" eval "lio_target $w && lio_lun $w 0 rd_mcp r && lio_lun $w 1 fileio f && lio_lun $w 5 iblock b"
require "guest boots" start_guest g
check "attach the ramdisk" pv-scsi attach g $w:0 0:0:0:0
check "attach the file" pv-scsi attach g $w:1 0:0:0:1
check "attach the block device" pv-scsi attach g $w:5 0:0:2:0
check "a LUN that is not there" not pv-scsi attach g $w:9 0:0:2:1
check "three disks in the guest" guest_cmd g "scsi_disk 0:0 && scsi_disk 0:1 && scsi_disk 2:0"
check "INQUIRY" eval "guest_cmd g 'sg_inq /dev/\$(scsi_disk 0:1)' | grep -q 'LIO-ORG'"
check "READ CAPACITY 16" eval "guest_cmd g 'sg_readcap -l /dev/\$(scsi_disk 0:1)' | grep -q 'Device size: 67108864 bytes'"
check "REPORT LUNS" eval "guest_cmd g 'sg_luns /dev/\$(scsi_disk 0:0)' | grep -q 'Lun list length = 16'"
check "ext4 on the file" guest_cmd -t 120 g "fill_disk \$(scsi_disk 0:1)"
check "ext4 on the block device" guest_cmd -t 120 g "fill_disk \$(scsi_disk 2:0)"
check "verified random I/O on the ramdisk" guest_cmd -t 180 g "verify_io \$(scsi_disk 0:0) 4m"
check "UNMAP" guest_cmd g "sg_unmap --lba=120000 --num=8 /dev/\$(scsi_disk 2:0)"
check "WRITE SAME" guest_cmd g "D=/dev/\$(scsi_disk 2:0); dd if=/dev/urandom of=\$D bs=4k seek=15000 count=4 oflag=direct && sg_write_same --16 --lba=120000 --num=32 --xferlen=512 --in=/dev/zero \$D && dd if=\$D bs=4k skip=15000 count=4 iflag=direct 2>/dev/null | tr -d '\\0' | wc -c | grep -qx 0"
check "persistent reservation" guest_cmd g "D=/dev/\$(scsi_disk 0:1); sg_persist -n --out --register --param-sark=abc \$D && sg_persist -n -k \$D | grep -qi abc && sg_persist -n --out --register --param-rk=abc --param-sark=0 \$D"
check "no copies to other guests' LUNs" eval "guest_cmd g 'sg_raw -s 16 -i /dev/zero /dev/\$(scsi_disk 0:1) 83 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 2>&1' | grep -qi 'illegal request'"
check "nor an offer of them" same "$(guest_cmd g 'sg_inq /dev/$(scsi_disk 0:1)' | grep -o '3PC=.')" "3PC=0"
check "with leave there is one" eval "pv-scsi attach g $w:1 0:0:4:0 --allow copy && guest_cmd g 'sg_inq /dev/\$(scsi_disk 4:0)' | grep -q '3PC=1' && pv-scsi detach g 0:0:4:0"
check "4 MiB at a time" guest_cmd -t 60 g "D=\$(scsi_disk 0:0); echo 4096 >/sys/block/\$D/queue/max_sectors_kb; dd if=/dev/\$D of=/dev/null bs=4M count=2 iflag=direct && fio --name=v --filename=/dev/\$D --direct=1 --bs=4m --size=8m --rw=write --verify=crc32c --minimal"
# The ramdisk once more, by another port, which is a SCSI device here: passed through to the same vhost.
check "a loopback device" lio_loopback rd_mcp r
p=$(ls /sys/class/scsi_device | grep "^$(host_of_driver tcm_loopback):")
check "attach it beside LIO's own LUNs" pv-scsi attach g "$p" 0:0:3:0 --allow reservations
check "it is the ramdisk" guest_cmd -t 60 g "A=/dev/\$(scsi_disk 3:0) B=/dev/\$(scsi_disk 0:0); dd if=/dev/urandom of=\$A bs=64k count=8 oflag=direct 2>/dev/null && dd if=\$A bs=64k count=8 iflag=direct 2>/dev/null | sha256sum >/tmp/a && dd if=\$B bs=64k count=8 iflag=direct 2>/dev/null | sha256sum | cmp - /tmp/a"
check "register and reserve it" guest_cmd g "A=/dev/\$(scsi_disk 3:0); sg_persist -n --out --register --param-sark=123 \$A && sg_persist -n --out --reserve --param-rk=123 --prout-type=1 \$A"
check "LIO says so" eval "grep -q 'SPC-3 Reservation' $LIO/core/rd_mcp_0/r/pr/res_holder && ! grep -q 'No SPC-3' $LIO/core/rd_mcp_0/r/pr/res_holder"
check "the other port may read, and not write" guest_cmd g "B=/dev/\$(scsi_disk 0:0); dd if=\$B of=/dev/null bs=4k count=1 iflag=direct && ! sg_raw -s 512 -i /dev/zero \$B 2a 00 00 00 00 00 00 00 01 00 2>/tmp/conflict && grep -qi 'reservation conflict' /tmp/conflict"
check "the holder may write" guest_cmd g "dd if=/dev/zero of=/dev/\$(scsi_disk 3:0) bs=4k count=1 oflag=direct"
check "given back" guest_cmd g "A=/dev/\$(scsi_disk 3:0) B=/dev/\$(scsi_disk 0:0); sg_persist -n --out --release --param-rk=123 --prout-type=1 \$A && sg_persist -n --out --register --param-rk=123 --param-sark=0 \$A && dd if=/dev/zero of=\$B bs=4k count=1 oflag=direct"
check "without leave: denied" eval "pv-scsi detach g 0:0:3:0 && pv-scsi attach g $p 0:0:3:0 && guest_cmd g 'sg_persist -n -k /dev/\$(scsi_disk 3:0) 2>&1' | grep -qi 'not support\|illegal\|invalid'"
# A file whose file system stands still: who writes it waits, nobody else.
require "a file on a file system" eval "dd if=/dev/zero of=/disk/h bs=1M count=16 2>/dev/null && mke2fs -q -F /disk/h && mount -o loop /disk/h /mnt && truncate -s 8M /mnt/x"
require "a LUN of it" eval "lio_store fileio h fd_dev_name=/mnt/x,fd_dev_size=8388608 && lio_lun $w 7 fileio h && pv-scsi attach g $w:7 0:0:5:0 && guest_cmd g 'scsi_disk 5:0'"
fsfreeze -f /mnt
guest_bg g hung "dd if=/dev/zero of=/dev/\$(scsi_disk 5:0) bs=4k count=1 oflag=direct"; sleep 1
check "a file that hangs holds up no other LUN" guest_cmd -t 15 g "dd if=/dev/\$(scsi_disk 0:0) of=/dev/null bs=4k count=16 iflag=direct"
fsfreeze -u /mnt
check "it goes on" guest_join g hung
check "detach it" pv-scsi detach g 0:0:5:0
for v in 0:0:3:0 0:0:0:0 0:0:0:1 0:0:2:0; do check "detach $v" pv-scsi detach g $v; done
check "file image is right" verify_image f
check "block image is right" eval "cp /disk/b /disk/c && verify_image c"
check "nexus can be dropped" eval "echo NULL >$LIO/xen-pvscsi/$w/tpgt_1/nexus"
check "stores can be taken away" eval "lio_clear; losetup -d /dev/loop7 && umount /mnt && [ ! -d $LIO/core/iblock_0 ]"
check "guest stops" stop_guest g
check "the kernel's backend in its place" eval "unload_backend && modprobe xen-scsiback"
check "ours is not loaded beside it" eval "! modprobe pv-scsiback && dmesg | grep -q 'xen-scsiback is loaded'"
check "but after it" eval "rmmod xen_scsiback && load_backend"
