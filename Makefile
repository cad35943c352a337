# SPDX-License-Identifier: GPL-2.0
# The front door. kbuild itself reads Kbuild, not this file.

.DEFAULT_GOAL := modules

# The kernel to build for: KDIR=, else the running one's headers, else the newest installed.
ifndef KDIR
  KDIR := $(firstword $(wildcard /lib/modules/$(shell uname -r)/build/Makefile))
  ifeq ($(KDIR),)
    KDIR := $(shell ls -d /lib/modules/*/build/Makefile /usr/src/linux-headers-*-amd64/Makefile 2>/dev/null | \
              sed 's|^/[a-z]*/[a-z]*/\(linux-headers-\)\{0,1\}\([^/]*\).*|\2 &|' | sort -rV | sed -n '1s/^[^ ]* //p')
  endif
  KDIR := $(patsubst %/Makefile,%,$(KDIR))
endif

release = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' '$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# a distribution keeps its key to itself, and kbuild would complain at each module
unsigned = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
kbuild = $(MAKE) -C '$(KDIR)' M='$(CURDIR)'

modules: kdir ## build every module (KDIR=, W=1, C=2 and V=1 as in the kernel)
	+@$(kbuild) $(jobs) modules

install: kdir ## install the modules for that kernel (as root, or INSTALL_MOD_PATH=)
	@if [ -z '$(INSTALL_MOD_PATH)' ] && [ "$$(id -u)" != 0 ]; then \
		echo 'make install: run it as root, or give INSTALL_MOD_PATH=directory' >&2; exit 1; fi
	@if [ ! -s modules.order ]; then echo 'make install: nothing is built yet, run make first' >&2; exit 1; fi
	+@$(kbuild) $(unsigned) modules_install
	@install -D -m 755 scsiback/pv-scsi '$(INSTALL_MOD_PATH)/usr/sbin/pv-scsi'
	@install -D -m 644 scsiback/pv-scsi.8 '$(INSTALL_MOD_PATH)/usr/share/man/man8/pv-scsi.8'
	@install -D -m 644 scsiback/pv-scsi.service '$(INSTALL_MOD_PATH)/lib/systemd/system/pv-scsi.service'
	@if grep -qE '(^|/)hvm-pv-shim\.k?o$$' modules.order; then hvm-pv-shim/install-hooks '$(INSTALL_MOD_PATH)'; fi
	@depmod -b '$(or $(INSTALL_MOD_PATH),/)' '$(release)'
	@echo 'Installed for $(release); depmod is done.'

clean: kdir ## remove what the build wrote here
	+@$(kbuild) clean

lint: ## sparse and W=1 on every kernel, checkpatch, the arrows between folders
	@tests/lint/run

kunit: ## unit tests in a test kernel
	@tests/kunit/run

nested: ## scenarios on a real Xen in QEMU (S="name ..." selects)
	@tests/nested/run $(S)

demo: ## set up, then show a guest's disk on our two drivers
	@tests/setup
	@tests/nested/demo

bench: ## set up, then measure our drivers and the kernel's side by side
	@tests/setup
	@tests/bench/run

check: ## set up, then every test
	@tests/setup
	@tests/check

help: ## this list
	@awk -F ':|## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$3 }' Makefile
	@echo 'Kernel: $(or $(KDIR),none found) $(if $(release),($(release)))'

kdir:
	@if [ -z '$(KDIR)' ]; then \
		echo 'no kernel headers found: run "sh tests/setup" as root, install linux-headers-amd64, or give KDIR=' >&2; \
		exit 1; fi
	@if [ ! -e '$(KDIR)/Makefile' ] || [ ! -e '$(KDIR)/include/generated/autoconf.h' ]; then \
		echo 'KDIR=$(KDIR) is no configured kernel tree: give the headers of a kernel, as in /lib/modules/*/build' >&2; \
		exit 1; fi

.PHONY: modules install clean lint kunit nested demo bench check help kdir
