# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
serve_pattern 1 64
guest_bg g f fetch_sum 10.0.0.1
sleep 1
check "migrate" eval "xl migrate -s '' g 'xl migrate-receive' >/tmp/migrate 2>&1 || { tail -n 6 /tmp/migrate; false; }"
check "the guest answers" guest_cmd g true
check "connected again" wait_for 30 vif_connected g
check "the transfer across it is right" same "$(guest_join g f)" "$(pattern_sum 1 64)"
check "16 MB from the guest afterwards, checksum" transfer_from g 2 16 2
check "guest stops" stop_guest g
