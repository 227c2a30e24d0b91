/* SPDX-License-Identifier: MIT
 * log: see log.h. A line is written with one write, so lines of several threads do not mix. */
#include "daemon/io/log.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define WINDOW_S 60

/* Priorities of sd-daemon(3). */
enum { LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_NOTICE = 5, LEVEL_INFO = 6 };

struct event_spec {
    const char *name;
    int level;
    uint32_t most;
};

static const struct event_spec events[LOGGED_COUNT] = {
#define AS_SPEC(constant, name, level, most, meaning) [constant] = {name, LEVEL_##level, most},
    LOG_EVENTS(AS_SPEC)
#undef AS_SPEC
};

struct window {
    time_t began;
    uint32_t written;
    uint32_t suppressed;
};

static struct window windows[LOGGED_COUNT][LOG_KINDS_MAX];
static pthread_mutex_t windows_lock = PTHREAD_MUTEX_INITIALIZER;

struct line {
    char bytes[LINE_BYTES];
    size_t length;
};

/* The last byte stays free for the line feed. */
static void add_byte(struct line *line, char byte)
{
    if (line->length < LINE_BYTES - 1)
        line->bytes[line->length++] = byte;
}

static void add_text(struct line *line, const char *text)
{
    for (; *text; text++)
        add_byte(line, *text);
}

static void add_number(struct line *line, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)number);
    add_text(line, digits);
}

/* Quoted, so that no value can look like another key or begin another line. */
static void add_quoted(struct line *line, const char *text)
{
    char code[5];

    add_byte(line, '"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte < 0x20 || byte == 0x7f) {
            snprintf(code, sizeof code, "\\x%02x", byte);
            add_text(line, code);
        } else {
            if (byte == '"' || byte == '\\')
                add_byte(line, '\\');
            add_byte(line, *text);
        }
    }
    add_byte(line, '"');
}

static void add_pair(struct line *line, const struct log_pair *pair)
{
    add_byte(line, ' ');
    add_text(line, pair->key);
    add_byte(line, '=');
    if (pair->text)
        add_quoted(line, pair->text);
    else
        add_number(line, pair->number);
}

/* False: its kind has had its lines this minute. */
static bool may_write(enum log_event event, unsigned kind, uint32_t *suppressed)
{
    struct window *window = &windows[event][kind];
    struct timespec now;
    bool may;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&windows_lock);
    if (window->written == 0 || now.tv_sec - window->began >= WINDOW_S) {
        window->began = now.tv_sec;
        window->written = 0;
    }
    may = events[event].most == 0 || window->written < events[event].most;
    if (may) {
        window->written++;
        *suppressed = window->suppressed;
        window->suppressed = 0;
    } else {
        window->suppressed++;
    }
    pthread_mutex_unlock(&windows_lock);
    return may;
}

static void begin_line(struct line *line, enum log_event event)
{
    if (getenv("JOURNAL_STREAM")) {
        add_byte(line, '<');
        add_byte(line, (char)('0' + events[event].level));
        add_byte(line, '>');
    }
    add_text(line, "event=");
    add_text(line, events[event].name);
}

void log_write(enum log_event event, unsigned kind, const struct log_pair *pairs)
{
    struct line line = {.length = 0};
    uint32_t suppressed = 0;
    ssize_t written;

    assert(event < LOGGED_COUNT);
    assert(kind < LOG_KINDS_MAX);
    if (!may_write(event, kind, &suppressed))
        return;
    begin_line(&line, event);
    for (; pairs->key; pairs++)
        add_pair(&line, pairs);
    if (suppressed > 0)
        add_pair(&line, &(struct log_pair){"suppressed", NULL, suppressed});
    line.bytes[line.length++] = '\n';
    /* A log that cannot be written must not stop referrals. */
    written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written;
}

void log_crashed(int signal)
{
    struct line line = {.length = 0};
    ssize_t written;

    begin_line(&line, LOGGED_CRASHED);
    add_text(&line, " signal=");
    add_number(&line, signal);
    line.bytes[line.length++] = '\n';
    written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written;
}
