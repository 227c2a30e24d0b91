/* SPDX-License-Identifier: MIT
 * reader_inside: what reader.c and explain.c share; nobody else includes it. */
#ifndef DAEMON_READER_INSIDE_H
#define DAEMON_READER_INSIDE_H

#include "daemon/core/history.h"
#include "daemon/io/record.h"
#include "daemon/reader.h"

#define DAY_MS INT64_C(86400000)

struct reader {
    struct turn *turn;
    struct store *store;
    struct seal *seal;
    const char *version;
    struct unpacker *unpacker;
    struct decoder *decoder;

    /* of the question at hand */
    int64_t now;
    const struct request *request;
    struct outbox *outbox;
    struct transaction *transaction;
    uint32_t party; /* who asks */
    struct message answer;
    struct message submit;
    uint8_t content[MESSAGE_BYTES_MAX];
    char names[4][ID_BYTES_MAX + 1];
    char edition[41];
};

/* Writing the answer at hand: begun, filled field by field, sent. */
void answer_begin(struct reader *, enum message_type);
void answer_set(struct reader *, enum field, int64_t number);
/* 0 stands for "none" in every code list and number that is set this way. */
void answer_set_some(struct reader *, enum field, int64_t number);
void answer_set_string(struct reader *, enum field, const char *string);
/* The name of a party; slot keeps it as long as the answer is written. */
void answer_set_party(struct reader *, enum field, uint32_t party, int slot);
void answer_set_place(struct reader *, const struct referral *);
void answer_send(struct reader *);
void answer_end(struct reader *, int64_t count, const char *next);
void answer_refused(struct reader *, enum refusal, const char *field);

/* Reading, unsealed. False: none, or damaged. */
bool reader_load_entry(struct reader *, uint64_t sequence, struct entry *);
bool reader_load_submit(struct reader *, uint64_t number);
/* The referral that the question names; false: refused, with the same words for "none" and "not yours". */
bool reader_named_referral(struct reader *, struct referral *);

/* explain.c: answers `explain`. */
void explain_answer(struct reader *);

#endif
