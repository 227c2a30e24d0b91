/* SPDX-License-Identifier: MIT
 * life_part: what is left on the disk and in memory of referrals that have come to their end. */
#include <lmdb.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/load.h"
#include "tests/bench/memory.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"

#define OUTSTANDING 256

static const struct column disk_columns[] = {{"B each", 0}, {"% of all", 0}};

struct table {
    MDB_txn *txn;
    double referrals, all_bytes;
};

static void must(int rc)
{
    if (rc != 0)
        rig_fail(mdb_strerror(rc));
}

static double bytes_of(const MDB_stat *stat)
{
    return (double)(stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages) * stat->ms_psize;
}

static void print_table(const struct table *table, const MDB_val *name)
{
    char text[64];
    MDB_dbi dbi;
    MDB_stat stat;

    snprintf(text, sizeof text, "%.*s", (int)name->mv_size, (const char *)name->mv_data);
    must(mdb_dbi_open(table->txn, text, 0, &dbi));
    must(mdb_stat(table->txn, dbi, &stat));
    double each = bytes_of(&stat) / table->referrals;
    if (each >= 0.5)
        sheet_row(text, (double[]){each, 100 * each * table->referrals / table->all_bytes});
}

/* The daemon's store is read beside it, as any other reader of LMDB would. */
static void print_tables(const struct rig *rig, const struct rig_totals *totals)
{
    struct table table = {.referrals = (double)totals->stored, .all_bytes = (double)totals->store_bytes};
    MDB_env *env;
    MDB_dbi names;
    MDB_cursor *cursor;
    MDB_val key, value;
    char path[128];

    snprintf(path, sizeof path, "%s/store", rig->directory);
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, 32));
    must(mdb_env_open(env, path, MDB_RDONLY, 0600));
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &table.txn));
    must(mdb_dbi_open(table.txn, NULL, 0, &names));
    must(mdb_cursor_open(table.txn, names, &cursor));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
        print_table(&table, &key);
    mdb_cursor_close(cursor);
    mdb_txn_abort(table.txn);
    mdb_env_close(env);
}

static struct rig *live(const struct bench *bench, unsigned moves, struct rig_totals *totals)
{
    const unsigned lives = bench->sizes.lives;
    const struct rig_options options = {.daemon = bench->daemon, .referrals = 3 * (uint64_t)lives};
    const struct load load = {.outstanding = OUTSTANDING, .referrals = lives, .moves = moves};
    struct rig *rig = rig_start(&options);
    struct crowd crowd;

    crowd_open(&crowd, rig, 1);
    load_run(&crowd, &load);
    crowd_close(&crowd);
    *totals = rig_totals(rig);
    if (totals->closed != lives)
        rig_fail("not all lives have ended");
    return rig;
}

void life_part(const struct bench *bench)
{
    static const struct column memory_columns[] = {
        {"stored", 0}, {"open", 0}, {"RssAnon MiB", 1}, {"allowed MiB", 1}, {"% of it", 0}};
    struct rig_totals four, five;

    sheet_table("life", "Disk at rest after a whole life, all confirmed and closed", "moves and tables", disk_columns,
                2);
    struct rig *rig = live(bench, 3, &four);
    double each = (double)four.store_bytes / (double)four.stored;
    sheet_row("accept, start, complete, confirmed", (double[]){each, 100});
    print_tables(rig, &four);
    double used = rig_memory_mib(rig, "RssAnon");
    double allowed = memory_allowed_mib(four.open, four.stored);
    rig_stop(&rig);
    rig = live(bench, 4, &five);
    sheet_row("the same with a progress in between", (double[]){(double)five.store_bytes / (double)five.stored, NAN});
    rig_stop(&rig);
    sheet_goal(GOAL_DISK, each);
    sheet_table("memory_closed", "Memory, all of them closed", "after whole lives", memory_columns, 5);
    sheet_row("accept, start, complete, confirmed",
              (double[]){(double)four.stored, (double)four.open, used, allowed, 100 * used / allowed});
    sheet_goal(GOAL_MEMORY_CLOSED, 100 * used / allowed);
}
