/* SPDX-License-Identifier: MIT
 * pace: offers by sender and hub, for one day. */
#include "daemon/core/pace.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define CAPACITY 256
#define PARTIES 11

static struct pace_entry entries[CAPACITY];
static struct pace pace;

static void begin(void)
{
    memset(entries, 0xff, sizeof entries);
    pace = (struct pace){.entries = entries, .capacity = CAPACITY, .count = 77};
    pace_begin(&pace, NETWORKS_DAY);
}

TestSuite(pace, .init = begin);

Test(pace, a_new_day_has_counted_nothing)
{
    cr_assert_eq(pace.day, NETWORKS_DAY);
    cr_assert_eq(pace.count, 0);
    pace_add(&pace, 1, 2, 3);
    cr_assert_eq(pace_count(&pace, 1, 2), 3);
    pace_begin(&pace, NETWORKS_DAY + 1);
    cr_assert_eq(pace.day, NETWORKS_DAY + 1);
    cr_assert_eq(pace_count(&pace, 1, 2), 0);
}

Test(pace, sender_and_hub_do_not_change_places)
{
    pace_add(&pace, 1, 2, 1);
    cr_assert_eq(pace_count(&pace, 2, 1), 0);
    cr_assert_eq(pace_count(&pace, 1, 1), 0);
}

Test(pace, what_was_counted_can_be_taken_back)
{
    pace_add(&pace, 1, 2, 3);
    pace_add(&pace, 1, 2, -2);
    cr_assert_eq(pace_count(&pace, 1, 2), 1);
    cr_assert_eq(pace.count, 1);
}

Test(pace, without_memory_nothing_is_counted)
{
    struct pace none = {0};

    pace_begin(&none, NETWORKS_DAY);
    cr_assert_eq(none.day, NETWORKS_DAY);
    cr_assert_eq(pace_count(&none, 1, 2), 0);
    cr_assert_eq(pace_count(NULL, 1, 2), 0);
}

Test(pace, all_hubs_of_one_sender_are_counted_apart)
{
    for (uint32_t i = 1; i <= CAPACITY / 2; i++)
        pace_add(&pace, 7, i * i, (int32_t)i);
    cr_assert_eq(pace.count, CAPACITY / 2);
    for (uint32_t i = 1; i <= CAPACITY / 2; i++)
        cr_assert_eq(pace_count(&pace, 7, i * i), i);
}

Test(pace, a_table_half_full_counts_as_a_list_does)
{
    uint64_t seed = random_seed(0), random = seed;
    uint32_t counts[PARTIES + 1][PARTIES + 1] = {0};

    for (int i = 0; i < 2000; i++) {
        uint32_t sender = 1 + random_below(&random, PARTIES), hub = 1 + random_below(&random, PARTIES);
        pace_add(&pace, sender, hub, 1);
        counts[sender][hub]++;
    }
    cr_assert_eq(pace.count, PARTIES * PARTIES);
    for (uint32_t sender = 1; sender <= PARTIES; sender++)
        for (uint32_t hub = 1; hub <= PARTIES; hub++)
            cr_assert_eq(pace_count(&pace, sender, hub), counts[sender][hub], "seed %lu: %u %u", seed, sender, hub);
}
