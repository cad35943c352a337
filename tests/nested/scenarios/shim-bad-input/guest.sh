# SPDX-License-Identifier: GPL-2.0
said() { local i=0; until dmesg | grep -E "$1"; do i=$((i + 1)); [ $i -lt 50 ] || return 1; sleep 0.2; done; }
small_rings() { modprobe pv-blkfront max_ring_page_order=0 max_indirect_segments=0 feature_persistent=0; }
remove_platform() { local p; p=$(grep -l 0x5853 /sys/bus/pci/devices/*/vendor) && echo 1 >"${p%vendor}remove"; }
