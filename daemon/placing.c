/* SPDX-License-Identifier: MIT
 * placing: who gets a place that is free, in whose turn; and who is judged anew when the rules have changed. People who
 * wait are judged in memory; only who is chosen is unsealed and decided. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/turn_inside.h"

/* ---- deciding ---- */

static void decide_with(struct turn *turn, const struct places *places, const struct cause *cause,
                        struct referral *referral, struct outcome_of *outcome)
{
    struct facts facts = {.network = turn->ledger.network,
                          .places = places,
                          .pace = &turn->ledger.pace,
                          .now = turn->now,
                          .emergency = ruling_emergency_is_on(turn),
                          .covers = turn->covers};

    decide(&facts, cause, referral, outcome);
}

void placing_decide(struct turn *turn, const struct cause *cause, struct referral *referral, struct outcome_of *outcome)
{
    decide_with(turn, turn->ledger.places, cause, referral, outcome);
}

/* ---- who waits, and could be helped now ---- */

static bool owner_has_room(const struct turn *turn, uint32_t owner)
{
    const struct places *places = &turn->ledger.places[owner];
    uint32_t per_week = turn->ledger.network->services[owner].per_week;

    return places->used < places->total && (!per_week || places->taken_in_week < per_week);
}

/* Routing's question about somebody who waits; the offers are those to the hubs that were asked. */
static struct question question_about(const struct turn *turn, const struct waiting *waiting,
                                      struct offer offers[OFFERS_MAX])
{
    for (uint8_t i = 0; i < waiting->asked_count; i++) {
        offers[i].hub = waiting->asked[i];
        offers[i].needs = NEED_BIT(waiting->need);
        offers[i].services_count = 0;
        offers[i].state = STATE_REJECTED;
        offers[i].reason = 0;
        offers[i].accepted = false;
    }
    return (struct question){.profile = &waiting->profile,
                             .needs = NEED_BIT(waiting->need),
                             .sender = waiting->sender,
                             .offers = offers,
                             .offers_count = waiting->asked_count,
                             .now = turn->now,
                             .emergency = ruling_emergency_is_on(turn),
                             .places = turn->ledger.places,
                             .pace = &turn->ledger.pace};
}

/* It fails by more than the room of the moment: only another day, other rules or another place in the list change that.
 * Where it is another service of the hub that is full, the one that has room was not even asked about it. */
static bool fails_for_long(const struct verdict *verdict)
{
    return !rule_waits(verdict->rule) || verdict->rule == RULE_PACE || verdict->rule == RULE_FULL;
}

/* True when one of these services that has room could take who waits. *for_long turns false when none can at the moment
 * only. */
static bool any_could_take(const struct turn *turn, const struct waiting *waiting, const uint32_t *rows, uint32_t count,
                           bool *for_long)
{
    const struct network *network = turn->ledger.network;
    struct offer offers[OFFERS_MAX];
    struct question question = question_about(turn, waiting, offers);
    struct verdict verdict;
    uint32_t judged = UINT32_MAX; /* the hub that the verdict is about: its rows stand together */

    for (uint32_t i = 0; i < count; i++) {
        const struct service *service = &network->services[rows[i]];
        if (!(service->needs & NEED_BIT(waiting->need)) || !owner_has_room(turn, service->owner))
            continue;
        if (service->hub != judged)
            route_judge(network, &question, service->hub, waiting->need, &verdict);
        judged = service->hub;
        if (verdict.rule == RULE_NONE_FAILED)
            return true;
        assert(verdict.rule != RULE_FULL || network->services[verdict.service].owner != service->owner);
        *for_long = *for_long && fails_for_long(&verdict);
    }
    return false;
}

/* Offers the need of who waits; false: it waits as before. */
static bool place_waiting(struct turn *turn, const struct waiting *waiting, struct waitlist_cursor *cursor)
{
    const struct cause cause = {.event = EVENT_OFFERED, .actor = PARTY_NONE, .need = waiting->need};
    enum priority priority = waiting->profile.priority;
    uint64_t number = waiting->number;
    uint8_t weight = waiting->weight;
    struct referral referral;
    struct outcome_of outcome;

    if (!keep_load(turn, number, &referral))
        return false;
    struct referral before = referral;
    placing_decide(turn, &cause, &referral, &outcome);
    assert(outcome.changed);
    keep_change(turn, &before, &referral, &outcome, NULL);
    /* It has the place, or the rules hold it for a person: then the next in turn comes. */
    assert(!waitlist_find(&turn->ledger.waitlist, cause.need, priority, number));
    waitlist_left(cursor, cause.need, priority, weight);
    return true;
}

static struct waitlist_cursor from_the_first(const struct turn *turn)
{
    return (struct waitlist_cursor){.now = turn->now, .overtaken_ms = turn->ledger.network->fairness.overtaken_ms};
}

/* Gives the owner's places to those who wait for one of the needs, in their turn. True: there is room left, and nobody
 * who waits can use it for long. */
static bool fill(struct turn *turn, uint32_t owner, uint64_t needs)
{
    const struct ledger *ledger = &turn->ledger;
    const uint32_t *rows = &ledger->sharing[ledger->sharing_first[owner]];
    uint32_t count = ledger->sharing_first[owner + 1] - ledger->sharing_first[owner];
    struct waitlist_cursor cursor = from_the_first(turn);
    const struct waiting *waiting;
    bool for_long = true;

    while (owner_has_room(turn, owner)) {
        waiting = waitlist_next(&ledger->waitlist, needs, &cursor);
        if (!waiting)
            return for_long;
        if (!(PLANTED(11) && waiting->number % 2) && any_could_take(turn, waiting, rows, count, &for_long))
            for_long = place_waiting(turn, waiting, &cursor) && for_long;
    }
    return false;
}

/* That nobody fits is remembered: where thousands wait for what one place is not for, they are looked at once, not for
 * each place that becomes free. */
void placing_fill(struct turn *turn, uint32_t owner)
{
    struct ledger *ledger = &turn->ledger;
    uint64_t needs = 0;

    if (!ledger->waitlist.count || !owner_has_room(turn, owner))
        return;
    for (uint32_t i = ledger->sharing_first[owner]; i < ledger->sharing_first[owner + 1]; i++)
        needs |= ledger->network->services[ledger->sharing[i]].needs;
    uint64_t joined = ledger_joined(ledger, needs);
    if (ledger->nobody[owner] != joined && fill(turn, owner, needs))
        ledger->nobody[owner] = joined;
}

/* Service by service would not do: the first in turn for one service may be given a place of another, for which
 * somebody else comes first. */
void placing_fill_all(struct turn *turn)
{
    const struct network *network = turn->ledger.network;
    const struct waiting *waiting;

    if (!turn->ledger.waitlist.count)
        return;
    struct waitlist_cursor cursor = from_the_first(turn);
    bool for_long = true;
    while ((waiting = waitlist_next(&turn->ledger.waitlist, UINT64_MAX, &cursor))) {
        uint32_t first = network->by_need_first[waiting->need];
        uint32_t count = network->by_need_first[waiting->need + 1] - first;
        if (any_could_take(turn, waiting, &network->by_need[first], count, &for_long))
            place_waiting(turn, waiting, &cursor);
    }
}

/* ---- a step, and what becomes free by it ---- */

struct owners {
    uint32_t rows[OFFERS_MAX + NEEDS_MAX]; /* freed by a step, or of the services that answered: one for each need */
    uint8_t count;
};

static void add_owner(struct owners *owners, uint32_t row)
{
    for (uint8_t i = 0; i < owners->count; i++)
        if (owners->rows[i] == row)
            return;
    assert(owners->count < sizeof owners->rows / sizeof owners->rows[0]);
    owners->rows[owners->count++] = row;
}

/* A hub whose figure is old, and that has answered, may be asked about the next. */
static void add_answered(struct turn *turn, const struct referral *before, const struct referral *after,
                         struct owners *owners)
{
    const struct network *network = turn->ledger.network;

    for (uint8_t i = 0; i < before->offers_count; i++) {
        const struct offer *offer = &after->offers[i];
        if (!offer_waits_for_answer(&before->offers[i]) || offer_waits_for_answer(offer))
            continue;
        for (uint8_t j = 0; j < offer->services_count; j++) {
            int row = network_find_service(network, offer->hub, offer->services[j]);
            if (row >= 0 && places_are_stale(network, &turn->ledger.places[network->services[row].owner], turn->now))
                add_owner(owners, network->services[row].owner);
        }
    }
}

bool placing_step_from(struct turn *turn, const struct cause *cause, const struct referral *before,
                       struct referral *referral, struct outcome_of *outcome, const struct message *said)
{
    struct owners owners = {.count = 0};

    placing_decide(turn, cause, referral, outcome);
    if (!outcome->changed)
        return false;
    keep_change(turn, before, referral, outcome, said);
    if (!turn->ledger.waitlist.count)
        return true;
    for (uint8_t i = 0; i < outcome->freed_count; i++)
        add_owner(&owners, outcome->freed[i]);
    if (turn->ledger.network->fresh_ms)
        add_answered(turn, before, referral, &owners);
    for (uint8_t i = 0; i < owners.count; i++)
        placing_fill(turn, owners.rows[i]);
    return true;
}

bool placing_step(struct turn *turn, const struct cause *cause, struct referral *referral, struct outcome_of *outcome,
                  const struct message *said)
{
    struct referral before = *referral;

    return placing_step_from(turn, cause, &before, referral, outcome, said);
}

/* ---- everybody who is held, and what is on offer in vain ---- */

static void add_number(struct numbers *row, uint64_t number)
{
    if (row->count == row->capacity) {
        row->capacity = row->capacity ? 2 * row->capacity : 16;
        row->numbers = realloc(row->numbers, row->capacity * sizeof row->numbers[0]);
        assert(row->numbers);
    }
    row->numbers[row->count++] = number;
}

static void forget_numbers(struct numbers *row)
{
    free(row->numbers);
    *row = (struct numbers){0};
}

void placing_forget(struct turn *turn)
{
    forget_numbers(&turn->held);
    forget_numbers(&turn->in_vain);
    turn->gathered = false;
}

/* By the rules: not by an operator, nor by a hub that paused. */
static bool is_held(const struct part *part)
{
    return part->state == STATE_ON_HOLD && part->business_status != BUSINESS_PAUSED &&
           part->business_status != BUSINESS_HELD;
}

/* True when the hub that was asked takes no referrals today, or has left the network. One that is draining answers what
 * it was offered. */
static bool is_in_vain(const struct turn *turn, const struct offer *offer)
{
    const struct network *network = turn->ledger.network;
    int hub = offer_waits_for_answer(offer) ? network_find_hub(network, offer->hub) : -1;

    if (!offer_waits_for_answer(offer))
        return false;
    if (hub < 0)
        return true;
    enum hub_status status = hub_status_on(&network->hubs[hub], turn->ledger.day);
    return status != HUB_OPEN && (status != HUB_DRAINING || PLANTED(84));
}

void placing_notice(struct turn *turn, const struct referral *referral)
{
    bool held = false;
    bool in_vain = false;

    for (uint8_t i = 0; i < referral->parts_count; i++)
        held = held || is_held(&referral->parts[i]);
    for (uint8_t i = 0; i < referral->offers_count; i++)
        in_vain = in_vain || is_in_vain(turn, &referral->offers[i]);
    if (held)
        add_number(&turn->held, referral->number);
    if (in_vain)
        add_number(&turn->in_vain, referral->number);
}

static void gather(struct turn *turn)
{
    struct referral referral;

    for (uint64_t number = 0; (number = ledger_next_open(&turn->ledger, number + 1));)
        if (keep_load(turn, number, &referral))
            placing_notice(turn, &referral);
    turn->gathered = true;
}

/* As if every place were taken: nobody is to be counted as lacking a place that has not been looked at. */
static void forget_fullness(struct outcome_of *outcome)
{
    uint8_t kept = 0;

    for (uint8_t i = 0; i < outcome->unmet_count; i++)
        if (outcome->unmet[i].cause != CAUSE_FULL)
            outcome->unmet[kept++] = outcome->unmet[i];
    outcome->unmet_count = kept;
}

/* True when those who are held were judged by other postcodes. */
static bool edition_is_new(struct turn *turn)
{
    struct network_record judged;
    const char *text = NULL;
    size_t length = 0;
    void *memory = keep_load_network(turn, turn->head.judged, &judged, &text, &length);
    bool is_new = memory && strcmp(judged.edition, turn->edition) != 0;

    free(memory);
    return is_new;
}

static bool is_found_roughly(enum locality locality)
{
    return locality == LOCALITY_SECTOR || locality == LOCALITY_DISTRICT || locality == LOCALITY_NEAREST;
}

/* Who could not be found, or only roughly, is looked up in the new edition; what was known stays when that does not
 * know them. True when they are found elsewhere, or otherwise. */
static bool locate_once_more(struct turn *turn, struct referral *referral)
{
    struct place place = {.locality = LOCALITY_UNKNOWN};
    struct referral before = *referral;
    bool roughly = is_found_roughly(referral->profile.locality);

    if ((!roughly && referral->profile.locality != LOCALITY_UNKNOWN) || !keep_load_content(turn, referral->number))
        return false;
    const struct message *submit = turn->content.submit;
    if (message_has(submit, FIELD_postcode))
        postcodes_find(turn->store, turn->transaction, message_text(submit, FIELD_postcode), &place);
    if (roughly && place.locality == LOCALITY_UNKNOWN)
        return false;
    profile_locate(turn->ledger.network, &place, submit, turn->ledger.day, referral);
    return referral->profile.locality != before.profile.locality || referral->profile.decile != before.profile.decile ||
           referral->profile.position.easting != before.profile.position.easting ||
           referral->profile.position.northing != before.profile.position.northing ||
           strcmp(referral->neighbourhood_code, before.neighbourhood_code) != 0;
}

/* One need of each part that is held. */
static uint8_t held_needs(const struct referral *referral, enum need needs[NEEDS_MAX])
{
    uint8_t count = 0;

    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (is_held(&referral->parts[i]))
            needs[count++] = (enum need)__builtin_ctzll(referral->parts[i].needs);
    return count;
}

static void judge_anew(struct turn *turn, uint64_t number, bool locate)
{
    struct referral referral;
    struct outcome_of outcome;
    enum need needs[NEEDS_MAX];

    if (!keep_load(turn, number, &referral))
        return;
    uint8_t count = held_needs(&referral, needs);
    for (uint8_t i = 0; i < count; i++) {
        const struct cause cause = {.event = EVENT_OFFERED, .actor = PARTY_NONE, .need = needs[i]};
        struct referral before = referral;
        bool located = locate && locate_once_more(turn, &referral);
        decide_with(turn, turn->full, &cause, &referral, &outcome);
        assert(outcome.changed);
        if (!outcome.recorded && !located) { /* as before, and its review stays where it was */
            referral = before;
            continue;
        }
        assert(!outcome.entry.placed_count);
        forget_fullness(&outcome);
        keep_change(turn, &before, &referral, &outcome, NULL);
    }
}

/* Everybody who is held is judged anew as if every place were taken: who can be helped now waits, who cannot is held
 * for a person. Free places then go to all who wait, in their turn. */
static void judge_all_anew(struct turn *turn)
{
    bool locate = edition_is_new(turn);

    for (size_t i = 0; i < turn->held.count; i++)
        judge_anew(turn, turn->held.numbers[i], locate);
    /* In the commit of this turn: after a crash before it they are judged again. */
    turn->head.judged = turn->head.network;
    turn->head.judged_day = turn->ledger.day;
    turn->changed = true;
}

/* What was offered to a hub that has closed is offered to the next. */
static void move_on(struct turn *turn, uint64_t number)
{
    struct referral referral;
    struct outcome_of outcome;

    /* Loaded anew for each: the place that came back may have gone to another part of the same referral. */
    for (uint8_t i = 0; keep_load(turn, number, &referral) && i < referral.offers_count; i++) {
        const struct cause cause = {.event = EVENT_HUB_CLOSED, .actor = PARTY_NONE, .offer_number = i + 1};
        if (is_in_vain(turn, &referral.offers[i]))
            placing_step(turn, &cause, &referral, &outcome, NULL);
    }
}

void placing_anew(struct turn *turn, bool judge)
{
    ledger_forget_nobody(&turn->ledger);
    if (!turn->gathered)
        gather(turn);
    if (judge)
        judge_all_anew(turn);
    placing_fill_all(turn);
    for (size_t i = 0; i < turn->in_vain.count; i++)
        move_on(turn, turn->in_vain.numbers[i]);
    placing_forget(turn);
}
