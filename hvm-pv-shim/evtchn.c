// SPDX-License-Identifier: GPL-2.0
/*
 * Event channels as interrupts. Xen tells the guest of events by the platform
 * device's interrupt, or by a vector of each CPU; the upcall then looks up in
 * one of two layouts which ports are pending.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>
#include <asm/xen/cpuid.h>
#include <xen/events.h>
#include <xen/interface/hvm/hvm_op.h>
#include <xen/interface/hvm/params.h>
#include <xen/xenbus.h>

#include "shim.h"

/* Spurious events in a row that a peer may send before it is slowed down. */
#define SPURIOUS_FREE	1
/* And no more than this long at a time. */
#define DELAY_MAX	HZ
/* How long an event of this guest to itself may take. */
#define LINE_TIMEOUT	HZ

/* Why a port is masked. */
enum {
	MASKED_BY_IRQ = BIT(0),		/* the interrupt core wants it so */
	MASKED_BY_EOI = BIT(1),		/* its handler has not finished */
	MASKED_BY_MOVE = BIT(2),	/* it is between two CPUs */
};

/**
 * struct port - a bound event channel
 * @nr: its number; 0 if Xen has closed it
 * @irq: the interrupt that stands for it
 * @cpu: where its events go
 * @users: bindings
 * @late: its handler ends the event by xen_irq_lateeoi()
 * @kept: the toolstack made it, and wants it back
 * @lock: of @masked
 * @masked: reasons
 * @spurious: events in a row that moved nothing
 * @xb: the device, if one is known
 * @eoi: unmasks it later
 * @rcu: an upcall may still look at it
 */
struct port {
	evtchn_port_t nr;
	unsigned int irq;
	unsigned int cpu;
	unsigned int users;
	bool late;
	bool kept;
	/* The reasons, and what Xen is told of them. */
	raw_spinlock_t lock;
	unsigned int masked;
	unsigned int spurious;
	struct xenbus_device *xb;
	struct delayed_work eoi;
	struct rcu_head rcu;
};

static const struct evtchn_layout *layout;
static struct port __rcu **ports;
static struct irq_domain *port_domain;
/* Binding and unbinding, one at a time. */
static DEFINE_MUTEX(bind_lock);

/* Xen's number of each CPU, and those CPUs that have an upcall vector. */
static int vcpu_of[NR_CPUS];
static struct cpumask upcall_cpus;
static atomic_t nr_bound[NR_CPUS];
static bool per_cpu_upcalls;

static struct irq_domain *vector_domain;
static unsigned int vector_irq_of[NR_CPUS];
static int hotplug_state, dead_state;
/* The platform device's interrupt is ours. */
static bool line_taken;

/* ---- delivery ---- */

void evtchn_deliver(evtchn_port_t nr)
{
	struct port *p = rcu_dereference_raw(ports[nr]);

	if (likely(p)) {
		generic_handle_irq(p->irq);
		return;
	}
	/* Nobody's */
	layout->mask(nr);
	layout->clear(nr);
}

/* Xen's number of the CPU where a port's events go. */
static unsigned int shim_port_vcpu(const struct port *p)
{
	return per_cpu_upcalls ? vcpu_of[p->cpu] : 0;
}

static bool shim_upcall(unsigned int vcpu)
{
	struct vcpu_info *info = &shared_info->vcpu_info[vcpu];
	bool any = false;

	while (xchg(&info->evtchn_upcall_pending, 0)) {
		layout->scan(vcpu);
		any = true;
	}
	return any;
}

/* The platform device's interrupt tells of vCPU 0's events, whoever takes it. */
static irqreturn_t shim_line_upcall(int irq, void *arg)
{
	return shim_upcall(0) ? IRQ_HANDLED : IRQ_NONE;
}

static irqreturn_t shim_vector_upcall(int irq, void *arg)
{
	shim_upcall(vcpu_of[smp_processor_id()]);
	return IRQ_HANDLED;
}

/* ---- the interrupt of a port ---- */

static void shim_port_mask(struct port *p, unsigned int why)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&p->lock, flags);
	if (!p->masked && p->nr)
		layout->mask(p->nr);
	p->masked |= why;
	raw_spin_unlock_irqrestore(&p->lock, flags);
}

static void shim_port_unmask(struct port *p, unsigned int why)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&p->lock, flags);
	if (p->masked) {
		p->masked &= ~why;
		if (!p->masked && p->nr)
			layout->unmask(p->nr);
	}
	raw_spin_unlock_irqrestore(&p->lock, flags);
}

/* An interrupt that is being given back has no port any more. */

static void shim_chip_mask(struct irq_data *data)
{
	struct port *p = irq_data_get_irq_chip_data(data);

	if (p)
		shim_port_mask(p, MASKED_BY_IRQ);
}

static void shim_chip_unmask(struct irq_data *data)
{
	struct port *p = irq_data_get_irq_chip_data(data);

	if (p)
		shim_port_unmask(p, MASKED_BY_IRQ);
}

static void shim_chip_ack(struct irq_data *data)
{
	struct port *p = irq_data_get_irq_chip_data(data);

	if (!p)
		return;
	if (p->late)
		shim_port_mask(p, MASKED_BY_EOI);
	if (p->nr)
		layout->clear(p->nr);
	if (p->xb)
		atomic_inc(&p->xb->events);
}

/* The CPU of a mask that has the fewest ports. */
static unsigned int shim_choose_cpu(const struct cpumask *mask)
{
	unsigned int cpu, best = nr_cpu_ids;

	for_each_cpu_and(cpu, mask, &upcall_cpus)
		if (best >= nr_cpu_ids ||
		    atomic_read(&nr_bound[cpu]) < atomic_read(&nr_bound[best]))
			best = cpu;
	return best;
}

static int shim_bind_vcpu(evtchn_port_t nr, unsigned int vcpu)
{
	struct evtchn_bind_vcpu bind = { .port = nr, .vcpu = vcpu };

	return hypercalls->event(EVTCHNOP_bind_vcpu, &bind);
}

static int shim_move_port(struct port *p, unsigned int cpu)
{
	int err;

	if (!p->nr || p->cpu == cpu)
		return 0;
	shim_port_mask(p, MASKED_BY_MOVE);
	err = shim_bind_vcpu(p->nr, vcpu_of[cpu]);
	if (!err) {
		layout->bind(p->nr, vcpu_of[p->cpu], vcpu_of[cpu]);
		atomic_dec(&nr_bound[p->cpu]);
		atomic_inc(&nr_bound[cpu]);
		p->cpu = cpu;
	}
	/* Xen looks again whether it is pending, and tells the new CPU. */
	shim_port_unmask(p, MASKED_BY_MOVE);
	return err;
}

static int shim_chip_set_affinity(struct irq_data *data, const struct cpumask *mask,
				  bool force)
{
	struct port *p = irq_data_get_irq_chip_data(data);
	unsigned int cpu = 0;
	int err;

	if (!p)
		return -ENODEV;
	if (per_cpu_upcalls) {
		cpu = p->cpu;
		if (!cpumask_test_cpu(cpu, mask) ||
		    !cpumask_test_cpu(cpu, &upcall_cpus))
			cpu = shim_choose_cpu(mask);
		/* Better on a CPU that was not asked for than on none. */
		if (cpu >= nr_cpu_ids && !cpumask_test_cpu(p->cpu, &upcall_cpus))
			cpu = shim_choose_cpu(&upcall_cpus);
		if (cpu >= nr_cpu_ids)
			return -EINVAL;
		err = shim_move_port(p, cpu);
		if (err)
			return err;
	}
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK;
}

static struct irq_chip port_chip = {
	.name = "xen-event",
	.irq_mask = shim_chip_mask,
	.irq_unmask = shim_chip_unmask,
	.irq_ack = shim_chip_ack,
	.irq_set_affinity = shim_chip_set_affinity,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int shim_port_domain_map(struct irq_domain *d, unsigned int irq,
				irq_hw_number_t nr)
{
	irq_set_chip_and_handler_name(irq, &port_chip, handle_edge_irq, "event");
	irq_set_status_flags(irq, IRQ_MOVE_PCNTXT);
	return 0;
}

static const struct irq_domain_ops port_domain_ops = {
	.map = shim_port_domain_map,
};

/* ---- late EOI ---- */

static void shim_eoi_work(struct work_struct *work)
{
	struct port *p = container_of(to_delayed_work(work), struct port, eoi);

	shim_port_unmask(p, MASKED_BY_EOI);
}

static unsigned long shim_eoi_delay(struct port *p, unsigned int flags)
{
	unsigned long delay;

	if (!(flags & XEN_EOI_FLAG_SPURIOUS)) {
		p->spurious = 0;
		return 0;
	}
	p->spurious++;
	if (p->xb)
		atomic_inc(&p->xb->spurious_events);
	if (p->spurious <= (p->xb ? p->xb->spurious_threshold : SPURIOUS_FREE))
		return 0;
	delay = min(1UL << min(p->spurious - SPURIOUS_FREE, 16U),
		    (unsigned long)DELAY_MAX);
	if (p->xb)
		atomic_add(delay, &p->xb->jiffies_eoi_delayed);
	return delay;
}

/**
 * xen_irq_lateeoi() - the handler's work is done: let the next event come
 * @irq: the interrupt
 * @eoi_flags: XEN_EOI_FLAG_SPURIOUS if the event had announced nothing
 *
 * The more spurious events follow each other, the longer the next one waits.
 *
 * Context: any.
 */
void xen_irq_lateeoi(unsigned int irq, unsigned int eoi_flags)
{
	struct port *p;
	unsigned long delay;

	rcu_read_lock();
	p = irq_get_chip_data(irq);
	if (p && p->late) {
		delay = shim_eoi_delay(p, eoi_flags);
		if (delay)
			queue_delayed_work(system_wq, &p->eoi, delay);
		else
			shim_port_unmask(p, MASKED_BY_EOI);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(xen_irq_lateeoi);

/* ---- binding ---- */

static void shim_close_port(evtchn_port_t nr)
{
	struct evtchn_close arg = { .port = nr };

	hypercalls->event(EVTCHNOP_close, &arg);
}

/* Caller holds bind_lock. */
static struct port *shim_port_by_nr(evtchn_port_t nr)
{
	return rcu_dereference_protected(ports[nr],
					 lockdep_is_held(&bind_lock));
}

/*
 * All CPUs take their share of the ports. One that the interrupt may not have is
 * left when its handler is installed.
 */
static unsigned int shim_next_cpu(void)
{
	unsigned int cpu = nr_cpu_ids;

	if (per_cpu_upcalls)
		cpu = shim_choose_cpu(&upcall_cpus);
	return cpu < nr_cpu_ids ? cpu : 0;
}

/* Let events of a masked port reach it. */
static void shim_attach_port(struct port *p, evtchn_port_t nr)
{
	layout->mask(nr);
	/* Xen has bound it to its vCPU 0, which need not be this kernel's. */
	if (shim_port_vcpu(p) && shim_bind_vcpu(nr, shim_port_vcpu(p)))
		p->cpu = 0;
	layout->bind(nr, -1, shim_port_vcpu(p));
	atomic_inc(&nr_bound[p->cpu]);
	p->nr = nr;
	rcu_assign_pointer(ports[nr], p);
}

static int shim_bind_port(evtchn_port_t nr, bool late, struct xenbus_device *xb,
			  bool kept)
{
	irq_hw_number_t hwirq = nr;
	unsigned int irq;
	struct port *p;
	int err = -EINVAL;

	mutex_lock(&bind_lock);
	if (!nr || nr >= layout->nr_ports)
		goto out;
	p = shim_port_by_nr(nr);
	if (p) {
		if (p->late == late) {
			p->users++;
			err = p->irq;
		}
		goto out;
	}
	err = layout->setup(nr);
	if (err)
		goto out;
	err = -ENOMEM;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		goto out;
	/* One that lost its port by a suspend may still stand under its number. */
	while (irq_find_mapping(port_domain, hwirq))
		hwirq += EVTCHN_FIFO_NR_CHANNELS;
	irq = irq_create_mapping(port_domain, hwirq);
	if (!irq) {
		kfree(p);
		goto out;
	}
	p->irq = irq;
	p->users = 1;
	p->late = late;
	p->kept = kept;
	p->xb = xb;
	p->masked = MASKED_BY_IRQ;
	raw_spin_lock_init(&p->lock);
	INIT_DELAYED_WORK(&p->eoi, shim_eoi_work);
	irq_set_chip_data(irq, p);
	if (xb)
		atomic_inc(&xb->event_channels);
	p->cpu = shim_next_cpu();
	shim_attach_port(p, nr);
	err = irq;
out:
	mutex_unlock(&bind_lock);
	return err;
}

/* No new upcall finds it any more; Xen may give its number to somebody else. */
static void shim_port_detach(struct port *p, bool close)
{
	evtchn_port_t nr = p->nr;

	if (!nr)
		return;
	shim_port_mask(p, MASKED_BY_MOVE);
	rcu_assign_pointer(ports[nr], NULL);
	layout->bind(nr, shim_port_vcpu(p), -1);
	layout->clear(nr);
	/* From here on it may be somebody else's. */
	if (close)
		shim_close_port(nr);
	atomic_dec(&nr_bound[p->cpu]);
	p->nr = 0;
}

static void shim_unbind_port(unsigned int irq)
{
	struct port *p;

	mutex_lock(&bind_lock);
	p = irq_get_chip_data(irq);
	if (p && !--p->users) {
		/* The interrupt core changes nothing of it any more. */
		irq_set_chip_data(irq, NULL);
		shim_port_detach(p, !p->kept);
		/* Nor does an upcall, or xen_irq_lateeoi(). */
		synchronize_rcu();
		cancel_delayed_work_sync(&p->eoi);
		if (p->xb)
			atomic_dec(&p->xb->event_channels);
		irq_dispose_mapping(irq);
		kfree(p);
	}
	mutex_unlock(&bind_lock);
}

static int shim_bind_handler(int irq, irq_handler_t handler, unsigned long irqflags,
			     const char *name, void *arg)
{
	int err;

	if (irq < 0)
		return irq;
	err = request_irq(irq, handler, irqflags, name, arg);
	if (err) {
		shim_unbind_port(irq);
		return err;
	}
	return irq;
}

/* A port that was made for this: nobody else would close it. */
static int shim_bind_new(evtchn_port_t nr, bool late, struct xenbus_device *xb)
{
	int irq = shim_bind_port(nr, late, xb, false);

	if (irq < 0)
		shim_close_port(nr);
	return irq;
}

static int shim_bind_interdomain(struct xenbus_device *xb, evtchn_port_t remote_port,
				 bool late)
{
	struct evtchn_bind_interdomain bind = {
		.remote_dom = xb->otherend_id,
		.remote_port = remote_port,
	};
	int err;

	err = hypercalls->event(EVTCHNOP_bind_interdomain, &bind);
	return err ?: shim_bind_new(bind.local_port, late, xb);
}

/* A port of the toolstack's: it is never closed, only let go. */
int evtchn_bind_kept(evtchn_port_t nr, irq_handler_t handler, const char *name,
		     void *arg)
{
	return shim_bind_handler(shim_bind_port(nr, false, NULL, true), handler, 0, name,
				 arg);
}

void evtchn_unbind_kept(unsigned int irq, void *arg)
{
	free_irq(irq, arg);
	shim_unbind_port(irq);
}

/* After a resume the toolstack has made a new one; nobody uses the old one. */
int evtchn_rebind_kept(unsigned int irq, evtchn_port_t nr)
{
	struct port *p = irq_get_chip_data(irq);
	int err = -EINVAL;

	mutex_lock(&bind_lock);
	if (nr && nr < layout->nr_ports && !shim_port_by_nr(nr))
		err = layout->setup(nr);
	if (!err) {
		p->masked |= MASKED_BY_MOVE;
		if (!cpumask_test_cpu(p->cpu, &upcall_cpus))
			p->cpu = shim_next_cpu();
		shim_attach_port(p, nr);
		shim_port_unmask(p, MASKED_BY_MOVE);
	}
	mutex_unlock(&bind_lock);
	return err;
}

/**
 * bind_evtchn_to_irq() - give an event channel an interrupt number
 * @evtchn: a port of this guest
 *
 * Return: the interrupt or a negative errno.
 */
int bind_evtchn_to_irq(evtchn_port_t evtchn)
{
	return shim_bind_port(evtchn, false, NULL, false);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irq);

/** bind_evtchn_to_irq_lateeoi() - the same, ended by xen_irq_lateeoi() */
int bind_evtchn_to_irq_lateeoi(evtchn_port_t evtchn)
{
	return shim_bind_port(evtchn, true, NULL, false);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irq_lateeoi);

/** bind_evtchn_to_irqhandler() - and install its handler */
int bind_evtchn_to_irqhandler(evtchn_port_t evtchn, irq_handler_t handler,
			      unsigned long irqflags, const char *devname,
			      void *dev_id)
{
	return shim_bind_handler(shim_bind_port(evtchn, false, NULL, false), handler,
				 irqflags, devname, dev_id);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irqhandler);

/** bind_evtchn_to_irqhandler_lateeoi() - and install its handler */
int bind_evtchn_to_irqhandler_lateeoi(evtchn_port_t evtchn,
				      irq_handler_t handler,
				      unsigned long irqflags,
				      const char *devname, void *dev_id)
{
	return shim_bind_handler(shim_bind_port(evtchn, true, NULL, false), handler,
				 irqflags, devname, dev_id);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irqhandler_lateeoi);

/** bind_interdomain_evtchn_to_irq_lateeoi() - bind the peer's event channel */
int bind_interdomain_evtchn_to_irq_lateeoi(struct xenbus_device *dev,
					   evtchn_port_t remote_port)
{
	return shim_bind_interdomain(dev, remote_port, true);
}
EXPORT_SYMBOL_GPL(bind_interdomain_evtchn_to_irq_lateeoi);

/** bind_interdomain_evtchn_to_irqhandler_lateeoi() - and install its handler */
int bind_interdomain_evtchn_to_irqhandler_lateeoi(struct xenbus_device *dev,
						  evtchn_port_t remote_port,
						  irq_handler_t handler,
						  unsigned long irqflags,
						  const char *devname,
						  void *dev_id)
{
	return shim_bind_handler(shim_bind_interdomain(dev, remote_port, true), handler,
				 irqflags, devname, dev_id);
}
EXPORT_SYMBOL_GPL(bind_interdomain_evtchn_to_irqhandler_lateeoi);

/**
 * unbind_from_irqhandler() - take handler and interrupt away, close the port
 * @irq: the interrupt
 * @dev_id: the handler's argument; NULL if it has none
 *
 * Context: process, may sleep.
 */
void unbind_from_irqhandler(unsigned int irq, void *dev_id)
{
	if (!irq_get_chip_data(irq))
		return;
	if (dev_id)
		free_irq(irq, dev_id);
	shim_unbind_port(irq);
}
EXPORT_SYMBOL_GPL(unbind_from_irqhandler);

/**
 * notify_remote_via_irq() - send an event
 * @irq: the interrupt of the event channel
 *
 * Context: any.
 */
void notify_remote_via_irq(int irq)
{
	struct evtchn_send send = { };
	struct port *p;

	rcu_read_lock();
	p = irq_get_chip_data(irq);
	if (p)
		send.port = READ_ONCE(p->nr);
	rcu_read_unlock();
	if (send.port)
		hypercalls->event(EVTCHNOP_send, &send);
}
EXPORT_SYMBOL_GPL(notify_remote_via_irq);

/* ---- a vector on each CPU ---- */

static struct irq_chip vector_chip = {
	.name = "xen-upcall",
	.irq_ack = irq_chip_ack_parent,
};

static int shim_vector_alloc(struct irq_domain *d, unsigned int irq,
			     unsigned int nr, void *arg)
{
	int err = irq_domain_alloc_irqs_parent(d, irq, nr, arg);

	if (!err)
		irq_domain_set_info(d, irq, irq, &vector_chip, NULL,
				    handle_edge_irq, NULL, "edge");
	return err;
}

static const struct irq_domain_ops vector_domain_ops = {
	.alloc = shim_vector_alloc,
	.free = irq_domain_free_irqs_common,
};

static int shim_set_upcall_vector(unsigned int vcpu, u8 vector)
{
	struct xen_hvm_evtchn_upcall_vector arg = {
		.vcpu = vcpu,
		.vector = vector,
	};

	return hypercalls->hvm(HVMOP_set_evtchn_upcall_vector, &arg);
}

/* Xen's number for the CPU that runs this */
static int shim_read_vcpu(void)
{
	u32 leaf = xen_cpuid + 4;

	if (cpuid_eax(xen_cpuid) >= leaf &&
	    cpuid_eax(leaf) & XEN_HVM_CPUID_VCPU_ID_PRESENT)
		return cpuid_ebx(leaf);
	return smp_processor_id();
}

/*
 * The vector must be one of this CPU, also when it is made valid, which goes by
 * the interrupt's affinity: that is not left to irq_default_affinity.
 */
static int shim_alloc_vector(unsigned int cpu)
{
	struct irq_alloc_info info = { .mask = cpumask_of(cpu) };
	struct irq_affinity_desc *here;
	int irq;

	here = kzalloc(sizeof(*here), GFP_KERNEL);
	if (!here)
		return -ENOMEM;
	cpumask_set_cpu(cpu, &here->mask);
	irq = __irq_domain_alloc_irqs(vector_domain, -1, 1, cpu_to_node(cpu),
				      &info, false, here);
	kfree(here);
	return irq;
}

static bool shim_vector_is_here(unsigned int irq, unsigned int cpu)
{
	struct irq_data *data = irq_get_irq_data(irq);

	return cpumask_equal(irq_data_get_effective_affinity_mask(data),
			     cpumask_of(cpu));
}

static int shim_install_vector(unsigned int cpu)
{
	int irq, err;

	err = evtchn_fifo_vcpu(vcpu_of[cpu]);
	if (err)
		return err;
	irq = shim_alloc_vector(cpu);
	if (irq < 0)
		return irq;
	err = request_irq(irq, shim_vector_upcall,
			  IRQF_NOBALANCING | IRQF_NO_THREAD | IRQF_PERCPU,
			  "xen-upcall", &vector_irq_of[cpu]);
	if (err)
		goto no_handler;
	err = -EXDEV;
	if (shim_vector_is_here(irq, cpu))
		err = shim_set_upcall_vector(vcpu_of[cpu],
					     irqd_cfg(irq_get_irq_data(irq))->vector);
	if (err)
		goto no_vector;
	vector_irq_of[cpu] = irq;
	cpumask_set_cpu(cpu, &upcall_cpus);
	return 0;

no_vector:
	free_irq(irq, &vector_irq_of[cpu]);
no_handler:
	irq_dispose_mapping(irq);
	return err;
}

/*
 * A CPU without a vector takes no events, its ports go to others. That is no
 * reason to do without the CPU.
 */
static int shim_vector_online(unsigned int cpu)
{
	int err;

	vcpu_of[cpu] = shim_read_vcpu();
	if (vcpu_of[cpu] >= SHIM_VCPUS)
		return 0;
	/* At the start: without one for CPU 0 there are none at all. */
	if (cpu && !per_cpu_upcalls && !cpumask_test_cpu(0, &upcall_cpus))
		return 0;
	err = shim_install_vector(cpu);
	if (err)
		pr_warn("CPU %u has no upcall vector: error %d\n", cpu, err);
	return 0;
}

/* The interrupt core moves the ports elsewhere when the CPU goes. */
static int shim_vector_offline(unsigned int cpu)
{
	if (!vector_irq_of[cpu])
		return 0;
	cpumask_clear_cpu(cpu, &upcall_cpus);
	free_irq(vector_irq_of[cpu], &vector_irq_of[cpu]);
	irq_dispose_mapping(vector_irq_of[cpu]);
	vector_irq_of[cpu] = 0;
	return 0;
}

/* What Xen had queued for a CPU that does not run any more. */
static int shim_vector_dead(unsigned int cpu)
{
	if (per_cpu_upcalls && vcpu_of[cpu] < SHIM_VCPUS) {
		local_irq_disable();
		shim_upcall(vcpu_of[cpu]);
		local_irq_enable();
	}
	return 0;
}

static void shim_vectors_exit(void)
{
	if (hotplug_state > 0)
		cpuhp_remove_state(hotplug_state);
	if (dead_state > 0)
		cpuhp_remove_state_nocalls(dead_state);
	hotplug_state = 0;
	dead_state = 0;
	per_cpu_upcalls = false;
	if (vector_domain) {
		struct fwnode_handle *fwnode = vector_domain->fwnode;

		irq_domain_remove(vector_domain);
		irq_domain_free_fwnode(fwnode);
		vector_domain = NULL;
	}
}

static int shim_vectors_init(void)
{
	struct fwnode_handle *fwnode = irq_domain_alloc_named_fwnode("xen-upcall");
	int state;

	if (!fwnode)
		return -ENOMEM;
	vector_domain = irq_domain_create_hierarchy(x86_vector_domain, 0, 0,
						    fwnode, &vector_domain_ops,
						    NULL);
	if (!vector_domain) {
		irq_domain_free_fwnode(fwnode);
		return -ENOMEM;
	}
	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					  "xen/upcall:dead", NULL, shim_vector_dead);
	if (state < 0) {
		shim_vectors_exit();
		return state;
	}
	dead_state = state;
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "xen/upcall:online",
				  shim_vector_online, shim_vector_offline);
	if (state < 0) {
		shim_vectors_exit();
		return state;
	}
	hotplug_state = state;
	if (!cpumask_test_cpu(0, &upcall_cpus)) {
		shim_vectors_exit();
		return -ENODEV;
	}
	per_cpu_upcalls = true;
	return 0;
}

/* ---- the platform device's interrupt ---- */

static int shim_line_init(void)
{
	u64 via = (u64)HVM_PARAM_CALLBACK_TYPE_PCI_INTX << 56 |
		  (u64)pci_domain_nr(platform->bus) << 32 |
		  platform->bus->number << 16 |
		  (platform->devfn & 0xff) << 8 |
		  ((platform->pin - 1) & 3);

	return hvm_param_set(HVM_PARAM_CALLBACK_IRQ, via);
}

static irqreturn_t shim_line_heard(int irq, void *heard)
{
	complete(heard);
	return IRQ_HANDLED;
}

/*
 * A vCPU to which a former load, or a former kernel, has given a vector is not
 * interrupted by the line any more: Xen can change a vector, not take it back.
 */
static bool shim_line_works(void)
{
	DECLARE_COMPLETION_ONSTACK(heard);
	struct evtchn_bind_ipi ipi = { };
	bool works;
	int irq;

	if (hypercalls->event(EVTCHNOP_bind_ipi, &ipi))
		return true;
	irq = shim_bind_handler(shim_bind_new(ipi.port, false, NULL), shim_line_heard, 0,
				KBUILD_MODNAME, &heard);
	if (irq < 0)
		return true;
	notify_remote_via_irq(irq);
	works = wait_for_completion_timeout(&heard, LINE_TIMEOUT);
	unbind_from_irqhandler(irq, &heard);
	return works;
}

static int shim_interrupts_init(bool vectors)
{
	int err = vectors ? shim_vectors_init() : -ENODEV;
	int line = shim_line_init();

	if (line) {
		shim_vectors_exit();
		pr_err("Xen cannot interrupt by the platform device: error %d\n",
		       line);
		return line;
	}
	if (err && !shim_line_works()) {
		pr_info("vectors are in use from before, and stay so\n");
		err = shim_vectors_init();
		if (err) {
			hvm_param_set(HVM_PARAM_CALLBACK_IRQ, 0);
			pr_err("Xen interrupts neither by the platform device nor by a vector: error %d\n",
			       err);
			return err;
		}
	}
	/* Not fatal: vCPU 0 takes all events then. */
	pr_info("events: %s layout, %s\n", layout->name,
		err ? "the platform device's interrupt" : "a vector on each CPU");
	return 0;
}

/* ---- start and end ---- */

/* Ports that another kernel has left behind, but not those of the toolstack. */
static void shim_close_left_ports(void)
{
	u64 store, console;
	evtchn_port_t nr;

	/* Rather close none than those. */
	if (hvm_param_get(HVM_PARAM_STORE_EVTCHN, &store) ||
	    hvm_param_get(HVM_PARAM_CONSOLE_EVTCHN, &console))
		return;
	for (nr = 1; nr < layout->nr_ports; nr++) {
		struct evtchn_status status = { .dom = DOMID_SELF, .port = nr };

		if (hypercalls->event(EVTCHNOP_status, &status) == -EINVAL)
			break;
		if (nr != store && nr != console &&
		    status.status != EVTCHNSTAT_closed)
			shim_close_port(nr);
	}
}

/* What another kernel has not heard. */
static void shim_forget_upcalls(void)
{
	unsigned int vcpu;

	for (vcpu = 0; vcpu < SHIM_VCPUS; vcpu++) {
		struct vcpu_info *info = &shared_info->vcpu_info[vcpu];

		WRITE_ONCE(info->evtchn_pending_sel, 0);
		WRITE_ONCE(info->evtchn_upcall_pending, 0);
	}
}

static void shim_free_line(void)
{
	if (line_taken)
		free_irq(platform->irq, platform);
	line_taken = false;
}

int evtchn_init(bool vectors, bool fifo)
{
	unsigned int cpu;
	int err;

	layout = &evtchn_2level;
	for_each_possible_cpu(cpu)
		vcpu_of[cpu] = cpu;
	ports = kvcalloc(EVTCHN_FIFO_NR_CHANNELS, sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	err = evtchn_2level_init();
	if (err)
		goto no_layout;
	if (fifo) {
		err = evtchn_fifo_init();
		if (err) {
			pr_info("no FIFO event channels: error %d\n", err);
		} else {
			layout = &evtchn_fifo;
			/* Xen writes to those pages for ever. */
			__module_get(THIS_MODULE);
		}
	}
	shim_forget_upcalls();
	shim_close_left_ports();

	err = -ENOMEM;
	port_domain = irq_domain_add_tree(NULL, &port_domain_ops, NULL);
	if (!port_domain)
		goto no_layout;
	/* Ports' handlers are in their turn threads' where the kernel wants that. */
	err = request_irq(platform->irq, shim_line_upcall,
			  IRQF_SHARED | IRQF_NOBALANCING | IRQF_NO_THREAD,
			  KBUILD_MODNAME, platform);
	if (err) {
		pr_err("cannot have the platform device's interrupt: error %d\n",
		       err);
		goto no_irq;
	}
	line_taken = true;
	err = shim_interrupts_init(vectors);
	if (!err)
		return 0;
	shim_free_line();
no_irq:
	irq_domain_remove(port_domain);
no_layout:
	kvfree(ports);
	return err;
}

void evtchn_exit(void)
{
	/* Xen interrupts all vCPUs at this: as long as they have a handler. */
	hvm_param_set(HVM_PARAM_CALLBACK_IRQ, 0);
	shim_vectors_exit();
	shim_free_line();
	irq_domain_remove(port_domain);
	kvfree(ports);
	ports = NULL;
}

/* The platform device goes. Says whether events come without its interrupt. */
bool evtchn_line_lost(void)
{
	hvm_param_set(HVM_PARAM_CALLBACK_IRQ, 0);
	shim_free_line();
	return per_cpu_upcalls;
}

/* Before another kernel is started: it shall not be interrupted by us. */
void evtchn_shutdown(void)
{
	evtchn_2level_mask_all();
	hvm_param_set(HVM_PARAM_CALLBACK_IRQ, 0);
}

/*
 * In a Xen that knows nothing of this guest's ports. All other CPUs stand
 * still, interrupts are off.
 */
int evtchn_resume(void)
{
	unsigned int cpu;
	evtchn_port_t nr;
	int err = 0;

	evtchn_2level_mask_all();
	for (nr = 1; nr < layout->nr_ports; nr++) {
		struct port *p = rcu_dereference_raw(ports[nr]);

		if (p)
			shim_port_detach(p, false);
	}
	if (layout == &evtchn_fifo && evtchn_fifo_resume())
		layout = &evtchn_2level;
	if (line_taken)
		err = shim_line_init();
	for_each_cpu(cpu, &upcall_cpus) {
		struct irq_data *data = irq_get_irq_data(vector_irq_of[cpu]);

		if (evtchn_fifo_ready(vcpu_of[cpu]) &&
		    !shim_set_upcall_vector(vcpu_of[cpu], irqd_cfg(data)->vector))
			continue;
		pr_err("CPU %u has lost its upcall vector\n", cpu);
		cpumask_clear_cpu(cpu, &upcall_cpus);
		if (!cpu)
			per_cpu_upcalls = false;
	}
	return per_cpu_upcalls ? 0 : err;
}
