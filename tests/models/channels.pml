/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue of a vif: two rings, one poll function at each end, and one event channel or (SPLIT) one a ring. Packets go both ways.
 *
 *   wait_for_slots()  wait_for_slots()                       netback/to_guest.c
 *   to_poll()         netback_to_poll(), slots_came()        netback/to_guest.c
 *   flush()           flush()                                netback/to_guest.c
 *   BackXmit          netback_xmit(), end_burst()            netback/to_guest.c
 *   BackPoll          netback_poll(), from_guest()           netback/from_guest.c
 *   reclaim()         reclaim(), take_responses()            netfront/tx.c
 *   ask_event()       ask_event(), wants_event()             netfront/tx.c
 *   end_burst()       end_burst(), publish()                 netfront/tx.c
 *   FrontXmit         netfront_start_xmit(), make_room()     netfront/tx.c
 *   FrontPoll         netfront_poll(), netfront_tx_poll(), netfront_tx_arm(), receive_all(), post(), arm_rx()
 *                                                            netfront/rx.c, tx.c
 *   arm, look         pv_ring_arm(), pv_ring_pending()       ring/ring.c; their steps are proven by publish.pml
 *   Upcall            channel_upcall(), pv_channel_wake()    ring/channel.c
 *   eoi()             pv_channel_eoi()                       ring/channel.c
 *
 * NAPI is the kernel's: a poll that is asked for while one runs is remembered and found by napi_complete_done().
 * netback's timer for guests that offer no slots is left out, since it hides a wake-up that was lost.
 */

#define TX_RING	2
#define RX_RING	2

/*
 * One end is looked at step by step, the other one does the work of each of its contexts at a stroke, at any moment. Both ends step
 * by step are publish.pml's.
 */
#ifdef FINE_FRONT
#define FRONT_DOES
#else
#define FRONT_DOES	atomic
#endif
#ifdef FINE_BACK
#define BACK_DOES
#else
#define BACK_DOES	atomic
#endif

#define FRONT	0
#define BACK	1
#define PEER(me) (1 - (me))
/* The channels of an end: what the ring from the guest uses, what the other one uses. */
#define TX	0
#ifdef SPLIT
#define RX	1
#else
#define RX	0
#endif
#define PORT(me, ch) (2 * (me) + (ch))

/* ---- shared memory: the ring that sends from the guest, and the one to it ---- */

byte tx_req, tx_req_event = 1, tx_rsp, tx_rsp_event = 1;
byte rx_req, rx_req_event = 1, rx_rsp, rx_rsp_event = 1;

/* Packets in all. */
byte tx_work, rx_work;

/* ---- event channels ---- */

bool pends[4], masked[4];

/* ---- NAPI ---- */

bool sched[2], missed[2];
bool tail[2];

/* ---- the backend ---- */

byte from_cons;
byte to_cons, to_nr_rsp, to_wanted;
byte most = 1;
bool back_stopped, back_lock;

/* ---- the frontend ---- */

byte tx_prod, tx_published, tx_cons, tx_armed;
bool granted;
bool front_stopped, front_lock;
byte rx_prod, rx_cons;

#define DONE	(from_cons == tx_work && rx_cons == rx_work && tx_prod == tx_work && !front_stopped && \
		 (!granted || tx_cons == tx_work))

/* The event index lies among the entries just published. */
#define KICK(to, event, from)	((((to) - (event)) & 255) < (((to) - (from)) & 255))

inline napi_schedule(me)
{
	if
	:: sched[me] -> missed[me] = true
	:: else -> sched[me] = true
	fi
}

/* True in "again" if somebody has asked for a poll meanwhile. */
inline napi_complete(me)
{
	d_step {
		!tail[me];
		if
		:: missed[me] -> missed[me] = false; again = true
		:: else -> sched[me] = false; tail[me] = true
		fi
	}
}

/* Late EOI: masked from the upcall to the EOI, which is due if the bit CHANNEL_EOI_OWED is set: the same thing here. */
inline upcall(me, ch)
{
	d_step { pends[PORT(me, ch)] && !masked[PORT(me, ch)] ->
		 pends[PORT(me, ch)] = false;
		 masked[PORT(me, ch)] = true;
		 napi_schedule(me) }
}

proctype Upcall(bit me)
{
end:	do
	:: upcall(me, 0)
#ifdef SPLIT
	:: upcall(me, 1)
#endif
	od
}

inline eoi(me)
{
	masked[PORT(me, 0)] = false;
#if defined(SPLIT) && !defined(BROKEN_ONE_EOI)
	masked[PORT(me, 1)] = false
#endif
}

/* Beside it the next poll may run already, and even end. */
proctype Tail(bit me)
{
end:	do
	:: tail[me] ->
		eoi(me);
		tail[me] = false
	od
}

/* ---- the backend, packets to the guest: under the transmit queue's lock ---- */

inline flush()
{
	if
	:: to_nr_rsp > 0 ->
		d_step { was = rx_rsp; rx_rsp = rx_rsp + to_nr_rsp; to_nr_rsp = 0 };
		if
		:: d_step { KICK(rx_rsp, rx_rsp_event, was) -> pends[PORT(FRONT, RX)] = true; was = 0 }
		:: d_step { else -> was = 0 }
		fi
	:: else
	fi
}

/* True in "waits" if there are no slots yet. */
inline wait_for_slots(nr)
{
	back_stopped = true;
#ifdef BROKEN_A3
	rx_req_event = to_cons + nr;
	if
	:: d_step { rx_req - to_cons >= nr -> back_stopped = false }
	:: else ->
		to_wanted = nr;
		waits = true
	fi
#else
	to_wanted = nr;
	rx_req_event = to_cons + nr;
	if
	:: rx_req - to_cons >= nr ->
		d_step { to_wanted = 0; back_stopped = false }
	:: else -> waits = true
	fi
#endif
}

proctype BackXmit()
{
	byte was, sent;
	bool waits;

	do
	/* The stack leaves a stopped queue alone. */
	:: BACK_DOES {
		d_step { sent < rx_work && !back_lock && !back_stopped -> back_lock = true };
		if
		:: rx_req - to_cons >= 1
		:: else ->
			flush();
			wait_for_slots(1)
		fi;
		if
		:: waits -> waits = false
		:: else ->
			d_step { to_cons++; to_nr_rsp++; sent++ };
			if
			:: rx_req - to_cons >= most || sent == rx_work
			:: else ->
				flush();
				wait_for_slots(most);
				waits = false
			fi;
			if
			/* xmit_more() */
			:: sent < rx_work && !back_stopped
			:: flush()
			/* copies wait, in soft interrupt */
			:: to_nr_rsp > 0 -> d_step { napi_schedule(BACK) }
			fi
		fi;
		back_lock = false
	   }
	:: sent == rx_work -> break
	od
}

/* ---- the backend's poll ---- */

inline to_poll()
{
	if
	/* A look without the lock. */
	:: to_nr_rsp == 0 && to_wanted == 0
	:: else ->
		d_step { !back_lock -> back_lock = true };
		flush();
		if
		:: to_wanted > 0 ->
			rx_req_event = to_cons + to_wanted;
			if
			:: rx_req - to_cons >= to_wanted -> d_step { to_wanted = 0; back_stopped = false }
			:: else
			fi
		:: else
		fi;
		back_lock = false
	fi
}

proctype BackPoll()
{
	byte was;
	bool again;

	do
	:: BACK_DOES {
		sched[BACK] ->
		if
		:: tx_req != from_cons ->
			d_step { was = tx_rsp; from_cons = tx_req };
			tx_rsp = from_cons;
			if
			:: d_step { KICK(tx_rsp, tx_rsp_event, was) -> pends[PORT(FRONT, TX)] = true; was = 0 }
			:: d_step { else -> was = 0 }
			fi;
			to_poll();
			if
			:: true
			/* The budget is used up. */
			:: again = true
			fi
		:: else -> to_poll()
		fi;
#ifndef BROKEN_ARM_LATE
		if
		:: !again ->
			tx_req_event = from_cons + 1;
			if
			:: tx_req != from_cons -> again = true
			:: else
			fi
		:: else
		fi;
#endif
		if
		:: !again ->
			napi_complete(BACK);
#ifndef FINE_BACK
			if
			:: tail[BACK] -> eoi(BACK); tail[BACK] = false
			:: else
			fi
#endif
			skip
		:: else
		fi;
#ifdef BROKEN_ARM_LATE
		if
		:: !again -> tx_req_event = from_cons + 1
		:: else
		fi;
#endif
		again = false
	   }
	:: DONE -> break
	od
}

/* ---- the frontend, packets from the guest: under the tx queue's lock ---- */

#define WANTS	(front_stopped || (granted && tx_cons != tx_prod))
#define TX_ROOM	(TX_RING - (tx_prod - tx_cons))

inline reclaim()
{
	d_step {
		tx_cons = tx_rsp;
		if
		/* Room for two packets, or what there is. */
		:: front_stopped && TX_ROOM >= TX_RING -> front_stopped = false
		:: else
		fi
	}
}

inline ask_event()
{
	do
	:: WANTS && tx_armed <= tx_cons ->
		d_step {
			ahead = (tx_published - tx_cons) / 2;
			if
			:: ahead == 0 -> ahead = 1
			:: else
			fi;
			tx_armed = tx_cons + ahead;
			tx_rsp_event = tx_armed
		};
#ifdef BROKEN_NO_LAST_LOOK
		ahead = 0;
		break
#else
		if
		:: d_step { tx_rsp - tx_cons >= ahead -> ahead = 0 };
			reclaim()
		:: d_step { else -> ahead = 0 };
			break
		fi
#endif
	:: else -> break
	od
}

inline end_burst()
{
	if
	:: tx_published != tx_prod ->
		d_step { was = tx_published; tx_published = tx_prod; tx_req = tx_prod };
		if
		:: d_step { KICK(tx_req, tx_req_event, was) -> pends[PORT(BACK, TX)] = true; was = 0 }
		:: d_step { else -> was = 0 }
		fi
	:: else
	fi;
	ask_event()
}

proctype FrontXmit()
{
	byte was, ahead;

	do
	:: FRONT_DOES {
		d_step { tx_prod < tx_work && !front_lock && !front_stopped -> front_lock = true };
		if
		:: TX_ROOM >= 1
		:: reclaim()
		fi;
		if
		:: TX_ROOM < 1 ->
			front_stopped = true;
			end_burst()
		:: else ->
			tx_prod++;
			if
			:: TX_ROOM < 1 -> front_stopped = true
			:: else
			fi;
			if
			/* xmit_more() */
			:: tx_prod < tx_work && !front_stopped
			:: end_burst()
			fi
		fi;
		front_lock = false
	   }
	:: tx_prod == tx_work -> break
	od
}

proctype FrontPoll()
{
	byte was, ahead;
	bool again;

	do
	:: FRONT_DOES {
		sched[FRONT] ->
		if
		/* A look without the lock. */
		:: tx_published == tx_cons
		:: else ->
			d_step { !front_lock -> front_lock = true };
			reclaim();
			front_lock = false
		fi;
		if
		:: rx_rsp != rx_cons ->
			rx_cons = rx_rsp;
			if
			:: true
			:: again = true
			fi
		:: else
		fi;
		if
		:: rx_prod != rx_cons + RX_RING ->
			d_step { was = rx_prod; rx_prod = rx_cons + RX_RING; rx_req = rx_prod };
			if
			:: d_step { KICK(rx_req, rx_req_event, was) -> pends[PORT(BACK, RX)] = true; was = 0 }
			:: d_step { else -> was = 0 }
			fi
		:: else
		fi;
		if
		:: !again ->
			if
			/* A look without the lock. */
			:: !WANTS
			:: else ->
				d_step { !front_lock -> front_lock = true };
				ask_event();
				front_lock = false
			fi;
			rx_rsp_event = rx_cons + 1;
			if
			:: rx_rsp != rx_cons -> again = true
			:: else ->
				napi_complete(FRONT);
#ifndef FINE_FRONT
				if
				:: tail[FRONT] -> eoi(FRONT); tail[FRONT] = false
				:: else
				fi
#endif
				skip
			fi
		:: else
		fi;
		again = false
	   }
	:: DONE -> break
	od
}

init
{
	atomic {
		/*
		 * Many packets to the guest, many from it, or some of both. To go on, netback wants slots for the largest packet, netfront
		 * responses to packets that it has granted, or only to make room.
		 */
		if
		:: rx_work = 3; most = 1
		:: rx_work = 3; most = 2
		:: tx_work = 2; granted = true
#ifndef SPLIT
		:: tx_work = 3
#else
		:: tx_work = 2
#endif
		:: tx_work = 1; rx_work = 1; granted = true
		fi;
		sched[FRONT] = true;
		sched[BACK] = true;
		run Upcall(FRONT);
		run Upcall(BACK);
#ifdef FINE_FRONT
		run Tail(FRONT);
#endif
#ifdef FINE_BACK
		run Tail(BACK);
#endif
		run BackXmit();
		run BackPoll();
		run FrontXmit();
		run FrontPoll()
	}
}
