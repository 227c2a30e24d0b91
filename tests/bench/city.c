/* SPDX-License-Identifier: MIT
 * city: everything at random, by a seed. */
#include "tests/bench/city.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/io/network_file.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

void *city_table(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory) {
        fputs("bench: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

int64_t city_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int city_compare_times(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

struct position city_position(uint64_t *random)
{
    return (struct position){240000 + (int32_t)random_below(random, 15000),
                             50000 + (int32_t)random_below(random, 12000)};
}

static struct network *allocate(uint32_t hubs)
{
    struct network *network = city_table(1, sizeof *network);

    network->neighbourhoods_count = CITY_NEIGHBOURHOODS;
    network->hubs_count = network->eras_count = network->conditions_count = network->spans_count = hubs;
    network->services_count = hubs * CITY_SERVICES;
    network->senders_count = 1;
    network->neighbourhoods = city_table(CITY_NEIGHBOURHOODS, sizeof *network->neighbourhoods);
    network->hubs = city_table(hubs, sizeof *network->hubs);
    network->eras = city_table(hubs, sizeof *network->eras);
    network->services = city_table(network->services_count, sizeof *network->services);
    network->conditions = city_table(hubs, sizeof *network->conditions);
    network->spans = city_table(hubs, sizeof *network->spans);
    network->senders = city_table(1, sizeof *network->senders);
    network->by_need = city_table(network->services_count * 2, sizeof *network->by_need);
    network->by_need_hub = city_table(network->services_count * 2, sizeof *network->by_need_hub);
    network->wide = city_table(network->services_count * 2, sizeof *network->wide);
    network->by_area = city_table((size_t)hubs * 10, sizeof *network->by_area);
    network->by_area_first = city_table(CITY_NEIGHBOURHOODS + 1, sizeof *network->by_area_first);
    network->stands = city_table(hubs, sizeof *network->stands);
    network->by_party = city_table(hubs, sizeof *network->by_party);
    network->by_id = city_table(hubs, sizeof *network->by_id);
    network->by_code = city_table(CITY_NEIGHBOURHOODS, sizeof *network->by_code);
    return network;
}

/* Every service meets a need of its own and sometimes the next one's; a third is for some only, a tenth has a condition
 * or a pool, a quarter is for the whole city. */
static void add_service(struct city *city, uint32_t hub, uint32_t i, uint64_t *random)
{
    struct network *network = city->network;
    uint32_t row = hub * CITY_SERVICES + i;
    struct service *service = &network->services[row];

    *service = (struct service){.hub = hub, .number = row, .owner = row, .needs = NEED_BIT(1 + i % CITY_NEEDS)};
    snprintf(service->id, sizeof service->id, "service-%u", row);
    if (random_below(random, 4) == 0)
        service->needs |= NEED_BIT(1 + (i + 1) % CITY_NEEDS);
    service->citywide = random_below(random, 4) == 0;
    if (random_below(random, 3) == 0)
        service->age_from = 18 + random_below(random, 50);
    if (random_below(random, 20) == 0)
        service->genders = CODE_BIT(GENDER_FEMALE);
    if (random_below(random, 10) == 0) {
        service->conditions_first = hub;
        service->conditions_count = 1;
    }
    if (random_below(random, 10) == 0 && i > 0 && network->services[row - i].owner == row - i)
        service->owner = row - i;
    if (random_below(random, 3) == 0)
        service->per_week = 5;
    city->places[row] = (struct places){.total = 20,
                                        .used = random_below(random, 25),
                                        .stated_at = NETWORKS_NOW_MS - random_below(random, 100) * HOUR_MS,
                                        .taken_in_week = random_below(random, 6),
                                        .unanswered = random_below(random, 2)};
}

static void add_hub(struct city *city, uint32_t index, uint64_t *random)
{
    struct network *network = city->network;
    struct hub *hub = &network->hubs[index];
    struct era *era = &network->eras[index];

    *hub = (struct hub){.party = index + 1,
                        .tier = random_below(random, 20) ? TIER_TARGETED : TIER_SPECIALIST,
                        .status = random_below(random, 20) ? HUB_OPEN : HUB_PAUSED,
                        .parent = index && random_below(random, 3) == 0 ? (int32_t)random_below(random, index) : -1,
                        .eras_first = index,
                        .eras_count = 1,
                        .stages = -1,
                        .services_first = index * CITY_SERVICES,
                        .services_count = CITY_SERVICES,
                        .hours = {index, 1}};
    snprintf(hub->id, sizeof hub->id, "hub-%u", index);
    snprintf(era->name, sizeof era->name, "Hub %u", index);
    era->position = city_position(random);
    for (era->areas_count = 0; era->areas_count < 5; era->areas_count++)
        era->areas[era->areas_count] = (uint16_t)random_below(random, CITY_NEIGHBOURHOODS);
    network->spans[index] = (struct span){WEEKDAY_SUNDAY, 540, (uint16_t)(600 + random_below(random, 200))};
    network->conditions[index] = (struct condition){FACT_AGE, TEST_AT_MOST, 0, 70};
    for (uint32_t i = 0; i < CITY_SERVICES; i++)
        add_service(city, index, i, random);
}

static void add_neighbourhoods(struct network *network, uint64_t *random)
{
    for (uint32_t i = 0; i < CITY_NEIGHBOURHOODS; i++) {
        snprintf(network->neighbourhoods[i].code, sizeof network->neighbourhoods[i].code, "n-%u", i);
        network->neighbourhoods[i].centre = city_position(random);
    }
}

static void set_rules(struct network *network)
{
    network->version = 1;
    network->applied_at = NETWORKS_NOW_MS;
    network->usual = (struct nearness){.ring_rank = {0, 1, 3, 4, 2}, .neighbour_distance_m = 3000};
    network->emergency = network->usual;
    network->pace = 20;
    network->fresh_ms = 72 * HOUR_MS;
    network->hops_max = OFFERS_MAX;
    network->fairness = (struct fairness){1, 1, 84 * DAY_MS};
    for (enum stage stage = STAGE_RECEIPT; stage <= STAGE_PROGRESS; stage++)
        for (enum priority priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++)
            network->deadlines.stages.clocks[stage].ms[priority] = 7 * DAY_MS;
    network->deadlines.waiting_review_ms = network->deadlines.pause_ms = 28 * DAY_MS;
    network->deadlines.enquiry_ms = 7 * DAY_MS;
    network->deadlines.waiting_expiry_ms = network->deadlines.attention_review_ms = 84 * DAY_MS;
    network->deadlines.outcome_confirm_ms = 5 * DAY_MS;
}

void city_build(struct city *city, uint32_t hubs, uint64_t *random)
{
    *city = (struct city){.network = allocate(hubs)};
    city->places = city_table(city->network->services_count, sizeof *city->places);
    city->pace = (struct pace){.day = NETWORKS_DAY, .capacity = 1u << 16};
    city->pace.entries = city_table(city->pace.capacity, sizeof *city->pace.entries);
    set_rules(city->network);
    add_neighbourhoods(city->network, random);
    for (uint32_t i = 0; i < hubs; i++)
        add_hub(city, i, random);
    strcpy(city->network->senders[0].id, CITY_SENDER);
    city->network->senders[0].kind = SOURCE_GP_LINK_WORKER;
    city->network->senders[0].party = hubs + 1;
    for (uint32_t i = 0; i < hubs * 100 && city->pace.count < 20000; i++)
        pace_add(&city->pace, hubs + 1 + random_below(random, 20), 1 + random_below(random, hubs), 1);
    network_index(city->network);
}

void city_destroy(struct city *city)
{
    network_free(&city->network);
    free(city->places);
    free(city->pace.entries);
}
