# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
check "dom0 pings the guest" ping -c 3 -W 2 10.0.0.2
check "the guest pings dom0, large packets too" guest_cmd g "ping -c 3 -W 2 10.0.0.1 && ping -c 3 -W 2 -s 20000 10.0.0.1"
check "IPv6 ping" guest_cmd g ping -6 -c 3 -W 2 fd00::1
check "64 MB to the guest, checksum" transfer_to g 2 64
check "64 MB from the guest, checksum" transfer_from g 2 64 2
