/* SPDX-License-Identifier: MIT
 * floors: what this machine can do at most, without any of the daemon's work. Measured in the same run. */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

struct floors {
    double curve_per_second;   /* CURVE over tcp: 1.1 KiB in, 200 B back, 600 B to a third party; 1,024 outstanding */
    double lmdb_per_second_64; /* bare LMDB, durable: the three values of a referral appended, 64 in a commit */
    double lmdb_per_second_1024;
    double syncs_per_second; /* 4 KiB appended and synced */
};

struct floors floors_measure(void);

#endif
