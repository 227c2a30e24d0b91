/* SPDX-License-Identifier: MIT
 * record_json: a referral as JSON with the names of the wire, or as lines NAME=VALUE, into a message to submit. */
#ifndef CLIENTS_RECORD_JSON_H
#define CLIENTS_RECORD_JSON_H

#include "proto/message.h"

/* Texts that a message borrows, one for each field; all NULL at first. */
struct record_texts {
    char *of[FIELD_COUNT];
};

/* Reads one object, or lines, from a file ("-": standard input) into texts, as text.h writes them. Sets or replaces,
 * field by field; `type` and `schema` are passed over. An exit code, with a sentence in why, which repeats no content,
 * unless it is EX_OK: EX_NOINPUT when the file cannot be opened, EX_DATAERR when it is wrong. */
int record_json_read(const char *path, struct record_texts *, char *why, size_t why_size);
/* The same from JSON in memory; the member `type` goes to type, which is empty when it is absent. */
bool record_json_parse(const char *json, size_t length, struct record_texts *, char *type, size_t type_size, char *why,
                       size_t why_size);
/* Sets one text (copied). False: out of memory. */
bool record_texts_set(struct record_texts *, enum field, const char *text);
/* Sets every field of the message from its text; the message borrows the texts, which change. */
bool record_texts_fill(struct record_texts *, struct message *, char *why, size_t why_size);
/* Copies every text that is set. False: out of memory. */
bool record_texts_copy(struct record_texts *to, const struct record_texts *from);
void record_texts_clear(struct record_texts *);

#endif
