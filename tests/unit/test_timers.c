/* SPDX-License-Identifier: MIT
 * timers: against a search from end to end. */
#include "daemon/core/timers.h"

#include "tests/networks.h"

#include <criterion/criterion.h>

#define RUNS 300
#define STEPS 400
#define TIMERS_MAX 64

static struct timer heap[TIMERS_MAX];
static struct timer model[TIMERS_MAX];

/* Index of the earliest, the smaller referral number first. */
static uint32_t slow_first(uint32_t count)
{
    uint32_t first = 0;

    for (uint32_t i = 1; i < count; i++)
        if (model[i].at < model[first].at ||
            (model[i].at == model[first].at && model[i].referral < model[first].referral))
            first = i;
    return first;
}

static void take(struct timers *timers, int64_t now, uint64_t seed)
{
    uint32_t count = timers->count;
    uint32_t first = slow_first(count);
    struct timer timer;

    if (!count || model[first].at > now) {
        cr_assert_not(timers_take_due(timers, now, &timer), "seed %lu", seed);
        cr_assert_eq(timers->count, count);
        return;
    }
    cr_assert(timers_take_due(timers, now, &timer), "seed %lu", seed);
    cr_assert(timer.at == model[first].at && timer.referral == model[first].referral, "seed %lu", seed);
    model[first] = model[count - 1];
}

Test(timers, random_timers_come_up_in_their_order_and_not_before_their_time)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct timers timers = {.heap = heap, .capacity = TIMERS_MAX};
        int64_t now = 0;

        for (int i = 0; i < STEPS; i++) {
            now += random_below(&random, 3);
            if (timers.count < TIMERS_MAX && random_below(&random, 2)) {
                struct timer timer = {now + random_below(&random, 20) - 3, 1 + random_below(&random, 5)};
                model[timers.count] = timer;
                timers_add(&timers, timer);
            } else {
                take(&timers, now, seed);
            }
            cr_assert_eq(timers_next(&timers), timers.count ? model[slow_first(timers.count)].at : INT64_MAX,
                         "seed %lu", seed);
        }
        while (timers.count)
            take(&timers, INT64_MAX, seed);
    }
}

Test(timers, it_is_due_at_its_time)
{
    struct timers timers = {.heap = heap, .capacity = TIMERS_MAX};
    struct timer timer;

    cr_assert_eq(timers_next(&timers), INT64_MAX);
    timers_add(&timers, (struct timer){100, 1});
    cr_assert_not(timers_take_due(&timers, 99, &timer));
    cr_assert(timers_take_due(&timers, 100, &timer));
    cr_assert_not(timers_take_due(&timers, 100, &timer));
}
