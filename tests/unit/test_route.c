/* SPDX-License-Identifier: MIT
 * route: each rule and each comparison by a row of its own, several needs, signposts, and records played back. What
 * holds in all networks: test_route_model.c. */
#include "daemon/core/route.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define HOUR_MS INT64_C(3600000)

static struct invented four;
static struct profile person;
static struct offer offers[OFFERS_MAX];
static struct question question;
static struct plan plan;

static void ask(void)
{
    question.needs = person.needs;
    network_ready(&four);
    route_plan(&four.network, &question, four.covers, &plan);
}

static void begin_question(void)
{
    person = profile_at_home();
    memset(offers, 0, sizeof offers);
    question = (struct question){.profile = &person,
                                 .needs = person.needs,
                                 .sender = PARTY_SURGERY,
                                 .offers = offers,
                                 .now = NETWORKS_NOW_MS,
                                 .places = four.places,
                                 .pace = &four.pace};
}

static void ask_four(void)
{
    network_of_four(&four);
    begin_question();
}

static void need(uint64_t needs)
{
    person.needs = needs;
    person.need = (enum need)__builtin_ctzll(needs);
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

static void draining(void)
{
    four.hubs[HOME].status = HUB_DRAINING;
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
    offers[0] = (struct offer){.hub = PARTY_NEAR, .needs = person.needs, .state = STATE_REJECTED};
    offers[1] = (struct offer){.hub = PARTY_HOME, .needs = person.needs, .state = STATE_CANCELLED};
    question.offers_count = 2;
}

static void another_was_asked(void)
{
    was_asked();
    question.offers_count = 1;
}

static void was_asked_about_another_need(void)
{
    was_asked();
    offers[1].needs = NEED_BIT(NEED_ADVICE);
}

static void was_asked_about_this_need_too(void)
{
    was_asked();
    offers[1].needs |= NEED_BIT(NEED_ADVICE);
}

static void may_be_asked_again(void)
{
    was_asked();
    four.hubs[HOME].ask_again = true;
}

static void sent_it(void)
{
    question.sender = PARTY_HOME;
}

static void universal(void)
{
    four.hubs[HOME].tier = TIER_UNIVERSAL;
}

static void low_need(void)
{
    person.tier = TIER_UNIVERSAL;
}

static void specialist_need(void)
{
    person.tier = TIER_SPECIALIST;
}

static void specialist(void)
{
    four.hubs[HOME].tier = TIER_SPECIALIST;
}

static void specialist_for_specialist_need(void)
{
    specialist_need();
    specialist();
}

static void does_not_meet_the_need(void)
{
    need(NEED_BIT(NEED_HOUSING));
}

static void has_no_service(void)
{
    four.hubs[HOME].services_count = 0;
}

static void meets_another_need(void)
{
    need(NEED_BIT(NEED_ADVICE));
}

static void emergency_only(void)
{
    four.services[HOME].emergency_only = true;
}

static void emergency_only_in_an_emergency(void)
{
    emergency_only();
    question.emergency = true;
}

static void usual_in_an_emergency(void)
{
    question.emergency = true;
}

static void begins_tomorrow(void)
{
    four.services[HOME].from_day = NETWORKS_DAY + 1;
}

static void begins_today(void)
{
    four.services[HOME].from_day = NETWORKS_DAY;
}

static void ended_yesterday(void)
{
    four.services[HOME].to_day = NETWORKS_DAY - 1;
}

static void ends_today(void)
{
    four.services[HOME].to_day = NETWORKS_DAY;
}

static void serves_another_area(void)
{
    four.eras[HOME].areas[0] = 1;
    four.eras[HOME].position = (struct position){10000, 20000};
}

static void for_the_whole_city(void)
{
    serves_another_area();
    four.services[HOME].citywide = true;
}

static void specialist_elsewhere(void)
{
    serves_another_area();
    specialist();
}

static void at_the_distance(void)
{
    serves_another_area();
    four.eras[HOME].position = (struct position){11800, 12400}; /* 3,000 m */
}

static void just_beyond_the_distance(void)
{
    serves_another_area();
    four.eras[HOME].position = (struct position){11801, 12401}; /* 3,001 m */
}

static void next_door(void)
{
    serves_another_area();
    four.eras[HOME].position = person.position;
}

static void hub_without_a_place(void)
{
    serves_another_area();
    four.eras[HOME].position = (struct position){0, 0};
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

static void neither_has_a_neighbourhood(void)
{
    serves_another_area();
    four.eras[HOME].areas[0] = NEIGHBOURHOOD_NONE;
    person.neighbourhood = NEIGHBOURHOOD_NONE;
}

static void second_area_is_home(void)
{
    four.eras[HOME].areas[0] = 3;
    four.eras[HOME].areas[1] = 0;
    four.eras[HOME].areas_count = 2;
}

/* The hub's second era: 10,000 m away, for another area. Its rows stand where those of an era of another hub stood. */
static void moves(int64_t day)
{
    static struct era eras[2];

    eras[0] = four.eras[HOME];
    eras[1] = four.eras[HOME];
    eras[1].from_day = day;
    eras[1].areas[0] = 1;
    eras[1].position = (struct position){10000, 20000};
    four.eras[4] = eras[0];
    four.eras[5] = eras[1];
    four.hubs[HOME].eras_first = 4;
    four.hubs[HOME].eras_count = 2;
}

static void moves_tomorrow(void)
{
    moves(NETWORKS_DAY + 1);
}

static void moves_today(void)
{
    moves(NETWORKS_DAY);
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

static void shares_a_pool(uint32_t used)
{
    four.services[HOME].owner = FAR;
    four.places[HOME] = (struct places){0};
    four.places[FAR].used = used;
}

static void shares_a_full_pool(void)
{
    shares_a_pool(PLACES_OF_FOUR);
}

static void shares_a_pool_with_one_left(void)
{
    shares_a_pool(PLACES_OF_FOUR - 1);
}

static void has_taken(uint32_t row, uint32_t taken)
{
    four.services[row].per_week = 3;
    four.places[row].taken_in_week = taken;
}

static void intake_used_up(void)
{
    has_taken(HOME, 3);
}

static void intake_left(void)
{
    has_taken(HOME, 2);
}

static void intake_of_the_pool_used_up(void)
{
    shares_a_pool(0);
    has_taken(FAR, 3);
}

static void intake_of_the_sharer_used_up(void)
{
    shares_a_pool(0);
    has_taken(HOME, 3);
}

static void full_and_intake_used_up(void)
{
    full();
    intake_used_up();
}

static void figure_of_age(int64_t age)
{
    four.network.fresh_ms = 48 * HOUR_MS;
    four.places[HOME].stated_at = question.now - age;
    four.places[HOME].unanswered = 1;
}

static void old_figure(void)
{
    figure_of_age(48 * HOUR_MS + 1);
}

static void figure_just_fresh(void)
{
    figure_of_age(48 * HOUR_MS);
}

static void old_figure_and_nothing_unanswered(void)
{
    old_figure();
    four.places[HOME].unanswered = 0;
}

static void old_figure_of_the_file(void)
{
    old_figure();
    four.places[HOME].stated_at = 0;
    four.network.applied_at = question.now - 48 * HOUR_MS - 1;
}

static void fresh_figure_of_the_file(void)
{
    old_figure_of_the_file();
    four.network.applied_at++;
}

static void figures_never_grow_old(void)
{
    old_figure();
    four.network.fresh_ms = 0;
}

static void sent_there(uint32_t sender, int32_t offers_made)
{
    four.network.pace = 3;
    pace_add(&four.pace, sender, PARTY_HOME, offers_made);
}

static void sender_has_had_its_share(void)
{
    sent_there(PARTY_SURGERY, 3);
}

static void sender_has_one_left(void)
{
    sent_there(PARTY_SURGERY, 2);
}

static void another_sender_has_had_its_share(void)
{
    sent_there(PARTY_CLINIC, 3);
}

static void network_without_a_pace(void)
{
    sender_has_had_its_share();
    four.network.pace = 0;
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

/* Two conditions; the person is of the third tenth. */
static void for_tenths(uint32_t from, uint32_t to)
{
    four.conditions[0] = (struct condition){FACT_DECILE, TEST_AT_LEAST, .number = from};
    four.conditions[1] = (struct condition){FACT_DECILE, TEST_AT_MOST, .number = to};
    four.services[HOME].conditions_count = 2;
}

static void second_condition_not_met(void)
{
    for_tenths(1, 2);
}

static void both_conditions_met(void)
{
    for_tenths(3, 3);
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
    four.eras[HOME].position = (struct position){0};
}

static void satellite_of_the_home_hub(void)
{
    serves_another_area();
    four.hubs[HOME].parent = NEAR;
    four.eras[NEAR].areas[0] = person.neighbourhood;
}

static void satellite_of_another_hub(void)
{
    serves_another_area();
    four.hubs[HOME].parent = FAR;
}

static void satellite_of_a_hub_that_moves_here_today(void)
{
    serves_another_area();
    four.eras[4] = four.eras[5] = four.eras[NEAR];
    four.eras[5].from_day = NETWORKS_DAY;
    four.eras[5].areas[0] = person.neighbourhood;
    four.hubs[NEAR].eras_first = 4;
    four.hubs[NEAR].eras_count = 2;
    four.hubs[HOME].parent = NEAR;
}

/* From the corner of the grid, where nobody is, all would be near. */
static void hub_without_a_place_and_all_are_near(void)
{
    hub_without_a_place();
    four.network.usual.neighbour_distance_m = 1500000;
}

static void declared_neighbour(void)
{
    serves_another_area();
    four.eras[HOME].also[four.eras[HOME].also_count++] = person.neighbourhood;
}

static void no_home_ring_in_this_network(void)
{
    four.network.usual.ring_rank[RING_HOME] = 0;
}

static void neighbours_before_home(void)
{
    four.network.usual.ring_rank[RING_HOME] = 3;
    four.network.usual.ring_rank[RING_NEIGHBOUR] = 1;
}

/* In an emergency hubs are neighbours within 11 km, for befriending and nothing else. */
static void emergency_distance(void)
{
    serves_another_area();
    four.network.emergency.neighbour_distance_m = 11000;
    four.network.emergency_needs = NEED_BIT(NEED_BEFRIENDING);
}

static void emergency_rules_are_on(void)
{
    emergency_distance();
    question.emergency = true;
}

static void emergency_rules_are_on_for_other_needs(void)
{
    emergency_rules_are_on();
    need(NEED_BIT(NEED_ADVICE));
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
    {"planned without a day",            planned,                        RULE_NOT_OPEN,      0,              500,   0},
    {"opens tomorrow",                   opens_tomorrow,                 RULE_NOT_OPEN,      0,              500,   0},
    {"opens today",                      opens_today,                    RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"open, but from tomorrow",          open_from_tomorrow,             RULE_NOT_OPEN,      0,              500,   0},
    {"paused",                           paused,                         RULE_NOT_OPEN,      0,              500,   0},
    {"draining",                         draining,                       RULE_NOT_OPEN,      0,              500,   0},
    {"closed",                           closed,                         RULE_NOT_OPEN,      0,              500,   0},
    {"closed from today",                closes_today,                   RULE_NOT_OPEN,      0,              500,   0},
    {"last day",                         closes_tomorrow,                RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"excluded",                         is_excluded,                    RULE_EXCLUDED,      0,              500,   0},
    {"others excluded",                  others_are_excluded,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"asked before",                     was_asked,                      RULE_ALREADY_ASKED, 0,              500,   0},
    {"another asked before",             another_was_asked,              RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"asked about another need",         was_asked_about_another_need,   RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"asked about this and another",     was_asked_about_this_need_too,  RULE_ALREADY_ASKED, 0,              500,   0},
    {"asked, and may be asked again",    may_be_asked_again,             RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"its own referral",                 sent_it,                        RULE_IS_SENDER,     0,              500,   0},
    {"a universal hub takes nobody",     universal,                      RULE_TIER,          0,              500,   0},
    {"low need, no signpost: as others", low_need,                       RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"specialist need, targeted hub",    specialist_need,                RULE_TIER,          0,              500,   0},
    {"specialist need, specialist hub",  specialist_for_specialist_need, RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"targeted need, specialist hub",    specialist,                     RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"nothing for the need",             does_not_meet_the_need,         RULE_NO_SERVICE,    0,              500,   0},
    {"no service",                       has_no_service,                 RULE_NO_SERVICE,    0,              500,   0},
    {"another need that it meets",       meets_another_need,             RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"for emergencies",                  emergency_only,                 RULE_EMERGENCY_ONLY, 0,             500,   0},
    {"for emergencies, in one",          emergency_only_in_an_emergency, RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"usual service in an emergency",    usual_in_an_emergency,          RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"begins tomorrow",                  begins_tomorrow,                RULE_NOT_RUNNING,   0,              500,   0},
    {"begins today",                     begins_today,                   RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"ended yesterday",                  ended_yesterday,                RULE_NOT_RUNNING,   0,              500,   0},
    {"ends today",                       ends_today,                     RULE_NONE_FAILED,   RING_HOME,      500,   2},
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
    {"one of two conditions not met",    second_condition_not_met,       RULE_CONDITION,     0,              500,   0},
    {"both conditions met",              both_conditions_met,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"neither area nor near nor city",   serves_another_area,            RULE_OUT_OF_AREA,   0,              10000, 0},
    {"citywide",                         for_the_whole_city,             RULE_NONE_FAILED,   RING_CITYWIDE,  10000, 2},
    {"specialists are citywide",         specialist_elsewhere,           RULE_NONE_FAILED,   RING_CITYWIDE,  10000, 2},
    {"a neighbour to the metre",         at_the_distance,                RULE_NONE_FAILED,   RING_NEIGHBOUR, 3000,  2},
    {"a metre too far for a neighbour",  just_beyond_the_distance,       RULE_OUT_OF_AREA,   0,              3001,  0},
    {"at the person's own place",        next_door,                      RULE_NONE_FAILED,   RING_NEIGHBOUR, 0,     2},
    {"hub without a place",              hub_without_a_place,            RULE_OUT_OF_AREA,   0,              0,     0},
    {"the same where all are near",      hub_without_a_place_and_all_are_near,
                                                                         RULE_OUT_OF_AREA,   0,              0,     0},
    {"person without a place",           person_without_a_place,         RULE_OUT_OF_AREA,   0,              0,     0},
    {"person without a neighbourhood",   person_without_a_neighbourhood, RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
    {"no neighbourhood is not an area",  neither_has_a_neighbourhood,    RULE_OUT_OF_AREA,   0,              10000, 0},
    {"the second of its areas",          second_area_is_home,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"moves away tomorrow",              moves_tomorrow,                 RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"moves away today",                 moves_today,                    RULE_OUT_OF_AREA,   0,              10000, 0},
    {"a metre too far to travel",        travels_499_m,                  RULE_TOO_FAR,       RING_HOME,      500,   0},
    {"can just travel there",            travels_500_m,                  RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"travel to nobody knows where",     travel_to_an_unknown_place,     RULE_NONE_FAILED,   RING_HOME,      0,     2},
    {"satellite of the home hub",        satellite_of_the_home_hub,      RULE_NONE_FAILED,   RING_SATELLITE, 10000, 2},
    {"satellite of another hub",         satellite_of_another_hub,       RULE_OUT_OF_AREA,   0,              10000, 0},
    {"satellite of one that moves here", satellite_of_a_hub_that_moves_here_today,
                                                                         RULE_NONE_FAILED,   RING_SATELLITE, 10000, 2},
    {"declared to be a neighbour",       declared_neighbour,             RULE_NONE_FAILED,   RING_NEIGHBOUR, 10000, 2},
    {"a network without home hubs",      no_home_ring_in_this_network,   RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
    {"another order of the rings",       neighbours_before_home,         RULE_NONE_FAILED,   RING_NEIGHBOUR, 500,   2},
    {"emergency distance, no emergency", emergency_distance,             RULE_OUT_OF_AREA,   0,              10000, 0},
    {"emergency distance",               emergency_rules_are_on,         RULE_NONE_FAILED,   RING_NEIGHBOUR, 10000, 2},
    {"emergency for other needs",        emergency_rules_are_on_for_other_needs,
                                                                         RULE_OUT_OF_AREA,   0,              10000, 0},
    {"one place left",                   one_place_left,                 RULE_NONE_FAILED,   RING_HOME,      500,   1},
    {"full",                             full,                           RULE_FULL,          RING_HOME,      500,   0},
    {"more taken than there are",        over_full,                      RULE_FULL,          RING_HOME,      500,   0},
    {"no places at all",                 no_places_at_all,               RULE_FULL,          RING_HOME,      500,   0},
    {"the shared pool is full",          shares_a_full_pool,             RULE_FULL,          RING_HOME,      500,   0},
    {"one left in the shared pool",      shares_a_pool_with_one_left,    RULE_NONE_FAILED,   RING_HOME,      500,   1},
    {"has taken its week's intake",      intake_used_up,                 RULE_INTAKE,        RING_HOME,      500,   0},
    {"one left for the week",            intake_left,                    RULE_NONE_FAILED,   RING_HOME,      500,   1},
    {"the pool's intake is used up",     intake_of_the_pool_used_up,     RULE_INTAKE,        RING_HOME,      500,   0},
    {"the sharer's intake is used up",   intake_of_the_sharer_used_up,   RULE_INTAKE,        RING_HOME,      500,   0},
    {"full comes before intake",         full_and_intake_used_up,        RULE_FULL,          RING_HOME,      500,   0},
    {"old figure, and one unanswered",   old_figure,                     RULE_ASK_FIRST,     RING_HOME,      500,   2},
    {"figure as old as may be",          figure_just_fresh,              RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"old figure, nothing unanswered",   old_figure_and_nothing_unanswered,
                                                                         RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"old figure of the file",           old_figure_of_the_file,         RULE_ASK_FIRST,     RING_HOME,      500,   2},
    {"figure of the file just fresh",    fresh_figure_of_the_file,       RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"no figure grows old",              figures_never_grow_old,         RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"the sender has had its share",     sender_has_had_its_share,       RULE_PACE,          RING_HOME,      500,   2},
    {"one left for the sender",          sender_has_one_left,            RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"another sender has had its share", another_sender_has_had_its_share,
                                                                         RULE_NONE_FAILED,   RING_HOME,      500,   2},
    {"no pace",                          network_without_a_pace,         RULE_NONE_FAILED,   RING_HOME,      500,   2},
};
/* clang-format on */

Test(route, each_rule_passes_fails_and_has_its_boundary)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct verdict verdict;

        ask_four();
        rows[i].given();
        route_judge(&four.network, &question, HOME, person.need, &verdict);
        cr_assert_eq(verdict.rule, rows[i].rule, "%s: %s", rows[i].name, code_text(LIST_rule, verdict.rule));
        cr_assert_eq(verdict.ring, rows[i].ring, "%s: ring %d", rows[i].name, verdict.ring);
        cr_assert_eq(verdict.distance_m, rows[i].distance_m, "%s: %u m", rows[i].name, verdict.distance_m);
        cr_assert_eq(verdict.places_free, rows[i].places_free, "%s: %u free", rows[i].name, verdict.places_free);
        bool has_service = rule_rank(verdict.rule) > rule_rank(RULE_NO_SERVICE);
        cr_assert_eq(verdict.service, has_service ? HOME : -1, "%s", rows[i].name);
        cr_assert(verdict.hub == HOME && verdict.need == person.need, "%s", rows[i].name);
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

/* All rules at once fail; mended one by one, from the first. */
static void fail_everything(void)
{
    draining();
    is_excluded();
    was_asked();
    sent_it();
    universal();
    emergency_only();
    begins_tomorrow();
    from_social_care_only();
    for_those_from_41();
    for_women();
    for_carers();
    second_condition_not_met();
    serves_another_area();
    travels_499_m();
    full();
    old_figure();
    has_taken(HOME, 3);
    pace_add(&four.pace, PARTY_HOME, PARTY_HOME, 1);
    sender_has_had_its_share();
}

/* clang-format off */
static void mend(enum rule rule)
{
    struct service *service = &four.services[HOME];

    switch (rule) {
    case RULE_NOT_OPEN: four.hubs[HOME].status = HUB_OPEN; break;
    case RULE_EXCLUDED: person.excluded_count = 0; break;
    case RULE_ALREADY_ASKED: question.offers_count = 0; break;
    case RULE_IS_SENDER: question.sender = PARTY_SURGERY; break;
    case RULE_TIER: four.hubs[HOME].tier = TIER_TARGETED; break;
    case RULE_EMERGENCY_ONLY: service->emergency_only = false; break;
    case RULE_NOT_RUNNING: service->from_day = 0; break;
    case RULE_SENDER_KIND: service->sources = 0; break;
    case RULE_TOO_YOUNG: service->age_from = 0, service->age_to = 39; break;
    case RULE_TOO_OLD: service->age_to = 0; break;
    case RULE_GENDER: service->genders = 0; break;
    case RULE_CARERS_ONLY: service->carers_only = false; break;
    case RULE_CONDITION: service->conditions_count = 0; break;
    case RULE_OUT_OF_AREA: service->citywide = true; break;
    case RULE_TOO_FAR: person.travel_m = 0; break;
    case RULE_FULL: four.places[HOME].used = 0; break;
    case RULE_INTAKE: service->per_week = 0; break;
    case RULE_ASK_FIRST: four.places[HOME].unanswered = 0; break;
    case RULE_PACE: four.network.pace = 0; break;
    default: break;
    }
}
/* clang-format on */

Test(route, the_first_rule_that_fails_is_named, .init = ask_four)
{
    fail_everything();
    for (size_t i = 0; i < lists[LIST_rule].count; i++) {
        enum rule rule = (enum rule)lists[LIST_rule].codes[i].number;
        struct verdict verdict;

        cr_assert_eq(rule_rank(rule), (int)i);
        if (rule == RULE_NO_SERVICE)
            continue; /* leaves no service that could fail the next */
        route_judge(&four.network, &question, HOME, NEED_BEFRIENDING, &verdict);
        cr_assert_eq(verdict.rule, rule, "%s instead of %s", code_text(LIST_rule, verdict.rule),
                     code_text(LIST_rule, rule));
        mend(rule);
    }
}

Test(route, who_fails_only_one_of_the_last_rules_waits)
{
    cr_assert(rule_waits(RULE_NONE_FAILED) && rule_waits(RULE_FULL) && rule_waits(RULE_INTAKE));
    cr_assert(rule_waits(RULE_ASK_FIRST) && rule_waits(RULE_PACE));
    cr_assert_not(rule_waits(RULE_TOO_FAR) || rule_waits(RULE_NOT_OPEN) || rule_waits(RULE_CONDITION));
}

/* clang-format off */
static const struct {
    enum rule rule;
    enum unmet_cause cause;
} causes[] = {
    {RULE_NOT_OPEN, CAUSE_CLOSED},            {RULE_EXCLUDED, CAUSE_NOT_ELIGIBLE},
    {RULE_ALREADY_ASKED, CAUSE_NOT_ELIGIBLE}, {RULE_IS_SENDER, CAUSE_NOT_ELIGIBLE},
    {RULE_TIER, CAUSE_NOT_ELIGIBLE},          {RULE_NO_SERVICE, CAUSE_NO_SERVICE},
    {RULE_EMERGENCY_ONLY, CAUSE_CLOSED},      {RULE_NOT_RUNNING, CAUSE_CLOSED},
    {RULE_SENDER_KIND, CAUSE_NOT_ELIGIBLE},   {RULE_TOO_YOUNG, CAUSE_NOT_ELIGIBLE},
    {RULE_TOO_OLD, CAUSE_NOT_ELIGIBLE},       {RULE_GENDER, CAUSE_NOT_ELIGIBLE},
    {RULE_CARERS_ONLY, CAUSE_NOT_ELIGIBLE},   {RULE_CONDITION, CAUSE_NOT_ELIGIBLE},
    {RULE_OUT_OF_AREA, CAUSE_TOO_FAR},        {RULE_TOO_FAR, CAUSE_TOO_FAR},
    {RULE_FULL, CAUSE_FULL},                  {RULE_INTAKE, CAUSE_FULL},
    {RULE_ASK_FIRST, CAUSE_FULL},             {RULE_PACE, CAUSE_FULL},
};
/* clang-format on */

Test(route, every_rule_but_the_last_has_its_cause)
{
    cr_assert_eq(COUNT_OF(causes), lists[LIST_rule].count - 1);
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        cr_assert_eq(rule_cause(causes[i].rule), causes[i].cause, "%s", code_text(LIST_rule, causes[i].rule));
}

/* ---- conditions ---- */

/* A person of 40 in the third tenth, with two risks, in a wheelchair, of the network's first plus group, going by bus.
 */
static void describe(void)
{
    ask_four();
    person.risks = CODE_BIT(RISK_FALLS) | CODE_BIT(RISK_NO_FOOD);
    person.adjustments = CODE_BIT(ADJUST_WHEELCHAIR);
    person.transport = TRANSPORT_BUS;
    person.no_fixed_abode = true;
    person.plus[0] = network_service_number("another network's", 17);
    person.plus[1] = four.network.plus_groups[0];
    person.plus_count = 2;
    person.priority = PRIORITY_URGENT;
}

#define RISKS(one, other) CODE_BIT(RISK_##one) | CODE_BIT(RISK_##other)

/* clang-format off */
static const struct {
    struct condition condition;
    bool met;
} conditions[] = {
    {{FACT_DECILE,      TEST_AT_LEAST, .number = 3}, true},  {{FACT_DECILE,      TEST_AT_LEAST, .number = 4}, false},
    {{FACT_DECILE,      TEST_AT_MOST,  .number = 3}, true},  {{FACT_DECILE,      TEST_AT_MOST,  .number = 2}, false},
    {{FACT_AGE,         TEST_AT_LEAST, .number = 40}, true}, {{FACT_AGE,         TEST_AT_LEAST, .number = 41}, false},
    {{FACT_AGE,         TEST_AT_MOST,  .number = 40}, true}, {{FACT_AGE,         TEST_AT_MOST,  .number = 39}, false},
    {{FACT_INTERPRETER, TEST_IS,       .number = 0}, true},  {{FACT_INTERPRETER, TEST_IS,       .number = 1}, false},
    {{FACT_NO_ABODE,    TEST_IS,       .number = 1}, true},  {{FACT_NO_ABODE,    TEST_IS,       .number = 0}, false},
    {{FACT_CARER,       TEST_IS,       .number = 0}, true},  {{FACT_CARER,       TEST_IS,       .number = 1}, false},
    {{FACT_RISKS,       TEST_ANY_OF,  RISKS(FALLS, ANIMAL), 0}, true},
    {{FACT_RISKS,       TEST_ANY_OF,  RISKS(ANIMAL, LONE_VISIT), 0}, false},
    {{FACT_RISKS,       TEST_ALL_OF,  RISKS(FALLS, NO_FOOD), 0}, true},
    {{FACT_RISKS,       TEST_ALL_OF,  RISKS(FALLS, ANIMAL), 0}, false},
    {{FACT_RISKS,       TEST_NONE_OF, RISKS(ANIMAL, LONE_VISIT), 0}, true},
    {{FACT_RISKS,       TEST_NONE_OF, RISKS(ANIMAL, FALLS), 0}, false},
    {{FACT_RISKS,       TEST_ONLY,    RISKS(FALLS, NO_FOOD) | CODE_BIT(RISK_ANIMAL), 0}, true},
    {{FACT_RISKS,       TEST_ONLY,    RISKS(FALLS, ANIMAL), 0}, false},
    {{FACT_ADJUSTMENTS, TEST_ONLY,    CODE_BIT(ADJUST_WHEELCHAIR), 0}, true},
    {{FACT_ADJUSTMENTS, TEST_ONLY,    CODE_BIT(ADJUST_BSL), 0}, false},
    {{FACT_ADJUSTMENTS, TEST_ANY_OF,  CODE_BIT(ADJUST_WHEELCHAIR), 0}, true},
    {{FACT_ADJUSTMENTS, TEST_ANY_OF,  CODE_BIT(ADJUST_BSL), 0}, false},
    {{FACT_PLUS_GROUPS, TEST_ANY_OF,  CODE_BIT(0), 0}, true},
    {{FACT_PLUS_GROUPS, TEST_ANY_OF,  CODE_BIT(1), 0}, false},
    {{FACT_PLUS_GROUPS, TEST_ONLY,    CODE_BIT(0), 0}, true},
    {{FACT_PLUS_GROUPS, TEST_ONLY,    CODE_BIT(1), 0}, false},
    {{FACT_PRIORITY,    TEST_ANY_OF,  CODE_BIT(PRIORITY_URGENT) | CODE_BIT(PRIORITY_STAT), 0}, true},
    {{FACT_PRIORITY,    TEST_ANY_OF,  CODE_BIT(PRIORITY_ROUTINE), 0}, false},
    {{FACT_TRANSPORT,   TEST_ANY_OF,  CODE_BIT(TRANSPORT_BUS), 0}, true},
    {{FACT_TRANSPORT,   TEST_NONE_OF, CODE_BIT(TRANSPORT_BUS), 0}, false},
};
/* clang-format on */

static enum rule judge_with(struct condition condition)
{
    struct verdict verdict;

    four.conditions[0] = condition;
    four.services[HOME].conditions_count = 1;
    route_judge(&four.network, &question, HOME, NEED_BEFRIENDING, &verdict);
    return verdict.rule;
}

Test(route, every_fact_and_every_test_of_a_condition_is_met_and_missed, .init = describe)
{
    bool facts_seen[2][FACT_AGE + 1] = {0}, tests_seen[2][TEST_IS + 1] = {0};

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        bool met = conditions[i].met;

        cr_assert_eq(judge_with(conditions[i].condition), met ? RULE_NONE_FAILED : RULE_CONDITION, "condition %zu", i);
        facts_seen[met][conditions[i].condition.fact] = tests_seen[met][conditions[i].condition.test] = true;
    }
    for (int met = 0; met < 2; met++) {
        for (int fact = FACT_DECILE; fact <= FACT_AGE; fact++)
            cr_assert(facts_seen[met][fact], "%s", code_text(LIST_fact, fact));
        for (int test = TEST_ANY_OF; test <= TEST_IS; test++)
            cr_assert(tests_seen[met][test], "%s", code_text(LIST_test, test));
    }
}

Test(route, a_condition_on_the_tenth_is_not_met_when_it_is_unknown, .init = describe)
{
    person.decile = 0;
    cr_assert_eq(judge_with((struct condition){FACT_DECILE, TEST_AT_MOST, .number = 10}), RULE_CONDITION);
    cr_assert_eq(judge_with((struct condition){FACT_DECILE, TEST_AT_LEAST, .number = 0}), RULE_CONDITION);
}

Test(route, an_unknown_transport_is_none_of_the_codes, .init = describe)
{
    person.transport = 0;
    cr_assert_eq(judge_with((struct condition){FACT_TRANSPORT, TEST_ANY_OF, 31, 0}), RULE_CONDITION);
    cr_assert_eq(judge_with((struct condition){FACT_TRANSPORT, TEST_NONE_OF, 31, 0}), RULE_NONE_FAILED);
}

/* ---- services of one hub ---- */

/* A home hub with two services for the same need. */
static void begin_two_services(void)
{
    network_begin(&four);
    network_add_hub(&four, "both", (struct position){10300, 10400}, 0);
    network_add_service(&four, NEED_BIT(NEED_BEFRIENDING), 3, false);
    network_add_service(&four, NEED_BIT(NEED_BEFRIENDING), 3, false);
    network_ready(&four);
    begin_question();
}

static int32_t service_of_two(void)
{
    struct verdict verdict;

    route_judge(&four.network, &question, 0, NEED_BEFRIENDING, &verdict);
    return verdict.service;
}

Test(route, of_a_hubs_services_the_one_with_most_free_places_is_taken, .init = begin_two_services)
{
    cr_assert_eq(service_of_two(), 0, "the first of two equal ones");
    four.places[1].total++;
    cr_assert_eq(service_of_two(), 1);
    four.services[1].per_week = 1;
    cr_assert_eq(service_of_two(), 0, "what is left for the week counts");
}

Test(route, of_a_hubs_services_the_one_that_gets_farthest_is_taken, .init = begin_two_services)
{
    four.services[0].carers_only = true;
    cr_assert_eq(service_of_two(), 1);
    four.services[1].age_to = 39;
    cr_assert_eq(service_of_two(), 0, "carers only is a later rule than too old");
}

Test(route, of_a_hubs_services_the_one_in_the_nearer_ring_is_taken, .init = begin_two_services)
{
    four.eras[0].areas[0] = 1;
    four.eras[0].position = (struct position){10000, 20000};
    four.services[1].citywide = true;
    cr_assert_eq(service_of_two(), 1);
    four.network.usual.ring_rank[RING_NEIGHBOUR] = 9;
    four.eras[0].also[four.eras[0].also_count++] = 0;
    four.places[0].total = 9;
    cr_assert_eq(service_of_two(), 1, "citywide comes before neighbours here");
}

/* ---- comparisons ---- */

static void assert_chosen(enum comparison comparison, int hub)
{
    ask();
    cr_assert_eq(plan.shares_count, 1);
    cr_assert_eq(plan.shares[0].comparison, comparison, "decided by %s",
                 code_text(LIST_comparison, plan.shares[0].comparison));
    cr_assert_eq(plan.shares[0].verdict.hub, (uint32_t)hub);
    cr_assert_eq(plan.shares[0].services_count, 1);
    cr_assert_eq(plan.shares[0].services[0], hub);
    cr_assert_eq(plan.shares[0].needs, person.needs);
}

/* NEAR and CITY become twins of HOME, which stands first by its number. */
static void make_twins(void)
{
    ask_four();
    for (int hub = NEAR; hub <= CITY; hub++) {
        four.eras[hub].areas[0] = 0;
        four.eras[hub].position = four.eras[HOME].position;
        four.services[hub].citywide = false;
    }
}

TestSuite(comparisons, .init = make_twins);

static void close_all_but_home(void)
{
    for (int hub = NEAR; hub <= FAR; hub++)
        four.hubs[hub].status = HUB_CLOSED;
}

Test(comparisons, a_single_hub_needs_none)
{
    close_all_but_home();
    assert_chosen(COMPARISON_ONLY, HOME);
}

Test(comparisons, the_nearest_ring_comes_first)
{
    ask_four();
    person.preferred_hub = PARTY_CITY;
    four.eras[HOME].position = (struct position){90000, 90000};
    four.places[HOME].used = 1;
    assert_chosen(COMPARISON_RING, HOME);
}

Test(comparisons, then_the_wish_of_the_person)
{
    person.preferred_hub = PARTY_CITY;
    person.priority = PRIORITY_STAT;
    four.eras[CITY].position = (struct position){19000, 10000};
    four.places[CITY].used = 1;
    assert_chosen(COMPARISON_WISH, CITY);
}

/* CITY opens on Sunday at a minute of the day, to eleven; the question is asked at ten. */
static void city_opens_at(uint16_t minute)
{
    four.spans[0] = (struct span){WEEKDAY_SUNDAY, minute, 660};
    four.network.spans_count = 1;
    four.hubs[CITY].hours = (struct hours){0, 1};
    four.eras[CITY].position = (struct position){12000, 10000};
    four.hubs[NEAR].status = HUB_CLOSED;
}

Test(comparisons, then_open_doors_when_it_is_pressing)
{
    city_opens_at(600);
    assert_chosen(COMPARISON_DISTANCE, HOME);
    person.priority = PRIORITY_URGENT;
    assert_chosen(COMPARISON_DISTANCE, HOME);
    person.priority = PRIORITY_ASAP;
    assert_chosen(COMPARISON_OPEN_NOW, CITY);
    person.priority = PRIORITY_STAT;
    assert_chosen(COMPARISON_OPEN_NOW, CITY);
    city_opens_at(601);
    assert_chosen(COMPARISON_DISTANCE, HOME);
}

Test(comparisons, doors_are_not_open_on_a_bank_holiday_or_while_the_hub_is_closed)
{
    city_opens_at(600);
    person.priority = PRIORITY_ASAP;
    network_add_holiday(&four, NETWORKS_DAY);
    assert_chosen(COMPARISON_DISTANCE, HOME);
    four.holidays[0]++;
    assert_chosen(COMPARISON_OPEN_NOW, CITY);
    four.closures[0] = (struct closure){NETWORKS_DAY - 1, NETWORKS_DAY};
    four.hubs[CITY].closures_count = 1;
    assert_chosen(COMPARISON_DISTANCE, HOME);
}

Test(comparisons, the_hours_of_the_service_stand_for_those_of_the_hub)
{
    city_opens_at(600);
    person.priority = PRIORITY_ASAP;
    four.spans[1] = (struct span){WEEKDAY_MONDAY, 600, 660};
    four.services[CITY].hours = (struct hours){1, 1};
    assert_chosen(COMPARISON_DISTANCE, HOME);
}

Test(comparisons, then_a_figure_that_is_not_too_old)
{
    old_figure_and_nothing_unanswered();
    four.places[NEAR].stated_at = question.now;
    four.places[CITY] = four.places[HOME];
    four.eras[NEAR].position = (struct position){12000, 10000};
    assert_chosen(COMPARISON_FRESH, NEAR);
    cr_assert_not(plan.shares[0].verdict.stale);
}

Test(comparisons, an_old_figure_is_offered_to_when_there_is_no_other)
{
    close_all_but_home();
    old_figure_and_nothing_unanswered();
    assert_chosen(COMPARISON_ONLY, HOME);
    cr_assert(plan.shares[0].verdict.stale);
    cr_assert(plan.candidates[0].stale);
}

Test(comparisons, then_the_nearer)
{
    four.eras[CITY].position = (struct position){10100, 10000};
    four.places[CITY].used = 1;
    assert_chosen(COMPARISON_DISTANCE, CITY);
}

Test(comparisons, then_the_one_with_more_free_places)
{
    four.places[CITY].total++;
    assert_chosen(COMPARISON_PLACES, CITY);
}

Test(comparisons, then_the_one_that_joined_first)
{
    assert_chosen(COMPARISON_ORDER, HOME);
    four.hubs[HOME].party = 9;
    network_ready(&four);
    assert_chosen(COMPARISON_ORDER, NEAR);
}

Test(comparisons, the_hub_that_came_closest_names_the_comparison)
{
    four.eras[CITY].position = (struct position){10100, 10000};
    four.hubs[HOME].status = four.hubs[NEAR].status = HUB_CLOSED;
    four.services[FAR].citywide = true;
    assert_chosen(COMPARISON_RING, CITY);
    four.hubs[NEAR].status = HUB_OPEN;
    assert_chosen(COMPARISON_DISTANCE, CITY);
}

/* ---- waiting and unmet ---- */

Test(route, when_all_are_full_it_waits, .init = ask_four)
{
    for (int hub = HOME; hub <= FAR; hub++)
        four.places[hub].used = PLACES_OF_FOUR;
    ask();
    cr_assert_eq(plan.shares_count, 0);
    cr_assert_eq(plan.waiting, person.needs);
    cr_assert_eq(plan.unmet, 0);
    cr_assert_eq(plan.causes[NEED_BEFRIENDING], CAUSE_FULL);
    cr_assert_eq(plan.eligible, 3, "FAR is out of area");
    cr_assert_eq(plan.candidates_count, 3);
    for (int i = 0; i < 3; i++)
        cr_assert(plan.candidates[i].rule == RULE_FULL && plan.candidates[i].places_free == 0);
}

Test(route, one_that_has_no_more_for_the_week_lets_it_wait, .init = ask_four)
{
    close_all_but_home();
    intake_used_up();
    ask();
    cr_assert_eq(plan.waiting, person.needs);
    cr_assert_eq(plan.candidates[0].rule, RULE_INTAKE);
}

Test(route, the_service_that_got_farthest_names_the_cause, .init = ask_four)
{
    for (int hub = HOME; hub <= FAR; hub++)
        four.hubs[hub].status = HUB_PAUSED;
    ask();
    cr_assert_eq(plan.unmet, person.needs);
    cr_assert_eq(plan.causes[NEED_BEFRIENDING], CAUSE_CLOSED);
    four.hubs[CITY].status = HUB_OPEN;
    four.services[CITY].age_from = 41;
    ask();
    cr_assert_eq(plan.causes[NEED_BEFRIENDING], CAUSE_NOT_ELIGIBLE);
    four.hubs[FAR].status = HUB_OPEN;
    ask();
    cr_assert_eq(plan.causes[NEED_BEFRIENDING], CAUSE_TOO_FAR);
    need(NEED_BIT(NEED_HOUSING));
    ask();
    cr_assert_eq(plan.unmet, NEED_BIT(NEED_HOUSING));
    cr_assert_eq(plan.causes[NEED_HOUSING], CAUSE_NO_SERVICE);
    cr_assert_eq(plan.eligible, 0);
}

Test(route, what_was_chosen_is_the_first_candidate, .init = ask_four)
{
    full();
    ask();
    cr_assert_eq(plan.eligible, 3);
    cr_assert_eq(plan.candidates[0].hub, PARTY_NEAR);
    cr_assert_eq(plan.candidates[0].service, four.services[NEAR].number);
    cr_assert_eq(plan.candidates[0].places_free, 2);
    cr_assert_eq(plan.candidates[1].hub, PARTY_HOME);
    cr_assert_eq(plan.candidates[1].rule, RULE_FULL);
    cr_assert_eq(plan.candidates[2].hub, PARTY_CITY);
}

/* ---- several needs ---- */

enum { A = 1, B, C, D }; /* needs */
#define BITS2(one, other) (NEED_BIT(one) | NEED_BIT(other))

static void begin_several(void)
{
    network_begin(&four);
}

static void add(const char *id, int32_t east, uint16_t area, uint64_t needs)
{
    network_add_hub(&four, id, (struct position){10000 + east, 10000}, area);
    network_add_service(&four, needs, 1, true);
}

static void ask_about(uint64_t needs)
{
    network_ready(&four);
    begin_question();
    need(needs);
    ask();
}

static void assert_share(int share, uint32_t hub, uint64_t needs, enum comparison comparison)
{
    cr_assert_lt(share, plan.shares_count);
    cr_assert_eq(plan.shares[share].verdict.hub, hub, "share %d: hub %u", share, plan.shares[share].verdict.hub);
    cr_assert_eq(plan.shares[share].needs, needs, "share %d", share);
    cr_assert_eq(plan.shares[share].comparison, comparison, "share %d: %s", share,
                 code_text(LIST_comparison, plan.shares[share].comparison));
}

TestSuite(several, .init = begin_several);

Test(several, one_hub_that_meets_all_takes_all)
{
    add("home", 100, 0, BITS2(A, B));
    add("other", 200, 0, BITS2(A, B));
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 0, BITS2(A, B), COMPARISON_DISTANCE);
    cr_assert_eq(plan.shares[0].services_count, 1, "one place for both");
    cr_assert_eq(plan.eligible, 2);
}

Test(several, the_home_hub_comes_first_and_takes_what_it_can)
{
    add("city", 100, 1, NEED_BIT(C));
    add("home", 200, 0, BITS2(A, B));
    ask_about(BITS2(A, B) | NEED_BIT(C));
    cr_assert_eq(plan.shares_count, 2);
    assert_share(0, 1, BITS2(A, B), COMPARISON_RING);
    assert_share(1, 0, NEED_BIT(C), COMPARISON_ONLY);
}

Test(several, fewer_hubs_come_before_the_home_hub)
{
    add("home", 100, 0, NEED_BIT(A));
    add("city", 200, 1, BITS2(A, B));
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 1, BITS2(A, B), COMPARISON_FEWEST);
}

/* Who always takes the hub with most needs ends with three. */
Test(several, looking_ahead_finds_two_hubs_where_the_widest_first_takes_three)
{
    add("widest", 100, 0, NEED_BIT(B) | NEED_BIT(C));
    add("left", 200, 0, BITS2(A, B));
    add("right", 300, 0, BITS2(C, D));
    ask_about(BITS2(A, B) | BITS2(C, D));
    cr_assert_eq(plan.shares_count, 2);
    assert_share(0, 1, BITS2(A, B), COMPARISON_DISTANCE);
    assert_share(1, 2, BITS2(C, D), COMPARISON_FEWEST);
}

Test(several, a_hub_that_needs_no_more_hubs_stays_first)
{
    add("near", 100, 0, NEED_BIT(A));
    add("left", 200, 0, BITS2(A, B));
    add("right", 300, 0, BITS2(B, C));
    ask_about(BITS2(A, B) | NEED_BIT(C));
    cr_assert_eq(plan.shares_count, 2);
    assert_share(0, 0, NEED_BIT(A), COMPARISON_DISTANCE);
    assert_share(1, 2, BITS2(B, C), COMPARISON_FEWEST);
}

Test(several, the_primary_need_speaks_for_a_hub)
{
    network_add_hub(&four, "left", (struct position){10000, 20000}, 0);
    network_add_service(&four, NEED_BIT(A), 1, false);
    network_add_hub(&four, "right", (struct position){10000, 19000}, 1);
    network_add_service(&four, NEED_BIT(B), 1, true);
    network_ready(&four);
    begin_question();
    need(BITS2(A, B));
    person.need = (enum need)B;
    ask();
    assert_share(0, 0, NEED_BIT(A), COMPARISON_RING);
    cr_assert_eq(plan.shares[0].verdict.need, A);
    four.eras[0].areas[0] = 1;
    four.services[0].citywide = true;
    ask();
    assert_share(0, 1, NEED_BIT(B), COMPARISON_DISTANCE);
    cr_assert_eq(plan.shares[0].verdict.need, B);
}

Test(several, what_has_no_room_waits_and_what_nobody_offers_is_unmet)
{
    add("home", 100, 0, NEED_BIT(A));
    add("full", 200, 0, NEED_BIT(B));
    four.places[1].used = 1;
    ask_about(BITS2(A, B) | NEED_BIT(C));
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 0, NEED_BIT(A), COMPARISON_ONLY);
    cr_assert(plan.waiting == NEED_BIT(B) && plan.unmet == NEED_BIT(C));
    cr_assert(plan.causes[A] == 0 && plan.causes[B] == CAUSE_FULL && plan.causes[C] == CAUSE_NO_SERVICE);
    cr_assert_eq(plan.eligible, 2);
}

Test(several, a_service_without_room_covers_nothing)
{
    add("full", 100, 0, BITS2(A, B));
    four.places[0].used = 1;
    add("left", 200, 0, NEED_BIT(A));
    add("right", 300, 0, NEED_BIT(B));
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares_count, 2);
    cr_assert(plan.waiting == 0 && plan.unmet == 0);
}

/* Two services at one hub: one offer with both. */
Test(several, an_offer_names_each_service_once)
{
    network_add_hub(&four, "home", (struct position){10100, 10000}, 0);
    network_add_service(&four, NEED_BIT(A), 4, false);
    network_add_service(&four, BITS2(B, C), 2, false);
    ask_about(BITS2(A, B) | NEED_BIT(C));
    cr_assert_eq(plan.shares_count, 1);
    cr_assert_eq(plan.shares[0].services_count, 2);
    cr_assert(plan.shares[0].services[0] == 0 && plan.shares[0].services[1] == 1);
    cr_assert_eq(plan.shares[0].verdict.places_free, 2, "the least of its services");
    cr_assert_eq(plan.eligible, 2, "a service that meets two needs is one candidate");
}

Test(several, a_service_that_is_taken_anyway_meets_the_next_need_too)
{
    network_add_hub(&four, "home", (struct position){10100, 10000}, 0);
    network_add_service(&four, BITS2(A, B), 4, false);
    network_add_service(&four, NEED_BIT(B), 9, false);
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares[0].services_count, 1);
    cr_assert_eq(plan.shares[0].services[0], 0);
}

/* A satellite on the places of its parent, for another need; one place is left. */
static void begin_pool(uint32_t places)
{
    add("parent", 100, 0, NEED_BIT(A));
    add("satellite", 200, 1, NEED_BIT(B));
    four.hubs[1].parent = 0;
    four.services[1].owner = 0;
    four.places[0].total = places;
    four.places[1].total = 0;
}

Test(several, a_shared_pool_is_not_given_twice)
{
    begin_pool(1);
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 0, NEED_BIT(A), COMPARISON_RING);
    cr_assert_eq(plan.waiting, NEED_BIT(B));
    cr_assert_eq(plan.causes[B], CAUSE_FULL);
    four.places[0].total = 2;
    ask();
    cr_assert_eq(plan.shares_count, 2);
    assert_share(1, 1, NEED_BIT(B), COMPARISON_ONLY);
    cr_assert_eq(plan.shares[1].verdict.places_free, 1, "what the first share has left");
    cr_assert_eq(plan.candidates[1].places_free, 2, "as it was before the plan");
}

Test(several, a_pool_is_not_given_over_its_week_nor_twice_when_its_figure_is_old)
{
    begin_pool(5);
    four.services[0].per_week = 4;
    four.places[0].taken_in_week = 3;
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.waiting, NEED_BIT(B));
    four.services[0].per_week = 5;
    ask();
    cr_assert_eq(plan.waiting, 0);
    four.network.fresh_ms = 1;
    ask();
    cr_assert_eq(plan.waiting, NEED_BIT(B), "an old figure: ask first");
}

Test(several, two_services_of_one_pool_in_one_offer_take_one_place)
{
    network_add_hub(&four, "home", (struct position){10100, 10000}, 0);
    network_add_service(&four, NEED_BIT(A), 1, false);
    network_add_service(&four, NEED_BIT(B), 0, false)->owner = 0;
    ask_about(BITS2(A, B));
    cr_assert_eq(plan.shares_count, 1);
    cr_assert_eq(plan.shares[0].services_count, 2);
    cr_assert_eq(plan.waiting, 0);
}

Test(several, a_hub_asked_about_one_need_may_be_asked_about_another)
{
    add("home", 100, 0, BITS2(A, B));
    ask_about(BITS2(A, B));
    offers[0] = (struct offer){.hub = 1, .needs = NEED_BIT(A), .state = STATE_REJECTED};
    question.offers_count = 1;
    ask();
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 0, NEED_BIT(B), COMPARISON_ONLY);
    cr_assert_eq(plan.unmet, NEED_BIT(A));
    cr_assert_eq(plan.causes[A], CAUSE_NOT_ELIGIBLE);
}

Test(several, emergency_rules_hold_for_their_needs_alone)
{
    add("near", 100, 1, BITS2(A, B));
    four.services[0].citywide = false;
    ask_about(BITS2(A, B));
    assert_share(0, 0, BITS2(A, B), COMPARISON_ONLY);
    four.network.emergency_needs = NEED_BIT(B);
    four.network.emergency.neighbour_distance_m = 50;
    question.emergency = true;
    ask();
    assert_share(0, 0, NEED_BIT(A), COMPARISON_ONLY);
    cr_assert_eq(plan.unmet, NEED_BIT(B));
    cr_assert_eq(plan.causes[B], CAUSE_TOO_FAR);
}

Test(several, eight_needs_at_eight_hubs)
{
    for (int n = 1; n <= NEEDS_MAX; n++)
        add((const char *[]){"a", "b", "c", "d", "e", "f", "g", "h"}[n - 1], 900 - 100 * n, 0, NEED_BIT(n));
    ask_about(0x1fe);
    cr_assert_eq(plan.shares_count, NEEDS_MAX);
    for (int share = 0; share < NEEDS_MAX; share++)
        assert_share(share, (uint32_t)(NEEDS_MAX - 1 - share), NEED_BIT(NEEDS_MAX - share),
                     share < NEEDS_MAX - 1 ? COMPARISON_DISTANCE : COMPARISON_ONLY);
}

/* ---- more candidates than a record holds, and records played back ---- */

/* Thirty services at ten home hubs, the last hub the nearest. */
static void begin_crowd(void)
{
    network_begin(&four);
    for (int hub = 0; hub < 10; hub++) {
        network_add_hub(&four, "hub", (struct position){11000 - 10 * hub, 10000}, 0);
        for (int service = 0; service < 3; service++)
            network_add_service(&four, NEED_BIT(A), 2 + (uint32_t)(service == 1), false);
    }
    ask_about(NEED_BIT(A));
}

Test(route, all_are_counted_and_the_chosen_one_is_kept, .init = begin_crowd)
{
    cr_assert_eq(plan.eligible, 30);
    cr_assert_eq(plan.candidates_count, CANDIDATES_MAX);
    assert_share(0, 9, NEED_BIT(A), COMPARISON_DISTANCE);
    cr_assert_eq(plan.candidates[0].hub, 10);
    cr_assert_eq(plan.candidates[0].service, four.services[28].number);
    cr_assert_eq(plan.candidates[1].hub, 1);
    cr_assert_eq(plan.candidates[CANDIDATES_MAX - 1].service, four.services[CANDIDATES_MAX - 2].number);
}

/* Once enough is known, the room of later rings is not looked at; that changes no answer. */
Test(route, hubs_of_later_rings_are_counted_and_do_not_come_first, .init = begin_crowd)
{
    network_add_hub(&four, "later", (struct position){10000, 10000}, 1);
    for (int service = 0; service < 3; service++)
        network_add_service(&four, NEED_BIT(A), 9, true);
    network_add_hub(&four, "nearest", (struct position){10001, 10000}, 0);
    network_add_service(&four, NEED_BIT(A), 1, false);
    four.network.usual.neighbour_distance_m = 0;
    ask_about(NEED_BIT(A));
    cr_assert_eq(plan.eligible, 34);
    assert_share(0, 11, NEED_BIT(A), COMPARISON_DISTANCE);
    cr_assert_eq(plan.candidates[0].hub, 12);
    cr_assert_eq(plan.candidates[0].places_free, 1);
    for (int hub = 0; hub < 12; hub++)
        four.hubs[hub].status = hub == 10 ? HUB_OPEN : HUB_PAUSED;
    ask();
    assert_share(0, 10, NEED_BIT(A), COMPARISON_ONLY);
}

Test(route, a_record_played_back_gives_the_same_whatever_has_happened_since, .init = begin_crowd)
{
    struct plan before = plan;

    for (uint32_t row = 0; row < four.network.services_count; row++)
        four.places[row] = (struct places){.used = 5, .taken_in_week = 9};
    question.recorded = before.candidates;
    question.recorded_count = before.candidates_count;
    ask();
    cr_assert_eq(plan.shares_count, 1);
    assert_share(0, 9, NEED_BIT(A), COMPARISON_DISTANCE);
    cr_assert_eq(plan.shares[0].services[0], 28);
    cr_assert_eq(plan.shares[0].verdict.places_free, 3);
    for (int i = 0; i < CANDIDATES_MAX; i++)
        cr_assert(plan.candidates[i].service == before.candidates[i].service &&
                  plan.candidates[i].places_free == before.candidates[i].places_free);
}

Test(route, what_stands_not_in_a_record_had_no_room, .init = ask_four)
{
    struct candidate near = {PARTY_NEAR, four.services[NEAR].number, 0, RULE_PACE, true};
    struct verdict verdict;

    question.recorded = &near;
    ask();
    cr_assert(plan.shares_count == 0 && plan.waiting == person.needs);
    question.recorded_count = 1;
    ask();
    cr_assert(plan.shares_count == 0 && plan.waiting == person.needs);
    route_judge(&four.network, &question, NEAR, NEED_BEFRIENDING, &verdict);
    cr_assert(verdict.rule == RULE_PACE && verdict.stale);
    near.rule = RULE_NONE_FAILED;
    near.places_free = 1;
    ask();
    cr_assert_eq(plan.shares_count, 1);
    cr_assert_eq(plan.shares[0].verdict.hub, NEAR);
}

/* ---- signposts ---- */

static struct verdict signposts[SIGNPOSTS_MAX];

static uint8_t signpost(void)
{
    question.needs = person.needs;
    return route_signpost(&four.network, &question, signposts);
}

/* Seven libraries, the fourth the nearest, and a hub that is no library. */
static void begin_libraries(void)
{
    network_begin(&four);
    for (int i = 0; i < 7; i++) {
        add("library", i < 4 ? 4000 - 1000 * i : 1000 * i, 3, NEED_BIT(A));
        four.hubs[i].tier = TIER_UNIVERSAL;
        four.places[i].total = 0;
        four.services[i].citywide = false;
    }
    add("hub", 1, 0, BITS2(A, B));
    network_ready(&four);
    begin_question();
    need(NEED_BIT(A));
}

TestSuite(signposts, .init = begin_libraries);

Test(signposts, the_nearest_five_universal_places_are_named)
{
    cr_assert_eq(signpost(), SIGNPOSTS_MAX);
    for (int i = 0; i < SIGNPOSTS_MAX; i++) {
        cr_assert_eq(signposts[i].hub, ((const uint32_t[]){3, 2, 1, 0, 4})[i], "%d", i);
        cr_assert_eq(signposts[i].service, (int32_t)signposts[i].hub);
        cr_assert_eq(signposts[i].need, A);
        cr_assert_eq(signposts[i].distance_m, ((const uint32_t[]){1000, 2000, 3000, 4000, 4000})[i], "%d", i);
    }
}

Test(signposts, a_place_that_is_not_known_comes_last_and_the_persons_own_first)
{
    four.eras[3].position = (struct position){0};
    four.eras[2].position = person.position;
    four.hubs[5].status = four.hubs[6].status = HUB_CLOSED;
    cr_assert_eq(signpost(), SIGNPOSTS_MAX);
    cr_assert_eq(signposts[0].hub, 2);
    cr_assert_eq(signposts[4].hub, 3);
}

Test(signposts, nobody_is_sent_to_a_place_that_is_not_for_them)
{
    person.travel_m = 3999;
    four.hubs[3].status = HUB_PAUSED;
    four.services[2].age_from = 41;
    person.excluded[person.excluded_count++] = 2;
    cr_assert_eq(signpost(), 0);
    person.travel_m = 4000;
    cr_assert_eq(signpost(), 2);
    cr_assert(signposts[0].hub == 0 && signposts[1].hub == 4);
}

Test(signposts, a_service_that_meets_two_needs_is_named_once)
{
    four.services[3].needs = BITS2(A, B);
    network_ready(&four);
    need(BITS2(A, B));
    cr_assert_eq(signpost(), SIGNPOSTS_MAX);
    cr_assert(signposts[0].hub == 3 && signposts[1].hub == 2);
    need(NEED_BIT(B));
    cr_assert_eq(signpost(), 1);
    need(NEED_BIT(C));
    cr_assert_eq(signpost(), 0);
}

Test(signposts, every_need_has_its_place_however_far_or_nobody_is_sent_away)
{
    four.services[5].needs = NEED_BIT(B);
    four.services[6].needs = NEED_BIT(B);
    network_ready(&four);
    need(BITS2(A, B));
    cr_assert_eq(signpost(), SIGNPOSTS_MAX);
    cr_assert(signposts[0].hub == 3 && signposts[0].need == (enum need)A);
    cr_assert(signposts[4].hub == 5 && signposts[4].need == (enum need)B, "the nearest for it stands in the list");
    need(NEED_BIT(A) | NEED_BIT(B) | NEED_BIT(C));
    cr_assert_eq(signpost(), 0);
}

Test(signposts, more_needs_than_places_that_can_be_named_are_not_sent_away)
{
    for (int i = 0; i < 7; i++)
        four.services[i].needs = NEED_BIT(A + i);
    network_ready(&four);
    need(NEED_BIT(A));
    for (int i = 0; i < SIGNPOSTS_MAX; i++)
        person.needs |= NEED_BIT(A + i);
    cr_assert_eq(signpost(), SIGNPOSTS_MAX, "each need its own place, and no room for others");
    person.needs |= NEED_BIT(A + SIGNPOSTS_MAX);
    cr_assert_eq(signpost(), 0);
}

Test(signposts, another_place_that_meets_two_needs_is_named_once)
{
    for (int i = 0; i < 7; i++)
        four.services[i].needs = NEED_BIT(i == 3 ? A : i == 2 ? B : C);
    four.services[0].needs = BITS2(A, B);
    network_ready(&four);
    need(BITS2(A, B));
    cr_assert_eq(signpost(), 3);
    cr_assert_eq(signposts[0].hub, 3);
    cr_assert_eq(signposts[1].hub, 2);
    cr_assert_eq(signposts[2].hub, 0);
}

Test(signposts, no_library_is_asked_to_take_a_case)
{
    person.tier = TIER_UNIVERSAL;
    ask();
    cr_assert_eq(plan.eligible, 1);
    cr_assert_eq(plan.shares[0].verdict.hub, 7);
}
