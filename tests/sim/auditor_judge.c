/* SPDX-License-Identifier: MIT
 * auditor_judge: at the end, when every mailbox has been read, each referral's story is put together from what its
 * sender and its hubs were told, and held against what they said, against the town and against one another. */
#include "tests/sim/auditor_inside.h"

#include <assert.h>
#include <stdlib.h>

#define PUNCTUAL_MS 1000 /* what a turn may take, and more */

enum end { OPEN, REJECTED, EXPIRED, CANCELLED, COMPLETED, FAILED };

/* One offer as hub and sender know it. */
struct lease {
    uint64_t referral;
    const struct asked *asked;
    int number, hub, service;
    int64_t at, deadline;
    int64_t accepted_at; /* 0: not */
    bool person;
    enum end end;
    int64_t ended_at;
};

struct judgement {
    struct auditor *auditor;
    int64_t now;
    struct lease *leases;
    uint32_t count, room;
};

#define BLAME(judgement, referral, format, ...)                                                                        \
    auditor_blame((judgement)->auditor, (judgement)->now, "referral %llu: " format, (unsigned long long)(referral),    \
                  __VA_ARGS__)

static const struct asked *asked_of(const struct auditor *auditor, const struct story *story)
{
    return &auditor->asked[story->asked - 1];
}

/* ---- the rules of the town ---- */

static bool is_open(const struct auditor *auditor, int party, int64_t at)
{
    const struct town_party *hub = &auditor->town->parties[party];
    enum hub_status status = hub->status;
    int64_t day = at / AUDIT_DAY_MS;

    for (uint32_t i = 0; i < auditor->openings_count && auditor->openings[i].at <= at; i++)
        if (auditor->openings[i].party == party)
            status = auditor->openings[i].status;
    if (status == HUB_CLOSED || status == HUB_PAUSED || (hub->closes_on && day >= hub->closes_on))
        return false;
    return hub->opens_on ? day >= hub->opens_on : status == HUB_OPEN;
}

static bool serves_area(const struct town *town, const struct town_party *hub, const struct town_service *service,
                        int area)
{
    if (service->citywide)
        return true;
    if (area < 0)
        return false;
    int64_t east = (int64_t)hub->easting - town->areas[area].easting;
    int64_t north = (int64_t)hub->northing - town->areas[area].northing;
    int64_t square = east * east + north * north;
    int64_t limit = (int64_t)town->neighbour_distance_m + 1;
    return hub->home[area] || (square > 0 && square < limit * limit);
}

/* What of the rules does not change with the time. */
static bool may_ask(const struct auditor *auditor, const struct asked *asked, int hub, int service)
{
    const struct town_party *party = &auditor->town->parties[hub];

    return hub != asked->party && !(asked->excluded >> hub & 1) && !asked->safeguarding &&
           (party->services[service].needs >> asked->need & 1) &&
           serves_area(auditor->town, party, &party->services[service], asked->area);
}

/* ---- putting leases together ---- */

static struct lease *lease_of(struct judgement *judgement, uint32_t from, int hub, int number)
{
    for (uint32_t i = from; i < judgement->count; i++)
        if (judgement->leases[i].hub == hub && (!number || judgement->leases[i].number == number))
            return &judgement->leases[i];
    return NULL;
}

static void add_lease(struct judgement *judgement, uint64_t referral, const struct asked *asked,
                      const struct happening *happening)
{
    judgement->leases =
        auditor_grow(judgement->leases, judgement->count, &judgement->room, sizeof judgement->leases[0]);
    judgement->leases[judgement->count++] = (struct lease){.referral = referral,
                                                           .asked = asked,
                                                           .number = happening->offer_number,
                                                           .hub = happening->party,
                                                           .service = happening->service,
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

static bool said(const struct auditor *auditor, const struct lease *lease, enum message_type type,
                 enum status_reason reason, enum outcome outcome, int64_t until)
{
    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *asked = &auditor->asked[i];
        if (asked->type == type && asked->party == lease->hub && asked->referral == lease->referral &&
            asked->offer_number == lease->number && asked->reason == reason && asked->outcome == outcome &&
            asked->said_at <= until)
            return true;
    }
    return false;
}

static void judge_answered(struct judgement *judgement, const struct happening *happening, struct lease *lease)
{
    struct auditor *auditor = judgement->auditor;

    if (happening->state == STATE_ACCEPTED) {
        if (lease->accepted_at || lease->end != OPEN)
            BLAME(judgement, lease->referral, "offer %d was accepted twice or too late", lease->number);
        if (!said(auditor, lease, MESSAGE_accept, 0, 0, happening->at))
            BLAME(judgement, lease->referral, "the hub of offer %d never accepted it", lease->number);
        lease->accepted_at = happening->at;
        return;
    }
    if (!said(auditor, lease, MESSAGE_reject, happening->reason, 0, happening->at))
        BLAME(judgement, lease->referral, "the hub of offer %d never rejected it so", lease->number);
    end_lease(judgement, lease, REJECTED, happening->at);
    if (happening->reason == REASON_CAPACITY)
        auditor_state(auditor, (struct statement){lease->hub, lease->service, happening->at, 0, true});
}

static bool sender_cancelled(const struct auditor *auditor, uint64_t referral, int64_t until)
{
    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *asked = &auditor->asked[i];
        if (asked->type == MESSAGE_cancel && asked->referral == referral && asked->said_at <= until)
            return true;
    }
    return false;
}

/* A deadline is kept at once, or as soon as the daemon runs again. */
static bool is_late(const struct auditor *auditor, int64_t deadline, int64_t at)
{
    int64_t due = deadline;

    for (uint32_t i = 0; i < auditor->starts_count && auditor->starts[i] <= at; i++)
        due = auditor->starts[i] > due ? auditor->starts[i] : due;
    return at - due > PUNCTUAL_MS;
}

static void judge_withdrawn(struct judgement *judgement, const struct happening *happening, struct lease *lease)
{
    bool silence = happening->reason == REASON_SILENCE;
    bool closed = happening->reason == REASON_HUB_CLOSED;

    if (silence && happening->at < lease->deadline)
        BLAME(judgement, lease->referral, "offer %d expired before its deadline", lease->number);
    if (silence && is_late(judgement->auditor, lease->deadline, happening->at))
        BLAME(judgement, lease->referral, "offer %d ran out %lld ms late", lease->number,
              (long long)(happening->at - lease->deadline));
    if ((silence || closed) && lease->accepted_at)
        BLAME(judgement, lease->referral, "offer %d was accepted and expired", lease->number);
    if (closed && is_open(judgement->auditor, lease->hub, happening->at))
        BLAME(judgement, lease->referral, "offer %d was withdrawn from a hub that is open", lease->number);
    if (!silence && !closed &&
        (happening->reason != REASON_WITHDRAWN_BY_SENDER ||
         !sender_cancelled(judgement->auditor, lease->referral, happening->at)))
        BLAME(judgement, lease->referral, "offer %d was withdrawn without a reason", lease->number);
    end_lease(judgement, lease, silence || closed ? EXPIRED : CANCELLED, happening->at);
}

static void judge_ended(struct judgement *judgement, uint64_t referral, const struct happening *happening,
                        struct lease *lease)
{
    bool completed = happening->state == STATE_COMPLETED;

    if (happening->state == STATE_CANCELLED) {
        if (!sender_cancelled(judgement->auditor, referral, happening->at))
            BLAME(judgement, referral, "%s", "ended as cancelled, but its sender never said so");
        return;
    }
    if (!lease || !lease->accepted_at) {
        BLAME(judgement, referral, "%s", "ended by a hub that had not accepted it");
        return;
    }
    if (!said(judgement->auditor, lease, completed ? MESSAGE_complete : MESSAGE_fail, completed ? 0 : happening->reason,
              completed ? happening->outcome : 0, happening->at))
        BLAME(judgement, referral, "%s", "ended with an outcome that its hub never reported");
    end_lease(judgement, lease, completed ? COMPLETED : FAILED, happening->at);
}

static void judge_happening(struct judgement *judgement, uint64_t referral, uint32_t from,
                            const struct happening *happening)
{
    bool by_hub = happening->type >= MESSAGE_offer;
    struct lease *lease =
        lease_of(judgement, from, by_hub ? happening->party : happening->hub, by_hub ? happening->offer_number : 0);
    bool needs_lease = happening->type == MESSAGE_answered || happening->type == MESSAGE_withdrawn ||
                       happening->type == MESSAGE_person || happening->hub >= 0;

    if (needs_lease && !lease)
        BLAME(judgement, referral, "%s about an offer that was never made", message_spec(happening->type)->name);
    else if (happening->type == MESSAGE_answered)
        judge_answered(judgement, happening, lease);
    else if (happening->type == MESSAGE_withdrawn)
        judge_withdrawn(judgement, happening, lease);
    else if (happening->type == MESSAGE_ended)
        judge_ended(judgement, referral, happening, lease);
    else if (happening->type == MESSAGE_person)
        lease->person = true;
    else if (happening->type == MESSAGE_routed && happening->business == BUSINESS_WAITLISTED && happening->hub >= 0)
        BLAME(judgement, referral, "%s", "waits, and yet names a hub");
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

/* ---- one referral ---- */

static void judge_offers(struct judgement *judgement, uint32_t from)
{
    const struct auditor *auditor = judgement->auditor;
    const struct town *town = auditor->town;

    for (uint32_t i = from; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        const char *id = town->parties[lease->hub].id;
        if (lease->number != (int)(i - from) + 1)
            BLAME(judgement, lease->referral, "offer number %d is the %uth", lease->number, i - from + 1);
        if (lease->service < 0 || !may_ask(auditor, lease->asked, lease->hub, lease->service))
            BLAME(judgement, lease->referral, "offered to %s against the rules", id);
        if (!is_open(auditor, lease->hub, lease->at))
            BLAME(judgement, lease->referral, "offered to %s, which is not open", id);
        for (uint32_t j = from; j < i; j++) {
            const struct lease *former = &judgement->leases[j];
            if (former->hub == lease->hub)
                BLAME(judgement, lease->referral, "offered to %s twice", id);
            if (former->end == OPEN || former->ended_at > lease->at)
                BLAME(judgement, lease->referral, "held by two hubs at once, offers %d and %d", former->number,
                      lease->number);
        }
        if (lease->person != (lease->accepted_at != 0))
            BLAME(judgement, lease->referral, "%s was told who it is: %d, has accepted: %d", id, lease->person,
                  lease->accepted_at != 0);
        if (lease->end == OPEN && !lease->accepted_at && lease->deadline + AUDIT_DAY_MS / 24 < judgement->now)
            BLAME(judgement, lease->referral, "the deadline of offer %d passed and nothing happened", lease->number);
    }
    if (judgement->count - from > (uint32_t)town->hops_most)
        BLAME(judgement, judgement->leases[from].referral, "%s", "more offers than the network allows");
}

static void judge_story(struct judgement *judgement, uint64_t referral, struct story *story)
{
    const struct asked *asked = asked_of(judgement->auditor, story);
    uint32_t from = judgement->count;
    int ended = 0;

    qsort(story->happenings, story->count, sizeof story->happenings[0], earlier);
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_offer)
            add_lease(judgement, referral, asked, &story->happenings[i]);
    for (uint32_t i = 0; i < story->count; i++) {
        if (ended && story->happenings[i].party == asked->party && story->happenings[i].type < MESSAGE_offer)
            BLAME(judgement, referral, "%s after its end", message_spec(story->happenings[i].type)->name);
        if (story->happenings[i].type != MESSAGE_offer)
            judge_happening(judgement, referral, from, &story->happenings[i]);
        ended += story->happenings[i].type == MESSAGE_ended;
    }
    judge_offers(judgement, from);
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

    if (asked->refusal == REFUSAL_OFFER_ENDED && (!own || lease->end == OPEN || lease->ended_at > asked->refused_at))
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
             (asked->type == MESSAGE_fail && lease->end != FAILED))
        BLAME(judgement, asked->referral, "%s of offer %d has not ended the referral so", name, asked->offer_number);
}

static void judge_cancel(struct judgement *judgement, const struct asked *asked)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *story = asked->referral < auditor->stories_count ? &auditor->stories[asked->referral] : NULL;

    if (!asked->agreed || !story || !story->asked)
        return;
    if (asked_of(auditor, story)->party != asked->party)
        BLAME(judgement, asked->referral, "%s", "cancelled by somebody who did not send it");
    for (uint32_t i = 0; i < story->count; i++)
        if (story->happenings[i].type == MESSAGE_ended && story->happenings[i].state == STATE_CANCELLED)
            return;
    BLAME(judgement, asked->referral, "%s", "cancel was answered as done, but it did not end so");
}

/* Each sees only its own: what it sent, and what it was asked about. */
static void judge_status(struct judgement *judgement, const struct asked *asked)
{
    const struct auditor *auditor = judgement->auditor;
    const struct story *story = asked->referral < auditor->stories_count ? &auditor->stories[asked->referral] : NULL;
    bool sent = story && story->asked && asked_of(auditor, story)->party == asked->party;
    bool asked_about = lease_of_hub(judgement, asked->referral, asked->party);

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
        else if (asked->type == MESSAGE_submit && !asked->agreed)
            auditor_blame(judgement->auditor, judgement->now, "a submit of %s was never acknowledged",
                          judgement->auditor->town->parties[asked->party].id);
    }
}

/* ---- places ---- */

/* The fewest and the most places that a service may have had. A statement that was said and not answered may count. */
static void places_at(const struct auditor *auditor, int hub, int service, int64_t at, uint32_t *least, uint32_t *most)
{
    int64_t before = -1;

    for (uint32_t i = 0; i < auditor->statements_count; i++) {
        const struct statement *s = &auditor->statements[i];
        if (s->party == hub && s->service == service && s->certain && s->at < at && s->at > before)
            before = s->at;
    }
    *least = UINT32_MAX;
    *most = 0;
    for (uint32_t i = 0; i < auditor->statements_count; i++) {
        const struct statement *s = &auditor->statements[i];
        int64_t from = s->certain ? before : before - AUDIT_UNDER_WAY_MS;
        if (s->party != hub || s->service != service || s->at < from || s->at > at)
            continue;
        *least = s->places < *least ? s->places : *least;
        *most = s->places > *most ? s->places : *most;
    }
}

static uint32_t held_at(const struct judgement *judgement, int hub, int service, int64_t at)
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        held += lease->hub == hub && lease->service == service && lease->at <= at &&
                (lease->end == OPEN || lease->ended_at > at);
    }
    return held;
}

static void judge_places(struct judgement *judgement)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        uint32_t least, most;
        places_at(judgement->auditor, lease->hub, lease->service, lease->at, &least, &most);
        uint32_t held = held_at(judgement, lease->hub, lease->service, lease->at);
        /* An offer that ended in the turn that made it no longer stands; who came before it does not prove much. */
        if (held > most && (lease->end == OPEN || lease->ended_at > lease->at))
            BLAME(judgement, lease->referral, "offered at %lld: %s %s then holds %u of %u places", (long long)lease->at,
                  judgement->auditor->town->parties[lease->hub].id,
                  judgement->auditor->town->parties[lease->hub].services[lease->service].id, held, most);
    }
}

/* ---- whose turn it is ---- */

static bool asked_before(const struct judgement *judgement, uint64_t referral, int hub, int64_t at)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        if (lease->referral == referral && lease->hub == hub && lease->at <= at)
            return true;
    }
    return false;
}

/* Whether the referral waited for a place before that moment and after it. */
static bool waited_at(const struct story *story, const struct asked *asked, int64_t at)
{
    bool waits = false;

    for (uint32_t i = 0; i < story->count; i++) {
        const struct happening *happening = &story->happenings[i];
        if (happening->party != asked->party || happening->type >= MESSAGE_offer)
            continue;
        if (happening->at >= at)
            return waits && happening->at > at;
        waits = happening->type == MESSAGE_routed && happening->business == BUSINESS_WAITLISTED;
    }
    return waits;
}

static void judge_turns(struct judgement *judgement)
{
    struct auditor *auditor = judgement->auditor;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        for (uint64_t n = 1; n < auditor->stories_count; n++) {
            const struct story *story = &auditor->stories[n];
            if (n == lease->referral || !story->asked)
                continue;
            const struct asked *asked = asked_of(auditor, story);
            bool first = asked->priority > lease->asked->priority ||
                         (asked->priority == lease->asked->priority && n < lease->referral);
            if (first && asked->need == lease->asked->need && asked->area == lease->asked->area &&
                may_ask(auditor, asked, lease->hub, lease->service) && waited_at(story, asked, lease->at) &&
                !asked_before(judgement, n, lease->hub, lease->at))
                BLAME(judgement, lease->referral, "was offered to %s at %lld before referral %llu, whose turn it was",
                      auditor->town->parties[lease->hub].id, (long long)lease->at, (unsigned long long)n);
        }
    }
}

/* ---- how it stands at the end ---- */

static const struct happening *newest(const struct story *story)
{
    return story->last_told < 0 ? NULL : &story->happenings[story->last_told];
}

static bool is_confirmed(const struct auditor *auditor, const struct asked *asked, const struct happening *happening)
{
    return auditor->boxes[asked->party].said >= happening->mailbox_number;
}

static bool is_settled(const struct auditor *auditor, const struct story *story)
{
    const struct happening *last = newest(story);
    bool waits = last && last->type == MESSAGE_routed &&
                 (last->business == BUSINESS_WAITLISTED || last->business == BUSINESS_ATTENTION);

    if (!last || !is_confirmed(auditor, asked_of(auditor, story), last))
        return false;
    return last->type == MESSAGE_ended || (waits && last->deadline > 0);
}

bool auditor_settled(const struct auditor *auditor)
{
    for (uint64_t n = 1; n < auditor->stories_count; n++)
        if (auditor->stories[n].asked && !is_settled(auditor, &auditor->stories[n]))
            return false;
    for (uint32_t i = 0; i < auditor->asked_count; i++)
        if (auditor->asked[i].type == MESSAGE_submit && !auditor->asked[i].agreed)
            return false;
    return true;
}

/* Nobody waits for what is there. */
static void judge_waiting(struct judgement *judgement, uint64_t referral, const struct asked *asked)
{
    const struct town *town = judgement->auditor->town;

    for (int hub = 0; hub < town->parties_count; hub++)
        for (int service = 0; service < town->parties[hub].services_count; service++) {
            uint32_t least, most;
            places_at(judgement->auditor, hub, service, judgement->now, &least, &most);
            if (may_ask(judgement->auditor, asked, hub, service) && is_open(judgement->auditor, hub, judgement->now) &&
                !asked_before(judgement, referral, hub, judgement->now) &&
                held_at(judgement, hub, service, judgement->now) < least)
                BLAME(judgement, referral, "waits, and %s %s has a free place", town->parties[hub].id,
                      town->parties[hub].services[service].id);
        }
}

static void judge_end(struct judgement *judgement, uint64_t referral, const struct story *story)
{
    const struct auditor *auditor = judgement->auditor;
    const struct asked *asked = asked_of(auditor, story);
    const struct happening *last = newest(story);

    if (!is_settled(auditor, story)) {
        BLAME(judgement, referral, "has no end: its sender was last told %s %s",
              last ? message_spec(last->type)->name : "nothing",
              last ? code_text(LIST_business_status, (int)last->business) : "");
        return;
    }
    enum business_status expected = last->type == MESSAGE_ended ? BUSINESS_CLOSED_ACKNOWLEDGED : last->business;
    if (last->at < asked->stood_at && (asked->last_business != expected || asked->last_state != last->state))
        BLAME(judgement, referral, "its sender was told %s last, and then it stands at %s",
              code_text(LIST_business_status, (int)last->business),
              code_text(LIST_business_status, (int)asked->last_business));
    if (last->business == BUSINESS_WAITLISTED)
        judge_waiting(judgement, referral, asked);
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
                    if (story->happenings[i].type <= MESSAGE_ended)
                        story->last_told = i;
            } else {
                judge_end(&judgement, n, story);
            }
        }
    judge_requests(&judgement);
    judge_places(&judgement);
    judge_turns(&judgement);
    free(judgement.leases);
}
