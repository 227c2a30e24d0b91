/* SPDX-License-Identifier: MIT
 * auditor_places: no service has more than its places, no week more than its intake, no sender more than its pace; and
 * whose turn it was. A place belongs to a service or to the one that it shares with. */
#include "tests/sim/auditor_inside.h"

#define LOOK_AFTER_MS INT64_C(60000)
#define LOOKS_DAYS 10

struct spot {
    int hub, service;
};

static struct spot owner_of(const struct auditor *auditor, int hub, int service)
{
    const struct town_service *row = &auditor->town->parties[hub].services[service];

    return row->shares_hub < 0 ? (struct spot){hub, service} : (struct spot){row->shares_hub, row->shares_service};
}

static bool same(struct spot a, struct spot b)
{
    return a.hub == b.hub && a.service == b.service;
}

/* Which services an offer is about is not known when the hub is told of it after they have gone. */
enum doubt { CERTAINLY, PERHAPS };

/* The offer takes a place of that service, as its own or as one that others share. */
static bool takes(const struct auditor *auditor, const struct lease *lease, struct spot owner, enum doubt doubt)
{
    if (!lease->services)
        return doubt == PERHAPS && lease->hub == owner.hub;
    for (int i = 0; i < TOWN_SERVICES_MAX; i++)
        if (lease->services >> i & 1 && same(owner_of(auditor, lease->hub, i), owner))
            return true;
    return false;
}

/* The same, but only that service itself. */
static bool names(const struct lease *lease, struct spot spot, enum doubt doubt)
{
    bool may_name = !lease->services && doubt == PERHAPS;

    return lease->hub == spot.hub && (may_name || lease->services >> spot.service & 1);
}

/* The fewest and the most places that a service may have had. A statement that was said and not answered may count. */
static struct limits places_at(const struct auditor *auditor, struct spot spot, int64_t at)
{
    struct limits limits = {.least = UINT32_MAX};
    int64_t before = -1;

    for (uint32_t i = 0; i < auditor->statements_count; i++) {
        const struct statement *s = &auditor->statements[i];
        if (s->party == spot.hub && s->service == spot.service && s->certain && s->at < at && s->at > before)
            before = s->at;
    }
    for (uint32_t i = 0; i < auditor->statements_count; i++) {
        const struct statement *s = &auditor->statements[i];
        int64_t from = s->certain ? before : before - AUDIT_UNDER_WAY_MS;
        if (s->party != spot.hub || s->service != spot.service || s->at < from || s->at > at)
            continue;
        limits.least = s->places < limits.least ? s->places : limits.least;
        limits.most = s->places > limits.most ? s->places : limits.most;
    }
    return limits;
}

/* When the figure that counts then was stated at the latest, or the network came into force. */
static int64_t stated_at(const struct auditor *auditor, struct spot spot, int64_t at)
{
    int64_t newest = 0;
    uint32_t first, count;

    law_versions(auditor, at, &first, &count);
    newest = auditor->versions[first + count - 1].at;
    for (uint32_t i = 0; i < auditor->statements_count; i++) {
        const struct statement *s = &auditor->statements[i];
        if (s->party == spot.hub && s->service == spot.service && s->at <= at && s->at > newest)
            newest = s->at;
    }
    return newest;
}

/* A seat is used up by who accepted it. */
static bool has_place(const struct auditor *auditor, const struct lease *lease, struct spot owner, int64_t at)
{
    bool is_seat = auditor->town->parties[owner.hub].services[owner.service].seats;

    return lease->at <= at && (lease->end == OPEN || lease->ended_at > at || (is_seat && lease->accepted_at));
}

static uint32_t held_at(const struct judgement *judgement, struct spot owner, int64_t at, enum doubt doubt)
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < judgement->count; i++)
        held += has_place(judgement->auditor, &judgement->leases[i], owner, at) &&
                takes(judgement->auditor, &judgement->leases[i], owner, doubt);
    return held;
}

static uint32_t unanswered_at(const struct judgement *judgement, struct spot owner, int64_t at, enum doubt doubt)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        bool waits = lease->at <= at &&
                     (lease->accepted_at ? lease->accepted_at > at : lease->end == OPEN || lease->ended_at > at);
        count += waits && takes(judgement->auditor, lease, owner, doubt);
    }
    return count;
}

/* Offers of the week until then that were not declined, by the service itself, or by all who take its places. */
static uint32_t taken_in_week(const struct judgement *judgement, struct spot spot, bool by_all, int64_t at,
                              enum doubt doubt)
{
    int64_t monday = law_monday(law_day(at));
    uint32_t taken = 0;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        bool declined = lease->end != OPEN && lease->ended_at <= at && !lease->accepted_at;
        bool counts = by_all ? takes(judgement->auditor, lease, spot, doubt) : names(lease, spot, doubt);
        taken += counts && !declined && lease->at <= at && law_monday(law_day(lease->at)) == monday;
    }
    return taken;
}

static uint32_t offers_today(const struct judgement *judgement, int sender, int hub, int64_t at)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        count +=
            lease->asked->party == sender && lease->hub == hub && lease->at <= at && law_day(lease->at) == law_day(at);
    }
    return count;
}

bool places_asked_before(const struct judgement *judgement, uint64_t referral, enum need need, int hub, int64_t at)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        bool taken_back = lease->taken_back && lease->ended_at <= at;
        if (lease->referral == referral && lease->hub == hub && lease->at <= at && lease->needs >> need & 1 &&
            !taken_back && !judgement->auditor->town->parties[hub].ask_again)
            return true;
    }
    return false;
}

uint32_t places_offers_about(const struct judgement *judgement, uint64_t referral, uint64_t needs, int64_t at)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        bool taken_back = lease->taken_back && lease->ended_at <= at;
        count += lease->referral == referral && lease->needs & needs && lease->at <= at && !taken_back;
    }
    return count;
}

/* ---- no more than there is ---- */

/* Blames on behalf of a lease, about a service. */
static void blame_room(struct judgement *judgement, const struct lease *lease, struct spot spot, const char *what,
                       uint32_t has, uint32_t most)
{
    const struct town_party *hub = &judgement->auditor->town->parties[spot.hub];

    BLAME(judgement, lease->referral, "offered at %lld: %s %s then %s %u, of at most %u", (long long)lease->at, hub->id,
          hub->services[spot.service].id, what, has, most);
}

static void judge_room(struct judgement *judgement, const struct lease *lease, int service)
{
    const struct auditor *auditor = judgement->auditor;
    struct spot spot = {lease->hub, service};
    struct spot owner = owner_of(auditor, lease->hub, service);
    uint32_t held = held_at(judgement, owner, lease->at, CERTAINLY), most = places_at(auditor, owner, lease->at).most;
    uint32_t taken = taken_in_week(judgement, spot, false, lease->at, CERTAINLY);
    uint32_t per_week = law_per_week(auditor, spot.hub, spot.service, lease->at).most;

    if (held > most)
        blame_room(judgement, lease, owner, "has", held, most);
    if (taken > per_week && !lease->by_hand)
        blame_room(judgement, lease, spot, "has taken in its week", taken, per_week);
    taken = taken_in_week(judgement, owner, true, lease->at, CERTAINLY);
    per_week = law_per_week(auditor, owner.hub, owner.service, lease->at).most;
    if (taken > per_week && !lease->by_hand)
        blame_room(judgement, lease, owner, "and who shares with it have taken in its week", taken, per_week);
}

/* Who has not stated a figure for long is asked one at a time, and told why. */
static void judge_stale(struct judgement *judgement, const struct lease *lease, int service)
{
    const struct auditor *auditor = judgement->auditor;
    struct spot owner = owner_of(auditor, lease->hub, service);
    int64_t fresh_ms = auditor->town->fresh_ms;
    int64_t age = lease->at - stated_at(auditor, owner, lease->at);

    if (!fresh_ms || age <= fresh_ms)
        return;
    if (unanswered_at(judgement, owner, lease->at, CERTAINLY) > 1)
        blame_room(judgement, lease, owner, "has an old figure, and unanswered offers",
                   unanswered_at(judgement, owner, lease->at, CERTAINLY), 1);
    if (!lease->ask_first)
        BLAME(judgement, lease->referral, "offer %d does not tell that the figure is old", lease->number);
}

static void judge_pace(struct judgement *judgement, const struct lease *lease)
{
    uint32_t today = offers_today(judgement, lease->asked->party, lease->hub, lease->at);
    uint32_t pace = law_pace(judgement->auditor, lease->at).most;

    if (today > pace)
        BLAME(judgement, lease->referral, "%s was offered %u of one sender that day, of at most %u",
              judgement->auditor->town->parties[lease->hub].id, today, pace);
}

static void judge_lease(struct judgement *judgement, const struct lease *lease)
{
    if (!lease->by_hand)
        judge_pace(judgement, lease);
    /* An offer that ended in the turn that made it no longer stands; who came before it does not prove much. */
    if (lease->end != OPEN && lease->ended_at <= lease->at)
        return;
    for (int i = 0; i < TOWN_SERVICES_MAX; i++)
        if (lease->services >> i & 1) {
            judge_room(judgement, lease, i);
            if (!lease->by_hand)
                judge_stale(judgement, lease, i);
        }
}

/* ---- whose turn it is ---- */

/* How the need stood before that moment and after it, as its sender knew; NULL: it changed in that moment. */
static const struct standing_told *told_at(const struct story *story, enum need need, int64_t at)
{
    const struct standing_told *told = NULL;

    for (uint32_t i = 0; i < story->count; i++) {
        const struct happening *happening = &story->happenings[i];
        for (int p = 0; p < happening->parts_count; p++) {
            if (!(happening->parts[p].needs >> need & 1))
                continue;
            if (happening->at >= at)
                return happening->at > at ? told : NULL;
            if (!auditor_is_aside(happening))
                told = &happening->parts[p];
        }
    }
    return told;
}

static bool waited_at(const struct story *story, enum need need, int64_t at)
{
    const struct standing_told *told = told_at(story, need, at);

    return told && told->business == BUSINESS_WAITLISTED;
}

/* Certainly comes before the other: who has waited longer than anybody is overtaken, then by priority, weight and age.
 */
static bool comes_first(const struct auditor *auditor, uint64_t a, uint64_t b, int64_t at)
{
    const struct story *one = &auditor->stories[a], *other = &auditor->stories[b];
    const struct asked *asked = auditor_asked_of(auditor, one), *other_asked = auditor_asked_of(auditor, other);
    const struct person *persons[PERSONS_MAX], *other_persons[PERSONS_MAX];
    uint32_t first, count;

    if (law_persons(auditor, asked, at, persons) > 1 || law_persons(auditor, other_asked, at, other_persons) > 1)
        return false;
    uint32_t priority = law_priorities(auditor, asked, at), other_priority = law_priorities(auditor, other_asked, at);
    if ((priority & (priority - 1)) || (other_priority & (other_priority - 1)))
        return false;

    law_versions(auditor, at, &first, &count);
    int64_t bound = auditor->versions[first].town->overtaken_ms;
    int64_t waited = at - one->submitted_at - bound, other_waited = at - other->submitted_at - bound;
    if (count > 1 || !waited || !other_waited)
        return false;
    if ((waited > 0) != (other_waited > 0))
        return waited > 0;
    if (waited < 0 && priority != other_priority)
        return priority > other_priority;
    int weight = law_weight(auditor, persons[0], at), other_weight = law_weight(auditor, other_persons[0], at);
    if (waited < 0 && weight != other_weight)
        return weight > other_weight;
    return a < b;
}

/* The only service of the offer that meets the need; -1: none, or several. */
static int service_for(const struct auditor *auditor, const struct lease *lease, enum need need)
{
    int found = -1;

    for (int i = 0; i < TOWN_SERVICES_MAX; i++)
        if (lease->services >> i & 1 && auditor->town->parties[lease->hub].services[i].needs >> need & 1) {
            if (found >= 0)
                return -1;
            found = i;
        }
    return found;
}

static bool may_be_next(const struct judgement *judgement, uint64_t referral, const struct asked *asked, enum need need,
                        int hub, int64_t at)
{
    const struct auditor *auditor = judgement->auditor;

    return !places_asked_before(judgement, referral, need, hub, at) &&
           offers_today(judgement, asked->party, hub, at) < law_pace(auditor, at).least &&
           places_offers_about(judgement, referral, BIT_OF(need), at) < law_hops(auditor, at).least;
}

static void judge_turn(struct judgement *judgement, const struct lease *lease, enum need need)
{
    struct auditor *auditor = judgement->auditor;
    int service = lease->by_hand ? -1 : service_for(auditor, lease, need);

    for (uint64_t n = 1; n < auditor->stories_count && service >= 0; n++) {
        const struct story *story = &auditor->stories[n];
        if (n == lease->referral || !story->asked)
            continue;
        const struct asked *asked = auditor_asked_of(auditor, story);
        if (asked->person->needs >> need & 1 && story->submitted_at < lease->at &&
            comes_first(auditor, n, lease->referral, lease->at) && waited_at(story, need, lease->at) &&
            may_be_next(judgement, n, asked, need, lease->hub, lease->at) &&
            law_allow(auditor, asked, need, lease->hub, service, lease->at) == MAY)
            BLAME(judgement, lease->referral, "was offered to %s at %lld before referral %llu, whose turn it was",
                  auditor->town->parties[lease->hub].id, (long long)lease->at, (unsigned long long)n);
    }
}

/* ---- the nearest, and as few as can be ---- */

static bool is_free(const struct judgement *, uint64_t referral, const struct asked *, enum need, struct spot,
                    int64_t at);

/* Nothing else happened in that moment, so that what was free then is known. */
static bool is_alone(const struct judgement *judgement, const struct lease *lease)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *other = &judgement->leases[i];
        if (other->referral != lease->referral &&
            (other->at == lease->at || other->ended_at == lease->at || other->accepted_at == lease->at))
            return false;
    }
    return true;
}

static bool has_been_given(const struct judgement *judgement, const struct lease *lease, enum need need, int hub)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *other = &judgement->leases[i];
        if (other->referral == lease->referral && other->at == lease->at && other->hub == hub &&
            other->needs >> need & 1)
            return true;
    }
    return false;
}

static bool could_take(const struct judgement *judgement, const struct lease *lease, enum need need, int hub)
{
    if (has_been_given(judgement, lease, need, hub))
        return true;
    for (int i = 0; i < judgement->auditor->town->parties[hub].services_count; i++)
        if (is_free(judgement, lease->referral, lease->asked, need, (struct spot){hub, i}, lease->at))
            return true;
    return false;
}

/* Of two hubs that could take a need, the one that stands nearer is asked. */
static void judge_nearest(struct judgement *judgement, const struct lease *lease, enum need need)
{
    const struct auditor *auditor = judgement->auditor;
    int service = service_for(auditor, lease, need);
    int nearness = service < 0 ? 0 : law_nearness(auditor, lease->asked, need, lease->hub, service, lease->at);

    for (int hub = 0; hub < auditor->town->parties_count && nearness; hub++)
        for (int i = 0; i < auditor->town->parties[hub].services_count; i++) {
            int other = law_nearness(auditor, lease->asked, need, hub, i, lease->at);
            if (other && other < nearness &&
                is_free(judgement, lease->referral, lease->asked, need, (struct spot){hub, i}, lease->at))
                BLAME(judgement, lease->referral, "was offered to %s, and %s is nearer",
                      auditor->town->parties[lease->hub].id, auditor->town->parties[hub].id);
        }
}

/* Of several needs, what one hub could take goes to one hub. */
static void judge_fewest(struct judgement *judgement, const struct lease *lease)
{
    const struct auditor *auditor = judgement->auditor;
    uint64_t needs = 0;

    for (uint32_t i = 0; i < judgement->count; i++)
        if (judgement->leases[i].referral == lease->referral && judgement->leases[i].at == lease->at)
            needs |= judgement->leases[i].needs;
    for (int hub = 0; hub < auditor->town->parties_count && needs != lease->needs; hub++) {
        bool all = true;
        for (int n = 0; n < TOWN_NEEDS; n++)
            all = all && (!(needs >> town_needs[n] & 1) || could_take(judgement, lease, town_needs[n], hub));
        if (all)
            BLAME(judgement, lease->referral, "was shared out, and %s could take all", auditor->town->parties[hub].id);
    }
}

/* When it was submitted: later it may have been asked for in somebody's turn. */
static void judge_choice(struct judgement *judgement, const struct lease *lease)
{
    uint64_t needs = lease->asked->person->needs;

    if (lease->at != lease->story->submitted_at || lease->by_hand || !is_alone(judgement, lease))
        return;
    if (needs & (needs - 1))
        judge_fewest(judgement, lease);
    else
        judge_nearest(judgement, lease, (enum need)__builtin_ctzll(needs));
}

/* ---- nobody waits for what is there ---- */

static bool is_free(const struct judgement *judgement, uint64_t referral, const struct asked *asked, enum need need,
                    struct spot spot, int64_t at)
{
    const struct auditor *auditor = judgement->auditor;

    if (auditor->offers_are_hidden || law_allow(auditor, asked, need, spot.hub, spot.service, at) != MAY ||
        !may_be_next(judgement, referral, asked, need, spot.hub, at))
        return false;
    struct spot owner = owner_of(auditor, spot.hub, spot.service);
    bool may_ask = !auditor->town->fresh_ms || !unanswered_at(judgement, owner, at, PERHAPS);
    return may_ask && held_at(judgement, owner, at, PERHAPS) < places_at(auditor, owner, at).least &&
           taken_in_week(judgement, spot, false, at, PERHAPS) <
               law_per_week(auditor, spot.hub, spot.service, at).least &&
           taken_in_week(judgement, owner, true, at, PERHAPS) <
               law_per_week(auditor, owner.hub, owner.service, at).least;
}

static void judge_waiting(struct judgement *judgement, uint64_t referral, const struct story *story, enum need need,
                          int64_t at)
{
    const struct auditor *auditor = judgement->auditor;
    const struct town *town = auditor->town;
    const struct asked *asked = auditor_asked_of(auditor, story);

    for (int hub = 0; hub < town->parties_count; hub++)
        for (int service = 0; service < town->parties[hub].services_count; service++)
            if (is_free(judgement, referral, asked, need, (struct spot){hub, service}, at))
                BLAME(judgement, referral, "waits at %lld for %s, and %s %s has a free place", (long long)at,
                      code_text(LIST_need, (int)need), town->parties[hub].id, town->parties[hub].services[service].id);
}

/* Nobody is before a person whom a rule can place, or who could at least wait. */
static void judge_unplaced(struct judgement *judgement, uint64_t referral, const struct story *story, enum need need,
                           int64_t at)
{
    const struct auditor *auditor = judgement->auditor;
    const struct asked *asked = auditor_asked_of(auditor, story);

    for (int hub = 0; hub < auditor->town->parties_count; hub++)
        for (int service = 0; service < auditor->town->parties[hub].services_count; service++)
            if (law_allow(auditor, asked, need, hub, service, at) == MAY &&
                !places_asked_before(judgement, referral, need, hub, at))
                BLAME(judgement, referral, "%s is before a person at %lld, and %s %s is for it",
                      code_text(LIST_need, (int)need), (long long)at, auditor->town->parties[hub].id,
                      auditor->town->parties[hub].services[service].id);
}

static void judge_held(struct judgement *judgement, uint64_t referral, const struct story *story, enum need need,
                       int64_t at)
{
    const struct standing_told *told = told_at(story, need, at);

    if (!told || story->erased_at || told->state != STATE_ON_HOLD ||
        law_was_said(judgement->auditor, referral, MESSAGE_update, at) ||
        law_was_said(judgement->auditor, referral, MESSAGE_prioritise, at))
        return; /* new information counts when it is looked at next */
    if (told->business == BUSINESS_WAITLISTED)
        judge_waiting(judgement, referral, story, need, at);
    else if (told->reason == REASON_NO_HUB || told->reason == REASON_UNKNOWN_LOCALITY)
        judge_unplaced(judgement, referral, story, need, at);
}

static bool runs_at(const struct auditor *auditor, int64_t at)
{
    for (uint32_t i = 0; i < auditor->lives_count; i++)
        if (auditor->lives[i].from + LOOK_AFTER_MS <= at && auditor->lives[i].to > at)
            return true;
    return false;
}

/* A minute after midnight, every six hours, and at the end; when the daemon has run for a minute. */
static void judge_all_held(struct judgement *judgement, int64_t at)
{
    const struct auditor *auditor = judgement->auditor;

    for (uint64_t n = 1; n < auditor->stories_count && runs_at(auditor, at); n++) {
        const struct story *story = &auditor->stories[n];
        for (int i = 0; i < TOWN_NEEDS && story->asked; i++)
            if (auditor_asked_of(auditor, story)->person->needs >> town_needs[i] & 1)
                judge_held(judgement, n, story, town_needs[i], at);
    }
}

static void judge_meanwhile(struct judgement *judgement)
{
    int64_t begins = judgement->auditor->lives[0].from / AUDIT_DAY_MS * AUDIT_DAY_MS;
    int64_t ends = begins + LOOKS_DAYS * AUDIT_DAY_MS;

    ends = judgement->now < ends ? judgement->now : ends;
    for (int64_t at = begins + LOOK_AFTER_MS; at < ends; at += AUDIT_DAY_MS / 4)
        judge_all_held(judgement, at);
    judge_all_held(judgement, judgement->now);
}

void places_judge(struct judgement *judgement)
{
    judge_meanwhile(judgement);
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct lease *lease = &judgement->leases[i];
        judge_lease(judgement, lease);
        judge_choice(judgement, lease);
        for (int n = 0; n < TOWN_NEEDS; n++)
            if (lease->needs >> town_needs[n] & 1)
                judge_turn(judgement, lease, town_needs[n]);
    }
}
