/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of hostile frontends share: @hostile does what such frontends have done, @neighbour behaves and works
 * all the while. To be included where struct guest is known, with its front_path, back_path, page and leak.
 */
#ifndef KUNIT_HOSTILE_H
#define KUNIT_HOSTILE_H

#include <linux/kthread.h>
#include <linux/mm.h>

#include "helpers.h"

static struct guest hostile, neighbour;

/* What each class has in its own way. */
static void write_keys(struct guest *g);
static bool connects(struct guest *g);
static bool serves(struct guest *g);
static void end_guest(struct guest *g);
static void expect_no_connection(struct kunit *test, const char *key, const char *value);

/* ---- a guest's life ---- */

/* The frontend leaves and comes back, as its driver's reload makes it. */
static bool leaves(struct guest *g)
{
	set_key(g->front_path, "state", "6");
	if (!key_comes(g->back_path, "state", "6"))
		return false;
	set_key(g->front_path, "state", "1");
	return key_comes(g->back_path, "state", "2");
}

static bool reconnects(struct guest *g)
{
	if (!leaves(g))
		return false;
	write_keys(g);
	return connects(g);
}

static void fill(struct guest *g, unsigned int page, unsigned int nr, u8 with)
{
	for (; nr--; page++)
		memset(page_address(g->page[page]), with, PAGE_SIZE);
}

static bool filled(struct guest *g, unsigned int page, unsigned int nr, u8 with)
{
	for (; nr--; page++)
		if (memchr_inv(page_address(g->page[page]), with, PAGE_SIZE))
			return false;
	return true;
}

/* ---- the neighbour ---- */

static struct {
	struct task_struct *task;
	unsigned long done, wrong;
} life;

static int live(void *arg)
{
	while (!kthread_should_stop()) {
		if (serves(&neighbour))
			WRITE_ONCE(life.done, life.done + 1);
		else
			life.wrong++;
		usleep_range(1000, 2000);
	}
	return 0;
}

static void wake_neighbour(struct kunit *test)
{
	life.task = kthread_run(live, NULL, "neighbour");
	KUNIT_ASSERT_FALSE(test, IS_ERR(life.task));
}

/* For cases that count what all of Xen does. */
static void still_neighbour(void)
{
	if (life.task)
		kthread_stop(life.task);
	life.task = NULL;
}

static void end_guests(struct kunit *test)
{
	unsigned long done = READ_ONCE(life.done);

	if (life.task)
		KUNIT_EXPECT_TRUE_MSG(test, COMES_TRUE(READ_ONCE(life.done) > done), "the neighbour hangs");
	still_neighbour();
	KUNIT_EXPECT_EQ_MSG(test, life.wrong, 0, "the neighbour's data is wrong");
	KUNIT_EXPECT_NULL_MSG(test, hostile.leak, "a response tells too much: %s", hostile.leak);
	KUNIT_EXPECT_NULL_MSG(test, neighbour.leak, "a response tells too much: %s", neighbour.leak);
	end_guest(&hostile);
	end_guest(&neighbour);
	settle();
	expect_nothing_held(test);
}

/* ---- what several rows are about ---- */

static void expect_cut_off(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test, key_comes(hostile.back_path, "state", "5"), "state is not Closing");
	KUNIT_EXPECT_TRUE_MSG(test, reconnects(&hostile), "%s", fake_xen_last_error());
	KUNIT_EXPECT_TRUE(test, serves(&hostile));
}

/* Row 18: references and ports that cannot be. */
static void expect_no_connection_by_keys(struct kunit *test)
{
	static const char * const refs[] = { "", "abc", "-1", "3", "16000", "4294967295", "4294967296", NULL };
	static const char * const ports[] = { "", "abc", "-1", "0", "1023", "4294967295", NULL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refs); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, "ring-ref", refs[i]);
		expect_no_connection(test, "ring-ref", refs[i] ?: "(missing)");
	}
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		KUNIT_ASSERT_TRUE(test, leaves(&hostile));
		set_key(hostile.front_path, "event-channel", ports[i]);
		expect_no_connection(test, "event-channel", ports[i] ?: "(missing)");
	}
}

#endif /* KUNIT_HOSTILE_H */
