# SPDX-License-Identifier: GPL-2.0
make_disk a 16M; make_disk b 32M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
guest_cmd g "wait_disk xvda && wait_disk xvdb"
check "the queue says that it polls" same "$(guest_cmd g queue_attr xvda io_poll)" 1
irqs() { guest_cmd g "awk '/lateeoi/ && !/hvc/ { for (i = 2; i <= NF && \$i ~ /^[0-9]+\$/; i++) s += \$i } END { print s + 0 }' /proc/interrupts"; }
i0=$(irqs)
guest_cmd -t 60 g fio --name=r --filename=/dev/xvda --direct=1 --ioengine=libaio --rw=randread --bs=4k --iodepth=1 --size=2m --minimal >/dev/null
i1=$(irqs)
check "without hipri each I/O takes an interrupt" at_least $((i1 - i0)) 250
i0=$(irqs)
check "io_uring with hipri, verified" guest_cmd -t 120 g verify_io xvda 6m --ioengine=io_uring --hipri=1 --bsrange=4k-64k
i1=$(irqs); diag "interrupts during the polled run: $((i1 - i0))"
check "reads with hipri" guest_cmd -t 60 g fio --name=r --filename=/dev/xvda --direct=1 --ioengine=io_uring --hipri=1 --rw=randread --bs=4k --iodepth=8 --size=4m --minimal
check "polled I/O takes few interrupts" eval "[ $((i1 - i0)) -lt 200 ] || { echo $((i1 - i0)); false; }"
check "ordinary I/O still works beside it" guest_cmd -t 120 g fill_disk xvdb
check "detach" detach_disk g xvdb
check "image is sound and the files are right" verify_image b
check "guest stops" stop_guest g
