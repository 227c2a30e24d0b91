/* SPDX-License-Identifier: MIT
 * pace: how many offers each sender has had made to each hub today, so that no sender floods a hub. A hash table in the
 * caller's memory. */
#ifndef CORE_PACE_H
#define CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace_entry {
    uint32_t sender; /* party numbers; a sender of 0 marks an empty entry */
    uint32_t hub;
    uint32_t count;
};

struct pace {
    int64_t day; /* the day that is counted, on the wall */
    struct pace_entry *entries;
    uint32_t capacity; /* a power of two, more than twice the count; 0: nothing is counted */
    uint32_t count;
};

/* NULL counts nothing. */
uint32_t pace_count(const struct pace *, uint32_t sender, uint32_t hub);
/* Adds to what is counted for the day. The caller makes sure that 2 * (count + 1) <= capacity. */
void pace_add(struct pace *, uint32_t sender, uint32_t hub, int32_t offers);
/* Forgets everything and counts for another day. */
void pace_begin(struct pace *, int64_t day);

#endif
