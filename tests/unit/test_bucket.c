/* SPDX-License-Identifier: MIT
 * How much one party may ask for, in made-up time. */
#include <criterion/criterion.h>

#include "daemon/core/bucket.h"
#include "tests/networks.h"

#define NOW INT64_C(1763800000000)

static int64_t wait_ms;

static int take_all(struct bucket *bucket, const struct bucket_limit *limit, int64_t now, int tries)
{
    int taken = 0;

    for (int i = 0; i < tries; i++)
        taken += bucket_take(bucket, limit, now, &wait_ms);
    return taken;
}

Test(bucket, a_new_one_gives_its_burst_at_once_and_no_more)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 10, .burst = 25};

    cr_expect_eq(take_all(&bucket, &limit, NOW, 100), 25);
}

Test(bucket, it_fills_again_at_its_rate_and_never_above_the_burst)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 10, .burst = 25};

    take_all(&bucket, &limit, NOW, 25);
    cr_expect_eq(take_all(&bucket, &limit, NOW + 99, 100), 0);
    cr_expect_eq(take_all(&bucket, &limit, NOW + 100, 100), 1);
    cr_expect_eq(take_all(&bucket, &limit, NOW + 1100, 100), 10);
    cr_expect_eq(take_all(&bucket, &limit, NOW + INT64_C(1000000000000), 100), 25);
}

Test(bucket, a_rate_of_nothing_is_no_limit)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 0, .burst = 1};

    cr_expect_eq(take_all(&bucket, &limit, NOW, 100000), 100000);
}

Test(bucket, a_clock_that_goes_back_counts_as_standing)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 10, .burst = 1};

    take_all(&bucket, &limit, NOW, 1);
    cr_expect_eq(take_all(&bucket, &limit, NOW - 5000, 10), 0);
    cr_expect_eq(take_all(&bucket, &limit, NOW + 100, 10), 1);
}

Test(bucket, all_who_find_none_and_come_when_they_were_told_find_one)
{
    uint64_t random = random_seed(0);

    for (int round = 0; round < 2000; round++) {
        struct bucket bucket = {0};
        struct bucket_limit limit = {.rate = 1 + random_below(&random, 5000), .burst = 1 + random_below(&random, 50)};
        int64_t most = BUCKET_WAIT_MS_MAX * limit.rate / 1000;
        int64_t later[60];
        int count = 1;

        while (bucket_take(&bucket, &limit, NOW, &later[0]))
            continue;
        for (; count < 60 && count < most; count++) {
            cr_assert_not(bucket_take(&bucket, &limit, NOW, &later[count]));
            cr_assert_gt(later[count], 0);
        }
        for (int i = 0; i < count; i++)
            cr_assert(bucket_take(&bucket, &limit, NOW + later[i], &wait_ms), "round %d, %d of %d", round, i, count);
    }
}

Test(bucket, nobody_is_told_to_wait_for_ever_because_others_do_not_listen)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 100, .burst = 1};

    take_all(&bucket, &limit, NOW, 100000);
    cr_expect_leq(wait_ms, BUCKET_WAIT_MS_MAX + 10);
    cr_expect_gt(wait_ms, BUCKET_WAIT_MS_MAX - 20);
}

Test(bucket, the_largest_limits_do_not_overflow)
{
    struct bucket bucket = {0};
    struct bucket_limit limit = {.rate = 10000000, .burst = 10000000};

    cr_expect_eq(take_all(&bucket, &limit, NOW, 10000100), 10000000);
    cr_expect(bucket_take(&bucket, &limit, INT64_MAX, &wait_ms));
}
