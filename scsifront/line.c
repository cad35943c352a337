// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that wait for a place on a ring, or for pages: its LUNs are served in
 * turn, so that a busy one does not keep the others waiting.
 *
 * Such a command is ours, and has its tag. It goes on as soon as there is room,
 * out of the soft interrupt (or of whoever polls) that has made it; the SCSI
 * layer, which would ask again and again, or hold back all LUNs of the host, does
 * not know of it.
 */
#include <scsi/scsi.h>

#include "scsifront.h"

/**
 * scsifront_line_init() - a line in which nobody waits
 * @line: the line
 */
void scsifront_line_init(struct scsifront_line *line)
{
	spin_lock_init(&line->lock);
	INIT_LIST_HEAD(&line->luns);
}

/* The next command of a LUN, or NULL. */
static struct scsifront_io *scsifront_line_of(struct scsifront_line *line,
					      const struct scsi_device *sdev)
{
	struct scsifront_io *io;

	list_for_each_entry(io, &line->luns, turn)
		if (scsifront_cmnd_of(&io->base)->device == sdev)
			return io;
	return NULL;
}

/* As the last one of its LUN. */
static void scsifront_line_add(struct scsifront_line *line, struct scsifront_io *io)
{
	struct scsifront_io *next = scsifront_line_of(line, scsifront_cmnd_of(&io->base)->device);

	INIT_LIST_HEAD(&io->turn);
	INIT_LIST_HEAD(&io->lun);
	if (next)
		list_add_tail(&io->lun, &next->lun);
	else
		list_add_tail(&io->turn, &line->luns);
	WRITE_ONCE(io->waits, true);
	WRITE_ONCE(line->nr, line->nr + 1);
}

/* The one behind it takes its place; or its LUN has had its turn. */
static void scsifront_line_remove(struct scsifront_line *line, struct scsifront_io *io, bool turn)
{
	struct scsifront_io *next = list_next_entry(io, lun);

	if (!list_empty(&io->turn) && next != io)
		list_add(&next->turn, turn ? line->luns.prev : &io->turn);
	list_del_init(&io->turn);
	list_del_init(&io->lun);
	WRITE_ONCE(io->waits, false);
	WRITE_ONCE(line->nr, line->nr - 1);
}

/* It was not its turn after all. */
static void scsifront_line_return(struct scsifront_line *line, struct scsifront_io *io)
{
	struct scsifront_io *next = scsifront_line_of(line, scsifront_cmnd_of(&io->base)->device);

	if (next) {
		list_add_tail(&io->lun, &next->lun);
		list_del_init(&next->turn);
	}
	list_add(&io->turn, &line->luns);
	WRITE_ONCE(io->waits, true);
	WRITE_ONCE(line->nr, line->nr + 1);
}

/* Returns false if there is nobody, or no room. */
static bool scsifront_line_serve_one(struct scsifront_queue *q)
{
	struct scsifront_line *line = &q->line;
	struct scsifront_io *io;
	int err = -EBUSY;

	spin_lock_bh(&line->lock);
	io = list_first_entry_or_null(&line->luns, struct scsifront_io, turn);
	if (io && pv_ring_in_flight(&q->base.ring) + scsifront_ops.reserved < q->base.ring.size) {
		/* Before: when it is on the ring, it may end at any time. */
		scsifront_line_remove(line, io, true);
		err = scsifront_try(q, scsifront_cmnd_of(&io->base), false);
		if (err == -EBUSY || err == -ENOMEM)
			scsifront_line_return(line, io);
	}
	spin_unlock_bh(&line->lock);
	if (unlikely(err == -E2BIG))
		scsifront_refuse(q, scsifront_cmnd_of(&io->base));
	return err != -EBUSY && err != -ENOMEM;
}

static void scsifront_line_serve_all(struct scsifront_queue *q)
{
	/* If so, and it does not go on now, it never would. */
	bool last_chance = !scsifront_awaits(q);
	unsigned int left = PV_FRONT_A_PASS;

	while (left && scsifront_line_serve_one(q))
		left--;
	pv_front_publish(&q->base);
	if (unlikely(last_chance && left == PV_FRONT_A_PASS))
		scsifront_line_end(q, NULL, DID_REQUEUE);
}

/**
 * scsifront_line_serve() - something has come back: others may go on
 * @q: the ring
 *
 * Context: any but hard interrupt.
 */
void scsifront_line_serve(struct scsifront_queue *q)
{
	/* Pairs with scsifront_line_join(). */
	smp_mb();
	if (likely(!READ_ONCE(q->line.nr)))
		return;
	/* As in scsifront_queuecommand(): a connection that ends takes all back. */
	rcu_read_lock();
	if (scsifront_accepts(q->sf))
		scsifront_line_serve_all(q);
	rcu_read_unlock();
}

/**
 * scsifront_line_join() - a command waits until there is room
 * @q: the ring
 * @io: the command
 *
 * Whatever of its batch came before it is published.
 *
 * Context: any but hard interrupt; an RCU section in which the host accepts.
 */
void scsifront_line_join(struct scsifront_queue *q, struct scsifront_io *io)
{
	spin_lock_bh(&q->line.lock);
	scsifront_line_add(&q->line, io);
	spin_unlock_bh(&q->line.lock);
	/* Who has made room before has not seen it. */
	scsifront_line_serve(q);
}

/**
 * scsifront_line_leave() - take a command back
 * @sf: the host
 * @sc: the command
 *
 * Context: process, under @tmf_lock.
 * Return: false if it does not wait (any more).
 */
bool scsifront_line_leave(struct scsifront *sf, struct scsi_cmnd *sc)
{
	struct pv_front_queues *queues = scsifront_queues(sf);
	struct scsifront_io *io = scsi_cmd_priv(sc);
	struct scsifront_queue *q;
	bool waited;

	if (!queues)
		return false;
	q = scsifront_queue_of(sf, queues, sc);
	spin_lock_bh(&q->line.lock);
	waited = io->waits;
	if (waited)
		scsifront_line_remove(&q->line, io, false);
	spin_unlock_bh(&q->line.lock);
	return waited;
}

static struct scsifront_io *scsifront_line_take(struct scsifront_line *line,
						const struct scsi_device *sdev)
{
	struct scsifront_io *io;

	spin_lock_bh(&line->lock);
	if (sdev)
		io = scsifront_line_of(line, sdev);
	else
		io = list_first_entry_or_null(&line->luns, struct scsifront_io, turn);
	if (io)
		scsifront_line_remove(line, io, false);
	spin_unlock_bh(&line->lock);
	return io;
}

/**
 * scsifront_line_end() - end all commands that wait
 * @q: the ring
 * @sdev: to this LUN only; or NULL
 * @host_byte: how. (For one that the SCSI layer has given up it is all the same)
 *
 * Context: any but hard interrupt.
 */
void scsifront_line_end(struct scsifront_queue *q, const struct scsi_device *sdev, int host_byte)
{
	struct scsifront_io *io;
	struct scsi_cmnd *sc;

	while ((io = scsifront_line_take(&q->line, sdev))) {
		sc = scsifront_cmnd_of(&io->base);
		scsi_set_resid(sc, scsi_bufflen(sc));
		sc->result = host_byte << 16;
		scsi_done(sc);
	}
}
