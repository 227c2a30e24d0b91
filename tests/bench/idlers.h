/* SPDX-License-Identifier: MIT
 * idlers: senders that are connected and say nothing, in processes of their own: one process may not have as many open
 * files as there are to be connections. */
#ifndef BENCH_IDLERS_H
#define BENCH_IDLERS_H

#include <sys/types.h>

#include "tests/bench/rig.h"

#define IDLERS_PROCESSES_MAX 8

struct idlers {
    pid_t processes[IDLERS_PROCESSES_MAX];
    unsigned count;
};

/* Connects so many of the rig's senders from one on; returns when all are welcome. */
void idlers_start(struct idlers *, struct rig *, unsigned first, unsigned senders);
void idlers_stop(struct idlers *);

#endif
