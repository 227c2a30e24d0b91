/* SPDX-License-Identifier: MIT
 * decide: conversations between a surgery, four hubs and the clock; and random ones, in which nothing may get lost. */
#include "daemon/core/decide.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define RANDOM_STORIES 1000
#define WHOLE 0 /* a letter about no offer */

enum { OPERATOR = 90, PRIVACY_OFFICER };

static struct invented invented;
static struct referral referral;
static struct outcome_of outcome;
static int64_t now;
static bool emergency;
static struct places others[NETWORKS_SERVICES_MAX]; /* what other referrals take */

/* The network is what it is: whatever is taken in it now is taken by others. */
static void begin_in(const struct profile *profile)
{
    now = NETWORKS_NOW_MS;
    emergency = false;
    memcpy(others, invented.places, sizeof others);
    referral = (struct referral){.number = 7,
                                 .sender = PARTY_SURGERY,
                                 .state = STATE_REQUESTED,
                                 .message_back = CODE_BIT(BACK_REFERRER),
                                 .profile = *profile};
}

static void begin(void)
{
    const struct profile profile = profile_at_home();

    network_of_four(&invented);
    begin_in(&profile);
}

TestSuite(decide, .init = begin);

static uint64_t story; /* the seed of a random one */
#define sound(statement)                                                                                               \
    cr_assert(statement, "seed %lu: %s: " #statement, story, code_text(LIST_event, outcome.entry.event))

/* ---- an independent count of places ---- */

static bool uses_owner(const struct offer *offer, uint32_t owner)
{
    for (uint8_t i = 0; i < offer->services_count; i++) {
        int row = network_find_service(&invented.network, offer->hub, offer->services[i]);
        if (row >= 0 && invented.services[row].owner == owner)
            return true;
    }
    return false;
}

static bool uses_row(const struct offer *offer, uint32_t row)
{
    const struct hub *hub = &invented.hubs[invented.services[row].hub];

    for (uint8_t i = 0; i < offer->services_count; i++)
        if (offer->hub == hub->party && offer->services[i] == invented.services[row].number)
            return true;
    return false;
}

static bool takes_place(const struct offer *offer, uint32_t owner)
{
    return uses_owner(offer, owner) &&
           (offer_holds_place(offer) || (offer->accepted && invented.services[owner].seats));
}

static void count_places(void)
{
    for (uint32_t row = 0; row < invented.network.services_count; row++) {
        struct places *places = &invented.places[row];
        places->used = others[row].used;
        places->unanswered = others[row].unanswered;
        places->taken_in_week = others[row].taken_in_week;
        for (uint8_t i = 0; i < referral.offers_count; i++) {
            const struct offer *offer = &referral.offers[i];
            places->used += takes_place(offer, row);
            places->unanswered += uses_owner(offer, row) && offer_waits_for_answer(offer);
            places->taken_in_week +=
                (uses_owner(offer, row) || uses_row(offer, row)) && (offer_waits_for_answer(offer) || offer->accepted);
        }
    }
}

/* ---- what must hold after every step, whatever it was ---- */

static void assert_parts_sound(void)
{
    uint64_t needs = 0;

    for (uint8_t i = 0; i < referral.parts_count; i++) {
        const struct part *part = &referral.parts[i];
        const struct offer *offer = part->offer ? &referral.offers[part->offer - 1] : NULL;
        sound(part->needs && !(part->needs & needs)); /* every need in one part and in no other */
        needs |= part->needs;
        sound(part_has_ended(part) == (part->deadline == 0));
        sound(part_has_ended(part) == (part->stage == 0)); /* what goes on has a deadline and somebody who has it */
        sound(!part->nudged || part->stage == STAGE_ANSWER || part->stage == STAGE_CONTACT ||
              part->stage == STAGE_PROGRESS);
        sound((part->stage == STAGE_REVIEW) == (!part_has_ended(part) && part->deadline_owner == PARTY_NONE));
        sound((part->answer_by != 0) == (part->stage == STAGE_RECEIPT));
        sound(!part_waits(part) || (part->needs & (part->needs - 1)) == 0); /* what waits is one need */
        sound(part->offer <= referral.offers_count);
        switch (part->state) {
        case STATE_RECEIVED:
            sound(offer && offer_waits_for_answer(offer) && offer->needs == part->needs);
            break;
        case STATE_ACCEPTED:
        case STATE_IN_PROGRESS:
        case STATE_COMPLETED:
        case STATE_FAILED:
            sound((offer && offer->state == part->state && offer->needs == part->needs) ||
                  part->business_status == BUSINESS_SIGNPOSTED);
            break;
        default:
            sound(part->state == STATE_ON_HOLD || part_has_ended(part));
            sound(part_is_case(part) ? offer->state == STATE_ON_HOLD && offer->needs == part->needs
                                     : !offer || !offer_holds_place(offer));
        }
    }
    sound(needs == referral.profile.needs);
}

/* A plan sees the places as they were; so for whoever got an offer there was one more. */
static void assert_offers_sound(const struct referral *before)
{
    for (uint8_t n = 1; n <= referral.offers_count; n++) {
        const struct offer *offer = &referral.offers[n - 1];
        int part = referral_part_of_offer(&referral, n);
        sound(!offer_holds_place(offer) || part >= 0);
        sound(offer->services_count > 0);
        for (uint32_t row = 0; row < invented.network.services_count && n > before->offers_count; row++)
            sound(!uses_owner(offer, row) || invented.places[row].used <= invented.places[row].total);
    }
    sound(referral.offers_count - before->offers_count == outcome.entry.placed_count);
    sound(!outcome.entry.placed_count || outcome.entry.placed_first == before->offers_count + 1);
}

/* The rows of the owners whose places came back, in any order. */
static void assert_freed(const struct referral *before)
{
    bool freed[NETWORKS_SERVICES_MAX] = {0};

    for (uint8_t i = 0; i < outcome.freed_count; i++)
        freed[outcome.freed[i]] = true;
    for (uint32_t row = 0; row < invented.network.services_count; row++) {
        bool came_back = false;
        for (uint8_t n = 0; n < before->offers_count; n++)
            came_back |= takes_place(&before->offers[n], row) && !takes_place(&referral.offers[n], row);
        sound(freed[row] == came_back);
    }
}

static void assert_unmet_sound(const struct referral *before)
{
    uint64_t seen = 0;

    for (uint8_t i = 0; i < outcome.unmet_count; i++) {
        int part = referral_part_of_need(&referral, outcome.unmet[i].need);
        sound(part >= 0 && referral.parts[part].state == STATE_ON_HOLD && !part_is_case(&referral.parts[part]));
        sound(code_exists(LIST_unmet_cause, (int)outcome.unmet[i].cause));
        sound(!(seen & NEED_BIT(outcome.unmet[i].need)));
        seen |= NEED_BIT(outcome.unmet[i].need);
    }
    for (uint8_t i = 0; i < referral.parts_count; i++) {
        const struct part *part = &referral.parts[i];
        int past = referral_part_of_need(before, (enum need)__builtin_ctzll(part->needs));
        bool was_held = past >= 0 && before->parts[past].state == STATE_ON_HOLD &&
                        before->parts[past].business_status == part->business_status &&
                        before->parts[past].reason == part->reason;
        bool is_news = part->state == STATE_ON_HOLD && !part_is_case(part) && !was_held;
        bool was_joined = outcome.entry.event == EVENT_RELEASED || outcome.entry.event == EVENT_UPDATED;
        sound(was_joined || (seen & part->needs) == (is_news ? part->needs : 0));
    }
}

/* Who may be told what, written down once more. */
static bool is_entitled(const struct letter *letter)
{
    const struct offer *offer = letter->offer_number ? &referral.offers[letter->offer_number - 1] : NULL;
    bool to_hub = offer && offer->hub == letter->party;
    bool agreed_to_gp = (referral.message_back & CODE_BIT(BACK_GP)) && letter->party == referral.practice;

    switch (letter->type) {
    case MESSAGE_routed:
    case MESSAGE_answered:
    case MESSAGE_progressed:
    case MESSAGE_ended:
        return letter->party == referral.sender;
    case MESSAGE_message_back:
        return agreed_to_gp && (referral_has_ended(&referral) ||
                                (offer && (offer->state == STATE_COMPLETED || offer->state == STATE_FAILED)));
    case MESSAGE_offer:
        return to_hub && offer_waits_for_answer(offer);
    case MESSAGE_person:
        return to_hub && offer->accepted && outcome.entry.event == EVENT_ACCEPTED;
    case MESSAGE_updated:
        return to_hub && offer->accepted && offer_holds_place(offer);
    case MESSAGE_reminder:
        return to_hub && offer_holds_place(offer);
    case MESSAGE_withdrawn:
        return to_hub && !offer_holds_place(offer);
    case MESSAGE_linked:
        return letter->party == referral.sender || (to_hub && offer->accepted && offer_holds_place(offer));
    case MESSAGE_erased:
        return letter->party == referral.sender || agreed_to_gp || (to_hub && offer->accepted);
    default:
        return false;
    }
}

static bool was_told(uint32_t party, enum message_type type, uint8_t offer_number)
{
    unsigned count = 0;

    for (uint8_t i = 0; i < outcome.entry.letters_count; i++) {
        const struct letter *letter = &outcome.entry.letters[i];
        count += letter->party == party && letter->type == type && letter->offer_number == offer_number;
    }
    sound(count <= 1); /* nobody is told the same twice */
    return count == 1;
}

/* Every hub that was asked now, or is asked no more, is told so. */
static void assert_hubs_told(const struct referral *before)
{
    for (uint8_t n = 1; n <= referral.offers_count; n++) {
        const struct offer *offer = &referral.offers[n - 1];
        bool is_new = n > before->offers_count;
        bool was_lost = !is_new && offer_holds_place(&before->offers[n - 1]) && offer->state == STATE_CANCELLED;
        sound(!is_new || was_told(offer->hub, MESSAGE_offer, n));
        sound(!was_lost || was_told(offer->hub, MESSAGE_withdrawn, n));
        if (outcome.entry.event == EVENT_ENTERED_IN_ERROR && offer->accepted)
            sound(was_told(offer->hub, MESSAGE_withdrawn, n)); /* they have the person */
    }
}

static void assert_told_soundly(const struct referral *before)
{
    const struct entry *entry = &outcome.entry;
    bool ends =
        referral_has_ended(&referral) && (!referral_has_ended(before) || entry->event == EVENT_ENTERED_IN_ERROR);
    unsigned offers = 0, ended = 0, routed = 0, back = 0;

    for (uint8_t i = 0; i < entry->letters_count; i++) {
        const struct letter *letter = &entry->letters[i];
        offers += letter->type == MESSAGE_offer;
        ended += letter->type == MESSAGE_ended;
        back += letter->type == MESSAGE_message_back;
        routed += letter->type == MESSAGE_routed;
        sound(letter->offer_number <= referral.offers_count);
        sound(is_entitled(letter));
    }
    sound(ended == ends); /* one answer for all, when all have ended */
    sound(back == ((ends || entry->event == EVENT_COMPLETED || entry->event == EVENT_FAILED) &&
                   referral_tells_practice(&referral)));
    sound(offers == entry->placed_count || entry->event == EVENT_UPDATED || entry->event == EVENT_PRIORITISED);
    sound(!entry->placed_count || routed);
    assert_hubs_told(before);
    sound(entry->parts_count == (entry->letters_count ? referral.parts_count : 0));
    for (uint8_t i = 0; i < entry->parts_count; i++) {
        const struct part *part = &referral.parts[i];
        const struct standing *standing = &entry->parts[i];
        sound(standing->needs == part->needs && standing->state == part->state &&
              standing->business_status == part->business_status && standing->reason == part->reason &&
              standing->outcome == part->outcome && standing->offer == part->offer &&
              standing->deadline == (part->stage == STAGE_RECEIPT ? part->answer_by : part->deadline));
    }
}

/* Deciding again from what was recorded gives the same shares. */
static void assert_replayed(void)
{
    const struct decision *decision = &outcome.entry.decision;
    struct question question = {.profile = &referral.profile,
                                .needs = decision->needs,
                                .sender = referral.sender,
                                .offers = referral.offers,
                                .offers_count = decision->offers_before,
                                .now = outcome.entry.at,
                                .emergency = decision->emergency,
                                .recorded = decision->candidates,
                                .recorded_count = decision->candidates_count};
    struct plan plan;

    if (!decision->made)
        return;
    route_plan(&invented.network, &question, invented.covers, &plan);
    sound(plan.shares_count == outcome.entry.placed_count);
    for (uint8_t i = 0; i < plan.shares_count; i++) {
        const struct offer *offer = &referral.offers[outcome.entry.placed_first - 1 + i];
        sound(plan.shares[i].needs == offer->needs);
        sound(invented.hubs[plan.shares[i].verdict.hub].party == offer->hub);
        sound(plan.shares[i].services_count == offer->services_count);
    }
    sound(!plan.shares_count || plan.shares[0].comparison == decision->comparison);
}

static void assert_sound(const struct referral *before, const struct cause *cause)
{
    if (outcome.refusal || outcome.repeated) {
        sound(memcmp(&referral, before, sizeof referral) == 0); /* what is refused or repeated changes nothing */
        sound(!outcome.changed && !outcome.recorded && !outcome.freed_count && !outcome.places_none_count);
        sound(outcome.entry.letters_count == 0 && outcome.unmet_count == 0);
        sound(!outcome.refusal || refusal_spec(outcome.refusal));
        return;
    }
    sound(outcome.changed);
    sound(referral_is_open(&referral) == (referral.deadline > 0));
    sound(referral_is_open(&referral) == (referral.stage != 0));
    sound(!referral_is_open(&referral) || referral.deadline > now || before->deadline <= now);
    sound(!referral_consent_is_due(&referral, now) || referral_consent_is_due(before, now));
    sound((referral.ended_at != 0) == referral_has_ended(&referral));
    sound(referral_is_open(&referral) || referral_is_known(&referral));
    sound(referral.changed_at == now);
    sound(outcome.entry.state == referral.state);
    sound(outcome.entry.business_status == referral.business_status);
    sound(outcome.entry.status_reason == referral.reason);
    sound(outcome.entry.deadline == referral.deadline);
    sound(outcome.entry.actor == cause->actor);
    sound(outcome.entry.previous == before->history);
    sound(outcome.entry.referral == 7);
    sound(outcome.entry.at == now);
    sound(outcome.recorded || outcome.entry.letters_count == 0); /* nobody is told what is not recorded */
    assert_parts_sound();
    assert_offers_sound(before);
    assert_freed(before);
    assert_unmet_sound(before);
    assert_told_soundly(before);
    assert_replayed();
}

static bool same_referral(const struct referral *a, const struct referral *b)
{
    bool same = a->state == b->state && a->business_status == b->business_status && a->reason == b->reason &&
                a->outcome == b->outcome && a->overdue == b->overdue && a->deadline == b->deadline &&
                a->deadline_owner == b->deadline_owner && a->stage == b->stage && a->parts_count == b->parts_count &&
                a->offers_count == b->offers_count;

    for (uint8_t i = 0; i < a->parts_count && same; i++)
        same = a->parts[i].needs == b->parts[i].needs && a->parts[i].state == b->parts[i].state &&
               a->parts[i].offer == b->parts[i].offer && a->parts[i].deadline == b->parts[i].deadline;
    for (uint8_t i = 0; i < a->offers_count && same; i++)
        same = a->offers[i].hub == b->offers[i].hub && a->offers[i].needs == b->offers[i].needs &&
               a->offers[i].state == b->offers[i].state &&
               memcmp(a->offers[i].services, b->offers[i].services, sizeof a->offers[i].services) == 0;
    return same;
}

/* Decides, twice for the same; and does with the places what a turn does. */
static void happens(struct cause cause)
{
    struct facts facts = {.network = &invented.network,
                          .places = invented.places,
                          .pace = &invented.pace,
                          .now = now,
                          .emergency = emergency,
                          .covers = invented.covers};
    struct referral before = referral, again = referral;

    count_places();
    decide(&facts, &cause, &again, &outcome);
    decide(&facts, &cause, &referral, &outcome);
    sound(same_referral(&again, &referral));
    count_places();
    assert_sound(&before, &cause);
    for (uint8_t i = 0; i < outcome.places_none_count; i++)
        invented.places[outcome.places_none[i]].total = 0;
    if (outcome.recorded)
        referral.history++;
}

static void surgery_submits(void)
{
    happens((struct cause){.event = EVENT_SUBMITTED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

static void hub_says(uint32_t hub, enum event event, uint8_t offer_number)
{
    happens((struct cause){.event = event, .role = ROLE_HUB, .actor = hub, .offer_number = offer_number});
}

static void hub_rejects(uint32_t hub, uint8_t offer_number, enum status_reason reason)
{
    happens((struct cause){
        .event = EVENT_REJECTED, .role = ROLE_HUB, .actor = hub, .offer_number = offer_number, .reason = reason});
}

static void help_comes_to(uint32_t hub, uint8_t offer, enum outcome result)
{
    happens((struct cause){
        .event = EVENT_COMPLETED, .role = ROLE_HUB, .actor = hub, .offer_number = offer, .outcome = result});
}

static void help_fails(uint32_t hub, uint8_t offer, enum status_reason reason)
{
    happens(
        (struct cause){.event = EVENT_FAILED, .role = ROLE_HUB, .actor = hub, .offer_number = offer, .reason = reason});
}

static void surgery_cancels(void)
{
    happens((struct cause){
        .event = EVENT_CANCELLED, .role = ROLE_SENDER, .actor = PARTY_SURGERY, .reason = REASON_NO_LONGER_NEEDED});
}

static void surgery_confirms(void)
{
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

static void deadline_comes(void)
{
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
}

static void fill(int hub)
{
    invented.places[hub].total = 0;
}

static void fill_all(void)
{
    for (int hub = HOME; hub <= FAR; hub++)
        fill(hub);
}

static void assert_stands(enum state state, enum business_status business, enum status_reason reason)
{
    cr_assert_eq(outcome.refusal, REFUSAL_NONE, "REF-%04d", outcome.refusal);
    cr_assert_not(outcome.repeated);
    cr_assert_eq(referral.state, state, "%s", code_text(LIST_state, referral.state));
    cr_assert_eq(referral.business_status, business, "%s", code_text(LIST_business_status, referral.business_status));
    cr_assert_eq(referral.reason, reason, "%s", code_text(LIST_status_reason, referral.reason));
}

static void assert_entry(enum event event, uint8_t offer_number, uint8_t placed_first)
{
    cr_assert(outcome.recorded);
    cr_assert_eq(outcome.entry.event, event, "%s", code_text(LIST_event, outcome.entry.event));
    cr_assert_eq(outcome.entry.offer_number, offer_number);
    cr_assert_eq(outcome.entry.placed_first, placed_first);
}

static void assert_waits_for(int64_t after, uint32_t owner)
{
    cr_assert_eq(referral.deadline, now + after);
    cr_assert_eq(referral.deadline_owner, owner);
}

static void assert_told(size_t count, const struct letter *letters)
{
    cr_assert_eq(outcome.entry.letters_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(outcome.entry.letters[i].party, letters[i].party, "letter %zu", i);
        cr_assert_eq(outcome.entry.letters[i].type, letters[i].type, "letter %zu", i);
        cr_assert_eq(outcome.entry.letters[i].offer_number, letters[i].offer_number, "letter %zu", i);
    }
}
#define NOBODY_TOLD() assert_told(0, NULL)
#define TOLD(...)                                                                                                      \
    assert_told(sizeof((struct letter[]){__VA_ARGS__}) / sizeof(struct letter), (struct letter[]){__VA_ARGS__})
#define SURGERY(type, offer)                                                                                           \
    {                                                                                                                  \
        PARTY_SURGERY, MESSAGE_##type, offer, 0                                                                        \
    }
#define HUB(hub, type, offer)                                                                                          \
    {                                                                                                                  \
        PARTY_##hub, MESSAGE_##type, offer, 0                                                                          \
    }

static void assert_came_back(uint32_t row)
{
    cr_assert_eq(outcome.freed_count, 1);
    cr_assert_eq(outcome.freed[0], row);
}

static void assert_refused(enum refusal refusal)
{
    cr_assert_eq(outcome.refusal, refusal, "REF-%04d instead of REF-%04d", outcome.refusal, refusal);
}

static void need_is(enum need need)
{
    referral.profile.need = need;
    referral.profile.needs = NEED_BIT(need);
    for (uint8_t i = 0; i < referral.parts_count; i++)
        referral.parts[i].needs = NEED_BIT(need);
}

/* ---- submitting ---- */

Test(decide, what_is_submitted_is_offered_to_the_nearest_hub)
{
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_SUBMITTED, 0, 1);
    assert_waits_for(40 * HOUR_MS, PARTY_HOME);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
    cr_assert_eq(referral.submitted_at, now);
    cr_assert_eq(referral.offers_count, 1);
    cr_assert_eq(referral.offers[0].hub, PARTY_HOME);
    cr_assert_eq(referral.offers[0].services_count, 1);
    cr_assert_eq(referral.offers[0].services[0], invented.services[HOME].number);
    cr_assert_eq(referral.offers[0].needs, NEED_BIT(NEED_BEFRIENDING));
    cr_assert_eq(referral.offers[0].state, STATE_REQUESTED);
    cr_assert_eq(referral.offers[0].made_at, now);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.service, invented.services[HOME].number);
}

Test(decide, the_more_pressing_has_less_time)
{
    referral.profile.priority = PRIORITY_STAT;
    surgery_submits();
    assert_waits_for(10 * HOUR_MS, PARTY_HOME);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_waits_for(50 * HOUR_MS, PARTY_HOME);
}

Test(decide, what_routing_saw_is_kept_with_the_chosen_hub_first)
{
    invented.network.version = 9;
    fill(NEAR);
    referral.profile.preferred_hub = PARTY_CITY;
    fill(HOME);
    surgery_submits();
    const struct decision *decision = &outcome.entry.decision;
    cr_assert(decision->made);
    cr_assert_eq(decision->network_version, 9);
    cr_assert_eq(decision->offers_before, 0);
    cr_assert_eq(decision->comparison, COMPARISON_ONLY);
    cr_assert_eq(decision->eligible, 3);
    cr_assert_eq(decision->candidates_count, 3);
    cr_assert(decision->candidates[0].hub == PARTY_CITY && decision->candidates[0].places_free == 2);
    cr_assert(decision->candidates[1].hub == PARTY_HOME && decision->candidates[1].places_free == 0);
    cr_assert(decision->candidates[2].hub == PARTY_NEAR && decision->candidates[2].places_free == 0);
}

Test(decide, when_every_hub_is_full_it_waits)
{
    fill_all();
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_SUBMITTED, 0, 0);
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
    TOLD(SURGERY(routed, WHOLE));
    cr_assert(part_waits(&referral.parts[0]));
    cr_assert_eq(outcome.entry.decision.comparison, 0);
    cr_assert_eq(outcome.entry.decision.candidates_count, 3);
}

Test(decide, when_no_hub_meets_the_rules_a_person_must_look)
{
    need_is(NEED_HOUSING);
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    TOLD(SURGERY(routed, WHOLE));
    cr_assert_eq(outcome.entry.decision.eligible, 0);
}

Test(decide, when_the_place_of_the_person_is_unknown_that_is_the_reason)
{
    need_is(NEED_HOUSING);
    referral.profile.locality = LOCALITY_UNKNOWN;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_UNKNOWN_LOCALITY);
}

Test(decide, a_safeguarding_concern_waits_for_a_person_and_no_hub_is_asked)
{
    referral.profile.safeguarding = true;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_SAFEGUARDING);
    TOLD(SURGERY(routed, WHOLE));
    cr_assert_eq(referral.offers_count, 0);
    cr_assert_not(outcome.entry.decision.made);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_SAFEGUARDING);
    cr_assert_not(outcome.recorded);
}

Test(decide, a_second_submit_is_a_repeat)
{
    surgery_submits();
    surgery_submits();
    cr_assert(outcome.repeated);
}

/* ---- the hub's answers ---- */

Test(decide, a_hub_that_has_stored_the_offer_keeps_its_deadline)
{
    surgery_submits();
    now += HOUR_MS;
    hub_says(PARTY_HOME, EVENT_RECEIVED, 1);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_RECEIVED, 1, 0);
    cr_assert_eq(referral.offers[0].state, STATE_RECEIVED);
    assert_waits_for(39 * HOUR_MS, PARTY_HOME);
    NOBODY_TOLD();
    hub_says(PARTY_HOME, EVENT_RECEIVED, 1);
    cr_assert(outcome.repeated);
}

Test(decide, a_hub_that_accepts_is_told_the_person_and_the_sender_is_told_the_hub)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_entry(EVENT_ACCEPTED, 1, 0);
    assert_waits_for(80 * HOUR_MS, PARTY_HOME);
    TOLD(SURGERY(answered, 1), HUB(HOME, person, 1));
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.service, invented.services[HOME].number);
    cr_assert_eq(outcome.freed_count, 0, "the place stays taken");
    cr_assert(referral.offers[0].accepted);
}

Test(decide, accepting_twice_is_a_repeat)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    cr_assert(outcome.repeated);
}

Test(decide, to_another_hub_the_offer_does_not_exist)
{
    static const enum event answers[] = {EVENT_RECEIVED, EVENT_ACCEPTED,  EVENT_REJECTED,
                                         EVENT_STARTED,  EVENT_COMPLETED, EVENT_FAILED};

    surgery_submits();
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        hub_says(PARTY_NEAR, answers[i], 1);
        assert_refused(REFUSAL_NOT_FOUND);
        hub_says(PARTY_HOME, answers[i], 0);
        assert_refused(REFUSAL_NOT_FOUND);
        hub_says(PARTY_HOME, answers[i], 2);
        assert_refused(REFUSAL_NOT_FOUND);
        hub_says(PARTY_SURGERY, answers[i], 1);
        assert_refused(REFUSAL_NOT_FOUND);
    }
}

Test(decide, a_hub_that_declines_gives_its_place_back_and_the_next_is_asked)
{
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_NOT_APPROPRIATE);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_REJECTED, 1, 2);
    assert_waits_for(40 * HOUR_MS, PARTY_NEAR);
    TOLD(SURGERY(answered, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
    assert_came_back(HOME);
    cr_assert_eq(outcome.places_none_count, 0);
    cr_assert_eq(outcome.entry.reason, REASON_NOT_APPROPRIATE);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.decision.offers_before, 1);
    cr_assert_eq(referral.offers[0].state, STATE_REJECTED);
    cr_assert_eq(referral.offers[0].reason, REASON_NOT_APPROPRIATE);
    hub_rejects(PARTY_HOME, 1, REASON_NOT_APPROPRIATE);
    cr_assert(outcome.repeated);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_OFFER_ENDED);
}

Test(decide, a_hub_without_capacity_has_no_places_from_now_on)
{
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    cr_assert(outcome.places_none_count == 1 && outcome.places_none[0] == HOME);
    assert_came_back(HOME);
}

Test(decide, when_the_last_hub_has_declined_it_waits_for_those_that_are_full)
{
    fill(NEAR);
    fill(CITY);
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_REJECTED, 1, 0);
    TOLD(SURGERY(answered, 1), SURGERY(routed, WHOLE));
    assert_came_back(HOME);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
}

Test(decide, after_as_many_hubs_as_the_network_allows_a_person_must_look)
{
    invented.network.hops_max = 2;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
    assert_entry(EVENT_REJECTED, 2, 0);
    TOLD(SURGERY(answered, 2), SURGERY(routed, WHOLE));
    cr_assert_not(outcome.entry.decision.made);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
}

Test(decide, after_the_last_hub_of_all_a_person_must_look)
{
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    invented.network.hops_max = 12;
    hub_rejects(PARTY_CITY, 3, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
}

Test(decide, an_answer_that_comes_after_its_service_has_left_the_network_frees_no_place)
{
    surgery_submits();
    invented.hubs[HOME].services_count = 0;
    others[HOME].used = 0;
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    cr_assert_eq(outcome.freed_count, 0);
    cr_assert_eq(outcome.places_none_count, 0);
    assert_entry(EVENT_REJECTED, 1, 2);
}

/* ---- silence ---- */

Test(decide, the_time_of_a_hub_that_has_left_the_network_is_that_of_the_office)
{
    struct stages *stages = network_add_stages(&invented); /* of the hub added last */

    invented.hubs[HOME].stages = invented.hubs[FAR].stages;
    stages->clocks[STAGE_CONTACT].ms[PRIORITY_ROUTINE] = HOUR_MS;
    network_add_hours(&invented, &invented.hubs[HOME].hours, (struct span){WEEKDAY_FRIDAY, 600, 660});
    surgery_submits();
    invented.network.hubs_count = 0;
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_waits_for(80 * HOUR_MS, PARTY_HOME);
}

Test(decide, when_a_hub_is_silent_the_next_is_asked)
{
    surgery_submits();
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFER_EXPIRED, 1, 2);
    assert_waits_for(40 * HOUR_MS, PARTY_NEAR);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
    cr_assert_eq(outcome.entry.reason, REASON_SILENCE);
    assert_came_back(HOME);
    cr_assert_eq(referral.offers[0].state, STATE_CANCELLED);
    cr_assert_eq(referral.offers[0].reason, REASON_SILENCE);
}

Test(decide, who_accepts_after_the_deadline_is_too_late)
{
    surgery_submits();
    deadline_comes();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_OFFER_ENDED);
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_refused(REFUSAL_OFFER_ENDED);
    hub_says(PARTY_HOME, EVENT_RECEIVED, 1);
    cr_assert(outcome.repeated, "its system may store the offer late");
}

Test(decide, a_timer_that_comes_before_the_deadline_does_nothing)
{
    surgery_submits();
    now = referral.deadline - 1;
    happens((struct cause){.event = EVENT_OVERDUE});
    cr_assert(outcome.repeated);
}

/* ---- helping ---- */

static void hub_begins(void)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
}

static void hub_helps(enum outcome result)
{
    help_comes_to(PARTY_HOME, 1, result);
}

Test(decide, when_help_begins_the_sender_is_told)
{
    hub_begins();
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_entry(EVENT_STARTED, 1, 0);
    assert_waits_for(500 * HOUR_MS, PARTY_HOME);
    TOLD(SURGERY(progressed, 1));
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    cr_assert(outcome.repeated);
}

Test(decide, help_does_not_begin_or_end_before_it_is_promised)
{
    static const enum event events[] = {EVENT_STARTED, EVENT_COMPLETED, EVENT_FAILED};

    surgery_submits();
    for (int i = 0; i < 3; i++) {
        hub_says(PARTY_HOME, events[i], 1);
        assert_refused(REFUSAL_NOT_CURRENT);
    }
}

Test(decide, who_has_accepted_cannot_decline)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, help_that_was_given_waits_for_the_sender_to_know)
{
    hub_begins();
    hub_helps(OUTCOME_BECAME_VOLUNTEER);
    assert_stands(STATE_COMPLETED, BUSINESS_GOT_HELP, 0);
    assert_entry(EVENT_COMPLETED, 1, 0);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    TOLD(SURGERY(ended, 1));
    cr_assert_eq(referral.outcome, OUTCOME_BECAME_VOLUNTEER);
    cr_assert_eq(outcome.entry.outcome, OUTCOME_BECAME_VOLUNTEER);
    assert_came_back(HOME);
    hub_helps(OUTCOME_BECAME_VOLUNTEER);
    cr_assert(outcome.repeated);
    help_fails(PARTY_HOME, 1, REASON_OTHER);
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, help_in_part_and_at_once)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_helps(OUTCOME_PARTLY);
    assert_stands(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_came_back(HOME);
}

Test(decide, help_that_failed_says_why)
{
    hub_begins();
    help_fails(PARTY_HOME, 1, REASON_FAILED_CONTACT);
    assert_stands(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_FAILED_CONTACT);
    assert_entry(EVENT_FAILED, 1, 0);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    TOLD(SURGERY(ended, 1));
    assert_came_back(HOME);
    hub_helps(OUTCOME_GOT_HELP);
    assert_refused(REFUSAL_NOT_CURRENT);
}

/* ---- closing ---- */

Test(decide, the_story_closes_when_the_sender_has_confirmed_the_outcome)
{
    hub_begins();
    surgery_confirms();
    assert_refused(REFUSAL_NOT_CURRENT);
    hub_helps(OUTCOME_GOT_HELP);
    surgery_confirms();
    assert_stands(STATE_COMPLETED, BUSINESS_CLOSED_ACKNOWLEDGED, 0);
    assert_entry(EVENT_OUTCOME_CONFIRMED, 0, 0);
    cr_assert_eq(referral.deadline, 0);
    NOBODY_TOLD();
    surgery_confirms();
    cr_assert(outcome.repeated);
    happens((struct cause){.event = EVENT_OVERDUE});
    cr_assert(outcome.repeated, "a timer that was left over");
}

Test(decide, an_outcome_that_nobody_confirms_is_brought_before_a_person_again_and_again)
{
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    deadline_comes();
    assert_stands(STATE_COMPLETED, BUSINESS_GOT_HELP, 0);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OUTCOME_UNCONFIRMED);
    assert_entry(EVENT_OVERDUE, 0, 0);
    assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    NOBODY_TOLD();
    cr_assert(referral_needs_person(&referral));
    deadline_comes();
    cr_assert_not(outcome.recorded, "the second time is no news");
    assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    surgery_confirms();
    cr_assert_eq(referral.business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert_not(referral.overdue);
    cr_assert_not(referral_needs_person(&referral));
}

Test(decide, a_hub_that_does_not_go_on_is_brought_before_a_person_and_the_sender_is_told)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    deadline_comes();
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OVERDUE);
    assert_entry(EVENT_OVERDUE, 1, 0);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    TOLD(SURGERY(progressed, 1));
    deadline_comes();
    cr_assert_not(outcome.recorded);
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    deadline_comes();
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OVERDUE);
    TOLD(SURGERY(progressed, 1));
    hub_helps(OUTCOME_GOT_HELP);
    assert_stands(STATE_COMPLETED, BUSINESS_GOT_HELP, 0);
}

/* ---- withdrawing ---- */

static void assert_cancelled(void)
{
    assert_stands(STATE_CANCELLED, BUSINESS_REVOKED, REASON_NO_LONGER_NEEDED);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    surgery_cancels();
    cr_assert(outcome.repeated);
    surgery_confirms();
    assert_stands(STATE_CANCELLED, BUSINESS_CLOSED_ACKNOWLEDGED, REASON_NO_LONGER_NEEDED);
}

Test(decide, what_is_on_offer_can_be_cancelled)
{
    surgery_submits();
    surgery_cancels();
    assert_entry(EVENT_CANCELLED, 1, 0);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
    assert_came_back(HOME);
    cr_assert_eq(referral.offers[0].state, STATE_CANCELLED);
    cr_assert_eq(referral.offers[0].reason, REASON_WITHDRAWN_BY_SENDER);
    assert_cancelled();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_OFFER_ENDED);
}

Test(decide, what_waits_can_be_cancelled)
{
    fill_all();
    surgery_submits();
    surgery_cancels();
    assert_entry(EVENT_CANCELLED, 0, 0);
    TOLD(SURGERY(ended, WHOLE));
    cr_assert_not(part_waits(&referral.parts[0]));
    assert_cancelled();
}

Test(decide, what_is_accepted_can_be_cancelled)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    surgery_cancels();
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
    assert_cancelled();
}

Test(decide, what_is_in_progress_can_be_cancelled)
{
    hub_begins();
    surgery_cancels();
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
    assert_came_back(HOME);
    hub_helps(OUTCOME_GOT_HELP);
    assert_refused(REFUSAL_OFFER_ENDED);
    surgery_cancels();
    surgery_confirms();
    cr_assert_not(referral_is_open(&referral));
}

Test(decide, what_has_ended_cannot_be_cancelled)
{
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    surgery_cancels();
    assert_refused(REFUSAL_NOT_CURRENT);
    surgery_confirms();
    surgery_cancels();
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, only_the_sender_cancels)
{
    static const uint32_t strangers[] = {PARTY_CLINIC, PARTY_HOME, PARTY_NONE};

    surgery_submits();
    for (int i = 0; i < 3; i++) {
        happens(
            (struct cause){.event = EVENT_CANCELLED, .role = ROLE_HUB, .actor = strangers[i], .reason = REASON_OTHER});
        assert_refused(REFUSAL_NOT_FOUND);
    }
}

/* ---- waiting ---- */

Test(decide, a_freed_place_goes_to_who_waits)
{
    fill_all();
    surgery_submits();
    invented.places[NEAR].total = 1;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_BEFRIENDING});
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFERED, 0, 1);
    TOLD(SURGERY(routed, WHOLE), HUB(NEAR, offer, 1));
    cr_assert_not(part_waits(&referral.parts[0]));
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_BEFRIENDING});
    cr_assert(outcome.repeated);
}

Test(decide, a_review_that_changes_nothing_is_not_written_down)
{
    fill_all();
    surgery_submits();
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    cr_assert(outcome.changed, "its next review is");
    cr_assert_not(outcome.recorded);
    cr_assert(part_waits(&referral.parts[0]));
    NOBODY_TOLD();
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
}

Test(decide, a_review_that_finds_a_place_offers_it)
{
    fill_all();
    surgery_submits();
    invented.places[HOME].total = 1;
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFERED, 0, 1);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
}

Test(decide, a_review_that_finds_no_hub_any_more_brings_it_before_a_person)
{
    fill_all();
    surgery_submits();
    need_is(NEED_HOUSING);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    assert_entry(EVENT_ATTENTION, 0, 0);
    TOLD(SURGERY(routed, WHOLE));
    need_is(NEED_BEFRIENDING);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_WAITLISTED, 0, 0);
    TOLD(SURGERY(routed, WHOLE));
}

/* ---- holds ---- */

static void hold_for_safeguarding(void)
{
    referral.profile.safeguarding = true;
}

static void doubt_consent(void)
{
    referral.profile.consent_in_doubt = true;
}

static void let_consent_run_out(void)
{
    referral.profile.consent_until = hours_day(now) - 1;
}

static void live_outside(void)
{
    referral.profile.neighbourhood = NEIGHBOURHOOD_NONE;
}

static void doubt_everything(void)
{
    doubt_consent();
    live_outside();
}

Test(decide, what_a_person_must_decide_is_held_whole_and_no_hub_is_looked_at)
{
    static const struct {
        void (*begin)(void);
        enum status_reason reason;
    } rows[] = {
        {hold_for_safeguarding, REASON_SAFEGUARDING},   {doubt_consent, REASON_CONSENT_IN_DOUBT},
        {let_consent_run_out, REASON_CONSENT_IN_DOUBT}, {live_outside, REASON_OUTSIDE},
        {doubt_everything, REASON_CONSENT_IN_DOUBT},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        referral.profile.needs |= NEED_BIT(NEED_HOUSING);
        rows[i].begin();
        surgery_submits();
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, rows[i].reason);
        cr_assert_eq(referral.parts_count, 1);
        cr_assert_not(outcome.entry.decision.made);
        cr_assert_eq(outcome.unmet_count, 2);
        cr_assert_eq(outcome.unmet[0].cause, CAUSE_HELD);
        TOLD(SURGERY(routed, WHOLE));
        deadline_comes();
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, rows[i].reason);
        cr_assert_not(outcome.recorded);
        cr_assert_eq(outcome.unmet_count, 0, "it had become unmet before");
    }
}

Test(decide, a_consent_holds_on_its_last_day_and_no_hub_is_asked_after_it)
{
    referral.profile.consent_until = hours_day(now);
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_CONSENT_IN_DOUBT);
    cr_assert_eq(referral.offers_count, 1);
}

Test(decide, a_hub_that_closed_before_it_answered_counts_as_not_asked)
{
    surgery_submits();
    invented.hubs[HOME].status = HUB_PAUSED;
    happens((struct cause){.event = EVENT_HUB_CLOSED, .offer_number = 1});
    cr_assert_eq(referral.offers[1].hub, PARTY_NEAR);
    invented.hubs[HOME].status = HUB_OPEN;
    deadline_comes();
    cr_assert_eq(referral.offers[2].hub, PARTY_HOME);
    deadline_comes();
    cr_assert_eq(referral.offers[3].hub, PARTY_CITY, "three hubs may be asked, and the first was not");
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
}

Test(decide, who_was_outside_is_placed_when_a_changed_network_reaches_them)
{
    live_outside();
    surgery_submits();
    referral.profile.neighbourhood = 0;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_BEFRIENDING});
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
}

/* ---- waiting too long ---- */

/* Waits from the beginning; the review after it has expired is the next deadline. */
static void waits_until_expiry(void)
{
    invented.network.deadlines.waiting_expiry_ms = 150 * HOUR_MS;
    fill_all();
    surgery_submits();
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
    deadline_comes();
    assert_waits_for(50 * HOUR_MS, PARTY_NONE);
    cr_assert_not(referral.overdue);
}

Test(decide, who_has_waited_too_long_is_brought_before_a_person_once_and_goes_on_waiting)
{
    waits_until_expiry();
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_OVERDUE, 0, 0);
    cr_assert_eq(outcome.entry.reason, REASON_WAITED_TOO_LONG);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_WAITED_TOO_LONG);
    cr_assert(referral_needs_person(&referral));
    cr_assert(part_waits(&referral.parts[0]));
    cr_assert_eq(outcome.unmet_count, 0);
    TOLD(SURGERY(progressed, WHOLE));
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
    deadline_comes();
    cr_assert_not(outcome.recorded, "the second time is no news");
    cr_assert(referral.overdue);
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
    invented.places[NEAR].total = 1;
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFERED, 0, 1);
    cr_assert_not(referral.overdue);
}

Test(decide, who_has_waited_too_long_and_no_hub_can_help_any_more_needs_a_person_for_that)
{
    waits_until_expiry();
    deadline_comes();
    need_is(NEED_HOUSING);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    assert_entry(EVENT_ATTENTION, 0, 0);
    cr_assert_not(referral.overdue);
    cr_assert_eq(outcome.unmet_count, 1);
    cr_assert_eq(outcome.unmet[0].cause, CAUSE_NO_SERVICE);
}

Test(decide, who_begins_to_wait_late_is_looked_at_when_the_next_review_comes)
{
    invented.network.deadlines.waiting_expiry_ms = HOUR_MS;
    surgery_submits();
    fill_all();
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
    cr_assert_not(referral.overdue);
    deadline_comes();
    cr_assert(referral.overdue);
}

/* ---- places ---- */

Test(decide, a_seat_stays_taken_by_who_accepted_it)
{
    invented.services[HOME].seats = true;
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    cr_assert_eq(outcome.freed_count, 0);
    count_places();
    cr_assert_eq(invented.places[HOME].used, 1);
}

Test(decide, a_seat_that_was_declined_comes_back)
{
    invented.services[HOME].seats = true;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_came_back(HOME);
}

Test(decide, what_comes_back_or_is_none_is_said_of_the_service_that_owns_the_places)
{
    invented.services[HOME].owner = FAR;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    assert_came_back(FAR);
    cr_assert(outcome.places_none_count == 1 && outcome.places_none[0] == FAR);
}

Test(decide, who_shares_the_places_of_a_hub_without_capacity_is_not_asked_for_them)
{
    invented.services[NEAR].owner = HOME;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    cr_assert_eq(referral.offers[1].hub, PARTY_CITY);
}

Test(decide, a_hub_without_capacity_is_not_asked_again_in_the_same_breath)
{
    invented.hubs[HOME].ask_again = true;
    fill(NEAR);
    fill(CITY);
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
}

Test(decide, a_sender_that_has_had_its_share_of_a_hub_is_offered_the_next)
{
    invented.network.pace = 1;
    pace_add(&invented.pace, PARTY_SURGERY, PARTY_HOME, 1);
    surgery_submits();
    cr_assert_eq(referral.offers[0].hub, PARTY_NEAR);
}

Test(decide, in_an_emergency_the_needs_it_is_about_have_its_deadlines)
{
    invented.network.emergency_needs = NEED_BIT(NEED_BEFRIENDING);
    invented.network.emergency.answer_ms[PRIORITY_ROUTINE] = HOUR_MS;
    emergency = true;
    surgery_submits();
    assert_waits_for(HOUR_MS, PARTY_HOME);
    cr_assert(outcome.entry.decision.emergency);
    begin();
    invented.network.emergency_needs = NEED_BIT(NEED_FOOD);
    invented.network.emergency.answer_ms[PRIORITY_ROUTINE] = HOUR_MS;
    emergency = true;
    surgery_submits();
    assert_waits_for(40 * HOUR_MS, PARTY_HOME);
}

/* ---- signposting ---- */

/* Hub HOME becomes a library. */
static void library_opens(void)
{
    invented.hubs[HOME].tier = TIER_UNIVERSAL;
    invented.network.emergency_needs = 0;
    referral.profile.tier = TIER_UNIVERSAL;
}

Test(decide, for_a_low_need_the_sender_is_told_where_to_go_and_no_hub_is_asked)
{
    library_opens();
    surgery_submits();
    assert_stands(STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0);
    assert_entry(EVENT_SIGNPOSTED, 0, 0);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    TOLD(SURGERY(ended, WHOLE));
    cr_assert_eq(referral.outcome, OUTCOME_SIGNPOSTED);
    cr_assert_eq(outcome.entry.outcome, OUTCOME_SIGNPOSTED);
    cr_assert_eq(outcome.entry.signposts_count, 1);
    cr_assert_eq(outcome.entry.signposts[0].hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.signposts[0].service, invented.services[HOME].number);
    cr_assert_eq(referral.offers_count, 0);
    cr_assert_eq(outcome.unmet_count, 0);
    surgery_confirms();
    assert_stands(STATE_COMPLETED, BUSINESS_CLOSED_ACKNOWLEDGED, 0);
}

Test(decide, who_was_outside_is_told_where_to_go_when_a_changed_network_reaches_them)
{
    library_opens();
    live_outside();
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_OUTSIDE);
    referral.profile.neighbourhood = 0;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_BEFRIENDING});
    assert_stands(STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0);
    assert_entry(EVENT_SIGNPOSTED, 0, 0);
    TOLD(SURGERY(ended, WHOLE));
}

Test(decide, where_there_is_nowhere_to_go_a_low_need_is_offered_to_a_hub)
{
    referral.profile.tier = TIER_UNIVERSAL;
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_SUBMITTED, 0, 1);
    invented.hubs[CITY].tier = TIER_UNIVERSAL;
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    cr_assert_eq(referral.offers[1].hub, PARTY_NEAR, "once it is a case it stays one");
}

Test(decide, a_safeguarding_concern_is_not_signposted)
{
    library_opens();
    referral.profile.safeguarding = true;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_SAFEGUARDING);
}

/* ---- several needs ---- */

/* As the network of four; the near hub has housing by a service of its own, and befriending by another one than
 * advice; the hub of the whole city has food. So advice and befriending are at home, housing and befriending near. */
static void town_with(uint64_t needs)
{
    struct profile profile = profile_at_home();

    network_begin(&invented);
    network_add_hub(&invented, "home", (struct position){10300, 10400}, 0);
    network_add_service(&invented, NEED_BIT(NEED_BEFRIENDING) | NEED_BIT(NEED_ADVICE), 2, false);
    network_add_hub(&invented, "near", (struct position){11000, 10000}, 1);
    network_add_service(&invented, NEED_BIT(NEED_BEFRIENDING), 2, false);
    network_add_service(&invented, NEED_BIT(NEED_HOUSING), 2, false);
    network_add_hub(&invented, "city", (struct position){20000, 10000}, 2);
    network_add_service(&invented, NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_HOUSING), 2, true);
    network_ready(&invented);
    profile.needs = needs;
    profile.need = (enum need)__builtin_ctzll(needs);
    begin_in(&profile);
}
enum { TOWN_HOME, TOWN_NEAR, TOWN_NEAR_HOUSING, TOWN_CITY }; /* rows of services */

#define NEEDS(a, b) (NEED_BIT(NEED_##a) | NEED_BIT(NEED_##b))

static void assert_part(int i, uint64_t needs, enum state state, enum business_status business, uint8_t offer)
{
    const struct part *part = &referral.parts[i];

    cr_assert_eq(part->needs, needs, "part %d: %lx", i, part->needs);
    cr_assert_eq(part->state, state, "part %d: %s", i, code_text(LIST_state, part->state));
    cr_assert_eq(part->business_status, business, "part %d: %s", i,
                 code_text(LIST_business_status, part->business_status));
    cr_assert_eq(part->offer, offer, "part %d: %d", i, part->offer);
}

static void assert_unmet(size_t i, enum need need, enum unmet_cause cause)
{
    cr_assert_lt(i, outcome.unmet_count);
    cr_assert_eq(outcome.unmet[i].need, need);
    cr_assert_eq(outcome.unmet[i].cause, cause, "%s", code_text(LIST_unmet_cause, (int)outcome.unmet[i].cause));
}

Test(decide, needs_that_one_hub_meets_are_one_offer)
{
    town_with(NEEDS(BEFRIENDING, ADVICE));
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_SUBMITTED, 0, 1);
    cr_assert_eq(referral.parts_count, 1);
    cr_assert_eq(referral.offers[0].hub, PARTY_HOME);
    cr_assert_eq(referral.offers[0].needs, NEEDS(BEFRIENDING, ADVICE));
    cr_assert_eq(referral.offers[0].services_count, 1);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
}

Test(decide, a_hub_that_meets_all_needs_by_several_services_is_asked_once_and_leases_a_place_of_each)
{
    town_with(NEEDS(BEFRIENDING, HOUSING));
    surgery_submits();
    cr_assert_eq(referral.parts_count, 1);
    cr_assert_eq(referral.offers[0].hub, PARTY_NEAR);
    cr_assert_eq(referral.offers[0].services_count, 2);
    hub_rejects(PARTY_NEAR, 1, REASON_CAPACITY);
    cr_assert_eq(outcome.freed_count, 2);
    cr_assert_eq(outcome.places_none_count, 2);
    cr_assert_eq(outcome.freed[0] + outcome.freed[1], TOWN_NEAR + TOWN_NEAR_HOUSING);
}

Test(decide, needs_that_no_one_hub_meets_go_to_two_each_with_its_own)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_SUBMITTED, 0, 1);
    cr_assert_eq(outcome.entry.placed_count, 2);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(referral.parts_count, 2);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 2);
    cr_assert_eq(referral.offers[0].needs, NEED_BIT(NEED_ADVICE));
    cr_assert_eq(referral.offers[1].needs, NEED_BIT(NEED_HOUSING));
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1), HUB(NEAR, offer, 2));
}

Test(decide, a_need_whose_hubs_are_full_waits_while_the_other_goes_on)
{
    town_with(NEEDS(ADVICE, HOUSING));
    fill(TOWN_NEAR_HOUSING);
    fill(TOWN_CITY);
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_ON_HOLD, BUSINESS_WAITLISTED, 0);
    cr_assert_eq(outcome.unmet_count, 1);
    assert_unmet(0, NEED_HOUSING, CAUSE_FULL);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    invented.places[TOWN_CITY].total = 1;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_HOUSING});
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_entry(EVENT_OFFERED, 0, 2);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 2);
    TOLD(SURGERY(routed, WHOLE), HUB(CITY, offer, 2));
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_ADVICE});
    cr_assert(outcome.repeated, "that need has a hub");
}

Test(decide, a_need_that_nobody_meets_needs_a_person_while_the_other_goes_on)
{
    town_with(NEEDS(ADVICE, LEARNING));
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_part(1, NEED_BIT(NEED_LEARNING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    cr_assert(referral_needs_person(&referral));
    cr_assert_eq(outcome.unmet_count, 1);
    assert_unmet(0, NEED_LEARNING, CAUSE_NO_SERVICE);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    hub_helps(OUTCOME_GOT_HELP);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    TOLD(SURGERY(progressed, 1));
    assert_came_back(TOWN_HOME);
}

Test(decide, each_need_that_waits_is_a_part_and_all_that_nobody_meets_are_one)
{
    town_with(NEEDS(ADVICE, HOUSING) | NEEDS(LEARNING, COUNSELLING));
    fill_all();
    surgery_submits();
    cr_assert_eq(referral.parts_count, 3);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ON_HOLD, BUSINESS_WAITLISTED, 0);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_ON_HOLD, BUSINESS_WAITLISTED, 0);
    assert_part(2, NEEDS(LEARNING, COUNSELLING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    cr_assert_eq(outcome.unmet_count, 4);
    TOLD(SURGERY(routed, WHOLE));
}

Test(decide, a_rejection_may_split_what_went_one_way)
{
    town_with(NEEDS(BEFRIENDING, HOUSING));
    surgery_submits();
    hub_rejects(PARTY_NEAR, 1, REASON_OTHER);
    assert_entry(EVENT_REJECTED, 1, 2);
    cr_assert_eq(referral.parts_count, 2);
    assert_part(0, NEED_BIT(NEED_BEFRIENDING), STATE_RECEIVED, BUSINESS_OFFERED, 2);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 3);
    cr_assert_eq(referral.offers[1].hub, PARTY_HOME);
    cr_assert_eq(referral.offers[2].hub, PARTY_CITY);
    TOLD(SURGERY(answered, 1), SURGERY(routed, WHOLE), HUB(HOME, offer, 2), HUB(CITY, offer, 3));
}

Test(decide, a_rejection_of_one_part_leaves_the_other_as_it_is)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    struct part accepted_part = referral.parts[0];
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    cr_assert_eq(referral.parts[0].deadline, accepted_part.deadline);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 3);
    TOLD(SURGERY(answered, 2), SURGERY(routed, WHOLE), HUB(CITY, offer, 3));
    cr_assert_eq(referral.deadline, now + 40 * HOUR_MS, "the earlier of the two");
    cr_assert_eq(referral.deadline_owner, PARTY_CITY);
}

Test(decide, hops_are_counted_for_each_need)
{
    town_with(NEEDS(ADVICE, HOUSING));
    invented.network.hops_max = 1;
    surgery_submits();
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_ON_HOLD, BUSINESS_ATTENTION, 2);
    cr_assert_eq(referral.parts[1].reason, REASON_HOPS);
    assert_unmet(0, NEED_HOUSING, CAUSE_HELD);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    begin();
    town_with(NEEDS(ADVICE, HOUSING));
    invented.network.hops_max = 2;
    surgery_submits();
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 3);
}

Test(decide, a_referral_that_has_no_room_for_more_offers_is_brought_before_a_person)
{
    invented.network.hops_max = OFFERS_MAX + 1;
    for (int hub = HOME; hub <= FAR; hub++)
        invented.hubs[hub].ask_again = true;
    surgery_submits();
    for (uint8_t n = 1; n < OFFERS_MAX; n++)
        hub_rejects(PARTY_HOME, n, REASON_OTHER);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    cr_assert_eq(referral.offers_count, OFFERS_MAX);
    hub_rejects(PARTY_HOME, OFFERS_MAX, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
    happens((struct cause){.event = EVENT_PLACED, .role = ROLE_OPERATOR, .actor = OPERATOR, .hub = FAR, .row = FAR});
    assert_refused(REFUSAL_NOT_CURRENT);
}

/* ---- several needs: the end ---- */

static void both_begin(void)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    hub_says(PARTY_NEAR, EVENT_STARTED, 2);
}

Test(decide, the_referral_ends_with_its_last_part_and_the_sender_is_told_once)
{
    both_begin();
    help_comes_to(PARTY_HOME, 1, OUTCOME_GOT_HELP);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    TOLD(SURGERY(progressed, 1));
    assert_came_back(TOWN_HOME);
    surgery_confirms();
    assert_refused(REFUSAL_NOT_CURRENT);
    help_comes_to(PARTY_NEAR, 2, OUTCOME_GOT_HELP);
    assert_stands(STATE_COMPLETED, BUSINESS_GOT_HELP, 0);
    cr_assert_eq(referral.outcome, OUTCOME_GOT_HELP);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    TOLD(SURGERY(ended, WHOLE));
    surgery_confirms();
    assert_stands(STATE_COMPLETED, BUSINESS_CLOSED_ACKNOWLEDGED, 0);
}

Test(decide, help_for_one_need_and_none_for_the_other_is_help_in_part)
{
    for (int failed_first = 0; failed_first < 2; failed_first++) {
        both_begin();
        if (failed_first)
            help_fails(PARTY_NEAR, 2, REASON_FAILED_CONTACT);
        help_comes_to(PARTY_HOME, 1, OUTCOME_GOT_HELP);
        if (!failed_first)
            help_fails(PARTY_NEAR, 2, REASON_FAILED_CONTACT);
        assert_stands(STATE_COMPLETED, BUSINESS_PARTLY, 0);
        cr_assert_eq(referral.outcome, OUTCOME_PARTLY);
        cr_assert_eq(outcome.entry.outcome, OUTCOME_PARTLY);
        assert_part(1, NEED_BIT(NEED_HOUSING), STATE_FAILED, BUSINESS_NOT_HELPED, 2);
        TOLD(SURGERY(ended, WHOLE));
    }
}

Test(decide, when_no_need_was_met_it_has_failed_for_the_reason_of_the_first)
{
    both_begin();
    help_fails(PARTY_NEAR, 2, REASON_FAILED_CONTACT);
    TOLD(SURGERY(progressed, 2));
    help_fails(PARTY_HOME, 1, REASON_DECLINED);
    assert_stands(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_DECLINED);
    cr_assert_eq(referral.outcome, 0);
    TOLD(SURGERY(ended, WHOLE));
}

Test(decide, who_cancels_cancels_all_that_goes_on)
{
    town_with(NEEDS(ADVICE, HOUSING) | NEEDS(FOOD, LEARNING));
    fill(TOWN_CITY);
    surgery_submits();
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 2);
    assert_part(2, NEED_BIT(NEED_FOOD), STATE_ON_HOLD, BUSINESS_WAITLISTED, 0);
    assert_part(3, NEED_BIT(NEED_LEARNING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    surgery_cancels();
    assert_entry(EVENT_CANCELLED, 1, 0);
    TOLD(HUB(HOME, withdrawn, 1), HUB(NEAR, withdrawn, 2), SURGERY(ended, WHOLE));
    cr_assert_eq(outcome.freed_count, 2);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(referral.parts[i].state, STATE_CANCELLED);
    assert_cancelled();
}

Test(decide, what_has_been_done_is_not_cancelled_with_the_rest)
{
    both_begin();
    help_comes_to(PARTY_HOME, 1, OUTCOME_GOT_HELP);
    surgery_cancels();
    TOLD(HUB(NEAR, withdrawn, 2), SURGERY(ended, WHOLE));
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_COMPLETED, BUSINESS_GOT_HELP, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_CANCELLED, BUSINESS_REVOKED, 2);
    assert_cancelled();
}

/* ---- several needs: time, and hubs that close ---- */

Test(decide, each_part_has_its_own_deadline_and_the_earliest_comes_first)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    now += HOUR_MS;
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    cr_assert_eq(referral.deadline_owner, PARTY_NEAR);
    deadline_comes();
    assert_entry(EVENT_OFFER_EXPIRED, 2, 3);
    TOLD(HUB(NEAR, withdrawn, 2), SURGERY(routed, WHOLE), HUB(CITY, offer, 3));
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 1);
    hub_says(PARTY_CITY, EVENT_ACCEPTED, 3);
    deadline_comes();
    assert_entry(EVENT_OVERDUE, 1, 0);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    TOLD(SURGERY(progressed, 1));
    cr_assert(referral.overdue && referral.parts[0].overdue && !referral.parts[1].overdue);
    hub_says(PARTY_CITY, EVENT_STARTED, 3);
    cr_assert(referral.overdue, "that another part moves on makes this one no less late");
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    cr_assert_not(referral.overdue);
}

Test(decide, deadlines_that_fall_together_are_handled_one_after_the_other)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    deadline_comes();
    assert_entry(EVENT_OFFER_EXPIRED, 1, 0);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ON_HOLD, BUSINESS_ATTENTION, 1);
    cr_assert_eq(referral.deadline, now, "the other is due at once");
    deadline_comes();
    assert_entry(EVENT_OFFER_EXPIRED, 2, 3);
    cr_assert_gt(referral.deadline, now);
}

Test(decide, all_that_have_waited_too_long_are_told_one_by_one)
{
    town_with(NEEDS(ADVICE, HOUSING));
    invented.network.deadlines.waiting_expiry_ms = 50 * HOUR_MS;
    fill_all();
    surgery_submits();
    for (int i = 0; i < 2; i++) {
        deadline_comes();
        assert_entry(EVENT_OVERDUE, 0, 0);
        cr_assert_eq(outcome.entry.decision.needs, referral.parts[i].needs);
        TOLD(SURGERY(progressed, WHOLE));
        cr_assert(referral.parts[i].overdue);
    }
    cr_assert_gt(referral.deadline, now);
}

Test(decide, a_hub_that_closes_loses_its_offer_and_not_that_of_another)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    invented.hubs[NEAR].status = HUB_CLOSED;
    happens((struct cause){.event = EVENT_HUB_CLOSED, .offer_number = 2});
    assert_entry(EVENT_HUB_CLOSED, 2, 3);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_RECEIVED, BUSINESS_OFFERED, 3);
    TOLD(HUB(NEAR, withdrawn, 2), SURGERY(routed, WHOLE), HUB(CITY, offer, 3));
    happens((struct cause){.event = EVENT_HUB_CLOSED, .offer_number = 2});
    cr_assert(outcome.repeated);
    happens((struct cause){.event = EVENT_HUB_CLOSED});
    cr_assert(outcome.repeated);
}

Test(decide, a_hub_that_drains_answers_what_it_was_offered)
{
    surgery_submits();
    invented.hubs[HOME].status = HUB_DRAINING;
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
}

Test(decide, of_several_needs_the_one_with_the_least_time_counts)
{
    static const enum need hasty[] = {NEED_BEFRIENDING, NEED_ADVICE};

    for (int i = 0; i < 2; i++) {
        town_with(NEEDS(BEFRIENDING, ADVICE));
        invented.network.emergency_needs = NEED_BIT(hasty[i]);
        invented.network.emergency.answer_ms[PRIORITY_ROUTINE] = 3 * HOUR_MS;
        emergency = true;
        surgery_submits();
        assert_waits_for(3 * HOUR_MS, PARTY_HOME);
    }
}

/* ---- the ladder of deadlines, in opening hours ---- */

#define MONDAY (NETWORKS_DAY + 1)

/* That moment on the wall, in winter. */
static int64_t on(int64_t day, int hour)
{
    return day * 24 * HOUR_MS + hour * HOUR_MS;
}

/* From Monday to Friday, 09:00 to 17:00. */
static void works(struct hours *hours)
{
    for (int day = WEEKDAY_MONDAY; day <= WEEKDAY_FRIDAY; day++)
        network_add_hours(&invented, hours, (struct span){(enum weekday)day, 540, 1020});
}

static struct stage_clock *clock_of(enum stage stage)
{
    return &invented.network.deadlines.stages.clocks[stage];
}

/* A working day to fetch an offer, two to answer it, two of grace; everything else as it was. */
static void offices_open(void)
{
    works(&invented.hubs[HOME].hours);
    works(&invented.network.office);
    clock_of(STAGE_RECEIPT)->ms[PRIORITY_ROUTINE] = 24 * HOUR_MS;
    clock_of(STAGE_ANSWER)->ms[PRIORITY_ROUTINE] = 48 * HOUR_MS;
    clock_of(STAGE_ANSWER)->grace_ms[PRIORITY_ROUTINE] = 48 * HOUR_MS;
}

static void assert_waits(int64_t deadline, uint32_t owner, enum stage stage)
{
    cr_assert_eq(referral.deadline, deadline, "%ld h later", (long)((referral.deadline - deadline) / HOUR_MS));
    cr_assert_eq(referral.deadline_owner, owner, "%u", referral.deadline_owner);
    cr_assert_eq(referral.stage, stage, "%s", code_text(LIST_stage, (int)referral.stage));
}

static void assert_entry_waited_for(enum stage stage)
{
    cr_assert_eq(outcome.entry.stage, stage, "%s", code_text(LIST_stage, (int)outcome.entry.stage));
}

Test(decide, an_offer_that_nobody_fetches_goes_from_receipt_to_answer_to_a_reminder_to_the_next_hub)
{
    offices_open();
    now = on(MONDAY + 4, 15); /* Friday */
    surgery_submits();
    assert_waits(on(MONDAY + 7, 15), PARTY_HOME, STAGE_RECEIPT);
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OVERDUE, 1, 0);
    assert_entry_waited_for(STAGE_RECEIPT);
    cr_assert_eq(outcome.entry.reason, REASON_NOT_RECEIVED);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_NOT_RECEIVED);
    cr_assert(referral_needs_person(&referral));
    NOBODY_TOLD();
    assert_waits(on(MONDAY + 8, 15), PARTY_HOME, STAGE_ANSWER);
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_NUDGED, 1, 0);
    assert_entry_waited_for(STAGE_ANSWER);
    TOLD(HUB(HOME, reminder, 1));
    assert_waits(on(MONDAY + 10, 15), PARTY_HOME, STAGE_ANSWER);
    deadline_comes();
    assert_entry(EVENT_OFFER_EXPIRED, 1, 2);
    cr_assert_eq(outcome.entry.reason, REASON_SILENCE);
    cr_assert_not(referral.overdue);
    cr_assert_eq(referral.offers[1].hub, PARTY_NEAR);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
}

Test(decide, a_hub_that_has_fetched_an_offer_has_until_the_answer_is_due)
{
    for (int late = 0; late < 2; late++) {
        begin();
        offices_open();
        now = on(MONDAY, 9);
        surgery_submits();
        if (late)
            deadline_comes();
        now = late ? on(MONDAY + 1, 12) : on(MONDAY, 10);
        hub_says(PARTY_HOME, EVENT_RECEIVED, 1);
        cr_assert_not(referral.overdue);
        assert_waits(on(MONDAY + 2, 9), PARTY_HOME, STAGE_ANSWER);
        hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
        assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
        cr_assert_eq(referral.stage, STAGE_CONTACT);
    }
}

Test(decide, what_is_pressing_does_not_wait_until_a_closed_hub_opens)
{
    static const struct {
        enum priority priority;
        int64_t limit_ms;
        int64_t hours;
    } cases[] = {{PRIORITY_ASAP, 24 * HOUR_MS, 24},
                 {PRIORITY_STAT, 24 * HOUR_MS, 24},
                 {PRIORITY_URGENT, 24 * HOUR_MS, 65}, /* Monday at ten */
                 {PRIORITY_STAT, 0, 65},
                 {PRIORITY_STAT, 66 * HOUR_MS, 65}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        offices_open();
        invented.network.deadlines.pressing_ms = cases[i].limit_ms;
        clock_of(STAGE_RECEIPT)->ms[cases[i].priority] = clock_of(STAGE_ANSWER)->ms[cases[i].priority] = HOUR_MS;
        referral.profile.priority = cases[i].priority;
        now = on(MONDAY + 4, 17); /* Friday, when it closes */
        surgery_submits();
        assert_waits(now + cases[i].hours * HOUR_MS, PARTY_HOME, STAGE_ANSWER);
    }
}

Test(decide, who_answers_in_the_grace_is_in_time)
{
    clock_of(STAGE_ANSWER)->grace_ms[PRIORITY_ROUTINE] = 7 * HOUR_MS;
    surgery_submits();
    deadline_comes();
    TOLD(HUB(HOME, reminder, 1));
    assert_waits_for(7 * HOUR_MS, PARTY_HOME);
    hub_says(PARTY_HOME, EVENT_RECEIVED, 1);
    assert_waits_for(7 * HOUR_MS, PARTY_HOME);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    cr_assert_not(referral.parts[0].nudged);
}

Test(decide, the_deadline_of_a_hub_of_its_own_is_that_of_the_network_no_more)
{
    network_begin(&invented);
    network_add_hub(&invented, "home", (struct position){10300, 10400}, 0);
    network_add_stages(&invented)->clocks[STAGE_ANSWER].ms[PRIORITY_ROUTINE] = 3 * HOUR_MS;
    network_add_service(&invented, NEED_BIT(NEED_BEFRIENDING), 2, false);
    network_ready(&invented);
    surgery_submits();
    assert_waits_for(3 * HOUR_MS, PARTY_HOME);
}

Test(decide, what_runs_in_an_emergency_has_no_grace)
{
    invented.network.emergency_needs = NEED_BIT(NEED_BEFRIENDING);
    invented.network.emergency.answer_ms[PRIORITY_ROUTINE] = HOUR_MS;
    clock_of(STAGE_ANSWER)->grace_ms[PRIORITY_ROUTINE] = 7 * HOUR_MS;
    emergency = true;
    surgery_submits();
    assert_waits_for(HOUR_MS, PARTY_HOME);
    deadline_comes();
    assert_entry(EVENT_OFFER_EXPIRED, 1, 2);
}

/* Accepted, or accepted and begun; with grace. */
static void hub_has_it(bool begun, enum silence silence)
{
    enum stage stage = begun ? STAGE_PROGRESS : STAGE_CONTACT;

    clock_of(stage)->grace_ms[PRIORITY_ROUTINE] = 9 * HOUR_MS;
    clock_of(stage)->silence = silence;
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    if (begun)
        hub_says(PARTY_HOME, EVENT_STARTED, 1);
}

Test(decide, a_silent_case_is_reminded_of_and_then_brought_before_a_person)
{
    for (int begun = 0; begun < 2; begun++) {
        begin();
        hub_has_it(begun, SILENCE_ATTENTION);
        deadline_comes();
        assert_entry(EVENT_NUDGED, 1, 0);
        assert_entry_waited_for(begun ? STAGE_PROGRESS : STAGE_CONTACT);
        TOLD(HUB(HOME, reminder, 1));
        assert_waits_for(9 * HOUR_MS, PARTY_HOME);
        cr_assert_not(referral.overdue);
        deadline_comes();
        assert_entry(EVENT_OVERDUE, 1, 0);
        assert_entry_waited_for(begun ? STAGE_PROGRESS : STAGE_CONTACT);
        TOLD(SURGERY(progressed, 1));
        assert_waits(now + 25 * HOUR_MS, PARTY_NONE, STAGE_REVIEW);
        deadline_comes();
        cr_assert_not(outcome.recorded, "the second time is no news, and it is not reminded again");
        assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    }
}

Test(decide, a_silent_case_may_be_taken_back_and_offered_to_the_next)
{
    for (int begun = 0; begun < 2; begun++) {
        begin();
        hub_has_it(begun, SILENCE_NEXT_HUB);
        deadline_comes();
        deadline_comes();
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        assert_entry(EVENT_OFFER_EXPIRED, 1, 2);
        cr_assert_eq(referral.offers[0].state, STATE_CANCELLED);
        cr_assert_eq(referral.offers[0].reason, REASON_SILENCE);
        assert_came_back(HOME);
        TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
    }
}

Test(decide, operators_look_in_their_office_hours)
{
    offices_open();
    invented.network.deadlines.attention_review_ms = 24 * HOUR_MS;
    now = on(MONDAY + 4, 15);
    need_is(NEED_HOUSING);
    surgery_submits();
    assert_waits(on(MONDAY + 7, 15), PARTY_NONE, STAGE_REVIEW);
}

/* ---- helping: the whole of it ---- */

Test(decide, a_hub_that_tells_how_it_goes_has_its_time_anew)
{
    hub_begins();
    now += 400 * HOUR_MS;
    hub_says(PARTY_HOME, EVENT_PROGRESSED, 1);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_entry(EVENT_PROGRESSED, 1, 0);
    assert_waits(now + 500 * HOUR_MS, PARTY_HOME, STAGE_PROGRESS);
    TOLD(SURGERY(progressed, 1));
    deadline_comes();
    cr_assert(referral.overdue);
    hub_says(PARTY_HOME, EVENT_PROGRESSED, 1);
    cr_assert_not(referral.overdue);
    assert_waits_for(500 * HOUR_MS, PARTY_HOME);
}

Test(decide, nobody_tells_how_it_goes_before_it_has_begun)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_HOME, EVENT_PROGRESSED, 1);
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, a_hub_may_pause_and_go_on)
{
    for (int begun = 0; begun < 2; begun++) {
        begin();
        surgery_submits();
        hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
        if (begun)
            hub_says(PARTY_HOME, EVENT_STARTED, 1);
        hub_says(PARTY_HOME, EVENT_PAUSED, 1);
        assert_stands(STATE_ON_HOLD, BUSINESS_PAUSED, REASON_PAUSED);
        assert_entry(EVENT_PAUSED, 1, 0);
        assert_waits(now + 300 * HOUR_MS, PARTY_HOME, STAGE_PAUSE);
        TOLD(SURGERY(progressed, 1));
        cr_assert_eq(outcome.freed_count, 0, "the place stays taken");
        cr_assert_eq(outcome.unmet_count, 0);
        cr_assert_not(referral_needs_person(&referral));
        hub_says(PARTY_HOME, EVENT_PAUSED, 1);
        cr_assert(outcome.repeated);
        hub_says(PARTY_HOME, EVENT_STARTED, 1);
        assert_refused(REFUSAL_NOT_CURRENT);
        hub_says(PARTY_HOME, EVENT_PROGRESSED, 1);
        assert_refused(REFUSAL_NOT_CURRENT);
        now += 10 * HOUR_MS;
        hub_says(PARTY_HOME, EVENT_RESUMED, 1);
        assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
        assert_waits(now + 500 * HOUR_MS, PARTY_HOME, STAGE_PROGRESS);
        TOLD(SURGERY(progressed, 1));
    }
}

Test(decide, a_pause_that_lasts_is_brought_before_a_person_without_a_reminder_and_may_end_any_way)
{
    for (int end = 0; end < 3; end++) {
        begin();
        hub_begins();
        hub_says(PARTY_HOME, EVENT_PAUSED, 1);
        deadline_comes();
        assert_stands(STATE_ON_HOLD, BUSINESS_PAUSED, REASON_PAUSED);
        assert_entry(EVENT_OVERDUE, 1, 0);
        assert_entry_waited_for(STAGE_PAUSE);
        TOLD(SURGERY(progressed, 1));
        cr_assert(referral_needs_person(&referral));
        assert_waits(now + 25 * HOUR_MS, PARTY_NONE, STAGE_REVIEW);
        deadline_comes();
        cr_assert_not(outcome.recorded);
        if (end == 0) {
            hub_helps(OUTCOME_GOT_HELP);
            assert_stands(STATE_COMPLETED, BUSINESS_GOT_HELP, 0);
        } else if (end == 1) {
            help_fails(PARTY_HOME, 1, REASON_DID_NOT_ATTEND);
            assert_stands(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_DID_NOT_ATTEND);
        } else {
            surgery_cancels();
            assert_stands(STATE_CANCELLED, BUSINESS_REVOKED, REASON_NO_LONGER_NEEDED);
            TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
        }
        assert_came_back(HOME);
    }
}

static void hub_hands_back(uint32_t hub, uint8_t offer_number, enum status_reason reason)
{
    happens((struct cause){
        .event = EVENT_HANDED_BACK, .role = ROLE_HUB, .actor = hub, .offer_number = offer_number, .reason = reason});
}

Test(decide, what_a_hub_hands_back_goes_to_the_next_and_counts_as_a_hop)
{
    static const enum event before[] = {EVENT_ACCEPTED, EVENT_STARTED, EVENT_PAUSED};

    for (size_t i = 0; i < 3; i++) {
        begin();
        invented.network.hops_max = 2;
        surgery_submits();
        for (size_t e = 0; e <= i; e++)
            hub_says(PARTY_HOME, before[e], 1);
        hub_hands_back(PARTY_HOME, 1, REASON_TRANSPORT);
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        assert_entry(EVENT_HANDED_BACK, 1, 2);
        cr_assert_eq(outcome.entry.reason, REASON_TRANSPORT);
        cr_assert_eq(referral.offers[0].state, STATE_FAILED);
        cr_assert_eq(referral.offers[0].reason, REASON_TRANSPORT);
        assert_came_back(HOME);
        cr_assert_eq(outcome.places_none_count, 0);
        TOLD(SURGERY(progressed, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
        hub_hands_back(PARTY_HOME, 1, REASON_TRANSPORT);
        assert_refused(REFUSAL_OFFER_ENDED);
        hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
    }
}

Test(decide, a_hub_that_hands_back_for_want_of_places_has_none_and_a_seat_stays_taken)
{
    invented.services[HOME].seats = true;
    hub_begins();
    hub_hands_back(PARTY_HOME, 1, REASON_CAPACITY);
    cr_assert_eq(outcome.freed_count, 0);
    cr_assert(outcome.places_none_count == 1 && outcome.places_none[0] == HOME);
}

Test(decide, a_case_that_failed_is_not_said_to_be_handed_back)
{
    hub_begins();
    happens((struct cause){.event = EVENT_FAILED,
                           .role = ROLE_HUB,
                           .actor = PARTY_HOME,
                           .offer_number = 1,
                           .reason = REASON_FAILED_CONTACT});
    hub_hands_back(PARTY_HOME, 1, REASON_TRANSPORT);
    assert_refused(REFUSAL_OFFER_ENDED);
}

Test(decide, nothing_is_handed_back_that_was_not_accepted)
{
    surgery_submits();
    hub_hands_back(PARTY_HOME, 1, REASON_CAPACITY);
    assert_refused(REFUSAL_NOT_CURRENT);
}

/* ---- new information ---- */

static void surgery_updates(void)
{
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

Test(decide, an_update_reaches_the_hub_that_is_asked_and_the_hub_that_has_the_case)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    int64_t deadline = referral.deadline;
    now += HOUR_MS;
    surgery_updates();
    assert_entry(EVENT_UPDATED, 0, 0);
    TOLD(HUB(HOME, offer, 1), HUB(NEAR, updated, 2));
    cr_assert_eq(referral.deadline, deadline, "what runs stays");
    hub_says(PARTY_NEAR, EVENT_PAUSED, 2);
    surgery_updates();
    TOLD(HUB(HOME, offer, 1), HUB(NEAR, updated, 2));
}

Test(decide, an_update_of_what_waits_is_only_written_down)
{
    fill_all();
    surgery_submits();
    surgery_updates();
    assert_entry(EVENT_UPDATED, 0, 0);
    NOBODY_TOLD();
    cr_assert(part_waits(&referral.parts[0]));
}

Test(decide, an_update_that_settles_why_a_person_had_to_look_is_placed)
{
    static const enum status_reason reasons[] = {REASON_UNKNOWN_LOCALITY, REASON_OUTSIDE, REASON_CONSENT_IN_DOUBT};

    for (size_t i = 0; i < 3; i++) {
        begin();
        if (i == 0) {
            referral.profile.locality = LOCALITY_UNKNOWN;
            referral.profile.position = (struct position){0};
            invented.services[CITY].citywide = false;
        }
        if (i < 2)
            referral.profile.neighbourhood = NEIGHBOURHOOD_NONE;
        referral.profile.consent_in_doubt = i == 2;
        surgery_submits();
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, reasons[i]);
        surgery_updates();
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, reasons[i]);
        NOBODY_TOLD();
        referral.profile = profile_at_home();
        surgery_updates();
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        assert_entry(EVENT_UPDATED, 0, 1);
        TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 1));
    }
}

Test(decide, what_has_ended_takes_no_update_and_none_comes_from_a_stranger)
{
    surgery_submits();
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_CLINIC});
    assert_refused(REFUSAL_NOT_FOUND);
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_OPERATOR, .actor = PARTY_SURGERY});
    assert_refused(REFUSAL_NOT_FOUND);
    surgery_cancels();
    surgery_updates();
    assert_refused(REFUSAL_NOT_CURRENT);
}

/* ---- consent runs out ---- */

/* Until the end of the day after tomorrow. */
static int64_t consent_ends(void)
{
    referral.profile.consent_until = hours_day(now) + 2;
    return (hours_day(now) + 3) * 24 * HOUR_MS;
}

static void the_day_comes(int64_t ends)
{
    cr_assert_eq(referral_next_due(&referral), ends);
    now = ends - 1;
    happens((struct cause){.event = EVENT_OVERDUE});
    cr_assert(outcome.repeated, "it holds on its last day");
    now = ends;
    happens((struct cause){.event = EVENT_OVERDUE});
}

Test(decide, when_the_consent_runs_out_an_open_offer_is_withdrawn_and_a_person_looks)
{
    clock_of(STAGE_ANSWER)->ms[PRIORITY_ROUTINE] = 400 * HOUR_MS;
    clock_of(STAGE_RECEIPT)->ms[PRIORITY_ROUTINE] = 0;
    int64_t ends = consent_ends();
    surgery_submits();
    the_day_comes(ends);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_CONSENT_IN_DOUBT);
    assert_entry(EVENT_CONSENT_EXPIRED, 1, 0);
    cr_assert_eq(outcome.entry.reason, REASON_CONSENT_IN_DOUBT);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE));
    assert_came_back(HOME);
    cr_assert_not(referral.consent_ended);
    happens((struct cause){.event = EVENT_OVERDUE});
    cr_assert(outcome.repeated, "once");
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_OFFER_ENDED);
    referral.profile.consent_until = 0;
    surgery_updates();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    cr_assert_eq(referral.offers[1].hub, PARTY_HOME, "it was not asked to the end");
}

Test(decide, nobody_learns_who_it_is_after_the_consent_has_run_out_even_before_the_timer)
{
    int64_t ends = consent_ends();

    surgery_submits();
    now = ends;
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_OFFER_ENDED);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 1);
    assert_refused(REFUSAL_NOT_FOUND);
}

Test(decide, a_case_goes_on_without_consent_and_everybody_is_told)
{
    int64_t ends = consent_ends();

    hub_begins();
    int64_t deadline = referral.deadline;
    the_day_comes(ends);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_entry(EVENT_CONSENT_EXPIRED, 0, 0);
    TOLD(HUB(HOME, updated, 1), SURGERY(progressed, 1));
    cr_assert(referral.consent_ended);
    cr_assert(referral_needs_person(&referral));
    cr_assert_eq(referral.deadline, deadline);
    happens((struct cause){.event = EVENT_OVERDUE});
    cr_assert(outcome.repeated);
    referral.profile.consent_until += 100;
    surgery_updates();
    cr_assert_not(referral.consent_ended);
    TOLD(HUB(HOME, updated, 1));
}

Test(decide, every_hub_with_a_case_is_told_that_the_consent_has_ended_and_the_sender_once)
{
    town_with(NEEDS(ADVICE, HOUSING));
    clock_of(STAGE_CONTACT)->ms[PRIORITY_ROUTINE] = 400 * HOUR_MS;
    int64_t ends = consent_ends();
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    the_day_comes(ends);
    assert_entry(EVENT_CONSENT_EXPIRED, 0, 0);
    TOLD(HUB(HOME, updated, 1), HUB(NEAR, updated, 2), SURGERY(progressed, 1));
}

Test(decide, of_several_needs_the_consent_ends_for_each_as_it_stands)
{
    town_with(NEEDS(ADVICE, HOUSING) | NEEDS(FOOD, LEARNING));
    clock_of(STAGE_ANSWER)->ms[PRIORITY_ROUTINE] = 400 * HOUR_MS;
    clock_of(STAGE_RECEIPT)->ms[PRIORITY_ROUTINE] = 0;
    invented.network.deadlines.attention_review_ms = 500 * HOUR_MS;
    int64_t ends = consent_ends();
    fill(TOWN_CITY);
    surgery_submits();
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    the_day_comes(ends);
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ON_HOLD, BUSINESS_ATTENTION, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 2);
    assert_part(2, NEED_BIT(NEED_FOOD), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    assert_part(3, NEED_BIT(NEED_LEARNING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    cr_assert_eq(referral.parts[2].reason, REASON_CONSENT_IN_DOUBT);
    cr_assert_eq(referral.parts[3].reason, REASON_NO_HUB, "a person looks at it anyway");
    TOLD(HUB(HOME, withdrawn, 1), HUB(NEAR, updated, 2), SURGERY(progressed, 2), SURGERY(routed, WHOLE));
    referral.profile.consent_until = 0;
    surgery_updates();
    cr_assert_eq(referral.parts_count, 4, "advice at home again, food waits again");
    TOLD(HUB(NEAR, updated, 2), SURGERY(routed, WHOLE), HUB(HOME, offer, 3));
}

Test(decide, an_update_that_puts_the_consent_in_doubt_stops_what_no_hub_has_accepted)
{
    surgery_submits();
    referral.profile.consent_in_doubt = true;
    surgery_updates();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_CONSENT_IN_DOUBT);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE));
}

/* ---- operators ---- */

static void operator_does(struct cause cause)
{
    cause.role = ROLE_OPERATOR;
    cause.actor = OPERATOR;
    happens(cause);
}

static void operator_holds(void)
{
    operator_does((struct cause){.event = EVENT_HELD});
}

static void operator_releases(void)
{
    operator_does((struct cause){.event = EVENT_RELEASED});
}

static void operator_places(uint32_t row, uint64_t needs)
{
    operator_does((struct cause){.event = EVENT_PLACED, .hub = invented.services[row].hub, .row = row, .needs = needs});
}

Test(decide, what_an_operator_holds_stays_until_it_is_released)
{
    surgery_submits();
    operator_holds();
    assert_stands(STATE_ON_HOLD, BUSINESS_HELD, REASON_HELD);
    assert_entry(EVENT_HELD, 1, 0);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE));
    assert_came_back(HOME);
    assert_waits(now + 25 * HOUR_MS, PARTY_NONE, STAGE_REVIEW);
    operator_holds();
    cr_assert(outcome.repeated);
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_BEFRIENDING});
    cr_assert(outcome.repeated, "no free place, no new day, no new network moves it");
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_HELD, REASON_HELD);
    assert_entry(EVENT_OVERDUE, 0, 0);
    NOBODY_TOLD();
    cr_assert_eq(referral_overdue_reason(&referral), REASON_HELD);
    deadline_comes();
    cr_assert_not(outcome.recorded, "a reminder, once");
    cr_assert(referral.overdue);
    operator_releases();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_RELEASED, 0, 2);
    cr_assert_eq(referral.offers[1].hub, PARTY_HOME, "it was not asked to the end");
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 2));
}

Test(decide, what_hubs_have_accepted_is_not_held_and_the_rest_is)
{
    town_with(NEEDS(ADVICE, HOUSING) | NEED_BIT(NEED_FOOD));
    fill(TOWN_CITY);
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    operator_holds();
    assert_part(0, NEED_BIT(NEED_ADVICE), STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 1);
    assert_part(1, NEED_BIT(NEED_HOUSING), STATE_ON_HOLD, BUSINESS_HELD, 2);
    assert_part(2, NEED_BIT(NEED_FOOD), STATE_ON_HOLD, BUSINESS_HELD, 0);
    TOLD(HUB(NEAR, withdrawn, 2), SURGERY(routed, WHOLE));
    operator_releases();
    cr_assert_eq(referral.parts_count, 3);
    TOLD(SURGERY(routed, WHOLE), HUB(NEAR, offer, 3));
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 3);
    operator_holds();
    assert_stands(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    operator_releases();
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    cr_assert_eq(referral.parts_count, 3);
}

Test(decide, nothing_is_held_or_released_when_hubs_have_all_of_it)
{
    surgery_submits();
    operator_releases();
    assert_refused(REFUSAL_NOT_CURRENT);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    operator_holds();
    assert_refused(REFUSAL_NOT_CURRENT);
    hub_says(PARTY_HOME, EVENT_PAUSED, 1);
    operator_holds();
    assert_refused(REFUSAL_NOT_CURRENT);
    operator_releases();
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, what_a_person_had_to_decide_is_decided_by_releasing_it)
{
    static void (*const holds[])(void) = {hold_for_safeguarding, doubt_consent, live_outside, doubt_everything};
    static const uint32_t decided[] = {RELEASED_SAFEGUARDING, RELEASED_CONSENT, RELEASED_OUTSIDE,
                                       RELEASED_CONSENT | RELEASED_OUTSIDE};

    for (size_t i = 0; i < 4; i++) {
        begin();
        holds[i]();
        surgery_submits();
        cr_assert_eq(referral.business_status, BUSINESS_ATTENTION);
        operator_releases();
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        cr_assert_eq(outcome.entry.figure, decided[i]);
        hub_rejects(referral.offers[0].hub, 1, REASON_OTHER);
        cr_assert_neq(referral.reason, REASON_OUTSIDE, "it stays decided");
        cr_assert(!referral.profile.safeguarding && !referral.profile.consent_in_doubt);
    }
}

Test(decide, a_consent_that_has_run_out_is_not_prolonged_by_releasing_or_placing)
{
    let_consent_run_out();
    surgery_submits();
    operator_releases();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_CONSENT_IN_DOUBT);
    NOBODY_TOLD();
    operator_places(FAR, 0);
    assert_refused(REFUSAL_CONSENT_WITHHELD);
}

Test(decide, after_a_release_hops_count_anew_and_no_hub_is_asked_twice)
{
    invented.network.hops_max = 1;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
    operator_releases();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    cr_assert_eq(referral.offers[1].hub, PARTY_NEAR);
    cr_assert_eq(referral.hops_from, 1);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
}

Test(decide, an_operator_places_where_no_rule_would)
{
    surgery_submits();
    operator_places(FAR, 0);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_PLACED, 1, 2);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME, "the entry names the offer that it ends");
    cr_assert_not(outcome.entry.decision.made);
    cr_assert_eq(referral.offers[1].hub, PARTY_FAR);
    cr_assert_eq(referral.offers[1].services[0], invented.services[FAR].number);
    assert_came_back(HOME);
    cr_assert_eq(referral.offers[0].reason, REASON_MOVED);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE), HUB(FAR, offer, 2));
    assert_waits(now + 40 * HOUR_MS, PARTY_FAR, STAGE_ANSWER);
    operator_places(FAR, 0);
    cr_assert(outcome.repeated);
}

Test(decide, an_operator_places_what_waits_what_is_held_and_what_needs_a_person)
{
    static void (*const holds[])(void) = {fill_all, hold_for_safeguarding, operator_holds};

    for (size_t i = 0; i < 3; i++) {
        begin();
        if (i < 2)
            holds[i]();
        surgery_submits();
        if (i == 2)
            holds[i]();
        invented.places[FAR].total = 1;
        operator_places(FAR, 0);
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        cr_assert_eq(referral.offers[referral.offers_count - 1].hub, PARTY_FAR);
    }
}

static void far_is_full(void)
{
    fill(FAR);
}

static void far_is_closed(void)
{
    invented.hubs[FAR].status = HUB_PAUSED;
}

static void far_has_ended_it(void)
{
    invented.services[FAR].to_day = hours_day(now) - 1;
}

Test(decide, an_operator_places_only_where_there_is_a_place)
{
    static void (*const troubles[])(void) = {far_is_full, far_is_closed, far_has_ended_it};

    for (size_t i = 0; i < 3; i++) {
        begin();
        surgery_submits();
        troubles[i]();
        operator_places(FAR, 0);
        assert_refused(REFUSAL_NO_PLACE);
    }
}

Test(decide, what_the_service_does_not_meet_goes_on_where_it_is)
{
    town_with(NEEDS(LEARNING, COUNSELLING) | NEED_BIT(NEED_FOOD));
    surgery_submits();
    assert_part(0, NEED_BIT(NEED_FOOD), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEEDS(LEARNING, COUNSELLING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    invented.services[TOWN_HOME].needs |= NEED_BIT(NEED_LEARNING);
    operator_places(TOWN_HOME, 0);
    cr_assert_eq(referral.parts_count, 3);
    assert_part(0, NEED_BIT(NEED_FOOD), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    assert_part(1, NEED_BIT(NEED_COUNSELLING), STATE_ON_HOLD, BUSINESS_ATTENTION, 0);
    assert_part(2, NEED_BIT(NEED_LEARNING), STATE_RECEIVED, BUSINESS_OFFERED, 2);
    TOLD(SURGERY(routed, WHOLE), HUB(HOME, offer, 2));
}

Test(decide, needs_that_go_to_one_service_by_hand_are_one_offer)
{
    town_with(NEEDS(ADVICE, BEFRIENDING));
    fill_all();
    surgery_submits();
    cr_assert_eq(referral.parts_count, 2);
    invented.places[TOWN_HOME].total = 2;
    operator_places(TOWN_HOME, NEED_BIT(NEED_ADVICE));
    cr_assert_eq(referral.parts_count, 2);
    assert_part(1, NEED_BIT(NEED_ADVICE), STATE_RECEIVED, BUSINESS_OFFERED, 1);
    town_with(NEEDS(ADVICE, BEFRIENDING));
    fill_all();
    surgery_submits();
    invented.places[TOWN_HOME].total = 2;
    operator_places(TOWN_HOME, 0);
    cr_assert_eq(referral.parts_count, 1);
    assert_part(0, NEEDS(ADVICE, BEFRIENDING), STATE_RECEIVED, BUSINESS_OFFERED, 1);
}

Test(decide, an_open_offer_about_more_than_the_service_meets_is_not_torn)
{
    town_with(NEEDS(BEFRIENDING, HOUSING));
    surgery_submits();
    cr_assert_eq(referral.parts_count, 1);
    operator_places(TOWN_HOME, 0);
    assert_refused(REFUSAL_NOT_CURRENT);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 1);
    operator_places(TOWN_CITY, 0);
    assert_refused(REFUSAL_NOT_CURRENT);
}

static void operator_reoffers(uint8_t offer_number)
{
    operator_does((struct cause){.event = EVENT_REOFFERED, .offer_number = offer_number});
}

Test(decide, what_an_operator_takes_back_goes_to_the_next_hub)
{
    static const enum event before[] = {EVENT_RECEIVED, EVENT_ACCEPTED, EVENT_STARTED, EVENT_PAUSED};

    for (size_t i = 0; i < 5; i++) {
        begin();
        surgery_submits();
        for (size_t e = 0; e < i; e++)
            hub_says(PARTY_HOME, before[e], 1);
        operator_reoffers(1);
        assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
        assert_entry(EVENT_REOFFERED, 1, 2);
        cr_assert_eq(outcome.entry.reason, REASON_MOVED);
        cr_assert_eq(referral.offers[0].reason, REASON_MOVED);
        cr_assert_eq(referral.offers[1].hub, PARTY_NEAR);
        assert_came_back(HOME);
        TOLD(HUB(HOME, withdrawn, 1), SURGERY(routed, WHOLE), HUB(NEAR, offer, 2));
        operator_reoffers(1);
        assert_refused(REFUSAL_OFFER_ENDED);
        operator_reoffers(9);
        assert_refused(REFUSAL_NOT_FOUND);
    }
}

static void operator_prioritises(enum priority priority)
{
    operator_does((struct cause){.event = EVENT_PRIORITISED, .priority = priority});
}

Test(decide, another_priority_is_told_to_the_hubs_and_deadlines_that_run_stay)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    int64_t deadline = referral.deadline;
    operator_prioritises(PRIORITY_URGENT);
    assert_entry(EVENT_PRIORITISED, 0, 0);
    cr_assert_eq(referral.profile.priority, PRIORITY_URGENT);
    cr_assert_eq(outcome.entry.figure, PRIORITY_ROUTINE);
    cr_assert_eq(referral.deadline, deadline);
    TOLD(HUB(HOME, offer, 1), HUB(NEAR, updated, 2));
    operator_prioritises(PRIORITY_URGENT);
    cr_assert(outcome.repeated);
    surgery_cancels();
    operator_prioritises(PRIORITY_STAT);
    assert_refused(REFUSAL_NOT_CURRENT);
}

static void operator_turns_away(enum status_reason reason)
{
    operator_does((struct cause){.event = EVENT_TURNED_AWAY, .reason = reason});
}

Test(decide, what_no_hub_has_accepted_may_be_turned_away)
{
    static void (*const holds[])(void) = {begin, fill_all, hold_for_safeguarding};

    for (size_t i = 0; i < 3; i++) {
        begin();
        holds[i]();
        surgery_submits();
        operator_turns_away(REASON_NOT_ELIGIBLE);
        assert_stands(STATE_REJECTED, BUSINESS_TURNED_AWAY, REASON_NOT_ELIGIBLE);
        if (i == 0)
            TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
        else
            TOLD(SURGERY(ended, WHOLE));
        assert_waits(now + 120 * HOUR_MS, PARTY_SURGERY, STAGE_CONFIRMATION);
        operator_turns_away(REASON_NOT_ELIGIBLE);
        cr_assert(outcome.repeated);
        surgery_confirms();
        cr_assert_not(referral_is_open(&referral));
    }
}

Test(decide, what_a_hub_has_accepted_is_not_turned_away_but_what_is_done_is_no_hindrance)
{
    both_begin();
    operator_turns_away(REASON_OTHER);
    assert_refused(REFUSAL_NOT_CURRENT);
    town_with(NEEDS(ADVICE, LEARNING));
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_says(PARTY_HOME, EVENT_PAUSED, 1);
    operator_turns_away(REASON_NO_HUB);
    assert_refused(REFUSAL_NOT_CURRENT);
    help_comes_to(PARTY_HOME, 1, OUTCOME_GOT_HELP);
    operator_turns_away(REASON_NO_HUB);
    assert_stands(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_part(1, NEED_BIT(NEED_LEARNING), STATE_REJECTED, BUSINESS_TURNED_AWAY, 0);
}

Test(decide, an_operator_cancels_as_the_sender_does)
{
    hub_begins();
    operator_does((struct cause){.event = EVENT_CANCELLED, .reason = REASON_DECLINED});
    assert_stands(STATE_CANCELLED, BUSINESS_REVOKED, REASON_DECLINED);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
}

Test(decide, a_note_and_a_look_change_nothing_in_any_state)
{
    static const enum event events[] = {EVENT_ANNOTATED, EVENT_REVEALED};

    hub_begins();
    for (int ended = 0; ended < 3; ended++) {
        for (int i = 0; i < 2; i++) {
            struct referral before = referral;
            operator_does((struct cause){.event = events[i]});
            assert_entry(events[i], 0, 0);
            NOBODY_TOLD();
            before.history++;
            before.changed_at = now;
            cr_assert_eq(memcmp(&before, &referral, sizeof before), 0);
        }
        if (ended == 0)
            hub_helps(OUTCOME_GOT_HELP);
        else
            surgery_confirms();
    }
}

/* ---- entered in error ---- */

static void entered_in_error(enum role role, uint32_t actor)
{
    happens((struct cause){.event = EVENT_CANCELLED, .role = role, .actor = actor, .reason = REASON_ENTERED_IN_ERROR});
}

Test(decide, a_mistake_is_taken_back_in_any_state_from_every_hub_that_has_the_person)
{
    for (int by_operator = 0; by_operator < 2; by_operator++) {
        town_with(NEEDS(ADVICE, HOUSING) | NEED_BIT(NEED_FOOD));
        surgery_submits();
        hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
        help_comes_to(PARTY_HOME, 1, OUTCOME_GOT_HELP);
        hub_says(PARTY_CITY, EVENT_ACCEPTED, 2);
        entered_in_error(by_operator ? ROLE_OPERATOR : ROLE_SENDER, by_operator ? OPERATOR : PARTY_SURGERY);
        assert_stands(STATE_ENTERED_IN_ERROR, BUSINESS_RETRACTED, REASON_ENTERED_IN_ERROR);
        TOLD(HUB(HOME, withdrawn, 1), HUB(CITY, withdrawn, 2), SURGERY(ended, WHOLE));
        cr_assert_eq(referral.outcome, 0);
        entered_in_error(ROLE_SENDER, PARTY_SURGERY);
        cr_assert(outcome.repeated);
    }
}

Test(decide, a_closed_referral_that_was_a_mistake_opens_until_that_is_known)
{
    referral.practice = PARTY_CLINIC;
    referral.message_back = CODE_BIT(BACK_GP);
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    TOLD(SURGERY(ended, 1), {PARTY_CLINIC, MESSAGE_message_back, 1, 0});
    surgery_confirms();
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_CLINIC});
    cr_assert_not(referral_is_open(&referral));
    entered_in_error(ROLE_SENDER, PARTY_SURGERY);
    assert_stands(STATE_ENTERED_IN_ERROR, BUSINESS_RETRACTED, REASON_ENTERED_IN_ERROR);
    cr_assert(referral_is_open(&referral));
    assert_entry(EVENT_ENTERED_IN_ERROR, 0, 0);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, WHOLE), {PARTY_CLINIC, MESSAGE_message_back, WHOLE, 0});
    cr_assert_eq(outcome.freed_count, 0, "its place came back before");
    assert_waits(now + 120 * HOUR_MS, PARTY_SURGERY, STAGE_CONFIRMATION);
    surgery_confirms();
    cr_assert(referral_is_open(&referral));
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_CLINIC});
    cr_assert_not(referral_is_open(&referral));
}

Test(decide, a_practice_that_was_not_told_before_is_not_told_of_a_mistake)
{
    referral.practice = PARTY_CLINIC;
    referral.message_back = CODE_BIT(BACK_GP);
    surgery_submits();
    entered_in_error(ROLE_SENDER, PARTY_SURGERY);
    TOLD(HUB(HOME, withdrawn, 1), SURGERY(ended, 1));
    surgery_confirms();
    cr_assert_not(referral_is_open(&referral));
}

/* ---- the message back ---- */

static void clinic_confirms(void)
{
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_CLINIC});
}

static void help_ends_with_message_back(uint8_t scope)
{
    begin();
    referral.practice = PARTY_CLINIC;
    referral.message_back = scope;
    hub_begins();
    clinic_confirms();
    assert_refused(scope & CODE_BIT(BACK_GP) ? REFUSAL_NOT_CURRENT : REFUSAL_NOT_FOUND);
    hub_helps(OUTCOME_GOT_HELP);
}

Test(decide, the_story_closes_when_sender_and_practice_have_confirmed_in_either_order)
{
    for (int practice_first = 0; practice_first < 2; practice_first++) {
        help_ends_with_message_back(CODE_BIT(BACK_GP) | CODE_BIT(BACK_REFERRER));
        TOLD(SURGERY(ended, 1), {PARTY_CLINIC, MESSAGE_message_back, 1, 0});
        int64_t deadline = referral.deadline;
        (practice_first ? clinic_confirms : surgery_confirms)();
        assert_entry(EVENT_OUTCOME_CONFIRMED, 0, 0);
        cr_assert(referral_is_open(&referral));
        assert_waits(deadline, practice_first ? PARTY_SURGERY : PARTY_CLINIC, STAGE_CONFIRMATION);
        (practice_first ? clinic_confirms : surgery_confirms)();
        cr_assert(outcome.repeated);
        (practice_first ? surgery_confirms : clinic_confirms)();
        assert_stands(STATE_COMPLETED, BUSINESS_CLOSED_ACKNOWLEDGED, 0);
        cr_assert_eq(referral.stage, 0);
        clinic_confirms();
        cr_assert(outcome.repeated);
    }
}

Test(decide, a_message_back_that_nobody_fetches_is_brought_before_a_person)
{
    help_ends_with_message_back(CODE_BIT(BACK_GP));
    surgery_confirms();
    deadline_comes();
    assert_entry(EVENT_OVERDUE, 0, 0);
    assert_entry_waited_for(STAGE_CONFIRMATION);
    cr_assert_eq(outcome.entry.reason, REASON_GP_UNCONFIRMED);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_GP_UNCONFIRMED);
    assert_waits(now + 25 * HOUR_MS, PARTY_NONE, STAGE_CONFIRMATION);
    deadline_comes();
    cr_assert_not(outcome.recorded);
    clinic_confirms();
    cr_assert_not(referral_is_open(&referral) || referral.overdue);
}

Test(decide, without_the_persons_consent_the_practice_is_told_nothing)
{
    static const uint8_t scopes[] = {CODE_BIT(BACK_REFERRER), CODE_BIT(BACK_NONE)};

    for (int i = 0; i < 2; i++) {
        help_ends_with_message_back(scopes[i]);
        TOLD(SURGERY(ended, 1));
        clinic_confirms();
        assert_refused(REFUSAL_NOT_FOUND);
        surgery_confirms();
        cr_assert_not(referral_is_open(&referral));
    }
}

Test(decide, a_practice_that_is_the_sender_confirms_both_messages)
{
    referral.practice = PARTY_SURGERY;
    referral.message_back = CODE_BIT(BACK_GP);
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    TOLD(SURGERY(ended, 1), SURGERY(message_back, 1));
    surgery_confirms();
    cr_assert(referral_is_open(&referral));
    surgery_confirms();
    cr_assert_not(referral_is_open(&referral));
}

/* ---- links, and erasure ---- */

static void link_is_made(uint8_t link, uint8_t offer_number, bool tell)
{
    happens((struct cause){.event = EVENT_LINKED, .link = link, .offer_number = offer_number, .tell_link = tell});
}

Test(decide, a_link_is_told_to_the_sender_and_to_hubs_with_a_case_when_all_may_know)
{
    town_with(NEEDS(ADVICE, HOUSING));
    surgery_submits();
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    referral.links[0] = (struct linked){55, LINK_SAME_PERSON};
    referral.links[1] = (struct linked){66, LINK_ORIGIN};
    referral.links_count = 2;
    link_is_made(0, 0, false);
    assert_entry(EVENT_LINKED, 0, 0);
    cr_assert(outcome.entry.linked == 66 && outcome.entry.link == LINK_ORIGIN);
    NOBODY_TOLD();
    link_is_made(1, 0, true);
    cr_assert(outcome.entry.linked == 55 && outcome.entry.link == LINK_SAME_PERSON);
    TOLD(SURGERY(linked, WHOLE), HUB(NEAR, linked, 2));
    link_is_made(1, 2, true);
    TOLD(HUB(NEAR, linked, 2));
    link_is_made(1, 1, true);
    NOBODY_TOLD();
}

static void officer_erases(void)
{
    happens((struct cause){.event = EVENT_ERASED, .role = ROLE_PRIVACY_OFFICER, .actor = PRIVACY_OFFICER});
}

Test(decide, only_what_is_closed_is_erased_and_all_who_knew_the_person_are_told)
{
    referral.practice = PARTY_CLINIC;
    referral.message_back = CODE_BIT(BACK_GP);
    surgery_submits();
    officer_erases();
    assert_refused(REFUSAL_STILL_OPEN);
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_hands_back(PARTY_HOME, 1, REASON_TRANSPORT);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    hub_says(PARTY_CITY, EVENT_ACCEPTED, 3);
    help_comes_to(PARTY_CITY, 3, OUTCOME_GOT_HELP);
    officer_erases();
    assert_refused(REFUSAL_STILL_OPEN);
    surgery_confirms();
    clinic_confirms();
    operator_does((struct cause){.event = EVENT_ERASED});
    assert_refused(REFUSAL_NOT_FOUND);
    officer_erases();
    assert_stands(STATE_COMPLETED, BUSINESS_CLOSED_ACKNOWLEDGED, 0);
    cr_assert(referral.erased);
    TOLD(SURGERY(erased, WHOLE), {PARTY_CLINIC, MESSAGE_erased, WHOLE, 0}, HUB(HOME, erased, 1), HUB(CITY, erased, 3));
    officer_erases();
    assert_refused(REFUSAL_ERASED);
    entered_in_error(ROLE_SENDER, PARTY_SURGERY);
    assert_refused(REFUSAL_ERASED);
    operator_does((struct cause){.event = EVENT_ANNOTATED});
    assert_refused(REFUSAL_ERASED);
}

Test(decide, a_practice_that_is_the_sender_is_told_once_that_the_person_is_erased)
{
    referral.practice = PARTY_SURGERY;
    referral.message_back = CODE_BIT(BACK_GP);
    hub_begins();
    hub_helps(OUTCOME_GOT_HELP);
    surgery_confirms();
    surgery_confirms();
    officer_erases();
    TOLD(SURGERY(erased, WHOLE), HUB(HOME, erased, 1));
}

/* ---- anything ---- */

static uint8_t any_offer(uint64_t *random, bool living)
{
    uint8_t at = (uint8_t)random_below(random, OFFERS_MAX);

    for (uint8_t i = 0; i < referral.offers_count && living; i++) {
        uint8_t n = (uint8_t)((at + i) % referral.offers_count);
        if (offer_holds_place(&referral.offers[n]))
            return (uint8_t)(n + 1);
    }
    return at;
}

static enum need any_need(uint64_t *random)
{
    enum need need;

    do
        need = (enum need)(1 + random_below(random, NETWORKS_NEEDS));
    while (!(referral.profile.needs & NEED_BIT(need)));
    return need;
}

static void something_changes(uint64_t *random)
{
    uint32_t hubs = invented.network.hubs_count;
    uint32_t services = invented.network.services_count;

    now += random_below(random, 2) ? 1 : HOUR_MS * random_below(random, 200);
    emergency = random_below(random, 4) == 0;
    if (services)
        invented.places[random_below(random, services)].total = random_below(random, 5);
    if (services)
        others[random_below(random, services)].used = random_below(random, 3);
    if (hubs)
        invented.hubs[random_below(random, hubs)].status = random_below(random, 3) ? HUB_OPEN : HUB_PAUSED;
    if (random_below(random, 10) == 0)
        referral.profile.neighbourhood = (uint16_t)random_below(random, 4);
}

/* Mostly somebody who may cause it. */
static void somebody_causes(uint64_t *random, struct cause *cause)
{
    unsigned who = event_causers(cause->event);
    bool named = cause->offer_number && cause->offer_number <= referral.offers_count;

    if (random_below(random, 20) == 0)
        who = 1u << random_below(random, 6);
    if (who & WHO_OPERATOR && (!(who & WHO_SENDER) || random_below(random, 2))) {
        cause->role = ROLE_OPERATOR;
        cause->actor = OPERATOR;
    } else if (who & WHO_PRIVACY) {
        cause->role = ROLE_PRIVACY_OFFICER;
        cause->actor = PRIVACY_OFFICER;
    } else if (who & WHO_HUB) {
        cause->role = ROLE_HUB;
        cause->actor = named && random_below(random, 8) ? referral.offers[cause->offer_number - 1].hub
                                                        : random_below(random, NETWORKS_HUBS_MAX);
    } else if (who & (WHO_SENDER | WHO_PRACTICE)) {
        cause->role = ROLE_SENDER;
        cause->actor = who & WHO_PRACTICE && random_below(random, 2) ? PARTY_CLINIC : PARTY_SURGERY;
    }
}

/* What goes with the event, as a turn would set it. */
static void prepare(uint64_t *random, struct cause *cause)
{
    const struct network *network = &invented.network;

    cause->priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    cause->reason = (enum status_reason)(1 + random_below(random, REASON_ENTERED_IN_ERROR));
    cause->outcome = (enum outcome)(1 + random_below(random, OUTCOME_BECAME_VOLUNTEER));
    if (cause->event == EVENT_CANCELLED && cause->reason == REASON_ENTERED_IN_ERROR)
        cause->reason = REASON_OTHER;
    if (cause->event == EVENT_PLACED) {
        cause->row = random_below(random, network->services_count);
        cause->hub = network->services[cause->row].hub;
        cause->needs = random_below(random, 3) ? 0 : NEED_BIT(any_need(random));
    }
    cause->tell_link = random_below(random, 2);
}

/* The profile is the update's already. */
static void update_profile(uint64_t *random, struct profile *profile)
{
    profile->consent_in_doubt = random_below(random, 6) == 0;
    profile->consent_until = random_below(random, 3) ? 0 : hours_day(now) - 1 + random_below(random, 30);
    if (random_below(random, 3) == 0)
        profile->neighbourhood = (uint16_t)random_below(random, 4);
    if (random_below(random, 3) == 0)
        profile->locality = LOCALITY_EXACT;
}

static enum event any_event(uint64_t *random)
{
    static const enum event events[] = {
        EVENT_RECEIVED,  EVENT_ACCEPTED, EVENT_ACCEPTED, EVENT_ACCEPTED,    EVENT_REJECTED,  EVENT_STARTED,
        EVENT_STARTED,   EVENT_OFFERED,  EVENT_OFFERED,  EVENT_OVERDUE,     EVENT_OVERDUE,   EVENT_OVERDUE,
        EVENT_COMPLETED, EVENT_FAILED,   EVENT_PAUSED,   EVENT_RESUMED,     EVENT_RESUMED,   EVENT_PROGRESSED,
        EVENT_HELD,      EVENT_RELEASED, EVENT_PLACED,   EVENT_HANDED_BACK, EVENT_REOFFERED, EVENT_PRIORITISED,
        EVENT_UPDATED,   EVENT_LINKED,   EVENT_REVEALED, EVENT_ANNOTATED,   EVENT_SUBMITTED, EVENT_HUB_CLOSED,
    };
    static const enum event rare[] = {EVENT_CANCELLED, EVENT_TURNED_AWAY, EVENT_ENTERED_IN_ERROR, EVENT_ERASED};

    if (referral_has_ended(&referral) && random_below(random, 3) == 0)
        return EVENT_OUTCOME_CONFIRMED;
    if (random_below(random, referral_has_ended(&referral) ? 8 : 40) == 0)
        return rare[random_below(random, sizeof rare / sizeof rare[0])];
    return events[random_below(random, sizeof events / sizeof events[0])];
}

static bool takes_offer(enum event event)
{
    return event_causers(event) & WHO_HUB || event == EVENT_REOFFERED || event == EVENT_HUB_CLOSED;
}

/* Anybody says anything at any time; happens() asserts what must always hold. */
static void something_happens(uint64_t *random)
{
    struct cause cause = {.event = any_event(random)};
    struct referral before = referral;

    if (takes_offer(cause.event))
        cause.offer_number = any_offer(random, random_below(random, 4));
    cause.need = any_need(random);
    somebody_causes(random, &cause);
    something_changes(random);
    if (cause.event == EVENT_PLACED && !invented.network.services_count)
        return;
    prepare(random, &cause);
    if (cause.event == EVENT_OVERDUE && random_below(random, 4))
        now = referral_next_due(&referral) > now ? referral_next_due(&referral) : now;
    if (cause.event == EVENT_UPDATED) {
        before = referral;
        update_profile(random, &referral.profile);
    }
    if (cause.event == EVENT_LINKED) {
        if (referral.links_count == LINKS_MAX)
            return;
        referral.links[referral.links_count++] = (struct linked){3, LINK_SAME_PERSON};
    }
    happens(cause);
    if (cause.event == EVENT_UPDATED && !outcome.changed)
        referral = before;
}

static void random_story_begins(uint64_t *random)
{
    struct profile profile;

    network_at_random(&invented, random);
    for (uint32_t row = 0; row < invented.network.services_count; row++)
        invented.places[row] = (struct places){.total = random_below(random, 5), .used = random_below(random, 2)};
    invented.network.hops_max = 1 + random_below(random, 6);
    invented.network.deadlines.waiting_expiry_ms = random_below(random, 400) * HOUR_MS;
    profile = profile_at_random(&invented, random);
    profile.safeguarding = random_below(random, 20) == 0;
    profile.consent_in_doubt = random_below(random, 20) == 0;
    begin_in(&profile);
    if (random_below(random, 3) == 0)
        referral.profile.consent_until = hours_day(now) + random_below(random, 40);
    referral.message_back = (uint8_t)random_below(random, 16) & (CODE_BIT(BACK_GP) | CODE_BIT(BACK_REFERRER));
    referral.practice = random_below(random, 2) ? PARTY_CLINIC : PARTY_NONE;
}

Test(decide, in_random_stories_in_random_networks_no_need_and_no_place_is_lost)
{
    unsigned closed = 0, split = 0, several = 0, waited = 0, parts_ended = 0, signposted = 0;
    unsigned events[EVENT_ENQUIRY_EXPIRED + 1] = {0};

    for (unsigned run = 0; run < RANDOM_STORIES; run++) {
        uint64_t seed = random_seed(run), random = seed;

        story = seed;
        random_story_begins(&random);
        surgery_submits();
        signposted += outcome.entry.event == EVENT_SIGNPOSTED;
        for (int step = 0; step < 80; step++) {
            uint8_t parts = referral.parts_count;
            something_happens(&random);
            events[outcome.entry.event] += outcome.recorded;
            split += referral.parts_count > parts;
            several += outcome.entry.placed_count > 1;
            waited += outcome.recorded && outcome.entry.reason == REASON_WAITED_TOO_LONG;
            parts_ended += outcome.entry.event == EVENT_COMPLETED && outcome.recorded && !referral_has_ended(&referral);
        }
        closed += !referral_is_open(&referral);
    }
    cr_assert_gt(closed, RANDOM_STORIES / 20, "%u", closed);
    cr_assert(split > 10 && several > 10 && waited > 10 && parts_ended > 10 && signposted > 0, "%u %u %u %u %u", split,
              several, waited, parts_ended, signposted);
    for (int event = EVENT_OFFERED; event <= EVENT_OVERDUE; event++)
        cr_assert_gt(events[event], 0, "%s never happened", code_text(LIST_event, event));
    for (int event = EVENT_UPDATED; event <= EVENT_REVEALED; event++)
        cr_assert_gt(events[event], 0, "%s never happened", code_text(LIST_event, event));
    cr_assert_gt(events[EVENT_HUB_CLOSED], 0);
}

Test(decide, the_clock_alone_brings_every_referral_to_a_hub_or_before_a_person)
{
    for (int silent = 0; silent < 3; silent++) {
        surgery_submits();
        for (int i = 0; i < 3; i++)
            deadline_comes();
        assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
        cr_assert_eq(referral.offers_count, 3);
        begin();
    }
}

Test(decide, what_was_offered_to_a_hub_that_closes_goes_to_the_next_and_what_it_accepted_stays)
{
    surgery_submits();
    invented.hubs[HOME].status = HUB_CLOSED;
    happens((struct cause){.event = EVENT_HUB_CLOSED, .offer_number = referral.offers_count});
    assert_entry(EVENT_HUB_CLOSED, 1, 2);
    cr_assert_eq(outcome.entry.reason, REASON_HUB_CLOSED);
    assert_came_back(HOME);
    cr_assert_eq(referral.offers[0].state, STATE_CANCELLED);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    happens((struct cause){.event = EVENT_HUB_CLOSED, .offer_number = referral.offers_count});
    cr_assert(outcome.repeated);
    cr_assert_eq(referral.state, STATE_ACCEPTED);
}
