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
#include "daemon/io/queue.h"
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

/* What joins it to a worker, as long as it is open: queue.h says what the worker's side is. */
struct queue *link_queue(const struct gate *, enum worker);

#endif
