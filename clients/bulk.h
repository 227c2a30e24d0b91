/* SPDX-License-Identifier: MIT
 * bulk: `referral submit --batch`: many people of one file, several submits in flight, a result for each row.
 *
 * Safe to run again, wherever the file lies: request_id and correlation_id are made of the sender's party and the row's
 * referral_identifier alone, so that a row is the same request for ever. A row that was stored before is answered with
 * the same referral; one that has other content now is refused (conflict) and never becomes a second referral. */
#ifndef CLIENTS_BULK_H
#define CLIENTS_BULK_H

#include "clients/options.h"

#define BULK_IN_FLIGHT_MAX 64

struct bulk_options {
    const char *path; /* "-": standard input */
    const struct record_texts *defaults;
    size_t in_flight;
    int64_t patience_ms; /* how long a row is tried while nobody answers, or answers are busy */
    bool is_rehearsal;   /* nothing is sent */
};

/* The command. Returns its exit code: 0 when every row is stored, 1 when some were refused. */
int bulk_run(const struct invocation *, const struct bulk_options *);

/* What makes a row the same request for ever, for one purpose ("request", "correlation"). */
void bulk_uuid(const char *purpose, const char *party, const char *identifier, uint8_t uuid[UUID_BYTES]);

#endif
