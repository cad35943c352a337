# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 1M
require "bridge" make_bridge
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b sdb)" --vif "$(vif_line 2 model=e1000)"
require "emulated disk and card" guest_cmd -t 200 g 'modprobe ata_piix && modprobe e1000 && wait_disk sda && ip link set eth0 up'
# By class: 0x01 and 0x02, storage and networks
on_bus() { guest_cmd g "on_bus $1"; }
check "an IDE and a SCSI controller, a card" on_bus "0x010000 0x010180 0x020000"
there() { guest_cmd g "there $*"; }
shim() { guest_cmd g "{ ! lsmod | grep -q ^hvm_pv_shim || rmmod hvm_pv_shim; } && modprobe hvm-pv-shim unplug=$1"; }
check "files on the emulated disk" guest_cmd -t 240 g 'fill_disk sda'
check "mounted: refused, and said" guest_cmd g 'mount -t ext4 /dev/sda /mnt && ! modprobe hvm-pv-shim && dmesg | grep "emulated disk sda is in use"'
check "it works on" guest_cmd g 'ls /mnt/tree >/dev/null && touch /mnt/new && rm /mnt/new && umount /mnt && [ -b /dev/sda ]'
check "a wrong parameter is refused" guest_cmd g '! modprobe hvm-pv-shim unplug=some && dmesg | grep "unplug=some"'
check "never" shim never
check "both are emulated" there sda e1000
check "unplug=never leaves it alone" guest_cmd g 'modprobe pv-blkfront && sleep 2 && ! ls /dev/xvda && [ -b /dev/sda ]'
check "unload" guest_cmd g 'rmmod pv_blkfront && rmmod pv_ring'
check "nics, while the card is up" shim nics
check "said" guest_cmd g 'dmesg | grep -q "network card eth0 is up; network cards stay emulated"'
check "both are emulated" there sda e1000
check "nics" eval "guest_cmd g 'ip link set eth0 down' && shim nics"
check "the disk is emulated, the card is not" there sda vif
check "disks" shim disks
check "the disk is not emulated" there vbd
check "all" shim all
check "neither is emulated" there vbd vif
check "what the emulator took away is on the bus no more" on_bus 0x010180
check "frontends load" guest_cmd g "modprobe pv-blkfront && modprobe pv-netfront"
check "without users it is unplugged" guest_cmd g 'wait_disk xvda && ! ls /dev/sda'
check "files are there" guest_cmd g 'mount -t ext4 /dev/xvda /mnt && ls /mnt/tree >/dev/null'
check "files on the disk" guest_cmd -t 120 g 'rm -r /mnt/tree && copy_tree && umount /mnt'
check "connected, addresses" net_up g 2
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
