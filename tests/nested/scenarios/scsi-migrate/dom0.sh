# SPDX-License-Identifier: GPL-2.0
make_disk f 64M
w=naa.6001405123456789
require "LIO" lio_init
load_backend
require "a LUN of LIO" eval "lio_store fileio f fd_dev_name=/disk/f,fd_dev_size=67108864 && lio_target $w && lio_lun $w 0 fileio f"
require "a host with three disks" scsi_debug dev_size_mb=32 max_luns=3 num_tgts=1 delay=0
h=$(scsi_debug_host)
require "guest boots" start_guest g
# The entries in xenstore will have other names there: the first one has gone.
check "attach" eval "pv-scsi attach g $h:0:0:0 0:0:7:0 && pv-scsi attach g /dev/$(scsi_block "$h:0:0:1") 0:0:1:0 --allow reservations && pv-scsi attach g $w:0 0:0:2:0 && pv-scsi detach g 0:0:7:0"
require "disks" guest_cmd g "scsi_disk 1:0 && scsi_disk 2:0"
names=$(guest_cmd g "scsi_disk 1:0; scsi_disk 2:0")
check "a file system" guest_cmd -t 60 g "make_fs \$(scsi_disk 2:0)"
guest_bg g v verify_loop "\$(scsi_disk 1:0)" 8m 40
sleep 2
# What runs a command on the other host, which is this one.
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >/usr/bin/here; chmod +x /usr/bin/here
before=$(guest_id g)
check "migrate" eval "PV_SCSI_SSH=here pv-scsi migrate g here >/tmp/migrate 2>&1 || { tail -n 6 /tmp/migrate; false; }"
check "it is another domain" not same "$(guest_id g)" "$before"
check "the guest answers" guest_cmd g true
check "connected again" wait_for 30 scsi_connected g
check "the same disks" same "$(guest_cmd g "scsi_disk 1:0; scsi_disk 2:0")" "$names"
check "what may be sent went with it" same "$(xenstore-ls "$(scsi_backend g)" | grep -c 'pvsplit-allow = "reservations"')" 1
check "the file system still works" guest_cmd -t 120 g "copy_tree && umount /mnt"
check "the I/O across it all is right" guest_join g v
check "detach" eval "pv-scsi detach g 0:0:2:0 && pv-scsi detach g 0:0:1:0"
check "image is sound and the files are right" verify_image f
check "guest stops" stop_guest g
