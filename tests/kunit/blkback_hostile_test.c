// SPDX-License-Identifier: GPL-2.0
/*
 * blkback against a frontend that this test plays, which does what hostile frontends have done; a case carries its row
 * in the list of such deeds. A second disk, whose frontend behaves, works all the while, and its data is checked.
 * After each case nothing is held.
 */
#include <linux/mm.h>
#include <xen/interface/io/blkif.h>
#define HELPERS_WANT_DEVICE
#include "helpers.h"
#include "null_blk.h"
#include "reader.h"
#include "ring.h"

#define TYPE		"vbd"
#define PAGES		16
#define STRIDE		sizeof(struct blkif_request)
#define SLOTS		32
#define NO_GRANT	16000		/* a reference that nobody has granted */
#define IN_PAGE		8		/* sectors */
#define RESPONSE	16		/* bytes of a response, those of its padding included */

struct guest {
	unsigned int id;
	bool persistent;
	sector_t first;			/* of the sectors that are this guest's */
	struct xenbus_device *back;
	char front_path[FAKE_XEN_PATH_LEN], back_path[FAKE_XEN_PATH_LEN];
	void *mem;
	int ring_ref;
	struct pv_ring ring;
	struct pv_stats stats;
	evtchn_port_t port;
	u8 written[SLOTS][STRIDE];	/* what stands in the slots */
	struct page *page[PAGES];
	u32 ref[PAGES];
	u64 next;
	u8 seed;
	const char *leak;
};

#include "hostile.h"

/* ---- a guest's life ---- */

static void write_keys(struct guest *g)
{
	memset(g->mem, 0, PAGE_SIZE);
	pv_ring_init_front(&g->ring, g->mem, 1, STRIDE, &g->stats);
	set_number(g->front_path, "ring-ref", g->ring_ref);
	set_number(g->front_path, "event-channel", g->port);
	set_number(g->front_path, "feature-persistent", g->persistent);
	set_key(g->front_path, "protocol", "x86_64-abi");
}

static bool connects(struct guest *g)
{
	set_key(g->front_path, "state", "3");
	/* Connected, or Closing at once */
	if (!COMES_TRUE(key_is(g->back_path, "state", "4") || key_is(g->back_path, "state", "5")) ||
	    !key_is(g->back_path, "state", "4"))
		return false;
	set_key(g->front_path, "state", "4");
	return true;
}

static bool begin_guest(struct guest *g, unsigned int id, bool persistent, sector_t first)
{
	dev_t disk = find_null_blk();
	char text[16];
	unsigned int i;

	memset(g, 0, sizeof(*g));
	g->id = id;
	g->persistent = persistent;
	g->first = first;
	fake_xen_path(g->front_path, FAKE_XEN_FRONT, TYPE, id);
	fake_xen_path(g->back_path, FAKE_XEN_BACK, TYPE, id);
	for (i = 0; i < PAGES; i++) {
		g->page[i] = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
		g->ref[i] = fake_xen_grant(g->page[i], false);
	}
	g->mem = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);
	g->ring_ref = fake_xen_grant(virt_to_page(g->mem), false);
	g->port = fake_xen_peer_port();
	write_keys(g);
	snprintf(text, sizeof(text), "%x:%x", MAJOR(disk), MINOR(disk));
	set_key(g->back_path, "online", "1");
	set_key(g->back_path, "mode", "w!");
	set_key(g->back_path, "device-type", "disk");
	set_key(g->back_path, "physical-device", text);
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
	if (g->mem) {
		fake_xen_close_port(g->port);
		fake_xen_revoke(g->ring_ref);
		free_page((unsigned long)g->mem);
	}
	memset(g, 0, sizeof(*g));
}

/* ---- requests and responses ---- */

/* A read or write of whole pages, of sectors from the guest's first on. What means nothing is not zero. */
static struct blkif_request transfer(struct guest *g, u8 op, unsigned int page, unsigned int nr)
{
	struct blkif_request req;
	unsigned int i;

	memset(&req, 0xa5, sizeof(req));
	req.operation = op;
	req.u.rw.nr_segments = nr;
	req.u.rw.id = ++g->next;
	req.u.rw.sector_number = g->first;
	for (i = 0; i < nr; i++)
		req.u.rw.seg[i] = (struct blkif_request_segment) {
			.gref = g->ref[page + i], .last_sect = IN_PAGE - 1,
		};
	return req;
}

/* The same with its segments in the guest's last page. */
static struct blkif_request indirect(struct guest *g, u8 op, unsigned int page, unsigned int nr)
{
	struct blkif_request_segment *seg = page_address(g->page[PAGES - 1]);
	struct blkif_request req;
	unsigned int i;

	memset(&req, 0xa5, sizeof(req));
	req.operation = BLKIF_OP_INDIRECT;
	req.u.indirect.indirect_op = op;
	req.u.indirect.nr_segments = nr;
	req.u.indirect.id = ++g->next;
	req.u.indirect.sector_number = g->first;
	req.u.indirect.indirect_grefs[0] = g->ref[PAGES - 1];
	for (i = 0; i < nr; i++)
		seg[i] = (struct blkif_request_segment) { .gref = g->ref[page + i % 4], .last_sect = IN_PAGE - 1 };
	return req;
}

static void put(struct guest *g, const struct blkif_request *req)
{
	memcpy(g->written[g->ring.prod % SLOTS], req, STRIDE);
	pv_ring_put(&g->ring, req, STRIDE);
}

static void push(struct guest *g)
{
	if (pv_ring_publish(&g->ring))
		fake_xen_kick_async(g->port);
}

/* Row 4, for every response there is: what means nothing is zero or what the guest itself has written. */
static void look_for_leaks(struct guest *g, const u8 *slot)
{
	const u8 *old = g->written[(g->ring.cons - 1) % SLOTS];

	if (slot[9] || memchr_inv(slot + 12, 0, RESPONSE - 12))
		g->leak = "padding";
	else if (memcmp(slot + RESPONSE, old + RESPONSE, STRIDE - RESPONSE))
		g->leak = "the slot's rest";
}

static bool take(struct guest *g, struct blkif_response *rsp)
{
	unsigned long until = jiffies + 20 * HZ;
	u8 slot[STRIDE];

	while (!pv_ring_pending(&g->ring)) {
		if (g->ring.broken || time_after(jiffies, until))
			return false;
		usleep_range(10, 50);
	}
	pv_ring_get(&g->ring, slot, STRIDE);
	look_for_leaks(g, slot);
	memcpy(rsp, slot, sizeof(*rsp));
	return true;
}

static bool call(struct guest *g, const struct blkif_request *req, struct blkif_response *rsp)
{
	put(g, req);
	push(g);
	/* the id is at the same place in each operation, but for the one that there is not */
	return take(g, rsp) && (rsp->id == req->u.rw.id || rsp->status != BLKIF_RSP_OKAY);
}

static bool moves(struct guest *g, u8 op, unsigned int page, unsigned int nr)
{
	struct blkif_request req = transfer(g, op, page, nr);
	struct blkif_response rsp;

	return call(g, &req, &rsp) && rsp.status == BLKIF_RSP_OKAY && rsp.operation == op;
}

/* Data goes there and comes back. */
static bool serves(struct guest *g)
{
	u8 seed = g->seed++ | 0x40;

	fill(g, 0, 2, seed);
	fill(g, 2, 2, 0xee);
	return moves(g, BLKIF_OP_WRITE, 0, 2) && moves(g, BLKIF_OP_READ, 2, 2) && filled(g, 2, 2, seed);
}

static void expect_refused(struct kunit *test, const struct blkif_request *req, s16 status, const char *what, u64 value)
{
	struct blkif_response rsp = { };

	KUNIT_ASSERT_TRUE_MSG(test, call(&hostile, req, &rsp), "%s %#llx", what, value);
	KUNIT_EXPECT_EQ_MSG(test, rsp.status, status, "%s %#llx", what, value);
}

/* ---- a case's beginning and end ---- */

static int begin(struct kunit *test, bool persistent)
{
	fake_xen_reset();
	memset(&life, 0, sizeof(life));
	memset(&hostile, 0, sizeof(hostile));
	KUNIT_ASSERT_TRUE_MSG(test, begin_guest(&neighbour, 51728, true, 4096), "%s", fake_xen_last_error());
	wake_neighbour(test);
	KUNIT_ASSERT_TRUE_MSG(test, begin_guest(&hostile, 51712, persistent, 0), "%s", fake_xen_last_error());
	return 0;
}

static int copied_init(struct kunit *test)
{
	return begin(test, false);
}

static int kept_init(struct kunit *test)
{
	return begin(test, true);
}

/* ---- row 1: req_prod ---- */

static void row1_xsa39_req_prod_beyond(struct kunit *test)
{
	static const u32 beyond[] = { SLOTS + 1, 1U << 31, -1U };
	struct blkif_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		/* Idle, then with requests in flight. */
		WRITE_ONCE(*hostile.ring.my_prod, hostile.ring.prod + beyond[i]);
		fake_xen_kick_async(hostile.port);
		expect_cut_off(test);

		req = transfer(&hostile, BLKIF_OP_READ, 0, 2);
		put(&hostile, &req);
		put(&hostile, &req);
		pv_ring_publish(&hostile.ring);
		/* Backwards is behind what has been seen before these two. */
		WRITE_ONCE(*hostile.ring.my_prod, hostile.ring.prod + beyond[i] - (beyond[i] == -1U ? 2 : 0));
		fake_xen_kick_async(hostile.port);
		expect_cut_off(test);
	}
}

/* ---- row 3: memory that changes while it is read ---- */

static unsigned int rewritten;

/* Between any two operations of Xen: all slots, and the page of segments. */
static void rewrite(enum fake_xen_op op, void *arg, void *data)
{
	memset(hostile.ring.slots, 0xff, SLOTS * STRIDE);
	memset(page_address(hostile.page[PAGES - 1]), 0xff, PAGE_SIZE);
	rewritten++;
}

static void row3_xsa155_rewritten_in_between(struct kunit *test)
{
	struct blkif_response rsp;
	struct blkif_request req;

	/* What counts in all of Xen, and what is rewritten, is this guest's. */
	still_neighbour();
	rewritten = 0;
	fill(&hostile, 0, 4, 0x5a);
	req = transfer(&hostile, BLKIF_OP_WRITE, 0, 4);
	fake_xen_on_op(rewrite, NULL);
	put(&hostile, &req);
	push(&hostile);
	KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.status, BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, rsp.id, req.u.rw.id);
	KUNIT_EXPECT_GT(test, rewritten, 0);
	/* All that is known of an indirect one is what was read first: it is refused, or is what it was. */
	req = indirect(&hostile, BLKIF_OP_READ, 4, 16);
	put(&hostile, &req);
	push(&hostile);
	KUNIT_ASSERT_TRUE(test, take(&hostile, &rsp));
	KUNIT_EXPECT_EQ(test, rsp.id, req.u.indirect.id);
	fake_xen_on_op(NULL, NULL);
	/* (Those slots now look as if the backend had told something.) */
	hostile.leak = NULL;
	KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
	fill(&hostile, 4, 4, 0xee);
	KUNIT_EXPECT_TRUE(test, moves(&hostile, BLKIF_OP_READ, 4, 4));
	KUNIT_EXPECT_TRUE(test, filled(&hostile, 4, 4, 0x5a));
}

/* ---- row 4 ---- */

/* Each kind of answer; call() looks at each of its bytes. */
static void row4_xsa216_responses_tell_nothing(struct kunit *test)
{
	struct blkif_response rsp;
	struct blkif_request req;
	unsigned int op;

	for (op = 0; op < 16; op++) {
		req = transfer(&hostile, op, 0, 1);
		KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
		KUNIT_EXPECT_NULL_MSG(test, hostile.leak, "operation %u: %s", op, hostile.leak);
	}
	req = indirect(&hostile, BLKIF_OP_READ, 0, 16);
	KUNIT_EXPECT_TRUE(test, call(&hostile, &req, &rsp));
}

/* ---- row 9 ---- */

static void row9_xsa332_event_storm(struct kunit *test)
{
	struct fake_xen_counts before;
	unsigned long eois, until = jiffies + 10 * HZ;
	unsigned int i;

	still_neighbour();
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
	KUNIT_ASSERT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	before = fake_xen_counts;
	for (i = 0; i < 500 || (fake_xen_counts.eois - before.eois < 50 && time_before(jiffies, until)); i++)
		fake_xen_kick(hostile.port);
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(fake_xen_counts.eois == fake_xen_counts.upcalls));
	/* One EOI each, and Xen hears that it was for nothing, from which its delay grows. */
	eois = fake_xen_counts.eois - before.eois;
	KUNIT_EXPECT_GE(test, eois, 50ul);
	KUNIT_EXPECT_GE(test, fake_xen_counts.spurious_eois - before.spurious_eois + 1, eois);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.copy_calls + fake_xen_counts.map_calls,
			before.copy_calls + before.map_calls);
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

/* ---- row 11 ---- */

static void row11_xsa350_states_in_a_loop(struct kunit *test)
{
	static const char * const states[] = { "6", "1", "3", "4", "5", "4", "6", "3", "7", "4", "8", "2", "9", "4" };
	struct blkif_request req;
	unsigned int i, k;

	for (i = 0; i < 12; i++) {
		for (k = 0; k < 12; k++) {
			req = transfer(&hostile, k & 1 ? BLKIF_OP_WRITE : BLKIF_OP_READ, k & 7, 4);
			put(&hostile, &req);
		}
		push(&hostile);
		/* Not waiting for anything, or now and then. */
		for (k = 0; k < ARRAY_SIZE(states); k++) {
			set_key(hostile.front_path, "state", states[(i * 5 + k) % ARRAY_SIZE(states)]);
			if (k % 5 == i % 5)
				usleep_range(100, 1000);
		}
		KUNIT_ASSERT_TRUE_MSG(test, reconnects(&hostile), "round %u: %s", i, fake_xen_last_error());
		if (i % 4 == 3)
			KUNIT_EXPECT_TRUE(test, serves(&hostile));
	}
	/* And the quick toggle as it was reported. */
	for (i = 0; i < 30; i++) {
		req = transfer(&hostile, BLKIF_OP_READ, 0, 4);
		write_keys(&hostile);
		put(&hostile, &req);
		push(&hostile);
		set_key(hostile.front_path, "state", "4");
		set_key(hostile.front_path, "state", "6");
	}
	KUNIT_EXPECT_TRUE_MSG(test, reconnects(&hostile), "%s", fake_xen_last_error());
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

/* ---- row 12: references ---- */

static void row12_xsa36x_bad_reference(struct kunit *test)
{
	struct blkif_request_segment *list = page_address(hostile.page[PAGES - 1]);
	struct page *page = alloc_page(GFP_KERNEL);
	static const unsigned int places[] = { 0, 1, 10 }, in_list[] = { 0, 31, 32, 63 };
	struct blkif_request req;
	unsigned int i, where;
	int readonly;

	KUNIT_ASSERT_NOT_NULL(test, page);
	readonly = fake_xen_grant(page, true);
	memset(page_address(page), 0x77, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		where = places[i];
		req = transfer(&hostile, BLKIF_OP_WRITE, 0, 11);
		req.u.rw.seg[where].gref = NO_GRANT;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "no grant at", where);
		req.u.rw.seg[where].gref = -1;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "no table at", where);
		req = transfer(&hostile, BLKIF_OP_READ, 0, 11);
		req.u.rw.seg[where].gref = readonly;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "read-only at", where);
	}
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(page_address(page), 0x77, PAGE_SIZE), "a read-only page was written");
	/* In a list: first, last, at the edge of a batch, and the list's own. */
	for (i = 0; i < ARRAY_SIZE(in_list); i++) {
		where = in_list[i];
		req = indirect(&hostile, BLKIF_OP_WRITE, 0, 64);
		list[where].gref = NO_GRANT;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "no grant in the list at", where);
	}
	req = indirect(&hostile, BLKIF_OP_READ, 0, 64);
	req.u.indirect.indirect_grefs[0] = NO_GRANT;
	expect_refused(test, &req, BLKIF_RSP_ERROR, "the list's", NO_GRANT);
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
	fake_xen_revoke(readonly);
	__free_page(page);
}

static void row12_xsa361_xen_refuses(struct kunit *test)
{
	struct blkif_response rsp;
	struct blkif_request req;
	unsigned int i;

	still_neighbour();
	for (i = 0; i < 9; i++) {
		/* Whichever of them is used; a connection that keeps pages mapped has none for these yet. */
		KUNIT_ASSERT_TRUE(test, reconnects(&hostile));
		fake_xen_fail_ops(FAKE_XEN_MAP, i, 1, GNTST_general_error);
		fake_xen_fail_ops(FAKE_XEN_COPY, i, 1, GNTST_general_error);
		req = transfer(&hostile, BLKIF_OP_WRITE, 0, 11);
		KUNIT_ASSERT_TRUE(test, call(&hostile, &req, &rsp));
		fake_xen_fail_ops(FAKE_XEN_MAP, 0, 0, 0);
		fake_xen_fail_ops(FAKE_XEN_COPY, 0, 0, 0);
		KUNIT_EXPECT_TRUE(test, serves(&hostile));
	}
}

/* ---- row 17: fields of blkif ---- */

static void row17_xsa513_fields(struct kunit *test)
{
	static const u8 firsts[] = { 1, 8, 255 }, lasts[] = { 8, 9, 127, 255 }, counts[] = { 0, 12, 32, 255 };
	static const u16 many[] = { 0, 257, 512, 65535 };
	struct blkif_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lasts); i++) {
		req = transfer(&hostile, BLKIF_OP_READ, 0, 2);
		req.u.rw.seg[1].last_sect = lasts[i];
		expect_refused(test, &req, BLKIF_RSP_ERROR, "last_sect", lasts[i]);
		req = indirect(&hostile, BLKIF_OP_READ, 0, 20);
		((struct blkif_request_segment *)page_address(hostile.page[PAGES - 1]))[19].last_sect = lasts[i];
		expect_refused(test, &req, BLKIF_RSP_ERROR, "last_sect in a list", lasts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		req = transfer(&hostile, BLKIF_OP_READ, 0, 2);
		req.u.rw.seg[0].first_sect = firsts[i];
		req.u.rw.seg[0].last_sect = 0;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "first_sect", firsts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		req = transfer(&hostile, BLKIF_OP_READ, 0, 1);
		req.u.rw.nr_segments = counts[i];
		expect_refused(test, &req, BLKIF_RSP_ERROR, "nr_segments", counts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		req = indirect(&hostile, BLKIF_OP_READ, 0, 1);
		req.u.indirect.nr_segments = many[i];
		expect_refused(test, &req, BLKIF_RSP_ERROR, "nr_segments in a list", many[i]);
	}
	for (i = 0; i < 256; i += i == 6 ? 249 : 1) {
		if (i == BLKIF_OP_READ || i == BLKIF_OP_WRITE)
			continue;
		req = indirect(&hostile, BLKIF_OP_READ, 0, 1);
		req.u.indirect.indirect_op = i;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "indirect_op", i);
	}
	for (i = 0; i < 64; i += 9) {
		req = transfer(&hostile, BLKIF_OP_WRITE, 0, 1);
		req.u.rw.sector_number = -1ULL << i;
		expect_refused(test, &req, BLKIF_RSP_ERROR, "sector_number", req.u.rw.sector_number);
	}
	req = transfer(&hostile, 200, 0, 1);
	expect_refused(test, &req, BLKIF_RSP_EOPNOTSUPP, "operation", 200);
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

/* ---- rows 18 and 20: what a connection is made from ---- */

static void expect_no_connection(struct kunit *test, const char *key, const char *value)
{
	KUNIT_EXPECT_FALSE_MSG(test, connects(&hostile), "%s \"%s\" is taken", key, value);
	KUNIT_EXPECT_TRUE_MSG(test, key_comes(hostile.back_path, "state", "5"), "%s \"%s\": not Closing", key, value);
	KUNIT_EXPECT_TRUE_MSG(test, reconnects(&hostile), "%s \"%s\": %s", key, value, fake_xen_last_error());
}

static void row18_connect_fails(struct kunit *test)
{
	expect_no_connection_by_keys(test);
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	set_number(hostile.front_path, "event-channel", neighbour.port);
	expect_no_connection(test, "event-channel", "the neighbour's");
	/* A ring that is nonsense before anybody has used it. */
	KUNIT_ASSERT_TRUE(test, leaves(&hostile));
	write_keys(&hostile);
	*hostile.ring.my_prod = SLOTS + 1;
	expect_no_connection(test, "req_prod", "too far");
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

static void row19_statistics_while_it_cycles(struct kunit *test)
{
#define FILE(name) "/sys/bus/xen-backend/devices/vbd-1-51712/statistics/" name
	static const char * const files[] = {
		FILE("f_req"), FILE("ds_req"), FILE("oo_req"), FILE("rd_req"), FILE("wr_req"), FILE("rd_sect"),
		FILE("wr_sect"), "/sys/kernel/debug/pvsplit/vbd-1-51712", NULL
	};
#undef FILE
	unsigned int i;

	begin_reading(test, files);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, reconnects(&hostile));
		KUNIT_EXPECT_TRUE(test, serves(&hostile));
		if (i % 3)
			continue;
		/* The device itself goes and comes. */
		fake_xen_remove_device(hostile.back);
		set_key(hostile.back_path, "state", "1");
		set_key(hostile.front_path, "state", "1");
		write_keys(&hostile);
		hostile.back = fake_xen_add_device(FAKE_XEN_BACK, TYPE, hostile.id);
		KUNIT_ASSERT_FALSE(test, IS_ERR(hostile.back));
		KUNIT_ASSERT_TRUE_MSG(test, connects(&hostile), "%s", fake_xen_last_error());
	}
	end_reading(test);
}

static void row20_bad_numbers(struct kunit *test)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "multi-queue-num-queues", "0" }, { "multi-queue-num-queues", "-1" },
		{ "multi-queue-num-queues", "5" }, { "multi-queue-num-queues", "abc" },
		{ "multi-queue-num-queues", "4294967296" }, { "multi-queue-num-queues", "" },
		{ "ring-page-order", "5" }, { "ring-page-order", "-1" }, { "ring-page-order", "4294967296" },
		{ "feature-persistent", "2" }, { "feature-persistent", "yes" },
		{ "protocol", "x86_16-abi" }, { "protocol", "" },
		{ "protocol", "x86_64-abix86_64-abix86_64-abix86_64-abix86_64-abix86_64-abix86_64-abi" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, bad[i].key, bad[i].value);
		KUNIT_EXPECT_FALSE_MSG(test, connects(&hostile), "%s \"%s\" is taken", bad[i].key, bad[i].value);
		KUNIT_EXPECT_TRUE_MSG(test, key_comes(hostile.back_path, "state", "5"), "%s \"%s\"", bad[i].key,
				      bad[i].value);
		set_key(hostile.front_path, bad[i].key, NULL);
		KUNIT_ASSERT_TRUE_MSG(test, reconnects(&hostile), "%s \"%s\"", bad[i].key, bad[i].value);
	}
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

static struct kunit_case copied_cases[] = {
	KUNIT_CASE(row1_xsa39_req_prod_beyond),
	KUNIT_CASE(row3_xsa155_rewritten_in_between),
	KUNIT_CASE(row4_xsa216_responses_tell_nothing),
	KUNIT_CASE(row9_xsa332_event_storm),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row12_xsa36x_bad_reference),
	KUNIT_CASE(row12_xsa361_xen_refuses),
	KUNIT_CASE(row17_xsa513_fields),
	KUNIT_CASE(row18_connect_fails),
	KUNIT_CASE(row19_statistics_while_it_cycles),
	KUNIT_CASE(row20_bad_numbers),
	{}
};

static struct kunit_suite copied_suite = {
	.name = "blkback_hostile_copying",
	.init = copied_init,
	.exit = end_guests,
	.test_cases = copied_cases,
};

static struct kunit_case kept_cases[] = {
	KUNIT_CASE(row4_xsa216_responses_tell_nothing),
	KUNIT_CASE(row11_xsa350_states_in_a_loop),
	KUNIT_CASE(row12_xsa36x_bad_reference),
	KUNIT_CASE(row12_xsa361_xen_refuses),
	{}
};

static struct kunit_suite kept_suite = {
	.name = "blkback_hostile_persistent",
	.init = kept_init,
	.exit = end_guests,
	.test_cases = kept_cases,
};

kunit_test_suites(&copied_suite, &kept_suite);

MODULE_LICENSE("GPL");
