/* SPDX-License-Identifier: MIT
 * store_lmdb: the only file that knows LMDB. Never WRITEMAP or NOSYNC: a commit writes and syncs its pages, then writes
 * the meta page that names them. That page is on the disk after lmdb_sync, or after the sync of the next commit, which
 * comes before anything of the state before is written over (NOMETASYNC); so the next transaction need not wait for it.
 * Keys are big-endian, so that the order of bytes is the order of numbers. */
#include "daemon/io/store_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The place table stands behind the numbered ones. */
enum { TABLE_PLACE = TABLE_COUNT, ALL_TABLES };
enum { KEY_BYTES = 8, READERS_MAX = 64, PATH_BYTES = 4096 };

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

struct store_lmdb {
    struct store base;
    MDB_env *env;
    int lock;
    int file; /* the data file, for syncs alone: a failed one is told to each descriptor by itself */
    MDB_dbi tables[ALL_TABLES];
    /* No stored key is greater than this. A key beyond it is appended: the page before stays full instead of being
     * split in half. Zero: nothing known, so key 0 itself is never appended. */
    uint64_t greatest[TABLE_COUNT];
    _Atomic int ended; /* STORE_UNKNOWN or STORE_DAMAGED once a commit has said so: nothing begins any more */
    atomic_bool writing;
    pthread_mutex_t syncing; /* who waits for the sync of another mostly needs none of its own */
    /* Numbers of LMDB's transactions: the newest that was committed or seen, and the newest that is on the disk. */
    _Atomic uint64_t newest, durable;
};

struct transaction {
    struct store_lmdb *store;
    MDB_txn *txn;
    MDB_cursor *cursors[ALL_TABLES]; /* opened by the first seek in a table */
    enum store_result error;         /* the first one */
    bool write;
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

static void raise_to(_Atomic uint64_t *highest, uint64_t number)
{
    uint64_t seen = atomic_load(highest);
    while (seen < number && !atomic_compare_exchange_weak(highest, &seen, number))
        continue;
}

/* A sync that fails ends the store, as a commit does. */
static enum store_result sync_to(struct store_lmdb *store, uint64_t number)
{
    if (atomic_load(&store->durable) >= number)
        return STORE_OK;
    pthread_mutex_lock(&store->syncing);
    if (atomic_load(&store->ended) == STORE_OK && atomic_load(&store->durable) < number) {
        if (fdatasync(store->file) == 0)
            raise_to(&store->durable, number);
        else
            atomic_store(&store->ended, STORE_UNKNOWN);
    }
    pthread_mutex_unlock(&store->syncing);
    return (enum store_result)atomic_load(&store->ended);
}

static enum store_result begin_transaction(struct store_lmdb *store, bool write, struct transaction *transaction)
{
    enum store_result ended = (enum store_result)atomic_load(&store->ended);
    if (ended != STORE_OK)
        return ended;
    if (write) {
        bool second = atomic_exchange(&store->writing, true);
        assert(!second); /* LMDB would wait for ever for another one of the same thread */
    }
    *transaction = (struct transaction){.store = store, .write = write};
    int rc = mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, &transaction->txn);
    if (rc != MDB_SUCCESS && write)
        atomic_store(&store->writing, false);
    if (rc == MDB_SUCCESS && !write)
        raise_to(&store->newest, mdb_txn_id(transaction->txn));
    return result_of(rc, STORE_UNAVAILABLE);
}

static struct transaction *lmdb_begin(struct store *base, bool write, enum store_result *why)
{
    struct transaction *transaction = malloc(sizeof *transaction);
    enum store_result result = STORE_UNAVAILABLE;
    if (transaction != NULL)
        result = begin_transaction((struct store_lmdb *)base, write, transaction);
    if (result == STORE_OK)
        return transaction;
    free(transaction);
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

/* By a cursor, which stays where it was last put: most keys of a turn stand beside one another. */
static enum store_result put_value(struct transaction *transaction, int table, MDB_val key, const void *bytes,
                                   size_t length, unsigned int flags)
{
    assert(transaction->write);
    MDB_cursor *cursor = cursor_of(transaction, table);
    if (cursor == NULL)
        return transaction->error;
    MDB_val value = value_of(bytes, length);
    return keep(transaction, mdb_cursor_put(cursor, &key, &value, flags));
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
    uint64_t *greatest = &transaction->store->greatest[table];
    unsigned char key_bytes[KEY_BYTES];
    key_write(key_bytes, key);
    unsigned int flags = key > *greatest ? MDB_APPEND : 0;
    enum store_result result = put_value(transaction, (int)table, value_of(key_bytes, KEY_BYTES), bytes, length, flags);
    if (result == STORE_OK && key > *greatest)
        *greatest = key;
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
    return keep(transaction, mdb_del(transaction->txn, transaction->store->tables[table], &key_value, NULL));
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

static void close_cursors(struct transaction *transaction)
{
    for (int i = 0; i < ALL_TABLES; i++)
        if (transaction->cursors[i] != NULL)
            mdb_cursor_close(transaction->cursors[i]);
}

static void release(struct transaction **transaction)
{
    if ((*transaction)->write)
        atomic_store(&(*transaction)->store->writing, false);
    free(*transaction);
    *transaction = NULL;
}

static void lmdb_abort(struct transaction **transaction)
{
    close_cursors(*transaction);
    mdb_txn_abort((*transaction)->txn);
    release(transaction);
}

static enum store_result lmdb_commit(struct transaction **transaction)
{
    struct store_lmdb *store = (*transaction)->store;
    enum store_result result = (*transaction)->error;
    if (result != STORE_OK || !(*transaction)->write) {
        lmdb_abort(transaction);
        return result;
    }
    close_cursors(*transaction);
    uint64_t number = mdb_txn_id((*transaction)->txn);
    /* After a failed write or sync nobody knows what the disk holds, and a second sync may lie: whatever is not known
     * to have failed before the first write ends the store. The restart decides from what is stored. */
    result = result_of(mdb_txn_commit((*transaction)->txn), STORE_UNKNOWN);
    if (result == STORE_UNKNOWN || result == STORE_DAMAGED)
        atomic_store(&store->ended, (int)result);
    if (result == STORE_OK && newest_written(store) == number) { /* else it had nothing to write */
        raise_to(&store->durable, number - 1);                   /* by the sync of the pages */
        raise_to(&store->newest, number);
    }
    release(transaction);
    return result;
}

static enum store_result lmdb_sync(struct store *base)
{
    struct store_lmdb *store = (struct store_lmdb *)base;
    return sync_to(store, atomic_load(&store->newest));
}

/* Pages that LMDB holds for reuse. Each record of the free list begins with their number, so that only its first word
 * is read. */
static uint64_t free_pages(MDB_env *env)
{
    uint64_t pages = 0;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS)
        return 0;
    if (mdb_cursor_open(txn, 0, &cursor) == MDB_SUCCESS) {
        while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
            size_t count;
            memcpy(&count, value.mv_data, sizeof count);
            pages += count;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return pages;
}

static void lmdb_usage(struct store *base, uint64_t *used, uint64_t *limit)
{
    struct store_lmdb *store = (struct store_lmdb *)base;
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t unused = free_pages(store->env);
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    uint64_t pages = info.me_last_pgno + 1;
    *used = (pages > unused ? pages - unused : 0) * stat.ms_psize;
    *limit = info.me_mapsize;
}

static void lmdb_close(struct store **base)
{
    struct store_lmdb *store = (struct store_lmdb *)*base;
    assert(!atomic_load(&store->writing));
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->file >= 0)
        close(store->file);
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
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct opening *opening, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(opening->why, opening->why_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool open_directory(struct opening *opening)
{
    const char *directory = opening->directory;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return refuse(opening, "Cannot create the store's directory %s: %s.", directory, strerror(errno));
    struct stat status;
    opening->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opening->directory_fd < 0 || fstat(opening->directory_fd, &status) != 0)
        return refuse(opening, "Cannot open the store's directory %s: %s.", directory, strerror(errno));
    if ((status.st_mode & 077) != 0)
        return refuse(opening, "The store's directory %s has mode %04o, so that others can reach it; chmod 0700 it.",
                      directory, (unsigned int)(status.st_mode & 07777));
    return true;
}

/* A file that does not exist yet is fine, except that an empty data file would be taken for a new store. */
static bool check_file(struct opening *opening, const char *name)
{
    struct stat status;
    if (fstatat(opening->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        return refuse(opening, "Cannot look at %s/%s: %s.", opening->directory, name, strerror(errno));
    }
    if (!S_ISREG(status.st_mode))
        return refuse(opening, "%s/%s is not a regular file; remove it or use another directory.", opening->directory,
                      name);
    if ((status.st_mode & 077) != 0)
        return refuse(opening, "%s/%s has mode %04o, so that others can reach it; chmod 0600 it.", opening->directory,
                      name, (unsigned int)(status.st_mode & 07777));
    if (strcmp(name, "data.mdb") == 0 && status.st_size == 0)
        return refuse(opening,
                      "The store %s is damaged: data.mdb is empty; restore a backup, or remove the file if this store "
                      "has never been used.",
                      opening->directory);
    return true;
}

static bool refuse_second(struct opening *opening, int lock)
{
    char pid[24] = "";
    ssize_t length = pread(lock, pid, sizeof pid - 1, 0);
    pid[length > 0 ? length : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return refuse(opening, "The store %s is in use: a daemon is already running as PID %s; stop that one first.",
                  opening->directory, pid[0] != '\0' ? pid : "unknown");
}

/* Taken before LMDB sees the directory: LMDB itself lets a second process, and even the same one, open it again. */
static bool take_lock(struct opening *opening)
{
    int lock = openat(opening->directory_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return refuse(opening, "Cannot open %s/lock: %s.", opening->directory, strerror(errno));
    opening->store->lock = lock;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return refuse_second(opening, lock);
        return refuse(opening, "Cannot lock %s/lock: %s.", opening->directory, strerror(errno));
    }
    if (ftruncate(lock, 0) != 0 || dprintf(lock, "%ld\n", (long)getpid()) < 0)
        return refuse(opening, "Cannot write %s/lock: %s.", opening->directory, strerror(errno));
    return true;
}

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
        return refuse(opening, "Cannot make a new store in %s: %s.", opening->directory, mdb_strerror(rc));
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
    if (rc == MDB_SUCCESS &&
        (opening->store->file = openat(opening->directory_fd, "data.mdb", O_RDWR | O_NOFOLLOW | O_CLOEXEC)) < 0)
        rc = errno;
    if (rc == MDB_SUCCESS)
        return true;
    if (result_of(rc, STORE_UNAVAILABLE) == STORE_DAMAGED)
        return refuse(opening, "The store %s is damaged: data.mdb cannot be read (%s); restore a backup.",
                      opening->directory, mdb_strerror(rc));
    return refuse(opening, "Cannot open the store %s: %s.", opening->directory, mdb_strerror(rc));
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
        return refuse(opening, "Cannot look at %s/data.mdb: %s.", opening->directory, strerror(errno));
    uint64_t needed = (info.me_last_pgno + 1) * page.ms_psize;
    if ((uint64_t)status.st_size < needed)
        return refuse(opening,
                      "The store %s is damaged: data.mdb has %" PRIu64 " bytes and its contents need %" PRIu64
                      "; restore a backup.",
                      opening->directory, (uint64_t)status.st_size, needed);
    int error = fallocate(file, 0, 0, (off_t)info.me_mapsize) == 0 ? 0 : errno;
    if (error == EOPNOTSUPP)
        error = write_zeros(file, status.st_size, (off_t)info.me_mapsize);
    if (error == 0 && (fsync(file) != 0 || fsync(opening->directory_fd) != 0))
        error = errno;
    if (error != 0)
        return refuse(opening, "Cannot reserve %" PRIu64 " bytes for %s/data.mdb: %s; make room or lower the limit.",
                      (uint64_t)info.me_mapsize, opening->directory, strerror(error));
    return true;
}

static int open_table(struct store_lmdb *store, MDB_txn *txn, int table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_dbi_open(txn, table_names[table], MDB_CREATE, &store->tables[table]);
    if (rc != MDB_SUCCESS || table == TABLE_PLACE)
        return rc;
    rc = mdb_cursor_open(txn, store->tables[table], &cursor);
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

static bool open_tables(struct opening *opening)
{
    struct store_lmdb *store = opening->store;
    MDB_txn *txn = NULL;
    int dead;
    int rc = mdb_reader_check(store->env, &dead);
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    for (int i = 0; i < ALL_TABLES && rc == MDB_SUCCESS; i++)
        rc = open_table(store, txn, i);
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_commit(txn);
    else if (txn != NULL)
        mdb_txn_abort(txn);
    atomic_store(&store->newest, newest_written(store));
    if (rc == MDB_SUCCESS)
        return true;
    if (result_of(rc, STORE_UNAVAILABLE) == STORE_DAMAGED)
        return refuse(opening, "The store %s is damaged: its tables cannot be read (%s); restore a backup.",
                      opening->directory, mdb_strerror(rc));
    return refuse(opening, "Cannot open the tables of the store %s: %s.", opening->directory, mdb_strerror(rc));
}

struct store *store_lmdb_open(const char *directory, uint64_t limit_bytes, char *why, size_t why_size)
{
    struct opening opening = {
        .directory = directory, .directory_fd = -1, .limit_bytes = limit_bytes, .why = why, .why_size = why_size};
    struct store_lmdb *store = calloc(1, sizeof *store);
    if (store == NULL) {
        refuse(&opening, "Out of memory.");
        return NULL;
    }
    store->base.engine = &engine;
    store->lock = store->file = -1;
    pthread_mutex_init(&store->syncing, NULL);
    opening.store = store;
    bool opened = open_directory(&opening) && check_file(&opening, "lock") && check_file(&opening, "data.mdb") &&
                  check_file(&opening, "lock.mdb") && take_lock(&opening) && make_new(&opening) &&
                  open_environment(&opening) && reserve_file(&opening) && open_tables(&opening);
    if (opening.directory_fd >= 0)
        close(opening.directory_fd);
    struct store *base = &store->base;
    if (!opened)
        lmdb_close(&base);
    return base;
}
