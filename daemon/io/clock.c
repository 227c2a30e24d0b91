/* SPDX-License-Identifier: MIT
 * clock: see clock.h. */
#include "daemon/io/clock.h"

#include <assert.h>
#include <stdatomic.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    static _Atomic int64_t newest;
    int64_t ms = read_ms(CLOCK_REALTIME), seen = atomic_load(&newest);

    while (ms > seen)
        if (atomic_compare_exchange_weak(&newest, &seen, ms))
            return ms;
    return seen;
}

int64_t clock_steady_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void clock_open_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    assert(!failed);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec clock_steady_in(int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}
