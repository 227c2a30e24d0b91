/* SPDX-License-Identifier: MIT
 * decide_operator: what operators and privacy officers do to a referral, past the rules of routing. */
#include <assert.h>
#include <stddef.h>

#include "daemon/core/decide_inside.h"
#include "daemon/core/planted.h"

/* ---- hold and release ---- */

/* When no part was moved, the answer is that of the parts: it was so before, or it cannot be. */
static void settle(struct step *step, bool moved, bool repeated)
{
    if (moved)
        return;
    step->outcome->repeated = repeated;
    step->outcome->refusal = repeated ? REFUSAL_NONE : REFUSAL_NOT_CURRENT;
}

void decide_held(struct step *step)
{
    struct referral *referral = step->referral;
    bool moved = false, repeated = false;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part *part = &referral->parts[i];
        const struct move *move = step_move_of(step, part);
        repeated = repeated || move->cell == CELL_REPEAT;
        if (move->cell != CELL_MOVE)
            continue;
        if (part->state == STATE_RECEIVED)
            step_withdraw(step, EVENT_HELD, REASON_HELD, part->offer);
        step_hold(step, i, BUSINESS_HELD, REASON_HELD);
        assert(part->state == move->to);
        moved = true;
    }
    settle(step, moved, repeated);
    if (moved)
        step_tell_where_it_stands(step);
}

/* What a person had to decide counts as decided; but a consent that has run out is nobody's to prolong. */
static void decide_what_held_it(struct step *step)
{
    struct referral *referral = step->referral;
    struct profile *profile = &referral->profile;
    bool is_outside = profile_is_outside(profile);

    step->outcome->entry.figure = (profile->safeguarding ? RELEASED_SAFEGUARDING : 0u) |
                                  (profile->consent_in_doubt ? RELEASED_CONSENT : 0u) |
                                  (is_outside ? RELEASED_OUTSIDE : 0u);
    profile->safeguarding = profile->consent_in_doubt = false;
    referral->released = referral->released || is_outside;
    if (!PLANTED(104))
        referral->hops_from = referral->offers_count;
}

void decide_released(struct step *step)
{
    int index = step_join_held(step, NULL, 0, true);

    settle(step, index >= 0, false);
    if (index < 0)
        return;
    assert(step_move_of(step, &step->referral->parts[index])->cell == CELL_PLACE);
    decide_what_held_it(step);
    if (step_place(step, index).moved)
        step_tell_where_it_stands(step);
}

/* ---- place by hand ---- */

static bool has_place(const struct step *step)
{
    const struct facts *facts = step->facts;
    const struct hub *hub = &facts->network->hubs[step->cause->hub];
    const struct service *service = &facts->network->services[step->cause->row];
    const struct places *places = &facts->places[service->owner];
    int64_t day = hours_day(facts->now);

    assert(service->hub == step->cause->hub);
    return hub_status_on(hub, day) == HUB_OPEN && service_runs_on(service, day) &&
           (places->used < places->total || PLANTED(99));
}

/* The part is on offer there already. */
static bool is_asked_there(const struct step *step, const struct part *part)
{
    const struct network *network = step->facts->network;
    const struct offer *offer = part->state == STATE_RECEIVED ? &step->referral->offers[part->offer - 1] : NULL;

    for (uint8_t i = 0; offer && i < offer->services_count; i++)
        if (offer->hub == network->hubs[step->cause->hub].party &&
            offer->services[i] == network->services[step->cause->row].number)
            return true;
    return false;
}

/* Of the part's needs those that move. What is on offer moves whole or stays: its hub was asked about all of it. */
static uint64_t moving_needs(const struct step *step, const struct part *part)
{
    uint64_t met = step->facts->network->services[step->cause->row].needs;
    uint64_t needs = part->needs & met & (step->cause->needs ? step->cause->needs : UINT64_MAX);

    if (step_move_of(step, part)->cell != CELL_MOVE || is_asked_there(step, part))
        return 0;
    return part->state == STATE_RECEIVED && needs != part->needs ? 0 : needs;
}

/* Takes the needs that move out of their parts; returns them. Parts that are left without any go. */
static uint64_t take_moving_needs(struct step *step)
{
    struct referral *referral = step->referral;
    uint64_t taken = 0;
    uint8_t kept = 0;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part part = referral->parts[i];
        uint64_t needs = moving_needs(step, &part);
        if (needs && part.state == STATE_RECEIVED)
            step_withdraw(step, EVENT_PLACED, REASON_MOVED, part.offer);
        taken |= needs;
        part.needs &= ~needs;
        if (part.needs)
            referral->parts[kept++] = part;
    }
    referral->parts_count = kept;
    return taken;
}

/* True when some need would move; *there: some is on offer there already. */
static bool would_move(const struct step *step, bool *there)
{
    uint64_t needs = 0;

    for (uint8_t i = 0; i < step->referral->parts_count; i++) {
        needs |= moving_needs(step, &step->referral->parts[i]);
        *there = *there || is_asked_there(step, &step->referral->parts[i]);
    }
    return needs != 0 && step->referral->offers_count < OFFERS_MAX;
}

static bool consent_has_run_out(const struct step *step)
{
    int64_t until = step->referral->profile.consent_until;

    return until && hours_day(step->facts->now) > until;
}

void decide_placed_by_hand(struct step *step)
{
    struct referral *referral = step->referral;
    const int32_t row = (int32_t)step->cause->row;
    bool there = false;
    bool moves = would_move(step, &there);

    settle(step, moves, there);
    if (!moves)
        return;
    step->outcome->refusal = consent_has_run_out(step) ? REFUSAL_CONSENT_WITHHELD
                             : has_place(step)         ? REFUSAL_NONE
                                                       : REFUSAL_NO_PLACE;
    if (step->outcome->refusal)
        return;
    if (referral->profile.tier == TIER_UNIVERSAL)
        referral->profile.tier = TIER_TARGETED; /* it is a case now, and stays one */
    struct part part = {.needs = take_moving_needs(step)};
    step_offer(step, &part, step->cause->hub, &row, 1);
    referral->parts[referral->parts_count++] = part;
    step_tell_where_it_stands(step);
}

/* ---- the rest ---- */

void decide_reoffered(struct step *step)
{
    const struct offer *offer = step_named_offer(step);
    int index = referral_part_of_offer(step->referral, step->cause->offer_number);

    if (!offer)
        return;
    const struct move *move = offer_move(offer->state, EVENT_REOFFERED);
    step->outcome->refusal = move->refusal;
    if (move->cell != CELL_MOVE)
        return;
    assert(index >= 0 && step_move_of(step, &step->referral->parts[index])->cell == CELL_PLACE);
    step->outcome->entry.reason = REASON_MOVED;
    step_withdraw(step, EVENT_REOFFERED, REASON_MOVED, step->cause->offer_number);
    step_place(step, index);
    step_tell_where_it_stands(step);
}

void decide_prioritised(struct step *step)
{
    struct profile *profile = &step->referral->profile;

    if (step_ask(step) != CELL_STAY)
        return;
    step->outcome->repeated = profile->priority == step->cause->priority;
    if (step->outcome->repeated)
        return;
    step->outcome->entry.figure = profile->priority;
    profile->priority = step->cause->priority;
    step_retell(step);
}

/* What was said stands beside the entry, sealed under the key of the person; nothing else changes. */
void decide_noted(struct step *step)
{
    if (step_ask(step) == CELL_STAY && step->referral->erased)
        step->outcome->refusal = REFUSAL_ERASED;
}

void decide_turned_away(struct step *step)
{
    struct referral *referral = step->referral;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (!part_has_ended(part) && step_move_of(step, part)->cell != CELL_MOVE) {
            step->outcome->refusal = step_move_of(step, part)->refusal;
            return;
        }
    }
    if (step_ask(step) != CELL_MOVE)
        return;
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        struct part *part = &referral->parts[i];
        const struct move *move = step_move_of(step, part);
        if (part_has_ended(part))
            continue;
        if (part->state == STATE_RECEIVED)
            step_withdraw(step, EVENT_TURNED_AWAY, step->cause->reason, part->offer);
        part_end(part, move->to, BUSINESS_TURNED_AWAY, step->cause->reason);
    }
    step_end_referral(step);
}

static bool was_told_before(const struct entry *entry, uint32_t party)
{
    for (uint8_t i = 0; i < entry->letters_count; i++)
        if (entry->letters[i].party == party)
            return true;
    return false;
}

/* Everybody who was told who the person is learns that the network has forgotten them. What it knew of them is for the
 * caller to destroy. */
void decide_erased(struct step *step)
{
    struct referral *referral = step->referral;
    struct outcome_of *outcome = step->outcome;

    if (step_ask(step) != CELL_STAY)
        return;
    outcome->refusal = referral->erased             ? REFUSAL_ERASED
                       : referral_is_open(referral) ? REFUSAL_STILL_OPEN
                                                    : REFUSAL_NONE;
    if (outcome->refusal)
        return;
    referral->erased = true;
    step_tell(step, referral->sender, MESSAGE_erased, 0);
    if (referral_tells_practice(referral) && !was_told_before(&outcome->entry, referral->practice))
        step_tell(step, referral->practice, MESSAGE_erased, 0);
    for (uint8_t n = 1; n <= referral->offers_count; n++) {
        const struct offer *offer = &referral->offers[n - 1];
        if (offer->accepted && !was_told_before(&outcome->entry, offer->hub))
            step_tell(step, offer->hub, MESSAGE_erased, n);
    }
}
