# SPDX-License-Identifier: GPL-2.0
for d in one two; do head -c 2097152 /dev/urandom >/tmp/$d; make_disk $d 2M; cp /tmp/$d /disk/$d; done
truncate -s 4M /disk/two
medium() { same "$(guest_cmd g "[ \$(cat /sys/block/xvdc/size) = $(($2 / 512)) ] && raw_sum xvdc $2")" "$(disk_sum "/disk/$1")"; }
require "guest boots" start_guest g "$(disk_line one xvdc ro devtype=cdrom)"
check "disk" guest_cmd g wait_disk xvdc
check "first medium reads right" medium one 2097152
be=$(backend_path g xvdc) old=$(disk_node g xvdc)
# As a toolstack does it: the loop device behind gets another file, its numbers are written again
new=$(losetup -f); losetup -r "$new" /disk/two
check "another physical-device is written" xenstore-write "$be/physical-device" "$(stat -L -c %t:%T "$new")"
check "the change reaches the connected guest: size and content" wait_for 10 medium two 4194304
check "and it is still connected" connected g xvdc
xenstore-write "$be/physical-device" "$(stat -L -c %t:%T "$old")"
check "the first one is back" wait_for 10 medium one 2097152
losetup -d "$new"
check "detach (eject)" detach_disk g xvdc
check "insert another" attach_disk g two xvdc ro devtype=cdrom
check "disk again" guest_cmd g wait_disk xvdc
check "second medium reads right" medium two 4194304
check "guest stops" stop_guest g
