// SPDX-License-Identifier: GPL-2.0
/*
 * pv-scsi: what devices are called, here and in a guest.
 */
#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pv-scsi.h"

#define DIGITS "0123456789"

/* Four decimal numbers with colons between them. */
static bool tuple(const char *text, unsigned long long number[4])
{
	int i;

	for (i = 0; i < 4; i++) {
		size_t len = strspn(text, DIGITS);

		if (!len || len > 19 || text[len] != (i < 3 ? ':' : '\0'))
			return false;
		number[i] = strtoull(text, NULL, 10);
		text += len + 1;
	}
	return true;
}

/**
 * parse_vdev() - read vhost:0:target:lun
 * @text: the text
 * @vdev: set from it
 *
 * Return: whether it is one.
 */
bool parse_vdev(const char *text, struct vdev *vdev)
{
	unsigned long long number[4];

	if (!tuple(text, number) || number[1])
		return false;
	if (number[0] > INT_MAX || number[2] > INT_MAX || number[3] > INT_MAX)
		return false;
	*vdev = (struct vdev){ number[0], number[2], number[3] };
	return true;
}

void name_vdev(char text[TEXT_VDEV], const struct vdev *vdev)
{
	snprintf(text, TEXT_VDEV, "%u:0:%u:%u", vdev->vhost, vdev->target, vdev->lun);
}

static const char *sysfs(void)
{
	const char *dir = getenv("PV_SCSI_SYSFS");

	return dir && *dir ? dir : "/sys";
}

/* host:channel:target:lun of a node's name, such as sdb, sg3, nst0; or NULL */
static char *pdev_of_node(const char *node)
{
	static const char * const classes[] = {
		"block", "scsi_generic", "scsi_tape", "scsi_changer", "bsg",
	};
	unsigned long long number[4];
	char real[PATH_MAX];
	unsigned int i;

	if (!*node || node[0] == '.' || strchr(node, '/'))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		char *link = text("%s/class/%s/%s/device", sysfs(), classes[i], node);
		char *there = realpath(link, real);

		free(link);
		if (there && tuple(strrchr(real, '/') + 1, number))
			return text("%s", strrchr(real, '/') + 1);
	}
	return NULL;
}

/*
 * WWN:LUN or ALIAS:LUN of the target core. Whether there is such a one the
 * backend knows.
 */
static bool fabric_name(const char *name)
{
	const char *colon = strrchr(name, ':');
	bool letter = false;

	if (!colon || colon == name || !colon[1] || colon[1 + strspn(colon + 1, DIGITS)])
		return false;
	if (!isalnum((unsigned char)*name))
		return false;
	for (; name < colon; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("._:-", *name))
			return false;
		letter |= isalpha((unsigned char)*name);
	}
	return letter;
}

/**
 * find_pdev() - the device that a name stands for
 * @name: host:channel:target:lun, the name or path of a node, or a LUN of LIO
 *
 * Return: what the backend calls it, to be freed.
 */
char *find_pdev(const char *name)
{
	unsigned long long n[4];
	char real[PATH_MAX];
	char *pdev, *there;
	bool found;

	if (tuple(name, n)) {
		pdev = text("%llu:%llu:%llu:%llu", n[0], n[1], n[2], n[3]);
		there = text("%s/class/scsi_device/%s", sysfs(), pdev);
		found = !access(there, F_OK);
		free(there);
		if (!found)
			die("P-DEV %s: there is no such SCSI device (see lsscsi)", name);
		return pdev;
	}
	if (name[0] == '/') {
		if (!realpath(name, real))
			die("P-DEV %s: no such file", name);
		pdev = pdev_of_node(strrchr(real, '/') + 1);
	} else {
		pdev = pdev_of_node(name);
		if (!pdev && fabric_name(name))
			pdev = text("%s", name);
	}
	if (!pdev)
		die("P-DEV \"%s\" is no SCSI device: give host:channel:target:lun, the name of a disk, tape, changer or sg node, or naa.WWN:LUN",
		    name);
	return pdev;
}

/* ---- which device it is, as the backend has it ---- */

/* What a file says, without the end of its line; NULL if it cannot be read. */
static char *contents(const char *file, size_t *len)
{
	char all[4096], *copy;
	FILE *in = fopen(file, "r");

	if (!in)
		return NULL;
	*len = fread(all, 1, sizeof(all) - 1, in);
	fclose(in);
	while (*len && all[*len - 1] == '\n')
		--*len;
	copy = grow(NULL, *len, 1);
	memcpy(copy, all, *len);
	return copy;
}

/* A designator of page 83h, else the serial number of page 80h. */
static char *id_of_device(const char *pdev)
{
	char *file = text("%s/class/scsi_device/%s/device/wwid", sysfs(), pdev);
	size_t len = 0;
	char *id = contents(file, &len), *serial;

	free(file);
	if (id && len)
		return id;
	free(id);
	file = text("%s/class/scsi_device/%s/device/vpd_pg80", sysfs(), pdev);
	serial = contents(file, &len);
	free(file);
	id = serial && len > 4 ? text("serial.%s", serial + 4) : NULL;
	free(serial);
	return id;
}

/* Whether a group's directory, .../WWN/tpgt_N, is of the target or alias that a name begins with. */
static bool is_group(const char *dir, const char *name, size_t len)
{
	const char *end = strrchr(dir, '/'), *wwn = memrchr(dir, '/', end - dir) + 1;
	size_t wwn_len = end - wwn, alias_len = 0;
	char *file = text("%s/param/alias", dir);
	char *alias = contents(file, &alias_len);
	bool is = alias && alias_len == len && !strncmp(alias, name, len);

	free(alias);
	free(file);
	/* A target of Fibre Channel goes by its number alone. */
	return is || (wwn_len == len && !strncmp(wwn, name, len)) ||
	       (wwn_len + 3 == len && !strncmp(name, "fc.", 3) && !strncmp(wwn, name + 3, wwn_len));
}

static char *id_of_fabric(const char *pdev)
{
	const char *colon = strrchr(pdev, ':');
	char *pattern = text("%s/kernel/config/target/xen-pvscsi/*/tpgt_*/lun/lun_%s/*/wwn/vpd_unit_serial",
			     sysfs(), colon + 1);
	char *id = NULL;
	size_t i, len = 0;
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		found.gl_pathc = 0;
	for (i = 0; i < found.gl_pathc && !id; i++) {
		char *dir = found.gl_pathv[i], *serial;

		serial = contents(dir, &len);
		*strstr(dir, "/lun/lun_") = '\0';
		if (serial && strstr(serial, ": ") && is_group(dir, pdev, colon - pdev))
			id = text("serial.%s", strstr(serial, ": ") + 2);
		free(serial);
	}
	globfree(&found);
	free(pattern);
	return id;
}

/**
 * check_device() - is there such a device here
 * @name: what it is called
 * @id: which one it has to be, or NULL: any
 */
void check_device(const char *name, const char *id)
{
	char *pdev = find_pdev(name), *have = NULL;
	unsigned long long number[4];

	if (id)
		have = tuple(pdev, number) ? id_of_device(pdev) : id_of_fabric(pdev);
	if (id && !have)
		die("P-DEV %s: it does not say which device it is, and has to be \"%s\"", name, id);
	if (id && strcmp(have, id))
		die("P-DEV %s: it is \"%s\" here, not \"%s\"", name, have, id);
	free(have);
	free(pdev);
}

/* parse_vdev() for one who cannot do without. */
struct vdev need_vdev(const char *word)
{
	unsigned long long number[4];
	struct vdev vdev;

	if (parse_vdev(word, &vdev))
		return vdev;
	if (tuple(word, number) && number[1])
		die("V-DEV \"%s\": the channel, its second number, must be 0", word);
	die("V-DEV \"%s\" is not vhost:0:target:lun", word);
}

/* From the words of a command line or of a configuration file. */
void device_init(struct device *dev, const char *name, const char *vdev)
{
	*dev = (struct device){ .name = text("%s", name) };
	dev->allow = text("%s", "");
	dev->id = text("%s", "");
	dev->pdev = find_pdev(name);
	dev->vdev = need_vdev(vdev);
}

void devices_free(struct device *devices, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		free(devices[i].name);
		free(devices[i].pdev);
		free(devices[i].allow);
		free(devices[i].id);
		free(devices[i].at);
	}
	free(devices);
}
