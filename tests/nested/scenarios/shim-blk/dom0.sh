# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
set --
[ "$CLASSES" = blk ] || { require "bridge" make_bridge; set -- --vif "$(vif_line 2 model=e1000)"; }
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)" "$@"
check "connected" wait_for 30 eval "connected g xvda && connected g xvdb"
check "no emulated disk is left" guest_cmd g 'modprobe ata_piix; sleep 2; ! ls /dev/sd*'
[ $# = 0 ] || check "no emulated card is left" guest_cmd g 'modprobe e1000; [ "$(ls -d /sys/class/net/e*)" = /sys/class/net/eth0 ]'
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda
check "random writes read back right" guest_cmd -t 180 g verify_io xvdb 4m --numjobs="$VCPUS" --offset_increment=$((4096 / VCPUS))k --size=$((4096 / VCPUS))k
[ "$GUEST" = hvm ] || check "events come where they should" guest_cmd g "events_on $VCPUS"
check "detach of the first" detach_disk g xvda
check "its node is gone in the guest" guest_cmd g wait_no_disk xvda
check "image is sound and the files are right" verify_image a
check "hot plug" attach_disk g a xvdc
check "it can be read" guest_cmd g 'wait_disk xvdc && mount -t ext4 /dev/xvdc /mnt && ls /mnt/tree && umount /mnt'
