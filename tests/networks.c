/* SPDX-License-Identifier: MIT
 * networks: one of four hubs by hand, any number at random. */
#include "tests/networks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/nearby.h"

#define HOUR_MS INT64_C(3600000)
#define ONE_IN(n) (random_below(random, (n)) == 0)

static const char *const groups[] = {"veterans", "travellers"};

static uint32_t number_of(const char *id)
{
    return network_service_number(id, strlen(id));
}

/* No grace, and no receipt before the answer: where a test is about them, it says so. */
static struct stages stages_of_all(void)
{
    struct stages stages = {0};

    for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++) {
        stages.clocks[STAGE_RECEIPT].ms[priority] = (51 - 10 * priority) * HOUR_MS;
        stages.clocks[STAGE_ANSWER].ms[priority] = (50 - 10 * priority) * HOUR_MS;
        stages.clocks[STAGE_CONTACT].ms[priority] = (90 - 10 * priority) * HOUR_MS;
        stages.clocks[STAGE_PROGRESS].ms[priority] = 500 * HOUR_MS;
    }
    stages.clocks[STAGE_CONTACT].silence = stages.clocks[STAGE_PROGRESS].silence = SILENCE_ATTENTION;
    return stages;
}

static void set_waits(struct network *network)
{
    network->deadlines = (struct deadlines){.stages = stages_of_all(),
                                            .pause_ms = 300 * HOUR_MS,
                                            .enquiry_ms = 30 * HOUR_MS,
                                            .attention_review_ms = 25 * HOUR_MS,
                                            .waiting_review_ms = 100 * HOUR_MS,
                                            .waiting_expiry_ms = 2000 * HOUR_MS,
                                            .outcome_confirm_ms = 120 * HOUR_MS,
                                            .retention_ms = 5000 * HOUR_MS};
    network->fairness = (struct fairness){.core20 = 1, .plus = 1, .overtaken_ms = 1000 * HOUR_MS};
    network->usual = (struct nearness){.neighbour_distance_m = 3000};
    for (enum ring ring = RING_HOME; ring <= RING_SATELLITE; ring++)
        network->usual.ring_rank[ring] = (const uint8_t[]){0, 1, 3, 4, 2}[ring];
    network->emergency = network->usual;
    network->hops_max = 3;
}

static void set_arrays(struct invented *invented)
{
    struct network *network = &invented->network;

    network->neighbourhoods = invented->neighbourhoods;
    network->hubs = invented->hubs;
    network->eras = invented->eras;
    network->services = invented->services;
    network->conditions = invented->conditions;
    network->spans = invented->spans;
    network->stages = invented->stages;
    network->closures = invented->closures;
    network->holidays = invented->holidays;
    network->senders = invented->senders;
    network->by_need = invented->by_need;
    network->by_party = invented->by_party;
    network->by_id = invented->by_id;
    network->by_area = invented->by_area;
    network->by_area_first = invented->by_area_first;
    network->stands = invented->stands;
    network->by_need_hub = invented->by_need_hub;
    network->wide = invented->wide;
    network->by_code = invented->by_code;
    network->by_practice = invented->by_practice;
    invented->pace = (struct pace){NETWORKS_DAY, invented->pace_entries, NETWORKS_PACE_MAX, 0};
}

void network_begin(struct invented *invented)
{
    struct network *network = &invented->network;

    *invented = (struct invented){0};
    set_arrays(invented);
    set_waits(network);
    network->version = 1;
    network->applied_at = NETWORKS_NOW_MS - HOUR_MS;
    strcpy(network->name, "Invented");
    network->neighbourhoods_count = 4;
    network->senders_count = 2;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        network->plus_groups[network->plus_count++] = number_of(groups[i]);
    for (uint32_t i = 0; i < network->neighbourhoods_count; i++) {
        snprintf(invented->neighbourhoods[i].code, sizeof invented->neighbourhoods[i].code, "E0200000%u", i);
        snprintf(invented->neighbourhoods[i].name, sizeof invented->neighbourhoods[i].name, "Quarter %u", i);
        invented->neighbourhoods[i].centre = (struct position){10000 + (int32_t)i * 5000, 10000};
    }
    strcpy(invented->senders[0].id, "surgery");
    strcpy(invented->senders[1].id, "clinic");
    invented->senders[0].party = PARTY_SURGERY;
    invented->senders[1].party = PARTY_CLINIC;
}

struct hub *network_add_hub(struct invented *invented, const char *id, struct position position, uint16_t area)
{
    struct network *network = &invented->network;
    struct hub *hub = &invented->hubs[network->hubs_count++];
    struct era *era = &invented->eras[network->eras_count];

    snprintf(hub->id, sizeof hub->id, "%s", id);
    snprintf(era->name, sizeof era->name, "The %s hub", id);
    hub->party = network->hubs_count;
    hub->tier = TIER_TARGETED;
    hub->status = HUB_OPEN;
    hub->parent = -1;
    hub->stages = -1;
    hub->eras_first = network->eras_count++;
    hub->eras_count = 1;
    hub->services_first = network->services_count;
    era->position = position;
    era->areas[era->areas_count++] = area;
    return hub;
}

struct service *network_add_service(struct invented *invented, uint64_t needs, uint32_t places, bool citywide)
{
    struct network *network = &invented->network;
    uint32_t row = network->services_count++;
    struct service *service = &invented->services[row];

    snprintf(service->id, sizeof service->id, "service-%u", row);
    service->number = number_of(service->id);
    service->hub = network->hubs_count - 1;
    service->needs = needs;
    service->owner = row;
    service->places = places;
    service->citywide = citywide;
    service->conditions_first = network->conditions_count;
    invented->hubs[service->hub].services_count++;
    invented->places[row].total = places;
    return service;
}

void network_add_condition(struct invented *invented, struct condition condition)
{
    struct network *network = &invented->network;

    invented->conditions[network->conditions_count++] = condition;
    invented->services[network->services_count - 1].conditions_count++;
}

struct era *network_add_era(struct invented *invented, int64_t from_day)
{
    struct network *network = &invented->network;
    struct era *era = &invented->eras[network->eras_count++];

    *era = era[-1];
    era->from_day = from_day;
    invented->hubs[network->hubs_count - 1].eras_count++;
    return era;
}

struct stages *network_add_stages(struct invented *invented)
{
    struct network *network = &invented->network;
    uint32_t row = network->stages_count++;

    invented->stages[row] = network->deadlines.stages;
    invented->hubs[network->hubs_count - 1].stages = (int32_t)row;
    return &invented->stages[row];
}

void network_add_hours(struct invented *invented, struct hours *hours, struct span span)
{
    if (hours->count == 0)
        hours->first = invented->network.spans_count;
    invented->spans[invented->network.spans_count++] = span;
    hours->count++;
}

void network_add_closure(struct invented *invented, int64_t from_day, int64_t to_day)
{
    struct network *network = &invented->network;
    struct hub *hub = &invented->hubs[network->hubs_count - 1];

    if (hub->closures_count == 0)
        hub->closures_first = network->closures_count;
    invented->closures[network->closures_count++] = (struct closure){from_day, to_day};
    hub->closures_count++;
}

void network_add_holiday(struct invented *invented, int64_t day)
{
    invented->holidays[invented->network.holidays_count++] = day;
}

void network_ready(struct invented *invented)
{
    assert(nearby_areas_count(&invented->network) <= NETWORKS_AREAS_MAX);
    network_index(&invented->network);
}

void network_of_four(struct invented *invented)
{
    const uint64_t needs = NEED_BIT(NEED_BEFRIENDING) | NEED_BIT(NEED_ADVICE);

    network_begin(invented);
    network_add_hub(invented, "home", (struct position){10300, 10400}, 0);
    network_add_service(invented, needs, PLACES_OF_FOUR, false);
    network_add_hub(invented, "near", (struct position){11000, 10000}, 1);
    network_add_service(invented, needs, PLACES_OF_FOUR, false);
    network_add_hub(invented, "city", (struct position){20000, 10000}, 2);
    network_add_service(invented, needs, PLACES_OF_FOUR, true);
    network_add_hub(invented, "far", (struct position){30000, 10000}, 3);
    network_add_service(invented, needs, PLACES_OF_FOUR, false);
    network_ready(invented);
}

struct profile profile_at_home(void)
{
    return (struct profile){.neighbourhood = 0,
                            .locality = LOCALITY_EXACT,
                            .position = {10000, 10000},
                            .decile = 3,
                            .need = NEED_BEFRIENDING,
                            .needs = NEED_BIT(NEED_BEFRIENDING),
                            .tier = TIER_TARGETED,
                            .priority = PRIORITY_ROUTINE,
                            .age = 40,
                            .gender = GENDER_MALE,
                            .source = SOURCE_GP_LINK_WORKER};
}

static struct position position_at_random(uint64_t *random)
{
    if (ONE_IN(10))
        return (struct position){0};
    return (struct position){10000 + (int32_t)random_below(random, 5) * 1000,
                             10000 + (int32_t)random_below(random, 3) * 1000};
}

static uint64_t need_at_random(uint64_t *random)
{
    return NEED_BIT(1 + random_below(random, NETWORKS_NEEDS));
}

/* Numbers and codes that are small, so that they are often met and often missed by one. */
static struct condition condition_at_random(uint64_t *random)
{
    static const enum fact of_numbers[] = {FACT_DECILE, FACT_AGE};
    static const enum fact of_answers[] = {FACT_INTERPRETER, FACT_NO_ABODE, FACT_CARER};
    static const enum fact of_codes[] = {FACT_RISKS, FACT_ADJUSTMENTS, FACT_PLUS_GROUPS, FACT_PRIORITY, FACT_TRANSPORT};
    struct condition condition = {0};

    switch (random_below(random, 4)) {
    case 0:
        condition.fact = of_numbers[random_below(random, 2)];
        condition.test = random_below(random, 2) ? TEST_AT_LEAST : TEST_AT_MOST;
        condition.number = condition.fact == FACT_AGE ? random_below(random, 4) * 30 : 1 + random_below(random, 3);
        break;
    case 1:
        condition.fact = of_answers[random_below(random, 3)];
        condition.test = TEST_IS;
        condition.number = random_below(random, 2);
        break;
    default:
        condition.fact = of_codes[random_below(random, 5)];
        condition.test = (enum test)(TEST_ANY_OF + random_below(random, 4));
        condition.codes = random_below(random, 8);
        if (condition.fact != FACT_PLUS_GROUPS) /* a bit each, from 0; codes begin with 1 */
            condition.codes <<= 1;
    }
    return condition;
}

/* Most services are for everybody. */
static void limit_at_random(struct invented *invented, struct service *service, uint64_t *random)
{
    if (ONE_IN(4))
        service->age_from = random_below(random, 3) * 30;
    if (ONE_IN(4))
        service->age_to = service->age_from + random_below(random, 40);
    if (ONE_IN(6))
        service->genders = CODE_BIT(1 + random_below(random, 4));
    if (ONE_IN(6))
        service->sources = CODE_BIT(1 + random_below(random, 4)) | CODE_BIT(1 + random_below(random, 4));
    service->carers_only = ONE_IN(8);
    service->emergency_only = ONE_IN(8);
    if (ONE_IN(6))
        service->from_day = NETWORKS_DAY - 1 + random_below(random, 3);
    if (ONE_IN(6))
        service->to_day = NETWORKS_DAY - 1 + random_below(random, 3);
    for (uint32_t count = random_below(random, 3); count > 0; count--)
        network_add_condition(invented, condition_at_random(random));
}

/* About the moment at which random questions are asked. */
static struct hours hours_at_random(struct invented *invented, uint64_t *random)
{
    struct network *network = &invented->network;
    struct hours hours = {network->spans_count, random_below(random, 2)};

    if (hours.count)
        invented->spans[network->spans_count++] =
            (struct span){ONE_IN(3) ? WEEKDAY_MONDAY : WEEKDAY_SUNDAY, (uint16_t)(599 + random_below(random, 3)), 660};
    return hours;
}

static void stages_at_random(struct stages *stages, uint64_t *random)
{
    for (int stage = STAGE_RECEIPT; stage <= STAGE_PROGRESS; stage++) {
        struct stage_clock *clock = &stages->clocks[stage];
        for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++) {
            clock->ms[priority] = (1 + random_below(random, 80)) * HOUR_MS;
            clock->grace_ms[priority] = stage == STAGE_RECEIPT || ONE_IN(2) ? 0 : random_below(random, 30) * HOUR_MS;
        }
        if (stage == STAGE_CONTACT || stage == STAGE_PROGRESS)
            clock->silence = ONE_IN(2) ? SILENCE_ATTENTION : SILENCE_NEXT_HUB;
    }
}

/* When the hub added last works, and how long it has. */
static void calendar_at_random(struct invented *invented, uint64_t *random)
{
    if (ONE_IN(4))
        stages_at_random(network_add_stages(invented), random);
    for (uint32_t closures = ONE_IN(4) ? 1 + random_below(random, 2) : 0; closures > 0; closures--) {
        int64_t from = NETWORKS_DAY - 2 + random_below(random, 6);
        network_add_closure(invented, from, from + random_below(random, 4));
    }
}

static void office_at_random(struct invented *invented, uint64_t *random)
{
    if (ONE_IN(2))
        for (int weekday = WEEKDAY_MONDAY; weekday <= WEEKDAY_FRIDAY; weekday++)
            network_add_hours(invented, &invented->network.office, (struct span){(enum weekday)weekday, 540, 1020});
    for (int64_t day = NETWORKS_DAY; day < NETWORKS_DAY + NETWORKS_HOLIDAYS_MAX; day++)
        if (ONE_IN(6))
            network_add_holiday(invented, day);
}

static void services_at_random(struct invented *invented, uint64_t *random)
{
    for (uint32_t services = random_below(random, 4); services > 0; services--) {
        struct service *service =
            network_add_service(invented, need_at_random(random) | (ONE_IN(2) ? need_at_random(random) : 0),
                                ONE_IN(2) ? 3 : random_below(random, 4), random_below(random, 2));
        service->seats = ONE_IN(6);
        if (ONE_IN(4))
            service->per_week = 1 + random_below(random, 3);
        if (ONE_IN(3))
            limit_at_random(invented, service, random);
        if (ONE_IN(4))
            service->hours = hours_at_random(invented, random);
    }
}

/* One that moves about today, from one area to another. */
static void move_at_random(struct invented *invented, uint64_t *random)
{
    struct era *era = network_add_era(invented, NETWORKS_DAY - 1 + random_below(random, 3));

    era->position = position_at_random(random);
    era->areas[0] = (uint16_t)random_below(random, 4);
    era->also_count = 0;
}

static void hub_at_random(struct invented *invented, uint64_t *random)
{
    char id[24];
    struct hub *hub;
    struct era *era;

    snprintf(id, sizeof id, "hub-%u", invented->network.hubs_count);
    hub = network_add_hub(invented, id, position_at_random(random), (uint16_t)random_below(random, 4));
    era = &invented->eras[hub->eras_first];
    if (ONE_IN(3) && era != invented->eras) { /* next door to the one before */
        era->position = era[-1].position;
        era->areas[0] = era[-1].areas[0];
    }
    if (random_below(random, 2))
        era->areas[era->areas_count++] = (uint16_t)random_below(random, 4);
    if (ONE_IN(4))
        era->also[era->also_count++] = (uint16_t)random_below(random, 4);
    if (ONE_IN(5))
        move_at_random(invented, random);
    hub->tier = random_below(random, 5) ? TIER_TARGETED : ONE_IN(2) ? TIER_UNIVERSAL : TIER_SPECIALIST;
    hub->status = random_below(random, 8) ? HUB_OPEN : (enum hub_status)(1 + random_below(random, HUB_DRAINING));
    if (ONE_IN(5))
        hub->opens_on = NETWORKS_DAY - 1 + random_below(random, 3);
    if (ONE_IN(5))
        hub->closes_on = NETWORKS_DAY - 1 + random_below(random, 3);
    hub->ask_again = ONE_IN(6);
    if (ONE_IN(3) && invented->network.hubs_count > 1)
        hub->parent = (int32_t)random_below(random, invented->network.hubs_count - 1);
    if (random_below(random, 2))
        hub->hours = hours_at_random(invented, random);
    calendar_at_random(invented, random);
    services_at_random(invented, random);
}

/* Another order of the rings, and now and then one ring less. */
static void nearness_at_random(struct nearness *nearness, uint64_t *random)
{
    nearness->neighbour_distance_m = random_below(random, 4) * 1000;
    for (enum ring ring = RING_HOME; ring <= RING_SATELLITE && ONE_IN(2); ring++) {
        enum ring other = (enum ring)(1 + random_below(random, RING_SATELLITE));
        uint8_t rank = nearness->ring_rank[ring];
        nearness->ring_rank[ring] = nearness->ring_rank[other];
        nearness->ring_rank[other] = rank;
    }
    if (ONE_IN(6))
        nearness->ring_rank[1 + random_below(random, RING_SATELLITE)] = 0;
}

/* Some services use the places of another one, of the same hub or not, which uses its own. */
static void pools_at_random(struct invented *invented, uint64_t *random)
{
    for (uint32_t row = 0; row < invented->network.services_count; row++) {
        uint32_t owner = random_below(random, invented->network.services_count);
        bool shared = false;
        for (uint32_t other = 0; other < row; other++)
            shared |= other != row && invented->services[other].owner == row;
        if (ONE_IN(4) && !shared && invented->services[owner].owner == owner)
            invented->services[row].owner = owner;
    }
}

static void places_at_random(struct invented *invented, uint64_t *random)
{
    for (uint32_t row = 0; row < invented->network.services_count; row++) {
        struct places *places = &invented->places[row];
        places->used = ONE_IN(2) ? 0 : random_below(random, 4);
        places->taken_in_week = random_below(random, 4);
        places->unanswered = random_below(random, 2);
        if (random_below(random, 2))
            places->stated_at = NETWORKS_NOW_MS - HOUR_MS - 1 + random_below(random, 3);
    }
}

void network_at_random(struct invented *invented, uint64_t *random)
{
    uint32_t hubs = ONE_IN(4) ? random_below(random, NETWORKS_HUBS_MAX) : NETWORKS_HUBS_MAX;
    struct network *network = &invented->network;

    network_begin(invented);
    nearness_at_random(&network->usual, random);
    nearness_at_random(&network->emergency, random);
    network->emergency_needs = need_at_random(random);
    network->fresh_ms = random_below(random, 2) ? HOUR_MS : 0;
    network->pace = random_below(random, 3);
    stages_at_random(&network->deadlines.stages, random);
    office_at_random(invented, random);
    while (network->hubs_count < hubs)
        hub_at_random(invented, random);
    pools_at_random(invented, random);
    places_at_random(invented, random);
    for (uint32_t i = 0; i < hubs; i++)
        pace_add(&invented->pace, ONE_IN(2) ? PARTY_SURGERY : PARTY_CLINIC, 1 + random_below(random, hubs), 1);
    network_ready(invented);
}

/* Facts that conditions look at. */
static void describe_at_random(struct profile *profile, uint64_t *random)
{
    profile->decile = (uint8_t)random_below(random, 5);
    profile->is_carer = random_below(random, 2);
    profile->interpreter_needed = random_below(random, 2);
    profile->no_fixed_abode = random_below(random, 2);
    profile->risks = random_below(random, 8) << 1;
    profile->adjustments = random_below(random, 8) << 1;
    profile->transport = (enum transport)random_below(random, TRANSPORT_NONE + 1);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (ONE_IN(3))
            profile->plus[profile->plus_count++] = number_of(groups[i]);
    if (ONE_IN(8))
        profile->plus[profile->plus_count++] = number_of("a group of another network");
}

struct profile profile_at_random(const struct invented *invented, uint64_t *random)
{
    struct profile profile = {.locality = LOCALITY_EXACT,
                              .need = (enum need)(1 + random_below(random, NETWORKS_NEEDS))};

    profile.needs = NEED_BIT(profile.need);
    for (uint32_t more = random_below(random, 2 * NETWORKS_NEEDS); more > 0; more--)
        profile.needs |= need_at_random(random);
    profile.tier = random_below(random, 8) ? TIER_TARGETED : ONE_IN(2) ? TIER_UNIVERSAL : TIER_SPECIALIST;
    profile.neighbourhood = random_below(random, 8) ? (uint16_t)random_below(random, 4) : NEIGHBOURHOOD_NONE;
    profile.position = position_at_random(random);
    profile.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    profile.age = (uint8_t)(random_below(random, 4) * 30);
    profile.gender = (enum gender)(1 + random_below(random, 4));
    profile.source = (enum referral_source)(1 + random_below(random, 4));
    describe_at_random(&profile, random);
    profile.travel_m = random_below(random, 3) ? 0 : random_below(random, 5) * 1000;
    profile.preferred_hub = random_below(random, invented->network.hubs_count + 1);
    for (uint32_t excluded = random_below(random, 3); excluded > 0; excluded--)
        profile.excluded[profile.excluded_count++] = 1 + random_below(random, NETWORKS_HUBS_MAX);
    return profile;
}

uint64_t random_seed(uint64_t run)
{
    const char *seed = getenv("REFERRALD_SEED");

    return (seed ? strtoull(seed, NULL, 10) : 20261122) + run;
}

/* splitmix64 */
uint64_t random_next(uint64_t *random)
{
    uint64_t number = *random += UINT64_C(0x9e3779b97f4a7c15);

    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

uint32_t random_below(uint64_t *random, uint32_t bound)
{
    return (uint32_t)(random_next(random) % bound);
}
