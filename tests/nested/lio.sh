# SPDX-License-Identifier: GPL-2.0
# LIO by configfs, in dom0 and in guests: for bash and for busybox's shell.

LIO=/sys/kernel/config/target
lio_init() {
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	modprobe target_core_mod && modprobe target_core_file && modprobe target_core_iblock
	mkdir -p /var/target/alua /var/target/pr
}
# lio_store KIND NAME CONTROL [ATTRIBUTE=VALUE]...: a backing store: rd_mcp, fileio, iblock, pscsi
lio_store() {
	local dir=$LIO/core/$1_0/$2 a; shift 2
	mkdir -p "$dir" && echo "$1" >"$dir/control" && shift || return
	echo "pvsplit-${dir##*/}" >"$dir/wwn/vpd_unit_serial" && echo 1 >"$dir/enable" || return
	for a in "$@"; do echo "${a#*=}" >"$dir/attrib/${a%=*}" || return; done
}
# lio_target WWN [FABRIC]: with a portal group and its nexus
lio_target() {
	mkdir -p "$LIO/${2:-xen-pvscsi}/$1/tpgt_1" && echo "naa.6001405000000001" >"$LIO/${2:-xen-pvscsi}/$1/tpgt_1/nexus"
}
# lio_lun WWN NUMBER KIND NAME [FABRIC]
lio_lun() {
	local lun=$LIO/${5:-xen-pvscsi}/$1/tpgt_1/lun/lun_$2
	mkdir -p "$lun" && ln -s "$LIO/core/$3_0/$4" "$lun/store"
}
