/* SPDX-License-Identifier: MIT
 * connections: the only user of uthash in io. A dropped connection keeps its memory, and counts in all, until the turn
 * has been told: so the list of those that have gone is bounded too. */
#include "daemon/io/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Peers may choose their routing ids: the place in the table depends on a secret number. */
static unsigned hash(const void *bytes, size_t length);
#define HASH_FUNCTION(bytes, length, value) ((value) = hash(bytes, length))
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

/* The key in the table: the entrance in front of the routing id, since each socket gives its own ids. */
#define KEY_BYTES_MAX (1 + ROUTING_ID_BYTES_MAX)

struct row {
    struct connection connection;
    uint8_t key[KEY_BYTES_MAX];
    struct row *next_gone;
    UT_hash_handle by_key; /* in the order of use */
    UT_hash_handle by_handle;
};

struct connections {
    struct row *by_key;
    struct row *by_handle;
    struct row *gone_first;
    struct row *gone_last;
    struct parties *parties;
    size_t count; /* gone ones too */
    size_t most;
    uint32_t most_of_party;
    connection_t newest;
};

/* A polynomial in a secret point modulo the prime 2^61 - 1: who does not know the point cannot make keys collide. */
#define HASH_PRIME ((UINT64_C(1) << 61) - 1)
__extension__ typedef unsigned __int128 wide;
static uint64_t hash_point;

static unsigned hash(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    uint64_t sum = 1;

    for (size_t i = 0; i < length; i++) {
        wide product = (wide)sum * hash_point + byte[i];

        sum = ((uint64_t)product & HASH_PRIME) + (uint64_t)(product >> 61);
        if (sum >= HASH_PRIME)
            sum -= HASH_PRIME;
    }
    return (unsigned)sum;
}

static size_t make_key(uint8_t key[KEY_BYTES_MAX], enum entrance entrance, const void *routing_id, size_t length)
{
    assert(length <= ROUTING_ID_BYTES_MAX);
    key[0] = (uint8_t)entrance;
    memcpy(key + 1, routing_id, length);
    return length + 1;
}

/* False: out of memory; then it is in neither table. */
static bool insert(struct connections *connections, struct row *row, size_t key_length)
{
    HASH_ADD(by_key, connections->by_key, key, key_length, row);
    if (!row->by_key.tbl)
        return false;
    HASH_ADD(by_handle, connections->by_handle, connection.handle, sizeof row->connection.handle, row);
    if (!row->by_handle.tbl) {
        HASH_DELETE(by_key, connections->by_key, row);
        return false;
    }
    return true;
}

struct connections *connections_open(size_t most, uint32_t most_of_party, size_t parties_most)
{
    struct connections *connections;

    /* Drawn once: the number must stay the same while any table lives. */
    if (hash_point == 0) {
        if (getrandom(&hash_point, sizeof hash_point, 0) != (ssize_t)sizeof hash_point)
            return NULL;
        hash_point = hash_point % (HASH_PRIME - 1) + 1;
    }
    connections = calloc(1, sizeof *connections);
    if (!connections)
        return NULL;
    connections->most = most;
    connections->most_of_party = most_of_party;
    connections->parties = parties_open(parties_most);
    if (!connections->parties)
        connections_close(&connections);
    return connections;
}

void connections_close(struct connections **taken)
{
    struct connections *connections = *taken;

    *taken = NULL;
    if (!connections)
        return;
    while (connections->by_key) {
        connections->by_key->connection.known_to_turn = false;
        connections_drop(connections, &connections->by_key->connection);
    }
    while (connections_next_gone(connections))
        connections_forget_gone(connections);
    parties_close(&connections->parties);
    free(connections);
}

struct connection *connections_find(struct connections *connections, enum entrance entrance, const void *routing_id,
                                    size_t length)
{
    uint8_t key[KEY_BYTES_MAX];
    size_t key_length = make_key(key, entrance, routing_id, length);
    struct row *row;

    HASH_FIND(by_key, connections->by_key, key, key_length, row);
    if (!row)
        return NULL;
    /* uthash keeps the order of insertion: taking it out and in again makes it the youngest. It does not allocate
     * unless the table was emptied by it. */
    if (row->by_key.next) {
        HASH_DELETE(by_key, connections->by_key, row);
        HASH_ADD(by_key, connections->by_key, key, key_length, row);
    }
    return &row->connection;
}

struct connection *connections_find_handle(struct connections *connections, connection_t handle)
{
    struct row *row;

    HASH_FIND(by_handle, connections->by_handle, &handle, sizeof handle, row);
    return row ? &row->connection : NULL;
}

/* Rows by key stand in the order of use, so that the first of a party is the one that it has not used for longest. Only
 * who opens connections without end lets this search. */
static void drop_oldest_of(struct connections *connections, const struct party *party)
{
    struct row *row = connections->by_key;

    while (row->connection.party != party)
        row = row->by_key.next;
    connections_drop(connections, &row->connection);
}

struct connection *connections_add(struct connections *connections, enum entrance entrance, const void *routing_id,
                                   size_t length, const struct principal *principal)
{
    struct party *party = parties_find(connections->parties, principal->party);
    struct row *row;

    if (party && party->connections >= connections->most_of_party)
        drop_oldest_of(connections, party);
    if (!party || connections->count >= connections->most) {
        if (connections->by_key)
            connections_drop(connections, &connections->by_key->connection);
        return NULL;
    }
    row = calloc(1, sizeof *row);
    if (!row)
        return NULL;
    row->connection.handle = ++connections->newest;
    row->connection.principal = *principal;
    row->connection.party = party;
    row->connection.entrance = entrance;
    row->connection.descriptor = -1;
    row->connection.routing_id_length = (uint8_t)length;
    memcpy(row->connection.routing_id, routing_id, length);
    if (!insert(connections, row, make_key(row->key, entrance, routing_id, length))) {
        free(row);
        return NULL;
    }
    connections->count++;
    party->connections++;
    return &row->connection;
}

void connections_drop(struct connections *connections, struct connection *connection)
{
    struct row *row = (struct row *)connection; /* its first member */

    HASH_DELETE(by_key, connections->by_key, row);
    HASH_DELETE(by_handle, connections->by_handle, row);
    connection->party->connections--;
    if (!connection->known_to_turn) {
        connections->count--;
        free(row);
        return;
    }
    row->next_gone = NULL;
    if (connections->gone_last)
        connections->gone_last->next_gone = row;
    else
        connections->gone_first = row;
    connections->gone_last = row;
}

void connections_review(struct connections *connections, bool (*keep)(void *argument, const struct principal *),
                        void *argument)
{
    for (struct row *row = connections->by_key, *next; row; row = next) {
        next = row->by_key.next;
        if (!keep(argument, &row->connection.principal))
            connections_drop(connections, &row->connection);
    }
}

connection_t connections_next_gone(const struct connections *connections)
{
    return connections->gone_first ? connections->gone_first->connection.handle : 0;
}

void connections_forget_gone(struct connections *connections)
{
    struct row *row = connections->gone_first;

    assert(row);
    connections->gone_first = row->next_gone;
    if (!connections->gone_first)
        connections->gone_last = NULL;
    connections->count--;
    free(row);
}
