# SPDX-License-Identifier: GPL-2.0
make_disk a 64M; make_disk b 32M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
check "mounted" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda"
guest_bg g v verify_loop xvdb 8m 30
for n in 1 2; do
	sleep 2
	check "rmmod of the backend $n" unload_backend
	sleep 1
	check "modprobe $n" load_backend
	check "connected again" wait_for 30 eval "connected g xvda && connected g xvdb"
done
check "the file system still works" guest_cmd g "copy_tree && umount /mnt"
check "the I/O across it all is right" guest_join g v
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
