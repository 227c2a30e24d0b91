/* SPDX-License-Identifier: MIT
 * What each party has in hand, in one row for all of its connections. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/io/parties.h"

Test(parties, one_is_found_again_by_its_name)
{
    struct parties *parties = parties_open(4);
    struct party *row = parties_find(parties, "four-greens");

    cr_assert(row);
    cr_expect_str_eq(row->name, "four-greens");
    cr_expect_eq(parties_find(parties, "four-greens"), row);
    cr_expect_neq(parties_find(parties, "four-green"), row);
    parties_close(&parties);
    cr_expect_null(parties);
}

Test(parties, those_of_whom_nothing_goes_on_make_room)
{
    struct parties *parties = parties_open(3);
    struct party *connected = parties_find(parties, "connected"), *asks = parties_find(parties, "asks");

    connected->connections = 1;
    asks->in_flight[WORKER_READER] = 1;
    cr_assert(parties_find(parties, "gone"));
    for (int i = 0; i < 50; i++) {
        char name[16];

        snprintf(name, sizeof name, "new-%d", i);
        cr_assert(parties_find(parties, name), "%d", i);
        cr_assert_eq(parties_find(parties, "connected"), connected);
        cr_assert_eq(parties_find(parties, "asks"), asks);
    }
    parties_find(parties, "last")->connections = 1;
    cr_expect_null(parties_find(parties, "one too many"));
    parties_close(&parties);
}

Test(parties, who_comes_back_finds_its_bucket_as_it_was)
{
    struct parties *parties = parties_open(8);

    parties_find(parties, "greedy")->bucket.taken = 4711;
    parties_find(parties, "other");
    cr_expect_eq(parties_find(parties, "greedy")->bucket.taken, 4711);
    parties_close(&parties);
}

Test(parties, thousands_are_told_apart)
{
    struct parties *parties = parties_open(5000);
    char name[16];

    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "party-%u", (unsigned)i);
        parties_find(parties, name)->connections = i + 1;
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "party-%u", (unsigned)i);
        cr_assert_eq(parties_find(parties, name)->connections, i + 1);
    }
    parties_close(&parties);
}
