/* SPDX-License-Identifier: MIT
 * decide_due: until when is waited for whom, in whose hours, and what follows when that time has passed. */
#include <assert.h>
#include <stddef.h>

#include "daemon/core/decide_inside.h"
#include "daemon/core/planted.h"

/* ---- until when ---- */

static void wait_until(struct part *part, int64_t deadline, uint32_t owner, enum stage stage)
{
    part->deadline = deadline;
    part->deadline_owner = owner;
    part->stage = stage;
}

static int64_t after_office(const struct step *step, int64_t ms)
{
    const struct calendar office = network_office_calendar(step->facts->network);

    return calendar_after(&office, step->facts->now, ms);
}

/* Of a hub that has left the network the office's hours are as good as any. */
static int64_t after_hub(const struct step *step, uint32_t party, int64_t ms)
{
    const struct network *network = step->facts->network;
    int hub = network_find_hub(network, party);

    if (hub < 0)
        return after_office(step, ms);
    const struct calendar calendar = network_hub_calendar(network, &network->hubs[hub]);
    return calendar_after(&calendar, step->facts->now, ms);
}

static const struct stage_clock *clock_of(const struct step *step, uint32_t party, enum stage stage)
{
    const struct network *network = step->facts->network;
    int hub = network_find_hub(network, party);

    return hub < 0 ? &network->deadlines.stages.clocks[stage] : network_stage(network, &network->hubs[hub], stage);
}

/* What the rules of nearness that hold now give a hub to answer about one need; 0: they leave it to the deadlines. */
static int64_t hurried_ms(const struct step *step, enum need need)
{
    const struct nearness *nearness = route_nearness(step->facts->network, need, step->facts->emergency);

    return nearness->answer_ms[step->referral->profile.priority];
}

/* Of several needs the one with the least time counts. */
static int64_t answer_ms(const struct step *step, uint64_t needs, uint32_t party)
{
    int64_t usual = clock_of(step, party, STAGE_ANSWER)->ms[step->referral->profile.priority];
    int64_t least = INT64_MAX;

    for (uint64_t left = needs; left; left &= left - 1) {
        int64_t hurried = hurried_ms(step, (enum need)__builtin_ctzll(left));
        int64_t ms = hurried ? hurried : usual;
        least = ms < least ? ms : least;
    }
    return least;
}

/* What is pressing does not wait until a hub comes back from a holiday. */
static int64_t by_the_limit(const struct step *step, int64_t deadline)
{
    int64_t most = step->facts->network->deadlines.pressing_ms;
    bool limited = most && step->referral->profile.priority >= PRIORITY_ASAP;

    return limited && deadline > step->facts->now + most ? step->facts->now + most : deadline;
}

void wait_for_answer(struct step *step, struct part *part)
{
    const struct offer *offer = &step->referral->offers[part->offer - 1];
    int64_t receipt_ms = clock_of(step, offer->hub, STAGE_RECEIPT)->ms[step->referral->profile.priority];
    int64_t answer_by = by_the_limit(step, after_hub(step, offer->hub, answer_ms(step, part->needs, offer->hub)));
    int64_t receipt_by = receipt_ms ? after_hub(step, offer->hub, receipt_ms) : answer_by;

    if (receipt_by < answer_by) {
        wait_until(part, receipt_by, offer->hub, STAGE_RECEIPT);
        part->answer_by = answer_by;
    } else {
        wait_until(part, answer_by, offer->hub, STAGE_ANSWER);
    }
}

void wait_on_after_receipt(struct part *part)
{
    if (!PLANTED(103))
        part->overdue = false;
    if (part->stage == STAGE_RECEIPT)
        wait_until(part, part->answer_by, part->deadline_owner, STAGE_ANSWER);
    part->answer_by = 0;
}

void wait_for_case(struct step *step, struct part *part, enum stage stage)
{
    uint32_t hub = step->referral->offers[part->offer - 1].hub;
    int64_t ms = stage == STAGE_PAUSE ? step->facts->network->deadlines.pause_ms
                                      : clock_of(step, hub, stage)->ms[step->referral->profile.priority];

    wait_until(part, after_hub(step, hub, ms), hub, stage);
}

void wait_for_operators(struct step *step, struct part *part)
{
    wait_until(part, after_office(step, step->facts->network->deadlines.attention_review_ms), PARTY_NONE, STAGE_REVIEW);
}

static int64_t waiting_expires_at(const struct step *step)
{
    return step->referral->submitted_at + step->facts->network->deadlines.waiting_expiry_ms;
}

void wait_in_list(struct step *step, struct part *part)
{
    int64_t now = step->facts->now;
    int64_t review = now + step->facts->network->deadlines.waiting_review_ms;
    int64_t expiry = waiting_expires_at(step);

    wait_until(part, expiry > now && expiry < review ? expiry : review, PARTY_NONE, STAGE_REVIEW);
}

void wait_for_nothing(struct part *part)
{
    wait_until(part, 0, PARTY_NONE, 0);
}

void wait_for_confirmation(struct step *step)
{
    struct referral *referral = step->referral;

    referral->deadline = step->facts->now + step->facts->network->deadlines.outcome_confirm_ms;
    referral->deadline_owner = referral->sender;
    referral->stage = STAGE_CONFIRMATION;
}

/* ---- what is held is looked at again ---- */

/* True when it has waited as long as the network allows and nobody has been told: a person is asked to look, and it
 * goes on waiting. */
static bool waited_too_long(struct step *step, struct part *part)
{
    struct entry *entry = &step->outcome->entry;

    if (!part_waits(part) || part->overdue || step->facts->now < waiting_expires_at(step))
        return false;
    part->overdue = true;
    if (PLANTED(63))
        part->business_status = BUSINESS_ATTENTION;
    entry->event = EVENT_OVERDUE;
    entry->stage = STAGE_REVIEW;
    entry->reason = REASON_WAITED_TOO_LONG;
    step_tell(step, step->referral->sender, MESSAGE_progressed, 0);
    return true;
}

/* Looks once more for a place. When all still wait as before, only their review moves on: no entry, nobody is told. */
static void place_again(struct step *step, int index)
{
    struct entry *entry = &step->outcome->entry;
    struct placed placed = step_place(step, index);

    if (!placed.moved) {
        step->outcome->recorded = waited_too_long(step, &step->referral->parts[index]);
        return;
    }
    if (!entry->placed_count && !referral_has_ended(step->referral))
        entry->event = placed.waits ? EVENT_WAITLISTED : EVENT_ATTENTION;
    step_tell_where_it_stands(step);
}

void decide_placed_again(struct step *step)
{
    int index = referral_part_of_need(step->referral, step->cause->need);

    assert(index >= 0);
    const struct move *move = step_move_of(step, &step->referral->parts[index]);
    step->outcome->refusal = move->refusal;
    step->outcome->repeated = move->cell == CELL_REPEAT;
    if (move->cell == CELL_PLACE)
        place_again(step, index);
}

/* The entry is about the part's offer, and what it waited for. */
static void name_part(struct step *step, const struct part *part)
{
    assert(part->offer);
    step->outcome->entry.stage = part->stage;
    step->outcome->entry.offer_number = part->offer;
    step_name_offer(step, part->offer);
}

/* Nobody is asked by itself of what an operator holds: the operators are reminded, again and again. */
static void held_is_due(struct step *step, struct part *part)
{
    step->outcome->recorded = !part->overdue;
    step->outcome->entry.reason = REASON_HELD;
    step->outcome->entry.stage = part->stage;
    part->overdue = true;
    wait_for_operators(step, part);
}

static void review_is_due(struct step *step, int index)
{
    struct part *part = &step->referral->parts[index];

    if (part->business_status == BUSINESS_HELD && !PLANTED(94)) {
        held_is_due(step, part);
        return;
    }
    step->outcome->entry.event = EVENT_OFFERED;
    place_again(step, index);
}

/* ---- a hub is silent, or closes ---- */

/* The place goes back and the next hub is asked. */
static void offer_ends(struct step *step, enum event event, enum status_reason reason, int index)
{
    struct entry *entry = &step->outcome->entry;

    entry->event = event;
    entry->reason = reason;
    step_withdraw(step, event, reason, step->referral->parts[index].offer);
    step_place(step, index);
    step_tell_where_it_stands(step);
}

/* What was accepted there stays: only an offer that waits for an answer moves on. */
void decide_hub_closed(struct step *step)
{
    int index = referral_part_of_offer(step->referral, step->cause->offer_number);

    step->outcome->repeated = true;
    if (index < 0 ||
        offer_move(step->referral->offers[step->cause->offer_number - 1].state, EVENT_HUB_CLOSED)->cell != CELL_MOVE)
        return;
    step->outcome->repeated = false;
    offer_ends(step, EVENT_HUB_CLOSED, REASON_HUB_CLOSED, index);
}

/* The stage whose clock runs for the part, whoever looks at it now. */
static enum stage stage_of(const struct part *part)
{
    return part->state == STATE_RECEIVED   ? STAGE_ANSWER
           : part->state == STATE_ACCEPTED ? STAGE_CONTACT
           : part->state == STATE_ON_HOLD  ? STAGE_PAUSE
                                           : STAGE_PROGRESS;
}

/* How long after a reminder the network acts; 0: at once, without one. */
static int64_t grace_of(const struct step *step, const struct part *part)
{
    enum stage stage = stage_of(part);

    if (part->nudged || stage == STAGE_PAUSE || (stage != STAGE_ANSWER && part->overdue) || PLANTED(90))
        return 0;
    for (uint64_t left = stage == STAGE_ANSWER ? part->needs : 0; left; left &= left - 1)
        if (hurried_ms(step, (enum need)__builtin_ctzll(left)))
            return 0;
    const struct stage_clock *clock = clock_of(step, step->referral->offers[part->offer - 1].hub, stage);
    return clock->grace_ms[step->referral->profile.priority];
}

static void nudge(struct step *step, struct part *part, int64_t grace_ms)
{
    const struct offer *offer = &step->referral->offers[part->offer - 1];

    assert(offer_move(offer->state, EVENT_NUDGED)->cell == CELL_STAY);
    assert(referral_move(part->state, part->business_status, EVENT_NUDGED)->cell == CELL_STAY);
    step->outcome->entry.event = EVENT_NUDGED;
    name_part(step, part);
    part->nudged = true;
    int64_t grace_ends = after_hub(step, offer->hub, grace_ms);
    if (part->stage == STAGE_ANSWER)
        grace_ends = by_the_limit(step, grace_ends);
    wait_until(part, grace_ends, offer->hub, part->stage);
    step_tell(step, offer->hub, MESSAGE_reminder, part->offer);
}

/* The hub's system has not fetched the offer: it may still be answered, so that nobody but the operators is told. */
static void not_received(struct step *step, struct part *part)
{
    name_part(step, part);
    step->outcome->entry.reason = REASON_NOT_RECEIVED;
    part->overdue = true;
    wait_until(part, part->answer_by, part->deadline_owner, STAGE_ANSWER);
    part->answer_by = 0;
}

/* A hub that accepted has not moved on: a person is asked to look, again and again; the sender is told once. */
static void hub_is_overdue(struct step *step, struct part *part)
{
    step->outcome->recorded = !part->overdue;
    name_part(step, part);
    step->outcome->entry.reason = REASON_OVERDUE;
    if (!part->overdue)
        step_tell(step, step->referral->sender, MESSAGE_progressed, part->offer);
    part->overdue = true;
    part->nudged = false;
    wait_for_operators(step, part);
}

static bool goes_to_the_next(const struct step *step, const struct part *part)
{
    enum stage stage = stage_of(part);
    uint32_t hub = step->referral->offers[part->offer - 1].hub;

    return stage == STAGE_ANSWER || (stage != STAGE_PAUSE && clock_of(step, hub, stage)->silence == SILENCE_NEXT_HUB);
}

static void hub_is_silent(struct step *step, int index)
{
    struct part *part = &step->referral->parts[index];
    int64_t grace_ms = grace_of(step, part);

    if (part->state == STATE_RECEIVED && part->stage == STAGE_RECEIPT)
        not_received(step, part);
    else if (grace_ms)
        nudge(step, part, grace_ms);
    else if (goes_to_the_next(step, part))
        offer_ends(step, EVENT_OFFER_EXPIRED, REASON_SILENCE, index);
    else
        hub_is_overdue(step, part);
}

/* ---- the consent has run out ---- */

bool step_stop_sharing(struct step *step)
{
    struct referral *referral = step->referral;
    uint8_t unmet_before = step->outcome->unmet_count;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part *part = &referral->parts[i];
        const struct move *move = referral_move(part->state, part->business_status, EVENT_CONSENT_EXPIRED);
        if (move->cell == CELL_STAY)
            referral->consent_ended = true;
        if (move->cell != CELL_MOVE)
            continue;
        if (part->state == STATE_RECEIVED && !PLANTED(97))
            step_withdraw(step, EVENT_CONSENT_EXPIRED, REASON_CONSENT_IN_DOUBT, part->offer);
        step_hold(step, i, BUSINESS_ATTENTION, REASON_CONSENT_IN_DOUBT);
        assert(part->state == move->to);
    }
    return step->outcome->unmet_count > unmet_before;
}

/* What hubs have accepted goes on there; they and the sender are told that the consent has ended. */
static void tell_cases(struct step *step)
{
    const struct referral *referral = step->referral;
    uint8_t first = 0;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (!part_is_case(part))
            continue;
        first = first ? first : part->offer;
        step_tell(step, referral->offers[part->offer - 1].hub, MESSAGE_updated, part->offer);
    }
    if (first)
        step_tell(step, referral->sender, MESSAGE_progressed, first);
}

static void consent_expired(struct step *step)
{
    step->outcome->entry.event = EVENT_CONSENT_EXPIRED;
    step->outcome->entry.reason = REASON_CONSENT_IN_DOUBT;
    bool are_held = step_stop_sharing(step);
    tell_cases(step);
    if (are_held)
        step_tell_where_it_stands(step);
}

/* ---- what is due ---- */

/* Somebody has not confirmed the outcome: a person is asked to look, again and again. */
static void outcome_is_overdue(struct step *step)
{
    struct referral *referral = step->referral;

    step->outcome->recorded = !referral->overdue;
    referral->overdue = true;
    step->outcome->entry.reason = referral_overdue_reason(referral);
    step->outcome->entry.stage = STAGE_CONFIRMATION;
    referral->deadline = after_office(step, step->facts->network->deadlines.attention_review_ms);
    referral->deadline_owner = PARTY_NONE;
}

/* The first part whose deadline is the referral's. */
static int due_part(const struct referral *referral)
{
    int i = 0;

    while (part_has_ended(&referral->parts[i]) || referral->parts[i].deadline != referral->deadline) {
        i++;
        assert(i < referral->parts_count && "the deadline is that of a part");
    }
    return i;
}

static void part_is_due(struct step *step)
{
    int index = due_part(step->referral);
    const struct part *part = &step->referral->parts[index];

    assert(step_move_of(step, part)->cell == CELL_STAY);
    if (part->state == STATE_RECEIVED || part_is_case(part))
        hub_is_silent(step, index);
    else
        review_is_due(step, index);
}

/* What a deadline means follows from the state of whoever has it. */
void decide_due(struct step *step)
{
    const struct referral *referral = step->referral;
    int64_t now = step->facts->now;

    if ((now < referral_next_due(referral) && !PLANTED(25)) || !referral_is_open(referral))
        step->outcome->repeated = true;
    else if (referral_consent_is_due(referral, now))
        consent_expired(step);
    else if (!referral_has_ended(referral))
        part_is_due(step);
    else
        outcome_is_overdue(step);
}
