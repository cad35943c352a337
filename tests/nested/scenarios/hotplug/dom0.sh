# SPDX-License-Identifier: GPL-2.0
make_disk a 16M; make_disk b 16M
require "guest boots without a disk" start_guest g
for n in 1 2 3; do
	# The second time by Debian's script
	[ $n = 2 ] && DEBIAN_SCRIPTS=1 || DEBIAN_SCRIPTS=
	check "attach $n" attach_disk g a xvda
	check "disk appears" guest_cmd g wait_disk xvda
	check "detach $n" detach_disk g xvda
	check "disk goes" guest_cmd g wait_no_disk xvda
done
attach_disk g a xvda
check "verified I/O on it is under way" eval "guest_cmd g wait_disk xvda && guest_gently g v xvda"
for n in 1 2; do
	check "attach of another under I/O $n" attach_disk g b xvdb
	check "it works" guest_cmd g "wait_disk xvdb && raw_fill xvdb"
	check "detach of it $n" detach_disk g xvdb
	check "its image is right" verify_raw b
done
update_xenstored() {
	xenstore-control live-update -t 30 -c "--priv-domid 0 --pid-file /run/xenstored.pid $1" /usr/lib/xen-4.17/bin/xenstored
}
check "xenstored is updated while it runs, under that I/O; a guest may have five nodes now" update_xenstored "-E 5"
check "attach of another" attach_disk g b xvdb
check "the guest cannot write its keys, and says so" wait_for 20 guest_cmd g "dmesg | grep -q 'vbd-51728: will try again'"
check "xenstored is updated once more, and has room" update_xenstored
check "the disk works" guest_cmd g "wait_disk xvdb && raw_fill xvdb"
check "detach of it" detach_disk g xvdb
check "its image is right" verify_raw b
check "the I/O beside it is right" guest_join g v
check "no backend directory is left of xvdb" not xenstore-exists "$(backend_path g xvdb)"
check "guest stops" stop_guest g
