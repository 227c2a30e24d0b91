/* SPDX-License-Identifier: MIT
 * flow: what an honest sender gets while a greedy one beside it sends as fast as it can over four connections and
 * listens to nobody: alone, beside it with the limits of the shipped settings, and without limits. */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include <stdbool.h>

/* quick: fewer seconds. */
void flow_print(const char *daemon, bool quick);

#endif
