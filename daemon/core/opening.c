/* SPDX-License-Identifier: MIT
 * opening: see opening.h. */
#include "daemon/core/opening.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char leaves_out[] = ", ...";

struct line {
    char *bytes;
    size_t length;
    size_t size;
};

static void add(struct line *line, const char *text)
{
    size_t length = strlen(text);

    if (line->length + length < line->size)
        memcpy(line->bytes + line->length, text, length);
    line->length += length; /* beyond the size when it does not fit */
}

static void add_time(struct line *line, uint16_t minutes)
{
    const char text[] = {(char)('0' + minutes / 600),     (char)('0' + minutes / 60 % 10), ':',
                         (char)('0' + minutes % 60 / 10), (char)('0' + minutes % 10),      '\0'};

    add(line, text);
}

/* The next span of the day that opens at `from` or later; NULL: there is none. */
static const struct span *next_span(const struct span *spans, struct hours hours, int day, uint16_t from)
{
    const struct span *next = NULL;

    for (uint32_t i = hours.first; i < hours.first + hours.count; i++)
        if ((int)spans[i].weekday == day && spans[i].opens_at >= from && (!next || spans[i].opens_at < next->opens_at))
            next = &spans[i];
    return next;
}

static bool same_hours(const struct span *spans, struct hours hours, int one, int other)
{
    const struct span *a = next_span(spans, hours, one, 0);
    const struct span *b = next_span(spans, hours, other, 0);

    while (a && b && a->opens_at == b->opens_at && a->closes_at == b->closes_at) {
        a = next_span(spans, hours, one, a->closes_at);
        b = next_span(spans, hours, other, b->closes_at);
    }
    return !a && !b;
}

static void add_days(struct line *line, const struct span *spans, struct hours hours, int first, int last)
{
    static const char *const names[] = {
        [WEEKDAY_MONDAY] = "Mon", [WEEKDAY_TUESDAY] = "Tue",  [WEEKDAY_WEDNESDAY] = "Wed", [WEEKDAY_THURSDAY] = "Thu",
        [WEEKDAY_FRIDAY] = "Fri", [WEEKDAY_SATURDAY] = "Sat", [WEEKDAY_SUNDAY] = "Sun"};
    const struct span *span = next_span(spans, hours, first, 0);

    add(line, line->length ? ", " : "");
    add(line, names[first]);
    if (last > first) {
        add(line, "-");
        add(line, names[last]);
    }
    for (const char *before = " "; span; before = " and ") {
        add(line, before);
        add_time(line, span->opens_at);
        add(line, "-");
        add_time(line, span->closes_at);
        span = next_span(spans, hours, first, span->closes_at);
    }
}

void opening_write(const struct span *spans, struct hours hours, char out[OPENING_BYTES])
{
    struct line line = {out, 0, OPENING_BYTES - sizeof leaves_out + 1};
    size_t whole = 0;
    int last;

    for (int day = WEEKDAY_MONDAY; day <= WEEKDAY_SUNDAY; day = last + 1) {
        last = day;
        if (!next_span(spans, hours, day, 0))
            continue;
        while (last < WEEKDAY_SUNDAY && same_hours(spans, hours, day, last + 1))
            last++;
        add_days(&line, spans, hours, day, last);
        if (line.length >= line.size)
            break;
        whole = line.length;
    }
    out[whole] = '\0';
    if (whole < line.length)
        memcpy(out + whole, leaves_out, sizeof leaves_out);
}
