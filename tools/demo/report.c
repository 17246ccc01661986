/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "live.h"
#include "pieces.h"

#include <shmring/shmring.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void report_head(const struct settings *settings)
{
	const struct input *input = &settings->input;
	int version = shmring_version();
	char size[32], mean[32];

	printf("shmring %d.%d.%d: one writer, two reliable consumers and an observer\n",
	       version / 10000, version / 100 % 100, version % 100);
	printf("  input    %s\n", input->title);
	printf("           %zu bytes (%s), in %" PRIu64 " records\n", input->size,
	       live_size(size, sizeof(size), (double)input->size), settings->records);
	if (settings->records > 0)
		printf("  records  %d bytes to %d KiB, %s on average (seed %" PRIu64 ")\n",
		       PIECE_MIN, PIECE_MAX / 1024,
		       live_size(mean, sizeof(mean),
				 (double)input->size / (double)settings->records),
		       settings->seed);
	printf("  memory   a ring of %u MiB; two pipes of %u MiB each\n\n",
	       (unsigned int)(RING_CAPACITY / MIB), (unsigned int)(PIPE_CAPACITY / MIB));
	fflush(stdout);
}

static void print_digest(const char *label, const uint8_t *digest)
{
	printf("  %-10s ", label);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		printf("%02x", digest[i]);
	printf("\n");
}

static int check(const struct settings *settings, const struct actor *actor, const char *who)
{
	const struct input *input = &settings->input;
	bool same = memcmp(actor->digest, input->digest, sizeof(actor->digest)) == 0;

	if (same && actor->bytes == input->size && actor->records == settings->records &&
	    actor->lost == 0)
		return 0;
	printf("  MISMATCH   %s: %s; %" PRIu64 " of %zu bytes, %" PRIu64 " of %" PRIu64
	       " records\n",
	       who, same ? "the same SHA-256" : "another SHA-256", actor->bytes, input->size,
	       actor->records, settings->records);
	return 1;
}

static int check_observer(const struct settings *settings, const struct actor *observer)
{
	double share =
		settings->records ? 100 * (double)observer->lost / (double)settings->records : 0;

	printf("  observer   saw %" PRIu64 " records, lost %" PRIu64 " (%.1f %%) of %" PRIu64 "\n",
	       observer->records, observer->lost, share, settings->records);
	/* The last record is still there at the end, so what it lost lies before one it saw. */
	if (observer->wrong == 0 && observer->records + observer->lost == settings->records)
		return 0;
	printf("  MISMATCH   observer: %" PRIu64 " records were not as written; %" PRIu64
	       " + %" PRIu64 " is %s\n",
	       observer->wrong, observer->records, observer->lost,
	       observer->records + observer->lost == settings->records ? "right" : "not the sum");
	return 1;
}

int report_digests(const struct settings *settings, const struct actor *actors, bool ring)
{
	int mismatches = 0;

	printf("SHA-256 of what went into %s, and of what came out\n",
	       ring ? "the ring" : "the pipes");
	if (ring)
		print_digest("input", settings->input.digest);
	print_digest("consumer a", actors[CONSUMER_A].digest);
	print_digest("consumer b", actors[CONSUMER_B].digest);
	mismatches += check(settings, &actors[CONSUMER_A], "consumer a");
	mismatches += check(settings, &actors[CONSUMER_B], "consumer b");
	if (mismatches == 0)
		printf("  all equal\n");
	if (ring)
		mismatches += check_observer(settings, &actors[OBSERVER]);
	printf("\n");
	fflush(stdout);
	return mismatches;
}

struct outcome report_outcome(const struct actor *actors)
{
	const struct actor *a = &actors[CONSUMER_A];
	const struct actor *b = &actors[CONSUMER_B];
	uint64_t end = a->end_ns > b->end_ns ? a->end_ns : b->end_ns;
	struct outcome outcome = {
		.done = true,
		.records = actors[WRITER].records,
		.bytes = actors[WRITER].bytes,
		.rate = (double)actors[WRITER].bytes * 1e9 /
			(double)(end - actors[WRITER].begin_ns),
		.wakeups = actors[WRITER].wakeups,
	};

	for (int role = WRITER; role <= CONSUMER_B; role++) {
		outcome.calls += actors[role].calls;
		outcome.switches += actors[role].switches;
		outcome.cpu_seconds += actors[role].cpu_seconds;
	}
	return outcome;
}

static const char *count(char *text, size_t size, bool known, uint64_t number)
{
	if (known)
		snprintf(text, size, "%" PRIu64, number);
	else
		snprintf(text, size, "-");
	return text;
}

static const char *rate(char *text, size_t size, const struct outcome *outcome)
{
	char number[32];

	if (outcome->done && outcome->bytes > 0)
		snprintf(text, size, "%s/s", live_size(number, sizeof(number), outcome->rate));
	else
		snprintf(text, size, "-");
	return text;
}

static void print_rows(const struct findings *findings)
{
	const struct outcome *ring = &findings->passes[RING_COPIED];
	const struct outcome *pipes = &findings->passes[PIPES_COPIED];
	const struct outcome *blocks = &findings->passes[PIPES_BLOCKS];
	char a[32], b[32], c[32];

#define ROW "  %-31s %13s  %13s  %13s\n"
	printf(ROW, "", "ring", "two pipes,", "two pipes,");
	printf(ROW, "", "", "records", "128 KiB blocks");
	printf(ROW, "records", count(a, sizeof(a), true, ring->records),
	       count(b, sizeof(b), true, pipes->records), "-");
	printf(ROW, "bytes to each consumer", live_size(a, sizeof(a), (double)ring->bytes),
	       live_size(b, sizeof(b), (double)pipes->bytes),
	       live_size(c, sizeof(c), (double)blocks->bytes));
	printf(ROW, "rate, copied out", rate(a, sizeof(a), ring), rate(b, sizeof(b), pipes),
	       rate(c, sizeof(c), blocks));
	printf(ROW, "rate, hashed on the way", rate(a, sizeof(a), &findings->passes[RING_HASHED]),
	       rate(b, sizeof(b), &findings->passes[PIPES_HASHED]), "-");
	printf(ROW, "wake-ups by the writer", count(a, sizeof(a), true, ring->wakeups), "-", "-");
	printf(ROW, "system calls for data or waiting", count(a, sizeof(a), true, ring->calls),
	       count(b, sizeof(b), true, pipes->calls), count(c, sizeof(c), true, blocks->calls));
	printf(ROW, "times asleep", count(a, sizeof(a), true, ring->switches),
	       count(b, sizeof(b), true, pipes->switches),
	       count(c, sizeof(c), true, blocks->switches));
	snprintf(a, sizeof(a), "%.2f s", ring->cpu_seconds);
	snprintf(b, sizeof(b), "%.2f s", pipes->cpu_seconds);
	snprintf(c, sizeof(c), "%.2f s", blocks->cpu_seconds);
	printf(ROW, "CPU time, three processes", a, b, c);
#undef ROW
}

static void print_latency(const char *label, const struct latency *latency)
{
	printf("  %-31s %9.1f %9.1f %9.1f %9.1f\n", label, latency->p50_us, latency->p99_us,
	       latency->p999_us, latency->max_us);
}

void report_tables(const struct findings *findings, int rounds)
{
	printf("The stream to two consumers");
	if (rounds > 1)
		printf(" (the median of %d passes, by rate)", rounds);
	printf("\n");
	print_rows(findings);
	printf("  The observer is there only while hashing: it lost %" PRIu64 " of %" PRIu64
	       " records.\n",
	       findings->observer_lost, findings->passes[RING_HASHED].records);
	printf("\nOne way, a %d-byte record each %d us, the consumers asleep in between (us)\n",
	       LATENCY_SIZE, LATENCY_PACE_NS / 1000);
	printf("  %-31s %9s %9s %9s %9s\n", "", "p50", "p99", "p99.9", "max");
	print_latency("ring", &findings->ring);
	print_latency("two pipes", &findings->pipes);
	printf("  %" PRIu64 " samples each, ring and pipes by turns\n\n", findings->ring.samples);
}

static void rate_figure(const char *name, const struct outcome *outcome)
{
	if (outcome->done && outcome->bytes > 0)
		printf("figure demo_%s_mib_per_s %.1f\n", name, outcome->rate / (double)MIB);
}

static void latency_figures(const char *name, const struct latency *latency)
{
	printf("figure demo_%s_p50_us %.1f\n", name, latency->p50_us);
	printf("figure demo_%s_p99_us %.1f\n", name, latency->p99_us);
	printf("figure demo_%s_p999_us %.1f\n", name, latency->p999_us);
}

void report_figures(const struct findings *findings)
{
	const struct outcome *passes = findings->passes;

	printf("figure demo_bytes %" PRIu64 "\n", passes[RING_HASHED].bytes);
	printf("figure demo_records %" PRIu64 "\n", passes[RING_HASHED].records);
	printf("figure demo_mismatches %d\n", findings->mismatches);
	printf("figure demo_observer_lost %" PRIu64 "\n", findings->observer_lost);
	printf("figure demo_ring_wakeups %" PRIu64 "\n", passes[RING_COPIED].wakeups);
	rate_figure("ring", &passes[RING_COPIED]);
	rate_figure("pipes", &passes[PIPES_COPIED]);
	rate_figure("pipes_blocks", &passes[PIPES_BLOCKS]);
	rate_figure("ring_hashed", &passes[RING_HASHED]);
	rate_figure("pipes_hashed", &passes[PIPES_HASHED]);
	if (passes[RING_COPIED].bytes > 0) {
		printf("figure demo_ring_over_pipes %.2f\n",
		       passes[RING_COPIED].rate / passes[PIPES_COPIED].rate);
		printf("figure demo_ring_over_pipes_blocks %.2f\n",
		       passes[RING_COPIED].rate / passes[PIPES_BLOCKS].rate);
	}
	latency_figures("ring", &findings->ring);
	latency_figures("pipes", &findings->pipes);
}
