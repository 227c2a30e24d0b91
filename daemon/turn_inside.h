/* SPDX-License-Identifier: MIT
 * turn_inside: what turn.c (the order), placing.c (who gets a place), ruling.c (another network, emergency), keep.c
 * (load and save), delivery.c (mailboxes), rights.c (who may know), enquiry.c (is a person known?), places.c
 * (postcodes), figures.c and rebuild.c (start) share with scratch.c and whatif.c (what might have been); nobody else
 * includes it. */
#ifndef DAEMON_TURN_INSIDE_H
#define DAEMON_TURN_INSIDE_H

#include <pthread.h>

#include "daemon/core/decide.h"
#include "daemon/core/letter.h"
#include "daemon/io/record.h"
#include "daemon/ledger.h"
#include "daemon/profile.h"
#include "daemon/recent.h"
#include "daemon/turn.h"

/* The submit of a referral, unsealed. */
struct content {
    bool good;
    uint64_t referral;                                 /* 0: nothing loaded */
    uint8_t bytes[SEAL_KEY_BYTES + MESSAGE_BYTES_MAX]; /* the referral's own key, and the submit */
    uint8_t texts[MESSAGE_BYTES_MAX];                  /* those that do not stand in bytes as they are */
    struct message read;                               /* points into both */
    const struct message *submit;                      /* what was read, or the message of the request at hand */
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
    struct cover *covers; /* scratch: one for each hub */
    struct places *full;  /* scratch: one for each service, of which none has room */
    pthread_mutex_t lock; /* held while memory changes, never during a sync */
    uint32_t holders;     /* who holds the network in force */
    struct former *formers;
    struct incoming *incoming; /* of places.c */
    struct recent *recent;     /* NULL: a turn over the scratch store, which holds all in memory */
    struct ledger ledger;
    struct head head;
    int64_t now;
    int64_t push_check_at;  /* when unconfirmed pushes are looked at again */
    uint64_t looked_at;     /* newest entry of the history when delivery_run last looked at parties */
    uint64_t looks_due;     /* in parts, of which START_ENTRIES are one look at a party */
    uint32_t looked_party;  /* the last one */
    _Atomic uint64_t batch; /* of the head that is committed */
    bool starts;            /* no turn has been run yet */
    bool gathered;          /* the two rows below hold what there is */
    struct numbers held;    /* referrals with a part on hold, to be judged anew when the rules have changed */
    struct numbers in_vain; /* those on offer to a hub that takes no referrals any more */
    char edition[41];       /* of the postcodes */

    /* of the turn that runs */
    struct transaction *transaction;
    struct outbox *outbox;
    bool changed;
    bool unreadable;  /* what the turn cannot do without: nothing that it came to is kept or said */
    uint64_t written; /* bytes that the running transaction has put */
    uint64_t room;    /* bytes that it may put before new submits are refused */
    struct content content;
    struct message answer;
    struct letter_texts texts;

    /* scratch for what is sealed: too large for the stack */
    uint8_t said[SEAL_KEY_BYTES + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD];
    uint8_t said_texts[MESSAGE_BYTES_MAX]; /* of what was said and read again */
    uint8_t record[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD];
    uint8_t sealed[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + 2 * SEAL_OVERHEAD];
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
bool placing_step(struct turn *, const struct cause *, struct referral *, struct outcome_of *,
                  const struct message *said);
/* The same for a referral that differs already from what is stored of it. */
bool placing_step_from(struct turn *, const struct cause *, const struct referral *before, struct referral *,
                       struct outcome_of *, const struct message *said);
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
/* True when the request was done before: then the answer has been given (done, or refused as a conflict). Else what it
 * comes to is to be remembered with keep_request. For requests that the state of the referral cannot tell. */
bool turn_answer_repeat(struct turn *, const struct request *, uint32_t party);
/* The request is done: it was about that referral, or made that enquiry; 0: none. */
void turn_remember(struct turn *, const struct request *, uint32_t party, uint64_t referral);
/* done, about an enquiry. */
void turn_answer_enquiry(struct turn *, const struct request *, uint64_t enquiry, bool duplicate);
/* Begins turn->answer: its type, the request's id and the time. */
void turn_begin_answer(struct turn *, const struct request *, enum message_type);
/* Puts the newest history entry and the hash over all into turn->answer; hash lives until that is in the outbox. */
void turn_add_audit(struct turn *, char hash[SEAL_HASH_TEXT_BYTES]);
/* False: the store is nearly full; what is open goes on. */
bool turn_has_room(const struct turn *);

/* places.c: postcodes that are imported meanwhile. */
void places_open(struct turn *);
void places_close(struct turn *);
/* Writes a batch, if there is one. */
void places_take(struct turn *);
/* What was written is committed. */
void places_done(struct turn *);

/* keep.c: load and save, sealed, through the running transaction. */
/* Any record: unsealed into plain, which has size bytes (false: none, damaged, or longer); sealed and put (length at
 * most RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD). */
bool keep_get(struct turn *, enum table, uint64_t key, void *plain, size_t size, size_t *length);
void keep_put(struct turn *, enum table, uint64_t key, const void *plain, size_t length);
void keep_del(struct turn *, enum table, uint64_t key);
/* A stored entry, and what was said with it, decoded into *said, whose texts point into turn->said and said_texts (type
 * MESSAGE_NONE: nothing was said, or it cannot be read any more). */
bool keep_load_entry(struct turn *, uint64_t sequence, struct entry *, struct message *said);
bool keep_load(struct turn *, uint64_t number, struct referral *); /* false: none, or damaged */
bool keep_load_content(struct turn *, uint64_t number);            /* into turn->content */
void keep_new_content(struct turn *, uint64_t number, const struct request *);
void keep_party(struct turn *, struct party *);
void keep_places(struct turn *, uint32_t row);
/* What hubs have stated about their places and still holds, into the ledger; the rest is deleted. False: damaged. */
bool keep_load_places(struct turn *);
/* A stored version of the network: malloc'ed, with its text borrowed from that; NULL: none, or damaged. */
void *keep_load_network(struct turn *, uint32_t version, struct network_record *, const char **text, size_t *length);
void keep_network(struct turn *, uint32_t version, const struct network_record *, const char *text, size_t length);
void keep_head(struct turn *);
/* Saves the referral and its entry, accounts for the change, and writes what can be told at once to the outbox. said:
 * the request that caused it; NULL: nobody said anything. It is kept when it says more than the entry holds. */
void keep_change(struct turn *, const struct referral *before, struct referral *after, struct outcome_of *,
                 const struct message *said);
/* An entry that is about no referral (then note stands in it in plain) or about an enquiry; its letters are owed. */
void keep_entry(struct turn *, struct entry *, const struct message *said);
/* The submit as an update has made it, under the key that the referral has. False: it is too large. */
bool keep_changed_content(struct turn *, uint64_t number, const struct message *);
/* Destroys the key and what it sealed. */
void keep_no_content(struct turn *, uint64_t number);
bool keep_load_enquiry(struct turn *, uint64_t number, struct enquiry *);
void keep_enquiry(struct turn *, const struct enquiry *);
/* The request was done before (its record), or is remembered as done. False from find: it is new. */
bool keep_find_request(struct turn *, uint32_t party, const uint8_t request_id[UUID_BYTES], struct request_record *);
void keep_request(struct turn *, const struct request_record *);

/* delivery.c: mailboxes. */
/* The entry's letters are owed from now on; those that can be told at once are written to the outbox. */
void delivery_owe(struct turn *, const struct referral *, struct entry *, const struct message *said);
void delivery_hello(struct turn *, struct party *, connection_t);
void delivery_gone(struct turn *, connection_t);
void delivery_confirm(struct turn *, const struct request *);
/* Sends again what was not confirmed in time, and writes what windows have room for. */
void delivery_run(struct turn *);
int64_t delivery_next_due(const struct turn *);
/* Where a rebuild has to begin to read the history so that it finds everything that this party has not confirmed and
 * that does not stand in TABLE_OWED: what its record says. */
uint64_t delivery_first_unconfirmed(const struct turn *, const struct party *);
/* At the start, when all parties are known: what each has not confirmed, from TABLE_OWED, and from the history, which
 * is read from that entry on. False: an entry is damaged. */
bool delivery_rebuild(struct turn *, uint64_t history_from);

/* rights.c: who may know what, and who is whom. */
/* The keyed hashes of the person of a submit or an enquiry; 0: not known. */
void rights_hash_person(const struct turn *, const struct message *, uint64_t persons[2]);
/* Links a referral that was just stored with the open ones of the same person, and with the one that it was made
 * from; everybody who may know is told. */
void rights_link(struct turn *, struct referral *, const struct message *submit);
/* A hub has accepted an offer: it is told of the linked referrals, and who has those is told of it. */
void rights_link_accepted(struct turn *, uint64_t number, uint8_t offer_number);
/* The referral of a hub's own case that a submit names as onward_from; false: refused. */
bool rights_check_onward(struct turn *, const struct request *);
/* The hub has the case, or had accepted it. */
bool rights_had_case(const struct referral *, uint32_t hub);
void rights_reveal(struct turn *, const struct request *);
void rights_erase(struct turn *, const struct request *);

/* enquiry.c: one hub asks another. */
void enquiry_ask(struct turn *, const struct request *);
void enquiry_answer(struct turn *, const struct request *);
void enquiry_run_due(struct turn *);
/* The stored ones, at the start. */
void enquiry_rebuild(struct turn *);
/* All that were made for the case lose their content; who was asked is told. */
void enquiry_erase(struct turn *, uint64_t referral, const struct request *);
/* Writes one letter about an enquiry. */
void enquiry_letter(struct turn *, const struct entry *, const struct letter *, const struct message *said);
/* The party's number, made and stored when it is new. */
struct party *keep_find_party(struct turn *, const char *id);
/* The hash under which a request id is remembered. */
uint64_t keep_request_hash(struct turn *, uint32_t party, const uint8_t request_id[UUID_BYTES]);

#endif
