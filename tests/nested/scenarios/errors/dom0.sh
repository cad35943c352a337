# SPDX-License-Identifier: GPL-2.0
make_disk a 16M; make_disk e 32M
le=$(losetup -f); losetup "$le" /disk/e
modprobe dm-mod
# Good, then 64 sectors of errors at 1 MiB, then good again
dmsetup create bad <<D
0 2048 linear $le 0
2048 64 error
2112 63424 linear $le 2112
D
[ -e /dev/mapper/bad ] || dmsetup mknodes
mkdir /small; mount -t tmpfs -o size=4m small /small; truncate -s 32M /small/full
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line /dev/mapper/bad xvdb)" "$(disk_line /small/full xvdc)"
guest_cmd g "wait_disk xvda && wait_disk xvdb && wait_disk xvdc"
check "verified I/O on the good disk is under way" guest_gently g v xvda
check "a good part reads" guest_cmd g 'dd if=/dev/xvdb of=/dev/null bs=64k count=16 iflag=direct'
check "a bad part gives an error" guest_cmd -t 60 g '! dd if=/dev/xvdb of=/dev/null bs=4k skip=256 count=1 iflag=direct'
check "so does a write" guest_cmd -t 60 g '! dd if=/dev/zero of=/dev/xvdb bs=4k seek=257 count=1 oflag=direct'
check "a request across the edge too" guest_cmd -t 60 g '! dd if=/dev/xvdb of=/dev/null bs=128k skip=7 count=2 iflag=direct'
check "the part behind it works" guest_cmd g 'dd if=/dev/urandom of=/dev/xvdb bs=64k seek=32 count=16 oflag=direct'
check "a full file system below gives an error" guest_cmd -t 60 g '! dd if=/dev/urandom of=/dev/xvdc bs=64k count=96 oflag=direct'
mount -o remount,size=64m /small
check "with room again it works" guest_cmd g 'dd if=/dev/urandom of=/dev/xvdc bs=64k count=96 oflag=direct'
check "the good disk went on" guest_join g v
check "raw writes on it" guest_cmd g raw_fill xvda
for d in xvda xvdb xvdc; do check "detach $d" detach_disk g $d; done
check "its image is right" verify_raw a
dmsetup remove bad; losetup -d "$le"; umount /small
check "guest stops" stop_guest g
