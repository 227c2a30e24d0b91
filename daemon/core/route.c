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

static bool holds(const uint16_t *areas, uint16_t count, uint16_t neighbourhood)
{
    for (uint16_t i = 0; i < count; i++)
        if (areas[i] == neighbourhood)
            return true;
    return false;
}

static bool is_home(const struct hub *hub, uint16_t neighbourhood)
{
    return neighbourhood != NEIGHBOURHOOD_NONE && holds(hub->areas, hub->areas_count, neighbourhood);
}

/* A hub without a known place is a neighbour only where it is declared to be one. */
static bool is_neighbour(const struct network *network, const struct profile *profile, const struct hub *hub,
                         uint32_t distance)
{
    return (profile->neighbourhood != NEIGHBOURHOOD_NONE &&
            holds(hub->also, hub->also_count, profile->neighbourhood)) ||
           (position_known(profile->position) && position_known(hub->position) &&
            distance <= network->neighbour_distance_m);
}

/* The first ring, in the network's order, that the hub stands in for the person; 0: out of area. */
static enum ring ring_of(const struct network *network, const struct profile *profile, const struct hub *hub,
                         bool citywide, uint32_t distance)
{
    const bool in[] = {
        [RING_HOME] = is_home(hub, profile->neighbourhood),
        [RING_NEIGHBOUR] = is_neighbour(network, profile, hub, distance),
        [RING_CITYWIDE] = citywide,
        [RING_SATELLITE] = hub->parent >= 0 && is_home(&network->hubs[hub->parent], profile->neighbourhood),
    };
    enum ring best = 0;

    for (enum ring ring = RING_HOME; ring <= RING_SATELLITE; ring++)
        if (in[ring] && network->ring_rank[ring] && (!best || network->ring_rank[ring] < network->ring_rank[best]))
            best = ring;
    return best;
}

static uint32_t free_places(const struct places *places)
{
    if (PLANTED(10) && places->total == places->used)
        return 1;
    return places->total > places->used ? places->total - places->used : 0;
}

/* Whom the service is for. */
static enum rule judge_person(const struct service *service, const struct profile *profile)
{
    if (service->sources && !(service->sources & CODE_BIT(profile->source)))
        return RULE_SENDER_KIND;
    if (profile->age < service->age_from)
        return RULE_TOO_YOUNG;
    if (service->age_to && profile->age > service->age_to)
        return RULE_TOO_OLD;
    if (service->genders && !(service->genders & CODE_BIT(profile->gender)))
        return RULE_GENDER;
    if (service->carers_only && !profile->is_carer)
        return RULE_CARERS_ONLY;
    return RULE_NONE_FAILED;
}

static bool too_far(const struct profile *profile, const struct hub *hub, uint32_t distance)
{
    return profile->travel_m && position_known(profile->position) && position_known(hub->position) &&
           distance > profile->travel_m;
}

/* One service against the rules, in their order. */
static void judge_service(const struct network *network, const struct question *question, const struct hub *hub,
                          uint32_t row, struct verdict *verdict)
{
    const struct profile *profile = question->profile;
    const struct service *service = &network->services[row];

    verdict->service = (int32_t)row;
    verdict->rule = judge_person(service, profile);
    if (verdict->rule != RULE_NONE_FAILED)
        return;
    verdict->ring = ring_of(network, profile, hub, service->citywide, verdict->distance_m);
    if (!verdict->ring) {
        verdict->rule = RULE_OUT_OF_AREA;
    } else if (too_far(profile, hub, verdict->distance_m)) {
        verdict->rule = RULE_TOO_FAR;
    } else {
        verdict->places_free = free_places(&question->places[row]);
        verdict->rule = verdict->places_free ? RULE_NONE_FAILED : RULE_FULL;
    }
}

/* How far along the rules a service came. */
static int rules_met(enum rule rule)
{
    static const enum rule in_order[] = {RULE_NO_SERVICE, RULE_SENDER_KIND, RULE_TOO_YOUNG,   RULE_TOO_OLD,
                                         RULE_GENDER,     RULE_CARERS_ONLY, RULE_OUT_OF_AREA, RULE_TOO_FAR,
                                         RULE_FULL,       RULE_NONE_FAILED};
    int met = 0;

    while (in_order[met] != rule)
        met++;
    return met;
}

/* Among the hub's services for the need: the one that meets most rules, then the nearest ring, then most free places,
 * then the first of the file. */
static void judge_services(const struct network *network, const struct question *question, const struct hub *hub,
                           struct verdict *verdict)
{
    verdict->distance_m = distance_m(question->profile->position, hub->position);
    verdict->rule = RULE_NO_SERVICE;
    for (uint32_t i = 0; i < hub->services_count; i++) {
        uint32_t row = hub->services_first + i;
        struct verdict other = {.hub = verdict->hub, .service = -1, .distance_m = verdict->distance_m};
        if (!(network->services[row].needs & NEED_BIT(question->profile->need)))
            continue;
        judge_service(network, question, hub, row, &other);
        int more = rules_met(other.rule) - rules_met(verdict->rule);
        int nearer = network->ring_rank[verdict->ring] - network->ring_rank[other.ring];
        if (more > 0 || (more == 0 && (nearer > 0 || (nearer == 0 && other.places_free > verdict->places_free))))
            *verdict = other;
    }
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
        return network->ring_rank[a->ring] < network->ring_rank[b->ring] ? -1 : 1;
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
