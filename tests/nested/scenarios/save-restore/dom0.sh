# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "net: bridge" make_bridge
require "scsi: a host with two disks" scsi_debug dev_size_mb=16 num_tgts=1 max_luns=2 delay=0
h=$(scsi_debug_host)
GUEST_EXTRA="vscsi=[ '$h:0:0:0,0:0:0:0' ]" XL_CREATE="pv-scsi create"
require "guest boots with a SCSI disk of its configuration file" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)" --vif "$(vif_line 2)"
require "net: connected, addresses" net_up g 2
require "scsi: disk" guest_cmd g scsi_disk 0:0
# The file may name the devices in another order than they came in.
check "scsi: one more by hand" pv-scsi attach g "$h:0:0:1" 0:0:1:0
sed -i "s/vscsi=.*/vscsi=[ '$h:0:0:1,0:0:1:0', '$h:0:0:0,0:0:0:0' ]/" /run/g.cfg
names=$(guest_cmd g "scsi_disk 0:0; scsi_disk 1:0")
check "mounted" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda"
check "verified I/O is under way" guest_loop g v xvdb 2m
for n in 1 2; do
	check "scsi: verified I/O is under way $n" guest_loop g s "\$(scsi_disk 0:0)" 2m
	check "net: a transfer each way is under way $n" eval "streams_begin g 2 && guest_cmd g busy eth0"
	before=$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets")
	g0=$(garps 2)
	check "save $n" xl save g /disk/saved
	check "restore $n" pv-scsi restore /run/g.cfg /disk/saved
	rm -f /disk/saved
	check "the guest answers" guest_cmd g true
	check "connected again" wait_for 30 eval "connected g xvda && connected g xvdb"
	check "net: connected again" wait_for 30 vif_connected g
	check "scsi: connected again" wait_for 30 scsi_connected g
	check "net: neighbours were told" garp_after 2 "$g0"
	check "net: counters of the interface go on" at_least "$(guest_cmd g "cat /sys/class/net/eth0/statistics/rx_packets")" "$before"
	check "the I/O goes on" guest_cmd g under_way v
	check "scsi: I/O went on, nothing lost" guest_join g s
	check "scsi: both disks are those that they were" same "$(guest_cmd g "scsi_disk 0:0; scsi_disk 1:0")" "$names"
	check "net: the transfers across it are right" streams_end g
done
check "the file system still works" guest_cmd g "copy_tree && umount /mnt"
check "the I/O across it all is right" guest_join g v
check "net: no staged page is left behind: the second connection works as the first" guest_cmd g "ping -c 2 -W 2 10.0.0.1"
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "scsi: raw writes" guest_cmd -t 120 g "raw_fill \$(scsi_disk 0:0) 64k"
check "scsi: detach" eval "pv-scsi detach g 0:0:1:0 && pv-scsi detach g 0:0:0:0"
read -r sum size </data/stream.sum
check "scsi: the disk has the right checksum" same "$(head -c "$size" "/dev/$(scsi_block "$h:0:0:0")" | sha256sum | cut -d' ' -f1)" "$sum"
check "guest stops" stop_guest g
check "scsi: nothing is left of the guests that are gone" eval 'pv-scsi list >/dev/null; [ -z "$(xenstore-list /local/domain/0/backend/vscsi)" ]'
