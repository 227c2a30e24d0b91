/* SPDX-License-Identifier: MIT
 * scale: what is compared takes turns: one round each, then the next round. Machines are noisy, and so the noise falls
 * on all alike; the median of the rounds is printed. */
#include "tests/bench/scale.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/load.h"
#include "tests/bench/rig.h"

#define OUTSTANDING 1024
#define ROUNDS_MAX 5
#define COMPARED_MAX 4

/* One of those that are compared. */
struct row {
    char name[48];
    struct rig_options options;
    uint64_t stored; /* before the first round */
    struct rig *rig;
    double per_second[ROUNDS_MAX], cpu_us[ROUNDS_MAX];
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof values[0], by_size);
    return values[count / 2];
}

static void print_rows(struct row *rows, unsigned count, unsigned rounds)
{
    double first = median(rows[0].per_second, rounds);
    double first_cpu = median(rows[0].cpu_us, rounds);

    printf("%-34s %12s %9s %11s %9s\n", "", "referrals/s", "", "cpu us/ref", "");
    for (unsigned i = 0; i < count; i++) {
        double per_second = median(rows[i].per_second, rounds);
        double cpu_us = median(rows[i].cpu_us, rounds);
        printf("%-34s %12.0f %8.0f%% %11.1f %8.0f%%\n", rows[i].name, per_second, 100 * per_second / first, cpu_us,
               100 * cpu_us / first_cpu);
    }
    fflush(stdout);
}

/* The daemons stand side by side; one works at a time. */
static void compare(struct row *rows, unsigned count, unsigned rounds, unsigned referrals)
{
    for (unsigned i = 0; i < count; i++) {
        rows[i].options.referrals = rows[i].stored + (rounds + 1) * referrals;
        rows[i].rig = rig_start(&rows[i].options);
        load_store(rows[i].rig, (unsigned)rows[i].stored);
    }
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < count; i++) {
            struct load_result result = load_run(rows[i].rig, OUTSTANDING, referrals);
            rows[i].per_second[round] = result.per_second;
            rows[i].cpu_us[round] = result.daemon_cpu_us;
        }
    for (unsigned i = 0; i < count; i++)
        rig_stop(&rows[i].rig);
    print_rows(rows, count, rounds);
}

static void print_rules(const char *daemon, unsigned rounds, unsigned referrals)
{
    struct row rows[] = {
        {.name = "a plain network of 9 hubs", .options = {.daemon = daemon, .hubs = 9}, .stored = 10000},
        {.name = "Plymouth, the whole rulebook", .options = {.daemon = daemon, .plymouth = true}, .stored = 10000},
    };

    compare(rows, 2, rounds, referrals);
}

static void print_hubs(const char *daemon, unsigned rounds, unsigned referrals)
{
    static const unsigned hubs[COMPARED_MAX] = {9, 90, 900, 9000};
    struct row rows[COMPARED_MAX] = {0};

    for (unsigned i = 0; i < COMPARED_MAX; i++) {
        rows[i].options = (struct rig_options){.daemon = daemon, .hubs = hubs[i]};
        snprintf(rows[i].name, sizeof rows[i].name, "%u hubs", hubs[i]);
    }
    compare(rows, COMPARED_MAX, rounds, referrals);
}

static void print_stored(const char *daemon, unsigned counts, unsigned rounds, unsigned referrals)
{
    static const unsigned stored[] = {10000, 100000, 1000000};
    struct row rows[COMPARED_MAX] = {0};

    for (unsigned i = 0; i < counts; i++) {
        rows[i].options = (struct rig_options){.daemon = daemon, .hubs = 9};
        rows[i].stored = stored[i];
        snprintf(rows[i].name, sizeof rows[i].name, "%u stored before", stored[i]);
    }
    compare(rows, counts, rounds, referrals);
}

void scale_print(const char *daemon, bool quick)
{
    unsigned rounds = quick ? 3 : ROUNDS_MAX;
    unsigned referrals = quick ? 10000 : 20000;

    printf("the main job, %u outstanding, median of %u rounds of %u that take turns\n", OUTSTANDING, rounds, referrals);
    print_rules(daemon, rounds, referrals);
    print_hubs(daemon, rounds, referrals);
    print_stored(daemon, quick ? 2 : 3, rounds, referrals);
}
