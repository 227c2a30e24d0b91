/* SPDX-License-Identifier: MIT
 * trial: what a run is about is told by what it fails with, but for its numbers. */
#include "tests/sim/trial.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEEDS_TRIED 16
#define TRIAL_SECONDS 60 /* of processor time; a run that takes longer proves nothing */

void *trial_share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert(memory != MAP_FAILED);
    return memory;
}

static void run_in_child(const struct world_choice *choice, struct world_result *result)
{
    const struct rlimit limit = {TRIAL_SECONDS, TRIAL_SECONDS + 1};

    setrlimit(RLIMIT_CPU, &limit);
    if (!freopen("/dev/null", "w", stderr)) /* an assertion of the daemon is told as its signal */
        _exit(3);
    world_run(choice, TRACE_NONE, result);
    _exit(0);
}

void trial_run(const struct world_choice *choice, char violation[TRIAL_BYTES])
{
    static struct world_result *result;
    int status = 0;

    if (!result)
        result = trial_share(sizeof *result);
    *result = (struct world_result){0};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        run_in_child(choice, result);
    bool waited = child > 0 && waitpid(child, &status, 0) == child;
    assert(waited);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        violation[0] = '\0';
    else if (WIFSIGNALED(status))
        snprintf(violation, TRIAL_BYTES, "stopped by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(violation, TRIAL_BYTES, "%s", result->violation);
}

/* ---- making it smaller ---- */

static bool is_same(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (isdigit((unsigned char)*a))
            a++;
        while (isdigit((unsigned char)*b))
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

struct shrinking {
    struct world_choice *best;
    const char *violation; /* that it is about */
    time_t until;
};

/* A smaller run is another one: what fails in it may take another seed to show. */
static bool take_if_same(struct shrinking *shrinking, const struct world_choice *smaller)
{
    struct world_choice other = *smaller;
    char violation[TRIAL_BYTES];

    for (uint64_t i = 0; i < SEEDS_TRIED && time(NULL) < shrinking->until; i++) {
        other.seed = smaller->seed + (i << 32);
        trial_run(&other, violation);
        if (!violation[0] || !is_same(violation, shrinking->violation))
            continue;
        *shrinking->best = other;
        return true;
    }
    return false;
}

static bool take_fewer_referrals(struct shrinking *shrinking)
{
    static const unsigned counts[] = {1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 50, 100, 300};
    struct world_choice smaller = *shrinking->best;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (shrinking->best->referrals && counts[i] >= shrinking->best->referrals)
            return false;
        smaller.referrals = counts[i];
        if (take_if_same(shrinking, &smaller))
            return true;
    }
    return false;
}

static bool take_less_time(struct shrinking *shrinking)
{
    static const uint64_t hours[] = {2, 4, 8, 16, 24, 36, 48, 72, 96};
    struct world_choice smaller = *shrinking->best;

    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        if (shrinking->best->hours && hours[i] >= shrinking->best->hours)
            return false;
        smaller.hours = hours[i];
        if (take_if_same(shrinking, &smaller))
            return true;
    }
    return false;
}

/* All of them at once, or one after the other. */
static bool leave_out(struct shrinking *shrinking, size_t where, int count)
{
    uint64_t all = (UINT64_C(1) << count) - 1;
    bool any = false;

    for (int i = -1; i < count; i++) {
        struct world_choice smaller = *shrinking->best;
        uint64_t *left_out = (uint64_t *)((char *)&smaller + where);
        uint64_t more = *left_out | (i < 0 ? all : UINT64_C(1) << i);
        if (*left_out == more)
            continue;
        *left_out = more;
        any = take_if_same(shrinking, &smaller) || any;
    }
    return any;
}

bool trial_shrink(struct world_choice *choice, unsigned seconds, char violation[TRIAL_BYTES])
{
    struct shrinking shrinking = {choice, violation, time(NULL) + seconds};
    bool goes_on;

    trial_run(choice, violation);
    if (!violation[0])
        return false;
    if (!choice->plain) {
        struct world_choice plain = *choice;
        plain.plain = true;
        take_if_same(&shrinking, &plain);
    }
    do {
        goes_on = take_fewer_referrals(&shrinking);
        goes_on = take_less_time(&shrinking) || goes_on;
        goes_on = leave_out(&shrinking, offsetof(struct world_choice, mishaps_left_out), MISHAP_COUNT) || goes_on;
        goes_on = leave_out(&shrinking, offsetof(struct world_choice, features_left_out), TOWN_FEATURES) || goes_on;
    } while (goes_on);
    trial_run(choice, violation);
    return true;
}

/* ---- files ---- */

static bool take_line(const char *line, struct world_choice *choice)
{
    char word[40];
    uint64_t number = 0;

    if (line[0] == '#' || line[0] == '\n')
        return true;
    if (sscanf(line, "%39s %" SCNi64, word, (int64_t *)&number) != 2)
        return false;
    if (strcmp(word, "seed") == 0)
        choice->seed = number;
    else if (strcmp(word, "plain") == 0)
        choice->plain = number != 0;
    else if (strcmp(word, "referrals") == 0)
        choice->referrals = (unsigned)number;
    else if (strcmp(word, "hours") == 0)
        choice->hours = number;
    else if (strcmp(word, "features_left_out") == 0)
        choice->features_left_out = number;
    else if (strcmp(word, "mishaps_left_out") == 0)
        choice->mishaps_left_out = number;
    else
        return false;
    return true;
}

bool trial_read(const char *path, struct world_choice *choice)
{
    FILE *file = fopen(path, "r");
    char line[2000];
    bool good = file != NULL;

    *choice = (struct world_choice){0};
    while (good && fgets(line, sizeof line, file))
        good = take_line(line, choice);
    if (file)
        fclose(file);
    if (!good)
        printf("sim: %s cannot be read, or holds no run\n", path);
    return good;
}

void trial_print(const struct world_choice *choice, const char *violation)
{
    printf("# %s\n# What goes wrong in it:", violation);
    for (int i = 0; i < MISHAP_COUNT; i++)
        if (!(choice->mishaps_left_out >> i & 1))
            printf(" %s;", world_mishap_name((enum mishap)i));
    printf("\nseed %" PRIu64 "\nplain %d\nreferrals %u\nhours %" PRIu64 "\nfeatures_left_out 0x%" PRIx64
           "\nmishaps_left_out 0x%" PRIx64 "\n",
           choice->seed, choice->plain, choice->referrals, choice->hours, choice->features_left_out,
           choice->mishaps_left_out);
}
