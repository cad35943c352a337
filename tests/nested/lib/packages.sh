# SPDX-License-Identifier: GPL-2.0
# Debian packages, unpacked into the cache and never installed: a Xen package on the host would
# change how the host boots.

BASE_PACKAGES="bash libtinfo6 libc6 libgcc-s1 busybox-static
e2fsprogs libext2fs2 libcom-err2 libss2 libblkid1 libuuid1
mount util-linux libmount1 libsmartcols1 libselinux1 libpcre2-8-0
fio libaio1 libnuma1 zlib1g dmsetup libdevmapper1.02.1 libudev1
xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils
libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1
sg3-utils libsgutils2-1.46-2 mt-st
iproute2 libelf1 libmnl0 libbpf1 libcap2 libcap2-bin libdb5.3 libxtables12 libbsd0 libmd0 libtirpc3 libgssapi-krb5-2
libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 ethtool iperf3 libiperf0 libsctp1 libssl3 bridge-utils
libxenmisc4.17 libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 liblzma5 libzstd1"

# name=version lines of the packages given, as apt would install them
versions() { apt-cache policy "$@" | awk '/^[^ ]/ { n = $1; sub(/:$/, "", n) } /Candidate:/ { print n "=" $2 }'; }

fetch() { # PACKAGES... DIR: download and unpack
	local dir=${*: -1} deb; set -- "${@:1:$#-1}"
	say "fetching $# packages"
	mkdir -p "$dir/debs" "$dir"/usr/{bin,sbin,lib,lib64}
	for l in bin sbin lib lib64; do ln -s usr/$l "$dir/$l"; done
	(cd "$dir/debs" && apt-get -q -o APT::Sandbox::User=root download "$@" >../apt.log 2>&1) ||
		{ tail -3 "$dir/apt.log" >&2; die "apt-get download failed: is the network up, has apt-get update run?"; }
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$dir"
	done
	rm -rf "$dir/debs"
}

# Set ROOT to the unpacked base packages
base_root() {
	local v; v=$(versions $BASE_PACKAGES)
	[ "$(echo "$v" | wc -l)" = "$(echo $BASE_PACKAGES | wc -w)" ] || die "apt does not know all packages: apt-get update"
	ROOT=$CACHE/root-$(key -s "$v")
	cached "$ROOT" fetch $v
}

# Set QROOT to the device model (for BACK=qdisk) with everything that it depends on
qemu_root() {
	local v names
	names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances qemu-system-xen qemu-system-data | grep '^[a-z]' | sort -u |
		grep -vE '^(debconf|cdebconf|python3|perl|dpkg|tar|adduser|passwd|init-system-helpers|.*-doc)')
	v=$(versions $names | grep -v '(none)')
	QROOT=$CACHE/qroot-$(key -s "$v")
	cached "$QROOT" fetch $v
}

# Set CROOT to what loads a crash kernel
crash_root() {
	local v; v=$(versions kexec-tools libc6 zlib1g liblzma5 libxenmisc4.17 libxentoollog1 libxencall1 libxenevtchn1 libxengnttab1 \
		libxenforeignmemory1 libxendevicemodel1 libxentoolcore1)
	CROOT=$CACHE/croot-$(key -s "$v")
	cached "$CROOT" fetch $v
}

# Linux 7 is the next Debian's, whose headers want that Debian's compiler and libc: a tree of it to build in, and the
# kernel. Set NEXT.
next_root() { # SERIES
	need debootstrap
	NEXT=$CACHE/next-$1
	cached "$NEXT" make_next "$1"
}
make_next() { # SERIES DIR
	local root=$2/root uri rel deb
	say "fetching a tree of Debian 13, for Linux $1"
	uri=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm //p' | head -n 1)
	debootstrap --variant=minbase --include=make,gcc,libelf1t64,libdw1t64,kmod trixie "$root" "$uri" >"$2/log" 2>&1
	echo "deb $uri trixie-backports main" >"$root/etc/apt/sources.list.d/backports.list"
	chroot "$root" apt-get -q update >>"$2/log" 2>&1
	rel=$(chroot "$root" apt-cache pkgnames "linux-headers-$1." | grep -E '^linux-headers-[0-9.]+\+deb[0-9]+-amd64$' | sort -V | tail -n 1)
	rel=${rel#linux-headers-}
	chroot "$root" apt-get -q -y --no-install-recommends -t trixie-backports install "linux-headers-$rel" >>"$2/log" 2>&1
	chroot "$root" bash -c "cd /root && apt-get -q -t trixie-backports download linux-{base,binary,modules}-$rel" >>"$2/log" 2>&1
	merged_usr "$2"
	for deb in "$root"/root/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$2"; done
	rm "$root"/root/*.deb
	rel=$(cd "$2/lib/modules" && echo *)
	depmod -b "$2" "$rel"
	unpack_vmlinuz "$2/lib/modules/$rel/vmlinuz" "$2/vmlinux.elf"
	echo "$rel" >"$2/release"
}

# The kernel release for a series such as 6.1: the one whose headers the build uses. Set HEADERS as well.
kernel_release() {
	case $1 in 7.*)
		next_root "$1"
		REL=$(cat "$NEXT/release") HEADERS=$NEXT/root/usr/src/linux-headers-$REL
		return ;;
	esac
	HEADERS=$(sh "$TOP/tests/headers" --get "$1") || die "no headers of Linux $1: run tests/setup"
	REL=${HEADERS##*/linux-headers-}
}

unpack_kernel() { # RELEASE DIR: the package and vmlinux.elf
	local rel=$1 dir=$2 v
	v=$(versions "linux-image-$rel")
	[ -n "$v" ] || die "no package linux-image-$rel: apt-get update (6.12 needs bookworm-backports, see tests/setup)"
	fetch "$v" "$dir"
	depmod -b "$dir" "$rel"
	unpack_vmlinuz "$dir/boot/vmlinuz-$rel" "$dir/vmlinux.elf"
}

# The ELF image inside a bzImage: Xen and libxl need not decompress it under TCG.
unpack_vmlinuz() { # BZIMAGE ELF
	local sects off len
	sects=$(od -An -tu1 -j $((0x1f1)) -N1 "$1"); off=$(od -An -tu4 -j $((0x248)) -N4 "$1")
	len=$(od -An -tu4 -j $((0x24c)) -N4 "$1")
	tail -c +$(((sects + 1) * 512 + off + 1)) "$1" | head -c $((len - 4)) >"$2.z"
	case $(od -An -tx1 -N4 "$2.z" | tr -d ' ') in
	fd377a58) xz -dc "$2.z" >"$2" ;;
	28b52ffd) zstd -qdc "$2.z" >"$2" ;;
	1f8b*) gzip -dc "$2.z" >"$2" ;;
	*) die "$1: unknown compression of the kernel" ;;
	esac
	rm "$2.z"
}

# Set KROOT for a kernel release
kernel_root() {
	case $1 in 7.*) KROOT=$NEXT; return ;; esac
	KROOT=$CACHE/kernel-$1
	cached "$KROOT" unpack_kernel "$1"
}

# Set KROOT for a kernel that was built elsewhere (its O= directory), e.g. one with sanitizers
custom_root() { # DIRECTORY
	local dir=$1
	[ -e "$dir/arch/x86/boot/bzImage" ] || die "$dir: no bzImage there"
	KROOT=$CACHE/custom-$(key "$dir/arch/x86/boot/bzImage")
	cached "$KROOT" install_custom "$dir"
}
install_custom() { # DIRECTORY DIR
	unpack_vmlinuz "$1/arch/x86/boot/bzImage" "$2/vmlinux.elf"
	mkdir -p "$2/usr/lib/modules" "$2/boot"; ln -s usr/lib "$2/lib"
	cp "$1/arch/x86/boot/bzImage" "$2/boot/vmlinuz"
	make -s -C "$1" INSTALL_MOD_PATH="$2" INSTALL_MOD_STRIP=1 modules_install >"$2/install.log" 2>&1
}
