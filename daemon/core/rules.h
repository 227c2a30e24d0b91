/* SPDX-License-Identifier: MIT
 * rules: one question looked at in the light of the rules; what rules.c and route.c share, and nobody else. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "daemon/core/nearby.h"
#include "daemon/core/route.h"

#define RANK_NONE UINT8_MAX

/* One need that is to be placed. */
struct wanted {
    enum need need;
    const struct nearness *nearness;
    uint8_t ranks[RING_SATELLITE + 1]; /* of the rings, as in nearness; RANK_NONE: not used */
    enum rule farthest; /* that any service for it came to when it was looked at last; 0: there is none */
};

/* What is looked at again and again while one question is answered. Sets of needs are here sets of the first, second
 * and so on of those wanted. */
struct view {
    const struct network *network;
    const struct question *question;
    int64_t day; /* on the wall, and the minute of it */
    int64_t minute;
    uint64_t plus;                   /* the person's groups, as bits of network.plus_groups */
    bool pressing;                   /* it matters whose doors are open now */
    struct wanted wanted[NEEDS_MAX]; /* the primary need first */
    uint8_t wanted_count;
    uint32_t given[NEEDS_MAX]; /* owners of the places that this plan has given */
    uint8_t given_count;
    const struct nearby *nearby; /* nobody else is looked at; NULL: all are */
    struct plan *plan;           /* where candidates are noted; NULL: nowhere */
    uint32_t noted_hub;          /* of whose services ... */
    uint64_t noted_rows;         /* ... these have been noted, counted from its first */
    uint8_t rank_to_beat;        /* whoever stands in a later ring need not be looked at for room */
};

/* The needs are those wanted; nothing is given yet, nothing is noted. */
struct view rules_look(const struct network *, const struct question *, uint64_t needs);
/* The hubs that may stand in a ring for the person: all others fail by where they are, if not before. */
void rules_find_nearby(const struct view *, struct nearby *);
/* The hub's services for the need: their rows, and how many. */
uint32_t rules_rows(const struct network *, uint32_t hub, enum need, uint32_t rows[NETWORK_SERVICES_MAX]);
/* The hub with these rows against all rules. Among the rows: the one that meets most rules, then the nearest ring, then
 * most free places, then the first of the file. The distance is measured only when the hub meets every rule, and the
 * doors are looked at only when that matters, too. */
void rules_judge(struct view *, const struct wanted *, uint32_t hub, const uint32_t *rows, uint32_t count,
                 struct verdict *);
/* Whether the service meets every rule about itself for the need, after what is given already. */
bool rules_allow(struct view *, const struct wanted *, uint32_t row);
/* The service as it is to be recorded. */
struct candidate rules_candidate(const struct view *, uint32_t row);
/* Whether the person can be told to go there: nothing is leased, so that neither areas nor room matter. */
bool rules_invite(const struct view *, uint32_t row);

#endif
