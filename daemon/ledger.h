/* SPDX-License-Identifier: MIT
 * ledger: what is derived from the store and held in memory: places taken, waiting lists, due times, request ids,
 * mailboxes, figures. Rebuilt at each start; every change of a referral passes ledger_remove (as it was) and ledger_add
 * (as it is), so that there is one account of what a referral counts for. Running out of memory stops the daemon. */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#define uthash_fatal(message) abort()
#define HASH_FUNCTION(key, length, hash) ((hash) = network_service_number((key), (length)))
#include <stdlib.h>
#include <uthash.h>

#include "daemon/core/mailbox.h"
#include "daemon/core/route.h"
#include "daemon/core/timers.h"
#include "daemon/core/waitlist.h"
#include "daemon/turn.h"

struct party {
    char id[ID_BYTES_MAX + 1];
    uint32_t number;
    connection_t connection; /* of its newest hello; 0: none */
    struct mailbox mailbox;
    int64_t pushed_at; /* when something was last pushed to it or confirmed by it */
    bool to_push;      /* stands in the ledger's list of those who may be pushed to */
    UT_hash_handle hh;
};

/* One request id that has been taken: the hash of (party, request id) and the referral it made. */
struct taken {
    uint64_t hash; /* 0: empty */
    uint64_t referral;
};

struct service_figures {
    uint32_t offers_open;
    uint32_t cases_open;
};

struct ledger {
    struct network *network; /* owned */
    struct places *places;   /* one for each service of the network */
    struct service_figures *figures;
    struct party **parties; /* by number; parties[0] is NULL */
    uint32_t parties_count; /* and one more than the largest number */
    uint32_t parties_capacity;
    struct party *by_id;
    uint32_t *to_push; /* numbers of parties */
    uint32_t to_push_count;
    struct waitlist waitlist;
    struct timers timers;
    struct taken *taken; /* open addressing */
    uint64_t taken_count;
    uint64_t taken_capacity; /* a power of two */
    struct totals totals;
};

/* Takes the network. Its hubs and senders must have their party numbers before referrals are added. */
void ledger_init(struct ledger *, struct network **);
void ledger_free(struct ledger *);

/* The party with this id, NULL when it is new. */
struct party *ledger_party(const struct ledger *, const char *id);
struct party *ledger_party_at(const struct ledger *, uint32_t number);
struct party *ledger_add_party(struct ledger *, const char *id, uint32_t number, uint64_t confirmed);

/* What a referral counts for: totals, places, waiting list, and (add) its next deadline. */
void ledger_add(struct ledger *, const struct referral *);
void ledger_remove(struct ledger *, const struct referral *);
uint32_t ledger_position(const struct ledger *, const struct referral *);

/* Request ids. Several referrals may share a hash: go on from *at, which begins at 0. 0: no (further) referral. */
void ledger_take_request(struct ledger *, uint64_t hash, uint64_t referral);
uint64_t ledger_find_request(const struct ledger *, uint64_t hash, uint64_t *at);

/* Owes the party one more message; returns its mailbox number. */
uint64_t ledger_owe(struct ledger *, struct party *, struct owed);
/* Remembers that the party may be pushed to at the end of the turn. */
void ledger_to_push(struct ledger *, struct party *);

#endif
