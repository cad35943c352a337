# SPDX-License-Identifier: GPL-2.0
# The initramfs images: base archives from the packages, cached by content. What belongs to one
# scenario is a further archive that the machine appends (lib/machine.sh).

SG_TOOLS="$(printf '/usr/bin/%s ' sg_inq sg_vpd sg_readcap sg_modes sg_turs sg_luns sg_start sg_persist sg_unmap sg_write_same \
	sg_raw sg_dd sg_reset sg_requests sg_get_lba_status sg_opcodes)/bin/mt-st"
DOM0_TOOLS="/usr/bin/bash $(printf '/usr/lib/bash/%s ' sleep rm mkdir rmdir)/usr/bin/flock /usr/sbin/losetup /usr/bin/mount /usr/bin/umount /usr/sbin/e2fsck /usr/sbin/mke2fs
/usr/sbin/resize2fs /usr/sbin/debugfs /usr/sbin/dmsetup /usr/bin/fio
/usr/lib/xen-4.17/bin/xl /usr/lib/xen-4.17/bin/xenstored /usr/lib/xen-4.17/bin/xenconsoled
/usr/lib/xen-4.17/bin/xen-init-dom0 /usr/lib/xen-4.17/bin/libxl-save-helper /usr/lib/xen-4.17/bin/xentrace
/usr/bin/xenstore-read /usr/bin/xenstore-write /usr/bin/xenstore-ls /usr/bin/xenstore-list /usr/bin/xenstore-rm
/usr/bin/ip /usr/sbin/bridge /usr/sbin/tc /usr/sbin/ethtool /usr/sbin/brctl /usr/bin/iperf3
/usr/lib/x86_64-linux-gnu/libgcc_s.so.1 /usr/bin/xenstore-exists /usr/bin/xenstore-watch /usr/bin/xenstore-chmod
/usr/lib/xen-4.17/bin/xenstore-control
$SG_TOOLS"
GUEST_TOOLS="/usr/sbin/e2fsck /usr/sbin/mke2fs /usr/sbin/resize2fs /usr/bin/fio
/usr/bin/ip /usr/sbin/bridge /usr/sbin/tc /usr/sbin/ethtool /usr/bin/iperf3 /usr/lib/x86_64-linux-gnu/libgcc_s.so.1
$SG_TOOLS"

DOM0_MODULES="virtio_pci virtio_blk xen-privcmd xenfs xen-gntdev xen-gntalloc xen-evtchn xen-blkback loop null_blk ext4 crc32c_generic
tun dm-mod dm-flakey dm-snapshot scsi_debug sd_mod brd isofs
xen-netback bridge veth 8021q af_packet pktgen sch_ingress cls_flower act_gact
xen-scsiback target_core_mod target_core_file target_core_iblock target_core_pscsi tcm_loop sg st ch"
GUEST_MODULES="xen-blkfront null_blk ext4 crc32c_generic isofs sr_mod xen-netfront 8021q af_packet pktgen
xen-scsifront sd_mod sg st ch ata_piix e1000"

# fio in Debian is linked with cluster file systems (80 MB of libraries). One empty library with the
# symbols that it names stands for all of them; the engines that need them are never used here.
FIO_STUBBED="libgfapi.so.0 libnbd.so.0 libibverbs.so.1 librdmacm.so.1 librados.so.2 librbd.so.1 libpmemblk.so.1 libpmem.so.1"
fio_stub() { # DIR
	local dir=$1 sym ver
	nm -D --undefined-only --with-symbol-versions "$ROOT/usr/bin/fio" | awk '$1 == "U" { print $2 }' |
		grep -E '^(glfs|ibv|nbd|pmem|pmemblk|rados|rbd|rdma)_' >"$dir/symbols"
	sed 's/@.*//' "$dir/symbols" | sort -u | sed 's/.*/void &(void) { __builtin_trap(); }/' >"$dir/stub.c"
	for ver in $(sed -n 's/.*@//p' "$dir/symbols" | sort -u); do
		echo "$ver {"; sed -n "s/@$ver\$/;/p" "$dir/symbols"; echo "};"
	done >"$dir/stub.map"
	gcc -shared -fPIC -w -o "$dir/stub.so" "$dir/stub.c" -Wl,--version-script="$dir/stub.map"
	for sym in $FIO_STUBBED; do cp "$dir/stub.so" "$dir/$sym"; done
}

skeleton() { # DIR
	merged_usr "$1"
	mkdir -p "$1"/{proc,sys,dev,run,tmp,etc,mnt,root,data} "$1"/var/{log,lib,lock}
	ln -s ../run "$1/var/run"
	echo "root:x:0:0:root:/root:/bin/sh" >"$1/etc/passwd"
	echo "root:x:0:" >"$1/etc/group"
	mknod "$1/dev/console" c 5 1; mknod "$1/dev/null" c 1 3
}

# Copy programs with the libraries that they load: install_tools ROOT DIR STUBS FILE...
install_tools() {
	local root=$1 dir=$2 stubs=$3 f lib; shift 3
	mkdir -p "$root/stub"; cp "$stubs"/*.so.* "$root/stub/" 2>/dev/null || true
	for f in "$@"; do
		[ -e "$root$f" ] || die "$f is not in the packages"
		echo "$f"
		chroot "$root" /lib64/ld-linux-x86-64.so.2 --library-path /stub --list "$f" 2>/dev/null |
			awk '/not found/ { print "missing:" $1 } $2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/lib64/ { print $1 }'
	done | sort -u >"$dir.list"
	grep '^missing:' "$dir.list" >&2 && die "a library is not in the packages"
	while read -r f; do
		lib=$f; case $f in /stub/*) lib=/usr/lib/x86_64-linux-gnu/${f##*/} ;; esac
		mkdir -p "$dir$(dirname "$lib")"
		cp -L "$root$f" "$dir$lib"
	done <"$dir.list"
	rm "$dir.list"
}

install_busybox() { # DIR
	local a
	cp "$ROOT/bin/busybox" "$1/bin/busybox"
	for a in $("$ROOT/bin/busybox" --list); do
		[ -e "$1/usr/bin/$a" ] || [ -e "$1/usr/sbin/$a" ] || ln -s /bin/busybox "$1/usr/bin/$a"
	done
	ln -s /bin/busybox "$1/usr/sbin/modprobe"	# where the kernel itself calls it
}

make_dom0_base() { # DIR
	local d=$1/stage stubs=$1/stubs
	say "making the control domain's image"
	mkdir -p "$stubs"; fio_stub "$stubs"
	skeleton "$d"
	install_tools "$ROOT" "$d" "$stubs" $DOM0_TOOLS
	install_busybox "$d"
	mkdir -p "$d"/etc/xen "$d"/var/lib/xen "$d"/var/log/xen/console "$d"/usr/share
	cp -r "$ROOT/etc/xen/scripts" "$d/etc/xen/"
	: >"$d/etc/xen/xl.conf"
	ln -sf bash "$d/usr/bin/sh.bash"
	ln -s /usr/lib/xen-4.17/bin/xl "$d/usr/sbin/xl"
	pack "$d" "$1/image.cpio"; rm -rf "$d" "$stubs"
}

make_guest_base() { # DIR
	local d=$1/stage stubs=$1/stubs
	say "making the guest's image"
	mkdir -p "$stubs"; fio_stub "$stubs"
	skeleton "$d"
	install_tools "$ROOT" "$d" "$stubs" $GUEST_TOOLS
	install_busybox "$d"
	pack "$d" "$1/image.cpio"; rm -rf "$d" "$stubs"
}

make_qemu() { # DIR: the device model and its firmware, for BACK=qdisk and GUEST=hvm
	local d=$1/stage
	merged_usr "$d"
	install_tools "$QROOT" "$d" /nonexistent /usr/libexec/xen-qemu-system-i386
	mkdir -p "$d"/usr/share/{qemu/keymaps,seabios}
	cp "$QROOT/usr/share/qemu/keymaps/en-us" "$d/usr/share/qemu/keymaps/"
	cp "$QROOT"/usr/share/qemu/{kvmvapic,linuxboot}.bin "$d/usr/share/qemu/"
	cp "$QROOT/usr/share/seabios/bios-256k.bin" "$d/usr/share/seabios/"
	cp "$QROOT"/usr/lib/ipxe/qemu/efi-{e1000,rtl8139}.rom "$d/usr/share/qemu/"
	pack "$d" "$1/image.cpio"; rm -rf "$d"
}

make_crash() { # DIR: added to a guest's image for CRASH=1
	local d=$1/stage
	merged_usr "$d"
	install_tools "$CROOT" "$d" /nonexistent /sbin/kexec
	pack "$d" "$1/image.cpio"; rm -rf "$d"
}

make_selftests() { # DIR: added to a guest's image for SELFTESTS=SERIES, below /linux
	local d=$1/stage
	say "packing the kernel's selftests"
	merged_usr "$d"
	install_tools "$SROOT" "$d" /nonexistent /usr/bin/python3.11 /bin/dash
	ln -s python3.11 "$d/usr/bin/python3"
	cp -r "$SROOT"/usr/lib/python3.11 "$d/usr/lib/"
	cp -r "$SROOT"/usr/lib/python3/dist-packages/yaml "$d/usr/lib/python3.11/"
	mkdir "$d/linux"
	tar -x --xz -f "$SROOT"/usr/src/linux-source-*.tar.xz -C "$d/linux" --strip-components=1 --wildcards \
		'*/tools/testing/selftests/drivers/net/*.py' '*/tools/testing/selftests/drivers/net/lib/py' '*/tools/testing/selftests/net/lib/py' \
		'*/tools/net/ynl/lib/*.py' '*/Documentation/netlink/specs'
	pack "$d" "$1/image.cpio"; rm -rf "$d"
}

# Modules NAMES of release REL from KROOT, with what they depend on; a name of another kernel is no error.
copy_modules() { # KROOT REL DIR NAMES...
	local kroot=$1 rel=$2 dir=$3 m f; shift 3
	for m in "$@"; do
		modprobe -d "$kroot" -S "$rel" --show-depends "$m" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
	done | sort -u | while read -r f; do
		f=${f#"$kroot"}; f=/usr/lib/modules/${f##*/lib/modules/}
		mkdir -p "$dir$(dirname "$f")"
		case $f in *.xz) xz -dc "$kroot$f" >"$dir${f%.xz}" ;; *) cp "$kroot$f" "$dir$f" ;; esac
	done
	cp "$kroot/lib/modules/$rel"/modules.{order,builtin,builtin.modinfo} "$dir/usr/lib/modules/$rel/"
}

make_modules() { # REL NAMES DIR: the kernel's own
	local dir=$3/tree
	say "packing modules of Linux $1: $(echo "$2" | wc -w)"
	mkdir -p "$dir/usr/lib/modules/$1"
	copy_modules "$KROOT" "$1" "$dir" $2
	ln -s usr/lib "$dir/lib"; depmod -b "$dir" "$1"; rm "$dir/lib"
	pack "$dir" "$3/image.cpio"
}

make_ours() { # REL KO MODULES DIR: ours, and the lists that name them beside the kernel's
	local dir=$4/tree lists=usr/lib/modules/$1
	cp -al "$3" "$4/all"
	mkdir "$4/all/$lists/updates"
	cp "$2"/*.ko "$4/all/$lists/updates/"
	ln -s usr/lib "$4/all/lib"; depmod -b "$4/all" "$1"
	mkdir -p "$dir/$lists"
	mv "$4/all/$lists"/{updates,modules.*} "$dir/$lists/"
	rm -r "$4/all"
	pack "$dir" "$4/image.cpio"
}

# Set IMG to the base archive of a kind: dom0, guest, qemu, crash, selftests SERIES
base_image() {
	local root=$ROOT
	case $1 in qemu) qemu_root; root=$QROOT ;; crash) crash_root; root=$CROOT ;; selftests) selftests_root "$2"; root=$SROOT ;; esac
	IMG=$CACHE/$1-$(key -s "$root" "${BASH_SOURCE[0]}" "$NESTED/lib/packages.sh")
	case $1 in dom0) cached "$IMG" make_dom0_base ;; guest) cached "$IMG" make_guest_base ;; qemu) cached "$IMG" make_qemu ;;
	crash) cached "$IMG" make_crash ;; selftests) cached "$IMG" make_selftests ;; esac
	prune "$CACHE" "$1" 4
	IMG=$IMG/image.cpio
}

# Set IMG to the archive of the kernel's modules from KROOT: modules_image RELEASE NAMES
modules_image() {
	IMG=$CACHE/modules-$(key -s "$KROOT $1 $2" "${BASH_SOURCE[0]}")
	cached "$IMG" make_modules "$1" "$2"
	prune "$CACHE" modules 16
	IMG=$IMG/image.cpio
}

# Set OURS to the directory with the archive and the tree of our modules in KO, which go on top of those of modules_image IMG
ours_image() { # RELEASE
	local modules=${IMG%/image.cpio}
	OURS=$CACHE/ours-$(key -s "$modules $KO" "${BASH_SOURCE[0]}")
	cached "$OURS" make_ours "$1" "$KO" "$modules/tree"
	prune "$CACHE" ours 16
}

# The seeded tree of files and its manifest, which only dom0 gets. Set TREE. data_tree SEED
data_tree() {
	TREE=$CACHE/tree-$(key -s "$1" "$NESTED/lib/seeded-tree" "${BASH_SOURCE[0]}")
	cached "$TREE" make_tree "$1"
}
make_tree() { # SEED DIR
	"$NESTED/lib/seeded-tree" "$1" "$2/tree"
	(cd "$2/tree" && find . -type f | LC_ALL=C sort | xargs sha256sum) >"$2/manifest"
	# All of them in one row, for a disk without a file system: checksum and bytes
	(cd "$2/tree" && find . -type f | LC_ALL=C sort | xargs cat) >"$2/stream"
	echo "$(sha256sum <"$2/stream" | cut -d' ' -f1) $(stat -c %s "$2/stream")" >"$2/stream.sum"
	rm "$2/stream"
}
