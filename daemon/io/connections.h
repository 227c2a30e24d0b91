/* SPDX-License-Identifier: MIT
 * connections: who is at the other end of which routing id. A routing id belongs to libzmq and may be taken by another
 * peer later, so each principal that shows up on one gets a handle of its own; handles are never used twice.
 * Bounded. For the link thread alone. */
#ifndef IO_CONNECTIONS_H
#define IO_CONNECTIONS_H

#include "daemon/io/batch.h"
#include "daemon/io/enrolled.h"
#include "daemon/io/parties.h"

#define ROUTING_ID_BYTES_MAX 255

enum entrance { ENTRANCE_PARTIES, ENTRANCE_OPERATORS, ENTRANCE_COUNT };

struct connection {
    connection_t handle;
    struct principal principal;
    struct party *party; /* whose it is, with all its other connections */
    bool said_hello;
    bool known_to_turn; /* something of it was admitted, so the turn is told when it goes */
    enum entrance entrance;
    int descriptor; /* -1: not known */
    uint8_t routing_id_length;
    uint8_t routing_id[ROUTING_ID_BYTES_MAX];
};

struct connections;

/* most: in all, most_of_party: of one party, parties_most: parties. NULL: out of memory. */
struct connections *connections_open(size_t most, uint32_t most_of_party, size_t parties_most);
void connections_close(struct connections **);

/* Borrowed until the connection is dropped; NULL when there is none. Finding one makes it the most recently used. */
struct connection *connections_find(struct connections *, enum entrance, const void *routing_id, size_t length);
struct connection *connections_find_handle(struct connections *, connection_t);
/* A party that has as many as it may loses its least recently used one. NULL when there is no memory or no room in all;
 * then the least recently used one of all has been dropped to make room for the next try. The routing id must not be in
 * use. */
struct connection *connections_add(struct connections *, enum entrance, const void *routing_id, size_t length,
                                   const struct principal *);
/* Its handle is dead from now on. */
void connections_drop(struct connections *, struct connection *);
/* Drops each one for whose principal keep returns false. */
void connections_review(struct connections *, bool (*keep)(void *argument, const struct principal *), void *argument);
/* Handles that the turn knew and that were dropped, oldest first; 0 when there is none. */
connection_t connections_next_gone(const struct connections *);
void connections_forget_gone(struct connections *);

#endif
