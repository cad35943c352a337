# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
require "connected, addresses" net_up g 2
guest_cmd g unload_frontend
fe=$(vif_frontend g) be=$(vif_backend g) error=/local/domain/0/error/backend/vif/$(guest_id g)/0/error
# refused WORD KEY VALUE...: a frontend with these keys is not connected, and the error says WORD
refused() {
	local word=$1; shift
	xenstore-write "$fe/state" 6; wait_for 10 state_is "$be" 6 || return
	xenstore-write "$fe/state" 1; wait_for 10 state_is "$be" 2 || return
	xenstore-rm "$error" 2>/dev/null
	xenstore-write "$fe/tx-ring-ref" 900000 "$fe/rx-ring-ref" 900001 "$fe/event-channel" 77 "$fe/request-rx-copy" 1 \
		"$fe/feature-rx-notify" 1 "$fe/feature-sg" 1 "$fe/multi-queue-num-queues" 1
	while [ $# -gt 0 ]; do
		case $2 in -) xenstore-rm "$fe/$1" ;; *) xenstore-write "$fe/$1" "$2" ;; esac
		shift 2
	done
	xenstore-write "$fe/state" 4
	wait_for 10 eval "xs $error | grep -q '$word'" || { echo "error: $(xs "$error")"; return 1; }
	not state_is "$be" 4
}
check "the frontend's keys are not as they were" xenstore-rm "$fe/event-channel-tx" "$fe/event-channel-rx"
for n in 0 -1 65 abc 4294967297 ''; do check "multi-queue-num-queues '$n'" refused multi-queue-num-queues multi-queue-num-queues "$n"; done
check "no copying" refused request-rx-copy request-rx-copy 0
check "feature-sg 2" refused feature-sg feature-sg 2
check "xdp-headroom 40000" refused xdp-headroom xdp-headroom 40000
xenstore-rm "$fe/xdp-headroom"
for v in - abc 4294967299; do check "tx-ring-ref '$v'" refused tx-ring-ref tx-ring-ref "$v"; done
check "a grant that is none" refused tx-ring-ref tx-ring-ref 900000
check "a rate that is none" eval "xenstore-write $be/rate fast && refused rate feature-sg 1"
xenstore-rm "$be/rate"
check "the right frontend" eval "xenstore-write $fe/state 6 && wait_for 10 state_is $be 6 && xenstore-write $fe/state 1 && wait_for 10 state_is $be 2 && guest_cmd g load_frontend"
check "works" net_up g 2
check "2 MB each way" eval "transfer_to g 2 2 && transfer_from g 2 2"
check "guest stops" stop_guest g
