/* SPDX-License-Identifier: MIT
 * networks: one of four hubs by hand, any number at random. */
#include "tests/networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static void begin(struct invented *invented)
{
    struct network *network = &invented->network;

    *invented = (struct invented){0};
    network->version = 1;
    strcpy(network->name, "Invented");
    network->neighbourhoods = invented->neighbourhoods;
    network->hubs = invented->hubs;
    network->services = invented->services;
    network->senders = invented->senders;
    network->neighbourhoods_count = 4;
    network->senders_count = 2;
    network->neighbour_distance_m = 3000;
    for (enum ring ring = RING_HOME; ring <= RING_SATELLITE; ring++)
        network->ring_rank[ring] = (const uint8_t[]){0, 1, 3, 4, 2}[ring];
    network->hops_max = 3;
    network->deadlines = (struct deadlines){.progress_ms = 500 * HOUR_MS,
                                            .waiting_review_ms = 100 * HOUR_MS,
                                            .attention_review_ms = 25 * HOUR_MS,
                                            .outcome_confirm_ms = 120 * HOUR_MS};
    for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++) {
        network->deadlines.offer_ms[priority] = (50 - 10 * priority) * HOUR_MS;
        network->deadlines.accepted_ms[priority] = (90 - 10 * priority) * HOUR_MS;
    }
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

static struct hub *add_hub(struct invented *invented, const char *id, struct position position, uint16_t area)
{
    struct network *network = &invented->network;
    struct hub *hub = &invented->hubs[network->hubs_count++];

    snprintf(hub->id, sizeof hub->id, "%s", id);
    snprintf(hub->name, sizeof hub->name, "The %s hub", id);
    hub->party = network->hubs_count;
    hub->tier = TIER_TARGETED;
    hub->status = HUB_OPEN;
    hub->position = position;
    hub->areas[hub->areas_count++] = area;
    hub->parent = -1;
    hub->services_first = network->services_count;
    return hub;
}

static void add_service(struct invented *invented, uint64_t needs, uint32_t places, bool citywide)
{
    struct network *network = &invented->network;
    uint32_t row = network->services_count++;
    struct service *service = &invented->services[row];

    snprintf(service->id, sizeof service->id, "service-%u", row);
    service->number = network_service_number(service->id, strlen(service->id));
    service->hub = network->hubs_count - 1;
    service->needs = needs;
    service->places = places;
    service->citywide = citywide;
    invented->hubs[service->hub].services_count++;
    invented->places[row].total = places;
}

void network_of_four(struct invented *invented)
{
    const uint64_t needs = NEED_BIT(NEED_BEFRIENDING) | NEED_BIT(NEED_ADVICE);

    begin(invented);
    add_hub(invented, "home", (struct position){10300, 10400}, 0);
    add_service(invented, needs, PLACES_OF_FOUR, false);
    add_hub(invented, "near", (struct position){11000, 10000}, 1);
    add_service(invented, needs, PLACES_OF_FOUR, false);
    add_hub(invented, "city", (struct position){20000, 10000}, 2);
    add_service(invented, needs, PLACES_OF_FOUR, true);
    add_hub(invented, "far", (struct position){30000, 10000}, 3);
    add_service(invented, needs, PLACES_OF_FOUR, false);
}

struct profile profile_at_home(void)
{
    return (struct profile){.neighbourhood = 0,
                            .locality = LOCALITY_EXACT,
                            .position = {10000, 10000},
                            .decile = 3,
                            .need = NEED_BEFRIENDING,
                            .priority = PRIORITY_ROUTINE,
                            .age = 40,
                            .gender = GENDER_MALE,
                            .source = SOURCE_GP_LINK_WORKER};
}

static struct position position_at_random(uint64_t *random)
{
    if (random_below(random, 10) == 0)
        return (struct position){0};
    return (struct position){10000 + (int32_t)random_below(random, 5) * 1000,
                             10000 + (int32_t)random_below(random, 3) * 1000};
}

/* Most services are for everybody. */
static void limit_at_random(struct service *service, uint64_t *random)
{
    if (random_below(random, 4) == 0)
        service->age_from = random_below(random, 3) * 30;
    if (random_below(random, 4) == 0)
        service->age_to = service->age_from + random_below(random, 40);
    if (random_below(random, 6) == 0)
        service->genders = CODE_BIT(1 + random_below(random, 4));
    if (random_below(random, 6) == 0)
        service->sources = CODE_BIT(1 + random_below(random, 4)) | CODE_BIT(1 + random_below(random, 4));
    service->carers_only = random_below(random, 8) == 0;
}

static void hub_at_random(struct invented *invented, uint64_t *random)
{
    char id[24];
    struct hub *hub;

    snprintf(id, sizeof id, "hub-%u", invented->network.hubs_count);
    hub = add_hub(invented, id, position_at_random(random), (uint16_t)random_below(random, 4));
    if (random_below(random, 2))
        hub->areas[hub->areas_count++] = (uint16_t)random_below(random, 4);
    hub->status = random_below(random, 8) ? HUB_OPEN : (enum hub_status)(1 + random_below(random, 4));
    if (random_below(random, 5) == 0)
        hub->opens_on = NETWORKS_DAY - 1 + random_below(random, 3);
    if (random_below(random, 5) == 0)
        hub->closes_on = NETWORKS_DAY - 1 + random_below(random, 3);
    if (random_below(random, 4) == 0)
        hub->also[hub->also_count++] = (uint16_t)random_below(random, 4);
    if (random_below(random, 3) == 0 && invented->network.hubs_count > 1)
        hub->parent = (int32_t)random_below(random, invented->network.hubs_count - 1);
    for (uint32_t services = random_below(random, 4); services > 0; services--) {
        add_service(invented, NEED_BIT(1 + random_below(random, 3)) | NEED_BIT(1 + random_below(random, 3)),
                    random_below(random, 4), random_below(random, 2));
        if (random_below(random, 3) == 0)
            limit_at_random(&invented->services[invented->network.services_count - 1], random);
    }
}

/* Another order of the rings, and now and then one ring less. */
static void rings_at_random(struct network *network, uint64_t *random)
{
    for (enum ring ring = RING_HOME; ring <= RING_SATELLITE; ring++) {
        enum ring other = (enum ring)(1 + random_below(random, RING_SATELLITE));
        uint8_t rank = network->ring_rank[ring];
        network->ring_rank[ring] = network->ring_rank[other];
        network->ring_rank[other] = rank;
    }
    if (random_below(random, 4) == 0)
        network->ring_rank[1 + random_below(random, RING_SATELLITE)] = 0;
}

void network_at_random(struct invented *invented, uint64_t *random)
{
    uint32_t hubs = random_below(random, NETWORKS_HUBS_MAX + 1);

    begin(invented);
    invented->network.neighbour_distance_m = random_below(random, 4) * 1000;
    if (random_below(random, 2))
        rings_at_random(&invented->network, random);
    while (invented->network.hubs_count < hubs)
        hub_at_random(invented, random);
    for (uint32_t row = 0; row < invented->network.services_count; row++)
        invented->places[row].used = random_below(random, 4);
}

struct profile profile_at_random(const struct invented *invented, uint64_t *random)
{
    struct profile profile = {.locality = LOCALITY_EXACT, .need = (enum need)(1 + random_below(random, 3))};

    profile.neighbourhood = random_below(random, 8) ? (uint16_t)random_below(random, 4) : NEIGHBOURHOOD_NONE;
    profile.position = position_at_random(random);
    profile.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    profile.age = (uint8_t)(random_below(random, 4) * 30);
    profile.gender = (enum gender)(1 + random_below(random, 4));
    profile.source = (enum referral_source)(1 + random_below(random, 4));
    profile.is_carer = random_below(random, 2);
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
