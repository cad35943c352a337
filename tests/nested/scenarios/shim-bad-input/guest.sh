# SPDX-License-Identifier: GPL-2.0
said() { local i=0; until dmesg | grep -E "$1"; do i=$((i + 1)); [ $i -lt 50 ] || return 1; sleep 0.2; done; }
