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
# What README says for guests that count in sectors of 512 bytes
make_disk c 16M; lc=$(losetup -f); losetup -b 4096 "$lc" /disk/c; ld=$(losetup -f); losetup -b 512 "$ld" "$lc"
check "one with sectors of 512 bytes on top" attach_disk g "$ld" xvdc
check "the guest sees 512" eval "guest_cmd g wait_disk xvdc && same \"\$(guest_cmd g queue_attr xvdc logical_block_size)\" 512"
check "three of its sectors" guest_cmd g "head -c 1536 /dev/urandom >/tmp/s && dd if=/tmp/s of=/dev/xvdc bs=512 seek=30001 oflag=direct && dd if=/dev/xvdc bs=512 skip=30001 count=3 iflag=direct 2>/dev/null | cmp - /tmp/s"
check "raw writes to that" guest_cmd -t 120 g raw_fill xvdc
check "detach" detach_disk g xvdc
losetup -d "$ld"; losetup -d "$lc"
check "its raw image is right" verify_raw c
check "detach" detach_disk g xvda
check "detach" detach_disk g xvdb
losetup -d "$la"; losetup -d "$lb"
check "image is sound and the files are right" verify_image a
check "raw image has the right checksum" verify_raw b
check "guest stops" stop_guest g
