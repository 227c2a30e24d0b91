/* SPDX-License-Identifier: MIT
 * decide: (network, event, facts) -> outcome. Pure: no clock, no randomness, no I/O, no allocation, no globals. */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include "daemon/core/history.h"

/* What a decision may look at besides the referral. */
struct facts {
    const struct network *network;
    const struct places *places; /* network->services_count, without what this decision changes */
    int64_t now;
    struct verdict *verdicts; /* scratch of the caller: network->hubs_count */
};

/* What happened. A timer is { EVENT_OVERDUE, PARTY_NONE }: what the deadline means follows from the referral's state.
 * EVENT_OFFERED asks to place a referral that waits once more; EVENT_HUB_CLOSED says that the hub that was asked takes
 * no referrals any more. */
struct cause {
    enum event event;
    uint32_t actor;
    uint8_t offer_number; /* of a hub's answer */
    enum status_reason reason;
    enum outcome outcome;
};

struct outcome_of {
    enum refusal refusal; /* REFUSAL_NONE: allowed */
    bool repeated;        /* done before: the answer is the same, nothing changes */
    bool changed;         /* the referral is to be saved */
    bool recorded;        /* the entry is to be saved */
    int32_t place_taken;  /* row of a service, -1: none */
    int32_t place_freed;
    int32_t places_none; /* row of a service that has no places from now on */
    bool waits;          /* to be in the waiting list from now on; false: not in it */
    struct entry entry;
};

/* Decides what the cause makes of *referral and changes it in place; *outcome says what to save, count and tell. When
 * refusal or repeated is set, the referral is unchanged. For EVENT_SUBMITTED the referral holds number, sender, profile
 * and priority, in STATE_REQUESTED. */
void decide(const struct facts *, const struct cause *, struct referral *, struct outcome_of *);

#endif
