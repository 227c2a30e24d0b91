/* SPDX-License-Identifier: MIT
 * look: the commands that list and show referrals, the same for operators and hubs. */
#ifndef CLIENTS_LOOK_H
#define CLIENTS_LOOK_H

#include "clients/options.h"

/* What the answers of one command are put into. */
struct view {
    const struct invocation *invocation;
    struct printer *printer;
    const char *schema;
    enum message_type row; /* what the columns are about, where an answer has several types; MESSAGE_NONE: all */
    bool reveal;
    bool is_patient; /* of view_ask_rows: the answer may take minutes */
    int64_t rows;
    char next[ID_BYTES_MAX + 1];
};

/* Asks; complains when it fails. Returns the exit code. */
int view_ask(struct view *, struct exchange *, struct message *request, exchange_answer);
/* The whole of a command that asks one question: connects, asks, prints the rows that the answer makes of it. */
int view_ask_rows(struct view *, const char *schema, const enum field *columns, struct message *request,
                  exchange_answer);
/* An exchange_answer whose context is a view: every answer but its end is a row. */
void view_take_row(void *view, const struct message *answer);
/* A question about one referral, likewise. */
int view_ask_about(struct view *, struct exchange *, enum message_type question, uint64_t referral, exchange_answer);

/* The columns of a history. */
extern const enum field look_happened_columns[];

/* The options of look_list and look_show; what a role may not ask for, its table leaves out. */
/* clang-format off */
#define LOOK_LIST_OPTIONS \
    {0, "state", "STATE[,STATE...]", NULL, NULL, "only these states"}, \
    {0, "priority", "PRIORITY", NULL, NULL, "only this priority"}, \
    {0, "limit", "N", NULL, NULL, "at most so many in one page (100 when absent)"}, \
    {0, "from", "ID", NULL, NULL, "where the page before said that the next begins"}, \
    {0, "all", NULL, NULL, NULL, "page after page to the end"}
#define LOOK_LIST_OPTIONS_OF_OPERATOR \
    {0, "attention", NULL, NULL, NULL, "only those that need a person"}, \
    {0, "hub", "ID", NULL, NULL, "only those at this hub, or offered to it"}, \
    {0, "sender", "ID", NULL, NULL, "only those of this sender"}
/* clang-format on */

/* Commands: referrals, newest first; one referral (operand 0) and its history; its history alone. */
int look_list(const struct invocation *);
int look_history(const struct invocation *);
int look_show(const struct invocation *);

#endif
