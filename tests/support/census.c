/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int count_in(const char *folder)
{
	DIR *directory = opendir(folder);
	unsigned int count = 0;

	if (!directory) {
		perror(folder);
		abort();
	}
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

struct census census_take(void)
{
	return (struct census){ count_in("/proc/self/fd"), count_in("/proc/self/task") };
}
