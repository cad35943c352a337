// SPDX-License-Identifier: GPL-2.0
/*
 * The newer layout of events: each port has a word in an array of pages, and
 * pending ports hang one behind the other in a queue for each priority.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <xen/events.h>

#include "shim.h"

#define WORDS_A_PAGE	(PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES	(EVTCHN_FIFO_NR_CHANNELS / WORDS_A_PAGE)

static event_word_t *array[MAX_PAGES];
static unsigned int nr_pages;
static struct evtchn_fifo_control_block *control[SHIM_VCPUS];
static u32 heads[SHIM_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
/* Queues in which there is something */
static unsigned long ready[SHIM_VCPUS];
/* Of these two: another CPU empties the queues of a vCPU that is gone. */
static raw_spinlock_t scan_lock[SHIM_VCPUS];
static bool in_use;

static event_word_t *shim_word_of(evtchn_port_t nr)
{
	return &array[nr / WORDS_A_PAGE][nr % WORDS_A_PAGE];
}

static bool shim_has_word(evtchn_port_t nr)
{
	return nr / WORDS_A_PAGE < nr_pages;
}

/* Tell Xen of the array's next page, in which nothing is pending. */
static int shim_give_page(event_word_t *page)
{
	struct evtchn_expand_array arg = {
		.array_gfn = virt_to_phys(page) >> PAGE_SHIFT,
	};
	unsigned int i;

	for (i = 0; i < WORDS_A_PAGE; i++)
		page[i] = BIT(EVTCHN_FIFO_MASKED);
	return hypercalls->event(EVTCHNOP_expand_array, &arg);
}

static int shim_add_page(void)
{
	event_word_t *page = (event_word_t *)__get_free_page(GFP_KERNEL);
	int err;

	if (!page)
		return -ENOMEM;
	err = shim_give_page(page);
	if (err) {
		free_page((unsigned long)page);
		return err;
	}
	array[nr_pages] = page;
	/* The page before its number. */
	smp_wmb();
	nr_pages++;
	return 0;
}

static int shim_fifo_setup(evtchn_port_t nr)
{
	int err;

	while (!shim_has_word(nr)) {
		err = shim_add_page();
		if (err)
			return err;
	}
	return 0;
}

static void shim_fifo_bind(evtchn_port_t nr, int from, int to)
{
	/* Xen puts an event into the queue of the right vCPU. */
}

static bool shim_fifo_pending(evtchn_port_t nr)
{
	return shim_has_word(nr) && *shim_word_of(nr) & BIT(EVTCHN_FIFO_PENDING);
}

static void shim_change(event_word_t *word, u32 set, u32 clear)
{
	u32 old = READ_ONCE(*word);

	while (!try_cmpxchg(word, &old, (old | set) & ~clear))
		;
}

static void shim_fifo_clear(evtchn_port_t nr)
{
	if (shim_has_word(nr))
		shim_change(shim_word_of(nr), 0, BIT(EVTCHN_FIFO_PENDING));
}

static void shim_fifo_mask(evtchn_port_t nr)
{
	if (shim_has_word(nr))
		shim_change(shim_word_of(nr), BIT(EVTCHN_FIFO_MASKED), 0);
}

/* Xen is busy with a word for a few instructions at most. */
static void shim_fifo_unmask(evtchn_port_t nr)
{
	struct evtchn_unmask arg = { .port = nr };
	event_word_t *word = shim_word_of(nr);
	u32 old;

	if (!shim_has_word(nr))
		return;
	old = READ_ONCE(*word);
	do {
		old &= ~BIT(EVTCHN_FIFO_BUSY);
	} while (!try_cmpxchg(word, &old, old & ~BIT(EVTCHN_FIFO_MASKED)));
	if (READ_ONCE(*word) & BIT(EVTCHN_FIFO_PENDING))
		hypercalls->event(EVTCHNOP_unmask, &arg);
}

/* Take the first port out of a queue; 0 if that was the last one. */
static u32 shim_unlink_word(event_word_t *word)
{
	u32 old = READ_ONCE(*word), new;

	do {
		new = old & ~(BIT(EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK);
	} while (!try_cmpxchg(word, &old, new));
	return old & EVTCHN_FIFO_LINK_MASK;
}

/* The next event of a vCPU; 0: there is none. Caller holds its scan_lock. */
static evtchn_port_t shim_take_event(unsigned int vcpu)
{
	unsigned long *queues = &ready[vcpu];
	event_word_t *word;
	evtchn_port_t nr;
	unsigned int q;
	u32 *head;

	for (;;) {
		*queues |= xchg(&control[vcpu]->ready, 0);
		if (!*queues)
			return 0;
		q = __ffs(*queues);
		head = &heads[vcpu][q];
		if (!*head) {
			/* Xen wrote the head before it said that the queue is ready. */
			rmb();
			*head = READ_ONCE(control[vcpu]->head[q]);
		}
		nr = *head;
		if (!nr || !shim_has_word(nr)) {
			*head = 0;
			__clear_bit(q, queues);
			continue;
		}
		word = shim_word_of(nr);
		*head = shim_unlink_word(word);
		if (!*head)
			__clear_bit(q, queues);
		if ((READ_ONCE(*word) & (BIT(EVTCHN_FIFO_PENDING) |
					 BIT(EVTCHN_FIFO_MASKED))) ==
		    BIT(EVTCHN_FIFO_PENDING))
			return nr;
	}
}

/* Handlers run without the lock: theirs may be ones that sleep, in a real-time kernel. */
static void shim_fifo_scan(unsigned int vcpu)
{
	evtchn_port_t nr;

	if (!control[vcpu])
		return;
	do {
		raw_spin_lock(&scan_lock[vcpu]);
		nr = shim_take_event(vcpu);
		raw_spin_unlock(&scan_lock[vcpu]);
		if (nr)
			evtchn_deliver(nr);
	} while (nr);
}

static int shim_give_control(unsigned int vcpu,
			     struct evtchn_fifo_control_block *block)
{
	struct evtchn_init_control arg = {
		.vcpu = vcpu,
		.control_gfn = virt_to_phys(block) >> PAGE_SHIFT,
	};

	return hypercalls->event(EVTCHNOP_init_control, &arg);
}

/* A vCPU's control block, once and for all; nothing to do for two levels. */
int evtchn_fifo_vcpu(unsigned int vcpu)
{
	void *page;
	int err;

	if (!in_use || control[vcpu])
		return 0;
	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = shim_give_control(vcpu, page);
	if (err) {
		free_page((unsigned long)page);
		return err;
	}
	control[vcpu] = page;
	return 0;
}

/* Can Xen tell it of events? */
bool evtchn_fifo_ready(unsigned int vcpu)
{
	return !in_use || control[vcpu];
}

/*
 * A Xen that knows nothing of these pages: they start anew there. One that
 * has no such layout has taken none of them, and is used with two levels.
 */
int evtchn_fifo_resume(void)
{
	unsigned int vcpu, i;
	int err;

	/* vCPU 0 always has one. */
	for (vcpu = 0; vcpu < SHIM_VCPUS; vcpu++) {
		if (!control[vcpu])
			continue;
		memset(heads[vcpu], 0, sizeof(heads[vcpu]));
		ready[vcpu] = 0;
		clear_page(control[vcpu]);
		err = shim_give_control(vcpu, control[vcpu]);
		if (err && !vcpu) {
			in_use = false;
			return err;
		}
		if (err) {
			free_page((unsigned long)control[vcpu]);
			control[vcpu] = NULL;
		}
	}
	for (i = 0; i < nr_pages; i++)
		if (shim_give_page(array[i]))
			break;
	/* More are added when a port needs them. */
	while (nr_pages > i)
		free_page((unsigned long)array[--nr_pages]);
	return 0;
}

int evtchn_fifo_init(void)
{
	unsigned int vcpu;
	int err;

	for (vcpu = 0; vcpu < SHIM_VCPUS; vcpu++)
		raw_spin_lock_init(&scan_lock[vcpu]);
	in_use = true;
	err = evtchn_fifo_vcpu(0);
	if (err)
		in_use = false;
	return err;
}

const struct evtchn_layout evtchn_fifo = {
	.name = "FIFO",
	.nr_ports = EVTCHN_FIFO_NR_CHANNELS,
	.setup = shim_fifo_setup,
	.bind = shim_fifo_bind,
	.pending = shim_fifo_pending,
	.clear = shim_fifo_clear,
	.mask = shim_fifo_mask,
	.unmask = shim_fifo_unmask,
	.scan = shim_fifo_scan,
};
