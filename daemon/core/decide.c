/* SPDX-License-Identifier: MIT
 * decide: a table from event to action; each action moves one referral, by one or several of its parts, by one step. */
#include "daemon/core/decide.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "daemon/core/planted.h"

static void tell(struct outcome_of *outcome, uint32_t party, enum message_type type, uint8_t offer_number)
{
    struct entry *entry = &outcome->entry;

    assert(entry->letters_count < ENTRY_LETTERS_MAX);
    entry->letters[entry->letters_count++] =
        (struct letter){.party = party, .type = type, .offer_number = offer_number};
}

static void wait_until(struct part *part, int64_t deadline, uint32_t owner)
{
    part->deadline = deadline;
    part->deadline_owner = owner;
}

/* Whatever was overdue has moved on. */
static void stand(struct part *part, enum state state, enum business_status business, enum status_reason reason)
{
    part->state = state;
    part->business_status = business;
    part->reason = reason;
    part->overdue = false;
}

/* ---- placing: where the needs of a part go ---- */

struct placing {
    const struct facts *facts;
    struct referral *referral;
    struct outcome_of *outcome;
    struct part past; /* the part as it was */
    uint8_t index;    /* of that part */
    bool begun;       /* some of its needs have gone somewhere */
    bool moved;       /* somewhere else than where they were */
    bool waits;       /* some wait in the list */
};

/* The part that these needs become: the first takes the place of the one that is placed, the others are new. */
static struct part *part_with(struct placing *placing, uint64_t needs)
{
    struct referral *referral = placing->referral;
    struct part *part = &referral->parts[placing->index];

    if (placing->begun) {
        assert(referral->parts_count < NEEDS_MAX);
        part = &referral->parts[referral->parts_count++];
    }
    placing->begun = true;
    *part = placing->past;
    part->needs = needs;
    return part;
}

/* causes: by need; NULL: no hub was looked at. */
static void count_unmet(struct outcome_of *outcome, uint64_t needs, const enum unmet_cause *causes)
{
    for (uint64_t left = needs; left; left &= left - 1) {
        int need = __builtin_ctzll(left);
        assert(outcome->unmet_count < NEEDS_MAX);
        outcome->unmet[outcome->unmet_count++] = (struct unmet){(enum need)need, causes ? causes[need] : CAUSE_HELD};
    }
}

/* A part that was held for the same stays as it was, overdue or not. */
static struct part *hold(struct placing *placing, uint64_t needs, enum business_status business,
                         enum status_reason reason, const enum unmet_cause *causes)
{
    struct part *part = part_with(placing, needs);

    if (part->state == STATE_ON_HOLD && part->business_status == business && part->reason == reason)
        return part;
    stand(part, STATE_ON_HOLD, business, reason);
    count_unmet(placing->outcome, needs, causes);
    placing->moved = true;
    return part;
}

static void hold_for_person(struct placing *placing, uint64_t needs, enum status_reason reason,
                            const enum unmet_cause *causes)
{
    struct part *part = hold(placing, needs, BUSINESS_ATTENTION, reason, causes);

    wait_until(part, placing->facts->now + placing->facts->network->deadlines.attention_review_ms, PARTY_NONE);
}

static int64_t waiting_expires_at(const struct facts *facts, const struct referral *referral)
{
    return referral->submitted_at + facts->network->deadlines.waiting_expiry_ms;
}

static void hold_in_list(struct placing *placing, uint64_t need, const enum unmet_cause *causes)
{
    int64_t now = placing->facts->now;
    int64_t review = now + placing->facts->network->deadlines.waiting_review_ms;
    int64_t expiry = waiting_expires_at(placing->facts, placing->referral);
    struct part *part = hold(placing, need, BUSINESS_WAITLISTED, REASON_ALL_FULL, causes);

    wait_until(part, expiry > now && expiry < review ? expiry : review, PARTY_NONE);
    placing->waits = true;
}

/* Of several needs the one with the least time counts. */
static int64_t offer_ms(const struct facts *facts, uint64_t needs, enum priority priority)
{
    int64_t least = INT64_MAX;

    for (uint64_t left = needs; left; left &= left - 1) {
        const struct nearness *nearness =
            route_nearness(facts->network, (enum need)__builtin_ctzll(left), facts->emergency);
        int64_t ms =
            nearness->offer_ms[priority] ? nearness->offer_ms[priority] : facts->network->deadlines.offer_ms[priority];
        least = ms < least ? ms : least;
    }
    return least;
}

/* The entry names one offer, the first. */
static void name_offer(const struct referral *referral, uint8_t number, struct entry *entry)
{
    const struct offer *offer = &referral->offers[number - 1];

    if (entry->hub != PARTY_NONE)
        return;
    entry->hub = offer->hub;
    entry->service = offer->services[0];
}

static void offer_to_hub(struct placing *placing, const struct share *share)
{
    const struct facts *facts = placing->facts;
    struct referral *referral = placing->referral;
    struct entry *entry = &placing->outcome->entry;
    struct part *part = part_with(placing, share->needs);
    struct offer *offer = &referral->offers[referral->offers_count++];

    *offer = (struct offer){.hub = facts->network->hubs[share->verdict.hub].party,
                            .needs = share->needs,
                            .state = STATE_REQUESTED,
                            .made_at = facts->now};
    for (uint8_t i = 0; i < share->services_count; i++)
        offer->services[offer->services_count++] = facts->network->services[share->services[i]].number;
    part->offer = referral->offers_count;
    stand(part, STATE_RECEIVED, BUSINESS_OFFERED, 0);
    wait_until(part, facts->now + offer_ms(facts, share->needs, referral->profile.priority), offer->hub);
    if (PLANTED(27))
        tell(placing->outcome, offer->hub, MESSAGE_person, part->offer);
    if (!entry->placed_count++)
        entry->placed_first = part->offer;
    name_offer(referral, part->offer, entry);
    placing->moved = true;
}

/* What routing saw, so that it can be decided again. */
static void keep_decision(const struct question *question, const struct network *network, const struct plan *plan,
                          struct decision *decision)
{
    decision->made = true;
    decision->emergency = question->emergency;
    decision->network_version = network->version;
    decision->needs = question->needs;
    decision->offers_before = question->offers_count;
    decision->comparison = plan->shares_count ? plan->shares[0].comparison : 0;
    decision->eligible = plan->eligible;
    decision->candidates_count = plan->candidates_count;
    memcpy(decision->candidates, plan->candidates, sizeof plan->candidates);
}

/* All needs of a part have the same offers behind them. Every need could have to be offered by itself, and a referral
 * has only so many offers. */
static bool has_hopped_enough(const struct facts *facts, const struct referral *referral, const struct part *part)
{
    uint32_t hops = 0;

    for (uint8_t i = 0; i < referral->offers_count; i++)
        hops += (referral->offers[i].needs & part->needs) != 0 && offer_was_put(&referral->offers[i]);
    return hops >= facts->network->hops_max || referral->offers_count + needs_count(part->needs) > OFFERS_MAX;
}

/* Why a person must decide before any hub is looked at; 0: nothing holds it. */
static enum status_reason why_held(const struct facts *facts, const struct referral *referral, const struct part *part)
{
    const struct profile *profile = &referral->profile;

    if (profile->safeguarding)
        return REASON_SAFEGUARDING;
    if (profile->consent_in_doubt || (profile->consent_until && hours_day(facts->now) > profile->consent_until))
        return REASON_CONSENT_IN_DOUBT;
    if (profile_is_outside(profile))
        return REASON_OUTSIDE;
    return has_hopped_enough(facts, referral, part) ? REASON_HOPS : 0;
}

static enum status_reason why_no_hub(const struct profile *profile)
{
    return profile->locality == LOCALITY_UNKNOWN ? REASON_UNKNOWN_LOCALITY : REASON_NO_HUB;
}

static void end_part(struct part *part, enum state state, enum business_status business, enum status_reason reason)
{
    stand(part, state, business, reason);
    wait_until(part, 0, PARTY_NONE);
}

/* The story has ended; it closes when the sender has confirmed that it knows. */
static void end_referral(const struct facts *facts, struct referral *referral, struct outcome_of *outcome)
{
    referral_follow_parts(referral);
    referral->deadline = facts->now + facts->network->deadlines.outcome_confirm_ms;
    referral->deadline_owner = referral->sender;
    outcome->entry.outcome = referral->outcome;
    tell(outcome, referral->sender, MESSAGE_ended, referral->parts_count == 1 ? outcome->entry.offer_number : 0);
}

/* Where knowing where to go is enough and there is somewhere to go, that is the end; else it goes on as a referral
 * that a hub helps with. */
static bool signposted(struct placing *placing, const struct question *question)
{
    const struct network *network = placing->facts->network;
    struct entry *entry = &placing->outcome->entry;
    struct verdict places_to_go[SIGNPOSTS_MAX];
    struct part *part = &placing->referral->parts[placing->index];

    if (placing->referral->profile.tier != TIER_UNIVERSAL)
        return false;
    entry->signposts_count = route_signpost(network, question, places_to_go);
    if (!entry->signposts_count) {
        placing->referral->profile.tier = TIER_TARGETED;
        return false;
    }
    for (uint8_t i = 0; i < entry->signposts_count; i++)
        entry->signposts[i] = (struct candidate){.hub = network->hubs[places_to_go[i].hub].party,
                                                 .service = network->services[places_to_go[i].service].number,
                                                 .rule = RULE_NONE_FAILED};
    entry->event = EVENT_SIGNPOSTED;
    part->outcome = OUTCOME_SIGNPOSTED;
    end_part(part, STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0);
    end_referral(placing->facts, placing->referral, placing->outcome);
    placing->moved = true;
    return true;
}

static void share_out(struct placing *placing, const struct plan *plan)
{
    for (uint8_t i = 0; i < plan->shares_count; i++)
        offer_to_hub(placing, &plan->shares[i]);
    for (uint64_t left = plan->waiting; left; left &= left - 1)
        if (!PLANTED(60) || !placing->begun)
            hold_in_list(placing, left & (~left + 1), plan->causes);
    if (plan->unmet)
        hold_for_person(placing, plan->unmet, why_no_hub(&placing->referral->profile), plan->causes);
}

/* Places a part that no hub holds: with hubs, in the waiting list, or before a person. */
static struct placing place(const struct facts *facts, struct referral *referral, int index, struct outcome_of *outcome)
{
    struct placing placing = {.facts = facts, .referral = referral, .outcome = outcome, .index = (uint8_t)index};
    struct question question = {.profile = &referral->profile,
                                .needs = referral->parts[index].needs,
                                .sender = referral->sender,
                                .offers = referral->offers,
                                .offers_count = referral->offers_count,
                                .now = facts->now,
                                .emergency = facts->emergency,
                                .places = facts->places,
                                .none = outcome->places_none,
                                .none_count = outcome->places_none_count,
                                .pace = facts->pace};
    enum status_reason held = why_held(facts, referral, &referral->parts[index]);
    struct plan plan;

    placing.past = referral->parts[index];
    if (held) {
        hold_for_person(&placing, question.needs, held, NULL);
    } else if (!signposted(&placing, &question)) {
        route_plan(facts->network, &question, facts->covers, &plan);
        keep_decision(&question, facts->network, &plan, &outcome->entry.decision);
        share_out(&placing, &plan);
    }
    return placing;
}

static void tell_where_it_stands(const struct referral *referral, struct outcome_of *outcome)
{
    const struct entry *entry = &outcome->entry;

    if (referral_has_ended(referral))
        return; /* that has been told */
    tell(outcome, referral->sender, MESSAGE_routed, 0);
    for (uint8_t i = 0; i < entry->placed_count; i++) {
        uint8_t number = (uint8_t)(entry->placed_first + i);
        tell(outcome, referral->offers[number - 1].hub, MESSAGE_offer, number);
    }
}

/* ---- moving ---- */

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
static bool move_offer(const struct cause *cause, struct referral *referral, uint8_t number, struct outcome_of *outcome)
{
    struct offer *offer = &referral->offers[number - 1];
    const struct move *move = offer_move(offer->state, cause->event);

    outcome->refusal = move->refusal;
    outcome->repeated = move->cell == CELL_REPEAT && !PLANTED(26);
    if (move->cell != CELL_MOVE)
        return false;
    offer->state = move->to;
    offer->reason = cause->reason;
    name_offer(referral, number, &outcome->entry);
    return true;
}

/* The part whose offer a hub's answer has moved; NULL: it moves nothing. */
static struct part *answered_part(const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    int index;

    if (!named_offer(cause, referral, outcome) || !move_offer(cause, referral, cause->offer_number, outcome))
        return NULL;
    index = referral_part_of_offer(referral, cause->offer_number);
    assert(index >= 0 && "an offer that moves is the newest one of its part");
    return &referral->parts[index];
}

/* True when the referral, or the part, may be moved so. */
static bool may_move(enum state state, enum event event, struct outcome_of *outcome)
{
    const struct move *move = referral_move(state, event);

    outcome->refusal = move->refusal;
    outcome->repeated = move->cell == CELL_REPEAT;
    return move->cell == CELL_MOVE;
}

/* Row of the owner of the places of the offer's service i; -1: it is no longer offered. */
static int owner_of(const struct network *network, const struct offer *offer, uint8_t i)
{
    int row = network_find_service(network, offer->hub, offer->services[i]);

    return row < 0 ? -1 : (int)network->services[row].owner;
}

/* A seat that was accepted stays taken. */
static void free_places(const struct facts *facts, const struct offer *offer, struct outcome_of *outcome)
{
    for (uint8_t i = 0; i < offer->services_count; i++) {
        int owner = owner_of(facts->network, offer, i);
        if (owner < 0 || (offer->accepted && facts->network->services[owner].seats))
            continue;
        assert(outcome->freed_count < OFFERS_MAX);
        outcome->freed[outcome->freed_count++] = (uint32_t)owner;
    }
}

static void take_all_places(const struct facts *facts, const struct offer *offer, struct outcome_of *outcome)
{
    for (uint8_t i = 0; i < offer->services_count; i++) {
        int owner = owner_of(facts->network, offer, i);
        if (owner >= 0)
            outcome->places_none[outcome->places_none_count++] = (uint32_t)owner;
    }
}

static void submitted(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    if (!may_move(referral->state, cause->event, outcome))
        return;
    assert(referral->profile.needs && !referral->parts_count);
    referral->submitted_at = facts->now;
    referral->parts[referral->parts_count++] =
        (struct part){.needs = referral->profile.needs, .state = STATE_REQUESTED};
    place(facts, referral, 0, outcome);
    tell_where_it_stands(referral, outcome);
}

static void received(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    (void)facts;
    answered_part(cause, referral, outcome);
}

static void accepted(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    struct part *part = answered_part(cause, referral, outcome);

    if (!part)
        return;
    referral->offers[cause->offer_number - 1].accepted = true;
    stand(part, STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    wait_until(part, facts->now + facts->network->deadlines.accepted_ms[referral->profile.priority], cause->actor);
    tell(outcome, referral->sender, MESSAGE_answered, cause->offer_number);
    tell(outcome, cause->actor, MESSAGE_person, cause->offer_number);
}

/* A hub that says "no capacity" has no places from now on, until it states a figure. */
static void rejected(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    const struct part *part = answered_part(cause, referral, outcome);
    const struct offer *offer;

    if (!part)
        return;
    offer = &referral->offers[cause->offer_number - 1];
    free_places(facts, offer, outcome);
    if (cause->reason == REASON_CAPACITY && !PLANTED(23))
        take_all_places(facts, offer, outcome);
    if (!PLANTED(17))
        tell(outcome, referral->sender, MESSAGE_answered, cause->offer_number);
    place(facts, referral, (int)(part - referral->parts), outcome);
    tell_where_it_stands(referral, outcome);
}

static void started(const struct facts *facts, const struct cause *cause, struct referral *referral,
                    struct outcome_of *outcome)
{
    struct part *part = answered_part(cause, referral, outcome);

    if (!part)
        return;
    stand(part, STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    wait_until(part, facts->now + facts->network->deadlines.progress_ms, cause->actor);
    tell(outcome, referral->sender, MESSAGE_progressed, cause->offer_number);
}

/* The place comes back; the referral ends with its last part, and one answer for all of them. */
static void help_ended(const struct facts *facts, const struct cause *cause, struct referral *referral,
                       struct outcome_of *outcome)
{
    free_places(facts, &referral->offers[cause->offer_number - 1], outcome);
    if (referral_has_ended(referral) || PLANTED(61))
        end_referral(facts, referral, outcome);
    else
        tell(outcome, referral->sender, MESSAGE_progressed, cause->offer_number);
}

static void completed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    struct part *part = answered_part(cause, referral, outcome);

    if (!part)
        return;
    part->outcome = cause->outcome;
    end_part(part, STATE_COMPLETED, cause->outcome == OUTCOME_PARTLY ? BUSINESS_PARTLY : BUSINESS_GOT_HELP, 0);
    help_ended(facts, cause, referral, outcome);
}

static void failed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                   struct outcome_of *outcome)
{
    struct part *part = answered_part(cause, referral, outcome);

    if (!part)
        return;
    end_part(part, STATE_FAILED, BUSINESS_NOT_HELPED, cause->reason);
    help_ended(facts, cause, referral, outcome);
}

/* Takes an offer that holds a place back from its hub. */
static void withdraw(const struct facts *facts, enum event event, enum status_reason reason, uint8_t number,
                     struct referral *referral, struct outcome_of *outcome)
{
    const struct cause cause = {.event = event, .reason = reason};
    const struct offer *offer = &referral->offers[number - 1];
    bool moved = move_offer(&cause, referral, number, outcome);

    assert(moved);
    if (!outcome->entry.offer_number)
        outcome->entry.offer_number = number;
    free_places(facts, offer, outcome);
    if (!PLANTED(24) || event != EVENT_OFFER_EXPIRED)
        tell(outcome, offer->hub, MESSAGE_withdrawn, number);
}

static bool is_with_hub(const struct part *part)
{
    return part->state == STATE_RECEIVED || part->state == STATE_ACCEPTED || part->state == STATE_IN_PROGRESS;
}

/* Only the sender may; anybody else is told that there is no such referral. */
static void cancelled(const struct facts *facts, const struct cause *cause, struct referral *referral,
                      struct outcome_of *outcome)
{
    if (cause->actor != referral->sender) {
        outcome->refusal = REFUSAL_NOT_FOUND;
        return;
    }
    if (!may_move(referral->state, cause->event, outcome))
        return;
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part *part = &referral->parts[i];
        if (is_with_hub(part) && (!PLANTED(65) || i == 0))
            withdraw(facts, EVENT_CANCELLED, REASON_WITHDRAWN_BY_SENDER, part->offer, referral, outcome);
        if (!part_has_ended(part))
            end_part(part, STATE_CANCELLED, BUSINESS_REVOKED, cause->reason);
    }
    end_referral(facts, referral, outcome);
}

static void outcome_confirmed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                              struct outcome_of *outcome)
{
    (void)facts;
    if (!referral_is_open(referral)) {
        outcome->repeated = true;
        return;
    }
    if (!may_move(referral->state, cause->event, outcome))
        return;
    referral->business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    referral->overdue = false;
    referral->deadline = 0;
    referral->deadline_owner = PARTY_NONE;
}

/* ---- time ---- */

/* True when it has waited as long as the network allows and nobody has been told: a person is asked to look, and it
 * goes on waiting. */
static bool waited_too_long(const struct facts *facts, struct referral *referral, struct part *part,
                            struct outcome_of *outcome)
{
    if (!part_waits(part) || part->overdue || facts->now < waiting_expires_at(facts, referral))
        return false;
    part->overdue = true;
    if (PLANTED(63))
        part->business_status = BUSINESS_ATTENTION;
    outcome->entry.event = EVENT_OVERDUE;
    outcome->entry.reason = REASON_WAITED_TOO_LONG;
    tell(outcome, referral->sender, MESSAGE_progressed, 0);
    return true;
}

/* Looks once more for a place. When all still wait as before, only their review moves on: no entry, nobody is told. */
static void place_again(const struct facts *facts, struct referral *referral, int index, struct outcome_of *outcome)
{
    struct placing placing = place(facts, referral, index, outcome);

    if (!placing.moved) {
        outcome->recorded = waited_too_long(facts, referral, &referral->parts[index], outcome);
        return;
    }
    if (!outcome->entry.placed_count && !referral_has_ended(referral))
        outcome->entry.event = placing.waits ? EVENT_WAITLISTED : EVENT_ATTENTION;
    tell_where_it_stands(referral, outcome);
}

static void placed_again(const struct facts *facts, const struct cause *cause, struct referral *referral,
                         struct outcome_of *outcome)
{
    int index = referral_part_of_need(referral, cause->need);

    assert(index >= 0);
    if (may_move(referral->parts[index].state, cause->event, outcome))
        place_again(facts, referral, index, outcome);
}

/* The hub has been silent, or has closed: the place goes back and the next hub is asked. */
static void offer_ends(const struct facts *facts, enum event event, enum status_reason reason, int index,
                       struct referral *referral, struct outcome_of *outcome)
{
    outcome->entry.event = event;
    outcome->entry.reason = reason;
    withdraw(facts, event, reason, referral->parts[index].offer, referral, outcome);
    place(facts, referral, index, outcome);
    tell_where_it_stands(referral, outcome);
}

/* What was accepted there stays: only an offer that waits for an answer moves on. */
static void hub_closed(const struct facts *facts, const struct cause *cause, struct referral *referral,
                       struct outcome_of *outcome)
{
    int index = referral_part_of_offer(referral, cause->offer_number);

    if (index >= 0 && referral->parts[index].state == STATE_RECEIVED)
        offer_ends(facts, EVENT_HUB_CLOSED, REASON_HUB_CLOSED, index, referral, outcome);
    else
        outcome->repeated = true;
}

/* A hub that accepted has not moved on: a person is asked to look, again and again; the sender is told once. */
static void hub_overdue(const struct facts *facts, struct part *part, struct referral *referral,
                        struct outcome_of *outcome)
{
    outcome->recorded = !part->overdue;
    outcome->entry.reason = REASON_OVERDUE;
    outcome->entry.offer_number = part->offer;
    name_offer(referral, part->offer, &outcome->entry);
    if (!part->overdue)
        tell(outcome, referral->sender, MESSAGE_progressed, part->offer);
    part->overdue = true;
    wait_until(part, facts->now + facts->network->deadlines.attention_review_ms, PARTY_NONE);
}

/* The sender has not confirmed the outcome: a person is asked to look, again and again. */
static void outcome_overdue(const struct facts *facts, struct referral *referral, struct outcome_of *outcome)
{
    outcome->recorded = !referral->overdue;
    outcome->entry.reason = REASON_OUTCOME_UNCONFIRMED;
    referral->overdue = true;
    referral->deadline = facts->now + facts->network->deadlines.attention_review_ms;
    referral->deadline_owner = PARTY_NONE;
}

/* The first part whose deadline is the referral's. */
static int due_part(const struct referral *referral)
{
    for (int i = 0; i < referral->parts_count; i++)
        if (!part_has_ended(&referral->parts[i]) && referral->parts[i].deadline == referral->deadline)
            return i;
    assert(false && "the deadline is that of a part");
    return -1;
}

static void part_due(const struct facts *facts, const struct cause *cause, struct referral *referral,
                     struct outcome_of *outcome)
{
    int index = due_part(referral);
    struct part *part = &referral->parts[index];

    if (part->state == STATE_RECEIVED) {
        offer_ends(facts, EVENT_OFFER_EXPIRED, REASON_SILENCE, index, referral, outcome);
    } else if (!may_move(part->state, cause->event, outcome)) {
        return;
    } else if (part->state == STATE_ON_HOLD) {
        outcome->entry.event = EVENT_OFFERED;
        place_again(facts, referral, index, outcome);
    } else {
        hub_overdue(facts, part, referral, outcome);
    }
}

/* What a deadline means follows from the state of whoever has it. */
static void due(const struct facts *facts, const struct cause *cause, struct referral *referral,
                struct outcome_of *outcome)
{
    if ((facts->now < referral->deadline && !PLANTED(25)) || !referral_is_open(referral))
        outcome->repeated = true;
    else if (!referral_has_ended(referral))
        part_due(facts, cause, referral, outcome);
    else if (may_move(referral->state, cause->event, outcome))
        outcome_overdue(facts, referral, outcome);
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

/* How all parts stand now: letters are written from this, at any time later. */
static void keep_standings(const struct referral *referral, struct entry *entry)
{
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        entry->parts[entry->parts_count++] = (struct standing){.needs = part->needs,
                                                               .state = part->state,
                                                               .business_status = part->business_status,
                                                               .reason = part->reason,
                                                               .outcome = part->outcome,
                                                               .offer = part->offer,
                                                               .deadline = part->deadline};
    }
}

void decide(const struct facts *facts, const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    struct entry *entry = &outcome->entry;

    *outcome = (struct outcome_of){.recorded = true};
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
    if (!referral_has_ended(referral))
        referral_follow_parts(referral);
    referral->changed_at = facts->now;
    entry->state = referral->state;
    entry->business_status = referral->business_status;
    entry->status_reason = referral->reason;
    entry->deadline = referral->deadline;
    if (entry->letters_count)
        keep_standings(referral, entry);
    assert(referral->deadline > 0 || !referral_is_open(referral));
}
