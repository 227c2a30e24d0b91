/* SPDX-License-Identifier: MIT
 * route: rules, then comparisons. */
#include "daemon/core/route.h"

#include <assert.h>

#include "daemon/core/planted.h"

static bool excluded(const struct profile *profile, uint32_t party)
{
    for (uint8_t i = 0; i < profile->excluded_count; i++)
        if (profile->excluded[i] == party)
            return true;
    return false;
}

static bool asked(const struct question *question, uint32_t party)
{
    for (uint8_t i = 0; i < question->offers_count; i++)
        if (question->offers[i].hub == party)
            return true;
    return false;
}

static bool is_home(const struct hub *hub, uint16_t neighbourhood)
{
    for (uint16_t i = 0; i < hub->areas_count; i++)
        if (hub->areas[i] == neighbourhood)
            return true;
    return false;
}

/* The ring of a hub for the person; 0: out of area. A hub without a known place is nobody's neighbour. */
static enum ring ring_of(const struct network *network, const struct profile *profile, const struct hub *hub,
                         bool citywide, uint32_t distance)
{
    if (profile->neighbourhood != NEIGHBOURHOOD_NONE && is_home(hub, profile->neighbourhood))
        return RING_HOME;
    if (position_known(profile->position) && position_known(hub->position) && distance <= network->neighbour_distance_m)
        return RING_NEIGHBOUR;
    return citywide ? RING_CITYWIDE : 0;
}

static uint32_t free_places(const struct places *places)
{
    if (PLANTED(10) && places->total == places->used)
        return 1;
    return places->total > places->used ? places->total - places->used : 0;
}

/* Among the hub's services for the need: nearest ring, then most free places, then the first of the file. */
static void judge_services(const struct network *network, const struct question *question, const struct hub *hub,
                           struct verdict *verdict)
{
    verdict->distance_m = distance_m(question->profile->position, hub->position);
    verdict->rule = RULE_NO_SERVICE;
    for (uint32_t i = 0; i < hub->services_count; i++) {
        uint32_t row = hub->services_first + i;
        const struct service *service = &network->services[row];
        if (!(service->needs & NEED_BIT(question->profile->need)))
            continue;
        enum ring ring = ring_of(network, question->profile, hub, service->citywide, verdict->distance_m);
        uint32_t places_free = free_places(&question->places[row]);
        bool first = verdict->service < 0;
        if (verdict->rule == RULE_NO_SERVICE)
            verdict->rule = RULE_OUT_OF_AREA;
        if (!ring)
            continue;
        if (first || ring < verdict->ring || (ring == verdict->ring && places_free > verdict->places_free)) {
            verdict->service = (int32_t)row;
            verdict->ring = ring;
            verdict->places_free = places_free;
        }
    }
    if (verdict->service >= 0)
        verdict->rule = verdict->places_free ? RULE_NONE_FAILED : RULE_FULL;
}

void route_judge(const struct network *network, const struct question *question, uint32_t index,
                 struct verdict *verdict)
{
    const struct hub *hub = &network->hubs[index];

    *verdict = (struct verdict){.hub = index, .service = -1, .rule = RULE_NONE_FAILED};
    if (hub_status_on(hub, question->day) != HUB_OPEN)
        verdict->rule = RULE_NOT_OPEN;
    else if (excluded(question->profile, hub->party) && !PLANTED(8))
        verdict->rule = RULE_EXCLUDED;
    else if (asked(question, hub->party) && !PLANTED(9))
        verdict->rule = RULE_ALREADY_ASKED;
    else if (hub->party == question->sender)
        verdict->rule = RULE_IS_SENDER;
    else
        judge_services(network, question, hub, verdict);
}

int route_compare(const struct network *network, const struct question *question, const struct verdict *a,
                  const struct verdict *b, enum comparison *comparison)
{
    uint32_t wish = question->profile->preferred_hub;
    bool a_wished = wish != PARTY_NONE && network->hubs[a->hub].party == wish;
    bool b_wished = wish != PARTY_NONE && network->hubs[b->hub].party == wish;

    *comparison = COMPARISON_RING;
    if (a->ring != b->ring)
        return a->ring < b->ring ? -1 : 1;
    *comparison = COMPARISON_WISH;
    if (a_wished != b_wished)
        return a_wished ? -1 : 1;
    *comparison = COMPARISON_DISTANCE;
    if (a->distance_m != b->distance_m)
        return a->distance_m < b->distance_m ? -1 : 1;
    *comparison = COMPARISON_PLACES;
    if (a->places_free != b->places_free)
        return a->places_free > b->places_free ? -1 : 1;
    *comparison = COMPARISON_ORDER;
    assert(network->hubs[a->hub].party != network->hubs[b->hub].party);
    return network->hubs[a->hub].party < network->hubs[b->hub].party ? -1 : 1;
}

void route_choose(const struct network *network, const struct question *question, struct route *route,
                  struct verdict *verdicts)
{
    *route = (struct route){.service = -1};
    for (uint32_t i = 0; i < network->hubs_count; i++) {
        struct verdict verdict;
        route_judge(network, question, i, &verdict);
        if (verdicts)
            verdicts[i] = verdict;
        if (verdict.rule == RULE_NONE_FAILED || verdict.rule == RULE_FULL)
            route->eligible++;
        if (verdict.rule != RULE_NONE_FAILED)
            continue;
        enum comparison comparison = COMPARISON_ONLY;
        if (route->service < 0) {
            route->chosen = verdict;
            route->comparison = comparison;
        } else if (route_compare(network, question, &verdict, &route->chosen, &comparison) < 0) {
            route->chosen = verdict;
            route->comparison = comparison;
        } else if (comparison > route->comparison) {
            route->comparison = comparison;
        }
        route->service = route->chosen.service;
    }
}
