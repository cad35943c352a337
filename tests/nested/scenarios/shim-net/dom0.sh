# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2 model=e1000)"
check "no emulated card is left" guest_cmd g 'modprobe e1000; [ "$(ls -d /sys/class/net/e*)" = /sys/class/net/eth0 ]'
require "connected, addresses" net_up g 2
check "4 MB to the guest, checksum" transfer_to g 2 4
check "4 MB from the guest, checksum" transfer_from g 2 4
check "4 MB to the guest, IPv6" transfer_to g 2 4 1 6
