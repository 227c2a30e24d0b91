/* SPDX-License-Identifier: MIT
 * waitlist: who is next. The order: those who have waited longer than the network lets anybody be overtaken, the oldest
 * first; then by priority, then by weight, then the oldest first. So from then on nobody who came later comes before
 * them. A referral's number grows with its age. Memory belongs to the caller. */
#ifndef CORE_WAITLIST_H
#define CORE_WAITLIST_H

#include "daemon/core/referral.h"

/* One need of one referral that waits, with all that decides whether a place is for it. */
struct waiting {
    uint64_t number; /* of the referral */
    int64_t submitted_at;
    uint32_t sender;
    enum need need;
    uint8_t weight; /* 0 to NETWORK_WEIGHT_MAX */
    uint8_t asked_count;
    uint32_t asked[OFFERS_MAX]; /* party numbers of the hubs asked about this need, with repeats */
    struct profile profile;
};

/* Those of one need, priority and weight: pointers, numbers ascending. */
struct waiting_queue {
    struct waiting **people; /* the caller's memory */
    uint32_t count;
    uint32_t capacity;
};

struct waitlist {
    struct waiting_queue queues[NETWORK_NEEDS][PRIORITY_STAT + 1][NETWORK_WEIGHT_MAX + 1];
    uint64_t count;
};

/* The queue that somebody waits in; before an insert the caller makes sure that count < capacity. */
struct waiting_queue *waitlist_queue(struct waitlist *, enum need, enum priority, uint8_t weight);
void waitlist_insert(struct waitlist *, struct waiting *);
/* NULL: the referral does not wait for the need. */
struct waiting *waitlist_find(const struct waitlist *, enum need, enum priority, uint64_t number);
/* Takes it out; the memory is the caller's again. */
void waitlist_remove(struct waitlist *, const struct waiting *);

/* Place among those who wait for the same need, from 1, at that moment. overtaken_ms: network.fairness. */
uint32_t waitlist_position(const struct waitlist *, const struct waiting *, int64_t now, int64_t overtaken_ms);

/* Goes through all who wait for one of the needs, in their turn. Begin with a zeroed cursor that has now and
 * overtaken_ms; NULL: nobody is left. On the way only the one that was returned last may leave the list; then say so by
 * waitlist_left with its need, priority and weight. */
struct waitlist_cursor {
    int64_t now;
    int64_t overtaken_ms;
    bool begun, long_done;
    enum priority priority;
    uint8_t weight;
    uint32_t next[NETWORK_NEEDS][PRIORITY_STAT + 1][NETWORK_WEIGHT_MAX + 1];
};
const struct waiting *waitlist_next(const struct waitlist *, uint64_t needs, struct waitlist_cursor *);
void waitlist_left(struct waitlist_cursor *, enum need, enum priority, uint8_t weight);

#endif
