/* SPDX-License-Identifier: MIT
 * words: how a referral stands, and why, in words for people. Codes are those of the wire; nothing here names a person.
 */
#ifndef CLIENTS_WORDS_H
#define CLIENTS_WORDS_H

#include <stdio.h>

#include "proto/message.h"

#define WORDS_BYTES 512

/* What a code means; "" for none. */
const char *words_meaning(enum code_list, int64_t number);
/* One value as on the wire, masked; "-" when it is not there. Returns buffer, of WORDS_BYTES. */
const char *words_value(const struct message *, enum field, char *buffer);
/* The codes of `needs`, the primary one first: "befriending, housing". Returns buffer, of WORDS_BYTES. */
const char *words_needs(const struct message *, char *buffer);

/* Lines of a `referral`: what it is about, and where it, or each of its parts, is now. */
void words_standing(const struct message *referral, FILE *);
/* Lines of a `decision`: the place, the rules, and what decided. */
void words_decision(const struct message *decision, FILE *);

/* How many hubs were looked at, for each need, and what they failed for; all zero at first. */
struct words_count {
    int64_t looked_at;
    uint64_t needs;     /* bits by need */
    int64_t failed[64]; /* by rule */
};
void words_consider(struct words_count *, const struct message *considered);
/* One line; nothing when no hub was looked at. */
void words_counted(const struct words_count *, FILE *);

#endif
