/* SPDX-License-Identifier: GPL-2.0 */
/* What the targets share. */
#ifndef _FUZZ_H
#define _FUZZ_H

#include "kernel.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/** struct fuzz - what is left of the input */
struct fuzz {
	const u8 *data;
	size_t size;
};

/* The next bytes; zeroes behind the input's end. */
static inline void fuzz_take(struct fuzz *in, void *to, size_t len)
{
	size_t here = min(len, in->size);

	memset(to, 0, len);
	/* what is NULL is not to be copied, not even nothing of it */
	if (!here)
		return;
	memcpy(to, in->data, here);
	in->data += here;
	in->size -= here;
}

#define FUZZ_TAKE(in, type) ({			\
	type __value;				\
						\
	fuzz_take(in, &__value, sizeof(__value));	\
	__value;				\
})

/* The rest as a text in memory of its own, so that its end is seen. */
static inline char *fuzz_text(struct fuzz *in)
{
	size_t len = in->size;
	char *text = malloc(len + 1);

	fuzz_take(in, text, len);
	text[len] = '\0';
	return text;
}

/* What must be so, whatever the input. */
#define FUZZ_CHECK(is) do {						\
	if (!(is)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #is); \
		abort();						\
	}								\
} while (0)

#endif /* _FUZZ_H */
