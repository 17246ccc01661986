/* SPDX-License-Identifier: MIT */
/* The checker is fed records that are right, and then each kind of mistake: it has to find every one. */
#include "checker.h"
#include "../support/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT   400u
#define LONGEST 200u

static const struct stream stream = { .seed = 77, .size_minimum = 0, .size_maximum = LONGEST };
static char bytes[COUNT][LONGEST];
static struct shmring_record records[COUNT];

/* A flawless stream. */
static void fill(void)
{
	for (uint64_t i = 0; i < COUNT; i++) {
		uint32_t length = (uint32_t)payload_length(stream.seed, i, 0, LONGEST);

		payload_fill(bytes[i], length, stream.seed, i);
		records[i] = (struct shmring_record){
			.data = bytes[i],
			.length = length,
			.type = payload_type(stream.seed, i),
			.sequence = i,
		};
	}
}

static unsigned int failures;

static void expect(const char *name, int condition, const struct tally *tally)
{
	if (condition)
		return;
	failures++;
	printf("check_checker: %s: delivered %" PRIu64 ", reported %" PRIu64 ", lost %" PRIu64
	       ", torn %" PRIu64 ", out of order %" PRIu64 "\n",
	       name, tally->delivered, tally->reported, tally->lost, tally->torn,
	       tally->out_of_order);
}

/* Judges the records in this order, from the first on; UINT32_MAX leaves one out. */
static struct tally judge(const uint32_t order[COUNT], int reliable)
{
	struct checker checker;

	checker_init(&checker, &stream, reliable);
	checker_expect(&checker, 0);
	for (unsigned int i = 0; i < COUNT; i++)
		if (order[i] != UINT32_MAX)
			checker_record(&checker, &records[order[i]]);
	checker_end(&checker, COUNT);
	return checker.tally;
}

static void in_order(uint32_t order[COUNT])
{
	for (uint32_t i = 0; i < COUNT; i++)
		order[i] = i;
}

static void check_order(int reliable)
{
	uint32_t order[COUNT];
	struct tally tally;

	in_order(order);
	tally = judge(order, reliable);
	expect("all is well", !tally_bad(&tally) && tally.delivered == COUNT && tally.reported == 0,
	       &tally);
	for (uint32_t i = 0; i < COUNT; i++) {
		in_order(order);
		order[i] = UINT32_MAX;
		tally = judge(order, reliable);
		expect("one is missing", tally.lost == 1 && tally.delivered == COUNT - 1, &tally);
	}
	for (uint32_t i = 0; i + 1 < COUNT; i++) {
		in_order(order);
		order[i] = i + 1;
		order[i + 1] = i;
		tally = judge(order, reliable);
		expect("two are swapped", tally.out_of_order > 0, &tally);
	}
	for (uint32_t i = 1; i < COUNT; i++) {
		in_order(order);
		order[i] = i - 1;
		tally = judge(order, reliable);
		expect("one comes twice, another never", tally.out_of_order > 0 && tally.lost > 0,
		       &tally);
	}
}

static void check_content(void)
{
	uint32_t order[COUNT];
	struct tally tally;

	in_order(order);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct shmring_record was = records[i];

		for (uint32_t byte = 0; byte < was.length; byte++) {
			bytes[i][byte] ^= 1;
			tally = judge(order, 1);
			expect("a wrong byte", tally.torn == 1 && tally.lost == 0, &tally);
			bytes[i][byte] ^= 1;
		}
		records[i].length ^= 1;
		tally = judge(order, 1);
		expect("a wrong length", tally.torn == 1, &tally);
		records[i] = was;
		records[i].type ^= 0x100;
		tally = judge(order, 1);
		expect("a wrong type", tally.torn == 1, &tally);
		records[i] = was;
		records[i].flags = 1;
		tally = judge(order, 1);
		expect("a flag that means nothing", tally.torn == 1, &tally);
		records[i] = was;
		/* Another record's payload under this one's number. */
		records[i].data = bytes[(i + 1) % COUNT];
		records[i].length = records[(i + 1) % COUNT].length;
		tally = judge(order, 1);
		expect("another's payload", tally.torn == 1 || was.length + records[i].length == 0,
		       &tally);
		records[i] = was;
	}
}

/* A gap of three before record 10, of which the ring says so many. */
static struct tally with_gap(uint64_t reported, int reliable)
{
	uint32_t order[COUNT];
	struct tally tally;

	in_order(order);
	order[7] = order[8] = order[9] = UINT32_MAX;
	records[10].lost = reported;
	tally = judge(order, reliable);
	records[10].lost = 0;
	return tally;
}

static void check_gaps(void)
{
	struct tally tally = with_gap(3, 0);

	expect("a gap that is told",
	       !tally_bad(&tally) && tally.reported == 3 && tally.delivered == COUNT - 3, &tally);
	tally = with_gap(2, 0);
	expect("a gap that is told too small", tally.lost == 1, &tally);
	tally = with_gap(4, 0);
	expect("a gap that is told too large", tally.lost == 1, &tally);
	tally = with_gap(0, 0);
	expect("a gap that is not told", tally.lost == 3, &tally);
	tally = with_gap(3, 1);
	expect("a gap in a RELIABLE stream", tally.lost == 3, &tally);
}

static void check_starts(void)
{
	struct checker checker;

	checker_init(&checker, &stream, 1);
	checker_expect_any(&checker);
	checker_record(&checker, &records[50]);
	expect("any first record", !tally_bad(&checker.tally), &checker.tally);
	checker_expect_at_least(&checker, 70);
	checker_record(&checker, &records[70]);
	expect("not before", !tally_bad(&checker.tally), &checker.tally);
	checker_expect_at_least(&checker, 80);
	checker_record(&checker, &records[79]);
	expect("before what was the newest", checker.tally.out_of_order == 1, &checker.tally);
	checker_expect_at_most(&checker, 79);
	checker_record(&checker, &records[79]);
	expect("not after", checker.tally.lost == 0, &checker.tally);
	checker_expect_at_most(&checker, 20);
	checker_record(&checker, &records[22]);
	expect("after what should be the oldest", checker.tally.lost == 2, &checker.tally);
	checker_init(&checker, &stream, 0);
	checker_expect(&checker, 5);
	checker_record(&checker, &records[6]);
	expect("not where it was told to start", checker.tally.lost == 1, &checker.tally);
}

/* A reader that knows for sure what comes next. */
static struct tally judge_next(uint64_t sequence, uint64_t reported, int reliable)
{
	struct checker checker;

	checker_init(&checker, &stream, reliable);
	checker_expect_next(&checker, sequence);
	records[50].lost = reported;
	checker_record(&checker, &records[50]);
	records[50].lost = 0;
	return checker.tally;
}

static void check_next(void)
{
	struct tally tally = judge_next(50, 0, 1);

	expect("what comes next", !tally_bad(&tally), &tally);
	tally = judge_next(49, 1, 1);
	expect("a gap after a sure start, though told", tally.lost == 1, &tally);
	tally = judge_next(49, 1, 0);
	expect("the same where it may be", !tally_bad(&tally), &tally);
	tally = judge_next(49, 0, 0);
	expect("the same, not told", tally.lost == 1, &tally);
	tally = judge_next(51, 0, 1);
	expect("before a sure start", tally.out_of_order == 1, &tally);
}

int main(void)
{
	fill();
	check_order(0);
	check_order(1);
	check_content();
	check_gaps();
	check_starts();
	check_next();
	printf("check_checker: %s\n", failures ? "FAILED" : "passed");
	return failures != 0;
}
