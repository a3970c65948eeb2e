# scimd. `make help` lists the targets. Variables: BUILD=build, CC, CFLAGS, DESTDIR, V=1.
BUILD ?= build
CFLAGS ?= -O2 -g
PREFIX ?= /usr
LIBEXECDIR ?= $(PREFIX)/libexec
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)
VERSION := 0.1.0

Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Werror -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	    -Wpointer-arith -Wundef -Wno-unused-result
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
SANITIZE :=
ifneq ($(SANITIZE),)
HARDENING := -fno-omit-frame-pointer
endif
OUR_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DSCIMD_VERSION='"$(VERSION)"' -I. $(WARNINGS) $(HARDENING) \
	      $(SANITIZE) -fPIC -fvisibility=hidden -MMD -MP $(EXTRA_CFLAGS)
OUR_LDFLAGS := $(SANITIZE) -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)

# --- the layers: each folder an archive, linked in the order of who may use whom -----------------
SCIMD_LAYERS := http service webhook change policy store model base
LAYERS := shared $(SCIMD_LAYERS) warden
src_shared := $(wildcard shared/*.c)
src_warden := $(filter-out scimd/warden/main.c,$(wildcard scimd/warden/*.c))
$(foreach l,$(SCIMD_LAYERS),$(eval src_$l := $(wildcard scimd/$l/*.c)))
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
archive = $(BUILD)/lib/$(1).a

SCIMD_ARCHIVES := $(foreach l,$(SCIMD_LAYERS) shared,$(call archive,$l))
SCIMD_LIBS := -lmicrohttpd -lcurl -lgnutls -ljson-c -ldb -lcrypt -lpthread
WARDEN_ARCHIVES := $(foreach l,warden base shared,$(call archive,$l))
WARDEN_LIBS := -lsystemd

# What a unit test of each layer is linked with: its layer and everything below.
deps_shared := shared
libs_shared :=
deps_base := base shared
libs_base := -lpthread
deps_model := model base shared
libs_model := -ljson-c
deps_store := store model base shared
libs_store := -ldb -ljson-c -lpthread
deps_policy := policy model base shared
libs_policy := -lgnutls -ljson-c
deps_change := change policy store model warden base shared
libs_change := -lgnutls -ldb -ljson-c -lsystemd -lpthread
deps_webhook := webhook store model base shared
libs_webhook := -lcurl -lgnutls -ldb -ljson-c -lpthread
deps_service := service webhook change policy store model warden base shared
libs_service := -lcurl -lgnutls -ldb -ljson-c -lcrypt -lsystemd -lpthread
deps_http := http service webhook change policy store model base shared
libs_http := -lmicrohttpd -lcurl -lgnutls -ldb -ljson-c -lcrypt -lpthread
deps_warden := warden base shared
libs_warden := -lsystemd -lpthread
deps_nss_scim := warden base shared
libs_nss_scim := -lsystemd -lpthread
deps_pam_scim := warden base shared
libs_pam_scim := -lpam -lsystemd -lpthread
deps_scimctl := warden base shared
libs_scimctl := -lsystemd -lpthread

PROGRAMS := $(BUILD)/scimd $(BUILD)/scimd-warden $(BUILD)/scimctl $(BUILD)/scim-authorized-keys
MODULES := $(BUILD)/libnss_scim.so.2 $(BUILD)/pam_scim.so

.PHONY: all
all: $(PROGRAMS) $(MODULES)

# --- compile and archive --------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS) -c -o $@ $<

define archive_rule
$(call archive,$(1)): $(call obj,$(src_$(1)))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$l)))

# --- programs and modules -------------------------------------------------------------------------
$(BUILD)/scimd: $(call obj,$(wildcard scimd/*.c)) $(SCIMD_ARCHIVES)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ $(SCIMD_LIBS)

$(BUILD)/scimd-warden: $(call obj,scimd/warden/main.c) $(WARDEN_ARCHIVES)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ $(WARDEN_LIBS)

$(BUILD)/scimctl: $(call obj,$(wildcard scimctl/*.c)) $(call archive,shared)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ -lcurl -ljson-c -lgnutls -lpam

# The modules live in every process: libc (and libpam) alone, nothing exported but the entry points.
READER := $(addprefix shared/,directory.c directory_map.c directory_open.c directory_record.c local_user.c names.c)
# Optimized as one piece: a lookup is a few dozen nanoseconds.
MODULE_CFLAGS := $(if $(SANITIZE),,-flto -flto-partition=one)
module_obj = $(patsubst %.c,$(BUILD)/obj/module/%.o,$(1))
$(BUILD)/obj/module/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS) $(MODULE_CFLAGS) -c -o $@ $<
$(BUILD)/libnss_scim.so.2: $(call module_obj,$(wildcard nss_scim/*.c) $(READER)) nss_scim/nss_scim.map
	$(Q)$(CC) $(CFLAGS) $(MODULE_CFLAGS) -shared $(OUR_LDFLAGS) -Wl,-z,defs -Wl,-z,nodelete -Wl,-soname,libnss_scim.so.2 \
		-Wl,--version-script=nss_scim/nss_scim.map -o $@ $(filter %.o,$^)

PAM_SOURCES := $(filter-out pam_scim/authorized_keys.c,$(wildcard pam_scim/*.c))
$(BUILD)/pam_scim.so: $(call obj,$(PAM_SOURCES) $(READER) $(wildcard shared/conf*.c)) pam_scim/pam_scim.map
	$(Q)$(CC) $(CFLAGS) -shared $(OUR_LDFLAGS) -Wl,-z,defs \
		-Wl,--version-script=pam_scim/pam_scim.map -o $@ $(filter %.o,$^) -lpam

$(BUILD)/scim-authorized-keys: $(call obj,pam_scim/authorized_keys.c $(READER))
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^

# --- tests ----------------------------------------------------------------------------------------
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SOURCES))

# Modules under test look for the directory where the tests put it.
TEST_PUBLIC_DIR := /tmp/scimd-test-public
$(BUILD)/obj/testdir/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS) -DDIRECTORY_PUBLIC_DIR='"$(TEST_PUBLIC_DIR)"' -c -o $@ $<
testdir_obj = $(patsubst %.c,$(BUILD)/obj/testdir/%.o,$(1))

define unit_rule
$(BUILD)/tests/unit/$(1)/test_%: tests/unit/$(1)/test_%.c $(extra_$(1)) $(foreach a,$(deps_$(1)),$(call archive,$(a)))
	@mkdir -p $$(@D)
	$$(if $$(V),,@echo "  TEST  $$<")
	$(Q)$(CC) $(CFLAGS) $(filter-out -MMD -MP,$(OUR_CFLAGS)) $(flags_$(1)) -pie $(OUR_LDFLAGS) $$(own_ldflags) -o $$@ \
		$$< $(extra_$(1)) $(foreach a,$(deps_$(1)),$(call archive,$(a))) -lcunit $(libs_$(1))
endef
extra_service := $(call obj,pam_scim/report.c)
flags_nss_scim := -DDIRECTORY_PUBLIC_DIR='"$(TEST_PUBLIC_DIR)"'
extra_nss_scim := $(call testdir_obj,$(wildcard nss_scim/*.c) $(READER))
flags_pam_scim := -DDIRECTORY_PUBLIC_DIR='"$(TEST_PUBLIC_DIR)"'
extra_pam_scim := $(call testdir_obj,$(PAM_SOURCES) $(READER) $(wildcard shared/conf*.c))
$(foreach l,$(LAYERS) nss_scim pam_scim scimctl,$(eval $(call unit_rule,$l)))
# Whose own allocations fail (tests/unit/alloc.h).
wrapped := malloc calloc realloc reallocarray strdup strndup open_memstream json_object_new_object \
	   json_object_new_array json_object_new_string json_object_new_int64
$(addprefix $(BUILD)/tests/unit/,change/test_alloc service/test_service_alloc): own_ldflags := $(wrapped:%=-Wl,--wrap=%)
$(BUILD)/tests/unit/nss_scim/test_format: | $(BUILD)/scimctl
$(BUILD)/tests/unit/pam_scim/test_module: | $(BUILD)/pam_scim.so $(BUILD)/scim-authorized-keys
$(BUILD)/tests/unit/scimctl/test_hostile: | $(BUILD)/scimctl
.SECONDARY:

.PHONY: unit-build unit unit-san
unit-build: $(UNIT_TESTS)
unit: unit-build
	@tests/unit/run $(UNIT_TESTS)

unit-san:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san CFLAGS="-O1 -g" \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" unit

.PHONY: lint check
lint: all
	tests/lint/layers.sh
	tests/lint/symbols.sh $(BUILD)
	tests/lint/docs.sh $(BUILD)

deps:
	@tests/deps.sh build

check: check-deps
	@tests/check $(BUILD)

.PHONY: deps check-deps
check-deps:
	@tests/deps.sh test

# Requests as data, against a real scimd over TLS.
$(BUILD)/tests/conformance/conformance: $(call obj,$(wildcard tests/conformance/*.c))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ -lcurl -ljson-c

.PHONY: conformance
conformance: $(BUILD)/tests/conformance/conformance all
	@tests/conformance/run $(BUILD)

# Fuzzers: each with a replay of its kept corpus, which is what `make check` runs, under sanitizers; and
# `make fuzz` runs each for FUZZ_SECONDS with clang's libFuzzer, starting from the corpus.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang-14
FUZZ_LAYERS := http service webhook change policy store model warden base shared
FUZZ_LIBS := -lcurl -ljson-c -ldb -lgnutls -lcrypt -lsystemd -lpthread -lmicrohttpd
FUZZ_REPLAYS := $(FUZZERS:%=$(BUILD)/tests/fuzz/replay_%)
FUZZ_BINARIES := $(FUZZERS:%=$(BUILD)/tests/fuzz/fuzz_%)
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o \
		$(foreach l,$(FUZZ_LAYERS),$(call archive,$l))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ $(FUZZ_LIBS)
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(foreach l,$(FUZZ_LAYERS),$(call archive,$l))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -pie $(OUR_LDFLAGS) -o $@ $^ $(FUZZ_LIBS)

.PHONY: fuzz-replay fuzz-replay-all fuzz-binaries fuzz
fuzz-replay:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san CFLAGS="-O1 -g" \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" fuzz-replay-all
fuzz-replay-all: $(FUZZ_REPLAYS)
	@tests/fuzz/run replay $(BUILD) $(FUZZERS)
fuzz-binaries: $(FUZZ_BINARIES)
fuzz:
	@command -v $(FUZZ_CC) >/dev/null || { echo "install clang-14 and libclang-rt-14-dev" >&2; exit 1; }
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(FUZZ_CC) CFLAGS="-O1 -g" EXTRA_CFLAGS=-w \
		SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" fuzz-binaries
	@tests/fuzz/run fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZERS)

# --- things to run --------------------------------------------------------------------------------
.PHONY: demo run deb host-tests bench-offboard torture
demo: check-deps
	@tests/host/demo

run: deps
	@$(MAKE) --no-print-directory all
	@tests/run-foreground $(BUILD)

# The packages, rebuilt when a file they are made from is newer.
DEB_SOURCES := $(shell find shared nss_scim pam_scim scimctl scimd etc systemd debian man docs README.md Makefile -type f 2>/dev/null)
deb: $(BUILD)/deb/.made
$(BUILD)/deb/.made: $(DEB_SOURCES)
	@tests/deps.sh build
	@debian/build-packages $(BUILD)
	@touch $@

host-tests: check-deps deb
	@tests/host/run

torture: check-deps deb $(BUILD)/tests/unit/nss_scim/test_torture
	SCIMD_TORTURE_S=$(or $(SCIMD_TORTURE_S),600) $(BUILD)/tests/unit/nss_scim/test_torture
	@tests/host/torture

bench-offboard: check-deps deb
	@tests/host/bench_offboard.sh

# Lookups against the limit and Debian's peers, in one run. The module looks where the benchmark's people
# are; otherwise it is built like the real one.
BENCH_PUBLIC_DIR := /tmp/scimd-bench/public
bench_obj = $(patsubst %.c,$(BUILD)/obj/bench/%.o,$(1))
$(BUILD)/obj/bench/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS) $(MODULE_CFLAGS) -DDIRECTORY_PUBLIC_DIR='"$(BENCH_PUBLIC_DIR)"' -c -o $@ $<
$(BUILD)/bench/libnss_scim.so.2: $(call bench_obj,$(wildcard nss_scim/*.c) $(READER))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(MODULE_CFLAGS) -shared $(OUR_LDFLAGS) -Wl,-soname,libnss_scim.so.2 \
		-Wl,--version-script=nss_scim/nss_scim.map -o $@ $(filter %.o,$^)
$(BUILD)/bench/libnss_limit.so.2: $(call obj,bench/nss/libnss_limit.c bench/nss/limit.c bench/nss/dataset.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -shared $(OUR_LDFLAGS) -Wl,-soname,libnss_limit.so.2 -o $@ $^
$(BUILD)/bench/bench_nss: $(call obj,$(addprefix bench/nss/,bench_nss.c people.c backend.c limit.c dataset.c)) \
		$(WARDEN_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ $(WARDEN_LIBS) -lpthread
$(BUILD)/bench/bench_cold: $(call obj,bench/nss/bench_cold.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^

.PHONY: bench-nss bench-nss-quick
BENCH_NSS := $(addprefix $(BUILD)/bench/,libnss_scim.so.2 libnss_limit.so.2 bench_nss bench_cold bench_publish)
bench-nss: check-deps $(BENCH_NSS)
	@bench/nss/run $(abspath $(BUILD)) $(SIZES)
bench-nss-quick: $(BENCH_NSS)
	@bench/nss/run --quick $(abspath $(BUILD))

# SCIM requests beside a peer; QUICK=1 is the smoke test that `make check` runs.
$(BUILD)/bench/bench_scim: $(call obj,bench/scim/bench_scim.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ -lcurl -lpthread

$(BUILD)/bench/limit: $(call obj,bench/scim/limit.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ -lmicrohttpd -lpthread

.PHONY: bench-scim
bench-scim: $(BUILD)/bench/bench_scim $(BUILD)/bench/limit all
	@bench/scim/run $(abspath $(BUILD)) $(SIZES)

# Changes of the directory against one write and one sync of as many bytes, in one run.
$(BUILD)/bench/bench_publish: $(call obj,bench/publish/bench_publish.c) $(WARDEN_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(OUR_LDFLAGS) -o $@ $^ $(WARDEN_LIBS)

.PHONY: bench-publish
bench-publish: $(BUILD)/bench/bench_publish
	@for n in $(or $(SIZES),1000 10000 100000 1000000); do \
		dir=$$(mktemp -d /var/tmp/scimd-bench-XXXXXX) && chmod 755 $$dir && \
		$(BUILD)/bench/bench_publish $$dir $$n; status=$$?; rm -rf $$dir; [ $$status = 0 ] || exit 1; done

# --- install --------------------------------------------------------------------------------------
INSTALL := install
.PHONY: install
install: all
	$(INSTALL) -D -m 0755 $(BUILD)/scimd $(DESTDIR)$(PREFIX)/sbin/scimd
	$(INSTALL) -D -m 0755 $(BUILD)/scimd-warden $(DESTDIR)$(LIBEXECDIR)/scimd-warden
	$(INSTALL) -D -m 0755 $(BUILD)/scimctl $(DESTDIR)$(PREFIX)/bin/scimctl
	$(INSTALL) -D -m 0755 $(BUILD)/scim-authorized-keys $(DESTDIR)$(LIBEXECDIR)/scim-authorized-keys
	$(INSTALL) -D -m 0755 nss_scim/scim-nsswitch $(DESTDIR)$(LIBEXECDIR)/scim-nsswitch
	$(INSTALL) -D -m 0755 pam_scim/scim-pam $(DESTDIR)$(LIBEXECDIR)/scim-pam
	$(INSTALL) -D -m 0755 pam_scim/scim-sshd $(DESTDIR)$(LIBEXECDIR)/scim-sshd
	$(INSTALL) -D -m 0644 $(BUILD)/libnss_scim.so.2 $(DESTDIR)$(LIBDIR)/libnss_scim.so.2
	$(INSTALL) -D -m 0644 $(BUILD)/pam_scim.so $(DESTDIR)$(LIBDIR)/security/pam_scim.so
	$(INSTALL) -D -m 0644 systemd/scimd.service $(DESTDIR)/lib/systemd/system/scimd.service
	$(INSTALL) -D -m 0644 systemd/scimd-warden.service $(DESTDIR)/lib/systemd/system/scimd-warden.service
	$(INSTALL) -D -m 0644 systemd/scimd-metrics.service $(DESTDIR)/lib/systemd/system/scimd-metrics.service
	$(INSTALL) -D -m 0644 systemd/scimd-metrics.timer $(DESTDIR)/lib/systemd/system/scimd-metrics.timer
	$(INSTALL) -D -m 0644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/scimd.conf
	$(INSTALL) -D -m 0644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/scimd.conf
	$(INSTALL) -D -m 0640 etc/scimd.conf $(DESTDIR)/etc/scimd/scimd.conf
	$(INSTALL) -d -m 0750 $(DESTDIR)/etc/scimd/scimd.conf.d
	$(INSTALL) -D -m 0644 etc/scimctl.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/scimctl
	$(INSTALL) -D -m 0644 etc/pam-config $(DESTDIR)$(PREFIX)/share/pam-configs/scim
	$(INSTALL) -D -m 0644 etc/pam-config-session $(DESTDIR)$(PREFIX)/share/pam-configs/scim-session
	$(INSTALL) -D -m 0644 etc/sshd_config.d/50-scim.conf $(DESTDIR)/etc/ssh/sshd_config.d/50-scim.conf
	for page in man/*.[158]; do \
		$(INSTALL) -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; \
	done

.PHONY: clean help
clean:
	rm -rf $(BUILD)

help:
	@echo "make                 build everything into $(BUILD)/"
	@echo "sudo make demo       a throwaway host plays joiner, mover and leaver (KEEP=1 leaves it running)"
	@echo "sudo make check      all tests"
	@echo "make run             scimd in the foreground, state in $(BUILD)/run"
	@echo "make deb             packages into $(BUILD)/deb/"
	@echo "make install         into DESTDIR"
	@echo "make unit            unit tests; make unit-san: the same under ASan and UBSan"
	@echo "make conformance     requests as data, against a real scimd over TLS (root)"
	@echo "make fuzz            fuzz each target for FUZZ_SECONDS=60; make fuzz-replay: the kept corpora"
	@echo "make lint            layers and symbols"
	@echo "make torture         readers against a killed writer (SCIMD_TORTURE_S=600); a thousand racing logins"
	@echo "make host-tests      tests on real hosts; make bench-offboard: 200 rounds, measured"
	@echo "make bench-nss       lookups against the limit and peers (SIZES=\"1000 100000\")"
	@echo "make bench-scim      SCIM requests beside scimmy (SIZES=\"10000 100000\"; QUICK=1: seconds)"
	@echo "make bench-publish   changes against one write and one sync (SIZES=\"1000 1000000\")"
	@echo "make clean           remove $(BUILD)/"

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
