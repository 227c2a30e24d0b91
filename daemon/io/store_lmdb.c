/* SPDX-License-Identifier: MIT
 * store_lmdb: the only file that knows LMDB. Many commits share one write transaction of LMDB: each is made durable by
 * the redo log, with one write and one sync, and is seen by who reads when the shared transaction has been committed
 * (settled). That is done when somebody waits to read, when the redo log is half full, and when the writer is idle.
 *
 * Never WRITEMAP or NOSYNC: LMDB's commit writes and syncs its pages, then writes the meta page that names them. That
 * page is on the disk after the sync of the next such commit (NOMETASYNC); until then the redo log keeps the interval
 * before, too. Keys are big-endian, so that the order of bytes is the order of numbers. */
#include "daemon/io/store_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/clock.h"
#include "daemon/io/explanation.h"
#include "daemon/io/redo.h"
#include "daemon/io/store_directory.h"

enum { DATA_IS_OLDER = MDB_LAST_ERRCODE + 1 }; /* beside LMDB's codes */

/* The place table stands behind the numbered ones. */
enum { TABLE_PLACE = TABLE_COUNT, ALL_TABLES };
enum { KEY_BYTES = 8, READERS_MAX = 64, PATH_BYTES = 4096 };
/* A file of the redo log is a small part of the map, which must hold the pages of its changes and those that they
 * replace. */
enum { REDO_FILES_IN_MAP = 32, REDO_BYTES_LEAST = 128 << 10 };
/* Of the map: what one change needs at most; what a commit needs besides, for the free list and the ends of tables. */
enum { PAGES_OF_CHANGE = 3, PAGES_SPARE = 64 };

/* Names on disk: never reused, new ones are appended. */
/* clang-format off */
static const char *const table_names[ALL_TABLES] = {
    [TABLE_META]     = "meta",
    [TABLE_PARTY]    = "party",
    [TABLE_CAPACITY] = "capacity",
    [TABLE_NETWORK]  = "network",
    [TABLE_CONTENT]  = "content",
    [TABLE_REFERRAL] = "referral",
    [TABLE_HISTORY]  = "history",
    [TABLE_UNMET]    = "unmet",
    [TABLE_REQUEST]  = "request",
    [TABLE_ENQUIRY]  = "enquiry",
    [TABLE_OWED]     = "owed",
    [TABLE_PLACE]    = "place",
};
/* clang-format on */

struct transaction {
    struct store_lmdb *store;
    MDB_txn *txn;
    MDB_cursor *cursors[ALL_TABLES]; /* opened by the first seek or put in a table */
    enum store_result error;         /* the first one */
    bool write;
};

struct store_lmdb {
    struct store base;
    MDB_env *env;
    int lock;
    MDB_dbi tables[ALL_TABLES];
    /* No stored key is greater than this. A key beyond it is appended: the page before stays full instead of being
     * split in half. Zero: nothing known, so key 0 itself is never appended. */
    uint64_t greatest[TABLE_COUNT];
    _Atomic int ended; /* STORE_UNKNOWN or STORE_DAMAGED once a commit has said so: nothing begins any more */
    struct redo *redo;
    uint64_t settled_used; /* bytes of the map that settled pages need */
    _Atomic uint64_t used; /* with what has been written since: its pages, and as many that they replace */
    uint64_t limit;        /* all of it */
    uint64_t needed;       /* bytes of the map that what was written since may need beside settled pages */
    size_t page_bytes;
    struct transaction shared; /* of all commits since it was settled; its txn is NULL when there is none */
    _Atomic pthread_t writer;  /* whose `shared` is: LMDB lets nobody else commit it */
    bool writing;
    /* Numbers of commits since the store was opened. */
    _Atomic uint64_t written, settled, durable;
    pthread_mutex_t syncing; /* who waits for the sync of another mostly needs none of its own */
    pthread_mutex_t settling;
    pthread_cond_t has_settled;
    atomic_bool wanted; /* somebody waits to read what is not settled */
    void (*wake)(void *);
    void *wake_argument;
};

static enum store_result result_of(int rc, enum store_result otherwise)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STORE_OK;
    case MDB_NOTFOUND:
        return STORE_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return STORE_FULL;
    case MDB_PANIC:
        return STORE_UNKNOWN;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_BAD_TXN: /* these four: what this file asks for is never wrong, so what is stored is */
    case MDB_BAD_DBI:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_KEYEXIST: /* an appended key that is not the greatest: the order on disk is broken */
        return STORE_DAMAGED;
    default:
        return otherwise;
    }
}

/* Translates, and keeps the first error. Before the commit nothing is stored, whatever has happened. */
static enum store_result keep(struct transaction *transaction, int rc)
{
    enum store_result result = result_of(rc, STORE_UNAVAILABLE);
    if (result != STORE_OK && result != STORE_NOT_FOUND)
        transaction->error = result;
    return result;
}

static void key_write(unsigned char bytes[KEY_BYTES], uint64_t key)
{
    for (int i = KEY_BYTES - 1; i >= 0; i--, key >>= 8)
        bytes[i] = (unsigned char)key;
}

static uint64_t key_read(const MDB_val *value)
{
    const unsigned char *bytes = value->mv_data;
    uint64_t key = 0;
    for (int i = 0; i < KEY_BYTES; i++)
        key = key << 8 | bytes[i];
    return key;
}

/* LMDB's one struct serves keys and values, in and out, and so has no const; it does not write through this. */
static MDB_val value_of(const void *bytes, size_t length)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = bytes};
    return (MDB_val){.mv_size = length, .mv_data = pointer.out};
}

/* The number of the newest transaction that has written something. Not beside one that is being committed: LMDB reads
 * it from the page that the commit writes. */
static uint64_t newest_written(const struct store_lmdb *store)
{
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    return info.me_last_txnid;
}

static void end_store(struct store_lmdb *store, enum store_result how)
{
    atomic_store(&store->ended, (int)how);
    pthread_mutex_lock(&store->settling);
    pthread_cond_broadcast(&store->has_settled);
    pthread_mutex_unlock(&store->settling);
}

static enum store_result ended(const struct store_lmdb *store)
{
    return (enum store_result)atomic_load(&store->ended);
}

/* A sync that fails ends the store, as a commit does. */
static enum store_result sync_written(struct store_lmdb *store)
{
    pthread_mutex_lock(&store->syncing);
    uint64_t number = atomic_load(&store->written);
    if (ended(store) == STORE_OK && atomic_load(&store->durable) < number) {
        if (redo_sync(store->redo))
            atomic_store(&store->durable, number);
        else
            end_store(store, STORE_UNKNOWN);
    }
    pthread_mutex_unlock(&store->syncing);
    return ended(store);
}

static void close_cursors(struct transaction *transaction)
{
    for (int i = 0; i < ALL_TABLES; i++)
        if (transaction->cursors[i] != NULL)
            mdb_cursor_close(transaction->cursors[i]);
    memset(transaction->cursors, 0, sizeof transaction->cursors);
}

/* ---- the shared transaction ---- */

static void tell_settled(struct store_lmdb *store)
{
    pthread_mutex_lock(&store->settling);
    atomic_store(&store->wanted, false);
    atomic_store(&store->settled, atomic_load(&store->written));
    pthread_cond_broadcast(&store->has_settled);
    pthread_mutex_unlock(&store->settling);
}

static enum store_result commit_shared(struct store_lmdb *store)
{
    MDB_txn *txn = store->shared.txn;
    close_cursors(&store->shared);
    store->shared.txn = NULL;
    return result_of(mdb_txn_commit(txn), STORE_UNKNOWN);
}

/* Pages that LMDB holds for reuse; of them, those that the newest commit has freed, which the next cannot use yet. Each
 * record of the free list begins with their number, so that only its first word is read. */
static int count_free(MDB_env *env, uint64_t newest, uint64_t *pages, uint64_t *newest_pages)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    *pages = *newest_pages = 0;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc == MDB_SUCCESS) {
        while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
            size_t count, freed_by;
            memcpy(&count, value.mv_data, sizeof count);
            memcpy(&freed_by, key.mv_data, sizeof freed_by);
            *pages += count;
            *newest_pages += freed_by >= newest ? count : 0;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static size_t redo_bytes(uint64_t limit)
{
    uint64_t part = limit / REDO_FILES_IN_MAP;
    return part < REDO_BYTES_LEAST ? REDO_BYTES_LEAST : part < REDO_BYTES_MAX ? part : REDO_BYTES_MAX;
}

/* What cannot be counted is not free. */
static int look_at_map(struct store_lmdb *store)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t unused, newest_unused;
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    int rc = count_free(store->env, info.me_last_txnid, &unused, &newest_unused);
    uint64_t pages = info.me_last_pgno + 1;
    store->settled_used = (pages > unused ? pages - unused : 0) * stat.ms_psize;
    atomic_store(&store->used, store->settled_used);
    store->page_bytes = stat.ms_psize;
    store->needed = newest_unused * stat.ms_psize;
    return rc;
}

/* The next interval goes where that before this one stood: it is not needed any more, since this commit of LMDB has
 * synced the meta page of the one before. */
static int begin_interval(struct store_lmdb *store)
{
    pthread_mutex_lock(&store->syncing);
    redo_begin(store->redo, newest_written(store));
    pthread_mutex_unlock(&store->syncing);
    return look_at_map(store);
}

/* After a failed write or sync nobody knows what the disk holds, and a second sync may lie: the store ends, and the
 * restart decides from what is stored. */
static enum store_result settle(struct store_lmdb *store)
{
    assert(!store->writing);
    if (ended(store) != STORE_OK || store->shared.txn == NULL)
        return ended(store);
    enum store_result result = commit_shared(store);
    if (result != STORE_OK)
        end_store(store, result == STORE_DAMAGED ? result : STORE_UNKNOWN);
    else if (atomic_load(&store->settled) < atomic_load(&store->written) && sync_written(store) == STORE_OK) {
        begin_interval(store);
        tell_settled(store);
    }
    return ended(store);
}

/* Returns LMDB's code. */
static int open_shared(struct store_lmdb *store)
{
    store->writer = pthread_self();
    store->shared = (struct transaction){.store = store, .write = true};
    return mdb_txn_begin(store->env, NULL, 0, &store->shared.txn);
}

static bool is_writer(const struct store_lmdb *store)
{
    return pthread_equal(store->writer, pthread_self());
}

static bool is_due(const struct store_lmdb *store)
{
    return redo_is_full(store->redo) || atomic_load(&store->wanted);
}

static enum store_result begin_write(struct store_lmdb *store, struct transaction **transaction)
{
    assert(!store->writing && (store->shared.txn == NULL || is_writer(store)));
    enum store_result result = is_due(store) ? settle(store) : ended(store);
    if (result == STORE_OK && store->shared.txn == NULL)
        result = result_of(open_shared(store), STORE_UNAVAILABLE);
    if (result != STORE_OK)
        return result;
    store->writing = true;
    *transaction = &store->shared;
    return STORE_OK;
}

/* ---- transactions ---- */

static void lmdb_catch_up(struct store *base, int64_t most_ms)
{
    struct store_lmdb *store = (struct store_lmdb *)base;
    struct timespec until = clock_steady_in(most_ms);
    uint64_t number = atomic_load(&store->written);
    int rc = 0;
    if (atomic_load(&store->settled) >= number)
        return;
    assert(store->wake != NULL); /* others read */
    atomic_store(&store->wanted, true);
    store->wake(store->wake_argument);
    pthread_mutex_lock(&store->settling);
    while (atomic_load(&store->settled) < number && ended(store) == STORE_OK && rc == 0)
        rc = pthread_cond_timedwait(&store->has_settled, &store->settling, &until);
    pthread_mutex_unlock(&store->settling);
}

static enum store_result begin_read(struct store_lmdb *store, struct transaction **transaction)
{
    bool is_behind = atomic_load(&store->settled) < atomic_load(&store->written);
    enum store_result result = is_behind && is_writer(store) ? settle(store) : ended(store);
    if (result != STORE_OK)
        return result;
    *transaction = malloc(sizeof **transaction);
    if (*transaction == NULL)
        return STORE_UNAVAILABLE;
    **transaction = (struct transaction){.store = store};
    result = result_of(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &(*transaction)->txn), STORE_UNAVAILABLE);
    if (result != STORE_OK)
        free(*transaction);
    return result;
}

static struct transaction *lmdb_begin(struct store *base, bool write, enum store_result *why)
{
    struct store_lmdb *store = (struct store_lmdb *)base;
    struct transaction *transaction = NULL;
    enum store_result result = write ? begin_write(store, &transaction) : begin_read(store, &transaction);
    if (result == STORE_OK)
        return transaction;
    if (why != NULL)
        *why = result;
    return NULL;
}

static enum store_result get_value(struct transaction *transaction, int table, MDB_val key, const void **bytes,
                                   size_t *length)
{
    if (transaction->error != STORE_OK)
        return transaction->error;
    MDB_val value;
    enum store_result result =
        keep(transaction, mdb_get(transaction->txn, transaction->store->tables[table], &key, &value));
    if (result == STORE_OK) {
        *bytes = value.mv_data;
        *length = value.mv_size;
    }
    return result;
}

static MDB_cursor *cursor_of(struct transaction *transaction, int table)
{
    MDB_cursor **cursor = &transaction->cursors[table];
    if (transaction->error == STORE_OK && *cursor == NULL)
        keep(transaction, mdb_cursor_open(transaction->txn, transaction->store->tables[table], cursor));
    return transaction->error == STORE_OK ? *cursor : NULL;
}

/* A key that is greater than all others is appended. */
static unsigned int flags_of(const struct store_lmdb *store, int table, uint64_t key)
{
    return table != TABLE_PLACE && key > store->greatest[table] ? MDB_APPEND : 0;
}

static void note_key(struct store_lmdb *store, int table, uint64_t key)
{
    if (table != TABLE_PLACE && key > store->greatest[table])
        store->greatest[table] = key;
}

/* A key in the middle may need its leaf anew, one that is split off, and the branch above; what is appended goes where
 * the one before it went. */
static void add_change(struct transaction *transaction, int table, bool deleted, bool appended, const MDB_val *key,
                       const MDB_val *value)
{
    struct store_lmdb *store = transaction->store;
    store->needed += 2 * (key->mv_size + value->mv_size) + (appended ? 0 : PAGES_OF_CHANGE * store->page_bytes);
    redo_add(store->redo, &(struct redo_change){.table = (uint8_t)table,
                                                .deleted = deleted,
                                                .key = key->mv_data,
                                                .key_length = key->mv_size,
                                                .bytes = value->mv_data,
                                                .length = value->mv_size});
}

/* By a cursor, which stays where it was last put: most keys of a turn stand beside one another. */
static enum store_result put_value(struct transaction *transaction, int table, MDB_val key, const void *bytes,
                                   size_t length, unsigned int flags)
{
    assert(transaction->write);
    MDB_cursor *cursor = cursor_of(transaction, table);
    if (cursor == NULL)
        return transaction->error;
    MDB_val value = value_of(bytes, length);
    enum store_result result = keep(transaction, mdb_cursor_put(cursor, &key, &value, flags));
    if (result == STORE_OK)
        add_change(transaction, table, false, flags & MDB_APPEND, &key, &value);
    return result;
}

static enum store_result lmdb_get(struct transaction *transaction, enum table table, uint64_t key, const void **bytes,
                                  size_t *length)
{
    unsigned char key_bytes[KEY_BYTES];
    key_write(key_bytes, key);
    return get_value(transaction, (int)table, value_of(key_bytes, KEY_BYTES), bytes, length);
}

static enum store_result lmdb_put(struct transaction *transaction, enum table table, uint64_t key, const void *bytes,
                                  size_t length)
{
    unsigned char key_bytes[KEY_BYTES];
    key_write(key_bytes, key);
    enum store_result result = put_value(transaction, (int)table, value_of(key_bytes, KEY_BYTES), bytes, length,
                                         flags_of(transaction->store, (int)table, key));
    if (result == STORE_OK)
        note_key(transaction->store, (int)table, key);
    return result;
}

static enum store_result lmdb_del(struct transaction *transaction, enum table table, uint64_t key)
{
    assert(transaction->write);
    if (transaction->error != STORE_OK)
        return transaction->error;
    unsigned char key_bytes[KEY_BYTES];
    key_write(key_bytes, key);
    MDB_val key_value = value_of(key_bytes, KEY_BYTES);
    enum store_result result =
        keep(transaction, mdb_del(transaction->txn, transaction->store->tables[table], &key_value, NULL));
    if (result == STORE_OK)
        add_change(transaction, (int)table, true, false, &key_value, &(MDB_val){0});
    return result;
}

/* The last entry with a key <= the given one: the cursor is on the first >= it, or, after NOTFOUND, nowhere. */
static int step_back(MDB_cursor *cursor, int rc, uint64_t key, MDB_val *found, MDB_val *value)
{
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, found, value, MDB_LAST);
    if (rc == MDB_SUCCESS && found->mv_size == KEY_BYTES && key_read(found) != key)
        return mdb_cursor_get(cursor, found, value, MDB_PREV);
    return rc;
}

/* Where a changed bit has put keys out of their order, LMDB may answer with one that was not asked for. */
static bool is_on_the_wrong_side(uint64_t found, uint64_t asked, bool backward)
{
    return backward ? found > asked : found < asked;
}

static enum store_result lmdb_seek(struct transaction *transaction, enum table table, bool backward, uint64_t *key,
                                   const void **bytes, size_t *length)
{
    MDB_cursor *cursor = cursor_of(transaction, (int)table);
    if (cursor == NULL)
        return transaction->error;
    unsigned char key_bytes[KEY_BYTES];
    key_write(key_bytes, *key);
    MDB_val found = value_of(key_bytes, KEY_BYTES), value;
    int rc = mdb_cursor_get(cursor, &found, &value, MDB_SET_RANGE);
    if (backward)
        rc = step_back(cursor, rc, *key, &found, &value);
    if (rc == MDB_SUCCESS && (found.mv_size != KEY_BYTES || is_on_the_wrong_side(key_read(&found), *key, backward)))
        rc = MDB_CORRUPTED;
    enum store_result result = keep(transaction, rc);
    if (result == STORE_OK) {
        *key = key_read(&found);
        *bytes = value.mv_data;
        *length = value.mv_size;
    }
    return result;
}

static enum store_result lmdb_place_get(struct transaction *transaction, const char *key, size_t key_length,
                                        const void **bytes, size_t *length)
{
    return get_value(transaction, TABLE_PLACE, value_of(key, key_length), bytes, length);
}

static enum store_result lmdb_place_put(struct transaction *transaction, const char *key, size_t key_length,
                                        const void *bytes, size_t length)
{
    return put_value(transaction, TABLE_PLACE, value_of(key, key_length), bytes, length, 0);
}

static void end_read(struct transaction **transaction)
{
    close_cursors(*transaction);
    mdb_txn_abort((*transaction)->txn);
    free(*transaction);
}

/* Changes of the redo log, into the shared transaction, until LMDB refuses one. */
struct repetition {
    struct store_lmdb *store;
    int rc;
};

/* What is deleted was there when that was written. */
static bool do_again(void *argument, const struct redo_change *change)
{
    struct repetition *repetition = argument;
    struct store_lmdb *store = repetition->store;
    MDB_val key = value_of(change->key, change->key_length), value = value_of(change->bytes, change->length);
    assert(change->table < ALL_TABLES && (change->table == TABLE_PLACE || change->key_length == KEY_BYTES));
    uint64_t number = change->table == TABLE_PLACE ? 0 : key_read(&key);
    MDB_dbi table = store->tables[change->table];
    if (change->deleted)
        repetition->rc = mdb_del(store->shared.txn, table, &key, NULL);
    else
        repetition->rc = mdb_put(store->shared.txn, table, &key, &value, flags_of(store, change->table, number));
    if (repetition->rc == MDB_SUCCESS)
        note_key(store, change->table, number);
    return repetition->rc == MDB_SUCCESS;
}

/* The interval that begins at LMDB's newest commit; *number becomes that of its last batch. */
static int do_interval_again(struct store_lmdb *store, uint64_t *number)
{
    struct repetition repetition = {store, MDB_SUCCESS};
    switch (redo_read(store->redo, newest_written(store), number, do_again, &repetition)) {
    case REDO_DONE:
        return MDB_SUCCESS;
    case REDO_STOPPED:
        return repetition.rc == MDB_NOTFOUND ? MDB_CORRUPTED : repetition.rc;
    case REDO_FAILED:
        return errno;
    default:
        return MDB_CORRUPTED;
    }
}

static int find_greatest(struct store_lmdb *store, MDB_txn *txn, int table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, store->tables[table], &cursor);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == MDB_SUCCESS && key.mv_size != KEY_BYTES)
        rc = MDB_CORRUPTED;
    if (rc == MDB_SUCCESS)
        store->greatest[table] = key_read(&key);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static bool reopen_interval(struct store_lmdb *store)
{
    uint64_t number = 0;
    int rc = open_shared(store);
    for (int i = 0; i < TABLE_COUNT && rc == MDB_SUCCESS; i++)
        rc = find_greatest(store, store->shared.txn, i);
    return rc == MDB_SUCCESS && do_interval_again(store, &number) == MDB_SUCCESS &&
           number == atomic_load(&store->written);
}

/* What this commit has changed goes with the whole shared transaction; what those before had changed is done again. */
static void undo(struct store_lmdb *store)
{
    redo_forget(store->redo);
    close_cursors(&store->shared);
    if (store->shared.txn != NULL)
        mdb_txn_abort(store->shared.txn);
    store->shared.txn = NULL;
    if (atomic_load(&store->settled) < atomic_load(&store->written) && !reopen_interval(store))
        end_store(store, STORE_UNKNOWN);
}

static void lmdb_abort(struct transaction **transaction)
{
    struct store_lmdb *store = (*transaction)->store;
    if (!(*transaction)->write) {
        end_read(transaction);
    } else {
        store->writing = false;
        if ((*transaction)->error != STORE_OK || !redo_is_empty(store->redo))
            undo(store);
    }
    *transaction = NULL;
}

/* What has no room in the redo log, or might have none in the map, is settled at once, with a sync of its own, for
 * which also waits who has read it before. */
static enum store_result commit_directly(struct store_lmdb *store, uint64_t number)
{
    pthread_mutex_lock(&store->syncing);
    enum store_result result = commit_shared(store);
    if (result == STORE_OK && mdb_env_sync(store->env, 1) != MDB_SUCCESS)
        result = STORE_UNKNOWN;
    if (result == STORE_OK) {
        atomic_store(&store->written, number);
        atomic_store(&store->durable, number);
    } else if (result != STORE_FULL) {
        end_store(store, result);
    }
    pthread_mutex_unlock(&store->syncing);
    if (result == STORE_FULL) {
        undo(store);
        return ended(store) == STORE_OK ? result : ended(store);
    }
    redo_forget(store->redo);
    if (result == STORE_OK) {
        begin_interval(store);
        tell_settled(store);
    }
    return result;
}

/* Then a commit is LMDB's own, so that none is promised that then has no room. */
static bool is_tight(const struct store_lmdb *store)
{
    return store->settled_used + store->needed + PAGES_SPARE * store->page_bytes > store->limit;
}

static enum store_result commit_write(struct store_lmdb *store)
{
    uint64_t number = atomic_load(&store->written) + 1;
    if (redo_is_empty(store->redo))
        return STORE_OK;
    switch (is_tight(store) ? REDO_NO_ROOM : redo_write(store->redo, number, atomic_load(&store->durable))) {
    case REDO_DONE:
        atomic_store(&store->used, store->settled_used + 2 * redo_used(store->redo));
        atomic_store(&store->written, number);
        return STORE_OK;
    case REDO_NO_ROOM:
        return commit_directly(store, number);
    default:
        end_store(store, STORE_UNKNOWN);
        return STORE_UNKNOWN;
    }
}

static enum store_result lmdb_commit(struct transaction **transaction)
{
    struct store_lmdb *store = (*transaction)->store;
    enum store_result result = (*transaction)->error;
    if (result != STORE_OK || !(*transaction)->write) {
        lmdb_abort(transaction);
        return result;
    }
    store->writing = false;
    *transaction = NULL;
    return commit_write(store);
}

static enum store_result lmdb_sync(struct store *base)
{
    return sync_written((struct store_lmdb *)base);
}

static void lmdb_when_wanted(struct store *base, void (*wake)(void *), void *argument)
{
    struct store_lmdb *store = (struct store_lmdb *)base;
    store->wake = wake;
    store->wake_argument = argument;
}

static enum store_result lmdb_settle(struct store *base)
{
    return settle((struct store_lmdb *)base);
}

static void lmdb_usage(struct store *base, uint64_t *used, uint64_t *limit)
{
    const struct store_lmdb *store = (struct store_lmdb *)base;
    uint64_t all = atomic_load(&store->used);
    *used = all < store->limit ? all : store->limit;
    *limit = store->limit;
}

static void lmdb_close(struct store **base)
{
    struct store_lmdb *store = (struct store_lmdb *)*base;
    assert(store->shared.txn == NULL || is_writer(store)); /* who wrote in another thread has settled it there */
    settle(store);
    if (store->shared.txn != NULL)
        mdb_txn_abort(store->shared.txn);
    if (store->env != NULL)
        mdb_env_close(store->env);
    redo_close(&store->redo);
    pthread_cond_destroy(&store->has_settled);
    pthread_mutex_destroy(&store->settling);
    pthread_mutex_destroy(&store->syncing);
    if (store->lock >= 0)
        close(store->lock); /* the file stays: removing it would let two others lock two different files */
    free(store);
    *base = NULL;
}

static const struct store_engine engine = {
    .name = "lmdb",
    .begin = lmdb_begin,
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .seek = lmdb_seek,
    .place_get = lmdb_place_get,
    .place_put = lmdb_place_put,
    .commit = lmdb_commit,
    .sync = lmdb_sync,
    .settle = lmdb_settle,
    .when_wanted = lmdb_when_wanted,
    .catch_up = lmdb_catch_up,
    .abort = lmdb_abort,
    .usage = lmdb_usage,
    .close = lmdb_close,
};

/* What opening needs, and where it explains itself. */
struct opening {
    struct store_lmdb *store;
    const char *directory;
    int directory_fd;
    uint64_t limit_bytes;
    struct explanation explanation;
};

/* What is left of a new store that was never finished. */
static void remove_unfinished(const struct opening *opening)
{
    unlinkat(opening->directory_fd, "new/data.mdb", 0);
    unlinkat(opening->directory_fd, "new/lock.mdb", 0);
    unlinkat(opening->directory_fd, "new", AT_REMOVEDIR);
}

/* The directory may be as new as the store, and made by a start that went no further. */
static int sync_parent(const struct opening *opening)
{
    int parent = openat(opening->directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = parent >= 0 && fsync(parent) == 0 ? MDB_SUCCESS : errno;

    if (parent >= 0)
        close(parent);
    return rc;
}

/* An empty store, on the disk, in the directory "new". */
static int write_empty(const struct opening *opening)
{
    char path[PATH_BYTES];
    MDB_env *env = NULL;
    int file;

    if ((size_t)snprintf(path, sizeof path, "%s/new", opening->directory) >= sizeof path)
        return ENAMETOOLONG;
    if (mkdirat(opening->directory_fd, "new", 0700) != 0)
        return errno;
    int rc = mdb_env_create(&env);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_env_open(env, path, 0, 0600);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_get_fd(env, &file);
    if (rc == MDB_SUCCESS && fsync(file) != 0)
        rc = errno;
    mdb_env_close(env);
    return rc;
}

/* A new store gets its name when it is whole: a first start that fails, or loses its power, leaves none, instead of one
 * that would be taken for damaged. */
static bool make_new(struct opening *opening)
{
    if (faccessat(opening->directory_fd, "data.mdb", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    remove_unfinished(opening);
    int rc = sync_parent(opening);
    if (rc == MDB_SUCCESS)
        rc = write_empty(opening);
    if (rc == MDB_SUCCESS && renameat(opening->directory_fd, "new/data.mdb", opening->directory_fd, "data.mdb") != 0)
        rc = errno;
    remove_unfinished(opening);
    if (rc == MDB_SUCCESS && fsync(opening->directory_fd) != 0)
        rc = errno;
    if (rc != MDB_SUCCESS)
        return refuse_with(opening->explanation, "Cannot make a new store in %s: %s.", opening->directory,
                           mdb_strerror(rc));
    return true;
}

static bool open_environment(struct opening *opening)
{
    MDB_env **env = &opening->store->env;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t map_bytes = (opening->limit_bytes + page - 1) / page * page;
    int rc = mdb_env_create(env);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_mapsize(*env, map_bytes);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxdbs(*env, ALL_TABLES);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxreaders(*env, READERS_MAX);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(*env, opening->directory, MDB_NOTLS | MDB_NOMETASYNC, 0600);
    if (rc == MDB_SUCCESS)
        return true;
    if (result_of(rc, STORE_UNAVAILABLE) == STORE_DAMAGED)
        return refuse_with(opening->explanation,
                           "The store %s is damaged: data.mdb cannot be read (%s); restore a backup.",
                           opening->directory, mdb_strerror(rc));
    return refuse_with(opening->explanation, "Cannot open the store %s: %s.", opening->directory, mdb_strerror(rc));
}

static int write_zeros(int file, off_t from, off_t to)
{
    static const unsigned char zeros[65536];
    while (from < to) {
        size_t length = (size_t)(to - from) < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
        ssize_t written = pwrite(file, zeros, length, from);
        if (written < 0)
            return errno;
        from += written;
    }
    return 0;
}

/* A page beyond the end of the file is a SIGBUS when it is read, so a truncated file is told before. Then the whole
 * map gets its blocks: a full disk cannot stop a commit afterwards. */
static bool reserve_file(struct opening *opening)
{
    MDB_envinfo info;
    MDB_stat page;
    struct stat status;
    int file;
    mdb_env_info(opening->store->env, &info);
    mdb_env_stat(opening->store->env, &page);
    mdb_env_get_fd(opening->store->env, &file);
    if (fstat(file, &status) != 0)
        return refuse_with(opening->explanation, "Cannot look at %s/data.mdb: %s.", opening->directory,
                           strerror(errno));
    opening->store->limit = info.me_mapsize;
    uint64_t needed = (info.me_last_pgno + 1) * page.ms_psize;
    if ((uint64_t)status.st_size < needed)
        return refuse_with(opening->explanation,
                           "The store %s is damaged: data.mdb has %" PRIu64 " bytes and its contents need %" PRIu64
                           "; restore a backup.",
                           opening->directory, (uint64_t)status.st_size, needed);
    int error = fallocate(file, 0, 0, (off_t)info.me_mapsize) == 0 ? 0 : errno;
    if (error == EOPNOTSUPP)
        error = write_zeros(file, status.st_size, (off_t)info.me_mapsize);
    if (error == 0 && (fsync(file) != 0 || fsync(opening->directory_fd) != 0))
        error = errno;
    if (error != 0)
        return refuse_with(opening->explanation,
                           "Cannot reserve %" PRIu64 " bytes for %s/data.mdb: %s; make room or lower the limit.",
                           (uint64_t)info.me_mapsize, opening->directory, strerror(error));
    return true;
}

static int open_table(struct store_lmdb *store, MDB_txn *txn, int table)
{
    int rc = mdb_dbi_open(txn, table_names[table], MDB_CREATE, &store->tables[table]);
    return rc != MDB_SUCCESS || table == TABLE_PLACE ? rc : find_greatest(store, txn, table);
}

/* LMDB's file was put back from a backup beside a newer redo log. Looked at before anything is written. */
static int compare_with_redo(struct store_lmdb *store)
{
    uint64_t base = newest_written(store), lowest, highest;
    if (redo_bases(store->redo, base, &lowest, &highest) != REDO_DONE)
        return errno;
    return highest == 0 || (lowest == base && highest <= base + 1) ? MDB_SUCCESS : DATA_IS_OLDER;
}

/* The tables, and in them what the redo log holds of the interval that begins here; *number is that of its last batch.
 */
static int open_interval(struct store_lmdb *store, uint64_t *number)
{
    int rc = open_shared(store);
    for (int i = 0; i < ALL_TABLES && rc == MDB_SUCCESS; i++)
        rc = open_table(store, store->shared.txn, i);
    if (rc == MDB_SUCCESS)
        rc = do_interval_again(store, number);
    MDB_txn *txn = store->shared.txn;
    store->shared.txn = NULL;
    if (rc == MDB_SUCCESS)
        return mdb_txn_commit(txn);
    if (txn != NULL)
        mdb_txn_abort(txn);
    return rc;
}

/* At most two intervals are in the redo log; the last pass finds none. The next one begins when LMDB's newest commit is
 * on the disk. */
static int open_intervals(struct store_lmdb *store)
{
    uint64_t number = 0, before;
    int dead;
    int rc = mdb_reader_check(store->env, &dead);
    if (rc == MDB_SUCCESS)
        rc = compare_with_redo(store);
    do {
        before = number;
        if (rc == MDB_SUCCESS)
            rc = open_interval(store, &number);
    } while (rc == MDB_SUCCESS && number > before);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_sync(store->env, 1);
    if (rc == MDB_SUCCESS)
        rc = begin_interval(store);
    return rc;
}

static bool open_redo(struct opening *opening)
{
    opening->store->redo = redo_open(opening->directory_fd, redo_bytes(opening->store->limit));
    if (opening->store->redo != NULL)
        return true;
    if (errno == ENOMEM)
        return refuse_with(opening->explanation, "Out of memory.");
    return refuse_with(opening->explanation, "Cannot make %s/redo.0 and redo.1: %s.", opening->directory,
                       strerror(errno));
}

static bool open_tables(struct opening *opening)
{
    int rc = open_intervals(opening->store);
    if (rc == MDB_SUCCESS)
        return true;
    if (rc == ENOMEM)
        return refuse_with(opening->explanation, "Out of memory.");
    if (rc == MDB_MAP_FULL)
        return refuse_with(opening->explanation,
                           "The store %s has no room for what redo.0 and redo.1 add to it (%s); raise store_limit.",
                           opening->directory, mdb_strerror(rc));
    if (rc == DATA_IS_OLDER)
        return refuse_with(
            opening->explanation,
            "The store %s does not belong together: data.mdb is older than redo.0 and redo.1, which hold what "
            "came after it; put back all three from one backup, or remove redo.0 and redo.1 to go on without.",
            opening->directory);
    if (result_of(rc, STORE_UNAVAILABLE) == STORE_DAMAGED)
        return refuse_with(
            opening->explanation,
            "The store %s is damaged: its tables, or what redo.0 and redo.1 add to them, cannot be read (%s); "
            "restore a backup.",
            opening->directory, mdb_strerror(rc));
    return refuse_with(opening->explanation, "Cannot open the tables of the store %s: %s.", opening->directory,
                       mdb_strerror(rc));
}

struct store *store_lmdb_open(const char *directory, uint64_t limit_bytes, char *why, size_t why_size)
{
    struct opening opening = {.directory = directory, .limit_bytes = limit_bytes, .explanation = {why, why_size}};
    struct store_directory files;
    struct store_lmdb *store = calloc(1, sizeof *store);
    if (store == NULL) {
        refuse_with(opening.explanation, "Out of memory.");
        return NULL;
    }
    store->base.engine = &engine;
    pthread_mutex_init(&store->syncing, NULL);
    pthread_mutex_init(&store->settling, NULL);
    clock_open_condition(&store->has_settled);
    opening.store = store;
    bool opened = store_directory_open(directory, &files, why, why_size);
    opening.directory_fd = files.descriptor;
    store->lock = files.lock;
    opened = opened && make_new(&opening) && open_environment(&opening) && reserve_file(&opening) &&
             open_redo(&opening) && open_tables(&opening);
    if (files.descriptor >= 0)
        close(files.descriptor);
    struct store *base = &store->base;
    if (!opened)
        lmdb_close(&base);
    return base;
}
