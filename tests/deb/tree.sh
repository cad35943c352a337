# SPDX-License-Identifier: GPL-2.0
# A Debian 12 in which packages are installed and removed: on top of the tree of tests/nested, which stays as it is. Sourced by bash.

# in_tree WORK COMMAND...: runs it with the tree in WORK/root, where what is written is in WORK/upper; all of it goes with the name space
in_tree() {
	local work=$1; shift
	mkdir -p "$work"/{upper,overlay,root} "$CCACHE"
	export work DEBIAN CCACHE
	export -f in_tree_mounted
	# bash -c, for a function: exported ones are there, too
	unshare --mount --propagation private bash -c 'in_tree_mounted "$@"' - "$@"
}
in_tree_mounted() {
	local root=$work/root
	mount -t overlay -o "lowerdir=$DEBIAN/root,upperdir=$work/upper,workdir=$work/overlay" tree "$root" &&
		mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" && mount --bind /dev "$root/dev" &&
		mount -t tmpfs tmpfs "$root/run" && mkdir "$root/run/ccache" && mount --bind "$CCACHE" "$root/run/ccache" || exit
	"$@"
}
# What runs inside; the compiler is behind ccache.
inside() {
	env -i PATH=/usr/lib/ccache:/usr/sbin:/usr/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/run/ccache CCACHE_MAXSIZE=500M \
		CCACHE_NOHASHDIR=1 chroot "$work/root" "$@" </dev/null
}
# Packages that are files on this machine: without the network
install_debs() { # DEB...
	mkdir -p "$work/root/run/debs" && rm -f "$work/root"/run/debs/* && cp "$@" "$work/root/run/debs/" &&
		inside sh -c 'apt-get -q -y --no-install-recommends --allow-downgrades install /run/debs/*.deb'
}
