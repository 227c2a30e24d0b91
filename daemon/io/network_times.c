/* SPDX-License-Identifier: MIT
 * network_times: the part of network.conf that says when who works (opening hours, closures, bank holidays) and how
 * long the network waits. */
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_build.h"
#include "proto/check.h"

#define SECOND INT64_C(1000)
#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)
#define WAIT_MAX (200 * DAY) /* of days on which somebody works, within CALENDAR_DAYS_MAX */
#define WALL_MAX (366 * DAY)
#define RETENTION_MAX (36600 * DAY)

struct deadlines_entry {
    struct deadlines deadlines;
    const struct config_node *steps[STAGE_PROGRESS + 1];
};

/* clang-format off */
#define STEP(stage, name) PLAIN(deadlines_entry, steps[stage], name, CONFIG_GROUP, 0, 0, "")
#define WAIT(member, name, most, standard) PLAIN(deadlines_entry, deadlines.member, name, CONFIG_TIME, SECOND, most, standard)
#define STEPS 4 /* rows with which the table begins: all that a hub can have of its own */
static const struct config_row deadline_rows[] = {
    STEP(STAGE_RECEIPT, "receipt"),
    STEP(STAGE_ANSWER, "answer"),
    STEP(STAGE_CONTACT, "contact"),
    STEP(STAGE_PROGRESS, "progress"),
    PLAIN(deadlines_entry, deadlines.pressing_ms, "pressing", CONFIG_TIME, 0, WAIT_MAX, "0d"),
    WAIT(pause_ms, "pause", WAIT_MAX, "20d"),
    WAIT(enquiry_ms, "enquiry", WAIT_MAX, "2d"),
    WAIT(attention_review_ms, "attention_review", WAIT_MAX, "1d"),
    WAIT(waiting_review_ms, "waiting_review", WALL_MAX, "7d"),
    WAIT(waiting_expiry_ms, "waiting_expiry", WALL_MAX, "84d"),
    WAIT(outcome_confirm_ms, "outcome_confirm", WALL_MAX, "5d"),
    PLAIN(deadlines_entry, deadlines.retention_ms, "retention", CONFIG_TIME, 0, RETENTION_MAX, "0d"),
};

/* What a step may hold: of receipt the first rows, of answer grace as well, of contact and progress all. */
#define CLOCK(member, name, least) PLAIN(stage_clock, member, name, CONFIG_TIME, least, WAIT_MAX, "")
static const struct config_row clock_rows[] = {
    CLOCK(ms[PRIORITY_ROUTINE], "routine", SECOND),
    CLOCK(ms[PRIORITY_URGENT], "urgent", SECOND),
    CLOCK(ms[PRIORITY_ASAP], "asap", SECOND),
    CLOCK(ms[PRIORITY_STAT], "stat", SECOND),
    CLOCK(grace_ms[PRIORITY_ROUTINE], "grace_routine", 0),
    CLOCK(grace_ms[PRIORITY_URGENT], "grace_urgent", 0),
    CLOCK(grace_ms[PRIORITY_ASAP], "grace_asap", 0),
    CLOCK(grace_ms[PRIORITY_STAT], "grace_stat", 0),
    CONFIG_ROW(stage_clock, silence, "silence", CONFIG_CODE, 0, 0, LIST_silence, ""),
};
static const size_t clock_rows_counts[] = {
    [STAGE_RECEIPT] = 4, [STAGE_ANSWER] = 8, [STAGE_CONTACT] = 9, [STAGE_PROGRESS] = 9};

#define HOURS(n) ((n) * 60 * MINUTE)
#define DAYS(n) ((n) * DAY)
#define BY_PRIORITY(routine, urgent, asap, stat) \
    {[PRIORITY_ROUTINE] = routine, [PRIORITY_URGENT] = urgent, [PRIORITY_ASAP] = asap, [PRIORITY_STAT] = stat}
static const struct stages usual_stages = {{
    [STAGE_RECEIPT] = {BY_PRIORITY(DAYS(1), HOURS(1), HOURS(1), HOURS(1)), {0}, 0},
    [STAGE_ANSWER] = {BY_PRIORITY(DAYS(2), HOURS(4), HOURS(2), HOURS(1)), BY_PRIORITY(DAYS(2), 0, 0, 0), 0},
    [STAGE_CONTACT] = {BY_PRIORITY(DAYS(5), DAYS(1), DAYS(1), DAYS(1)),
                       BY_PRIORITY(DAYS(1), HOURS(2), HOURS(2), HOURS(2)), SILENCE_ATTENTION},
    [STAGE_PROGRESS] = {BY_PRIORITY(DAYS(20), DAYS(5), DAYS(5), DAYS(5)),
                        BY_PRIORITY(DAYS(5), DAYS(1), DAYS(1), DAYS(1)), SILENCE_ATTENTION},
}};

static const struct config_row closure_rows[] = {
    PLAIN(closure, from_day, "from", CONFIG_DATE, 0, 0, NULL),
    PLAIN(closure, to_day, "to", CONFIG_DATE, 0, 0, NULL),
};
/* clang-format on */

/* Opening hours */

/* "mon" and so on: the first letters of the list's names. */
static bool parse_weekday(const char **at, enum weekday *weekday)
{
    for (size_t i = 0; i < lists[LIST_weekday].count; i++)
        if (strncmp(*at, lists[LIST_weekday].codes[i].text, 3) == 0) {
            *weekday = (enum weekday)lists[LIST_weekday].codes[i].number;
            *at += 3;
            return true;
        }
    return false;
}

static bool parse_two_digits(const char **at, unsigned *number)
{
    const char *digits = *at;

    if (digits[0] < '0' || digits[0] > '9' || digits[1] < '0' || digits[1] > '9')
        return false;
    *number = (unsigned)(10 * (digits[0] - '0') + digits[1] - '0');
    *at += 2;
    return true;
}

static bool parse_mark(const char **at, char mark)
{
    bool is_there = **at == mark;

    *at += is_there;
    return is_there;
}

/* Minutes after midnight; 24:00 is the end of the day. */
static bool parse_clock(const char **at, uint16_t *minutes)
{
    unsigned hour, minute;

    if (!parse_two_digits(at, &hour) || !parse_mark(at, ':') || !parse_two_digits(at, &minute) || minute > 59 ||
        60 * hour + minute > 1440)
        return false;
    *minutes = (uint16_t)(60 * hour + minute);
    return true;
}

/* "mon-fri 09:00-17:00": the span of the first day, and the last day. */
static bool parse_hours(const char *text, struct span *span, enum weekday *last)
{
    const char *at = text;

    if (!parse_weekday(&at, &span->weekday))
        return false;
    *last = span->weekday;
    if (parse_mark(&at, '-') && !parse_weekday(&at, last))
        return false;
    return parse_mark(&at, ' ') && parse_clock(&at, &span->opens_at) && parse_mark(&at, '-') &&
           parse_clock(&at, &span->closes_at) && *at == '\0';
}

static bool overlaps(const struct network *network, struct hours hours, const struct span *span)
{
    for (uint32_t i = hours.first; i < hours.first + hours.count; i++) {
        const struct span *other = &network->spans[i];
        if (other->weekday == span->weekday && other->opens_at < span->closes_at && span->opens_at < other->closes_at)
            return true;
    }
    return false;
}

static void read_hours_line(const struct building *building, const char *text, int line, struct hours *hours)
{
    struct network *network = building->network;
    struct span span;
    enum weekday last;

    if (!parse_hours(text, &span, &last)) {
        FAULT(building, line, "hours are like \"mon-fri 09:00-17:00\" or \"sat 10:00-14:00\", not \"%.40s\"", text);
        return;
    }
    if (last < span.weekday || span.closes_at <= span.opens_at) {
        FAULT(building, line, "\"%.40s\" ends before it begins%s", text,
              last < span.weekday ? "; a week goes from mon to sun" : "; after midnight it is the next day");
        return;
    }
    for (; span.weekday <= last; span.weekday++) {
        if (overlaps(network, *hours, &span)) {
            FAULT(building, line, "\"%.40s\" overlaps other hours that stand here", text);
            return;
        }
        network->spans[network->spans_count++] = span;
        hours->count++;
    }
}

struct hours building_read_hours(const struct building *building, const struct config_node *texts)
{
    struct network *network = building->network;
    struct hours hours = {.first = network->spans_count};
    struct span *spans = building_room(building, network->spans, network->spans_count,
                                       lists[LIST_weekday].count * config_count(texts), sizeof spans[0]);

    if (spans == NULL)
        return hours;
    network->spans = spans;
    for (size_t i = 0; i < config_count(texts); i++)
        read_hours_line(building, config_text(config_at(texts, i)), config_line(config_at(texts, i)), &hours);
    return hours;
}

/* Days on which nobody works */

void building_read_closures(const struct building *building, struct hub *hub, const struct config_node *groups)
{
    struct network *network = building->network;
    struct closure *closures =
        building_room(building, network->closures, network->closures_count, config_count(groups), sizeof closures[0]);

    hub->closures_first = network->closures_count;
    if (closures == NULL)
        return;
    network->closures = closures;
    for (size_t i = 0; i < config_count(groups); i++) {
        const struct config_node *node = config_at(groups, i);
        struct closure *closure = &network->closures[network->closures_count++];
        *closure = (struct closure){0};
        TAKE(building, node, "a closure", closure_rows, closure);
        if (closure->from_day && closure->to_day && closure->to_day < closure->from_day)
            FAULT(building, building_line(node, "to"), "this closure of hub \"%s\" ends before it begins", hub->id);
        hub->closures_count++;
    }
    if (hub->closures_count > 0 && hub->hours.count == 0 && network->office.count == 0)
        FAULT(building, config_line(groups),
              "hub \"%s\" has closures, but when it is open is not known: give it hours, or the network office_hours",
              hub->id);
}

static int compare_days(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static bool has_day(const struct network *network, int64_t day)
{
    for (uint32_t i = 0; i < network->holidays_count; i++)
        if (network->holidays[i] == day)
            return true;
    return false;
}

void building_read_holidays(const struct building *building, const struct config_node *texts)
{
    struct network *network = building->network;

    network->holidays = building_room(building, NULL, 0, config_count(texts), sizeof network->holidays[0]);
    for (size_t i = 0; network->holidays && i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int line = config_line(config_at(texts, i));
        int64_t day;
        if (!date_parse((struct text){text, (uint32_t)strlen(text)}, &day))
            FAULT(building, line, "a bank holiday is a date that the calendar has, like \"2026-12-25\", not \"%.40s\"",
                  text);
        else if (has_day(network, day))
            FAULT(building, line, "bank holiday \"%s\" stands twice", text);
        else
            network->holidays[network->holidays_count++] = day;
    }
    if (network->holidays)
        qsort(network->holidays, network->holidays_count, sizeof network->holidays[0], compare_days);
}

/* How long the network waits */

/* The more pressing may not wait longer, neither until the reminder nor until what follows it. */
static void check_pressing(const struct building *building, enum stage stage, const struct stage_clock *clock,
                           const struct config_node *node)
{
    const char *step = code_text(LIST_stage, (int)stage);

    for (int other = PRIORITY_ROUTINE; other < PRIORITY_STAT; other++) {
        int pressing = other + 1;
        const char *more = code_text(LIST_priority, pressing), *less = code_text(LIST_priority, other);
        if (clock->ms[pressing] > clock->ms[other])
            FAULT(building, building_line(node, more), "%s: %s is longer than %s", step, more, less);
        else if (clock->ms[pressing] + clock->grace_ms[pressing] > clock->ms[other] + clock->grace_ms[other])
            FAULT(building, building_line(node, more), "%s: %s with its grace is longer than %s with its grace", step,
                  more, less);
    }
}

static void read_steps(const struct building *building, const struct config_node *const *steps, struct stages *stages)
{
    for (int stage = STAGE_RECEIPT; stage <= STAGE_PROGRESS; stage++) {
        if (steps[stage] == NULL)
            continue;
        config_take(building->tree, steps[stage], code_text(LIST_stage, stage), clock_rows, clock_rows_counts[stage],
                    &stages->clocks[stage]);
        check_pressing(building, (enum stage)stage, &stages->clocks[stage], steps[stage]);
    }
}

void building_read_deadlines(const struct building *building, const struct config_node *node)
{
    struct deadlines_entry entry = {.deadlines = {.stages = usual_stages}};

    TAKE(building, node, "deadlines", deadline_rows, &entry);
    read_steps(building, entry.steps, &entry.deadlines.stages);
    if (entry.deadlines.waiting_expiry_ms < entry.deadlines.waiting_review_ms)
        FAULT(building, building_line(node, "waiting_expiry"), "waiting_expiry is shorter than waiting_review");
    building->network->deadlines = entry.deadlines;
}

/* The least that they are open on a day on which they work; 0: nobody knows. */
static int64_t shortest_day(const struct network *network, struct hours hours)
{
    int64_t open[WEEKDAY_SUNDAY + 1] = {0}, shortest = 0;

    for (uint32_t i = hours.first; i < hours.first + hours.count; i++)
        open[network->spans[i].weekday] += (network->spans[i].closes_at - network->spans[i].opens_at) * MINUTE;
    for (int weekday = WEEKDAY_MONDAY; weekday <= WEEKDAY_SUNDAY; weekday++)
        if (open[weekday] > 0 && (shortest == 0 || open[weekday] < shortest))
            shortest = open[weekday];
    return shortest;
}

/* Hours count only while they are open: so many may end later than days of which each has `open_ms`. */
static bool may_end_later(int64_t hours_ms, int64_t days_ms, int64_t open_ms)
{
    return hours_ms <= days_ms && hours_ms % DAY > days_ms % DAY + (days_ms / DAY - hours_ms / DAY) * open_ms;
}

/* A hub that opens for a little while has hours enough for what is pressing, too. */
static void check_hours(const struct building *building, const struct hub *hub, int line)
{
    const struct network *network = building->network;
    bool gets_none = hub->tier == TIER_UNIVERSAL;
    int64_t open_ms = gets_none ? 0 : shortest_day(network, network_hub_calendar(network, hub).hours);

    for (int stage = STAGE_RECEIPT; stage <= STAGE_PROGRESS && open_ms > 0; stage++) {
        const int64_t *ms = network_stage(network, hub, (enum stage)stage)->ms;
        for (int other = PRIORITY_ROUTINE; other < PRIORITY_STAT; other++)
            if (may_end_later(ms[other + 1], ms[other], open_ms))
                FAULT(building, line,
                      "hub \"%s\" is open for %lld minutes on some days, so that %s %s may end later than %s: give it "
                      "deadlines of its own",
                      hub->id, (long long)(open_ms / MINUTE), code_text(LIST_stage, stage),
                      code_text(LIST_priority, other + 1), code_text(LIST_priority, other));
    }
}

void building_read_stages(const struct building *building, struct hub *hub, const struct config_node *node, int line)
{
    struct network *network = building->network;
    struct deadlines_entry entry = {0};

    hub->stages = -1;
    if (node) {
        struct stages *stages =
            building_room(building, network->stages, network->stages_count, 1, sizeof network->stages[0]);
        if (stages == NULL)
            return;
        network->stages = stages;
        network->stages[network->stages_count] = network->deadlines.stages;
        config_take(building->tree, node, "the deadlines of a hub", deadline_rows, STEPS, &entry);
        read_steps(building, entry.steps, &network->stages[network->stages_count]);
        hub->stages = (int32_t)network->stages_count++;
    }
    check_hours(building, hub, line);
}
