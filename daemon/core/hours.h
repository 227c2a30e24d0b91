/* SPDX-License-Identifier: MIT
 * hours: days, weeks and opening hours by the clock on the wall in the United Kingdom, from milliseconds since 1970
 * UTC. Pure: the rule of summer time (last Sunday of March to last Sunday of October, 01:00 UTC) is written here. */
#ifndef CORE_HOURS_H
#define CORE_HOURS_H

#include "proto/vocabulary.h"

/* One span of a week in which doors are open, in minutes after midnight; closes_at after opens_at, at most 1440. */
struct span {
    enum weekday weekday;
    uint16_t opens_at;
    uint16_t closes_at;
};

/* A run in network.spans. */
struct hours {
    uint32_t first;
    uint32_t count; /* 0: not known */
};

/* Days on the wall, both inclusive, on which doors stay closed. */
struct closure {
    int64_t from_day;
    int64_t to_day;
};

/* When somebody works: weekly hours, without their own closures and without the bank holidays. Everything is borrowed.
 */
struct calendar {
    const struct span *spans;
    struct hours hours; /* count 0: always, day and night */
    const struct closure *closures;
    uint32_t closures_count;
    const int64_t *holidays; /* days on the wall, ascending */
    uint32_t holidays_count;
};

#define CALENDAR_DAYS_MAX 400 /* so far is looked ahead */

/* Milliseconds that the clock on the wall is ahead of UTC: 0, or an hour in summer time. */
int64_t hours_ahead_ms(int64_t at_ms);
/* The day on the wall, counted from 1970-01-01, and the Monday that its week began with. */
int64_t hours_day(int64_t at_ms);
int64_t hours_monday(int64_t day);
/* Full years on a day of somebody born on a day; 0 before the birth. Who was born on 29 February is a year older on
 * 1 March. */
int64_t hours_age(int64_t born, int64_t day);
/* When the day began on the wall. */
int64_t hours_midnight(int64_t day);
/* Minutes after midnight on the wall. */
int64_t hours_minute(int64_t at_ms);
/* Whether doors are open in that minute of a day on the wall. spans: network.spans. */
bool hours_open_on(const struct span *spans, struct hours, int64_t day, int64_t minute);

/* Whether they work on that day at all; and in that minute of it. */
bool calendar_works_on(const struct calendar *, int64_t day);
bool calendar_is_open_on(const struct calendar *, int64_t day, int64_t minute);
/* The moment when so much of the calendar's time has passed since from_ms: each whole 24 hours of amount_ms is one day
 * on which they work (the same time on the wall on a later day, moved to when they close if they have closed before, or
 * to when they open if they open after it), the rest counts only while they are open. Two days, given on Friday at
 * 15:00 to who works Monday to Friday 09:00 to 17:00, end on Tuesday at 15:00; four hours then end on Monday at 11:00.
 * A day on which they do not work is one that has closed: one day, given on Saturday, ends on Monday at 17:00. Never
 * before from_ms; not later for an earlier from_ms; for the rest alone, the end is a moment in which they are open or
 * just close. Without hours, from_ms + amount_ms. When they do not open enough within CALENDAR_DAYS_MAX, the midnight
 * that ends those days. */
int64_t calendar_after(const struct calendar *, int64_t from_ms, int64_t amount_ms);

#endif
