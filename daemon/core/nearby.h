/* SPDX-License-Identifier: MIT
 * nearby: which hubs may stand in a ring for a person, found without a look at every hub of the network. All of them,
 * and perhaps some that do not: what they come to is said by the rules alone. */
#ifndef CORE_NEARBY_H
#define CORE_NEARBY_H

#include "daemon/core/network.h"

#define NEARBY_WORDS ((NETWORK_HUBS_MAX + 63) / 64)

/* A set of hubs, a bit for each index; the words beyond the last hub of the network are not used. */
struct nearby {
    uint64_t words[NEARBY_WORDS];
};

/* How many elements by_area must have. */
uint32_t nearby_areas_count(const struct network *);
/* Fills by_area, stands and wide; after by_need. Of network_index. */
void nearby_index(struct network *);

void nearby_clear(const struct network *, struct nearby *);
/* Those whose home, or whose parent's, the neighbourhood is in any era, or that serve it as neighbours. */
void nearby_add_area(const struct network *, uint16_t neighbourhood, struct nearby *);
/* Those that stand so near in any era; none when the position is not known. */
void nearby_add_within(const struct network *, struct position, uint32_t metres, struct nearby *);
/* Those with a service for the need that is for everybody, wherever they live. */
void nearby_add_wide(const struct network *, enum need, struct nearby *);

/* The first of the set from this index on; UINT32_MAX: there is none. */
uint32_t nearby_next(const struct network *, const struct nearby *, uint32_t from);

#endif
