/* SPDX-License-Identifier: MIT
 * hours: days, weeks and opening hours by the clock on the wall in the United Kingdom, with summer time. */
#include "daemon/core/hours.h"

#include <assert.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define DAYS_OF_ERA 146097 /* of four centuries, after which the calendar repeats itself */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of the first of March of the year: years that begin in March end with their leap day. */
static int64_t first_of_march(int64_t year)
{
    return 365 * year + floor_divide(year, 4) - floor_divide(year, 100) + floor_divide(year, 400) - 719468;
}

/* The year, beginning in March, that holds the day. By the mean length of a year it is that year or the one before: no
 * year begins a whole day later than after so many of mean length. */
static int64_t year_of_march(int64_t day)
{
    int64_t year = floor_divide((day + 719468) * 400, DAYS_OF_ERA);

    if (first_of_march(year + 1) <= day)
        year++;
    return year;
}

int64_t hours_age(int64_t born, int64_t day)
{
    int64_t first = year_of_march(born), last = year_of_march(day);
    bool is_before_birthday = day - first_of_march(last) < born - first_of_march(first);

    return day < born ? 0 : last - first - is_before_birthday;
}

static enum weekday weekday_of(int64_t day)
{
    /* 1970-01-01 was a Thursday. */
    return (enum weekday)(day + 3 - 7 * floor_divide(day + 3, 7) + WEEKDAY_MONDAY);
}

int64_t hours_monday(int64_t day)
{
    return day - (weekday_of(day) - WEEKDAY_MONDAY);
}

static int64_t sunday_by(int64_t day)
{
    return day - weekday_of(day) % WEEKDAY_SUNDAY;
}

int64_t hours_ahead_ms(int64_t at_ms)
{
    int64_t march = first_of_march(year_of_march(floor_divide(at_ms, DAY)));
    int64_t begins = sunday_by(march + 30) * DAY + HOUR; /* the last Sunday of March, 01:00 UTC */
    int64_t ends = sunday_by(march + 244) * DAY + HOUR;  /* and of October */

    return at_ms >= begins && at_ms < ends ? HOUR : 0;
}

int64_t hours_day(int64_t at_ms)
{
    return floor_divide(at_ms + hours_ahead_ms(at_ms), DAY);
}

int64_t hours_midnight(int64_t day)
{
    int64_t in_winter = day * DAY;

    return in_winter - hours_ahead_ms(in_winter - HOUR);
}

int64_t hours_minute(int64_t at_ms)
{
    int64_t on_wall = at_ms + hours_ahead_ms(at_ms);

    return (on_wall - floor_divide(on_wall, DAY) * DAY) / MINUTE;
}

bool hours_open_on(const struct span *spans, struct hours hours, int64_t day, int64_t minute)
{
    enum weekday weekday = weekday_of(day);

    for (uint32_t i = hours.first; i < hours.first + hours.count; i++)
        if (spans[i].weekday == weekday && minute >= spans[i].opens_at && minute < spans[i].closes_at)
            return true;
    return false;
}

/* Calendars */

static bool is_holiday(const struct calendar *calendar, int64_t day)
{
    uint32_t low = 0, high = calendar->holidays_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (calendar->holidays[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low < calendar->holidays_count && calendar->holidays[low] == day;
}

static bool is_closed(const struct calendar *calendar, int64_t day)
{
    for (uint32_t i = 0; i < calendar->closures_count; i++)
        if (day >= calendar->closures[i].from_day && day <= calendar->closures[i].to_day)
            return true;
    return is_holiday(calendar, day);
}

/* When it is that time on the wall: of the hour that comes twice the first one; the moment of the change for one that
 * is left out. */
static int64_t moment_of(int64_t day, int64_t on_wall)
{
    int64_t in_winter = day * DAY + on_wall;

    if (hours_ahead_ms(in_winter - HOUR) > 0)
        return in_winter - HOUR;
    return hours_ahead_ms(in_winter) > 0 ? day * DAY + HOUR : in_winter;
}

/* Time on the wall that never goes back: the second of two equal hours counts as their end. */
static int64_t wall_at(int64_t at_ms, int64_t day)
{
    if (hours_ahead_ms(at_ms) == 0 && hours_ahead_ms(at_ms - HOUR) > 0)
        return 2 * HOUR;
    return at_ms + hours_ahead_ms(at_ms) - day * DAY;
}

/* A day, with how far its clock is ahead before and after 01:00 UTC, when it may change. */
struct day_on_wall {
    int64_t day;
    enum weekday weekday;
    int64_t ahead[2];
};

static struct day_on_wall day_on_wall(int64_t day)
{
    int64_t ahead = hours_ahead_ms(day * DAY);
    enum weekday weekday = weekday_of(day);

    return (struct day_on_wall){
        day, weekday, {ahead, weekday == WEEKDAY_SUNDAY ? hours_ahead_ms(day * DAY + 2 * HOUR) : ahead}};
}

struct stretch {
    int64_t begins;
    int64_t ends;
};

/* A span on that day, in two parts: before and after the clock may change. Either may be empty. */
static void lay_span(const struct span *span, const struct day_on_wall *on, struct stretch parts[2])
{
    int64_t zero = on->day * DAY, change = zero + HOUR;

    for (int i = 0; i < 2; i++)
        parts[i] = (struct stretch){zero + span->opens_at * MINUTE - on->ahead[i],
                                    zero + span->closes_at * MINUTE - on->ahead[i]};
    parts[0].begins = parts[0].begins < change ? parts[0].begins : change;
    parts[0].ends = parts[0].ends < change ? parts[0].ends : change;
    parts[1].begins = parts[1].begins > change ? parts[1].begins : change;
    parts[1].ends = parts[1].ends > change ? parts[1].ends : change;
}

/* The first time of that day, from from_ms on, in which they are open; it may go on after its end. False: none is. */
static bool find_stretch(const struct calendar *calendar, int64_t day, int64_t from_ms, struct stretch *first)
{
    struct day_on_wall on = day_on_wall(day);
    struct stretch parts[2];
    bool found = false;

    for (uint32_t i = calendar->hours.first; i < calendar->hours.first + calendar->hours.count; i++) {
        if (calendar->spans[i].weekday != on.weekday)
            continue;
        lay_span(&calendar->spans[i], &on, parts);
        for (int j = 0; j < 2; j++) {
            int64_t begins = parts[j].begins > from_ms ? parts[j].begins : from_ms;
            if (begins < parts[j].ends && (!found || begins < first->begins)) {
                *first = (struct stretch){begins, parts[j].ends};
                found = true;
            }
        }
    }
    return found;
}

/* When they close on a day on which they work. */
static int64_t last_close(const struct calendar *calendar, int64_t day)
{
    int64_t closes = INT64_MIN;
    struct stretch stretch;

    while (find_stretch(calendar, day, closes, &stretch))
        closes = stretch.ends;
    return closes;
}

bool calendar_works_on(const struct calendar *calendar, int64_t day)
{
    struct stretch stretch;

    if (calendar->hours.count == 0)
        return true;
    return !is_closed(calendar, day) && find_stretch(calendar, day, INT64_MIN, &stretch);
}

bool calendar_is_open_on(const struct calendar *calendar, int64_t day, int64_t minute)
{
    if (calendar->hours.count == 0)
        return true;
    return hours_open_on(calendar->spans, calendar->hours, day, minute) && !is_closed(calendar, day);
}

/* The same time so many of their days later; a day on which they do not work counts as one that has closed. False: not
 * before the day `end`. */
static bool pass_days(const struct calendar *calendar, int64_t *at_ms, int64_t days, int64_t end)
{
    int64_t day = hours_day(*at_ms);
    int64_t on_wall = calendar_works_on(calendar, day) ? wall_at(*at_ms, day) : DAY;
    struct stretch stretch;

    while (days > 0 && ++day < end)
        days -= calendar_works_on(calendar, day);
    if (days > 0)
        return false;
    bool opens = find_stretch(calendar, day, moment_of(day, on_wall), &stretch);
    *at_ms = opens ? stretch.begins : last_close(calendar, day);
    return true;
}

/* So much of the time in which they are open later. False: not before the day `end`. */
static bool pass_time(const struct calendar *calendar, int64_t *at_ms, int64_t left, int64_t end)
{
    struct stretch stretch;

    for (int64_t day = hours_day(*at_ms); day < end; day++) {
        if (is_closed(calendar, day))
            continue;
        for (int64_t at = *at_ms; find_stretch(calendar, day, at, &stretch); at = stretch.ends) {
            if (left <= stretch.ends - stretch.begins) {
                *at_ms = stretch.begins + left;
                return true;
            }
            left -= stretch.ends - stretch.begins;
        }
    }
    return false;
}

int64_t calendar_after(const struct calendar *calendar, int64_t from_ms, int64_t amount_ms)
{
    int64_t at_ms = from_ms, days = amount_ms / DAY, rest = amount_ms % DAY;

    assert(amount_ms >= 0);
    if (calendar->hours.count == 0)
        return from_ms + amount_ms;
    int64_t end = hours_day(from_ms) + CALENDAR_DAYS_MAX;
    if (days > 0 && !pass_days(calendar, &at_ms, days, end))
        return hours_midnight(end);
    if (rest > 0 && !pass_time(calendar, &at_ms, rest, end))
        return hours_midnight(end);
    return at_ms;
}
