/* SPDX-License-Identifier: MIT
 * referral(1): for those who send referrals. Prints no personal data on stderr. */
#include "clients/evidence.h"
#include "clients/keys.h"
#include "clients/look.h"
#include "clients/profile.h"
#include "clients/record_json.h"
#include "clients/text.h"
#include "clients/words.h"
#include "proto/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#define WHY_BYTES 1024
#define FOLLOW_STEP_MS 5000

/* Options of submit that are fields. */
static const struct {
    const char *option;
    enum field field;
} field_options[] = {
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
};

static bool take_field_options(const struct invocation *invocation, struct record_texts *texts)
{
    for (size_t i = 0; i < sizeof field_options / sizeof field_options[0]; i++) {
        const char *value = options_value(invocation, field_options[i].option);

        if (value != NULL && !record_texts_set(texts, field_options[i].field, value[0] ? value : "true"))
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

/* What says nothing about the person is filled in when it is absent. */
static void fill_envelope(struct record_texts *texts)
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

static bool gather_fields(const struct invocation *invocation, struct record_texts *texts, int *code)
{
    const char *file = options_value(invocation, "file");
    char why[WHY_BYTES];

    *code = EX_USAGE;
    if (file != NULL && !record_json_read(file, texts, why, sizeof why)) {
        *code = options_complain(invocation, EX_DATAERR, NULL, "%s", why);
        return false;
    }
    if (!take_field_options(invocation, texts))
        return false;
    for (int i = 0; i < invocation->operands_count; i++)
        if (!take_operand(invocation, invocation->operands[i], texts))
            return false;
    fill_envelope(texts);
    return true;
}

/* encode asserts that every field belongs to the message. */
static bool belongs_all(const struct invocation *invocation, const struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (int field = 0; field < FIELD_COUNT; field++) {
        size_t i = 0;

        while (i < spec->count && spec->members[i].field != (enum field)field)
            i++;
        if (!message_has(message, (enum field)field) || i < spec->count)
            continue;
        options_complain(invocation, EX_DATAERR, NULL, "%s does not belong into %s", fields[field].name, spec->name);
        return false;
    }
    return true;
}

static void print_committed(void *context, const struct message *answer)
{
    const struct invocation *invocation = context;
    char id[REFERRAL_ID_BYTES_MAX];

    if (answer->type != MESSAGE_committed)
        return;
    if (invocation->format == PRINT_TABLE)
        puts(print_value(answer, FIELD_referral_id, false, id, sizeof id));
    else
        print_one(invocation->format, "referral.submit/1", answer, false, stdout);
}

/* How to repeat a submit that may have been stored: these values make it the same request. */
static void print_repeat(const struct message *submit)
{
    static const enum field same[] = {FIELD_request_id, FIELD_correlation_id, FIELD_sent_at, FIELD_authored_on};

    fputs("  to repeat it safely, add:", stderr);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char value[64];

        text_write(submit, same[i], value, sizeof value);
        fprintf(stderr, " %s=%s", fields[same[i]].name, value);
    }
    fputc('\n', stderr);
}

static int submit(const struct invocation *invocation, struct message *message)
{
    int code;
    struct exchange *exchange = options_connect(invocation, &code);
    enum exchange_result result;

    if (exchange == NULL)
        return code;
    result = exchange_ask(exchange, message, print_committed, (void *)(uintptr_t)invocation);
    code = exit_code((int)result);
    if (result != EXCHANGE_OK)
        options_complain_of(invocation, exchange, result);
    if (result == EXCHANGE_TIMEOUT || result == EXCHANGE_UNREACHABLE || result == EXCHANGE_BUSY)
        print_repeat(message);
    exchange_close(&exchange);
    return code;
}

static int run_submit(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message message;
    char why[WHY_BYTES];
    int code;

    message_init(&message, MESSAGE_submit);
    if (gather_fields(invocation, &texts, &code)) {
        code = EX_DATAERR;
        if (!record_texts_fill(&texts, &message, why, sizeof why))
            options_complain(invocation, code, NULL, "%s", why);
        else if (belongs_all(invocation, &message))
            code = submit(invocation, &message);
    }
    record_texts_clear(&texts);
    return code;
}

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

static int run_follow(const struct invocation *invocation)
{
    int64_t count = INT64_MAX;
    struct exchange *exchange;
    int code;

    if (!options_number(invocation, "once", 1, INT32_MAX, &count))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (exchange == NULL)
        return code;
    code = show_updates(invocation, exchange, count);
    exchange_close(&exchange);
    return code;
}

static void print_done(void *context, const struct message *answer)
{
    const struct invocation *invocation = context;

    if (answer->type != MESSAGE_refused)
        print_one(invocation->format, "referral.done/1", answer, false, stdout);
}

static int ask_one(const struct invocation *invocation, struct message *request)
{
    int code;
    struct exchange *exchange = options_connect(invocation, &code);
    enum exchange_result result;

    if (exchange == NULL)
        return code;
    result = exchange_ask(exchange, request, print_done, (void *)(uintptr_t)invocation);
    code = result == EXCHANGE_OK ? EX_OK : options_complain_of(invocation, exchange, result);
    exchange_close(&exchange);
    return code;
}

static int run_cancel(const struct invocation *invocation)
{
    const char *reason = options_value(invocation, "reason"), *note = options_value(invocation, "note");
    int number = reason ? code_number(LIST_status_reason, reason, strlen(reason)) : 0;
    struct message cancel;
    uint64_t referral;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    if (number == 0)
        return options_complain(invocation, EX_USAGE, "--reason no-longer-needed, 26 (the person chose otherwise), ...",
                                "give a reason: a code of status_reason");
    message_init(&cancel, MESSAGE_cancel);
    message_set_number(&cancel, FIELD_referral_id, (int64_t)referral);
    message_set_number(&cancel, FIELD_status_reason, number);
    if (note != NULL)
        message_set_string(&cancel, FIELD_note, note);
    return ask_one(invocation, &cancel);
}

static int run_history(const struct invocation *invocation)
{
    static const enum field columns[] = {FIELD_sequence, FIELD_at,     FIELD_event,         FIELD_actor,
                                         FIELD_state,    FIELD_hub_id, FIELD_status_reason, FIELD_outcome,
                                         FIELD_deadline, FIELD_COUNT};
    struct view view = {.invocation = invocation};
    struct message request;
    uint64_t referral;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&request, MESSAGE_history);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    return view_ask_rows(&view, "referral.history/1", columns, &request, view_take_row);
}

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
    return ask_one(invocation, &hello);
}

/* One line of the doctor. Returns is_good. */
static bool tell(bool is_good, const char *stage, const char *words)
{
    printf("%-10s %-4s %s\n", stage, is_good ? "ok" : "BAD", words);
    return is_good;
}

static bool check_settings(const struct invocation *invocation, struct profile *profile)
{
    static const char *const names[] = {"endpoint", "key-file", "server-key", "timeout"};
    char why[WHY_BYTES];
    bool is_good = profile_load(profile, why, sizeof why);

    for (size_t i = 0; is_good && i < sizeof names / sizeof names[0]; i++)
        if (options_given(invocation, names[i]))
            is_good = profile_set(profile, names[i], options_value(invocation, names[i]), why, sizeof why);
    if (is_good && profile->endpoint[0] == '\0') {
        snprintf(why, sizeof why, "no endpoint: set it with --endpoint, in REFERRAL_ENDPOINT or in %s", profile->file);
        is_good = false;
    }
    return tell(is_good, "settings", is_good ? profile->endpoint : why);
}

static bool check_key_files(const struct profile *profile)
{
    char why[WHY_BYTES], fingerprint[KEYS_FINGERPRINT_BYTES];
    struct keys keys;
    bool is_good;

    if (profile->key_file[0] == '\0' || profile->server_key[0] == '\0')
        return tell(false, "own key", "set key-file and server-key; referral-keygen makes keys");
    is_good = keys_read_pair(profile->key_file, &keys, why, sizeof why);
    if (is_good) {
        keys_fingerprint(keys.public_key, fingerprint);
        snprintf(why, sizeof why, "%s (fingerprint %s)", profile->key_file, fingerprint);
    }
    keys_wipe(&keys);
    if (!tell(is_good, "own key", why))
        return false;
    is_good = keys_read_public(profile->server_key, &keys, why, sizeof why);
    if (is_good) {
        keys_fingerprint(keys.public_key, fingerprint);
        snprintf(why, sizeof why, "%s (fingerprint %s)", profile->server_key, fingerprint);
    }
    return tell(is_good, "server key", why);
}

static bool check_network(const struct profile *profile)
{
    char why[WHY_BYTES];
    enum evidence_reach reached = evidence_reach(profile->endpoint, why, sizeof why);

    return tell(reached != REACH_NO_NAME, "name", reached == REACH_NO_NAME ? why : "resolves") &&
           tell(reached == REACH_ANSWERS, "connection", reached == REACH_ANSWERS ? "is taken" : why);
}

static void tell_welcome(void *context, const struct message *answer)
{
    char party[ID_BYTES_MAX + 1], role[32], version[64], words[WHY_BYTES];

    (void)context;
    if (answer->type != MESSAGE_welcome)
        return;
    snprintf(words, sizeof words, "this key is %s, %s", print_value(answer, FIELD_party, false, party, sizeof party),
             print_value(answer, FIELD_role, false, role, sizeof role));
    tell(true, "access", words);
    snprintf(words, sizeof words, "version %" PRId64 ", daemon %s", message_number(answer, FIELD_protocol_version),
             print_value(answer, FIELD_version, false, version, sizeof version));
    tell(true, "protocol", words);
}

static int check_conversation(const struct profile *profile)
{
    struct exchange_options options = profile_options(profile, "referral " REFERRALD_VERSION);
    struct exchange *exchange = NULL;
    enum exchange_result result = exchange_open(&exchange, &options);
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    if (result == EXCHANGE_OK)
        result = exchange_ask(exchange, &hello, tell_welcome, NULL);
    if (result != EXCHANGE_OK)
        tell(false, result == EXCHANGE_VERSION ? "protocol" : "access",
             exchange ? exchange_sentence(exchange) : "out of memory");
    exchange_close(&exchange);
    return exit_code((int)result);
}

static int run_doctor(const struct invocation *invocation)
{
    struct profile profile;

    if (!check_settings(invocation, &profile) || !check_key_files(&profile))
        return EX_CONFIG;
    if (!check_network(&profile))
        return EX_UNAVAILABLE;
    return check_conversation(&profile);
}

/* clang-format off */
static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};

static const struct option_spec submit_options[] = {
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
    {0}};
static const struct option_spec follow_options[] = {
    {0, "once", "N", NULL, NULL, "end after N updates"},
    {0, "reveal", NULL, NULL, NULL, "show the person too (hubs)"}, {0}};
static const struct option_spec cancel_options[] = {
    {0, "reason", "CODE", NULL, NULL, "a code of status_reason: no-longer-needed, 26, entered-in-error ..."},
    {0, "note", "TEXT", NULL, NULL, "mandatory with reason 99"}, {0}};
static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, {0}};

static const struct command commands[] = {
    {"submit",  "[NAME=VALUE...]", "Refers a person; prints the id when it is stored for good.", submit_options, 0, 64, run_submit},
    {"show",    "REFERRAL_ID", "One referral and its history.",                        NULL, 1, 1, look_show},
    {"follow",  "",            "Updates as they come; each is confirmed when it has been written.", follow_options, 0, 0, run_follow},
    {"cancel",  "REFERRAL_ID", "Withdraws a referral that has not ended.",            cancel_options, 1, 1, run_cancel},
    {"list",    "",            "Own referrals, newest first.",                         list_options, 0, 0, look_list},
    {"history", "REFERRAL_ID", "What happened to one referral, newest first.",         NULL, 1, 1, run_history},
    {"explain", "REFERRAL_ID", "Where it stands, why, what it waits for and for how long.", NULL, 1, 1, run_explain},
    {"ping",    "",            "Waits for one answer of the daemon.",                  NULL, 0, 0, run_ping},
    {"doctor",  "",            "Looks stage by stage at what can be wrong with the connection.", NULL, 0, 0, run_doctor},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referral", "Send referrals and follow them.", program_options, commands};

    return options_run(&program, argc, argv);
}
