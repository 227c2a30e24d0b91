/* SPDX-License-Identifier: MIT
 * idlers: each process tells through a pipe that its senders are welcome. */
#include "tests/bench/idlers.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/bench/crowd.h"

#define OF_PROCESS 2500

/* In the child, until it is killed. */
static void be_idle(struct rig *rig, unsigned first, unsigned senders, int to_parent)
{
    struct crowd crowd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!rig_has_descriptors(senders))
        _exit(1);
    rig->crowds += first; /* no ids of the parent's requests */
    rig->context = zmq_ctx_new();
    zmq_ctx_set(rig->context, ZMQ_MAX_SOCKETS, OF_PROCESS + 64);
    crowd_open_senders(&crowd, rig, first, senders);
    if (write(to_parent, "", 1) != 1)
        _exit(1);
    for (;;)
        crowd_hear(&crowd, -1, NULL, NULL);
}

void idlers_start(struct idlers *idlers, struct rig *rig, unsigned first, unsigned senders)
{
    const unsigned end = first + senders;
    int ends[2];
    char byte;

    *idlers = (struct idlers){0};
    if (pipe(ends) != 0)
        rig_fail("pipe");
    for (; first < end; first += OF_PROCESS) {
        pid_t pid = idlers->count < IDLERS_PROCESSES_MAX ? rig_fork() : -1;
        if (pid < 0)
            rig_fail("fork");
        if (pid == 0)
            be_idle(rig, first, end - first < OF_PROCESS ? end - first : OF_PROCESS, ends[1]);
        idlers->processes[idlers->count++] = pid;
    }
    close(ends[1]);
    for (unsigned i = 0; i < idlers->count; i++)
        if (read(ends[0], &byte, 1) != 1)
            rig_fail("not all idle senders are welcome");
    close(ends[0]);
}

void idlers_stop(struct idlers *idlers)
{
    for (unsigned i = 0; i < idlers->count; i++) {
        kill(idlers->processes[i], SIGKILL);
        waitpid(idlers->processes[i], NULL, 0);
    }
    idlers->count = 0;
}
