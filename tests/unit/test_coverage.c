/* SPDX-License-Identifier: MIT
 * coverage: who has no hub, against asking every hub one by one. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/core/coverage.h"
#include "tests/networks.h"

#define RUNS 300

static const char *band_of(const struct coverage_bands *bands, uint8_t band)
{
    static char out[COVERAGE_BAND_BYTES];

    coverage_band_write(bands, band, out);
    return out;
}

Test(coverage, bands_begin_where_an_age_of_a_service_begins_or_ends)
{
    struct condition conditions[] = {{FACT_AGE, TEST_AT_LEAST, 0, 25}, {FACT_DECILE, TEST_AT_MOST, 0, 2}};
    struct service services[] = {{.age_from = 65}, {.age_to = 19, .conditions_count = 1}, {.age_from = 80}};
    struct network network = {
        .services = services, .services_count = 3, .conditions = conditions, .conditions_count = 2};
    struct coverage_bands bands;

    coverage_bands(&network, NULL, &bands);
    cr_assert_eq(bands.count, 5);
    cr_expect_str_eq(band_of(&bands, 0), "0-19");
    cr_expect_str_eq(band_of(&bands, 1), "20-24");
    cr_expect_str_eq(band_of(&bands, 2), "25-64");
    cr_expect_str_eq(band_of(&bands, 4), "80+");
}

Test(coverage, bands_end_where_a_condition_does_and_go_on_beyond_a_hundred)
{
    struct condition conditions[] = {{FACT_AGE, TEST_AT_MOST, 0, 64}, {FACT_DECILE, TEST_AT_MOST, 0, 2}};
    struct service services[] = {{.age_from = 100}, {.age_to = 110}};
    struct network network = {
        .services = services, .services_count = 2, .conditions = conditions, .conditions_count = 2};
    struct coverage_bands bands;

    coverage_bands(&network, NULL, &bands);
    cr_assert_eq(bands.count, 4);
    cr_expect_str_eq(band_of(&bands, 0), "0-64");
    cr_expect_str_eq(band_of(&bands, 1), "65-99");
    cr_expect_str_eq(band_of(&bands, 2), "100-110");
    cr_expect_str_eq(band_of(&bands, 3), "111+");
}

Test(coverage, bands_of_two_networks_are_those_that_either_tells_apart)
{
    struct service old_services[] = {{.age_from = 1, .age_to = 120}};
    struct service new_services[] = {{.age_from = 2}};
    struct network old = {.services = old_services, .services_count = 1};
    struct network new = {.services = new_services, .services_count = 1};
    struct network none = {0};
    struct coverage_bands bands;

    coverage_bands(&old, &new, &bands);
    cr_assert_eq(bands.count, 3);
    cr_expect_str_eq(band_of(&bands, 0), "0");
    cr_expect_str_eq(band_of(&bands, 1), "1");
    cr_expect_str_eq(band_of(&bands, 2), "2+");
    coverage_bands(&none, NULL, &bands);
    cr_assert_eq(bands.count, 1);
    cr_expect_str_eq(band_of(&bands, 0), "all ages");
}

/* A network of one need whose services are given. */
static struct profile person_for(struct service *services, uint32_t count)
{
    struct hub hubs[] = {{.tier = TIER_TARGETED}, {.tier = TIER_UNIVERSAL}};
    uint32_t by_need[8];
    struct network network = {
        .hubs = hubs, .hubs_count = 2, .services = services, .services_count = count, .by_need = by_need};

    for (int need = NEED_BEFRIENDING + 1; need <= NETWORK_NEEDS; need++)
        network.by_need_first[need] = count;
    for (uint32_t i = 0; i < count; i++)
        by_need[i] = i;
    return coverage_person(&network, NEED_BEFRIENDING);
}

Test(coverage, the_person_is_whom_every_service_for_the_need_is_for)
{
    struct service women = {.genders = CODE_BIT(GENDER_FEMALE)}, carers = {.carers_only = true}, all = {0};
    struct service hubs = {.sources = CODE_BIT(SOURCE_WELLBEING_HUB)};

    cr_expect_eq(person_for((struct service[]){women, women}, 2).gender, GENDER_FEMALE);
    cr_expect_eq(person_for((struct service[]){women, all}, 2).gender, GENDER_NOT_STATED);
    cr_expect(person_for((struct service[]){carers}, 1).is_carer);
    cr_expect_not(person_for((struct service[]){carers, all}, 2).is_carer);
    cr_expect_eq(person_for((struct service[]){hubs}, 1).source, SOURCE_WELLBEING_HUB);
    cr_expect_eq(person_for((struct service[]){hubs, all}, 2).source, SOURCE_GP_LINK_WORKER);
    cr_expect_not(person_for(&all, 0).is_carer);
    struct service desk = {.hub = 1}; /* where people are only told to go */
    cr_expect(person_for((struct service[]){carers, desk}, 2).is_carer);
}

/* True when any hub at all, asked one by one, takes the person. */
static bool anybody_takes(const struct network *network, const struct places *places, const struct profile *person,
                          enum need need)
{
    const struct question question = {
        .profile = person, .needs = NEED_BIT(need), .now = NETWORKS_NOW_MS, .places = places};
    struct verdict verdict;

    for (uint32_t hub = 0; hub < network->hubs_count; hub++) {
        route_judge(network, &question, hub, need, &verdict);
        if (verdict.rule == RULE_NONE_FAILED)
            return true;
    }
    return false;
}

Test(coverage, holes_are_exactly_those_where_no_hub_takes_the_person)
{
    static struct invented invented;
    unsigned holes = 0, covered = 0;

    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t random = random_seed(run);
        network_at_random(&invented, &random);
        const struct network *network = &invented.network;
        struct places places[NETWORKS_SERVICES_MAX] = {0};
        for (uint32_t row = 0; row < network->services_count; row++)
            places[row].total = network->services[row].places;
        uint64_t needs = coverage_needs(network);
        for (int need = 1; need < NETWORK_NEEDS; need++)
            for (uint32_t i = 0; i < network->neighbourhoods_count && needs & NEED_BIT(need); i++) {
                struct profile person = coverage_person(network, (enum need)need);
                person.neighbourhood = (uint16_t)i;
                person.position = network->neighbourhoods[i].centre;
                person.locality = LOCALITY_STATED;
                person.age = (uint8_t)random_below(&random, 100);
                enum unmet_cause cause = coverage_judge(network, places, &person, (enum need)need, NETWORKS_NOW_MS);
                bool takes = anybody_takes(network, places, &person, (enum need)need);
                cr_assert_eq(cause == 0, takes, "seed %llu", (unsigned long long)random_seed(run));
                cr_assert_neq(cause, CAUSE_NO_SERVICE, "somebody offers it");
                holes += !takes;
                covered += takes;
            }
    }
    cr_assert_gt(holes, RUNS);
    cr_assert_gt(covered, RUNS);
}

Test(coverage, a_need_that_nobody_offers_is_a_hole_for_want_of_a_service)
{
    static struct invented invented;

    network_of_four(&invented);
    struct profile person = profile_at_home();
    cr_expect_eq(coverage_judge(&invented.network, invented.places, &person, NEED_FOOD, NETWORKS_NOW_MS),
                 CAUSE_NO_SERVICE);
    cr_expect_eq(coverage_judge(&invented.network, invented.places, &person, NEED_BEFRIENDING, NETWORKS_NOW_MS), 0);
}
