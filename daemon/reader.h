/* SPDX-License-Identifier: MIT
 * reader: answers questions from what is committed, on a thread of its own, and never delays a turn. Each answer is
 * bounded in rows and time, and pages on. */
#ifndef DAEMON_READER_H
#define DAEMON_READER_H

#include "daemon/turn.h"

struct reader;

struct reader *reader_open(struct turn *, struct store *, struct seal *, const char *version);
void reader_close(struct reader **);
/* Answers one question (a request whose message is a QUESTION), by the rights of its role and party. Any other result
 * than STORE_OK: say nothing, and stop. */
enum store_result reader_answer(struct reader *, int64_t now_ms, const struct request *, struct outbox *);

#endif
