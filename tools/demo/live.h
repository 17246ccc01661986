/* SPDX-License-Identifier: MIT */
/* The live line: redrawn on a terminal, a line a second elsewhere. Never wider than 79 columns. */
#ifndef TOOLS_DEMO_LIVE_H
#define TOOLS_DEMO_LIVE_H

#include "stage.h"

#define LIVE_TICK_MS 50

struct live {
	const char *what; /* is going on */
	bool ring;        /* with the consumers' lag, as an inspector of the ring sees it */
	uint64_t total;   /* what the writer's progress goes up to */
	bool bytes;       /* it is in bytes */

	struct shmring_inspector *inspector;
	int draws;
	uint64_t drawn_ns;
	uint64_t drawn_progress;
};

/* A stage's tick; `live` is its argument. */
void live_tick(struct stage *stage, void *live);
void live_close(struct live *live);

/* So many bytes of input have been read. */
void live_reading(uint64_t bytes);

/* Makes the line empty, if there is one. */
void live_clear(void);

/* "1.23 GiB" and the like. */
const char *live_size(char *text, size_t size, double bytes);

#endif
