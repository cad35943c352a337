# SPDX-License-Identifier: GPL-2.0
make_disk a 64M; make_disk b 32M
require "guest boots with two disks" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
check "connected" wait_for 30 eval "connected g xvda && connected g xvdb"
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda
check "random writes read back right" guest_cmd -t 180 g verify_io xvdb 24m --numjobs="$VCPUS" --offset_increment=24m/$VCPUS --size=$((24 / VCPUS))m
check "raw writes" guest_cmd -t 120 g raw_fill xvdb
check "detach of the first" detach_disk g xvda
check "its node is gone in the guest" guest_cmd g wait_no_disk xvda
check "image is sound and the files are right" verify_image a
check "detach of the second" detach_disk g xvdb
check "raw image has the right checksum" verify_raw b
check "guest stops" stop_guest g
