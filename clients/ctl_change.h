/* SPDX-License-Identifier: MIT
 * ctl_change: the same request about one referral after the other, with a row for each that was done. */
#ifndef CLIENTS_CTL_CHANGE_H
#define CLIENTS_CTL_CHANGE_H

#include "clients/look.h"

/* What is done to each: a whole message but for referral_id and request_id. */
struct errand {
    const struct invocation *invocation;
    const char *schema;
    struct message request;
    uint64_t *referrals;
    size_t count;
};

/* Reads ids from operands; "-" stands for ids on standard input, separated by blanks. Complains and returns false when
 * one has not the form of an id, or there are none. The caller frees referrals. */
bool change_read_ids(struct errand *, int first_operand);
/* Asks for each, prints rows, and for several how many were done. Returns the exit code: of one referral its own, of
 * several 1 when some were refused; it ends early when the daemon cannot be reached or does not allow it at all. */
int change_run(struct errand *, struct exchange *);

#endif
