// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: a guest's configuration file for xl, of which we want two values.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pv-scsi.h"

/* No configuration is longer. */
#define MAX_FILE	(1U << 20)

#define NO_VSCSI	"vscsi is not [ 'P-DEV,V-DEV', ... ]"

struct scan {
	struct config *config;
	const char *at;
	unsigned int line;
};

static void fault(struct scan *s, const char *what)
{
	if (!s->config->fault)
		s->config->fault = text("%s:%u: %s", s->config->file, s->line, what);
}

static void skip_line(struct scan *s)
{
	s->at += strcspn(s->at, "\n");
}

/* Blanks, and ends of lines and what follows a # if these count as blanks. */
static void skip_blanks(struct scan *s, bool lines)
{
	for (;; s->at++) {
		if (lines && *s->at == '#')
			skip_line(s);
		if (lines && *s->at == '\n')
			s->line++;
		else if (*s->at != ' ' && *s->at != '\t' && *s->at != '\r')
			return;
	}
}

/*
 * 'text', "text", and either with three quotes, which may have several lines.
 * NULL if it has no end.
 */
static char *quoted(struct scan *s)
{
	char quotes[] = { *s->at, *s->at, *s->at, '\0' };
	const char *from, *to;
	char *value;
	size_t len;

	if (strncmp(s->at, quotes, 3))
		quotes[1] = '\0';
	len = strlen(quotes);
	from = s->at + len;
	to = strstr(from, quotes);
	if (!to || (len == 1 && memchr(from, '\n', to - from))) {
		fault(s, "a string has no end");
		return NULL;
	}
	value = text("%.*s", (int)(to - from), from);
	for (s->at = from; s->at < to; s->at++)
		s->line += *s->at == '\n';
	s->at += len;
	return value;
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"';
}

static void add_entry(struct config *config, char *entry)
{
	config->entries = grow(config->entries, config->nr, sizeof(*config->entries));
	config->entries[config->nr++] = entry;
}

static void clear_entries(struct config *config)
{
	while (config->nr)
		free(config->entries[--config->nr]);
}

/* The rest of [ value, ... ]; the strings become entries if they are ours. */
static bool list_of_strings(struct scan *s, bool ours)
{
	char *value;

	s->at++;
	for (;;) {
		skip_blanks(s, true);
		if (*s->at == ']') {
			s->at++;
			return true;
		}
		if (is_quote(*s->at)) {
			value = quoted(s);
			if (!value)
				return false;
			if (ours)
				add_entry(s->config, value);
			else
				free(value);
		} else if (*s->at == '[' && !ours) {
			if (!list_of_strings(s, false))
				return false;
		} else if (isalnum((unsigned char)*s->at) && !ours) {
			while (isalnum((unsigned char)*s->at))
				s->at++;
		} else {
			fault(s, ours ? NO_VSCSI : "a list has no end");
			return false;
		}
		skip_blanks(s, true);
		if (*s->at == ',') {
			s->at++;
		} else if (*s->at != ']') {
			fault(s, "a list has no end");
			return false;
		}
	}
}

static bool name_is(const char *from, const char *to, const char *name)
{
	return (size_t)(to - from) == strlen(name) && !strncmp(from, name, to - from);
}

/* KEY = VALUE; what is not for us must only end where it should. */
static bool assignment(struct scan *s)
{
	bool is_vscsi, is_name, more;
	const char *from = s->at;
	char *value;

	while (isalnum((unsigned char)*s->at) || *s->at == '_')
		s->at++;
	is_vscsi = name_is(from, s->at, "vscsi");
	is_name = name_is(from, s->at, "name");
	skip_blanks(s, false);
	more = *s->at == '+';
	s->at += more;
	if (from == s->at || *s->at != '=') {
		fault(s, "this is not KEY = VALUE");
		return false;
	}
	s->at++;
	skip_blanks(s, false);
	if (*s->at == '[' && !is_name) {
		if (is_vscsi && !more)
			clear_entries(s->config);
		return list_of_strings(s, is_vscsi);
	}
	if (is_vscsi) {
		fault(s, NO_VSCSI);
		return false;
	}
	if (is_quote(*s->at)) {
		value = quoted(s);
		if (!value)
			return false;
		if (is_name) {
			free(s->config->name);
			s->config->name = value;
		} else {
			free(value);
		}
		return true;
	}
	if (is_name) {
		fault(s, "name is no string");
		return false;
	}
	s->at += strcspn(s->at, " \t\r\n;#");
	return true;
}

static void scan(struct config *config, const char *all)
{
	struct scan s = { config, all, 1 };

	for (;;) {
		skip_blanks(&s, true);
		if (!*s.at)
			return;
		if (*s.at == ';') {
			s.at++;
			continue;
		}
		if (!assignment(&s)) {
			skip_line(&s);
			continue;
		}
		skip_blanks(&s, false);
		if (*s.at && !strchr("\n;#", *s.at)) {
			fault(&s, "something follows a value");
			skip_line(&s);
		}
	}
}

/**
 * config_read() - read a configuration file
 * @config: filled; its fault is set if something was not understood
 * @file: its name
 *
 * Return: 0 or an errno.
 */
int config_read(struct config *config, const char *file)
{
	FILE *f = fopen(file, "re");
	size_t len = 0;
	char *all;
	int err;

	*config = (struct config){ .file = file };
	if (!f)
		return errno;
	all = grow(NULL, 0, MAX_FILE + 1);
	errno = 0;
	len = fread(all, 1, MAX_FILE + 1, f);
	err = ferror(f) ? errno : 0;
	fclose(f);
	if (!err && len > MAX_FILE)
		err = EFBIG;
	if (!err) {
		all[len] = '\0';
		scan(config, all);
		if (strlen(all) != len && !config->fault)
			config->fault = text("%s: is no text", file);
	}
	free(all);
	return err;
}

/* Lines that xl is given besides the file. */
void config_more(struct config *config, const char *line)
{
	scan(config, line);
}

/* The same as config_read() for one who cannot do without. */
void config_load(struct config *config, const char *file)
{
	int err = config_read(config, file);

	if (err)
		die("cannot read %s: %s", file, strerror(err));
	if (config->fault)
		die("%s", config->fault);
}

void config_free(struct config *config)
{
	clear_entries(config);
	free(config->entries);
	free(config->name);
	free(config->fault);
}

static char *trim(char *word)
{
	size_t len;

	word += strspn(word, " \t\r\n");
	len = strlen(word);
	while (len && strchr(" \t\r\n", word[len - 1]))
		word[--len] = '\0';
	return word;
}

static char *next_word(char **rest)
{
	char *word = strsep(rest, ",");

	return word ? trim(word) : NULL;
}

/* P-DEV,V-DEV[,id=ID][,allow=LIST][,untrusted]; the list has commas, too. */
static void parse_entry(const struct config *config, const char *entry, struct device *dev)
{
	char *copy = text("%s", entry), *rest = copy;
	char *name = next_word(&rest), *vdev = next_word(&rest), *word;
	bool in_list = false;

	if (!vdev)
		die("%s: vscsi: \"%s\" is not P-DEV,V-DEV", config->file, entry);
	device_init(dev, name, vdev);
	while ((word = next_word(&rest))) {
		if (!strcmp(word, "untrusted")) {
			dev->untrusted = true;
		} else if (!strncmp(word, "id=", 3)) {
			free(dev->id);
			dev->id = text("%s", word + 3);
		} else if (in_list || !strncmp(word, "allow=", 6)) {
			char *old = dev->allow;

			dev->allow = in_list ? text("%s,%s", old, word) : text("%s", word + 6);
			free(old);
			in_list = true;
		} else {
			die("%s: vscsi: \"%s\": \"%s\" is not id=ID, allow=LIST nor untrusted",
			    config->file, entry, word);
		}
	}
	free(copy);
}

/**
 * config_devices() - the devices that a configuration names
 * @config: the configuration
 *
 * The first mistake in one of them ends the command.
 *
 * Return: as many as it has entries, to be freed.
 */
struct device *config_devices(const struct config *config)
{
	struct device *devices = grow(NULL, config->nr, sizeof(*devices));
	unsigned int i, j;

	for (i = 0; i < config->nr; i++) {
		parse_entry(config, config->entries[i], &devices[i]);
		for (j = 0; j < i; j++) {
			struct vdev *a = &devices[i].vdev, *b = &devices[j].vdev;

			if (a->vhost == b->vhost && a->target == b->target && a->lun == b->lun)
				die("%s: vscsi: \"%s\": this V-DEV is taken by %s", config->file,
				    config->entries[i], devices[j].name);
		}
	}
	/* A vhost is untrusted as a whole, in whatever order they stand. */
	for (i = 0; i < config->nr; i++)
		for (j = 0; j < config->nr; j++)
			if (devices[j].untrusted && devices[i].vdev.vhost == devices[j].vdev.vhost)
				devices[i].untrusted = true;
	return devices;
}
