# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 32M
require "guest boots with 4 vCPUs" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
check "connected" wait_for 30 eval "connected g xvda && connected g xvdb"
check "4 queues are negotiated" same "$(xs "$(frontend_path g xvda)/multi-queue-num-queues")" 4
check "the guest has 4 hardware queues" same "$(guest_cmd g 'ls /sys/block/xvda/mq | wc -l')" 4
guest_bg g v verify_io xvdb 4m --numjobs=4 --offset_increment=4m
check "ext4 under the load of four jobs on the other disk" guest_cmd -t 180 g fill_disk xvda
check "random writes of four jobs read back right" guest_join g v 180
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
