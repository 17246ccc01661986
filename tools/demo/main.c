/* SPDX-License-Identifier: MIT */
/*
 * The demo: a stream goes through a ring to two consumers and an observer, and is compared with
 * what went in; then the same through pipes; then how long a record is on its way.
 */
#include "input.h"
#include "live.h"
#include "pieces.h"
#include "report.h"
#include "transport.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Timed passes of each kind; one for a file that is larger. */
#define ROUNDS       3
#define ROUNDS_LIMIT (2 * GIB)

static const char help[] =
	"Usage: demo [OPTION]... [FILE]\n"
	"Sends FILE, or a tar stream of /usr/share cut at 256 MiB, as records through a ring\n"
	"from a writer to two reliable consumers and an observer, each a process, and checks\n"
	"what comes out by SHA-256. Then the same through two pipes, for comparison, and one\n"
	"way latencies of both. FILE may be of any size; of a pipe, a device or standard\n"
	"input (-) the first 256 MiB are taken.\n"
	"\n"
	"  --seed N     of the records' sizes (1)\n"
	"  --quick      one timed pass, few latency samples\n"
	"  --corrupt    flip a bit of what consumer a gets: the demo must find out\n"
	"  --help       this text\n"
	"\n"
	"In the timed passes the consumers copy all bytes out; only in the others they hash.\n"
	"Exit status: 0, 1 failed or a mismatch, 2 usage, 128 + the signal that ended it.\n";

static int parse(int argc, char **argv, struct settings *settings, const char **path)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "quick", no_argument, NULL, 'q' },
		{ "corrupt", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char *end;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			settings->seed = strtoull(optarg, &end, 0);
			if (*optarg < '0' || *optarg > '9' || *end != '\0') {
				fprintf(stderr, "demo: --seed: a number, please, not '%s'\n",
					optarg);
				return 2;
			}
			break;
		case 'q':
			settings->quick = true;
			break;
		case 'c':
			settings->corrupt = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fprintf(stderr, "Try demo --help\n");
			return 2;
		}
	}
	if (argc - optind > 1) {
		fprintf(stderr, "demo: one FILE, please, not %d\n", argc - optind);
		return 2;
	}
	*path = optind < argc ? argv[optind] : NULL;
	return 0;
}

static int verified(struct stage *stage, struct findings *findings)
{
	struct pass ring = { .verify = true, .observer = true, .records = true };
	struct pass pipes = { .verify = true, .records = true };
	int status = ring_pass(stage, &ring);

	if (status != 0)
		return status;
	findings->passes[RING_HASHED] = report_outcome(stage->actors);
	findings->observer_records = stage->actors[OBSERVER].records;
	findings->observer_lost = stage->actors[OBSERVER].lost;
	findings->mismatches += report_digests(stage->settings, stage->actors, true);

	status = pipe_pass(stage, &pipes);
	if (status != 0)
		return status;
	findings->passes[PIPES_HASHED] = report_outcome(stage->actors);
	findings->mismatches += report_digests(stage->settings, stage->actors, false);
	return 0;
}

static int slower_first(const void *left, const void *right)
{
	double a = ((const struct outcome *)left)->rate;
	double b = ((const struct outcome *)right)->rate;

	return (a > b) - (a < b);
}

/* Each round begins with another kind. */
static int timed(struct stage *stage, struct findings *findings, int rounds)
{
	struct outcome outcomes[3][ROUNDS];

	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 3; i++) {
			int kind = (round + i) % 3;
			struct pass pass = { .records = kind != PIPES_BLOCKS };
			int status = kind == RING_COPIED ? ring_pass(stage, &pass)
							 : pipe_pass(stage, &pass);

			if (status != 0)
				return status;
			outcomes[kind][round] = report_outcome(stage->actors);
		}
	}
	for (int kind = 0; kind < 3; kind++) {
		qsort(outcomes[kind], (size_t)rounds, sizeof(struct outcome), slower_first);
		findings->passes[kind] = outcomes[kind][rounds / 2];
	}
	return 0;
}

static int demonstrate(struct stage *stage, struct settings *settings, const char *path)
{
	struct findings findings = { 0 };
	struct pieces pieces;
	size_t offset, length;
	int rounds;
	int status = input_open(&settings->input, path);

	if (status != 0)
		return status;
	pieces = pieces_start(settings->seed, settings->input.size);
	while (pieces_next(&pieces, &offset, &length))
		settings->records++;
	rounds = settings->quick || settings->input.size > ROUNDS_LIMIT ? 1 : ROUNDS;
	report_head(settings);

	status = verified(stage, &findings);
	if (status == 0)
		status = timed(stage, &findings, rounds);
	if (status == 0)
		status = latency_measure(stage, &findings.ring, &findings.pipes);
	if (status != 0)
		return status;
	report_tables(&findings, rounds);
	report_figures(&findings);
	if (findings.mismatches > 0)
		fprintf(stderr, "demo: what came out is not what went in: see MISMATCH above\n");
	return findings.mismatches > 0;
}

int main(int argc, char **argv)
{
	static struct settings settings = { .seed = 1 };
	static struct stage stage;
	const char *path;
	int status = parse(argc, argv, &settings, &path);

	if (status != 0)
		return status;
	snprintf(settings.ring, sizeof(settings.ring), "shmring-demo-%ld", (long)getpid());
	status = stage_open(&stage, &settings);
	if (status != 0)
		return status;
	status = demonstrate(&stage, &settings, path);
	stage_close(&stage);
	if (fflush(stdout) != 0) {
		perror("demo: standard output");
		return 1;
	}
	return status;
}
