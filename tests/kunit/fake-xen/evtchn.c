// SPDX-License-Identifier: GPL-2.0
/*
 * Event channels. A port that is bound to an interrupt delivers in hard interrupt context, from an irq_work, and then
 * keeps quiet until its late EOI; what arrives in between is one event more.
 */
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdesc.h>
#include <xen/events.h>

#include "internal.h"

#define NR_PORTS 1024

struct port {
	bool used;
	bool test;			/* the test's own: only counts */
	bool started;			/* its interrupt has a handler */
	bool masked;			/* delivered, EOI not seen yet */
	bool pending;
	evtchn_port_t remote;		/* 0: unbound */
	unsigned int irq;		/* 0: none */
	unsigned long received;
	struct irq_work work;
};

static DEFINE_RAW_SPINLOCK(lock);
static struct port *ports;		/* port 0 is never used */
static unsigned int nr_irqs_bound;

static void deliver(struct irq_work *work)
{
	struct port *p = container_of(work, struct port, work);
	unsigned int irq;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	irq = p->irq;
	if (irq)
		fake_xen_counts.upcalls++;
	raw_spin_unlock_irqrestore(&lock, flags);
	if (irq)
		generic_handle_irq(irq);
}

/* An event for @p. Caller holds the lock. */
static void raise(struct port *p)
{
	if (p->test) {
		p->received++;
	} else if (!p->started || p->masked) {
		p->pending = true;
	} else {
		p->pending = false;
		p->masked = true;
		irq_work_queue(&p->work);
	}
}

static struct port *by_irq(unsigned int irq)
{
	unsigned int i;

	for (i = 1; i < NR_PORTS; i++)
		if (ports[i].used && irq && ports[i].irq == irq)
			return &ports[i];
	return NULL;
}

/* The interrupt gets, or loses, its handler. */
static unsigned int port_startup(struct irq_data *data)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_irq(data->irq);
	if (p) {
		p->started = true;
		if (p->pending)
			raise(p);
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static void port_shutdown(struct irq_data *data)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_irq(data->irq);
	if (p)
		p->started = false;
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void port_nothing(struct irq_data *data)
{
}

static struct irq_chip port_chip = {
	.name = "fake-xen",
	.irq_startup = port_startup,
	.irq_shutdown = port_shutdown,
	.irq_ack = port_nothing,
	.irq_mask = port_nothing,
	.irq_unmask = port_nothing,
};

static struct port *by_number(evtchn_port_t port)
{
	return port && port < NR_PORTS && ports[port].used ? &ports[port] : NULL;
}

static evtchn_port_t take(bool test)
{
	unsigned int i;

	for (i = 1; i < NR_PORTS; i++)
		if (!ports[i].used) {
			ports[i] = (struct port){ .used = true, .test = test, .work = IRQ_WORK_INIT_HARD(deliver) };
			return i;
		}
	return 0;
}

/* Closes a port; its peer is unbound then, and its sends go nowhere. */
static void close_port(struct port *p)
{
	struct port *peer = by_number(p->remote);

	if (peer)
		peer->remote = 0;
	p->used = false;
	p->remote = 0;
}

static void connect_ports(struct port *a, struct port *b)
{
	a->remote = b - ports;
	b->remote = a - ports;
}

int fake_evtchn_alloc(evtchn_port_t *port)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	*port = take(false);
	raw_spin_unlock_irqrestore(&lock, flags);
	return *port ? 0 : -ENOSPC;
}

int fake_evtchn_free(evtchn_port_t port)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_number(port);
	if (p && WARN(p->irq, "fake-xen: port %u closed under its interrupt\n", port))
		p = NULL;
	if (p)
		close_port(p);
	raw_spin_unlock_irqrestore(&lock, flags);
	return p ? 0 : -EINVAL;
}

/* Makes an interrupt for a port. */
int bind_evtchn_to_irq_lateeoi(evtchn_port_t evtchn)
{
	int irq = fault_hits(&fake_xen_step_faults[FAKE_XEN_BIND], -ENOMEM);
	unsigned long flags;
	struct port *p;

	if (irq)
		return irq;
	irq = irq_alloc_desc(-1);
	if (irq < 0)
		return irq;
	irq_set_chip_and_handler(irq, &port_chip, handle_edge_irq);
	raw_spin_lock_irqsave(&lock, flags);
	p = by_number(evtchn);
	if (p && (p->irq || p->test))
		p = NULL;
	if (p) {
		p->irq = irq;
		nr_irqs_bound++;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	if (!p) {
		irq_free_desc(irq);
		return -EINVAL;
	}
	return irq;
}
FAKE_XEN_SYMBOL(bind_evtchn_to_irq_lateeoi);

static void unbind(unsigned int irq, void *dev_id, bool close)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_irq(irq);
	if (p) {
		p->irq = 0;
		p->started = false;
		nr_irqs_bound--;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	if (WARN(!p, "fake-xen: interrupt %u unbound, but not bound\n", irq))
		return;
	irq_work_sync(&p->work);
	if (irq_has_action(irq))
		free_irq(irq, dev_id);
	irq_free_desc(irq);
	raw_spin_lock_irqsave(&lock, flags);
	p->masked = false;
	if (close)
		close_port(p);
	raw_spin_unlock_irqrestore(&lock, flags);
}

void unbind_from_irqhandler(unsigned int irq, void *dev_id)
{
	might_sleep();
	unbind(irq, dev_id, true);
}
FAKE_XEN_SYMBOL(unbind_from_irqhandler);

static int request(int irq, irq_handler_t handler, unsigned long irqflags, const char *devname, void *dev_id)
{
	int err;

	if (irq < 0)
		return irq;
	err = request_irq(irq, handler, irqflags, devname, dev_id);
	if (err)
		unbind(irq, dev_id, false);
	return err ?: irq;
}

int bind_evtchn_to_irqhandler_lateeoi(evtchn_port_t evtchn, irq_handler_t handler, unsigned long irqflags,
				      const char *devname, void *dev_id)
{
	return request(bind_evtchn_to_irq_lateeoi(evtchn), handler, irqflags, devname, dev_id);
}
FAKE_XEN_SYMBOL(bind_evtchn_to_irqhandler_lateeoi);

/* The second end: a local port, connected with one that the other end allocated. */
static int bind_interdomain(evtchn_port_t remote_port, evtchn_port_t *local)
{
	struct port *remote, *p;
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&lock, flags);
	remote = by_number(remote_port);
	if (!remote || remote->remote) {
		err = -EINVAL;
		goto out;
	}
	*local = take(false);
	if (!*local) {
		err = -ENOSPC;
		goto out;
	}
	p = &ports[*local];
	connect_ports(p, remote);
	/* As Xen does: what the remote end sent before it was bound may be lost, so this end looks once. */
	p->pending = true;
out:
	raw_spin_unlock_irqrestore(&lock, flags);
	return err;
}

int bind_interdomain_evtchn_to_irq_lateeoi(struct xenbus_device *dev, evtchn_port_t remote_port)
{
	evtchn_port_t port;
	int irq = bind_interdomain(remote_port, &port);

	if (irq)
		return irq;
	irq = bind_evtchn_to_irq_lateeoi(port);
	if (irq < 0)
		fake_evtchn_free(port);
	return irq;
}
FAKE_XEN_SYMBOL(bind_interdomain_evtchn_to_irq_lateeoi);

int bind_interdomain_evtchn_to_irqhandler_lateeoi(struct xenbus_device *dev, evtchn_port_t remote_port,
						  irq_handler_t handler, unsigned long irqflags, const char *devname,
						  void *dev_id)
{
	evtchn_port_t port;
	int irq = bind_interdomain(remote_port, &port);

	if (irq)
		return irq;
	irq = bind_evtchn_to_irqhandler_lateeoi(port, handler, irqflags, devname, dev_id);
	if (irq < 0)
		fake_evtchn_free(port);
	return irq;
}
FAKE_XEN_SYMBOL(bind_interdomain_evtchn_to_irqhandler_lateeoi);

void notify_remote_via_irq(int irq)
{
	struct port *p, *remote;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	fake_xen_counts.sends++;
	p = by_irq(irq);
	remote = p ? by_number(p->remote) : NULL;
	if (remote)
		raise(remote);
	raw_spin_unlock_irqrestore(&lock, flags);
}
FAKE_XEN_SYMBOL(notify_remote_via_irq);

void xen_irq_lateeoi(unsigned int irq, unsigned int eoi_flags)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_irq(irq);
	if (p && p->masked) {
		fake_xen_counts.eois++;
		if (eoi_flags & XEN_EOI_FLAG_SPURIOUS)
			fake_xen_counts.spurious_eois++;
		p->masked = false;
		if (p->pending)
			raise(p);
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}
FAKE_XEN_SYMBOL(xen_irq_lateeoi);

/* For tests */

evtchn_port_t fake_xen_peer_port(void)
{
	evtchn_port_t port;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	port = take(true);
	raw_spin_unlock_irqrestore(&lock, flags);
	return port;
}
FAKE_XEN_SYMBOL(fake_xen_peer_port);

evtchn_port_t fake_xen_connect_port(evtchn_port_t remote)
{
	evtchn_port_t port = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (by_number(remote) && !by_number(remote)->remote) {
		port = take(true);
		if (port)
			connect_ports(&ports[port], by_number(remote));
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return port;
}
FAKE_XEN_SYMBOL(fake_xen_connect_port);

unsigned long fake_xen_kicks(evtchn_port_t port)
{
	unsigned long flags, kicks = 0;

	raw_spin_lock_irqsave(&lock, flags);
	if (by_number(port)) {
		kicks = ports[port].received;
		ports[port].received = 0;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return kicks;
}
FAKE_XEN_SYMBOL(fake_xen_kicks);

int fake_xen_kick_async(evtchn_port_t port)
{
	struct port *remote = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (by_number(port))
		remote = by_number(ports[port].remote);
	if (remote)
		raise(remote);
	raw_spin_unlock_irqrestore(&lock, flags);
	return remote ? 0 : -ENOTCONN;
}
FAKE_XEN_SYMBOL(fake_xen_kick_async);

int fake_xen_kick(evtchn_port_t port)
{
	evtchn_port_t remote = by_number(port) ? ports[port].remote : 0;
	int err = fake_xen_kick_async(port);

	if (!err)
		irq_work_sync(&ports[remote].work);
	return err;
}
FAKE_XEN_SYMBOL(fake_xen_kick);

void fake_xen_close_port(evtchn_port_t port)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (by_number(port))
		close_port(by_number(port));
	raw_spin_unlock_irqrestore(&lock, flags);
}
FAKE_XEN_SYMBOL(fake_xen_close_port);

int fake_xen_upcall(unsigned int irq)
{
	unsigned long flags;
	struct port *p;

	raw_spin_lock_irqsave(&lock, flags);
	p = by_irq(irq);
	if (p)
		raise(p);
	raw_spin_unlock_irqrestore(&lock, flags);
	if (!p)
		return -EINVAL;
	irq_work_sync(&p->work);
	return 0;
}
FAKE_XEN_SYMBOL(fake_xen_upcall);

bool fake_xen_awaits_eoi(unsigned int irq)
{
	struct port *p = by_irq(irq);

	return p && p->masked;
}
FAKE_XEN_SYMBOL(fake_xen_awaits_eoi);

/* For main.c */

void fake_evtchn_held(struct fake_xen_held *held)
{
	unsigned int i;

	for (i = 1; i < NR_PORTS; i++)
		held->ports += ports[i].used && !ports[i].test;
	held->irqs = nr_irqs_bound;
}

void fake_evtchn_reset(void)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&lock, flags);
	for (i = 1; i < NR_PORTS; i++) {
		/* An interrupt that a driver left behind has a handler in that driver: leave it, and it fails again. */
		if (ports[i].used && !ports[i].irq)
			close_port(&ports[i]);
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

int fake_evtchn_init(void)
{
	ports = kcalloc(NR_PORTS, sizeof(*ports), GFP_KERNEL);
	return ports ? 0 : -ENOMEM;
}

void fake_evtchn_exit(void)
{
	kfree(ports);
}
