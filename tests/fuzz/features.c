// SPDX-License-Identifier: GPL-2.0
/* What a peer writes under the keys of a feature table. */
#include "fuzz.h"
#include <xen/interface/grant_table.h>

#define xenbus_printf(...)	0
#define xenbus_rm(...)	0
#include "../../ring/features.c"

void pv_device_change_again(struct pv_device *pd)
{
}

static unsigned int most = 16;
static struct fuzz left;
static unsigned int reported;

static const struct pv_feature rows[] = {
	{ "number", .from_front = true, .min = 1, .max = 64, .absent = 1 },
	{ "clamped", .from_front = true, .max = 4, .flags = PV_FEATURE_CLAMP },
	{ "required", .from_front = true, .max = U32_MAX, .flags = PV_FEATURE_REQUIRED },
	{ "limited", .from_front = true, .min = 2, .max = 256, .absent = 256, .limit = &most },
	{ "wide", .from_front = true, .max = U64_MAX },
	{ "offered", .max = 64 },
	{ "asked", .from_front = true, .min = 1, .max = 64, .absent = 1, .flags = PV_FEATURE_BOUNDED, .bound = 5 },
};

/* A text up to the next zero byte; none where it begins with 0xff, an error where with 0xfe. */
char *pv_device_read_peer(struct pv_device *pd, const char *key)
{
	size_t len = left.size ? strnlen((const char *)left.data, left.size) : 0;
	char *text;

	if (!left.size || left.data[0] == 0xff)
		text = ERR_PTR(-ENOENT);
	else if (left.data[0] == 0xfe)
		text = ERR_PTR(-EIO);
	else
		text = strndup((const char *)left.data, len);
	len = min(len + 1, left.size);
	left.data += len;
	left.size -= len;
	return text;
}

void pv_device_error(struct pv_device *pd, int err, const char *fmt, ...)
{
	reported++;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct pv_driver drv = { .end = PV_BACK, .features = rows, .nr_features = ARRAY_SIZE(rows) };
	struct xenbus_device xb = { .nodename = "own" };
	struct pv_device pd = { .drv = &drv, .peer = "peer", .xb = &xb };
	unsigned int i, last;

	left = (struct fuzz){ data, size };
	most = FUZZ_TAKE(&left, u16);
	reported = 0;
	pv_feature_offer(&pd, 5, FUZZ_TAKE(&left, u8) % 65);
	if (pv_feature_read(&pd, false)) {
		FUZZ_CHECK(reported == 1);
		return 0;
	}
	FUZZ_CHECK(!reported);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		FUZZ_CHECK(pv_feature(&pd, i) >= rows[i].min && pv_feature(&pd, i) <= rows[i].max);
	FUZZ_CHECK(pv_feature(&pd, 3) <= max(most, 2U));
	FUZZ_CHECK(pv_feature(&pd, 6) <= pv_feature(&pd, 5) || pv_feature(&pd, 6) == rows[6].absent);
	/* One that changes under way; the old value stays if the new one is wrong. */
	last = pv_feature(&pd, 0);
	if (pv_feature_reread(&pd, 0))
		FUZZ_CHECK(pv_feature(&pd, 0) == last);
	return 0;
}
