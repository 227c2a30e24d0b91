/* SPDX-License-Identifier: MIT
 * agenda: what is to happen, the soonest first; of what is to happen at the same time, what was planned first. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include "daemon/turn.h"

struct planned {
    int64_t at;
    uint64_t order; /* of being planned */
    unsigned kind;  /* by the enum of who plans */
    int party, door;
    connection_t connection;
    uint8_t *frame; /* owned */
    size_t length;
};

struct agenda {
    struct planned *heap;
    uint32_t count, room;
    uint64_t order;
};

/* A copy of a frame, for what is planned. */
uint8_t *agenda_copy(const void *frame, size_t length);
void agenda_add(struct agenda *, struct planned);
/* Never: INT64_MAX. */
int64_t agenda_next_at(const struct agenda *);
/* The soonest, of which there is one. Its frame is the caller's. */
struct planned agenda_take(struct agenda *);
void agenda_clear(struct agenda *);

#endif
