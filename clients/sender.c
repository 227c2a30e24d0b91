/* SPDX-License-Identifier: MIT
 * referral(1): for those who send referrals. Prints no personal data on stderr. */
#include "clients/sender.h"

#include <stdio.h>
#include <sysexits.h>

#include "clients/look.h"
#include "clients/words.h"

/* The view comes first: it is the context of every answer. */
struct explanation {
    struct view view;
    struct words_count count;
};

static void take_explanation(void *context, const struct message *answer)
{
    struct explanation *explanation = context;

    if (explanation->view.invocation->format != PRINT_TABLE)
        view_take_row(context, answer);
    else if (answer->type == MESSAGE_referral)
        words_standing(answer, stdout);
    else if (answer->type == MESSAGE_decision)
        words_decision(answer, stdout);
    else if (answer->type == MESSAGE_considered)
        words_consider(&explanation->count, answer);
}

/* In short for people: where it stands, and what decided. For programs: all that the network says. */
static int run_explain(const struct invocation *invocation)
{
    static const enum field columns[] = {FIELD_hub_id, FIELD_hub_name,    FIELD_need,   FIELD_rule, FIELD_needed,
                                         FIELD_ring,   FIELD_places_free, FIELD_chosen, FIELD_COUNT};
    struct explanation explanation = {.view = {.invocation = invocation, .row = MESSAGE_considered}};
    struct exchange *exchange;
    uint64_t referral;
    int code;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (exchange == NULL)
        return code;
    explanation.view.printer = print_open(invocation->format, "referral.explain/1", columns, stdout);
    code = view_ask_about(&explanation.view, exchange, MESSAGE_status, referral, take_explanation);
    if (code == EX_OK)
        code = view_ask_about(&explanation.view, exchange, MESSAGE_explain, referral, take_explanation);
    words_counted(&explanation.count, stdout);
    print_close(&explanation.view.printer, NULL);
    exchange_close(&exchange);
    return code;
}

static int run_ping(const struct invocation *invocation)
{
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    return sender_ask(invocation, &hello);
}

/* clang-format off */
static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};
static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, {0}};
static const struct option_spec show_options[] = {
    {0, "reveal", NULL, NULL, NULL, "show the person too; the network records it"}, {0}};

static const struct command commands[] = {
    {"submit",  "[NAME=VALUE...]", "Refers a person; prints the id when it is stored for good. --batch: many people.", sender_submit_options, 0, 64, sender_submit},
    {"update",  "REFERRAL_ID [NAME=VALUE...]", "Sends what is new about a referral; who has the case is told.", sender_update_options, 1, 64, sender_update},
    {"cancel",  "REFERRAL_ID", "Withdraws a referral that has not ended (--reason).", sender_cancel_options, 1, 1, sender_cancel},
    {"retract", "REFERRAL_ID", "Takes back a referral that should never have been sent, also when it has ended.", sender_retract_options, 1, 1, sender_retract},
    {"show",    "REFERRAL_ID", "One referral, its deadline and who owns it, and its history.", show_options, 1, 1, look_show},
    {"list",    "",            "Own referrals, newest first.",                         list_options, 0, 0, look_list},
    {"follow",  "",            "Updates as they come, each confirmed when it has been written; --since looks on and confirms nothing.", sender_follow_options, 0, 0, sender_follow},
    {"history", "REFERRAL_ID", "What happened to one referral, newest first.",         NULL, 1, 1, look_history},
    {"explain", "REFERRAL_ID", "Where it stands, why, what it waits for and for how long.", NULL, 1, 1, run_explain},
    {"ping",    "",            "Waits for one answer of the daemon.",                  NULL, 0, 0, run_ping},
    {"doctor",  "",            "Looks stage by stage at what can be wrong with the connection.", NULL, 0, 0, sender_doctor},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referral", "Send referrals and follow them.", program_options, commands};

    return options_run(&program, argc, argv);
}
