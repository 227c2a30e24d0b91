/* SPDX-License-Identifier: MIT
 * hub_webhook: hand-over by POST to the hub's own web service, signed as standardwebhooks.com says. Only over TLS that
 * is verified, or to this machine itself. The body holds a person: it stands in no log and no error's sentence. */
#ifndef CLIENTS_HUB_WEBHOOK_H
#define CLIENTS_HUB_WEBHOOK_H

#include <signal.h>

#include "clients/hub_answer.h"

#define WEBHOOK_WORDS_BYTES 201
#define WEBHOOK_ID_BYTES 192

struct webhook_options {
    const char *url;
    const char *secret_file; /* one `whsec_BASE64` a line: each signs, so that a receiver can change over */
    const char *ca_file;     /* NULL: those of the system */
    int64_t limit_ms;        /* of one request, connecting included */
    const volatile sig_atomic_t *stopping; /* ends a request early */
};

struct webhook_result {
    int status;                      /* of HTTP; 0: there was no answer */
    int64_t wait_ms;                 /* the receiver wants to be left alone so long; 0: it did not say */
    char words[WEBHOOK_WORDS_BYTES]; /* why there is no answer */
    char body[ANSWER_JSON_BYTES_MAX];
    size_t body_length;
    bool is_cut; /* the body was longer */
};

struct webhook;

/* False with a sentence in why: the address or the secret is not what it has to be. */
bool webhook_open(struct webhook **out, const struct webhook_options *, char *why, size_t why_size);
void webhook_close(struct webhook **);
/* The address is this machine itself, without TLS. */
bool webhook_is_plain(const struct webhook *);

/* Names a push for ever, over tries, restarts and programs, so that the receiver can drop repeats. */
void webhook_id(char id[WEBHOOK_ID_BYTES], const char *party, const struct message *push);
/* One request. Redirects are not followed. */
void webhook_post(struct webhook *, const char *id, const char *json, size_t length, struct webhook_result *);
/* The table of statuses. *answer is filled for VERDICT_ANSWER, with a request_id: a JSON object with `type` or `state`
 * in the body of a 2xx is an answer, anything else there is not looked at. */
enum verdict webhook_judge(const struct message *push, struct webhook_result *, struct answer *answer);

#endif
