// SPDX-License-Identifier: MIT
/*
 * boost::lockfree::spsc_queue, whose size is fixed when it is compiled, as it has to be in shared
 * memory: a MiB, whatever --capacity says. A single record is pushed by copying, and looked at
 * where it lies (consume_one); bursts are copied in and out (push, pop).
 */
#include "peer.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <new>

namespace
{

constexpr size_t BYTES = size_t(1) << 20;

template <size_t size> struct payload {
	uint64_t words[size / 8];
};

template <size_t size>
using queue = boost::lockfree::spsc_queue<payload<size>, boost::lockfree::capacity<BYTES / size>>;

char *arenas[2];

template <size_t size> bench_inline queue<size> *queue_of(int ring)
{
	static_assert(sizeof(queue<size>) <= BENCH_ARENA_SIZE / 2, "half of the arena is for one");
	return reinterpret_cast<queue<size> *>(arenas[ring]);
}

uint64_t spsc_lap(const struct bench_job *job)
{
	return BYTES / job->size;
}

#define MAKE(size, arena) new (arena) queue<size>

int spsc_open(const struct bench_contender *, const struct bench_job *job, enum bench_side side)
{
	for (int i = 0; i < 2; i++) {
		arenas[i] = peer_arena(job, i);
		if (side == BENCH_NEAR)
			PEER_WITH_SIZE(job->size, MAKE, arenas[i]);
	}
	return 0;
}

template <size_t size> bench_inline void put_of(int ring, unsigned int batch, uint64_t number)
{
	payload<size> burst[BENCH_BATCH];
	size_t done = 0;

	for (unsigned int i = 0; i < batch; i++)
		peer_fill(&burst[i], size, number + i);
	if (batch == 1) {
		while (!queue_of<size>(ring)->push(burst[0]))
			;
		return;
	}
	while (done < batch)
		done += queue_of<size>(ring)->push(burst + done, batch - done);
}

template <size_t size>
bench_inline unsigned int take_of(int ring, unsigned int batch, uint64_t number)
{
	payload<size> burst[BENCH_BATCH];
	size_t got;

	if (batch == 1)
		return queue_of<size>(ring)->consume_one([number](const payload<size> &record) {
			peer_check(&record, size, number);
		});
	got = queue_of<size>(ring)->pop(burst, batch);
	for (size_t i = 0; i < got; i++)
		peer_check(&burst[i], size, number + i);
	return static_cast<unsigned int>(got);
}

#define PUT(size, ring)  put_of<size>(ring, batch, number)
#define TAKE(size, ring) return take_of<size>(ring, batch, number)

bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	PEER_WITH_SIZE(size, PUT, ring);
}

bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	PEER_WITH_SIZE(size, TAKE, ring);
	return 0;
}

PEER_RUN(spsc_run, put, take)

void spsc_close(enum bench_side)
{
}

} // namespace

const struct bench_contender bench_spsc = {
	/* label, figure, mode, aside */
	"spsc_queue",
	"spsc",
	0,
	false,
	/* bursts, threads, slow */
	true,
	false,
	0,
	/* lap, open, run, close; fill, drain */
	spsc_lap,
	spsc_open,
	spsc_run,
	spsc_close,
	nullptr,
	nullptr,
};
