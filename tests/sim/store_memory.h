/* SPDX-License-Identifier: MIT
 * store_memory: the second engine: a disk in memory, deterministic, that fails when it is told to. For one thread. The
 * committed image is what a power loss leaves; a read transaction keeps the image it began with. */
#ifndef SIM_STORE_MEMORY_H
#define SIM_STORE_MEMORY_H

#include "daemon/io/store.h"

enum memory_fault {
    MEMORY_FAULT_NONE,
    MEMORY_FAULT_FULL,           /* not stored: STORE_FULL */
    MEMORY_FAULT_UNAVAILABLE,    /* not stored: STORE_UNAVAILABLE; the next commit may do better */
    MEMORY_FAULT_FENCED,         /* not stored: STORE_FENCED, and nothing begins until the reopen */
    MEMORY_FAULT_UNKNOWN_STORED, /* STORE_UNKNOWN, and nothing begins until the reopen, which finds it stored */
    MEMORY_FAULT_UNKNOWN_LOST    /* the same, but the reopen does not find it */
};

struct store_memory_faults {
    enum memory_fault next_commit; /* happens to the next write commit without an error of its own, and is reset */
    uint64_t limit_bytes;          /* 0: no limit to speak of */
    uint64_t fail_call;            /* this get, put, del or seek from now finds damage, counted from 1, and is reset */
};

/* The faults are the caller's: borrowed until the close, looked at by each call; NULL: none. The store belongs to the
 * caller, who closes it after whoever uses it is gone. Out of memory ends the program. */
struct store *store_memory_open(struct store_memory_faults *);

/* Power loss, or a killed daemon: open transactions are gone (their pointers too), what is committed stays. Nothing
 * begins until the reopen, which makes the same store usable again, also after a commit that ended it. A power loss
 * during a commit is an UNKNOWN fault and then a crash. */
void store_memory_crash(struct store *);
void store_memory_reopen(struct store *);

/* Turns one bit of a committed value, counted from its first byte and wrapped to its length. False: no such value. */
bool store_memory_flip_bit(struct store *, enum table, uint64_t key, uint64_t bit);

#endif
