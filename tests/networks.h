/* SPDX-License-Identifier: MIT
 * networks: invented networks for the tests of core, a small one to tell stories with and random ones for properties,
 * and the seeded random numbers that make them. */
#ifndef TESTS_NETWORKS_H
#define TESTS_NETWORKS_H

#include "daemon/core/route.h"

#define NETWORKS_HUBS_MAX 12
#define NETWORKS_SERVICES_MAX 36
#define NETWORKS_DAY 20779                                            /* 2026-11-22 */
#define NETWORKS_NOW_MS (NETWORKS_DAY * INT64_C(86400000) + 36000000) /* that day at ten */

/* The network points into the arrays beside it: it is not to be copied. */
struct invented {
    struct network network;
    struct neighbourhood neighbourhoods[4];
    struct hub hubs[NETWORKS_HUBS_MAX];
    struct service services[NETWORKS_SERVICES_MAX];
    struct sender senders[2];
    struct places places[NETWORKS_SERVICES_MAX];
    struct verdict verdicts[NETWORKS_HUBS_MAX];
};

/* Indices of hubs in the network of four; the party number of each is one more, and its one service has its index. */
enum { HOME, NEAR, CITY, FAR };
enum { PARTY_HOME = 1, PARTY_NEAR, PARTY_CITY, PARTY_FAR, PARTY_SURGERY = 11, PARTY_CLINIC };
enum { PLACES_OF_FOUR = 2 };

/* Four open hubs for befriending with two free places each: 500 m away in the person's own neighbourhood; 1,000 m away
 * in another; 10,000 m away for the whole city; 20,000 m away and not for the whole city. Neighbours are 3,000 m away
 * at most; a referral may be offered three times. */
void network_of_four(struct invented *);
/* A routine need for befriending in the neighbourhood of the home hub. */
struct profile profile_at_home(void);

/* Everything at random, with many equal values, so that every rule and every comparison comes up. */
void network_at_random(struct invented *, uint64_t *random);
struct profile profile_at_random(const struct invented *, uint64_t *random);

/* The seed of a run: REFERRALD_SEED, or a fixed number, plus the run; to be named in every failed assertion. */
uint64_t random_seed(uint64_t run);
uint64_t random_next(uint64_t *random);
uint32_t random_below(uint64_t *random, uint32_t bound); /* 0 to bound - 1 */

#endif
