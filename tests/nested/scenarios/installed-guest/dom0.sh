# SPDX-License-Identifier: GPL-2.0
D=/dev/vdb	# the machine's second disk
# As a boot loader in dom0 does: what stands in the disk's /boot
boot_files() {
	local kernel rc
	mkdir -p /mnt/d && mount -o ro $D /mnt/d || return
	kernel=$(cd /mnt/d/boot && echo vmlinuz-"${KERNEL_GUEST:-$KERNEL}".*)
	cp "/mnt/d/boot/$kernel" /run/vmlinuz && cp "/mnt/d/boot/initrd.img-${kernel#vmlinuz-}" /run/initrd
	rc=$?; umount /mnt/d
	return $rc
}
first_boot() {
	printf '%s\n' "name='g'" "type='$GUEST'" "memory=$GUEST_MEM" "vcpus=$VCPUS" "kernel='/run/vmlinuz'" "ramdisk='/run/initrd'" \
		"tsc_mode='native'" "on_crash='preserve'" "on_reboot='destroy'" "cmdline='root=/dev/xvda ro console=hvc0 loglevel=5 $PLAIN_CPU'" \
		"disk=['$(disk_line $D xvda)']" "vif=['$(vif_line 2)']" >/run/g.cfg
	xl create -q /run/g.cfg || return
	local n=0
	until grep -aqs @@ready /var/log/xen/console/guest-g.log; do
		n=$((n + 1)); [ $n -lt 240 ] || { echo "it has not come up"; return 1; }
		sleep 3
	done
	guest_cmd g true
}
# The interface, and whose it is
card() { guest_cmd g 'for n in /sys/class/net/e*; do echo ${n##*/} $(basename $(readlink -f $n/device/driver/module)); done'; }
pings() { wait_for 30 ping -c 1 -W 1 10.0.0.2 && guest_cmd g ping -q -c 3 -W 2 10.0.0.1 && ping -q -c 3 -W 2 10.0.0.2; }
# A file of the guest's disk comes over its network: the bytes that dom0 has read from that disk itself
comes() {
	nc -l -p 5001 </dev/null | md5sum >/run/came &
	wait_for 10 eval "netstat -ltn | grep -q ':5001 '" && guest_cmd -t 120 g "cat /boot/vmlinuz-\$(uname -r) >/dev/tcp/10.0.0.1/5001" || return
	wait_for 30 test -s /run/came && same "$(cat /run/came)" "$(md5sum </run/vmlinuz)"
}
goes() {
	serve_pattern 3 2
	same "$(guest_cmd -t 120 g 'md5sum </dev/tcp/10.0.0.1/5000')" "$(pattern_sum 3 2)  -"
}
# live WHOSE PATTERN: what is said of the devices, each of which changes hands or stays
live() {
	local out; out=$(guest_cmd -t 120 g "pvsplit-switch $1 --live; echo status \$?")
	echo "$out"; matches "$out" "$2"
}
# The same with the network down: live_card WHOSE MODULE
live_card() {
	local name; name=$(card) && name=${name% *} || return
	guest_cmd g "ip link set $name down" && live "$1" "vif-0: ${2//_/-}" && wait_for 20 card_is "$2"
}
card_is() { matches "$(card)" "^(eth0|enX0) $1\$"; }

require "a kernel and an initramfs are on the disk" boot_files
require "bridge" make_bridge
require "the guest boots from them" first_boot
check "the system runs, and no unit has failed" same "$(guest_cmd -t 200 g 'systemctl is-system-running --wait; systemctl --failed --no-legend --plain' | xargs)" running
diag "$(guest_cmd g 'systemd-analyze; uname -r; lsmod | grep -E "^(pv|xen)_"')"
check "its root is on our driver" same "$(guest_cmd g 'findmnt -no SOURCE,OPTIONS / | cut -d, -f1; basename $(readlink -f /sys/block/xvda/device/driver/module)' | xargs)" "/dev/xvda rw pv_blkfront"
check "its network, too" card_is pv_netfront
check "none of the kernel's was loaded" guest_cmd g '! grep -E "^xen_(blk|net|scsi)(front|back) " /proc/modules'
check "no module has failed to load" guest_cmd g '! journalctl -b | grep -E "Unknown symbol|disagrees about|Invalid module format|[Ff]ailed to (insert|load|find) module|modprobe: (ERROR|FATAL)"'
check "connected at both ends" eval 'connected g xvda && vif_connected g && same "$(back_driver)" ours'
check "status: all ours" same "$(guest_cmd g "pvsplit-switch status | awk 'NR == 1 || NR > 2 { print \$3, \$5 }'" | xargs)" "ours ours yes ours yes"
check "pvstat finds nothing wrong" guest_cmd g 'pvstat && pvstat check'
check "ping, both ways" pings
check "a file comes by network" comes
check "bytes go there" goes
require "a second disk" eval "make_disk b 64M && attach_disk g b xvdb && wait_for 30 connected g xvdb"
check "udev knows it, files are written" guest_cmd -t 120 g 'udevadm settle && mkfs.ext4 -q /dev/xvdb && mount /dev/xvdb /mnt && cp -a /usr/share/doc/dkms /usr/sbin/pvstat /mnt/ && umount /mnt'
check "detach" detach_disk g xvdb
check "what was written is there" eval "mount -o ro,loop /disk/b /mnt/d && cmp <(guest_cmd g md5sum /usr/sbin/pvstat | cut -d' ' -f1) <(md5sum </mnt/d/pvstat | cut -d' ' -f1)"
umount /mnt/d

# (An initramfs would take a quarter of an hour here.)
guest_cmd g 'sed -i s/^update_initramfs=.*/update_initramfs=no/ /etc/initramfs-tools/update-initramfs.conf'
check "pvsplit-switch kernel --live: what is in use stays" live kernel "vbd-51712: in use.*vif-0: in use.*status 1"
check "a card that is down changes hands" live_card kernel xen_netfront
check "the network is back, on the kernel's" pings
check "ours --live: back again" live_card ours pv_netfront
check "the network is back, on ours" pings
check "the next boot has ours" same "$(guest_cmd g 'pvsplit-switch status | sed -n 1p')" "next boot: ours"

sum=$(guest_cmd g 'head -c 4000000 /dev/urandom >/root/written; md5sum </root/written')
diag "errors in its log: $(guest_cmd g 'journalctl -b -p err --no-pager -q')"
guest_send g 0 'systemctl poweroff'; exec 4>&-
check "power off ends the domain" wait_for 90 not domid g
check "its file system is sound" e2fsck -fn $D
mount -o ro $D /mnt/d
check "what it has written is there" same "$(md5sum </mnt/d/root/written)" "$sum"
umount /mnt/d
