/* SPDX-License-Identifier: MIT
 * auditor_judge: at the end, when every mailbox has been read, each referral's story is put together from what its
 * sender and its hubs were told, and held against what they said, against the town and against one another. */
#include "tests/sim/auditor_inside.h"

#include <assert.h>
#include <stdlib.h>

#define OFFERS_MOST 24 /* that a referral can have in all */

const struct asked *auditor_asked_of(const struct auditor *auditor, const struct story *story)
{
    return &auditor->asked[story->asked - 1];
}

static bool is_to_hub(enum message_type type)
{
    return type == MESSAGE_offer || type == MESSAGE_person || type == MESSAGE_withdrawn || type == MESSAGE_updated ||
           type == MESSAGE_reminder;
}

/* ---- putting leases together ---- */

/* The offer of that number; without one, the first that the hub has in hand. */
static struct lease *lease_of(struct judgement *judgement, uint32_t from, int hub, int number)
{
    for (uint32_t i = from; i < judgement->count; i++) {
        struct lease *lease = &judgement->leases[i];
        if (lease->hub == hub && (number ? lease->number == number : lease->end == OPEN))
            return lease;
    }
    return NULL;
}

/* When all is known: the offer of that number; without one, the newest that the hub had then. */
static const struct lease *lease_then(const struct judgement *judgement, uint32_t from, int hub, int number, int64_t at)
{
    const struct lease *found = NULL;

    for (uint32_t i = from; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        bool had = lease->at <= at && (lease->end == OPEN || lease->ended_at >= at);
        if (lease->hub == hub && (number ? lease->number == number : had))
            found = lease;
    }
    return found;
}

/* An operator may have chosen that hub in that moment. */
static bool may_be_by_hand(const struct auditor *auditor, uint64_t referral, const struct happening *offer)
{
    const struct story *story = &auditor->stories[referral];

    for (uint32_t i = 0; i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type == MESSAGE_place && change->hub == offer->party && change->said_at <= offer->at &&
            (!change->done_at || change->done_at >= offer->at))
            return true;
    }
    return false;
}

static void add_lease(struct judgement *judgement, uint64_t referral, const struct story *story,
                      const struct happening *happening)
{
    judgement->leases = array_grow(judgement->leases, judgement->count, &judgement->room, sizeof judgement->leases[0]);
    judgement->leases[judgement->count++] =
        (struct lease){.referral = referral,
                       .asked = auditor_asked_of(judgement->auditor, story),
                       .story = story,
                       .number = happening->offer_number,
                       .hub = happening->party,
                       .needs = happening->needs,
                       .services = happening->services,
                       .ask_first = happening->ask_first,
                       .by_hand = may_be_by_hand(judgement->auditor, referral, happening),
                       .at = happening->at,
                       .deadline = happening->deadline};
}

static void end_lease(struct judgement *judgement, struct lease *lease, enum end end, int64_t at)
{
    if (!lease)
        return;
    if (lease->end != OPEN)
        BLAME(judgement, lease->referral, "offer %d ends twice", lease->number);
    lease->end = end;
    lease->ended_at = at;
}

/* What came of it is told to the sender only as far as the person agreed. */
static bool tells_all(const struct lease *lease)
{
    return lease->asked->person->back >> BACK_REFERRER & 1;
}

/* 0 stands for a reason, or an outcome, that is not told. */
static bool said(const struct auditor *auditor, const struct lease *lease, enum message_type type,
                 enum status_reason reason, enum outcome outcome, int64_t until)
{
    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *asked = &auditor->asked[i];
        if (asked->type == type && asked->party == lease->hub && asked->referral == lease->referral &&
            asked->offer_number == lease->number && (asked->reason == reason || (!reason && !tells_all(lease))) &&
            (asked->outcome == outcome || (!outcome && !tells_all(lease))) && asked->said_at <= until)
            return true;
    }
    return false;
}

/* A hub that has no capacity has no places of those services from now on. */
static void state_none(struct auditor *auditor, const struct lease *lease, int64_t at, bool certain)
{
    for (int i = 0; i < TOWN_SERVICES_MAX; i++) {
        const struct town_service *service = &auditor->town->parties[lease->hub].services[i];
        int hub = service->shares_hub < 0 ? lease->hub : service->shares_hub;
        int row = service->shares_hub < 0 ? i : service->shares_service;
        if (lease->services >> i & 1)
            auditor_state(auditor, (struct statement){hub, row, at, 0, certain, true});
    }
}

static void judge_answered(struct judgement *judgement, const struct happening *happening, struct lease *lease)
{
    struct auditor *auditor = judgement->auditor;

    if (happening->parts[0].needs != lease->needs)
        BLAME(judgement, lease->referral, "the answer to offer %d is about other needs", lease->number);
    if (happening->state == STATE_ACCEPTED) {
        if (lease->accepted_at || lease->end != OPEN)
            BLAME(judgement, lease->referral, "offer %d was accepted twice or too late", lease->number);
        if (!said(auditor, lease, MESSAGE_accept, 0, 0, happening->at))
            BLAME(judgement, lease->referral, "the hub of offer %d never accepted it", lease->number);
        lease->accepted_at = happening->at;
        clock_tick(lease, (struct tick){.kind = TICK_BEGINS, .at = happening->at, .stage = STAGE_CONTACT});
        return;
    }
    if (!said(auditor, lease, MESSAGE_reject, happening->reason, 0, happening->at))
        BLAME(judgement, lease->referral, "the hub of offer %d never rejected it so", lease->number);
    end_lease(judgement, lease, REJECTED, happening->at);
    if (happening->reason == REASON_CAPACITY)
        state_none(auditor, lease, happening->at, true);
}

static bool sender_cancelled(const struct auditor *auditor, uint64_t referral, int64_t until)
{
    return law_was_said(auditor, referral, MESSAGE_cancel, until);
}

/* Why an offer or a case is taken back, against who may have wanted that. */
static bool may_be_withdrawn(const struct judgement *judgement, const struct lease *lease,
                             const struct happening *happening)
{
    const struct auditor *auditor = judgement->auditor;
    uint64_t referral = lease->referral;
    int64_t at = happening->at;

    switch ((int)happening->reason) {
    case REASON_SILENCE:
        return true; /* its clock is judged */
    case REASON_HUB_CLOSED:
        return !lease->accepted_at &&
               law_may_stand(auditor, lease->hub, at, BIT_OF(HUB_CLOSED) | BIT_OF(HUB_PAUSED) | BIT_OF(HUB_PLANNED));
    case REASON_CONSENT_IN_DOUBT:
        return !lease->accepted_at && law_is_held(auditor, lease->asked, at) != MAY_NOT;
    case REASON_WITHDRAWN_BY_SENDER:
    case REASON_ENTERED_IN_ERROR:
        return law_was_said(auditor, referral, MESSAGE_cancel, at);
    case REASON_HELD:
        return !lease->accepted_at && law_was_said(auditor, referral, MESSAGE_hold, at);
    case REASON_MOVED:
        return law_was_said(auditor, referral, MESSAGE_reoffer, at) ||
               (!lease->accepted_at && law_was_said(auditor, referral, MESSAGE_place, at));
    case REASON_RECORD_DAMAGED:
        return auditor->stories[referral].erased_at != 0;
    default:
        return !lease->accepted_at && law_was_said(auditor, referral, MESSAGE_turn_away, at);
    }
}

static void judge_withdrawn(struct judgement *judgement, const struct happening *happening, struct lease *lease)
{
    bool silence = happening->reason == REASON_SILENCE;

    if (!may_be_withdrawn(judgement, lease, happening))
        BLAME(judgement, lease->referral, "offer %d was withdrawn without a reason: %s", lease->number,
              code_text(LIST_status_reason, (int)happening->reason));
    if (happening->reason == REASON_RECORD_DAMAGED)
        return; /* in place of what told about a person who was erased meanwhile */
    if (lease->end != OPEN && happening->reason == REASON_ENTERED_IN_ERROR)
        return; /* it knows the person from a case that had ended */
    if (silence)
        clock_tick(lease, (struct tick){.kind = TICK_SILENCE, .at = happening->at});
    lease->taken_back = happening->reason == REASON_HUB_CLOSED || happening->reason == REASON_HELD ||
                        happening->reason == REASON_CONSENT_IN_DOUBT;
    end_lease(judgement, lease, silence || happening->reason == REASON_HUB_CLOSED ? EXPIRED : CANCELLED, happening->at);
}

/* The help with these needs has ended, as the hub that had them said. */
static void judge_help_ended(struct judgement *judgement, uint64_t referral, const struct standing_told *part,
                             struct lease *lease, int64_t at)
{
    bool completed = part->state == STATE_COMPLETED;

    if (!lease || !lease->accepted_at) {
        BLAME(judgement, referral, "%s", "ended by a hub that had not accepted it");
        return;
    }
    if (lease->needs != part->needs)
        BLAME(judgement, referral, "the end of offer %d is about other needs", lease->number);
    if (!said(judgement->auditor, lease, completed ? MESSAGE_complete : MESSAGE_fail, completed ? 0 : part->reason,
              completed && tells_all(lease) ? part->outcome : 0, at))
        BLAME(judgement, referral, "%s", "ended with an outcome that its hub never reported");
    end_lease(judgement, lease, completed ? COMPLETED : FAILED, at);
}

static void judge_signposted(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from,
                             const struct happening *happening)
{
    const struct asked *asked = auditor_asked_of(judgement->auditor, story);
    uint64_t met = 0;

    if (asked->person->tier != TIER_UNIVERSAL || judgement->count > from)
        BLAME(judgement, referral, "%s", "was signposted, and had a hub or needs one");
    if (!happening->signposts_count)
        BLAME(judgement, referral, "%s", "was signposted to nowhere");
    for (int i = 0; i < happening->signposts_count; i++) {
        uint64_t fits = 0;
        for (int n = 0; n < TOWN_NEEDS && happening->signpost_services[i] >= 0; n++)
            if (asked->person->needs >> town_needs[n] & 1 &&
                law_signpost(judgement->auditor, asked, town_needs[n], happening->signpost_hubs[i],
                             happening->signpost_services[i], happening->at) != MAY_NOT)
                fits |= BIT_OF(town_needs[n]);
        if (!fits && !judgement->auditor->services_go)
            BLAME(judgement, referral, "signposted to a place that is not for them, the %dth", i + 1);
        met |= fits;
    }
    if ((asked->person->needs & ~met) && !judgement->auditor->services_go)
        BLAME(judgement, referral, "%s", "was signposted, and for one of the needs is nowhere to go");
}

/* What all parts together come to. */
static void judge_whole(struct judgement *judgement, uint64_t referral, const struct happening *happening)
{
    const struct standing_told *failed = NULL;
    int completed = 0, cancelled = 0, in_full = 0;
    enum state expected = STATE_FAILED;

    for (int i = 0; i < happening->parts_count; i++) {
        const struct standing_told *part = &happening->parts[i];
        completed += part->state == STATE_COMPLETED;
        in_full += part->state == STATE_COMPLETED && part->outcome != OUTCOME_PARTLY;
        cancelled += part->state == STATE_CANCELLED;
        if (part->state == STATE_FAILED && !failed)
            failed = part;
    }
    if (happening->state == STATE_ENTERED_IN_ERROR || happening->state == STATE_REJECTED)
        return; /* by somebody's word */
    if (cancelled)
        expected = STATE_CANCELLED;
    else if (completed)
        expected = STATE_COMPLETED;
    if (happening->state != expected)
        BLAME(judgement, referral, "ended as %s, which does not follow from its parts",
              code_text(LIST_state, (int)happening->state));
    if (expected == STATE_COMPLETED && happening->outcome &&
        (happening->outcome == OUTCOME_PARTLY) != (in_full < happening->parts_count))
        BLAME(judgement, referral, "%d of %d parts got help in full, and the outcome is %s", in_full,
              happening->parts_count, code_text(LIST_outcome, (int)happening->outcome));
    if (expected == STATE_FAILED && failed && happening->reason && happening->reason != failed->reason)
        BLAME(judgement, referral, "failed for %s, its first part for another reason",
              code_text(LIST_status_reason, (int)happening->reason));
}

static void judge_ended(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from,
                        const struct happening *happening)
{
    if (happening->business == BUSINESS_SIGNPOSTED) {
        judge_signposted(judgement, referral, story, from, happening);
        return;
    }
    if (happening->state == STATE_ENTERED_IN_ERROR && !sender_cancelled(judgement->auditor, referral, happening->at))
        BLAME(judgement, referral, "%s", "was taken back, and nobody said so");
    if (happening->state == STATE_REJECTED &&
        !law_was_said(judgement->auditor, referral, MESSAGE_turn_away, happening->at))
        BLAME(judgement, referral, "%s", "was turned away by nobody");
    if (happening->state == STATE_ENTERED_IN_ERROR)
        return;
    judge_whole(judgement, referral, happening);
    for (int i = 0; i < happening->parts_count; i++) {
        const struct standing_told *part = &happening->parts[i];
        struct lease *lease = lease_of(judgement, from, part->hub, part->offer_number);
        if (part->state == STATE_CANCELLED && !sender_cancelled(judgement->auditor, referral, happening->at))
            BLAME(judgement, referral, "%s", "ended as cancelled, but its sender never said so");
        if (part->state == STATE_CANCELLED || part->state == STATE_REJECTED)
            continue;
        if (part->state != STATE_COMPLETED && part->state != STATE_FAILED)
            BLAME(judgement, referral, "ended, and a part is %s", code_text(LIST_state, (int)part->state));
        else if (!lease || lease->end == OPEN)
            judge_help_ended(judgement, referral, part, lease, happening->at);
        else if (lease->end != (part->state == STATE_COMPLETED ? COMPLETED : FAILED))
            BLAME(judgement, referral, "offer %d ended otherwise than its part", lease->number);
    }
}

/* Progress says what kind of help it was, not its outcome. */
static struct standing_told with_outcome(struct standing_told part)
{
    if (part.state == STATE_COMPLETED)
        part.outcome = part.business == BUSINESS_PARTLY ? OUTCOME_PARTLY : OUTCOME_GOT_HELP;
    return part;
}

/* Which step begins anew with that word of the hub; 0: none. */
static enum stage stage_begun(const struct judgement *judgement, const struct lease *lease,
                              const struct happening *happening)
{
    const struct auditor *auditor = judgement->auditor;
    int64_t at = happening->at;

    if (happening->business == BUSINESS_PAUSED)
        return said(auditor, lease, MESSAGE_pause, 0, 0, at) ? STAGE_PAUSE : 0;
    bool goes_on = said(auditor, lease, MESSAGE_start, 0, 0, at) || said(auditor, lease, MESSAGE_resume, 0, 0, at);
    return goes_on ? STAGE_PROGRESS : 0;
}

static void judge_handed_back(struct judgement *judgement, uint64_t referral, const struct happening *happening,
                              struct lease *lease)
{
    if (!lease->accepted_at || !said(judgement->auditor, lease, MESSAGE_hand_back, happening->reason, 0, happening->at))
        BLAME(judgement, referral, "the hub of offer %d never handed it back so", lease->number);
    end_lease(judgement, lease, FAILED, happening->at);
    lease->handed_back = true;
    if (happening->reason == REASON_CAPACITY)
        state_none(judgement->auditor, lease, happening->at, true);
    else if (!happening->reason &&
             said(judgement->auditor, lease, MESSAGE_hand_back, REASON_CAPACITY, 0, happening->at))
        state_none(judgement->auditor, lease, happening->at, false); /* it may have said another reason, too */
}

static void judge_progressed(struct judgement *judgement, uint64_t referral, const struct story *story,
                             const struct happening *happening, struct lease *lease)
{
    int64_t expiry = judgement->auditor->town->waiting_expiry_ms;
    const struct standing_told part = with_outcome(happening->parts[0]);

    if (happening->reason == REASON_WAITED_TOO_LONG) {
        if (happening->at < story->submitted_at + expiry)
            BLAME(judgement, referral, "%s", "told that it has waited too long, and has not");
        return;
    }
    if (!lease || !lease->accepted_at)
        BLAME(judgement, referral, "%s", "progress at a hub that has not accepted it");
    else if (happening->state == STATE_COMPLETED || happening->state == STATE_FAILED)
        judge_help_ended(judgement, referral, &part, lease, happening->at);
    else if (happening->reason == REASON_OVERDUE)
        clock_tick(lease, (struct tick){.kind = TICK_OVERDUE, .at = happening->at});
    else if (happening->reason == REASON_CONSENT_IN_DOUBT)
        return;
    else if (auditor_is_aside(happening))
        judge_handed_back(judgement, referral, happening, lease);
    else if (!stage_begun(judgement, lease, happening))
        BLAME(judgement, referral, "the hub of offer %d never said that it goes on so", lease->number);
    else
        clock_tick(
            lease,
            (struct tick){.kind = TICK_BEGINS, .at = happening->at, .stage = stage_begun(judgement, lease, happening)});
}

static void judge_reminder(const struct happening *happening, struct lease *lease)
{
    clock_tick(lease, (struct tick){.kind = TICK_REMINDED,
                                    .at = happening->at,
                                    .stage = happening->stage,
                                    .deadline = happening->deadline});
}

/* Whether somebody had to decide first, against why it is told to wait for a person. */
static void judge_why_held(struct judgement *judgement, uint64_t referral, const struct story *story,
                           const struct happening *happening, const struct standing_told *part)
{
    const struct asked *asked = auditor_asked_of(judgement->auditor, story);
    enum may held = law_is_held(judgement->auditor, asked, happening->at);
    bool told_held = part->reason == REASON_SAFEGUARDING || part->reason == REASON_CONSENT_IN_DOUBT ||
                     part->reason == REASON_OUTSIDE;
    bool is_usual = !law_was_touched(judgement->auditor, referral, happening->at) && !asked->person->consent_until;

    if (part->business != BUSINESS_ATTENTION && !is_usual)
        return;
    if ((told_held && held == MAY_NOT) || (!told_held && held == MAY && is_usual))
        BLAME(judgement, referral, "routed for the reason %s", code_text(LIST_status_reason, (int)part->reason));
}

static void judge_routed(struct judgement *judgement, uint64_t referral, const struct story *story,
                         const struct happening *happening)
{
    int64_t expires_at = story->submitted_at + judgement->auditor->town->waiting_expiry_ms;

    if (happening->expires_at && happening->expires_at != expires_at)
        BLAME(judgement, referral, "is told that it expires at %lld", (long long)happening->expires_at);
    for (int i = 0; i < happening->parts_count; i++) {
        const struct standing_told *part = &happening->parts[i];
        judge_why_held(judgement, referral, story, happening, part);
        if (part->business == BUSINESS_HELD && !law_was_said(judgement->auditor, referral, MESSAGE_hold, happening->at))
            BLAME(judgement, referral, "%s", "is held by nobody");
        if (part->business == BUSINESS_WAITLISTED &&
            (part->hub >= 0 || (part->needs & (part->needs - 1) && happening->parts_count > 1)))
            BLAME(judgement, referral, "%s", "waits, and yet names a hub or several needs");
    }
}

/* A hub learns who the person is when it has accepted, and what is new as long as it has the case. */
static void judge_updated(struct judgement *judgement, const struct happening *happening, const struct lease *lease)
{
    if (!lease->accepted_at || (lease->end != OPEN && lease->ended_at < happening->at))
        BLAME(judgement, lease->referral, "%s is told what is new, and has no case",
              judgement->auditor->town->parties[lease->hub].id);
}

static void judge_happening(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from,
                            const struct happening *happening)
{
    bool by_hub = is_to_hub(happening->type);
    struct lease *lease =
        lease_of(judgement, from, by_hub ? happening->party : happening->hub, happening->offer_number);
    bool needs_lease = happening->type == MESSAGE_answered || happening->type == MESSAGE_withdrawn ||
                       happening->type == MESSAGE_person || happening->type == MESSAGE_reminder ||
                       happening->type == MESSAGE_updated;

    if (needs_lease && !lease && story->erased_at) {
        judgement->auditor->offers_are_hidden = true; /* the offer went out without the person */
        return;
    }
    if (needs_lease && !lease)
        BLAME(judgement, referral, "%s about an offer that was never made", message_spec(happening->type)->name);
    else if (happening->type == MESSAGE_answered)
        judge_answered(judgement, happening, lease);
    else if (happening->type == MESSAGE_withdrawn)
        judge_withdrawn(judgement, happening, lease);
    else if (happening->type == MESSAGE_updated)
        judge_updated(judgement, happening, lease);
    else if (happening->type == MESSAGE_reminder)
        judge_reminder(happening, lease);
    else if (happening->type == MESSAGE_progressed)
        judge_progressed(judgement, referral, story, happening, lease);
    else if (happening->type == MESSAGE_ended)
        judge_ended(judgement, referral, story, from, happening);
    else if (happening->type == MESSAGE_person && happening->needs != lease->needs)
        BLAME(judgement, referral, "offer %d and who it is about tell of different needs", lease->number);
    else if (happening->type == MESSAGE_person)
        lease->person = true;
    else if (happening->type == MESSAGE_routed)
        judge_routed(judgement, referral, story, happening);
}

/* ---- every need in one place ---- */

static bool holds(const struct lease *lease, int64_t at)
{
    return lease->at < at && (lease->end == OPEN || lease->ended_at > at);
}

static bool is_with_hub(const struct standing_told *part)
{
    return part->state == STATE_RECEIVED || auditor_is_case(part->state, part->business);
}

/* What the sender is told of some needs against who has them. */
static void judge_place(struct judgement *judgement, uint64_t referral, uint32_t from, int64_t at,
                        const struct standing_told *part)
{
    const struct lease *told = lease_then(judgement, from, part->hub, part->offer_number, at);

    if (is_with_hub(part) &&
        (!told || told->needs != part->needs || told->at > at || (told->end != OPEN && told->ended_at < at)))
        BLAME(judgement, referral, "its sender is told at %lld of an offer or case that there is not", (long long)at);
    for (uint32_t i = from; i < judgement->count && part->state != STATE_REJECTED; i++) {
        const struct lease *lease = &judgement->leases[i];
        if (lease->needs & part->needs && holds(lease, at) && (!is_with_hub(part) || lease != told))
            BLAME(judgement, referral, "its sender is told at %lld that a need is %s, and offer %d has it",
                  (long long)at, code_text(LIST_state, (int)part->state), lease->number);
    }
}

/* Why a need is before a person. */
static void judge_attention(struct judgement *judgement, uint64_t referral, const struct story *story, int64_t at,
                            const struct standing_told *part)
{
    const struct person *person = auditor_asked_of(judgement->auditor, story)->person;
    struct limits hops = law_hops(judgement->auditor, at);

    if (part->business != BUSINESS_ATTENTION)
        return;
    if (law_was_touched(judgement->auditor, referral, at))
        return;
    if (part->reason == REASON_HOPS && places_offers_about(judgement, referral, part->needs, at) < hops.least &&
        places_offers_about(judgement, referral, person->needs, at) + TOWN_NEEDS < OFFERS_MOST)
        BLAME(judgement, referral, "%s", "held for its hops, and was offered fewer times");
    if (part->reason == REASON_UNKNOWN_LOCALITY && person->located)
        BLAME(judgement, referral, "%s", "its place is known, and said to be unknown");
}

static bool is_news(const struct standing_told before[TOWN_NEEDS], const struct standing_told *part)
{
    for (int n = 0; n < TOWN_NEEDS; n++)
        if (part->needs >> town_needs[n] & 1 &&
            (before[n].business != part->business || before[n].reason != part->reason))
            return true;
    return false;
}

static void judge_places_told(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    struct standing_told before[TOWN_NEEDS] = {0};

    if (story->erased_at)
        return; /* some hubs were not told of their offers any more */
    for (uint32_t i = 0; i < story->count; i++) {
        const struct happening *happening = &story->happenings[i];
        for (int p = 0; p < happening->parts_count && !auditor_is_aside(happening); p++) {
            const struct standing_told *part = &happening->parts[p];
            judge_place(judgement, referral, from, happening->at, part);
            if (is_news(before, part))
                judge_attention(judgement, referral, story, happening->at, part);
            for (int n = 0; n < TOWN_NEEDS; n++)
                if (part->needs >> town_needs[n] & 1)
                    before[n] = *part;
        }
    }
}

/* ---- one referral ---- */

static void judge_rules(struct judgement *judgement, const struct lease *lease)
{
    const struct auditor *auditor = judgement->auditor;
    uint64_t met = 0;

    if (lease->by_hand)
        return;
    for (int n = 0; n < TOWN_NEEDS; n++)
        for (int i = 0; i < TOWN_SERVICES_MAX; i++)
            if (lease->needs >> town_needs[n] & 1 && lease->services >> i & 1 &&
                law_allow(auditor, lease->asked, town_needs[n], lease->hub, i, lease->at) != MAY_NOT)
                met |= BIT_OF(town_needs[n]);
    if (!lease->services && auditor->services_go) /* told as a former one */
        return;
    if (!lease->needs || !lease->services || met != lease->needs)
        BLAME(judgement, lease->referral, "offered to %s against the rules at %lld",
              auditor->town->parties[lease->hub].id, (long long)lease->at);
    if (!law_may_stand(auditor, lease->hub, lease->at, BIT_OF(HUB_OPEN)))
        BLAME(judgement, lease->referral, "offered to %s, which is not open", auditor->town->parties[lease->hub].id);
}

static void judge_former(struct judgement *judgement, const struct lease *former, const struct lease *lease)
{
    const struct town_party *hub = &judgement->auditor->town->parties[lease->hub];

    if (!(former->needs & lease->needs))
        return;
    if (former->hub == lease->hub && !hub->ask_again && !former->taken_back && !lease->by_hand)
        BLAME(judgement, lease->referral, "%s is asked twice about one need", hub->id);
    if (former->end == OPEN || former->ended_at > lease->at)
        BLAME(judgement, lease->referral, "held by two hubs at once, offers %d and %d", former->number, lease->number);
}

static void judge_hops(struct judgement *judgement, const struct lease *lease)
{
    if (lease->by_hand || law_was_said(judgement->auditor, lease->referral, MESSAGE_release, lease->at))
        return;
    for (int n = 0; n < TOWN_NEEDS; n++)
        if (lease->needs >> town_needs[n] & 1 &&
            places_offers_about(judgement, lease->referral, BIT_OF(town_needs[n]), lease->at) >
                law_hops(judgement->auditor, lease->at).most)
            BLAME(judgement, lease->referral, "%s", "more offers about one need than the network allows");
}

static void judge_offers(struct judgement *judgement, uint32_t from)
{
    const struct auditor *auditor = judgement->auditor;

    for (uint32_t i = from; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        const char *id = auditor->town->parties[lease->hub].id;
        if (lease->number != (int)(i - from) + 1 && !lease->story->erased_at)
            BLAME(judgement, lease->referral, "offer number %d is the %uth", lease->number, i - from + 1);
        judge_rules(judgement, lease);
        judge_hops(judgement, lease);
        for (uint32_t j = from; j < i; j++)
            judge_former(judgement, &judgement->leases[j], lease);
        if (lease->person != (lease->accepted_at != 0))
            BLAME(judgement, lease->referral, "%s was told who it is: %d, has accepted: %d", id, lease->person,
                  lease->accepted_at != 0);
        clock_judge(judgement, lease);
        if (lease->end == OPEN && lease->story->ended)
            BLAME(judgement, lease->referral, "has ended, and %s still has it", id);
    }
}

static int by_number(const void *a, const void *b)
{
    const struct lease *one = a, *other = b;

    return (one->number > other->number) - (one->number < other->number);
}

static int earlier(const void *a, const void *b)
{
    const struct happening *one = a;
    const struct happening *other = b;

    if (one->at != other->at)
        return one->at < other->at ? -1 : 1;
    if (one->party != other->party)
        return one->party < other->party ? -1 : 1;
    return (one->mailbox_number > other->mailbox_number) - (one->mailbox_number < other->mailbox_number);
}

/* Who only needs to know where to go has no case, when there is a place to go to: when they came, and still when the
 * first hub was asked, which may be days later. */
static void judge_tier(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    const struct auditor *auditor = judgement->auditor;
    const struct asked *asked = auditor_asked_of(auditor, story);
    uint64_t met = 0;

    if (asked->person->tier != TIER_UNIVERSAL || judgement->count == from)
        return;
    for (int hub = 0; hub < auditor->town->parties_count; hub++)
        for (int i = 0; i < auditor->town->parties[hub].services_count; i++)
            for (int n = 0; n < TOWN_NEEDS; n++)
                if (law_signpost(auditor, asked, town_needs[n], hub, i, story->submitted_at) == MAY &&
                    law_signpost(auditor, asked, town_needs[n], hub, i, judgement->leases[from].at) == MAY)
                    met |= BIT_OF(town_needs[n]);
    if ((asked->person->needs & ~met) == 0)
        BLAME(judgement, referral, "%s", "became a case, and for every need there was a place to go to");
}

/* An offer is told again, under its number, when its sender or an operator has changed something. */
static bool is_told_again(struct judgement *judgement, uint32_t from, const struct happening *offer)
{
    for (uint32_t i = from; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        if (lease->number != offer->offer_number || lease->hub != offer->party)
            continue;
        if (!law_was_said(judgement->auditor, lease->referral, MESSAGE_update, offer->at) &&
            !law_was_said(judgement->auditor, lease->referral, MESSAGE_prioritise, offer->at))
            BLAME(judgement, lease->referral, "offer %d is made twice", lease->number);
        return true;
    }
    return false;
}

static void judge_story(struct judgement *judgement, uint64_t referral, struct story *story)
{
    uint32_t from = judgement->count;
    int ended = 0;

    if (story->count > 0)
        qsort(story->happenings, story->count, sizeof story->happenings[0], earlier);
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_offer && !is_told_again(judgement, from, &story->happenings[i]))
            add_lease(judgement, referral, story, &story->happenings[i]);
    if (judgement->count > from)
        qsort(judgement->leases + from, judgement->count - from, sizeof judgement->leases[0], by_number);
    for (uint32_t i = 0; i < story->count; i++) {
        if (ended && auditor_is_to_sender(story->happenings[i].type) &&
            story->happenings[i].state != STATE_ENTERED_IN_ERROR)
            BLAME(judgement, referral, "%s after its end", message_spec(story->happenings[i].type)->name);
        if (story->happenings[i].type != MESSAGE_offer)
            judge_happening(judgement, referral, story, from, &story->happenings[i]);
        ended += story->happenings[i].type == MESSAGE_ended;
    }
    judge_offers(judgement, from);
    rights_judge_story(judgement, referral, story, from);
    judge_places_told(judgement, referral, story, from);
    judge_tier(judgement, referral, story, from);
}

/* ---- promises to requests ---- */

static const struct lease *lease_about(const struct judgement *judgement, const struct asked *asked)
{
    for (uint32_t i = 0; i < judgement->count; i++)
        if (judgement->leases[i].referral == asked->referral && judgement->leases[i].number == asked->offer_number)
            return &judgement->leases[i];
    return NULL;
}

static bool lease_of_hub(const struct judgement *judgement, uint64_t referral, int hub)
{
    for (uint32_t i = 0; i < judgement->count; i++)
        if (judgement->leases[i].referral == referral && judgement->leases[i].hub == hub)
            return true;
    return false;
}

static void judge_answer(struct judgement *judgement, const struct asked *asked)
{
    const struct lease *lease = lease_about(judgement, asked);
    bool own = lease && lease->hub == asked->party;
    bool taken = lease && lease->accepted_at;
    const char *name = message_spec(asked->type)->name;

    if (judgement->auditor->town->parties[asked->party].role > ROLE_HUB)
        return;
    bool hidden = !lease && judgement->auditor->stories[asked->referral].erased_at; /* the offer was never told */
    if (asked->refusal == REFUSAL_OFFER_ENDED && !hidden &&
        (!own || lease->end == OPEN || lease->ended_at > asked->refused_at))
        BLAME(judgement, asked->referral, "%s was refused as if offer %d had ended", name, asked->offer_number);
    if (asked->refusal == REFUSAL_NOT_FOUND && own && lease->at < asked->refused_at)
        BLAME(judgement, asked->referral, "%s of the hub's own offer %d was not found", name, asked->offer_number);
    if (!asked->agreed)
        return;
    if (!own)
        BLAME(judgement, asked->referral, "%s of another's offer %d was taken", name, asked->offer_number);
    else if ((asked->type == MESSAGE_reject) != (lease->end == REJECTED) || (asked->type != MESSAGE_reject && !taken))
        BLAME(judgement, asked->referral, "%s of offer %d was answered as done, but its story says otherwise", name,
              asked->offer_number);
    else if ((asked->type == MESSAGE_complete && lease->end != COMPLETED) ||
             ((asked->type == MESSAGE_fail || asked->type == MESSAGE_hand_back) && lease->end != FAILED) ||
             (asked->type == MESSAGE_hand_back && asked->done && !lease->handed_back))
        BLAME(judgement, asked->referral, "%s of offer %d has not ended its part so", name, asked->offer_number);
}

static void judge_cancel(struct judgement *judgement, const struct asked *asked)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *story = asked->referral < auditor->stories_count ? &auditor->stories[asked->referral] : NULL;

    if (!asked->agreed || !story || !story->asked)
        return;
    if (auditor_asked_of(auditor, story)->party != asked->party &&
        auditor->town->parties[asked->party].role != ROLE_OPERATOR)
        BLAME(judgement, asked->referral, "%s", "cancelled by somebody who did not send it");
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_ended &&
            (story->happenings[i].state == STATE_CANCELLED || story->happenings[i].state == STATE_ENTERED_IN_ERROR))
            return;
    BLAME(judgement, asked->referral, "%s", "cancel was answered as done, but it did not end so");
}

/* Each sees only its own: what it sent, and what it was asked about. */
static void judge_status(struct judgement *judgement, const struct asked *asked)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *story = asked->referral < auditor->stories_count ? &auditor->stories[asked->referral] : NULL;
    bool sent = story && story->asked && auditor_asked_of(auditor, story)->party == asked->party;
    bool asked_about =
        lease_of_hub(judgement, asked->referral, asked->party) || auditor->town->parties[asked->party].role > ROLE_HUB;

    if (asked->agreed && !sent && !asked_about)
        BLAME(judgement, asked->referral, "%s sees it, and has nothing to do with it",
              auditor->town->parties[asked->party].id);
    /* A number may have been guessed before the referral was stored under it. */
    if (asked->refusal && sent && story->count && asked->said_at > story->happenings[0].at)
        BLAME(judgement, asked->referral, "its sender %s may not see it", auditor->town->parties[asked->party].id);
}

static void judge_requests(struct judgement *judgement)
{
    for (uint32_t i = 0; i < judgement->auditor->asked_count; i++) {
        const struct asked *asked = &judgement->auditor->asked[i];
        if (asked->type == MESSAGE_cancel)
            judge_cancel(judgement, asked);
        else if (asked->type == MESSAGE_status)
            judge_status(judgement, asked);
        else if (asked->offer_number)
            judge_answer(judgement, asked);
        else if (asked->type == MESSAGE_submit && !asked->agreed &&
                 !(asked->onward_from && asked->refusal == REFUSAL_ERASED)) /* nobody is left to refer on */
            auditor_blame(judgement->auditor, judgement->now, "a submit of %s was never acknowledged",
                          judgement->auditor->town->parties[asked->party].id);
    }
}

/* ---- how it stands at the end ---- */

static const struct happening *newest(const struct story *story)
{
    return story->last_told < 0 ? NULL : &story->happenings[story->last_told];
}

static bool is_confirmed(const struct auditor *auditor, const struct asked *asked, const struct happening *happening)
{
    return auditor->boxes[asked->party].agreed >= happening->mailbox_number;
}

static bool has_ended(enum state state)
{
    return state == STATE_COMPLETED || state == STATE_FAILED || state == STATE_CANCELLED || state == STATE_REJECTED ||
           state == STATE_ENTERED_IN_ERROR;
}

/* Everything is known to have ended, or to wait with a deadline. */
static bool is_settled(const struct auditor *auditor, const struct story *story)
{
    const struct happening *last = newest(story);
    const struct asked *asked = auditor_asked_of(auditor, story);

    if (!last || !is_confirmed(auditor, asked, last))
        return false;
    for (int n = 0; n < TOWN_NEEDS && !story->ended; n++) {
        const struct standing_told *told = &story->standing[n];
        bool waits = told->state == STATE_ON_HOLD && told->deadline > 0;
        if (asked->person->needs >> town_needs[n] & 1 && !waits && !has_ended(told->state))
            return false;
    }
    return true;
}

/* Its asker has been told, or the case is erased. */
static bool is_answered(const struct auditor *auditor, const struct enquiry *enquiry)
{
    const struct asked *question = enquiry->asked ? &auditor->asked[enquiry->asked - 1] : NULL;

    return enquiry->answered_at || !question ||
           (question->referral && law_was_said(auditor, question->referral, MESSAGE_erase, INT64_MAX));
}

bool auditor_settled(const struct auditor *auditor)
{
    for (uint32_t i = 0; i < auditor->enquiries_count; i++)
        if (!is_answered(auditor, &auditor->enquiries[i]))
            return false;
    for (uint64_t n = 1; n < auditor->stories_count; n++)
        if (auditor->stories[n].asked && !is_settled(auditor, &auditor->stories[n]))
            return false;
    for (uint32_t i = 0; i < auditor->asked_count; i++)
        if (auditor->asked[i].type == MESSAGE_submit && !auditor->asked[i].agreed)
            return false;
    return true;
}

/* Rank among those that speak for the whole. */
static int rank_of(const struct standing_told *told)
{
    static const int ranks[] = {[STATE_IN_PROGRESS] = 5,
                                [STATE_ACCEPTED] = 4,
                                [STATE_RECEIVED] = 2,
                                [STATE_ON_HOLD] = 1,
                                [STATE_CANCELLED] = 0};

    if (told->business == BUSINESS_PAUSED)
        return 3;
    return told->state < STATE_CANCELLED ? ranks[told->state] : 0;
}

static bool stands_so(const struct story *story, uint64_t needs, enum state state, enum business_status business)
{
    int leading = 0;

    for (int n = 0; n < TOWN_NEEDS; n++)
        if (needs >> town_needs[n] & 1 && rank_of(&story->standing[n]) > leading)
            leading = rank_of(&story->standing[n]);
    for (int n = 0; n < TOWN_NEEDS; n++)
        if (needs >> town_needs[n] & 1 && rank_of(&story->standing[n]) == leading &&
            story->standing[n].state == state && story->standing[n].business == business)
            return true;
    return false;
}

static void judge_standing(struct judgement *judgement, uint64_t referral, const struct story *story)
{
    const struct asked *asked = auditor_asked_of(judgement->auditor, story);
    const struct happening *last = newest(story);
    bool right = story->ended ? asked->last_business == BUSINESS_CLOSED_ACKNOWLEDGED && asked->last_state == last->state
                              : stands_so(story, asked->person->needs, asked->last_state, asked->last_business);

    if (last->at < asked->stood_at && !right)
        BLAME(judgement, referral, "its sender was told %s last, and then it stands at %s",
              code_text(LIST_business_status, (int)last->business),
              code_text(LIST_business_status, (int)asked->last_business));
}

static void judge_end(struct judgement *judgement, uint64_t referral, const struct story *story)
{
    const struct auditor *auditor = judgement->auditor;
    const struct asked *asked = auditor_asked_of(auditor, story);
    const struct happening *last = newest(story);

    if (!is_settled(auditor, story)) {
        BLAME(judgement, referral, "has no end: its sender was last told %s %s",
              last ? message_spec(last->type)->name : "nothing",
              last ? code_text(LIST_business_status, (int)last->business) : "");
        return;
    }
    judge_standing(judgement, referral, story);
    bool goes_on = false;
    for (int n = 0; n < TOWN_NEEDS; n++)
        goes_on = goes_on || (asked->person->needs >> town_needs[n] & 1 && !has_ended(story->standing[n].state));
    if (!story->ended && !goes_on)
        BLAME(judgement, referral, "%s", "every part has ended, and its sender is not told so");
}

/* How often a need of the referral has become waiting or unmet, as its sender was told: at its first decision, and in
 * all. */
static void count_unmet(const struct story *story, enum need need, uint64_t *first, uint64_t *all)
{
    enum business_status business = 0;
    enum status_reason reason = 0;

    for (uint32_t i = 0; i < story->count; i++)
        for (int p = 0; p < story->happenings[i].parts_count; p++) {
            const struct standing_told *part = &story->happenings[i].parts[p];
            if (!(part->needs >> need & 1) || auditor_is_aside(&story->happenings[i]))
                continue;
            bool is_unmet = part->state == STATE_ON_HOLD && part->business != BUSINESS_PAUSED &&
                            (part->business != business || part->reason != reason);
            *first += is_unmet && !business;
            *all += is_unmet;
            business = part->business;
            reason = part->reason;
        }
}

/* What is placed anew together may be counted anew together, although some of it stands as before. */
static uint64_t count_joined(const struct auditor *auditor, const struct story *story)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < story->changes_count; i++) {
        enum message_type type = auditor->asked[story->changes[i]].type;
        count += type == MESSAGE_release || type == MESSAGE_update;
    }
    return count;
}

/* The report on unmet needs counts each as often as it was so; what the rules changed for is not counted twice. */
static void judge_unmet(struct judgement *judgement)
{
    const struct auditor *auditor = judgement->auditor;

    if (!auditor->unmet_is_told)
        auditor_blame(judgement->auditor, judgement->now, "%s", "the operator was not told of unmet needs");
    for (int n = 0; n < TOWN_NEEDS; n++) {
        uint64_t first = 0, all = 0;
        for (uint64_t i = 1; i < auditor->stories_count; i++)
            if (auditor->stories[i].asked &&
                auditor_asked_of(auditor, &auditor->stories[i])->person->needs >> town_needs[n] & 1) {
                count_unmet(&auditor->stories[i], town_needs[n], &first, &all);
                all += count_joined(auditor, &auditor->stories[i]);
            }
        if (auditor->unmet_told[n] < first || auditor->unmet_told[n] > all)
            auditor_blame(judgement->auditor, judgement->now,
                          "%s was unmet %llu to %llu times, and is reported %llu times",
                          code_text(LIST_need, (int)town_needs[n]), (unsigned long long)first, (unsigned long long)all,
                          (unsigned long long)auditor->unmet_told[n]);
    }
}

void auditor_finish(struct auditor *auditor, int64_t now)
{
    struct judgement judgement = {.auditor = auditor, .now = now};

    for (int pass = 0; pass < 2; pass++)
        for (uint64_t n = 1; n < auditor->stories_count; n++) {
            struct story *story = &auditor->stories[n];
            if (!story->asked)
                continue;
            if (pass == 0) {
                judge_story(&judgement, n, story);
                story->last_told = -1;
                for (uint32_t i = 0; i < story->count; i++)
                    if (auditor_is_to_sender(story->happenings[i].type))
                        story->last_told = i;
            } else {
                judge_end(&judgement, n, story);
            }
        }
    judge_requests(&judgement);
    rights_judge(&judgement);
    judge_unmet(&judgement);
    places_judge(&judgement);
    for (uint32_t i = 0; i < judgement.count; i++)
        free(judgement.leases[i].ticks);
    free(judgement.leases);
}
