/* SPDX-License-Identifier: MIT */
/* bench_writer.h - records of a size that is a constant, one by one, by the path that is expanded. */
#ifndef TESTS_BENCH_BENCH_WRITER_H
#define TESTS_BENCH_BENCH_WRITER_H

#include <shmring/inline.h>

#include "bench.h"

/* How many ns that takes. There has to be room for them. */
static bench_inline uint64_t bench_write_all(struct shmring_producer *producer, size_t size,
					     unsigned int records)
{
	const uint64_t start = bench_now();

	for (unsigned int i = 0; i < records; i++) {
		void *payload;

		bench_must(shmring_reserve(producer, size, &payload), "reserve");
		bench_fill(payload, size, i);
		bench_must(shmring_commit(producer, size, 0, 0), "commit");
	}
	return bench_now() - start;
}

#endif
