/* SPDX-License-Identifier: MIT
 * parties: rows that never move, and a table of twice as many slots with linear probes that says where each stands.
 * Names come from the keys' directory and from users, so nobody can choose them to collide. */
#include "daemon/io/parties.h"

#include <stdlib.h>
#include <string.h>

struct parties {
    struct party *rows;
    uint32_t *slots; /* row and one; 0: empty */
    size_t most;
    size_t slots_count;
};

static bool is_busy(const struct party *party)
{
    if (party->connections > 0)
        return true;
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        if (party->in_flight[worker] > 0)
            return true;
    return false;
}

/* The slot where the name stands, or would stand: half of them are empty at least. */
static uint32_t *find_slot(struct parties *parties, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    for (size_t i = hash % parties->slots_count;; i = (i + 1) % parties->slots_count)
        if (parties->slots[i] == 0 || strcmp(parties->rows[parties->slots[i] - 1].name, name) == 0)
            return &parties->slots[i];
}

/* Those of whom nothing goes on are forgotten; the others are found anew. */
static void sweep(struct parties *parties)
{
    memset(parties->slots, 0, parties->slots_count * sizeof *parties->slots);
    for (uint32_t i = 0; i < parties->most; i++) {
        if (is_busy(&parties->rows[i]))
            *find_slot(parties, parties->rows[i].name) = i + 1;
        else
            memset(&parties->rows[i], 0, sizeof parties->rows[i]);
    }
}

static struct party *take_row(struct parties *parties, const char *name)
{
    for (uint32_t i = 0; i < parties->most; i++) {
        if (parties->rows[i].name[0] != '\0')
            continue;
        strncpy(parties->rows[i].name, name, ID_BYTES_MAX);
        *find_slot(parties, name) = i + 1;
        return &parties->rows[i];
    }
    return NULL;
}

struct parties *parties_open(size_t most)
{
    struct parties *parties = calloc(1, sizeof *parties);

    if (!parties)
        return NULL;
    parties->most = most;
    parties->slots_count = 2 * most;
    parties->rows = calloc(most, sizeof *parties->rows);
    parties->slots = calloc(parties->slots_count, sizeof *parties->slots);
    if (!parties->rows || !parties->slots)
        parties_close(&parties);
    return parties;
}

void parties_close(struct parties **taken)
{
    struct parties *parties = *taken;

    *taken = NULL;
    if (!parties)
        return;
    free(parties->rows);
    free(parties->slots);
    free(parties);
}

struct party *parties_find(struct parties *parties, const char *name)
{
    uint32_t slot = *find_slot(parties, name);
    struct party *row;

    if (slot > 0)
        return &parties->rows[slot - 1];
    row = take_row(parties, name);
    if (!row) {
        sweep(parties);
        row = take_row(parties, name);
    }
    return row;
}
