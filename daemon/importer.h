/* SPDX-License-Identifier: MIT
 * importer: imports a new edition of the postcodes while the daemon serves. Its thread reads the file; the turn writes
 * what it has read, batch by batch, so that routing hardly notices. */
#ifndef DAEMON_IMPORTER_H
#define DAEMON_IMPORTER_H

#include "daemon/io/store.h"
#include "daemon/turn.h"

struct importer;

/* Starts the thread. wake: lets the turn run when it has nothing else to do; called from that thread. NULL: the thread
 * cannot be started. */
struct importer *importer_open(struct store *, struct turn *, void (*wake)(void *), void *wake_argument);
/* The file is imported when its edition is not the one in force, after the one that is being imported now. The log says
 * when it begins, and how it ends. */
void importer_want(struct importer *, const char *path, const char *edition);
/* Ends an import between two batches: the edition in force stays, and the next start begins anew. Before turn_close. */
void importer_close(struct importer **);

#endif
