// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: guests that start, move, and come by themselves. xl does that; we
 * give them their devices.
 *
 * Whatever runs is run with an argument vector. The one exception is the other
 * host's shell, which ssh hands its words to: they are quoted for it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-scsi.h"

extern char **environ;

/* ---- domains ---- */

#define NO_DOMAIN (~0U)

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 9;
}

/* By name only, and not one of those given. */
static unsigned int domain_of_name(const char *name, char **not, unsigned int nr_not)
{
	unsigned int nr, i, j, found = 0;
	char **ids = store_list(&nr, "/local/domain");
	bool is_it = false;

	for (i = 0; i < nr && !is_it; i++) {
		char *have;

		for (j = 0; j < nr_not && strcmp(ids[i], not[j]); j++)
			;
		if (j < nr_not)
			continue;
		have = store_read("/local/domain/%s/name", ids[i]);
		is_it = have && !strcmp(have, name);
		found = strtoul(ids[i], NULL, 10);
		free(have);
	}
	free(ids);
	return is_it ? found : NO_DOMAIN;
}

/**
 * find_domain() - the guest that a word of the command line means
 * @name: its number or its name
 *
 * Return: its number.
 */
unsigned int find_domain(const char *name)
{
	unsigned int domid;

	if (is_number(name)) {
		domid = strtoul(name, NULL, 10);
		if (!store_has("/local/domain/%u", domid))
			die("there is no domain %s", name);
		return domid;
	}
	domid = domain_of_name(name, NULL, 0);
	if (domid == NO_DOMAIN)
		die("no domain has the name \"%s\"", name);
	return domid;
}

/* ---- other programs ---- */

/* Run a program with what we have as files, or nothing as its input; its exit status. */
static int spawn(char **argv, const char *package, bool no_input)
{
	posix_spawn_file_actions_t files;
	int err, status;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	if (no_input)
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	fflush(stdout);
	err = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (err == ENOENT)
		die("%s is missing: install %s", argv[0], package);
	if (err)
		die("cannot run %s: %s", argv[0], strerror(err));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("cannot wait for %s: %s", argv[0], strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#define XL "xen-utils"

/* ---- devices of a configuration file ---- */

struct task {
	unsigned int domid;
	struct device *devices;
	unsigned int nr;
	bool nowait;
};

static void give(const struct task *task)
{
	lock_domain(task->domid);
	prune();
	if (task->nr)
		attach(task->domid, task->devices, task->nr, task->nowait);
}

/**
 * apply() - give a guest what a configuration file names
 * @domid: the guest
 * @file: the file
 * @nowait: not to wait for a guest that has not started its driver
 */
void apply(unsigned int domid, const char *file, bool nowait)
{
	struct task task = { .domid = domid, .nowait = nowait };
	struct config config;

	config_load(&config, file);
	task.devices = config_devices(&config);
	task.nr = config.nr;
	give(&task);
}

static void give_in_child(void *arg)
{
	give(arg);
}

/**
 * create() - start or restore a guest that runs when it has its devices
 * @command: xl's
 * @argv: the configuration file, and what xl is given besides
 * @argc: number of these
 *
 * Return: the exit status.
 */
int create(const char *command, char **argv, int argc)
{
	struct task task = { .nowait = true };
	char **words = grow(NULL, argc + 5, sizeof(*words)), **before;
	char domid[16];
	struct config config;
	unsigned int nr;
	int i, status;

	/* Mistakes are to be found before there is a guest. */
	config_load(&config, argv[0]);
	/* xl takes more lines of the file as words. */
	for (i = 1; i < argc && !strcmp(command, "create"); i++)
		if (*argv[i] != '-' && strchr(argv[i], '='))
			config_more(&config, argv[i]);
	task.devices = config_devices(&config);
	task.nr = config.nr;
	if (!config.name)
		die("%s has no name=", argv[0]);
	before = store_list(&nr, "/local/domain");
	store_close();
	words[0] = "xl";
	words[1] = (char *)command;
	words[2] = "-p";
	for (i = 0; i < argc; i++)
		words[3 + i] = argv[i];
	status = spawn(words, XL, false);
	if (status)
		return status;
	store_open();
	/* One of this name that was there is another guest, and none of our business. */
	task.domid = domain_of_name(config.name, before, nr);
	if (task.domid == NO_DOMAIN)
		die("xl has made no domain with the name \"%s\": what it has made is paused, see xl list",
		    config.name);
	store_close();
	snprintf(domid, sizeof(domid), "%u", task.domid);
	status = in_child(give_in_child, &task);
	if (!status)
		return spawn((char *[]){ "xl", "unpause", domid, NULL }, XL, false);
	spawn((char *[]){ "xl", "destroy", domid, NULL }, XL, false);
	die("%s was not started: not all of its SCSI devices can be given to it", config.name);
}

/* ---- migration ---- */

/* For a POSIX shell; what would not look like itself in a message is refused. */
static char *quote(const char *word)
{
	char *quoted = NULL;
	size_t len;
	FILE *out = open_memstream(&quoted, &len);

	if (!out)
		die("out of memory");
	if (*word == '-')
		die("\"%s\" begins with a dash: that cannot be sent to another host", word);
	putc('\'', out);
	for (; *word; word++) {
		if ((unsigned char)*word < ' ' || *word == 0x7f)
			die("a name has control characters: that cannot be sent to another host");
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
	fclose(out);
	return quoted;
}

static const char *ssh(void)
{
	const char *program = getenv("PV_SCSI_SSH");

	return program && *program ? program : "ssh";
}

/* xl gives it to a shell. */
static bool is_host(const char *host)
{
	if (*host == '-')
		return false;
	while (isalnum((unsigned char)*host) || (*host && strchr("._:@%[]-", *host)))
		host++;
	return !*host;
}

/* PV_SCSI_SSH may have options behind the program's name. */
static int on_host(const char *host, const char *command)
{
	char *copy = text("%s", ssh()), *rest = copy, *word;
	char **words = NULL;
	unsigned int nr = 0;
	int status;

	while ((word = strsep(&rest, " \t"))) {
		words = grow(words, nr, sizeof(*words));
		if (*word)
			words[nr++] = word;
	}
	if (!nr)
		die("PV_SCSI_SSH names no program");
	words = grow(words, nr + 3, sizeof(*words));
	words[nr++] = (char *)host;
	words[nr++] = (char *)command;
	words[nr] = NULL;
	status = spawn(words, "openssh-client", true);
	free(words);
	free(copy);
	return status;
}

static const char *name_of(const struct device *dev)
{
	return *dev->name ? dev->name : dev->pdev;
}

static char *attach_command(const char *name, const struct device *dev)
{
	char *allow = *dev->allow ? quote(dev->allow) : NULL;
	char *id = *dev->id ? quote(dev->id) : NULL;
	char *device = quote(name_of(dev));
	char *guest = quote(name), vdev[TEXT_VDEV];
	struct vdev at = need_vdev(dev->at);
	char *command;

	name_vdev(vdev, &at);
	/* The same name there may be another device. */
	command = text("pv-scsi attach %s %s %s%s%s%s%s%s --no-wait", guest, device, vdev,
		       allow ? " --allow " : "", allow ? allow : "",
		       id ? " --id " : "", id ? id : "",
		       dev->untrusted ? " --untrusted" : "");
	free(guest);
	free(device);
	free(allow);
	free(id);
	return command;
}

static char *check_command(const struct device *devices, unsigned int nr)
{
	char *command = text("pv-scsi check");
	unsigned int i;

	for (i = 0; i < nr; i++) {
		char *id = *devices[i].id ? quote(devices[i].id) : NULL;
		char *device = quote(name_of(&devices[i])), *old = command;

		command = text("%s %s%s%s", old, device, id ? " --id " : "", id ? id : "");
		free(old);
		free(device);
		free(id);
	}
	return command;
}

/**
 * migrate() - send a guest to another host, where it gets its devices
 * @domid: the guest
 * @host: the other host's name
 *
 * Return: the exit status.
 */
int migrate(unsigned int domid, const char *host)
{
	char id[16], *name, *command, **commands;
	char *xl[8] = { "xl", "migrate", "-p", "-s", (char *)ssh(), id, (char *)host, NULL };
	struct device *devices;
	unsigned int nr, i;

	if (!*host || !is_host(host))
		die("\"%s\" is no host's name", host);
	name = store_read("/local/domain/%u/name", domid);
	if (!name)
		die("domain %u has no name", domid);
	devices = devices_of(domid, &nr);
	/* All that can be wrong with words is to be known before the guest leaves. */
	commands = grow(NULL, nr, sizeof(*commands));
	for (i = 0; i < nr; i++) {
		commands[i] = attach_command(name, &devices[i]);
		if (strstr(devices[i].allow, "reservations"))
			complain("%s: persistent reservations that it has of %s do not move with it",
				 name, devices[i].pdev);
	}
	command = check_command(devices, nr);
	if (nr && on_host(host, command))
		die("%s was not migrated: %s has no pv-scsi that can give it its SCSI devices",
		    name, host);
	snprintf(id, sizeof(id), "%u", domid);
	store_close();
	if (spawn(xl, XL, false))
		die("%s was not migrated", name);
	for (i = 0; i < nr; i++)
		if (on_host(host, commands[i]))
			die("%s is on %s, paused, and lacks SCSI devices: there, use pv-scsi attach --no-wait, then xl unpause",
			    name, host);
	command = text("xl unpause %s", quote(name));
	return on_host(host, command);
}

/* ---- guests that others start ---- */

/* A guest, as far as watch() has come with it. */
struct guest {
	unsigned int id;
	enum { GUEST_NEW, GUEST_NAMELESS, GUEST_FAILED, GUEST_DONE } is;
	unsigned int tries;
	bool live;
};

static struct guest *guests;
static unsigned int nr_guests;

static bool named_like(const char *file, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(file, name, len))
		return false;
	return !file[len] || !strcmp(file + len, ".cfg") || !strcmp(file + len, ".conf");
}

/*
 * Whether it is a configuration with SCSI devices for this guest. One with a
 * fault is tried, and says so.
 */
static bool is_config_of(const char *file, const char *name)
{
	struct config config;
	struct stat st;
	bool is;

	if (stat(file, &st) || !S_ISREG(st.st_mode) || config_read(&config, file))
		return false;
	is = config.name && !strcmp(config.name, name) && (config.nr || config.fault);
	config_free(&config);
	return is;
}

/*
 * The file in these directories for a guest: the one that is called like it,
 * else the first one.
 */
static char *find_config(const char *name, char **dirs)
{
	char *found = NULL;
	bool exact = false;

	for (; *dirs; dirs++) {
		struct dirent **files;
		int nr = scandir(*dirs, &files, NULL, alphasort), i;

		for (i = 0; i < nr; i++) {
			char *file = text("%s/%s", *dirs, files[i]->d_name);

			if (!exact && files[i]->d_name[0] != '.' && is_config_of(file, name)) {
				exact = named_like(files[i]->d_name, name);
				if (found)
					complain("%s and %s are both for %s: %s is taken",
						 found, file, name, exact ? file : found);
				if (!found || exact) {
					free(found);
					found = text("%s", file);
				}
			}
			free(file);
			free(files[i]);
		}
		if (nr >= 0)
			free(files);
	}
	return found;
}

struct job {
	unsigned int domid;
	const char *file;
};

static void apply_in_child(void *arg)
{
	struct job *job = arg;

	apply(job->domid, job->file, true);
}

static void prune_in_child(void *arg)
{
	(void)arg;
	prune();
}

/* Whether a name is one, and not one of a guest that is still being received. */
static bool has_name(const char *name)
{
	static const char incoming[] = "--incoming";
	size_t len = name ? strlen(name) : 0;

	return len && (len < strlen(incoming) || strcmp(name + len - strlen(incoming), incoming));
}

static void look_at_guest(struct guest *guest, char **dirs)
{
	char *name = NULL, *file;
	int err = store_try_read(&name, "/local/domain/%u/name", guest->id);

	if (err && err != ENOENT) {
		complain("cannot read /local/domain/%u/name in xenstore: %s",
			 guest->id, strerror(err));
		guest->is = GUEST_FAILED;
		return;
	}
	if (!has_name(name)) {
		if (guest->is != GUEST_NAMELESS)
			store_watch("/local/domain/%u/name", guest->id);
		guest->is = GUEST_NAMELESS;
		free(name);
		return;
	}
	if (guest->is == GUEST_NAMELESS)
		store_unwatch("/local/domain/%u/name", guest->id);
	file = find_config(name, dirs);
	guest->is = GUEST_DONE;
	if (file) {
		struct job job = { guest->id, file };

		if (in_child(apply_in_child, &job))
			guest->is = GUEST_FAILED;
		else
			printf("domain %u, %s: has the SCSI devices of %s\n",
			       guest->id, name, file);
	}
	free(file);
	free(name);
}

static struct guest *guest_of(unsigned int id)
{
	unsigned int i;

	for (i = 0; i < nr_guests; i++)
		if (guests[i].id == id)
			return &guests[i];
	guests = grow(guests, nr_guests, sizeof(*guests));
	guests[nr_guests].id = id;
	return &guests[nr_guests++];
}

/* Those that have come get what their files say; those that have gone are forgotten. */
static bool look(char **dirs)
{
	unsigned int nr, i, kept = 0;
	static bool dead;
	char **ids;

	if (store_try_list(&ids, &nr, "/local/domain"))
		return false;
	for (i = 0; i < nr_guests; i++)
		guests[i].live = false;
	for (i = 0; i < nr; i++)
		guest_of(strtoul(ids[i], NULL, 10))->live = true;
	free(ids);
	for (i = 0; i < nr_guests; i++) {
		struct guest *guest = &guests[i];

		if (!guest->live) {
			if (guest->is == GUEST_NAMELESS)
				store_unwatch("/local/domain/%u/name", guest->id);
			dead = true;
			continue;
		}
		if (guest->is != GUEST_DONE && guest->id != self)
			look_at_guest(guest, dirs);
		guests[kept++] = *guest;
	}
	nr_guests = kept;
	/* If it cannot be done, it is still to be done. */
	dead = dead && in_child(prune_in_child, NULL);
	return !dead;
}

/*
 * When a guest that could not be given its devices is tried again: each second
 * at first, then each minute.
 */
static long long next_try(bool ok)
{
	static unsigned int failures;
	long long deadline = -1;
	unsigned int i;

	for (i = 0; i < nr_guests; i++) {
		struct guest *guest = &guests[i];
		long long at;

		if (guest->is != GUEST_FAILED)
			continue;
		at = store_deadline(guest->tries++ < wait_seconds ? 1 : 60);
		if (deadline < 0 || at < deadline)
			deadline = at;
	}
	failures = ok ? 0 : failures + 1;
	if (failures > wait_seconds)
		die("xenstore does not answer any more");
	return failures ? store_deadline(1) : deadline;
}

/**
 * watch() - give each guest, as soon as it is there, what a file names
 * @dirs: directories with configuration files, and NULL
 */
void watch(char **dirs)
{
	static char *usual[3] = { "/etc/xen", "/etc/xen/auto" };
	bool ok;

	if (!*dirs)
		dirs = usual;
	setlinebuf(stdout);
	store_watch("@introduceDomain");
	store_watch("@releaseDomain");
	in_child(prune_in_child, NULL);
	for (;;) {
		ok = look(dirs);
		store_wait(next_try(ok));
	}
}
