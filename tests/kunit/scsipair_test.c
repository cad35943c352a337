// SPDX-License-Identifier: GPL-2.0
/*
 * scsifront and scsiback in one kernel, over the fake Xen: on a device of scsi_debug that is passed through, and on a
 * LUN of LIO in memory. Every byte is checked, also from below; sense, residuals and addresses are those of the device.
 */
#include <linux/async.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <asm/unaligned.h>
#include <scsi/scsi.h>
#include <scsi/scsi_eh.h>
#include <scsi/scsi_proto.h>

#define HELPERS_WANT_DEVICE
#include "vscsiif_ext.h"

#include "scsi_debug.h"

#define TYPE		"vscsi"
#define ID		0
#define BLOCK		512
#define WORKERS		3
#define REGION		1500		/* blocks that a worker has for itself */
#define ORDER		8		/* of its memory */
#define LARGEST		2048		/* blocks in that */

static struct xenbus_device *front, *back;
static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];
static char pdev[64];
static struct scsi_device *below;	/* the device, if it is passed through */
static const char *kept;		/* what the modules' parameters are to be */
static const char *rings;		/* how many the first backend says that it takes; NULL: the truth */

static bool states_are(const char *state)
{
	return key_is(front_path, "state", state) && key_is(back_path, "state", state);
}

static bool has(const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "vscsi-devs/%s/state", name);
	return key_is(front_path, key, "4") && key_is(back_path, key, "4");
}

static void add_lun(const char *name, const char *where, const char *vdev)
{
	char key[64];

	snprintf(key, sizeof(key), "vscsi-devs/%s/p-dev", name);
	set_key(back_path, key, where);
	snprintf(key, sizeof(key), "vscsi-devs/%s/v-dev", name);
	set_key(back_path, key, vdev);
	snprintf(key, sizeof(key), "vscsi-devs/%s/state", name);
	set_key(back_path, key, "1");
}

/* ---- commands ---- */

struct command {
	u8 cdb[16];
	int dir;
	void *data;
	u32 len;
	unsigned int timeout;
	/* results */
	int result, resid;
	struct scsi_sense_hdr header;
	u8 sense[SCSI_SENSE_BUFFERSIZE];
};

static int run(struct scsi_device *sdev, struct command *c)
{
	void *copy = NULL;
	unsigned int i;

	/* Linux clears what has not been moved, though it be what is to be written. */
	if (c->dir == DMA_TO_DEVICE) {
		copy = kvmalloc(c->len, GFP_KERNEL | __GFP_NOFAIL);
		memcpy(copy, c->data, c->len);
	}
	/* A unit attention is for whoever comes first. */
	for (i = 0; i < 5; i++) {
		if (copy)
			memcpy(c->data, copy, c->len);
		memset(c->sense, 0, sizeof(c->sense));
		memset(&c->header, 0, sizeof(c->header));
		c->resid = 0;
		c->result = __scsi_execute(sdev, c->cdb, c->dir, c->data, c->len, c->sense, &c->header,
					   c->timeout ?: 60 * HZ, 0, 0, 0, &c->resid);
		if (!c->result || c->header.sense_key != UNIT_ATTENTION)
			break;
	}
	kvfree(copy);
	return c->result;
}

static int transfer(struct scsi_device *sdev, u8 op, u32 first, u32 nr, void *data)
{
	struct command c = {
		.cdb = { op }, .dir = op == WRITE_10 ? DMA_TO_DEVICE : DMA_FROM_DEVICE, .data = data, .len = nr * BLOCK,
	};

	put_unaligned_be32(first, &c.cdb[2]);
	put_unaligned_be16(nr, &c.cdb[7]);
	return run(sdev, &c) ?: c.resid ? -EIO : 0;
}

/* ---- a vhost's life ---- */

static void add_back(struct kunit *test)
{
	set_key(back_path, "online", "1");
	add_lun("dev-0", pdev, "0:0:0:0");
	back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(back));
}

static void start(struct kunit *test, const char *where, const char *persistent, const char *trusted)
{
	fake_xen_reset();
	fake_xen_rewrite(PV_VSCSIIF_MAX_QUEUES, rings);
	kept = persistent;
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	KUNIT_ASSERT_TRUE(test, write_file("/sys/module/pv_scsiback/parameters/feature_persistent", persistent));
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, ID);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, ID);
	if (where)
		strscpy(pdev, where, sizeof(pdev));
	else
		debug_pdev(pdev, sizeof(pdev), 0);
	below = where ? NULL : debug_device(0);
	KUNIT_ASSERT_EQ(test, !below, !!where);
	set_key(front_path, "trusted", trusted);
	add_back(test);
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are("4") && has("dev-0")), "not connected: %s",
			      fake_xen_last_error());
	/* The disk's driver has asked what it wants to know. */
	async_synchronize_full();
}

static int passthrough_init(struct kunit *test)
{
	start(test, NULL, "1", "1");
	return 0;
}

static int copying_init(struct kunit *test)
{
	start(test, NULL, "0", "1");
	return 0;
}

static int untrusted_init(struct kunit *test)
{
	start(test, NULL, "0", "0");
	return 0;
}

static int one_ring_init(struct kunit *test)
{
	rings = "1";
	start(test, NULL, "1", "1");
	rings = NULL;
	return 0;
}

static int lio_init(struct kunit *test)
{
	start(test, LIO_LUN, "1", "1");
	return 0;
}

static void end(struct kunit *test)
{
	debug_forgets(false);
	if (!IS_ERR_OR_NULL(front))
		fake_xen_remove_device(front);
	if (!IS_ERR_OR_NULL(back))
		fake_xen_remove_device(back);
	front = NULL;
	back = NULL;
	if (below)
		scsi_device_put(below);
	below = NULL;
	write_file("/sys/module/pv_scsiback/parameters/feature_persistent", "1");
	settle();
	expect_nothing_held(test);
}

static struct scsi_device *first_device(struct kunit *test)
{
	struct scsi_device *sdev = guests_device(front, 0, 0);

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	return sdev;
}

/* ---- who it is ---- */

static void expect_same_inquiry(struct kunit *test, struct scsi_device *sdev, u8 evpd, u8 page)
{
	struct command c = { .cdb = { INQUIRY, evpd, page, 0, 252 }, .dir = DMA_FROM_DEVICE, .len = 252 };
	u8 *data = kunit_kzalloc(test, 2 * c.len, GFP_KERNEL);
	int resid;

	KUNIT_ASSERT_NOT_NULL(test, data);
	c.data = data;
	KUNIT_EXPECT_EQ(test, run(sdev, &c), 0);
	resid = c.resid;
	KUNIT_EXPECT_GT(test, resid, 0);
	c.data = data + c.len;
	KUNIT_EXPECT_EQ(test, run(below, &c), 0);
	/* What the device sends less than asked for is what the guest is told. */
	KUNIT_EXPECT_EQ(test, resid, c.resid);
	/* third-party copy is nothing for guests */
	if (!evpd)
		data[c.len + 5] &= ~0x08;
	EXPECT_MEMEQ(test, data, data + c.len, c.len);
}

static void same_identity(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test);

	KUNIT_EXPECT_EQ(test, sdev->type, below->type);
	expect_same_inquiry(test, sdev, 0, 0);
	expect_same_inquiry(test, sdev, 1, 0x80);
	expect_same_inquiry(test, sdev, 1, 0x83);
	scsi_device_put(sdev);
}

static u32 report_luns(struct scsi_device *sdev, u8 *data, u32 len)
{
	struct command c = { .cdb = { REPORT_LUNS }, .dir = DMA_FROM_DEVICE, .data = data, .len = len };

	put_unaligned_be32(len, &c.cdb[6]);
	return run(sdev, &c) ? 0 : len - c.resid;
}

static void only_its_own_luns(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *other;
	u8 *data = kunit_kzalloc(test, BLOCK, GFP_KERNEL);
	char where[64];

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, report_luns(sdev, data, 256), 16u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(data), 8u);

	/* Another one comes while the guest runs. */
	add_lun("dev-1", debug_pdev(where, sizeof(where), 2), "0:0:0:3");
	set_key(back_path, "state", "7");
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(has("dev-1") && states_are("4")), "%s", fake_xen_last_error());
	KUNIT_EXPECT_EQ(test, report_luns(sdev, data, 256), 24u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be64(data + 8), 0ull);
	KUNIT_EXPECT_EQ(test, get_unaligned_be64(data + 16), 3ull << 48);
	/* With no room for all. */
	KUNIT_EXPECT_EQ(test, report_luns(sdev, data, 16), 16u);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(data), 16u);
	other = guests_device(front, 0, 3);
	KUNIT_ASSERT_NOT_NULL(test, other);
	memset(data, 0x5c, 256);
	KUNIT_EXPECT_EQ(test, report_luns(other, data, 256), 24u);
	scsi_device_put(other);

	/* And goes. */
	set_key(back_path, "vscsi-devs/dev-1/state", "5");
	set_key(back_path, "state", "7");
	KUNIT_EXPECT_TRUE_MSG(test,
			      COMES_TRUE(key_is(back_path, "vscsi-devs/dev-1/state", "6") && states_are("4")), "%s",
			      fake_xen_last_error());
	other = guests_device(front, 0, 3);
	KUNIT_EXPECT_NULL(test, other);
	KUNIT_EXPECT_EQ(test, report_luns(sdev, data, 256), 16u);
	scsi_device_put(sdev);
	/* It is free again. */
	other = debug_device(2);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_EQ(test, transfer(other, READ_10, 0, 1, data), 0);
	scsi_device_put(other);
}

/* ---- how it ends ---- */

static void errors_are_the_devices(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test);
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	struct command c = { .dir = DMA_FROM_DEVICE, .data = page_address(page), .len = 16 * BLOCK };
	struct command b;
	u32 capacity[2];

	KUNIT_ASSERT_NOT_NULL(test, page);
	if (below) {
		/* A medium error in the middle: the same sense, to the byte. */
		KUNIT_ASSERT_TRUE(test, debug_set("opts", DEBUG_MEDIUM));
		c.cdb[0] = READ_10;
		put_unaligned_be32(DEBUG_BAD_BLOCK - 4, &c.cdb[2]);
		put_unaligned_be16(16, &c.cdb[7]);
		b = c;
		KUNIT_EXPECT_EQ(test, run(sdev, &c) & 0xff, SAM_STAT_CHECK_CONDITION);
		KUNIT_EXPECT_EQ(test, run(below, &b) & 0xff, SAM_STAT_CHECK_CONDITION);
		KUNIT_EXPECT_EQ(test, c.header.sense_key, MEDIUM_ERROR);
		KUNIT_EXPECT_EQ(test, c.header.asc, 0x11);
		KUNIT_EXPECT_EQ(test, c.resid, b.resid);
		EXPECT_MEMEQ(test, c.sense, b.sense, 32);
		KUNIT_ASSERT_TRUE(test, debug_set("opts", "0"));
		KUNIT_EXPECT_EQ(test, run(sdev, &c), 0);
	}
	/* Beyond its end. */
	memset(c.cdb, 0, sizeof(c.cdb));
	c.cdb[0] = READ_10;
	put_unaligned_be32(0x7fffffff, &c.cdb[2]);
	put_unaligned_be16(16, &c.cdb[7]);
	KUNIT_EXPECT_EQ(test, run(sdev, &c) & 0xff, SAM_STAT_CHECK_CONDITION);
	KUNIT_EXPECT_EQ(test, c.header.sense_key, ILLEGAL_REQUEST);
	KUNIT_EXPECT_EQ(test, c.header.asc, 0x21);
	/* More room than there is data for. */
	memset(c.cdb, 0, sizeof(c.cdb));
	c.cdb[0] = READ_CAPACITY;
	c.len = 128;
	memset(c.data, 0x5c, c.len);
	KUNIT_EXPECT_EQ(test, run(sdev, &c), 0);
	KUNIT_EXPECT_EQ(test, c.resid, 120);
	memcpy(capacity, c.data, sizeof(capacity));
	KUNIT_EXPECT_EQ(test, be32_to_cpu((__force __be32)capacity[0]), 16383u);
	KUNIT_EXPECT_EQ(test, be32_to_cpu((__force __be32)capacity[1]), BLOCK);
	/* What a guest may not do. */
	memset(c.cdb, 0, sizeof(c.cdb));
	c.cdb[0] = 0xc1;
	c.dir = DMA_NONE;
	c.data = NULL;
	c.len = 0;
	KUNIT_EXPECT_EQ(test, run(sdev, &c) & 0xff, SAM_STAT_CHECK_CONDITION);
	KUNIT_EXPECT_EQ(test, c.header.sense_key, ILLEGAL_REQUEST);
	KUNIT_EXPECT_EQ(test, c.header.asc, 0x20);
	scsi_device_put(sdev);
	__free_pages(page, 2);
}

/* The device forgets a command; the guest's patience ends, and its abort reaches the device. */
static void guest_aborts(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test);
	struct command c = { .cdb = { TEST_UNIT_READY }, .dir = DMA_NONE };
	unsigned long start = jiffies;

	KUNIT_EXPECT_EQ(test, run(sdev, &c), 0);
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	c.timeout = HZ;
	KUNIT_EXPECT_NE(test, run(sdev, &c), 0);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 10 * HZ));
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	KUNIT_EXPECT_EQ(test, run(sdev, &c), 0);
	KUNIT_EXPECT_TRUE(test, states_are("4"));
	scsi_device_put(sdev);
}

/* ---- data ---- */

struct worker {
	struct page *page;
	struct scsi_device *sdev;
	u32 start, seed;
	unsigned int ops;
	atomic_t *stop;
	unsigned int done, errors, wrong;
	struct completion finished;
};

static u64 word(u32 block, u32 version, unsigned int i)
{
	return (block * 0x9e3779b97f4a7c15ULL) ^ ((u64)version << 40) ^ i;
}

static void fill(u64 *data, u32 block, u32 nr, u32 version)
{
	unsigned int i;

	for (; nr--; block++)
		for (i = 0; i < BLOCK / 8; i++)
			*data++ = word(block, version, i);
}

static bool filled(const u64 *data, u32 block, u32 nr, u32 version)
{
	unsigned int i;

	for (; nr--; block++)
		for (i = 0; i < BLOCK / 8; i++)
			if (*data++ != word(block, version, i))
				return false;
	return true;
}

static void one_op(struct worker *w)
{
	static const u32 sizes[] = { 1, 8, 8, 3, 16, 88, 96, 256, 1200 };
	u32 nr = sizes[w->seed % ARRAY_SIZE(sizes)];
	u32 block = w->start + w->seed / 16 % (REGION - nr + 1);
	/* Memory that does not begin with a page. */
	u8 *data = (u8 *)page_address(w->page) + w->seed % 8 * BLOCK;

	w->seed = w->seed * 1103515245 + 12345;
	fill((u64 *)data, block, nr, w->done);
	if (transfer(w->sdev, WRITE_10, block, nr, data)) {
		w->errors++;
		goto out;
	}
	memset(data, 0xee, nr * BLOCK);
	if (transfer(w->sdev, READ_10, block, nr, data))
		w->errors++;
	else if (!filled((u64 *)data, block, nr, w->done))
		w->wrong++;
	memset(data, 0xdd, nr * BLOCK);
	/* From below, and from there back. */
	if (!below)
		goto out;
	if (transfer(below, READ_10, block, nr, data) || !filled((u64 *)data, block, nr, w->done))
		w->wrong++;
	fill((u64 *)data, block, nr, ~w->done);
	if (transfer(below, WRITE_10, block, nr, data))
		w->wrong++;
	memset(data, 0xcc, nr * BLOCK);
	if (transfer(w->sdev, READ_10, block, nr, data))
		w->errors++;
	else if (!filled((u64 *)data, block, nr, ~w->done))
		w->wrong++;
out:
	w->done++;
}

static int work(void *arg)
{
	struct worker *w = arg;

	while (w->done < w->ops && w->errors < 20 && !(w->stop && atomic_read(w->stop)))
		one_op(w);
	complete(&w->finished);
	return 0;
}

static struct worker *start_workers(struct kunit *test, unsigned int ops, atomic_t *stop)
{
	struct worker *w = kunit_kcalloc(test, WORKERS, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	for (i = 0; i < WORKERS; i++) {
		w[i].page = alloc_pages(GFP_KERNEL, ORDER);
		KUNIT_ASSERT_NOT_NULL(test, w[i].page);
		w[i].sdev = first_device(test);
		w[i].start = i * REGION;
		w[i].seed = 77 + i;
		w[i].ops = ops;
		w[i].stop = stop;
		init_completion(&w[i].finished);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(work, &w[i], "scsipair-%u", i)));
	}
	return w;
}

static void finish_workers(struct kunit *test, struct worker *w, bool errors_allowed)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		KUNIT_ASSERT_TRUE_MSG(test, wait_for_completion_timeout(&w[i].finished, 100 * HZ),
				      "worker %u hangs", i);
		KUNIT_EXPECT_EQ(test, w[i].wrong, 0);
		if (!errors_allowed)
			KUNIT_EXPECT_EQ(test, w[i].errors, 0);
		KUNIT_EXPECT_GT(test, w[i].done, 0);
		scsi_device_put(w[i].sdev);
		__free_pages(w[i].page, ORDER);
	}
}

static void every_byte(struct kunit *test)
{
	struct fake_xen_held held;

	finish_workers(test, start_workers(test, 40, NULL), false);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.errors, 0);
	fake_xen_held(&held);
	/* Only a frontend that uses its grants again has them kept. */
	if (*kept == '0')
		KUNIT_EXPECT_EQ(test, held.pages, 0u);
	else
		KUNIT_EXPECT_GT(test, held.pages, 0u);
}

static void leave_and_come(struct kunit *test, unsigned int round, bool suspend)
{
	if (suspend)
		KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
	fake_xen_remove_device(back);
	back = NULL;
	settle();
	set_key(back_path, "state", "1");
	if (suspend)
		KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
	add_back(test);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are("4") && has("dev-0")), "round %u: %s", round,
			      fake_xen_last_error());
}

/* A disk's commands are done again: no error, and each of them once. */
static void backend_restarts(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		msleep(50);
		leave_and_come(test, i, i & 1);
	}
	msleep(50);
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
}

/*
 * A reading of xenstore that fails, whichever and at either end, takes no LUN from a running guest: the one that is
 * there works on, and another one that is to come is there, or is not.
 */
static void a_reading_fails(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *now;
	char path[FAKE_XEN_PATH_LEN + 16], where[64];
	struct worker *w;
	unsigned int k;

	snprintf(path, sizeof(path), "%s/vscsi-devs", back_path);
	w = start_workers(test, 60, NULL);
	for (k = 0; k == fake_xen_counts.failed_reads && k < 200; k++) {
		add_lun("dev-1", debug_pdev(where, sizeof(where), 2), "0:0:0:3");
		settle();
		fake_xen_fail_reads(path, k, 1, -ENOMEM);
		set_key(back_path, "state", "7");
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are("4")), "reading %u: %s", k, fake_xen_last_error());
		settle();
		fake_xen_fail_reads(NULL, 0, 0, 0);
		now = guests_device(front, 0, 0);
		KUNIT_ASSERT_PTR_EQ_MSG(test, now, sdev, "reading %u", k);
		scsi_device_put(now);
		KUNIT_ASSERT_TRUE_MSG(test, has("dev-0"), "reading %u", k);
		/* The other one goes again. */
		set_key(back_path, "vscsi-devs/dev-1/state", "5");
		set_key(back_path, "state", "7");
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(key_is(back_path, "vscsi-devs/dev-1/state", "6") &&
						       states_are("4")), "reading %u: %s", k, fake_xen_last_error());
		set_key(back_path, "vscsi-devs/dev-1", NULL);
		settle();
	}
	KUNIT_EXPECT_GE(test, fake_xen_counts.failed_reads, 8ul);
	KUNIT_EXPECT_LT(test, k, 200u);
	kunit_info(test, "%u readings", k);
	finish_workers(test, w, false);
	scsi_device_put(sdev);
}

/* The same when the guest's driver finds another backend: it knows its LUNs only by their addresses then. */
static void a_reading_fails_after_a_restart(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *now;
	char path[FAKE_XEN_PATH_LEN + 16];
	unsigned int k;

	snprintf(path, sizeof(path), "%s/vscsi-devs", back_path);
	for (k = 0; k == fake_xen_counts.failed_reads && k < 200; k++) {
		/* It would not bear with so many restarts in a minute. */
		((struct pv_device *)dev_get_drvdata(&front->dev))->retries = 0;
		fake_xen_remove_device(back);
		back = NULL;
		settle();
		set_key(back_path, "state", "1");
		fake_xen_fail_reads(path, k, 1, -ENOMEM);
		add_back(test);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are("4")), "reading %u: %s", k, fake_xen_last_error());
		settle();
		fake_xen_fail_reads(NULL, 0, 0, 0);
		now = guests_device(front, 0, 0);
		KUNIT_ASSERT_PTR_EQ_MSG(test, now, sdev, "reading %u", k);
		scsi_device_put(now);
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(has("dev-0")), "reading %u: %s", k, fake_xen_last_error());
	}
	KUNIT_EXPECT_GE(test, fake_xen_counts.failed_reads, 6ul);
	KUNIT_EXPECT_LT(test, k, 200u);
	scsi_device_put(sdev);
}

/* ---- two LUNs on one ring ---- */

#define CROWD		64

/* Readers, more than the ring takes. */
static struct crowd {
	bool stop;
	atomic_t left, reads, errors;
	u32 timeout;
} crowd;

static int one_of_the_crowd(void *sdev)
{
	struct command c = {
		.cdb = { READ_10, [8] = 1 }, .dir = DMA_FROM_DEVICE, .len = BLOCK, .timeout = crowd.timeout,
		.data = kmalloc(BLOCK, GFP_KERNEL | __GFP_NOFAIL),
	};

	while (!READ_ONCE(crowd.stop)) {
		atomic_add(!!run(sdev, &c), &crowd.errors);
		atomic_inc(&crowd.reads);
	}
	kfree(c.data);
	atomic_dec(&crowd.left);
	return 0;
}

static void begin_crowd(struct kunit *test, struct scsi_device *a, struct scsi_device *b, u32 timeout)
{
	unsigned int i;

	crowd = (struct crowd){ .timeout = timeout };
	for (i = 0; i < CROWD; i++) {
		atomic_inc(&crowd.left);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(one_of_the_crowd, i & 1 ? a : b, "scsipair-c%u", i)));
	}
}

static void end_crowd(struct kunit *test)
{
	unsigned int seconds = 60;

	WRITE_ONCE(crowd.stop, true);
	while (atomic_read(&crowd.left) && seconds--)
		ssleep(1);
	KUNIT_ASSERT_EQ(test, atomic_read(&crowd.left), 0);
}

/* A second LUN, and the backend that comes back takes one ring of one page only. */
static struct scsi_device *on_a_small_ring(struct kunit *test)
{
	struct scsi_device *sdev;
	char where[64];

	fake_xen_rewrite(PV_VSCSIIF_MAX_QUEUES, "1");
	fake_xen_rewrite(PV_VSCSIIF_MAX_ORDER, "0");
	add_lun("dev-1", below ? debug_pdev(where, sizeof(where), 2) : LIO_OTHER, "0:0:0:3");
	leave_and_come(test, 0, false);
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(has("dev-1")), "%s", fake_xen_last_error());
	KUNIT_EXPECT_EQ(test, key_number(front_path, PV_VSCSIIF_ORDER), 0u);
	sdev = guests_device(front, 0, 3);
	KUNIT_ASSERT_NOT_NULL(test, sdev);
	return sdev;
}

/*
 * However busy one is, the other one gets a place on the ring when it is its turn. (Neither a device's own queue nor
 * processors are waited for here.)
 */
static void luns_take_turns(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *other = on_a_small_ring(test);
	u8 *data = kunit_kzalloc(test, BLOCK, GFP_KERNEL);
	int before, went_by, most = 0, all = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	begin_crowd(test, sdev, sdev, 0);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&crowd.reads) > 2 * CROWD));
	sched_set_fifo_low(current);
	for (i = 0; i < 30; i++) {
		before = atomic_read(&crowd.reads);
		KUNIT_EXPECT_EQ(test, transfer(other, READ_10, 0, 1, data), 0);
		went_by = atomic_read(&crowd.reads) - before;
		most = max(most, went_by);
		all += went_by;
		msleep(20);
	}
	sched_set_normal(current, 0);
	end_crowd(test);
	kunit_info(test, "%d reads of the other LUN went by while one waited, at most %d", all / 30, most);
	KUNIT_EXPECT_LT(test, most, 200);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.errors), 0);
	scsi_device_put(other);
	scsi_device_put(sdev);
}

/* What waits for a ring waits for the next one. */
static void what_waits_is_not_lost(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *other = on_a_small_ring(test);
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	begin_crowd(test, other, other, 0);
	for (i = 0; i < 3; i++) {
		msleep(100);
		leave_and_come(test, i, i & 1);
	}
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
	end_crowd(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.errors), 0);
	scsi_device_put(other);
	scsi_device_put(sdev);
}

/* Its owner's patience may end before it has had its turn. */
static void what_waits_is_aborted(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test), *other = on_a_small_ring(test);
	u8 *data = kunit_kzalloc(test, BLOCK, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	begin_crowd(test, sdev, other, HZ);
	ssleep(3);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	end_crowd(test);
	KUNIT_EXPECT_GT(test, atomic_read(&crowd.errors), 0);
	KUNIT_EXPECT_EQ(test, transfer(other, READ_10, 0, 1, data), 0);
	KUNIT_EXPECT_EQ(test, transfer(sdev, READ_10, 0, 1, data), 0);
	KUNIT_EXPECT_TRUE(test, states_are("4"));
	scsi_device_put(other);
	scsi_device_put(sdev);
}

/* ---- rings ---- */

/* Whether a command from each processor goes by a ring of its own, or all by the one that there is. */
static void expect_rings(struct kunit *test, struct scsi_device *sdev, unsigned int nr)
{
	struct pv_device *pd = dev_get_drvdata(&front->dev);
	u8 *data = kunit_kzalloc(test, BLOCK, GFP_KERNEL);
	unsigned int cpu, i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, max(key_number(front_path, PV_VSCSIIF_NUM_QUEUES), 1u), nr);
	KUNIT_EXPECT_EQ(test, (u32)sdev->queue_depth, nr * 127);
	for_each_online_cpu(cpu) {
		struct pv_stats *stats = pv_device_counters(pd, cpu % nr);
		u64 before = stats->requests;

		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		for (i = 0; i < 10; i++)
			KUNIT_EXPECT_EQ(test, transfer(sdev, READ_10, 0, 1, data), 0);
		KUNIT_EXPECT_GE(test, stats->requests, before + 10);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* Hardware queues cannot become more when the host is there; the rings may. */
static void rings_come_and_go(struct kunit *test)
{
	struct scsi_device *sdev = first_device(test);
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	expect_rings(test, sdev, 1);
	for (i = 0; i < 4; i++) {
		fake_xen_rewrite(PV_VSCSIIF_MAX_QUEUES, i & 1 ? "1" : "2");
		leave_and_come(test, i, false);
		expect_rings(test, sdev, i & 1 ? 1 : 2);
	}
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
	scsi_device_put(sdev);
}

/* ---- a ring that is polled ---- */

#define POLLED_PAGES	8

/* The disk on the first LUN; names are not used again before the last one has gone. */
static struct file *open_disk(struct kunit *test)
{
	char name[] = "/dev/sda", timeout[] = "/sys/block/sda/device/timeout";
	struct file *file = ERR_PTR(-ENOENT);
	struct request_queue *queue;

	for (; IS_ERR(file) && name[7] <= 'h'; name[7]++, timeout[13]++)
		file = filp_open(name, O_RDWR | O_LARGEFILE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	timeout[13]--;
	KUNIT_EXPECT_TRUE(test, write_file(timeout, "2"));
	queue = I_BDEV(file->f_mapping->host)->bd_disk->queue;
	KUNIT_EXPECT_TRUE_MSG(test, test_bit(QUEUE_FLAG_POLL, &queue->queue_flags), "nothing polls");
	return file;
}

struct poller {
	struct block_device *bdev;
	struct page *page[POLLED_PAGES];
	atomic_t *stop;
	unsigned int done, errors, wrong;
	struct completion finished;
};

static void polled_end(struct bio *bio)
{
	WRITE_ONCE(*(bool *)bio->bi_private, true);
}

static struct bio *polled_read(struct poller *p, bool *ended)
{
	struct bio *bio = bio_alloc(p->bdev, POLLED_PAGES, REQ_OP_READ | REQ_POLLED, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < POLLED_PAGES; i++) {
		memset(page_address(p->page[i]), 0xee, PAGE_SIZE);
		__bio_add_page(bio, p->page[i], PAGE_SIZE, 0);
	}
	bio->bi_private = ended;
	bio->bi_end_io = polled_end;
	submit_bio(bio);
	return bio;
}

static void polled_done(struct poller *p, struct bio *bio)
{
	unsigned int i;

	p->errors += !!bio->bi_status;
	for (i = 0; i < POLLED_PAGES; i++)
		p->wrong += !filled(page_address(p->page[i]), i * PAGE_SIZE / BLOCK, PAGE_SIZE / BLOCK, 7);
	p->done++;
	bio_put(bio);
}

static int poll_reads(void *arg)
{
	struct poller *p = arg;

	while (!atomic_read(p->stop)) {
		bool ended = false;
		struct bio *bio = polled_read(p, &ended);

		while (!READ_ONCE(ended)) {
			bio_poll(bio, NULL, 0);
			cond_resched();
		}
		polled_done(p, bio);
	}
	complete(&p->finished);
	return 0;
}

static struct poller *make_poller(struct kunit *test, struct file *file)
{
	struct poller *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->bdev = I_BDEV(file->f_mapping->host);
	for (i = 0; i < POLLED_PAGES; i++) {
		p->page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p->page[i]);
		fill(page_address(p->page[i]), i * PAGE_SIZE / BLOCK, PAGE_SIZE / BLOCK, 7);
		KUNIT_EXPECT_EQ(test, transfer(below, WRITE_10, i * PAGE_SIZE / BLOCK, PAGE_SIZE / BLOCK,
					       page_address(p->page[i])), 0);
	}
	return p;
}

static void free_poller(struct kunit *test, struct poller *p, struct file *file)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, p->errors, 0);
	KUNIT_EXPECT_EQ(test, p->wrong, 0);
	for (i = 0; i < POLLED_PAGES; i++)
		__free_page(p->page[i]);
	filp_close(file, NULL);
}

/* Without an interrupt; and the backend goes and comes back meanwhile, with the ring and without it. */
static void restart_meets_poller(struct kunit *test)
{
	struct pv_device *pd = dev_get_drvdata(&front->dev);
	struct pv_stats *stats = pv_device_counters(pd, num_online_cpus());
	struct file *file = open_disk(test);
	struct poller *p = make_poller(test, file);
	atomic_t stop = ATOMIC_INIT(0);
	unsigned int i;

	p->stop = &stop;
	init_completion(&p->finished);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(poll_reads, p, "poller")));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(p->done) > 20));
	KUNIT_EXPECT_GT(test, stats->requests, 20ull);
	KUNIT_EXPECT_EQ(test, stats->upcalls, 0ull);
	for (i = 0; i < 4; i++) {
		fake_xen_rewrite(PV_VSCSIIF_MAX_QUEUES, i & 1 ? "1" : NULL);
		msleep(50 + i);
		leave_and_come(test, i, i & 2);
	}
	i = READ_ONCE(p->done);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(p->done) > i + 5));
	atomic_set(&stop, 1);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&p->finished, 20 * HZ));
	free_poller(test, p, file);
}

/* Who was to poll is gone: the answer is seen when the command's time is over, and so is that to its abort. */
static void nobody_polls(struct kunit *test)
{
	struct file *file = open_disk(test);
	struct poller *p = make_poller(test, file);
	unsigned int i, seconds;
	struct bio *bio;
	bool ended;

	for (i = 0; i < 2; i++) {
		ended = false;
		KUNIT_ASSERT_TRUE(test, debug_forgets(i));
		bio = polled_read(p, &ended);
		if (i) {
			ssleep(1);
			KUNIT_ASSERT_TRUE(test, debug_forgets(false));
		}
		for (seconds = 0; !READ_ONCE(ended) && seconds < 20; seconds++)
			ssleep(1);
		KUNIT_ASSERT_TRUE_MSG(test, READ_ONCE(ended), "round %u", i);
		kunit_info(test, "round %u: %u s", i, seconds);
		polled_done(p, bio);
	}
	KUNIT_EXPECT_TRUE(test, states_are("4"));
	free_poller(test, p, file);
}

static bool back_at_work(void)
{
	u8 *data = kmalloc(BLOCK, GFP_KERNEL);
	struct scsi_device *sdev = NULL;
	bool good = false;

	try_again(front);
	try_again(back);
	if (data && states_are("4") && has("dev-0"))
		sdev = guests_device(front, 0, 0);
	if (sdev) {
		good = !transfer(sdev, READ_10, 0, 1, data);
		scsi_device_put(sdev);
	}
	kfree(data);
	return good;
}

static void front_restarts(struct kunit *test)
{
	pv_device_restart(pv_device_of(&front->dev));
}

static void front_is_replaced(struct kunit *test)
{
	fake_xen_remove_device(front);
	settle();
	set_key(front_path, "state", "1");
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
}

static void back_is_replaced(struct kunit *test)
{
	fake_xen_remove_device(back);
	back = NULL;
	settle();
	set_key(back_path, "state", "1");
	add_back(test);
}

static void each_refusal_at_restart(struct kunit *test)
{
	each_refusal(test, "pv-vscsi-0", front_restarts, back_at_work);
}

static void each_refusal_to_a_new_frontend(struct kunit *test)
{
	each_refusal(test, "pv-vscsi-0", front_is_replaced, back_at_work);
}

static void each_refusal_to_a_new_backend(struct kunit *test)
{
	each_refusal(test, "pv-vscsi-1-0", back_is_replaced, back_at_work);
}

static void unplug_under_load(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);

	msleep(50);
	fake_xen_remove_device(front);
	front = NULL;
	msleep(50);
	atomic_set(&stop, 1);
	finish_workers(test, w, true);
}

static void xen_refuses(struct kunit *test)
{
	struct worker *w = start_workers(test, 30, NULL);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		fake_xen_fail_ops(FAKE_XEN_MAP, 3, 5, GNTST_no_device_space);
		fake_xen_fail_ops(FAKE_XEN_COPY, 10, 2, GNTST_bad_gntref);
		msleep(20);
	}
	fake_xen_fail_ops(FAKE_XEN_MAP, 0, 0, 0);
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	finish_workers(test, w, true);
	KUNIT_EXPECT_TRUE(test, states_are("4"));
}

/*
 * In the order that a toolstack keeps: the guest's end, then this one. The backend serves until then: the disk's cache
 * is written out (by the guest's sd; nobody else sends the device anything).
 */
static void orderly_close(struct kunit *test)
{
	unsigned int before = 0;

	finish_workers(test, start_workers(test, 5, NULL), false);
	if (below)
		before = atomic_read(&below->iorequest_cnt);
	set_key(back_path, "online", "0");
	set_key(back_path, "state", "5");
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are("6")), "%s", fake_xen_last_error());
	KUNIT_EXPECT_EQ(test, fake_xen_counts.errors, 0);
	settle();
	if (below)
		KUNIT_EXPECT_GT(test, atomic_read(&below->iorequest_cnt), before);
	/* The backend's end has unregistered itself; the other one holds nothing that needs its removal. */
	KUNIT_EXPECT_NULL(test, guests_device(front, 0, 0));
}

/* The drivers go, not the device: what they wrote is not left to whoever comes in their place. */
static void keys_are_taken_back(struct kunit *test)
{
	KUNIT_ASSERT_FALSE(test, key_is(front_path, PV_VSCSIIF_NUM_QUEUES, ""));
	KUNIT_ASSERT_FALSE(test, key_is(back_path, PV_VSCSIIF_MAX_QUEUES, ""));
	device_release_driver(&front->dev);
	/* (A LUN's state, which each frontend writes.) */
	expect_only(test, front_path, " backend backend-id state trusted vscsi-devs ");
	device_release_driver(&back->dev);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, PV_VSCSIIF_MAX_QUEUES), "");
	KUNIT_EXPECT_STREQ(test, key_value(back_path, PV_VSCSIIF_MAX_ORDER), "");
}

static struct kunit_case passthrough_cases[] = {
	KUNIT_CASE(same_identity),
	KUNIT_CASE(only_its_own_luns),
	KUNIT_CASE(errors_are_the_devices),
	KUNIT_CASE(guest_aborts),
	KUNIT_CASE(every_byte),
	KUNIT_CASE(xen_refuses),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(what_waits_is_not_lost),
	KUNIT_CASE(what_waits_is_aborted),
	KUNIT_CASE(restart_meets_poller),
	KUNIT_CASE(nobody_polls),
	KUNIT_CASE(a_reading_fails),
	KUNIT_CASE(a_reading_fails_after_a_restart),
	KUNIT_CASE(unplug_under_load),
	KUNIT_CASE(orderly_close),
	KUNIT_CASE(keys_are_taken_back),
	KUNIT_CASE(each_refusal_at_restart),
	KUNIT_CASE(each_refusal_to_a_new_frontend),
	KUNIT_CASE(each_refusal_to_a_new_backend),
	{}
};

static struct kunit_suite passthrough_suite = {
	.name = "scsi_pair",
	.init = passthrough_init,
	.exit = end,
	.test_cases = passthrough_cases,
};

static struct kunit_case copying_cases[] = {
	KUNIT_CASE(every_byte),
	KUNIT_CASE(xen_refuses),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(unplug_under_load),
	{}
};

static struct kunit_suite copying_suite = {
	.name = "scsi_pair_copying",
	.init = copying_init,
	.exit = end,
	.test_cases = copying_cases,
};

static struct kunit_case untrusted_cases[] = {
	KUNIT_CASE(every_byte),
	{}
};

static struct kunit_suite untrusted_suite = {
	.name = "scsi_pair_untrusted",
	.init = untrusted_init,
	.exit = end,
	.test_cases = untrusted_cases,
};

static struct kunit_case one_ring_cases[] = {
	KUNIT_CASE(rings_come_and_go),
	{}
};

static struct kunit_suite one_ring_suite = {
	.name = "scsi_pair_one_ring",
	.init = one_ring_init,
	.exit = end,
	.test_cases = one_ring_cases,
};

static struct kunit_case lio_cases[] = {
	KUNIT_CASE(errors_are_the_devices),
	KUNIT_CASE(every_byte),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(luns_take_turns),
	KUNIT_CASE(unplug_under_load),
	KUNIT_CASE(orderly_close),
	{}
};

static struct kunit_suite lio_suite = {
	.name = "scsi_pair_lio",
	.init = lio_init,
	.exit = end,
	.test_cases = lio_cases,
};

kunit_test_suites(&passthrough_suite, &copying_suite, &untrusted_suite, &one_ring_suite, &lio_suite);

MODULE_DESCRIPTION("scsifront and scsiback together");
MODULE_LICENSE("GPL");
