/* SPDX-License-Identifier: MIT
 * decide: who may cause an event, and a table from event to action; each action moves one referral, by one or several
 * of its parts, by one step. Here is what senders, hubs and practices say. */
#include "daemon/core/decide.h"

#include <assert.h>
#include <stddef.h>

#include "daemon/core/decide_inside.h"
#include "daemon/core/planted.h"

void step_tell(struct step *step, uint32_t party, enum message_type type, uint8_t offer_number)
{
    struct entry *entry = &step->outcome->entry;

    assert(entry->letters_count < ENTRY_LETTERS_MAX);
    entry->letters[entry->letters_count++] =
        (struct letter){.party = party, .type = type, .offer_number = offer_number};
}

void step_retell(struct step *step)
{
    const struct referral *referral = step->referral;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (part->state == STATE_RECEIVED)
            step_tell(step, referral->offers[part->offer - 1].hub, MESSAGE_offer, part->offer);
        else if (part_is_case(part) && !PLANTED(95))
            step_tell(step, referral->offers[part->offer - 1].hub, MESSAGE_updated, part->offer);
    }
}

/* ---- moving ---- */

void part_stand(struct part *part, enum state state, enum business_status business, enum status_reason reason)
{
    part->state = state;
    part->business_status = business;
    part->reason = reason;
    part->overdue = false;
    part->nudged = false;
    part->answer_by = 0;
}

void part_end(struct part *part, enum state state, enum business_status business, enum status_reason reason)
{
    part_stand(part, state, business, reason);
    wait_for_nothing(part);
}

void step_name_offer(struct step *step, uint8_t number)
{
    const struct offer *offer = &step->referral->offers[number - 1];
    struct entry *entry = &step->outcome->entry;

    if (entry->hub != PARTY_NONE)
        return;
    entry->hub = offer->hub;
    entry->service = offer->services[0];
}

const struct move *step_move_of(const struct step *step, const struct part *part)
{
    return referral_move(part->state, part->business_status, step->outcome->entry.event);
}

enum cell step_ask(struct step *step)
{
    const struct referral *referral = step->referral;
    const struct move *move = referral_move(referral->state, referral->business_status, step->cause->event);

    step->outcome->refusal = move->refusal;
    step->outcome->repeated = move->cell == CELL_REPEAT;
    return move->cell;
}

struct offer *step_named_offer(struct step *step)
{
    uint8_t number = step->cause->offer_number;

    if (number >= 1 && number <= step->referral->offers_count)
        return &step->referral->offers[number - 1];
    step->outcome->refusal = REFUSAL_NOT_FOUND;
    return NULL;
}

/* True when the event moves the offer, or is allowed in its state. */
static bool move_offer(struct step *step, enum event event, enum status_reason reason, uint8_t number)
{
    struct offer *offer = &step->referral->offers[number - 1];
    const struct move *move = offer_move(offer->state, event);

    step->outcome->refusal = move->refusal;
    step->outcome->repeated = move->cell == CELL_REPEAT && !PLANTED(26);
    if (move->cell == CELL_REPEAT || move->cell == CELL_REFUSE)
        return false;
    step_name_offer(step, number);
    if (move->cell == CELL_STAY)
        return true;
    offer->state = move->to;
    offer->reason = reason;
    return true;
}

/* The part whose offer a hub's answer has moved; NULL: it moves nothing. */
static struct part *answered_part(struct step *step)
{
    const struct cause *cause = step->cause;
    int index;

    if (!move_offer(step, cause->event, cause->reason, cause->offer_number))
        return NULL;
    index = referral_part_of_offer(step->referral, cause->offer_number);
    assert(index >= 0 && "an offer that moves is the newest one of its part");
    return &step->referral->parts[index];
}

static struct offer *answered_offer(struct step *step)
{
    return &step->referral->offers[step->cause->offer_number - 1];
}

/* Row of the owner of the places of the offer's service i; -1: it is no longer offered. */
static int owner_of(const struct network *network, const struct offer *offer, uint8_t i)
{
    int row = network_find_service(network, offer->hub, offer->services[i]);

    return row < 0 ? -1 : (int)network->services[row].owner;
}

/* A seat that was accepted stays taken. */
static void free_places(struct step *step, const struct offer *offer)
{
    const struct network *network = step->facts->network;
    struct outcome_of *outcome = step->outcome;

    for (uint8_t i = 0; i < offer->services_count; i++) {
        int owner = owner_of(network, offer, i);
        if (owner < 0 || (offer->accepted && network->services[owner].seats))
            continue;
        assert(outcome->freed_count < OFFERS_MAX);
        outcome->freed[outcome->freed_count++] = (uint32_t)owner;
    }
}

/* A hub that says "no capacity" has no places from now on, until it states a figure. */
static void take_all_places(struct step *step, const struct offer *offer)
{
    struct outcome_of *outcome = step->outcome;

    for (uint8_t i = 0; i < offer->services_count; i++) {
        int owner = owner_of(step->facts->network, offer, i);
        if (owner >= 0)
            outcome->places_none[outcome->places_none_count++] = (uint32_t)owner;
    }
}

void step_withdraw(struct step *step, enum event event, enum status_reason reason, uint8_t number)
{
    const struct offer *offer = &step->referral->offers[number - 1];
    bool moved = move_offer(step, event, reason, number);

    assert(moved && offer->state == STATE_CANCELLED);
    if (!step->outcome->entry.offer_number)
        step->outcome->entry.offer_number = number;
    free_places(step, offer);
    if (!(PLANTED(24) && event == EVENT_OFFER_EXPIRED) && !(PLANTED(105) && offer->accepted))
        step_tell(step, offer->hub, MESSAGE_withdrawn, number);
}

/* ---- the end ---- */

/* The story has ended; it closes when everybody who is told of the outcome has confirmed that. */
void step_end_referral(struct step *step)
{
    struct referral *referral = step->referral;
    struct entry *entry = &step->outcome->entry;
    uint8_t offer_number = referral->parts_count == 1 ? entry->offer_number : 0;

    referral_follow_parts(referral);
    referral->ended_at = step->facts->now;
    referral->sender_knows = referral->practice_knows = false;
    wait_for_confirmation(step);
    entry->outcome = referral->outcome;
    step_tell(step, referral->sender, MESSAGE_ended, offer_number);
    if (referral_tells_practice(referral) || (PLANTED(91) && referral->practice != PARTY_NONE))
        step_tell(step, referral->practice, MESSAGE_message_back, offer_number);
}

/* Whether this one's confirmation counts, and as whose: a sender that is the practice, too, confirms one after the
 * other. */
static bool *knowledge_of(struct referral *referral, uint32_t actor)
{
    bool is_practice = referral_tells_practice(referral) && actor == referral->practice;

    return is_practice && (actor != referral->sender || referral->sender_knows) ? &referral->practice_knows
                                                                                : &referral->sender_knows;
}

static void outcome_confirmed(struct step *step)
{
    struct referral *referral = step->referral;
    bool *knows = knowledge_of(referral, step->cause->actor);

    if (step_ask(step) != CELL_STAY)
        return;
    step->outcome->repeated = !referral_is_open(referral) || *knows;
    if (step->outcome->repeated)
        return;
    *knows = true;
    if (!referral_is_known(referral) && !PLANTED(96)) {
        if (!referral->overdue)
            referral->deadline_owner = referral->sender_knows ? referral->practice : referral->sender;
        return;
    }
    referral->business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    referral->overdue = false;
    referral->deadline = 0;
    referral->deadline_owner = PARTY_NONE;
    referral->stage = 0;
}

/* ---- what senders say ---- */

static void submitted(struct step *step)
{
    struct referral *referral = step->referral;

    if (step_ask(step) != CELL_PLACE)
        return;
    assert(referral->profile.needs && !referral->parts_count);
    referral->submitted_at = step->facts->now;
    referral->parts[referral->parts_count++] =
        (struct part){.needs = referral->profile.needs, .state = STATE_REQUESTED};
    step_place(step, 0);
    step_tell_where_it_stands(step);
}

/* New information may have settled why a person had to look. */
static bool place_what_is_settled(struct step *step)
{
    static const enum status_reason reasons[] = {REASON_UNKNOWN_LOCALITY, REASON_OUTSIDE, REASON_CONSENT_IN_DOUBT};
    int index = step_join_held(step, reasons, sizeof reasons / sizeof reasons[0], false);

    if (index < 0)
        return false;
    assert(step_move_of(step, &step->referral->parts[index])->cell == CELL_PLACE);
    return step_place(step, index).moved;
}

/* Who has the case learns it, who is asked is asked with it. A consent that is in doubt now, or has run out, holds what
 * no hub has accepted. */
static void updated(struct step *step)
{
    struct referral *referral = step->referral;
    bool consents = profile_consents(&referral->profile, step->facts->now);
    enum cell cell = step_ask(step);
    bool moved;

    if (cell == CELL_REFUSE)
        return;
    assert(cell == CELL_STAY || cell == CELL_PLACE);
    if (consents) {
        referral->consent_ended = false;
        step_retell(step);
        moved = place_what_is_settled(step);
    } else {
        moved = step_stop_sharing(step);
        step_retell(step);
    }
    if (moved)
        step_tell_where_it_stands(step);
}

/* Ends every part that goes on, or, where ended ones are meant, too, every part. */
static void withdraw_all(struct step *step, enum business_status business, enum status_reason to_hubs)
{
    struct referral *referral = step->referral;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part *part = &referral->parts[i];
        const struct move *move = step_move_of(step, part);
        bool is_with_hub = part->state == STATE_RECEIVED || part_is_case(part);
        if (move->cell != CELL_MOVE)
            continue;
        if (is_with_hub && (!PLANTED(65) || i == 0))
            step_withdraw(step, step->cause->event, to_hubs, part->offer);
        part->outcome = 0;
        part_end(part, move->to, business, step->cause->reason);
    }
}

static void cancelled(struct step *step)
{
    if (step_ask(step) != CELL_MOVE)
        return;
    withdraw_all(step, BUSINESS_REVOKED, REASON_WITHDRAWN_BY_SENDER);
    step_end_referral(step);
}

/* Hubs whose case has ended have the person, too. */
static void withdraw_from_former(struct step *step)
{
    const struct referral *referral = step->referral;

    for (uint8_t n = 1; n <= referral->offers_count && !PLANTED(100); n++)
        if (referral->offers[n - 1].accepted && !offer_holds_place(&referral->offers[n - 1]))
            step_tell(step, referral->offers[n - 1].hub, MESSAGE_withdrawn, n);
}

static bool any_part_has_ended(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_has_ended(&referral->parts[i]))
            return true;
    return false;
}

/* Also of what has ended, and of what is closed, which then opens until that is known. A practice that was not told
 * before, of any part, is not told of a mistake. */
static void entered_in_error(struct step *step)
{
    struct referral *referral = step->referral;

    if (step_ask(step) != CELL_MOVE)
        return;
    if (referral->erased) {
        step->outcome->refusal = REFUSAL_ERASED;
        return;
    }
    if (!any_part_has_ended(referral))
        referral->practice = PARTY_NONE;
    withdraw_from_former(step);
    withdraw_all(step, BUSINESS_RETRACTED, REASON_ENTERED_IN_ERROR);
    step_end_referral(step);
}

/* ---- what hubs say ---- */

static void received(struct step *step)
{
    struct part *part = answered_part(step);

    if (part)
        wait_on_after_receipt(part);
}

/* Nobody learns who the person is after the consent has run out, even before the timer that says so. */
static void accepted(struct step *step)
{
    struct referral *referral = step->referral;
    struct part *part;

    if (referral_consent_is_due(referral, step->facts->now) && offer_waits_for_answer(answered_offer(step))) {
        step->outcome->refusal = REFUSAL_OFFER_ENDED;
        return;
    }
    part = answered_part(step);
    if (!part)
        return;
    answered_offer(step)->accepted = true;
    part_stand(part, answered_offer(step)->state, BUSINESS_HUB_ACCEPTED, 0);
    wait_for_case(step, part, STAGE_CONTACT);
    step_tell(step, referral->sender, MESSAGE_answered, step->cause->offer_number);
    step_tell(step, step->cause->actor, MESSAGE_person, step->cause->offer_number);
}

/* The hub does not, or no longer, want it: the next is asked. */
static void next_hub(struct step *step, const struct part *part, enum message_type told)
{
    const struct offer *offer = answered_offer(step);

    if (!PLANTED(93) || told != MESSAGE_progressed)
        free_places(step, offer);
    if (step->cause->reason == REASON_CAPACITY && !PLANTED(23))
        take_all_places(step, offer);
    if (!PLANTED(17))
        step_tell(step, step->referral->sender, told, step->cause->offer_number);
    step_place(step, (int)(part - step->referral->parts));
    step_tell_where_it_stands(step);
}

static void rejected(struct step *step)
{
    const struct part *part = answered_part(step);

    if (part)
        next_hub(step, part, MESSAGE_answered);
}

static void handed_back(struct step *step)
{
    const struct part *part = answered_part(step);

    if (part)
        next_hub(step, part, MESSAGE_progressed);
}

/* The part stands as its offer does, and the sender hears of it. */
static void go_on(struct step *step, enum business_status business, enum status_reason reason, enum stage stage)
{
    struct part *part = answered_part(step);

    if (!part)
        return;
    part_stand(part, answered_offer(step)->state, business, reason);
    if (!(PLANTED(92) && step->cause->event == EVENT_RESUMED) &&
        !(PLANTED(98) && step->cause->event == EVENT_PROGRESSED))
        wait_for_case(step, part, stage);
    step_tell(step, step->referral->sender, MESSAGE_progressed, step->cause->offer_number);
}

static void goes_on(struct step *step)
{
    go_on(step, BUSINESS_CONTACT_MADE, 0, STAGE_PROGRESS);
}

static void paused(struct step *step)
{
    go_on(step, BUSINESS_PAUSED, REASON_PAUSED, STAGE_PAUSE);
}

/* What came of it is said hub by hub: who is told of the outcome hears it of every part, of the last with the end. */
static void tell_of_one_part(struct step *step)
{
    const struct referral *referral = step->referral;

    step_tell(step, referral->sender, MESSAGE_progressed, step->cause->offer_number);
    if (referral_tells_practice(referral))
        step_tell(step, referral->practice, MESSAGE_message_back, step->cause->offer_number);
}

/* The place comes back; the referral ends with its last part, and one answer for all of them. */
static void end_help(struct step *step, struct part *part, enum business_status business)
{
    const struct offer *offer = answered_offer(step);

    part_end(part, offer->state, business, step->cause->reason);
    free_places(step, offer);
    if (referral_has_ended(step->referral) || PLANTED(61))
        step_end_referral(step);
    else
        tell_of_one_part(step);
}

static void completed(struct step *step)
{
    struct part *part = answered_part(step);

    if (!part)
        return;
    part->outcome = step->cause->outcome;
    end_help(step, part, step->cause->outcome == OUTCOME_PARTLY ? BUSINESS_PARTLY : BUSINESS_GOT_HELP);
}

static void failed(struct step *step)
{
    struct part *part = answered_part(step);

    if (part)
        end_help(step, part, BUSINESS_NOT_HELPED);
}

/* ---- links ---- */

static void tell_of_link(struct step *step)
{
    const struct referral *referral = step->referral;
    uint8_t only = step->cause->offer_number;

    if (!only)
        step_tell(step, referral->sender, MESSAGE_linked, 0);
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (part_is_case(part) && (!only || part->offer == only))
            step_tell(step, referral->offers[part->offer - 1].hub, MESSAGE_linked, part->offer);
    }
}

static void linked(struct step *step)
{
    const struct referral *referral = step->referral;
    uint8_t number = step->cause->link ? step->cause->link : referral->links_count;

    if (step_ask(step) != CELL_STAY)
        return;
    assert(number >= 1 && number <= referral->links_count);
    step->outcome->entry.linked = referral->links[number - 1].number;
    step->outcome->entry.link = referral->links[number - 1].link;
    if (!step->cause->tell_link)
        return;
    step->outcome->entry.hub = step->cause->linked_hub;
    tell_of_link(step);
}

/* ---- the table ---- */

static void (*const actions[])(struct step *) = {
    [EVENT_SUBMITTED] = submitted,
    [EVENT_UPDATED] = updated,
    [EVENT_CANCELLED] = cancelled,
    [EVENT_ENTERED_IN_ERROR] = entered_in_error,
    [EVENT_OUTCOME_CONFIRMED] = outcome_confirmed,
    [EVENT_RECEIVED] = received,
    [EVENT_ACCEPTED] = accepted,
    [EVENT_REJECTED] = rejected,
    [EVENT_STARTED] = goes_on,
    [EVENT_PROGRESSED] = goes_on,
    [EVENT_PAUSED] = paused,
    [EVENT_RESUMED] = goes_on,
    [EVENT_HANDED_BACK] = handed_back,
    [EVENT_COMPLETED] = completed,
    [EVENT_FAILED] = failed,
    [EVENT_OFFERED] = decide_placed_again,
    [EVENT_OVERDUE] = decide_due,
    [EVENT_HUB_CLOSED] = decide_hub_closed,
    [EVENT_LINKED] = linked,
    [EVENT_HELD] = decide_held,
    [EVENT_RELEASED] = decide_released,
    [EVENT_PLACED] = decide_placed_by_hand,
    [EVENT_REOFFERED] = decide_reoffered,
    [EVENT_PRIORITISED] = decide_prioritised,
    [EVENT_ANNOTATED] = decide_noted,
    [EVENT_REVEALED] = decide_noted,
    [EVENT_TURNED_AWAY] = decide_turned_away,
    [EVENT_ERASED] = decide_erased,
};

static void act(struct step *step)
{
    enum event event = step->cause->event;

    assert(event < sizeof actions / sizeof actions[0] && actions[event] && "what somebody causes has an action");
    actions[event](step);
}

/* WHO_s that the actor is to this referral; 0: none of its business. */
static unsigned who_is(const struct cause *cause, const struct referral *referral)
{
    uint8_t number = cause->offer_number;
    bool is_hubs = number >= 1 && number <= referral->offers_count &&
                   (referral->offers[number - 1].hub == cause->actor || PLANTED(18));
    unsigned who = 0;

    if (!cause->role)
        return WHO_NETWORK;
    if (cause->role == ROLE_OPERATOR)
        return WHO_OPERATOR;
    if (cause->role == ROLE_PRIVACY_OFFICER)
        return WHO_PRIVACY;
    if (cause->role != ROLE_SENDER && cause->role != ROLE_HUB)
        return 0;
    if (cause->actor == referral->sender)
        who |= WHO_SENDER;
    if (cause->role == ROLE_HUB && is_hubs)
        who |= WHO_HUB;
    if (referral_tells_practice(referral) && cause->actor == referral->practice)
        who |= WHO_PRACTICE;
    return who;
}

/* What is told is when the hub must have answered; when its system must have stored the offer is the network's affair.
 */
static int64_t deadline_told(const struct part *part)
{
    return part->stage == STAGE_RECEIPT ? part->answer_by : part->deadline;
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
                                                               .deadline = deadline_told(part)};
    }
}

static void begin_entry(const struct facts *facts, const struct cause *cause, const struct referral *referral,
                        struct outcome_of *outcome)
{
    *outcome = (struct outcome_of){.recorded = true};
    outcome->entry = (struct entry){.previous = referral->history,
                                    .referral = referral->number,
                                    .at = facts->now,
                                    .event = cause->event,
                                    .actor = cause->actor,
                                    .offer_number = cause->offer_number,
                                    .reason = cause->reason,
                                    .outcome = cause->outcome};
}

static void end_entry(const struct facts *facts, struct referral *referral, struct entry *entry)
{
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

void decide(const struct facts *facts, const struct cause *said, struct referral *referral, struct outcome_of *outcome)
{
    struct cause cause = *said;
    struct step step = {facts, &cause, referral, outcome};

    if (cause.event == EVENT_CANCELLED && cause.reason == REASON_ENTERED_IN_ERROR)
        cause.event = EVENT_ENTERED_IN_ERROR;
    begin_entry(facts, &cause, referral, outcome);
    if (who_is(&cause, referral) & event_causers(cause.event))
        act(&step);
    else
        outcome->refusal = REFUSAL_NOT_FOUND;
    outcome->changed = outcome->refusal == REFUSAL_NONE && !outcome->repeated;
    if (outcome->changed)
        end_entry(facts, referral, &outcome->entry);
    else
        outcome->recorded = false;
}
