/* SPDX-License-Identifier: MIT */
/* One pass of the whole stream, from a writer to two consumers. */
#ifndef TOOLS_DEMO_TRANSPORT_H
#define TOOLS_DEMO_TRANSPORT_H

#include "stage.h"

struct pass {
	bool verify;   /* the consumers hash what they get; otherwise they copy it out */
	bool observer; /* in a ring */
	bool records;  /* in pipes: records with a length before each; otherwise blocks */
	int pipes[2][2];
};

/* Both return what stage_play does. */
int ring_pass(struct stage *stage, struct pass *pass);
int pipe_pass(struct stage *stage, struct pass *pass);

/* In an act: brings in what will be read, so that no page faults count. */
void transport_touch(const struct input *input);

/* Creates the ring of a play. Returns 0, or 1 after a message. */
int ring_create(const struct settings *settings);

/* Opens the pipes of a play; closes what is still open. */
int pipes_open(int pipes[2][2]);
void pipes_close(int pipes[2][2]);

/* In an act: leaves only the ends of this role open. */
void pipes_keep(int pipes[2][2], bool writer, int reader);

/*
 * In an act: all of it, or a problem. pipe_read stops early at the end of the stream, and says
 * how much it got.
 */
int pipe_write(struct actor *me, int fd, const void *header, size_t header_size, const void *data,
	       size_t size);
int pipe_read(struct actor *me, int fd, void *data, size_t size, size_t *got);

#endif
