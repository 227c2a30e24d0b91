/* SPDX-License-Identifier: MIT
 * auditor_law: the rules of the town, once more, as plainly as they can be said. What was in force at a moment is not
 * always known from outside (something was said, and its answer not yet sent), so that a rule may hold perhaps. */
#include "tests/sim/auditor_inside.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define SLACK_M 2 /* distances are rounded somehow */

/* One of the networks that may have been in force, and whether the emergency rules were on. */
struct view {
    const struct town *town;
    int64_t day;
    bool emergency;
    bool released; /* an operator has decided what a person has to decide */
    bool pressing; /* more than routine */
    int slack_m;   /* less is stricter */
    const struct person *person;
};

/* ---- days ---- */

/* In summer from the last Sunday of March to the last Sunday of October, 01:00 UTC: 2027 is all that a run meets. */
int64_t law_ahead_ms(int64_t at)
{
    const int64_t begins = INT64_C(1806195600000), ends = INT64_C(1824944400000);

    return at >= begins && at < ends ? 3600000 : 0;
}

int64_t law_day(int64_t at)
{
    return (at + law_ahead_ms(at)) / AUDIT_DAY_MS;
}

/* 1970-01-01 was a Thursday. */
int64_t law_monday(int64_t day)
{
    return day - (day + 3) % 7;
}

static int age_on(int64_t born, int64_t day)
{
    time_t then = (time_t)(born * 86400), now = (time_t)(day * 86400);
    struct tm birth, today;

    gmtime_r(&then, &birth);
    gmtime_r(&now, &today);
    bool had_birthday = today.tm_mon > birth.tm_mon || (today.tm_mon == birth.tm_mon && today.tm_mday >= birth.tm_mday);
    return today.tm_year - birth.tm_year - !had_birthday;
}

/* ---- where a person is ---- */

static double metres(int32_t easting, int32_t northing, int32_t other_easting, int32_t other_northing)
{
    return hypot((double)easting - other_easting, (double)northing - other_northing);
}

static void place_at(struct person *person, int area, int32_t easting, int32_t northing)
{
    person->located = true;
    person->area = area;
    person->easting = easting;
    person->northing = northing;
}

static int nearest_area(const struct town *town, const struct town_postcode *postcode)
{
    int best = -1;
    double least = town->nearest_m;

    for (int i = 0; i < town->areas_count && town->nearest_m; i++) {
        double distance =
            metres(postcode->easting, postcode->northing, town->areas[i].easting, town->areas[i].northing);
        if (distance <= least) {
            least = distance;
            best = i;
        }
    }
    return best;
}

static bool locate_postcode(const struct town *town, struct text text, struct person *person)
{
    if (!town_has(town, TOWN_PLACES))
        return false;
    for (int i = 0; i < TOWN_POSTCODES; i++) {
        struct town_postcode postcode = town_postcode_at(i);
        if (text.length != strlen(postcode.text) || memcmp(text.bytes, postcode.text, text.length) != 0)
            continue;
        int area = postcode.area[0] ? town_find_area(town, postcode.area, strlen(postcode.area))
                                    : nearest_area(town, &postcode);
        place_at(person, area, postcode.easting, postcode.northing);
        person->decile = postcode.decile;
        return true;
    }
    return false;
}

static int first_area(const struct town *town, const struct town_era *era)
{
    for (int i = 0; i < town->areas_count; i++)
        if (era->home[i])
            return i;
    return -1;
}

void law_locate(const struct town *town, const struct message *message, struct person *person)
{
    struct text code = message_text(message, FIELD_neighbourhood_code);
    struct text contact = message_text(message, FIELD_contact_hub_id);
    struct text practice = message_text(message, FIELD_gp_practice_ods);
    int area = code.length ? town_find_area(town, code.bytes, code.length) : -1;
    int hub = contact.length ? town_find_party(town, contact.bytes, contact.length) : -1;

    person->area = -1;
    if (area >= 0)
        place_at(person, area, town->areas[area].easting, town->areas[area].northing);
    else if (hub >= 0)
        place_at(person, first_area(town, &town->parties[hub].eras[0]), town->parties[hub].eras[0].easting,
                 town->parties[hub].eras[0].northing);
    else if (practice.length == strlen(town_practice) && memcmp(practice.bytes, town_practice, practice.length) == 0)
        place_at(person, 0, town->areas[0].easting, town->areas[0].northing);
    person->without_postcode.located = person->located;
    person->without_postcode.area = person->area;
    person->without_postcode.easting = person->easting;
    person->without_postcode.northing = person->northing;
    law_relocate(town, message, person);
}

void law_relocate(const struct town *town, const struct message *message, struct person *person)
{
    if (!message_has(message, FIELD_postcode) || locate_postcode(town, message_text(message, FIELD_postcode), person))
        return;
    person->located = person->without_postcode.located;
    person->area = person->without_postcode.area;
    person->easting = person->without_postcode.easting;
    person->northing = person->without_postcode.northing;
    person->decile = 0;
}

static bool is_held(const struct person *person, int64_t day, bool released)
{
    bool consent_over = person->consent_until && person->consent_until < day;
    bool is_outside = person->located && person->area < 0;

    return consent_over || (!released && (person->safeguarding || person->consent_in_doubt || is_outside));
}

/* ---- what was said about a referral ---- */

const struct story *law_story(const struct auditor *auditor, const struct asked *asked)
{
    return &auditor->stories[asked->given];
}

/* What was refused, and never done, does not count. */
bool law_was_said_between(const struct auditor *auditor, uint64_t referral, enum message_type type, int64_t from,
                          int64_t to)
{
    const struct story *story = referral < auditor->stories_count ? &auditor->stories[referral] : NULL;

    for (uint32_t i = 0; story && i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type == type && change->said_at <= to && (!change->done_at || change->done_at >= from) &&
            (!change->refusal || change->agreed))
            return true;
    }
    return false;
}

bool law_was_said(const struct auditor *auditor, uint64_t referral, enum message_type type, int64_t until)
{
    return law_was_said_between(auditor, referral, type, INT64_MIN, until);
}

bool law_was_touched(const struct auditor *auditor, uint64_t referral, int64_t until)
{
    static const enum message_type types[] = {MESSAGE_update,    MESSAGE_hold,    MESSAGE_release,
                                              MESSAGE_place,     MESSAGE_reoffer, MESSAGE_prioritise,
                                              MESSAGE_turn_away, MESSAGE_erase,   MESSAGE_cancel};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (law_was_said(auditor, referral, types[i], until))
            return true;
    return false;
}

int law_persons(const struct auditor *auditor, const struct asked *asked, int64_t at,
                const struct person *persons[PERSONS_MAX])
{
    const struct story *story = law_story(auditor, asked);
    int count = 0;

    persons[count++] = asked->person;
    for (uint32_t i = 0; i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type != MESSAGE_update || change->party != asked->party || change->said_at > at ||
            (change->refusal && !change->agreed))
            continue;
        if (change->done_at && change->done_at < at)
            count = 0;
        if (count < PERSONS_MAX)
            persons[count++] = change->person;
    }
    return count;
}

enum may law_is_held(const struct auditor *auditor, const struct asked *asked, int64_t at)
{
    const struct person *persons[PERSONS_MAX];
    int count = law_persons(auditor, asked, at, persons);
    bool all = true, some = false;

    for (int i = 0; i < count; i++)
        for (int released = 0; released <= law_was_said(auditor, asked->given, MESSAGE_release, at); released++) {
            bool held = is_held(persons[i], law_day(at), released);
            all = all && held;
            some = some || held;
        }
    return all ? MAY : some ? MAY_PERHAPS : MAY_NOT;
}

/* ---- one network ---- */

static enum hub_status status_on(const struct town_party *hub, int64_t day)
{
    if (hub->status == HUB_CLOSED || (hub->closes_on && day >= hub->closes_on))
        return HUB_CLOSED;
    if (hub->opens_on ? day < hub->opens_on : hub->status == HUB_PLANNED)
        return HUB_PLANNED;
    return hub->status == HUB_PLANNED ? HUB_OPEN : hub->status;
}

static bool is_running(const struct view *view, const struct town_service *service)
{
    return (!service->emergency_only || view->emergency) && (!service->from_day || view->day >= service->from_day) &&
           (!service->to_day || view->day <= service->to_day);
}

static bool meets_condition(const struct view *view, enum town_condition condition, int age)
{
    const uint64_t provided = BIT_OF(ADJUST_WHEELCHAIR) | BIT_OF(ADJUST_LARGE_PRINT);
    const struct person *person = view->person;

    switch (condition) {
    case CONDITION_NO_ADJUSTMENTS_BUT:
        return !(person->adjustments & ~provided);
    case CONDITION_NO_INTERPRETER:
        return !person->interpreter_needed;
    case CONDITION_PRESSING:
        return view->pressing;
    case CONDITION_GROUP:
        return person->groups & 1;
    case CONDITION_SAFE_TO_VISIT:
        return !(person->risks & (BIT_OF(RISK_LONE_VISIT) | BIT_OF(RISK_ANIMAL)));
    case CONDITION_ADULT:
        return age >= 18;
    case CONDITION_NONE:
    case CONDITION_COUNT:
        break;
    }
    return true;
}

static bool is_for(const struct view *view, const struct town_service *service, int64_t submitted_at)
{
    const struct person *person = view->person;
    int age = age_on(person->born, law_day(submitted_at));

    return (!service->senders || service->senders >> person->source & 1) && age >= (int)service->age_from &&
           (!service->age_to || age <= (int)service->age_to) &&
           (!service->genders || service->genders >> person->gender & 1) &&
           (!service->carers_only || person->is_carer) && meets_condition(view, service->condition, age);
}

/* How near the hub stands by the rules of the town, from 1; 0: it does not serve the person. */
static int nearness_of(const struct view *view, const struct person *person, enum need need,
                       const struct town_party *hub, const struct town_service *service)
{
    const struct town *town = view->town;
    bool pressing = view->emergency && town->emergency_needs >> need & 1;
    const struct town_nearness *near = pressing ? &town->emergency : &town->usual;
    const struct town_era *era = town_era_on(hub, view->day);
    double distance = metres(person->easting, person->northing, era->easting, era->northing);
    bool has_area = person->area >= 0;

    if (has_area && era->home[person->area] && near->rings[RING_HOME])
        return 1;
    if (has_area && hub->parent >= 0 && near->rings[RING_SATELLITE] &&
        town_era_on(&town->parties[hub->parent], view->day)->home[person->area])
        return 2;
    if (near->rings[RING_NEIGHBOUR] && ((has_area && era->also[person->area]) ||
                                        (person->located && distance <= near->neighbour_distance_m + view->slack_m)))
        return 3;
    return (service->citywide || hub->tier == TIER_SPECIALIST) && near->rings[RING_CITYWIDE] ? 4 : 0;
}

static bool can_travel(const struct view *view, const struct person *person, const struct town_party *hub)
{
    const struct town_era *era = town_era_on(hub, view->day);

    return !person->travel_m || !person->located ||
           metres(person->easting, person->northing, era->easting, era->northing) <= person->travel_m + view->slack_m;
}

static bool fits(const struct view *view, int64_t submitted_at, enum need need, int hub, int service)
{
    const struct person *person = view->person;
    const struct town_party *party = &view->town->parties[hub];
    const struct town_service *offered = &party->services[service];

    return party->role == ROLE_HUB && !offered->is_gone && !(person->excluded >> hub & 1) &&
           status_on(party, view->day) == HUB_OPEN && offered->needs >> need & 1 && is_running(view, offered) &&
           is_for(view, offered, submitted_at) && can_travel(view, person, party);
}

static bool allows(const struct view *view, const struct asked *asked, int64_t submitted_at, enum need need, int hub,
                   int service)
{
    const struct town_party *party = &view->town->parties[hub];
    enum tier tier = party->tier;
    bool right_tier = view->person->tier == TIER_SPECIALIST ? tier == TIER_SPECIALIST : tier != TIER_UNIVERSAL;

    return right_tier && hub != asked->party && !is_held(view->person, view->day, view->released) &&
           nearness_of(view, view->person, need, party, &party->services[service]) &&
           fits(view, submitted_at, need, hub, service);
}

static bool signposts(const struct view *view, const struct asked *asked, int64_t submitted_at, enum need need, int hub,
                      int service)
{
    (void)asked;
    return view->town->parties[hub].tier == TIER_UNIVERSAL && fits(view, submitted_at, need, hub, service);
}

/* ---- whatever was in force ---- */

void law_versions(const struct auditor *auditor, int64_t at, uint32_t *first, uint32_t *count)
{
    uint32_t i = 0;

    while (i + 1 < auditor->versions_count && auditor->versions[i + 1].at < at)
        i++;
    *first = i;
    *count = 1;
    while (i + *count < auditor->versions_count && auditor->versions[i + *count].at <= at)
        ++*count;
}

static bool is_on(const struct alarm *alarm, int64_t at)
{
    return at < alarm->until;
}

/* Whether the emergency rules may have been on, and off. */
static void emergencies(const struct auditor *auditor, int64_t at, bool may_be[2])
{
    struct alarm before = {.at = -AUDIT_DAY_MS};

    for (uint32_t i = 0; i < auditor->alarms_count; i++)
        if (auditor->alarms[i].certain && auditor->alarms[i].at < at && auditor->alarms[i].at >= before.at)
            before = auditor->alarms[i];
    may_be[0] = may_be[1] = false;
    may_be[is_on(&before, at)] = true;
    if (before.until == at)
        may_be[0] = may_be[1] = true;
    for (uint32_t i = 0; i < auditor->alarms_count; i++) {
        const struct alarm *alarm = &auditor->alarms[i];
        int64_t from = alarm->certain ? before.at : before.at - AUDIT_UNDER_WAY_MS;
        if (alarm->at >= from && alarm->at <= at)
            may_be[is_on(alarm, at)] = true;
    }
}

typedef bool (*rule)(const struct view *, const struct asked *, int64_t submitted_at, enum need, int hub, int service);

static enum may judge(const struct auditor *auditor, rule holds, const struct asked *asked, enum need need, int hub,
                      int service, int64_t at)
{
    int64_t submitted_at = law_story(auditor, asked)->submitted_at;
    const struct person *persons[PERSONS_MAX];
    int persons_count = law_persons(auditor, asked, at, persons);
    bool may_be_released = law_was_said(auditor, asked->given, MESSAGE_release, at);
    uint32_t priorities = law_priorities(auditor, asked, at);
    uint32_t first, count;
    bool may_be[2];
    bool all = true, some = false;

    law_versions(auditor, at, &first, &count);
    emergencies(auditor, at, may_be);
    for (uint32_t i = first; i < first + count; i++)
        for (int choice = 0; choice < 8 * persons_count; choice++) {
            struct view view = {.town = auditor->versions[i].town,
                                .day = law_day(at),
                                .emergency = choice & 1,
                                .released = choice & 2,
                                .pressing = choice & 4,
                                .person = persons[choice / 8]};
            uint32_t fitting =
                priorities & (view.pressing ? ~(uint32_t)BIT_OF(PRIORITY_ROUTINE) : (uint32_t)BIT_OF(PRIORITY_ROUTINE));
            if (!may_be[view.emergency] || (view.released && !may_be_released) || !fitting)
                continue;
            view.slack_m = SLACK_M;
            some = some || holds(&view, asked, submitted_at, need, hub, service);
            view.slack_m = -SLACK_M;
            all = all && holds(&view, asked, submitted_at, need, hub, service);
        }
    return all ? MAY : some ? MAY_PERHAPS : MAY_NOT;
}

enum may law_allow(const struct auditor *auditor, const struct asked *asked, enum need need, int hub, int service,
                   int64_t at)
{
    return judge(auditor, allows, asked, need, hub, service, at);
}

enum may law_signpost(const struct auditor *auditor, const struct asked *asked, enum need need, int hub, int service,
                      int64_t at)
{
    return judge(auditor, signposts, asked, need, hub, service, at);
}

int law_nearness(const struct auditor *auditor, const struct asked *asked, enum need need, int hub, int service,
                 int64_t at)
{
    const struct person *persons[PERSONS_MAX];
    uint32_t first, count;
    bool may_be[2];
    int nearness = -1;

    if (law_persons(auditor, asked, at, persons) > 1)
        return 0;
    law_versions(auditor, at, &first, &count);
    emergencies(auditor, at, may_be);
    for (uint32_t i = first; i < first + count; i++)
        for (int view_number = 0; view_number < 4; view_number++) {
            struct view view = {.town = auditor->versions[i].town,
                                .day = law_day(at),
                                .emergency = view_number & 1,
                                .slack_m = view_number & 2 ? SLACK_M : -SLACK_M};
            const struct town_party *party = &view.town->parties[hub];
            int here = nearness_of(&view, persons[0], need, party, &party->services[service]);
            if (!may_be[view.emergency])
                continue;
            if (nearness >= 0 && nearness != here)
                return 0;
            nearness = here;
        }
    return nearness;
}

bool law_may_stand(const struct auditor *auditor, int hub, int64_t at, uint64_t statuses)
{
    uint32_t first, count;
    uint64_t found = 0;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        found |= BIT_OF(status_on(&auditor->versions[i].town->parties[hub], law_day(at)));
    return found & statuses;
}

static void widen(struct limits *limits, uint32_t figure)
{
    uint32_t limit = figure ? figure : UINT32_MAX;

    limits->least = limit < limits->least ? limit : limits->least;
    limits->most = limit > limits->most ? limit : limits->most;
}

struct limits law_pace(const struct auditor *auditor, int64_t at)
{
    struct limits limits = {.least = UINT32_MAX};
    uint32_t first, count;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        widen(&limits, auditor->versions[i].town->pace);
    return limits;
}

struct limits law_hops(const struct auditor *auditor, int64_t at)
{
    struct limits limits = {.least = UINT32_MAX};
    uint32_t first, count;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        widen(&limits, (uint32_t)auditor->versions[i].town->hops_max);
    return limits;
}

struct limits law_per_week(const struct auditor *auditor, int hub, int service, int64_t at)
{
    struct limits limits = {.least = UINT32_MAX};
    uint32_t first, count;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        widen(&limits, auditor->versions[i].town->parties[hub].services[service].per_week);
    return limits;
}

int law_weight(const struct auditor *auditor, const struct person *person, int64_t at)
{
    uint32_t first, count;
    int weight = -1;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++) {
        const struct town *town = auditor->versions[i].town;
        int here = (person->decile == 1 || person->decile == 2 ? town->core20 : 0) + (person->groups ? town->plus : 0);
        if (weight >= 0 && weight != here)
            return -1;
        weight = here;
    }
    return weight;
}

/* ---- how long is waited ---- */

static void spread(struct moments *moments, int64_t at)
{
    moments->least = at < moments->least ? at : moments->least;
    moments->most = at > moments->most ? at : moments->most;
}

static int minutes_of(const struct town *town, int hub, enum stage stage, int priority, bool grace)
{
    const struct town_clock *clock;

    if (stage == STAGE_PAUSE)
        return grace ? 0 : town->pause;
    if (stage == STAGE_ENQUIRY)
        return grace ? 0 : town->enquiry;
    if (stage == STAGE_REVIEW)
        return grace ? 0 : town->attention_review;
    clock = town_clock_of(town, &town->parties[hub], stage);
    return grace ? clock->grace[priority] : clock->minutes[priority];
}

static struct moments waits(const struct auditor *auditor, int hub, enum stage stage, uint32_t priorities, bool grace,
                            int64_t at)
{
    struct moments moments = {.least = INT64_MAX, .most = INT64_MIN};
    uint32_t first, count;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++)
            if (priorities >> priority & 1) {
                const struct town *town = auditor->versions[i].town;
                spread(&moments, hours_after(town, hub, at, minutes_of(town, hub, stage, priority, grace)));
            }
    return moments;
}

struct moments law_due(const struct auditor *auditor, int hub, enum stage stage, uint32_t priorities, int64_t at)
{
    return waits(auditor, hub, stage, priorities, false, at);
}

struct moments law_grace(const struct auditor *auditor, int hub, enum stage stage, uint32_t priorities, int64_t at)
{
    return waits(auditor, hub, stage, priorities, true, at);
}

uint32_t law_priorities(const struct auditor *auditor, const struct asked *asked, int64_t at)
{
    const struct story *story = law_story(auditor, asked);
    uint32_t priorities = (uint32_t)BIT_OF(asked->person->priority);

    for (uint32_t i = 0; i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type != MESSAGE_prioritise || change->said_at > at || (change->refusal && !change->agreed))
            continue;
        if (change->done_at && change->done_at < at)
            priorities = 0;
        priorities |= (uint32_t)BIT_OF(change->priority);
    }
    return priorities;
}

bool law_may_follow(const struct auditor *auditor, enum stage stage, enum silence silence, int64_t at)
{
    uint32_t first, count;
    bool may = false;

    law_versions(auditor, at, &first, &count);
    for (uint32_t i = first; i < first + count; i++)
        may = may || auditor->versions[i].town->clocks[stage].silence == silence;
    return may;
}
