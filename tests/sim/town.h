/* SPDX-License-Identifier: MIT
 * town: a small network drawn from the seed: as plain tables for the parties and the auditor, and as the text of a
 * network file for the daemon. */
#ifndef SIM_TOWN_H
#define SIM_TOWN_H

#include "proto/vocabulary.h"
#include "tests/sim/random.h"

#define TOWN_AREAS_MAX 6
#define TOWN_PARTIES_MAX 16
#define TOWN_SERVICES_MAX 3
#define TOWN_NEEDS 3 /* which needs there are: enough that services differ, few enough that places run out */
#define TOWN_NAME_BYTES 16
#define TOWN_TEXT_BYTES 16384

struct town_area {
    char code[TOWN_NAME_BYTES];
    int32_t easting, northing;
};

struct town_service {
    char id[TOWN_NAME_BYTES];
    uint64_t needs; /* bits */
    uint32_t places;
    bool citywide;
};

/* Senders, and hubs (which may send, too). */
struct town_party {
    char id[TOWN_NAME_BYTES];
    enum role role;
    enum hub_status status;
    int64_t opens_on, closes_on; /* days since 1970, 0: none */
    int32_t easting, northing;
    bool home[TOWN_AREAS_MAX];
    struct town_service services[TOWN_SERVICES_MAX];
    int services_count;
};

struct town {
    int64_t starts_on; /* day */
    int areas_count, parties_count;
    int hops_max, hops_most; /* now, and ever */
    int32_t neighbour_distance_m;
    struct town_area areas[TOWN_AREAS_MAX];
    struct town_party parties[TOWN_PARTIES_MAX];
    char deadlines[TOWN_TEXT_BYTES / 8]; /* as they stand in the text */
    char text[TOWN_TEXT_BYTES];
};

extern const enum need town_needs[TOWN_NEEDS];

void town_draw(struct town *, struct random *, int64_t starts_on);
/* Other figures of places, and other hubs that pause: a new version of the same network. */
void town_redraw(struct town *, struct random *);
/* -1: there is none. */
int town_find_party(const struct town *, const char *id, size_t length);
int town_find_area(const struct town *, const char *code, size_t length);
int town_find_service(const struct town_party *, const char *id, size_t length);

#endif
