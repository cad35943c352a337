/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Publishing and arming on one shared ring with one event channel.
 *
 *   publish()      pv_ring_publish()                         ring/ring.c
 *   pending()      pv_ring_pending()                         ring/ring.c
 *   arm()          pv_ring_arm()                             ring/ring.c
 *   eoi()          pv_channel_eoi()                          ring/channel.c
 *   Upcall         channel_upcall(), pv_channel_wake()       ring/channel.c
 *   FrontConsumer  channel_softirq()                         ring/channel.c
 *   BackConsumer   channel_thread(), channel_sleep()         ring/channel.c
 *   FrontProducer  a driver's submit: put, publish, kick without locks
 *   BackProducer   a driver's completion: the same, on another processor
 *
 * Each step is one access to memory that somebody else uses, and anybody may go on between two of them. Barriers order steps as
 * the code has them; a missing one is a copy with the steps the other way round.
 */

#ifndef SIZE
#define SIZE	2
#endif
#ifndef WORK
#define WORK	3
#endif
/* Indices are free running: they wrap on the way. */
#define START	254
#define LESS(a, b) (((a) - (b)) & 255)
#define ALL	((START + WORK) & 255)

#define FRONT	0
#define BACK	1

/* Shared memory: prod[BACK] is rsp_prod, where event[FRONT] waits for it, and the other way round. */
byte prod[2] = START;
byte event[2] = (START + 1);

/* Private: struct pv_ring. */
byte my_prod[2] = START;
byte published[2] = START;
byte cons[2] = START;
byte seen[2] = START;

/*
 * The event channel's ends: a pending bit holds any number of events. Late EOI: masked from the upcall to the EOI, which is due if
 * the bit CHANNEL_EOI_OWED is set: the same thing here.
 */
bool pends[2], masked[2];

/* The front's consumer is a tasklet, the back's a thread. Both run once at the beginning. */
bool scheduled = true, woken = true;

#define PEER(me)	(1 - (me))
#define DONE		(cons[FRONT] == ALL)

/* In each step one access to what others use, and with it what is private. */
inline publish(me)
{
	d_step { from = published[me]; to = my_prod[me] };
#ifdef BROKEN_A5
	prod[me] = to;
	published[me] = to;
#else
	published[me] = to;
#ifdef BROKEN_KICK_EARLY
	kick = LESS(to, event[PEER(me)]) < LESS(to, from);
#endif
	prod[me] = to;
#endif
#ifndef BROKEN_KICK_EARLY
	kick = LESS(to, event[PEER(me)]) < LESS(to, from);
#endif
	if
	:: d_step { kick -> pends[PEER(me)] = true; kick = false; from = 0; to = 0 }
	:: d_step { else -> from = 0; to = 0 }
	fi
}

/* An answer must have been asked for; a request must have had room. */
#define LIMIT(me)	(me == FRONT -> published[FRONT] : (my_prod[BACK] + SIZE) & 255)

inline pending(me)
{
#ifdef BROKEN_BOUND_EARLY
	limit = LIMIT(me);
	theirs = prod[PEER(me)];
#else
	theirs = prod[PEER(me)];
	limit = LIMIT(me);
#endif
	d_step {
		/* An honest peer is never called a liar. */
		assert(LESS(theirs, seen[me]) <= LESS(limit, seen[me]));
		seen[me] = theirs;
		there = LESS(theirs, cons[me]);
		theirs = 0;
		limit = 0
	}
}

inline consume(me)
{
	pending(me);
	do
	:: d_step { there > 0 -> cons[me] = (cons[me] + 1) & 255; there-- }
	:: else -> break
	od
}

inline arm(me, ahead)
{
#if defined(BROKEN_NO_LAST_LOOK)
	event[me] = (cons[me] + ahead) & 255
#elif defined(BROKEN_LOOK_EARLY)
	pending(me);
	event[me] = (cons[me] + ahead) & 255
#else
	event[me] = (cons[me] + ahead) & 255;
	pending(me)
#endif
}

inline eoi(me)
{
#ifdef BROKEN_NO_EOI
	skip
#else
	masked[me] = false
#endif
}

proctype Upcall(bit me)
{
end:	do
	:: d_step { pends[me] && !masked[me] -> pends[me] = false; masked[me] = true };
		if
		:: me == FRONT -> scheduled = true
		:: else -> woken = true
		fi
	od
}

proctype FrontProducer()
{
	byte from, to;
	bool kick;

	do
	:: my_prod[FRONT] != ALL ->
		/* Slots are given back by the consumer. */
		d_step { SIZE - LESS(my_prod[FRONT], cons[FRONT]) > 0 -> my_prod[FRONT] = (my_prod[FRONT] + 1) & 255 };
		if
		/* The batch goes on if there is room, or it ends. */
		:: my_prod[FRONT] != ALL && LESS(my_prod[FRONT], cons[FRONT]) < SIZE
		:: publish(FRONT)
		fi
	:: else -> break
	od
}

proctype FrontConsumer()
{
	byte theirs, limit, there, ahead;

	do
	:: d_step { scheduled -> scheduled = false };
		consume(FRONT);
		/* Further ahead only if so many are outstanding: they will come. */
		if
		:: ahead = 1
		:: LESS(published[FRONT], cons[FRONT]) >= 2 -> ahead = 2
		fi;
		arm(FRONT, ahead);
		if
		:: d_step { there >= ahead -> scheduled = true; there = 0; ahead = 0 }
		:: d_step { else -> there = 0; ahead = 0 };
			eoi(FRONT);
			skip
		fi
	:: DONE -> break
	od
}

proctype BackConsumer()
{
	byte theirs, limit, there;

	do
	:: woken ->
#ifndef BROKEN_FLAG_LATE
again:		woken = false;
		consume(BACK);
#else
again:		consume(BACK);
#endif
		arm(BACK, 1);
		if
		:: d_step { there >= 1 -> there = 0 };
			goto again
		:: else
		fi;
		eoi(BACK);
#ifdef BROKEN_FLAG_LATE
		woken = false;
#endif
		skip
	:: DONE -> break
	od
}

proctype BackProducer()
{
	byte from, to;
	bool kick;

	do
	:: cons[BACK] != my_prod[BACK] ->
		my_prod[BACK] = (my_prod[BACK] + 1) & 255;
		if
		:: cons[BACK] != my_prod[BACK]
		:: publish(BACK)
		fi
	:: DONE -> break
	od
}

/*
 * Whoever sleeps with work to do stands at a line that is no valid end: spin says "invalid end state" when all the others stand
 * still, too.
 */
init
{
	atomic {
		run Upcall(FRONT);
		run Upcall(BACK);
		run FrontProducer();
		run FrontConsumer();
		run BackConsumer();
		run BackProducer()
	}
}
