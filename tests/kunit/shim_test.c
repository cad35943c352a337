// SPDX-License-Identifier: GPL-2.0
/*
 * hvm-pv-shim above a model of Xen: what it does when Xen or xenstore refuses, is silent or talks nonsense, and that it
 * leaves nothing behind then. The model stands below the shim's table of hypercalls.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* Before the kernel's, whose guard it has. */
#include "../../hvm-pv-shim/include/asm/xen/hypercall.h"
#include "../../hvm-pv-shim/include/xen/platform_pci.h"

#include <linux/export.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/kernfs.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/suspend.h>
#include <linux/sysrq.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <xen/interface/io/xs_wire.h>

#include "helpers.h"
#include "null_blk.h"

/* The fake Xen of the other suites exports these names. */
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(name)
#undef module_init
#define module_init(fn)
#undef module_exit
#define module_exit(fn) static exitcall_t fn##_is_there __maybe_unused = fn
#undef MODULE_DEVICE_TABLE
#define MODULE_DEVICE_TABLE(type, name)

/* The store's page is the model's. */
static void *model_memremap(phys_addr_t at, size_t len, unsigned long flags);
static void model_memunmap(void *at);
#define memremap model_memremap
#define memunmap model_memunmap
#define pci_enable_device(pdev) 0
#define pci_disable_device(pdev) do { } while (0)
#define pci_set_master(pdev) do { } while (0)

#define hypercall_init real_hypercall_init
#include "../../hvm-pv-shim/hypercall.c"
#undef hypercall_init
int hypercall_init(void);

/* Emulated devices, on a bus of their own; the services are tested without them. */
static struct pci_dev *model_next_pci(struct pci_dev *from);
static void model_remove_pci(struct pci_dev *pdev);
static void model_release_driver(struct device *dev);
static int model_attach(struct device *dev);
static int model_each_child(struct device *dev, void *data, int (*fn)(struct device *, void *));
static bool model_hides(void);
static struct pci_dev *model_hold(struct pci_dev *pdev);
static const struct pci_device_id *model_match_id(const struct pci_device_id *ids, struct pci_dev *pdev);
static u16 model_unplug_bits;

#undef inw
#undef inb
#undef outw
#undef outl
#define inw(port)		MAGIC
#define inb(port)		1
#define outw(value, port)	((void)((port) == PORT_UNPLUG ? model_unplug_bits = (value) : 0))
#define outl(value, port)	do { } while (0)
#define pci_get_device(vendor, device, from) model_next_pci(from)
#undef pci_dev_put
#define pci_dev_put(d)		do { } while (0)
#define pci_match_id		model_match_id
#define pci_stop_and_remove_bus_device_locked model_remove_pci
#define device_release_driver	model_release_driver
#define device_attach		model_attach
#define device_for_each_child	model_each_child
#include "../../hvm-pv-shim/unplug.c"
#undef device_for_each_child
#undef pci_dev_put
#define pci_dev_put(d)		put_device(&(d)->dev)
#define pci_dev_get		model_hold
#define unplug_check(wanted)	0
#define unplug_init(wanted)	0
#define unplug_again()		do { } while (0)
#define unplug_hides(type, node) model_hides()

#include "../../hvm-pv-shim/evtchn.c"
#include "../../hvm-pv-shim/evtchn_2level.c"
#include "../../hvm-pv-shim/evtchn_fifo.c"
#include "../../hvm-pv-shim/gnttab.c"
#include "../../hvm-pv-shim/pages.c"
#include "../../hvm-pv-shim/xenstore.c"
#define ring client_ring
#define shim_map_ring client_map_ring
#include "../../hvm-pv-shim/xenbus_client.c"
#undef shim_map_ring
#undef ring
#include "../../hvm-pv-shim/xenbus.c"
/* This machine is not asked to stand still, or to end. */
static unsigned int model_lock_sleep(void);
static void model_unlock_sleep(unsigned int flags);
static void model_poweroff(bool force);
static void model_sysrq(int key);
#define lock_system_sleep	model_lock_sleep
#define unlock_system_sleep	model_unlock_sleep
#define syscore_suspend()	0
#define syscore_resume()	do { } while (0)
#define orderly_poweroff	model_poweroff
#define handle_sysrq		model_sysrq
#undef CONFIG_MAGIC_SYSRQ
#define CONFIG_MAGIC_SYSRQ	1
#include "../../hvm-pv-shim/suspend.c"
#include "../../hvm-pv-shim/end.c"
#include "../../hvm-pv-shim/main.c"
#undef unplug_check
#undef unplug_init

/* ---- the model ---- */

#define XEN_PAGES	4
#define STORE_PAGE	0xfeffcULL
#define STORE_PORT	1
#define CONSOLE_PORT	2
#define LEFT_PORT	3	/* of a former kernel */
#define PORTS		32
#define NO_SUCH_CALL	(-38)	/* Xen's errno for it */

/* A frontend of a former kernel, and where its backend is */
#define FRONT		"device/vif/0"
#define BACK		"/peer/vif/0"

struct model_key {
	char path[32];
	char value[16];
};

enum says {
	SAYS_RIGHT,
	SAYS_NOTHING,
	SAYS_OTHER_TYPE,
	SAYS_OTHER_ID,
	SAYS_TOO_LONG,
	SAYS_UNKNOWN_ERROR,
	SAYS_PRODUCER_FAR,
};

static struct {
	/* Xen's own pages, shared_info first, and where in the guest's memory each of them is */
	void *own;
	xen_pfn_t at[XEN_PAGES];
	/* Pages of the guest's without memory, which Xen has or has not to give */
	int holes;
	bool no_memory;
	struct xenstore_domain_interface *store;
	int remapped;
	bool open[PORTS];
	u32 vcpu[PORTS];
	u64 callback;
	u8 vector[SHIM_VCPUS];
	bool ipi[PORTS];
	/* Interrupts by a vector that nobody handles */
	unsigned int unheard;
	unsigned int max_frames;
	enum says says;
	int watches;
	struct model_key keys[24];
	/* Watches of the backend's state, and of the toolstack's words */
	struct {
		char path[32];
		char token[12];
	} watch[4];
	/* Frontends are not hidden. */
	bool shown;
	/* The backend does not do what its frontend's state asks for. */
	bool peer_is_deaf;
	/* Where the store's port is, if it is another one */
	evtchn_port_t store_port;
	/* The toolstack goes on after a suspend, in this Xen. */
	bool cancels;
	unsigned int suspends, poweroffs, resets;
	/* What Xen is told of this kernel's end */
	unsigned int crashes, offs;
	unsigned int keys_pressed;
	int key;
	/* Nobody else may put the machine to sleep; and this device's driver stays. */
	bool sleep_locked, locked_then;
	struct device *frontend;
	bool frontend_locked;
	/* A vCPU that gets no vector */
	unsigned int no_vector;
	/* Which call fails, counted from 1, with what; 0: none */
	unsigned int calls, fail_at;
	int fail_with;
	/* The whole of one kind is missing. */
	const char *missing_kind;
} model;

static struct pci_dev model_pdev;
static struct pci_sysdata model_sysdata;
static struct pci_bus model_bus = { .sysdata = &model_sysdata };

static int refuses(const char *kind)
{
	if (model.missing_kind && !strcmp(kind, model.missing_kind))
		return NO_SUCH_CALL;
	return ++model.calls == model.fail_at ? model.fail_with : 0;
}

static void *model_memremap(phys_addr_t at, size_t len, unsigned long flags)
{
	if (WARN_ON(at >> PAGE_SHIFT != STORE_PAGE))
		return NULL;
	model.remapped++;
	return model.store;
}

static void model_memunmap(void *at)
{
	if (at)
		model.remapped--;
}

/* The page as the guest sees it, or where nobody does. */
static void *xen_page(unsigned int nr)
{
	return model.at[nr] ? __va(model.at[nr] << PAGE_SHIFT) : model.own + nr * PAGE_SIZE;
}

static struct grant_entry_v1 *entry(grant_ref_t ref)
{
	return (struct grant_entry_v1 *)xen_page(1) + ref;
}

static int model_map(unsigned int nr, xen_pfn_t at)
{
	/* Only memory is cached. */
	if (nr >= XEN_PAGES || !pfn_valid(at))
		return -EINVAL;
	memcpy(__va(at << PAGE_SHIFT), xen_page(nr), PAGE_SIZE);
	if (model.at[nr])
		model.holes++;
	model.at[nr] = at;
	return 0;
}

static int model_unmap(xen_pfn_t at)
{
	unsigned int nr;

	for (nr = 0; nr < XEN_PAGES; nr++)
		if (at && model.at[nr] == at) {
			memcpy(model.own + nr * PAGE_SIZE, xen_page(nr), PAGE_SIZE);
			memset(xen_page(nr), 0xff, PAGE_SIZE);
			model.at[nr] = 0;
			model.holes++;
			return 0;
		}
	return -ENOENT;
}

static long model_populate(struct xen_memory_reservation *memory)
{
	xen_pfn_t *frame;

	if (model.no_memory)
		return 0;
	frame = memory->extent_start;
	memset(__va(*frame << PAGE_SHIFT), 0, PAGE_SIZE);
	model.holes--;
	return 1;
}

/* An interrupt is never taken inside a hypercall. */
static void deliver(struct work_struct *work)
{
	unsigned int vcpu;

	for (vcpu = 0; vcpu < SHIM_VCPUS; vcpu++) {
		local_irq_disable();
		if (!model.vector[vcpu]) {
			if (!vcpu && model.callback)
				shim_line_upcall(model_pdev.irq, &model_pdev);
		} else if (vcpu < nr_cpu_ids && vector_irq_of[vcpu]) {
			shim_upcall(vcpu);
		} else {
			model.unheard++;
		}
		local_irq_enable();
	}
}

static DECLARE_WORK(deliver_work, deliver);

static void announce(evtchn_port_t nr)
{
	struct shared_info *info = xen_page(0);
	struct vcpu_info *vcpu = &info->vcpu_info[model.vcpu[nr]];

	set_bit(nr / BITS_PER_LONG, (unsigned long *)&vcpu->evtchn_pending_sel);
	WRITE_ONCE(vcpu->evtchn_upcall_pending, 1);
	queue_work(system_wq, &deliver_work);
}

static void event(evtchn_port_t nr)
{
	struct shared_info *info = xen_page(0);

	if (!model.open[nr] || test_and_set_bit(nr, (unsigned long *)info->evtchn_pending))
		return;
	if (!test_bit(nr, (unsigned long *)info->evtchn_mask))
		announce(nr);
}

static bool model_hides(void)
{
	return !model.shown;
}

/* ---- its xenstore ---- */

/* What the store has written. */
static DEFINE_MUTEX(store_lock);

static void store_put(const void *data, unsigned int len)
{
	const char *from = data;

	while (len--)
		model.store->rsp[MASK_XENSTORE_IDX(model.store->rsp_prod++)] = *from++;
}

static void store_say(struct xsd_sockmsg msg, u32 type, const char *body, unsigned int len)
{
	msg.type = type;
	msg.len = len;
	switch (model.says) {
	case SAYS_OTHER_TYPE:
		msg.type = XS_RELEASE;
		break;
	case SAYS_OTHER_ID:
		msg.req_id ^= BIT(31);
		store_put(&msg, sizeof(msg));
		store_put(body, len);
		msg.req_id ^= BIT(31);
		break;
	case SAYS_TOO_LONG:
		msg.len = XENSTORE_PAYLOAD_MAX + 1;
		break;
	case SAYS_UNKNOWN_ERROR:
		msg.type = XS_ERROR;
		len = 6;
		msg.len = len;
		body = "EWHAT";
		break;
	case SAYS_PRODUCER_FAR:
		model.store->rsp_prod += 2 * XENSTORE_RING_SIZE;
		return;
	default:
		break;
	}
	store_put(&msg, sizeof(msg));
	store_put(body, len);
}

/* Caller holds store_lock, or nobody else is there yet. */
static char *model_value(const char *path)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(model.keys); i++)
		if (!strcmp(model.keys[i].path, path))
			return model.keys[i].value;
	return NULL;
}

static void model_set(const char *path, const char *value)
{
	char *at = model_value(path);
	unsigned int i;

	for (i = 0; !at && i < ARRAY_SIZE(model.keys); i++)
		if (!*model.keys[i].path) {
			strscpy(model.keys[i].path, path, sizeof(model.keys[i].path));
			at = model.keys[i].value;
		}
	if (!WARN_ON(!at))
		strscpy(at, value, sizeof(model.keys[i].value));
}

static void remember_watch(const char *path, const char *token)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(model.watch); i++)
		if (!*model.watch[i].path &&
		    (!strcmp(path, BACK "/state") || !strncmp(path, "control/", 8))) {
			strscpy(model.watch[i].path, path, sizeof(model.watch[i].path));
			strscpy(model.watch[i].token, token, sizeof(model.watch[i].token));
			return;
		}
}

static bool is_watched(const char *path)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(model.watch); i++)
		if (!strcmp(model.watch[i].path, path))
			return true;
	return false;
}

static void forget_token(const char *token)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(model.watch); i++)
		if (!strcmp(model.watch[i].token, token))
			*model.watch[i].path = 0;
}

static void tell_watches(const char *path)
{
	char body[sizeof(model.watch[0])];
	unsigned int i, len;

	for (i = 0; i < ARRAY_SIZE(model.watch); i++) {
		if (strcmp(model.watch[i].path, path))
			continue;
		len = snprintf(body, sizeof(body), "%s%c%s", path, 0, model.watch[i].token) + 1;
		store_say((struct xsd_sockmsg) { }, XS_WATCH_EVENT, body, len);
	}
}

static void model_write(const char *path, const char *value)
{
	model_set(path, value);
	if (!strncmp(path, "control/", 8))
		tell_watches(path);
	if (model.peer_is_deaf || strcmp(path, FRONT "/state"))
		return;
	model_set(BACK "/state", *value == '1' ? "2" : value);
	tell_watches(BACK "/state");
}

/* All keys here have their own names in a directory. */
static void store_list(const struct xsd_sockmsg *msg, const char *dir)
{
	unsigned int i, len = strlen(dir);
	char name[32];

	for (i = 0; i < ARRAY_SIZE(model.keys); i++) {
		const char *path = model.keys[i].path;

		if (strncmp(path, dir, len) || path[len] != '/')
			continue;
		strscpy(name, path + len + 1, sizeof(name));
		name[strcspn(name, "/")] = 0;
		return store_say(*msg, msg->type, name, strlen(name) + 1);
	}
	store_say(*msg, XS_ERROR, "ENOENT", 7);
}

static void store_answer(const struct xsd_sockmsg *msg, const char *body)
{
	const char *value;

	switch (msg->type) {
	case XS_READ:
		value = strcmp(body, "domid") ? model_value(body) : "7";
		if (value)
			return store_say(*msg, msg->type, value, strlen(value));
		return store_say(*msg, XS_ERROR, "ENOENT", 7);
	case XS_WRITE:
		if (*body == '/' || !strncmp(body, FRONT, strlen(FRONT)) || !strncmp(body, "control/", 8))
			model_write(body, body + strlen(body) + 1);
		break;
	case XS_DIRECTORY:
		return store_list(msg, body);
	case XS_TRANSACTION_START:
		return store_say(*msg, msg->type, "5", 2);
	case XS_WATCH:
		model.watches++;
		remember_watch(body, body + strlen(body) + 1);
		store_say(*msg, msg->type, "OK", 3);
		return store_say((struct xsd_sockmsg) { }, XS_WATCH_EVENT, body, msg->len);
	case XS_UNWATCH:
		model.watches--;
		forget_token(body + strlen(body) + 1);
		break;
	}
	store_say(*msg, msg->type, "OK", 3);
}

static void store_reads(void)
{
	struct xenstore_domain_interface *store = model.store;
	struct xsd_sockmsg msg;
	char body[256];
	u32 at, i;

	if (model.says == SAYS_NOTHING)
		return;
	for (;;) {
		at = store->req_cons;
		if (store->req_prod - at < sizeof(msg))
			return;
		for (i = 0; i < sizeof(msg); i++)
			((char *)&msg)[i] = store->req[MASK_XENSTORE_IDX(at++)];
		if (msg.len >= sizeof(body) || store->req_prod - at < msg.len)
			return;
		for (i = 0; i < msg.len; i++)
			body[i] = store->req[MASK_XENSTORE_IDX(at++)];
		body[i] = 0;
		store->req_cons = at;
		store_answer(&msg, body);
		event(STORE_PORT);
	}
}

/* ---- its hypercalls ---- */

static long model_version(int cmd, void *arg)
{
	struct xen_feature_info *info = arg;
	int err = refuses("version");

	if (err)
		return err;
	if (cmd == XENVER_version)
		return 4 << 16 | 17;
	info->submap = 0;
	return 0;
}

static long model_memory(unsigned int cmd, void *arg)
{
	struct xen_remove_from_physmap *gone = arg;
	struct xen_add_to_physmap *where = arg;
	int err;

	/* What takes back does not fail. */
	if (cmd == XENMEM_remove_from_physmap)
		return model_unmap(gone->gpfn);
	if (cmd == XENMEM_populate_physmap)
		return model_populate(arg);
	err = refuses("memory");
	if (err)
		return err;
	if (cmd != XENMEM_add_to_physmap)
		return NO_SUCH_CALL;
	return model_map(where->space == XENMAPSPACE_grant_table ? where->idx + 1 : 0, where->gpfn);
}

static int new_port(evtchn_port_t *nr, u32 vcpu)
{
	for (*nr = 1; *nr < PORTS; ++*nr)
		if (!model.open[*nr]) {
			model.open[*nr] = true;
			model.vcpu[*nr] = vcpu;
			return 0;
		}
	return -ENOSPC;
}

static long model_event(int cmd, void *arg)
{
	struct evtchn_alloc_unbound *alloc = arg;
	struct shared_info *info = xen_page(0);
	struct evtchn_status *status = arg;
	struct evtchn_bind_ipi *ipi = arg;
	struct evtchn_bind_vcpu *bind = arg;
	struct evtchn_unmask *unmask = arg;
	struct evtchn_close *close = arg;
	struct evtchn_send *send = arg;
	int err;

	switch (cmd) {
	case EVTCHNOP_close:
		if (!model.open[close->port])
			return -EINVAL;
		model.open[close->port] = false;
		model.ipi[close->port] = false;
		clear_bit(close->port, (unsigned long *)info->evtchn_pending);
		return 0;
	case EVTCHNOP_send:
		if (!model.open[send->port])
			return -EINVAL;
		if (send->port == STORE_PORT && model.missing_kind)
			return NO_SUCH_CALL;
		if (send->port == STORE_PORT) {
			mutex_lock(&store_lock);
			store_reads();
			mutex_unlock(&store_lock);
		}
		if (model.ipi[send->port])
			event(send->port);
		return 0;
	case EVTCHNOP_unmask:
		clear_bit(unmask->port, (unsigned long *)info->evtchn_mask);
		if (test_bit(unmask->port, (unsigned long *)info->evtchn_pending))
			announce(unmask->port);
		return 0;
	}
	err = refuses("event");
	if (err)
		return err;
	switch (cmd) {
	case EVTCHNOP_status:
		if (status->port >= PORTS)
			return -EINVAL;
		status->status = model.open[status->port] ? EVTCHNSTAT_interdomain : EVTCHNSTAT_closed;
		return 0;
	case EVTCHNOP_bind_vcpu:
		model.vcpu[bind->port] = bind->vcpu;
		return 0;
	case EVTCHNOP_alloc_unbound:
		return new_port(&alloc->port, 0);
	case EVTCHNOP_init_control:
	case EVTCHNOP_expand_array:
		return 0;
	case EVTCHNOP_bind_ipi:
		err = new_port(&ipi->port, ipi->vcpu);
		if (!err)
			model.ipi[ipi->port] = true;
		return err;
	}
	return NO_SUCH_CALL;
}

static long model_grant(unsigned int cmd, void *arg, unsigned int count)
{
	struct gnttab_query_size *query = arg;
	int err = refuses("grant");

	if (err)
		return err;
	switch (cmd) {
	case GNTTABOP_query_size:
		query->status = GNTST_okay;
		query->nr_frames = 1;
		query->max_nr_frames = model.max_frames;
		return 0;
	case GNTTABOP_set_version:
		return 0;
	}
	return NO_SUCH_CALL;
}

static long model_suspend(void)
{
	model.suspends++;
	model.locked_then = model.sleep_locked;
	model.frontend_locked = model.frontend && mutex_is_locked(&model.frontend->mutex);
	if (model.cancels)
		return 1;
	/* Another one, where the guest has memory in their place. */
	memset(model.own, 0, XEN_PAGES * PAGE_SIZE);
	memset(model.at, 0, sizeof(model.at));
	model.watches = 0;
	memset(model.watch, 0, sizeof(model.watch));
	return 0;
}

static long model_sched(int cmd, void *arg)
{
	struct sched_shutdown *how = arg;

	if (cmd != SCHEDOP_shutdown)
		return NO_SUCH_CALL;
	switch (how->reason) {
	case SHUTDOWN_suspend:
		return model_suspend();
	case SHUTDOWN_soft_reset:
		model.resets++;
		return 0;
	case SHUTDOWN_crash:
		model.crashes++;
		return 0;
	case SHUTDOWN_poweroff:
		model.offs++;
		return 0;
	}
	return -EINVAL;
}

static unsigned int model_lock_sleep(void)
{
	model.sleep_locked = true;
	return 0;
}

static void model_unlock_sleep(unsigned int flags)
{
	model.sleep_locked = false;
}

static void model_poweroff(bool force)
{
	model.poweroffs++;
}

static void model_sysrq(int key)
{
	model.key = key;
	model.keys_pressed++;
}

/* What a change of the callback does, whether an event is pending or not */
static void interrupt_all(void)
{
	unsigned int vcpu;

	for (vcpu = 0; vcpu < SHIM_VCPUS; vcpu++)
		if (model.vector[vcpu] && !vector_irq_of[vcpu])
			model.unheard++;
}

static long model_hvm(int cmd, void *arg)
{
	struct xen_hvm_evtchn_upcall_vector *upcall = arg;
	struct xen_hvm_param *param = arg;
	int err;

	/* Taken away: no more interrupts afterwards but by vectors, and of those none is lost. */
	if (cmd == HVMOP_set_param && param->index == HVM_PARAM_CALLBACK_IRQ && !param->value) {
		model.callback = 0;
		interrupt_all();
		flush_work(&deliver_work);
		return 0;
	}
	/* It can be changed, not taken away. */
	if (cmd == HVMOP_set_evtchn_upcall_vector && upcall->vector < 0x10)
		return -EINVAL;
	err = refuses("hvm");
	if (err)
		return err;
	if (cmd == HVMOP_set_evtchn_upcall_vector) {
		if (model.no_vector && upcall->vcpu == model.no_vector)
			return -ENOSPC;
		model.vector[upcall->vcpu] = upcall->vector;
	} else if (cmd == HVMOP_set_param && param->index == HVM_PARAM_CALLBACK_IRQ) {
		model.callback = param->value;
		interrupt_all();
	} else if (cmd == HVMOP_get_param) {
		switch (param->index) {
		case HVM_PARAM_STORE_PFN:
			param->value = STORE_PAGE;
			break;
		case HVM_PARAM_STORE_EVTCHN:
			param->value = model.store_port ?: STORE_PORT;
			break;
		case HVM_PARAM_CONSOLE_EVTCHN:
			param->value = CONSOLE_PORT;
			break;
		default:
			return -EINVAL;
		}
	} else {
		return NO_SUCH_CALL;
	}
	return 0;
}

static const struct hypercalls model_calls = {
	.version = model_version,
	.memory = model_memory,
	.event = model_event,
	.grant = model_grant,
	.sched = model_sched,
	.hvm = model_hvm,
};

int hypercall_init(void)
{
	hypercalls = &model_calls;
	return min(hypercalls->version(XENVER_version, NULL), 0L);
}

/* ---- the suite ---- */

/* A kernel without PCI has none of these. */
static struct pci_dev *model_hold(struct pci_dev *pdev)
{
	get_device(&pdev->dev);
	return pdev;
}

static bool id_fits(u32 id, u16 value)
{
	return id == PCI_ANY_ID || id == value;
}

static const struct pci_device_id *model_match_id(const struct pci_device_id *ids, struct pci_dev *pdev)
{
	for (; ids->vendor; ids++)
		if (id_fits(ids->vendor, pdev->vendor) && id_fits(ids->device, pdev->device) &&
		    id_fits(ids->subvendor, pdev->subsystem_vendor) &&
		    id_fits(ids->subdevice, pdev->subsystem_device))
			return ids;
	return NULL;
}

static void pdev_released(struct device *dev)
{
}

static int boot(struct kunit *test)
{
	memset(&model, 0, sizeof(model));
	model.own = vzalloc(XEN_PAGES * PAGE_SIZE);
	model.store = vzalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, model.own);
	KUNIT_ASSERT_NOT_NULL(test, model.store);
	model.open[STORE_PORT] = true;
	model.open[CONSOLE_PORT] = true;
	model.open[LEFT_PORT] = true;
	model.max_frames = 3;
	/* No leaf there tells of a vCPU's number. */
	xen_cpuid = 0x40000000;
	xenstore_timeout = 1;
	/* The fake Xen has buses of those names. */
	frontends.bus.name = "shim";
	backends.bus.name = "shim-backend";
	memset(&model_pdev, 0, sizeof(model_pdev));
	device_initialize(&model_pdev.dev);
	model_pdev.dev.release = pdev_released;
	model_pdev.bus = &model_bus;
	model_pdev.pin = 1;
	model_pdev.irq = irq_alloc_descs(-1, 0, 1, 0);
	KUNIT_ASSERT_GT(test, (int)model_pdev.irq, 0);
	irq_set_chip_and_handler(model_pdev.irq, &dummy_irq_chip, handle_simple_irq);
	return 0;
}

static void power_off(struct kunit *test)
{
	cancel_work_sync(&deliver_work);
	irq_free_descs(model_pdev.irq, 1);
	vfree(model.store);
	vfree(model.own);
	KUNIT_EXPECT_EQ_MSG(test, kref_read(&model_pdev.dev.kobj.kref), 1U, "somebody holds the device");
	put_device(&model_pdev.dev);
}

static void expect_nothing_left(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_NULL(test, platform);
	KUNIT_EXPECT_FALSE(test, xen_domain());
	KUNIT_EXPECT_EQ(test, model.remapped, 0);
	KUNIT_EXPECT_EQ(test, model.callback, 0ULL);
	KUNIT_EXPECT_EQ(test, model.watches, 0);
	KUNIT_EXPECT_FALSE(test, irq_has_action(model_pdev.irq));
	for (i = 0; i < XEN_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, model.at[i], (xen_pfn_t)0, "page %u is mapped", i);
	KUNIT_EXPECT_EQ(test, model.holes, 0);
	/* Those of the toolstack are there for the next one. */
	KUNIT_EXPECT_TRUE(test, model.open[STORE_PORT]);
	KUNIT_EXPECT_TRUE(test, model.open[CONSOLE_PORT]);
	for (i = LEFT_PORT + 1; i < PORTS; i++)
		KUNIT_EXPECT_FALSE_MSG(test, model.open[i], "port %u is open", i);
}

static void starts(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_TRUE(test, xen_hvm_domain());
	KUNIT_EXPECT_FALSE_MSG(test, model.open[LEFT_PORT], "a former kernel's port");
	shim_end_services();
	expect_nothing_left(test);
}

static void it_starts_and_stops(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		starts(test);
	KUNIT_EXPECT_EQ(test, model.unheard, 0U);
}

static void starts_without_vectors(struct kunit *test, bool used)
{
	vectors = false;
	KUNIT_EXPECT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, per_cpu_upcalls, used);
	shim_end_services();
	vectors = true;
	expect_nothing_left(test);
}

/* A vCPU that has had a vector is never again interrupted by the line. */
static void vectors_stay(struct kunit *test)
{
	starts_without_vectors(test, false);
	starts(test);
	starts_without_vectors(test, true);
}

static void each_call_may_fail(struct kunit *test)
{
	static const int errors[] = { NO_SUCH_CALL, -EINVAL, -EPERM };
	unsigned int e, at, refused = 0;

	for (e = 0; e < ARRAY_SIZE(errors); e++)
		for (at = 1; ; at++) {
			model.calls = 0;
			model.fail_at = at;
			model.fail_with = errors[e];
			if (!shim_start(&model_pdev))
				shim_end_services();
			else
				refused++;
			expect_nothing_left(test);
			if (model.calls < at)
				break;
		}
	KUNIT_EXPECT_GE(test, refused, 12U);
	model.fail_at = 0;
	starts(test);
}

static void a_kind_of_call_is_missing(struct kunit *test)
{
	static const char *const kinds[] = { "version", "memory", "event", "grant", "hvm" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		model.missing_kind = kinds[i];
		KUNIT_EXPECT_LT_MSG(test, shim_start(&model_pdev), 0, "without %s", kinds[i]);
		expect_nothing_left(test);
	}
	model.missing_kind = NULL;
	starts(test);
}

static void xenstore_is_silent(struct kunit *test)
{
	unsigned long since = jiffies;
	unsigned int i;

	model.says = SAYS_NOTHING;
	KUNIT_EXPECT_EQ(test, shim_start(&model_pdev), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, since + 5 * HZ));
	expect_nothing_left(test);
	/* Requests that nobody has read fill the ring: the next one is not written, and not waited for without end. */
	for (i = 0; i < XENSTORE_RING_SIZE; i++)
		model.store->req[i] = 0;
	model.store->req_prod = model.store->req_cons + XENSTORE_RING_SIZE - 10;
	KUNIT_EXPECT_EQ(test, shim_start(&model_pdev), -ETIMEDOUT);
	expect_nothing_left(test);
	model.store->req_cons = model.store->req_prod;
	model.says = SAYS_RIGHT;
	starts(test);
}

static void xenstore_talks_nonsense(struct kunit *test)
{
	static const struct {
		enum says says;
		int err;
	} cases[] = {
		{ SAYS_OTHER_TYPE, -EIO },
		{ SAYS_OTHER_ID, 0 },
		{ SAYS_TOO_LONG, -EIO },
		{ SAYS_UNKNOWN_ERROR, -EINVAL },
		{ SAYS_PRODUCER_FAR, -EIO },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int err;

		memset(model.store, 0, sizeof(*model.store));
		model.says = cases[i].says;
		err = shim_start(&model_pdev);
		KUNIT_EXPECT_EQ_MSG(test, err, cases[i].err, "case %u", i);
		if (!err)
			shim_end_services();
		expect_nothing_left(test);
	}
	memset(model.store, 0, sizeof(*model.store));
	model.says = SAYS_RIGHT;
	starts(test);
}

static DECLARE_COMPLETION(may_go_on);
static atomic_t handled_events;

static void slow_handler(struct xenbus_watch *watch, const char *path, const char *token)
{
	atomic_inc(&handled_events);
	wait_for_completion(&may_go_on);
}

/* XSA-349: a peer that rewrites its state without end. */
static void a_storm_of_watch_events(struct kunit *test)
{
	struct xenbus_watch watch = { .node = "peer/state", .will_handle = shim_peer_filter, .callback = slow_handler };
	struct xsd_sockmsg msg = { .type = XS_WATCH_EVENT };
	char body[32];
	unsigned int i, len;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	reinit_completion(&may_go_on);
	atomic_set(&handled_events, 0);
	KUNIT_ASSERT_EQ(test, register_xenbus_watch(&watch), 0);
	len = snprintf(body, sizeof(body), "peer/state%c%x", 0, last_token) + 1;
	msg.len = len;
	for (i = 0; i < 1000; i++) {
		/* Half of it is left to answers. */
		while (model.store->rsp_prod - READ_ONCE(model.store->rsp_cons) > XENSTORE_RING_SIZE / 2)
			usleep_range(100, 200);
		mutex_lock(&store_lock);
		store_put(&msg, sizeof(msg));
		store_put(body, len);
		mutex_unlock(&store_lock);
		event(STORE_PORT);
		KUNIT_EXPECT_LE(test, READ_ONCE(watch.nr_pending), 1U);
	}
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(model.store->rsp_cons) == model.store->rsp_prod));
	msleep(20);
	/* One runs, one waits. */
	complete_all(&may_go_on);
	unregister_xenbus_watch(&watch);
	KUNIT_EXPECT_LE(test, atomic_read(&handled_events), 2);
	KUNIT_EXPECT_GE(test, atomic_read(&handled_events), 1);
	shim_end_services();
	expect_nothing_left(test);
}

static void grants_run_out(struct kunit *test)
{
	unsigned int all = 3 * ENTRIES_A_FRAME - RESERVED;
	grant_ref_t head, more;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all, &head), 0);
	KUNIT_EXPECT_EQ(test, nr_frames, 3U);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(1, &more), -ENOSPC);
	KUNIT_EXPECT_EQ(test, gnttab_grant_foreign_access(0, 0, 0), -ENOSPC);
	gnttab_free_grant_references(head);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(1, &more), 0);
	gnttab_free_grant_references(more);
	shim_end_services();
	expect_nothing_left(test);
}

/* A peer that still maps a page when the module goes: the next one does not give the reference to anybody. */
static void a_grant_in_use_is_left(struct kunit *test)
{
	unsigned int all = 3 * ENTRIES_A_FRAME - RESERVED;
	grant_ref_t head;
	int ref;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	ref = gnttab_grant_foreign_access(0, 1, 0);
	KUNIT_ASSERT_GE(test, ref, RESERVED);
	entry(ref)->flags |= GTF_reading;
	gnttab_end_foreign_access(ref, NULL);
	shim_end_services();
	expect_nothing_left(test);

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all, &head), -ENOSPC);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all - 1, &head), 0);
	gnttab_free_grant_references(head);
	shim_end_services();
	entry(ref)->flags = 0;
	expect_nothing_left(test);
}

/* Of a kernel that has crashed: a frontend that is still connected */
static void former_frontend(void)
{
	model_set(FRONT "/state", "4");
	model_set(FRONT "/backend", BACK);
	model_set(FRONT "/backend-id", "0");
	model_set(BACK "/state", "4");
}

/* That nobody has mapped a page does not mean that nobody will copy into it. */
static void a_former_grant_waits_for_its_backend(struct kunit *test)
{
	unsigned int all = 3 * ENTRIES_A_FRAME - RESERVED;
	grant_ref_t head;

	former_frontend();
	model.peer_is_deaf = true;
	entry(9)->flags = GTF_permit_access;
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all, &head), -ENOSPC);
	gnttab_free_grant_references(head);
	KUNIT_EXPECT_EQ(test, (int)READ_ONCE(entry(9)->flags), GTF_permit_access);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all - 1, &head), 0);
	gnttab_free_grant_references(head);

	KUNIT_EXPECT_TRUE(test, COMES_TRUE(*model_value(FRONT "/state") == '6'));
	mutex_lock(&store_lock);
	model.peer_is_deaf = false;
	model_write(FRONT "/state", "6");
	mutex_unlock(&store_lock);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!READ_ONCE(entry(9)->flags)));
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all, &head), 0);
	gnttab_free_grant_references(head);
	shim_end_services();
	expect_nothing_left(test);
}

/* One that never closes keeps what it may still write to. */
static void a_deaf_backend_keeps_its_grants(struct kunit *test)
{
	unsigned int all = 3 * ENTRIES_A_FRAME - RESERVED;
	grant_ref_t head;

	former_frontend();
	model.peer_is_deaf = true;
	entry(9)->flags = GTF_permit_access;
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(*model_value(FRONT "/state") == '6'));
	msleep(jiffies_to_msecs(2 * RESET_TIMEOUT) + 500);
	mutex_lock(&store_lock);
	KUNIT_EXPECT_STREQ(test, model_value(FRONT "/state"), "1");
	mutex_unlock(&store_lock);
	KUNIT_EXPECT_EQ(test, (int)READ_ONCE(entry(9)->flags), GTF_permit_access);
	KUNIT_EXPECT_EQ(test, gnttab_alloc_grant_references(all, &head), -ENOSPC);
	gnttab_free_grant_references(head);
	shim_end_services();
	expect_nothing_left(test);
}

static int default_affinity(const char *mask)
{
	char what[64];
	char *argv[5] = { "/bin/busybox", "sh", "-c", what };
	char *envp[1] = { };

	snprintf(what, sizeof(what), "echo %s >/proc/irq/default_smp_affinity", mask);
	return call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC);
}

/* irqaffinity= on the command line, or a write to that file: a vector elsewhere never hears its CPU's events. */
static void vectors_are_where_they_belong(struct kunit *test)
{
	unsigned int only, cpu;
	char mask[8];

	for_each_online_cpu(only) {
		snprintf(mask, sizeof(mask), "%x", 1 << only);
		KUNIT_ASSERT_EQ(test, default_affinity(mask), 0);
		KUNIT_EXPECT_EQ(test, shim_start(&model_pdev), 0);
		for_each_cpu(cpu, &upcall_cpus) {
			struct irq_data *data = irq_get_irq_data(vector_irq_of[cpu]);

			KUNIT_EXPECT_EQ_MSG(test, cpumask_first(irq_data_get_effective_affinity_mask(data)), cpu,
					    "with %s", mask);
		}
		KUNIT_EXPECT_EQ(test, cpumask_weight(&upcall_cpus), num_online_cpus());
		shim_end_services();
		expect_nothing_left(test);
	}
	snprintf(mask, sizeof(mask), "%x", (1 << num_online_cpus()) - 1);
	KUNIT_EXPECT_EQ(test, default_affinity(mask), 0);
}

static irqreturn_t count_event(int irq, void *arg)
{
	atomic_inc(arg);
	return IRQ_HANDLED;
}

static int open_port(struct kunit *test, evtchn_port_t *port, atomic_t *count)
{
	struct evtchn_alloc_unbound alloc = { };

	KUNIT_ASSERT_EQ(test, hypercalls->event(EVTCHNOP_alloc_unbound, &alloc), 0L);
	*port = alloc.port;
	return bind_evtchn_to_irqhandler_lateeoi(alloc.port, count_event, 0, "kunit", count);
}

static int model_probe(struct xenbus_device *xb, const struct xenbus_device_id *id)
{
	return xenbus_switch_state(xb, XenbusStateConnected);
}

static void model_peer_changed(struct xenbus_device *xb, enum xenbus_state state)
{
}

static void model_gone(struct xenbus_device *xb)
{
	xenbus_frontend_closed(xb);
}

static const struct xenbus_device_id model_ids[] = { { "vif" }, { "" } };

/* A frontend that is in use */
static struct device *connect_frontend(struct kunit *test, struct xenbus_driver *drv)
{
	struct device *dev = NULL;

	*drv = (struct xenbus_driver) {
		.name = "kunit",
		.ids = model_ids,
		.probe = model_probe,
		.remove = model_gone,
		.otherend_changed = model_peer_changed,
	};
	model_set(FRONT "/state", "1");
	model_set(FRONT "/backend", BACK);
	model_set(FRONT "/backend-id", "0");
	model_set(BACK "/state", "2");
	/* What is read to see whether there is a directory */
	model_set(FRONT, "");
	model_set(BACK, "");
	model.shown = true;
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE((dev = bus_find_device(&frontends.bus, NULL, FRONT, shim_match_node))));
	put_device(dev);
	/* Where a driver comes while it is added, the driver core loses the words of why it has to wait. */
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(!shim_is_handled(&frontends.watch)));
	KUNIT_ASSERT_EQ(test, __xenbus_register_frontend(drv, NULL, "kunit"), 0);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(*model_value(BACK "/state") == '4'));
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(is_watched(BACK "/state")));
	return dev;
}

/* No backend writes into the memory of the kernel that kexec starts. */
static void frontends_close_at_the_end(struct kunit *test)
{
	unsigned long since;
	struct xenbus_driver drv;
	struct device *dev = connect_frontend(test, &drv);

	KUNIT_ASSERT_NOT_NULL(test, frontends.bus.shutdown);
	since = jiffies;
	frontends.bus.shutdown(dev);
	KUNIT_EXPECT_STREQ(test, model_value(FRONT "/state"), "6");
	KUNIT_EXPECT_STREQ(test, model_value(BACK "/state"), "6");
	KUNIT_EXPECT_LT(test, jiffies - since, (unsigned long)HZ);
	xenbus_unregister_driver(&drv);
	shim_end_services();
	expect_nothing_left(test);
}

/* So that the model's store is heard once more. */
static void undo_shutdown(struct kunit *test)
{
	struct evtchn_unmask unmask = { .port = STORE_PORT };

	KUNIT_EXPECT_EQ(test, platform_resume(), 0);
	KUNIT_EXPECT_EQ(test, grants_resume(), 0);
	KUNIT_EXPECT_EQ(test, hypercalls->event(EVTCHNOP_unmask, &unmask), 0L);
}

/* Another kernel is started in this one's memory, which is to be memory; and Xen has nothing of the old one's. */
static void kexec_begins_anew(struct kunit *test)
{
	char kexec[] = "kexec reboot";
	unsigned int i;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	shim_platform_shutdown(&model_pdev);
	KUNIT_EXPECT_EQ(test, model.resets, 0U);
	for (i = 0; i < XEN_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, model.at[i], (xen_pfn_t)0, "page %u is mapped", i);
	KUNIT_EXPECT_EQ(test, model.holes, 0);
	undo_shutdown(test);
	/* As the kernel says it to all who ask */
	KUNIT_EXPECT_EQ(test, shim_reboot_asked(&reboot_notifier, SYS_RESTART, NULL), NOTIFY_DONE);
	shim_platform_shutdown(&model_pdev);
	KUNIT_EXPECT_EQ(test, model.resets, 0U);
	undo_shutdown(test);
	KUNIT_EXPECT_EQ(test, shim_reboot_asked(&reboot_notifier, SYS_RESTART, kexec), NOTIFY_DONE);
	shim_platform_shutdown(&model_pdev);
	KUNIT_EXPECT_EQ(test, model.resets, 1U);
	undo_shutdown(test);
	/* The kernel asks it. */
	KUNIT_EXPECT_EQ(test, unregister_reboot_notifier(&reboot_notifier), 0);
	KUNIT_EXPECT_EQ(test, register_reboot_notifier(&reboot_notifier), 0);
	shim_end_services();
	KUNIT_EXPECT_EQ(test, unregister_reboot_notifier(&reboot_notifier), -ENOENT);
	expect_nothing_left(test);
}

static void a_deaf_backend_delays_the_end(struct kunit *test)
{
	unsigned long since;
	struct xenbus_driver drv;
	struct device *dev = connect_frontend(test, &drv);

	KUNIT_ASSERT_NOT_NULL(test, frontends.bus.shutdown);
	model.peer_is_deaf = true;
	since = jiffies;
	frontends.bus.shutdown(dev);
	KUNIT_EXPECT_GE(test, jiffies - since, (unsigned long)CLOSE_TIMEOUT);
	KUNIT_EXPECT_STREQ(test, model_value(FRONT "/state"), "5");
	/* It is the time of all together. */
	to_xenbus_device(dev)->state = XenbusStateConnected;
	since = jiffies;
	frontends.bus.shutdown(dev);
	KUNIT_EXPECT_LT(test, jiffies - since, (unsigned long)HZ);
	model.peer_is_deaf = false;
	xenbus_unregister_driver(&drv);
	shim_end_services();
	expect_nothing_left(test);
}

/* echo 1 >/sys/bus/pci/devices/.../remove, with drivers loaded */
static void the_platform_device_is_removed(struct kunit *test)
{
	atomic_t count = ATOMIC_INIT(0);
	struct xenbus_driver drv;
	struct device *dev = connect_frontend(test, &drv);
	evtchn_port_t port;
	int irq, ref;

	KUNIT_EXPECT_NULL_MSG(test, dev->parent, "it would lose its place in sysfs");
	irq = open_port(test, &port, &count);
	KUNIT_ASSERT_GT(test, irq, 0);
	/* What came just before is not lost. */
	event(port);
	shim_platform_remove(&model_pdev);
	KUNIT_EXPECT_FALSE(test, irq_has_action(model_pdev.irq));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 1));
	xen_irq_lateeoi(irq, 0);
	KUNIT_ASSERT_PTR_EQ(test, platform, &model_pdev);
	KUNIT_EXPECT_PTR_EQ(test, dev->driver, &drv.driver);
	KUNIT_EXPECT_TRUE(test, xen_domain());
	KUNIT_EXPECT_TRUE(test, xenbus_exists(XBT_NIL, "domid", ""));
	ref = gnttab_grant_foreign_access(0, 1, 0);
	KUNIT_EXPECT_GE(test, ref, RESERVED);
	gnttab_end_foreign_access(ref, NULL);
	event(port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 2));
	xen_irq_lateeoi(irq, 0);
	unbind_from_irqhandler(irq, &count);
	/* It is found again, but not used before the module is loaded again. */
	KUNIT_EXPECT_EQ(test, shim_platform_probe(&model_pdev, platform_ids), -EBUSY);
	xenbus_unregister_driver(&drv);
	shim_end_services();
	expect_nothing_left(test);
	starts(test);
}

/* No interrupt is half handled when the CPUs are stopped. */
static void suspend_begins(void)
{
	xs_suspend();
	flush_work(&deliver_work);
}

static void another_xen(void)
{
	local_irq_disable();
	memset(xen_page(0), 0, PAGE_SIZE);
	model.watches = 0;
	evtchn_resume();
	local_irq_enable();
}

static bool has_file(struct device *dev, const char *dir, const char *name)
{
	struct kernfs_node *group = kernfs_find_and_get(dev->kobj.sd, dir), *file = NULL;

	if (group)
		file = kernfs_find_and_get(group, name);
	kernfs_put(file);
	kernfs_put(group);
	return file;
}

static bool has_var(struct kobj_uevent_env *env, const char *var)
{
	int i;

	for (i = 0; i < env->envp_idx; i++)
		if (!strcmp(env->envp[i], var))
			return true;
	return false;
}

static int model_uevent(const struct xenbus_device *xb, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "script=/etc/xen/scripts/vif-bridge");
}

/* udev, monitoring and scripts find what they find with the kernel's own support. */
static void devices_look_as_with_the_kernels(struct kunit *test)
{
	static const char *const counters[] = {
		"event_channels", "events", "spurious_events", "jiffies_eoi_delayed", "spurious_threshold",
	};
	struct kobj_uevent_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	struct xenbus_device *xb = kunit_kzalloc(test, sizeof(*xb), GFP_KERNEL);
	struct xenbus_driver drv;
	struct device *dev = connect_frontend(test, &drv);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, env);
	KUNIT_ASSERT_NOT_NULL(test, xb);
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		KUNIT_EXPECT_TRUE_MSG(test, has_file(dev, "xenbus", counters[i]), "%s", counters[i]);
	KUNIT_EXPECT_EQ(test, frontends.bus.uevent(dev, env), 0);
	KUNIT_EXPECT_TRUE(test, has_var(env, "XENBUS_TYPE=vif"));
	KUNIT_EXPECT_TRUE(test, has_var(env, "XENBUS_PATH=" FRONT));
	xenbus_unregister_driver(&drv);
	/* A backend, of which its driver says more */
	memset(env, 0, sizeof(*env));
	/* Older kernels have it without the const. */
	drv.uevent = (void *)model_uevent;
	xb->devicetype = "vif";
	xb->nodename = "backend/vif/3/0";
	xb->dev.bus = &backends.bus;
	xb->dev.driver = &drv.driver;
	KUNIT_EXPECT_EQ(test, backends.bus.uevent(&xb->dev, env), 0);
	KUNIT_EXPECT_TRUE(test, has_var(env, "XENBUS_BASE_PATH=backend"));
	KUNIT_EXPECT_TRUE(test, has_var(env, "script=/etc/xen/scripts/vif-bridge"));
	shim_end_services();
	expect_nothing_left(test);
}

/* Xen's pages lie in this guest's memory. Of what does not come back nobody may be given a part. */
static void xen_keeps_memory(struct kunit *test)
{
	struct shared_info *info;
	void *grants;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	info = shared_info;
	grants = table;
	KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(info), (unsigned long)model.at[0]);
	KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(grants), (unsigned long)model.at[1]);
	model.no_memory = true;
	shim_end_services();
	KUNIT_EXPECT_EQ(test, model.holes, 2);
	KUNIT_ASSERT_TRUE_MSG(test, vmalloc_to_page(info), "a hole is free memory");
	KUNIT_ASSERT_TRUE_MSG(test, vmalloc_to_page(grants), "a hole is free memory");
	vfree(info);
	vfree(grants);
	model.no_memory = false;
	model.holes = 0;
	expect_nothing_left(test);
	starts(test);
}

static void toolstack_writes(const char *path, const char *word)
{
	mutex_lock(&store_lock);
	model_write(path, word);
	mutex_unlock(&store_lock);
	event(STORE_PORT);
}

static void toolstack_says(const char *word)
{
	toolstack_writes("control/shutdown", word);
}

/* What is not understood is not taken, and the toolstack sees that. */
static void words_of_the_toolstack(struct kunit *test)
{
	static const char *const features[] = {
		"control/feature-suspend", "control/feature-poweroff", "control/feature-halt", "control/feature-reboot",
		"control/feature-sysrq",
	};
	unsigned int i;

	model_set("control/shutdown", "");
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	for (i = 0; i < ARRAY_SIZE(features); i++)
		KUNIT_EXPECT_STREQ(test, model_value(features[i]), "1");
	toolstack_says("poweroff");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(model.poweroffs == 1));
	KUNIT_EXPECT_STREQ(test, model_value("control/shutdown"), "");
	toolstack_says("sing");
	msleep(100);
	KUNIT_EXPECT_STREQ(test, model_value("control/shutdown"), "sing");
	toolstack_says("halt");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(model.poweroffs == 2));
	shim_end_services();
	/* Nobody listens any more. */
	for (i = 0; i < ARRAY_SIZE(features); i++)
		KUNIT_EXPECT_STREQ(test, model_value(features[i]), "0");
	expect_nothing_left(test);
}

/* xl sysrq: a key is pressed once. */
static void keys_of_the_toolstack(struct kunit *test)
{
	model_set("control/sysrq", "");
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	toolstack_writes("control/sysrq", "s");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(model.keys_pressed == 1));
	KUNIT_EXPECT_EQ(test, model.key, 's');
	KUNIT_EXPECT_STREQ(test, model_value("control/sysrq"), "");
	msleep(100);
	KUNIT_EXPECT_EQ(test, model.keys_pressed, 1U);
	shim_end_services();
	expect_nothing_left(test);
}

/* xl mem-set, and maxmem= above memory=: what the toolstack would have back, and does not get */
static void memory_is_asked_back(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, shim_memory_asked_back(), 0U);
	model_set("memory/static-max", "262144");
	KUNIT_EXPECT_EQ(test, shim_memory_asked_back(), 0U);
	model_set("memory/videoram", "8192");
	model_set("memory/target", "253952");
	KUNIT_EXPECT_EQ(test, shim_memory_asked_back(), 0U);
	model_set("memory/target", "131072");
	KUNIT_EXPECT_EQ(test, shim_memory_asked_back(), 122880U);
	shim_end_services();
	expect_nothing_left(test);
}

/* on_crash= of the guest's configuration: told last, whatever panic= is; and on_poweroff= without ACPI. */
static void the_end_is_told(struct kunit *test)
{
	static const int timeouts[][2] = { { -1, 1 }, { 0, 0 }, { 5, 5 } };
	long (*blink)(int state) = panic_blink;
	int timeout = panic_timeout;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		panic_blink = NULL;
		panic_timeout = timeouts[i][0];
		KUNIT_EXPECT_EQ(test, shim_panic_begins(&panic_notifier, 0, NULL), NOTIFY_DONE);
		KUNIT_EXPECT_EQ(test, model.crashes, i);
		KUNIT_EXPECT_EQ(test, panic_timeout, timeouts[i][1]);
		if (panic_blink)
			panic_blink(1);
		KUNIT_EXPECT_EQ(test, model.crashes, i + 1);
	}
	panic_blink = blink;
	panic_timeout = timeout;
	/* The kernel asks it. */
	KUNIT_EXPECT_EQ(test, atomic_notifier_chain_unregister(&panic_notifier_list, &panic_notifier), 0);
	KUNIT_EXPECT_EQ(test, atomic_notifier_chain_register(&panic_notifier_list, &panic_notifier), 0);
	KUNIT_EXPECT_TRUE(test, kernel_can_power_off());
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(off_handler));
	shim_power_off(NULL);
	KUNIT_EXPECT_EQ(test, model.offs, 1U);
	shim_end_services();
	KUNIT_EXPECT_EQ(test, atomic_notifier_chain_unregister(&panic_notifier_list, &panic_notifier), -ENOENT);
	expect_nothing_left(test);
}

static atomic_t frontend_suspends, frontend_resumes;

static int model_fe_suspend(struct xenbus_device *xb)
{
	atomic_inc(&frontend_suspends);
	return 0;
}

static int model_fe_resume(struct xenbus_device *xb)
{
	atomic_inc(&frontend_resumes);
	return xenbus_switch_state(xb, XenbusStateConnected);
}

/* Meanwhile no driver is bound to a device, which would be resumed without having been suspended; and nobody sleeps. */
static void a_suspend_is_alone(struct kunit *test)
{
	struct xenbus_driver drv;
	struct device *dev = connect_frontend(test, &drv);

	atomic_set(&frontend_suspends, 0);
	atomic_set(&frontend_resumes, 0);
	drv.suspend = model_fe_suspend;
	drv.resume = model_fe_resume;
	model.frontend = dev;
	model.cancels = true;
	toolstack_says("suspend");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(model.suspends == 1));
	KUNIT_EXPECT_TRUE(test, xenbus_exists(XBT_NIL, "domid", ""));
	KUNIT_EXPECT_TRUE(test, model.frontend_locked);
	KUNIT_EXPECT_TRUE(test, model.locked_then);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!READ_ONCE(model.sleep_locked)));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!mutex_is_locked(&dev->mutex)));
	KUNIT_EXPECT_EQ(test, atomic_read(&frontend_suspends), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&frontend_resumes), 0);
	model.cancels = false;
	toolstack_says("suspend");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&frontend_resumes) == 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&frontend_suspends), 2);
	KUNIT_EXPECT_TRUE(test, model.frontend_locked);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!mutex_is_locked(&dev->mutex)));
	KUNIT_EXPECT_TRUE(test, xenbus_exists(XBT_NIL, "domid", ""));
	model.frontend = NULL;
	xenbus_unregister_driver(&drv);
	shim_end_services();
	expect_nothing_left(test);
}

static bool watches_are_handled(void)
{
	bool are;

	spin_lock(&watch_lock);
	are = list_empty(&events) && !handled;
	spin_unlock(&watch_lock);
	return are;
}

/* What a start has set off is over: nobody asks the store for anything. */
static void let_it_settle(struct kunit *test)
{
	msleep(50);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(watches_are_handled() && !READ_ONCE(users)));
}

/* Requests that overlap each other must not hold up a suspend; only one inside a transaction goes on. */
static void requests_do_not_starve_a_suspend(struct kunit *test)
{
	struct xenbus_transaction t;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	let_it_settle(test);
	shim_begin(false);
	spin_lock(&user_lock);
	suspending = true;
	spin_unlock(&user_lock);
	KUNIT_EXPECT_FALSE(test, shim_may_begin(false));
	shim_go_on();
	KUNIT_ASSERT_EQ(test, xenbus_transaction_start(&t), 0);
	spin_lock(&user_lock);
	suspending = true;
	spin_unlock(&user_lock);
	KUNIT_EXPECT_FALSE(test, shim_may_begin(true));
	KUNIT_EXPECT_TRUE(test, shim_may_begin(false));
	shim_end(false);
	shim_go_on();
	KUNIT_EXPECT_EQ(test, xenbus_transaction_end(t, true), 0);
	shim_end(false);
	/* Who looks for devices may ask for something. */
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!READ_ONCE(users)));
	shim_end_services();
	expect_nothing_left(test);
}

/* A toolstack that has made no port for xenstore, or none that can be used: whoever asks gets an error. */
static void no_store_after_a_suspend(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	suspend_begins();
	another_xen();
	model.store_port = 1 << 20;
	KUNIT_ASSERT_LT(test, xenstore_resume_ring(), 0);
	xs_resume();
	KUNIT_EXPECT_FALSE(test, xenbus_exists(XBT_NIL, "domid", ""));
	shim_end_services();
	model.watches = 0;
	expect_nothing_left(test);
}

/* Of an image that knows of ports and grants, another Xen knows nothing. */
static void hibernation_is_refused(struct kunit *test)
{
	static const unsigned long other[] = { PM_SUSPEND_PREPARE, PM_POST_SUSPEND, PM_POST_HIBERNATION };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			notifier_to_errno(shim_sleep_asked(&sleep_notifier, PM_HIBERNATION_PREPARE, NULL)));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			notifier_to_errno(shim_sleep_asked(&sleep_notifier, PM_RESTORE_PREPARE, NULL)));
	for (i = 0; i < ARRAY_SIZE(other); i++)
		KUNIT_EXPECT_EQ(test, shim_sleep_asked(&sleep_notifier, other[i], NULL), NOTIFY_DONE);
	/* The kernel asks it. */
	KUNIT_EXPECT_EQ(test, unregister_pm_notifier(&sleep_notifier), 0);
	KUNIT_EXPECT_EQ(test, register_pm_notifier(&sleep_notifier), 0);
	shim_end_services();
	if (IS_ENABLED(CONFIG_PM_SLEEP))
		KUNIT_EXPECT_EQ(test, unregister_pm_notifier(&sleep_notifier), -ENOENT);
	expect_nothing_left(test);
}

static void late_eoi(struct kunit *test)
{
	atomic_t count = ATOMIC_INIT(0);
	evtchn_port_t port;
	int irq;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	irq = open_port(test, &port, &count);
	KUNIT_ASSERT_GT(test, irq, 0);
	event(port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 1));
	event(port);
	event(port);
	msleep(50);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&count), 1, "before the end of the first one");
	xen_irq_lateeoi(irq, 0);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&count) == 2), "an event was lost");
	/* The more say nothing, the longer the next one waits: 2, 4, 8, 16 ... jiffies. */
	event(port);
	xen_irq_lateeoi(irq, XEN_EOI_FLAG_SPURIOUS);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 3));
	for (port = port; atomic_read(&count) < 9; ) {
		int before = atomic_read(&count);

		event(port);
		xen_irq_lateeoi(irq, XEN_EOI_FLAG_SPURIOUS);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&count) > before));
	}
	event(port);
	xen_irq_lateeoi(irq, XEN_EOI_FLAG_SPURIOUS);
	msleep(20);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&count), 9, "a storm is not slowed down");
	/* With the delay still running. */
	unbind_from_irqhandler(irq, &count);
	KUNIT_EXPECT_FALSE(test, model.open[port]);
	/* Who comes too late finds nothing. */
	xen_irq_lateeoi(irq, 0);
	notify_remote_via_irq(irq);
	shim_end_services();
	expect_nothing_left(test);
}

/* Who asks for nothing has his ports where there are fewest. The first one is xenstore's. */
static void ports_are_spread(struct kunit *test)
{
	unsigned int i, n = 2 * num_online_cpus(), on[SHIM_VCPUS] = { };
	evtchn_port_t port[2 * SHIM_VCPUS];
	atomic_t count = ATOMIC_INIT(0);
	int irq[2 * SHIM_VCPUS];

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	on[model.vcpu[STORE_PORT]]++;
	for (i = 1; i < n; i++) {
		irq[i] = open_port(test, &port[i], &count);
		KUNIT_ASSERT_GT(test, irq[i], 0);
		on[model.vcpu[port[i]]]++;
	}
	for (i = 0; i < num_online_cpus(); i++)
		KUNIT_EXPECT_EQ_MSG(test, on[i], 2U, "on vCPU %u", i);
	for (i = 1; i < n; i++) {
		event(port[i]);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == i));
	}
	for (i = 1; i < n; i++)
		unbind_from_irqhandler(irq[i], &count);
	shim_end_services();
	for (i = 0; i < num_online_cpus(); i++)
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&nr_bound[i]), 0, "on CPU %u", i);
	expect_nothing_left(test);
}

/* A thread's work, in a real-time kernel or with threadirqs: it would scan with interrupts on. */
static void the_line_is_no_threads(struct kunit *test)
{
	struct irq_desc *desc = irq_data_to_desc(irq_get_irq_data(model_pdev.irq));

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_ASSERT_NOT_NULL(test, desc->action);
	KUNIT_EXPECT_TRUE(test, desc->action->flags & IRQF_NO_THREAD);
	shim_end_services();
	expect_nothing_left(test);
}

static bool locked_in_handler;

static irqreturn_t look_at_lock(int irq, void *arg)
{
	locked_in_handler |= raw_spin_is_locked(&scan_lock[0]);
	return count_event(irq, arg);
}

/* As Xen links the ports of a queue */
static void fifo_events(const evtchn_port_t *port, unsigned int n)
{
	unsigned int i, q = EVTCHN_FIFO_PRIORITY_DEFAULT;

	for (i = 0; i < n; i++)
		*shim_word_of(port[i]) |= BIT(EVTCHN_FIFO_PENDING) | BIT(EVTCHN_FIFO_LINKED) |
					  (i + 1 < n ? port[i + 1] : 0);
	control[0]->head[q] = port[0];
	set_bit(q, (unsigned long *)&control[0]->ready);
	local_irq_disable();
	evtchn_fifo.scan(0);
	local_irq_enable();
}

/* A handler of a real-time kernel's may not be called with a raw lock held. */
static void fifo_handlers_run_unlocked(struct kunit *test)
{
	struct evtchn_alloc_unbound alloc = { };
	atomic_t count = ATOMIC_INIT(0);
	evtchn_port_t port[3];
	unsigned int i;
	int irq[3];

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	let_it_settle(test);
	KUNIT_ASSERT_EQ(test, evtchn_fifo_init(), 0);
	layout = &evtchn_fifo;
	locked_in_handler = false;
	for (i = 0; i < ARRAY_SIZE(port); i++) {
		KUNIT_ASSERT_EQ(test, hypercalls->event(EVTCHNOP_alloc_unbound, &alloc), 0L);
		port[i] = alloc.port;
		irq[i] = bind_evtchn_to_irqhandler(port[i], look_at_lock, 0, "kunit", &count);
		KUNIT_ASSERT_GT(test, irq[i], 0);
		*shim_word_of(port[i]) &= ~BIT(EVTCHN_FIFO_MASKED);
	}
	for (i = 1; i <= 2; i++) {
		fifo_events(port, ARRAY_SIZE(port));
		KUNIT_EXPECT_EQ(test, atomic_read(&count), 3 * i);
	}
	KUNIT_EXPECT_FALSE(test, locked_in_handler);
	for (i = 0; i < ARRAY_SIZE(port); i++)
		unbind_from_irqhandler(irq[i], &count);
	layout = &evtchn_2level;
	free_page((unsigned long)control[0]);
	control[0] = NULL;
	while (nr_pages)
		free_page((unsigned long)array[--nr_pages]);
	in_use = false;
	shim_end_services();
	expect_nothing_left(test);
}

/* A CPU that Xen gives no vector takes no events: no reason to be without Xen's devices, or without that CPU. */
static void a_cpu_gets_no_vector(struct kunit *test)
{
	atomic_t count = ATOMIC_INIT(0);
	evtchn_port_t port;
	int irq;

	model.no_vector = 1;
	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	KUNIT_EXPECT_TRUE(test, per_cpu_upcalls);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&upcall_cpus, cpumask_of(0)));
	irq = open_port(test, &port, &count);
	KUNIT_ASSERT_GT(test, irq, 0);
	if (num_online_cpus() > 1)
		KUNIT_EXPECT_LT(test, irq_set_affinity(irq, cpumask_of(1)), 0);
	KUNIT_EXPECT_EQ(test, model.vcpu[port], 0U);
	event(port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 1));
	unbind_from_irqhandler(irq, &count);
	shim_end_services();
	expect_nothing_left(test);
}

/* The old store was in the middle of a message that the new one must not end. */
static void a_message_is_torn_by_a_suspend(struct kunit *test)
{
	struct xsd_sockmsg msg = { .type = XS_WATCH_EVENT, .len = 8 };

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	suspend_begins();
	mutex_lock(&store_lock);
	store_put(&msg, sizeof(msg));
	store_put("torn\0ab", 8);
	store_put(&msg, sizeof(msg));
	store_put("to", 2);
	mutex_unlock(&store_lock);
	another_xen();
	KUNIT_EXPECT_EQ(test, xenstore_resume_ring(), 0);
	KUNIT_EXPECT_EQ_MSG(test, model.store->rsp_prod, model.store->rsp_cons, "the old store is still heard");
	/* So that this comes back. */
	model.store->rsp_cons = model.store->rsp_prod;
	xs_resume();
	KUNIT_EXPECT_TRUE(test, xenbus_exists(XBT_NIL, "domid", ""));
	shim_end_services();
	expect_nothing_left(test);
}

/* After a suspend a new port may have the number that a lost one had. */
static void a_number_comes_again(struct kunit *test)
{
	atomic_t old_count = ATOMIC_INIT(0), count = ATOMIC_INIT(0);
	evtchn_port_t old_port, port;
	int old_irq, irq;

	KUNIT_ASSERT_EQ(test, shim_start(&model_pdev), 0);
	old_irq = open_port(test, &old_port, &old_count);
	KUNIT_ASSERT_GT(test, old_irq, 0);

	suspend_begins();
	model.open[old_port] = false;
	another_xen();
	KUNIT_EXPECT_EQ(test, xenstore_resume_ring(), 0);
	xs_resume();
	KUNIT_EXPECT_TRUE(test, xenbus_exists(XBT_NIL, "domid", ""));

	irq = open_port(test, &port, &count);
	KUNIT_ASSERT_GT(test, irq, 0);
	KUNIT_EXPECT_EQ(test, port, old_port);
	KUNIT_EXPECT_NE(test, irq, old_irq);
	event(port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&old_count), 0);
	unbind_from_irqhandler(old_irq, &old_count);
	KUNIT_EXPECT_TRUE_MSG(test, model.open[port], "the new port was closed with the old one");
	xen_irq_lateeoi(irq, 0);
	event(port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&count) == 2));
	unbind_from_irqhandler(irq, &count);
	shim_end_services();
	expect_nothing_left(test);
}

enum fate {
	STAYS,
	ATTACHED,	/* its driver let go of it, and has it again */
	RELEASED,
	REMOVED,
};

static struct {
	const char *name;
	u16 vendor, device, sub_vendor, sub_device;
	u32 class;
	enum fate fate;
	struct pci_dev pdev;
	enum fate now;
} pci_devices[] = {
	{ "host bridge", 0x8086, 0x1237, 0x1af4, 0x1100, 0x060000, STAYS },
	{ "PIIX3 IDE", 0x8086, 0x7010, 0x5853, 0x0001, 0x010180, ATTACHED },
	{ "ICH9 AHCI", 0x8086, 0x2922, 0x1af4, 0x1100, 0x010601, ATTACHED },
	{ "AHCI passed through", 0x8086, 0x2922, 0x1028, 0x0211, 0x010601, STAYS },
	{ "LSI 53C895A", 0x1000, 0x0012, 0x0000, 0x1000, 0x010000, REMOVED },
	{ "virtio-scsi", 0x1af4, 0x1004, 0x1af4, 0x0008, 0x010000, REMOVED },
	{ "HBA passed through", 0x1000, 0x0072, 0x1028, 0x1f1d, 0x010700, STAYS },
	{ "NVMe", 0x1b36, 0x0010, 0x1af4, 0x1100, 0x010802, REMOVED },
	{ "NVMe passed through", 0x144d, 0xa808, 0x144d, 0xa801, 0x010802, STAYS },
	{ "rtl8139", 0x10ec, 0x8139, 0x1af4, 0x1100, 0x020000, REMOVED },
	{ "e1000", 0x8086, 0x100e, 0x1af4, 0x1100, 0x020000, REMOVED },
	{ "e1000e", 0x8086, 0x10d3, 0x8086, 0x0000, 0x020000, REMOVED },
	{ "82574 passed through", 0x8086, 0x10d3, 0x8086, 0xa01f, 0x020000, STAYS },
	{ "virtio-net", 0x1af4, 0x1000, 0x1af4, 0x0001, 0x020000, REMOVED },
	{ "ne2k_pci", 0x10ec, 0x8029, 0x1af4, 0x1100, 0x020000, REMOVED },
	{ "vmxnet3", 0x15ad, 0x07b0, 0x15ad, 0x07b0, 0x020000, REMOVED },
	{ "VGA", 0x1013, 0x00b8, 0x5853, 0x0001, 0x030000, STAYS },
};

static struct pci_dev *model_next_pci(struct pci_dev *from)
{
	unsigned int i = 0;

	if (from)
		while (&pci_devices[i++].pdev != from)
			;
	for (; i < ARRAY_SIZE(pci_devices); i++)
		if (pci_devices[i].now != REMOVED)
			return &pci_devices[i].pdev;
	return NULL;
}

static enum fate *fate_of(struct device *dev)
{
	unsigned int i;

	for (i = 0; &pci_devices[i].pdev.dev != dev; i++)
		;
	return &pci_devices[i].now;
}

static void model_remove_pci(struct pci_dev *pdev)
{
	*fate_of(&pdev->dev) = REMOVED;
}

/* A real disk, which stands below the IDE controller */
static struct device *model_nullb;
static bool mounted_while_it_went;
static bool opens_exclusively(void);

static int model_each_child(struct device *dev, void *data, int (*fn)(struct device *, void *))
{
	if (model_nullb && dev == &pci_devices[1].pdev.dev)
		return fn(model_nullb, data);
	return device_for_each_child(dev, data, fn);
}

static void model_release_driver(struct device *dev)
{
	*fate_of(dev) = RELEASED;
	if (model_nullb && dev == &pci_devices[1].pdev.dev)
		mounted_while_it_went = opens_exclusively();
}

static int model_attach(struct device *dev)
{
	*fate_of(dev) = ATTACHED;
	return 1;
}

static void fresh_pci(void)
{
	unsigned int i;

	model_unplug_bits = 0;
	for (i = 0; i < ARRAY_SIZE(pci_devices); i++) {
		struct pci_dev *pdev = &pci_devices[i].pdev;

		memset(pdev, 0, sizeof(*pdev));
		pdev->vendor = pci_devices[i].vendor;
		pdev->device = pci_devices[i].device;
		pdev->subsystem_vendor = pci_devices[i].sub_vendor;
		pdev->subsystem_device = pci_devices[i].sub_device;
		pdev->class = pci_devices[i].class;
		pci_devices[i].now = STAYS;
	}
}

/* What the emulator takes away whole is removed here, too; what is passed through is not touched. */
static void unplug_goes_by_class(struct kunit *test)
{
	unsigned int i;

	fresh_pci();
	KUNIT_EXPECT_EQ(test, unplug_init(UNPLUG_ALL), 0);
	KUNIT_EXPECT_EQ(test, model_unplug_bits, BIT_DISKS | BIT_NICS | BIT_NVME);
	for (i = 0; i < ARRAY_SIZE(pci_devices); i++)
		KUNIT_EXPECT_EQ_MSG(test, pci_devices[i].now, pci_devices[i].fate, "%s", pci_devices[i].name);
	fresh_pci();
	KUNIT_EXPECT_EQ(test, unplug_init(UNPLUG_NICS), 0);
	KUNIT_EXPECT_EQ(test, model_unplug_bits, BIT_NICS);
	for (i = 0; i < ARRAY_SIZE(pci_devices); i++)
		if (pci_devices[i].class >> 16 == 1)
			KUNIT_EXPECT_EQ_MSG(test, pci_devices[i].now, STAYS, "%s", pci_devices[i].name);
}

static struct block_device model_disk;
static struct class disk_class = { .name = "block" };

static void disk_is_closed(struct work_struct *work)
{
	atomic_set(&model_disk.bd_openers, 0);
}

static DECLARE_DELAYED_WORK(close_later, disk_is_closed);

/* udev looks at each new disk, and has it open for some milliseconds. */
static void a_disk_is_open_for_a_moment(struct kunit *test)
{
	struct device *bus, *disk = &model_disk.bd_device;

	fresh_pci();
	bus = &pci_devices[1].pdev.dev;
	memset(&model_disk, 0, sizeof(model_disk));
	device_initialize(bus);
	bus->release = pdev_released;
	KUNIT_ASSERT_EQ(test, dev_set_name(bus, "shim-bus"), 0);
	KUNIT_ASSERT_EQ(test, device_add(bus), 0);
	device_initialize(disk);
	disk->release = pdev_released;
	disk->parent = bus;
	KUNIT_ASSERT_EQ(test, dev_set_name(disk, "shim-sda"), 0);
	KUNIT_ASSERT_EQ(test, device_add(disk), 0);
	disk->class = &disk_class;

	atomic_set(&model_disk.bd_openers, 1);
	schedule_delayed_work(&close_later, HZ / 2);
	KUNIT_EXPECT_EQ(test, unplug_check(UNPLUG_DISKS), 0);
	cancel_delayed_work_sync(&close_later);
	/* One that is mounted */
	atomic_set(&model_disk.bd_openers, 1);
	KUNIT_EXPECT_EQ(test, unplug_check(UNPLUG_DISKS), -EBUSY);
	KUNIT_EXPECT_EQ(test, unplug_check(UNPLUG_NICS), 0);

	disk->class = NULL;
	device_unregister(disk);
	device_unregister(bus);
	memset(&pci_devices[1].pdev, 0, sizeof(pci_devices[1].pdev));
}

static struct file *open_exclusively(void)
{
	return filp_open("/dev/nullb0", O_RDONLY | O_EXCL, 0);
}

static bool opens_exclusively(void)
{
	struct file *file = open_exclusively();

	if (!IS_ERR(file))
		filp_close(file, NULL);
	return !IS_ERR(file);
}

/* A disk that is about to go cannot be mounted any more; one that stays can. */
static void no_mount_while_it_goes(struct kunit *test)
{
	struct block_device *disk = open_disk(find_null_blk());
	struct file *mount;

	KUNIT_ASSERT_NOT_NULL(test, disk);
	model_nullb = get_device(&disk->bd_device);
	close_disk(&disk);
	fresh_pci();
	KUNIT_ASSERT_TRUE(test, opens_exclusively());
	mounted_while_it_went = false;
	KUNIT_EXPECT_EQ(test, unplug_init(UNPLUG_ALL), 0);
	KUNIT_EXPECT_FALSE(test, mounted_while_it_went);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(opens_exclusively()), "it is still claimed");
	fresh_pci();
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(!IS_ERR(mount = open_exclusively())));
	KUNIT_EXPECT_EQ(test, unplug_init(UNPLUG_ALL), -EBUSY);
	KUNIT_EXPECT_EQ(test, pci_devices[1].now, STAYS);
	filp_close(mount, NULL);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(opens_exclusively()), "it is still claimed");
	put_device(model_nullb);
	model_nullb = NULL;
}

/* This test machine is no guest of Xen. */
static void not_on_xen(struct kunit *test)
{
	xen_cpuid = 0;
	KUNIT_EXPECT_EQ(test, shim_init(), -ENODEV);
	expect_nothing_left(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(it_starts_and_stops),
	KUNIT_CASE(vectors_stay),
	KUNIT_CASE(vectors_are_where_they_belong),
	KUNIT_CASE(a_cpu_gets_no_vector),
	KUNIT_CASE(each_call_may_fail),
	KUNIT_CASE(a_kind_of_call_is_missing),
	KUNIT_CASE(xenstore_is_silent),
	KUNIT_CASE(xenstore_talks_nonsense),
	KUNIT_CASE(a_storm_of_watch_events),
	KUNIT_CASE(grants_run_out),
	KUNIT_CASE(a_grant_in_use_is_left),
	KUNIT_CASE(a_former_grant_waits_for_its_backend),
	KUNIT_CASE(a_deaf_backend_keeps_its_grants),
	KUNIT_CASE(frontends_close_at_the_end),
	KUNIT_CASE(kexec_begins_anew),
	KUNIT_CASE(a_deaf_backend_delays_the_end),
	KUNIT_CASE(the_platform_device_is_removed),
	KUNIT_CASE(hibernation_is_refused),
	KUNIT_CASE(unplug_goes_by_class),
	KUNIT_CASE(a_disk_is_open_for_a_moment),
	KUNIT_CASE(late_eoi),
	KUNIT_CASE(a_number_comes_again),
	KUNIT_CASE(a_message_is_torn_by_a_suspend),
	KUNIT_CASE(devices_look_as_with_the_kernels),
	KUNIT_CASE(xen_keeps_memory),
	KUNIT_CASE(words_of_the_toolstack),
	KUNIT_CASE(requests_do_not_starve_a_suspend),
	KUNIT_CASE(no_mount_while_it_goes),
	KUNIT_CASE(not_on_xen),
	KUNIT_CASE(a_suspend_is_alone),
	KUNIT_CASE(no_store_after_a_suspend),
	KUNIT_CASE(ports_are_spread),
	KUNIT_CASE(the_line_is_no_threads),
	KUNIT_CASE(fifo_handlers_run_unlocked),
	KUNIT_CASE(keys_of_the_toolstack),
	KUNIT_CASE(memory_is_asked_back),
	KUNIT_CASE(the_end_is_told),
	{ }
};

static struct kunit_suite suite = {
	.name = "shim",
	.init = boot,
	.exit = power_off,
	.test_cases = cases,
};

kunit_test_suite(suite);
