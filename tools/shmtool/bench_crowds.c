/* SPDX-License-Identifier: MIT */
/* What consumers cost the producer: as tables and figures, and as JSON. */
#include <stdio.h>

#include "bench_consumers.h"
#include "bench_json.h"
#include "bench_tell.h"
#include "shmtool.h"

static const char *const states[BENCH_STATES] = { "caught up", "asleep", "idle" };
static const char *const words[BENCH_STATES] = { "caught_up", "asleep", "idle" };

static const struct bench_crowd *find(const struct bench_crowd *crowds, int count,
				      const struct bench_crowd *like, unsigned int number)
{
	for (int i = 0; i < count; i++)
		if (crowds[i].shared == like->shared && crowds[i].state == like->state &&
		    crowds[i].count == number)
			return &crowds[i];
	return like;
}

/* Against one consumer in the same state, in the same round. */
static struct bench_quartiles times_one(const struct bench_plan *plan,
					const struct bench_crowd *crowds, int count,
					const struct bench_crowd *crowd)
{
	const struct bench_crowd *one = find(crowds, count, crowd, 1);
	double ratios[BENCH_ROUNDS];

	for (int round = 0; round < plan->rounds; round++)
		ratios[round] = one->ns[round] > 0 ? crowd->ns[round] / one->ns[round] : 0;
	return bench_quartiles(ratios, plan->rounds);
}

static void print_table(const struct bench_plan *plan, const struct bench_crowd *crowds, int count,
			bool shared)
{
	printf("%s\n%-5s",
	       shared ? "Group: the record goes to one of its members"
		      : "Broadcast: the record goes to every consumer",
	       "");
	for (int state = 0; state < BENCH_STATES; state++)
		printf("  %-23s", states[state]);
	printf("\n");
	for (unsigned int number = 1; number <= plan->consumers;) {
		printf("%5u", number);
		for (int state = 0; state < BENCH_STATES; state++) {
			const struct bench_crowd like = { .shared = shared,
							  .state = (enum bench_crowd_state)state };
			const struct bench_crowd *crowd = find(crowds, count, &like, number);
			const struct bench_quartiles ns = bench_quartiles(crowd->ns, plan->rounds);
			const struct bench_quartiles q = times_one(plan, crowds, count, crowd);

			printf(" %7.*f %4.*f [%4.*f %4.*f]", ns.median < 9999.5 ? 1 : 0, ns.median,
			       q.median < 9.995 ? 2 : 1, q.median, q.low < 9.995 ? 2 : 1, q.low,
			       q.high < 9.995 ? 2 : 1, q.high);
		}
		printf("\n");
		if (number == plan->consumers)
			break;
		number = 2 * number < plan->consumers ? 2 * number : plan->consumers;
	}
	printf("\n");
}

int bench_print_crowds(const struct bench_plan *plan, const struct bench_crowd *crowds, int count)
{
	bench_print_head(plan);
	printf("; %d rounds of %.3g s each, %.0f s in all\n\n", plan->rounds, plan->seconds,
	       plan->elapsed);
	printf("What a %zu-byte record costs the producer, ns, and how many times what it costs\n"
	       "with one consumer (medians, of per-round ratios too [quartiles])\n\n",
	       bench_detail_size(plan));
	print_table(plan, crowds, count, false);
	print_table(plan, crowds, count, true);
	for (int i = 0; i < count; i++) {
		const struct bench_crowd *crowd = &crowds[i];
		const struct bench_quartiles q = times_one(plan, crowds, count, crowd);
		const char *kind = crowd->shared ? "group" : "broadcast";

		printf("figure producer_ns_%s_%s_%u %.2f\n", kind, words[crowd->state],
		       crowd->count, bench_quartiles(crowd->ns, plan->rounds).median);
		if (crowd->count > 1)
			printf("figure producer_%s_%s_%u_over_1 %.3f\n", kind, words[crowd->state],
			       crowd->count, q.median);
	}
	return STATUS_DONE;
}

static json_t *quartiles(struct bench_quartiles q)
{
	return json_pack("{s:f, s:f, s:f}", "low", q.low, "median", q.median, "high", q.high);
}

int bench_print_crowds_json(const struct bench_plan *plan, const struct bench_crowd *crowds,
			    int count)
{
	json_t *root = bench_json_head(plan);
	json_t *array = json_array();

	json_object_set_new(root, "elapsed_seconds", json_real(plan->elapsed));
	json_object_set_new(root, "bytes", json_integer((json_int_t)bench_detail_size(plan)));
	for (int i = 0; i < count; i++) {
		const struct bench_crowd *crowd = &crowds[i];
		json_t *object = json_pack(
			"{s:s, s:s, s:I}", "kind", crowd->shared ? "group" : "broadcast", "state",
			states[crowd->state], "consumers", (json_int_t)crowd->count);

		json_object_set_new(object, "record_ns",
				    quartiles(bench_quartiles(crowd->ns, plan->rounds)));
		json_object_set_new(object, "times_one",
				    quartiles(times_one(plan, crowds, count, crowd)));
		json_array_append_new(array, object);
	}
	json_object_set_new(root, "crowds", array);
	return bench_json_print(root);
}
