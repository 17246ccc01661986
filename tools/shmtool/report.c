/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shmring/shmring.h>

#include "report.h"
#include "shmtool.h"

const char *printable(char *buffer, int size, const char *text)
{
	int length = snprintf(buffer, (size_t)size, "%s", text);

	if (length >= size && size > 3)
		strcpy(buffer + size - 4, "...");
	for (char *c = buffer; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return buffer;
}

int report(const char *name, const char *format, ...)
{
	char subject[SHMRING_NAME_MAX + 32], what[1024], line[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	printable(line, sizeof(line), what);
	if (name)
		fprintf(stderr, "shmtool: %s: %s\n", printable(subject, sizeof(subject), *name ? name : "''"), line);
	else
		fprintf(stderr, "shmtool: %s\n", line);
	return STATUS_FAILED;
}

static int no_permission(const char *name, enum attempt attempt)
{
	static const struct {
		const char *what, *role;
	} roles[] = {
		[TO_PRODUCE] = { "write records", "producer" },
		[TO_CONSUME] = { "subscribe", "consumer" },
		[TO_SHARE] = { "subscribe", "consumer" },
		[TO_OBSERVE] = { "read records", "observer" },
		[TO_INSPECT] = { "look at it", "inspector" },
		[TO_CHECK] = { "look at it", "inspector" },
		[TO_UNSUBSCRIBE] = { "end a subscription", "consumer" },
		[TO_EVICT] = { "evict a subscription", "consumer" },
	};

	if (attempt == TO_CREATE)
		return report(name, "no permission to create files in /dev/shm; ask whoever administers this machine");
	if (attempt == TO_REMOVE)
		return report(name, "no permission to remove it; only its owner or root can");
	return report(name, "no permission to %s; its owner can create it with --mode other=%s, say",
		      roles[attempt].what, roles[attempt].role);
}

static int busy(const char *name, enum attempt attempt)
{
	if (attempt == TO_PRODUCE)
		return report(name, "it has a producer already; wait until that ends, or use another ring");
	if (attempt == TO_UNSUBSCRIBE)
		return report(name, "a process has that subscription open; end it first, or use shmtool evict");
	if (attempt == TO_SHARE)
		return report(name, "a process has the subscription of that name to itself; choose another name with --as");
	return report(name, "that subscription is in use; choose another name with --as, or join it with --share if "
		      "it is a group");
}

/* There is a subscription of that name that may be joined, or resumed, but not so. */
static int unlike(const char *name, enum attempt attempt)
{
	if (attempt == TO_SHARE)
		return report(name, "the group or durable subscription of that name is not like this; take the policy, "
			      "deadline, --durable and --share that shmtool stat shows, or another name with --as");
	return report(name, "the durable subscription of that name has another policy or deadline; open it with "
		      "--durable and what shmtool stat shows, --share for a group, or first end it with "
		      "shmtool unsubscribe");
}

int report_locked(const char *name)
{
	return report(name, "a process that joins, leaves or is stopped keeps the subscriptions locked; "
		      "let it go on or end it, and try again");
}

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

#define RULE "A-Z a-z 0-9 . _ - that do not start with a dot"

/* The library says only that an argument is bad; there may be two names among them. */
static int bad_name(const char *name, enum attempt attempt)
{
	const char *bare = *name == '/' ? name + 1 : name;
	const size_t length = strlen(bare);
	const bool good = length > 0 && length <= SHMRING_NAME_MAX && *bare != '.' &&
			  strspn(bare, NAME_CHARACTERS) == length;

	if (good && (attempt == TO_CONSUME || attempt == TO_SHARE))
		return report(name, "that cannot be a subscription's name; after --as, take 1 to %d of " RULE,
			      SHMRING_SUBSCRIPTION_NAME_MAX);
	if (good && (attempt == TO_UNSUBSCRIBE || attempt == TO_EVICT))
		return report(name, "that cannot be a subscription's name; see shmtool stat for those there are");
	if (good)
		return report(name, "%s; see shmtool(1)", shmring_strerror(EINVAL));
	return report(name, "this cannot be a ring's name; take 1 to %d of " RULE, SHMRING_NAME_MAX);
}

/* What an error means whatever was attempted. */
static const struct sentence {
	int error;
	const char *text;
} sentences[] = {
	{ EEXIST, "a ring or file of that name exists; remove it, or accept it with --if-missing" },
	{ ENOENT, "there is no such ring; make it with shmtool create, or wait for it with --wait" },
	{ ETIMEDOUT, "no such ring came in time; make it with shmtool create, or wait longer" },
	{ EPROTONOSUPPORT, "the ring is of another version, byte order or feature set; "
			   "use the shmtool that made it, or make it anew" },
	{ EUCLEAN, "the ring's two halves do not belong together, or one is missing; "
		   "remove it with shmtool rm and make it anew" },
	{ EPROTOTYPE, "the ring's tag is another one; see shmtool stat, or leave out --tag" },
	{ ERANGE, "that sequence number has not been written yet; start --from newest, or later" },
	{ ENOSPC, "/dev/shm is full; remove rings (shmtool ls shows them) or take a smaller --capacity" },
	{ ENOSYS, "the system lacks something needed; see that /proc and /dev/shm are mounted" },
	{ ESRCH, "there is no subscription of that name; see shmtool stat for those there are" },
	{ ESTALE, "the ring was removed or replaced; make it again, or start again" },
	{ EOWNERDEAD, "the producer died; all that it published has been read, start it again for the rest" },
	{ ECONNRESET, "this subscription was evicted for being too slow; subscribe again" },
	{ ENOMEM, "this process is out of memory; free some" },
};

static int report_any(const char *name, int error)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].error == error)
			return report(name, "%s", sentences[i].text);
	return report(name, "%s; see shmtool(1)", shmring_strerror(error));
}

int report_error(const char *name, int error, enum attempt attempt)
{
	error = error < 0 ? -error : error;
	switch (error) {
	case ENOENT:
		if (attempt == TO_REMOVE || attempt == TO_CHECK || attempt == TO_UNSUBSCRIBE || attempt == TO_EVICT)
			return report(name, "there is no such ring; see shmtool ls");
		return report_any(name, error);
	case EEXIST:
		if (attempt == TO_CONSUME || attempt == TO_SHARE)
			return unlike(name, attempt);
		return report_any(name, error);
	case ETIMEDOUT:
		if (attempt == TO_UNSUBSCRIBE || attempt == TO_EVICT)
			return report_locked(name);
		return report_any(name, error);
	case EACCES:
	case EPERM:
		return no_permission(name, attempt);
	case EBUSY:
		return busy(name, attempt);
	case EINVAL:
	case ENAMETOOLONG:
		return bad_name(name, attempt);
	case EBADMSG:
		return report(name, "/dev/shm/%s is not a ring, or is damaged; remove the file, or use another name",
			      *name == '/' ? name + 1 : name);
	case EUSERS:
		if (attempt == TO_SHARE)
			return report(name, "all %d subscriptions or all %d places of their members are taken; end one of "
				      "them, or watch with shmtool tail", SHMRING_SUBSCRIPTIONS, SHMRING_MEMBERS);
		return report(name, "all %d subscriptions are taken; end one of them, or watch with shmtool tail",
			      SHMRING_SUBSCRIPTIONS);
	case EOWNERDEAD:
	case ECONNRESET:
		report_any(name, error);
		return STATUS_INCOMPLETE;
	default:
		return report_any(name, error);
	}
}
