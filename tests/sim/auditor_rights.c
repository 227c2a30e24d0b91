/* SPDX-License-Identifier: MIT
 * auditor_rights: what the network owes people beyond an offer: who is told what is new, what is held, retracted, or
 * lacks consent, who belongs together, who may ask about whom. */
#include "tests/sim/auditor_inside.h"

#include <string.h>

/* ---- one referral ---- */

static bool was_told(const struct story *story, enum message_type type, const struct lease *lease, int64_t at)
{
    for (uint32_t i = 0; i < story->count; i++) {
        const struct happening *happening = &story->happenings[i];
        if (happening->type == type && happening->party == lease->hub && happening->at == at &&
            happening->offer_number == lease->number)
            return true;
    }
    return false;
}

static bool had_case(const struct lease *lease, int64_t at)
{
    return lease->accepted_at && lease->accepted_at < at && (lease->end == OPEN || lease->ended_at > at);
}

/* Who has the case hears what is new. */
static void judge_news(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    for (uint32_t c = 0; c < story->changes_count; c++) {
        const struct asked *change = &judgement->auditor->asked[story->changes[c]];
        for (uint32_t i = from; i < judgement->count && change->type == MESSAGE_update && change->done; i++) {
            const struct lease *lease = &judgement->leases[i];
            if (had_case(lease, change->done_at) && !was_told(story, MESSAGE_updated, lease, change->done_at))
                BLAME(judgement, referral, "the hub of offer %d was not told what is new", lease->number);
        }
    }
}

/* What should never have been sent is taken back from everybody who knows the person. */
static void judge_retraction(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    for (uint32_t h = 0; h < story->count; h++) {
        const struct happening *end = &story->happenings[h];
        if (end->type != MESSAGE_ended || end->state != STATE_ENTERED_IN_ERROR)
            continue;
        for (uint32_t i = from; i < judgement->count; i++) {
            const struct lease *lease = &judgement->leases[i];
            if (lease->accepted_at && lease->accepted_at < end->at &&
                !was_told(story, MESSAGE_withdrawn, lease, end->at))
                BLAME(judgement, referral, "was retracted, and the hub of offer %d was not told", lease->number);
        }
    }
}

/* Somebody may have freed what was held. */
static bool may_be_freed(const struct auditor *auditor, uint64_t referral, int64_t from, int64_t to)
{
    static const enum message_type words[] = {MESSAGE_release, MESSAGE_place, MESSAGE_turn_away, MESSAGE_cancel};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (law_was_said_between(auditor, referral, words[i], from, to))
            return true;
    return false;
}

/* What an operator holds goes nowhere without a word. */
static void judge_hold(struct judgement *judgement, uint64_t referral, const struct story *story, enum need need)
{
    int64_t held_at = 0;

    for (uint32_t h = 0; h < story->count; h++) {
        const struct happening *happening = &story->happenings[h];
        for (int p = 0; p < happening->parts_count && !auditor_is_aside(happening); p++) {
            if (!(happening->parts[p].needs >> need & 1))
                continue;
            bool is_held = happening->parts[p].business == BUSINESS_HELD;
            if (held_at && !is_held && !may_be_freed(judgement->auditor, referral, held_at, happening->at))
                BLAME(judgement, referral, "%s is held by an operator, and goes on by itself",
                      code_text(LIST_need, (int)need));
            held_at = !is_held ? 0 : held_at ? held_at : happening->at;
        }
    }
}

/* When the count of hubs begins anew, it is not over its limit. */
static void judge_release(struct judgement *judgement, uint64_t referral, const struct story *story)
{
    for (uint32_t c = 0; c < story->changes_count; c++) {
        const struct asked *change = &judgement->auditor->asked[story->changes[c]];
        for (uint32_t h = 0; h < story->count && change->type == MESSAGE_release && change->done; h++)
            if (story->happenings[h].type == MESSAGE_routed && story->happenings[h].at == change->done_at &&
                story->happenings[h].reason == REASON_HOPS && story->happenings[h].parts_count == 1 &&
                places_offers_about(judgement, referral, UINT64_MAX, change->done_at) < 16)
                BLAME(judgement, referral, "%s", "was released, and is held for its hops");
    }
}

/* After the day of the consent nobody is asked, and nobody learns who it is. */
static void judge_consent(struct judgement *judgement, uint64_t referral, uint32_t from)
{
    const struct auditor *auditor = judgement->auditor;
    const struct person *persons[PERSONS_MAX];

    for (uint32_t i = from; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        int64_t until = lease->asked->person->consent_until;
        int64_t ends = (until + 1) * AUDIT_DAY_MS - law_ahead_ms((until + 1) * AUDIT_DAY_MS);
        int64_t over = lease->end == OPEN ? judgement->now : lease->ended_at;
        if (!until || law_persons(auditor, lease->asked, judgement->now, persons) > 1 ||
            persons[0] != lease->asked->person || (lease->accepted_at && lease->accepted_at < ends))
            continue;
        if (lease->accepted_at > ends)
            BLAME(judgement, referral, "offer %d was accepted after the end of the consent", lease->number);
        if (clock_is_late(auditor, ends, over))
            BLAME(judgement, referral, "offer %d stands after the end of the consent", lease->number);
    }
}

/* Of several needs the operator chose one. */
static void judge_by_hand(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    for (uint32_t c = 0; c < story->changes_count; c++) {
        const struct asked *change = &judgement->auditor->asked[story->changes[c]];
        for (uint32_t i = from; i < judgement->count && change->type == MESSAGE_place && change->done; i++) {
            const struct lease *lease = &judgement->leases[i];
            if (lease->at == change->done_at && lease->hub == change->hub && change->need &&
                lease->needs != BIT_OF(change->need))
                BLAME(judgement, referral, "offer %d is about more than the operator chose", lease->number);
        }
    }
}

void rights_judge_story(struct judgement *judgement, uint64_t referral, const struct story *story, uint32_t from)
{
    if (story->erased_at)
        return; /* letters that were owed have gone out as others */
    judge_news(judgement, referral, story, from);
    judge_retraction(judgement, referral, story, from);
    for (int n = 0; n < TOWN_NEEDS; n++)
        judge_hold(judgement, referral, story, town_needs[n]);
    judge_release(judgement, referral, story);
    judge_consent(judgement, referral, from);
    judge_by_hand(judgement, referral, story, from);
}

/* ---- who belongs together ---- */

static bool same_person(const struct asked *a, const struct asked *b)
{
    return strcmp(a->person->nhs_number, b->person->nhs_number) == 0;
}

/* Nobody may be told of a link: surely. */
static bool must_not_share(const struct auditor *auditor, const struct asked *asked, int64_t at)
{
    const struct person *persons[PERSONS_MAX];
    int count = law_persons(auditor, asked, at, persons);
    bool released = law_was_said(auditor, asked->given, MESSAGE_release, at);
    bool all = true;

    for (int i = 0; i < count; i++) {
        const struct person *person = persons[i];
        bool over = person->consent_until && person->consent_until < law_day(at);
        all = all && (person->consent_in_doubt || over || (person->safeguarding && !released));
    }
    return all;
}

static bool may_hear(const struct judgement *judgement, const struct asked *asked, int party, int64_t at)
{
    if (asked->party == party)
        return true;
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        if (lease->referral == asked->given && lease->hub == party && lease->accepted_at && lease->accepted_at <= at &&
            (lease->end == OPEN || lease->ended_at >= at))
            return true;
    }
    return false;
}

static void judge_link(struct judgement *judgement, uint64_t referral, const struct happening *linked)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *other = linked->linked < auditor->stories_count ? &auditor->stories[linked->linked] : NULL;
    const struct asked *one = auditor_asked_of(auditor, &auditor->stories[referral]);

    if (!other || !other->asked) {
        BLAME(judgement, referral, "%s", "is linked to what there is not");
        return;
    }
    const struct asked *two = auditor_asked_of(auditor, other);
    if (!same_person(one, two) && one->onward_from != linked->linked && two->onward_from != referral)
        BLAME(judgement, referral, "is linked to %llu, who is somebody else", (unsigned long long)linked->linked);
    if (!may_hear(judgement, one, linked->party, linked->at))
        BLAME(judgement, referral, "%s hears of a link, and has nothing to do with it",
              auditor->town->parties[linked->party].id);
    if (must_not_share(auditor, one, linked->at) || must_not_share(auditor, two, linked->at))
        BLAME(judgement, referral, "%s", "a link is told without consent");
}

static bool is_told_of(const struct story *story, int party, uint64_t linked)
{
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_linked && story->happenings[i].party == party &&
            story->happenings[i].linked == linked)
            return true;
    return false;
}

static bool ended_before(const struct story *story, int64_t at)
{
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_ended && story->happenings[i].at <= at)
            return true;
    return false;
}

static bool shares_freely(const struct auditor *auditor, const struct asked *asked)
{
    const struct person *person = asked->person;

    return !person->safeguarding && !person->consent_in_doubt && !person->excluded &&
           (!person->consent_until || person->consent_until > law_day(asked->said_at) + 30) &&
           !law_was_touched(auditor, asked->given, INT64_MAX);
}

/* Of the same person, the second while the first goes on: both senders hear of it. Of one person so many are linked
 * that a few more do not count. */
static void judge_same(struct judgement *judgement, uint64_t first, uint64_t second)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *one = &auditor->stories[first], *two = &auditor->stories[second];
    const struct asked *asked = auditor_asked_of(auditor, one), *other = auditor_asked_of(auditor, two);
    int count = 0;

    if (!same_person(asked, other) || ended_before(one, two->submitted_at) || !shares_freely(auditor, asked) ||
        !shares_freely(auditor, other) || one->submitted_at >= two->submitted_at)
        return;
    for (uint64_t n = 1; n < auditor->stories_count; n++)
        count += auditor->stories[n].asked && same_person(auditor_asked_of(auditor, &auditor->stories[n]), asked);
    if (count <= 4 && (!is_told_of(one, asked->party, second) || !is_told_of(two, other->party, first)))
        BLAME(judgement, first, "and %llu are about the same person, and their senders were not told",
              (unsigned long long)second);
}

/* ---- enquiries ---- */

static void judge_enquiry(struct judgement *judgement, const struct enquiry *enquiry)
{
    struct auditor *auditor = judgement->auditor;
    const struct asked *question = enquiry->asked ? &auditor->asked[enquiry->asked - 1] : NULL;
    bool has_case = false;

    if (!question || (question->referral && law_was_said(auditor, question->referral, MESSAGE_erase, INT64_MAX)))
        return;
    for (uint32_t i = 0; i < judgement->count; i++)
        has_case = has_case || (judgement->leases[i].referral == question->referral &&
                                judgement->leases[i].hub == question->party && judgement->leases[i].accepted_at);
    if (question->referral && !has_case)
        auditor_blame(auditor, judgement->now, "enquiry %llu was made for a case of others",
                      (unsigned long long)enquiry->number);
    if (!enquiry->told_at || !enquiry->answered_at)
        auditor_blame(auditor, judgement->now, "enquiry %llu was put at %lld, and answered at %lld",
                      (unsigned long long)enquiry->number, (long long)enquiry->told_at,
                      (long long)enquiry->answered_at);
}

/* ---- all ---- */

void rights_judge(struct judgement *judgement)
{
    struct auditor *auditor = judgement->auditor;

    for (uint64_t n = 1; n < auditor->stories_count; n++) {
        const struct story *story = &auditor->stories[n];
        for (uint32_t i = 0; i < story->count && story->asked && !story->erased_at; i++)
            if (story->happenings[i].type == MESSAGE_linked)
                judge_link(judgement, n, &story->happenings[i]);
        for (uint64_t m = n + 1; m < auditor->stories_count && story->asked; m++)
            if (auditor->stories[m].asked)
                judge_same(judgement, n, m);
    }
    for (uint32_t i = 0; i < auditor->enquiries_count; i++)
        judge_enquiry(judgement, &auditor->enquiries[i]);
    if (!auditor->store_is_checked || !auditor->history_is_verified)
        auditor_blame(auditor, judgement->now, "%s", "the store was not checked, or its history not verified");
}
