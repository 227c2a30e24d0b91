/* SPDX-License-Identifier: MIT
 * hub_spool: hand-over through directories, in the order of Maildir. A push appears whole in new/, named by mailbox
 * number and referral id only; answers are files that the hub's tool moves into outbox/. Directories 0700, files 0600.
 *
 *   push:   tmp/NAME written, synced -> journal line, synced -> renamed to new/NAME, synced -> network is told
 *   start:  tmp/NAME of the journal's last line: the rename is done now; any other was not ready and goes away */
#ifndef CLIENTS_HUB_SPOOL_H
#define CLIENTS_HUB_SPOOL_H

#include "clients/hub_journal.h"

#define SPOOL_NAME_BYTES 64
#define OUTBOX_NAME_BYTES 256

struct spool;

/* Makes the directories where they are missing and finishes what was interrupted. False: errno says why. */
bool spool_open(struct spool **out, const char *directory, const struct journal *);
void spool_close(struct spool **);

/* Hands one push over: `json` as a file, and the journal's line. False: errno says why; nothing has been handed over.
 */
bool spool_push(struct spool *, struct journal *, const struct message *push, const char *json, size_t length);
/* Keeps a push that the hub's tool does not take, as kept/NAME. */
bool spool_keep(struct spool *, const struct message *push, const char *json, size_t length);

/* The first of outbox/ in the order of names; names that begin with a dot are not looked at. The file is claimed by a
 * request_id that is put behind its name, so that it is answered once even when the program is stopped meanwhile.
 * False: none there. */
struct outbox_file {
    char name[OUTBOX_NAME_BYTES]; /* as the tool named it */
    char claimed[OUTBOX_NAME_BYTES + UUID_TEXT_BYTES + 1];
    char request_id[UUID_TEXT_BYTES + 1];
};
bool spool_next_answer(struct spool *, struct outbox_file *);
/* The content, NUL-terminated; NULL: errno says why. Free it. */
char *spool_read_answer(struct spool *, const struct outbox_file *, size_t *length);
/* Moves the file to sent/, with what the network said to it (JSON) beside it in NAME.done; or to failed/, with the
 * reason beside it in NAME.why. */
bool spool_answer_sent(struct spool *, const struct outbox_file *, const char *done);
bool spool_answer_failed(struct spool *, const struct outbox_file *, const char *why);

#endif
