/* SPDX-License-Identifier: MIT
 * referral: every cell of both tables, and what the whole is by its parts. The loops are derived from referral.def, so
 * that a new row or column is covered; what is allowed is written down here once more, from the life of a FHIR Task. */
#include "daemon/core/referral.h"

#include "daemon/core/referral.def"

#include <criterion/criterion.h>
#include <signal.h>

#define AS_EVENT(event) EVENT_##event,
#define AS_STATE(state, ...) STATE_##state,
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const enum event offer_events[] = {OFFER_EVENTS(AS_EVENT)};
static const enum state offer_states[] = {OFFER_MOVES(AS_STATE)};
static const enum event referral_events[] = {REFERRAL_EVENTS(AS_EVENT)};
static const enum state referral_states[] = {REFERRAL_MOVES(AS_STATE)};

static unsigned bits(size_t count, const enum state *states)
{
    unsigned set = 0;

    for (size_t i = 0; i < count; i++)
        set |= 1u << states[i];
    return set;
}
#define STATES(...) bits(COUNT_OF(((enum state[]){__VA_ARGS__})), (enum state[]){__VA_ARGS__})

static const char *name_of(enum state state)
{
    return code_text(LIST_state, state);
}

static bool is_terminal(enum state state)
{
    return STATES(STATE_REJECTED, STATE_CANCELLED, STATE_COMPLETED, STATE_FAILED, STATE_ENTERED_IN_ERROR) >> state & 1;
}

/* Where a state may go to. */
static unsigned offer_may_become(enum state state)
{
    switch (state) {
    case STATE_REQUESTED:
        return STATES(STATE_RECEIVED, STATE_ACCEPTED, STATE_REJECTED, STATE_CANCELLED);
    case STATE_RECEIVED:
        return STATES(STATE_ACCEPTED, STATE_REJECTED, STATE_CANCELLED);
    case STATE_ACCEPTED:
        return STATES(STATE_IN_PROGRESS, STATE_COMPLETED, STATE_FAILED, STATE_CANCELLED);
    case STATE_IN_PROGRESS:
        return STATES(STATE_COMPLETED, STATE_FAILED, STATE_CANCELLED);
    default:
        return 0;
    }
}

/* By its own events: the rest it follows its offers. A move to itself changes what waits for whom, not the state. */
static unsigned referral_may_become(enum state state)
{
    if (is_terminal(state))
        return STATES(state);
    return state == STATE_REQUESTED ? STATES(STATE_RECEIVED, STATE_CANCELLED)
           : state == STATE_ON_HOLD ? STATES(STATE_RECEIVED, STATE_ON_HOLD, STATE_CANCELLED)
                                    : STATES(state, STATE_CANCELLED);
}

static void assert_cell(const struct move *move, unsigned allowed, enum state state, enum event event)
{
    const char *where = name_of(state);
    const char *what = code_text(LIST_event, event);

    switch (move->cell) {
    case CELL_MOVE:
        cr_assert(code_exists(LIST_state, move->to), "%s %s", where, what);
        cr_assert(allowed >> move->to & 1, "%s may not become %s by %s", where, name_of(move->to), what);
        cr_assert_eq(move->refusal, REFUSAL_NONE);
        break;
    case CELL_REPEAT:
        cr_assert_eq(move->refusal, REFUSAL_NONE);
        break;
    case CELL_REFUSE:
        cr_assert_not_null(refusal_spec(move->refusal), "%s %s has no refusal", where, what);
        break;
    default:
        cr_assert_fail("%s %s is no cell", where, what);
    }
}

Test(referral, every_cell_of_an_offer_moves_as_a_task_may_or_refuses_by_name)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        for (size_t e = 0; e < COUNT_OF(offer_events); e++)
            assert_cell(offer_move(offer_states[s], offer_events[e]), offer_may_become(offer_states[s]),
                        offer_states[s], offer_events[e]);
}

Test(referral, every_cell_of_a_referral_moves_as_a_task_may_or_refuses_by_name)
{
    for (size_t s = 0; s < COUNT_OF(referral_states); s++)
        for (size_t e = 0; e < COUNT_OF(referral_events); e++)
            assert_cell(referral_move(referral_states[s], referral_events[e]), referral_may_become(referral_states[s]),
                        referral_states[s], referral_events[e]);
}

Test(referral, every_state_has_its_row)
{
    unsigned all = 0;

    for (size_t i = 0; i < lists[LIST_state].count; i++)
        all |= 1u << lists[LIST_state].codes[i].number;
    cr_assert_eq(bits(COUNT_OF(referral_states), referral_states), all);
    cr_assert_eq(bits(COUNT_OF(offer_states), offer_states), all & ~STATES(STATE_ON_HOLD, STATE_ENTERED_IN_ERROR),
                 "an offer is never on hold");
}

Test(referral, every_state_of_an_offer_that_may_be_reached_has_its_row)
{
    unsigned rows = bits(COUNT_OF(offer_states), offer_states);

    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        for (size_t e = 0; e < COUNT_OF(offer_events); e++) {
            const struct move *move = offer_move(offer_states[s], offer_events[e]);
            cr_assert(move->cell != CELL_MOVE || rows >> move->to & 1, "%s", name_of(move->to));
        }
}

Test(referral, nothing_leaves_a_terminal_state)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        for (size_t e = 0; e < COUNT_OF(offer_events) && is_terminal(offer_states[s]); e++)
            cr_assert_neq(offer_move(offer_states[s], offer_events[e])->cell, CELL_MOVE);
    for (size_t s = 0; s < COUNT_OF(referral_states); s++)
        for (size_t e = 0; e < COUNT_OF(referral_events) && is_terminal(referral_states[s]); e++) {
            const struct move *move = referral_move(referral_states[s], referral_events[e]);
            cr_assert(move->cell != CELL_MOVE || move->to == referral_states[s]);
        }
}

Test(referral, what_has_been_done_to_an_offer_can_be_said_again)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        for (size_t e = 0; e < COUNT_OF(offer_events); e++) {
            const struct move *move = offer_move(offer_states[s], offer_events[e]);
            if (move->cell == CELL_MOVE)
                cr_assert_eq(offer_move(move->to, offer_events[e])->cell, CELL_REPEAT, "%s %s",
                             name_of(offer_states[s]), code_text(LIST_event, offer_events[e]));
        }
}

Test(referral, an_offer_holds_a_place_until_it_is_terminal)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        cr_assert_eq(offer_holds_place(&(struct offer){.state = offer_states[s]}), !is_terminal(offer_states[s]));
}

Test(referral, an_offer_waits_for_an_answer_until_its_hub_has_given_one)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        cr_assert_eq(offer_waits_for_answer(&(struct offer){.state = offer_states[s]}),
                     STATES(STATE_REQUESTED, STATE_RECEIVED) >> offer_states[s] & 1);
}

/* ---- parts ---- */

Test(referral, a_part_has_ended_when_it_was_helped_or_not_or_was_cancelled)
{
    for (size_t s = 0; s < COUNT_OF(referral_states); s++)
        cr_assert_eq(part_has_ended(&(struct part){.state = referral_states[s]}),
                     STATES(STATE_COMPLETED, STATE_FAILED, STATE_CANCELLED) >> referral_states[s] & 1);
}

Test(referral, a_part_waits_in_the_list_and_nowhere_else)
{
    cr_assert(part_waits(&(struct part){.state = STATE_ON_HOLD, .business_status = BUSINESS_WAITLISTED}));
    cr_assert_not(part_waits(&(struct part){.state = STATE_ON_HOLD, .business_status = BUSINESS_ATTENTION}));
    cr_assert_not(part_waits(&(struct part){.state = STATE_RECEIVED, .business_status = BUSINESS_OFFERED}));
}

Test(referral, a_part_is_found_by_its_need_and_by_its_newest_offer)
{
    struct referral referral = {.parts_count = 3, .offers_count = 4};

    referral.parts[0] = (struct part){.needs = NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_HOUSING), .offer = 4};
    referral.parts[1] = (struct part){.needs = NEED_BIT(NEED_ADVICE), .offer = 2};
    referral.parts[2] = (struct part){.needs = NEED_BIT(NEED_MEDICINES)};
    cr_assert_eq(referral_part_of_need(&referral, NEED_HOUSING), 0);
    cr_assert_eq(referral_part_of_need(&referral, NEED_FOOD), 0);
    cr_assert_eq(referral_part_of_need(&referral, NEED_MEDICINES), 2);
    cr_assert_eq(referral_part_of_need(&referral, NEED_LEARNING), -1);
    cr_assert_eq(referral_part_of_offer(&referral, 4), 0);
    cr_assert_eq(referral_part_of_offer(&referral, 2), 1);
    cr_assert_eq(referral_part_of_offer(&referral, 1), -1, "an older one");
    cr_assert_eq(referral_part_of_offer(&referral, 0), -1, "no offer");
}

static struct part part_in(enum state state, enum business_status business, enum status_reason reason,
                           enum outcome outcome)
{
    return (struct part){.state = state, .business_status = business, .reason = reason, .outcome = outcome};
}

#define OFFERED part_in(STATE_RECEIVED, BUSINESS_OFFERED, 0, 0)
#define ACCEPTED part_in(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0, 0)
#define BEGUN part_in(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0, 0)
#define WAITS part_in(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL, 0)
#define HELD part_in(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB, 0)
#define HELPED part_in(STATE_COMPLETED, BUSINESS_GOT_HELP, 0, OUTCOME_GOT_HELP)
#define HELPS part_in(STATE_COMPLETED, BUSINESS_GOT_HELP, 0, OUTCOME_BECAME_VOLUNTEER)
#define PARTLY part_in(STATE_COMPLETED, BUSINESS_PARTLY, 0, OUTCOME_PARTLY)
#define POINTED part_in(STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0, OUTCOME_SIGNPOSTED)
#define FAILED part_in(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_FAILED_CONTACT, 0)
#define FAILED_TOO part_in(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_DECLINED, 0)
#define REVOKED part_in(STATE_CANCELLED, BUSINESS_REVOKED, REASON_NO_LONGER_NEEDED, 0)
#define END                                                                                                            \
    {                                                                                                                  \
        0                                                                                                              \
    }

Test(referral, the_whole_follows_the_part_that_is_farthest_on_and_ends_as_all_together)
{
    /* clang-format off */
    const struct {
        struct part parts[4], whole;
    } rows[] = {
        {{OFFERED, END},                    OFFERED},
        {{ACCEPTED, END},                   ACCEPTED},
        {{BEGUN, END},                      BEGUN},
        {{WAITS, END},                      WAITS},
        {{HELD, END},                       HELD},
        {{WAITS, OFFERED, END},             OFFERED},
        {{HELD, OFFERED, ACCEPTED, END},    ACCEPTED},
        {{OFFERED, ACCEPTED, BEGUN, END},   BEGUN},
        {{HELD, WAITS, END},                HELD},
        {{WAITS, HELD, END},                WAITS},
        {{HELPED, WAITS, END},              WAITS},
        {{FAILED, HELPED, OFFERED, END},    OFFERED},
        {{REVOKED, BEGUN, END},             BEGUN},
        {{HELPED, END},                     HELPED},
        {{HELPS, END},                      HELPS},
        {{PARTLY, END},                     PARTLY},
        {{POINTED, END},                    POINTED},
        {{FAILED, END},                     FAILED},
        {{REVOKED, END},                    REVOKED},
        {{HELPED, HELPED, HELPED, END},     HELPED},
        {{HELPS, HELPS, END},               HELPS},
        {{HELPS, HELPED, END},              HELPED},
        {{HELPED, FAILED, END},             PARTLY},
        {{FAILED, HELPED, FAILED_TOO, END}, PARTLY},
        {{HELPED, PARTLY, END},             PARTLY},
        {{FAILED, PARTLY, END},             PARTLY},
        {{FAILED, FAILED_TOO, END},         FAILED},
        {{FAILED_TOO, FAILED, END},         FAILED_TOO},
        {{HELPED, REVOKED, END},            REVOKED},
        {{FAILED, REVOKED, REVOKED, END},   REVOKED},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct referral referral = {.reason = REASON_OTHER, .outcome = OUTCOME_SIGNPOSTED, .overdue = true};
        while (rows[i].parts[referral.parts_count].state) {
            referral.parts[referral.parts_count] = rows[i].parts[referral.parts_count];
            referral.parts_count++;
        }
        referral_follow_parts(&referral);
        cr_assert_eq(referral.state, rows[i].whole.state, "row %zu: %s", i, name_of(referral.state));
        cr_assert_eq(referral.business_status, rows[i].whole.business_status, "row %zu", i);
        cr_assert_eq(referral.reason, rows[i].whole.reason, "row %zu", i);
        cr_assert_eq(referral.outcome, rows[i].whole.outcome, "row %zu", i);
        cr_assert_eq(referral_has_ended(&referral), part_has_ended(&rows[i].whole), "row %zu", i);
        cr_assert_not(referral.overdue, "row %zu", i);
    }
}

Test(referral, nothing_has_ended_before_it_has_parts)
{
    cr_assert_not(referral_has_ended(&(struct referral){.state = STATE_REQUESTED}));
}

Test(referral, the_earliest_deadline_of_what_goes_on_is_that_of_the_whole)
{
    struct referral referral = {.parts = {HELPED, OFFERED, WAITS, BEGUN}, .parts_count = 4};

    referral.parts[1].deadline = 500;
    referral.parts[1].deadline_owner = 3;
    referral.parts[2].deadline = 400;
    referral.parts[3].deadline = 600;
    referral.parts[3].deadline_owner = 4;
    referral.parts[3].overdue = true;
    referral_follow_parts(&referral);
    cr_assert_eq(referral.deadline, 400);
    cr_assert_eq(referral.deadline_owner, PARTY_NONE);
    cr_assert(referral.overdue);
    referral.parts[2] = HELPED;
    referral_follow_parts(&referral);
    cr_assert_eq(referral.deadline, 500);
    cr_assert_eq(referral.deadline_owner, 3);
}

Test(referral, a_deadline_of_the_whole_that_has_ended_stays_as_it_was_set)
{
    struct referral referral = {.parts = {HELPED}, .parts_count = 1, .deadline = 77, .deadline_owner = 5};

    referral_follow_parts(&referral);
    cr_assert_eq(referral.deadline, 77);
    cr_assert_eq(referral.deadline_owner, 5);
}

Test(referral, why_it_is_overdue_follows_from_what_is)
{
    struct referral referral = {.parts = {BEGUN, WAITS}, .parts_count = 2};

    cr_assert_eq(referral_overdue_reason(&referral), 0);
    referral.parts[1].overdue = true;
    referral_follow_parts(&referral);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_WAITED_TOO_LONG);
    referral.parts[0].overdue = true;
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OVERDUE);
    referral = (struct referral){.parts = {HELPED}, .parts_count = 1, .overdue = true};
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OUTCOME_UNCONFIRMED);
}

Test(referral, a_person_must_look_at_attention_and_at_what_is_overdue_until_it_is_closed)
{
    struct referral referral = {.parts = {BEGUN, HELD}, .parts_count = 2, .business_status = BUSINESS_CONTACT_MADE};

    cr_assert(referral_needs_person(&referral));
    referral.parts[1] = WAITS;
    cr_assert_not(referral_needs_person(&referral));
    referral.overdue = true;
    cr_assert(referral_needs_person(&referral));
    referral = (struct referral){.parts = {HELPED}, .parts_count = 1, .overdue = true};
    cr_assert(referral_needs_person(&referral));
    referral.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    cr_assert_not(referral_needs_person(&referral));
    cr_assert_not(referral_is_open(&referral));
}

Test(referral, outside_is_who_lives_at_a_known_place_in_no_neighbourhood_of_the_network)
{
    for (size_t i = 0; i < lists[LIST_locality].count; i++) {
        enum locality locality = (enum locality)lists[LIST_locality].codes[i].number;
        cr_assert_eq(profile_is_outside(&(struct profile){.locality = locality, .neighbourhood = NEIGHBOURHOOD_NONE}),
                     locality != LOCALITY_UNKNOWN);
        cr_assert_not(profile_is_outside(&(struct profile){.locality = locality, .neighbourhood = 0}));
    }
    cr_assert_not(profile_is_outside(&(struct profile){.neighbourhood = NEIGHBOURHOOD_NONE}));
}

/* ---- faults of our own ---- */

Test(referral, an_offer_on_hold_is_a_fault_of_our_own, .signal = SIGABRT)
{
    offer_move(STATE_ON_HOLD, EVENT_ACCEPTED);
}

Test(referral, an_event_without_a_column_is_a_fault_of_our_own, .signal = SIGABRT)
{
    referral_move(STATE_RECEIVED, EVENT_CAPACITY_CHANGED);
}
