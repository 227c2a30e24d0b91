/* SPDX-License-Identifier: MIT
 * town: drawing it, and writing it down. */
#include "tests/sim/town.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/check.h"

const enum need town_needs[TOWN_NEEDS] = {NEED_BEFRIENDING, NEED_HOUSING, NEED_FOOD, NEED_MEDICINES, NEED_BENEFITS};
const int town_metres_a_minute[TRANSPORT_NONE + 1] = {
    [TRANSPORT_WALK] = 80, [TRANSPORT_BUS] = 200, [TRANSPORT_CAR] = 400};
const char town_practice[] = "L83001";

struct writer {
    char *text;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void write_text(struct writer *writer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(writer->text + writer->used, writer->size - writer->used, format, arguments);
    va_end(arguments);
    assert(length >= 0 && writer->used + (size_t)length < writer->size);
    writer->used += (size_t)length;
}

/* ---- drawing ---- */

bool town_has(const struct town *town, enum town_feature feature)
{
    return town->features >> feature & 1;
}

static bool has_now_and_then(const struct town *town, enum town_feature feature, struct random *random, int percent)
{
    return town_has(town, feature) && random_chance(random, percent);
}

static void draw_features(struct town *town, struct random *random)
{
    int percent = random_chance(random, 25) ? 0 : random_chance(random, 10) ? 100 : 40;

    for (int i = 0; i < TOWN_FEATURES; i++)
        if (random_chance(random, percent))
            town->features |= 1u << i;
    if (town_has(town, TOWN_SHARED)) /* several hubs with one place between them for several needs */
        town->features |= 1u << TOWN_SEVERAL_NEEDS;
}

struct town_postcode town_postcode_at(int i)
{
    struct random random = {.state = (uint64_t)i + 7};
    struct town_postcode postcode = {.decile = i % 10 + 1};

    snprintf(postcode.text, sizeof postcode.text, "PL%d %d%s", i % 3 + 6, i / 3 % 4 + 1, i < 12 ? "AA" : "AB");
    postcode.easting = (int32_t)random_between(&random, 240000, 250000);
    postcode.northing = (int32_t)random_between(&random, 50000, 60000);
    if (i % 4)
        snprintf(postcode.area, sizeof postcode.area, "area-%d", (int)random_between(&random, 0, TOWN_AREAS_MAX - 1));
    return postcode;
}

static uint64_t draw_need(const struct town *town, struct random *random)
{
    return UINT64_C(1) << town_needs[random_between(random, 0, town->needs_count - 1)];
}

static void draw_persons(struct town_service *service, struct random *random)
{
    if (random_chance(random, 25))
        service->age_from = (uint32_t)random_between(random, 20, 60);
    if (random_chance(random, 25))
        service->age_to = service->age_from + (uint32_t)random_between(random, 5, 50);
    if (random_chance(random, 15))
        service->genders = UINT64_C(1) << random_between(random, GENDER_MALE, GENDER_NOT_STATED);
    if (random_chance(random, 15))
        service->senders = UINT64_C(1) << random_between(random, SOURCE_GP_LINK_WORKER, SOURCE_WELLBEING_HUB);
    service->carers_only = random_chance(random, 10);
    if (random_chance(random, 30))
        service->condition = (enum town_condition)random_between(random, 1, CONDITION_COUNT - 1);
}

/* Nobody takes a place at a universal hub. */
static void draw_room(const struct town *town, struct town_service *service, struct random *random)
{
    service->places = (uint32_t)random_between(random, random_chance(random, 15) ? 0 : 1, 4);
    if (has_now_and_then(town, TOWN_INTAKE, random, 50))
        service->per_week = (uint32_t)random_between(random, 1, 5);
    if (has_now_and_then(town, TOWN_SEATS, random, 40)) {
        service->seats = true;
        service->places += 4;
    }
}

static void draw_service(const struct town *town, enum tier tier, struct town_service *service, struct random *random)
{
    service->needs = draw_need(town, random);
    if (random_chance(random, town_has(town, TOWN_SHARED) ? 10 : 40))
        service->needs |= draw_need(town, random);
    service->citywide = random_chance(random, 40);
    service->shares_hub = -1;
    if (tier != TIER_UNIVERSAL)
        draw_room(town, service, random);
    if (has_now_and_then(town, TOWN_DATED, random, 40))
        service->from_day = town->starts_on + random_between(random, -3, 3);
    if (has_now_and_then(town, TOWN_DATED, random, 40))
        service->to_day = town->starts_on + random_between(random, 3, 8);
    if (has_now_and_then(town, TOWN_PERSONS, random, 60))
        draw_persons(service, random);
    service->emergency_only = town->emergency_needs & service->needs && random_chance(random, 40);
}

static void draw_era(const struct town *town, struct town_era *era, struct random *random)
{
    era->easting = (int32_t)random_between(random, 240000, 250000);
    era->northing = (int32_t)random_between(random, 50000, 60000);
    for (int i = 0; i < town->areas_count; i++) {
        era->home[i] = random_chance(random, 30);
        era->also[i] = has_now_and_then(town, TOWN_RINGS, random, 20);
    }
}

static void draw_hub(struct town *town, int index, struct random *random)
{
    static const enum hub_status statuses[] = {HUB_OPEN, HUB_OPEN, HUB_OPEN,   HUB_OPEN,    HUB_OPEN,
                                               HUB_OPEN, HUB_OPEN, HUB_PAUSED, HUB_PLANNED, HUB_CLOSED};
    struct town_party *hub = &town->parties[index];

    hub->status = statuses[random_between(random, 0, 9)];
    hub->tier = TIER_TARGETED;
    hub->parent = -1;
    if (town_has(town, TOWN_TIERS) && random_chance(random, 40))
        hub->tier = random_chance(random, 50) ? TIER_UNIVERSAL : TIER_SPECIALIST;
    if (random_chance(random, 20))
        hub->opens_on = town->starts_on + random_between(random, 1, 3);
    if (random_chance(random, 15))
        hub->closes_on = town->starts_on + random_between(random, 4, 6);
    if (has_now_and_then(town, TOWN_LIVES, random, 5))
        hub->status = HUB_DRAINING;
    hub->ask_again = has_now_and_then(town, TOWN_LIVES, random, 20);
    hub->eras_count = has_now_and_then(town, TOWN_LIVES, random, 30) ? 2 : 1;
    for (int i = 0; i < hub->eras_count; i++)
        draw_era(town, &hub->eras[i], random);
    if (hub->eras_count > 1)
        hub->eras[1].from_day = town->starts_on + random_between(random, 1, 4);
    if (index > 0 && town->parties[index - 1].role == ROLE_HUB && town->parties[index - 1].parent < 0 &&
        has_now_and_then(town, TOWN_RINGS, random, 30))
        hub->parent = index - 1;
    hub->services_count = (int)random_between(random, 1, town_has(town, TOWN_SHARED) ? 2 : TOWN_SERVICES_MAX);
    for (int i = 0; i < hub->services_count; i++) {
        snprintf(hub->services[i].id, sizeof hub->services[i].id, "service-%d", i % TOWN_SERVICES_MAX);
        draw_service(town, hub->tier, &hub->services[i], random);
    }
}

/* A service uses the places of one that came before it and has its own. */
static void draw_shares(struct town *town, struct random *random)
{
    int percent = random_chance(random, 50) ? 95 : 40; /* one organisation has all places, or some */
    int first = 0;

    while (town->parties[first].role != ROLE_HUB)
        first++;
    for (int i = 0; i < town->parties_count; i++)
        for (int j = 0; j < town->parties[i].services_count; j++) {
            struct town_service *service = &town->parties[i].services[j];
            if (town->parties[i].tier == TIER_UNIVERSAL || !has_now_and_then(town, TOWN_SHARED, random, percent))
                continue;
            bool at_first = random_chance(random, percent);
            int hub = at_first ? first : (int)random_between(random, 0, i);
            int row = at_first ? 0 : (int)random_between(random, 0, TOWN_SERVICES_MAX - 1);
            const struct town_party *other = &town->parties[hub];
            bool owns =
                row < other->services_count && other->services[row].shares_hub < 0 && other->tier != TIER_UNIVERSAL;
            if (!owns || (hub == i && row >= j) || other->services[row].seats != service->seats)
                continue;
            service->shares_hub = hub;
            service->shares_service = row;
        }
}

static void draw_parties(struct town *town, struct random *random)
{
    int senders = (int)random_between(random, 1, 4);
    int hubs = (int)random_between(random, 1, 8);

    town->parties_count = senders + hubs;
    for (int i = 0; i < town->parties_count; i++) {
        struct town_party *party = &town->parties[i];
        party->role = i < senders ? ROLE_SENDER : ROLE_HUB;
        snprintf(party->id, sizeof party->id, "%s-%d", i < senders ? "sender" : "hub", i);
        if (party->role == ROLE_HUB)
            draw_hub(town, i, random);
        else if (has_now_and_then(town, TOWN_PRACTICES, random, 60))
            snprintf(party->practice, sizeof party->practice, "Y9000%u", (unsigned)i % 10);
    }
    draw_shares(town, random);
    struct town_party *watcher = &town->parties[town->parties_count++];
    watcher->role = ROLE_OPERATOR;
    strcpy(watcher->id, "operator");
    struct town_party *officer = &town->parties[town->parties_count++];
    officer->role = ROLE_PRIVACY_OFFICER;
    strcpy(officer->id, "privacy");
}

/* The emergency rules are about needs that somebody meets. */
static void trim_emergency(struct town *town)
{
    uint64_t offered = 0;

    for (int i = 0; i < town->parties_count; i++) {
        const struct town_party *hub = &town->parties[i];
        bool comes_never = hub->status == HUB_CLOSED || (hub->status == HUB_PLANNED && !hub->opens_on);
        for (int j = 0; j < hub->services_count && hub->tier != TIER_UNIVERSAL && !comes_never; j++)
            offered |= hub->services[j].needs;
    }
    town->emergency_needs &= offered;
    for (int i = 0; i < town->parties_count && !town->emergency_needs; i++)
        for (int j = 0; j < town->parties[i].services_count; j++)
            town->parties[i].services[j].emergency_only = false;
}

/* ---- drawing: who works when, and how long is waited ---- */

/* Somebody works from Monday to Friday, somebody on a few days, somebody on Saturdays, too. */
static void draw_hours(struct town_hours *hours, struct random *random)
{
    int days = random_chance(random, 70) ? 5 : (int)random_between(random, 4, 6);
    int skipped = random_chance(random, 25) ? (int)random_between(random, 0, 4) : -1;

    hours->known = true;
    for (int i = 0; i < 7; i++) {
        hours->days[i] = (struct town_day){0};
        if (i >= days || i == skipped)
            continue;
        hours->days[i].opens = 30 * (int)random_between(random, 14, 20);
        hours->days[i].closes = hours->days[i].opens + 30 * (int)random_between(random, 8, 18);
    }
}

/* By priority, each half as long as the one before. */
static void draw_minutes(int minutes[PRIORITY_STAT + 1], struct random *random, int least, int most)
{
    int routine = (int)random_between(random, least, most);

    for (int i = PRIORITY_ROUTINE; i <= PRIORITY_STAT; i++)
        minutes[i] = routine >> (i - PRIORITY_ROUTINE);
}

static void draw_clock(const struct town *town, struct town_clock *clock, struct random *random, int least, int most)
{
    *clock = (struct town_clock){.silence = SILENCE_ATTENTION};
    draw_minutes(clock->minutes, random, least, most);
    if (has_now_and_then(town, TOWN_GRACE, random, 70))
        draw_minutes(clock->grace, random, 16, 600);
    if (has_now_and_then(town, TOWN_NEXT, random, 60))
        clock->silence = SILENCE_NEXT_HUB;
}

static void draw_hub_times(const struct town *town, struct town_party *hub, struct random *random)
{
    if (has_now_and_then(town, TOWN_HOURS, random, 70))
        draw_hours(&hub->hours, random);
    hub->closed_from = hub->closed_to = 0;
    if ((hub->hours.known || town->office.known) && random_chance(random, 30)) {
        hub->closed_from = town->starts_on + random_between(random, -1, 6);
        hub->closed_to = hub->closed_from + random_between(random, 0, 3);
    }
    hub->own_answer = has_now_and_then(town, TOWN_GRACE, random, 20);
    if (hub->own_answer)
        draw_clock(town, &hub->answer, random, 120, 600);
}

static void draw_times(struct town *town, struct random *random)
{
    if (has_now_and_then(town, TOWN_HOURS, random, 80)) {
        draw_hours(&town->office, random);
        for (int i = 0; i < TOWN_HOLIDAYS; i++)
            town->holidays[i] = town->starts_on + 5 * i + random_between(random, 0, 4);
    }
    for (int i = 0; i < town->parties_count; i++)
        if (town->parties[i].role == ROLE_HUB)
            draw_hub_times(town, &town->parties[i], random);
}

static void draw_deadlines(struct town *town, struct random *random)
{
    draw_clock(town, &town->clocks[STAGE_RECEIPT], random, 20, 700);
    draw_clock(town, &town->clocks[STAGE_ANSWER], random, 120, 600);
    draw_clock(town, &town->clocks[STAGE_CONTACT], random, 300, 1400);
    draw_clock(town, &town->clocks[STAGE_PROGRESS], random, 600, 3000);
    for (int i = PRIORITY_URGENT; i <= PRIORITY_STAT; i++) /* days and hours of different priorities do not compare */
        town->clocks[STAGE_PROGRESS].minutes[i] = town->clocks[STAGE_PROGRESS].minutes[PRIORITY_ROUTINE];
    town->pause = (int)random_between(random, 600, 3000);
    town->enquiry = (int)random_between(random, 200, 2000);
    town->waiting_review = (int)random_between(random, 200, 1500);
    town->attention_review = (int)random_between(random, 200, 1500);
    town->outcome_confirm = (int)random_between(random, 60, 600);
    int expiry = town_has(town, TOWN_EXPIRY) ? (int)random_between(random, 2, 4) : 300;
    town->waiting_expiry_ms = expiry * INT64_C(86400000);
}

static void draw_nearness(const struct town *town, struct town_nearness *nearness, struct random *random)
{
    nearness->neighbour_distance_m = (int32_t)random_between(random, 0, 6000);
    for (int ring = RING_HOME; ring <= RING_SATELLITE; ring++)
        nearness->rings[ring] = !has_now_and_then(town, TOWN_RINGS, random, 10);
    nearness->rings[RING_CITYWIDE] = true;
}

/* What a new version of the file may change of the town as a whole. */
static void draw_rules(struct town *town, struct random *random)
{
    if (town_has(town, TOWN_PACE))
        town->pace = (uint32_t)random_between(random, 1, 4);
    if (town_has(town, TOWN_WEIGHTS)) {
        town->core20 = (int)random_between(random, 0, 1);
        town->plus = (int)random_between(random, 0, 2);
        town->overtaken_ms = random_between(random, 5, 100) * INT64_C(3600000);
    }
}

void town_draw(struct town *town, struct random *random, int64_t starts_on, uint64_t left_out)
{
    memset(town, 0, sizeof *town);
    town->starts_on = starts_on;
    draw_features(town, random);
    town->features &= ~(uint32_t)left_out;
    town->needs_count = town->features ? (int)random_between(random, 3, TOWN_NEEDS) : 3;
    town->areas_count = (int)random_between(random, 1, TOWN_AREAS_MAX);
    town->hops_max = (int)random_between(random, 2, 6);
    draw_nearness(town, &town->usual, random);
    if (town_has(town, TOWN_EMERGENCY)) {
        town->emergency_needs = draw_need(town, random);
        town->emergency_needs |= draw_need(town, random);
        draw_nearness(town, &town->emergency, random);
    }
    if (town_has(town, TOWN_PLACES))
        town->nearest_m = (int32_t)random_between(random, 0, 1) * 2500;
    if (town_has(town, TOWN_STALE))
        town->fresh_ms = random_between(random, 2, 40) * INT64_C(3600000);
    town->overtaken_ms = INT64_C(60) * 86400000;
    draw_rules(town, random);
    for (int i = 0; i < town->areas_count; i++) {
        snprintf(town->areas[i].code, sizeof town->areas[i].code, "area-%d", i);
        town->areas[i].easting = (int32_t)random_between(random, 240000, 250000);
        town->areas[i].northing = (int32_t)random_between(random, 50000, 60000);
    }
    draw_parties(town, random);
    trim_emergency(town);
    draw_deadlines(town, random);
    draw_times(town, random);
}

static bool is_shared(const struct town *town, const struct town_service *owner)
{
    for (int i = 0; i < town->parties_count; i++)
        for (int j = 0; j < town->parties[i].services_count; j++) {
            const struct town_service *service = &town->parties[i].services[j];
            if (service->shares_hub >= 0 &&
                &town->parties[service->shares_hub].services[service->shares_service] == owner)
                return true;
        }
    return false;
}

/* A hub keeps its first service. */
static void come_and_go(const struct town *town, struct town_party *hub, struct random *random)
{
    for (int i = 1; i < hub->services_count; i++) {
        struct town_service *service = &hub->services[i];
        if (service->shares_hub < 0 && !is_shared(town, service) && !(service->needs & town->emergency_needs))
            service->is_gone = random_chance(random, 30);
    }
}

static void redraw_hub(const struct town *town, struct town_party *hub, struct random *random)
{
    if (hub->status == HUB_OPEN || hub->status == HUB_PAUSED || hub->status == HUB_DRAINING)
        hub->status = random_chance(random, 80) ? HUB_OPEN : HUB_PAUSED;
    if (hub->status == HUB_OPEN && has_now_and_then(town, TOWN_LIVES, random, 35))
        hub->status = HUB_DRAINING;
    if (has_now_and_then(town, TOWN_LIVES, random, 20))
        draw_era(town, &hub->eras[hub->eras_count - 1], random);
    if (town_has(town, TOWN_LIVES))
        come_and_go(town, hub, random);
    if (has_now_and_then(town, TOWN_HOURS, random, 20))
        draw_hub_times(town, hub, random);
    for (int i = 0; i < hub->services_count && hub->tier != TIER_UNIVERSAL; i++) {
        struct town_service *service = &hub->services[i];
        service->places = (uint32_t)random_between(random, 0, 4) + (service->seats ? 4 : 0);
        if (service->per_week)
            service->per_week = (uint32_t)random_between(random, 1, 5);
    }
}

void town_redraw(struct town *town, struct random *random)
{
    town->number++;
    town->hops_max = (int)random_between(random, 1, 6);
    draw_rules(town, random);
    for (int i = 0; i < town->parties_count; i++)
        if (town->parties[i].role == ROLE_HUB)
            redraw_hub(town, &town->parties[i], random);
}

/* ---- writing ---- */

static void write_codes(struct writer *writer, const char *name, enum code_list list, uint64_t codes)
{
    const char *separator = "";

    if (!codes)
        return;
    write_text(writer, "%s = [", name);
    for (int code = 1; code < 64; code++)
        if (codes >> code & 1) {
            write_text(writer, "%s\"%s\"", separator, code_text(list, code));
            separator = ", ";
        }
    write_text(writer, "]; ");
}

static void write_day(struct writer *writer, const char *name, int64_t day)
{
    char text[11];

    if (!day)
        return;
    date_format(day, text);
    write_text(writer, "%s = \"%s\"; ", name, text);
}

static void write_persons(struct writer *writer, const struct town_service *service)
{
    static const char *const conditions[CONDITION_COUNT] = {
        [CONDITION_NO_ADJUSTMENTS_BUT] =
            "{ fact = \"reasonable_adjustments\"; only = [\"wheelchairaccess\", \"largeprint\"]; }",
        [CONDITION_NO_INTERPRETER] = "{ fact = \"interpreter_needed\"; is = false; }",
        [CONDITION_PRESSING] = "{ fact = \"priority\"; any_of = [\"urgent\", \"asap\", \"stat\"]; }",
        [CONDITION_GROUP] = "{ fact = \"plus_groups\"; any_of = [\"group-0\"]; }",
        [CONDITION_SAFE_TO_VISIT] = "{ fact = \"risk_flags\"; none_of = [\"lone-visit\", \"animal\"]; }",
        [CONDITION_ADULT] = "{ fact = \"age\"; at_least = 18; }",
    };

    if (service->age_from)
        write_text(writer, "age_from = %u; ", service->age_from);
    if (service->age_to)
        write_text(writer, "age_to = %u; ", service->age_to);
    write_codes(writer, "genders", LIST_gender, service->genders);
    write_codes(writer, "senders", LIST_referral_source, service->senders);
    if (service->carers_only)
        write_text(writer, "carers_only = true; ");
    if (service->condition)
        write_text(writer, "conditions = ( %s ); ", conditions[service->condition]);
}

static void write_hours(struct writer *writer, const char *name, const struct town_hours *hours)
{
    static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *separator = "";

    if (!hours->known)
        return;
    write_text(writer, "%s = [", name);
    for (int i = 0; i < 7; i++) {
        const struct town_day *day = &hours->days[i];
        if (!day->closes)
            continue;
        write_text(writer, "%s\"%s %02d:%02d-%02d:%02d\"", separator, weekdays[i], day->opens / 60, day->opens % 60,
                   day->closes / 60, day->closes % 60);
        separator = ", ";
    }
    write_text(writer, "]; ");
}

static void write_clock(struct writer *writer, enum stage stage, const struct town_clock *clock)
{
    write_text(writer, "%s = {", code_text(LIST_stage, (int)stage));
    for (int i = PRIORITY_ROUTINE; i <= PRIORITY_STAT; i++)
        write_text(writer, " %s = \"%dm\";", code_text(LIST_priority, i), clock->minutes[i]);
    for (int i = PRIORITY_ROUTINE; i <= PRIORITY_STAT && stage != STAGE_RECEIPT; i++)
        write_text(writer, " grace_%s = \"%dm\";", code_text(LIST_priority, i), clock->grace[i]);
    if (stage == STAGE_CONTACT || stage == STAGE_PROGRESS)
        write_text(writer, " silence = \"%s\";", code_text(LIST_silence, (int)clock->silence));
    write_text(writer, " }; ");
}

static void write_deadlines(struct writer *writer, const struct town *town)
{
    write_text(writer, "deadlines = { ");
    for (int stage = STAGE_RECEIPT; stage <= STAGE_PROGRESS; stage++)
        write_clock(writer, (enum stage)stage, &town->clocks[stage]);
    write_text(writer, "pause = \"%dm\"; enquiry = \"%dm\"; attention_review = \"%dm\"; waiting_review = \"%dm\"; ",
               town->pause, town->enquiry, town->attention_review, town->waiting_review);
    write_text(writer, "outcome_confirm = \"%dm\"; waiting_expiry = \"%dm\"; };\n", town->outcome_confirm,
               (int)(town->waiting_expiry_ms / 60000));
}

static void write_service(struct writer *writer, const struct town *town, const struct town_party *hub,
                          const struct town_service *service)
{
    write_text(writer, "{ id = \"%s\"; ", service->id);
    if (hub->tier == TIER_UNIVERSAL)
        write_text(writer, " ");
    else if (service->shares_hub >= 0)
        write_text(writer, "shares = \"%s/%s\"; ", town->parties[service->shares_hub].id,
                   town->parties[service->shares_hub].services[service->shares_service].id);
    else
        write_text(writer, "%s = %u; ", service->seats ? "seats" : "places", service->places);
    if (service->per_week)
        write_text(writer, "per_week = %u; ", service->per_week);
    if (service->citywide)
        write_text(writer, "citywide = true; ");
    if (service->emergency_only)
        write_text(writer, "emergency_only = true; ");
    write_day(writer, "from", service->from_day);
    write_day(writer, "to", service->to_day);
    write_persons(writer, service);
    write_codes(writer, "needs", LIST_need, service->needs);
    write_text(writer, "}");
}

static void write_areas(struct writer *writer, const struct town *town, const char *name,
                        const bool areas[TOWN_AREAS_MAX])
{
    const char *separator = "";

    write_text(writer, "%s = [", name);
    for (int i = 0; i < town->areas_count; i++)
        if (areas[i]) {
            write_text(writer, "%s\"%s\"", separator, town->areas[i].code);
            separator = ", ";
        }
    write_text(writer, "]; ");
}

static void write_era(struct writer *writer, const struct town *town, const struct town_era *era)
{
    write_text(writer, "easting = %d; northing = %d; ", (int)era->easting, (int)era->northing);
    write_areas(writer, town, "areas", era->home);
    write_areas(writer, town, "also_serves", era->also);
}

static void write_hub(struct writer *writer, const struct town *town, const struct town_party *hub)
{
    write_text(writer, "{ id = \"%s\"; name = \"Hub %s\"; tier = \"%s\"; status = \"%s\"; ", hub->id, hub->id,
               code_text(LIST_tier, (int)hub->tier), code_text(LIST_hub_status, (int)hub->status));
    write_day(writer, "opens_on", hub->opens_on);
    write_day(writer, "closes_on", hub->closes_on);
    if (hub->ask_again)
        write_text(writer, "ask_again = true; ");
    if (hub->parent >= 0)
        write_text(writer, "satellite_of = \"%s\"; ", town->parties[hub->parent].id);
    write_era(writer, town, &hub->eras[0]);
    if (hub->eras_count > 1) {
        write_text(writer, "changes = ( { ");
        write_day(writer, "from", hub->eras[1].from_day);
        write_era(writer, town, &hub->eras[1]);
        write_text(writer, "} ); ");
    }
    write_hours(writer, "hours", &hub->hours);
    if (hub->closed_from) {
        write_text(writer, "closures = ( { ");
        write_day(writer, "from", hub->closed_from);
        write_day(writer, "to", hub->closed_to);
        write_text(writer, "} ); ");
    }
    if (hub->own_answer) {
        write_text(writer, "deadlines = { ");
        write_clock(writer, STAGE_ANSWER, &hub->answer);
        write_text(writer, "}; ");
    }
    write_text(writer, "services = (");
    for (int i = 0; i < hub->services_count; i++)
        if (!hub->services[i].is_gone) {
            write_text(writer, i ? ", " : "");
            write_service(writer, town, hub, &hub->services[i]);
        }
    write_text(writer, "); }");
}

static void write_nearness(struct writer *writer, const struct town_nearness *nearness)
{
    static const enum ring order[] = {RING_HOME, RING_SATELLITE, RING_NEIGHBOUR, RING_CITYWIDE};
    const char *separator = "";

    write_text(writer, "neighbour_distance = \"%dm\"; rings = [", (int)nearness->neighbour_distance_m);
    for (int i = 0; i < 4; i++)
        if (nearness->rings[order[i]]) {
            write_text(writer, "%s\"%s\"", separator, code_text(LIST_ring, (int)order[i]));
            separator = ", ";
        }
    write_text(writer, "]; ");
}

static void write_holidays(struct writer *writer, const struct town *town)
{
    char day[11];

    if (!town->holidays[0])
        return;
    write_text(writer, "bank_holidays = [");
    for (int i = 0; i < TOWN_HOLIDAYS; i++) {
        date_format(town->holidays[i], day);
        write_text(writer, "%s\"%s\"", i ? ", " : "", day);
    }
    write_text(writer, "];\n");
}

static void write_rules(struct writer *writer, const struct town *town)
{
    write_text(writer, "name = \"Town %d\"; hops_max = %d; ", town->number, town->hops_max);
    write_nearness(writer, &town->usual);
    if (town->pace)
        write_text(writer, "pace = %u; ", town->pace);
    if (town->fresh_ms)
        write_text(writer, "fresh = \"%dm\"; ", (int)(town->fresh_ms / 60000));
    write_text(writer, "nearest = \"%dm\"; ", (int)town->nearest_m);
    write_text(writer, "plus_groups = [\"group-0\", \"group-1\"]; ");
    write_text(writer, "core20_weight = %d; plus_weight = %d; overtaken_after = \"%dm\";\n", town->core20, town->plus,
               (int)(town->overtaken_ms / 60000));
    if (town->emergency_needs) {
        write_text(writer, "emergency = { ");
        write_codes(writer, "needs", LIST_need, town->emergency_needs);
        write_nearness(writer, &town->emergency);
        write_text(writer, "};\n");
    }
    write_text(writer, "travel = {");
    for (int mode = TRANSPORT_WALK; mode <= TRANSPORT_CAR; mode++)
        write_text(writer, " %s = \"%dm\";", code_text(LIST_transport, mode), town_metres_a_minute[mode]);
    write_text(writer, " };\n");
    write_hours(writer, "office_hours", &town->office);
    write_holidays(writer, town);
    write_deadlines(writer, town);
}

void town_write(const struct town *town, char text[TOWN_TEXT_BYTES])
{
    struct writer writer = {.text = text, .size = TOWN_TEXT_BYTES};
    const char *separator = "";

    write_rules(&writer, town);
    write_text(&writer, "neighbourhoods = (");
    for (int i = 0; i < town->areas_count; i++)
        write_text(&writer, "%s{ code = \"%s\"; name = \"Area %d\"; easting = %d; northing = %d; }", i ? ", " : "",
                   town->areas[i].code, i, (int)town->areas[i].easting, (int)town->areas[i].northing);
    write_text(&writer, ");\npractices = ( { ods = \"%s\"; area = \"%s\"; easting = %d; northing = %d; } );\n",
               town_practice, town->areas[0].code, (int)town->areas[0].easting, (int)town->areas[0].northing);
    write_text(&writer, "hubs = (");
    for (int i = 0; i < town->parties_count; i++)
        if (town->parties[i].role == ROLE_HUB) {
            write_text(&writer, "%s", separator);
            write_hub(&writer, town, &town->parties[i]);
            separator = ",\n";
        }
    write_text(&writer, ");\nsenders = (");
    for (int i = 0; i < town->parties_count && town->parties[i].role == ROLE_SENDER; i++) {
        write_text(&writer, "%s{ id = \"%s\"; name = \"Sender %d\"; kind = \"gp_link_worker\"; ", i ? ", " : "",
                   town->parties[i].id, i);
        if (town->parties[i].practice[0])
            write_text(&writer, "practice = \"%s\"; ", town->parties[i].practice);
        write_text(&writer, "}");
    }
    write_text(&writer, ");\n");
}

/* ---- finding ---- */

static bool is(const char *id, const char *bytes, size_t length)
{
    return strlen(id) == length && memcmp(id, bytes, length) == 0;
}

int town_find_party(const struct town *town, const char *id, size_t length)
{
    for (int i = 0; i < town->parties_count; i++)
        if (is(town->parties[i].id, id, length))
            return i;
    return -1;
}

int town_find_area(const struct town *town, const char *code, size_t length)
{
    for (int i = 0; i < town->areas_count; i++)
        if (is(town->areas[i].code, code, length))
            return i;
    return -1;
}

int town_find_service(const struct town_party *hub, const char *id, size_t length)
{
    for (int i = 0; i < hub->services_count; i++)
        if (is(hub->services[i].id, id, length))
            return i;
    return -1;
}

const struct town_clock *town_clock_of(const struct town *town, const struct town_party *hub, enum stage stage)
{
    return stage == STAGE_ANSWER && hub->own_answer ? &hub->answer : &town->clocks[stage];
}

const struct town_era *town_era_on(const struct town_party *hub, int64_t day)
{
    const struct town_era *era = &hub->eras[0];

    for (int i = 1; i < hub->eras_count; i++)
        if (day >= hub->eras[i].from_day)
            era = &hub->eras[i];
    return era;
}

int town_operator(const struct town *town)
{
    return town->parties_count - 2;
}

int town_privacy(const struct town *town)
{
    return town->parties_count - 1;
}
