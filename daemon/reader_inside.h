/* SPDX-License-Identifier: MIT
 * reader_inside: what reader.c, explain.c and the study share; nobody else includes it. */
#ifndef DAEMON_READER_INSIDE_H
#define DAEMON_READER_INSIDE_H

#include "daemon/core/history.h"
#include "daemon/core/opening.h"
#include "daemon/io/record.h"
#include "daemon/reader.h"

struct reader {
    struct turn *turn;
    struct store *store;
    struct seal *seal;
    const char *version;
    struct unpacker *unpacker;
    struct decoder *decoder;

    /* of the question at hand */
    const struct network *network; /* in force, held */
    int64_t now;
    const struct request *request;
    struct outbox *outbox;
    struct transaction *transaction;
    uint32_t party; /* who asks */
    struct message answer;
    struct message submit;
    uint8_t content[MESSAGE_BYTES_MAX];
    char names[4][ID_BYTES_MAX + 1];
    char hubs[NEEDS_MAX][ID_BYTES_MAX + 1]; /* of parts */
    char shared_with[2 * ID_BYTES_MAX + 2];
    char hours[OPENING_BYTES];
    char edition[41];
};

/* Writing the answer at hand: begun, filled field by field, sent. */
void answer_begin(struct reader *, enum message_type);
void answer_set(struct reader *, enum field, int64_t number);
/* 0 stands for "none" in every code list and number that is set this way. */
void answer_set_some(struct reader *, enum field, int64_t number);
void answer_set_string(struct reader *, enum field, const char *string);
void answer_set_place(struct reader *, const struct referral *);
void answer_send(struct reader *);
void answer_end(struct reader *, int64_t count, const char *next);
void answer_refused(struct reader *, enum refusal, const char *field);

/* A question from its begin to its finish, with the network in force held. */
void reader_begin(struct reader *, int64_t now_ms, const struct request *, struct outbox *);
void reader_finish(struct reader *);

/* Reading, unsealed. False: none, or damaged. */
bool reader_unseal(struct reader *, enum table, uint64_t key, const void *sealed, size_t length, uint8_t *plain,
                   size_t size);
bool reader_read_referral(struct reader *, uint64_t number, const void *sealed, size_t length, struct referral *);
bool reader_read_entry(struct reader *, uint64_t sequence, const void *sealed, size_t length, struct entry *);
bool reader_load_entry(struct reader *, uint64_t sequence, struct entry *);
bool reader_load_submit(struct reader *, uint64_t number);
/* The referral that the question names; false: refused, with the same words for "none" and "not yours". */
bool reader_named_referral(struct reader *, struct referral *);

/* The text of a stored version of the network, with a NUL after it; the caller frees. NULL: none, or damaged. */
char *reader_network_text(struct reader *, uint32_t version, struct network_record *, size_t *length);

/* explain.c: answers `explain` and `profile`. */
void explain_answer(struct reader *);
void explain_profile(struct reader *);

#endif
