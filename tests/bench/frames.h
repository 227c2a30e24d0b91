/* SPDX-License-Identifier: MIT
 * frames: submits about invented people, encoded before the clock runs. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* What is asked for. */
enum frames_need {
    FRAMES_PLACED, /* befriending and advice, of which there is enough */
    FRAMES_WAITING /* counselling: a few places, then all wait */
};

struct frames {
    uint8_t *bytes;
    size_t *starts; /* count + 1 */
    size_t size;
    unsigned first, count;
    struct message message;
};

/* Frames of the persons first, first + 1, ...; request_id and correlation_id hold the number. Takes the place of what
 * was there before. */
void frames_make(struct frames *, unsigned first, unsigned count, enum frames_need);
void frames_free(struct frames *);

#endif
