# SPDX-License-Identifier: GPL-2.0
make_disk a 32M
require "guest boots" start_guest g "$(disk_line a xvda)"
require "connected" wait_for 30 connected g xvda
check "verified I/O is under way" guest_loop g v xvda 2m --numjobs=2 --offset_increment=2m
for n in 1 2 3; do check "CPUs go and come back under I/O $n" guest_cmd -t 120 g "cpus_go $VCPUS"; done
check "the I/O across it all is right" guest_join g v
check "each CPU has its vector again, and events" guest_cmd g "events_on $VCPUS"
