/* SPDX-License-Identifier: MIT
 * scratch: see scratch.h. A store engine of its own, and the turn's memory on it. */
#include "daemon/scratch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/turn_inside.h"

struct slot {
    uint8_t *bytes;
    uint32_t length;
    bool changed;
};

struct transaction {
    struct scratch_store *store;
};

struct scratch_store {
    struct store store;
    struct transaction transaction; /* the one that is always open */
    uint64_t first;
    struct slot *slots;
    size_t count;
    uint64_t *changed; /* numbers, each once */
    size_t changed_count, changed_room;
};

/* ---- the store ---- */

/* NULL: what stands in that table is not kept. */
static struct slot *slot_of(const struct transaction *transaction, enum table table, uint64_t key)
{
    const struct scratch_store *store = transaction->store;

    if (table != TABLE_REFERRAL)
        return NULL;
    assert(key >= store->first && key - store->first < store->count);
    return &store->slots[key - store->first];
}

static struct transaction *scratch_begin(struct store *store, bool write, enum store_result *why)
{
    (void)write;
    (void)why;
    return &((struct scratch_store *)store)->transaction;
}

static enum store_result scratch_get(struct transaction *transaction, enum table table, uint64_t key,
                                     const void **bytes, size_t *length)
{
    const struct slot *slot = slot_of(transaction, table, key);

    if (!slot || !slot->bytes)
        return STORE_NOT_FOUND;
    *bytes = slot->bytes;
    *length = slot->length;
    return STORE_OK;
}

static void note_changed(struct scratch_store *store, struct slot *slot, uint64_t number)
{
    if (slot->changed)
        return;
    if (store->changed_count == store->changed_room) {
        store->changed_room = store->changed_room ? 2 * store->changed_room : 16;
        store->changed = realloc(store->changed, store->changed_room * sizeof store->changed[0]);
        assert(store->changed);
    }
    slot->changed = true;
    store->changed[store->changed_count++] = number;
}

static enum store_result scratch_put(struct transaction *transaction, enum table table, uint64_t key, const void *bytes,
                                     size_t length)
{
    struct slot *slot = slot_of(transaction, table, key);

    if (!slot)
        return STORE_OK;
    uint8_t *kept = realloc(slot->bytes, length);
    assert(kept && length <= UINT32_MAX);
    memcpy(kept, bytes, length);
    slot->bytes = kept;
    slot->length = (uint32_t)length;
    note_changed(transaction->store, slot, key);
    return STORE_OK;
}

static enum store_result scratch_del(struct transaction *transaction, enum table table, uint64_t key)
{
    struct slot *slot = slot_of(transaction, table, key);

    assert(slot);
    free(slot->bytes);
    slot->bytes = NULL;
    return STORE_OK;
}

static void scratch_close_store(struct store **taken)
{
    struct scratch_store *store = (struct scratch_store *)*taken;

    *taken = NULL;
    for (size_t i = 0; i < store->count; i++)
        free(store->slots[i].bytes);
    free(store->slots);
    free(store->changed);
    free(store);
}

/* The others are never called: the turn on it looks for nothing by order, knows no postcodes, and ends no transaction.
 */
static const struct store_engine engine = {.name = "scratch",
                                           .begin = scratch_begin,
                                           .get = scratch_get,
                                           .put = scratch_put,
                                           .del = scratch_del,
                                           .close = scratch_close_store};

static struct store *open_store(uint64_t first, size_t count)
{
    struct scratch_store *store = calloc(1, sizeof *store);

    assert(store);
    store->store.engine = &engine;
    store->transaction.store = store;
    store->first = first;
    store->count = count;
    store->slots = calloc(count + 1, sizeof store->slots[0]);
    assert(store->slots);
    return &store->store;
}

/* ---- the turn ---- */

struct turn *scratch_open(struct network **network, uint64_t first, size_t count, int64_t now_ms)
{
    static const uint8_t master[SEAL_KEY_BYTES] = {0}; /* what it seals never leaves memory */
    struct turn *turn = calloc(1, sizeof *turn);

    assert(turn);
    turn->store = open_store(first, count);
    turn->seal = seal_open(master, NULL);
    assert(turn->seal);
    pthread_mutex_init(&turn->lock, NULL);
    turn->transaction = store_begin(turn->store, true, NULL);
    turn->now = now_ms;
    ledger_init(&turn->ledger, network, now_ms);
    ruling_make_scratch(turn);
    for (uint32_t i = 0; i < turn->ledger.network->hubs_count; i++)
        scratch_add_party(turn, turn->ledger.network->hubs[i].party);
    return turn;
}

void scratch_close(struct turn **turn)
{
    struct store *store = (*turn)->store;
    struct seal *seal = (*turn)->seal;

    turn_close(turn);
    seal_close(&seal);
    store_close(&store);
}

void scratch_add_party(struct turn *turn, uint32_t number)
{
    char id[16];

    if (ledger_party_at(&turn->ledger, number))
        return;
    snprintf(id, sizeof id, "party-%u", number);
    ledger_add_party(&turn->ledger, id, number, 0);
}

bool scratch_next_changed(struct turn *turn, uint64_t *number)
{
    struct scratch_store *store = (struct scratch_store *)turn->store;

    if (!store->changed_count)
        return false;
    *number = store->changed[--store->changed_count];
    store->slots[*number - store->first].changed = false;
    return true;
}

void scratch_forget(struct turn *turn, uint64_t number)
{
    store_del(turn->store, turn->transaction, TABLE_REFERRAL, number);
}
