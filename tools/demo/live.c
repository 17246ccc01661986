/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <shmring/shmring.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_NS  100000000u
#define ELSEWHERE_NS 1000000000u

/* Each pass is seen at least once, if it takes this long. */
#define FIRST_NS 150000000u

static bool line_is_there;

static bool on_terminal(void)
{
	static int known = -1;

	if (known < 0)
		known = isatty(STDOUT_FILENO);
	return known == 1;
}

static bool is_due(uint64_t *drawn_ns, uint64_t now, bool first)
{
	uint64_t interval = on_terminal() ? TERMINAL_NS : first ? FIRST_NS : ELSEWHERE_NS;

	if (now - *drawn_ns < interval)
		return false;
	*drawn_ns = now;
	return true;
}

static void draw(const char *line)
{
	if (on_terminal())
		printf("\r%s\033[K", line);
	else
		printf("%s\n", line);
	line_is_there = on_terminal();
	fflush(stdout);
}

void live_clear(void)
{
	if (line_is_there)
		printf("\r\033[K");
	line_is_there = false;
	fflush(stdout);
}

const char *live_size(char *text, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	int unit = 0;

	while (bytes >= 1000 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, size, "%.0f B", bytes);
	else
		snprintf(text, size,
			 bytes < 9.995   ? "%.2f %s"
			 : bytes < 99.95 ? "%.1f %s"
					 : "%.0f %s",
			 bytes, units[unit]);
	return text;
}

void live_reading(uint64_t bytes)
{
	static uint64_t drawn_ns;
	char size[32], line[80];

	if (bytes == 0)
		drawn_ns = now_ns();
	if (!is_due(&drawn_ns, now_ns(), false))
		return;
	snprintf(line, sizeof(line), "  reading and hashing the input  %s",
		 live_size(size, sizeof(size), (double)bytes));
	draw(line);
}

/* "  lag a 12 (34.5 KiB)  b ..." in records and bytes */
static void append_lag(struct live *live, const char *ring, char *line, size_t size)
{
	const char *between = "  lag ";

	if (!live->inspector && shmring_inspector_open(&live->inspector, ring) != 0)
		return;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;
		size_t used = strlen(line);
		char lag[32];

		if (shmring_inspect_subscription(live->inspector, slot, &info) != 0)
			continue;
		snprintf(line + used, size - used, "%s%s %llu (%s)", between, info.name,
			 (unsigned long long)info.lag_records,
			 live_size(lag, sizeof(lag), (double)info.lag_bytes));
		between = "  ";
	}
}

void live_tick(struct stage *stage, void *argument)
{
	struct live *live = argument;
	uint64_t progress =
		atomic_load_explicit(&stage->actors[WRITER].progress, memory_order_relaxed);
	uint64_t now = now_ns();
	uint64_t before = live->drawn_ns;
	char line[80], number[32];
	int length;

	if (before == 0 || progress < live->drawn_progress) {
		live->drawn_ns = now;
		live->drawn_progress = progress;
		return;
	}
	if (!is_due(&live->drawn_ns, now, live->draws == 0))
		return;
	length = snprintf(line, sizeof(line), "  %-16s %3.0f %%", live->what,
			  live->total ? 100 * (double)progress / (double)live->total : 100.0);
	if (live->bytes) {
		double rate =
			(double)(progress - live->drawn_progress) * 1e9 / (double)(now - before);

		snprintf(line + length, sizeof(line) - (size_t)length, " %10s/s",
			 live_size(number, sizeof(number), rate));
	}
	live->drawn_progress = progress;
	if (live->ring)
		append_lag(live, stage->settings->ring, line, sizeof(line));
	draw(line);
	live->draws++;
}

void live_close(struct live *live)
{
	if (live->inspector)
		shmring_inspector_close(live->inspector);
	live->inspector = NULL;
	live_clear();
}
