/* SPDX-License-Identifier: MIT */
/*
 * Usage: damage RING KIND
 * Damages one word of a ring whose records, 12 or more, have payloads of 1 to 8 bytes, and prints
 * where: the object and the offset. Its slot 0 should hold a durable subscription.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../support/objects.h"

#include "../../lib/layout.h"

#define STRIDE ((uint64_t)RECORD_HEADER + 8)
#define DATA(member) OBJECT_DATA, offsetof(struct layout_data, member)
#define CONTROL(member) OBJECT_CONTROL, offsetof(struct layout_control, member)
/* A word of the record with that number; the records' place in the object is added. */
#define RECORD(number, word) OBJECT_DATA, (number) * STRIDE + (word) * 8

enum change {
	SET,
	ADD,
	FLIP,
	COPY, /* the name of the slot before */
	MARK, /* add to the sequence number of the mark in use, of the two that start there */
	AGE,  /* another time of creation, and the checksum, which comes before it, to go with it */
};

static const struct damage {
	const char *kind;
	enum object object;
	size_t offset;
	enum change change;
	uint64_t value;
	int record;  /* 1: `offset` is in the record area; 2: it is, behind the last record */
	size_t seen; /* where what is wrong is seen, if not there */
} damages[] = {
	{ "checksum", DATA(header.checksum), ADD, 1, 0, 0 },
	{ "head", DATA(head), ADD, 4, 0, 0 },
	{ "short", DATA(head), ADD, -8, 0, 0 },
	{ "far", DATA(head), ADD, 1 << 20, 0, offsetof(struct layout_data, floor) },
	{ "floor", DATA(floor), ADD, 1 << 20, 0, 0 },
	{ "want", DATA(want), ADD, 1 << 20, 0, 0 },
	{ "need", DATA(need), ADD, 1 << 20, 0, 0 },
	{ "full", DATA(full), ADD, 1 << 20, 0, 0 },
	{ "stream", DATA(stream), ADD, 9, 0, 0 },
	{ "epoch", DATA(stream), SET, SHMRING_STREAM_CLOSED, 0, 0 },
	{ "index", DATA(index[7].position), SET, 12, 0, 0 },
	{ "start", DATA(index[1].position), ADD, STRIDE, 0, 0 },
	{ "word", RECORD(3, 0), SET, 0, 1, 0 },
	{ "length", RECORD(3, 0), FLIP, 0x7fffff00, 1, 0 },
	{ "flags", RECORD(3, 0), FLIP, UINT64_C(1) << 62, 1, 0 },
	{ "sequence", RECORD(3, 1), ADD, 5, 1, 0 },
	{ "end", RECORD(0, 0), SET, 7, 2, 0 },
	{ "control-magic", CONTROL(header.magic), ADD, 1, 0, 0 },
	{ "control-checksum", CONTROL(header.checksum), ADD, 1, 0, 0 },
	{ "control-header", CONTROL(header.checksum), AGE, 1, 0, 0 },
	{ "state", CONTROL(state[0]), FLIP, 0xf0, 0, 0 },
	{ "policy", CONTROL(state[0]), FLIP, 0xf000, 0, 0 },
	{ "durable", CONTROL(state[0]), FLIP, SLOT_DURABLE, 0, 0 },
	{ "tail", CONTROL(tail[0].tail), SET, 1 << 20, 0, 0 },
	{ "middle", CONTROL(tail[0].tail), ADD, 8, 0, 0 },
	{ "mark", CONTROL(tail[0].mark), MARK, 5, 0, 0 },
	{ "name", CONTROL(subscription[0].name), SET, 0x6d31335b1b07, 0, 0 }, /* "\a\033[31m" */
	{ "twin", CONTROL(subscription[1].name), COPY, 0, 0, 0 },
	{ "deadline", CONTROL(subscription[0].deadline_ns), SET, 5, 0, 0 },
	{ "table", CONTROL(lines), SET, 257, 0, 0 },
	{ "lines", CONTROL(member[9].word), SET, 1, 0, offsetof(struct layout_control, lines) },
	{ "member", CONTROL(member[9].word), SET, UINT64_C(77) << 8 | 1, 0, 0 },
};

static const struct damage *find(const char *kind)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		if (strcmp(damages[i].kind, kind) == 0)
			return &damages[i];
	return NULL;
}

static size_t mark_in_use(const struct layout_control *control)
{
	const struct layout_tail *line = &control->tail[0];
	const unsigned int i =
		atomic_load_explicit(&line->mark[0].position, memory_order_relaxed) !=
		atomic_load_explicit(&line->tail, memory_order_relaxed);

	return i * sizeof(struct layout_mark) + offsetof(struct layout_mark, sequence);
}

static size_t place(const struct damage *damage, const struct layout_data *data, const void *object)
{
	uint64_t offset = damage->offset;

	if (damage->change == MARK)
		return offset + mark_in_use(object);
	if (damage->record == 0)
		return offset;
	if (damage->record == 2)
		offset += atomic_load_explicit(&data->head, memory_order_relaxed) &
			  (data->header.capacity - 1);
	return data->header.records_offset + offset;
}

static void change(const struct damage *damage, char *at)
{
	struct layout_header *header;
	unsigned char first;
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	switch (damage->change) {
	case SET:
		word = damage->value;
		break;
	case ADD:
	case MARK:
		word += damage->value;
		break;
	case FLIP:
		word ^= damage->value;
		break;
	case COPY:
		memcpy(at, at - sizeof(struct layout_subscription),
		       SHMRING_SUBSCRIPTION_NAME_MAX + 1);
		return;
	case AGE:
		at -= offsetof(struct layout_header, checksum);
		header = (struct layout_header *)(void *)at;
		first = *(unsigned char *)&header->checksum;
		/* Its first byte is to be the first that differs: by chance, it may be the same. */
		do {
			header->created_ns += damage->value;
			object_seal(header);
		} while (*(unsigned char *)&header->checksum == first);
		return;
	}
	memcpy(at, &word, sizeof(word));
}

int main(int argc, char **argv)
{
	const struct damage *damage = argc == 3 ? find(argv[2]) : NULL;
	void *data, *object;
	size_t data_size, size, offset;

	if (!damage) {
		fprintf(stderr, "usage: damage RING KIND\n");
		return 2;
	}
	data = object_map(argv[1], OBJECT_DATA, &data_size);
	object = object_map(argv[1], damage->object, &size);
	offset = place(damage, data, object);
	change(damage, (char *)object + offset);
	printf("%s %zu\n", damage->object == OBJECT_DATA ? "data" : "control",
	       damage->seen ? damage->seen : offset);
	object_unmap(object, size);
	object_unmap(data, data_size);
	return 0;
}
