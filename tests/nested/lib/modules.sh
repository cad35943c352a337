# SPDX-License-Identifier: GPL-2.0
# The project's own modules, for each kernel that a scenario needs, its program, and the builtin of dom0's bash.

# Set KO to the directory with our modules for the kernel with HEADERS; its name changes with the sources.
our_modules() {
	KO=$("$TOP/tests/build" "$HEADERS") || die "the modules do not build"
}

# Set PV_SCSI to our pv-scsi, for dom0, which has the host's Debian.
our_pv_scsi() {
	PV_SCSI=$("$TOP/tests/pv-scsi/build") || die "pv-scsi does not build"
}

# Set CPUMAP to a guest's program that puts an XDP program with a map on an interface
xdp_cpumap() { CPUMAP=$CACHE/cpumap-$(key "$NESTED/xdp-cpumap.c"); cached "$CPUMAP" make_cpumap; prune "$CACHE" cpumap 2; CPUMAP=$CPUMAP/xdp-cpumap; }
make_cpumap() { gcc -Wall -Wextra -Werror -O2 -static -D_GNU_SOURCE -o "$1/xdp-cpumap" "$NESTED/xdp-cpumap.c"; } # DIR

# Set STORE to the folder with dom0's builtin for xenstore
store_builtin() { STORE=$CACHE/store-$(key "$NESTED/store.c" "$ROOT/usr/bin/bash"); cached "$STORE" make_store; prune "$CACHE" store 2; }
make_store() { # DIR
	local bash=$ROOT/usr/include/bash
	gcc -Wall -Wextra -Wno-unused-parameter -Werror -O2 -shared -fPIC -D_GNU_SOURCE -I"$bash" -isystem "$bash/include" -isystem "$bash/builtins" \
		-isystem "$ROOT/usr/lib/bash" -isystem "$ROOT/usr/include" -o "$1/store.so" "$NESTED/store.c" -L"$ROOT/usr/lib/x86_64-linux-gnu" -lxenstore
}
