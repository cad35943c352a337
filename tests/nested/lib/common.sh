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

# Make a directory of the cache once, also when two runs want it at the same time:
# cached DIR COMMAND... runs COMMAND with DIR.part (empty) as last argument, then renames it.
cached() {
	local dir=$1; shift
	[ -d "$dir" ] && { touch "$dir"; return 0; }
	mkdir -p "$(dirname "$dir")"
	(
		flock 9
		[ -d "$dir" ] && exit 0
		rm -rf "$dir.part"; mkdir -p "$dir.part"
		# A subshell of its own, without ||, so that set -e holds inside.
		( set -e; "$@" "$dir.part" ) 9>&-
		rc=$?
		[ $rc = 0 ] || exit $rc
		mv "$dir.part" "$dir"
	) 9>"$dir.lock" || die "could not make ${dir##*/} (${*})"
}

# Remove all but the newest N directories that match PREFIX-* below DIR: prune DIR PREFIX N
prune() {
	ls -dt "$1/$2"-*/ 2>/dev/null | tail -n +$(($3 + 1)) | while read -r d; do
		rm -rf "$d" "${d%/}.lock"
	done
}

# One newc archive, uncompressed (quick to unpack under TCG), padded so that archives can be joined.
pack() { # DIR FILE
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --reproducible -R 0:0 --quiet) >"$2"
	truncate -s %512 "$2"
}
