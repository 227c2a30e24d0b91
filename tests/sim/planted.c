/* SPDX-License-Identifier: MIT
 * planted: each bug in processes of its own: the daemon's own assertions may stop it, which counts as caught, too. */
#include "daemon/core/planted.h"
#include "tests/sim/planted.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/trial.h"

#define REFERRALS 30
#define ROUGH_REFERRALS 60

int planted_bug;

static const struct {
    uint64_t seed; /* that catches it */
    const char *name;
} bugs[] = {
    [1] = {1, "acknowledges although the commit failed"},
    [2] = {1, "forgets a lease"},
    [3] = {5, "forgets to free a place"},
    [4] = {1, "skips a deadline"},
    [5] = {1, "puts a letter into another's mailbox"},
    [6] = {1, "renumbers a mailbox after a start"},
    [7] = {1, "forgets unconfirmed letters at a start"},
    [8] = {3, "offers to an excluded hub"},
    [9] = {1, "offers to the same hub twice"},
    [10] = {1, "offers one more than there are places"},
    [11] = {5, "passes over some who wait"},
    [12] = {1, "takes a repeat for a new submit"},
    [13] = {1, "takes other content under a used request_id"},
    [14] = {1, "tells the person's name in an offer"},
    [15] = {1, "does not close on a confirmed outcome"},
    [16] = {5, "serves the youngest of the waiting list first"},
    [17] = {1, "does not tell the sender of a rejection"},
    [18] = {14, "takes an answer from any hub"},
    [19] = {1, "forgets stated places at a start"},
    [20] = {1, "forgets the places of accepted referrals at a start"},
    [21] = {11, "does not push again what was not confirmed"},
    [22] = {1, "forgets at a start what a party has confirmed"},
    [23] = {1, "leaves the places of a hub that said it has none"},
    [24] = {1, "does not tell the hub that its offer has run out"},
    [25] = {5, "lets an offer run out too early"},
    [26] = {1, "does not see that an answer is a repeat"},
    [27] = {1, "tells a hub who the person is before it has accepted"},
    [28] = {1, "waits for no deadline while nobody asks for anything"},
    [40] = {13, "gives one place to several needs of a person"},
    [41] = {1, "takes more in a week than a service does"},
    [42] = {17, "asks a hub whose figure is old without waiting for its answer"},
    [43] = {1, "passes over the conditions of a service"},
    [44] = {8, "runs emergency services without an emergency"},
    [45] = {8, "lets one sender flood a hub"},
    [46] = {1, "offers cases to hubs of another tier"},
    [47] = {6, "asks the farther hubs first"},
    [48] = {51, "shares needs out that one hub could take"},
    [60] = {5, "loses a need that waits when another one has a hub"},
    [61] = {5, "ends a referral with the first of its parts"},
    [62] = {5, "tells a hub of needs that it was not asked about"},
    [63] = {23, "takes who has waited too long out of the list"},
    [64] = {14, "lets people be overtaken for ever"},
    [65] = {5, "does not take all offers back when the sender cancels"},
    [80] = {1, "counts an unmet need twice"},
    [81] = {5, "forgets the places of accepted referrals when a network is applied"},
    [82] = {16, "does not end the emergency rules by itself"},
    [83] = {5, "does not begin a new week"},
    [84] = {9, "takes offers back from a hub that is draining"},
    [90] = {11, "does not remind hubs"},
    [92] = {8, "does not begin a hub's time anew when it goes on after a pause"},
    [93] = {54, "keeps the place of who was handed back"},
    [94] = {5, "places by itself what an operator holds"},
    [95] = {8, "does not tell the hub of a case what is new"},
    [97] = {1, "leaves offers on when the consent has run out"},
    [98] = {8, "does not begin a hub's time anew with a word of progress"},
    [99] = {5, "places by hand where there is no place"},
    [100] = {8, "does not tell former hubs of a retraction"},
    [101] = {13, "asks the hub again from which a case was taken"},
    [102] = {8, "tells senders what came of it without consent"},
    [104] = {5, "counts hops on after a release"},
    [105] = {5, "does not tell a hub that its case was taken back"},
    [106] = {42, "does not see that a consent runs out"},
    [110] = {16, "does a pause that is repeated twice"},
    [112] = {1, "does not remember requests that are done"},
    [113] = {5, "keeps the place in the list of who is prioritised"},
    [114] = {22, "places by hand all needs of a person"},
    [115] = {1, "does not look at what an update changes"},
    [116] = {3, "lets operators cancel without a reason"},
    [117] = {15, "recognises no person"},
    [118] = {1, "does not tell the head of the history"},
    [119] = {5, "forgets what was said with an event"},
    [120] = {1, "takes a confirmation for what another connection has"},
    [122] = {4, "leaves who has gone what it had"},
    [123] = {3, "does not hear the confirmation of a GP practice"},
    [124] = {24, "forgets at a start the letters of who is far behind"},
    [125] = {5, "reads other letters back from the store"},
    [126] = {10, "does not send letters about enquiries"},
    [131] = {2, "keeps the key of who was erased"},
    [132] = {4, "tells of links without consent"},
    [133] = {13, "makes enquiries for cases of others"},
    [134] = {38, "takes an answer to an enquiry that has ended"},
    [135] = {2, "reveals a person without an entry"},
    [136] = {15, "takes anybody's answer to an enquiry"},
    [137] = {15, "waits for the answer to an enquiry for ever"},
    [139] = {10, "forgets open enquiries at a start"},
    [140] = {3, "sends without a bound what is not confirmed"},
    [141] = {1, "leaves an entry out of the chain"},
    [142] = {1, "does not keep the head with what it counts"},
    [143] = {1, "does not keep a referral with its entry"},
};
#define BUGS_COUNT (int)(sizeof bugs / sizeof bugs[0])

/* 104 shows when as many hubs as may be have declined, and the same again after an operator's word: one in 150 plain
 * runs. In rough ones operators step in often. */
static struct world_choice choice_for(int bug, uint64_t seed)
{
    bool is_rough = bug == 104;

    return (struct world_choice){.seed = seed, .plain = !is_rough, .referrals = is_rough ? ROUGH_REFERRALS : REFERRALS};
}

static bool catches(int bug, uint64_t seed)
{
    const struct world_choice choice = choice_for(bug, seed);
    char violation[TRIAL_BYTES];

    trial_run(&choice, violation);
    if (violation[0])
        printf("planted %3d: caught at seed %" PRIu64 " (%s): %s\n", bug, seed, bugs[bug].name, violation);
    return violation[0];
}

static bool is_caught(int bug, uint64_t seeds)
{
    planted_bug = bug;
    if (bugs[bug].seed && catches(bug, bugs[bug].seed))
        return true;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        if (catches(bug, seed))
            return true;
    printf("planted %3d: NOT CAUGHT in %" PRIu64 " seeds (%s)\n", bug, seeds, bugs[bug].name);
    return false;
}

/* What is shared with the jobs, which take one bug after the other. */
struct tally {
    int next, count, escaped;
};

static void run_job(struct tally *tally, int only, uint64_t seeds)
{
    int bug;

    while ((bug = __atomic_add_fetch(&tally->next, 1, __ATOMIC_RELAXED)) < BUGS_COUNT) {
        if (!bugs[bug].name || (only && bug != only))
            continue;
        bool caught = is_caught(bug, seeds);
        __atomic_add_fetch(&tally->count, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&tally->escaped, !caught, __ATOMIC_RELAXED);
    }
}

int planted_run(int bug, uint64_t seeds, unsigned jobs)
{
    struct tally *tally = trial_share(sizeof *tally);
    int status = 0;

    for (unsigned i = 0; i < jobs; i++) {
        fflush(stdout);
        pid_t child = fork();
        assert(child >= 0);
        if (child == 0) {
            run_job(tally, bug, seeds);
            exit(0);
        }
    }
    while (wait(&status) > 0)
        tally->escaped += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    printf("sim: %d planted bugs, %d not caught\n", tally->count, tally->escaped);
    return tally->count ? tally->escaped : 1;
}
