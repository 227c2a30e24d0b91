/* SPDX-License-Identifier: MIT
 * exchange: one connection to the daemon, below libreferral and all command-line clients. Says hello, asks and
 * gathers answers, repeats what was not answered, takes pushes, and tells the ways apart in which ZeroMQ fails
 * silently. One thread at a time. */
#ifndef CLIENTS_EXCHANGE_H
#define CLIENTS_EXCHANGE_H

#include "proto/codec.h"

/* The same values as enum referral_rc of referral.h. */
enum exchange_result {
    EXCHANGE_OK = 0,
    EXCHANGE_TIMEOUT,     /* no answer in time; the same request may be sent again */
    EXCHANGE_UNREACHABLE, /* nobody answers there */
    EXCHANGE_DENIED,      /* keys or role refused */
    EXCHANGE_VERSION,     /* the daemon speaks another protocol version */
    EXCHANGE_INVALID,     /* the daemon refused the content; the sentence names the field */
    EXCHANGE_NOT_FOUND,
    EXCHANGE_CONFLICT,
    EXCHANGE_BUSY, /* and stayed busy until the time limit */
    EXCHANGE_NOMEM,
    EXCHANGE_MISUSE
};

struct exchange_options {
    const char *endpoint;   /* tcp://host:port, or ipc://path for the operators' socket (then no keys) */
    const char *key_file;   /* own key pair (referral-keygen) */
    const char *server_key; /* file with the daemon's public key */
    const char *client;     /* name and version for hello */
    int timeout_ms;         /* for each question, connecting included */
};

struct exchange;

/* Never blocks; connecting goes on in the background and for ever (0.2 s to 30 s apart, with jitter; after a refused
 * key the socket is made anew, 1 s to 30 s apart). *out is set even on failure, except for NOMEM, so that the sentence
 * has a home. All strings are copied. */
enum exchange_result exchange_open(struct exchange **out, const struct exchange_options *);
/* Bounded: at most 2 s. */
void exchange_close(struct exchange **);

/* Called for each answer message in order; its texts live for the call. */
typedef void (*exchange_answer)(void *context, const struct message *);

/* Sends the request (request_id is set when it is absent; sent again with the same id while no answer comes, and after
 * retry_after_ms when busy) and returns when the answer is whole: one message, or all up to `end`. Pushes that arrive
 * meanwhile are kept for exchange_next. A `refused` answer is also given to the callback and sets the sentence. */
enum exchange_result exchange_ask(struct exchange *, struct message *request, exchange_answer, void *context);

/* The first call asks for the mailbox, which all connections of the party share: each gets some of the messages. The
 * next push that this connection was sent; repeats of what was given to the caller and is not confirmed are dropped.
 * They come in order, but for those that another connection gave back. What was not confirmed comes again to somebody,
 * so a party with several programs may get a push twice. *message lives until the next call. timeout_ms -1: for ever.
 */
enum exchange_result exchange_next(struct exchange *, const struct message **, int timeout_ms);
/* The caller has stored this push, and every one that exchange_next gave before with a lower number: they are
 * confirmed. (OK also when that has to wait, because it would confirm a lower one that was not given yet.) */
enum exchange_result exchange_confirm(struct exchange *, int64_t mailbox_number);
/* Readable (poll) when exchange_next may have something; asks for the mailbox as exchange_next does. */
int exchange_fd(struct exchange *);

/* The newest entry of the daemon's history and its hash, as welcome and confirmations told it: who keeps it can prove
 * later that the history was not rewritten. NULL: not told yet. */
struct exchange_anchor {
    int64_t sequence;
    char head[65]; /* hexadecimal */
};
const struct exchange_anchor *exchange_anchor(const struct exchange *);
/* Who the daemon says that the key belongs to; "" before the first welcome. */
const char *exchange_party(const struct exchange *);

/* A whole sentence with the address: what failed, where, why, what to try. Never NULL, valid until the next call. */
const char *exchange_sentence(const struct exchange *);
/* The refusal of the last answer; REFUSAL_NONE. */
enum refusal exchange_refusal(const struct exchange *);

#endif
