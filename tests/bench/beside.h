/* SPDX-License-Identifier: MIT
 * beside: somebody who works beside what is measured, until told to end, and then tells what was counted: a process of
 * its own at the lowest priority, since on another machine it would not take this one's processors from the daemon. */
#ifndef BENCH_BESIDE_H
#define BENCH_BESIDE_H

#include "tests/bench/rig.h"

/* What the child does until beside_is_over(); counts is its own copy of those given to beside_start. */
typedef void beside_work(struct rig *, void *counts);

struct beside {
    pid_t pid;
    int from_child;
};

struct beside beside_start(struct rig *, beside_work *, void *counts, size_t counts_size);
/* Tells it to end; its counts come back. */
void beside_stop(const struct beside *, void *counts, size_t counts_size);
bool beside_is_over(void);

#endif
