# SPDX-License-Identifier: GPL-2.0
# Helpers for a scenario's dom0.sh. Sourced by bash in the control domain.

# A process costs a tenth of a second here and more: what is called often starts none.
for b in sleep rm mkdir rmdir; do enable -f /usr/lib/bash/$b $b; done
enable -f /nested/store.so store
xenstore-read() { store read "$@"; }
xenstore-list() { store list "$@"; }
xenstore-exists() { store exists "$@"; }
xenstore-write() { store write "$@"; }
xenstore-rm() { store rm "$@"; }
# xs PATH: its value, or nothing
xs() { store read "$@" 2>/dev/null; }

result() { echo "$*" >/dev/ttyS3; }
diag() { local text="# $*"; result "${text//$'\n'/$'\n'# }"; }
# A figure for a table: data KEY VALUE
data() { result "@data $*"; }

# check NAME COMMAND...: one KTAP line. The command's output is shown if it fails. (It runs in this shell, whose names it may use.)
check() {
	local check_name=${PART:+$PART: }$1 check_out=/run/out.$BASHPID check_rc; shift
	in_check "$@" >$check_out 2>&1; check_rc=$?
	if [ $check_rc = 0 ]; then
		result "@ok $check_name"
	else
		touch /run/failed
		result "@not $check_name # $* -> $check_rc"
		[ ! -s $check_out ] || tail -n 8 $check_out | while read -r l; do diag "$l"; done
	fi
	return $check_rc
}

in_check() { "$@"; }	# whose "return" is not check's

# A failed check that makes the rest of the scenario meaningless: require NAME COMMAND...
require() { check "$@" || exit 1; }

# Guests are destroyed, then nothing of the scenario may be there any more.
finish() {
	destroy_guests
	wait_for 15 eval 'same "$(store list /local/domain)" 0'
	check "nothing is left in dom0" none_left leftovers
	[ ! -e $KMEMLEAK ] || check "dom0's checkers have found nothing" sound
	result "@end"
}
destroy_guests() { local g; for g in $(guests); do xl destroy "$g" 2>/dev/null; done; }
# What COMMAND prints is nothing, within a while
none_left() {
	local left end=$((SECONDS + 15))
	until left=$("$@" 2>&1); [ -z "$left" ]; do
		[ $SECONDS -lt $end ] || { echo "$left"; return 1; }
		sleep 1
	done
}
leftovers() {
	{ store list /local/domain | grep -vx 0; devices '[^/]*'; } | grep . && return
	xl list | tail -n +3
	lio_clear
	drop_modules
	[ ! -d /disk ] || { umount /disk && rmdir /disk; }
	awk '$3 !~ /^(rootfs|proc|sysfs|devtmpfs|devpts|debugfs|tracefs|xenfs|configfs)$/ && $2 !~ /^\/(dev\/shm|in)$/' /proc/mounts |
		if [ -e /run/mounts ]; then grep -vxFf /run/mounts; else cat; fi
}
# devices [KINDS]: those that are left, in xenstore of these kinds; a guest that goes on keeps others
devices() {
	local d
	for d in /sys/bus/xen*/devices/v[bis]*-* /sys/block/loop*/loop; do [ ! -e "$d" ] || echo "$d"; done
	store tree /local/domain/0/backend | grep -E "backend/(${1:-vbd|qdisk|vif|vscsi})/[0-9]+/"
}

# ---- parts ---------------------------------------------------------------------------------

# Scenarios that share their guests: each of PARTS with its own settings. A guest goes on to the next one (start_guest), but
# not from one that failed.
run_parts() {
	local g
	for PART in $PARTS; do
		if begin_part "$PART"; then
			(. "/scenario/parts/$PART/dom0.sh")
			part_end
		fi
		[ ! -e /run/failed ] || { destroy_guests; none_left devices; drop_modules; rm -f /run/failed /run/part.conf; }
	done
	PART=
	# An HVM guest takes its time to go.
	[[ $GUEST = hvm* ]] || for g in $(guests); do check "guest $g stops" stop_guest "$g"; done
}
begin_part() {
	. "/scenario/parts/$1/conf"
	cmp -s "/scenario/parts/$1/conf" /run/part.conf && return
	check "the backend $BACK loads" eval "drop_modules && load_backend" && cp "/scenario/parts/$1/conf" /run/part.conf
}
# What devices its guests have are detached.
part_end() {
	local g id be
	for g in $(guests); do
		id=$(guest_id "$g")
		for be in $(xenstore-list "/local/domain/0/backend/vbd/$id"); do xl block-detach "$g" "$be"; done 2>/dev/null
		for be in $(xenstore-list "/local/domain/0/backend/vif/$id"); do xl network-detach "$g" "$be"; done 2>/dev/null
		scsi_end "$g"
		[ "$VCPUS" = 1 ] || [[ " $CLASSES " != *" net "* ]] || guest_cmd "$g" let_packets_go
	done
	lio_clear
	check "nothing is left of its devices" none_left devices
}

# A limit of so many seconds is for a host that has nothing else to do.
PATIENCE=2

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + PATIENCE * $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { "$@" && return; echo "still not: $*"; return 1; }
		sleep 0.2
	done
}
not() { ! "$@"; }
same() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
at_least() { [ "${1:-x}" -ge "$2" ] || { echo "'$1' is less than $2"; return 1; }; }
matches() { [[ "$1" =~ $2 ]] || { echo "'$1' does not match $2"; return 1; }; }

follow_guest_logs() {
	(
		cd /var/log/xen/console || exit; seen=''
		while sleep 1; do
			for f in guest-*.log; do
				case " $seen " in *" $f "*) continue ;; esac
				[ -e "$f" ] || continue
				seen="$seen $f"; tail -n +1 -f "$f" >/dev/ttyS1 &
			done
		done
	) &
}

. /nested/net.sh

load_backend() {
	local c
	[ "$BACK" != ours ] || modprobe pv-ring $RING_PARAMS || return
	for c in $CLASSES; do
		case $BACK in
		ours) modprobe pv-${c}back $BACK_PARAMS || return ;;
		kernel) modprobe xen-${c}back $BACK_PARAMS || return ;;
		qdisk) modprobe xen-gntdev || return ;;
		esac
	done
}
unload_backend() {
	local c
	for c in $CLASSES; do
		case $BACK in ours) unload_module pv_${c}back ;; *) unload_module xen_${c}back ;; esac || return
	done
}

# ---- disks ---------------------------------------------------------------------------------

# make_disk NAME SIZE: a sparse file /disk/NAME on a file system of its own (tmpfs)
make_disk() {
	[ -d /disk ] || { mkdir /disk; mount -t tmpfs -o size="${DISK_SPACE:-700m}" disk /disk; }
	rm -f "/disk/$1"
	truncate -s "$2" "/disk/$1"
}
# blocks in use by the sparse file, in KiB
disk_usage() { du -k "/disk/$1" | cut -f1; }
disk_sum() { sha256sum "${1}" | cut -d' ' -f1; }

# The fragment of an xl disk line that chooses the backend. Debian's hotplug script looks for each disk at all others: that takes
# seconds here.
disk_backend() {
	case $BACK-$DEBIAN_SCRIPTS in
	qdisk-*) echo ",backendtype=qdisk" ;;
	*-) echo ",script=/nested/dom0/block" ;;
	esac
}
# disk_line TARGET VDEV [MODE] [MORE]: TARGET is a name under /disk or a path
disk_line() {
	local t=$1; case $t in /* | '') ;; *) t=/disk/$t ;; esac
	echo "format=raw,vdev=$2,access=${3:-rw}$(disk_backend)${4:+,$4},target=$t"
}

# attach_disk GUEST TARGET VDEV [MODE] [MORE]
attach_disk() { local g=$1; shift; xl block-attach "$g" "$(disk_line "$@")"; }
# detach_disk GUEST VDEV [--force]: asks, and waits until the backend is gone
detach_disk() {
	local be; be=$(backend_path "$1" "$2")
	xl block-detach $3 "$1" "$(vdev_id "$2")" || return
	wait_for 20 not xenstore-exists "$be/state"
}

# The number of a virtual device as in Xen's vbd-interface document, in VDEV
vdev_number() {
	local rest=${1#xvd} letters part n=0 c
	letters=${rest%%[0-9]*}; part=${rest#"$letters"}
	while [ -n "$letters" ]; do printf -v c %d "'$letters"; letters=${letters#?}; n=$((n * 26 + c - 96)); done
	n=$((n - 1))
	if [ $n -lt 16 ] && [ "${part:-0}" -lt 16 ]; then VDEV=$((202 << 8 | n << 4 | ${part:-0}))
	else VDEV=$((1 << 28 | n << 8 | ${part:-0})); fi
}
vdev_id() { local VDEV; vdev_number "$1"; echo "$VDEV"; }
# A domain's number, in ID. It and the terminal are asked for once: see xl()
guest_number() {
	[ -s "/run/guest.$1" ] || domid "$1" >"/run/guest.$1" || return
	read -r ID <"/run/guest.$1"
}
guest_id() { local ID; guest_number "$1" && echo "$ID"; }
# The directories of a device's ends, in BE and FE; what polls these starts no process
nodes() { local ID; guest_number "$2"; BE=/local/domain/0/backend/$1/$ID/$3 FE=/local/domain/$ID/device/${1/qdisk/vbd}/$3; }
vbd_nodes() { local VDEV kind=vbd; [ "$BACK" != qdisk ] || kind=qdisk; vdev_number "$2"; nodes $kind "$1" "$VDEV"; }
vif_nodes() { nodes vif "$1" "${2:-0}"; }
scsi_nodes() { nodes vscsi "$1" "${2:-0}"; }
backend_path() { local BE FE; vbd_nodes "$@"; echo "$BE"; }
frontend_path() { local BE FE; vbd_nodes "$@"; echo "$FE"; }
state_is() { local s; store get s "$1/state"; same "$s" "$2"; }
both_connected() { local b f; store get b "$BE/state"; store get f "$FE/state"; same "$b$f" 44; }
connected() { local BE FE; vbd_nodes "$@"; both_connected; }
# Whose the backend is: ours or kernel, by the module
back_driver() { [ "$BACK" = qdisk ] && echo qdisk || driver_of /sys/bus/xen-backend/devices; }
# negotiated GUEST VDEV WHERE/NAME=VALUE...: keys of the frontend or backend in xenstore, sys: a queue attribute, show: a line of debugfs
negotiated() {
	local w name got rc=0
	for w in "${@:3}"; do
		name=${w#*/}; name=${name%%=*}
		case $w in
		front/*) got=$(xs "$(frontend_path "$1" "$2")/$name") ;;
		back/*) got=$(xs "$(backend_path "$1" "$2")/$name") ;;
		sys/*) got=$(guest_cmd "$1" queue_attr "$2" "$name") ;;
		show/*) got=$(guest_cmd "$1" "sed -n 's/^\(front \)*$name //p' /sys/kernel/debug/pvsplit/vbd-$(vdev_id "$2")") ;;
		esac
		same "$got" "${w#*=}" || { echo "${w%%=*}"; rc=1; }
	done
	return $rc
}
# The /sys directory of a vbd's backend: vbd_sysfs GUEST VDEV
vbd_sysfs() { echo "/sys/bus/xen-backend/devices/vbd-$(guest_id "$1")-$(vdev_id "$2")"; }
# The block device that the hotplug script set up for a file
disk_node() { xs "$(backend_path "$1" "$2")/physical-device-path"; }

# Checks an image that a guest wrote, from outside: fsck, then every file against the manifest that
# only dom0 has. verify_image FILE [DIRECTORY in the image]
verify_image() {
	local img=$1 dir=${2:-tree} rc=0
	case $img in /*) ;; *) img=/disk/$img ;; esac
	e2fsck -fn "$img" >/tmp/fsck 2>&1 || { tail -n 5 /tmp/fsck; return 1; }
	mkdir -p /mnt/img; mount -o ro,loop "$img" /mnt/img || return
	(cd "/mnt/img/$dir" && sha256sum -c /data/manifest >/tmp/sums 2>&1) || { grep -v ': OK$' /tmp/sums | head -n 5; rc=1; }
	[ "$(find "/mnt/img/$dir" -type f | wc -l)" = "$(wc -l </data/manifest)" ] || { echo "files are missing or too many"; rc=1; }
	umount /mnt/img
	return $rc
}

# The same for a disk that the guest filled with raw_fill: verify_raw FILE [BLOCKS of 64 KiB before it]
verify_raw() {
	local sum size; read -r sum size </data/stream.sum
	same "$(dd if="/disk/$1" bs=64k skip="${2:-0}" 2>/dev/null | head -c "$size" | sha256sum | cut -d' ' -f1)" "$sum"
}

# ---- network -------------------------------------------------------------------------------

# The bridge xenbr0, a new one: dom0 is 10.0.0.1 and fd00::1 on it, guest N has .N and ::N
make_bridge() {
	ip link set lo up; ip link del xenbr0 2>/dev/null
	ip link add xenbr0 type bridge forward_delay 0 && ip link set xenbr0 ${1:+mtu $1} up &&
		ip addr add 10.0.0.1/24 dev xenbr0 && ip addr add fd00::1/64 dev xenbr0 nodad
}
# vif_line N [MORE]: the fragment of an xl line for a vif on the bridge, its address made from N
vif_line() {
	printf 'mac=00:16:3e:00:%02x:%02x,bridge=xenbr0%s%s' $(($1 / 256)) $(($1 % 256)) \
		"$([ -n "$DEBIAN_SCRIPTS" ] || echo ,script=/nested/dom0/vif)" "${2:+,$2}"
}
# attach_vif GUEST N [MORE]
attach_vif() { local line; line=$(vif_line "${@:2}"); xl network-attach "$1" ${line//,/ }; }
# vif GUEST [NUMBER]: the vif's name in dom0
vif() { echo "vif$(guest_id "$1").${2:-0}"; }
vif_backend() { local BE FE; vif_nodes "$@"; echo "$BE"; }
vif_frontend() { local BE FE; vif_nodes "$@"; echo "$FE"; }
vif_connected() { local BE FE; vif_nodes "$@"; both_connected; }
# detach_vif GUEST [NUMBER]
detach_vif() {
	local be; be=$(vif_backend "$@")
	xl network-detach "$1" "${2:-0}" || return
	wait_for 20 not xenstore-exists "$be/state"
}
# net_up GUEST N [MTU]: waits for the link, gives eth0 its addresses
net_up() { wait_for 30 vif_connected "$1" && guest_cmd "$1" net_config eth0 "$2" $3; }

# transfer_to GUEST N MB [SEED] [6]: from dom0 into the guest, checksum against one made here
transfer_to() {
	serve_pattern "${4:-1}" "$3"
	same "$(guest_cmd -t 240 "$1" "fetch_sum $(address 1 $5)")" "$(pattern_sum "${4:-1}" "$3")"
}
# transfer_from GUEST N MB [SEED] [6]: the guest makes the same bytes
transfer_from() {
	guest_cmd "$1" "serve_pattern ${4:-1} $3" || return
	same "$(fetch_sum "$(address "$2" $5)")" "$(pattern_sum "${4:-1}" "$3")"
}
# A transfer each way that lasts until it is told to end: streams_begin GUEST N, streams_end GUEST. At the end packets still come: a
# sender that has lost some waits for a while, twice as long each time.
streams_begin() {
	serve_stream 1
	guest_bg "$1" stream fetch_sum 10.0.0.1 && guest_cmd "$1" serve_stream 2 || return
	rm -f /run/stream.sum
	{ fetch_sum "10.0.0.$2" >/run/stream.new; mv /run/stream.new /run/stream.sum; } >/dev/null 2>&1 &
}
streams_end() {
	local to from
	wait_for 60 guest_cmd "$1" busy eth0 || return
	to=$(end_stream) && from=$(guest_cmd -t 150 "$1" end_stream) && at_least "$to" 1 && at_least "$from" 1 || return
	same "$(guest_join "$1" stream)" "$(units_sum 1 "$to")" || return
	wait_for 60 test -e /run/stream.sum && same "$(cat /run/stream.sum)" "$(units_sum 2 "$from")"
}
# Gratuitous ARPs that guest N has sent since the first call: garps N
garps() {
	tc qdisc add dev xenbr0 ingress 2>/dev/null &&
		tc filter add dev xenbr0 ingress protocol arp flower arp_sip "10.0.0.$1" arp_tip "10.0.0.$1" action pass
	tc -s filter show dev xenbr0 ingress | awk '/Sent/ { s += $4 } END { print s + 0 }'
}
garp_after() { wait_for 10 eval "at_least \$(garps $1) $(($2 + 1))"; }
# flood ADDRESS MB: UDP packets of 1400 bytes that nobody waits for
flood() { head -c "$2m" /dev/zero | dd bs=1400 iflag=fullblock 2>/dev/null >"/dev/udp/$1/9"; }
# A backend that was unloaded has a new vif, which is on no bridge before somebody puts it there
back_on_bridge() { wait_for 20 ip link show "$(vif "$1")" && ip link set "$(vif "$1")" master xenbr0 up; }
pattern_sum() { /nested/pattern "$1" "$2" | md5sum | cut -d' ' -f1; }
address() { [ "$2" = 6 ] && echo "fd00::$1" || echo "10.0.0.$1"; }
iperf_server() { iperf3 -s -D -p 5201; }
# Kilobits a second of a stream from the guest, or as the options say: iperf_rate GUEST ADDRESS OPTION...
iperf_rate() { iperf_once; guest_cmd "$1" "iperf3 -c ${*:2}" | kbits; }
# The kilobits a second that iperf3 says the receiver got; megabits
kbits() { sed -n '/receiver/ s/.* \([0-9.]*\) \([MGK]\)bits.*/\1 \2/p' | awk 'END { if (NR) print int($1 * ($2 == "G" ? 1e6 : $2 == "M" ? 1000 : 1)) }'; }
mbits() { local k; k=$(kbits); [ -z "$k" ] || echo $((k / 1000)); }
# counter DEVICE NAME: of ethtool -S, summed over queues
counter() { ethtool -S "$1" | awk -v n="$2" '$1 ~ n ":$" { s += $2 } END { print s + 0 }'; }

# ---- SCSI ----------------------------------------------------------------------------------

# scsi_debug OPTION...: a pretended host adapter, a new one; scsi_debug_host prints its number
scsi_debug() {
	[ ! -d /sys/module/scsi_debug ] || rmmod scsi_debug || return
	modprobe sd_mod && modprobe sg && modprobe scsi_debug "$@" && wait_for 5 eval '[ -n "$(scsi_debug_host)" ]'
}
scsi_debug_host() { host_of_driver scsi_debug; }
host_of_driver() {
	local h name
	for h in /sys/class/scsi_host/host*; do
		read -r name <"$h/proc_name"
		[ "$name" != "$1" ] || { echo "${h##*host}"; return; }
	done 2>/dev/null
}
scsi_debug_set() { echo "$2" >"/sys/bus/pseudo/drivers/scsi_debug/$1"; }
# What it says of task management that has come to it, with 0x2000 in its opts
scsi_debug_aborts() { dmesg | grep -c 'scsi_debug_abort: command'; }
scsi_debug_resets() { dmesg | grep -c 'scsi_debug_device_reset'; }
# What has come to pretended devices since scsi_debug_listen: scsi_debug_heard OPCODE counts a command
scsi_debug_listen() { dmesg -c >/dev/null; scsi_debug_set opts 1; }
scsi_debug_heard() { dmesg | grep -c "cmd $1 "; }
# A counter of our backend, summed over its vhosts
statistic() { cat /sys/bus/xen-backend/devices/vscsi-*/statistics/"$1" | awk '{ s += $1 } END { print s + 0 }'; }
# The block device of a SCSI address, which comes after it
scsi_block() {
	local dir=/sys/class/scsi_device/$1/device/block
	wait_for 10 eval "[ -b /dev/\$(ls $dir) ]" >&2 && ls "$dir"
}

LIO=/sys/kernel/config/target
lio_init() {
	lio_clear
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	modprobe target_core_mod && modprobe target_core_file && modprobe target_core_iblock
	mkdir -p /var/target/alua /var/target/pr
}
# lio_store KIND NAME CONTROL [ATTRIBUTE=VALUE]...: a backing store: rd_mcp, fileio, iblock, pscsi
lio_store() {
	local kind=$1 dir=$LIO/core/$1_0/$2 a; shift 2
	mkdir -p "$dir" && echo "$1" >"$dir/control" && shift || return
	# A device behind pscsi has a number of its own, and needs the path of any block device.
	if [ "$kind" = pscsi ]; then echo /dev/loop0 >"$dir/udev_path"
	else echo "pvsplit-${dir##*/}" >"$dir/wwn/vpd_unit_serial"; fi || return
	echo 1 >"$dir/enable" || return
	for a in "$@"; do echo "${a#*=}" >"$dir/attrib/${a%=*}" || return; done
}
# lio_target WWN: with a portal group and its nexus
lio_target() {
	mkdir -p "$LIO/xen-pvscsi/$1/tpgt_1" && echo "naa.6001405000000001" >"$LIO/xen-pvscsi/$1/tpgt_1/nexus"
}
# lio_lun WWN NUMBER KIND NAME
lio_lun() {
	local lun=$LIO/xen-pvscsi/$1/tpgt_1/lun/lun_$2
	mkdir -p "$lun" && ln -s "$LIO/core/$3_0/$4" "$lun/store"
}

# lio_loopback KIND NAME: the store as a SCSI device of this domain
lio_loopback() {
	local tpg=$LIO/loopback/naa.6001405000000099/tpgt_1
	modprobe tcm_loop && mkdir -p "$tpg" && echo naa.6001405000000098 >"$tpg/nexus" && mkdir -p "$tpg/lun/lun_0" &&
		ln -s "$LIO/core/$1_0/$2" "$tpg/lun/lun_0/store" && wait_for 10 eval '[ -n "$(host_of_driver tcm_loopback)" ]' && sleep 1
}

# All of it goes
lio_clear() {
	[ -d $LIO ] || return 0
	rm -f $LIO/*/*/tpgt_*/lun/lun_*/store
	rmdir $LIO/*/*/tpgt_*/lun/lun_* $LIO/*/*/tpgt_* $LIO/[!c]*/naa* $LIO/core/*_*/* $LIO/core/*_* $LIO/loopback $LIO/xen-pvscsi 2>/dev/null
}

# All that a guest has is taken back: scsi_end GUEST
scsi_end() {
	local v
	[[ " $CLASSES " = *" scsi "* ]] || return
	for v in $(pv-scsi list "$1" 2>/dev/null | awk 'NR > 1 { print $3 }'); do pv-scsi detach "$1" "$v"; done
}

scsi_backend() { local BE FE; scsi_nodes "$@"; echo "$BE"; }
scsi_error() { xs "/local/domain/0/error/backend/vscsi/$(guest_id "$1")/${2:-0}/error"; }
scsi_connected() { local BE FE; scsi_nodes "$@"; both_connected; }

# ---- guests --------------------------------------------------------------------------------

# Domains come and go by these.
xl() { case $1 in create | destroy | save | restore | migrate) renumbered command xl "$@" ;; *) command xl "$@" ;; esac; }
pv-scsi() { case $1 in create | restore | migrate) renumbered command pv-scsi "$@" ;; *) command pv-scsi "$@" ;; esac; }
renumbered() {
	rm -f /run/guest.*
	"$@"; local rc=$?
	rm -f /run/guest.*; return $rc
}

# What xl domid and xl list say, without a process: domid NAME; guests
domid() {
	local id name
	for id in $(store list /local/domain); do
		store get name "/local/domain/$id/name"
		[ "$name" != "$1" ] || { echo "$id"; return; }
	done
	return 1
}
guests() {
	local id
	for id in $(store list /local/domain); do [ "$id" = 0 ] || xs "/local/domain/$id/name"; done
}

# An HVM guest's first serial port takes commands, the second one is its console.
hvm_config() { # NAME
	echo "type='hvm'"; echo "builder='hvm'"
	echo "serial=['pty','file:/var/log/xen/console/guest-$1.log']"
	echo "firmware_override='/guest/firmware'"
	# Nor does the firmware look for something to boot on its card.
	echo "device_model_args=['-global','e1000.romfile=']"
	echo "vga='none'"; echo "vnc=0"; echo "sdl=0"; echo "usb=0"
	# Its clock is then an I/O port. Each reading of an HPET is an access to memory that Xen takes apart.
	echo "hpet=0"
}
guest_console() { case $GUEST in hvm*) echo ttyS1 edd=off pci=noearly no_timer_check io_delay=none tsc=reliable ;; *) echo hvc0 ;; esac; }
guest_tty() { case $GUEST in hvm*) echo "/local/domain/$(guest_id "$1")/serial/0/tty" ;; *) echo "/local/domain/$(guest_id "$1")/console/tty" ;; esac; }

# start_guest NAME [DISK LINE]... [--vif VIF LINE]...: GUEST, VCPUS, GUEST_MEM and GUEST_ARGS of conf apply.
# GUEST_EXTRA: more lines of its configuration; XL_CREATE: what starts it. One that is there already, as it was saved with the machine or comes
# from the part before, gets the devices and the settings.
start_guest() {
	local name=$1 disks='' vifs='' there=''; shift
	if domid "$name" >/dev/null; then
		# Not one that wants another configuration
		case $XL_CREATE${PART:-$GUEST_EXTRA} in
		"$PART") there=1; settings "$name" settle || return ;;
		*) xl destroy "$name" ;;
		esac
	fi
	while [ $# -gt 0 ]; do
		case $there$1 in
		--vif) vifs="$vifs'$2',"; shift ;;
		1--vif) xl network-attach "$name" ${2//,/ } || return; shift ;;
		1*) xl block-attach "$name" "$1" || return ;;
		*) disks="$disks'$1'," ;;
		esac
		shift
	done
	[ -n "$there" ] || boot_guest || return
	[ -z "$there$PARTS" ] || settings "$name" begin
}
# NAME, disks and vifs of start_guest's: until it answers
boot_guest() {
	{
		echo "name='$name'"
		case $GUEST in hvm*) hvm_config "$name" ;; *) echo "type='${GUEST:-pv}'" ;; esac
		echo "kernel='/guest/vmlinux'"
		[ ! -e /guest/initrd ] || echo "ramdisk='/guest/initrd'"
		echo "memory=${GUEST_MEM:-256}"; echo "vcpus=${VCPUS:-1}"
		echo "tsc_mode='native'"; echo "on_crash='preserve'"; echo "on_reboot='destroy'"
		echo "cmdline='console=$(guest_console) loglevel=5 panic=0 rdinit=/nested/guest/init $PLAIN_CPU $GUEST_ARGS'"
		echo "disk=[$disks]"; echo "vif=[$vifs]"; echo "$GUEST_EXTRA"
	} >"/run/$name.cfg"
	${XL_CREATE:-xl create -q} "/run/$name.cfg" || return
	G_SEQ=0
	# What is sent to a serial port that nobody has opened is lost.
	case $GUEST in
	hvm*) wait_for "${GUEST_BOOT:-400}" eval '! domid "$name" || guest_cmd -t 4 "$name" true' && domid "$name" >/dev/null ;;
	*) guest_cmd -t "${GUEST_BOOT:-180}" "$name" true ;;
	esac
}

# settings GUEST COMMAND: the guest gets those of this scenario or part, and does COMMAND of settle and begin
settings() {
	local f from=/scenario${PART:+/parts/$PART}
	# A line of the console holds 4 KiB.
	if [ "$2" = settle ] || [ -z "$there" ]; then
		for f in conf guest.sh; do
			[ ! -e $from/$f.line ] || guest_cmd "$1" "echo $(<$from/$f.line) | base64 -d | gzip -dc >/tmp/$f" || return
		done
		guest_cmd "$1" settle || return
	fi
	[ "$2" = settle ] || guest_cmd "$1" begin
}

# guest_cmd [-t SECONDS] GUEST COMMAND...: runs it in the guest's shell, prints what it prints,
# returns its status; 124 if it did not end in time.
guest_cmd() {
	local t=60 g seq line end why=time began now; [ "$1" != -t ] || { t=$2; shift 2; }
	g=$1; shift
	G_SEQ=$((G_SEQ + 1)); seq=$BASHPID.$G_SEQ
	guest_send "$g" "$seq" "$*" || return
	t=$((PATIENCE * t)) end=$((SECONDS + t))
	read -r began _ </proc/uptime
	while [ $SECONDS -lt $end ]; do
		IFS= read -r -t $((end - SECONDS)) line <&4 || { why="read $?"; break; }
		line=${line%$'\r'}
		case $line in
		"@>"*) echo "${line#@>}" ;;
		# (A kernel message may stand behind it.)
		*"@@$seq="*) exec 4>&-; line=${line##*@@$seq=}; return "${line%%[!0-9]*}" ;;
		esac
	done
	exec 4>&-
	# What ended the waiting, and what another clock says of it
	read -r now _ </proc/uptime
	echo "no answer from $g in $t s ($why, uptime $began to $now) to: $*"; return 124
}
# Sends a command and does not wait; fd 4 stays open on the console for guest_cmd.
guest_send() {
	local file=/run/guest.$1.tty tty='' node
	# That is xenconsoled's, and there are machines with more to do; until then the key has no value.
	[ -s "$file" ] || { node=$(guest_tty "$1"); wait_for 60 eval 'xenstore-read "$node" | grep / >"$file"' || return; }
	read -r tty <"$file"
	# (What is opened to be written comes into being where it is none.)
	[ -c "$tty" ] || { echo "'$tty', of $file, is not the console of $1"; return 1; }
	exec 4<>"$tty" || return
	printf '%s %s\n' "$2" "$3" >&4
}
# Work in the background of a guest: guest_bg GUEST JOB COMMAND..., then guest_join GUEST JOB
guest_bg() { local g=$1 j=$2; shift 2; guest_cmd "$g" "bg $j $*"; }
guest_join() { guest_cmd -t "${3:-120}" "$1" "join $2"; }
# Verified I/O until guest_join, under way when this returns: guest_loop GUEST JOB DISK SIZE [FIO OPTION]...
guest_loop() { guest_bg "$1" "$2" verify_loop "${@:3}" && guest_cmd "$1" "under_way $2"; }
# The same with little work, for a disk beside the one that something happens to: guest_gently GUEST JOB DISK
guest_gently() { guest_bg "$1" "$2" verify_gently "$3" && guest_cmd "$1" "under_way $2"; }

# (In a part it is to go on: run_parts stops it.)
stop_guest() {
	[ -z "$PART" ] || { guest_cmd "$1" true; return; }
	guest_cmd -t 120 "$1" sound || return
	guest_send "$1" 0 "poweroff -f"; exec 4>&-
	wait_for 90 not domid "$1"
}
