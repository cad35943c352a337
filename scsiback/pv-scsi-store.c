// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: xenstore. Only ENOENT says that something is not there; any other
 * error ends the command before it has changed anything.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "pv-scsi.h"

/* As XENSTORE_ABS_PATH_MAX. */
#define MAX_KEY		3072U

/* A guest that writes in a loop must not keep us here. */
#define MAX_CONFLICTS	200U

static struct xs_handle *xs;
static xs_transaction_t transaction = XBT_NULL;
static unsigned int conflicts;

/* The number of this domain. */
unsigned int self;

/* The key that the call at hand is about. */
static char key[MAX_KEY + 1];

static void set_key(const char *fmt, va_list args)
{
	if (vsnprintf(key, sizeof(key), fmt, args) >= (int)sizeof(key))
		die("a key of xenstore would be longer than %u characters: %.60s...", MAX_KEY, key);
}

/* That of a function whose last arguments are fmt and the dots. */
#define SET_KEY() do {			\
	va_list _args;			\
					\
	va_start(_args, fmt);		\
	set_key(fmt, _args);		\
	va_end(_args);			\
} while (0)

/* Whoever reads may be told that there is nothing, and no other error. */
static void need(int err)
{
	if (err && err != ENOENT)
		die("cannot read %s in xenstore: %s", key, strerror(err));
}

static int get(char **value)
{
	*value = xs_read(xs, transaction, key, NULL);
	return *value ? 0 : errno;
}

static int get_list(char ***names, unsigned int *nr)
{
	*nr = 0;
	*names = xs_directory(xs, transaction, key, nr);
	return *names ? 0 : errno;
}

/**
 * store_read() - the value of a key
 * @fmt: its path
 *
 * Return: the value, to be freed, or NULL if there is no such key.
 */
char *store_read(const char *fmt, ...)
{
	char *value;

	SET_KEY();
	need(get(&value));
	return value;
}

/**
 * store_list() - the names in a directory
 * @nr: set to their number
 * @fmt: its path
 *
 * Return: the names, to be freed as one, or NULL if it is not there.
 */
char **store_list(unsigned int *nr, const char *fmt, ...)
{
	char **names;

	SET_KEY();
	need(get_list(&names, nr));
	return names;
}

/* The same for one who goes on after an error: 0 or an errno. */
int store_try_read(char **value, const char *fmt, ...)
{
	SET_KEY();
	return get(value);
}

int store_try_list(char ***names, unsigned int *nr, const char *fmt, ...)
{
	SET_KEY();
	return get_list(names, nr);
}

bool store_has(const char *fmt, ...)
{
	char *value;
	bool has;

	SET_KEY();
	need(get(&value));
	has = value;
	free(value);
	return has;
}

void store_write(const char *value, const char *fmt, ...)
{
	SET_KEY();
	if (!xs_write(xs, transaction, key, value, strlen(value)))
		die("cannot write %s in xenstore: %s", key, strerror(errno));
}

void store_remove(const char *fmt, ...)
{
	SET_KEY();
	if (!xs_rm(xs, transaction, key) && errno != ENOENT)
		die("cannot remove %s in xenstore: %s", key, strerror(errno));
}

/* A directory that one domain owns and another one may read, as may what will be in it. */
void store_make(unsigned int owner, unsigned int reader, const char *fmt, ...)
{
	struct xs_permissions perms[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	SET_KEY();
	if (!xs_mkdir(xs, transaction, key) ||
	    !xs_set_permissions(xs, transaction, key, perms, 2))
		die("cannot make %s in xenstore: %s", key, strerror(errno));
}

void store_begin(void)
{
	transaction = xs_transaction_start(xs);
	if (transaction == XBT_NULL)
		die("cannot start a transaction of xenstore: %s", strerror(errno));
}

/**
 * store_commit() - end a transaction
 *
 * Return: true if it was done. If not, what was read has changed meanwhile:
 * look again.
 */
bool store_commit(void)
{
	xs_transaction_t t = transaction;

	transaction = XBT_NULL;
	if (xs_transaction_end(xs, t, false)) {
		conflicts = 0;
		return true;
	}
	if (errno != EAGAIN)
		die("cannot write to xenstore: %s", strerror(errno));
	if (++conflicts > MAX_CONFLICTS)
		die("cannot write to xenstore: others have come between %u times", MAX_CONFLICTS);
	return false;
}

/* Also when there is none. */
void store_abort(void)
{
	xs_transaction_t t = transaction;

	if (t == XBT_NULL)
		return;
	transaction = XBT_NULL;
	xs_transaction_end(xs, t, true);
}

/* The token is the path: an event says no more than "look again". */
void store_watch(const char *fmt, ...)
{
	SET_KEY();
	if (!xs_watch(xs, key, key) && errno != EEXIST)
		die("cannot watch %s in xenstore: %s", key, strerror(errno));
}

void store_unwatch(const char *fmt, ...)
{
	SET_KEY();
	xs_unwatch(xs, key, key);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

long long store_deadline(unsigned int seconds)
{
	return now() + seconds * 1000LL;
}

static bool take_events(void)
{
	bool any = false;
	char **event;

	while ((event = xs_check_watch(xs))) {
		free(event);
		any = true;
	}
	if (errno != EAGAIN)
		die("xenstore does not answer any more: %s", strerror(errno));
	return any;
}

/**
 * store_wait() - wait until something that is watched has changed
 * @deadline: of store_deadline(), or -1 for none
 *
 * Return: false if nothing has until then.
 */
bool store_wait(long long deadline)
{
	while (!take_events()) {
		long long left = deadline - now();

		if (deadline >= 0 && left <= 0)
			return false;
		wait_for_input(xs_fileno(xs), deadline < 0 ? -1 : left);
	}
	return true;
}

void store_open(void)
{
	unsigned int nr;
	char *id;

	xs = xs_open(0);
	if (!xs)
		die("xenstore does not answer: is this a Xen control domain, and are you root?");
	id = store_read("domid");
	self = id ? strtoul(id, NULL, 10) : 0;
	free(id);
	free(store_list(&nr, "/local/domain"));
	if (!nr)
		die("xenstore does not answer: is this a Xen control domain, and are you root?");
}

void store_close(void)
{
	xs_close(xs);
	xs = NULL;
}

/* In a child, which must not speak through its parent's connection. */
void store_forget(void)
{
	if (xs)
		xs_daemon_destroy_postfork(xs);
	xs = NULL;
	transaction = XBT_NULL;
}
