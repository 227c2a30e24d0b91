/* SPDX-License-Identifier: MIT
 * scale: what the main job's throughput at 1,024 outstanding does when the rules, the hubs and the stored referrals
 * become more. Prints a table for each. */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdbool.h>

/* quick: fewer rounds, and at most 100,000 stored referrals. */
void scale_print(const char *daemon, bool quick);

#endif
