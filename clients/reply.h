/* SPDX-License-Identifier: MIT
 * reply: what a hub says of a referral, named by the state that follows from it. */
#ifndef CLIENTS_REPLY_H
#define CLIENTS_REPLY_H

#include "proto/vocabulary.h"

struct reply {
    const char *state; /* as FHIR names it, where it does */
    enum message_type type;
    enum field code; /* that the message cannot go without; FIELD_COUNT: none */
};

/* NULL: there is none of this name. */
const struct reply *reply_by_state(const char *state);
/* All names, for a sentence: "accepted, rejected, ...". */
const char *reply_states(void);

#endif
