/* SPDX-License-Identifier: MIT
 * referral: the record of a referral and of its offers, and its life as one table of (state, event). */
#ifndef CORE_REFERRAL_H
#define CORE_REFERRAL_H

#include "daemon/core/network.h"

#define OFFERS_MAX 12
#define EXCLUDED_MAX 12

/* What routing looks at: everything about a person that decides which hub is asked, and nothing else. */
struct profile {
    uint16_t neighbourhood; /* index in the network of this version; NEIGHBOURHOOD_NONE: not known */
    enum locality locality;
    struct position position;
    uint8_t decile; /* 1 most deprived; 0 not known */
    enum need need; /* the primary one */
    enum priority priority;
    uint32_t preferred_hub;          /* party number; PARTY_NONE: no wish */
    uint32_t excluded[EXCLUDED_MAX]; /* party numbers */
    uint8_t excluded_count;
    bool safeguarding; /* a concern is recorded: a person decides */
    uint8_t age;       /* full years when it was submitted */
    enum gender gender;
    enum referral_source source; /* kind of the sender */
    bool is_carer;
    uint32_t travel_m; /* how far the person can travel; 0: no limit is known */
};
#define NEIGHBOURHOOD_NONE UINT16_MAX

struct offer {
    uint32_t hub;     /* party number */
    uint32_t service; /* service number of that hub */
    enum state state; /* REQUESTED RECEIVED ACCEPTED IN_PROGRESS REJECTED CANCELLED COMPLETED FAILED */
    enum status_reason reason;
    int64_t made_at; /* all times: milliseconds since 1970 UTC */
};

struct referral {
    uint64_t number; /* from 1, in the order of storing */
    uint32_t sender; /* party number */
    uint8_t request_id[UUID_BYTES];
    uint8_t correlation_id[UUID_BYTES];
    enum state state;
    enum business_status business_status;
    enum status_reason reason;
    enum outcome outcome;
    bool overdue; /* a deadline of whoever has it passed; a person is asked to look until it moves on */
    int64_t submitted_at;
    int64_t changed_at;
    int64_t deadline;        /* when the network acts by itself; 0 only when closed */
    uint32_t deadline_owner; /* party expected to act; PARTY_NONE: the operators */
    uint64_t history;        /* sequence of its newest history entry */
    struct profile profile;
    char neighbourhood_code[16];     /* as routed; survives network versions */
    struct offer offers[OFFERS_MAX]; /* offer number n is offers[n - 1] */
    uint8_t offers_count;
};

/* A place is taken as long as an offer is requested, received, accepted or in progress. */
bool offer_holds_place(const struct offer *);
/* Number of the offer that holds a place, 0 when none does; there is never more than one. */
uint8_t referral_current_offer(const struct referral *);
/* Its story goes on: not closed-acknowledged. */
bool referral_is_open(const struct referral *);
/* Why it is overdue; 0: it is not. */
enum status_reason referral_overdue_reason(const struct referral *);
/* A person must look: it waits for one, or something is overdue. */
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
