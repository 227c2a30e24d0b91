/* SPDX-License-Identifier: MIT
 * whatif: what happened, decided again under another network. The same core and the same turn place the people, over
 * memory alone; the hubs answer as they did, where they were asked, after the same time.
 *
 * What is assumed where nothing is known: a hub that was not asked about a person accepts after the median time that it
 * took to accept others (all hubs, when it accepted nobody), and helps for the median time likewise; so does one that
 * declined for want of places in a service whose figure the other network changes, and one whose offer was taken back
 * before it answered. Who was silent stays silent. Senders withdraw when they did. A figure that the other network
 * changes never grows old; one that a hub stated again unchanged is as old as decisions found it. A case that a hub
 * gave back is given back after the same time, and so is one that an operator, or its hub's silence, took from it; no
 * other case is taken back. What operators held, placed or preferred by hand is not done again: the rules decide. What
 * an update told was known from the beginning. */
#ifndef DAEMON_WHATIF_H
#define DAEMON_WHATIF_H

#include <stdatomic.h>

#include "daemon/core/referral.h"

/* What became of one offer. Times in milliseconds after it was made; -1: it did not happen. */
struct past_offer {
    uint32_t hub; /* party number */
    uint64_t needs;
    uint32_t services[NEEDS_MAX];
    uint8_t services_count;
    int64_t made_at;
    uint64_t made_sequence; /* of the history; 0: before what was read */
    int64_t answered_ms;    /* accepted or rejected */
    uint64_t answered_sequence;
    enum event answer; /* 0: none */
    enum status_reason reason;
    int64_t ended_ms; /* completed or failed */
    uint64_t ended_sequence;
    enum event end; /* 0: none; of a fixed one also cancelled, when the offer or the case was taken back */
    enum status_reason end_reason;
    enum outcome outcome;
    int64_t withdrawn_ms; /* its hub closed before it answered */
    bool is_over;         /* it holds no place any more, whether or not it is known since when */
    bool used;            /* has answered in what might have been */
};

/* The hub that accepted a need; hub PARTY_NONE: none has. */
struct placed {
    uint32_t hub;
    int64_t at;
    bool is_local; /* a home hub of the person's neighbourhood, or a satellite of one */
};

/* One referral as it was. */
struct past {
    uint64_t number;
    uint32_t sender;
    int64_t submitted_at;
    uint64_t submitted_sequence; /* 0: before what was read */
    struct profile profile;
    char neighbourhood_code[16];
    int64_t cancelled_at; /* 0: never */
    uint64_t cancelled_sequence;
    enum status_reason cancel_reason;
    bool fixed;            /* submitted before what is decided again: its offers stay as they were */
    bool counted;          /* asked about: others are decided again so that the lines are as long as they were */
    bool signposted_then;  /* no hub was asked: information was enough */
    uint32_t offers_first; /* run in story.offers */
    uint8_t offers_count;
    /* By need, in the order of the bits of profile.needs. */
    struct placed then[NEEDS_MAX];
    struct placed now[NEEDS_MAX]; /* filled by whatif_run */
    bool signposted_now;
};

enum statement_kind { STATEMENT_PLACES, STATEMENT_FRESH, STATEMENT_STALE, STATEMENT_EMERGENCY };

/* What was stated, or found, about the network while the referrals went their ways. */
struct statement {
    enum statement_kind kind;
    int64_t at;
    uint64_t sequence;
    uint32_t hub; /* party, and number of its service */
    uint32_t service;
    uint32_t figure; /* of places */
    int64_t until;   /* of an emergency; 0: it ended */
};

/* Everything in the order of numbers and of the history. Sequences may be any numbers that grow with the history's. */
struct story {
    int64_t from; /* what is decided again begins here */
    int64_t to;
    struct past *pasts;
    size_t pasts_count;
    struct past_offer *offers;
    size_t offers_count;
    struct statement *statements;
    size_t statements_count;
};

/* Whether the neighbourhood belongs to the hub, or to the one whose satellite it is. */
bool whatif_is_local(const struct network *, uint32_t hub, uint16_t neighbourhood, int64_t at);

/* Takes the network, numbered, with the applied_at of the one in force. figure_kept: by row of its services, whether
 * its file gives the same figure of places as the network in force, so that what hubs stated and declined holds. False:
 * it was told to stop. Running out of memory stops the daemon. */
bool whatif_run(struct story *, struct network **, const bool *figure_kept, const atomic_bool *stopping);

#endif
