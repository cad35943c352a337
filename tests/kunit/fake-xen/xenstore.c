// SPDX-License-Identifier: GPL-2.0
/*
 * Xenstore: a list of paths with values. A transaction keeps its writes to itself until it ends. Watches fire from
 * one thread, one after the other, as the kernel's do.
 */
#include <linux/kthread.h>
#include <linux/wait.h>

#include "internal.h"

struct node {
	struct list_head list;
	char *path;
	char *value;
};

/* A write (or, without a value, a removal) that a transaction has not made public yet. */
struct change {
	struct list_head list;
	char *path;
	char *value;
};

struct transaction {
	struct list_head list;
	u32 id;
	struct list_head changes;
};

struct event {
	struct list_head list;
	struct xenbus_watch *watch;
	char *path;
};

/* Nodes and transactions. */
static DEFINE_MUTEX(store_mutex);
static LIST_HEAD(nodes);
static LIST_HEAD(transactions);
static u32 last_id;
static unsigned int conflicts;
static struct fault write_fault;
static struct { const char *node, *value; } rewrites[8];
static struct fault read_fault;
static char *read_fault_path;

/* Watches and their events; held for the whole of a callback: run_mutex. */
static DEFINE_SPINLOCK(watch_lock);
static DEFINE_MUTEX(run_mutex);
static LIST_HEAD(watches);
static LIST_HEAD(events);
static DECLARE_WAIT_QUEUE_HEAD(watch_wait);
static unsigned int nr_events;
static bool running;
static struct task_struct *watch_task;

/* Whether @path is @dir or below it. */
static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/* A relative path belongs to the domain that has that end. */
static char *make_path(gfp_t gfp, const char *dir, const char *node)
{
	const char *slash = *node ? "/" : "";

	if (*dir == '/')
		return kasprintf(gfp, "%s%s%s", dir, slash, node);
	return kasprintf(gfp, "/local/domain/%d/%s%s%s",
			 below(dir, "backend") ? FAKE_XEN_BACK_DOMID : FAKE_XEN_FRONT_DOMID, dir, slash, node);
}

static char *full_path(const char *dir, const char *node)
{
	return make_path(GFP_KERNEL, dir, node);
}

/* Watches */

/* Caller holds watch_lock. */
static void queue_event(struct xenbus_watch *w, const char *path)
{
	struct event *e;

	if (w->will_handle && !w->will_handle(w, path, w->node))
		return;
	e = kzalloc(sizeof(*e), GFP_ATOMIC);
	if (e)
		e->path = kstrdup(path, GFP_ATOMIC);
	if (WARN_ON(!e || !e->path)) {
		kfree(e);
		return;
	}
	e->watch = w;
	w->nr_pending++;
	list_add_tail(&e->list, &events);
	nr_events++;
}

static void fire(const char *path)
{
	struct xenbus_watch *w;
	unsigned long flags;

	spin_lock_irqsave(&watch_lock, flags);
	list_for_each_entry(w, &watches, list) {
		char *node = make_path(GFP_ATOMIC, w->node, "");

		/* A node that goes away takes those below it along. */
		if (!WARN_ON(!node) && (below(path, node) || below(node, path)))
			queue_event(w, path);
		kfree(node);
	}
	spin_unlock_irqrestore(&watch_lock, flags);
	wake_up_all(&watch_wait);
}

static struct event *next_event(void)
{
	struct event *e;
	unsigned long flags;

	spin_lock_irqsave(&watch_lock, flags);
	e = list_first_entry_or_null(&events, struct event, list);
	if (e) {
		list_del(&e->list);
		e->watch->nr_pending--;
	}
	spin_unlock_irqrestore(&watch_lock, flags);
	return e;
}

static int watch_thread(void *unused)
{
	while (!kthread_should_stop()) {
		struct event *e;

		wait_event_interruptible(watch_wait, !list_empty(&events) || kthread_should_stop());
		mutex_lock(&run_mutex);
		running = true;
		e = next_event();
		if (e) {
			e->watch->callback(e->watch, e->path, e->watch->node);
			kfree(e->path);
			kfree(e);
		}
		running = false;
		mutex_unlock(&run_mutex);
		wake_up_all(&watch_wait);
	}
	return 0;
}

/* How many events there have been */
unsigned int fake_store_events(void)
{
	return READ_ONCE(nr_events);
}

void fake_xen_settle(void)
{
	if (WARN_ON(current == watch_task))
		return;
	wait_event(watch_wait, list_empty(&events) && !READ_ONCE(running));
	/* A callback that has just begun. */
	mutex_lock(&run_mutex);
	mutex_unlock(&run_mutex);
}
FAKE_XEN_SYMBOL(fake_xen_settle);

int register_xenbus_watch(struct xenbus_watch *watch)
{
	char *path = full_path(watch->node, "");
	unsigned long flags;

	if (!path)
		return -ENOMEM;
	spin_lock_irqsave(&watch_lock, flags);
	watch->nr_pending = 0;
	list_add_tail(&watch->list, &watches);
	/* Xenstore fires every new watch once. */
	queue_event(watch, path);
	spin_unlock_irqrestore(&watch_lock, flags);
	wake_up_all(&watch_wait);
	kfree(path);
	return 0;
}
FAKE_XEN_SYMBOL(register_xenbus_watch);

void unregister_xenbus_watch(struct xenbus_watch *watch)
{
	struct event *e, *next;
	unsigned long flags;

	spin_lock_irqsave(&watch_lock, flags);
	list_del(&watch->list);
	list_for_each_entry_safe(e, next, &events, list)
		if (e->watch == watch) {
			list_del(&e->list);
			kfree(e->path);
			kfree(e);
		}
	watch->nr_pending = 0;
	spin_unlock_irqrestore(&watch_lock, flags);

	/* When this returns, its callback runs no more (unless it is the caller). */
	if (current != watch_task) {
		mutex_lock(&run_mutex);
		mutex_unlock(&run_mutex);
	}
}
FAKE_XEN_SYMBOL(unregister_xenbus_watch);

unsigned int fake_store_watches(void)
{
	struct xenbus_watch *w;
	unsigned long flags;
	unsigned int nr = 0;

	spin_lock_irqsave(&watch_lock, flags);
	list_for_each_entry(w, &watches, list)
		nr++;
	spin_unlock_irqrestore(&watch_lock, flags);
	return nr;
}

/* Nodes. Callers hold store_mutex. */

static struct node *find(const char *path)
{
	struct node *n;

	list_for_each_entry(n, &nodes, list)
		if (!strcmp(n->path, path))
			return n;
	return NULL;
}

static void drop(struct node *n)
{
	list_del(&n->list);
	kfree(n->path);
	kfree(n->value);
	kfree(n);
}

static int put(const char *path, const char *value)
{
	struct node *n = find(path);
	char *copy = kstrdup(value, GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	if (n) {
		kfree(n->value);
		n->value = copy;
		return 0;
	}
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (n)
		n->path = kstrdup(path, GFP_KERNEL);
	if (!n || !n->path) {
		kfree(n);
		kfree(copy);
		return -ENOMEM;
	}
	n->value = copy;
	list_add_tail(&n->list, &nodes);
	return 0;
}

static void prune(const char *path)
{
	struct node *n, *next;

	list_for_each_entry_safe(n, next, &nodes, list)
		if (below(n->path, path))
			drop(n);
}

static struct transaction *transaction(u32 id)
{
	struct transaction *t;

	list_for_each_entry(t, &transactions, list)
		if (t->id == id)
			return t;
	return NULL;
}

/* The value at @path as the transaction sees it; NULL if there is none. A directory has the empty value. */
static const char *lookup(struct xenbus_transaction xbt, const char *path)
{
	struct transaction *t = xbt.id ? transaction(xbt.id) : NULL;
	const char *value = NULL;
	struct change *c;
	struct node *n;

	list_for_each_entry(n, &nodes, list) {
		if (!strcmp(n->path, path)) {
			value = n->value;
			break;
		}
		if (below(n->path, path))
			value = "";
	}
	if (!t)
		return value;
	list_for_each_entry(c, &t->changes, list) {
		if (!c->value && below(path, c->path))
			value = NULL;
		else if (c->value && !strcmp(c->path, path))
			value = c->value;
		else if (c->value && !value && below(c->path, path))
			value = "";
	}
	return value;
}

/* Does or notes a write (@value) or a removal (NULL). Consumes @path. */
static int alter(struct xenbus_transaction xbt, char *path, const char *value)
{
	struct transaction *t = NULL;
	struct change *c;
	int err;

	if (!path)
		return -ENOMEM;
	err = fault_hits(&write_fault, -ENOMEM);
	if (err)
		goto out;
	mutex_lock(&store_mutex);
	fake_xen_counts.store_writes++;
	if (xbt.id)
		t = transaction(xbt.id);
	if (xbt.id && !t) {
		err = -ENOENT;
	} else if (!value && !lookup(xbt, path)) {
		err = -ENOENT;
	} else if (!t) {
		if (value)
			err = put(path, value);
		else
			prune(path);
	} else {
		c = kzalloc(sizeof(*c), GFP_KERNEL);
		if (!c) {
			err = -ENOMEM;
		} else {
			c->path = kstrdup(path, GFP_KERNEL);
			c->value = value ? kstrdup(value, GFP_KERNEL) : NULL;
			list_add_tail(&c->list, &t->changes);
		}
	}
	mutex_unlock(&store_mutex);
	if (!err && !t)
		fire(path);
out:
	kfree(path);
	return err;
}

int xenbus_write(struct xenbus_transaction t, const char *dir, const char *node, const char *string)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rewrites); i++)
		if (rewrites[i].value && !strcmp(rewrites[i].node, node))
			string = rewrites[i].value;
	return alter(t, full_path(dir, node), string);
}
FAKE_XEN_SYMBOL(xenbus_write);

int xenbus_rm(struct xenbus_transaction t, const char *dir, const char *node)
{
	return alter(t, full_path(dir, node), NULL);
}
FAKE_XEN_SYMBOL(xenbus_rm);

int xenbus_printf(struct xenbus_transaction t, const char *dir, const char *node, const char *fmt, ...)
{
	va_list ap;
	char *value;
	int err;

	va_start(ap, fmt);
	value = kvasprintf(GFP_KERNEL, fmt, ap);
	va_end(ap);
	if (!value)
		return -ENOMEM;
	err = xenbus_write(t, dir, node, value);
	kfree(value);
	return err;
}
FAKE_XEN_SYMBOL(xenbus_printf);

static char *copy_of(struct xenbus_transaction t, const char *path)
{
	const char *value = lookup(t, path);

	if (!value)
		return ERR_PTR(-ENOENT);
	return kstrdup(value, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}

/* What a driver reads; caller holds store_mutex. */
static int read_fails(const char *path)
{
	int err = fake_xen_refuses() ? -ENOMEM : 0;

	if (!err && read_fault_path && below(path, read_fault_path))
		err = fault_hits(&read_fault, 0);
	fake_xen_counts.failed_reads += !!err;
	return err;
}

void *xenbus_read(struct xenbus_transaction t, const char *dir, const char *node, unsigned int *len)
{
	char *path = full_path(dir, node), *copy;
	int err;

	if (!path)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&store_mutex);
	err = read_fails(path);
	copy = err ? ERR_PTR(err) : copy_of(t, path);
	mutex_unlock(&store_mutex);
	kfree(path);
	if (len)
		*len = IS_ERR(copy) ? 0 : strlen(copy);
	return copy;
}
FAKE_XEN_SYMBOL(xenbus_read);

int xenbus_exists(struct xenbus_transaction t, const char *dir, const char *node)
{
	char *path = full_path(dir, node);
	int exists;

	if (!path)
		return 0;
	mutex_lock(&store_mutex);
	exists = !!lookup(t, path);
	mutex_unlock(&store_mutex);
	kfree(path);
	return exists;
}
FAKE_XEN_SYMBOL(xenbus_exists);

char **xenbus_directory(struct xenbus_transaction t, const char *dir, const char *node, unsigned int *num)
{
	char *path = full_path(dir, node);
	char **names, *text;
	struct node *n;
	size_t len, room = 1;
	unsigned int nr = 0, i;
	int err;

	if (!path)
		return ERR_PTR(-ENOMEM);
	len = strlen(path);
	mutex_lock(&store_mutex);
	err = read_fails(path);
	if (err) {
		names = ERR_PTR(err);
		goto out;
	}
	if (!lookup(t, path)) {
		names = ERR_PTR(-ENOENT);
		goto out;
	}
	list_for_each_entry(n, &nodes, list)
		room += sizeof(char *) + strlen(n->path) + 1;
	names = kzalloc(room, GFP_KERNEL);
	if (!names) {
		names = ERR_PTR(-ENOMEM);
		goto out;
	}
	/* One block, freed with one kfree(): the pointers, then the names. */
	list_for_each_entry(n, &nodes, list)
		nr++;
	text = (char *)(names + nr);
	nr = 0;
	list_for_each_entry(n, &nodes, list) {
		size_t part;

		if (!below(n->path, path) || !n->path[len])
			continue;
		part = strcspn(n->path + len + 1, "/");
		memcpy(text, n->path + len + 1, part);
		text[part] = 0;
		for (i = 0; i < nr; i++)
			if (!strcmp(names[i], text))
				break;
		if (i == nr) {
			names[nr++] = text;
			text += part + 1;
		}
	}
	*num = nr;
out:
	mutex_unlock(&store_mutex);
	kfree(path);
	return names;
}
FAKE_XEN_SYMBOL(xenbus_directory);

int xenbus_scanf(struct xenbus_transaction t, const char *dir, const char *node, const char *fmt, ...)
{
	char *value = xenbus_read(t, dir, node, NULL);
	va_list ap;
	int nr;

	if (IS_ERR(value))
		return PTR_ERR(value);
	va_start(ap, fmt);
	nr = vsscanf(value, fmt, ap);
	va_end(ap);
	kfree(value);
	return nr > 0 ? nr : -ERANGE;
}
FAKE_XEN_SYMBOL(xenbus_scanf);

unsigned int xenbus_read_unsigned(const char *dir, const char *node, unsigned int default_val)
{
	unsigned int value;

	return xenbus_scanf(XBT_NIL, dir, node, "%u", &value) > 0 ? value : default_val;
}
FAKE_XEN_SYMBOL(xenbus_read_unsigned);

int xenbus_gather(struct xenbus_transaction t, const char *dir, ...)
{
	const char *name;
	va_list ap;
	int err = 0;

	va_start(ap, dir);
	while (!err && (name = va_arg(ap, char *))) {
		const char *fmt = va_arg(ap, char *);
		void *result = va_arg(ap, void *);
		char *value = xenbus_read(t, dir, name, NULL);

		if (IS_ERR(value)) {
			err = PTR_ERR(value);
		} else if (fmt) {
			if (sscanf(value, fmt, result) == 0)
				err = -EINVAL;
			kfree(value);
		} else {
			*(char **)result = value;
		}
	}
	va_end(ap);
	return err;
}
FAKE_XEN_SYMBOL(xenbus_gather);

/* Transactions */

int xenbus_transaction_start(struct xenbus_transaction *t)
{
	struct transaction *new = kzalloc(sizeof(*new), GFP_KERNEL);

	if (!new)
		return -ENOMEM;
	INIT_LIST_HEAD(&new->changes);
	mutex_lock(&store_mutex);
	new->id = ++last_id;
	list_add(&new->list, &transactions);
	mutex_unlock(&store_mutex);
	t->id = new->id;
	return 0;
}
FAKE_XEN_SYMBOL(xenbus_transaction_start);

int xenbus_transaction_end(struct xenbus_transaction t, int abort)
{
	struct transaction *old;
	struct change *c, *next;
	int err = 0;

	mutex_lock(&store_mutex);
	old = transaction(t.id);
	if (!old) {
		mutex_unlock(&store_mutex);
		return -ENOENT;
	}
	list_del(&old->list);
	if (!abort && conflicts) {
		conflicts--;
		abort = 1;
		err = -EAGAIN;
	}
	if (!abort)
		list_for_each_entry(c, &old->changes, list) {
			if (c->value)
				put(c->path, c->value);
			else
				prune(c->path);
		}
	mutex_unlock(&store_mutex);

	list_for_each_entry_safe(c, next, &old->changes, list) {
		if (!abort)
			fire(c->path);
		kfree(c->path);
		kfree(c->value);
		kfree(c);
	}
	kfree(old);
	return err;
}
FAKE_XEN_SYMBOL(xenbus_transaction_end);

/* For tests and main.c */

int fake_xen_write(const char *path, const char *fmt, ...)
{
	va_list ap;
	char *value;
	int err;

	va_start(ap, fmt);
	value = kvasprintf(GFP_KERNEL, fmt, ap);
	va_end(ap);
	if (!value)
		return -ENOMEM;
	err = xenbus_write(XBT_NIL, path, "", value);
	kfree(value);
	return err;
}
FAKE_XEN_SYMBOL(fake_xen_write);

const char *fake_xen_value(const char *path)
{
	static char text[256];
	char *full = full_path(path, ""), *value = ERR_PTR(-ENOMEM);

	if (full) {
		mutex_lock(&store_mutex);
		value = copy_of(XBT_NIL, full);
		mutex_unlock(&store_mutex);
	}
	kfree(full);
	strscpy(text, IS_ERR(value) ? "" : value, sizeof(text));
	if (!IS_ERR(value))
		kfree(value);
	return text;
}
FAKE_XEN_SYMBOL(fake_xen_value);

int fake_xen_rm(const char *path)
{
	return xenbus_rm(XBT_NIL, path, "");
}
FAKE_XEN_SYMBOL(fake_xen_rm);

void fake_xen_conflicts(unsigned int count)
{
	conflicts = count;
}
FAKE_XEN_SYMBOL(fake_xen_conflicts);

void fake_xen_rewrite(const char *node, const char *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rewrites); i++)
		if (!rewrites[i].node || !strcmp(rewrites[i].node, node)) {
			rewrites[i].node = node;
			rewrites[i].value = value;
			return;
		}
	WARN_ON(1);
}
FAKE_XEN_SYMBOL(fake_xen_rewrite);

void fake_xen_fail_writes(unsigned int skip, unsigned int count, int err)
{
	write_fault = (struct fault){ .skip = skip, .count = count, .err = err };
}
FAKE_XEN_SYMBOL(fake_xen_fail_writes);

void fake_xen_fail_reads(const char *path, unsigned int skip, unsigned int count, int err)
{
	mutex_lock(&store_mutex);
	kfree(read_fault_path);
	read_fault_path = path ? full_path(path, "") : NULL;
	read_fault = (struct fault){ .skip = skip, .count = path ? count : 0, .err = err };
	mutex_unlock(&store_mutex);
}
FAKE_XEN_SYMBOL(fake_xen_fail_reads);

void fake_store_reset(void)
{
	struct transaction *t, *next;
	struct node *n, *next_node;
	struct change *c, *next_change;

	fake_xen_settle();
	fake_xen_fail_reads(NULL, 0, 0, 0);
	mutex_lock(&store_mutex);
	memset(&write_fault, 0, sizeof(write_fault));
	memset(rewrites, 0, sizeof(rewrites));
	conflicts = 0;
	list_for_each_entry_safe(n, next_node, &nodes, list)
		drop(n);
	list_for_each_entry_safe(t, next, &transactions, list) {
		pr_warn("fake-xen: a transaction was not ended\n");
		list_for_each_entry_safe(c, next_change, &t->changes, list) {
			kfree(c->path);
			kfree(c->value);
			kfree(c);
		}
		list_del(&t->list);
		kfree(t);
	}
	mutex_unlock(&store_mutex);
}

int fake_store_init(void)
{
	watch_task = kthread_run(watch_thread, NULL, "fake-xenwatch");
	return PTR_ERR_OR_ZERO(watch_task);
}

void fake_store_exit(void)
{
	kthread_stop(watch_task);
	fake_store_reset();
}
