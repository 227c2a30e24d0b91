/* SPDX-License-Identifier: MIT
 * rules: which hub could help, and the first rule that speaks against it. The cheap ones come first. */
#include "daemon/core/rules.h"

#include <assert.h>

#include "daemon/core/planted.h"

/* ---- Order of the rules ---- */

/* clang-format off */
#define AS_RANK(constant, number, text, meaning) RANK_OF_##constant,
enum rule_order { RULE_CODES(AS_RANK) RULE_ORDER_COUNT };
#undef AS_RANK
#define AS_ENTRY(constant, number, text, meaning) [constant] = RANK_OF_##constant,
static const uint8_t rule_order[] = { RULE_CODES(AS_ENTRY) };
#undef AS_ENTRY
/* clang-format on */

int rule_rank(enum rule rule)
{
    assert(rule > 0 && (size_t)rule < sizeof rule_order);
    return rule_order[rule];
}

int64_t places_age_ms(const struct network *network, const struct places *places, int64_t now)
{
    return now - (places->stated_at ? places->stated_at : network->applied_at);
}

bool places_are_stale(const struct network *network, const struct places *places, int64_t now)
{
    return network->fresh_ms && places_age_ms(network, places, now) > network->fresh_ms;
}

bool rule_waits(enum rule rule)
{
    return rule_rank(rule) >= RANK_OF_RULE_FULL;
}

enum unmet_cause rule_cause(enum rule rule)
{
    switch (rule) {
    case RULE_NO_SERVICE:
        return CAUSE_NO_SERVICE;
    case RULE_NOT_OPEN:
    case RULE_EMERGENCY_ONLY:
    case RULE_NOT_RUNNING:
        return CAUSE_CLOSED;
    case RULE_OUT_OF_AREA:
    case RULE_TOO_FAR:
        return CAUSE_TOO_FAR;
    default:
        return rule_waits(rule) ? CAUSE_FULL : CAUSE_NOT_ELIGIBLE;
    }
}

/* ---- What a question looks at ---- */

const struct nearness *route_nearness(const struct network *network, enum need need, bool emergency)
{
    return emergency && (network->emergency_needs & NEED_BIT(need)) ? &network->emergency : &network->usual;
}

static struct wanted want(const struct network *network, enum need need, bool emergency)
{
    struct wanted wanted = {.need = need, .nearness = route_nearness(network, need, emergency)};

    for (int ring = 0; ring <= RING_SATELLITE; ring++) { /* no ring has no rank either */
        uint8_t rank = wanted.nearness->ring_rank[ring];
        wanted.ranks[ring] = rank ? rank : RANK_NONE;
    }
    return wanted;
}

/* Groups that the network does not list count for nothing. */
static uint64_t plus_bits(const struct network *network, const struct profile *profile)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < network->plus_count; i++)
        for (uint8_t p = 0; p < profile->plus_count; p++)
            if (network->plus_groups[i] == profile->plus[p])
                bits |= CODE_BIT(i);
    return bits;
}

struct view rules_look(const struct network *network, const struct question *question, uint64_t needs)
{
    const struct profile *profile = question->profile;
    struct view view = {.network = network,
                        .question = question,
                        .day = hours_day(question->now),
                        .minute = hours_minute(question->now),
                        .plus = plus_bits(network, profile),
                        .pressing = profile->priority >= PRIORITY_ASAP,
                        .noted_hub = UINT32_MAX,
                        .rank_to_beat = UINT8_MAX};

    if (needs & NEED_BIT(profile->need))
        view.wanted[view.wanted_count++] = want(network, profile->need, question->emergency);
    for (needs &= ~NEED_BIT(profile->need); needs; needs &= needs - 1) {
        assert(view.wanted_count < NEEDS_MAX);
        view.wanted[view.wanted_count++] = want(network, (enum need)__builtin_ctzll(needs), question->emergency);
    }
    return view;
}

/* Most hubs never move. */
static inline const struct era *era_of(const struct view *view, const struct hub *hub)
{
    return hub->eras_count == 1 ? &view->network->eras[hub->eras_first] : hub_on(view->network, hub, view->day);
}

/* ---- Rules about the hub ---- */

static bool excluded(const struct profile *profile, uint32_t party)
{
    for (uint8_t i = 0; i < profile->excluded_count; i++)
        if (profile->excluded[i] == party)
            return true;
    return false;
}

static bool asked(const struct question *question, const struct hub *hub, enum need need)
{
    for (uint8_t i = 0; i < question->offers_count && !hub->ask_again; i++)
        if (question->offers[i].hub == hub->party && (question->offers[i].needs & NEED_BIT(need)) &&
            offer_was_put(&question->offers[i]))
            return true;
    return false;
}

/* Universal hubs take no referrals: people are told to go there. Who needs a specialist is not sent to others. */
static bool is_of_tier(const struct profile *profile, const struct hub *hub)
{
    return hub->tier == TIER_SPECIALIST || (hub->tier == TIER_TARGETED && profile->tier != TIER_SPECIALIST);
}

static enum rule judge_hub(const struct view *view, const struct hub *hub, enum need need)
{
    const struct question *question = view->question;

    if (hub_status_on(hub, view->day) != HUB_OPEN)
        return RULE_NOT_OPEN;
    if (excluded(question->profile, hub->party) && !PLANTED(8))
        return RULE_EXCLUDED;
    if (asked(question, hub, need) && !PLANTED(9))
        return RULE_ALREADY_ASKED;
    if (hub->party == question->sender)
        return RULE_IS_SENDER;
    if (!is_of_tier(question->profile, hub) && !PLANTED(46))
        return RULE_TIER;
    return RULE_NONE_FAILED;
}

/* ---- Rules about the person ---- */

static uint64_t fact_codes(const struct view *view, enum fact fact)
{
    const struct profile *profile = view->question->profile;

    switch (fact) {
    case FACT_RISKS:
        return profile->risks;
    case FACT_ADJUSTMENTS:
        return profile->adjustments;
    case FACT_PLUS_GROUPS:
        return view->plus;
    case FACT_PRIORITY:
        return CODE_BIT(profile->priority);
    case FACT_TRANSPORT:
        return profile->transport ? CODE_BIT(profile->transport) : 0;
    default:
        return 0;
    }
}

static uint32_t fact_number(const struct profile *profile, enum fact fact)
{
    switch (fact) {
    case FACT_DECILE:
        return profile->decile;
    case FACT_AGE:
        return profile->age;
    case FACT_INTERPRETER:
        return profile->interpreter_needed;
    case FACT_NO_ABODE:
        return profile->no_fixed_abode;
    case FACT_CARER:
        return profile->is_carer;
    default:
        return 0;
    }
}

static bool is_met(const struct view *view, const struct condition *condition)
{
    uint64_t codes = fact_codes(view, condition->fact);
    uint32_t number = fact_number(view->question->profile, condition->fact);

    if (condition->fact == FACT_DECILE && number == 0)
        return false;
    switch (condition->test) {
    case TEST_ANY_OF:
        return (codes & condition->codes) != 0;
    case TEST_ALL_OF:
        return (codes & condition->codes) == condition->codes;
    case TEST_NONE_OF:
        return (codes & condition->codes) == 0;
    case TEST_ONLY:
        return (codes & ~condition->codes) == 0;
    case TEST_AT_LEAST:
        return number >= condition->number;
    case TEST_AT_MOST:
        return number <= condition->number;
    default:
        assert(condition->test == TEST_IS);
        return number == condition->number;
    }
}

static bool meets_conditions(const struct view *view, const struct service *service)
{
    for (uint32_t i = 0; i < service->conditions_count; i++)
        if (!is_met(view, &view->network->conditions[service->conditions_first + i]))
            return false;
    return true;
}

/* When it runs, and whom it is for. */
static inline enum rule judge_person(const struct view *view, const struct service *service)
{
    const struct profile *profile = view->question->profile;

    if (service->emergency_only && !view->question->emergency && !PLANTED(44))
        return RULE_EMERGENCY_ONLY;
    if ((service->from_day || service->to_day) && !service_runs_on(service, view->day))
        return RULE_NOT_RUNNING;
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
    if (service->conditions_count && !meets_conditions(view, service) && !PLANTED(43))
        return RULE_CONDITION;
    return RULE_NONE_FAILED;
}

/* ---- Rules about the place ---- */

static bool holds(const uint16_t *areas, uint16_t count, uint16_t neighbourhood)
{
    for (uint16_t i = 0; i < count; i++)
        if (areas[i] == neighbourhood)
            return neighbourhood != NEIGHBOURHOOD_NONE;
    return false;
}

/* Both places are known, and not farther apart: the whole metres of distance_m, without a root. */
static bool is_within(struct position a, struct position b, uint64_t metres)
{
    int64_t east = (int64_t)a.easting - b.easting;
    int64_t north = (int64_t)a.northing - b.northing;

    return (uint64_t)(east * east) + (uint64_t)(north * north) <= metres * metres + 2 * metres && position_known(a) &&
           position_known(b);
}

/* A hub without a known place is a neighbour only where it is declared to be one. */
static bool is_neighbour(const struct profile *profile, const struct era *era, uint32_t neighbour_distance_m)
{
    return holds(era->also, era->also_count, profile->neighbourhood) ||
           is_within(profile->position, era->position, neighbour_distance_m);
}

/* Where a place is not known, nothing is too far. */
static bool is_too_far(const struct profile *profile, const struct era *era)
{
    return profile->travel_m && !is_within(profile->position, era->position, profile->travel_m) &&
           position_known(profile->position) && position_known(era->position);
}

static bool is_home(const struct era *era, const struct profile *profile)
{
    return holds(era->areas, era->areas_count, profile->neighbourhood);
}

/* The first ring, in the network's order, that the hub stands in for the person; 0: out of area. What is quickly seen
 * is looked at first, and what could not come first any more is not looked at. */
static enum ring ring_of(const struct view *view, const struct wanted *wanted, const struct service *service,
                         const struct era *era)
{
    const struct profile *profile = view->question->profile;
    const struct hub *hub = &view->network->hubs[service->hub];
    const uint8_t *ranks = wanted->ranks;
    enum ring best = 0;

    if (ranks[RING_CITYWIDE] < ranks[best] && (service->citywide || hub->tier == TIER_SPECIALIST))
        best = RING_CITYWIDE;
    if (ranks[RING_HOME] < ranks[best] && is_home(era, profile))
        best = RING_HOME;
    if (ranks[RING_SATELLITE] < ranks[best] && hub->parent >= 0 &&
        is_home(era_of(view, &view->network->hubs[hub->parent]), profile))
        best = RING_SATELLITE;
    if (ranks[RING_NEIGHBOUR] < ranks[best] && is_neighbour(profile, era, wanted->nearness->neighbour_distance_m))
        best = RING_NEIGHBOUR;
    return best;
}

/* Whoever ring_of finds a ring for is among them. */
void rules_find_nearby(const struct view *view, struct nearby *nearby)
{
    const struct network *network = view->network;
    const struct profile *profile = view->question->profile;
    uint32_t reach_m = 0;

    nearby_clear(network, nearby);
    nearby_add_area(network, profile->neighbourhood, nearby);
    for (uint8_t i = 0; i < view->wanted_count; i++) {
        const struct wanted *wanted = &view->wanted[i];
        if (wanted->ranks[RING_NEIGHBOUR] != RANK_NONE && wanted->nearness->neighbour_distance_m > reach_m)
            reach_m = wanted->nearness->neighbour_distance_m;
        nearby_add_wide(network, wanted->need, nearby);
    }
    nearby_add_within(network, profile->position, reach_m, nearby);
}

/* ---- Rules about the room ---- */

/* How many offers of this plan take a place of the row. */
static uint32_t given_of(const struct view *view, uint32_t row)
{
    uint32_t count = 0;

    for (uint8_t i = 0; i < view->given_count && !PLANTED(40); i++)
        count += view->given[i] == row;
    return count;
}

static uint32_t left_of(uint32_t total, uint32_t taken)
{
    return total > taken ? total - taken : 0;
}

/* How many more offers the row takes this week. */
static uint32_t week_left(const struct view *view, uint32_t row)
{
    uint32_t per_week = view->network->services[row].per_week;

    if (!per_week || PLANTED(41))
        return UINT32_MAX;
    return left_of(per_week, view->question->places[row].taken_in_week + given_of(view, row));
}

/* Who has just said that there is no place has none, whatever the table says. */
static uint32_t total_of(const struct question *question, uint32_t owner)
{
    for (uint8_t i = 0; i < question->none_count; i++)
        if (question->none[i] == owner)
            return 0;
    return question->places[owner].total;
}

static enum rule judge_room(const struct view *view, uint32_t row, struct verdict *verdict)
{
    const struct network *network = view->network;
    const struct question *question = view->question;
    const struct hub *hub = &network->hubs[network->services[row].hub];
    uint32_t owner = network->services[row].owner;
    const struct places *places = &question->places[owner];
    uint32_t given = given_of(view, owner);
    uint32_t total = total_of(question, owner);
    uint32_t free = left_of(total + (PLANTED(10) && total == places->used), places->used + given);
    uint32_t in_week = week_left(view, owner);
    bool week_is_full = !in_week || (row != owner && !week_left(view, row));

    /* What others of the plan may use up: the own week of who shares is nobody else's. */
    verdict->places_free = week_is_full ? 0 : free < in_week ? free : in_week;
    verdict->stale = places_are_stale(network, places, question->now);
    if (!free)
        return RULE_FULL;
    if (week_is_full)
        return RULE_INTAKE;
    if (verdict->stale && places->unanswered + given > 0 && !PLANTED(42))
        return RULE_ASK_FIRST;
    if (network->pace && pace_count(question->pace, question->sender, hub->party) >= network->pace && !PLANTED(45))
        return RULE_PACE;
    return RULE_NONE_FAILED;
}

/* As an earlier decision saw it: what stands not in its record had no room. */
static enum rule recall_room(const struct view *view, uint32_t row, struct verdict *verdict)
{
    const struct question *question = view->question;
    const struct service *service = &view->network->services[row];
    const struct hub *hub = &view->network->hubs[service->hub];
    uint32_t given = given_of(view, service->owner);

    for (uint8_t i = 0; i < question->recorded_count; i++) {
        const struct candidate *candidate = &question->recorded[i];
        if (candidate->hub != hub->party || candidate->service != service->number)
            continue;
        verdict->stale = candidate->stale;
        verdict->places_free = left_of(candidate->places_free, given);
        if (candidate->rule != RULE_NONE_FAILED)
            return candidate->rule;
        if (!verdict->places_free)
            return RULE_FULL;
        return candidate->stale && given ? RULE_ASK_FIRST : RULE_NONE_FAILED;
    }
    return RULE_FULL;
}

/* ---- One hub ---- */

static struct candidate candidate_of(const struct view *view, const struct verdict *verdict)
{
    return (struct candidate){.hub = view->network->hubs[verdict->hub].party,
                              .service = view->network->services[verdict->service].number,
                              .places_free = verdict->rule == RULE_NONE_FAILED ? verdict->places_free : 0,
                              .rule = verdict->rule,
                              .stale = verdict->stale};
}

/* A service that meets several of the needs is noted once. */
static void note_candidate(struct view *view, const struct verdict *verdict)
{
    struct plan *plan = view->plan;
    uint64_t row = CODE_BIT((uint32_t)verdict->service - view->network->hubs[verdict->hub].services_first);

    if (view->noted_hub != verdict->hub)
        view->noted_rows = 0;
    view->noted_hub = verdict->hub;
    if (view->noted_rows & row)
        return;
    view->noted_rows |= row;
    plan->eligible++;
    if (plan->candidates_count < CANDIDATES_MAX)
        plan->candidates[plan->candidates_count++] = candidate_of(view, verdict);
}

static enum rule look_for_room(const struct view *view, const struct wanted *wanted, uint32_t row,
                               struct verdict *verdict)
{
    if (wanted->nearness->ring_rank[verdict->ring] > view->rank_to_beat)
        return RULE_FULL; /* for all that matters */
    if (view->question->recorded)
        return recall_room(view, row, verdict);
    return judge_room(view, row, verdict);
}

/* One service against the rules, in their order. */
static void judge_service(struct view *view, const struct wanted *wanted, const struct era *era, uint32_t row,
                          struct verdict *verdict)
{
    const struct profile *profile = view->question->profile;
    const struct service *service = &view->network->services[row];

    verdict->service = (int32_t)row;
    verdict->rule = judge_person(view, service);
    if (verdict->rule != RULE_NONE_FAILED)
        return;
    verdict->ring = ring_of(view, wanted, service, era);
    if (!verdict->ring) {
        verdict->rule = RULE_OUT_OF_AREA;
    } else if (is_too_far(profile, era)) {
        verdict->rule = RULE_TOO_FAR;
    } else {
        verdict->rule = look_for_room(view, wanted, row, verdict);
        if (view->plan)
            note_candidate(view, verdict);
    }
}

static bool is_better(const struct nearness *nearness, const struct verdict *a, const struct verdict *b)
{
    int more = rule_rank(a->rule) - rule_rank(b->rule);
    int nearer = nearness->ring_rank[b->ring] - nearness->ring_rank[a->ring];

    return more > 0 || (more == 0 && (nearer > 0 || (nearer == 0 && a->places_free > b->places_free)));
}

/* Doors of which nobody knows when they are open count as closed. */
static bool doors_are_open(const struct view *view, const struct hub *hub, struct hours hours)
{
    struct calendar calendar = network_hub_calendar(view->network, hub);

    calendar.hours = hours;
    return hours.count > 0 && calendar_is_open_on(&calendar, view->day, view->minute);
}

void rules_judge(struct view *view, const struct wanted *wanted, uint32_t index, const uint32_t *rows, uint32_t count,
                 struct verdict *verdict)
{
    const struct network *network = view->network;
    const struct hub *hub = &network->hubs[index];
    const struct era *era;

    *verdict = (struct verdict){.hub = index, .need = wanted->need, .service = -1};
    verdict->rule = judge_hub(view, hub, wanted->need);
    if (verdict->rule != RULE_NONE_FAILED)
        return;
    verdict->rule = RULE_NO_SERVICE;
    era = era_of(view, hub);
    if (count > 0)
        judge_service(view, wanted, era, rows[0], verdict);
    for (uint32_t i = 1; i < count; i++) {
        struct verdict other = {.hub = index, .need = wanted->need};
        judge_service(view, wanted, era, rows[i], &other);
        if (is_better(wanted->nearness, &other, verdict))
            *verdict = other;
    }
    if (verdict->rule != RULE_NONE_FAILED)
        return;
    verdict->distance_m = distance_m(view->question->profile->position, era->position);
    if (view->pressing)
        verdict->open_now = doors_are_open(view, hub, service_hours(network, (uint32_t)verdict->service));
}

uint32_t rules_rows(const struct network *network, uint32_t index, enum need need, uint32_t rows[NETWORK_SERVICES_MAX])
{
    const struct hub *hub = &network->hubs[index];
    uint32_t count = 0;

    for (uint32_t row = hub->services_first; row < hub->services_first + hub->services_count; row++)
        if (network->services[row].needs & NEED_BIT(need))
            rows[count++] = row;
    return count;
}

void route_judge(const struct network *network, const struct question *question, uint32_t index, enum need need,
                 struct verdict *verdict)
{
    struct view view = rules_look(network, question, NEED_BIT(need));
    uint32_t rows[NETWORK_SERVICES_MAX];
    uint32_t count = rules_rows(network, index, need, rows);
    const struct hub *hub = &network->hubs[index];
    struct hours hours;

    rules_judge(&view, &view.wanted[0], index, rows, count, verdict);
    hours = verdict->service < 0 ? hub->hours : service_hours(network, (uint32_t)verdict->service);
    verdict->open_now = doors_are_open(&view, hub, hours);
    verdict->distance_m = distance_m(question->profile->position, hub_on(network, hub, view.day)->position);
}

/* ---- One service ---- */

bool rules_allow(struct view *view, const struct wanted *wanted, uint32_t row)
{
    const struct network *network = view->network;
    const struct service *service = &network->services[row];
    const struct hub *hub = &network->hubs[service->hub];
    struct verdict verdict = {.hub = service->hub};

    if (!(service->needs & NEED_BIT(wanted->need)))
        return false;
    judge_service(view, wanted, era_of(view, hub), row, &verdict);
    return verdict.rule == RULE_NONE_FAILED;
}

struct candidate rules_candidate(const struct view *view, uint32_t row)
{
    struct verdict verdict = {.hub = view->network->services[row].hub, .service = (int32_t)row};

    verdict.rule = view->question->recorded ? recall_room(view, row, &verdict) : judge_room(view, row, &verdict);
    return candidate_of(view, &verdict);
}

bool rules_invite(const struct view *view, uint32_t row)
{
    const struct network *network = view->network;
    const struct profile *profile = view->question->profile;
    const struct service *service = &network->services[row];
    const struct hub *hub = &network->hubs[service->hub];

    return hub->tier == TIER_UNIVERSAL && hub_status_on(hub, view->day) == HUB_OPEN && !excluded(profile, hub->party) &&
           judge_person(view, service) == RULE_NONE_FAILED && !is_too_far(profile, era_of(view, hub));
}

bool route_condition_met(const struct network *network, const struct profile *profile,
                         const struct condition *condition)
{
    const struct question question = {.profile = profile};
    const struct view view = {.question = &question, .plus = plus_bits(network, profile)};

    return is_met(&view, condition);
}
