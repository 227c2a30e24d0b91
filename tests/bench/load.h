/* SPDX-License-Identifier: MIT
 * load: senders take turns and keep a number of submits outstanding together; the hubs take their offers and confirm
 * them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "tests/bench/crowd.h"

struct load {
    unsigned outstanding, referrals;
    bool waiting;   /* about people who have to wait: no offers */
    unsigned moves; /* of whole lives, which end when all are closed: 3: the hub accepts, starts and completes;
                       4: it tells of progress in between */
};

struct load_result {
    double per_second; /* from the first submit until the last acknowledgement and the last offer are there */
    double ack_p50_us, ack_p99_us;
    double offer_p50_us, offer_p99_us;
    double daemon_us, clients_us; /* CPU for each referral */
    double turn_us, turn_wait_us; /* of these the turn's, and how long it waited for a processor */
    double routed_behind;         /* most acknowledged referrals of which the sender had not heard `routed` */
};

struct load_result load_run(struct crowd *, const struct load *);
/* Stores so many at full speed. */
void load_store(struct crowd *, uint64_t referrals);

#endif
