# SPDX-License-Identifier: GPL-2.0
make_disk a 64M
require "guest boots" start_guest g "$(disk_line a xvda)"
require "it has an emulated disk" guest_cmd g 'modprobe ata_piix; wait_disk sda'
check "files on the emulated disk" guest_cmd -t 240 g 'fill_disk sda'
check "mounted: refused, and said" guest_cmd g 'mount -t ext4 /dev/sda /mnt && ! modprobe hvm-pv-shim && dmesg | grep "emulated disk sda is in use"'
check "it works on" guest_cmd g 'ls /mnt/tree >/dev/null && touch /mnt/new && rm /mnt/new && umount /mnt && [ -b /dev/sda ]'
check "a wrong parameter is refused" guest_cmd g '! modprobe hvm-pv-shim unplug=some && dmesg | grep "unplug=some"'
check "unplug=never leaves it alone" guest_cmd g 'modprobe hvm-pv-shim unplug=never && modprobe pv-blkfront && sleep 2 && ! ls /dev/xvda && [ -b /dev/sda ]'
check "unload" guest_cmd g 'rmmod pv_blkfront && rmmod pv_ring && rmmod hvm_pv_shim'
check "without users it is unplugged" guest_cmd g 'modprobe pv-blkfront && wait_disk xvda && ! ls /dev/sda'
check "files are there" guest_cmd g 'mount -t ext4 /dev/xvda /mnt && ls /mnt/tree >/dev/null && umount /mnt'
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
