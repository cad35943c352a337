# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
check "mounted" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda"
check "verified I/O is under way" guest_loop g v xvdb 4m
for n in 1 2; do
	check "rmmod of the backend $n" unload_backend
	check "the I/O waits $n" guest_cmd g stands v
	check "modprobe $n" load_backend
	check "connected again" wait_for 30 eval "connected g xvda && connected g xvdb"
	check "the I/O goes on $n" guest_cmd g under_way v
done
check "the file system still works" guest_cmd g "copy_tree && umount /mnt"
check "the I/O across it all is right" guest_join g v
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
