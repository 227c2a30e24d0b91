/* SPDX-License-Identifier: MIT
 * network: look-ups by its indices find what a walk over everything finds; what is true of hubs and services on a day;
 * distances. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/network.h"
#include "tests/networks.h"

#define HUBS 300
#define SERVICES 900
#define NEIGHBOURHOODS 200
#define PRACTICES 50
#define SENDERS 60
#define DAY 20779

static struct network network;

static void make_network(uint64_t *random)
{
    network = (struct network){.hubs_count = 1 + random_below(random, HUBS),
                               .neighbourhoods_count = 1 + random_below(random, NEIGHBOURHOODS),
                               .practices_count = random_below(random, PRACTICES),
                               .senders_count = random_below(random, SENDERS)};
    network.hubs = calloc(HUBS, sizeof network.hubs[0]);
    network.services = calloc(SERVICES, sizeof network.services[0]);
    network.neighbourhoods = calloc(NEIGHBOURHOODS, sizeof network.neighbourhoods[0]);
    network.practices = calloc(PRACTICES, sizeof network.practices[0]);
    for (uint32_t i = 0; i < network.hubs_count; i++) {
        struct hub *hub = &network.hubs[i];
        snprintf(hub->id, sizeof hub->id, "hub-%u", (i * 7919) % HUBS);
        hub->party = 1 + (i * 7919) % HUBS * 3;
        hub->services_first = network.services_count;
        hub->services_count = random_below(random, 4);
        for (uint32_t j = 0; j < hub->services_count; j++) {
            struct service *service = &network.services[network.services_count++];
            service->hub = i;
            service->number = 1 + j;
            service->needs = random_next(random) & random_next(random) & random_next(random);
        }
    }
    for (uint32_t i = 0; i < network.neighbourhoods_count; i++)
        snprintf(network.neighbourhoods[i].code, sizeof network.neighbourhoods[i].code, "E%u", (i * 7919) % 1000);
    for (uint32_t i = 0; i < network.practices_count; i++)
        snprintf(network.practices[i].ods, sizeof network.practices[i].ods, "L%04u", i * 3);
    network.senders = calloc(SENDERS, sizeof network.senders[0]);
    for (uint32_t i = 0; i < network.senders_count; i++) {
        network.senders[i].party = 1000 + i;
        if (random_below(random, 2))
            snprintf(network.senders[i].practice, sizeof network.senders[i].practice, "L%04u", i * 37 % SENDERS);
    }
    network.by_practice = calloc(SENDERS, sizeof network.by_practice[0]);
    network.by_need = calloc(network_needs_count(&network) + 1, sizeof network.by_need[0]);
    network.by_id = calloc(HUBS, sizeof network.by_id[0]);
    network.by_party = calloc(HUBS, sizeof network.by_party[0]);
    network.by_need_hub = calloc(network_needs_count(&network) + 1, sizeof network.by_need_hub[0]);
    network.wide = calloc(network_needs_count(&network) + 1, sizeof network.wide[0]);
    network.by_area_first = calloc(NEIGHBOURHOODS + 1, sizeof network.by_area_first[0]);
    network.by_code = calloc(NEIGHBOURHOODS, sizeof network.by_code[0]);
    network_index(&network);
}

static void free_network(void)
{
    free(network.hubs);
    free(network.services);
    free(network.neighbourhoods);
    free(network.practices);
    free(network.senders);
    free(network.by_practice);
    free(network.by_need);
    free(network.by_party);
    free(network.by_id);
    free(network.by_need_hub);
    free(network.wide);
    free(network.by_area_first);
    free(network.by_code);
}

static void expect_by_need(unsigned long long seed)
{
    uint32_t at = 0;

    for (unsigned need = 0; need < NETWORK_NEEDS; need++) {
        cr_assert(eq(u32, network.by_need_first[need], at), "seed %llu", seed);
        for (uint32_t row = 0; row < network.services_count; row++)
            if (network.services[row].needs & NEED_BIT(need))
                cr_assert(eq(u32, network.by_need[at++], row), "seed %llu", seed);
    }
    cr_assert(eq(u32, network.by_need_first[NETWORK_NEEDS], at));
    cr_assert(eq(u32, network_needs_count(&network), at));
}

static int slow_hub(uint32_t party)
{
    for (uint32_t i = 0; i < network.hubs_count; i++)
        if (network.hubs[i].party == party)
            return (int)i;
    return -1;
}

static int slow_neighbourhood(const char *code)
{
    for (uint32_t i = 0; i < network.neighbourhoods_count; i++)
        if (strcmp(network.neighbourhoods[i].code, code) == 0)
            return (int)i;
    return -1;
}

static int slow_practice(const char *ods)
{
    for (uint32_t i = 0; i < network.practices_count; i++)
        if (strcmp(network.practices[i].ods, ods) == 0)
            return (int)i;
    return -1;
}

static uint32_t slow_mailbox(const char *ods)
{
    for (uint32_t i = 0; i < network.senders_count; i++)
        if (strcmp(network.senders[i].practice, ods) == 0)
            return network.senders[i].party;
    return PARTY_NONE;
}

Test(network, the_indices_find_what_a_walk_finds)
{
    for (uint64_t run = 0; run < 300; run++) {
        uint64_t seed = random_seed(run), random = seed;
        unsigned long long shown = seed;
        char text[16];
        make_network(&random);
        expect_by_need(shown);
        for (uint32_t party = 0; party < 3 * HUBS + 3; party++)
            cr_assert(eq(int, network_find_hub(&network, party), slow_hub(party)), "seed %llu", shown);
        for (unsigned i = 0; i < 1001; i++) {
            snprintf(text, sizeof text, "E%u", i);
            cr_assert(eq(int, network_find_neighbourhood(&network, text, strlen(text)), slow_neighbourhood(text)),
                      "seed %llu", shown);
        }
        for (unsigned i = 0; i < 3 * PRACTICES + 2; i++) {
            snprintf(text, sizeof text, "L%04u", i);
            cr_assert(eq(int, network_find_practice(&network, text, strlen(text)), slow_practice(text)), "seed %llu",
                      shown);
            cr_assert(eq(u32, network_practice_party(&network, text, strlen(text)), slow_mailbox(text)), "seed %llu",
                      shown);
        }
        free_network();
    }
}

Test(network, a_code_is_found_whole_or_not_at_all)
{
    uint64_t random = random_seed(0);

    make_network(&random);
    network.neighbourhoods_count = 3;
    strcpy(network.neighbourhoods[0].code, "E12");
    strcpy(network.neighbourhoods[1].code, "E1");
    strcpy(network.neighbourhoods[2].code, "E123");
    strcpy(network.hubs[0].id, "hub");
    network.hubs_count = 1;
    network_index(&network);
    cr_assert(eq(int, network_find_neighbourhood(&network, "E12345", 3), 0));
    cr_assert(eq(int, network_find_neighbourhood(&network, "E12345", 2), 1));
    cr_assert(eq(int, network_find_neighbourhood(&network, "E12345", 4), 2));
    cr_assert(eq(int, network_find_neighbourhood(&network, "E12345", 5), -1));
    cr_assert(eq(int, network_find_neighbourhood(&network, "", 0), -1));
    cr_assert(eq(int, network_find_hub_by_id(&network, "hubs", 3), 0));
    cr_assert(eq(int, network_find_hub_by_id(&network, "hubs", 2), -1));
    cr_assert(eq(int, network_find_hub_by_id(&network, "hubs", 4), -1));
    cr_assert(eq(int, network_find_hub_by_id(&network, "", 0), -1));
    char longer[ID_BYTES_MAX + 1] = "hub";
    cr_assert(eq(int, network_find_hub_by_id(&network, longer, sizeof longer), -1));
    free_network();
}

Test(network, hubs_are_found_again_when_they_have_got_their_numbers)
{
    uint64_t random = random_seed(1);

    make_network(&random);
    for (uint32_t i = 0; i < network.hubs_count; i++)
        network.hubs[i].party = 0;
    network_index(&network);
    cr_assert(eq(int, network_find_hub(&network, 5), -1));
    for (uint32_t i = 0; i < network.hubs_count; i++)
        network.hubs[i].party = 1000 - i;
    network_index(&network);
    for (uint32_t i = 0; i < network.hubs_count; i++)
        cr_assert(eq(int, network_find_hub(&network, 1000 - i), (int)i));
    free_network();
}

Test(network, a_service_is_found_by_its_hub_and_number)
{
    uint64_t random = random_seed(2);

    make_network(&random);
    for (uint32_t row = 0; row < network.services_count; row++) {
        const struct service *service = &network.services[row];
        cr_assert(eq(int, network_find_service(&network, network.hubs[service->hub].party, service->number), (int)row));
    }
    cr_assert(eq(int, network_find_service(&network, network.hubs[0].party, 99), -1));
    cr_assert(eq(int, network_find_service(&network, 99999, 1), -1));
    free_network();
}

Test(network, needs_are_counted)
{
    cr_assert(eq(u32, needs_count(0), 0));
    cr_assert(eq(u32, needs_count(NEED_BIT(1)), 1));
    cr_assert(eq(u32, needs_count(NEED_BIT(1) | NEED_BIT(7) | NEED_BIT(63)), 3));
    cr_assert(eq(u32, needs_count(UINT64_MAX), 64));
}

Test(network, a_service_number_is_fnv_1a)
{
    cr_assert(eq(u32, network_service_number("", 0), 2166136261u));
    cr_assert(eq(u32, network_service_number("foobar", 6), 0xbf9cf968u));
}

Test(network, the_status_of_a_hub_follows_from_its_dates)
{
    static const struct {
        enum hub_status status;
        int64_t opens_on, closes_on;
        enum hub_status expected;
    } cases[] = {
        {HUB_OPEN, 0, 0, HUB_OPEN},
        {HUB_OPEN, DAY, 0, HUB_OPEN},
        {HUB_OPEN, DAY + 1, 0, HUB_PLANNED},
        {HUB_OPEN, 0, DAY + 1, HUB_OPEN},
        {HUB_OPEN, 0, DAY, HUB_CLOSED},
        {HUB_PLANNED, 0, 0, HUB_PLANNED},
        {HUB_PLANNED, DAY, 0, HUB_OPEN},
        {HUB_PLANNED, DAY + 1, 0, HUB_PLANNED},
        {HUB_PLANNED, DAY - 9, DAY, HUB_CLOSED},
        {HUB_PAUSED, 0, 0, HUB_PAUSED},
        {HUB_PAUSED, DAY + 1, 0, HUB_PLANNED},
        {HUB_PAUSED, 0, DAY, HUB_CLOSED},
        {HUB_DRAINING, 0, 0, HUB_DRAINING},
        {HUB_DRAINING, 0, DAY, HUB_CLOSED},
        {HUB_CLOSED, DAY + 1, 0, HUB_CLOSED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hub hub = {.status = cases[i].status, .opens_on = cases[i].opens_on, .closes_on = cases[i].closes_on};
        cr_assert(eq(int, hub_status_on(&hub, DAY), cases[i].expected), "case %zu", i);
    }
}

Test(network, a_service_runs_from_its_first_day_to_its_last)
{
    struct service service = {0};

    cr_assert(service_runs_on(&service, DAY));
    service.from_day = DAY;
    cr_assert(not(service_runs_on(&service, DAY - 1)));
    cr_assert(service_runs_on(&service, DAY));
    service.to_day = DAY + 1;
    cr_assert(service_runs_on(&service, DAY + 1));
    cr_assert(not(service_runs_on(&service, DAY + 2)));
    service.from_day = 0;
    cr_assert(service_runs_on(&service, 1));
}

static struct era eras[] = {{.name = "before"},
                            {.name = "other"},
                            {.from_day = DAY, .name = "first"},
                            {.from_day = DAY + 10, .name = "second"}};
static struct hub moving = {.status = HUB_OPEN, .eras_first = 1, .eras_count = 3};
static struct service lasting = {0};
static struct network small = {
    .hubs = &moving, .hubs_count = 1, .eras = eras, .eras_count = 4, .services = &lasting, .services_count = 1};

Test(network, a_hub_is_what_its_last_change_made_it)
{
    cr_assert_str_eq(hub_on(&small, &moving, -5)->name, "other");
    cr_assert_str_eq(hub_on(&small, &moving, DAY - 1)->name, "other");
    cr_assert_str_eq(hub_on(&small, &moving, DAY)->name, "first");
    cr_assert_str_eq(hub_on(&small, &moving, DAY + 9)->name, "first");
    cr_assert_str_eq(hub_on(&small, &moving, DAY + 10)->name, "second");
    cr_assert_str_eq(hub_on(&small, &moving, DAY + 1000)->name, "second");
}

Test(network, it_changes_on_the_days_on_which_something_begins_or_ends)
{
    moving.opens_on = DAY + 20;
    moving.closes_on = DAY + 30;
    lasting.from_day = DAY + 40;
    lasting.to_day = DAY + 50;
    for (int64_t day = DAY - 5; day < DAY + 60; day++)
        cr_assert(eq(int, network_changes_on(&small, day),
                     day == DAY || day == DAY + 10 || day == DAY + 20 || day == DAY + 30 || day == DAY + 40 ||
                         day == DAY + 51),
                  "day %lld", (long long)(day - DAY));
}

Test(network, a_service_has_the_hours_of_its_hub_unless_it_has_its_own)
{
    moving.hours = (struct hours){3, 2};
    cr_assert(eq(u32, service_hours(&small, 0).first, 3));
    lasting.hours = (struct hours){7, 1};
    cr_assert(eq(u32, service_hours(&small, 0).first, 7));
}

Test(network, a_weight_is_that_of_the_most_deprived_fifth_and_of_plus_groups_together)
{
    struct network fair = {.plus_groups = {11, 22}, .plus_count = 2, .fairness = {.core20 = 1, .plus = 2}};
    const uint32_t none[] = {33}, one[] = {33, 22}, both[] = {11, 22};

    cr_assert(eq(u8, network_weight(&fair, 0, NULL, 0), 0));
    cr_assert(eq(u8, network_weight(&fair, 1, NULL, 0), 1));
    cr_assert(eq(u8, network_weight(&fair, 2, none, 1), 1));
    cr_assert(eq(u8, network_weight(&fair, 3, none, 1), 0));
    cr_assert(eq(u8, network_weight(&fair, 3, one, 2), 2));
    cr_assert(eq(u8, network_weight(&fair, 10, both, 2), 2));
    cr_assert(eq(u8, network_weight(&fair, 1, both, 2), 3));
    fair.fairness = (struct fairness){0};
    cr_assert(eq(u8, network_weight(&fair, 1, both, 2), 0));
}

Test(network, the_nearest_neighbourhood_is_the_first_of_the_nearest_within_the_bound)
{
    struct neighbourhood places[] = {
        {.centre = {0, 0}}, {.centre = {3000, 1000}}, {.centre = {1000, 1000}}, {.centre = {1000, 1000}}};
    struct network city = {.neighbourhoods = places, .neighbourhoods_count = 4, .nearest_m = 500};

    cr_assert(eq(u16, network_nearest_neighbourhood(&city, (struct position){1500, 1000}), 2));
    cr_assert(eq(u16, network_nearest_neighbourhood(&city, (struct position){1501, 1000}), NEIGHBOURHOOD_NONE));
    cr_assert(eq(u16, network_nearest_neighbourhood(&city, (struct position){2501, 1000}), 1));
    cr_assert(eq(u16, network_nearest_neighbourhood(&city, (struct position){0, 0}), NEIGHBOURHOOD_NONE));
    city.nearest_m = 0;
    cr_assert(eq(u16, network_nearest_neighbourhood(&city, (struct position){1000, 1000}), NEIGHBOURHOOD_NONE));
}

/* When hubs work */

#define MONDAY (DAY + 1)

Test(network, a_hub_works_in_its_own_hours_without_its_closures_and_the_bank_holidays)
{
    struct invented invented;

    network_of_four(&invented);
    network_add_hours(&invented, &invented.network.office, (struct span){WEEKDAY_TUESDAY, 540, 600});
    network_add_hours(&invented, &invented.hubs[FAR].hours, (struct span){WEEKDAY_MONDAY, 540, 600});
    invented.closures[invented.network.closures_count++] = (struct closure){MONDAY + 7, MONDAY + 27}; /* nobody's */
    network_add_closure(&invented, MONDAY, MONDAY + 1);
    network_add_holiday(&invented, MONDAY + 14);
    struct calendar far = network_hub_calendar(&invented.network, &invented.hubs[FAR]);
    struct calendar near = network_hub_calendar(&invented.network, &invented.hubs[NEAR]);
    struct calendar office = network_office_calendar(&invented.network);
    for (int week = 0; week < 4; week++) {
        int64_t monday = MONDAY + 7 * week;
        cr_expect(eq(int, calendar_works_on(&far, monday), week % 2 != 0), "week %d", week);
        cr_expect(not(calendar_works_on(&far, monday + 1)));
        cr_expect(not(calendar_works_on(&near, monday)));
        cr_expect(calendar_works_on(&near, monday + 1)); /* the office's, for want of its own */
        cr_expect(calendar_works_on(&office, monday + 1));
    }
}

Test(network, a_hub_has_deadlines_of_its_own_or_those_of_the_network)
{
    struct invented invented;

    network_of_four(&invented);
    network_add_stages(&invented)->clocks[STAGE_CONTACT].ms[PRIORITY_ASAP] = 7;
    for (int hub = HOME; hub < FAR; hub++)
        cr_expect(network_stage(&invented.network, &invented.hubs[hub], STAGE_CONTACT) ==
                  &invented.network.deadlines.stages.clocks[STAGE_CONTACT]);
    const struct stage_clock *own = network_stage(&invented.network, &invented.hubs[FAR], STAGE_CONTACT);
    cr_expect(eq(i64, own->ms[PRIORITY_ASAP], 7));
    cr_expect(own == &invented.network.stages[0].clocks[STAGE_CONTACT]);
}

static uint32_t slow_distance(struct position a, struct position b)
{
    int64_t east = a.easting - b.easting, north = a.northing - b.northing;
    uint64_t square = (uint64_t)(east * east + north * north);
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= square)
            root += bit;
    return (uint32_t)root;
}

Test(network, distances_are_whole_metres_rounded_down)
{
    uint64_t seed = random_seed(0), random = seed;

    cr_assert(eq(u32, distance_m((struct position){1, 1}, (struct position){4, 5}), 5));
    cr_assert(eq(u32, distance_m((struct position){1, 1}, (struct position){4, 4}), 4));
    cr_assert(eq(u32, distance_m((struct position){1, 1}, (struct position){1, 1}), 0));
    cr_assert(eq(u32, distance_m((struct position){0, 0}, (struct position){4, 4}), 0));
    cr_assert(eq(u32, distance_m((struct position){0, 3}, (struct position){4, 0}), 5)); /* on the edge of the grid */
    cr_assert(eq(u32, distance_m((struct position){1, 1}, (struct position){700000, 1300000}), 1476480));
    for (int i = 0; i < 200000; i++) {
        struct position a = {1 + (int32_t)random_below(&random, 700000), 1 + (int32_t)random_below(&random, 1300000)};
        struct position b = {1 + (int32_t)random_below(&random, 700000), 1 + (int32_t)random_below(&random, 1300000)};
        cr_assert(eq(u32, distance_m(a, b), slow_distance(a, b)), "seed %llu", (unsigned long long)seed);
    }
}
