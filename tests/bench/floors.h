/* SPDX-License-Identifier: MIT
 * floors: what this machine can do at most, without any of the daemon's work. Measured in the same run. */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include <stddef.h>

struct floors {
    double curve_per_second;   /* CURVE over tcp: a submit in, 200 B back, 600 B to a third party; 1,024 outstanding */
    double curve_cpu_us;       /* of that, server and clients together, for each */
    double echo_p50_us;        /* the same submit in and 200 B back, one at a time */
    double lmdb_per_second_64; /* bare LMDB, durable: the values of a referral appended, 64 in a commit */
    double lmdb_per_second_1024;
    struct sync_floor {
        double p50_us, per_second;
    } append, overwrite; /* 4 KiB written and synced: at the end of a file, or over what was there */
};

/* By the length of a submit; `messages` of each kind. */
struct floors floors_measure(size_t submit_bytes, unsigned messages);

#endif
