// SPDX-License-Identifier: GPL-2.0
/*
 * blkfront and blkback in one kernel, over the fake Xen, on a disk in memory: every byte is checked from both sides,
 * while peers restart, guests are suspended and Xen refuses operations.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <xen/interface/io/blkif.h>

#define HELPERS_WANT_DEVICE
#include "../../blkback/blkback.h"
#include "device.h"
#include "helpers.h"
#include "null_blk.h"
#include "ring.h"

#define TYPE		"vbd"
#define ID		51712		/* xvda */
#define REGION		16384		/* sectors that a worker has for itself */
#define WORKERS		3
#define MAX_PAGES	256

static struct xenbus_device *front, *back;
static struct block_device *below, *above;	/* the disk under blkback, the guest's disk */
static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];

static bool states_are(enum xenbus_state state)
{
	return xenbus_read_driver_state(front_path) == state && xenbus_read_driver_state(back_path) == state;
}

/* What a toolstack writes for a disk. */
static void add_backend(struct kunit *test)
{
	char text[32];

	snprintf(text, sizeof(text), "%x:%x", MAJOR(below->bd_dev), MINOR(below->bd_dev));
	set_key(back_path, "mode", "w!");
	set_key(back_path, "device-type", "disk");
	back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(back));
	set_key(back_path, "physical-device", text);
}

static int connect_pair(struct kunit *test, dev_t disk)
{
	char text[16];

	fake_xen_reset();
	above = NULL;
	below = open_disk(disk);
	KUNIT_ASSERT_NOT_NULL_MSG(test, below, "the disk is not there");
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, ID);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, ID);
	snprintf(text, sizeof(text), "%u", ID);
	set_key(front_path, "virtual-device", text);
	set_key(front_path, "device-type", "disk");
	add_backend(test);
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "not connected: %s",
			      fake_xen_last_error());
	KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
	/* Its partitions have been looked for. */
	settle();
	return 0;
}

static int pair_init(struct kunit *test)
{
	return connect_pair(test, find_null_blk());
}

/* A frontend that grants its users' own pages, so that the backend has to have everything copied by Xen. */
static int copying_init(struct kunit *test)
{
	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "0");
	return pair_init(test);
}

static void pair_exit(struct kunit *test)
{
	close_disk(&above);
	if (!IS_ERR_OR_NULL(front))
		fake_xen_remove_device(front);
	if (!IS_ERR_OR_NULL(back))
		fake_xen_remove_device(back);
	front = NULL;
	back = NULL;
	close_disk(&below);
	settle();
	expect_nothing_held(test);
}

static void copying_exit(struct kunit *test)
{
	pair_exit(test);
	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "1");
}

/* I/O */

static int io(struct block_device *bdev, blk_opf_t op, sector_t sector, struct page **pages, unsigned int offset,
	      unsigned int len)
{
	struct bio *bio = bio_alloc(bdev, MAX_PAGES, op, GFP_KERNEL);
	int err;

	bio->bi_iter.bi_sector = sector;
	while (len) {
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - offset);

		if (WARN_ON(bio_add_page(bio, *pages++, part, offset) != part))
			break;
		offset = 0;
		len -= part;
	}
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

struct worker {
	struct page *page[MAX_PAGES];
	u8 *written;			/* per sector: how often */
	sector_t start;
	u32 seed;
	unsigned int ops;
	atomic_t *stop;
	/* results */
	unsigned int done, errors, wrong;
	sector_t wrong_at;
	struct completion finished;
};

static u64 *at(struct worker *w, unsigned int offset, unsigned int i)
{
	unsigned int byte = offset + i * 512;

	return page_address(w->page[byte / PAGE_SIZE]) + byte % PAGE_SIZE;
}

static u64 word(sector_t sector, u8 version, unsigned int i)
{
	return (sector * 0x9e3779b97f4a7c15ULL) ^ ((u64)version << 56) ^ i;
}

static void fill_sector(u64 *data, sector_t sector, u8 version)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		data[i] = word(sector, version, i);
}

static bool sector_is(const u64 *data, sector_t sector, u8 version)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (data[i] != word(sector, version, i))
			return false;
	return true;
}

static u32 next(struct worker *w)
{
	w->seed = w->seed * 1103515245 + 12345;
	return w->seed >> 8;
}

static void check(struct worker *w, unsigned int offset, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u8 version = w->written[first + i];

		if (version && !sector_is(at(w, offset, i), w->start + first + i, version)) {
			if (!w->wrong++)
				w->wrong_at = w->start + first + i;
		}
	}
}

/* The old data or the new, sector by sector, but nothing else: no staged page of another request. */
static void after_failed_write(struct worker *w, unsigned int offset, unsigned int first, unsigned int nr)
{
	unsigned int i;

	if (io(below, REQ_OP_READ, w->start + first, w->page, offset, nr * 512)) {
		w->wrong++;
		return;
	}
	for (i = 0; i < nr; i++) {
		u8 old = w->written[first + i], new = old % 250 + 1;
		const u64 *data = at(w, offset, i);

		if (sector_is(data, w->start + first + i, new))
			w->written[first + i] = new;
		else if (old && !sector_is(data, w->start + first + i, old) && !w->wrong++)
			w->wrong_at = w->start + first + i;
	}
}

static void one_op(struct worker *w)
{
	static const unsigned int sizes[] = { 1, 8, 8, 8, 3, 16, 88, 96, 256, 1024, 2000 };
	unsigned int nr = sizes[next(w) % ARRAY_SIZE(sizes)];
	unsigned int first = next(w) % (REGION - nr);
	/* Memory of any alignment that a disk of 512-byte sectors takes */
	unsigned int offset = nr < 2000 ? next(w) % 8 * 512 : 0;
	unsigned int i;

	if (next(w) % 2) {
		for (i = 0; i < nr; i++)
			fill_sector(at(w, offset, i), w->start + first + i, w->written[first + i] % 250 + 1);
		if (io(above, REQ_OP_WRITE | (next(w) % 16 ? 0 : REQ_FUA | REQ_PREFLUSH), w->start + first, w->page,
		       offset, nr * 512)) {
			w->errors++;
			after_failed_write(w, offset, first, nr);
		} else {
			for (i = 0; i < nr; i++)
				w->written[first + i] = w->written[first + i] % 250 + 1;
		}
	} else {
		for (i = 0; i < nr; i++)
			memset(at(w, offset, i), 0xee, 512);
		if (io(above, REQ_OP_READ, w->start + first, w->page, offset, nr * 512))
			w->errors++;
		else
			check(w, offset, first, nr);
	}
	w->done++;
}

static int work(void *arg)
{
	struct worker *w = arg;

	/* Where errors are expected at all, some are enough. */
	while (w->done < w->ops && w->errors < 100 && !(w->stop && atomic_read(w->stop)))
		one_op(w);
	complete(&w->finished);
	return 0;
}

static struct worker *start_workers(struct kunit *test, unsigned int ops, atomic_t *stop)
{
	struct worker *w = kunit_kcalloc(test, WORKERS, sizeof(*w), GFP_KERNEL);
	unsigned int i, p;

	KUNIT_ASSERT_NOT_NULL(test, w);
	for (i = 0; i < WORKERS; i++) {
		struct task_struct *task;

		w[i].written = kunit_kzalloc(test, REGION, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w[i].written);
		for (p = 0; p < MAX_PAGES; p++) {
			w[i].page[p] = alloc_page(GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, w[i].page[p]);
		}
		w[i].start = i * REGION;
		w[i].seed = 1000 + i;
		w[i].ops = ops;
		w[i].stop = stop;
		init_completion(&w[i].finished);
		task = kthread_run(work, &w[i], "pair-%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	return w;
}

/* Waits for the workers, then reads all that they wrote, through both disks. */
static void finish_workers(struct kunit *test, struct worker *w, bool errors_allowed)
{
	unsigned int i, p, first;

	for (i = 0; i < WORKERS; i++) {
		wait_for_completion(&w[i].finished);
		KUNIT_EXPECT_EQ_MSG(test, w[i].wrong, 0, "worker %u: first wrong sector %llu", i,
				    (u64)w[i].wrong_at);
		if (!errors_allowed)
			KUNIT_EXPECT_EQ(test, w[i].errors, 0);
		KUNIT_EXPECT_GT(test, w[i].done, 0);
		for (first = 0; first + 1024 <= REGION; first += 1024) {
			KUNIT_EXPECT_EQ(test, io(above, REQ_OP_READ, w[i].start + first, w[i].page, 0, 1024 * 512), 0);
			check(&w[i], 0, first, 1024);
			KUNIT_EXPECT_EQ(test, io(below, REQ_OP_READ, w[i].start + first, w[i].page, 0, 1024 * 512), 0);
			check(&w[i], 0, first, 1024);
		}
		KUNIT_EXPECT_EQ_MSG(test, w[i].wrong, 0, "worker %u, at the end: first wrong sector %llu", i,
				    (u64)w[i].wrong_at);
		for (p = 0; p < MAX_PAGES; p++)
			__free_page(w[i].page[p]);
	}
}

static void same_size(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(above), bdev_nr_sectors(below));
	KUNIT_EXPECT_GT(test, bdev_nr_sectors(above), WORKERS * REGION);
	KUNIT_EXPECT_STREQ(test, above->bd_disk->disk_name, "xvda");
}

static void every_byte(struct kunit *test)
{
	finish_workers(test, start_workers(test, 150, NULL), false);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.errors, 0);
}

/* Once warm, the path of pages that stay granted asks Xen for nothing but events. */
static void warm_path_is_free_of_grant_calls(struct kunit *test)
{
	struct fake_xen_counts before;
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	/* Each processor has a ring of its own, with pages of its own. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	if (strcmp(fake_xen_value("/local/domain/1/device/vbd/51712/feature-persistent"), "1"))
		kunit_info(test, "the frontend does not offer persistent grants");
	for (i = 0; i < 300; i++)
		KUNIT_ASSERT_EQ(test, io(above, i & 1 ? REQ_OP_READ : REQ_OP_WRITE, i % 50 * 8, &page, 0, 4096), 0);
	before = fake_xen_counts;
	for (i = 0; i < 300; i++)
		KUNIT_ASSERT_EQ(test, io(above, i & 1 ? REQ_OP_READ : REQ_OP_WRITE, i % 50 * 8, &page, 0, 4096), 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls - before.copy_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls - before.map_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.unmap_calls - before.unmap_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.global_lock - before.global_lock, 0);
	KUNIT_EXPECT_LE(test, fake_xen_counts.sends - before.sends, 2 * 300);
	__free_page(page);
}

/* The frontend's device goes, and another one comes, as for a guest that boots anew. */
static void lose_frontend(struct kunit *test)
{
	close_disk(&above);
	fake_xen_remove_device(front);
	set_key(front_path, "state", "1");
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(back_path) == XenbusStateInitWait));
}

static void add_frontend(struct kunit *test)
{
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
}

static void new_frontend(struct kunit *test)
{
	add_frontend(test);
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%s", fake_xen_last_error());
	KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
}

/* A frontend that trusts nobody, and so copies everything. */
static void untrusted_backend(struct kunit *test)
{
	lose_frontend(test);
	set_key(front_path, "trusted", "0");
	new_frontend(test);
	finish_workers(test, start_workers(test, 60, NULL), false);
}

/* With copies: many to a hypercall, and nothing stays mapped but the rings. */
static void copies_are_batched(struct kunit *test)
{
	struct fake_xen_held held;
	struct page *page[MAX_PAGES];
	unsigned int i;

	for (i = 0; i < MAX_PAGES; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, io(above, i & 1 ? REQ_OP_READ : REQ_OP_WRITE, 0, page, 0,
					 MAX_PAGES * PAGE_SIZE), 0);
	KUNIT_EXPECT_GE(test, fake_xen_counts.copy_ops, 20 * MAX_PAGES);
	KUNIT_EXPECT_LE(test, fake_xen_counts.copy_calls, 20 * 8);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.map_calls, 0);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.empty_calls, 0);
	fake_xen_held(&held);
	KUNIT_EXPECT_EQ(test, held.pages, 0);
	for (i = 0; i < MAX_PAGES; i++)
		__free_page(page[i]);
}

/* Xen refuses operations here and there: those requests fail, all others are right, and it goes on. */
static void xen_refuses(struct kunit *test)
{
	struct worker *w;
	unsigned int i;

	fake_xen_fail_ops(FAKE_XEN_MAP, 5, 20, GNTST_general_error);
	fake_xen_fail_ops(FAKE_XEN_COPY, 30, 10, GNTST_bad_page);
	w = start_workers(test, 100, NULL);
	for (i = 0; i < 20; i++) {
		msleep(20);
		fake_xen_fail_ops(FAKE_XEN_MAP, 3, 5, GNTST_no_device_space);
		fake_xen_fail_ops(FAKE_XEN_COPY, 10, 3, GNTST_bad_gntref);
	}
	fake_xen_fail_ops(FAKE_XEN_MAP, 0, 0, 0);
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	finish_workers(test, w, true);
	KUNIT_EXPECT_TRUE(test, states_are(XenbusStateConnected));
}

/* A write whose data Xen did not copy must not put anything else there: the staged page holds somebody's old data. */
static void refused_write_changes_nothing(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < 40; i++) {
		memset(page_address(page), 'a' + i % 3, PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, io(above, REQ_OP_WRITE, i % 3 * 8, &page, 0, PAGE_SIZE), 0);
	}
	memset(page_address(page), 'x', PAGE_SIZE);
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 1, GNTST_bad_gntref);
	KUNIT_EXPECT_NE(test, io(above, REQ_OP_WRITE, 8, &page, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, io(below, REQ_OP_READ, 8, &page, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 'b', PAGE_SIZE));
	/* And the other way: a read that failed is an error, not old data. */
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 1, GNTST_bad_gntref);
	KUNIT_EXPECT_NE(test, io(above, REQ_OP_READ, 8, &page, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, io(above, REQ_OP_READ, 16, &page, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 'c', PAGE_SIZE));
	__free_page(page);
}

static void reconnect(struct kunit *test)
{
	set_key(back_path, "state", "1");
	add_backend(test);
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%s", fake_xen_last_error());
}

/* It says that it is Closed, as one does that does not go on with the rings. */
static void lose_backend(void)
{
	fake_xen_remove_device(back);
	back = NULL;
	set_key(back_path, "state", "6");
	settle();
}

/* The backend's driver goes and comes back, under load: no error, no request lost, none done twice. */
static void backend_restarts(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		msleep(100);
		lose_backend();
		msleep(20);
		reconnect(test);
	}
	msleep(50);
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
}

/* The guest is suspended and resumed under load. */
static void suspend_and_resume(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		msleep(100);
		KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
		/* The other host's backend is a new one. */
		fake_xen_remove_device(back);
		set_key(back_path, "state", "1");
		KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
		add_backend(test);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "round %u: %s", i,
				      fake_xen_last_error());
	}
	msleep(50);
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
}

/* The same when its driver says nothing, since it leaves rings that another one can go on with. */
static void backend_is_rebound(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		msleep(100);
		fake_xen_remove_device(back);
		back = NULL;
		settle();
		KUNIT_EXPECT_TRUE(test, states_are(XenbusStateConnected));
		msleep(20);
		add_backend(test);
		settle();
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "round %u: %s", i,
				      fake_xen_last_error());
	}
	msleep(50);
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
}

/* Somebody polls, with much to copy, while the backend goes and comes back. */
struct poller {
	struct page *page[MAX_PAGES];
	atomic_t *stop;
	unsigned int done, errors;
	struct completion finished;
};

static void polled_end(struct bio *bio)
{
	WRITE_ONCE(*(bool *)bio->bi_private, true);
}

static int poll_reads(void *arg)
{
	struct poller *p = arg;
	unsigned int i;

	while (!atomic_read(p->stop)) {
		struct bio *bio = bio_alloc(above, MAX_PAGES, REQ_OP_READ | REQ_POLLED, GFP_KERNEL);
		bool ended = false;

		for (i = 0; i < MAX_PAGES; i++)
			__bio_add_page(bio, p->page[i], PAGE_SIZE, 0);
		bio->bi_private = &ended;
		bio->bi_end_io = polled_end;
		submit_bio(bio);
		while (!READ_ONCE(ended)) {
			bio_poll(bio, NULL, 0);
			cond_resched();
		}
		p->errors += !!bio->bi_status;
		p->done++;
		bio_put(bio);
	}
	complete(&p->finished);
	return 0;
}

static void restart_meets_poller(struct kunit *test)
{
	struct poller *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	atomic_t stop = ATOMIC_INIT(0);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_TRUE_MSG(test, test_bit(QUEUE_FLAG_POLL, &above->bd_disk->queue->queue_flags), "nothing polls");
	for (i = 0; i < MAX_PAGES; i++) {
		p->page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p->page[i]);
	}
	p->stop = &stop;
	init_completion(&p->finished);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(poll_reads, p, "poller")));
	for (i = 0; i < 10; i++) {
		msleep(50 + i);
		lose_backend();
		reconnect(test);
	}
	atomic_set(&stop, 1);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&p->finished, 20 * HZ));
	KUNIT_EXPECT_EQ(test, p->errors, 0);
	KUNIT_EXPECT_GT(test, p->done, 10);
	for (i = 0; i < MAX_PAGES; i++)
		__free_page(p->page[i]);
}

/* With several queues the backend may fail when the first one stands: it says so, and another try is a good one. */
static void second_queue_fails(struct kunit *test)
{
	static const enum fake_xen_step step[] = { FAKE_XEN_MAP_RING, FAKE_XEN_BIND };
	unsigned int i;

	close_disk(&above);
	for (i = 0; i < ARRAY_SIZE(step); i++) {
		fake_xen_remove_device(front);
		set_key(front_path, "state", "1");
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(back_path) == XenbusStateInitWait));
		/* The frontend binds its own four ports first. */
		fake_xen_fail_step(step[i], step[i] == FAKE_XEN_BIND ? 5 : 1, 1, -ENOSPC);
		front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
		KUNIT_ASSERT_FALSE(test, IS_ERR(front));
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(states_are(XenbusStateConnected)));
		KUNIT_EXPECT_EQ_MSG(test, fake_xen_counts.errors, i + 1, "nothing has failed");
	}
	KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
	finish_workers(test, start_workers(test, 30, NULL), false);
}

/* The frontend is torn away under load: requests end with an error, and nobody hangs. */
static void unplug_under_load(struct kunit *test)
{
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w = start_workers(test, 1000000, &stop);
	unsigned int i, p;

	msleep(100);
	fake_xen_remove_device(front);
	front = NULL;
	msleep(100);
	atomic_set(&stop, 1);
	for (i = 0; i < WORKERS; i++) {
		KUNIT_ASSERT_TRUE_MSG(test, wait_for_completion_timeout(&w[i].finished, 20 * HZ), "worker %u hangs", i);
		KUNIT_EXPECT_EQ(test, w[i].wrong, 0);
		for (p = 0; p < MAX_PAGES; p++)
			__free_page(w[i].page[p]);
	}
}

/* ---- another backend, another disk: what was true of the connection before is not of this one ---- */

/* A backend that the case plays, on one ring of one page. It may have no use for flushes, and send no events. */
struct player {
	struct pv_ring ring;
	struct pv_stats stats;
	evtchn_port_t port;
	s16 flush_status;
	unsigned int flushes;
	bool silent;
};

/* The driver's backend goes; one that offers little says InitWait, and the frontend makes its rings. */
static void play_begin_with(struct kunit *test, const char *queues)
{
	lose_backend();
	set_key(back_path, "multi-queue-max-queues", queues);
	set_key(back_path, "max-ring-page-order", "0");
	set_key(back_path, "state", "2");
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(front_path) == XenbusStateInitialised));
}

static void play_begin(struct kunit *test)
{
	play_begin_with(test, "1");
}

/* The ring whose keys are there; and Connected. */
static void play_say_connected(struct kunit *test, struct player *p, const char *dir)
{
	struct page *page = fake_xen_granted_page(key_number(dir, "ring-ref"));

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(p, 0, sizeof(*p));
	KUNIT_ASSERT_EQ(test, 0, pv_ring_init_back(&p->ring, page_address(page), 1, sizeof(struct blkif_request),
						   &p->stats));
	p->port = fake_xen_connect_port(key_number(dir, "event-channel"));
	set_key(back_path, "state", "4");
}

static void play_connect(struct kunit *test, struct player *p)
{
	play_say_connected(test, p, front_path);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(states_are(XenbusStateConnected)));
}

static bool is_flush(const struct blkif_request *req)
{
	return req->operation == BLKIF_OP_FLUSH_DISKCACHE || req->operation == BLKIF_OP_WRITE_BARRIER;
}

/* Says yes to all that is there, and keeps the first page of the last one in use; how many there were. */
static unsigned int play_answer(struct player *p, grant_ref_t *held)
{
	unsigned int nr = pv_ring_pending(&p->ring), i;
	struct blkif_response rsp = { };
	struct blkif_request req;

	for (i = 0; i < nr; i++) {
		pv_ring_get(&p->ring, &req, sizeof(req));
		if (held) {
			*held = req.u.rw.seg[0].gref;
			fake_xen_peer_holds(*held, true);
		}
		rsp.id = req.u.rw.id;
		rsp.operation = req.operation;
		rsp.status = is_flush(&req) ? p->flush_status : BLKIF_RSP_OKAY;
		p->flushes += is_flush(&req);
		pv_ring_put(&p->ring, &rsp, sizeof(rsp));
	}
	if (nr && pv_ring_publish(&p->ring) && !p->silent)
		fake_xen_kick_async(p->port);
	return nr;
}

/* Requests that nobody waits for */
struct many {
	atomic_t ended, errors;
};

static void one_of_many_ended(struct bio *bio)
{
	struct many *many = bio->bi_private;

	if (bio->bi_status)
		atomic_inc(&many->errors);
	atomic_inc(&many->ended);
	bio_put(bio);
}

static void start_one(struct many *many, blk_opf_t op, sector_t sector, struct page **pages, unsigned int nr)
{
	struct bio *bio = bio_alloc(above, MAX_PAGES, op, GFP_KERNEL);

	bio->bi_iter.bi_sector = sector;
	bio->bi_private = many;
	bio->bi_end_io = one_of_many_ended;
	while (nr--)
		__bio_add_page(bio, *pages++, PAGE_SIZE, 0);
	submit_bio(bio);
}

/* More requests than the new ring has slots: those that fit are shown to the backend, the others follow. */
static void smaller_ring(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i, answered = 0;
	struct many many = { };
	struct player p;

	KUNIT_ASSERT_NOT_NULL(test, page);
	play_begin(test);
	/* (Far from each other, or they are merged.) */
	for (i = 0; i < 100; i++)
		start_one(&many, REQ_OP_WRITE, i * 64, &page, 1);
	play_connect(test, &p);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(pv_ring_pending(&p.ring) == p.ring.size), "only %u are shown",
			      pv_ring_pending(&p.ring));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE((answered += play_answer(&p, NULL)) == 100));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended) == 100));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	KUNIT_EXPECT_EQ(test, answered, 100);
	/* Whatever has not ended uses the page. */
	close_disk(&above);
	fake_xen_remove_device(front);
	front = NULL;
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&many.ended) == 100));
	__free_page(page);
}

/* The guest goes on elsewhere, with a backend that behaves; with a new disk if the old one was taken from its users. */
static void migrate(struct kunit *test)
{
	close_disk(&above);
	KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
	set_key(back_path, "state", "1");
	KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
	add_backend(test);
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%s", fake_xen_last_error());
	KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
}

/* ---- what hostile backends have done; a case carries its row in the list of such deeds ---- */

/* Answers that cannot be, with a request in flight: it ends with an error, the device is cut off until it migrates. */
static void row23_xsa376_responses_that_cannot_be(struct kunit *test)
{
	static const struct lie {
		const char *what;
		u32 ahead;		/* of rsp_prod */
		u64 id;			/* besides that of the request */
		u8 op, twice;
	} lies[] = {
		{ "rsp_prod beyond", .ahead = 2 },
		{ "rsp_prod a ring beyond", .ahead = 33 },
		{ "rsp_prod backwards", .ahead = -1U },
		{ "an id that was never given", .ahead = 1, .id = 1 },
		{ "an id out of range", .ahead = 1, .id = 1ULL << 40 },
		{ "another operation", .ahead = 1, .op = 1 },
		{ "the same twice", .ahead = 2, .twice = 1 },
	};
	struct page *page = alloc_page(GFP_KERNEL);
	struct blkif_response rsp = { };
	struct blkif_request req;
	struct many many = { };
	struct player p;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		const struct lie *l = &lies[i];

		play_begin(test);
		play_connect(test, &p);
		start_one(&many, REQ_OP_READ, 0, &page, 1);
		if (l->twice)
			start_one(&many, REQ_OP_READ, 64, &page, 1);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(pv_ring_pending(&p.ring) == 1U + l->twice));
		pv_ring_get(&p.ring, &req, sizeof(req));
		rsp.id = req.u.rw.id ^ l->id;
		rsp.operation = req.operation ^ l->op;
		pv_ring_put(&p.ring, &rsp, sizeof(rsp));
		pv_ring_put(&p.ring, &rsp, sizeof(rsp));
		WRITE_ONCE(*p.ring.my_prod, p.ring.published + l->ahead);
		fake_xen_kick_async(p.port);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(xenbus_read_driver_state(front_path) >= XenbusStateClosing),
				      "%s is believed", l->what);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&many.ended) == 1 + l->twice), "%s: a request hangs",
				      l->what);
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&many.errors), 1, "%s", l->what);
		atomic_set(&many.ended, 0);
		atomic_set(&many.errors, 0);

		migrate(test);
		KUNIT_EXPECT_EQ(test, io(above, REQ_OP_WRITE, 0, &page, 0, PAGE_SIZE), 0);
	}
	__free_page(page);
}

/* The same of an id whose queue no processor uses: the block layer has no tags for it. */
static void row23_xsa376_id_of_an_unused_queue(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char dir[FAKE_XEN_PATH_LEN + 16];
	struct blkif_response rsp = { };
	struct blkif_request req;
	struct many many = { };
	struct player p;

	KUNIT_ASSERT_NOT_NULL(test, page);
	/* (There are three that interrupt, and two processors.) */
	KUNIT_ASSERT_EQ(test, num_possible_cpus(), 2);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	play_begin_with(test, "4");
	snprintf(dir, sizeof(dir), "%s/queue-0", front_path);
	play_say_connected(test, &p, dir);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(states_are(XenbusStateConnected)));
	start_one(&many, REQ_OP_READ, 0, &page, 1);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(pv_ring_pending(&p.ring) == 1));
	pv_ring_get(&p.ring, &req, sizeof(req));
	KUNIT_EXPECT_EQ(test, req.u.rw.id >> 16, 0);
	rsp.id = req.u.rw.id | 2 << 16;
	rsp.operation = req.operation;
	pv_ring_put(&p.ring, &rsp, sizeof(rsp));
	pv_ring_publish(&p.ring);
	fake_xen_kick_async(p.port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 1);
	migrate(test);
	__free_page(page);
}

/* What was to be polled is on a ring that interrupts, for lack of another: who polls leaves it to the interrupt. */
static void polled_by_interrupt(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	bool ended = false;
	struct player p;
	struct bio *bio;

	KUNIT_ASSERT_NOT_NULL(test, page);
	play_begin(test);
	bio = bio_alloc(above, 1, REQ_OP_READ | REQ_POLLED, GFP_KERNEL);
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	bio->bi_private = &ended;
	bio->bi_end_io = polled_end;
	submit_bio(bio);
	play_connect(test, &p);
	p.silent = true;
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(play_answer(&p, NULL)));
	bio_poll(bio, NULL, 0);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(ended));
	fake_xen_kick_async(p.port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(ended)));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(bio->bi_status), 0);
	bio_put(bio);
	__free_page(page);
}

/* Too large for the new backend, and of somebody who does not wait for room: it is cut all the same. */
static void cut_without_waiting(struct kunit *test)
{
	struct page **page = kunit_kcalloc(test, MAX_PAGES, sizeof(*page), GFP_KERNEL);
	unsigned int i, answered = 0;
	struct many many = { };
	struct player p;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < MAX_PAGES; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	play_begin(test);
	start_one(&many, REQ_OP_WRITE | REQ_NOWAIT, 0, page, MAX_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&many.ended), 0);
	set_key(back_path, "feature-max-indirect-segments", NULL);
	play_connect(test, &p);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE((answered += play_answer(&p, NULL), atomic_read(&many.ended))));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	KUNIT_EXPECT_GE(test, answered, MAX_PAGES / BLKIF_MAX_SEGMENTS_PER_REQUEST);
	for (i = 0; i < MAX_PAGES; i++)
		__free_page(page[i]);
}

/* It offers to flush, in one way or the other, and then does not: it is not asked again, and writes do not fail. */
static void flush_is_refused(struct kunit *test)
{
	static const struct { const char *flush, *barrier; s16 status; u8 op; } how[] = {
		{ "1", NULL, BLKIF_RSP_EOPNOTSUPP, BLKIF_OP_FLUSH_DISKCACHE },
		{ NULL, "1", BLKIF_RSP_EOPNOTSUPP, BLKIF_OP_WRITE_BARRIER },
		/* As some say it of a barrier without data */
		{ NULL, "1", BLKIF_RSP_ERROR, BLKIF_OP_WRITE_BARRIER },
	};
	struct many many = { };
	struct player p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		play_begin(test);
		set_key(back_path, "feature-flush-cache", how[i].flush);
		set_key(back_path, "feature-barrier", how[i].barrier);
		play_connect(test, &p);
		p.flush_status = how[i].status;
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(bdev_write_cache(above)), "%u", i);
		start_one(&many, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE((play_answer(&p, NULL), atomic_read(&many.ended))), "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&many.errors), 0, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, p.flushes, 1, "%u", i);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(!bdev_write_cache(above)), "%u", i);
		atomic_set(&many.ended, 0);
		/* The block layer does nothing for it now. */
		start_one(&many, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&many.ended)), "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, p.flushes, 1, "%u", i);
		atomic_set(&many.ended, 0);
		set_key(back_path, "state", "6");
		settle();
		reconnect(test);
	}
}

/* Sectors of another size are another disk: what was under way is not written there. */
static void other_sector_size(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL), *ring;
	struct many many = { };
	struct player p;

	KUNIT_ASSERT_NOT_NULL(test, page);
	play_begin(test);
	start_one(&many, REQ_OP_WRITE, 0, &page, 1);
	set_key(back_path, "sector-size", "4096");
	/* It is looked at when the frontend has left it. */
	ring = fake_xen_granted_page(key_number(front_path, "ring-ref"));
	get_page(ring);
	play_say_connected(test, &p, front_path);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 1);
	KUNIT_EXPECT_EQ(test, p.stats.requests + pv_ring_pending(&p.ring), 0);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(front_path) >= XenbusStateClosing));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fake_xen_last_error(), "sector-size"), "%s", fake_xen_last_error());
	migrate(test);
	KUNIT_EXPECT_EQ(test, io(above, REQ_OP_WRITE, 0, &page, 0, PAGE_SIZE), 0);
	put_page(ring);
	__free_page(page);
}

/* Events for nothing, with a request that is not answered: Xen hears of each that it was for nothing. */
static void row22_xsa391_event_storm(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct fake_xen_counts before;
	unsigned long eois;
	struct many many = { };
	struct player p;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	play_begin(test);
	play_connect(test, &p);
	start_one(&many, REQ_OP_READ, 0, &page, 1);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(pv_ring_pending(&p.ring) == 1));
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	before = fake_xen_counts;
	for (i = 0; i < 500; i++)
		fake_xen_kick(p.port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	eois = fake_xen_counts.eois - before.eois;
	KUNIT_EXPECT_GE(test, eois, 50ul);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois - before.spurious_eois, eois);
	/* And it is there when there is something. */
	KUNIT_EXPECT_EQ(test, play_answer(&p, NULL), 1U);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended) == 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	close_disk(&above);
	fake_xen_remove_device(front);
	front = NULL;
	__free_page(page);
}

/* What a backend may be like. NULL: as ours is. */
static const struct offer {
	const char *queues, *order, *indirect, *persistent;
	bool cache;
} offers[] = {
	{ NULL, NULL, NULL, "1", true },
	{ "1", "0", "0", "0", false },
	{ "2", "1", "64", "1", false },
	{ "1", "4", "16", "1", true },
	{ NULL, "0", NULL, "0", true },
};

static void become(struct kunit *test, const struct offer *to)
{
	fake_xen_rewrite("multi-queue-max-queues", to->queues);
	fake_xen_rewrite("max-ring-page-order", to->order);
	fake_xen_rewrite("feature-max-indirect-segments", to->indirect);
	set_parameter(test, "/sys/module/pv_blkback/parameters/feature_persistent", to->persistent);
	lose_backend();
	/* As if it were not so often. */
	pv_device_of(&front->dev)->retries = 0;
	blk_queue_write_cache(below->bd_disk->queue, to->cache, false);
	reconnect(test);
}

/* Many requests of each size, on a part of the disk that no worker has. */
static unsigned int start_many(struct many *many, struct page **page)
{
	unsigned int i;

	for (i = 0; i < 128; i++)
		start_one(many, i & 1 ? REQ_OP_READ : REQ_OP_WRITE | (i & 2 ? REQ_PREFLUSH : 0),
			  (64 << 11) + i * 2048, page, i % 8 ? 1 : MAX_PAGES);
	return i;
}

/* Each backend after each other one, with requests in flight that were made for the one before. */
static void each_backend_after_each(struct kunit *test)
{
	struct page **page = kunit_kcalloc(test, MAX_PAGES, sizeof(*page), GFP_KERNEL);
	bool cache = bdev_write_cache(below), fua = bdev_fua(below);
	atomic_t stop = ATOMIC_INIT(0);
	struct many many = { };
	unsigned int i, started = 0;
	struct worker *w;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < MAX_PAGES; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	w = start_workers(test, 1000000, &stop);
	for (i = 0; i < ARRAY_SIZE(offers) * ARRAY_SIZE(offers); i++) {
		become(test, &offers[i / ARRAY_SIZE(offers)]);
		started += start_many(&many, page);
		become(test, &offers[i % ARRAY_SIZE(offers)]);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&many.ended) == started), "%u: %d of %u", i,
				      atomic_read(&many.ended), started);
	}
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	set_parameter(test, "/sys/module/pv_blkback/parameters/feature_persistent", "1");
	blk_queue_write_cache(below->bd_disk->queue, cache, fua);
	for (i = 0; i < MAX_PAGES; i++)
		__free_page(page[i]);
}

/* As many hardware queues as the backend allows rings, polled ones too: more, and fewer, under load. */
static void queues_follow_the_backend(struct kunit *test)
{
	static const struct offer few[] = {
		{ "1", NULL, NULL, "1" }, { NULL, NULL, NULL, "1" },
		{ "2", NULL, NULL, "1" }, { NULL, NULL, NULL, "0" },
	};
	static const unsigned int nr[] = { 1, 4, 2, 4 };
	atomic_t stop = ATOMIC_INIT(0);
	struct worker *w;
	unsigned int i;

	w = start_workers(test, 1000000, &stop);
	for (i = 0; i < 2 * ARRAY_SIZE(few); i++) {
		become(test, &few[i % ARRAY_SIZE(few)]);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(above->bd_disk->queue->nr_hw_queues == nr[i % ARRAY_SIZE(few)]),
				      "%u: %u queues", i, above->bd_disk->queue->nr_hw_queues);
	}
	atomic_set(&stop, 1);
	finish_workers(test, w, false);
	set_parameter(test, "/sys/module/pv_blkback/parameters/feature_persistent", "1");
}

/* The first backend allows a small ring, the next one a large one: as many requests are under way as that one takes. */
static void depth_follows_the_backend(struct kunit *test)
{
	static const struct offer small = { NULL, "0", NULL, "1" }, large = { NULL, NULL, NULL, "1" };

	become(test, &small);
	lose_frontend(test);
	new_frontend(test);
	finish_workers(test, start_workers(test, 30, NULL), false);
	KUNIT_EXPECT_GE(test, above->bd_disk->queue->nr_requests, 128);
	become(test, &large);
	finish_workers(test, start_workers(test, 30, NULL), false);
}

/* A frontend that goes while its disk is being announced, or before: nothing of it is left. */
static void gone_before_it_is_announced(struct kunit *test)
{
	unsigned int i, tries;

	for (i = 0; i < 30; i++) {
		lose_frontend(test);
		add_frontend(test);
		for (tries = 100000; xenbus_read_driver_state(front_path) != XenbusStateConnected && tries; tries--)
			udelay(10 + i);
		KUNIT_EXPECT_GT(test, tries, 0);
	}
	lose_frontend(test);
	new_frontend(test);
}

/* Somebody writes the parameter between what it was offered for and the answer. */
static void persistent_is_what_was_offered(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct many many = { };
	grant_ref_t held = 0;
	struct player p;

	KUNIT_ASSERT_NOT_NULL(test, page);
	play_begin(test);
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "feature-persistent", "1"));
	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "0");
	set_key(back_path, "feature-persistent", "1");
	play_connect(test, &p);
	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "1");
	start_one(&many, REQ_OP_WRITE, 0, &page, 1);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(play_answer(&p, &held)));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	KUNIT_EXPECT_TRUE_MSG(test, states_are(XenbusStateConnected), "%s", fake_xen_last_error());
	fake_xen_peer_holds(held, false);
	__free_page(page);
}

/* A flush that began when the disk had a cache, and goes on when it has none, has nothing to do. */
static void flush_meets_no_cache(struct kunit *test)
{
	struct request_queue *queue = below->bd_disk->queue;
	bool cache = bdev_write_cache(below), fua = bdev_fua(below);
	struct many many = { };

	blk_queue_write_cache(queue, true, false);
	lose_backend();
	reconnect(test);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(above));
	lose_backend();
	start_one(&many, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0);
	blk_queue_write_cache(queue, false, false);
	reconnect(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	blk_queue_write_cache(queue, cache, fua);
}

/* A device that had failed comes back with a migration, and its disk works. */
static void life_after_failure(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < 3; i++) {
		pv_device_fail(pv_device_of(&front->dev), "as a case wants it");
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(front_path) == XenbusStateClosed));
		KUNIT_EXPECT_NE(test, io(above, REQ_OP_READ, 0, &page, 0, PAGE_SIZE), 0);
		/* Once its last user has gone before the new disk comes, once after. */
		if (i & 1)
			close_disk(&above);
		KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
		fake_xen_remove_device(back);
		set_key(back_path, "state", "1");
		KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
		add_backend(test);
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%s", fake_xen_last_error());
		close_disk(&above);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
		KUNIT_EXPECT_EQ(test, io(above, REQ_OP_WRITE, 0, &page, 0, PAGE_SIZE), 0);
	}
	__free_page(page);
}

/* The disk that the toolstack wants now cannot be had: the guest does not get the one before. */
static void not_the_old_disk(struct kunit *test)
{
	static const char *const bad[] = { "3e7:7", "", "nonsense" };
	char good[32];
	unsigned int i;

	snprintf(good, sizeof(good), "%x:%x", MAJOR(below->bd_dev), MINOR(below->bd_dev));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		lose_frontend(test);
		set_key(back_path, "physical-device", bad[i]);
		add_frontend(test);
		KUNIT_ASSERT_TRUE(test, COMES_TRUE(xenbus_read_driver_state(front_path) == XenbusStateInitialised));
		msleep(50);
		settle();
		KUNIT_EXPECT_EQ_MSG(test, xenbus_read_driver_state(back_path), XenbusStateInitWait, "\"%s\"", bad[i]);
		set_key(back_path, "physical-device", good);
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(states_are(XenbusStateConnected)));
	}
}

/* A disk that can be taken out gets another size: nothing says that it is another medium. */
static void resized_is_not_changed(struct kunit *test)
{
	sector_t size = bdev_nr_sectors(below);
	struct page *page = alloc_page(GFP_KERNEL);
	u64 seq;

	KUNIT_ASSERT_NOT_NULL(test, page);
	lose_frontend(test);
	below->bd_disk->flags |= GENHD_FL_REMOVABLE;
	new_frontend(test);
	KUNIT_EXPECT_TRUE(test, above->bd_disk->flags & GENHD_FL_REMOVABLE);
	seq = above->bd_disk->diskseq;
	set_capacity(below->bd_disk, size - 8);
	KUNIT_EXPECT_EQ(test, io(above, REQ_OP_READ, 0, &page, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(bdev_nr_sectors(above) == size - 8));
	KUNIT_EXPECT_EQ(test, above->bd_disk->diskseq, seq);
	set_capacity(below->bd_disk, size);
	below->bd_disk->flags &= ~GENHD_FL_REMOVABLE;
	__free_page(page);
}

/* A disc for which there is no writing, in a drive that had another one. */
static void other_medium_is_read_only(struct kunit *test)
{
	char text[32];

	lose_frontend(test);
	set_key(back_path, "device-type", "cdrom");
	new_frontend(test);
	KUNIT_EXPECT_FALSE(test, bdev_read_only(above));
	snprintf(text, sizeof(text), "%x:%x", MAJOR(below->bd_dev), MINOR(below->bd_dev));
	set_key(back_path, "mode", "r");
	set_key(back_path, "physical-device", text);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(bdev_read_only(above)));
	KUNIT_EXPECT_TRUE(test, states_are(XenbusStateConnected));
}

/* (The fake's domain is an HVM one, which has an emulated drive besides.) */
static void cdrom_is_left_to_the_emulator(struct kunit *test)
{
	lose_frontend(test);
	set_key(front_path, "device-type", "cdrom");
	add_frontend(test);
	KUNIT_EXPECT_NULL(test, front->dev.driver);
}

/* The grant table is nearly full, and stays so: requests are as large as what a ring has for them. */
static void few_grants_are_left(struct kunit *test)
{
	struct page *page[MAX_PAGES];
	struct many many = { };
	unsigned int i;

	for (i = 0; i < MAX_PAGES; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	lose_frontend(test);
	/* Four rings with their pages, and 64 each for data */
	fake_xen_limit_refs(330);
	new_frontend(test);
	start_one(&many, REQ_OP_WRITE, 0, page, MAX_PAGES);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	KUNIT_EXPECT_EQ(test, atomic_read(&many.errors), 0);
	fake_xen_limit_refs(0);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(atomic_read(&many.ended)));
	for (i = 0; i < MAX_PAGES; i++)
		__free_page(page[i]);
}

/* Each thing of Xen's that a connection needs is lacking, once: the next try has it, nothing is left of this one. */
static void each_lack_of_a_connection(struct kunit *test)
{
	static const enum fake_xen_step steps[] = { FAKE_XEN_SETUP_RING, FAKE_XEN_EVTCHN, FAKE_XEN_BIND };
	static const unsigned int refs[] = { 1, 3, 5, 60, 70, 130, 200, 250 };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(steps) * 4 + ARRAY_SIZE(refs); i++) {
		struct pv_device *pd;

		lose_frontend(test);
		n = i - ARRAY_SIZE(steps) * 4;
		if (n < ARRAY_SIZE(refs))
			fake_xen_limit_refs(refs[n]);
		else
			fake_xen_fail_step(steps[i / 4], i % 4, 1, -ENOSPC);
		add_frontend(test);
		pd = pv_device_of(&front->dev);
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(delayed_work_pending(&pd->again)), "%u: nothing is lacking", i);
		fake_xen_limit_refs(0);
		mod_delayed_work(system_wq, &pd->again, 0);
		KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%u: %s", i,
				      fake_xen_last_error());
		KUNIT_ASSERT_TRUE(test, COMES_TRUE((above = open_disk(MKDEV(202, 0)))));
	}
	finish_workers(test, start_workers(test, 30, NULL), false);
}

static bool back_at_work(void)
{
	struct page *page;
	bool good = false;

	try_again(front);
	try_again(back);
	if (!states_are(XenbusStateConnected))
		return false;
	if (!above)
		above = open_disk(MKDEV(202, 0));
	page = above ? alloc_page(GFP_KERNEL) : NULL;
	if (page) {
		good = !io(above, REQ_OP_READ, 0, &page, 0, PAGE_SIZE);
		__free_page(page);
	}
	return good;
}

static void front_restarts(struct kunit *test)
{
	pv_device_restart(pv_device_of(&front->dev));
}

static void front_is_replaced(struct kunit *test)
{
	lose_frontend(test);
	add_frontend(test);
}

static void back_is_replaced(struct kunit *test)
{
	lose_backend();
	set_key(back_path, "state", "1");
	add_backend(test);
}

static void each_refusal_at_restart(struct kunit *test)
{
	each_refusal(test, "pv-vbd-51712", front_restarts, back_at_work);
}

static void each_refusal_to_a_new_frontend(struct kunit *test)
{
	each_refusal(test, "pv-vbd-51712", front_is_replaced, back_at_work);
}

static void each_refusal_to_a_new_backend(struct kunit *test)
{
	each_refusal(test, "pv-vbd-1-51712", back_is_replaced, back_at_work);
}

/* What cannot be read of a disk's backing is not what it is without that key, an empty drive, say. */
static void toolstack_cannot_be_read(struct kunit *test)
{
	static const char * const key[] = { "device-type", "physical-device", "mode" };
	char path[FAKE_XEN_PATH_LEN + 24];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(key); i++) {
		lose_frontend(test);
		snprintf(path, sizeof(path), "%s/%s", back_path, key[i]);
		fake_xen_fail_reads(path, 0, 1, -ENOMEM);
		new_frontend(test);
		KUNIT_EXPECT_TRUE_MSG(test, fake_xen_counts.failed_reads, "%s", key[i]);
		fake_xen_fail_reads(NULL, 0, 0, 0);
		fake_xen_counts.failed_reads = 0;
	}
	finish_workers(test, start_workers(test, 30, NULL), false);
}

/* A new size that cannot be read at once */
static void size_cannot_be_read(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 16];
	u64 sectors = bdev_nr_sectors(above);

	snprintf(path, sizeof(path), "%s/sectors", back_path);
	fake_xen_fail_reads(path, 0, 1, -ENOMEM);
	set_number(back_path, "sectors", sectors - 8);
	set_key(back_path, "state", "4");
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(above), sectors);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(bdev_nr_sectors(above) == sectors - 8));
}

/* Direct grants are of whole pages: one that has other objects beside the data is not shared. */
static void slab_memory_is_copied(struct kunit *test)
{
	u8 *data = kmalloc(512, GFP_KERNEL);
	struct page *page = virt_to_page(data);
	unsigned long grants;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	/* Each processor has a ring of its own, with pages of its own. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	for (i = 0; i < 2; i++) {
		grants = fake_xen_counts.grants;
		memset(data, 'a' + i, 512);
		KUNIT_EXPECT_EQ(test, io(above, REQ_OP_WRITE, 0, &page, offset_in_page(data), 512), 0);
		memset(data, 0, 512);
		KUNIT_EXPECT_EQ(test, io(above, REQ_OP_READ, 0, &page, offset_in_page(data), 512), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 'a' + i, 512));
	}
	/* The page that is kept for it was granted the first time. */
	KUNIT_EXPECT_EQ(test, fake_xen_counts.grants - grants, 0);
	kfree(data);
}

/* ---- a disk in the case's hands ---- */

#define SLOW_SECTORS	(256 << 11)	/* 256 MiB */
#define DEPTH		64

/* It answers at once, or when it is let; and one request may have to wait for room before it is taken at all. */
static struct {
	struct gendisk *disk;
	spinlock_t lock; /* of what follows */
	bool holds;
	struct bio_list held;
	unsigned int taken, no_room_at;
	struct completion room;
} slow;

static void slow_submit_bio(struct bio *bio)
{
	bool held;

	spin_lock_irq(&slow.lock);
	held = slow.holds;
	if (held)
		bio_list_add(&slow.held, bio);
	slow.taken++;
	spin_unlock_irq(&slow.lock);
	if (slow.taken == slow.no_room_at)
		wait_for_completion(&slow.room);
	if (!held)
		bio_endio(bio);
}

static void slow_answers(void)
{
	struct bio_list held;
	struct bio *bio;

	spin_lock_irq(&slow.lock);
	slow.holds = false;
	held = slow.held;
	bio_list_init(&slow.held);
	spin_unlock_irq(&slow.lock);
	while ((bio = bio_list_pop(&held)))
		bio_endio(bio);
}

/* Suites run before their module is complete: without an owner, or the driver core looks for it. */
static const struct block_device_operations slow_ops = {
	.submit_bio = slow_submit_bio,
};

static int slow_init(struct kunit *test)
{
	memset(&slow, 0, sizeof(slow));
	spin_lock_init(&slow.lock);
	bio_list_init(&slow.held);
	init_completion(&slow.room);
	slow.disk = blk_alloc_disk(NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, slow.disk);
	slow.disk->fops = &slow_ops;
	slow.disk->flags |= GENHD_FL_NO_PART;
	strscpy(slow.disk->disk_name, "slow", sizeof(slow.disk->disk_name));
	set_capacity(slow.disk, SLOW_SECTORS);
	blk_queue_max_discard_sectors(slow.disk->queue, UINT_MAX);
	slow.disk->queue->limits.discard_granularity = 512;
	KUNIT_ASSERT_EQ(test, add_disk(slow.disk), 0);
	return connect_pair(test, disk_devt(slow.disk));
}

static void slow_exit(struct kunit *test)
{
	pair_exit(test);
	del_gendisk(slow.disk);
	put_disk(slow.disk);
}

/* @nr requests of @pages pages at a time, which do not touch each other; answered counts those that have ended. */
static atomic_t answered, with_errors;

static void ended(struct bio *bio)
{
	if (bio->bi_status)
		atomic_inc(&with_errors);
	atomic_inc(&answered);
	bio_put(bio);
}

static void begin(struct kunit *test, unsigned int nr, unsigned int pages)
{
	struct blk_plug plug;
	unsigned int i, p;

	/* One ring has them all. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	atomic_set(&answered, 0);
	atomic_set(&with_errors, 0);
	blk_start_plug(&plug);
	for (i = 0; i < nr; i++) {
		struct bio *bio = bio_alloc(above, pages, REQ_OP_WRITE, GFP_KERNEL);

		bio->bi_iter.bi_sector = 2ULL * i * pages * (PAGE_SIZE / 512);
		bio->bi_end_io = ended;
		for (p = 0; p < pages; p++)
			bio_add_page(bio, ZERO_PAGE(0), PAGE_SIZE, 0);
		submit_bio(bio);
	}
	blk_finish_plug(&plug);
}

static void all_end(struct kunit *test, unsigned int nr)
{
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(atomic_read(&answered) == nr), "%d of %u have ended",
			      atomic_read(&answered), nr);
	KUNIT_EXPECT_EQ(test, atomic_read(&with_errors), 0);
}

/* The disk has no room for a request: those before it that it has done are answered meanwhile. */
static void answers_while_it_submits(struct kunit *test)
{
	/* While it waits for one, all others come to the ring, and it takes them at once. */
	slow.no_room_at = slow.taken + 1;
	begin(test, 1, 1);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(READ_ONCE(slow.taken) == slow.no_room_at));
	begin(test, DEPTH, 1);
	slow.no_room_at += 40;
	complete(&slow.room);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(atomic_read(&answered) > 1));
	complete_all(&slow.room);
	all_end(test, DEPTH + 1);
}

/* A counter of the frontend's, summed over its rings, as its file in debugfs has it. */
static unsigned int front_counter(struct kunit *test, const char *name)
{
	struct pv_device *pd = dev_get_drvdata(&front->dev);
	char *text = kunit_kzalloc(test, 8192, GFP_KERNEL), *at = text;
	struct seq_file m = { .buf = text, .size = 8191 };
	unsigned int sum = 0, one;

	KUNIT_ASSERT_NOT_NULL(test, text);
	mutex_lock(&pd->lock);
	pd->drv->show(pd, &m);
	mutex_unlock(&pd->lock);
	while ((at = strstr(at, name))) {
		at += strlen(name);
		if (sscanf(at, " %u", &one) == 1)
			sum += one;
	}
	return sum;
}

/* More than there are pages for: what waits is asked for again when a response has come, not ever so often. */
static void waits_for_pages(struct kunit *test)
{
	unsigned int before;

	before = front_counter(test, "starved");
	slow.holds = true;
	begin(test, 8, 256);
	msleep(200);
	KUNIT_EXPECT_EQ(test, atomic_read(&answered), 0);
	KUNIT_EXPECT_GT(test, front_counter(test, "starved"), before);
	KUNIT_EXPECT_LE(test, front_counter(test, "starved"), before + 3);
	slow_answers();
	all_end(test, 8);
}

/* With always something under way, too, what the frontend does not use any more is unmapped; what it uses is not. */
static void mappings_age_under_load(struct kunit *test)
{
	struct pv_back_queue *q = to_blkback(dev_get_drvdata(&back->dev))->queues->queue[0];
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(test_bit(GD_ADDED, &above->bd_disk->state)));
	begin(test, 1, MAX_PAGES);
	all_end(test, 1);
	KUNIT_EXPECT_GE(test, q->map.nr, MAX_PAGES);
	slow.taken = 0;
	slow.holds = true;
	begin(test, 1, 1);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(READ_ONCE(slow.taken)));
	slow.holds = false;
	q->tidy_every = 1;
	q->tidy_at = jiffies;
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ(test, io(above, REQ_OP_WRITE, 4096, &page, 0, PAGE_SIZE), 0);
		msleep(20);
	}
	KUNIT_EXPECT_LE(test, q->map.nr, 8);
	/* One of them is that of the request that the disk has. */
	KUNIT_EXPECT_GE(test, q->map.nr, 2);
	slow_answers();
	all_end(test, 1);
	__free_page(page);
}

/* What waits for pages while the drive gets another disc was meant for the one before, which is where it goes. */
static void waits_meet_another_medium(struct kunit *test)
{
	dev_t other = find_null_blk();
	char text[32];

	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "0");
	lose_frontend(test);
	set_key(back_path, "device-type", "cdrom");
	new_frontend(test);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(test_bit(GD_ADDED, &above->bd_disk->state)));
	slow.holds = true;
	slow.taken = 0;
	/* The frontend has references for a little more than the backend has pages. */
	begin(test, 4, MAX_PAGES);
	begin(test, 1, 100);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(slow.taken) == 4));
	snprintf(text, sizeof(text), "%x:%x", MAJOR(other), MINOR(other));
	set_key(back_path, "mode", "r");
	set_key(back_path, "physical-device", text);
	msleep(100);
	KUNIT_EXPECT_EQ(test, slow.taken, 4);
	KUNIT_EXPECT_FALSE(test, bdev_read_only(above));
	slow_answers();
	all_end(test, 5);
	KUNIT_EXPECT_EQ(test, slow.taken, 5);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(bdev_read_only(above)));
	set_parameter(test, "/sys/module/pv_blkfront/parameters/feature_persistent", "1");
}

/* Whether the toolstack forbids discards cannot be read: then it does. */
static void discard_may_be_forbidden(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 16];

	lose_frontend(test);
	set_key(back_path, "discard-enable", "0");
	snprintf(path, sizeof(path), "%s/discard-enable", back_path);
	fake_xen_fail_reads(path, 0, 100, -ENOMEM);
	new_frontend(test);
	KUNIT_EXPECT_TRUE(test, fake_xen_counts.failed_reads);
	KUNIT_EXPECT_EQ(test, key_number(back_path, "feature-discard"), 0);
	KUNIT_EXPECT_EQ(test, bdev_max_discard_sectors(above), 0);
}

/* A disk that cannot discard after all: it is not asked again. */
static void discard_is_refused(struct kunit *test)
{
	KUNIT_ASSERT_GT(test, bdev_max_discard_sectors(above), 0);
	KUNIT_EXPECT_EQ(test, blkdev_issue_discard(above, 0, 8, GFP_KERNEL), 0);
	blk_queue_max_discard_sectors(slow.disk->queue, 0);
	/* The block layer keeps it to itself. */
	blkdev_issue_discard(above, 0, 8, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!bdev_max_discard_sectors(above)));
}

/* No answer for long: it is said, counted, and waited for all the same. */
static void answer_is_late(struct kunit *test)
{
	set_parameter(test, "/sys/block/xvda/queue/io_timeout", "200");
	slow.holds = true;
	begin(test, 8, 1);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(front_counter(test, "late")));
	/* Once, not for each of them. */
	msleep(1500);
	KUNIT_EXPECT_EQ(test, front_counter(test, "late"), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&answered), 0);
	slow_answers();
	all_end(test, 8);
}

static int answer_soon(void *unused)
{
	msleep(100);
	slow_answers();
	return 0;
}

/* A guest that is suspended waits a while for what the disk has, so that the next backend need not do it again. */
static void suspend_waits(struct kunit *test)
{
	struct task_struct *task;
	unsigned int taken;

	slow.holds = true;
	begin(test, 8, 1);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(READ_ONCE(slow.taken) >= 8 && slow.held.head));
	task = kthread_run(answer_soon, NULL, "slow-answers");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&answered), 8);
	taken = slow.taken;
	fake_xen_remove_device(back);
	set_key(back_path, "state", "1");
	KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
	add_backend(test);
	KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(states_are(XenbusStateConnected)), "%s", fake_xen_last_error());
	all_end(test, 8);
	KUNIT_EXPECT_EQ(test, slow.taken, taken);
}

/* But not for ever. */
static void suspend_does_not_hang(struct kunit *test)
{
	unsigned long begun = jiffies;

	slow.holds = true;
	begin(test, 8, 1);
	KUNIT_EXPECT_EQ(test, fake_xen_suspend_device(front), 0);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), 10000);
	fake_xen_cancel_device(front);
	slow_answers();
	all_end(test, 8);
}

/* The drivers go, not the device: what they wrote is not left to whoever comes in their place. */
static void keys_are_taken_back(struct kunit *test)
{
	close_disk(&above);
	KUNIT_ASSERT_FALSE(test, key_is(front_path, "multi-queue-num-queues", ""));
	KUNIT_ASSERT_FALSE(test, key_is(back_path, "multi-queue-max-queues", ""));
	device_release_driver(&front->dev);
	expect_only(test, front_path, " backend backend-id state virtual-device device-type ");
	device_release_driver(&back->dev);
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "multi-queue-max-queues"), "");
	KUNIT_EXPECT_STREQ(test, key_value(back_path, "max-ring-page-order"), "");
}

static struct kunit_case pair_cases[] = {
	KUNIT_CASE(same_size),
	KUNIT_CASE(every_byte),
	KUNIT_CASE(warm_path_is_free_of_grant_calls),
	KUNIT_CASE(untrusted_backend),
	KUNIT_CASE(xen_refuses),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(backend_is_rebound),
	KUNIT_CASE(restart_meets_poller),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(second_queue_fails),
	KUNIT_CASE(unplug_under_load),
	{}
};

static struct kunit_suite pair_suite = {
	.name = "block_pair",
	.init = pair_init,
	.exit = pair_exit,
	.test_cases = pair_cases,
};

static struct kunit_case change_cases[] = {
	KUNIT_CASE(smaller_ring),
	KUNIT_CASE(row22_xsa391_event_storm),
	KUNIT_CASE(row23_xsa376_responses_that_cannot_be),
	KUNIT_CASE(row23_xsa376_id_of_an_unused_queue),
	KUNIT_CASE(polled_by_interrupt),
	KUNIT_CASE(cut_without_waiting),
	KUNIT_CASE(flush_is_refused),
	KUNIT_CASE(other_sector_size),
	KUNIT_CASE(each_backend_after_each),
	KUNIT_CASE(queues_follow_the_backend),
	KUNIT_CASE(depth_follows_the_backend),
	KUNIT_CASE(gone_before_it_is_announced),
	KUNIT_CASE(persistent_is_what_was_offered),
	KUNIT_CASE(flush_meets_no_cache),
	KUNIT_CASE(life_after_failure),
	KUNIT_CASE(not_the_old_disk),
	KUNIT_CASE(resized_is_not_changed),
	KUNIT_CASE(other_medium_is_read_only),
	KUNIT_CASE(cdrom_is_left_to_the_emulator),
	KUNIT_CASE(few_grants_are_left),
	KUNIT_CASE(each_lack_of_a_connection),
	KUNIT_CASE(toolstack_cannot_be_read),
	KUNIT_CASE(size_cannot_be_read),
	KUNIT_CASE(each_refusal_at_restart),
	KUNIT_CASE(each_refusal_to_a_new_frontend),
	KUNIT_CASE(each_refusal_to_a_new_backend),
	{}
};

static struct kunit_suite change_suite = {
	.name = "block_pair_changes",
	.init = pair_init,
	.exit = pair_exit,
	.test_cases = change_cases,
};

static struct kunit_case copying_cases[] = {
	KUNIT_CASE(every_byte),
	KUNIT_CASE(slab_memory_is_copied),
	KUNIT_CASE(copies_are_batched),
	KUNIT_CASE(refused_write_changes_nothing),
	KUNIT_CASE(xen_refuses),
	KUNIT_CASE(backend_restarts),
	KUNIT_CASE(backend_is_rebound),
	KUNIT_CASE(suspend_and_resume),
	KUNIT_CASE(unplug_under_load),
	{}
};

static struct kunit_suite copying_suite = {
	.name = "block_pair_copying",
	.init = copying_init,
	.exit = copying_exit,
	.test_cases = copying_cases,
};

static struct kunit_case slow_cases[] = {
	KUNIT_CASE(answers_while_it_submits),
	KUNIT_CASE(waits_for_pages),
	KUNIT_CASE(mappings_age_under_load),
	KUNIT_CASE(waits_meet_another_medium),
	KUNIT_CASE(answer_is_late),
	KUNIT_CASE(discard_is_refused),
	KUNIT_CASE(discard_may_be_forbidden),
	KUNIT_CASE(suspend_waits),
	KUNIT_CASE(suspend_does_not_hang),
	KUNIT_CASE(keys_are_taken_back),
	{}
};

static struct kunit_suite slow_suite = {
	.name = "block_pair_slow_disk",
	.init = slow_init,
	.exit = slow_exit,
	.test_cases = slow_cases,
};

kunit_test_suites(&pair_suite, &change_suite, &copying_suite, &slow_suite);

MODULE_DESCRIPTION("blkfront and blkback together");
MODULE_LICENSE("GPL");
