/* SPDX-License-Identifier: MIT */
/*
 * names_after.h - what everybody else must find when the one who made or removed names is dead, or
 * stopped.
 */
#ifndef TESTS_CRASH_NAMES_AFTER_H
#define TESTS_CRASH_NAMES_AFTER_H

#include "names_scene.h"

/*
 * Each returns null if all is well, or what is not. The first is for a victim that is stopped and
 * may go on: it leaves everything as it is. The second is for when all are gone: it leaves nothing.
 */
const char *check_beside(const struct scene *scene, const struct outside *outside);
const char *check_after(const struct scene *scene);

#endif
