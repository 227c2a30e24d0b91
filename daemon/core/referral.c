/* SPDX-License-Identifier: MIT
 * referral: what the whole is by its parts, and the tables of referral.def, looked up. */
#include "daemon/core/referral.h"

#include <assert.h>
#include <stddef.h>

#include "daemon/core/referral.def"

/* clang-format off */
#define AS_COLUMN(event) EVENT_##event,
static const enum event offer_events[] = {OFFER_EVENTS(AS_COLUMN)};
static const enum event referral_events[] = {REFERRAL_EVENTS(AS_COLUMN)};

enum {
    OFFER_EVENT_COUNT = sizeof offer_events / sizeof offer_events[0],
    REFERRAL_EVENT_COUNT = sizeof referral_events / sizeof referral_events[0],
    STATE_LAST = STATE_ENTERED_IN_ERROR
};

#define AS_ROW(state, ...) [STATE_##state] = {__VA_ARGS__},
static const struct move offer_moves[STATE_LAST + 1][OFFER_EVENT_COUNT] = {OFFER_MOVES(AS_ROW)};
static const struct move referral_moves[STATE_LAST + 1][REFERRAL_EVENT_COUNT] = {REFERRAL_MOVES(AS_ROW)};
/* clang-format on */

/* From the one that speaks first for all parts. */
static const enum state open_states[] = {STATE_IN_PROGRESS, STATE_ACCEPTED, STATE_RECEIVED, STATE_ON_HOLD};

enum { OPEN_STATES = sizeof open_states / sizeof open_states[0] };

static const struct part *first_part_in(const struct referral *referral, enum state state)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (referral->parts[i].state == state)
            return &referral->parts[i];
    return NULL;
}

static const struct part *first_overdue_part(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (referral->parts[i].overdue)
            return &referral->parts[i];
    return NULL;
}

/* The part that speaks for all; NULL: every part has ended. */
static const struct part *leading_part(const struct referral *referral)
{
    for (int i = 0; i < OPEN_STATES; i++) {
        const struct part *part = first_part_in(referral, open_states[i]);
        if (part)
            return part;
    }
    return NULL;
}

static bool helped_in_full(const struct part *part)
{
    return part->state == STATE_COMPLETED && part->business_status != BUSINESS_PARTLY;
}

/* What all parts together came to, when some were completed and none was cancelled. */
static void follow_completed_parts(struct referral *referral, const struct part *completed)
{
    bool in_full = true;
    bool alike = true;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        in_full = in_full && helped_in_full(&referral->parts[i]);
        alike = alike && referral->parts[i].outcome == completed->outcome;
    }
    referral->state = STATE_COMPLETED;
    referral->business_status = in_full ? BUSINESS_GOT_HELP : BUSINESS_PARTLY;
    referral->outcome = in_full ? OUTCOME_GOT_HELP : OUTCOME_PARTLY;
    referral->reason = 0;
    if (in_full && alike) {
        referral->business_status = completed->business_status;
        referral->outcome = completed->outcome;
    }
}

/* Only the sender cancels, and that ends everything that goes on; so one such part speaks for all. */
static void follow_ended_parts(struct referral *referral)
{
    const struct part *cancelled = first_part_in(referral, STATE_CANCELLED);
    const struct part *completed = first_part_in(referral, STATE_COMPLETED);
    const struct part *speaks = cancelled ? cancelled : first_part_in(referral, STATE_FAILED);

    referral->overdue = false;
    if (!cancelled && completed) {
        follow_completed_parts(referral, completed);
        return;
    }
    assert(speaks && "a part ends as completed, failed or cancelled");
    referral->state = speaks->state;
    referral->business_status = speaks->business_status;
    referral->reason = speaks->reason;
    referral->outcome = 0;
}

static const struct part *most_urgent_part(const struct referral *referral)
{
    const struct part *urgent = NULL;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (!part_has_ended(part) && (!urgent || part->deadline < urgent->deadline))
            urgent = part;
    }
    return urgent;
}

bool profile_is_outside(const struct profile *profile)
{
    bool known = profile->locality && profile->locality != LOCALITY_UNKNOWN;

    return known && profile->neighbourhood == NEIGHBOURHOOD_NONE;
}

bool offer_holds_place(const struct offer *offer)
{
    return offer_waits_for_answer(offer) || offer->state == STATE_ACCEPTED || offer->state == STATE_IN_PROGRESS;
}

bool offer_was_put(const struct offer *offer)
{
    return offer->reason != REASON_HUB_CLOSED;
}

bool offer_waits_for_answer(const struct offer *offer)
{
    return offer->state == STATE_REQUESTED || offer->state == STATE_RECEIVED;
}

bool part_has_ended(const struct part *part)
{
    return part->state == STATE_COMPLETED || part->state == STATE_FAILED || part->state == STATE_CANCELLED;
}

bool part_waits(const struct part *part)
{
    return part->state == STATE_ON_HOLD && part->business_status == BUSINESS_WAITLISTED;
}

bool referral_is_with_hub(const struct referral *referral, enum state state, uint8_t offer_number)
{
    if (!offer_number || state == STATE_ON_HOLD)
        return false;
    return state != STATE_CANCELLED || referral->offers[offer_number - 1].reason == REASON_WITHDRAWN_BY_SENDER;
}

int referral_part_of_need(const struct referral *referral, enum need need)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (referral->parts[i].needs & NEED_BIT(need))
            return i;
    return -1;
}

int referral_part_of_offer(const struct referral *referral, uint8_t offer_number)
{
    for (uint8_t i = 0; i < referral->parts_count && offer_number; i++)
        if (referral->parts[i].offer == offer_number)
            return i;
    return -1;
}

void referral_follow_parts(struct referral *referral)
{
    const struct part *leader = leading_part(referral);
    const struct part *urgent = most_urgent_part(referral);

    if (!leader) {
        follow_ended_parts(referral);
        return;
    }
    referral->state = leader->state;
    referral->business_status = leader->business_status;
    referral->reason = leader->reason;
    referral->outcome = 0;
    referral->overdue = first_overdue_part(referral) != NULL;
    referral->deadline = urgent->deadline;
    referral->deadline_owner = urgent->deadline_owner;
}

bool referral_is_open(const struct referral *referral)
{
    return referral->business_status != BUSINESS_CLOSED_ACKNOWLEDGED;
}

bool referral_has_ended(const struct referral *referral)
{
    return referral->parts_count > 0 && !leading_part(referral);
}

enum status_reason referral_overdue_reason(const struct referral *referral)
{
    const struct part *part = first_overdue_part(referral);

    if (!referral->overdue)
        return 0;
    if (!part)
        return REASON_OUTCOME_UNCONFIRMED;
    return part_waits(part) ? REASON_WAITED_TOO_LONG : REASON_OVERDUE;
}

bool referral_needs_person(const struct referral *referral)
{
    bool attention = false;

    for (uint8_t i = 0; i < referral->parts_count; i++)
        attention = attention || referral->parts[i].business_status == BUSINESS_ATTENTION;
    return referral_is_open(referral) && (attention || referral->overdue);
}

/* A state without a row has zeroed cells, which would move to no state. */
static const struct move *written(const struct move *move)
{
    assert(move->cell != CELL_MOVE || move->to);
    return move;
}

const struct move *offer_move(enum state state, enum event event)
{
    for (int i = 0; i < OFFER_EVENT_COUNT; i++)
        if (offer_events[i] == event)
            return written(&offer_moves[state][i]);
    assert(false && "the event stands in the table of offers");
    return NULL;
}

const struct move *referral_move(enum state state, enum event event)
{
    for (int i = 0; i < REFERRAL_EVENT_COUNT; i++)
        if (referral_events[i] == event)
            return written(&referral_moves[state][i]);
    assert(false && "the event stands in the table of referrals");
    return NULL;
}
