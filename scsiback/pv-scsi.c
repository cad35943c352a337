// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: give SCSI devices of this domain to guests, see what they have,
 * take them back. See pv-scsi(8).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-scsi.h"

#define VERSION "0.1"

const char *prog = "pv-scsi";
unsigned int wait_seconds = 30;

static void say(const char *fmt, va_list args)
{
	char line[1024], *c;

	vsnprintf(line, sizeof(line), fmt, args);
	/* Names of others' may have anything in them. */
	for (c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "%s: %s\n", prog, line);
}

void complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

static void (*undo)(void);

static int stop_fd = -1;

/* What die() is to do before it ends, once; NULL for nothing. */
void on_failure(void (*fn)(void))
{
	undo = fn;
}

/**
 * hold_signals() - from now on a signal to end is taken where we wait
 *
 * Between what is written and the note of how it is undone there is no wait.
 */
void hold_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	stop_fd = signalfd(stop_fd, &signals, SFD_CLOEXEC);
}

/**
 * wait_for_input() - until there is something to read, a signal, or time is over
 * @fd: where from
 * @ms: the time, or -1
 */
void wait_for_input(int fd, int ms)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	if (poll(fds, ARRAY_SIZE(fds), ms) < 0 && errno != EINTR)
		die("cannot wait: %s", strerror(errno));
	if (fds[1].revents && read(stop_fd, &info, sizeof(info)) > 0)
		die("stopped by a signal");
}

void die(const char *fmt, ...)
{
	void (*fn)(void) = undo;
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	undo = NULL;
	if (fn)
		fn();
	exit(1);
}

/* As asprintf(), which here does not fail. */
char *text(const char *fmt, ...)
{
	va_list args;
	char *made;

	va_start(args, fmt);
	if (vasprintf(&made, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	return made;
}

/**
 * grow() - room for one more
 * @array: the array, or NULL
 * @nr: the elements that it has
 * @size: size of one
 *
 * Return: the array, its new element cleared.
 */
void *grow(void *array, unsigned int nr, size_t size)
{
	char *grown = reallocarray(array, nr + 1, size);

	if (!grown)
		die("out of memory");
	memset(array ? grown + nr * size : grown, 0, array ? size : (nr + 1) * size);
	return grown;
}

/**
 * in_child() - do what may end the process
 * @work: what, with a connection of its own to xenstore
 * @arg: its argument
 *
 * Return: its status, 0 if it was done.
 */
int in_child(void (*work)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid) {
		store_forget();
		store_open();
		work(arg);
		exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("cannot wait for a child: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void show_usage(FILE *to)
{
	fprintf(to,
		"usage: %1$s attach DOMAIN P-DEV V-DEV [--allow LIST] [--id ID] [--untrusted] [--no-wait]\n"
		"       %1$s detach DOMAIN V-DEV [--force]\n"
		"       %1$s list [DOMAIN] [--json]\n"
		"       %1$s create CONFIG [XL-OPTION]...\n"
		"       %1$s restore CONFIG CHECKPOINT\n"
		"       %1$s migrate DOMAIN HOST\n"
		"       %1$s apply DOMAIN CONFIG\n"
		"       %1$s watch [DIRECTORY]...\n"
		"       %1$s check P-DEV [--id ID] ...\n"
		"       %1$s --help | --version\n"
		"\n"
		"  DOMAIN  name or number of a guest\n"
		"  P-DEV   a SCSI device of this domain: host:channel:target:lun, or a name such\n"
		"          as /dev/sdb, sg3, /dev/nst0, /dev/disk/by-id/...; or a LUN of LIO:\n"
		"          naa.WWN:LUN\n"
		"  V-DEV   where the guest sees it: vhost:0:target:lun\n"
		"  LIST    what the guest may send besides what concerns the device alone:\n"
		"          reservations,copy,firmware,target,settings,vendor\n"
		"  CONFIG  a guest's configuration file for xl, with a line\n"
		"          vscsi = [ 'P-DEV,V-DEV[,id=ID][,allow=LIST][,untrusted]', ... ]\n"
		"  ID      which device it has to be: the \"id\" of list --json\n"
		"\n"
		"  --force    detach: do not wait for the guest\n"
		"  --json     list: for programs\n"
		"  --no-wait  attach: do not wait for a guest that has not started its driver\n",
		prog);
}

_Noreturn static void misused(void)
{
	show_usage(stderr);
	exit(2);
}

/* What a command line says, but for the commands that hand theirs on. */
struct options {
	char *word[3];
	int words;
	const char *allow;
	const char *id;
	bool untrusted;
	bool force;
	bool nowait;
	bool json;
};

static void parse_options(struct options *o, char **argv)
{
	for (; *argv; argv++) {
		if (!strcmp(*argv, "--allow")) {
			if (!argv[1])
				die("--allow needs a list");
			o->allow = *++argv;
		} else if (!strncmp(*argv, "--allow=", 8)) {
			o->allow = *argv + 8;
		} else if (!strcmp(*argv, "--id")) {
			if (!argv[1])
				die("--id needs what the device says that it is");
			o->id = *++argv;
		} else if (!strncmp(*argv, "--id=", 5)) {
			o->id = *argv + 5;
		} else if (!strcmp(*argv, "--untrusted")) {
			o->untrusted = true;
		} else if (!strcmp(*argv, "--force")) {
			o->force = true;
		} else if (!strcmp(*argv, "--no-wait")) {
			o->nowait = true;
		} else if (!strcmp(*argv, "--json")) {
			o->json = true;
		} else if (**argv == '-') {
			fprintf(stderr, "%s: unknown option %s\n", prog, *argv);
			misused();
		} else {
			if (o->words < 3)
				o->word[o->words] = *argv;
			o->words++;
		}
	}
}

static void do_attach(struct options *o)
{
	unsigned int domid = find_domain(o->word[0]);
	struct device dev;

	prune();
	device_init(&dev, o->word[1], o->word[2]);
	if (o->allow)
		dev.allow = text("%s", o->allow);
	if (o->id)
		dev.id = text("%s", o->id);
	dev.untrusted = o->untrusted;
	lock_domain(domid);
	attach(domid, &dev, 1, o->nowait);
}

static void do_detach(struct options *o)
{
	unsigned int domid = find_domain(o->word[0]);

	prune();
	lock_domain(domid);
	detach(domid, o->word[1], o->force);
}

static void do_list(struct options *o)
{
	unsigned int domid = o->words ? find_domain(o->word[0]) : 0;

	prune();
	list(o->words ? &domid : NULL, o->json);
}

static void do_migrate(struct options *o)
{
	unsigned int domid = find_domain(o->word[0]);

	prune();
	exit(migrate(domid, o->word[1]));
}

static void do_apply(struct options *o)
{
	apply(find_domain(o->word[0]), o->word[1], o->nowait);
}

static const struct command {
	const char *name;
	int min;
	int max;
	void (*run)(struct options *o);
} commands[] = {
	{ "attach", 3, 3, do_attach },
	{ "detach", 2, 2, do_detach },
	{ "list", 0, 1, do_list },
	{ "migrate", 2, 2, do_migrate },
	{ "apply", 2, 2, do_apply },
	{ }
};

/* Each device may have its id behind it. */
static void check(char **argv)
{
	while (*argv) {
		const char *name = *argv++, *id = NULL;

		if (*name == '-')
			misused();
		if (*argv && !strcmp(*argv, "--id")) {
			id = argv[1];
			if (!id)
				die("--id needs what the device says that it is");
			argv += 2;
		} else if (*argv && !strncmp(*argv, "--id=", 5)) {
			id = *argv++ + 5;
		}
		check_device(name, id);
	}
}

static void read_environment(void)
{
	const char *seconds = getenv("PV_SCSI_WAIT");

	if (!seconds || !*seconds)
		return;
	if (strspn(seconds, "0123456789") != strlen(seconds) || strlen(seconds) > 6)
		die("PV_SCSI_WAIT=%s is no number of seconds", seconds);
	wait_seconds = strtoul(seconds, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "--help";
	struct options o = { .words = 0 };
	const struct command *c;

	if (!strcmp(command, "-h") || !strcmp(command, "--help") || !strcmp(command, "help")) {
		show_usage(stdout);
		return 0;
	}
	if (!strcmp(command, "--version")) {
		printf("%s %s\n", prog, VERSION);
		return 0;
	}
	read_environment();
	if (!strcmp(command, "create") || !strcmp(command, "restore")) {
		if (argc < 3 || (*command == 'r' && argc != 4))
			misused();
		store_open();
		return create(command, argv + 2, argc - 2);
	}
	if (!strcmp(command, "check")) {
		check(argv + 2);
		return 0;
	}
	if (!strcmp(command, "watch")) {
		store_open();
		watch(argv + 2);
	}
	for (c = commands; c->name && strcmp(c->name, command); c++)
		;
	if (!c->name) {
		fprintf(stderr, "%s: unknown command \"%s\"\n", prog, command);
		misused();
	}
	parse_options(&o, argv + 2);
	if (o.words < c->min || o.words > c->max)
		misused();
	store_open();
	c->run(&o);
	return 0;
}
