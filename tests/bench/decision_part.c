/* SPDX-License-Identifier: MIT
 * decision_part: how long it takes to find the hub for a referral, and the person for a place that has become free, by
 * the number of hubs. No daemon, no wire: the core's route_plan alone over invented cities, and then the turn's own
 * search over a waiting list of 10,000. In CPU time of this thread. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/city.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"
#include "tests/bench/waiting.h"

static struct profile person_at_random(uint32_t needs, uint64_t *random)
{
    struct profile person = profile_at_home();

    person.position = city_position(random);
    person.neighbourhood = (uint16_t)random_below(random, CITY_NEIGHBOURHOODS);
    person.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    person.age = (uint8_t)(18 + random_below(random, 70));
    person.decile = (uint8_t)(1 + random_below(random, 10));
    person.gender = (enum gender)(1 + random_below(random, 2));
    person.travel_m = random_below(random, 3) ? 0 : 5000;
    person.need = (enum need)(1 + random_below(random, CITY_NEEDS));
    person.needs = NEED_BIT(person.need);
    while ((uint32_t)__builtin_popcountll(person.needs) < needs)
        person.needs |= NEED_BIT(1 + random_below(random, CITY_NEEDS));
    return person;
}

static void measure(const struct city *city, uint32_t needs, uint32_t decisions, uint64_t *random)
{
    int64_t *times = city_table(decisions, sizeof *times);
    struct cover *covers = city_table(city->network->hubs_count, sizeof *covers);
    uint64_t eligible = 0;
    char what[80];

    for (uint32_t i = 0; i < decisions; i++) {
        struct profile person = person_at_random(needs, random);
        struct question question = {.profile = &person,
                                    .needs = person.needs,
                                    .sender = city->network->senders[0].party,
                                    .now = NETWORKS_NOW_MS,
                                    .places = city->places,
                                    .pace = &city->pace};
        struct plan plan;
        int64_t begun = city_now_ns();
        route_plan(city->network, &question, covers, &plan);
        times[i] = city_now_ns() - begun;
        eligible += plan.eligible;
    }
    snprintf(what, sizeof what, "%u hubs, %u need%s", city->network->hubs_count, needs, needs == 1 ? "" : "s");
    qsort(times, decisions, sizeof *times, city_compare_times);
    sheet_row(what, (double[]){(double)times[decisions / 2] / 1e3, (double)times[decisions * 99 / 100] / 1e3,
                               (double)eligible / decisions});
    free(covers);
    free(times);
}

void decision_part(const struct bench *bench)
{
    static const uint32_t hubs[] = {9, 100, 1000, 9000};
    static const uint32_t needs[] = {1, 2, 8};
    static const struct column columns[] = {{"median us", 1}, {"p99 us", 1}, {"hubs that could help", 0}};
    static const struct column waiting_columns[] = {{"median us", 1}, {"p99 us", 1}, {"given", 0}, {"of", 0}};
    const size_t count = bench->sizes.decisions_networks;
    struct city cities[sizeof hubs / sizeof *hubs];
    uint64_t random = random_seed(0);

    sheet_table("decision", "One routing decision", "network and person", columns, 3);
    for (size_t h = 0; h < count; h++) {
        city_build(&cities[h], hubs[h], &random);
        for (size_t n = 0; n < sizeof needs / sizeof *needs; n++)
            measure(&cities[h], needs[n], bench->sizes.decisions, &random);
    }
    sheet_table("free_place", "A place becomes free while 10,000 wait", "network and service", waiting_columns, 4);
    for (size_t h = 0; h < count; h++) {
        if (hubs[h] <= bench->sizes.waiting_hubs)
            waiting_measure(&cities[h]);
        city_destroy(&cities[h]);
    }
}
