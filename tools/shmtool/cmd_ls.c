/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "describe.h"
#include "report.h"
#include "shmtool.h"
#include "units.h"

enum {
	KEY_JSON = KEY_FIRST,
};

struct entry {
	enum shmring_entry_kind kind;
	char *name, *file;
	int error; /* of looking at it */
	struct shmring_info info;
};

struct ls {
	bool json;
	struct entry *entries;
	size_t count;
};

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print JSON", 0 },
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct ls *ls = state->input;

	switch (key) {
	case KEY_JSON:
		ls->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_error(state, "'%s' is one argument too many", argument);
	case ARGP_KEY_NO_ARGS:
		return 0;
	default:
		return arguments_common(key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Lists all rings, and control objects that were left without their ring.",
};

/* ---- finding ---- */

static int add(const struct shmring_entry *found, void *argument)
{
	struct ls *ls = argument;
	struct entry *grown = realloc(ls->entries, (ls->count + 1) * sizeof(*grown));
	struct entry *entry;

	if (!grown)
		return -ENOMEM;
	ls->entries = grown;
	entry = &grown[ls->count++];
	*entry = (struct entry){ .kind = found->kind, .info = SHMRING_INFO_INIT };
	entry->name = strdup(found->name);
	entry->file = strdup(found->file);
	return entry->name && entry->file ? 0 : -ENOMEM;
}

static void look(struct entry *entry)
{
	struct shmring_inspector *inspector;

	entry->error = shmring_inspector_open(&inspector, entry->name);
	if (entry->error)
		return;
	entry->error = shmring_inspect(inspector, &entry->info);
	shmring_inspector_close(inspector);
}

static int by_name(const void *left, const void *right)
{
	const struct entry *one = left, *other = right;
	int order = strcmp(one->name, other->name);

	return order ? order : strcmp(one->file, other->file);
}

/* ---- telling ---- */

/* A name that does not fit its column gets a line to itself. */
static void print_name(const char *name, int width)
{
	if (printf("%-*s", width, name) > width)
		printf("\n%*s", width, "");
}

/* So that even the longest reason fits 80 columns. */
#define NAME_WIDTH 24

static void print_ring(const struct entry *entry)
{
	char capacity[UNITS_TEXT], size[UNITS_TEXT], subscriptions[16] = "not visible";
	const struct shmring_info *info = &entry->info;

	print_name(entry->name, NAME_WIDTH);
	if (entry->error) {
		printf(" %s\n", shmring_strerror(entry->error));
		return;
	}
	if (info->control_visible)
		snprintf(subscriptions, sizeof(subscriptions), "%" PRIu32, info->subscriptions);
	printf(" %-9s %9s %13s %11s\n", describe_stream(info), print_bytes(capacity, (double)info->capacity),
	       subscriptions, print_bytes(size, (double)(info->data_size + info->control_size)));
}

static void print_table(const struct ls *ls)
{
	if (ls->count > 0)
		printf("%-*s %-9s %9s %13s %11s\n", NAME_WIDTH, "name", "state", "capacity", "subscriptions", "memory");
	for (size_t i = 0; i < ls->count; i++)
		if (ls->entries[i].kind == SHMRING_ENTRY_RING)
			print_ring(&ls->entries[i]);
	for (size_t i = 0; i < ls->count; i++) {
		if (ls->entries[i].kind != SHMRING_ENTRY_ORPHAN)
			continue;
		print_name(ls->entries[i].name, NAME_WIDTH);
		printf(" only a control object is left; see shmtool gc\n/dev/shm/%s\n", ls->entries[i].file);
	}
}

static json_t *json_ring(const struct entry *entry)
{
	const struct shmring_info *info = &entry->info;
	json_t *ring = json_object();

	json_object_set_new(ring, "name", json_string(entry->name));
	json_object_set_new(ring, "file", json_string(entry->file));
	if (entry->error) {
		json_object_set_new(ring, "error", json_string(shmring_strerror(entry->error)));
		return ring;
	}
	json_object_set_new(ring, "state", json_string(describe_stream(info)));
	json_object_set_new(ring, "capacity", json_number(info->capacity));
	json_object_set_new(ring, "memory", json_number(info->data_size + info->control_size));
	json_object_set_new(ring, "subscriptions",
			    info->control_visible ? json_number(info->subscriptions) : json_null());
	return ring;
}

static json_t *json_list(const struct ls *ls)
{
	json_t *rings = json_array(), *orphans = json_array();

	for (size_t i = 0; i < ls->count; i++) {
		const struct entry *entry = &ls->entries[i];

		if (entry->kind == SHMRING_ENTRY_RING)
			json_array_append_new(rings, json_ring(entry));
		else
			json_array_append_new(orphans, json_pack("{s:s, s:s}", "name", entry->name,
								 "file", entry->file));
	}
	return json_pack("{s:o, s:o}", "rings", rings, "orphans", orphans);
}

int cmd_ls(int argc, char **argv)
{
	struct ls ls = { .entries = NULL };
	int status, error;

	if (arguments_parse(&argp, argc, argv, &ls, &status) != 0)
		return status;
	status = STATUS_DONE;
	error = shmring_list(add, &ls);
	if (error) {
		status = report_error("ls", error, TO_INSPECT);
	} else {
		for (size_t i = 0; i < ls.count; i++)
			if (ls.entries[i].kind == SHMRING_ENTRY_RING)
				look(&ls.entries[i]);
		if (ls.count > 0)
			qsort(ls.entries, ls.count, sizeof(ls.entries[0]), by_name);
		if (ls.json)
			status = json_print(json_list(&ls));
		else
			print_table(&ls);
	}
	for (size_t i = 0; i < ls.count; i++) {
		free(ls.entries[i].name);
		free(ls.entries[i].file);
	}
	free(ls.entries);
	return status;
}
