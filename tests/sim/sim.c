/* SPDX-License-Identifier: MIT
 * sim: runs worlds, one seed after the other, and says what the auditor found. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/planted.h"
#include "tests/sim/coverage.h"
#include "tests/sim/planted.h"
#include "tests/sim/trial.h"
#include "tests/sim/year.h"

#define SEEDS_FOR_COVERAGE 100 /* from so many on, what is expected of everybody must have occurred, */
#define SEEDS_FOR_CELLS 1000   /* and every cell of the tables */
#define SEEDS_IN_CI 1100
#define JOBS_MAX 64
#define SHRINK_SECONDS 120

struct choice {
    struct world_choice world;
    uint64_t seeds, jobs;
    bool trace, shrink, write, planted, year, ci;
    const char *digests, *regression;
    uint64_t days;
    uint64_t bug; /* 0: all */
};

/* What the jobs share. */
struct sum {
    uint64_t referrals, messages, faults, crashes;
    uint64_t digest; /* the same in whatever order seeds are run */
    uint64_t next;   /* seed that nobody has taken */
    uint64_t failed;
    uint64_t seed_of[JOBS_MAX];
};

static void print_options(const struct world_choice *world)
{
    printf("--seed %" PRIu64 "%s", world->seed, world->plain ? " --plain" : "");
    if (world->referrals)
        printf(" --referrals %u", world->referrals);
}

/* The last events of a run are those of the same run again. */
static void show_failure(const struct choice *choice, const struct world_choice *world, const char *violation)
{
    printf("sim: seed %" PRIu64 ": VIOLATION: %s\n", world->seed, violation);
    if (!choice->trace) {
        struct world_result again;
        world_run(world, TRACE_LAST, &again);
    }
    printf("sim: see it happen: sim ");
    print_options(world);
    printf(" --trace\nsim: make it smaller: sim ");
    print_options(world);
    printf(" --shrink\n");
}

static uint64_t mix(uint64_t digest, uint64_t seed)
{
    struct random random = {digest ^ seed * UINT64_C(0x9e3779b97f4a7c15)};

    return random_next(&random);
}

static void run_job(const struct choice *choice, struct sum *sum, uint64_t job)
{
    struct world_choice world = choice->world;
    struct world_result result;

    while (!__atomic_load_n(&sum->failed, __ATOMIC_RELAXED)) {
        world.seed = __atomic_fetch_add(&sum->next, 1, __ATOMIC_RELAXED);
        if (world.seed >= choice->world.seed + choice->seeds)
            return;
        sum->seed_of[job] = world.seed;
        world_run(&world, choice->trace ? TRACE_ALL : TRACE_NONE, &result);
        __atomic_fetch_add(&sum->referrals, result.referrals, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sum->messages, result.messages, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sum->faults, result.faults, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sum->crashes, result.crashes, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sum->digest, mix(result.digest, world.seed), __ATOMIC_RELAXED);
        if (!result.violation[0])
            continue;
        __atomic_fetch_add(&sum->failed, 1, __ATOMIC_RELAXED);
        show_failure(choice, &world, result.violation);
    }
}

/* Each job is a process. One that is stopped, by an assertion of the daemon, was about the seed that it had taken. */
static void run_jobs(const struct choice *choice, struct sum *sum)
{
    pid_t children[JOBS_MAX];
    int status = 0;

    fflush(stdout);
    for (uint64_t job = 0; job < choice->jobs; job++) {
        children[job] = fork();
        assert(children[job] >= 0);
        if (children[job] == 0) {
            run_job(choice, sum, job);
            exit(0);
        }
    }
    for (uint64_t job = 0; job < choice->jobs; job++) {
        bool waited = waitpid(children[job], &status, 0) == children[job];
        if (waited && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        printf("sim: seed %" PRIu64 ": VIOLATION: the daemon has stopped itself\n", sum->seed_of[job]);
        __atomic_fetch_add(&sum->failed, 1, __ATOMIC_RELAXED);
    }
}

/* The same seed gives the same run. */
static bool repeats(const struct choice *choice)
{
    struct world_result one, other;

    world_run(&choice->world, TRACE_NONE, &one);
    world_run(&choice->world, TRACE_NONE, &other);
    if (one.digest == other.digest)
        return true;
    printf("sim: seed %" PRIu64 " runs differently a second time\n", choice->world.seed);
    return false;
}

static int print_missing(const struct choice *choice)
{
    int missing = 0;

    if (choice->seeds >= SEEDS_FOR_COVERAGE)
        missing += auditor_print_missing() + world_print_missing();
    if (choice->seeds >= SEEDS_FOR_CELLS)
        missing += cells_print_missing();
    return missing;
}

static int run_all(const struct choice *choice)
{
    struct sum *sum = trial_share(sizeof *sum);
    int covered = 0, expected = 0, cells = 0, cells_expected = 0;

    coverage_share();
    sum->next = choice->world.seed;
    if (choice->seeds > 1 && !repeats(choice))
        return 1;
    if (choice->seeds == 1)
        run_job(choice, sum, 0);
    else
        run_jobs(choice, sum);
    bool good = !sum->failed && print_missing(choice) == 0;
    auditor_count_covered(&covered, &expected);
    cells_count(&cells, &cells_expected);
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " referrals, %" PRIu64 " messages, %" PRIu64 " faults, %" PRIu64
           " crashes, %d of %d kinds of answer, %d of %d cells, %s, digest %016" PRIx64 "\n",
           choice->seeds, sum->referrals, sum->messages, sum->faults, sum->crashes, covered, expected, cells,
           cells_expected, good ? "0 violations" : "FAILED", sum->digest);
    return good ? 0 : 1;
}

/* ---- digests ---- */

/* Writes the digests of the seeds from the first, or compares them with the file, which has one in each line. */
static int run_digests(const struct choice *choice)
{
    FILE *file = fopen(choice->digests, choice->write ? "w" : "r");
    struct world_choice world = choice->world;
    struct world_result result;
    int wrong = 0;

    if (!file) {
        printf("sim: %s cannot be opened\n", choice->digests);
        return 1;
    }
    for (; world.seed < choice->world.seed + choice->seeds; world.seed++) {
        uint64_t seed = 0, expected = 0;
        world_run(&world, TRACE_NONE, &result);
        if (choice->write)
            fprintf(file, "%" PRIu64 " %016" PRIx64 "\n", world.seed, result.digest);
        else if (fscanf(file, "%" SCNu64 " %" SCNx64, &seed, &expected) != 2 || seed != world.seed ||
                 expected != result.digest)
            wrong += printf("sim: seed %" PRIu64 " has the digest %016" PRIx64 ", and not %016" PRIx64 "\n", world.seed,
                            result.digest, expected) > 0;
    }
    fclose(file);
    if (wrong)
        printf("sim: %d runs are not as they were. When that is meant: sim --digests %s --write, and say in the commit "
               "why. When gcc and clang differ, something depends on the build: mend it.\n",
               wrong, choice->digests);
    return wrong ? 1 : 0;
}

/* ---- runs that fail, or have failed ---- */

static int run_shrink(const struct choice *choice)
{
    struct world_choice world = choice->world;
    char violation[TRIAL_BYTES];

    if (!trial_shrink(&world, SHRINK_SECONDS, violation)) {
        printf("sim: seed %" PRIu64 " does not fail\n", world.seed);
        return 1;
    }
    trial_print(&world, violation);
    return 0;
}

static int run_regression(struct choice *choice)
{
    if (!trial_read(choice->regression, &choice->world))
        return 1;
    choice->seeds = 1;
    return run_all(choice);
}

/* ---- the command line ---- */

static bool take_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = text ? strtoull(text, &end, 0) : 0;
    return text && errno == 0 && end != text && *end == 0;
}

static bool take_options(int argc, char **argv, struct choice *choice)
{
    uint64_t referrals = 0;
    const struct {
        const char *name;
        bool *flag;
        uint64_t *number;
        const char **text;
    } options[] = {
        {"--trace", &choice->trace, NULL, NULL},
        {"--plain", &choice->world.plain, NULL, NULL},
        {"--shrink", &choice->shrink, NULL, NULL},
        {"--write", &choice->write, NULL, NULL},
        {"--planted", &choice->planted, NULL, NULL},
        {"--year", &choice->year, NULL, NULL},
        {"--ci", &choice->ci, NULL, NULL},
        {"--seed", NULL, &choice->world.seed, NULL},
        {"--seeds", NULL, &choice->seeds, NULL},
        {"--jobs", NULL, &choice->jobs, NULL},
        {"--referrals", NULL, &referrals, NULL},
        {"--days", NULL, &choice->days, NULL},
        {"--bug", NULL, &choice->bug, NULL},
        {"--digests", NULL, NULL, &choice->digests},
        {"--regression", NULL, NULL, &choice->regression},
    };
    const size_t count = sizeof options / sizeof options[0];

    for (int i = 1; i < argc; i++) {
        size_t which = 0;
        while (which < count && strcmp(argv[i], options[which].name) != 0)
            which++;
        if (which == count)
            return false;
        if (options[which].flag)
            *options[which].flag = true;
        else if (options[which].text && !(*options[which].text = argv[++i]))
            return false;
        else if (options[which].number && !take_number(argv[++i], options[which].number))
            return false;
    }
    choice->world.referrals = (unsigned)referrals;
    if (choice->ci) {
        choice->seeds = SEEDS_IN_CI;
        choice->jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
        choice->jobs = choice->jobs > JOBS_MAX ? JOBS_MAX : choice->jobs;
    }
    return choice->seeds > 0 && choice->days > 0 && choice->days < 4000 && referrals < 100000 && choice->jobs > 0 &&
           choice->jobs <= JOBS_MAX;
}

static int run_year(const struct choice *choice)
{
    const struct year_choice year = {.network = SOURCE_DIR "/etc/networks/plymouth.conf",
                                     .postcodes = SOURCE_DIR "/etc/data/postcodes_plymouth.csv",
                                     .seed = choice->world.seed,
                                     .referrals = choice->world.referrals ? choice->world.referrals : 5000,
                                     .days = (unsigned)choice->days};

    return year_run(&year) ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct choice choice = {.world = {.seed = 1}, .seeds = 1, .jobs = 1, .days = 365};

    /* Each life of a daemon takes large memory that it hardly touches: to be fetched anew, and not wiped. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    if (!take_options(argc, argv, &choice)) {
        fprintf(stderr, "usage: sim [--seed S] [--seeds N] [--jobs N] [--referrals N] [--plain] [--trace | --shrink]\n"
                        "       sim --ci\n"
                        "       sim --regression FILE [--trace]\n"
                        "       sim --digests FILE [--seeds N] [--write]\n"
                        "       sim --year [--seed S] [--referrals N] [--days N]\n");
        return 2;
    }
#ifdef PLANT
    if (choice.planted)
        return planted_run((int)choice.bug, choice.seeds, (unsigned)choice.jobs) ? 1 : 0;
    planted_bug = (int)choice.bug;
#endif
    if (choice.regression)
        return run_regression(&choice);
    if (choice.digests)
        return run_digests(&choice);
    if (choice.shrink)
        return run_shrink(&choice);
    return choice.year ? run_year(&choice) : run_all(&choice);
}
