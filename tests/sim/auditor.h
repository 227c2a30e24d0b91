/* SPDX-License-Identifier: MIT
 * auditor: a separate, simpler account of what the daemon promises, fed only with what parties said and were told. It
 * shares no code with the daemon's core. */
#ifndef SIM_AUDITOR_H
#define SIM_AUDITOR_H

#include "proto/message.h"
#include "tests/sim/town.h"

struct auditor;

/* window: unconfirmed pushes that a connection may have at once. */
struct auditor *auditor_open(const struct town *, uint32_t window);
/* This town has come into force then. Copied. */
void auditor_note_town(struct auditor *, int64_t at, const struct town *);
/* An operator has put a draft of a town on the shelf, which may be applied, or must not be. */
void auditor_note_draft(struct auditor *, uint32_t draft, bool good);
void auditor_close(struct auditor **);

/* The daemon has begun to run; it has lost its power. */
void auditor_note_start(struct auditor *, int64_t now);
void auditor_note_stop(struct auditor *, int64_t now);

/* One frame that a party sent off over a connection, again or for the first time, at that moment. */
void auditor_said(struct auditor *, int64_t now, int party, uint64_t connection, const struct message *);
/* One frame that the daemon sent off to a party; whether it arrives is another matter. */
void auditor_told(struct auditor *, int64_t now, int party, uint64_t connection, const struct message *,
                  const void *frame, size_t length);
/* The same, but the frame cannot be decoded, or something else has gone wrong outside of the auditor's own sight. */
void auditor_object(struct auditor *, int64_t now, const char *what);

/* The oldest head of the history that a party was told; false: none was. The hash is borrowed. */
bool auditor_first_head(const struct auditor *, int64_t *sequence, const char **hash);
/* Every referral that was acknowledged has ended and is confirmed, or is known to wait for a place or for a person. */
bool auditor_settled(const struct auditor *);
/* Holds everything against everything; to be called when all is quiet and every submit has been repeated once more. */
void auditor_finish(struct auditor *, int64_t now);

/* The first violation; NULL: none. */
const char *auditor_violation(const struct auditor *);
uint64_t auditor_referrals(const struct auditor *);
uint64_t auditor_messages(const struct auditor *);

/* What was exercised, over all auditors: pairs of what was said and what was answered, and pushes with their reasons.
 * Prints what of the list of everything expected never occurred; returns how many. */
int auditor_print_missing(void);
/* How many different pairs occurred, and how many are expected. */
void auditor_count_covered(int *covered, int *expected);

#endif
