# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M; make_disk f 32M
w=naa.6001405123456789
require "net: bridge" make_bridge
require "scsi: LIO" lio_init
load_backend
require "scsi: a LUN of LIO" eval "lio_store fileio f fd_dev_name=/disk/f,fd_dev_size=33554432 && lio_target $w && lio_lun $w 0 fileio f"
require "scsi: a host with three disks" scsi_debug dev_size_mb=16 max_luns=3 num_tgts=1 delay=0
h=$(scsi_debug_host)
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)" --vif "$(vif_line 2)"
require "net: connected, addresses" net_up g 2
# The entries in xenstore will have other names there: the first one has gone.
check "scsi: attach" eval "pv-scsi attach g $h:0:0:0 0:0:7:0 && pv-scsi attach g /dev/$(scsi_block "$h:0:0:1") 0:0:1:0 --allow reservations && pv-scsi attach g $w:0 0:0:2:0 && pv-scsi detach g 0:0:7:0"
require "scsi: disks" guest_cmd g "scsi_disk 1:0 && scsi_disk 2:0"
names=$(guest_cmd g "scsi_disk 1:0; scsi_disk 2:0")
check "mounted" guest_cmd g "wait_disk xvda && wait_disk xvdb && make_fs xvda"
check "scsi: a file system" guest_cmd -t 60 g "mkdir /mnt/lio && make_fs \$(scsi_disk 2:0) '' /mnt/lio"
check "verified I/O is under way" guest_loop g v xvdb 2m
check "scsi: verified I/O is under way" guest_loop g s "\$(scsi_disk 1:0)" 2m
check "net: a transfer each way is under way" eval "streams_begin g 2 && guest_cmd g busy eth0"
# What runs a command on the other host, which is this one.
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >/usr/bin/here; chmod +x /usr/bin/here
before=$(guest_id g)
check "migrate" eval "PV_SCSI_SSH=here pv-scsi migrate g here >/tmp/migrate 2>&1 || { tail -n 6 /tmp/migrate; false; }"
check "it is another domain" not same "$(guest_id g)" "$before"
check "the guest answers" guest_cmd g true
check "connected again" wait_for 30 eval "connected g xvda && connected g xvdb"
check "net: connected again" wait_for 30 vif_connected g
check "scsi: connected again" wait_for 30 scsi_connected g
check "scsi: the same disks" same "$(guest_cmd g "scsi_disk 1:0; scsi_disk 2:0")" "$names"
check "scsi: what may be sent went with it" same "$(xenstore-ls "$(scsi_backend g)" | grep -c 'pvsplit-allow = "reservations"')" 1
check "scsi: the file system still works" guest_cmd -t 120 g "copy_tree lio/tree && umount /mnt/lio"
check "the file system still works" guest_cmd g "rmdir /mnt/lio && copy_tree && umount /mnt"
check "the I/O across it all is right" guest_join g v
check "scsi: the I/O across it all is right" guest_join g s
check "net: the transfers across it are right" streams_end g
check "net: 2 MB from the guest afterwards, checksum" transfer_from g 2 2 2
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "scsi: detach" eval "pv-scsi detach g 0:0:2:0 && pv-scsi detach g 0:0:1:0"
check "scsi: image is sound and the files are right" verify_image f
check "guest stops" stop_guest g
