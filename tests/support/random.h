/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed repeats: xoshiro256**, its state filled by splitmix64 (Blackman and Vigna). */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Scrambles the bits of a number: the output step of splitmix64. Distinct numbers stay distinct. */
static inline uint64_t random_mix(uint64_t number)
{
	number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
	number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
	return number ^ (number >> 31);
}

/* The distance between two states of splitmix64. */
#define RANDOM_STEP 0x9e3779b97f4a7c15ULL

/* Starts a sequence; `stream` tells apart the users of one seed. */
void random_seed(struct random *random, uint64_t seed, uint64_t stream);

uint64_t random_next(struct random *random);

/* A number below `limit`, which is not 0. */
uint64_t random_below(struct random *random, uint64_t limit);

/* A number from `low` to `high`, both included. */
uint64_t random_between(struct random *random, uint64_t low, uint64_t high);

/* 1 in `odds` times. */
int random_once_in(struct random *random, uint64_t odds);

/* A seed from the kernel, or the value of the environment variable SHMRING_TEST_SEED. */
uint64_t random_fresh_seed(void);

#endif
