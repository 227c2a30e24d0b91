/* SPDX-License-Identifier: MIT
 * evidence: what the socket's monitor has shown of a connection, and the sentence that follows from it. ZeroMQ tells
 * nobody why it does not connect; the ways differ only in which events come in which order. */
#ifndef CLIENTS_EVIDENCE_H
#define CLIENTS_EVIDENCE_H

#include "clients/exchange.h"

struct evidence {
    int tried;         /* connections begun */
    int retried;       /* attempts put off */
    int connected;     /* connections made, encrypted or not yet */
    int broken_off;    /* connections that ended in the handshake without a reason */
    int status;        /* of the daemon's access check: 400, 500; 0 */
    bool is_one_sided; /* one side encrypts, the other does not */
    bool is_shaken;    /* the handshake has succeeded */
};

struct evidence_words {
    const char *endpoint;
    const char *key_name;
    const char *public_key; /* own; "" without keys */
    const char *server_key; /* "" without keys */
    const char *asked;      /* name of the message that was asked */
    double seconds;
};

void evidence_clear(struct evidence *);
void evidence_add(struct evidence *, int event, int value);
/* True: ZeroMQ will not try again, or trying again will not help. */
bool evidence_is_final(const struct evidence *);
/* Writes the sentence. Confirms what it can by plain system calls (at most one second). */
enum exchange_result evidence_explain(const struct evidence *, const struct evidence_words *, char *sentence,
                                      size_t size);

/* How far a plain connection gets, without ZeroMQ: the reason in why when not all the way. */
enum evidence_reach { REACH_NO_NAME, REACH_NO_ANSWER, REACH_ANSWERS };
enum evidence_reach evidence_reach(const char *endpoint, char *why, size_t why_size);

#endif
