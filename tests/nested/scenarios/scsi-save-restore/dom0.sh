# SPDX-License-Identifier: GPL-2.0
require "a host with two disks" scsi_debug dev_size_mb=32 num_tgts=1 max_luns=2 delay=0
h=$(scsi_debug_host)
make_disk s 1M
start_guest_scsi() {
	GUEST_EXTRA="vscsi=[ '$h:0:0:0,0:0:0:0' ]" XL_CREATE="pv-scsi create" start_guest g
}
require "guest boots with a disk of its configuration file" start_guest_scsi
require "disk" guest_cmd g scsi_disk 0:0
# The file may name the devices in another order than they came in.
check "one more by hand" pv-scsi attach g "$h:0:0:1" 0:0:1:0
sed -i "s/vscsi=.*/vscsi=[ '$h:0:0:1,0:0:1:0', '$h:0:0:0,0:0:0:0' ]/" /run/g.cfg
names=$(guest_cmd g "scsi_disk 0:0; scsi_disk 1:0")
for round in 1 2; do
	guest_bg g v verify_loop "\$(scsi_disk 0:0)" 8m 30
	sleep 5
	check "save $round" xl save g /disk/save
	check "restore $round" pv-scsi restore /run/g.cfg /disk/save
	rm -f /disk/save
	check "connected again" wait_for 30 scsi_connected g
	check "I/O went on, nothing lost" guest_join g v
	check "both disks are those that they were" same "$(guest_cmd g "scsi_disk 0:0; scsi_disk 1:0")" "$names"
done
check "raw writes" guest_cmd -t 120 g "raw_fill \$(scsi_disk 0:0) 64k"
check "detach" eval "pv-scsi detach g 0:0:1:0 && pv-scsi detach g 0:0:0:0"
read -r sum size </data/stream.sum
check "the disk has the right checksum" same "$(head -c "$size" "/dev/$(scsi_block "$h:0:0:0")" | sha256sum | cut -d' ' -f1)" "$sum"
check "guest stops" stop_guest g
check "nothing is left of the guests that are gone" eval "pv-scsi attach 0 $h:0:0:0 0:0:0:0 2>/dev/null; pv-scsi list >/dev/null; [ -z \"\$(xenstore-list /local/domain/0/backend/vscsi | grep -vx 0)\" ]"
