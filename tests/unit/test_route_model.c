/* SPDX-License-Identifier: MIT
 * route against a slow model, in thousands of random networks: written from the lists of rules and comparisons in
 * proto/codes.def, without any code of core. Slow means: every hub, every service, every set of hubs. */
#include "daemon/core/route.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 6000
#define KEYS 7

static struct invented city;
static struct profile person;
static struct offer offers[2];
static struct question question;
static struct plan plan;

/* Owners of places that were given so far within a plan, one entry for each place. */
static uint32_t given[NEEDS_MAX];
static uint32_t given_count;

static void ask_at_random(uint64_t *random)
{
    network_at_random(&city, random);
    person = profile_at_random(&city, random);
    question = (struct question){.profile = &person,
                                 .needs = person.needs,
                                 .sender = random_below(random, 3) ? PARTY_SURGERY : 1 + random_below(random, 4),
                                 .offers = offers,
                                 .offers_count = (uint8_t)random_below(random, 3),
                                 .now = NETWORKS_NOW_MS,
                                 .emergency = random_below(random, 3) == 0,
                                 .places = city.places,
                                 .pace = &city.pace};
    for (int i = 0; i < 2; i++)
        offers[i] = (struct offer){.hub = 1 + random_below(random, NETWORKS_HUBS_MAX),
                                   .needs = NEED_BIT(1 + random_below(random, NETWORKS_NEEDS)),
                                   .state = STATE_REJECTED};
    given_count = 0;
}

/* ---- The rules ---- */

static const enum rule in_order[] = {
    RULE_NOT_OPEN,       RULE_EXCLUDED,    RULE_ALREADY_ASKED, RULE_IS_SENDER, RULE_TIER,    RULE_NO_SERVICE,
    RULE_EMERGENCY_ONLY, RULE_NOT_RUNNING, RULE_SENDER_KIND,   RULE_TOO_YOUNG, RULE_TOO_OLD, RULE_GENDER,
    RULE_CARERS_ONLY,    RULE_CONDITION,   RULE_OUT_OF_AREA,   RULE_TOO_FAR,   RULE_FULL,    RULE_INTAKE,
    RULE_ASK_FIRST,      RULE_PACE,        RULE_NONE_FAILED};

static int rank(enum rule rule)
{
    int i = 0;

    while (in_order[i] != rule)
        i++;
    return i;
}

static const struct nearness *slow_nearness(int need)
{
    bool special = question.emergency && (city.network.emergency_needs >> need & 1);

    return special ? &city.network.emergency : &city.network.usual;
}

static const struct era *slow_era(const struct hub *hub)
{
    const struct era *found = NULL;

    for (uint32_t i = 0; i < hub->eras_count; i++)
        if (city.eras[hub->eras_first + i].from_day <= NETWORKS_DAY)
            found = &city.eras[hub->eras_first + i];
    return found;
}

static bool known(struct position position)
{
    return position.easting != 0 || position.northing != 0;
}

/* -1: not known. */
static int64_t slow_metres(const struct hub *hub)
{
    struct position here = person.position, there = slow_era(hub)->position;
    int64_t east = here.easting - there.easting, north = here.northing - there.northing, metres = 0;

    if (!known(here) || !known(there))
        return -1;
    while ((metres + 1) * (metres + 1) <= east * east + north * north)
        metres++;
    return metres;
}

static bool is_among(const uint16_t *areas, uint16_t count)
{
    bool found = false;

    for (uint16_t i = 0; i < count; i++)
        found |= areas[i] == person.neighbourhood;
    return found && person.neighbourhood != NEIGHBOURHOOD_NONE;
}

static bool in_ring(const struct hub *hub, const struct service *service, int need, int ring)
{
    const struct era *era = slow_era(hub), *parent = hub->parent < 0 ? NULL : slow_era(&city.hubs[hub->parent]);
    int64_t metres = slow_metres(hub);

    return (ring == RING_HOME && is_among(era->areas, era->areas_count)) ||
           (ring == RING_SATELLITE && parent && is_among(parent->areas, parent->areas_count)) ||
           (ring == RING_NEIGHBOUR && is_among(era->also, era->also_count)) ||
           (ring == RING_NEIGHBOUR && metres >= 0 && metres <= slow_nearness(need)->neighbour_distance_m) ||
           (ring == RING_CITYWIDE && (service->citywide || hub->tier == TIER_SPECIALIST));
}

/* The ring with the smallest rank above 0; 0: none. */
static int slow_ring(const struct hub *hub, const struct service *service, int need)
{
    const uint8_t *ranks = slow_nearness(need)->ring_rank;
    int best = 0;

    for (int ring = 1; ring <= RING_SATELLITE; ring++)
        if (ranks[ring] && in_ring(hub, service, need, ring) && (!best || ranks[ring] < ranks[best]))
            best = ring;
    return best;
}

static bool slow_open(const struct hub *hub)
{
    bool has_begun = hub->opens_on ? hub->opens_on <= NETWORKS_DAY : hub->status != HUB_PLANNED;
    bool has_ended = hub->closes_on && hub->closes_on <= NETWORKS_DAY;

    return has_begun && !has_ended && (hub->status == HUB_OPEN || hub->status == HUB_PLANNED);
}

static bool has_group(uint32_t group)
{
    for (int i = 0; i < person.plus_count; i++)
        if (person.plus[i] == group)
            return true;
    return false;
}

static uint64_t slow_codes(enum fact fact)
{
    uint64_t groups = 0;

    for (uint32_t i = 0; i < city.network.plus_count; i++)
        groups |= (uint64_t)has_group(city.network.plus_groups[i]) << i;
    return fact == FACT_RISKS         ? person.risks
           : fact == FACT_ADJUSTMENTS ? person.adjustments
           : fact == FACT_PRIORITY    ? 1u << person.priority
           : fact == FACT_TRANSPORT   ? 1u << person.transport & ~1u
                                      : groups;
}

static uint32_t slow_number(enum fact fact)
{
    return fact == FACT_DECILE        ? person.decile
           : fact == FACT_AGE         ? person.age
           : fact == FACT_INTERPRETER ? person.interpreter_needed
           : fact == FACT_NO_ABODE    ? person.no_fixed_abode
                                      : person.is_carer;
}

static bool slow_condition(const struct condition *condition)
{
    uint64_t has = slow_codes(condition->fact), both = has & condition->codes;
    uint32_t number = slow_number(condition->fact);
    bool met[] = {[TEST_ANY_OF] = both != 0,
                  [TEST_ALL_OF] = both == condition->codes,
                  [TEST_NONE_OF] = both == 0,
                  [TEST_ONLY] = both == has,
                  [TEST_AT_LEAST] = number >= condition->number,
                  [TEST_AT_MOST] = number <= condition->number,
                  [TEST_IS] = number == condition->number};

    return met[condition->test] && !(condition->fact == FACT_DECILE && person.decile == 0);
}

static uint32_t given_by(uint32_t owner)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < given_count; i++)
        count += given[i] == owner;
    return count;
}

/* How many more offers it can take, by its places and by the week of a row. */
static int64_t slow_free(uint32_t row)
{
    uint32_t owner = city.services[row].owner;
    int64_t free = (int64_t)city.places[owner].total - city.places[owner].used - given_by(owner);

    return free > 0 ? free : 0;
}

static int64_t slow_week(uint32_t row)
{
    int64_t left = (int64_t)city.services[row].per_week - city.places[row].taken_in_week - given_by(row);

    return city.services[row].per_week == 0 ? INT64_MAX : left > 0 ? left : 0;
}

static bool slow_stale(uint32_t row)
{
    const struct places *places = &city.places[city.services[row].owner];
    int64_t at = places->stated_at ? places->stated_at : city.network.applied_at;

    return city.network.fresh_ms && NETWORKS_NOW_MS - at > city.network.fresh_ms;
}

static uint32_t slow_pace(const struct hub *hub)
{
    for (int i = 0; i < NETWORKS_PACE_MAX; i++)
        if (city.pace_entries[i].sender == question.sender && city.pace_entries[i].hub == hub->party)
            return city.pace_entries[i].count;
    return 0;
}

static bool was_asked(const struct hub *hub, int need)
{
    for (int i = 0; i < question.offers_count; i++)
        if (offers[i].hub == hub->party && (offers[i].needs >> need & 1))
            return true;
    return false;
}

static bool is_excluded(const struct hub *hub)
{
    for (int i = 0; i < person.excluded_count; i++)
        if (person.excluded[i] == hub->party)
            return true;
    return false;
}

static bool slow_conditions(const struct service *service)
{
    bool met = true;

    for (uint32_t i = 0; i < service->conditions_count; i++)
        met &= slow_condition(&city.conditions[service->conditions_first + i]);
    return met;
}

/* Fails each rule? All of them are looked at; the first in order counts. row < 0: the hub alone. */
static enum rule slow_rule(const struct hub *hub, int row, int need)
{
    static const struct service none;
    const struct service *service = row < 0 ? &none : &city.services[row];
    uint32_t owner = service->owner;
    bool specialist = hub->tier == TIER_SPECIALIST;
    bool fails[RULE_PACE + 1] = {
        [RULE_NOT_OPEN] = !slow_open(hub),
        [RULE_EXCLUDED] = is_excluded(hub),
        [RULE_ALREADY_ASKED] = was_asked(hub, need) && !hub->ask_again,
        [RULE_IS_SENDER] = hub->party == question.sender,
        [RULE_TIER] = !specialist && (hub->tier == TIER_UNIVERSAL || person.tier == TIER_SPECIALIST),
        [RULE_NO_SERVICE] = row < 0 || !(service->needs >> need & 1),
        [RULE_EMERGENCY_ONLY] = service->emergency_only && !question.emergency,
        [RULE_NOT_RUNNING] = (service->from_day && service->from_day > NETWORKS_DAY) ||
                             (service->to_day && service->to_day < NETWORKS_DAY),
        [RULE_SENDER_KIND] = service->sources && !(service->sources >> person.source & 1),
        [RULE_TOO_YOUNG] = person.age < service->age_from,
        [RULE_TOO_OLD] = service->age_to && person.age > service->age_to,
        [RULE_GENDER] = service->genders && !(service->genders >> person.gender & 1),
        [RULE_CARERS_ONLY] = service->carers_only && !person.is_carer,
        [RULE_CONDITION] = !slow_conditions(service),
        [RULE_OUT_OF_AREA] = row >= 0 && !slow_ring(hub, service, need),
        [RULE_TOO_FAR] = person.travel_m && slow_metres(hub) > (int64_t)person.travel_m,
        [RULE_FULL] = row >= 0 && slow_free((uint32_t)row) == 0,
        [RULE_INTAKE] = row >= 0 && (slow_week((uint32_t)row) == 0 || slow_week(owner) == 0),
        [RULE_ASK_FIRST] = row >= 0 && slow_stale((uint32_t)row) && city.places[owner].unanswered + given_by(owner) > 0,
        [RULE_PACE] = city.network.pace && slow_pace(hub) >= city.network.pace,
    };

    for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++)
        if (fails[in_order[i]])
            return in_order[i];
    return RULE_NONE_FAILED;
}

/* What the owner has left, of places and for the week; nothing when the row itself has had its week. */
static int64_t room(uint32_t row)
{
    int64_t free = slow_free(row), week = slow_week(city.services[row].owner);

    return slow_week(row) == 0 ? 0 : free < week ? free : week;
}

/* ---- One hub and one need ---- */

struct slow_verdict {
    enum rule rule;
    int row; /* -1: no service */
    int ring;
    int ring_rank;
    int64_t free;
};

static bool beats(const struct slow_verdict *a, const struct slow_verdict *b)
{
    if (rank(a->rule) != rank(b->rule))
        return rank(a->rule) > rank(b->rule);
    if (a->ring_rank != b->ring_rank)
        return a->ring_rank < b->ring_rank;
    return a->free > b->free;
}

static struct slow_verdict slow_judge(uint32_t index, int need)
{
    const struct hub *hub = &city.hubs[index];
    struct slow_verdict best = {slow_rule(hub, -1, need), -1, 0, 0, 0};

    if (best.rule != RULE_NO_SERVICE)
        return best;
    for (uint32_t row = 0; row < city.network.services_count; row++) {
        struct slow_verdict other = {slow_rule(hub, (int)row, need), (int)row, 0, 0, 0};
        if (city.services[row].hub != index || other.rule == RULE_NO_SERVICE)
            continue;
        if (rank(other.rule) > rank(RULE_OUT_OF_AREA))
            other.ring = slow_ring(hub, &city.services[row], need);
        other.ring_rank = slow_nearness(need)->ring_rank[other.ring];
        if (rank(other.rule) > rank(RULE_TOO_FAR))
            other.free = room(row);
        if (best.row < 0 || beats(&other, &best))
            best = other;
    }
    return best;
}

static bool slow_doors(uint32_t index, int row)
{
    struct hours hours = row >= 0 && city.services[row].hours.count ? city.services[row].hours : city.hubs[index].hours;

    for (uint32_t i = 0; i < city.network.holidays_count; i++)
        if (city.holidays[i] == NETWORKS_DAY)
            return false;
    for (uint32_t i = 0; i < city.hubs[index].closures_count; i++) {
        const struct closure *closure = &city.closures[city.hubs[index].closures_first + i];
        if (closure->from_day <= NETWORKS_DAY && NETWORKS_DAY <= closure->to_day)
            return false;
    }
    for (uint32_t i = hours.first; i < hours.first + hours.count; i++)
        if (city.spans[i].weekday == WEEKDAY_SUNDAY && city.spans[i].opens_at <= 600 && city.spans[i].closes_at > 600)
            return true; /* it is Sunday, 10:00 */
    return false;
}

Test(route_model, every_hub_and_need_gets_the_same_verdict)
{
    unsigned seen[RULE_PACE + 1] = {0};

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        ask_at_random(&random);
        for (uint32_t hub = 0; hub < city.network.hubs_count; hub++) {
            int need = (int)(1 + random_below(&random, NETWORKS_NEEDS));
            struct slow_verdict slow = slow_judge(hub, need);
            int64_t metres = slow_metres(&city.hubs[hub]);
            struct verdict verdict;

            memset(&verdict, 0x55, sizeof verdict);
            route_judge(&city.network, &question, hub, (enum need)need, &verdict);
            cr_assert_eq(verdict.rule, slow.rule, "seed %lu hub %u need %d: %s", seed, hub, need,
                         code_text(LIST_rule, verdict.rule));
            cr_assert_eq(verdict.service, slow.row, "seed %lu hub %u", seed, hub);
            cr_assert_eq(verdict.ring, (enum ring)slow.ring, "seed %lu hub %u", seed, hub);
            cr_assert_eq(verdict.places_free, slow.free, "seed %lu hub %u", seed, hub);
            cr_assert_eq(verdict.distance_m, metres < 0 ? 0 : metres, "seed %lu hub %u", seed, hub);
            cr_assert_eq(verdict.open_now, slow_doors(hub, slow.row), "seed %lu hub %u", seed, hub);
            cr_assert_eq(verdict.stale, rank(slow.rule) >= rank(RULE_FULL) && slow_stale((uint32_t)slow.row));
            cr_assert(verdict.hub == hub && verdict.need == (enum need)need, "seed %lu", seed);
            seen[slow.rule]++;
        }
    }
    for (int rule = 1; rule <= RULE_PACE; rule++)
        cr_assert_geq(seen[rule], 20, "%s came up too seldom", code_text(LIST_rule, rule));
}

/* ---- Plans ---- */

/* What a hub could take of the needs that are left, and its place in the order. */
struct slow_cover {
    uint64_t needs;
    bool fits; /* with it, the number of hubs stays the least */
    int64_t keys[KEYS];
};

static const enum comparison key_names[KEYS] = {COMPARISON_RING,  COMPARISON_WISH,     COMPARISON_OPEN_NOW,
                                                COMPARISON_FRESH, COMPARISON_DISTANCE, COMPARISON_PLACES,
                                                COMPARISON_ORDER};

static void set_keys(struct slow_cover *cover, uint32_t hub, const struct slow_verdict *verdict)
{
    int64_t metres = slow_metres(&city.hubs[hub]);
    bool pressing = person.priority == PRIORITY_ASAP || person.priority == PRIORITY_STAT;
    bool wished = person.preferred_hub && person.preferred_hub == city.hubs[hub].party;

    memcpy(cover->keys,
           (int64_t[]){verdict->ring_rank, !wished, pressing && !slow_doors(hub, verdict->row),
                       slow_stale((uint32_t)verdict->row), metres < 0 ? 0 : metres, -verdict->free,
                       city.hubs[hub].party},
           sizeof cover->keys);
}

/* The primary need, when the hub takes it, speaks for the hub; else the one with the smallest number. */
static struct slow_cover slow_cover(uint32_t hub, uint64_t needs)
{
    struct slow_cover cover = {0};
    int64_t least = INT64_MAX;

    for (int i = 0; i <= NETWORKS_NEEDS; i++) {
        int need = i == 0 ? (int)person.need : i;
        struct slow_verdict verdict;
        if (!((needs & ~cover.needs) >> need & 1))
            continue;
        verdict = slow_judge(hub, need);
        if (verdict.rule != RULE_NONE_FAILED)
            continue;
        if (!cover.needs)
            set_keys(&cover, hub, &verdict);
        cover.needs |= 1u << need;
        least = verdict.free < least ? verdict.free : least;
    }
    cover.keys[5] = -least;
    return cover;
}

/* By set of needs: the smallest number of hubs whose covers together hold it, over all sets of hubs. */
static int fewest_by_needs[2 << NETWORKS_NEEDS];

static void count_brutally(const struct slow_cover *covers)
{
    static uint64_t unions[1 << NETWORKS_HUBS_MAX];

    for (int needs = 0; needs < 2 << NETWORKS_NEEDS; needs++)
        fewest_by_needs[needs] = 99;
    for (uint32_t set = 0; set < 1u << city.network.hubs_count; set++) {
        unions[set] = set ? unions[set & (set - 1)] | covers[__builtin_ctz(set)].needs : 0;
        for (uint64_t part = unions[set];; part = (part - 1) & unions[set]) {
            if (__builtin_popcount(set) < fewest_by_needs[part])
                fewest_by_needs[part] = __builtin_popcount(set);
            if (part == 0)
                break;
        }
    }
}

/* -1: nobody has room for any of the needs. */
static int slow_choice(uint64_t needs, struct slow_cover covers[NETWORKS_HUBS_MAX], int *fewest)
{
    uint64_t all = 0;
    int best = -1;

    for (uint32_t hub = 0; hub < city.network.hubs_count; hub++) {
        covers[hub] = slow_cover(hub, needs);
        all |= covers[hub].needs;
    }
    count_brutally(covers);
    *fewest = fewest_by_needs[all];
    for (uint32_t hub = 0; hub < city.network.hubs_count; hub++) {
        int i = 0;
        covers[hub].fits = covers[hub].needs && 1 + fewest_by_needs[all & ~covers[hub].needs] == *fewest;
        if (!covers[hub].fits)
            continue;
        while (best >= 0 && covers[hub].keys[i] == covers[best].keys[i])
            i++;
        if (best < 0 || covers[hub].keys[i] < covers[best].keys[i])
            best = (int)hub;
    }
    return best;
}

/* The deepest comparison that anybody came to with the chosen one. */
static enum comparison slow_comparison(const struct slow_cover *covers, int chosen)
{
    int deepest = -2; /* only one */

    for (int hub = 0; hub < (int)city.network.hubs_count; hub++) {
        int i = 0;
        if (hub == chosen || !covers[hub].needs)
            continue;
        while (covers[hub].fits && covers[hub].keys[i] == covers[chosen].keys[i])
            i++;
        if (!covers[hub].fits)
            i = -1;
        deepest = i > deepest ? i : deepest;
    }
    return deepest == -2 ? COMPARISON_ONLY : deepest == -1 ? COMPARISON_FEWEST : key_names[deepest];
}

/* Each need is met by one of the services, all are the hub's and can take it, none stands twice and each is needed. */
static void assert_services(const struct share *share, uint64_t seed)
{
    uint64_t met = 0;

    for (int i = 0; i < share->services_count; i++) {
        const struct service *service = &city.services[share->services[i]];
        uint64_t before = met;
        cr_assert_eq(service->hub, share->verdict.hub, "seed %lu", seed);
        for (int need = 1; need <= NETWORKS_NEEDS; need++)
            if ((share->needs >> need & 1) &&
                slow_rule(&city.hubs[service->hub], share->services[i], need) == RULE_NONE_FAILED)
                met |= 1u << need;
        for (int other = 0; other < i; other++)
            cr_assert_neq(share->services[i], share->services[other], "seed %lu", seed);
        cr_assert_neq(met, before, "seed %lu: a service for nothing", seed);
    }
    cr_assert_eq(met, share->needs, "seed %lu", seed);
}

static void give(const struct share *share)
{
    uint32_t before = given_count;

    for (int i = 0; i < share->services_count; i++) {
        uint32_t owner = city.services[share->services[i]].owner;
        bool already = false;
        for (uint32_t g = before; g < given_count; g++)
            already |= given[g] == owner;
        if (!already)
            given[given_count++] = owner;
    }
}

static void assert_never_over(uint64_t seed)
{
    for (uint32_t row = 0; row < city.network.services_count; row++) {
        const struct places *places = &city.places[row];
        uint32_t per_week = city.services[row].per_week;
        if (!given_by(row))
            continue;
        cr_assert_leq(places->used + given_by(row), places->total, "seed %lu: row %u", seed, row);
        cr_assert(!per_week || places->taken_in_week + given_by(row) <= per_week, "seed %lu: row %u", seed, row);
    }
}

/* Some service uses the places of another hub's. */
static bool has_common_pools(void)
{
    for (uint32_t row = 0; row < city.network.services_count; row++)
        if (city.services[city.services[row].owner].hub != city.services[row].hub)
            return true;
    return false;
}

static enum unmet_cause slow_cause(enum rule rule)
{
    return rank(rule) >= rank(RULE_FULL)                                                      ? CAUSE_FULL
           : rank(rule) >= rank(RULE_OUT_OF_AREA)                                             ? CAUSE_TOO_FAR
           : rule == RULE_NO_SERVICE                                                          ? CAUSE_NO_SERVICE
           : rule == RULE_NOT_OPEN || rule == RULE_EMERGENCY_ONLY || rule == RULE_NOT_RUNNING ? CAUSE_CLOSED
                                                                                              : CAUSE_NOT_ELIGIBLE;
}

/* A hub that offers nothing for the need does not count unless none does. */
static enum rule slow_farthest(int need)
{
    enum rule farthest = RULE_NO_SERVICE;
    bool any = false;

    for (uint32_t row = 0; row < city.network.services_count; row++) {
        enum rule rule = slow_rule(&city.hubs[city.services[row].hub], (int)row, need);
        if (!(city.services[row].needs >> need & 1))
            continue;
        if (!any || rank(rule) > rank(farthest))
            farthest = rule;
        any = true;
    }
    return farthest;
}

static void assert_rest(uint64_t left, uint64_t seed)
{
    cr_assert_eq(plan.waiting & plan.unmet, 0, "seed %lu", seed);
    cr_assert_eq(plan.waiting | plan.unmet, left, "seed %lu", seed);
    for (int need = 1; need < NETWORK_NEEDS; need++) {
        enum rule farthest = slow_farthest(need);
        bool is_left = left >> need & 1;
        cr_assert_eq(plan.causes[need], is_left ? slow_cause(farthest) : 0, "seed %lu: need %d", seed, need);
        cr_assert_eq(plan.waiting >> need & 1, is_left && rank(farthest) >= rank(RULE_FULL), "seed %lu", seed);
        cr_assert(!is_left || farthest != RULE_NONE_FAILED, "seed %lu: there is room for need %d", seed, need);
    }
}

/* Follows the plan share by share. */
static unsigned assert_plan(uint64_t seed, unsigned *seen)
{
    struct slow_cover covers[NETWORKS_HUBS_MAX];
    uint64_t left = question.needs, hubs = 0;
    int fewest = 0, fewest_now;

    for (int i = 0; i < plan.shares_count; i++) {
        const struct share *share = &plan.shares[i];
        int chosen = slow_choice(left, covers, &fewest_now);
        fewest = i == 0 ? fewest_now : fewest;
        cr_assert_eq((int)share->verdict.hub, chosen, "seed %lu: share %d goes to hub %u, not %d", seed, i,
                     share->verdict.hub, chosen);
        cr_assert_eq(share->needs, covers[chosen].needs, "seed %lu: share %d", seed, i);
        cr_assert_eq(share->comparison, slow_comparison(covers, chosen), "seed %lu: %s", seed,
                     code_text(LIST_comparison, share->comparison));
        cr_assert_not(hubs >> chosen & 1, "seed %lu: hub %d is asked twice", seed, chosen);
        assert_services(share, seed);
        give(share);
        assert_never_over(seed);
        hubs |= 1u << chosen;
        left &= ~share->needs;
        seen[share->comparison]++;
    }
    cr_assert_eq(slow_choice(left, covers, &fewest_now), -1, "seed %lu: somebody has room", seed);
    if (!has_common_pools())
        cr_assert_eq(plan.shares_count, fewest, "seed %lu: %d hubs would do", seed, fewest);
    assert_rest(left, seed);
    return plan.shares_count;
}

Test(route_model, plans_are_made_of_the_best_hubs_and_of_the_fewest)
{
    unsigned seen[COMPARISON_FRESH + 1] = {0}, shares[NETWORKS_NEEDS + 1] = {0};

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        ask_at_random(&random);
        route_plan(&city.network, &question, city.covers, &plan);
        shares[assert_plan(seed, seen)]++;
    }
    for (int comparison = 1; comparison <= COMPARISON_FRESH; comparison++)
        cr_assert_geq(seen[comparison], 20, "%s came up too seldom", code_text(LIST_comparison, comparison));
    for (int count = 0; count < NETWORKS_NEEDS; count++)
        cr_assert_geq(shares[count], 20, "%d shares came up too seldom", count);
}

Test(route_model, one_need_is_placed_in_the_plain_order)
{
    unsigned placed = 0;

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct slow_cover covers[NETWORKS_HUBS_MAX];
        int fewest, chosen;

        ask_at_random(&random);
        question.needs = NEED_BIT(person.need);
        chosen = slow_choice(question.needs, covers, &fewest);
        route_plan(&city.network, &question, NULL, &plan);
        cr_assert_eq(plan.shares_count, chosen >= 0, "seed %lu", seed);
        if (chosen < 0)
            continue;
        placed++;
        cr_assert_eq((int)plan.shares[0].verdict.hub, chosen, "seed %lu", seed);
        cr_assert_eq(plan.shares[0].services[0], slow_judge((uint32_t)chosen, (int)person.need).row, "seed %lu", seed);
        cr_assert_eq(plan.shares[0].comparison, slow_comparison(covers, chosen), "seed %lu", seed);
    }
    cr_assert_geq(placed, RUNS / 4);
}

/* ---- Candidates and replay ---- */

static bool could_take(uint32_t row)
{
    for (int need = 1; need <= NETWORKS_NEEDS; need++)
        if ((question.needs >> need & 1) &&
            rank(slow_rule(&city.hubs[city.services[row].hub], (int)row, need)) >= rank(RULE_FULL))
            return true;
    return false;
}

static void assert_candidate(const struct candidate *candidate, uint64_t seed)
{
    for (uint32_t row = 0; row < city.network.services_count; row++) {
        const struct service *service = &city.services[row];
        const struct hub *hub = &city.hubs[service->hub];
        if (hub->party != candidate->hub || service->number != candidate->service)
            continue;
        cr_assert(could_take(row), "seed %lu: row %u", seed, row);
        cr_assert_eq(candidate->stale, slow_stale(row), "seed %lu: row %u", seed, row);
        cr_assert_eq(candidate->places_free, candidate->rule == RULE_NONE_FAILED ? room(row) : 0, "seed %lu", seed);
        for (int need = 1; need <= NETWORKS_NEEDS; need++) {
            enum rule rule = slow_rule(hub, (int)row, need);
            if ((question.needs >> need & 1) && rank(rule) >= rank(RULE_FULL))
                cr_assert_eq(candidate->rule, rule, "seed %lu: row %u", seed, row);
        }
        return;
    }
    cr_assert_fail("seed %lu: no such service", seed);
}

Test(route_model, candidates_are_all_that_could_help_with_the_chosen_ones_first)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        uint32_t eligible = 0;
        uint8_t next = 0;

        ask_at_random(&random);
        route_plan(&city.network, &question, city.covers, &plan);
        for (uint32_t row = 0; row < city.network.services_count; row++)
            eligible += could_take(row);
        cr_assert_eq(plan.eligible, eligible, "seed %lu", seed);
        cr_assert_eq(plan.candidates_count, eligible < CANDIDATES_MAX ? eligible : CANDIDATES_MAX, "seed %lu", seed);
        for (int i = 0; i < plan.candidates_count; i++) {
            assert_candidate(&plan.candidates[i], seed);
            for (int other = 0; other < i; other++)
                cr_assert(plan.candidates[i].hub != plan.candidates[other].hub ||
                              plan.candidates[i].service != plan.candidates[other].service,
                          "seed %lu", seed);
        }
        for (int s = 0; s < plan.shares_count; s++)
            for (int i = 0; i < plan.shares[s].services_count; i++)
                cr_assert_eq(plan.candidates[next++].service, city.services[plan.shares[s].services[i]].number,
                             "seed %lu", seed);
    }
}

static void assert_same_shares(const struct plan *other, uint64_t seed)
{
    cr_assert_eq(plan.shares_count, other->shares_count, "seed %lu", seed);
    cr_assert_eq(plan.waiting, other->waiting, "seed %lu", seed);
    cr_assert_eq(plan.unmet, other->unmet, "seed %lu", seed);
    for (int i = 0; i < plan.shares_count; i++) {
        const struct share *a = &plan.shares[i], *b = &other->shares[i];
        cr_assert_eq(a->needs, b->needs, "seed %lu", seed);
        cr_assert_eq(a->verdict.hub, b->verdict.hub, "seed %lu", seed);
        cr_assert_eq(a->verdict.ring, b->verdict.ring, "seed %lu", seed);
        cr_assert_eq(a->verdict.places_free, b->verdict.places_free, "seed %lu", seed);
        cr_assert_eq(a->verdict.stale, b->verdict.stale, "seed %lu", seed);
        cr_assert_eq(a->services_count, b->services_count, "seed %lu", seed);
        cr_assert_eq(memcmp(a->services, b->services, a->services_count * sizeof *a->services), 0, "seed %lu", seed);
    }
}

Test(route_model, a_plan_played_back_from_its_record_has_the_same_shares)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct plan before;

        ask_at_random(&random);
        route_plan(&city.network, &question, city.covers, &before);
        memset(city.places, 0x77, sizeof city.places); /* what has happened since does not matter */
        pace_begin(&city.pace, NETWORKS_DAY + 1);
        question.recorded = before.candidates;
        question.recorded_count = before.candidates_count;
        route_plan(&city.network, &question, city.covers, &plan);
        assert_same_shares(&before, seed);
        for (int i = 0; i < plan.shares_count && before.eligible <= CANDIDATES_MAX; i++)
            cr_assert_eq(plan.shares[i].comparison, before.shares[i].comparison, "seed %lu", seed);
    }
}

Test(route_model, the_same_question_has_the_same_answer)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct plan again;

        ask_at_random(&random);
        memset(&plan, 0x55, sizeof plan);
        memset(&again, 0xaa, sizeof again);
        route_plan(&city.network, &question, city.covers, &plan);
        memset(city.covers, 0x33, sizeof city.covers);
        route_plan(&city.network, &question, city.covers, &again);
        assert_same_shares(&again, seed);
        cr_assert_eq(plan.eligible, again.eligible, "seed %lu", seed);
        cr_assert_eq(plan.candidates_count, again.candidates_count, "seed %lu", seed);
        for (int i = 0; i < plan.candidates_count; i++)
            cr_assert(plan.candidates[i].service == again.candidates[i].service &&
                          plan.candidates[i].rule == again.candidates[i].rule,
                      "seed %lu", seed);
    }
}

/* ---- The order ---- */

static struct verdict verdicts[NETWORKS_HUBS_MAX];
static uint32_t passing[NETWORKS_HUBS_MAX];
static uint32_t passing_count;

static int compare(uint32_t a, uint32_t b, enum comparison *comparison)
{
    return route_compare(&city.network, &question, &verdicts[passing[a]], &verdicts[passing[b]], comparison);
}

Test(route_model, the_comparisons_are_a_total_order)
{
    enum comparison ab, ba, other;

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        ask_at_random(&random);
        passing_count = 0;
        for (uint32_t hub = 0; hub < city.network.hubs_count; hub++) {
            route_judge(&city.network, &question, hub, person.need, &verdicts[hub]);
            if (verdicts[hub].rule == RULE_NONE_FAILED)
                passing[passing_count++] = hub;
        }
        for (uint32_t a = 0; a < passing_count; a++)
            for (uint32_t b = 0; b < passing_count; b++) {
                if (a == b)
                    continue;
                cr_assert(compare(a, b, &ab) != 0 && (compare(a, b, &ab) < 0) == (compare(b, a, &ba) > 0), "seed %lu",
                          seed);
                cr_assert_eq(ab, ba, "seed %lu", seed);
                for (uint32_t c = 0; c < passing_count; c++)
                    if (c != a && c != b && compare(a, b, &ab) < 0 && compare(b, c, &other) < 0)
                        cr_assert_lt(compare(a, c, &other), 0, "seed %lu", seed);
            }
    }
}

/* Turns the array of hubs round by one, with what points into it. */
static void turn_hubs(void)
{
    uint32_t count = city.network.hubs_count;
    struct hub first = city.hubs[0];

    memmove(&city.hubs[0], &city.hubs[1], (count - 1) * sizeof first);
    city.hubs[count - 1] = first;
    for (uint32_t row = 0; row < city.network.services_count; row++)
        city.services[row].hub = (city.services[row].hub + count - 1) % count;
    for (uint32_t i = 0; i < count; i++)
        if (city.hubs[i].parent >= 0)
            city.hubs[i].parent = (int32_t)(((uint32_t)city.hubs[i].parent + count - 1) % count);
    network_ready(&city);
}

Test(route_model, the_order_of_hubs_in_the_array_does_not_matter)
{
    for (unsigned run = 0; run < RUNS / 4; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct plan before;

        ask_at_random(&random);
        route_plan(&city.network, &question, city.covers, &before);
        for (uint32_t turns = 1; turns < city.network.hubs_count; turns++) {
            turn_hubs();
            route_plan(&city.network, &question, city.covers, &plan);
            for (int i = 0; i < before.shares_count; i++) /* hubs are known by their place in the array */
                before.shares[i].verdict.hub =
                    (before.shares[i].verdict.hub + city.network.hubs_count - 1) % city.network.hubs_count;
            assert_same_shares(&before, seed);
            cr_assert_eq(plan.eligible, before.eligible, "seed %lu", seed);
        }
    }
}
