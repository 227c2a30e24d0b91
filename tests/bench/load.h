/* SPDX-License-Identifier: MIT
 * load: one sender keeps a number of submits outstanding; nine hubs take their offers and confirm them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "tests/bench/rig.h"

struct load_result {
    unsigned outstanding;
    uint64_t stored;   /* before this run */
    double per_second; /* from the first submit until the last acknowledgement and the last offer are there */
    double ack_p50_us, ack_p99_us;
    double offer_p50_us, offer_p99_us;
    double daemon_cpu_us; /* for each referral */
    double all_cpu_us;    /* the sender's and the hubs' too */
    double peak_rss_mib, rss_mib;
    double store_bytes; /* for each referral stored so far */
};

struct load_result load_run(struct rig *, unsigned outstanding, unsigned referrals);
/* Stores so many at full speed, without measuring. */
void load_store(struct rig *, unsigned referrals);

#endif
