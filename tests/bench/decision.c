/* SPDX-License-Identifier: MIT
 * decision: how long it takes to find the hub for a referral, and the person for a place that has become free, by the
 * number of hubs. One process, no wire: the core's route_plan alone over invented cities, and then the turn's own
 * search over a waiting list of 10,000. Prints a line for each. Usage: bench_decision [--quick] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/city.h"
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
    snprintf(what, sizeof what, "decision, %u hubs, %u need%s (%.0f could help)", city->network->hubs_count, needs,
             needs == 1 ? "" : "s", (double)eligible / decisions);
    city_print(what, times, decisions);
    free(covers);
    free(times);
}

int main(int argc, char **argv)
{
    static const uint32_t hubs[] = {9, 100, 1000, 9000};
    static const uint32_t needs[] = {1, 2, 8};
    bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    uint64_t random = random_seed(0);

    if (argc > 1 && !quick) {
        fputs("usage: bench_decision [--quick]\n", stderr);
        return 2;
    }
    for (size_t h = 0; h < sizeof hubs / sizeof *hubs; h++) {
        struct city city;
        city_build(&city, hubs[h], &random);
        for (size_t n = 0; n < sizeof needs / sizeof *needs; n++)
            measure(&city, needs[n], quick ? 200 : 1000, &random);
        if (hubs[h] <= 1000 || !quick)
            waiting_measure(&city);
        city_destroy(&city);
    }
    return 0;
}
