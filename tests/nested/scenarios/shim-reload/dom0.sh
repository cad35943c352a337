# SPDX-License-Identifier: GPL-2.0
make_disk a 32M
require "guest boots" start_guest g "$(disk_line a xvda)"
check "connected" wait_for 30 connected g xvda
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda
for i in 1 2 3; do
	check "unload $i" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim'
	check "load $i" guest_cmd g load_frontend
	check "connected $i" wait_for 30 connected g xvda
	check "files are readable $i" guest_cmd g 'wait_disk xvda && mount -t ext4 /dev/xvda /mnt && ls /mnt/tree && umount /mnt'
done
check "its memory is not asked back" guest_cmd g '! dmesg | grep "there is no balloon"'
check "it is, by xl mem-set: said" eval 'xl mem-set g 500 && wait_for 10 guest_cmd -t 4 g "dmesg | grep -q there.is.no.balloon"'
check "no more" xl mem-set g 512
check "no interrupt found nobody" guest_cmd g '! dmesg | grep "No irq handler"'
check "unload, and load without vectors" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim && SHIM_PARAMS=vectors=0 load_frontend'
check "Xen does not take vectors back: said" guest_cmd g 'dmesg | grep "vectors are in use from before"'
check "connected again" wait_for 30 connected g xvda
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
