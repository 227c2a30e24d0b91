/* SPDX-License-Identifier: MIT
 * rig: a real daemon in a directory of its own, with fresh keys, senders and hubs. Faults end the program, and whatever
 * ends it, the directory goes. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RIG_HUBS_MAX 16 /* that are connected */

struct rig_keys {
    char public_key[41];
    char secret_key[41];
};

enum rig_network {
    RIG_PLYMOUTH,  /* the real network with its whole rulebook; only that places, seats and weeks do not run out */
    RIG_TOWNS,     /* its rules, nine hubs of the city, and the others each in a place of its own, far from there */
    RIG_NEIGHBOURS /* the same, but everybody is near to all hubs */
};

struct rig_options {
    const char *daemon;
    enum rig_network network;
    unsigned hubs;      /* unless it is Plymouth: at least 9 */
    unsigned senders;   /* that are enrolled; 0: one */
    uint64_t referrals; /* that the store must have room for */
    bool limited;       /* a party may have no more in hand, and send no more, than the shipped settings let it */
    bool slow_syncs;    /* two milliseconds are added to each */
    bool counselling_is_scarce; /* its places are as in the network file */
};

struct rig {
    struct rig *next; /* that runs beside it */
    char directory[96];
    char endpoint[64];
    char operators[128];
    struct rig_options options;
    pid_t pid;
    void *context; /* of ZeroMQ */
    struct rig_keys server, *senders, hubs[RIG_HUBS_MAX];
    unsigned senders_count, hubs_count;
    uint32_t crowds;      /* that have been connected: no two use the same request ids */
    uint64_t stored;      /* referrals, so far */
    char referral_id[32]; /* of one of them */
};

struct rig *rig_start(const struct rig_options *);
/* Ends the daemon and removes the directory. */
void rig_stop(struct rig **);
/* Ends the daemon and starts it again; returns the seconds from its start until it has welcomed somebody. Cold: what
 * the system holds of the store in memory is dropped in between. */
double rig_restart(struct rig *, bool cold);
/* A connected DEALER with CURVE; hello is the caller's. */
void *rig_connect(struct rig *, const struct rig_keys *);
/* Whether there is room for so many referrals; else gibibytes that it takes. */
bool rig_has_room(uint64_t referrals, unsigned *gibibytes);
/* Whether so many parties can be connected from one process. */
bool rig_has_descriptors(unsigned parties);

/* Microseconds of CPU that the daemon has used, its turn of them, and what the turn has waited for a processor. */
struct rig_usage {
    double cpu_us, turn_us, turn_wait_us;
};
struct rig_usage rig_usage(const struct rig *);
double rig_own_cpu_us(void);
/* A line of the daemon's /proc/PID/status in MiB: "RssAnon". */
double rig_memory_mib(const struct rig *, const char *line);
/* The same of the whole network's figures, as operators ask for them. */
struct rig_totals {
    uint64_t stored, open, waiting, closed, store_bytes;
};
struct rig_totals rig_totals(struct rig *);
/* Monotonic microseconds. */
double rig_now_us(void);
void rig_fail(const char *what) __attribute__((noreturn));
/* As fork; the child can be told to end, as any program. */
pid_t rig_fork(void);
/* A new directory where TMPDIR says, else in /tmp. */
void rig_make_directory(char *path, size_t size);

#endif
