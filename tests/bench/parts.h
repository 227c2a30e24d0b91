/* SPDX-License-Identifier: MIT
 * parts: each measures one subject, prints its tables and tells its goals. */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

#include <stdint.h>

/* How much of everything. */
struct sizes {
    unsigned alone, some, many; /* referrals at 1, 64 and 1,024 outstanding */
    unsigned slow_alone;        /* the first with slow syncs */
    unsigned rounds, of_round;  /* of what is compared, and referrals of each */
    uint64_t stored[4];         /* 0: no more */
    unsigned parties[4], hubs[4];
    unsigned lives, burst, waiting;
    unsigned commands; /* how often each command is called */
    double greedy_seconds;
    unsigned decisions, decisions_networks; /* for how many of the invented cities */
    unsigned waiting_hubs;                  /* the largest city with a waiting list */
};

struct bench {
    const char *daemon;
    const char *against; /* another daemon; NULL: none */
    struct sizes sizes;
    const char *profile; /* where perf puts what it records of the daemon at 1,024 outstanding; NULL: nowhere */
};

void main_part(const struct bench *);
void stored_part(const struct bench *);
void parties_part(const struct bench *);
void hubs_part(const struct bench *);
void life_part(const struct bench *);
void burst_part(const struct bench *);
void operators_part(const struct bench *);
void greedy_part(const struct bench *);
void decision_part(const struct bench *);
void against_part(const struct bench *);

#endif
