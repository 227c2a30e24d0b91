/* SPDX-License-Identifier: MIT
 * ledger: its accounts against a full recount, its index and its mailboxes against what was put in. */
#include "daemon/ledger.h"

#include "daemon/core/decide.h"
#include "tests/networks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define REFERRALS 60
#define REQUESTS 100000

static struct invented four;
static struct ledger ledger;
static struct referral referrals[REFERRALS];
static int64_t now;

static void begin(void)
{
    struct network *network = &four.network;

    network_of_four(&four);
    now = NETWORKS_NOW_MS;
    ledger_init(&ledger, &network, now);
    cr_assert_null(network, "taken");
    memset(referrals, 0, sizeof referrals);
}

static void finish(void)
{
    ledger_free(&ledger);
}

TestSuite(ledger, .init = begin, .fini = finish);

/* ---- accounts ---- */

/* The network of four, in which two hubs share their places, one has seats, and each takes so many in a week. */
static void share_and_seat(void)
{
    struct network *network = &four.network;

    finish();
    network_of_four(&four);
    four.services[NEAR].owner = HOME;
    four.services[HOME].places = 5;
    four.services[CITY].seats = true;
    four.services[CITY].places = 9;
    four.services[FAR].citywide = true;
    four.services[FAR].per_week = 2;
    ledger_init(&ledger, &network, now);
}

static int parts_waiting(const struct referral *referral)
{
    int waiting = 0;

    for (int i = 0; i < referral->parts_count; i++)
        waiting += part_waits(&referral->parts[i]);
    return waiting;
}

/* By hand: what one offer comes to, in the four rows. */
static void recount_offer(const struct offer *offer, struct places places[4], struct service_figures figures[4])
{
    bool waits = offer->state == STATE_REQUESTED || offer->state == STATE_RECEIVED;
    bool helps = offer->state == STATE_ACCEPTED || offer->state == STATE_IN_PROGRESS || offer->state == STATE_ON_HOLD;
    uint32_t row = offer->hub - 1;
    uint32_t owner = four.services[row].owner;

    if (waits)
        figures[row].offers_open++, places[owner].unanswered++;
    if (helps)
        figures[row].cases_open++;
    if (waits || helps || (four.services[owner].seats && offer->accepted))
        places[owner].used++;
    int64_t week = hours_monday(hours_day(now));
    if ((waits || offer->accepted) && hours_monday(hours_day(offer->made_at)) == week) {
        places[row].taken_in_week++;
        if (owner != row)
            places[owner].taken_in_week++;
    }
}

/* Exactly the open referrals of a person are found. */
static void assert_person(uint64_t hash, uint64_t seed)
{
    bool found[REFERRALS + 1] = {false};
    uint64_t at = 0, number;

    while ((number = ledger_find_person(&ledger, hash, &at))) {
        cr_assert(number <= REFERRALS && !found[number], "seed %lu: once", seed);
        found[number] = true;
    }
    for (int i = 0; i < REFERRALS && referrals[i].number; i++) {
        bool expected =
            referral_is_open(&referrals[i]) && (referrals[i].persons[0] == hash || referrals[i].persons[1] == hash);
        cr_assert_eq(found[i + 1], expected, "seed %lu: referral %d, person %lu", seed, i + 1, hash);
    }
}

static void assert_persons(uint64_t seed)
{
    for (uint64_t i = 0; i < 5; i++) {
        assert_person(1000 + i, seed);
        assert_person(2000 + i, seed);
    }
}

/* Every figure from the referrals alone. */
static void assert_recount(uint64_t seed)
{
    struct totals totals = {0};
    struct places places[4] = {0};
    struct service_figures figures[4] = {0};
    uint64_t waiting = 0;

    for (int i = 0; i < REFERRALS && referrals[i].number; i++) {
        const struct referral *referral = &referrals[i];
        bool open = referral->deadline > 0;
        totals.stored++;
        totals.open += open;
        totals.closed += !open;
        totals.offered += referral->state == STATE_RECEIVED;
        totals.placed += referral->state == STATE_ACCEPTED || referral->state == STATE_IN_PROGRESS ||
                         (referral->state == STATE_ON_HOLD && referral->business_status == BUSINESS_PAUSED);
        totals.waiting += parts_waiting(referral) > 0;
        totals.overdue += open && referral->overdue;
        totals.attention += referral_needs_person(referral);
        waiting += parts_waiting(referral);
        for (int part = 0; part < referral->parts_count; part++) {
            enum need need = __builtin_ctzll(referral->parts[part].needs);
            cr_assert_eq(ledger_position(&ledger, referral, need, now) > 0, part_waits(&referral->parts[part]),
                         "seed %lu", seed);
        }
        for (int offer = 0; offer < referral->offers_count; offer++)
            recount_offer(&referral->offers[offer], places, figures);
    }
    cr_assert_arr_eq(&ledger.totals, &totals, sizeof totals, "seed %lu", seed);
    assert_persons(seed);
    cr_assert_eq(ledger.waitlist.count, waiting, "seed %lu", seed);
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(ledger.places[row].used, places[row].used, "seed %lu", seed);
        cr_assert_eq(ledger.places[row].unanswered, places[row].unanswered, "seed %lu", seed);
        cr_assert_eq(ledger.places[row].taken_in_week, places[row].taken_in_week, "seed %lu", seed);
        cr_assert_eq(ledger.figures[row].offers_open, figures[row].offers_open, "seed %lu", seed);
        cr_assert_eq(ledger.figures[row].cases_open, figures[row].cases_open, "seed %lu", seed);
        cr_assert_leq(places[row].used, four.services[row].places, "seed %lu", seed);
        cr_assert(!four.services[row].per_week || places[row].taken_in_week <= four.services[row].per_week);
    }
}

static void happens(struct referral *referral, struct cause cause)
{
    struct facts facts = {
        .network = &four.network, .places = ledger.places, .pace = &ledger.pace, .now = now, .covers = four.covers};
    struct referral before = *referral;
    struct outcome_of outcome;

    decide(&facts, &cause, referral, &outcome);
    if (!outcome.changed)
        return;
    if (cause.event != EVENT_SUBMITTED)
        ledger_remove(&ledger, &before);
    ledger_add(&ledger, referral);
    ledger_count_offers(&ledger, referral, cause.event == EVENT_SUBMITTED ? 0 : before.offers_count);
}

static void submit(int i, uint64_t *random)
{
    struct referral *referral = &referrals[i];

    *referral = (struct referral){.number = (uint64_t)i + 1, .sender = PARTY_SURGERY, .state = STATE_REQUESTED};
    referral->profile = profile_at_home();
    referral->profile.need = random_below(random, 2) ? NEED_BEFRIENDING : NEED_ADVICE;
    referral->profile.needs = NEED_BIT(referral->profile.need);
    if (random_below(random, 3) == 0)
        referral->profile.needs |= NEED_BIT(NEED_BEFRIENDING) | NEED_BIT(NEED_ADVICE) | NEED_BIT(NEED_FOOD);
    referral->profile.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    referral->profile.safeguarding = random_below(random, 10) == 0;
    if (random_below(random, 8) == 0)
        referral->profile.consent_until = hours_day(now) + random_below(random, 10);
    referral->persons[0] = random_below(random, 4) ? 1000 + random_below(random, 5) : 0;
    referral->persons[1] = random_below(random, 4) ? 2000 + random_below(random, 5) : 0;
    happens(referral, (struct cause){.event = EVENT_SUBMITTED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

/* What a hub, the sender and operators say. */
static struct cause answer_of_hub(const struct referral *referral, const struct part *part, uint64_t *random)
{
    static const enum event answers[] = {EVENT_ACCEPTED,  EVENT_REJECTED,   EVENT_STARTED,
                                         EVENT_COMPLETED, EVENT_FAILED,     EVENT_PAUSED,
                                         EVENT_RESUMED,   EVENT_PROGRESSED, EVENT_HANDED_BACK};

    return (struct cause){.event = answers[random_below(random, sizeof answers / sizeof answers[0])],
                          .role = ROLE_HUB,
                          .actor = referral->offers[part->offer - 1].hub,
                          .offer_number = part->offer,
                          .reason = REASON_DECLINED,
                          .outcome = OUTCOME_GOT_HELP};
}

static struct cause order_of_operator(const struct part *part, uint64_t *random)
{
    static const enum event orders[] = {EVENT_HELD, EVENT_RELEASED, EVENT_RELEASED, EVENT_PRIORITISED, EVENT_REOFFERED};

    return (struct cause){.event = orders[random_below(random, sizeof orders / sizeof orders[0])],
                          .role = ROLE_OPERATOR,
                          .actor = 99,
                          .offer_number = part->offer,
                          .priority = (enum priority)(1 + random_below(random, PRIORITY_STAT))};
}

/* Somebody answers, or the clock does. */
static void go_on(struct referral *referral, uint64_t *random)
{
    const struct part *part = &referral->parts[random_below(random, referral->parts_count)];
    struct cause cause = {.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_SURGERY};

    if (part->offer && random_below(random, 10))
        cause = answer_of_hub(referral, part, random);
    if (part_waits(part))
        cause = (struct cause){.event = EVENT_OFFERED, .need = __builtin_ctzll(part->needs)};
    if (random_below(random, 8) == 0)
        cause = order_of_operator(part, random);
    if (random_below(random, 20) == 0)
        cause = (struct cause){
            .event = EVENT_CANCELLED, .role = ROLE_SENDER, .actor = PARTY_SURGERY, .reason = REASON_NO_LONGER_NEEDED};
    if (random_below(random, 6) == 0)
        cause = (struct cause){.event = EVENT_OVERDUE};
    happens(referral, cause);
}

static void live_through(uint64_t *random, uint64_t seed)
{
    int count = 0;

    for (int step = 0; step < 1500; step++) {
        now += random_below(random, 3600000);
        ledger_begin_day(&ledger, now);
        if (count < REFERRALS && random_below(random, 8) == 0)
            submit(count++, random);
        else if (count)
            go_on(&referrals[random_below(random, (uint32_t)count)], random);
        if (step % 10 == 0)
            assert_recount(seed);
    }
    assert_recount(seed);
    cr_assert_gt(ledger.totals.closed, 0, "seed %lu: something has been lived through", seed);
}

Test(ledger, after_random_histories_its_figures_are_those_of_a_full_recount)
{
    for (unsigned run = 0; run < 10; run++) {
        uint64_t seed = random_seed(run), random = seed;

        finish();
        begin();
        if (run % 2)
            share_and_seat();
        live_through(&random, seed);
    }
}

static void assert_nothing_counts(void)
{
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(ledger.places[row].used, 0);
        cr_assert_eq(ledger.places[row].unanswered, 0);
        cr_assert_eq(ledger.places[row].taken_in_week, 0);
        cr_assert_eq(ledger.figures[row].offers_open, 0);
        cr_assert_eq(ledger.figures[row].cases_open, 0);
    }
}

Test(ledger, what_is_added_and_removed_leaves_every_figure_at_nothing)
{
    uint64_t seed = random_seed(0), random = seed;
    struct totals nothing = {0};

    share_and_seat();
    live_through(&random, seed);
    for (int i = REFERRALS - 1; i >= 0; i--)
        if (referrals[i].number)
            ledger_remove(&ledger, &referrals[i]);
    cr_assert_arr_eq(&ledger.totals, &nothing, sizeof nothing);
    cr_assert_eq(ledger.waitlist.count, 0);
    cr_assert_eq(ledger.persons.count, 0);
    assert_nothing_counts();
}

Test(ledger, every_open_referral_has_a_timer_when_it_is_next_due)
{
    uint64_t seed = random_seed(1), random = seed;
    bool timed[REFERRALS] = {false};
    struct timer timer;

    live_through(&random, seed);
    while (timers_take_due(&ledger.timers, INT64_MAX, &timer))
        timed[timer.referral - 1] |= timer.at == referral_next_due(&referrals[timer.referral - 1]);
    for (int i = 0; i < REFERRALS && referrals[i].number; i++)
        cr_assert(timed[i] || !referral_is_open(&referrals[i]), "seed %lu", seed);
}

Test(ledger, an_offer_of_a_service_that_has_left_counts_for_nobody)
{
    uint64_t random = 1;

    submit(0, &random);
    ledger_remove(&ledger, &referrals[0]);
    referrals[0].offers[0].services[0]++;
    ledger_add(&ledger, &referrals[0]);
    ledger_remove(&ledger, &referrals[0]);
    assert_nothing_counts();
}

/* ---- another network ---- */

static void settle_open(void)
{
    for (uint64_t number = 0; (number = ledger_next_open(&ledger, number + 1));)
        ledger_settle(&ledger, &referrals[number - 1]);
}

static void assert_same_places(const struct ledger *a, const struct ledger *b, uint64_t seed)
{
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(a->places[row].used, b->places[row].used, "seed %lu", seed);
        cr_assert_eq(a->places[row].unanswered, b->places[row].unanswered, "seed %lu", seed);
        cr_assert_eq(a->places[row].taken_in_week, b->places[row].taken_in_week, "seed %lu", seed);
    }
}

Test(ledger, exactly_the_open_referrals_are_found_in_the_order_of_their_numbers)
{
    uint64_t seed = random_seed(3), random = seed, found = 0;

    live_through(&random, seed);
    for (int i = 0; i < REFERRALS && referrals[i].number; i++)
        if (referral_is_open(&referrals[i])) {
            found = ledger_next_open(&ledger, found + 1);
            cr_assert_eq(found, referrals[i].number, "seed %lu", seed);
        }
    cr_assert_eq(ledger_next_open(&ledger, found + 1), 0, "seed %lu", seed);
}

Test(ledger, under_another_network_what_is_closed_counts_as_if_it_had_always_been_in_force)
{
    static struct invented other;

    for (unsigned run = 0; run < 10; run++) {
        uint64_t seed = random_seed(100 + run), random = seed;
        struct network *network = &other.network;
        struct ledger fresh;

        finish();
        begin();
        live_through(&random, seed);
        network_of_four(&other);
        other.services[NEAR].owner = HOME; /* on places of its own before */
        other.services[CITY].seats = true;
        network_ready(&other);
        ledger_take_network(&ledger, &network);
        settle_open();
        network = &other.network;
        ledger_init(&fresh, &network, now);
        for (int i = 0; i < REFERRALS && referrals[i].number; i++)
            ledger_add(&fresh, &referrals[i]);
        assert_same_places(&ledger, &fresh, seed);
        now += INT64_C(7) * 86400000;
        ledger_begin_day(&ledger, now);
        ledger_begin_day(&fresh, now);
        network = &four.network;
        ledger_take_network(&ledger, &network);
        network = &other.network;
        ledger_take_network(&ledger, &network);
        settle_open();
        assert_same_places(&ledger, &fresh, seed);
        cr_assert_eq(ledger.places[CITY].taken_in_week, 0, "seed %lu", seed);
        ledger_free(&fresh);
    }
}

Test(ledger, another_network_with_other_rows_has_the_same_account_of_the_same_referrals)
{
    static struct invented other;
    struct network *network = &other.network;
    uint64_t seed = random_seed(2), random = seed;

    share_and_seat();
    live_through(&random, seed);
    uint64_t waiting = ledger.waitlist.count;
    struct places before[4];
    memcpy(before, ledger.places, sizeof before);
    network_of_four(&other);
    for (int row = HOME; row <= FAR; row++) /* the same services, the other way round */
        other.services[row].number = four.services[FAR - row].number;
    for (int hub = HOME; hub <= FAR; hub++)
        other.hubs[hub].party = FAR - hub + 1;
    other.services[FAR - NEAR].owner = FAR - HOME;
    other.services[FAR - CITY].seats = true;
    network_ready(&other);
    ledger_take_network(&ledger, &network);
    cr_assert_eq(network, &four.network, "given back");
    cr_assert_eq(ledger.waitlist.count, 0);
    settle_open();
    cr_assert_eq(ledger.waitlist.count, waiting, "seed %lu", seed);
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(ledger.places[FAR - row].used, before[row].used, "seed %lu", seed);
        cr_assert_eq(ledger.places[FAR - row].unanswered, before[row].unanswered, "seed %lu", seed);
        cr_assert_eq(ledger.places[FAR - row].taken_in_week, before[row].taken_in_week, "seed %lu", seed);
    }
}

Test(ledger, an_offer_of_two_services_on_the_same_places_takes_one)
{
    struct network *network = &four.network;
    struct referral referral = {.number = 1, .sender = PARTY_SURGERY, .state = STATE_RECEIVED, .deadline = 1};

    finish();
    network_begin(&four);
    network_add_hub(&four, "home", (struct position){10300, 10400}, 0);
    network_add_service(&four, NEED_BIT(NEED_BEFRIENDING), 3, false);
    network_add_service(&four, NEED_BIT(NEED_ADVICE), 3, false)->owner = 0;
    network_add_service(&four, NEED_BIT(NEED_FOOD), 3, false);
    network_ready(&four);
    ledger_init(&ledger, &network, now);
    referral.offers_count = 1;
    referral.offers[0] = (struct offer){.hub = four.hubs[0].party, .services_count = 3, .state = STATE_REQUESTED};
    referral.offers[0].made_at = now;
    for (int i = 0; i < 3; i++)
        referral.offers[0].services[i] = four.services[i].number;
    ledger_add(&ledger, &referral);
    cr_assert_eq(ledger.places[0].used, 1);
    cr_assert_eq(ledger.places[0].unanswered, 1);
    cr_assert_eq(ledger.places[0].taken_in_week, 1);
    cr_assert_eq(ledger.places[1].used, 0);
    cr_assert_eq(ledger.places[1].taken_in_week, 1);
    cr_assert_eq(ledger.places[2].used, 1);
    ledger_remove(&ledger, &referral);
    cr_assert_eq(ledger.places[0].used + ledger.places[0].taken_in_week + ledger.places[1].taken_in_week, 0);
}

/* ---- days and weeks ---- */

Test(ledger, the_account_of_a_week_begins_anew_on_monday_and_of_a_day_at_midnight)
{
    uint64_t random = 1;

    referrals[0].number = 0;
    submit(0, &random); /* on a Sunday */
    uint32_t hub = referrals[0].offers[0].hub;
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 1);
    cr_assert_eq(pace_count(&ledger.pace, PARTY_SURGERY, hub), 1);
    now += 14 * 3600000 - 1;
    ledger_begin_day(&ledger, now);
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 1);
    now += 1;
    ledger_begin_day(&ledger, now);
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 0);
    cr_assert_eq(pace_count(&ledger.pace, PARTY_SURGERY, hub), 0);
    ledger_remove(&ledger, &referrals[0]);
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 0, "last week's offer is not taken off this week's");
}

Test(ledger, an_offer_that_was_not_counted_for_its_week_is_not_taken_off_it)
{
    uint64_t random = 1;

    referrals[0].number = 0;
    ledger_begin_day(&ledger, now - 14 * INT64_C(86400000)); /* a start whose clock has been set back */
    submit(0, &random);
    uint32_t hub = referrals[0].offers[0].hub;
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 0);
    ledger_begin_day(&ledger, now);
    ledger_remove(&ledger, &referrals[0]);
    cr_assert_eq(ledger.places[hub - 1].taken_in_week, 0);
}

Test(ledger, the_pace_of_many_senders_is_counted_however_many_they_are)
{
    struct referral referral = {.offers_count = 1, .offers = {{.needs = NEED_BIT(NEED_FOOD), .made_at = now}}};

    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t sender = 1; sender <= 500; sender++) {
            referral.sender = sender;
            referral.offers[0].hub = 1 + sender % 7;
            ledger_count_offers(&ledger, &referral, 0);
        }
    for (uint32_t sender = 1; sender <= 500; sender++)
        cr_assert_eq(pace_count(&ledger.pace, sender, 1 + sender % 7), 2);
    ledger_count_offers(&ledger, &referral, 1);
    cr_assert_eq(pace_count(&ledger.pace, 500, 1 + 500 % 7), 2, "counted before");
    cr_assert_eq(flow_expected_days(&ledger.flow, NEED_FOOD, 1000), 29);
}

Test(ledger, the_memory_of_who_waits_is_used_again)
{
    uint64_t random = 1;

    for (int row = HOME; row <= FAR; row++)
        ledger.places[row].total = 0;
    submit(0, &random);
    cr_assert_eq(ledger.waitlist.count, 1);
    struct waiting_slot *blocks = ledger.blocks;
    for (int i = 0; i < 100000; i++) {
        ledger_remove(&ledger, &referrals[0]);
        ledger_add(&ledger, &referrals[0]);
        ledger.timers.count = 0;
    }
    cr_assert_eq(ledger.blocks, blocks);
}

/* ---- request ids ---- */

static uint64_t hash_of(uint64_t i)
{
    uint64_t random = i / 2; /* two of each */

    return i < 4 ? i / 2 : random_next(&random) >> (i % 7 == 0 ? 50 : 0);
}

static bool finds(uint64_t hash, uint64_t referral)
{
    uint64_t at = 0;
    uint64_t found;

    while ((found = ledger_find_request(&ledger, hash, &at)))
        if (found == referral)
            return true;
    return false;
}

Test(ledger, a_hundred_thousand_request_ids_are_all_found)
{
    for (uint64_t i = 0; i < REQUESTS; i++)
        ledger_take_request(&ledger, hash_of(i), i + 1);
    cr_assert_eq(ledger.requests.count, REQUESTS);
    for (uint64_t i = 0; i < REQUESTS; i++)
        cr_assert(finds(hash_of(i), i + 1), "referral %lu", i + 1);
    unsigned others =
        0; /* half of the hash is compared, so a few that are not it are found: who asks compares the rest */
    for (uint64_t i = 0; i < REQUESTS; i++) {
        uint64_t at = 0;
        uint64_t random = ~i;
        others += ledger_find_request(&ledger, random_next(&random), &at) != 0;
    }
    cr_assert_lt(others, 30, "%u", others);
}

Test(ledger, only_referrals_of_the_same_hash_are_found)
{
    uint64_t at = 0;

    ledger_take_request(&ledger, 5, 1);
    ledger_take_request(&ledger, 6, 2);
    ledger_take_request(&ledger, 5, 3);
    cr_assert_eq(ledger_find_request(&ledger, 5, &at), 1);
    cr_assert_eq(ledger_find_request(&ledger, 5, &at), 3);
    cr_assert_eq(ledger_find_request(&ledger, 5, &at), 0);
}

/* ---- persons ---- */

#define PEOPLE 3000

static bool finds_person(uint64_t hash, uint64_t referral)
{
    uint64_t at = 0, found;

    while ((found = ledger_find_person(&ledger, hash, &at)))
        if (found == referral)
            return true;
    return false;
}

Test(ledger, persons_who_come_and_go_are_found_as_long_as_they_are_open_whatever_their_hashes)
{
    static struct referral people[PEOPLE];
    static bool is_in[PEOPLE];
    uint64_t random = random_seed(0), count = 0;

    for (uint64_t i = 0; i < PEOPLE; i++) {
        people[i] = (struct referral){.number = i + 1, .state = STATE_RECEIVED, .deadline = 1};
        /* Some share a place of the table, and some even the hash. */
        people[i].persons[0] = i % 3 ? random_next(&random) | 1 : (uint64_t)(1 + random_below(&random, 50)) << 40 | 7;
        people[i].persons[1] = i % 5 ? ~people[i].persons[0] : 0;
    }
    for (int step = 0; step < 20 * PEOPLE; step++) {
        uint32_t i = random_below(&random, PEOPLE);
        (is_in[i] ? ledger_remove : ledger_add)(&ledger, &people[i]);
        is_in[i] = !is_in[i];
        ledger.timers.count = 0;
    }
    for (uint64_t i = 0; i < PEOPLE; i++) {
        cr_assert_eq(finds_person(people[i].persons[0], i + 1), is_in[i], "%lu", i);
        if (people[i].persons[1]) {
            cr_assert_eq(finds_person(people[i].persons[1], i + 1), is_in[i], "%lu", i);
            count += is_in[i];
        }
        count += is_in[i];
    }
    cr_assert_eq(ledger.persons.count, count);
}

Test(ledger, a_closed_referral_is_nobody_s_any_more)
{
    struct referral one = {.number = 1, .state = STATE_RECEIVED, .deadline = 1, .persons = {5, 6}};
    struct referral closed = one;

    ledger_add(&ledger, &one);
    cr_assert(finds_person(5, 1) && finds_person(6, 1));
    ledger_remove(&ledger, &one);
    closed.state = STATE_COMPLETED;
    closed.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    closed.deadline = 0;
    ledger_add(&ledger, &closed);
    cr_assert_not(finds_person(5, 1) || finds_person(6, 1));
}

Test(ledger, a_change_moves_the_persons_that_have_changed_and_leaves_the_others)
{
    struct referral one = {.number = 1, .state = STATE_RECEIVED, .deadline = 1, .persons = {5, 6}};
    struct referral same = one, other = one;

    ledger_add(&ledger, &one);
    same.state = STATE_IN_PROGRESS;
    ledger_change(&ledger, &one, &same);
    cr_assert(finds_person(5, 1) && finds_person(6, 1));
    cr_assert_eq(ledger.persons.count, 2);
    other.persons[1] = 7;
    ledger_change(&ledger, &same, &other);
    cr_assert(finds_person(5, 1) && !finds_person(6, 1) && finds_person(7, 1));
    same.persons[1] = 7;
    same.state = STATE_COMPLETED;
    same.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    same.deadline = 0;
    ledger_change(&ledger, &other, &same);
    cr_assert_eq(ledger.persons.count, 0);
}

/* ---- enquiries ---- */

/* One goes on, and must come up; each of the others is closed at once, long before it would have been due. */
Test(ledger, deadlines_of_closed_referrals_do_not_fill_the_memory)
{
    struct referral one = {.number = 1, .state = STATE_RECEIVED, .deadline = 5000};
    struct timer timer;

    ledger_add(&ledger, &one);
    for (uint64_t number = 2; number <= 10000; number++) {
        struct referral other = {.number = number, .state = STATE_RECEIVED, .deadline = INT64_MAX - 1};
        ledger_add(&ledger, &other);
        ledger_remove(&ledger, &other);
        other.state = STATE_COMPLETED;
        other.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
        other.deadline = 0;
        ledger_add(&ledger, &other);
    }
    cr_assert_leq(ledger.timers.capacity, 64);
    cr_assert(timers_take_due(&ledger.timers, 5000, &timer));
    cr_assert_eq(timer.referral, 1);
    for (uint64_t number = 10001; number <= 20000; number++) {
        struct referral open = {.number = number, .state = STATE_RECEIVED, .deadline = (int64_t)number};
        ledger_add(&ledger, &open);
    }
    for (uint64_t number = 10001; number <= 20000; number++)
        cr_assert(timers_take_due(&ledger.timers, (int64_t)number, &timer) && timer.referral == number);
}

Test(ledger, open_enquiries_are_counted_and_come_up_at_their_deadlines)
{
    static const uint64_t in_order[] = {9, 7, 8};
    struct timer timer;

    ledger_open_enquiry(&ledger, 8, 200);
    ledger_open_enquiry(&ledger, 9, 100);
    ledger_look_at_enquiry(&ledger, 7, 150);
    cr_assert_eq(ledger.totals.enquiries_open, 2);
    ledger_end_enquiry(&ledger);
    cr_assert_eq(ledger.totals.enquiries_open, 1);
    cr_assert_not(timers_take_due(&ledger.enquiries, 99, &timer));
    for (size_t i = 0; i < 3; i++) {
        cr_assert(timers_take_due(&ledger.enquiries, 1000, &timer));
        cr_assert_eq(timer.referral, in_order[i]);
    }
    cr_assert_not(timers_take_due(&ledger.enquiries, 1000, &timer));
}

/* ---- parties ---- */

static struct owed owed_of(uint64_t number)
{
    return (struct owed){.sequence = number & 0xffffffffffff, .letter = number & 3, .type = 60};
}

Test(ledger, a_mailbox_grows_in_order_wherever_its_ring_began)
{
    struct party *party = ledger_add_party(&ledger, "surgery", 1, 40);
    uint64_t random = random_seed(0);
    uint64_t last = 40;
    struct owed owed;

    while (last < 5000) {
        for (uint32_t more = random_below(&random, 40); more > 0; more--, last++)
            cr_assert_eq(ledger_owe(&ledger, party, owed_of(last + 1)), last + 1);
        uint64_t confirmed = party->mailbox.confirmed;
        uint64_t up_to = confirmed + random_below(&random, (uint32_t)(last - confirmed) / 2 + 1);
        while (mailbox_confirm_next(&party->mailbox, 0, up_to, now, &owed))
            cr_assert_eq(owed.sequence, party->mailbox.confirmed);
        for (uint64_t number = party->mailbox.confirmed + 1; number <= last; number++)
            cr_assert_eq(mailbox_at(&party->mailbox, number).sequence, number);
    }
}

Test(ledger, who_has_what_survives_the_growth_of_the_ring)
{
    struct party *party = ledger_add_party(&ledger, "surgery", 1, 0);
    int slot = 0;

    ledger_owe(&ledger, party, owed_of(1));
    mailbox_open(&party->mailbox, 3, now);
    mailbox_sent(&party->mailbox, mailbox_next_to_send(&party->mailbox, 9, &slot), 3, now);
    for (uint64_t number = 2; number <= 100; number++)
        ledger_owe(&ledger, party, owed_of(number));
    cr_assert_eq(mailbox_next_to_send(&party->mailbox, 9, &slot), 2);
    cr_assert_eq(mailbox_next_with(&party->mailbox, 3, 0), 1);
}

Test(ledger, of_a_party_that_is_far_behind_no_more_is_held_than_there_is_room_for)
{
    struct party *party = ledger_add_party(&ledger, "surgery", 1, 0);
    uint64_t held = MAILBOX_HELD_MAX;
    struct owed owed;

    for (uint64_t number = 1; number <= 50000; number++)
        cr_assert_eq(ledger_owe(&ledger, party, owed_of(number)), number);
    cr_assert_eq(party->mailbox.held, MAILBOX_HELD_MAX);
    cr_assert_eq(party->mailbox.capacity, MAILBOX_HELD_MAX);
    cr_assert_not(ledger_has_room_for_owed(&ledger, party));
    for (uint64_t number = 1; number <= 50000; number++) {
        cr_assert_eq(mailbox_confirm_next(&party->mailbox, 0, number, now, &owed), number);
        cr_assert_eq(owed.sequence, number);
        while (ledger_has_room_for_owed(&ledger, party))
            ledger_take_owed(&ledger, party, owed_of(++held));
    }
    cr_assert_eq(party->mailbox.capacity, MAILBOX_HELD_MAX);
    cr_assert_eq(ledger_owe(&ledger, party, owed_of(50001)), 50001);
    cr_assert_eq(mailbox_at(&party->mailbox, 50001).sequence, 50001, "held again");
}

Test(ledger, a_connection_has_the_slot_that_it_was_given)
{
    struct party *party = ledger_add_party(&ledger, "surgery", 1, 0);

    party->connections[4] = 77;
    cr_assert_eq(ledger_slot_of(party, 77), 4);
    cr_assert_eq(ledger_slot_of(party, 78), 0);
    cr_assert_eq(ledger_slot_of(party, 0), 0);
}

Test(ledger, parties_are_found_by_name_and_by_number_and_pushed_to_once)
{
    char id[24];

    for (uint32_t number = 300; number > 0; number--) {
        snprintf(id, sizeof id, "party-%u", number);
        struct party *party = ledger_add_party(&ledger, id, number, 0);
        ledger_to_push(&ledger, party);
        ledger_to_push(&ledger, party);
    }
    cr_assert_eq(ledger.to_push_count, 300);
    cr_assert_eq(ledger_party(&ledger, "party-77"), ledger_party_at(&ledger, 77));
    cr_assert_eq(ledger_party_at(&ledger, 77)->number, 77);
    cr_assert_null(ledger_party(&ledger, "party-301"));
    cr_assert_null(ledger_party_at(&ledger, 0));
    cr_assert_null(ledger_party_at(&ledger, 301));
}
