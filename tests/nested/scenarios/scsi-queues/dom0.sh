# SPDX-License-Identifier: GPL-2.0
require "a disk" scsi_debug dev_size_mb=64 sector_size=4096 delay=0
h=$(scsi_debug_host)
require "guest boots" start_guest g
require "attach" pv-scsi attach g $h:0:0:0 0:0:0:0 --untrusted
require "disk" guest_cmd g scsi_disk 0:0
check "two queues and a polled one" same "$(guest_cmd g 'ls /sys/block/$(scsi_disk 0:0)/mq | wc -l; grep -c " polled " /sys/kernel/debug/pvsplit/vscsi-0' | tr '\n' ' ')" "3 1 "
check "a LUN may have what all rings take" same "$(guest_cmd g 'cat /sys/block/$(scsi_disk 0:0)/device/queue_depth')" 381
check "nobody is trusted" guest_cmd g "grep -qx 'trusted 0' /sys/kernel/debug/pvsplit/vscsi-0 && grep -qx 'data staged' /sys/kernel/debug/pvsplit/vscsi-0"
check "4 KiB sectors" same "$(guest_cmd g 'queue_attr $(scsi_disk 0:0) logical_block_size')" 4096
check "verified random I/O" guest_cmd -t 180 g "verify_io \$(scsi_disk 0:0) 4m --numjobs=2 --offset_increment=16m"

irqs() { guest_cmd g "awk '/lateeoi/ && !/hvc/ { for (i = 2; i <= NF && \$i ~ /^[0-9]+\$/; i++) s += \$i } END { print s + 0 }' /proc/interrupts"; }
check "the disk says that it polls" same "$(guest_cmd g 'queue_attr $(scsi_disk 0:0) io_poll')" 1
i0=$(irqs)
check "polled I/O by io_uring, verified" guest_cmd -t 120 g "verify_io \$(scsi_disk 0:0) 4m --ioengine=io_uring --hipri=1 --bsrange=4k-64k"
i1=$(irqs); diag "interrupts during the polled run: $((i1 - i0))"
check "polled I/O takes few interrupts" eval "[ $((i1 - i0)) -lt 100 ] || { echo $((i1 - i0)); false; }"

# A deeper job before, so that all pages are there: without it, each command more in flight than ever before takes 16. Some may
# have been given back meanwhile, by the shrinker of every 30 s. The job is 256 commands.
. "/scenario/${PART:+parts/$PART/}guest.sh"
job() { echo "fio --name=a --filename=/dev/\$(scsi_disk 0:0) --direct=1 --ioengine=libaio --iodepth=$1 --rw=randrw --bs=64k --size=8m --numjobs=2 --minimal >/dev/null"; }
few() { local n; n=$("$@") && echo "$n" && [ "$n" -le 64 ]; }
check "random I/O" guest_cmd -t 120 g "$(job 32)"
require "allocations can be counted" eval "count_allocations && guest_cmd g count_allocations"
check "the same again, half as deep" guest_cmd -t 120 g "$(job 16)"
check "no allocation a command in the control domain" few allocations
check "no allocation a command in the guest" few guest_cmd g allocations

check "4 MiB at a time" guest_cmd -t 60 g "D=\$(scsi_disk 0:0); echo 4096 >/sys/block/\$D/queue/max_sectors_kb; fio --name=v --filename=/dev/\$D --direct=1 --bs=4m --size=8m --rw=write --verify=crc32c --minimal"
check "ext4" guest_cmd -t 120 g "fill_disk \$(scsi_disk 0:0)"
check "detach" pv-scsi detach g 0:0:0:0
check "image is right" verify_image "/dev/$(scsi_block "$h:0:0:0")"
check "guest stops" stop_guest g
