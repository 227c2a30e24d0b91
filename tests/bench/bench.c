/* SPDX-License-Identifier: MIT
 * bench: what a sender, a hub and an operator get from the real daemon on this machine: CURVE on, sealed records,
 * every commit synced, the whole rulebook, everything on the same cores. Prints tables and goals, and writes them as
 * JSON. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"

/* clang-format off */
static const struct sizes usual = {
    .alone = 3000, .some = 60000, .many = 120000, .slow_alone = 500, .rounds = 5, .of_round = 20000,
    .stored = {10000, 100000, 1000000}, .parties = {10, 100, 1000, 9988}, .hubs = {9, 90, 900, 9000},
    .lives = 100000, .burst = 100000, .waiting = 100000, .commands = 20, .greedy_seconds = 20,
    .decisions = 1000, .decisions_networks = 4, .waiting_hubs = 1000};
static const struct sizes quick = {
    .alone = 2000, .some = 30000, .many = 60000, .slow_alone = 200, .rounds = 3, .of_round = 10000,
    .stored = {10000, 100000}, .parties = {10, 1000}, .hubs = {9, 900},
    .lives = 20000, .burst = 100000, .waiting = 20000, .commands = 5, .greedy_seconds = 3,
    .decisions = 200, .decisions_networks = 3, .waiting_hubs = 100};
static const struct sizes tiny = {
    .alone = 20, .some = 100, .many = 1100, .slow_alone = 5, .rounds = 1, .of_round = 200,
    .stored = {100, 300}, .parties = {2, 10}, .hubs = {9, 20},
    .lives = 100, .burst = 500, .waiting = 1000, .commands = 1, .greedy_seconds = 0.3,
    .decisions = 10, .decisions_networks = 1};
/* clang-format on */

static void (*const parts[PART_COUNT])(const struct bench *) = {
    [PART_MAIN] = main_part,           [PART_STORED] = stored_part, [PART_PARTIES] = parties_part,
    [PART_HUBS] = hubs_part,           [PART_LIFE] = life_part,     [PART_BURST] = burst_part,
    [PART_OPERATORS] = operators_part, [PART_GREEDY] = greedy_part, [PART_DECISION] = decision_part,
    [PART_AGAINST] = against_part,
};

struct arguments {
    struct bench bench;
    const char *json;
    bool parts[PART_COUNT];
    bool some_parts, help, wrong;
};

static void usage(void)
{
    puts("usage: bench [--quick | --long | --tiny] [--part NAME]... [--daemon FILE] [--json FILE]\n             "
         "[--against FILE | --profile FILE]\n"
         "  --quick          fewer of everything; tells nothing of the goals that need more\n"
         "  --long           up to ten million stored referrals, too\n"
         "  --tiny           only to see that it works\n"
         "  --part NAME      only this part; may be repeated:");
    for (enum bench_part part = 0; part < PART_AGAINST; part++)
        printf("%s%s", part ? ", " : "                   ", sheet_part_name(part));
    puts("\n"
         "  --daemon FILE    another daemon than the one built beside this program\n"
         "  --json FILE      where the figures go (build/bench.json)\n"
         "  --against FILE   only the main job, by turns with this daemon and the other\n"
         "  --profile FILE   only the main part, and what perf records of the daemon at 1,024 outstanding\n"
         "Stores stand where TMPDIR says, else in /tmp. Run it in the directory of the sources.");
}

static void choose_part(struct arguments *arguments, const char *name)
{
    enum bench_part part = 0;

    while (part < PART_COUNT && strcmp(name, sheet_part_name(part)) != 0)
        part++;
    if (part == PART_COUNT) {
        fprintf(stderr, "bench: there is no part \"%s\"\n", name);
        arguments->wrong = true;
        return;
    }
    arguments->parts[part] = true;
    arguments->some_parts = true;
}

static void take_option(struct arguments *arguments, int option)
{
    struct bench *bench = &arguments->bench;

    switch (option) {
    case 'q':
        bench->sizes = quick;
        break;
    case 'l':
        bench->sizes.stored[3] = 10000000;
        break;
    case 't':
        bench->sizes = tiny;
        break;
    case 'p':
        choose_part(arguments, optarg);
        break;
    case 'd':
        bench->daemon = optarg;
        break;
    case 'j':
        arguments->json = optarg;
        break;
    case 'f':
        bench->profile = optarg;
        choose_part(arguments, sheet_part_name(PART_MAIN));
        break;
    case 'a':
        bench->against = optarg;
        choose_part(arguments, sheet_part_name(PART_AGAINST));
        break;
    case 'h':
        arguments->help = true;
        break;
    default:
        arguments->wrong = true;
    }
}

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"quick", no_argument, 0, 'q'},         {"long", no_argument, 0, 'l'},
        {"tiny", no_argument, 0, 't'},          {"part", required_argument, 0, 'p'},
        {"daemon", required_argument, 0, 'd'},  {"json", required_argument, 0, 'j'},
        {"profile", required_argument, 0, 'f'}, {"against", required_argument, 0, 'a'},
        {"help", no_argument, 0, 'h'},          {0}};
    struct arguments arguments = {.bench = {.daemon = DAEMON, .sizes = usual}, .json = "build/bench.json"};

    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        take_option(&arguments, option);
    arguments.wrong = arguments.wrong || optind < argc;
    for (enum bench_part part = 0; part < PART_COUNT; part++)
        arguments.parts[part] = arguments.parts[part] || !arguments.some_parts;
    return arguments;
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv);

    if (arguments.help || arguments.wrong) {
        usage();
        return arguments.wrong ? 64 : 0;
    }
    for (enum bench_part part = 0; part < PART_COUNT; part++)
        if (arguments.parts[part])
            parts[part](&arguments.bench);
    return sheet_close(arguments.json, arguments.parts) ? 0 : 70;
}
