// SPDX-License-Identifier: GPL-2.0
/*
 * pvstat: what the devices of pvsplit do, by their files in debugfs. See pvstat(8). This runs in user space.
 *
 * A file is lines of "name value". "device", "link", "front KEY" and "back KEY" are the device's; "queue N" begins
 * what is of a queue; a counter of struct pv_stats is indented. A queue that shows its counters for several rings has
 * their sum here.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION "0.1"
#define MAX_QUEUES 256
#define MAX_KEYS 64
#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* Those of struct pv_stats, in its order */
enum {
	REQUESTS, RESPONSES, PUBLISHES, KICKS, KICKS_SAVED, UPCALLS, SPURIOUS, BYTES_COPIED, GRANT_COPIES, GRANT_MAPS,
	GRANT_CALLS, STARVED, QUARANTINED, ERRORS, LATE, NR_COUNTERS
};

static const char * const counter_name[NR_COUNTERS] = {
	"requests", "responses", "publishes", "kicks", "kicks_saved", "upcalls", "spurious", "bytes_copied",
	"grant_copies", "grant_maps", "grant_calls", "starved", "quarantined", "errors", "late",
};

struct counters {
	unsigned long long nr[NR_COUNTERS];
};

struct device {
	char name[64];
	char link[16];			/* down, offered, up, busy */
	bool broken;
	unsigned int nr_queues, nr_keys;
	struct {
		char name[64], value[128];	/* "front KEY", or another line of the device's own */
	} key[MAX_KEYS];
	struct counters sum, queue[MAX_QUEUES];
};

struct all {
	struct device *device;
	unsigned int nr;
	struct timespec at;
};

static const char *folder = "/sys/kernel/debug/pvsplit";

static void __attribute__((noreturn, format(printf, 2, 3))) die(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("pvstat: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	exit(status);
}

static void read_line(struct device *d, char *line)
{
	unsigned long long value;
	char name[64], rest[128];
	unsigned int i;

	if (sscanf(line, "link %15s", d->link) == 1) {
		d->broken = strstr(line, " broken");
		return;
	}
	if (!strcmp(line, "busy")) {
		strcpy(d->link, line);
		return;
	}
	if (sscanf(line, "queue %u", &i) == 1) {
		if (d->nr_queues < MAX_QUEUES)
			d->nr_queues++;
		return;
	}
	if (sscanf(line, " %63s %llu", name, &value) == 2 && *line == ' ' && d->nr_queues) {
		for (i = 0; i < NR_COUNTERS; i++) {
			if (strcmp(name, counter_name[i]))
				continue;
			d->queue[d->nr_queues - 1].nr[i] += value;
			d->sum.nr[i] += value;
		}
		return;
	}
	if (*line == ' ' || d->nr_queues || d->nr_keys == MAX_KEYS || !strncmp(line, "device ", 7) ||
	    sscanf(line, "%63s %127[^\n]", name, rest) != 2)
		return;
	if (!strcmp(name, "front") || !strcmp(name, "back")) {
		char key[sizeof(name)];

		if (sscanf(rest, "%50s %127s", key, d->key[d->nr_keys].value) != 2)
			return;
		snprintf(d->key[d->nr_keys++].name, sizeof(name), "%.5s %.57s", name, key);
	} else {
		strcpy(d->key[d->nr_keys].value, rest);
		strcpy(d->key[d->nr_keys++].name, name);
	}
}

/* False if it has gone meanwhile */
static bool read_device(struct device *d, const char *name)
{
	char path[512], line[512];
	FILE *f;

	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		read_line(d, line);
	}
	fclose(f);
	return *d->link;
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static void read_all(struct all *all, char **names)
{
	struct dirent **entry;
	int n = scandir(folder, &entry, NULL, by_name), i;

	if (n < 0) {
		if (errno == ENOENT)
			die(3, "%s is not there: is pv-ring loaded, and debugfs mounted?", folder);
		die(3, "%s: %s", folder, strerror(errno));
	}
	all->nr = 0;
	all->device = calloc(n, sizeof(*all->device));
	if (!all->device)
		die(3, "no memory");
	clock_gettime(CLOCK_MONOTONIC, &all->at);
	for (i = 0; i < n; i++) {
		if (*entry[i]->d_name != '.' && wanted(entry[i]->d_name, names) &&
		    read_device(&all->device[all->nr], entry[i]->d_name))
			all->nr++;
		free(entry[i]);
	}
	free(entry);
}

/* A backend's device has its guest's number in its name, too: vbd-1-51712. */
static const char *end_of(const struct device *d)
{
	const char *dash = strchr(d->name, '-');

	return dash && strchr(dash + 1, '-') ? "back" : "front";
}

static const char *state_of(const struct device *d)
{
	return d->broken ? "broken" : d->link;
}

static const struct device *find(const struct all *all, const char *name)
{
	unsigned int i;

	for (i = 0; i < all->nr; i++)
		if (!strcmp(all->device[i].name, name))
			return &all->device[i];
	return NULL;
}

/* The counters since @before; all of them if the device, or its connection, is a new one */
static struct counters since(const struct counters *now, const struct counters *before)
{
	struct counters c = *now;
	unsigned int i;

	for (i = 0; before && i < NR_COUNTERS; i++)
		if (before->nr[i] <= c.nr[i])
			c.nr[i] -= before->nr[i];
	return c;
}

static void print_row(const struct device *d, unsigned int queue, const struct counters c, double seconds)
{
	double requests = c.nr[REQUESTS] ? c.nr[REQUESTS] : 1;

	printf("%-20s %-5s %-8s %6u %12.0f %10.1f %9.2f %9.2f %8llu %8llu %8llu\n", d->name, end_of(d), state_of(d),
	       queue, c.nr[REQUESTS] / seconds, c.nr[BYTES_COPIED] / seconds / 1e6, c.nr[KICKS] / requests,
	       c.nr[GRANT_CALLS] / requests, c.nr[STARVED], c.nr[QUARANTINED], c.nr[ERRORS]);
}

static void print_table(const struct all *now, const struct all *before, bool by_queue)
{
	double seconds = before ? now->at.tv_sec - before->at.tv_sec + (now->at.tv_nsec - before->at.tv_nsec) / 1e9 : 1;
	unsigned int i, q;

	printf("%-20s %-5s %-8s %6s %12s %10s %9s %9s %8s %8s %8s\n", "DEVICE", "END", "STATE", by_queue ? "QUEUE" : "QUEUES",
	       before ? "REQUESTS/s" : "REQUESTS", before ? "COPY-MB/s" : "COPY-MB", "KICKS/RQ", "GRANT/RQ", "STARVED",
	       "KEPT", "ERRORS");
	for (i = 0; i < now->nr; i++) {
		const struct device *d = &now->device[i], *was = before ? find(before, d->name) : NULL;

		if (!by_queue)
			print_row(d, d->nr_queues, since(&d->sum, was ? &was->sum : NULL), seconds);
		for (q = 0; by_queue && q < d->nr_queues; q++)
			print_row(d, q, since(&d->queue[q], was ? &was->queue[q] : NULL), seconds);
	}
}

static void print_all(const struct all *all)
{
	unsigned int i, k;

	for (i = 0; i < all->nr; i++) {
		const struct device *d = &all->device[i];

		printf("%s (%s, %s, queues %u)\n", d->name, end_of(d), state_of(d), d->nr_queues);
		for (k = 0; k < d->nr_keys; k++)
			printf("  %-40s %s\n", d->key[k].name, d->key[k].value);
		for (k = 0; k < NR_COUNTERS; k++)
			printf("  %-40s %llu\n", counter_name[k], d->sum.nr[k]);
	}
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s < ' ')
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json_counters(const struct counters *c)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTERS; i++)
		printf("%s\"%s\": %llu", i ? ", " : "{", counter_name[i], c->nr[i]);
	putchar('}');
}

static void print_json(const struct all *all)
{
	unsigned int i, k;

	printf("[");
	for (i = 0; i < all->nr; i++) {
		const struct device *d = &all->device[i];

		printf("%s\n{\"device\": ", i ? "," : "");
		print_string(d->name);
		printf(", \"end\": \"%s\", \"link\": \"%s\", \"broken\": %s, \"negotiated\": {", end_of(d), d->link,
		       d->broken ? "true" : "false");
		for (k = 0; k < d->nr_keys; k++) {
			printf("%s", k ? ", " : "");
			print_string(d->key[k].name);
			printf(": ");
			print_string(d->key[k].value);
		}
		printf("},\n \"counters\": ");
		json_counters(&d->sum);
		printf(",\n \"queues\": [");
		for (k = 0; k < d->nr_queues; k++) {
			printf("%s", k ? ", " : "");
			json_counters(&d->queue[k]);
		}
		printf("]}");
	}
	printf("\n]\n");
}

static void print_prometheus(const struct all *all)
{
	unsigned int i, k, q;

	printf("# TYPE pvsplit_up gauge\n");
	for (i = 0; i < all->nr; i++)
		printf("pvsplit_up{device=\"%s\",end=\"%s\"} %d\n", all->device[i].name, end_of(&all->device[i]),
		       !strcmp(state_of(&all->device[i]), "up"));
	for (k = 0; k < NR_COUNTERS; k++) {
		printf("# TYPE pvsplit_%s_total counter\n", counter_name[k]);
		for (i = 0; i < all->nr; i++) {
			const struct device *d = &all->device[i];

			for (q = 0; q < d->nr_queues; q++)
				printf("pvsplit_%s_total{device=\"%s\",end=\"%s\",queue=\"%u\"} %llu\n",
				       counter_name[k], d->name, end_of(d), q, d->queue[q].nr[k]);
		}
	}
}

/* 1 if something is wrong with a device, a line for each */
static int check(const struct all *all)
{
	static const struct {
		int counter;
		const char *what;
	} fault[] = {
		{ QUARANTINED, "pages were left to the other end, which kept them mapped" },
		{ LATE, "times a request had no response for a minute" },
	};
	unsigned int i, k;
	int status = 0;

	for (i = 0; i < all->nr; i++) {
		const struct device *d = &all->device[i];

		if (strcmp(state_of(d), "up")) {
			printf("%s: %s\n", d->name, state_of(d));
			status = 1;
		}
		for (k = 0; k < ARRAY_SIZE(fault); k++) {
			if (!d->sum.nr[fault[k].counter])
				continue;
			printf("%s: %llu %s\n", d->name, d->sum.nr[fault[k].counter], fault[k].what);
			status = 1;
		}
	}
	return status;
}

static void __attribute__((noreturn)) usage(int status)
{
	fputs("usage: pvstat [-q | -v | --json | --prometheus] [-i SECONDS [-c COUNT]] [DEVICE]...\n       pvstat check [DEVICE]...\n",
	      status ? stderr : stdout);
	exit(status);
}

int main(int argc, char **argv)
{
	bool by_queue = false, json = false, prometheus = false, verbose = false, checks = false;
	struct all now, before = { };
	double interval = 0;
	char **names;
	long count = -1;
	int i, status = 0;

	if (getenv("PVSTAT_DEBUGFS"))
		folder = getenv("PVSTAT_DEBUGFS");
	for (i = 1; i < argc && *argv[i] == '-'; i++) {
		if (!strcmp(argv[i], "-q")) {
			by_queue = true;
		} else if (!strcmp(argv[i], "-v")) {
			verbose = true;
		} else if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--prometheus")) {
			prometheus = true;
		} else if (!strcmp(argv[i], "-i") && i + 1 < argc) {
			interval = atof(argv[++i]);
			if (interval <= 0)
				usage(2);
		} else if (!strcmp(argv[i], "-c") && i + 1 < argc) {
			count = atol(argv[++i]);
			if (count <= 0)
				usage(2);
		} else if (!strcmp(argv[i], "--version")) {
			puts("pvstat " VERSION);
			exit(0);
		} else {
			usage(strcmp(argv[i], "--help") ? 2 : 0);
		}
	}
	if (by_queue + verbose + json + prometheus > 1 || (interval && (verbose || json || prometheus)) ||
	    (count > 0 && !interval))
		usage(2);
	if (i < argc && !strcmp(argv[i], "check")) {
		if (i > 1)
			usage(2);
		checks = true;
		i++;
	}
	names = argv + i;
	read_all(&now, names);
	for (; i < argc; i++)
		if (!find(&now, argv[i]))
			die(3, "no device %s in %s", argv[i], folder);
	if (checks)
		status = check(&now);
	else if (json)
		print_json(&now);
	else if (prometheus)
		print_prometheus(&now);
	else if (verbose)
		print_all(&now);
	else
		print_table(&now, NULL, by_queue);
	for (; interval && count; count -= count > 0) {
		struct timespec nap = { interval, (interval - (long)interval) * 1e9 };

		fflush(stdout);
		nanosleep(&nap, NULL);
		free(before.device);
		before = now;
		read_all(&now, names);
		print_table(&now, &before, by_queue);
	}
	free(before.device);
	free(now.device);
	return status;
}
