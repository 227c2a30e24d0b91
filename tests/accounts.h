/* SPDX-License-Identifier: MIT
 * accounts: what the daemon of tests/talk.h counts in memory, counted again from records one by one, as simply as can
 * be; and the comparison of both. */
#ifndef TESTS_ACCOUNTS_H
#define TESTS_ACCOUNTS_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/core/hours.h"
#include "daemon/turn_inside.h"
#include "tests/talk.h"

enum { ACCOUNTS_ROWS = 18, ACCOUNTS_PARTIES = 16 };

struct accounts {
    struct places places[ACCOUNTS_ROWS];
    struct service_figures figures[ACCOUNTS_ROWS];
    struct totals totals;
    uint32_t pace[ACCOUNTS_PARTIES][ACCOUNTS_PARTIES]; /* by sender and hub */
    uint64_t waiting;
    struct {
        uint64_t last, confirmed;
    } mailboxes[ACCOUNTS_PARTIES];
};

static inline struct accounts held_in_memory(void)
{
    const struct ledger *ledger = &talk_turn->ledger;
    struct accounts held = {.totals = talk_totals(), .waiting = ledger->waitlist.count};
    size_t rows = ledger->network->services_count;

    cr_assert(rows <= ACCOUNTS_ROWS && ledger->parties_count <= ACCOUNTS_PARTIES);
    memcpy(held.places, ledger->places, rows * sizeof held.places[0]);
    memcpy(held.figures, ledger->figures, rows * sizeof held.figures[0]);
    for (uint32_t i = 1; i < ledger->parties_count; i++) {
        held.mailboxes[i].last = ledger->parties[i]->mailbox.last;
        held.mailboxes[i].confirmed = ledger->parties[i]->mailbox.confirmed;
    }
    for (uint32_t sender = 1; sender < ACCOUNTS_PARTIES; sender++)
        for (uint32_t hub = 1; hub < ACCOUNTS_PARTIES; hub++)
            held.pace[sender][hub] = pace_count(&ledger->pace, sender, hub);
    return held;
}

static inline bool is_of_this_week(const struct offer *offer)
{
    return hours_monday(hours_day(offer->made_at)) == hours_monday(hours_day(talk_now));
}

/* It takes one place of each owner, and counts once in the week of a service, whatever number of services share them.
 */
static inline void count_offer(struct accounts *counted, const struct offer *offer)
{
    const struct network *rules = talk_turn->ledger.network;
    bool asked[ACCOUNTS_ROWS] = {false}, pays[ACCOUNTS_ROWS] = {false};
    bool in_week = is_of_this_week(offer) && (offer_waits_for_answer(offer) || offer->accepted);

    for (int i = 0; i < offer->services_count; i++) {
        int row = network_find_service(rules, offer->hub, offer->services[i]);
        if (row >= 0)
            asked[row] = pays[rules->services[row].owner] = true;
    }
    for (int row = 0; row < ACCOUNTS_ROWS; row++) {
        bool seat = pays[row] && offer->accepted && rules->services[row].seats;
        counted->places[row].used += pays[row] && (offer_holds_place(offer) || seat);
        counted->places[row].unanswered += pays[row] && offer_waits_for_answer(offer);
        counted->places[row].taken_in_week += (pays[row] || asked[row]) && in_week;
        counted->figures[row].offers_open += asked[row] && offer_waits_for_answer(offer);
        counted->figures[row].cases_open += asked[row] && offer_holds_place(offer) && !offer_waits_for_answer(offer);
    }
}

static inline void count_totals(struct totals *totals, const struct referral *referral, bool waits)
{
    totals->stored++;
    totals->open += referral_is_open(referral);
    totals->closed += !referral_is_open(referral);
    totals->offered += referral->state == STATE_RECEIVED;
    totals->placed += referral->state == STATE_ACCEPTED || referral->state == STATE_IN_PROGRESS ||
                      (referral->state == STATE_ON_HOLD && referral->business_status == BUSINESS_PAUSED);
    totals->waiting += waits;
    totals->attention += referral_needs_person(referral);
    totals->overdue += referral_is_open(referral) && referral->overdue;
}

static inline void count_referral(struct accounts *counted, const struct referral *referral)
{
    uint64_t waiting = 0;

    for (int i = 0; i < referral->parts_count; i++)
        waiting += part_waits(&referral->parts[i]);
    counted->waiting += waiting;
    count_totals(&counted->totals, referral, waiting > 0);
    for (int i = 0; i < referral->offers_count; i++) {
        const struct offer *offer = &referral->offers[i];
        count_offer(counted, offer);
        counted->pace[referral->sender][offer->hub] += hours_day(offer->made_at) == hours_day(talk_now);
    }
}

/* where: the step, for messages. */
static inline void assert_places(const struct accounts *expected, const struct accounts *held, const char *where)
{
    for (int row = 0; row < ACCOUNTS_ROWS; row++) {
        const struct places *should = &expected->places[row], *is = &held->places[row];
        cr_assert_eq(is->used, should->used, "%s: row %d: %u used, not %u", where, row, is->used, should->used);
        cr_assert_eq(is->unanswered, should->unanswered, "%s: row %d", where, row);
        cr_assert_eq(is->taken_in_week, should->taken_in_week, "%s: row %d: %u taken, not %u", where, row,
                     is->taken_in_week, should->taken_in_week);
    }
}

static inline void assert_figures(const struct accounts *expected, const struct accounts *held, const char *where)
{
    for (int row = 0; row < ACCOUNTS_ROWS; row++) {
        cr_assert_eq(held->figures[row].offers_open, expected->figures[row].offers_open, "%s: row %d", where, row);
        cr_assert_eq(held->figures[row].cases_open, expected->figures[row].cases_open, "%s: row %d", where, row);
    }
}

static inline void assert_totals(const struct totals *expected, const struct totals *held, const char *where)
{
    cr_assert_eq(held->stored, expected->stored, "%s", where);
    cr_assert_eq(held->open, expected->open, "%s", where);
    cr_assert_eq(held->closed, expected->closed, "%s", where);
    cr_assert_eq(held->offered, expected->offered, "%s", where);
    cr_assert_eq(held->placed, expected->placed, "%s", where);
    cr_assert_eq(held->waiting, expected->waiting, "%s", where);
    cr_assert_eq(held->attention, expected->attention, "%s", where);
    cr_assert_eq(held->overdue, expected->overdue, "%s", where);
    cr_assert_eq(held->enquiries_open, expected->enquiries_open, "%s", where);
    cr_assert_eq(held->damaged, 0, "%s", where);
}

static inline void assert_accounts(const struct accounts *expected, const struct accounts *held, const char *where)
{
    assert_places(expected, held, where);
    assert_figures(expected, held, where);
    assert_totals(&expected->totals, &held->totals, where);
    cr_assert_arr_eq(held->pace, expected->pace, sizeof held->pace, "%s: pace", where);
    cr_assert_eq(held->waiting, expected->waiting, "%s: %" PRIu64 " wait", where, held->waiting);
}

/* Nothing that is owed is forgotten, and nothing that was confirmed is owed again. */
static inline void assert_mailboxes(const struct accounts *before, const struct accounts *after, const char *where)
{
    for (int i = 1; i < ACCOUNTS_PARTIES; i++) {
        cr_assert_eq(after->mailboxes[i].last, before->mailboxes[i].last, "%s: party %d", where, i);
        cr_assert_eq(after->mailboxes[i].confirmed, before->mailboxes[i].confirmed, "%s: party %d", where, i);
    }
}

/* Under the same rules nobody has been given a place that is not there; a hub may state fewer than it has given. */
static inline void assert_never_over(const struct accounts *before, const char *where)
{
    struct accounts after = held_in_memory();

    for (int row = 0; row < ACCOUNTS_ROWS; row++) {
        const struct places *places = &after.places[row];
        cr_assert(places->used <= places->total || places->used <= before->places[row].used, "%s: row %d: %u of %u",
                  where, row, places->used, places->total);
    }
}

#endif
