/* SPDX-License-Identifier: MIT
 * sim: runs worlds, one seed after the other, and says what the auditor found. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/world.h"
#include "tests/sim/year.h"

#define SEEDS_FOR_COVERAGE 100 /* from so many on, everything expected must have occurred */

#ifdef PLANT
int planted_bug;

static const char *const bugs[] = {
    [1] = "acknowledges although the commit failed",
    [2] = "forgets a lease",
    [3] = "forgets to free a place",
    [4] = "skips a deadline",
    [5] = "puts a letter into another's mailbox",
    [6] = "renumbers a mailbox after a start",
    [7] = "forgets unconfirmed letters at a start",
    [8] = "offers to an excluded hub",
    [9] = "offers to the same hub twice",
    [10] = "offers one more than there are places",
    [11] = "passes over some who wait",
    [12] = "takes a repeat for a new submit",
    [13] = "takes other content under a used request_id",
    [14] = "tells the person's name in an offer",
    [15] = "does not close on a confirmed outcome",
    [16] = "serves the youngest of the waiting list first",
    [17] = "does not tell the sender of a rejection",
    [18] = "takes an answer from any hub",
    [19] = "forgets stated places at a start",
    [20] = "forgets the places of accepted referrals at a start",
    [21] = "does not push again what was not confirmed",
    [22] = "forgets at a start what a party has confirmed",
    [23] = "leaves the places of a hub that said it has none",
    [24] = "does not tell the hub that its offer has run out",
    [25] = "lets an offer run out too early",
    [26] = "does not see that an answer is a repeat",
    [27] = "tells a hub who the person is before it has accepted",
    [28] = "waits for no deadline while nobody asks for anything",
    [40] = "gives one place to several needs of a person",
    [41] = "takes more in a week than a service does",
    [42] = "asks a hub whose figure is old without waiting for its answer",
    [43] = "passes over the conditions of a service",
    [44] = "runs emergency services without an emergency",
    [45] = "lets one sender flood a hub",
    [46] = "offers cases to hubs of another tier",
    [47] = "asks the farther hubs first",
    [48] = "shares needs out that one hub could take",
    [60] = "loses a need that waits when another one has a hub",
    [61] = "ends a referral with the first of its parts",
    [62] = "tells a hub of needs that it was not asked about",
    [63] = "takes who has waited too long out of the list",
    [64] = "lets people be overtaken for ever",
    [65] = "does not take all offers back when the sender cancels",
    [80] = "counts an unmet need twice",
    [81] = "forgets the places of accepted referrals when a network is applied",
    [82] = "does not end the emergency rules by itself",
    [83] = "does not begin a new week",
    [84] = "takes offers back from a hub that is draining",
    [90] = "does not remind hubs",
    [92] = "does not begin a hub's time anew when it goes on after a pause",
    [93] = "keeps the place of who was handed back",
    [94] = "places by itself what an operator holds",
    [95] = "does not tell the hub of a case what is new",
    [97] = "leaves offers on when the consent has run out",
    [98] = "does not begin a hub's time anew with a word of progress",
    [99] = "places by hand where there is no place",
    [100] = "does not tell former hubs of a retraction",
    [101] = "asks the hub again from which a case was taken",
    [102] = "tells senders what came of it without consent",
    [104] = "counts hops on after a release",
    [105] = "does not tell a hub that its case was taken back",
    [106] = "does not see that a consent runs out",
    [110] = "does a pause that is repeated twice",
    [111] = "forgets the key of who is updated",
    [112] = "does not remember requests that are done",
    [113] = "keeps the place in the list of who is prioritised",
    [114] = "places by hand all needs of a person",
    [115] = "does not look at what an update changes",
    [116] = "lets operators cancel without a reason",
    [117] = "recognises no person",
    [118] = "does not tell the head of the history",
    [119] = "forgets what was said with an event",
    [120] = "takes a confirmation for what another connection has",
    [121] = "leaves a silent connection what it has",
    [122] = "leaves who has gone what it had",
    [123] = "does not hear the confirmation of a GP practice",
    [124] = "forgets at a start the letters of who is far behind",
    [125] = "reads other letters back from the store",
    [126] = "does not send letters about enquiries",
    [131] = "keeps the key of who was erased",
    [132] = "tells of links without consent",
    [133] = "makes enquiries for cases of others",
    [134] = "takes an answer to an enquiry that has ended",
    [135] = "reveals a person without an entry",
    [136] = "takes anybody's answer to an enquiry",
    [137] = "waits for the answer to an enquiry for ever",
    [139] = "forgets open enquiries at a start",
};
#define BUGS_COUNT (sizeof bugs / sizeof bugs[0])
#endif

struct choice {
    uint64_t seed, seeds;
    unsigned referrals;
    bool trace;
    bool planted;
    bool year;
    uint64_t days;
    uint64_t bug; /* 0: all */
};

struct sum {
    uint64_t referrals, messages, faults, crashes, digest;
};

/* The last events of a run are those of the same run again. */
static void show_failure(const struct choice *choice, uint64_t seed, const struct world_result *result)
{
    printf("sim: seed %" PRIu64 ", %u referrals: VIOLATION: %s\n", seed, choice->referrals, result->violation);
    if (!choice->trace) {
        struct world_result again;
        world_run_seed(seed, choice->referrals, TRACE_LAST, &again);
    }
    printf("sim: see it happen: sim --seed %" PRIu64 " --referrals %u --trace\n", seed, choice->referrals);
}

static bool run(const struct choice *choice, struct sum *sum)
{
    struct world_result result;

    for (uint64_t seed = choice->seed; seed < choice->seed + choice->seeds; seed++) {
        world_run_seed(seed, choice->referrals, choice->trace ? TRACE_ALL : TRACE_NONE, &result);
        sum->referrals += result.referrals;
        sum->messages += result.messages;
        sum->faults += result.faults;
        sum->crashes += result.crashes;
        sum->digest = (sum->digest ^ result.digest) * UINT64_C(1099511628211);
        if (result.violation[0]) {
            show_failure(choice, seed, &result);
            return false;
        }
    }
    return true;
}

/* The same seed gives the same run. */
static bool repeats(const struct choice *choice)
{
    struct world_result one, other;

    world_run_seed(choice->seed, choice->referrals, TRACE_NONE, &one);
    world_run_seed(choice->seed, choice->referrals, TRACE_NONE, &other);
    if (one.digest == other.digest)
        return true;
    printf("sim: seed %" PRIu64 " runs differently a second time\n", choice->seed);
    return false;
}

static int run_all(const struct choice *choice)
{
    struct sum sum = {0};
    int covered = 0, expected = 0;

    if (!choice->trace && !repeats(choice))
        return 1;
    bool good = run(choice, &sum);
    if (good && choice->seeds >= SEEDS_FOR_COVERAGE)
        good = auditor_print_missing() + world_print_missing() == 0;
    auditor_count_covered(&covered, &expected);
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " referrals, %" PRIu64 " messages, %" PRIu64 " faults, %" PRIu64
           " crashes, %d of %d kinds of answer, %s, digest %016" PRIx64 "\n",
           choice->seeds, sum.referrals, sum.messages, sum.faults, sum.crashes, covered, expected,
           good ? "0 violations" : "FAILED", sum.digest);
    return good ? 0 : 1;
}

#ifdef PLANT
/* In a process of its own: the daemon's own assertions may stop it, which counts as caught, too. */
static bool is_caught(const struct choice *choice, int bug)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct world_result result = {0};
        planted_bug = bug;
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        for (uint64_t seed = choice->seed; seed < choice->seed + choice->seeds && !result.violation[0]; seed++) {
            world_run_seed(seed, choice->referrals, TRACE_NONE, &result);
            if (result.violation[0])
                printf("planted %2d: caught at seed %" PRIu64 " (%s): %s\n", bug, seed, bugs[bug], result.violation);
        }
        fflush(stdout);
        _exit(result.violation[0] ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) {
        printf("planted %2d: caught by an assertion of the daemon (%s)\n", bug, bugs[bug]);
        return true;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    printf("planted %2d: NOT CAUGHT in %" PRIu64 " seeds (%s)\n", bug, choice->seeds, bugs[bug]);
    return false;
}

static int run_planted(const struct choice *choice)
{
    int escaped = 0, count = 0;

    for (int bug = 1; bug < (int)BUGS_COUNT; bug++)
        if (bugs[bug] && (!choice->bug || choice->bug == (uint64_t)bug)) {
            escaped += !is_caught(choice, bug);
            count++;
        }
    printf("sim: %d planted bugs, %d not caught\n", count, escaped);
    return escaped ? 1 : 0;
}
#endif

static bool take_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = text ? strtoull(text, &end, 0) : 0;
    return text && errno == 0 && end != text && *end == 0;
}

static bool take_options(int argc, char **argv, struct choice *choice)
{
    for (int i = 1; i < argc; i++) {
        uint64_t number = 0;
        if (strcmp(argv[i], "--trace") == 0)
            choice->trace = true;
        else if (strcmp(argv[i], "--planted") == 0)
            choice->planted = true;
        else if (strcmp(argv[i], "--year") == 0)
            choice->year = true;
        else if (!take_number(argv[i + 1], &number))
            return false;
        else if (strcmp(argv[i], "--bug") == 0)
            choice->bug = number;
        else if (strcmp(argv[i], "--days") == 0)
            choice->days = number;
        else if (strcmp(argv[i], "--seed") == 0)
            choice->seed = number;
        else if (strcmp(argv[i], "--seeds") == 0)
            choice->seeds = number;
        else if (strcmp(argv[i], "--referrals") == 0)
            choice->referrals = (unsigned)number;
        else
            return false;
        i += strcmp(argv[i], "--trace") != 0 && strcmp(argv[i], "--planted") != 0 && strcmp(argv[i], "--year") != 0;
    }
    if (!choice->referrals && !choice->year)
        choice->referrals = 30;
    return choice->seeds > 0 && choice->days > 0 && choice->days < 4000 && choice->referrals < 100000;
}

static int run_year(const struct choice *choice)
{
    const struct year_choice year = {.network = SOURCE_DIR "/etc/networks/plymouth.conf",
                                     .postcodes = SOURCE_DIR "/etc/data/postcodes_plymouth.csv",
                                     .seed = choice->seed,
                                     .referrals = choice->referrals ? choice->referrals : 5000,
                                     .days = (unsigned)choice->days};

    return year_run(&year) ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct choice choice = {.seed = 1, .seeds = 1, .days = 365};

    if (!take_options(argc, argv, &choice)) {
        fprintf(stderr, "usage: sim [--seed S] [--seeds N] [--referrals N] [--trace]\n"
                        "       sim --year [--seed S] [--referrals N] [--days N]\n");
        return 2;
    }
#ifdef PLANT
    if (choice.planted)
        return run_planted(&choice);
    planted_bug = (int)choice.bug;
#endif
    return choice.year ? run_year(&choice) : run_all(&choice);
}
