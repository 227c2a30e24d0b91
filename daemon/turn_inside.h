/* SPDX-License-Identifier: MIT
 * turn_inside: what turn.c (the order), keep.c (load and save), profile.c, figures.c and rebuild.c (start) share;
 * nobody else includes it. */
#ifndef DAEMON_TURN_INSIDE_H
#define DAEMON_TURN_INSIDE_H

#include <pthread.h>

#include "daemon/core/decide.h"
#include "daemon/io/record.h"
#include "daemon/ledger.h"
#include "daemon/turn.h"

/* The submit of a referral, unsealed. */
struct content {
    bool good;
    uint64_t referral; /* 0: nothing loaded */
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct message decoded;       /* texts point into bytes */
    const struct message *submit; /* decoded, or the message of the request at hand */
};

struct turn {
    struct store *store;
    struct seal *seal;
    struct turn_options options;
    struct unpacker *unpacker;
    struct decoder *decoder;
    struct verdict *verdicts; /* scratch: one for each hub */
    pthread_mutex_t lock;     /* held while memory changes, never during a sync */
    struct ledger ledger;
    struct head head;
    int64_t now;
    int64_t day;           /* of the last look at all waiting lists */
    int64_t push_check_at; /* when unconfirmed pushes are looked at again */
    bool look_at_all;      /* freed places, opened hubs, new rules: try everybody who waits */
    uint64_t *again;       /* referrals that are held, to be judged anew: the rules have changed */
    size_t again_count;
    char edition[41]; /* of the postcodes */

    /* of the turn that runs */
    struct transaction *transaction;
    struct outbox *outbox;
    bool changed;
    uint64_t written; /* bytes that the running transaction has put */
    struct content content;
    struct message answer;
    char age_band[12];
};

/* profile.c: what routing looks at, from a submit: the place by postcode, need, priority, wishes. */
void profile_from_submit(struct turn *, const struct message *, struct referral *);
/* The hub that a wish names; PARTY_NONE: there is no such hub. */
uint32_t profile_hub(const struct network *, struct text id);

/* keep.c: load and save, sealed, through the running transaction. */
bool keep_load(struct turn *, uint64_t number, struct referral *); /* false: none, or damaged */
bool keep_load_content(struct turn *, uint64_t number);            /* into turn->content */
void keep_new_content(struct turn *, uint64_t number, const struct request *);
/* The next stored referral with a number >= *number; false: none. Damaged ones are passed over. */
bool keep_next(struct turn *, uint64_t *number, struct referral *);
void keep_party(struct turn *, const struct party *);
void keep_places(struct turn *, uint32_t row);
void keep_head(struct turn *);
/* Saves the referral and its entry, accounts for the change, and writes what can be told at once to the outbox. note:
 * of the event, may be empty. */
void keep_change(struct turn *, const struct referral *before, struct referral *after, struct outcome_of *,
                 struct text note);
/* An entry that is about no referral. */
void keep_entry(struct turn *, struct entry *);
/* Writes what the party's window has room for. */
void keep_push(struct turn *, struct party *);
/* The party's number, made and stored when it is new. */
struct party *keep_find_party(struct turn *, const char *id);
/* The hash under which a request id is remembered. */
uint64_t keep_request_hash(struct turn *, uint32_t party, const uint8_t request_id[UUID_BYTES]);

#endif
