# SPDX-License-Identifier: GPL-2.0
modprobe st
require "a tape drive" scsi_debug ptype=1 delay=0
make_disk s 1M
start_guest_scsi() {
	GUEST_EXTRA="vscsi=[ '$1,0:0:4:0' ]" XL_CREATE="pv-scsi create" start_guest g
}
require "guest boots with the tape of its configuration file" start_guest_scsi /dev/nst0
guest_cmd g modprobe st
require "st has it" guest_cmd g "scsi_node 4:0 scsi_tape"
# (By sg it would be the process that sends its command again after a suspend.)
send() { guest_bg g "$1" "sg_raw --timeout=300 $2 /dev/bsg/\$(scsi_at 4:0) $3"; }
write_blocks() { send c "-s 4096 -i /dev/zero" "0a 00 00 00 08 00"; }
rewind() { send r "" "01 00 00 00 00 00"; }
# So many have come to the device
writes() { same "$(scsi_debug_heard '0a 00 00 00 08 00')" "$1"; }
rewinds() { same "$(scsi_debug_heard '01 00 00 00 00 00')" "$1"; }
guest_cmd g "sg_turs /dev/bsg/\$(scsi_at 4:0)" >/dev/null	# takes the unit attention
# Who has it over a new connection does not know where it stands.
told() { guest_cmd g "sg_raw /dev/bsg/\$(scsi_at 4:0) 00 00 00 00 00 00 2>&1" | grep -qi 'unit attention'; }
scsi_debug_listen
check "a write of the guest's reaches the device" eval "write_blocks && guest_join g c && writes 1"

# Three seconds: the backend waits for it when it leaves, and answers before it goes.
scsi_debug_set delay 750
write_blocks
check "a write is under way" wait_for 20 writes 2
check "backend leaves, comes back" eval "unload_backend && load_backend"
check "the write was answered" guest_join g c
check "connected again" wait_for 30 scsi_connected g
check "it came to the device once" writes 2
check "the guest is told of the new connection" told

# Fifteen seconds: the backend takes it back from the device.
scsi_debug_set opts 0x2001; scsi_debug_set delay 3750
write_blocks
check "a longer one is under way" wait_for 20 writes 3
check "backend leaves, comes back, again" eval "unload_backend && load_backend"
check "the device was told" same "$(scsi_debug_aborts)" 1
check "the write failed" not guest_join g c
check "connected again" wait_for 30 scsi_connected g
check "it came to the device once" writes 3
check "the guest is told of the new connection, again" told

# The guest takes the rings away from the backend: there is no answer.
write_blocks; rewind
check "a third one is under way" wait_for 20 writes 4
check "and a command without data" wait_for 20 rewinds 1
check "the guest resets its host" guest_cmd g "sg_reset -H /dev/\$(scsi_node 4:0 scsi_generic)"
check "the write failed" not guest_join g c
check "the other one, too" not guest_join g r
check "the guest is told of the new connection, a third time" told

# To scsi_debug, REWIND has been STOP.
scsi_debug_set delay 0
guest_cmd g "sg_raw /dev/bsg/\$(scsi_at 4:0) 1b 00 00 00 01 00" >/dev/null
scsi_debug_set delay 2000
write_blocks
check "a fourth write is under way" wait_for 20 writes 5
check "save" xl save g /disk/save
check "restore" pv-scsi restore /run/g.cfg /disk/save
check "the guest had waited for it" guest_join g c
check "connected again" wait_for 30 scsi_connected g
scsi_debug_set delay 0
check "st still has the tape, which takes commands" eval "guest_cmd g 'scsi_node 4:0 scsi_tape && mt-st -f /dev/nst0 status' && write_blocks && guest_join g c"
check "each write came to the device once" writes 6
check "the rewind, too" rewinds 1
check "detach" pv-scsi detach g 0:0:4:0

# What a disk was doing it does once more.
require "a disk" eval "rmmod scsi_debug && scsi_debug dev_size_mb=16"
check "attach" pv-scsi attach g "$(scsi_debug_host):0:0:0" 0:0:4:0
require "disk" guest_cmd g scsi_disk 4:0
reads() { same "$(scsi_debug_heard '28 00 00 00 40 00 00 00 08 00')" "$1"; }
scsi_debug_set delay 3750; scsi_debug_listen
guest_bg g c "dd if=/dev/\$(scsi_disk 4:0) of=/dev/null bs=4k skip=2048 count=1 iflag=direct"
check "a read is under way" wait_for 20 reads 1
check "backend leaves, comes back" eval "unload_backend && load_backend"
check "the read was done" guest_join g c
check "it came to the device twice" reads 2
check "all is taken back" scsi_end g
check "guest stops" stop_guest g
