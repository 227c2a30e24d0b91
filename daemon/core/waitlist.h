/* SPDX-License-Identifier: MIT
 * waitlist: who is next. For each need and priority the numbers of the waiting referrals, oldest first: a referral's
 * number grows with its age. Memory belongs to the caller. */
#ifndef CORE_WAITLIST_H
#define CORE_WAITLIST_H

#include "daemon/core/referral.h"

#define WAITLIST_NEEDS 64

struct waiting_queue {
    uint64_t *numbers; /* ascending; the caller's memory */
    uint32_t count;
    uint32_t capacity;
};

struct waitlist {
    struct waiting_queue queues[WAITLIST_NEEDS][PRIORITY_STAT + 1];
    uint64_t count;
};

/* The queue that a referral waits in; before an insert the caller makes sure that count < capacity. */
struct waiting_queue *waitlist_queue(struct waitlist *, enum need, enum priority);
void waitlist_insert(struct waitlist *, enum need, enum priority, uint64_t number);
/* False: it was not there. */
bool waitlist_remove(struct waitlist *, enum need, enum priority, uint64_t number);

/* Place among those who wait for the same need, from 1: higher priorities first, then the older. 0: does not wait. */
uint32_t waitlist_position(const struct waitlist *, enum need, enum priority, uint64_t number);

/* Goes through all who wait for one of the needs, in their turn. Start with a zeroed cursor; 0: nobody is left. On the
 * way only the one that was returned last may leave the list; then say so by waitlist_left. */
struct waitlist_cursor {
    bool begun;
    enum priority priority;
    uint32_t next[WAITLIST_NEEDS];
};
void waitlist_left(struct waitlist_cursor *, enum need need);
uint64_t waitlist_next(const struct waitlist *, uint64_t needs, struct waitlist_cursor *);

#endif
