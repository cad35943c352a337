# SPDX-License-Identifier: GPL-2.0
make_disk a 64M
require "guest boots with the disk" start_guest g "$(disk_line a xvda)"
check "connected" wait_for 20 connected g xvda
check "guest makes ext4 and copies the files" guest_cmd g fill_disk xvda
check "detach" detach_disk g xvda
check "node is gone in the guest" guest_cmd g wait_no_disk xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
