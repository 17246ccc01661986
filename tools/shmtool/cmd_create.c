/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "report.h"
#include "shmtool.h"
#include "units.h"

enum {
	KEY_CAPACITY = KEY_FIRST,
	KEY_IF_MISSING,
	KEY_MODE,
	KEY_TAG,
	KEY_WAKE,
};

struct create {
	const char *name;
	struct shmring_create_options options;
	bool if_missing;
	bool wake_given;
};

static const struct argp_option options[] = {
	{ "capacity", KEY_CAPACITY, "SIZE", 0, "Bytes for records and their headers, rounded up to a power of two "
	  "(1M by default)", 0 },
	{ "if-missing", KEY_IF_MISSING, NULL, 0, "Accept a ring that is there, if it has the capacity (and, where "
	  "given, the tag and wake mode) asked for", 0 },
	{ "mode", KEY_MODE, "WHO=ROLE,...", 0, "What others than the owner may be: WHO is group or other, ROLE is "
	  "none (the default), observer, inspector, consumer or producer", 0 },
	{ "tag", KEY_TAG, "TAG", 0, "A text for those who attach to compare with", 0 },
	{ "wake", KEY_WAKE, "MODE", 0, "How sleeping consumers are woken: fence (the default), membarrier or none", 0 },
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

/* ---- arguments ---- */

static error_t set_capacity(struct create *create, const char *argument, const struct argp_state *state)
{
	char minimum[UNITS_TEXT], maximum[UNITS_TEXT];

	/* The library takes less than the minimum, and rounds up; 0 would mean its default. */
	if (parse_size(argument, 1, SHMRING_CAPACITY_MAX, &create->options.capacity))
		return 0;
	return arguments_error(state, "--capacity takes a size from %s to %s, like 64K, 1M or 2G, not '%s'",
			       print_bytes(minimum, SHMRING_CAPACITY_MIN), print_bytes(maximum, SHMRING_CAPACITY_MAX),
			       argument);
}

static const struct role {
	const char *name;
	uint32_t data, control; /* permission bits, as for other */
} roles[] = {
	{ "none", 0, 0 }, { "observer", 4, 0 }, { "inspector", 4, 4 }, { "consumer", 4, 6 }, { "producer", 6, 6 },
};

static const struct role *find_role(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strlen(roles[i].name) == length && strncmp(roles[i].name, name, length) == 0)
			return &roles[i];
	return NULL;
}

/* Takes one WHO=ROLE. Returns its length, or 0. */
static size_t parse_grant(struct create *create, const char *grant)
{
	static const char group[] = "group=", other[] = "other=";
	const size_t length = strcspn(grant, ",");
	const size_t skip = sizeof(group) - 1;
	const bool to_group = strncmp(grant, group, skip) == 0;
	const unsigned int shift = to_group ? 3 : 0;
	const struct role *role = NULL;

	if (length > skip && (to_group || strncmp(grant, other, skip) == 0))
		role = find_role(grant + skip, length - skip);
	if (!role)
		return 0;
	create->options.data_mode = (create->options.data_mode & ~(7u << shift)) | role->data << shift;
	create->options.control_mode = (create->options.control_mode & ~(7u << shift)) | role->control << shift;
	return length;
}

static error_t set_mode(struct create *create, const char *argument, const struct argp_state *state)
{
	const char *grant = argument;

	create->options.data_mode = create->options.control_mode = 0600;
	for (;;) {
		size_t length = parse_grant(create, grant);

		if (length == 0)
			return arguments_error(state, "--mode takes WHO=ROLE, like group=consumer,other=observer, "
					       "not '%s'", grant);
		grant += length;
		if (*grant == '\0')
			return 0;
		grant++;
	}
}

static error_t set_tag(struct create *create, const char *argument, const struct argp_state *state)
{
	create->options.tag = argument;
	create->options.tag_length = strlen(argument);
	if (create->options.tag_length > SHMRING_TAG_SIZE)
		return arguments_error(state, "a tag has at most %d bytes", SHMRING_TAG_SIZE);
	return 0;
}

static error_t set_wake(struct create *create, const char *argument, const struct argp_state *state)
{
	create->wake_given = true;
	if (strcmp(argument, "fence") == 0)
		create->options.wake_mode = SHMRING_WAKE_FENCE;
	else if (strcmp(argument, "none") == 0)
		create->options.wake_mode = SHMRING_WAKE_NONE;
	else if (strcmp(argument, "membarrier") == 0)
		create->options.wake_mode = SHMRING_WAKE_MEMBARRIER;
	else
		return arguments_error(state, "--wake takes fence, none or membarrier, not '%s'",
				       argument);
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct create *create = state->input;

	switch (key) {
	case KEY_CAPACITY:
		return set_capacity(create, argument, state);
	case KEY_IF_MISSING:
		create->if_missing = true;
		return 0;
	case KEY_MODE:
		return set_mode(create, argument, state);
	case KEY_TAG:
		return set_tag(create, argument, state);
	case KEY_WAKE:
		return set_wake(create, argument, state);
	case ARGP_KEY_ARG:
		return arguments_name(&create->name, argument, state);
	default:
		return arguments_common(key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Makes a ring. All its memory is reserved now, and it stays until shmtool rm, whoever comes and goes."
	       "\vSIZE may end in K, M or G. An observer may read records; an inspector also sees everybody's lag; "
	       "a consumer may subscribe; a producer may write.",
};

/* ---- accepting what is there ---- */

/* Whether the capacity asked for would have been rounded up to this one. */
static bool rounds_up_to(uint64_t asked, uint64_t capacity)
{
	if (asked == 0)
		asked = SHMRING_CAPACITY_DEFAULT;
	return asked <= capacity && (asked > capacity / 2 || capacity == SHMRING_CAPACITY_MIN);
}

static int compare(const struct create *create, const struct shmring_info *info)
{
	uint8_t tag[SHMRING_TAG_SIZE] = { 0 };
	char text[UNITS_TEXT];

	if (!rounds_up_to(create->options.capacity, info->capacity))
		return report(create->name, "the ring that is there has a capacity of %s; ask for that, or remove it",
			      print_bytes(text, (double)info->capacity));
	if (create->wake_given && create->options.wake_mode != info->wake_mode)
		return report(create->name,
			      "the ring that is there has another wake mode; ask for that, or remove it");
	if (create->options.tag) {
		memcpy(tag, create->options.tag, create->options.tag_length);
		if (memcmp(tag, info->tag, sizeof(tag)) != 0)
			return report(create->name,
				      "the ring that is there has another tag; ask for that, or remove it");
	}
	return STATUS_DONE;
}

/* Returns a negative errno value, or the status to end with. */
static int accept_existing(const struct create *create)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;
	int error = shmring_inspector_open(&inspector, create->name);

	if (error)
		return error == -ENOENT ? error : report_error(create->name, error, TO_INSPECT);
	error = shmring_inspect(inspector, &info);
	shmring_inspector_close(inspector);
	if (error)
		return error == -ESTALE ? -ENOENT : report_error(create->name, error, TO_INSPECT);
	return compare(create, &info);
}

int cmd_create(int argc, char **argv)
{
	struct create create = { .options = SHMRING_CREATE_OPTIONS_INIT };
	int status, error;

	if (arguments_parse(&argp, argc, argv, &create, &status) != 0)
		return status;
	/* Again, if it was removed between the two looks. */
	do {
		error = shmring_create(create.name, &create.options);
		if (error != -EEXIST || !create.if_missing)
			return error ? report_error(create.name, error, TO_CREATE) : STATUS_DONE;
		status = accept_existing(&create);
	} while (status == -ENOENT);
	return status;
}
