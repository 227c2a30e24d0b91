/* SPDX-License-Identifier: MIT
 * timers: which referral is due next, a binary heap. Entries are hints: a referral whose deadline has moved keeps its
 * old entries until they come up, and its record then tells that it is not due. Memory belongs to the caller. */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
    int64_t at; /* milliseconds since 1970 UTC */
    uint64_t referral;
};

struct timers {
    struct timer *heap;
    uint32_t count;
    uint32_t capacity;
};

/* The caller makes sure that count < capacity. */
void timers_add(struct timers *, struct timer);
/* Takes the earliest when it is due; false: nothing is. */
bool timers_take_due(struct timers *, int64_t now, struct timer *);
/* INT64_MAX: none. */
int64_t timers_next(const struct timers *);

#endif
