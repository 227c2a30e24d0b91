/* SPDX-License-Identifier: MIT
 * log: one line an event on stderr, logfmt, "<level>" in front when the journal reads it. Events stand in log.def.
 * Values are ids, numbers and our own sentences, never content. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include <stdint.h>

#include "daemon/io/log.def"

enum log_event {
#define AS_CONSTANT(constant, name, level, most, meaning) constant,
    LOG_EVENTS(AS_CONSTANT)
#undef AS_CONSTANT
        LOGGED_COUNT
};

#define LOG_KINDS_MAX 64

/* One key=value; a NULL text means the number. */
struct log_pair {
    const char *key;
    const char *text;
    int64_t number;
};

/* LOG(LOGGED_STARTED, {"address", .text = address}, {"count", .number = 3}); at least one pair. */
#define LOG(event, ...) log_write(event, 0, (const struct log_pair[]){__VA_ARGS__, {0}})
/* The same for events that come in kinds (below LOG_KINDS_MAX): the lines of each kind are counted apart. */
#define LOG_KIND(event, kind, ...) log_write(event, kind, (const struct log_pair[]){__VA_ARGS__, {0}})

/* Writes the line, or only counts it when its kind has had its lines this minute; the next line that is written says
 * suppressed=N. pairs end with a NULL key. From any thread. */
void log_write(enum log_event, unsigned kind, const struct log_pair *pairs);
/* LOGGED_CRASHED with the signal's number. Takes no lock: for a handler of signals, and for nothing else. */
void log_crashed(int signal);

#endif
