/* SPDX-License-Identifier: MIT
 * hours: days, weeks and opening hours by the clock on the wall in the United Kingdom, with summer time. */
#include "daemon/core/hours.h"

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

/* The year, beginning in March, that holds the day. */
static int64_t year_of_march(int64_t day)
{
    int64_t year = floor_divide((day + 719468) * 400, DAYS_OF_ERA);

    if (first_of_march(year + 1) <= day)
        year++;
    if (first_of_march(year) > day)
        year--;
    return year;
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
