/* SPDX-License-Identifier: MIT
 * compare: the main job at 1,024 outstanding on several daemons side by side, which take turns: one round each, then
 * the next round. Machines are noisy, and so the noise falls on all alike; medians of the rounds are told. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "tests/bench/idlers.h"
#include "tests/bench/load.h"
#include "tests/bench/parts.h"

#define COMPARED_MAX 4
#define ROUNDS_MAX 9

struct compared {
    char label[64];
    struct rig_options options;
    uint64_t stored;  /* before the first round */
    unsigned senders; /* that send by turns; 0: one */
    unsigned idle;    /* senders that are connected beside them */
    struct rig *rig;
    struct crowd crowd;   /* connected to it */
    struct idlers idlers; /* of it */
    double per_second[ROUNDS_MAX], daemon_us[ROUNDS_MAX], turn_us[ROUNDS_MAX], clients_us[ROUNDS_MAX];
    double median; /* of per_second */
};

/* The daemons run on until compare_end. */
void compare(const struct bench *, struct compared *, unsigned count, const char *name, const char *title,
             const char *rows);
void compare_end(struct compared *, unsigned count);

#endif
