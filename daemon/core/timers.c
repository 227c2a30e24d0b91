/* SPDX-License-Identifier: MIT
 * timers: sift up, sift down. Equal times come up by referral number, so that a run can be repeated. */
#include "daemon/core/timers.h"

#include <assert.h>

static bool earlier(struct timer a, struct timer b)
{
    return a.at != b.at ? a.at < b.at : a.referral < b.referral;
}

void timers_add(struct timers *timers, struct timer timer)
{
    uint32_t i = timers->count;

    assert(timers->count < timers->capacity);
    timers->count++;
    while (i > 0 && earlier(timer, timers->heap[(i - 1) / 2])) {
        timers->heap[i] = timers->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    timers->heap[i] = timer;
}

static void sift_down(struct timers *timers, struct timer timer)
{
    uint32_t i = 0;

    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && earlier(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!earlier(timers->heap[child], timer))
            break;
        timers->heap[i] = timers->heap[child];
        i = child;
    }
    timers->heap[i] = timer;
}

bool timers_take_due(struct timers *timers, int64_t now, struct timer *timer)
{
    if (!timers->count || timers->heap[0].at > now)
        return false;
    *timer = timers->heap[0];
    timers->count--;
    if (timers->count)
        sift_down(timers, timers->heap[timers->count]);
    return true;
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[0].at : INT64_MAX;
}
