# SPDX-License-Identifier: GPL-2.0
make_disk a 16M
require "guest boots" start_guest g "$(disk_line a xvda)"
check "verified I/O on it is under way" eval "guest_cmd g wait_disk xvda && guest_gently g v xvda"
check "a missing file is refused" not attach_disk g nothing xvdb
# Nodes as a toolstack would write them, with a physical-device that names nothing
id=$(guest_id g); n=0
plug() { # VDEV PHYSICAL-DEVICE [MODE]
	local dev fe be; dev=$(vdev_id "$1"); fe=/local/domain/$id/device/vbd/$dev be=/local/domain/0/backend/vbd/$id/$dev
	xenstore-write "$fe/backend" "$be" "$fe/backend-id" 0 "$fe/virtual-device" "$dev" "$fe/device-type" disk "$fe/state" 1 \
		"$be/frontend" "$fe" "$be/frontend-id" "$id" "$be/online" 1 "$be/mode" "${3:-w}" "$be/params" x "$be/dev" "$1" \
		"$be/device-type" disk "$be/removable" 0 "$be/state" 1
	xenstore-chmod "$fe" n$id r0; xenstore-chmod "$be" n0 r$id
	wait_for 5 state_is "$be" 2
	xenstore-write "$be/physical-device" "$2" "$be/hotplug-status" connected
}
unplug() { local dev; dev=$(vdev_id "$1"); xenstore-rm "/local/domain/$id/device/vbd/$dev"; xenstore-rm "/local/domain/0/backend/vbd/$id/$dev"; }
for bad in fe:7b zz:zz 7:ffffffff "" -1:-1 123456789012345678901234567890; do
	dmesg -c >/dev/null
	plug xvdc "$bad"; sleep 1
	check "nonsense '$bad': no disk" guest_cmd g '[ ! -b /dev/xvdc ]'
	case $bad in fe:7b | zz:zz) check "and a message" eval "dmesg | grep -iqE 'vbd|blkback|physical'" ;; esac
	unplug xvdc; wait_for 5 not test -e "$(vbd_sysfs g xvdc)"
done
check "the other disk went on" guest_join g v
make_disk a2 16M
check "a good disk attaches" attach_disk g a2 xvdd
check "it works" guest_cmd g "wait_disk xvdd && raw_fill xvdd"
check "detach" detach_disk g xvdd
check "its image is right" verify_raw a2
check "guest stops" stop_guest g
