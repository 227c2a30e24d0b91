/* SPDX-License-Identifier: MIT
 * hub_exec: hand-over by running the hub's own command: one JSON object on stdin, what it is about in the environment,
 * the answer by exit status (sysexits) and, when it wants to answer at once, one JSON line on stdout. */
#ifndef CLIENTS_HUB_EXEC_H
#define CLIENTS_HUB_EXEC_H

#include "clients/hub_answer.h"

#define EXEC_OUTPUT_BYTES_MAX ANSWER_JSON_BYTES_MAX /* of stdout; the rest is read and dropped */
#define EXEC_WORDS_BYTES_MAX 201                    /* of the first line of stderr, with NUL */

struct exec_result {
    int status; /* exit status; 128 + number for a signal; -1: time limit; -2: could not be run */
    char output[EXEC_OUTPUT_BYTES_MAX];
    size_t output_length;
    char words[EXEC_WORDS_BYTES_MAX];
};

/* Runs `sh -c command` in a process group of its own, which is ended at the time limit. try_number counts from 1. */
void exec_run(const char *command, const struct message *push, const char *json, size_t length, int try_number,
              int limit_ms, struct exec_result *);

/* The table of exit codes. *answer is filled for VERDICT_ANSWER, with a request_id. An unreadable line on stdout counts
 * as VERDICT_UNKNOWN, so that no answer is lost in silence; result->words then say so. */
enum verdict exec_judge(const struct message *push, struct exec_result *, struct answer *answer);

#endif
