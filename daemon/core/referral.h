/* SPDX-License-Identifier: MIT
 * referral: the record of a referral, of the parts that its needs went into and of its offers, and its life as one
 * table of (state, event). */
#ifndef CORE_REFERRAL_H
#define CORE_REFERRAL_H

#include "daemon/core/network.h"

#define NEEDS_MAX 8 /* of one referral, and so its parts */
#define OFFERS_MAX 24
#define EXCLUDED_MAX 12
#define PLUS_MAX 8

/* What routing looks at: everything about a person that decides which hub is asked, and nothing else. */
struct profile {
    uint16_t neighbourhood; /* index in the network of this version; NEIGHBOURHOOD_NONE: not known, or outside of it */
    enum locality locality;
    struct position position;
    uint8_t decile; /* 1 most deprived; 0 not known */
    enum need need; /* the primary one */
    uint64_t needs; /* NEED_BITs of all */
    enum tier tier; /* TIER_UNIVERSAL: to be signposted */
    enum priority priority;
    uint32_t preferred_hub;          /* party number; PARTY_NONE: no wish */
    uint32_t excluded[EXCLUDED_MAX]; /* party numbers */
    uint8_t excluded_count;
    bool safeguarding;     /* a concern is recorded: a person decides */
    bool consent_in_doubt; /* a person decides */
    int64_t consent_until; /* the last day on which the consent holds; 0: it has no end */
    uint8_t age;           /* full years when it was submitted */
    enum gender gender;
    enum referral_source source; /* kind of the sender */
    bool is_carer;
    bool interpreter_needed;
    bool no_fixed_abode;
    uint64_t risks;       /* CODE_BITs */
    uint64_t adjustments; /* CODE_BITs */
    enum transport transport;
    uint32_t plus[PLUS_MAX]; /* hashes of the ids of plus groups */
    uint8_t plus_count;
    uint32_t travel_m; /* how far the person can travel; 0: no limit is known */
};

/* The person's place is known, and lies outside of the network. */
bool profile_is_outside(const struct profile *);

/* One hub asked about one or several needs. It leases a place of each service that it names. */
struct offer {
    uint32_t hub;                 /* party number */
    uint64_t needs;               /* NEED_BITs */
    uint32_t services[NEEDS_MAX]; /* service numbers of that hub, none twice */
    uint8_t services_count;
    enum state state; /* REQUESTED RECEIVED ACCEPTED IN_PROGRESS REJECTED CANCELLED COMPLETED FAILED */
    enum status_reason reason;
    bool accepted;   /* it was accepted, whatever became of it */
    int64_t made_at; /* all times: milliseconds since 1970 UTC */
};

/* Needs that go the same way: at one hub, in the waiting list, or before a person. Every need of a referral is in
 * exactly one part; what waits in the waiting list is one need. */
struct part {
    uint64_t needs; /* NEED_BITs */
    enum state state;
    enum business_status business_status;
    enum status_reason reason;
    enum outcome outcome;
    bool overdue;            /* a deadline of whoever has it passed; a person is asked to look until it moves on */
    int64_t deadline;        /* when the network acts by itself; 0 only when the part has ended */
    uint32_t deadline_owner; /* party expected to act; PARTY_NONE: the operators */
    uint8_t offer;           /* number of its newest offer; 0: none was made */
};

struct referral {
    uint64_t number; /* from 1, in the order of storing */
    uint32_t sender; /* party number */
    uint8_t request_id[UUID_BYTES];
    uint8_t correlation_id[UUID_BYTES];
    /* Of the whole; as long as it has not ended, they follow from its parts (referral_follow_parts). */
    enum state state;
    enum business_status business_status;
    enum status_reason reason;
    enum outcome outcome;
    bool overdue;
    int64_t deadline; /* the earliest of the parts'; 0 only when closed */
    uint32_t deadline_owner;
    int64_t submitted_at;
    int64_t changed_at;
    uint64_t history; /* sequence of its newest history entry */
    struct profile profile;
    char neighbourhood_code[16]; /* as routed; survives network versions */
    struct part parts[NEEDS_MAX];
    uint8_t parts_count;
    struct offer offers[OFFERS_MAX]; /* offer number n is offers[n - 1] */
    uint8_t offers_count;
};

/* A place is taken as long as an offer is requested, received, accepted or in progress; a seat also after that, when it
 * was accepted. */
bool offer_holds_place(const struct offer *);
bool offer_waits_for_answer(const struct offer *); /* requested or received */
/* It counts as one that the hub was asked: not when the network took it back because the hub had closed or paused. */
bool offer_was_put(const struct offer *);
/* Its story has ended: completed, failed or cancelled. */
bool part_has_ended(const struct part *);
/* It stands in the waiting list. */
bool part_waits(const struct part *);
/* A part in that state, with that newest offer, is with the offer's hub, or was until it ended: what is held, or was
 * withdrawn while it was held, has left the hub behind. */
bool referral_is_with_hub(const struct referral *, enum state, uint8_t offer_number);
/* Index of the part that holds the need, or that the offer belongs to; -1: none, or the offer is not its newest. */
int referral_part_of_need(const struct referral *, enum need);
int referral_part_of_offer(const struct referral *, uint8_t offer_number);
/* Sets state, business status, reason, outcome, overdue, deadline and its owner from the parts. The part that is
 * farthest from its end speaks for all: in progress, accepted, received, on hold, in this order; when all have ended,
 * the outcome is that of all together, and the caller sets the deadline. */
void referral_follow_parts(struct referral *);
/* Its story goes on: not closed-acknowledged. */
bool referral_is_open(const struct referral *);
/* Every part has ended. */
bool referral_has_ended(const struct referral *);
/* Why it is overdue; 0: it is not. */
enum status_reason referral_overdue_reason(const struct referral *);
/* A person must look: a part waits for one, or something is overdue. */
bool referral_needs_person(const struct referral *);

/* What the tables of referral.def say of one cell. */
enum cell { CELL_MOVE, CELL_REPEAT, CELL_REFUSE };
struct move {
    enum cell cell;
    enum state to;        /* CELL_MOVE */
    enum refusal refusal; /* CELL_REFUSE */
};
/* What an event does to an offer in a state, and to a referral in a state. Asserts that the pair stands in its table.
 */
const struct move *offer_move(enum state, enum event);
const struct move *referral_move(enum state, enum event);

#endif
