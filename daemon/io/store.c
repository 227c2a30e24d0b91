/* SPDX-License-Identifier: MIT
 * store: the calls that stand for an engine's, and the bounds that no engine has to check again. */
#include "daemon/io/store.h"

#include <assert.h>

enum { PLACE_KEY_BYTES_MAX = 16 };

/* clang-format off */
static const char *const result_texts[] = {
    [STORE_OK]          = "stored",
    [STORE_NOT_FOUND]   = "not found",
    [STORE_FULL]        = "the store is full",
    [STORE_UNAVAILABLE] = "not stored: the store is unavailable",
    [STORE_UNKNOWN]     = "unknown whether it is stored",
    [STORE_FENCED]      = "somebody else owns the store now",
    [STORE_DAMAGED]     = "the store is damaged",
};
/* clang-format on */

struct transaction *store_begin(struct store *store, bool write, enum store_result *why)
{
    return store->engine->begin(store, write, why);
}

enum store_result store_get(struct store *store, struct transaction *transaction, enum table table, uint64_t key,
                            const void **bytes, size_t *length)
{
    assert(table < TABLE_COUNT);
    return store->engine->get(transaction, table, key, bytes, length);
}

enum store_result store_put(struct store *store, struct transaction *transaction, enum table table, uint64_t key,
                            const void *bytes, size_t length)
{
    assert(table < TABLE_COUNT);
    return store->engine->put(transaction, table, key, bytes, length);
}

enum store_result store_del(struct store *store, struct transaction *transaction, enum table table, uint64_t key)
{
    assert(table < TABLE_COUNT);
    return store->engine->del(transaction, table, key);
}

enum store_result store_seek(struct store *store, struct transaction *transaction, enum table table, bool backward,
                             uint64_t *key, const void **bytes, size_t *length)
{
    assert(table < TABLE_COUNT);
    return store->engine->seek(transaction, table, backward, key, bytes, length);
}

enum store_result store_place_get(struct store *store, struct transaction *transaction, const char *key,
                                  size_t key_length, const void **bytes, size_t *length)
{
    assert(key_length > 0 && key_length <= PLACE_KEY_BYTES_MAX);
    return store->engine->place_get(transaction, key, key_length, bytes, length);
}

enum store_result store_place_put(struct store *store, struct transaction *transaction, const char *key,
                                  size_t key_length, const void *bytes, size_t length)
{
    assert(key_length > 0 && key_length <= PLACE_KEY_BYTES_MAX);
    return store->engine->place_put(transaction, key, key_length, bytes, length);
}

enum store_result store_commit(struct store *store, struct transaction **transaction)
{
    return store->engine->commit(transaction);
}

enum store_result store_sync(struct store *store)
{
    return store->engine->sync ? store->engine->sync(store) : STORE_OK;
}

enum store_result store_settle(struct store *store)
{
    return store->engine->settle ? store->engine->settle(store) : STORE_OK;
}

void store_when_wanted(struct store *store, void (*wake)(void *), void *argument)
{
    if (store->engine->when_wanted)
        store->engine->when_wanted(store, wake, argument);
}

void store_catch_up(struct store *store, int64_t most_ms)
{
    if (store->engine->catch_up)
        store->engine->catch_up(store, most_ms);
}

void store_abort(struct store *store, struct transaction **transaction)
{
    store->engine->abort(transaction);
}

void store_usage(struct store *store, uint64_t *used, uint64_t *limit)
{
    store->engine->usage(store, used, limit);
}

void store_close(struct store **store)
{
    if (*store != NULL)
        (*store)->engine->close(store);
}

const char *store_result_text(enum store_result result)
{
    assert((size_t)result < sizeof result_texts / sizeof result_texts[0]);
    return result_texts[result];
}
