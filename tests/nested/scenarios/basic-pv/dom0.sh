# SPDX-License-Identifier: GPL-2.0
# A file system at the start of the disk, verified I/O from 16 MiB, raw writes from 24 MiB
make_disk a 32M; set -- "$(disk_line a xvda)"
# The rows that share a guest make do with one disk.
[ -n "$PART" ] || { make_disk b 16M; set -- "$@" "$(disk_line b xvdb)"; }
require "guest boots with its disks" start_guest g "$@"
check "connected" wait_for 30 connected g xvda
[ -n "$PART" ] || check "the second, too" eval "wait_for 30 connected g xvdb && guest_cmd g raw_fill xvdb"
check "by the drivers of $FRONT and $BACK" eval 'same "$(guest_cmd g front_driver) $(back_driver)" "$FRONT $BACK"'
[ -z "$WANT" ] || check "with $WANT" negotiated g xvda $WANT
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda 16m
check "random writes read back right" guest_cmd -t 180 g verify_io xvda 8m --numjobs="$VCPUS" --offset=16m --offset_increment=$((8192 / VCPUS))k --size=$((8192 / VCPUS))k
check "raw writes" guest_cmd -t 120 g raw_fill xvda 64k 384
check "detach" detach_disk g xvda
check "its node is gone in the guest" guest_cmd g wait_no_disk xvda
check "image is sound and the files are right" verify_image a
check "raw part has the right checksum" verify_raw a 384
[ -n "$PART" ] || check "detach of the second" detach_disk g xvdb
[ -n "$PART" ] || check "its raw image has the right checksum" verify_raw b
check "guest stops" stop_guest g
