/* SPDX-License-Identifier: MIT
 * auditor_hours: when a time given in somebody's opening hours ends, once more: day by day, from the words of
 * PROTOCOL.md and network.conf(5). */
#include "tests/sim/auditor_inside.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MINUTES 1440
#define LOOK_AHEAD_DAYS 400

/* Who works when: a hub, or (NULL) the office. */
struct worker {
    const struct town *town;
    const struct town_party *hub;
};

static const struct town_hours *hours_of(const struct worker *worker)
{
    return worker->hub && worker->hub->hours.known ? &worker->hub->hours : &worker->town->office;
}

/* False: they do not work on that day. */
static bool works_on(const struct worker *worker, int64_t day, struct town_day *times)
{
    *times = hours_of(worker)->days[(day + 3) % 7]; /* 1970-01-01 was a Thursday */
    for (int i = 0; i < TOWN_HOLIDAYS; i++)
        if (worker->town->holidays[i] == day)
            return false;
    if (worker->hub && worker->hub->closed_from && day >= worker->hub->closed_from && day <= worker->hub->closed_to)
        return false;
    return times->closes > 0;
}

/* Doors open and close by day, never in the hour in which the clock changes. */
static int64_t moment(int64_t day, int64_t minute)
{
    int64_t in_winter = day * AUDIT_DAY_MS + minute * MINUTE_MS;

    return in_winter - law_ahead_ms(in_winter);
}

/* The same time on their n-th working day; a day on which they do not work is one that has closed. */
static int64_t pass_days(const struct worker *worker, int64_t from, int64_t days)
{
    int64_t day = law_day(from);
    int64_t time = from + law_ahead_ms(from) - day * AUDIT_DAY_MS;
    struct town_day times;

    if (!works_on(worker, day, &times))
        time = AUDIT_DAY_MS;
    while (days > 0)
        days -= works_on(worker, ++day, &times);
    if (time < times.opens * MINUTE_MS)
        time = times.opens * MINUTE_MS;
    if (time > times.closes * MINUTE_MS)
        time = times.closes * MINUTE_MS;
    return moment(day, 0) + time;
}

/* So much of the time in which doors are open. */
static int64_t pass_time(const struct worker *worker, int64_t from, int64_t left)
{
    struct town_day times;

    for (int64_t day = law_day(from); day < law_day(from) + LOOK_AHEAD_DAYS; day++) {
        if (!works_on(worker, day, &times))
            continue;
        int64_t begins = moment(day, times.opens), ends = moment(day, times.closes);
        begins = begins > from ? begins : from;
        if (begins >= ends)
            continue;
        if (left <= ends - begins)
            return begins + left;
        left -= ends - begins;
    }
    return INT64_MAX;
}

int64_t hours_after(const struct town *town, int hub, int64_t from, int64_t minutes)
{
    const struct worker worker = {town, hub < 0 ? NULL : &town->parties[hub]};
    int64_t days = minutes / DAY_MINUTES, rest = minutes % DAY_MINUTES * MINUTE_MS;

    if (!hours_of(&worker)->known)
        return from + minutes * MINUTE_MS;
    if (days > 0)
        from = pass_days(&worker, from, days);
    return rest > 0 ? pass_time(&worker, from, rest) : from;
}
