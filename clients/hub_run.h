/* SPDX-License-Identifier: MIT
 * hub_run: the hub's agent. Takes pushes in mailbox order, hands each over, tells the network that it is stored, and
 * carries the hub's answers back. Runs until SIGTERM or SIGINT. */
#ifndef CLIENTS_HUB_RUN_H
#define CLIENTS_HUB_RUN_H

#include "clients/hub_answer.h"
#include "clients/options.h"

/* The command `run`. */
int hub_run(const struct invocation *);

/* How telling an answer ended. */
enum told { TOLD, TOLD_LATER, TOLD_REFUSED };

#define HUB_WHY_BYTES 512

/* Asks the network with the answer; finds the offer number when it is not known. TOLD_LATER: the same again is right;
 * TOLD_REFUSED: it never will be; why is a sentence then. `take` as for exchange_ask, may be NULL; *code is the exit
 * code for a program that ends with it. */
enum told hub_tell(struct exchange *, struct answer *, exchange_answer take, void *context, char why[HUB_WHY_BYTES],
                   int *code);

#endif
