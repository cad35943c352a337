# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "bridge" make_bridge
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)" --vif "$(vif_line 2 model=e1000)"
require "connected, addresses" net_up g 2
check "mounted" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda"
clock_ahead() { echo $(($(guest_cmd g "date +%s") - $(date +%s))); }
goes_on() {
	check "the guest answers" wait_for 60 guest_cmd -t 4 g true
	check "connected again" wait_for 30 eval "connected g xvda && connected g xvdb && vif_connected g"
	check "no emulated device came back" guest_cmd g 'modprobe ata_piix; sleep 0.5; ! ls /dev/sd*'
	check "dom0 is reachable" guest_cmd g 'ping -c 2 -W 2 10.0.0.1 >/dev/null'
	check "the I/O across it is right" guest_join g v
}
check "verified I/O is under way" guest_loop g v xvdb 2m
ahead=$(clock_ahead)
check "save" xl save g /disk/saved
sleep 8
check "restore" xl restore /disk/saved
rm -f /disk/saved
goes_on
now=$(clock_ahead)
check "its clock did not stay behind" at_least 5 $((now > ahead ? now - ahead : ahead - now))
check "verified I/O is under way" guest_loop g v xvdb 2m
check "checkpoint: saved, and the suspend is cancelled" xl save -c g /disk/saved
rm -f /disk/saved
goes_on
check "the guest has seen that" guest_cmd g 'dmesg | grep -q "suspend was cancelled"'
check "verified I/O is under way" guest_loop g v xvdb 2m
check "migrate" eval "xl migrate -s '' g 'xl migrate-receive' >/tmp/migrate 2>&1 || { tail -n 6 /tmp/migrate; false; }"
goes_on
check "the file system still works" guest_cmd g "copy_tree && umount /mnt"
check "4 MB from the guest, checksum" transfer_from g 2 4
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
