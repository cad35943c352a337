# SPDX-License-Identifier: GPL-2.0
make_disk a 32M
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
check "guest stops" stop_guest g
