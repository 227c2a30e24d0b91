/* SPDX-License-Identifier: MIT
 * ctl_audit: what must be true of the network itself: mailboxes are emptied, the store is whole, the history is the one
 * that was written, and it is known who saw whom. */
#include "clients/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "clients/events.h"
#include "clients/look.h"
#include "clients/words.h"

#define HEAD_DIGITS 64
#define EXIT_FOUND 1 /* something is wrong */

static const enum field mailbox_columns[] = {
    FIELD_party,        FIELD_connections,    FIELD_unconfirmed, FIELD_oldest_unconfirmed_at,
    FIELD_confirmed_at, FIELD_mailbox_number, FIELD_COUNT};
static const enum field seen_columns[] = {FIELD_at, FIELD_actor, FIELD_told, FIELD_sequence, FIELD_COUNT};
static const enum field finding_columns[] = {FIELD_referral_id, FIELD_fault, FIELD_COUNT};

/* clang-format off */
const struct option_spec ctl_mailbox_options[] = {
    {0, "unconfirmed", NULL, NULL, NULL, "only those in which something waits to be confirmed"}, {0}};
const struct option_spec ctl_verify_options[] = {
    {0, "anchor", "SEQ:HASH", NULL, NULL, "a head that was noted before: the history must still hold it"}, {0}};
const struct option_spec ctl_follow_options[] = {
    {0, "once", "N", NULL, NULL, "end after N events"},
    {0, "since", "DATE", NULL, NULL, "begin at that day, or so many days ago (30d); else from now on"}, {0}};
/* clang-format on */

static void take_mailbox(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_mailbox && options_given(view->invocation, "unconfirmed") &&
        message_number(answer, FIELD_unconfirmed) == 0)
        return;
    view_take_row(context, answer);
}

int ctl_mailbox_list(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;
    int code;

    message_init(&request, MESSAGE_mailboxes);
    code = view_ask_rows(&view, "referral.mailbox-list/1", mailbox_columns, &request, take_mailbox);
    if (code == EX_OK && view.rows == 0)
        fputs(options_given(invocation, "unconfirmed") ? "everything is confirmed\n" : "no mailboxes\n", stderr);
    return code;
}

int ctl_who_saw(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;
    uint64_t referral;
    int code;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&request, MESSAGE_who_saw);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    code = view_ask_rows(&view, "referral.who-saw/1", seen_columns, &request, view_take_row);
    if (code == EX_OK && view.rows == 0)
        fputs("nobody was told or shown who the person is\n", stderr);
    return code;
}

int ctl_store_check(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation, .is_patient = true};
    struct message request;
    int code;

    message_init(&request, MESSAGE_store_check);
    code = view_ask_rows(&view, "referral.store-check/1", finding_columns, &request, view_take_row);
    if (code != EX_OK)
        return code;
    fprintf(stderr, "%" PRId64 " finding%s\n", view.rows, view.rows == 1 ? "" : "s");
    return view.rows > 0 ? EXIT_FOUND : EX_OK;
}

/* SEQ:HASH */
static bool read_anchor(const struct invocation *invocation, char *anchor, struct message *request)
{
    char *colon = strchr(anchor, ':');
    int64_t sequence;
    int end = 0;

    if (colon && sscanf(anchor, "%" SCNd64 "%n", &sequence, &end) == 1 && anchor + end == colon && sequence >= 0 &&
        strlen(colon + 1) == HEAD_DIGITS && strspn(colon + 1, "0123456789abcdef") == HEAD_DIGITS) {
        message_set_number(request, FIELD_audit_sequence, sequence);
        message_set_string(request, FIELD_audit_head, colon + 1);
        return true;
    }
    options_complain(invocation, EX_USAGE, "referralctl audit verify",
                     "--anchor takes SEQ:HASH as audit verify prints it");
    return false;
}

/* The view comes first: it is the context of every answer. */
struct verification {
    struct view view;
    bool is_bad;
};

static void print_verified(const struct message *verified)
{
    char value[WORDS_BYTES];

    printf("entries   %" PRId64 " verified\n", message_number(verified, FIELD_entries));
    printf("head      %" PRId64 ":%s\n", message_number(verified, FIELD_audit_sequence),
           words_value(verified, FIELD_audit_head, value));
    if (message_has(verified, FIELD_matches))
        printf("anchor    %s\n", message_number(verified, FIELD_matches)
                                     ? "holds: the history still goes on from it"
                                     : "DOES NOT HOLD: the history was rolled back or rewritten since it was noted");
    if (message_has(verified, FIELD_first_bad))
        printf("bad       entry %" PRId64 " is the first that is damaged, missing or not the one that was written\n",
               message_number(verified, FIELD_first_bad));
}

static void take_verified(void *context, const struct message *answer)
{
    struct verification *verification = context;
    enum print_format format = verification->view.invocation->format;

    if (answer->type != MESSAGE_verified)
        return;
    verification->is_bad = message_has(answer, FIELD_first_bad) ||
                           (message_has(answer, FIELD_matches) && !message_number(answer, FIELD_matches));
    if (format == PRINT_TABLE)
        print_verified(answer);
    else
        print_one(format, verification->view.schema, answer, false, stdout);
}

int ctl_audit_verify(const struct invocation *invocation)
{
    struct verification verification = {.view = {.invocation = invocation, .schema = "referral.audit-verify/1"}};
    const char *given = options_value(invocation, "anchor");
    char anchor[HEAD_DIGITS + 32] = "";
    struct message request;
    struct exchange *exchange;
    int code;

    message_init(&request, MESSAGE_verify);
    snprintf(anchor, sizeof anchor, "%s", given ? given : "");
    if (given && (strlen(given) >= sizeof anchor || !read_anchor(invocation, anchor, &request)))
        return EX_USAGE;
    exchange = options_connect_patiently(invocation, &code);
    if (!exchange)
        return code;
    code = view_ask(&verification.view, exchange, &request, take_verified);
    exchange_close(&exchange);
    return code == EX_OK && verification.is_bad ? EXIT_FOUND : code;
}

int ctl_follow(const struct invocation *invocation)
{
    int64_t count = INT64_MAX;

    if (!options_number(invocation, "once", 1, INT32_MAX, &count))
        return EX_USAGE;
    return events_follow(invocation, &count, EVENTS_AGAIN_MS);
}
