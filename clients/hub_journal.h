/* SPDX-License-Identifier: MIT
 * hub_journal: which pushes have been handed to the hub's own tool, so that a restart neither loses nor repeats one.
 * A text file, one line for each hand-over, synced before the network is told: `number referral_id type [answer]`.
 * Locked, so that two programs cannot share it. */
#ifndef CLIENTS_HUB_JOURNAL_H
#define CLIENTS_HUB_JOURNAL_H

#include "clients/exchange.h"

#define JOURNAL_ANSWER_BYTES_MAX 12288

enum journal_result {
    JOURNAL_OK = 0,
    JOURNAL_LOCKED,  /* another program has it */
    JOURNAL_DAMAGED, /* not a journal; a last line without its end is not damage, it does not count */
    JOURNAL_IO       /* errno says why */
};

struct journal;

/* Opens or makes directory/journal (mode 0600). */
enum journal_result journal_open(struct journal **out, const char *directory);
void journal_close(struct journal **);

/* The push has been handed over. The number alone does not tell: a network restored from an old backup may give a
 * number to another push. A lower number than the last is not known by that: another program of the hub may have had it
 * and given it back. The journal reaches back far more than the network pushes ahead of a confirmation. */
bool journal_has(const struct journal *, const struct message *push);
/* Adds one line and syncs it. answer is the JSON that is owed to the network because of it; NULL: none. After a failure
 * the journal must be closed: the next start finds out how far it came. */
enum journal_result journal_add(struct journal *, const struct message *push, const char *answer);
/* Number of the last line; 0: none. */
int64_t journal_last(const struct journal *);
/* The answer of the last line; "": none. It is told again at each start, which is harmless: it has its request_id. */
const char *journal_answer(const struct journal *);

/* Keeps the newest head of the network's history in directory/anchor, as SEQUENCE:HASH. */
enum journal_result journal_keep_anchor(const struct journal *, const struct exchange_anchor *);
/* What is kept there; the journal need not be open. JOURNAL_IO with ENOENT: nothing yet. */
enum journal_result journal_read_anchor(const char *directory, struct exchange_anchor *);

#endif
