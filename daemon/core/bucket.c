/* SPDX-License-Identifier: MIT
 * bucket: exact in whole numbers, since a rate of so many a second is so many thousandths a millisecond. */
#include "daemon/core/bucket.h"

#define ONE 1000

/* What is left of an amount that shrinks at the rate; multiplies only what cannot overflow. */
static int64_t shrunk(int64_t amount, int64_t rate, int64_t ms)
{
    return ms > amount / rate ? 0 : amount - ms * rate;
}

static void flow(struct bucket *bucket, int64_t rate, int64_t now_ms)
{
    int64_t ms = now_ms - bucket->at_ms;

    if (ms <= 0)
        return;
    bucket->taken = shrunk(bucket->taken, rate, ms);
    bucket->promised = shrunk(bucket->promised, rate, ms);
    bucket->at_ms = now_ms;
}

static int64_t time_for(int64_t amount, int64_t rate)
{
    return (amount + rate - 1) / rate;
}

/* What flows in within a millisecond finds room in any case: it is looked at no more often. */
static int64_t room(const struct bucket_limit *limit)
{
    int64_t flows_in = limit->rate + ONE - 1;

    return limit->burst * ONE > flows_in ? limit->burst * ONE : flows_in;
}

bool bucket_take(struct bucket *bucket, const struct bucket_limit *limit, int64_t now_ms, int64_t *wait_ms)
{
    int64_t missing, most = BUCKET_WAIT_MS_MAX * limit->rate;

    if (limit->rate == 0)
        return true;
    flow(bucket, limit->rate, now_ms);
    missing = bucket->taken + ONE - room(limit);
    if (missing <= 0) {
        bucket->taken += ONE;
        return true;
    }
    *wait_ms = time_for(missing + bucket->promised, limit->rate);
    if (bucket->promised + ONE <= most)
        bucket->promised += ONE;
    return false;
}
