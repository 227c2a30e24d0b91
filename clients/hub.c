/* SPDX-License-Identifier: MIT
 * referral-hub: for hubs. Runs the agent, and says one answer at a time. */
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/hub_journal.h"
#include "clients/hub_run.h"
#include "clients/look.h"
#include "clients/sender.h"
#include "clients/text.h"
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
    char why[HUB_WHY_BYTES], remedy[64];
    int code;

    snprintf(remedy, sizeof remedy, "%s %s --help", invocation->program->name, invocation->command->name);
    if (!answer_is_whole(answer, why))
        return options_complain(invocation, EX_USAGE, remedy, "%s", why);
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    answer_new_request_id(answer);
    if (hub_tell(exchange, answer, take_done, &ours, why, &code) != TOLD)
        options_complain(invocation, code, NULL, "%s", why);
    exchange_close(&exchange);
    return code;
}

/* Options that are members of an answer. */
static const struct option_field answer_fields[] = {
    {"note", FIELD_note},
    {"reason", FIELD_status_reason},
    {"outcome", FIELD_outcome},
    {"support", FIELD_support_offered},
    {"scores", FIELD_outcome_scores},
    {"known", FIELD_known},
    {"contact", FIELD_contact},
    {"referral", FIELD_referral_id},
    {"nhs-number", FIELD_nhs_number},
    {"family-name", FIELD_family_name},
    {"given-name", FIELD_given_name},
    {"date-of-birth", FIELD_date_of_birth},
    {"postcode", FIELD_postcode},
    {0},
};

static bool take_options(const struct invocation *invocation, struct answer *answer)
{
    for (const struct option_field *option = answer_fields; option->option; option++) {
        const struct field_spec *spec = &fields[option->field];
        const char *text = options_value(invocation, option->option);

        if (!text)
            continue;
        if (spec->kind == KIND_CODE && !code_number((enum code_list)spec->of, text, strlen(text))) {
            options_complain(invocation, EX_USAGE, NULL, "--%s: it is none of these codes", option->option);
            options_print_codes((enum code_list)spec->of);
            return false;
        }
        if (!answer_set_text(answer, option->field, text))
            return false;
    }
    return true;
}

/* hand-back says hand_back. */
static enum message_type type_of_command(const struct command *command)
{
    char name[32];

    snprintf(name, sizeof name, "%s", command->name);
    for (char *at = name; *at; at++)
        if (*at == '-')
            *at = '_';
    return message_spec_by_name(name, strlen(name))->type;
}

/* An answer whose operands are these fields, in this order. */
static int run_with_operands(const struct invocation *invocation, enum field first, enum field second)
{
    struct answer answer = {.type = type_of_command(invocation->command)};
    int code = EX_USAGE;

    answer_set_text(&answer, first, invocation->operands[0]);
    if (invocation->operands_count > 1)
        answer_set_text(&answer, second, invocation->operands[1]);
    if (take_options(invocation, &answer))
        code = say_answer(invocation, &answer);
    answer_clear(&answer);
    return code;
}

/* accept, reject, start ...: the word of the command is the type of the message. */
static int run_answer(const struct invocation *invocation)
{
    return run_with_operands(invocation, FIELD_referral_id, FIELD_offer_number);
}

static int run_capacity(const struct invocation *invocation)
{
    return run_with_operands(invocation, FIELD_service_id, FIELD_places);
}

static int run_enquire(const struct invocation *invocation)
{
    return run_with_operands(invocation, FIELD_hub_id, FIELD_hub_id);
}

static int run_answer_enquiry(const struct invocation *invocation)
{
    return run_with_operands(invocation, FIELD_enquiry_id, FIELD_enquiry_id);
}

/* ---- what is no answer ---- */

static void take_correlation(void *context, const struct message *answer)
{
    if (answer->type == MESSAGE_referral)
        text_write(answer, FIELD_correlation_id, context, UUID_TEXT_BYTES + 1);
}

/* What ties the new referral to the case it comes from. */
static bool set_origin(const struct invocation *invocation, uint64_t referral, struct record_texts *texts, int *code)
{
    struct exchange *exchange = options_connect(invocation, code);
    char correlation[UUID_TEXT_BYTES + 1] = "";
    char origin[REFERRAL_ID_BYTES_MAX];
    struct message request;
    enum exchange_result result;

    if (!exchange)
        return false;
    message_init(&request, MESSAGE_status);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    result = exchange_ask(exchange, &request, take_correlation, correlation);
    if (result != EXCHANGE_OK)
        *code = options_complain_of(invocation, exchange, result);
    exchange_close(&exchange);
    referral_id_format(referral, origin);
    return result == EXCHANGE_OK && record_texts_set(texts, FIELD_onward_from, origin) &&
           record_texts_set(texts, FIELD_correlation_id, correlation);
}

/* A file may be the message `person` as it was handed over: what the network said in it is not ours to say again, and
 * the new referral is written now. */
static void drop_what_is_not_said(struct record_texts *texts)
{
    const struct message_spec *submit = message_spec(MESSAGE_submit);

    for (int field = 0; field < FIELD_COUNT; field++)
        if (texts->of[field] && (field == FIELD_authored_on || !text_belongs(submit, (enum field)field))) {
            explicit_bzero(texts->of[field], strlen(texts->of[field]));
            free(texts->of[field]);
            texts->of[field] = NULL;
        }
}

static const struct option_field refer_fields[] = {
    {"need", FIELD_needs},        {"identifier", FIELD_referral_identifier}, {"source", FIELD_referral_source},
    {"priority", FIELD_priority}, {"reason", FIELD_reason_for_referral},     {0}};

static int run_refer_on(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message submit;
    uint64_t referral;
    int code = EX_USAGE;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&submit, MESSAGE_submit);
    if (sender_gather(invocation, refer_fields, 1, &texts, &code)) {
        drop_what_is_not_said(&texts);
        if (set_origin(invocation, referral, &texts, &code)) {
            sender_fill_envelope(&texts);
            code = sender_send(invocation, &texts, &submit);
        }
    }
    record_texts_clear(&texts);
    return code;
}

static void take_welcome(void *context, const struct message *answer)
{
    const struct invocation *invocation = context;

    if (answer->type == MESSAGE_welcome)
        print_one(invocation->format, "referral.mailbox/1", answer, false, stdout);
}

/* A hello that takes no pushes: up to where everything is confirmed, and the head of the history. */
static int run_mailbox(const struct invocation *invocation)
{
    struct invocation ours = *invocation;
    struct exchange *exchange;
    struct message hello;
    enum exchange_result result;
    int code;

    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, false);
    result = exchange_ask(exchange, &hello, take_welcome, &ours);
    code = result == EXCHANGE_OK ? EX_OK : options_complain_of(invocation, exchange, result);
    exchange_close(&exchange);
    return code;
}

/* In the form that referralctl audit verify --anchor takes. */
static int run_anchor(const struct invocation *invocation)
{
    const char *spool = options_value(invocation, "spool");
    const char *directory = spool ? spool : options_value(invocation, "state");
    struct exchange_anchor anchor;

    switch (journal_read_anchor(directory, &anchor)) {
    case JOURNAL_OK:
        printf("%" PRId64 ":%s\n", anchor.sequence, anchor.head);
        return EX_OK;
    case JOURNAL_DAMAGED:
        return options_complain(invocation, EX_DATAERR, NULL, "%s/anchor is not an anchor", directory);
    default:
        return options_complain(invocation, EX_NOINPUT, "referral-hub run keeps one there", "cannot read %s/anchor",
                                directory);
    }
}

/* clang-format off */
#define OPTION_NOTE {'n', "note", "TEXT", NULL, NULL, "a sentence with it; the sender sees it"}
#define OPTION_REASON {'r', "reason", "CODE", NULL, NULL, "why; an unknown code lists them all"}
#define OPTION_OUTCOME {0, "outcome", "CODE", NULL, NULL, "how the help ended: got-help, partly, signposted, became-volunteer"}
#define OPTION_SUPPORT {0, "support", "LIST", NULL, NULL, "what was offered: needs, separated by commas (befriending,housing)"}
#define OPTION_SCORES {0, "scores", "LIST", NULL, NULL, "wellbeing: MOMENT:MEASURE:ITEMS:TOTAL:DATE,... as before:ONS4:3 4 3 8::2026-09-01,after:ONS4:7 6 8 3::2026-11-20"}
#define OPTION_STATE {0, "state", "DIR", "REFERRAL_HUB_STATE", "/var/lib/referral-hub", "journal, outbox and kept referrals, with --exec and --webhook"}

static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};
static const struct option_spec note_options[] = {OPTION_NOTE, {0}};
static const struct option_spec reason_options[] = {OPTION_REASON, OPTION_NOTE, {0}};
static const struct option_spec progress_options[] = {OPTION_NOTE, OPTION_SUPPORT, OPTION_SCORES, {0}};
static const struct option_spec complete_options[] = {OPTION_OUTCOME, OPTION_SUPPORT, OPTION_SCORES, OPTION_NOTE, {0}};
static const struct option_spec fail_options[] = {OPTION_REASON, OPTION_SUPPORT, OPTION_SCORES, OPTION_NOTE, {0}};
static const struct option_spec enquire_options[] = {
    {0, "referral", "ID", NULL, NULL, "a case of this hub, for which it is asked"},
    {'n', "note", "TEXT", NULL, NULL, "why it is asked; mandatory without --referral; who is asked sees it"},
    {0, "nhs-number", "DIGITS", NULL, NULL, "of the person; or the next three"},
    {0, "family-name", "TEXT", NULL, NULL, "last name"},
    {0, "given-name", "TEXT", NULL, NULL, "first names"},
    {0, "date-of-birth", "DATE", NULL, NULL, "1946-05-09"},
    {0, "postcode", "TEXT", NULL, NULL, "for example PL1 1AE"},
    {0}};
static const struct option_spec answer_enquiry_options[] = {
    {0, "known", "CODE", NULL, NULL, "known, not-known or cannot-say"},
    {0, "contact", "TEXT", NULL, NULL, "whom to talk to: a worker and a number; mandatory with cannot-say"},
    {'n', "note", "TEXT", NULL, NULL, "a sentence with it; the asker sees it"},
    {0}};
static const struct option_spec refer_options[] = {
    {'f', "file", "FILE", NULL, NULL, "fields as of referral submit --file, or the message `person` as it was handed over"},
    {0, "need", "LIST", NULL, NULL, "what is needed now: housing, or housing:about the damp,benefits"},
    {0, "identifier", "TEXT", NULL, NULL, "own case number (referral_identifier)"},
    {0, "source", "CODE", NULL, NULL, "what kind of sender this hub is (referral_source)"},
    {0, "priority", "CODE", NULL, NULL, "routine, urgent, asap or stat"},
    {0, "reason", "TEXT", NULL, NULL, "reason_for_referral"},
    {0}};
static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, {0}};
static const struct option_spec run_options[] = {
    {0, "exec", "COMMAND", NULL, NULL, "hand each over to this command: JSON on stdin, exit status as sysexits"},
    {0, "spool", "DIR", NULL, NULL, "hand each over as a file in DIR/new; answers are files moved into DIR/outbox"},
    {0, "webhook", "URL", NULL, NULL, "hand each over by POST to https://..., or http:// on this machine, signed (standardwebhooks.com)"},
    {0, "webhook-secret", "FILE", NULL, NULL, "with --webhook: whsec_BASE64, readable by its owner alone"},
    {0, "ca-file", "FILE", NULL, NULL, "with --webhook: the certificates to trust, instead of the system's"},
    OPTION_STATE,
    {0, "tries", "N", NULL, NULL, "tries before a referral is kept aside (8 when absent; with --webhook 20)"},
    {0, "time-limit", "SECONDS", NULL, NULL, "for one run of the command, or one request (60 when absent)"},
    {0}};
static const struct option_spec anchor_options[] = {
    {0, "spool", "DIR", NULL, NULL, "what run --spool keeps"}, OPTION_STATE, {0}};

static const struct command commands[] = {
    {"run",      "",                            "Takes what the network pushes and hands it to the hub's own tool.", run_options, 0, 0, hub_run},
    {"accept",   "REFERRAL_ID [OFFER_NUMBER]",  "Takes a referral that was offered; the person follows.", note_options, 1, 2, run_answer},
    {"reject",   "REFERRAL_ID [OFFER_NUMBER]",  "Declines an offer (--reason); the next hub is asked.", reason_options, 1, 2, run_answer},
    {"start",    "REFERRAL_ID [OFFER_NUMBER]",  "Contact has been made.", note_options, 1, 2, run_answer},
    {"pause",    "REFERRAL_ID [OFFER_NUMBER]",  "Waits for something (--note says for what).", note_options, 1, 2, run_answer},
    {"resume",   "REFERRAL_ID [OFFER_NUMBER]",  "Goes on.", note_options, 1, 2, run_answer},
    {"progress", "REFERRAL_ID [OFFER_NUMBER]",  "Tells how it goes (--note).", progress_options, 1, 2, run_answer},
    {"hand-back", "REFERRAL_ID [OFFER_NUMBER]", "Cannot go on (--reason); the next hub is asked.", reason_options, 1, 2, run_answer},
    {"complete", "REFERRAL_ID [OFFER_NUMBER]",  "Help was given (--outcome).", complete_options, 1, 2, run_answer},
    {"fail",     "REFERRAL_ID [OFFER_NUMBER]",  "Help could not be given (--reason).", fail_options, 1, 2, run_answer},
    {"refer-on", "REFERRAL_ID [NAME=VALUE]...", "Refers the person of a case on, for another need.", refer_options, 1, 100, run_refer_on},
    {"enquire",  "HUB_ID",                      "Asks another hub whether it knows a person.", enquire_options, 1, 1, run_enquire},
    {"answer-enquiry", "ENQUIRY_ID",            "Answers an enquiry (--known).", answer_enquiry_options, 1, 1, run_answer_enquiry},
    {"capacity", "SERVICE_ID PLACES",           "States how many places a service has in all.", NULL, 2, 2, run_capacity},
    {"list",     "",                            "What is offered to this hub, and what it has accepted.", list_options, 0, 0, look_list},
    {"show",     "REFERRAL_ID",                 "One referral and its history.", NULL, 1, 1, look_show},
    {"mailbox",  "",                            "Up to where the hub's mailbox is confirmed, and the head of the network's history.", NULL, 0, 0, run_mailbox},
    {"anchor",   "",                            "The head of the network's history that run has kept.", anchor_options, 0, 0, run_anchor},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referral-hub", "receives referrals for a hub and answers them",
                                           program_options, commands};

    setlocale(LC_ALL, "");
    return options_run(&program, argc, argv);
}
