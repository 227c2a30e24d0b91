/* SPDX-License-Identifier: MIT
 * peek: the few words of an answer that the bench goes by, read where they stand. A real client decodes and checks a
 * message whole; here that would only take processor time from the daemon, which has the same cores. */
#ifndef BENCH_PEEK_H
#define BENCH_PEEK_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"

struct peek {
    enum message_type type; /* MESSAGE_NONE: one that nobody here waits for */
    unsigned seed;          /* of the request_id, or of a push's correlation_id */
    int64_t mailbox_number, offer_number, retry_after_ms;
    struct text referral_id, sentence, next;
};

/* False: it cannot be read. */
bool peek(const void *frame, size_t length, struct peek *);

/* The id that holds a seed. Requests of different kinds about one seed differ in `kind`. */
void peek_make_id(uint8_t id[UUID_BYTES], unsigned seed, uint8_t kind);

#endif
