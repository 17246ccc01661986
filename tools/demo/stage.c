/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const role_names[ROLES] = { "writer", "consumer a", "consumer b", "observer" };

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static sigset_t stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

/*
 * A demo that is killed half-way through shmring_create or shmring_unlink leaves a control object
 * without its data.
 */
static int remove_orphan(const struct shmring_entry *entry, void *ring)
{
	char file[256];

	if (entry->kind == SHMRING_ENTRY_ORPHAN && strcmp(entry->name, ring) == 0) {
		snprintf(file, sizeof(file), "/%s", entry->file);
		shm_unlink(file);
	}
	return 0;
}

/*
 * Waits until nobody has the other end of the pipe any more: the demo is over, whichever way it
 * ended.
 */
static void be_janitor(char *ring, int read_end, int write_end)
{
	char byte;

	setsid();
	signal(SIGPIPE, SIG_IGN);
	close(write_end);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while (read(read_end, &byte, 1) < 0 && errno == EINTR)
		;
	shmring_unlink(ring);
	shmring_list(remove_orphan, ring);
	_exit(0);
}

int stage_open(struct stage *stage, struct settings *settings)
{
	size_t size = ROLES * sizeof(struct actor) + sizeof(sem_t);
	sigset_t set = stop_signals();
	int ends[2];

	/* Blocked: they are asked for by sigtimedwait. */
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stage->settings = settings;
	stage->ready = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage->ready == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0) {
		perror("demo");
		return 1;
	}
	stage->actors = (struct actor *)(stage->ready + 1);
	stage->janitor = fork();
	if (stage->janitor < 0) {
		perror("demo: fork");
		return 1;
	}
	if (stage->janitor == 0)
		be_janitor(settings->ring, ends[0], ends[1]);
	close(ends[0]);
	stage->janitor_pipe = ends[1];
	return 0;
}

void stage_close(struct stage *stage)
{
	close(stage->janitor_pipe);
	while (waitpid(stage->janitor, NULL, 0) < 0 && errno == EINTR)
		;
}

int stage_problem(struct actor *me, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(me->problem, sizeof(me->problem), format, arguments);
	va_end(arguments);
	return 1;
}

static void count_up(struct actor *me, int sign)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	me->switches += (uint64_t)(sign * usage.ru_nvcsw);
	me->cpu_seconds += sign * ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

void stage_begin(struct actor *me)
{
	count_up(me, -1);
	me->begin_ns = now_ns();
}

void stage_end(struct actor *me)
{
	me->end_ns = now_ns();
	count_up(me, 1);
}

void stage_await(struct stage *stage, int count)
{
	while (count > 0) {
		if (sem_wait(stage->ready) == 0)
			count--;
	}
}

void stage_ready(struct stage *stage)
{
	sem_post(stage->ready);
}

static pid_t start(struct stage *stage, const struct play *play, enum role role)
{
	pid_t parent = getpid();
	pid_t child = fork();
	char name[16];
	sigset_t set;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* The parent takes ^C for all. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	close(stage->janitor_pipe);
	snprintf(name, sizeof(name), "demo %s", role_names[role]);
	prctl(PR_SET_NAME, name);
	_exit(play->acts[role](stage, &stage->actors[role], play->argument));
}

static void kill_all(const pid_t children[ROLES])
{
	for (int role = 0; role < ROLES; role++) {
		if (children[role] > 0)
			kill(children[role], SIGKILL);
	}
}

/* A child has ended: 0, or 1 after a message. */
static int judge(const struct stage *stage, enum role role, int how)
{
	if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return 0;
	if (WIFSIGNALED(how))
		fprintf(stderr, "\ndemo: %s was ended by signal %d (%s)%s\n", role_names[role],
			WTERMSIG(how), strsignal(WTERMSIG(how)),
			WTERMSIG(how) == SIGBUS ? "; did the file shrink?" : "");
	else
		fprintf(stderr, "\ndemo: %s: %s\n", role_names[role],
			stage->actors[role].problem[0] ? stage->actors[role].problem
						       : "ended unexpectedly");
	return 1;
}

/* Takes in all children that have ended. Returns how many of them had failed. */
static int reap(const struct stage *stage, pid_t children[ROLES], int *left, bool quiet)
{
	int failed = 0;

	for (int role = 0; role < ROLES; role++) {
		int how;

		if (children[role] <= 0 || waitpid(children[role], &how, WNOHANG) != children[role])
			continue;
		children[role] = 0;
		(*left)--;
		if (!quiet)
			failed += judge(stage, (enum role)role, how);
	}
	return failed;
}

int stage_signal(void)
{
	static const struct timespec none;
	sigset_t set = stop_signals();
	int signal = sigtimedwait(&set, NULL, &none);

	return signal > 0 ? 128 + signal : 0;
}

int stage_play(struct stage *stage, const struct play *play)
{
	int interval = play->tick ? play->tick_ms : 1000;
	struct timespec pause = { interval / 1000, interval % 1000 * 1000000L };
	pid_t children[ROLES] = { 0 };
	sigset_t wanted;
	int left = 0;
	int status = 0;

	memset(stage->actors, 0, ROLES * sizeof(struct actor));
	sem_init(stage->ready, 1, 0);
	fflush(NULL);
	for (int role = 0; role < ROLES && status == 0; role++) {
		if (!play->acts[role])
			continue;
		children[role] = start(stage, play, (enum role)role);
		if (children[role] < 0) {
			fprintf(stderr, "\ndemo: fork: %s\n", strerror(errno));
			status = 1;
			kill_all(children);
		} else {
			left++;
		}
	}

	if (play->started)
		play->started(play->argument);

	wanted = stop_signals();
	sigaddset(&wanted, SIGCHLD);
	while (left > 0) {
		int signal = sigtimedwait(&wanted, NULL, &pause);

		if (reap(stage, children, &left, status != 0) > 0) {
			status = 1;
			kill_all(children);
		}
		if (signal > 0 && signal != SIGCHLD && status == 0) {
			status = 128 + signal;
			kill_all(children);
		}
		if (signal < 0 && play->tick && status == 0)
			play->tick(stage, play->tick_argument);
	}
	return status;
}
