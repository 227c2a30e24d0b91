/* SPDX-License-Identifier: MIT
 * decide: every cell of the tables of referral.def with every role. The referral is brought to where each column says,
 * by its own story; then everybody causes every event, and what decide does must be what the cell says, or, for who may
 * not cause it, that there is no such referral. */
#include "daemon/core/decide.h"

#include "daemon/core/referral.def"
#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { OPERATOR = 90, PRIVACY_OFFICER, AUDITOR };

static struct invented invented;
static struct referral referral;
static struct outcome_of outcome;
static int64_t now;

static void happens(struct cause cause)
{
    struct facts facts = {.network = &invented.network,
                          .places = invented.places,
                          .pace = &invented.pace,
                          .now = now,
                          .covers = invented.covers};

    decide(&facts, &cause, &referral, &outcome);
}

static void must(struct cause cause)
{
    happens(cause);
    cr_assert(outcome.changed, "%s: REF-%04d", code_text(LIST_event, cause.event), outcome.refusal);
}

static void submit(void)
{
    const struct profile profile = profile_at_home();

    network_of_four(&invented);
    now = NETWORKS_NOW_MS;
    referral = (struct referral){.number = 7,
                                 .sender = PARTY_SURGERY,
                                 .state = STATE_REQUESTED,
                                 .message_back = CODE_BIT(BACK_GP),
                                 .practice = PARTY_CLINIC,
                                 .profile = profile};
    must((struct cause){.event = EVENT_SUBMITTED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

static void hub_says(enum event event)
{
    must((struct cause){.event = event,
                        .role = ROLE_HUB,
                        .actor = PARTY_HOME,
                        .offer_number = 1,
                        .reason = event == EVENT_REJECTED || event == EVENT_FAILED ? REASON_OTHER : 0,
                        .outcome = event == EVENT_COMPLETED ? OUTCOME_GOT_HELP : 0});
}

static void somebody_else_says(enum role role, enum event event, enum status_reason reason)
{
    uint32_t actor = role == ROLE_OPERATOR ? OPERATOR : PARTY_SURGERY;

    must((struct cause){.event = event, .role = role, .actor = actor, .reason = reason});
}

static void wait_in_list(void)
{
    for (int hub = NEAR; hub <= FAR; hub++)
        invented.places[hub].total = 0;
    hub_says(EVENT_REJECTED);
    invented.places[FAR].total = 1; /* not for its rules, but by hand */
}

static void need_a_person(void)
{
    referral.profile.safeguarding = true;
    hub_says(EVENT_REJECTED);
}

/* Brings offer 1, and with it the referral, to where the column says. */
static void bring_to(const char *column)
{
    static const struct {
        const char *column;
        enum event events[3];
    } rows[] = {
        {"REQUESTED", {0}},
        {"RECEIVED", {EVENT_RECEIVED}},
        {"ACCEPTED", {EVENT_ACCEPTED}},
        {"IN_PROGRESS", {EVENT_ACCEPTED, EVENT_STARTED}},
        {"ON_HOLD", {EVENT_ACCEPTED, EVENT_PAUSED}},
        {"PAUSED", {EVENT_ACCEPTED, EVENT_PAUSED}},
        {"COMPLETED", {EVENT_ACCEPTED, EVENT_COMPLETED}},
        {"FAILED", {EVENT_ACCEPTED, EVENT_FAILED}},
        {"ENTERED_IN_ERROR", {EVENT_ACCEPTED, EVENT_COMPLETED}},
    };

    submit();
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t e = 0; e < 3 && strcmp(rows[i].column, column) == 0 && rows[i].events[e]; e++)
            hub_says(rows[i].events[e]);
    if (strcmp(column, "WAITS") == 0)
        wait_in_list();
    if (strcmp(column, "ATTENTION") == 0)
        need_a_person();
    if (strcmp(column, "HELD") == 0)
        somebody_else_says(ROLE_OPERATOR, EVENT_HELD, 0);
    if (strcmp(column, "REJECTED") == 0)
        somebody_else_says(ROLE_OPERATOR, EVENT_TURNED_AWAY, REASON_NOT_ELIGIBLE);
    if (strcmp(column, "CANCELLED") == 0)
        somebody_else_says(ROLE_SENDER, EVENT_CANCELLED, REASON_OTHER);
    if (strcmp(column, "ENTERED_IN_ERROR") == 0)
        somebody_else_says(ROLE_SENDER, EVENT_CANCELLED, REASON_ENTERED_IN_ERROR);
}

/* The same for an offer, where it may end otherwise. */
static void bring_offer_to(const char *column)
{
    if (strcmp(column, "REJECTED") == 0) {
        submit();
        hub_says(EVENT_REJECTED);
    } else if (strcmp(column, "CANCELLED") == 0) {
        submit();
        now = referral.deadline;
        must((struct cause){.event = EVENT_OVERDUE});
    } else {
        bring_to(column);
    }
}

/* Everybody there is. WHO_s: what they are to this referral, and to its first offer. */
static const struct {
    const char *name;
    enum role role;
    uint32_t actor;
    unsigned who;
} people[] = {
    {"the network", 0, PARTY_NONE, WHO_NETWORK},
    {"its sender", ROLE_SENDER, PARTY_SURGERY, WHO_SENDER},
    {"its sender, a hub", ROLE_HUB, PARTY_SURGERY, WHO_SENDER},
    {"its practice", ROLE_SENDER, PARTY_CLINIC, WHO_PRACTICE},
    {"its hub", ROLE_HUB, PARTY_HOME, WHO_HUB},
    {"its hub as a sender", ROLE_SENDER, PARTY_HOME, 0},
    {"another hub", ROLE_HUB, PARTY_FAR, 0},
    {"another sender", ROLE_SENDER, PARTY_CLINIC + 1, 0},
    {"an operator", ROLE_OPERATOR, OPERATOR, WHO_OPERATOR},
    {"an auditor", ROLE_AUDITOR, AUDITOR, 0},
    {"a privacy officer", ROLE_PRIVACY_OFFICER, PRIVACY_OFFICER, WHO_PRIVACY},
};

static struct cause cause_of(enum event event, size_t person)
{
    struct cause cause = {.event = event,
                          .role = people[person].role,
                          .actor = people[person].actor,
                          .need = NEED_BEFRIENDING,
                          .priority = PRIORITY_URGENT,
                          .hub = FAR,
                          .row = FAR};

    if (event == EVENT_REOFFERED || event_causers(event) == WHO_HUB)
        cause.offer_number = 1;
    if (event == EVENT_CANCELLED || event == EVENT_TURNED_AWAY || event == EVENT_REJECTED || event == EVENT_FAILED ||
        event == EVENT_HANDED_BACK)
        cause.reason = REASON_OTHER;
    if (event == EVENT_COMPLETED)
        cause.outcome = OUTCOME_GOT_HELP;
    return cause;
}

static void assert_as_cell_says(const struct move *move, const char *column, enum event event, const char *person,
                                enum state before, enum state after)
{
    const char *what = code_text(LIST_event, event);

    cr_assert_eq(outcome.refusal, move->cell == CELL_REFUSE ? move->refusal : REFUSAL_NONE, "%s %s by %s: REF-%04d",
                 column, what, person, outcome.refusal);
    cr_assert_eq(outcome.repeated, move->cell == CELL_REPEAT, "%s %s by %s", column, what, person);
    cr_assert_eq(outcome.changed, move->cell != CELL_REFUSE && move->cell != CELL_REPEAT, "%s %s by %s", column, what,
                 person);
    if (move->cell == CELL_MOVE)
        cr_assert_eq(after, move->to, "%s %s by %s: %s", column, what, person, code_text(LIST_state, after));
    if (move->cell == CELL_PLACE)
        cr_assert(after == STATE_RECEIVED || after == STATE_ON_HOLD, "%s %s by %s", column, what, person);
    if (move->cell == CELL_STAY)
        cr_assert_eq(after, before, "%s %s by %s", column, what, person);
}

static void assert_unknown(const struct referral *before, const char *column, enum event event, const char *person)
{
    cr_assert_eq(outcome.refusal, REFUSAL_NOT_FOUND, "%s %s by %s: REF-%04d", column, code_text(LIST_event, event),
                 person, outcome.refusal);
    cr_assert_eq(memcmp(before, &referral, sizeof referral), 0, "%s %s by %s", column, code_text(LIST_event, event),
                 person);
    cr_assert(!outcome.changed && !outcome.recorded && !outcome.entry.letters_count);
}

/* What a hub says about its offer, in every state of it. */
static void ask_everybody_about_offer(const char *column, enum event event)
{
    for (size_t p = 0; p < COUNT_OF(people); p++) {
        bring_offer_to(column);
        struct referral before = referral;
        const struct move *move = offer_move(referral.offers[0].state, event);
        happens(cause_of(event, p));
        if (people[p].who & WHO_HUB)
            assert_as_cell_says(move, column, event, people[p].name, before.offers[0].state, referral.offers[0].state);
        else
            assert_unknown(&before, column, event, people[p].name);
    }
}

Test(cells, of_offers_are_what_hubs_can_do_and_nobody_else)
{
#define AS_COLUMN(state) #state,
    static const char *const columns[] = {OFFER_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_ROW(event, who, ...) EVENT_##event,
    static const enum event events[] = {OFFER_MOVES(AS_ROW)};
#undef AS_ROW

    for (size_t e = 0; e < COUNT_OF(events); e++)
        for (size_t s = 0; s < COUNT_OF(columns) && event_causers(events[e]) == WHO_HUB; s++)
            ask_everybody_about_offer(columns[s], events[e]);
}

/* Timers follow from OVERDUE when it is time: what they come to is told in the stories of test_decide. */
static bool is_said(enum event event)
{
    return event != EVENT_NUDGED && event != EVENT_CONSENT_EXPIRED && event != EVENT_OVERDUE &&
           event != EVENT_SUBMITTED;
}

static struct move meant(const struct move *move, enum event event)
{
    struct move meant = *move;

    if (event == EVENT_ERASED && move->cell == CELL_STAY) /* nobody has confirmed it yet */
        meant = (struct move){CELL_REFUSE, 0, REFUSAL_STILL_OPEN};
    if (event == EVENT_REOFFERED) /* it is about the offer */
        meant = *offer_move(referral.offers[0].state, event);
    if (event == EVENT_REOFFERED && meant.cell == CELL_MOVE)
        meant = (struct move){CELL_PLACE, 0, REFUSAL_NONE};
    return meant;
}

static void ask_everybody(const char *column, enum event event)
{
    for (size_t p = 0; p < COUNT_OF(people); p++) {
        bring_to(column);
        referral.links[0] = (struct linked){3, LINK_SAME_PERSON};
        referral.links_count = 1;
        struct referral before = referral;
        struct move move = meant(referral_move(referral.state, referral.business_status, event), event);
        happens(cause_of(event, p));
        if (people[p].who & event_causers(event))
            assert_as_cell_says(&move, column, event, people[p].name, before.state, referral.state);
        else
            assert_unknown(&before, column, event, people[p].name);
    }
}

Test(cells, of_referrals_are_what_each_can_do_and_nobody_else)
{
#define AS_COLUMN(name, state, business) #name,
    static const char *const columns[] = {REFERRAL_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_ROW(event, who, ...) EVENT_##event,
    static const enum event events[] = {REFERRAL_MOVES(AS_ROW)};

    for (size_t e = 0; e < COUNT_OF(events); e++)
        for (size_t s = 1; s < COUNT_OF(columns) && is_said(events[e]); s++) /* a stored one is requested no more */
            ask_everybody(columns[s], events[e]);
}

/* Nothing is stored in this state; who asked all the same would be refused. */
Test(cells, before_it_is_submitted_there_is_nothing_to_do_with_a_referral)
{
    static const enum event events[] = {EVENT_LINKED, EVENT_UPDATED, EVENT_PRIORITISED, EVENT_ANNOTATED,
                                        EVENT_REVEALED};

    for (size_t e = 0; e < COUNT_OF(events); e++) {
        bool is_said_by_sender = event_causers(events[e]) & WHO_SENDER;
        bool is_networks = event_causers(events[e]) & WHO_NETWORK;
        network_of_four(&invented);
        now = NETWORKS_NOW_MS;
        referral = (struct referral){.number = 7, .sender = PARTY_SURGERY, .state = STATE_REQUESTED};
        struct referral before = referral;
        happens(cause_of(events[e], is_networks ? 0 : is_said_by_sender ? 1 : 8));
        cr_expect_eq(outcome.refusal, REFUSAL_NOT_CURRENT, "%s: REF-%04d", code_text(LIST_event, events[e]),
                     outcome.refusal);
        cr_expect_eq(memcmp(&before, &referral, sizeof referral), 0, "%s", code_text(LIST_event, events[e]));
    }
}

Test(cells, the_story_of_each_column_ends_there)
{
#define AS_COLUMN(name, state, business) {#name, state, business},
    static const struct {
        const char *name;
        enum state state;
        enum business_status business;
    } columns[] = {REFERRAL_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_COLUMN(state) {#state, STATE_##state},
    static const struct {
        const char *name;
        enum state state;
    } of_offers[] = {OFFER_COLUMNS(AS_COLUMN)};

    for (size_t i = 1; i < COUNT_OF(columns); i++) {
        bring_to(columns[i].name);
        cr_assert_eq(referral.state, columns[i].state, "%s", columns[i].name);
        cr_assert(!columns[i].business || referral.business_status == columns[i].business, "%s", columns[i].name);
    }
    for (size_t i = 0; i < COUNT_OF(of_offers); i++) {
        bring_offer_to(of_offers[i].name);
        cr_assert_eq(referral.offers[0].state, of_offers[i].state, "%s", of_offers[i].name);
    }
}

Test(cells, a_timer_that_comes_when_nothing_is_due_is_a_repeat_everywhere)
{
#define AS_NAME(name, state, business) #name,
    static const char *const columns[] = {REFERRAL_COLUMNS(AS_NAME)};

    for (size_t i = 1; i < COUNT_OF(columns); i++) {
        bring_to(columns[i]);
        happens((struct cause){.event = EVENT_OVERDUE});
        cr_assert(outcome.repeated, "%s", columns[i]);
        now = referral.deadline;
        happens((struct cause){.event = EVENT_OVERDUE});
        cr_assert(outcome.changed, "%s", columns[i]);
        cr_assert_gt(referral.deadline, now, "%s", columns[i]);
    }
}
