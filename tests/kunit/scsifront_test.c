// SPDX-License-Identifier: GPL-2.0
/*
 * scsifront against a backend that this test plays: one disk in memory, read and written through sd, over one ring or
 * with all extensions; LUNs that come and go, a backend that restarts with commands in flight, one that lies, one that
 * forgets what it has aborted, one that is away for long.
 */
#include <linux/async.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/kernel_stat.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <asm/unaligned.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>
#include <scsi/scsi_proto.h>
#include <xen/page.h>
#define HELPERS_WANT_DEVICE
#include "ring.h"
#include "vscsiif_ext.h"

#include "scsi_debug.h"

#define TYPE		"vscsi"
#define ID		0
#define BLOCKS		16384
#define BLOCK		512
/* Targets of what is no disk. */
#define TAPE		9
#define ZONED		10
#define WORM		11
#define PARKED		4		/* ids that may be, of a ring of 16 */

static struct xenbus_device *front;
static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];
static u8 *disk;

static struct backend {
	struct pv_ring ring;
	struct pv_stats stats;
	evtchn_port_t port;
	struct task_struct *task;
	struct page *page;		/* of the ring: the frontend may give it back first */
	bool deaf, asleep;
	unsigned int forget;		/* so many writes are not answered */
	bool mute;			/* nor is what is aborted */
	bool no_aborts;			/* nor aborts themselves */
	unsigned int late;		/* so many of those are answered now */
	u16 lost[2 * PARKED];
	unsigned int nr_lost;
	unsigned long aborts, resets;
	unsigned long commands, lists, heard;
	u16 first_page_ref;
} b;

/* ---- the backend ---- */

/* Moves one piece of the command's data; false if there is no more room. */
static u32 move(const struct vscsiif_request *req, u8 *at, u32 len, bool to_guest)
{
	unsigned int nr = req->nr_segments & ~VSCSIIF_SG_GRANT, i, j;
	bool lists = req->nr_segments & VSCSIIF_SG_GRANT;
	u32 done = 0;

	for (i = 0; i < nr; i++) {
		const struct scsiif_request_segment *seg = &req->seg[i];
		unsigned int n = 1;

		if (lists) {
			n = seg->length / sizeof(*seg);
			seg = page_address(fake_xen_granted_page(seg->gref)) + seg->offset;
			b.lists++;
		}
		for (j = 0; j < n && done < len; j++, seg++) {
			u8 *data = page_address(fake_xen_granted_page(seg->gref)) + seg->offset;
			u32 here = min_t(u32, seg->length, len - done);

			if (to_guest)
				memcpy(data, at + done, here);
			else
				memcpy(at + done, data, here);
			done += here;
		}
	}
	return done;
}

static u32 room(const struct vscsiif_request *req)
{
	unsigned int nr = req->nr_segments & ~VSCSIIF_SG_GRANT, i, j;
	u32 len = 0;

	for (i = 0; i < nr; i++) {
		const struct scsiif_request_segment *seg = &req->seg[i];

		if (!(req->nr_segments & VSCSIIF_SG_GRANT)) {
			len += seg->length;
			continue;
		}
		seg = page_address(fake_xen_granted_page(seg->gref)) + seg->offset;
		for (j = 0; j < req->seg[i].length / sizeof(*seg); j++)
			len += seg[j].length;
	}
	return len;
}

static void refuse(struct vscsiif_response *rsp)
{
	rsp->rslt = SAM_STAT_CHECK_CONDITION;
	rsp->sense_len = 18;
	rsp->sense_buffer[0] = 0x70;
	rsp->sense_buffer[2] = ILLEGAL_REQUEST;
	rsp->sense_buffer[7] = 10;
	rsp->sense_buffer[12] = 0x20;
}

static void answer_in(const struct vscsiif_request *req, struct vscsiif_response *rsp, u8 *data, u32 len)
{
	rsp->residual_len = room(req) - move(req, data, len, true);
}

static void command(const struct vscsiif_request *req, struct vscsiif_response *rsp)
{
	static u8 inquiry[36] = { 0, 0, 5, 2, 31, 0, 0, 2, 'p', 'v', 's', 'p', 'l', 'i', 't', ' ',
				  'm', 'e', 'm', 'o', 'r', 'y' };
	const u8 *c = req->cmnd;
	u8 capacity[8];
	u32 block, nr;

	switch (c[0]) {
	case TEST_UNIT_READY:
	case SYNCHRONIZE_CACHE:
	case START_STOP:
		return;
	case INQUIRY:
		inquiry[0] = req->id == TAPE ? TYPE_TAPE : req->id == ZONED ? TYPE_ZBC :
			     req->id == WORM ? TYPE_WORM : TYPE_DISK;
		if (c[1] & 1)
			refuse(rsp);
		else
			answer_in(req, rsp, inquiry, sizeof(inquiry));
		return;
	case READ_CAPACITY:
		put_unaligned_be32(BLOCKS - 1, capacity);
		put_unaligned_be32(BLOCK, capacity + 4);
		answer_in(req, rsp, capacity, sizeof(capacity));
		return;
	case READ_10:
	case WRITE_10:
		block = get_unaligned_be32(c + 2);
		nr = get_unaligned_be16(c + 7);
		if (block + nr > BLOCKS)
			return refuse(rsp);
		rsp->residual_len = nr * BLOCK - move(req, disk + block * BLOCK, nr * BLOCK, c[0] == READ_10);
		return;
	default:
		refuse(rsp);
	}
}

static void put_aborted(u16 id)
{
	struct vscsiif_response rsp = { .rqid = id, .rslt = XEN_VSCSIIF_RSLT_HOST_ABORT << 16 };

	pv_ring_put(&b.ring, &rsp, sizeof(rsp));
}

static void answer_late(void)
{
	unsigned int i;

	for (i = 0; i < b.late; i++)
		put_aborted(b.lost[i]);
	b.nr_lost = 0;
	WRITE_ONCE(b.late, 0);
	if (pv_ring_publish(&b.ring))
		fake_xen_kick_async(b.port);
}

static int backend_thread(void *arg)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;

	while (!kthread_should_stop()) {
		if (READ_ONCE(b.late))
			answer_late();
		while (!READ_ONCE(b.asleep) && pv_ring_pending(&b.ring)) {
			pv_ring_get(&b.ring, &req, sizeof(req));
			b.heard++;
			if (b.deaf)
				continue;
			if (b.forget && req.act == VSCSIIF_ACT_SCSI_CDB && req.cmnd[0] == WRITE_10) {
				b.lost[b.nr_lost++] = req.rqid;
				b.forget--;
				continue;
			}
			if (req.act == VSCSIIF_ACT_SCSI_RESET)
				b.resets++;
			if (req.act == VSCSIIF_ACT_SCSI_ABORT && b.nr_lost && req.ref_rqid == b.lost[b.nr_lost - 1]) {
				b.aborts++;
				if (b.no_aborts)
					continue;
				if (!b.mute)
					put_aborted(req.ref_rqid);
			}
			memset(&rsp, 0, sizeof(rsp));
			rsp.rqid = req.rqid;
			if (req.act == VSCSIIF_ACT_SCSI_CDB)
				command(&req, &rsp);
			else
				rsp.rslt = XEN_VSCSIIF_RSLT_RESET_SUCCESS;
			b.commands++;
			pv_ring_put(&b.ring, &rsp, sizeof(rsp));
			if (pv_ring_publish(&b.ring))
				fake_xen_kick_async(b.port);
		}
		if (READ_ONCE(b.asleep) || !pv_ring_arm(&b.ring, 1))
			usleep_range(50, 200);
	}
	return 0;
}

/* It takes the rings that the frontend has offered, and says that it is Connected. */
static void serve(struct kunit *test)
{
	char dir[FAKE_XEN_PATH_LEN + 16];
	u32 order = key_number(front_path, PV_VSCSIIF_ORDER);
	struct page *page;

	snprintf(dir, sizeof(dir), "%s", front_path);
	if (key_number(front_path, PV_VSCSIIF_NUM_QUEUES) > 1)
		strlcat(dir, "/queue-0", sizeof(dir));
	page = fake_xen_granted_page(key_number(dir, order ? "ring-ref0" : "ring-ref"));
	KUNIT_ASSERT_NOT_NULL(test, page);
	/* The frontend's own mapping: its pages are neighbours there. */
	KUNIT_ASSERT_EQ(test, 0u, order);
	memset(&b, 0, sizeof(b));
	KUNIT_ASSERT_EQ(test, 0, pv_ring_init_back(&b.ring, page_address(page), 1, PV_VSCSIIF_STRIDE, &b.stats));
	get_page(page);
	b.page = page;
	b.port = fake_xen_connect_port(key_number(dir, "event-channel"));
	b.task = kthread_run(backend_thread, NULL, "vscsi-peer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b.task));
	set_key(back_path, "state", "4");
}

/* From Initialised to Connected, with a LUN. */
static void connect_backend(struct kunit *test, const char *lun_state)
{
	serve(test);
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "state", "4"), "%s", fake_xen_last_error());
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "vscsi-devs/dev-0/state", lun_state), "%s",
			      fake_xen_last_error());
}

static void stop_backend(void)
{
	if (b.task)
		kthread_stop(b.task);
	if (b.page)
		put_page(b.page);
	b.task = NULL;
	b.page = NULL;
}

/* persistent: NULL if it has none of our keys. */
static int start(struct kunit *test, const char *persistent, const char *sg_grant, const char *trust)
{
	fake_xen_reset();
	disk = vzalloc(BLOCKS * BLOCK);
	KUNIT_ASSERT_NOT_NULL(test, disk);
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, ID);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, ID);
	set_key(back_path, "online", "1");
	if (persistent) {
		set_key(back_path, PV_VSCSIIF_PERSISTENT, persistent);
		set_key(back_path, PV_VSCSIIF_MAX_QUEUES, "1");
	}
	set_key(back_path, "feature-sg-grant", sg_grant);
	set_key(back_path, "vscsi-devs/dev-0/v-dev", "0:0:1:2");
	set_key(back_path, "vscsi-devs/dev-0/state", "3");
	set_key(back_path, "vscsi-devs/dev-1/v-dev", "0:0:65536:2");
	set_key(back_path, "vscsi-devs/dev-1/state", "3");
	set_key(back_path, "vscsi-devs/dev-2/v-dev", "0:0:1:2");
	set_key(back_path, "vscsi-devs/dev-2/state", "3");
	set_key(front_path, "trusted", trust);
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
	set_key(back_path, "state", "2");
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "state", "3"), "%s", fake_xen_last_error());
	connect_backend(test, "4");
	/* Its driver has questions: not all cases go on answering them. */
	async_synchronize_full();
	return 0;
}

static int staged_init(struct kunit *test)
{
	return start(test, "1", "1024", "1");
}

static int direct_init(struct kunit *test)
{
	return start(test, "0", "1024", "1");
}

/* Linux's backend. */
static int published_init(struct kunit *test)
{
	return start(test, NULL, "128", "1");
}

static int untrusted_init(struct kunit *test)
{
	return start(test, "0", "0", "0");
}

static void pair_exit(struct kunit *test)
{
	/* The ring goes with the device. */
	stop_backend();
	if (!IS_ERR_OR_NULL(front))
		fake_xen_remove_device(front);
	front = NULL;
	fake_xen_close_port(b.port);
	vfree(disk);
	settle();
	expect_nothing_held(test);
}

/* sda, sdb, ... : names are not used again before the last one has gone. */
static struct file *find_disk(void)
{
	char name[] = "/dev/sda";
	struct file *file = NULL;

	for (; name[7] <= 'h'; name[7]++) {
		file = filp_open(name, O_RDWR | O_LARGEFILE, 0);
		if (!IS_ERR(file))
			return file;
	}
	return NULL;
}

/* Once sd has asked all that it wants to know: nothing of that is lost or counted in place of what is meant. */
static struct file *open_disk(struct kunit *test)
{
	struct file *file;

	KUNIT_ASSERT_TRUE(test, COMES_TRUE((file = find_disk())));
	async_synchronize_full();
	return file;
}

/* ---- cases ---- */

static void write_and_read(struct kunit *test)
{
	static const u32 sizes[] = { 512, 4096, 65536, 1 << 20 };
	struct file *file;
	u8 *data;
	loff_t pos;
	u32 i, j;

	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/dev-1/state", "6"));
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/dev-2/state", "6"));
	file = open_disk(test);
	data = kvmalloc(1 << 20, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < sizes[i]; j++)
			data[j] = j * 7 + (j >> 9) + i;
		pos = 1 << 20;
		KUNIT_EXPECT_EQ(test, kernel_write(file, data, sizes[i], &pos), (ssize_t)sizes[i]);
		KUNIT_EXPECT_EQ(test, 0, vfs_fsync(file, 0));
		EXPECT_MEMEQ(test, disk + (1 << 20), data, sizes[i]);
		for (j = 0; j < sizes[i]; j++)
			disk[(4 << 20) + j] = j * 5 + (j >> 9) + i;
		invalidate_bdev(I_BDEV(file->f_mapping->host));
		pos = 4 << 20;
		KUNIT_EXPECT_EQ(test, kernel_read(file, data, sizes[i], &pos), (ssize_t)sizes[i]);
		EXPECT_MEMEQ(test, disk + (4 << 20), data, sizes[i]);
	}
	kunit_info(test, "%lu commands, %lu pages of segments", b.commands, b.lists);
	kvfree(data);
	filp_close(file, NULL);
}

static void lun_goes_and_comes(struct kunit *test)
{
	set_key(back_path, "vscsi-devs/dev-0/state", "5");
	set_key(back_path, "state", "7");
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "7"));
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/dev-0/state", "6"));
	set_key(back_path, "vscsi-devs/dev-0/state", "3");
	set_key(back_path, "state", "8");
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "4"));
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/dev-0/state", "4"));
	write_and_read(test);
}

static bool moves_a_mib(struct file *file, u8 seed)
{
	u8 *data = kvmalloc(1 << 20, GFP_KERNEL | __GFP_NOFAIL);
	loff_t pos = 1 << 20;
	bool ok;
	u32 i;

	for (i = 0; i < 1 << 20; i++)
		data[i] = i * 7 + (i >> 9) + seed;
	ok = kernel_write(file, data, 1 << 20, &pos) == 1 << 20 && !vfs_fsync(file, 0) &&
	     !memcmp(disk + (1 << 20), data, 1 << 20);
	memset(data, 0, 1 << 20);
	invalidate_bdev(I_BDEV(file->f_mapping->host));
	pos = 1 << 20;
	ok = ok && kernel_read(file, data, 1 << 20, &pos) == 1 << 20 && !memcmp(disk + (1 << 20), data, 1 << 20);
	kvfree(data);
	return ok;
}

static int write_some(void *arg)
{
	struct file *file = arg;
	static u8 data[8192];
	loff_t pos = 0;
	ssize_t n;

	memset(data, 0xa5, sizeof(data));
	n = kernel_write(file, data, sizeof(data), &pos);
	return n == sizeof(data) ? vfs_fsync(file, 0) : -EIO;
}

static int writer_result;
static bool writer_done;

static int writer(void *arg)
{
	writer_result = write_some(arg);
	WRITE_ONCE(writer_done, true);
	return 0;
}

static bool comes_late(const bool *what, unsigned int seconds)
{
	while (!READ_ONCE(*what) && seconds--)
		ssleep(1);
	return READ_ONCE(*what);
}

static void begin_writer(struct file *file)
{
	memset(disk, 0, 2 * BLOCK);
	writer_done = false;
	kthread_run(writer, file, "vscsi-writer");
}

/* A write that has come to the backend, which answers nothing. */
static void begin_unanswered(struct kunit *test, struct file *file)
{
	WRITE_ONCE(b.deaf, true);
	b.heard = 0;
	writer_done = false;
	kthread_run(writer, file, "vscsi-writer");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(b.heard)));
}

static void end_writer(struct kunit *test, struct file *file)
{
	KUNIT_ASSERT_TRUE(test, comes_late(&writer_done, 20));
	KUNIT_EXPECT_EQ(test, 0, writer_result);
	KUNIT_EXPECT_EQ(test, (u8)0xa5, disk[0]);
	KUNIT_EXPECT_EQ(test, (u8)0xa5, disk[8191]);
	filp_close(file, NULL);
}

/* Up to where the frontend has offered its rings. */
static void restart_to(struct kunit *test, const char *sg_grant, const char *id)
{
	if (sg_grant)
		set_key(back_path, "feature-sg-grant", sg_grant);
	if (id)
		set_key(back_path, "vscsi-devs/dev-0/pvsplit-id", id);
	stop_backend();
	set_key(back_path, "state", "6");
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "1"));
	fake_xen_close_port(b.port);
	set_key(back_path, "vscsi-devs/dev-0/state", "3");
	set_key(back_path, "state", "2");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "3"));
}

static void restart_backend_with(struct kunit *test, const char *sg_grant, const char *id)
{
	restart_to(test, sg_grant, id);
	connect_backend(test, id && !strcmp(id, "naa.2") ? "6" : "4");
}

static void restart_backend(struct kunit *test)
{
	restart_backend_with(test, NULL, NULL);
}

/* What was for the one must not reach the other: with a command under way. */
static void backend_has_another_device(struct kunit *test)
{
	struct file *file = open_disk(test);

	restart_backend_with(test, NULL, "naa.1");
	KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 1));
	restart_backend_with(test, NULL, "naa.1");
	KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 2));
	begin_unanswered(test, file);
	memset(disk, 0, BLOCKS * BLOCK);
	restart_backend_with(test, NULL, "naa.2");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(writer_done)));
	KUNIT_EXPECT_NE(test, 0, writer_result);
	KUNIT_EXPECT_NULL(test, memchr_inv(disk, 0, BLOCKS * BLOCK));
	filp_close(file, NULL);
}

/* Nor if it cannot be read, at first, which one it is. */
static void an_id_cannot_be_read(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 32];
	struct file *file;
	unsigned int i;

	file = open_disk(test);
	snprintf(path, sizeof(path), "%s/vscsi-devs/dev-0/pvsplit-id", back_path);
	restart_backend_with(test, NULL, "naa.1");
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 1));
		begin_unanswered(test, file);
		memset(disk, 0, BLOCKS * BLOCK);
		fake_xen_fail_reads(path, 0, 1, -EIO);
		restart_to(test, NULL, i ? "naa.2" : "naa.1");
		serve(test);
		/* It has let go, and is back when it can be read. */
		KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "6"));
		msleep(100);
		KUNIT_EXPECT_NULL(test, memchr_inv(disk, 0, BLOCKS * BLOCK));
		KUNIT_EXPECT_FALSE(test, READ_ONCE(writer_done));
		restart_backend_with(test, NULL, i ? "naa.2" : "naa.1");
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(writer_done)));
		KUNIT_EXPECT_EQ(test, !writer_result, !i);
		KUNIT_EXPECT_EQ(test, !memchr_inv(disk, 0, BLOCKS * BLOCK), i == 1);
	}
	fake_xen_fail_reads(NULL, 0, 0, 0);
	filp_close(file, NULL);
}

/* What the block layer makes for the last one is more than this one takes. */
static void backend_takes_less(struct kunit *test)
{
	struct file *file = open_disk(test);

	KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 1));
	restart_backend_with(test, "0", NULL);
	KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 2));
	KUNIT_EXPECT_EQ(test, b.lists, 0u);
	restart_backend_with(test, "1024", NULL);
	KUNIT_EXPECT_TRUE(test, moves_a_mib(file, 3));
	filp_close(file, NULL);
}

/* Nor how many pieces that is in. */
static void backend_takes_fewer_pieces(struct kunit *test)
{
	const unsigned int nr = 60, at = 1 << 20;
	struct page *page[60] = { };
	struct file *file;
	struct bio *bio;
	unsigned int i;

	file = open_disk(test);
	restart_backend_with(test, "0", NULL);
	bio = bio_alloc(I_BDEV(file->f_mapping->host), nr, REQ_OP_WRITE | REQ_SYNC, GFP_KERNEL);
	bio->bi_iter.bi_sector = at / BLOCK;
	for (i = 0; i < nr; i++) {
		page[i] = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
		memset(page_address(page[i]), i + 1, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, bio_add_page(bio, page[i], BLOCK, BLOCK), (int)BLOCK);
	}
	memset(disk, 0, BLOCKS * BLOCK);
	KUNIT_EXPECT_EQ(test, submit_bio_wait(bio), 0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(disk + at + i * BLOCK, i + 1, BLOCK), "block %u", i);
	KUNIT_EXPECT_NULL(test, memchr_inv(disk, 0, at));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + at + nr * BLOCK, 0, BLOCKS * BLOCK - at - nr * BLOCK));
	bio_put(bio);
	for (i = 0; i < nr; i++)
		__free_page(page[i]);
	filp_close(file, NULL);
}

static void backend_restarts(struct kunit *test)
{
	struct file *file = open_disk(test);

	begin_unanswered(test, file);
	restart_backend(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(writer_done)));
	KUNIT_EXPECT_EQ(test, 0, writer_result);
	KUNIT_EXPECT_EQ(test, (u8)0xa5, disk[8191]);
	filp_close(file, NULL);
}

static void add_lun(struct kunit *test, const char *vdev)
{
	set_key(back_path, "vscsi-devs/dev-3/v-dev", vdev);
	set_key(back_path, "vscsi-devs/dev-3/state", "3");
	set_key(back_path, "state", "7");
	KUNIT_EXPECT_TRUE_MSG(test, key_comes(front_path, "vscsi-devs/dev-3/state", "4"), "%s", fake_xen_last_error());
	/* The LUN's word comes before the vhost's, which is the one that is answered. */
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "7"));
	set_key(back_path, "state", "8");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "4"));
	set_key(back_path, "state", "4");
}

/* While nobody serves it, a device is blocked, which is seen; then it runs. */
static void away_is_seen(struct kunit *test)
{
	struct scsi_device *sdev = guests_device(front, 1, 2);
	struct file *file = open_disk(test);

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	begin_unanswered(test, file);
	restart_to(test, NULL, NULL);
	KUNIT_EXPECT_EQ(test, sdev->sdev_state, SDEV_BLOCK);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(writer_done));
	connect_backend(test, "4");
	end_writer(test, file);
	KUNIT_EXPECT_EQ(test, sdev->sdev_state, SDEV_RUNNING);
	scsi_device_put(sdev);
}

/* The largest number that one LUN may have, as SAM's flat addresses go. */
static void high_numbers(struct kunit *test)
{
	struct scsi_device *sdev;

	add_lun(test, "0:0:63:16383");
	sdev = guests_device(front, 63, 16383);
	KUNIT_ASSERT_NOT_NULL(test, sdev);
	scsi_device_put(sdev);
	/* It is another one. */
	async_synchronize_full();
}

static struct {
	struct scsi_device *sdev;
	u8 *data;
	int result;
	struct completion done;
} once;

static int write_once(void *arg)
{
	u8 cdb[10] = { WRITE_10, [8] = 1 };
	u8 sense[SCSI_SENSE_BUFFERSIZE];

	once.result = __scsi_execute(once.sdev, cdb, DMA_TO_DEVICE, once.data, BLOCK, sense, NULL, 30 * HZ, 0, 0, 0,
				     NULL);
	kthread_complete_and_exit(&once.done, 0);
}

/* A write that may have been done cannot be done again, where a zone's pointer or the medium has gone on. */
static void is_not_written_twice(struct kunit *test, const char *vdev, unsigned int target, u8 type)
{
	add_lun(test, vdev);
	once.sdev = guests_device(front, target, 0);
	KUNIT_ASSERT_NOT_NULL(test, once.sdev);
	KUNIT_EXPECT_EQ(test, once.sdev->type, type);
	once.data = kunit_kmalloc(test, BLOCK, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, once.data);
	memset(once.data, 0xa5, BLOCK);
	memset(disk, 0, BLOCK);
	init_completion(&once.done);
	WRITE_ONCE(b.deaf, true);
	b.heard = 0;
	kthread_run(write_once, NULL, "vscsi-writer");
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(b.heard)));
	restart_backend(test);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&once.done, 10 * HZ));
	KUNIT_EXPECT_NE_MSG(test, once.result, 0, "type %u", type);
	KUNIT_EXPECT_EQ_MSG(test, disk[0], (u8)0, "type %u", type);
	scsi_device_put(once.sdev);
}

static void zones_are_not_written_twice(struct kunit *test)
{
	is_not_written_twice(test, "0:0:10:0", ZONED, TYPE_ZBC);
}

static void once_is_not_twice(struct kunit *test)
{
	is_not_written_twice(test, "0:0:11:0", WORM, TYPE_WORM);
}

/* Nothing was under way, but meanwhile others may have moved the tape. */
static void positions_are_lost(struct kunit *test)
{
	struct scsi_device *tape, *block;

	add_lun(test, "0:0:9:0");
	tape = guests_device(front, TAPE, 0);
	block = guests_device(front, 1, 2);
	KUNIT_ASSERT_NOT_NULL(test, tape);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_EQ(test, tape->type, TYPE_TAPE);
	tape->was_reset = 0;
	block->was_reset = 0;
	restart_backend(test);
	KUNIT_EXPECT_TRUE(test, tape->was_reset);
	KUNIT_EXPECT_FALSE(test, block->was_reset);
	scsi_device_put(tape);
	scsi_device_put(block);
}

static void backend_lies(struct kunit *test)
{
	struct vscsiif_response rsp = { .rqid = 0xfffe };
	struct file *file = open_disk(test);

	/* A request is needed that it could be the answer to. */
	begin_unanswered(test, file);
	stop_backend();
	pv_ring_put(&b.ring, &rsp, sizeof(rsp));
	pv_ring_publish(&b.ring);
	fake_xen_kick(b.port);
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "5"));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(writer_done)));
	KUNIT_EXPECT_NE(test, 0, writer_result);
	filp_close(file, NULL);
}

static bool write_timeout(const char *seconds)
{
	char name[] = "/sys/block/sda/device/timeout";

	for (; name[13] <= 'h'; name[13]++)
		if (write_file(name, seconds))
			return true;
	return false;
}

static void set_timeout(struct kunit *test, const char *seconds)
{
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(write_timeout(seconds)));
}

/* How long the frontend waits for an abort's answer. */
static void set_tmf_timeout(struct kunit *test, const char *seconds)
{
	set_parameter(test, "/sys/module/pv_scsifront/parameters/tmf_timeout", seconds);
}

static void lose_one(struct kunit *test)
{
	struct file *file = open_disk(test);

	WRITE_ONCE(b.forget, 1);
	begin_writer(file);
	end_writer(test, file);
}

/* Writes, and the backend aborts the first try but does not answer it. */
static void lose_writes(struct kunit *test, unsigned int nr)
{
	unsigned long aborts = b.aborts;
	unsigned int i;

	set_timeout(test, "1");
	WRITE_ONCE(b.mute, true);
	for (i = 1; i <= nr; i++) {
		lose_one(test);
		KUNIT_EXPECT_EQ(test, aborts + i, b.aborts);
	}
	KUNIT_EXPECT_EQ(test, nr, b.nr_lost);
	KUNIT_EXPECT_EQ(test, 0ul, b.resets);
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "4"));
}

static void answers_come_late(struct kunit *test)
{
	lose_writes(test, PARKED);
	WRITE_ONCE(b.late, b.nr_lost);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(!READ_ONCE(b.late)));
	/* There is room again. */
	lose_writes(test, 1);
}

static void answers_come_twice(struct kunit *test)
{
	lose_writes(test, 1);
	b.lost[1] = b.lost[0];
	WRITE_ONCE(b.late, 2);
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "5"));
}

static void reconnects_with_parked(struct kunit *test)
{
	lose_writes(test, 2);
	restart_backend(test);
	lose_writes(test, 1);
}

/* The backend of the published protocol gets no new connection. */
static void more_than_may_be_parked(struct kunit *test)
{
	struct file *file;

	lose_writes(test, PARKED);
	lose_one(test);
	KUNIT_EXPECT_EQ(test, PARKED + 1, b.nr_lost);
	KUNIT_EXPECT_GT(test, b.resets, 0ul);
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "4"));
	file = open_disk(test);
	begin_writer(file);
	end_writer(test, file);
}

static void more_than_may_be_parked_reconnects(struct kunit *test)
{
	struct file *file;
	unsigned int i;

	lose_writes(test, PARKED);
	file = open_disk(test);
	WRITE_ONCE(b.forget, 1);
	begin_writer(file);
	for (i = 0; i < 40 && !key_is(front_path, "state", "6"); i++)
		ssleep(1);
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "6"));
	restart_backend(test);
	end_writer(test, file);
	lose_writes(test, 1);
}

/* An abort without an answer is followed by a reset, over the one ring that there is. */
static void an_abort_is_not_answered(struct kunit *test)
{
	unsigned int i;

	set_tmf_timeout(test, "2");
	set_timeout(test, "1");
	WRITE_ONCE(b.mute, true);
	WRITE_ONCE(b.no_aborts, true);
	for (i = 1; i <= 2; i++) {
		lose_one(test);
		KUNIT_EXPECT_EQ(test, b.aborts, (unsigned long)i);
		KUNIT_EXPECT_GE(test, b.resets, (unsigned long)i);
	}
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "4"));
	set_tmf_timeout(test, "60");
}

/* It takes nothing off the ring for a while; then it goes on. */
static void published_backend_sleeps(struct kunit *test)
{
	struct file *file = open_disk(test);

	set_tmf_timeout(test, "2");
	set_timeout(test, "1");
	WRITE_ONCE(b.asleep, true);
	begin_writer(file);
	ssleep(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(writer_done));
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "4"));
	WRITE_ONCE(b.asleep, false);
	end_writer(test, file);
	set_tmf_timeout(test, "60");
}

/* One command takes longer than its time, while others are answered. */
static void slow_command_is_waited_for(struct kunit *test)
{
	struct file *file = open_disk(test), *reader = open_disk(test);
	unsigned int i;
	loff_t pos;
	u8 byte;

	set_timeout(test, "2");
	WRITE_ONCE(b.forget, 1);
	begin_writer(file);
	for (i = 0; i < 45; i++) {
		invalidate_bdev(I_BDEV(reader->f_mapping->host));
		pos = (1 + i % 7) << 20;
		KUNIT_EXPECT_EQ(test, kernel_read(reader, &byte, 1, &pos), (ssize_t)1);
		msleep(100);
	}
	KUNIT_EXPECT_EQ(test, 1u, b.nr_lost);
	KUNIT_EXPECT_EQ(test, 0ul, b.aborts);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(writer_done));
	WRITE_ONCE(b.late, 1);
	KUNIT_EXPECT_TRUE(test, comes_late(&writer_done, 5));
	KUNIT_EXPECT_EQ(test, 0ul, b.aborts);
	filp_close(reader, NULL);
	filp_close(file, NULL);
}

/* But not for ever. */
static void lost_command_is_aborted(struct kunit *test)
{
	struct file *file = open_disk(test), *reader = open_disk(test);
	unsigned int i;
	loff_t pos;
	u8 byte;

	set_timeout(test, "1");
	WRITE_ONCE(b.forget, 1);
	begin_writer(file);
	for (i = 0; i < 100 && !READ_ONCE(b.aborts); i++) {
		invalidate_bdev(I_BDEV(reader->f_mapping->host));
		pos = (1 + i % 7) << 20;
		KUNIT_EXPECT_EQ(test, kernel_read(reader, &byte, 1, &pos), (ssize_t)1);
		msleep(100);
	}
	KUNIT_EXPECT_EQ(test, 1ul, b.aborts);
	filp_close(reader, NULL);
	end_writer(test, file);
}

static void command_is_aborted(struct kunit *test)
{
	struct file *file = open_disk(test);

	set_timeout(test, "1");
	WRITE_ONCE(b.forget, 1);
	writer_done = false;
	kthread_run(writer, file, "vscsi-writer");
	KUNIT_EXPECT_TRUE(test, comes_late(&writer_done, 10));
	KUNIT_EXPECT_EQ(test, 1ul, b.aborts);
	KUNIT_EXPECT_EQ(test, 0, writer_result);
	KUNIT_EXPECT_EQ(test, (u8)0xa5, disk[8191]);
	filp_close(file, NULL);
}

/* And its disk is still there when it comes back, much later. */
static void backend_is_deaf(struct kunit *test)
{
	struct file *file = open_disk(test);
	unsigned int i;

	set_tmf_timeout(test, "3");
	set_timeout(test, "1");
	WRITE_ONCE(b.deaf, true);
	b.heard = 0;
	begin_writer(file);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(b.heard)));
	stop_backend();
	for (i = 0; i < 40 && !key_is(front_path, "state", "6"); i++)
		ssleep(1);
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "state", "6"));
	ssleep(31);
	restart_backend(test);
	end_writer(test, file);
	set_tmf_timeout(test, "60");
}

static struct {
	struct scsi_cmnd *sc;
	struct completion done;
} reset;

static int reset_host(void *arg)
{
	reset.sc->device->host->hostt->eh_host_reset_handler(reset.sc);
	kthread_complete_and_exit(&reset.done, 0);
}

static unsigned int tasklets(void)
{
	unsigned int nr = 0, cpu;

	for_each_online_cpu(cpu)
		nr += kstat_softirqs_cpu(TASKLET_SOFTIRQ, cpu);
	return nr;
}

/*
 * The host's reset has taken a command back, and only then the backend answers it: nobody looks at the ring any more.
 * The lock keeps the new connection away, as anything may that the device's thread is about.
 */
static void answers_come_after_a_reset(struct kunit *test)
{
	struct pv_device *pd = dev_get_drvdata(&front->dev);
	struct file *file = open_disk(test);
	struct scsi_device *sdev = guests_device(front, 1, 2);
	struct request *rq;
	unsigned int before;

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	rq = scsi_alloc_request(sdev->request_queue, REQ_OP_DRV_IN, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rq));
	reset.sc = blk_mq_rq_to_pdu(rq);
	reset.sc->device = sdev;
	init_completion(&reset.done);
	WRITE_ONCE(b.forget, 1);
	begin_writer(file);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(b.nr_lost)));
	mutex_lock(&pd->lock);
	kthread_run(reset_host, NULL, "vscsi-reset");
	msleep(200);
	before = tasklets();
	WRITE_ONCE(b.late, 1);
	msleep(300);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(b.late));
	KUNIT_EXPECT_LT(test, tasklets() - before, 100u);
	mutex_unlock(&pd->lock);
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "6"));
	restart_backend(test);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&reset.done, 10 * HZ));
	blk_mq_free_request(rq);
	scsi_device_put(sdev);
	end_writer(test, file);
}

/* A case has one log: suites cannot share them. */
#define A_SUITE(_kind, ...)							\
static struct kunit_case _kind##_cases[] = {					\
	KUNIT_CASE(write_and_read),						\
	KUNIT_CASE(lun_goes_and_comes),						\
	KUNIT_CASE(backend_restarts),						\
	KUNIT_CASE(backend_takes_less),						\
	KUNIT_CASE(backend_takes_fewer_pieces),					\
	KUNIT_CASE(backend_lies),						\
	__VA_ARGS__								\
};										\
										\
static struct kunit_suite _kind = {						\
	.name = "scsifront_" #_kind, .init = _kind##_init, .exit = pair_exit,	\
	.test_cases = _kind##_cases,						\
}

/* Those that wait for the SCSI layer's patience to end need not do so often. */
A_SUITE(staged, KUNIT_CASE(positions_are_lost), KUNIT_CASE(backend_has_another_device),
	KUNIT_CASE(command_is_aborted), KUNIT_CASE(backend_is_deaf), KUNIT_CASE(slow_command_is_waited_for),
	KUNIT_CASE(lost_command_is_aborted), KUNIT_CASE(more_than_may_be_parked_reconnects),
	KUNIT_CASE(away_is_seen),
	KUNIT_CASE(high_numbers), KUNIT_CASE(zones_are_not_written_twice),
	KUNIT_CASE(once_is_not_twice), KUNIT_CASE(an_id_cannot_be_read), KUNIT_CASE(answers_come_after_a_reset), {});
A_SUITE(direct, {});
A_SUITE(untrusted, {});
A_SUITE(published, KUNIT_CASE(answers_come_late), KUNIT_CASE(answers_come_twice), KUNIT_CASE(reconnects_with_parked),
	KUNIT_CASE(an_abort_is_not_answered),
	KUNIT_CASE(more_than_may_be_parked), KUNIT_CASE(published_backend_sleeps), {});

kunit_test_suites(&staged, &direct, &untrusted, &published);

MODULE_LICENSE("GPL");
