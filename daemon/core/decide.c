/* SPDX-License-Identifier: MIT
 * decide: a table from event to action; each action moves one referral by one step. */
#include "daemon/core/decide.h"

#include <assert.h>
#include <stddef.h>

#include "daemon/core/planted.h"

#define DAY_MS INT64_C(86400000)

static void tell(struct outcome_of *outcome, uint32_t party, enum message_type type)
{
    struct entry *entry = &outcome->entry;

    assert(entry->letters_count < ENTRY_LETTERS_MAX);
    entry->letters[entry->letters_count++] = (struct letter){.party = party, .type = type};
}

static void wait_until(struct referral *referral, int64_t deadline, uint32_t owner)
{
    referral->deadline = deadline;
    referral->deadline_owner = owner;
}

static void free_place_of(const struct facts *facts, const struct offer *offer, struct outcome_of *outcome)
{
    outcome->place_freed = network_find_service(facts->network, offer->hub, offer->service);
}

/* What routing saw, so that it can be decided again: the hubs that met the rules, with their free places. */
static void keep_decision(const struct facts *facts, const struct referral *referral, const struct route *route,
                          struct decision *decision)
{
    decision->made = true;
    decision->network_version = facts->network->version;
    decision->offers_before = referral->offers_count;
    decision->comparison = route->comparison;
    decision->eligible = route->eligible;
    if (route->service >= 0)
        decision->candidates[decision->candidates_count++] =
            (struct candidate){facts->network->hubs[route->chosen.hub].party, route->chosen.places_free};
    for (uint32_t i = 0; i < facts->network->hubs_count && decision->candidates_count < ENTRY_CANDIDATES_MAX; i++) {
        const struct verdict *verdict = &facts->verdicts[i];
        bool candidate = verdict->rule == RULE_NONE_FAILED || verdict->rule == RULE_FULL;
        if (candidate && (route->service < 0 || verdict->hub != route->chosen.hub))
            decision->candidates[decision->candidates_count++] =
                (struct candidate){facts->network->hubs[verdict->hub].party, verdict->places_free};
    }
}

static void hold_for_person(const struct facts *facts, struct referral *referral, enum status_reason reason)
{
    referral->state = STATE_ON_HOLD;
    referral->business_status = BUSINESS_ATTENTION;
    referral->reason = reason;
    wait_until(referral, facts->now + facts->network->deadlines.attention_review_ms, PARTY_NONE);
}

static void hold_in_list(const struct facts *facts, struct referral *referral, struct outcome_of *outcome)
{
    referral->state = STATE_ON_HOLD;
    referral->business_status = BUSINESS_WAITLISTED;
    referral->reason = REASON_ALL_FULL;
    wait_until(referral, facts->now + facts->network->deadlines.waiting_review_ms, PARTY_NONE);
    outcome->waits = true;
}

static void offer_to_hub(const struct facts *facts, const struct route *route, struct referral *referral,
                         struct outcome_of *outcome)
{
    const struct network *network = facts->network;
    const struct hub *hub = &network->hubs[route->chosen.hub];
    uint32_t service = network->services[route->service].number;

    referral->offers[referral->offers_count++] =
        (struct offer){.hub = hub->party, .service = service, .state = STATE_REQUESTED, .made_at = facts->now};
    referral->state = STATE_RECEIVED;
    referral->business_status = BUSINESS_OFFERED;
    referral->reason = 0;
    wait_until(referral, facts->now + network->deadlines.offer_ms[referral->profile.priority], hub->party);
    if (PLANTED(27))
        tell(outcome, hub->party, MESSAGE_person);
    outcome->place_taken = route->service;
    outcome->entry.placed_offer = referral->offers_count;
    outcome->entry.hub = hub->party;
    outcome->entry.service = service;
}

static enum status_reason why_no_hub(const struct profile *profile)
{
    return profile->locality == LOCALITY_UNKNOWN ? REASON_UNKNOWN_LOCALITY : REASON_NO_HUB;
}

/* Places a referral that no hub holds: with a hub, in the waiting list, or before a person. */
static void place(const struct facts *facts, struct referral *referral, struct outcome_of *outcome)
{
    struct question question = {.profile = &referral->profile,
                                .sender = referral->sender,
                                .offers = referral->offers,
                                .offers_count = referral->offers_count,
                                .day = facts->now / DAY_MS,
                                .places = facts->places};
    struct route route;

    if (referral->profile.safeguarding) {
        hold_for_person(facts, referral, REASON_SAFEGUARDING);
        return;
    }
    if (referral->offers_count >= facts->network->hops_max) {
        hold_for_person(facts, referral, REASON_HOPS);
        return;
    }
    route_choose(facts->network, &question, &route, facts->verdicts);
    keep_decision(facts, referral, &route, &outcome->entry.decision);
    if (route.service >= 0)
        offer_to_hub(facts, &route, referral, outcome);
    else if (route.eligible > 0)
        hold_in_list(facts, referral, outcome);
    else
        hold_for_person(facts, referral, why_no_hub(&referral->profile));
}

static void tell_where_it_stands(struct referral *referral, struct outcome_of *outcome)
{
    tell(outcome, referral->sender, MESSAGE_routed);
    if (outcome->entry.placed_offer)
        tell(outcome, outcome->entry.hub, MESSAGE_offer);
}

/* The offer that a hub's answer names; NULL with the refusal set. The same refusal for "none" and "not yours". */
static struct offer *named_offer(const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    if (cause->offer_number < 1 || cause->offer_number > referral->offers_count ||
        (referral->offers[cause->offer_number - 1].hub != cause->actor && !PLANTED(18))) {
        outcome->refusal = REFUSAL_NOT_FOUND;
        return NULL;
    }
    return &referral->offers[cause->offer_number - 1];
}

/* True when the cell is a move, which the offer then has made. */
static bool move_offer(const struct cause *cause, struct offer *offer, struct outcome_of *outcome)
{
    const struct move *move = offer_move(offer->state, cause->event);

    outcome->refusal = move->refusal;
    outcome->repeated = move->cell == CELL_REPEAT && !PLANTED(26);
    if (move->cell != CELL_MOVE)
        return false;
    offer->state = move->to;
    offer->reason = cause->reason;
    outcome->entry.hub = offer->hub;
    outcome->entry.service = offer->service;
    return true;
}

static bool move_referral(const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    const struct move *move = referral_move(referral->state, cause->event);

    outcome->refusal = move->refusal;
    outcome->repeated = move->cell == CELL_REPEAT;
    if (move->cell != CELL_MOVE)
        return false;
    referral->state = move->to;
    return true;
}

static void submitted(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    if (!move_referral(cause, referral, outcome))
        return;
    referral->submitted_at = facts->now;
    place(facts, referral, outcome);
    tell_where_it_stands(referral, outcome);
}

static void received(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    (void)facts;
    if (offer)
        move_offer(cause, offer, outcome);
}

static void accepted(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    if (!offer || !move_offer(cause, offer, outcome))
        return;
    referral->state = STATE_ACCEPTED;
    referral->business_status = BUSINESS_HUB_ACCEPTED;
    referral->reason = 0;
    wait_until(referral, facts->now + facts->network->deadlines.accepted_ms[referral->profile.priority], offer->hub);
    tell(outcome, referral->sender, MESSAGE_answered);
    tell(outcome, offer->hub, MESSAGE_person);
}

/* A hub that says "no capacity" has no places from now on, until it states a figure. */
static void rejected(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    if (!offer || !move_offer(cause, offer, outcome))
        return;
    free_place_of(facts, offer, outcome);
    if (cause->reason == REASON_CAPACITY && !PLANTED(23))
        outcome->places_none = outcome->place_freed;
    if (!PLANTED(17))
        tell(outcome, referral->sender, MESSAGE_answered);
    place(facts, referral, outcome);
    tell_where_it_stands(referral, outcome);
}

static void started(const struct facts *facts, const struct cause *cause, struct referral *referral,
                    struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    if (!offer || !move_offer(cause, offer, outcome))
        return;
    referral->state = STATE_IN_PROGRESS;
    referral->business_status = BUSINESS_CONTACT_MADE;
    referral->reason = 0;
    wait_until(referral, facts->now + facts->network->deadlines.progress_ms, offer->hub);
    tell(outcome, referral->sender, MESSAGE_progressed);
}

/* The story has ended; it closes when the sender has confirmed that it knows. */
static void ended(const struct facts *facts, struct referral *referral, enum state state, enum business_status business,
                  struct outcome_of *outcome)
{
    referral->state = state;
    referral->business_status = business;
    wait_until(referral, facts->now + facts->network->deadlines.outcome_confirm_ms, referral->sender);
    tell(outcome, referral->sender, MESSAGE_ended);
}

static void completed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    if (!offer || !move_offer(cause, offer, outcome))
        return;
    free_place_of(facts, offer, outcome);
    referral->outcome = cause->outcome;
    referral->reason = 0;
    ended(facts, referral, STATE_COMPLETED, cause->outcome == OUTCOME_PARTLY ? BUSINESS_PARTLY : BUSINESS_GOT_HELP,
          outcome);
}

static void failed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                   struct outcome_of *outcome)
{
    struct offer *offer = named_offer(cause, referral, outcome);

    if (!offer || !move_offer(cause, offer, outcome))
        return;
    free_place_of(facts, offer, outcome);
    referral->reason = cause->reason;
    ended(facts, referral, STATE_FAILED, BUSINESS_NOT_HELPED, outcome);
}

/* Takes the current offer back from its hub, if there is one. */
static void withdraw(const struct facts *facts, enum event event, enum status_reason reason, struct referral *referral,
                     struct outcome_of *outcome)
{
    uint8_t number = referral_current_offer(referral);
    struct cause cause = {.event = event, .reason = reason};

    if (!number)
        return;
    bool moved = move_offer(&cause, &referral->offers[number - 1], outcome);
    assert(moved);
    outcome->entry.offer_number = number;
    free_place_of(facts, &referral->offers[number - 1], outcome);
    if (!PLANTED(24) || event != EVENT_OFFER_EXPIRED)
        tell(outcome, referral->offers[number - 1].hub, MESSAGE_withdrawn);
}

/* Only the sender may; anybody else is told that there is no such referral. */
static void cancelled(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    if (cause->actor != referral->sender) {
        outcome->refusal = REFUSAL_NOT_FOUND;
        return;
    }
    if (!move_referral(cause, referral, outcome))
        return;
    withdraw(facts, EVENT_CANCELLED, REASON_WITHDRAWN_BY_SENDER, referral, outcome);
    referral->reason = cause->reason;
    ended(facts, referral, STATE_CANCELLED, BUSINESS_REVOKED, outcome);
}

static void outcome_confirmed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                              struct outcome_of *outcome)
{
    (void)facts;
    if (!referral_is_open(referral)) {
        outcome->repeated = true;
        return;
    }
    if (!move_referral(cause, referral, outcome))
        return;
    referral->business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    wait_until(referral, 0, PARTY_NONE);
}

/* Looks once more for a place. When it still waits as before, only its review moves on: no entry, nobody is told. */
static void placed_again(const struct facts *facts, const struct cause *cause, struct referral *referral,
                         struct outcome_of *outcome)
{
    enum business_status before = referral->business_status;
    enum status_reason reason_before = referral->reason;

    if (!move_referral(cause, referral, outcome))
        return;
    place(facts, referral, outcome);
    if (referral->business_status == before && referral->reason == reason_before) {
        outcome->recorded = false;
        return;
    }
    if (!outcome->entry.placed_offer)
        outcome->entry.event = outcome->waits ? EVENT_WAITLISTED : EVENT_ATTENTION;
    tell_where_it_stands(referral, outcome);
}

/* The hub has been silent, or has closed: the place goes back and the next hub is asked. */
static void offer_ends(const struct facts *facts, enum event event, enum status_reason reason,
                       struct referral *referral, struct outcome_of *outcome)
{
    outcome->entry.event = event;
    outcome->entry.reason = reason;
    withdraw(facts, event, reason, referral, outcome);
    place(facts, referral, outcome);
    tell_where_it_stands(referral, outcome);
}

/* What was accepted there stays: only an offer that waits for an answer moves on. */
static void hub_closed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                       struct outcome_of *outcome)
{
    (void)cause;
    if (referral->state == STATE_RECEIVED)
        offer_ends(facts, EVENT_HUB_CLOSED, REASON_HUB_CLOSED, referral, outcome);
    else
        outcome->repeated = true;
}

/* The entry of a timer names the hub that it is about. */
static void name_current_offer(const struct referral *referral, struct outcome_of *outcome)
{
    uint8_t number = referral_current_offer(referral);

    assert(number > 0);
    outcome->entry.offer_number = number;
    outcome->entry.hub = referral->offers[number - 1].hub;
    outcome->entry.service = referral->offers[number - 1].service;
}

/* A hub that accepted has not moved on, or a sender has not confirmed: a person is asked to look, again and again. */
static void overdue(const struct facts *facts, struct referral *referral, struct outcome_of *outcome)
{
    outcome->recorded = !referral->overdue;
    referral->overdue = true;
    outcome->entry.reason = referral_overdue_reason(referral);
    wait_until(referral, facts->now + facts->network->deadlines.attention_review_ms, PARTY_NONE);
    if (outcome->entry.reason != REASON_OVERDUE)
        return;
    name_current_offer(referral, outcome);
    if (outcome->recorded)
        tell(outcome, referral->sender, MESSAGE_progressed);
}

/* What a deadline means follows from the state. */
static void due(const struct facts *facts, const struct cause *cause, struct referral *referral,
                struct outcome_of *outcome)
{
    struct cause again = {.event = EVENT_OFFERED, .actor = PARTY_NONE};

    if ((facts->now < referral->deadline && !PLANTED(25)) || !referral_is_open(referral)) {
        outcome->repeated = true;
    } else if (referral->state == STATE_RECEIVED) {
        offer_ends(facts, EVENT_OFFER_EXPIRED, REASON_SILENCE, referral, outcome);
    } else if (referral->state == STATE_ON_HOLD) {
        outcome->entry.event = EVENT_OFFERED;
        placed_again(facts, &again, referral, outcome);
    } else if (move_referral(cause, referral, outcome)) {
        overdue(facts, referral, outcome);
    }
}

typedef void (*action)(const struct facts *, const struct cause *, struct referral *, struct outcome_of *);

static const struct {
    enum event event;
    action action;
} actions[] = {
    {EVENT_SUBMITTED, submitted},  {EVENT_RECEIVED, received},   {EVENT_ACCEPTED, accepted},
    {EVENT_REJECTED, rejected},    {EVENT_STARTED, started},     {EVENT_COMPLETED, completed},
    {EVENT_FAILED, failed},        {EVENT_CANCELLED, cancelled}, {EVENT_OUTCOME_CONFIRMED, outcome_confirmed},
    {EVENT_OFFERED, placed_again}, {EVENT_OVERDUE, due},         {EVENT_HUB_CLOSED, hub_closed},
};

static action action_for(enum event event)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (actions[i].event == event)
            return actions[i].action;
    assert(false && "every event that somebody causes has an action");
    return NULL;
}

void decide(const struct facts *facts, const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    struct entry *entry = &outcome->entry;

    *outcome = (struct outcome_of){.recorded = true, .place_taken = -1, .place_freed = -1, .places_none = -1};
    *entry = (struct entry){.previous = referral->history,
                            .referral = referral->number,
                            .at = facts->now,
                            .event = cause->event,
                            .actor = cause->actor,
                            .offer_number = cause->offer_number,
                            .reason = cause->reason,
                            .outcome = cause->outcome};
    action_for(cause->event)(facts, cause, referral, outcome);
    outcome->changed = outcome->refusal == REFUSAL_NONE && !outcome->repeated;
    if (!outcome->changed) {
        outcome->recorded = false;
        return;
    }
    referral->changed_at = facts->now;
    referral->overdue = entry->event == EVENT_OVERDUE;
    entry->state = referral->state;
    entry->business_status = referral->business_status;
    entry->status_reason = referral->reason;
    entry->deadline = referral->deadline;
    assert(referral->deadline > 0 || !referral_is_open(referral));
}
