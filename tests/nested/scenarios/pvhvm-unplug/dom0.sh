# SPDX-License-Identifier: GPL-2.0
make_disk a 32M
require "bridge" make_bridge
require "guest boots" start_guest g "$(disk_line a xvda)" --vif "$(vif_line 2 model=e1000)"
require "the emulated disk is there" guest_cmd -t 200 g "modprobe ata_piix && modprobe sd_mod && wait_disk sda"
check "no second way to the disk" guest_cmd g "sleep 2; ! ls /sys/block/xvda"
check "it says why" guest_cmd g "dmesg | grep 'vbd-51712: left to the emulated device'"
check "no second way to the card" guest_cmd g "! ls -d /sys/class/net/*/device/nodename && dmesg | grep 'vif-0: left to the emulated device'"
check "files on the emulated disk" guest_cmd -t 240 g "fill_disk sda"
# (By its firmware it would take its time to go.)
check "guest ends" xl destroy g
check "image is sound and the files are right" verify_image a
