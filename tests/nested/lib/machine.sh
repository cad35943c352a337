# SPDX-License-Identifier: GPL-2.0
# One boot of Xen in QEMU: puts the archives of a scenario together and runs it with a time limit.

# What a scenario's conf may set, with the values that hold otherwise.
conf_defaults() {
	TITLE= CLASSES=blk FRONT=ours FRONT_LATER= BACK=ours GUEST=pv VCPUS=1 CPUS= LIMIT=300 SCRIPTS= PARTS= SEED=1
	KERNEL=6.1 KERNEL_DOM0= KERNEL_GUEST= GUEST_KERNEL= MANUAL=
	GUEST_MEM=256 DOM0_MEM=1280 MACHINE_MEM= DISK_SPACE=
	FRONT_PARAMS= BACK_PARAMS= RING_PARAMS= SHIM_PARAMS= GUEST_ARGS= DOM0_ARGS= XEN_ARGS= ALLOW=
	PLAIN_CPU="mitigations=off init_on_alloc=0" CRASH= SELFTESTS= XDP_CPUMAP= DOM0_VCPUS=1 DEBIAN_SCRIPTS= WANT= GUEST_EXTRA= SNAPSHOT=1 BOOTED=auto SAVE_GUEST=
	ACCEL="tcg,thread=multi" QEMU_ARGS= EXTRA_CONF= EXTRA_MODULES= INSTALLED=
}

# The settings as the machine's inside wants them
write_conf() { # FILE
	local v
	for v in $(conf_names) $EXTRA_CONF; do printf '%s=%q\n' "$v" "${!v}"; done >"$1"
}
# Those that a part has for itself; the others are those of the scenario that it is a part of.
PART_CONF="CLASSES FRONT FRONT_LATER BACK GUEST FRONT_PARAMS BACK_PARAMS RING_PARAMS SHIM_PARAMS DEBIAN_SCRIPTS WANT"
conf_names() { declare -f conf_defaults | grep -oE '\b[A-Z][A-Z0-9_]+=' | tr -d = | sort -u; }

# Set IMG to the archive of dom0's first process, which goes last
init_image() {
	IMG=$CACHE/init-$(key "$NESTED/dom0/init")
	cached "$IMG" make_init
	prune "$CACHE" init 4
	IMG=$IMG/image.cpio
}
make_init() { # DIR
	install -D "$NESTED/dom0/init" "$1/stage/init"; mkdir "$1/stage/in"; ln -s in/guest "$1/stage/guest"
	pack "$1/stage" "$1/image.cpio"; rm -r "$1/stage"
}

# Set REL, HEADERS and KROOT for dom0 or for the guest. A kernel is a series of Debian's, a name of tests/kunit/configs,
# or a build directory.
choose_kernel() {
	local k=${KERNEL_DOM0:-$KERNEL}
	[ "$1" = dom0 ] || k=${GUEST_KERNEL:-${KERNEL_GUEST:-$KERNEL}}
	case $k in
	*/*) ;;
	[0-9]*) kernel_release "$k"; kernel_root "$REL"; return ;;
	*) k=$("$TOP/tests/kunit/kernel" "$k" | head -n 1); [ -n "$k" ] || die "the kernel of $1 does not build" ;;
	esac
	[ "$1" = dom0 ] || GUEST_KERNEL=$k
	custom_root "$k"
	REL=$(cat "$k/include/config/kernel.release") HEADERS=$k
}

# prepare SCRIPT_DIR WORK: makes WORK/in.img, the disk that dom0 gets from the host: root/ goes on top of its own files, guest/ is
# what its guests boot from. Sets DOM0_IMAGES and DOM0_ELF, and GUEST_KEY, which stands for the guest with all that it boots from.
prepare() {
	local scripts=$1 work=$2 in=$2/in d0=$2/in/root g=$2/guest p files
	guest_booted
	[ -z "$INSTALLED" ] || installed_disk
	mkdir -p "$d0"/{nested,scenario,data,usr/sbin} "$in/guest" "$g"/{nested,scenario,data}
	data_tree "$SEED"
	write_conf "$g/scenario/conf"; cp "$g/scenario/conf" "$d0/scenario/"
	cp -r "$NESTED"/{guest,pattern,net.sh} "$g/nested/"; cp -r "$NESTED"/{dom0,pattern,net.sh} "$d0/nested/"
	[ -z "$XDP_CPUMAP" ] || { xdp_cpumap; cp "$CPUMAP" "$g/nested/guest/"; }
	store_builtin; cp "$STORE/store.so" "$d0/nested/"
	our_pv_scsi; cp "$PV_SCSI" "$d0/usr/sbin/"
	cp -r "$TREE/tree" "$g/data/"; cp "$TREE/manifest" "$TREE/stream.sum" "$d0/data/"

	choose_kernel guest
	base_image guest; set -- "$IMG"
	modules_image "$REL" "$GUEST_MODULES $EXTRA_MODULES"; set -- "$@" "$IMG"
	[ "$FRONT" != ours ] && [ -z "$BOOTED" ] || { our_modules; ours_image "$REL"; set -- "$@" "$OURS/image.cpio"; }
	mapfile -t files < <(find "$NESTED"/{guest,dom0,pattern,net.sh} -type f)
	GUEST_KEY=$(key -s "$KROOT $* $TREE $GUEST $VCPUS $GUEST_MEM $PLAIN_CPU $GUEST_ARGS" "${files[@]}")
	[ -z "$CRASH" ] || { base_image crash; set -- "$@" "$IMG"; cp "$KROOT"/boot/vmlinuz* "$g/data/vmlinuz"; }
	[ -z "$SELFTESTS" ] || { base_image selftests "$SELFTESTS"; set -- "$@" "$IMG"; }
	[ -z "$scripts" ] || [ -n "$PARTS" ] || cp "$scripts"/*.sh "$d0/scenario/"
	for_console "$d0/scenario"
	for p in $PARTS; do prepare_part "$p" "$d0/scenario/parts/$p"; done
	[ ! -e "$scripts/guest.sh" ] || cp "$scripts/guest.sh" "$g/scenario/"
	pack "$g" "$work/guest.cpio"
	cat "$@" "$work/guest.cpio" >"$in/guest/initrd"
	case $GUEST in
	hvm*)
		"$NESTED/lib/hvm-boot" "$ROOT/usr/lib/xen-4.17/boot/hvmloader" "$KROOT"/boot/vmlinuz* "$KROOT/vmlinux.elf" "$in/guest/initrd" \
			"$in/guest/firmware" "$in/guest/vmlinux" || die "no image for an HVM guest"
		rm "$in/guest/initrd" ;;
	*) ln "$KROOT/vmlinux.elf" "$in/guest/vmlinux" 2>/dev/null || cp "$KROOT/vmlinux.elf" "$in/guest/vmlinux" ;;
	esac

	choose_kernel dom0
	if [ "$INSTALLED" = dom0 ]; then
		DOM0_ELF=$INSTALLED_DISK/vmlinuz-$REL DOM0_IMAGES=("$INSTALLED_DISK/initrd.img-$REL")
	else
		base_image dom0; DOM0_IMAGES=("$IMG")
		base_image qemu; DOM0_IMAGES+=("$IMG")
		modules_image "$REL" "$DOM0_MODULES $EXTRA_MODULES"; DOM0_IMAGES+=("$IMG")
		[ "$BACK" != ours ] || { our_modules; ours_image "$REL"; cp -r "$OURS/tree/." "$d0/"; }
		DOM0_ELF=$KROOT/vmlinux.elf
		init_image; DOM0_IMAGES+=("$IMG")
	fi
	mke2fs -q -F -t ext4 -O ^has_journal,^metadata_csum -m 0 -d "$in" "$work/in.img" "$(($(du -sk "$in" | cut -f1) * 21 / 20 + 8192))k" >/dev/null ||
		die "the machine's disk could not be made"
	rm -rf "$in" "$g" "$work/guest.cpio"
}

# The guest that most scenarios have is booted once as well, without devices or frontends, and is there when they begin.
# Set BOOTED to 1 if this one has it.
guest_booted() {
	[ "$BOOTED" = auto ] || return
	case $SNAPSHOT-$KERNEL-$GUEST-$VCPUS-$GUEST_MEM-$KERNEL_DOM0$KERNEL_GUEST$GUEST_KERNEL$GUEST_ARGS$CRASH$SELFTESTS$XDP_CPUMAP$EXTRA_MODULES in
	1-6.1-pv-1-256-) BOOTED=1 ;;
	*) BOOTED= ;;
	esac
}

# Set MACHINE to QEMU's arguments for the machine of the settings in force, and XEN and DOM0 to the command lines. What a saved machine was is in these.
machine() {
	QEMU=$("$TOP/tests/emulator") || exit
	# A second processor costs more than it gives: two machines share two cores, and one spins for what the other holds. Who
	# works at the same time as dom0 is shown where dom0 has two vCPUs.
	local cpus=1; [ "$DOM0_VCPUS" = 1 ] || cpus=2
	# One size for nearly all scenarios is one machine saved for all of them.
	local mem=${MACHINE_MEM:-$((DOM0_MEM + 2 * GUEST_MEM + 512))}
	[ $mem -gt 3072 ] || mem=3072
	XEN="console=com1 com1=115200 dom0_mem=${DOM0_MEM}M,max:${DOM0_MEM}M dom0_max_vcpus=$DOM0_VCPUS conswitch=ax loglvl=warning guest_loglvl=warning bootscrub=off"
	# A vCPU that spins for another one must soon make room for it where there are fewer CPUs than vCPUs; where there is one,
	# this costs a third more.
	[ "$VCPUS$DOM0_VCPUS" = 11 ] || XEN="$XEN sched=credit sched_credit_tslice_ms=5 sched_ratelimit_us=100"
	XEN="$XEN ${PLAIN_CPU:+spec-ctrl=no} $XEN_ARGS"
	DOM0="console=hvc0 loglevel=5 $PLAIN_CPU $DOM0_ARGS"
	# shellcheck disable=SC2206 # words
	MACHINE=(-accel "$ACCEL" -cpu "qemu64,+svm,+npt" -smp "${CPUS:-$cpus}" -m "$mem" -display none -no-reboot -net none $QEMU_ARGS)
	# Behind the disk with the scenario
	[ -z "$INSTALLED" ] || MACHINE+=(-device "virtio-blk-pci,drive=debian,addr=10")
}

# The serial ports and the disk: ports WORK sets PORTS. What dom0 is told through the fourth port waits in a file. A few of its first
# bytes may get lost while a machine is restored; all that the port has room for, many times, while one boots.
ports() {
	local work=$1 i
	PORTS=(-chardev "pipe,id=console,path=$work/console" -serial chardev:console -serial "file:$work/guest.log" -serial null
		-chardev "pipe,id=results,path=$work/results" -serial chardev:results -drive "if=none,id=in,file=$work/in.img,format=raw,readonly=on" -device "virtio-blk-pci,drive=in")
	# What is written to it goes with the machine.
	[ -z "$INSTALLED" ] || PORTS+=(-drive "if=none,id=debian,file=$INSTALLED_DISK/disk,format=raw,snapshot=on")
	rm -f "$work"/{results,console,dom0.log}*
	: >"$work/dom0.log"; ln -s dom0.log "$work/console.out"; mkfifo "$work/console.in"
	: >"$work/results.out"; ln -s results.out "$work/results"
	printf '%64s' '' | tr ' ' '\n' >"$work/results.in"
	for ((i = 0; i < ${SNAPSHOT:-200}; i++)); do echo "go $(date +%s)"; done >>"$work/results.in"
}

# A machine that waits, to restore from: save_machine DIR boots Xen and dom0; save_guest MACHINE DIR goes on from there until a guest runs, too.
save_machine() {
	local dir=$1
	say "booting Xen and dom0, to be saved for all runs"
	cold_start "$dir"
	truncate -s 1M "$dir/in.img"
	ports "$dir"; : >"$dir/results.in"
	run_and_save "$dir" "${COLD[@]}" || return 1
	rm "$dir"/{monitor,in.img,xen,dom0.img,console*,results*}
}
save_guest() {
	local saved=$1 dir=$2
	say "booting a guest, to be saved for all runs"
	cp --sparse=always "$saved/ram" "$dir/ram"
	( SAVE_GUEST=1 FRONT_LATER=1 FRONT=ours BACK=kernel BOOTED=; prepare '' "$dir" ) || return 1
	ports "$dir"
	run_and_save "$dir" -incoming defer || return 1
	rm "$dir"/{monitor,in.img,console*,results*}
}
# run_and_save DIR ARGUMENT...: until dom0 says that it waits
run_and_save() {
	local dir=$1 pid i; shift
	mkfifo "$dir/monitor"
	"$QEMU" "${MACHINE[@]}" "$@" "${PORTS[@]}" -monitor stdio -machine memory-backend=ram \
		-object "memory-backend-file,id=ram,size=$(memory_size),mem-path=$dir/ram,share=on" <"$dir/monitor" >"$dir/qemu.log" 2>&1 &
	pid=$!
	exec 7>"$dir/monitor"
	echo "migrate_set_capability x-ignore-shared on" >&7
	[ -z "${saved:-}" ] || echo "migrate_incoming \"exec:cat '$saved/state'\"" >&7
	for ((i = 0; i < 3000; i++)); do
		grep -q '^@[rf]' "$dir/results.out" && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.3
	done
	if ! grep -q '^@ready' "$dir/results.out" || grep -q '^@failed' "$dir/results.out"; then
		kill $pid 2>/dev/null; exec 7>&-
		tail -n 12 "$dir/dom0.log" >&2
		return 1
	fi
	printf '%s\n' "migrate_set_parameter max-bandwidth 10G" "migrate \"exec:cat >$dir/state\"" "info migrate" quit >&7
	exec 7>&-
	wait $pid
	grep -q 'Migration status: completed' "$dir/qemu.log" || { tail -n 5 "$dir/qemu.log" >&2; return 1; }
}
memory_size() { local i; for i in "${!MACHINE[@]}"; do [ "${MACHINE[i]}" != -m ] || echo "${MACHINE[i + 1]}M"; done; }

# Set COLD to the arguments that boot Xen and dom0, with images in WORK
cold_start() { # WORK
	cat "${DOM0_IMAGES[@]}" >"$1/dom0.img"
	gzip -dc "$ROOT"/boot/xen-4.17-amd64.gz >"$1/xen"
	COLD=(-kernel "$1/xen" -append "$XEN" -initrd "$DOM0_ELF $DOM0,$1/dom0.img")
}

# Set WARM to the arguments that restore the machine, and MONITOR to a file with what QEMU is told. Times in it count on: it is good only where the TSC runs as fast.
warm_start() { # WORK
	local tsc saved
	tsc=$(sed -n 's/^\(model name\|cpu MHz\)[^:]*: //p' /proc/cpuinfo | head -n 2)
	[ ! -d /sys/devices/system/cpu/cpu0/cpufreq ] || tsc=$(cat /proc/sys/kernel/random/boot_id)
	saved=$CACHE/machine-$(key -s "$("$QEMU" --version) $tsc ${MACHINE[*]} $XEN $DOM0 $ROOT $DOM0_ELF ${DOM0_IMAGES[*]}" "${BASH_SOURCE[0]}")
	cached "$saved" save_machine
	if [ "$BOOTED" ]; then
		local booted; booted=$CACHE/booted-$(key -s "$saved $GUEST_KEY")
		cached "$booted" save_guest "$saved"
		prune "$CACHE" booted 3
		saved=$booted
	fi
	prune "$CACHE" machine 10
	cat >"$1/restore" <<-Q
	{"execute": "qmp_capabilities"}
	{"execute": "migrate-set-capabilities", "arguments": {"capabilities": [{"capability": "x-ignore-shared", "state": true}]}}
	{"execute": "migrate-incoming", "arguments": {"uri": "exec:cat '$saved/state'"}}
	Q
	MONITOR=$1/restore
	WARM=(-incoming defer -monitor none -qmp stdio -machine memory-backend=ram
		-object "memory-backend-file,id=ram,size=$(memory_size),mem-path=$saved/ram,share=off")
}

# What a part of the scenario brings along: prepare_part NAME DIR
prepare_part() (
	load_conf "$1"
	mkdir -p "$2"
	conf_names() { echo $PART_CONF; }
	write_conf "$2/conf"
	cp "$DIR"/*.sh "$2/"
	for_console "$2"
)
# What a guest is told of a scenario, as one line of its console: that holds 4 KiB, and to make it here costs dom0 no process.
for_console() { # DIR
	local f
	for f in conf guest.sh; do [ ! -e "$1/$f" ] || gzip -nc "$1/$f" | base64 -w 0 >"$1/$f.line"; done
}

# Faults of QEMU's say nothing of what is tested (README.md): flags that no processor has (half a pointer, after CMPXCHG16B); a
# breakpoint where there is none (any more); with an HVM guest an interrupt that it injects a second time, and Xen's own registers in the guest's place, or an end before the guest
# has come to our modules.
emulator_failed() { # WORK
	grep -aqE 'EFLAGS: (0[1-9a-f]|[1-9a-f].|00[4-9a-f])[0-9a-f]{5}' "$1/guest.log" "$1/dom0.log" && return
	grep -ahA3 'int3: 0000 \[#' "$1/guest.log" "$1/dom0.log" | grep 'Code: ' | grep -qv ' cc <' && return
	[[ $GUEST = hvm* ]] || return
	{ grep -aq 'PANIC: double fault' "$1/guest.log" && grep -aqE 'irq_entries_start|RIP: 0010:asm_sysvec_[a-z_]+\+0x0/' "$1/guest.log"; } && return
	grep -aq 'Triple fault' "$1/dom0.log" || return
	! grep -aq 'pvsplit: the guest begins' "$1/guest.log" || grep -a -A4 'Triple fault' "$1/dom0.log" | grep -q 'RIP: *e008:\[<ffff82d0'
}

# boot WORK: runs the machine; WORK gets dom0.log, guest.log, results, qemu.log, times. 124 if the limit struck. Where QEMU failed,
# up to two more times: WORK/N has the logs of the Nth, and results says so.
boot() {
	local work=$1 n rc start
	machine
	MONITOR=/dev/null
	if [ "$SNAPSHOT" ]; then warm_start "$work"; start=("${WARM[@]}"); else cold_start "$work"; start=("${COLD[@]}" -monitor none); fi
	say "starting the machine"
	for n in 1 2 3; do
		boot_once "$work" "${start[@]}"; rc=$?
		emulator_failed "$work" && [ $n -lt 3 ] || break
		mkdir -p "$work/$n"; mv "$work"/{dom0,guest,qemu}.log "$work"/results* "$work/$n/"
	done
	[ $n = 1 ] || echo "# booted $n times: QEMU had failed, see $((n - 1))/dom0.log and guest.log" >>"$work/results"
	return $rc
}

boot_once() { # WORK ARGUMENT...
	local work=$1 pid end seen=0 lines; shift
	ports "$work"
	exec 8<>"$work/console.in"
	"$QEMU" "${MACHINE[@]}" "$@" "${PORTS[@]}" <"$MONITOR" >"$work/qemu.log" 2>&1 8>&- &
	pid=$! end=$((SECONDS + LIMIT))
	: >"$work/times"
	while kill -0 $pid 2>/dev/null; do
		[ $SECONDS -lt $end ] || { stop_at_limit "$work" $pid; return 124; }
		# The processor time that had gone when a line of results was there
		lines=$(grep -c '' "$work/results")
		[ "$lines" = $seen ] || { cpu_seconds $pid $((lines - seen)) >>"$work/times"; seen=$lines; }
		emulator_failed "$work" && kill $pid
		# QEMU 7.2 loses an interrupt when one comes while VMRUN notes a virtual one, and then Xen has no timer. Any other
		# interrupt makes it look again: a key that means nothing to Xen. (Not in a benchmark, where every instruction counts.)
		[ "$GUEST" = pv ] || [ -z "$SNAPSHOT" ] || printf ' ' >&8
		sleep 0.5
	done 2>/dev/null
	wait $pid
}
# A machine that does not come to its end: what it has used is in results, where Xen and dom0 are in dom0.log. (Xen's keys: the
# hosts' registers, dom0's, timers, the queues of vCPUs, event channels.)
stop_at_limit() { # WORK PID
	local used; used=$(cpu_seconds "$2" 1)
	printf 'd0are' >&8
	sleep 5
	kill "$2"; wait "$2"
	echo "# at the limit: $used s of a processor" >>"$1/results"
}
# One line for each of N
cpu_seconds() { # PID N
	local stat; stat=$(<"/proc/$1/stat") || return
	set -- "$2" ${stat##*) }
	for ((; $1 > 0; )); do printf '%d.%02d\n' $(((${13} + ${14}) / 100)) $(((${13} + ${14}) % 100)); set -- $(($1 - 1)) "${@:2}"; done
}
