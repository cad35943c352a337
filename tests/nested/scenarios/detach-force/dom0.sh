# SPDX-License-Identifier: GPL-2.0
make_disk a 32M; make_disk b 16M
require "guest boots" start_guest g "$(disk_line a xvda)" "$(disk_line b xvdb)"
guest_cmd g "wait_disk xvda && wait_disk xvdb"
check "verified I/O on one is under way" guest_gently g v xvdb
guest_bg g f fio --name=f --filename=/dev/xvda --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw --bs=16k --size=30m --time_based --runtime=100 --minimal
check "I/O on the other" guest_cmd g busy xvda
be=$(backend_path g xvda)
check "forced detach" xl block-detach --force g xvda
check "the backend's nodes are gone" wait_for 20 not xenstore-exists "$be/state"
check "the I/O ends with an error" guest_cmd -t 60 g '! join f'
check "the node goes" guest_cmd g wait_no_disk xvda
check "the other disk went on" guest_join g v
check "attach again" attach_disk g a xvda
check "and it works" guest_cmd g "wait_disk xvda && raw_fill xvda"
check "detach" detach_disk g xvda
check "image is right" verify_raw a
check "guest stops" stop_guest g
