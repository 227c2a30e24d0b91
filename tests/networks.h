/* SPDX-License-Identifier: MIT
 * networks: invented networks for the tests of core, a small one to tell stories with and random ones for properties,
 * and the seeded random numbers that make them. */
#ifndef TESTS_NETWORKS_H
#define TESTS_NETWORKS_H

#include "daemon/core/route.h"

#define NETWORKS_HUBS_MAX 12
#define NETWORKS_SERVICES_MAX 36
#define NETWORKS_ERAS_MAX 24
#define NETWORKS_CONDITIONS_MAX 72
#define NETWORKS_SPANS_MAX 72
#define NETWORKS_CLOSURES_MAX 24
#define NETWORKS_AREAS_MAX 256 /* of by_area */
#define NETWORKS_HOLIDAYS_MAX 16
#define NETWORKS_PACE_MAX 64
#define NETWORKS_NEEDS 4                                              /* of random people: NEED_BIT(1) to NEED_BIT(4) */
#define NETWORKS_DAY 20779                                            /* 2026-11-22, a Sunday */
#define NETWORKS_NOW_MS (NETWORKS_DAY * INT64_C(86400000) + 36000000) /* that day at ten, in winter */

/* The network points into the arrays beside it: it is not to be copied. */
struct invented {
    struct network network;
    struct neighbourhood neighbourhoods[4];
    struct hub hubs[NETWORKS_HUBS_MAX];
    struct era eras[NETWORKS_ERAS_MAX];
    struct service services[NETWORKS_SERVICES_MAX];
    struct condition conditions[NETWORKS_CONDITIONS_MAX];
    struct span spans[NETWORKS_SPANS_MAX];
    struct stages stages[NETWORKS_HUBS_MAX];
    struct closure closures[NETWORKS_CLOSURES_MAX];
    int64_t holidays[NETWORKS_HOLIDAYS_MAX];
    struct sender senders[2];
    uint32_t by_need[NETWORKS_SERVICES_MAX * NETWORK_NEEDS];
    uint32_t by_party[NETWORKS_HUBS_MAX];
    uint32_t by_id[NETWORKS_HUBS_MAX];
    uint32_t by_area[NETWORKS_AREAS_MAX];
    uint32_t by_area_first[5];
    struct stand stands[NETWORKS_ERAS_MAX];
    uint32_t by_need_hub[NETWORKS_SERVICES_MAX * NETWORK_NEEDS];
    uint32_t wide[NETWORKS_SERVICES_MAX * NETWORK_NEEDS];
    uint32_t by_code[4];
    uint32_t by_practice[2];
    struct places places[NETWORKS_SERVICES_MAX];
    struct pace pace;
    struct pace_entry pace_entries[NETWORKS_PACE_MAX];
    struct cover covers[NETWORKS_HUBS_MAX];
};

/* Indices of hubs in the network of four; the party number of each is one more, and its one service and its one era
 * have its index. */
enum { HOME, NEAR, CITY, FAR };
enum { PARTY_HOME = 1, PARTY_NEAR, PARTY_CITY, PARTY_FAR, PARTY_SURGERY = 51, PARTY_CLINIC };
enum { PLACES_OF_FOUR = 2 };

/* Four open hubs for befriending and advice with two free places each: 500 m away in the person's own neighbourhood;
 * 1,000 m away in another; 10,000 m away for the whole city; 20,000 m away and not for the whole city. Neighbours are
 * 3,000 m away at most; a referral may be offered three times; no pace, no figure grows stale, no emergency rules.
 * Everybody works always, and for all hubs: receipt is due an hour after the answer, answer 40 h for routine and 10
 * less for each that is more pressing, contact 80 h likewise, progress 500 h, all without grace; silence is for a
 * person's attention. */
void network_of_four(struct invented *);
/* A routine need for befriending in the neighbourhood of the home hub. */
struct profile profile_at_home(void);

/* To build another one: begin, hubs each followed by its services and what belongs to them, then ready. The network of
 * four and random ones are ready; after a change of needs, parties, runs, areas, positions, parents, tiers or of what
 * is for the whole city they are to be made ready again. */
void network_begin(struct invented *);
struct hub *network_add_hub(struct invented *, const char *id, struct position, uint16_t area);
/* To the hub added last; its number of places is also in the table of places. */
struct service *network_add_service(struct invented *, uint64_t needs, uint32_t places, bool citywide);
/* To the service added last. */
void network_add_condition(struct invented *, struct condition);
/* From another day on, a copy of the newest era of the hub added last, to be changed. */
struct era *network_add_era(struct invented *, int64_t from_day);
/* Deadlines of its own for the hub added last, those of the network, to be changed. */
struct stages *network_add_stages(struct invented *);
/* To hours (of a hub, a service, the office), one after the other before those of the next. */
void network_add_hours(struct invented *, struct hours *, struct span);
/* To the hub added last. */
void network_add_closure(struct invented *, int64_t from_day, int64_t to_day);
void network_add_holiday(struct invented *, int64_t day); /* ascending */
void network_ready(struct invented *);

/* Everything at random, with many equal values, so that every rule and every comparison comes up. */
void network_at_random(struct invented *, uint64_t *random);
struct profile profile_at_random(const struct invented *, uint64_t *random);

/* The seed of a run: REFERRALD_SEED, or a fixed number, plus the run; to be named in every failed assertion. */
uint64_t random_seed(uint64_t run);
uint64_t random_next(uint64_t *random);
uint32_t random_below(uint64_t *random, uint32_t bound); /* 0 to bound - 1 */

#endif
