# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 32M; make_disk c 16M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
require "a file system" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda && write_soon 8388608"
guest_bg g f write_on /mnt/f 160
guest_bg g r write_on /dev/xvdb 400
check "buffered writes are under way" guest_cmd g "busy xvda && busy xvdb"
for d in xvda xvdb; do
	be=$(backend_path g $d)
	check "forced detach of $d" xl block-detach --force g $d
	check "the backend's nodes are gone" wait_for 20 not xenstore-exists "$be/state"
done
check "the writes end with errors" guest_cmd -t 60 g 'join f && join r'
check "umount" guest_cmd -t 60 g "umount /mnt && write_soon 0"
check "the nodes go" guest_cmd g "wait_no_disk xvda && wait_no_disk xvdb"
check "attach another" attach_disk g c xvda
check "and it works" guest_cmd g "wait_disk xvda && raw_fill xvda"
check "detach" detach_disk g xvda
check "image is right" verify_raw c
check "guest stops" stop_guest g
