/* SPDX-License-Identifier: MIT
 * referral: every cell of both tables, and what the whole is by its parts. The loops are derived from referral.def, so
 * that a new row or column is missed; what is meant is written down here once more. */
#include "daemon/core/referral.h"

#include "daemon/core/referral.def"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define AS_COLUMN(state) STATE_##state,
static const enum state offer_states[] = {OFFER_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_COLUMN(name, state, business) {#name, state, business},
static const struct {
    const char *name;
    enum state state;
    enum business_status business;
} columns[] = {REFERRAL_COLUMNS(AS_COLUMN)};

/* clang-format off */
#define AS_ROW(event, who, ...) EVENT_##event,
static const enum event offer_events[] = {OFFER_MOVES(AS_ROW)};
static const enum event referral_events[] = {REFERRAL_MOVES(AS_ROW)};
#undef AS_ROW
/* clang-format on */

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

/* ---- the tables, written down once more: one letter for each cell ---- */

/* Where it goes: r received, a accepted, p in-progress, h on-hold, j rejected, c cancelled, d completed, f failed,
 * e entered-in-error; @ placed by the rules, + done and the state stays, = a repeat, . not current, x the offer has
 * ended, o still open. */
static char letter_of(const struct move *move)
{
    static const struct {
        enum state state;
        char letter;
    } letters[] = {{STATE_RECEIVED, 'r'},  {STATE_ACCEPTED, 'a'}, {STATE_IN_PROGRESS, 'p'},
                   {STATE_ON_HOLD, 'h'},   {STATE_REJECTED, 'j'}, {STATE_CANCELLED, 'c'},
                   {STATE_COMPLETED, 'd'}, {STATE_FAILED, 'f'},   {STATE_ENTERED_IN_ERROR, 'e'}};

    switch (move->cell) {
    case CELL_MOVE:
        for (size_t i = 0; i < COUNT_OF(letters); i++)
            if (letters[i].state == move->to)
                return letters[i].letter;
        return '!';
    case CELL_STAY:
        return '+';
    case CELL_PLACE:
        return '@';
    case CELL_REPEAT:
        return '=';
    case CELL_REFUSE:
        return move->refusal == REFUSAL_NOT_CURRENT   ? '.'
               : move->refusal == REFUSAL_OFFER_ENDED ? 'x'
               : move->refusal == REFUSAL_STILL_OPEN  ? 'o'
                                                      : '!';
    default:
        return '!';
    }
}

/* requested received accepted in-progress on-hold, rejected cancelled completed failed. */
static const struct {
    enum event event;
    unsigned who;
    const char *cells;
} offer_grid[] = {
    {EVENT_RECEIVED, WHO_HUB, "r========"},
    {EVENT_ACCEPTED, WHO_HUB, "aa===xx=="},
    {EVENT_REJECTED, WHO_HUB, "jj...=x.."},
    {EVENT_STARTED, WHO_HUB, "..p=.xx=="},
    {EVENT_PROGRESSED, WHO_HUB, "...+.xxxx"},
    {EVENT_PAUSED, WHO_HUB, "..hh=xxxx"},
    {EVENT_RESUMED, WHO_HUB, "...=pxxxx"},
    {EVENT_HANDED_BACK, WHO_HUB, "..fffxxxx"},
    {EVENT_COMPLETED, WHO_HUB, "..dddxx=."},
    {EVENT_FAILED, WHO_HUB, "..fffxx.="},
    {EVENT_NUDGED, WHO_NETWORK, "++++====="},
    {EVENT_OFFER_EXPIRED, WHO_NETWORK, "cccc====="},
    {EVENT_HUB_CLOSED, WHO_NETWORK, "cc======="},
    {EVENT_CONSENT_EXPIRED, WHO_NETWORK, "cc======="},
    {EVENT_HELD, WHO_OPERATOR, "cc...===="},
    {EVENT_PLACED, WHO_OPERATOR, "cc...===="},
    {EVENT_TURNED_AWAY, WHO_OPERATOR, "cc...===="},
    {EVENT_REOFFERED, WHO_OPERATOR, "cccccxxxx"},
    {EVENT_CANCELLED, WHO_SENDER | WHO_OPERATOR, "ccccc===="},
    {EVENT_ENTERED_IN_ERROR, WHO_SENDER | WHO_OPERATOR, "ccccc===="},
};

/* requested received waits attention held paused accepted in-progress, completed failed rejected cancelled error. */
static const struct {
    enum event event;
    unsigned who;
    const char *cells;
} referral_grid[] = {
    {EVENT_SUBMITTED, WHO_SENDER, "@============"},
    {EVENT_OFFERED, WHO_NETWORK, ".=@@========="},
    {EVENT_OVERDUE, WHO_NETWORK, "=++++++++++++"},
    {EVENT_NUDGED, WHO_NETWORK, "=+====++====="},
    {EVENT_CONSENT_EXPIRED, WHO_NETWORK, "=hh==+++====="},
    {EVENT_LINKED, WHO_NETWORK, ".++++++++++++"},
    {EVENT_UPDATED, WHO_SENDER, ".++@++++....."},
    {EVENT_CANCELLED, WHO_SENDER | WHO_OPERATOR, "cccccccc...=="},
    {EVENT_ENTERED_IN_ERROR, WHO_SENDER | WHO_OPERATOR, "eeeeeeeeeeee="},
    {EVENT_OUTCOME_CONFIRMED, WHO_SENDER | WHO_PRACTICE, "........+++++"},
    {EVENT_HELD, WHO_OPERATOR, ".hhh=........"},
    {EVENT_RELEASED, WHO_OPERATOR, "...@@........"},
    {EVENT_PLACED, WHO_OPERATOR, ".rrrr........"},
    {EVENT_REOFFERED, WHO_OPERATOR, ".@...@@@....."},
    {EVENT_PRIORITISED, WHO_OPERATOR, ".+++++++....."},
    {EVENT_ANNOTATED, WHO_OPERATOR, ".++++++++++++"},
    {EVENT_TURNED_AWAY, WHO_OPERATOR, ".jjjj.....=.."},
    {EVENT_REVEALED, WHO_OPERATOR | WHO_PRIVACY, ".++++++++++++"},
    {EVENT_ERASED, WHO_PRIVACY, "oooooooo+++++"},
};

Test(referral, every_cell_of_an_offer_is_as_it_is_meant)
{
    cr_assert_eq(COUNT_OF(offer_grid), COUNT_OF(offer_events));
    for (size_t e = 0; e < COUNT_OF(offer_events); e++) {
        const char *what = code_text(LIST_event, offer_events[e]);
        cr_assert_eq(offer_grid[e].event, offer_events[e], "%s", what);
        cr_assert_eq(offer_grid[e].who, event_causers(offer_events[e]), "%s", what);
        cr_assert_eq(strlen(offer_grid[e].cells), COUNT_OF(offer_states), "%s", what);
        for (size_t s = 0; s < COUNT_OF(offer_states); s++)
            cr_assert_eq(letter_of(offer_move(offer_states[s], offer_events[e])), offer_grid[e].cells[s], "%s %s",
                         name_of(offer_states[s]), what);
    }
}

Test(referral, every_cell_of_a_referral_is_as_it_is_meant)
{
    cr_assert_eq(COUNT_OF(referral_grid), COUNT_OF(referral_events));
    for (size_t e = 0; e < COUNT_OF(referral_events); e++) {
        const char *what = code_text(LIST_event, referral_events[e]);
        cr_assert_eq(referral_grid[e].event, referral_events[e], "%s", what);
        cr_assert_eq(referral_grid[e].who, event_causers(referral_events[e]), "%s", what);
        cr_assert_eq(strlen(referral_grid[e].cells), COUNT_OF(columns), "%s", what);
        for (size_t s = 0; s < COUNT_OF(columns); s++)
            cr_assert_eq(letter_of(referral_move(columns[s].state, columns[s].business, referral_events[e])),
                         referral_grid[e].cells[s], "%s %s", columns[s].name, what);
    }
}

Test(referral, an_event_of_both_tables_has_the_same_causers_in_both)
{
#define AS_ROW(event, causers, ...) {EVENT_##event, causers},
    static const struct {
        enum event event;
        unsigned who;
    } of_offers[] = {OFFER_MOVES(AS_ROW)}, of_referrals[] = {REFERRAL_MOVES(AS_ROW)};

    for (size_t i = 0; i < COUNT_OF(of_offers); i++)
        for (size_t j = 0; j < COUNT_OF(of_referrals); j++)
            cr_assert(of_offers[i].event != of_referrals[j].event || of_offers[i].who == of_referrals[j].who, "%s",
                      code_text(LIST_event, of_offers[i].event));
}

/* Where a FHIR Task may go to. */
static unsigned may_become(enum state state)
{
    switch (state) {
    case STATE_REQUESTED:
        return STATES(STATE_RECEIVED, STATE_ACCEPTED, STATE_REJECTED, STATE_CANCELLED, STATE_ENTERED_IN_ERROR);
    case STATE_RECEIVED:
        return STATES(STATE_RECEIVED, STATE_ACCEPTED, STATE_ON_HOLD, STATE_REJECTED, STATE_CANCELLED,
                      STATE_ENTERED_IN_ERROR);
    case STATE_ACCEPTED:
    case STATE_IN_PROGRESS:
        return STATES(STATE_IN_PROGRESS, STATE_ON_HOLD, STATE_COMPLETED, STATE_FAILED, STATE_CANCELLED,
                      STATE_ENTERED_IN_ERROR);
    case STATE_ON_HOLD:
        return STATES(STATE_RECEIVED, STATE_ON_HOLD, STATE_IN_PROGRESS, STATE_COMPLETED, STATE_FAILED, STATE_REJECTED,
                      STATE_CANCELLED, STATE_ENTERED_IN_ERROR);
    default: /* nothing leaves a terminal state but to entered-in-error */
        return STATES(STATE_ENTERED_IN_ERROR);
    }
}

Test(referral, every_move_is_one_that_a_task_may_make)
{
    for (size_t e = 0; e < COUNT_OF(offer_events); e++)
        for (size_t s = 0; s < COUNT_OF(offer_states); s++) {
            const struct move *move = offer_move(offer_states[s], offer_events[e]);
            cr_assert(move->cell != CELL_MOVE || may_become(offer_states[s]) >> move->to & 1);
            cr_assert(move->cell != CELL_MOVE || !is_terminal(offer_states[s]));
        }
    for (size_t e = 0; e < COUNT_OF(referral_events); e++)
        for (size_t s = 0; s < COUNT_OF(columns); s++) {
            const struct move *move = referral_move(columns[s].state, columns[s].business, referral_events[e]);
            cr_assert(move->cell != CELL_MOVE || may_become(columns[s].state) >> move->to & 1);
            cr_assert(move->cell != CELL_REFUSE || refusal_spec(move->refusal));
        }
}

Test(referral, every_state_has_its_column)
{
    unsigned all = 0, of_referrals = 0;

    for (size_t i = 0; i < lists[LIST_state].count; i++)
        all |= 1u << lists[LIST_state].codes[i].number;
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        of_referrals |= 1u << columns[i].state;
    cr_assert_eq(of_referrals, all);
    cr_assert_eq(bits(COUNT_OF(offer_states), offer_states), all & ~STATES(STATE_ENTERED_IN_ERROR));
}

/* But for handing back: an offer that has failed may have been ended by the hub for good, and the person is with nobody
 * else. A repeat of that is known by its request. */
Test(referral, what_a_hub_has_done_to_an_offer_can_be_said_again)
{
    for (size_t s = 0; s < COUNT_OF(offer_states); s++)
        for (size_t e = 0; e < COUNT_OF(offer_events); e++) {
            const struct move *move = offer_move(offer_states[s], offer_events[e]);
            if (move->cell == CELL_MOVE && event_causers(offer_events[e]) == WHO_HUB &&
                offer_events[e] != EVENT_HANDED_BACK)
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

Test(referral, a_hub_was_not_asked_when_what_ended_its_offer_is_no_matter_of_its_own)
{
    for (size_t i = 0; i < lists[LIST_status_reason].count; i++) {
        enum status_reason reason = (enum status_reason)lists[LIST_status_reason].codes[i].number;
        bool not_asked = reason == REASON_HUB_CLOSED || reason == REASON_HELD || reason == REASON_CONSENT_IN_DOUBT;
        cr_assert_eq(offer_was_put(&(struct offer){.state = STATE_CANCELLED, .reason = reason}), !not_asked, "%s",
                     code_text(LIST_status_reason, (int)reason));
    }
}

/* ---- parts ---- */

Test(referral, a_part_has_ended_when_its_state_is_terminal)
{
    for (size_t s = 0; s < COUNT_OF(columns); s++)
        cr_assert_eq(part_has_ended(&(struct part){.state = columns[s].state}), is_terminal(columns[s].state));
}

Test(referral, a_part_is_a_case_while_a_hub_has_accepted_it)
{
    for (size_t s = 0; s < COUNT_OF(columns); s++)
        cr_assert_eq(part_is_case(&(struct part){.state = columns[s].state, .business_status = columns[s].business}),
                     strcmp(columns[s].name, "ACCEPTED") == 0 || strcmp(columns[s].name, "IN_PROGRESS") == 0 ||
                         strcmp(columns[s].name, "PAUSED") == 0,
                     "%s", columns[s].name);
}

Test(referral, what_is_held_has_left_its_hub_behind_and_what_is_paused_has_not)
{
    struct referral referral = {.offers_count = 1};

    cr_assert(referral_is_with_hub(&referral, STATE_RECEIVED, BUSINESS_OFFERED, 1));
    cr_assert(referral_is_with_hub(&referral, STATE_ON_HOLD, BUSINESS_PAUSED, 1));
    cr_assert_not(referral_is_with_hub(&referral, STATE_ON_HOLD, BUSINESS_WAITLISTED, 1));
    cr_assert_not(referral_is_with_hub(&referral, STATE_ON_HOLD, BUSINESS_HELD, 1));
    cr_assert_not(referral_is_with_hub(&referral, STATE_RECEIVED, BUSINESS_OFFERED, 0));
    referral.offers[0].reason = REASON_SILENCE;
    cr_assert_not(referral_is_with_hub(&referral, STATE_CANCELLED, BUSINESS_REVOKED, 1));
    cr_assert_not(referral_is_with_hub(&referral, STATE_ENTERED_IN_ERROR, BUSINESS_RETRACTED, 1));
    cr_assert_not(referral_is_with_hub(&referral, STATE_REJECTED, BUSINESS_TURNED_AWAY, 1));
    referral.offers[0].reason = REASON_WITHDRAWN_BY_SENDER;
    cr_assert(referral_is_with_hub(&referral, STATE_CANCELLED, BUSINESS_REVOKED, 1));
    referral.offers[0].reason = REASON_ENTERED_IN_ERROR;
    cr_assert(referral_is_with_hub(&referral, STATE_ENTERED_IN_ERROR, BUSINESS_RETRACTED, 1));
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
#define PAUSED part_in(STATE_ON_HOLD, BUSINESS_PAUSED, REASON_PAUSED, 0)
#define KEPT part_in(STATE_ON_HOLD, BUSINESS_HELD, REASON_HELD, 0)
#define TURNED part_in(STATE_REJECTED, BUSINESS_TURNED_AWAY, REASON_NOT_ELIGIBLE, 0)
#define WRONG part_in(STATE_ENTERED_IN_ERROR, BUSINESS_RETRACTED, REASON_ENTERED_IN_ERROR, 0)
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
        {{KEPT, END},                       KEPT},
        {{PAUSED, END},                     PAUSED},
        {{OFFERED, PAUSED, WAITS, END},     PAUSED},
        {{PAUSED, ACCEPTED, END},           ACCEPTED},
        {{HELPED, PAUSED, END},             PAUSED},
        {{TURNED, END},                     TURNED},
        {{TURNED, OFFERED, END},            OFFERED},
        {{FAILED, TURNED, END},             TURNED},
        {{TURNED, HELPED, END},             PARTLY},
        {{WRONG, END},                      WRONG},
        {{WRONG, WRONG, END},               WRONG},
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
    referral.parts[1] = OFFERED;
    referral.parts[1].overdue = true;
    cr_assert_eq(referral_overdue_reason(&referral), REASON_NOT_RECEIVED);
    referral.parts[1] = KEPT;
    referral.parts[1].overdue = true;
    cr_assert_eq(referral_overdue_reason(&referral), REASON_HELD);
    referral.parts[0].overdue = true;
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OVERDUE);
    referral = (struct referral){.parts = {HELPED}, .parts_count = 1, .overdue = true};
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OUTCOME_UNCONFIRMED);
    referral.sender_knows = true;
    cr_assert_eq(referral_overdue_reason(&referral), REASON_GP_UNCONFIRMED);
}

Test(referral, the_practice_is_told_when_the_person_agreed_and_it_has_a_mailbox)
{
    cr_assert(referral_tells_practice(&(struct referral){.practice = 5, .message_back = CODE_BIT(BACK_GP)}));
    cr_assert_not(referral_tells_practice(&(struct referral){.practice = 5, .message_back = CODE_BIT(BACK_REFERRER)}));
    cr_assert_not(referral_tells_practice(&(struct referral){.practice = 5, .message_back = CODE_BIT(BACK_NONE)}));
    cr_assert_not(referral_tells_practice(&(struct referral){.practice = 0, .message_back = CODE_BIT(BACK_GP)}));
}

Test(referral, it_is_known_when_all_who_are_told_have_confirmed)
{
    struct referral referral = {.practice = 5, .message_back = CODE_BIT(BACK_GP)};

    cr_assert_not(referral_is_known(&referral));
    referral.sender_knows = true;
    cr_assert_not(referral_is_known(&referral));
    referral.practice_knows = true;
    cr_assert(referral_is_known(&referral));
    cr_assert(referral_is_known(&(struct referral){.sender_knows = true}));
    cr_assert_not(referral_is_known(&(struct referral){.practice_knows = true}));
}

#define DAY_MS INT64_C(86400000)
#define LAST_DAY 20779 /* 2026-11-22, in winter */

Test(referral, the_end_of_the_consent_is_a_deadline_as_long_as_something_depends_on_it)
{
    /* clang-format off */
    const struct {
        struct part part;
        bool matters;
    } rows[] = {{OFFERED, true}, {WAITS, true}, {HELD, false}, {ACCEPTED, true}, {BEGUN, true}, {PAUSED, true},
                {KEPT, false}, {HELPED, false}, {FAILED, false}, {TURNED, false}, {REVOKED, false}, {WRONG, false}};
    /* clang-format on */

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct referral referral = {.parts = {rows[i].part}, .parts_count = 1, .deadline = (LAST_DAY + 9) * DAY_MS};
        referral.profile.consent_until = LAST_DAY;
        int64_t ends = (LAST_DAY + 1) * DAY_MS;
        cr_assert_eq(referral_next_due(&referral), rows[i].matters ? ends : referral.deadline, "row %zu", i);
        cr_assert_not(referral_consent_is_due(&referral, ends - 1));
        cr_assert_eq(referral_consent_is_due(&referral, ends), rows[i].matters, "row %zu", i);
        referral.deadline = ends - 1;
        cr_assert_eq(referral_next_due(&referral), ends - 1);
        referral.consent_ended = true;
        cr_assert_eq(referral_consent_is_due(&referral, ends), rows[i].matters && !part_is_case(&rows[i].part));
        referral.profile.consent_until = 0;
        cr_assert_not(referral_consent_is_due(&referral, ends), "it has no end");
    }
    cr_assert_eq(referral_next_due(&(struct referral){.deadline = 0}), 0, "closed");
}

Test(referral, the_person_consents_on_the_last_day_and_not_after_it_or_in_doubt)
{
    struct profile profile = {.consent_until = LAST_DAY};

    cr_assert(profile_consents(&profile, (LAST_DAY + 1) * DAY_MS - 1));
    cr_assert_not(profile_consents(&profile, (LAST_DAY + 1) * DAY_MS));
    profile.consent_in_doubt = true;
    cr_assert_not(profile_consents(&profile, LAST_DAY * DAY_MS));
    cr_assert(profile_consents(&(struct profile){0}, LAST_DAY * DAY_MS));
}

Test(referral, a_person_must_look_at_attention_and_at_what_is_overdue_until_it_is_closed)
{
    struct referral referral = {.parts = {BEGUN, HELD}, .parts_count = 2, .business_status = BUSINESS_CONTACT_MADE};

    cr_assert(referral_needs_person(&referral));
    referral.parts[1] = WAITS;
    cr_assert_not(referral_needs_person(&referral));
    referral.overdue = true;
    cr_assert(referral_needs_person(&referral));
    referral.overdue = false;
    referral.consent_ended = true;
    cr_assert(referral_needs_person(&referral));
    referral = (struct referral){.parts = {HELPED}, .parts_count = 1, .consent_ended = true};
    cr_assert_not(referral_needs_person(&referral));
    referral.overdue = true;
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

Test(referral, an_offer_that_was_entered_in_error_is_a_fault_of_our_own, .signal = SIGABRT)
{
    offer_move(STATE_ENTERED_IN_ERROR, EVENT_ACCEPTED);
}

Test(referral, what_is_on_hold_for_nothing_that_is_known_is_a_fault_of_our_own, .signal = SIGABRT)
{
    referral_move(STATE_ON_HOLD, BUSINESS_OFFERED, EVENT_CANCELLED);
}

Test(referral, an_event_without_a_row_is_a_fault_of_our_own, .signal = SIGABRT)
{
    referral_move(STATE_RECEIVED, 0, EVENT_CAPACITY_CHANGED);
}
