# SPDX-License-Identifier: GPL-2.0
disks="a:xvda b:xvdb1 c:xvdc q:xvdq aa:xvdaa r:xvdr"
for d in $disks cd:; do make_disk "${d%:*}" 6M; done
# A partition table by hand: one partition of 4 MiB from sector 2048
printf '\000\000\000\000\203\000\000\000\000\010\000\000\000\040\000\000' | dd of=/disk/c bs=1 seek=446 conv=notrunc 2>/dev/null
printf '\125\252' | dd of=/disk/c bs=1 seek=510 conv=notrunc 2>/dev/null
head -c 4194304 /dev/urandom | dd of=/disk/r conv=notrunc 2>/dev/null; r_sum=$(disk_sum /disk/r)
head -c 6291456 /dev/urandom >/disk/cd
require "guest boots" start_guest g "$(disk_line a xvda)"
for d in b:xvdb1 c:xvdc q:xvdq aa:xvdaa; do check "attach ${d#*:}" attach_disk g "${d%:*}" "${d#*:}"; done
check "attach xvdr read-only" attach_disk g r xvdr ro
check "attach xvdd as a CD-ROM" attach_disk g cd xvdd ro devtype=cdrom
number() { guest_cmd g "wait_disk $1 && cat /sys/class/block/$1/dev"; }
for d in xvda=202:0 xvdb1=202:17 xvdc=202:32 xvdc1=202:33 xvdd=202:48 xvdq=202:4096 xvdr=202:4352 xvdaa=202:6656; do
	check "${d%=*} has number ${d#*=}" same "$(number "${d%=*}")" "${d#*=}"
done
check "xvdb1 is a disk, not a partition" guest_cmd g '[ -d /sys/block/xvdb1 ] && [ ! -e /sys/block/xvdb ]'
check "xvdc1 is a partition of 4 MiB" same "$(guest_cmd g cat /sys/block/xvdc/xvdc1/size)" 8192
check "ordinary disks are writable and not removable" same "$(guest_cmd g cat /sys/block/xvda/ro /sys/block/xvda/removable | tr '\n' ' ')" "0 0 "
check "the read-only disk says so" same "$(guest_cmd g cat /sys/block/xvdr/ro)" 1
check "it reads right" same "$(guest_cmd g raw_sum xvdr 6291456)" "$(disk_sum /disk/r)"
check "a write to it fails" guest_cmd g '! dd if=/dev/zero of=/dev/xvdr bs=4k count=1 conv=fsync'
check "the CD-ROM is read-only" same "$(guest_cmd g cat /sys/block/xvdd/ro)" 1
check "the CD-ROM reads right" same "$(guest_cmd g raw_sum xvdd 6291456)" "$(disk_sum /disk/cd)"
check "each disk takes its own data" guest_cmd g 'for d in xvda xvdb1 xvdq xvdaa; do echo "I am $d" | dd of=/dev/$d bs=4k conv=sync,fsync 2>/dev/null || exit 1; done'
for d in a:xvda b:xvdb1 q:xvdq aa:xvdaa; do check "${d#*:} on file ${d%:*}" same "$(head -c 32 "/disk/${d%:*}" | tr -d '\0')" "I am ${d#*:}"; done
check "the read-only image is unchanged" same "$(disk_sum /disk/r)" "$r_sum"
check "guest stops" stop_guest g
