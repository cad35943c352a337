# SPDX-License-Identifier: GPL-2.0
# What every part of the runner needs: the cache, content keys, locks. Sourced by bash.

NESTED=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(cd "$NESTED/../.." && pwd)
CACHE=${PVSPLIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pvsplit}/nested

die() { echo "${0##*/}: $*" >&2; exit 2; }
say() { echo "# $*" >&2; }

need() {
	local tool pkg
	for tool in "$@"; do
		pkg=${tool#*:}; tool=${tool%%:*}
		command -v "$tool" >/dev/null || die "$tool is missing: apt-get install $pkg (or run tests/setup)"
	done
}

# A short name for the content of the files and strings given: key [-s STRING] [FILE]...
key() {
	{
		while [ $# -gt 0 ]; do
			if [ "$1" = -s ]; then printf '%s\n' "$2"; shift 2
			else cat "$1"; shift; fi
		done
	} | sha256sum | cut -c1-12
}

# Dies in one line unless a folder can be made and written.
writable() { # DIR
	local d=$1
	mkdir -p "$d" 2>/dev/null && [ -w "$d" ] && return
	until [ -e "$d" ]; do d=$(dirname "$d"); done
	[ -w "$d" ] || die "cannot write in $d, which belongs to $(stat -c %U "$d"): remove it, or set PVSPLIT_CACHE to a folder of your own"
	die "cannot make the folder $1: $(mkdir -p "$1" 2>&1 | tail -n 1)"
}

# Dies in one line if a disk is full.
enough_room() { # DIR
	local free; free=$(($(df -Pk "$1" | awk 'NR == 2 { print $4 }') / 1024))
	[ $free -ge 64 ] || die "the disk is full, $1 has $free MB left: make room, or set PVSPLIT_CACHE to a folder elsewhere"
}

# Holds fd 9 on a lock file that may be removed by whoever holds it.
lock() { # FILE
	while exec 9>"$1"; do
		flock -n 9 || { say "waiting for another run: ${1##*/}"; flock 9; }
		[ ! "$1" -ef /proc/self/fd/9 ] || return 0
	done
}

# COMMAND in a subshell that ends at the first failure, also where the caller tests the result: set -e is without effect
# below any || or if, but not in a trap. (There a return without a number is a success.)
strictly() ( trap 'trap - EXIT; set -e; "$@"; exit 0' EXIT; exit 0 )

# Make a directory of the cache once, also when two runs want it at the same time:
# cached DIR COMMAND... runs COMMAND with DIR.part (empty) as last argument, then renames it. What a killed run left is
# removed; as long as a process of that run lives, it has the lock. COMMAND's status 75 is returned, any other failure ends all.
cached() {
	local dir=$1 rc; shift
	[ ! -d "$dir" ] || { touch "$dir" 2>/dev/null; return 0; }
	writable "${dir%/*}"
	(
		lock "$dir.lock" || exit
		[ ! -d "$dir" ] || exit 0
		rm -rf "$dir.part"; mkdir "$dir.part" && strictly "$@" "$dir.part" && mv "$dir.part" "$dir" && exit
		rc=$?; [ $rc = 75 ] || ( enough_room "${dir%/*}" ) || rc=2
		rm -rf "$dir.part"; exit $rc
	)
	rc=$?
	case $rc in 0 | 75) return $rc ;; esac
	[ $rc = 2 ] || die "could not make ${dir##*/}: $* failed"	# 2: die has said why
	exit 2
}

# Remove a directory of the cache, unless it is being made: drop DIR
drop() ( exec 9>>"$1.lock"; flock -n 9 && rm -rf "$1" "$1.part" "$1.lock" )
# Remove all but the newest N directories that match PREFIX-* below DIR: prune DIR PREFIX N
prune() {
	# not DIR.part
	ls -dt "$1/$2"-*[!t]/ 2>/dev/null | tail -n +$(($3 + 1)) | while read -r d; do drop "${d%/}"; done
}

# One newc archive, uncompressed (quick to unpack under TCG), padded so that archives can be joined.
pack() { # DIR FILE
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --reproducible -R 0:0 --quiet) >"$2"
	truncate -s %512 "$2"
}
