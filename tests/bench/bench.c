/* SPDX-License-Identifier: MIT
 * bench: what a sender and its hubs get from the real daemon on this machine: CURVE on, sealed records, default sync,
 * everything on the same cores. From submit to the durable acknowledgement, and to the offer in its hub's hands. Beside
 * it, in the same run, what the machine itself can do. Prints a table and writes build/bench.json. With --scale: how
 * the throughput changes with rules, hubs and stored referrals. With --flow: what a greedy party does to another. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/floors.h"
#include "tests/bench/flow.h"
#include "tests/bench/load.h"
#include "tests/bench/rig.h"
#include "tests/bench/scale.h"

struct window {
    unsigned outstanding;
    unsigned referrals;
};

static const struct window windows[] = {{1, 2000}, {64, 60000}, {1024, 0}}; /* 0: as many as asked for */
enum { WINDOWS = sizeof windows / sizeof windows[0] };

static void print_head(void)
{
    printf("%11s %11s %12s %9s %9s %12s %12s %11s %10s\n", "outstanding", "stored", "referrals/s", "p50 us", "p99 us",
           "offer p50 us", "offer p99 us", "cpu us/ref", "RSS MiB");
}

static void print_row(const struct load_result *row)
{
    printf("%11u %11llu %12.0f %9.0f %9.0f %12.0f %12.0f %11.1f %10.0f\n", row->outstanding,
           (unsigned long long)row->stored, row->per_second, row->ack_p50_us, row->ack_p99_us, row->offer_p50_us,
           row->offer_p99_us, row->daemon_cpu_us, row->rss_mib);
    fflush(stdout);
}

static void write_rows(FILE *json, const struct load_result *rows, size_t count)
{
    fprintf(json, "{\"windows\": [");
    for (size_t i = 0; i < count; i++)
        fprintf(json,
                "%s\n  {\"outstanding\": %u, \"stored\": %llu, \"referrals_per_second\": %.0f, \"p50_us\": %.0f, "
                "\"p99_us\": %.0f, \"offer_p50_us\": %.0f, \"offer_p99_us\": %.0f, \"cpu_us_per_referral\": %.2f, "
                "\"all_cpu_us_per_referral\": %.2f, \"peak_rss_mib\": %.1f, \"anonymous_rss_mib\": %.1f, "
                "\"store_bytes_per_referral\": %.0f}",
                i ? "," : "", rows[i].outstanding, (unsigned long long)rows[i].stored, rows[i].per_second,
                rows[i].ack_p50_us, rows[i].ack_p99_us, rows[i].offer_p50_us, rows[i].offer_p99_us,
                rows[i].daemon_cpu_us, rows[i].all_cpu_us, rows[i].peak_rss_mib, rows[i].rss_mib, rows[i].store_bytes);
    fprintf(json, "],\n");
}

static void write_floors(FILE *json, const struct floors *floors)
{
    fprintf(json,
            " \"floor\": {\"curve_per_second\": %.0f, \"lmdb_per_second_64\": %.0f, \"lmdb_per_second_1024\": %.0f, "
            "\"syncs_per_second\": %.0f}}\n",
            floors->curve_per_second, floors->lmdb_per_second_64, floors->lmdb_per_second_1024,
            floors->syncs_per_second);
}

static void write_json(const char *path, const struct load_result *rows, size_t count, const struct floors *floors)
{
    FILE *json = fopen(path, "w");

    if (!json) {
        fprintf(stderr, "bench: cannot write %s\n", path);
        exit(73);
    }
    write_rows(json, rows, count);
    write_floors(json, floors);
    fclose(json);
}

static void usage(void)
{
    puts("usage: bench [--stored N] [--plymouth] [--daemon FILE] [--json FILE] [--referrals N]\n"
         "       bench --scale | --flow [--quick] [--daemon FILE]\n"
         "  --stored N      referrals to store before the second series (default 1000000; 0: no second series)\n"
         "  --plymouth      the real network with its whole rulebook, not a plain one of nine hubs\n"
         "  --referrals N   measure at 1,024 outstanding over N referrals (default 120000)\n"
         "  --daemon FILE   the daemon (default build/release/referrald)\n"
         "  --json FILE     where to write the figures (default build/bench.json)\n"
         "  --scale         how throughput changes with rules, hubs and stored referrals; --quick: a shorter one\n"
         "  --flow          what an honest party gets beside a greedy one; --quick: a shorter one");
}

struct arguments {
    struct rig_options rig;
    const char *json;
    unsigned stored, referrals;
    bool scale, flow, quick, help, wrong;
};

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"stored", required_argument, 0, 's'}, {"daemon", required_argument, 0, 'd'},
        {"json", required_argument, 0, 'j'},   {"referrals", required_argument, 0, 'r'},
        {"plymouth", no_argument, 0, 'p'},     {"scale", no_argument, 0, 'c'},
        {"flow", no_argument, 0, 'f'},         {"quick", no_argument, 0, 'q'},
        {"help", no_argument, 0, 'h'},         {0}};
    struct arguments arguments = {.rig = {.daemon = "build/release/referrald", .hubs = 9},
                                  .json = "build/bench.json",
                                  .stored = 1000000,
                                  .referrals = 120000};

    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 's')
            arguments.stored = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'd')
            arguments.rig.daemon = optarg;
        else if (option == 'j')
            arguments.json = optarg;
        else if (option == 'r')
            arguments.referrals = (unsigned)strtoul(optarg, NULL, 10);
        arguments.rig.plymouth |= option == 'p';
        arguments.scale |= option == 'c';
        arguments.flow |= option == 'f';
        arguments.quick |= option == 'q';
        arguments.help |= option == 'h';
        arguments.wrong |= option == '?';
    }
    return arguments;
}

static void run_series(struct arguments *arguments)
{
    struct load_result rows[2 * WINDOWS];
    size_t count = 0;
    struct floors floors = floors_measure();

    printf("floors: bare CURVE (in + acknowledgement + push) %.0f/s, bare LMDB commits of the same bytes %.0f/s in "
           "batches of 64, %.0f/s of 1,024, syncs %.0f/s\n",
           floors.curve_per_second, floors.lmdb_per_second_64, floors.lmdb_per_second_1024, floors.syncs_per_second);
    arguments->rig.referrals = arguments->stored + 2 * (62000 + (uint64_t)arguments->referrals);
    struct rig *rig = rig_start(&arguments->rig);
    print_head();
    for (int series = 0; series < (arguments->stored ? 2 : 1); series++) {
        if (series == 1)
            load_store(rig, arguments->stored);
        for (size_t i = 0; i < WINDOWS; i++) {
            rows[count] = load_run(rig, windows[i].outstanding,
                                   windows[i].referrals ? windows[i].referrals : arguments->referrals);
            print_row(&rows[count++]);
        }
    }
    write_json(arguments->json, rows, count, &floors);
    printf("at 1,024 outstanding: %.0f %% of the CURVE floor; %.0f bytes of store for each referral; figures in %s\n",
           100 * rows[2].per_second / floors.curve_per_second, rows[count - 1].store_bytes, arguments->json);
    rig_stop(&rig);
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv);

    if (arguments.help || arguments.wrong)
        usage();
    else if (arguments.scale)
        scale_print(arguments.rig.daemon, arguments.quick);
    else if (arguments.flow)
        flow_print(arguments.rig.daemon, arguments.quick);
    else
        run_series(&arguments);
    return arguments.wrong ? 64 : 0;
}
