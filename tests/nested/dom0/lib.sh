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

load_backend() {
	case $BACK in
	ours) modprobe pv-ring $RING_PARAMS && modprobe pv-blkback $BACK_PARAMS ;;
	kernel) modprobe xen-blkback $BACK_PARAMS ;;
	qdisk) modprobe xen-gntdev ;;
	esac
}
# xenbus holds a module while a device is bound to it, so each is unbound first.
unload_backend() {
	local d
	for d in /sys/bus/xen-backend/devices/vbd-*; do
		[ ! -e "$d/driver" ] || echo "${d##*/}" >"$d/driver/unbind" || return
	done
	case $BACK in ours) rmmod pv_blkback ;; *) rmmod xen_blkback ;; esac
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

# ---- guests --------------------------------------------------------------------------------

guests() { xl list 2>/dev/null | awk 'NR > 2 { print $1 }'; }

# start_guest NAME [DISK LINE]...: GUEST, VCPUS, GUEST_MEM and GUEST_ARGS of conf apply
start_guest() {
	local name=$1 d; shift
	{
		echo "name='$name'"
		echo "type='${GUEST:-pv}'"
		echo "kernel='/guest/vmlinux'"; echo "ramdisk='/guest/initrd'"
		echo "memory=${GUEST_MEM:-256}"; echo "vcpus=${VCPUS:-1}"
		echo "tsc_mode='native'"; echo "on_crash='preserve'"; echo "on_reboot='destroy'"
		echo "cmdline='console=hvc0 loglevel=5 panic=0 rdinit=/nested/guest/init $GUEST_ARGS'"
		echo "disk=["; for d in "$@"; do echo "'$d',"; done; echo "]"
	} >"/run/$name.cfg"
	xl create -q "/run/$name.cfg" || return
	G_SEQ=0
	guest_cmd -t "${GUEST_BOOT:-180}" "$name" true
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
	wait_for 10 xenstore-exists "/local/domain/$(guest_id "$1")/console/tty" || return
	tty=$(xs "/local/domain/$(guest_id "$1")/console/tty")
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
