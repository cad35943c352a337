# SPDX-License-Identifier: GPL-2.0
make_disk a 40M; make_disk b 32M
require "a SCSI disk" scsi_debug dev_size_mb=128 delay=0
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
require "attach" pv-scsi attach g "$(scsi_debug_host):0:0:0" 0:0:0:0
require "swap, a file system" guest_cmd g 'wait_disk xvda && wait_disk xvdb && swap_on xvda $(scsi_disk 0:0) && make_fs xvdb && copy_tree && cp /bin/busybox /mnt'
guest_bg g p programs
guest_bg g m memory 80
# The second one has its turn when the first one is full.
for n in 1 2; do
	check "disk $n takes pages" guest_cmd -t 90 g swapped $n 8
	check "the backends leave $n" unload_backend
	check "the backends come back $n" load_backend
	check "connected again $n" wait_for 30 eval "connected g xvda && connected g xvdb && scsi_connected g"
done
check "it takes more" guest_cmd -t 90 g swapped 2 16
check "all of it is right" guest_join g m
check "programs on the disk ran" guest_join g p
check "swap goes" guest_cmd -t 120 g 'umount /tmp/memory /mnt && swap_off'
check "detach" eval "detach_disk g xvda && detach_disk g xvdb && pv-scsi detach g 0:0:0:0"
check "the file system is sound, the files are right" verify_image b
check "those, too, that were copied" verify_image b again
check "guest stops" stop_guest g
