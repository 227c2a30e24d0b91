/* SPDX-License-Identifier: MIT
 * decide: conversations between a surgery, four hubs and the clock; and random ones, in which nothing may get lost. */
#include "daemon/core/decide.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define RANDOM_STORIES 400

static struct invented four;
static struct referral referral;
static struct outcome_of outcome;
static int64_t now;

static void begin(void)
{
    network_of_four(&four);
    now = NETWORKS_NOW_MS;
    referral = (struct referral){.number = 7, .sender = PARTY_SURGERY, .state = STATE_REQUESTED};
    referral.profile = profile_at_home();
}

TestSuite(decide, .init = begin);

static uint64_t story; /* the seed of a random one */
#define sound(statement) cr_assert(statement, "seed %lu: " #statement, story)

/* What must hold after every step, whatever it was. */
static void assert_sound(const struct referral *before, const struct cause *cause)
{
    uint32_t used = 0;

    if (outcome.refusal || outcome.repeated) {
        sound(memcmp(&referral, before, sizeof referral) == 0); /* what is refused or repeated changes nothing */
        sound(!outcome.changed && !outcome.recorded && outcome.place_taken < 0 && outcome.place_freed < 0);
        sound(outcome.entry.letters_count == 0);
        sound(!outcome.refusal || refusal_spec(outcome.refusal));
        return;
    }
    sound(outcome.changed);
    for (int row = HOME; row <= FAR; row++) {
        sound(four.places[row].used <= PLACES_OF_FOUR);
        used += four.places[row].used;
    }
    sound(used == (referral_current_offer(&referral) ? 1 : 0));
    sound(referral_is_open(&referral) == (referral.deadline > 0));
    sound(!referral_is_open(&referral) || referral.deadline > now || referral.deadline == before->deadline);
    sound(outcome.waits == (referral.business_status == BUSINESS_WAITLISTED));
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
}

/* Decides, and does with the places what a turn does. */
static void happens(struct cause cause)
{
    struct facts facts = {.network = &four.network, .places = four.places, .now = now, .verdicts = four.verdicts};
    struct referral before = referral;

    decide(&facts, &cause, &referral, &outcome);
    if (outcome.place_freed >= 0)
        four.places[outcome.place_freed].used--;
    if (outcome.place_taken >= 0)
        four.places[outcome.place_taken].used++;
    assert_sound(&before, &cause);
    if (outcome.recorded)
        referral.history++;
}

static void surgery_submits(void)
{
    happens((struct cause){.event = EVENT_SUBMITTED, .actor = PARTY_SURGERY});
}

static void hub_says(uint32_t hub, enum event event, uint8_t offer_number)
{
    happens((struct cause){.event = event, .actor = hub, .offer_number = offer_number});
}

static void hub_rejects(uint32_t hub, uint8_t offer_number, enum status_reason reason)
{
    happens((struct cause){.event = EVENT_REJECTED, .actor = hub, .offer_number = offer_number, .reason = reason});
}

static void surgery_cancels(void)
{
    happens((struct cause){.event = EVENT_CANCELLED, .actor = PARTY_SURGERY, .reason = REASON_NO_LONGER_NEEDED});
}

static void surgery_confirms(void)
{
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .actor = PARTY_SURGERY});
}

static void deadline_comes(void)
{
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
}

static void fill(int hub)
{
    four.places[hub].total = 0;
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

static void assert_entry(enum event event, uint8_t offer_number, uint8_t placed_offer)
{
    cr_assert(outcome.recorded);
    cr_assert_eq(outcome.entry.event, event, "%s", code_text(LIST_event, outcome.entry.event));
    cr_assert_eq(outcome.entry.offer_number, offer_number);
    cr_assert_eq(outcome.entry.placed_offer, placed_offer);
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
    }
}
#define NOBODY_TOLD() assert_told(0, NULL)
#define TOLD(...)                                                                                                      \
    assert_told(sizeof((struct letter[]){__VA_ARGS__}) / sizeof(struct letter), (struct letter[]){__VA_ARGS__})
#define SURGERY(type)                                                                                                  \
    {                                                                                                                  \
        PARTY_SURGERY, MESSAGE_##type, 0                                                                               \
    }
#define HUB(hub, type)                                                                                                 \
    {                                                                                                                  \
        PARTY_##hub, MESSAGE_##type, 0                                                                                 \
    }

static void assert_refused(enum refusal refusal)
{
    cr_assert_eq(outcome.refusal, refusal, "REF-%04d instead of REF-%04d", outcome.refusal, refusal);
}

/* ---- submitting ---- */

Test(decide, what_is_submitted_is_offered_to_the_nearest_hub)
{
    surgery_submits();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_SUBMITTED, 0, 1);
    assert_waits_for(40 * HOUR_MS, PARTY_HOME);
    TOLD(SURGERY(routed), HUB(HOME, offer));
    cr_assert_eq(referral.submitted_at, now);
    cr_assert_eq(referral.offers_count, 1);
    cr_assert_eq(referral.offers[0].hub, PARTY_HOME);
    cr_assert_eq(referral.offers[0].service, four.services[HOME].number);
    cr_assert_eq(referral.offers[0].state, STATE_REQUESTED);
    cr_assert_eq(referral.offers[0].made_at, now);
    cr_assert_eq(outcome.place_taken, HOME);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.service, four.services[HOME].number);
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
    four.network.version = 9;
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
    TOLD(SURGERY(routed));
    cr_assert(outcome.waits);
    cr_assert_eq(outcome.entry.decision.comparison, 0);
    cr_assert_eq(outcome.entry.decision.candidates_count, 3);
}

Test(decide, when_no_hub_meets_the_rules_a_person_must_look)
{
    referral.profile.need = NEED_HOUSING;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    assert_waits_for(25 * HOUR_MS, PARTY_NONE);
    TOLD(SURGERY(routed));
    cr_assert_eq(outcome.entry.decision.eligible, 0);
}

Test(decide, when_the_place_of_the_person_is_unknown_that_is_the_reason)
{
    referral.profile.need = NEED_HOUSING;
    referral.profile.locality = LOCALITY_UNKNOWN;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_UNKNOWN_LOCALITY);
}

Test(decide, a_safeguarding_concern_waits_for_a_person_and_no_hub_is_asked)
{
    referral.profile.safeguarding = true;
    surgery_submits();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_SAFEGUARDING);
    TOLD(SURGERY(routed));
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
    TOLD(SURGERY(answered), HUB(HOME, person));
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
    cr_assert_eq(outcome.entry.service, four.services[HOME].number);
    cr_assert_eq(outcome.place_freed, -1, "the place stays taken");
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
    TOLD(SURGERY(answered), SURGERY(routed), HUB(NEAR, offer));
    cr_assert_eq(outcome.place_freed, HOME);
    cr_assert_eq(outcome.place_taken, NEAR);
    cr_assert_eq(outcome.places_none, -1);
    cr_assert_eq(outcome.entry.reason, REASON_NOT_APPROPRIATE);
    cr_assert_eq(outcome.entry.hub, PARTY_NEAR);
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
    cr_assert_eq(outcome.places_none, HOME);
    cr_assert_eq(outcome.place_freed, HOME);
}

Test(decide, when_the_last_hub_has_declined_it_waits_for_those_that_are_full)
{
    fill(NEAR);
    fill(CITY);
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_REJECTED, 1, 0);
    TOLD(SURGERY(answered), SURGERY(routed));
    cr_assert_eq(outcome.place_freed, HOME);
    cr_assert_eq(outcome.place_taken, -1);
    cr_assert_eq(outcome.entry.hub, PARTY_HOME);
}

Test(decide, after_as_many_hubs_as_the_network_allows_a_person_must_look)
{
    four.network.hops_max = 2;
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
    assert_entry(EVENT_REJECTED, 2, 0);
    TOLD(SURGERY(answered), SURGERY(routed));
    cr_assert_not(outcome.entry.decision.made);
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_HOPS);
}

Test(decide, after_the_last_hub_of_all_a_person_must_look)
{
    surgery_submits();
    hub_rejects(PARTY_HOME, 1, REASON_OTHER);
    hub_rejects(PARTY_NEAR, 2, REASON_OTHER);
    four.network.hops_max = 12;
    hub_rejects(PARTY_CITY, 3, REASON_OTHER);
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
}

Test(decide, an_answer_that_comes_after_its_service_has_left_the_network_frees_no_place)
{
    surgery_submits();
    four.places[HOME].used = 0;
    four.hubs[HOME].services_count = 0;
    hub_rejects(PARTY_HOME, 1, REASON_CAPACITY);
    cr_assert_eq(outcome.place_freed, -1);
    cr_assert_eq(outcome.places_none, -1);
    assert_entry(EVENT_REJECTED, 1, 2);
}

/* ---- silence ---- */

Test(decide, when_a_hub_is_silent_the_next_is_asked)
{
    surgery_submits();
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFER_EXPIRED, 1, 2);
    assert_waits_for(40 * HOUR_MS, PARTY_NEAR);
    TOLD(HUB(HOME, withdrawn), SURGERY(routed), HUB(NEAR, offer));
    cr_assert_eq(outcome.entry.reason, REASON_SILENCE);
    cr_assert_eq(outcome.place_freed, HOME);
    cr_assert_eq(outcome.place_taken, NEAR);
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
    happens((struct cause){.event = EVENT_COMPLETED, .actor = PARTY_HOME, .offer_number = 1, .outcome = result});
}

Test(decide, when_help_begins_the_sender_is_told)
{
    hub_begins();
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_entry(EVENT_STARTED, 1, 0);
    assert_waits_for(500 * HOUR_MS, PARTY_HOME);
    TOLD(SURGERY(progressed));
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
    TOLD(SURGERY(ended));
    cr_assert_eq(referral.outcome, OUTCOME_BECAME_VOLUNTEER);
    cr_assert_eq(outcome.entry.outcome, OUTCOME_BECAME_VOLUNTEER);
    cr_assert_eq(outcome.place_freed, HOME);
    hub_helps(OUTCOME_BECAME_VOLUNTEER);
    cr_assert(outcome.repeated);
    happens((struct cause){.event = EVENT_FAILED, .actor = PARTY_HOME, .offer_number = 1, .reason = REASON_OTHER});
    assert_refused(REFUSAL_NOT_CURRENT);
}

Test(decide, help_in_part_and_at_once)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    hub_helps(OUTCOME_PARTLY);
    assert_stands(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    cr_assert_eq(outcome.place_freed, HOME);
}

Test(decide, help_that_failed_says_why)
{
    hub_begins();
    happens(
        (struct cause){.event = EVENT_FAILED, .actor = PARTY_HOME, .offer_number = 1, .reason = REASON_FAILED_CONTACT});
    assert_stands(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_FAILED_CONTACT);
    assert_entry(EVENT_FAILED, 1, 0);
    assert_waits_for(120 * HOUR_MS, PARTY_SURGERY);
    TOLD(SURGERY(ended));
    cr_assert_eq(outcome.place_freed, HOME);
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
    TOLD(SURGERY(progressed));
    deadline_comes();
    cr_assert_not(outcome.recorded);
    hub_says(PARTY_HOME, EVENT_STARTED, 1);
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    deadline_comes();
    assert_stands(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    cr_assert_eq(referral_overdue_reason(&referral), REASON_OVERDUE);
    TOLD(SURGERY(progressed));
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
    TOLD(HUB(HOME, withdrawn), SURGERY(ended));
    cr_assert_eq(outcome.place_freed, HOME);
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
    TOLD(SURGERY(ended));
    cr_assert_not(outcome.waits);
    assert_cancelled();
}

Test(decide, what_is_accepted_can_be_cancelled)
{
    surgery_submits();
    hub_says(PARTY_HOME, EVENT_ACCEPTED, 1);
    surgery_cancels();
    TOLD(HUB(HOME, withdrawn), SURGERY(ended));
    assert_cancelled();
}

Test(decide, what_is_in_progress_can_be_cancelled)
{
    hub_begins();
    surgery_cancels();
    TOLD(HUB(HOME, withdrawn), SURGERY(ended));
    cr_assert_eq(outcome.place_freed, HOME);
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
        happens((struct cause){.event = EVENT_CANCELLED, .actor = strangers[i], .reason = REASON_OTHER});
        assert_refused(REFUSAL_NOT_FOUND);
    }
}

/* ---- waiting ---- */

Test(decide, a_freed_place_goes_to_who_waits)
{
    fill_all();
    surgery_submits();
    four.places[NEAR].total = 1;
    happens((struct cause){.event = EVENT_OFFERED});
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFERED, 0, 1);
    TOLD(SURGERY(routed), HUB(NEAR, offer));
    cr_assert_not(outcome.waits);
    cr_assert_eq(outcome.place_taken, NEAR);
    happens((struct cause){.event = EVENT_OFFERED});
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
    cr_assert(outcome.waits);
    NOBODY_TOLD();
    assert_waits_for(100 * HOUR_MS, PARTY_NONE);
}

Test(decide, a_review_that_finds_a_place_offers_it)
{
    fill_all();
    surgery_submits();
    four.places[HOME].total = 1;
    deadline_comes();
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_entry(EVENT_OFFERED, 0, 1);
    TOLD(SURGERY(routed), HUB(HOME, offer));
}

Test(decide, a_review_that_finds_no_hub_any_more_brings_it_before_a_person)
{
    fill_all();
    surgery_submits();
    referral.profile.need = NEED_HOUSING;
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_ATTENTION, REASON_NO_HUB);
    assert_entry(EVENT_ATTENTION, 0, 0);
    TOLD(SURGERY(routed));
    referral.profile.need = NEED_BEFRIENDING;
    deadline_comes();
    assert_stands(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_entry(EVENT_WAITLISTED, 0, 0);
    TOLD(SURGERY(routed));
}

/* ---- anything ---- */

/* Anybody says anything at any time; happens() asserts what must always hold. */
static void something_happens(uint64_t *random)
{
    static const enum event events[] = {EVENT_RECEIVED,  EVENT_ACCEPTED, EVENT_REJECTED,          EVENT_STARTED,
                                        EVENT_COMPLETED, EVENT_FAILED,   EVENT_CANCELLED,         EVENT_OFFERED,
                                        EVENT_OVERDUE,   EVENT_ACCEPTED, EVENT_OUTCOME_CONFIRMED, EVENT_SUBMITTED};
    struct cause cause = {.event = events[random_below(random, 12)]};
    uint8_t current = referral_current_offer(&referral);

    cause.offer_number = current && random_below(random, 4) ? current : (uint8_t)random_below(random, 5);
    cause.actor = cause.offer_number && cause.offer_number <= referral.offers_count && random_below(random, 8)
                      ? referral.offers[cause.offer_number - 1].hub
                      : random_below(random, PARTY_CLINIC + 1);
    if (cause.event == EVENT_CANCELLED && random_below(random, 4) == 0)
        cause.actor = PARTY_SURGERY;
    cause.reason = (enum status_reason)(1 + random_below(random, REASON_ENTERED_IN_ERROR));
    cause.outcome = (enum outcome)(1 + random_below(random, OUTCOME_BECAME_VOLUNTEER));
    now += random_below(random, 2) ? 1 : HOUR_MS * random_below(random, 200);
    four.places[random_below(random, 4)].total = random_below(random, 2) * PLACES_OF_FOUR;
    four.hubs[random_below(random, 4)].status = random_below(random, 2) ? HUB_OPEN : HUB_PAUSED;
    happens(cause);
    if (outcome.places_none >= 0)
        four.places[outcome.places_none].total = 0;
}

Test(decide, in_random_stories_no_place_is_lost_and_every_open_one_has_a_deadline)
{
    unsigned closed = 0;
    unsigned events[EVENT_NETWORK_CHANGED + 1] = {0};

    for (unsigned run = 0; run < RANDOM_STORIES; run++) {
        uint64_t seed = random_seed(run), random = seed;

        story = seed;
        begin();
        surgery_submits();
        for (int step = 0; step < 60; step++) {
            something_happens(&random);
            if (outcome.recorded)
                events[outcome.entry.event]++;
        }
        closed += !referral_is_open(&referral);
    }
    cr_assert_gt(closed, RANDOM_STORIES / 20);
    for (int event = EVENT_OFFERED; event <= EVENT_OVERDUE; event++)
        cr_assert_gt(events[event], 0, "%s never happened", code_text(LIST_event, event));
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
    happens((struct cause){.event = EVENT_HUB_CLOSED});
    assert_entry(EVENT_HUB_CLOSED, 1, 2);
    cr_assert_eq(outcome.entry.reason, REASON_HUB_CLOSED);
    cr_assert_eq(outcome.place_freed, HOME);
    cr_assert_eq(referral.offers[0].state, STATE_CANCELLED);
    assert_stands(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    hub_says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    happens((struct cause){.event = EVENT_HUB_CLOSED});
    cr_assert(outcome.repeated);
    cr_assert_eq(referral.state, STATE_ACCEPTED);
}
