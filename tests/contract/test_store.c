/* SPDX-License-Identifier: MIT
 * What a store must do: one set of behaviours for every engine, then what each engine promises beyond it. */
#include "daemon/io/store.h"
#include "daemon/io/store_lmdb.h"
#include "tests/sim/store_memory.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_BYTES = 4 * 1024 * 1024, VALUE_BYTES = 1000, BATCH = 16 };

/* A store of one engine, and what it takes to open it again. */
struct stand {
    struct store *store;
    struct store_memory_faults faults;
    char directory[64]; /* empty: memory */
    char path[128];
    char why[256];
};

static void open_lmdb(struct stand *stand)
{
    stand->store = store_lmdb_open(stand->directory, LIMIT_BYTES, stand->why, sizeof stand->why);
    cr_assert_not_null(stand->store, "%s", stand->why);
}

static void stand_open(struct stand *stand, bool lmdb)
{
    *stand = (struct stand){.faults.limit_bytes = LIMIT_BYTES};
    if (lmdb) {
        strcpy(stand->directory, "/tmp/test-store-XXXXXX");
        cr_assert_not_null(mkdtemp(stand->directory));
        open_lmdb(stand);
    } else {
        stand->store = store_memory_open(&stand->faults);
    }
}

static void stand_reopen(struct stand *stand)
{
    if (stand->directory[0] != '\0') {
        store_close(&stand->store);
        open_lmdb(stand);
    } else {
        store_memory_crash(stand->store);
        store_memory_reopen(stand->store);
    }
}

static const char *stand_path(struct stand *stand, const char *name)
{
    snprintf(stand->path, sizeof stand->path, "%s/%s", stand->directory, name);
    return stand->path;
}

static void stand_close(struct stand *stand)
{
    store_close(&stand->store);
    if (stand->directory[0] == '\0')
        return;
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "redo.0", "redo.1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(stand_path(stand, names[i]));
    cr_assert_eq(rmdir(stand->directory), 0, "something else is left in %s", stand->directory);
}

static struct transaction *begin(struct stand *stand, bool write)
{
    enum store_result why = STORE_OK;
    struct transaction *transaction = store_begin(stand->store, write, &why);
    cr_assert_not_null(transaction, "%s", store_result_text(why));
    return transaction;
}

static enum store_result put(struct stand *stand, struct transaction *transaction, enum table table, uint64_t key,
                             const char *text)
{
    return store_put(stand->store, transaction, table, key, text, strlen(text));
}

static void expect(struct stand *stand, struct transaction *transaction, enum table table, uint64_t key,
                   const char *text)
{
    const void *bytes;
    size_t length;
    cr_assert_eq(store_get(stand->store, transaction, table, key, &bytes, &length), STORE_OK);
    cr_assert_eq(length, strlen(text));
    cr_assert_eq(memcmp(bytes, text, length), 0);
}

static void expect_none(struct stand *stand, struct transaction *transaction, enum table table, uint64_t key)
{
    const void *bytes;
    size_t length;
    cr_assert_eq(store_get(stand->store, transaction, table, key, &bytes, &length), STORE_NOT_FOUND);
}

static void commit(struct stand *stand, struct transaction **transaction)
{
    cr_assert_eq(store_commit(stand->store, transaction), STORE_OK);
    cr_assert_null(*transaction);
}

static void put_alone(struct stand *stand, enum table table, uint64_t key, const char *text)
{
    struct transaction *transaction = begin(stand, true);
    cr_assert_eq(put(stand, transaction, table, key, text), STORE_OK);
    commit(stand, &transaction);
}

/* Where a seek from `key` ends; UINT64_MAX: nowhere. The value must be the key in decimal. */
static uint64_t seek(struct stand *stand, struct transaction *transaction, bool backward, uint64_t key)
{
    const void *bytes;
    size_t length;
    char text[24];
    enum store_result result = store_seek(stand->store, transaction, TABLE_HISTORY, backward, &key, &bytes, &length);
    if (result == STORE_NOT_FOUND)
        return UINT64_MAX;
    cr_assert_eq(result, STORE_OK);
    snprintf(text, sizeof text, "%llu", (unsigned long long)key);
    cr_assert_eq(length, strlen(text));
    cr_assert_eq(memcmp(bytes, text, length), 0);
    return key;
}

#define BEHAVIOUR(name)                                                                                                \
    static void name(struct stand *);                                                                                  \
    static void name##_in(bool lmdb)                                                                                   \
    {                                                                                                                  \
        struct stand stand;                                                                                            \
        stand_open(&stand, lmdb);                                                                                      \
        name(&stand);                                                                                                  \
        stand_close(&stand);                                                                                           \
    }                                                                                                                  \
    Test(lmdb, name)                                                                                                   \
    {                                                                                                                  \
        name##_in(true);                                                                                               \
    }                                                                                                                  \
    Test(memory, name)                                                                                                 \
    {                                                                                                                  \
        name##_in(false);                                                                                              \
    }                                                                                                                  \
    static void name(struct stand *stand)

static void fail_if_woken(void *none)
{
    (void)none;
    cr_assert_fail("there is nothing to wait for");
}

BEHAVIOUR(what_is_settled_is_not_waited_for)
{
    put_alone(stand, TABLE_HISTORY, 1, "1");
    cr_assert_eq(store_settle(stand->store), STORE_OK);
    store_when_wanted(stand->store, fail_if_woken, NULL);
    store_catch_up(stand->store, INT_MAX);
}

BEHAVIOUR(what_was_put_is_there_within_the_transaction_and_after_it)
{
    struct transaction *transaction = begin(stand, true);
    for (int table = 0; table < TABLE_COUNT; table++)
        cr_assert_eq(put(stand, transaction, (enum table)table, 7, "seven"), STORE_OK);
    expect(stand, transaction, TABLE_REFERRAL, 7, "seven");
    commit(stand, &transaction);
    transaction = begin(stand, false);
    for (int table = 0; table < TABLE_COUNT; table++)
        expect(stand, transaction, (enum table)table, 7, "seven");
    expect_none(stand, transaction, TABLE_REFERRAL, 8);
    commit(stand, &transaction);
}

BEHAVIOUR(tables_do_not_see_each_other)
{
    put_alone(stand, TABLE_PARTY, 1, "a party");
    struct transaction *transaction = begin(stand, false);
    for (int table = 0; table < TABLE_COUNT; table++)
        if (table != TABLE_PARTY)
            expect_none(stand, transaction, (enum table)table, 1);
    store_abort(stand->store, &transaction);
    cr_assert_null(transaction);
}

BEHAVIOUR(a_second_put_replaces_the_first)
{
    put_alone(stand, TABLE_REFERRAL, 1, "first, and long");
    put_alone(stand, TABLE_REFERRAL, 1, "second");
    struct transaction *transaction = begin(stand, true);
    expect(stand, transaction, TABLE_REFERRAL, 1, "second");
    put(stand, transaction, TABLE_REFERRAL, 1, "third");
    put(stand, transaction, TABLE_REFERRAL, 1, "fourth");
    expect(stand, transaction, TABLE_REFERRAL, 1, "fourth");
    commit(stand, &transaction);
    stand_reopen(stand);
    transaction = begin(stand, false);
    expect(stand, transaction, TABLE_REFERRAL, 1, "fourth");
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(an_empty_value_is_a_value)
{
    put_alone(stand, TABLE_REFERRAL, 1, "");
    struct transaction *transaction = begin(stand, false);
    expect(stand, transaction, TABLE_REFERRAL, 1, "");
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(what_was_deleted_is_gone_and_a_second_delete_finds_nothing)
{
    put_alone(stand, TABLE_CONTENT, 1, "one");
    put_alone(stand, TABLE_CONTENT, 2, "two");
    struct transaction *transaction = begin(stand, true);
    cr_assert_eq(store_del(stand->store, transaction, TABLE_CONTENT, 1), STORE_OK);
    cr_assert_eq(store_del(stand->store, transaction, TABLE_CONTENT, 1), STORE_NOT_FOUND);
    cr_assert_eq(store_del(stand->store, transaction, TABLE_CONTENT, 3), STORE_NOT_FOUND);
    expect_none(stand, transaction, TABLE_CONTENT, 1);
    commit(stand, &transaction); /* not found is an answer, not an error */
    transaction = begin(stand, false);
    expect_none(stand, transaction, TABLE_CONTENT, 1);
    expect(stand, transaction, TABLE_CONTENT, 2, "two");
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(keys_may_come_in_any_order_and_return_after_a_delete)
{
    static const uint64_t keys[] = {0, 500, 300, UINT64_MAX, 400, 1, UINT64_MAX - 1, 501};
    enum { KEYS = sizeof keys / sizeof keys[0] };
    for (int round = 0; round < 2; round++) {
        struct transaction *transaction = begin(stand, true);
        for (int i = 0; i < KEYS; i++)
            cr_assert_eq(put(stand, transaction, TABLE_CAPACITY, keys[i], "a"), STORE_OK);
        commit(stand, &transaction);
        transaction = begin(stand, true);
        for (int i = 0; i < KEYS; i++) {
            expect(stand, transaction, TABLE_CAPACITY, keys[i], "a");
            cr_assert_eq(store_del(stand->store, transaction, TABLE_CAPACITY, keys[i]), STORE_OK);
        }
        commit(stand, &transaction);
    }
}

BEHAVIOUR(seek_finds_the_neighbour_over_gaps_in_both_directions)
{
    struct transaction *transaction = begin(stand, true);
    cr_assert_eq(seek(stand, transaction, false, 0), UINT64_MAX);
    cr_assert_eq(seek(stand, transaction, true, UINT64_MAX), UINT64_MAX);
    put(stand, transaction, TABLE_HISTORY, 10, "10");
    put(stand, transaction, TABLE_HISTORY, 20, "20");
    put(stand, transaction, TABLE_HISTORY, 300, "300");
    put(stand, transaction, TABLE_REFERRAL, 15, "another table");
    for (int reading = 0; reading < 2; reading++) {
        cr_assert_eq(seek(stand, transaction, false, 0), 10);
        cr_assert_eq(seek(stand, transaction, false, 10), 10);
        cr_assert_eq(seek(stand, transaction, false, 11), 20);
        cr_assert_eq(seek(stand, transaction, false, 21), 300);
        cr_assert_eq(seek(stand, transaction, false, 301), UINT64_MAX);
        cr_assert_eq(seek(stand, transaction, true, UINT64_MAX), 300);
        cr_assert_eq(seek(stand, transaction, true, 300), 300);
        cr_assert_eq(seek(stand, transaction, true, 299), 20);
        cr_assert_eq(seek(stand, transaction, true, 19), 10);
        cr_assert_eq(seek(stand, transaction, true, 9), UINT64_MAX);
        commit(stand, &transaction);
        transaction = begin(stand, false);
    }
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(seek_sees_the_transactions_own_puts_and_deletes)
{
    for (int key = 1; key <= 5; key++) {
        char text[2] = {(char)('0' + key), '\0'};
        put_alone(stand, TABLE_HISTORY, (uint64_t)key, text);
    }
    struct transaction *transaction = begin(stand, true);
    store_del(stand->store, transaction, TABLE_HISTORY, 1);
    store_del(stand->store, transaction, TABLE_HISTORY, 3);
    store_del(stand->store, transaction, TABLE_HISTORY, 4);
    store_del(stand->store, transaction, TABLE_HISTORY, 5);
    put(stand, transaction, TABLE_HISTORY, 9, "9");
    cr_assert_eq(seek(stand, transaction, false, 0), 2);
    cr_assert_eq(seek(stand, transaction, false, 3), 9);
    cr_assert_eq(seek(stand, transaction, true, 8), 2);
    cr_assert_eq(seek(stand, transaction, true, 1), UINT64_MAX);
    store_del(stand->store, transaction, TABLE_HISTORY, 9);
    cr_assert_eq(seek(stand, transaction, false, 3), UINT64_MAX);
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(a_walk_by_seek_meets_every_key_once)
{
    struct transaction *transaction = begin(stand, true);
    for (uint64_t key = 3; key <= 3000; key += 3) {
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)key);
        put(stand, transaction, TABLE_HISTORY, key, text);
    }
    commit(stand, &transaction);
    transaction = begin(stand, false);
    uint64_t key = 0, met = 0;
    while ((key = seek(stand, transaction, false, key)) != UINT64_MAX) {
        met++;
        cr_assert_eq(key, 3 * met);
        key++;
    }
    cr_assert_eq(met, 1000);
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(places_are_found_by_whole_key)
{
    static const char *const keys[] = {"PL2", "PL11AA", "PL11AE", "EX1", "PL1", "ABCDEFGHIJKLMNOP"};
    const void *bytes;
    size_t length;
    struct transaction *transaction = begin(stand, true);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(store_place_put(stand->store, transaction, keys[i], strlen(keys[i]), keys[i], strlen(keys[i])),
                     STORE_OK);
    commit(stand, &transaction);
    transaction = begin(stand, false);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(store_place_get(stand->store, transaction, keys[i], strlen(keys[i]), &bytes, &length), STORE_OK);
        cr_assert_eq(length, strlen(keys[i]));
        cr_assert_eq(memcmp(bytes, keys[i], length), 0);
    }
    cr_assert_eq(store_place_get(stand->store, transaction, "PL11", 4, &bytes, &length), STORE_NOT_FOUND);
    commit(stand, &transaction);
}

BEHAVIOUR(a_reader_sees_what_was_committed_when_it_began)
{
    put_alone(stand, TABLE_REFERRAL, 1, "old");
    struct transaction *before = begin(stand, false);
    struct transaction *write = begin(stand, true);
    put(stand, write, TABLE_REFERRAL, 1, "new");
    put(stand, write, TABLE_REFERRAL, 2, "new");
    expect(stand, before, TABLE_REFERRAL, 1, "old");
    struct transaction *beside = begin(stand, false);
    expect(stand, beside, TABLE_REFERRAL, 1, "old");
    expect_none(stand, beside, TABLE_REFERRAL, 2);
    commit(stand, &write);
    expect(stand, before, TABLE_REFERRAL, 1, "old");
    expect_none(stand, before, TABLE_REFERRAL, 2);
    struct transaction *after = begin(stand, false);
    expect(stand, after, TABLE_REFERRAL, 1, "new");
    store_abort(stand->store, &before);
    commit(stand, &beside);
    store_abort(stand->store, &after);
}

BEHAVIOUR(an_abort_leaves_nothing)
{
    put_alone(stand, TABLE_REFERRAL, 1, "kept");
    struct transaction *transaction = begin(stand, true);
    put(stand, transaction, TABLE_REFERRAL, 1, "changed");
    put(stand, transaction, TABLE_REFERRAL, 2, "new");
    store_abort(stand->store, &transaction);
    cr_assert_null(transaction);
    transaction = begin(stand, true);
    expect(stand, transaction, TABLE_REFERRAL, 1, "kept");
    expect_none(stand, transaction, TABLE_REFERRAL, 2);
    cr_assert_eq(put(stand, transaction, TABLE_REFERRAL, 2, "2"), STORE_OK); /* no key is remembered as greater */
    commit(stand, &transaction);
}

BEHAVIOUR(a_sync_may_come_at_any_time)
{
    cr_assert_eq(store_sync(stand->store), STORE_OK);
    put_alone(stand, TABLE_HISTORY, 1, "1");
    cr_assert_eq(store_sync(stand->store), STORE_OK);
    cr_assert_eq(store_sync(stand->store), STORE_OK);
    struct transaction *write = begin(stand, true);
    cr_assert_eq(put(stand, write, TABLE_HISTORY, 2, "2"), STORE_OK);
    cr_assert_eq(store_sync(stand->store), STORE_OK);
    commit(stand, &write);
    put_alone(stand, TABLE_HISTORY, 3, "3");
    cr_assert_eq(store_sync(stand->store), STORE_OK);
    stand_reopen(stand);
    struct transaction *transaction = begin(stand, false);
    cr_assert_eq(seek(stand, transaction, true, 9), 3);
    store_abort(stand->store, &transaction);
}

BEHAVIOUR(a_reopen_finds_everything_that_was_committed)
{
    put_alone(stand, TABLE_META, META_HEAD, "head");
    put_alone(stand, TABLE_HISTORY, 12, "12");
    struct transaction *transaction = begin(stand, true);
    cr_assert_eq(store_place_put(stand->store, transaction, "PL1", 3, "p", 1), STORE_OK);
    commit(stand, &transaction);
    stand_reopen(stand);
    transaction = begin(stand, true);
    expect(stand, transaction, TABLE_META, META_HEAD, "head");
    const void *bytes;
    size_t length;
    cr_assert_eq(store_place_get(stand->store, transaction, "PL1", 3, &bytes, &length), STORE_OK);
    cr_assert_eq(put(stand, transaction, TABLE_HISTORY, 11, "11"), STORE_OK);
    cr_assert_eq(put(stand, transaction, TABLE_HISTORY, 13, "13"), STORE_OK);
    cr_assert_eq(seek(stand, transaction, false, 12), 12);
    cr_assert_eq(seek(stand, transaction, true, 11), 11);
    commit(stand, &transaction);
}

/* Puts batches until one is refused; returns how many keys, from 1 on, are stored. */
static uint64_t fill(struct stand *stand)
{
    static const char value[VALUE_BYTES];
    for (uint64_t stored = 0;; stored += BATCH) {
        cr_assert_lt(stored * VALUE_BYTES, LIMIT_BYTES);
        struct transaction *transaction = begin(stand, true);
        for (uint64_t key = stored + 1; key <= stored + BATCH; key++)
            store_put(stand->store, transaction, TABLE_CONTENT, key, value, sizeof value);
        enum store_result result = store_commit(stand->store, &transaction);
        if (result == STORE_FULL)
            return stored;
        cr_assert_eq(result, STORE_OK);
    }
}

BEHAVIOUR(a_full_store_says_so_keeps_what_it_has_and_still_changes_and_deletes)
{
    const void *bytes;
    size_t length;
    uint64_t stored = fill(stand), used, limit, used_after;
    cr_assert_gt(stored * VALUE_BYTES, LIMIT_BYTES / 2);
    store_usage(stand->store, &used, &limit);
    cr_assert_eq(limit, LIMIT_BYTES);
    cr_assert_gt(used, limit / 10 * 9);
    cr_assert_leq(used, limit);
    put_alone(stand, TABLE_CONTENT, 1, "changed");
    for (uint64_t key = 2; key <= stored / 2; key++) {
        struct transaction *transaction = begin(stand, true);
        cr_assert_eq(store_get(stand->store, transaction, TABLE_CONTENT, key, &bytes, &length), STORE_OK);
        cr_assert_eq(length, VALUE_BYTES);
        cr_assert_eq(store_del(stand->store, transaction, TABLE_CONTENT, key), STORE_OK);
        commit(stand, &transaction);
    }
    store_usage(stand->store, &used_after, &limit);
    cr_assert_lt(used_after, used / 10 * 7, "deleted space is not given back: %llu of %llu",
                 (unsigned long long)used_after, (unsigned long long)used);
    struct transaction *transaction = begin(stand, true);
    expect(stand, transaction, TABLE_CONTENT, 1, "changed");
    for (uint64_t key = stored + 1; key <= stored + BATCH; key++)
        cr_assert_eq(put(stand, transaction, TABLE_CONTENT, key, "room again"), STORE_OK);
    commit(stand, &transaction);
}

BEHAVIOUR(a_transaction_keeps_its_first_error_until_its_end)
{
    static const char large[LIMIT_BYTES];
    const void *bytes;
    size_t length;
    uint64_t key = 0;
    struct transaction *transaction = begin(stand, true);
    cr_assert_eq(put(stand, transaction, TABLE_REFERRAL, 1, "before"), STORE_OK);
    cr_assert_eq(store_put(stand->store, transaction, TABLE_CONTENT, 1, large, sizeof large), STORE_FULL);
    cr_assert_eq(put(stand, transaction, TABLE_REFERRAL, 2, "after"), STORE_FULL);
    cr_assert_eq(store_del(stand->store, transaction, TABLE_REFERRAL, 1), STORE_FULL);
    cr_assert_eq(store_get(stand->store, transaction, TABLE_REFERRAL, 9, &bytes, &length), STORE_FULL);
    cr_assert_eq(store_seek(stand->store, transaction, TABLE_PARTY, false, &key, &bytes, &length), STORE_FULL);
    cr_assert_eq(store_place_get(stand->store, transaction, "P", 1, &bytes, &length), STORE_FULL);
    cr_assert_eq(store_place_put(stand->store, transaction, "P", 1, "p", 1), STORE_FULL);
    cr_assert_eq(store_commit(stand->store, &transaction), STORE_FULL);
    cr_assert_null(transaction);
    transaction = begin(stand, true);
    expect_none(stand, transaction, TABLE_REFERRAL, 1);
    cr_assert_eq(put(stand, transaction, TABLE_REFERRAL, 1, "later"), STORE_OK);
    commit(stand, &transaction);
}

Test(store, every_result_has_a_text)
{
    for (int result = STORE_OK; result <= STORE_DAMAGED; result++)
        cr_assert_gt(strlen(store_result_text((enum store_result)result)), 0);
}

/* LMDB alone. */

static void expect_refused(struct stand *stand, const char *words)
{
    struct store *store = store_lmdb_open(stand->directory, LIMIT_BYTES, stand->why, sizeof stand->why);
    cr_assert_null(store);
    cr_assert_not_null(strstr(stand->why, words), "\"%s\" does not say \"%s\"", stand->why, words);
    cr_assert_not_null(strstr(stand->why, stand->directory), "\"%s\" does not say where", stand->why);
}

Test(lmdb, a_second_open_is_refused_and_names_the_process)
{
    struct stand stand;
    char words[64];
    stand_open(&stand, true);
    put_alone(&stand, TABLE_REFERRAL, 1, "kept");
    snprintf(words, sizeof words, "already running as PID %ld;", (long)getpid());
    expect_refused(&stand, words);
    pid_t child = fork();
    if (child == 0)
        _exit(store_lmdb_open(stand.directory, LIMIT_BYTES, stand.why, sizeof stand.why) == NULL &&
                      strstr(stand.why, words) != NULL
                  ? 0
                  : 1);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "another process was let in");
    struct transaction *transaction = begin(&stand, false);
    expect(&stand, transaction, TABLE_REFERRAL, 1, "kept");
    store_abort(stand.store, &transaction);
    stand_close(&stand);
}

Test(lmdb, a_process_that_ends_without_closing_leaves_what_it_committed_and_no_lock)
{
    struct stand stand = {.directory = "/tmp/test-store-XXXXXX"};
    cr_assert_not_null(mkdtemp(stand.directory));
    pid_t child = fork();
    if (child == 0) {
        open_lmdb(&stand);
        put_alone(&stand, TABLE_REFERRAL, 1, "committed");
        begin(&stand, false);
        struct transaction *transaction = begin(&stand, true);
        put(&stand, transaction, TABLE_REFERRAL, 2, "not committed");
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    open_lmdb(&stand);
    struct transaction *transaction = begin(&stand, true);
    expect(&stand, transaction, TABLE_REFERRAL, 1, "committed");
    expect_none(&stand, transaction, TABLE_REFERRAL, 2);
    store_abort(stand.store, &transaction);
    stand_close(&stand);
}

Test(lmdb, modes_that_let_others_in_are_refused)
{
    static const char *const names[] = {"", "data.mdb", "lock.mdb", "lock"};
    struct stand stand;
    stand_open(&stand, true);
    store_close(&stand.store);
    for (size_t i = 0; i < 4; i++) {
        struct stat status;
        cr_assert_eq(stat(stand_path(&stand, names[i]), &status), 0);
        mode_t mode = status.st_mode & 07777;
        cr_assert_eq(mode, i == 0 ? 0700 : 0600, "%s has mode %o", names[i], mode);
        static const mode_t loose[] = {0040, 0004, 0010};
        for (size_t j = 0; j < 3; j++) {
            chmod(stand_path(&stand, names[i]), mode | loose[j]);
            expect_refused(&stand, "chmod");
        }
        chmod(stand_path(&stand, names[i]), mode);
    }
    open_lmdb(&stand);
    stand_close(&stand);
}

Test(lmdb, a_store_is_made_private_whatever_the_umask_is)
{
    struct stand stand = {.directory = "/tmp/test-store-XXXXXX"};
    cr_assert_not_null(mkdtemp(stand.directory));
    rmdir(stand.directory);
    mode_t before = umask(0);
    open_lmdb(&stand);
    umask(before);
    stand_reopen(&stand);
    stand_close(&stand);
}

Test(lmdb, a_link_in_the_place_of_a_file_is_refused)
{
    struct stand stand;
    stand_open(&stand, true);
    store_close(&stand.store);
    unlink(stand_path(&stand, "lock"));
    cr_assert_eq(symlink("/tmp/does-not-exist", stand_path(&stand, "lock")), 0);
    expect_refused(&stand, "not a regular file");
    stand_close(&stand);
}

Test(lmdb, a_truncated_data_file_is_refused)
{
    struct stand stand;
    stand_open(&stand, true);
    fill(&stand);
    store_close(&stand.store);
    static const off_t lengths[] = {LIMIT_BYTES / 2, 3 * 4096, 2 * 4096, 4096, 100, 1, 0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        cr_assert_eq(truncate(stand_path(&stand, "data.mdb"), lengths[i]), 0);
        expect_refused(&stand, "damaged");
    }
    stand_close(&stand);
}

/* Where the key of a value stands in the file: behind it stands the value. */
static off_t find_key(const char *path, uint64_t key)
{
    static unsigned char bytes[LIMIT_BYTES];
    unsigned char sought[9] = {0, 0, 0, 0, 0, 0, 0, (unsigned char)key, 'v'};
    int file = open(path, O_RDONLY);
    ssize_t length = read(file, bytes, sizeof bytes);
    close(file);
    cr_assert_gt(length, 0);
    const unsigned char *found = memmem(bytes, (size_t)length, sought, sizeof sought);
    cr_assert_not_null(found, "key %llu is not in the file", (unsigned long long)key);
    return found - bytes;
}

Test(lmdb, keys_out_of_order_are_never_answered_on_the_wrong_side)
{
    struct stand stand;
    const void *bytes;
    size_t length;
    unsigned damaged = 0;
    stand_open(&stand, true);
    char text[1900] = "";
    memset(text, 'v', sizeof text - 1);
    /* Two to a page, each of which stands in the file once: at the edge of a page LMDB does not look at the key. */
    struct transaction *transaction = begin(&stand, true);
    for (uint64_t key = 10; key <= 90; key += 10)
        put(&stand, transaction, TABLE_REFERRAL, key, text);
    commit(&stand, &transaction);
    for (uint64_t changed = 10; changed <= 90; changed += 10)
        for (int bit = 0; bit < 7; bit++) {
            store_close(&stand.store);
            int file = open(stand_path(&stand, "data.mdb"), O_RDWR);
            off_t at = find_key(stand_path(&stand, "data.mdb"), changed) + 7;
            unsigned char byte = (unsigned char)(changed ^ 1u << bit), before = (unsigned char)changed;
            cr_assert_eq(pwrite(file, &byte, 1, at), 1);
            open_lmdb(&stand);
            for (uint64_t asked = 0; asked <= 100; asked += 5)
                for (int backward = 0; backward < 2; backward++) {
                    uint64_t key = asked;
                    transaction = begin(&stand, false);
                    enum store_result result =
                        store_seek(stand.store, transaction, TABLE_REFERRAL, backward, &key, &bytes, &length);
                    cr_assert(result != STORE_OK || (backward ? key <= asked : key >= asked));
                    damaged += result == STORE_DAMAGED;
                    store_abort(stand.store, &transaction);
                }
            cr_assert_eq(pwrite(file, &before, 1, at), 1);
            close(file);
        }
    cr_assert_gt(damaged, 0, "no key was out of order");
    stand_close(&stand);
}

Test(lmdb, a_data_file_of_something_else_is_refused)
{
    struct stand stand;
    stand_open(&stand, true);
    store_close(&stand.store);
    int file = open(stand_path(&stand, "data.mdb"), O_WRONLY | O_TRUNC);
    for (int i = 0; i < 4096; i++)
        cr_assert_eq(write(file, "shopping", 8), 8);
    close(file);
    expect_refused(&stand, "damaged");
    stand_close(&stand);
}

Test(lmdb, the_file_has_all_its_blocks_from_the_start_and_grows_with_the_limit)
{
    struct stand stand;
    struct stat status;
    stand_open(&stand, true);
    cr_assert_eq(stat(stand_path(&stand, "data.mdb"), &status), 0);
    cr_assert_eq(status.st_size, LIMIT_BYTES);
    cr_assert_geq(status.st_blocks * 512, LIMIT_BYTES);
    uint64_t stored = fill(&stand), used, limit;
    store_close(&stand.store);
    stand.store = store_lmdb_open(stand.directory, 2 * LIMIT_BYTES - 1, stand.why, sizeof stand.why);
    cr_assert_not_null(stand.store, "%s", stand.why);
    store_usage(stand.store, &used, &limit);
    cr_assert_eq(limit, 2 * LIMIT_BYTES);
    put_alone(&stand, TABLE_CONTENT, stored + 1, "room now");
    cr_assert_eq(stat(stand_path(&stand, "data.mdb"), &status), 0);
    cr_assert_geq(status.st_blocks * 512, 2 * LIMIT_BYTES);
    stand_close(&stand);
}

Test(lmdb, a_directory_that_cannot_be_made_is_explained)
{
    struct stand stand = {.directory = "/tmp/test-store-none/below"};
    expect_refused(&stand, "No such file or directory");
}

static void *read_often(void *argument)
{
    static char no_transaction[] = "no transaction", half_a_commit[] = "half a commit";
    struct stand *stand = argument;
    for (int i = 0; i < 200; i++) {
        struct transaction *transaction = store_begin(stand->store, false, NULL);
        const void *bytes[2];
        size_t length[2];
        if (transaction == NULL)
            return no_transaction;
        bool same = store_get(stand->store, transaction, TABLE_REFERRAL, 1, &bytes[0], &length[0]) == STORE_OK &&
                    store_get(stand->store, transaction, TABLE_HISTORY, 1, &bytes[1], &length[1]) == STORE_OK &&
                    length[0] == length[1] && memcmp(bytes[0], bytes[1], length[0]) == 0;
        store_abort(stand->store, &transaction);
        if (!same)
            return half_a_commit;
    }
    return NULL;
}

Test(lmdb, threads_read_whole_commits_beside_the_writer)
{
    struct stand stand;
    pthread_t threads[3];
    stand_open(&stand, true);
    for (int i = 0; i <= 100; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        struct transaction *transaction = begin(&stand, true);
        put(&stand, transaction, TABLE_REFERRAL, 1, text);
        put(&stand, transaction, TABLE_HISTORY, 1, text);
        commit(&stand, &transaction);
        if (i % 4 == 0) /* before anybody reads, and then now and then */
            cr_assert_eq(store_settle(stand.store), STORE_OK);
        for (int j = 0; i == 0 && j < 3; j++)
            cr_assert_eq(pthread_create(&threads[j], NULL, read_often, &stand), 0);
    }
    for (int j = 0; j < 3; j++) {
        void *trouble;
        pthread_join(threads[j], &trouble);
        cr_assert_null(trouble, "%s", (const char *)trouble);
    }
    stand_close(&stand);
}

/* Memory alone: each fault does what it says. */

/* Commits a change of "old" to "new" under a fault, and tells what it came to. */
static enum store_result change_under(struct stand *stand, enum memory_fault fault)
{
    stand_open(stand, false);
    put_alone(stand, TABLE_REFERRAL, 1, "old");
    stand->faults.next_commit = fault;
    struct transaction *transaction = begin(stand, false);
    commit(stand, &transaction); /* a read transaction does not meet it */
    transaction = begin(stand, true);
    put(stand, transaction, TABLE_REFERRAL, 1, "new");
    enum store_result result = store_commit(stand->store, &transaction);
    cr_assert_null(transaction);
    cr_assert_eq(stand->faults.next_commit, MEMORY_FAULT_NONE);
    return result;
}

static void expect_and_close(struct stand *stand, const char *text)
{
    struct transaction *transaction = begin(stand, false);
    expect(stand, transaction, TABLE_REFERRAL, 1, text);
    store_abort(stand->store, &transaction);
    put_alone(stand, TABLE_REFERRAL, 1, "works again");
    stand_close(stand);
}

static void expect_ended(struct stand *stand, enum store_result expected)
{
    enum store_result why = STORE_OK;
    cr_assert_null(store_begin(stand->store, false, &why));
    cr_assert_eq(why, expected);
    cr_assert_null(store_begin(stand->store, true, NULL));
}

Test(memory, an_unavailable_commit_stores_nothing_and_the_next_one_works)
{
    struct stand stand;
    cr_assert_eq(change_under(&stand, MEMORY_FAULT_UNAVAILABLE), STORE_UNAVAILABLE);
    expect_and_close(&stand, "old");
}

Test(memory, a_full_commit_stores_nothing_and_the_next_one_works)
{
    struct stand stand;
    cr_assert_eq(change_under(&stand, MEMORY_FAULT_FULL), STORE_FULL);
    expect_and_close(&stand, "old");
}

Test(memory, an_unknown_commit_ends_the_store_and_the_reopen_tells)
{
    struct stand stand;
    cr_assert_eq(change_under(&stand, MEMORY_FAULT_UNKNOWN_STORED), STORE_UNKNOWN);
    expect_ended(&stand, STORE_UNKNOWN);
    store_memory_reopen(stand.store);
    expect_and_close(&stand, "new");
    cr_assert_eq(change_under(&stand, MEMORY_FAULT_UNKNOWN_LOST), STORE_UNKNOWN);
    expect_ended(&stand, STORE_UNKNOWN);
    store_memory_reopen(stand.store);
    expect_and_close(&stand, "old");
}

Test(memory, a_fenced_commit_ends_the_store)
{
    struct stand stand;
    cr_assert_eq(change_under(&stand, MEMORY_FAULT_FENCED), STORE_FENCED);
    expect_ended(&stand, STORE_FENCED);
    store_memory_reopen(stand.store);
    expect_and_close(&stand, "old");
}

Test(memory, a_power_loss_keeps_what_is_committed_and_drops_what_is_open)
{
    struct stand stand;
    stand_open(&stand, false);
    put_alone(&stand, TABLE_REFERRAL, 1, "old");
    struct transaction *transaction = begin(&stand, true);
    put(&stand, transaction, TABLE_REFERRAL, 1, "new");
    put(&stand, transaction, TABLE_REFERRAL, 2, "new");
    begin(&stand, false);
    store_memory_crash(stand.store);
    expect_ended(&stand, STORE_UNAVAILABLE);
    store_memory_reopen(stand.store);
    transaction = begin(&stand, true);
    expect_none(&stand, transaction, TABLE_REFERRAL, 2);
    store_abort(stand.store, &transaction);
    expect_and_close(&stand, "old");
}

Test(memory, a_flipped_bit_changes_one_stored_value)
{
    struct stand stand;
    stand_open(&stand, false);
    put_alone(&stand, TABLE_REFERRAL, 1, "aa");
    put_alone(&stand, TABLE_REFERRAL, 2, "aa");
    cr_assert(store_memory_flip_bit(stand.store, TABLE_REFERRAL, 1, 9));
    cr_assert_not(store_memory_flip_bit(stand.store, TABLE_REFERRAL, 3, 0));
    struct transaction *transaction = begin(&stand, false);
    expect(&stand, transaction, TABLE_REFERRAL, 1, "ac");
    expect(&stand, transaction, TABLE_REFERRAL, 2, "aa");
    store_abort(stand.store, &transaction);
    stand_close(&stand);
}
