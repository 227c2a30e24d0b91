/* SPDX-License-Identifier: MIT
 * recent: what was just written, beside the store, so that what is asked for a moment later need not be unsealed and
 * read: referrals, and letters that wait until a connection has room for them. Direct-mapped and of fixed size; what
 * is not found here stands in the store. */
#ifndef DAEMON_RECENT_H
#define DAEMON_RECENT_H

#include "daemon/core/referral.h"
#include "proto/message.h"

#define RECENT_LETTERS 4096

struct recent;

struct recent *recent_open(void);
void recent_close(struct recent **); /* wipes */
/* Nothing written before is found any more. Wipes. */
void recent_forget(struct recent *);

void recent_keep(struct recent *, const struct referral *);
/* False: not here. */
bool recent_find(const struct recent *, uint64_t number, struct referral *);

/* A long letter is not kept. */
void recent_keep_letter(struct recent *, uint32_t party, uint64_t mailbox_number, const struct message *);
/* Encoded, until the next is kept; NULL: not here. */
const void *recent_find_letter(const struct recent *, uint32_t party, uint64_t mailbox_number, size_t *length);

#endif
