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

/* Milliseconds that the clock on the wall is ahead of UTC: 0, or an hour in summer time. */
int64_t hours_ahead_ms(int64_t at_ms);
/* The day on the wall, counted from 1970-01-01, and the Monday that its week began with. */
int64_t hours_day(int64_t at_ms);
int64_t hours_monday(int64_t day);
/* When the day began on the wall. */
int64_t hours_midnight(int64_t day);
/* Minutes after midnight on the wall. */
int64_t hours_minute(int64_t at_ms);
/* Whether doors are open in that minute of a day on the wall. spans: network.spans. */
bool hours_open_on(const struct span *spans, struct hours, int64_t day, int64_t minute);

#endif
