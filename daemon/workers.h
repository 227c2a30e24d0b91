/* SPDX-License-Identifier: MIT
 * workers: the threads between the link's queues and the store: the turn, who waits for the disk and sends what the
 * turn has said, the reader and the study. */
#ifndef DAEMON_WORKERS_H
#define DAEMON_WORKERS_H

#include "daemon/io/queue.h"
#include "daemon/io/store.h"
#include "daemon/reader.h"
#include "daemon/study.h"
#include "daemon/turn.h"

struct workers;

/* What they work with; all of it outlives them. */
struct workplace {
    struct store *store;
    struct turn *turn;
    struct reader *reader;
    struct study *study;
    struct queue *queues[WORKER_COUNT];
};

/* From here on the turn's thread writes, and others read. NULL with errno: a thread cannot be started, and others may
 * run; then the process ends without closing what they use. */
struct workers *workers_start(const struct workplace *);
/* After queue_end of each queue: waits until they have left. */
void workers_join(struct workers **);

/* Nothing is said that is not stored: after any other result than STORE_OK the process ends without another word, and
 * the next start decides from the store. */
void workers_end_unless(enum store_result);

#endif
