// SPDX-License-Identifier: GPL-2.0
/*
 * scsifront against backends that have been hostile in the past: lying responses, event storms, pages that are not
 * given back, nonsense in xenstore. A case carries the number of its advisory. After each one nothing is held.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <scsi/scsi.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_eh.h>
#include <scsi/scsi_host.h>
#include <xen/page.h>
#define HELPERS_WANT_DEVICE
#include "ring.h"
#include "vscsiif_ext.h"

#include "helpers.h"

#define TYPE	"vscsi"
#define ID	0

/* How the backend is: what it offers and how far it is trusted. */
struct nature {
	const char *persistent, *sg_grant, *trusted;
};

static const struct nature direct = { "0", "1024", "1" };
static const struct nature staged = { "1", "1024", "1" };
static const struct nature untrusted = { "0", "1024", "0" };

static const struct nature *nature;
static struct xenbus_device *front;
static char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];

static struct backend {
	struct pv_ring ring;
	struct pv_stats stats;
	evtchn_port_t port;
	struct task_struct *task;
} b;

/* ---- the backend: a thread while the LUN is found, then the case itself ---- */

static u8 *data_of(const struct scsiif_request_segment *seg)
{
	struct page *page = fake_xen_granted_page(seg->gref);

	return page ? (u8 *)page_address(page) + seg->offset : NULL;
}

static void respond(const struct vscsiif_response *rsp)
{
	pv_ring_put(&b.ring, rsp, sizeof(*rsp));
	if (pv_ring_publish(&b.ring))
		fake_xen_kick_async(b.port);
}

/* A processor device: no driver sits on top, and nobody repeats its commands. */
static void identify(const struct vscsiif_request *req)
{
	static const u8 inquiry[36] = { TYPE_PROCESSOR, 0, 2, 2, 31, 0, 0, 0, 'p', 'v', 's', 'p', 'l', 'i', 't', ' ' };
	struct vscsiif_response rsp = { .rqid = req->rqid };

	if (req->act == VSCSIIF_ACT_SCSI_CDB && req->cmnd[0] == INQUIRY && req->nr_segments == 1)
		memcpy(data_of(&req->seg[0]), inquiry, min_t(u32, req->seg[0].length, sizeof(inquiry)));
	else if (req->act != VSCSIIF_ACT_SCSI_CDB)
		rsp.rslt = XEN_VSCSIIF_RSLT_RESET_SUCCESS;
	respond(&rsp);
}

static int backend_thread(void *arg)
{
	struct vscsiif_request req;

	while (!kthread_should_stop()) {
		while (pv_ring_pending(&b.ring)) {
			pv_ring_get(&b.ring, &req, sizeof(req));
			identify(&req);
		}
		if (!pv_ring_arm(&b.ring, 1))
			usleep_range(50, 200);
	}
	return 0;
}

static void stop_thread(void)
{
	if (b.task)
		kthread_stop(b.task);
	b.task = NULL;
}

/* From Initialised to Connected, with a LUN; then the thread is gone. */
static void connect_backend(struct kunit *test)
{
	struct page *page = fake_xen_granted_page(key_number(front_path, "ring-ref"));

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(&b, 0, sizeof(b));
	KUNIT_ASSERT_EQ(test, pv_ring_init_back(&b.ring, page_address(page), 1, PV_VSCSIIF_STRIDE, &b.stats), 0);
	b.port = fake_xen_connect_port(key_number(front_path, "event-channel"));
	b.task = kthread_run(backend_thread, NULL, "vscsi-peer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b.task));
	set_key(back_path, "state", "4");
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "state", "4"), "%s", fake_xen_last_error());
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "vscsi-devs/dev-0/state", "4"), "%s", fake_xen_last_error());
	stop_thread();
}

static void announce(struct kunit *test)
{
	set_key(back_path, "state", "2");
	KUNIT_ASSERT_TRUE_MSG(test, key_comes(front_path, "state", "3"), "%s", fake_xen_last_error());
}

static void begin(struct kunit *test)
{
	fake_xen_reset();
	fake_xen_path(front_path, FAKE_XEN_FRONT, TYPE, ID);
	fake_xen_path(back_path, FAKE_XEN_BACK, TYPE, ID);
	set_key(back_path, "online", "1");
	set_key(back_path, PV_VSCSIIF_PERSISTENT, nature->persistent);
	set_key(back_path, "feature-sg-grant", nature->sg_grant);
	set_key(back_path, "vscsi-devs/dev-0/v-dev", "0:0:0:0");
	set_key(back_path, "vscsi-devs/dev-0/state", "3");
	set_key(front_path, "trusted", nature->trusted);
	front = fake_xen_add_device(FAKE_XEN_FRONT, TYPE, ID);
	KUNIT_ASSERT_FALSE(test, IS_ERR(front));
	announce(test);
	connect_backend(test);
}

static void end(struct kunit *test)
{
	stop_thread();
	if (!IS_ERR_OR_NULL(front))
		fake_xen_remove_device(front);
	front = NULL;
	fake_xen_close_port(b.port);
	memset(&b, 0, sizeof(b));
	settle();
	expect_nothing_held(test);
}

/* A device that was disabled stays so: the next round needs another one. */
static void again(struct kunit *test)
{
	end(test);
	begin(test);
}

static int start(struct kunit *test, const struct nature *n)
{
	nature = n;
	begin(test);
	return 0;
}

static int direct_init(struct kunit *test)
{
	return start(test, &direct);
}

static int staged_init(struct kunit *test)
{
	return start(test, &staged);
}

static int untrusted_init(struct kunit *test)
{
	return start(test, &untrusted);
}

/* ---- commands of the guest ---- */

struct command {
	struct Scsi_Host *host;
	struct scsi_device *sdev;
	u8 cdb[16];
	int dir;
	struct page *page;
	unsigned int order, offset, len;
	u8 sense[SCSI_SENSE_BUFFERSIZE];
	struct scsi_sense_hdr header;
	int result, resid;
	struct completion done;
};

static struct Scsi_Host *find_host(void)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		struct Scsi_Host *host = scsi_host_lookup(i);

		if (host && host->shost_gendev.parent == &front->dev)
			return host;
		if (host)
			scsi_host_put(host);
	}
	return NULL;
}

static u8 *buffer(struct command *c)
{
	return (u8 *)page_address(c->page) + c->offset;
}

static int run(void *arg)
{
	struct command *c = arg;

	c->result = __scsi_execute(c->sdev, c->cdb, c->dir, c->len ? buffer(c) : NULL, c->len, c->sense, &c->header,
				   30 * HZ, 0, 0, 0, &c->resid);
	kthread_complete_and_exit(&c->done, 0);
}

static struct command *new_command(struct kunit *test, int dir, unsigned int offset, unsigned int len)
{
	struct command *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->host = find_host();
	KUNIT_ASSERT_NOT_NULL(test, c->host);
	c->sdev = scsi_device_lookup(c->host, 0, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, c->sdev);
	c->cdb[0] = dir == DMA_TO_DEVICE ? WRITE_10 : READ_10;
	c->dir = dir;
	c->offset = offset;
	c->len = len;
	c->order = get_order(offset + len);
	c->page = alloc_pages(GFP_KERNEL, c->order);
	KUNIT_ASSERT_NOT_NULL(test, c->page);
	memset(page_address(c->page), 0x5a, PAGE_SIZE << c->order);
	init_completion(&c->done);
	return c;
}

static void send(struct kunit *test, struct command *c)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(run, c, "vscsi-user")));
}

static bool ends(struct command *c)
{
	return wait_for_completion_timeout(&c->done, 10 * HZ);
}

static void forget(struct command *c)
{
	scsi_device_put(c->sdev);
	scsi_host_put(c->host);
	__free_pages(c->page, c->order);
}

static void next_request(struct kunit *test, struct vscsiif_request *req)
{
	KUNIT_ASSERT_TRUE_MSG(test, COMES_TRUE(pv_ring_pending(&b.ring)), "%s", b.ring.broken ?: "no request");
	pv_ring_get(&b.ring, req, sizeof(*req));
}

static struct command *ask(struct kunit *test, int dir, unsigned int len, struct vscsiif_request *req)
{
	struct command *c = new_command(test, dir, 0, len);

	send(test, c);
	next_request(test, req);
	return c;
}

static void expect_cut_off(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test, key_comes(front_path, "state", "5"), "state is not Closing");
}

/* The command ends, with an error, and so does the device. */
static void expect_lost(struct kunit *test, struct command *c)
{
	expect_cut_off(test);
	KUNIT_ASSERT_TRUE(test, ends(c));
	KUNIT_EXPECT_NE(test, c->result, 0);
	forget(c);
}

/* Answered with an error, as if all had been moved, though nothing was: no other command's data is in the buffer. */
static void failed_read_shows_nobodys_data(struct kunit *test)
{
	struct vscsiif_request req;
	struct command *c = ask(test, DMA_TO_DEVICE, PAGE_SIZE, &req);
	struct vscsiif_response rsp = { .rqid = req.rqid };

	KUNIT_EXPECT_EQ(test, *(u8 *)data_of(&req.seg[0]), 0x5a);
	respond(&rsp);
	KUNIT_ASSERT_TRUE(test, ends(c));
	forget(c);

	c = new_command(test, DMA_FROM_DEVICE, 0, PAGE_SIZE);
	memset(buffer(c), 0x11, PAGE_SIZE);
	send(test, c);
	next_request(test, &req);
	rsp = (struct vscsiif_response) {
		.rqid = req.rqid, .rslt = SAM_STAT_CHECK_CONDITION, .sense_len = 18,
		.sense_buffer = { 0x70, [2] = MEDIUM_ERROR, [7] = 10, [12] = 0x11 },
	};
	respond(&rsp);
	KUNIT_ASSERT_TRUE(test, ends(c));
	KUNIT_EXPECT_NE(test, c->result, 0);
	KUNIT_EXPECT_NULL(test, memchr(buffer(c), 0x5a, PAGE_SIZE));
	forget(c);
}

static void expect_served(struct kunit *test)
{
	struct vscsiif_request req;
	struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
	struct vscsiif_response rsp = { .rqid = req.rqid };

	memset(data_of(&req.seg[0]), 0xc3, 512);
	respond(&rsp);
	KUNIT_ASSERT_TRUE(test, ends(c));
	KUNIT_EXPECT_EQ(test, c->result, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer(c), 0xc3, 512));
	forget(c);
}

/* ---- row 3: memory that changes while it is read ---- */

struct flipper {
	struct vscsiif_response *slot;
	u16 right;
	bool stop;
	struct completion done;
};

static int flip(void *arg)
{
	struct flipper *f = arg;

	while (!READ_ONCE(f->stop)) {
		WRITE_ONCE(f->slot->sense_len, 255);
		WRITE_ONCE(f->slot->rqid, 0xfffe);
		cpu_relax();
		WRITE_ONCE(f->slot->sense_len, 18);
		WRITE_ONCE(f->slot->rqid, f->right);
		cond_resched();
	}
	kthread_complete_and_exit(&f->done, 0);
}

static void row3_xsa155_response_rewritten(struct kunit *test)
{
	unsigned int i, served = 0;

	for (i = 0; i < 12; i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, 512, &req);
		struct vscsiif_response rsp = { .rqid = req.rqid, .rslt = SAM_STAT_CHECK_CONDITION, .sense_len = 18 };
		struct flipper f = { .right = req.rqid };
		struct page *page = fake_xen_granted_page(key_number(front_path, "ring-ref"));

		/* We still write to it when the frontend has had enough. */
		get_page(page);
		init_completion(&f.done);
		rsp.sense_buffer[0] = 0x70;
		rsp.sense_buffer[2] = ILLEGAL_REQUEST;
		f.slot = (void *)(b.ring.slots + (b.ring.prod & (b.ring.size - 1)) * b.ring.stride);
		pv_ring_put(&b.ring, &rsp, sizeof(rsp));
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(flip, &f, "vscsi-flipper")));
		usleep_range(100, 1000);
		pv_ring_publish(&b.ring);
		fake_xen_kick_async(b.port);
		KUNIT_EXPECT_TRUE(test, ends(c));
		WRITE_ONCE(f.stop, true);
		wait_for_completion(&f.done);
		put_page(page);
		/* One or the other, and nothing in between. */
		if (c->result == SAM_STAT_CHECK_CONDITION) {
			served++;
			KUNIT_EXPECT_EQ(test, c->header.sense_key, ILLEGAL_REQUEST);
			forget(c);
			continue;
		}
		expect_cut_off(test);
		forget(c);
		again(test);
	}
	kunit_info(test, "%u of 12 believed", served);
}

/* ---- row 22: storms ---- */

static void row22_xsa391_event_storm(struct kunit *test)
{
	struct fake_xen_counts before;
	unsigned long eois;
	unsigned int i;

	expect_served(test);
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	before = fake_xen_counts;
	for (i = 0; i < 500; i++)
		fake_xen_kick(b.port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	/* Each has one EOI, and Xen is told that it was for nothing: it delays the next ones. */
	eois = fake_xen_counts.eois - before.eois;
	KUNIT_EXPECT_GT(test, eois, 100ul);
	KUNIT_EXPECT_GE(test, fake_xen_counts.spurious_eois - before.spurious_eois + 1, eois);

	/* Answers one at a time are no storm. */
	before = fake_xen_counts;
	for (i = 0; i < 20; i++)
		expect_served(test);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	KUNIT_EXPECT_EQ(test, fake_xen_counts.spurious_eois, before.spurious_eois);
}

/* ---- row 23: responses that cannot be ---- */

static void row23_xsa376_rsp_prod_beyond(struct kunit *test)
{
	static const u32 beyond[] = { 1, 16, 17, 1U << 31, -1U };
	struct vscsiif_request req;
	struct command *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		c = ask(test, DMA_TO_DEVICE, 512, &req);
		/* One response would be right: for the first four it is that and more, the last goes backwards. */
		WRITE_ONCE(*b.ring.my_prod, READ_ONCE(*b.ring.my_prod) + beyond[i] + (beyond[i] != -1U));
		fake_xen_kick_async(b.port);
		expect_lost(test, c);
		again(test);
	}
	/* With nothing on its way. */
	WRITE_ONCE(*b.ring.my_prod, READ_ONCE(*b.ring.my_prod) + 1);
	fake_xen_kick_async(b.port);
	expect_cut_off(test);
}

static void row23_xsa376_duplicate_id(struct kunit *test)
{
	struct vscsiif_request first, second;
	struct command *a = ask(test, DMA_TO_DEVICE, 512, &first);
	struct command *c = ask(test, DMA_TO_DEVICE, 512, &second);
	struct vscsiif_response rsp = { .rqid = first.rqid };

	KUNIT_EXPECT_NE(test, first.rqid, second.rqid);
	respond(&rsp);
	KUNIT_ASSERT_TRUE(test, ends(a));
	KUNIT_EXPECT_EQ(test, a->result, 0);
	respond(&rsp);
	fake_xen_kick_async(b.port);
	expect_lost(test, c);
	forget(a);
}

static void lie_about_the_id(struct kunit *test, const u16 *id, unsigned int nr)
{
	struct vscsiif_request req;
	struct command *c;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct vscsiif_response rsp = { .rqid = id[i] };

		c = ask(test, DMA_TO_DEVICE, 512, &req);
		if (rsp.rqid == req.rqid)
			rsp.rqid--;
		respond(&rsp);
		fake_xen_kick_async(b.port);
		expect_lost(test, c);
		if (i + 1 < nr)
			again(test);
	}
}

/* A ring of 16 has ids 0 to 15; none of these is on it. */
static void row23_cve_2026_99155_id_never_sent(struct kunit *test)
{
	static const u16 id[] = { 14, 7, 15 };

	lie_about_the_id(test, id, ARRAY_SIZE(id));
}

static void row23_xsa376_id_out_of_range(struct kunit *test)
{
	static const u16 id[] = { 16, 0x7fff, 0x8000, 0xffff };

	lie_about_the_id(test, id, ARRAY_SIZE(id));
}

/* ---- row 24: pages that do not come back ---- */

static void keep_page(struct kunit *test, struct command *c, const struct vscsiif_request *req)
{
	struct page *page = c->page;

	KUNIT_EXPECT_PTR_EQ(test, fake_xen_granted_page(req->seg[0].gref), page);
	expect_cut_off(test);
	KUNIT_ASSERT_TRUE(test, ends(c));
	KUNIT_EXPECT_NE(test, c->result, 0);
	/* Whoever owned it may free it: it does not return to the allocator. */
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	fake_xen_peer_holds(req->seg[0].gref, false);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	forget(c);
}

static void row24_xsa396_mapped_after_response(struct kunit *test)
{
	struct vscsiif_request req;
	struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
	struct vscsiif_response rsp = { .rqid = req.rqid };

	fake_xen_peer_holds(req.seg[0].gref, true);
	respond(&rsp);
	keep_page(test, c, &req);
}

static void map_it_now(grant_ref_t ref, void *data)
{
	u32 *wanted = data;

	if (ref == *wanted)
		fake_xen_peer_holds(ref, true);
}

/* It was not mapped when somebody might have asked, but is when the grant ends. */
static void row24_xsa396_mapped_in_between(struct kunit *test)
{
	struct vscsiif_request req;
	struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
	struct vscsiif_response rsp = { .rqid = req.rqid };
	u32 ref = req.seg[0].gref;

	fake_xen_on_end(map_it_now, &ref);
	respond(&rsp);
	KUNIT_EXPECT_TRUE(test, ends(c));
	fake_xen_on_end(NULL, NULL);
	complete(&c->done);
	keep_page(test, c, &req);
}

/* No answer at all, and the page is kept: unplugging ends the command, and the page stays away. */
static void row24_xsa396_mapped_at_close(struct kunit *test)
{
	struct vscsiif_request req;
	struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
	struct page *page = fake_xen_granted_page(req.seg[0].gref);
	u32 ring = key_number(front_path, "ring-ref");
	bool own = nature != &direct;

	fake_xen_peer_holds(req.seg[0].gref, true);
	fake_xen_peer_holds(ring, true);
	fake_xen_remove_device(front);
	front = NULL;
	KUNIT_ASSERT_TRUE(test, ends(c));
	KUNIT_EXPECT_NE(test, c->result, 0);
	KUNIT_EXPECT_EQ(test, page_count(page), own ? 1 : 2);
	KUNIT_EXPECT_EQ(test, page == c->page, !own);
	KUNIT_EXPECT_FALSE(test, fake_xen_holds_nothing());
	fake_xen_peer_holds(req.seg[0].gref, false);
	fake_xen_peer_holds(ring, false);
	forget(c);
}

/* ---- row 25: what lies beside the data ---- */

static void row25_xsa403_only_data_is_shared(struct kunit *test)
{
	static const unsigned int len[] = { 4096, 512, 4, 8192 + 512, 30 * 4096 + 512, 1024 };
	unsigned int i, k, nr;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		const struct scsiif_request_segment *seg;
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, len[i], &req);
		struct vscsiif_response rsp = { .rqid = req.rqid };

		seg = req.seg;
		nr = req.nr_segments;
		if (nr & VSCSIIF_SG_GRANT) {
			KUNIT_ASSERT_EQ(test, nr, VSCSIIF_SG_GRANT | 1);
			KUNIT_ASSERT_EQ(test, req.seg[0].offset, 0);
			nr = req.seg[0].length / sizeof(*seg);
			seg = (void *)data_of(&req.seg[0]);
			KUNIT_ASSERT_NOT_NULL(test, seg);
			KUNIT_EXPECT_NULL_MSG(test, memchr_inv(seg + nr, 0, PAGE_SIZE - nr * sizeof(*seg)),
					      "behind the segments");
		}
		KUNIT_ASSERT_EQ(test, nr, DIV_ROUND_UP(len[i], PAGE_SIZE));
		for (k = 0; k < nr; k++) {
			u8 *page = page_address(fake_xen_granted_page(seg[k].gref));

			KUNIT_EXPECT_EQ(test, seg[k].offset, 0);
			KUNIT_EXPECT_FALSE(test, page >= (u8 *)page_address(c->page) &&
					   page < (u8 *)page_address(c->page) + (PAGE_SIZE << c->order));
			KUNIT_EXPECT_NULL(test, memchr_inv(page, 0x5a, seg[k].length));
			KUNIT_EXPECT_NULL_MSG(test, memchr_inv(page + seg[k].length, 0, PAGE_SIZE - seg[k].length),
					      "%u bytes, segment %u", len[i], k);
		}
		respond(&rsp);
		KUNIT_ASSERT_TRUE(test, ends(c));
		KUNIT_EXPECT_EQ(test, c->result, 0);
		forget(c);
	}
}

static void row25_xsa403_scribbles(struct kunit *test)
{
	struct command *c = new_command(test, DMA_FROM_DEVICE, 1024, 512);
	struct vscsiif_request req;
	struct vscsiif_response rsp = { };
	u8 *page, *ours;

	send(test, c);
	next_request(test, &req);
	rsp.rqid = req.rqid;
	page = page_address(fake_xen_granted_page(req.seg[0].gref));
	memset(page, 0xee, PAGE_SIZE);
	respond(&rsp);
	KUNIT_ASSERT_TRUE(test, ends(c));
	memset(page, 0xdd, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, c->result, 0);
	ours = page_address(c->page);
	KUNIT_EXPECT_NULL(test, memchr_inv(ours, 0x5a, 1024));
	KUNIT_EXPECT_NULL(test, memchr_inv(ours + 1024, 0xee, 512));
	KUNIT_EXPECT_NULL(test, memchr_inv(ours + 1536, 0x5a, PAGE_SIZE - 1536));
	forget(c);
}

/* ---- rows 28, 29: ends ---- */

static void row28_xsa465_removed_after_resume(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, 512, &req);

		KUNIT_ASSERT_EQ(test, fake_xen_suspend_device(front), 0);
		set_key(back_path, "state", "1");
		KUNIT_ASSERT_EQ(test, fake_xen_resume_device(front), 0);
		if (i) {
			fake_xen_close_port(b.port);
			announce(test);
			connect_backend(test);
		}
		fake_xen_remove_device(front);
		front = NULL;
		KUNIT_ASSERT_TRUE(test, ends(c));
		/* A processor's commands are not done twice. */
		KUNIT_EXPECT_NE(test, c->result, 0);
		forget(c);
		again(test);
	}
	expect_served(test);
}

static void back_restarts(struct kunit *test)
{
	fake_xen_close_port(b.port);
	b.port = 0;
	set_key(back_path, "state", "6");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "1"));
	settle();
}

static void row28_xsa465_closed_in_each_state(struct kunit *test)
{
	/* Connected */
	back_restarts(test);
	/* Initialising */
	back_restarts(test);
	/* Initialised */
	announce(test);
	back_restarts(test);
	/* Reconfiguring */
	announce(test);
	connect_backend(test);
	set_key(back_path, "state", "7");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "7"));
	back_restarts(test);
	/* Closing */
	announce(test);
	connect_backend(test);
	set_key(back_path, "state", "5");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "6"));
	back_restarts(test);
	announce(test);
	connect_backend(test);
	expect_served(test);
	/* And for good. */
	set_key(back_path, "online", "0");
	set_key(back_path, "state", "6");
	KUNIT_EXPECT_TRUE(test, key_comes(front_path, "state", "6"));
}

static void row28_removed_in_each_state(struct kunit *test)
{
	static const char * const name[] = { "1", "3", "7", "5", "6" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(name); i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, 512, &req);

		switch (i) {
		case 0:
			back_restarts(test);
			break;
		case 1:
			back_restarts(test);
			announce(test);
			break;
		case 2:
			set_key(back_path, "state", "7");
			break;
		case 3:
			WRITE_ONCE(*b.ring.my_prod, READ_ONCE(*b.ring.my_prod) + 99);
			fake_xen_kick_async(b.port);
			break;
		default:
			set_key(back_path, "online", "0");
			set_key(back_path, "state", "6");
			break;
		}
		KUNIT_EXPECT_TRUE_MSG(test, key_comes(front_path, "state", name[i]), "state %s", name[i]);
		fake_xen_remove_device(front);
		front = NULL;
		KUNIT_ASSERT_TRUE_MSG(test, ends(c), "state %s", name[i]);
		KUNIT_EXPECT_NE(test, c->result, 0);
		forget(c);
		again(test);
	}
	expect_served(test);
}

static bool storming;

static int storm(void *arg)
{
	struct completion *done = arg;

	while (READ_ONCE(storming)) {
		fake_xen_kick_async(b.port);
		usleep_range(5, 20);
	}
	kthread_complete_and_exit(done, 0);
}

static void row29_interrupt_during_teardown(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
		struct vscsiif_response rsp = { .rqid = req.rqid };
		DECLARE_COMPLETION_ONSTACK(done);

		WRITE_ONCE(storming, true);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(storm, &done, "vscsi-storm")));
		usleep_range(1000, 2000);
		/* Answered in the last moment, or never. */
		if (i & 1) {
			pv_ring_put(&b.ring, &rsp, sizeof(rsp));
			pv_ring_publish(&b.ring);
		}
		fake_xen_remove_device(front);
		front = NULL;
		KUNIT_EXPECT_TRUE(test, ends(c));
		KUNIT_EXPECT_EQ(test, !c->result, i & 1);
		WRITE_ONCE(storming, false);
		wait_for_completion(&done);
		forget(c);
		again(test);
	}
}

/* ---- row 30: fields of vscsiif ---- */

static void row30_residual_beyond(struct kunit *test)
{
	static const u32 residual[] = { 513, 4096, 1U << 31, U32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(residual); i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_FROM_DEVICE, 512, &req);
		struct vscsiif_response rsp = { .rqid = req.rqid, .residual_len = residual[i] };

		memset(data_of(&req.seg[0]), 0x3c, 512);
		respond(&rsp);
		KUNIT_ASSERT_TRUE(test, ends(c));
		/* The device's surplus: all there was room for is there. */
		KUNIT_EXPECT_EQ(test, c->result, 0);
		KUNIT_EXPECT_EQ(test, c->resid, 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer(c), 0x3c, 512));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer(c) + 512, 0x5a, PAGE_SIZE - 512));
		forget(c);
	}
}

static void row30_sense_too_long(struct kunit *test)
{
	static const u8 len[] = { VSCSIIF_SENSE_BUFFERSIZE, VSCSIIF_SENSE_BUFFERSIZE + 1, 128, 255 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, 512, &req);
		struct vscsiif_response rsp = {
			.rqid = req.rqid, .rslt = SAM_STAT_CHECK_CONDITION, .sense_len = len[i],
		};

		memset(rsp.sense_buffer, 0x33, sizeof(rsp.sense_buffer));
		rsp.sense_buffer[0] = 0x70;
		rsp.sense_buffer[2] = ILLEGAL_REQUEST;
		rsp.sense_buffer[7] = VSCSIIF_SENSE_BUFFERSIZE - 8;
		respond(&rsp);
		if (i) {
			expect_lost(test, c);
			again(test);
			continue;
		}
		KUNIT_ASSERT_TRUE(test, ends(c));
		KUNIT_EXPECT_EQ(test, c->result, SAM_STAT_CHECK_CONDITION);
		EXPECT_MEMEQ(test, c->sense, rsp.sense_buffer, VSCSIIF_SENSE_BUFFERSIZE);
		forget(c);
	}
}

static void row30_reserved_bits(struct kunit *test)
{
	static const struct {
		u32 rslt;
		int want;
	} r[] = {
		{ 0xff00ff00, 0 },
		{ 0x7f008100, 0 },
		{ 0xff010000, DID_NO_CONNECT << 16 },
		{ 0x00070000, DID_ERROR << 16 },
		{ 0x00150000, DID_ERROR << 16 },
		{ 0x00ff0000, DID_ERROR << 16 },
		{ 0x80ee0000, DID_ERROR << 16 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		struct vscsiif_request req;
		struct command *c = ask(test, DMA_TO_DEVICE, 512, &req);
		struct vscsiif_response rsp = { .rqid = req.rqid, .rslt = r[i].rslt };

		respond(&rsp);
		KUNIT_ASSERT_TRUE_MSG(test, ends(c), "%#x", r[i].rslt);
		KUNIT_EXPECT_EQ_MSG(test, c->result, r[i].want, "%#x", r[i].rslt);
		forget(c);
	}
}

static void row30_bad_addresses(struct kunit *test)
{
	static const char * const bad[] = {
		"0:0:0:0", "", "0", "0:0", "0:0:1", "0:0:1:2:3", "0:0:1:2 ", "0:0:64:0", "0:0:0:16384", "0:1:0:0",
		"-1:0:1:3", "0:0:-1:3", "0:0:65536:2", "0:0:4294967297:0", "0:0:0:99999999999", "x:y:z:w", "0:0:1:0x10",
		"0000000000000000000000000000000000000000000000000000000000000000:0:1:1",
	};
	char key[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(key, sizeof(key), "vscsi-devs/bad-%u/v-dev", i);
		set_key(back_path, key, bad[i]);
		snprintf(key, sizeof(key), "vscsi-devs/bad-%u/state", i);
		set_key(back_path, key, "3");
	}
	set_key(back_path, "vscsi-devs/no-address/state", "3");
	set_key(back_path, "vscsi-devs/no-state/v-dev", "0:0:1:9");
	set_key(back_path, "vscsi-devs/a-name-that-is-longer-than-anybody-needs/state", "3");
	set_key(back_path, "vscsi-devs/odd/state", "banana");
	set_key(back_path, "state", "7");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "7"));
	set_key(back_path, "state", "8");
	KUNIT_ASSERT_TRUE(test, key_comes(front_path, "state", "4"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(key, sizeof(key), "vscsi-devs/bad-%u/state", i);
		KUNIT_EXPECT_TRUE_MSG(test, key_is(front_path, key, "6"), "%s", bad[i]);
	}
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/no-address/state", "6"));
	/* The good one goes on. */
	KUNIT_EXPECT_TRUE(test, key_is(front_path, "vscsi-devs/dev-0/state", "4"));
	expect_served(test);
}

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(row3_xsa155_response_rewritten),
	KUNIT_CASE(row22_xsa391_event_storm),
	KUNIT_CASE(row23_xsa376_rsp_prod_beyond),
	KUNIT_CASE(row23_xsa376_duplicate_id),
	KUNIT_CASE(row23_cve_2026_99155_id_never_sent),
	KUNIT_CASE(row23_xsa376_id_out_of_range),
	KUNIT_CASE(row24_xsa396_mapped_after_response),
	KUNIT_CASE(row24_xsa396_mapped_in_between),
	KUNIT_CASE(row24_xsa396_mapped_at_close),
	KUNIT_CASE(row28_xsa465_removed_after_resume),
	KUNIT_CASE(row28_xsa465_closed_in_each_state),
	KUNIT_CASE(row28_removed_in_each_state),
	KUNIT_CASE(row29_interrupt_during_teardown),
	KUNIT_CASE(row30_residual_beyond),
	KUNIT_CASE(row30_sense_too_long),
	KUNIT_CASE(row30_reserved_bits),
	KUNIT_CASE(row30_bad_addresses),
	{}
};

static struct kunit_suite direct_suite = {
	.name = "scsifront_hostile_direct",
	.init = direct_init,
	.exit = end,
	.test_cases = direct_cases,
};

static struct kunit_case staged_cases[] = {
	KUNIT_CASE(failed_read_shows_nobodys_data),
	KUNIT_CASE(row3_xsa155_response_rewritten),
	KUNIT_CASE(row23_xsa376_rsp_prod_beyond),
	KUNIT_CASE(row24_xsa396_mapped_at_close),
	KUNIT_CASE(row29_interrupt_during_teardown),
	KUNIT_CASE(row30_residual_beyond),
	{}
};

static struct kunit_suite staged_suite = {
	.name = "scsifront_hostile_staged",
	.init = staged_init,
	.exit = end,
	.test_cases = staged_cases,
};

static struct kunit_case untrusted_cases[] = {
	KUNIT_CASE(row24_xsa396_mapped_at_close),
	KUNIT_CASE(row25_xsa403_only_data_is_shared),
	KUNIT_CASE(row25_xsa403_scribbles),
	{}
};

static struct kunit_suite untrusted_suite = {
	.name = "scsifront_hostile_untrusted",
	.init = untrusted_init,
	.exit = end,
	.test_cases = untrusted_cases,
};

kunit_test_suites(&direct_suite, &staged_suite, &untrusted_suite);

MODULE_DESCRIPTION("Tests of the SCSI frontend against hostile backends");
MODULE_LICENSE("GPL");
