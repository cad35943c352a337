# SPDX-License-Identifier: GPL-2.0
# Debian packages, unpacked into the cache and never installed: a Xen package on the host would
# change how the host boots.

BASE_PACKAGES="bash bash-builtins libxen-dev libtinfo6 libc6 libgcc-s1 busybox-static
e2fsprogs libext2fs2 libcom-err2 libss2 libblkid1 libuuid1
mount util-linux libmount1 libsmartcols1 libselinux1 libpcre2-8-0
fio libaio1 libnuma1 zlib1g dmsetup libdevmapper1.02.1 libudev1
xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils
libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1
sg3-utils libsgutils2-1.46-2 mt-st
iproute2 libelf1 libmnl0 libbpf1 libcap2 libcap2-bin libdb5.3 libxtables12 libbsd0 libmd0 libtirpc3 libgssapi-krb5-2
libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 ethtool iperf3 libiperf0 libsctp1 libssl3 bridge-utils
libxenmisc4.17 libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 liblzma5 libzstd1"

# ---- apt, with package lists of our own ------------------------------------------------------
# The machine's sources and lists stay as they are. Ours are the Debian 12 entries of its sources, and bookworm-backports from
# the same place.
APT=${CACHE%/nested}/apt HEADERS_CACHE=${CACHE%/nested}/headers ETC_APT=/etc/apt

debian_sources() { # as stanzas of a .sources file
	{
		cat "$ETC_APT"/sources.list "$ETC_APT"/sources.list.d/*.list 2>/dev/null | awk '
		$1 == "deb" {
			options = ""
			if (match($0, /\[[^]]*\]/)) {
				options = substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
			}
			printf "\nTypes: deb\nURIs: %s\nSuites: %s\nComponents:", $2, $3
			for (i = 4; i <= NF; i++) printf " %s", $i
			print ""
			n = split(options, o, " ")
			for (i = 1; i <= n; i++) if (sub(/^signed-by=/, "Signed-By: ", o[i]) || sub(/^trusted=/, "Trusted: ", o[i])) print o[i]
		}'
		for f in "$ETC_APT"/sources.list.d/*.sources; do [ ! -e "$f" ] || { echo; sed 's/[ \t]*$//' "$f"; }; done
	} | awk '
	function stanza(suites,   s) {
		s = $0
		sub(/(^|\n)Types:[^\n]*/, "\nTypes: deb", s); sub(/\nSuites:[^\n]*/, "\nSuites:" suites, s)
		sub(/\nComponents:[^\n]*(\n [^\n]*)*/, "\nComponents: main", s)
		print s
	}
	BEGIN { RS = "" }
	/(^|\n)Types:[^\n]*deb( |\n|$)/ && /\nComponents:[^\n]*(\n [^\n]*)*[ \n]main( |\n|$)/ && !/\nEnabled: *no/ {
		match($0, /\nSuites:[^\n]*/); n = split(substr($0, RSTART + 8, RLENGTH - 8), word, " "); suites = ""
		for (i = 1; i <= n; i++) {
			if (word[i] !~ /^bookworm/) continue
			suites = suites " " word[i]
			if (word[i] == "bookworm") main = $0
			if (word[i] == "bookworm-backports") backports = 1
		}
		if (suites != "") stanza(suites)
	}
	END { if (main != "" && !backports) { $0 = main; stanza(" bookworm-backports") } }'
}

own_apt() { local tool=$1; shift; "$tool" -q -c "$APT/apt.conf" "$@"; }
# Those that install: what is installed counts, for our lists it does not.
install_apt() { own_apt apt-get -y --no-install-recommends -o Dir::State::status=/var/lib/dpkg/status -o DPkg::Lock::Timeout=600 "$@"; }

# Two runs that want it at the same time: the second is content with what the first one read.
read_lists() {
	writable "$APT"
	(
		# in nanoseconds: two reads may be due within a second
		asked=$(date +%s%N); lock "$APT/lock" || exit 2
		was=$(stat -c %.9Y "$APT/read" 2>/dev/null | tr -d .,)
		[ "${was:-0}" -lt "$asked" ] || exit 0
		say "reading Debian's package lists"
		mkdir -p "$APT"/{lists,archives}/partial "$APT"/{sources,none} && : >"$APT/status" &&
		debian_sources >"$APT/sources/debian.sources" && cat >"$APT/apt.conf" <<-E || die "cannot write in $APT: is the disk full?"
			#clear APT::Update;
			Dir::State::lists "$APT/lists";
			Dir::State::status "$APT/status";
			Dir::Cache::archives "$APT/archives";
			Dir::Cache::pkgcache "$APT/pkgcache.bin";
			Dir::Cache::srcpkgcache "$APT/srcpkgcache.bin";
			Dir::Etc::sourcelist "/dev/null";
			Dir::Etc::sourceparts "$APT/sources";
			Dir::Etc::preferences "/dev/null";
			Dir::Etc::preferencesparts "$APT/none";
			APT::Sandbox::User "root";
			Acquire::Languages "none";
		E
		[ -s "$APT/sources/debian.sources" ] || die "no entry for Debian 12 (bookworm main) in $ETC_APT/sources.list or sources.list.d: add one"
		# An entry that fails is no fault as long as all that is wanted is elsewhere.
		own_apt apt-get --error-on=any update >"$APT/log" 2>&1 </dev/null && : >"$APT/failed" || sed -n 's/^E: //p' "$APT/log" | head -n 1 >"$APT/failed"
		touch "$APT/read"
	) || exit
}

# Runs COMMAND, which may fail by lacking; once more with the lists read anew if they are older than this.
by_lists() { # COMMAND...
	local last=
	[ -e "$APT/read" ] && grep -qs "\"$APT/lists\"" "$APT/apt.conf" || { last=1; read_lists; }
	"$@" && return
	[ -z "$last" ] || exit 2
	last=1; read_lists
	"$@" || exit 2
}
# Something cannot be had: an error, unless new lists may help
lacking() { # WHAT
	enough_room "$APT"
	[ -n "${last-1}" ] || { say "$1"; return 75; }
	die "$1$(sed 's/^/; apt-get update said: /' "$APT/failed" 2>/dev/null): check the Debian entries in $ETC_APT and the way to that mirror"
}

# name=version lines of the packages given, as apt would install them; none for one that it cannot
versions() {
	[ $# = 0 ] || own_apt apt-cache policy "$@" |
		awk '/^[^ ]/ { n = $1; sub(/:$/, "", n) } /Candidate:/ && $2 != "(none)" { print n "=" $2 }'
}

merged_usr() { # DIR
	mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
	for l in bin sbin lib lib64; do ln -s usr/$l "$1/$l"; done
}

fetch() { # WHAT PACKAGES... DIR: download and unpack
	local what=$1 dir=${*: -1} deb; set -- "${@:2:$#-2}"
	say "fetching $what: $# package$([ $# = 1 ] || echo s)"
	mkdir "$dir/debs"; merged_usr "$dir"
	(cd "$dir/debs" && own_apt apt-get download "$@") >"$dir/apt.log" 2>&1 </dev/null ||
		lacking "cannot download $what: $(sed -nE 's/^E: (Failed to fetch .*\/)?//p' "$dir/apt.log" | head -n 1)"
	say "unpacking $what"
	(
		set -o pipefail
		for deb in "$dir"/debs/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$dir"; done
	)
	rm -rf "$dir/debs"
}

# Set UNPACKED to the newest versions of packages: unpacked PREFIX WHAT NAMES...
unpacked() { by_lists unpack_newest "$@"; }
unpack_newest() {
	local prefix=$1 what=$2 v n lack=; shift 2
	v=$(versions "$@")
	for n; do case $'\n'$v in *$'\n'"$n="*) ;; *) lack="$lack $n" ;; esac; done
	lack=$(echo $lack | sed -E 's/^(\S+ \S+ \S+) .*/\1 .../')
	[ -z "$lack" ] || { lacking "no package $lack, for $what"; return; }
	UNPACKED=$CACHE/$prefix-$(key -s "$v")
	cached "$UNPACKED" fetch "$what" $v
}

# Set ROOT to the unpacked base packages
base_root() { unpacked root "Xen and its tools" $BASE_PACKAGES; ROOT=$UNPACKED; }

# Set QROOT to the device model (for BACK=qdisk) with everything that it depends on
qemu_root() { by_lists unpack_qemu; QROOT=$UNPACKED; }
unpack_qemu() {
	local names
	names=$(own_apt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances qemu-system-xen qemu-system-data | grep '^[a-z]' | sort -u |
		grep -vE '^(debconf|cdebconf|python3|perl|dpkg|tar|adduser|passwd|init-system-helpers|.*-doc)')
	names=$({ printf '%s\n' qemu-system-xen qemu-system-data; versions $names | sed 's/=.*//'; } | sort -u)
	unpack_newest qroot "Xen's device model" $names
}

# Set CROOT to what loads a crash kernel
crash_root() {
	unpacked croot "what loads a crash kernel" kexec-tools libc6 zlib1g liblzma5 libxenmisc4.17 libxentoollog1 libxencall1 \
		libxenevtchn1 libxengnttab1 libxenforeignmemory1 libxendevicemodel1 libxentoolcore1
	CROOT=$UNPACKED
}

# Set SROOT to the kernel's own tests of network drivers, and what runs them
selftests_root() { # SERIES
	unpacked sroot "the kernel's selftests" "linux-source-$1" python3.11-minimal libpython3.11-minimal libpython3.11-stdlib \
		python3-yaml libexpat1 zlib1g libc6 dash
	SROOT=$UNPACKED
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
	uri=$(own_apt apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm //p' | head -n 1)
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

# A Debian 12 as it is installed, with the kernels given and their headers: packages of ours are installed in copies of it. Set DEBIAN.
debian_root() { # RELEASES...
	# shellcheck disable=SC2046 # names
	set -- $(printf '%s\n' "$@" | sort -uV)
	need debootstrap
	DEBIAN=$CACHE/debian-$(key -s "$*" -s "$(declare -f make_debian)")
	cached "$DEBIAN" by_lists make_debian "$@"
	prune "$CACHE" debian 2
}
make_debian() { # RELEASES... DIR
	local dir=${*: -1} root=${*: -1}/root uri rel names=; set -- "${@:1:$#-1}"
	say "fetching a tree of Debian 12, with Linux $*"
	uri=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' "$APT/sources/debian.sources" | head -n 1)
	debootstrap --variant=minbase bookworm "$root" "$uri" >"$dir/log" 2>&1 || lacking "no tree of Debian 12: $(grep '^E:' "$dir/log" | head -n 1)" || return
	rm "$root/etc/apt/sources.list"
	cp "$APT/sources/debian.sources" "$root/etc/apt/sources.list.d/"
	for rel; do
		names="$names linux-headers-$rel $(versions "linux-image-$rel" "linux-image-$rel-unsigned" | sed 's/=.*//; q')"
	done
	# The image's scripts make an initramfs.
	{
		chroot "$root" apt-get -q update &&
			DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -q -y --no-install-recommends install dkms ccache make openssl e2fsprogs \
				initramfs-tools dracut-core zstd systemd-sysv udev iproute2 iputils-ping busybox-static bash-builtins xen-utils-4.17 $names &&
			chroot "$root" apt-get clean
	} >>"$dir/log" 2>&1 </dev/null || lacking "no tree of Debian 12: $(sed -n 's/^E: //p' "$dir/log" | head -n 1)"
}

# ---- kernels -----------------------------------------------------------------------------------

# What of a series is here, complete
here() { # SERIES
	local d
	for d in /usr/src/linux-headers-"$1".*-amd64 "$HEADERS_CACHE"/*-amd64/usr/src/linux-headers-"$1".*-amd64; do
		[ ! -e "$d/include/generated/autoconf.h" ] || [ ! -e "$d/scripts/Makefile.build" ] || [ ! -e "$(sed -n 's/^include //p' "$d/Makefile")" ] ||
			echo "headers ${d##*/linux-headers-} $d"
	done
	for d in "$CACHE"/kernel-"$1".*-amd64; do [ ! -e "$d/vmlinux.elf" ] || echo "image ${d##*/kernel-}"; done
}
on_mirror() { # SERIES
	local names; names=$(own_apt apt-cache pkgnames linux- | grep -E "^linux-(headers|image|kbuild)-$1(\.|\$)")
	versions $names | sed 's/^/mirror /; s/=/ /'
}

# The choice of a release: headers and an image of it, here or on the mirror, where the image may be unsigned for some days. One of
# which both are here comes first, then the newest. Reads lines "headers RELEASE", "image RELEASE", "mirror PACKAGE VERSION". Prints
# the release and what is to be fetched; if there is none, what the newest one lacks, with status 1.
choose() { # SERIES
	awk -v series="$1" '
	function need(name) { if (name in at) get = get " " name "=" at[name]; else lack = lack " " name }
	$1 != "mirror" { has[$1, $2]; releases[$2]; next }
	{ at[$2] = $3; if (sub(/^linux-(headers|image)-/, "", $2)) { sub(/-unsigned$/, "", $2); releases[$2] } }
	END {
		print 2, 0, "none", "linux-headers-" series ".*-amd64"
		for (r in releases) {
			# no flavours (cloud, rt), no debug symbols
			if (r !~ "^" series "[.][0-9]+(-[0-9]+)?([+][a-z]+[0-9.]*)?-amd64$") continue
			get = lack = ""; base = r; sub(/-amd64$/, "", base)
			if (!(("headers", r) in has)) {
				need("linux-headers-" r); need("linux-headers-" base "-common")
				need("linux-kbuild-" ("linux-kbuild-" series in at ? series : base))
			}
			if (!(("image", r) in has))
				need("linux-image-" r ("linux-image-" r in at ? "" : "-unsigned"))
			print lack != "", get != "", r, lack != "" ? lack : get
		}
	}' | sort -k1,1n -k2,2n -k3,3Vr | awk 'NR == 1 { s = $1; $1 = $2 = ""; if (s) $3 = ""; $1 = $1; sub(/^ +/, ""); print; exit s != 0 }'
}

get_kernel() { # SERIES
	local what rel headers= image= p
	what=$({ here "$1"; on_mirror "$1"; } | choose "$1") || { lacking "no package $what, for Linux $1"; return; }
	for p in $what; do case $p in linux-image-*) image=$p ;; linux-*) headers="$headers $p" ;; *) rel=$p ;; esac; done
	# A folder that is there although its content is to be fetched was damaged, or moved.
	if [ -n "$headers" ]; then
		[ ! -d "$HEADERS_CACHE/$rel" ] || here "$1" | grep -q "^headers $rel " || drop "$HEADERS_CACHE/$rel"
		cached "$HEADERS_CACHE/$rel" unpack_headers "$rel" $headers || return
	fi
	if [ -n "$image" ]; then
		[ ! -d "$CACHE/kernel-$rel" ] || here "$1" | grep -q "^image $rel$" || drop "$CACHE/kernel-$rel"
		cached "$CACHE/kernel-$rel" unpack_kernel "$rel" "$image"
	fi
}
unpack_headers() { # RELEASE PACKAGES... DIR
	local rel=$1 dir=${*: -1}; shift
	fetch "the headers of Linux $rel" "$@"
	# The package names its common half by absolute path.
	sed -i "s|/usr/src/|${dir%.part}/usr/src/|" "$dir/usr/src/linux-headers-$rel/Makefile"
}
unpack_kernel() { # RELEASE PACKAGE DIR: the package and vmlinux.elf
	fetch "Linux $1" "$2" "$3"
	depmod -b "$3" "$1"
	unpack_vmlinuz "$3/boot/vmlinuz-$1" "$3/vmlinux.elf"
}

# Set REL and HEADERS for a series such as 6.1; the image is then there, too.
kernel_release() {
	case $1 in 7.*)
		next_root "$1"
		REL=$(cat "$NEXT/release") HEADERS=$NEXT/root/usr/src/linux-headers-$REL
		return ;;
	esac
	REL=$(here "$1" | choose "$1") || { by_lists get_kernel "$1"; REL=$(here "$1" | choose "$1"); } || die "Linux $1: $REL is not complete in ${CACHE%/nested}: remove that folder"
	headers_of "$1"
}
headers_of() { HEADERS=$(here "$1" | sed -n "s/^headers $REL //p" | head -n 1); }	# SERIES, REL

# The ELF image inside a bzImage: Xen and libxl need not decompress it under TCG.
unpack_vmlinuz() { # BZIMAGE ELF
	local sects off len
	sects=$(od -An -tu1 -j $((0x1f1)) -N1 "$1"); off=$(od -An -tu4 -j $((0x248)) -N4 "$1")
	len=$(od -An -tu4 -j $((0x24c)) -N4 "$1")
	tail -c +$(((sects + 1) * 512 + off + 1)) "$1" | head -c $len >"$2.z"
	local magic; magic=$(od -An -tx1 -N4 "$2.z" | tr -d ' ')
	# The size that follows belongs to gzip's format, and to no other.
	case $magic in 1f8b*) ;; *) truncate -s -4 "$2.z" ;; esac
	case $magic in
	fd377a58) xz -dc "$2.z" >"$2" ;;
	28b52ffd) zstd -qdc "$2.z" >"$2" ;;
	1f8b*) gzip -dc "$2.z" >"$2" ;;
	*) die "$1: unknown compression of the kernel" ;;
	esac
	rm "$2.z"
}

# Set KROOT for a release of kernel_release
kernel_root() {
	case $1 in 7.*) KROOT=$NEXT; return ;; esac
	KROOT=$CACHE/kernel-$1
	touch -c "$KROOT" "$HEADERS" 2>/dev/null || true
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

# Removes what the cache has of other releases and package versions than the ones given and ROOT, QROOT and CROOT, once nobody
# has used it for a day, and what killed runs left.
sweep() { # RELEASES...
	local d
	find "$CACHE" "$CACHE/build" "$HEADERS_CACHE" -mindepth 1 -maxdepth 1 -type d -mtime +0 2>/dev/null | while read -r d; do
		case " $* ${ROOT##*/} ${QROOT##*/} ${CROOT##*/} " in *" ${d##*/} "* | *" ${d##*/kernel-} "*) continue ;; esac
		case $d in
		*.part) drop "${d%.part}" ;;
		*/kernel-[0-9]* | */*root-* | "$HEADERS_CACHE"/[0-9]* | "$HEADERS_CACHE"/.get.*) drop "$d" ;;
		esac
	done
}
