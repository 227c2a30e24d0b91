/* SPDX-License-Identifier: MIT
 * referral: the tables of referral.def, looked up. */
#include "daemon/core/referral.h"

#include <assert.h>

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

bool offer_holds_place(const struct offer *offer)
{
    return offer->state == STATE_REQUESTED || offer->state == STATE_RECEIVED || offer->state == STATE_ACCEPTED ||
           offer->state == STATE_IN_PROGRESS;
}

uint8_t referral_current_offer(const struct referral *referral)
{
    for (uint8_t n = referral->offers_count; n > 0; n--)
        if (offer_holds_place(&referral->offers[n - 1]))
            return n;
    return 0;
}

bool referral_is_open(const struct referral *referral)
{
    return referral->business_status != BUSINESS_CLOSED_ACKNOWLEDGED;
}

enum status_reason referral_overdue_reason(const struct referral *referral)
{
    bool with_hub = referral->state == STATE_ACCEPTED || referral->state == STATE_IN_PROGRESS;

    if (!referral->overdue)
        return 0;
    return with_hub ? REASON_OVERDUE : REASON_OUTCOME_UNCONFIRMED;
}

bool referral_needs_person(const struct referral *referral)
{
    return referral_is_open(referral) && (referral->business_status == BUSINESS_ATTENTION || referral->overdue);
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
