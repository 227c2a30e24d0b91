/* SPDX-License-Identifier: MIT
 * record: what is stored <-> bytes: a first byte that says what it is, then the numbers and texts in a fixed order
 * (io/compact), sealed by io/seal before they reach the store.
 *
 * To change a record: write a new form, with a first byte of its own, and keep reading the old one (its reader fills
 * what it did not have with zero). Never change the meaning of an element in place. */
#ifndef IO_RECORD_H
#define IO_RECORD_H

#include "daemon/core/history.h"
#include "daemon/core/mailbox.h"
#include "daemon/io/seal.h"
#include "proto/message.h"

#define RECORD_BYTES_MAX 4096                   /* of a referral or an entry, without a note */
#define RECORD_SAID_BYTES_MAX MESSAGE_BYTES_MAX /* of what was said with an event, before sealing */

/* The head of the journal: stands in the same transaction as all that a turn changes. */
struct head {
    uint64_t epoch;                 /* each start claims the next */
    uint64_t batch;                 /* turns committed */
    uint64_t referral;              /* the newest referral number */
    uint64_t sequence;              /* the newest history entry */
    uint32_t party;                 /* the newest party number */
    uint32_t network;               /* the newest network version, which is the one in force */
    uint32_t file;                  /* the newest version whose text was read from the network file */
    uint32_t judged;                /* the newest version that everybody who is held has been judged by */
    int64_t judged_day;             /* and the newest day, on the wall */
    int64_t emergency_until;        /* the emergency rules are on until then; 0: they are not */
    uint8_t chain[SEAL_HASH_BYTES]; /* hash over all history */
};

struct party_record {
    char id[ID_BYTES_MAX + 1];
    uint64_t confirmed;         /* of its mailbox */
    uint64_t first_unconfirmed; /* history entry from which on its mailbox is to be rebuilt */
};

/* What stands under one version in the table of networks, before the text of its file. */
struct network_record {
    int64_t applied_at;
    char edition[41]; /* of the postcodes */
};

/* A request that must not be done twice and cannot be told from its first time by the state of its referral. */
struct request_record {
    uint32_t party;
    uint8_t request_id[UUID_BYTES];
    uint8_t digest[16]; /* seal_digest of its frame */
    uint64_t referral;  /* that it was about, or the enquiry that it made; 0: none */
};

/* One hub asks another whether it knows a person. */
struct enquiry {
    uint64_t number;       /* from the same row as those of referrals */
    uint32_t asker, asked; /* party numbers */
    uint64_t referral;     /* the case it is for; 0: none, the reason stands in the note */
    int64_t asked_at;
    int64_t deadline; /* 0: it has ended */
    int64_t ended_at; /* 0: it waits for its answer */
    enum known known; /* 0: not answered */
    bool expired;
    bool erased;
    uint64_t history; /* its newest entry */
};

/* How often a need could not be met at once. */
struct unmet_record {
    int64_t week; /* its Monday, in days since 1970 */
    char neighbourhood_code[16];
    enum need need;
    enum unmet_cause cause;
    uint64_t count;
};

/* Each returns the length written into buffer (RECORD_BYTES_MAX is enough), and reads back true when whole. */
size_t record_write_head(const struct head *, void *buffer);
bool record_read_head(const void *bytes, size_t length, struct head *);
size_t record_write_party(const struct party_record *, void *buffer);
bool record_read_party(const void *bytes, size_t length, struct party_record *);
size_t record_write_places(const struct places *, void *buffer);
bool record_read_places(const void *bytes, size_t length, struct places *);
size_t record_write_unmet(const struct unmet_record *, void *buffer);
bool record_read_unmet(const void *bytes, size_t length, struct unmet_record *);
size_t record_write_request(const struct request_record *, void *buffer);
bool record_read_request(const void *bytes, size_t length, struct request_record *);
size_t record_write_enquiry(const struct enquiry *, void *buffer);
bool record_read_enquiry(const void *bytes, size_t length, struct enquiry *);
size_t record_write_owed(const struct owed *, void *buffer);
bool record_read_owed(const void *bytes, size_t length, struct owed *);
/* text: borrowed on reading. The buffer needs RECORD_BYTES_MAX + text_length. */
size_t record_write_network(const struct network_record *, const char *text, size_t text_length, void *buffer);
bool record_read_network(const void *bytes, size_t length, struct network_record *, const char **text,
                         size_t *text_length);
/* profile.neighbourhood is not stored: it follows from neighbourhood_code, the position and the network. */
size_t record_write_referral(const struct referral *, void *buffer);
bool record_read_referral(const void *bytes, size_t length, struct referral *);
/* said: the encoded request that caused the event, sealed under the referral's key (borrowed on reading), NULL and 0
 * when it said nothing that the entry does not hold. The buffer needs RECORD_BYTES_MAX + said_length. */
size_t record_write_entry(const struct entry *, const void *said, size_t said_length, void *buffer);
bool record_read_entry(const void *bytes, size_t length, struct entry *, const void **said, size_t *said_length);
/* What a party said, of a message that is a REQUEST: the content of a referral, or what an entry's `said` holds. Never
 * longer than the message on the wire. On reading, texts point into bytes or into room; as many bytes as the message
 * may have on the wire are enough. */
size_t record_write_message(const struct message *, void *buffer, size_t size);
bool record_read_message(const void *bytes, size_t length, struct message *, void *room, size_t room_size);
/* Of the fields in the order of record_fields.def only those up to `last`: what comes behind them, long texts most of
 * all, is not looked at. */
bool record_read_message_until(const void *bytes, size_t length, enum field last, struct message *, void *room,
                               size_t room_size);

#endif
