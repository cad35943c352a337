# SPDX-License-Identifier: GPL-2.0
# The grant table of one page has room for six disks with rings of 16 pages. The toolstack takes four event channels, which leaves
# those of six disks.
make_disk a 32M; set -- "$(disk_line a xvda)"
for d in b c d e f g; do make_disk $d 1M; set -- "$@" "$(disk_line $d xvd$d)"; done
GUEST_EXTRA="max_grant_frames=1
max_event_channels=10"
require "guest boots" start_guest g "$@"
kill -STOP "$(cat /run/xenstored.pid)"
check "a silent xenstore: refused" guest_cmd g '! modprobe hvm-pv-shim xenstore_timeout=3'
kill -CONT "$(cat /run/xenstored.pid)"
check "and said" guest_cmd g 'dmesg | grep "xenstore does not answer"'
check "another driver has its interrupt, memory, ports as before" guest_cmd g '! grep hvm.pv.shim /proc/interrupts /proc/iomem'
check "it loads now" guest_cmd g 'modprobe hvm-pv-shim'
check "grants run out: said" guest_cmd -t 90 g 'modprobe pv-blkfront max_ring_page_order=4 max_queues=1; wait_disk xvdf; said "vbd-[0-9]+: 28 no .*grant"'
check "unload" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim'
check "smaller rings find their grants" guest_cmd -t 90 g 'small_rings && wait_disk xvda'
check "event channels run out: said" guest_cmd -t 90 g 'said "vbd-[0-9]+: .*event channel"'
check "it can be used" guest_cmd -t 120 g fill_disk xvda
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "unload" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim'
check "load and unload once more" guest_cmd g 'modprobe hvm-pv-shim && rmmod hvm_pv_shim'
check "loaded, with a disk" guest_cmd -t 90 g 'small_rings && wait_disk xvdb'
check "its platform device is removed: said" guest_cmd g 'remove_platform && said "the platform device is gone; what it was for works on"'
check "the disk works on" guest_cmd -t 60 g 'head -c 1048576 /dev/urandom >/tmp/r && dd if=/tmp/r of=/dev/xvdb oflag=direct bs=64k && dd if=/dev/xvdb iflag=direct bs=64k count=16 | cmp - /tmp/r'
check "the device comes again, and is left alone" guest_cmd g 'echo 1 >/sys/bus/pci/rescan && [ "$(cat /sys/block/xvdb/size)" = 2048 ]'
check "unload" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim'
check "it loads with the device that came again" guest_cmd -t 60 g 'small_rings && wait_disk xvdb && dd if=/dev/xvdb iflag=direct bs=64k count=16 | cmp - /tmp/r'
check "unload" guest_cmd g 'unload_frontend && rmmod pv_ring && rmmod hvm_pv_shim'
check "no platform device: refused, and said" guest_cmd g 'remove_platform; ! modprobe hvm-pv-shim && dmesg | grep "has no Xen platform device"'
