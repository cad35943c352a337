# SPDX-License-Identifier: GPL-2.0
modprobe st
require "a tape drive" scsi_debug ptype=1 delay=0 dev_size_mb=64
require "guest boots" start_guest g
guest_cmd g modprobe st
require "attach by its name" pv-scsi attach g /dev/nst0 0:0:4:0
require "st has it" guest_cmd g "scsi_node 4:0 scsi_tape"
in_guest() { guest_cmd -t 120 g "T=/dev/nst0; mt() { /usr/bin/mt-st -f \$T \"\$@\"; }; $*"; }
check "mt: status" in_guest "mt status"
check "blocks of variable size" in_guest "mt rewind && mt setblk 0"
# scsi_debug keeps the first four bytes of a record and its length: tape_sum SEED RECORDS SIZE is what it must give back.
tape_sum() {
	local i
	/nested/pattern "$1" 1 >/tmp/pattern
	for i in $(seq 0 $(($2 - 1))); do
		dd if=/tmp/pattern bs="$3" skip="$i" count=1 2>/dev/null | head -c 4
		head -c $(($3 - 4)) /dev/zero
	done | sha256sum | cut -d' ' -f1
}
sum=$(tape_sum 5 16 16384)
check "a file of 256 KiB in records of 16 KiB" in_guest "/nested/pattern 5 1 | head -c 262144 | dd of=\$T bs=16k iflag=fullblock"
check "a second one" in_guest "/nested/pattern 6 1 | head -c 65536 | dd of=\$T bs=8k iflag=fullblock"
check "position behind two file marks" eval "in_guest 'mt status' | grep -qi 'file number=2'"
check "rewind, read: the checksum made here" same "$(in_guest 'mt rewind && dd if=$T bs=16k 2>/dev/null | sha256sum' | cut -d' ' -f1)" "$sum"
check "the second file, by its mark" same "$(in_guest 'mt rewind && mt fsf 1 && dd if=$T bs=8k 2>/dev/null | sha256sum' | cut -d' ' -f1)" \
	"$(tape_sum 6 8 8192)"
check "a record that is shorter than what is asked for" same "$(in_guest 'mt rewind && dd if=$T bs=32k count=1 2>/dev/null | wc -c')" 16384
check "records forth and back" in_guest "mt rewind && mt fsr 3 && mt bsr 1 && mt tell"
check "detach" pv-scsi detach g 0:0:4:0
check "what is on the tape, read here" same "$(mt-st -f /dev/nst0 rewind && mt-st -f /dev/nst0 setblk 0; dd if=/dev/nst0 bs=16k 2>/dev/null | sha256sum | cut -d' ' -f1)" "$sum"
check "guest stops" stop_guest g
