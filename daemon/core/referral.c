/* SPDX-License-Identifier: MIT
 * referral: what the whole is by its parts, and the tables of referral.def, looked up. */
#include "daemon/core/referral.h"

#include <assert.h>
#include <stddef.h>

#include "daemon/core/planted.h"
#include "daemon/core/referral.def"

/* clang-format off */
#define AS_COLUMN(state) OFFER_COLUMN_##state,
enum offer_column { OFFER_COLUMNS(AS_COLUMN) OFFER_COLUMN_COUNT };
#undef AS_COLUMN
#define AS_COLUMN(name, state, business) REFERRAL_COLUMN_##name,
enum referral_column { REFERRAL_COLUMNS(AS_COLUMN) REFERRAL_COLUMN_COUNT };
#undef AS_COLUMN

#define AS_COLUMN(state) STATE_##state,
static const enum state offer_columns[] = { OFFER_COLUMNS(AS_COLUMN) };
#undef AS_COLUMN
#define AS_COLUMN(name, state, business) {state, business},
static const struct { enum state state; enum business_status business; } referral_columns[] = {
    REFERRAL_COLUMNS(AS_COLUMN)
};

/* Rows stand at the numbers of their events; nobody causes what has none. */
#define AND_ONE(...) + 1
#define EVENTS (1 EVENT_CODES(AND_ONE))
#define AS_ROW(event, who, ...) [EVENT_##event] = {who, {__VA_ARGS__}},
static const struct {
    unsigned who;
    struct move moves[OFFER_COLUMN_COUNT];
} offer_rows[EVENTS] = { OFFER_MOVES(AS_ROW) };
static const struct {
    unsigned who;
    struct move moves[REFERRAL_COLUMN_COUNT];
} referral_rows[EVENTS] = { REFERRAL_MOVES(AS_ROW) };
/* clang-format on */

/* The one that speaks for all has the most. */
static int rank_of(const struct part *part)
{
    if (part_has_ended(part))
        return 0;
    return part->state == STATE_IN_PROGRESS ? 5
           : part->state == STATE_ACCEPTED  ? 4
           : part_is_case(part)             ? 3
           : part->state == STATE_RECEIVED  ? 2
                                            : 1;
}

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
    const struct part *leader = NULL;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (rank_of(part) > (leader ? rank_of(leader) : 0))
            leader = part;
    }
    return leader;
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

/* Who withdraws a referral ends everything that goes on; so one such part speaks for all. */
static void follow_ended_parts(struct referral *referral)
{
    static const enum state speakers[] = {STATE_ENTERED_IN_ERROR, STATE_CANCELLED, STATE_COMPLETED, STATE_REJECTED,
                                          STATE_FAILED};
    const struct part *speaks = NULL;

    for (size_t i = 0; i < sizeof speakers / sizeof speakers[0] && !speaks; i++)
        speaks = first_part_in(referral, speakers[i]);
    assert(speaks && "a part ends in one of these states");
    referral->overdue = false;
    if (speaks->state == STATE_COMPLETED) {
        follow_completed_parts(referral, speaks);
        return;
    }
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

bool profile_consents(const struct profile *profile, int64_t now)
{
    return !profile->consent_in_doubt && (!profile->consent_until || hours_day(now) <= profile->consent_until);
}

bool offer_holds_place(const struct offer *offer)
{
    return offer_waits_for_answer(offer) || offer->state == STATE_ACCEPTED || offer->state == STATE_IN_PROGRESS ||
           offer->state == STATE_ON_HOLD;
}

bool offer_was_put(const struct offer *offer)
{
    if (PLANTED(101) && offer->reason == REASON_MOVED)
        return false;
    return offer->reason != REASON_HUB_CLOSED && offer->reason != REASON_HELD &&
           offer->reason != REASON_CONSENT_IN_DOUBT;
}

bool offer_waits_for_answer(const struct offer *offer)
{
    return offer->state == STATE_REQUESTED || offer->state == STATE_RECEIVED;
}

bool part_has_ended(const struct part *part)
{
    return part->state == STATE_COMPLETED || part->state == STATE_FAILED || part->state == STATE_REJECTED ||
           part->state == STATE_CANCELLED || part->state == STATE_ENTERED_IN_ERROR;
}

bool part_waits(const struct part *part)
{
    return part->state == STATE_ON_HOLD && part->business_status == BUSINESS_WAITLISTED;
}

bool part_is_case(const struct part *part)
{
    return part->state == STATE_ACCEPTED || part->state == STATE_IN_PROGRESS ||
           (part->state == STATE_ON_HOLD && part->business_status == BUSINESS_PAUSED);
}

bool referral_is_with_hub(const struct referral *referral, enum state state, enum business_status business,
                          uint8_t offer_number)
{
    if (!offer_number || state == STATE_REJECTED)
        return false;
    if (state == STATE_ON_HOLD)
        return business == BUSINESS_PAUSED;
    enum status_reason reason = referral->offers[offer_number - 1].reason;
    if (state == STATE_CANCELLED)
        return reason == REASON_WITHDRAWN_BY_SENDER;
    return state != STATE_ENTERED_IN_ERROR || reason == REASON_ENTERED_IN_ERROR;
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
    referral->stage = urgent->stage;
}

/* Something depends on the consent: a hub is asked, or may be at any time, or has the person and nobody knows yet that
 * the consent has run out. What a person must look at is asked about when it is placed. */
static bool consent_matters(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (part->state == STATE_RECEIVED || part_waits(part) || (part_is_case(part) && !referral->consent_ended))
            return true;
    }
    return false;
}

/* The moment after which the consent holds no more; INT64_MAX: nothing depends on it. */
static int64_t consent_ends_at(const struct referral *referral)
{
    int64_t until = referral->profile.consent_until;

    return until && consent_matters(referral) ? hours_midnight(until + 1) : INT64_MAX;
}

int64_t referral_next_due(const struct referral *referral)
{
    int64_t ends = PLANTED(106) ? INT64_MAX : consent_ends_at(referral);

    return ends < referral->deadline ? ends : referral->deadline;
}

bool referral_consent_is_due(const struct referral *referral, int64_t now)
{
    return now >= consent_ends_at(referral);
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
        return referral->sender_knows ? REASON_GP_UNCONFIRMED : REASON_OUTCOME_UNCONFIRMED;
    return part_waits(part)                         ? REASON_WAITED_TOO_LONG
           : part->state == STATE_RECEIVED          ? REASON_NOT_RECEIVED
           : part->business_status == BUSINESS_HELD ? REASON_HELD
                                                    : REASON_OVERDUE;
}

bool referral_needs_person(const struct referral *referral)
{
    bool attention = referral->consent_ended && !referral_has_ended(referral);

    for (uint8_t i = 0; i < referral->parts_count; i++)
        attention = attention || referral->parts[i].business_status == BUSINESS_ATTENTION;
    return referral_is_open(referral) && (attention || referral->overdue);
}

bool referral_tells_practice(const struct referral *referral)
{
    return referral->practice != PARTY_NONE && (referral->message_back & CODE_BIT(BACK_GP));
}

bool referral_is_known(const struct referral *referral)
{
    return referral->sender_knows && (referral->practice_knows || !referral_tells_practice(referral));
}

/* ---- the tables ---- */

static int offer_column(enum state state)
{
    int i = 0;

    while (offer_columns[i] != state) {
        i++;
        assert(i < OFFER_COLUMN_COUNT && "the state stands in the table of offers");
    }
    return i;
}

static int referral_column(enum state state, enum business_status business)
{
    int i = 0;

    while (referral_columns[i].state != state ||
           (referral_columns[i].business && referral_columns[i].business != business)) {
        i++;
        assert(i < REFERRAL_COLUMN_COUNT && "how it stands is in the table of referrals");
    }
    return i;
}

const struct move *offer_move(enum state state, enum event event)
{
    assert(event < EVENTS && offer_rows[event].who && "the event stands in the table of offers");
    return &offer_rows[event].moves[offer_column(state)];
}

const struct move *referral_move(enum state state, enum business_status business, enum event event)
{
    assert(event < EVENTS && referral_rows[event].who && "the event stands in the table of referrals");
    return &referral_rows[event].moves[referral_column(state, business)];
}

unsigned event_causers(enum event event)
{
    assert(event < EVENTS && (referral_rows[event].who || offer_rows[event].who) && "the event stands in a table");
    return referral_rows[event].who ? referral_rows[event].who : offer_rows[event].who;
}
