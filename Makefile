# SPDX-License-Identifier: GPL-2.0
# The front door. kbuild itself reads Kbuild, not this file.

.DEFAULT_GOAL := modules

# The kernel to build for: KDIR=, else the running one's headers, else the newest installed, else what tests/setup has unpacked.
ifndef KDIR
  KDIR := $(firstword $(wildcard /lib/modules/$(shell uname -r)/build/Makefile))
  ifeq ($(KDIR),)
    KDIR := $(shell ls -d /lib/modules/*/build/Makefile /usr/src/linux-headers-*-amd64/Makefile 2>/dev/null | \
              sed 's|^/[a-z]*/[a-z]*/\(linux-headers-\)\{0,1\}\([^/]*\).*|\2 &|' | sort -rV | sed -n '1s/^[^ ]* //p')
  endif
  KDIR := $(patsubst %/Makefile,%,$(KDIR))
  ifeq ($(KDIR),)
    KDIR := $(shell tests/headers 6.1 2>/dev/null)
  endif
endif

release = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' '$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# a distribution keeps its key to itself, and kbuild would complain at each module
unsigned = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
kbuild = $(MAKE) -C '$(KDIR)' M='$(CURDIR)'

modules: kdir ## build every module (KDIR=, W=1, C=2 and V=1 as in the kernel)
	+@$(kbuild) $(jobs) modules

# Programs run in user space. pv-scsi is on libxenstore. (Not pv-scsi*.c: kbuild has a pv-scsiback.mod.c there.)
PV_SCSI ?= scsiback/pv-scsi
PVSTAT ?= ring/pvstat
pv_scsi_sources := $(wildcard scsiback/pv-scsi.c scsiback/pv-scsi-*.c)
CFLAGS ?= -O2 -g
# What is installed with the modules, if it can be built: only a control domain needs it.
has_xenstore = $(wildcard $(PV_SCSI) /usr/include/xenstore.h)
compile = $(CC) $(CPPFLAGS) -D_GNU_SOURCE -Wall -Wextra $(CFLAGS) $(LDFLAGS)

tools: $(PVSTAT) $(if $(has_xenstore),$(PV_SCSI)) ## build pvstat, and pv-scsi (if libxen-dev is there)

$(PV_SCSI): $(pv_scsi_sources) scsiback/pv-scsi.h
	@echo '  CC       $@'
	@$(compile) -o $@ $(pv_scsi_sources) -lxenstore

$(PVSTAT): ring/pvstat.c
	@echo '  CC       $@'
	@$(compile) -o $@ $<

install-tools: tools ## install the programs with their manual pages, units and completion
	@packages/install utils '$(INSTALL_MOD_PATH)' '$(PVSTAT)' $(if $(has_xenstore),'$(PV_SCSI)')

install: kdir ## install the modules for that kernel (as root, or INSTALL_MOD_PATH=)
	@if [ -z '$(INSTALL_MOD_PATH)' ] && [ "$$(id -u)" != 0 ]; then \
		echo 'make install: run it as root, or give INSTALL_MOD_PATH=directory' >&2; exit 1; fi
	@if [ ! -s modules.order ]; then echo 'make install: nothing is built yet, run make first' >&2; exit 1; fi
	+@$(kbuild) $(unsigned) INSTALL_MOD_STRIP=1 modules_install
	+@$(MAKE) --no-print-directory install-tools
	@$(if $(has_xenstore),,echo 'pv-scsi is left out: for a control domain, install libxen-dev, then make install-tools')
	@if grep -qE '(^|/)hvm-pv-shim\.k?o$$' modules.order; then hvm-pv-shim/install-hooks '$(INSTALL_MOD_PATH)'; fi
	@packages/install modules '$(INSTALL_MOD_PATH)'
	@depmod -b '$(or $(INSTALL_MOD_PATH),/)' '$(release)'
	@echo 'Installed for $(release); depmod is done.'

clean: kdir ## remove what the build wrote here
	+@$(kbuild) clean
	@rm -f scsiback/pv-scsi ring/pvstat

deb: ## build the Debian packages, here (needs debhelper and dh-dkms)
	@dir=$$(tests/deb/build) && cp "$$dir"/*.deb . && ls pvsplit-*.deb

deb-test: ## the packages in a Debian 12: installed for two kernels, upgraded, switched, removed, purged
	@tests/deb/run

lint: ## sparse and W=1 on every kernel, checkpatch, the arrows between folders, shell
	@tests/lint/run

kunit: ## unit tests in a test kernel (ONLY="ring_test ..." selects)
	@ONLY='$(ONLY)' tests/kunit/run

coverage: ## lines that the unit tests reach, by folder, and a report
	@tests/kunit/run gcov

models: ## the protocols as models, every state of which is looked at
	@tests/models/run

fuzz: ## what reads shared memory and xenstore, in user space with libFuzzer (SECONDS=)
	@tests/fuzz/run $(SECONDS)

pv-scsi-test: ## pv-scsi against a small xenstore
	@tests/pv-scsi/run

utils-test: ## pvstat and pvsplit-switch, on files as a kernel shows them
	@tests/pvstat/run
	@tests/switch/run

nested: ## scenarios on a real Xen in QEMU (S="name ..." selects)
	@tests/nested/run $(S)

demo: ## set up, then show a guest's disk on our two drivers
	@tests/setup
	@tests/nested/demo

bench: ## set up, then measure our drivers and the kernel's side by side
	@tests/setup
	@tests/bench/run

check: ## set up, then every test (S=changed runs what has changed since the last good run)
	@tests/setup
	@tests/check $(S)

check-all: ## the same, and the scenarios that need a sanitizer kernel, a 7.x kernel or more than 15 minutes
	@tests/setup
	@tests/check --all

help: ## this list
	@awk -F ':|## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$3 }' Makefile
	@echo 'Kernel: $(or $(KDIR),none found) $(if $(release),($(release)))'

kdir:
	@if [ -z '$(KDIR)' ]; then \
		echo 'no kernel headers found: run "sh tests/setup" as root, install linux-headers-amd64, or give KDIR=' >&2; \
		exit 1; fi
	@if [ ! -e '$(KDIR)/Makefile' ] || [ ! -e '$(KDIR)/include/generated/autoconf.h' ]; then \
		echo 'KDIR=$(KDIR) is no configured kernel tree: give the headers of a kernel, as in /lib/modules/*/build' >&2; \
		exit 1; fi

.PHONY: modules tools install install-tools deb deb-test clean lint models fuzz pv-scsi-test utils-test kunit coverage nested demo bench check check-all help kdir
