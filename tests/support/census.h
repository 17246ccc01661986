/* SPDX-License-Identifier: MIT */
/* What this process has, by what /proc says: to be taken before and after, and compared. */
#ifndef TESTS_SUPPORT_CENSUS_H
#define TESTS_SUPPORT_CENSUS_H

struct census {
	unsigned int descriptors;
	unsigned int threads;
};

struct census census_take(void);

#endif
