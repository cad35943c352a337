# SPDX-License-Identifier: GPL-2.0
make_disk a 24M
require "guest boots" start_guest g "$(disk_line a xvda)"
stat_of() { cat "$(vbd_sysfs g xvda)/statistics/$1"; }
check "mounted with files" guest_cmd g "wait_disk xvda && make_fs xvda && copy_tree"
check "the guest sees a write cache" same "$(guest_cmd g queue_attr xvda write_cache)" "write back"
check "the guest sees discard" guest_cmd g '[ $(queue_attr xvda discard_max_bytes) -gt 0 ]'
f0=$(stat_of f_req)
check "fsync after each write" guest_cmd g 'dd if=/dev/zero of=/mnt/f bs=4k count=8 && for i in 1 2 3 4; do dd if=/dev/zero of=/mnt/f bs=4k count=1 seek=$i conv=notrunc,fsync || exit; done 2>/dev/null'
check "reached the backend as flushes" at_least "$(stat_of f_req)" $((f0 + 4))
check "O_DSYNC on the disk itself" guest_cmd g 'fio --name=s --filename=/mnt/s --size=1m --rw=write --bs=16k --sync=dsync --direct=1 --ioengine=psync --minimal'
check "fill and delete" guest_cmd g 'dd if=/dev/urandom of=/mnt/big bs=64k count=192 conv=fsync && rm /mnt/big && sync'
u0=$(disk_usage a) d0=$(stat_of ds_req)
check "the file behind is full" at_least "$u0" 12000
check "fstrim" guest_cmd g fstrim /mnt
check "made the file behind sparse" at_least $((u0 - $(disk_usage a))) 9000
check "counted as discards" at_least "$(stat_of ds_req)" $((d0 + 1))
for s in rd_req wr_req rd_sect wr_sect; do check "statistics $s moves" at_least "$(stat_of $s)" 10; done
w0=$(stat_of wr_sect); guest_cmd g 'dd if=/dev/zero of=/mnt/w bs=64k count=16 conv=fsync 2>/dev/null'
check "wr_sect counts a megabyte" at_least $(($(stat_of wr_sect) - w0)) 2048
check "umount" guest_cmd g 'rm -f /mnt/f /mnt/s /mnt/w; umount /mnt'
check "detach" detach_disk g xvda
check "image is sound and the files are right" verify_image a
check "guest stops" stop_guest g
