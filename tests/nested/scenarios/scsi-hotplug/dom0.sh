# SPDX-License-Identifier: GPL-2.0
require "a host with 17 LUNs" scsi_debug dev_size_mb=16 max_luns=17 num_tgts=1 delay=0
h=$(scsi_debug_host)
require "guest boots" start_guest g
require "attach the first" pv-scsi attach g $h:0:0:0 0:0:0:0
require "verified I/O" guest_gently g v "\$(scsi_disk 0:0)"
bad=0
for i in $(seq 1 16); do pv-scsi attach g $h:0:0:$i 0:0:1:$i || bad=$((bad + 1)); done
check "16 added" same $bad 0
check "they work" guest_cmd -t 100 g 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do dd if=/dev/$(scsi_disk 1:$i) of=/dev/null bs=64k count=4 iflag=direct || exit 1; done 2>/dev/null'
check "REPORT LUNS" eval "guest_cmd g 'sg_luns /dev/\$(scsi_disk 1:3)' | grep -q 'Lun list length = 128'"
check "a taken V-DEV is refused" not pv-scsi attach g $h:0:0:0 0:0:1:7
for i in $(seq 16 -1 1); do pv-scsi detach g 0:0:1:$i || bad=$((bad + 1)); done
check "16 removed" same $bad 0
check "gone in the guest" guest_cmd g 'for i in 1 9 16; do wait_no_lun 1:$i || exit 1; done'
check "the first worked on" guest_join g v
check "one more" eval "pv-scsi attach g $h:0:0:5 0:0:5:0 && guest_cmd g 'scsi_disk 5:0'"
check "the guest stands still: it has it still" eval "xl pause g && ! PV_SCSI_WAIT=2 pv-scsi detach g 0:0:5:0 && pv-scsi list g | grep -q '0:0:5:0.*connected'"
check "by force the disk is free" eval "PV_SCSI_WAIT=10 pv-scsi detach g 0:0:5:0 --force && mke2fs -q -F -t ext4 /dev/$(scsi_block $h:0:0:5)"
# Nobody else holds it: mounting opens it exclusively.
free_disk() { mke2fs -q -F -t ext4 "/dev/$1" && mount "/dev/$1" /mnt && umount /mnt; }
d=$(scsi_block $h:0:0:5) B=$(scsi_backend g)
check "nobody else has it" free_disk "$d"
check "the guest goes on without it" eval "xl unpause g && guest_cmd g 'wait_no_lun 5:0 && scsi_disk 0:0'"
check "again, without force: it has 20 seconds" eval "pv-scsi attach g $h:0:0:5 0:0:5:0 && xl pause g && pv-scsi detach g 0:0:5:0 && free_disk $d"
check "its vhost waits for nothing" state_is "$B" 4
check "nor does the guest" eval "xl unpause g && guest_cmd g 'wait_no_lun 5:0 && scsi_disk 0:0'"
check "a LUN whose entry is removed" eval "pv-scsi attach g $h:0:0:5 0:0:5:0 && guest_cmd g 'scsi_disk 5:0 >/tmp/d' && xenstore-rm $B/vscsi-devs/dev-1 && wait_for 10 free_disk $d"
check "the guest cannot read it, but the other one" guest_cmd g '! dd if=/dev/$(cat /tmp/d) of=/dev/null bs=4k count=1 iflag=direct && dd if=/dev/$(scsi_disk 0:0) of=/dev/null bs=4k count=1 iflag=direct'
check "a second vhost" pv-scsi attach g $h:0:0:3 1:0:0:0
check "both in the list" same "$(pv-scsi list g | grep -c connected)" 2
check "detach by the second" pv-scsi detach g 1:0:0:0
check "detach the first" pv-scsi detach g 0:0:0:0
check "all devices are free again" eval "mke2fs -q -F -t ext4 /dev/$(scsi_block $h:0:0:0) && mount /dev/$(scsi_block $h:0:0:0) /mnt && umount /mnt"
check "guest stops" stop_guest g
