# SPDX-License-Identifier: GPL-2.0
make_disk disk 128M
require "a $GUEST guest boots on Xen" start_guest demo
require "a file-backed disk is attached as xvda" attach_disk demo disk xvda
require "both ends are connected" wait_for 30 connected demo xvda
f=$(frontend_path demo xvda) b=$(backend_path demo xvda)
data "attached /disk/disk (128 MiB file) as xvda to a $GUEST guest, $VCPUS vCPUs, $(uname -r)"
data "drivers frontend $(guest_cmd demo 'readlink -f /sys/bus/xen/devices/vbd-*/driver/module | sed s,.*/,,'), backend $(readlink -f "$(vbd_sysfs demo xvda)/driver/module" | sed 's,.*/,,')"
data "queues $(xs "$f/multi-queue-num-queues" || echo 1), ring of $((1 << $(xs "$f/ring-page-order" || echo 0))) pages each"
data "persistent frontend $(xs "$f/feature-persistent"), backend $(xs "$b/feature-persistent")"
data "indirect $(xs "$b/feature-max-indirect-segments") segments a request"
data "flush $(xs "$b/feature-flush-cache"), discard $(xs "$b/feature-discard"), protocol $(xs "$f/protocol"), sectors of $(xs "$b/sector-size") bytes"
check "the guest makes ext4 and copies $(wc -l </data/manifest) files" guest_cmd -t 120 demo "wait_disk xvda && make_fs xvda && copy_tree"
check "the guest itself reads them back right" guest_cmd -t 60 demo 'umount /mnt && mount /dev/xvda /mnt && diff -r /data/tree /mnt/tree'
measure() { # NAME FIO OPTION...
	local name=$1 r; shift
	r=$(guest_cmd -t 60 demo fio --name=m --filename=/mnt/fio --size=32m --direct=1 --ioengine=libaio --time_based --runtime=3 \
		"$@" --output-format=terse --terse-version=3) || { check "$name" echo "$r"; check "$name" false; return; }
	check "measured: $name" true
	data "measured $(awk -F';' -v n="$name" '/^3;/ { printf "%s: %d IOPS, %.1f MB/s", n, $8 + $49, ($7 + $48) * 1024 / 1e6 }' <<<"$r")"
}
measure "random reads of 4 KiB, 32 deep" --rw=randread --bs=4k --iodepth=32
measure "random writes of 4 KiB, 32 deep" --rw=randwrite --bs=4k --iodepth=32
measure "sequential reads of 1 MiB, 8 deep" --rw=read --bs=1m --iodepth=8
check "umount" guest_cmd demo 'rm /mnt/fio && umount /mnt'
check "the disk is detached" detach_disk demo xvda
check "from dom0: fsck finds nothing, every file has its checksum" verify_image disk
data "checksums $(grep -c ': OK$' /tmp/sums) of $(wc -l </data/manifest) files match the list that the guest never saw"
data "fsck $(tail -n 1 /tmp/fsck)"
data "image sha256 $(disk_sum /disk/disk)"
check "the guest stops" stop_guest demo
