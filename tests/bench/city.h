/* SPDX-License-Identifier: MIT
 * city: an invented network of any number of hubs with thirty services each, and with every kind of rule in it. */
#ifndef BENCH_CITY_H
#define BENCH_CITY_H

#include "tests/networks.h"

#define CITY_SERVICES 30       /* of a hub */
#define CITY_NEEDS 26          /* of the vocabulary, from 1 on */
#define CITY_NEIGHBOURHOODS 33 /* home to five of a hub */
#define CITY_SENDER "surgery"

struct city {
    struct network *network; /* as network_parse makes one: network_free takes it */
    struct places *places;   /* some free, some full, some stated long ago */
    struct pace pace;
};

/* Out of memory ends the program. */
void city_build(struct city *, uint32_t hubs, uint64_t *random);
void city_destroy(struct city *); /* also when its network has been taken */
struct position city_position(uint64_t *random);

/* Zeroed memory. */
void *city_table(size_t count, size_t size);
/* Nanoseconds of CPU that this thread has used: what others do on the machine does not count. */
int64_t city_now_ns(void);
int city_compare_times(const void *, const void *); /* for qsort */

#endif
