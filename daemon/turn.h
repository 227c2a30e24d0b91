/* SPDX-License-Identifier: MIT
 * turn: the order of things. Requests that have gathered -> facts -> decide -> records -> one commit -> answers. */
#ifndef DAEMON_TURN_H
#define DAEMON_TURN_H

#include "daemon/core/network.h"
#include "daemon/core/route.h"
#include "daemon/io/batch.h"
#include "daemon/io/seal.h"
#include "daemon/io/store.h"

struct turn_options {
    uint32_t window;        /* unconfirmed pushes at once for each party */
    int64_t retry_after_ms; /* what busy tells */
    int64_t push_again_ms;  /* an unconfirmed push goes out again after */
    const char *version;    /* of the daemon, for welcome */
};

struct turn;

/* Reads the store and rebuilds what is derived from it. network_text is kept in the store as a new version when it
 * differs from the newest one. Takes *network on success. NULL: a sentence for people in why. now_ms: the clock. */
struct turn *turn_open(struct store *, struct seal *, struct network **network, const char *network_text,
                       size_t network_length, const struct turn_options *, int64_t now_ms, char *why, size_t why_size);
void turn_close(struct turn **);

/* One turn: all requests, then what is due. Answers and pushes are in the outbox; send them only when the result is
 * STORE_OK. Any other result: say nothing, stop, and start again from the store. now_ms never goes back (a smaller one
 * counts as the newest seen). */
enum store_result turn_run(struct turn *, int64_t now_ms, const struct request *, size_t count, struct outbox *);

/* When turn_run has something to do without a request; INT64_MAX: never. */
int64_t turn_next_due(const struct turn *);

/* What is held in memory, for the reader thread. Each takes the turn's lock for a moment. */
struct totals {
    uint64_t stored, open, offered, placed, waiting, attention, closed, overdue;
    uint64_t damaged;        /* referrals that could not be read at the start */
    uint64_t oldest_waiting; /* referral number, 0: none waits */
    int64_t started_at;
};
struct hub_figures {
    struct places places;
    uint32_t offers_open, cases_open;
    uint64_t unconfirmed;
    bool connected;
};
void turn_totals(struct turn *, struct totals *);
void turn_hub_figures(struct turn *, uint32_t service_row, struct hub_figures *);
/* Figures of the hub without regard to a service. */
void turn_party_figures(struct turn *, uint32_t party, struct hub_figures *);
uint32_t turn_position(struct turn *, const struct referral *); /* 0: does not wait */
/* The party's number, 0 when unknown; the id of a number is copied into id ("network" for 0). */
uint32_t turn_party_number(struct turn *, const char *id);
void turn_party_id(struct turn *, uint32_t party, char id[ID_BYTES_MAX + 1]);
/* Read-only as long as the turn is open. */
const struct network *turn_network(const struct turn *);

#endif
