/* SPDX-License-Identifier: MIT
 * events: pages of a history that grows. */
#include "clients/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "proto/check.h"

#define DAY_MS INT64_C(86400000)
#define PAGE_LIMIT 1000
#define LINE_FIELDS 9
#define SCHEMA "referral.event/1"

static const enum field line_fields[LINE_FIELDS + 1] = {
    FIELD_at,     FIELD_referral_id,   FIELD_event,   FIELD_actor,    FIELD_state,
    FIELD_hub_id, FIELD_status_reason, FIELD_outcome, FIELD_deadline, FIELD_COUNT};
static const int line_widths[LINE_FIELDS] = {24, 12, 18, 20, 12, 20, 20, 16, 0};

struct events {
    const struct invocation *invocation;
    struct printer *printer; /* of a table or of columns */
    int64_t since_ms;        /* what happened before is passed over */
    int64_t left;            /* how many are still to be printed */
    int64_t last;            /* newest sequence that was seen; 0: none */
    char from[ID_BYTES_MAX + 1], next[ID_BYTES_MAX + 1];
    bool is_written;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool events_span(const char *text, const char *units, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } all[] = {{'m', 60000}, {'h', 3600000}, {'d', DAY_MS}};
    char *end;
    long number = strtol(text, &end, 10);

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (end == text || end[0] != all[i].unit || end[1] || !strchr(units, end[0]) || number < 1 || number > 36500)
            continue;
        *ms = number * all[i].ms;
        return true;
    }
    return false;
}

bool events_since(const struct invocation *invocation, struct message *request)
{
    const char *since = options_value(invocation, "since");
    int64_t days, span;

    if (!since)
        return true;
    if (events_span(since, "d", &span))
        days = (now_ms() - span) / DAY_MS;
    else if (!date_parse((struct text){since, (uint32_t)strlen(since)}, &days)) {
        options_complain(invocation, EX_USAGE, "--since 2026-09-01, or --since 30d", "--since is not a date");
        return false;
    }
    message_set_number(request, FIELD_since, days);
    return true;
}

static void print_event_line(struct printer *lines, const struct message *happened)
{
    char values[LINE_FIELDS][ID_BYTES_MAX + 1];
    const char *texts[LINE_FIELDS];

    for (size_t i = 0; i < LINE_FIELDS; i++)
        texts[i] = print_value(happened, line_fields[i], false, values[i], sizeof values[i]);
    print_line(lines, texts);
}

static void print_event(struct events *events, const struct message *happened)
{
    enum print_format format = events->invocation->format;

    if (format == PRINT_TABLE)
        print_event_line(events->printer, happened);
    else if (format == PRINT_CSV)
        print_row(events->printer, happened, false);
    else
        print_one(format, SCHEMA, happened, false, stdout);
    events->is_written = fflush(stdout) == 0 && !ferror(stdout);
}

static void take_event(void *context, const struct message *answer)
{
    struct events *events = context;

    if (answer->type == MESSAGE_end)
        print_value(answer, FIELD_next, false, events->next, sizeof events->next);
    if (answer->type != MESSAGE_happened)
        return;
    if (message_number(answer, FIELD_sequence) > events->last)
        events->last = message_number(answer, FIELD_sequence);
    if (events->left == 0 || !events->is_written || message_number(answer, FIELD_at) < events->since_ms)
        return;
    events->left--;
    print_event(events, answer);
}

/* One page. *is_more: the next may be asked for at once. */
static enum exchange_result ask_page(struct events *events, struct exchange *exchange, bool *is_more)
{
    struct message request;
    enum exchange_result result;

    message_init(&request, MESSAGE_events);
    message_set_number(&request, FIELD_since, events->since_ms / DAY_MS);
    message_set_number(&request, FIELD_limit, PAGE_LIMIT);
    if (events->from[0])
        message_set_string(&request, FIELD_from, events->from);
    events->next[0] = '\0';
    result = exchange_ask(exchange, &request, take_event, events);
    if (result != EXCHANGE_OK)
        return result;
    *is_more = events->next[0] && strcmp(events->next, events->from) != 0;
    if (events->next[0])
        memcpy(events->from, events->next, sizeof events->from);
    else if (events->last > 0)
        snprintf(events->from, sizeof events->from, "%" PRId64, events->last + 1);
    return result;
}

/* The daemon may be away for a while: that is told once, and waited for. */
static int ask_for_ever(struct events *events, struct exchange *exchange, int again_ms)
{
    int pause_ms = again_ms == EVENTS_NO_MORE ? EVENTS_AGAIN_MS : again_ms;
    const struct timespec again = {pause_ms / 1000, pause_ms % 1000 * 1000000};
    bool was_told = false;

    while (events->left > 0 && events->is_written) {
        bool is_more = false;
        enum exchange_result result = ask_page(events, exchange, &is_more);
        bool is_away = result == EXCHANGE_UNREACHABLE || result == EXCHANGE_TIMEOUT || result == EXCHANGE_BUSY;

        if (result != EXCHANGE_OK && (!is_away || !was_told))
            options_complain_of(events->invocation, exchange, result);
        if (result != EXCHANGE_OK && !is_away)
            return exit_code((int)result);
        was_told = is_away;
        if (!is_more && result == EXCHANGE_OK && again_ms == EVENTS_NO_MORE)
            break;
        if (!is_more && events->left > 0)
            nanosleep(&again, NULL);
    }
    if (!events->is_written)
        return options_complain(events->invocation, EX_IOERR, NULL, "cannot write");
    return EX_OK;
}

static struct printer *open_events(enum print_format format)
{
    static struct print_column columns[LINE_FIELDS + 1];

    for (size_t i = 0; i < LINE_FIELDS; i++)
        columns[i] = (struct print_column){.name = fields[line_fields[i]].name, .width = line_widths[i]};
    if (format == PRINT_TABLE)
        return print_open_lines(format, SCHEMA, columns, stdout);
    return format == PRINT_CSV ? print_open(format, SCHEMA, line_fields, stdout) : NULL;
}

int events_follow(const struct invocation *invocation, int64_t *left, int again_ms)
{
    struct events events = {.invocation = invocation, .left = *left, .is_written = true, .since_ms = now_ms()};
    struct message since;
    struct exchange *exchange;
    int code;

    message_init(&since, MESSAGE_events);
    if (!events_since(invocation, &since))
        return EX_USAGE;
    if (message_has(&since, FIELD_since))
        events.since_ms = message_number(&since, FIELD_since) * DAY_MS;
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    events.printer = open_events(invocation->format);
    code = ask_for_ever(&events, exchange, again_ms);
    *left = events.left;
    if (events.printer)
        print_close(&events.printer, NULL);
    exchange_close(&exchange);
    return code;
}
