# SPDX-License-Identifier: GPL-2.0
make_disk a 32M
require "guest boots" start_guest g "$(disk_line a xvda)"
check "mounted" guest_cmd g "wait_disk xvda && make_fs xvda"
be=$(backend_path g xvda)
xl block-detach g xvda >/tmp/detach 2>&1 & pid=$!
check "the backend is asked to close" wait_for 10 state_is "$be" 5
check "the disk still works while the detach waits" guest_cmd g copy_tree
check "the backend is still there" xenstore-exists "$be/state"
check "umount" guest_cmd g umount /mnt
check "then the device closes" wait_for 30 eval "! xenstore-exists $be/state || state_is $be 6"
wait $pid
xl block-detach g xvda >/dev/null 2>&1		# xl itself gives up after 10 s; the second call cleans up
check "disk goes in the guest" guest_cmd g wait_no_disk xvda
check "the backend goes" wait_for 20 not xenstore-exists "$be/state"
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
