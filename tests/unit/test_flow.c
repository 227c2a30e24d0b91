/* SPDX-License-Identifier: MIT
 * flow: the last four weeks are counted day by day, and say how long who waits is likely to wait. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "daemon/core/flow.h"
#include "tests/networks.h"

#define TODAY 20779

static struct flow flow;

static void begin(void)
{
    flow = (struct flow){0};
    flow_begin(&flow, TODAY);
}

Test(flow, nothing_given_lets_nothing_be_expected, .init = begin)
{
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 0));
    flow_add(&flow, NEED_BENEFITS, TODAY);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 0));
}

Test(flow, the_wait_is_rounded_up_and_one_day_more, .init = begin)
{
    for (int i = 0; i < 14; i++)
        flow_add(&flow, NEED_FOOD, TODAY - i);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 3));
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 2), 5));
    flow_add(&flow, NEED_FOOD, TODAY);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 3)); /* 28 / 15 */
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 15), 29));
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 16), 31));
}

Test(flow, the_wait_has_a_bound, .init = begin)
{
    flow_add(&flow, NEED_FOOD, TODAY);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 130), 3641));
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 131), 3651));
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, UINT32_MAX), 3651));
}

Test(flow, what_is_older_than_four_weeks_counts_for_nothing, .init = begin)
{
    flow_add(&flow, NEED_FOOD, TODAY - 28);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 0));
    flow_add(&flow, NEED_FOOD, TODAY - 27);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 29));
    flow_begin(&flow, TODAY + 1);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 0));
}

Test(flow, it_never_goes_back, .init = begin)
{
    flow_add(&flow, NEED_FOOD, TODAY);
    flow_begin(&flow, TODAY - 3);
    cr_assert(eq(i64, flow.day, TODAY));
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 29));
}

Test(flow, a_leap_of_years_forgets_everything, .init = begin)
{
    flow_add(&flow, NEED_FOOD, TODAY);
    flow_begin(&flow, TODAY + 28 * 400);
    cr_assert(eq(u32, flow_expected_days(&flow, NEED_FOOD, 1), 0));
}

/* Random histories against a list of everything that was ever given. */
Test(flow, it_counts_what_a_list_of_everything_counts)
{
    for (uint64_t run = 0; run < 200; run++) {
        uint64_t seed = random_seed(run), random = seed;
        static struct {
            int64_t day;
            enum need need;
        } all[400];
        size_t count = 0;
        int64_t today = TODAY;
        begin();
        for (size_t i = 0; i < 400; i++) {
            if (random_below(&random, 4) == 0)
                flow_begin(&flow, today += random_below(&random, random_below(&random, 20) ? 4 : 60));
            all[count].day = today - (int64_t)random_below(&random, 40);
            all[count].need = (enum need)(1 + random_below(&random, 3));
            flow_add(&flow, all[count].need, all[count].day);
            count++;
            enum need need = (enum need)(1 + random_below(&random, 3));
            uint32_t position = 1 + random_below(&random, 50), given = 0, days = 0;
            for (size_t j = 0; j < count; j++)
                given += all[j].need == need && all[j].day > today - 28;
            while (given > 0 && (uint64_t)days * given < (uint64_t)position * 28)
                days++;
            cr_assert(eq(u32, flow_expected_days(&flow, need, position), given > 0 ? days + 1 : 0), "seed %llu",
                      (unsigned long long)seed);
        }
    }
}
