# SPDX-License-Identifier: GPL-2.0
# For both ends: allocations by our modules, of pages or of the slab: count_allocations, then allocations prints how many.

EVENTS=/sys/kernel/debug/tracing/events/kmem
count_allocations() {
	echo hist:keys=call_site.sym >$EVENTS/kmalloc/trigger &&
		echo hist:keys=call_site.sym >$EVENTS/kmem_cache_alloc/trigger &&
		echo hist:keys=stacktrace >$EVENTS/mm_page_alloc/trigger
}
# Pages have no call_site: whose they are says the first name in the stack that is no allocator's.
allocations() {
	cat $EVENTS/kmalloc/hist $EVENTS/kmem_cache_alloc/hist $EVENTS/mm_page_alloc/hist | awk '
	/call_site:/ { seen += $NF; if (/\[pv_/) n += $NF; next }
	/stacktrace:/ { owner = ""; next }
	/^}|^ *}/ { seen += $NF; if (owner ~ /\[pv_/) n += $NF; next }
	owner == "" && $1 !~ /alloc_pages|get_free_pages|get_zeroed_page|folio_alloc|kmalloc_large|kmalloc_order/ { owner = $0 }
	END { if (!seen) { print "nothing is traced"; exit 1 } print n + 0 }'
}
