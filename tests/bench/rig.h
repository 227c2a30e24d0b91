/* SPDX-License-Identifier: MIT
 * rig: a real daemon in a directory of its own, with fresh keys, one sender and hubs. Faults end the program. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RIG_HUBS_MAX 16 /* that are connected */

struct rig_keys {
    char public_key[41];
    char secret_key[41];
};

struct rig_options {
    const char *daemon;
    bool plymouth;      /* the real network with its whole rulebook; else a plain one: */
    unsigned hubs;      /* of the plain network, at least 9; more than these are looked at, but get nothing */
    uint64_t referrals; /* that the store must have room for */
    bool limited;       /* a party may have no more in hand, and send no more, than the shipped settings let it */
};

struct rig {
    struct rig *next; /* that runs beside it */
    char directory[64];
    char endpoint[64];
    char operators[96];
    pid_t pid;
    void *context;                                              /* of ZeroMQ */
    struct rig_keys server, sender, honest, hubs[RIG_HUBS_MAX]; /* honest: another sender */
    unsigned hubs_count;
    uint64_t stored; /* referrals, so far */
};

struct rig *rig_start(const struct rig_options *);
/* Ends the daemon and removes the directory. */
void rig_stop(struct rig **);
/* A connected DEALER with CURVE; hello is the caller's. */
void *rig_connect(struct rig *, const struct rig_keys *);

/* Microseconds of CPU that the daemon has used, and this process. */
double rig_daemon_cpu_us(const struct rig *);
double rig_own_cpu_us(void);
/* A line of the daemon's /proc/PID/status in MiB: "VmHWM", "RssAnon". */
double rig_memory_mib(const struct rig *, const char *line);
/* Monotonic microseconds. */
double rig_now_us(void);
void rig_fail(const char *what);

#endif
