# SPDX-License-Identifier: GPL-2.0
# The other domain is the control domain: dom0's pv-blkfront -> g's pv-blkback -> g's pv-blkfront -> dom0's pv-blkback -> file.
make_disk a 64M
require "driver domain boots" start_guest g "$(disk_line a xvda)"
require "its own disk" guest_cmd g wait_disk xvda
check "Xen gives it version 1 of grants alone" eval "xl list -l g | grep -q '\"max_grant_version\": 1'"
require "its backends load" guest_cmd g "modprobe pv-blkback && modprobe pv-netback"
require "frontends load here" eval "modprobe pv-blkfront && modprobe pv-netfront"
id=$(guest_id g)

check "attach" xl block-attach 0 "vdev=xvdp,format=raw,access=rw,backendtype=phy,backend=g,target=/dev/xvda"
be=/local/domain/$id/backend/vbd/0/$(vdev_id xvdp)
# what the hotplug script of that domain would write
xenstore-write "$be/physical-device" ca:0 "$be/hotplug-status" connected
check "connected" wait_for 30 eval 'same "$(xs "$be/state")$(xs "/local/domain/0/device/vbd/$(vdev_id xvdp)/state")" 44'
check "the disk is here" wait_for 10 eval '[ "$(cat /sys/class/block/xvdp/size)" = 131072 ]'
check "ext4 on it, and the files" eval 'mke2fs -q -F -t ext4 /dev/xvdp 32m && mkdir -p /mnt/p && mount /dev/xvdp /mnt/p &&
	printf "%s\n" "$(seq 200000)" >/mnt/p/numbers && umount /mnt/p'
check "random writes read back right" fio --name=v --filename=/dev/xvdp --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
	--bsrange=4k-256k --bs_unaligned=0 --offset=40m --size=4m --verify=crc32c --verify_fatal=1 --minimal
xl block-detach 0 "$(vdev_id xvdp)" & x=$!
check "the driver domain lets its disk go" wait_for 30 guest_cmd -t 10 g "! ls /sys/bus/xen-backend/devices/vbd-*"
# what the toolstack of that domain would remove
xenstore-rm "$be"
wait $x; check "detach" same $? 0
check "detach from the driver domain" detach_disk g xvda
check "what was written is in the file" eval 'e2fsck -fn /disk/a && mkdir -p /mnt/q && mount -o ro,loop /disk/a /mnt/q &&
	same "$(sha256sum </mnt/q/numbers)" "$(seq 200000 | sha256sum)" && umount /mnt/q'

check "a vif" xl network-attach 0 backend=g mac=00:16:3e:00:00:07 script=none
xenstore-write "/local/domain/$id/backend/vif/0/0/hotplug-status" connected
check "connected" wait_for 30 eval 'same "$(xs "/local/domain/$id/backend/vif/0/0/state")$(xs /local/domain/0/device/vif/0/state)" 44'
check "addresses" eval 'guest_cmd g "ip link set vif0.0 up && ip addr add 10.0.0.2/24 dev vif0.0" &&
	ip link set eth0 up && ip addr add 10.0.0.1/24 dev eth0 && wait_for 10 ping -c 1 -W 1 10.0.0.2'
check "4 MB to it, checksum" transfer_to g 2 4
check "4 MB from it, checksum" transfer_from g 2 4
xl network-detach 0 0 & x=$!
check "the driver domain lets its vif go" wait_for 30 guest_cmd -t 10 g "! ls /sys/bus/xen-backend/devices/vif-*"
xenstore-rm "/local/domain/$id/backend/vif/0/0"
wait $x; check "detach" same $? 0
check "backends unload" guest_cmd g "rmmod pv_blkback && rmmod pv_netback"
