// SPDX-License-Identifier: GPL-2.0
/*
 * Feature tables: what stands in xenstore, what it means, and what is said about nonsense.
 */
#define HELPERS_WANT_DEVICE
#include "features.h"
#include "helpers.h"

static unsigned int limit = 4;

enum { QUEUES, ORDER, SIZE, FLAG, MINE, MINE_OPTIONAL, ASKED, LATE, NR };

static const struct pv_feature table[NR] = {
	[QUEUES] = { .key = "multi-queue-max-queues", .flags = PV_FEATURE_CLAMP, .min = 1, .max = 64, .absent = 1,
		     .limit = &limit },
	[ORDER] = { .key = "max-ring-page-order", .min = 0, .max = 4, .absent = 0 },
	[SIZE] = { .key = "sectors", .flags = PV_FEATURE_REQUIRED, .min = 1, .max = U64_MAX },
	[FLAG] = { .key = "feature-flag", .min = 0, .max = 1, .absent = 0 },
	[MINE] = { .key = "front-key", .from_front = true, .min = 0, .max = 1000, .absent = 7 },
	[MINE_OPTIONAL] = { .key = "front-optional", .from_front = true, .flags = PV_FEATURE_OPTIONAL, .min = 0,
			    .max = 1, .absent = 0 },
	[ASKED] = { .key = "front-order", .from_front = true, .flags = PV_FEATURE_BOUNDED, .bound = ORDER, .min = 0,
		    .max = 4, .absent = U64_MAX },
	[LATE] = { .key = "late-key", .flags = PV_FEATURE_LATE, .min = 10, .max = 20, .absent = 15 },
};

struct example {
	const char *text;
	u8 flags;
	u64 min, max;
	int err;
	u64 value;
};

/* A key with "absent" 3 and no module parameter. */
static const struct example examples[] = {
	{ NULL, 0, 1, 64, 0, 3 },
	{ NULL, PV_FEATURE_CLAMP, 10, 64, 0, 3 },
	{ NULL, PV_FEATURE_REQUIRED, 1, 64, -ENOENT },
	{ "1", 0, 1, 64, 0, 1 },
	{ "64", 0, 1, 64, 0, 64 },
	{ "0", 0, 1, 64, -ERANGE },
	{ "65", 0, 1, 64, -ERANGE },
	{ "65", PV_FEATURE_CLAMP, 1, 64, 0, 64 },
	{ "0", PV_FEATURE_CLAMP, 1, 64, -ERANGE },
	{ "4294967296", 0, 1, 64, -ERANGE },
	{ "4294967296", PV_FEATURE_CLAMP, 1, 64, 0, 64 },
	/* 2^32 + 1 must not become 1. */
	{ "4294967297", 0, 0, U64_MAX, 0, 4294967297ULL },
	{ "18446744073709551615", 0, 0, U64_MAX, 0, U64_MAX },
	{ "18446744073709551616", 0, 0, U64_MAX, -ERANGE },
	{ "18446744073709551617", 0, 0, 64, -ERANGE },
	{ "99999999999999999999999999", PV_FEATURE_CLAMP, 1, 64, 0, 64 },
	{ "", 0, 0, 64, -EINVAL },
	{ "abc", 0, 0, 64, -EINVAL },
	{ "abc", PV_FEATURE_CLAMP, 0, 64, -EINVAL },
	{ "-1", 0, 0, 64, -EINVAL },
	{ "-1", PV_FEATURE_CLAMP, 0, 64, -EINVAL },
	{ "5 ", 0, 0, 64, -EINVAL },
	{ " 5", 0, 0, 64, -EINVAL },
	{ "5;rm", 0, 0, 64, -EINVAL },
	{ "0x10", 0, 0, 64, -EINVAL },
	{ "1.5", 0, 0, 64, -EINVAL },
	/* Decimal, whatever the zeros say. */
	{ "010", 0, 0, 64, 0, 10 },
};

static void parse(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *e = &examples[i];
		struct pv_feature f = { .key = "k", .flags = e->flags, .min = e->min, .max = e->max, .absent = 3 };
		u64 value = 0x1234;
		int err = pv_feature_parse(&f, e->text, &value);

		KUNIT_EXPECT_EQ_MSG(test, err, e->err, "\"%s\" in %llu..%llu, flags %u", e->text, e->min, e->max,
				    e->flags);
		if (!e->err)
			KUNIT_EXPECT_EQ_MSG(test, value, e->value, "\"%s\"", e->text);
	}
}

static void module_parameter_limits(struct kunit *test)
{
	unsigned int cap = 8;
	struct pv_feature f = { .key = "k", .min = 1, .max = 64, .absent = 16, .limit = &cap };
	u64 value;

	KUNIT_EXPECT_EQ(test, pv_feature_parse(&f, "7", &value), 0);
	KUNIT_EXPECT_EQ(test, value, 7);
	KUNIT_EXPECT_EQ(test, pv_feature_parse(&f, "9", &value), 0);
	KUNIT_EXPECT_EQ(test, value, 8);
	KUNIT_EXPECT_EQ(test, pv_feature_parse(&f, NULL, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 8);
	/* It does not make nonsense valid. */
	KUNIT_EXPECT_EQ(test, pv_feature_parse(&f, "65", &value), -ERANGE);
	/* A parameter of nought cannot mean less than the protocol's least. */
	cap = 0;
	KUNIT_EXPECT_EQ(test, pv_feature_parse(&f, "9", &value), 0);
	KUNIT_EXPECT_GE(test, value, 1);
}

static struct pv_device *new_device(struct kunit *test, enum pv_end end)
{
	struct pv_device *pd = lone_device(test, end);

	pd->drv->features = table;
	pd->drv->nr_features = NR;
	return pd;
}

static void peer_writes(struct kunit *test, const char *key, const char *value)
{
	char path[FAKE_XEN_PATH_LEN];
	int err = set_key(fake_xen_path(path, FAKE_XEN_BACK, "kunit", 0), key, value);

	if (value)
		KUNIT_ASSERT_EQ(test, err, 0);
}

static const char *own_value(const char *key)
{
	char path[FAKE_XEN_PATH_LEN];

	return key_value(fake_xen_path(path, FAKE_XEN_FRONT, "kunit", 0), key);
}

static void reads_the_peers_keys(struct kunit *test)
{
	struct pv_device *pd = new_device(test, PV_FRONT);

	peer_writes(test, "sectors", "12345678901234");
	peer_writes(test, "multi-queue-max-queues", "8");
	pv_feature_offer(pd, MINE, 99);
	pv_feature_offer(pd, LATE, 77);
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, SIZE), 12345678901234ULL);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, QUEUES), 4);	/* the limit */
	KUNIT_EXPECT_EQ(test, pv_feature(pd, ORDER), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, FLAG), 0);
	/* Neither our own nor the late ones. */
	KUNIT_EXPECT_EQ(test, pv_feature(pd, MINE), 99);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, LATE), 77);

	peer_writes(test, "late-key", "20");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, true), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, LATE), 20);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, SIZE), 12345678901234ULL);
	KUNIT_EXPECT_EQ(test, fake_xen_counts.errors, 0);
}

/* The message names directory, key, value and range. */
static void says_what_is_wrong(struct kunit *test)
{
	struct pv_device *pd = new_device(test, PV_FRONT);
	const char *said;

	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -ENOENT);
	said = fake_xen_last_error();
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "/local/domain/0/backend/kunit/1/0/sectors"));

	peer_writes(test, "sectors", "100");
	peer_writes(test, "max-ring-page-order", "255");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -ERANGE);
	said = fake_xen_last_error();
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "max-ring-page-order"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "255"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "0 to 4"));

	peer_writes(test, "max-ring-page-order", "four");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "\"four\""));

	/* What would write over the log's lines does not get there as it is. */
	peer_writes(test, "max-ring-page-order", "1\n<0>panic\033[2J");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -EINVAL);
	KUNIT_EXPECT_NULL(test, strchr(fake_xen_last_error(), '\n'));
	KUNIT_EXPECT_NULL(test, strchr(fake_xen_last_error(), '\033'));

	/* Nor does a value of any length. */
	{
		char *monster = kunit_kzalloc(test, 4001, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, monster);
		memset(monster, '9', 4000);
		peer_writes(test, "max-ring-page-order", monster);
		KUNIT_EXPECT_LT(test, pv_feature_read(pd, false), 0);
		KUNIT_EXPECT_LT(test, strlen(fake_xen_last_error()), 190);
		KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "0 to 4"));
	}

	peer_writes(test, "max-ring-page-order", "4");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, ORDER), 4);
}

static void writes_what_is_offered(struct kunit *test)
{
	struct pv_device *pd = new_device(test, PV_FRONT);
	struct xenbus_transaction xbt;

	pv_feature_offer(pd, MINE, 500);
	pv_feature_offer(pd, MINE_OPTIONAL, 1);
	pv_feature_offer(pd, SIZE, 4);
	KUNIT_ASSERT_EQ(test, xenbus_transaction_start(&xbt), 0);
	KUNIT_EXPECT_EQ(test, pv_feature_write(pd, xbt, false), 0);
	/* In the transaction, not yet for all. */
	KUNIT_EXPECT_STREQ(test, own_value("front-key"), "");
	KUNIT_ASSERT_EQ(test, xenbus_transaction_end(xbt, 0), 0);
	KUNIT_EXPECT_STREQ(test, own_value("front-key"), "500");
	KUNIT_EXPECT_STREQ(test, own_value("front-optional"), "1");
	/* Not the other end's. */
	KUNIT_EXPECT_STREQ(test, own_value("sectors"), "");
	KUNIT_EXPECT_STREQ(test, own_value("late-key"), "");

	/* An optional key that is as if absent is not there, nor what an earlier connection left. */
	pv_feature_offer(pd, MINE_OPTIONAL, 0);
	KUNIT_EXPECT_EQ(test, pv_feature_write(pd, XBT_NIL, false), 0);
	KUNIT_EXPECT_STREQ(test, own_value("front-optional"), "");

	fake_xen_fail_writes(0, 1, -EACCES);
	KUNIT_EXPECT_EQ(test, pv_feature_write(pd, XBT_NIL, false), -EACCES);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "front-key"));
}

static void backend_side(struct kunit *test)
{
	struct pv_device *pd = new_device(test, PV_BACK);
	char path[FAKE_XEN_PATH_LEN], full[FAKE_XEN_PATH_LEN + 32];

	pv_feature_offer(pd, QUEUES, 3);
	pv_feature_offer(pd, ORDER, 2);
	pv_feature_offer(pd, SIZE, U64_MAX);
	pv_feature_offer(pd, LATE, 11);
	KUNIT_EXPECT_EQ(test, pv_feature_write(pd, XBT_NIL, false), 0);
	fake_xen_path(path, FAKE_XEN_BACK, "kunit", 0);
	snprintf(full, sizeof(full), "%s/sectors", path);
	KUNIT_EXPECT_STREQ(test, fake_xen_value(full), "18446744073709551615");
	snprintf(full, sizeof(full), "%s/late-key", path);
	KUNIT_EXPECT_STREQ(test, fake_xen_value(full), "");
	KUNIT_EXPECT_EQ(test, pv_feature_write(pd, XBT_NIL, true), 0);
	KUNIT_EXPECT_STREQ(test, fake_xen_value(full), "11");

	/* The frontend's keys */
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, MINE), 7);
	fake_xen_write("/local/domain/1/device/kunit/0/front-key", "1001");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -ERANGE);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, QUEUES), 3);
}

/* The protocol knows four, and this end has offered two. */
static void asks_for_more_than_was_offered(struct kunit *test)
{
	static const char key[] = "/local/domain/1/device/kunit/0/front-order";
	struct pv_device *pd = new_device(test, PV_BACK);

	pv_feature_offer(pd, ORDER, 2);
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, ASKED), U64_MAX);
	fake_xen_write(key, "2");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, ASKED), 2);
	fake_xen_write(key, "3");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fake_xen_last_error(), "front-order is 3: at most 2"));
	fake_xen_write(key, "5");
	KUNIT_EXPECT_EQ(test, pv_feature_read(pd, false), -ERANGE);
}

/* A key that may change while connected: nonsense leaves what was. */
static void reread(struct kunit *test)
{
	struct pv_device *pd = new_device(test, PV_FRONT);

	peer_writes(test, "sectors", "100");
	KUNIT_ASSERT_EQ(test, pv_feature_read(pd, false), 0);
	peer_writes(test, "sectors", "200");
	KUNIT_EXPECT_EQ(test, pv_feature_reread(pd, SIZE), 0);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, SIZE), 200);
	peer_writes(test, "sectors", "0");
	KUNIT_EXPECT_EQ(test, pv_feature_reread(pd, SIZE), -ERANGE);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, SIZE), 200);
	peer_writes(test, "sectors", NULL);
	KUNIT_EXPECT_EQ(test, pv_feature_reread(pd, SIZE), -ENOENT);
	KUNIT_EXPECT_EQ(test, pv_feature(pd, SIZE), 200);
}

static struct kunit_case features_cases[] = {
	KUNIT_CASE(parse),
	KUNIT_CASE(module_parameter_limits),
	KUNIT_CASE(reads_the_peers_keys),
	KUNIT_CASE(says_what_is_wrong),
	KUNIT_CASE(writes_what_is_offered),
	KUNIT_CASE(backend_side),
	KUNIT_CASE(asks_for_more_than_was_offered),
	KUNIT_CASE(reread),
	{}
};

static struct kunit_suite features_suite = {
	.name = "features",
	.init = fresh_xen,
	.exit = expect_nothing_held,
	.test_cases = features_cases,
};

kunit_test_suite(features_suite);

MODULE_DESCRIPTION("Tests of feature negotiation");
MODULE_LICENSE("GPL");
