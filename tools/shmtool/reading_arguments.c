/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "reading.h"
#include "units.h"

enum {
	KEY_RAW = KEY_READING,
	KEY_FRAMED,
	KEY_FROM,
	KEY_COUNT,
	KEY_FOLLOW,
};

static const struct argp_option options[] = {
	{ "raw", KEY_RAW, NULL, 0, "Write the payloads and nothing between them", 0 },
	{ "framed", KEY_FRAMED, NULL, 0, "Write each record behind a header of its length and type", 0 },
	{ "from", KEY_FROM, "WHERE", 0, "Start at the oldest record (the default), the newest, or a sequence number",
	  0 },
	{ "count", KEY_COUNT, "N", 0, "End after N records", 0 },
	{ "follow", KEY_FOLLOW, NULL, 0, "Stay for the next producer when one is done", 0 },
	OPTION_WAIT,
	OPTION_TAG,
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t set_form(struct reading *reading, enum form form, const struct argp_state *state)
{
	if (reading->form != FORM_LINES && reading->form != form)
		return arguments_error(state, "--raw and --framed do not go together");
	reading->form = form;
	return 0;
}

static error_t set_start(struct reading *reading, const char *where, const struct argp_state *state)
{
	if (strcmp(where, "oldest") == 0)
		reading->start = SHMRING_OLDEST;
	else if (strcmp(where, "newest") == 0)
		reading->start = SHMRING_NEWEST;
	else if (parse_number(where, 0, UINT64_MAX, &reading->start_value))
		reading->start = SHMRING_SEQUENCE;
	else
		return arguments_error(state, "--from takes oldest, newest or a sequence number, not '%s'", where);
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct reading *reading = state->input;

	switch (key) {
	case KEY_RAW:
		return set_form(reading, FORM_RAW, state);
	case KEY_FRAMED:
		return set_form(reading, FORM_FRAMED, state);
	case KEY_FROM:
		return set_start(reading, argument, state);
	case KEY_COUNT:
		if (!parse_number(argument, 1, UINT64_MAX, &reading->count))
			return arguments_error(state, "--count takes a number from 1 on, not '%s'", argument);
		return 0;
	case KEY_FOLLOW:
		reading->follow = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_name(&reading->attach.name, argument, state);
	default:
		return attach_argument(&reading->attach, key, argument, state);
	}
}

const struct argp reading_argp = { .options = options, .parser = parse };

void reading_options(const struct reading *reading, struct shmring_consumer_options *consumer)
{
	consumer->start = reading->start;
	consumer->start_value = reading->start_value;
	consumer->tag = reading->attach.tag;
	consumer->tag_length = reading->attach.tag_length;
}
