/* SPDX-License-Identifier: MIT
 * ledger: what is derived from the store and held in memory: places taken, waiting lists, due times, request ids,
 * mailboxes, figures. Rebuilt at each start; every change of a referral passes ledger_remove (as it was) and ledger_add
 * (as it is), so that there is one account of what a referral counts for. Running out of memory stops the daemon. */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#define uthash_fatal(message) abort()
#define HASH_FUNCTION(key, length, hash) ((hash) = network_service_number((const char *)(key), (length)))
#include <stdlib.h>
#include <uthash.h>

#include "daemon/core/flow.h"
#include "daemon/core/mailbox.h"
#include "daemon/core/route.h"
#include "daemon/core/timers.h"
#include "daemon/core/waitlist.h"
#include "daemon/turn.h"

struct party {
    char id[ID_BYTES_MAX + 1];
    uint32_t number;
    connection_t connections[MAILBOX_CONNECTIONS_MAX + 1]; /* by slot of the mailbox; 0: not open; [0] is not used */
    struct mailbox mailbox;
    bool far_behind;      /* all that it has not confirmed stands in TABLE_OWED */
    uint64_t start_from;  /* history entry from which on a start would look for its letters, as stored */
    bool to_push;         /* stands in the ledger's list of those who may be pushed to */
    int64_t waits_since;  /* when its oldest unconfirmed message was written, to a minute; 0: there is none */
    int64_t confirmed_at; /* when it last confirmed something; 0: not since the start */
    UT_hash_handle hh;
};

/* Referral numbers under hashes: open addressing, a power of two of slots, of which at most three quarters are used.
 * There is one for each referral that is stored, so a slot is small: half of a hash is kept, and who finds something
 * compares the rest. */
struct index_slot {
    uint32_t hash;
    uint32_t referral; /* 0: empty */
};
struct index {
    struct index_slot *slots;
    uint64_t count;
    uint64_t capacity;
};

struct service_figures {
    uint32_t offers_open;
    uint32_t cases_open;
};

struct waiting_slot;
struct past_offers;

struct ledger {
    struct network *network; /* owned */
    struct places *places;   /* one for each service of the network, as figures */
    struct service_figures *figures;
    uint32_t *sharing;       /* rows of services, grouped by the owner of their places */
    uint32_t *sharing_first; /* the run of owner r is sharing[sharing_first[r] .. sharing_first[r + 1]) */
    int64_t day;             /* on the wall: what pace and flow count up to */
    int64_t week;            /* its Monday: what taken_in_week counts */
    int64_t day_begins, day_ends, week_begins, week_ends; /* the same in milliseconds; the ends are the next's */
    struct pace pace;
    struct flow flow;
    struct party **parties; /* by number; parties[0] is NULL */
    uint32_t parties_count; /* and one more than the largest number */
    uint32_t parties_capacity;
    struct party *by_id;
    uint32_t *to_push; /* numbers of parties */
    uint32_t to_push_count;
    uint32_t held_max; /* letters of one party that are held in memory */
    struct waitlist waitlist;
    uint64_t joined[NETWORK_NEEDS]; /* by need: how often anybody has joined the waiting list */
    uint64_t *nobody; /* by owner, from ledger_joined: nobody who waited then fitted its places; 0: it is not known */
    struct waiting_slot *blocks; /* memory of who waits, in blocks that are used again */
    struct waiting_slot *unused;
    struct timers timers;
    uint64_t *open; /* a bit for each referral number: it is open */
    uint32_t open_words;
    uint64_t *missed; /* numbers of damaged referrals, in their order */
    uint32_t missed_count;
    uint32_t missed_capacity;
    struct past_offers *past; /* what closed referrals count for, whatever the network */
    struct index persons;     /* open referrals, by the hashes of their persons */
    struct index requests;    /* all referrals, by the hash of party and request id */
    struct timers enquiries;  /* when they are due: enquiry numbers */
    struct totals totals;
};

/* Takes the network. Its hubs and senders must have their party numbers before referrals are added. now_ms: says which
 * day and week are counted. */
void ledger_init(struct ledger *, struct network **, int64_t now_ms);
void ledger_free(struct ledger *);
/* On another day: pace begins anew, and in another week what was taken in it. */
void ledger_begin_day(struct ledger *, int64_t now_ms);
/* Takes another network, numbered, and gives the one before back in its place. All places are as in its file, taken
 * only by what is closed, and nobody waits: then every open referral is to pass ledger_settle, in the order of their
 * numbers. */
void ledger_take_network(struct ledger *, struct network **);
/* Counts what depends on the network: places and waiting list. */
void ledger_settle(struct ledger *, const struct referral *);
/* The open referral with the next number >= number; 0: there is none. */
uint64_t ledger_next_open(const struct ledger *, uint64_t number);

/* The party with this id, NULL when it is new. */
struct party *ledger_party(const struct ledger *, const char *id);
struct party *ledger_party_at(const struct ledger *, uint32_t number);
struct party *ledger_add_party(struct ledger *, const char *id, uint32_t number, uint64_t confirmed);

/* What a referral counts for: totals, places, waiting list, and (add) its next deadline. */
void ledger_add(struct ledger *, const struct referral *);
void ledger_remove(struct ledger *, const struct referral *);
/* Both, for a referral that has changed. */
void ledger_change(struct ledger *, const struct referral *before, const struct referral *after);
/* Adds what one referral counts for to the totals; one: 1, or UINT64_MAX to take it off. */
void ledger_count_totals(struct totals *, const struct referral *, uint64_t one);
/* Counts its offers from index `first` on, once, for the pace of its sender and for the flow. */
void ledger_count_offers(struct ledger *, const struct referral *, uint8_t first);
/* Differs when anybody has joined the waiting list for one of the needs in between. Never 0. */
uint64_t ledger_joined(const struct ledger *, uint64_t needs);
/* The rules are others now: whom nobody fitted, somebody may fit. Another day and another network do the same. */
void ledger_forget_nobody(struct ledger *);
/* Where it stands in the waiting list for the need; 0: it does not wait for it. */
uint32_t ledger_position(const struct ledger *, const struct referral *, enum need, int64_t now_ms);

/* Request ids. Several referrals may be found under one hash: go on from *at, which begins at 0. 0: no (further)
 * referral. */
void ledger_take_request(struct ledger *, uint64_t hash, uint64_t referral);
/* So many will be taken: room is made for all at once. */
void ledger_expect_requests(struct ledger *, uint64_t count);
/* This one will be added, and its request taken: memory that is far is fetched meanwhile. */
void ledger_foresee(const struct ledger *, const struct referral *, uint64_t request_hash);
uint64_t ledger_find_request(const struct ledger *, uint64_t hash, uint64_t *at);

/* The start has found a referral damaged, and has not added it (in the order of their numbers): it counts as damaged as
 * long as the daemon runs, even when a changed page lets it be read again. */
void ledger_miss(struct ledger *, uint64_t number);
bool ledger_misses(const struct ledger *, uint64_t number);

/* Open referrals that may have a person's hash (of ledger_add). Go on from *at, which begins at 0, as long as no
 * referral has changed. 0: no (further) one. */
uint64_t ledger_find_person(const struct ledger *, uint64_t hash, uint64_t *at);

/* An enquiry waits for its answer until the deadline; one has ended. */
void ledger_open_enquiry(struct ledger *, uint64_t number, int64_t deadline);
void ledger_end_enquiry(struct ledger *);
/* An enquiry that has ended is to be looked at once more. */
void ledger_look_at_enquiry(struct ledger *, uint64_t number, int64_t at);

/* Owes the party one more message; returns its mailbox number. One that is not held (mailbox.held < the number) is to
 * be stored by the caller. */
uint64_t ledger_owe(struct ledger *, struct party *, struct owed);
/* True when number mailbox.held + 1 stands in the store and there is room for it; takes it back. */
bool ledger_has_room_for_owed(const struct ledger *, const struct party *);
void ledger_take_owed(struct ledger *, struct party *, struct owed);
/* The slot of the party's mailbox that the connection has; 0: none. */
int ledger_slot_of(const struct party *, connection_t);
/* Remembers that the party may be pushed to at the end of the turn. */
void ledger_to_push(struct ledger *, struct party *);

#endif
