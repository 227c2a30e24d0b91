/* SPDX-License-Identifier: MIT
 * store_memory: sorted arrays, made for keys that ascend. A write transaction is a second, small set of arrays laid
 * over the committed image; the commit moves it down. */
#include "tests/sim/store_memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_PLACE = TABLE_COUNT, ALL_TABLES };
enum { TRANSACTIONS_MAX = 8, KEY_BYTES = 16, ENTRY_OVERHEAD_BYTES = 64 };

/* Numbers stand in low; texts of up to 16 bytes stand in both, big-endian and padded with zeros, so that the order of
 * numbers is the order of texts. */
struct key {
    uint64_t high;
    uint64_t low;
};

struct value {
    uint32_t images; /* how many maps hold it */
    size_t length;
    unsigned char bytes[];
};

struct entry {
    struct key key;
    struct value *value; /* NULL, in a write transaction: deleted */
};

struct map {
    struct entry *entries;
    size_t count;
    size_t room;
};

/* Values are shared between images, images between the store and its readers. */
struct image {
    struct map maps[ALL_TABLES];
    uint64_t bytes;
    unsigned int users;
};

struct transaction {
    struct memory_store *store;
    struct image *image; /* NULL: this one is free */
    struct map changes[ALL_TABLES];
    uint64_t bytes; /* what the changes add before anything is given back */
    enum store_result error;
    bool write;
};

struct memory_store {
    struct store base;
    struct store_memory_faults *faults;
    struct store_memory_faults no_faults;
    struct image *image;
    enum store_result ended; /* why nothing begins any more; STORE_OK: it does */
    struct transaction transactions[TRANSACTIONS_MAX];
};

static void *need(void *memory)
{
    assert(memory != NULL);
    return memory;
}

static struct key number_key(uint64_t number)
{
    return (struct key){.low = number};
}

static struct key text_key(const char *text, size_t length)
{
    assert(length <= KEY_BYTES && memchr(text, '\0', length) == NULL);
    struct key key = {0};
    for (size_t i = 0; i < KEY_BYTES; i++) {
        uint64_t *half = i < KEY_BYTES / 2 ? &key.high : &key.low;
        *half = *half << 8 | (i < length ? (unsigned char)text[i] : 0);
    }
    return key;
}

static int key_compare(struct key a, struct key b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

/* The first entry with a key >= the given one, or count. The usual key is beyond the last. */
static size_t map_find(const struct map *map, struct key key)
{
    size_t from = 0, to = map->count;
    if (to > 0 && key_compare(map->entries[to - 1].key, key) < 0)
        return to;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (key_compare(map->entries[middle].key, key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct entry *map_get(const struct map *map, struct key key)
{
    size_t at = map_find(map, key);
    return at < map->count && key_compare(map->entries[at].key, key) == 0 ? &map->entries[at] : NULL;
}

static void value_release(struct value *value)
{
    if (value != NULL && --value->images == 0)
        free(value);
}

/* Takes over the value. */
static void map_put(struct map *map, struct key key, struct value *value)
{
    size_t at = map_find(map, key);
    if (at < map->count && key_compare(map->entries[at].key, key) == 0) {
        value_release(map->entries[at].value);
        map->entries[at].value = value;
        return;
    }
    if (map->count == map->room) {
        map->room = map->room == 0 ? 16 : 2 * map->room;
        map->entries = need(realloc(map->entries, map->room * sizeof map->entries[0]));
    }
    memmove(map->entries + at + 1, map->entries + at, (map->count - at) * sizeof map->entries[0]);
    map->entries[at] = (struct entry){.key = key, .value = value};
    map->count++;
}

static void map_del(struct map *map, struct key key)
{
    struct entry *entry = map_get(map, key);
    if (entry == NULL)
        return;
    value_release(entry->value);
    map->count--;
    memmove(entry, entry + 1, (size_t)(map->entries + map->count - entry) * sizeof *entry);
}

static void map_clear(struct map *map)
{
    for (size_t i = 0; i < map->count; i++)
        value_release(map->entries[i].value);
    map->count = 0;
}

static void map_free(struct map *map)
{
    map_clear(map);
    free(map->entries);
    *map = (struct map){0};
}

static void image_release(struct image *image)
{
    if (--image->users > 0)
        return;
    for (int i = 0; i < ALL_TABLES; i++)
        map_free(&image->maps[i]);
    free(image);
}

static struct image *image_copy(const struct image *from)
{
    struct image *image = need(calloc(1, sizeof *image));
    image->bytes = from->bytes;
    image->users = 1;
    for (int i = 0; i < ALL_TABLES; i++) {
        struct map *map = &image->maps[i];
        map->count = map->room = from->maps[i].count;
        map->entries = need(malloc(map->room * sizeof map->entries[0] + 1));
        for (size_t j = 0; j < map->count; j++) {
            map->entries[j] = from->maps[i].entries[j];
            map->entries[j].value->images++;
        }
    }
    return image;
}

static uint64_t value_cost(const struct value *value)
{
    return value->length + ENTRY_OVERHEAD_BYTES;
}

static uint64_t limit_of(const struct memory_store *store)
{
    return store->faults->limit_bytes != 0 ? store->faults->limit_bytes : UINT64_C(1) << 40;
}

static struct transaction *memory_begin(struct store *base, bool write, enum store_result *why)
{
    struct memory_store *store = (struct memory_store *)base;
    struct transaction *transaction = NULL;
    for (int i = 0; i < TRANSACTIONS_MAX; i++) {
        struct transaction *other = &store->transactions[i];
        assert(other->image == NULL || !write || !other->write);
        if (other->image == NULL && transaction == NULL)
            transaction = other;
    }
    assert(transaction != NULL);
    if (store->ended != STORE_OK) {
        if (why != NULL)
            *why = store->ended;
        return NULL;
    }
    transaction->store = store;
    transaction->image = store->image;
    transaction->image->users++;
    transaction->bytes = 0;
    transaction->error = STORE_OK;
    transaction->write = write;
    return transaction;
}

static enum store_result found(const struct value *value, const void **bytes, size_t *length)
{
    if (value == NULL)
        return STORE_NOT_FOUND;
    *bytes = value->bytes;
    *length = value->length;
    return STORE_OK;
}

static struct value *value_at(const struct transaction *transaction, int table, struct key key)
{
    const struct entry *entry = map_get(&transaction->changes[table], key);
    if (entry == NULL)
        entry = map_get(&transaction->image->maps[table], key);
    return entry != NULL ? entry->value : NULL;
}

/* A transaction keeps its first error; a call may be the one that is to fail. */
static enum store_result check(struct transaction *transaction)
{
    struct store_memory_faults *faults = transaction->store->faults;
    assert(transaction->image != NULL);
    if (transaction->error == STORE_OK && faults->fail_call != 0 && --faults->fail_call == 0)
        transaction->error = STORE_DAMAGED;
    return transaction->error;
}

static enum store_result get_value(struct transaction *transaction, int table, struct key key, const void **bytes,
                                   size_t *length)
{
    if (check(transaction) != STORE_OK)
        return transaction->error;
    return found(value_at(transaction, table, key), bytes, length);
}

static enum store_result put_value(struct transaction *transaction, int table, struct key key, const void *bytes,
                                   size_t length)
{
    assert(transaction->write);
    if (check(transaction) != STORE_OK)
        return transaction->error;
    struct value *value = need(malloc(sizeof *value + length));
    value->images = 1;
    value->length = length;
    if (length > 0)
        memcpy(value->bytes, bytes, length);
    map_put(&transaction->changes[table], key, value);
    transaction->bytes += value_cost(value);
    if (transaction->image->bytes + transaction->bytes > limit_of(transaction->store))
        transaction->error = STORE_FULL;
    return transaction->error;
}

static enum store_result memory_get(struct transaction *transaction, enum table table, uint64_t key, const void **bytes,
                                    size_t *length)
{
    return get_value(transaction, (int)table, number_key(key), bytes, length);
}

static enum store_result memory_put(struct transaction *transaction, enum table table, uint64_t key, const void *bytes,
                                    size_t length)
{
    return put_value(transaction, (int)table, number_key(key), bytes, length);
}

static enum store_result memory_del(struct transaction *transaction, enum table table, uint64_t key)
{
    assert(transaction->write);
    if (check(transaction) != STORE_OK)
        return transaction->error;
    if (value_at(transaction, (int)table, number_key(key)) == NULL)
        return STORE_NOT_FOUND;
    map_put(&transaction->changes[table], number_key(key), NULL);
    return STORE_OK;
}

/* The nearest entry of one map, in the given direction, at or beyond the key. */
static const struct entry *map_nearest(const struct map *map, bool backward, struct key key)
{
    size_t at = map_find(map, key);
    bool exact = at < map->count && key_compare(map->entries[at].key, key) == 0;
    if (backward && !exact)
        return at > 0 ? &map->entries[at - 1] : NULL;
    return at < map->count ? &map->entries[at] : NULL;
}

/* Of two entries the nearer one; of two with the same key the first. */
static const struct entry *nearer(const struct entry *a, const struct entry *b, bool backward)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    int order = key_compare(a->key, b->key);
    return (backward ? -order : order) <= 0 ? a : b;
}

/* Keys of one table differ in one half only where this steps on: in low, or, for texts, over the carry. */
static bool key_step(struct key *key, bool backward)
{
    if (backward) {
        if (key->low-- == 0)
            return key->high-- != 0;
        return true;
    }
    if (++key->low == 0)
        return ++key->high != 0;
    return true;
}

static const struct entry *nearest(const struct transaction *transaction, int table, bool backward, struct key key)
{
    for (;;) {
        const struct entry *change = map_nearest(&transaction->changes[table], backward, key);
        const struct entry *kept = map_nearest(&transaction->image->maps[table], backward, key);
        const struct entry *entry = nearer(change, kept, backward);
        if (entry == NULL || entry->value != NULL)
            return entry;
        key = entry->key; /* deleted by this transaction: look beyond it */
        if (!key_step(&key, backward))
            return NULL;
    }
}

static enum store_result memory_seek(struct transaction *transaction, enum table table, bool backward, uint64_t *key,
                                     const void **bytes, size_t *length)
{
    if (check(transaction) != STORE_OK)
        return transaction->error;
    const struct entry *entry = nearest(transaction, (int)table, backward, number_key(*key));
    if (entry == NULL)
        return STORE_NOT_FOUND;
    *key = entry->key.low;
    return found(entry->value, bytes, length);
}

static enum store_result memory_place_get(struct transaction *transaction, const char *key, size_t key_length,
                                          const void **bytes, size_t *length)
{
    return get_value(transaction, TABLE_PLACE, text_key(key, key_length), bytes, length);
}

static enum store_result memory_place_put(struct transaction *transaction, const char *key, size_t key_length,
                                          const void *bytes, size_t length)
{
    return put_value(transaction, TABLE_PLACE, text_key(key, key_length), bytes, length);
}

/* The arrays of the changes stay for the next transaction. */
static void release(struct transaction *transaction)
{
    for (int i = 0; i < ALL_TABLES; i++)
        map_clear(&transaction->changes[i]);
    image_release(transaction->image);
    transaction->image = NULL;
}

static void memory_abort(struct transaction **transaction)
{
    assert((*transaction)->image != NULL);
    release(*transaction);
    *transaction = NULL;
}

static void apply_change(struct image *image, int table, struct entry *change)
{
    struct map *map = &image->maps[table];
    const struct entry *old = map_get(map, change->key);
    if (old != NULL)
        image->bytes -= value_cost(old->value);
    if (change->value == NULL) {
        map_del(map, change->key);
        return;
    }
    image->bytes += value_cost(change->value);
    map_put(map, change->key, change->value);
}

static void apply(struct transaction *transaction)
{
    struct memory_store *store = transaction->store;
    if (store->image->users > 2) { /* more than the store and this transaction: readers keep what they began with */
        struct image *copy = image_copy(store->image);
        image_release(store->image);
        store->image = copy;
    }
    for (int i = 0; i < ALL_TABLES; i++) {
        struct map *changes = &transaction->changes[i];
        for (size_t j = 0; j < changes->count; j++)
            apply_change(store->image, i, &changes->entries[j]);
        changes->count = 0;
    }
}

/* clang-format off */
static const struct {
    enum store_result result;
    bool stored;
    bool ends; /* nothing begins until the reopen */
} fates[] = {
    [MEMORY_FAULT_NONE]           = {STORE_OK,          true,  false},
    [MEMORY_FAULT_FULL]           = {STORE_FULL,        false, false},
    [MEMORY_FAULT_UNAVAILABLE]    = {STORE_UNAVAILABLE, false, false},
    [MEMORY_FAULT_FENCED]         = {STORE_FENCED,      false, true},
    [MEMORY_FAULT_UNKNOWN_STORED] = {STORE_UNKNOWN,     true,  true},
    [MEMORY_FAULT_UNKNOWN_LOST]   = {STORE_UNKNOWN,     false, true},
};
/* clang-format on */

/* What changes nothing writes nothing, and cannot fail. */
static bool has_changes(const struct transaction *transaction)
{
    bool has = false;
    for (int i = 0; i < ALL_TABLES; i++)
        has = has || transaction->changes[i].count > 0;
    return has;
}

static enum store_result memory_commit(struct transaction **transaction)
{
    struct memory_store *store = (*transaction)->store;
    enum store_result result = (*transaction)->error;
    assert((*transaction)->image != NULL);
    if (result == STORE_OK && has_changes(*transaction)) {
        enum memory_fault fault = store->faults->next_commit;
        store->faults->next_commit = MEMORY_FAULT_NONE;
        result = fates[fault].result;
        if (fates[fault].stored)
            apply(*transaction);
        if (fates[fault].ends)
            store->ended = result;
    }
    memory_abort(transaction);
    return result;
}

static void memory_usage(struct store *base, uint64_t *used, uint64_t *limit)
{
    const struct memory_store *store = (const struct memory_store *)base;
    *used = store->image->bytes;
    *limit = limit_of(store);
}

static void memory_close(struct store **base)
{
    struct memory_store *store = (struct memory_store *)*base;
    for (int i = 0; i < TRANSACTIONS_MAX; i++) {
        assert(store->transactions[i].image == NULL);
        for (int j = 0; j < ALL_TABLES; j++)
            map_free(&store->transactions[i].changes[j]);
    }
    image_release(store->image);
    free(store);
    *base = NULL;
}

static const struct store_engine engine = {
    .name = "memory",
    .begin = memory_begin,
    .get = memory_get,
    .put = memory_put,
    .del = memory_del,
    .seek = memory_seek,
    .place_get = memory_place_get,
    .place_put = memory_place_put,
    .commit = memory_commit,
    .abort = memory_abort,
    .usage = memory_usage,
    .close = memory_close,
};

struct store *store_memory_open(struct store_memory_faults *faults)
{
    struct memory_store *store = need(calloc(1, sizeof *store));
    store->base.engine = &engine;
    store->faults = faults != NULL ? faults : &store->no_faults;
    store->image = need(calloc(1, sizeof *store->image));
    store->image->users = 1;
    return &store->base;
}

void store_memory_crash(struct store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    for (int i = 0; i < TRANSACTIONS_MAX; i++)
        if (store->transactions[i].image != NULL)
            release(&store->transactions[i]);
    store->ended = STORE_UNAVAILABLE;
}

void store_memory_reopen(struct store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    for (int i = 0; i < TRANSACTIONS_MAX; i++)
        assert(store->transactions[i].image == NULL);
    store->ended = STORE_OK;
}

bool store_memory_flip_bit(struct store *base, enum table table, uint64_t key, uint64_t bit)
{
    struct memory_store *store = (struct memory_store *)base;
    const struct entry *entry = map_get(&store->image->maps[table], number_key(key));
    if (entry == NULL || entry->value->length == 0)
        return false;
    entry->value->bytes[bit / 8 % entry->value->length] ^= (unsigned char)(1u << (bit % 8));
    return true;
}
