/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvsplit

#if !defined(_PV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PV_TRACE_H

#include <linux/tracepoint.h>

#include "channel.h"
#include "ring.h"

TRACE_EVENT(pv_publish,
	TP_PROTO(const struct pv_ring *ring, u32 from, u32 to, bool kick),
	TP_ARGS(ring, from, to, kick),
	TP_STRUCT__entry(
		__field(const void *, ring)
		__field(int, end)
		__field(u32, from)
		__field(u32, to)
		__field(bool, kick)
	),
	TP_fast_assign(
		__entry->ring = ring;
		__entry->end = ring->end;
		__entry->from = from;
		__entry->to = to;
		__entry->kick = kick;
	),
	TP_printk("%s ring=%p from=%u to=%u kick=%d",
		  __entry->end == PV_FRONT ? "front" : "back",
		  __entry->ring, __entry->from, __entry->to, __entry->kick)
);

DECLARE_EVENT_CLASS(pv_channel,
	TP_PROTO(const struct pv_channel *ch),
	TP_ARGS(ch),
	TP_STRUCT__entry(
		__array(char, name, PV_CHANNEL_NAME)
		__field(u32, port)
	),
	TP_fast_assign(
		memcpy(__entry->name, ch->name, PV_CHANNEL_NAME);
		__entry->port = ch->port;
	),
	TP_printk("%s port=%u", __entry->name, __entry->port)
);

DEFINE_EVENT(pv_channel, pv_kick,
	TP_PROTO(const struct pv_channel *ch),
	TP_ARGS(ch)
);

DEFINE_EVENT(pv_channel, pv_upcall,
	TP_PROTO(const struct pv_channel *ch),
	TP_ARGS(ch)
);

TRACE_EVENT(pv_grant_call,
	TP_PROTO(const char *what, u32 ops),
	TP_ARGS(what, ops),
	TP_STRUCT__entry(
		__field(const char *, what)
		__field(u32, ops)
	),
	TP_fast_assign(
		__entry->what = what;
		__entry->ops = ops;
	),
	TP_printk("%s ops=%u", __entry->what, __entry->ops)
);

TRACE_EVENT(pv_state,
	TP_PROTO(const char *device, int mine, int peers),
	TP_ARGS(device, mine, peers),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(int, mine)
		__field(int, peers)
	),
	TP_fast_assign(
		strscpy(__entry->device, device, sizeof(__entry->device));
		__entry->mine = mine;
		__entry->peers = peers;
	),
	TP_printk("%s mine=%d peers=%d",
		  __entry->device, __entry->mine, __entry->peers)
);

#endif /* _PV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
