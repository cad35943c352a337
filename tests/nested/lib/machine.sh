# SPDX-License-Identifier: GPL-2.0
# One boot of Xen in QEMU: puts the archives of a scenario together and runs it with a time limit.

# What a scenario's conf may set, with the values that hold otherwise.
conf_defaults() {
	TITLE= CLASSES=blk FRONT=ours FRONT_LATER= BACK=ours GUEST=pv VCPUS=1 CPUS= LIMIT=300 SCRIPTS= SEED=1
	KERNEL=6.1 KERNEL_DOM0= KERNEL_GUEST= GUEST_KERNEL= MANUAL=
	GUEST_MEM=256 DOM0_MEM=1280 MACHINE_MEM= DISK_SPACE=
	FRONT_PARAMS= BACK_PARAMS= RING_PARAMS= SHIM_PARAMS= GUEST_ARGS= DOM0_ARGS= XEN_ARGS= ALLOW=
	CRASH=
	ACCEL="tcg,thread=multi" QEMU_ARGS= EXTRA_CONF= EXTRA_MODULES=
}

# The settings as the machine's inside wants them
write_conf() { # FILE
	local v
	for v in $(conf_names) $EXTRA_CONF; do printf '%s=%q\n' "$v" "${!v}"; done >"$1"
}
conf_names() { declare -f conf_defaults | grep -oE '\b[A-Z][A-Z0-9_]+=' | tr -d = | sort -u; }

# Set REL, HEADERS and KROOT for dom0 or for the guest
choose_kernel() {
	# A name of tests/kunit/configs, or a build directory
	if [ "$1" = guest ] && [ -n "$GUEST_KERNEL" ]; then
		case $GUEST_KERNEL in */*) ;; *) GUEST_KERNEL=$("$TOP/tests/kunit/kernel" "$GUEST_KERNEL" | head -n 1) ;; esac
		[ -n "$GUEST_KERNEL" ] || die "the guest's kernel does not build"
		custom_root "$GUEST_KERNEL"
		REL=$(cat "$GUEST_KERNEL/include/config/kernel.release") HEADERS=$GUEST_KERNEL
		return
	fi
	local k=$KERNEL_DOM0; [ "$1" = dom0 ] || k=$KERNEL_GUEST
	kernel_release "${k:-$KERNEL}"
	kernel_root "$REL"
}

# prepare SCRIPT_DIR WORK: builds WORK/dom0.img and WORK/dom0.elf from the settings in force
prepare() {
	local scripts=$1 work=$2 d0=$2/dom0.d g=$2/guest.d
	mkdir -p "$d0"/{nested,scenario,guest,data} "$g"/{nested,scenario,data}
	data_tree "$SEED"
	write_conf "$g/scenario/conf"; cp "$g/scenario/conf" "$d0/scenario/"
	cp -r "$NESTED/guest" "$g/nested/"; cp -r "$NESTED/dom0" "$d0/nested/"
	cp "$NESTED"/{pattern,net.sh} "$g/nested/"; cp "$NESTED"/{pattern,net.sh} "$d0/nested/"
	cp "$NESTED/dom0/init" "$d0/init"; install -D "$TOP/scsiback/pv-scsi" "$d0/usr/sbin/pv-scsi"
	cp "$scripts"/*.sh "$d0/scenario/"; [ ! -e "$scripts/guest.sh" ] || cp "$scripts/guest.sh" "$g/scenario/"
	cp -r "$TREE/tree" "$g/data/"; cp "$TREE/manifest" "$TREE/stream.sum" "$d0/data/"

	choose_kernel guest; KO=
	[ "$FRONT" != ours ] || our_modules
	base_image guest; local base=$IMG
	modules_image "$REL" "$GUEST_MODULES $EXTRA_MODULES" "$KO"
	set -- "$base" "$IMG"
	[ -z "$CRASH" ] || { base_image crash; set -- "$@" "$IMG"; cp "$KROOT"/boot/vmlinuz* "$g/data/vmlinuz"; }
	pack "$g" "$work/guest.cpio"
	cat "$@" "$work/guest.cpio" >"$d0/guest/initrd"
	case $GUEST in
	hvm*)
		"$NESTED/lib/hvm-boot" "$ROOT/usr/lib/xen-4.17/boot/hvmloader" "$KROOT"/boot/vmlinuz* "$d0/guest/initrd" \
			"$d0/guest/firmware" "$d0/guest/vmlinux" || die "no image for an HVM guest"
		rm "$d0/guest/initrd" ;;
	*) cp "$KROOT/vmlinux.elf" "$d0/guest/vmlinux" ;;
	esac

	choose_kernel dom0; KO=
	[ "$BACK" != ours ] || our_modules
	base_image dom0; set -- "$IMG"
	modules_image "$REL" "$DOM0_MODULES $EXTRA_MODULES" "$KO"; set -- "$@" "$IMG"
	case $BACK-$GUEST in qdisk-* | *-hvm*) base_image qemu; set -- "$@" "$IMG" ;; esac
	pack "$d0" "$work/dom0.cpio"
	cat "$@" "$work/dom0.cpio" >"$work/dom0.img"
	ln -sf "$KROOT/vmlinux.elf" "$work/dom0.elf"
	rm -rf "$d0" "$g" "$work"/*.cpio
	gzip -dc "$ROOT"/boot/xen-4.17-amd64.gz >"$work/xen"
}

# Faults of QEMU's with an HVM guest say nothing of what is tested (README.md): an interrupt that it injects a second time,
# and Xen's own registers in the guest's place.
emulator_failed() { # WORK
	{ grep -aq 'PANIC: double fault' "$1/guest.log" && grep -aq irq_entries_start "$1/guest.log"; } ||
		grep -a -A4 'Triple fault' "$1/dom0.log" | grep -q 'RIP: *e008:\[<ffff82d0'
}

# boot WORK: runs the machine; WORK gets dom0.log, guest.log, results, qemu.log. 124 if the limit struck. Where QEMU failed,
# up to two more times: WORK/N has the logs of the Nth, and results says so.
boot() {
	local work=$1 n rc
	for n in 1 2 3; do
		boot_once "$work"; rc=$?
		emulator_failed "$work" && [ $n -lt 3 ] || break
		mkdir -p "$work/$n"; mv "$work"/{dom0,guest,qemu}.log "$work/results" "$work/$n/"
	done
	[ $n = 1 ] || echo "# booted $n times: QEMU had failed, see $((n - 1))/dom0.log and guest.log" >>"$work/results"
	return $rc
}

boot_once() {
	local work=$1 args pid
	args="console=com1 com1=115200 dom0_mem=${DOM0_MEM}M,max:${DOM0_MEM}M dom0_max_vcpus=${DOM0_VCPUS:-1} loglvl=warning guest_loglvl=warning $XEN_ARGS"
	# A vCPU that spins for another one must soon make room for it: there are fewer CPUs than vCPUs.
	[ "$VCPUS" = 1 ] || args="$args sched=credit sched_credit_tslice_ms=1 sched_ratelimit_us=100"
	timeout --foreground -k 10 "$LIMIT" qemu-system-x86_64 -accel "$ACCEL" -cpu qemu64,+svm,+npt -smp "${CPUS:-2}" \
		-m "${MACHINE_MEM:-$((DOM0_MEM + 2 * GUEST_MEM + 512))}" -display none $([[ $QEMU_ARGS == *-monitor* ]] || echo -monitor none) -no-reboot -net none \
		-serial "file:$work/dom0.log" -serial "file:$work/guest.log" -serial null -serial "file:$work/results" \
		-kernel "$work/xen" -append "$args" \
		-initrd "$work/dom0.elf console=hvc0 loglevel=5 $DOM0_ARGS,$work/dom0.img" $QEMU_ARGS \
		</dev/null >"$work/qemu.log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		{ ! emulator_failed "$work" || kill $pid; } 2>/dev/null
	done
	wait $pid
}
