/* SPDX-License-Identifier: MIT
 * history: one entry for each event of a referral: what happened, what followed, who is told, and everything a
 * decision saw, so that it can be explained and decided again. Holds no personal data: what was said with it (notes,
 * scores, an update) travels beside it, sealed under the referral's own key. */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include "daemon/core/route.h"

#define ENTRY_LETTERS_MAX (OFFERS_MAX + 4)

/* One message that the network owes a party. */
struct letter {
    uint32_t party;
    enum message_type type;  /* a PUSH */
    uint8_t offer_number;    /* the offer that it is about; 0: none */
    uint64_t mailbox_number; /* given when the entry is saved */
};

/* What routing found; `made` is false when the event decided nothing. */
struct decision {
    bool made;
    bool emergency; /* the emergency rules were on */
    uint32_t network_version;
    uint64_t needs;             /* that were to be placed */
    uint8_t offers_before;      /* how many offers routing looked back on */
    enum comparison comparison; /* that put the first hub asked first; 0: no hub had room */
    uint32_t eligible;          /* all candidates; more than are kept in a large network */
    uint8_t candidates_count;
    struct candidate candidates[CANDIDATES_MAX];
};

/* How one part stands after the event. */
struct standing {
    uint64_t needs;
    enum state state;
    enum business_status business_status;
    enum status_reason reason;
    enum outcome outcome;
    uint8_t offer;
    uint32_t position;      /* in the waiting list; 0: it does not wait. Given when the entry is saved */
    uint32_t expected_days; /* until its turn, and one more; 0: not known. Given when the entry is saved */
    int64_t deadline;
};

/* What an operator has decided who let it go on. */
enum { RELEASED_SAFEGUARDING = 1, RELEASED_CONSENT = 2, RELEASED_OUTSIDE = 4 };

struct entry {
    uint64_t sequence; /* of the whole store, from 1; given when saved */
    uint64_t previous; /* entry of the same referral before this one; 0: none */
    uint64_t referral;
    int64_t at;
    enum event event;
    uint32_t actor;            /* party; PARTY_NONE: a timer or a rule */
    uint8_t offer_number;      /* the offer that the event is about; 0: none */
    enum status_reason reason; /* of the event */
    enum outcome outcome;      /* of the event; of the whole when that has ended by it */
    /* Of the referral afterwards, as a whole. */
    enum state state;
    enum business_status business_status;
    enum status_reason status_reason;
    int64_t deadline;
    uint32_t figure; /* of capacity-changed: the places stated; of prioritised: the priority before; of
                      * released: RELEASED_s */
    uint64_t linked; /* of linked, enquired: the other referral, the case; 0: none */
    enum link link;
    enum stage stage;                 /* of nudged, overdue: what was waited for */
    enum known known;                 /* of enquiry-answered */
    uint8_t placed_first;             /* number of the first offer that was made; 0: none */
    uint8_t placed_count;             /* how many, with the numbers after it */
    uint32_t hub;                     /* party: of the offer the event is about, else of the first offer made */
    uint32_t service;                 /* service number of that hub */
    struct standing parts[NEEDS_MAX]; /* of every part, in the referral's order; kept when somebody is told of them */
    uint8_t parts_count;
    struct candidate signposts[SIGNPOSTS_MAX]; /* of signposted: hub and service */
    uint8_t signposts_count;
    struct decision decision;
    struct letter letters[ENTRY_LETTERS_MAX];
    uint8_t letters_count;
};

#endif
