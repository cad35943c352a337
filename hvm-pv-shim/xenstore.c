// SPDX-License-Identifier: GPL-2.0
/*
 * A client of xenstore: requests and answers over a shared page, and watches.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <xen/events.h>
#include <xen/interface/hvm/params.h>
#include <xen/xenbus.h>

#include "shim.h"

/* Bytes of the longest request before the first answer, and some more. */
#define EARLY		64

static unsigned int xenstore_timeout = 10;
module_param(xenstore_timeout, uint, 0444);
MODULE_PARM_DESC(xenstore_timeout, "Seconds that xenstore has for its first answer (10)");

/* A request, from its writing to its answer. */
struct request {
	struct list_head list;
	u32 id;
	struct completion done;
	bool answered;
	u32 type;
	u32 len;
	char *body;
};

/* A watch as the store knows it. */
struct watched {
	struct list_head list;
	struct xenbus_watch *watch;
	u32 token;
};

/* An event of a watch that has not been handled yet. */
struct event {
	struct list_head list;
	struct xenbus_watch *watch;
	char *path;
	char token[12];
};

static struct xenstore_domain_interface *ring;
static int store_irq;
static bool broken;
static struct task_struct *reader, *watcher;
static DECLARE_WAIT_QUEUE_HEAD(ring_wait);
static DECLARE_WAIT_QUEUE_HEAD(event_wait);

/* One request is written at a time. */
static DEFINE_MUTEX(write_lock);
static LIST_HEAD(requests);
static u32 last_id;
/* The list of requests. */
static DEFINE_SPINLOCK(request_lock);

static LIST_HEAD(watches);
static LIST_HEAD(events);
static u32 last_token;
/* The watch whose handler runs. */
static struct xenbus_watch *handled;
static DECLARE_WAIT_QUEUE_HEAD(handled_wait);
/* Watches and events. */
static DEFINE_SPINLOCK(watch_lock);
/* A message is being read: it must not be torn by a suspend. */
static DEFINE_MUTEX(message_lock);

/* Requests and transactions under way, the latter of them, and whether none may begin. */
static unsigned int users, transactions;
static bool suspending;
static DECLARE_WAIT_QUEUE_HEAD(user_wait);
/* The three above. */
static DEFINE_SPINLOCK(user_lock);

/* ---- bytes ---- */

static irqreturn_t shim_store_event(int irq, void *arg)
{
	wake_up_all(&ring_wait);
	return IRQ_HANDLED;
}

/* What can be written now; negative if the other end talks nonsense. */
static int shim_room(void)
{
	u32 used = ring->req_prod - READ_ONCE(ring->req_cons);

	return used > XENSTORE_RING_SIZE ? -EIO : XENSTORE_RING_SIZE - used;
}

static int shim_waiting_bytes(void)
{
	u32 used = READ_ONCE(ring->rsp_prod) - ring->rsp_cons;

	return used > XENSTORE_RING_SIZE ? -EIO : used;
}

static int shim_write_bytes(const char *data, unsigned int len)
{
	while (len) {
		unsigned int at, part;
		int free;

		wait_event_idle(ring_wait, (free = shim_room()) || broken);
		if (free < 0 || broken)
			return -EIO;
		/* The index was read before the bytes are overwritten. */
		virt_mb();
		at = MASK_XENSTORE_IDX(ring->req_prod);
		part = min3((unsigned int)free, len, XENSTORE_RING_SIZE - at);
		memcpy(ring->req + at, data, part);
		/* The bytes before the index. */
		virt_wmb();
		WRITE_ONCE(ring->req_prod, ring->req_prod + part);
		data += part;
		len -= part;
		/* The index before the store looks. */
		virt_mb();
		notify_remote_via_irq(store_irq);
	}
	return 0;
}

static int shim_read_bytes(char *data, unsigned int len)
{
	while (len) {
		unsigned int at, part;
		int there;

		wait_event_idle(ring_wait, (there = shim_waiting_bytes()) ||
				kthread_should_stop());
		if (kthread_should_stop())
			return -EINTR;
		if (there < 0)
			return -EIO;
		/* The index before the bytes. */
		virt_rmb();
		at = MASK_XENSTORE_IDX(ring->rsp_cons);
		part = min3((unsigned int)there, len, XENSTORE_RING_SIZE - at);
		memcpy(data, ring->rsp + at, part);
		/* Read before the store may write there again. */
		virt_mb();
		WRITE_ONCE(ring->rsp_cons, ring->rsp_cons + part);
		data += part;
		len -= part;
		/* Only a full ring makes the store wait. */
		virt_mb();
		if (there == XENSTORE_RING_SIZE)
			notify_remote_via_irq(store_irq);
	}
	return 0;
}

/* ---- answers ---- */

static void shim_answer(const struct xsd_sockmsg *msg, char *body)
{
	struct request *req;

	spin_lock(&request_lock);
	list_for_each_entry(req, &requests, list)
		if (req->id == msg->req_id) {
			list_del_init(&req->list);
			req->type = msg->type;
			req->len = msg->len;
			req->body = body;
			req->answered = true;
			complete(&req->done);
			spin_unlock(&request_lock);
			return;
		}
	spin_unlock(&request_lock);
	kfree(body);
}

/* Two strings, path and token, in one body. */
static void shim_watch_event(const struct xsd_sockmsg *msg, char *body)
{
	unsigned int path_len = strnlen(body, msg->len);
	struct watched *w;
	struct event *ev;
	u32 token;

	if (path_len >= msg->len || kstrtou32(body + path_len + 1, 16, &token))
		goto drop;
	ev = kmalloc(sizeof(*ev), GFP_NOIO | __GFP_HIGH);
	if (!ev)
		goto drop;
	ev->path = body;
	snprintf(ev->token, sizeof(ev->token), "%x", token);

	spin_lock(&watch_lock);
	list_for_each_entry(w, &watches, list) {
		if (w->token != token)
			continue;
		if (w->watch->will_handle &&
		    !w->watch->will_handle(w->watch, ev->path, ev->token))
			break;
		ev->watch = w->watch;
		ev->watch->nr_pending++;
		list_add_tail(&ev->list, &events);
		wake_up(&event_wait);
		spin_unlock(&watch_lock);
		return;
	}
	spin_unlock(&watch_lock);
	kfree(ev);
drop:
	kfree(body);
}

/* Wait for a message's first byte. */
static int shim_wait_message(void)
{
	wait_event_idle(ring_wait, shim_waiting_bytes() || kthread_should_stop());
	return kthread_should_stop() ? -EINTR : 0;
}

static int shim_read_message(void)
{
	struct xsd_sockmsg msg;
	char *body;
	int err;

	err = shim_read_bytes((char *)&msg, sizeof(msg));
	if (err)
		return err;
	if (msg.len > XENSTORE_PAYLOAD_MAX)
		return -EIO;
	while (!(body = kmalloc(msg.len + 1, GFP_NOIO | __GFP_HIGH)))
		schedule_timeout_idle(HZ / 10);
	err = shim_read_bytes(body, msg.len);
	if (err) {
		kfree(body);
		return err;
	}
	body[msg.len] = 0;
	if (msg.type == XS_WATCH_EVENT)
		shim_watch_event(&msg, body);
	else
		shim_answer(&msg, body);
	return 0;
}

static void shim_give_up(const char *why)
{
	struct request *req, *next;

	pr_err("xenstore %s; it is not asked any more\n", why);
	spin_lock(&request_lock);
	broken = true;
	list_for_each_entry_safe(req, next, &requests, list) {
		list_del_init(&req->list);
		complete(&req->done);
	}
	spin_unlock(&request_lock);
	wake_up_all(&ring_wait);
}

static int shim_reader_thread(void *arg)
{
	while (!kthread_should_stop()) {
		int err = shim_wait_message();

		mutex_lock(&message_lock);
		/* It may have been of the store before a suspend. */
		if (!err && shim_waiting_bytes())
			err = shim_read_message();
		mutex_unlock(&message_lock);
		if (err == -EIO) {
			shim_give_up("talks nonsense");
			wait_event_idle(ring_wait, kthread_should_stop());
		}
	}
	return 0;
}

/* ---- requests ---- */

/*
 * While the guest is about to be suspended nobody begins; but whoever is
 * inside a transaction may go on.
 */
static bool shim_may_begin(bool transaction)
{
	bool may;

	spin_lock(&user_lock);
	may = !suspending || (transactions && !transaction);
	if (may) {
		users++;
		transactions += transaction;
	}
	spin_unlock(&user_lock);
	return may;
}

static void shim_begin(bool transaction)
{
	wait_event_idle(user_wait, shim_may_begin(transaction));
}

static void shim_end(bool transaction)
{
	spin_lock(&user_lock);
	users--;
	transactions -= transaction;
	spin_unlock(&user_lock);
	wake_up_all(&user_wait);
}

static int shim_error_number(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (!strcmp(name, xsd_errors[i].errstring))
			return -xsd_errors[i].errnum;
	return -EINVAL;
}

static int shim_send(struct request *req, u32 type, u32 tx, const struct kvec *part,
		     unsigned int nr)
{
	struct xsd_sockmsg msg = { .type = type, .tx_id = tx };
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++)
		msg.len += part[i].iov_len;
	if (msg.len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;

	mutex_lock(&write_lock);
	spin_lock(&request_lock);
	req->id = ++last_id;
	err = broken ? -EIO : 0;
	if (!err)
		list_add_tail(&req->list, &requests);
	spin_unlock(&request_lock);
	msg.req_id = req->id;
	if (!err)
		err = shim_write_bytes((char *)&msg, sizeof(msg));
	for (i = 0; i < nr && !err; i++)
		err = shim_write_bytes(part[i].iov_base, part[i].iov_len);
	mutex_unlock(&write_lock);
	return err;
}

/*
 * Ask, and wait for the answer. Returns its body, which the caller frees, with
 * a zero byte behind it.
 */
static char *shim_talk_for(u32 type, u32 tx, const struct kvec *part,
			   unsigned int nr, unsigned int *len, long timeout)
{
	struct request req = { .list = LIST_HEAD_INIT(req.list) };
	int err;

	init_completion(&req.done);
	err = shim_send(&req, type, tx, part, nr);
	if (!err && timeout)
		wait_for_completion_timeout(&req.done, timeout);
	else if (!err)
		wait_for_completion_state(&req.done, TASK_IDLE);

	/* After this, nobody else knows of the request. */
	spin_lock(&request_lock);
	list_del(&req.list);
	spin_unlock(&request_lock);
	if (!req.answered)
		return ERR_PTR(err ?: broken ? -EIO : -ETIMEDOUT);
	if (req.type == XS_ERROR)
		err = shim_error_number(req.body);
	else if (req.type != type)
		err = -EIO;
	if (err) {
		kfree(req.body);
		return ERR_PTR(err);
	}
	if (len)
		*len = req.len;
	return req.body;
}

static char *shim_talk(u32 type, struct xenbus_transaction t,
		       const struct kvec *part, unsigned int nr, unsigned int *len)
{
	char *body;

	shim_begin(false);
	body = shim_talk_for(type, t.id, part, nr, len, 0);
	shim_end(false);
	return body;
}

static struct kvec shim_string_part(const char *s)
{
	return (struct kvec){ .iov_base = (void *)s, .iov_len = strlen(s) + 1 };
}

static int shim_no_answer(char *body)
{
	if (IS_ERR(body))
		return PTR_ERR(body);
	kfree(body);
	return 0;
}

static char *shim_join(const char *dir, const char *node)
{
	char *path;

	if (!*node)
		path = kstrdup(dir, GFP_NOIO | __GFP_HIGH);
	else
		path = kasprintf(GFP_NOIO | __GFP_HIGH, "%s/%s", dir, node);
	return path ?: ERR_PTR(-ENOMEM);
}

static char *shim_talk_path(u32 type, struct xenbus_transaction t, const char *dir,
			    const char *node, unsigned int *len)
{
	char *path = shim_join(dir, node), *body;
	struct kvec part;

	if (IS_ERR(path))
		return path;
	part = shim_string_part(path);
	body = shim_talk(type, t, &part, 1, len);
	kfree(path);
	return body;
}

/**
 * xenbus_directory() - list a directory
 * @t: transaction
 * @dir: path
 * @node: more of it
 * @num: number of entries
 *
 * Return: the names, in one allocation that the caller frees; or ERR_PTR().
 */
char **xenbus_directory(struct xenbus_transaction t, const char *dir,
			const char *node, unsigned int *num)
{
	unsigned int len, n = 0, at, i;
	char *body, **names, *copy;

	*num = 0;
	body = shim_talk_path(XS_DIRECTORY, t, dir, node, &len);
	if (IS_ERR(body))
		return (char **)body;
	for (at = 0; at < len; at += strlen(body + at) + 1)
		n++;
	/* Behind the last one there is a zero, even if the store forgot it. */
	names = kmalloc(n * sizeof(char *) + len + 1, GFP_NOIO | __GFP_HIGH);
	if (!names) {
		kfree(body);
		return ERR_PTR(-ENOMEM);
	}
	copy = (char *)&names[n];
	memcpy(copy, body, len + 1);
	kfree(body);
	for (i = 0, at = 0; i < n; i++) {
		names[i] = copy + at;
		at += strlen(copy + at) + 1;
	}
	*num = n;
	return names;
}
EXPORT_SYMBOL_GPL(xenbus_directory);

/** xenbus_exists() - 1 if there is such a path */
int xenbus_exists(struct xenbus_transaction t, const char *dir,
		  const char *node)
{
	char *body = shim_talk_path(XS_READ, t, dir, node, NULL);

	if (IS_ERR(body))
		return 0;
	kfree(body);
	return 1;
}
EXPORT_SYMBOL_GPL(xenbus_exists);

/**
 * xenbus_read() - read a value
 * @t: transaction
 * @dir: path
 * @node: more of it
 * @len: its length, or NULL
 *
 * Return: the value with a zero behind it, which the caller frees; ERR_PTR().
 */
void *xenbus_read(struct xenbus_transaction t, const char *dir,
		  const char *node, unsigned int *len)
{
	return shim_talk_path(XS_READ, t, dir, node, len);
}
EXPORT_SYMBOL_GPL(xenbus_read);

/** xenbus_write() - write a value */
int xenbus_write(struct xenbus_transaction t, const char *dir,
		 const char *node, const char *string)
{
	char *path = shim_join(dir, node);
	struct kvec part[2];
	int err;

	if (IS_ERR(path))
		return PTR_ERR(path);
	part[0] = shim_string_part(path);
	/* The value's own zero does not go over the wire. */
	part[1] = shim_string_part(string);
	part[1].iov_len--;
	err = shim_no_answer(shim_talk(XS_WRITE, t, part, 2, NULL));
	kfree(path);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_write);

/** xenbus_mkdir() - make a directory */
int xenbus_mkdir(struct xenbus_transaction t, const char *dir,
		 const char *node)
{
	return shim_no_answer(shim_talk_path(XS_MKDIR, t, dir, node, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_mkdir);

/** xenbus_rm() - remove a path and all below */
int xenbus_rm(struct xenbus_transaction t, const char *dir, const char *node)
{
	return shim_no_answer(shim_talk_path(XS_RM, t, dir, node, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_rm);

/** xenbus_transaction_start() - begin a transaction; it must be ended */
int xenbus_transaction_start(struct xenbus_transaction *t)
{
	struct kvec part = shim_string_part("");
	char *body;
	int err = 0;

	shim_begin(true);
	body = shim_talk_for(XS_TRANSACTION_START, 0, &part, 1, NULL, 0);
	if (IS_ERR(body))
		err = PTR_ERR(body);
	else if (kstrtou32(body, 10, &t->id))
		err = -EIO;
	if (!IS_ERR(body))
		kfree(body);
	if (err)
		shim_end(true);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_transaction_start);

/**
 * xenbus_transaction_end() - end it
 * @t: transaction
 * @abort: do nothing of what was asked in it
 *
 * Return: 0; -EAGAIN if others came in between; a negative errno.
 */
int xenbus_transaction_end(struct xenbus_transaction t, int abort)
{
	struct kvec part = shim_string_part(abort ? "F" : "T");
	int err;

	err = shim_no_answer(shim_talk_for(XS_TRANSACTION_END, t.id, &part, 1, NULL, 0));
	shim_end(true);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_transaction_end);

/** xenbus_scanf() - read and scan; number of items or a negative errno */
int xenbus_scanf(struct xenbus_transaction t, const char *dir,
		 const char *node, const char *fmt, ...)
{
	char *value = xenbus_read(t, dir, node, NULL);
	va_list args;
	int n;

	if (IS_ERR(value))
		return PTR_ERR(value);
	va_start(args, fmt);
	n = vsscanf(value, fmt, args);
	va_end(args);
	kfree(value);
	/* There, but nothing of what was looked for. */
	return n ?: -ERANGE;
}
EXPORT_SYMBOL_GPL(xenbus_scanf);

/** xenbus_read_unsigned() - a number, or the default if there is none */
unsigned int xenbus_read_unsigned(const char *dir, const char *node,
				  unsigned int default_val)
{
	unsigned int value;

	return xenbus_scanf(XBT_NIL, dir, node, "%u", &value) > 0 ?
	       value : default_val;
}
EXPORT_SYMBOL_GPL(xenbus_read_unsigned);

/** xenbus_printf() - format and write */
int xenbus_printf(struct xenbus_transaction t, const char *dir,
		  const char *node, const char *fmt, ...)
{
	va_list args;
	char *value;
	int err;

	va_start(args, fmt);
	value = kvasprintf(GFP_NOIO | __GFP_HIGH, fmt, args);
	va_end(args);
	if (!value)
		return -ENOMEM;
	err = xenbus_write(t, dir, node, value);
	kfree(value);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_printf);

/**
 * xenbus_gather() - read several values
 * @t: transaction
 * @dir: directory
 *
 * Then a name, a format (NULL: the string itself, which the caller frees) and
 * a pointer for each, and a NULL.
 *
 * Return: 0, or the error of the first that could not be read.
 */
int xenbus_gather(struct xenbus_transaction t, const char *dir, ...)
{
	const char *name, *fmt;
	va_list args;
	int err = 0;

	va_start(args, dir);
	while (!err && (name = va_arg(args, const char *))) {
		void *result;
		char *value;

		fmt = va_arg(args, const char *);
		result = va_arg(args, void *);
		value = xenbus_read(t, dir, name, NULL);
		if (IS_ERR(value)) {
			err = PTR_ERR(value);
		} else if (!fmt) {
			*(char **)result = value;
		} else {
			if (sscanf(value, fmt, result) != 1)
				err = -EINVAL;
			kfree(value);
		}
	}
	va_end(args);
	return err;
}
EXPORT_SYMBOL_GPL(xenbus_gather);

/* ---- watches ---- */

static int shim_send_watch(u32 type, const char *node, u32 number)
{
	struct kvec part[2];
	char token[12];

	snprintf(token, sizeof(token), "%x", number);
	part[0] = shim_string_part(node);
	part[1] = shim_string_part(token);
	return shim_no_answer(shim_talk_for(type, 0, part, 2, NULL, 0));
}

/**
 * register_xenbus_watch() - be told of changes below a path
 * @watch: path and callback
 *
 * The callback runs once at once, if its filter lets it.
 *
 * Return: 0 or a negative errno.
 */
int register_xenbus_watch(struct xenbus_watch *watch)
{
	struct watched *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err;

	if (!w)
		return -ENOMEM;
	w->watch = watch;
	watch->nr_pending = 0;
	shim_begin(false);
	spin_lock(&watch_lock);
	w->token = ++last_token;
	list_add(&w->list, &watches);
	spin_unlock(&watch_lock);
	err = shim_send_watch(XS_WATCH, watch->node, w->token);
	if (err) {
		spin_lock(&watch_lock);
		list_del(&w->list);
		spin_unlock(&watch_lock);
		kfree(w);
	}
	shim_end(false);
	return err;
}
EXPORT_SYMBOL_GPL(register_xenbus_watch);

static struct watched *shim_forget_watch(struct xenbus_watch *watch)
{
	struct watched *w, *found = NULL;

	spin_lock(&watch_lock);
	list_for_each_entry(w, &watches, list)
		if (w->watch == watch) {
			list_del(&w->list);
			found = w;
			break;
		}
	spin_unlock(&watch_lock);
	return found;
}

static void shim_drop_events(struct xenbus_watch *watch)
{
	struct event *ev, *next;

	spin_lock(&watch_lock);
	list_for_each_entry_safe(ev, next, &events, list)
		if (ev->watch == watch) {
			list_del(&ev->list);
			kfree(ev->path);
			kfree(ev);
		}
	watch->nr_pending = 0;
	spin_unlock(&watch_lock);
}

static bool shim_is_handled(struct xenbus_watch *watch)
{
	bool is;

	spin_lock(&watch_lock);
	is = handled == watch;
	spin_unlock(&watch_lock);
	return is;
}

/**
 * unregister_xenbus_watch() - and no longer
 * @watch: the watch, whose callback does not run any more afterwards
 *
 * Context: process; also out of a watch's callback.
 */
void unregister_xenbus_watch(struct xenbus_watch *watch)
{
	struct watched *w;

	shim_begin(false);
	w = shim_forget_watch(watch);
	if (w)
		shim_send_watch(XS_UNWATCH, watch->node, w->token);
	shim_end(false);
	kfree(w);
	shim_drop_events(watch);
	/*
	 * A callback that runs now comes to its end; only that of this watch,
	 * as another one may wait for a lock that the caller holds.
	 */
	if (current != watcher)
		wait_event_idle(handled_wait, !shim_is_handled(watch));
}
EXPORT_SYMBOL_GPL(unregister_xenbus_watch);

static struct event *shim_next_event(void)
{
	struct event *ev;

	spin_lock(&watch_lock);
	ev = list_first_entry_or_null(&events, struct event, list);
	if (ev) {
		list_del(&ev->list);
		ev->watch->nr_pending--;
		handled = ev->watch;
	}
	spin_unlock(&watch_lock);
	return ev;
}

static void shim_event_done(struct event *ev)
{
	spin_lock(&watch_lock);
	handled = NULL;
	spin_unlock(&watch_lock);
	wake_up_all(&handled_wait);
	kfree(ev->path);
	kfree(ev);
}

static int shim_watcher_thread(void *arg)
{
	while (!kthread_should_stop()) {
		struct event *ev;

		wait_event_idle(event_wait, !list_empty(&events) ||
				kthread_should_stop());
		ev = shim_next_event();
		if (ev) {
			ev->watch->callback(ev->watch, ev->path, ev->token);
			shim_event_done(ev);
		}
		cond_resched();
	}
	return 0;
}

/* ---- suspend ---- */

/** xs_suspend() - let what is under way end, and nothing begin */
void xs_suspend(void)
{
	spin_lock(&user_lock);
	suspending = true;
	spin_unlock(&user_lock);
	wait_event_idle(user_wait, !READ_ONCE(users));
	mutex_lock(&message_lock);
}

static void shim_go_on(void)
{
	spin_lock(&user_lock);
	suspending = false;
	spin_unlock(&user_lock);
	wake_up_all(&user_wait);
}

/** xs_suspend_cancel() - the guest was not suspended */
void xs_suspend_cancel(void)
{
	mutex_unlock(&message_lock);
	shim_go_on();
}

/** xs_resume() - a new store: tell it all watches again */
void xs_resume(void)
{
	struct watched *w;

	mutex_unlock(&message_lock);
	/* Nobody else changes the list meanwhile. */
	list_for_each_entry(w, &watches, list)
		shim_send_watch(XS_WATCH, w->watch->node, w->token);
	shim_go_on();
}

/* ---- start and end ---- */

static int shim_map_ring(evtchn_port_t *port)
{
	u64 frame = 0, nr = 0;
	int err;

	err = hvm_param_get(HVM_PARAM_STORE_PFN, &frame);
	err = err ?: hvm_param_get(HVM_PARAM_STORE_EVTCHN, &nr);
	if (err || !frame || !nr) {
		err = err ?: -ENODEV;
		pr_err("this guest has no xenstore: error %d\n", err);
		return err;
	}
	*port = nr;
	if (!ring)
		ring = memremap(frame << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	if (ring)
		return 0;
	pr_err("cannot map xenstore's page %llx\n", frame);
	return -ENOMEM;
}

/* What a former kernel asked or did not read is of no use any more. */
static void shim_forget_past(void)
{
	if (ring->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION &&
	    (ring->req_prod != ring->req_cons ||
	     ring->rsp_prod != ring->rsp_cons)) {
		unsigned int i;

		WRITE_ONCE(ring->connection, XENSTORE_RECONNECT);
		notify_remote_via_irq(store_irq);
		for (i = 0; i < 100 && READ_ONCE(ring->connection); i++)
			schedule_timeout_idle(HZ / 50);
		return;
	}
	WRITE_ONCE(ring->rsp_cons, ring->rsp_prod);
}

/* A request that must be answered in a certain time. */
static int shim_ask_early(u32 type, const char *what)
{
	long timeout = max(xenstore_timeout, 1U) * HZ;
	struct kvec part = shim_string_part(what);

	/* The request itself shall not have to wait for a place. */
	if (!wait_event_idle_timeout(ring_wait, shim_room() < 0 || shim_room() >= EARLY,
				     timeout))
		return -ETIMEDOUT;
	return shim_no_answer(shim_talk_for(type, 0, &part, 1, NULL, timeout));
}

static int shim_first_answer(void)
{
	int err = shim_ask_early(XS_READ, "domid");

	/* Watches of a former kernel; a store that cannot do this says so. */
	if (!err && shim_ask_early(XS_RESET_WATCHES, "") == -ETIMEDOUT)
		err = -ETIMEDOUT;
	if (err)
		pr_err("xenstore does not answer: error %d\n", err);
	return err;
}

static void shim_stop(struct task_struct **task)
{
	if (!IS_ERR_OR_NULL(*task)) {
		kthread_stop(*task);
		*task = NULL;
	}
}

void xenstore_exit(void)
{
	shim_stop(&watcher);
	shim_stop(&reader);
	if (store_irq > 0)
		evtchn_unbind_kept(store_irq, &ring);
	store_irq = 0;
	memunmap(ring);
	ring = NULL;
}

int xenstore_init(void)
{
	evtchn_port_t port;
	int err;

	broken = false;
	suspending = false;
	users = 0;
	transactions = 0;
	/* What is still said to a former kernel is not taken for an answer. */
	last_id = get_random_u32();
	last_token = get_random_u32();
	err = shim_map_ring(&port);
	if (err)
		return err;
	store_irq = evtchn_bind_kept(port, shim_store_event, "xenstore", &ring);
	if (store_irq < 0) {
		pr_err("cannot bind xenstore's event channel %u: error %d\n",
		       port, store_irq);
		err = store_irq;
		memunmap(ring);
		ring = NULL;
		return err;
	}
	shim_forget_past();
	reader = kthread_run(shim_reader_thread, NULL, "xenstore");
	watcher = kthread_run(shim_watcher_thread, NULL, "xenwatch");
	if (IS_ERR(reader) || IS_ERR(watcher))
		err = -ENOMEM;
	err = err ?: shim_first_answer();
	if (err)
		xenstore_exit();
	return err;
}

/* The page is where it was, the port is another one. After xs_suspend(). */
int xenstore_resume_ring(void)
{
	evtchn_port_t port;
	int err = shim_map_ring(&port);

	lockdep_assert_held(&message_lock);
	if (!err) {
		/*
		 * What the old store still said, perhaps half a message. All
		 * requests have their answers; its watch events come anew.
		 */
		WRITE_ONCE(ring->rsp_cons, READ_ONCE(ring->rsp_prod));
		err = evtchn_rebind_kept(store_irq, port);
	}
	if (err)
		shim_give_up("does not come back");
	/* It may have come too early for that. */
	wake_up_all(&ring_wait);
	return err;
}
