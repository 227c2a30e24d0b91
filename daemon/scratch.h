/* SPDX-License-Identifier: MIT
 * scratch: a turn over memory alone, for what might have been. Its store keeps the records of referrals and forgets all
 * else; nobody is connected to it, and nothing leaves it. */
#ifndef DAEMON_SCRATCH_H
#define DAEMON_SCRATCH_H

#include "daemon/turn.h"

/* Takes the network, whose parties have their numbers. Only referrals numbered from first on, `count` of them, can be
 * stored. Running out of memory stops the daemon. */
struct turn *scratch_open(struct network **, uint64_t first, size_t count, int64_t now_ms);
void scratch_close(struct turn **);
/* Lets the party have letters. */
void scratch_add_party(struct turn *, uint32_t number);
/* One referral that has been stored since it was asked for last; false: none. */
bool scratch_next_changed(struct turn *, uint64_t *number);
/* Its story is over: the record is not needed any more. */
void scratch_forget(struct turn *, uint64_t number);

#endif
