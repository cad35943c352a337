# SPDX-License-Identifier: GPL-2.0
require "a SCSI disk in the control domain" scsi_debug dev_size_mb=64 lbpu=1 lbpws=1 delay=0
p=$(scsi_debug_host):0:0:0
require "guest boots" start_guest g
require "attach" pv-scsi attach g "$p" 0:0:0:0
check "connected" wait_for 10 scsi_connected g
check "list shows it" eval "pv-scsi list g | grep -q '0:0:0:0 *$p *connected'"
check "guest has a disk and an sg node" guest_cmd g "scsi_disk 0:0 && scsi_sg 0:0"
in_guest() { guest_cmd g "D=/dev/\$(scsi_disk 0:0); $*"; }
ours=$(sg_inq "/dev/$(scsi_block "$p")")
check "INQUIRY says the same as here" same "$(in_guest "sg_inq \$D" | grep -i 'product\|vendor\|serial')" "$(grep -i 'product\|vendor\|serial' <<<"$ours")"
for page in sv di bdc lbpv; do
	check "VPD page $page says the same as here" same "$(in_guest "sg_vpd -p $page -H \$D" | sed 1d)" "$(sg_vpd -p $page -H "/dev/$(scsi_block "$p")" | sed 1d)"
done
check "READ CAPACITY 10" eval "in_guest 'sg_readcap \$D' | grep -q 'Device size: 67108864 bytes'"
check "READ CAPACITY 16" eval "in_guest 'sg_readcap -l \$D' | grep -q 'Device size: 67108864 bytes'"
check "MODE SENSE" in_guest "sg_modes -p 8 \$D"
check "TEST UNIT READY" in_guest "sg_turs -n 10 \$D"
check "REPORT LUNS shows the guest's LUN alone" eval "in_guest 'sg_luns \$D' | grep -A9 'Lun list length = 8' | grep -q 0000000000000000"
. "/scenario/${PART:+parts/$PART/}guest.sh"
answers "/dev/bsg/$p" >/tmp/here
guest_cmd -t 120 g "answers /dev/bsg/\$(scsi_at 0:0)" >/tmp/there
check "sg3_utils' read-only questions have answers" at_least "$(guest_cmd g "grep -l 'SCSI Status: Good' /tmp/answers/* | wc -l")" 20
# Block limits are those of the whole way, SERVICE ACTION IN(12) is no disk's.
check "each of them is the same as here, but for these" same "$(diff -u /tmp/here /tmp/there | sed -n 's/^+[0-9a-f]\{32\}  //p')" "$(printf '%s\n' '12 01 b0 00 ff 00' 'ab 01 00 00 00 00 00 00 40 00 00')"
check "START STOP" in_guest "sg_start --stop \$D && ! sg_turs \$D; sg_start --start \$D && sg_turs \$D"
check "a reservation is denied" eval "in_guest 'sg_persist -n --out --register --param-sark=1 \$D; sg_persist -n -k \$D' | grep -qi 'not support\|illegal\|invalid'"
check "a CDB of 32 bytes is refused" in_guest "! sg_raw -r 512 \$D 7f 00 00 00 00 00 00 18 00 09 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 && sg_turs \$D"
check "ext4 and some files" guest_cmd -t 120 g "make_fs \$(scsi_disk 0:0) && cp -r /data/tree/d1 /mnt/ && umount /mnt"
check "verified random I/O" guest_cmd -t 180 g "verify_io \$(scsi_disk 0:0) 4m"
zeroes='dd if=$D bs=4k skip=15000 count=4 iflag=direct 2>/dev/null | tr -d "\0" | wc -c | grep -qx 0'
fill='dd if=/dev/urandom of=$D bs=4k seek=15000 count=4 oflag=direct 2>/dev/null'
discards=$(statistic ds_req)
check "UNMAP" in_guest "$fill; ! $zeroes && sg_unmap --lba=120000 --num=32 \$D && $zeroes"
check "WRITE SAME" in_guest "$fill; ! $zeroes && sg_write_same --16 --lba=120000 --num=32 --xferlen=512 --in=/dev/zero \$D && $zeroes"
check "WRITE SAME with UNMAP" in_guest "$fill; ! $zeroes && sg_write_same --16 --unmap --lba=120000 --num=32 --xferlen=512 --in=/dev/zero \$D && $zeroes"
check "both discards were counted" same $(($(statistic ds_req) - discards)) 2
check "ext4's flushes were counted" at_least "$(statistic f_req)" 1
writes=$(statistic wr_req) sectors=$(statistic wr_sect)
check "4 MiB in one command" in_guest "echo 4096 >/sys/block/\${D##*/}/queue/max_sectors_kb; dd if=/dev/urandom of=/tmp/big bs=1M count=8 2>/dev/null; dd if=/tmp/big of=\$D bs=4M oflag=direct"
check "two of them have come" same "$(($(statistic wr_req) - writes)) $(($(statistic wr_sect) - sectors))" "2 16384"
reads=$(statistic rd_req)
check "and back" in_guest "dd if=\$D bs=4M count=2 iflag=direct 2>/dev/null | cmp - /tmp/big; rm /tmp/big"
check "two of these, too" same $(($(statistic rd_req) - reads)) 2
check "raw writes" guest_cmd -t 120 g "raw_fill \$(scsi_disk 0:0) 1M"
check "detach" pv-scsi detach g 0:0:0:0
check "gone in the guest" guest_cmd g wait_no_lun 0:0
read -r sum size </data/stream.sum
check "what the disk holds has the right checksum" same "$(head -c "$size" "/dev/$(scsi_block "$p")" | sha256sum | cut -d' ' -f1)" "$sum"
check "attach again" pv-scsi attach g "$p" 0:0:3:5
check "ext4, checked from outside" guest_cmd -t 120 g "fill_disk \$(scsi_disk 3:5)"
check "detach again" pv-scsi detach g 0:0:3:5
check "image is sound and the files are right" verify_image "/dev/$(scsi_block "$p")"
check "guest stops" stop_guest g
