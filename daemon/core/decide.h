/* SPDX-License-Identifier: MIT
 * decide: (network, event, facts) -> outcome. Pure: no clock, no randomness, no I/O, no allocation, no globals. */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include "daemon/core/history.h"

/* What a decision may look at besides the referral. */
struct facts {
    const struct network *network;
    const struct places *places; /* network->services_count, without what this decision changes */
    const struct pace *pace;     /* NULL: nothing is counted */
    int64_t now;
    bool emergency;       /* the emergency rules are on */
    struct cover *covers; /* scratch of the caller: network->hubs_count */
};

/* What happened. A timer is { EVENT_OVERDUE, PARTY_NONE }: what it means follows from the consent, and from the part
 * whose deadline has passed. EVENT_OFFERED asks to place a need that is held once more; EVENT_HUB_CLOSED says that the
 * hub of the offer takes no referrals any more. EVENT_UPDATED: the referral's profile, message_back and practice are
 * already those of the update. EVENT_LINKED: the link already stands in the referral;
 * with an offer_number only the hub of that offer is told. */
struct cause {
    enum event event;
    enum role role; /* of the actor; 0: the network itself */
    uint32_t actor;
    uint8_t offer_number; /* of a hub's answer, of EVENT_HUB_CLOSED, _REOFFERED, and perhaps _LINKED */
    enum need need;       /* of EVENT_OFFERED */
    enum status_reason reason;
    enum outcome outcome;
    enum priority priority; /* of EVENT_PRIORITISED */
    uint32_t hub;           /* of EVENT_PLACED: index in the network */
    uint32_t row;           /* of EVENT_PLACED: of the service */
    uint64_t needs;         /* of EVENT_PLACED: NEED_BITs; 0: all that the service meets */
    uint32_t linked_hub;    /* of EVENT_LINKED: the party that has the case of the other; PARTY_NONE: nobody */
    bool tell_link;         /* of EVENT_LINKED: both consents allow that sender and hub are told */
    uint8_t link;           /* of EVENT_LINKED: number of the link, from 1; 0: the last */
};

struct unmet {
    enum need need;
    enum unmet_cause cause;
};

struct outcome_of {
    enum refusal refusal;       /* REFUSAL_NONE: allowed */
    bool repeated;              /* done before: the answer is the same, nothing changes */
    bool changed;               /* the referral is to be saved */
    bool recorded;              /* the entry is to be saved */
    uint32_t freed[OFFERS_MAX]; /* rows of the owners of places that came back, or of weekly room; may hold one twice */
    uint8_t freed_count;
    uint32_t places_none[NEEDS_MAX]; /* rows of owners that have no places from now on */
    uint8_t places_none_count;
    struct unmet unmet[NEEDS_MAX]; /* needs that have become waiting or unmet by this event */
    uint8_t unmet_count;
    struct entry entry; /* without sequence, positions and expected waits, which are given when it is saved */
};

/* Decides what the cause makes of *referral and changes it in place; *outcome says what to save, count and tell. When
 * refusal or repeated is set, the referral is unchanged. For EVENT_SUBMITTED the referral holds number, sender, profile
 * and neighbourhood, in STATE_REQUESTED, and no parts. */
void decide(const struct facts *, const struct cause *, struct referral *, struct outcome_of *);

#endif
