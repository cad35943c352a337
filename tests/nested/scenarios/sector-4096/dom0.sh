# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
la=$(losetup -f); losetup -b 4096 "$la" /disk/a; lb=$(losetup -f); losetup -b 4096 "$lb" /disk/b
require "guest boots" start_guest g "$(disk_line "$la" xvda)" "$(disk_line "$lb" xvdb)"
guest_cmd g "wait_disk xvda && wait_disk xvdb"
check "sector-size in xenstore" same "$(xs "$(backend_path g xvda)/sector-size")" 4096
check "logical block size" same "$(guest_cmd g queue_attr xvda logical_block_size)" 4096
check "size" same "$(guest_cmd g cat /sys/block/xvda/size)" 65536
check "ext4" guest_cmd -t 120 g fill_disk xvda
check "random writes read back right" guest_cmd -t 120 g verify_io xvdb 8m
check "raw writes" guest_cmd -t 120 g raw_fill xvdb
check "detach" detach_disk g xvda
check "detach" detach_disk g xvdb
losetup -d "$la"; losetup -d "$lb"
check "image is sound and the files are right" verify_image a
check "raw image has the right checksum" verify_raw b
check "guest stops" stop_guest g
