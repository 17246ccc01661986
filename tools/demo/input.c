/* SPDX-License-Identifier: MIT */
#include "input.h"
#include "live.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int complain(const char *path, const char *what)
{
	live_clear();
	fprintf(stderr, "demo: %s: %s\n", path, what);
	return 1;
}

/*
 * Reads and hashes to the end, or to the limit; into `to`, if that is not null. A signal ends it.
 */
static int take_in(struct input *input, const char *path, int fd, char *to, uint64_t limit,
		   uint64_t *size)
{
	static char block[BLOCK_SIZE];
	struct sha256_ctx hash;

	sha256_init(&hash);
	*size = 0;
	while (*size < limit) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		char *place = to ? to + *size : block;
		size_t wanted = limit - *size < BLOCK_SIZE ? (size_t)(limit - *size) : BLOCK_SIZE;
		ssize_t got;
		int stop = stage_signal();

		if (stop)
			return stop;
		live_reading(*size);
		/* Signals are blocked, so a read may not wait for long. */
		if (poll(&ready, 1, 100) == 0)
			continue;
		got = read(fd, place, wanted);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return complain(path, strerror(errno));
		if (got == 0)
			break;
		sha256_update(&hash, (size_t)got, (const uint8_t *)place);
		*size += (uint64_t)got;
	}
	sha256_digest(&hash, sizeof(input->digest), input->digest);
	live_clear();
	return 0;
}

static int open_mapped(struct input *input, const char *path, int fd, uint64_t size)
{
	uint64_t seen;
	int status;

	if (size > SIZE_MAX / 2)
		return complain(path, "too large for this machine's addresses");
	input->size = (size_t)size;
	input->data = mmap(NULL, input->size, PROT_READ, MAP_SHARED, fd, 0);
	if (input->data == MAP_FAILED)
		return complain(path, strerror(errno));
	/* By read, not through the mapping: a file that shrinks is an error then, not a signal. */
	status = take_in(input, path, fd, NULL, size, &seen);
	if (status != 0)
		return status;
	return seen == size ? 0 : complain(path, "the file shrank while it was read");
}

static int open_in_memory(struct input *input, const char *path, int fd)
{
	uint64_t size;
	int status;
	char *memory = mmap(NULL, INPUT_LIMIT, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return complain(path, strerror(errno));
	status = take_in(input, path, fd, memory, INPUT_LIMIT, &size);
	input->data = memory;
	input->size = (size_t)size;
	if (status == 0 && size == INPUT_LIMIT)
		snprintf(input->title + strlen(input->title),
			 sizeof(input->title) - strlen(input->title), ", cut at %llu MiB",
			 (unsigned long long)(INPUT_LIMIT / MIB));
	return status;
}

static void be_tar(int to)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* ^C goes to all; without this, half of the stream could pass for the whole. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	dup2(null, 0);
	dup2(to, 1);
	dup2(null, 2);
	execlp("tar", "tar", "--create", "--file=-", "--sort=name", "--directory=/usr", "share",
	       (char *)NULL);
	_exit(127);
}

static int open_tar(struct input *input)
{
	static const char what[] = "tar of /usr/share";
	int ends[2];
	int status, how;
	pid_t tar;

	snprintf(input->title, sizeof(input->title), "a tar stream of /usr/share");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return complain(what, strerror(errno));
	tar = fork();
	if (tar < 0)
		return complain(what, strerror(errno));
	if (tar == 0)
		be_tar(ends[1]);
	close(ends[1]);
	status = open_in_memory(input, what, ends[0]);
	/*
	 * Cut off, tar ends by SIGPIPE; where it may not read everything it says so, and the rest
	 * is good enough.
	 */
	close(ends[0]);
	while (waitpid(tar, &how, 0) < 0 && errno == EINTR)
		;
	if (status == 0 && WIFSIGNALED(how) && WTERMSIG(how) != SIGPIPE)
		return complain(what, "tar was ended by a signal");
	if (status == 0 && WIFEXITED(how) && WEXITSTATUS(how) == 127)
		return complain(what, "there is no tar here; name a FILE instead");
	if (status == 0 && input->size == 0)
		return complain(what, "tar gave nothing; name a FILE instead");
	return status;
}

int input_open(struct input *input, const char *path)
{
	struct stat status;
	int fd = STDIN_FILENO;
	int result;

	if (!path)
		return open_tar(input);
	/* O_NONBLOCK: a FIFO that nobody writes to must not keep ^C waiting. */
	if (strcmp(path, "-") == 0)
		path = "standard input";
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) != 0)
		return complain(path, strerror(errno));
	snprintf(input->title, sizeof(input->title), "%s", path);
	if (S_ISDIR(status.st_mode))
		result = complain(
			path, "is a directory; name a file, or pipe a tar stream into `demo -`");
	else if (S_ISREG(status.st_mode) && status.st_size > 0 && lseek(fd, 0, SEEK_CUR) == 0)
		result = open_mapped(input, path, fd, (uint64_t)status.st_size);
	else /* files in /proc call themselves empty */
		result = open_in_memory(input, path, fd);
	if (fd != STDIN_FILENO)
		close(fd);
	return result;
}
