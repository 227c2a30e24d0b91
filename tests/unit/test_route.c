/* SPDX-License-Identifier: MIT
 * route: each rule and each comparison by a row of its own, and the whole against a slow model in random networks. */
#include "daemon/core/route.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define RANDOM_NETWORKS 3000
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct invented four;
static struct profile person;
static struct offer offers[OFFERS_MAX];
static struct question question;

static void ask_four(void)
{
    network_of_four(&four);
    person = profile_at_home();
    question = (struct question){
        .profile = &person, .sender = PARTY_SURGERY, .offers = offers, .day = NETWORKS_DAY, .places = four.places};
}

/* ---- rules ---- */

static void nothing(void)
{
}

static void planned(void)
{
    four.hubs[HOME].status = HUB_PLANNED;
}

static void opens_tomorrow(void)
{
    planned();
    four.hubs[HOME].opens_on = NETWORKS_DAY + 1;
}

static void opens_today(void)
{
    planned();
    four.hubs[HOME].opens_on = NETWORKS_DAY;
}

static void open_from_tomorrow(void)
{
    four.hubs[HOME].opens_on = NETWORKS_DAY + 1;
}

static void paused(void)
{
    four.hubs[HOME].status = HUB_PAUSED;
}

static void closed(void)
{
    four.hubs[HOME].status = HUB_CLOSED;
}

static void closes_today(void)
{
    four.hubs[HOME].closes_on = NETWORKS_DAY;
}

static void closes_tomorrow(void)
{
    four.hubs[HOME].closes_on = NETWORKS_DAY + 1;
}

static void is_excluded(void)
{
    person.excluded[0] = PARTY_FAR;
    person.excluded[1] = PARTY_HOME;
    person.excluded_count = 2;
}

static void others_are_excluded(void)
{
    person.excluded[0] = PARTY_NEAR;
    person.excluded[1] = PARTY_HOME; /* beyond the count */
    person.excluded_count = 1;
}

static void was_asked(void)
{
    offers[0] = (struct offer){.hub = PARTY_NEAR, .state = STATE_REJECTED};
    offers[1] = (struct offer){.hub = PARTY_HOME, .state = STATE_CANCELLED};
    question.offers_count = 2;
}

static void another_was_asked(void)
{
    was_asked();
    question.offers_count = 1;
}

static void sent_it(void)
{
    question.sender = PARTY_HOME;
}

static void does_not_meet_the_need(void)
{
    person.need = NEED_HOUSING;
}

static void has_no_service(void)
{
    four.hubs[HOME].services_count = 0;
}

static void meets_another_need(void)
{
    person.need = NEED_ADVICE;
}

static void serves_another_area(void)
{
    four.hubs[HOME].areas[0] = 1;
    four.hubs[HOME].position = (struct position){10000, 20000};
}

static void for_the_whole_city(void)
{
    serves_another_area();
    four.services[HOME].citywide = true;
}

static void at_the_distance(void)
{
    serves_another_area();
    four.hubs[HOME].position = (struct position){11800, 12400}; /* 3,000 m */
}

static void just_beyond_the_distance(void)
{
    serves_another_area();
    four.hubs[HOME].position = (struct position){11801, 12401}; /* 3,001 m */
}

static void next_door(void)
{
    serves_another_area();
    four.hubs[HOME].position = person.position;
}

static void hub_without_a_place(void)
{
    serves_another_area();
    four.hubs[HOME].position = (struct position){0, 0};
}

static void person_without_a_place(void)
{
    serves_another_area();
    person.position = (struct position){0, 0};
}

static void person_without_a_neighbourhood(void)
{
    person.neighbourhood = NEIGHBOURHOOD_NONE;
}

static void second_area_is_home(void)
{
    four.hubs[HOME].areas[0] = 3;
    four.hubs[HOME].areas[1] = 0;
    four.hubs[HOME].areas_count = 2;
}

static void one_place_left(void)
{
    four.places[HOME].used = PLACES_OF_FOUR - 1;
}

static void full(void)
{
    four.places[HOME].used = PLACES_OF_FOUR;
}

static void over_full(void)
{
    four.places[HOME].used = PLACES_OF_FOUR + 3; /* the hub has stated fewer places than are taken */
}

static void no_places_at_all(void)
{
    four.places[HOME].total = 0;
}

/* The person is a man of 40 who is no carer, referred by a GP link worker. */
static void for_those_from_41(void)
{
    four.services[HOME].age_from = 41;
}

static void for_those_from_40(void)
{
    four.services[HOME].age_from = 40;
}

static void for_those_up_to_39(void)
{
    four.services[HOME].age_to = 39;
}

static void for_those_up_to_40(void)
{
    four.services[HOME].age_to = 40;
}

static void for_women(void)
{
    four.services[HOME].genders = CODE_BIT(GENDER_FEMALE);
}

static void for_men_too(void)
{
    four.services[HOME].genders = CODE_BIT(GENDER_FEMALE) | CODE_BIT(GENDER_MALE);
}

static void for_carers(void)
{
    four.services[HOME].carers_only = true;
}

static void for_carers_and_is_one(void)
{
    four.services[HOME].carers_only = true;
    person.is_carer = true;
}

static void from_social_care_only(void)
{
    four.services[HOME].sources = CODE_BIT(SOURCE_ADULT_SOCIAL_CARE);
}

static void from_link_workers_too(void)
{
    four.services[HOME].sources = CODE_BIT(SOURCE_ADULT_SOCIAL_CARE) | CODE_BIT(SOURCE_GP_LINK_WORKER);
}

static void travels_499_m(void)
{
    person.travel_m = 499;
}

static void travels_500_m(void)
{
    person.travel_m = 500;
}

static void travel_to_an_unknown_place(void)
{
    person.travel_m = 1;
    four.hubs[HOME].position = (struct position){0};
}

static void satellite_of_the_home_hub(void)
{
    serves_another_area();
    four.hubs[HOME].parent = NEAR;
    four.hubs[NEAR].areas[0] = person.neighbourhood;
}

static void satellite_of_another_hub(void)
{
    serves_another_area();
    four.hubs[HOME].parent = FAR;
}

static void declared_neighbour(void)
{
    serves_another_area();
    four.hubs[HOME].also[four.hubs[HOME].also_count++] = person.neighbourhood;
}

static void no_home_ring_in_this_network(void)
{
    four.network.ring_rank[RING_HOME] = 0;
}

static void neighbours_before_home(void)
{
    four.network.ring_rank[RING_HOME] = 3;
    four.network.ring_rank[RING_NEIGHBOUR] = 1;
}

/* clang-format off */
static const struct {
    const char *name;
    void (*given)(void);
    enum rule rule;
    enum ring ring;
    uint32_t distance_m;
    uint32_t places_free;
} rows[] = {
    {"meets every rule",                 nothing,                        RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"planned without a day",            planned,                        RULE_NOT_OPEN,      0,              0,     0},
    {"opens tomorrow",                   opens_tomorrow,                 RULE_NOT_OPEN,      0,              0,     0},
    {"opens today",                      opens_today,                    RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"open, but from tomorrow",          open_from_tomorrow,             RULE_NOT_OPEN,      0,              0,     0},
    {"paused",                           paused,                         RULE_NOT_OPEN,      0,              0,     0},
    {"closed",                           closed,                         RULE_NOT_OPEN,      0,              0,     0},
    {"closed from today",                closes_today,                   RULE_NOT_OPEN,      0,              0,     0},
    {"last day",                         closes_tomorrow,                RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"excluded",                         is_excluded,                    RULE_EXCLUDED,      0,              0,     0},
    {"others excluded",                  others_are_excluded,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"asked before",                     was_asked,                      RULE_ALREADY_ASKED, 0,              0,     0},
    {"another asked before",             another_was_asked,              RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"its own referral",                 sent_it,                        RULE_IS_SENDER,     0,              0,     0},
    {"nothing for the need",             does_not_meet_the_need,         RULE_NO_SERVICE,    0,              500,   0},
    {"no service",                       has_no_service,                 RULE_NO_SERVICE,    0,              500,   0},
    {"another need that it meets",       meets_another_need,             RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"neither area nor near nor city",   serves_another_area,            RULE_OUT_OF_AREA,   0,              10000, 0},
    {"citywide",                         for_the_whole_city,             RULE_NONE_FAILED,   RING_CITYWIDE,  10000, 2},
    {"a neighbour to the metre",         at_the_distance,                RULE_NONE_FAILED,   RING_NEIGHBOUR, 3000,  2},
    {"a metre too far for a neighbour",  just_beyond_the_distance,       RULE_OUT_OF_AREA,   0,              3001,  0},
    {"at the person's own place",        next_door,                      RULE_NONE_FAILED,   RING_NEIGHBOUR, 0,     2},
    {"hub without a place",              hub_without_a_place,            RULE_OUT_OF_AREA,   0,              0,     0},
    {"person without a place",           person_without_a_place,         RULE_OUT_OF_AREA,   0,              0,     0},
    {"person without a neighbourhood",   person_without_a_neighbourhood, RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
    {"the second of its areas",          second_area_is_home,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"one place left",                   one_place_left,                 RULE_NONE_FAILED,   RING_HOME,      500,   1},
    {"full",                             full,                           RULE_FULL,          RING_HOME,      500,   0},
    {"more taken than there are",        over_full,                      RULE_FULL,          RING_HOME,      500,   0},
    {"no places at all",                 no_places_at_all,               RULE_FULL,          RING_HOME,      500,   0},
    {"a year too young",                 for_those_from_41,              RULE_TOO_YOUNG,     0,              500,   0},
    {"just old enough",                  for_those_from_40,              RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"a year too old",                   for_those_up_to_39,             RULE_TOO_OLD,       0,              500,   0},
    {"just young enough",                for_those_up_to_40,             RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"for another gender",               for_women,                      RULE_GENDER,        0,              500,   0},
    {"for this gender too",              for_men_too,                    RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"for carers",                       for_carers,                     RULE_CARERS_ONLY,   0,              500,   0},
    {"for carers, and is one",           for_carers_and_is_one,          RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"from other senders",               from_social_care_only,          RULE_SENDER_KIND,   0,              500,   0},
    {"from this kind of sender too",     from_link_workers_too,          RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"a metre too far to travel",        travels_499_m,                  RULE_TOO_FAR,       RING_HOME,      500,   0},
    {"can just travel there",            travels_500_m,                  RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"travel to nobody knows where",     travel_to_an_unknown_place,     RULE_NONE_FAILED,   RING_HOME,      0,     2},
    {"satellite of the home hub",        satellite_of_the_home_hub,      RULE_NONE_FAILED,   RING_SATELLITE, 10000, 2},
    {"satellite of another hub",         satellite_of_another_hub,       RULE_OUT_OF_AREA,   0,              10000, 0},
    {"declared to be a neighbour",       declared_neighbour,             RULE_NONE_FAILED,   RING_NEIGHBOUR, 10000, 2},
    {"a network without home hubs",      no_home_ring_in_this_network,   RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
    {"another order of the rings",       neighbours_before_home,         RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
};
/* clang-format on */

Test(route, each_rule_passes_fails_and_has_its_boundary)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct verdict verdict;

        ask_four();
        rows[i].given();
        route_judge(&four.network, &question, HOME, &verdict);
        cr_assert_eq(verdict.rule, rows[i].rule, "%s: %s", rows[i].name, code_text(LIST_rule, verdict.rule));
        cr_assert_eq(verdict.ring, rows[i].ring, "%s: ring %d", rows[i].name, verdict.ring);
        cr_assert_eq(verdict.distance_m, rows[i].distance_m, "%s: %u m", rows[i].name, verdict.distance_m);
        cr_assert_eq(verdict.places_free, rows[i].places_free, "%s: %u free", rows[i].name, verdict.places_free);
        bool has_service = verdict.rule == RULE_NONE_FAILED || verdict.rule >= RULE_OUT_OF_AREA;
        cr_assert_eq(verdict.service, has_service ? HOME : -1, "%s", rows[i].name);
    }
}

Test(route, every_rule_has_a_row)
{
    for (size_t r = 0; r < lists[LIST_rule].count; r++) {
        bool has_row = false;

        for (size_t i = 0; i < COUNT_OF(rows); i++)
            has_row |= (int)rows[i].rule == lists[LIST_rule].codes[r].number;
        cr_assert(has_row, "%s", lists[LIST_rule].codes[r].text);
    }
}

Test(route, the_first_rule_that_fails_is_named, .init = ask_four)
{
    struct verdict verdict;

    full();
    sent_it();
    was_asked();
    is_excluded();
    paused();
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.rule, RULE_NOT_OPEN);
    four.hubs[HOME].status = HUB_OPEN;
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.rule, RULE_EXCLUDED);
    person.excluded_count = 0;
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.rule, RULE_ALREADY_ASKED);
    question.offers_count = 0;
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.rule, RULE_IS_SENDER);
    question.sender = PARTY_SURGERY;
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.rule, RULE_FULL);
}

Test(route, of_a_hubs_services_the_one_with_most_free_places_is_taken, .init = ask_four)
{
    struct verdict verdict;

    four.hubs[HOME].services_count = 3; /* those of the next two hubs, too */
    four.places[NEAR].total = 7;
    four.places[CITY].total = 7;
    route_judge(&four.network, &question, HOME, &verdict);
    cr_assert_eq(verdict.service, NEAR, "the first of two equal ones");
    cr_assert_eq(verdict.places_free, 7);
}

/* ---- comparisons ---- */

static struct route choose(void)
{
    struct route route;

    route_choose(&four.network, &question, &route, NULL);
    return route;
}

static void assert_chosen(enum comparison comparison, int hub)
{
    struct route route = choose();

    cr_assert_eq(route.comparison, comparison, "decided by %s", code_text(LIST_comparison, route.comparison));
    cr_assert_eq(route.chosen.hub, (uint32_t)hub);
    cr_assert_eq(route.service, hub);
}

/* NEAR and CITY become twins of HOME, which stands first by its number. */
static void make_twins(void)
{
    ask_four();
    for (int hub = NEAR; hub <= CITY; hub++) {
        four.hubs[hub].areas[0] = 0;
        four.hubs[hub].position = four.hubs[HOME].position;
        four.services[hub].citywide = false;
    }
}

TestSuite(comparisons, .init = make_twins);

Test(comparisons, a_single_hub_needs_none)
{
    four.network.hubs_count = 1;
    assert_chosen(COMPARISON_ONLY, HOME);
}

Test(comparisons, the_nearest_ring_comes_first)
{
    ask_four();
    person.preferred_hub = PARTY_CITY;
    four.hubs[HOME].position = (struct position){90000, 90000};
    four.places[HOME].used = 1;
    assert_chosen(COMPARISON_RING, HOME);
}

Test(comparisons, then_the_wish_of_the_person)
{
    person.preferred_hub = PARTY_CITY;
    four.hubs[CITY].position = (struct position){19000, 10000};
    four.places[CITY].used = 1;
    assert_chosen(COMPARISON_WISH, CITY);
}

Test(comparisons, then_the_nearer)
{
    four.hubs[CITY].position = (struct position){10100, 10000};
    four.places[CITY].used = 1;
    assert_chosen(COMPARISON_DISTANCE, CITY);
}

Test(comparisons, then_the_one_with_more_free_places)
{
    four.places[NEAR].total = 9;
    assert_chosen(COMPARISON_PLACES, NEAR);
}

Test(comparisons, then_the_order_of_hubs)
{
    assert_chosen(COMPARISON_ORDER, HOME);
}

Test(comparisons, what_sets_it_apart_from_the_next_best_is_named)
{
    person.preferred_hub = PARTY_HOME;
    four.hubs[CITY].areas[0] = 3;
    assert_chosen(COMPARISON_WISH, HOME);
}

Test(comparisons, a_wish_for_a_hub_that_may_not_be_asked_decides_nothing)
{
    person.preferred_hub = PARTY_FAR;
    assert_chosen(COMPARISON_ORDER, HOME);
}

Test(route, without_a_free_place_nobody_is_chosen_and_the_full_ones_are_counted, .init = ask_four)
{
    for (int row = HOME; row <= FAR; row++)
        four.places[row].used = PLACES_OF_FOUR;
    cr_assert_eq(choose().service, -1);
    cr_assert_eq(choose().comparison, 0);
    cr_assert_eq(choose().eligible, 3);
}

Test(route, where_no_hub_meets_the_rules_none_is_eligible, .init = ask_four)
{
    person.need = NEED_HOUSING;
    cr_assert_eq(choose().service, -1);
    cr_assert_eq(choose().eligible, 0);
}

/* ---- random networks ---- */

static struct invented city;

static void ask_at_random(uint64_t *random)
{
    network_at_random(&city, random);
    person = profile_at_random(&city, random);
    question = (struct question){.profile = &person,
                                 .sender = random_below(random, 20),
                                 .offers = offers,
                                 .day = NETWORKS_DAY,
                                 .places = city.places};
    for (uint32_t asked = random_below(random, 3); asked > 0; asked--)
        offers[question.offers_count++].hub = 1 + random_below(random, NETWORKS_HUBS_MAX);
}

static int64_t slow_distance(struct position a, struct position b)
{
    int64_t east = a.easting - b.easting;
    int64_t north = a.northing - b.northing;
    int64_t metres = 0;

    if ((a.easting == 0 && a.northing == 0) || (b.easting == 0 && b.northing == 0))
        return -1;
    while ((metres + 1) * (metres + 1) <= east * east + north * north)
        metres++;
    return metres;
}

/* The nearest ring by the network's order; 99: none. */
static void slow_ring(int64_t *best, enum ring ring)
{
    int64_t rank = city.network.ring_rank[ring];

    if (rank && rank < *best)
        *best = rank;
}

/* All that orders one service, smallest first: ring, wish, distance, places, party. False: it may not be asked. */
static bool slow_key(const struct hub *hub, uint32_t row, int64_t key[5])
{
    const struct service *service = &city.services[row];
    int64_t metres = slow_distance(person.position, hub->position);
    int64_t places_free = (int64_t)city.places[row].total - city.places[row].used;
    bool open = hub->status == HUB_OPEN || (hub->status == HUB_PLANNED && hub->opens_on);
    bool allowed = open && question.day >= hub->opens_on && (!hub->closes_on || question.day < hub->closes_on) &&
                   hub->party != question.sender && places_free > 0 && (service->needs >> person.need & 1);

    for (int i = 0; i < person.excluded_count; i++)
        allowed &= person.excluded[i] != hub->party;
    for (int i = 0; i < question.offers_count; i++)
        allowed &= question.offers[i].hub != hub->party;
    allowed &= person.age >= service->age_from && (!service->age_to || person.age <= service->age_to);
    allowed &= !service->genders || (service->genders >> person.gender & 1);
    allowed &= !service->sources || (service->sources >> person.source & 1);
    allowed &= !service->carers_only || person.is_carer;
    allowed &= !person.travel_m || metres <= (int64_t)person.travel_m;
    key[0] = 99;
    if (service->citywide)
        slow_ring(key, RING_CITYWIDE);
    if (metres >= 0 && metres <= city.network.neighbour_distance_m)
        slow_ring(key, RING_NEIGHBOUR);
    for (int i = 0; i < hub->also_count; i++)
        if (person.neighbourhood == hub->also[i])
            slow_ring(key, RING_NEIGHBOUR);
    for (int i = 0; i < hub->areas_count; i++)
        if (person.neighbourhood == hub->areas[i])
            slow_ring(key, RING_HOME);
    for (int i = 0; hub->parent >= 0 && i < city.hubs[hub->parent].areas_count; i++)
        if (person.neighbourhood == city.hubs[hub->parent].areas[i])
            slow_ring(key, RING_SATELLITE);
    key[1] = person.preferred_hub && hub->party == person.preferred_hub ? 0 : 1;
    key[2] = metres < 0 ? 0 : metres;
    key[3] = -places_free;
    key[4] = hub->party;
    return allowed && key[0] != 99;
}

/* The best row of all; -1: none. */
static int slow_choice(void)
{
    int64_t best[5];
    int chosen = -1;

    for (uint32_t h = 0; h < city.network.hubs_count; h++)
        for (uint32_t s = 0; s < city.hubs[h].services_count; s++) {
            uint32_t row = city.hubs[h].services_first + s;
            int64_t key[5];
            int i = 0;

            if (!slow_key(&city.hubs[h], row, key))
                continue;
            while (chosen >= 0 && i < 5 && key[i] == best[i])
                i++;
            if (chosen < 0 || (i < 5 && key[i] < best[i])) {
                chosen = (int)row;
                memcpy(best, key, sizeof best);
            }
        }
    return chosen;
}

Test(route, a_slow_model_makes_the_same_choice_in_random_networks)
{
    unsigned chosen[COMPARISON_ORDER + 1] = {0};

    for (unsigned run = 0; run < RANDOM_NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct route route;

        ask_at_random(&random);
        route_choose(&city.network, &question, &route, city.verdicts);
        cr_assert_eq(route.service, slow_choice(), "seed %lu: %d", seed, route.service);
        chosen[route.comparison]++;
        if (route.service >= 0) {
            const struct places *places = &city.places[route.service];
            cr_assert_lt(places->used, places->total, "seed %lu", seed);
            cr_assert_eq(route.chosen.places_free, places->total - places->used, "seed %lu", seed);
        }
    }
    for (int comparison = 0; comparison <= COMPARISON_ORDER; comparison++)
        cr_assert_geq(chosen[comparison], 10, "%s came up too seldom", code_text(LIST_comparison, comparison));
}

static int compare(uint32_t a, uint32_t b, enum comparison *comparison)
{
    return route_compare(&city.network, &question, &city.verdicts[a], &city.verdicts[b], comparison);
}

Test(route, the_comparisons_are_a_total_order_and_the_choice_is_its_minimum)
{
    enum comparison ab, ba, other;

    for (unsigned run = 0; run < RANDOM_NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        enum comparison closest = COMPARISON_ONLY;
        struct route route;

        ask_at_random(&random);
        route_choose(&city.network, &question, &route, city.verdicts);
        for (uint32_t a = 0; a < city.network.hubs_count; a++) {
            if (city.verdicts[a].rule != RULE_NONE_FAILED)
                continue;
            for (uint32_t b = 0; b < city.network.hubs_count; b++) {
                if (a == b || city.verdicts[b].rule != RULE_NONE_FAILED)
                    continue;
                cr_assert(compare(a, b, &ab) != 0 && (compare(a, b, &ab) < 0) == (compare(b, a, &ba) > 0), "seed %lu",
                          seed);
                cr_assert_eq(ab, ba, "seed %lu", seed);
                if (a == route.chosen.hub && ab > closest)
                    closest = ab;
                for (uint32_t c = 0; c < city.network.hubs_count; c++)
                    if (c != a && c != b && city.verdicts[c].rule == RULE_NONE_FAILED && compare(a, b, &ab) < 0 &&
                        compare(b, c, &other) < 0)
                        cr_assert_lt(compare(a, c, &other), 0, "seed %lu", seed);
            }
            cr_assert(a == route.chosen.hub || compare(route.chosen.hub, a, &ab) < 0, "seed %lu", seed);
        }
        cr_assert_eq(route.comparison, route.service < 0 ? 0 : closest, "seed %lu", seed);
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
}

Test(route, the_order_of_hubs_in_the_array_does_not_matter)
{
    for (unsigned run = 0; run < RANDOM_NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct route before, after;

        ask_at_random(&random);
        route_choose(&city.network, &question, &before, NULL);
        for (uint32_t turns = 1; turns < city.network.hubs_count; turns++) {
            turn_hubs();
            route_choose(&city.network, &question, &after, NULL);
            cr_assert_eq(after.service, before.service, "seed %lu", seed);
            cr_assert_eq(after.comparison, before.comparison, "seed %lu", seed);
            cr_assert_eq(after.eligible, before.eligible, "seed %lu", seed);
            cr_assert(after.service < 0 || city.services[after.service].hub == after.chosen.hub, "seed %lu", seed);
        }
    }
}

Test(route, the_same_question_has_the_same_answer)
{
    for (unsigned run = 0; run < RANDOM_NETWORKS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct verdict again[NETWORKS_HUBS_MAX];
        struct route first, second;

        ask_at_random(&random);
        memset(&first, 0x55, sizeof first);
        memset(&second, 0xaa, sizeof second);
        route_choose(&city.network, &question, &first, city.verdicts);
        route_choose(&city.network, &question, &second, again);
        cr_assert(first.service == second.service && first.comparison == second.comparison &&
                      first.eligible == second.eligible,
                  "seed %lu", seed);
        for (uint32_t i = 0; i < city.network.hubs_count; i++)
            cr_assert(again[i].rule == city.verdicts[i].rule && again[i].service == city.verdicts[i].service &&
                          again[i].ring == city.verdicts[i].ring &&
                          again[i].distance_m == city.verdicts[i].distance_m &&
                          again[i].places_free == city.verdicts[i].places_free && again[i].hub == i,
                      "seed %lu", seed);
    }
}

Test(route, every_square_root_is_exact)
{
    uint64_t random = random_seed(0);

    for (int i = 0; i < 3000; i++) {
        struct position a = {1 + (int32_t)random_below(&random, 700000), 1 + (int32_t)random_below(&random, 1300000)};
        struct position b = {1 + (int32_t)random_below(&random, 700000), 1 + (int32_t)random_below(&random, 1300000)};
        uint64_t east = (uint64_t)llabs((int64_t)a.easting - b.easting);
        uint64_t north = (uint64_t)llabs((int64_t)a.northing - b.northing);
        uint64_t square = east * east + north * north;
        uint64_t metres = distance_m(a, b);

        cr_assert(metres * metres <= square && (metres + 1) * (metres + 1) > square);
        cr_assert_eq(metres, distance_m(b, a));
    }
    cr_assert_eq(distance_m((struct position){1, 1}, (struct position){4, 5}), 5);
    cr_assert_eq(distance_m((struct position){0, 0}, (struct position){4, 5}), 0);
}

Test(network, look_ups_find_what_is_there_and_nothing_else)
{
    ask_four();
    cr_assert_eq(network_find_hub(&four.network, PARTY_CITY), CITY);
    cr_assert_eq(network_find_hub(&four.network, PARTY_SURGERY), -1);
    cr_assert_eq(network_find_hub_by_id(&four.network, "nearby", 4), NEAR);
    cr_assert_eq(network_find_hub_by_id(&four.network, "nearby", 6), -1);
    cr_assert_eq(network_find_hub_by_id(&four.network, "nea", 3), -1);
    cr_assert_eq(network_find_neighbourhood(&four.network, "E02000002", 9), 2);
    cr_assert_eq(network_find_neighbourhood(&four.network, "", 0), -1);
    cr_assert_eq(network_find_service(&four.network, PARTY_NEAR, four.services[NEAR].number), NEAR);
    cr_assert_eq(network_find_service(&four.network, PARTY_NEAR, four.services[CITY].number), -1);
    cr_assert_eq(network_find_service(&four.network, PARTY_CLINIC, four.services[CITY].number), -1);
}
