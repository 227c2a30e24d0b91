/* SPDX-License-Identifier: MIT
 * parties: what each party has in hand, whatever number of connections it has. A row stays while anything of it goes
 * on; when all are taken, those of parties that have gone make room. Bounded. For the link thread alone. */
#ifndef IO_PARTIES_H
#define IO_PARTIES_H

#include "daemon/core/bucket.h"
#include "daemon/io/batch.h"

struct party {
    char name[ID_BYTES_MAX + 1];
    struct bucket bucket;
    uint32_t in_flight[WORKER_COUNT]; /* requests that a worker has not done yet */
    uint32_t connections;
};

struct parties;

struct parties *parties_open(size_t most); /* NULL: out of memory */
void parties_close(struct parties **);
/* The row of the party, which stays its own while it has connections or something in flight; NULL: all are taken. */
struct party *parties_find(struct parties *, const char *name);

#endif
