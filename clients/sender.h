/* SPDX-License-Identifier: MIT
 * sender: the commands of referral(1), by subject. Each function without another purpose is one command and returns the
 * exit code of the program. */
#ifndef CLIENTS_SENDER_H
#define CLIENTS_SENDER_H

#include "clients/options.h"

/* What is sent: a person, many, what is new about one, and that one is withdrawn. */
extern const struct option_spec sender_submit_options[];
extern const struct option_spec sender_update_options[];
extern const struct option_spec sender_cancel_options[];
extern const struct option_spec sender_retract_options[];
int sender_submit(const struct invocation *);
int sender_update(const struct invocation *);
int sender_cancel(const struct invocation *);
int sender_retract(const struct invocation *);

/* What comes. */
extern const struct option_spec sender_follow_options[];
int sender_follow(const struct invocation *);

int sender_doctor(const struct invocation *);

/* Fields from --file, then from the table's options, then from operands NAME=VALUE from the given one on; a later one
 * replaces an earlier one. False: it has complained, and *code is the exit code. */
bool sender_gather(const struct invocation *, const struct option_field *table, int first_operand,
                   struct record_texts *texts, int *code);
/* What says nothing about the person (ids, times) is filled in when it is absent. */
void sender_fill_envelope(struct record_texts *);
/* Takes the texts over into the message and sends it. When it may have been stored, how to repeat it is told. */
int sender_send(const struct invocation *, struct record_texts *, struct message *);
/* Connects, asks, prints the one message of the answer. */
int sender_ask(const struct invocation *, struct message *request);

#endif
