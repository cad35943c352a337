# SPDX-License-Identifier: GPL-2.0
diag "the control domain is up"
make_disk disk 32M
require "a $GUEST guest boots on Xen" start_guest g
require "a file-backed disk is attached as xvda" attach_disk g disk xvda
require "both ends are connected" wait_for 30 connected g xvda
f=$(frontend_path g xvda) b=$(backend_path g xvda)
data "attached /disk/disk (32 MiB file) as xvda to a $GUEST guest, $VCPUS vCPUs, $(uname -r)"
data "drivers frontend $(guest_cmd g 'readlink -f /sys/bus/xen/devices/vbd-*/driver/module | sed s,.*/,,'), backend $(readlink -f "$(vbd_sysfs g xvda)/driver/module" | sed 's,.*/,,')"
data "queues $(xs "$f/multi-queue-num-queues" || echo 1), ring of $((1 << $(xs "$f/ring-page-order" || echo 0))) pages each"
data "persistent frontend $(xs "$f/feature-persistent"), backend $(xs "$b/feature-persistent")"
data "indirect $(xs "$b/feature-max-indirect-segments") segments a request"
data "flush $(xs "$b/feature-flush-cache"), discard $(xs "$b/feature-discard"), protocol $(xs "$f/protocol"), sectors of $(xs "$b/sector-size") bytes"
check "the guest makes ext4 and copies $(wc -l </data/manifest) files" guest_cmd -t 120 g "wait_disk xvda && make_fs xvda && copy_tree"
check "the guest itself reads them back right" guest_cmd -t 60 g 'umount /mnt && mount /dev/xvda /mnt && diff -r /data/tree /mnt/tree'
measure() {
	guest_cmd -t 120 g fio --filename=/mnt/fio --size=8m --direct=1 --ioengine=libaio --time_based --runtime=1 --output-format=terse \
		--terse-version=3 --name=randread-4k-qd32 --rw=randread --bs=4k --iodepth=32 --name=randwrite-4k-qd32 --stonewall --rw=randwrite \
		--bs=4k --iodepth=32 --name=read-1m-qd8 --stonewall --rw=read --bs=1m --iodepth=8 >/tmp/fio
	same "$(grep -c '^3;' /tmp/fio)" 3 || { tail -n 5 /tmp/fio; return 1; }
}
check "a second of random reads, of random writes and of sequential reads" measure
while read -r line; do data "measured $line"; done < <(
	awk -F';' '/^3;/ { printf "%s: %d IOPS, %.1f MB/s\n", $3, $8 + $49, ($7 + $48) * 1024 / 1e6 }' /tmp/fio)
check "umount" guest_cmd g 'rm /mnt/fio && umount /mnt'
check "the disk is detached" detach_disk g xvda
check "from dom0: fsck finds nothing, every file has its checksum" verify_image disk
data "checksums $(grep -c ': OK$' /tmp/sums) of $(wc -l </data/manifest) files match the list that the guest never saw"
data "fsck $(tail -n 1 /tmp/fsck)"
data "image sha256 $(disk_sum /disk/disk)"
check "the guest stops" stop_guest g
