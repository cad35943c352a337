# SPDX-License-Identifier: GPL-2.0
# These and no others are there: the emulated sda and e1000, the PV devices vbd and vif (the toolstack adds a vkbd)
there() {
	local have
	sleep 2
	have=$([ ! -e /sys/block/sda ] || echo sda
		! ls /sys/bus/pci/drivers/e1000/0000:* >/dev/null 2>&1 || echo e1000
		ls /sys/bus/xen/devices | sed '/^vkbd/d; s/-.*//' | sort -u)
	[ "$(echo $have)" = "$*" ] || { echo "there are: $(echo $have)"; return 1; }
}
on_bus() {
	local have
	have=$(cat /sys/bus/pci/devices/*/class | grep -E '^0x0[12]' | sort)
	[ "$(echo $have)" = "$*" ] || { echo "there are: $(echo $have)"; return 1; }
}
