// SPDX-License-Identifier: GPL-2.0
/*
 * scsiback against frontends that this test plays, which do what hostile frontends have done; a case carries its row
 * in the list of such deeds. A second vhost, whose frontend behaves, works all the while, and its data is checked.
 * After each case nothing is held.
 */
#include <linux/dma-direction.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>
#include <asm/unaligned.h>
#include <scsi/scsi.h>
#define HELPERS_WANT_DEVICE
#include "ring.h"
#include "vscsiif_ext.h"
#include "../../scsiback/scsiback.h"

#include "scsi_debug.h"

#define TYPE		"vscsi"
#define PAGES		32
#define SLOTS		16
#define BLOCKS		8		/* in a page */
#define MANY		2400		/* references to one page */
#define MAX_MAPPED	2112		/* what a queue keeps mapped by default */
#define NO_GRANT	16000		/* a reference that nobody has granted */
#define PASS_LUN	1		/* scsi_debug's */

#define HOST(_code)	(XEN_VSCSIIF_RSLT_HOST_##_code << 16)

/* How the devices of a case are: what stands behind the LUN, and whether grants stay mapped. */
struct kind {
	const char *pdev;		/* NULL: scsi_debug */
	bool persistent;
};

#define LIO_ALIAS	"/sys/kernel/config/target/xen-pvscsi/naa.6001405000000001/tpgt_1/param/alias"

static const struct kind passed = { NULL, false };
static const struct kind kept = { NULL, true };
static const struct kind lio = { LIO_LUN, false };
static const struct kind good = { LIO_OTHER, false };

struct queue {
	void *mem;
	int ref;
	struct pv_ring ring;
	struct pv_stats stats;
	evtchn_port_t port;
	struct vscsiif_request written[SLOTS];	/* what stands in the slots */
};

struct guest {
	unsigned int id;
	char pdev[64];
	bool persistent;
	u32 first;			/* of the blocks that are this guest's */
	struct xenbus_device *back;
	char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];
	struct queue q[2];
	struct page *page[PAGES];
	u32 ref[PAGES];
	u32 many[MANY];
	unsigned int nr_many;
	u16 next;
	u8 seed;
	const char *leak;
};

#include "hostile.h"
#include "reader.h"

static const struct kind *kind;

/* ---- a guest's life ---- */

static void fresh_ring(struct queue *q)
{
	memset(q->mem, 0, PAGE_SIZE);
	pv_ring_init_front(&q->ring, q->mem, 1, PV_VSCSIIF_STRIDE, &q->stats);
}

static void write_keys(struct guest *g)
{
	fresh_ring(&g->q[0]);
	set_number(g->front_path, "ring-ref", g->q[0].ref);
	set_number(g->front_path, "event-channel", g->q[0].port);
	set_number(g->front_path, PV_VSCSIIF_PERSISTENT, g->persistent);
}

/* From InitWait to Connected. */
static bool connects(struct guest *g)
{
	set_key(g->front_path, "state", "3");
	if (!key_comes(g->back_path, "state", "4"))
		return false;
	set_key(g->front_path, "state", "4");
	return key_comes(g->back_path, "vscsi-devs/dev-0/state", "4");
}

static void add_lun(struct guest *g, const char *name, const char *pdev, const char *vdev)
{
	char key[64];

	snprintf(key, sizeof(key), "vscsi-devs/%s/p-dev", name);
	set_key(g->back_path, key, pdev);
	snprintf(key, sizeof(key), "vscsi-devs/%s/v-dev", name);
	set_key(g->back_path, key, vdev);
	snprintf(key, sizeof(key), "vscsi-devs/%s/state", name);
	set_key(g->back_path, key, "1");
}

static bool begin_guest(struct guest *g, unsigned int id, const struct kind *k, u32 first)
{
	unsigned int i;

	memset(g, 0, sizeof(*g));
	g->id = id;
	g->persistent = k->persistent;
	g->first = first;
	if (k->pdev)
		strscpy(g->pdev, k->pdev, sizeof(g->pdev));
	else
		debug_pdev(g->pdev, sizeof(g->pdev), PASS_LUN);
	fake_xen_path(g->front_path, FAKE_XEN_FRONT, TYPE, id);
	fake_xen_path(g->back_path, FAKE_XEN_BACK, TYPE, id);
	for (i = 0; i < PAGES; i++) {
		g->page[i] = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
		g->ref[i] = fake_xen_grant(g->page[i], false);
	}
	for (i = 0; i < ARRAY_SIZE(g->q); i++) {
		g->q[i].mem = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);
		g->q[i].ref = fake_xen_grant(virt_to_page(g->q[i].mem), false);
		g->q[i].port = fake_xen_peer_port();
	}
	write_keys(g);
	set_key(g->back_path, "online", "1");
	add_lun(g, "dev-0", g->pdev, "0:0:0:0");
	g->back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, id);
	return !IS_ERR(g->back) && key_comes(g->back_path, "state", "2") && connects(g);
}

static void end_guest(struct guest *g)
{
	unsigned int i;

	if (!IS_ERR_OR_NULL(g->back))
		fake_xen_remove_device(g->back);
	for (i = 0; i < PAGES && g->page[i]; i++) {
		fake_xen_revoke(g->ref[i]);
		__free_page(g->page[i]);
	}
	while (g->nr_many)
		fake_xen_revoke(g->many[--g->nr_many]);
	for (i = 0; i < ARRAY_SIZE(g->q) && g->q[i].mem; i++) {
		fake_xen_close_port(g->q[i].port);
		fake_xen_revoke(g->q[i].ref);
		free_page((unsigned long)g->q[i].mem);
	}
	memset(g, 0, sizeof(*g));
}

/* More references to the guest's last page. */
static void grant_many(struct kunit *test, unsigned int nr)
{
	while (hostile.nr_many < nr) {
		int ref = fake_xen_grant(hostile.page[PAGES - 1], false);

		KUNIT_ASSERT_GT(test, ref, 0);
		hostile.many[hostile.nr_many++] = ref;
	}
}

/* ---- requests and responses ---- */

static struct vscsiif_request request(struct guest *g, u8 act)
{
	struct vscsiif_request req;

	memset(&req, 0xa5, sizeof(req));
	req.rqid = ++g->next;
	req.act = act;
	req.cmd_len = 6;
	memset(req.cmnd, 0, sizeof(req.cmnd));
	req.channel = 0;
	req.id = 0;
	req.lun = 0;
	req.ref_rqid = 0;
	req.sc_data_direction = DMA_NONE;
	req.nr_segments = 0;
	return req;
}

/* READ(10) or WRITE(10) of whole pages: of blocks from the guest's first on. */
static struct vscsiif_request transfer(struct guest *g, u8 op, unsigned int page, unsigned int nr)
{
	struct vscsiif_request req = request(g, VSCSIIF_ACT_SCSI_CDB);
	unsigned int i;

	req.cmd_len = 10;
	req.cmnd[0] = op;
	put_unaligned_be32(g->first, &req.cmnd[2]);
	put_unaligned_be16(nr * BLOCKS, &req.cmnd[7]);
	req.sc_data_direction = op == WRITE_10 ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	req.nr_segments = nr;
	for (i = 0; i < nr; i++)
		req.seg[i] = (struct scsiif_request_segment) { .gref = g->ref[page + i], .length = PAGE_SIZE };
	return req;
}

static struct vscsiif_request inquiry(struct guest *g, unsigned int page, u16 len)
{
	struct vscsiif_request req = request(g, VSCSIIF_ACT_SCSI_CDB);

	req.cmnd[0] = INQUIRY;
	put_unaligned_be16(len, &req.cmnd[3]);
	req.sc_data_direction = DMA_FROM_DEVICE;
	req.nr_segments = 1;
	req.seg[0] = (struct scsiif_request_segment) { .gref = g->ref[page], .length = len };
	return req;
}

static void put_to(struct queue *q, const struct vscsiif_request *req)
{
	q->written[q->ring.prod % SLOTS] = *req;
	pv_ring_put(&q->ring, req, sizeof(*req));
}

static void put(struct guest *g, const struct vscsiif_request *req)
{
	put_to(&g->q[0], req);
}

static void push(struct queue *q)
{
	if (pv_ring_publish(&q->ring))
		fake_xen_kick_async(q->port);
}

/* row 4, for every response there is: what means nothing is zero or what the guest itself has written. */
static void look_for_leaks(struct guest *g, struct queue *q, const struct vscsiif_response *rsp)
{
	const struct vscsiif_response *old = (void *)&q->written[(q->ring.cons - 1) % SLOTS];

	if (rsp->padding)
		g->leak = "padding";
	else if (rsp->sense_len > VSCSIIF_SENSE_BUFFERSIZE)
		g->leak = "sense_len";
	else if (memchr_inv(rsp->sense_buffer + rsp->sense_len, 0, VSCSIIF_SENSE_BUFFERSIZE - rsp->sense_len))
		g->leak = "tail of the sense buffer";
	else if (memcmp(rsp->reserved, old->reserved, sizeof(rsp->reserved)) &&
		 memchr_inv(rsp->reserved, 0, sizeof(rsp->reserved)))
		g->leak = "reserved";
}

static bool take_from(struct guest *g, struct queue *q, struct vscsiif_response *rsp)
{
	unsigned long until = jiffies + 20 * HZ;

	while (!pv_ring_pending(&q->ring)) {
		if (q->ring.broken || time_after(jiffies, until))
			return false;
		usleep_range(10, 50);
	}
	pv_ring_get(&q->ring, rsp, sizeof(*rsp));
	look_for_leaks(g, q, rsp);
	return true;
}

static bool take(struct guest *g, struct vscsiif_response *rsp)
{
	return take_from(g, &g->q[0], rsp);
}

static bool call(struct guest *g, const struct vscsiif_request *req, struct vscsiif_response *rsp)
{
	put(g, req);
	push(&g->q[0]);
	return take(g, rsp) && rsp->rqid == req->rqid;
}

/* Unit attentions are what resets and new devices leave. */
static bool ready(struct guest *g)
{
	struct vscsiif_request req = request(g, VSCSIIF_ACT_SCSI_CDB);
	struct vscsiif_response rsp;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!call(g, &req, &rsp) || !rsp.rslt)
			break;
	return i < 8 && !rsp.rslt;
}

static bool moves(struct guest *g, u8 op, unsigned int page, unsigned int nr)
{
	struct vscsiif_request req = transfer(g, op, page, nr);
	struct vscsiif_response rsp;

	return call(g, &req, &rsp) && !rsp.rslt && !rsp.residual_len;
}

/* Data goes there and comes back. */
static bool works(struct guest *g)
{
	u8 seed = g->seed++ | 0x40;

	fill(g, 0, 2, seed);
	fill(g, 2, 2, 0xee);
	return moves(g, WRITE_10, 0, 2) && moves(g, READ_10, 2, 2) && filled(g, 2, 2, seed);
}

static bool serves(struct guest *g)
{
	return ready(g) && works(g);
}

static void expect_served(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, ready(&hostile));
	KUNIT_EXPECT_TRUE(test, works(&hostile));
}

static void expect_refused(struct kunit *test, const struct vscsiif_request *req, const char *what, unsigned int value)
{
	struct vscsiif_response rsp = { };

	KUNIT_ASSERT_TRUE_MSG(test, call(&hostile, req, &rsp), "%s %#x", what, value);
	KUNIT_EXPECT_EQ_MSG(test, rsp.rslt, HOST(ERROR), "%s %#x", what, value);
	KUNIT_EXPECT_EQ_MSG(test, rsp.sense_len, 0, "%s %#x", what, value);
}

/* ---- a case's beginning and end ---- */

static int begin(struct kunit *test, const struct kind *k)
{
	fake_xen_reset();
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	kind = k;
	memset(&life, 0, sizeof(life));
	KUNIT_ASSERT_TRUE_MSG(test, begin_guest(&neighbour, 7, &good, 0), "%s", fake_xen_last_error());
	wake_neighbour(test);
	KUNIT_ASSERT_TRUE_MSG(test, begin_guest(&hostile, 0, k, 1024), "%s", fake_xen_last_error());
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	return 0;
}

static int passed_init(struct kunit *test)
{
	return begin(test, &passed);
}

static int kept_init(struct kunit *test)
{
	return begin(test, &kept);
}

static int lio_init(struct kunit *test)
{
	return begin(test, &lio);
}

static void end(struct kunit *test)
{
	debug_forgets(false);
	end_guests(test);
}

/* ---- row 1: req_prod ---- */

static void row1_xsa39_req_prod_beyond(struct kunit *test)
{
	static const u32 beyond[] = { SLOTS + 1, 1U << 31, -1U };
	struct queue *q = &hostile.q[0];
	struct vscsiif_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		/* Idle, then with commands in flight. */
		WRITE_ONCE(*q->ring.my_prod, q->ring.prod + beyond[i]);
		fake_xen_kick_async(q->port);
		expect_cut_off(test);

		req = transfer(&hostile, READ_10, 0, 2);
		put(&hostile, &req);
		put(&hostile, &req);
		pv_ring_publish(&q->ring);
		/* Backwards is behind what has been seen before these two. */
		WRITE_ONCE(*q->ring.my_prod, q->ring.prod + beyond[i] - (beyond[i] == -1U ? 2 : 0));
		fake_xen_kick_async(q->port);
		expect_cut_off(test);
	}
}

/* ---- row 3: memory that changes while it is read ---- */

struct flipper {
	struct vscsiif_request *slot;
	struct scsiif_request_segment *list;
	bool stop;
	struct completion done;
};

static int flip(void *arg)
{
	struct flipper *f = arg;
	unsigned int i = 0;

	while (!READ_ONCE(f->stop)) {
		struct vscsiif_request *slot = READ_ONCE(f->slot);
		bool bad = ++i & 1;

		WRITE_ONCE(slot->cmd_len, bad ? 255 : 10);
		WRITE_ONCE(slot->sc_data_direction, bad ? 255 : DMA_FROM_DEVICE);
		WRITE_ONCE(slot->nr_segments, i % 3 ? VSCSIIF_SG_GRANT | 1 : 127);
		WRITE_ONCE(slot->seg[0].length, i % 5 ? 16 : 4096);
		WRITE_ONCE(slot->seg[0].offset, i % 7 ? 0 : 4095);
		WRITE_ONCE(slot->act, i % 11 ? VSCSIIF_ACT_SCSI_CDB : 99);
		WRITE_ONCE(slot->lun, i % 13 ? 0 : 0xffff);
		WRITE_ONCE(f->list->length, bad ? 65535 : 4096);
		WRITE_ONCE(f->list->offset, bad ? 65535 : 0);
		WRITE_ONCE(f->list->gref, i % 3 ? hostile.ref[0] : NO_GRANT);
		cond_resched();
	}
	kthread_complete_and_exit(&f->done, 0);
}

static struct scsiif_request_segment *segments(unsigned int page)
{
	return page_address(hostile.page[page]);
}

static void row3_xsa155_rewritten_at_random(struct kunit *test)
{
	struct queue *q = &hostile.q[0];
	struct vscsiif_request req = transfer(&hostile, READ_10, 0, 2);
	struct flipper f = { .slot = (void *)q->ring.slots, .list = segments(9) };
	unsigned long until = jiffies + HZ / 2;
	unsigned int rounds = 0;

	req.nr_segments = VSCSIIF_SG_GRANT | 1;
	req.seg[0] = (struct scsiif_request_segment) { .gref = hostile.ref[9], .length = 16 };
	segments(9)[1] = (struct scsiif_request_segment) { .gref = hostile.ref[1], .length = 4096 };
	init_completion(&f.done);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(flip, &f, "vscsi-flipper")));
	while (rounds <= 20 || time_before(jiffies, until)) {
		struct vscsiif_response rsp;
		u32 at = q->ring.prod % SLOTS;

		put(&hostile, &req);
		WRITE_ONCE(f.slot, (void *)(q->ring.slots + at * q->ring.stride));
		push(q);
		if (!take(&hostile, &rsp))
			break;
		rounds++;
	}
	WRITE_ONCE(f.stop, true);
	wait_for_completion(&f.done);
	/* The flipper has written into responses, too. */
	hostile.leak = NULL;
	KUNIT_EXPECT_GT(test, rounds, 20u);
	kunit_info(test, "%u rounds", rounds);
	KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
	expect_served(test);
}

/* As soon as the backend asks Xen for anything, the slot and the list have become something else. */
static void rewrite(enum fake_xen_op op, void *arg, void *data)
{
	const struct gnttab_map_grant_ref *map = arg;
	const struct gnttab_copy *copy = arg;
	struct queue *q = &hostile.q[0];
	unsigned int i;

	memset(q->ring.slots + (q->ring.prod - 1) % SLOTS * q->ring.stride, 0xff, q->ring.stride);
	/* The list is copied, or mapped and copied, before anything else. */
	if (hostile.ref[9] == (op == FAKE_XEN_COPY ? copy->source.u.ref : map->ref))
		return;
	for (i = 0; i < 5; i++)
		segments(9)[i] = (struct scsiif_request_segment) {
			.gref = hostile.ref[10], .offset = 0xffff, .length = 0xffff,
		};
}

static void row3_xsa155_rewritten_in_between(struct kunit *test)
{
	struct vscsiif_request req = transfer(&hostile, WRITE_10, 0, 4);
	struct vscsiif_response rsp;
	unsigned int i;

	still_neighbour();
	for (i = 0; i < 4; i++)
		segments(9)[i] = req.seg[i];
	req.nr_segments = VSCSIIF_SG_GRANT | 1;
	req.seg[0] = (struct scsiif_request_segment) { .gref = hostile.ref[9], .length = 32 };
	fill(&hostile, 0, 4, 'g');
	fill(&hostile, 10, 1, 'e');
	fake_xen_on_op(rewrite, NULL);
	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
	fake_xen_on_op(NULL, NULL);
	KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
	/* The slot is not what it was, nor are the bytes that nobody may have written. */
	hostile.leak = NULL;
	KUNIT_EXPECT_TRUE(test, moves(&hostile, READ_10, 4, 4));
	KUNIT_EXPECT_TRUE(test, filled(&hostile, 4, 4, 'g'));
	wake_neighbour(test);
}

/* ---- row 4: what responses tell ---- */

/* All requests of the backend's have had a long sense; all staged pages have had somebody's data. */
static void poison(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		/* An operation code that no device knows. */
		req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);
		req.cmnd[0] = 0x02;
		put(&hostile, &req);
	}
	push(&hostile.q[0]);
	for (i = 0; i < SLOTS; i++) {
		KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rslt, SAM_STAT_CHECK_CONDITION);
		KUNIT_EXPECT_GE(test, rsp.sense_len, 18);
		KUNIT_EXPECT_EQ(test, rsp.sense_buffer[2] & 0xf, ILLEGAL_REQUEST);
	}
	fill(&hostile, 0, 16, 0x99);
	KUNIT_EXPECT_TRUE(test, moves(&hostile, WRITE_10, 0, 16));
}

static void expect_result(struct kunit *test, const struct vscsiif_request *req, u32 rslt, u32 resid)
{
	struct vscsiif_response rsp = { };

	KUNIT_ASSERT_TRUE(test, call(&hostile, req, &rsp));
	KUNIT_EXPECT_EQ_MSG(test, rsp.rslt, rslt, "act %u, command %#x", req->act, req->cmnd[0]);
	KUNIT_EXPECT_EQ_MSG(test, rsp.residual_len, resid, "act %u, command %#x", req->act, req->cmnd[0]);
}

static void row4_xsa216_responses_tell_nothing(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	const u8 *data = page_address(hostile.page[20]);

	poison(test);
	/* Short data: what the device did not send is as it was. */
	fill(&hostile, 20, 1, 0xee);
	req = inquiry(&hostile, 20, 4096);
	KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
	KUNIT_EXPECT_GE(test, rsp.residual_len, 2048u);
	KUNIT_EXPECT_LT(test, rsp.residual_len, 4096u - 35);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 4096 - rsp.residual_len, 0xee, rsp.residual_len));
	KUNIT_EXPECT_NULL(test, memchr(data, 0x99, 4096));
	/* Of our own making; the page had another's data just now. */
	poison(test);
	fill(&hostile, 20, 1, 0xee);
	req = inquiry(&hostile, 20, 4096);
	req.cmd_len = 12;
	memset(req.cmnd, 0, sizeof(req.cmnd));
	req.cmnd[0] = REPORT_LUNS;
	put_unaligned_be32(4096, &req.cmnd[6]);
	expect_result(test, &req, 0, 4096 - 16);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(data), 8u);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 4, 0, 12));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 16, 0xee, 4080));

	poison(test);
	req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);
	expect_result(test, &req, 0, 0);
	req = request(&hostile, 77);
	expect_result(test, &req, HOST(ERROR), 0);
	req = transfer(&hostile, READ_10, 0, 2);
	req.cmd_len = 17;
	expect_result(test, &req, HOST(ERROR), 0);
	req = transfer(&hostile, READ_10, 0, 2);
	req.seg[1].gref = NO_GRANT;
	expect_result(test, &req, HOST(ERROR), 8192);
	req = transfer(&hostile, READ_10, 0, 2);
	req.lun = 5;
	expect_result(test, &req, HOST(NO_CONNECT), 8192);
	req = transfer(&hostile, READ_10, 0, 2);
	req.channel = 1;
	expect_result(test, &req, HOST(NO_CONNECT), 8192);
	req = request(&hostile, VSCSIIF_ACT_SCSI_ABORT);
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_FAILED, 0);
	req = request(&hostile, VSCSIIF_ACT_SCSI_RESET);
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_SUCCESS, 0);
	req.lun = 9;
	req.rqid++;
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_FAILED, 0);
	expect_served(test);
}

/* Data of a command that is refused at the last moment must not turn up in another's page. */
static void row4_xsa216_pages_of_the_refused(struct kunit *test)
{
	const u8 *data = page_address(hostile.page[20]);
	struct vscsiif_request req;
	struct vscsiif_response rsp;

	fill(&hostile, 0, 1, 0x99);
	fill(&hostile, 20, 1, 0xee);
	req = transfer(&hostile, WRITE_10, 0, 1);
	req.lun = 5;
	put(&hostile, &req);
	req = inquiry(&hostile, 20, 4096);
	req.cmd_len = 12;
	memset(req.cmnd, 0, sizeof(req.cmnd));
	req.cmnd[0] = REPORT_LUNS;
	put_unaligned_be32(4096, &req.cmnd[6]);
	put(&hostile, &req);
	push(&hostile.q[0]);
	KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, HOST(NO_CONNECT));
	KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(data), 8u);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 4, 0, 12));
}

/* ---- row 7: how much stays mapped ---- */

static void row7_xsa300_mapped_pages(struct kunit *test)
{
	struct fake_xen_held held;
	unsigned int at, i;

	grant_many(test, MANY);
	fill(&hostile, 0, 26, 'm');
	KUNIT_EXPECT_TRUE(test, moves(&hostile, WRITE_10, 0, 26));
	for (at = 0; at + 26 <= MANY; at += 26) {
		struct vscsiif_request req = transfer(&hostile, READ_10, 0, 26);
		struct vscsiif_response rsp;

		for (i = 0; i < 26; i++)
			req.seg[i].gref = hostile.many[at + i];
		fill(&hostile, PAGES - 1, 1, 0);
		KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
		/* Also when no more can be mapped. */
		KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
		KUNIT_EXPECT_TRUE(test, filled(&hostile, PAGES - 1, 1, 'm'));
	}
	fake_xen_held(&held);
	/* And the two rings. */
	KUNIT_EXPECT_LE(test, held.mappings, MAX_MAPPED + 2u);
	KUNIT_EXPECT_GE(test, held.mappings, MAX_MAPPED - 32u);
}

/* ---- row 9: storms ---- */

static void row9_xsa332_event_storm(struct kunit *test)
{
	struct fake_xen_counts before;
	unsigned long eois, until = jiffies + 10 * HZ;
	struct vscsiif_response rsp;
	struct vscsiif_request req;
	unsigned int i;

	still_neighbour();
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	before = fake_xen_counts;
	/* As long as it takes for the thread to have been there often. */
	for (i = 0; i < 500 || (fake_xen_counts.eois - before.eois < 50 && time_before(jiffies, until)); i++)
		fake_xen_kick(hostile.q[0].port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	/* One EOI each, and Xen hears that it was for nothing, from which its delay grows. */
	eois = fake_xen_counts.eois - before.eois;
	KUNIT_EXPECT_GE(test, eois, 50ul);
	KUNIT_EXPECT_GE(test, fake_xen_counts.spurious_eois - before.spurious_eois + 1, eois);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls + fake_xen_counts.map_calls,
			before.copy_calls + before.map_calls);

	/* One request to ten events. */
	before = fake_xen_counts;
	for (i = 0; i < 100; i++) {
		if (i % 10 == 0) {
			req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);
			put(&hostile, &req);
			pv_ring_publish(&hostile.q[0].ring);
		}
		fake_xen_kick(hostile.q[0].port);
		/* So that the next one is an event of its own. */
		KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	}
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_GE(test, fake_xen_counts.spurious_eois - before.spurious_eois, 80ul);
	KUNIT_EXPECT_LE(test, fake_xen_counts.spurious_eois - before.spurious_eois, 90ul);
	wake_neighbour(test);
	expect_served(test);
}

/* ---- row 11: states ---- */

static void row11_xsa350_states_in_a_loop(struct kunit *test)
{
	static const char * const states[] = { "6", "1", "3", "4", "5", "4", "6", "3", "7", "4", "8", "2", "9", "4" };
	struct vscsiif_request req;
	unsigned int i, k;

	for (i = 0; i < 12; i++) {
		for (k = 0; k < 12; k++) {
			req = transfer(&hostile, k & 1 ? WRITE_10 : READ_10, k, 4);
			put(&hostile, &req);
		}
		push(&hostile.q[0]);
		/* Not waiting for anything, or now and then. */
		for (k = 0; k < ARRAY_SIZE(states); k++) {
			set_key(hostile.front_path, "state", states[(i * 5 + k) % ARRAY_SIZE(states)]);
			if (k % 5 == i % 5)
				usleep_range(100, 1000);
		}
		KUNIT_ASSERT_TRUE_MSG(test, reconnects(&hostile), "round %u: %s", i, fake_xen_last_error());
		if (i % 4 == 3)
			expect_served(test);
	}
	/* And the quick toggle as it was reported. */
	for (i = 0; i < 30; i++) {
		req = transfer(&hostile, READ_10, 0, 4);
		fresh_ring(&hostile.q[0]);
		put(&hostile, &req);
		push(&hostile.q[0]);
		set_key(hostile.front_path, "state", "4");
		set_key(hostile.front_path, "state", "6");
	}
	KUNIT_EXPECT_TRUE_MSG(test, reconnects(&hostile), "%s", fake_xen_last_error());
	expect_served(test);
}

/* ---- row 12: references ---- */

/* In a request of 5 segments the one at @at is bad: nothing has been written, and all else goes on. */
static void bad_reference(struct kunit *test, u8 op, unsigned int at, u32 ref)
{
	struct vscsiif_request req;

	fill(&hostile, 0, 5, 'a');
	fill(&hostile, 5, 5, 'b');
	KUNIT_EXPECT_TRUE(test, moves(&hostile, WRITE_10, 0, 5));
	req = transfer(&hostile, op, 5, 5);
	req.seg[at].gref = ref;
	expect_refused(test, &req, "reference", ref);
	KUNIT_EXPECT_TRUE(test, moves(&hostile, READ_10, 10, 5));
	KUNIT_EXPECT_TRUE_MSG(test, filled(&hostile, 10, 5, 'a'), "reference %u at %u has written", ref, at);
}

static void row12_xsa36x_bad_reference(struct kunit *test)
{
	static const u32 bad[] = { 0, 3, NO_GRANT, 16384, 1 << 20, U32_MAX };
	unsigned int i;
	int readonly;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		bad_reference(test, WRITE_10, i % 5, bad[i]);
		bad_reference(test, READ_10, (i + 2) % 5, bad[i]);
	}
	bad_reference(test, WRITE_10, 0, NO_GRANT);
	bad_reference(test, WRITE_10, 2, NO_GRANT);
	bad_reference(test, WRITE_10, 4, NO_GRANT);
	/* Good for a write, not for a read. */
	readonly = fake_xen_grant(hostile.page[30], true);
	KUNIT_ASSERT_GT(test, readonly, 0);
	bad_reference(test, READ_10, 4, readonly);
	if (!hostile.persistent)
		fake_xen_revoke(readonly);
	else
		hostile.many[hostile.nr_many++] = readonly;
	expect_served(test);
}

/* A command with @nr segments in a page of segments, or several. */
static struct vscsiif_request listed(unsigned int nr)
{
	struct vscsiif_request req = transfer(&hostile, READ_10, 0, 1);
	unsigned int i;

	put_unaligned_be16(nr * BLOCKS, &req.cmnd[7]);
	for (i = 0; i < nr; i++)
		segments(20 + i / 512)[i % 512] = (struct scsiif_request_segment) {
			.gref = hostile.many[i], .length = PAGE_SIZE,
		};
	req.nr_segments = VSCSIIF_SG_GRANT | DIV_ROUND_UP(nr, 512);
	for (i = 0; i < DIV_ROUND_UP(nr, 512); i++)
		req.seg[i] = (struct scsiif_request_segment) {
			.gref = hostile.ref[20 + i],
			.length = min(nr - i * 512, 512u) * sizeof(req.seg[0]),
		};
	return req;
}

static void row12_xsa36x_bad_reference_in_a_list(struct kunit *test)
{
	static const unsigned int at[] = { 0, 1, 31, 32, 255, 256, 400, 511 };
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	grant_many(test, 600);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		req = listed(512);
		segments(20)[at[i]].gref = i & 1 ? NO_GRANT : U32_MAX;
		expect_refused(test, &req, "reference in a list at", at[i]);
	}
	/* Every one of them, and the list's own. */
	req = listed(512);
	for (i = 0; i < 512; i++)
		segments(20)[i].gref = NO_GRANT + i % 100;
	expect_refused(test, &req, "references in a list", 512);
	req = listed(512);
	req.seg[0].gref = NO_GRANT;
	expect_refused(test, &req, "reference of a list", 0);
	req = listed(600);
	req.seg[1].gref = U32_MAX;
	expect_refused(test, &req, "reference of a list", 1);
	req = listed(600);
	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
	expect_served(test);
}

/* Xen refuses what a good guest asks for. */
static void row12_xsa361_xen_refuses(struct kunit *test)
{
	struct vscsiif_request req;
	unsigned int i, good = 0;

	still_neighbour();
	grant_many(test, 100);
	for (i = 0; i < 20; i++) {
		struct vscsiif_response rsp = { };

		fake_xen_fail_ops(FAKE_XEN_COPY, i % 7, i % 3, GNTST_bad_page);
		fake_xen_fail_ops(FAKE_XEN_MAP, i % 5, i % 4, GNTST_no_device_space);
		if (i % 4 == 3)
			fake_xen_fail_calls(FAKE_XEN_MAP, 1, -EFAULT);
		if (i % 6 == 5)
			fake_xen_fail_alloc_pages(0, 1);
		req = listed(40 + i);
		KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
		KUNIT_EXPECT_TRUE(test, !rsp.rslt || rsp.rslt == HOST(ERROR));
		good += !rsp.rslt;
	}
	fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
	fake_xen_fail_ops(FAKE_XEN_MAP, 0, 0, 0);
	fake_xen_fail_calls(FAKE_XEN_MAP, 0, 0);
	fake_xen_fail_alloc_pages(0, 0);
	KUNIT_EXPECT_GT(test, good, 0u);
	wake_neighbour(test);
	expect_served(test);
}

/* ---- row 18: connections that cannot be ---- */

/* One try with the keys as they are; then with good ones. */
static void expect_no_connection(struct kunit *test, const char *what, const char *value)
{
	set_key(hostile.front_path, "state", "3");
	KUNIT_EXPECT_TRUE_MSG(test, key_comes(hostile.back_path, "state", "5"), "%s \"%s\"", what, value);
	KUNIT_EXPECT_STRNEQ_MSG(test, fake_xen_last_error(), "", "%s \"%s\"", what, value);
	fake_xen_fail_step(FAKE_XEN_MAP_RING, 0, 0, 0);
	fake_xen_fail_step(FAKE_XEN_BIND, 0, 0, 0);
	set_key(hostile.front_path, PV_VSCSIIF_NUM_QUEUES, NULL);
	set_key(hostile.front_path, PV_VSCSIIF_ORDER, NULL);
	set_key(hostile.front_path, "queue-0", NULL);
	set_key(hostile.front_path, "queue-1", NULL);
	KUNIT_ASSERT_TRUE_MSG(test, reconnects(&hostile), "after %s \"%s\": %s", what, value, fake_xen_last_error());
}

static void write_queue(unsigned int i)
{
	char key[32];

	fresh_ring(&hostile.q[i]);
	snprintf(key, sizeof(key), "queue-%u/ring-ref", i);
	set_number(hostile.front_path, key, hostile.q[i].ref);
	snprintf(key, sizeof(key), "queue-%u/event-channel", i);
	set_number(hostile.front_path, key, hostile.q[i].port);
}

static void two_queues(void)
{
	set_key(hostile.front_path, PV_VSCSIIF_NUM_QUEUES, "2");
	write_queue(0);
	write_queue(1);
}

static void row18_connect_fails(struct kunit *test)
{
	expect_no_connection_by_keys(test);
	/* Somebody else's. */
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	set_number(hostile.front_path, "event-channel", neighbour.q[0].port);
	expect_no_connection(test, "event-channel", "the neighbour's");
	/* A ring that is nonsense before anybody has used it. */
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	fresh_ring(&hostile.q[0]);
	*hostile.q[0].ring.my_prod = SLOTS + 1;
	expect_no_connection(test, "req_prod", "too far");
	expect_served(test);
}

static void row18_second_queue_fails(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	set_key(hostile.front_path, "queue-1/ring-ref", "16000");
	expect_no_connection(test, "queue-1/ring-ref", "16000");

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	set_key(hostile.front_path, "queue-1/ring-ref", NULL);
	expect_no_connection(test, "queue-1/ring-ref", "missing");

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	set_key(hostile.front_path, "queue-1/event-channel", "1023");
	expect_no_connection(test, "queue-1/event-channel", "1023");

	/* The first one's once more. */
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	set_number(hostile.front_path, "queue-1/event-channel", hostile.q[0].port);
	expect_no_connection(test, "queue-1/event-channel", "the first queue's");

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	fake_xen_fail_step(FAKE_XEN_MAP_RING, 1, 1, -ENOMEM);
	expect_no_connection(test, "second ring", "not mapped");

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	fake_xen_fail_step(FAKE_XEN_BIND, 1, 1, -ENOSPC);
	set_key(hostile.front_path, "state", "3");
	/* That is no fault of the guest's: the next try has it. */
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "state", "4"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "cannot bind"));
	set_key(hostile.front_path, PV_VSCSIIF_NUM_QUEUES, NULL);
	set_key(hostile.front_path, PV_VSCSIIF_ORDER, NULL);
	KUNIT_ASSERT_TRUE(test, reconnects(&hostile));
	expect_served(test);

	/* As it should be: both rings serve, and an abort goes over its command's. */
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	KUNIT_ASSERT_TRUE_MSG(test, connects(&hostile), "%s", fake_xen_last_error());
	{
		struct vscsiif_request req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);
		struct vscsiif_response rsp;

		put_to(&hostile.q[1], &req);
		push(&hostile.q[1]);
		KUNIT_ASSERT_TRUE(test, take_from(&hostile, &hostile.q[1], &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rqid, req.rqid);
	}
	expect_served(test);
}

/* ---- row 19: statistics ---- */

static void row19_statistics_while_it_cycles(struct kunit *test)
{
#define FILE(name) "/sys/bus/xen-backend/devices/vscsi-1-0/statistics/" name
	static const char * const files[] = {
		FILE("oo_req"), FILE("rd_req"), FILE("wr_req"), FILE("other_req"), FILE("tmf_req"),
		FILE("denied_req"), FILE("rd_sect"), FILE("wr_sect"), "/sys/kernel/debug/pvsplit/vscsi-1-0", NULL
	};
#undef FILE
	unsigned int i;

	begin_reading(test, files);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
		KUNIT_EXPECT_TRUE(test, ready(&hostile) && works(&hostile));
		if (i % 3)
			continue;
		/* The vhost itself goes and comes. */
		fake_xen_remove_device(hostile.back);
		set_key(hostile.back_path, "state", "1");
		set_key(hostile.front_path, "state", "1");
		write_keys(&hostile);
		set_key(hostile.back_path, "vscsi-devs/dev-0/state", "1");
		hostile.back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, hostile.id);
		KUNIT_ASSERT_FALSE(test, IS_ERR(hostile.back));
		KUNIT_ASSERT_TRUE_MSG(test, connects(&hostile), "%s", fake_xen_last_error());
	}
	end_reading(test);
}

/* ---- row 20: numbers ---- */

static void row20_bad_numbers(struct kunit *test)
{
	static const char * const queues[] = {
		"0", "-1", "3", "abc", "4294967296", "18446744073709551616", "", "1 ", "0x1", "1e9",
	};
	static const char * const orders[] = { "5", "-1", "1", "4", "abc", "4294967296", "255" };
	static const char * const persistent[] = { "2", "-1", "yes" };
	char name[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, PV_VSCSIIF_NUM_QUEUES, queues[i]);
		expect_no_connection(test, PV_VSCSIIF_NUM_QUEUES, queues[i]);
	}
	/* Without the keys of more pages than one. */
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, PV_VSCSIIF_ORDER, orders[i]);
		expect_no_connection(test, PV_VSCSIIF_ORDER, orders[i]);
	}
	for (i = 0; i < ARRAY_SIZE(persistent); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, PV_VSCSIIF_PERSISTENT, persistent[i]);
		expect_no_connection(test, PV_VSCSIIF_PERSISTENT, persistent[i]);
	}
	/* vscsiif has one layout for all, and no such key. */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	write_keys(&hostile);
	set_key(hostile.front_path, "protocol", name);
	KUNIT_EXPECT_TRUE_MSG(test, connects(&hostile), "%s", fake_xen_last_error());
	expect_served(test);
}

/* ---- row 21: fields of vscsiif ---- */

/* As expect_refused(), a ring's worth at a time; NULL: those that are left. */
static void refused_later(struct kunit *test, const struct vscsiif_request *req)
{
	struct queue *q = &hostile.q[0];
	struct vscsiif_response rsp;

	if (req)
		put(&hostile, req);
	if (req && pv_ring_room(&q->ring))
		return;
	push(q);
	while (q->ring.cons != q->ring.prod) {
		const struct vscsiif_request *old = &q->written[q->ring.cons % SLOTS];
		u8 field[] = { old->act, old->cmd_len, old->sc_data_direction, old->nr_segments };

		KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rqid, old->rqid);
		KUNIT_EXPECT_EQ_MSG(test, rsp.rslt, HOST(ERROR), "%*ph", 4, field);
	}
}

static void row21_fields(struct kunit *test)
{
	static const u8 acts[] = { 0, 4, 5, 6, 0x7f, 0xff };
	struct vscsiif_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		req = transfer(&hostile, READ_10, 0, 2);
		req.act = acts[i];
		refused_later(test, &req);
	}
	for (i = 0; i < 256; i++) {
		if (i >= 1 && i <= VSCSIIF_MAX_COMMAND_SIZE)
			continue;
		req = transfer(&hostile, READ_10, 0, 2);
		req.cmd_len = i;
		refused_later(test, &req);
	}
	for (i = 0; i < 256; i++) {
		if (i >= DMA_TO_DEVICE && i <= DMA_NONE)
			continue;
		req = transfer(&hostile, READ_10, 0, 2);
		req.sc_data_direction = i;
		refused_later(test, &req);
	}
	for (i = VSCSIIF_SG_TABLESIZE + 1; i < 128; i++) {
		req = transfer(&hostile, READ_10, 0, 26);
		req.nr_segments = i;
		refused_later(test, &req);
		req.nr_segments = VSCSIIF_SG_GRANT | i;
		req.rqid = ++hostile.next;
		refused_later(test, &req);
	}
	req = transfer(&hostile, READ_10, 0, 2);
	req.nr_segments = VSCSIIF_SG_GRANT;
	refused_later(test, &req);
	refused_later(test, NULL);
	expect_served(test);
}

static void row21_segments(struct kunit *test)
{
	static const struct { u16 offset, length; } bad[] = {
		{ 0, 0 }, { 0, 4097 }, { 1, 4096 }, { 4095, 2 }, { 4096, 0 }, { 4096, 1 }, { 65535, 65535 },
		{ 0, 65535 }, { 65535, 1 },
	};
	static const struct { u16 offset, length; } list[] = {
		{ 0, 0 }, { 0, 4 }, { 0, 7 }, { 0, 9 }, { 0, 4095 }, { 0, 4104 }, { 0, 65528 }, { 8, 4096 },
		{ 4088, 16 }, { 65528, 8 }, { 65535, 65528 },
	};
	struct vscsiif_request req;
	unsigned int i, at;

	grant_many(test, 600);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		for (at = 0; at < 3; at++) {
			req = transfer(&hostile, at & 1 ? READ_10 : WRITE_10, 0, 3);
			req.seg[at].offset = bad[i].offset;
			req.seg[at].length = bad[i].length;
			expect_refused(test, &req, "segment", bad[i].offset << 16 | bad[i].length);
			/* The same in a page of segments. */
			req = listed(3);
			segments(20)[at].offset = bad[i].offset;
			segments(20)[at].length = bad[i].length;
			expect_refused(test, &req, "segment in a list", bad[i].offset << 16 | bad[i].length);
		}
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		req = listed(600);
		req.seg[i & 1].offset = list[i].offset;
		req.seg[i & 1].length = list[i].length;
		expect_refused(test, &req, "list", list[i].offset << 16 | list[i].length);
	}
	/* More than was offered. */
	req = listed(600);
	req.nr_segments = VSCSIIF_SG_GRANT | 3;
	req.seg[2] = req.seg[0];
	expect_refused(test, &req, "segments", 512 + 88 + 512);
	expect_served(test);
}

/* The command says one thing, its data another: the device has to cope, and nothing beside the data is touched. */
static void row21_data_and_command_differ(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		req = transfer(&hostile, i & 1 ? READ_10 : WRITE_10, 0, 1 + i % 3);
		put_unaligned_be16(i & 2 ? 1000 : 1, &req.cmnd[7]);
		if (i & 4)
			req.sc_data_direction ^= DMA_TO_DEVICE ^ DMA_FROM_DEVICE;
		if (i & 8)
			req.seg[0].length = 100;
		if (i & 16)
			req.sc_data_direction = DMA_NONE;
		if (i & 32)
			put_unaligned_be32(0x7fffffff, &req.cmnd[2]);
		fill(&hostile, 3, 2, 0xdd);
		KUNIT_ASSERT_TRUE_MSG(test, call(&hostile, &req, &rsp), "variant %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, filled(&hostile, 3, 2, 0xdd), "variant %u", i);
	}
	expect_served(test);
}

static struct vscsiif_request abort_of(u16 rqid)
{
	struct vscsiif_request req = request(&hostile, VSCSIIF_ACT_SCSI_ABORT);

	req.ref_rqid = rqid;
	return req;
}

static void row21_aborts_of_nothing(struct kunit *test)
{
	struct vscsiif_request req;
	u16 own;

	/* Never heard of; done long ago; itself; another abort. */
	req = abort_of(0xdead);
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_FAILED, 0);
	KUNIT_EXPECT_TRUE(test, works(&hostile));
	req = abort_of(hostile.next);
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_FAILED, 0);
	own = hostile.next + 1;
	req = abort_of(own);
	KUNIT_EXPECT_EQ(test, req.rqid, own);
	expect_result(test, &req, XEN_VSCSIIF_RSLT_RESET_FAILED, 0);
	req = abort_of(0xdead);
	put(&hostile, &req);
	req = abort_of(req.rqid);
	put(&hostile, &req);
	push(&hostile.q[0]);
	{
		struct vscsiif_response rsp;
		unsigned int i;

		for (i = 0; i < 2; i++) {
			KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
			KUNIT_EXPECT_EQ(test, rsp.rslt, XEN_VSCSIIF_RSLT_RESET_FAILED);
		}
	}
	expect_served(test);
}

static void row21_resets_in_a_loop(struct kunit *test)
{
	unsigned int round, i, done = 0;
	struct vscsiif_request req;
	struct vscsiif_response rsp;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < SLOTS; i++) {
			/* Resets, commands between them, aborts of those. */
			req = i % 3 == 0 ? request(&hostile, VSCSIIF_ACT_SCSI_RESET) :
			      i % 3 == 1 ? transfer(&hostile, READ_10, i, 2) : abort_of(req.rqid);
			put(&hostile, &req);
		}
		push(&hostile.q[0]);
		for (i = 0; i < SLOTS; i++) {
			KUNIT_ASSERT_TRUE_MSG(test, take(&hostile, &rsp), "round %u, response %u", round, i);
			done += rsp.rslt == XEN_VSCSIIF_RSLT_RESET_SUCCESS;
		}
	}
	KUNIT_EXPECT_GE(test, done, 10u);
	expect_served(test);
}

/* ---- commands that a device has forgotten ---- */

static void forget(struct kunit *test, unsigned int nr)
{
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	for (i = 0; i < nr; i++) {
		struct vscsiif_request req = transfer(&hostile, READ_10, 0, 2);

		put(&hostile, &req);
	}
	push(&hostile.q[0]);
	msleep(50);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 0u);
}

static void expect_response(struct kunit *test, u16 rqid, u32 rslt)
{
	struct vscsiif_response rsp = { };

	KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rqid, rqid);
	KUNIT_EXPECT_EQ(test, rsp.rslt, rslt);
}

static void row21_abort_reaches_the_device(struct kunit *test)
{
	struct vscsiif_request req;
	u16 first;

	forget(test, 3);
	first = hostile.next - 2;
	req = abort_of(first + 1);
	put(&hostile, &req);
	push(&hostile.q[0]);
	/* First the command, then the abort; and only once. */
	expect_response(test, first + 1, HOST(ABORT));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	req = abort_of(first + 1);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_FAILED);
	/* Twice at once: the second one finds it going. */
	req = abort_of(first);
	put(&hostile, &req);
	req = abort_of(first);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_FAILED);
	expect_response(test, first, HOST(ABORT));
	expect_response(test, req.rqid - 1, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	/* A reset takes the rest, which is to be done once more: nobody wanted it aborted. */
	req = request(&hostile, VSCSIIF_ACT_SCSI_RESET);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, first + 2, HOST(RESET));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	expect_served(test);
}

/* A driver without an abort: the error handler would stop the whole host, the neighbour's LUN with it. */
static void row21_abort_without_a_driver(struct kunit *test)
{
	struct Scsi_Host *host = debug_host();
	struct scsi_host_template *hostt = (struct scsi_host_template *)host->hostt;
	int (*handler)(struct scsi_cmnd *) = hostt->eh_abort_handler;
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	u16 lost;

	hostt->eh_abort_handler = NULL;
	forget(test, 1);
	lost = hostile.next;
	req = abort_of(lost);
	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, XEN_VSCSIIF_RSLT_RESET_FAILED);
	KUNIT_EXPECT_FALSE(test, scsi_host_in_recovery(host));
	/* Another one can be, when it can. */
	hostt->eh_abort_handler = handler;
	req = abort_of(lost);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, lost, HOST(ABORT));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	scsi_host_put(host);
}

static bool find_started(struct request *rq, void *data)
{
	struct request **found = data;

	*found = rq;
	return false;
}

/* An abort that comes when the SCSI layer does not look is made once more. */
static void row21_abort_is_lost(struct kunit *test)
{
	struct Scsi_Host *host = debug_host();
	struct request *rq = NULL;
	struct vscsiif_request req;
	bool ended;
	u16 lost;

	forget(test, 1);
	lost = hostile.next;
	blk_mq_tagset_busy_iter(&host->tag_set, find_started, &rq);
	KUNIT_ASSERT_NOT_NULL(test, rq);
	rq->rq_flags |= RQF_TIMED_OUT;
	req = abort_of(lost);
	put(&hostile, &req);
	push(&hostile.q[0]);
	msleep(200);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 0u);
	/* What blk_mq_start_request() writes over it. */
	WRITE_ONCE(rq->deadline, jiffies + 3600 * HZ);
	rq->rq_flags &= ~RQF_TIMED_OUT;
	req = abort_of(lost);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_FAILED);
	ended = COMES_TRUE(pv_ring_pending(&hostile.q[0].ring) == 2);
	KUNIT_EXPECT_TRUE(test, ended);
	/* Nobody is to wait for an hour. */
	if (!ended)
		blk_abort_request(rq);
	expect_response(test, lost, HOST(ABORT));
	expect_response(test, req.rqid - 1, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	expect_served(test);
	scsi_host_put(host);
}

/* One that the SCSI layer has not given to the device yet. */
static void row21_abort_of_one_that_queues(struct kunit *test)
{
	struct scsi_device *sdev = debug_device(PASS_LUN);
	struct vscsiif_request req;
	unsigned int i;
	u16 first;

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	KUNIT_ASSERT_EQ(test, scsi_internal_device_block_nowait(sdev), 0);
	for (i = 0; i < 2; i++) {
		req = transfer(&hostile, READ_10, 0, 2);
		put(&hostile, &req);
	}
	first = req.rqid - 1;
	push(&hostile.q[0]);
	msleep(50);
	req = abort_of(first + 1);
	put(&hostile, &req);
	push(&hostile.q[0]);
	msleep(50);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 0u);
	/* The device gets both, and forgets them. One has no time left; the other has a minute. */
	KUNIT_ASSERT_EQ(test, scsi_internal_device_unblock_nowait(sdev, SDEV_RUNNING), 0);
	scsi_device_put(sdev);
	expect_response(test, first + 1, HOST(ABORT));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 0u);
	req = abort_of(first);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, first, HOST(ABORT));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	expect_served(test);
}

/* More commands than the host adapter has room for (see "max_queue" in tests/kunit/run): some wait with us. */
static void row21_abort_of_one_that_waits(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;
	u16 last;

	forget(test, 12);
	last = hostile.next;
	req = abort_of(last);
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_response(test, last, HOST(ABORT));
	expect_response(test, req.rqid, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	req = request(&hostile, VSCSIIF_ACT_SCSI_RESET);
	put(&hostile, &req);
	push(&hostile.q[0]);
	for (i = 0; i < 12; i++)
		KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.rslt, XEN_VSCSIIF_RSLT_RESET_SUCCESS);
	expect_served(test);
}

/* How often the backend's thread has gone to sleep. */
static unsigned long sleeps(struct kunit *test)
{
	struct task_struct *p;
	unsigned long n = 0;
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "vscsi-1-%u-0", hostile.id);
	rcu_read_lock();
	for_each_process(p)
		if (!strcmp(p->comm, name))
			n = READ_ONCE(p->nvcsw);
	rcu_read_unlock();
	KUNIT_EXPECT_NE(test, n, 0ul);
	return n;
}

/* Those that wait cost nothing: they are looked at when one has ended, and now and then. */
static void waiting_is_no_work(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned long before;
	unsigned int i;

	forget(test, 12);
	before = sleeps(test);
	msleep(300);
	KUNIT_EXPECT_LT(test, sleeps(test) - before, 60ul);
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	req = request(&hostile, VSCSIIF_ACT_SCSI_RESET);
	put(&hostile, &req);
	push(&hostile.q[0]);
	for (i = 0; i < 13; i++)
		KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	expect_served(test);
}

/* The vhost must be able to go while its device does nothing: nobody else's devices wait for ever. */
static void a_lun_goes_with_a_command(struct kunit *test)
{
	struct vscsiif_response rsp;
	unsigned int i;

	forget(test, 2);
	set_key(hostile.back_path, "vscsi-devs/dev-0/state", "5");
	set_key(hostile.front_path, "state", "7");
	for (i = 0; i < 30 && !key_is(hostile.back_path, "vscsi-devs/dev-0/state", "6"); i++)
		ssleep(1);
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/dev-0/state", "6"));
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rslt, HOST(RESET));
	}
}

static void a_vhost_goes_with_a_command(struct kunit *test)
{
	struct vscsiif_request req;
	unsigned int i;

	forget(test, 2);
	/* An abort is under way, too. */
	req = abort_of(hostile.next);
	put(&hostile, &req);
	push(&hostile.q[0]);
	set_key(hostile.front_path, "state", "6");
	for (i = 0; i < 30 && !key_is(hostile.back_path, "state", "6"); i++)
		ssleep(1);
	KUNIT_ASSERT_TRUE(test, key_is(hostile.back_path, "state", "6"));
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
	expect_served(test);
}

/* ---- LUNs that cannot be ---- */

static void bad_luns(struct kunit *test)
{
	static const char * const vdev[] = {
		"", "0", "0:0:0", "0:0:0:0", "0:1:0:1", "0:0:65536:0", "0:0:0:16384", "0:0:4294967297:1",
		"0:0:0:4294967297", "-1:0:0:1", "0:0:-1:1", "a:b:c:d", "0:0:0:1:2", "0:0:0:1 ",
		"00000000000000000000000000000000000000000000000000000000000000000000:0:0:1",
	};
	static const char * const pdev[] = {
		"", "0", ":", "::::", "0:0:0", "999:0:0:0", "naa.0000000000000000:0", "naa.6001405000000001:9",
		"naa.6001405000000001:x", "naa.6001405000000001", "4294967296:0:0:0", "0:0:0:0:0", "/dev/sda",
	};
	char name[64], long_pdev[300];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vdev); i++) {
		snprintf(name, sizeof(name), "v-%u", i);
		add_lun(&hostile, name, LIO_LUN, vdev[i]);
	}
	for (i = 0; i < ARRAY_SIZE(pdev); i++) {
		snprintf(name, sizeof(name), "p-%u", i);
		add_lun(&hostile, name, pdev[i], "0:0:0:7");
	}
	memset(long_pdev, '1', sizeof(long_pdev) - 1);
	long_pdev[sizeof(long_pdev) - 1] = 0;
	add_lun(&hostile, "long", long_pdev, "0:0:0:7");
	/* A device that is given away already. */
	add_lun(&hostile, "twice", hostile.pdev, "0:0:0:8");
	add_lun(&hostile, "a-name-that-is-longer-than-anybody-needs", LIO_LUN, "0:0:0:9");
	add_lun(&hostile, "good", LIO_LUN, "0:0:3:10");
	set_key(hostile.front_path, "state", "7");
	KUNIT_ASSERT_TRUE(test, key_comes(hostile.back_path, "state", "8"));
	for (i = 0; i < ARRAY_SIZE(vdev); i++) {
		snprintf(name, sizeof(name), "vscsi-devs/v-%u/state", i);
		KUNIT_EXPECT_TRUE_MSG(test, key_is(hostile.back_path, name, "6"), "v-dev \"%s\"", vdev[i]);
	}
	for (i = 0; i < ARRAY_SIZE(pdev); i++) {
		snprintf(name, sizeof(name), "vscsi-devs/p-%u/state", i);
		KUNIT_EXPECT_TRUE_MSG(test, key_is(hostile.back_path, name, "6"), "p-dev \"%s\"", pdev[i]);
	}
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/long/state", "6"));
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/twice/state", "6"));
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/good/state", "3"));
	set_key(hostile.front_path, "state", "4");
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "vscsi-devs/good/state", "4"));
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/dev-0/state", "4"));
	expect_served(test);
}

/* The guest says that it could not take a LUN, or says so of all, or writes nonsense. */
static void guest_refuses_luns(struct kunit *test)
{
	set_key(hostile.front_path, "vscsi-devs/dev-0/state", "banana");
	add_lun(&hostile, "dev-1", LIO_LUN, "0:0:1:1");
	set_key(hostile.front_path, "vscsi-devs/dev-1/state", "6");
	set_key(hostile.front_path, "state", "7");
	KUNIT_ASSERT_TRUE(test, key_comes(hostile.back_path, "state", "8"));
	set_key(hostile.front_path, "state", "4");
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "vscsi-devs/dev-1/state", "6"));
	KUNIT_EXPECT_TRUE(test, key_is(hostile.back_path, "vscsi-devs/dev-0/state", "4"));
	expect_served(test);
}

/* ---- LUNs that the toolstack wants back ---- */

static void set_lun(struct guest *g, const char *name, const char *key, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "vscsi-devs/%s/%s", name, key);
	set_key(g->back_path, path, value);
}

static bool lun_is(struct guest *g, const char *name, const char *state)
{
	char path[64];

	snprintf(path, sizeof(path), "vscsi-devs/%s/state", name);
	return key_is(g->back_path, path, state);
}

/* The guest's driver does what it is asked to. */
static bool reconfigures(struct guest *g)
{
	set_key(g->front_path, "state", "7");
	if (!key_comes(g->back_path, "state", "8"))
		return false;
	set_key(g->front_path, "state", "4");
	return key_comes(g->back_path, "state", "4");
}

static bool takes_lun(struct guest *g, const char *name, const char *pdev, const char *vdev)
{
	add_lun(g, name, pdev, vdev);
	return reconfigures(g) && lun_is(g, name, "4");
}

/* As pv-scsi does; the guest has @seconds. */
static void want_back(struct guest *g, const char *name, const char *seconds)
{
	set_lun(g, name, "pvsplit-patience", seconds);
	set_lun(g, name, "state", "5");
	set_key(g->back_path, "state", "7");
}

static u32 result_of(struct guest *g, u16 lun)
{
	struct vscsiif_request req = transfer(g, READ_10, 0, 2);
	struct vscsiif_response rsp = { .rslt = ~0 };
	unsigned int i;

	req.lun = lun;
	/* Unit attentions are what new devices have. */
	for (i = 0; i < 8; i++) {
		req.rqid = ++g->next;
		if (!call(g, &req, &rsp) || rsp.rslt != SAM_STAT_CHECK_CONDITION)
			break;
	}
	return rsp.rslt;
}

/* The guest does not answer, and goes on with its I/O. */
static void a_guest_keeps_a_lun(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	want_back(&hostile, "dev-0", "1");
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 0), 0u);
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "5"));
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-0", "6")));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 0), HOST(NO_CONNECT));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 1), 0u);
	/* Nobody waits for the guest any more. */
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "state", "4"));
	/* The other one too, the same way; who asks twice has it no sooner. */
	want_back(&hostile, "dev-1", "1");
	msleep(100);
	/* Whatever it says of itself. */
	set_key(hostile.front_path, "state", "3");
	want_back(&hostile, "dev-1", "1");
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-1", "6")));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 1), HOST(NO_CONNECT));
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "state", "4"));
	set_key(hostile.front_path, "state", "4");
	/* Both devices are free, and the guest is served again. */
	set_key(hostile.back_path, "vscsi-devs/dev-0", NULL);
	KUNIT_EXPECT_TRUE(test, takes_lun(&hostile, "dev-2", hostile.pdev, "0:0:0:0"));
	expect_served(test);
}

static void a_lun_is_wanted_back_no_more(struct kunit *test)
{
	want_back(&hostile, "dev-0", "1");
	msleep(500);
	set_lun(&hostile, "dev-0", "state", "4");
	set_key(hostile.back_path, "state", "4");
	msleep(1500);
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "4"));
	expect_served(test);
	/* The time begins anew. */
	want_back(&hostile, "dev-0", "1");
	msleep(500);
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "5"));
	expect_served(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-0", "6")));
}

/* Without a word, and with the guest's command at a device that does nothing. */
static void an_entry_vanishes(struct kunit *test)
{
	u16 forgotten;

	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	forget(test, 1);
	forgotten = hostile.next;
	set_key(hostile.back_path, "vscsi-devs/dev-0", NULL);
	settle();
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 0), HOST(NO_CONNECT));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 1), 0u);
	expect_response(test, forgotten, HOST(RESET));
	settle();
	/* It has not come back. */
	KUNIT_EXPECT_STREQ(test, key_value(hostile.back_path, "vscsi-devs/dev-0/state"), "");
	KUNIT_ASSERT_TRUE(test, debug_forgets(false));
	KUNIT_EXPECT_TRUE(test, takes_lun(&hostile, "dev-0", hostile.pdev, "0:0:0:0"));
	expect_served(test);
}

/* The newest host's first LUN. */
static char *newest_pdev(char *buf, size_t size)
{
	struct Scsi_Host *host;
	unsigned int i, last = 999;

	for (i = 0; i < 100; i++) {
		host = scsi_host_lookup(i);
		if (host && !strcmp(host->hostt->name, "SCSI DEBUG"))
			last = i;
		if (host)
			scsi_host_put(host);
	}
	snprintf(buf, size, "%u:0:0:0", last);
	return buf;
}

/* It is pulled out of this domain: the guest is asked to let it go, as if the toolstack did. */
static void a_device_vanishes(struct kunit *test)
{
	char pdev[64];

	KUNIT_ASSERT_TRUE(test, debug_set("add_host", "1"));
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", newest_pdev(pdev, sizeof(pdev)), "0:0:1:0"));
	KUNIT_ASSERT_TRUE(test, debug_set("add_host", "-1"));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-1", "5")));
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "state", "7"));
	KUNIT_EXPECT_TRUE(test, reconfigures(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-1", "6"));
	expect_served(test);
	/* Nobody is there to be asked. */
	KUNIT_ASSERT_TRUE(test, debug_set("add_host", "1"));
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-2", newest_pdev(pdev, sizeof(pdev)), "0:0:1:0"));
	set_key(hostile.front_path, "state", "6");
	KUNIT_ASSERT_TRUE(test, key_comes(hostile.back_path, "state", "6"));
	KUNIT_ASSERT_TRUE(test, debug_set("add_host", "-1"));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-2", "6")));
	KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
	expect_served(test);
}

/* As its administrator does it, in the directory of LIO's first LUN. */
static int at_lio_lun(const char *command)
{
	char what[256], *argv[] = { "/bin/busybox", "sh", "-c", what, NULL }, *envp[] = { "PATH=/bin", NULL };

	snprintf(what, sizeof(what), "cd /sys/kernel/config/target/xen-pvscsi/%.20s/tpgt_1/lun/lun_0 && %s", LIO_LUN,
		 command);
	return call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC);
}

/* The same with a LUN that is taken out of its group. LIO tells those that stay, by a unit attention. */
static void a_lun_of_lio_vanishes(struct kunit *test)
{
	unsigned int i;

	still_neighbour();
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:1:0"));
	KUNIT_ASSERT_EQ(test, 0, at_lio_lun("rm memory"));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(lun_is(&hostile, "dev-1", "5")));
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "state", "7"));
	KUNIT_EXPECT_TRUE(test, reconfigures(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-1", "6"));
	expect_served(test);
	KUNIT_ASSERT_EQ(test, 0, at_lio_lun("ln -s /sys/kernel/config/target/core/rd_mcp_0/memory memory"));
	KUNIT_EXPECT_TRUE(test, takes_lun(&hostile, "dev-2", LIO_LUN, "0:0:1:0"));
	for (i = 0; i < 3 && !serves(&neighbour); i++)
		;
	KUNIT_EXPECT_LT(test, i, 3u);
}

/* One of two has a command that does not end: the other one goes at once, and the guest's driver has its answer. */
static void a_hung_lun_is_alone(struct kunit *test)
{
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	forget(test, 1);
	want_back(&hostile, "dev-0", "20");
	want_back(&hostile, "dev-1", "20");
	KUNIT_EXPECT_TRUE(test, reconfigures(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-1", "6"));
	/* Not before nobody uses the device any more. */
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "5"));
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 0u);
	KUNIT_EXPECT_TRUE(test, takes_lun(&hostile, "dev-2", LIO_LUN, "0:0:0:2"));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 0), HOST(NO_CONNECT));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 2), 0u);
	for (i = 0; i < 20 && !lun_is(&hostile, "dev-0", "6"); i++)
		ssleep(1);
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "6"));
	KUNIT_EXPECT_EQ(test, pv_ring_pending(&hostile.q[0].ring), 1u);
}

/* Small commands to LUN 1 go on. */
static void expect_lun_1_served(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		req = transfer(&hostile, READ_10, 0, 8);
		req.lun = 1;
		KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rslt, 0u);
	}
}

/* Its commands hold the pages that all LUNs share: most of them, not all. */
static void a_hung_lun_leaves_pages(struct kunit *test)
{
	struct vscsiif_request req;
	unsigned int i;

	grant_many(test, 1024);
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	req = listed(1024);
	for (i = 0; i < 6; i++) {
		req.rqid = ++hostile.next;
		put(&hostile, &req);
	}
	push(&hostile.q[0]);
	expect_lun_1_served(test);
	KUNIT_EXPECT_TRUE(test, debug_forgets(false));
	/* It ends by the vhost's end. */
}

/* So do two, with all that each may have; and one that finds none holds up nobody behind it. */
static void two_hung_luns_leave_pages(struct kunit *test)
{
	char other[64];
	struct vscsiif_request req;
	unsigned int i;

	grant_many(test, 1024);
	debug_pdev(other, sizeof(other), 2);
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-2", other, "0:0:0:2"));
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, result_of(&hostile, i), 0u);
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	req = listed(1024);
	for (i = 0; i < 6; i++) {
		req.rqid = ++hostile.next;
		req.lun = i & 2;
		put(&hostile, &req);
	}
	/* A large one that would be served, if there were pages. */
	req.rqid = ++hostile.next;
	req.lun = 1;
	put(&hostile, &req);
	push(&hostile.q[0]);
	expect_lun_1_served(test);
	KUNIT_EXPECT_TRUE(test, debug_forgets(false));
	/* They end by the vhost's end. */
}

/* What a vhost's rings have of this domain's memory for data, while nothing ends. */
static void held_by(struct guest *g, unsigned int *pages, unsigned int *buffers)
{
	struct pv_device *pd = dev_get_drvdata(&g->back->dev);
	struct pv_back_queues *queues = to_scsiback(pd)->queues;
	unsigned int i;
	u32 j;

	*pages = 0;
	*buffers = 0;
	for (i = 0; i < queues->nr; i++) {
		struct pv_back_queue *q = queues->queue[i];

		*pages += q->staged.used + q->staged.nr;
		for (j = 0; j < q->ring.size; j++)
			*buffers += !!pv_back_req_at(q, j)->buffer;
	}
}

/* However many rings it has. */
static void memory_is_bounded(struct kunit *test)
{
	struct vscsiif_request req;
	unsigned int i, pages, buffers;

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	KUNIT_ASSERT_TRUE(test, connects(&hostile));
	grant_many(test, 1024);
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, debug_forgets(true));
	req = listed(1024);
	for (i = 0; i < 30; i++) {
		req.rqid = ++hostile.next;
		put_to(&hostile.q[i % 2], &req);
	}
	push(&hostile.q[0]);
	push(&hostile.q[1]);
	msleep(300);
	held_by(&hostile, &pages, &buffers);
	/* README: max_buffer_pages, and some for small commands; two dozen buffers. */
	KUNIT_EXPECT_LE(test, pages, 2048u + 128u);
	KUNIT_EXPECT_LE(test, buffers, 24u);
	KUNIT_EXPECT_GE(test, pages, 2048u);
	KUNIT_EXPECT_TRUE(test, debug_forgets(false));
}

/* What one ring has done with comes to the other one's use. */
static void rings_share_pages(struct kunit *test)
{
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	two_queues();
	KUNIT_ASSERT_TRUE(test, connects(&hostile));
	grant_many(test, 1024);
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	for (i = 0; i < 8; i++) {
		struct queue *q = &hostile.q[i & 1];
		unsigned int j;

		for (j = 0; j < 3; j++) {
			req = listed(1024);
			put_to(q, &req);
		}
		push(q);
		for (j = 0; j < 3; j++) {
			KUNIT_ASSERT_TRUE_MSG(test, take_from(&hostile, q, &rsp), "round %u", i);
			KUNIT_EXPECT_EQ(test, rsp.rslt, 0u);
		}
	}
}

/* ---- what the host adapter takes at a time ---- */

static struct {
	struct scsi_device *sdev;
	struct queue_limits had;
} narrow;

static void begin_narrow(struct kunit *test, unsigned int sectors, unsigned int segments)
{
	narrow.sdev = debug_device(PASS_LUN);
	KUNIT_ASSERT_NOT_NULL(test, narrow.sdev);
	narrow.had = narrow.sdev->request_queue->limits;
	/* As sd has it, which is not here. */
	narrow.sdev->sector_size = SECTOR_SIZE;
	narrow.sdev->request_queue->limits.max_hw_sectors = sectors;
	narrow.sdev->request_queue->limits.max_segments = segments;
}

static void end_narrow(void)
{
	narrow.sdev->request_queue->limits = narrow.had;
	narrow.sdev->sector_size = 0;
	scsi_device_put(narrow.sdev);
}

static void expect_cut(struct kunit *test, unsigned int sectors, unsigned int segments, u32 moved)
{
	const u32 all = 16 * PAGE_SIZE;
	u8 *data = kunit_kzalloc(test, all, GFP_KERNEL);
	struct vscsiif_request req;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	fill(&hostile, 0, 16, 0x11);
	KUNIT_ASSERT_TRUE(test, moves(&hostile, WRITE_10, 0, 16));
	begin_narrow(test, sectors, segments);
	fill(&hostile, 0, 16, 0xee);
	req = transfer(&hostile, READ_10, 0, 16);
	expect_result(test, &req, 0, all - moved);
	for (i = 0; i < 16; i++)
		memcpy(data + i * PAGE_SIZE, page_address(hostile.page[i]), PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x11, moved));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + moved, 0xee, all - moved));
	fill(&hostile, 0, 16, 0x22);
	req = transfer(&hostile, WRITE_10, 0, 16);
	expect_result(test, &req, 0, all - moved);
	end_narrow();
	KUNIT_ASSERT_TRUE(test, moves(&hostile, READ_10, 0, 16));
	for (i = 0; i < 16; i++)
		memcpy(data + i * PAGE_SIZE, page_address(hostile.page[i]), PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x22, moved));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + moved, 0x11, all - moved));
}

/* A disk's reads and writes go as far as the adapter does: the guest's SCSI layer makes another command of the rest. */
static void more_than_the_adapter_takes(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	expect_cut(test, 41, 128, 41 * SECTOR_SIZE);
	expect_cut(test, 2048, 3, 3 * PAGE_SIZE);
}

static struct vscsiif_request with_cdb(const u8 *cdb, u8 dir, unsigned int page, u16 len)
{
	struct vscsiif_request req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);

	req.cmd_len = 16;
	memcpy(req.cmnd, cdb, 16);
	req.sc_data_direction = dir;
	req.nr_segments = 1;
	req.seg[0] = (struct scsiif_request_segment) { .gref = hostile.ref[page], .length = len };
	return req;
}

static struct vscsiif_request page_of(u8 page)
{
	const u8 cdb[16] = { INQUIRY, 0x01, page, [4] = 0xff };

	return with_cdb(cdb, DMA_FROM_DEVICE, 20, 0xff);
}

/* The guest is told of it where the device itself has nothing to say, and where it promises too much. */
static void limits_are_told(struct kunit *test)
{
	const u8 *data = page_address(hostile.page[20]);
	struct vscsiif_response rsp;
	struct vscsiif_request req;
	unsigned int round;

	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	for (round = 0; round < 2; round++) {
		/* What it calls itself; no disk has no such page. */
		KUNIT_ASSERT_TRUE(test, debug_set("ptype", round ? "0" : "3"));
		begin_narrow(test, 240, 128);
		fill(&hostile, 20, 1, 0);
		req = page_of(0);
		KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp) && !rsp.rslt);
		KUNIT_EXPECT_NOT_NULL_MSG(test, memchr(data + 4, 0xb0, data[3]), "round %u", round);
		KUNIT_EXPECT_EQ(test, 0xff - rsp.residual_len, 4u + data[3]);
		fill(&hostile, 20, 1, 0);
		req = page_of(0xb0);
		KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
		KUNIT_EXPECT_EQ_MSG(test, rsp.rslt, 0u, "round %u", round);
		KUNIT_EXPECT_EQ(test, data[1], 0xb0);
		KUNIT_EXPECT_EQ_MSG(test, get_unaligned_be32(data + 8), 240u, "round %u", round);
		KUNIT_EXPECT_EQ(test, 0xff - rsp.residual_len, 4u + data[3]);
		end_narrow();
	}
}

/* The backend's driver goes and comes back, with another device at the address, or at none. */
static bool reloads(struct guest *g, const char *pdev)
{
	if (!leaves(g))
		return false;
	fake_xen_remove_device(g->back);
	set_key(g->back_path, "vscsi-devs/dev-0/p-dev", pdev);
	set_key(g->back_path, "state", "1");
	set_key(g->front_path, "state", "1");
	g->back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, g->id);
	if (IS_ERR(g->back) || !key_comes(g->back_path, "state", "2"))
		return false;
	write_keys(g);
	set_key(g->front_path, "state", "3");
	if (!key_comes(g->back_path, "state", "4"))
		return false;
	set_key(g->front_path, "state", "4");
	settle();
	return true;
}

static void another_device_at_the_address(struct kunit *test)
{
	char other[64], id[128];

	debug_pdev(other, sizeof(other), 2);
	strscpy(id, key_value(hostile.back_path, "vscsi-devs/dev-0/pvsplit-id"), sizeof(id));
	KUNIT_EXPECT_NE(test, strlen(id), (size_t)0);
	KUNIT_ASSERT_TRUE(test, reloads(&hostile, hostile.pdev));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "4"));
	expect_served(test);
	KUNIT_ASSERT_TRUE(test, reloads(&hostile, other));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "6"));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 0), HOST(NO_CONNECT));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fake_xen_last_error(), "another device"), "%s", fake_xen_last_error());
	/* Its own is welcome again. */
	set_lun(&hostile, "dev-0", "state", "1");
	KUNIT_ASSERT_TRUE(test, reloads(&hostile, hostile.pdev));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "4"));
	expect_served(test);
	/* Who writes another p-dev while it is there means that one. */
	set_lun(&hostile, "dev-0", "p-dev", other);
	KUNIT_EXPECT_TRUE(test, reconfigures(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-0", "4"));
	expect_served(test);
	KUNIT_EXPECT_STRNEQ(test, key_value(hostile.back_path, "vscsi-devs/dev-0/pvsplit-id"), id);
	KUNIT_ASSERT_TRUE(test, reloads(&hostile, other));
	expect_served(test);
}

/* ---- what is denied ---- */

static void expect_sense(struct kunit *test, const struct vscsiif_request *req, u16 asc_ascq)
{
	struct vscsiif_response rsp;

	KUNIT_ASSERT_TRUE(test, call(&hostile, req, &rsp));
	KUNIT_EXPECT_EQ_MSG(test, rsp.rslt, SAM_STAT_CHECK_CONDITION, "command %#x", req->cmnd[0]);
	KUNIT_EXPECT_EQ_MSG(test, rsp.sense_buffer[2] & 0xf, ILLEGAL_REQUEST, "command %#x", req->cmnd[0]);
	KUNIT_EXPECT_EQ_MSG(test, get_unaligned_be16(&rsp.sense_buffer[12]), asc_ascq, "command %#x", req->cmnd[0]);
}

static void report_luns_of_what(struct kunit *test)
{
	static const u8 bad[] = { 0x03, 0x10, 0x55, 0xff };
	u8 cdb[16] = { REPORT_LUNS, [8] = 16 };
	struct vscsiif_request req;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		cdb[2] = i;
		req = with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096);
		expect_result(test, &req, 0, i == 1 ? 4088 : 4080);
	}
	for (i = 0; i < sizeof(bad); i++) {
		cdb[2] = bad[i];
		req = with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096);
		expect_sense(test, &req, 0x2400);
	}
}

static struct vscsiif_request to_lun(struct vscsiif_request req, unsigned int target, unsigned int lun)
{
	req.id = target;
	req.lun = lun;
	return req;
}

/* Who looks for LUNs asks LUN 0, which may not be there. */
static void absent_lun_0(struct kunit *test)
{
	u8 cdb[16] = { REPORT_LUNS, [8] = 16 };
	const u8 *data = page_address(hostile.page[20]);
	struct vscsiif_request req;

	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:3:5"));
	fill(&hostile, 20, 1, 0xee);
	req = to_lun(inquiry(&hostile, 20, 96), 3, 0);
	expect_result(test, &req, 0, 96 - 36);
	KUNIT_EXPECT_EQ(test, data[0], (u8)0x7f);
	KUNIT_EXPECT_EQ(test, data[4], (u8)31);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 36, 0xee, 4096 - 36));
	req.cmnd[1] = 1;
	req.rqid = ++hostile.next;
	expect_sense(test, &req, 0x2400);
	fill(&hostile, 20, 1, 0xee);
	req = to_lun(with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096), 3, 0);
	expect_result(test, &req, 0, 4096 - 16);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(data), 8u);
	KUNIT_EXPECT_EQ(test, data[9], (u8)5);
	/* Nothing else is there; and there is no such target, nor other LUNs of it. */
	req = to_lun(request(&hostile, VSCSIIF_ACT_SCSI_CDB), 3, 0);
	expect_result(test, &req, HOST(NO_CONNECT), 0);
	req = to_lun(inquiry(&hostile, 20, 96), 4, 0);
	expect_result(test, &req, HOST(NO_CONNECT), 96);
	req = to_lun(inquiry(&hostile, 20, 96), 3, 1);
	expect_result(test, &req, HOST(NO_CONNECT), 96);
	expect_served(test);
}

/* Whether the next command to LUN 0 is told of other LUNs. */
static bool hears_of_luns(struct kunit *test)
{
	struct vscsiif_request req = request(&hostile, VSCSIIF_ACT_SCSI_CDB);
	struct vscsiif_response rsp;

	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
	return rsp.rslt == SAM_STAT_CHECK_CONDITION && (rsp.sense_buffer[2] & 0xf) == UNIT_ATTENTION &&
	       rsp.sense_buffer[12] == 0x3f && rsp.sense_buffer[13] == 0x0e;
}

/* Each LUN of a target is told, once, when another one comes or goes. */
static void luns_have_changed(struct kunit *test)
{
	u8 cdb[16] = { REPORT_LUNS, [8] = 16 };
	struct vscsiif_request req;
	struct vscsiif_response rsp;

	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_EXPECT_FALSE(test, hears_of_luns(test));
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1"));
	KUNIT_EXPECT_TRUE(test, hears_of_luns(test));
	KUNIT_EXPECT_FALSE(test, hears_of_luns(test));
	want_back(&hostile, "dev-1", "20");
	KUNIT_ASSERT_TRUE(test, reconfigures(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-1", "6"));
	KUNIT_EXPECT_TRUE(test, hears_of_luns(test));
	/* Another target's are not this one's. Who has asked knows. */
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-2", LIO_LUN, "0:0:1:1"));
	KUNIT_EXPECT_FALSE(test, hears_of_luns(test));
	want_back(&hostile, "dev-2", "20");
	KUNIT_ASSERT_TRUE(test, reconfigures(&hostile));
	KUNIT_ASSERT_TRUE(test, takes_lun(&hostile, "dev-3", LIO_LUN, "0:0:0:1"));
	req = with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096);
	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
	KUNIT_EXPECT_FALSE(test, hears_of_luns(test));
	expect_served(test);
}

/* Returns 1 if the guest is told of it, 0 if not; that it is told of READ(10) shows that it is told anything. */
static int told_of(struct kunit *test, u8 op, bool timeouts)
{
	const u8 cdb[16] = { MAINTENANCE_IN, 0x0c, timeouts ? 0x80 : 0, [8] = 0x10 };
	const u8 *data = page_address(hostile.page[20]);
	struct vscsiif_request req = with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096);
	struct vscsiif_response rsp;
	int told = 0;
	u32 at, end;

	fill(&hostile, 20, 1, 0xee);
	if (!call(&hostile, &req, &rsp) || rsp.rslt)
		return -1;
	end = 4 + get_unaligned_be32(data);
	KUNIT_EXPECT_EQ(test, end, 4096 - rsp.residual_len);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + end, 0xee, 4096 - end));
	for (at = 4; at < end && end <= 4096; at += data[at + 5] & 2 ? 20 : 8)
		told |= data[at] == op;
	KUNIT_EXPECT_EQ(test, at, end);
	return told;
}

/* The same, asked for that code. */
static int asked_for(u8 op)
{
	const u8 cdb[16] = { MAINTENANCE_IN, 0x0c, 0x01, op, [8] = 0x10 };
	const u8 *data = page_address(hostile.page[20]);
	struct vscsiif_request req = with_cdb(cdb, DMA_FROM_DEVICE, 20, 4096);
	struct vscsiif_response rsp;

	return call(&hostile, &req, &rsp) && !rsp.rslt ? data[1] & 7 : -1;
}

static void denied_is_not_supported(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_EXPECT_EQ(test, told_of(test, READ_10, false), 1);
	KUNIT_EXPECT_EQ(test, told_of(test, READ_10, true), 1);
	KUNIT_EXPECT_EQ(test, told_of(test, 0x17, false), 0);
	KUNIT_EXPECT_EQ(test, told_of(test, 0x17, true), 0);
	KUNIT_EXPECT_EQ(test, told_of(test, RESERVE_10, true), 0);
	KUNIT_EXPECT_EQ(test, asked_for(READ_10), 3);
	KUNIT_EXPECT_EQ(test, asked_for(0x17), 1);
}

static void pages_of_diagnostics(struct kunit *test)
{
	static const u8 page[] = { 0x0e, 0x02, 0x3f, 0x80 };
	const u8 cdb[16] = { SEND_DIAGNOSTIC, 0x10, [4] = 8 };
	struct vscsiif_request req;
	struct vscsiif_response rsp;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	for (i = 0; i < sizeof(page); i++) {
		fill(&hostile, 20, 1, 0);
		*(u8 *)page_address(hostile.page[20]) = page[i];
		req = with_cdb(cdb, DMA_TO_DEVICE, 20, 8);
		expect_sense(test, &req, 0x2600);
	}
	fill(&hostile, 20, 1, 0);
	req = with_cdb(cdb, DMA_TO_DEVICE, 20, 8);
	KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
	KUNIT_EXPECT_NE(test, rsp.sense_buffer[12], 0x26);
}

/* What no disk is has a state: after a new connection the guest is told, once. */
static void nexus_is_lost(struct kunit *test)
{
	struct vscsiif_request req = request(&hostile, VSCSIIF_ACT_SCSI_CDB), who = inquiry(&hostile, 20, 96);
	struct scsi_device *sdev = debug_device(PASS_LUN);
	unsigned int round;
	char type;

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	KUNIT_ASSERT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, reconnects(&hostile));
	expect_result(test, &req, 0, 0);
	type = sdev->type;
	sdev->type = TYPE_TAPE;
	KUNIT_EXPECT_TRUE(test, reloads(&hostile, hostile.pdev));
	for (round = 0; round < 2; round++) {
		struct vscsiif_response rsp;

		KUNIT_ASSERT_TRUE(test, call(&hostile, &who, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rslt, 0);
		KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
		KUNIT_EXPECT_EQ(test, rsp.rslt, SAM_STAT_CHECK_CONDITION);
		KUNIT_EXPECT_EQ(test, rsp.sense_buffer[2] & 0xf, UNIT_ATTENTION);
		KUNIT_EXPECT_EQ(test, rsp.sense_buffer[12], 0x29);
		KUNIT_EXPECT_EQ(test, rsp.sense_buffer[13], 0x07);
		expect_result(test, &req, 0, 0);
		KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
	}
	sdev->type = type;
	scsi_device_put(sdev);
}

/* A driver of this domain's, loaded later, must not make a disk of what a guest has. */
static void no_driver_comes(struct kunit *test)
{
	struct scsi_device *sdev = debug_device(PASS_LUN);

	KUNIT_ASSERT_NOT_NULL(test, sdev);
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	set_key(hostile.back_path, "vscsi-devs/dev-0/state", "6");
	fake_xen_remove_device(hostile.back);
	hostile.back = NULL;
	sdev->no_uld_attach = 0;
	set_key(hostile.back_path, "vscsi-devs/dev-0/state", "1");
	set_key(hostile.back_path, "state", "1");
	set_key(hostile.front_path, "state", "1");
	hostile.back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, hostile.id);
	KUNIT_ASSERT_TRUE(test, key_comes(hostile.back_path, "state", "2"));
	write_keys(&hostile);
	KUNIT_ASSERT_TRUE(test, connects(&hostile));
	KUNIT_EXPECT_TRUE(test, sdev->no_uld_attach);
	KUNIT_EXPECT_TRUE(test, ready(&hostile));
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	fake_xen_remove_device(hostile.back);
	hostile.back = NULL;
	KUNIT_EXPECT_FALSE(test, sdev->no_uld_attach);
	sdev->no_uld_attach = 1;
	scsi_device_put(sdev);
}

/* A p-dev of LIO's need not have a dot. */
static void luns_by_alias(struct kunit *test)
{
	static const char * const alias[] = { "disks", "1:2:3", "1:2:3:4", "1:2:x" };
	static const bool is_one[] = { true, false, true, true };
	char pdev[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(alias); i++) {
		KUNIT_ASSERT_TRUE(test, write_file(LIO_ALIAS, alias[i]));
		snprintf(pdev, sizeof(pdev), "%s:0", alias[i]);
		KUNIT_EXPECT_EQ_MSG(test, takes_lun(&hostile, "dev-1", pdev, "0:0:0:1"), is_one[i], "%s: %s", pdev,
				    fake_xen_last_error());
		KUNIT_EXPECT_EQ_MSG(test, result_of(&hostile, 1), is_one[i] ? 0u : HOST(NO_CONNECT), "%s", pdev);
		set_key(hostile.back_path, "vscsi-devs/dev-1", NULL);
		settle();
	}
	KUNIT_ASSERT_TRUE(test, write_file(LIO_ALIAS, "\n"));
}

/* What cannot be read is not gone: whichever it is. */
static void a_reading_fails(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 16];
	unsigned long failed = 0;
	unsigned int k;

	snprintf(path, sizeof(path), "%s/vscsi-devs", hostile.back_path);
	for (k = 0; k == fake_xen_counts.failed_reads && k < 100; k++) {
		failed = fake_xen_counts.failed_reads;
		fake_xen_fail_reads(path, k, 1, -ENOMEM);
		KUNIT_EXPECT_TRUE_MSG(test, reconfigures(&hostile), "reading %u", k);
		fake_xen_fail_reads(NULL, 0, 0, 0);
		KUNIT_EXPECT_TRUE_MSG(test, lun_is(&hostile, "dev-0", "4"), "reading %u", k);
		KUNIT_ASSERT_EQ_MSG(test, result_of(&hostile, 0), 0u, "reading %u", k);
	}
	KUNIT_EXPECT_GE(test, failed, 3ul);
	KUNIT_EXPECT_LT(test, k, 100u);
}

/* Before the guest's driver comes it is known which devices it will have, and nobody else gets them. */
static void devices_are_opened_early(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	add_lun(&hostile, "dev-1", LIO_LUN, "0:0:0:1");
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "vscsi-devs/dev-1/state", "2"));
	add_lun(&hostile, "dev-2", "999:0:0:0", "0:0:0:2");
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "vscsi-devs/dev-2/state", "6"));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fake_xen_last_error(), "does not exist"), "%s", fake_xen_last_error());
	/* Whoever thinks better of it has it back at once. */
	set_key(hostile.back_path, "vscsi-devs/dev-0", NULL);
	set_key(hostile.back_path, "vscsi-devs/dev-1", NULL);
	settle();
	add_lun(&hostile, "dev-0", hostile.pdev, "0:0:0:0");
	KUNIT_EXPECT_TRUE(test, key_comes(hostile.back_path, "vscsi-devs/dev-0/state", "2"));
	write_keys(&hostile);
	KUNIT_ASSERT_TRUE(test, connects(&hostile));
	KUNIT_EXPECT_TRUE(test, lun_is(&hostile, "dev-2", "6"));
	KUNIT_EXPECT_EQ(test, result_of(&hostile, 1), HOST(NO_CONNECT));
	expect_served(test);
}

/* Nor when the guest's driver, or ours, begins. */
static void a_reading_fails_at_the_beginning(struct kunit *test)
{
	char path[FAKE_XEN_PATH_LEN + 16];
	bool anew = false;
	unsigned int k;

	snprintf(path, sizeof(path), "%s/vscsi-devs", hostile.back_path);
	for (k = 0; k == fake_xen_counts.failed_reads && k < 100; k++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		if (anew) {
			fake_xen_remove_device(hostile.back);
			set_key(hostile.back_path, "state", "1");
			set_key(hostile.front_path, "state", "1");
			hostile.back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, hostile.id);
			KUNIT_ASSERT_TRUE(test, key_comes(hostile.back_path, "state", "2"));
		}
		write_keys(&hostile);
		settle();
		fake_xen_fail_reads(path, k, 1, -EIO);
		KUNIT_EXPECT_TRUE_MSG(test, connects(&hostile), "reading %u: %s", k, fake_xen_last_error());
		fake_xen_fail_reads(NULL, 0, 0, 0);
		KUNIT_ASSERT_EQ_MSG(test, result_of(&hostile, 0), 0u, "reading %u", k);
		if (k != fake_xen_counts.failed_reads - 1 && !anew) {
			anew = true;
			fake_xen_counts.failed_reads = 0;
			k = -1;
		}
	}
	KUNIT_EXPECT_TRUE(test, anew);
	KUNIT_EXPECT_GE(test, fake_xen_counts.failed_reads, 5ul);
	KUNIT_EXPECT_LT(test, k, 100u);
}

/* ---- suites ---- */

static struct kunit_case passed_cases[] = {
	KUNIT_CASE(row1_xsa39_req_prod_beyond),
	KUNIT_CASE(row3_xsa155_rewritten_at_random),
	KUNIT_CASE(row3_xsa155_rewritten_in_between),
	KUNIT_CASE(row4_xsa216_responses_tell_nothing),
	KUNIT_CASE(row4_xsa216_pages_of_the_refused),
	KUNIT_CASE(row9_xsa332_event_storm),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row12_xsa36x_bad_reference),
	KUNIT_CASE(row12_xsa36x_bad_reference_in_a_list),
	KUNIT_CASE(row12_xsa361_xen_refuses),
	KUNIT_CASE(row18_connect_fails),
	KUNIT_CASE(row18_second_queue_fails),
	KUNIT_CASE(row19_statistics_while_it_cycles),
	KUNIT_CASE(row20_bad_numbers),
	KUNIT_CASE(row21_fields),
	KUNIT_CASE(row21_segments),
	KUNIT_CASE(row21_data_and_command_differ),
	KUNIT_CASE(row21_aborts_of_nothing),
	KUNIT_CASE(row21_resets_in_a_loop),
	KUNIT_CASE(row21_abort_reaches_the_device),
	KUNIT_CASE(row21_abort_without_a_driver),
	KUNIT_CASE(row21_abort_is_lost),
	KUNIT_CASE(row21_abort_of_one_that_queues),
	KUNIT_CASE(row21_abort_of_one_that_waits),
	KUNIT_CASE(waiting_is_no_work),
	KUNIT_CASE(a_lun_goes_with_a_command),
	KUNIT_CASE(a_vhost_goes_with_a_command),
	KUNIT_CASE(bad_luns),
	KUNIT_CASE(guest_refuses_luns),
	KUNIT_CASE(a_guest_keeps_a_lun),
	KUNIT_CASE(a_lun_is_wanted_back_no_more),
	KUNIT_CASE(an_entry_vanishes),
	KUNIT_CASE(a_device_vanishes),
	KUNIT_CASE(a_lun_of_lio_vanishes),
	KUNIT_CASE(a_hung_lun_is_alone),
	KUNIT_CASE(a_hung_lun_leaves_pages),
	KUNIT_CASE(two_hung_luns_leave_pages),
	KUNIT_CASE(memory_is_bounded),
	KUNIT_CASE(rings_share_pages),
	KUNIT_CASE(more_than_the_adapter_takes),
	KUNIT_CASE(limits_are_told),
	KUNIT_CASE(report_luns_of_what),
	KUNIT_CASE(absent_lun_0),
	KUNIT_CASE(luns_have_changed),
	KUNIT_CASE(denied_is_not_supported),
	KUNIT_CASE(pages_of_diagnostics),
	KUNIT_CASE(nexus_is_lost),
	KUNIT_CASE(no_driver_comes),
	KUNIT_CASE(luns_by_alias),
	KUNIT_CASE(another_device_at_the_address),
	KUNIT_CASE(devices_are_opened_early),
	KUNIT_CASE(a_reading_fails),
	KUNIT_CASE(a_reading_fails_at_the_beginning),
	{}
};

static struct kunit_suite passed_suite = {
	.name = "scsiback_hostile_passthrough",
	.init = passed_init,
	.exit = end,
	.test_cases = passed_cases,
};

static struct kunit_case kept_cases[] = {
	KUNIT_CASE(row3_xsa155_rewritten_at_random),
	KUNIT_CASE(row3_xsa155_rewritten_in_between),
	KUNIT_CASE(row7_xsa300_mapped_pages),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row12_xsa36x_bad_reference),
	KUNIT_CASE(row12_xsa36x_bad_reference_in_a_list),
	KUNIT_CASE(row12_xsa361_xen_refuses),
	{}
};

static struct kunit_suite kept_suite = {
	.name = "scsiback_hostile_persistent",
	.init = kept_init,
	.exit = end,
	.test_cases = kept_cases,
};

static struct kunit_case lio_cases[] = {
	KUNIT_CASE(row3_xsa155_rewritten_at_random),
	KUNIT_CASE(row4_xsa216_responses_tell_nothing),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row12_xsa36x_bad_reference),
	KUNIT_CASE(row21_data_and_command_differ),
	KUNIT_CASE(row21_aborts_of_nothing),
	KUNIT_CASE(row21_resets_in_a_loop),
	{}
};

static struct kunit_suite lio_suite = {
	.name = "scsiback_hostile_lio",
	.init = lio_init,
	.exit = end,
	.test_cases = lio_cases,
};

kunit_test_suites(&passed_suite, &kept_suite, &lio_suite);

MODULE_DESCRIPTION("Tests of the SCSI backend against hostile frontends");
MODULE_LICENSE("GPL");
