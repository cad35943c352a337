# SPDX-License-Identifier: GPL-2.0
# swap_out DISK: 8 MB of memory are on it, and no longer in memory; swap_in: they are as they were
G=/sys/fs/cgroup/swapped
swap_out() {
	mkswap "$1" >/dev/null && swapon "$1" && mkdir -p /tmp/cold && mount -t tmpfs cold /tmp/cold || return
	[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup || return
	mkdir -p $G && echo +memory >/sys/fs/cgroup/cgroup.subtree_control || return
	sh -c "echo \$\$ >$G/cgroup.procs && head -c 8388608 /dev/urandom >/tmp/cold/f && sha256sum /tmp/cold/f >/tmp/cold.sum" || return
	# (It fails when there was less to be had.)
	echo 16M >$G/memory.reclaim
	swapped
}
swapped() { awk '/^SwapTotal/ { n = $2 } /^SwapFree/ { print n - $2; exit n - $2 < 7000 }' /proc/meminfo; }
swap_in() { sha256sum -c /tmp/cold.sum && swapoff "$(sed -n '2s/ .*//p' /proc/swaps)" && umount /tmp/cold; }
