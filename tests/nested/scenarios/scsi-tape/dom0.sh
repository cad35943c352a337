# SPDX-License-Identifier: GPL-2.0
modprobe st
require "a tape drive" scsi_debug ptype=1 delay=0
p=$(scsi_debug_host):0:0:0
require "guest boots" start_guest g
guest_cmd g modprobe st
exec 5</dev/nst0
check "in use by st: refused" eval "pv-scsi attach g /dev/nst0 0:0:4:0 2>&1 | grep -q 'is in use'"
exec 5<&-
exec 5<>"/dev/$(ls "/sys/class/scsi_device/$p/device/scsi_generic")"
check "in use by sg: refused" eval "pv-scsi attach g /dev/nst0 0:0:4:0 2>&1 | grep -q 'is in use'"
exec 5<&-
require "attach by its name" pv-scsi attach g /dev/nst0 0:0:4:0
check "st is busy here" eval "! mt-st -f /dev/nst0 status && mt-st -f /dev/nst0 status 2>&1 | grep -qi busy"
require "st has it" guest_cmd g "scsi_node 4:0 scsi_tape"
check "it is a tape" eval "guest_cmd g 'sg_inq /dev/\$(scsi_node 4:0 scsi_generic)' | grep -q 'PDT=1\|tape'"
in_guest() { guest_cmd g "T=/dev/\$(scsi_node 4:0 scsi_generic); $*"; }
in_guest "sg_turs \$T" >/dev/null	# takes the unit attention
for cmd in "sg_turs -v" "sg_raw -r 6 -v: 05 00 00 00 00 00" "sg_modes -a" "sg_raw -r 20: 34 00 00 00 00 00 00 00 00 00" "sg_raw: 01 00 00 00 00 00" "sg_raw: 11 00 00 00 01 00"; do
	tool=${cmd%%:*} cdb=; [ "$tool" = "$cmd" ] || cdb=${cmd#*:}
	check "$cmd: the same answer as here" same "$(in_guest "$tool \$T $cdb 2>&1 | sed 's,/dev/[a-z0-9:/]*,,g'")" "$($tool /dev/bsg/$p $cdb 2>&1 | sed 's,/dev/[a-z0-9:/]*,,g')"
done
check "mt: status" guest_cmd g "mt-st -f /dev/nst0 status || mt -f /dev/nst0 status"
check "detach" pv-scsi detach g 0:0:4:0
check "st has let it go" guest_cmd g "! ls /sys/class/scsi_tape/ | grep ."
# other NUMBER NAME CDB...: a device of this type is there, and answers each CDB as it does here
other() {
	local type=$1 name=$2 cdb sg t=$((10 + $1)); shift 2
	require "$name" eval "rmmod scsi_debug && scsi_debug ptype=$type delay=0"
	p=$(scsi_debug_host):0:0:0 sg=/dev/$(ls "/sys/class/scsi_device/$(scsi_debug_host):0:0:0/device/scsi_generic")
	check "$name: attach" pv-scsi attach g "$sg" 0:0:$t:0
	check "$name: the guest sees its type" same "$(guest_cmd g "wait_lun $t:0; cat /sys/class/scsi_device/\$(scsi_at $t:0)/device/type")" "$type"
	guest_cmd g "sg_turs /dev/\$(scsi_node $t:0 scsi_generic)" >/dev/null	# takes the unit attention
	for cdb in "$@"; do
		check "$name: ${cdb#*: }: the same answer as here" same "$(guest_cmd g "sg_raw -r ${cdb%%:*} /dev/\$(scsi_node $t:0 scsi_generic) ${cdb#*: } 2>&1 | grep .")" "$(sg_raw -r ${cdb%%:*} /dev/bsg/$p ${cdb#*: } 2>&1 | grep .)"
	done
	check "$name: detach" pv-scsi detach g 0:0:$t:0
}
# INQUIRY, TEST UNIT READY; READ ELEMENT STATUS, INITIALIZE ELEMENT STATUS; RECEIVE DIAGNOSTIC RESULTS
inquiry="96: 12 00 00 00 60 00" ready="1: 00 00 00 00 00 00"
other 8 "a changer" "$inquiry" "$ready" "255: b8 00 00 00 00 ff 00 00 00 ff 00 00" "1: 07 00 00 00 00 00"
other 13 "an enclosure" "$inquiry" "$ready" "255: 1c 01 01 00 ff 00"
other 3 "a processor" "$inquiry" "$ready"
check "guest stops" stop_guest g
