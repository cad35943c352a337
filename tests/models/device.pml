/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a connection: two ends that only see each other's state in xenstore, some time later, and the newest of several.
 *
 *   Xenwatch       device_peer_changed()                     ring/device.c
 *   Front, Back    device_work(): one thread a device        ring/device.c
 *   front_peer()   pv_front_peer()                           ring/front.c
 *   back_peer()    pv_back_peer(), pv_shared_all_current()   ring/back.c, ring/shared.c
 *   reload         device_remove(), device_probe()           ring/device.c
 *   a migration    device_suspend(), device_resume()         ring/device.c
 *   ..._FORMER     pv_device_is_former()                     ring/device.c
 *   ..._says()     pv_device_say()                           ring/state.c
 *   a removal      xenbus: its watch of the directory's parent, device_unregister(), which says Closed after device_remove()
 *
 * Modules are reloaded on both sides at any time, and the toolstack makes both directories anew, in one step or in two. When all has come to
 * rest both ends are connected, over the same rings. A set of rings is a number; a backend can map what the frontend grants now,
 * and nothing else.
 */

#define GONE		0
#define INITIALISING	1
#define INITWAIT	2
#define INITIALISED	3
#define CONNECTED	4
#define CLOSING		5
#define CLOSED		6

#define DOWN		0
#define OFFERED		1
#define UP		2

#ifndef FRONT_RELOADS
#define FRONT_RELOADS	1
#endif
#ifndef BACK_RELOADS
#define BACK_RELOADS	1
#endif
#ifndef MIGRATIONS
#define MIGRATIONS	0
#endif
#ifndef REMAKES
#define REMAKES		0
#endif
#ifndef GAPS
#define GAPS		0
#endif
/* Whose xenbus looks while they have gone. (Both at once are too many states; BACK_LOOKS are 37 million, by hand.) */
#ifdef BACK_LOOKS
#define FRONT_NODE	false
#define BACK_NODE	true
#else
#define FRONT_NODE	true
#define BACK_NODE	false
#endif

/* Xenstore: both states, and which rings the frontend's keys name. */
byte front_state = INITIALISING, back_state = INITIALISING, keys;
/* What each end has said last: it is not said again. */
byte front_said = INITIALISING, back_said = INITIALISING;
/* Xen: which rings are granted. */
byte granted;

/* An event waits for xenwatch; it is at it; what it has said to the thread. */
bool front_event = true, back_event = true;
bool front_watched, back_watched;
bool front_asked, back_asked;
byte front_saw, back_saw;

bool front_begins = true, back_begins = true;
/* It belongs to former directories, and is about to go. */
bool front_goes, back_goes;
byte front_link = DOWN, back_link = DOWN, mapped, wanted;
byte front_reloads = FRONT_RELOADS, back_reloads = BACK_RELOADS, migrations = MIGRATIONS, remakes = REMAKES, gaps = GAPS;
/* xenbus has made a device of the directory; something has come or gone there. */
bool front_there = true, back_there = true, front_node, back_node;
/* It has seen that the directory has gone, and is about to take the device away. */
bool front_taken, back_taken;
/* The frontend's thread has begun something, and is not frozen before its end. */
bool front_busy;

/* Where there is no directory all has been said; another device's is left alone. */
#define OTHERS(state, said)	(state == INITIALISING && said != INITIALISING)

/* A state that is written fires the peer's watch. */
inline front_says(state)
{
	d_step {
		if
		:: front_said == state || OTHERS(front_state, front_said) -> skip
		:: else ->
			front_said = state;
			if
			:: front_state != GONE -> front_state = state; back_event = true
			:: else
			fi
		fi
	}
}

/* (What it says with keys it writes whether it is new or not.) */
inline back_says(state)
{
	d_step {
		if
		:: OTHERS(back_state, back_said) || (back_said == state && !(state == INITWAIT && back_state != state)) -> skip
		:: else ->
			back_said = state;
			if
			:: back_state != GONE -> back_state = state; front_event = true
			:: else
			fi
		fi
	}
}

/* The end of a frontend, unless the directories have just become another's. */
inline front_closed()
{
	front_down();
	d_step {
		if
		:: front_said == INITIALISING && front_state == INITIALISING && back_state != GONE -> front_goes = true
		:: OTHERS(front_state, front_said) -> front_goes = true
		:: else -> front_says(CLOSED)
		fi
	}
}

/* What xenbus says when it has taken a device away */
#ifdef BROKEN_CLOSED_LATE
#define NOTHING_TO_SAY(state)	(state == GONE)
#else
#define NOTHING_TO_SAY(state)	(state == GONE || state == INITIALISING)
#endif

#ifdef BROKEN_NO_FORMER
#define FRONT_FORMER	false
#define BACK_FORMER	false
#else
#define FRONT_FORMER	(front_state == INITIALISING && (front_said != INITIALISING || front_link != DOWN))
#define BACK_FORMER	(back_state == INITIALISING && (back_said != INITIALISING || back_link != DOWN))
#endif

/* A number that nobody has in mind any more. */
#define FREE(n) (keys != n && mapped != n && wanted != n)
inline new_rings()
{
	granted = (FREE(1) -> 1 : (FREE(2) -> 2 : (FREE(3) -> 3 : 4)))
}

inline front_down()
{
	d_step { front_link = DOWN; granted = 0 }
}

inline front_leave()
{
	front_down();
	front_says(CLOSED)
}

inline front_peer()
{
	if
	:: saw == INITWAIT ->
		if
		:: front_link == UP -> front_leave()
		:: front_link == DOWN ->
			d_step { new_rings(); front_link = OFFERED };
			keys = granted;
			front_says(INITIALISED)
		:: else
		fi
	:: saw == CONNECTED ->
		if
		:: front_link == OFFERED -> front_link = UP; front_says(CONNECTED)
		:: else
		fi
	:: saw == CLOSING ->
		if
		:: front_link != DOWN -> front_leave()
		:: else
		fi
	:: saw == CLOSED -> front_down(); front_says(INITIALISING)
	:: saw == GONE && front_said != CLOSED ->
		if
		:: back_state == GONE -> front_closed()
		/* It is there again, and wanted. */
		:: else -> front_down(); front_says(INITIALISING)
		fi
	:: else
	fi
}

inline back_down()
{
	d_step { back_link = DOWN; mapped = 0 }
}

/* The keys are read, then what they name is mapped, if it is there. */
inline back_connect()
{
	wanted = keys;
	d_step {
		if
		:: wanted && wanted == granted -> mapped = wanted; back_link = UP
		:: else
		fi
	};
	if
	:: back_link == UP -> back_says(CONNECTED)
	:: else -> back_says(CLOSING)
	fi;
	wanted = 0
}

inline back_peer()
{
	if
	:: saw == INITIALISING ->
		back_down();
		back_says(INITWAIT)
	:: saw == INITIALISED || saw == CONNECTED ->
#ifndef BROKEN_NEW_RINGS
		if
		:: back_link == UP && mapped != keys -> back_down()
		:: else
		fi;
#endif
		if
		:: back_link != UP -> back_connect()
		:: else
		fi
	:: saw == CLOSING -> back_says(CLOSING)
	:: saw == CLOSED -> back_down(); back_says(CLOSED)
	:: saw == GONE ->
		back_down();
		if
#ifndef BROKEN_GONE_BEFORE
		:: front_state != GONE
#endif
		:: else -> back_goes = true
		fi
	:: else
	fi
}

/* One thread for all watches. What it reads is the state of that moment. */
active proctype Xenwatch()
{
	byte saw;
end:
	do
	:: d_step { front_event -> front_watched = true }
#ifdef BROKEN_EVENT_LATE
	   saw = back_state;
	   front_event = false;
#else
	   front_event = false;
	   saw = back_state;
#endif
	   front_saw = saw;
	   front_asked = true;
	   d_step { front_watched = false; saw = 0 }
	:: d_step { back_event -> back_watched = true }
	   back_event = false;
	   saw = front_state;
	   back_saw = saw;
	   back_asked = true;
	   d_step { back_watched = false; saw = 0 }
	od
}

active proctype Front()
{
	byte saw;
end:
	do
	:: d_step { front_there && front_begins -> front_begins = false; front_busy = true };
		front_says(INITIALISING);
		front_busy = false
	:: d_step { front_there && front_asked && !front_begins && !front_goes -> front_busy = true };
#ifndef BROKEN_ASKED_LATE
		front_asked = false;
#endif
		saw = front_saw;
		if
		:: FRONT_FORMER -> front_goes = true
		:: else -> front_peer()
		fi;
#ifdef BROKEN_ASKED_LATE
		front_asked = false;
#endif
		d_step { saw = 0; front_busy = false }
	/* xenwatch probes it anew, or takes it away. */
	:: d_step { front_there && front_goes && !front_watched && front_state == INITIALISING -> front_busy = true; front_event = false; front_asked = false };
		d_step { front_link = DOWN; granted = 0; front_said = INITIALISING };
		d_step { front_goes = false; front_begins = true; front_event = true; front_busy = false }
	:: d_step { front_there && !front_watched && !front_begins && (front_taken || (front_goes && front_state != INITIALISING)) ->
			front_busy = true; front_goes = false; front_event = false; front_asked = false };
		front_down();
		d_step {
			if
			:: NOTHING_TO_SAY(front_state) -> skip
#ifndef BROKEN_TAKEN
			:: front_taken && front_state == front_said && !NOTHING_TO_SAY(front_state) -> front_state = INITIALISING; back_event = true
#endif
			:: else ->
				if
				:: front_said != CLOSED -> front_state = CLOSED; back_event = true
				:: else
				fi
			fi;
			front_taken = false;
			front_there = false; front_node = true; front_busy = false
		}
	:: d_step { front_there && front_node -> front_node = false; front_taken = front_taken || front_state == GONE }
	:: d_step { !front_there && front_node ->
			front_node = false;
			if
			:: front_state == INITIALISING -> front_there = true; front_said = INITIALISING; front_begins = true; front_event = true
			:: else
			fi }
	/* The end of a watch waits for its callback. */
	:: d_step { front_there && front_reloads && !front_watched && !front_goes -> front_reloads--; front_busy = true; front_event = false; front_asked = false };
		front_leave();
		d_step { front_begins = true; front_event = true; front_busy = false }
	od
}

active proctype Back()
{
	byte saw;
end:
	do
	:: back_there && back_begins -> back_begins = false; back_says(INITWAIT)
	:: back_there && back_asked && !back_begins && !back_goes ->
		back_asked = false;
		saw = back_saw;
		if
		:: BACK_FORMER -> back_goes = true
		:: else -> back_peer()
		fi;
		saw = 0
	:: d_step { back_there && back_goes && !back_watched && back_state == INITIALISING -> back_event = false; back_asked = false } ->
		d_step { back_link = DOWN; mapped = 0; back_said = INITIALISING };
		d_step { back_goes = false; back_begins = true; back_event = true }
	:: d_step { back_there && !back_watched && !back_begins && (back_taken || (back_goes && back_state != INITIALISING)) ->
			back_goes = false; back_event = false; back_asked = false } ->
		back_down();
		d_step {
			if
			:: NOTHING_TO_SAY(back_state) -> skip
#ifndef BROKEN_TAKEN
			:: back_taken && back_state == back_said && !NOTHING_TO_SAY(back_state) -> back_state = INITIALISING; front_event = true
#endif
			:: else ->
				if
				:: back_said != CLOSED -> back_state = CLOSED; front_event = true
				:: else
				fi
			fi;
			back_taken = false;
			back_there = false; back_node = true
		}
	:: d_step { back_there && back_node -> back_node = false; back_taken = back_taken || back_state == GONE }
	:: d_step { !back_there && back_node ->
			back_node = false;
			if
			:: back_state == INITIALISING -> back_there = true; back_said = INITIALISING; back_begins = true; back_event = true
			:: else
			fi }
	:: d_step { back_there && back_reloads && !back_watched && !back_goes -> back_reloads--; back_event = false; back_asked = false } ->
		back_down();
#ifndef RESUMABLE
		back_says(CLOSED);
#endif
		d_step { back_begins = true; back_event = true }
	/* Another world: a toolstack's keys, a backend that begins, nothing granted. (One that is busy has ended with the old one.) */
	:: d_step { migrations && !front_busy && !front_watched && !back_watched ->
		migrations--;
		front_state = INITIALISING; back_state = INITIALISING; keys = 0;
		front_said = INITIALISING; back_said = INITIALISING;
		granted = 0; mapped = 0; back_goes = false;
		back_link = DOWN; back_asked = false; back_begins = true;
		front_asked = false;
#ifndef BROKEN_STAYS_UP
		front_link = DOWN;
#endif
		front_event = true; back_event = true }
	od
}

/* Both directories are others, and no watch has seen it. */
active proctype Toolstack()
{
end:
	do
	:: d_step { remakes ->
		remakes--;
		front_state = INITIALISING; back_state = INITIALISING; keys = 0;
		front_event = true; back_event = true }
	:: d_step { gaps && front_state != GONE ->
		front_state = GONE; back_state = GONE; keys = 0;
		front_event = true; back_event = true; front_node = FRONT_NODE; back_node = BACK_NODE }
	:: d_step { gaps && front_state == GONE ->
		gaps--;
		front_state = INITIALISING; back_state = INITIALISING;
		front_event = true; back_event = true; front_node = true; back_node = true }
	od
}

/* Nobody can do anything any more. */
active proctype Rest()
{
	timeout ->
	assert(front_link == UP && back_link == UP && mapped == granted && front_state == CONNECTED && back_state == CONNECTED)
}
