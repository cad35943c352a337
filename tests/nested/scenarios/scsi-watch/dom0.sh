# SPDX-License-Identifier: GPL-2.0
require "a host with two disks" scsi_debug dev_size_mb=32 max_luns=2 num_tgts=1 delay=0
h=$(scsi_debug_host)
mkdir -p /etc/xen/guests
pv-scsi watch /etc/xen/guests >/tmp/watch 2>&1 &
watcher=$!
# As an administrator has it: a file for xl with a line that xl passes over
plain() {
	sed "s/^on_reboot=.*/on_reboot='restart'/" "$1" >/etc/xen/guests/g.cfg
	xl create -q /etc/xen/guests/g.cfg
}
start_plain() {
	GUEST_EXTRA="vscsi=[ '/dev/$(scsi_block "$h:0:0:1"),0:0:1:0', '$h:0:0:0,0:0:3:2' ]" XL_CREATE=plain start_guest g
}
require "guest boots by xl create" start_plain
check "connected" wait_for 30 scsi_connected g
require "it has the disks of its file" guest_cmd g "scsi_disk 1:0 && scsi_disk 3:2"
check "ext4" guest_cmd -t 120 g "fill_disk \$(scsi_disk 1:0)"
first=$(guest_id g)
guest_send g 0 "reboot -f"; exec 4>&-
check "it reboots and is another domain" wait_for 60 eval 'rm -f /run/guest.*; [ "$(guest_id g 2>/dev/null || echo $first)" != $first ]'
check "the guest answers" guest_cmd -t 180 g true
check "connected again" wait_for 30 scsi_connected g
check "the disks are there again" guest_cmd g "scsi_disk 1:0 && scsi_disk 3:2"
check "with what it wrote" guest_cmd g "mount -t ext4 /dev/\$(scsi_disk 1:0) /mnt && ls /mnt/tree/d0 && umount /mnt"
check "a device more by hand" eval "pv-scsi detach g 0:0:3:2 && pv-scsi attach g $h:0:0:0 0:0:4:0"
check "guest stops" stop_guest g
check "nothing is left of it" wait_for 20 eval '[ -z "$(xenstore-list /local/domain/0/backend/vscsi)" ]'
check "the disk is free: the files are right" verify_image "/dev/$(scsi_block "$h:0:0:1")"
check "it has not ended" kill -0 $watcher
diag "$(tail -n 3 /tmp/watch)"
