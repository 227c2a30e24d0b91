/* SPDX-License-Identifier: MIT
 * sender_follow: what comes.
 *
 *   follow                          takes the party's mailbox as every program of the party does: each update goes to
 *                                   one of them, and is confirmed when it has been written
 *   follow --since DATE, --look     looks on: what happened since then, then what happens; takes and confirms nothing
 *   follow --since DATE --confirm   looks at what happened since then, then takes the mailbox */
#include "clients/sender.h"

#include <stdio.h>
#include <sysexits.h>

#include "clients/events.h"

#define FOLLOW_STEP_MS 5000

/* clang-format off */
const struct option_spec sender_follow_options[] = {
    {0, "once", "N", NULL, NULL, "end after N updates"},
    {0, "since", "DATE", NULL, NULL, "look on: what happened since that day, or so many days (30d), and then what happens; takes nothing from the mailbox and confirms nothing"},
    {0, "look", NULL, NULL, NULL, "look on from now"},
    {0, "confirm", NULL, NULL, NULL, "with --since: then take the mailbox, and confirm"},
    {0, "reveal", NULL, NULL, NULL, "show the person too, where an update holds it (GP practices: message_back)"}, {0}};
/* clang-format on */

/* An update is confirmed when it has been written out, and not before. */
static int show_updates(const struct invocation *invocation, struct exchange *exchange, int64_t count)
{
    bool reveal = options_given(invocation, "reveal"), was_told = false;

    for (int64_t shown = 0; shown < count;) {
        const struct message *push;
        enum exchange_result result = exchange_next(exchange, &push, FOLLOW_STEP_MS);

        if (result == EXCHANGE_OK) {
            int64_t number = message_number(push, FIELD_mailbox_number);

            print_one(invocation->format, "referral.update/1", push, reveal, stdout);
            if (invocation->format == PRINT_TABLE)
                putchar('\n');
            if (fflush(stdout) != 0 || ferror(stdout))
                return options_complain(invocation, EX_IOERR, NULL, "cannot write; the update is not confirmed");
            result = exchange_confirm(exchange, number);
            shown++;
        }
        if (result == EXCHANGE_OK || result == EXCHANGE_TIMEOUT)
            was_told = false;
        else if (result != EXCHANGE_UNREACHABLE && result != EXCHANGE_BUSY)
            return options_complain_of(invocation, exchange, result);
        else if (!was_told)
            was_told = options_complain_of(invocation, exchange, result) != EX_OK;
    }
    return EX_OK;
}

static int take_mailbox(const struct invocation *invocation, int64_t count)
{
    int code;
    struct exchange *exchange = options_connect(invocation, &code);

    if (exchange == NULL)
        return code;
    code = show_updates(invocation, exchange, count);
    exchange_close(&exchange);
    return code;
}

int sender_follow(const struct invocation *invocation)
{
    int64_t count = INT64_MAX;
    int code;

    if (!options_number(invocation, "once", 1, INT32_MAX, &count))
        return EX_USAGE;
    if (options_given(invocation, "confirm") && !options_given(invocation, "since"))
        return options_complain(invocation, EX_USAGE, "referral follow", "without --since it confirms anyway");
    if (!options_given(invocation, "since") && !options_given(invocation, "look"))
        return take_mailbox(invocation, count);
    code = events_follow(invocation, &count, options_given(invocation, "confirm") ? EVENTS_NO_MORE : EVENTS_AGAIN_MS);
    return code == EX_OK && count > 0 && options_given(invocation, "confirm") ? take_mailbox(invocation, count) : code;
}
