/* SPDX-License-Identifier: MIT
 * nearby: in large networks at random, a plan made of the hubs that may be near is the one made of all hubs; and
 * somebody in one of thousands of towns is looked for among a few. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "daemon/core/nearby.h"
#include "tests/networks.h"

#define HUBS 400
#define ERAS_OF_HUB 2
#define AREAS_OF_ERA 3
#define SERVICES_OF_HUB 4
#define NEIGHBOURHOODS 60
#define LAND_M 40000
#define NETWORKS 60
#define PEOPLE 100
#define TOWNS NETWORK_HUBS_MAX
#define ONE_IN(n) (random_below(random, (n)) == 0)

/* Its arrays are those of `land`. */
static struct network network;

static struct {
    struct neighbourhood neighbourhoods[NEIGHBOURHOODS];
    struct hub hubs[HUBS];
    struct era eras[HUBS * ERAS_OF_HUB];
    struct service services[HUBS * SERVICES_OF_HUB];
    struct places places[HUBS * SERVICES_OF_HUB];
    struct sender sender;
    uint32_t by_need[HUBS * SERVICES_OF_HUB * 2];
    uint32_t by_need_hub[HUBS * SERVICES_OF_HUB * 2];
    uint32_t wide[HUBS * SERVICES_OF_HUB * 2];
    uint32_t by_party[HUBS];
    uint32_t by_id[HUBS];
    uint32_t by_area[3 * HUBS * ERAS_OF_HUB * AREAS_OF_ERA];
    uint32_t by_area_first[NEIGHBOURHOODS + 1];
    struct stand stands[HUBS * ERAS_OF_HUB];
    uint32_t by_code[NEIGHBOURHOODS];
    uint32_t by_practice[1];
} land;

static struct cover covers[HUBS];

/* ---- a large network at random ---- */

static struct position position_in(uint64_t *random, uint32_t metres)
{
    if (ONE_IN(20))
        return (struct position){0};
    return (struct position){1 + (int32_t)random_below(random, metres), 1 + (int32_t)random_below(random, metres)};
}

static void make_era(struct era *era, int64_t from_day, uint64_t *random)
{
    *era = (struct era){.from_day = from_day, .position = position_in(random, LAND_M)};
    era->areas_count = (uint16_t)random_below(random, AREAS_OF_ERA + 1);
    era->also_count = ONE_IN(4) ? (uint16_t)random_below(random, AREAS_OF_ERA + 1) : 0;
    for (uint16_t i = 0; i < AREAS_OF_ERA; i++) {
        era->areas[i] = (uint16_t)random_below(random, NEIGHBOURHOODS);
        era->also[i] = (uint16_t)random_below(random, NEIGHBOURHOODS);
    }
}

static void make_service(uint32_t hub, uint64_t *random)
{
    uint32_t row = network.services_count++;

    land.services[row] =
        (struct service){.hub = hub,
                         .number = row,
                         .owner = row,
                         .needs = NEED_BIT(1 + random_below(random, 4)) | NEED_BIT(1 + random_below(random, 4)),
                         .citywide = ONE_IN(40),
                         .emergency_only = ONE_IN(10),
                         .age_from = ONE_IN(3) ? 18 + random_below(random, 60) : 0};
    land.places[row] = (struct places){.total = 4, .used = random_below(random, 6)};
}

static void make_hub(uint64_t *random)
{
    uint32_t index = network.hubs_count++;
    struct hub *hub = &land.hubs[index];

    *hub = (struct hub){.party = 1 + (index * 7919) % HUBS,
                        .tier = ONE_IN(40)   ? TIER_SPECIALIST
                                : ONE_IN(20) ? TIER_UNIVERSAL
                                             : TIER_TARGETED,
                        .status = ONE_IN(10) ? HUB_PAUSED : HUB_OPEN,
                        .parent = index && ONE_IN(4) ? (int32_t)random_below(random, index) : -1,
                        .stages = -1,
                        .eras_first = network.eras_count,
                        .services_first = network.services_count};
    make_era(&land.eras[network.eras_count++], 0, random);
    if (ONE_IN(5))
        make_era(&land.eras[network.eras_count++], NETWORKS_DAY - 1 + random_below(random, 3), random);
    hub->eras_count = network.eras_count - hub->eras_first;
    for (uint32_t count = random_below(random, SERVICES_OF_HUB + 1); count > 0; count--)
        make_service(index, random);
    hub->services_count = network.services_count - hub->services_first;
}

static struct nearness nearness_in(uint64_t *random)
{
    static const uint8_t ranks[][RING_SATELLITE + 1] = {
        {0, 1, 3, 4, 2}, {0, 1, 2, 3, 4}, {0, 4, 3, 2, 1}, {0, 1, 0, 2, 0}, {0, 1, 2, 0, 3}};
    const uint8_t *drawn = ranks[random_below(random, sizeof ranks / sizeof *ranks)];
    struct nearness nearness = {.neighbour_distance_m = random_below(random, 4) * 2500};

    for (int ring = 0; ring <= RING_SATELLITE; ring++)
        nearness.ring_rank[ring] = drawn[ring];
    return nearness;
}

static void make_network(uint64_t *random)
{
    uint32_t hubs = 1 + random_below(random, HUBS);

    network = (struct network){.version = 1,
                               .neighbourhoods = land.neighbourhoods,
                               .neighbourhoods_count = NEIGHBOURHOODS,
                               .hubs = land.hubs,
                               .eras = land.eras,
                               .services = land.services,
                               .senders = &land.sender,
                               .senders_count = 1,
                               .by_need = land.by_need,
                               .by_need_hub = land.by_need_hub,
                               .wide = land.wide,
                               .by_party = land.by_party,
                               .by_id = land.by_id,
                               .by_area = land.by_area,
                               .by_area_first = land.by_area_first,
                               .stands = land.stands,
                               .by_code = land.by_code,
                               .by_practice = land.by_practice,
                               .usual = nearness_in(random),
                               .emergency = nearness_in(random),
                               .emergency_needs = NEED_BIT(1) | NEED_BIT(2)};
    while (network.hubs_count < hubs)
        make_hub(random);
    cr_assert(nearby_areas_count(&network) <= sizeof land.by_area / sizeof *land.by_area);
    network_index(&network);
}

static struct profile person_in(uint64_t *random)
{
    struct profile person = profile_at_home();

    person.position = position_in(random, LAND_M);
    person.neighbourhood = ONE_IN(6) ? NEIGHBOURHOOD_NONE : (uint16_t)random_below(random, NEIGHBOURHOODS);
    person.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    person.tier = ONE_IN(10) ? TIER_SPECIALIST : TIER_TARGETED;
    person.age = (uint8_t)(10 + random_below(random, 80));
    person.travel_m = random_below(random, 3) ? 0 : 1 + random_below(random, LAND_M);
    person.preferred_hub = random_below(random, HUBS);
    person.need = (enum need)(1 + random_below(random, 5));
    person.needs = NEED_BIT(person.need);
    for (uint32_t more = random_below(random, 4); more > 0; more--)
        person.needs |= NEED_BIT(1 + random_below(random, 5));
    return person;
}

/* ---- the same plan ---- */

static void expect_same_verdict(const struct verdict *a, const struct verdict *b, unsigned long long seed)
{
    cr_assert(a->hub == b->hub && a->need == b->need && a->rule == b->rule && a->service == b->service &&
                  a->ring == b->ring && a->distance_m == b->distance_m && a->places_free == b->places_free &&
                  a->stale == b->stale && a->open_now == b->open_now,
              "seed %llu: hub %u, not %u", seed, a->hub, b->hub);
}

static void expect_same(const struct plan *a, const struct plan *b, unsigned long long seed)
{
    cr_assert(a->shares_count == b->shares_count && a->waiting == b->waiting && a->unmet == b->unmet &&
                  a->eligible == b->eligible && a->candidates_count == b->candidates_count,
              "seed %llu: %u shares, %u could help, not %u and %u", seed, a->shares_count, a->eligible, b->shares_count,
              b->eligible);
    for (int need = 0; need < NETWORK_NEEDS; need++)
        cr_assert(a->causes[need] == b->causes[need], "seed %llu: need %d", seed, need);
    for (int i = 0; i < a->candidates_count; i++) {
        const struct candidate *left = &a->candidates[i], *right = &b->candidates[i];
        cr_assert(left->hub == right->hub && left->service == right->service && left->rule == right->rule &&
                      left->places_free == right->places_free && left->stale == right->stale,
                  "seed %llu: candidate %d", seed, i);
    }
    for (int i = 0; i < a->shares_count; i++) {
        const struct share *left = &a->shares[i], *right = &b->shares[i];
        expect_same_verdict(&left->verdict, &right->verdict, seed);
        cr_assert(left->needs == right->needs && left->comparison == right->comparison &&
                      left->services_count == right->services_count,
                  "seed %llu: share %d", seed, i);
        for (int s = 0; s < left->services_count; s++)
            cr_assert(left->services[s] == right->services[s], "seed %llu: share %d", seed, i);
    }
}

/* The same network in which every hub counts as one for everybody as far as its index goes: all are looked at. */
static struct network of_which_all_are_near(void)
{
    struct network whole = network;

    whole.wide = whole.by_need_hub;
    for (int need = 0; need < NETWORK_NEEDS; need++)
        whole.wide_count[need] = whole.by_need_first[need + 1] - whole.by_need_first[need];
    return whole;
}

struct came_up {
    unsigned placed, waiting, too_far, otherwise;
};

static void note(const struct plan *plan, struct came_up *came_up)
{
    came_up->placed += plan->shares_count > 0;
    came_up->waiting += plan->waiting != 0;
    for (int need = 0; need < NETWORK_NEEDS; need++) {
        came_up->too_far += plan->causes[need] == CAUSE_TOO_FAR;
        came_up->otherwise += plan->causes[need] == CAUSE_NOT_ELIGIBLE || plan->causes[need] == CAUSE_CLOSED ||
                              plan->causes[need] == CAUSE_NO_SERVICE;
    }
}

static void ask_somebody(const struct network *whole, uint64_t *random, unsigned long long seed,
                         struct came_up *came_up)
{
    struct profile person = person_in(random);
    struct offer offer = {.hub = 1 + random_below(random, HUBS), .needs = person.needs, .state = STATE_REJECTED};
    struct question question = {.profile = &person,
                                .needs = person.needs,
                                .sender = HUBS + 1,
                                .offers = &offer,
                                .offers_count = 1,
                                .now = NETWORKS_NOW_MS,
                                .emergency = ONE_IN(3),
                                .places = land.places};
    struct plan plan, of_all;

    route_plan(&network, &question, covers, &plan);
    route_plan(whole, &question, covers, &of_all);
    expect_same(&plan, &of_all, seed);
    note(&plan, came_up);
}

Test(nearby, a_plan_is_that_of_a_look_at_every_hub)
{
    struct came_up came_up = {0};

    for (uint64_t run = 0; run < NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        make_network(&random);
        struct network whole = of_which_all_are_near();
        for (int i = 0; i < PEOPLE; i++)
            ask_somebody(&whole, &random, seed, &came_up);
    }
    cr_assert(came_up.placed > NETWORKS * PEOPLE / 20 && came_up.waiting > NETWORKS && came_up.too_far > NETWORKS &&
                  came_up.otherwise > NETWORKS,
              "%u placed, %u wait, %u too far, %u otherwise", came_up.placed, came_up.waiting, came_up.too_far,
              came_up.otherwise);
}

/* ---- what is looked at ---- */

static bool is_in_square(struct position a, struct position b, int64_t metres)
{
    return llabs((long long)a.easting - b.easting) <= metres && llabs((long long)a.northing - b.northing) <= metres;
}

static bool stands_within(const struct hub *hub, struct position position, int64_t metres)
{
    for (uint32_t i = 0; i < hub->eras_count; i++)
        if (is_in_square(land.eras[hub->eras_first + i].position, position, metres))
            return true;
    return false;
}

Test(nearby, those_and_only_those_who_stand_in_the_square_are_found_by_place)
{
    struct nearby nearby;

    for (uint64_t run = 0; run < NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        make_network(&random);
        for (int i = 0; i < PEOPLE; i++) {
            struct position position = position_in(&random, LAND_M);
            uint32_t metres = i ? random_below(&random, LAND_M) : UINT32_MAX;
            nearby_clear(&network, &nearby);
            nearby_add_within(&network, position, metres, &nearby);
            for (uint32_t hub = 0; hub < network.hubs_count; hub++) {
                bool is_there = position_known(position) && stands_within(&land.hubs[hub], position, metres);
                bool is_found = nearby_next(&network, &nearby, hub) == hub;
                cr_assert(eq(int, is_found, is_there), "seed %llu: hub %u", (unsigned long long)seed, hub);
            }
        }
    }
}

/* A hub in each of as many towns as there may be, 5 km apart, a hundred in a row, each home to its own neighbourhood.
 */
static void make_towns(void)
{
    network = (struct network){.neighbourhoods = calloc(TOWNS, sizeof *network.neighbourhoods),
                               .neighbourhoods_count = TOWNS,
                               .hubs = calloc(TOWNS, sizeof *network.hubs),
                               .hubs_count = TOWNS,
                               .eras = calloc(TOWNS, sizeof *network.eras),
                               .eras_count = TOWNS,
                               .by_party = calloc(TOWNS, sizeof *network.by_party),
                               .by_id = calloc(TOWNS, sizeof *network.by_id),
                               .by_area = calloc(TOWNS, sizeof *network.by_area),
                               .by_area_first = calloc(TOWNS + 1, sizeof *network.by_area_first),
                               .stands = calloc(TOWNS, sizeof *network.stands),
                               .by_code = calloc(TOWNS, sizeof *network.by_code)};
    for (uint32_t i = 0; i < TOWNS; i++) {
        network.hubs[i] = (struct hub){.party = i + 1, .parent = -1, .eras_first = i, .eras_count = 1};
        network.eras[i] = (struct era){.position = {5000 + 5000 * (int32_t)(i % 100), 5000 + 5000 * (int32_t)(i / 100)},
                                       .areas = {(uint16_t)i},
                                       .areas_count = 1};
    }
    network_index(&network);
}

static void free_towns(void)
{
    free(network.neighbourhoods);
    free(network.hubs);
    free(network.eras);
    free(network.by_party);
    free(network.by_id);
    free(network.by_area);
    free(network.by_area_first);
    free(network.stands);
    free(network.by_code);
}

static uint32_t count_nearby(uint32_t town, uint32_t metres)
{
    struct nearby nearby;
    uint32_t count = 0;

    nearby_clear(&network, &nearby);
    nearby_add_area(&network, (uint16_t)town, &nearby);
    nearby_add_within(&network, network.eras[town].position, metres, &nearby);
    for (uint32_t hub = 0; (hub = nearby_next(&network, &nearby, hub)) != UINT32_MAX; hub++)
        count++;
    return count;
}

Test(nearby, somebody_in_one_of_ten_thousand_towns_is_looked_for_among_a_few)
{
    make_towns();
    cr_assert(eq(u32, count_nearby(5050, 3000), 1));
    cr_assert(eq(u32, count_nearby(5050, 5000), 9));
    cr_assert(eq(u32, count_nearby(0, 5000), 4));
    cr_assert(eq(u32, count_nearby(TOWNS - 1, 4999), 1));
    free_towns();
}
