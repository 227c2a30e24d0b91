/* SPDX-License-Identifier: MIT
 * history: one entry for each event of a referral: what happened, what followed, who is told, and everything a
 * decision saw, so that it can be explained and decided again. Holds no personal data: a note travels beside it,
 * sealed under the referral's own key. */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include "daemon/core/route.h"

#define ENTRY_LETTERS_MAX 4
#define ENTRY_CANDIDATES_MAX 16

/* One message that the network owes a party. */
struct letter {
    uint32_t party;
    enum message_type type;  /* a PUSH */
    uint64_t mailbox_number; /* given when the entry is saved */
};

/* A hub that met every rule but, perhaps, a free place, and how many it had. */
struct candidate {
    uint32_t hub; /* party number */
    uint32_t places_free;
};

/* What routing found; `made` is false when the event decided nothing. */
struct decision {
    bool made;
    uint32_t network_version;
    uint8_t offers_before;      /* how many offers routing looked back on */
    enum comparison comparison; /* 0: no hub had a free place */
    uint8_t candidates_count;
    uint32_t eligible; /* all candidates; more than are kept in a large network */
    struct candidate candidates[ENTRY_CANDIDATES_MAX];
};

struct entry {
    uint64_t sequence; /* of the whole store, from 1; given when saved */
    uint64_t previous; /* entry of the same referral before this one; 0: none */
    uint64_t referral;
    int64_t at;
    enum event event;
    uint32_t actor;            /* party; PARTY_NONE: a timer or a rule */
    uint8_t offer_number;      /* the offer that the event is about; 0: none */
    enum status_reason reason; /* of the event */
    enum outcome outcome;
    enum state state; /* of the referral afterwards */
    enum business_status business_status;
    enum status_reason status_reason;
    int64_t deadline;
    uint32_t position;    /* in the waiting list, when it waits; of capacity-changed: the places stated */
    uint8_t placed_offer; /* the offer that was made; 0: none */
    uint32_t hub;         /* party: of the offer made, else of the offer the event is about */
    uint32_t service;     /* service number of that hub */
    struct decision decision;
    struct letter letters[ENTRY_LETTERS_MAX];
    uint8_t letters_count;
};

#endif
