/* SPDX-License-Identifier: MIT
 * sender_submit: fields from a file, options and operands, into a message for the network. */
#include "clients/sender.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "clients/bulk.h"
#include "clients/text.h"
#include "proto/check.h"

#define WHY_BYTES 1024
#define IN_FLIGHT_DEFAULT 8
#define PATIENCE_SECONDS_DEFAULT 600

/* Options that are fields. */
static const struct option_field submit_fields[] = {
    {"need", FIELD_needs},
    {"priority", FIELD_priority},
    {"tier", FIELD_tier_needed},
    {"identifier", FIELD_referral_identifier},
    {"source", FIELD_referral_source},
    {"given-name", FIELD_given_name},
    {"family-name", FIELD_family_name},
    {"date-of-birth", FIELD_date_of_birth},
    {"nhs-number", FIELD_nhs_number},
    {"address", FIELD_address_lines},
    {"postcode", FIELD_postcode},
    {"gp-practice", FIELD_gp_practice_ods},
    {"no-fixed-abode", FIELD_no_fixed_abode},
    {"neighbourhood", FIELD_neighbourhood_code},
    {"contact-hub", FIELD_contact_hub_id},
    {"phone", FIELD_phone},
    {"reason", FIELD_reason_for_referral},
    {"consent", FIELD_consent_to_share},
    {0},
};

static const struct option_field update_fields[] = {
    {"note", FIELD_note},   {"address", FIELD_address_lines},      {"postcode", FIELD_postcode},
    {"phone", FIELD_phone}, {"reason", FIELD_reason_for_referral}, {0},
};

/* clang-format off */
const struct option_spec sender_submit_options[] = {
    {'f', "file",          "FILE",  NULL, NULL, "a JSON object, or lines NAME=VALUE, with the names of the wire; - is standard input"},
    {0,   "need",          "LIST",  NULL, NULL, "needs: befriending or befriending:since the move,housing; the first is the primary one"},
    {0,   "priority",      "CODE",  NULL, NULL, "routine, urgent, asap or stat"},
    {0,   "tier",          "CODE",  NULL, NULL, "universal (knowing where to go is enough), targeted (when absent) or specialist"},
    {0,   "identifier",    "TEXT",  NULL, NULL, "own case number (referral_identifier)"},
    {0,   "source",        "CODE",  NULL, NULL, "kind of sender (referral_source)"},
    {0,   "given-name",    "TEXT",  NULL, NULL, "first names (given_name)"},
    {0,   "family-name",   "TEXT",  NULL, NULL, "last name (family_name)"},
    {0,   "date-of-birth", "DATE",  NULL, NULL, "1946-05-09"},
    {0,   "nhs-number",    "DIGITS", NULL, NULL, "ten digits (nhs_number)"},
    {0,   "address",       "LIST",  NULL, NULL, "lines, separated by commas (address_lines)"},
    {0,   "postcode",      "TEXT",  NULL, NULL, "for example PL1 1AE"},
    {0,   "gp-practice",   "ODS",   NULL, NULL, "of the person; stands in for a postcode (gp_practice_ods)"},
    {0,   "no-fixed-abode", NULL,   NULL, NULL, "instead of address and postcode, with one of the next two"},
    {0,   "neighbourhood", "CODE",  NULL, NULL, "where the person is (neighbourhood_code)"},
    {0,   "contact-hub",   "ID",    NULL, NULL, "the hub where the person is in contact (contact_hub_id)"},
    {0,   "phone",         "TEXT",  NULL, NULL, "of the person"},
    {0,   "reason",        "TEXT",  NULL, NULL, "reason_for_referral"},
    {0,   "consent",       "CODE",  NULL, NULL, "consent_to_share: given, best_interests or in_doubt (held for a person to decide)"},
    {0,   "batch",         "FILE",  NULL, NULL, "many people: CSV with a header of field names, one person a row; other options and fields hold for every row that has no value of its own"},
    {0,   "in-flight",     "N",     NULL, NULL, "with --batch: how many are sent at once (8 when absent)"},
    {0,   "patience",      "SECONDS", NULL, NULL, "with --batch: how long one row is tried while the network is busy or cannot be reached (600 when absent)"},
    {0,   "dry-run",       NULL,    NULL, NULL, "with --batch: looks for what is wrong in the file, and sends nothing"},
    {0}};
const struct option_spec sender_update_options[] = {
    {'f', "file",          "FILE",  NULL, NULL, "a JSON object, or lines NAME=VALUE, with the names of the wire; - is standard input"},
    {0,   "note",          "TEXT",  NULL, NULL, "what is new, in words"},
    {0,   "address",       "LIST",  NULL, NULL, "lines, separated by commas (address_lines)"},
    {0,   "postcode",      "TEXT",  NULL, NULL, "for example PL1 1AE"},
    {0,   "phone",         "TEXT",  NULL, NULL, "of the person"},
    {0,   "reason",        "TEXT",  NULL, NULL, "reason_for_referral"},
    {0}};
const struct option_spec sender_cancel_options[] = {
    {0, "reason", "CODE", NULL, NULL, "a code of status_reason: no-longer-needed, 26 ..."},
    {0, "note", "TEXT", NULL, NULL, "mandatory with reason 99"}, {0}};
const struct option_spec sender_retract_options[] = {
    {0, "note", "TEXT", NULL, NULL, "why it should not have been sent"}, {0}};
/* clang-format on */

static bool take_field_options(const struct invocation *invocation, const struct option_field *table,
                               struct record_texts *texts)
{
    for (; table->option; table++) {
        const char *value = options_value(invocation, table->option);

        if (value && !record_texts_set(texts, table->field, value[0] ? value : "true"))
            return false;
    }
    return true;
}

/* NAME=VALUE */
static bool take_operand(const struct invocation *invocation, const char *operand, struct record_texts *texts)
{
    const char *equals = strchr(operand, '=');
    char name[64] = "";
    enum field field;

    if (equals != NULL && (size_t)(equals - operand) < sizeof name)
        memcpy(name, operand, (size_t)(equals - operand));
    field = text_find_field(name);
    if (field != FIELD_COUNT)
        return record_texts_set(texts, field, equals + 1);
    if (equals == NULL)
        options_complain(invocation, EX_USAGE, "referral submit --help", "fields are given as NAME=VALUE");
    else
        options_complain(invocation, EX_USAGE, "see the fields of submit in PROTOCOL.md", "there is no field \"%s\"",
                         name);
    return false;
}

bool sender_gather(const struct invocation *invocation, const struct option_field *table, int first_operand,
                   struct record_texts *texts, int *code)
{
    const char *file = options_value(invocation, "file");
    char why[WHY_BYTES];

    *code = file ? record_json_read(file, texts, why, sizeof why) : EX_OK;
    if (*code != EX_OK) {
        options_complain(invocation, *code, NULL, "%s", why);
        return false;
    }
    *code = EX_USAGE;
    if (!take_field_options(invocation, table, texts))
        return false;
    for (int i = first_operand; i < invocation->operands_count; i++)
        if (!take_operand(invocation, invocation->operands[i], texts))
            return false;
    return true;
}

static void set_uuid(struct record_texts *texts, enum field field)
{
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT_BYTES + 1];

    if (texts->of[field] != NULL)
        return;
    (void)!getrandom(uuid, UUID_BYTES, 0);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    uuid_format(uuid, text);
    record_texts_set(texts, field, text);
}

void sender_fill_envelope(struct record_texts *texts)
{
    static const enum field times[] = {FIELD_sent_at, FIELD_authored_on};
    struct timespec now;
    char text[25];

    set_uuid(texts, FIELD_request_id);
    set_uuid(texts, FIELD_correlation_id);
    clock_gettime(CLOCK_REALTIME, &now);
    datetime_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (texts->of[times[i]] == NULL)
            record_texts_set(texts, times[i], text);
}

/* encode asserts that every field belongs to the message. */
static bool belongs_all(const struct invocation *invocation, const struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (int field = 0; field < FIELD_COUNT; field++) {
        if (!message_has(message, (enum field)field) || text_belongs(spec, (enum field)field))
            continue;
        options_complain(invocation, EX_DATAERR, NULL, "%s does not belong into %s", fields[field].name, spec->name);
        return false;
    }
    return true;
}

static void print_answer(void *context, const struct message *answer)
{
    const struct invocation *invocation = context;
    char id[REFERRAL_ID_BYTES_MAX];

    if (answer->type == MESSAGE_refused)
        return;
    if (answer->type != MESSAGE_committed)
        print_one(invocation->format, "referral.done/1", answer, false, stdout);
    else if (invocation->format == PRINT_TABLE)
        puts(print_value(answer, FIELD_referral_id, false, id, sizeof id));
    else
        print_one(invocation->format, "referral.submit/1", answer, false, stdout);
}

/* How to repeat what may have been stored: these values make it the same request. */
static void print_repeat(const struct message *request)
{
    static const enum field same[] = {FIELD_request_id, FIELD_correlation_id, FIELD_sent_at, FIELD_authored_on};

    fputs("  to repeat it safely, add:", stderr);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char value[64];

        if (!message_has(request, same[i]))
            continue;
        text_write(request, same[i], value, sizeof value);
        fprintf(stderr, " %s=%s", fields[same[i]].name, value);
    }
    fputc('\n', stderr);
}

/* repeat: how to repeat it is told when it may have been stored. */
static int ask(const struct invocation *invocation, struct message *request, bool repeat)
{
    int code;
    struct exchange *exchange = options_connect(invocation, &code);
    enum exchange_result result;

    if (exchange == NULL)
        return code;
    result = exchange_ask(exchange, request, print_answer, (void *)(uintptr_t)invocation);
    code = result == EXCHANGE_OK ? EX_OK : options_complain_of(invocation, exchange, result);
    if (repeat && (result == EXCHANGE_TIMEOUT || result == EXCHANGE_UNREACHABLE || result == EXCHANGE_BUSY))
        print_repeat(request);
    exchange_close(&exchange);
    return code;
}

int sender_ask(const struct invocation *invocation, struct message *request)
{
    return ask(invocation, request, false);
}

int sender_send(const struct invocation *invocation, struct record_texts *texts, struct message *message)
{
    char why[WHY_BYTES];

    if (!record_texts_fill(texts, message, why, sizeof why))
        return options_complain(invocation, EX_DATAERR, NULL, "%s", why);
    if (!belongs_all(invocation, message))
        return EX_DATAERR;
    return ask(invocation, message, true);
}

static int submit_many(const struct invocation *invocation, const struct record_texts *texts)
{
    struct bulk_options options = {
        .path = options_value(invocation, "batch"),
        .defaults = texts,
        .is_rehearsal = options_given(invocation, "dry-run"),
    };
    int64_t in_flight = IN_FLIGHT_DEFAULT, patience = PATIENCE_SECONDS_DEFAULT;

    if (!options_number(invocation, "in-flight", 1, BULK_IN_FLIGHT_MAX, &in_flight) ||
        !options_number(invocation, "patience", 0, 7 * 86400, &patience))
        return EX_USAGE;
    options.in_flight = (size_t)in_flight;
    options.patience_ms = patience * 1000;
    return bulk_run(invocation, &options);
}

static int refuse_batch_options(const struct invocation *invocation)
{
    static const char *const names[] = {"in-flight", "patience", "dry-run"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (options_given(invocation, names[i]))
            return options_complain(invocation, EX_USAGE, "referral submit --help", "--%s needs --batch", names[i]);
    return EX_OK;
}

int sender_submit(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message message;
    bool has_many = options_given(invocation, "batch");
    int code;

    if (!has_many && refuse_batch_options(invocation) != EX_OK)
        return EX_USAGE;
    message_init(&message, MESSAGE_submit);
    if (sender_gather(invocation, submit_fields, 0, &texts, &code)) {
        if (!has_many)
            sender_fill_envelope(&texts);
        code = has_many ? submit_many(invocation, &texts) : sender_send(invocation, &texts, &message);
    }
    record_texts_clear(&texts);
    return code;
}

int sender_update(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message message;
    uint64_t referral;
    int code = EX_USAGE;

    message_init(&message, MESSAGE_update);
    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return code;
    message_set_number(&message, FIELD_referral_id, (int64_t)referral);
    if (sender_gather(invocation, update_fields, 1, &texts, &code)) {
        set_uuid(&texts, FIELD_request_id);
        code = sender_send(invocation, &texts, &message);
    }
    record_texts_clear(&texts);
    return code;
}

/* Both ways to withdraw: the reason makes the difference. */
static int withdraw(const struct invocation *invocation, int reason)
{
    const char *note = options_value(invocation, "note");
    struct message cancel;
    uint64_t referral;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&cancel, MESSAGE_cancel);
    message_set_number(&cancel, FIELD_referral_id, (int64_t)referral);
    message_set_number(&cancel, FIELD_status_reason, reason);
    if (note != NULL)
        message_set_string(&cancel, FIELD_note, note);
    return sender_ask(invocation, &cancel);
}

int sender_cancel(const struct invocation *invocation)
{
    const char *reason = options_value(invocation, "reason");
    int number = reason ? code_number(LIST_status_reason, reason, strlen(reason)) : 0;

    if (number == 0)
        return options_complain(invocation, EX_USAGE, "--reason no-longer-needed, 26 (the person chose otherwise), ...",
                                "give a reason: a code of status_reason");
    return withdraw(invocation, number);
}

int sender_retract(const struct invocation *invocation)
{
    return withdraw(invocation, REASON_ENTERED_IN_ERROR);
}
