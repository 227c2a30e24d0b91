/* SPDX-License-Identifier: MIT
 * study: answers the questions that may take long, on a thread of its own: what a draft of the network changes, lacks
 * and would have done, reports over all referrals, and whether the store is whole. Reads in short transactions, changes
 * nothing but the shelf. */
#ifndef DAEMON_STUDY_H
#define DAEMON_STUDY_H

#include "daemon/shelf.h"
#include "daemon/turn.h"

struct study;

struct study *study_open(struct turn *, struct store *, struct seal *, const char *version, struct shelf *);
void study_close(struct study **);
/* Answers one question (a request whose message is a STUDY). */
void study_answer(struct study *, int64_t now_ms, const struct request *, struct outbox *);
/* From any thread: what is being studied ends soon, refused as draining, and so does all that is asked later. */
void study_stop(struct study *);

#endif
