/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the drivers' pure functions need of the kernel, for user space. It is
 * included before everything else; headers of the kernel that the sources name
 * are empty files then, but for those that "run" lists.
 */
#ifndef _FUZZ_KERNEL_H
#define _FUZZ_KERNEL_H

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef u64 netdev_features_t;
#define netdev_tx_t		int

#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define HZ			250

/* ---- the compiler ---- */

#define __packed		__attribute__((__packed__))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __rcu
#define __user
#define fallthrough		__attribute__((__fallthrough__))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()		__asm__ volatile("" : : : "memory")
#define virt_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb()		virt_mb()
#define virt_wmb()		virt_mb()
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define fuzz_assert(e, text, ...) _Static_assert(e, text)
#define static_assert(e, ...)	fuzz_assert(e, ##__VA_ARGS__, #e)
#define EXPORT_SYMBOL_GPL(name)
#define IS_ENABLED(option)	option
#define CONFIG_X86		1
#define KBUILD_MODNAME		"fuzz"
#define THIS_MODULE		NULL
#define pr_warn(fmt, ...)	printf(fmt, ##__VA_ARGS__)

/* ---- numbers ---- */

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define IS_ALIGNED(x, a)	(!((x) & ((__typeof__(x))(a) - 1)))
#define min_t(type, a, b)	({ type __l = (a), __r = (b); __l < __r ? __l : __r; })
#define max_t(type, a, b)	({ type __l = (a), __r = (b); __l > __r ? __l : __r; })
#define min(a, b)		({ __typeof__(a) __x = (a); __typeof__(b) __y = (b); __x < __y ? __x : __y; })
#define max(a, b)		({ __typeof__(a) __x = (a); __typeof__(b) __y = (b); __x > __y ? __x : __y; })
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_add_return(n, v)	__atomic_add_fetch(&(v)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_sub(n, v)	((void)__atomic_sub_fetch(&(v)->counter, n, __ATOMIC_SEQ_CST))
#define rounddown_pow_of_two(n)	(1U << (31 - __builtin_clz(n)))
#define swap(a, b)		do { __typeof__(a) __a = (a); (a) = (b); (b) = __a; } while (0)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return b[0] << 8 | b[1];
}

static inline u32 get_unaligned_be32(const void *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return ntohl(value);
}

static inline void put_unaligned_be16(u16 value, void *p)
{
	value = htons(value);
	memcpy(p, &value, sizeof(value));
}

static inline void put_unaligned_be32(u32 value, void *p)
{
	value = htonl(value);
	memcpy(p, &value, sizeof(value));
}

/* Digits, and a line's end behind them, as the kernel has it. */
static inline int kstrtoull(const char *text, unsigned int base, u64 *value)
{
	u64 v = 0;
	int err = 0;

	if (*text == '+')
		text++;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, *text - '0', &v))
			err = -ERANGE;
	if (err)
		return err;
	if (*text == '\n')
		text++;
	if (*text)
		return -EINVAL;
	*value = v;
	return 0;
}

/* ---- memory ---- */

#define XEN_PAGE_SIZE		4096U
#define GFP_KERNEL		0U
#define MAX_ERRNO		4095
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-MAX_ERRNO)
#define IS_ERR_OR_NULL(p)	(!(p) || IS_ERR(p))
#define PTR_ERR(p)		((long)(p))
#define ERR_PTR(err)		((void *)(long)(err))
#define kfree(p)		free((void *)(p))
#define kvfree(p)		free((void *)(p))
#define kvmalloc(size, gfp)	malloc(size)
#define kvmalloc_array(nr, size, gfp) calloc((nr) + !(nr), size)

struct page;
struct gnttab_unmap_grant_ref;
struct gntab_unmap_queue_data {
	struct gnttab_unmap_grant_ref *unmap_ops;
	struct page **pages;
	unsigned int count;
};

/* A page is its memory. */
#define page_address(page)	((void *)(page))
#define GFP_NOIO		0U
#define __GFP_NOWARN		0U
#define kzalloc(size, gfp)	calloc(1, size)
#define kvcalloc(nr, size, gfp)	calloc((nr) + !(nr), size)
#define alloc_page(gfp)		((struct page *)calloc(1, XEN_PAGE_SIZE))
#define __free_page(page)	free(page)

/* ---- only there to have a size ---- */

struct fuzz_nothing { u8 nothing; };
#define FUZZ_NOTHING(name)	struct name { u8 nothing; }
FUZZ_NOTHING(attribute);
FUZZ_NOTHING(completion);
FUZZ_NOTHING(delayed_work);
FUZZ_NOTHING(ratelimit_state);
FUZZ_NOTHING(device_attribute);
FUZZ_NOTHING(kthread_work);
FUZZ_NOTHING(list_head);
FUZZ_NOTHING(mutex);
FUZZ_NOTHING(napi_struct);
FUZZ_NOTHING(netdev_bpf);
FUZZ_NOTHING(notifier_block);
FUZZ_NOTHING(page_frag_cache);
FUZZ_NOTHING(sk_buff_head);
FUZZ_NOTHING(tasklet_struct);
FUZZ_NOTHING(timer_list);
FUZZ_NOTHING(work_struct);
FUZZ_NOTHING(xenbus_device_id);
FUZZ_NOTHING(xenbus_driver);
FUZZ_NOTHING(xdp_frame);
FUZZ_NOTHING(xdp_rxq_info);
FUZZ_NOTHING(xenbus_watch);
typedef struct fuzz_nothing spinlock_t;
typedef struct { int counter; } atomic_t;
struct xenbus_device {
	const char *nodename;
	u16 otherend_id;
	struct fuzz_nothing dev;
};

struct xenbus_transaction { u32 id; };
struct bpf_prog;
struct net_device { char name[16]; };
struct device;
struct module;
struct sk_buff;
enum xenbus_state { XenbusStateUnknown };
#define NAPI_POLL_WEIGHT	64

#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define rcu_read_lock()		do { } while (0)
#define rcu_read_unlock()	do { } while (0)
#define rcu_dereference(p)	(p)

#endif /* _FUZZ_KERNEL_H */
