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
#define LINKS_MAX 4

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
    enum state state; /* REQUESTED RECEIVED ACCEPTED IN_PROGRESS ON_HOLD REJECTED CANCELLED COMPLETED FAILED */
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
    enum stage stage;        /* what is waited for until then */
    bool nudged;             /* the hub was reminded: the grace runs */
    int64_t answer_by;       /* of an offer that is not received: its answer's deadline, after that of the receipt */
    uint8_t offer;           /* number of its newest offer; 0: none was made */
};

/* Another referral that belongs to one. */
struct linked {
    uint64_t number;
    enum link link;
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
    enum stage stage;
    int64_t submitted_at;
    int64_t ended_at; /* 0: it goes on */
    int64_t changed_at;
    uint64_t history; /* sequence of its newest history entry */
    struct profile profile;
    uint64_t
        persons[2]; /* keyed hashes: of the NHS number; of name, date of birth and postcode. 0: not known, erased */
    uint8_t message_back;              /* CODE_BITs of who may know what came of it */
    uint32_t practice;                 /* party of the GP practice that is told what came of it; PARTY_NONE: none */
    bool sender_knows, practice_knows; /* the outcome is confirmed by it */
    bool consent_ended;                /* it ran out while a hub had it: a person is asked to look */
    bool erased;
    bool released;     /* by an operator, although the person lives outside of the network: that holds it no more */
    uint8_t hops_from; /* offers made before an operator released it: they count as hops no more */
    struct linked links[LINKS_MAX];
    uint8_t links_count;
    char neighbourhood_code[16]; /* as routed; survives network versions */
    uint8_t parts_count;
    uint8_t offers_count;
    struct part parts[NEEDS_MAX];
    struct offer offers[OFFERS_MAX]; /* last, so that a copy may end with the offers there are; number n is [n - 1] */
};

/* A place is taken as long as an offer is requested, received, accepted, in progress or paused; a seat also after that,
 * when it was accepted. */
bool offer_holds_place(const struct offer *);
bool offer_waits_for_answer(const struct offer *); /* requested or received */
/* It counts as one that the hub was asked: not when it was taken back for what is no matter of the hub's: it had closed
 * or paused, an operator held the referral, its consent ran out. */
bool offer_was_put(const struct offer *);
/* Its story has ended: completed, failed, rejected, cancelled or entered in error. */
bool part_has_ended(const struct part *);
/* It stands in the waiting list. */
bool part_waits(const struct part *);
/* A hub has accepted it and helps, or has paused. */
bool part_is_case(const struct part *);
/* A part that stands so, with that newest offer, is with the offer's hub, or was until it ended: what is held, or was
 * withdrawn while it was held, has left the hub behind. */
bool referral_is_with_hub(const struct referral *, enum state, enum business_status, uint8_t offer_number);
/* Index of the part that holds the need, or that the offer belongs to; -1: none, or the offer is not its newest. */
int referral_part_of_need(const struct referral *, enum need);
int referral_part_of_offer(const struct referral *, uint8_t offer_number);
/* Sets state, business status, reason, outcome, overdue, deadline, its owner and stage from the parts. The part that
 * has come farthest speaks for all: in progress, accepted, paused, received, on hold, in this order; when all have
 * ended, the outcome is that of all together, and the caller sets the deadline. */
void referral_follow_parts(struct referral *);
/* When the network looks at it next: at its deadline, or when its consent has run out while it matters; 0: never. */
int64_t referral_next_due(const struct referral *);
/* The consent has run out, and something depends on it: a hub is asked, or may be, or has the person without knowing.
 */
bool referral_consent_is_due(const struct referral *, int64_t now);
/* Its story goes on: not closed-acknowledged. */
bool referral_is_open(const struct referral *);
/* Every part has ended. */
bool referral_has_ended(const struct referral *);
/* Why it is overdue; 0: it is not. */
enum status_reason referral_overdue_reason(const struct referral *);
/* A person must look: a part waits for one, something is overdue, or the consent has run out under a case. */
bool referral_needs_person(const struct referral *);
/* The GP practice is told what comes, or came, of it: the person agreed, and the practice has a mailbox. */
bool referral_tells_practice(const struct referral *);
/* Everybody who is told of its outcome has confirmed that. */
bool referral_is_known(const struct referral *);
/* The consent allows that hubs go on being told at that moment. */
bool profile_consents(const struct profile *, int64_t now);

/* What the tables of referral.def say of one cell. CELL_PLACE: routing says where it goes: received or on-hold.
 * CELL_STAY: it is done, and the state remains. */
enum cell { CELL_NONE, CELL_MOVE, CELL_STAY, CELL_PLACE, CELL_REPEAT, CELL_REFUSE };
struct move {
    enum cell cell;
    enum state to;        /* CELL_MOVE */
    enum refusal refusal; /* CELL_REFUSE */
};
/* Who may cause an event. */
enum {
    WHO_NETWORK = 1,  /* a timer, a rule */
    WHO_SENDER = 2,   /* who submitted the referral, as sender or hub */
    WHO_HUB = 4,      /* to which the offer was made */
    WHO_PRACTICE = 8, /* the GP practice that is told what came of it */
    WHO_OPERATOR = 16,
    WHO_PRIVACY = 32, /* a privacy officer */
};
/* What an event does to an offer in a state, and to a part, or a referral as a whole, that stands so. Asserts that the
 * pair stands in its table. */
const struct move *offer_move(enum state, enum event);
const struct move *referral_move(enum state, enum business_status, enum event);
/* WHO_s of an event that stands in either table. */
unsigned event_causers(enum event);

#endif
