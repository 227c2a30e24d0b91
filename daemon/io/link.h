/* SPDX-License-Identifier: MIT
 * link: owns the sockets. Receives, checks the key, decodes with limits, admits or answers busy, sends. It never waits
 * for the disk. Identity is the CURVE key (on the operators' unix socket: the user), never the routing id. How much one
 * party may have in hand is bounded, so that a greedy one is told to come later and does not slow the others.
 *
 * Queues join it to the workers: what it admits goes to the turn (REQUEST), to the reader (QUESTION) or to the study
 * (STUDY); what they answer comes back as an outbox. */
#ifndef IO_LINK_H
#define IO_LINK_H

#include "daemon/io/batch.h"
#include "daemon/io/enrolled.h"
#include "daemon/io/settings.h"

struct gate;

/* Binds the sockets and starts the thread that checks keys; tries a key that is not enrolled and insists on its
 * refusal before it returns. NULL with a sentence in why. */
struct gate *link_open(const struct settings *, char *why, size_t why_size);
void link_close(struct gate **);
/* Where the parties' socket is bound: tcp://address:port, with the real port when the settings say "*". */
const char *link_endpoint(const struct gate *);

/* The link's own thread: runs until link_stop; returns then. */
void link_run(struct gate *);
/* From any thread or signalfd loop: refuse new requests with DRAINING from now on, finish what is in hand, and let
 * link_run return. */
void link_stop(struct gate *);
/* Reads the enrolled keys again at once; they are also looked at every second. What has been revoked loses its open
 * connections then. */
void link_reload_keys(struct gate *);

/* A worker's side. Waits until something has gathered or until_ms (wall clock, link_now_ms) has passed; returns the
 * batch of all that has gathered (0 when time has passed), or -1 when the link has stopped and nothing is left.
 * The requests stay valid until the worker's next link_take. */
ptrdiff_t link_take(struct gate *, enum worker, int64_t until_ms, const struct request **);
/* The worker is done with the requests in hand, before its next link_take: there is room for others from now on. */
void link_finish(struct gate *, enum worker);
/* After -1: what the worker had to say has been sent. link_run returns when all have said so. */
void link_leave(struct gate *, enum worker);
/* From any thread: lets the worker's link_take return, as if its time had passed. */
void link_wake(struct gate *, enum worker);
/* Hands an outbox over to be sent and gives back an empty one; never waits for a peer. */
void link_send(struct gate *, enum worker, struct outbox *);
/* The wall clock in milliseconds; never goes back within this process. */
int64_t link_now_ms(void);

#endif
