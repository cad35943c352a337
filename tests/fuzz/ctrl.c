// SPDX-License-Identifier: GPL-2.0
/* The messages of a vif's control ring, and the pages that they name. */
#include "fuzz.h"
#include <xen/interface/grant_table.h>

struct rcu_head { u8 nothing; };
#include "../../netback/netback.h"

static struct fuzz in;
static struct netback_hash hash;
static unsigned int parked;

/* A guest's page is what comes next in the input, half of them with small numbers; every eighth is none of its. */
void pv_copy_from_guest(struct pv_copy_batch *batch, grant_ref_t ref, unsigned int offset, struct page *page,
			unsigned int page_offset, unsigned int len, u32 *failed)
{
	u32 *word = (u32 *)((u8 *)page + page_offset), i;

	FUZZ_CHECK(offset + len <= XEN_PAGE_SIZE && page_offset + len <= XEN_PAGE_SIZE);
	if (ref % 8 == 7) {
		++*failed;
		return;
	}
	fuzz_take(&in, word, len);
	for (i = 0; i < len / 4 && ref % 2; i++)
		word[i] %= 8;
}

void pv_copy_to_guest(struct pv_copy_batch *batch, grant_ref_t ref, unsigned int offset, struct page *page,
		      unsigned int page_offset, unsigned int len, u32 *failed)
{
	FUZZ_CHECK(offset + len <= XEN_PAGE_SIZE && page_offset + len <= XEN_PAGE_SIZE);
	*failed += ref % 8 == 7;
}

void pv_copy_flush(struct pv_copy_batch *batch)
{
}

int pv_map_add(struct pv_map_table *t, const struct pv_map_entry *entry, unsigned int nr)
{
	u32 sum = 0;

	for (; nr--; entry++)
		sum += entry->ref + entry->readonly;
	return sum % 3 == 2 ? -ENOSPC : sum % 3 == 1 ? -EINVAL : 0;
}

int pv_map_remove(struct pv_map_table *t, grant_ref_t ref)
{
	FUZZ_CHECK(parked);
	return ref % 2 ? -ENOENT : 0;
}

bool netback_park(struct netback_queue *q)
{
	parked++;
	return true;
}

void netback_unpark(struct netback_queue *q)
{
	parked--;
}

int netback_hash_set(struct netback *nb, const struct netback_hash *h)
{
	hash = *h;
	return 0;
}

void netback_hash_reset(struct netback *nb)
{
}

/* The ring and the channel are not in it. */
u32 pv_ring_pending(struct pv_ring *ring) { return 0; }
bool pv_ring_publish(struct pv_ring *ring) { return false; }
int pv_ring_init_back(struct pv_ring *ring, void *mem, u32 nr_pages, u32 stride, struct pv_stats *stats) { return 0; }
int pv_channel_open(struct pv_channel *ch, struct pv_device *dev, const struct pv_channel_config *config) { return 0; }
void pv_channel_start(struct pv_channel *ch) { }
void pv_channel_close(struct pv_channel *ch) { }
void pv_channel_kick(struct pv_channel *ch) { }
void pv_copy_init(struct pv_copy_batch *batch, struct pv_device *pd, struct pv_stats *stats) { }
int pv_shared_map(struct pv_device *pd, struct pv_shared *shared, const char *queue, const char *key, bool multi,
		  u32 nr_pages)
{
	return 0;
}

void pv_shared_unmap(struct pv_device *pd, struct pv_shared *shared) { }
int pv_device_read_port(struct pv_device *pd, const char *queue, const char *key, u32 *port) { return 0; }
char *pv_device_read_peer_option(struct pv_device *pd, const char *key) { return NULL; }
void pv_device_fail(struct pv_device *pd, const char *fmt, ...) { }
u64 pv_feature(const struct pv_device *pd, unsigned int id) { return 0; }

#include "../../netback/ctrl.c"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct netback *nb = calloc(1, sizeof(*nb));
	unsigned int i;

	in = (struct fuzz){ data, size };
	nb->nr_queues = 1 + FUZZ_TAKE(&in, u8) % 4;
	nb->queue = calloc(nb->nr_queues, sizeof(*nb->queue));
	/* the last one keeps none mapped */
	for (i = 0; i + 1 < nb->nr_queues; i++)
		nb->queue[i].map.max = NETBACK_MAX_GREFS;
	nb->ctrl.page = alloc_page(GFP_KERNEL);
	hash = (struct netback_hash){ .size = FUZZ_TAKE(&in, u8) % (NETBACK_MAX_HASH_MAP + 1) };
	nb->hash = &hash;
	while (in.size) {
		struct xen_netif_ctrl_request req;
		u32 rsp = 0, status;

		fuzz_take(&in, &req, sizeof(req));
		/* three of four are of a type that there is */
		if (req.type & 3)
			req.type = 1 + (req.type >> 2) % 10;
		status = netback_serve(nb, &req, &rsp);
		FUZZ_CHECK(status <= XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW && !parked);
		FUZZ_CHECK(hash.algorithm <= XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ && !(hash.flags & ~HASH_TYPES));
		FUZZ_CHECK(hash.size <= NETBACK_MAX_HASH_MAP);
		for (i = 0; i < NETBACK_MAX_HASH_MAP; i++)
			FUZZ_CHECK(hash.map[i] < nb->nr_queues && (i < hash.size || !hash.map[i]));
	}
	__free_page(nb->ctrl.page);
	free(nb->queue);
	free(nb);
	return 0;
}
