/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Staged pages of a vif's queue: the frontend has the backend keep them mapped (ADD), both use them, it asks for them back (DEL); the
 * lists go through one page, answers may be late, the backend may be reloaded at any time and goes on with the same rings.
 *
 *   Front          netfront_connect(), netfront_stage_rx(), netfront_restarted(), netfront_disconnect()    netfront/main.c
 *   may_ask()      netfront_may_ask()                                       netfront/ctrl.c
 *   ask()          netfront_send_list(), netfront_ask(), netfront_send(), netfront_consume()               netfront/ctrl.c
 *   start()        netfront_ctrl_start()                                    netfront/ctrl.c
 *   Ctrl           netback_ctrl_consume(), netback_fetch()                  netback/ctrl.c
 *   add()          netback_grefs_add(), pv_map_add(), map_piece(), map_show()                              ring/map.c
 *   remove()       netback_grefs_remove(), netback_park(), pv_map_remove(), map_drop()                     ring/map.c
 *   Poll           pv_map_lookup(), whoever calls it between netback_park() and netback_unpark()           ring/map.h
 *
 * A list has both pages of the queue. The guest names one or the other in a slot, whether it is mapped or not.
 */

#define PAGES	2
#define WANTED	255

#define ADD	1
#define DEL	2

/* ---- shared: the list's page, the ring. Whatever is not answered yet is taken (again) by the next backend. ---- */

byte list, last_id;
byte req_type[8], req_prod, rsp_prod;
bool good[8], answered[8];

/* ---- the backend: its table, and what Xen has mapped ---- */

byte slot[PAGES], map_ref[PAGES], nr;
bool mapped[PAGES];
bool parked, polls;
byte reloads = 1, life;

inline drop(from)
{
	do
	:: nr > from -> atomic { nr--; slot[map_ref[nr]] = 0; mapped[map_ref[nr]] = false }
	:: else -> break
	od;
	skip
}

inline add()
{
	i = 0;
	ok = true;
	do
	:: i < PAGES && slot[i] != 0 -> ok = false; break
	:: i < PAGES && slot[i] == 0 ->
#ifdef BROKEN_SHOWN_EARLY
		slot[i] = i + 1;
#else
		slot[i] = WANTED;
#endif
		i++
	:: else -> break
	od;
	if
	:: !ok ->
		do
		:: i > 0 -> i--; slot[i] = 0
		:: else -> break
		od
	:: else ->
		i = 0;
		do
		/* Xen may refuse each. */
		:: i < PAGES ->
			if
			:: d_step { mapped[i] = true; map_ref[nr] = i; nr++ }
#ifdef BROKEN_PIECEMEAL
			   slot[i] = nr
#endif
			:: d_step { slot[i] = 0; ok = false }
			fi;
			i++
		:: else -> break
		od;
		if
		:: ok ->
			i = 0;
			do
			:: i < nr -> slot[map_ref[i]] = i + 1; i++
			:: else -> break
			od
		:: else -> drop(0)
		fi
	fi
}

inline remove()
{
	all = true;
#ifndef BROKEN_NO_PARK
	d_step { !polls -> parked = true };
#endif
	i = 0;
	do
	:: i < PAGES ->
		if
		/* It is on the list, or it is not. */
		:: all = false
		:: slot[i] != 0 && slot[i] != WANTED ->
			at = slot[i] - 1;
			last = nr - 1;
			map_ref[at] = map_ref[last];
			map_ref[last] = i;
#ifndef BROKEN_SWAP
			slot[map_ref[at]] = at + 1;
#endif
			drop(last)
		fi;
		i++
	:: else -> break
	od;
	ok = all;
	parked = false
}

active proctype Ctrl()
{
	byte i, at, last, got;
	bool ok, all;
end:
	do
	:: rsp_prod < req_prod ->
		got = list;
		/* The list is that of this request. */
		assert(got == rsp_prod);
		if
		:: req_type[rsp_prod] == ADD -> add();
			assert(ok -> (mapped[0] && mapped[1] && slot[0] && slot[1]) : (nr == 0 || (nr == PAGES && mapped[0] && mapped[1])))
		:: else -> remove();
			assert(!ok || (!mapped[0] && !mapped[1]))
		fi;
		assert((slot[0] == 0) == (!mapped[0]) && (slot[1] == 0) == (!mapped[1]));
		d_step { good[rsp_prod] = ok; answered[rsp_prod] = true; rsp_prod++; i = 0; at = 0; last = 0; got = 0; ok = false; all = false }
	/* A new module: nothing is mapped, and what was not answered comes again. */
	:: d_step { reloads && !polls -> parked = true; reloads-- };
		drop(0);
		d_step { life++; parked = false }
	/* The same in the middle of a request that has been read and not answered. */
	:: d_step { reloads && !polls && rsp_prod < req_prod -> parked = true; reloads--; got = list };
		assert(got == rsp_prod);
		drop(0);
		d_step { life++; got = 0; parked = false }
	od
}

/* NAPI, or the transmit function: any page that the guest names. */
active proctype Poll()
{
	byte ref, at;
	byte left = 4;
end:
	do
	:: d_step { left && !parked -> polls = true; left-- };
		if
		:: ref = 0
		:: ref = 1
		fi;
		at = slot[ref];
		if
		:: at == 0 || at == WANTED /* a grant copy */
		:: else ->
			/* what was found is that page, and stays mapped as long as it is used */
			at = map_ref[at - 1];
			assert(at == ref);
			assert(mapped[ref])
		fi;
		d_step { polls = false; ref = 0; at = 0 }
	od
}

/* ---- the frontend ---- */

bool late;

inline may_ask()
{
	may = true;
	if
#ifndef BROKEN_LATE
	:: late && !answered[last_id] -> may = false
#endif
	:: else -> late = false
	fi
}

/* Its answer comes, or the frontend does not wait any longer. */
inline ask(type)
{
	may_ask();
	got_it = false;
	if
	:: may ->
		list = req_prod;
		d_step { last_id = req_prod; req_type[req_prod] = type; req_prod++ };
		if
		:: answered[last_id] -> got_it = good[last_id]
		:: late = true
		fi
	:: else
	fi
}

/* Connect: an answer that does not come or is no leaves the pages staged; each ring needs as many, the pool has three times that. */
inline stage()
{
	pool = 2;
	ask(ADD);
#ifdef BROKEN_A1
	/* They were put back, staged as they are, and others were wanted. */
	if
	:: !got_it -> pool = pool + 2
	:: else
	fi;
#endif
	assert(pool <= 3)
}

inline start()
{
	seen = life;
	if
#ifdef BROKEN_RESTART
	:: late -> late = false
#else
	/* The new one takes what the old one has not answered. It gets time to do so. */
	:: late && answered[last_id] -> late = false
	:: late
#endif
	:: else
	fi
}

active proctype Front()
{
	bool may, got_it;
	byte pool, seen;

	stage();
	do
	:: seen != life -> start(); ask(ADD)
	:: break
	od;
	ask(DEL);
	/* What it still has is quarantined when the grant is ended. */
	d_step { pool = 0; may = false; got_it = false }
}
