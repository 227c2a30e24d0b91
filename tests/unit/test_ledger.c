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
    ledger_init(&ledger, &network);
    cr_assert_null(network, "taken");
    memset(referrals, 0, sizeof referrals);
    now = NETWORKS_NOW_MS;
}

static void finish(void)
{
    ledger_free(&ledger);
}

TestSuite(ledger, .init = begin, .fini = finish);

/* ---- accounts ---- */

static bool waits(const struct referral *referral)
{
    return referral->business_status == BUSINESS_WAITLISTED;
}

/* Every figure from the referrals alone. */
static void assert_recount(uint64_t seed)
{
    struct totals totals = {0};
    uint32_t used[4] = {0}, offers[4] = {0}, cases[4] = {0};

    for (int i = 0; i < REFERRALS && referrals[i].number; i++) {
        const struct referral *referral = &referrals[i];
        uint8_t current = referral_current_offer(referral);
        bool open = referral->deadline > 0;
        totals.stored++;
        totals.open += open;
        totals.closed += !open;
        totals.offered += current && referral->state == STATE_RECEIVED;
        totals.placed += current && referral->state != STATE_RECEIVED;
        totals.waiting += waits(referral);
        totals.overdue += open && referral->overdue;
        totals.attention += referral_needs_person(referral);
        cr_assert_eq(ledger_position(&ledger, referral) > 0, waits(referral), "seed %lu", seed);
        if (!current)
            continue;
        uint32_t hub = referral->offers[current - 1].hub - 1;
        used[hub]++;
        if (referral->state == STATE_RECEIVED)
            offers[hub]++;
        else
            cases[hub]++;
    }
    cr_assert_arr_eq(&ledger.totals, &totals, sizeof totals, "seed %lu", seed);
    cr_assert_eq(ledger.waitlist.count, totals.waiting, "seed %lu", seed);
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(ledger.places[row].used, used[row], "seed %lu", seed);
        cr_assert_eq(ledger.figures[row].offers_open, offers[row], "seed %lu", seed);
        cr_assert_eq(ledger.figures[row].cases_open, cases[row], "seed %lu", seed);
        cr_assert_leq(used[row], four.services[row].places, "seed %lu", seed);
    }
}

static void happens(struct referral *referral, struct cause cause)
{
    struct facts facts = {.network = &four.network, .places = ledger.places, .now = now, .verdicts = four.verdicts};
    struct referral before = *referral;
    struct outcome_of outcome;

    decide(&facts, &cause, referral, &outcome);
    if (!outcome.changed)
        return;
    if (cause.event != EVENT_SUBMITTED)
        ledger_remove(&ledger, &before);
    ledger_add(&ledger, referral);
}

static void submit(int i, uint64_t *random)
{
    referrals[i] = (struct referral){.number = (uint64_t)i + 1, .sender = PARTY_SURGERY, .state = STATE_REQUESTED};
    referrals[i].profile = profile_at_home();
    referrals[i].profile.need = random_below(random, 2) ? NEED_BEFRIENDING : NEED_ADVICE;
    referrals[i].profile.priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    referrals[i].profile.safeguarding = random_below(random, 10) == 0;
    happens(&referrals[i], (struct cause){.event = EVENT_SUBMITTED, .actor = PARTY_SURGERY});
}

/* Somebody answers, or the clock does. */
static void go_on(struct referral *referral, uint64_t *random)
{
    static const enum event answers[] = {EVENT_ACCEPTED, EVENT_REJECTED, EVENT_STARTED, EVENT_COMPLETED, EVENT_FAILED};
    struct cause cause = {.event = answers[random_below(random, 5)], .offer_number = referral_current_offer(referral)};

    if (cause.offer_number)
        cause.actor = referral->offers[cause.offer_number - 1].hub;
    else
        cause.event = random_below(random, 2) ? EVENT_OUTCOME_CONFIRMED : EVENT_OFFERED;
    if (random_below(random, 12) == 0)
        cause = (struct cause){.event = EVENT_CANCELLED, .actor = PARTY_SURGERY};
    if (random_below(random, 6) == 0)
        cause = (struct cause){.event = EVENT_OVERDUE};
    happens(referral, cause);
}

static void live_through(uint64_t *random, uint64_t seed)
{
    int count = 0;

    for (int step = 0; step < 1500; step++) {
        now += random_below(random, 3600000);
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
        live_through(&random, seed);
    }
}

Test(ledger, what_is_added_and_removed_leaves_every_figure_at_nothing)
{
    uint64_t seed = random_seed(0), random = seed;
    struct totals nothing = {0};

    live_through(&random, seed);
    for (int i = REFERRALS - 1; i >= 0; i--)
        if (referrals[i].number)
            ledger_remove(&ledger, &referrals[i]);
    cr_assert_arr_eq(&ledger.totals, &nothing, sizeof nothing);
    cr_assert_eq(ledger.waitlist.count, 0);
    for (int row = HOME; row <= FAR; row++) {
        cr_assert_eq(ledger.places[row].used, 0);
        cr_assert_eq(ledger.figures[row].offers_open, 0);
        cr_assert_eq(ledger.figures[row].cases_open, 0);
    }
}

Test(ledger, every_open_referral_has_a_timer_at_its_deadline)
{
    uint64_t seed = random_seed(1), random = seed;
    bool timed[REFERRALS] = {false};
    struct timer timer;

    live_through(&random, seed);
    while (timers_take_due(&ledger.timers, INT64_MAX, &timer))
        timed[timer.referral - 1] |= timer.at == referrals[timer.referral - 1].deadline;
    for (int i = 0; i < REFERRALS && referrals[i].number; i++)
        cr_assert(timed[i] || !referral_is_open(&referrals[i]), "seed %lu", seed);
}

Test(ledger, an_offer_of_a_service_that_has_left_counts_for_nobody)
{
    uint64_t random = 1;

    submit(0, &random);
    ledger_remove(&ledger, &referrals[0]);
    referrals[0].offers[0].service++;
    ledger_add(&ledger, &referrals[0]);
    ledger_remove(&ledger, &referrals[0]);
    for (int row = HOME; row <= FAR; row++)
        cr_assert_eq(ledger.places[row].used, 0);
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
    cr_assert_eq(ledger.taken_count, REQUESTS);
    for (uint64_t i = 0; i < REQUESTS; i++)
        cr_assert(finds(hash_of(i), i + 1), "referral %lu", i + 1);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        uint64_t at = 0;
        uint64_t random = ~i;
        cr_assert_eq(ledger_find_request(&ledger, random_next(&random), &at), 0);
    }
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

/* ---- parties ---- */

Test(ledger, a_mailbox_grows_in_order_wherever_its_ring_began)
{
    struct party *party = ledger_add_party(&ledger, "surgery", 1, 40);
    uint64_t random = random_seed(0);
    uint64_t owed = 40;

    while (owed < 5000) {
        for (uint32_t more = random_below(&random, 40); more > 0; more--, owed++) {
            struct owed next = {.sequence = (owed + 1) & 0xffffffffffff, .letter = owed & 3, .type = 60};
            cr_assert_eq(ledger_owe(&ledger, party, next), owed + 1);
        }
        uint64_t confirmed = party->mailbox.confirmed;
        mailbox_confirm(&party->mailbox, confirmed + random_below(&random, (uint32_t)(owed - confirmed) / 2 + 1));
        for (uint64_t n = party->mailbox.confirmed + 1; n <= owed; n++)
            cr_assert_eq(mailbox_at(&party->mailbox, n).sequence, n);
    }
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
