# SPDX-License-Identifier: GPL-2.0
make_disk a 16M
require "guest boots" start_guest g "$(disk_line a xvda)"
check "mounted with files" guest_cmd g "wait_disk xvda && make_fs xvda && copy_tree"
ring=$(xs "$(frontend_path g xvda)/event-channel")
truncate -s 32M /disk/a; losetup -c "$(disk_node g xvda)"
check "the guest sees the new size" guest_cmd -t 60 g 'i=0; until [ $(cat /sys/block/xvda/size) = 65536 ]; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; touch /mnt/x; sync; sleep 0.2; done'
check "without a reconnect" same "$(xs "$(frontend_path g xvda)/event-channel")" "$ring"
check "resize2fs while mounted" guest_cmd -t 60 g resize2fs /dev/xvda
check "there is more room" guest_cmd g '[ $(df -k /mnt | awk "END { print \$2 }") -gt 22000 ]'
check "more data" guest_cmd -t 60 g 'dd if=/dev/zero of=/mnt/big bs=64k count=320 conv=fsync && rm -f /mnt/big /mnt/x && umount /mnt'
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
