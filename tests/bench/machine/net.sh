# SPDX-License-Identifier: GPL-2.0
# One pair of drivers between a guest and a bridge in dom0.

make_bridge
require "guest boots" start_guest g --vif "$(vif_line 2)"
require "connected" net_up g 2
iperf_server
case $BENCH_JOBS in *guests*)
	require "another guest" start_guest h --vif "$(vif_line 3)"
	require "it is connected" net_up h 3
	guest_cmd h "iperf3 -s -D"
	;;
esac
. /scenario/netjobs.sh
run_net_jobs $BENCH_JOBS
stop_guest g
