/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "names.h"

/* ASCII on purpose: what counts as a letter must not depend on the process's locale. */
static bool name_character(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static int name_check(const char *name, size_t maximum)
{
	size_t length = 0;

	if (name[0] == '\0' || name[0] == '.')
		return -EINVAL;
	for (; name[length] != '\0'; length++) {
		if (!name_character(name[length]))
			return -EINVAL;
		if (length == maximum)
			return -ENAMETOOLONG;
	}
	return 0;
}

int name_check_ring(const char *name, const char **bare)
{
	if (!name)
		return -EINVAL;
	*bare = name[0] == '/' ? name + 1 : name;
	return name_check(*bare, SHMRING_NAME_MAX);
}

int name_check_subscription(const char *name)
{
	return name_check(name, SHMRING_SUBSCRIPTION_NAME_MAX);
}

void path_of_data(char path[PATH_SIZE], const char *bare)
{
	snprintf(path, PATH_SIZE, SHM_DIRECTORY "/%s", bare);
}

void path_of_control(char path[PATH_SIZE], const char *bare, const uint8_t uuid[UUID_BYTES])
{
	int used = snprintf(path, PATH_SIZE, SHM_DIRECTORY "/.%s.", bare);

	for (size_t i = 0; i < UUID_BYTES; i++)
		used += snprintf(path + used, PATH_SIZE - (size_t)used, "%02x", uuid[i]);
}

void path_of_file(char path[PATH_SIZE], const char *file)
{
	snprintf(path, PATH_SIZE, SHM_DIRECTORY "/%s", file);
}

static int hexadecimal(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool name_of_control(const char *file, char *name, uint8_t uuid[UUID_BYTES])
{
	size_t length = strlen(file);
	size_t name_length;
	const char *digits;

	if (file[0] != '.' || length < 1 + 1 + 1 + 2 * UUID_BYTES)
		return false;
	digits = file + length - 2 * UUID_BYTES;
	name_length = (size_t)(digits - file) - 2;
	if (digits[-1] != '.' || name_length > SHMRING_NAME_MAX)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		int high = hexadecimal(digits[2 * i]), low = hexadecimal(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(name, file + 1, name_length);
	name[name_length] = '\0';
	return name_check(name, SHMRING_NAME_MAX) == 0;
}

int random_fill(void *bytes, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t got = getrandom((char *)bytes + done, count - done, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			done += (size_t)got;
	}
	return 0;
}
