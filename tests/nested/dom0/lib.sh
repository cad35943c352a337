# SPDX-License-Identifier: GPL-2.0
# Helpers for a scenario's dom0.sh. Sourced by bash in the control domain.

N_FAIL=0
result() { echo "$*" >/dev/ttyS3; }
diag() { result "# $*"; }
# A figure for a table: data KEY VALUE
data() { result "@data $*"; }

# check NAME COMMAND...: one KTAP line. The command's output is shown if it fails.
check() {
	local name=$1 out rc; shift
	out=$("$@" 2>&1); rc=$?
	if [ $rc = 0 ]; then
		result "@ok $name"
	else
		N_FAIL=$((N_FAIL + 1))
		result "@not $name # $* -> $rc"
		[ -z "$out" ] || echo "$out" | tail -n 8 | while read -r l; do diag "$l"; done
	fi
	return $rc
}

# A failed check that makes the rest of the scenario meaningless: require NAME COMMAND...
require() { check "$@" || { finish; exit 1; }; }

# Nothing may run on after the last check: guests are shut down, then the end is reported.
finish() {
	local d
	for d in $(guests); do xl destroy "$d" 2>/dev/null; done
	sleep 1
	result "@end"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "still not: $*"; return 1; }
		sleep 0.3
	done
}
not() { ! "$@"; }
same() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
at_least() { [ "${1:-x}" -ge "$2" ] || { echo "'$1' is less than $2"; return 1; }; }
matches() { [[ "$1" =~ $2 ]] || { echo "'$1' does not match $2"; return 1; }; }

follow_guest_logs() {
	(
		cd /var/log/xen/console; seen=
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

# The device type of a class in xenstore
xs_type() { case $1 in blk) echo vbd ;; net) echo vif ;; scsi) echo vscsi ;; esac; }

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
# xenbus holds a module while a device is bound to it, so each is unbound first.
unload_backend() {
	local c d
	for c in $CLASSES; do
		for d in /sys/bus/xen-backend/devices/$(xs_type $c)-*; do
			[ ! -e "$d/driver" ] || echo "${d##*/}" >"$d/driver/unbind" || return
		done
		case $BACK in ours) rmmod pv_${c}back ;; *) rmmod xen_${c}back ;; esac || return
	done
}

# ---- disks ---------------------------------------------------------------------------------

# make_disk NAME SIZE: a sparse file /disk/NAME on a file system of its own (tmpfs)
make_disk() {
	[ -d /disk ] || { mkdir /disk; mount -t tmpfs -o size="${DISK_SPACE:-700m}" disk /disk; }
	truncate -s "$2" "/disk/$1"
}
# blocks in use by the sparse file, in KiB
disk_usage() { du -k "/disk/$1" | cut -f1; }
disk_sum() { sha256sum "${1}" | cut -d' ' -f1; }

# The fragment of an xl disk line that chooses the backend
disk_backend() { [ "$BACK" != qdisk ] || echo ",backendtype=qdisk"; }
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

# The number of a virtual device as in Xen's vbd-interface document
vdev_id() {
	local rest=${1#xvd} letters part n
	letters=${rest%%[0-9]*}; part=${rest#"$letters"}; n=$(index "$letters")
	if [ "$n" -lt 16 ] && [ "${part:-0}" -lt 16 ]; then echo $((202 << 8 | n << 4 | ${part:-0}))
	else echo $((1 << 28 | n << 8 | ${part:-0})); fi
}
index() {
	local s=$1 n=0 c
	while [ -n "$s" ]; do c=${s%"${s#?}"}; s=${s#?}; n=$((n * 26 + $(printf %d "'$c") - 96)); done
	echo $((n - 1))
}
guest_id() { xl domid "$1"; }
backend_path() { echo "/local/domain/0/backend/$([ "$BACK" = qdisk ] && echo qdisk || echo vbd)/$(guest_id "$1")/$(vdev_id "$2")"; }
frontend_path() { echo "/local/domain/$(guest_id "$1")/device/vbd/$(vdev_id "$2")"; }
xs() { xenstore-read "$@" 2>/dev/null; }
state_is() { same "$(xs "$1/state")" "$2"; }
connected() { same "$(xs "$(backend_path "$1" "$2")/state")$(xs "$(frontend_path "$1" "$2")/state")" 44; }
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

# The same for a disk that the guest filled with raw_fill
verify_raw() {
	local sum size; read -r sum size </data/stream.sum
	same "$(head -c "$size" "/disk/$1" | sha256sum | cut -d' ' -f1)" "$sum"
}

# ---- network -------------------------------------------------------------------------------

# The bridge xenbr0: dom0 is 10.0.0.1 and fd00::1 on it, guest N has .N and ::N
make_bridge() {
	ip link set lo up
	ip link add xenbr0 type bridge forward_delay 0 && ip link set xenbr0 ${1:+mtu $1} up &&
		ip addr add 10.0.0.1/24 dev xenbr0 && ip addr add fd00::1/64 dev xenbr0 nodad
}
# vif_line N [MORE]: the fragment of an xl line for a vif on the bridge, its address made from N
vif_line() { printf 'mac=00:16:3e:00:%02x:%02x,bridge=xenbr0%s' $(($1 / 256)) $(($1 % 256)) "${2:+,$2}"; }
# vif GUEST [NUMBER]: the vif's name in dom0
vif() { echo "vif$(guest_id "$1").${2:-0}"; }
vif_backend() { echo "/local/domain/0/backend/vif/$(guest_id "$1")/${2:-0}"; }
vif_frontend() { echo "/local/domain/$(guest_id "$1")/device/vif/${2:-0}"; }
vif_connected() { same "$(xs "$(vif_backend "$@")/state")$(xs "$(vif_frontend "$@")/state")" 44; }
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
pattern_sum() { /nested/pattern "$1" "$2" | sha256sum | cut -d' ' -f1; }
address() { [ "$2" = 6 ] && echo "fd00::$1" || echo "10.0.0.$1"; }
iperf_server() { iperf3 -s -D -p 5201; }
# The megabits a second that iperf3 says the receiver got
mbits() { grep receiver | sed 's/.* \([0-9.]*\) \([MGK]\)bits.*/\1 \2/' | awk '{ print int($1 * ($2 == "G" ? 1000 : $2 == "K" ? 0.001 : 1)) }' | tail -n 1; }
# counter DEVICE NAME: of ethtool -S, summed over queues
counter() { ethtool -S "$1" | awk -v n="$2" '$1 ~ n ":$" { s += $2 } END { print s + 0 }'; }

# ---- SCSI ----------------------------------------------------------------------------------

# scsi_debug OPTION...: a pretended host adapter; scsi_debug_host prints its number
scsi_debug() { modprobe sd_mod && modprobe sg && modprobe scsi_debug "$@" && wait_for 5 eval '[ -n "$(scsi_debug_host)" ]'; }
scsi_debug_host() { host_of_driver scsi_debug; }
host_of_driver() {
	local h
	for h in /sys/class/scsi_host/host*; do
		[ "$(cat "$h/proc_name" 2>/dev/null)" != "$1" ] || echo "${h##*host}"
	done | head -n 1
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
# The block device of a SCSI address
scsi_block() { ls "/sys/class/scsi_device/$1/device/block" | head -n 1; }

LIO=/sys/kernel/config/target
lio_init() {
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

scsi_backend() { echo "/local/domain/0/backend/vscsi/$(guest_id "$1")/${2:-0}"; }
scsi_frontend() { echo "/local/domain/$(guest_id "$1")/device/vscsi/${2:-0}"; }
scsi_error() { xs "/local/domain/0/error/backend/vscsi/$(guest_id "$1")/${2:-0}/error"; }
scsi_connected() { same "$(xs "$(scsi_backend "$@")/state")$(xs "$(scsi_frontend "$@")/state")" 44; }

# ---- guests --------------------------------------------------------------------------------

guests() { xl list 2>/dev/null | awk 'NR > 2 { print $1 }'; }

# An HVM guest's first serial port takes commands, the second one is its console.
hvm_config() { # NAME
	echo "type='hvm'"; echo "builder='hvm'"
	echo "serial=['pty','file:/var/log/xen/console/guest-$1.log']"
	echo "firmware_override='/guest/firmware'"
	echo "vga='none'"; echo "vnc=0"; echo "sdl=0"; echo "usb=0"
	# Its clock is then an I/O port. Each reading of an HPET is an access to memory that Xen takes apart.
	echo "hpet=0"
}
guest_console() { case $GUEST in hvm*) echo ttyS1 edd=off pci=noearly no_timer_check io_delay=none tsc=reliable ;; *) echo hvc0 ;; esac; }
guest_tty() { case $GUEST in hvm*) echo "/local/domain/$(guest_id "$1")/serial/0/tty" ;; *) echo "/local/domain/$(guest_id "$1")/console/tty" ;; esac; }

# start_guest NAME [DISK LINE]... [--vif VIF LINE]...: GUEST, VCPUS, GUEST_MEM and GUEST_ARGS of conf apply.
# GUEST_EXTRA: more lines of its configuration; XL_CREATE: what starts it
start_guest() {
	local name=$1 disks= vifs=; shift
	while [ $# -gt 0 ]; do
		case $1 in --vif) vifs="$vifs'$2',"; shift ;; *) disks="$disks'$1'," ;; esac
		shift
	done
	{
		echo "name='$name'"
		case $GUEST in hvm*) hvm_config "$name" ;; *) echo "type='${GUEST:-pv}'" ;; esac
		echo "kernel='/guest/vmlinux'"
		[ ! -e /guest/initrd ] || echo "ramdisk='/guest/initrd'"
		echo "memory=${GUEST_MEM:-256}"; echo "vcpus=${VCPUS:-1}"
		echo "tsc_mode='native'"; echo "on_crash='preserve'"; echo "on_reboot='destroy'"
		echo "cmdline='console=$(guest_console) loglevel=5 panic=0 rdinit=/nested/guest/init $GUEST_ARGS'"
		echo "disk=[$disks]"; echo "vif=[$vifs]"; echo "$GUEST_EXTRA"
	} >"/run/$name.cfg"
	${XL_CREATE:-xl create -q} "/run/$name.cfg" || return
	G_SEQ=0
	# What is sent to a serial port that nobody has opened is lost.
	case $GUEST in
	hvm*) wait_for "${GUEST_BOOT:-400}" guest_cmd -t 4 "$name" true ;;
	*) guest_cmd -t "${GUEST_BOOT:-180}" "$name" true ;;
	esac
}

# guest_cmd [-t SECONDS] GUEST COMMAND...: runs it in the guest's shell, prints what it prints,
# returns its status; 124 if it did not end in time.
guest_cmd() {
	local t=60 g seq line tty end; [ "$1" != -t ] || { t=$2; shift 2; }
	g=$1; shift
	G_SEQ=$((G_SEQ + 1)); seq=$BASHPID.$G_SEQ
	guest_send "$g" "$seq" "$*" || return
	end=$((SECONDS + t))
	while [ $SECONDS -lt $end ]; do
		IFS= read -r -t $((end - SECONDS)) line <&4 || break
		line=${line%$'\r'}
		case $line in
		"@>"*) echo "${line#@>}" ;;
		*"@@$seq="*) exec 4>&-; return "${line##*=}" ;;
		esac
	done
	exec 4>&-
	echo "no answer from $g in $t s to: $*"; return 124
}
# Sends a command and does not wait; fd 4 stays open on the console for guest_cmd.
guest_send() {
	local tty=
	wait_for 10 xenstore-exists "$(guest_tty "$1")" || return
	tty=$(xs "$(guest_tty "$1")")
	exec 4<>"$tty" || return
	printf '%s %s\n' "$2" "$3" >&4
}
# Work in the background of a guest: guest_bg GUEST JOB COMMAND..., then guest_join GUEST JOB
guest_bg() { local g=$1 j=$2; shift 2; guest_cmd "$g" "bg $j $*"; }
guest_join() { guest_cmd -t "${3:-120}" "$1" "join $2"; }

stop_guest() {
	guest_send "$1" 0 "poweroff -f"; exec 4>&-
	wait_for 90 not xl domid "$1"
}
