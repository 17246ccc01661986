// SPDX-License-Identifier: MIT
/*
 * boost::interprocess::message_queue: a mutex and conditions in shared memory. Messages are copied
 * in and out. Both sides try again and again, as the others do.
 */
#include "peer.h"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <memory>

namespace
{

namespace ipc = boost::interprocess;

std::unique_ptr<ipc::message_queue> queues[2];
const char *created[2];

uint64_t mq_lap(const struct bench_job *job)
{
	return peer_lap_of_slow(job, peer_slots(job, job->size));
}

int mq_open(const struct bench_contender *, const struct bench_job *job, enum bench_side side)
{
	const size_t count = peer_slots(job, job->size);
	const int rings = job->task == BENCH_ONE_WAY ? 2 : 1;

	try {
		for (int i = 0; i < rings; i++) {
			if (side == BENCH_NEAR) {
				queues[i].reset(new ipc::message_queue(
					ipc::create_only, job->name[i], count, job->size));
				created[i] = job->name[i];
			} else {
				queues[i].reset(
					new ipc::message_queue(ipc::open_only, job->name[i]));
			}
		}
	} catch (const ipc::interprocess_exception &error) {
		bench_fail("message_queue: %s", error.what());
	}
	return 0;
}

bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	uint64_t record[BENCH_SIZE_MAX / 8];

	for (unsigned int i = 0; i < batch; i++) {
		peer_fill(record, size, number + i);
		while (!queues[ring]->try_send(record, size, 0))
			bench_pause();
	}
}

bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	uint64_t record[BENCH_SIZE_MAX / 8];
	ipc::message_queue::size_type length;
	unsigned int priority, count = 0;

	while (count < batch && queues[ring]->try_receive(record, size, length, priority)) {
		if (length != size)
			bench_fail("message_queue: a message of %zu bytes, not %zu",
				   static_cast<size_t>(length), size);
		peer_check(record, size, number + count++);
	}
	if (count == 0)
		bench_pause();
	return count;
}

PEER_RUN(mq_run, put, take)

void mq_close(enum bench_side side)
{
	for (int i = 0; i < 2; i++) {
		queues[i].reset();
		if (side == BENCH_NEAR && created[i])
			ipc::message_queue::remove(created[i]);
		created[i] = nullptr;
	}
}

} // namespace

const struct bench_contender bench_mq = {
	/* label, figure, mode, aside */
	"message_queue",
	"mq",
	0,
	false,
	/* bursts, threads, slow */
	false,
	false,
	4,
	/* lap, open, run, close; fill, drain */
	mq_lap,
	mq_open,
	mq_run,
	mq_close,
	nullptr,
	nullptr,
};
