# SPDX-License-Identifier: GPL-2.0
require "guest boots" start_guest g
check "nothing is wrong before" guest_cmd -t 120 g sound
check "use after free" guest_cmd g "finds use 'KFENCE: use-after-free'"
check "sleep below a spinlock" guest_cmd g "finds sleep 'BUG: scheduling while atomic|sleeping function called'"
check "a shift too far" guest_cmd g "finds shift 'UBSAN: shift-out-of-bounds'"
check "a leak is there" guest_cmd g "modprobe planted fault=leak && rmmod planted"
check "and found" guest_cmd -t 120 g "not_sound 'unreferenced object'"
# Lockdep's last word: then it looks no more.
check "locks in both orders" guest_cmd g "finds order 'possible circular locking'"
check "that lockdep has stopped is found" guest_cmd -t 120 g "not_sound 'lockdep has stopped'"
