/* SPDX-License-Identifier: MIT */
/* Opening to write; reserve, commit, abort; how much fits. */
#include "unit.h"

#include <sys/resource.h>
#include <sys/uio.h>

#include "../support/objects.h"

#include "../../lib/layout.h"

Test(producer, opens_a_ring_that_is_there)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_producer_info info = producer_info(producer);

	cr_assert_eq(info.epoch, 1);
	cr_assert_eq(info.sequence, 0);
	cr_assert_eq(info.position, 0);
	cr_assert_eq(info.capacity, SMALL);
	cr_assert_eq(info.maximum, SMALL_MAXIMUM);
	cr_assert_eq(info.sleeps, 0);
	cr_assert_eq(info.wakeups, 0);
	expect_ok(shmring_producer_close(producer));
}

Test(producer, misses_a_ring_that_is_not_there)
{
	struct shmring_producer *producer = NULL;
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	const char *name = unique_name();
	uint64_t start = now_ns();

	expect_result(shmring_producer_open(&producer, name, NULL), -ENOENT);
	options.timeout_ns = 30 * NS_PER_MS;
	expect_result(shmring_producer_open(&producer, name, &options), -ETIMEDOUT);
	cr_assert_geq(now_ns() - start, 30 * NS_PER_MS);
	cr_assert_null(producer);
	cr_assert_eq(shm_files_of(name), 0, "attaching must not create");
}

static int create_it(void *name)
{
	return -shmring_create(name, NULL);
}

Test(producer, waits_for_a_ring_to_appear)
{
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	struct shmring_producer *producer;
	const char *name = unique_name();
	pid_t child = child_start(create_it, (void *)(uintptr_t)name);

	options.timeout_ns = -1;
	expect_ok(shmring_producer_open(&producer, name, &options));
	cr_assert_eq(child_wait(child), 0);
}

Test(producer, is_alone)
{
	const char *name = new_ring(0);
	struct shmring_producer *first = new_producer(name), *second = NULL;

	expect_result(shmring_producer_open(&second, name, NULL), -EBUSY);
	cr_assert_null(second);
	write_records(first, 1, 1);
	expect_ok(shmring_producer_close(first));
	second = new_producer(name);
	cr_assert_eq(producer_info(second).epoch, 2);
	cr_assert_eq(producer_info(second).sequence, 1);
}

static int open_second(void *name)
{
	struct shmring_producer *producer;

	return -shmring_producer_open(&producer, name, NULL);
}

Test(producer, is_alone_among_processes)
{
	const char *name = new_ring(0);

	new_producer(name);
	cr_assert_eq(child_run(open_second, (void *)(uintptr_t)name), EBUSY);
}

Test(producer, requires_the_tag)
{
	struct shmring_create_options create = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	char padded[SHMRING_TAG_SIZE] = "quotes", too_long[SHMRING_TAG_SIZE + 1] = "quotes";
	struct shmring_producer *producer = NULL;
	const char *name;

	create.tag = "quotes";
	create.tag_length = 6;
	name = new_ring_with(&create);
	options.tag = "quote";
	options.tag_length = 5;
	expect_result(shmring_producer_open(&producer, name, &options), -EPROTOTYPE);
	options.tag = "";
	options.tag_length = 0;
	expect_result(shmring_producer_open(&producer, name, &options), -EPROTOTYPE);
	options.tag = too_long;
	options.tag_length = sizeof(too_long);
	expect_result(shmring_producer_open(&producer, name, &options), -EINVAL);
	cr_assert_null(producer);
	options.tag = padded;
	options.tag_length = sizeof(padded);
	expect_ok(shmring_producer_open(&producer, name, &options));
	expect_ok(shmring_producer_close(producer));
	options.tag_length = 6;
	expect_ok(shmring_producer_open(&producer, name, &options));
}

Test(producer, refuses_options_it_does_not_understand)
{
	const char *name = new_ring(0);
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct shmring_producer *producer = NULL;

	options.size = 0;
	expect_result(shmring_producer_open(&producer, name, &options), -EINVAL);
	options.size = sizeof(options);
	options.interruptible = 2;
	expect_result(shmring_producer_open(&producer, name, &options), -EINVAL);
	options.interruptible = 0;
	options.spin_ns = SHMRING_SPIN_MAX_NS + 1;
	expect_result(shmring_producer_open(&producer, name, &options), -EINVAL);
	options.spin_ns = 0;
	options.prefault = 2;
	expect_result(shmring_producer_open(&producer, name, &options), -EINVAL);
	expect_result(shmring_producer_open(NULL, name, NULL), -EINVAL);
	cr_assert_null(producer);
	producer = new_producer(name);
	info.size = 0;
	expect_result(shmring_producer_info(producer, &info), -EINVAL);
	expect_result(shmring_producer_info(producer, NULL), -EINVAL);
}

Test(producer, carries_every_length_from_0_to_the_maximum)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	uint64_t sequence = 0;

	for (size_t length = 0; length <= SMALL_MAXIMUM;
	     length += length < 100 || length > SMALL_MAXIMUM - 20 ? 1 : 97) {
		write_records(producer, 1, length);
		expect_run(consumer, sequence, 1, length);
		expect_run(observer, sequence, 1, length);
		sequence++;
		if (length < SMALL_MAXIMUM && length + 97 > SMALL_MAXIMUM - 20 &&
		    length <= SMALL_MAXIMUM - 20)
			length = SMALL_MAXIMUM - 21;
	}
	write_records(producer, 1, SMALL_MAXIMUM);
	expect_run(consumer, sequence, 1, SMALL_MAXIMUM);
}

Test(producer, can_have_all_pages_mapped_beforehand)
{
	const char *name = new_ring(1 << 20);
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	struct shmring_consumer_options consumer_options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	struct rusage before, after;

	options.prefault = consumer_options.prefault = 1;
	expect_ok(shmring_producer_open(&producer, name, &options));
	expect_ok(shmring_consumer_open(&consumer, name, &consumer_options));
	write_records(producer, 1, 100);
	expect_run(consumer, 0, 1, 100);
	getrusage(RUSAGE_SELF, &before);
	for (unsigned int i = 0; i < 3000; i++) {
		write_records(producer, 1, 1000);
		expect_run(consumer, 1 + i, 1, 1000);
	}
	getrusage(RUSAGE_SELF, &after);
	/* The ring has 256 pages; some others, of the test's own, may come in. */
	cr_assert_lt(after.ru_minflt - before.ru_minflt, 100);
}

Test(producer, carries_every_type)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;

	for (unsigned int type = 0; type <= UINT16_MAX; type++) {
		expect_ok(shmring_write(producer, &type, sizeof(type), (uint16_t)type, 0));
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(record.type, type);
		cr_assert_eq(record.flags, 0);
		expect_ok(shmring_release(consumer));
	}
}

Test(producer, refuses_what_is_too_long_and_goes_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	static const size_t lengths[] = { SMALL_MAXIMUM + 1, SMALL, (size_t)UINT32_MAX + 1,
					  SIZE_MAX - 16, SIZE_MAX };
	void *data = &data;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		expect_result(shmring_reserve(producer, lengths[i], &data), -EMSGSIZE);
		cr_assert_eq(data, (void *)&data, "touched on failure");
		expect_result(shmring_write(producer, "", lengths[i], 0, -1), -EMSGSIZE);
		expect_result(shmring_producer_wait(producer, lengths[i], -1), -EMSGSIZE);
	}
	write_records(producer, 1, SMALL_MAXIMUM);
	expect_run(consumer, 0, 1, SMALL_MAXIMUM);
}

Test(producer, reserves_one_record_at_a_time)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct iovec piece = piece_of("x", 1);
	void *data, *other = &other;

	expect_ok(shmring_reserve(producer, 10, &data));
	expect_result(shmring_reserve(producer, 10, &other), -EALREADY);
	cr_assert_eq(other, (void *)&other, "touched on failure");
	expect_result(shmring_write(producer, "x", 1, 0, -1), -EALREADY);
	expect_result(shmring_writev(producer, &piece, 1, 0, -1), -EALREADY);
	expect_result(shmring_flush(producer), -EALREADY);
	expect_ok(shmring_commit(producer, 10, 0, 0));
	expect_ok(shmring_reserve(producer, 10, &data));
}

Test(producer, commits_no_more_than_was_reserved)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	void *data;

	expect_result(shmring_commit(producer, 0, 0, 0), -EINVAL);
	expect_ok(shmring_reserve(producer, 10, &data));
	expect_result(shmring_commit(producer, 11, 0, 0), -EINVAL);
	expect_result(shmring_commit(producer, SIZE_MAX, 0, 0), -EINVAL);
	expect_result(shmring_commit(producer, 1, 0, 2), -EINVAL);
	expect_result(shmring_commit(producer, 1, 0, 0x80000001u), -EINVAL);
	expect_result(shmring_read(consumer, &record), -EAGAIN);
	memcpy(data, "0123456789", 10);
	expect_ok(shmring_commit(producer, 10, 7, 0));
	expect_result(shmring_commit(producer, 10, 0, 0), -EINVAL);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, 10);
	cr_assert_arr_eq(record.data, "0123456789", 10);
}

Test(producer, commits_less_than_was_reserved)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	void *data;

	for (unsigned int i = 0; i < 1000; i++) {
		size_t length = i * 7 % 300;

		expect_ok(shmring_reserve(producer, SMALL_MAXIMUM, &data));
		/* All of the reservation may be scribbled on. */
		memset(data, 0xff, SMALL_MAXIMUM);
		memset(data, (int)i & 0x7f, length);
		expect_ok(shmring_commit(producer, length, (uint16_t)i, 0));
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(record.length, length);
		cr_assert_eq(record.sequence, i);
		for (size_t b = 0; b < length; b++)
			cr_assert_eq(((const unsigned char *)record.data)[b], i & 0x7f);
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		expect_ok(shmring_release(consumer));
	}
}

Test(producer, zeroes_the_next_header_word)
{
	/* A payload that looks like header words must never be taken for records by whoever steps behind one. */
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	uint64_t words[512];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = record_word(8, 1);
	for (unsigned int i = 0; i < 500; i++) {
		size_t length = i % 3 ? 8 * (i % 64) : sizeof(words) - 8 * (i % 5);

		expect_ok(shmring_write(producer, words, length, 0, 0));
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(record.length, length);
		cr_assert_eq(record.sequence, i);
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		expect_ok(shmring_release(consumer));
	}
}

Test(producer, aborts_without_a_trace)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	void *data;

	expect_ok(shmring_abort(producer));
	for (unsigned int i = 0; i < 300; i++) {
		expect_ok(shmring_reserve(producer, SMALL_MAXIMUM, &data));
		memset(data, 0xff, SMALL_MAXIMUM);
		expect_ok(shmring_abort(producer));
		expect_result(shmring_commit(producer, 0, 0, 0), -EINVAL);
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		write_records(producer, 1, 1000);
		expect_run(consumer, i, 1, 1000);
	}
}

Test(producer, fills_the_ring_to_the_last_byte)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	uint64_t left = SMALL - 8 - 3 * stride_of(SMALL_MAXIMUM);
	size_t last = (size_t)(left - 16);
	void *data = &data;

	/* What is reserved behind the last record is the next header word. */
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
	expect_result(shmring_reserve(producer, last + 1, &data), -EAGAIN);
	expect_result(shmring_write(producer, "", 0, 0, 0), 0);
	expect_result(shmring_reserve(producer, last, &data), -EAGAIN);
	expect_result(shmring_reserve(producer, last - 16, &data), 0);
	expect_ok(shmring_commit(producer, last - 16, 0, 0));
	expect_result(shmring_reserve(producer, 0, &data), -EAGAIN);
	expect_result(shmring_write(producer, "", 0, 0, 0), -EAGAIN);
	expect_result(shmring_producer_wait(producer, 0, 0), -EAGAIN);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_ok(shmring_producer_wait(producer, 0, 0));
	expect_ok(shmring_producer_wait(producer, SMALL_MAXIMUM, 0));
	write_records(producer, 1, SMALL_MAXIMUM);
}

Test(producer, is_held_back_by_reliable_subscriptions_alone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *reliable;

	new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
	new_observer(name, SHMRING_OLDEST);
	write_records(producer, 1000, 1000);
	reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
	for (unsigned int written = 0;; written++) {
		void *data;
		int result = shmring_reserve(producer, 1000, &data);

		if (result == -EAGAIN) {
			cr_assert_geq(written, SMALL / stride_of(1000) - 2);
			break;
		}
		expect_result(result, 0);
		cr_assert_lt(written, SMALL / stride_of(1000), "not held back");
		expect_ok(shmring_abort(producer));
		write_records(producer, 1, 1000);
	}
	expect_ok(shmring_consumer_close(reliable));
	write_records(producer, 1000, 1000);
}

Test(producer, a_ring_without_consumers_is_never_full)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	write_records(producer, 10000, 333);
	cr_assert_eq(producer_info(producer).sequence, 10000);
	cr_assert_eq(producer_info(producer).position, 10000 * stride_of(333));
}

Test(producer, gathers_pieces)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct iovec pieces[1025];
	struct iovec parts[] = {
		piece_of("one", 3),  piece_of(NULL, 0), piece_of("", 0),
		piece_of(" two", 4), piece_of("!", 1),
	};
	struct shmring_record record;

	expect_ok(shmring_writev(producer, parts, 5, 3, 0));
	expect_ok(shmring_writev(producer, NULL, 0, 4, 0));
	for (int i = 0; i < 1025; i++)
		pieces[i] = piece_of(&"0123456789abcdef"[i % 16], 1);
	expect_ok(shmring_writev(producer, pieces, 1024, 5, 0));
	expect_result(shmring_writev(producer, pieces, 1025, 5, 0), -EINVAL);
	expect_result(shmring_writev(producer, pieces, -1, 5, 0), -EINVAL);

	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, 8);
	cr_assert_eq(record.type, 3);
	cr_assert_arr_eq(record.data, "one two!", 8);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, 0);
	cr_assert_eq(record.type, 4);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, 1024);
	for (int i = 0; i < 1024; i++)
		cr_assert_eq(((const char *)record.data)[i], "0123456789abcdef"[i % 16]);
	expect_result(shmring_read(consumer, &record), -EAGAIN);
}

Test(producer, gathered_pieces_can_be_too_long)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	static char bytes[SMALL_MAXIMUM];
	struct iovec pieces[] = { { bytes, SMALL_MAXIMUM - 1 }, { bytes, 1 }, { bytes, 1 } };
	struct iovec overflowing[] = { { bytes, SIZE_MAX }, { bytes, 2 } };
	struct shmring_record record;

	expect_ok(shmring_writev(producer, pieces, 2, 0, 0));
	expect_result(shmring_writev(producer, pieces, 3, 0, 0), -EMSGSIZE);
	expect_result(shmring_writev(producer, overflowing, 2, 0, 0), -EMSGSIZE);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, SMALL_MAXIMUM);
	expect_result(shmring_read(consumer, &record), -EAGAIN);
}

Test(producer, writes_a_copy)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	char text[] = "before";

	expect_ok(shmring_write(producer, text, 6, 0, -1));
	memcpy(text, "after!", 6);
	expect_ok(shmring_write(producer, NULL, 0, 9, -1));
	expect_ok(shmring_read(consumer, &record));
	cr_assert_arr_eq(record.data, "before", 6);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.length, 0);
	cr_assert_eq(record.type, 9);
}

/* Some lengths are copied in another way than others; each begins at another place, and ends exactly where it ends. */
Test(producer, writes_a_copy_of_any_length)
{
	static const size_t lengths[] = { 1,    7,    64,   511,  1024,  2046,
					  2047, 2048, 2049, 4095, 4096,  4097,
					  8190, 8191, 8192, 8193, 12000, SMALL_MAXIMUM };
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	static unsigned char from[SMALL_MAXIMUM + 64];
	struct shmring_record record;

	for (size_t i = 0; i < 3 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		const size_t length = lengths[i / 3], split = length / 3;
		const struct iovec pieces[] = { { from + i, split },
						{ from + i + split, length - split } };

		for (size_t b = 0; b < sizeof(from); b++)
			from[b] = (unsigned char)(b * 7 + b / 256 + i);
		expect_ok(i % 2 ? shmring_write(producer, from + i, length, 0, 0)
				: shmring_writev(producer, pieces, 2, 0, 0));
		expect_ok(shmring_write(producer, "next", 4, 0, 0));
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(record.length, length);
		cr_assert_eq(memcmp(record.data, from + i, length), 0, "%zu bytes", length);
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(memcmp(record.data, "next", 4), 0, "behind %zu bytes", length);
		expect_ok(shmring_release(consumer));
	}
}

Test(producer, can_write_in_place)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	void *data;

	expect_ok(shmring_reserve(producer, 100, &data));
	cr_assert_eq((uintptr_t)data % 8, 0);
	memset(data, 1, 100);
	expect_ok(shmring_abort(producer));
}
