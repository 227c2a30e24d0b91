/* SPDX-License-Identifier: MIT
 * store_lmdb: every call of LMDB and of the file system fails, one after the other, at the start and in a transaction.
 * A start that fails says why and leaves a store that the next start opens; a transaction that fails stores nothing. */
#include "daemon/io/store_lmdb.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/outside.h"

enum { LIMIT_BYTES = 1024 * 1024 };

static char directory[64];
static char path[128];
static char why[512];
static struct store *store;

static const char *file_named(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* What a test leaves, and nothing else. */
static void remove_store(void)
{
    store_close(&store);
    unlink(file_named("data.mdb"));
    unlink(file_named("lock.mdb"));
    unlink(file_named("lock"));
    rmdir(directory);
}

static void make_name(void)
{
    strcpy(directory, "/tmp/test-store-lmdb-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    rmdir(directory);
}

TestSuite(store_lmdb, .init = make_name, .fini = remove_store);

static bool opens(void)
{
    why[0] = '\0';
    store = store_lmdb_open(directory, LIMIT_BYTES, why, sizeof why);
    return store != NULL;
}

static void must_open(void)
{
    cr_assert(opens(), "%s", why);
}

static enum store_result put(uint64_t key, const char *text)
{
    struct transaction *transaction = store_begin(store, true, NULL);

    cr_assert_not_null(transaction);
    store_put(store, transaction, TABLE_REFERRAL, key, text, strlen(text));
    return store_commit(store, &transaction);
}

static bool holds(uint64_t key, const char *text)
{
    struct transaction *transaction = store_begin(store, false, NULL);
    const void *bytes;
    size_t length;

    cr_assert_not_null(transaction);
    bool found = store_get(store, transaction, TABLE_REFERRAL, key, &bytes, &length) == STORE_OK &&
                 length == strlen(text) && memcmp(bytes, text, length) == 0;
    store_abort(store, &transaction);
    return found;
}

/* ---- the start ---- */

static bool is_of_memory(const char *call)
{
    return strstr(call, "alloc") != NULL && strcmp(call, "fallocate") != 0;
}

/* The start under a fault; true: it came to the call. What was stored is found by the next start. */
static bool start_fails(const char *call, unsigned n, int error, bool is_new)
{
    outside_fails(call, n, error);
    bool opened = opens();
    bool failed = outside_works() > 0;
    cr_assert_neq(opened, failed, "%s %u: %s", call, n, why);
    cr_assert(opened || is_of_memory(call) || strstr(why, directory), "%s %u: \"%s\" does not say where", call, n, why);
    cr_assert(opened || strstr(why, is_of_memory(call) ? "Out of memory" : mdb_strerror(error)), "%s %u: \"%s\"", call,
              n, why);
    if (!opened)
        must_open();
    cr_assert(is_new || holds(1, "kept"), "%s %u", call, n);
    cr_assert_neq(access(file_named("new"), F_OK), 0, "%s %u left something", call, n);
    store_close(&store);
    if (is_new)
        remove_store();
    return failed;
}

/* Each time that a start makes one of these calls, it fails once. Returns how many there were; so many were syncs. */
static unsigned fail_each_start(int error, bool is_new, unsigned syncs)
{
    unsigned failures = 0;

    for (size_t i = 0; i < outside_calls_count; i++) {
        unsigned n = 1;
        while (start_fails(outside_calls[i], n, error, is_new))
            n++;
        failures += n - 1;
        cr_assert(strcmp(outside_calls[i], "fsync") != 0 || n - 1 == syncs, "%u", n - 1);
    }
    return failures;
}

Test(store_lmdb, a_first_start_that_fails_says_why_and_the_next_one_makes_the_store)
{
    unsigned failures = fail_each_start(EIO, true, 5);

    cr_assert_gt(failures, 50, "%u", failures);
}

Test(store_lmdb, a_start_that_fails_says_why_and_the_next_one_finds_what_was_stored)
{
    must_open();
    cr_assert_eq(put(1, "kept"), STORE_OK);
    store_close(&store);
    unsigned failures = fail_each_start(EACCES, false, 2);
    cr_assert_gt(failures, 30, "%u", failures);
}

Test(store_lmdb, damage_that_a_start_meets_is_called_so)
{
    static const char *const calls[] = {"mdb_env_open", "mdb_dbi_open", "mdb_cursor_open", "mdb_cursor_get",
                                        "mdb_txn_commit"};

    must_open();
    store_close(&store);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        outside_fails(calls[i], 1, MDB_CORRUPTED);
        cr_assert_not(opens());
        cr_assert_eq(outside_works(), 1);
        cr_assert(strstr(why, "is damaged") && strstr(why, "restore a backup"), "%s: %s", calls[i], why);
    }
}

Test(store_lmdb, where_blocks_cannot_be_reserved_zeros_are_written)
{
    struct stat status;

    outside_fails("fallocate", 1, EOPNOTSUPP);
    must_open();
    cr_assert_eq(outside_works(), 1);
    cr_assert_eq(stat(file_named("data.mdb"), &status), 0);
    cr_assert_eq(status.st_size, LIMIT_BYTES);
    cr_assert_geq(status.st_blocks * 512, LIMIT_BYTES);
    cr_assert_eq(put(1, "stored"), STORE_OK);
    store_close(&store);
    cr_assert_eq(truncate(file_named("data.mdb"), LIMIT_BYTES / 2), 0);
    outside_fails("fallocate", 1, EOPNOTSUPP);
    outside_fails("pwrite", 1, ENOSPC);
    cr_assert_not(opens());
    cr_assert_eq(outside_works(), 2);
    cr_assert(strstr(why, "make room or lower the limit"), "%s", why);
}

/* It may have been made by a start that went no further: without its sync a power cut takes it, and the store with it.
 */
Test(store_lmdb, a_directory_that_was_there_before_its_store_is_synced_in_the_one_above)
{
    cr_assert_eq(mkdir(directory, 0700), 0);
    outside_fails("openat", 2, EMFILE); /* after the lock */
    cr_assert_not(opens());
    cr_assert_eq(outside_works(), 1);
    must_open();
}

Test(store_lmdb, a_name_that_leaves_no_room_for_the_names_of_files_is_refused)
{
    char longest[4096], reason[8192];
    size_t length = strlen(directory);

    strcpy(longest, directory);
    while (length + 2 < sizeof longest - 2) {
        strcpy(longest + length, "/.");
        length += 2;
    }
    cr_assert_eq(mkdir(directory, 0700), 0);
    store = store_lmdb_open(longest, LIMIT_BYTES, reason, sizeof reason);
    cr_assert_null(store);
    cr_assert(strstr(reason, strerror(ENAMETOOLONG)), "%s", reason);
    must_open();
}

Test(store_lmdb, who_holds_the_lock_without_a_name_is_told_as_unknown)
{
    must_open();
    store_close(&store);
    cr_assert_eq(truncate(file_named("lock"), 0), 0);
    int lock = open(file_named("lock"), O_RDWR);
    cr_assert_eq(flock(lock, LOCK_EX), 0);
    cr_assert_not(opens());
    cr_assert(strstr(why, "PID unknown"), "%s", why);
    close(lock);
    must_open();
}

/* ---- transactions ---- */

static void make_store(void)
{
    make_name();
    must_open();
    cr_assert_eq(put(1, "old"), STORE_OK);
}

TestSuite(transactions, .init = make_store, .fini = remove_store);

/* What each code of LMDB is to the daemon. */
static const struct {
    int code;
    enum store_result result;
} codes[] = {
    {EIO, STORE_UNAVAILABLE},
    {MDB_READERS_FULL, STORE_UNAVAILABLE},
    {MDB_MAP_FULL, STORE_FULL},
    {MDB_TXN_FULL, STORE_FULL},
    {MDB_PANIC, STORE_UNKNOWN},
    {MDB_CORRUPTED, STORE_DAMAGED},
    {MDB_PAGE_NOTFOUND, STORE_DAMAGED},
    {MDB_INVALID, STORE_DAMAGED},
    {MDB_VERSION_MISMATCH, STORE_DAMAGED},
    {MDB_BAD_TXN, STORE_DAMAGED},
    {MDB_BAD_DBI, STORE_DAMAGED},
    {MDB_CURSOR_FULL, STORE_DAMAGED},
    {MDB_INCOMPATIBLE, STORE_DAMAGED},
    {MDB_KEYEXIST, STORE_DAMAGED},
};
#define CODES (sizeof codes / sizeof codes[0])

/* Changes what is stored, with every kind of call; what the commit came to. */
static enum store_result change_everything(void)
{
    struct transaction *transaction = store_begin(store, true, NULL);
    const void *bytes;
    size_t length;
    uint64_t key;

    cr_assert_not_null(transaction);
    store_put(store, transaction, TABLE_REFERRAL, 1, "new", 3);
    store_put(store, transaction, TABLE_REFERRAL, 3, "new", 3);
    store_place_put(store, transaction, "PL1 1AE", 7, "new", 3);
    store_get(store, transaction, TABLE_REFERRAL, 1, &bytes, &length);
    store_place_get(store, transaction, "PL1 1AE", 7, &bytes, &length);
    key = 2;
    store_seek(store, transaction, TABLE_REFERRAL, false, &key, &bytes, &length);
    key = 2;
    store_seek(store, transaction, TABLE_REFERRAL, true, &key, &bytes, &length);
    key = 9;
    store_seek(store, transaction, TABLE_REFERRAL, true, &key, &bytes, &length);
    store_del(store, transaction, TABLE_REFERRAL, 3);
    return store_commit(store, &transaction);
}

Test(transactions, a_call_that_fails_gives_its_result_to_the_commit_and_nothing_is_stored)
{
    static const char *const calls[] = {"mdb_cursor_put", "mdb_get", "mdb_del", "mdb_cursor_open", "mdb_cursor_get"};
    unsigned tried = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (size_t c = 0; c < CODES; c++)
            for (unsigned n = 1;; n++) {
                outside_fails(calls[i], n, codes[c].code);
                enum store_result result = change_everything();
                if (outside_works() == 0) {
                    cr_assert_eq(result, STORE_OK);
                    cr_assert_eq(put(1, "old"), STORE_OK);
                    break;
                }
                cr_assert_eq(result, codes[c].result, "%s %u %d: %s", calls[i], n, codes[c].code,
                             store_result_text(result));
                cr_assert(holds(1, "old"));
                tried++;
            }
    cr_assert_eq(tried, CODES * (3 + 2 + 1 + 2 + 5), "%u", tried);
}

Test(transactions, a_commit_of_which_nobody_knows_what_it_came_to_ends_the_store_until_the_next_start)
{
    for (size_t c = 0; c < CODES; c++) {
        enum store_result expected = codes[c].result == STORE_UNAVAILABLE ? STORE_UNKNOWN : codes[c].result;
        enum store_result result = STORE_OK;
        outside_fails("mdb_txn_commit", 1, codes[c].code);
        cr_assert_eq(change_everything(), expected, "%d", codes[c].code);
        cr_assert_eq(outside_works(), 1);
        if (expected != STORE_FULL) {
            cr_assert_null(store_begin(store, false, &result));
            cr_assert_eq(result, expected);
            cr_assert_null(store_begin(store, true, NULL));
            store_close(&store);
            must_open();
        }
        cr_assert(holds(1, "old"));
    }
}

Test(transactions, one_that_cannot_begin_says_why_and_the_next_one_begins)
{
    for (int write = 0; write < 2; write++)
        for (size_t c = 0; c <= CODES; c++) {
            enum store_result result = STORE_OK;
            if (c < CODES)
                outside_fails("mdb_txn_begin", 1, codes[c].code);
            else
                outside_fails("malloc", 1, ENOMEM);
            cr_assert_null(store_begin(store, write, &result));
            cr_assert_eq(outside_works(), 1);
            cr_assert_eq(result, c < CODES ? codes[c].result : STORE_UNAVAILABLE, "%s", store_result_text(result));
            cr_assert_eq(put(1, "old"), STORE_OK);
        }
}

/* ---- damage that LMDB does not notice ---- */

/* Opens the file instead of the store, which is closed, and calls this in a transaction. */
static void open_raw(unsigned flags, void (*use)(MDB_txn *, MDB_dbi))
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;

    store_close(&store);
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_set_maxdbs(env, 20), 0);
    cr_assert_eq(mdb_env_open(env, directory, 0, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, flags, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "referral", 0, &table), 0);
    use(txn, table);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* Where in the file stands what LMDB points to: the whole file is mapped once. */
static off_t offset_of(const void *bytes)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long start = 0;

    cr_assert_not_null(maps);
    while (fgets(line, sizeof line, maps) && !strstr(line, file_named("data.mdb")))
        ;
    fclose(maps);
    cr_assert_eq(sscanf(line, "%lx-", &start), 1);
    return (off_t)((uintptr_t)bytes - start);
}

static void write_in_file(off_t offset, const void *bytes, size_t length)
{
    int file = open(file_named("data.mdb"), O_WRONLY);

    cr_assert_eq(pwrite(file, bytes, length, offset), (ssize_t)length);
    close(file);
}

static void put_short_key(MDB_txn *txn, MDB_dbi table)
{
    MDB_val key = {7, (char[]){0, 0, 0, 0, 0, 0, 1}}, value = {3, (char[]){'n', 'e', 'w'}}; /* behind 255 */

    cr_assert_eq(mdb_put(txn, table, &key, &value, 0), 0);
}

static void put_short_last_key(MDB_txn *txn, MDB_dbi table)
{
    MDB_val key = {3, (char[]){1, 1, 1}}, value = {3, (char[]){'n', 'e', 'w'}};

    cr_assert_eq(mdb_put(txn, table, &key, &value, 0), 0);
}

static enum store_result seek_from(bool backward, uint64_t key)
{
    struct transaction *transaction = store_begin(store, false, NULL);
    const void *bytes;
    size_t length;

    cr_assert_not_null(transaction);
    enum store_result result = store_seek(store, transaction, TABLE_REFERRAL, backward, &key, &bytes, &length);
    cr_assert_eq(store_commit(store, &transaction), result);
    return result;
}

Test(transactions, a_key_of_another_length_is_damage)
{
    cr_assert_eq(put(1000, "behind it"), STORE_OK);
    open_raw(0, put_short_key);
    must_open();
    cr_assert_eq(seek_from(false, 1), STORE_OK);
    cr_assert_eq(seek_from(false, 2), STORE_DAMAGED);
    cr_assert_eq(seek_from(true, 2), STORE_DAMAGED);
    cr_assert_eq(seek_from(true, 999), STORE_DAMAGED);
    open_raw(0, put_short_last_key);
    cr_assert_not(opens());
    cr_assert(strstr(why, "its tables cannot be read"), "%s", why);
}

static off_t first_of_second_page; /* where in the file its key stands, */
static uint64_t its_key;

static void find_first_of_second_page(MDB_txn *txn, MDB_dbi table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    char *before = NULL;

    cr_assert_eq(mdb_cursor_open(txn, table, &cursor), 0);
    for (its_key = 0; mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0; before = key.mv_data) {
        its_key = ((unsigned char *)key.mv_data)[7];
        first_of_second_page = offset_of(key.mv_data);
        if (before && first_of_second_page / 4096 != offset_of(before) / 4096)
            break;
    }
    mdb_cursor_close(cursor);
}

Test(transactions, a_key_that_was_not_asked_for_is_damage)
{
    char value[1000] = "";

    for (uint64_t key = 2; key < 20; key += 2) {
        struct transaction *transaction = store_begin(store, true, NULL);
        store_put(store, transaction, TABLE_REFERRAL, key, value, sizeof value);
        cr_assert_eq(store_commit(store, &transaction), STORE_OK);
    }
    open_raw(MDB_RDONLY, find_first_of_second_page);
    cr_assert(its_key > 2 && its_key < 20);
    write_in_file(first_of_second_page + 7, "\x01", 1);
    must_open();
    cr_assert_eq(seek_from(false, its_key - 1), STORE_DAMAGED);
}

/* ---- how much is used ---- */

static off_t free_count; /* where in the file the number of pages stands that the free list begins with */

static void find_free_count(MDB_txn *txn, MDB_dbi table)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    (void)table;
    cr_assert_eq(mdb_cursor_open(txn, 0, &cursor), 0);
    cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    free_count = offset_of(value.mv_data);
    mdb_cursor_close(cursor);
}

Test(transactions, what_is_free_and_cannot_be_counted_counts_as_used_and_damage_never_as_more_than_all)
{
    uint64_t used, all, limit;

    cr_assert_eq(put(2, "makes free pages"), STORE_OK);
    store_usage(store, &used, &limit);
    cr_assert_eq(limit, LIMIT_BYTES);
    outside_fails("mdb_txn_begin", 1, EIO);
    store_usage(store, &all, &limit);
    cr_assert_eq(outside_works(), 1);
    cr_assert_lt(used, all);
    outside_fails("mdb_cursor_open", 1, EIO);
    store_usage(store, &limit, &limit);
    cr_assert_eq(outside_works(), 1);
    open_raw(MDB_RDONLY, find_free_count);
    write_in_file(free_count + 4, "\x01", 1);
    must_open();
    store_usage(store, &used, &limit);
    cr_assert_eq(used, 0);
}

Test(store_lmdb, after_a_sync_that_failed_nothing_counts_as_being_on_the_disk)
{
    must_open();
    cr_assert_eq(put(1, "stored"), STORE_OK);
    outside_fails("fdatasync", 1, EIO);
    cr_expect_eq(store_sync(store), STORE_UNKNOWN);
    cr_assert_eq(outside_works(), 1);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(store_sync(store), STORE_UNKNOWN, "a second sync of what was lost would not tell it");
    enum store_result why_not = STORE_OK;
    cr_expect_null(store_begin(store, true, &why_not));
    cr_expect_eq(why_not, STORE_UNKNOWN);
}

Test(store_lmdb, whichever_file_cannot_be_opened_the_start_says_so)
{
    unsigned files = 0;
    bool opened = false;

    must_open();
    for (; !opened; files += !opened) {
        store_close(&store);
        outside_fails("openat", files + 1, EMFILE);
        opened = opens();
        cr_assert_eq(outside_works(), !opened);
        cr_expect(opened || why[0]);
    }
    cr_expect_geq(files, 2);
}
