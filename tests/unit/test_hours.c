/* SPDX-License-Identifier: MIT
 * hours: days and opening hours on the wall clock of the United Kingdom, held against libc's time zones. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/core/hours.h"
#include "tests/networks.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define DAY_20261122 20779 /* a Sunday */
#define UTC(day, hour, minute) ((day)*DAY_MS + (hour)*HOUR_MS + (minute)*MINUTE_MS)

/* The same rule as libc reads it: an independent calendar, and no file of time zones. */
static struct tm on_the_wall(int64_t at_ms)
{
    struct tm wall;
    time_t seconds = (time_t)(at_ms >= 0 ? at_ms / 1000 : -((-at_ms + 999) / 1000));

    setenv("TZ", "GMT0BST,M3.5.0/1,M10.5.0/2", 1);
    tzset();
    cr_assert(localtime_r(&seconds, &wall) != NULL);
    return wall;
}

/* Days since 1970 of a date, one year and one month after the other. */
static int64_t slow_day(const struct tm *date)
{
    static const int months[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day = 0;

    for (int year = 1970; year < date->tm_year + 1900; year++)
        day += (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 366 : 365;
    for (int month = 0; month < date->tm_mon; month++) {
        int year = date->tm_year + 1900;
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        day += months[month] + (month == 1 && is_leap);
    }
    return day + date->tm_mday - 1;
}

static enum weekday weekday_of(int64_t day)
{
    return (enum weekday)(WEEKDAY_MONDAY + day - hours_monday(day));
}

static void expect_as_on_the_wall(int64_t at_ms)
{
    struct tm wall = on_the_wall(at_ms);

    cr_assert(eq(i64, hours_ahead_ms(at_ms), wall.tm_isdst > 0 ? HOUR_MS : 0), "at %lld", (long long)at_ms);
    cr_assert(eq(i64, hours_day(at_ms), slow_day(&wall)), "at %lld", (long long)at_ms);
    cr_assert(eq(int, (int)weekday_of(hours_day(at_ms)), wall.tm_wday == 0 ? WEEKDAY_SUNDAY : wall.tm_wday), "at %lld",
              (long long)at_ms);
}

/* Whether doors are open at that moment. */
static bool open_at(const struct span *spans, struct hours hours, int64_t at)
{
    return hours_open_on(spans, hours, hours_day(at), hours_minute(at));
}

Test(hours, midnight_is_when_the_day_on_the_wall_begins)
{
    for (int64_t day = -1000; day < 40000; day++) {
        cr_assert(eq(i64, hours_day(hours_midnight(day)), day));
        cr_assert(eq(i64, hours_day(hours_midnight(day) - 1), day - 1));
    }
    cr_assert(eq(i64, hours_midnight(DAY_20261122), UTC(DAY_20261122, 0, 0)));
    cr_assert(eq(i64, hours_midnight(20541), UTC(20541, 0, 0)), "an hour before the clock is set forward");
    cr_assert(eq(i64, hours_midnight(20542), UTC(20542, -1, 0)));
    cr_assert(eq(i64, hours_midnight(20751), UTC(20751, -1, 0)), "two hours before it is set back");
    cr_assert(eq(i64, hours_midnight(20752), UTC(20752, 0, 0)));
}

Test(hours, the_clock_changes_on_the_last_sundays_of_march_and_october)
{
    int64_t march = UTC(20541, 1, 0);   /* 2026-03-29, 01:00 UTC */
    int64_t october = UTC(20751, 1, 0); /* 2026-10-25 */

    cr_assert(eq(i64, hours_ahead_ms(march - 1), 0));
    cr_assert(eq(i64, hours_ahead_ms(march), HOUR_MS));
    cr_assert(eq(i64, hours_ahead_ms(october - 1), HOUR_MS));
    cr_assert(eq(i64, hours_ahead_ms(october), 0));
    cr_assert(eq(i64, hours_ahead_ms(UTC(DAY_20261122, 12, 0)), 0));
}

Test(hours, every_hour_of_two_centuries_is_as_on_the_wall)
{
    for (int64_t at = 0; at < UTC(73049, 0, 0); at += HOUR_MS) /* to 2170 */
        expect_as_on_the_wall(at);
}

Test(hours, every_change_of_the_clock_is_right_to_the_millisecond)
{
    for (int64_t day = 0; day < 73049; day++) {
        if (weekday_of(day) != WEEKDAY_SUNDAY)
            continue;
        expect_as_on_the_wall(UTC(day, 1, 0) - 1);
        expect_as_on_the_wall(UTC(day, 1, 0));
    }
}

Test(hours, random_moments_are_as_on_the_wall)
{
    uint64_t random = random_seed(0);

    for (int i = 0; i < 100000; i++)
        expect_as_on_the_wall((int64_t)(random_next(&random) % (uint64_t)UTC(200000, 0, 0)));
}

Test(hours, a_summer_day_begins_an_hour_before_that_of_utc)
{
    cr_assert(eq(i64, hours_day(UTC(20600, 22, 59)), 20600));
    cr_assert(eq(i64, hours_day(UTC(20600, 23, 0)), 20601));
    cr_assert(eq(i64, hours_day(UTC(DAY_20261122, 23, 59)), DAY_20261122));
    cr_assert(eq(i64, hours_day(-1), -1));
}

Test(hours, a_week_begins_on_its_monday)
{
    cr_assert(eq(int, (int)weekday_of(DAY_20261122), WEEKDAY_SUNDAY));
    cr_assert(eq(int, (int)weekday_of(0), WEEKDAY_THURSDAY));
    cr_assert(eq(int, (int)weekday_of(-3), WEEKDAY_MONDAY));
    cr_assert(eq(int, (int)weekday_of(-4), WEEKDAY_SUNDAY));
    for (int64_t day = -800; day < 30000; day++) {
        int64_t monday = hours_monday(day);
        cr_assert(eq(int, (int)weekday_of(monday), WEEKDAY_MONDAY));
        cr_assert(monday <= day && day < monday + 7);
        cr_assert(eq(int, (int)weekday_of(day + 1), weekday_of(day) % 7 + 1));
    }
}

static const struct span spans[] = {
    {WEEKDAY_SATURDAY, 0, 1440}, /* of somebody else */
    {WEEKDAY_MONDAY, 540, 1020},
    {WEEKDAY_SUNDAY, 60, 120},
    {WEEKDAY_SUNDAY, 1380, 1440},
};
static const struct hours of_hub = {1, 3};

Test(hours, doors_are_open_from_the_first_minute_to_the_one_before_the_last)
{
    int64_t monday = DAY_20261122 + 1;

    cr_assert(not(open_at(spans, of_hub, UTC(monday, 9, 0) - 1)));
    cr_assert(open_at(spans, of_hub, UTC(monday, 9, 0)));
    cr_assert(open_at(spans, of_hub, UTC(monday, 17, 0) - 1));
    cr_assert(not(open_at(spans, of_hub, UTC(monday, 17, 0))));
    cr_assert(not(open_at(spans, of_hub, UTC(monday + 1, 9, 0))));
    cr_assert(open_at(spans, of_hub, UTC(DAY_20261122, 23, 59)));
    cr_assert(not(open_at(spans, of_hub, UTC(monday, 0, 0))));
}

Test(hours, other_spans_do_not_count_and_unknown_hours_are_never_open)
{
    cr_assert(not(open_at(spans, of_hub, UTC(DAY_20261122 - 1, 12, 0))));
    cr_assert(not(open_at(spans, (struct hours){0, 0}, UTC(DAY_20261122 - 1, 12, 0))));
}

Test(hours, doors_follow_the_wall_in_summer)
{
    int64_t monday = 20604; /* 2026-05-31 is a Sunday */

    cr_assert(eq(int, (int)weekday_of(20604), WEEKDAY_SUNDAY));
    monday++;
    cr_assert(not(open_at(spans, of_hub, UTC(monday, 7, 59))));
    cr_assert(open_at(spans, of_hub, UTC(monday, 8, 0)));
    cr_assert(not(open_at(spans, of_hub, UTC(monday, 16, 0))));
}

Test(hours, the_hour_that_is_left_out_is_never_and_the_doubled_one_is_twice_there)
{
    /* 01:00 to 02:00 on Sundays. In March the clock goes from 01:00 to 02:00 at once. */
    for (int64_t at = UTC(20541, 0, 0); at < UTC(20542, 0, 0); at += MINUTE_MS)
        cr_assert(eq(int, open_at(spans, of_hub, at), at >= UTC(20541, 22, 0) && at < UTC(20541, 23, 0)));
    for (int64_t at = UTC(20750, 23, 0); at < UTC(20751, 20, 0); at += MINUTE_MS)
        cr_assert(eq(int, open_at(spans, of_hub, at), at >= UTC(20751, 0, 0) && at < UTC(20751, 2, 0)));
}

/* Around the changes of the clock of a hundred years, against the clock that libc reads. */
Test(hours, doors_are_open_as_the_clock_of_libc_says_around_every_change)
{
    static const struct span night[] = {
        {WEEKDAY_SATURDAY, 1320, 1440}, {WEEKDAY_SUNDAY, 0, 90}, {WEEKDAY_SUNDAY, 150, 200}};

    for (int64_t day = 0; day < 36525; day++) {
        if (weekday_of(day) != WEEKDAY_SUNDAY || hours_ahead_ms(UTC(day, 0, 0)) == hours_ahead_ms(UTC(day, 3, 0)))
            continue;
        for (int64_t at = UTC(day, -3, 0); at < UTC(day, 5, 0); at += MINUTE_MS) {
            struct tm wall = on_the_wall(at);
            int minute = wall.tm_hour * 60 + wall.tm_min;
            bool is_open = wall.tm_wday == 6 ? minute >= 1320
                                             : wall.tm_wday == 0 && (minute < 90 || (minute >= 150 && minute < 200));
            cr_assert(eq(int, open_at(night, (struct hours){0, 3}, at), is_open), "at %lld", (long long)at);
        }
    }
}
