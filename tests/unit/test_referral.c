/* SPDX-License-Identifier: MIT
 * referral: every cell of both tables. The loops are derived from referral.def, so that a new row or column is covered;
 * what is allowed is written down here once more, from the life of a FHIR Task. */
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

/* By its own events: the rest it follows its offer. A move to itself changes what waits for whom, not the state. */
static unsigned referral_may_become(enum state state)
{
    if (is_terminal(state))
        return STATES(state);
    return state == STATE_REQUESTED || state == STATE_ON_HOLD ? STATES(STATE_RECEIVED, STATE_CANCELLED)
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

Test(referral, the_current_offer_is_the_one_that_holds_a_place)
{
    struct referral referral = {.offers_count = 3};

    referral.offers[0].state = STATE_REJECTED;
    referral.offers[1].state = STATE_CANCELLED;
    referral.offers[2].state = STATE_RECEIVED;
    cr_assert_eq(referral_current_offer(&referral), 3);
    referral.offers[2].state = STATE_REJECTED;
    cr_assert_eq(referral_current_offer(&referral), 0);
    cr_assert_eq(referral_current_offer(&(struct referral){0}), 0);
}

Test(referral, a_person_must_look_at_attention_and_at_what_is_overdue_until_it_is_closed)
{
    struct referral referral = {.business_status = BUSINESS_ATTENTION};

    cr_assert(referral_needs_person(&referral));
    referral = (struct referral){.business_status = BUSINESS_HUB_ACCEPTED, .overdue = true};
    cr_assert(referral_needs_person(&referral));
    referral = (struct referral){.business_status = BUSINESS_GOT_HELP, .overdue = true};
    cr_assert(referral_needs_person(&referral));
    referral.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    cr_assert_not(referral_needs_person(&referral));
    cr_assert_not(referral_is_open(&referral));
    referral = (struct referral){.business_status = BUSINESS_WAITLISTED, .reason = REASON_ALL_FULL};
    cr_assert_not(referral_needs_person(&referral));
}

Test(referral, an_offer_on_hold_is_a_fault_of_our_own, .signal = SIGABRT)
{
    offer_move(STATE_ON_HOLD, EVENT_ACCEPTED);
}

Test(referral, an_event_without_a_column_is_a_fault_of_our_own, .signal = SIGABRT)
{
    referral_move(STATE_RECEIVED, EVENT_CAPACITY_CHANGED);
}
