/* SPDX-License-Identifier: MIT
 * hours: days and opening hours on the wall clock of the United Kingdom, held against libc's time zones; and the time
 * of calendars, held against a walk from minute to minute. */
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

static bool is_at_work(const struct calendar *calendar, int64_t at_ms)
{
    return calendar_is_open_on(calendar, hours_day(at_ms), hours_minute(at_ms));
}

/* Years from the one date to the other, by their digits: 19460509 and 20261122. */
static int64_t slow_age(int64_t born, int64_t day)
{
    int64_t digits[2];

    for (int i = 0; i < 2; i++) {
        time_t at = (time_t)((i ? day : born) * (DAY_MS / 1000));
        struct tm date;
        gmtime_r(&at, &date);
        digits[i] = (date.tm_year + 1900) * INT64_C(10000) + date.tm_mon * 100 + date.tm_mday;
    }
    return (digits[1] - digits[0]) / 10000;
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

Test(hours, a_person_is_a_year_older_on_the_birthday_and_of_29_february_on_1_march)
{
    static const int64_t births[] = {-25000, -8633, -306, 0, 58, 59, 789 /* 1972-02-29 */, 790, 11015, DAY_20261122};

    for (size_t i = 0; i < sizeof births / sizeof births[0]; i++)
        for (int64_t day = births[i]; day < births[i] + 110 * 366; day++)
            if (hours_age(births[i], day) != slow_age(births[i], day))
                cr_fatal("born %lld, on %lld", (long long)births[i], (long long)day);
    cr_expect(eq(i64, hours_age(789, 789 + 4 * 365), 3)); /* 1976-02-28 */
    cr_expect(eq(i64, hours_age(789, 789 + 365), 0));     /* 1973-02-28 */
    cr_expect(eq(i64, hours_age(789, 789 + 366), 1));
    cr_expect(eq(i64, hours_age(DAY_20261122, DAY_20261122 - 1), 0));
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

/* Calendars */

#define FRIDAY (DAY_20261122 + 5)
#define MONDAY (FRIDAY + 3)
#define AT_MOST_SPANS 12
#define AT_MOST_DAYS 6

static const struct span office[] = {{WEEKDAY_MONDAY, 540, 1020},
                                     {WEEKDAY_TUESDAY, 540, 1020},
                                     {WEEKDAY_WEDNESDAY, 540, 1020},
                                     {WEEKDAY_THURSDAY, 540, 1020},
                                     {WEEKDAY_FRIDAY, 540, 1020}};
static const struct calendar nine_to_five = {.spans = office, .hours = {0, 5}};

static void expect_after(const struct calendar *calendar, int64_t from, int64_t amount, int64_t end)
{
    cr_expect(eq(i64, calendar_after(calendar, from, amount), end), "from %lld, %lld: %lld, not %lld", (long long)from,
              (long long)amount, (long long)calendar_after(calendar, from, amount), (long long)end);
}

Test(hours, two_days_given_on_friday_end_on_tuesday_and_four_hours_on_monday)
{
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), 2 * DAY_MS, UTC(MONDAY + 1, 15, 0));
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), 4 * HOUR_MS, UTC(MONDAY, 11, 0));
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), DAY_MS + 4 * HOUR_MS, UTC(MONDAY + 1, 11, 0));
}

Test(hours, time_ends_when_they_close_and_not_when_they_open_again)
{
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), 2 * HOUR_MS, UTC(FRIDAY, 17, 0));
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), 2 * HOUR_MS + 1, UTC(MONDAY, 9, 0) + 1);
    expect_after(&nine_to_five, UTC(FRIDAY, 15, 0), 0, UTC(FRIDAY, 15, 0));
    expect_after(&nine_to_five, UTC(FRIDAY, 20, 0), 0, UTC(FRIDAY, 20, 0));
}

Test(hours, a_day_begun_before_or_after_hours_ends_when_they_open_or_close)
{
    expect_after(&nine_to_five, UTC(FRIDAY, 7, 0), DAY_MS, UTC(MONDAY, 9, 0));
    expect_after(&nine_to_five, UTC(FRIDAY, 18, 30), DAY_MS, UTC(MONDAY, 17, 0));
    expect_after(&nine_to_five, UTC(FRIDAY + 1, 12, 0), DAY_MS, UTC(MONDAY, 17, 0));
    expect_after(&nine_to_five, UTC(MONDAY, 0, 30), DAY_MS, UTC(MONDAY + 1, 9, 0));
}

Test(hours, a_day_that_falls_into_the_midday_break_ends_when_it_is_over)
{
    static const struct span with_break[] = {
        {WEEKDAY_MONDAY, 540, 1020}, {WEEKDAY_TUESDAY, 840, 1020}, {WEEKDAY_TUESDAY, 540, 720}};
    const struct calendar calendar = {.spans = with_break, .hours = {0, 3}};

    expect_after(&calendar, UTC(MONDAY, 12, 30), DAY_MS, UTC(MONDAY + 1, 14, 0));
    expect_after(&calendar, UTC(MONDAY + 1, 11, 0), 2 * HOUR_MS, UTC(MONDAY + 1, 15, 0));
}

Test(hours, bank_holidays_and_closures_do_not_count)
{
    static const int64_t holidays[] = {FRIDAY - 7, MONDAY, MONDAY + 28};
    static const struct closure closures[] = {{MONDAY + 1, MONDAY + 2}};
    struct calendar calendar = nine_to_five;

    calendar.holidays = holidays;
    calendar.holidays_count = 3;
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 4 * HOUR_MS, UTC(MONDAY + 1, 11, 0));
    expect_after(&calendar, UTC(FRIDAY, 15, 0), DAY_MS, UTC(MONDAY + 1, 15, 0));
    calendar.closures = closures;
    calendar.closures_count = 1;
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 4 * HOUR_MS, UTC(MONDAY + 3, 11, 0));
    expect_after(&calendar, UTC(FRIDAY, 15, 0), DAY_MS, UTC(MONDAY + 3, 15, 0));
    cr_expect(not(calendar_works_on(&calendar, FRIDAY - 7)));
    cr_expect(calendar_works_on(&calendar, FRIDAY));
    cr_expect(not(calendar_works_on(&calendar, FRIDAY + 1)));
    for (int64_t day = MONDAY; day < MONDAY + 3; day++) {
        cr_expect(not(calendar_works_on(&calendar, day)));
        cr_expect(not(is_at_work(&calendar, UTC(day, 10, 0))));
    }
    cr_expect(calendar_works_on(&calendar, MONDAY + 3));
    cr_expect(is_at_work(&calendar, UTC(MONDAY + 3, 10, 0)));
}

Test(hours, who_has_no_hours_works_always)
{
    static const int64_t holidays[] = {MONDAY};
    static const struct closure closures[] = {{0, MONDAY}};
    const struct calendar calendar = {
        .holidays = holidays, .holidays_count = 1, .closures = closures, .closures_count = 1};

    for (int64_t amount = 0; amount < 5 * DAY_MS; amount += 7 * HOUR_MS + 1)
        expect_after(&calendar, UTC(FRIDAY, 15, 0), amount, UTC(FRIDAY, 15, 0) + amount);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 1000 * DAY_MS, UTC(FRIDAY + 1000, 15, 0));
    cr_expect(calendar_works_on(&calendar, MONDAY));
    cr_expect(is_at_work(&calendar, UTC(MONDAY, 3, 0)));
}

Test(hours, open_day_and_night_days_keep_the_time_on_the_wall_and_hours_are_hours)
{
    static const struct span always[] = {{WEEKDAY_MONDAY, 0, 1440},    {WEEKDAY_TUESDAY, 0, 1440},
                                         {WEEKDAY_WEDNESDAY, 0, 1440}, {WEEKDAY_THURSDAY, 0, 1440},
                                         {WEEKDAY_FRIDAY, 0, 1440},    {WEEKDAY_SATURDAY, 0, 1440},
                                         {WEEKDAY_SUNDAY, 0, 1440}};
    const struct calendar calendar = {.spans = always, .hours = {0, 7}};

    expect_after(&calendar, UTC(20750, 12, 0), DAY_MS, UTC(20751, 13, 0)); /* over the night of the change */
    expect_after(&calendar, UTC(20750, 12, 0), 23 * HOUR_MS, UTC(20751, 11, 0));
    expect_after(&calendar, UTC(20540, 12, 0), DAY_MS, UTC(20541, 11, 0));
    expect_after(&calendar, UTC(20540, 12, 0), 23 * HOUR_MS, UTC(20541, 11, 0));
}

Test(hours, a_time_that_the_clock_leaves_out_is_when_it_changes_and_of_two_the_first_counts)
{
    static const struct span nights[] = {{WEEKDAY_SATURDAY, 0, 240}, {WEEKDAY_SUNDAY, 0, 240}};
    static const struct span in_the_gap[] = {{WEEKDAY_SATURDAY, 60, 120}, {WEEKDAY_SUNDAY, 60, 120}};
    const struct calendar by_night = {.spans = nights, .hours = {0, 2}};
    const struct calendar for_an_hour = {.spans = in_the_gap, .hours = {0, 2}};

    expect_after(&by_night, UTC(20540, 1, 30), DAY_MS, UTC(20541, 1, 0));
    expect_after(&by_night, UTC(20750, 0, 30), DAY_MS, UTC(20751, 0, 30));
    /* In March there is no such hour on that Sunday, in October there are two. */
    cr_expect(not(calendar_works_on(&for_an_hour, 20541)));
    expect_after(&for_an_hour, UTC(20540, 1, 30), DAY_MS, UTC(20547, 0, 30));
    expect_after(&for_an_hour, UTC(20750, 0, 30), 2 * HOUR_MS, UTC(20751, 1, 30));
}

Test(hours, who_does_not_open_enough_has_until_the_end_of_the_days_that_are_looked_at)
{
    static const struct closure for_ever[] = {{0, 100000}};
    static const struct span once_a_week[] = {{WEEKDAY_MONDAY, 540, 600}};
    struct calendar calendar = nine_to_five;
    int64_t end = hours_midnight(FRIDAY + CALENDAR_DAYS_MAX);

    calendar.closures = for_ever;
    calendar.closures_count = 1;
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 1, end);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), DAY_MS, end);
    calendar = (struct calendar){.spans = once_a_week, .hours = {0, 1}};
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 57 * DAY_MS, UTC(MONDAY + 56 * 7, 9, 0) + HOUR_MS);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 58 * DAY_MS, end);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), 23 * HOUR_MS, UTC(MONDAY + 22 * 7, 9, 0)); /* in summer */
}

Test(hours, the_last_day_that_is_looked_at_counts_and_the_next_does_not)
{
    static const struct span daily[] = {{WEEKDAY_MONDAY, 540, 600},    {WEEKDAY_TUESDAY, 540, 600},
                                        {WEEKDAY_WEDNESDAY, 540, 600}, {WEEKDAY_THURSDAY, 540, 600},
                                        {WEEKDAY_FRIDAY, 540, 600},    {WEEKDAY_SATURDAY, 540, 600},
                                        {WEEKDAY_SUNDAY, 540, 600}};
    struct closure closure = {FRIDAY, FRIDAY + CALENDAR_DAYS_MAX - 2};
    const struct calendar calendar = {.spans = daily, .hours = {0, 7}, .closures = &closure, .closures_count = 1};
    int64_t end = hours_midnight(FRIDAY + CALENDAR_DAYS_MAX);

    expect_after(&calendar, UTC(FRIDAY, 15, 0), HOUR_MS, hours_midnight(FRIDAY + CALENDAR_DAYS_MAX - 1) + 10 * HOUR_MS);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), DAY_MS, hours_midnight(FRIDAY + CALENDAR_DAYS_MAX - 1) + 10 * HOUR_MS);
    closure.to_day++;
    expect_after(&calendar, UTC(FRIDAY, 15, 0), HOUR_MS, end);
    expect_after(&calendar, UTC(FRIDAY, 15, 0), DAY_MS, end);
}

/* Calendars at random, and what they mean from minute to minute on the clock that libc reads. */

struct invented_calendar {
    struct calendar calendar;
    struct span spans[AT_MOST_SPANS];
    struct closure closures[AT_MOST_DAYS];
    int64_t holidays[AT_MOST_DAYS];
};

static uint16_t minute_at_random(uint64_t *random)
{
    return (uint16_t)(random_below(random, 3) ? random_below(random, 97) * 15 : random_below(random, 1441));
}

/* Often at night, when the clock changes, and often on Sundays. Spans may overlap and stand in any order. */
static void calendar_at_random(struct invented_calendar *invented, int64_t day, uint64_t *random)
{
    *invented = (struct invented_calendar){0};
    invented->calendar = (struct calendar){.spans = invented->spans,
                                           .hours = {0, 1 + random_below(random, AT_MOST_SPANS)},
                                           .closures = invented->closures,
                                           .closures_count = random_below(random, 3),
                                           .holidays = invented->holidays,
                                           .holidays_count = random_below(random, AT_MOST_DAYS + 1)};
    for (uint32_t i = 0; i < invented->calendar.hours.count; i++) {
        struct span *span = &invented->spans[i];
        span->weekday = (enum weekday)(random_below(random, 4) ? 1 + random_below(random, 7) : WEEKDAY_SUNDAY);
        do {
            span->opens_at = random_below(random, 2) ? minute_at_random(random) : (uint16_t)random_below(random, 180);
            span->closes_at = random_below(random, 2) ? minute_at_random(random) : (uint16_t)random_below(random, 180);
        } while (span->closes_at <= span->opens_at);
    }
    for (uint32_t i = 0; i < invented->calendar.closures_count; i++) {
        invented->closures[i].from_day = day - 5 + random_below(random, 20);
        invented->closures[i].to_day = invented->closures[i].from_day + random_below(random, 10);
    }
    for (uint32_t i = 0; i < invented->calendar.holidays_count; i++)
        invented->holidays[i] = (i ? invented->holidays[i - 1] : day - 3) + 1 + random_below(random, 6);
}

/* A minute on the wall: its day, and how far into it. */
struct minute {
    int64_t day;
    int minute;
    int weekday;
};

static struct minute minute_on_the_wall(int64_t at)
{
    struct tm wall = on_the_wall(at);

    return (struct minute){slow_day(&wall), wall.tm_hour * 60 + wall.tm_min, wall.tm_wday ? wall.tm_wday : 7};
}

static bool slow_open(const struct calendar *calendar, const struct minute *at)
{
    bool is_open = false;

    for (uint32_t i = 0; i < calendar->hours.count; i++)
        is_open |= (int)calendar->spans[i].weekday == at->weekday && at->minute >= calendar->spans[i].opens_at &&
                   at->minute < calendar->spans[i].closes_at;
    for (uint32_t i = 0; i < calendar->closures_count; i++)
        is_open &= at->day < calendar->closures[i].from_day || at->day > calendar->closures[i].to_day;
    for (uint32_t i = 0; i < calendar->holidays_count; i++)
        is_open &= at->day != calendar->holidays[i];
    return is_open;
}

/* The first midnight on the wall after that moment. */
static int64_t slow_next_day(int64_t at)
{
    int64_t day = minute_on_the_wall(at).day;

    while (minute_on_the_wall(at).day == day)
        at += MINUTE_MS;
    return at;
}

/* A day on the wall, from its first minute: is any open? */
static bool slow_works(const struct calendar *calendar, int64_t midnight)
{
    for (int64_t at = midnight, end = slow_next_day(midnight); at < end; at += MINUTE_MS) {
        struct minute minute = minute_on_the_wall(at);
        if (slow_open(calendar, &minute))
            return true;
    }
    return false;
}

/* The first open moment of that day at which the wall shows this minute or a later one (it shows the later one for
 * good); else the end of its last open minute. */
static int64_t slow_same_time(const struct calendar *calendar, int64_t midnight, int wanted)
{
    int64_t last = 0;
    bool reached = false;

    for (int64_t at = midnight, end = slow_next_day(midnight); at < end; at += MINUTE_MS) {
        struct minute minute = minute_on_the_wall(at);
        reached |= minute.minute >= wanted;
        if (!slow_open(calendar, &minute))
            continue;
        if (reached)
            return at;
        last = at + MINUTE_MS;
    }
    return last;
}

/* All of it in whole minutes. The second of two equal hours counts as over. */
static int64_t slow_after(const struct calendar *calendar, int64_t from, int64_t amount)
{
    int64_t midnight = from, at = from, days = amount / DAY_MS, rest = amount % DAY_MS;
    int64_t today = minute_on_the_wall(from).day, end = today + CALENDAR_DAYS_MAX;

    while (minute_on_the_wall(midnight - MINUTE_MS).day == today)
        midnight -= MINUTE_MS;
    int wanted = 0;
    for (int64_t past = midnight; past <= from; past += MINUTE_MS)
        if (minute_on_the_wall(past).minute > wanted)
            wanted = minute_on_the_wall(past).minute;
    if (on_the_wall(from).tm_isdst == 0 && on_the_wall(from - HOUR_MS).tm_isdst > 0)
        wanted = 120;
    if (days > 0 && !slow_works(calendar, midnight))
        wanted = 1440;
    for (int64_t left = days; left > 0 && minute_on_the_wall(midnight).day < end;) {
        midnight = slow_next_day(midnight);
        left -= slow_works(calendar, midnight);
        if (left == 0 && minute_on_the_wall(midnight).day < end)
            at = slow_same_time(calendar, midnight, wanted);
    }
    for (; rest > 0 && minute_on_the_wall(at).day < end && minute_on_the_wall(midnight).day < end; at += MINUTE_MS) {
        struct minute minute = minute_on_the_wall(at);
        rest -= slow_open(calendar, &minute) ? MINUTE_MS : 0;
    }
    return rest > 0 || minute_on_the_wall(midnight).day >= end ? hours_midnight(end) : at;
}

/* A day about a change of the clock of some year to come. */
static int64_t day_of_change(uint64_t *random)
{
    int64_t day = DAY_20261122 + random_below(random, 3650);

    while (hours_ahead_ms(UTC(day, 0, 0)) == hours_ahead_ms(UTC(day, 3, 0)))
        day++;
    return day;
}

Test(hours, calendars_end_where_a_walk_from_minute_to_minute_ends, .timeout = 120)
{
    struct invented_calendar invented;

    for (uint64_t run = 0; run < 400; run++) {
        uint64_t seed = random_seed(run), random = seed;
        int64_t change = day_of_change(&random);
        calendar_at_random(&invented, change, &random);
        int64_t from = UTC(change - 4, 0, 0) + random_below(&random, 5 * 1440 + 240) * MINUTE_MS;
        int64_t amount = (random_below(&random, 2) ? random_below(&random, 6) * DAY_MS : 0) +
                         (random_below(&random, 2) ? random_below(&random, 1440) * MINUTE_MS : 0);
        int64_t end = calendar_after(&invented.calendar, from, amount);
        cr_assert(eq(i64, end, slow_after(&invented.calendar, from, amount)), "seed %llu: from %lld, %lld minutes",
                  (unsigned long long)seed, (long long)from, (long long)(amount / MINUTE_MS));
    }
}

Test(hours, calendars_are_open_and_work_as_a_walk_says, .timeout = 120)
{
    struct invented_calendar invented;

    for (uint64_t run = 0; run < 40; run++) {
        uint64_t seed = random_seed(1000 + run), random = seed;
        int64_t change = day_of_change(&random), works = 0, day = change - 3;
        calendar_at_random(&invented, change, &random);
        for (int64_t at = hours_midnight(day); at < hours_midnight(change + 3); at += MINUTE_MS) {
            struct minute minute = minute_on_the_wall(at);
            bool is_open = slow_open(&invented.calendar, &minute);
            cr_assert(eq(int, is_at_work(&invented.calendar, at), is_open), "seed %llu: at %lld",
                      (unsigned long long)seed, (long long)at);
            works |= is_open;
            if (minute_on_the_wall(at + MINUTE_MS).day == day)
                continue;
            cr_assert(eq(int, calendar_works_on(&invented.calendar, day), works != 0), "seed %llu: day %lld",
                      (unsigned long long)seed, (long long)day);
            works = 0;
            day++;
        }
    }
}

/* To the millisecond: never before, never earlier for a later beginning, and time alone ends while they are open. */
static void expect_lawful(const struct calendar *calendar, int64_t from, int64_t amount, uint64_t *random,
                          unsigned long long seed)
{
    int64_t later = from + 1 + random_below(random, 4) * random_below(random, 2000000);
    int64_t end = calendar_after(calendar, from, amount), later_end = calendar_after(calendar, later, amount);

    cr_assert(end >= from, "seed %llu: from %lld, %lld", seed, (long long)from, (long long)amount);
    cr_assert(later_end >= end, "seed %llu: from %lld and %lld, %lld", seed, (long long)from, (long long)later,
              (long long)amount);
    if (amount > 0 && amount < DAY_MS && end != hours_midnight(hours_day(from) + CALENDAR_DAYS_MAX))
        cr_assert(is_at_work(calendar, end - 1), "seed %llu: from %lld, %lld", seed, (long long)from,
                  (long long)amount);
    if (amount >= DAY_MS)
        cr_assert(calendar_works_on(calendar, hours_day(end - 1)) || end == hours_midnight(hours_day(end)),
                  "seed %llu: from %lld, %lld", seed, (long long)from, (long long)amount);
}

Test(hours, time_goes_on_for_all_calendars, .timeout = 120)
{
    struct invented_calendar invented;

    for (uint64_t run = 0; run < 2000; run++) {
        uint64_t seed = random_seed(2000 + run), random = seed;
        int64_t change = day_of_change(&random);
        calendar_at_random(&invented, change, &random);
        for (int i = 0; i < 50; i++) {
            int64_t from = UTC(change - 3, 0, 0) + (int64_t)(random_next(&random) % (uint64_t)(5 * DAY_MS));
            int64_t amount =
                (int64_t)(random_next(&random) % (uint64_t)(random_below(&random, 2) ? 6 * DAY_MS : DAY_MS));
            expect_lawful(&invented.calendar, from, random_below(&random, 4) ? amount : amount / DAY_MS * DAY_MS,
                          &random, (unsigned long long)seed);
        }
    }
}
