# SPDX-License-Identifier: GPL-2.0
require "a host with two disks" scsi_debug dev_size_mb=32 num_tgts=2 delay=0 medium_error_start=4660 medium_error_count=8
h=$(scsi_debug_host) p=$(scsi_debug_host):0:0:0
here=/dev/$(scsi_block "$p")
require "guest boots" start_guest g
require "attach both" eval "pv-scsi attach g $p 0:0:0:0 && pv-scsi attach g $h:0:1:0 0:0:1:0"
require "disks" guest_cmd g "scsi_disk 0:0 && scsi_disk 1:0"
in_guest() { guest_cmd -t 100 g "D=/dev/\$(scsi_disk 0:0); E=/dev/\$(scsi_disk 1:0); $*"; }
check "writes before the bad part" in_guest "dd if=/dev/urandom of=\$D bs=64k count=16 oflag=direct"
scsi_debug_set opts 2
# 64 KiB from block 4608 (1200h): the bad ones are in its middle, the first one at 4660 (1234h).
read_bad="28 00 00 00 12 00 00 00 80 00"
in_guest "sg_raw -r 65536 \$D $read_bad 2>&1" >/tmp/bad
check "READ with bad blocks in its middle: medium error" grep -qi 'medium error' /tmp/bad
check "its sense names the first one" grep -q 1234 /tmp/bad
check "the same sense as here" same "$(grep -i -A9 'sense' /tmp/bad)" "$(sg_raw -r 65536 "$here" $read_bad 2>&1 | grep -i -A9 sense)"
check "a transfer with a bad block in its middle fails" in_guest "! dd if=\$D of=/dev/null bs=64k skip=36 count=1 iflag=direct"
check "its neighbours can be read" in_guest "dd if=\$D of=/dev/null bs=64k count=16 iflag=direct && dd if=\$D of=/dev/null bs=64k skip=38 count=8 iflag=direct"
scsi_debug_set opts 0
check "short reads: what comes and what remains, as here" same "$(in_guest "sg_raw -r 1000 \$D 12 00 00 03 e8 00 2>&1 | grep -v '^\$' | head -n 6")" "$(sg_raw -r 1000 "$here" 12 00 00 03 e8 00 2>&1 | grep -v '^$' | head -n 6)"
check "an unknown command: illegal request" eval "in_guest 'sg_raw \$D 3f 00 00 00 00 00 00 00 00 00 2>&1' | grep -qi 'illegal request'"
check "a vendor's command is denied" eval "in_guest 'sg_raw \$D c1 00 00 00 00 00 2>&1' | grep -qi 'illegal request'"
check "an enclosure's page by SEND DIAGNOSTIC is denied" eval "in_guest 'sg_raw -s 8 -i /dev/zero \$D 1d 10 00 00 08 00; printf \"\\016\\0\\0\\004\\0\\0\\0\\0\" >/p; sg_raw -s 8 -i /p \$D 1d 10 00 00 08 00 2>&1' | grep -qi 'invalid field in parameter list'"
check "RELEASE(6), which is denied, is not supported: byte 1 is 01" eval "in_guest 'sg_raw -r 8 -b -o /r \$D a3 0c 01 17 00 00 00 00 00 08 00 00; od -An -tx1 /r' | grep -q '^ 00 01 00 00'"
check "REPORT LUNS of a reserved kind: invalid field" eval "in_guest 'sg_raw -r 64 \$D a0 00 55 00 00 00 00 00 00 40 00 00 2>&1' | grep -qi 'invalid field in cdb'"
check "a denied one was counted" at_least "$(statistic denied_req)" 1
# Every 40th command is never answered.
guest_cmd g 'for d in /sys/class/scsi_device/*/device/timeout; do echo 2 >$d; done'
scsi_debug_set every_nth 40; scsi_debug_set opts 0x2004
check "verified I/O while commands are lost" guest_cmd -t 240 g "verify_io \$(scsi_disk 1:0) 4m --iodepth=4"
scsi_debug_set opts 0; scsi_debug_set every_nth 0
check "aborts have reached the backend" at_least "$(statistic tmf_req)" 1
check "and the device" at_least "$(scsi_debug_aborts)" 1
diag "aborts and resets: $(statistic tmf_req), at the device: $(scsi_debug_aborts), $(scsi_debug_resets)"
resets=$(scsi_debug_resets)
scsi_debug_set opts 0x2000
check "reset of the device" in_guest "sg_reset -d \$E"
check "which has reached it" at_least "$(scsi_debug_resets)" $((resets + 1))
scsi_debug_set opts 0
require "verified I/O" guest_loop g v "\$(scsi_disk 1:0)" 4m
check "reset of the host" in_guest "sg_reset -H \$E"
check "I/O went on across it" guest_join g v
check "it works after that" guest_cmd -t 100 g "verify_io \$(scsi_disk 1:0) 2m"
sg_reset -d "/dev/$(scsi_block "$p")" 2>/dev/null
check "a reset from elsewhere: the guest gets the unit attention" eval "in_guest 'sg_raw /dev/\$(scsi_node 0:0 scsi_generic) 00 00 00 00 00 00 2>&1' | grep -qi 'unit attention'"
require "verified I/O" guest_gently g v "\$(scsi_disk 1:0)"
guest_cmd g 'for d in /sys/class/scsi_device/*/device/timeout; do echo 30 >$d; done'
require "somebody has the first one open" in_guest "exec 7<\$D && dd bs=4k count=1 <&7 2>/dev/null | wc -c | grep -qx 4096"
tmfs=$(statistic tmf_req)
echo 1 >"/sys/class/scsi_device/$p/device/delete"
check "the device has gone: it leaves the guest" guest_cmd g "wait_no_lun 0:0"
# (An error, or a disk without any blocks: what has been announced first.)
check "who has it open reads nothing" guest_cmd g "dd bs=4k skip=100 count=1 <&7 2>/dev/null | wc -c | grep -qx 0"
guest_cmd g "exec 7<&-"
check "at once, nobody had to abort them" same "$(statistic tmf_req)" "$tmfs"
check "the other one goes on" guest_join g v
check "detach the dead one" pv-scsi detach g 0:0:0:0
check "detach the other" pv-scsi detach g 0:0:1:0
check "guest stops" stop_guest g
