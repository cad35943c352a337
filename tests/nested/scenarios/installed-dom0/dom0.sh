# SPDX-License-Identifier: GPL-2.0
# What the other control domain has from busybox: awk, whose bytes are those of the guest, and nc
mkdir /run/busybox
for p in awk nc netstat; do ln -s "$(command -v busybox)" /run/busybox/$p; done
PATH=/run/busybox:$PATH

loaded() { sed -n 's/^\(\(pv\|xen\)_[a-z]*\(front\|back\)\) .*/\1/p' /proc/modules | sort | xargs; }
# The backends' devices as status has them: class, owner, used
owners() { pvsplit-switch status | awk '$1 == "xen-backend" { sub(/-.*/, "", $2); print $2, $3, $5 }' | sort | xargs; }
# live WHOSE MODULES: nobody has a device, so the drivers change at once
live() { pvsplit-switch "$1" --live && same "$(loaded)" "$2"; }
guest_again() {
	start_guest g "$(disk_line a xvda)" --vif "$(vif_line 2)" && wait_for 60 connected g xvda && net_up g 2 && guest_cmd g wait_disk xvda &&
		guest_cmd -t 120 g raw_fill xvda && verify_raw a && transfer_to g 2 1
}

check "the system runs, and no unit has failed" same "$(xargs </run/state)" running
diag "$(systemd-analyze; uname -r; xl info | grep -E 'xen_version|xen_caps|free_memory')"
check "nobody has loaded a backend" same "$(loaded)" ""
require "bridge" make_bridge
make_disk a 32M
require "guest boots" start_guest g "$(disk_line a xvda)" --vif "$(vif_line 2)"
check "its disk is connected" wait_for 60 connected g xvda
check "its network is up" net_up g 2
check "our backends have come, none of the kernel's" same "$(loaded)" "pv_blkback pv_netback"
check "status: all ours, in use" same "$(owners)" "vbd ours yes vif ours yes"
check "pvstat has a line for each" same "$(pvstat | grep -cE '^v(bd|if)-')" 2
check "pvstat finds nothing wrong" pvstat check
check "raw writes" eval "guest_cmd g wait_disk xvda && guest_cmd -t 120 g raw_fill xvda"
check "raw image has the right checksum" verify_raw a
check "random writes read back right" guest_cmd -t 180 g verify_io xvda 8m
check "1 MB to the guest, checksum" transfer_to g 2 1
check "1 MB from the guest, checksum" transfer_from g 2 1
# (An initramfs would take a quarter of an hour here.)
sed -i 's/^update_initramfs=.*/update_initramfs=no/' /etc/initramfs-tools/update-initramfs.conf
check "pvsplit-switch kernel --live: what is in use stays" eval '! pvsplit-switch kernel --live && same "$(owners)" "vbd ours yes vif ours yes"'
check "guest stops" stop_guest g
check "kernel --live, with no guest" live kernel "xen_blkback xen_netback"
check "the next guest is the kernel's" guest_again
check "status says so" same "$(owners)" "vbd kernel yes vif kernel yes"
check "guest stops again" stop_guest g
check "ours --live" live ours "pv_blkback pv_netback"
check "the next guest is ours" guest_again
check "status: all ours again" same "$(owners)" "vbd ours yes vif ours yes"
check "guest stops at last" stop_guest g
diag "errors in the log: $(journalctl -b -p err --no-pager -q)"
