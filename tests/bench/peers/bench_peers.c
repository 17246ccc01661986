/* SPDX-License-Identifier: MIT */
/*
 * This ring beside what a program could use in its place between two processes, by the same loops,
 * with the same records, in the same round.
 */
#include "bench_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROUNDS 15
#define SKIPPED        77

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static const char help[] =
	"Usage: bench_peers [OPTION]...\n"
	"Measures this ring beside other ways from one process to another in user space:\n"
	"DPDK's rte_ring, Concurrency Kit's ck_ring, Boost's spsc_queue and message_queue,\n"
	"ZeroMQ and nanomsg over ipc, libqb's ring buffer; one after the other in every\n"
	"round. Prints medians and quartiles of the ratios in a round, as tables and as\n"
	"lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (15)\n"
	"  --sizes LIST    payloads of 8,16,32,48,64,256,1024,4096 bytes (one way:\n"
	"                  8,48,256,1024,4096; streams: 8,64,256,1024,4096)\n"
	"  --batch LIST    streams of single records (1), or in batches of 8 or 32, alone\n"
	"                  (1,8,32, and one way)\n"
	"  --latency       one way alone\n"
	"  --peers LIST    these alone, by their names in --list, and FENCE\n"
	"  --list          says which peers there are, and ends\n"
	"  --json          the figures as a JSON object, without tables\n"
	"  --quick         a fiftieth of the records: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the writer's and the reader's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"The writer fills each payload. The reader looks at every cache line of it, and the\n"
	"run fails if it is not what was written. The clock runs between two laps of the ring.\n"
	"Both processes spin, except with ZeroMQ and nanomsg, whose own threads need the\n"
	"cores. One way is half of a record there and one back; the hand-over is a counter\n"
	"there and one back, on two cache lines. Peers that have calls for one record at a\n"
	"time only do not stream in batches. Exit status: 0, 1 failed, 2 usage, 77 fewer\n"
	"than two CPUs, or built with a sanitizer.\n";

struct peer {
	const struct bench_contender *contender; /* NULL: not there when this was built */
	const char *what, *package;
};

static const struct peer peers[] = {
	{ &bench_shmring_fence, NULL, NULL },
	{ &bench_shmring_calls, NULL, NULL },
	{ &bench_shmring_copied, NULL, NULL },
	{ &bench_shmring_membarrier, NULL, NULL },
	{ &bench_shmring_none, NULL, NULL },
#ifdef HAVE_DPDK
	{ &bench_rte, NULL, NULL },
	{ &bench_rte_sc, NULL, NULL },
	{ &bench_rte_zc, NULL, NULL },
#else
	{ NULL, "rte_ring", "libdpdk-dev" },
#endif
#ifdef HAVE_CK
	{ &bench_ck, NULL, NULL },
	{ &bench_ck_values, NULL, NULL },
#else
	{ NULL, "ck_ring", "libck-dev" },
#endif
#ifdef HAVE_BOOST
	{ &bench_spsc, NULL, NULL },
	{ &bench_mq, NULL, NULL },
#else
	{ NULL, "spsc_queue", "libboost-dev, g++" },
	{ NULL, "message_queue", "libboost-dev, g++" },
#endif
#ifdef HAVE_QB
	{ &bench_qb, NULL, NULL },
#else
	{ NULL, "libqb", "libqb-dev" },
#endif
#ifdef HAVE_NANOMSG
	{ &bench_nanomsg, NULL, NULL },
#else
	{ NULL, "nanomsg", "libnanomsg-dev" },
#endif
#ifdef HAVE_ZMQ
	{ &bench_zmq, NULL, NULL },
#else
	{ NULL, "ZeroMQ", "libzmq3-dev" },
#endif
};

bool bench_peers_json;

bool bench_peers_is_own(const struct bench_contender *contender)
{
	return contender == &bench_handover || contender == &bench_shmring_fence ||
	       contender == &bench_shmring_calls || contender == &bench_shmring_copied ||
	       contender == &bench_shmring_membarrier || contender == &bench_shmring_none;
}

const char *bench_peers_name(const struct bench_contender *contender)
{
	return *contender->figure ? contender->figure : "fence";
}

/* What the command line chooses. */
struct choice {
	const char *sizes, *batches, *names; /* comma-separated; NULL: the usual ones */
	bool latency;
};

static bool is_listed(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static bool is_number_listed(const char *list, size_t number)
{
	char word[32];

	snprintf(word, sizeof(word), "%zu", number);
	return is_listed(list, word);
}

static const size_t all_sizes[] = { 8, 16, 32, 48, 64, 256, 1024, 4096 };
static const unsigned int all_batches[] = { 1, 8, BENCH_BATCH };

static bool is_size(const char *word)
{
	for (int i = 0; i < COUNT(all_sizes); i++) {
		if (is_number_listed(word, all_sizes[i]))
			return true;
	}
	return false;
}

static bool is_batch(const char *word)
{
	for (int i = 0; i < COUNT(all_batches); i++) {
		if (is_number_listed(word, all_batches[i]))
			return true;
	}
	return false;
}

static bool is_peer(const char *word)
{
	for (int i = 0; i < COUNT(peers); i++) {
		if (peers[i].contender && is_listed(word, bench_peers_name(peers[i].contender)))
			return true;
	}
	return false;
}

/* Ends the program if there is something else in the list. */
static void check_list(const char *option, const char *list, bool (*is_known)(const char *word))
{
	while (list) {
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(list, ","), list);
		if (!is_known(word))
			bench_misused("--%s: '%s' is none; try --help", option, word);
		list = strchr(list, ',');
		list += list != NULL;
	}
}

static void add_contenders(struct bench_heat *heat, const struct choice *choice)
{
	const bool stream = heat->job.task == BENCH_STREAM;

	if (!stream)
		bench_add_contender(heat, &bench_handover, true);
	for (int i = 0; i < COUNT(peers); i++) {
		const struct bench_contender *peer = peers[i].contender;
		const bool fence = peer == &bench_shmring_fence;

		if (!peer || (heat->job.batch > 1 && !peer->bursts))
			continue;
		if (fence || !choice->names || is_listed(choice->names, bench_peers_name(peer)))
			bench_add_contender(heat, peer, fence && stream);
	}
}

static void add_heats(struct bench_plan *plan, const struct choice *choice, enum bench_task task,
		      unsigned int batch, const char *sizes)
{
	for (int i = 0; i < COUNT(all_sizes); i++) {
		const size_t size = all_sizes[i];
		uint64_t records = task == BENCH_ONE_WAY ? 10000 : 200000;

		if (!is_number_listed(choice->sizes ? choice->sizes : sizes, size))
			continue;
		/* A batch takes half of a ring at most. */
		if (batch * (size + 16) > plan->capacity / 2)
			bench_misused("--capacity: too little for %u records of %zu bytes at once",
				      batch, size);
		if (size > 1024)
			records /= 4;
		add_contenders(bench_add_heat(plan, task, size, batch,
					      plan->quick ? records / 50 : records),
			       choice);
	}
}

static void make_plan(struct bench_plan *plan, const struct choice *choice)
{
	if (!choice->batches || choice->latency)
		add_heats(plan, choice, BENCH_ONE_WAY, 1, "8,48,256,1024,4096");
	else /* For how quiet the machine was. */
		bench_add_contender(
			bench_add_heat(plan, BENCH_ONE_WAY, 8, 1, plan->quick ? 200 : 10000),
			&bench_handover, false);
	for (int i = 0; i < COUNT(all_batches); i++) {
		if (choice->batches ? is_number_listed(choice->batches, all_batches[i])
				    : !choice->latency)
			add_heats(plan, choice, BENCH_STREAM, all_batches[i], "8,64,256,1024,4096");
	}
}

static void list_and_exit(void)
{
	for (int i = 0; i < COUNT(peers); i++) {
		if (peers[i].contender)
			printf("%s\n", bench_peers_name(peers[i].contender));
	}
	exit(0);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;
	struct choice choice = { .sizes = NULL };
	bool list = false;
	const struct bench_option options[] = {
		{ .name = "sizes", .text = &choice.sizes },
		{ .name = "batch", .text = &choice.batches },
		{ .name = "latency", .flag = &choice.latency },
		{ .name = "peers", .text = &choice.names },
		{ .name = "list", .flag = &list },
		{ .name = "json", .flag = &bench_peers_json },
		{ .name = NULL },
	};

	bench_program = "bench_peers";
	plan.rounds = DEFAULT_ROUNDS;
	bench_options(argc, argv, help, &plan, options);
	check_list("sizes", choice.sizes, is_size);
	check_list("batch", choice.batches, is_batch);
	check_list("peers", choice.names, is_peer);
	if (list)
		list_and_exit();
#ifdef SANITIZED
	fprintf(stderr, "bench_peers: skipped: the peers are built without the sanitizer that this "
			"is built with\n");
	return SKIPPED;
#endif
	make_plan(&plan, &choice);
	if (!bench_peers_json) {
		bench_print_machine(&plan);
		for (int i = 0; i < COUNT(peers); i++) {
			if (!peers[i].contender)
				bench_print_without(peers[i].what, peers[i].package);
		}
	}
	return bench_main(&plan, bench_peers_report);
}
