/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv-scsi: what its parts have of each other.
 *
 * A part that cannot go on says why and ends the process: a transaction that
 * is open then goes with the connection, and nothing of it was done.
 */
#ifndef PV_SCSI_H
#define PV_SCSI_H

#include <stdbool.h>
#include <stddef.h>

/* The compiler checks the arguments, as the kernel has it. */
#define __printf(_format, _first) __attribute__((__format__(printf, _format, _first)))

#define ARRAY_SIZE(_array) (sizeof(_array) / sizeof((_array)[0]))

/* As in xen/io/xenbus.h; a state that is not there is XB_NONE. */
enum xb_state {
	XB_NONE,
	XB_INITIALISING,
	XB_INIT_WAIT,
	XB_INITIALISED,
	XB_CONNECTED,
	XB_CLOSING,
	XB_CLOSED,
	XB_RECONFIGURING,
	XB_RECONFIGURED,
};

/* Room for an entry's name, and for a V-DEV. */
#define NAME		32
#define TEXT_VDEV	48

/* Where a guest sees a LUN. */
struct vdev {
	unsigned int vhost;
	unsigned int target;
	unsigned int lun;
};

/**
 * struct device - a device that a guest has or is to have
 * @name: the name that it was given by
 * @pdev: the name that the backend knows
 * @vdev: where the guest sees it
 * @allow: what the guest may send besides, a list, or empty
 * @id: which device it has to be, as it says itself, or empty: any
 * @untrusted: the guest's driver is to treat this domain as untrusted
 * @entry: its directory's name in xenstore
 * @at: what xenstore has as vdev, where it came from there
 * @state: its entry's, where it came from there
 * @ours: the entry was not there before
 * @connected: the guest has it
 */
struct device {
	char *name;
	char *pdev;
	struct vdev vdev;
	char *allow;
	char *id;
	bool untrusted;
	char entry[NAME];
	char *at;
	enum xb_state state;
	bool ours;
	bool connected;
};

/* ---- pv-scsi.c ---- */

extern const char *prog;
extern unsigned int wait_seconds;

__printf(1, 2) void complain(const char *fmt, ...);
void wait_for_input(int fd, int ms);
void on_failure(void (*undo)(void));
void hold_signals(void);
__printf(1, 2) _Noreturn void die(const char *fmt, ...);
__printf(1, 2) char *text(const char *fmt, ...);
void *grow(void *array, unsigned int nr, size_t size);
int in_child(void (*work)(void *arg), void *arg);

/* ---- pv-scsi-store.c ---- */

extern unsigned int self;

void store_open(void);
void store_close(void);
void store_forget(void);

__printf(1, 2) char *store_read(const char *fmt, ...);
__printf(2, 3) char **store_list(unsigned int *nr, const char *fmt, ...);
__printf(2, 3) int store_try_read(char **value, const char *fmt, ...);
__printf(3, 4) int store_try_list(char ***names, unsigned int *nr, const char *fmt, ...);
__printf(1, 2) bool store_has(const char *fmt, ...);
__printf(2, 3) void store_write(const char *value, const char *fmt, ...);
__printf(1, 2) void store_remove(const char *fmt, ...);
__printf(3, 4) void store_make(unsigned int owner, unsigned int reader, const char *fmt, ...);

void store_begin(void);
bool store_commit(void);
void store_abort(void);

__printf(1, 2) void store_watch(const char *fmt, ...);
__printf(1, 2) void store_unwatch(const char *fmt, ...);
long long store_deadline(unsigned int seconds);
bool store_wait(long long deadline);

/* ---- pv-scsi-names.c ---- */

bool parse_vdev(const char *text, struct vdev *vdev);
struct vdev need_vdev(const char *text);
void name_vdev(char text[TEXT_VDEV], const struct vdev *vdev);
void device_init(struct device *dev, const char *name, const char *vdev);
void devices_free(struct device *devices, unsigned int nr);
char *find_pdev(const char *name);
void check_device(const char *name, const char *id);

/* ---- pv-scsi-config.c ---- */

/**
 * struct config - what a guest's configuration file says that concerns us
 * @file: its name
 * @name: the guest's, or NULL
 * @entries: the strings of vscsi = [ ... ]
 * @nr: number of these
 * @fault: the first thing that was not understood, or NULL
 */
struct config {
	const char *file;
	char *name;
	char **entries;
	unsigned int nr;
	char *fault;
};

int config_read(struct config *config, const char *file);
void config_more(struct config *config, const char *text);
void config_load(struct config *config, const char *file);
void config_free(struct config *config);
struct device *config_devices(const struct config *config);

/* ---- pv-scsi-devices.c ---- */

void prune(void);
void lock_domain(unsigned int domid);
void attach(unsigned int domid, struct device *devices, unsigned int nr, bool nowait);
void detach(unsigned int domid, const char *vdev, bool force);
void list(const unsigned int *domid, bool json);
struct device *devices_of(unsigned int domid, unsigned int *nr);

/* ---- pv-scsi-guests.c ---- */

unsigned int find_domain(const char *name);
int create(const char *command, char **argv, int argc);
int migrate(unsigned int domid, const char *host);
void apply(unsigned int domid, const char *file, bool nowait);
_Noreturn void watch(char **dirs);

#endif
