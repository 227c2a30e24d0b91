/* SPDX-License-Identifier: MIT
 * referral-hub: for hubs. Runs the agent, and says one answer at a time. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/hub_run.h"
#include "clients/look.h"
#include "proto/check.h"

static void take_done(void *context, const struct message *answer)
{
    const struct invocation *invocation = context;

    if (answer->type == MESSAGE_done)
        print_one(invocation->format, "referral.done/1", answer, false, stdout);
}

static int say_answer(const struct invocation *invocation, struct answer *answer)
{
    struct invocation ours = *invocation;
    struct exchange *exchange;
    char why[HUB_WHY_BYTES];
    int code;

    if (!answer_is_whole(answer, why))
        return options_complain(invocation, EX_USAGE, NULL, "%s", why);
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    answer_new_request_id(answer);
    if (hub_tell(exchange, answer, take_done, &ours, why, &code) != TOLD)
        options_complain(invocation, code, NULL, "%s", why);
    exchange_close(&exchange);
    return code;
}

/* The codes of a list, for who gave another. */
static int complain_of_code(const struct invocation *invocation, const char *option, enum code_list list)
{
    options_complain(invocation, EX_USAGE, NULL, "--%s: it is none of these codes", option);
    for (size_t i = 0; i < lists[list].count; i++)
        fprintf(stderr, "  %-20s %s\n", lists[list].codes[i].text, lists[list].codes[i].meaning);
    return EX_USAGE;
}

static bool read_code(const struct invocation *invocation, const char *option, enum code_list list, int *code)
{
    const char *text = options_value(invocation, option);

    *code = text ? code_number(list, text, strlen(text)) : 0;
    if (text && *code == 0)
        complain_of_code(invocation, option, list);
    return !text || *code != 0;
}

static bool read_whole_number(const struct invocation *invocation, const char *text, enum field field, int64_t *number)
{
    char *end;

    *number = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && *number >= fields[field].least && *number <= fields[field].most)
        return true;
    options_complain(invocation, EX_USAGE, NULL, "%s is a whole number from %lld to %lld", fields[field].name,
                     (long long)fields[field].least, (long long)fields[field].most);
    return false;
}

/* accept, reject, start, complete, fail: the word of the command is the type of the message. */
static int run_answer(const struct invocation *invocation)
{
    const char *note = options_value(invocation, "note");
    struct answer answer = {
        .type = message_spec_by_name(invocation->command->name, strlen(invocation->command->name))->type};
    int reason;
    int outcome;

    if (!options_referral_id(invocation, invocation->operands[0], &answer.referral) ||
        (invocation->operands_count > 1 &&
         !read_whole_number(invocation, invocation->operands[1], FIELD_offer_number, &answer.offer)) ||
        !read_code(invocation, "reason", LIST_status_reason, &reason) ||
        !read_code(invocation, "outcome", LIST_outcome, &outcome))
        return EX_USAGE;
    if (note && strlen(note) >= sizeof answer.note)
        return options_complain(invocation, EX_USAGE, NULL, "--note: at most 2000 characters");
    snprintf(answer.note, sizeof answer.note, "%s", note ? note : "");
    answer.reason = (enum status_reason)reason;
    answer.outcome = (enum outcome)outcome;
    return say_answer(invocation, &answer);
}

static int run_capacity(const struct invocation *invocation)
{
    struct answer answer = {.type = MESSAGE_capacity};
    const char *service = invocation->operands[0];

    if (strlen(service) >= sizeof answer.service || !check_id((struct text){service, (uint32_t)strlen(service)}))
        return options_complain(invocation, EX_USAGE, NULL, "this is not the id of a service");
    if (!read_whole_number(invocation, invocation->operands[1], FIELD_places, &answer.places))
        return EX_USAGE;
    snprintf(answer.service, sizeof answer.service, "%s", service);
    return say_answer(invocation, &answer);
}

/* clang-format off */
#define OPTION_NOTE {'n', "note", "TEXT", NULL, NULL, "a sentence with it; the sender sees it"}
#define OPTION_REASON {'r', "reason", "CODE", NULL, NULL, "why; an unknown code lists them all"}
#define OPTION_OUTCOME {0, "outcome", "CODE", NULL, NULL, "how the help ended: got-help, partly, signposted, became-volunteer"}

static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};
static const struct option_spec note_options[] = {OPTION_NOTE, {0}};
static const struct option_spec reason_options[] = {OPTION_REASON, OPTION_NOTE, {0}};
static const struct option_spec outcome_options[] = {OPTION_OUTCOME, OPTION_NOTE, {0}};
static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, {0}};
static const struct option_spec run_options[] = {
    {0, "exec", "COMMAND", NULL, NULL, "hand each over to this command: JSON on stdin, exit status as sysexits"},
    {0, "spool", "DIR", NULL, NULL, "hand each over as a file in DIR/new; answers are files moved into DIR/outbox"},
    {0, "state", "DIR", "REFERRAL_HUB_STATE", "/var/lib/referral-hub", "journal, outbox and kept referrals, with --exec"},
    {0, "tries", "N", NULL, NULL, "with --exec: tries before a referral is kept aside (8 when absent)"},
    {0, "time-limit", "SECONDS", NULL, NULL, "with --exec: for one run of the command (60 when absent)"},
    {0}};

static const struct command commands[] = {
    {"run",      "",                            "Takes what the network pushes and hands it to the hub's own tool.", run_options, 0, 0, hub_run},
    {"accept",   "REFERRAL_ID [OFFER_NUMBER]",  "Takes a referral that was offered; the person follows.", note_options, 1, 2, run_answer},
    {"reject",   "REFERRAL_ID [OFFER_NUMBER]",  "Declines an offer (--reason); the next hub is asked.", reason_options, 1, 2, run_answer},
    {"start",    "REFERRAL_ID [OFFER_NUMBER]",  "Contact has been made.", note_options, 1, 2, run_answer},
    {"complete", "REFERRAL_ID [OFFER_NUMBER]",  "Help was given (--outcome).", outcome_options, 1, 2, run_answer},
    {"fail",     "REFERRAL_ID [OFFER_NUMBER]",  "Help could not be given (--reason).", reason_options, 1, 2, run_answer},
    {"capacity", "SERVICE_ID PLACES",           "States how many places a service has in all.", NULL, 2, 2, run_capacity},
    {"list",     "",                            "What is offered to this hub, and what it has accepted.", list_options, 0, 0, look_list},
    {"show",     "REFERRAL_ID",                 "One referral and its history.", NULL, 1, 1, look_show},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referral-hub", "receives referrals for a hub and answers them",
                                           program_options, commands};

    setlocale(LC_ALL, "");
    return options_run(&program, argc, argv);
}
