/* SPDX-License-Identifier: MIT */
#include "random.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void random_seed(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t state = random_mix(seed + RANDOM_STEP) ^ random_mix(~stream);

	for (int i = 0; i < 4; i++)
		random->state[i] = random_mix(state += RANDOM_STEP);
}

static uint64_t rotate_left(uint64_t number, int bits)
{
	return number << bits | number >> (64 - bits);
}

uint64_t random_next(struct random *random)
{
	uint64_t *state = random->state;
	uint64_t result = rotate_left(state[1] * 5, 7) * 9;
	uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate_left(state[3], 45);
	return result;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
	return random_next(random) % limit;
}

uint64_t random_between(struct random *random, uint64_t low, uint64_t high)
{
	uint64_t span = high - low + 1;

	return span ? low + random_below(random, span) : random_next(random);
}

int random_once_in(struct random *random, uint64_t odds)
{
	return random_below(random, odds) == 0;
}

uint64_t random_fresh_seed(void)
{
	const char *chosen = getenv("SHMRING_TEST_SEED");
	struct timespec now;
	uint64_t seed;

	if (chosen && *chosen)
		return strtoull(chosen, NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		return seed >> 32; /* short enough to type */
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_nsec;
}
