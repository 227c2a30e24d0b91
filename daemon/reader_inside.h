/* SPDX-License-Identifier: MIT
 * reader_inside: what reader.c, reader_history.c, reader_rights.c, explain.c and the study share; nobody else includes
 * it. */
#ifndef DAEMON_READER_INSIDE_H
#define DAEMON_READER_INSIDE_H

#include "daemon/core/history.h"
#include "daemon/core/opening.h"
#include "daemon/io/log.h"
#include "daemon/io/record.h"
#include "daemon/reader.h"

struct reader {
    struct turn *turn;
    struct store *store;
    struct seal *seal;
    const char *version;

    /* of the question at hand */
    const struct network *network; /* in force, held */
    int64_t now;
    const struct request *request;
    struct outbox *outbox;
    struct transaction *transaction;
    uint32_t party; /* who asks */
    struct message answer;
    struct message submit;
    uint8_t content[SEAL_KEY_BYTES + MESSAGE_BYTES_MAX];
    uint8_t content_texts[MESSAGE_BYTES_MAX];
    uint8_t entry[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD]; /* the newest that was read, unsealed */
    const void *said;                                                        /* with it; points into entry */
    size_t said_length;
    struct message said_message;
    uint8_t said_bytes[SEAL_KEY_BYTES + RECORD_SAID_BYTES_MAX]; /* and of content on the way there */
    uint8_t said_texts[MESSAGE_BYTES_MAX];
    char names[4][ID_BYTES_MAX + 1];
    char hubs[NEEDS_MAX][ID_BYTES_MAX + 1]; /* of parts */
    char links[LINKS_MAX][REFERRAL_ID_BYTES_MAX];
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
/* The name of a party; slot, of reader.names, keeps it as long as the answer is written. */
void answer_set_party(struct reader *, enum field field, uint32_t party, int slot);
void answer_set_place(struct reader *, const struct referral *);
/* Needs as the record knows them. */
void answer_set_needs(struct reader *, const struct profile *, uint64_t needs);
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
bool reader_load_referral(struct reader *, uint64_t number, struct referral *);
/* Also into reader->entry, as it was before sealing, length - SEAL_OVERHEAD bytes. */
bool reader_read_entry(struct reader *, uint64_t sequence, const void *sealed, size_t length, struct entry *);
bool reader_load_entry(struct reader *, uint64_t sequence, struct entry *);
/* What was said with the entry that was read last; NULL: nothing, or it cannot be read any more. */
const struct message *reader_open_said(struct reader *, const struct entry *);
/* The content of a referral, or of an enquiry, into reader->submit. */
bool reader_load_submit(struct reader *, uint64_t number);

/* Operators, auditors, privacy officers. */
bool reader_is_staff(const struct reader *);
/* Its sender and staff see all of a referral that they may see, a hub what it is asked about or helps with. */
bool reader_sees_all(const struct reader *, const struct referral *);
/* A sender sees what it sent, a hub also what it is asked about or helps with, staff everything. */
bool reader_may_see(const struct reader *, const struct referral *);
/* Staff, hubs about their own help, and a sender when the person agreed that it is told what came of it. */
bool reader_may_know_outcome(const struct reader *, const struct referral *);
/* A sender and a hub know of another referral only when they were told, or made the one from the other. */
bool reader_may_know_link(struct reader *, const struct referral *, const struct linked *);
/* Who asks has said in its history, not long ago, why the person is looked at. */
bool reader_has_said_why(struct reader *, const struct referral *);
void reader_log_shown(const struct reader *, enum log_event, const struct referral *);
/* The referral that the question names; false: refused, with the same words for "none" and "not yours". */
bool reader_named_referral(struct reader *, struct referral *);

/* The first service of the offer; "" when the network in force does not have it. */
const char *reader_service_of(const struct reader *, const struct offer *);
/* One `referral`. */
void reader_send_referral(struct reader *, const struct referral *, bool reveal);

/* Where a page begins: a number in decimal, as `next` gave it; *from stays when the question does not say. False: it is
 * no number. */
bool reader_page_start(const struct message *question, uint64_t *from);
int64_t reader_limit(const struct message *question);

/* The text of a stored version of the network, with a NUL after it; the caller frees. NULL: none, or damaged. */
char *reader_network_text(struct reader *, uint32_t version, struct network_record *, size_t *length);

/* reader_history.c: answers `history` and `events`. */
void reader_history(struct reader *);
void reader_events(struct reader *);
/* The rows of one entry, the newest first; a hub sees those about its own offers. said: what of it is told, or NULL.
 * Returns how many. */
int64_t reader_send_entry(struct reader *, const struct referral *, const struct entry *, const struct message *said);
/* One row about an enquiry, for staff. */
void reader_send_enquiry(struct reader *, const struct enquiry *, const struct entry *, const struct message *said);
bool reader_load_enquiry(struct reader *, uint64_t number, struct enquiry *);

/* reader_rights.c: answers `who_saw` and `export`. */
void reader_who_saw(struct reader *);
void reader_export(struct reader *);

/* explain.c: answers `explain` and `profile`. */
void explain_answer(struct reader *);
void explain_profile(struct reader *);

#endif
