# SPDX-License-Identifier: GPL-2.0
# fio jobs by name: RW-BS-qdN, e.g. randread-4k-qd32; it may have a kind of disk in front.

# fio_job JOB DISK IOS: prints "iops usec ms p99 p999" (I/Os a second; mean completion latency; how long; 99 and 99.9 % of the latencies)
fio_job() {
	local job=$1 rw rest bs qd
	case $job in lio-* | pt-* | slow-* | few-*) job=${job#*-} ;; esac
	rw=${job%%-*} rest=${job#*-}
	bs=${rest%%-*}; qd=${rest#*-qd}
	fio --name=b --filename=/dev/$2 --direct=1 --ioengine=libaio --rw=$rw --bs=$bs --iodepth=$qd \
		--number_ios=$(($3 / VCPUS)) --numjobs=$VCPUS --group_reporting --size=900m --io_size=64g --norandommap --randrepeat=1 ${FIO_ARGS} \
		--output-format=terse --terse-version=3 >/tmp/fio || { cat /tmp/fio; return 1; }
	awk -F';' -v w="$rw" '/^3;/ { o = (w ~ /write/) ? 41 : 0; sub(/.*=/, "", $(30 + o)); sub(/.*=/, "", $(32 + o))
		print $(8 + o), $(16 + o), $(9 + o), $(30 + o), $(32 + o) }' /tmp/fio
}
# Event channels of devices only, or emulated devices
event_irqs() { awk '(/lateeoi/ && !/hvc|evtchn:/) || (/xen-event/ && !/xenstore/) || /ata_piix|eth[0-9]$/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) s += $i } END { print s + 0 }' /proc/interrupts; }

# counted JOB DISK IOS: like fio_job; prints IOS done and the disk's interrupts meanwhile
counted() { local a b; a=$(event_irqs); fio_job "$@" >/dev/null || return; b=$(event_irqs); echo $((b - a)); }
local_disk() { modprobe null_blk nr_devices=1 queue_mode=2 irqmode=0 gb=1 bs=512 submit_queues="$VCPUS" && wait_disk nullb0; }
# What stands below dom0's LUNs, in the guest: a null_blk and a scsi_debug device
local_scsi() { local_disk && modprobe scsi_debug dev_size_mb=1024 fake_rw=1 delay=0 submit_queues="$VCPUS" && disk_below pseudo; }
# disk_below NAME: the disk on a bus whose path has the name in it
disk_below() {
	local d i=0
	while [ $i -lt 100 ]; do
		for d in /sys/block/sd*; do
			case $(readlink -f "$d") in *"$1"*) echo none >"$d/queue/scheduler"; echo "${d##*/}"; return ;; esac
		done
		sleep 0.2; i=$((i + 1))
	done
	return 1
}
module_symbols() { awk '$2 ~ /[tT]/ && /\[(pv|hvm|xen|null|ata|e1000)/ { print $1, $3, $4 }' /proc/kallsyms; }
