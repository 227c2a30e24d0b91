/* SPDX-License-Identifier: MIT
 * world: time, network, disk and power of one simulated run. The clock jumps to the next event; everything that
 * happens by chance comes from one seed. The daemon's turn is the real one, over store_memory. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "tests/sim/auditor.h"

struct actor;
struct events;
struct daemon;

/* Which events are printed: none, all, or the last ones when the run is over. */
enum trace { TRACE_NONE, TRACE_ALL, TRACE_LAST };
#define WORLD_LAST_LINES 40
#define WORLD_LINE_BYTES 150

/* What goes wrong, in percent of the messages; below zero: never. Drawn for each seed. */
struct trouble {
    uint64_t left_out; /* bits of enum mishap */
    int loss, repetition, delay_max_ms;
    int new_network; /* percent of the starts */
    bool reordering;
    bool rough;         /* much more goes wrong, cases pause for long, and operators step in often */
    bool holes_allowed; /* by operators, in what they apply */
    int64_t fault_every_ms;
    uint32_t held_max; /* letters of one party that the daemon holds in memory; 0: as usual */
};

/* A referral, for those who have no mailbox and yet do something with it; its hub may refer it on once. */
struct noticed {
    uint64_t referral;
    bool referred_on;
};

/* A version of the town; wanted: it may come into force. */
struct wanted_town {
    struct town town;
    bool wanted;
};

struct world {
    int64_t now, starts_at, quiet_at;
    bool quiet; /* the second phase: nothing goes wrong any more, and everything must reach its end */
    enum trace trace;
    char last_lines[WORLD_LAST_LINES][WORLD_LINE_BYTES]; /* a ring */
    uint64_t lines;
    struct random random;
    struct town town;          /* as at the beginning */
    struct wanted_town *towns; /* and all its later versions, by number */
    int towns_count;
    int on_disk;  /* number of the one in the network file */
    int in_force; /* and of the one that the daemon goes by */
    int64_t in_force_since;
    bool is_applying;
    struct trouble trouble;
    struct auditor *auditor;
    struct actor *actors[TOWN_PARTIES_MAX];
    struct events *events;
    struct daemon *daemon;
    unsigned submits;      /* made so far */
    struct noticed *known; /* referrals that were acknowledged */
    uint32_t known_count, known_room;
    uint64_t enquiry; /* the newest that a hub was asked; others may try to answer it */
    uint64_t digest;
};

enum mishap {
    MISHAP_LOSS,
    MISHAP_REPETITION,
    MISHAP_REORDERING,
    MISHAP_DISCONNECT,
    MISHAP_HALF_OPEN,
    MISHAP_AWAY,
    MISHAP_CRASH_IDLE,
    MISHAP_COMMIT_FULL,
    MISHAP_COMMIT_UNAVAILABLE,
    MISHAP_COMMIT_FENCED,
    MISHAP_COMMIT_UNKNOWN_STORED,
    MISHAP_COMMIT_UNKNOWN_LOST,
    MISHAP_CRASH_BEFORE_SENDING,
    MISHAP_CRASH_WHILE_SENDING,
    MISHAP_CRASH_AT_START,
    MISHAP_NEARLY_FULL,
    MISHAP_NEW_NETWORK,
    MISHAP_APPLIED,
    MISHAP_EMERGENCY,
    MISHAP_COUNT
};

struct world_result {
    uint64_t referrals, messages, faults, crashes, digest;
    char violation[400]; /* empty: none */
};

/* Which run. The seed draws everything else; what is left out of it makes a failing run smaller. */
struct world_choice {
    uint64_t seed;
    bool plain;                 /* else the seed draws whether it is rough */
    unsigned referrals;         /* 0: the seed draws how many */
    uint64_t hours;             /* of the first phase, at most; 0: as drawn */
    uint64_t features_left_out; /* bits of enum town_feature */
    uint64_t mishaps_left_out;  /* bits of enum mishap */
};

/* One run: draws a town, lets referrals be sent amid faults, then in quiet, and has everything audited. */
void world_run(const struct world_choice *, enum trace, struct world_result *);
/* Over all runs. Prints the kinds of fault that never happened; returns how many. */
int world_print_missing(void);
const char *world_mishap_name(enum mishap);

#define WORLD_DOORS 2 /* programs that a party may have at once */

/* For actors. */
struct noticed *world_know(struct world *, uint64_t referral);
void world_wake(struct world *, int party, int64_t at);
/* Sends a frame over the connection of one of the party's doors, if it has one. */
void world_send(struct world *, int party, int door, const void *frame, size_t length);

#endif
