/* SPDX-License-Identifier: GPL-2.0 */
/* The SCSI devices of this kernel: scsi_debug's for pass-through, one of LIO (see "init"). */
#ifndef KUNIT_SCSI_DEBUG_H
#define KUNIT_SCSI_DEBUG_H

#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#include "helpers.h"

/* The target that "init" has made: two LUNs of 8 MiB in memory, with blocks of 512 bytes. */
#define LIO_LUN		"naa.6001405000000001:0"
#define LIO_OTHER	"naa.6001405000000001:1"

/* scsi_debug's options: reads of some blocks fail; commands are forgotten. */
#define DEBUG_MEDIUM	"2"
#define DEBUG_BAD_BLOCK	0x1234
#define DEBUG_TIMEOUT	"4"

static inline struct Scsi_Host *debug_host(void)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		struct Scsi_Host *host = scsi_host_lookup(i);

		if (host && !strcmp(host->hostt->name, "SCSI DEBUG"))
			return host;
		if (host)
			scsi_host_put(host);
	}
	return NULL;
}

/* Where the guest of a frontend sees a LUN; to be given back with scsi_device_put(). */
static inline struct scsi_device *guests_device(struct xenbus_device *front, unsigned int target, u64 lun)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		struct Scsi_Host *host = scsi_host_lookup(i);
		struct scsi_device *sdev = NULL;
		bool ours = host && host->shost_gendev.parent == &front->dev;

		if (ours)
			sdev = scsi_device_lookup(host, 0, target, lun);
		if (host)
			scsi_host_put(host);
		if (ours)
			return sdev;
	}
	return NULL;
}

/* One of its LUNs, to be given back with scsi_device_put(). */
static inline struct scsi_device *debug_device(u64 lun)
{
	struct Scsi_Host *host = debug_host();
	struct scsi_device *sdev;

	if (!host)
		return NULL;
	sdev = scsi_device_lookup(host, 0, 0, lun);
	scsi_host_put(host);
	return sdev;
}

/* Its p-dev into @buf; returns @buf. */
static inline char *debug_pdev(char *buf, size_t size, u64 lun)
{
	struct Scsi_Host *host = debug_host();

	snprintf(buf, size, "%u:0:0:%llu", host ? host->host_no : 999, lun);
	if (host)
		scsi_host_put(host);
	return buf;
}

static inline bool debug_set(const char *key, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pseudo/drivers/scsi_debug/%s", key);
	return write_file(path, value);
}

/* Every command is forgotten, or none. */
static inline bool debug_forgets(bool does)
{
	return debug_set("opts", does ? DEBUG_TIMEOUT : "0") && debug_set("every_nth", does ? "1" : "0");
}

#endif /* KUNIT_SCSI_DEBUG_H */
