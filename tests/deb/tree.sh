# SPDX-License-Identifier: GPL-2.0
# A Debian 12 in which packages are installed and removed: on top of the tree of tests/nested, which stays as it is. Sourced by bash,
# after lib/common.sh and lib/packages.sh of tests/nested.

CCACHE=${CACHE%/nested}/deb/ccache

# Set debs and version to our packages, DEBIAN to the tree, old and new to the kernels that it has.
packages_and_tree() {
	need unshare:util-linux dpkg-deb:dpkg ccache
	debs=$("$TOP/tests/deb/build") || die "the packages do not build"
	version=$(dpkg-deb -f "$debs"/pvsplit-dkms_*.deb Version)
	kernel_release 6.1; old=$REL
	kernel_release 6.12; new=$REL
	debian_root "$old" "$new"
}

# in_tree WORK COMMAND...: runs it with the tree in WORK/root, where what is written is in WORK/upper; all of it goes with the name space
in_tree() {
	local work=$1; shift
	mkdir -p "$work"/{upper,overlay,root} "$CCACHE"
	export work DEBIAN CCACHE
	export -f in_tree_mounted inside install_debs
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

# ---- the tree as a disk, to be booted ----------------------------------------------------------

# Set INSTALLED_DISK to a folder with the Debian in which our packages were installed, before its next boot: disk, and its kernels and
# initramfs images as they are on it.
installed_disk() {
	packages_and_tree
	INSTALLED_DISK=$CACHE/installed-$(key -s "$DEBIAN $debs" "$TOP/tests/deb/tree.sh" "$TOP/tests/deb/agent")
	cached "$INSTALLED_DISK" make_installed
	prune "$CACHE" installed 2
}
make_installed() { # DIR
	say "installing the packages in a Debian 12, and making a disk of it"
	need mke2fs:e2fsprogs
	export TOP debs
	export -f fill_disk as_its_owner
	in_tree "$1/work" fill_disk "$1" >"$1/log" 2>&1 || { tail -n 20 "$1/log" >&2; return 1; }
	rm -rf "$1/work"
}
fill_disk() { # DIR
	local root=$work/root
	as_its_owner "$root" && install_debs "$debs"/*.deb && cp "$root"/boot/{vmlinuz,initrd.img}-* "$1/" &&
		umount -l "$root"/{run,dev,sys,proc} &&
		mke2fs -q -F -t ext4 -L debian -d "$root" "$1/disk" $(($(du -sk "$root" | cut -f1) * 6 / 5 + 524288))k
}
# What its owner has set up, for a guest and for a control domain: names, a static address, a log of the guests' consoles. And a
# service that does on hvc0 what the other side's scenario says.
as_its_owner() { # ROOT
	echo debian >"$1/etc/hostname" &&
		echo 'LABEL=debian / ext4 errors=remount-ro 0 1' >"$1/etc/fstab" &&
		echo 'XENCONSOLED_ARGS=--log=guest' >"$1/etc/default/xen" && mkdir -p "$1/var/log/xen/console" &&
		printf '%s\n' '[Match]' 'Name=eth0 enX0' '[Network]' 'Address=10.0.0.2/24' >"$1/etc/systemd/network/vif.network" &&
		install "$TOP/tests/deb/agent" "$1/usr/local/sbin/agent" &&
		printf '%s\n' '[Unit]' 'After=xen.service' '[Service]' 'ExecStart=/usr/local/sbin/agent' 'StandardInput=tty' 'StandardOutput=tty' \
			'TTYPath=/dev/hvc0' '[Install]' 'WantedBy=multi-user.target' >"$1/etc/systemd/system/agent.service" &&
		inside systemctl enable agent systemd-networkd && inside systemctl disable systemd-networkd-wait-online &&
		inside systemctl mask serial-getty@hvc0
}
