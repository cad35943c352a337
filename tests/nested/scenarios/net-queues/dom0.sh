# SPDX-License-Identifier: GPL-2.0
require "bridge" make_bridge
require "guest boots with a vif" start_guest g --vif "$(vif_line 2)"
fe=$(vif_frontend g)
channels() { local k; for k in "$@"; do at_least "$(xs "$fe/$k")" 1 || return; done; }
none() { local k; for k in "$@"; do not xs "$fe/$k" || { echo "there is a $k"; return 1; }; done; }
# Interrupts that dom0 has taken for a queue
irqs() { awk -v n="$(vif g)-q$1" 'index($0, n) { for (i = 2; $i ~ /^[0-9]+$/; i++) s += $i } END { print s + 0 }' /proc/interrupts; }
# Both ways, all queues, right bytes
traffic() { # LAST-QUEUE
	local q to before=()
	for q in $(seq 0 "$1"); do before[q]=$(irqs "$q"); done
	for to in "" -R; do
		at_least "$(iperf_rate g 10.0.0.1 -P 8 -n 2M $to)" 100 || return
	done
	for q in $(seq 0 "$1"); do at_least "$(irqs "$q")" $((before[q] + 20)) || { echo "queue $q"; return 1; }; done
	transfer_to g 2 1 && transfer_from g 2 1
}
# Another vif, of a backend with other parameters
restart() {
	detach_vif g && unload_backend || return
	BACK_PARAMS=$1
	load_backend && attach_vif g 2 && net_up g 2
}
require "connected, addresses" net_up g 2
check "two queues" same "$(xs "$fe/multi-queue-num-queues")" 2
check "an event channel each way" channels queue-{0,1}/event-channel-{tx,rx}
check "in the guest, too" guest_cmd g '[ $(ls -d /sys/class/net/eth0/queues/rx-* | wc -l) = 2 ]'
check "traffic" traffic 1
check "one event channel for both ways" restart "max_queues=2 separate_tx_rx_irq=0"
check "of each queue" channels queue-{0,1}/event-channel
check "and only that" none queue-{0,1}/event-channel-{tx,rx}
check "traffic" traffic 1
check "one queue" restart "max_queues=1 separate_tx_rx_irq=0"
check "its event channel" eval "channels event-channel && none event-channel-tx"
check "traffic" traffic 0
check "an event channel each way" restart "max_queues=1"
check "of the one queue" channels event-channel-{tx,rx}
check "traffic" traffic 0
check "guest stops" stop_guest g
