# SPDX-License-Identifier: GPL-2.0
require "a disk" scsi_debug dev_size_mb=32 delay=0
h=$(scsi_debug_host)
require "guest boots" start_guest g
require "attach" pv-scsi attach g $h:0:0:0 0:0:0:0
require "disk" guest_cmd g scsi_disk 0:0
require "verified I/O" guest_loop g v "\$(scsi_disk 0:0)" 4m
check "backend leaves" unload_backend
check "backend comes back" load_backend
check "connected again" wait_for 30 scsi_connected g
check "I/O went on, nothing lost" guest_join g v
# Memory that is on the disk is wanted while nobody serves it. (The kernel of sanitize-scsi cannot swap.)
if guest_cmd g "[ -e /proc/swaps ]"; then
	check "8 MB are swapped out to it" guest_cmd -t 60 g "swap_out /dev/\$(scsi_disk 0:0)"
	check "the backend leaves again" unload_backend
	guest_bg g in swap_in
	check "and comes back" eval "load_backend && wait_for 30 scsi_connected g"
	check "memory is as it was" guest_join g in
fi
# What the disk still has in its own cache is written out.
flushes=$(statistic f_req)
guest_cmd g "(cd /data/tree && find . -type f | LC_ALL=C sort | xargs cat) >/dev/\$(scsi_disk 0:0)"
check "frontend leaves" guest_cmd -t 60 g unload_frontend
check "the disk's cache was flushed" at_least "$(statistic f_req)" $((flushes + 1))
read -r sum size </data/stream.sum
check "what was written is there" same "$(head -c "$size" "/dev/$(scsi_block "$h:0:0:0")" | sha256sum | cut -d' ' -f1)" "$sum"
check "frontend comes back" guest_cmd -t 60 g load_frontend
check "connected" wait_for 30 scsi_connected g
check "ext4" guest_cmd -t 120 g "fill_disk \$(scsi_disk 0:0)"
check "detach" pv-scsi detach g 0:0:0:0
check "image is right" verify_image "/dev/$(scsi_block "$h:0:0:0")"
check "guest stops" stop_guest g
