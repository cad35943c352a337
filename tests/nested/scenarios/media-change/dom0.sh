# SPDX-License-Identifier: GPL-2.0
for d in one two; do head -c 4194304 /dev/urandom >/tmp/$d; make_disk $d 4M; cp /tmp/$d /disk/$d; done
truncate -s 8M /disk/two
require "guest boots" start_guest g "$(disk_line one xvdc ro devtype=cdrom)"
check "first medium reads right" same "$(guest_cmd g "wait_disk xvdc; raw_sum xvdc 4194304")" "$(disk_sum /disk/one)"
be=$(backend_path g xvdc) old=$(disk_node g xvdc)
# As a toolstack does it: the loop device behind gets another file, its numbers are written again
new=$(losetup -f); losetup -r "$new" /disk/two
check "another physical-device is written" xenstore-write "$be/physical-device" "$(stat -L -c %t:%T "$new")"
sleep 2
diag "backend state $(xs "$be/state"), guest sees $(guest_cmd g cat /sys/block/xvdc/size) sectors"
check "a change while connected is refused or done, never half" guest_cmd g '[ $(cat /sys/block/xvdc/size) = 8192 ] || [ $(cat /sys/block/xvdc/size) = 16384 ]'
xenstore-write "$be/physical-device" "$(stat -L -c %t:%T "$old")"
losetup -d "$new"
check "detach (eject)" detach_disk g xvdc
check "insert another" attach_disk g two xvdc ro devtype=cdrom
check "second medium reads right" same "$(guest_cmd g "wait_disk xvdc; raw_sum xvdc 8388608")" "$(disk_sum /disk/two)"
check "guest stops" stop_guest g
