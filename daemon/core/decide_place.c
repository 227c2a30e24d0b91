/* SPDX-License-Identifier: MIT
 * decide_place: where the needs of a part go, by the rules or as somebody has decided. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "daemon/core/decide_inside.h"
#include "daemon/core/planted.h"

struct placing {
    struct step *step;
    struct part past; /* the part as it was */
    uint8_t index;    /* of that part */
    bool begun;       /* some of its needs have gone somewhere */
    struct placed placed;
};

static struct placing placing_of(struct step *step, int index)
{
    return (struct placing){.step = step, .past = step->referral->parts[index], .index = (uint8_t)index};
}

/* The part that these needs become: the first takes the place of the one that is placed, the others are new. */
static struct part *part_with(struct placing *placing, uint64_t needs)
{
    struct referral *referral = placing->step->referral;
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
    part_stand(part, STATE_ON_HOLD, business, reason);
    count_unmet(placing->step->outcome, needs, causes);
    placing->placed.moved = true;
    return part;
}

static void hold_for_person(struct placing *placing, uint64_t needs, enum status_reason reason,
                            const enum unmet_cause *causes)
{
    wait_for_operators(placing->step, hold(placing, needs, BUSINESS_ATTENTION, reason, causes));
}

static void hold_in_list(struct placing *placing, uint64_t need, const enum unmet_cause *causes)
{
    wait_in_list(placing->step, hold(placing, need, BUSINESS_WAITLISTED, REASON_ALL_FULL, causes));
    placing->placed.waits = true;
}

void step_hold(struct step *step, int index, enum business_status business, enum status_reason reason)
{
    struct placing placing = placing_of(step, index);

    wait_for_operators(step, hold(&placing, placing.past.needs, business, reason, NULL));
}

void step_offer(struct step *step, struct part *part, uint32_t hub, const int32_t *services, uint8_t services_count)
{
    const struct network *network = step->facts->network;
    struct referral *referral = step->referral;
    struct entry *entry = &step->outcome->entry;
    struct offer *offer = &referral->offers[referral->offers_count++];

    *offer = (struct offer){
        .hub = network->hubs[hub].party, .needs = part->needs, .state = STATE_REQUESTED, .made_at = step->facts->now};
    for (uint8_t i = 0; i < services_count; i++)
        offer->services[offer->services_count++] = network->services[services[i]].number;
    part->offer = referral->offers_count;
    part_stand(part, STATE_RECEIVED, BUSINESS_OFFERED, 0);
    wait_for_answer(step, part);
    if (PLANTED(27))
        step_tell(step, offer->hub, MESSAGE_person, part->offer);
    if (!entry->placed_count++)
        entry->placed_first = part->offer;
    step_name_offer(step, part->offer);
}

static void offer_share(struct placing *placing, const struct share *share)
{
    step_offer(placing->step, part_with(placing, share->needs), share->verdict.hub, share->services,
               share->services_count);
    placing->placed.moved = true;
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

/* How many hubs were asked about the need since an operator let it begin anew. */
static uint32_t count_hops(const struct referral *referral, uint64_t need)
{
    uint32_t hops = 0;

    for (uint8_t i = referral->hops_from; i < referral->offers_count; i++)
        hops += (referral->offers[i].needs & need) != 0 && offer_was_put(&referral->offers[i]);
    return hops;
}

/* Every need could have to be offered by itself, and a referral has only so many offers. */
static bool has_hopped_enough(const struct step *step, const struct part *part)
{
    const struct referral *referral = step->referral;
    uint32_t hops = 0;

    for (uint64_t left = part->needs; left; left &= left - 1) {
        uint32_t of_need = count_hops(referral, left & (~left + 1));
        hops = of_need > hops ? of_need : hops;
    }
    return hops >= step->facts->network->hops_max || referral->offers_count + needs_count(part->needs) > OFFERS_MAX;
}

/* Why a person must decide before any hub is looked at; 0: nothing holds it. */
static enum status_reason why_held(const struct step *step, const struct part *part)
{
    const struct profile *profile = &step->referral->profile;

    if (profile->safeguarding)
        return REASON_SAFEGUARDING;
    if (!profile_consents(profile, step->facts->now))
        return REASON_CONSENT_IN_DOUBT;
    if (profile_is_outside(profile) && !step->referral->released)
        return REASON_OUTSIDE;
    return has_hopped_enough(step, part) ? REASON_HOPS : 0;
}

static enum status_reason why_no_hub(const struct profile *profile)
{
    return profile->locality == LOCALITY_UNKNOWN ? REASON_UNKNOWN_LOCALITY : REASON_NO_HUB;
}

/* Where knowing where to go is enough and there is somewhere to go, that is the end; else it goes on as a referral
 * that a hub helps with. */
static bool signposted(struct placing *placing, const struct question *question)
{
    struct step *step = placing->step;
    const struct network *network = step->facts->network;
    struct entry *entry = &step->outcome->entry;
    struct verdict places_to_go[SIGNPOSTS_MAX];
    struct part *part = &step->referral->parts[placing->index];

    if (step->referral->profile.tier != TIER_UNIVERSAL)
        return false;
    entry->signposts_count = route_signpost(network, question, places_to_go);
    if (!entry->signposts_count) {
        step->referral->profile.tier = TIER_TARGETED;
        return false;
    }
    for (uint8_t i = 0; i < entry->signposts_count; i++)
        entry->signposts[i] = (struct candidate){.hub = network->hubs[places_to_go[i].hub].party,
                                                 .service = network->services[places_to_go[i].service].number,
                                                 .rule = RULE_NONE_FAILED};
    entry->event = EVENT_SIGNPOSTED;
    part->outcome = OUTCOME_SIGNPOSTED;
    part_end(part, STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0);
    step_end_referral(step);
    placing->placed.moved = true;
    return true;
}

static void share_out(struct placing *placing, const struct plan *plan)
{
    for (uint8_t i = 0; i < plan->shares_count; i++)
        offer_share(placing, &plan->shares[i]);
    for (uint64_t left = plan->waiting; left; left &= left - 1)
        if (!PLANTED(60) || !placing->begun)
            hold_in_list(placing, left & (~left + 1), plan->causes);
    if (plan->unmet)
        hold_for_person(placing, plan->unmet, why_no_hub(&placing->step->referral->profile), plan->causes);
}

struct placed step_place(struct step *step, int index)
{
    const struct facts *facts = step->facts;
    const struct referral *referral = step->referral;
    struct placing placing = placing_of(step, index);
    struct question question = {.profile = &referral->profile,
                                .needs = referral->parts[index].needs,
                                .sender = referral->sender,
                                .offers = referral->offers,
                                .offers_count = referral->offers_count,
                                .now = facts->now,
                                .emergency = facts->emergency,
                                .places = facts->places,
                                .none = step->outcome->places_none,
                                .none_count = step->outcome->places_none_count,
                                .pace = facts->pace};
    enum status_reason why = why_held(step, &referral->parts[index]);
    struct plan plan;

    if (why) {
        hold_for_person(&placing, question.needs, why, NULL);
    } else if (!signposted(&placing, &question)) {
        route_plan(facts->network, &question, facts->covers, &plan);
        keep_decision(&question, facts->network, &plan, &step->outcome->entry.decision);
        share_out(&placing, &plan);
    }
    return placing.placed;
}

static bool is_held_for(const struct part *part, const enum status_reason *reasons, size_t count, bool held_too)
{
    if (held_too && part->business_status == BUSINESS_HELD)
        return true;
    for (size_t i = 0; i < count; i++)
        if (part->reason == reasons[i])
            return part->business_status == BUSINESS_ATTENTION;
    return !count && part->business_status == BUSINESS_ATTENTION;
}

static void remove_part(struct referral *referral, uint8_t index)
{
    memmove(&referral->parts[index], &referral->parts[index + 1],
            (size_t)(referral->parts_count - index - 1) * sizeof referral->parts[0]);
    referral->parts_count--;
}

int step_join_held(struct step *step, const enum status_reason *reasons, size_t count, bool held_too)
{
    struct referral *referral = step->referral;
    int first = -1;

    for (uint8_t i = 0; i < referral->parts_count; i++) {
        if (!is_held_for(&referral->parts[i], reasons, count, held_too))
            continue;
        if (first < 0) {
            first = i;
            continue;
        }
        referral->parts[first].needs |= referral->parts[i].needs;
        remove_part(referral, i--);
    }
    return first;
}

void step_tell_where_it_stands(struct step *step)
{
    const struct referral *referral = step->referral;
    const struct entry *entry = &step->outcome->entry;

    if (referral_has_ended(referral))
        return; /* that has been told */
    step_tell(step, referral->sender, MESSAGE_routed, 0);
    for (uint8_t i = 0; i < entry->placed_count; i++) {
        uint8_t number = (uint8_t)(entry->placed_first + i);
        step_tell(step, referral->offers[number - 1].hub, MESSAGE_offer, number);
    }
}
