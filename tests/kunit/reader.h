/* SPDX-License-Identifier: GPL-2.0 */
/* Row 19: somebody who reads a device's statistics all the while, whatever happens to it. */
#ifndef KUNIT_READER_H
#define KUNIT_READER_H

#include <linux/fs.h>
#include <linux/kthread.h>

static struct {
	struct task_struct *task;
	const char * const *file;	/* paths; NULL ends them */
	unsigned long read;
} reader;

static void reader_reads_one(const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	char text[64];
	loff_t pos = 0;

	if (IS_ERR(file))
		return;
	while (kernel_read(file, text, sizeof(text), &pos) > 0)
		WRITE_ONCE(reader.read, reader.read + 1);
	filp_close(file, NULL);
}

static int reader_reads(void *arg)
{
	const char * const *file;

	while (!kthread_should_stop()) {
		for (file = reader.file; *file; file++)
			reader_reads_one(*file);
		cond_resched();
	}
	return 0;
}

static void begin_reading(struct kunit *test, const char * const *file)
{
	reader.file = file;
	reader.read = 0;
	reader.task = kthread_run(reader_reads, NULL, "reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(reader.task));
	KUNIT_EXPECT_TRUE(test, COMES_TRUE(READ_ONCE(reader.read)));
	reader.read = 0;
}

static void end_reading(struct kunit *test)
{
	kthread_stop(reader.task);
	KUNIT_EXPECT_GT(test, reader.read, 10);
}

#endif /* KUNIT_READER_H */
