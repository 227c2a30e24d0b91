/* SPDX-License-Identifier: MIT
 * differences: see differences.h. A table for each kind of thing says which of its members is which setting. */
#include "daemon/differences.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>

#include "proto/check.h"

#define VALUE_BYTES 16384 /* compared as a whole, shown as far as there is room */

struct value_text {
    char bytes[VALUE_BYTES];
    size_t length;
};

struct differing {
    const struct network *before, *after;
    void (*found)(void *, const struct difference *);
    void *argument;
    struct value_text values[2];
    char shown[2][DIFFERENCE_VALUE_BYTES];
    struct difference about; /* what stays the same for all settings of one thing */
};

/* ---- values as text ---- */

static void add(struct value_text *, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct value_text *value, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof value->bytes - value->length;

    va_start(arguments, format);
    int length = vsnprintf(value->bytes + value->length, room, format, arguments);
    va_end(arguments);
    value->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_comma(struct value_text *value)
{
    if (value->length)
        add(value, ", ");
}

static void add_time(struct value_text *value, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (ms % units[i].ms)
        i++;
    add(value, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

static void add_day(struct value_text *value, int64_t day)
{
    char text[11];

    date_format(day, text);
    add(value, "%s", text);
}

static void add_codes(struct value_text *value, enum code_list list, uint64_t codes)
{
    const char *comma = "";

    for (size_t i = 0; i < lists[list].count; i++)
        if (codes & CODE_BIT(lists[list].codes[i].number)) {
            add(value, "%s%s", comma, lists[list].codes[i].text);
            comma = ", ";
        }
}

static void add_areas(struct value_text *value, const struct network *network, const uint16_t *areas, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        add(value, "%s%s", i ? ", " : "", network->neighbourhoods[areas[i]].name);
}

static void add_hours(struct value_text *value, const struct network *network, struct hours hours)
{
    for (uint32_t i = hours.first; i < hours.first + hours.count; i++) {
        const struct span *span = &network->spans[i];
        add_comma(value);
        add(value, "%s %02d:%02d-%02d:%02d", code_text(LIST_weekday, (int)span->weekday), span->opens_at / 60,
            span->opens_at % 60, span->closes_at / 60, span->closes_at % 60);
    }
}

/* ---- settings ---- */

enum show { SHOW_TEXT, SHOW_NUMBER, SHOW_BYTE, SHOW_METRES, SHOW_TIME, SHOW_DATE, SHOW_BOOL, SHOW_CODE, SHOW_CODES };

/* One setting: a member that is shown by its kind, or one that a function writes. A zero is shown as nothing where it
 * means "none". */
struct setting {
    const char *name;
    size_t offset;
    enum show show;
    enum code_list list;
    bool none; /* 0 means that there is none */
    void (*write)(struct value_text *, const struct network *, const void *);
};

static void write_rings(struct value_text *value, const uint8_t ring_rank[RING_SATELLITE + 1])
{
    for (int rank = 1; rank <= RING_SATELLITE; rank++)
        for (int ring = RING_HOME; ring <= RING_SATELLITE; ring++)
            if (ring_rank[ring] == rank) {
                add_comma(value);
                add(value, "%s", code_text(LIST_ring, ring));
            }
}

static void write_usual_rings(struct value_text *value, const struct network *network, const void *element)
{
    (void)element;
    write_rings(value, network->usual.ring_rank);
}

static void write_emergency_rings(struct value_text *value, const struct network *network, const void *element)
{
    (void)element;
    write_rings(value, network->emergency.ring_rank);
}

/* The ids are not kept: other ones show by their sum. */
static void write_plus_groups(struct value_text *value, const struct network *network, const void *element)
{
    uint32_t sum = 0;

    (void)element;
    for (uint32_t i = 0; i < network->plus_count; i++)
        sum += network->plus_groups[i];
    if (network->plus_count)
        add(value, "%u groups (%08x)", network->plus_count, sum);
}

static void write_population(struct value_text *value, const struct network *network, const void *element)
{
    (void)element;
    for (int i = 0; i < 5; i++) {
        add_comma(value);
        add(value, "%u", network->population[i]);
    }
}

static void write_parent(struct value_text *value, const struct network *network, const void *element)
{
    const struct hub *hub = element;

    if (hub->parent >= 0)
        add(value, "%s", network->hubs[hub->parent].id);
}

static void write_office_hours(struct value_text *value, const struct network *network, const void *element)
{
    (void)element;
    add_hours(value, network, network->office);
}

/* "routine 2d + 2d, urgent 4h, ...": what the hub has of its own for a step, with grace. */
static void write_step(struct value_text *value, const struct network *network, const struct hub *hub, enum stage stage)
{
    if (hub->stages < 0)
        return;
    const struct stage_clock *clock = network_stage(network, hub, stage);
    for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++) {
        add_comma(value);
        add(value, "%s ", code_text(LIST_priority, priority));
        add_time(value, clock->ms[priority]);
        if (clock->grace_ms[priority]) {
            add(value, " + ");
            add_time(value, clock->grace_ms[priority]);
        }
    }
    if (clock->silence)
        add(value, "; %s", code_text(LIST_silence, (int)clock->silence));
}

static void write_receipt(struct value_text *value, const struct network *network, const void *element)
{
    write_step(value, network, element, STAGE_RECEIPT);
}

static void write_answer(struct value_text *value, const struct network *network, const void *element)
{
    write_step(value, network, element, STAGE_ANSWER);
}

static void write_contact(struct value_text *value, const struct network *network, const void *element)
{
    write_step(value, network, element, STAGE_CONTACT);
}

static void write_progress(struct value_text *value, const struct network *network, const void *element)
{
    write_step(value, network, element, STAGE_PROGRESS);
}

static void write_closures(struct value_text *value, const struct network *network, const void *element)
{
    const struct hub *hub = element;

    for (uint32_t i = 0; i < hub->closures_count; i++) {
        const struct closure *closure = &network->closures[hub->closures_first + i];
        add_comma(value);
        add_day(value, closure->from_day);
        add(value, " to ");
        add_day(value, closure->to_day);
    }
}

static void write_hub_hours(struct value_text *value, const struct network *network, const void *element)
{
    add_hours(value, network, ((const struct hub *)element)->hours);
}

static void write_areas(struct value_text *value, const struct network *network, const void *element)
{
    const struct era *era = element;

    add_areas(value, network, era->areas, era->areas_count);
}

static void write_also(struct value_text *value, const struct network *network, const void *element)
{
    const struct era *era = element;

    add_areas(value, network, era->also, era->also_count);
}

static void write_position(struct value_text *value, const struct network *network, const void *element)
{
    const struct position *position = &((const struct era *)element)->position;

    (void)network;
    add(value, "%d, %d", position->easting, position->northing);
}

/* All that is to be true of the hub from later days on. */
static void write_changes(struct value_text *value, const struct network *network, const void *element)
{
    const struct hub *hub = element;

    for (uint32_t i = 1; i < hub->eras_count; i++) {
        const struct era *era = &network->eras[hub->eras_first + i];
        add(value, "%sfrom ", i > 1 ? "; " : "");
        add_day(value, era->from_day);
        add(value, ": %s, %s, %s, %d, %d; ", era->name, era->address, era->phone, era->position.easting,
            era->position.northing);
        add_areas(value, network, era->areas, era->areas_count);
        add(value, "; ");
        add_areas(value, network, era->also, era->also_count);
    }
}

static void write_shares(struct value_text *value, const struct network *network, const void *element)
{
    const struct service *service = element;
    const struct service *owner = &network->services[service->owner];

    if (owner != service)
        add(value, "%s/%s", network->hubs[owner->hub].id, owner->id);
}

static void write_service_hours(struct value_text *value, const struct network *network, const void *element)
{
    add_hours(value, network, ((const struct service *)element)->hours);
}

static void write_conditions(struct value_text *value, const struct network *network, const void *element)
{
    static const enum code_list code_lists[] = {[FACT_RISKS] = LIST_risk,
                                                [FACT_ADJUSTMENTS] = LIST_adjustment,
                                                [FACT_PRIORITY] = LIST_priority,
                                                [FACT_TRANSPORT] = LIST_transport,
                                                [FACT_AGE] = LIST_none};
    const struct service *service = element;

    for (uint32_t i = 0; i < service->conditions_count; i++) {
        const struct condition *condition = &network->conditions[service->conditions_first + i];
        add(value, "%s%s %s ", i ? "; " : "", code_text(LIST_fact, (int)condition->fact),
            code_text(LIST_test, (int)condition->test));
        enum code_list list = condition->fact <= FACT_AGE ? code_lists[condition->fact] : LIST_none;
        if (list != LIST_none)
            add_codes(value, list, condition->codes);
        else if (condition->fact == FACT_PLUS_GROUPS)
            add(value, "groups %llx", (unsigned long long)condition->codes);
        else
            add(value, "%u", condition->number);
    }
}

static void write_centre(struct value_text *value, const struct network *network, const void *element)
{
    const struct neighbourhood *neighbourhood = element;

    (void)network;
    add(value, "%d, %d", neighbourhood->centre.easting, neighbourhood->centre.northing);
}

static void write_practice(struct value_text *value, const struct network *network, const void *element)
{
    const struct practice *practice = element;

    assert(network); /* what is shown is of one */
    add(value, "%s, %d, %d", network->neighbourhoods[practice->neighbourhood].name, practice->position.easting,
        practice->position.northing);
}

/* clang-format off */
#define SHOWN(in, name, member, show, list, none) {name, offsetof(struct in, member), show, list, none, NULL}
#define WRITTEN(name, write) {name, 0, SHOW_TEXT, LIST_none, false, write}
#define TIME(in, name, member, none) SHOWN(in, name, member, SHOW_TIME, LIST_none, none)

#define OF_STEP(step, name, stage, member, none) \
    TIME(network, "deadlines." step "." name, deadlines.stages.clocks[stage].member, none)
#define WAITS(step, stage) \
    OF_STEP(step, "routine", stage, ms[PRIORITY_ROUTINE], false), \
    OF_STEP(step, "urgent", stage, ms[PRIORITY_URGENT], false), \
    OF_STEP(step, "asap", stage, ms[PRIORITY_ASAP], false), \
    OF_STEP(step, "stat", stage, ms[PRIORITY_STAT], false)
#define GRACES(step, stage) \
    OF_STEP(step, "grace_routine", stage, grace_ms[PRIORITY_ROUTINE], true), \
    OF_STEP(step, "grace_urgent", stage, grace_ms[PRIORITY_URGENT], true), \
    OF_STEP(step, "grace_asap", stage, grace_ms[PRIORITY_ASAP], true), \
    OF_STEP(step, "grace_stat", stage, grace_ms[PRIORITY_STAT], true)
#define SILENCE(step, stage) \
    SHOWN(network, "deadlines." step ".silence", deadlines.stages.clocks[stage].silence, SHOW_CODE, LIST_silence, false)

static const struct setting network_settings[] = {
    SHOWN(network, "name", name, SHOW_TEXT, LIST_none, false),
    SHOWN(network, "neighbour_distance", usual.neighbour_distance_m, SHOW_METRES, LIST_none, false),
    SHOWN(network, "nearest", nearest_m, SHOW_METRES, LIST_none, true),
    SHOWN(network, "hops_max", hops_max, SHOW_NUMBER, LIST_none, false),
    SHOWN(network, "pace", pace, SHOW_NUMBER, LIST_none, true),
    TIME(network, "fresh", fresh_ms, true),
    TIME(network, "overtaken_after", fairness.overtaken_ms, false),
    SHOWN(network, "core20_weight", fairness.core20, SHOW_BYTE, LIST_none, false),
    SHOWN(network, "plus_weight", fairness.plus, SHOW_BYTE, LIST_none, false),
    WRITTEN("plus_groups", write_plus_groups),
    WRITTEN("population", write_population),
    WRITTEN("rings", write_usual_rings),
    WRITTEN("office_hours", write_office_hours),
    WAITS("receipt", STAGE_RECEIPT),
    WAITS("answer", STAGE_ANSWER),
    GRACES("answer", STAGE_ANSWER),
    WAITS("contact", STAGE_CONTACT),
    GRACES("contact", STAGE_CONTACT),
    SILENCE("contact", STAGE_CONTACT),
    WAITS("progress", STAGE_PROGRESS),
    GRACES("progress", STAGE_PROGRESS),
    SILENCE("progress", STAGE_PROGRESS),
    TIME(network, "deadlines.pause", deadlines.pause_ms, false),
    TIME(network, "deadlines.pressing", deadlines.pressing_ms, true),
    TIME(network, "deadlines.enquiry", deadlines.enquiry_ms, false),
    TIME(network, "deadlines.attention_review", deadlines.attention_review_ms, false),
    TIME(network, "deadlines.waiting_review", deadlines.waiting_review_ms, false),
    TIME(network, "deadlines.waiting_expiry", deadlines.waiting_expiry_ms, false),
    TIME(network, "deadlines.outcome_confirm", deadlines.outcome_confirm_ms, false),
    TIME(network, "deadlines.retention", deadlines.retention_ms, true),
    SHOWN(network, "travel.walk", travel_m[TRANSPORT_WALK], SHOW_METRES, LIST_none, true),
    SHOWN(network, "travel.bus", travel_m[TRANSPORT_BUS], SHOW_METRES, LIST_none, true),
    SHOWN(network, "travel.car", travel_m[TRANSPORT_CAR], SHOW_METRES, LIST_none, true),
    SHOWN(network, "emergency.needs", emergency_needs, SHOW_CODES, LIST_need, true),
    WRITTEN("emergency.rings", write_emergency_rings),
    SHOWN(network, "emergency.neighbour_distance", emergency.neighbour_distance_m, SHOW_METRES, LIST_none, true),
    TIME(network, "emergency.answer_routine", emergency.answer_ms[PRIORITY_ROUTINE], true),
    TIME(network, "emergency.answer_urgent", emergency.answer_ms[PRIORITY_URGENT], true),
    TIME(network, "emergency.answer_asap", emergency.answer_ms[PRIORITY_ASAP], true),
    TIME(network, "emergency.answer_stat", emergency.answer_ms[PRIORITY_STAT], true),
};

static const struct setting era_settings[] = {
    SHOWN(era, "name", name, SHOW_TEXT, LIST_none, false),
    SHOWN(era, "address", address, SHOW_TEXT, LIST_none, false),
    SHOWN(era, "phone", phone, SHOW_TEXT, LIST_none, false),
    WRITTEN("easting, northing", write_position),
    WRITTEN("areas", write_areas),
    WRITTEN("also_serves", write_also),
};

static const struct setting hub_settings[] = {
    SHOWN(hub, "tier", tier, SHOW_CODE, LIST_tier, false),
    SHOWN(hub, "status", status, SHOW_CODE, LIST_hub_status, false),
    SHOWN(hub, "opens_on", opens_on, SHOW_DATE, LIST_none, true),
    SHOWN(hub, "closes_on", closes_on, SHOW_DATE, LIST_none, true),
    SHOWN(hub, "ask_again", ask_again, SHOW_BOOL, LIST_none, false),
    WRITTEN("satellite_of", write_parent),
    WRITTEN("hours", write_hub_hours),
    WRITTEN("closures", write_closures),
    WRITTEN("deadlines.receipt", write_receipt),
    WRITTEN("deadlines.answer", write_answer),
    WRITTEN("deadlines.contact", write_contact),
    WRITTEN("deadlines.progress", write_progress),
    WRITTEN("changes", write_changes),
};

static const struct setting service_settings[] = {
    SHOWN(service, "needs", needs, SHOW_CODES, LIST_need, false),
    SHOWN(service, "places", places, SHOW_NUMBER, LIST_none, false),
    SHOWN(service, "seats", seats, SHOW_BOOL, LIST_none, false),
    WRITTEN("shares", write_shares),
    SHOWN(service, "per_week", per_week, SHOW_NUMBER, LIST_none, true),
    SHOWN(service, "citywide", citywide, SHOW_BOOL, LIST_none, false),
    SHOWN(service, "emergency_only", emergency_only, SHOW_BOOL, LIST_none, false),
    SHOWN(service, "from", from_day, SHOW_DATE, LIST_none, true),
    SHOWN(service, "to", to_day, SHOW_DATE, LIST_none, true),
    SHOWN(service, "age_from", age_from, SHOW_NUMBER, LIST_none, true),
    SHOWN(service, "age_to", age_to, SHOW_NUMBER, LIST_none, true),
    SHOWN(service, "genders", genders, SHOW_CODES, LIST_gender, true),
    SHOWN(service, "senders", sources, SHOW_CODES, LIST_referral_source, true),
    SHOWN(service, "carers_only", carers_only, SHOW_BOOL, LIST_none, false),
    WRITTEN("conditions", write_conditions),
    WRITTEN("hours", write_service_hours),
};

static const struct setting sender_settings[] = {
    SHOWN(sender, "name", name, SHOW_TEXT, LIST_none, false),
    SHOWN(sender, "kind", kind, SHOW_CODE, LIST_referral_source, false),
    SHOWN(sender, "practice", practice, SHOW_TEXT, LIST_none, false),
};

static const struct setting neighbourhood_settings[] = {
    SHOWN(neighbourhood, "name", name, SHOW_TEXT, LIST_none, false),
    WRITTEN("easting, northing", write_centre),
};

static const struct setting practice_settings[] = {
    WRITTEN("practices", write_practice),
};
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static int64_t number_of(const struct setting *setting, const char *member)
{
    switch (setting->show) {
    case SHOW_TIME:
    case SHOW_DATE:
        return *(const int64_t *)(const void *)member;
    case SHOW_BYTE:
        return *(const uint8_t *)member;
    case SHOW_BOOL:
        return *(const bool *)member;
    case SHOW_CODES:
        return (int64_t) * (const uint64_t *)(const void *)member;
    default: /* enums and counts */
        return *(const uint32_t *)(const void *)member;
    }
}

static void show(struct value_text *value, const struct setting *setting, const struct network *network,
                 const void *element)
{
    value->length = 0;
    value->bytes[0] = '\0';
    if (!element)
        return;
    const char *member = (const char *)element + setting->offset;
    if (setting->write) {
        setting->write(value, network, element);
        return;
    }
    if (setting->show == SHOW_TEXT) {
        add(value, "%s", member);
        return;
    }
    int64_t number = number_of(setting, member);
    if (setting->none && !number)
        return;
    if (setting->show == SHOW_TIME)
        add_time(value, number);
    else if (setting->show == SHOW_DATE)
        add_day(value, number);
    else if (setting->show == SHOW_BOOL)
        add(value, "%s", number ? "true" : "false");
    else if (setting->show == SHOW_CODE)
        add(value, "%s", code_text(setting->list, (int)number));
    else if (setting->show == SHOW_CODES)
        add_codes(value, setting->list, (uint64_t)number);
    else
        add(value, "%lld%s", (long long)number, setting->show == SHOW_METRES ? "m" : "");
}

/* ---- what differs ---- */

/* As much of a value as is shown, without half a character at its end. */
static void cut(const struct value_text *value, char out[DIFFERENCE_VALUE_BYTES])
{
    size_t length = value->length;

    if (length < DIFFERENCE_VALUE_BYTES) {
        memcpy(out, value->bytes, length + 1);
        return;
    }
    for (length = DIFFERENCE_VALUE_BYTES - 4; length && ((unsigned char)value->bytes[length] & 0xc0) == 0x80; length--)
        continue;
    memcpy(out, value->bytes, length);
    memcpy(out + length, "...", 4);
}

static void tell(struct differing *differing, enum change change, const char *setting)
{
    struct difference difference = differing->about;

    difference.change = change;
    difference.setting = setting;
    for (int i = 0; i < 2; i++)
        cut(&differing->values[i], differing->shown[i]);
    difference.before = differing->shown[0];
    difference.after = differing->shown[1];
    differing->found(differing->argument, &difference);
}

static void compare(struct differing *differing, const struct setting *settings, size_t count, const void *before,
                    const void *after)
{
    for (size_t i = 0; i < count; i++) {
        show(&differing->values[0], &settings[i], differing->before, before);
        show(&differing->values[1], &settings[i], differing->after, after);
        if (strcmp(differing->values[0].bytes, differing->values[1].bytes) != 0)
            tell(differing, CHANGE_CHANGED, settings[i].name);
    }
}

static void clear(struct differing *differing)
{
    differing->values[0].length = differing->values[1].length = 0;
    differing->values[0].bytes[0] = differing->values[1].bytes[0] = '\0';
}

/* What one network has and the other has not: as a whole, with its name. */
static void tell_whole(struct differing *differing, const char *before, const char *after)
{
    clear(differing);
    add(&differing->values[0], "%s", before);
    add(&differing->values[1], "%s", after);
    tell(differing, before[0] ? CHANGE_REMOVED : CHANGE_ADDED, "");
}

static void begin(struct differing *differing, enum subject subject, const char *item)
{
    differing->about = (struct difference){
        .subject = subject, .item = item, .hub_before = -1, .hub_after = -1, .row_before = -1, .row_after = -1};
}

/* Ids with their indices, sorted, to find the same thing in the other network. */
struct named {
    const char *id;
    uint32_t index;
};

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static struct named *sort_ids(const char *first, size_t size, uint32_t count)
{
    struct named *sorted = calloc(count + 1, sizeof sorted[0]);

    assert(sorted);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (struct named){first + i * size, i};
    qsort(sorted, count, sizeof sorted[0], compare_named);
    return sorted;
}

static int32_t find_id(const struct named *sorted, uint32_t count, const char *id)
{
    const struct named wanted = {.id = id};
    const struct named *found = bsearch(&wanted, sorted, count, sizeof sorted[0], compare_named);

    return found ? (int32_t)found->index : -1;
}

/* Pairs what has the same id in both networks, in the order of the one in force, then what is new. Each thing begins
 * with its id. */
static void pair(struct differing *differing, const void *before, uint32_t before_count, const void *after,
                 uint32_t after_count, size_t size,
                 void (*compare_pair)(struct differing *, int32_t before, int32_t after))
{
    struct named *old = sort_ids(before, size, before_count);
    struct named *new = sort_ids(after, size, after_count);

    for (uint32_t i = 0; i < before_count; i++)
        compare_pair(differing, (int32_t)i, find_id(new, after_count, (const char *)before + i * size));
    for (uint32_t i = 0; i < after_count; i++)
        if (find_id(old, before_count, (const char *)after + i * size) < 0)
            compare_pair(differing, -1, (int32_t)i);
    free(old);
    free(new);
}

static void compare_service(struct differing *differing, int32_t hub_before, int32_t hub_after, int32_t row_before,
                            int32_t row_after)
{
    const struct service *before = row_before < 0 ? NULL : &differing->before->services[row_before];
    const struct service *after = row_after < 0 ? NULL : &differing->after->services[row_after];
    const struct hub *hub = before ? &differing->before->hubs[hub_before] : &differing->after->hubs[hub_after];
    char item[DIFFERENCE_ITEM_BYTES];

    snprintf(item, sizeof item, "%s/%s", hub->id, before ? before->id : after->id);
    begin(differing, SUBJECT_SERVICE, item);
    differing->about.hub_before = hub_before;
    differing->about.hub_after = hub_after;
    differing->about.row_before = row_before;
    differing->about.row_after = row_after;
    if (before && after)
        compare(differing, service_settings, COUNT_OF(service_settings), before, after);
    else
        tell_whole(differing, before ? before->id : "", after ? after->id : "");
}

/* -1: the hub has no service with this number. */
static int32_t find_service(const struct network *network, int32_t hub, uint32_t number)
{
    for (uint32_t i = 0; hub >= 0 && i < network->hubs[hub].services_count; i++)
        if (network->services[network->hubs[hub].services_first + i].number == number)
            return (int32_t)(network->hubs[hub].services_first + i);
    return -1;
}

static void compare_services(struct differing *differing, int32_t before, int32_t after)
{
    const struct hub *old = before < 0 ? NULL : &differing->before->hubs[before];
    const struct hub *new = after < 0 ? NULL : &differing->after->hubs[after];

    for (uint32_t i = 0; old && i < old->services_count; i++) {
        int32_t row = (int32_t)(old->services_first + i);
        compare_service(differing, before, after, row,
                        find_service(differing->after, after, differing->before->services[row].number));
    }
    for (uint32_t i = 0; new &&i < new->services_count; i++) {
        int32_t row = (int32_t)(new->services_first + i);
        if (find_service(differing->before, before, differing->after->services[row].number) < 0)
            compare_service(differing, before, after, -1, row);
    }
}

static void compare_hubs(struct differing *differing, int32_t before, int32_t after)
{
    const struct hub *old = before < 0 ? NULL : &differing->before->hubs[before];
    const struct hub *new = after < 0 ? NULL : &differing->after->hubs[after];
    const struct era *old_era = old ? &differing->before->eras[old->eras_first] : NULL;
    const struct era *new_era = new ? &differing->after->eras[new->eras_first] : NULL;

    begin(differing, SUBJECT_HUB, old ? old->id : new->id);
    differing->about.hub_before = before;
    differing->about.hub_after = after;
    if (old && new) {
        compare(differing, era_settings, COUNT_OF(era_settings), old_era, new_era);
        compare(differing, hub_settings, COUNT_OF(hub_settings), old, new);
    } else {
        tell_whole(differing, old ? old_era->name : "", new ? new_era->name : "");
    }
    compare_services(differing, before, after);
}

static void compare_senders(struct differing *differing, int32_t before, int32_t after)
{
    const struct sender *old = before < 0 ? NULL : &differing->before->senders[before];
    const struct sender *new = after < 0 ? NULL : &differing->after->senders[after];

    begin(differing, SUBJECT_SENDER, old ? old->id : new->id);
    if (old && new)
        compare(differing, sender_settings, COUNT_OF(sender_settings), old, new);
    else
        tell_whole(differing, old ? old->name : "", new ? new->name : "");
}

static void compare_neighbourhoods(struct differing *differing, int32_t before, int32_t after)
{
    const struct neighbourhood *old = before < 0 ? NULL : &differing->before->neighbourhoods[before];
    const struct neighbourhood *new = after < 0 ? NULL : &differing->after->neighbourhoods[after];

    begin(differing, SUBJECT_NEIGHBOURHOOD, old ? old->code : new->code);
    if (old && new)
        compare(differing, neighbourhood_settings, COUNT_OF(neighbourhood_settings), old, new);
    else
        tell_whole(differing, old ? old->name : "", new ? new->name : "");
}

/* A setting of the network, one for each practice. */
static void compare_practices(struct differing *differing, int32_t before, int32_t after)
{
    const struct practice *old = before < 0 ? NULL : &differing->before->practices[before];
    const struct practice *new = after < 0 ? NULL : &differing->after->practices[after];

    begin(differing, SUBJECT_NETWORK, old ? old->ods : new->ods);
    compare(differing, practice_settings, COUNT_OF(practice_settings), old, new);
}

static bool has_holiday(const struct network *network, int64_t day)
{
    for (uint32_t i = 0; i < network->holidays_count; i++)
        if (network->holidays[i] == day)
            return true;
    return false;
}

/* A setting of the network, one for each day that only one of them has. */
static void compare_holidays(struct differing *differing)
{
    const struct network *networks[] = {differing->before, differing->after};

    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < networks[side]->holidays_count; i++) {
            int64_t day = networks[side]->holidays[i];
            if (has_holiday(networks[!side], day))
                continue;
            clear(differing);
            add_day(&differing->values[side], day);
            tell(differing, CHANGE_CHANGED, "bank_holidays");
        }
}

void differences_find(const struct network *before, const struct network *after,
                      void (*found)(void *argument, const struct difference *), void *argument)
{
    struct differing *differing = calloc(1, sizeof *differing);

    assert(differing && before && after);
    differing->before = before;
    differing->after = after;
    differing->found = found;
    differing->argument = argument;
    begin(differing, SUBJECT_NETWORK, "");
    compare(differing, network_settings, COUNT_OF(network_settings), before, after);
    compare_holidays(differing);
    pair(differing, before->practices, before->practices_count, after->practices, after->practices_count,
         sizeof before->practices[0], compare_practices);
    pair(differing, before->hubs, before->hubs_count, after->hubs, after->hubs_count, sizeof before->hubs[0],
         compare_hubs);
    pair(differing, before->senders, before->senders_count, after->senders, after->senders_count,
         sizeof before->senders[0], compare_senders);
    pair(differing, before->neighbourhoods, before->neighbourhoods_count, after->neighbourhoods,
         after->neighbourhoods_count, sizeof before->neighbourhoods[0], compare_neighbourhoods);
    free(differing);
}
