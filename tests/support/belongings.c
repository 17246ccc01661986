/* SPDX-License-Identifier: MIT */
#include "belongings.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Either object's path has the ring's name in it. */
static int is_of(const char *path, const char *ring)
{
	return strstr(path, "/dev/shm/") && strstr(path, ring);
}

int belongings_open(pid_t process, const char *ring)
{
	char directory[64], path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	int count = 0;
	DIR *fds;

	snprintf(directory, sizeof(directory), "/proc/%ld/fd", (long)process);
	fds = opendir(directory);
	if (!fds)
		return -1;
	while ((entry = readdir(fds))) {
		ssize_t length;

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		count += is_of(target, ring);
	}
	closedir(fds);
	return count;
}

int belongings_mapped(pid_t process, const char *ring)
{
	char path[64], line[PATH_MAX + 128];
	int count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%ld/maps", (long)process);
	maps = fopen(path, "re");
	if (!maps)
		return -1;
	while (fgets(line, sizeof(line), maps))
		count += is_of(line, ring);
	fclose(maps);
	return count;
}
