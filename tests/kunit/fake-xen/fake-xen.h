/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Control over the fake Xen, for tests.
 *
 * fake-xen.ko exports, under the kernel's own names, the functions that stand between drivers and Xen support, for
 * a kernel built without it. It has one grant table, one event-channel name space and one xenstore, shared by both
 * ends of a device: a reference that one end grants, the other can map. A test mostly plays the other end itself.
 *
 * What is real: data moves (a copy copies, a mapping shows the granted page at the mapping page's kernel address, a
 * read-only one faults on a write), a grant cannot be ended while it is mapped, interrupts arrive in hard interrupt
 * context and stay masked until their late EOI, watches fire from one thread, devices live on a bus of the driver
 * core. What is not: domains (every reference and port is valid for whoever names it), hypercalls, time (EOI is
 * never delayed).
 */
#ifndef FAKE_XEN_H
#define FAKE_XEN_H

#include <linux/types.h>
#include <xen/xenbus.h>
#include <xen/grant_table.h>

/* The two domains that xenstore paths and devices speak of. */
#define FAKE_XEN_BACK_DOMID	0
#define FAKE_XEN_FRONT_DOMID	1

/* How often drivers asked for what, since the last fake_xen_reset(). */
struct fake_xen_counts {
	unsigned long global_lock;	/* takes of the lock of the grant table's free list */
	unsigned long grants;		/* entries that were given to the other domain */
	unsigned long ends;		/* entries that were taken back */
	unsigned long refused_ends;	/* attempts while the other end used the entry */
	unsigned long idle_ends;	/* attempts on an entry that granted nothing */
	unsigned long copy_calls, copy_ops;
	unsigned long map_calls, map_ops;
	unsigned long unmap_calls, unmap_ops;
	unsigned long deferred;		/* pages left to Xen support, which looks at ten of them a second */
	unsigned long empty_calls;	/* grant hypercalls with no operation in them */
	unsigned long sends;		/* event-channel notifications */
	unsigned long upcalls;		/* interrupts that reached a handler */
	unsigned long eois, spurious_eois;
	unsigned long fatal;		/* xenbus_dev_fatal() */
	unsigned long errors;		/* xenbus_dev_error() */
	unsigned long store_writes;
	unsigned long failed_reads;	/* by fake_xen_fail_reads() */
};

extern struct fake_xen_counts fake_xen_counts;

/* What a driver still holds. All zero after a clean disconnect. */
struct fake_xen_held {
	unsigned int grants;		/* entries that the other domain may use */
	unsigned int refs;		/* references that are off the free list, granted or not */
	unsigned int mappings;		/* references mapped, rings included */
	unsigned int pages;		/* pages from gnttab_alloc_pages() */
	unsigned int ports;		/* event channels, those of fake_xen_peer_port() not counted */
	unsigned int irqs;		/* bound event channels */
	unsigned int watches;		/* those of devices' other ends not counted */
};

void fake_xen_held(struct fake_xen_held *held);
bool fake_xen_holds_nothing(void);	/* prints what is held, if anything */

/*
 * Back to the state after loading: devices, nodes, grants, injected failures and counters are gone. Drivers and
 * watches stay registered. Returns the number of things that drivers still held; they are forgotten.
 */
unsigned int fake_xen_reset(void);

/* Grants */

/* Marks an entry as in use by the peer (or no longer): it cannot be ended while it is. */
void fake_xen_peer_holds(grant_ref_t ref, bool in_use);
/* The page behind a granted reference, or NULL. With it a test is the other end. */
struct page *fake_xen_granted_page(grant_ref_t ref);
bool fake_xen_granted_readonly(grant_ref_t ref);
domid_t fake_xen_granted_to(grant_ref_t ref);
/* What a guest does that grants a page without a driver; and takes it back, whoever has it mapped. */
int fake_xen_grant(struct page *page, bool readonly);
void fake_xen_revoke(grant_ref_t ref);
/* No more than @count references off the free list (0: as many as the table has). */
void fake_xen_limit_refs(unsigned int count);

enum fake_xen_op { FAKE_XEN_COPY, FAKE_XEN_MAP, FAKE_XEN_UNMAP, FAKE_XEN_NR_OPS };

/* Fails @count operations of that kind with @status (GNTST_*), after @skip good ones, counted over all calls. */
void fake_xen_fail_ops(enum fake_xen_op op, unsigned int skip, unsigned int count, s16 status);
/* Makes the next @count calls (hypercalls) return @err. For maps, copies and unmaps. */
void fake_xen_fail_calls(enum fake_xen_op op, unsigned int count, int err);
/* Fails the next @count gnttab_alloc_pages() with -ENOMEM, after @skip good ones. */
void fake_xen_fail_alloc_pages(unsigned int skip, unsigned int count);
/* Called with every operation (struct gnttab_copy etc.) before it is done: what a peer does meanwhile. */
void fake_xen_on_op(void (*hook)(enum fake_xen_op op, void *arg, void *data), void *data);
/* Called at the start of each attempt to end an entry: a peer that maps it in just that moment. */
void fake_xen_on_end(void (*hook)(grant_ref_t ref, void *data), void *data);

/* Xenstore */

/* Relative paths are those of the domain whose end it is: device/... of the guest, backend/... of domain 0. */
__printf(2, 3) int fake_xen_write(const char *path, const char *fmt, ...);
/* The value at @path, empty if there is none; valid until the next call. */
const char *fake_xen_value(const char *path);
int fake_xen_rm(const char *path);
/* The next @count ends of a transaction return -EAGAIN. */
void fake_xen_conflicts(unsigned int count);
/* What a driver writes as the key @node is @value, until the next reset; both stay where they are. NULL: as it is. */
void fake_xen_rewrite(const char *node, const char *value);
/* Fails the @count writes after @skip good ones with @err. */
void fake_xen_fail_writes(unsigned int skip, unsigned int count, int err);
/* Fails the @count reads of @path and below it (values, lists of names) after @skip good ones with @err. NULL: none. */
void fake_xen_fail_reads(const char *path, unsigned int skip, unsigned int count, int err);
/* Waits until every watch that fired has been handled. Not from a watch. */
void fake_xen_settle(void);

/* Devices */

enum fake_xen_end { FAKE_XEN_FRONT, FAKE_XEN_BACK };

/*
 * Makes both ends' directories as a toolstack does (state Initialising; no other keys than those that say where the
 * other end is; more can be written before with fake_xen_write()) and puts a device for @end on its bus: if a driver
 * is registered, it is probed before this returns. Path of the ends: fake_xen_path().
 */
struct xenbus_device *fake_xen_add_device(enum fake_xen_end end, const char *type, unsigned int id);
/* Both directories go and are made once more, before anybody has seen that they had gone. */
int fake_xen_make_anew(const char *type, unsigned int id);
/*
 * Removes the device from its bus (unless it has unregistered itself), as xenbus does that has seen its directory gone;
 * the nodes stay, or are another's by now. @dev is no longer valid.
 */
void fake_xen_take_device(struct xenbus_device *dev);
/* The same; but if its directory is there, it is its driver that goes first, as when a module is unloaded. */
void fake_xen_remove_device(struct xenbus_device *dev);
/* "/local/domain/1/device/vbd/51712" or "/local/domain/0/backend/vbd/1/51712" into @buf; returns @buf. */
#define FAKE_XEN_PATH_LEN 128
char *fake_xen_path(char *buf, enum fake_xen_end end, const char *type, unsigned int id);
/* The suspend and resume of the guest, seen by one device: between them the grant table is emptied, ports close. */
int fake_xen_suspend_device(struct xenbus_device *dev);
int fake_xen_resume_device(struct xenbus_device *dev);
/* As fake_xen_suspend_device() and a resume in the same domain (a cancelled suspend). */
void fake_xen_cancel_device(struct xenbus_device *dev);
/*
 * Waits until every watch that fired has been handled, and what their callbacks left to the drivers: @wait waits for
 * one device, which keeps its driver meanwhile, and says whether there was anything to wait for.
 */
void fake_xen_settle_with(bool (*wait)(struct xenbus_device *dev));
/* The last message of xenbus_dev_fatal() or xenbus_dev_error(), or "". */
const char *fake_xen_last_error(void);
/* Fails the next xenbus_alloc_evtchn(), bind..., xenbus_setup_ring() or xenbus_map_ring_valloc(). */
enum fake_xen_step { FAKE_XEN_EVTCHN, FAKE_XEN_BIND, FAKE_XEN_SETUP_RING, FAKE_XEN_MAP_RING, FAKE_XEN_NR_STEPS };
void fake_xen_fail_step(enum fake_xen_step step, unsigned int skip, unsigned int count, int err);

/*
 * The @n-th thing that the thread of that name (a device's hooks: "pv-vbd-51712") asks of Xen, reads from or writes to
 * xenstore, or allocates is refused (0: none); and whether it was yet. What is asked for at one place in the code, with
 * the same callers, counts twice at most.
 */
void fake_xen_refuse(const char *thread, unsigned int n);
bool fake_xen_has_refused(void);

/* Event channels */

/* A port of the test's own, which a driver may bind to (it is then its remote port). */
evtchn_port_t fake_xen_peer_port(void);
/* Connects a new port of the test's own with @port that a driver allocated and wrote to xenstore. */
evtchn_port_t fake_xen_connect_port(evtchn_port_t port);
/* Notifications that arrived at the test's own port since the last call. */
unsigned long fake_xen_kicks(evtchn_port_t port);
/* Sends from the test's own port, and waits until the handler ran (or the event is held back by a late EOI). */
int fake_xen_kick(evtchn_port_t port);
/* As fake_xen_kick(), without waiting. From any context. */
int fake_xen_kick_async(evtchn_port_t port);
void fake_xen_close_port(evtchn_port_t port);
/* An upcall for a bound interrupt, without a notification of anybody: what a storm is made of. */
int fake_xen_upcall(unsigned int irq);
/* Whether the port of @irq awaits its late EOI. */
bool fake_xen_awaits_eoi(unsigned int irq);

#endif /* FAKE_XEN_H */
