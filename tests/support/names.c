/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SHM_DIRECTORY "/dev/shm"

/* Every name of this process and its children begins with this. */
static char prefix[64];
static pid_t owner;

/* Calls `visit` for each file in /dev/shm that belongs to a ring whose name begins with `name`. */
static unsigned int each_file(const char *name, void (*visit)(const char *path))
{
	size_t length = strlen(name);
	char path[SHM_PATH_SIZE];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *directory;

	directory = opendir(SHM_DIRECTORY);
	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		/* A control object is named after its ring, with a dot before. */
		const char *ring = entry->d_name + (entry->d_name[0] == '.');

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strncmp(ring, name, length) != 0)
			continue;
		count++;
		snprintf(path, sizeof(path), SHM_DIRECTORY "/%s", entry->d_name);
		if (visit)
			visit(path);
	}
	closedir(directory);
	return count;
}

static void remove_file(const char *path)
{
	remove(path);
}

void unique_names_sweep(void)
{
	if (prefix[0])
		each_file(prefix, remove_file);
}

static void sweep_at_exit(void)
{
	if (getpid() == owner)
		unique_names_sweep();
}

/* Waits until nobody has the other end of the pipe any more, then cleans up. */
static void be_janitor(int pipe_end)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	long limit = sysconf(_SC_OPEN_MAX);
	char byte;

	setsid();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
	if (limit < 0 || limit > 4096)
		limit = 4096;
	for (int fd = 0; fd < limit; fd++)
		if (fd != pipe_end)
			close(fd);
	while (read(pipe_end, &byte, 1) > 0)
		continue;
	unique_names_sweep();
	_exit(0);
}

static void hire_janitor(void)
{
	int ends[2];
	pid_t janitor;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	janitor = fork();
	if (janitor == 0)
		be_janitor(ends[0]);
	close(ends[0]);
	if (janitor < 0)
		close(ends[1]);
	/* Else the other end stays open for as long as this process lives. */
}

const char *unique_name(void)
{
	static char names[128][96];
	static unsigned int count;
	char *name = names[count % 128];

	if (!owner) {
		unsigned int salt = 0;

		if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
			salt = 0;
		owner = getpid();
		snprintf(prefix, sizeof(prefix), "shmring-test-%ld-%08x-", (long)owner, salt);
		hire_janitor();
		atexit(sweep_at_exit);
	}
	/* A forked child counts on by itself, so its own number goes into the name. */
	snprintf(name, sizeof(names[0]), "%s%ld-%u-", prefix, (long)getpid(), count++);
	return name;
}

unsigned int shm_files_of(const char *name)
{
	return each_file(name, NULL);
}

void shm_data_path(char path[SHM_PATH_SIZE], const char *name)
{
	snprintf(path, SHM_PATH_SIZE, SHM_DIRECTORY "/%s", name);
}

static char control_found[SHM_PATH_SIZE];

static void note_control(const char *path)
{
	if (path[sizeof(SHM_DIRECTORY)] == '.')
		memcpy(control_found, path, SHM_PATH_SIZE);
}

int shm_control_path(char path[SHM_PATH_SIZE], const char *name)
{
	control_found[0] = '\0';
	each_file(name, note_control);
	if (!control_found[0])
		return -1;
	memcpy(path, control_found, SHM_PATH_SIZE);
	return 0;
}
