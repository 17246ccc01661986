/* SPDX-License-Identifier: MIT */
#include "index.h"
#include "wait.h"

static struct layout_index_entry *entry_of(const struct segment *segment, uint64_t block)
{
	return &segment->data->index[block % INDEX_ENTRIES];
}

uint64_t index_lookup(const struct segment *segment, uint64_t block)
{
	/* Relaxed: it counts only below a head that was loaded with acquire before, see [HEAD]. */
	uint64_t position =
		atomic_load_explicit(&entry_of(segment, block)->position, memory_order_relaxed);

	return position != INDEX_NONE && position % 8 == 0 &&
			       index_block(segment, position) == block
		       ? position
		       : INDEX_NONE;
}

uint64_t index_time(const struct segment *segment, uint64_t block)
{
	if (index_lookup(segment, block) == INDEX_NONE)
		return 0;
	return atomic_load_explicit(&entry_of(segment, block)->time_ns, memory_order_relaxed);
}

uint64_t index_first_at(const struct segment *segment, uint64_t position, uint64_t head)
{
	uint64_t block = index_block(segment, position);

	/* No more than a capacity lies between the two, so this ends also if a value were wrong. */
	for (unsigned int i = 0; position < head && i <= INDEX_BLOCKS; i++, block++) {
		uint64_t start = index_lookup(segment, block);

		if (start != INDEX_NONE && start >= position)
			return start < head ? start : head;
		if (block >= index_block(segment, head))
			break;
	}
	return head;
}

uint64_t index_last_below(const struct segment *segment, uint64_t position)
{
	uint64_t block = index_block(segment, position);

	for (unsigned int i = 0; i <= INDEX_BLOCKS; i++, block--) {
		uint64_t start = index_lookup(segment, block);

		if (start != INDEX_NONE && start < position)
			return start;
		if (block == 0)
			break;
	}
	return INDEX_NONE;
}

void index_store(const struct segment *segment, uint64_t position, uint64_t time_ns)
{
	struct layout_index_entry *entry = entry_of(segment, index_block(segment, position));

	/* Relaxed, the time first: [PUBLISH] and [HEAD] follow before anybody counts the entry. */
	atomic_store_explicit(&entry->time_ns, time_ns, memory_order_relaxed);
	atomic_store_explicit(&entry->position, position, memory_order_relaxed);
}

void index_touch(const struct segment *segment, uint64_t from, uint64_t to, uint64_t time_ns)
{
	for (uint64_t block = index_block(segment, from); block <= index_block(segment, to);
	     block++) {
		uint64_t start = index_lookup(segment, block);

		/* Release: after [PUBLISH], which the time must not seem to precede. */
		if (start != INDEX_NONE && start >= from && start < to)
			atomic_store_explicit(&entry_of(segment, block)->time_ns, time_ns,
					      memory_order_release);
	}
}

void index_forget(const struct segment *segment, uint64_t from)
{
	const uint64_t now = clock_wall_ns();

	for (unsigned int i = 0; i < INDEX_ENTRIES; i++) {
		struct layout_index_entry *entry = &segment->data->index[i];

		if (atomic_load_explicit(&entry->position, memory_order_relaxed) >= from)
			atomic_store_explicit(&entry->position, INDEX_NONE, memory_order_relaxed);
		if (atomic_load_explicit(&entry->time_ns, memory_order_relaxed) == INDEX_LATER)
			atomic_store_explicit(&entry->time_ns, now, memory_order_relaxed);
	}
}
