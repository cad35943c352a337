# SPDX-License-Identifier: GPL-2.0
# What dom0 and guests both need for network scenarios.

# Makes the bytes of /nested/pattern for the next one who connects: serve_pattern SEED MB
serve_pattern() {
	nc -l -p 5000 -e /nested/pattern "$1" "$2" </dev/null >/dev/null 2>&1 &
	until netstat -ltn | grep -q ':5000 '; do sleep 0.2; done
}
# fetch_sum ADDRESS: the checksum of what arrived
fetch_sum() { nc -w 60 "$1" 5000 </dev/null | sha256sum | cut -d' ' -f1; }
