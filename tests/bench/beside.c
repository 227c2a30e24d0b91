/* SPDX-License-Identifier: MIT
 * beside: a child process with a pipe for its counts. */
#include "tests/bench/beside.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

bool beside_is_over(void)
{
    return is_over;
}

struct beside beside_start(struct rig *rig, beside_work *work, void *counts, size_t counts_size)
{
    int ends[2];
    pid_t pid = pipe(ends) == 0 ? rig_fork() : -1;

    if (pid < 0)
        rig_fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
        if (nice(19) < 0)
            rig_fail("nice");
        work(rig, counts);
        _exit(write(ends[1], counts, counts_size) == (ssize_t)counts_size ? 0 : 1);
    }
    close(ends[1]);
    return (struct beside){.pid = pid, .from_child = ends[0]};
}

void beside_stop(const struct beside *beside, void *counts, size_t counts_size)
{
    kill(beside->pid, SIGTERM);
    if (read(beside->from_child, counts, counts_size) != (ssize_t)counts_size)
        rig_fail("who works beside has told nothing");
    waitpid(beside->pid, NULL, 0);
    close(beside->from_child);
}
