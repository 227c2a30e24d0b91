/* SPDX-License-Identifier: MIT
 * rig: a real daemon in a directory of its own, with fresh keys, one sender and nine hubs. Faults end the program. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <stdint.h>
#include <sys/types.h>

#define RIG_HUBS 9

struct rig_keys {
    char public_key[41];
    char secret_key[41];
};

struct rig {
    char directory[64];
    char endpoint[64];
    char operators[96];
    pid_t pid;
    void *context; /* of ZeroMQ */
    struct rig_keys server, sender, hubs[RIG_HUBS];
};

struct rig *rig_start(const char *daemon);
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
