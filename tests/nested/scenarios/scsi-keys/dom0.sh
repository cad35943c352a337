# SPDX-License-Identifier: GPL-2.0
require "a host with three disks" scsi_debug dev_size_mb=16 max_luns=3 num_tgts=1 delay=0
h=$(scsi_debug_host)
# (scsi_debug's LUNs have one memory: nobody may write to this one later.)
mke2fs -q -F "/dev/$(scsi_block $h:0:0:2)"; mount -o ro "/dev/$(scsi_block $h:0:0:2)" /mnt
require "guest boots" start_guest g
require "attach" pv-scsi attach g $h:0:0:0 0:0:0:0
require "verified I/O" guest_gently g v "\$(scsi_disk 0:0)"
B=$(scsi_backend g)
# try NAME P-DEV V-DEV: past pv-scsi's own checks; prints the backend's message
try() {
	xenstore-write "$B/vscsi-devs/$1/p-dev" "$2" "$B/vscsi-devs/$1/v-dev" "$3" "$B/vscsi-devs/$1/state" 1 "$B/state" 7
	wait_for 15 state_is "$B/vscsi-devs/$1" 6 >/dev/null; wait_for 15 state_is "$B" 4 >/dev/null
	xenstore-rm "$B/vscsi-devs/$1"
	scsi_error g
}
check "p-dev that is nothing" matches "$(try dev-20 rubbish 0:0:2:0)" 'vscsi-devs/dev-20/p-dev: "rubbish" is not host:channel:target:lun'
check "p-dev that does not exist" matches "$(try dev-21 9:9:9:9 0:0:2:0)" 'p-dev: "9:9:9:9" does not exist'
check "LIO's that does not exist" matches "$(try dev-22 naa.123:4 0:0:2:0)" 'p-dev: "naa.123:4" does not exist'
check "v-dev with three numbers" matches "$(try dev-23 $h:0:0:1 0:1:2)" 'dev-23/v-dev is "0:1:2": not host:0:target:lun'
check "v-dev out of range" matches "$(try dev-24 $h:0:0:1 0:0:65536:0)" 'dev-24/v-dev is "0:0:65536:0"'
check "v-dev on a channel" matches "$(try dev-25 $h:0:0:1 0:1:0:0)" 'dev-25/v-dev is "0:1:0:0"'
check "v-dev that is taken" matches "$(try dev-26 $h:0:0:1 0:0:0:0)" 'dev-26/v-dev: 0:0:0 is taken'
check "p-dev that a guest has" matches "$(try dev-27 $h:0:0:0 0:0:2:0)" 'p-dev: ".*" is in use'
check "p-dev that is mounted here" matches "$(try dev-28 $h:0:0:2 0:0:2:0)" 'p-dev: ".*" is in use'
check "pv-scsi says so, too" eval "pv-scsi attach g $h:0:0:2 0:0:2:0 2>&1 | grep -q 'is in use'"
umount /mnt
check "pv-scsi: no such device" eval "pv-scsi attach g 9:9:9:9 0:0:2:0 2>&1 | grep -q 'no such SCSI device'"
check "pv-scsi: bad V-DEV" eval "pv-scsi attach g $h:0:0:2 0:0:2 2>&1 | grep -q 'is not vhost:0:target:lun'"
check "pv-scsi: taken V-DEV" eval "pv-scsi attach g $h:0:0:2 0:0:0:0 2>&1 | grep -q 'is taken by'"
check "pv-scsi: no such domain" eval "pv-scsi attach nobody $h:0:0:2 0:0:2:0 2>&1 | grep -q 'no domain has the name'"
check "pv-scsi: nothing to detach" eval "pv-scsi detach g 0:0:9:9 2>&1 | grep -q 'has no V-DEV'"
check "pv-scsi: by name of the disk, with reservations" pv-scsi attach g "/dev/$(scsi_block $h:0:0:2)" 0:0:2:0 --allow reservations
check "reservations are let through" same "$(guest_cmd g 'sg_persist -n -k /dev/$(scsi_disk 2:0) 2>&1 | head -n 3')" "$(sg_persist -n -k "/dev/$(scsi_block $h:0:0:2)" 2>&1 | head -n 3)"
check "a bad list" eval "pv-scsi attach g $h:0:0:1 0:0:3:0 --allow everything 2>&1 | grep -q 'not a list of'"
check "the first worked on" guest_join g v
check "all is taken back" scsi_end g
check "guest stops" stop_guest g
