/* SPDX-License-Identifier: MIT
 * turn: the order of things. Requests that have gathered -> facts -> decide -> records -> one commit -> answers. */
#ifndef DAEMON_TURN_H
#define DAEMON_TURN_H

#include "daemon/core/network.h"
#include "daemon/core/route.h"
#include "daemon/io/batch.h"
#include "daemon/io/seal.h"
#include "daemon/io/store.h"

/* Who waits is held in memory: some 320 bytes for each need of each referral. */
#define WAITING_MAX (UINT64_C(1) << 20)

struct turn_options {
    uint32_t window;        /* unconfirmed pushes at once for each party */
    int64_t retry_after_ms; /* what busy tells */
    int64_t push_again_ms;  /* an unconfirmed push goes out again after */
    const char *version;    /* of the daemon, for welcome */
    struct shelf *shelf;    /* drafts of the network, which an operator may apply; NULL: none */
    int64_t unfetched_ms;   /* a mailbox is silent when something has waited in it to be confirmed for so long */
    uint64_t waiting_max;   /* when as many wait, new submits are told to come again; 0: WAITING_MAX */
    uint32_t held_max;      /* letters of one party that are held in memory; 0: MAILBOX_HELD_MAX */
    uint64_t start_entries; /* a start reads at most twice as many of the history's entries; 0: START_ENTRIES */
    uint64_t batch_least;   /* a store that has not come as far is older than the one that was here: it is refused */
};

struct turn;
struct shelf;
struct place_batch;

/* Reads the store and rebuilds what is derived from it. network_text, of the network file, comes into force as a new
 * version when the file has changed since the last start; otherwise the newest version stays in force, also when an
 * operator has applied it. Takes *network on success. NULL: a sentence for people in why. now_ms: the clock. */
struct turn *turn_open(struct store *, struct seal *, struct network **network, const char *network_text,
                       size_t network_length, const struct turn_options *, int64_t now_ms, char *why, size_t why_size);
void turn_close(struct turn **);

/* One turn: all requests, then what is due. Answers and pushes are in the outbox; send them only when the result is
 * STORE_OK, after store_sync. Any other result: say nothing, stop, and start again from the store. now_ms never goes
 * back (a smaller one counts as the newest seen). */
enum store_result turn_run(struct turn *, int64_t now_ms, const struct request *, size_t count, struct outbox *);

/* How far the store has come: the number of the newest commit. From any thread. */
uint64_t turn_batch(const struct turn *);

/* When turn_run has something to do without a request; INT64_MAX: never. */
int64_t turn_next_due(const struct turn *);

/* What is held in memory, for the reader thread. Each takes the turn's lock for a moment. A referral whose parts went
 * different ways is offered, placed by the part that is farthest, and waits when any part waits. */
struct totals {
    uint64_t stored, open, offered, placed, waiting, attention, closed, overdue;
    uint64_t damaged;        /* referrals that could not be read at the start */
    uint64_t oldest_waiting; /* referral number, 0: none waits */
    uint64_t enquiries_open;
    uint64_t mailboxes_silent;
    uint64_t sequence; /* the newest entry of the history */
    int64_t started_at;
};
struct hub_figures {
    struct places places;
    uint32_t offers_open, cases_open;
    uint64_t unconfirmed;
    bool connected;
};
struct mailbox_figures {
    char party[ID_BYTES_MAX + 1];
    uint64_t last, unconfirmed;
    uint64_t oldest_unconfirmed; /* history sequence; 0: none */
    int64_t confirmed_at;        /* 0: not since the start */
    uint32_t connections;
};
void turn_totals(struct turn *, struct totals *);
/* All 0 when the network in force has no such service. */
void turn_hub_figures(struct turn *, uint32_t hub_party, uint32_t service_number, struct hub_figures *);
/* Figures of the hub without regard to a service. */
void turn_party_figures(struct turn *, uint32_t party, struct hub_figures *);
/* Of the party with this number. False: no party has it; numbers run from 1 without gaps. */
bool turn_mailbox_figures(struct turn *, uint32_t party, struct mailbox_figures *);
/* Where a part of the referral that waits stands now; 0: it does not wait. *expected_days: as in struct standing. */
uint32_t turn_position(struct turn *, const struct referral *, enum need, uint32_t *expected_days);
/* The party's number, 0 when unknown; the id of a number is copied into id ("network" for 0). */
uint32_t turn_party_number(struct turn *, const char *id);
void turn_party_id(struct turn *, uint32_t party, char id[ID_BYTES_MAX + 1]);
/* The network in force, read-only; stays until it is released, although another may come into force meanwhile. */
const struct network *turn_hold_network(struct turn *);
void turn_release_network(struct turn *, const struct network **);
/* Copies of the table of places, in the order of that network's services; the caller frees. NULL: that network is no
 * longer the one in force. */
struct places *turn_copy_places(struct turn *, const struct network *);
/* When the emergency rules end; 0: they are not on. */
int64_t turn_emergency_until(struct turn *);

/* A batch of postcodes that is being imported while the daemon serves: the next turn writes it. Waits until the one
 * before has been committed; from the importing thread. Takes *batch; when that is NULL it only waits. False: the turn
 * takes no more of them. */
bool turn_take_places(struct turn *, struct place_batch **batch);
/* From any thread: turn_take_places returns false at once from now on. */
void turn_refuse_places(struct turn *);

#endif
