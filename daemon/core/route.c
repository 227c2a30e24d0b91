/* SPDX-License-Identifier: MIT
 * route: the order of the hubs that meet the rules, and the sharing out of several needs. */
#include "daemon/core/route.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/core/rules.h"

#define NEED_SETS (1 << NEEDS_MAX)
#define OUT_OF_REACH 99 /* more hubs than a plan has */
#define EARLY 8         /* rows */

/* The best hub so far. */
struct choice {
    struct verdict verdict;
    uint32_t needs; /* 0: there is none */
    enum comparison comparison;
};

/* clang-format off */
#define AS_RANK(constant, number, text, meaning) RANK_OF_##constant,
enum comparison_order { COMPARISON_CODES(AS_RANK) COMPARISON_ORDER_COUNT };
#undef AS_RANK
#define AS_ENTRY(constant, number, text, meaning) [constant] = RANK_OF_##constant,
static const uint8_t comparison_order[] = { COMPARISON_CODES(AS_ENTRY) };
#undef AS_ENTRY
/* clang-format on */

/* ---- Comparisons ---- */

static uint8_t ring_rank(const struct network *network, const struct question *question, const struct verdict *verdict)
{
    return route_nearness(network, verdict->need, question->emergency)->ring_rank[verdict->ring];
}

int route_compare(const struct network *network, const struct question *question, const struct verdict *a,
                  const struct verdict *b, enum comparison *comparison)
{
    uint8_t a_rank = ring_rank(network, question, a), b_rank = ring_rank(network, question, b);
    uint32_t a_party = network->hubs[a->hub].party, b_party = network->hubs[b->hub].party;
    uint32_t wish = question->profile->preferred_hub;

    *comparison = COMPARISON_RING;
    if (a_rank != b_rank)
        return (a_rank < b_rank) != PLANTED(47) ? -1 : 1;
    *comparison = COMPARISON_WISH;
    if (wish != PARTY_NONE && (a_party == wish) != (b_party == wish))
        return a_party == wish ? -1 : 1;
    *comparison = COMPARISON_OPEN_NOW;
    if (question->profile->priority >= PRIORITY_ASAP && a->open_now != b->open_now)
        return a->open_now ? -1 : 1;
    *comparison = COMPARISON_FRESH;
    if (a->stale != b->stale)
        return a->stale ? 1 : -1;
    *comparison = COMPARISON_DISTANCE;
    if (a->distance_m != b->distance_m)
        return a->distance_m < b->distance_m ? -1 : 1;
    *comparison = COMPARISON_PLACES;
    if (a->places_free != b->places_free)
        return a->places_free > b->places_free ? -1 : 1;
    *comparison = COMPARISON_ORDER;
    assert(a_party != b_party);
    return a_party < b_party ? -1 : 1;
}

/* What decided is the last comparison that anybody came to with the best. */
static void challenge(const struct view *view, const struct verdict *verdict, uint32_t needs, struct choice *best)
{
    enum comparison comparison = COMPARISON_ONLY;

    if (!best->needs || route_compare(view->network, view->question, verdict, &best->verdict, &comparison) < 0)
        *best = (struct choice){*verdict, needs, comparison};
    else if (comparison_order[comparison] > comparison_order[best->comparison])
        best->comparison = comparison;
}

/* ---- Which hub next ---- */

/* How many rows of the run from `at` on belong to the same hub as the first. In a large network the rows of a need lie
 * far apart: for each, one that is looked at soon is fetched into the cache. */
static uint32_t rows_together(const struct view *view, uint32_t at, uint32_t end)
{
    const struct network *network = view->network;
    const struct service *services = network->services;
    uint32_t next = at;

    do {
        if (next + EARLY < end) {
            __builtin_prefetch(&services[network->by_need[next + EARLY]].hub);
            __builtin_prefetch(&services[network->by_need[next + EARLY]].sources);
            if (view->question->places)
                __builtin_prefetch(&view->question->places[network->by_need[next + EARLY]]);
        }
        next++;
    } while (next < end && network->by_need_hub[next] == network->by_need_hub[at]);
    return next - at;
}

/* The first row of the hub in the run from `at` on, or of one after it. The strides double: a hub that is near in the
 * run is soon found. */
static uint32_t seek(const struct network *network, uint32_t at, uint32_t end, uint32_t hub)
{
    uint32_t high = at;

    for (uint32_t stride = 1; high < end && network->by_need_hub[high] < hub; stride *= 2) {
        at = high + 1;
        high = stride < end - high ? high + stride : end;
    }
    while (at < high) {
        uint32_t middle = at + (high - at) / 2;
        if (network->by_need_hub[middle] < hub)
            at = middle + 1;
        else
            high = middle;
    }
    return at;
}

/* The first position from `at` on that is a hub's which is looked at. */
static uint32_t skip_far(const struct view *view, uint32_t at, uint32_t end)
{
    const struct network *network = view->network;

    while (view->nearby && at < end) {
        uint32_t next = nearby_next(network, view->nearby, network->by_need_hub[at]);
        if (next == network->by_need_hub[at])
            break;
        at = next == UINT32_MAX ? end : seek(network, at, end, next);
    }
    return at;
}

static uint32_t first_row(const struct view *view, enum need need)
{
    return skip_far(view, view->network->by_need_first[need], view->network->by_need_first[need + 1]);
}

/* Judges the hub whose rows the run begins with, and goes past them to the next that is looked at. */
static void judge_next(struct view *view, struct wanted *wanted, uint32_t *at, struct verdict *verdict)
{
    const struct network *network = view->network;
    const uint32_t *rows = &network->by_need[*at];
    uint32_t hub = network->by_need_hub[*at];
    uint32_t end = network->by_need_first[wanted->need + 1];
    uint32_t count = rows_together(view, *at, end);

    *at = skip_far(view, *at + count, end);
    rules_judge(view, wanted, hub, rows, count, verdict);
    if (wanted->farthest != RULE_NONE_FAILED &&
        (!wanted->farthest || rule_rank(verdict->rule) > rule_rank(wanted->farthest)))
        wanted->farthest = verdict->rule;
}

static struct choice choose_for_one(struct view *view, uint32_t needs)
{
    struct wanted *wanted = &view->wanted[__builtin_ctz(needs)];
    struct choice best = {0};

    wanted->farthest = 0;
    for (uint32_t at = first_row(view, wanted->need); at < view->network->by_need_first[wanted->need + 1];) {
        struct verdict verdict;
        judge_next(view, wanted, &at, &verdict);
        if (verdict.rule != RULE_NONE_FAILED)
            continue;
        challenge(view, &verdict, needs, &best);
        if (best.comparison != COMPARISON_ONLY && (!view->plan || view->plan->candidates_count == CANDIDATES_MAX))
            view->rank_to_beat = wanted->nearness->ring_rank[best.verdict.ring];
    }
    view->rank_to_beat = UINT8_MAX;
    return best;
}

/* The first hub that any of the runs has come to; UINT32_MAX: all are at their ends. */
static uint32_t next_hub(const struct view *view, uint32_t needs, const uint32_t at[NEEDS_MAX])
{
    const struct network *network = view->network;
    uint32_t first = UINT32_MAX;

    for (; needs; needs &= needs - 1) {
        int i = __builtin_ctz(needs);
        if (at[i] == network->by_need_first[view->wanted[i].need + 1])
            continue;
        uint32_t hub = network->by_need_hub[at[i]];
        if (hub < first)
            first = hub;
    }
    return first;
}

/* Which of the needs the next hub can take. */
static struct cover cover_next(struct view *view, uint32_t needs, uint32_t hub, uint32_t at[NEEDS_MAX])
{
    const struct network *network = view->network;
    struct cover cover = {.hub = hub};

    for (; needs; needs &= needs - 1) {
        int i = __builtin_ctz(needs);
        struct verdict verdict;
        if (at[i] == network->by_need_first[view->wanted[i].need + 1] || network->by_need_hub[at[i]] != hub)
            continue;
        judge_next(view, &view->wanted[i], &at[i], &verdict);
        if (verdict.rule != RULE_NONE_FAILED)
            continue;
        if (!cover.needs)
            cover.verdict = verdict;
        else if (verdict.places_free < cover.verdict.places_free)
            cover.verdict.places_free = verdict.places_free;
        cover.needs |= 1u << i;
    }
    return cover;
}

static uint32_t survey(struct view *view, uint32_t needs, struct cover *covers)
{
    uint32_t at[NEEDS_MAX], count = 0;

    for (uint8_t i = 0; i < view->wanted_count; i++) {
        at[i] = first_row(view, view->wanted[i].need);
        if (needs & 1u << i)
            view->wanted[i].farthest = 0;
    }
    for (uint32_t hub; (hub = next_hub(view, needs, at)) != UINT32_MAX;) {
        covers[count] = cover_next(view, needs, hub, at);
        count += covers[count].needs != 0;
    }
    return count;
}

/* The sets of needs that hubs cover and that are part of no greater one. */
static uint32_t widest_sets(const struct cover *covers, uint32_t count, uint32_t sets[NEED_SETS])
{
    bool covered[NEED_SETS] = {false};
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++)
        covered[covers[i].needs] = true;
    for (uint32_t set = NEED_SETS - 1; set > 0; set--) { /* a greater set is a greater number */
        bool is_part = !covered[set];
        for (uint32_t i = 0; i < found && !is_part; i++)
            is_part = (sets[i] & set) == set;
        if (!is_part)
            sets[found++] = set;
    }
    return found;
}

/* How many hubs each set of needs takes at least. */
static void count_fewest(const struct cover *covers, uint32_t count, uint32_t all, uint8_t fewest[NEED_SETS])
{
    uint32_t widest[NEED_SETS];
    uint32_t widest_count = widest_sets(covers, count, widest);

    fewest[0] = 0;
    for (uint32_t set = 1; set <= all; set++) {
        uint32_t lowest = set & -set; /* some hub must take this one */
        fewest[set] = OUT_OF_REACH;
        for (uint32_t i = 0; i < widest_count; i++)
            if ((widest[i] & lowest) && fewest[set & ~widest[i]] + 1 < fewest[set])
                fewest[set] = (uint8_t)(fewest[set & ~widest[i]] + 1);
    }
}

/* The best hub among those with which the number of hubs stays the least. */
static struct choice choose_for_several(struct view *view, uint32_t needs, struct cover *covers)
{
    uint32_t count = survey(view, needs, covers), all = 0;
    uint8_t fewest[NEED_SETS];
    struct choice best = {0};
    bool others = false;

    for (uint32_t i = 0; i < count; i++)
        all |= covers[i].needs;
    count_fewest(covers, count, all, fewest);
    for (uint32_t i = 0; i < count; i++) {
        if (fewest[all & ~covers[i].needs] + 1 == fewest[all] || PLANTED(48))
            challenge(view, &covers[i].verdict, covers[i].needs, &best);
        else
            others = true;
    }
    if (others && best.comparison == COMPARISON_ONLY)
        best.comparison = COMPARISON_FEWEST;
    return best;
}

/* ---- The plan ---- */

/* A service that the share has already may meet this need, too. */
static bool is_met_by_share(struct view *view, const struct wanted *wanted, const struct share *share)
{
    for (uint8_t i = 0; i < share->services_count; i++)
        if (rules_allow(view, wanted, (uint32_t)share->services[i]))
            return true;
    return false;
}

/* One offer takes one place of each owner. */
static void give_places(struct view *view, const struct share *share)
{
    uint8_t before = view->given_count;

    for (uint8_t i = 0; i < share->services_count; i++) {
        uint32_t owner = view->network->services[share->services[i]].owner;
        bool is_given = false;
        for (uint8_t g = before; g < view->given_count; g++)
            is_given |= view->given[g] == owner;
        if (!is_given)
            view->given[view->given_count++] = owner;
    }
}

static void take_share(struct view *view, const struct choice *choice, struct plan *plan)
{
    struct share *share = &plan->shares[plan->shares_count++];

    *share = (struct share){.verdict = choice->verdict, .comparison = choice->comparison};
    for (uint32_t needs = choice->needs; needs; needs &= needs - 1) {
        const struct wanted *wanted = &view->wanted[__builtin_ctz(needs)];
        uint32_t rows[NETWORK_SERVICES_MAX];
        uint32_t count = rules_rows(view->network, choice->verdict.hub, wanted->need, rows);
        struct verdict verdict;
        share->needs |= NEED_BIT(wanted->need);
        if (is_met_by_share(view, wanted, share))
            continue;
        rules_judge(view, wanted, choice->verdict.hub, rows, count, &verdict);
        share->services[share->services_count++] = verdict.service;
        if (share->services_count == 1 || verdict.places_free < share->verdict.places_free)
            share->verdict.places_free = verdict.places_free;
    }
    give_places(view, share);
}

/* What was chosen stands in front, also when more candidates were found than there is room for. */
static void put_chosen_first(struct view *view, struct plan *plan)
{
    uint8_t chosen = 0;

    view->given_count = 0; /* as it was before the plan */
    for (uint8_t s = 0; s < plan->shares_count; s++)
        for (uint8_t i = 0; i < plan->shares[s].services_count; i++) {
            struct candidate candidate = rules_candidate(view, (uint32_t)plan->shares[s].services[i]);
            uint8_t at = 0;
            while (at < plan->candidates_count &&
                   (plan->candidates[at].hub != candidate.hub || plan->candidates[at].service != candidate.service))
                at++;
            if (at == CANDIDATES_MAX)
                at--;
            memmove(&plan->candidates[chosen + 1], &plan->candidates[chosen], (at - chosen) * sizeof candidate);
            plan->candidates[chosen++] = candidate;
        }
}

/* The rule of the hub that came farthest. None that is far away gets beyond the area: only when nobody near got so far
 * must they be looked at, until one does. */
static enum rule farthest_of_all(struct view *view, struct wanted *wanted)
{
    uint32_t end = view->network->by_need_first[wanted->need + 1];

    view->nearby = NULL;
    for (uint32_t at = view->network->by_need_first[wanted->need];
         at < end && (!wanted->farthest || rule_rank(wanted->farthest) < rule_rank(RULE_OUT_OF_AREA));) {
        struct verdict verdict;
        judge_next(view, wanted, &at, &verdict);
    }
    return wanted->farthest ? wanted->farthest : RULE_NO_SERVICE;
}

void route_plan(const struct network *network, const struct question *question, struct cover *scratch,
                struct plan *plan)
{
    struct view view = rules_look(network, question, question->needs);
    uint32_t needs = (1u << view.wanted_count) - 1;
    struct nearby nearby;

    rules_find_nearby(&view, &nearby);
    view.nearby = &nearby;
    *plan = (struct plan){0};
    view.plan = plan;
    while (needs) {
        bool is_one = (needs & (needs - 1)) == 0;
        struct choice best = is_one ? choose_for_one(&view, needs) : choose_for_several(&view, needs, scratch);
        view.plan = NULL; /* the first look has seen all candidates */
        if (!best.needs)
            break;
        take_share(&view, &best, plan);
        needs &= ~best.needs;
    }
    for (; needs; needs &= needs - 1) {
        struct wanted *wanted = &view.wanted[__builtin_ctz(needs)];
        enum rule rule = farthest_of_all(&view, wanted);
        plan->causes[wanted->need] = rule_cause(rule);
        *(rule_waits(rule) ? &plan->waiting : &plan->unmet) |= NEED_BIT(wanted->need);
    }
    put_chosen_first(&view, plan);
}

/* ---- Signposts ---- */

static struct verdict signpost_to(const struct view *view, uint32_t row, enum need need)
{
    const struct network *network = view->network;
    uint32_t index = network->services[row].hub;
    const struct era *era = hub_on(network, &network->hubs[index], view->day);

    return (struct verdict){
        .hub = index,
        .need = need,
        .rule = RULE_NONE_FAILED,
        .service = (int32_t)row,
        .distance_m = distance_m(view->question->profile->position, era->position),
    };
}

/* The nearer first, a place that is not known last, then the first of the file. */
static bool is_nearer(const struct view *view, const struct verdict *a, const struct verdict *b)
{
    bool a_known = position_known(hub_on(view->network, &view->network->hubs[a->hub], view->day)->position);
    bool b_known = position_known(hub_on(view->network, &view->network->hubs[b->hub], view->day)->position);

    if (a_known != b_known)
        return a_known;
    return a->distance_m != b->distance_m ? a->distance_m < b->distance_m : a->service < b->service;
}

/* Lets it in at its place among the nearest, of whom there are at most so many; returns how many there are then. */
static uint8_t insert_signpost(const struct view *view, const struct verdict *verdict, uint8_t most,
                               struct verdict *signposts, uint8_t count)
{
    uint8_t at = count;

    while (at > 0 && is_nearer(view, verdict, &signposts[at - 1]))
        at--;
    if (at == most)
        return count;
    if (count < most)
        count++;
    memmove(&signposts[at + 1], &signposts[at], (size_t)(count - at - 1) * sizeof *signposts);
    signposts[at] = *verdict;
    return count;
}

static bool is_named(const struct verdict *signposts, uint8_t count, uint32_t row)
{
    for (uint8_t i = 0; i < count; i++)
        if (signposts[i].service == (int32_t)row)
            return true;
    return false;
}

/* The nearest places for the need, besides those that are named; returns how many. */
static uint8_t find_signposts(const struct view *view, enum need need, const struct verdict *named, uint8_t named_count,
                              uint8_t most, struct verdict *signposts, uint8_t count)
{
    const struct network *network = view->network;

    for (uint32_t i = network->by_need_first[need]; i < network->by_need_first[need + 1]; i++) {
        uint32_t row = network->by_need[i];
        if (is_named(named, named_count, row) || is_named(signposts, count, row) || !rules_invite(view, row))
            continue;
        struct verdict verdict = signpost_to(view, row, need);
        count = insert_signpost(view, &verdict, most, signposts, count);
    }
    return count;
}

/* For each need the nearest place; 0: there is none for one of them, or they would be too many. */
static uint8_t signpost_every_need(const struct view *view, struct verdict signposts[SIGNPOSTS_MAX])
{
    uint64_t met = 0;
    uint8_t count = 0;

    for (uint8_t n = 0; n < view->wanted_count; n++) {
        enum need need = view->wanted[n].need;
        struct verdict nearest;
        if (met & NEED_BIT(need))
            continue;
        if (count == SIGNPOSTS_MAX || !find_signposts(view, need, NULL, 0, 1, &nearest, 0))
            return 0;
        met |= view->network->services[nearest.service].needs;
        count = insert_signpost(view, &nearest, SIGNPOSTS_MAX, signposts, count);
    }
    return count;
}

uint8_t route_signpost(const struct network *network, const struct question *question,
                       struct verdict signposts[SIGNPOSTS_MAX])
{
    struct view view = rules_look(network, question, question->needs);
    struct verdict others[SIGNPOSTS_MAX];
    uint8_t count = signpost_every_need(&view, signposts);
    uint8_t others_count = 0;

    for (uint8_t n = 0; n < view.wanted_count && count > 0 && count < SIGNPOSTS_MAX; n++)
        others_count = find_signposts(&view, view.wanted[n].need, signposts, count, (uint8_t)(SIGNPOSTS_MAX - count),
                                      others, others_count);
    for (uint8_t i = 0; i < others_count; i++)
        count = insert_signpost(&view, &others[i], SIGNPOSTS_MAX, signposts, count);
    return count;
}
