/* SPDX-License-Identifier: MIT
 * store_lmdb: every call of LMDB and of the file system fails, one after the other, at the start and in a transaction.
 * A start that fails says why and leaves a store that the next start opens; a transaction that fails stores nothing. */
#include "daemon/io/store_lmdb.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
    unlink(file_named("redo.0"));
    unlink(file_named("redo.1"));
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
    unsigned failures = fail_each_start(EIO, true, 8);

    cr_assert_gt(failures, 50, "%u", failures);
}

Test(store_lmdb, a_start_that_fails_says_why_and_the_next_one_finds_what_was_stored)
{
    must_open();
    cr_assert_eq(put(1, "kept"), STORE_OK);
    store_close(&store);
    unsigned failures = fail_each_start(EACCES, false, 3);
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
                cr_assert_eq(store_settle(store), STORE_OK); /* cursors are opened anew */
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

/* What was committed is in the redo log: the next start finds it, whatever became of LMDB's own commit. */
Test(transactions, a_store_that_cannot_be_settled_ends_until_the_next_start)
{
    for (size_t c = 0; c < CODES; c++) {
        enum store_result expected = codes[c].result == STORE_DAMAGED ? STORE_DAMAGED : STORE_UNKNOWN;
        enum store_result result = STORE_OK;
        cr_assert_eq(put(1, "new"), STORE_OK);
        cr_assert_eq(store_sync(store), STORE_OK);
        outside_fails("mdb_txn_commit", 1, codes[c].code);
        cr_assert_eq(store_settle(store), expected, "%d", codes[c].code);
        cr_assert_eq(outside_works(), 1);
        cr_assert_eq(store_sync(store), expected, "nothing is told any more, also of what is on the disk");
        cr_assert_null(store_begin(store, false, &result));
        cr_assert_eq(result, expected);
        cr_assert_null(store_begin(store, true, NULL));
        store_close(&store);
        must_open();
        cr_assert(holds(1, "new"));
        cr_assert_eq(put(1, "old"), STORE_OK);
    }
}

Test(transactions, a_store_whose_redo_log_cannot_be_synced_is_not_settled)
{
    cr_assert_eq(put(1, "new"), STORE_OK);
    outside_fails("fdatasync", 1, EIO);
    cr_assert_eq(store_settle(store), STORE_UNKNOWN);
    cr_assert_eq(outside_works(), 1);
    cr_assert_null(store_begin(store, false, NULL));
}

Test(transactions, a_commit_that_cannot_be_written_ends_the_store_until_the_next_start)
{
    static const int errors[] = {EIO, ENOSPC};

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        outside_fails("pwrite", 1, errors[i]);
        cr_assert_eq(change_everything(), STORE_UNKNOWN);
        cr_assert_eq(outside_works(), 1);
        cr_assert_null(store_begin(store, false, NULL));
        store_close(&store);
        must_open();
        cr_assert(holds(1, "old"));
    }
}

Test(transactions, one_that_cannot_begin_says_why_and_the_next_one_begins)
{
    for (int write = 0; write < 2; write++)
        for (size_t c = 0; c <= CODES - (size_t)write; c++) { /* to write needs no memory */
            enum store_result result = STORE_OK;
            cr_assert_eq(store_settle(store), STORE_OK);
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

/* ---- commits that share a transaction of LMDB ---- */

Test(transactions, what_a_failed_commit_takes_with_it_is_done_again)
{
    cr_assert_eq(put(5, "five"), STORE_OK);
    cr_assert_eq(put(6, "six"), STORE_OK);
    struct transaction *transaction = store_begin(store, true, NULL);
    store_put(store, transaction, TABLE_REFERRAL, 5, "other", 5);
    store_del(store, transaction, TABLE_REFERRAL, 6);
    store_put(store, transaction, TABLE_REFERRAL, 7, "seven", 5);
    store_abort(store, &transaction);
    cr_assert_eq(put(8, "eight"), STORE_OK); /* a key behind all others, as before */
    cr_assert(holds(1, "old") && holds(5, "five") && holds(6, "six") && !holds(7, "seven") && holds(8, "eight"));
    store_close(&store);
    must_open();
    cr_assert(holds(5, "five") && holds(6, "six") && !holds(7, "seven") && holds(8, "eight"));
}

Test(transactions, an_abort_that_changed_nothing_takes_nothing_with_it)
{
    cr_assert_eq(put(5, "five"), STORE_OK);
    outside_fails("mdb_txn_begin", 1, EIO);
    struct transaction *transaction = store_begin(store, true, NULL);
    store_abort(store, &transaction);
    cr_assert_eq(outside_works(), 0, "it would be done again");
    cr_assert(holds(5, "five"));
}

Test(transactions, what_cannot_be_done_again_ends_the_store_until_the_next_start)
{
    static const struct {
        const char *call;
        int error;
    } faults[] = {{"mdb_txn_begin", EIO},    {"mdb_cursor_open", EIO}, {"mdb_cursor_get", EIO},
                  {"mdb_put", MDB_MAP_FULL}, {"pread", EIO},           {"malloc", ENOMEM}};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        cr_assert_eq(put(5, "five"), STORE_OK);
        struct transaction *transaction = store_begin(store, true, NULL);
        store_put(store, transaction, TABLE_REFERRAL, 5, "other", 5);
        outside_fails(faults[i].call, 1, faults[i].error);
        store_abort(store, &transaction);
        cr_assert_eq(outside_works(), 1, "%s", faults[i].call);
        enum store_result result = STORE_OK;
        cr_assert_null(store_begin(store, false, &result));
        cr_assert_eq(result, STORE_UNKNOWN);
        store_close(&store);
        must_open();
        cr_assert(holds(5, "five"), "%s", faults[i].call);
    }
}

/* Runs this in a process of its own, on a store that it opens and that is never closed. */
static void live_and_die(void (*live)(void))
{
    int status;

    store_close(&store);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        must_open();
        live();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void put_two_intervals(void)
{
    for (uint64_t key = 2; key <= 4; key++)
        if (put(key, "before") != STORE_OK || (key == 3 && store_settle(store) != STORE_OK))
            _exit(1);
}

Test(transactions, a_process_that_ends_leaves_what_it_has_not_settled)
{
    live_and_die(put_two_intervals);
    must_open();
    cr_assert(holds(2, "before") && holds(3, "before") && holds(4, "before"));
    store_close(&store);
    must_open(); /* once more, what was done again is settled */
    cr_assert(holds(4, "before"));
}

/* In the third interval, which stands where the next start begins one on the same base. */
static void put_two(void)
{
    for (int i = 0; i < 2; i++)
        if (put(1, "old") != STORE_OK || store_settle(store) != STORE_OK)
            _exit(1);
    if (put(2, "lost") != STORE_OK || put(3, "left over") != STORE_OK)
        _exit(1);
}

static void put_one(void)
{
    if (put(2, "new") != STORE_OK)
        _exit(1);
}

static void lose_page(const char *name, off_t offset)
{
    static const char zeros[4096];
    int file = open(file_named(name), O_WRONLY);

    cr_assert_eq(pwrite(file, zeros, sizeof zeros, offset), (ssize_t)sizeof zeros);
    close(file);
}

/* A power cut took the first of two batches that nobody had been told of, and left the second: when another first one
 * stands before it, it is not taken for the next. */
Test(transactions, what_a_power_cut_left_over_is_never_read)
{
    live_and_die(put_two);
    lose_page("redo.1", 0);
    live_and_die(put_one);
    must_open();
    cr_assert(holds(2, "new"));
    cr_assert_not(holds(3, "left over"));
}

Test(transactions, a_commit_that_is_lost_before_it_is_settled_ends_the_store)
{
    cr_assert_eq(put(5, "five"), STORE_OK);
    cr_assert_eq(store_sync(store), STORE_OK);
    lose_page("redo.1", 4096);
    struct transaction *transaction = store_begin(store, true, NULL);
    store_put(store, transaction, TABLE_REFERRAL, 6, "six", 3);
    store_abort(store, &transaction);
    enum store_result result = STORE_OK;
    cr_assert_null(store_begin(store, true, &result), "without what was told to be stored");
    cr_assert_eq(result, STORE_UNKNOWN);
}

static void change_in_many_ways(void)
{
    struct transaction *transaction = store_begin(store, true, NULL);

    store_put(store, transaction, TABLE_REFERRAL, 2, "two", 3);
    store_place_put(store, transaction, "PL1 1AE", 7, "here", 4);
    if (store_commit(store, &transaction) != STORE_OK)
        _exit(1);
    transaction = store_begin(store, true, NULL);
    store_del(store, transaction, TABLE_REFERRAL, 1);
    store_place_put(store, transaction, "PL1 1AF", 7, "there", 5);
    if (store_commit(store, &transaction) != STORE_OK)
        _exit(1);
}

static bool has_place(const char *postcode, const char *text)
{
    struct transaction *transaction = store_begin(store, false, NULL);
    const void *bytes;
    size_t length;
    bool found = store_place_get(store, transaction, postcode, 7, &bytes, &length) == STORE_OK &&
                 length == strlen(text) && memcmp(bytes, text, length) == 0;

    store_abort(store, &transaction);
    return found;
}

Test(transactions, every_kind_of_change_is_done_again)
{
    live_and_die(change_in_many_ways);
    must_open();
    cr_assert(!holds(1, "old") && holds(2, "two"));
    cr_assert(has_place("PL1 1AE", "here") && has_place("PL1 1AF", "there"));
}

static void sync_each(void)
{
    for (uint64_t key = 2; key <= 4; key++)
        if (put(key, "synced") != STORE_OK || store_sync(store) != STORE_OK)
            _exit(1);
}

Test(transactions, a_batch_that_was_on_the_disk_and_is_lost_is_damage)
{
    live_and_die(sync_each);
    lose_page("redo.1", 0);
    cr_assert_not(opens());
    cr_assert(strstr(why, "what redo.0 and redo.1 add"), "%s", why);
}

Test(transactions, a_full_map_and_a_redo_log_that_cannot_be_read_end_the_store)
{
    static char bytes[200 << 10];

    cr_assert_eq(put(2, "new"), STORE_OK);
    struct transaction *transaction = store_begin(store, true, NULL);
    store_put(store, transaction, TABLE_NETWORK, 1, bytes, sizeof bytes);
    outside_fails("mdb_txn_commit", 1, MDB_MAP_FULL);
    outside_fails("pread", 1, EIO);
    cr_assert_eq(store_commit(store, &transaction), STORE_UNKNOWN);
    cr_assert_eq(outside_works(), 2);
    store_close(&store);
    must_open();
    cr_assert(holds(2, "new"));
}

static void put_three_intervals(void)
{
    for (uint64_t key = 2; key <= 6; key++)
        if (put(key, "later") != STORE_OK || (key >= 4 && store_settle(store) != STORE_OK))
            _exit(1);
}

static void expect_older_data_to_be_refused(void (*live)(void), int lives)
{
    char copy[200];

    store_close(&store);
    snprintf(copy, sizeof copy, "cp %s/data.mdb %s/older", directory, directory);
    cr_assert_eq(system(copy), 0);
    for (int i = 0; i < lives; i++)
        live_and_die(live);
    snprintf(copy, sizeof copy, "mv %s/older %s/data.mdb", directory, directory);
    cr_assert_eq(system(copy), 0);
    cr_assert_not(opens());
    cr_assert(strstr(why, "does not belong together"), "%s", why);
}

Test(transactions, what_finds_no_room_when_it_is_done_again_says_what_to_raise)
{
    store_close(&store);
    live_and_die(put_two_intervals);
    outside_fails("mdb_put", 1, MDB_MAP_FULL);
    cr_assert_not(opens());
    cr_assert(strstr(why, "raise store_limit"), "%s", why);
    cr_assert_eq(outside_works(), 1);
    must_open();
}

/* Of the interval on the copy the beginning is written over, and its end still stands there. */
Test(transactions, a_data_file_that_is_two_intervals_older_is_refused)
{
    expect_older_data_to_be_refused(put_three_intervals, 1);
}

Test(transactions, an_older_data_file_beside_a_redo_log_is_refused)
{
    expect_older_data_to_be_refused(put_two_intervals, 3);
}

struct look {
    int64_t most_ms;
    bool found;
};

static void *catch_up_and_look(void *argument)
{
    struct look *look = argument;

    store_catch_up(store, look->most_ms);
    struct transaction *transaction = store_begin(store, false, NULL);
    const void *bytes;
    size_t length;
    look->found = transaction && store_get(store, transaction, TABLE_REFERRAL, 2, &bytes, &length) == STORE_OK;
    if (transaction)
        store_abort(store, &transaction);
    return NULL;
}

static atomic_int wishes;

static void wish(void *count)
{
    atomic_fetch_add((atomic_int *)count, 1);
}

static pthread_t begin_to_look(struct look *look)
{
    pthread_t thread;

    atomic_store(&wishes, 0);
    store_when_wanted(store, wish, &wishes);
    cr_assert_eq(put(2, "new"), STORE_OK);
    cr_assert_eq(pthread_create(&thread, NULL, catch_up_and_look, look), 0);
    while (atomic_load(&wishes) == 0)
        usleep(1000);
    return thread;
}

Test(transactions, who_catches_up_in_another_thread_says_so_and_waits_until_it_is_settled)
{
    struct look look = {.most_ms = 100000};
    pthread_t thread = begin_to_look(&look);

    cr_assert_eq(put(3, "the next commit settles"), STORE_OK);
    pthread_join(thread, NULL);
    cr_assert(look.found);
    cr_assert_eq(atomic_load(&wishes), 1);
    cr_assert_eq(store_settle(store), STORE_OK);
    catch_up_and_look(&look);
    cr_assert(look.found);
    cr_assert_eq(atomic_load(&wishes), 1, "there is nothing to wait for");
}

Test(transactions, who_waits_no_longer_sees_what_was_settled_before)
{
    struct look look = {.most_ms = 20, .found = true};

    pthread_join(begin_to_look(&look), NULL);
    cr_assert_not(look.found);
}

Test(transactions, who_waits_to_read_hears_of_the_end)
{
    struct look look = {.most_ms = 100000, .found = true};
    pthread_t thread = begin_to_look(&look);

    outside_fails("mdb_txn_commit", 1, EIO);
    cr_assert_eq(store_settle(store), STORE_UNKNOWN);
    pthread_join(thread, NULL);
    cr_assert_not(look.found);
}

/* ---- commits that the redo log has no room for ---- */

static char large[200 << 10];

static enum store_result put_large(void)
{
    struct transaction *transaction = store_begin(store, true, NULL);

    store_put(store, transaction, TABLE_NETWORK, 1, large, sizeof large);
    return store_commit(store, &transaction);
}

static void put_small_and_large(void)
{
    if (put(2, "new") != STORE_OK || put_large() != STORE_OK || put(3, "behind") != STORE_OK)
        _exit(1);
}

Test(transactions, a_commit_without_room_in_the_redo_log_is_whole_with_those_before_and_behind)
{
    live_and_die(put_small_and_large);
    must_open();
    cr_assert(holds(2, "new") && holds(3, "behind"));
    cr_assert_eq(put_large(), STORE_OK);
    outside_fails("fdatasync", 1, EIO);
    cr_assert_eq(store_sync(store), STORE_OK);
    cr_assert_eq(outside_works(), 0, "it is on the disk already");
}

static atomic_bool has_seen;
static atomic_int told;

static void *see_and_sync(void *none)
{
    struct transaction *transaction = store_begin(store, false, NULL);
    const void *bytes;
    size_t length;

    bool sees = store_get(store, transaction, TABLE_NETWORK, 1, &bytes, &length) == STORE_OK;
    store_abort(store, &transaction);
    atomic_store(&has_seen, sees);
    atomic_store(&told, (int)store_sync(store));
    return none;
}

static pthread_t seer;

/* As long as it may take who does not wait for the disk. */
static void be_seen(void)
{
    cr_assert_eq(pthread_create(&seer, NULL, see_and_sync, NULL), 0);
    for (int i = 0; i < 100 && atomic_load(&told) < 0; i++)
        usleep(1000);
}

Test(transactions, who_reads_such_a_commit_is_told_so_when_it_is_on_the_disk)
{
    atomic_store(&told, -1);
    outside_meets("mdb_env_sync", be_seen);
    outside_fails("mdb_env_sync", 1, EIO);
    cr_assert_eq(put_large(), STORE_UNKNOWN);
    pthread_join(seer, NULL);
    cr_assert(atomic_load(&has_seen));
    cr_assert_eq(atomic_load(&told), STORE_UNKNOWN);
}

Test(transactions, a_redo_log_that_is_full_is_settled_before_there_is_no_room)
{
    outside_fails("mdb_env_sync", 1, EIO); /* of a commit without room alone */
    for (uint64_t key = 2; key < 100; key++)
        cr_assert_eq(put(key, "each in a page of its own"), STORE_OK);
    cr_assert_eq(outside_works(), 0);
    cr_assert(holds(99, "each in a page of its own"));
}

Test(transactions, of_such_a_commit_too_is_told_what_became_of_it)
{
    static const struct {
        const char *call;
        int error;
        enum store_result result;
        bool ends;
    } faults[] = {{"mdb_txn_commit", MDB_MAP_FULL, STORE_FULL, false},
                  {"mdb_txn_commit", EIO, STORE_UNKNOWN, true},
                  {"mdb_env_sync", EIO, STORE_UNKNOWN, true},
                  {"mdb_txn_commit", MDB_CORRUPTED, STORE_DAMAGED, true}};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        cr_assert_eq(put(2, "new"), STORE_OK);
        outside_fails(faults[i].call, 1, faults[i].error);
        cr_assert_eq(put_large(), faults[i].result, "%zu", i);
        cr_assert_eq(outside_works(), 1);
        struct transaction *transaction = store_begin(store, false, NULL);
        cr_assert_eq(!transaction, faults[i].ends);
        if (transaction)
            store_abort(store, &transaction);
        else
            store_close(&store);
        if (!store)
            must_open();
        cr_assert(holds(2, "new"), "%zu", i);
        cr_assert_eq(put(2, "old"), STORE_OK);
    }
}

Test(transactions, where_the_map_is_tight_a_commit_without_room_is_refused_and_none_before_it_is_lost)
{
    uint64_t key = 10;

    while (put(key, "some of what is there") == STORE_OK)
        key++;
    enum store_result result = STORE_OK;
    struct transaction *transaction = store_begin(store, true, &result);
    cr_assert_not_null(transaction, "%s", store_result_text(result));
    store_abort(store, &transaction);
    store_close(&store);
    must_open();
    cr_assert(holds(key - 1, "some of what is there"));
    cr_assert_not(holds(key, "some of what is there"));
}

static void change_all_over(void)
{
    char value[300] = "";

    for (uint64_t n = 0; n < 600; n++) {
        struct transaction *transaction = store_begin(store, true, NULL);
        for (uint64_t i = 10 * n; transaction && i < 10 * n + 10; i++) /* first each of them, then here and there */
            store_put(store, transaction, TABLE_REFERRAL, 1 + (n < 120 ? i : i * 131 % 1200), value, sizeof value);
        if (!transaction || store_commit(store, &transaction) != STORE_OK)
            _exit(1);
    }
}

/* Each change takes a page or more, however short it is in the redo log. */
Test(transactions, changes_all_over_the_store_are_settled_before_they_have_no_room)
{
    uint64_t used, limit;

    live_and_die(change_all_over);
    must_open();
    store_usage(store, &used, &limit);
    cr_assert(used > limit / 3 && used < limit / 2, "%lu", (unsigned long)used);
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
    cr_assert(strstr(why, "its tables"), "%s", why);
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

Test(transactions, what_is_free_and_cannot_be_counted_counts_as_used)
{
    static const char *const calls[] = {"mdb_txn_begin", "mdb_cursor_open"};
    uint64_t used, all, limit;

    cr_assert_eq(put(2, "makes free pages"), STORE_OK);
    cr_assert_eq(store_settle(store), STORE_OK);
    store_usage(store, &used, &limit);
    cr_assert_eq(limit, LIMIT_BYTES);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        cr_assert_eq(put(2, "again"), STORE_OK);
        outside_fails(calls[i], 1, EIO); /* of those that settling makes, the count's */
        cr_assert_eq(store_settle(store), STORE_OK);
        cr_assert_eq(outside_works(), 1);
        store_usage(store, &all, &limit);
        cr_assert_lt(used, all);
    }
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
