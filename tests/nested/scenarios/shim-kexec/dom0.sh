# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
require "connected" wait_for 30 eval "connected g xvda && connected g xvdb"
check "guest makes ext4 and copies the files" guest_cmd -t 120 g fill_disk xvda
require "the next kernel is loaded" guest_cmd -t 120 g load_next_kernel
check "I/O is under way" guest_loop g v xvdb 2m
guest_cmd -t 1 g "kexec -e" >/dev/null
require "the next kernel begins" wait_for 90 grep -aq "the next kernel is here" /var/log/xen/console/guest-g.log
check "the toolstack has begun the guest anew" grep -q "soft-reset" /var/log/xen/xl-g.log
# It has loaded nothing yet.
let_go() { matches "$(xenstore-read "$(backend_path g "$1")/state")" '^[26]$'; }
check "the backends have let go of the one before" eval "let_go xvda && let_go xvdb"
check "the next kernel ends" wait_for 200 not domid g
check "it has written to the disk" same "$(head -c 5 /disk/b)" kexec
check "the other disk is sound" verify_image a
