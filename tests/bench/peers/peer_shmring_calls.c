/* SPDX-License-Identifier: MIT */
/* This library with the path of every record in calls, as who includes shmring/shmring.h has it. */
#define PEER_CALLS
#include "peer_shmring.c"
