# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "guest boots" start_guest g "$(disk_line a xvda)"
check "files" guest_cmd g "wait_disk xvda && make_fs xvda && copy_tree"
check "rmmod is refused while mounted" guest_cmd g '! rmmod $(front_module)'
check "umount" guest_cmd g umount /mnt
for n in 1 2 3; do
	check "rmmod $n" guest_cmd g unload_frontend
	check "disk goes" guest_cmd g wait_no_disk xvda
	check "modprobe $n" guest_cmd g load_frontend
	check "disk is back" guest_cmd g wait_disk xvda
done
check "the files are still there" guest_cmd g 'mount -t ext4 /dev/xvda /mnt && [ $(find /mnt/tree -type f | wc -l) = $(find /data/tree -type f | wc -l) ] && umount /mnt'
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
# Removed and made again in one step: no watch sees that they were not there.
anew() { store anew "$(frontend_path "$@")" "$(backend_path "$@")"; }
check "a disk that the guest has no driver for" eval "guest_cmd g unload_frontend && attach_disk g b xvdb"
check "another in its place: the backend offers it" eval "anew g xvdb && wait_for 10 state_is $(backend_path g xvdb) 2"
check "the driver comes: it works" guest_cmd g "load_frontend && wait_disk xvdb && raw_fill xvdb"
check "another in its place while it is connected" eval "anew g xvdb && wait_for 20 connected g xvdb && guest_cmd g 'wait_disk xvdb && raw_fill xvdb'"
check "detach of it" detach_disk g xvdb
check "its image is right" verify_raw b
check "guest stops" stop_guest g
