# SPDX-License-Identifier: GPL-2.0
# The project's own modules, built in a copy in the cache for each kernel that a scenario needs.

DRIVER_DIRS="ring blkfront blkback netfront netback scsifront scsiback hvm-pv-shim"

source_key() { # the content of everything that kbuild reads
	(cd "$TOP" && find Kbuild $DRIVER_DIRS -type f \( -name '*.[ch]' -o -name Kbuild -o -name Makefile \) 2>/dev/null |
		LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)
}

build_modules() { # KDIR DIR
	say "building modules against ${1##*/}"
	rsync -a --include='*.[ch]' --include=Kbuild --include=Makefile --include='*/' --exclude='*' \
		"$TOP/Kbuild" $(printf "$TOP/%s " $DRIVER_DIRS) "$2/src/"
	case $1 in
	*/root/usr/src/*) make_next_modules "${1%%/usr/src/*}" "${1##*/}" "$2" ;;
	*) make -s -j2 -C "$1" M="$2/src" modules ;;
	esac >"$2/make.log" 2>&1 || { tail -20 "$2/make.log" >&2; die "the modules do not build"; }
	mkdir "$2/ko"; find "$2/src" -name '*.ko' -exec cp {} "$2/ko/" \;
	rm -rf "$2/src"
}

# In the tree of next_root(). Only the SCSI drivers are ready for Linux 7.
make_next_modules() { # ROOT HEADERS DIR
	local src=$1/build-$$
	cp -r "$3/src" "$src"
	printf 'obj-m += %s/\n' ring scsifront scsiback >"$src/Kbuild"
	# objtool wants a /proc; it goes with the name space.
	unshare --mount sh -c "mount -t proc proc '$1/proc' && chroot '$1' make -s -j2 -C '/usr/src/$2' M=/build-$$ modules" || return
	rsync -a "$src/" "$3/src/"; rm -rf "$src"
}

# Set KO to the directory with our modules for the kernel REL with HEADERS
our_modules() {
	KO=$CACHE/build/$REL-$(key -s "$(source_key) $HEADERS")
	cached "$KO" build_modules "$HEADERS"
	prune "$CACHE/build" "$REL" 8
	KO=$KO/ko
}
