/* SPDX-License-Identifier: MIT
 * growth_parts: what throughput, memory and the start do when there are more stored referrals, connected parties and
 * hubs, and what another daemon does. */
#include <math.h>
#include <stdio.h>

#include "tests/bench/compare.h"
#include "tests/bench/figures.h"
#include "tests/bench/memory.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"

#define MILLION 1e6
#define SENDERS_MOST 9988 /* and twelve hubs: as many as may be enrolled */

static const char *const too_few = "fewer in this form";

/* A figure by the largest only when it is as large as the goal means. */
static void tell(enum goal goal, const struct compared *compared, unsigned count, bool is_whole)
{
    if (is_whole)
        sheet_goal(goal, fall(compared[0].median, compared[count - 1].median));
    else
        sheet_goal_not_here(goal, too_few);
}

/* ---- stored referrals ---- */

static void print_memory(const struct compared *compared, unsigned count)
{
    static const struct column columns[] = {{"stored", 0},      {"open", 0},    {"RssAnon MiB", 1},
                                            {"allowed MiB", 1}, {"% of it", 0}, {"disk B each", 0}};
    double worst = 0;

    sheet_table("memory", "Memory and disk, all of them open", "stored before", columns, 6);
    for (unsigned i = 0; i < count; i++) {
        struct rig_totals totals = rig_totals(compared[i].rig);
        double used = rig_memory_mib(compared[i].rig, "RssAnon");
        double allowed = memory_allowed_mib(totals.open, totals.stored);
        sheet_row(compared[i].label,
                  (double[]){(double)totals.stored, (double)totals.open, used, allowed, 100 * used / allowed,
                             (double)totals.store_bytes / (double)totals.stored});
        worst = larger(worst, 100 * used / allowed);
    }
    sheet_goal(GOAL_MEMORY_OPEN, worst);
}

static void print_restarts(struct compared *compared, unsigned count)
{
    static const struct column columns[] = {{"stored", 0}, {"seconds", 2}, {"CPU s", 2}, {"s per million", 2}};
    double last = NAN;

    sheet_table("restart", "From the start of the program until a party is welcome", "stored before", columns, 4);
    for (unsigned i = 0; i < count; i++) {
        crowd_close(&compared[i].crowd);
        for (int cold = 0; cold <= 1; cold++) {
            char label[96];
            double seconds = rig_restart(compared[i].rig, cold);
            double millions = (double)compared[i].rig->stored / MILLION;
            snprintf(label, sizeof label, "%llu%s", (unsigned long long)compared[i].rig->stored,
                     cold ? ", read from the disk" : "");
            sheet_row(label, (double[]){(double)compared[i].rig->stored, seconds,
                                        rig_usage(compared[i].rig).cpu_us / 1e6, seconds / millions});
            if (!cold)
                last = seconds / millions;
        }
    }
    sheet_goal(GOAL_RESTART, last);
}

static void tell_stored(const struct compared *compared, unsigned count, const char *reason)
{
    bool has_million = false;

    for (unsigned i = 1; i < count; i++) {
        has_million = has_million || compared[i].stored == 1000000;
        if (compared[i].stored == 1000000)
            sheet_goal(GOAL_STORED, fall(compared[0].median, compared[i].median));
    }
    if (!has_million)
        sheet_goal_not_here(GOAL_STORED, too_few);
    if (compared[count - 1].stored == 10000000)
        sheet_goal(GOAL_STORED_LONG, fall(compared[0].median, compared[count - 1].median));
    else
        sheet_goal_not_here(GOAL_STORED_LONG, reason);
}

void stored_part(const struct bench *bench)
{
    static char reason[48] = "only with --long";
    struct compared compared[COMPARED_MAX] = {0};
    unsigned count = 0, gibibytes;
    uint64_t all = 0;

    for (; count < COMPARED_MAX && bench->sizes.stored[count]; count++) {
        all += bench->sizes.stored[count];
        if (!rig_has_room(all, &gibibytes)) {
            snprintf(reason, sizeof reason, "needs %u GiB", gibibytes);
            break;
        }
        compared[count].stored = bench->sizes.stored[count];
        snprintf(compared[count].label, sizeof compared[count].label, "%llu",
                 (unsigned long long)compared[count].stored);
    }
    if (count == 0)
        rig_fail(reason);
    compare(bench, compared, count, "stored", "The main job with referrals stored before, 1,024 outstanding",
            "stored before");
    tell_stored(compared, count, reason);
    print_memory(compared, count);
    print_restarts(compared, count);
    compare_end(compared, count);
}

/* ---- another daemon ---- */

void against_part(const struct bench *bench)
{
    struct compared compared[2] = {{.label = "against"}, {.label = "daemon"}};

    if (!bench->against)
        return;
    compared[0].options.daemon = bench->against;
    compare(bench, compared, 2, "against", "The main job with two daemons, 1,024 outstanding", "");
    compare_end(compared, 2);
}

/* ---- connected parties ---- */

/* Ten of them send by turns. */
static void compare_connected(const struct bench *bench)
{
    const unsigned *parties = bench->sizes.parties;
    struct compared compared[COMPARED_MAX] = {0};
    unsigned count = 0;

    for (; count < COMPARED_MAX && parties[count]; count++) {
        compared[count].senders = parties[0];
        compared[count].idle = parties[count] - parties[0];
        snprintf(compared[count].label, sizeof compared[count].label, "%u", parties[count]);
    }
    compare(bench, compared, count, "parties", "The main job by turns from ten senders, 1,024 outstanding together",
            "connected senders (and 12 hubs)");
    tell(GOAL_PARTIES, compared, count, parties[count - 1] == SENDERS_MOST);
    compare_end(compared, count);
}

/* All of them do, so that no two messages of one connection are handled together. */
static void compare_sending(const struct bench *bench)
{
    const unsigned *parties = bench->sizes.parties;
    struct compared compared[COMPARED_MAX] = {0};
    unsigned count = 0;

    for (; count < COMPARED_MAX && parties[count] && rig_has_descriptors(parties[count]); count++) {
        compared[count].senders = parties[count];
        snprintf(compared[count].label, sizeof compared[count].label, "%u", parties[count]);
    }
    compare(bench, compared, count, "spread", "The same by turns from all of them", "connected senders (and 12 hubs)");
    compare_end(compared, count);
}

void parties_part(const struct bench *bench)
{
    compare_connected(bench);
    compare_sending(bench);
}

/* ---- hubs ---- */

static double compare_hubs(const struct bench *bench, enum rig_network network, const char *name, const char *title)
{
    struct compared compared[COMPARED_MAX] = {0};
    unsigned count = 0;

    for (; count < COMPARED_MAX && bench->sizes.hubs[count]; count++) {
        compared[count].options.network = network;
        compared[count].options.hubs = bench->sizes.hubs[count];
        snprintf(compared[count].label, sizeof compared[count].label, "%u", bench->sizes.hubs[count]);
    }
    compare(bench, compared, count, name, title, "hubs");
    compare_end(compared, count);
    return fall(compared[0].median, compared[count - 1].median);
}

void hubs_part(const struct bench *bench)
{
    unsigned last = 0;

    for (unsigned i = 0; i < COMPARED_MAX && bench->sizes.hubs[i]; i++)
        last = bench->sizes.hubs[i];
    double lost =
        compare_hubs(bench, RIG_TOWNS, "hubs", "The main job, each town with its own hubs, 1,024 outstanding");
    if (last == 9000)
        sheet_goal(GOAL_HUBS, lost);
    else
        sheet_goal_not_here(GOAL_HUBS, too_few);
    compare_hubs(bench, RIG_NEIGHBOURS, "neighbours", "The same, every hub a neighbour of everybody: the worst case");
}
