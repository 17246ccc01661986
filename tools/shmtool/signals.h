/* SPDX-License-Identifier: MIT */
/* SIGINT, SIGTERM and SIGHUP ask a command to stop, whatever it waits for. */
#ifndef SHMTOOL_SIGNALS_H
#define SHMTOOL_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on these signals only set a flag, and interrupt system calls; writing to a closed pipe is EPIPE. */
void signals_catch(void);

/* The signal that came, or 0. Whoever is about to block looks here before, and again on EINTR. */
int signals_came(void);

/* The ring handle whose waits a signal cancels; null for none (call this before the handle is closed). */
void signals_cancel(const void *handle);

/* Sleeps; returns early once a signal came. */
void signals_sleep(uint64_t nanoseconds);

/* The exit status after a signal. */
int signals_status(void);

#endif
