# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
require "connected" wait_for 30 eval "connected g xvda && connected g xvdb"
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda
require "a crash kernel is loaded" guest_cmd -t 120 g load_crash_kernel
check "I/O is under way" guest_loop g v xvdb 2m
# Xen lets the emulated timers interrupt CPU 0 alone, and this kernel begins with those.
guest_cmd g "taskset -p 1 1"
# Without its first process the kernel panics, and does not answer.
guest_cmd -t 10 g "exit 1" >/dev/null
check "the dump ends and the guest is gone" wait_for 200 not domid g
check "the toolstack was told that it crashed" grep -q "shut down, reason code 3" /var/log/xen/xl-g.log
check "a dump of the crashed kernel is on the disk" eval '[ "$(head -c 4 /disk/b | tail -c 3)" = ELF ] && grep -aq "OSRELEASE=" /disk/b'
check "its checksum" same "$(head -c 8388608 /disk/b | sha256sum | cut -c1-64)" "$(tail -c +8388609 /disk/b | head -c 64)"
check "the other disk is sound" verify_image a
