# SPDX-License-Identifier: GPL-2.0
# records DISK ROUND: numbered records, each flushed before the next one, until one fails; the last that was acknowledged is in /tmp/acked
records() {
	local i=1
	rm -f /tmp/acked
	while printf '%-512s' "$2.$i" | dd of="/dev/$1" bs=512 seek=$i conv=notrunc,fsync 2>/dev/null; do
		echo $i >/tmp/acked.new; mv /tmp/acked.new /tmp/acked
		i=$((i + 1))
	done
}
# The same with files, by a file system with a journal: fsync() of each; /tmp/acked has their names.
files() {
	local f
	rm -f /tmp/acked
	mkdir /mnt/tree && cd /data/tree && find . -type f >/tmp/files || return
	while :; do
		while read -r f; do
			mkdir -p "/mnt/tree/${f%/*}" && dd if="$f" of="/mnt/tree/$f" bs=64k conv=fsync 2>/dev/null </dev/null || return 0
			echo "$f" >>/tmp/acked
		done </tmp/files
	done
}
# So many have been acknowledged.
acked() { while [ "$(tail -n 1 /tmp/acked 2>/dev/null || echo 0)" -lt "$1" ]; do sleep 0.2; done; }
acked_files() { while [ "$(grep -c '' /tmp/acked 2>/dev/null || echo 0)" -lt "$1" ]; do sleep 0.2; done; }
