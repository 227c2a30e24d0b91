/* SPDX-License-Identifier: MIT
 * turn_inside: what turn.c (the order), placing.c (who gets a place), ruling.c (another network, emergency), keep.c
 * (load and save), places.c (postcodes), figures.c and rebuild.c (start) share with scratch.c and whatif.c (what might
 * have been); nobody else includes it. */
#ifndef DAEMON_TURN_INSIDE_H
#define DAEMON_TURN_INSIDE_H

#include <pthread.h>

#include "daemon/core/decide.h"
#include "daemon/core/letter.h"
#include "daemon/io/record.h"
#include "daemon/ledger.h"
#include "daemon/profile.h"
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

/* Referral numbers, in a row that grows. */
struct numbers {
    uint64_t *numbers;
    size_t count;
    size_t capacity;
};

/* A network that is no longer in force, and that somebody still reads. */
struct former {
    struct former *next;
    struct network *network;
    uint32_t holders;
};

struct turn {
    struct store *store;
    struct seal *seal;
    struct turn_options options;
    struct unpacker *unpacker;
    struct decoder *decoder;
    struct cover *covers; /* scratch: one for each hub */
    struct places *full;  /* scratch: one for each service, of which none has room */
    pthread_mutex_t lock; /* held while memory changes, never during a sync */
    uint32_t holders;     /* who holds the network in force */
    struct former *formers;
    struct incoming *incoming; /* of places.c */
    struct ledger ledger;
    struct head head;
    int64_t now;
    int64_t push_check_at;  /* when unconfirmed pushes are looked at again */
    bool starts;            /* no turn has been run yet */
    bool gathered;          /* the two rows below hold what there is */
    struct numbers held;    /* referrals with a part on hold, to be judged anew when the rules have changed */
    struct numbers in_vain; /* those on offer to a hub that takes no referrals any more */
    char edition[41];       /* of the postcodes */

    /* of the turn that runs */
    struct transaction *transaction;
    struct outbox *outbox;
    bool changed;
    uint64_t written; /* bytes that the running transaction has put */
    struct content content;
    struct message answer;
    struct letter_texts texts;
};

/* ruling.c: the rules that are in force. */
void ruling_apply(struct turn *, const struct request *);
void ruling_emergency(struct turn *, const struct request *);
/* Ends what ends by itself. */
void ruling_run(struct turn *);
bool ruling_emergency_is_on(const struct turn *);
/* The postcodes in force are of turn->edition now, in the transaction that runs. */
void turn_new_edition(struct turn *);
/* The network's parties get their numbers: the old ones where they are known. */
void ruling_number_parties(struct turn *, struct network *);
/* Puts the text in the store as the network's next version. applied_at: the age of its figures. */
void ruling_keep_version(struct turn *, struct network *, int64_t applied_at, const char *text, size_t length);
/* Scratch for the network in force. */
void ruling_make_scratch(struct turn *);

/* placing.c: who gets a place, and who is judged anew. */
void placing_decide(struct turn *, const struct cause *, struct referral *, struct outcome_of *);
/* One step of one referral: decide, save, and pass on what has become free. False when nothing changed. */
bool placing_step(struct turn *, const struct cause *, struct referral *, struct outcome_of *, struct text note);
/* Gives what is free of an owner's places to those whose turn it is. */
void placing_fill(struct turn *, uint32_t owner);
/* The same for all places and all who wait. */
void placing_fill_all(struct turn *);
/* Looks at a stored referral once: is it held, is it with a hub in vain? */
void placing_notice(struct turn *, const struct referral *);
/* The rules have changed, or may have: everybody who is held is judged anew (if so told), all free places are given,
 * and what is on offer in vain moves on. */
void placing_anew(struct turn *, bool judge);
void placing_forget(struct turn *);

/* turn.c: answers. */
void turn_answer_refused(struct turn *, const struct request *, enum refusal, const char *field);
void turn_answer_done(struct turn *, const struct request *, const struct referral *, bool duplicate);
/* False: the store is nearly full; what is open goes on. */
bool turn_has_room(struct turn *);

/* places.c: postcodes that are imported meanwhile. */
void places_open(struct turn *);
void places_close(struct turn *);
/* Writes a batch, if there is one. */
void places_take(struct turn *);
/* What was written is committed. */
void places_done(struct turn *);

/* keep.c: load and save, sealed, through the running transaction. */
bool keep_load(struct turn *, uint64_t number, struct referral *); /* false: none, or damaged */
bool keep_load_content(struct turn *, uint64_t number);            /* into turn->content */
void keep_new_content(struct turn *, uint64_t number, const struct request *);
void keep_party(struct turn *, const struct party *);
void keep_places(struct turn *, uint32_t row);
/* What hubs have stated about their places and still holds, into the ledger; the rest is deleted. False: damaged. */
bool keep_load_places(struct turn *);
/* A stored version of the network: malloc'ed, with its text borrowed from that; NULL: none, or damaged. */
void *keep_load_network(struct turn *, uint32_t version, struct network_record *, const char **text, size_t *length);
void keep_network(struct turn *, uint32_t version, const struct network_record *, const char *text, size_t length);
void keep_head(struct turn *);
/* Saves the referral and its entry, accounts for the change, and writes what can be told at once to the outbox. note:
 * of the event, may be empty. */
void keep_change(struct turn *, const struct referral *before, struct referral *after, struct outcome_of *,
                 struct text note);
/* An entry that is about no referral. */
void keep_entry(struct turn *, struct entry *, struct text note);
/* Writes what the party's window has room for. */
void keep_push(struct turn *, struct party *);
/* The party's number, made and stored when it is new. */
struct party *keep_find_party(struct turn *, const char *id);
/* The hash under which a request id is remembered. */
uint64_t keep_request_hash(struct turn *, uint32_t party, const uint8_t request_id[UUID_BYTES]);

#endif
